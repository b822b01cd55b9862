# SPDX-License-Identifier: GPL-2.0-only
"""Services by request of the center: asked for by administrators, fetched and reported by gateways, each once."""

import json
import re
import threading
import time

import pytest
from conftest import DEADLINE_S, DEFINITION, SCRIPT, SERVICE
from test_rest import Person, eventually

STORES = ["sqlite", "postgres"]
REQUESTS = "/v1/requests"
OPEN = "/v1/gateways/g1/requests"


@pytest.fixture
def ada(center):
    center.do("definition", "add", DEFINITION)
    center.do("script", "add", SCRIPT)
    person = Person(center, "administrator", "ada")
    center.start()
    return person


def asked(ada, **fields):
    answer = ada.ask("POST", REQUESTS, {"service": SERVICE, "gateway": "g1"} | fields)
    assert answer.status == 201, answer.body
    return answer.json["id"]


def report(center, request, state, gateway="g1", **fields):
    answer = center.request("PUT", f"/v1/gateways/{gateway}/requests/{request}/state", {"state": state} | fields)
    assert answer.status == 200, answer.body
    return answer.json["state"]


def waiting(center, gateway="g1", after=0):
    return center.get(f"/v1/gateways/{gateway}/requests?after={after}").json


def test_the_life_of_a_request(ada):
    center = ada.center
    made = ada.ask("POST", REQUESTS, {"service": SERVICE, "gateway": "g1", "reason": "after the repair", "within_s": 600})
    assert made.status == 201 and re.fullmatch("[0-9a-f]{32}", made.json["id"])
    assert (made.json["author"], made.json["reason"], made.json["group"]) == ("ada", "after the repair", None)
    request = made.json["id"]
    given, = waiting(center)["requests"]
    assert (given["id"], given["service"], given["author"], given["state"]) == (request, SERVICE, "ada", "waiting")
    assert 590 <= given["valid_s"] <= 600 and given["not_after"] == made.json["not_after"]
    assert waiting(center, "g2")["requests"] == []
    last = waiting(center)["last"]
    assert waiting(center, after=last)["requests"] == [], "what is known is not given again"
    assert waiting(center, after=last + 1000)["requests"], "a key of another store means nothing"

    assert report(center, request, "taken", taken="2026-01-31T23:59:58.123Z") == "taken"
    assert [r["state"] for r in waiting(center)["requests"]] == ["taken"], "until it has ended, a gateway that lost it can learn of it"
    assert report(center, request, "running", started="2026-01-31T23:59:59.000Z") == "running"
    assert report(center, request, "taken") == "running", "a late repetition changes nothing"
    result = {"steps": 6, "duration_ms": 12.5, "faults": 1}
    for _ in range(2):
        assert report(center, request, "done", ended="2026-02-01T00:00:01Z", result=result) == "done"
    assert report(center, request, "failed", detail="no") == "done", "an end is the end"
    shown = ada.get(f"{REQUESTS}/{request}").json
    at, = shown["gateways"]
    assert (at["gateway"], at["state"], at["detail"], at["result"]) == ("g1", "done", None, result)
    assert (at["taken"], at["started"], at["ended"]) == ("2026-01-31T23:59:58.123Z", "2026-01-31T23:59:59.000Z", "2026-02-01T00:00:01Z")
    assert waiting(center)["requests"] == []
    assert [r["state"] for r in ada.get(REQUESTS).json] == ["done"]
    assert center.json("request", "show", request) == shown
    assert "done" in center.do("request", "show", request) and "after the repair" in center.do("request", "show", request)


