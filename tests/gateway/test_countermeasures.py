# SPDX-License-Identifier: GPL-2.0-only
"""R6: each action of a countermeasure is really carried out, on real processes; chains of them end."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BIN, wait_until

OTHER = "air-conditioner-b"


def start(site, *countermeasure, kind="signal.segv", **bundle):
    """A resident application at work, and what the center says about its faults."""
    if countermeasure:
        site.center("countermeasure", "set", kind, *countermeasure)
    site.stock(residence="resident", **bundle)
    site.start_center()
    site.start_gateway()
    assert site.run()[1]


def strike(site, signo=signal.SIGSEGV):
    """A fault from outside; its row once it has an outcome."""
    before = len(site.ask("faults"))
    os.kill(site.app()["pid"], signo)

    def handled():
        faults = site.ask("faults")
        return len(faults) > before and faults[0].get("outcome") and faults[0]
    return wait_until(handled, "the fault is handled")


def outcome(fault):
    return fault["outcome"]["action"], fault["outcome"]["result"]


def at_center(site, n=1):
    def known():
        faults = site.center_faults()
        return len(faults) == n and all(f["outcome"] for f in faults) and faults
    return wait_until(known, "the center has the outcome")


def other_implementation(site):
    """A second application with the same processings, and a list of events that leads to it."""
    site.add_bundle(name=OTHER, residence="resident")
    events = (site.configuration / "events.xml").read_text()
    (site.configuration / "events-backup.xml").write_text(
        events.replace('application="air-conditioner"', f'application="{OTHER}"'))


def test_restart_clean_empties_the_state_folder(site):
    start(site, "restart-clean")
    left = site.state / "data/air-conditioner/left"
    left.write_text("x")
    assert outcome(strike(site)) == ("restart-clean", "restored")
    assert not left.exists() and site.app()["state"] == "running"


def test_reinstall_downloads_anew_and_keeps_the_state(site):
    start(site, "reinstall")
    installed = site.state / "applications/air-conditioner"
    program = installed / "bin/air-conditioner"
    good = program.read_bytes()
    program.unlink()        # somebody damaged it: a restart alone would not help
    state = site.state / "data/air-conditioner/kept"
    state.write_text("x")
    assert outcome(strike(site)) == ("reinstall", "restored")
    assert program.read_bytes() == good and state.exists()
    assert site.app()["state"] == "running"
    assert site.run()[1]


def test_reinstall_without_a_center_leaves_what_is_there_and_goes_on(site):
    site.decide_ms = 200
    start(site, "reinstall", "--then", "restart")
    wait_until(lambda: site.ask("status")["policy_version"] == 2, "the list is here")
    site.end("center")
    fault = strike(site)
    assert outcome(fault) == ("restart", "restored")
    assert [e["name"] for e in site.ask("events", "-n", 100)].count("restoration.failed") == 3
    assert site.app()["state"] == "running"


def test_rollback_to_the_version_before(site):
    start(site, "reinstall")
    site.add_bundle(version="2.0.0", residence="resident")
    assert outcome(strike(site)) == ("reinstall", "restored")
    assert site.app()["version"] == "2.0.0"
    assert (site.state / "previous/air-conditioner/application.xml").exists()
    site.center("countermeasure", "set", "signal.segv", "rollback", "--version", "2.0.0", "--application", "air-conditioner")
    fault = strike(site)
    assert outcome(fault) == ("rollback", "restored") and "1.0.0" in fault["outcome"]["detail"]
    assert site.app()["version"] == "1.0.0" and site.app()["state"] == "running"
    assert not (site.state / "previous/air-conditioner").exists()
    assert site.run()[1]


def test_rollback_survives_a_restart_of_the_supervisor(site):
    start(site, "reinstall")
    site.add_bundle(version="2.0.0", residence="resident")
    strike(site)
    site.end("gateway")
    site.start_gateway()
    assert site.run()[1]
    site.center("countermeasure", "set", "signal.segv", "rollback")
    assert outcome(strike(site)) == ("rollback", "restored")
    assert site.app()["version"] == "1.0.0"


def test_power_cut_after_the_version_before_was_kept(site):
    """What is to be done of an installation is done once: the version to go back to is not exchanged for the one before it."""
    start(site, "reinstall")
    site.add_bundle(version="2.0.0", residence="resident")
    strike(site)
    site.end("gateway")
    previous = site.state / "previous/air-conditioner"
    older = site.state / "applications/.cut123"
    shutil.copytree(previous, older)
    data = older / "application.xml"
    data.write_text(data.read_text().replace('version="1.0.0"', 'version="0.9.0"'))
    pending = json.dumps({"version": "2.0.0", "staging": older.name, "before": "1.0.0"})
    with sqlite3.connect(site.state / "gateway.db") as database:
        database.execute("INSERT OR REPLACE INTO setting VALUES ('pending', 'air-conditioner', ?)", [pending])
    database.close()
    site.start_gateway()
    assert 'version="1.0.0"' in (previous / "application.xml").read_text() and not older.exists()
    assert "2.0.0 was cut short" in site.log("gateway")


def test_rollback_without_a_version_before(site):
    start(site, "rollback", "--then", "restart")
    fault = strike(site)
    assert outcome(fault) == ("restart", "restored"), "what follows it is done"
    site.center("countermeasure", "set", "signal.segv", "rollback")
    fault = strike(site)
    assert outcome(fault) == ("stop", "failed")
    failed = [e for e in site.ask("events", "-n", 100) if e["name"] == "restoration.failed"]
    assert "no version of air-conditioner before 1.0.0" in failed[-1]["text"]


def test_switch_the_run_goes_on_with_the_other_implementation(site):
    """The application fails in the midst of its script, for good; the other one finishes it."""
    site.center("countermeasure", "set", "signal.segv", "switch", "--parameter", "list=backup")
    site.stock(fault="segv@set-wind-velocity", residence="resident")
    other_implementation(site)
    site.start_center()
    site.start_gateway()
    progress, result, error = site.run()
    assert result and result["faults"] == 1, error
    asked = [(p["application"], p["data"]["event"]) for p in progress if p["event"] == "script.event"]
    struck = asked.index(("air-conditioner", "wind-velocity.set"))
    assert asked[struck + 1] == (OTHER, "wind-velocity.set"), "the step is repeated, by the other one"
    assert len(asked) == result["steps"] + 1
    assert outcome(site.ask("faults")[0]) == ("switch", "restored")
    assert site.ask("status")["events"] == "backup"
    assert site.app()["state"] == "halted" and site.app(OTHER)["state"] == "running"

    site.end("gateway")
    site.start_gateway()
    assert site.ask("status")["events"] == "backup", "it survives a restart"
    site.center("countermeasure", "set", "signal.segv", "switch", "--parameter", "list=default")
    assert site.run()[1]
    os.kill(site.app(OTHER)["pid"], signal.SIGSEGV)
    wait_until(lambda: site.ask("status")["events"] == "default", "it is switched back")


@pytest.mark.parametrize("text", [None, "<events", "<events><event name='X Y'/></events>"])
def test_switch_to_a_list_that_cannot_be(site, text):
    start(site, "switch", "--parameter", "list=backup", "--then", "restart")
    if text:
        (site.configuration / "events-backup.xml").write_text(text)
    assert outcome(strike(site)) == ("restart", "restored")
    assert site.ask("status")["events"] == "default" and site.run()[1]


def test_switch_to_an_implementation_that_lacks_a_processing(site):
    site.center("countermeasure", "set", "signal.segv", "switch", "--parameter", "list=backup")
    site.stock(fault="segv@set-wind-velocity")
    other_implementation(site)
    events = site.configuration / "events-backup.xml"
    events.write_text(events.read_text().replace('processing="set-wind-velocity"', 'processing="no-such-processing"'))
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert result is None and "no-such-processing" in error
    wait_until(lambda: site.ask("status")["runs"] == 0, "nothing is left over")


def test_signal(site):
    start(site, "signal", "--parameter", "signal=USR1", kind="application.restless")
    start_pid = site.app()["pid"]
    # The application has no handler: the signal ends it, which is a fault of its own.
    site.center("countermeasure", "set", "signal.usr1", "restart")
    site.center("countermeasure", "set", "signal.segv", "signal", "--parameter", "signal=HUP", "--then", "restart")
    fault = strike(site)
    assert outcome(fault) == ("restart", "restored"), "a dead process cannot be signalled: what follows is done"
    assert site.app()["pid"] != start_pid


def test_deadlock_seen_by_the_kernel_is_restarted(site):
    """Threads that wait for each other, long before the processing's own time is over: the service is finished."""
    site.center("countermeasure", "set", "hang.deadlock", "restart")
    site.stock(fault="hang@set-wind-velocity", residence="resident", edit=lambda text: re.sub(
        r"\n\t<resources", '\n\t<watch deadlock="1000"/>\n\t<resources', text.replace(
            'name="set-wind-velocity"', 'name="set-wind-velocity" timeout="600"')))
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert result and result["faults"] == 1, error
    assert [(f["kind"], outcome(f)) for f in site.ask("faults")] == [("hang.deadlock", ("restart", "restored"))]
    # It waits for the next run now, with no work due: that is no deadlock.
    assert site.run()[1]["faults"] == 0


