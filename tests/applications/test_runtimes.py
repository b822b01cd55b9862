# SPDX-License-Identifier: GPL-2.0-only
"""Applications in the languages that the shipped runtimes.xml knows, and what is given with each."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import AIR_CONDITIONER, LIMIT_S, ROOT, wait_until

JAR = ROOT / "build/out/java/air-conditioner.jar"


def order(progress):
    return [(line["event"], (line.get("data") or {}).get("event") or (line.get("data") or {}).get("processing"))
            for line in progress if line["event"] in ("script.event", "processing.answered")]


def test_r3_2_same_script_drives_either_application_by_exchanging_the_list_alone(site):
    """The small air conditioner in C, and the one in Java."""
    if not JAR.exists():
        pytest.skip("there is no javac on this machine: apt-get install default-jdk-headless, then make")
    site.stock()
    bundle = site.folder / "air-conditioner-java.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--program", JAR, "--argument", "--unit",
                    "--argument", site.unit, "--application", ROOT / "apps/air-conditioner-java"], check=True, timeout=LIMIT_S)
    site.center("app", "add", bundle)
    site.start_center()
    site.start_gateway()
    small, result, error = site.run()
    assert result, error

    events = site.configuration / "events.xml"
    events.write_text((AIR_CONDITIONER / "events.xml").read_text().replace('"air-conditioner"', '"air-conditioner-java"'))
    other, result, error = site.run()
    assert result and result["faults"] == 0, error
    assert order(other) == order(small)
    assert "air-conditioner-java" in {line.get("application") for line in other}
    assert "air-conditioner" not in {line.get("application") for line in other}

    def answered(progress, processing):
        return [line["data"]["result"] for line in progress
                if line["event"] == "processing.answered" and line["data"]["processing"] == processing]
    for processing in ("set-temperature", "set-wind-velocity"):
        assert answered(other, processing) == answered(small, processing)
    assert answered(other, "read-temperature")[0]["set"] == 24
    # Not the name of a thread of the machine's that happened to be the last.
    assert ["(air-conditioner-java) ended" in line["text"] for line in other if line["event"] == "process.ended"] == [True]
    assert site.ask("apps") == []


DATA_LOGGER = ROOT / "apps/data-logger"


def start_data_logger(site):
    bundle = site.folder / "data-logger.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--program", DATA_LOGGER / "data_logger.py", "--file",
                    ROOT / "apps/sdk/python/faultline_app.py", "--application", DATA_LOGGER, "--residence", "resident",
                    "--argument", "--unit", "--argument", site.unit], check=True, timeout=LIMIT_S)
    definition = ROOT / "dtd/services/data-logging.dtd"
    shutil.copy(definition, site.configuration / "definitions")
    shutil.copy(DATA_LOGGER / "events.xml", site.configuration)
    site.center("app", "add", bundle)
    site.center("definition", "add", definition)
    site.center("script", "add", DATA_LOGGER / "data-logging.xml")
    site.start_center()
    site.start_gateway()


def give_script(site, body):
    script = site.folder / "data-logging.xml"
    script.write_text(f"<data-logging>{body}</data-logging>\n")
    site.center("script", "add", script)


def batches(site):
    events = site.ask("events", "-n", "1000")
    return [event for event in events if event["name"] == "readings"]


def test_data_logger_reports_in_batches_and_goes_on_after_a_fault(site):
    start_data_logger(site)
    _, result, error = site.run("data-logging")
    assert result, error
    assert site.app("data-logger")["status"] == "a reading each 1 s, 60 at once"

    give_script(site, '<logging seconds="0.05" batch="4"/>')
    assert site.run("data-logging")[1]
    found = wait_until(lambda: len(b := batches(site)) >= 2 and b, "two batches are reported")
    data = found[0]["data"]
    readings = data["readings"]
    assert len(readings) == 4 and readings[0]["time"] < readings[3]["time"]
    assert 20 < readings[0]["celsius"] < 35

    site.center("countermeasure", "set", "signal", "restart")
    pid = site.app("data-logger")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: site.app("data-logger").get("pid") not in (None, pid) and site.app("data-logger")["state"] == "running",
               "it runs again")
    before = len(batches(site))
    wait_until(lambda: len(batches(site)) > before, "it goes on where it was")

    give_script(site, "<no-logging/>")
    assert site.run("data-logging")[1]
    assert site.app("data-logger")["status"] == "nothing is logged"


def test_data_logger_tells_of_a_silent_unit_once(site):
    start_data_logger(site)
    give_script(site, '<logging seconds="0.05" batch="4"/>')
    assert site.run("data-logging")[1]
    wait_until(lambda: batches(site), "a batch is reported")
    site.end("unit")

    def told():
        return [event for event in site.ask("events", "-n", "1000") if event["name"] == "unit-silent"]
    wait_until(told, "it is told")
    assert site.app("data-logger")["state"] == "running" and len(told()) == 1


def test_shell(site):
    shell = ROOT / "apps/sdk/shell"
    bundle = site.folder / "counter.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--program", shell / "counter.sh", "--application",
                    shell, "--residence", "resident"], check=True, timeout=LIMIT_S)
    definition = site.configuration / "definitions/counting.dtd"
    definition.write_text("""<!ELEMENT counting (add+)>
<!ELEMENT add EMPTY>
<!ATTLIST add event CDATA #FIXED "add" number NMTOKEN #REQUIRED number.type CDATA #FIXED "integer"
	number.minimum CDATA #FIXED "0" number.maximum CDATA #FIXED "60">
""")
    script = site.folder / "counting.xml"
    script.write_text('<counting><add number="2"/><add number="40"/><add number="60"/></counting>')
    (site.configuration / "events.xml").write_text(
        '<events><event name="add" application="counter" processing="add"/></events>')
    site.center("app", "add", bundle)
    site.center("definition", "add", definition)
    site.center("script", "add", script)
    site.start_center()
    site.start_gateway()
    progress, result, error = site.run("counting")
    assert result, error
    assert [p["data"]["result"]["sum"] for p in progress if p["event"] == "processing.answered"] == [2, 42, 102]
    wait_until(lambda: "hundred" in [event["name"] for event in site.ask("events")], "its event is there")
    assert json.loads(site.ctl("--json", "apps").stdout)[0]["state"] == "running"
