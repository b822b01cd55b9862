# SPDX-License-Identifier: GPL-2.0-only
"""The fault countermeasure means (13): durable faults, the most specific countermeasure, at once (S371-S373)."""

import itertools
import json
import random
import threading

import pytest
from conftest import fault

STORES = ["sqlite", "postgres"]

SETTINGS = {"attempts": 3, "window_s": 60, "backoff_ms": 100, "then": "stop"}
NONE = {"action": "none", "attempts": 0, "window_s": 0, "backoff_ms": 0, "then": "none"}


def test_a_fault_gets_its_countermeasure_and_is_kept(served):
    served.do("countermeasure", "set", "signal", "restart", "--attempts", 5, "--window", 120, "--backoff", 250,
              "--then", "reinstall")
    answer = served.report()
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    expected = {"action": "restart", "attempts": 5, "window_s": 120, "backoff_ms": 250, "then": "reinstall"}
    assert answer.json == {"id": fault()["id"], "countermeasure": expected, "policy_version": 2}
    kept, = served.get("/v1/gateways/g1/faults").json
    sent = fault()
    for field in ("id", "kind", "application", "version", "time", "group"):
        assert kept[field] == sent[field]
    assert kept["countermeasure"] == expected and kept["outcome"] is None and kept["gateway"] == "g1"
    whole = served.get(f"/v1/gateways/g1/faults/{sent['id']}").json
    assert whole["data"] == sent["data"]
    assert served.json("fault", "show", sent["id"]) == whole
    listed, = served.json("fault", "list")
    assert listed == kept
    assert "signal.segv" in served.do("fault", "list") and "restart" in served.do("fault", "show", sent["id"])


def test_no_entry_means_none(served):
    assert served.report().json["countermeasure"] == NONE


def test_reporting_an_id_again_changes_nothing(served):
    served.do("countermeasure", "set", "signal", "restart")
    first = served.report()
    served.do("countermeasure", "set", "signal", "reboot")
    again = served.report()
    other = served.report(kind="exit.nonzero", data={})
    assert first.body == again.body == other.body
    assert served.report(number=2).json["countermeasure"]["action"] == "reboot"
    assert [f["kind"] for f in served.get("/v1/gateways/g1/faults").json] == ["signal.segv", "signal.segv"]
    assert served.report(gateway="g2").json["countermeasure"]["action"] == "reboot"


def test_a_change_to_the_list_takes_effect_at_once(served):
    versions = [served.report(number=1).json["policy_version"]]
    for number, action in enumerate(["restart", "stop", "collect"], 2):
        served.do("countermeasure", "set", "signal.segv", action)
        answer = served.report(number=number).json
        assert answer["countermeasure"]["action"] == action
        versions.append(answer["policy_version"])
    served.do("countermeasure", "remove", "signal.segv")
    answer = served.report(number=9).json
    assert answer["countermeasure"] == NONE
    versions.append(answer["policy_version"])
    assert versions == sorted(set(versions))


def test_an_entry_that_is_as_before_does_not_raise_the_version(center):
    first = center.json("countermeasure", "set", "signal", "restart")
    again = center.json("countermeasure", "set", "signal", "restart")
    assert first["changed"] and not again["changed"]
    assert first["policy_version"] == again["policy_version"]
    center.do("countermeasure", "remove", "signal")
    assert center.json("countermeasure", "set", "signal", "restart")["policy_version"] == first["policy_version"] + 2


KINDS = ["*", "signal", "signal.segv", "signal.seg", "sign"]
ACTIONS = ["restart", "restart-clean", "stop", "reinstall", "rollback", "none", "collect", "reboot"]


def expected_action(entries, sent):
    """The rule of docs/center.md, written down once more."""
    def matches(entry):
        kind, application, version, group, _ = entry
        return ((kind == "*" or sent["kind"] == kind or sent["kind"].startswith(kind + ".")) and
                application in (None, sent["application"]) and version in (None, sent["version"]) and
                group in (None, sent["group"]))

    def rank(entry):
        kind, application, version, group, _ = entry
        return (0 if kind == "*" else len(kind), application is not None, version is not None, group is not None)

    found = [e for e in entries if matches(e)]
    ranks = [rank(e) for e in found]
    assert len(set(ranks)) == len(ranks)
    return max(found, key=rank)[4] if found else "none"


