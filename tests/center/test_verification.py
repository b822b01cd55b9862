# SPDX-License-Identifier: GPL-2.0-only
"""Registration verifies: an application is run within its range where it is added, and one that faults is refused."""

import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT

BUILD = Path(os.environ.get("FAULTLINE_BUILD", ROOT / "build/out"))

DEFINITION = """<!ELEMENT pumping (level | flow | mode | note | off)+>
<!ATTLIST pumping event CDATA #FIXED "pumping.start" end-event CDATA #FIXED "pumping.end">
<!ELEMENT level EMPTY>
<!ATTLIST level event CDATA #FIXED "level.set" percent NMTOKEN #REQUIRED percent.type CDATA #FIXED "integer"
	percent.minimum CDATA #FIXED "0" percent.maximum CDATA #FIXED "100">
<!ELEMENT flow EMPTY>
<!ATTLIST flow event CDATA #FIXED "flow.set" litres NMTOKEN "2.5" litres.type CDATA #FIXED "decimal"
	litres.minimum CDATA #FIXED "0.5" litres.maximum CDATA #FIXED "9.5">
<!ELEMENT mode EMPTY>
<!ATTLIST mode event CDATA #FIXED "mode.set" is (eco | strong) #REQUIRED is.type CDATA #FIXED "token">
<!ELEMENT note EMPTY>
<!ATTLIST note event CDATA #FIXED "note.take" text CDATA #IMPLIED text.type CDATA #FIXED "string"
	text.minimum CDATA #FIXED "2" text.maximum CDATA #FIXED "5">
<!ELEMENT off EMPTY>
<!ATTLIST off event CDATA #FIXED "off.switch">
"""
EVENTS = """<events><event name="pumping.start"/><event name="pumping.end" application="pump" processing="stop"/>
<event name="level.set" application="pump" processing="set-level"/>
<event name="flow.set" application="pump" processing="set-flow"/>
<event name="mode.set" application="pump" processing="set-mode"/>
<event name="note.take" application="pump" processing="note"/>
<event name="off.switch" application="{off}" processing="{processing}"/></events>
"""
DATA = """<application name="pump" version="{version}" runtime="shell"><command program="bin/pump"/>
<processing name="set-level" timeout="{timeout}"/><processing name="set-flow"/><processing name="set-mode"/>
<processing name="note"/><processing name="stop"/><processing name="secret"/>{extra}</application>
"""
# ACT has what it does wrong, by what it is asked for.
PUMP = """#!/bin/sh
while IFS= read -r line; do
	id=${line##*\\"id\\":}; id=${id#" "}; id=${id%%[,\\}]*}
	result='{"result": {}'
	case $line in
ACT
	esac
	echo "{\\"jsonrpc\\": \\"2.0\\", \\"id\\": $id, ${result#\\{}}"
done
"""


@pytest.fixture
def pump(center, bundle):
    """Adds a pump that does `act`, with its definition and script at the center."""
    definition = bundle.folder / "pumping.dtd"
    definition.write_text(DEFINITION)
    script = bundle.folder / "pumping.xml"
    script.write_text('<pumping><level percent="50"/><off/></pumping>')
    center.do("definition", "add", definition)
    center.do("script", "add", script)

    def make(act="*) ;;", version="1.0.0", off="pump", processing="stop", timeout=20, extra=""):
        text = DATA.format(version=version, timeout=timeout, extra=extra)
        return bundle.compress(bundle.tar([
            bundle.entry("application.xml", text.encode()),
            bundle.entry("events.xml", EVENTS.format(off=off, processing=processing).encode()),
            bundle.entry("bin", mode=0o755, type=tarfile.DIRTYPE),
            bundle.entry("bin/pump", PUMP.replace("ACT", act).encode(), 0o755)]), f"pump-{version}.tar.zst")
    return make


def verification(center, name="pump"):
    return center.json("app", "show", name)["verifications"][0]


def test_every_processing_is_run_at_the_edges_of_its_range(center, pump):
    assert "pump 1.0.0 added" in center.do("app", "add", pump())
    row, = center.json("app", "list")
    assert row["verified"] == "passed"
    kept = verification(center)
    report = kept["report"]
    asked = [(case["processing"], case["arguments"]) for case in report["cases"]]
    assert asked == [
        ("set-level", {"percent": 0}), ("set-level", {"percent": 100}),
        ("set-flow", {"litres": 0.5}), ("set-flow", {"litres": 9.5}), ("set-flow", {"litres": 2.5}),
        ("set-mode", {"is": "eco"}), ("set-mode", {"is": "strong"}),
        ("note", {"text": "aa"}), ("note", {"text": "aaaaa"}), ("note", {}),
        ("stop", {}), ("stop", {})]
    assert {case["event"] for case in report["cases"]} == {"level.set", "flow.set", "mode.set", "note.take", "off.switch",
                                                            "pumping.end"}
    assert all("answered" in case and case["ms"] >= 0 for case in report["cases"])
    # No script can ask for it: it is not run, and that is told.
    assert report["unknown"] == ["secret"]
    assert [script["service"] for script in report["scripts"]] == ["pumping"]
    assert report["ended"] == 0 and "bundle" in report["events"] and "equipment" not in report
    assert kept["result"] == "passed" and kept["range"] is None and report["isolation"]["seccomp"] in (True, False)
    shown = center.do("app", "show", "pump")
    assert 'set-level {"percent":100}' in shown and "secret" in shown and "passed" in shown


