#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""data-logger: a resident application (11) that fetches a unit's readings and reports them in batches, as events.

data_logger.py --unit ADDRESS:PORT

What it was told to do is in its state folder, so that it goes on by itself after a fault. A reading is of the unit's
temperature, by Modbus/TCP. A unit that does not answer is reported once, until it answers again.
"""

import json
import os
import socket
import struct
import sys
from datetime import datetime, timezone
from pathlib import Path

from faultline_app import INVALID_PARAMS, Application, Failure, notify

TIMEOUT_S = 2
READ_INPUT_REGISTERS = 4
ROOM = 0
SETTINGS = Path(os.environ.get("STATE_DIRECTORY", ".")) / "logging.json"


class Unit:
    """One unit; each reading makes a connection when there is none."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.connection = None

    def reading(self):
        """Degrees Celsius; OSError when it does not answer."""
        try:
            if not self.connection:
                self.connection = socket.create_connection(self.address, TIMEOUT_S)
            self.connection.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, READ_INPUT_REGISTERS, ROOM, 1))
            answer = self.connection.recv(11, socket.MSG_WAITALL)
            if len(answer) != 11 or answer[7] != READ_INPUT_REGISTERS:
                raise OSError("its answer is not one of Modbus")
            return struct.unpack(">h", answer[9:])[0] / 10
        except OSError:
            self.close()
            raise

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class DataLogger:
    def __init__(self, app, unit):
        self.app = app
        self.unit = unit
        self.batch = []
        self.silent = False
        self.settings = None
        app.processing("start-logging")(self.start_logging)
        app.processing("stop-logging")(self.stop_logging)
        if SETTINGS.exists():
            self.follow(json.loads(SETTINGS.read_text(encoding="utf-8")))

    def start_logging(self, seconds, batch):
        if not 0.05 <= seconds <= 3600 or not 1 <= batch <= 500:
            raise Failure(f"a reading each {seconds} s, {batch} at once: 0.05 to 3600 s, 1 to 500 are possible",
                          INVALID_PARAMS)
        settings = {"seconds": seconds, "batch": batch}
        new = SETTINGS.with_suffix(".new")
        new.write_text(json.dumps(settings), encoding="utf-8")
        new.rename(SETTINGS)
        self.follow(settings)
        return settings

    def stop_logging(self):
        SETTINGS.unlink(missing_ok=True)
        rest = len(self.batch)
        self.report()
        self.settings = None
        self.app.ticks.clear()
        self.tell()
        return {"reported": rest}

    def follow(self, settings):
        self.settings = settings
        self.app.ticks.clear()
        self.app.every(settings["seconds"])(self.read)
        self.tell()

    def read(self):
        try:
            celsius = self.unit.reading()
        except OSError as error:
            if not self.silent:
                self.app.event("unit-silent", "warning", reason=str(error))
            self.silent = True
            return
        self.silent = False
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.batch.append({"time": time, "celsius": celsius})
        if len(self.batch) >= self.settings["batch"]:
            self.report()

    def report(self):
        if self.batch:
            self.app.event("readings", readings=self.batch)
        self.batch = []

    def tell(self):
        if self.settings:
            notify(f"STATUS=a reading each {self.settings['seconds']:g} s, {self.settings['batch']} at once")
        else:
            notify("STATUS=nothing is logged")


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "--unit" or ":" not in sys.argv[2]:
        print("usage: data_logger.py --unit ADDRESS:PORT, such as 127.0.0.1:15020", file=sys.stderr)
        return 2
    app = Application()
    logger = DataLogger(app, Unit(sys.argv[2]))
    notify("READY=1")
    app.run()
    logger.report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
