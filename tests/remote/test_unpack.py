# SPDX-License-Identifier: GPL-2.0-only
"""faultline-unpack with bundles that are right, damaged and hostile."""

import hashlib
import io
import os
import random
import subprocess
import tarfile
import time

import pytest
from conftest import BIN


def tar(*entries, **options):
    """A tar of TarInfo, or (name, content), or (name, content, mode)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            name, content, *mode = entry
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = mode[0] if mode else 0o644
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def special(name, kind, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def zstd(data, level=3):
    return subprocess.run(["zstd", "-q", f"-{level}", "-c"], input=data, capture_output=True, check=True).stdout


APPLICATION = ("application.xml", b"<application/>")
RANDOM = random.Random(1).randbytes(300_000)
GOOD = zstd(tar(APPLICATION, special("lib", tarfile.DIRTYPE), ("lib/data", RANDOM), ("bin/program", b"#!\n", 0o755)))


@pytest.fixture
def unpack(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()

    def run(bundle, sha256=None, size=None, user=(), expect=1):
        command = [BIN / "faultline-unpack", "--sha256", sha256 or hashlib.sha256(bundle).hexdigest(),
                   "--size", str(len(bundle) if size is None else size), "--into", folder, *user]
        ended = subprocess.run(command, input=bundle, capture_output=True, timeout=60)
        said = ended.stderr.decode()
        assert ended.returncode == expect, said
        assert said.count("\n") == (1 if expect in (1, 3) else 0) or expect == 2, said
        return said

    run.folder = folder
    return run


def below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


class TestGood:
    def test_content_and_modes(self, unpack):
        unpack(GOOD, expect=0)
        assert below(unpack.folder) == {"application.xml", "lib", "lib/data", "bin", "bin/program"}
        assert (unpack.folder / "lib/data").read_bytes() == RANDOM
        modes = {name: oct((unpack.folder / name).stat().st_mode & 0o7777) for name in below(unpack.folder)}
        assert modes == {"application.xml": "0o644", "lib": "0o755", "lib/data": "0o644", "bin": "0o755",
                         "bin/program": "0o755"}

    @pytest.mark.parametrize("mode, becomes", [(0o4755, 0o755), (0o2777, 0o755), (0o1666, 0o644), (0o000, 0o644)])
    def test_modes_are_masked(self, unpack, mode, becomes):
        unpack(zstd(tar(APPLICATION, ("f", b"x", mode))), expect=0)
        assert (unpack.folder / "f").stat().st_mode & 0o7777 == becomes

    def test_dots_and_slashes_as_tar_writes_them(self, unpack):
        unpack(zstd(tar(special(".", tarfile.DIRTYPE), ("./application.xml", b"<a/>"),
                        special("./lib/", tarfile.DIRTYPE), (".//lib/./f", b"x"))), expect=0)
        assert below(unpack.folder) == {"application.xml", "lib", "lib/f"}

    @pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    def test_long_and_foreign_names(self, unpack, format_):
        name = "a" * 120 + "/" + "größe-" * 20 + ".txt"
        unpack(zstd(tar(APPLICATION, (name, b"x"), format=format_)), expect=0)
        assert (unpack.folder / name).read_bytes() == b"x"

    def test_empty_file(self, unpack):
        unpack(zstd(tar(APPLICATION, ("empty", b""))), expect=0)
        assert (unpack.folder / "empty").stat().st_size == 0

    def test_several_frames(self, unpack):
        data = tar(APPLICATION, ("f", RANDOM))
        unpack(zstd(data[:1000]) + zstd(data[1000:]), expect=0)
        assert (unpack.folder / "f").read_bytes() == RANDOM

    def test_as_many_entries_as_allowed(self, unpack):
        unpack(zstd(tar(*[(f"d{i % 100}/f{i}", b"") for i in range(10_000)])), expect=0)

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
    @pytest.mark.parametrize("user", [("--user", "nobody"), ("--uid", "65534")])
    def test_as_another_user(self, unpack, user):
        os.chown(unpack.folder, 65534, 65534)
        unpack(GOOD, user=user, expect=0)
        assert (unpack.folder / "bin/program").stat().st_uid == 65534

    def test_while_it_arrives(self, unpack):
        """The files are written before the end of input; a slow network costs no second pass."""
        command = [BIN / "faultline-unpack", "--sha256", hashlib.sha256(GOOD).hexdigest(), "--size", str(len(GOOD)),
                   "--into", unpack.folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            process.stdin.write(GOOD[:200_000])
            process.stdin.flush()
            end = time.monotonic() + 10
            while not (unpack.folder / "lib/data").exists():
                assert time.monotonic() < end
                time.sleep(0.02)
            assert process.poll() is None
            process.stdin.write(GOOD[200_000:])
            process.stdin.close()
            assert process.wait(10) == 0


class TestDamaged:
    @pytest.mark.parametrize("part", [0, 1, 3, 4, 10, 100, 1000, 100_000, 250_000, -1000, -10, -2, -1])
    def test_cut_short(self, unpack, part):
        said = unpack(GOOD[:part] if part else b"", hashlib.sha256(GOOD).hexdigest(), len(GOOD), expect=3)
        assert "cut short" in said

    @pytest.mark.parametrize("at", [0, 5, 30, 1000, 150_000, len(GOOD) - 1])
    def test_a_bit_flipped(self, unpack, at):
        damaged = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1:]
        assert "SHA-256" in unpack(damaged, hashlib.sha256(GOOD).hexdigest())

    def test_wrong_hash(self, unpack):
        assert "SHA-256" in unpack(GOOD, "0" * 64)

    @pytest.mark.parametrize("more, less", [(b"x", 0), (b"", 1), (b"x" * 1_000_000, 0)], ids=["byte", "less", "much"])
    def test_longer_than_announced(self, unpack, more, less):
        assert "longer" in unpack(GOOD + more, hashlib.sha256(GOOD).hexdigest(), len(GOOD) - less)

    def test_more_behind_it(self, unpack):
        """What follows the archive within the size is part of what the hash vouches for, but is no file."""
        unpack(zstd(tar(APPLICATION) + b"rubbish" * 1000), expect=0)
        assert below(unpack.folder) == {"application.xml"}

    def test_cut_in_the_archive_itself(self, unpack):
        whole = tar(APPLICATION, ("f", RANDOM))
        assert "archive" in unpack(zstd(whole[:20_000]))

    @pytest.mark.parametrize("bundle", [b"x", b"\0" * 1000, RANDOM, zstd(RANDOM), zstd(b""), tar(APPLICATION)],
                             ids=["byte", "zeros", "noise", "noise-in-zstd", "empty-in-zstd", "tar-alone"])
    def test_no_bundle(self, unpack, bundle):
        unpack(bundle)
        assert not below(unpack.folder)

    def test_fuzzed(self, unpack):
        """With the right hash, so that nothing but the archive's own checks is in the way."""
        source = random.Random(7)
        plain = bytearray(tar(APPLICATION, ("lib/data", RANDOM[:2000]), ("bin/program", b"#!\n", 0o755)))
        for _ in range(60):
            fuzzed = plain.copy()
            for _ in range(source.randint(1, 8)):
                fuzzed[source.randrange(2048)] = source.randrange(256)
            bundle = zstd(bytes(fuzzed))
            command = [BIN / "faultline-unpack", "--sha256", hashlib.sha256(bundle).hexdigest(), "--size",
                       str(len(bundle)), "--into", unpack.folder]
            ended = subprocess.run(command, input=bundle, capture_output=True, timeout=60)
            assert ended.returncode in (0, 1), ended.stderr
            assert not [p for p in unpack.folder.rglob("*") if p.is_symlink()]
            subprocess.run(["rm", "-rf", unpack.folder], check=True)
            unpack.folder.mkdir()