@pytest.mark.parametrize("act, kind, text", [
    ("*set-level*100*) echo 'the valve sticks' >&2; kill -SEGV $$ ;;", "signal.segv", "SIGSEGV"),
    ("*set-mode*strong*) exit 3 ;;", "exit.nonzero", "status 3"),
    ("*stop*) exit 0 ;;", "exit.unexpected", "status 0"),
    ("*note*aaaaa*) kill -ABRT $$ ;;", "signal.abrt", "SIGABRT"),
])
def test_one_that_faults_is_refused(center, pump, act, kind, text):
    done = center.run("app", "add", pump(act))
    assert done.returncode == 1 and not done.stdout
    assert kind in done.stderr and text in done.stderr
    if kind == "signal.segv":
        assert 'set-level {"percent":100}' in done.stderr and "the valve sticks" in done.stderr
    assert center.json("app", "list") == []
    assert not [p for p in (center.data / "artifacts").rglob("*") if p.is_file() and p.name != "lock"]
    report = json.loads(center.run("app", "add", pump(act), "--json").stdout)
    assert report["result"] == "refused" and report["fault"]["kind"] == kind


def test_one_that_does_not_answer_is_refused(center, pump):
    done = center.run("app", "add", pump("*set-level*100*) sleep 600 ;;", timeout=1))
    assert done.returncode == 1 and "hang.deadline" in done.stderr and '"percent":100' in done.stderr
    assert center.json("app", "list") == []


def test_one_that_needs_more_memory_than_its_limit_is_refused(center, pump):
    act = "*set-level*100*) x=$(head -c 90000000 /dev/zero | tr '\\0' a); echo ${#x} >&2 ;;"
    done = center.run("app", "add", pump(act, extra='<resources memory="16"/>'))
    assert done.returncode == 1
    assert any(kind in done.stderr for kind in ("limit.memory", "signal.", "exit.nonzero")), done.stderr


def test_one_that_cannot_start_is_refused(center, bundle, pump):
    data = DATA.format(version="1.0.0", timeout=5, extra="").replace('runtime="shell"', 'runtime="cobol"')
    path = bundle.make(data=data)
    done = center.run("app", "add", path)
    assert done.returncode == 1 and "cobol" in done.stderr


def test_a_list_of_events_that_names_what_it_does_not_have_is_refused(center, pump):
    line = center.refuse("app", "add", pump(processing="fly"))
    assert "fly" in line and "off.switch" in line


def test_so_is_one_for_an_event_that_no_service_here_has(center, pump, bundle):
    other = bundle.folder / "more.xml"
    other.write_text(EVENTS.format(off="pump", processing="stop").replace(
        "</events>", '\n<event name="later.on" application="pump" processing="swim"/></events>'))
    line = center.refuse("app", "add", pump(), "--events", other)
    assert "more.xml:7: event later.on" in line and "swim" in line
    assert center.json("app", "list") == []


def test_one_that_was_asked_nothing_is_not_called_verified(center, pump):
    nothing = center.data / "none.xml"
    nothing.write_text("<events/>")
    told = center.do("app", "add", pump(), "--events", nothing)
    assert "none of its 6 processings was run" in told and "verified:" not in told
    assert center.json("app", "list")[0]["verified"] == "unasked"
    assert "unasked" in center.do("app", "show", "pump")
    assert "12 requests" in center.do("app", "verify", "pump")
    assert center.json("app", "list")[0]["verified"] == "passed"


def test_numbers_are_shown_as_they_were_written(center, bundle, pump):
    definition = bundle.folder / "pumping.dtd"
    definition.write_text(definition.read_text().replace('"0.5"', '"0.05"'))
    center.do("definition", "add", definition)
    center.do("app", "add", pump())
    assert 'set-flow {"litres":0.05}' in center.do("app", "show", "pump")
    assert "0.0500000" not in center.do("app", "show", "pump", "--json")


def test_a_script_that_does_not_fit_is_refused(center, bundle, pump):
    (bundle.folder / "pumping.xml").write_text('<pumping><note/></pumping>')
    center.do("script", "add", bundle.folder / "pumping.xml")
    narrower = bundle.folder / "events.xml"
    narrower.write_text(EVENTS.format(off="pump", processing="stop").replace(
        '<event name="note.take" application="pump" processing="note"/>', ""))
    line = center.refuse("app", "add", pump(), "--events", narrower)
    assert "pumping.xml:1" in line and "note.take" in line


