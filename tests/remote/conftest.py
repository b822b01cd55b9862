# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of the link and of unpacking share."""

import json
import os
import queue
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hostile import Hostile  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FAULTLINE_BUILD", ROOT / "build/out")) / "bin"
DEADLINE_S = 30


class Driver:
    """link_driver and what it says."""

    def __init__(self, program="", ca="", user="", stall_s=0, within=()):
        self.process = subprocess.Popen([*within, BIN / "link-driver", program, ca, user, str(stall_s)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.said = queue.Queue()
        self.log = []
        self.kept = {}
        self.readers = [threading.Thread(target=self.read, daemon=True),
                        threading.Thread(target=self.read_log, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def next(self, tag, keys, deadline_s=DEADLINE_S):
        """The next message of a tag that has one of the keys; what belongs to others is kept."""
        end = time.monotonic() + deadline_s
        while True:
            for message in self.kept.get(tag, []):
                if keys & message.keys():
                    self.kept[tag].remove(message)
                    return message
            message = self.said.get(timeout=max(0.01, end - time.monotonic()))
            self.kept.setdefault(message.get("tag"), []).append(message)

    def request(self, url, tag="only", **more):
        self.tell(do="request", tag=tag, url=url, **more)
        return self.next(tag, {"id", "refused"})

    def answer(self, tag="only", deadline_s=DEADLINE_S):
        return self.next(tag, {"status"}, deadline_s)

    def get(self, url, tag="only", **more):
        begun = self.request(url, tag, **more)
        assert "id" in begun, begun
        return self.answer(tag)

    def pid(self):
        self.tell(do="pid")
        return self.next(None, {"pid"})["pid"]

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(DEADLINE_S)
        for reader in self.readers:
            reader.join(DEADLINE_S)
        assert status == 0, self.log
        assert not [line for line in self.log if "Sanitizer" in line or "runtime error" in line], self.log


@pytest.fixture
def start():
    """Starts drivers, which are ended and looked at with the test."""
    started = []

    def begin(*arguments, **options):
        started.append(Driver(*arguments, **options))
        return started[-1]

    yield begin
    for driver in started:
        driver.close()


@pytest.fixture
def driver(start):
    return start()


@pytest.fixture
def server():
    hostile = Hostile()
    yield hostile
    hostile.close()


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority():
    """A CA, a certificate of it for 127.0.0.1, one for another name, and a CA that signed nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)     # the link's user reads there
        certify(folder)
        yield folder


def certify(folder):
    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
                "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    for name, subject in (("here", "IP:127.0.0.1"), ("elsewhere", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        (folder / f"{name}.ext").write_text(f"subjectAltName={subject}\n")
        openssl("x509", "-req", "-days", 2, "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / f"{name}.ext",
                "-out", folder / f"{name}.pem")


def tls_server(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return Hostile(context)
