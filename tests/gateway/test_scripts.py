# SPDX-License-Identifier: GPL-2.0-only
"""Scripts looked at before they run: faultctl script check, faultctl run --dry-run."""

import json
import re
import subprocess

import pytest

from conftest import AIR_CONDITIONER, BIN, LIMIT_S, SERVICE, wait_until
from test_policy import proxy  # noqa: F401

SCRIPT = (AIR_CONDITIONER / f"{SERVICE}.xml").read_text()
PROCESSINGS = ("initialize", "set-temperature", "set-wind-velocity", "start-temperature-control", "read-temperature",
               "stop")


def faultctl(*arguments):
    """Without a gateway."""
    return subprocess.run([BIN / "faultctl", "-s", "/nonexistent/control.sock", *map(str, arguments)], text=True,
                          capture_output=True, timeout=LIMIT_S)


def check(site, text, *options, name=f"{SERVICE}.xml"):
    path = site.folder / name
    path.write_text(text)
    return faultctl("script", "check", "-c", site.configuration, *options, path, "--json")


@pytest.fixture
def application(site):
    """Application data with a time of its own for each processing."""
    path = site.folder / "application.xml"
    path.write_text('<application name="air-conditioner" version="1.0.0" runtime="native"><command program="a"/>'
                    + "".join(f'<processing name="{name}" timeout="7"/>' for name in PROCESSINGS) + "</application>")
    return path


def test_check_shows_each_step_and_the_worst_case(site, application):
    done = check(site, SCRIPT, "-a", application)
    result = json.loads(done.stdout)
    assert not done.returncode and not done.stderr
    assert result["valid"] and result["steps"] == len(result["plan"]) == 17
    assert result["duration_s"] == 10 * 7 and result["absent"] == []
    assert result["plan"][3] == {
        "line": 6, "event": "temperature.set", "arguments": {"celsius": 24.0},
        "ranges": {"celsius": "a decimal from 16 to 30 (°C)"},
        "application": "air-conditioner", "processing": "set-temperature", "timeout_s": 7}
    shown = faultctl("script", "check", "-c", site.configuration, "-a", application, site.folder / f"{SERVICE}.xml")
    assert re.search(r"^ +6  temperature\.set celsius=24\.0 \(a decimal from 16 to 30 \(°C\)\) -> "
                     r"air-conditioner set-temperature, within 7 s$", shown.stdout, re.M)
    assert shown.stdout.splitlines()[-1] == f"{SERVICE}: valid; at most 17 steps and 70.0 s"


def test_check_without_the_application_says_so(site):
    result = json.loads(check(site, SCRIPT).stdout)
    assert result["duration_s"] is None and result["absent"] == ["air-conditioner"]
    assert "not known without the data of air-conditioner" in faultctl(
        "script", "check", "-c", site.configuration, site.folder / f"{SERVICE}.xml").stdout


@pytest.mark.parametrize("change, place, says", [
    (('"24"', '"99"'), (6, 26), "allowed: a decimal from 16 to 30"),
    (("<wind-velocity", "<wind-speed"), (7, 4), '"wind-speed" cannot stand here'),
    (("</operation>", ""), (19, 27), "not well-formed"),
    (("<operation>", '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><operation>'), None, "well-formed"),
])
def test_check_says_where_and_what(site, change, place, says):
    text = SCRIPT.replace(*change)
    assert text != SCRIPT
    done = check(site, text)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1 and says in error["text"]
    path = site.folder / f"{SERVICE}.xml"
    assert re.match(rf"{re.escape(str(path))}:{error['line']}:{error['column']}: ", error["text"])
    assert place in (None, (error["line"], error["column"]))
    shown = faultctl("script", "check", "-c", site.configuration, path)
    assert shown.returncode == 1 and shown.stdout == "" and shown.stderr.strip() == error["text"]


def test_check_against_the_list_of_events(site, application):
    events = site.configuration / "events.xml"
    good = events.read_text()
    events.write_text(good.replace('<event name="operation.start"/>', ""))
    error = json.loads(check(site, SCRIPT).stdout)["error"]
    assert error["line"] == 13 and "operation.start is not in this gateway's list" in error["text"]
    events.write_text(good.replace('processing="stop"', 'processing="halt"'))
    error = json.loads(check(site, SCRIPT, "-a", application).stdout)["error"]
    assert error["line"] == 19 and "needs processing halt, which air-conditioner does not have" in error["text"]


