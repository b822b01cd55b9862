# SPDX-License-Identifier: GPL-2.0-only
"""One table of the lifecycle of a fault: what is done to a site at which moment, and then the exact chain of events,
what the center knows, and what is on the gateway's disk."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field

import pytest

from conftest import SERVICE, wait_until
from test_policy import Proxy

RESTORED = ("fault.stored", "fault.decided", "fault.restored")
FAILED = ("fault.stored", "fault.decided", "fault.failed")
CHAIN = {"fault.stored", "fault.decided", "fault.restored", "fault.failed", "application.loop", "restoration.failed",
         "application.downloaded", "center.changed"}
SMALL_DISK = "4m"


@dataclass
class Row:
    """`center` and `disk` are (kind, action, result, decided_by) of each fault, oldest first."""
    name: str
    inject: callable
    chain: tuple
    center: tuple
    state: str = "running"
    entry: tuple = ("signal", "restart")
    options: tuple = ()
    bundle: dict = field(default_factory=lambda: {"residence": "resident"})
    decide_ms: int = 5000
    disk: tuple = None
    proxy: bool = False
    small_disk: bool = False


class Moment:
    """What rows inject."""

    def __init__(self, site):
        self.site = site
        self.proxy = None

    def strike(self, signo=signal.SIGSEGV):
        os.kill(self.site.app()["pid"], signo)

    def handled(self, n=1):
        wait_until(lambda: len([f for f in self.site.ask("faults") if f.get("outcome")]) == n, f"{n} are handled")

    def strike_handled(self, n=1, signo=signal.SIGSEGV):
        self.strike(signo)
        self.handled(n)

    def gateway_killed(self):
        time.sleep(0.15)    # outcomes are on disk within 50 ms
        self.site.end("gateway", signal.SIGKILL)
        self.site.start_gateway()

    def answer(self, status, body=b"", headers=None):
        self.proxy.answer = lambda method, path, _: (status, headers or {}, body) if "/faults" in path else None

    def heal(self):
        self.proxy.answer = lambda *_: None


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
    m.site.end("center", signal.SIGKILL)
    m.strike_handled()
    m.site.start_center()


def center_dead_all_the_time_and_gateway_killed(m):
    m.site.end("center", signal.SIGKILL)
    m.strike_handled()
    m.gateway_killed()
    m.site.start_center()


def center_stopped_after_the_answer(m):
    m.strike_handled()
    m.site.end("center", signal.SIGKILL)
    time.sleep(0.1)
    m.site.start_center()


def gateway_killed_after(m):
    m.strike_handled()
    m.gateway_killed()


def gateway_killed_in_the_back_off(m):
    m.strike_handled()
    m.strike()
    wait_until(lambda: len(m.site.ask("faults")) == 2 and m.site.ask("faults")[0]["state"] == "decided", "it waits")
    m.gateway_killed()


def gateway_killed_while_it_waits_for_the_center(m):
    m.proxy.answer = lambda method, path, _: "hang" if "/faults" in path else None
    m.strike()
    wait_until(lambda: m.site.ask("faults"), "it is stored")
    m.heal()
    m.gateway_killed()


def gateway_ended_well_in_the_back_off(m):
    m.strike_handled()
    m.strike()
    wait_until(lambda: len(m.site.ask("faults")) == 2 and m.site.ask("faults")[0]["state"] == "decided", "it waits")
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


def heal_once_told(m):
    """The fault first, then again with what was decided without an answer."""
    wait_until(lambda: len(m.proxy.of("POST", "/faults$")) >= 2, "it is told twice")
    wait_until(lambda: m.site.ask("faults")[0]["reported"], "that is answered")
    time.sleep(0.5)
    m.heal()


def answer_is(body):
    def nonsense(m):
        m.answer(200, body)
        m.strike_handled()
        heal_once_told(m)
    return nonsense


def refused_for_good(m):
    m.answer(400)
    m.strike_handled()
    heal_once_told(m)


def slow_center(m):
    def slow(method, path, _):
        if "/faults" in path:
            time.sleep(0.4)
    m.proxy.answer = slow
    m.strike_handled()


def answer_lost(m):
    """The center has it and its answer does not come: reported again, it gets the same answer, and nothing twice."""
    lost = []

    def answer(method, path, body):
        if method == "POST" and not lost:
            lost.append(1)
            import http.client
            host, port = m.site.center_url.removeprefix("http://").split(":")
            connection = http.client.HTTPConnection(host, int(port))
            connection.request(method, path, body, {"Content-Type": "application/json"})
            assert connection.getresponse().status == 200
            return 502, {}, b""
    m.proxy.answer = answer
    m.strike_handled()


def reinstall_while_the_bundle_cannot_be_had(m):
    m.proxy.answer = lambda method, path, _: (503, {}, b"") if "/artifacts/" in path else None
    m.strike_handled()


def reinstall_with_a_bundle_that_was_altered(m):
    m.proxy.answer = lambda method, path, _: (200, {}, b"x" * 5000) if "/artifacts/" in path else None
    m.strike_handled()


def disk_full(m):
    filler = m.site.state / "filler"
    with filler.open("wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 65536)
    pid = m.site.app()["pid"]
    m.strike()
    wait_until(lambda: m.site.app().get("pid") not in (None, pid) and m.site.app()["state"] == "running",
               "it runs again although nothing can be written")
    filler.unlink()
    m.strike()
    wait_until(lambda: m.site.ask("faults") and m.site.ask("faults")[0].get("outcome"), "there is room again")


def old_list_then_new(m):
    m.strike_handled()
    m.site.center("countermeasure", "set", "signal", "stop")
    m.strike_handled(2)


SEGV = ("signal.segv", "restart", "restored", "center")
OWN = ("signal.segv", "restart", "restored", "gateway")
ENDED = ("signal.segv", "restart", "failed", "center")
MAD = b'{"id":"x","countermeasure":{"action":"explode","attempts":1,"window_s":1,"backoff_ms":0,"then":"stop"},"policy_version":1}'
GATEWAY = ("--decide", "gateway")

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
        (("signal.segv", "reinstall", "restored", "center"),), entry=("signal", "reinstall")),
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
        options=("--window", 600, "--backoff", 1500)),
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
    # What is answered with 200 is taken for told: the fault is not told again, its outcome is, and is unknown there.
    *(Row(f"answer is {body[:12]!r}", answer_is(body), RESTORED, (), decide_ms=300, proxy=True,
          disk=(("signal.segv", "restart", "restored", "gateway"),))
      for body in (b"", b"garbage", b"[]", b'{"countermeasure": 7}', MAD)),
    Row("refused for good", refused_for_good, RESTORED, (), decide_ms=300, proxy=True,
        disk=(("signal.segv", "restart", "restored", "gateway"),)),
    Row("reinstall, bundle not to be had", reinstall_while_the_bundle_cannot_be_had,
        ("fault.stored", "fault.decided", "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart"), proxy=True),
    Row("reinstall, bundle altered", reinstall_with_a_bundle_that_was_altered,
        ("fault.stored", "fault.decided", "restoration.failed", "fault.restored"), (SEGV,),
        entry=("signal", "reinstall"), options=("--then", "restart"), proxy=True),
    Row("disk full", disk_full, None, (SEGV,), decide_ms=300, small_disk=True),
]


def chain_of(site):
    started = False
    chain = []
    for event in site.ask("events", "-n", 1000):
        started = started or event["name"] == "script.finished"
        if started and event["name"] in CHAIN:
            chain.append(event["name"])
    return tuple(chain)


def rows_of(faults, by):
    return tuple((f["kind"], f["outcome"]["action"], f["outcome"]["result"], by(f)) for f in reversed(faults))


def on_disk(site):
    """By another reader of the file, as it is after a flush."""
    time.sleep(0.1)
    database = sqlite3.connect(f"file:{site.state}/gateway.db?mode=ro", uri=True)
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return tuple(database.execute("SELECT kind, outcome ->> 'action', outcome ->> 'result',"
                                      " iif(decided IS NULL, 'center', 'gateway') FROM fault ORDER BY rowid"))
    finally:
        database.close()


@pytest.fixture
def small(site):
    """A state folder on a file system of its own that is soon full."""
    site.state.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=711", "tmpfs", str(site.state)],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield
    if "gateway" in site.processes:
        site.end("gateway")
    subprocess.run(["umount", str(site.state)], check=True)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_lifecycle(site, row, request):
    if row.small_disk:
        request.getfixturevalue("small")
    site.center("countermeasure", "set", *row.entry, *row.options)
    site.stock(**row.bundle)
    site.start_center()
    site.decide_ms = row.decide_ms
    moment = Moment(site)
    if row.proxy:
        moment.proxy = Proxy(site.url)
        request.addfinalizer(moment.proxy.close)
        site.center_url, site.url = site.url, moment.proxy.url
    site.start_gateway()
    wait_until(lambda: site.ask("status")["policy_version"] == 2, "the list is here")
    assert site.run(SERVICE)[1]

    row.inject(moment)

    if row.chain is not None:
        wait_until(lambda: chain_of(site) == row.chain or len(chain_of(site)) > len(row.chain), "the chain of events")
        assert chain_of(site) == row.chain
    assert site.app()["state"] == row.state

    def told():
        known = site.center_faults()
        return len(known) >= len(row.center) and all(f["outcome"] for f in known)
    wait_until(told, "the center knows")
    wait_until(lambda: all(f["reported"] for f in site.ask("faults")), "the gateway knows that")
    assert rows_of(site.center_faults(), lambda f: f["decided_by"]) == row.center
    assert on_disk(site) == (row.center if row.disk is None else row.disk)
    assert [p.name for p in (site.state / "applications").iterdir()] == ["air-conditioner"], "nothing half-installed"
    assert site.run(SERVICE)[1], "and the service is served"
