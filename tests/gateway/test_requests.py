# SPDX-License-Identifier: GPL-2.0-only
"""Services by request of the center: each runs once, whoever is killed in between, and the center learns what came of it."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request

import pytest
from gateway_site import BIN, wait_until

SERVICE = "hold"
# Says that it has begun, and answers once it may.
PROGRAM = r"""#!/bin/sh
while read -r line; do
	id=$(printf '%s' "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/')
	echo begun >>begun
	while [ ! -e go ]; do
		sleep 0.1
	done
	printf '{"jsonrpc":"2.0","id":%s,"result":{}}\n' "$id"
done
"""
APPLICATION = ('<application name="hold" version="1.0.0" runtime="shell" residence="resident"><command program="bin/hold.sh"/>'
               '<processing name="go" timeout="600"/></application>')
DEFINITION = ('<!ELEMENT hold (go)>\n<!ATTLIST hold event CDATA #FIXED "hold.start">\n'
              '<!ELEMENT go EMPTY>\n<!ATTLIST go event CDATA #FIXED "hold.go">\n')
EVENTS = '<events><event name="hold.start"/><event name="hold.go" application="hold" processing="go"/></events>'


def stock(site):
    """A service whose only processing lasts until release()."""
    source = site.folder / "source"
    (source / "bin").mkdir(parents=True)
    (source / "application.xml").write_text(APPLICATION)
    (source / "bin/hold.sh").write_text(PROGRAM)
    (source / "bin/hold.sh").chmod(0o755)
    bundle = site.folder / "hold-1.0.0.tar.zst"
    subprocess.run(["tar", "-C", source, "--zstd", "-cf", bundle, "application.xml", "bin"], check=True)
    (site.configuration / "events.xml").write_text(EVENTS)
    (site.configuration / "definitions/hold.dtd").write_text(DEFINITION)
    (site.folder / "hold.xml").write_text("<hold><go/></hold>")
    site.center("app", "add", bundle, "--skip-run", "it would wait for ever")
    site.center("definition", "add", site.configuration / "definitions/hold.dtd")
    site.center("script", "add", site.folder / "hold.xml")


@pytest.fixture
def running(site):
    stock(site)
    site.start_center()
    site.start_gateway()
    return site


def file_of(site, name):
    return site.state / "data/hold" / name


def begun(site):
    """How often its processing was requested, as the application itself has it."""
    path = file_of(site, "begun")
    return len(path.read_text().splitlines()) if path.exists() else 0


def release(site):
    """From now on it answers at once."""
    file_of(site, "go").touch()


def ask(site, *arguments, service=SERVICE):
    return site.center("request", service, "--gateway", site.name, *arguments).stdout.strip()


def at(site, request):
    """How far the gateway is, as the center knows it."""
    shown = json.loads(site.center("--json", "request", "show", request).stdout)
    gateway, = shown["gateways"]
    return gateway


def until(site, request, state):
    return wait_until(lambda: (row := at(site, request))["state"] == state and row, f"{request} is {state}: {at(site, request)}")


def events(site, name):
    return [e for e in site.ask("events", "-n", 1000) if e["name"] == name]


def kill(site):
    time.sleep(0.2)     # events are committed within 50 ms
    site.end("gateway", signal.SIGKILL)


@pytest.fixture
def held(running):
    """A request whose run is under way until release()."""
    request = ask(running)
    until(running, request, "running")
    wait_until(lambda: begun(running), "its processing is under way")
    return running, request


@pytest.mark.parametrize("options, shown", [((), False), (("-v",), True)])
def test_children_that_end_are_shown_to_who_asks(running, options, shown):
    """A shell has one for each command: while it waits, many a sleep."""
    def slept():
        return [e for e in events(running, "process.ended") if "(sleep) ended with status 0" in e["text"]]

    client = subprocess.Popen([BIN / "faultctl", "-s", running.folder / "run/control.sock", "run", *options, SERVICE], text=True,
                              stdout=subprocess.PIPE)
    wait_until(lambda: len(slept()) > 2, "some have ended")
    release(running)
    lines = client.communicate(timeout=30)[0].splitlines()
    assert client.returncode == 0 and any("hold.go" in line for line in lines)
    assert any("(sleep) ended with status 0" in line for line in lines) == shown, lines


def test_a_service_runs_when_the_center_asks_for_it(running):
    request = ask(running, "--author", "ada")
    wait_until(lambda: begun(running), "its processing is under way")
    release(running)
    row = until(running, request, "done")
    assert row["taken"] <= row["started"] <= row["ended"] and row["detail"] is None
    assert row["result"]["steps"] == 2 and row["result"]["faults"] == 0, row
    shown, = running.ask("services")
    assert (shown["service"], shown["request"], shown["author"], shown["state"]) == (SERVICE, request, "ada", "done")
    assert "ada" in running.ctl("services").stdout
    assert [len(events(running, f"request.{name}")) for name in ("taken", "running", "done")] == [1, 1, 1]
    # Another one is another run.
    until(running, ask(running), "done")
    assert begun(running) == 2


def test_what_the_gateway_does_not_know_is_refused(running):
    (running.configuration / f"definitions/{SERVICE}.dtd").unlink()
    row = until(running, ask(running), "refused")
    assert "is not known here" in row["detail"] and row["started"] is None
    assert not events(running, "service.requested")


def test_a_run_that_fails_is_told_with_its_reason(running):
    database = running.folder / "center/center.db"
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM verification")
        connection.execute("DELETE FROM application")
    connection.close()
    row = until(running, ask(running), "failed")
    assert "hold" in row["detail"] and "faultline-center" in row["detail"]


def test_killed_while_it_runs(held):
    """The run that was kept goes on, and its outcome is told by the next supervisor."""
    site, request = held
    for _ in range(2):
        kill(site)
        site.start_gateway()
    release(site)
    until(site, request, "done")
    assert begun(site) == 1 and len(events(site, "script.finished")) == 1


def test_killed_before_it_begins(held):
    """Taken, and waiting for a run of the same service: it begins once, after the supervisor's return."""
    site, request = held
    second = ask(site)
    until(site, second, "taken")
    kill(site)
    site.start_gateway()
    assert at(site, second)["state"] == "taken"
    release(site)
    until(site, request, "done")
    until(site, second, "done")
    assert begun(site) == 2 and len(events(site, "request.running")) == 2


def row_add(site, request, state, told):
    """What a supervisor has on its disk that was killed at this moment."""
    with sqlite3.connect(site.state / "gateway.db") as connection:
        connection.execute("INSERT INTO request (id, service, author, not_after, state, time, report, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                           (request, SERVICE, "ada", int(time.time() * 1000) + 600_000, state, 1,
                            json.dumps({"state": state, "taken": "2026-01-31T23:59:58.123Z"}), told))
    connection.close()