def test_an_escape_is_kept_and_shown(center, pump):
    bad = pump("*) exit 3 ;;")
    assert "not run: no unit in the office" in center.do("app", "add", bad, "--skip-run", "no unit in the office")
    row, = center.json("app", "list")
    assert row["verified"] == "skipped"
    assert "no unit in the office" in center.do("app", "show", "pump")
    assert center.run("app", "add", bad, "--skip-run", "").returncode == 2
    # It may be verified later, and what comes of that is kept beside it.
    assert "exit.nonzero" in center.run("app", "verify", "pump").stderr
    assert [v["result"] for v in center.json("app", "show", "pump")["verifications"]] == ["refused", "skipped"]


def test_no_network_but_loopback(center, pump):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    act = (f"*set-level*) /usr/bin/python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 3)' "
           f"2>/dev/null && exit 9; test $(ls /sys/class/net 2>/dev/null | wc -l) -le 64 || exit 8 ;;")
    center.do("app", "add", pump(act))
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_equipment_is_put_in_and_errors_are_faults_then(center, pump):
    act = """*set-level*) /usr/bin/python3 -c 'import socket; socket.create_connection(("127.0.0.1", 15777), 3)' \
2>/dev/null || result='{"error": {"code": 4, "message": "no unit"}' ;;"""
    done = center.do("app", "add", pump(act))
    assert "2 were answered with an error" in done
    unit = ("/usr/bin/python3 -c \"import socket; s = socket.create_server(('127.0.0.1', 15777));"
            " print('listening', flush=True); [s.accept() for _ in range(99)]\"")
    center.do("app", "verify", "pump", "--equipment", unit)
    report = verification(center)["report"]
    assert report["equipment"] == unit and all("answered" in case for case in report["cases"])
    line = center.refuse("app", "verify", "pump", "--equipment", "echo; sleep 60")
    assert "no unit" in line and "set-level" in line
    assert "ended at once" in center.refuse("app", "verify", "pump", "--equipment", "exit 1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_works_without_root(pump):
    # Not pytest's own folder, which no other user can pass.
    folder = Path(tempfile.mkdtemp(prefix="faultline-user-"))
    try:
        bundle = shutil.copy(pump("*set-level*100*) kill -SEGV $$ ;;"), folder)
        shutil.copy(pump().parent / "pumping.dtd", folder)
        for path in (folder, bundle, folder / "pumping.dtd"):
            os.chown(path, 65534, 65534)

        def run(*arguments):
            return subprocess.run([BUILD / "bin/faultline-center", "--data", folder / "data", *arguments], text=True,
                                  capture_output=True, user=65534, group=65534, extra_groups=[],
                                  env=os.environ | {"FAULTLINE_DTD": str(ROOT / "dtd")})
        if run("definition", "add", folder / "pumping.dtd").returncode == 127:
            pytest.skip("the build is not open to other users")
        done = run("app", "add", bundle)
        if "user namespaces" in done.stderr:
            pytest.skip("no user namespaces for users here")
        assert "signal.segv" in done.stderr and '"percent":100' in done.stderr, done.stderr
    finally:
        shutil.rmtree(folder)


def test_nothing_is_left_behind(center, pump):
    folder = Path(tempfile.mkdtemp(prefix="faultline-trials-"))
    folder.chmod(0o755)     # its user passes through
    done = subprocess.run([BUILD / "bin/faultline-center", "--data", center.data, "app", "add", pump("*stop*) exit 1 ;;")],
                          env=os.environ | {"FAULTLINE_DTD": str(ROOT / "dtd"), "TMPDIR": str(folder)}, text=True,
                          capture_output=True)
    assert done.returncode == 1 and "exit.nonzero" in done.stderr, done.stderr
    left = list(folder.iterdir())
    shutil.rmtree(folder)
    assert left == []


def test_the_examples_pass_with_their_unit(center):
    bundles = sorted((BUILD / "bundles").glob("*.tar.zst"))
    if not bundles:
        pytest.skip("the examples' bundles are not built; make does that")
    for service, folder in (("air-conditioner-control", "air-conditioner"), ("data-logging", "data-logger")):
        center.do("definition", "add", ROOT / f"dtd/services/{service}.dtd")
        center.do("script", "add", ROOT / f"apps/{folder}/{service}.xml")
    for path in bundles:
        # Sanitized programs do not fit an application's limits.
        path = ROOT / "build/out/bundles" / path.name
        center.do("app", "add", path, "--equipment", f"{ROOT}/build/out/bin/aircon-unit --port 15020")
    for row in center.json("app", "list"):
        report = verification(center, row["name"])["report"]
        assert len(report["scripts"]) == 1 and report["unknown"] == [] and len(report["cases"]) >= 5
        assert all("answered" in case for case in report["cases"])
