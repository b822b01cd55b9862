# SPDX-License-Identifier: GPL-2.0-only
"""What runs is shown with its place, and can be ended by hand."""

import os
import signal
import subprocess

import pytest
from gateway_site import AIR_CONDITIONER, BIN, SERVICE, wait_until
from test_countermeasures import OTHER, repair_service


@pytest.fixture
def waiting(site, request):
    """A service in the midst of a long wait."""
    site.stock(residence=getattr(request, "param", "transient"))
    script = site.folder / f"{SERVICE}.xml"
    script.write_text((AIR_CONDITIONER / script.name).read_text().replace("<operation>", '<operation><wait seconds="3600"/>'))
    site.center("script", "add", script)
    site.start_center()
    site.start_gateway()
    site.command = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "run", SERVICE], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "waits" in site.command.stdout.readline(), "it waits")
    return site


@pytest.mark.parametrize("waiting", ["transient", "resident"], indirect=True)
def test_a_run_is_shown_and_stopped(waiting, request):
    site = waiting
    run, = site.ask("runs")
    assert run["service"] == SERVICE and run["state"] == "running" and run["faults"] == 0 and run["seconds"] >= 0
    assert run["line"] == 13 and run["applications"] == ["air-conditioner"] and 0 < run["step"] < run["steps"]
    assert SERVICE in site.ctl("runs").stdout
    assert "is stopped" in site.ctl("stop", SERVICE).stdout
    assert "was stopped" in site.command.communicate(timeout=30)[1] and site.command.returncode == 1
    wait_until(lambda: not site.ask("runs"), "it is over")
    assert "No service" in site.ctl("runs").stdout
    resident = "resident" in request.node.name
    assert (site.app() or {}).get("state") == ("running" if resident else None)
    assert [e for e in site.ask("events", "-k", "script.failed") if "was stopped" in e["text"]]
    assert not site.ask("faults")
    done = site.ctl("stop", SERVICE)
    assert done.returncode == 1 and "faultctl runs" in done.stderr
    site.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")
    assert site.run()[1], "it can be run again"


def test_while_the_application_is_asked(site):
    """What it does is not waited for, and no fault comes of that."""
    site.stock(edit=lambda text: text.replace('name="initialize"', 'name="initialize" timeout="60"'), fault="hang@initialize",
               residence="resident")
    site.start_center()
    site.start_gateway()
    command = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "run", SERVICE], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "-> initialize" in command.stdout.readline(), "it is asked")
    assert site.ask("runs")[0]["event"] == "air-conditioner-initialization.start"
    assert site.ctl("stop", SERVICE).returncode == 0
    assert "was stopped" in command.communicate(timeout=30)[1]
    wait_until(lambda: not site.ask("runs"), "it is over")


@pytest.mark.parametrize("residence", ["resident", "transient"])
def test_a_repair_that_is_stopped_ends_what_waits_for_it(site, residence):
    """One run's end is another one's: the service whose application was to be repaired fails with it."""
    site.add_bundle(name=OTHER, edit=lambda text: text.replace('name="initialize"', 'name="initialize" timeout="60"'),
                    fault="hang@initialize", residence=residence)
    site.stock()
    repair_service(site, OTHER)
    script = site.folder / f"{SERVICE}.xml"
    script.write_text((AIR_CONDITIONER / script.name).read_text().replace("<operation>", '<operation><wait seconds="3600"/>'))
    site.center("script", "add", script)
    site.center("countermeasure", "set", "signal", "run", "--parameter", "service=repair", "--then", "stop")
    site.start_center()
    site.start_gateway()
    command = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "run", SERVICE], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "waits" in command.stdout.readline(), "it waits")
    os.kill(site.app()["pid"], signal.SIGSEGV)
    wait_until(lambda: site.ask("runs")[0].get("event") == "repair.start", "it is repaired")
    assert [run["service"] for run in site.ask("runs")] == ["repair", SERVICE]
    assert site.ctl("stop", "repair").returncode == 0
    assert "the application is stopped, as was decided" in command.communicate(timeout=30)[1]
    wait_until(lambda: not site.ask("runs"), "both are over")
    assert "repair service repair: it was stopped" in site.ask("events", "-k", "restoration.failed")[0]["text"]


def test_words_that_are_off(running):
    assert running.ctl("stop").returncode == 2 and running.ctl("runs", "more").returncode == 2
    assert running.ctl("stop", "no-such").returncode == 1
