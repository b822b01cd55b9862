# SPDX-License-Identifier: GPL-2.0-only
"""The list of countermeasures (133): parameters, history and undo, a dry run, and how gateways get it (figure 16)."""

import sqlite3
import threading
import time

import pytest
from conftest import fault

STORES = ["sqlite", "postgres"]

PATH = "/v1/gateways/g1/countermeasures"
LIST = {"action": "restart", "attempts": 2, "window_s": 60, "backoff_ms": 0, "then": "stop"}


@pytest.mark.parametrize("arguments, says", [
    (("switch",), "needs the parameter list"),
    (("switch", "--parameter", "list=A/b"), "a name"),
    (("switch", "--parameter", "list=../x"), "a name"),
    (("signal",), "needs the parameter signal"),
    (("signal", "--parameter", "signal=WRONG"), "a signal"),
    (("signal", "--parameter", "signal=0"), "a signal"),
    (("run",), "needs the parameter service"),
    (("run", "--parameter", "service=repair", "--parameter", "timeout=0"), "seconds"),
    (("limits",), "one of the parameters"),
    (("limits", "--parameter", "memory=none"), "MiB"),
    (("limits", "--parameter", "memory=0"), "MiB"),
    (("limits", "--parameter", "memory=99999999999999999999"), "MiB"),
    (("restart", "--parameter", "memory=64"), "neither action restart nor stop"),
    (("restart", "--parameter", "surprise=1"), "surprise"),
    (("restart", "--parameter", "memory"), "NAME=VALUE"),
    (("restart", "--then", "switch"), "needs the parameter list"),
    (("restart", "--decide", "nobody"), "center or gateway"),
    (("restart", "--healthy", "0"), "healthy"),
    (("restart", "--attempts", "101"), "attempts"),
    (("restart", "--reason", "two\nlines"), "one line"),
    (("restart", "--author", "x" * 64), "63 bytes"),
    (("explode",), "explode"),
])
def test_wrong_entries_are_refused(center, arguments, says):
    assert says in center.refuse("countermeasure", "set", "signal", *arguments, status=2)
    assert not center.data.exists(), "nothing was made for it"


def test_parameters_reach_the_gateway(served):
    served.do("countermeasure", "set", "signal", "restart", "--then", "switch", "--parameter", "list=backup",
              "--healthy", 30)
    served.do("countermeasure", "set", "limit.memory", "limits", "--parameter", "memory=512", "--parameter", "files=90")
    first = served.report().json["countermeasure"]
    assert first["parameters"] == {"list": "backup"} and first["healthy_s"] == 30
    second = served.report(number=2, kind="limit.memory").json["countermeasure"]
    assert second["parameters"] == {"memory": 512, "files": 90}


def test_history_and_undo(center):
    def action():
        return {e["kind"]: e["action"] for e in center.json("countermeasure", "list")}
    center.do("countermeasure", "set", "signal", "restart", "--author", "ada", "--reason", "crashes since 1.2")
    center.do("countermeasure", "set", "signal", "reboot", "--reason", "did not help")
    center.do("countermeasure", "remove", "signal", "--author", "grace")
    history = center.json("countermeasure", "history")
    assert [(h["policy_version"], h["change"]) for h in history] == [(4, "removed"), (3, "changed"), (2, "added")]
    assert [h["author"] for h in history] == ["grace", history[1]["author"], "ada"] and history[1]["author"]
    assert history[2]["reason"] == "crashes since 1.2" and history[2]["before"] is None
    assert history[0]["before"]["action"] == "reboot" and history[0]["after"] is None
    assert center.json("countermeasure", "history", "--limit", 1) == history[:1]
    assert "did not help" in center.do("countermeasure", "history")

    assert action() == {}
    assert center.json("countermeasure", "undo") == {"undone": 4, "policy_version": 5}
    assert action() == {"signal": "reboot"}
    assert center.json("countermeasure", "undo", "--reason", "further back")["undone"] == 3
    assert action() == {"signal": "restart"}
    assert center.json("countermeasure", "undo", 6)["policy_version"] == 7, "an undoing can be undone"
    assert action() == {"signal": "reboot"}
    assert [h["undoes"] for h in center.json("countermeasure", "history")][:3] == [6, 3, 4]
    assert "changed again since" in center.refuse("countermeasure", "undo", 2)
    assert "no change of the list" in center.refuse("countermeasure", "undo", 99)
    assert "not a policy version" in center.refuse("countermeasure", "undo", "x", status=2)
    assert center.json("countermeasure", "history")[0]["policy_version"] == 7, "a refusal is no change"


