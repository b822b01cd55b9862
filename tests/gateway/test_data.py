# SPDX-License-Identifier: GPL-2.0-only
"""R5: event data and fault data: what is kept, how it is bounded, looked at and handed on."""

import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import BIN, wait_until
from test_countermeasures import outcome, start, strike


def test_events_are_narrowed(site):
    start(site, "restart")
    strike(site)
    everything = site.ask("events", "-n", 1000)
    kernel = site.ask("events", "--kind", "process", "-n", 1000)
    assert kernel and kernel == [e for e in everything if e["name"].startswith("process.")
                                 and e["name"] != "processing.answered"]
    assert site.ask("events", "-k", "fault.stored") == [e for e in everything if e["name"] == "fault.stored"]
    assert site.ask("events", "-k", "fault.sto") == []
    assert {e["application"] for e in site.ask("events", "--application", "air-conditioner")} == {"air-conditioner"}
    assert site.ask("events", "-a", "nobody") == []
    middle = everything[len(everything) // 2]["time"]
    later = site.ask("events", "--since", middle[:19] + "Z", "-n", 1000)
    assert later == [e for e in everything if e["time"][:19] >= middle[:19]]
    assert site.ask("events", "--since", "1h") == everything
    assert site.ask("events", "--since", "2099-01-01T00:00:00Z") == []
    assert len(site.ask("events", "-n", 3)) == 3
    for words in (("--since", "soon"), ("--since", "-1"), ("-n", "0"), ("-n", "1x"), ("--surprise",), ("more",)):
        done = site.ctl("events", *words)
        assert done.returncode == 2 and "Usage" in done.stderr, words


def test_events_are_followed(site):
    start(site, "restart")
    follow = subprocess.Popen([BIN / "faultctl", "-s", site.folder / "run/control.sock", "--json", "events", "-f", "-n", "1",
                               "--kind", "fault"], text=True, stdout=subprocess.PIPE)
    try:
        ids = [strike(site)["id"] for _ in range(3)]
        lines = [json.loads(follow.stdout.readline()) for _ in range(9)]
        assert [e["name"] for e in lines] == ["fault.stored", "fault.decided", "fault.restored"] * 3
        assert [e["data"]["fault"] for e in lines[::3]] == ids
        site.end("gateway")
        assert follow.wait(10) == 3, "it tells that the gateway is gone"
    finally:
        follow.kill()
        follow.wait()
        follow.stdout.close()


def test_export_writes_a_file_and_never_over_one(site):
    start(site, "restart")
    fault = strike(site)
    path = site.folder / "fault.json"
    done = site.ctl("fault", "export", fault["id"], path)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    shown = site.ask("fault", "show", fault["id"])
    # It is made of the others when it is shown.
    assert shown["data"].pop("backtrace")["frames"]
    assert document["format"] == "faultline-fault" and document["fault"] == shown
    assert document["fault"]["data"]["registers"] and path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    done = site.ctl("fault", "export", fault["id"], path)
    assert done.returncode == 1 and "already" in done.stderr and path.read_bytes() == before
    assert "faultctl faults" in site.ctl("fault", "export", "none", site.folder / "other").stderr
    assert not (site.folder / "other").exists()
    assert "No such file" in site.ctl("fault", "export", fault["id"], site.folder / "no/such").stderr


def test_the_center_exports_the_same_fault(site):
    """What happened on a gateway is a page at the center too."""
    start(site, "restart")
    fault = strike(site)
    wait_until(lambda: site.ask("fault", "show", fault["id"])["reported"] and site.center_faults()[0]["outcome"], "the center knows")
    path = site.folder / "exported.json"
    site.center("fault", "export", fault["id"], path)
    here = site.ctl("fault", "show", fault["id"]).stdout
    assert "SIGSEGV" in here and site.ctl("fault", "show", "-i", path).stdout == here
    again = site.center("fault", "export", fault["id"], path, check=False)
    assert again.returncode == 1 and "name another one" in again.stderr


def fault_show(path):
    return subprocess.run([BIN / "faultctl", "fault", "show", "-i", path], text=True, capture_output=True, timeout=30)


def exported(**fault):
    return {"format": "faultline-fault", "edition": 1, "fault": {"id": "b-1", "kind": "signal.segv", "data": {}} | fault}


@pytest.mark.parametrize("document, says", [
    ("{", "expected"), ({}, "fault export"), (exported() | {"format": "other"}, "fault export"),
    (exported() | {"edition": 0}, "fault export"), (exported() | {"fault": []}, "fault export"),
    (exported() | {"edition": 2}, "newer"),
])
def test_what_is_no_export_is_refused(tmp_path, document, says):
    path = tmp_path / "fault.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    done = fault_show(path)
    assert done.returncode == 1 and done.stderr.startswith(f"faultctl: {path}: ") and says in done.stderr


def test_an_export_gives_a_terminal_no_orders(tmp_path):
    """It comes from somewhere else, and whoever made it may have put anything in."""
    path = tmp_path / "fault.json"
    order = "\x1b]0;x\x07\u009b2J\n"
    path.write_text(json.dumps(exported(application=f"a{order}", data={"registers": {f"r{order}": order}, "log": [order]})))
    done = fault_show(path)
    assert done.returncode == 0 and "a ]0;x" in done.stdout and "r ]0;x" in done.stdout
    assert not [c for c in done.stdout if c != "\n" and (c < " " or "\x7f" <= c < "\xa0")]


def test_fault_data_have_200_events_and_a_bound(site):
    start(site, "restart")
    database = sqlite3.connect(site.state / "gateway.db", timeout=10)
    with database:
        database.executemany("INSERT INTO event (time, part, application, name, text, data) VALUES (0, 'test',"
                             " 'air-conditioner', 'filler', ?, ?)", [(f"line {i}", '{"n": 1}') for i in range(300)])
    data = site.ask("fault", "show", strike(site)["id"])["data"]
    assert len(data["events"]) == 200 and "cut" not in data
    figures = data["figures"]
    # Where the process was gone before its record came, there are none of its own.
    if "limits" in figures:
        assert figures["limits"]["nofile"]["soft"] > 0 and figures["limits"]["core"]["hard"] is not None
    # What it used is in the record, however soon it was gone.
    process = figures["process"]
    assert 0 < process["VmRSS"] <= process["VmHWM"] < process["VmSize"] <= process["VmPeak"] and process["VmStk"] > 0
    assert process["VmRSS"] == process["RssAnon"] + process["RssFile"] + process["RssShmem"]
    assert set(figures.get("pressure", {})) <= {"cpu", "memory", "io"}
    assert data["gateway"]["policy_version"] == 2 and data["gateway"]["versions"]["sqlite"]
    page = site.ctl("fault", "show", site.ask("faults")[0]["id"]).stdout
    assert "figures\n" in page and "  libbpf  " in page
    assert "data" in data["events"][0] and "data" not in data["events"][-1]
    with database:
        database.executemany("INSERT INTO event (time, part, application, name, text, data) VALUES (0, 'test',"
                             " 'air-conditioner', 'filler', ?, ?)",
                             [("\x01" * 500, json.dumps({"n": "x" * 20000})) for i in range(300)])
    database.close()
    fault = strike(site)
    assert outcome(fault) == ("restart", "restored")
    whole = site.ask("fault", "show", fault["id"])
    assert whole["data"]["cut"] and 0 < len(whole["data"]["events"]) < 200
    assert len(json.dumps(whole["data"])) < 280_000 and whole["data"]["registers"]
    wait_until(lambda: len(site.center_faults()) == 2, "the center has it all the same")


def kept(site):
    return [site.stored(f"SELECT count(*) FROM {table}")[0][0] for table in ("event", "fault")]


def told_not(site):
    """How many faults the center has yet to hear of, or of what became of them."""
    return site.stored("SELECT count(*) FROM fault WHERE NOT (reported AND outcome_sent)")[0][0]


@pytest.mark.parametrize("retention, events, faults", [
    ('events="40" faults="2"', range(1, 140), range(2, 3)),
    ('event-days="1" fault-days="1"', range(1, 140), range(1, 2)),
    ('megabytes="1"', range(1, 9999), range(5, 6)),
])
def test_retention(site, retention, events, faults):
    """What is too much goes at the start already; what the center does not know stays, and the newest fault in any case."""
    start(site, "restart", "--attempts", 100)
    for _ in range(5):
        strike(site)
    wait_until(lambda: not told_not(site), "the center knows all, outcomes too")
    site.end("gateway")
    database = sqlite3.connect(site.state / "gateway.db")
    with database:
        database.execute("UPDATE fault SET time = time - 200000000")
        database.executemany("INSERT INTO event (time, part, name, text, data) VALUES (0, 'test', 'filler', 'x', ?)",
                             [(json.dumps("x" * 400),) for _ in range(5000)])
        # The newest are of now, so that age tells the two apart.
        database.execute("INSERT INTO event (time, part, name, text) VALUES (strftime('%s') * 1000, 'test', 'now', 'x')")
    database.close()
    configure = site.configure
    site.configure = lambda: configure(f"<retention {retention}/>\n")
    site.start_gateway()
    assert kept(site)[1] in faults and kept(site)[0] in events
    assert site.ask("events", "-k", "now"), "the newest stay"


def test_retention_keeps_what_the_center_does_not_know(site):
    site.decide_ms = 200
    start(site, "restart", "--attempts", 100, "--window", 1, "--backoff", 0)
    site.end("center")
    ids = {strike(site)["id"] for _ in range(4)}
    time.sleep(0.2)
    site.end("gateway")
    configure = site.configure
    site.configure = lambda: configure('<retention faults="1"/>\n')
    site.start_gateway()
    assert {f["id"] for f in site.ask("faults")} == ids
    site.start_center()
    wait_until(lambda: {f["id"] for f in site.center_faults() if f["outcome"]} == ids, "all is told")


@pytest.mark.parametrize("attribute", ['events="-1"', 'events="many"', 'megabytes="1.5"', 'fault-days="99999"', 'weeks="1"'])
def test_retention_that_is_wrong(site, attribute):
    site.url = "http://127.0.0.1:1"
    site.configure(f"<retention {attribute}/>\n")
    done = subprocess.run([BIN / "faultlined", "-t", "-c", site.folder / "gateway.xml"], text=True, capture_output=True)
    assert done.returncode == 1 and attribute.split("=")[0] in done.stderr and len(done.stderr.splitlines()) == 1


def test_list_of_events_is_switched_by_hand(site):
    start(site)
    (site.configuration / "events-night.xml").write_text((site.configuration / "events.xml").read_text())
    assert site.ctl("switch", "night").returncode == 0 and site.ask("status")["events"] == "night"
    assert site.run()[1]
    done = site.ctl("switch", "no-such")
    assert done.returncode == 1 and "events-no-such.xml" in done.stderr and site.ask("status")["events"] == "night"
    assert "not the name" in site.ctl("switch", "../x").stderr and site.ctl("switch").returncode == 2
    os.unlink(site.configuration / "events-night.xml")
    site.end("gateway")
    site.start_gateway()
    assert site.ask("status")["events"] == "default" and "events-night.xml" in site.log("gateway")
    assert site.ask("switch", "default") == {"events": "default"}


def test_a_download_goes_on_at_the_next_center(site):
    """The first center says what there is and dies before it hands it out."""
    from test_policy import Proxy
    site.stock()
    site.start_center()
    proxy = Proxy(site.url)
    try:
        site.more_centers, site.url = [site.url], proxy.url
        proxy.answer = lambda method, path, _: (503, {}, b"") if "artifacts" in path else None
        site.start_gateway()
        assert site.run()[1]
        proxy.answer = lambda method, path, _: (200, {}, b"rubbish") if "artifacts" in path else None
    finally:
        proxy.close()


def test_signal_of_the_supervisor_leaves_nothing_open(site):
    """A supervisor that is told to end while a countermeasure waits ends at once."""
    start(site, "restart", "--attempts", 9, "--backoff", 60000)
    strike(site)
    os.kill(site.app()["pid"], signal.SIGSEGV)
    wait_until(lambda: site.app()["state"] == "restoring", "the back-off runs")
    began = time.monotonic()
    assert site.end("gateway") == 0 and time.monotonic() - began < 5
