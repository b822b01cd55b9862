# SPDX-License-Identifier: GPL-2.0-only
"""What bad input gets: one clear line (what, where, what to do), a non-zero exit, and nothing that was kept is lost."""

import os
import re
import socket
import subprocess

import pytest

from conftest import BIN, ROOT, SERVICE, wait_until

NOBODY = 65534


def one_line(text):
    assert len(text.strip().splitlines()) == 1, text
    return text


def faultlined(site, *arguments, user=None):
    return subprocess.run([BIN / "faultlined", "-c", site.folder / "gateway.xml", *arguments], text=True,
                          capture_output=True, timeout=30, user=user, extra_groups=[] if user else None)


def artifact(site):
    return next(p for p in (site.folder / "center").rglob("*") if p.is_file() and len(p.name) == 64)


def test_script_that_its_definition_forbids_runs_nothing(running):
    # This gateway allows less than the center does: the gateway's own definition is what counts.
    definition = running.configuration / f"definitions/{SERVICE}.dtd"
    text = definition.read_text()
    strict = re.sub(r'(celsius\.maximum\s+CDATA\s+#FIXED\s+")[0-9.]+"', r'\g<1>25"', text)
    assert strict != text
    definition.write_text(strict)
    progress, result, error = running.run()
    assert result is None
    assert "25.5" in one_line(error) and "25" in error and SERVICE in error
    assert not [p for p in progress if p["event"] in ("script.event", "processing.answered")]
    known, = wait_until(running.center_faults, "the center is told")
    assert known["kind"] == "script.refused" and known["decided_why"] == "refused"
    definition.write_text(text)
    assert running.run()[1]


