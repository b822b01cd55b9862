# SPDX-License-Identifier: GPL-2.0-only
"""supervisord/remote/link and faultline-link against a server that misbehaves."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import BIN, tls_server
from hostile import BLOB

EAGAIN, EBUSY, EINVAL, EMSGSIZE = 11, 16, 22, 90


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class TestAnswers:
    def test_body_and_etag(self, driver, server):
        answer = driver.get(f"{server.url}/ok")
        assert (answer["status"], answer["body"], answer["etag"]) == (200, "hello", '"v1"')
        assert answer["received"] == 5 and answer["retry_after_s"] == -1 and not answer["transient"]

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    def test_sends_a_body(self, driver, server, method):
        text = "ä" * 100_000 if method == "PUT" else '{"id": 1}'
        answer = driver.get(f"{server.url}/echo", method=method, body=text, max_bytes=1 << 22,
                            headers={"Content-Type": "application/json"})
        said = json.loads(answer["body"])
        assert said["method"] == method and said["body"] == text
        assert said["headers"]["content-type"] == "application/json"
        assert "expect" not in said["headers"]

    def test_sends_no_body(self, driver, server):
        said = json.loads(driver.get(f"{server.url}/echo", method="POST")["body"])
        assert said["headers"]["content-length"] == "0" and "content-type" not in said["headers"]

    def test_large_body_does_not_wait_for_continue(self, driver, server):
        began = time.monotonic()
        driver.get(f"{server.url}/ok", method="PUT", body="x" * 1_500_000)
        assert time.monotonic() - began < 0.9

    def test_not_modified(self, driver, server):
        url = f"{server.url}/conditional"
        assert driver.get(url)["body"] == "new"
        answer = driver.get(url, headers={"If-None-Match": '"v1"'})
        assert answer["status"] == 304 and answer["body"] == ""

    def test_no_content(self, driver, server):
        answer = driver.get(f"{server.url}/empty", method="PUT", body="x")
        assert answer["status"] == 204 and answer["body"] == ""

    def test_connection_is_kept(self, driver, server):
        for _ in range(20):
            assert driver.get(f"{server.url}/ok")["status"] == 200
        assert server.connections == 1

    def test_kept_connection_that_the_server_closed(self, driver, server):
        for _ in range(5):
            assert driver.get(f"{server.url}/once", method="POST", body="again")["body"] == "once"
        assert [body for *_, body in server.requests] == [b"again"] * 5

    def test_redirect_is_not_followed(self, driver, server):
        answer = driver.get(f"{server.url}/redirect")
        assert answer["status"] == 302 and answer["body"] == "elsewhere"
        assert len(server.requests) == 1

    def test_server_error(self, driver, server):
        answer = driver.get(f"{server.url}/error")
        assert answer["status"] == 500 and answer["transient"] and "broken" in answer["body"]
        assert not driver.get(f"{server.url}/absent")["transient"]

    @pytest.mark.parametrize("path, low, high", [("busy", 7, 7), ("busy-date", 80, 91), ("busy-ages", 86400, 86400)])
    def test_retry_after(self, driver, server, path, low, high):
        answer = driver.get(f"{server.url}/{path}")
        assert answer["status"] == 503 and answer["transient"]
        assert low <= answer["retry_after_s"] <= high

    def test_retry_after_nonsense(self, driver, server):
        assert driver.get(f"{server.url}/busy-nonsense")["retry_after_s"] in (-1, 0)

    @pytest.mark.parametrize("path", ["wild-etag", "long-etag"])
    def test_etag_that_is_none(self, driver, server, path):
        answer = driver.get(f"{server.url}/{path}")
        assert answer["status"] == 200 and answer["body"] == "hi" and "etag" not in answer

    def test_chunked(self, driver, server, tmp_path):
        assert driver.get(f"{server.url}/blob-chunked", sink=str(tmp_path / "f"), max_bytes=1 << 22)["status"] == 200
        assert (tmp_path / "f").read_bytes() == BLOB

    def test_progress(self, driver, server, tmp_path):
        assert driver.get(f"{server.url}/blob-slow", sink=str(tmp_path / "f"), max_bytes=1 << 22)["status"] == 200
        seen = [m["progress"] for m in driver.kept["only"]]
        assert seen == sorted(seen) and 1 <= len(seen) <= 6


class TestBrokenAnswers:
    @pytest.mark.parametrize("path, transient", [
        ("blob-short", True), ("drop", True), ("garbage", None), ("chunk-broken", None), ("endless-head", None),
    ])
    def test_fails(self, driver, server, path, transient):
        answer = driver.get(f"{server.url}/{path}", max_bytes=1 << 22)
        assert answer["status"] == 0 and answer["error"].startswith(server.url)
        assert transient in (None, answer["transient"])
        assert driver.get(f"{server.url}/ok")["status"] == 200

    @pytest.mark.parametrize("path", ["longer", "negative"])
    def test_wrong_length(self, driver, server, path):
        answer = driver.get(f"{server.url}/{path}")
        assert answer["status"] == 0 or answer["body"] == "hello"

    def test_received_of_a_broken_answer(self, driver, server, tmp_path):
        answer = driver.get(f"{server.url}/blob-short", sink=str(tmp_path / "f"), max_bytes=1 << 22)
        assert answer["status"] == 0 and answer["transient"]
        assert answer["received"] == (tmp_path / "f").stat().st_size == 1_234_567

    @pytest.mark.parametrize("path", ["blob", "blob-chunked"])
    def test_too_long(self, driver, server, tmp_path, path):
        answer = driver.get(f"{server.url}/{path}", sink=str(tmp_path / "f"), max_bytes=100_000)
        assert answer["status"] == 0 and not answer["transient"] and "longer" in answer["error"]
        assert (tmp_path / "f").stat().st_size <= 100_000

    def test_exactly_as_long_as_allowed(self, driver, server, tmp_path):
        answer = driver.get(f"{server.url}/blob", sink=str(tmp_path / "f"), max_bytes=len(BLOB))
        assert answer["status"] == 200 and answer["received"] == len(BLOB)

    @pytest.mark.parametrize("path", ["silent", "stall", "drip"])
    def test_timeout(self, driver, server, path):
        began = time.monotonic()
        answer = driver.get(f"{server.url}/{path}", timeout_ms=700)
        assert answer["status"] == 0 and answer["transient"]
        assert 0.6 < time.monotonic() - began < 3

    @pytest.mark.parametrize("path", ["silent", "stall", "drip"])
    def test_stands_still(self, start, server, path):
        answer = start(stall_s=2).get(f"{server.url}/{path}")
        assert answer["status"] == 0 and answer["transient"]


class TestNoServer:
    def test_refused(self, driver):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        answer = driver.get(f"http://127.0.0.1:{port}/")
        assert answer["status"] == 0 and answer["transient"] and f"127.0.0.1:{port}" in answer["error"]

    def test_no_such_name(self, driver):
        answer = driver.get("http://center.invalid/")
        assert answer["status"] == 0 and answer["transient"] and "center.invalid" in answer["error"]

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://"])
    def test_other_protocols(self, driver, url):
        answer = driver.get(url)
        assert answer["status"] == 0 and not answer["transient"]

    def test_credentials_stay_out_of_messages(self, driver):
        answer = driver.get("http://user:secret@127.0.0.1:1/path?token=secret")
        assert answer["status"] == 0 and "secret" not in answer["error"]


class TestTls:
    def test_right_authority(self, start, authority):
        server = tls_server(authority, "here")
        driver = start(ca=str(authority / "ca.pem"))
        for _ in range(3):
            assert driver.get(f"{server.url}/ok")["body"] == "hello"
        assert server.connections == 1

    @pytest.mark.parametrize("ca, name", [("stranger.pem", "here"), ("ca.pem", "elsewhere"), ("", "here")])
    def test_not_to_be_trusted(self, start, authority, ca, name):
        server = tls_server(authority, name)
        answer = start(ca=str(authority / ca) if ca else "").get(f"{server.url}/ok")
        assert answer["status"] == 0 and not answer["transient"] and not server.requests

    def test_authority_is_not_there(self, start, authority):
        server = tls_server(authority, "here")
        answer = start(ca=str(authority / "absent.pem")).get(f"{server.url}/ok")
        assert answer["status"] == 0 and not answer["transient"] and not server.requests

    def test_server_without_tls(self, start, server, authority):
        answer = start(ca=str(authority / "ca.pem")).get(server.url.replace("http:", "https:"), timeout_ms=5000)
        assert answer["status"] == 0


class TestOffset:
    @pytest.mark.parametrize("path", ["blob", "blob-whole"])
    @pytest.mark.parametrize("offset", [1, 100_000, len(BLOB) - 1])
    def test_goes_on(self, driver, server, tmp_path, path, offset):
        answer = driver.get(f"{server.url}/{path}", offset=offset, sink=str(tmp_path / "f"), max_bytes=1 << 22)
        assert answer["status"] in (200, 206)
        assert (tmp_path / "f").read_bytes() == BLOB[offset:]

    def test_after_a_break(self, driver, server, tmp_path):
        sink = str(tmp_path / "f")
        broken = driver.get(f"{server.url}/blob-short", sink=sink, max_bytes=1 << 22)
        driver.get(f"{server.url}/blob", sink=sink, max_bytes=1 << 22, offset=broken["received"])
        assert (tmp_path / "f").read_bytes() == BLOB

    @pytest.mark.parametrize("path", ["blob-wrong-part", "blob-unnamed-part"])
    def test_wrong_part(self, driver, server, tmp_path, path):
        answer = driver.get(f"{server.url}/{path}", offset=1000, sink=str(tmp_path / "f"), max_bytes=1 << 22)
        assert answer["status"] == 0 and answer["received"] == 0 and "part" in answer["error"]

    def test_beyond_the_end(self, driver, server, tmp_path):
        answer = driver.get(f"{server.url}/ok", offset=10, sink=str(tmp_path / "f"))
        assert answer["status"] == 0 and answer["received"] == 0


class TestPipe:
    @pytest.fixture
    def pipe(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        return path

    def test_slow_reader_holds_up_nobody(self, driver, server, pipe):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, True)
        driver.request(f"{server.url}/blob", "slow", sink=str(pipe), max_bytes=1 << 22)
        time.sleep(0.3)
        for _ in range(5):
            began = time.monotonic()
            assert driver.get(f"{server.url}/ok", "other")["status"] == 200
            assert time.monotonic() - began < 0.5
        data = b""
        with open(reader, "rb", buffering=0) as file:
            while (piece := file.read(40_000)):
                data += piece
                time.sleep(0.002)
        answer = driver.answer("slow")
        assert answer["status"] == 200 and answer["received"] == len(BLOB) and data == BLOB

    def test_waiting_for_the_reader_costs_no_processor(self, driver, server, pipe):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        driver.request(f"{server.url}/blob", "slow", sink=str(pipe), max_bytes=1 << 22)
        time.sleep(0.5)

        def ticks():
            with open(f"/proc/{driver.pid()}/stat") as stat:
                return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
        before = ticks()
        time.sleep(1)
        assert ticks() - before <= 5
        os.close(reader)
        assert driver.answer("slow")["status"] == 0

    def test_slow_reader_of_a_whole_answer(self, driver, server, pipe):
        """The last piece is in the link when libcurl has finished already."""
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, True)
        size = 66_000
        server.do_just_over = lambda peer, *_: server.say(peer, 200, BLOB[:size])
        driver.request(f"{server.url}/just-over", "slow", sink=str(pipe))
        time.sleep(0.3)
        assert "slow" not in driver.kept or not [m for m in driver.kept["slow"] if "status" in m]
        with open(reader, "rb") as file:
            assert file.read() == BLOB[:size]
        assert driver.answer("slow")["received"] == size

    def test_reader_goes_away(self, driver, server, pipe):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        driver.request(f"{server.url}/blob", "slow", sink=str(pipe), max_bytes=1 << 22)
        time.sleep(0.2)
        os.close(reader)
        answer = driver.answer("slow")
        assert answer["status"] == 0 and not answer["transient"] and "reader" in answer["error"]

    def test_error_document_stays_out(self, driver, server, pipe):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, True)
        answer = driver.get(f"{server.url}/error", sink=str(pipe))
        assert answer["status"] == 500 and answer["received"] == 0
        with open(reader, "rb") as file:
            assert file.read() == b""


class TestCancel:
    @pytest.mark.parametrize("path", ["silent", "stall", "blob-slow"])
    def test_under_way(self, driver, server, path):
        begun = driver.request(f"{server.url}/{path}", "gone", max_bytes=1 << 22)
        time.sleep(0.2)
        driver.tell(do="cancel", id=begun["id"])
        assert driver.get(f"{server.url}/ok")["status"] == 200
        time.sleep(0.3)
        assert driver.get(f"{server.url}/ok")["status"] == 200
        assert not [m for m in driver.kept["gone"] if "status" in m]

    def test_at_once_and_again(self, driver, server):
        begun = driver.request(f"{server.url}/silent", "gone")
        for number in (begun["id"], begun["id"], 0, -1, 12345):
            driver.tell(do="cancel", id=number)
        assert driver.get(f"{server.url}/ok")["status"] == 200

    def test_makes_room(self, driver, server):
        for round_ in range(5):
            begun = [driver.request(f"{server.url}/silent", f"{round_}-{i}") for i in range(16)]
            for one in begun:
                driver.tell(do="cancel", id=one["id"])
        assert driver.get(f"{server.url}/ok")["status"] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
class TestSilentResolver:
    """A resolution under way cannot be broken off; nothing may wait for it."""

    @pytest.fixture
    def deaf(self, start, tmp_path):
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
            pytest.skip("unshare --mount does not work here: the root is not a mount point, or there are no rights")
        (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.77\noptions timeout:4 attempts:2\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            resolver.bind(("127.0.0.77", 53))
            mount = f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec "$0" "$@"'
            yield start(within=("unshare", "--mount", "bash", "-c", mount))

    @pytest.mark.parametrize("end", ["cancel", "timeout"])
    def test_holds_up_nobody(self, deaf, server, end):
        begun = deaf.request("http://center.example/", "slow", timeout_ms=500 if end == "timeout" else 0)
        assert deaf.get(f"{server.url}/ok")["status"] == 200
        if end == "cancel":
            deaf.tell(do="cancel", id=begun["id"])
        else:
            answer = deaf.answer("slow", 2)
            assert answer["status"] == 0 and answer["transient"]
        began = time.monotonic()
        for _ in range(3):
            assert deaf.get(f"{server.url}/ok")["status"] == 200
        assert time.monotonic() - began < 3     # the resolver gives up after 8 s

    def test_ends_with_the_supervisor_all_the_same(self, deaf):
        deaf.request("http://center.example/", "slow")
        time.sleep(0.3)
        pid = deaf.pid()
        deaf.process.kill()
        wait_for(lambda: not alive(pid), 3)
        deaf.close = lambda: None


class TestLimits:
    def test_sixteen_at_once(self, driver, server):
        for i in range(16):
            assert "id" in driver.request(f"{server.url}/silent", f"s{i}", timeout_ms=1500)
        refused = driver.request(f"{server.url}/ok", "one-more")
        assert refused["refused"] == EBUSY
        for i in range(16):
            assert driver.answer(f"s{i}")["status"] == 0
        assert driver.get(f"{server.url}/ok")["status"] == 200

    def test_burst(self, driver, server):
        """What does not fit into the socket at once goes later."""
        for i in range(16):
            driver.tell(do="request", tag=f"b{i}", url=f"{server.url}/ok", headers={"X-Fill": "x" * 7000})
        for i in range(16):
            assert driver.answer(f"b{i}")["status"] == 200

    @pytest.mark.parametrize("request_, code", [
        ({"url": "http://127.0.0.1/" + "x" * 2048}, EMSGSIZE),
        ({"headers": {f"x{i}": "y" for i in range(17)}}, EMSGSIZE),
        ({"headers": {"x": "y" * 9000}}, EMSGSIZE),
        ({"headers": {"x": "y\r\nz: injected"}}, EINVAL),
        ({"headers": {"x\r\nz": "y"}}, EINVAL),
    ])
    def test_refused(self, driver, server, request_, code):
        assert driver.request(**({"url": f"{server.url}/ok"} | request_))["refused"] == code
        assert driver.get(f"{server.url}/ok")["status"] == 200


class TestDeath:
    def test_killed_in_the_middle(self, driver, server, tmp_path):
        driver.request(f"{server.url}/silent", "a")
        driver.request(f"{server.url}/silent", "b", sink=str(tmp_path / "f"))
        first = driver.pid()
        os.kill(first, signal.SIGKILL)
        for tag in "ab":
            answer = driver.answer(tag)
            assert answer["status"] == 0 and answer["transient"] and answer["sink_lost"] == (tag == "b")
        assert driver.request(f"{server.url}/ok", "early")["refused"] == EAGAIN
        wait_for(lambda: driver.pid() not in (0, first))
        assert driver.get(f"{server.url}/ok")["status"] == 200
        wait_for(lambda: any("signal 9" in line for line in driver.log))

    def test_tells_how_it_ended(self, start):
        driver = start(user="no-such-user")
        wait_for(lambda: any("exit status 1" in line for line in driver.log))

    def test_that_hangs_up_and_stays(self, start, tmp_path):
        driver = start(program=str(self.impostor(tmp_path, [])))
        driver.request("http://127.0.0.1/", "a")
        answer = driver.answer("a")
        assert answer["status"] == 0 and answer["transient"]
        wait_for(lambda: any("signal 9" in line for line in driver.log))

    def test_killed_again_and_again(self, driver, server):
        gaps = []
        for _ in range(4):
            os.kill(driver.pid(), signal.SIGKILL)
            began = time.monotonic()
            wait_for(lambda: driver.pid() == 0)
            wait_for(lambda: driver.pid() != 0)
            gaps.append(time.monotonic() - began)
        assert gaps[0] < gaps[3] and gaps[3] > 0.7

    def test_ends_with_the_supervisor(self, start, server):
        driver = start()
        driver.request(f"{server.url}/silent", "a")
        pid = driver.pid()
        os.kill(driver.process.pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid))
        driver.close = lambda: None

    @pytest.mark.parametrize("says", [
        "x", "[]", "{}", '{"id":1}', '{"id":1,"received":-1}', '{"id":1,"received":0,"status":600}',
        '{"id":1,"received":0,"status":0}', '{"id":1,"received":0,"status":200,"error":"both"}',
        '{"id":1,"received":0,"status":200,"etag":7}', '{"id":"1","received":0}', '{"id":1,"received":0,"more":1}',
        '{"id":1,"received":0,"status":200,"retry_after_s":99999999}', '{"id":1,"id":1,"received":0}',
        '{"id":1,"received":99999999999999999999}', "{" + " " * 9000 + "}",
    ], ids=lambda says: says[:70].strip())
    def test_that_talks_nonsense(self, start, tmp_path, says):
        driver = start(program=str(self.impostor(tmp_path, [says])))
        driver.request("http://127.0.0.1/", "a")
        answer = driver.answer("a")
        assert answer["status"] == 0 and answer["transient"]
        wait_for(lambda: any("not a message" in line for line in driver.log))

    def test_that_answers_what_nobody_asked(self, start, tmp_path):
        says = ['{"id":77,"received":5}', '{"id":77,"received":5,"status":200}',
                '{"id":1,"received":5,"status":0,"error":"well","transient":false}']
        driver = start(program=str(self.impostor(tmp_path, says)))
        driver.request("http://127.0.0.1/", "a")
        assert driver.answer("a")["error"] == "well"

    def test_that_answers_more_than_was_allowed(self, start, tmp_path):
        driver = start(program=str(self.impostor(tmp_path, ['{"id":1,"received":5,"status":200}'], "x" * 5000)))
        driver.request("http://127.0.0.1/", "a", max_bytes=4999)
        answer = driver.answer("a")
        assert answer["status"] == 0 and "body" not in answer

    def test_that_cannot_be_started(self, start, tmp_path):
        driver = start(program=str(tmp_path / "absent"))
        driver.process.wait(10)
        wait_for(lambda: any("cannot start" in line for line in driver.log))
        driver.close = lambda: None

    @staticmethod
    def impostor(folder, says, body=""):
        """A faultline-link that says something of its own to the first request."""
        path = folder / "impostor"
        path.write_text(f"""#!/usr/bin/python3