def test_asked_twice_with_one_key(ada):
    body = {"service": SERVICE, "gateway": "g1"}
    first = ada.ask("POST", REQUESTS, body, Idempotency_Key="ticket-4711")
    again = ada.ask("POST", REQUESTS, body, Idempotency_Key='"ticket-4711"')
    by_id = ada.ask("POST", REQUESTS, body | {"id": "ticket-4711"})
    assert (first.status, again.status, by_id.status) == (201, 200, 200) and first.json == again.json == by_id.json
    assert "another request" in ada.ask("POST", REQUESTS, body | {"gateway": "g2", "id": "ticket-4711"}).problem(409)
    assert len(waiting(ada.center)["requests"]) == 1
    report(ada.center, "ticket-4711", "taken")
    assert ada.ask("POST", REQUESTS, body | {"id": "ticket-4711"}).json["gateways"][0]["state"] == "taken"
    assert ada.center.do("request", SERVICE, "--gateway", "g1", "--id", "ticket-4711") == "ticket-4711\n"


REFUSED = [
    ("", "JSON"), ("[]", "object"), ({"gateway": "g1"}, "service"), ({"service": SERVICE}, "gateway or group"),
    ({"service": SERVICE, "gateway": "g1", "group": "a"}, "gateway or group"), ({"service": "No", "gateway": "g1"}, "service"),
    ({"service": SERVICE, "gateway": ["g1"]}, "gateway"), ({"service": "absent", "gateway": "g1"}, "no script"),
    ({"service": SERVICE, "group": "nowhere"}, "nowhere"), ({"service": SERVICE, "gateway": "g1", "within_s": 0}, "within_s"),
    ({"service": SERVICE, "gateway": "g1", "within_s": 1e9}, "within_s"), ({"service": SERVICE, "gateway": "g1", "id": "a b"}, "id"),
    ({"service": SERVICE, "gateway": "g1", "id": "a" * 64}, "id"), ({"service": SERVICE, "gateway": "g1", "reason": "a\nb"}, "reason"),
    ({"service": SERVICE, "gateway": "g1", "when": "now"}, "when"),
]


def test_what_is_refused(ada):
    for body, says in REFUSED:
        assert says in ada.ask("POST", REQUESTS, body).problem(400), body
    assert ada.get(REQUESTS).json == []


def test_reports_that_are_refused(ada):
    center = ada.center
    request = asked(ada)
    path = f"{OPEN}/{request}/state"
    for body, says in (("", "JSON"), ({}, "state"), ({"state": "waiting"}, "state"), ({"state": "cancelled"}, "state"),
                       ({"state": "done", "ended": "yesterday"}, "ended"), ({"state": "done", "result": []}, "result"),
                       ({"state": "done", "result": {"steps": -1}}, "steps"), ({"state": "done", "result": {"x": 1}}, "x"),
                       ({"state": "failed", "detail": "x" * 5000}, "detail"), ({"state": "done", "who": 1}, "who")):
        assert says in center.request("PUT", path, body).problem(400)
    center.request("PUT", f"{OPEN}/unknown/state", {"state": "taken"}).problem(404)
    center.request("PUT", f"/v1/gateways/g2/requests/{request}/state", {"state": "taken"}).problem(404)
    center.get("/v1/gateways/No/requests").problem(404)
    for query in ("wait=61", "wait=x", "after=-1", "after=x"):
        center.get(f"{OPEN}?{query}").problem(400)
    assert [r["state"] for r in waiting(center)["requests"]] == ["waiting"]


def test_who_may_ask(ada):
    center = ada.center
    request = asked(ada)
    one = Person(center, "gateway", "g1")
    two = Person(center, "gateway", "g2")
    eventually(lambda: center.get(OPEN).status == 401, "tokens are asked for")
    eventually(lambda: one.get(OPEN).status == 200 and two.get("/v1/gateways/g2/requests").status == 200, "both are known")
    two.get(OPEN).problem(403)
    two.ask("PUT", f"{OPEN}/{request}/state", {"state": "taken"}).problem(403)
    for method, path in (("GET", REQUESTS), ("POST", REQUESTS), ("GET", f"{REQUESTS}/{request}"), ("DELETE", f"{REQUESTS}/{request}")):
        one.ask(method, path).problem(403)
        center.request(method, path).problem(401)
    assert one.ask("PUT", f"{OPEN}/{request}/state", {"state": "taken"}).json["state"] == "taken"


