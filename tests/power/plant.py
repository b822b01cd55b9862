# SPDX-License-Identifier: GPL-2.0-only
"""A site whose gateway and center keep what they keep on a disk of their own, and marks in the log of that disk for
what somebody else was told: from then on it must not get lost."""

import http.client
import http.server
import json
import os
import re
import shutil
import signal
import threading

from gateway_site import AIR_CONDITIONER, ROOT, SERVICE, Site, wait_until


class Wire:
    """Between the gateway and its center: what goes through is told to `passing` before and after."""

    def __init__(self, url, passing):
        host, port = url.removeprefix("http://").split(":")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                passing(self.command, self.path, body, None)
                connection = http.client.HTTPConnection(host, int(port), timeout=120)
                connection.request(self.command, self.path, body or None, dict(self.headers))
                reply = connection.getresponse()
                data = reply.read()
                passing(self.command, self.path, body, (reply.status, data))
                self.send_response(reply.status)
                for key in ("ETag", "Content-Type", "Retry-After", "Content-Range"):
                    if reply.getheader(key):
                        self.send_header(key, reply.getheader(key))
                if reply.status != 304:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                connection.close()

            do_GET = do_POST = do_PUT = forward

            def log_message(self, *args):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Plant(Site):
    def __init__(self, folder, mount, disk, unit_port):
        super().__init__(folder)
        self.mount = mount
        self.disk = disk
        self.trees = {}             # version: what is installed of it
        self.policy_wanted = 1
        self.policy_sent = 0
        self.next_version = None    # installed once the outcome of the fault that is handled is told
        (folder / "center").rmdir()
        (mount / "center").mkdir()
        (folder / "center").symlink_to(mount / "center")
        self.unit = self.spawn("unit", ROOT / "build/out/bin/aircon-unit", "--port", unit_port, wait_line="listening on ")

    @property
    def state(self):
        return self.mount / "state"

    def passing(self, method, path, body, answer):
        """Marks what the one who is told relies on: the gateway tells nothing that it may forget, nor does the center."""
        if "/countermeasures" in path:
            # Who asks for the next list has kept the one that it was sent.
            if not answer and self.policy_sent:
                self.disk.mark(f"policy:{self.policy_sent}")
            if answer and answer[0] == 200:
                self.policy_sent = json.loads(answer[1])["policy_version"]
        elif method == "POST" and path.endswith("/faults"):
            name = json.loads(body)["id"]
            if not answer:
                self.disk.mark(f"told:{name}")
            elif answer[0] == 200:
                self.disk.mark(f"known:{name}")
        elif method == "PUT" and path.endswith("/outcome") and not answer and self.next_version:
            self.disk.mark(f"installed:{self.next_version}")
            self.next_version = None

    # What happens.

    def begin(self, bundles):
        shutil.copy(bundles / "air-conditioner-1.0.0.tar.zst", self.folder)
        self.center("app", "add", bundles / "air-conditioner-1.0.0.tar.zst")
        self.center("definition", "add", ROOT / f"dtd/services/{SERVICE}.dtd")
        self.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")
        self.center("countermeasure", "set", "signal", "restart", "--backoff", 1, "--attempts", 100)
        self.start_center()
        self.wire = Wire(self.url, self.passing)
        self.url = self.wire.url
        self.decide_ms = 60000
        self.start_gateway()
        self.has_policy()

    def has_policy(self):
        self.policy_wanted += 1
        wait_until(lambda: self.ask("status")["policy_version"] == self.policy_wanted, f"list {self.policy_wanted} is here")

    def installed(self, version):
        assert self.app()["version"] == version
        self.trees[version] = tree(self.state / "applications/air-conditioner")

    def strike(self, signo=signal.SIGSEGV):
        before = len(self.ask("faults"))
        wait_until(lambda: self.app()["state"] == "running" and self.app().get("pid"), "it runs")
        os.kill(self.app()["pid"], signo)

        def handled():
            faults = self.ask("faults")
            return len(faults) > before and faults[0].get("outcome") and faults[0].get("reported")
        wait_until(handled, "the fault is handled")

    def countermeasure(self, *terms):
        self.center("countermeasure", "set", *terms)
        self.has_policy()

    def work(self, bundles):
        """An installation, faults, changes of the list, an upgrade, and back again."""
        self.begin(bundles)
        result, error = self.run(SERVICE)[1:]
        assert result and result["state"] == "finished", error
        self.disk.mark("installed:1.0.0")
        self.installed("1.0.0")
        self.strike()
        self.countermeasure("signal.segv", "reinstall")
        self.center("app", "add", bundles / "air-conditioner-2.0.0.tar.zst")
        self.next_version = "2.0.0"
        self.strike()
        self.installed("2.0.0")
        self.countermeasure("signal.abrt", "restart", "--decide", "gateway")
        self.strike(signal.SIGABRT)
        self.countermeasure("signal.segv", "rollback", "--version", "2.0.0", "--application", "air-conditioner")
        self.next_version = "1.0.0"
        self.strike()
        self.installed("1.0.0")
        self.strike(signal.SIGKILL)

    def close(self):
        super().close()
        if hasattr(self, "wire"):
            self.wire.close()


def tree(folder):
    """What is in a folder: names, modes and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = path.stat().st_mode, path.read_bytes() if path.is_file() else None
    return found


def version_of(folder):
    """The version that the application data in a folder say; None when there are none."""
    try:
        found = re.search(r'<application\b[^>]*\bversion="([^"]*)"', (folder / "application.xml").read_text())
    except OSError:
        return None
    return found[1] if found else "of no version"
