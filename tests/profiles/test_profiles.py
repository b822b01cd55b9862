# SPDX-License-Identifier: GPL-2.0-only
"""R9 to R12: gateways that are without some of the means, alone and all sorts at one center."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

from conftest import BIN, SERVICE, Site, wait_until

PLAIN = '<profile reliability="no"/>\n'                                                            # R9
SCRIPTLESS = '<profile scripts="no"><application name="air-conditioner"/></profile>\n'               # R12
LEAST = '<profile reliability="no" scripts="no"><application name="air-conditioner"/></profile>\n'   # both


@pytest.fixture
def more(site):
    """Further gateways at the same center; each ends with the test."""
    sites = []

    def make(profile):
        other = Site(Path(tempfile.mkdtemp(prefix="faultline-site-")))
        other.uids = site.uids + 1000 * (len(sites) + 1)
        other.url, other.unit, other.profile = site.url, site.unit, profile
        sites.append(other)
        return other
    yield make
    for other in sites:
        try:
            other.close()
        finally:
            print(f"--- {other.name}\n{other.log('gateway')}")
            shutil.rmtree(other.folder)


def stocked(site, profile="", residence="resident"):
    site.stock(residence=residence)
    site.center("countermeasure", "set", "*", "restart")
    site.start_center()
    site.profile = profile
    return site


def pid(site):
    return (site.app() or {}).get("pid")


def strike(site):
    """Kills the application; the process that it was."""
    old = wait_until(lambda: pid(site), "it runs")
    os.kill(old, signal.SIGKILL)
    return old


def names(site):
    return [event["name"] for event in site.ask("events", "-n", 1000)]


def children(process):
    listed = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "comm="], text=True, capture_output=True).stdout
    return sorted(listed.split())


def test_R9_without_the_highly_reliable_means(site):
    """Download, script and processings as ever; what fails is left ended, and nobody is told."""
    stocked(site, PLAIN)
    process = site.start_gateway()
    lines, result, error = site.run()
    assert result and result["state"] == "finished" and not error
    strike(site)
    wait_until(lambda: site.app()["state"] == "halted", "it is left ended")
    assert "application.failed" in names(site) and "fault.stored" not in names(site)
    assert site.ask("faults") == [] and site.center_faults() == []
    # Smaller: no database, no probes, no list of countermeasures, nobody who keeps what is to be taken over.
    assert not (site.state / "gateway.db").exists() and not (site.state / "countermeasures.json").exists()
    assert site.ask("status")["source"]["name"] == "none"
    assert not [fd for fd in Path(f"/proc/{process.pid}/fd").iterdir() if "bpf" in os.readlink(fd)]
    # A request starts it again: it is ended, not forbidden.
    lines, result, error = site.run()
    assert result and result["state"] == "finished", error


def test_R9_a_script_whose_application_fails(site):
    """The run ends with an error that says why, instead of going on."""
    site.stock(residence="resident", fault="segv@set-wind-velocity")
    site.start_center()
    site.profile = PLAIN
    site.start_gateway()
    lines, result, error = site.run()
    assert result is None and "restores nothing" in error
    assert site.app()["state"] == "halted" and site.center_faults() == []


def test_R10_many_without_them_at_one_center(site, more):
    stocked(site, PLAIN)
    sites = [site, more(PLAIN), more(PLAIN)]
    for one in sites:
        one.start_gateway()
    for one in sites:
        assert one.run()[1]["state"] == "finished"
    strike(sites[1])
    wait_until(lambda: sites[1].app()["state"] == "halted", "it is left ended")
    assert all(pid(one) for one in (sites[0], sites[2])), "the others go on"
    assert site.center_faults() == []


def test_R11_all_sorts_at_one_center(site, more):
    stocked(site)
    sites = {"full": site, "plain": more(PLAIN), "scriptless": more(SCRIPTLESS), "least": more(LEAST)}
    for one in sites.values():
        one.start_gateway()
    for name in ("full", "plain"):
        assert sites[name].run()[1]["state"] == "finished"
    old = {name: strike(one) for name, one in sites.items()}
    for name in ("full", "scriptless"):
        one = sites[name]
        wait_until(lambda one=one, name=name: pid(one) not in (None, old[name]), f"{name}: it is restored")
    for name in ("plain", "least"):
        wait_until(lambda one=sites[name]: one.app()["state"] == "halted", f"{name}: it is left ended")
    told = wait_until(lambda: len(found := site.center_faults()) == 2 and all(f["outcome"] for f in found) and found, "two have told of it")
    assert {f["gateway"] for f in told} == {sites["full"].name, sites["scriptless"].name}
    assert {f["countermeasure"]["action"] for f in told} == {"restart"}


def test_R12_no_scripts(site):
    """The application is fetched and started with the supervisor; its faults are handled as E5 to E7 have it."""
    stocked(site, SCRIPTLESS, residence="transient")
    shutil.rmtree(site.configuration / "definitions")
    (site.configuration / "events.xml").unlink()
    site.start_gateway()
    old = strike(site)
    wait_until(lambda: pid(site) not in (None, old), "it is restored")
    told = wait_until(lambda: [f for f in site.center_faults() if f["outcome"]], "the center knows")
    assert told[0]["outcome"]["result"] == "restored" and told[0]["kind"] == "signal.kill"
    assert site.run()[1] is None and "runs no scripts" in site.run()[2]
    assert site.ask("services") == []
    site.center("countermeasure", "set", "*", "switch", "--parameter", "list=backup", "--then", "stop")
    wait_until(lambda: site.ask("status")["policy_version"] == 3, "the list is there")
    strike(site)
    wait_until(lambda: site.app()["state"] == "halted", "a switch is not possible, so it is stopped")


def request_ended(site, request):
    """How the gateway ended a service that the center has requested."""
    shown = json.loads(site.center("--json", "request", "show", request).stdout)["gateways"][0]
    return shown if shown["state"] not in ("waiting", "taken", "running") else None


def test_R12_a_request_of_the_center_is_refused(site):
    stocked(site, SCRIPTLESS)
    request = site.center("request", SERVICE, "--gateway", site.name).stdout.strip()
    site.start_gateway()
    ended = wait_until(lambda: request_ended(site, request), "it is told")
    assert ended["state"] == "refused" and "runs no scripts" in ended["detail"]


def test_R9_a_request_of_the_center(site):
    """It runs; what a gateway without a database had taken when it was killed is not run again, and the center is told so."""
    stocked(site, PLAIN)
    site.start_gateway()
    request = site.center("request", SERVICE, "--gateway", site.name).stdout.strip()
    assert wait_until(lambda: request_ended(site, request), "it has run")["state"] == "done"
    site.end("gateway", signal.SIGKILL)
    request = site.center("request", SERVICE, "--gateway", site.name).stdout.strip()
    taken = urllib.request.Request(f"{site.url}/v1/gateways/{site.name}/requests/{request}/state", method="PUT", data=b'{"state": "taken"}')
    urllib.request.urlopen(taken, timeout=30).close()
    site.start_gateway()
    ended = wait_until(lambda: request_ended(site, request), "it is told")
    assert ended["state"] == "failed" and "does not know it" in ended["detail"]


def test_R12_the_center_comes_later(site):
    """It is asked for until it is there."""
    site.stock(residence="resident")
    site.start_center()
    site.end("center")
    site.profile = SCRIPTLESS
    site.start_gateway()
    wait_until(lambda: "application.missing" in names(site), "it is told")
    site.start_center()
    wait_until(lambda: pid(site), "it runs", 120)


@pytest.mark.parametrize("profile, says", [
    ('<profile reliability="perhaps"/>', "perhaps"), ('<profile><application name="Up"/></profile>', "application"),
    ('<profile scripts="no"><service name="x"/></profile>', "service"),
])
def test_wrong_profiles(site, profile, says):
    site.url = "http://127.0.0.1:1"
    site.profile = profile
    site.configure()
    done = subprocess.run([BIN / "faultlined", "-t", "-c", site.folder / "gateway.xml"], text=True, capture_output=True)
    assert done.returncode and says in done.stderr
