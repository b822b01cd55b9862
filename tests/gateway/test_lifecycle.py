# SPDX-License-Identifier: GPL-2.0-only
"""One table of the lifecycle of a fault: what is done to a site at which moment, and then the exact chain of events,
what the center knows, and what is on the gateway's disk. Rows that need a machine of their own (its clock, its disk's
driver, its power) are in tests/power."""

import contextlib
import http.client
import json
import os
import signal
import time
from pathlib import Path

import pytest

from conftest import BIN, wait_until
from disks import failing, fragile, small  # noqa: F401
from lifecycle import FAILED, RESTORED, Row, begin, check
from test_policy import Proxy


def segv(m):
    m.strike_handled()


def abort(m):
    m.strike_handled(signo=signal.SIGABRT)


def killed(m):
    m.strike_handled(signo=signal.SIGKILL)


def twice(m):
    m.strike_handled()
    m.strike_handled(2)


def four_times(m):
    for n in range(1, 5):
        m.strike_handled(n)


def center_dead_before(m):
    m.center_killed()
    m.strike_handled()
    m.center_started()


def center_dead_all_the_time_and_gateway_killed(m):
    m.center_killed()
    m.strike_handled()
    m.gateway_killed()
    m.center_started()


def center_stopped_after_the_answer(m):
    m.strike_handled()
    m.center_killed()
    time.sleep(0.1)
    m.center_started()


def gateway_killed_after(m):
    m.strike_handled()
    m.gateway_killed()


def gateway_killed_in_the_back_off(m):
    m.waits()
    m.gateway_killed()


def gateway_killed_while_it_waits_for_the_center(m):
    m.proxy.answer = lambda method, path, _: "hang" if "/faults" in path else None
    m.strike()
    wait_until(lambda: m.site.ask("faults"), "it is stored")
    m.heal()
    m.gateway_killed()


def gateway_ended_well_in_the_back_off(m):
    m.waits()
    m.site.end("gateway")
    m.site.start_gateway()


def status_503_for_a_while(m):
    m.answer(503)
    m.strike_handled()
    m.heal()


def status_429_for_a_while(m):
    m.answer(429, headers={"Retry-After": "1"})
    m.strike_handled()
    m.heal()


def status_500_until_the_gateway_was_killed(m):
    m.answer(500)
    m.strike_handled()
    m.gateway_killed()
    m.heal()


def center_hangs(m):
    m.proxy.answer = lambda method, path, _: "hang" if "/faults" in path else None
    m.strike_handled()
    m.heal()


def answer_is(status, body):
    """Something between answers: nothing is told by that, and a person can see it."""
    def nonsense(m):
        m.answer(status, body)
        m.strike_handled()
        wait_until(lambda: len(m.proxy.of("POST", "/faults$")) >= 2, "it is told twice")
        wait_until(lambda: f"status {status} is not a center's" in m.site.ctl("status").stdout, "that is seen")
        status_now = m.site.ask("status")
        assert status_now["untold"] == 1 and not status_now["center"]["reachable"]
        time.sleep(2)
        assert len(m.proxy.of("POST", "/faults$")) < 12, "it is told again after a while, and not all the time"
        m.heal()
    return nonsense


def answer_altered(m):
    """The center has it, and what comes of its answer is no countermeasure."""
    def answer(method, path, body):
        if method == "POST" and "/faults" in path:
            assert center_answers(m, path, body) == 200
            return 200, {}, json.dumps(MAD | {"id": json.loads(body)["id"]}).encode()
    m.proxy.answer = answer
    m.strike_handled()


def refused_for_good(m):
    m.answer(400, b'{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no such day"}')
    m.strike_handled()
    wait_until(lambda: m.site.ask("faults")[0]["reported"], "it is not told again")
    wait_until(lambda: not m.site.ask("status")["untold"], "nor is its outcome")
    m.heal()
    assert "no such day" in m.site.ask("events", "-k", "fault.refused")[0]["text"]


def slow_center(m):
    def slow(method, path, _):
        if "/faults" in path:
            time.sleep(0.4)
    m.proxy.answer = slow
    m.strike_handled()


def center_answers(m, path, body):
    """What goes to the center behind the proxy's back."""
    host, port = m.site.center_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    return connection.getresponse().status


