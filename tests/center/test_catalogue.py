# SPDX-License-Identifier: GPL-2.0-only
"""Applications (11), scripts (12) and definitions (331): verified when they are added, then served."""

import hashlib
import os
import shutil
import stat
import subprocess
import tarfile

import pytest
from conftest import DEFINITION, SCRIPT, SERVICE


def files(folder):
    """What is kept: every path with its content, but for the store's own files and the lock."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*")
            if p.is_file() and not p.name.startswith("center.db") and p.name != "lock"}


def test_an_application_is_added_listed_and_served(served, bundle):
    path = bundle.good(residence="resident")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "pump 1.0.0 added" in served.do("app", "add", path)
    row, = served.json("app", "list")
    assert row["name"] == "pump" and row["sha256"] == digest and row["current"] is True
    assert "pump" in served.do("app", "list")
    answer = served.get("/v1/applications/pump")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json == {"name": "pump", "version": "1.0.0", "residence": "resident", "runtime": "native",
                           "sha256": digest, "size": path.stat().st_size}
    assert served.get(f"/v1/artifacts/{digest}").body == path.read_bytes()
    kept = served.data / "artifacts" / digest[:2] / digest
    assert kept.read_bytes() == path.read_bytes()
    assert not stat.S_IMODE(kept.stat().st_mode) & 0o027


def test_the_real_bundle_of_the_example_is_taken(served, bundle):
    built = sorted((SCRIPT.parents[2] / "build").glob("*/bundles/air-conditioner-*.tar.zst"))
    if not built:
        pytest.skip("the example's bundle is not built; make does that")
    served.do("app", "add", built[0])
    assert served.get("/v1/applications/air-conditioner").json["runtime"] == "native"


def test_the_version_added_last_is_the_one_to_run(served, bundle):
    served.do("app", "add", bundle.good(version="2.0.0"))
    served.do("app", "add", bundle.good(version="1.9.9"))
    assert served.get("/v1/applications/pump").json["version"] == "1.9.9"
    current = {row["version"]: row["current"] for row in served.json("app", "list")}
    assert current == {"2.0.0": False, "1.9.9": True}


def test_the_same_bundle_again_changes_nothing(center, bundle):
    path = bundle.good()
    center.do("app", "add", path)
    before = files(center.data)
    assert "already" in center.do("app", "add", path)
    assert files(center.data) == before and len(center.json("app", "list")) == 1


def test_the_same_version_with_other_content_is_refused(center, bundle):
    center.do("app", "add", bundle.good())
    before = files(center.data)
    line = center.refuse("app", "add", bundle.good(payload=b"other"))
    assert "pump 1.0.0" in line and "new version" in line
    assert files(center.data) == before


@pytest.mark.parametrize("where", ["nothing", "magic", "header", "half", "last", "tail"])
def test_a_bundle_that_is_cut_short_is_refused(center, bundle, where):
    whole = bundle.good(payload=os.urandom(300_000)).read_bytes()
    cut = {"nothing": 0, "magic": 4, "header": 40, "half": len(whole) // 2, "last": len(whole) - 1,
           "tail": len(whole) - 8}[where]
    path = bundle.folder / "cut.tar.zst"
    path.write_bytes(whole[:cut])
    line = center.refuse("app", "add", path)
    assert "cut.tar.zst" in line
    assert center.json("app", "list") == [] and files(center.data) == {}


def test_a_cut_after_the_archive_s_end_is_seen(center, bundle):
    """What a reader of tar never looks at: the end of the compressed stream."""
    entries = [bundle.entry("application.xml", bundle.application().encode()), bundle.entry("bin/pump", bundle.PROGRAM, 0o755)]
    padded = bundle.tar(entries) + bytes(1 << 20)
    whole = bundle.compress(padded, "whole.tar.zst")
    center.do("app", "add", whole)
    cut = bundle.folder / "cut.tar.zst"
    cut.write_bytes(whole.read_bytes()[:-3])
    assert "cut short" in center.refuse("app", "add", cut)


def test_a_tar_without_its_end_is_refused(center, bundle):
    entries = [bundle.entry("application.xml", bundle.application().encode()), bundle.entry("bin/pump", b"x" * 512, 0o755)]
    tar = bundle.tar(entries).rstrip(b"\0")
    assert "no end" in center.refuse("app", "add", bundle.compress(tar))


def test_a_bundle_in_which_a_bit_flipped_is_refused(center, bundle):
    whole = bytearray(bundle.good(payload=os.urandom(100_000)).read_bytes())
    whole[20] ^= 0x10
    path = bundle.folder / "flipped.tar.zst"
    path.write_bytes(whole)
    center.refuse("app", "add", path)
    assert files(center.data) == {}


LINK = dict(type=tarfile.SYMTYPE, linkname="/etc/passwd")
HARD = dict(type=tarfile.LNKTYPE, linkname="bin/pump")
DEVICE = dict(type=tarfile.CHRTYPE, devmajor=1, devminor=3)
FIFO = dict(type=tarfile.FIFOTYPE)


@pytest.mark.parametrize("name, attributes, word", [
    ("../evil", {}, "path"),
    ("bin/../../evil", {}, "path"),
    ("/etc/evil", {}, "path"),
    ("./evil", {}, "path"),
    ("bin//evil", {}, "path"),
    ("bin/..", {}, "path"),
    ("a\nb", {}, "path"),
    ("x" * 300, {}, "path"),
    ("\udcff31m", {}, "UTF-8"),
    ("link", LINK, "links"),
    ("hard", HARD, "links"),
    ("device", DEVICE, "devices"),
    ("fifo", FIFO, "devices"),
    ("setuid", dict(mode=0o4755), "set-user-id"),
    ("application.xml", {}, "twice"),
    ("bin/pump", dict(mode=0o755), "twice"),
], ids=lambda value: value if isinstance(value, str) and len(value) < 20 and value.isprintable() else "")
def test_an_entry_that_may_not_be_in_a_bundle_is_refused(center, bundle, name, attributes, word):
    line = center.refuse("app", "add", bundle.make(bundle.entry(name, **attributes)))
    assert word in line
    assert center.json("app", "list") == [] and files(center.data) == {}


@pytest.mark.parametrize("data, word", [
    ("<application", "application.xml:1"),
    ("<other/>", "application.xml"),
    ('<!DOCTYPE application [<!ENTITY x "y">]><application/>', "declarations"),
    ('<application name="Pump" version="1" runtime="native"><command program="bin/pump"/><processing name="s"/></application>', "name"),
    ('<application name="pump" version="1 2" runtime="native"><command program="bin/pump"/><processing name="s"/></application>', "version"),
    ('<application name="pump" version="1" runtime="native"><command program="../pump"/><processing name="s"/></application>', "program"),
    ('<application name="pump" version="1" runtime="native"><command program="bin/none"/><processing name="s"/></application>', "not in it"),
    ('<application name="pump" version="1" runtime="native"><command program="bin/pump"/></application>', "processing"),
], ids=range(8))
def test_application_data_that_are_not_valid_are_refused(center, bundle, data, word):
    line = center.refuse("app", "add", bundle.make(data=data))
    assert word in line and "bundle.tar.zst" in line
    assert "/proc/" not in line
    assert center.json("app", "list") == []


def test_a_program_that_is_not_executable_is_refused_unless_a_runtime_reads_it(center, bundle):
    plain = bundle.entry("bin/pump", b"x", 0o644)
    assert "executable" in center.refuse("app", "add", bundle.make(plain, program=False))
    python = bundle.application(runtime="python")
    center.do("app", "add", bundle.make(plain, program=False, data=python), "--skip-run", "no program")


def test_a_program_that_is_a_folder_is_refused(center, bundle):
    folder = bundle.entry("bin/pump", mode=0o755, type=tarfile.DIRTYPE)
    assert "not in it" in center.refuse("app", "add", bundle.make(folder, program=False))


def test_application_data_must_come_first(center, bundle):
    entries = [bundle.entry("bin/pump", b"x", 0o755), bundle.entry("application.xml", bundle.application().encode())]
    assert "first" in center.refuse("app", "add", bundle.compress(bundle.tar(entries)))


def test_other_files_than_bundles_are_refused(center, bundle, tmp_path):
    plain = tmp_path / "plain.tar"
    plain.write_bytes(bundle.tar([bundle.entry("application.xml", b"x")]))
    assert "zstd" in center.refuse("app", "add", plain)
    assert "No such file" in center.refuse("app", "add", tmp_path / "none")
    assert "regular file" in center.refuse("app", "add", tmp_path)
    assert "regular file" in center.refuse("app", "add", "/dev/zero")
    assert center.json("app", "list") == []


def test_a_bundle_that_unpacks_without_end_is_refused(center, bundle, tmp_path):
    path = tmp_path / "bomb.tar.zst"
    with path.open("wb") as out:
        subprocess.run("head -c 2200M /dev/zero | zstd -q -c", shell=True, stdout=out, check=True)
    assert "MiB when unpacked" in center.refuse("app", "add", path)


def test_what_a_killed_add_left_is_cleared(center, bundle):
    center.do("app", "add", bundle.good())
    left = center.data / "artifacts/incoming-abcdef"
    left.write_bytes(b"half")
    center.do("app", "add", bundle.good(version="2"))
    assert not left.exists()


def test_ranges_of_an_artifact(served, bundle):
    path = bundle.good(payload=os.urandom(10_000))
    whole = path.read_bytes()
    size = len(whole)
    served.do("app", "add", path, "--skip-run", "no program")
    digest = hashlib.sha256(whole).hexdigest()
    url = f"/v1/artifacts/{digest}"

    for header, first, last in [("bytes=0-0", 0, 0), ("bytes=100-199", 100, 199), ("bytes=100-", 100, size - 1),
                                ("bytes=-5", size - 5, size - 1), (f"bytes=10-{size * 2}", 10, size - 1),
                                (f"bytes=-{size * 2}", 0, size - 1)]:
        answer = served.get(url, Range=header)
        assert answer.status == 206, header
        assert answer.body == whole[first:last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    for header in (f"bytes={size}-", "bytes=-0", f"bytes={2 ** 62}-"):
        answer = served.get(url, Range=header)
        assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{size}", header
    for header in ("bytes=", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=--1",
                   "bytes=99999999999999999999-"):
        answer = served.get(url, Range=header)
        assert answer.status == 200 and answer.body == whole, header
    assert served.get(url, Range="bytes=0-9", If_Range=f'"{digest}"').status == 206
    assert served.get(url, Range="bytes=0-9", If_Range='"other"').status == 200
    assert served.get(url, If_None_Match=f'"{digest}"').status == 304
    head = served.request("HEAD", url)
    assert head.status == 200 and head.headers["Content-Length"] == str(size) and head.headers["Accept-Ranges"] == "bytes"


def test_etags(served, bundle):
    served.do("app", "add", bundle.good())
    served.do("definition", "add", DEFINITION)
    served.do("script", "add", SCRIPT)
    for url in ("/v1/applications/pump", f"/v1/scripts/{SERVICE}"):
        tag = served.get(url).headers["ETag"]
        for header in (tag, f"W/{tag}", f'"a", {tag}', "*", f'"a",W/"b" ,{tag}'):
            answer = served.get(url, If_None_Match=header)
            assert answer.status == 304 and answer.body == b"" and answer.headers["ETag"] == tag, header
        for header in ('"other"', tag.strip('"'), "", '"', "W/", tag[:-2] + '"'):
            assert served.get(url, If_None_Match=header).status == 200, header
    tag = served.get("/v1/applications/pump").headers["ETag"]
    served.do("app", "add", bundle.good(version="2"))
    assert served.get("/v1/applications/pump", If_None_Match=tag).json["version"] == "2"


def test_a_script_is_verified_and_served(served):
    served.do("definition", "add", DEFINITION)
    assert "edition 1 added" in served.do("script", "add", SCRIPT)
    answer = served.get(f"/v1/scripts/{SERVICE}")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/xml"
    assert answer.body == SCRIPT.read_bytes()
    row, = served.json("script", "list")
    assert row["service"] == SERVICE and row["edition"] == 1
    assert "already" in served.do("script", "add", SCRIPT)
    assert served.json("script", "list")[0]["edition"] == 1


def test_a_changed_script_takes_the_place_of_the_one_before(served, tmp_path):
    served.do("definition", "add", DEFINITION)
    served.do("script", "add", SCRIPT)
    changed = tmp_path / SCRIPT.name
    changed.write_text(SCRIPT.read_text() + "<!-- later -->\n")
    assert served.json("script", "add", changed)["edition"] == 2
    assert served.get(f"/v1/scripts/{SERVICE}").body == changed.read_bytes()


def test_a_script_that_its_definition_forbids_is_refused(served, tmp_path):
    served.do("definition", "add", DEFINITION)
    served.do("script", "add", SCRIPT)
    bad = tmp_path / SCRIPT.name
    bad.write_text(f"<{SERVICE}>\n  <self-destruct/>\n</{SERVICE}>\n")
    line = served.refuse("script", "add", bad)
    assert line.startswith(f"{bad}:2:") and "self-destruct" in line
    bad.write_text(SCRIPT.read_text()[:-20])
    assert str(bad) in served.refuse("script", "add", bad)
    assert served.get(f"/v1/scripts/{SERVICE}").body == SCRIPT.read_bytes()


def test_a_script_needs_a_definition_and_a_name(center, tmp_path):
    assert "definition add" in center.refuse("script", "add", SCRIPT)
    other = tmp_path / "Other Name.xml"
    shutil.copy(SCRIPT, other)
    assert "SERVICE.xml" in center.refuse("script", "add", other)
    assert "No such file" in center.refuse("script", "add", tmp_path / "none.xml")
    assert center.json("script", "list") == []


def test_definitions(center, tmp_path):
    row = center.json("definition", "add", DEFINITION)
    assert row["service"] == SERVICE and row["events"]
    assert center.json("definition", "list") == [row]
    assert (center.data / f"definitions/{SERVICE}.dtd").read_bytes() == DEFINITION.read_bytes()
    bad = tmp_path / DEFINITION.name
    bad.write_text("<!ELEMENT air-conditioner-control")
    assert str(bad) in center.refuse("definition", "add", bad)
    assert center.json("definition", "list") == [row]


def test_a_definition_that_the_script_does_not_fit_needs_force(center, tmp_path):
    center.do("definition", "add", DEFINITION)
    center.do("script", "add", SCRIPT)
    narrow = tmp_path / DEFINITION.name
    narrow.write_text(f'<!ELEMENT {SERVICE} EMPTY>\n<!ATTLIST {SERVICE} event CDATA #FIXED "start">\n')
    assert "--force" in center.refuse("definition", "add", narrow)
    assert center.json("definition", "list")[0]["events"] != ["start"]
    center.do("definition", "add", "--force", narrow)
    assert center.json("definition", "list")[0]["events"] == ["start"]


@pytest.mark.parametrize("path", [
    "/v1/applications/none", "/v1/applications/None", "/v1/applications/%2e%2e", "/v1/applications/../x",
    "/v1/artifacts/" + "0" * 64, "/v1/artifacts/x", "/v1/artifacts/..%2f..%2fcenter.db", "/v1/artifacts/" + "0" * 300,
    "/v1/scripts/none", "/v1/scripts/x%00y", "/v1", "/v1/health/", "/v1/health%00", "//v1/health",
    "/v1/applications/", "/v1/gateways/G/faults", "/v1/gateways/g1/faults/none-1", "/v1/gateways/g1/faults/none",
])
def test_what_is_not_there(served, path):
    served.get(path).problem(404)


def test_the_store_of_a_newer_center_is_left_alone(center, bundle):
    center.do("app", "add", bundle.good())
    subprocess.run(["/usr/bin/python3", "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')",
                    center.data / "center.db"], check=True)
    assert "newer" in center.refuse("app", "list")
    assert "newer" in center.refuse("app", "add", bundle.good(version="2"))


def test_a_store_that_is_none(center):
    assert "--data" in center.refuse("app", "list")
    center.data.mkdir()
    (center.data / "center.db").write_bytes(b"no database, but long enough to look at" * 100)
    assert "center.db" in center.refuse("app", "list")
    assert "center.db" in center.refuse("countermeasure", "set", "signal", "restart")


def openssl_verifies(folder, public, statement, signature):
    (folder / "public.pem").write_text(public)
    (folder / "statement").write_text(statement)
    (folder / "signature").write_bytes(__import__("base64").b64decode(signature))
    return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "public.pem", "-rawin", "-in",
                           folder / "statement", "-sigfile", folder / "signature"], capture_output=True).returncode == 0


def test_what_is_added_is_signed_when_there_is_a_key(served, bundle, tmp_path):
    served.do("app", "add", bundle.good())
    assert "signature" not in served.get("/v1/applications/pump").json
    public = served.do("key", "make")
    assert stat.S_IMODE((served.data / "signing-key.pem").stat().st_mode) == 0o600
    assert "already" in served.refuse("key", "make") and served.do("key", "show") == public
    served.do("definition", "add", DEFINITION)
    served.do("script", "add", SCRIPT)
    script = served.get(f"/v1/scripts/{SERVICE}/signature").json
    statement = f"faultline script 1\nservice {SERVICE}\nsha256 {script['sha256']}\nserial {script['serial']}\n"
    assert openssl_verifies(tmp_path, public, statement, script["signature"])
    assert not openssl_verifies(tmp_path, public, statement.replace("serial ", "serial 1"), script["signature"])
    before = served.get("/v1/applications/pump")
    # The application, the script and the list of countermeasures.
    assert "3 signed" in served.do("key", "sign")
    app = served.get("/v1/applications/pump")
    assert app.headers["ETag"] != before.headers["ETag"]
    app = app.json
    assert openssl_verifies(tmp_path, public, "faultline application 1\nname pump\nversion 1.0.0\n"
                            f"sha256 {app['sha256']}\nsize {app['size']}\nserial {app['serial']}\n", app["signature"])
    # Another signature, a higher number; another content, no signature that is not its own.
    assert served.get(f"/v1/scripts/{SERVICE}/signature").json["serial"] > script["serial"]
    assert [row["signed"] for row in served.json("app", "list")] == [True]
    (served.data / "signing-key.pem").unlink()
    changed = tmp_path / f"{SERVICE}.xml"
    changed.write_text(SCRIPT.read_text() + "\n")
    served.do("script", "add", changed)
    assert "signature" not in served.get(f"/v1/scripts/{SERVICE}/signature").json


def test_a_key_that_others_can_read_is_not_used(center, bundle, tmp_path):
    center.do("key", "make", tmp_path / "key.pem")
    assert not (center.data / "signing-key.pem").exists()
    (tmp_path / "key.pem").chmod(0o640)
    assert "others can read" in center.refuse("app", "add", bundle.good(), "--key", tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o600)
    center.do("app", "add", bundle.good(), "--key", tmp_path / "key.pem")
    assert center.json("app", "list")[0]["signed"] is True
    assert "no key" in center.refuse("key", "sign")
    (tmp_path / "key.pem").write_text("nonsense")
    assert "not an Ed25519" in center.refuse("key", "show", tmp_path / "key.pem")
