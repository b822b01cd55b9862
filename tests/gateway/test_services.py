# SPDX-License-Identifier: GPL-2.0-only
"""Services that the gateway runs by itself: by timetable, and when an event happens."""

import signal
import subprocess
import time

import pytest

from conftest import BIN, SERVICE, wait_until


def write(site, *services):
    lines = "".join(f"\n<service {service}/>" for service in services)
    (site.configuration / "services.xml").write_text(f"<services>{lines}\n</services>\n")


def start(site, *services):
    site.stock()
    write(site, *services)
    site.start_center()
    site.start_gateway()


def events(site, name):
    return [e for e in site.ask("events", "-n", 1000) if e["name"] == name]


def test_runs_by_timetable_and_never_twice_at_once(site):
    start(site, f'name="{SERVICE}" calendar="*:*:*"')
    wait_until(lambda: site.ask("services")[0]["runs"] >= 3, "it has run three times")
    service = site.ask("services")[0]
    assert service["service"] == SERVICE and service["calendar"] == "*:*:*"
    assert service["next"] > service["last"]
    wait_until(lambda: len(events(site, "script.finished")) >= 2, "two are finished")
    assert all("by" in e["data"] for e in events(site, "service.due"))
    assert SERVICE in site.ctl("services").stdout


def test_timetable_of_later(site):
    year = time.gmtime().tm_year + 1
    start(site, f'name="{SERVICE}" calendar="{year}-02-03 04:05 UTC"')
    assert site.ask("services") == [{"service": SERVICE, "calendar": f"{year}-02-03 04:05 UTC", "runs": 0, "skipped": 0,
                                     "next": f"{year}-02-03T04:05:00Z"}]


def test_runs_by_event_and_not_too_often(site):
    start(site, f'name="{SERVICE}" on-event="application.deleted" application="air-conditioner" interval="3600"',
          f'name="{SERVICE}" on-event="application.deleted" application="other"')
    assert site.run()[1]
    wait_until(lambda: site.ask("services")[0].get("outcome") == "finished", "the event has begun a run")
    # Its own end is the same event again.
    wait_until(lambda: site.ask("services")[0]["skipped"] == 1, "the next one comes too soon")
    assert [s["runs"] for s in site.ask("services")] == [1, 0]
    assert len(events(site, "script.finished")) == 2


def test_failure_is_told(site):
    start(site, 'name="no-such-service" calendar="*:*:*"')
    outcome = wait_until(lambda: site.ask("services")[0].get("outcome"), "it was due")
    assert "not known here" in outcome
    assert "ran by itself, failed" in site.log("gateway")


def test_file_is_read_anew(site):
    start(site, f'name="{SERVICE}" calendar="2190-01-01"')
    write(site, f'name="{SERVICE}" calendar="08:61"')
    wait_until(lambda: "stay in force" in site.log("gateway"), "the bad file was seen")
    assert site.ask("services")[0]["calendar"] == "2190-01-01"
    write(site, f'name="{SERVICE}" calendar="2191-01-01"', f'name="{SERVICE}" on-event="temperature-reached"')
    wait_until(lambda: len(site.ask("services")) == 2, "the good file was seen")
    (site.configuration / "services.xml").unlink()
    wait_until(lambda: site.ask("services") == [], "it is gone")
    assert "names none" in site.ctl("services").stdout


def test_what_runs_at_the_start_brings_a_resident_application_back(site):
    site.stock(residence="resident")
    write(site, f'name="{SERVICE}" on-event="gateway.started"')
    site.start_center()
    site.start_gateway()
    ended = lambda: site.ask("services")[0].get("outcome") == "finished"  # noqa: E731
    wait_until(ended, "it ran at the first start")
    site.end("gateway")
    site.start_gateway()
    wait_until(ended, "and again")
    assert site.app()["state"] == "running"
    # One that takes over what runs has nothing to begin.
    pid = site.app()["pid"]
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    assert site.app()["pid"] == pid and site.ask("services")[0]["runs"] == 0
    assert len(events(site, "gateway.started")) == 2


def test_it_is_tried_again_when_the_center_comes_later(site):
    site.stock()
    write(site, f'name="{SERVICE}" on-event="gateway.started"', f'name="no-such-service" on-event="gateway.started"')
    site.start_center()
    site.end("center")
    site.start_gateway()
    outcome = wait_until(lambda: site.ask("services")[0].get("outcome"), "it was due")
    assert "gave no answer" in outcome and outcome.endswith("; it is tried again")
    wait_until(lambda: site.ask("services")[0]["runs"] >= 3, "it is tried again")
    site.start_center()
    wait_until(lambda: site.ask("services")[0]["outcome"] == "finished", "it is finished at last")
    # What fails otherwise is not.
    assert site.ask("services")[1]["runs"] == 1
    assert len(events(site, "script.finished")) == 1


@pytest.mark.parametrize("service, says", [
    ('name="s"', "either calendar or on-event"),
    ('name="s" calendar="daily" on-event="e"', "either calendar or on-event"),
    ('name="S" calendar="daily"', "not the name of a service"),
    ('name="s" calendar="at noon"', '"at" cannot stand there'),
    ('name="s" calendar="2021-02-03"', "never due again"),
    ('name="s" calendar="*-02-30"', "never due again"),
    (f'name="s" calendar="{"1," * 200}"', "over 255 bytes"),
    ('name="s" on-event="A b"', "not the name of an event"),
    ('name="s" calendar="daily" application="a"', "beside on-event"),
    ('name="s" on-event="e" interval="0"', "from 1 to 86400"),
    ('name="s" when="noon"', "when"),
    ('name="s" on-event="e"/>\n<service name="s" on-event="e"' + '/>\n<service name="s" on-event="e"' * 40, "at most 32"),
])
def test_bad_file_is_refused_at_the_start(site, service, says):
    site.url = "http://127.0.0.1:1"
    site.configure()
    write(site, service)
    done = subprocess.run([BIN / "faultlined", "--test", "-c", site.folder / "gateway.xml"], text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert says in done.stderr and "services.xml" in done.stderr
