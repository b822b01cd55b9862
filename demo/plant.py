# SPDX-License-Identifier: GPL-2.0-only
"""What the story needs around it: a center, a gateway, a unit, in a folder of their own and on loopback only."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build/out/bin"
APPLICATION = ROOT / "apps/air-conditioner"
SERVICE = "air-conditioner-control"
# What is not installed finds its DTDs here.
ENVIRONMENT = os.environ | {"FAULTLINE_DTD": str(ROOT / "dtd"),
                             "FAULTLINE_RUNTIMES": str(ROOT / "packaging/etc/runtimes.xml")}
DEFINITION = ROOT / f"dtd/services/{SERVICE}.dtd"
GATEWAY = "plant-7"


class Failure(Exception):
    """The story cannot go on: what, where, what to do next."""


def run(*command, check=True):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          env=ENVIRONMENT)
    if check and done.returncode:
        raise Failure(f"{' '.join(str(c) for c in command)}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def wait_until(what, condition, limit_s=20):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise Failure(f"{what}: not after {limit_s} s")


class Plant:
    def __init__(self, folder, source, center_port, unit_port):
        self.folder = Path(folder)
        self.source = source
        self.center = f"127.0.0.1:{center_port}"
        self.unit_port = unit_port
        self.processes = []
        self.logs = self.folder / "log"
        # Applications have users of their own, and the link too: all may pass through.
        for name in ("", "log", "center", "state", "run", "configuration", "configuration/definitions"):
            (self.folder / name).mkdir(mode=0o755, exist_ok=True)
        self.folder.chmod(0o755)

    def start(self, name, *command):
        with (self.logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=ENVIRONMENT)
        self.processes.append((name, process))
        return process

    def started(self, name, process, condition):
        def there():
            if process.poll() is not None:
                raise Failure(f"{name} ended with status {process.returncode}: {self.last_line(name)}")
            return condition()
        wait_until(f"{name} is ready", there)

    def last_line(self, name):
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else f"{name}.log is empty"

    def start_unit(self):
        unit = self.start("aircon-unit", BIN / "aircon-unit", "--port", self.unit_port, "--speed", 20, "--trace")
        self.started("aircon-unit", unit, lambda: self.listens(self.unit_port))

    @staticmethod
    def listens(port):
        # From /proc: a connection that is only a probe would take one of the unit's few places.
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in Path("/proc/net/tcp").read_text().splitlines()[1:])

    def administer(self, *arguments):
        return run(BIN / "faultline-center", *arguments, "--data", self.folder / "center")

    def start_center(self):
        center = self.start("faultline-center", BIN / "faultline-center", "serve", "--data", self.folder / "center",
                            "--listen", self.center)
        self.started("faultline-center", center, lambda: self.ask_center("/v1/health"))

    def ask_center(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.center}{path}", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def configure_gateway(self):
        configuration = self.folder / "configuration"
        (self.folder / "gateway.xml").write_text(f"""<gateway name="{GATEWAY}" group="demo">
	<center url="http://{self.center}"/>
	<directories state="{self.folder}/state" run="{self.folder}/run" configuration="{configuration}"/>
	<faults source="{self.source}"/>
</gateway>
""")
        shutil.copy(ROOT / "packaging/etc/runtimes.xml", configuration)
        shutil.copy(APPLICATION / "events.xml", configuration)
        shutil.copy(DEFINITION, configuration / "definitions")

    def start_gateway(self):
        gateway = self.start("faultlined", BIN / "faultlined", "--config", self.folder / "gateway.xml")
        self.started("faultlined", gateway, lambda: self.ask_gateway("status", check=False))

    def faultctl(self, *arguments):
        return [str(BIN / "faultctl"), "--socket", str(self.folder / "run/control.sock"), *arguments]

    def ask_gateway(self, *arguments, check=True):
        done = run(*self.faultctl("--json", *arguments), check=check)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def follow(self, *arguments):
        """A command of faultctl that goes on for a while: its JSON lines as they come."""
        with (self.logs / "faultctl.log").open("wb") as log:
            process = subprocess.Popen(self.faultctl("--json", *arguments), text=True, stdout=subprocess.PIPE,
                                       stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(("faultctl", process))
        for line in process.stdout:
            yield json.loads(line)
        if process.wait():
            raise Failure(f"faultctl {' '.join(arguments)}: {self.last_line('faultctl')}")

    def stop(self):
        """Ends what was started, the last first; true when each ended by itself with status 0."""
        clean = True
        for name, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            clean &= process.returncode in (0, -signal.SIGTERM) or name == "faultctl"
        self.processes.clear()
        return clean

    def keep_logs(self, to):
        shutil.copytree(self.logs, to, dirs_exist_ok=True)
