# SPDX-License-Identifier: GPL-2.0-only
"""Signatures: with a key, a gateway installs, starts and runs nothing that is not signed, and nothing older."""

import json
import shutil
import sqlite3

import pytest
from gateway_site import AIR_CONDITIONER, ROOT, SERVICE, wait_until


def key_make(site):
    site.key = site.folder / "center.pub"
    site.key.write_text(site.center("key", "make").stdout)


def store(site, sql):
    """The center's store changed behind its back: what somebody could do who has the center, but not the key."""
    connection = sqlite3.connect(site.folder / "center/center.db")
    with connection:
        assert connection.execute(sql).rowcount == 1
    connection.close()


def faults(site, kind="download.signature"):
    return [fault for fault in site.ask("faults") if fault["kind"] == kind]


@pytest.fixture
def signed(site):
    key_make(site)
    site.stock()
    site.start_center()
    site.start_gateway()
    return site


def test_what_is_signed_runs(signed):
    _, result, error = signed.run()
    assert result, error
    status = signed.ask("status")["signatures"]
    assert status["required"] is True and len(status["keys"]) == 1 and len(status["keys"][0]) == 16
    assert "needed, keys in" in signed.ctl("status").stdout
    assert json.loads(signed.center("app", "list", "--json").stdout)[0]["signed"] is True
    assert json.loads(signed.center("script", "list", "--json").stdout)[0]["signed"] is True
    assert not signed.ask("faults")


def test_without_a_key_nothing_is_asked_for_and_that_is_said(running):
    assert running.ask("status")["signatures"] == {"required": False, "keys": []}
    assert "no key is set" in running.ctl("status").stdout
    assert running.run()[1]


def test_an_unsigned_application_is_refused(site):
    site.stock()
    key_make(site)
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert not result and "not signed" in error and "key sign" in error
    assert site.applications_left() == []
    fault, = faults(site)
    assert fault["application"] == "air-conditioner" and fault["version"] == "1.0.0"
    told = wait_until(lambda: [f for f in site.center_faults() if f["kind"] == "download.signature"], "the center knows it")
    assert told[0]["application"] == "air-conditioner" and told[0]["outcome"]["action"] == "none"
    # The same one again is no second fault, and once it is signed it runs.
    assert not site.run()[1] and len(faults(site)) == 1
    site.center("key", "sign")
    _, result, error = site.run()
    assert result, error


@pytest.mark.parametrize("sql, word", [
    ("UPDATE application SET signature = replace(signature, substr(signature, 10, 1), iif(substr(signature, 10, 1) = 'A', 'B', 'A'))",
     "not by a key"),
    ("UPDATE application SET signature = 'QUJD'", "not by a key"),
    ("UPDATE application SET version = '1.0.1'", "not by a key"),
    ("UPDATE application SET serial = serial + 1", "not by a key"),
    ("UPDATE script SET signature = NULL, serial = 0", "not signed"),
    ("UPDATE script SET content = CAST(replace(CAST(content AS TEXT), '<', '<!-- x --><') AS BLOB)", "another content"),
])
def test_what_was_changed_is_refused(signed, sql, word):
    if "replace(CAST" in sql:
        sql = sql.replace("'<', '<!-- x --><'", "'</', ' </'")
    store(signed, sql)
    _, result, error = signed.run()
    assert not result and word in error, error
    assert len(faults(signed)) == 1


def test_another_key_signs_for_nothing(site):
    key_make(site)
    site.stock()
    (site.folder / "center/signing-key.pem").unlink()
    site.center("key", "make")
    site.center("key", "sign")
    site.start_center()
    site.start_gateway()
    assert "not by a key" in site.run()[2]
    # Both keys may be known while one takes the place of the other.
    site.key.write_text(site.key.read_text() + site.center("key", "show").stdout)
    site.end("gateway")
    site.start_gateway()
    assert site.run()[1] and len(site.ask("status")["signatures"]["keys"]) == 2


def test_an_older_one_is_refused(signed):
    """Somebody has kept an older version with its signature, and hands it out again."""
    database = signed.folder / "center/center.db"
    assert signed.run()[1]
    signed.end("center")
    shutil.copy(database, signed.folder / "old.db")
    signed.start_center()
    signed.add_bundle(version="1.1.0")
    signed.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")
    assert signed.run()[1]
    signed.end("center")
    for path in (signed.folder / "center").glob("center.db*"):
        path.unlink()
    shutil.copy(signed.folder / "old.db", database)
    signed.start_center()
    _, result, error = signed.run()
    assert not result and "older" in error, error
    assert len(faults(signed)) == 1
    # It is the operator's decision to go back: signed anew it is the newest.
    signed.center("key", "sign")
    assert signed.run()[1]


def test_what_was_installed_before_the_key_is_not_started(site):
    site.stock(residence="resident")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    site.end("gateway")
    key_make(site)
    site.start_gateway()
    assert "was not signed when it was installed" in site.log("gateway")
    assert "not signed" in site.run()[2]
    site.center("key", "sign")
    lines, result, error = site.run()
    assert result, error
    assert "application.downloaded" in [line["event"] for line in lines]


