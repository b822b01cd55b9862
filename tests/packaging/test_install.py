# SPDX-License-Identifier: GPL-2.0-only
"""make install gives a gateway and a center that start with what is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import installed  # noqa: E402

ROOT = installed.ROOT


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], cwd=ROOT, text=True, capture_output=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    installed.install(root)
    return root


@pytest.mark.parametrize("program", ["sbin/faultlined", "bin/faultctl", "sbin/faultline-center"])
def test_programs_tell_their_version(root, program):
    assert run(root / "usr" / program, "--version")


@pytest.mark.parametrize("name", ["gateway", "runtimes", "events"])
def test_configuration_is_valid(root, name):
    run("xmllint", "--noout", "--nonet", "--dtdvalid", root / f"usr/share/faultline/dtd/{name}.dtd",
        root / f"etc/faultline/{name}.xml")


def test_the_daemon_finds_its_helpers_beside_it(root):
    folder = (root / "usr/sbin/faultlined").resolve().parent
    assert {"faultline-gate", "faultline-keeper", "faultline-link", "faultline-unpack"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("helper", ["keeper", "link", "unpack"])
def test_helpers_tell_what_they_are_for(root, helper):
    """Started by hand they end at once."""
    program = (root / "usr/sbin/faultlined").resolve().parent / f"faultline-{helper}"
    for arguments, status in (["--help"], 0), (["--nothing"], 2):
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=20)
        assert done.returncode == status and f"Usage: faultline-{helper}" in done.stdout + done.stderr


def test_the_gateway_s_part_is_small(root):
    sizes = installed.gateway_sizes(root)
    assert sum(sizes.values()) <= installed.BUDGET_KIB * 1024, sizes


def test_what_a_gateway_has_set_stays(root):
    settings = root / "etc/faultline/gateway.xml"
    settings.write_text("<mine/>")
    installed.install(root)
    assert settings.read_text() == "<mine/>"


@pytest.mark.parametrize("unit", ["faultlined", "faultline-center"])
def test_units_start_what_is_installed(root, unit):
    lines = (root / f"lib/systemd/system/{unit}.service").read_text().splitlines()
    program = next(line.split("=", 1)[1].split()[0] for line in lines if line.startswith("ExecStart="))
    assert (root / program.lstrip("/")).exists()


def test_dkms_has_the_module_alone(root):
    run("make", "-s", "install-dkms", f"DESTDIR={root}")
    source = next((root / "usr/src").iterdir())
    assert {path.name for path in source.iterdir()} == {"Kbuild", "kmod", "include", "dkms.conf"}
    assert "@VERSION@" not in (source / "dkms.conf").read_text()
