# SPDX-License-Identifier: GPL-2.0-only
"""Several centers on one PostgreSQL: what one knows the other knows, and a database that goes away and comes back."""

import subprocess
import threading
import time

import pytest
from conftest import DEADLINE_S, DEFINITION, ENVIRONMENT, SCRIPT, SERVICE, Center, fault
from postgres_server import serve

POLICY = "/v1/gateways/g1/countermeasures"


# One that is stopped and started, with few databases: nobody waits for a long checkpoint.
postgres = pytest.fixture(serve, scope="module", name="postgres")


@pytest.fixture
def pair(postgres, tmp_path):
    """Two centers with folders of their own."""
    store = postgres.database()
    centers = [Center(tmp_path / name / "data", store) for name in ("one", "two")]
    for center in centers:
        center.data.parent.mkdir()
        center.start()
    yield centers
    for center in centers:
        center.stop()
    postgres.drop(store)


def until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return value


def test_a_fault_has_one_answer_at_both(pair):
    one, two = pair
    one.do("countermeasure", "set", "signal", "restart")
    first = one.report()
    two.do("countermeasure", "set", "signal", "reboot")
    assert two.report().body == first.body and first.json["countermeasure"]["action"] == "restart"
    assert two.report(number=2).json["countermeasure"]["action"] == "reboot"
    outcome = {"action": "restart", "result": "restored", "duration_ms": 3.5}
    assert two.request("PUT", f"/v1/gateways/g1/faults/{first.json['id']}/outcome", outcome).status == 204
    assert one.get(f"/v1/gateways/g1/faults/{first.json['id']}").json["outcome"]["result"] == "restored"


def test_the_same_faults_at_both_at_once(pair):
    """Whatever the interleaving: an id counts once and is answered alike, and nothing waits for itself."""
    pair[0].do("countermeasure", "set", "signal", "restart")
    answers = [{}, {}]

    def report(index, numbers):
        connection = pair[index].connect()
        for number in numbers:
            answer = pair[index].report(gateway=f"g{number % 3}", number=number, connection=connection)
            assert answer.status == 200, answer.body
            answers[index][number] = answer.body

    threads = [threading.Thread(target=report, args=(i, range(start, 120, 4) if i else range(116 + start, -1, -4)))
               for i in (0, 1) for start in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        pair[turn % 2].do("countermeasure", "set", "signal", "restart", "--attempts", turn + 1)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(answers[0]) == len(answers[1]) == 120
    assert answers[0] == answers[1]
    assert len(pair[0].json("fault", "list", "--limit", 1000)) == 120


def test_a_change_is_known_at_the_other(pair):
    one, two = pair
    known = two.get(POLICY)
    took = []

    def wait():
        began = time.monotonic()
        answer = two.get(POLICY + "?wait=30", If_None_Match=known.headers["ETag"])
        took.append((answer, time.monotonic() - began))

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.3)
    one.do("countermeasure", "set", "hang", "restart")
    waiter.join(DEADLINE_S)
    answer, seconds = took[0]
    assert answer.status == 200 and answer.json["countermeasures"][0]["kind"] == "hang"
    assert seconds < 30, "it was told, it did not wait its time out"