@pytest.mark.parametrize("damage", ["cut", "altered", "missing"])
def test_bundle_that_is_not_whole_is_refused(running, damage):
    path = artifact(running)
    good = path.read_bytes()
    os.chmod(path, 0o644)
    if damage == "cut":
        path.write_bytes(good[:len(good) // 2])
    elif damage == "altered":
        path.write_bytes(good[:-8] + bytes(8))
    else:
        path.unlink()
    _, result, error = running.run()
    assert result is None and "air-conditioner" in one_line(error)
    assert running.ask("apps") == [] and running.applications_left() == []
    if damage == "altered":
        known, = wait_until(running.center_faults, "the center is told")
        assert (known["kind"], known["application"], known["version"]) == ("download.refused", "air-conditioner", "1.0.0")
    path.write_bytes(good)
    assert running.run()[1]


def test_bundle_that_is_cut_short_is_not_added(site):
    bundle = site.bundle()
    bundle.write_bytes(bundle.read_bytes()[:-100])
    done = site.center("app", "add", bundle, check=False)
    assert done.returncode and str(bundle) in one_line(done.stderr)
    assert site.center("--json", "app", "list").stdout.strip() == "[]"


def test_center_that_is_not_there(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        site.url = f"http://127.0.0.1:{free.getsockname()[1]}"
    site.start_gateway()
    _, result, error = site.run()
    assert result is None
    assert site.url in one_line(error) and "is it running" in error
    assert error.count("; ") == 1, "one piece of advice"


def test_center_without_the_application(site):
    site.start_center()
    site.start_gateway()
    _, result, error = site.run()
    assert result is None
    assert "air-conditioner" in one_line(error) and "faultline-center" in error


@pytest.mark.parametrize("text, says", [
    ("", "gateway.xml"),
    ("<gateway", "gateway.xml:1"),
    ('<gateway name="x"/>', "center"),
    ('<gateway name="X Y"><center url="http://127.0.0.1:1"/></gateway>', "name"),
    ('<gateway name="x"><center url="ftp://127.0.0.1"/></gateway>', "http://HOST:PORT"),
    ('<gateway name="x"><center url="http://127.0.0.1:1"/><surprise/></gateway>', "surprise"),
    ('<gateway name="x"><center url="http://127.0.0.1:1"/><faults decide="soon"/></gateway>', "decide"),
    ('<gateway name="x"><center url="http://127.0.0.1:1"/><faults source="oracle"/></gateway>', "oracle"),
    ('<!DOCTYPE gateway [<!ENTITY e SYSTEM "/etc/passwd">]><gateway name="x"><center url="&e;"/></gateway>',
     "entity"),
    ('<!DOCTYPE gateway [<!ENTITY e "x">]><gateway name="&e;"><center url="http://127.0.0.1:1"/></gateway>',
     "declarations"),
])
def test_settings_that_are_wrong(site, text, says):
    (site.folder / "gateway.xml").write_text(text)
    done = faultlined(site)
    assert done.returncode == 1
    assert says in one_line(done.stderr) and "gateway.xml" in done.stderr
    assert not site.state.exists()


def test_settings_that_are_missing(site):
    done = faultlined(site)
    assert done.returncode == 1 and "gateway.xml" in one_line(done.stderr)


def test_settings_can_be_tested(running):
    done = faultlined(running, "--test")
    assert done.returncode == 0 and running.name in done.stdout


@pytest.mark.parametrize("name", ["events.xml", "runtimes.xml"])
def test_configuration_that_is_wrong(site, name):
    site.url = "http://127.0.0.1:1"
    site.configure()
    (site.configuration / name).write_text("<nothing/>")
    done = faultlined(site)
    assert done.returncode == 1 and name in one_line(done.stderr)


def test_module_that_is_not_loaded(site):
    if os.path.exists("/sys/module/faultline"):
        pytest.skip("the module is loaded on this machine")
    site.url = "http://127.0.0.1:1"
    site.source = "module"
    site.configure()
    done = faultlined(site)
    assert done.returncode == 1 and "insmod faultline.ko" in one_line(done.stderr)


def test_no_rights(running):
    for folder in (ROOT, *ROOT.parents):
        if not os.stat(folder).st_mode & 0o001:
            pytest.skip(f"{folder} cannot be passed by other users, so that none of them can run the programs")
    done = faultlined(running, user=NOBODY)
    assert done.returncode == 1 and "root" in one_line(done.stderr)
    done = running.ctl("status", user=NOBODY)
    assert done.returncode == 3 and "no permission" in one_line(done.stderr)


def test_database_of_somebody_else_is_left_alone(site):
    site.url = "http://127.0.0.1:1"
    site.configure()
    site.state.mkdir()
    database = site.state / "gateway.db"
    database.write_bytes(b"not a database, but somebody's\n" * 100)
    before = database.read_bytes()
    done = faultlined(site)
    assert done.returncode == 1 and "gateway.db" in one_line(done.stderr) and "move it away" in done.stderr
    assert database.read_bytes() == before


def test_second_daemon_is_refused(running):
    done = faultlined(running)
    assert done.returncode == 1 and "another faultlined" in one_line(done.stderr)
    assert running.run()[1], "the first one goes on"


def test_command_line(running):
    for arguments, status, says in (
            (["run", "no-such-service"], 1, "no-such-service"),
            (["run", "../../etc/passwd"], 1, "name of a service"),
            (["run"], 2, "Usage"),
            (["surprise"], 2, "surprise"),
            (["fault", "show", "none"], 1, "faultctl faults"),
            (["events", "-n", "many"], 2, "Usage")):
        done = running.ctl(*arguments)
        assert done.returncode == status, arguments
        assert says in done.stderr, arguments
    for command in ("status", "apps", "run", "events", "faults", "fault"):
        assert running.ctl(command, "--help").stdout.startswith("Usage: faultctl")
    running.end("gateway")
    done = running.ctl("status")
    assert done.returncode == 3 and "is faultlined running?" in one_line(done.stderr)


def test_control_socket_takes_no_garbage(running):
    path = str(running.folder / "run/control.sock")
    for data in (b"garbage\n", b"x" * 70000 + b"\n", b'{"jsonrpc":"2.0","id":1,"method":5}\n', b"[]\n",
                 b'{"jsonrpc":"2.0","id":{},"method":"run","params":{"service":[]}}\n', b"\xff\xfe\x00\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(path)
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert running.ask("status")["gateway"] == running.name


def test_half_installed_application_is_cleared_away(site):
    site.stock()
    site.start_center()
    left = site.state / "applications/.half"
    left.mkdir(parents=True)
    (left / "application.xml").write_text("<application")
    broken = site.state / "applications/air-conditioner"
    broken.mkdir()
    (broken / "application.xml").write_text("<application")
    site.start_gateway()
    assert not left.exists()
    assert site.run()[1], "what cannot be used is fetched again"


def test_application_that_cannot_be_started(site):
    site.stock()
    site.start_center()
    site.start_gateway()
    (site.configuration / "runtimes.xml").write_text(
        '<runtimes><runtime name="java"><argument>/usr/bin/java</argument></runtime></runtimes>')
    site.end("gateway")
    site.start_gateway()
    _, result, error = site.run()
    assert result is None and "runtimes.xml" in one_line(error) and "native" in error
    wait_until(lambda: site.ask("apps") == [], "the transient application is deleted")
