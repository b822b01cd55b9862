# SPDX-License-Identifier: GPL-2.0-only
"""An application's side of its channel (docs/protocol.md), in one file to copy into an application.

    from faultline_app import Application, Failure

    app = Application()

    @app.processing("set-level")
    def set_level(level):
        if not 0 <= level <= 5:
            raise Failure(f"level {level}: 0 to 5 is possible")
        return {"level": level}

    app.run()

The channel is the standard output, so Application() moves it away: what is printed goes to the log.
"""

import json
import os
import select
import socket
import sys
import time

LINE_MAX = 65536
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
FAILED = 4


class Failure(Exception):
    """Why a processing failed, one line: what, where, what to do next."""

    def __init__(self, message, code=FAILED):
        super().__init__(message)
        self.code = code


def notify(state):
    """Tells the gateway a state as sd_notify(3) does, such as "READY=1" or "WATCHDOG=1"; False when nobody listens or reads."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        try:
            # While there is no supervisor nobody reads: what waits there says already that this process lives.
            connection.sendto(state.encode(), socket.MSG_DONTWAIT, address)
        except BlockingIOError:
            return False
    return True


class Application:
    def __init__(self):
        self.processings = {}
        self.ticks = []                 # [seconds between, when next, function]
        # A process that stands by initialises itself and leaves equipment alone until it is activated.
        self.standby = "FAULTLINE_STANDBY" in os.environ
        self._activate = None
        self.channel = os.dup(1)
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)
        # Apart from the interpreter's own, whose buffering select() would not see.
        self.buffer = b""

    def processing(self, name):
        """Makes a function a processing; its parameters are the arguments, by name with "_" for "-"."""
        def register(function):
            self.processings[name] = function
            return function
        return register

    def every(self, seconds):
        """Has a function called every so many seconds, between requests."""
        def register(function):
            self.ticks.append([seconds, time.monotonic() + seconds, function])
            return function
        return register

    def activated(self, function):
        """Has a function called in a process that stood by, once the work is its own."""
        self._activate = function
        return function

    def event(self, name, severity="info", **data):
        """Reports an event; with the severity "fault" it is a fault of the kind application.NAME."""
        self._send({"method": "event", "params": {"name": name, "severity": severity} | data})

    def run(self):
        """Answers requests until the gateway ends the input."""
        while self._turn():
            pass

    def _turn(self):
        timeout = None
        if self.ticks:
            timeout = max(0, min(tick[1] for tick in self.ticks) - time.monotonic())
        if select.select([0], [], [], timeout)[0]:
            data = os.read(0, LINE_MAX)
            if not data:
                return False
            *lines, self.buffer = (self.buffer + data).split(b"\n")
            for line in lines:
                self._answer(json.loads(line))
        for tick in self.ticks:
            if time.monotonic() >= tick[1]:
                tick[1] = time.monotonic() + tick[0]
                tick[2]()
        return True

    def _answer(self, request):
        if "id" not in request:
            if request.get("method") == "activate":
                self.standby = False
                if self._activate:
                    self._activate()
            return
        answer = {"id": request["id"]}
        arguments = {name.replace("-", "_"): value for name, value in (request.get("params") or {}).items()}
        function = self.processings.get(request["method"])
        try:
            if not function:
                raise Failure("no such processing", METHOD_NOT_FOUND)
            answer["result"] = function(**arguments) or {}
        except Failure as failure:
            answer["error"] = {"code": failure.code, "message": str(failure)}
        self._send(answer)

    def _send(self, message):
        line = json.dumps({"jsonrpc": "2.0"} | message, separators=(",", ":")).encode() + b"\n"
        if len(line) > LINE_MAX:
            print(f"a message of {len(line)} bytes is not sent: {LINE_MAX} are possible", file=sys.stderr)
            return
        while line:
            line = line[os.write(self.channel, line):]
