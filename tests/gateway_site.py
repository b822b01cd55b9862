# SPDX-License-Identifier: GPL-2.0-only
"""A whole site in a folder of its own: the real center, gateway, unit and application, on loopback only."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("FAULTLINE_BUILD", "build/out")
BIN = BUILD / "bin"
# Without sanitizers: their shadow memory does not fit an application's limits.
APPLICATION = ROOT / "build/out/bin/air-conditioner"
AIR_CONDITIONER = ROOT / "apps/air-conditioner"
SERVICE = "air-conditioner-control"
LIMIT_S = int(os.environ.get("FAULTLINE_LIMIT_S", "30"))

os.environ["FAULTLINE_DTD"] = str(ROOT / "dtd")
os.environ["FAULTLINE_RUNTIMES"] = str(ROOT / "packaging/etc/runtimes.xml")


def wait_until(condition, what, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {limit_s} s")


class Site:
    """What a test starts ends with it; logs are shown when it fails."""

    def __init__(self, folder):
        self.folder = folder
        # Its own, since the cgroups of a machine's gateways are told apart by it.
        self.name = f"gw-{folder.name[-8:].lower().replace('_', '-')}"
        self.processes = {}
        self.source = "probes"
        self.decide_ms = 5000
        self.url = None
        self.more_centers = []  # addresses beside self.url
        self.profile = ""       # <profile…>
        self.faults = ""        # more attributes of <faults>
        self.unit_ms = None     # how long applications wait for the unit
        self.key = None         # file of the keys that must have signed
        # Processes are counted for their user where there is no cgroup: sites side by side do not share users.
        self.uids = 100000 + os.getpid() % 1000 * 1000
        folder.chmod(0o755)     # users of applications pass through
        for name in ("center", "configuration/definitions"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / f"dtd/services/{SERVICE}.dtd", self.configuration / "definitions")
        shutil.copy(AIR_CONDITIONER / "events.xml", self.configuration)
        shutil.copy(ROOT / "packaging/etc/runtimes.xml", self.configuration)

    @property
    def configuration(self):
        return self.folder / "configuration"

    @property
    def state(self):
        return self.folder / "state"

    def spawn(self, name, *command, wait_line=None):
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE if wait_line else log, stderr=log)
        log.close()
        self.processes[name] = process
        if wait_line:
            line = process.stdout.readline().decode()
            assert line.startswith(wait_line), f"{name}: {line!r}: {self.log(name)}"
            return line.removeprefix(wait_line).strip()
        return process

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(LIMIT_S)
        finally:
            if process.stdout:
                process.stdout.close()
            if process.returncode is None:
                process.kill()

    # The center.
    def center(self, *arguments, check=True):
        done = subprocess.run([BIN / "faultline-center", "--data", self.folder / "center", *map(str, arguments)],
                              text=True, capture_output=True, timeout=LIMIT_S)
        assert not check or not done.returncode, done.stderr
        return done

    def start_center(self):
        listen = (self.url or "http://127.0.0.1:0").removeprefix("http://")
        self.url = self.spawn("center", BIN / "faultline-center", "--data", self.folder / "center", "serve",
                              "--listen", listen, wait_line="listening on ")

    def center_faults(self):
        return json.loads(self.center("--json", "fault", "list").stdout)

    def stock(self, **bundle):
        """Definition, script and application at the center."""
        self.add_bundle(**bundle)
        self.center("definition", "add", ROOT / f"dtd/services/{SERVICE}.dtd")
        self.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")

    def bundle(self, fault=None, residence="transient", version="1.0.0", name="air-conditioner", edit=lambda text: text):
        """`edit` changes the application data."""
        path = self.folder / f"{name}-{version}.tar.zst"
        folder = self.folder / f"source-{name}"
        folder.mkdir(exist_ok=True)
        data = (AIR_CONDITIONER / "application.xml.in").read_text()
        (folder / "application.xml.in").write_text(edit(data.replace('name="air-conditioner"', f'name="{name}"')))
        command = [ROOT / "apps/mkbundle.sh", "--output", path, "--application", folder, "--program", APPLICATION,
                   "--residence", residence, "--version", version, "--argument", "--unit", "--argument", self.unit]
        if self.unit_ms:
            command += ["--argument", "--timeout", "--argument", self.unit_ms]
        if fault:
            command += ["--environment", f"AIRCON_FAULT={fault}"]
        subprocess.run([str(c) for c in command], check=True, timeout=LIMIT_S)
        return path

    def add_bundle(self, **bundle):
        self.center("app", "add", self.bundle(**bundle))

    # The equipment.
    def start_unit(self):
        self.unit = self.spawn("unit", BIN / "aircon-unit", "--port", "0", wait_line="listening on ")

    # The gateway.
    def configure(self, extra=""):
        (self.folder / "gateway.xml").write_text(
            f'<gateway name="{self.name}">\n' +
            "".join(f'<center url="{u}"/>\n' for u in [self.url, *self.more_centers]) +
            (f'<signatures key="{self.key}"/>\n' if self.key else "") +
            self.profile +
            f'<directories state="{self.state}" run="{self.folder}/run" configuration="{self.configuration}"/>\n'
            f'<faults source="{self.source}" decide="{self.decide_ms}" {self.faults}/>\n<link uids="{self.uids}"/>\n{extra}</gateway>\n')

    def start_gateway(self):
        self.configure()
        process = self.spawn("gateway", BIN / "faultlined", "-v", "-c", self.folder / "gateway.xml")

        def answers():
            assert process.poll() is None, self.log("gateway")
            return self.ctl("status").returncode == 0
        wait_until(answers, "faultlined answers")
        return process

    def clean(self):
        """What a gateway that is dead has left in the kernel goes, as a reboot makes it go."""
        subprocess.run([BIN / "faultlined", "--clean", "-c", self.folder / "gateway.xml"], capture_output=True, timeout=60)

    def ctl(self, *arguments, user=None):
        return subprocess.run([BIN / "faultctl", "-s", self.folder / "run/control.sock", *map(str, arguments)],
                              text=True, capture_output=True, timeout=LIMIT_S, user=user,
                              extra_groups=[] if user else None)

    def ask(self, *arguments):
        done = self.ctl("--json", *arguments)
        assert not done.returncode, done.stderr
        return json.loads(done.stdout)

    def run(self, service=SERVICE):
        """Runs a service: its progress, and its result or the error."""
        done = self.ctl("--json", "run", service)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        result = lines.pop() if not done.returncode else None
        return lines, result, done.stderr.strip()

    def app(self, name="air-conditioner"):
        return next((app for app in self.ask("apps") if app["name"] == name), None)

    def stored(self, query, *values):
        """Rows of the gateway's database as it is on the disk, by another reader of the file."""
        database = sqlite3.connect(f"file:{self.state}/gateway.db?mode=ro", uri=True)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    def applications_left(self):
        """What lies in the gateway's folders of applications and of their states."""
        return sorted(str(p.relative_to(self.state)) for folder in ("applications", "data")
                      for p in (self.state / folder).iterdir())

    def close(self):
        """Every daemon ends well when it is asked to: a leak that a sanitizer finds is a status of its own."""
        ended = {name: self.end(name) for name in reversed(list(self.processes))}
        assert not any(ended.values()), ended


@pytest.fixture
def site():
    # Not pytest's own folder, which no other user can pass.
    folder = Path(tempfile.mkdtemp(prefix="faultline-site-"))
    site = Site(folder)
    site.start_unit()
    yield site
    try:
        site.close()
    finally:
        for name in ("center", "gateway", "unit"):
            print(f"--- {name}.log\n{site.log(name)}")
        shutil.rmtree(folder)


@pytest.fixture
def running(site):
    """Center, gateway and unit, with an application that has no fault in it."""
    site.stock()
    site.start_center()
    site.start_gateway()
    return site
