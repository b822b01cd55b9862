# SPDX-License-Identifier: GPL-2.0-only
"""Programs of the system that know nothing of the gateway and run as resident applications, told by their READY."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import LIMIT_S, ROOT, wait_until

JAR = ROOT / "build/out/java/air-conditioner.jar"
SBIN = "/usr/sbin:/usr/bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(site, name, configuration, attributes=""):
    """A site with the program as its application and a service that needs it."""
    if not shutil.which(name, path=SBIN):
        pytest.skip(f"{name} is not installed: apt-get install {'knot-resolver' if name == 'kresd' else name}")
    source = site.folder / "source"
    shutil.copytree(ROOT / "apps" / name, source)
    data = source / "application.xml.in"
    if attributes:
        data.write_text(data.read_text().replace('heartbeat="10000"', attributes))
    program = source / f"{name}.conf"
    program.write_text(configuration(program.read_text()))
    bundle = site.folder / f"{name}.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--application", source, "--program", program,
                    "--residence", "resident"], check=True, timeout=LIMIT_S)
    definition = site.configuration / "definitions/serving.dtd"
    definition.write_text('<!ELEMENT serving EMPTY>\n<!ATTLIST serving event CDATA #FIXED "serve">\n')
    script = site.folder / "serving.xml"
    script.write_text("<serving/>\n")
    (site.configuration / "events.xml").write_text(
        f'<events><event name="serve" application="{name}" processing="serve"/></events>\n')
    site.center("app", "add", bundle)
    site.center("definition", "add", definition)
    site.center("script", "add", script)
    site.center("countermeasure", "set", "signal", "restart")
    site.center("countermeasure", "set", "hang", "restart")
    site.start_center()
    site.start_gateway()
    progress, result, error = site.run("serving")
    assert result, error
    names = [line["event"] for line in progress]
    assert names.index("application.ready") < names.index("processing.answered")


def killed_and_restored(site, name):
    pid = site.app(name)["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (a := site.app(name))["state"] == "running" and a.get("pid") not in (None, pid), "it runs again")


def mqtt_connects(port):
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as s:
        s.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a")
        return s.recv(4) == b"\x20\x02\x00\x00"


def test_mosquitto(site):
    port = free_port()
    start(site, "mosquitto", lambda text: text.replace("18830", str(port)))
    assert mqtt_connects(port)
    killed_and_restored(site, "mosquitto")
    assert mqtt_connects(port)
    assert "mosquitto version" in site.ctl("logs", "mosquitto").stdout
    # Its output is log as well.
    pid = site.app("mosquitto")["pid"]
    assert os.readlink(f"/proc/{pid}/fd/1") == os.readlink(f"/proc/{pid}/fd/2")


def test_kresd_and_its_watchdog(site):
    port = free_port()
    hang = "\nlocal f = io.open('hung')\nif f == nil then io.open('hung', 'w'):close() " \
           "event.after(4 * sec, function() os.execute('sleep 60') end) else f:close() end\n"
    start(site, "kresd", lambda text: text.replace("18853", str(port)) + hang, 'heartbeat="3000"')
    pid = site.app("kresd")["pid"]
    wait_until(lambda: [f["kind"] for f in site.ask("faults")] == ["hang.heartbeat"], "its watchdog is missed")
    wait_until(lambda: (a := site.app("kresd"))["state"] == "running" and a.get("pid") not in (None, pid), "it runs again")
    time.sleep(5)       # it beats
    assert len(site.ask("faults")) == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(LIMIT_S)
        s.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01", ("127.0.0.1", port))
        assert s.recv(512)[:2] == b"\x12\x34"


def test_java_is_prepared_and_the_next_start_uses_it(site):
    if not JAR.exists():
        pytest.skip("there is no javac on this machine: apt-get install default-jdk-headless, then make")
    site.stock()
    bundle = site.folder / "air-conditioner-java.tar.zst"
    subprocess.run([ROOT / "apps/mkbundle.sh", "--output", bundle, "--program", JAR, "--argument", "--unit",
                    "--argument", site.unit, "--application", ROOT / "apps/air-conditioner-java", "--residence",
                    "resident"], check=True, timeout=LIMIT_S)
    events = site.configuration / "events.xml"
    events.write_text(events.read_text().replace('"air-conditioner"', '"air-conditioner-java"'))
    site.center("app", "add", bundle)
    site.center("countermeasure", "set", "signal", "restart")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    wait_until(lambda: [e for e in site.ask("events", "-n", "1000") if e["name"] == "application.prepared"], "it is prepared")
    made, = (site.state / "prepared/air-conditioner-java").iterdir()
    assert made.stat().st_uid == 0 and made.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in (site.state / "prepared").iterdir()] == ["air-conditioner-java"]
    pid = site.app("air-conditioner-java")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (a := site.app("air-conditioner-java"))["state"] == "running" and a.get("pid") not in (None, pid),
               "it runs again")
    again = site.app("air-conditioner-java")["pid"]
    assert str(made) in open(f"/proc/{again}/cmdline").read()
    assert site.run()[1]
    assert str(made) in open(f"/proc/{again}/maps").read()
    # One that has a fault soon after a start with it does without.
    os.kill(again, signal.SIGKILL)
    wait_until(lambda: (a := site.app("air-conditioner-java"))["state"] == "running" and a.get("pid") not in (None, again),
               "it runs again")
    assert not made.exists()
