# SPDX-License-Identifier: GPL-2.0-only
"""Downloads: they go on after a break, are checked while they come, share what is on its way, and survive a power cut."""

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest
from disks import small  # noqa: F401
from gateway_site import AIR_CONDITIONER, SERVICE, wait_until


class Breaking:
    """Stands before the center; of artifacts it sends so many bytes of the body at a time, and then breaks off."""

    def __init__(self, url, portions):
        self.portions = list(portions)
        self.ranges = []
        self.descriptions = 0
        self.slow_s = 0     # so long does one take
        self.hold = threading.Event()
        self.hold.set()
        host, port = url.removeprefix("http://").split(":")
        self.center = host, int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile("rb") as file:
            while line := file.readline():
                method, path, _ = line.decode().split()
                headers = {}
                while (header := file.readline().strip()):
                    key, value = header.decode().split(":", 1)
                    headers[key.lower()] = value.strip()
                body = file.read(int(headers.get("content-length", 0)))
                try:
                    if not self.answer(peer, method, path, headers, body):
                        return
                except OSError:
                    return

    def answer(self, peer, method, path, headers, body):
        connection = http.client.HTTPConnection(*self.center, timeout=60)
        connection.request(method, path, body or None, {k: v for k, v in headers.items() if k in (
            "if-none-match", "content-type", "range")})
        reply = connection.getresponse()
        data = reply.read()
        head = f"HTTP/1.1 {reply.status} {reply.reason}\r\nContent-Length: {len(data)}\r\n"
        for key in ("ETag", "Content-Type", "Content-Range"):
            if reply.getheader(key):
                head += f"{key}: {reply.getheader(key)}\r\n"
        peer.sendall(head.encode() + b"\r\n")
        if path.startswith("/v1/applications/"):
            self.descriptions += 1
        if path.startswith("/v1/artifacts/"):
            self.ranges.append(headers.get("range"))
            self.hold.wait(60)
            for i in range(0, len(data) if self.slow_s else 0, -(-len(data) // 20)):
                peer.sendall(data[i:i + -(-len(data) // 20)])
                time.sleep(self.slow_s / 20)
            if self.slow_s:
                return True
            if self.portions:
                peer.sendall(data[:self.portions.pop(0)])
                return False
        peer.sendall(data)
        return True

    def close(self):
        self.listener.close()


@pytest.fixture
def breaking(site):
    """A site whose gateway reaches the center through one that breaks off."""
    made = []

    def make(*portions, **bundle):
        site.stock(**bundle)
        site.start_center()
        made.append(Breaking(site.url, portions))
        site.url = made[0].url
        site.start_gateway()
        return made[0]
    yield make
    for one in made:
        one.hold.set()
        one.close()


def versions(site):
    """Of what is installed, and of what can be gone back to."""
    def version(path):
        text = (path / "application.xml").read_text() if (path / "application.xml").exists() else 'version="-"'
        return text.split('version="', 2)[-1].split('"')[0] if "<application" not in text else \
            text.split("<application", 1)[1].split('version="', 1)[1].split('"')[0]
    return version(site.state / "applications/air-conditioner"), version(site.state / "previous/air-conditioner")


def test_goes_on_where_it_broke_off(site, breaking):
    proxy = breaking(1000, 1, 3000)
    lines, result, error = site.run()
    assert result, error
    assert proxy.ranges == [None, "bytes=1000-", "bytes=1001-", "bytes=4001-"]
    assert [line["event"] for line in lines].count("download.interrupted") == 3
    assert proxy.descriptions == 1


def test_ends_when_nothing_more_comes(site, breaking):
    proxy = breaking(*[0] * 100)
    _, result, error = site.run()
    assert not result and "air-conditioner" in error
    assert 3 <= len(proxy.ranges) <= 8
    assert site.applications_left() == []
    proxy.portions.clear()
    assert site.run()[1]


def test_the_last_byte_may_be_all_that_came(site, breaking):
    """Everything was sent, and then the connection was lost in the wrong moment."""
    proxy = breaking()
    size = next(p for p in (site.folder / "center/artifacts").glob("??/*")).stat().st_size
    proxy.portions.append(size)
    assert site.run()[1]
    assert len(proxy.ranges) == 1


def test_a_slow_one_tells_how_far_it_is(site, breaking):
    proxy = breaking()
    size = next(p for p in (site.folder / "center/artifacts").glob("??/*")).stat().st_size
    proxy.slow_s = 7
    lines, result, error = site.run()
    assert result, error
    told = [line for line in lines if line["event"] == "download.progress"]
    assert len(told) == 2, "after 2 s, and 4 s later"
    assert 2000 <= told[0]["t_ms"] < 3500 and 6000 <= told[1]["t_ms"] < 8000
    assert 0 < told[0]["data"]["bytes"] < told[1]["data"]["bytes"] < told[0]["data"]["of"] == size
    assert "air-conditioner 1.0.0: " in told[0]["text"] and "are left" in told[0]["text"]
    proxy.slow_s = 0
    lines, result, _ = site.run()
    assert result and "download.progress" not in {line["event"] for line in lines}


def test_two_requests_share_one_download(site, breaking):
    proxy = breaking(residence="resident")
    other = "other-service"
    shutil.copy(site.configuration / f"definitions/{SERVICE}.dtd", site.folder / f"{other}.dtd")
    text = (site.folder / f"{other}.dtd").read_text().replace(f"!ELEMENT {SERVICE} ", f"!ELEMENT {other} ").replace(
        f"!ATTLIST {SERVICE}\n", f"!ATTLIST {other}\n")
    (site.folder / f"{other}.dtd").write_text(text)
    shutil.copy(site.folder / f"{other}.dtd", site.configuration / "definitions")
    script = (site.folder / f"{other}.xml")
    script.write_text((AIR_CONDITIONER / f"{SERVICE}.xml").read_text().replace(f"<{SERVICE}>", f"<{other}>").replace(
        f"</{SERVICE}>", f"</{other}>"))
    site.center("definition", "add", site.folder / f"{other}.dtd")
    site.center("script", "add", script)
    proxy.hold.clear()
    results = []
    threads = [threading.Thread(target=lambda s=s: results.append(site.run(s))) for s in (SERVICE, other)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(proxy.ranges) == 1 and site.ask("status")["runs"] == 2, "both wait for it")
    proxy.hold.set()
    for thread in threads:
        thread.join(60)
    assert all(result for _, result, _ in results), results
    assert len(proxy.ranges) == 1 and proxy.descriptions == 1


def test_a_request_that_arrives_during_deletion(site):
    """A transient application is being stopped and deleted when it is asked for again: fetched anew, and run."""
    site.stock()
    site.start_center()
    site.start_gateway()
    results = []

    def again():
        for _ in range(3):
            results.append(site.run())
    threads = [threading.Thread(target=again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 9 and all(result for _, result, _ in results), results
    wait_until(lambda: not site.applications_left(), "it is deleted in the end")


def test_space_is_looked_at_before(site, small):
    site.stock()
    site.start_center()
    database = sqlite3.connect(site.folder / "center/center.db")
    with database:
        database.execute("UPDATE application SET size = 500 * 1024 * 1024")
    database.close()
    site.start_gateway()
    assert "free some space" in site.run()[2]


def test_space_is_made_by_need(site, small):
    """What was prepared for a faster start goes, where its application does not run; what is installed stays."""
    site.stock(residence="resident")
    site.add_bundle(name="other", residence="resident")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    site.end("gateway")
    prepared = small / "prepared/air-conditioner/archive"
    prepared.parent.mkdir(parents=True)
    prepared.write_bytes(b"x" * (shutil.disk_usage(small).free - 600 * 1024))
    events = site.configuration / "events.xml"
    events.write_text(events.read_text().replace('application="air-conditioner"', 'application="other"'))
    site.start_gateway()
    assert prepared.exists(), "nobody needed the space"
    assert site.run()[1], site.log("gateway")
    assert not prepared.exists() and site.ask("events", "-k", "space.made")
    assert site.app()["version"] == "1.0.0" and site.app("other")["state"] == "running"


# What a power cut leaves: the states of an installation, one after the other. A gateway that starts finds each of them.
def cut(site, do):
    site.end("gateway", signal.SIGKILL)
    do(site.state / "applications", site.state / "previous")
    site.start_gateway()


def pending(site, value):
    connection = sqlite3.connect(site.state / "gateway.db")
    with connection:
        row = connection.execute("SELECT name FROM sqlite_master WHERE name = 'setting'").fetchone()
        assert row, "the gateway's database has no settings"
        connection.execute("INSERT OR REPLACE INTO setting (kind, name, value) VALUES ('pending', 'air-conditioner', ?)",
                           (json.dumps(value),))
    connection.close()


@pytest.fixture
def two(site):
    """1.0.0 is installed; 1.1.0 lies beside it, as it was unpacked."""
    site.stock(residence="resident")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    site.folder.joinpath("new").mkdir()
    subprocess.run(["tar", "--zstd", "-xf", site.bundle(residence="resident", version="1.1.0"), "-C", site.folder / "new"],
                   check=True)
    return site


def test_a_cut_while_it_is_unpacked(two):
    def do(applications, previous):
        (applications / ".half").mkdir()
        (applications / ".half/application.xml").write_text("<appl")
    cut(two, do)
    assert versions(two) == ("1.0.0", "-") and not (two.state / "applications/.half").exists()
    assert two.run()[1]


def test_a_cut_before_the_exchange(two):
    def do(applications, previous):
        shutil.copytree(two.folder / "new", applications / ".new123")
        pending(two, {"version": "1.1.0", "staging": ".new123", "before": "1.0.0"})
    cut(two, do)
    assert versions(two) == ("1.0.0", "-") and not (two.state / "applications/.new123").exists()
    assert two.run()[1]


def test_a_cut_between_the_exchange_and_keeping_what_was_before(two):
    def do(applications, previous):
        (applications / "air-conditioner").rename(applications / ".new123")
        shutil.copytree(two.folder / "new", applications / "air-conditioner")
        pending(two, {"version": "1.1.0", "staging": ".new123", "before": "1.0.0"})
    cut(two, do)
    assert versions(two) == ("1.1.0", "1.0.0"), two.log("gateway")
    assert "cut short" in two.log("gateway")
    # Once is enough.
    two.end("gateway")
    two.start_gateway()
    assert versions(two) == ("1.1.0", "1.0.0") and two.log("gateway").count("cut short") == 1


def test_a_cut_after_going_back(two):
    """What was gone back from must not be what is gone back to the next time."""
    def do(applications, previous):
        previous.mkdir(exist_ok=True)
        shutil.copytree(two.folder / "new", previous / "air-conditioner")
        pending(two, {"version": "1.0.0"})
    cut(two, do)
    assert versions(two) == ("1.0.0", "-")


def test_a_cut_before_going_back(two):
    def do(applications, previous):
        previous.mkdir(exist_ok=True)
        shutil.copytree(two.folder / "new", previous / "air-conditioner")
        pending(two, {"version": "1.1.0"})
    cut(two, do)
    assert versions(two) == ("1.0.0", "1.1.0")


def test_killed_again_and_again_while_it_installs(site, breaking):
    """Whenever it is killed, what starts next finds the old state or the new one, and gets to the new one."""
    proxy = breaking(residence="resident")
    assert site.run()[1]
    for round in range(8):
        site.add_bundle(residence="resident", version=f"1.{round + 1}.0")
        site.center("countermeasure", "set", "signal", "reinstall", "--decide", "gateway", "--attempts", "100",
                    "--window", "3600")
        pid = site.app()["pid"]
        os.kill(pid, signal.SIGSEGV)
        asked = len(proxy.ranges)
        wait_until(lambda: len(proxy.ranges) > asked, "it fetches the new one")
        time.sleep(round * 0.01)
        site.end("gateway", signal.SIGKILL)
        site.start_gateway()
        installed, before = versions(site)
        assert installed in (f"1.{round + 1}.0", f"1.{round}.0"), (installed, before)
        assert before != installed
        assert site.run()[1], site.log("gateway")
        # What the restoration fetches once more has a folder of its own until it is there.
        wait_until(lambda: {p.name for p in (site.state / "applications").iterdir()} == {"air-conditioner"}, "nothing else is left")
