# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway makes of the kernel module's own verdicts, of a fault that is held, and of a heartbeat that the kernel
watches while there is no supervisor. module.sh runs them where the module is loaded."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BIN, SERVICE, wait_until

PARAMETERS = Path("/sys/module/faultline/parameters")
STRUCK_ADDRESS = 0x5eadbeef0000     # apps/air-conditioner/fault.c


@pytest.fixture(autouse=True)
def module(site):
    assert PARAMETERS.exists(), "the module is not loaded"
    site.source = "module"


def watch(attributes):
    return lambda text: text.replace("\t<resources", f"\t<watch {attributes}/>\n\t<resources")


def wait_gently(condition, what):
    """On an emulated machine each look takes from what is waited for."""
    def looked():
        found = condition()
        if not found:
            time.sleep(0.5)
        return found
    return wait_until(looked, what)


def faults(site):
    return site.ask("faults")


def handled(site, n=1):
    """The last fault, once there are n and it has an outcome that the center knows too."""
    def known():
        found = faults(site)
        center = site.center_faults()
        return len(found) == n and found[0].get("outcome") and len(center) == n and all(f["outcome"] for f in center) and found[0]
    return wait_gently(known, f"fault {n} is handled, and the center knows")


def events(site):
    return [event["name"] for event in reversed(site.ask("events", "-n", 200))]


def test_deadlock_is_seen_and_ended(site):
    """The application's only thread locks itself out of its own mutex, in the midst of its script."""
    site.center("countermeasure", "set", "hang.deadlock", "restart")
    site.stock(fault="hang@set-wind-velocity", residence="resident", edit=watch('deadlock="1500"'))
    site.start_center()
    site.start_gateway()
    measure = PARAMETERS / "measure"
    measure.write_text("Y")
    progress, result, error = site.run()
    measure.write_text("N")
    assert result and result["faults"] == 1, error
    names = [line["event"] for line in progress]
    assert names.index("process.hangs") < names.index("fault.stored") < names.index("fault.restored") < names.index("script.finished")
    fault = handled(site)
    assert fault["kind"] == "hang.deadlock" and fault["outcome"]["action"] == "restart" and fault["state"] == "restored"
    shown = site.ask("fault", "show", fault["id"])["data"]
    assert shown["kernel"]["hang"]["verdict"] == "deadlock" and "futex" in shown["kernel"]["hang"]["waits_in"]
    assert shown["script"]["event"] == "wind-velocity.set"
    # The supervisor's own open files, in a process that it is about to start, are none of the application's.
    assert not [name for name in events(site) if name.startswith("limit.")]
    status_tells_of_it(site)


def status_tells_of_it(site):
    told = site.ask("status")["source"]["module"]
    records = {(row["type"], row.get("kind")): row["records"] for row in told["records"]}
    assert records["hang", "hang.deadlock"] == 1
    assert told["watches"] >= 1 and told["processes"] >= told["watches"] and told["memory_bytes"] > 1 << 20
    costs = {cost["place"]: cost for cost in told["costs"]}
    assert {"signal_generate", "sched_process_exit", "hang scan"} <= set(costs)
    for cost in costs.values():
        assert cost["mean_ns"] * cost["calls"] == pytest.approx(cost["ns"]) and cost.get("worst_ns", cost["ns"]) <= cost["ns"]
    exits = PARAMETERS / "exits"
    exits.write_text("N")
    text = site.ctl("status").stdout
    exits.write_text("Y")
    print(text)
    assert re.search(r"^  records     .*hang \d+ \(hang.deadlock 1\)", text, re.M)
    assert re.search(r"^    off +exits$", text, re.M) and re.search(r"^  detectors +signals, ", text, re.M)
    assert re.search(r"^  memory +\d+\.\d MiB", text, re.M)


class Heart:
    """The heart of a prober."""

    def __init__(self, prober):
        self.site = prober.site
        self.switch = self.site.state / "data/prober/heart-stops"

    def stop(self):
        self.switch.touch()

    def pid(self):
        return self.site.app("prober")["pid"]


def fault_of_the_heart(heart, n):
    """Its heart has stopped: fault n, after which another process runs."""
    fault = handled(heart.site, n)
    assert fault["kind"] == "hang.heartbeat" and fault["state"] == "restored"
    return heart.pid()