def answer_lost(m):
    """The center has it and its answer does not come: reported again, it gets the same answer, and nothing twice."""
    lost = []

    def answer(method, path, body):
        if method == "POST" and not lost:
            lost.append(1)
            assert center_answers(m, path, body) == 200
            return 502, {}, b""
    m.proxy.answer = answer
    m.strike_handled()


def reinstall_while_the_bundle_cannot_be_had(m):
    m.proxy.answer = lambda method, path, _: (503, {}, b"") if "/artifacts/" in path else None
    m.strike_handled()


def refused(m, path, n=2, status=503):
    """What is asked of `path` is answered with the status for the next so many times."""
    answers = [(status, {}, b"")] * n
    m.proxy.answer = lambda method, asked, _: answers.pop() if path in asked and answers else None


def reinstall_over_a_flaky_uplink(m):
    refused(m, "/v1/applications/")
    m.strike_handled()


def reinstall_of_what_the_center_has_no_more(m):
    refused(m, "/v1/applications/", status=404)
    m.strike_handled()


def reinstall_after_the_restarts_over_a_flaky_uplink(m):
    twice(m)
    refused(m, "/v1/applications/", 1)
    m.strike_handled(3)


def gateway_killed_before_the_next_reinstall(m):
    refused(m, "/v1/applications/")
    m.strike()
    m.kept("restoration.waits")
    m.heal()
    m.gateway_killed()
    m.handled()


def reinstall_with_a_bundle_that_was_altered(m):
    m.proxy.answer = lambda method, path, _: (200, {}, b"x" * 5000) if "/artifacts/" in path else None
    m.strike_handled()


# Rows of a disk: nothing can be written while the application has its fault.
def disk_full(m):
    m.fill()
    m.strike_restored()
    assert not m.site.center_faults(), "nobody is told of what is in memory alone"
    m.make_room()
    wait_until(lambda: m.site.ask("faults"), "there is room again")
    m.strike_handled(2)


def disk_full_and_gateway_killed(m):
    """No record of the kernel's is left either, as after a power cut: what the gateway wrote down is all that there is."""
    m.fill()
    m.strike_restored()
    m.outcome_kept()
    m.site.end("gateway", signal.SIGKILL)
    m.site.clean()
    m.make_room()
    m.site.start_gateway()
    m.handled()
    assert m.site.run()[1]


def disk_full_and_gateway_started_on_it(m):
    m.fill()
    m.strike_restored()
    m.outcome_kept()
    m.site.end("gateway", signal.SIGKILL)
    m.site.clean()
    m.fill()
    m.site.start_gateway()
    assert m.site.run()[1]
    m.strike_restored()
    assert not m.site.center_faults(), "nobody is told of what is not in the database"
    m.make_room()
    m.handled(2)


def old_list_then_new(m):
    m.strike_handled()
    m.site.center("countermeasure", "set", "signal", "stop")
    m.strike_handled(2)


# Being installed: the bundle is on its way.
def installing(m):
    m.stall("/artifacts/")
    client = m.run_begun()
    m.asked("/artifacts/")
    return client


def gateway_killed_while_it_installs(m):
    client = installing(m)
    m.gateway_killed()
    client.wait(60)
    assert not (m.site.state / "applications/air-conditioner").exists(), "nothing half-installed"
    m.heal()


def center_killed_while_it_installs(m):
    client = installing(m)
    m.center_killed()
    m.center_started()
    m.heal()
    client.wait(60)


def connection_breaks_while_it_installs(m):
    client = installing(m)
    m.heal()
    client.wait(60)


def bundle_is_nonsense(m):
    m.answer(200, b"x" * 5000, of="/artifacts/")
    assert m.site.run()[2]
    assert not (m.site.state / "applications/air-conditioner").exists(), "nothing half-installed"
    m.heal()
    assert m.site.run()[1]


def description_is_nonsense(m):
    m.answer(200, b"<application", of="/v1/applications/")
    assert m.site.run()[2]
    m.heal()
    assert m.site.run()[1]


def disk_full_while_it_installs(m):
    m.fill()
    assert m.site.run()[2]
    assert not (m.site.state / "applications/air-conditioner").exists(), "nothing half-installed"
    m.make_room()
    assert m.site.run()[1]


# A step is under way: the application works at a processing.
def application_killed_in_a_step(m):
    with m.step_under_way() as pid:
        os.kill(pid, signal.SIGKILL)


def gateway_killed_in_a_step(m):
    with m.step_under_way() as pid:
        m.gateway_killed()
        os.kill(pid, signal.SIGCONT)