def test_history_shows_what_was_changed_of_an_entry(center):
    center.do("countermeasure", "set", "signal", "restart", "--application", "pump", "--attempts", 5)
    center.do("countermeasure", "set", "signal", "restart", "--application", "pump", "--attempts", 7, "--then", "switch",
              "--parameter", "list=spare")
    line = center.do("countermeasure", "history").splitlines()[1]
    assert "signal application pump" in line and "restart attempts 5 then stop " in line
    assert 'restart attempts 7 then switch parameters {"list": "spare"}' in line


def test_nothing_to_undo(center):
    center.do("countermeasure", "set", "signal", "restart")
    center.do("countermeasure", "undo")
    assert "no change to undo" in center.refuse("countermeasure", "undo")


@pytest.mark.sqlite
def test_dry_run(served):
    served.do("countermeasure", "set", "signal.abrt", "stop")
    for number, kind in enumerate(("signal.segv", "signal.abrt", "exit.nonzero"), 1):
        served.report(number=number, kind=kind)
    before = served.json("countermeasure", "list")
    matched = served.json("countermeasure", "match", "signal", "restart", "--since", "7d")
    assert [(m["kind"], m["countermeasure"]["action"], m["would"]) for m in matched] == [("signal.segv", "none", "restart")]
    assert len(served.json("countermeasure", "match", "*", "restart")) == 2, "the more specific one stays"
    assert len(served.json("countermeasure", "match", "signal.abrt", "none")) == 1, "it would take its place"
    assert served.json("countermeasure", "match", "signal", "restart", "--application", "pump") == []
    assert "WOULD" in served.do("countermeasure", "match", "signal", "restart")
    assert served.json("countermeasure", "list") == before
    for since in ("x", "0", "-1", "7y", "7dd", ""):
        assert "--since" in served.refuse("countermeasure", "match", "signal", "restart", "--since", since, status=2)
    database = sqlite3.connect(served.data / "center.db")
    database.execute("UPDATE fault SET received = received - 120000")
    database.commit()
    assert served.json("countermeasure", "match", "signal", "restart", "--since", "60s") == []
    assert len(served.json("countermeasure", "match", "signal", "restart", "--since", "3m")) == 1


def test_the_whole_list_with_its_tag(served):
    empty = served.get(PATH)
    assert empty.status == 200 and empty.json == {"policy_version": 1, "countermeasures": []}
    served.do("countermeasure", "set", "signal", "signal", "--parameter", "signal=HUP", "--decide", "gateway")
    whole = served.get(PATH, If_None_Match=empty.headers["ETag"])
    assert whole.status == 200 and whole.json["policy_version"] == 2
    entry, = whole.json["countermeasures"]
    assert entry == {"kind": "signal", "application": "", "version": "", "group": "", "action": "signal", "attempts": 3,
                     "window_s": 60, "backoff_ms": 100, "then": "stop", "healthy_s": 0,
                     "parameters": {"signal": "HUP"}, "decide": "gateway"}
    again = served.get(PATH, If_None_Match=whole.headers["ETag"])
    assert again.status == 304 and again.body == b""
    for wait in ("x", "-1", "61", "1x"):
        assert "wait" in served.get(PATH + f"?wait={wait}").problem(400)
    served.get("/v1/gateways/G/countermeasures").problem(404)