def test_one_that_was_not_taken_can_be_taken_back(ada):
    center = ada.center
    request, taken = asked(ada), asked(ada)
    report(center, taken, "taken")
    back = ada.ask("DELETE", f"{REQUESTS}/{request}", {"reason": "by mistake"})
    assert back.status == 200 and back.json["gateways"][0]["detail"] == "cancelled by ada: by mistake"
    assert [r["id"] for r in waiting(center)["requests"]] == [taken]
    assert report(center, request, "taken") == "cancelled", "who takes it nevertheless is told"
    for one in (request, taken):
        assert "waits" in ada.ask("DELETE", f"{REQUESTS}/{one}").problem(409)
    ada.ask("DELETE", f"{REQUESTS}/unknown").problem(404)
    ada.ask("DELETE", f"{REQUESTS}/{taken}?gateway=No").problem(400)
    ada.ask("DELETE", f"{REQUESTS}/{taken}", {"why": "x"}).problem(400)
    assert "waits" in center.refuse("request", "cancel", taken)
    other = center.do("request", "add", SERVICE, "--gateway", "g1").strip()
    assert center.json("request", "cancel", other, "--reason", "never mind") == {"cancelled": 1}
    assert "never mind" in center.json("request", "show", other)["gateways"][0]["detail"]
    assert "no such request" in center.refuse("request", "cancel", "unknown")


def test_one_that_comes_too_late(ada):
    center = ada.center
    request = asked(ada, within_s=1)
    eventually(lambda: waiting(center)["requests"] == [], "its time is over")
    assert report(center, request, "taken") == "expired"
    at = ada.get(f"{REQUESTS}/{request}").json["gateways"][0]
    assert at["state"] == "expired" and "in time" in at["detail"]
    ada.ask("DELETE", f"{REQUESTS}/{request}").problem(409)
    # What was taken in time stays the gateway's.
    request = asked(ada, within_s=2)
    assert report(center, request, "taken") == "taken"
    time.sleep(2.1)
    assert report(center, request, "running") == "running"


def test_a_group(ada):
    center = ada.center
    for name, group in (("g1", "roof"), ("g2", "roof"), ("g3", "cellar")):
        center.request("GET", f"/v1/gateways/{name}/requests", headers={"Faultline-State": json.dumps({"group": group})})
    eventually(lambda: len(ada.get("/v1/gateways").json) == 3, "they are written down")
    request = asked(ada, gateway=None, group="roof")
    for name, n in (("g1", 1), ("g2", 1), ("g3", 0)):
        assert len(waiting(center, name)["requests"]) == n, name
    report(center, request, "refused", gateway="g2", detail="it has no such service")
    shown = center.json("request", "show", request)
    assert shown["group"] == "roof"
    assert {(g["gateway"], g["state"]) for g in shown["gateways"]} == {("g1", "waiting"), ("g2", "refused")}
    assert [r["gateway"] for r in ada.get(f"{REQUESTS}?gateway=g2").json] == ["g2"]
    assert center.json("request", "cancel", request, "--gateway", "g1") == {"cancelled": 1}
    assert "nobody" in center.refuse("request", SERVICE, "--group", "nobody")


def test_a_gateway_that_was_never_seen(ada):
    """Nobody waits for a misspelt name unwarned; once the gateway is there, nothing is said of it."""
    center = ada.center
    center.get("/v1/gateways/g1/requests")
    eventually(lambda: [g["name"] for g in ada.get("/v1/gateways").json] == ["g1"], "it is written down")
    for name, warns in (("g1", False), ("g11", True)):
        made = ada.ask("POST", REQUESTS, {"service": SERVICE, "gateway": name})
        assert made.status == 201 and made.json["gateways"][0]["state"] == "waiting"
        assert (f"gateway {name} was never seen" in made.json.get("warning", "")) == warns, made.json
        assert ada.get(f"{REQUESTS}/{made.json['id']}").json == made.json
        done = center.run("request", SERVICE, "--gateway", name)
        assert done.returncode == 0 and (f"warning: gateway {name} was never seen" in done.stderr) == warns, done.stderr
        assert ("warning" in center.json("request", "show", done.stdout.strip())) == warns
        assert ("never seen" in center.run("request", "show", done.stdout.strip()).stderr) == warns
    center.do("request", "cancel", made.json["id"])
    assert "warning" not in ada.get(f"{REQUESTS}/{made.json['id']}").json, "it waits no more"
    center.get("/v1/gateways/g11/requests")
    eventually(lambda: "warning" not in center.json("request", "show", done.stdout.strip()), "it has come")