def gateway_and_application_killed_in_a_step(m):
    with m.step_under_way() as pid:
        m.site.end("gateway", signal.SIGKILL)
        os.kill(pid, signal.SIGSEGV)
        os.kill(pid, signal.SIGCONT)
        m.site.start_gateway()


def center_killed_in_a_step(m):
    with m.step_under_way() as pid:
        m.center_killed()
        os.kill(pid, signal.SIGCONT)
    m.center_started()


# The center is asked.
def center_killed_while_it_is_asked(m):
    m.stall("/faults")
    m.strike()
    m.asked("/faults")
    m.center_killed()
    m.heal()
    m.handled()
    m.center_started()


def gateway_and_center_killed_while_it_is_asked(m):
    m.stall("/faults")
    m.strike()
    m.asked("/faults")
    m.center_killed()
    m.heal()
    m.gateway_killed()
    m.handled()
    m.center_started()


def connection_breaks_while_it_is_asked(m):
    m.stall("/faults")
    m.strike()
    m.asked("/faults")
    m.heal()
    m.handled()


# It waits for its turn.
def center_killed_in_the_back_off(m):
    m.waits()
    m.center_killed()
    m.handled(2)
    m.center_started()


def list_changes_in_the_back_off(m):
    m.waits()
    m.site.center("countermeasure", "set", "signal", "stop")
    m.handled(2)


# It is installed anew, as the countermeasure says.
def reinstalling(m):
    m.stall("/artifacts/")
    before = len([path for _, path, _ in list(m.proxy.seen) if "/artifacts/" in path])
    m.strike()
    wait_until(lambda: len([path for _, path, _ in list(m.proxy.seen) if "/artifacts/" in path]) > before, "it is asked for")


def gateway_killed_while_it_reinstalls(m):
    reinstalling(m)
    m.kept("fault.decided")
    m.site.end("gateway", signal.SIGKILL)
    m.heal()
    m.site.start_gateway()
    m.handled()


def center_killed_while_it_reinstalls(m):
    reinstalling(m)
    m.center_killed()
    m.center_started()
    m.heal()
    m.handled()


# The outcome is on its way to the center.
def telling(m):
    """The center is told as soon as it is known; by then the gateway has it itself."""
    m.stall("/outcome")
    m.strike()
    m.asked("/outcome")


def gateway_killed_while_it_tells(m):
    telling(m)
    m.site.end("gateway", signal.SIGKILL)
    m.heal()
    m.site.start_gateway()


def center_killed_while_it_is_told(m):
    telling(m)
    m.center_killed()
    m.heal()
    m.center_started()


def outcome_503_for_a_while(m):
    m.answer(503, of="/outcome")
    m.strike_handled()
    m.asked("/outcome")
    m.heal()


# It is not restored any more.
def gateway_killed_when_halted(m):
    m.strike_handled()
    m.gateway_killed()


def gateway_killed_in_the_loop(m):
    four_times(m)
    m.gateway_killed()


def well_for_long_enough(m):
    four_times(m)
    assert m.site.app()["state"] == "loop"
    assert m.site.run()[1], "who asks for its service has it begin anew"
    wait_until(lambda: not m.site.app()["loop"], "the loop is over")


# Beside the gateway.
def beside(m, name):
    """The program that the gateway has started beside itself."""
    gateway = m.site.processes["gateway"].pid
    for child in Path(f"/proc/{gateway}/task/{gateway}/children").read_text().split():
        if os.readlink(f"/proc/{child}/exe") == str(BIN / name):
            return int(child)
    raise AssertionError(f"there is no {name}")


def keeper_killed(m):
    os.kill(beside(m, "faultline-keeper"), signal.SIGKILL)
    m.strike_handled()


def connection_cut(m):
    m.proxy.answer = lambda *_: "hang up"
    m.strike_handled()
    m.heal()


def center_dead_for_two_and_gateway_killed_twice(m):
    m.center_killed()
    m.strike_handled()
    m.gateway_killed()
    m.strike_handled(2, signal.SIGABRT)
    m.gateway_killed()
    m.center_started()


def killed_again_at_once(m):
    m.strike_handled()
    m.strike_handled(2, signal.SIGKILL)


def io_error(m):
    m.fill()
    m.strike_handled()
    m.make_room()
    m.strike_handled(2)


def disk_read_only(m):
    m.disk.fail()
    m.strike_restored()
    m.disk.mend()
    assert m.site.run()[1]
    m.strike_handled()


