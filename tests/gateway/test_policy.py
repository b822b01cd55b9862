# SPDX-License-Identifier: GPL-2.0-only
"""R6, R8: the list of countermeasures at the gateway, who decides, and several centers."""

import http.client
import http.server
import json
import os
import re
import signal
import socket
import sys
import threading
import time

import pytest

from conftest import BIN, wait_until
from test_countermeasures import at_center, outcome, start, strike


def version(site):
    return site.ask("status")["policy_version"]


def has_version(site, number, limit_s=30):
    wait_until(lambda: version(site) == number, f"the list is of version {number}", limit_s)


class Proxy:
    """Stands before the center and notes the requests; what `answer` returns for one goes out in the center's place."""

    def __init__(self, url):
        self.seen = []
        self.answer = lambda method, path, body: None
        outer = self
        host, port = url.removeprefix("http://").split(":")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            forwarding = False

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, body))
                own = outer.answer(self.command, self.path, body)
                if own in ("hang", "hang up"):
                    time.sleep(8 if own == "hang" else 0)
                    self.close_connection = True
                    return
                if own is None:
                    self.forwarding = True
                    connection = http.client.HTTPConnection(host, int(port), timeout=60)
                    connection.request(self.command, self.path, body or None,
                                       {k: v for k, v in self.headers.items() if k.lower() in
                                        ("if-none-match", "content-type", "range")})
                    reply = connection.getresponse()
                    own = reply.status, dict(reply.getheaders()), reply.read()
                    self.forwarding = False
                status, headers, data = own
                self.send_response(status)
                for key in ("ETag", "Content-Type", "Content-Range", "Retry-After"):
                    if key in headers:
                        self.send_header(key, headers[key])
                if status != 304:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = forward

            def log_message(self, *args):
                pass

            def handle(self):
                """Who hangs up is not waited for. What breaks behind the proxy is an empty reply before it, and is told why."""
                try:
                    super().handle()
                except OSError as error:
                    if self.forwarding:
                        print(f"proxy: {self.command} {self.path}: the center: {error!r}", file=sys.stderr)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def of(self, method, pattern):
        return [json.loads(body) if body else None for m, path, body in list(self.seen)
                if m == method and re.search(pattern, path)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def proxy(site):
    site.stock(residence="resident")
    site.start_center()
    proxy = Proxy(site.url)
    site.center_url, site.url = site.url, proxy.url
    site.start_gateway()
    yield proxy
    proxy.close()


def test_a_change_is_at_the_gateway_within_a_second(site):
    start(site)
    for number in range(2, 6):
        site.center("countermeasure", "set", "signal", "restart", "--attempts", number)
        began = time.monotonic()
        has_version(site, number)
        assert time.monotonic() - began < 1
    site.center("countermeasure", "undo")
    has_version(site, 6, 1)
    assert json.loads((site.state / "countermeasures.json").read_text())["policy_version"] == 6


def test_figure_12_the_center_decides(site, proxy):
    site.center("countermeasure", "set", "signal", "restart")
    assert site.run()[1]
    assert outcome(strike(site)) == ("restart", "restored")
    known, = at_center(site)
    assert known["decided_by"] == "center" and known["decided_why"] is None
    assert [list(b) for b in proxy.of("POST", "/faults$")] == [["id", "kind", "application", "version", "time", "group", "data"]]
    assert len(proxy.of("PUT", "/outcome$")) == 1
    assert "restart, 3 times within 60 s, then stop; by the center" in site.ctl("fault", "show", known["id"]).stdout


def test_figure_16_the_gateway_decides_and_reports_once(site, proxy):
    site.center("countermeasure", "set", "signal", "restart", "--decide", "gateway", "--attempts", 7)
    has_version(site, 2)
    assert site.run()[1]
    proxy.answer = lambda method, path, body: (503, {}, b"") if "/faults" in path else None
    assert outcome(strike(site)) == ("restart", "restored")
    assert site.app()["state"] == "running", "nobody was waited for"
    proxy.answer = lambda *_: None
    proxy.seen.clear()
    known, = at_center(site)
    assert (known["decided_by"], known["decided_why"], known["policy_version"]) == ("gateway", "list", 2)
    assert known["countermeasure"]["attempts"] == 7 and known["outcome"]["result"] == "restored"
    message, = proxy.of("POST", "/faults$")
    assert message["decided"]["why"] == "list" and message["outcome"]["action"] == "restart"
    assert not proxy.of("PUT", "/outcome")
    assert wait_until(lambda: site.ask("faults")[0]["reported"], "the gateway knows that the center has it")
    assert "; by the gateway, as the list says, version 2" in site.ctl("fault", "show", known["id"]).stdout


def test_the_most_specific_entry_decides_at_the_gateway_too(site):
    start(site)
    steps = [("*", "none"), ("signal", "stop"), ("signal", "restart", "--group", "default"),
             ("signal", "stop", "--application", "air-conditioner"),
             ("signal", "restart", "--application", "air-conditioner", "--version", "1.0.0"),
             ("signal", "stop", "--application", "air-conditioner", "--version", "2.0.0"),
             ("signal.segv", "restart-clean"), ("signal.segv", "stop", "--group", "elsewhere")]
    for number, step in enumerate(steps, 2):
        site.center("countermeasure", "set", *step, "--decide", "gateway")
    has_version(site, len(steps) + 1)
    expected = ["restart-clean", "restart", "stop", "restart", "stop", "none"]
    for kind, *key in (("signal.segv",), ("signal", "--application", "air-conditioner", "--version", "1.0.0"),
                       ("signal", "--application", "air-conditioner"), ("signal", "--group", "default"), ("signal",), ("*",)):
        fault = strike(site)
        assert fault["outcome"]["action"] == expected.pop(0), (kind, key)
        before = version(site)
        site.center("countermeasure", "remove", kind, *key)
        has_version(site, before + 1)
        if site.app()["state"] != "running":
            assert site.run()[1]
    assert outcome(strike(site)) == ("none", "failed"), "no entry: the center says none"


def test_the_list_is_kept_and_decides_when_the_center_is_away(site):
    site.decide_ms = 300
    start(site, "restart-clean")
    has_version(site, 2)
    site.end("center")
    site.end("gateway")
    site.start_gateway()
    assert version(site) == 2, "it was on disk"
    site.end("gateway")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    site.end("center")
    fault = strike(site)
    assert outcome(fault) == ("restart-clean", "restored")
    whole = site.ask("fault", "show", fault["id"])
    assert whole["decided"] == {"why": "overdue", "policy_version": 2}
    assert "; by the gateway, as no answer came in time: its list, version 2" in site.ctl("fault", "show", fault["id"]).stdout
    site.start_center()
    known, = at_center(site)
    assert (known["decided_by"], known["decided_why"]) == ("gateway", "overdue")


def test_a_damaged_list_on_disk_is_fetched_again(site):
    start(site, "restart")
    has_version(site, 2)
    for text in ("", "{", "[]", '{"policy_version": 1}', '{"policy_version": 9, "countermeasures": [{}]}'):
        site.end("gateway")
        (site.state / "countermeasures.json").write_text(text)
        site.start_gateway()
        has_version(site, 2)


GOOD = {"kind": "signal", "application": "", "version": "", "group": "", "action": "restart", "attempts": 1, "window_s": 1,
        "backoff_ms": 0, "then": "stop", "healthy_s": 0, "parameters": {}, "decide": "gateway"}


BAD = [
    b"", b"garbage", b'{"policy_version": "9", "countermeasures": []}', b'{"policy_version": 9, "countermeasures": {}}',
    b'{"policy_version": 9, "policy_version": 8, "countermeasures": []}',
    *(json.dumps({"policy_version": 9, "countermeasures": [GOOD | change]}).encode() for change in (
        {"kind": "A B"}, {"group": None}, {"action": "explode"}, {"attempts": 10 ** 9}, {"decide": "both"},
        {"action": "signal", "parameters": {"signal": "0"}})),
]


def test_a_list_that_is_not_valid_leaves_the_one_before(site, proxy):
    has_version(site, 1)
    wait_until(lambda: len(proxy.of("GET", "/countermeasures")) >= 2, "a request waits for the next change")
    time.sleep(0.3)
    bodies = list(BAD)

    def answer(method, path, _):
        if "countermeasures" in path and bodies:
            return 200, {"ETag": '"policy-9"'}, bodies.pop(0)

    def refused():
        return site.log("gateway").count(f"faultlined: center {proxy.url}: ")
    proxy.answer = answer
    site.center("countermeasure", "set", "signal", "restart")
    has_version(site, 2)        # by the request that waited already
    before = 0
    while bodies:
        # A refused list is asked for again later; a gateway that begins anew asks at once.
        wait_until(lambda: refused() > before, "it is refused")
        assert version(site) == 2
        site.end("gateway")
        before = refused()
        site.start_gateway()
    has_version(site, 2)
    site.center("countermeasure", "set", "signal", "stop")
    has_version(site, 3)


def second_center(site):
    """Another center on the same data: SQLite lets both work side by side."""
    return site.spawn("center-2", BIN / "faultline-center", "--data", site.folder / "center", "serve",
                      "--listen", "127.0.0.1:0", wait_line="listening on ")


def test_the_next_center_is_asked_within_seconds(site):
    site.center("countermeasure", "set", "signal", "restart")
    site.stock(residence="resident")
    site.start_center()
    site.more_centers = [second_center(site)]
    site.start_gateway()
    has_version(site, 2)
    status = site.ask("status")["center"]
    assert [c["current"] for c in status["centers"]] == [True, False] and status["url"] == site.url
    site.end("center", signal.SIGKILL)
    began = time.monotonic()
    assert site.run()[1], "downloads and scripts come from the other one"
    assert outcome(strike(site)) == ("restart", "restored")
    assert time.monotonic() - began < 5
    status = site.ask("status")["center"]
    assert status["url"] == site.more_centers[0] and status["reachable"]
    assert "or " in site.ctl("status").stdout
    site.center("countermeasure", "set", "signal", "restart-clean")
    has_version(site, 3, 3)
    known = at_center(site)
    assert known[0]["decided_by"] == "center"


def test_centers_killed_in_turn_lose_no_fault(site):
    """Each fault is at the center once, and with one outcome, whichever of the two was there."""
    site.center("countermeasure", "set", "signal", "restart", "--attempts", 100, "--backoff", 1, "--window", 1)
    site.stock(residence="resident")
    site.start_center()
    first, second = site.url, second_center(site)
    site.more_centers = [second]
    site.start_gateway()
    assert site.run()[1]
    ids = []
    for round_ in range(4):
        name = ("center", "center-2")[round_ % 2]
        site.end(name, signal.SIGKILL)
        ids += [strike(site)["id"] for _ in range(2)]
        url = (first, second)[round_ % 2]
        site.spawn(name, BIN / "faultline-center", "--data", site.folder / "center", "serve", "--listen",
                   url.removeprefix("http://"), wait_line="listening on ")
    known = at_center(site, len(ids))
    assert sorted(f["id"] for f in known) == sorted(ids)
    assert all(f["outcome"]["result"] == "restored" for f in known)


@pytest.mark.parametrize("bad", ["503", "hang", "nonsense"])
def test_a_center_that_is_out_of_order_is_left(site, bad):
    site.center("countermeasure", "set", "signal", "restart")
    site.stock(residence="resident")
    site.start_center()
    proxy = Proxy(site.url)
    try:
        site.more_centers, site.url = [site.url], proxy.url
        site.start_gateway()
        assert site.run()[1]
        proxy.answer = lambda *_: {"503": (503, {"Retry-After": "1"}, b""), "hang": "hang",
                                   "nonsense": (599, {}, b"\0")}[bad]
        began = time.monotonic()
        assert outcome(strike(site)) == ("restart", "restored")
        assert time.monotonic() - began < 6
        at_center(site)
        assert site.ask("status")["center"]["url"] == site.more_centers[0]
    finally:
        proxy.close()


def test_all_centers_away_and_back(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    site.decide_ms = 300
    site.more_centers = [gone]
    start(site, "restart")
    has_version(site, 2)
    site.end("center")
    assert outcome(strike(site)) == ("restart", "restored")
    assert not site.ask("status")["center"]["reachable"]
    site.start_center()
    known, = at_center(site)
    assert known["decided_why"] == "overdue"
    assert wait_until(lambda: site.ask("status")["center"]["reachable"], "it is found again")


@pytest.mark.parametrize("text, says", [
    ('<center url="http://127.0.0.1:1" ca="a.pem"/><center url="http://127.0.0.1:2" ca="b.pem"/>', "same ca"),
    ('<center url="http://127.0.0.1:1"/><center url="127.0.0.1:2"/>', "http://HOST:PORT"),
    ('<center url="http://127.0.0.1:1"/>' * 17, "at most 16"),
    ('<center url="http://127.0.0.1:1"/><faults reboot="perhaps"/>', "reboot"),
])
def test_settings_that_are_wrong(site, text, says):
    import subprocess
    (site.folder / "gateway.xml").write_text(f'<gateway name="x">{text}</gateway>')
    done = subprocess.run([BIN / "faultlined", "-t", "-c", site.folder / "gateway.xml"], text=True, capture_output=True)
    assert done.returncode == 1 and says in done.stderr and len(done.stderr.splitlines()) == 1
