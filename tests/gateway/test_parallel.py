# SPDX-License-Identifier: GPL-2.0-only
"""Parallel branches on the real parts: two applications, which do as the test lets them."""

import json
import signal
import subprocess
import time

import pytest

from conftest import BIN, LIMIT_S, ROOT, wait_until

SERVICE = "shift"
APPLICATIONS = ("left", "right")
PROCESSINGS = ("note", "hold", "crash", "refuse")
DEFINITION = f"""
<!ENTITY % steps "{" | ".join(f"{a}-{p}" for a in APPLICATIONS for p in PROCESSINGS)}">
<!ENTITY % control SYSTEM "control.dtd">
%control;
<!ELEMENT shift (%steps; | %controls;)+>
""" + "".join(f'<!ELEMENT {a}-{p} EMPTY><!ATTLIST {a}-{p} event CDATA #FIXED "{a}.{p}">\n'
              for a in APPLICATIONS for p in PROCESSINGS)
EVENTS = "<events>" + "".join(f'<event name="{a}.{p}" application="{a}" processing="{p}"/>\n'
                              for a in APPLICATIONS for p in PROCESSINGS) + "</events>"

# "hold" answers once there is a file "go" in the application's folder; "crash" fails the first time.
PROGRAM = """#!/usr/bin/python3
import os
import pathlib
import signal
import time

from faultline_app import Application, Failure

app = Application()
os.chdir(os.environ["STATE_DIRECTORY"])
GO, HOLDING, CRASHED = map(pathlib.Path, ("go", "holding", "crashed"))


@app.processing("note")
def note():
    return {}


@app.processing("hold")
def hold():
    with HOLDING.open("a") as file:
        file.write("once more\\n")
    while not GO.exists():
        time.sleep(0.02)
    return {}


@app.processing("crash")
def crash():
    if not CRASHED.exists():
        CRASHED.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return {}


@app.processing("refuse")
def refuse():
    raise Failure("not today")


app.run()
"""
# Seconds that a processing may take.
LIMIT = 100


def application(name, note_limit):
    return (f'<application name="{name}" version="@VERSION@" runtime="python" residence="@RESIDENCE@">\n'
            '<command program="bin/worker.py"/>\n'
            + "".join(f'<processing name="{p}" timeout="{note_limit if p == "note" else LIMIT}"/>\n' for p in PROCESSINGS)
            + '<resources memory="64" files="32" processes="12"/></application>\n')


def add_application(site, name, note_limit=LIMIT):
    folder = site.folder / f"source-{name}"
    folder.mkdir()
    (folder / "application.xml.in").write_text(application(name, note_limit))
    program = folder / "worker.py"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    bundle = site.folder / f"{name}.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--application", folder, "--program", program,
                    "--file", ROOT / "apps/sdk/python/faultline_app.py",
                    "--residence", "resident", "--argument", "none"], check=True, timeout=LIMIT_S)
    site.center("app", "add", "--skip-run", "it misbehaves on purpose", bundle)


def parallel(*branches):
    return "<parallel>" + "".join(f"<branch>{branch}</branch>" for branch in branches) + "</parallel>"


def script_of(site, steps):
    path = site.folder / f"{SERVICE}.xml"
    path.write_text(f"<{SERVICE}>\n{steps}\n</{SERVICE}>\n")
    return path


def stock(site, steps, note_limit=LIMIT):
    definition = site.configuration / f"definitions/{SERVICE}.dtd"
    definition.write_text(DEFINITION)
    (site.configuration / "events.xml").write_text(EVENTS)
    for name in APPLICATIONS:
        add_application(site, name, note_limit)
    site.center("definition", "add", definition)
    script = script_of(site, steps)
    site.center("script", "add", script)
    site.center("countermeasure", "set", "signal.segv", "restart")
    site.start_center()
    site.start_gateway()
    return script


