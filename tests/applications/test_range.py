# SPDX-License-Identifier: GPL-2.0-only
"""The range of operation, from what an application does to the countermeasure against what is beyond."""

import os

import pytest

from conftest import wait_until

KIND = "range.file"


def begin(prober):
    """A prober that is learnt from its first moment; skips where the kernel does not take the programs."""
    site = prober.site
    site.source = "probes"
    site.center("countermeasure", "set", KIND, "restart")
    prober.start("range", data=lambda text: text.replace("\t<resources", '\t<watch range="learn"/>\n\t<resources'))
    assert prober.ask() == {"read": "done"}
    refused = site.ctl("range", "learn", "prober")
    if refused.returncode:
        assert "BPF" in refused.stderr or "bpf" in refused.stderr
        log = site.log("gateway")
        assert "its range is not guarded" in log
        assert "RANGE_REQUIRED" not in os.environ, refused.stderr
        pytest.skip(refused.stderr.strip())


def read_elsewhere(prober, path):
    where = prober.site.state / "data/prober/where"
    where.write_text(path)
    where.chmod(0o644)


def handled(site, n):
    def known():
        faults = [f for f in site.ask("faults") if f["kind"] == KIND and f.get("outcome")]
        return len(faults) == n and faults
    return wait_until(known, "the fault is handled")


def test_learn_refuse_restart(prober):
    begin(prober)
    site = prober.site
    learnt = site.ask("range", "show", "prober")
    assert learnt["mode"] == "learn"
    assert any(e["name"] == "/etc/hosts" and e["access"] == "read" for e in learnt["entries"])

    done = site.ctl("range", "set", "prober", "refuse")
    assert not done.returncode, done.stderr
    text = (site.state / "ranges/prober.xml").read_text()
    assert '<folder path="{state}"' in text and '<folder path="{bundle}"' in text
    assert prober.ask() == {"read": "done"}
    assert not [f for f in site.ask("faults") if f["kind"].startswith("range.")]

    pid = site.app("prober")["pid"]
    read_elsewhere(prober, "/etc/debian_version")
    site.run("probing")     # what it answers depends on how soon it is ended
    fault = handled(site, 1)[0]
    assert fault["outcome"]["action"] == "restart" and fault["outcome"]["result"] == "restored"
    kernel = site.ask("fault", "show", fault["id"])["data"]["kernel"]
    assert kernel["range"] == {"what": "opened", "name": "/etc/debian_version", "access": "read", "refused": True}
    assert [e for e in site.ask("events") if e["name"] == "range.outside"]
    replaced = wait_until(lambda: site.app("prober")["pid"], "the replacement runs")
    assert replaced != pid
    # It is under the same range from its first moment.
    read_elsewhere(prober, "/etc/hosts")
    assert prober.ask() == {"read": "done"}


def test_where_ranges_are_not_possible(prober):
    """Landlock and seccomp, set before it executes, are what is left; status says what is missing."""
    site = prober.site
    site.source = "probes"
    prober.start("files", data=lambda text: text.replace("\t<resources", '\t<watch range="learn"/>\n\t<resources'))
    found = prober.ask()
    if not site.ctl("range", "learn", "prober").returncode:
        assert "RANGE_ABSENT" not in os.environ
        assert site.ask("status")["ranges"] == {"possible": True}
        pytest.skip("this kernel guards ranges")
    status = site.ask("status")
    assert not status["ranges"]["possible"] and "bpf" in status["ranges"]["why"].lower()
    assert f"ranges        not guarded: {status['ranges']['why']}\n" in site.ctl("status").stdout
    assert "its range is not guarded" in site.log("gateway")
    if "RANGE_ABSENT" in os.environ:
        assert status["isolation"]["landlock"] and status["isolation"]["seccomp"]
    if status["isolation"]["landlock"]:
        assert found["state"] == "done" and found["etc"] == "done"
        assert {found[what] for what in ("tmp", "shm", "bundle", "var", "execute")} == {"EACCES"}


def test_off(prober):
    begin(prober)
    site = prober.site
    for mode in ("refuse", "off"):
        assert not site.ctl("range", "set", "prober", mode).returncode
    read_elsewhere(prober, "/etc/debian_version")
    assert prober.ask() == {"read": "done"}
    assert not [f for f in site.ask("faults") if f["kind"].startswith("range.")]
    assert site.ask("range", "show", "prober")["mode"] == "off"


def test_wrong_words(prober):
    prober.site.source = "none"
    prober.start("range")
    site = prober.site
    assert prober.ask() == {"read": "done"}
    assert site.ctl("range", "set", "prober", "often").returncode == 1
    assert site.ctl("range", "set", "prober").returncode == 2
    assert site.ctl("range", "show", "nobody").returncode == 1
    refused = site.ctl("range", "set", "prober", "report")
    assert refused.returncode == 1 and "source of kernel events" in refused.stderr
    shown = site.ask("range", "show", "prober")
    assert shown["mode"] == "off" and not shown["possible"] and shown["entries"] == []


def test_registration_learns_it(prober):
    """What the center has learnt while it ran the application is a range that a gateway can guard."""
    begin(prober)
    site = prober.site
    site.center("app", "verify", "--events", site.configuration / "events.xml", "prober")
    assert "its range was learnt" in site.center("app", "show", "prober").stdout
    text = site.center("app", "show", "--range", "prober").stdout
    assert '<range application="prober" version="1.0.0"' in text and '<file path="/etc/hosts" access="read"' in text
    assert '<folder path="{state}"' in text and '<folder path="{bundle}"' in text
    assert site.ctl("range", "set", "prober", "off").returncode == 0
    (site.state / "ranges/prober.xml").write_text(text)
    done = site.ctl("range", "set", "prober", "refuse")
    assert not done.returncode, done.stderr
    assert prober.ask() == {"read": "done"}
    assert not [f for f in site.ask("faults") if f["kind"].startswith("range.")]
    read_elsewhere(prober, "/etc/debian_version")
    site.run("probing")
    assert handled(site, 1)[0]["outcome"]["result"] == "restored"