def test_signal_reaches_a_process_that_lives(site):
    """A processing that does not answer in time: the process gets its signal, and the step its repetition."""
    site.center("countermeasure", "set", "hang.deadline", "signal", "--parameter", "signal=KILL")
    site.center("countermeasure", "set", "signal.kill", "restart")
    site.stock(fault="hang@set-wind-velocity", residence="resident", edit=lambda text: text.replace(
        'name="set-wind-velocity"', 'name="set-wind-velocity" timeout="1"'))
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert result and result["faults"] == 2, error
    assert [(f["kind"], outcome(f)) for f in site.ask("faults")] == [
        ("signal.kill", ("restart", "restored")), ("hang.deadline", ("signal", "restored"))]


def test_limits_are_in_force_after_the_restart_and_after_the_next(site):
    start(site, "limits", "--parameter", "memory=96", "--parameter", "files=77")

    def limits():
        text = Path(f"/proc/{site.app()['pid']}/limits").read_text()
        data, files, processes = (int(re.search(rf"^{name} +(\d+)", text, re.M)[1])
                                  for name in ("Max data size", "Max open files", "Max processes"))
        return data >> 20, files, processes
    assert limits() == (64, 32, 8)
    assert outcome(strike(site)) == ("limits", "restored")
    assert limits() == (96, 77, 8)
    site.end("gateway")
    site.start_gateway()
    site.run()
    assert limits() == (96, 77, 8)