class TestHostile:
    @pytest.mark.parametrize("name", [
        "/etc/evil", "../evil", "a/../../evil", "a/..", "..", "a/b/../c", "//evil", "a\\..\\evil", "a\nb", "a\x1b[2Jb",
        "x" * 300, "d/" * 33 + "f", "é" * 600,
    ], ids=lambda name: repr(name)[:20])
    def test_path(self, unpack, name):
        said = unpack(zstd(tar(APPLICATION, (name, b"evil"))))
        assert "path" in said and "\x1b" not in said
        assert below(unpack.folder) == {"application.xml"}
        assert not (unpack.folder.parent / "evil").exists()

    @pytest.mark.parametrize("entry", [
        special("link", tarfile.SYMTYPE, linkname="/etc"), special("link", tarfile.LNKTYPE, linkname="application.xml"),
        special("fifo", tarfile.FIFOTYPE), special("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        special("disk", tarfile.BLKTYPE, devmajor=8, devminor=0),
    ], ids=["symlink", "hardlink", "fifo", "character", "block"])
    def test_neither_file_nor_folder(self, unpack, entry):
        assert "neither file nor folder" in unpack(zstd(tar(APPLICATION, entry)))
        assert below(unpack.folder) == {"application.xml"}

    def test_through_a_link_that_is_there(self, unpack, tmp_path):
        (tmp_path / "outside").mkdir()
        (unpack.folder / "lib").symlink_to(tmp_path / "outside")
        unpack(GOOD)
        assert not below(tmp_path / "outside")

    def test_over_a_link_that_is_there(self, unpack, tmp_path):
        (unpack.folder / "application.xml").symlink_to(tmp_path / "outside")
        unpack(GOOD)
        assert not (tmp_path / "outside").exists()

    def test_twice(self, unpack):
        assert "exists" in unpack(zstd(tar(APPLICATION, ("f", b"1"), ("f", b"2"))))

    def test_file_as_folder(self, unpack):
        unpack(zstd(tar(APPLICATION, ("f", b"1"), ("f/g", b"2"))))

    def test_folder_as_file(self, unpack):
        unpack(zstd(tar(APPLICATION, ("f/g", b"1"), ("f", b"2"))))

    def test_too_many_entries(self, unpack):
        said = unpack(zstd(tar(*[special(f"d{i}", tarfile.DIRTYPE) for i in range(10_001)])))
        assert "10000" in said

    def test_bomb(self, unpack):
        bomb = zstd(tar(APPLICATION, ("zeros", bytes(100 << 20))), 9)
        assert len(bomb) < 100_000
        assert "bomb" in unpack(bomb)
        assert sum(p.stat().st_size for p in unpack.folder.rglob("*")) < 30 << 20

    def test_bomb_that_claims_to_be_small(self, unpack):
        """A size in the entry beyond all bounds, with nothing behind it."""
        huge = tarfile.TarInfo("huge")
        huge.size = 1 << 50
        unpack(zstd(tar(APPLICATION)[:1024] + huge.tobuf(tarfile.GNU_FORMAT) + bytes(4096)))
        assert sum(p.stat().st_blocks for p in unpack.folder.rglob("*")) < 100

    def test_holes(self, unpack, tmp_path):
        with open(tmp_path / "sparse", "wb") as file:
            file.truncate(1 << 40)
        packed = subprocess.run(["tar", "-S", "-C", tmp_path, "-cf", "-", "sparse"], capture_output=True, check=True)
        assert "holes" in unpack(zstd(packed.stdout))

    def test_compressed_twice(self, unpack):
        assert "once" in unpack(zstd(zstd(tar(APPLICATION))))

    def test_another_compression(self, unpack):
        packed = subprocess.run(["gzip", "-c"], input=tar(APPLICATION), capture_output=True, check=True).stdout
        unpack(packed)
        assert not below(unpack.folder)

    def test_large_window(self, unpack):
        """A frame whose window would take 2 GiB of memory."""
        data = tar(APPLICATION, ("f", RANDOM))
        packed = subprocess.run(["zstd", "-q", "--ultra", "--long=31", "-c"], input=data, capture_output=True,
                                check=True).stdout
        unpack(packed)
        assert not below(unpack.folder)


class TestUse:
    @pytest.mark.parametrize("arguments", [
        [], ["--sha256", "0" * 64], ["--sha256", "0" * 64, "--size", "1"],
        ["--sha256", "xyz", "--size", "1", "--into", "."],
        ["--sha256", "0" * 64, "--size", "-1", "--into", "."], ["--sha256", "0" * 64, "--size", "0", "--into", "."],
        ["--sha256", "0" * 64, "--size", "1x", "--into", "."],
        ["--sha256", "0" * 64, "--size", "99999999999999999999999", "--into", "."],
        ["--sha256", "0" * 64, "--size", "1", "--into", ".", "more"], ["--nonsense"],
    ], ids=lambda a: str(len(a)))
    def test_usage(self, arguments):
        ended = subprocess.run([BIN / "faultline-unpack", *arguments], input=b"", capture_output=True)
        assert ended.returncode == 2 and b"Usage" in ended.stderr

    def test_folder_is_not_there(self, tmp_path):
        ended = subprocess.run([BIN / "faultline-unpack", "--sha256", "0" * 64, "--size", "1", "--into",
                                tmp_path / "absent"], input=b"", capture_output=True)
        assert ended.returncode == 1 and b"absent" in ended.stderr

    def test_user_that_does_not_exist(self, unpack):
        assert "no-such-user" in unpack(GOOD, user=("--user", "no-such-user"))