@pytest.mark.parametrize("way", ["device", "notify"])
def test_heartbeat_while_the_supervisor_is_dead(prober, way):
    """The kernel goes on expecting it: one that beats has no fault, one that does not has it when the supervisor is back."""
    site, n = prober.site, 0
    site.center("countermeasure", "set", "hang.heartbeat", "restart")
    if way == "device":
        prober.start("status", READY_AFTER_S="0", DEVICE_S="3")
    else:
        prober.start("descriptors", data=watch('ready="notify" heartbeat="3000"'), READY_AFTER_S="0")
    assert not [name for name in events(site) if name.startswith("limit.")]
    prober.ask()
    if way == "notify":
        wait_gently(lambda: "limit.files" in events(site), "it is warned of many open files")
    heart = Heart(prober)
    pid = heart.pid()
    if way == "device":
        # By /dev/faultline, which the supervisor takes no part in while it lives either.
        heart.stop()
        n = 1
        before, pid = pid, fault_of_the_heart(heart, n)
        assert pid != before and "process.hangs" in events(site) and "heartbeat.missed" not in events(site)
    site.end("gateway", signal.SIGKILL)
    time.sleep(5)
    site.start_gateway()
    assert heart.pid() == pid and prober.ask() == {} and len(faults(site)) == n
    site.end("gateway", signal.SIGKILL)
    heart.stop()
    time.sleep(5)
    site.start_gateway()
    assert fault_of_the_heart(heart, n + 1) != pid


class Held:
    """Faults of the air conditioner, which strikes again where it is let, while it sets the wind velocity."""

    def __init__(self, site):
        self.site = site
        self.struck = site.state / "data/air-conditioner/struck"
        self.run = None

    def strike(self):
        self.struck.unlink()
        self.run = subprocess.Popen([BIN / "faultctl", "-s", self.site.folder / "run/control.sock", "run", SERVICE],
                                    stdout=subprocess.DEVNULL)

        def held():
            return next((hold for hold in self.site.ask("hold") if hold["held"]), None)
        hold = wait_gently(held, "the fault is held")
        assert hold["application"] == "air-conditioner" and hold["signal"] == "SIGSEGV" and hold["pid"] == hold["tid"]
        app = self.site.app()
        assert app["state"] == "held" and app["pid"] == hold["pid"]
        return hold

    def ended(self, n):
        """What was held went on, and all that follows."""
        assert not self.run.wait(120)
        fault = handled(self.site, n)
        assert fault["kind"] == "signal.segv" and fault["outcome"]["action"] == "restart" and fault["state"] == "restored"
        assert not any(hold["held"] for hold in self.site.ask("hold")) and self.site.app()["state"] == "running"


def gdb(pid):
    # Of the program alone: on an emulated machine the symbols of its libraries take long.
    done = subprocess.run(["gdb", "-batch", "-nx", "-iex", "set auto-solib-add off", "-p", str(pid), "-ex", "p $_siginfo.si_signo",
                           "-ex", "p/x (long)$_siginfo._sifields._sigfault.si_addr", "-ex", "p $_siginfo.si_code",
                           "-ex", "info symbol $pc", "-ex", "bt", "-ex", "detach"], capture_output=True, text=True, timeout=240)
    return done.stdout + done.stderr


def test_hold(site):
    """The countermeasure hold: the next fault stands still in the kernel until it was looked at, or its time is over."""
    site.center("countermeasure", "set", "signal.segv", "hold", "--parameter", "seconds=600", "--then", "restart",
                "--attempts", 9)
    site.stock(fault="segv@set-wind-velocity", residence="resident")
    site.start_center()
    site.start_gateway()
    assert site.ask("hold") == [] and site.run()[1]
    handled(site)
    assert site.ask("hold") == [{"application": "air-conditioner", "held": False, "seconds": 600}]
    held = Held(site)

    # Released by hand; nothing was done about it before.
    hold = held.strike()
    assert 500 < hold["left_s"] <= 600 and len(faults(site)) == 1
    assert "SIGSEGV" in site.ctl("hold").stdout
    assert Path(f"/proc/{hold['pid']}/exe").resolve().name == "air-conditioner"
    assert not site.ctl("release", "air-conditioner").returncode
    held.ended(2)
    assert site.ctl("release", "air-conditioner").returncode == 1

    # A debugger sees the fault itself, and lets it go.
    said = gdb(held.strike()["pid"])
    assert re.search(r"^\$1 = 11$", said, re.M) and re.search(r"^\$3 = 1$", said, re.M), said
    assert STRUCK_ADDRESS <= int(re.search(r"^\$2 = (0x\w+)$", said, re.M)[1], 16) < STRUCK_ADDRESS + (1 << 20), said
    assert re.search(r"^journal_\w+ ", said, re.M) and re.search(r"^#\d+ .* main ", said, re.M), said
    held.ended(3)

    # Left alone it goes on when its time is over.
    assert not site.ctl("hold", "air-conditioner", 10).returncode
    held.strike()
    held.ended(4)
    assert events(site).count("process.held") == 3
