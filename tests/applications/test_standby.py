# SPDX-License-Identifier: GPL-2.0-only
"""A process that stands by takes the place of one that had a fault; what is exclusive waits for the end of the other."""

import os
import signal

import pytest

from conftest import wait_until

STANDBY = '<restoration standby="yes"/>'


def with_restoration(element):
    return lambda text: text.replace("</application>", f"{element}\n</application>")


def start(prober, probe, element=STANDBY, where="gateway", **environment):
    prober.site.center("countermeasure", "set", "signal", "restart", "--decide", where, "--attempts", 20)
    prober.start(probe, data=with_restoration(element), **environment)
    return prober.site


def standing_by(site):
    return wait_until(lambda: (site.app("prober") or {}).get("standby"), "one stands by")


def names(site, prefix):
    return [e["name"] for e in reversed(site.ask("events", "-n", 500)) if e["name"].startswith(prefix)]


@pytest.mark.parametrize("where", ["gateway", "center"])
def test_takes_the_place(prober, where):
    site = start(prober, "standby", where=where)
    first = prober.ask()
    assert (first["started_as"], first["activations"]) == (None, [])
    spare = standing_by(site)
    os.kill(first["pid"], signal.SIGSEGV)
    wait_until(lambda: [f for f in site.ask("faults") if f.get("outcome")], "it is handled")
    answer = prober.ask()
    assert (answer["started_as"], answer["pid"], answer["activations"]) == ("1", spare, [spare]), "told once"
    assert site.app("prober")["pid"] == spare
    assert standing_by(site) != spare, "the next one stands by"
    assert len(names(site, "application.started")) == 1


def test_spare_that_dies_is_replaced(prober):
    site = start(prober, "log")
    prober.ask()
    first, main = standing_by(site), site.app("prober")["pid"]
    os.kill(first, signal.SIGKILL)
    second = wait_until(lambda: (pid := site.app("prober").get("standby")) and pid != first and pid, "another one")
    assert second != main == site.app("prober")["pid"]
    assert not site.ask("faults"), "no fault of the application"
    assert names(site, "standby") == ["standby.started", "standby.failed", "standby.started"]


def test_ends_with_a_transient_application(prober):
    prober.site.center("countermeasure", "set", "signal", "restart")
    prober.start("log", residence="transient", data=with_restoration(STANDBY))
    site = prober.site
    prober.ask()
    wait_until(lambda: not site.app("prober"), "it is deleted")
    assert "standby.failed" not in names(site, "standby")


def test_is_taken_over_by_the_next_supervisor(prober):
    site = start(prober, "log")
    prober.ask()
    spare, main = standing_by(site), site.app("prober")["pid"]
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    assert (site.app("prober")["pid"], site.app("prober")["standby"]) == (main, spare)
    os.kill(main, signal.SIGSEGV)
    wait_until(lambda: site.app("prober")["pid"] == spare, "it takes the place")
    assert prober.ask() == {}


def test_restart_clean_takes_a_new_process(prober):
    """The one that stands by has its folder of before."""
    site = prober.site
    site.center("countermeasure", "set", "signal", "restart-clean")
    prober.start("log", data=with_restoration(STANDBY))
    prober.ask()
    spare = standing_by(site)
    os.kill(site.app("prober")["pid"], signal.SIGSEGV)
    wait_until(lambda: [f for f in site.ask("faults") if f.get("outcome")], "it is handled")
    assert site.app("prober")["pid"] != spare
    assert "standby.activated" not in names(site, "standby")


@pytest.mark.parametrize("where", ["gateway", "center"])
def test_exclusive_waits_for_the_end(prober, where):
    """While the process is held from ending, nothing takes its place."""
    site = start(prober, "log", '<restoration exclusive="yes"/>', where)
    prober.ask()
    pid = site.app("prober")["pid"]
    os.kill(pid, signal.SIGSEGV)
    wait_until(lambda: [f for f in site.ask("faults") if f.get("outcome")], "it is handled")
    events = [(e["name"], e.get("data", {}).get("pid")) for e in reversed(site.ask("events", "-n", 500))]
    ended = events.index(("process.ended", pid))
    started = max(i for i, e in enumerate(events) if e[0] == "application.started")
    assert ended < started
    assert not os.path.exists(f"/proc/{pid}")


def test_exclusive_and_standby_exclude_each_other(prober):
    with pytest.raises(AssertionError, match="exclusive"):
        prober.start("log", data=with_restoration('<restoration standby="yes" exclusive="yes"/>'))
