# SPDX-License-Identifier: GPL-2.0-only
"""What faultctl says of itself, and of words that are off."""

import json
import os
import signal
import subprocess

import pytest
from gateway_site import AIR_CONDITIONER, BIN, SERVICE, wait_until


def faultctl(*arguments):
    return subprocess.run([BIN / "faultctl", "-s", "/nonexistent", *map(str, arguments)], text=True, capture_output=True,
                          timeout=30)


@pytest.mark.parametrize("words", [
    ("script", "check"), ("fault", "show"), ("fault", "core"), ("fault", "export", "x"), ("events-list", "set"), ("range", "set", "a"),
    ("events", "-f"), ("logs", "a"), ("run", "a"), ("status",),
])
def test_help_is_there_behind_every_word(words):
    """Without a gateway, and with status 0."""
    done = faultctl(*words, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: faultctl [OPTION]... {words[0]}") and not done.stderr
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())


def test_the_list_of_commands_is_a_table():
    lines = faultctl("--help").stdout.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    columns = {len(line) - len(line[30:].lstrip()) if line.startswith("     ") else line.rfind("  ") + 2 for line in lines
               if not line.rstrip().endswith("]")}
    assert columns == {37}, lines
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("words, off, why", [
    (("events", "-n", "0"), "0", "from 1 to 1000"), (("events", "--number", "1001"), "1001", "from 1 to 1000"),
    (("events", "--since", "soon"), "soon", "90s"), (("faults", "-n", "x"), "x", "from 1 to 1000"),
    (("logs", "a", "-n", "5000"), "5000", "from 1 to 1000"),
])
def test_what_is_off_is_named(words, off, why):
    done = faultctl(*words)
    first, usage, _ = done.stderr.splitlines()
    assert done.returncode == 2 and first.startswith(f"faultctl: {off}: ") and why in first and usage.startswith("Usage:")


def test_json_may_stand_anywhere(running):
    assert running.run()[1]
    one, = json.loads(running.ctl("events", "--json", "-n", 1).stdout)
    assert one["name"] == "application.deleted"
    assert json.loads(running.ctl("run", "--json", SERVICE).stdout.splitlines()[-1])["state"] == "finished"


def test_interrupted_says_that_the_service_goes_on(site):
    site.stock()
    script = site.folder / f"{SERVICE}.xml"
    script.write_text((AIR_CONDITIONER / script.name).read_text().replace("<operation>", '<operation><wait seconds="2"/>'))
    site.center("script", "add", script)
    site.start_center()
    site.start_gateway()
    command = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "run", SERVICE], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: site.ask("status")["runs"] == 1, "it runs")
    wait_until(lambda: "waits" in command.stdout.readline(), "it waits")
    os.kill(command.pid, signal.SIGINT)
    assert "goes on" in command.communicate(timeout=30)[1] and command.returncode == -signal.SIGINT
    wait_until(lambda: [e for e in site.ask("events") if e["name"] == "script.finished"], "it is finished")


def test_check_is_against_the_list_in_force(site):
    site.stock()
    good = (site.configuration / "events.xml").read_text()
    (site.configuration / "events-night.xml").write_text(good.replace('processing="stop"', 'processing="rest"'))
    site.start_center()
    site.start_gateway()
    script = AIR_CONDITIONER / f"{SERVICE}.xml"
    assert site.ask("script", "check", script)["plan"][-1]["processing"] == "stop"
    assert site.ctl("switch", "night").returncode == 0
    assert site.ask("script", "check", script)["plan"][-1]["processing"] == "rest"
    assert site.ask("script", "check", "-c", site.configuration, script)["plan"][-1]["processing"] == "stop"


def test_a_service_without_a_definition(site):
    draft = site.folder / "draft.xml"
    draft.write_text("<draft/>")
    done = faultctl("script", "check", "-c", site.configuration, draft)
    assert done.returncode == 1 and done.stderr.startswith(f"{draft}:1:1: there is no definition of the service \"draft\"")
    assert "draft.dtd" in done.stderr and "--service" in done.stderr
