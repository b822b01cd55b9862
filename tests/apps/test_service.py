# SPDX-License-Identifier: GPL-2.0-only
"""What is shipped for the air conditioner fits together: script, definition, list of events, application data."""

import io
import os
import shutil
import subprocess
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FAULTLINE_BUILD", "build/out")
DEFINITION = ROOT / "dtd/services/air-conditioner-control.dtd"
FOLDER = ROOT / "apps/air-conditioner"
SCRIPT = FOLDER / "air-conditioner-control.xml"


def script_check(*arguments):
    run = subprocess.run([BUILD / "bin/script-check", *arguments], capture_output=True, text=True, check=True,
                         env=os.environ | {"FAULTLINE_DTD": str(ROOT / "dtd")})
    return run.stdout.splitlines()


def events():
    return [line.split()[1] for line in script_check(DEFINITION, SCRIPT)]


def bundle(output, *arguments):
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", output, "--program", BUILD / "bin/air-conditioner",
                    *arguments], check=True)
    return output.read_bytes()


def unpacked(data):
    plain = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(plain))


def valid(dtd, data):
    return subprocess.run(["xmllint", "--noout", "--dtdvalid", ROOT / "dtd" / dtd, "-"], input=data,
                          check=False).returncode == 0


def test_r4_1_order_of_events():
    assert events()[:7] == [
        "air-conditioner-control.start",            # start of air conditioner control
        "initialization.start",                     # start of initialization
        "air-conditioner-initialization.start",     # start of air conditioner initialization
        "temperature.set",                          # setting of temperature
        "wind-velocity.set",                        # setting of the wind velocity
        "air-conditioner-initialization.end",       # end of air conditioner initialization
        "temperature-initialization.start",         # start of temperature initialization
    ]
    assert events()[-1] == "air-conditioner-control.end"


def test_list_of_events_covers_the_definition():
    data = (FOLDER / "events.xml").read_bytes()
    assert valid("events.dtd", data)
    listed = [event.get("name") for event in ElementTree.fromstring(data)]
    assert sorted(listed) == sorted(script_check(DEFINITION))


def test_application_data_has_the_processings_that_the_list_names(tmp_path):
    data = unpacked(bundle(tmp_path / "b")).extractfile("application.xml").read()
    assert valid("application.dtd", data)
    offered = {processing.get("name") for processing in ElementTree.fromstring(data).iter("processing")}
    for event in ElementTree.parse(FOLDER / "events.xml").getroot():
        if event.get("application"):
            assert event.get("application") == "air-conditioner"
            assert event.get("processing") in offered


def test_r3_2_script_and_definition_name_no_mounting():
    for path in (SCRIPT, DEFINITION):
        text = path.read_text().lower()
        for word in ("modbus", "127.0.0.1", "processing", "set-wind-velocity"):
            assert word not in text


def test_bundle_is_the_same_bytes_and_begins_with_its_data(tmp_path):
    first = bundle(tmp_path / "a")
    assert first == bundle(tmp_path / "b")
    members = unpacked(first).getmembers()
    assert [member.name for member in members] == ["application.xml", "events.xml", "bin", "bin/air-conditioner"]
    assert all((member.uid, member.gid, member.mtime) == (0, 0, 0) for member in members)


def test_bundle_with_other_settings(tmp_path):
    data = bundle(tmp_path / "a", "--version", "1.2", "--residence", "resident", "--argument", "--unit",
                  "--argument", "10.0.0.1:502", "--environment", "A=<&\"' b")
    xml = unpacked(data).extractfile("application.xml").read()
    assert valid("application.dtd", xml)
    root = ElementTree.fromstring(xml)
    assert (root.get("version"), root.get("residence")) == ("1.2", "resident")
    assert [argument.text for argument in root.iter("argument")] == ["--unit", "10.0.0.1:502"]
    assert root.find("environment").attrib == {"name": "A", "value": "<&\"' b"}


def test_bundle_of_an_application_of_ones_own_gets_no_arguments_that_nobody_gave(tmp_path):
    for name in ("counter.sh", "application.xml.in"):
        shutil.copy(ROOT / "apps/sdk/shell" / name, tmp_path)
    output = tmp_path / "own.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--application", tmp_path, "--program", tmp_path / "counter.sh", "--output", output],
                   check=True)
    assert b"<argument>" not in unpacked(output.read_bytes()).extractfile("application.xml").read()
    (tmp_path / "application.xml.in").unlink()
    done = subprocess.run([ROOT / "apps/mkbundle.sh", "--application", tmp_path, "--program", tmp_path / "counter.sh",
                           "--output", output], text=True, capture_output=True)
    assert done.returncode == 2 and "application.xml.in" in done.stderr
