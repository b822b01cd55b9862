# SPDX-License-Identifier: GPL-2.0-only
"""A row of a table of the lifecycle: what is done to a site at which moment of it, and then the exact chain of events, what
the center knows, and what is on the gateway's disk."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from gateway_site import BIN, SERVICE, wait_until

RESTORED = ("fault.stored", "fault.decided", "fault.restored")
FAILED = ("fault.stored", "fault.decided", "fault.failed")
CHAIN = {"fault.stored", "fault.decided", "fault.restored", "fault.failed", "application.loop", "restoration.failed",
         "application.downloaded", "center.changed"}


@dataclass
class Row:
    """`center` and `disk` are (kind, action, result, decided_by) of each fault, oldest first. `also` are names of further
    events of the chain. What is not installed yet is by the row itself."""
    name: str
    inject: callable
    chain: tuple
    center: tuple
    state: str = "running"
    entry: tuple = ("signal", "restart")
    options: tuple = ()
    bundle: dict = field(default_factory=lambda: {"residence": "resident"})
    decide_ms: int = 20000
    disk: tuple = None
    proxy: bool = False
    device: str = None
    also: tuple = ()
    installed: bool = True


class Moment:
    """What rows inject."""

    def __init__(self, site):
        self.site = site
        self.proxy = None
        self.disk = None

    # The application.
    def strike(self, signo=signal.SIGSEGV):
        os.kill(self.site.app()["pid"], signo)

    def handled(self, n=1):
        wait_until(lambda: len([f for f in self.site.ask("faults") if f.get("outcome")]) == n, f"{n} are handled")

    def strike_handled(self, n=1, signo=signal.SIGSEGV):
        self.strike(signo)
        self.handled(n)

    def waits(self):
        """The second fault's back-off."""
        self.strike_handled()
        self.strike()
        wait_until(lambda: len(self.site.ask("faults")) == 2 and self.site.ask("faults")[0]["state"] == "decided", "it waits")

    def strike_restored(self):
        """Where nothing can be written down: it runs again all the same."""
        pid = self.site.app()["pid"]
        self.strike()
        wait_until(lambda: self.site.app().get("pid") not in (None, pid) and self.site.app()["state"] == "running",
                   "it runs again although nothing can be written")

    def outcome_kept(self):
        """Where the database has no room: in that which is taken beforehand."""
        wait_until(lambda: b"outcome" in (self.disk / "gateway.db-reserve").read_bytes(), "the outcome is kept")

    # The gateway and the center.
    def kept(self, name):
        """An event that is on the disk, where the next supervisor finds it."""
        wait_until(lambda: self.site.stored("SELECT 1 FROM event WHERE name = ?", name), f"{name} is on the disk")

    def gateway_killed(self):
        time.sleep(0.15)    # outcomes are on disk within 50 ms
        self.site.end("gateway", signal.SIGKILL)
        self.site.start_gateway()

    def center_killed(self):
        self.site.end("center", signal.SIGKILL)

    def center_started(self):
        """At its own address, which the gateway may have behind a proxy."""
        before = self.site.url
        self.site.url = getattr(self.site, "center_url", before)
        self.site.start_center()
        self.site.url = before

    # The network.
    def answer(self, status, body=b"", headers=None, of="/faults"):
        self.proxy.answer = lambda method, path, _: (status, headers or {}, body) if of in path else None

    def stall(self, of):
        """What is asked of that gets no answer, until the connections break when it is healed."""
        self.healed = threading.Event()

        def answer(method, path, _):
            if of in path:
                self.healed.wait(60)
                return "hang up"
        self.proxy.answer = answer

    def asked(self, of):
        wait_until(lambda: [path for _, path, _ in list(self.proxy.seen) if of in path], f"{of} is asked for")

    def heal(self):
        self.proxy.answer = lambda *_: None
        if hasattr(self, "healed"):
            self.healed.set()

    # A run.
    def run_begun(self):
        """By a command line that is not waited for."""
        return subprocess.Popen([BIN / "faultctl", "-s", self.site.folder / "run/control.sock", "run", SERVICE],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def step_under_way(self):
        """A processing that the application stands still in; afterwards the client's end is waited for."""
        pid = self.site.app()["pid"]
        os.kill(pid, signal.SIGSTOP)
        given = len(self.site.ask("events", "-k", "script.event", "-n", 1000))
        client = self.run_begun()
        wait_until(lambda: len(self.site.ask("events", "-k", "script.event", "-n", 1000)) > given, "a step is under way")
        yield pid
        client.wait(60)

    # The disk.
    def fill(self):
        """Unbuffered, so that no block is left."""
        with (self.disk / "filler").open("wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)

    def make_room(self):
        (self.disk / "filler").unlink()


def chain_of(site, row):
    events = site.ask("events", "-n", 1000)
    if row.installed:
        begin = next((n for n, event in enumerate(events, 1) if event["name"] == "script.finished"), len(events))
        events = events[begin:]
    return tuple(event["name"] for event in events if event["name"] in CHAIN or event["name"] in row.also)


def rows_of(faults, by):
    return tuple((f["kind"], f["outcome"]["action"], f["outcome"]["result"], by(f)) for f in reversed(faults))


def on_disk(site):
    """As it is after a flush."""
    time.sleep(0.1)
    assert site.stored("PRAGMA integrity_check") == [("ok",)]
    return tuple(site.stored("SELECT kind, outcome ->> 'action', outcome ->> 'result',"
                             " iif(decided IS NULL, 'center', 'gateway') FROM fault ORDER BY rowid"))


def begin(site, row, proxy_make=None):
    """A site at work, up to the moment of the row; `proxy_make` makes what is to stand before the center."""
    site.center("countermeasure", "set", *row.entry, *row.options)
    site.stock(**row.bundle)
    site.start_center()
    site.decide_ms = row.decide_ms
    moment = Moment(site)
    if proxy_make:
        moment.proxy = proxy_make(site.url)
        site.center_url, site.url = site.url, moment.proxy.url
    site.start_gateway()
    wait_until(lambda: site.ask("status")["policy_version"] == 2, "the list is here")
    if row.installed:
        assert site.run(SERVICE)[1]
    return moment


def check(site, row):
    """What is to be so after it."""
    if row.chain is not None:
        wait_until(lambda: chain_of(site, row) == row.chain or len(chain_of(site, row)) > len(row.chain), "the chain of events")
        assert chain_of(site, row) == row.chain
    assert site.app()["state"] == row.state

    def told():
        known = site.center_faults()
        return len(known) >= len(row.center) and all(f["outcome"] for f in known)
    wait_until(told, "the center knows")
    wait_until(lambda: all(f["reported"] for f in site.ask("faults")), "the gateway knows that")
    assert rows_of(site.center_faults(), lambda f: f["decided_by"]) == row.center
    expected = row.center if row.disk is None else row.disk
    # Where the disk was full, what comes next may wait for a second.
    wait_until(lambda: on_disk(site) == expected, f"on the disk is {expected}", 10)
    assert [p.name for p in (site.state / "applications").iterdir()] == ["air-conditioner"], "nothing half-installed"
    assert site.run(SERVICE)[1], "and the service is served"
