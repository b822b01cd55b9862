# SPDX-License-Identifier: GPL-2.0-only
"""Rows R1 to R7 of the specification, on the real parts: a service from its request to its end."""

import os
import signal
from pathlib import Path

import pytest

from conftest import wait_until

# R4.1, with what follows it in the example.
ORDER = [
    "air-conditioner-control.start", "initialization.start", "air-conditioner-initialization.start",
    "temperature.set", "wind-velocity.set", "air-conditioner-initialization.end",
    "temperature-initialization.start",
]


def names(progress):
    return [line["event"] for line in progress]


def script_events(progress):
    return [line["data"]["event"] for line in progress if line["event"] == "script.event"]


def start(site, **bundle):
    site.stock(**bundle)
    site.start_center()
    site.start_gateway()


def test_r1_r2_flow_of_figures_2_and_4(running):
    progress, result, error = running.run()
    assert result and not error
    flow = [n for n in names(progress) if n not in ("script.event", "processing.answered", "temperature-reached",
                                                    "process.ended")]
    assert flow == ["service.requested", "application.absent", "application.downloaded", "application.started",
                    "script.interpreted", "script.finished", "application.deleted"]
    assert running.ask("apps") == []
    assert running.applications_left() == []


def test_r2_3_resident_application_stays_with_its_process(site):
    start(site, residence="resident")
    site.run()
    pid = site.app()["pid"]
    os.kill(pid, 0)
    progress, result, _ = site.run()
    assert result["faults"] == 0
    assert site.app()["pid"] == pid
    assert "application.downloaded" not in names(progress)
    assert "application.started" not in names(progress)


def test_r3_2_list_of_events_is_exchanged_while_running(running):
    assert running.run()[1]
    events = running.configuration / "events.xml"
    good = events.read_text()
    events.write_text(good.replace('processing="set-wind-velocity"', 'processing="no-such-processing"'))
    assert "no-such-processing" in running.run()[2]
    events.write_text("<events><event/></events>")
    assert "no-such-processing" in running.run()[2], "a bad list leaves the one before it in force"
    events.write_text(good)
    assert running.run()[1]


def test_r4_1_order_of_the_air_conditioner_service(running):
    progress, _, _ = running.run()
    assert script_events(progress)[:len(ORDER)] == ORDER


def test_r5_r6_fault_is_collected_reported_restored_and_the_script_finished(site):
    site.center("countermeasure", "set", "signal.segv", "restart")
    start(site, fault="segv@set-wind-velocity")
    progress, result, _ = site.run()
    assert result["faults"] == 1
    flow = [n for n in names(progress) if n.split(".")[0] in ("process", "fault") or n == "application.started"]
    assert flow[:1] == ["application.started"]
    assert [n for n in flow if n in ("process.fatal", "fault.stored", "fault.decided", "fault.restored")] == \
        ["process.fatal", "fault.stored", "fault.decided", "fault.restored"]
    # The step that the fault struck is repeated, and no other.
    events = script_events(progress)
    again = ORDER.index("wind-velocity.set")
    assert events[:again + 2] == ORDER[:again + 1] + ["wind-velocity.set"]
    assert events[again + 2:again + 4] == ORDER[again + 1:again + 3]

    fault = site.ask("fault", "show", site.ask("faults")[0]["id"])
    assert fault["kind"] == "signal.segv" and fault["state"] == "restored"
    assert fault["data"]["kernel"]["signal"] == "SIGSEGV"
    assert fault["data"]["script"]["event"] == "wind-velocity.set"
    assert fault["data"]["stack"]["bytes"] > 0
    assert int(fault["data"]["registers"]["rsp"], 16) == int(fault["data"]["stack"]["address"], 16)

    def at_center():
        known = site.center_faults()
        return known and known[0].get("outcome") and known
    known = wait_until(at_center, "the center has the outcome")
    assert len(known) == 1 and known[0]["id"] == fault["id"] and known[0]["outcome"]["result"] == "restored"


@pytest.mark.parametrize("strike, kind", [
    ("abort", "signal.abrt"), ("exit", "exit.nonzero"), ("stack-overflow", "signal.segv"),
])
def test_r5_1_kind_of_fault(site, strike, kind):
    site.center("countermeasure", "set", kind, "restart")
    start(site, fault=f"{strike}@set-temperature")
    _, result, error = site.run()
    assert result and result["faults"] == 1, error
    faults = site.ask("faults")
    assert [f["kind"] for f in faults] == [kind], "one fault, one record"
    # Of an exit there is the peak at least: its memory may be gone before the kernel tells of it.
    used = site.ask("fault", "show", faults[0]["id"])["data"]["figures"]["process"]
    assert 1 << 20 < used["VmHWM"] < 1 << 30 and used.get("VmRSS", 1 << 20) <= used["VmHWM"]
    assert strike == "exit" or used["VmRSS"] > 1 << 20
    assert " MiB" in next(line for line in site.ctl("fault", "show", faults[0]["id"]).stdout.splitlines()
                          if line.startswith("  process  "))


def test_r5_1_kill_from_outside_names_the_sender(site):
    site.center("countermeasure", "set", "signal", "restart")
    start(site, residence="resident")
    site.run()
    os.kill(site.app()["pid"], signal.SIGKILL)
    fault = wait_until(lambda: site.ask("faults"), "the fault is known")[0]
    assert fault["kind"] == "signal.kill"
    data = site.ask("fault", "show", fault["id"])["data"]
    assert data["kernel"]["sender"]["pid"] == os.getpid()
    assert 1 << 20 < data["figures"]["process"]["VmRSS"] <= data["figures"]["process"]["VmHWM"]
    wait_until(lambda: site.app()["state"] == "running", "it runs again")


