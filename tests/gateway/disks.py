# SPDX-License-Identifier: GPL-2.0-only
"""Disks for a gateway's state folder that fill, fail or become read-only. No other file system is touched."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import wait_until

SMALL_DISK = "4m"


def mounted(site, *options):
    """The state folder is a file system of its own; what cannot be mounted here is no failure."""
    site.state.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(site.state)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    site.state.chmod(0o711)


def unmounted(folder):
    """What had a file open there may just be ending."""
    wait_until(lambda: not subprocess.run(["umount", str(folder)], capture_output=True).returncode, f"{folder} is unmounted")


@pytest.fixture
def small(site):
    """A file system that is soon full."""
    mounted(site, "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs")
    yield site.state
    if "gateway" in site.processes:
        site.end("gateway")
    unmounted(site.state)


@pytest.fixture
def failing(site):
    """A disk whose blocks lie in a file that gets no more room: from then on what is written to new ones fails."""
    folder = site.folder / "failing"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)
    subprocess.run(["truncate", "-s", "64M", str(folder / "disk")], check=True)
    # No journal, which would end with its first error.
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "nodiscard", str(folder / "disk")], check=True)
    try:
        mounted(site, "-o", "loop,errors=continue", str(folder / "disk"))
        yield folder
        if "gateway" in site.processes:
            site.end("gateway")
        unmounted(site.state)
    finally:
        unmounted(folder)


class Fragile:
    """A disk that the kernel makes read-only with its first error; a repair needs that nobody uses it."""

    def __init__(self, site):
        self.site = site
        self.image = site.folder / "fragile"
        subprocess.run(["truncate", "-s", "32M", str(self.image)], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.mount()

    def mount(self):
        mounted(self.site, "-o", "loop,errors=remount-ro", str(self.image))

    def fail(self):
        device = os.path.basename(subprocess.check_output(["findmnt", "-n", "-o", "SOURCE", str(self.site.state)], text=True).strip())
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a test")
        with contextlib.suppress(OSError):
            (self.site.state / "probe").write_text("x")
            raise AssertionError("it is not read-only")

    def mend(self):
        """As a reboot does it."""
        self.site.end("gateway", signal.SIGKILL)
        self.site.clean()
        unmounted(self.site.state)
        # One that ended in a mount namespace of its own may still hold it, read-only as it is.
        wait_until(lambda: not subprocess.check_output(["losetup", "-j", str(self.image)]), "nobody uses the disk")
        assert subprocess.run(["e2fsck", "-fy", str(self.image)], capture_output=True).returncode < 4
        self.mount()
        self.site.start_gateway()


@pytest.fixture
def fragile(site):
    fragile = Fragile(site)
    yield fragile
    if "gateway" in site.processes:
        site.end("gateway")
    unmounted(site.state)