def test_who_waits_is_woken_at_once_and_others_are_not(ada):
    center = ada.center
    asked(ada)
    answers = {}

    def wait(name):
        last = waiting(center, name)["last"]
        answers[name] = center.get(f"/v1/gateways/{name}/requests?wait=6&after={last}"), time.monotonic()

    waiters = [threading.Thread(target=wait, args=(name,)) for name in ("g1", "g2")]
    for waiter in waiters:
        waiter.start()
    time.sleep(0.5)
    began = time.monotonic()
    # By another process, as another center would.
    request = center.do("request", SERVICE, "--gateway", "g2").strip()
    for waiter in waiters:
        waiter.join(DEADLINE_S)
    assert [r["id"] for r in answers["g2"][0].json["requests"]] == [request]
    assert answers["g2"][1] - began < 4 < 5 < answers["g1"][1] - began, "it slept its time out"
    assert answers["g1"][0].json["requests"] == [] and answers["g1"][0].json["last"] == answers["g2"][0].json["last"]


def test_a_center_that_is_killed_keeps_them(ada):
    center = ada.center
    request, other = asked(ada), asked(ada)
    report(center, other, "taken")
    center.kill()
    center.start()
    assert {(r["id"], r["state"]) for r in waiting(center)["requests"]} == {(request, "waiting"), (other, "taken")}
    assert report(center, other, "done") == "done"


def test_many_for_one_gateway(ada):
    """More than are given at once."""
    center = ada.center
    for n in range(103):
        asked(ada, id=f"n{n}")
    first = waiting(center)
    assert [r["id"] for r in first["requests"]] == [f"n{n}" for n in range(100)]
    assert [r["id"] for r in waiting(center, after=first["last"])["requests"]] == ["n100", "n101", "n102"]
    assert len(center.json("request", "list")) == 100 and len(center.json("request", "list", "--limit", 1000)) == 103


def test_the_command_line(center):
    center.do("definition", "add", DEFINITION)
    assert "no script" in center.refuse("request", SERVICE, "--gateway", "g1")
    center.do("script", "add", SCRIPT)
    center.refuse("request", SERVICE, status=2)
    center.refuse("request", SERVICE, "--gateway", "g1", "--group", "g", status=2)
    center.refuse("request", SERVICE, "--gateway", "G 1", status=2)
    center.refuse("request", SERVICE, "--gateway", "g1", "--within", "40d", status=2)
    center.refuse("request", SERVICE, "--gateway", "g1", "--id", "a b", status=2)
    center.refuse("request", "prune", status=2)
    request = center.do("request", SERVICE, "--gateway", "g1", "--within", "15m", "--author", "bob", "--reason", "test").strip()
    listed, = center.json("request", "list", "--service", SERVICE)
    assert (listed["id"], listed["author"], listed["state"]) == (request, "bob", "waiting")
    assert request in center.do("request", "list")
    assert "no such request" in center.refuse("request", "show", "unknown")
    assert center.json("request", "prune", "--older-than", 0) == {"forgotten": 0}, "it has not ended"
    center.do("request", "cancel", request)
    time.sleep(0.01)
    assert center.json("request", "prune", "--older-than", 0) == {"forgotten": 0}, "the newest stays"
    newer = center.do("request", SERVICE, "--gateway", "g1").strip()
    assert center.json("request", "prune", "--older-than", 0) == {"forgotten": 1}
    assert [r["id"] for r in center.json("request", "list")] == [newer]