class Session:
    """Somebody else at the database, in the midst of a transaction."""

    def __init__(self, postgres, center):
        self.database = center.place[-1].split("/")[3].split("?")[0]
        self.postgres = postgres
        self.process = subprocess.Popen(postgres.command("psql", "-X", "-q", "-A", "-t", "-h", postgres.folder, "-p", postgres.port,
                                                         "-U", "postgres", "-d", self.database, "-v", "ON_ERROR_STOP=1"),
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=postgres.folder)
        self.do("BEGIN")

    def do(self, sql):
        self.process.stdin.write(f"{sql};\n\\echo done\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()) != "done\n":
            assert line, sql

    def close(self):
        self.process.communicate(timeout=DEADLINE_S)

    def waiters(self):
        return int(self.postgres.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'", self.database))


def test_a_fault_that_is_committed_behind_a_newer_one_is_seen(postgres, pair):
    """Keys are given in their order, and committed in any."""
    one, two = pair
    token = one.do("administrator", "add", "ada").strip()

    def listed(known=None):
        return two.get("/v1/faults", Authorization=f"Bearer {token}", **({"If_None_Match": known.headers["ETag"]} if known else {}))
    until(lambda: listed().status == 200, "the token is known there")
    one.report()
    session = Session(postgres, one)
    columns = 'received, time, kind, "group", data, countermeasure, policy_version, decided_by'
    session.do(f"INSERT INTO fault (boot, number, {columns}) SELECT boot, 100, {columns} FROM fault LIMIT 1")
    two.report(number=2)
    known = listed()
    assert len(known.json) == 2 and listed(known).status == 304
    session.do("COMMIT")
    session.close()
    again = listed(known)
    assert again.status == 200 and len(again.json) == 3
    outcome = {"action": "restart", "result": "restored", "duration_ms": 3.5}
    assert one.request("PUT", f"/v1/gateways/g1/faults/{fault()['id']}/outcome", outcome).status == 204
    assert listed(again).status == 200


def test_a_change_that_waited_for_another_sees_it(postgres, pair):
    """Also where whoever made the database has set another isolation."""
    one, _ = pair
    session = Session(postgres, one)
    postgres.sql(f"ALTER DATABASE {session.database} SET default_transaction_isolation = 'repeatable read'")
    session.do("SELECT pg_advisory_xact_lock(7377573617310132590)")
    changed = []
    change = threading.Thread(target=lambda: changed.append(one.do("countermeasure", "set", "signal", "restart")))
    change.start()
    until(session.waiters, "it waits for the lock")
    session.do("UPDATE policy SET version = version + 10")
    session.do("COMMIT")
    session.close()
    change.join(DEADLINE_S)
    assert changed and one.json("countermeasure", "history")[0]["policy_version"] == 12


def test_bundles_and_definitions_are_at_both(pair, bundle):
    one, two = pair
    content = bundle.good(payload=b"#!/bin/sh\n" + bytes(range(256)) * 9000)
    one.do("app", "add", content, "--skip-run", "no program")
    row = two.get("/v1/applications/pump").json
    assert not list(two.data.glob("artifacts/??/*"))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(two.get(f"/v1/artifacts/{row['sha256']}"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert [a.status for a in answers] == [200] * 4 and {a.body for a in answers} == {content.read_bytes()}
    assert len(list(two.data.glob("artifacts/??/*"))) == 1
    two.get("/v1/artifacts/" + "0" * 64).problem(404)

    one.do("definition", "add", DEFINITION)
    two.do("script", "add", SCRIPT)
    assert one.get(f"/v1/scripts/{SERVICE}").body == SCRIPT.read_bytes()
    assert [d["service"] for d in two.json("definition", "list")] == [SERVICE]


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_the_database_restarts(postgres, pair, how):
    """What was acknowledged is there; what was not can be sent again; nobody has to start a center again."""
    acknowledged, refused = [], []
    stop = threading.Event()

    def report(worker):
        number = 0
        connection = pair[worker % 2].connect()
        while not stop.is_set():
            number += 1
            answer = pair[worker % 2].report(gateway=f"g{worker}", number=number, connection=connection)
            if answer.status == 200:
                acknowledged.append((f"g{worker}", answer.json["id"]))
            else:
                answer.problem(503)
                assert answer.headers["Retry-After"]
                refused.append(answer)

    threads = [threading.Thread(target=report, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(acknowledged) > 20, "faults are stored")
        postgres.stop(how)
        before = len(acknowledged)
        time.sleep(0.5)
        assert pair[0].get("/v1/health").problem(503)
        postgres.start()
        until(lambda: len(acknowledged) > before + 20, "faults are stored again")
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    stored = {(f["gateway"], f["id"]) for f in pair[1].json("fault", "list", "--limit", 1000)}
    rows = int(postgres.sql("SELECT count(*) FROM fault", pair[0].place[-1].split("/")[3].split("?")[0]))
    assert rows >= len(acknowledged)
    if rows <= 1000:
        assert set(acknowledged) <= stored
    assert pair[0].get("/v1/health").status == 200
    assert pair[0].get(POLICY).status == 200


def test_the_store_by_the_environment(postgres, tmp_path, monkeypatch):
    url = postgres.database()
    Center(tmp_path / "data", url).do("countermeasure", "set", "signal", "restart")
    monkeypatch.setitem(ENVIRONMENT, "FAULTLINE_STORE", url)
    assert [e["kind"] for e in Center(tmp_path / "data").json("countermeasure", "list")] == ["signal"]
    monkeypatch.setitem(ENVIRONMENT, "FAULTLINE_STORE", "mysql://x")
    assert "FAULTLINE_STORE" in Center(tmp_path / "data").refuse("app", "list", status=2)


def test_no_database(tmp_path):
    center = Center(tmp_path / "data", f"postgresql://nobody@/none?host={tmp_path}")
    said = center.refuse("countermeasure", "list")
    assert "PostgreSQL" in said and "--store" in said
    center.refuse("serve", "--listen", "127.0.0.1:0")
    assert "postgresql://" in Center(tmp_path / "data", "mysql://x/y").refuse("app", "list", status=2)


def test_an_empty_and_a_newer_database(postgres, tmp_path):
    url = postgres.database()
    center = Center(tmp_path / "data", url)
    assert "it is empty" in center.refuse("countermeasure", "list")
    center.do("countermeasure", "set", "signal", "restart")
    postgres.sql("UPDATE edition SET number = 99", f"center{postgres.databases}")
    assert "newer" in center.refuse("countermeasure", "list")


def test_a_database_with_another_encoding(postgres, tmp_path):
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "UTF8" in Center(tmp_path / "data", postgres.url("latin")).refuse("countermeasure", "set", "signal", "none")


def test_what_sql_and_arrays_may_trip_over(pair):
    one, two = pair
    data = {"text": "'; DROP TABLE fault; -- {\"}\\\\ NULL ,\u00e4\u20ac\U0001f600\t\n", "null": None, "n": 1e300}
    assert one.report(data=data, application=..., version=...).status == 200
    row = two.get(f"/v1/gateways/g1/faults/{fault()['id']}").json
    assert row["data"] == data and row["application"] is None