def test_r6_list_of_countermeasures_takes_effect_at_once(site):
    start(site, residence="resident")
    site.run()
    for action, state in (("restart", "running"), ("stop", "halted"), ("restart", "running")):
        site.center("countermeasure", "set", "signal.segv", action)
        if site.app()["state"] == "halted":
            site.run()
        n = len(site.ask("faults"))
        os.kill(site.app()["pid"], signal.SIGSEGV)
        wait_until(lambda: len(site.ask("faults")) > n, "the fault is known")
        wait_until(lambda: site.ask("faults")[0].get("outcome"), "it is handled")
        assert site.ask("faults")[0]["outcome"]["action"] == action
        assert site.app()["state"] == state


def test_what_no_entry_covers_says_so(site):
    start(site, residence="resident")
    site.run()
    os.kill(site.app()["pid"], signal.SIGSEGV)
    wait_until(lambda: site.ask("faults") and site.ask("faults")[0].get("outcome"), "it is handled")
    assert "no entry of the list of countermeasures covers it" in site.ask("faults")[0]["outcome"]["detail"]
    site.center("countermeasure", "set", "signal", "none")
    wait_until(lambda: site.ask("status")["policy_version"] == 2, "the list is here")
    site.run()
    os.kill(site.app()["pid"], signal.SIGSEGV)
    wait_until(lambda: len(site.ask("faults")) == 2 and site.ask("faults")[0].get("outcome"), "it is handled")
    assert "as was decided" in site.ask("faults")[0]["outcome"]["detail"]


def test_crash_loop_ends_in_a_stated_state(site):
    site.center("countermeasure", "set", "signal.segv", "restart", "--attempts", 2, "--window", 600, "--backoff", 1)
    start(site, residence="resident")
    site.run()
    for n in range(1, 4):
        os.kill(site.app()["pid"], signal.SIGSEGV)
        wait_until(lambda: len(site.ask("faults")) == n and site.ask("faults")[0].get("outcome"), f"fault {n}")
    assert [f["outcome"]["action"] for f in site.ask("faults")] == ["stop", "restart", "restart"]
    assert site.app()["state"] == "loop"


def test_r7_center_away_the_gateway_restores_by_itself_and_reports_afterwards(site):
    site.decide_ms = 300
    start(site, residence="resident")
    site.run()
    site.end("center")
    os.kill(site.app()["pid"], signal.SIGSEGV)
    fault = wait_until(lambda: [f for f in site.ask("faults") if f["state"] == "restored"], "it is restored")[0]
    assert not fault["reported"]
    assert "not reachable" in site.ctl("status").stdout
    site.start_center()
    known = wait_until(lambda: [f for f in site.center_faults() if f.get("outcome")], "the center is told")
    assert [f["id"] for f in known] == [fault["id"]]


def test_killed_supervisor_forgets_no_fault(site):
    site.decide_ms = 200
    start(site, residence="resident")
    site.run()
    site.end("center")
    os.kill(site.app()["pid"], signal.SIGSEGV)
    fault = wait_until(lambda: [f for f in site.ask("faults") if f["state"] == "restored"], "it is restored")[0]
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    site.start_center()
    known = wait_until(lambda: [f for f in site.center_faults() if f.get("outcome")], "the center is told")
    assert [f["id"] for f in known] == [fault["id"]]
    assert site.run()[1], "the resident application is found again and serves"


def test_killed_supervisor_misses_no_record(site):
    """What ends while there is no supervisor is read by the next one, and the ledger goes on."""
    start(site, residence="resident")
    site.run()
    before = site.ask("status")["source"]
    if before["name"] == "probes":
        lifecycle = next(part for part in before["probes"] if part["name"] == "lifecycle")
        assert lifecycle["programs"] >= 4 and lifecycle["memory_bytes"] > 512 << 10
    pid = site.app()["pid"]
    site.end("gateway", signal.SIGKILL)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the application ends")
    site.start_gateway()
    assert "not kept" not in site.ask("status")["source"]["blind"]

    def ended():
        return any(e["name"] == "process.ended" and e["data"]["pid"] == pid for e in site.ask("events", "-n", "200"))
    wait_until(ended, "its end is read")
    source = wait_until(lambda: (s := site.ask("status")["source"])["pending"] == 0 and s, "all is acknowledged")
    assert source["emitted"] > before["emitted"]
    assert source["emitted"] == source["delivered"] + source["lost"]


def test_events_of_the_kernel_keep_their_ledger(site):
    start(site, fault="segv@set-wind-velocity")
    site.center("countermeasure", "set", "signal", "restart")
    site.run()

    def settled():
        source = site.ask("status")["source"]
        return source["pending"] == 0 and source
    source = wait_until(settled, "all is acknowledged")
    assert source["emitted"] == source["delivered"] >= 3 and source["lost"] == 0


def test_other_definition_service(running):
    """A second service over the same application needs a definition, a script and a line in the list, and no code."""
    name = "cooling"
    dtd = running.configuration / f"definitions/{name}.dtd"
    dtd.write_text('<!ELEMENT cooling EMPTY><!ATTLIST cooling event CDATA #FIXED "temperature.set"\n'
                   'celsius CDATA #REQUIRED celsius.type CDATA #FIXED "decimal"\n'
                   'celsius.minimum CDATA #FIXED "16" celsius.maximum CDATA #FIXED "30">')
    script = running.folder / f"{name}.xml"
    script.write_text('<cooling celsius="19.5"/>')
    running.center("definition", "add", dtd)
    running.center("script", "add", script)
    progress, result, error = running.run(name)
    assert result["steps"] == 1, error
    assert script_events(progress) == ["temperature.set"]