def test_the_most_specific_entry_wins(served):
    rng = random.Random(133)
    keys = [(k, a, v, g) for k in KINDS for a in (None, "air-conditioner", "pump") for v in (None, "1.0.0", "2.0.0")
            for g in (None, "default", "lab") if a or not v]
    entries = []
    for key in rng.sample(keys, 45):
        entry = (*key, rng.choice(ACTIONS))
        options = [part for name, value in zip(("--application", "--version", "--group"), entry[1:4]) if value
                   for part in (name, value)]
        served.do("countermeasure", "set", entry[0], entry[4], *options)
        entries.append(entry)
    assert len(served.json("countermeasure", "list")) == len(entries)
    connection = served.connect()
    cases = itertools.product(["signal.segv", "signal.abrt", "signal", "signal.segv.deep", "exit", "signals"],
                              ["air-conditioner", "pump", "other"], ["1.0.0", "2.0.0", "3"], ["default", "lab", "x"])
    for number, (kind, application, version, group) in enumerate(cases, 1):
        sent = dict(kind=kind, application=application, version=version, group=group)
        answer = served.report(number=number, connection=connection, **sent).json
        assert answer["countermeasure"]["action"] == expected_action(entries, sent), sent


def test_each_of_the_four_counts_in_this_order(served):
    steps = [(), ("--group", "default"), ("--application", "air-conditioner"),
             ("--application", "air-conditioner", "--group", "default"),
             ("--application", "air-conditioner", "--version", "1.0.0"),
             ("--application", "air-conditioner", "--version", "1.0.0", "--group", "default")]
    number = itertools.count(1)
    for kind in ("*", "signal", "signal.segv"):
        for options, action in zip(steps, ACTIONS):
            served.do("countermeasure", "set", kind, action, *options)
            assert served.report(number=next(number)).json["countermeasure"]["action"] == action, (kind, options)


def test_a_fault_of_no_application(served):
    served.do("countermeasure", "set", "download", "collect")
    served.do("countermeasure", "set", "download", "stop", "--application", "pump")
    body = fault(kind="download.failed", application=..., version=..., group=..., data=...)
    answer = served.request("POST", "/v1/gateways/g1/faults", body)
    assert answer.json["countermeasure"]["action"] == "collect"
    whole = served.get(f"/v1/gateways/g1/faults/{body['id']}").json
    assert whole["application"] is None and whole["version"] is None and whole["group"] == "default" and whole["data"] == {}
    empty = fault(number=2, application="", version=None, group="")
    assert served.request("POST", "/v1/gateways/g1/faults", empty).status == 200


def test_outcomes(served):
    served.report()
    url = f"/v1/gateways/g1/faults/{fault()['id']}/outcome"
    body = {"action": "restart", "result": "restored", "duration_ms": 12.5, "detail": "it runs"}
    for _ in range(2):
        answer = served.request("PUT", url, body)
        assert answer.status == 204 and answer.body == b""
    outcome = served.get("/v1/gateways/g1/faults").json[0]["outcome"]
    assert outcome.pop("received") and outcome.pop("loop") is False and outcome == body
    served.request("PUT", url, {"action": "stop", "result": "failed", "duration_ms": 3})
    outcome = served.json("fault", "list")[0]["outcome"]
    assert (outcome["action"], outcome["result"], outcome["detail"]) == ("stop", "failed", None)


@pytest.mark.parametrize("change, word", [
    ({"action": "explode"}, "action"), ({"action": ...}, "action"), ({"result": "maybe"}, "result"),
    ({"result": None}, "result"), ({"duration_ms": "3"}, "duration_ms"), ({"duration_ms": -1}, "duration_ms"),
    ({"duration_ms": ...}, "duration_ms"), ({"detail": 3}, "detail"), ({"detail": "x" * 5000}, "detail"),
    ({"more": 1}, "more"),
], ids=str)
def test_an_outcome_that_does_not_fit(served, change, word):
    served.report()
    body = {"action": "restart", "result": "restored", "duration_ms": 1} | change
    body = {k: v for k, v in body.items() if v is not ...}
    url = f"/v1/gateways/g1/faults/{fault()['id']}/outcome"
    assert word in served.request("PUT", url, body).problem(400)
    assert served.get("/v1/gateways/g1/faults").json[0]["outcome"] is None


def test_an_outcome_of_an_unknown_fault(served):
    served.report()
    body = {"action": "restart", "result": "restored", "duration_ms": 1}
    served.request("PUT", f"/v1/gateways/g1/faults/{fault(number=2)['id']}/outcome", body).problem(404)
    served.request("PUT", f"/v1/gateways/g2/faults/{fault()['id']}/outcome", body).problem(404)
    served.request("PUT", "/v1/gateways/g1/faults/x/outcome", body).problem(404)