def test_who_waits_learns_of_a_change_within_a_second(served):
    tag = served.get(PATH).headers["ETag"]
    got = []

    def wait():
        got.append((served.get(PATH + "?wait=30", If_None_Match=tag), time.monotonic()))
    threads = [threading.Thread(target=wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert not got, "they wait"
    served.do("countermeasure", "set", "signal", "stop")
    changed = time.monotonic()
    for thread in threads:
        thread.join(10)
    assert len(got) == 20 and all(a.status == 200 and a.json["policy_version"] == 2 for a, _ in got)
    assert max(at for _, at in got) - changed < 1


def test_waiting_ends_in_time_and_with_the_center(served):
    tag = served.get(PATH).headers["ETag"]
    began = time.monotonic()
    assert served.get(PATH + "?wait=1", If_None_Match=tag).status == 304
    assert 0.9 < time.monotonic() - began < 3
    thread = threading.Thread(target=served.get, args=[PATH + "?wait=30"], kwargs={"If_None_Match": tag})
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    served.stop()
    thread.join(10)
    assert time.monotonic() - began < 5 and not thread.is_alive()


def test_what_the_gateway_decided_comes_in_one_message(served):
    outcome = {"action": "restart", "result": "restored", "duration_ms": 3.5, "detail": "it runs", "loop": False}
    body = fault(decided={"why": "list", "policy_version": 7, "countermeasure": LIST}, outcome=outcome)
    answer = served.request("POST", "/v1/gateways/g1/faults", body)
    assert answer.json == {"id": body["id"], "countermeasure": LIST, "policy_version": 7}
    assert served.request("POST", "/v1/gateways/g1/faults", body).body == answer.body
    kept, = served.json("fault", "list")
    assert (kept["decided_by"], kept["decided_why"]) == ("gateway", "list")
    assert kept["outcome"].pop("received") and kept["outcome"] == outcome


def test_an_answer_that_came_too_late(served):
    served.do("countermeasure", "set", "signal", "reboot")
    first = served.report()
    assert served.json("fault", "list")[0]["decided_by"] == "center"
    body = fault(decided={"why": "overdue", "policy_version": 1, "countermeasure": LIST},
                 outcome={"action": "restart", "result": "restored", "duration_ms": 3.5, "loop": True})
    assert served.request("POST", "/v1/gateways/g1/faults", body).body == first.body, "the answer stays"
    kept, = served.json("fault", "list")
    assert (kept["decided_by"], kept["decided_why"]) == ("gateway", "overdue")
    assert kept["outcome"]["action"] == "restart" and kept["outcome"]["loop"]


@pytest.mark.parametrize("fields, says", [
    ({"decided": 7}, "decided"),
    ({"decided": {"why": "mood", "policy_version": 1, "countermeasure": LIST}}, "why"),
    ({"decided": {"why": "list", "countermeasure": LIST}}, "policy_version"),
    ({"decided": {"why": "list", "policy_version": 1}}, "action"),
    ({"decided": {"why": "list", "policy_version": 1, "countermeasure": LIST | {"action": "explode"}}}, "explode"),
    ({"decided": {"why": "list", "policy_version": 1, "countermeasure": LIST | {"attempts": -1}}}, "attempts"),
    ({"decided": {"why": "list", "policy_version": 1, "countermeasure": LIST, "x": 1}}, "x"),
    ({"outcome": {"action": "restart", "result": "restored", "duration_ms": 1}}, "decided"),
    ({"decided": {"why": "list", "policy_version": 1, "countermeasure": LIST}, "outcome": []}, "outcome"),
    ({"decided": {"why": "list", "policy_version": 1, "countermeasure": LIST}, "outcome": {"action": "x"}}, "action"),
])
def test_wrong_reports_of_own_decisions(served, fields, says):
    assert says in served.request("POST", "/v1/gateways/g1/faults", fault(**fields)).problem(400)
    assert served.json("fault", "list") == []


def test_data_collected_afterwards_come_with_the_outcome(served):
    served.report()
    url = f"/v1/gateways/g1/faults/{fault()['id']}"
    body = {"action": "collect", "result": "restored", "duration_ms": 1, "data": {"process": {"threads": 3}}}
    assert served.request("PUT", url + "/outcome", body).status == 204
    assert served.get(url).json["outcome"]["data"] == body["data"]
    assert "data" not in served.json("fault", "list")[0]["outcome"], "lists are short"
    served.request("PUT", url + "/outcome", body | {"data": 7}).problem(400)
    served.request("PUT", url + "/outcome", body | {"loop": 7}).problem(400)


@pytest.mark.sqlite
def test_a_store_of_the_first_edition_is_brought_up(center):
    """What edition 1 kept is there afterwards, and its list goes on."""
    from conftest import ROOT
    center.data.mkdir()
    database = sqlite3.connect(center.data / "center.db")
    database.executescript((ROOT / "center/store/sqlite/schema_1.sql").read_text())
    database.execute("INSERT INTO countermeasure (kind, application, version, \"group\", action, attempts, window_s,"
                     " backoff_ms, \"then\") VALUES ('signal', '', '', '', 'restart', 3, 60, 100, 'stop')")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    assert "older" in center.refuse("countermeasure", "list")
    center.start()
    assert center.json("countermeasure", "list")[0]["decide"] == "center"
    assert center.report().json["countermeasure"]["action"] == "restart"
    center.do("countermeasure", "remove", "signal")
    assert center.json("countermeasure", "undo")["policy_version"] == 4


def test_kind_with_a_typing_error_is_doubted(served):
    """It is taken, since kinds are open, and said."""
    done = served.run("countermeasure", "set", "singal.segv", "restart")
    assert done.returncode == 0 and 'kind "singal.segv"' in done.stderr and " signal.NAME " in done.stderr
    done = served.run("countermeasure", "set", "hang.deadlok", "restart")
    assert done.returncode == 0 and " hang.deadlock " in done.stderr and "signal" not in done.stderr
    for kind in ("signal.sevg", "signal.sigsegv", "limit.files", "script.x", "hang.spin.x", "sig"):
        assert f'kind "{kind}"' in served.run("countermeasure", "set", kind, "restart").stderr
    for kind in ("signal.segv", "signal.rt34", "application.valve-stuck", "*", "hang", "hang.spin", "download", "script.refused"):
        assert not served.run("countermeasure", "set", kind, "restart").stderr
