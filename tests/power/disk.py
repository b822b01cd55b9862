# SPDX-License-Identifier: GPL-2.0-only
"""A disk in memory whose writes are logged by dm-log-writes, and what a power cut at any moment would have left of it.

The log holds writes in the order in which they became durable: a flush is preceded by all that had been completed
before it. So what is before a flush or a FUA write is on the disk for certain once that is; of what follows up to the
next one, any part may be."""

import fcntl
import os
import random
import struct
import subprocess
from dataclasses import dataclass

SECTOR = 512
SUPER = struct.Struct("<QQQI")
MAGIC = 0x6A736677736872
ENTRY = struct.Struct("<4Q")        # sector, sectors, flags, bytes of a mark
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
DM_IOCTL_SIZE = 312
DM_TARGET_MSG = 3 << 30 | DM_IOCTL_SIZE << 16 | 0xFD << 8 | 14


def run(*command):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@dataclass
class Entry:
    sector: int
    data: memoryview
    flags: int
    mark: str = ""

    @property
    def boundary(self):
        return self.flags & (FLUSH | FUA)


class LoggedDisk:
    """/dev/ram0 behind a logging device; the log is in /dev/ram1."""

    def __init__(self, name, megabytes):
        self.name = name
        self.bytes = megabytes << 20
        # Nothing that is written later by itself, and a journal that is soon full.
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-J", "size=4",
            "/dev/ram0", f"{megabytes}m")
        with open("/dev/ram0", "rb") as disk:
            self.before = disk.read(self.bytes)
        run("dmsetup", "create", name, "--noudevsync", "--table", f"0 {self.bytes // SECTOR} log-writes /dev/ram0 /dev/ram1")
        # The kernel's own name: who makes links to it, udev or dmsetup, depends on the machine.
        self.device = "/dev/dm-" + run("dmsetup", "info", "-c", "--noheadings", "-o", "minor", name).strip()
        self.control = os.open("/dev/mapper/control", os.O_RDWR)

    def mark(self, text):
        """A mark in the log, at once: a dmsetup of its own would take longer than what is to be caught."""
        message = struct.pack("<Q", 0) + f"mark {text}".encode() + b"\0"
        size = DM_IOCTL_SIZE + len(message)
        head = struct.pack("<3I2I2i3IQ128s129s7x", 4, 0, 0, size, DM_IOCTL_SIZE, 0, 0, 0, 0, 0, 0, self.name.encode(), b"")
        fcntl.ioctl(self.control, DM_TARGET_MSG, bytearray(head + message))

    def close(self):
        os.close(self.control)
        run("dmsetup", "remove", "--noudevsync", self.name)

    @staticmethod
    def entries():
        with open("/dev/ram1", "rb") as log:
            magic, version, number, sector_size = SUPER.unpack(log.read(SECTOR)[:SUPER.size])
            if magic != MAGIC or version != 1 or sector_size != SECTOR:
                raise RuntimeError("/dev/ram1 holds no log of writes")
            for _ in range(number):
                block = log.read(SECTOR)
                sector, sectors, flags, mark_bytes = ENTRY.unpack(block[:ENTRY.size])
                mark = block[ENTRY.size:ENTRY.size + mark_bytes].decode() if flags & MARK else ""
                data = b"" if flags & (MARK | DISCARD) else log.read(sectors * SECTOR)
                yield Entry(sector, memoryview(data), flags, mark)


@dataclass
class State:
    """What may be left: all up to the boundary, and of what came until the next one `kept`, by the number of the entry."""
    boundary: int
    marks: list         # set when the power was cut, oldest first
    kept: list

    def __str__(self):
        return f"entry {self.boundary}" + (f" and {len(self.kept)} writes behind it" if self.kept else "")


class Replay:
    """States of a log in their order, put on /dev/ram2."""

    def __init__(self, disk):
        self.entries = list(disk.entries())
        self.image = bytearray(disk.before)
        self.done = 0
        self.boundaries = [n for n, entry in enumerate(self.entries) if entry.boundary]

    def states(self, seed):
        """Two of each boundary: without, and with a random part of, what had been written but not flushed."""
        generator = random.Random(seed)
        marks = []
        for boundary, after in zip(self.boundaries, self.boundaries[1:] + [len(self.entries)]):
            marks += [e.mark for e in self.entries[self.mark_end(boundary):after] if e.mark]
            yield State(boundary, list(marks), [])
            loose = [n for n in range(boundary + 1, after) if len(self.entries[n].data)]
            if loose:
                yield State(boundary, list(marks), sorted(generator.sample(loose, generator.randint(1, len(loose)))))

    def mark_end(self, boundary):
        """Where marks were not counted yet: behind this boundary, or from the beginning."""
        return 0 if boundary == self.boundaries[0] else boundary

    def put(self, state):
        while self.done <= state.boundary:
            self.apply(self.image, self.entries[self.done])
            self.done += 1
        image = self.image
        if state.kept:
            image = bytearray(image)
            for number in state.kept:
                self.apply(image, self.entries[number])
        with open("/dev/ram2", "r+b", buffering=0) as disk:
            view = memoryview(image)
            while view:
                view = view[disk.write(view):]
            os.fsync(disk.fileno())

    @staticmethod
    def apply(image, entry):
        if len(entry.data):
            at = entry.sector * SECTOR
            image[at:at + len(entry.data)] = entry.data
