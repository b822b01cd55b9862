# SPDX-License-Identifier: GPL-2.0-only
"""Applications in the languages that the shipped runtimes.xml knows, and what is given with each."""

import subprocess

import pytest

from conftest import AIR_CONDITIONER, ROOT, SERVICE

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
                    "--argument", site.unit, "--application", ROOT / "apps/air-conditioner-java"], check=True, timeout=30)
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
    assert site.ask("apps") == []