def test_check_that_is_asked_badly(site, application):
    for arguments, status, says in (
            (["check"], 2, "Usage"), (["chuck", "x"], 2, "Usage"), (["check", "--surprise", "x"], 2, "Usage"),
            (["check", "a", "b"], 2, "Usage"),
            (["check", "-c", site.configuration, site.folder / "no-such.xml"], 1, "no-such.dtd"),
            (["check", "-c", site.configuration, site.folder / "Other.xml"], 1, "--service"),
            (["check", "-s", "../x", site.folder / "Other.xml"], 1, "not the name of a service"),
            (["check", "-s", SERVICE, "-c", site.configuration, site.folder / "none"], 1, "none"),
            (["check", "-a", site.folder / "none.xml", "-c", site.configuration, "x.xml"], 1, "none.xml")):
        done = faultctl("script", *arguments)
        assert done.returncode == status, arguments
        assert says in done.stderr, (arguments, done.stderr)
    draft = site.folder / "draft.xml~"
    draft.write_text(SCRIPT)
    assert not faultctl("script", "check", "-c", site.configuration, "--service", SERVICE, draft).returncode


def test_check_asks_the_gateway_for_what_it_has(site):
    site.stock(residence="resident")
    site.start_center()
    site.start_gateway()
    script = AIR_CONDITIONER / f"{SERVICE}.xml"
    before = json.loads(site.ctl("--json", "script", "check", script).stdout)
    assert before["absent"] == ["air-conditioner"]
    site.run()
    after = json.loads(site.ctl("--json", "script", "check", script).stdout)
    assert after["absent"] == [] and after["duration_s"] == 100
    assert {**before, "absent": [], "duration_s": 100, "plan": after["plan"]} == after


def test_dry_run_shows_the_plan_and_starts_nothing(running):
    done = running.ctl("--json", "run", "--dry-run", SERVICE)
    *steps, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert [s["line"] for s in steps] == list(range(3, 20))
    assert summary == {"service": SERVICE, "steps": 17, "duration_s": None, "absent": ["air-conditioner"], "left_out": 0}
    assert running.ask("apps") == []
    assert not [e for e in running.ask("events") if e["name"] not in ("policy.changed", "gateway.booted", "gateway.started")]
    assert "wind-velocity.set level=3" in running.ctl("run", SERVICE, "--dry-run").stdout
    assert running.run()[1]


def test_dry_run_is_refused_as_the_run_would_be(running):
    events = running.configuration / "events.xml"
    events.write_text(events.read_text().replace('<event name="operation.start"/>', ""))
    done = running.ctl("run", SERVICE, "--dry-run")
    assert done.returncode == 1 and f"{SERVICE}.xml:13:1: event operation.start" in done.stderr
    done = running.ctl("run", "no-such-service", "--dry-run")
    assert done.returncode == 1 and "not known here" in done.stderr
    running.end("center")
    done = running.ctl("run", SERVICE, "--dry-run")
    assert done.returncode == 1 and "is it running" in done.stderr


def test_a_script_by_another_definition_than_the_gateway_has(running):
    """The center took it: what differs is the definition, and that is said."""
    definition = running.configuration / f"definitions/{SERVICE}.dtd"
    definition.write_text(definition.read_text().replace('"30"', '"20"', 1))
    for words in ((SERVICE,), (SERVICE, "--dry-run")):
        done = running.ctl("run", *words)
        assert done.returncode == 1 and f'{SERVICE}.xml:6:26: "temperature": celsius is "24"' in done.stderr
        assert f"is {definition} the definition that the center has?" in done.stderr
    assert [f["kind"] for f in running.ask("faults")] == ["script.refused"], "of the run; a dry run is none"


def test_dry_run_of_a_script_that_is_too_long_to_tell(running):
    definition = running.configuration / "definitions/notes.dtd"
    definition.write_text('''<!ELEMENT notes (note*)><!ELEMENT note EMPTY>
        <!ATTLIST note event CDATA #FIXED "note" text CDATA #REQUIRED text.type CDATA #FIXED "string">''')
    (running.configuration / "events.xml").write_text('<events><event name="note"/></events>')
    running.center("definition", "add", definition)
    script = running.folder / "notes.xml"
    script.write_text("<notes>" + f'<note text="{"x" * 4000}"/>' * 900 + '<note text=""/>' * 900 + "</notes>")
    running.center("script", "add", script)
    *lines, summary = [json.loads(line) for line in
                       running.ctl("--json", "run", "notes", "--dry-run").stdout.splitlines()]
    assert summary["steps"] == 1800 and 100 < len(lines) < 900
    assert len(lines) + summary["left_out"] == 1800
    assert f"and {summary['left_out']} lines more" in running.ctl("run", "notes", "--dry-run").stdout


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_the_end_while_a_script_is_on_its_way(site, proxy, options):
    """Of the supervisor, or of the command line: nothing is left behind (which a leak checker sees)."""
    proxy.answer = lambda method, path, _: "hang" if path.startswith("/v1/scripts/") else None

    def ask():
        n = len(proxy.of("GET", "^/v1/scripts/"))
        client = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "run", *options, SERVICE],
                                  stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(proxy.of("GET", "^/v1/scripts/")) > n, "the script is asked for")
        return client
    client = ask()
    client.kill()
    client.communicate()
    wait_until(lambda: site.ctl("status").returncode == 0, "the supervisor has lost a client only")
    client = ask()
    assert site.end("gateway") == 0
    assert client.communicate(timeout=30)[1] and client.returncode
