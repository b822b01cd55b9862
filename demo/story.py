#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The main job, from the request to the deletion, with a SIGSEGV in its midst: told as it happens, and checked.

  story.py --source module|probes --bundle FILE --out FOLDER [--module FILE.ko] [--unit-port N] [--center-port N] [--colour]

Runs as root, in the VM or on this machine's own kernel. FOLDER gets story.json (what was expected and whether it
happened) and the logs. The exit status is 0 when all of it happened.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from plant import APPLICATION, DEFINITION, GATEWAY, SERVICE, Failure, Plant, run, wait_until  # noqa: E402
from timeline import Timeline  # noqa: E402

KIND = "signal.segv"
ACTION = "restart"


class Story:
    def __init__(self, options):
        self.options = options
        self.timeline = Timeline(options.colour)
        self.events = []            # what faultctl run told, in order
        self.result = {}
        self.stages = []

    def expect(self, name, happened, detail=""):
        self.stages.append({"name": name, "ok": bool(happened), "detail": detail if not happened else ""})

    # What happens.

    def load_module(self):
        if not self.options.module:
            self.timeline.line("probes", f"Linux {platform.release()}, no module: the eBPF probes of the supervisor watch")
            return
        run("insmod", self.options.module)
        self.timeline.line("kernel", f"Linux {platform.release()}: insmod {Path(self.options.module).name}")

    def unload_module(self):
        if not self.options.module:
            return
        done = run("rmmod", "faultline", check=False)
        complaints = [line for line in run("dmesg").stdout.splitlines()
                      if any(word in line for word in ("BUG:", "WARNING:", "Oops", "general protection"))]
        self.expect("the module goes out again, and the kernel has nothing to complain of",
                    done.returncode == 0 and not complaints, "; ".join([done.stderr.strip(), *complaints]))

    def prepare(self, plant):
        plant.start_unit()
        self.timeline.line("unit", f"a simulated air conditioner speaks Modbus/TCP at 127.0.0.1:{plant.unit_port}")
        plant.start_center()
        plant.administer("app", "add", self.options.bundle)
        plant.administer("definition", "add", DEFINITION)
        plant.administer("script", "add", APPLICATION / f"{SERVICE}.xml")
        plant.administer("countermeasure", "set", KIND, ACTION)
        self.timeline.line("center", f"serves at {plant.center}: air-conditioner, script {SERVICE}, "
                                     f"countermeasure {KIND} -> {ACTION}")
        plant.configure_gateway()
        plant.start_gateway()
        status = plant.ask_gateway("status")
        self.timeline.line("gateway", f"faultlined runs as {status['gateway']}, kernel events from the "
                                      f"{status['source']['name']}")
        self.expect(f"kernel events come from the {self.options.source}", status["source"]["name"] == self.options.source,
                    f"they come from: {status['source']['name']}")

    def request(self, plant):
        self.timeline.heading(f"faultctl run {SERVICE}")
        for message in plant.follow("run", SERVICE):
            if "t_ms" in message:
                self.events.append(message)
                self.timeline.line(message["part"], message["text"], message["t_ms"])
            else:
                self.result = message

    # What is asked of it afterwards.

    def first(self, name, after=-1, **data):
        """The first event of a name, after that index, whose data hold these."""
        for index, message in enumerate(self.events):
            if index > after and message["event"] == name and \
                    all((message.get("data") or {}).get(key) == value for key, value in data.items()):
                return index, message
        return None

    def check_events(self):
        expected = [
            ("the application is not on the gateway", "application.absent", {}),
            ("it is downloaded from the center", "application.downloaded", {}),
            ("it starts", "application.started", {}),
            ("the script is downloaded, checked against its DTD and interpreted", "script.interpreted", {}),
            ("the application initializes", "processing.answered", {"processing": "initialize"}),
            ("it sets the temperature", "processing.answered", {"processing": "set-temperature"}),
            ("a SIGSEGV strikes it, and the kernel captures it", "process.fatal", {}),
            (f"the supervisor classifies it as {KIND} and stores it", "fault.stored", {"kind": KIND}),
            ("the center answers with its countermeasure", "fault.decided", {"by": "center"}),
            ("the application is started again", "application.started", {}),
            ("it sets the wind velocity after all", "processing.answered", {"processing": "set-wind-velocity"}),
            ("the script's work is finished", "script.finished", {}),
            ("the application is transient: it is deleted", "application.deleted", {}),
        ]
        last = -1
        for name, event, data in expected:
            found = self.first(event, last, **data)
            self.expect(name, found, f"no {event} {data or ''}after {self.events[last]['event'] if last >= 0 else 'all'}")
            last = found[0] if found else last
        decided = self.first("fault.decided")
        action = decided[1]["data"]["countermeasure"].get("action") if decided else None
        self.expect(f"the countermeasure is {ACTION}", action == ACTION, f"it is {action}")
        self.expect("the application is restored", self.first("fault.restored"), "no fault.restored")
        self.expect("faultctl run says finished", self.result.get("state") == "finished", json.dumps(self.result))

    def check_records(self, plant):
        apps = plant.ask_gateway("apps")
        self.expect("no application is left on the gateway", not apps, json.dumps(apps))
        faults = plant.ask_gateway("faults")
        self.expect("the gateway keeps one fault, restored", len(faults) == 1 and faults[0]["state"] == "restored",
                    json.dumps(faults))
        fault = plant.ask_gateway("fault", "show", faults[0]["id"]) if faults else {}

        if self.options.source == "module":
            place = fault.get("data", {}).get("pc", "none")
            self.expect("the fault's data tells where in the program it struck", place.startswith("air-conditioner+0x"),
                        f"pc: {place}")

        def reported():
            known = plant.ask_center(f"/v1/gateways/{GATEWAY}/faults") or []
            return [f for f in known if f["id"] == fault.get("id") and f.get("outcome")]
        try:
            at_center = wait_until("the center has the outcome", reported, 5)
        except Failure as failure:
            at_center = []
            self.expect("the center has the fault and its outcome", False, str(failure))
        if at_center:
            self.expect("the center has the fault and its outcome", True)
        writes = (plant.logs / "aircon-unit.log").read_text().splitlines()
        self.expect("the unit was set as the script says", any("set point 25.5, wind velocity 1," in w for w in writes),
                    f"its last write: {writes[-1] if writes else 'none'}")
        return fault

    def summarize(self, fault):
        say = self.timeline.note
        self.timeline.heading("What happened")
        for stage in self.stages:
            self.timeline.verdict(stage["ok"], stage["name"] + (f" -- {stage['detail']}" if stage["detail"] else ""))

        struck, stored = self.first("process.fatal"), self.first("fault.stored")
        decided, restored = self.first("fault.decided"), self.first("fault.restored")
        if not (struck and stored and decided and restored):
            return {}
        known_ms = stored[1]["data"]["known_ms"]
        restored_ms = restored[1]["data"]["outcome"]["duration_ms"]
        figures = {
            "known_ms": known_ms,
            "decided_ms": decided[1]["t_ms"] - struck[1]["t_ms"],
            "restored_ms": restored_ms,
            "run_ms": self.result.get("duration_ms"),
        }
        self.timeline.heading("How long it took")
        say(f"fault -> known to the supervisor       {known_ms:10.2f} ms")
        say(f"fault -> the center has decided        {figures['decided_ms']:10.2f} ms")
        say(f"fault -> the application is restarted  {restored_ms:10.2f} ms")
        say(f"request -> the script is finished      {figures['run_ms'] or 0:10.2f} ms")

        self.timeline.heading("Where to look next")
        say(f"{self.options.shown}/fault.json   all of the fault's data, as \"faultctl fault show {fault.get('id')}\" has them")
        say(f"{self.options.shown}/log/         everybody's log")
        say("docs/architecture.md   the way of this story through the sources")
        return figures

    # The whole.

    def tell(self):
        folder = Path(tempfile.mkdtemp(prefix="faultline-demo-"))
        plant = Plant(folder, self.options.source, self.options.center_port, self.options.unit_port)
        out = Path(self.options.out)
        out.mkdir(parents=True, exist_ok=True)
        fault, broken = {}, None
        self.timeline.heading("A plant is set up")
        try:
            self.load_module()
            self.prepare(plant)
            self.request(plant)
            self.check_events()
            fault = self.check_records(plant)
        except (Failure, OSError, KeyError) as failure:
            broken = f"{type(failure).__name__}: {failure}" if isinstance(failure, KeyError) else str(failure)
        finally:
            ended = plant.stop()
            plant.keep_logs(out / "log")
            shutil.rmtree(folder, ignore_errors=True)
        if broken:
            self.expect("the story is told to its end", False, broken)
        self.expect("everybody ends when told to", ended, f"see {self.options.shown}/log/")
        self.unload_module()
        figures = self.summarize(fault)
        (out / "fault.json").write_text(json.dumps(fault, indent=2) + "\n")
        good = all(stage["ok"] for stage in self.stages)
        (out / "story.json").write_text(json.dumps(
            {"ok": good, "kernel": platform.release(), "source": self.options.source, "figures": figures,
             "stages": self.stages, "events": self.events}, indent=2) + "\n")
        if not good:
            print(f"\nThe story did not happen as it should; the logs are in {self.options.shown}/log/", flush=True)
        return 0 if good else 1


def main():
    options = argparse.ArgumentParser(description="Tells and checks the main job.")
    options.add_argument("--source", choices=("module", "probes"), required=True)
    options.add_argument("--bundle", required=True)
    options.add_argument("--out", required=True)
    options.add_argument("--module")
    options.add_argument("--unit-port", type=int, default=15020)
    options.add_argument("--center-port", type=int, default=15080)
    options.add_argument("--colour", action="store_true")
    options = options.parse_args()
    options.shown = os.path.relpath(options.out)
    if os.geteuid():
        print("story.py: needs root, to watch processes and to give applications users of their own", file=sys.stderr)
        return 1
    return Story(options).tell()


if __name__ == "__main__":
    sys.exit(main())