def repair_service(site, application):
    (site.configuration / "definitions/repair.dtd").write_text(
        '<!ELEMENT repair EMPTY><!ATTLIST repair event CDATA #FIXED "repair.start">')
    events = site.configuration / "events.xml"
    events.write_text(events.read_text().replace(
        "</events>", f'<event name="repair.start" application="{application}" processing="initialize"/></events>'))
    site.center("definition", "add", site.configuration / "definitions/repair.dtd")
    (site.folder / "repair.xml").write_text("<repair/>")
    site.center("script", "add", site.folder / "repair.xml")


def test_run_a_repair_service_first(site):
    site.add_bundle(name=OTHER)
    repair_service(site, OTHER)
    start(site, "run", "--parameter", "service=repair")
    pid = site.app()["pid"]
    fault = strike(site)
    assert outcome(fault) == ("run", "restored") and "repair" in fault["outcome"]["detail"]
    assert site.app()["pid"] != pid and site.app()["state"] == "running"
    events = [e["name"] for e in site.ask("events", "-n", 100)]
    assert events.index("fault.restored") > max(i for i, n in enumerate(events) if n == "script.finished")


def test_repair_service_over_a_flaky_uplink(site):
    """Its script is not to be had at first: that is tried again, as often as the countermeasure says."""
    site.add_bundle(name=OTHER, residence="resident")
    repair_service(site, OTHER)
    site.decide_ms = 200
    start(site, "run", "--parameter", "service=repair", "--backoff", 1500, "--attempts", 5)
    wait_until(lambda: site.ask("status")["policy_version"] == 2, "the list is here")
    site.end("center")
    os.kill(site.app()["pid"], signal.SIGSEGV)
    wait_until(lambda: site.ask("events", "-k", "restoration.waits"), "it waits for its next attempt")
    site.start_center()
    fault = wait_until(lambda: site.ask("faults")[0].get("outcome") and site.ask("faults")[0], "the fault is handled")
    assert outcome(fault) == ("run", "restored")
    failed = site.ask("events", "-k", "restoration.failed")
    assert failed and all("it is tried again" in e["text"] for e in failed)