def tell(site, request, state):
    asked = urllib.request.Request(f"{site.url}/v1/gateways/{site.name}/requests/{request}/state", method="PUT",
                                   data=json.dumps({"state": state}).encode())
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert json.load(answer)["state"] == state


@pytest.mark.parametrize("state, told, end, runs", [
    ("taken", False, "done", 1),    # kept, and the center was not told
    ("taken", True, "done", 1),     # told, and not begun
    ("running", False, "failed", 0),    # perhaps begun: not a second time
    ("running", True, "failed", 0),
])
def test_killed_at_each_moment(running, state, told, end, runs):
    site = running
    kill(site)
    request = ask(site)
    if told:
        tell(site, request, "taken")
        if state == "running":
            tell(site, request, "running")
    row_add(site, request, state, told)
    site.start_gateway()
    if runs:
        wait_until(lambda: begun(site), "it begins")
        release(site)
    row = until(site, request, end)
    assert begun(site) == runs and len(events(site, "script.finished")) == runs
    assert runs or "not begun again" in row["detail"]
    assert at(site, request)["state"] == end


def test_one_that_was_taken_back_meanwhile_does_not_begin(running):
    site = running
    kill(site)
    request, other = ask(site), ask(site)
    row_add(site, request, "taken", False)
    site.center("request", "cancel", request)
    site.start_gateway()
    wait_until(lambda: begun(site), "the other one begins")
    release(site)
    until(site, other, "done")
    wait_until(lambda: events(site, "request.cancelled"), "the gateway knows")
    assert at(site, request)["state"] == "cancelled" and begun(site) == 1


def test_what_is_kept_was_lost(running):
    """The center believes that the gateway has it: it is told that it is not so."""
    site = running
    site.end("gateway")
    request = ask(site)
    tell(site, request, "taken")
    shutil.rmtree(site.state)
    site.start_gateway()
    assert "does not know it any more" in until(site, request, "failed")["detail"]
    assert not begun(site)


def test_too_late(held):
    site, request = held
    waits = ask(site, "--within", "2s")
    until(site, waits, "taken")
    row = until(site, waits, "expired")
    assert "before it could begin" in row["detail"] and row["started"] is None
    kill(site)
    late = ask(site, "--within", "1s")
    time.sleep(1.1)
    site.start_gateway()
    release(site)
    until(site, request, "done")
    assert at(site, late)["state"] == "expired" and begun(site) == 1


def test_the_center_is_killed_while_it_runs(held):
    site, request = held
    site.end("center", signal.SIGKILL)
    release(site)
    wait_until(lambda: events(site, "request.done"), "it ends without the center")
    site.start_center()
    row = until(site, request, "done")
    assert row["started"] and row["ended"] and begun(site) == 1


def test_two_centers_do_not_run_it_twice(site):
    """Two daemons on one store; the first one dies when the gateway has taken the request."""
    stock(site)
    site.start_center()
    first = site.url
    other = site.spawn("other", BIN / "faultline-center", "--data", site.folder / "center", "serve", "--listen", "127.0.0.1:0",
                       wait_line="listening on ")
    site.more_centers = [other]
    site.start_gateway()
    request = ask(site)
    until(site, request, "running")
    assert site.ask("status")["center"]["url"] == first
    site.end("center", signal.SIGKILL)
    wait_until(lambda: site.ask("status")["center"]["url"] == other, "the other one is asked")
    wait_until(lambda: begun(site), "it is under way")
    release(site)
    until(site, request, "done")
    until(site, ask(site), "done")
    assert begun(site) == 2 and len(events(site, "request.taken")) == 2
