# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP server on loopback that misbehaves as its paths say."""

import email.utils
import json
import os
import socket
import ssl
import threading
import time

BLOB = os.urandom(3_000_000)


class Hostile:
    def __init__(self, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.context = context
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.connections = 0
        self.requests = []
        self.over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.over.set()
        self.listener.close()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            file = peer.makefile("rb")
            while self.answer(peer, file):
                pass
        except (OSError, ValueError):
            pass
        finally:
            peer.close()

    def answer(self, peer, file):
        line = file.readline()
        if not line:
            return False
        method, path, _ = line.decode().split()
        headers = {}
        while (field := file.readline().strip()):
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        self.requests.append((method, path, headers, body))
        behave = getattr(self, "do_" + path.split("?")[0].strip("/").replace("-", "_"), None)
        if not behave:
            return self.say(peer, 404, b"nothing here")
        return behave(peer, method, headers, body)

    @staticmethod
    def say(peer, status, body=b"", **headers):
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        peer.sendall(head.encode() + b"\r\n" + body)
        return True

    def do_ok(self, peer, method, headers, body):
        return self.say(peer, 200, b"hello", ETag='"v1"')

    def do_echo(self, peer, method, headers, body):
        said = {"method": method, "headers": headers, "body": body.decode()}
        return self.say(peer, 200, json.dumps(said).encode())

    def do_conditional(self, peer, method, headers, body):
        same = headers.get("if-none-match") == '"v1"'
        return self.say(peer, 304 if same else 200, b"" if same else b"new", ETag='"v1"')

    def do_empty(self, peer, method, headers, body):
        return self.say(peer, 204)

    def do_blob(self, peer, method, headers, body):
        wanted = headers.get("range")
        if not wanted:
            return self.say(peer, 200, BLOB)
        first = int(wanted.removeprefix("bytes=").rstrip("-"))
        return self.say(peer, 206, BLOB[first:], Content_Range=f"bytes {first}-{len(BLOB) - 1}/{len(BLOB)}")

    def do_blob_whole(self, peer, method, headers, body):
        return self.say(peer, 200, BLOB)

    def do_blob_wrong_part(self, peer, method, headers, body):
        return self.say(peer, 206, BLOB[7:], Content_Range=f"bytes 7-{len(BLOB) - 1}/{len(BLOB)}")

    def do_blob_unnamed_part(self, peer, method, headers, body):
        return self.say(peer, 206, BLOB[7:])

    def do_blob_slow(self, peer, method, headers, body):
        peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BLOB)}\r\n\r\n".encode())
        for at in range(0, len(BLOB), 100_000):
            peer.sendall(BLOB[at:at + 100_000])
            time.sleep(0.05)
        return True

    def do_blob_short(self, peer, method, headers, body):
        peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BLOB)}\r\n\r\n".encode() + BLOB[:1_234_567])
        return False

    def do_blob_chunked(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(BLOB), 50_000):
            piece = BLOB[at:at + 50_000]
            peer.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        peer.sendall(b"0\r\n\r\n")
        return True

    def do_chunk_broken(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffffffffffff\r\nx")
        return False

    def do_longer(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more")
        return False

    def do_negative(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")
        return False

    def do_redirect(self, peer, method, headers, body):
        return self.say(peer, 302, b"elsewhere", Location=f"{self.url}/ok")

    def do_error(self, peer, method, headers, body):
        return self.say(peer, 500, b'{"title": "broken"}', Content_Type="application/problem+json")

    def do_busy(self, peer, method, headers, body):
        return self.say(peer, 503, Retry_After="7")

    def do_busy_date(self, peer, method, headers, body):
        return self.say(peer, 503, Retry_After=email.utils.formatdate(time.time() + 90, usegmt=True))

    def do_busy_ages(self, peer, method, headers, body):
        return self.say(peer, 503, Retry_After="99999999999999")

    def do_busy_nonsense(self, peer, method, headers, body):
        return self.say(peer, 503, Retry_After="soon")

    def do_wild_etag(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"\xff\xfe\x01\"\r\n\r\nhi")
        return True

    def do_long_etag(self, peer, method, headers, body):
        return self.say(peer, 200, b"hi", ETag='"' + "x" * 5000 + '"')

    def do_silent(self, peer, method, headers, body):
        self.over.wait(30)
        return False

    def do_stall(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        self.over.wait(30)
        return False

    def do_drip(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.over.wait(0.2):
            peer.sendall(b"x")
        return False

    def do_garbage(self, peer, method, headers, body):
        peer.sendall(b"\x00\x01\x02 not http at all\r\n\r\n")
        return False

    def do_endless_head(self, peer, method, headers, body):
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.over.is_set():
            peer.sendall(b"X-Filler: " + b"y" * 1000 + b"\r\n")
        return False

    def do_drop(self, peer, method, headers, body):
        return False

    def do_once(self, peer, method, headers, body):
        """Answers, keeps the connection, then closes it without a word."""
        self.say(peer, 200, b"once")
        return False
