# SPDX-License-Identifier: GPL-2.0-only
"""faultctl logs: what an application wrote to its standard error."""

import json
import os
import signal
import subprocess

from conftest import BIN, wait_until

CONTROL = "run/control.sock"


def lines(prober, *arguments):
    done = prober.site.ctl("--json", "logs", "prober", *arguments)
    assert not done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def texts(prober, *arguments):
    return [line["text"] for line in lines(prober, *arguments)]


def test_lines_are_kept_clean_and_over_a_restart(prober):
    prober.start("log")
    prober.ask()
    kept = wait_until(lambda: len(found := lines(prober)) >= 12 and found, "all lines are there")
    assert [line["text"] for line in kept[:5]] == [f"line {n}" for n in range(5)]
    assert "".join(line["text"] for line in kept[5:11]) == "a" * 3000, "a long line is cut, and nothing of it lost"
    assert kept[11]["text"] == "not ? UTF-8 [31m", "nothing that a terminal obeys"
    assert {line["pid"] for line in kept} == {prober.site.app("prober")["pid"]}
    assert kept[0]["time"] <= kept[11]["time"] and kept[0]["time"].endswith("Z")
    assert texts(prober, "-n", 1) == ["not ? UTF-8 [31m"]
    assert len(texts(prober, "-n", 1000)) == 12
    plain = prober.site.ctl("logs", "prober", "-n", 1).stdout
    assert plain.endswith("not ? UTF-8 [31m\n") and "prober[" in plain

    prober.site.end("gateway")
    prober.site.start_gateway()
    assert lines(prober, "-n", 12) == kept
    prober.ask()
    wait_until(lambda: len(texts(prober)) == 24, "the new process adds to it")


def test_log_outlives_the_application_and_its_crash(prober):
    prober.site.center("countermeasure", "set", "exit", "stop")
    prober.start("traceback", residence="transient")
    assert prober.site.run("probing")[1] is None
    assert texts(prober)[-1] == "RuntimeError: as it was told"
    wait_until(lambda: prober.site.app("prober") is None, "it is deleted")
    assert texts(prober)[0].startswith("Traceback")


def test_log_is_bounded(prober):
    prober.start("log", LINES="30000")
    prober.ask()
    wait_until(lambda: "UTF-8" in texts(prober, "-n", 1)[-1], "the last line is there")
    files = list((prober.site.state / "logs").iterdir())
    assert len(files) == 2 and all(f.stat().st_size <= 256 * 1024 for f in files)
    assert sum(f.stat().st_size for f in files) > 256 * 1024
    found = texts(prober, "-n", 1000)
    assert len(found) == 1000 and found[0] == f"line {30000 - 1000 + 7}"


def test_follow(prober):
    prober.start("log")
    prober.ask()
    # The answer may be known before what was written before it.
    wait_until(lambda: texts(prober, "-n", 1)[:1] == ["not ? UTF-8 [31m"], "all of it is kept")
    command = [BIN / "faultctl", "-s", prober.site.folder / CONTROL, "--json", "logs", "prober", "-f", "-n", "2"]
    follower = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    try:
        old = [json.loads(follower.stdout.readline())["text"] for _ in range(2)]
        assert old[1] == "not ? UTF-8 [31m"
        # A process that is replaced changes nothing for who follows.
        pid = prober.site.app("prober")["pid"]
        prober.site.center("countermeasure", "set", "signal", "restart")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: (prober.site.app("prober") or {}).get("pid") not in (None, pid), "it runs again")
        prober.ask()
        new = [json.loads(follower.stdout.readline()) for _ in range(12)]
        assert new[0]["text"] == "line 0" and new[0]["pid"] == prober.site.app("prober")["pid"]
    finally:
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=30)


def test_wrong_words(prober):
    prober.start("log")
    for arguments, status, says in ((["nobody"], 1, "faultctl apps"), (["../../etc/passwd"], 1, "name"), ([], 2, "Usage"),
                                    (["prober", "-n", "0"], 2, "Usage"), (["prober", "other"], 2, "Usage")):
        done = prober.site.ctl("logs", *arguments)
        assert done.returncode == status and says in done.stderr, arguments
    assert prober.site.ctl("logs", "--help").stdout.startswith("Usage: faultctl")


def test_name_of_a_process_is_only_a_name(prober):
    """In events, in the supervisor's log and in fault data."""
    site = prober.site
    prober.start("name")
    prober.ask()
    pid = site.app("prober")["pid"]
    os.kill(pid, signal.SIGSEGV)
    struck = wait_until(lambda: next((e for e in site.ask("events") if e["name"] == "process.fatal"), None), "it is seen")
    assert f"process {pid} (x  [31m? y), sent by process {os.getpid()}; " in struck["text"]
    fault = wait_until(lambda: next((f for f in site.ask("faults") if f.get("outcome")), None), "it is handled")
    data = site.ask("fault", "show", fault["id"])["data"]
    assert data["kernel"]["comm"] == "x??[31m? y" and data["log"][-1] == "straße   2J ?"
    assert texts(prober)[-1] == data["log"][-1]
    log = site.log("gateway")
    assert "(x  [31m? y)" in log and all(line.startswith("faultlined: ") for line in log.splitlines())
    assert "\x1b" not in log and "\x1b" not in site.ctl("fault", "show", fault["id"]).stdout
