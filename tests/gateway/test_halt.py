# SPDX-License-Identifier: GPL-2.0-only
"""After a halt of the whole gateway: how it ended, what the kernel wrote, and that the center learns of it."""

import json
import os
import signal
import socket
import sqlite3

import pytest

from conftest import wait_until
from test_countermeasures import start


def boot_is_another(site, **mark):
    """What the store has is of another boot: of this one it cannot be told otherwise without a reboot."""
    database = sqlite3.connect(site.state / "gateway.db")
    with database:
        value, = database.execute("SELECT value FROM setting WHERE kind = 'halt'").fetchone()
        value = json.dumps(json.loads(value) | {"boot": "11111111-2222-3333-4444-555555555555"} | mark)
        database.execute("UPDATE setting SET value = ? WHERE kind = 'halt'", (value,))
    database.close()


@pytest.fixture
def pstore(site, monkeypatch):
    folder = site.folder / "pstore"
    folder.mkdir()
    monkeypatch.setenv("FAULTLINE_PSTORE", str(folder))
    return folder


def booted(site):
    return site.ask("events", "-k", "gateway.booted", "-n", 10)


def halts(site):
    return [f for f in site.ask("faults") if f["kind"] == "gateway.halted"]


def test_first_start_and_restarts_are_no_halt(site, pstore):
    (pstore / "dmesg-ramoops-0").write_text("older than this gateway")
    start(site, "restart")
    assert site.ask("status")["halt"]["reason"] == "first"
    for how in (signal.SIGKILL, signal.SIGTERM):
        site.end("gateway", how)
        site.start_gateway()
    assert len(booted(site)) == 1 and not halts(site)
    assert (pstore / "dmesg-ramoops-0").exists(), "what was there before is not this gateway's"


def test_orderly_end_is_an_event_and_no_fault(site, pstore):
    start(site, "restart")
    site.end("gateway")
    boot_is_another(site)
    site.start_gateway()
    halt = site.ask("status")["halt"]
    assert halt["reason"] == "orderly" and halt["gap_s"] >= 0 and halt["last_event"]
    assert [e["data"]["reason"] for e in booted(site)] == ["first", "orderly"]
    assert not halts(site) and "reason: orderly" in site.ctl("status").stdout


def test_halt_that_nobody_asked_for_is_told_to_the_center_once(site, pstore):
    start(site, "restart")
    last = wait_until(lambda: site.ask("events", "-n", 1), "an event")[-1]
    site.end("gateway", signal.SIGKILL)
    boot_is_another(site)
    site.start_gateway()
    fault, = halts(site)
    assert fault["state"] == "restored" and fault["application"] == ""
    data = site.ask("fault", "show", fault["id"])["data"]
    assert data["halt"]["reason"] == "unknown" and data["halt"]["last_event"] >= last["time"]
    assert data["events"] and data["gateway"]["version"] and "panic" not in data
    assert site.ask("status")["halt"]["fault"] == fault["id"] and fault["id"] in site.ctl("status").stdout
    told, = wait_until(lambda: [f for f in site.center_faults() if f["kind"] == "gateway.halted" and f["outcome"]], "the center knows")
    assert told["id"] == fault["id"]
    site.end("gateway", signal.SIGKILL)
    site.start_gateway()
    assert len(halts(site)) == 1 and [f["id"] for f in site.center_faults()] == [fault["id"]]
    assert site.ctl("fault", "show", fault["id"]).returncode == 0


def test_panic_log_is_kept_and_then_removed(site, pstore):
    start(site, "restart")
    site.end("gateway")     # in order: what the kernel wrote afterwards says more
    boot_is_another(site)
    (pstore / "dmesg-ramoops-0").write_bytes(b"x" * 300000 + b"\xff\x00\nKernel panic - not syncing: sysrq\n")
    (pstore / "dmesg-efi-17").write_text("Panic#1 Part1\n<6>[ 1.0] more\n")
    (pstore / "console-ramoops-0").write_text("not asked for")
    (pstore / "dmesg-link").symlink_to("/etc/passwd")
    site.start_gateway()
    fault, = halts(site)
    data = site.ask("fault", "show", fault["id"])["data"]
    texts = {entry["name"]: entry["text"] for entry in data["panic"]}
    assert list(texts) == ["dmesg-efi-17", "dmesg-ramoops-0"]
    assert texts["dmesg-ramoops-0"].endswith("??\nKernel panic - not syncing: sysrq\n")
    assert len(texts["dmesg-ramoops-0"]) == 64 << 10 and data["halt"]["reason"] == "panic"
    assert sorted(p.name for p in pstore.iterdir()) == ["console-ramoops-0", "dmesg-link"]
    wait_until(lambda: [f for f in site.center_faults() if f["kind"] == "gateway.halted"], "the center knows")


def test_reboot_of_a_countermeasure(site, pstore):
    start(site, "restart")
    site.end("gateway", signal.SIGKILL)
    boot_is_another(site, end="countermeasure", fault="a-1")
    site.start_gateway()
    halt = site.ask("status")["halt"]
    assert halt["reason"] == "countermeasure" and halt["by"] == "a-1" and not halts(site)


def test_manager_is_told_that_the_loop_turns(site, monkeypatch):
    path = site.folder / "manager.sock"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(path))
    manager.settimeout(60)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    site.url = "http://127.0.0.1:1"
    process = site.start_gateway()
    assert manager.recv(100) == b"READY=1"
    assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    assert site.ask("status")["watchdog"] == {"manager_s": 0.3}
    # A new one in its place goes on with it.
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.recv(100) == b"RELOADING=1", "the old one goes")
    wait_until(lambda: manager.recv(100) == b"READY=1", "the new one is there")
    assert manager.recv(100) == b"WATCHDOG=1"
    # One that stands still says nothing.
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: open(f"/proc/{process.pid}/stat").read().split()[2] == "T", "it stands still")
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            manager.recv(100)
    process.send_signal(signal.SIGCONT)
    manager.settimeout(60)
    assert manager.recv(100) == b"WATCHDOG=1"
    site.end("gateway")
    manager.close()


def test_manager_of_another_process_is_not_meant(site, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    site.url = "http://127.0.0.1:1"
    site.start_gateway()
    assert site.ask("status")["watchdog"] == {}


def test_gateway_works_without_the_device_that_it_cannot_have(site):
    site.url = "http://127.0.0.1:1"
    site.faults = 'watchdog="/dev/null" watchdog-seconds="20"'
    site.start_gateway()
    status = site.ask("status")["watchdog"]
    assert "device" not in status and "/dev/null" in status["error"]
    assert "watchdog      none: /dev/null" in site.ctl("status").stdout
