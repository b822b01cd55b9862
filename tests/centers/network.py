# SPDX-License-Identifier: GPL-2.0-only
"""A small network of its own: a namespace with a bridge for the centers, and one for each gateway."""

import os
import shutil
import subprocess


def ip(*arguments):
    return subprocess.run(["ip", *map(str, arguments)], text=True, capture_output=True)


def missing():
    """Why there can be none, or None."""
    if os.geteuid():
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "iproute2 is not installed"
    name = f"fl{os.getpid()}-try"
    made = ip("netns", "add", name)
    if made.returncode:
        return f"no network namespace can be made: {made.stderr.strip()}"
    bridge = ip("-n", name, "link", "add", "name", "br0", "type", "bridge")
    pair = ip("-n", name, "link", "add", "name", "ve0", "type", "veth", "peer", "name", "ve1")
    ip("netns", "del", name)
    failed = next((done for done in (bridge, pair) if done.returncode), None)
    return f"no bridge and no veth can be made: {failed.stderr.strip()}" if failed else None


class Network:
    def __init__(self):
        self.prefix = f"fl{os.getpid()}"
        self.names = []
        self.hub = self.add("hub")
        self.do(self.hub, "link", "add", "name", "br0", "type", "bridge")
        self.do(self.hub, "link", "set", "br0", "up")

    def do(self, name, *arguments):
        done = ip("-n", name, *arguments)
        assert not done.returncode, (arguments, done.stderr)

    def add(self, name):
        name = f"{self.prefix}-{name}"
        done = ip("netns", "add", name)
        assert not done.returncode, done.stderr
        self.names.append(name)
        self.do(name, "link", "set", "lo", "up")
        return name

    def center(self, address):
        """One more address of the hub's."""
        self.do(self.hub, "address", "add", f"{address}/24", "dev", "br0")

    def gateway(self, number):
        """A namespace with a cable to the bridge."""
        name = self.add(f"gw{number}")
        self.do(self.hub, "link", "add", "name", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        self.do(self.hub, "link", "set", f"p{number}", "master", "br0", "up")
        self.do(name, "address", "add", f"10.77.0.{100 + number}/24", "dev", "eth0")
        self.do(name, "link", "set", "eth0", "up")
        return name

    def cable(self, number, state):
        self.do(self.hub, "link", "set", f"p{number}", state)

    def close(self):
        for name in reversed(self.names):
            ip("netns", "del", name)