import os, socket, time
peer = socket.socket(fileno=3)
_, fds, _, _ = socket.recv_fds(peer, 8192, 2)
os.write(fds[-1], {body!r}.encode())
for line in {says!r}:
    peer.send(line.encode())
if not {says!r}:
    peer.close()
time.sleep(60)
""")
        path.chmod(0o755)
        return path


class TestProcess:
    def test_has_nothing_but_its_socket(self, driver, server):
        driver.get(f"{server.url}/ok")
        folder = f"/proc/{driver.pid()}/fd"
        names = {fd: os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
        assert names.pop("0") == names.pop("1") == "/dev/null"
        names.pop("2")
        assert all(name.startswith(("socket:", "anon_inode:", "pipe:")) for name in names.values()), names

    def test_is_confined(self, driver, server):
        driver.get(f"{server.url}/ok")
        with open(f"/proc/{driver.pid()}/status") as status:
            fields = dict(map(str.strip, line.split(":", 1)) for line in status)
        assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
        assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
    def test_becomes_its_user(self, start, server, authority):
        driver = start(user="nobody", ca=str(authority / "ca.pem"))
        assert driver.get(f"{tls_server(authority, 'here').url}/ok")["status"] == 200
        with open(f"/proc/{driver.pid()}/status") as status:
            fields = dict(map(str.strip, line.split(":", 1)) for line in status)
        assert set(fields["Uid"].split()) == {"65534"} and set(fields["Gid"].split()) == {"65534"}
        assert fields["Groups"].strip() == ""

    def test_user_that_does_not_exist(self, start):
        driver = start(user="no-such-user")
        wait_for(lambda: any("no-such-user" in line for line in driver.log))

    def test_by_hand(self):
        ended = subprocess.run([BIN / "faultline-link"], capture_output=True, text=True, timeout=10)
        assert ended.returncode == 1 and "started by faultlined" in ended.stderr
        assert subprocess.run([BIN / "faultline-link", "--nonsense"], capture_output=True).returncode == 2

    @pytest.mark.parametrize("message", [
        b"x", b"{}", b"[]", b'{"cancel":"x"}', b'{"cancel":0}', b'{"cancel":1,"id":1}',
        b'{"id":1,"method":"GET","url":"http://127.0.0.1/","max_bytes":1}',
        b'{"id":1,"method":"DELETE","url":"http://127.0.0.1/","max_bytes":1}', b"{" + b" " * 9000 + b"}", b"",
    ], ids=lambda message: message[:40].decode().strip())
    def test_malformed_message_ends_it(self, message):
        process, ours = self.link_alone()
        if message:
            ours.send(message)
            assert process.wait(10) == 1 and "not a request" in process.stderr.read()
        else:
            ours.close()
            assert process.wait(10) == 0

    def test_gives_everything_back(self, server, tmp_path):
        """Ends by itself, so that a sanitized build looks for leaks; one transfer is under way still."""
        process, ours = self.link_alone()
        for number, path in enumerate(("ok", "blob", "absent", "error", "garbage", "silent"), 1):
            with open(tmp_path / path, "wb") as sink:
                request = {"id": number, "method": "GET", "url": f"{server.url}/{path}", "max_bytes": 1 << 20,
                           "headers": {"X-Some": "thing"}}
                socket.send_fds(ours, [json.dumps(request).encode()], [sink.fileno()])
            if path != "silent":
                assert json.loads(ours.recv(8192))["id"] == number
        ours.close()
        assert process.wait(20) == 0, process.stderr.read()

    @staticmethod
    def link_alone():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = ["bash", "-c", f'exec "$0" 3<&{theirs.fileno()}', str(BIN / "faultline-link")]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
        theirs.close()
        return process, ours