class Run:
    """A run of the service, by a command line beside the test."""

    def __init__(self, site):
        self.site = site
        self.client = subprocess.Popen([BIN / "faultctl", "--json", "-s", site.folder / "run/control.sock", "run", SERVICE],
                                       text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def file(self, name, file):
        return self.site.state / "data" / name / file

    def held(self, name, times=1):
        wait_until(lambda: self.file(name, "holding").exists()
                   and len(self.file(name, "holding").read_text().splitlines()) == times, f"{name} holds")

    def let_go(self, name):
        self.file(name, "go").touch()

    def seen(self, event, branch=None):
        """Is there a step of this event, in this branch?"""
        return [e for e in self.site.ask("events", "-n", 1000) if e["name"] == "script.event" and e["data"]["event"] == event
                and branch in (None, e["data"].get("branch"))]

    def end(self):
        """Progress, and the result or the error."""
        out, error = self.client.communicate(timeout=2 * LIMIT_S)
        lines = [json.loads(line) for line in out.splitlines()]
        return lines, lines.pop() if not self.client.returncode else None, error.strip()


def steps(progress):
    return [(p["data"].get("branch"), p["data"]["event"]) for p in progress if p["event"] == "script.event"]


def place(progress, event, branch, what="script.event"):
    return next(i for i, p in enumerate(progress) if p["event"] == what and p["data"].get("branch") == branch
                and p["data"].get("event", p["data"].get("processing")) == event)


def test_branches_are_at_work_at_the_same_time(site):
    stock(site, parallel("<left-hold/>", "<right-hold/><right-note/>") + "<left-note/>")
    run = Run(site)
    run.held("left")
    run.held("right")
    run.let_go("right")
    wait_until(lambda: run.seen("right.note", "2"), "the second branch goes on")
    assert not run.seen("left.note"), "behind the block is nothing yet"
    run.let_go("left")
    progress, result, error = run.end()
    assert result and result["steps"] == 4 and not result["faults"], error
    assert [p["event"] for p in progress if p["event"] in ("script.parallel", "script.joined")] == [
        "script.parallel", "script.joined"]
    assert steps(progress)[-1] == (None, "left.note")
    texts = [p["text"] for p in progress]
    assert "2 branches begin" in texts and "2 branches have ended" in texts
    assert "branch 2: right.note -> note" in texts


def test_one_application_takes_one_request_at_a_time(site):
    """What has to wait for its turn does so beyond its own time limit, and is no fault."""
    limit_s = 4
    stock(site, parallel('<left-hold/><wait seconds="0.1"/><left-note/>', "<right-hold/><left-note/>"), note_limit=limit_s)
    run = Run(site)
    run.held("left")
    run.held("right")
    run.let_go("right")
    wait_until(lambda: [e for e in site.ask("events", "-n", 1000) if e["name"] == "processing.answered"], "right has answered")
    with pytest.raises(subprocess.TimeoutExpired):
        run.client.wait(limit_s + 0.5)
    assert not run.seen("left.note")
    run.let_go("left")
    progress, result, error = run.end()
    assert result and result["steps"] == 4 and not result["faults"], error
    assert place(progress, "left.hold", "1") < place(progress, "hold", "1", "processing.answered") < place(
        progress, "left.note", "2")
    assert not site.ask("faults")


def test_fault_in_one_branch_concerns_it_alone(site):
    stock(site, parallel("<left-hold/>", "<right-note/><right-crash/><right-note/>"))
    run = Run(site)
    run.held("left")
    wait_until(lambda: len(run.seen("right.note", "2")) == 2, "the second branch is restored and goes on")
    run.let_go("left")
    progress, result, error = run.end()
    assert result and result["faults"] == 1, error
    assert [event for branch, event in steps(progress) if branch == "2"] == [
        "right.note", "right.crash", "right.crash", "right.note"]
    assert [event for branch, event in steps(progress) if branch == "1"] == ["left.hold"]
    fault = site.ask("fault", "show", site.ask("faults")[0]["id"])
    script = fault["data"]["script"]
    assert (script["event"], script["branch"], script["line"]) == ("right.crash", "2", 2)


def test_block_around_the_branches_is_repeated(site):
    """What the other branch had requested is waited for; the rest of that branch is not done."""
    stock(site, '<on-fault do="repeat-block" attempts="1">' + parallel("<left-hold/><left-note/>", "<right-crash/>")
          + "</on-fault>")
    run = Run(site)
    run.held("left")
    wait_until(lambda: [f for f in site.ask("faults") if f["state"] == "restored"], "right is restored")
    assert len(run.seen("left.hold")) == 1
    run.let_go("left")
    progress, result, error = run.end()
    assert result and result["faults"] == 1, error
    assert sorted(event for branch, event in steps(progress) if branch == "1") == ["left.hold", "left.hold", "left.note"]
    assert [event for branch, event in steps(progress) if branch == "2"] == ["right.crash"] * 2
    decided = [p["data"] for p in progress if p["event"] == "script.on-fault"]
    assert [(d["do"], d["branch"], d["event"]) for d in decided] == [("repeat-block", "2", "right.crash")]
    assert len([p for p in progress if p["event"] == "script.joined"]) == 1


def test_failing_branch_ends_the_script(site):
    stock(site, parallel("<left-hold/><left-note/>", "<right-refuse/>") + "<right-note/>")
    progress, result, error = site.run(SERVICE)
    assert result is None and "line 2: right answered refuse with an error: not today" in error
    assert {event for _, event in steps(progress)} <= {"left.hold", "right.refuse"}
    run = Run(site)
    assert "not today" in run.end()[2], "the next run is refused for the same reason and no other"


def test_giving_up_ends_the_other_branches(site):
    stock(site, parallel("<left-hold/><left-note/>", '<on-fault do="give-up"><right-crash/></on-fault>'))
    run = Run(site)
    progress, result, error = run.end()
    assert result is None and "a fault interrupted right.crash, and the script gives up" in error
    assert "left.note" not in [event for _, event in steps(progress)]


def test_branches_go_on_under_the_next_supervisor(site):
    """One has requested something, one waits, one branch within has not come to its turn."""
    stock(site, parallel('<left-hold/><left-note/>', parallel('<right-hold/>', '<wait seconds="1"/><right-note/>'))
          + "<right-note/>")
    run = Run(site)
    run.held("left")
    run.held("right")
    time.sleep(0.2)     # events are committed within 50 ms
    site.end("gateway", signal.SIGKILL)
    run.client.communicate(timeout=LIMIT_S)
    site.start_gateway()
    run.let_go("right")
    wait_until(lambda: run.seen("right.note", "2.2"), "the branch that waited goes on")
    run.let_go("left")
    finished = wait_until(lambda: [e for e in site.ask("events", "-n", 1000) if e["name"] == "script.finished"], "it is finished")
    assert "5 events" in finished[0]["text"] and not site.ask("faults")
    for event, n in (("left.hold", 1), ("right.hold", 1), ("left.note", 1), ("right.note", 2)):
        assert len(run.seen(event)) == n, event


def test_check_shows_the_branches_and_the_worst_case(site):
    script = stock(site, parallel("<left-hold/><left-note/>", '<right-note/><wait seconds="3"/>', "<left-note/>") + "<right-note/>")
    run = Run(site)
    run.held("left")
    run.let_go("left")
    assert run.end()[1]
    result = json.loads(site.ctl("--json", "script", "check", script).stdout)
    # The third branch may have to wait for what the first one requests, and the first one for the third.
    assert result["steps"] == 5 and result["duration_s"] == 4 * LIMIT
    assert [(line.get("depth", 0), line.get("text") or line["event"]) for line in result["plan"]] == [
        (0, "at the same time, 3 branches"), (1, "branch 1"), (2, "left.hold"), (2, "left.note"),
        (1, "branch 2"), (2, "right.note"), (2, "wait 3 s"), (1, "branch 3"), (2, "left.note"), (0, "right.note")]
    assert "at the same time, 3 branches" in site.ctl("run", SERVICE, "--dry-run").stdout


@pytest.mark.parametrize("operation, says", [
    (parallel("<left-note/>"), 'ends too early; still to come: "branch"'),
    (parallel(*["<left-note/>"] * 9), '"branch" is one too many: a parallel block has at most 8 branches'),
    (parallel("<left-note/>", parallel("<left-note/>", parallel("<left-note/>", "<left-note/>"))),
     "at most 2 parallel blocks can be one within the other"),
    ("<branch><left-note/></branch>", '"branch" cannot stand here'),
])
def test_center_refuses_what_is_too_much(site, operation, says):
    definition = site.configuration / f"definitions/{SERVICE}.dtd"
    definition.write_text(DEFINITION)
    for name in APPLICATIONS:
        add_application(site, name)
    site.center("definition", "add", definition)
    done = site.center("script", "add", script_of(site, operation), check=False)
    assert done.returncode and f"{SERVICE}.xml:2:" in done.stderr and says in done.stderr