@pytest.mark.parametrize("service, says", [("unheard-of", "unheard-of"), ("repair", "needs air-conditioner itself")])
def test_repair_service_that_cannot_repair(site, service, says):
    repair_service(site, "air-conditioner")
    start(site, "run", "--parameter", f"service={service}", "--then", "restart")
    assert outcome(strike(site)) == ("restart", "restored")
    assert says in [e["text"] for e in site.ask("events", "-n", 100) if e["name"] == "restoration.failed"][0]
    assert site.ask("status")["runs"] in (0, 1)


def test_collect_brings_deeper_data_to_the_center(site):
    start(site, "collect", "--then", "restart")
    fault = strike(site)
    assert outcome(fault) == ("restart", "restored")
    whole = site.ask("fault", "show", fault["id"])
    assert "MemTotal" in whole["data"]["collected"]["memory"]
    known, = at_center(site)
    data = site.center("--json", "fault", "show", known["id"]).stdout
    assert "MemTotal" in data


def test_collect_of_a_process_that_lives(site):
    """While a processing hangs its process can be looked at: maps, limits, threads, descriptors."""
    site.center("countermeasure", "set", "hang.deadline", "collect", "--then", "restart")
    site.stock(fault="hang@stop", residence="resident")
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert result and result["faults"] == 1, error
    process = site.ask("fault", "show", site.ask("faults")[0]["id"])["data"]["collected"]["process"]
    assert "/air-conditioner" in process["maps"] and "Max open files" in process["limits"]
    assert str(process["pid"]) in process["threads"] and process["files"]["0"].startswith("pipe:")
    assert "State:" in process["status"] and "::/" in process["cgroup"]


def test_reboot_is_refused_unless_the_gateway_allows_it(site):
    start(site, "reboot")
    fault = strike(site)
    assert outcome(fault) == ("stop", "failed")
    assert "does not reboot" in [e["text"] for e in site.ask("events", "-n", 50) if e["name"] == "restoration.failed"][0]


def test_reboot_ends_the_system_with_the_outcome_on_disk(site):
    """In a PID namespace of its own reboot(2) ends that namespace alone; its init gets SIGHUP (reboot(2))."""
    if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode:
        pytest.skip("no PID namespace can be made here: the root is not a mount point, or there are no rights")
    site.center("countermeasure", "set", "signal.segv", "reboot", "--attempts", 1, "--window", 600)
    site.source = "none"
    site.faults = 'reboot="yes"'
    site.stock(residence="resident")
    site.start_center()

    def boot():
        site.configure()
        inner = os.readlink("/proc/self/ns/pid")
        process = site.spawn("gateway", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
                             f'[ "$(readlink /proc/self/ns/pid)" = "{inner}" ] && exit 99; '
                             f'exec {BIN / "faultlined"} -v -c {site.folder / "gateway.xml"}')
        wait_until(lambda: process.poll() is None and site.ctl("status").returncode == 0, "faultlined answers")
        assert site.run()[1]
        return process

    def application(process):
        children = subprocess.run(["pgrep", "-f", f"{site.state}/applications/.*air-conditioner"], text=True,
                                  capture_output=True, check=True).stdout.split()
        return int(children[0])
    process = boot()
    os.kill(application(process), signal.SIGSEGV)
    assert process.wait(30) not in (0, 99)
    site.processes.pop("gateway")

    process = boot()
    fault, = [f for f in site.ask("faults")]
    assert outcome(fault) == ("reboot", "restored") and "reboots" in fault["outcome"]["detail"]
    at_center(site)
    # Once within the window is enough, also over the boot: now the chain is at its end.
    os.kill(application(process), signal.SIGSEGV)
    wait_until(lambda: len(site.ask("faults")) == 2 and site.ask("faults")[0].get("outcome"), "the second fault")
    assert outcome(site.ask("faults")[0]) == ("stop", "failed")
    assert site.ask("faults")[0]["outcome"]["loop"] and site.app()["state"] == "loop"
    # unshare itself is deaf to SIGTERM while it waits.
    init, = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(init), signal.SIGTERM)
    assert process.wait(30) == 0
    site.processes.pop("gateway")