@pytest.mark.parametrize("change, word", [
    ({"id": ...}, "id"), ({"id": None}, "id"), ({"id": 7}, "id"), ({"id": "abc"}, "id"), ({"id": "abc-"}, "id"),
    ({"id": "-1"}, "id"), ({"id": "abc-01"}, "id"), ({"id": "abc-1x"}, "id"), ({"id": "a/b-1"}, "id"),
    ({"id": "abc-9223372036854775808"}, "id"), ({"id": "x" * 64 + "-1"}, "id"), ({"id": ""}, "id"),
    ({"kind": ...}, "kind"), ({"kind": "Signal"}, "kind"), ({"kind": "signal..segv"}, "kind"), ({"kind": "signal."}, "kind"),
    ({"kind": "s." * 70 + "s"}, "kind"), ({"kind": ["signal"]}, "kind"),
    ({"application": "../etc"}, "application"), ({"application": "a" * 64}, "application"), ({"application": 1}, "application"),
    ({"version": "1 0"}, "version"), ({"version": "1" * 33}, "version"), ({"group": "Lab"}, "group"),
    ({"time": ...}, "time"), ({"time": "yesterday"}, "time"), ({"time": "2026-01-31T23:59:58"}, "time"),
    ({"time": "2026-01-31T23:59:58+01:00"}, "time"), ({"time": "2026-13-31T23:59:58Z"}, "time"),
    ({"time": "2026-01-31T23:59:58.Z"}, "time"), ({"time": "2026"}, "time"), ({"time": 1}, "time"),
    ({"data": []}, "data"), ({"data": "x"}, "data"), ({"kin": "x"}, "kin"), ({"kind": "sígnal"}, "kind"),
], ids=str)
def test_a_fault_that_does_not_fit(served, change, word):
    body = {k: v for k, v in (fault() | change).items() if v is not ...}
    assert served.request("POST", "/v1/gateways/g1/faults", body).problem(400).startswith(word)
    assert served.get("/v1/gateways/g1/faults").json == []


@pytest.mark.parametrize("body", [
    b"", b"garbage", b"[]", b"7", b"null", b'"x"', b"{", b'{"id":', b"\xff\xfe", b'{"id":"\\u0000-1"}',
    b'{"id":"a-1","id":"a-2"}', b"[" * 100_000, b'{"data":' + b"[" * 3000, b"{}\0", b'{"id":"\xc3"}',
    json.dumps({"data": 1e308}).encode(), b'{"data":{"x":99999999999999999999999}}',
], ids=lambda body: repr(body[:16]))
def test_garbage_is_refused(served, body):
    served.request("POST", "/v1/gateways/g1/faults", body).problem(400)
    assert served.report().status == 200


def test_data_may_be_nested_but_not_without_bound(served):
    deep = inner = {}
    for _ in range(60):
        inner["x"] = {}
        inner = inner["x"]
    assert served.report(data=deep).status == 200
    assert served.get(f"/v1/gateways/g1/faults/{fault()['id']}").json["data"] == deep
    for _ in range(40):
        inner["x"] = {}
        inner = inner["x"]
    assert "nested" in served.report(number=2, data=deep).problem(400)


def test_data_with_every_character_come_back_as_they_were(served):
    data = {"text": "".join(map(chr, range(1, 0x250))) + "\U0001f525\u2028", "n": [0, -1, 1.5, 2 ** 62, True, None]}
    served.report(data=data)
    assert served.get(f"/v1/gateways/g1/faults/{fault()['id']}").json["data"] == data
    assert served.json("fault", "show", fault()["id"])["data"] == data


def test_faults_of_a_gateway_come_newest_first_and_bounded(served):
    connection = served.connect()
    for boot in ("b", "a"):
        for number in (1, 2, 10, 3):
            served.report(number=number, boot=boot, connection=connection)
    served.report(gateway="g2", boot="c")
    ids = [f["id"] for f in served.get("/v1/gateways/g1/faults").json]
    assert ids == ["a-10", "a-3", "a-2", "a-1", "b-10", "b-3", "b-2", "b-1"]
    assert [f["id"] for f in served.get("/v1/gateways/g1/faults?limit=3").json] == ids[:3]
    assert served.get("/v1/gateways/g3/faults").json == []
    for limit in ("0", "-1", "x", "1001", "", "1x", "99999999999999999999", "%31"):
        assert "limit" in served.get(f"/v1/gateways/g1/faults?limit={limit}").problem(400)


