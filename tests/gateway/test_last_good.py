# SPDX-License-Identifier: GPL-2.0-only
"""A file that is bad by now leaves the one before it in force, also for a supervisor that starts anew; it is told everywhere."""

import signal
import subprocess

import pytest
from gateway_site import AIR_CONDITIONER, BIN, SERVICE, wait_until

GOOD = (AIR_CONDITIONER / "events.xml").read_text()


def services(site, calendar):
    # By one rename: a file that is half written is refused, too.
    beside = site.configuration / "services.new"
    beside.write_text(f'<services>\n<service name="{SERVICE}" calendar="{calendar}"/>\n</services>\n')
    beside.replace(site.configuration / "services.xml")


def events(site, name):
    return [e["text"] for e in site.ask("events", "-k", name)]


def again(site, how):
    """The next supervisor."""
    site.end("gateway", how)
    site.start_gateway()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_start_goes_on_by_what_was_good_last(site, how):
    site.stock()
    services(site, "2190-01-01")
    site.start_center()
    site.start_gateway()
    (site.configuration / "events.xml").write_text("<events>\n<event")
    services(site, "08:61")
    again(site, how)
    assert site.run()[1], "the list before it drives on"
    assert site.ask("services")[0]["calendar"] == "2190-01-01"
    status = site.ask("status")
    assert "events.xml:2:" in status["events_refused"] and "services.xml:2:" in status["services_refused"]
    again(site, how)
    assert site.run()[1], "nor does the next one lose it"
    (site.configuration / "events.xml").write_text(GOOD)
    services(site, "2191-01-01")
    wait_until(lambda: site.ask("services")[0]["calendar"] == "2191-01-01", "the good file was seen")
    assert not {"events_refused", "services_refused"} & set(site.ask("status"))
    assert site.log("gateway").count("events.xml:2:") >= 2


def test_a_new_program_in_the_place_of_this_one_goes_on_too(running):
    site = running
    assert site.ctl("status").returncode == 0
    (site.configuration / "events.xml").write_text("<nothing/>")
    site.processes["gateway"].send_signal(signal.SIGHUP)
    wait_until(lambda: site.log("gateway").count("is ready") == 2, "the next one")
    wait_until(lambda: site.ctl("status").returncode == 0, "it answers")
    assert "events.xml" in site.ask("status")["events_refused"]
    assert site.run()[1]


def test_what_is_refused_is_told(site):
    site.stock()
    services(site, "2190-01-01")
    site.start_center()
    site.start_gateway()
    assert "before it stays" not in site.ctl("status").stdout and not site.ctl("services").stderr
    (site.configuration / "events.xml").write_text("<events>\n<event name='A'/></events>")
    services(site, "noon")
    # No run is needed for it to be seen.
    assert 'events.xml:2: event "A" is not a name' in site.ask("status")["events_refused"]
    wait_until(lambda: "services_refused" in site.ask("status"), "the file was seen")
    shown = site.ctl("status").stdout
    assert "events.xml:2:" in shown and 'services.xml:2: service "air-conditioner-control"' in shown
    assert "stay in force" in site.ctl("services").stderr and "2190-01-01" in site.ctl("services").stdout
    for _ in range(3):
        site.ctl("status")
    assert len(events(site, "events.refused")) == 1 and len(events(site, "services.refused")) == 1


def test_another_list_that_was_chosen_is_kept_as_well(site):
    site.stock()
    night = site.configuration / "events-night.xml"
    night.write_text(GOOD.replace("<events>", '<events><event name="at.night"/>'))
    site.start_center()
    site.start_gateway()
    assert site.ctl("switch", "night").returncode == 0
    night.write_text("<events")
    again(site, signal.SIGTERM)
    assert site.ask("status")["events"] == "night"
    assert "events-night.xml" in site.ask("status")["events_refused"]
    assert "at.night" in {entry["event"] for entry in site.ask("events-list", "show")}
    # That it is bad is told when it is to be chosen.
    assert site.ctl("switch", "default").returncode == 0
    assert site.ctl("switch", "night").returncode == 1


def test_services_that_are_gone_stay_gone(site):
    site.stock()
    services(site, "2190-01-01")
    site.start_center()
    site.start_gateway()
    site.end("gateway")
    (site.configuration / "services.xml").unlink()
    site.start_gateway()
    services(site, "noon")
    site.end("gateway")
    done = subprocess.run([BIN / "faultlined", "-c", site.folder / "gateway.xml"], text=True, capture_output=True,
                          timeout=30)
    assert done.returncode == 1 and "services.xml" in done.stderr


def test_what_was_due_once_keeps_no_gateway_from_starting(site):
    """It was good when it was written; that it can go is told."""
    site.stock()
    services(site, "2021-02-03")
    (site.state / "last-good").mkdir(parents=True)
    (site.state / "last-good/services.xml").write_text((site.configuration / "services.xml").read_text())
    site.start_center()
    site.start_gateway()
    service, = site.ask("services")
    assert service["calendar"] == "2021-02-03" and "next" not in service
    assert "never due again" in site.ask("status")["services_refused"]
    assert site.run()[1]


def test_a_change_while_the_gateway_starts_is_seen(site):
    site.stock()
    services(site, "2190-01-01")
    site.start_center()
    site.configure()
    site.spawn("gateway", BIN / "faultlined", "-v", "-c", site.folder / "gateway.xml")
    # What is opened behind the configuration, and long before the loop runs.
    wait_until((site.folder / "run/control.sock").exists, "it has read its files")
    services(site, "2191-01-01")
    wait_until(lambda: site.ctl("status").returncode == 0, "it answers")
    wait_until(lambda: site.ask("services")[0]["calendar"] == "2191-01-01", "the file was seen")


def test_a_check_is_strict(running):
    (running.configuration / "events.xml").write_text("<nothing/>")
    done = subprocess.run([BIN / "faultlined", "--test", "-c", running.folder / "gateway.xml"], text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 1 and "events.xml" in done.stderr