def test_chain_ends_with_its_last_step_and_then_in_a_loop(site):
    """restart, restart, then reinstall (2.0.0 comes), restart, restart, and the end."""
    start(site, "restart", "--attempts", 2, "--window", 600, "--backoff", 1, "--then", "reinstall")
    site.add_bundle(version="2.0.0", residence="resident")
    actions = []
    for _ in range(6):
        actions.append(strike(site)["outcome"])
    assert [a["action"] for a in actions] == ["restart", "restart", "reinstall", "restart", "restart", "stop"]
    assert [a["loop"] for a in actions] == [False, False, True, False, False, True]
    assert site.app()["state"] == "loop" and site.app()["loop"] and site.app()["version"] == "2.0.0"
    assert "loop" in site.ctl("apps").stdout
    known = at_center(site, 6)
    assert known[0]["outcome"]["loop"] and known[0]["outcome"]["action"] == "stop"
    assert [e["name"] for e in site.ask("events", "-n", 300)].count("application.loop") == 2


def test_a_chain_whose_last_step_cannot_be_done_says_what_became_of_it(site):
    start(site, "restart", "--attempts", 1, "--window", 600, "--then", "switch", "--parameter", "list=backup")
    assert outcome(strike(site)) == ("restart", "restored")
    fault = strike(site)
    assert outcome(fault) == ("switch", "failed") and fault["outcome"]["detail"].endswith("air-conditioner stays ended")
    assert site.app()["state"] == "loop"
    assert "did not help 1 time within" in site.ask("events", "-k", "application.loop")[0]["text"]


def test_attempts_count_over_a_restart_of_the_supervisor(site):
    start(site, "restart", "--attempts", 1, "--window", 600)
    assert outcome(strike(site)) == ("restart", "restored")
    time.sleep(0.2)     # an outcome is on disk within 50 ms
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    site.run()
    assert outcome(strike(site)) == ("stop", "failed") and site.app()["state"] == "loop"
    time.sleep(0.2)
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    assert site.app()["state"] == "loop", "it is halted for the next supervisor, too"
    assert site.run()[1] and site.app()["state"] == "running"
    time.sleep(0.2)
    site.end("gateway", signal.SIGTERM)
    site.start_gateway()
    assert site.app()["state"] == "standby", "that it was halted is over"


def test_a_healthy_period_makes_attempts_count_anew(site):
    start(site, "restart", "--attempts", 1, "--window", 600, "--healthy", 4)
    assert outcome(strike(site)) == ("restart", "restored")
    time.sleep(4.2)
    assert outcome(strike(site)) == ("restart", "restored")
    assert outcome(strike(site)) == ("stop", "failed") and site.app()["state"] == "loop"
    assert site.run()[1] and site.app()["loop"], "it runs again because it was asked for"
    wait_until(lambda: not site.app()["loop"], "it is healthy again", 8)


def test_back_off_grows(site):
    start(site, "restart", "--attempts", 4, "--window", 600, "--backoff", 150)
    took = [strike(site)["outcome"]["duration_ms"] for _ in range(3)]
    assert took[1] >= 150 and took[2] >= 300


def test_countermeasure_that_is_not_valid_is_not_done(site):
    """A center that is out of its mind: the gateway does what its own list says when the time is over."""
    import http.server
    import threading

    class Mad(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"id": told["id"], "policy_version": 1, "countermeasure": {
                "action": "switch", "then": "stop", "attempts": 1, "window_s": 1, "backoff_ms": 0,
                "parameters": {"list": "../../etc/passwd"}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.send_error(404)

        def log_message(self, *args):
            pass
    site.decide_ms = 300
    start(site)
    host, port = site.url.removeprefix("http://").split(":")
    site.end("center")
    server = http.server.ThreadingHTTPServer((host, int(port)), Mad)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert outcome(strike(site)) == ("restart", "restored")
    finally:
        server.shutdown()
        server.server_close()
    assert "not valid" in site.log("gateway")


def test_hold_needs_the_module(site):
    """The probes cannot make a thread wait: that is said, and what follows is done."""
    start(site, "hold", "--then", "restart", "--parameter", "seconds=30")
    name = site.app()["name"]
    refused = site.ctl("hold", name, "60")
    assert refused.returncode == 1 and "needs the kernel module" in refused.stderr
    assert site.ctl("hold", name, "soon").returncode == 2
    assert site.ctl("hold", "nobody").returncode == 1
    refused = site.ctl("release", name)
    assert refused.returncode == 1 and f"no fault of {name} is held" in refused.stderr
    first = site.app()["pid"]
    strike(site)
    wait_until(lambda: site.app()["state"] == "running" and site.app()["pid"] != first, "it runs again")
