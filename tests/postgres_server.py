# SPDX-License-Identifier: GPL-2.0-only
"""A PostgreSQL of its own: a cluster in a folder of its own, on a Unix socket in it, and on loopback if it is asked to."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

LIMIT_S = 60


def programs():
    """Debian's newest, which are not in $PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4].split(".")[0]))
    return found[-1].parent if found else None


def missing():
    """Why there can be none, or None."""
    if not programs():
        return "PostgreSQL's server is not installed"
    if not os.geteuid():
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "there is no user postgres, and PostgreSQL refuses root"
    return None


class Postgres:
    def __init__(self, address=None, port=5432):
        self.bin = programs()
        # Not pytest's own folder, which no other user can pass; and a socket's path is short.
        self.folder = Path(tempfile.mkdtemp(prefix="faultline-pg-"))
        self.data = self.folder / "data"
        self.address, self.port = address, port
        self.server = None
        self.databases = 0
        if not os.geteuid():
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet trust\n")
        self.start()

    def command(self, program, *arguments):
        """PostgreSQL refuses root."""
        user = ["runuser", "-u", "postgres", "--"] if not os.geteuid() else []
        return [*user, str(self.bin / program), *map(str, arguments)]

    def run(self, program, *arguments):
        done = subprocess.run(self.command(program, *arguments), text=True, capture_output=True, timeout=5 * LIMIT_S,
                              cwd=self.folder)
        assert not done.returncode, (program, done.stdout, done.stderr)
        return done.stdout

    def start(self):
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                self.command("postgres", "-D", self.data, "-k", self.folder, "-p", self.port, "-c",
                             f"listen_addresses={self.address or ''}", "-c", "max_connections=60", "-c",
                             "shared_buffers=16MB", "-c", "log_min_messages=warning"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + LIMIT_S
        while True:
            ready = subprocess.run(self.command("pg_isready", "-q", "-h", self.folder, "-p", self.port), cwd=self.folder)
            if not ready.returncode:
                return
            assert self.server.poll() is None and time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.1)

    def stop(self, how="fast"):
        """`immediate` is a crash: no checkpoint, all clients are cut off."""
        self.run("pg_ctl", "-D", self.data, "-m", how, "-w", "-t", 4 * LIMIT_S, "stop")
        self.server.wait(LIMIT_S)

    def sql(self, statement, database="postgres"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-p", self.port, "-U", "postgres", "-d", database,
                        "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def database(self):
        """A new and empty one: its URL."""
        self.databases += 1
        name = f"center{self.databases}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url(name)

    def drop(self, url):
        """So that a checkpoint has less to do."""
        self.sql(f"DROP DATABASE {url.split('/')[3].split('?')[0]} WITH (FORCE)")

    def url(self, name):
        if self.address:
            return f"postgresql://postgres@{self.address}:{self.port}/{name}"
        return f"postgresql://postgres@/{name}?host={self.folder}&port={self.port}"

    def close(self):
        if self.server.poll() is None:
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        self.server.wait(LIMIT_S)
        shutil.rmtree(self.folder)


def serve():
    if why := missing():
        pytest.skip(why)
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


postgres = pytest.fixture(serve, scope="session", name="postgres")
