# SPDX-License-Identifier: GPL-2.0-only
"""The air conditioner's unit and the application, as processes of the build under test."""

import json
import os
import select
import socket
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FAULTLINE_BUILD", "build/out")
TIMEOUT_S = 20


class Unit:
    """The simulated unit, and Modbus/TCP by hand: so that its registers are read by something else than libmodbus."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BUILD / "bin/aircon-unit", "--port", "0", *arguments], stdout=subprocess.PIPE,
                                        text=True)
        self.address = self.process.stdout.readline().removeprefix("listening on ").strip()
        host, port = self.address.split(":")
        self.socket = socket.create_connection((host, int(port)), TIMEOUT_S)

    def request(self, pdu):
        self.socket.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu)
        header = self.socket.recv(7, socket.MSG_WAITALL)
        return self.socket.recv(struct.unpack(">H", header[4:6])[0] - 1, socket.MSG_WAITALL)

    def registers(self, function, address, count):
        answer = self.request(struct.pack(">BHH", function, address, count))
        assert answer[0] == function, answer
        return struct.unpack(f">{count}H", answer[2:])

    @property
    def power(self):
        return self.request(struct.pack(">BHH", 1, 0, 1))[2] & 1

    @property
    def set_point(self):
        return self.registers(3, 0, 1)[0] / 10

    @property
    def wind_velocity(self):
        return self.registers(3, 1, 1)[0]

    @property
    def room(self):
        return self.registers(4, 0, 1)[0] / 10

    def stop(self):
        self.socket.close()
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(TIMEOUT_S)


class Application:
    """The application at its channel."""

    def __init__(self, unit_address, state, fault=None):
        environment = {"STATE_DIRECTORY": str(state)}
        environment |= {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        if fault:
            environment["AIRCON_FAULT"] = fault
        self.process = subprocess.Popen([BUILD / "bin/air-conditioner", "--unit", unit_address], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment, cwd=state)
        self.next_id = 0
        self.events = []

    def message(self, timeout=TIMEOUT_S):
        """The next line, or None at the end; every line is JSON-RPC."""
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            raise TimeoutError
        line = self.process.stdout.readline()
        if not line:
            return None
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def request(self, method, timeout=TIMEOUT_S, **params):
        """The answer; events that come before it are kept. None when the application ends instead."""
        self.next_id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}))
        while (message := self.message(timeout)) is not None:
            if "id" in message:
                assert message["id"] == self.next_id
                return message
            self.events.append(message["params"])
        return None

    def finish(self):
        """End of input: the application's exit status."""
        self.process.stdin.close()
        status = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        return status


@pytest.fixture
def unit():
    unit = Unit("--speed", "50")
    yield unit
    unit.stop()


@pytest.fixture
def start(unit, tmp_path):
    """Starts applications at the unit, and ends those that are left."""
    started = []

    def start_one(fault=None, address=unit.address):
        started.append(Application(address, tmp_path, fault))
        return started[-1]

    yield start_one
    for application in started:
        if application.process.poll() is None:
            application.process.kill()
            application.process.wait()
