# SPDX-License-Identifier: GPL-2.0-only
"""A center of its own for each test: its data folder, its command line, its daemon on a free port of loopback."""

import http.client
import io
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from postgres_server import postgres  # noqa: E402, F401

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("FAULTLINE_BUILD", ROOT / "build/out")) / "bin/faultline-center"
SERVICE = "air-conditioner-control"
DEFINITION = ROOT / f"dtd/services/{SERVICE}.dtd"
SCRIPT = ROOT / f"apps/air-conditioner/{SERVICE}.xml"
os.environ["FAULTLINE_RUNTIMES"] = str(ROOT / "packaging/etc/runtimes.xml")
ENVIRONMENT = os.environ | {"FAULTLINE_DTD": str(ROOT / "dtd")}
DEADLINE_S = 60


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def problem(self, status):
        """Asserts that it is a problem (RFC 9457) with this status; its detail."""
        assert self.status == status, (self.status, self.body)
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == status and self.json["title"]
        return self.json["detail"]


class Center:
    def __init__(self, data, store=None):
        self.data = data
        self.place = ["--data", data, *(["--store", store] if store else [])]
        self.process = None
        self.address = None
        self.context = None
        self.log = data.parent / "center.log"

    def run(self, *arguments):
        """A command, whatever comes of it."""
        done = subprocess.run([PROGRAM, *self.place, *map(str, arguments)], env=ENVIRONMENT, text=True,
                              capture_output=True, timeout=DEADLINE_S)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert done.returncode in (0, 1, 2), (done.returncode, done.stderr)
        return done

    def do(self, *arguments):
        """A command that must succeed; what it prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.do(*arguments, "--json"))

    def refuse(self, *arguments, status=1):
        """A command that must fail with one line; that line."""
        done = self.run(*arguments)
        assert done.returncode == status, (done.stdout, done.stderr)
        assert not done.stdout
        if status == 1:
            assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    def start(self, *arguments, listen="127.0.0.1:0", environment=None, user=None):
        self.process = subprocess.Popen([PROGRAM, "serve", *self.place, "--listen", listen, *arguments],
                                        env=ENVIRONMENT | (environment or {}), text=True, stdout=subprocess.PIPE,
                                        stderr=self.log.open("a"), user=user, group=user and 65534,
                                        extra_groups=[] if user else None)
        readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
        line = self.process.stdout.readline() if readable else ""
        assert line.startswith("listening on "), (line, self.log.read_text())
        self.url = line.split()[-1]
        host, _, port = self.url.split("://")[1].rpartition(":")
        self.address = host.strip("[]"), int(port)
        return self

    def connect(self):
        if self.url.startswith("https"):
            return http.client.HTTPSConnection(*self.address, timeout=DEADLINE_S, context=self.context)
        return http.client.HTTPConnection(*self.address, timeout=DEADLINE_S)

    def request(self, method, path, body=None, headers={}, connection=None):
        connection = connection or self.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def report(self, gateway="g1", connection=None, **fields):
        return self.request("POST", f"/v1/gateways/{gateway}/faults", fault(**fields), connection=connection)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        self.process = None

    def stop(self):
        """A clean end, at once, with nothing for a sanitizer to say."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(DEADLINE_S) == 0, self.log.read_text()
            self.process = None
        log = self.log.read_text() if self.log.exists() else ""
        assert "Sanitizer" not in log and "runtime error" not in log, log


def fault(number=1, boot="3e6f5c2a-9f0e-4f37-8a57-3a2d9f3f3b11", **fields):
    """The body of a fault; a field that is ... is left out."""
    body = {"id": f"{boot}-{number}", "kind": "signal.segv", "application": "air-conditioner", "version": "1.0.0",
            "time": "2026-01-31T23:59:58.123Z", "group": "default", "data": {"pid": 42}} | fields
    return {k: v for k, v in body.items() if v is not ...}


def pytest_generate_tests(metafunc):
    """Modules that are about what is stored have STORES; tests that look into SQLite's file are marked."""
    if "center" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("sqlite")
        stores = getattr(metafunc.module, "STORES", ["sqlite"]) if not marked else ["sqlite"]
        metafunc.parametrize("center", stores, indirect=True, ids=[""] if len(stores) == 1 else stores)


def pytest_configure(config):
    config.addinivalue_line("markers", "sqlite: the test looks into the file of the SQLite store")


@pytest.fixture
def center(request, tmp_path):
    """A center that does not serve yet."""
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    store = server.database() if server else None
    center = Center(tmp_path / "data", store)
    yield center
    center.stop()
    if server:
        server.drop(store)


@pytest.fixture
def served(center):
    return center.start()


class Bundle:
    """Makes bundles, good and bad ones."""

    PROGRAM = b"#!/bin/sh\ncat >/dev/null\n"

    def __init__(self, folder):
        self.folder = folder

    @staticmethod
    def application(name="pump", version="1.0.0", runtime="native", program="bin/pump", residence="transient", extra=""):
        return (f'<application name="{name}" version="{version}" runtime="{runtime}" residence="{residence}">'
                f'<command program="{program}"/><processing name="start"/>{extra}</application>')

    @staticmethod
    def entry(name, content=b"", mode=0o644, **attributes):
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.mode = mode
        for key, value in attributes.items():
            setattr(info, key, value)
        return info, content

    def tar(self, entries):
        memory = io.BytesIO()
        with tarfile.open(fileobj=memory, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for info, content in entries:
                archive.addfile(info, io.BytesIO(content))
        return memory.getvalue()

    def compress(self, tar, name="bundle.tar.zst", *options):
        path = self.folder / name
        path.write_bytes(subprocess.run(["zstd", "-q", "-c", *options], input=tar, stdout=subprocess.PIPE,
                                        check=True).stdout)
        return path

    def good(self, payload=PROGRAM, name=None, **data):
        entries = [self.entry("application.xml", self.application(**data).encode()),
                   self.entry("bin", mode=0o755, type=tarfile.DIRTYPE),
                   self.entry(data.get("program", "bin/pump"), payload, 0o755)]
        return self.compress(self.tar(entries), name or "bundle.tar.zst")

    def make(self, *entries, data=None, program=True):
        """A bundle with these entries behind application.xml, and a program unless told otherwise."""
        first = [self.entry("application.xml", (data or self.application()).encode())]
        last = [self.entry("bin/pump", b"x", 0o755)] if program else []
        return self.compress(self.tar(first + list(entries) + last))


@pytest.fixture
def bundle(tmp_path):
    return Bundle(tmp_path)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1: (certificate, key)."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=center", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def trust(center, certificate):
    center.context = ssl.create_default_context(cafile=certificate)