def test_the_command_line_narrows_the_list(served):
    served.report(boot="a")
    served.report(boot="b", kind="signal.abrt")
    served.report(boot="c", kind="signals")
    served.report(boot="a", gateway="g2", kind="exit.nonzero")
    def listed(*options):
        return [f["id"] for f in served.json("fault", "list", *options)]
    assert listed() == ["a-1", "c-1", "b-1", "a-1"]
    assert listed("--kind", "signal") == ["b-1", "a-1"]
    assert listed("--gateway", "g2") == ["a-1"]
    assert listed("--limit", 1) == ["a-1"]
    assert "--gateway" in served.refuse("fault", "show", "a-1")
    assert served.json("fault", "show", "a-1", "--gateway", "g2")["kind"] == "exit.nonzero"
    assert "no such fault" in served.refuse("fault", "show", "a-2")
    assert "not the id" in served.refuse("fault", "show", "a")


def test_what_was_answered_survives_a_kill(center):
    """Killed right after an answer, again and again: whatever was answered is there, with the same answer."""
    center.do("countermeasure", "set", "signal", "restart")
    answered = {}
    for round_ in range(5):
        center.start()
        connection = center.connect()
        for number in range(round_ * 10, round_ * 10 + 10):
            answered[number] = center.report(number=number, connection=connection).body
        url = f"/v1/gateways/g1/faults/{fault(number=number)['id']}/outcome"
        assert center.request("PUT", url, {"action": "restart", "result": "restored", "duration_ms": 1}).status == 204
        center.kill()
    center.start()
    kept = {f["id"]: f for f in center.get("/v1/gateways/g1/faults?limit=1000").json}
    assert kept.keys() == {fault(number=n)["id"] for n in answered}
    assert sum(f["outcome"] is not None for f in kept.values()) == 5
    for number, body in answered.items():
        assert center.report(number=number).body == body


def post_from_many_threads(center, count, per_thread, answered):
    barrier = threading.Barrier(count)
    failures = []

    def work(index):
        connection = center.connect()
        connection.connect()
        barrier.wait()
        try:
            for number in range(per_thread):
                answer = center.report(gateway=f"g{index}", number=number, connection=connection)
                if answer.status == 200:
                    answered.append((f"g{index}", answer.json["id"]))
                else:
                    failures.append(answer.status)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[i]) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, failures


def test_200_at_once_are_all_there(served):
    answered = []
    threads, failures = post_from_many_threads(served, 200, 3, answered)
    for thread in threads:
        thread.join()
    assert not failures and len(answered) == 600
    kept = {(f["gateway"], f["id"]) for f in served.json("fault", "list", "--limit", 1000)}
    assert kept == set(answered)


def test_killed_in_a_crowd_what_was_answered_is_there(center):
    center.start()
    answered = []
    threads, _ = post_from_many_threads(center, 50, 1000, answered)
    while len(answered) < 300:
        threads[0].join(0.01)
    center.kill()
    for thread in threads:
        thread.join()
    center.start()
    for gateway in {g for g, _ in answered}:
        kept = {f["id"] for f in center.get(f"/v1/gateways/{gateway}/faults?limit=1000").json}
        assert {i for g, i in answered if g == gateway} <= kept


def test_stopped_in_a_crowd_it_ends_at_once(center):
    center.start()
    answered = []
    threads, failures = post_from_many_threads(center, 50, 1000, answered)
    while len(answered) < 100:
        threads[0].join(0.01)
    center.stop()
    for thread in threads:
        thread.join()
    assert all(f == 503 or isinstance(f, OSError) for f in failures)
    kept = {(f["gateway"], f["id"]) for f in center.json("fault", "list", "--limit", 1000)}
    assert len(kept) == 1000 or set(answered) <= kept


def test_the_list_changes_while_faults_come_in(served):
    """Of two answers the one with the higher version is the one of the later list."""
    stop = threading.Event()
    seen = {}

    def work(index):
        connection = served.connect()
        number = itertools.count()
        while not stop.is_set():
            answer = served.report(gateway=f"g{index}", number=next(number), connection=connection).json
            action = answer["countermeasure"]["action"]
            assert seen.setdefault(answer["policy_version"], action) == action

    threads = [threading.Thread(target=work, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        for action in ACTIONS * 2:
            version = served.json("countermeasure", "set", "signal", action)["policy_version"]
            answer = served.report(gateway="probe", number=version).json
            assert (answer["policy_version"], answer["countermeasure"]["action"]) == (version, action)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(seen) > 1
