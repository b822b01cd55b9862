# SPDX-License-Identifier: GPL-2.0-only
"""The server: what it refuses, how it starts and stops, HTTPS."""

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
import warnings
from pathlib import Path

import pytest
from conftest import DEADLINE_S, DEFINITION, PROGRAM, SCRIPT, fault, trust


def raw(center, data, end=True, patience_s=DEADLINE_S):
    """Sends bytes; all that comes back until the server closes or says nothing more."""
    with socket.create_connection(center.address, timeout=patience_s) as peer:
        answer = b""
        try:
            peer.sendall(data)
            if end:
                peer.shutdown(socket.SHUT_WR)
            while chunk := peer.recv(65536):
                answer += chunk
        except OSError:
            pass    # It did not want to hear all of it.
        return answer


def test_health(served):
    answer = served.get("/v1/health")
    assert answer.status == 200 and answer.json["status"] == "ok" and answer.json["version"]
    assert served.request("HEAD", "/v1/health").body == b""


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/v1/health", "GET"), ("DELETE", "/v1/applications/pump", "GET"), ("PUT", "/v1/scripts/x", "GET"),
    ("PUT", "/v1/gateways/g1/faults", "GET, POST"), ("DELETE", "/v1/gateways/g1/faults", "GET, POST"),
    ("GET", "/v1/gateways/g1/faults/a-1/outcome", "PUT"), ("POST", "/v1/gateways/g1/faults/a-1", "GET"),
    ("OPTIONS", "/v1/health", "GET"), ("BREW", "/v1/health", "GET"),
])
def test_a_wrong_method(served, method, path, allow):
    answer = served.request(method, path, body=b"x" if method in ("POST", "PUT") else None)
    assert allow in answer.problem(405) and answer.headers["Allow"] == allow


def test_a_body_of_the_limit_is_taken_and_one_over_it_is_not(served):
    body = fault()
    body["data"]["pad"] = ""
    body["data"]["pad"] = "x" * ((1 << 20) - len(json.dumps(body)))
    text = json.dumps(body)
    assert len(text) == 1 << 20
    assert served.request("POST", "/v1/gateways/g1/faults", text).status == 200
    for size in ((1 << 20) + 1, 3 << 20):
        assert "1048576" in served.request("POST", "/v1/gateways/g1/faults", b"x" * size).problem(413)
    # Also when its length was not announced, and when its sender asks first.
    chunks = (b"x" * 65536 for _ in range(40))
    served.request("POST", "/v1/gateways/g1/faults", chunks).problem(413)
    head = b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"
    assert raw(served, head).startswith(b"HTTP/1.1 413 ")
    head = b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    assert raw(served, head).startswith(b"HTTP/1.1 413 ")
    assert len(served.get("/v1/gateways/g1/faults").json) == 1


def test_bodies_together_are_bounded(served):
    """Peers that send all but the end of a body: the memory for all is not taken."""
    peers = []

    def unfinished(size):
        peer = socket.create_connection(served.address, timeout=DEADLINE_S)
        peers.append(peer)
        peer.sendall(b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (size - 1))

    try:
        for _ in range(70):
            unfinished(1 << 20)
        # Those that found no room in the midst of it leave some to smaller ones.
        deadline = time.monotonic() + DEADLINE_S
        while any(served.report(number=1).status != 503 for _ in range(3)) and time.monotonic() < deadline:
            unfinished(4096)
        answer = served.report(number=2)
        answer.problem(503)
        assert answer.headers["Retry-After"]
        assert served.get("/v1/health").status == 200
    finally:
        for peer in peers:
            peer.close()
    deadline = time.monotonic() + DEADLINE_S
    while served.report(number=2).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("data", [
    b"", b"\0" * 100, b"GET\r\n\r\n", b"GET /v1/health\r\n\r\n", b"GET /v1/health HTTP/9.9\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
    b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
], ids=range(14))
def test_rubbish_does_not_harm_it(served, data):
    answer = raw(served, data, patience_s=1)
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert served.get("/v1/health").status == 200


