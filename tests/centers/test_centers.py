# SPDX-License-Identifier: GPL-2.0-only
"""R8: two centers on one PostgreSQL, ten gateways in network namespaces of their own, and centers that are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
import network as net  # noqa: E402
import postgres_server  # noqa: E402
from gateway_site import BIN, ROOT, wait_until  # noqa: E402

GATEWAYS = 10
PORT = 8080
LIMIT_S = 90
KILLS = 4

why = net.missing() or postgres_server.missing()
pytestmark = pytest.mark.skipif(bool(why), reason=str(why))

# An application that answers what it is told, and from then on reports a fault of its own again and again; now and then it dies.
STORM = r"""#!/bin/sh
read -r line
id=$(printf '%s' "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/')
printf '{"jsonrpc":"2.0","id":%s,"result":{}}\n' "$id"
n=0
while [ $n -lt 12 ]; do
	n=$((n + 1))
	printf '{"jsonrpc":"2.0","method":"event","params":{"name":"worn","severity":"fault","part":%s}}\n' "$n"
	sleep 0.4
done
exit 3
"""
APPLICATION = ('<application name="storm" version="1.0.0" runtime="shell" residence="resident"><command program="bin/storm.sh"/>'
               '<processing name="go"/></application>')
DEFINITION = ('<!ELEMENT storm (go)>\n<!ATTLIST storm event CDATA #FIXED "storm.start">\n'
              '<!ELEMENT go EMPTY>\n<!ATTLIST go event CDATA #FIXED "storm.go">\n')
EVENTS = '<events><event name="storm.start"/><event name="storm.go" application="storm" processing="go"/></events>'


class Plant:
    """Everything, in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.network = net.Network()
        self.postgres = postgres_server.Postgres()
        self.store = self.postgres.database()
        self.centers = {}
        self.gateways = {}
        self.addresses = ["10.77.0.1", "10.77.0.2"]
        for address in self.addresses:
            self.network.center(address)

    def log(self, name):
        return (self.folder / f"{name}.log").open("ab")

    def admin(self, *arguments):
        done = subprocess.run([BIN / "faultline-center", "--data", self.folder / "admin", "--store", self.store, *map(str, arguments)],
                              text=True, capture_output=True, timeout=LIMIT_S)
        assert not done.returncode, done.stderr
        return done.stdout

    def start_center(self, address):
        with self.log(f"center-{address}") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.network.hub, BIN / "faultline-center", "serve", "--data", self.folder / address,
                 "--store", self.store, "--listen", f"{address}:{PORT}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout.readline().startswith(b"listening on "), address
        self.centers[address] = process

    def kill_center(self, address):
        process = self.centers.pop(address)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def stock(self):
        source = self.folder / "storm"
        (source / "bin").mkdir(parents=True)
        (source / "application.xml").write_text(APPLICATION)
        (source / "bin/storm.sh").write_text(STORM)
        (source / "bin/storm.sh").chmod(0o755)
        bundle = self.folder / "storm-1.0.0.tar.zst"
        subprocess.run(["tar", "-C", source, "--zstd", "-cf", bundle, "application.xml", "bin"], check=True)
        (self.folder / "storm.dtd").write_text(DEFINITION)
        (self.folder / "storm.xml").write_text("<storm><go/></storm>")
        self.admin("app", "add", bundle)
        self.admin("definition", "add", self.folder / "storm.dtd")
        self.admin("script", "add", self.folder / "storm.xml")

    def start_gateway(self, number, token):
        name = f"gw{number}"
        folder = self.folder / name
        configuration = folder / "configuration"
        (configuration / "definitions").mkdir(parents=True)
        shutil.copy(self.folder / "storm.dtd", configuration / "definitions")
        shutil.copy(ROOT / "packaging/etc/runtimes.xml", configuration)
        (configuration / "events.xml").write_text(EVENTS)
        (configuration / "services.xml").write_text('<services><service name="storm" calendar="*:*:0/4"/></services>')
        (folder / "token").write_text(token)
        # Half of them asks the one first, half the other.
        order = self.addresses if number % 2 else self.addresses[::-1]
        (folder / "gateway.xml").write_text(
            f'<gateway name="{name}" token-file="{folder}/token">\n' + "".join(f'<center url="http://{a}:{PORT}"/>\n' for a in order) +
            f'<directories state="{folder}/state" run="{folder}/run" configuration="{configuration}"/>\n'
            f'<faults source="{"probes" if number < 3 else "none"}" decide="2000"/>\n<link uids="{200000 + number * 1000}"/>\n</gateway>\n')
        with self.log(name) as log:
            self.gateways[name] = subprocess.Popen(
                ["ip", "netns", "exec", self.network.gateway(number), BIN / "faultlined", "-c", folder / "gateway.xml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ctl(self, name, *arguments):
        done = subprocess.run([BIN / "faultctl", "-s", self.folder / name / "run/control.sock", "--json", *map(str, arguments)],
                              text=True, capture_output=True, timeout=LIMIT_S)
        return json.loads(done.stdout) if not done.returncode and done.stdout.strip() else None

    def center_of(self, name):
        status = self.ctl(name, "status")
        return status["center"]["url"].split("//")[1].split(":")[0] if status else None

    def stored(self, columns, where=""):
        database = self.store.split("/")[3].split("?")[0]
        text = self.postgres.sql(f"SELECT {columns} FROM fault JOIN boot ON boot.key = fault.boot {where}", database)
        return [line.split("|") for line in text.splitlines()]

    def count(self):
        return int(self.stored("count(*)")[0][0])

    def end_gateways(self):
        statuses = {}
        for name, process in self.gateways.items():
            process.send_signal(signal.SIGTERM)
        for name, process in self.gateways.items():
            statuses[name] = process.wait(LIMIT_S)
        self.gateways.clear()
        return statuses

    def close(self):
        try:
            self.end_gateways()
            for address in list(self.centers):
                self.kill_center(address)
        finally:
            self.postgres.close()
            self.network.close()


@pytest.fixture
def plant():
    folder = Path(tempfile.mkdtemp(prefix="faultline-plant-"))
    folder.chmod(0o755)
    plant = Plant(folder)
    try:
        yield plant
    finally:
        plant.close()
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        shutil.rmtree(folder)


def moved(plant, names, address):
    return wait_until(lambda: all(plant.center_of(name) == address for name in names), f"all ask {address}", LIMIT_S)


def at_gateway(plant, name):
    """Every fault that the gateway has: id, whether the center knows it, what was decided, by whom."""
    return plant.ctl(name, "faults", "-n", 1000) or []


def test_R8_centers_die_under_load(plant):
    """No fault is lost, none is answered twice differently, and gateways go on at the other center within seconds."""
    plant.stock()
    plant.admin("countermeasure", "set", "exit", "restart", "--attempts", 100, "--window", 1, "--backoff", 0)
    plant.admin("countermeasure", "set", "application", "none")
    for address in plant.addresses:
        plant.start_center(address)
    for number in range(1, GATEWAYS + 1):
        plant.start_gateway(number, plant.admin("gateway", "add", f"gw{number}"))
    names = list(plant.gateways)
    wait_until(lambda: len({row[0] for row in plant.stored("DISTINCT gateway")}) == GATEWAYS, "every gateway has reported faults", LIMIT_S)

    moves = []
    for turn in range(KILLS):
        address, other = plant.addresses[turn % 2], plant.addresses[1 - turn % 2]
        before = plant.count()
        plant.kill_center(address)
        began = time.monotonic()
        # The list changes meanwhile: an answer of before must stay what it was.
        plant.admin("countermeasure", "set", "application", "none", "--attempts", turn + 2)
        moved(plant, names, other)
        moves.append(time.monotonic() - began)
        wait_until(lambda: plant.count() > before + GATEWAYS, "faults are stored at the other", LIMIT_S)
        plant.start_center(address)
    assert max(moves) < 60, moves
    print(f"moved within {', '.join(f'{m:.1f} s' for m in moves)}; {plant.count()} faults")

    # A cable is pulled and put back: what happened meanwhile comes afterwards.
    plant.network.cable(1, "down")
    time.sleep(3)
    plant.network.cable(1, "up")

    # All that there is by now arrives, whatever comes in the meantime.
    wanted = {name: {fault["id"] for fault in at_gateway(plant, name)} for name in names}

    def arrived(name):
        known = {fault["id"] for fault in at_gateway(plant, name) if fault["reported"]}
        return wanted[name] <= known
    wait_until(lambda: all(arrived(name) for name in names), "every gateway has told its center", LIMIT_S)
    faults = {name: [f for f in at_gateway(plant, name) if f["id"] in wanted[name]] for name in names}

    rows = plant.stored("gateway, boot.id || '-' || number, countermeasure, decided_by, kind")
    assert len({(g, i) for g, i, *_ in rows}) == len(rows), "an id counts once"
    center = {(g, i): (json.loads(c), by) for g, i, c, by, _ in rows}
    alike = 0
    for name in names:
        for fault in faults[name]:
            assert (name, fault["id"]) in center, ("lost", name, fault)
            known, by = center[name, fault["id"]]
            # What the gateway did by the center's answer is what the center says that it answered.
            if by == "center" and fault.get("countermeasure"):
                for member in ("action", "attempts", "then"):
                    assert fault["countermeasure"][member] == known[member], (name, fault, known)
                alike += 1
    assert sum(map(len, faults.values())) > 10 * GATEWAYS and alike > 5 * GATEWAYS, alike
    assert {kind for *_, kind in rows} >= {"application.worn", "exit.nonzero"}
    assert set(plant.end_gateways().values()) == {0}


def test_R8_a_gateway_without_its_token_is_not_served(plant):
    """Its faults wait until it has one."""
    plant.stock()
    plant.start_center(plant.addresses[0])
    plant.admin("gateway", "add", "other")
    plant.addresses = plant.addresses[:1]
    time.sleep(1)
    plant.start_gateway(3, "wrong-token")
    wait_until(lambda: plant.ctl("gw3", "status"), "it answers", LIMIT_S)
    wait_until(lambda: any("token" in json.dumps(e) for e in plant.ctl("gw3", "events", "-n", 200) or []), "it says that it wants a token", LIMIT_S)
    assert plant.count() == 0