@pytest.mark.parametrize("text, word", [
    ("", "no public key"), ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not an Ed25519"), (None, "No such file"),
])
def test_a_key_file_without_a_key_is_refused_at_the_start(site, text, word):
    site.url = "http://127.0.0.1:1"
    site.key = site.folder / "bad.pub"
    if text is not None:
        site.key.write_text(text)
    site.configure()
    process = site.spawn("test", ROOT / site_program(), "-t", "-c", site.folder / "gateway.xml")
    assert process.wait(30) == 1 and word in site.log("test")
    site.processes.pop("test")



# The list of countermeasures.
def version(site):
    return site.ask("status")["policy_version"]


def refused(site):
    return site.ask("status").get("policy_refused", "")


def test_the_list_of_countermeasures_is_signed_as_it_is_changed(signed):
    signed.center("countermeasure", "set", "signal", "restart", "--attempts", "7", "--healthy", "9")
    wait_until(lambda: version(signed) == 2, "it is in force")
    assert not refused(signed) and json.loads((signed.state / "countermeasures.json").read_text())["signature"]
    signed.center("countermeasure", "undo")
    wait_until(lambda: version(signed) == 3, "an undoing too")
    # It is verified again when it is read from the disk.
    signed.end("gateway")
    path = signed.state / "countermeasures.json"
    path.write_text(path.read_text().replace('"policy_version":3', '"policy_version":9'))
    signed.end("center")
    signed.start_gateway()
    assert version(signed) == 0 and "not by a key" in signed.log("gateway")
    signed.start_center()
    wait_until(lambda: version(signed) == 3, "it is fetched again")


def test_a_list_that_is_not_signed_is_refused_and_the_one_before_stays(signed):
    signed.center("countermeasure", "set", "signal", "restart")
    wait_until(lambda: version(signed) == 2, "it is in force")
    store(signed, "UPDATE countermeasure SET action = 'reboot'")
    wait_until(lambda: "not signed" in refused(signed), "the changed one is refused")
    assert version(signed) == 2 and "refused" in signed.ctl("status").stdout
    store(signed, "UPDATE policy SET signed_version = version")
    # A center reads a list anew when its version is another one.
    signed.end("center")
    signed.start_center()
    signed.end("gateway")
    signed.start_gateway()
    wait_until(lambda: "not by a key" in refused(signed), "so is one with a signature of another")
    assert version(signed) == 2
    assert [e for e in signed.ask("events", "-n", 100) if e["name"] == "policy.refused"]
    signed.center("countermeasure", "set", "signal", "stop")
    wait_until(lambda: not refused(signed) and version(signed) > 2, "what is signed is taken")


def test_an_older_list_is_refused(signed):
    database = signed.folder / "center/center.db"
    signed.center("countermeasure", "set", "signal", "restart")
    wait_until(lambda: version(signed) == 2, "it is in force")
    signed.end("center")
    shutil.copy(database, signed.folder / "old.db")
    signed.start_center()
    signed.center("countermeasure", "set", "signal", "stop")
    wait_until(lambda: version(signed) == 3, "the next one")
    signed.end("center")
    for path in (signed.folder / "center").glob("center.db*"):
        path.unlink()
    shutil.copy(signed.folder / "old.db", database)
    signed.start_center()
    wait_until(lambda: "older" in refused(signed), "it is refused")
    assert version(signed) == 3
    # The operator goes back: signed anew it is the newest, with a version of its own.
    signed.center("key", "sign")
    wait_until(lambda: not refused(signed), "it is taken")


def test_the_signed_list_decides_whatever_the_center_answers(signed):
    """Who has the center and not the key cannot have a gateway do anything else."""
    signed.center("countermeasure", "set", "signal", "restart")
    wait_until(lambda: version(signed) == 2, "it is in force")
    store(signed, "UPDATE countermeasure SET action = 'stop'")
    wait_until(lambda: refused(signed), "the changed list is refused")
    signed.add_bundle(fault="segv@set-wind-velocity", version="1.1.0")
    _, result, error = signed.run()
    assert result, error
    fault, = signed.ask("faults")
    assert fault["countermeasure"]["action"] == "restart" and fault["outcome"]["result"] == "restored"
    disagreed, = [e for e in signed.ask("events", "-n", 1000) if e["name"] == "policy.disagreed"]
    assert "answers stop" in disagreed["text"] and "has restart" in disagreed["text"]


def test_a_list_that_was_never_signed(site):
    """With a key and without a signed list the gateway's own way remains."""
    site.decide_ms = 500
    site.center("countermeasure", "set", "signal", "stop")
    key_make(site)
    site.stock(fault="segv@set-wind-velocity")
    site.start_center()
    site.start_gateway()
    wait_until(lambda: "not signed" in refused(site), "the list is refused")
    assert version(site) == 0
    _, result, error = site.run()
    assert result, error
    fault, = site.ask("faults")
    assert fault["countermeasure"]["action"] == "restart"


def site_program():
    from gateway_site import BIN
    return BIN / "faultlined"