def test_peers_that_break_off_while_their_fault_is_stored(served):
    body = json.dumps(fault(number=7)).encode()
    head = f"POST /v1/gateways/g1/faults HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(100):
        peer = socket.create_connection(served.address, timeout=DEADLINE_S)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.sendall(head + body)
        peer.close()
    assert served.report(number=8).status == 200


def test_many_requests_on_one_connection(served):
    requests = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert raw(served, requests, end=False).count(b"HTTP/1.1 200 OK") == 201


def test_https(center, certificate):
    center.start("--tls-cert", certificate[0], "--tls-key", certificate[1])
    assert center.url.startswith("https://127.0.0.1:")
    trust(center, certificate[0])
    assert center.get("/v1/health").status == 200
    assert center.report().status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        center.context = ssl.create_default_context()
        center.get("/v1/health")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        center.context = old
        center.get("/v1/health")
    assert b"HTTP/1.1 200" not in raw(center, b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
    trust(center, certificate[0])
    assert center.get("/v1/health").status == 200


def test_https_sends_artifacts_whole(center, certificate, bundle):
    path = bundle.good(payload=os.urandom(3_000_000))
    center.do("app", "add", path, "--skip-run", "no program")
    center.start("--tls-cert", certificate[0], "--tls-key", certificate[1])
    trust(center, certificate[0])
    digest = center.get("/v1/applications/pump").json["sha256"]
    assert center.get(f"/v1/artifacts/{digest}").body == path.read_bytes()
    assert center.get(f"/v1/artifacts/{digest}", Range="bytes=1000000-").body == path.read_bytes()[1000000:]


def test_wrong_certificates(center, certificate, tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    def serve(*options, status=1):
        return center.refuse("serve", "--listen", "127.0.0.1:0", *options, status=status)
    assert "PEM" in serve("--tls-cert", bad, "--tls-key", certificate[1])
    assert "PEM" in serve("--tls-cert", certificate[0], "--tls-key", bad)
    assert "none.pem" in serve("--tls-cert", tmp_path / "none.pem", "--tls-key", bad)
    assert "together" in serve("--tls-cert", certificate[0], status=2)


@pytest.mark.parametrize("listen", ["", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                                    "127.0.0.1:70000", "300.0.0.1:80", "::1:80", "[::1]", "192.0.2.1:0"])
def test_wrong_addresses(center, listen):
    assert f"--listen {listen}" in center.refuse("serve", "--listen", listen)


def test_an_address_that_is_in_use(served):
    assert "in use" in served.refuse("serve", "--listen", "{}:{}".format(*served.address))


def test_ipv6(center):
    center.start(listen="[::1]:0")
    assert center.url.startswith("http://[::1]:")
    assert center.get("/v1/health").status == 200


def test_it_says_when_it_is_ready_and_stops_on_sigterm(center, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(DEADLINE_S)
        manager.bind(str(tmp_path / "notify"))
        center.start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        idle = center.connect()
        idle.connect()
        began = time.monotonic()
        center.stop()
        assert time.monotonic() - began < 10
        assert manager.recv(100) == b"STOPPING=1"


def test_sigint_stops_it_as_well(center):
    center.start()
    center.process.send_signal(signal.SIGINT)
    assert center.process.wait(DEADLINE_S) == 0
    center.process = None


def test_a_full_disk_is_no_lost_fault(center, tmp_path):
    """With no room for files over 1 MiB: what is answered with 200 is kept, the rest is refused until there is room."""
    center.start()
    _, most = resource.prlimit(center.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(center.process.pid, resource.RLIMIT_FSIZE, (1 << 20, most))
    kept, refused = [], 0
    for number in range(30):
        answer = center.report(number=number, data={"pad": "x" * 100_000})
        if answer.status == 200:
            kept.append(answer.json["id"])
        else:
            assert answer.status in (500, 503)
            refused += 1
    assert kept and refused
    resource.prlimit(center.process.pid, resource.RLIMIT_FSIZE, (most, most))
    assert center.report(number=number).status == 200
    center.kill()
    center.start()
    assert set(kept) <= {f["id"] for f in center.get("/v1/gateways/g1/faults?limit=1000").json}


def test_the_data_folder_is_not_for_others(served):
    assert not served.data.stat().st_mode & 0o007


@pytest.mark.parametrize("arguments, word", [
    ((), "command is missing"), (("nonsense",), "nonsense"), (("app",), "add verify show list"), (("app", "steal"), "add verify show list"),
    (("app", "add"), "missing"), (("app", "add", "a", "b"), "too many"), (("app", "list", "x"), "too many"),
    (("countermeasure", "set", "signal"), "missing"), (("countermeasure", "set", "Signal", "restart"), "kind"),
    (("countermeasure", "set", "signal", "explode"), "explode"), (("countermeasure", "set", "signal", "run", "--then", "x"), "x"),
    (("countermeasure", "set", "signal", "restart", "--attempts", "0"), "attempts"),
    (("countermeasure", "set", "signal", "restart", "--window", "1x"), "window"),
    (("countermeasure", "set", "signal", "restart", "--backoff=-1"), "backoff"),
    (("countermeasure", "set", "signal", "restart", "--version", "1"), "--application"),
    (("countermeasure", "set", "signal", "restart", "--application", "A"), "application"),
    (("countermeasure", "set", "signal", "restart", "--group", ""), "group"),
    (("countermeasure", "remove"), "missing"), (("fault", "list", "--limit", "0"), "limit"), (("fault", "show"), "missing"),
    (("fault", "list", "--kind", "X"), "kind"), (("fault", "list", "--gateway", "X"), "gateway"), (("serve", "x"), "too many"),
    (("serve", "--nonsense"), "nonsense"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_wrong_usage(center, arguments, word):
    assert word in center.refuse(*arguments, status=2)
    assert not center.data.exists()


def test_removing_what_is_not_there(center):
    center.do("countermeasure", "set", "signal", "restart", "--group", "lab")
    assert "no such entry" in center.refuse("countermeasure", "remove", "signal")
    center.do("countermeasure", "remove", "signal", "--group", "lab")
    assert center.json("countermeasure", "list") == []


@pytest.mark.parametrize("command", ["serve", "app add", "app verify", "app show", "app list", "definition add", "definition list", "script add",
                                     "script list", "countermeasure set", "countermeasure list", "countermeasure remove",
                                     "fault list", "fault show"])
def test_each_command_has_its_help(center, command):
    text = center.do(*command.split(), "--help")
    assert text.startswith(f"Usage: faultline-center {command}") and "--json" in text
    assert f"  {command.split()[0]}" in center.do("--help")


@pytest.mark.parametrize("noun", ["app", "countermeasure", "fault", "gateway"])
def test_a_noun_alone_lists_its_commands(center, noun):
    lines = center.do(noun, "--help").splitlines()
    assert lines and all(line.split()[0] == noun for line in lines[:-2])
    assert lines[:-2] == [line for line in center.do("--help").splitlines() if line.startswith(f"  {noun} ")]


def test_version(center):
    assert center.do("--version").startswith("faultline-center ")


def test_output_that_cannot_be_written(center):
    center.do("countermeasure", "set", "signal", "restart")
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "--data", center.data, "countermeasure", "list"], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "written" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can add for another user's daemon")
def test_what_root_adds_is_open_to_a_daemon_of_another_user(center, bundle):
    """Root adds before and while the daemon runs as nobody, who owns the data folder."""
    for folder in Path(__file__).resolve().parents:
        if not folder.stat().st_mode & 0o001:
            pytest.skip(f"{folder} cannot be passed by other users, so that none of them can run the program")
    for folder in (center.data, *center.data.parents[:3]):
        folder.mkdir(exist_ok=True)
    os.chown(center.data, 65534, 65534)
    for folder in center.data.parents[:3]:
        folder.chmod(0o755)
    center.do("definition", "add", DEFINITION)
    center.do("app", "add", bundle.good())
    center.start(user="nobody")
    center.do("script", "add", SCRIPT)
    center.do("countermeasure", "set", "signal", "restart")
    assert center.report().json["countermeasure"]["action"] == "restart"
    center.do("app", "add", bundle.good(version="2"))
    row = center.get("/v1/applications/pump").json
    assert row["version"] == "2" and center.get(f"/v1/artifacts/{row['sha256']}").status == 200
    assert {p.stat().st_uid for p in center.data.rglob("*")} == {65534}
