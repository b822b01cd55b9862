# SPDX-License-Identifier: GPL-2.0-only
"""What an application tells by sd_notify(3), and what follows when it does not."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from conftest import wait_until


def watch(attributes):
    return lambda text: text.replace("\t<resources", f"\t<watch {attributes}/>\n\t<resources")


def events(prober):
    return [event["name"] for event in reversed(prober.site.ask("events", "-n", "200"))]


def kinds(prober):
    return [fault["kind"] for fault in prober.site.ask("faults")]


def test_ready_is_waited_for(prober):
    prober.start("status", data=watch('ready="notify" start="20"'), READY_AFTER_S="0.5")
    progress, result, error = prober.site.run("probing")
    assert result, error
    names = [line["event"] for line in progress]
    assert names.index("application.started") < names.index("application.ready") < names.index("script.interpreted")
    app = prober.site.app("prober")
    assert app["state"] == "running" and app["status"] == "\N{SNOWMAN} at 25\N{DEGREE SIGN} [31m"
    assert app["status"] in prober.site.ctl("apps").stdout


def test_one_that_does_not_get_ready_is_a_fault_and_ends(prober):
    prober.site.center("countermeasure", "set", "start", "restart", "--attempts", 1, "--window", 600)
    prober.start("status", data=watch('ready="notify" start="1"'), READY_AFTER_S="60")
    _, result, error = prober.site.run("probing")
    assert result is None and "prober" in error
    assert kinds(prober) == ["start.failed", "start.failed"]
    assert wait_until(lambda: prober.site.app("prober")["state"] == "loop", "the loop is stated")


def test_one_that_crashes_before_it_is_ready_ends_in_a_stated_state(prober):
    prober.site.center("countermeasure", "set", "exit", "restart", "--attempts", 1, "--window", 600)
    prober.start("status", data=watch('ready="notify" start="20"'), READY_AFTER_S="not a number")
    _, result, error = prober.site.run("probing")
    assert result is None and "prober" in error
    assert kinds(prober) == ["exit.nonzero", "exit.nonzero"]


def test_time_to_start_is_extended(prober):
    prober.start("status", data=watch('ready="notify" start="1"'), EXTEND_S="20", READY_AFTER_S="2")
    assert prober.ask() == {} and kinds(prober) == []


def test_status_outlives_the_supervisor(prober):
    """It is told once: who takes over must not wait to hear it again."""
    prober.start("status", data=watch('ready="notify" start="20"'), READY_AFTER_S="0")
    assert prober.ask() == {}
    before = prober.site.app("prober")
    assert before["status"]
    prober.site.end("gateway", signal.SIGKILL)
    prober.site.start_gateway()
    after = prober.site.app("prober")
    assert (after["pid"], after["status"]) == (before["pid"], before["status"])


def test_missed_heartbeat_is_a_fault_and_the_script_goes_on(prober):
    prober.site.center("countermeasure", "set", "hang.heartbeat", "restart")
    prober.start("hang", data=watch('ready="notify" heartbeat="2000"'), READY_AFTER_S="0")
    progress, result, error = prober.site.run("probing")
    assert result and result["faults"] == 1, error
    assert kinds(prober) == ["hang.heartbeat"]
    fault = prober.site.ask("fault", "show", prober.site.ask("faults")[0]["id"])
    assert fault["state"] == "restored" and fault["data"]["report"]["interval_ms"] == 2000
    assert fault["data"]["script"]["event"] == "probe.ask"
    assert "heartbeat.missed" in [line["event"] for line in progress]
    # It beats, and goes on without a further fault.
    time.sleep(3)
    assert kinds(prober) == ["hang.heartbeat"]


def test_one_that_is_stopped_does_not_hang(prober):
    prober.start("status", data=watch('ready="notify" heartbeat="1500"'), READY_AFTER_S="0")
    prober.ask()
    pid = prober.site.app("prober")["pid"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(4)
    os.kill(pid, signal.SIGCONT)
    time.sleep(2)
    assert kinds(prober) == [] and prober.site.app("prober")["pid"] == pid


@pytest.mark.parametrize("access, expected", [("main", []), ("all", ["hang.heartbeat"])])
def test_who_is_listened_to(prober, access, expected):
    prober.site.center("countermeasure", "set", "hang", "stop")
    prober.start("trigger", data=watch(f'access="{access}"'))
    prober.site.run("probing")
    time.sleep(0.3)
    assert kinds(prober) == expected


def test_what_goes_on_answers_what_it_was_asked(prober):
    """A fault about which nothing is done leaves the process its request: the step is not taken again."""
    prober.site.center("countermeasure", "set", "hang", "none")
    prober.start("trigger", data=watch('access="all"'), ANSWER_AFTER_S="1")
    progress, result, error = prober.site.run("probing")
    assert result and result["faults"] <= 1, error
    assert [line["event"] for line in progress].count("script.event") == 1
    assert wait_until(lambda: [fault["state"] for fault in prober.site.ask("faults")] == ["restored"], "the fault is over")


def test_strangers_and_garbage_are_passed_over(prober):
    prober.start("status", data=watch('ready="notify" heartbeat="5000" access="all"'), READY_AFTER_S="0")
    prober.ask()
    pid = prober.site.app("prober")["pid"]
    environment = dict(entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if entry)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        for data in (b"WATCHDOG=trigger", b"STATUS=mine", b"\n\0=\xff" * 500, b"", b"x" * 60000):
            stranger.sendto(data, environment["NOTIFY_SOCKET"])
    prober.ask()
    app = prober.site.app("prober")
    assert kinds(prober) == [] and app["pid"] == pid and app["status"] != "mine"
    assert os.stat(environment["NOTIFY_SOCKET"]).st_uid == os.stat(f"/proc/{pid}").st_uid
    prober.site.end("gateway")
    assert not os.path.exists(environment["NOTIFY_SOCKET"])


@pytest.mark.parametrize("attributes, says", [
    ('heartbeat="soon"', "heartbeat"), ('start="0"', "start"), ('ready="later"', "ready"), ('pulse="1"', "pulse"),
])
def test_application_data_that_are_wrong(prober, attributes, says):
    with pytest.raises(AssertionError, match=says):
        prober.start("status", data=watch(attributes))
