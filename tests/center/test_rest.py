# SPDX-License-Identifier: GPL-2.0-only
"""What administrators do over HTTP, who may do what, what a gateway may send, and the description of all that."""

import json
import re
import threading
import time

import pytest
from conftest import DEADLINE_S, DEFINITION, ROOT, SCRIPT, SERVICE, fault
from jsonschema import Draft4Validator, RefResolver

STORES = ["sqlite", "postgres"]
LIST = "/v1/countermeasures"


class Person:
    """An administrator, or a gateway."""

    def __init__(self, center, role, name):
        self.center, self.name = center, name
        self.token = center.do(role, "add", name).strip()
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", self.token)

    def ask(self, method, path, body=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()} | {"Authorization": f"Bearer {self.token}"}
        return self.center.request(method, path, body, headers)

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)


def eventually(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def ada(center):
    person = Person(center, "administrator", "ada")
    center.start()
    return person


def entry_path(kind, application="", version="", group=""):
    return f"{LIST}/{kind},{application},{version},{group}"


def test_the_life_of_an_entry(ada):
    made = ada.ask("POST", LIST, {"kind": "signal", "action": "restart", "reason": "crashes since 1.2"})
    assert made.status == 201 and made.json["policy_version"] == 2
    assert made.json["entry"]["then"] == "stop" and made.json["entry"]["attempts"] == 3
    assert "there is such an entry" in ada.ask("POST", LIST, {"kind": "signal", "action": "stop"}).problem(409)
    path = entry_path("signal")
    read = ada.get(path)
    assert read.headers["ETag"] == made.headers["ETag"] == made.json["entry"]["etag"]
    assert ada.get(path, If_None_Match=read.headers["ETag"]).status == 304

    ada.ask("PUT", path, {"action": "reboot"}).problem(428)
    changed = ada.ask("PUT", path, {"action": "reboot", "decide": "gateway"}, If_Match=read.headers["ETag"])
    assert changed.status == 200 and changed.json["entry"]["action"] == "reboot"
    assert "read it again" in ada.ask("PUT", path, {"action": "none"}, If_Match=read.headers["ETag"]).problem(412)
    patched = ada.ask("PATCH", path, {"attempts": 9, "decide": None, "reason": "more"}, If_Match=changed.headers["ETag"])
    assert patched.status == 200
    assert (patched.json["entry"]["attempts"], patched.json["entry"]["decide"]) == (9, "center")
    assert ada.center.report().json["countermeasure"]["action"] == "reboot"

    ada.ask("DELETE", path, If_Match=read.headers["ETag"]).problem(412)
    ada.ask("DELETE", path).problem(428)
    assert ada.ask("DELETE", path, {"reason": "no more"}, If_Match=patched.headers["ETag"]).status == 200
    ada.get(path).problem(404)
    history = ada.get("/v1/changes").json
    assert [(h["change"], h["author"], h["reason"]) for h in history] == [
        ("removed", "ada", "no more"), ("changed", "ada", "more"), ("changed", "ada", ""), ("added", "ada", "crashes since 1.2")]
    undone = ada.ask("POST", f"/v1/changes/{history[0]['policy_version']}/undo", {"reason": "sorry"})
    assert undone.status == 200 and undone.json["undone"] == history[0]["policy_version"]
    assert ada.get(path).json["attempts"] == 9
    assert "changed again since" in ada.ask("POST", "/v1/changes/2/undo").problem(409)
    ada.ask("POST", "/v1/changes/99/undo").problem(404)
    ada.ask("POST", "/v1/changes/x/undo").problem(404)
    assert ada.get("/v1/changes?limit=1").json[0]["change"].startswith("undo")


def test_a_new_entry_by_put(ada):
    path = entry_path("*", "pump", "1.0", "plant")
    assert ada.ask("PUT", path, {"action": "none"}, If_None_Match="*").status == 201
    ada.ask("PUT", path, {"action": "none"}, If_None_Match="*").problem(412)
    listed = ada.get(LIST)
    assert [(e["kind"], e["application"], e["key"]) for e in listed.json["countermeasures"]] == [("", "pump", "*,pump,1.0,plant")]
    assert ada.get(LIST, If_None_Match=listed.headers["ETag"]).status == 304
    ada.ask("PUT", entry_path("hang"), {"action": "stop"}, If_Match='"entry-0123456789abcdef"').problem(412)
    ada.ask("PATCH", entry_path("hang"), {"action": "stop"}, If_Match='"entry-0123456789abcdef"').problem(404)


@pytest.mark.parametrize("body, says", [
    ("", "JSON"), ("[]", "object"), ({"action": "restart"}, "kind"), ({"kind": "signal"}, "action"),
    ({"kind": "Signal!", "action": "restart"}, "kind"), ({"kind": "signal", "action": "explode"}, "explode"),
    ({"kind": "signal", "action": "restart", "attempts": 0}, "attempts"), ({"kind": "signal", "action": "restart", "attempts": 1e9}, "attempts"),
    ({"kind": "signal", "action": "restart", "window_s": -1}, "window_s"), ({"kind": "signal", "action": "switch"}, "list"),
    ({"kind": "signal", "action": "restart", "version": "1.0"}, "application"), ({"kind": "signal", "action": "restart", "surprise": 1}, "surprise"),
    ({"kind": "signal", "action": "restart", "reason": "two\nlines"}, "reason"), ({"kind": "signal", "action": "restart", "reason": "x" * 256}, "reason"),
    ({"kind": "signal", "action": "restart", "decide": "nobody"}, "decide"), ({"kind": 7, "action": "restart"}, "kind"),
    ({"kind": "signal", "action": "signal", "parameters": {"signal": "WRONG"}}, "signal"), ({"kind": "signal", "action": "restart", "parameters": []}, "parameters"),
], ids=range(18))
def test_wrong_entries(ada, body, says):
    assert says in ada.ask("POST", LIST, body).problem(400)
    assert ada.get(LIST).json == {"policy_version": 1, "countermeasures": []}


@pytest.mark.parametrize("key", ["signal", "signal,,", "signal,,,,", ",,,", "signal,UP,,", "signal,,1.0,", "a" * 400, "signal,..,,", "%00,,,"])
def test_wrong_keys(ada, key):
    assert ada.get(f"{LIST}/{key}").status == 404
    assert ada.ask("PUT", f"{LIST}/{key}", {"action": "none"}, If_None_Match="*").status == 404


def test_changes_at_once_do_not_lose_one_another(ada):
    """Of many who read the same entry and change it, one does."""
    ada.ask("POST", LIST, {"kind": "signal", "action": "restart"})
    tag = ada.get(entry_path("signal")).headers["ETag"]
    statuses = []
    threads = [threading.Thread(target=lambda n=n: statuses.append(
        ada.ask("PATCH", entry_path("signal"), {"attempts": n}, If_Match=tag).status)) for n in range(10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(statuses) == [200] + [412] * 9
    assert len(ada.get("/v1/changes").json) == 2


def test_the_dry_run(ada):
    ada.center.report(number=1)
    ada.center.report(number=2, kind="hang.spin")
    ada.ask("POST", LIST, {"kind": "signal.segv", "action": "stop"})
    found = ada.ask("POST", LIST + "/match", {"kind": "*", "action": "restart"}).json
    assert [(f["kind"], f["would"]) for f in found] == [("hang.spin", "restart")], "the more specific one stays"
    assert len(ada.ask("POST", LIST + "/match?since_s=3600", {"kind": "signal.segv", "action": "none"}).json) == 1
    ada.ask("POST", LIST + "/match?since_s=0", {"kind": "*", "action": "none"}).problem(400)
    ada.ask("POST", LIST + "/match", {"kind": "*"}).problem(400)
    assert len(ada.get(LIST).json["countermeasures"]) == 1


def test_faults_as_they_come(ada):
    ada.center.report(number=1)
    known = ada.get("/v1/faults")
    assert [f["id"][-2:] for f in known.json] == ["-1"] and "data" not in known.json[0]
    assert ada.get("/v1/faults?wait=0", If_None_Match=known.headers["ETag"]).status == 304
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(ada.get("/v1/faults?wait=30", If_None_Match=known.headers["ETag"])))
    waiter.start()
    time.sleep(0.3)
    began = time.monotonic()
    ada.center.report(gateway="g2", number=2, kind="hang.spin")
    waiter.join(DEADLINE_S)
    assert time.monotonic() - began < 25 and len(answers[0].json) == 2
    tag = answers[0].headers["ETag"]
    waiter = threading.Thread(target=lambda: answers.append(ada.get("/v1/faults?wait=30", If_None_Match=tag)))
    waiter.start()
    time.sleep(0.3)
    outcome = {"action": "restart", "result": "restored", "duration_ms": 1}
    assert ada.center.request("PUT", f"/v1/gateways/g1/faults/{fault()['id']}/outcome", outcome).status == 204
    waiter.join(DEADLINE_S)
    assert answers[1].json[1]["outcome"]["result"] == "restored"
    for query, n in (("gateway=g2", 1), ("kind=hang", 1), ("kind=han", 0), ("application=pump", 0), ("limit=1", 1), ("gateway=", 2)):
        assert len(ada.get("/v1/faults?" + query).json) == n, query
    for query in ("gateway=A", "kind=%20", "limit=0", "limit=x", "wait=61"):
        ada.get("/v1/faults?" + query).problem(400)


def test_who_may_do_what(ada):
    center = ada.center
    # As long as no gateway has a token, gateways are believed; administrators never without.
    assert center.report().status == 200
    for method, path in (("GET", LIST), ("POST", LIST), ("GET", "/v1/faults"), ("GET", "/v1/gateways"), ("GET", "/v1/self"),
                         ("DELETE", entry_path("signal")), ("GET", "/v1/changes"), ("GET", "/v1/applications")):
        refused = center.request(method, path)
        refused.problem(401)
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert ada.get("/v1/self").json["name"] == "ada"

    one, two = Person(center, "gateway", "g1"), Person(center, "gateway", "g2")
    eventually(lambda: center.report().status == 401, "tokens are asked for")
    for one_of in (one, two):
        eventually(lambda who=one_of: who.get(f"/v1/gateways/{who.name}/countermeasures").status == 200, "both are known")
    assert one.ask("POST", "/v1/gateways/g1/faults", fault(number=2)).status == 200
    assert "another gateway" in two.ask("POST", "/v1/gateways/g1/faults", fault(number=3)).problem(403)
    two.get(f"/v1/gateways/g1/faults/{fault()['id']}").problem(403)
    one.get(LIST).problem(403)
    center.get("/v1/scripts/x").problem(401)
    one.get("/v1/scripts/x").problem(404)
    center.get("/v1/artifacts/" + "0" * 64).problem(401)
    assert ada.get("/v1/gateways/g1/faults").status == 200
    center.request("GET", LIST, headers={"Authorization": "Bearer " + "A" * 43}).problem(401)
    center.request("GET", LIST, headers={"Authorization": "Basic YTpi"}).problem(401)
    assert center.get("/v1/health").status == 200

    # A new token takes the place of the old; one that was taken away is worth nothing.
    again = Person(center, "gateway", "g1")
    eventually(lambda: one.get("/v1/gateways/g1/countermeasures").status == 401, "the old token is worth nothing")
    assert again.get("/v1/gateways/g1/countermeasures").status == 200
    center.do("administrator", "remove", "ada")
    eventually(lambda: ada.get("/v1/self").status == 401, "ada is no more")
    assert "no token" in center.refuse("administrator", "remove", "ada")
    assert [g["name"] for g in center.json("gateway", "list")] == ["g1", "g2"]
    assert "sha256" not in center.do("gateway", "list", "--json") and again.token not in center.do("gateway", "list", "--json")
    center.refuse("gateway", "add", "No Name")


def test_gateways_that_were_seen(ada):
    state = {"source": "module", "applications": 3}
    ada.center.request("GET", "/v1/gateways/g7/countermeasures", headers={
        "User-Agent": "faultlined/0.1.0", "Faultline-State": json.dumps(state)})
    ada.center.request("GET", "/v1/gateways/g8/countermeasures", headers={"User-Agent": "x\xe4\"<b>" * 40, "Faultline-State": "[1,{}]"})
    ada.get("/v1/gateways/g9/countermeasures")
    eventually(lambda: len(ada.get("/v1/gateways").json) == 2, "they are written down, and an administrator is no gateway")
    first, second = ada.get("/v1/gateways").json
    assert (first["name"], first["software"], first["state"]) == ("g7", "faultlined/0.1.0", state)
    assert first["address"] == "127.0.0.1" and first["seen"].endswith("Z")
    assert second["state"] is None and len(second["software"]) < 64


def test_what_a_gateway_may_send(center):
    center.start("--gateway-rate", "2")
    connection = center.connect()
    statuses = [center.report(number=n, connection=connection).status for n in range(1, 40)]
    assert statuses.count(200) >= 20 and statuses[-1] == 429 and set(statuses) == {200, 429}
    limited = center.report(number=99)
    assert "g1" in limited.problem(429) and 1 <= int(limited.headers["Retry-After"]) <= 2
    assert center.report(gateway="g2").status == 200, "another one is not held up"
    metrics = center.get("/metrics").body.decode()
    assert re.search(r"^faultline_center_reports_limited_total [1-9]", metrics, re.M)


def test_how_much_a_gateway_may_send_and_keep(center):
    center.start("--gateway-bytes", "16", "--gateway-quota", "1")
    pad = {"pad": "x" * 500_000}
    assert [center.report(number=n, data=pad).status for n in (1, 2, 3)] == [200, 200, 429], "64 times 16 KiB at once"
    assert int(center.report(number=3, data=pad).headers["Retry-After"]) > 5
    center.stop()
    center.start("--gateway-quota", "1")
    assert center.report(number=3, data=pad).status == 200
    # From then on it is measured what its faults take.
    numbers = iter(range(4, 1000))
    eventually(lambda: center.report(number=next(numbers), data=pad).status == 429, "its faults take more than 1 MiB")
    assert center.report(number=2000).status == 429 and center.report(gateway="g2").status == 200
    center.refuse("fault", "prune", status=2)
    assert center.json("fault", "prune", "--older-than", 1, "--gateway", "g1") == {"forgotten": 0}
    assert center.json("fault", "prune", "--older-than", 0, "--gateway", "g1")["forgotten"] >= 3
    eventually(lambda: center.report(number=2001).status == 200, "there is room again")
    assert [f["gateway"] for f in center.json("fault", "list")] == ["g1", "g2"]


@pytest.mark.sqlite
def test_metrics(ada):
    ada.center.report()
    ada.center.get("/v1/nothing")
    text = ada.center.get("/metrics")
    assert text.headers["Content-Type"].startswith("text/plain")
    values = dict(re.findall(r"^(faultline_center_\S+) (\d+)$", text.body.decode(), re.M))
    assert values["faultline_center_faults_total"] == "1" and values["faultline_center_policy_version"] == "1"
    assert int(values['faultline_center_answers_total{status="4xx"}']) >= 1 and values["faultline_center_store_up"] == "1"
    for line in text.body.decode().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{status=\"\dxx\"\})? \d+", line), line
    assert ada.center.get("/healthz").json["status"] == "ok"


def described(center):
    document = center.get("/v1/openapi.json").json
    nullable(document)
    return document


def nullable(value):
    """OpenAPI 3.0 says nullable where JSON schema says a list of types."""
    if isinstance(value, dict):
        if value.pop("nullable", False):
            inner = {k: value.pop(k) for k in list(value)}
            value["anyOf"] = [{"type": "null"}, inner]
        for child in value.values():
            nullable(child)
    elif isinstance(value, list):
        for child in value:
            nullable(child)


@pytest.mark.sqlite
def test_the_description_is_of_what_is_served(ada):
    """Each route is described and each description is a route; what is answered fits its schema."""
    document = described(ada.center)
    assert document["openapi"].startswith("3.0")
    served = {(m, p) for m, p in re.findall(r'\{ "([A-Z]+)", "(/[^"]*)", ACCESS', (ROOT / "center/http/routes.c").read_text())}
    told = {(method.upper(), re.sub(r"\{\w+\}", "*", path)) for path, methods in document["paths"].items() for method in methods}
    assert served == told and len(served) > 25
    for path, methods in document["paths"].items():
        for operation in methods.values():
            names = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert names == set(re.findall(r"\{(\w+)\}", path)), path
            assert operation["responses"] and operation["summary"] and operation["operationId"]

    ada.ask("POST", LIST, {"kind": "signal", "action": "restart", "reason": "x"})
    ada.center.do("definition", "add", DEFINITION)
    ada.center.do("script", "add", SCRIPT)
    assert ada.ask("POST", "/v1/requests", {"service": SERVICE, "gateway": "g1", "id": "r1"}).status == 201
    ada.center.report(number=1)
    ada.center.request("PUT", f"/v1/gateways/g1/faults/{fault()['id']}/outcome", {"action": "restart", "result": "restored", "duration_ms": 1})
    resolver = RefResolver("", document)
    examples = {"/v1/health": {}, "/healthz": {}, "/v1/self": {}, "/v1/applications": {}, "/v1/scripts": {}, "/v1/definitions": {},
                "/v1/gateways": {}, "/v1/gateways/{gateway}/countermeasures": {"gateway": "g1"}, "/v1/gateways/{gateway}/faults": {"gateway": "g1"},
                "/v1/gateways/{gateway}/faults/{id}": {"gateway": "g1", "id": fault()["id"]}, "/v1/faults": {}, "/v1/countermeasures": {},
                "/v1/countermeasures/{key}": {"key": "signal,,,"}, "/v1/changes": {}, "/v1/requests": {}, "/v1/requests/{id}": {"id": "r1"}, "/v1/gateways/{gateway}/requests": {"gateway": "g1"}}
    for path, values in examples.items():
        answer = ada.get(path.format(**values))
        assert answer.status == 200, path
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft4Validator(schema, resolver=resolver).validate(answer.json)
    problem = document["components"]["schemas"]["Problem"]
    Draft4Validator(problem, resolver=resolver).validate(ada.get("/v1/countermeasures/hang,,,").json)
    body = document["components"]["schemas"]["FaultReport"]
    Draft4Validator(body, resolver=resolver).validate(fault())


@pytest.mark.sqlite
def test_the_console_is_its_own(served):
    """One page, and nothing of it from elsewhere; what it asks for is served."""
    page = served.get("/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    text = page.body.decode()
    files = set(re.findall(r'(?:src|href)="(/[^"]+)"', text))
    assert files == {"/console.css", "/console.js"}
    assert "style=" not in text and not re.search(r"\son\w+=", text) and "<script>" not in text
    script = served.get("/console.js").body.decode()
    for source in (text, script, served.get("/console.css").body.decode()):
        assert "http://" not in source.replace("http://www.w3.org/2000/svg", "") and "https://" not in source
    assert "innerHTML" not in script and "eval(" not in script, "what gateways send is text"
    routes = (ROOT / "center/http/routes.c").read_text()
    for path in set(re.findall(r'"(/v1/[a-z/]*)', script)) | set(re.findall(r"`(/v1/[a-z/]*)", script)):
        assert path.rstrip("/") in routes, path


def test_a_signed_list_is_changed_by_who_has_the_key(center):
    person = Person(center, "administrator", "ada")
    key = center.data / "signing-key.pem"
    center.do("key", "make")
    center.do("countermeasure", "set", "hang", "stop")
    assert center.start().get("/v1/gateways/g1/countermeasures").json["signature"]
    assert "sign-key" in person.ask("POST", LIST, {"kind": "signal", "action": "restart"}).problem(409)
    assert person.get(LIST).json["policy_version"] == 2
    center.stop()
    center.start("--sign-key", key)
    assert person.ask("POST", LIST, {"kind": "signal", "action": "restart"}).status == 201
    listed = center.get("/v1/gateways/g1/countermeasures").json
    assert listed["signature"] and listed["serial"] > 1_000_000_000_000 and listed["policy_version"] == 3
    # Without the key the command line changes it too, and it is not signed any more.
    key.rename(center.data / "elsewhere.pem")
    center.do("countermeasure", "set", "signal", "none")
    assert "signature" not in center.get("/v1/gateways/g1/countermeasures").json
    assert center.json("key", "sign", center.data / "elsewhere.pem") == {"signed": 1}
    listed = center.get("/v1/gateways/g1/countermeasures").json
    assert listed["signature"] and listed["policy_version"] == 5