SEGV = ("signal.segv", "restart", "restored", "center")
OWN = ("signal.segv", "restart", "restored", "gateway")
ANEW = ("signal.segv", "reinstall", "restored", "center")
ENDED = ("signal.segv", "restart", "failed", "center")
MAD = {"id": "x", "countermeasure": {"action": "explode", "attempts": 1, "window_s": 1, "backoff_ms": 0, "then": "stop"},
       "policy_version": 1}
GATEWAY = ("--decide", "gateway")
WAITS = ("restoration.waits",)
AGAIN = ("restoration.failed", *WAITS)
INSTALLED = ("application.downloaded", "script.finished")
RUN = ("script.finished", "script.failed", "service.resumed")
ALSO = {"also": RUN, "installed": False}
KILL = ("signal.kill", "restart", "restored", "center")
# The time for an answer does not end while things are killed and started.
PATIENT = {"residence": "resident", "edit": lambda text: text.replace('"initialize"/>', '"initialize" timeout="120"/>')}

TABLE = [
    Row("segv", segv, RESTORED, (SEGV,)),
    Row("abort", abort, RESTORED, (("signal.abrt", "restart", "restored", "center"),)),
    Row("kill -9 of the application", killed, RESTORED, (("signal.kill", "restart", "restored", "center"),)),
    Row("twice", twice, RESTORED * 2, (SEGV, SEGV)),
    Row("none", segv, FAILED, (("signal.segv", "none", "failed", "center"),), "halted", ("signal", "none")),
    Row("stop", segv, FAILED, (("signal.segv", "stop", "failed", "center"),), "halted", ("signal", "stop")),
    Row("clean", segv, RESTORED, (("signal.segv", "restart-clean", "restored", "center"),),
        entry=("signal", "restart-clean")),
    Row("crash loop", four_times, RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (SEGV,) * 3 + (("signal.segv", "stop", "failed", "center"),), "loop", options=("--window", 600, "--backoff", 1)),
    Row("reinstall", segv, ("fault.stored", "fault.decided", "application.downloaded", "fault.restored"),
        (ANEW,), entry=("signal", "reinstall")),
    Row("rollback without a version", segv, ("fault.stored", "fault.decided", "restoration.failed", "fault.failed"),
        (("signal.segv", "stop", "failed", "center"),), "halted", ("signal", "rollback")),
    Row("reboot that is not allowed", segv, ("fault.stored", "fault.decided", "restoration.failed", "fault.restored"),
        (SEGV,), entry=("signal", "reboot"), options=("--then", "restart")),
    Row("collect", segv, RESTORED, (SEGV,), entry=("signal", "collect"), options=("--then", "restart")),
    Row("a list that changes", old_list_then_new, RESTORED + FAILED,
        (SEGV, ("signal.segv", "stop", "failed", "center")), "halted"),
    Row("by the list", segv, RESTORED, (OWN,), options=GATEWAY),
    Row("by the list, loop", four_times,
        RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (OWN,) * 3 + (("signal.segv", "stop", "failed", "gateway"),), "loop",
        options=(*GATEWAY, "--window", 600, "--backoff", 1)),
    Row("by the list, center dead", center_dead_before, RESTORED, (OWN,), options=GATEWAY),
    Row("by the list, center dead, gateway killed", center_dead_all_the_time_and_gateway_killed, RESTORED, (OWN,),
        options=GATEWAY),
    Row("by the list, 503", status_503_for_a_while, RESTORED, (OWN,), options=GATEWAY, proxy=True),
    Row("center dead", center_dead_before, RESTORED, (OWN,), decide_ms=300),
    Row("center dead, gateway killed", center_dead_all_the_time_and_gateway_killed, RESTORED, (OWN,), decide_ms=300),
    Row("center killed after its answer", center_stopped_after_the_answer, RESTORED, (SEGV,)),
    Row("gateway killed after the outcome", gateway_killed_after, RESTORED, (SEGV,)),
    Row("gateway killed in the back-off", gateway_killed_in_the_back_off, RESTORED * 2, (SEGV, SEGV),
        options=("--window", 600, "--backoff", 3000)),
    Row("gateway ended in the back-off", gateway_ended_well_in_the_back_off,
        RESTORED + ("fault.stored", "fault.decided"), (SEGV, ENDED), "standby",
        options=("--window", 600, "--backoff", 60000)),
    Row("gateway killed while the center is asked", gateway_killed_while_it_waits_for_the_center, RESTORED,
        (SEGV,), proxy=True),
    Row("503", status_503_for_a_while, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("429", status_429_for_a_while, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("500, gateway killed", status_500_until_the_gateway_was_killed, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("center hangs", center_hangs, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("slow center", slow_center, RESTORED, (SEGV,), proxy=True),
    Row("slow center, too slow", slow_center, RESTORED, (OWN,), decide_ms=100, proxy=True),
    Row("answer lost", answer_lost, RESTORED, (SEGV,), proxy=True),
    # What is not the center's answer tells it nothing: it is told once that is over.
    *(Row(f"answer is {status} {body[:12]!r}", answer_is(status, body), RESTORED, (OWN,), decide_ms=300, proxy=True)
      for status, body in ((200, b""), (200, b"<html>log in"), (200, b"[]"), (200, b'{"countermeasure": 7}'),
                           (200, json.dumps(MAD).encode()), (302, b""), (404, b"<html>no such page"), (407, b'{"status": 500}'))),
    Row("answer altered", answer_altered, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("refused for good", refused_for_good, ("fault.stored", "fault.refused", "fault.decided", "fault.restored", "fault.refused"), (),
        decide_ms=300, proxy=True, disk=(("signal.segv", "restart", "restored", "gateway"),), also=("fault.refused",)),
    Row("reinstall, bundle not to be had", reinstall_while_the_bundle_cannot_be_had,
        ("fault.stored", "fault.decided", *AGAIN, "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart", "--attempts", 2), proxy=True, also=WAITS),
    Row("reinstall, flaky uplink", reinstall_over_a_flaky_uplink,
        ("fault.stored", "fault.decided", *AGAIN * 2, "application.downloaded", "fault.restored"), (ANEW,),
        entry=("signal", "reinstall"), options=("--then", "restart"), proxy=True, also=WAITS),
    Row("reinstall, flaky uplink, tried too seldom", reinstall_over_a_flaky_uplink,
        ("fault.stored", "fault.decided", *AGAIN, "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart", "--attempts", 2), proxy=True, also=WAITS),
    Row("reinstall, not at the center", reinstall_of_what_the_center_has_no_more,
        ("fault.stored", "fault.decided", "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart"), proxy=True, also=WAITS),
    Row("reinstall, gateway killed between the attempts", gateway_killed_before_the_next_reinstall,
        ("fault.stored", "fault.decided", *AGAIN, "fault.resumed", "application.downloaded", "fault.restored"), (ANEW,),
        entry=("signal", "reinstall"), options=("--backoff", 60000), proxy=True, also=(*WAITS, "fault.resumed")),
    Row("restart, then reinstall, flaky uplink", reinstall_after_the_restarts_over_a_flaky_uplink,
        (*RESTORED, "fault.stored", "fault.decided", *WAITS, "fault.restored", "fault.stored", "fault.decided",
         "application.loop", *AGAIN, "application.downloaded", "fault.restored"),
        (SEGV, SEGV, ANEW), options=("--window", 600, "--attempts", 2, "--then", "reinstall"), proxy=True, also=WAITS),
    Row("reinstall, bundle altered", reinstall_with_a_bundle_that_was_altered,
        ("fault.stored", "fault.decided", "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart"), proxy=True),
    Row("disk full", disk_full, None, (OWN, SEGV), decide_ms=1500, device="small"),
    Row("disk full, gateway killed", disk_full_and_gateway_killed, None, (OWN,), decide_ms=1500, device="small"),
    Row("disk full, gateway started on it", disk_full_and_gateway_started_on_it, None, (OWN, OWN), decide_ms=1500, device="small"),
    Row("being installed: gateway killed", gateway_killed_while_it_installs, ("service.resumed", *INSTALLED), (), proxy=True, **ALSO),
    Row("being installed: center killed", center_killed_while_it_installs, INSTALLED, (), proxy=True, **ALSO),
    Row("being installed: connection breaks", connection_breaks_while_it_installs, INSTALLED, (), proxy=True, **ALSO),
    Row("being installed: bundle is nonsense", bundle_is_nonsense, ("script.failed", *INSTALLED),
        (("download.refused", "none", "none", "gateway"),), proxy=True, **ALSO),
    Row("being installed: description is nonsense", description_is_nonsense, ("script.failed", *INSTALLED), (), proxy=True,
        **ALSO),
    Row("being installed: disk full", disk_full_while_it_installs, None, (), device="small", installed=False),
    Row("step under way: application killed", application_killed_in_a_step, (*RESTORED, "script.finished"), (KILL,),
        also=RUN, bundle=PATIENT),
    Row("step under way: gateway killed", gateway_killed_in_a_step, ("service.resumed", "script.finished"), (), also=RUN, bundle=PATIENT),
    Row("step under way: both killed", gateway_and_application_killed_in_a_step,
        ("service.resumed", *RESTORED, "script.finished"), (SEGV,), also=RUN, bundle=PATIENT),
    Row("step under way: center killed", center_killed_in_a_step, ("script.finished",), (), also=RUN, bundle=PATIENT),
    Row("asked: center killed", center_killed_while_it_is_asked, RESTORED, (OWN,), decide_ms=500, proxy=True),
    Row("asked: gateway killed, center dead", gateway_and_center_killed_while_it_is_asked,
        ("fault.stored", "fault.resumed", "fault.decided", "fault.restored"), (OWN,), decide_ms=500, proxy=True,
        also=("fault.resumed",)),
    Row("asked: connection breaks", connection_breaks_while_it_is_asked, RESTORED, (SEGV,), proxy=True),
    Row("back-off: center killed", center_killed_in_the_back_off, RESTORED * 2, (SEGV, SEGV),
        options=("--window", 600, "--backoff", 3000)),
    Row("back-off: the list changes", list_changes_in_the_back_off, RESTORED * 2, (SEGV, SEGV),
        options=("--window", 600, "--backoff", 3000)),
    Row("reinstalling: gateway killed", gateway_killed_while_it_reinstalls,
        ("fault.stored", "fault.decided", "fault.resumed", "application.downloaded", "fault.restored"),
        (ANEW,), entry=("signal", "reinstall"), proxy=True,
        also=("fault.resumed",)),
    Row("reinstalling: center killed", center_killed_while_it_reinstalls,
        ("fault.stored", "fault.decided", "application.downloaded", "fault.restored"),
        (ANEW,), entry=("signal", "reinstall"), proxy=True),
    Row("outcome told: gateway killed", gateway_killed_while_it_tells, RESTORED, (SEGV,), proxy=True),
    Row("outcome told: center killed", center_killed_while_it_is_told, RESTORED, (SEGV,), proxy=True),
    Row("outcome told: 503", outcome_503_for_a_while, RESTORED, (SEGV,), proxy=True),
    Row("halted: gateway killed", gateway_killed_when_halted, FAILED, (("signal.segv", "stop", "failed", "center"),),
        "halted", ("signal", "stop")),
    Row("crash loop: gateway killed", gateway_killed_in_the_loop,
        RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (SEGV,) * 3 + (("signal.segv", "stop", "failed", "center"),), "loop", options=("--window", 600, "--backoff", 1)),
    Row("crash loop: well for long enough", well_for_long_enough,
        RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (SEGV,) * 3 + (("signal.segv", "stop", "failed", "center"),),
        options=("--window", 600, "--backoff", 1, "--healthy", 2)),
    Row("keeper killed", keeper_killed, RESTORED, (SEGV,)),
    Row("connection cut", connection_cut, RESTORED, (OWN,), decide_ms=300, proxy=True),
    Row("center dead for two, gateway killed twice", center_dead_for_two_and_gateway_killed_twice, RESTORED * 2,
        (OWN, ("signal.abrt", "restart", "restored", "gateway")), decide_ms=300),
    Row("killed again at once", killed_again_at_once, RESTORED * 2, (OWN, ("signal.kill", "restart", "restored", "gateway")),
        options=(*GATEWAY, "--backoff", 0)),
    Row("I/O error", io_error, RESTORED * 2, (SEGV, SEGV), device="failing"),
    Row("read-only disk", disk_read_only, None, (SEGV,), decide_ms=1500, device="fragile"),
]

@pytest.fixture
def proxy_make(request):
    def make(url):
        proxy = Proxy(url)
        request.addfinalizer(proxy.close)
        return proxy
    return make


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_lifecycle(site, row, request):
    disk = request.getfixturevalue(row.device) if row.device else None
    moment = begin(site, row, request.getfixturevalue("proxy_make") if row.proxy else None)
    moment.disk = disk
    row.inject(moment)
    check(site, row)
