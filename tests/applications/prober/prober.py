# SPDX-License-Identifier: GPL-2.0-only
"""An application that tries what it must not be able to do, and misbehaves as it is told."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from faultline_app import Application, notify

app = Application()
libc = ctypes.CDLL(None, use_errno=True)


def attempt(function, *arguments):
    """"done", or the name of the errno."""
    try:
        result = function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    if isinstance(result, int) and result == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "done"


def write(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("here")


def probe_files():
    state = Path(os.environ["STATE_DIRECTORY"])
    program = state / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    return {
        "state": attempt(write, state / "file"),
        "temporary": attempt(write, Path(os.environ["TMPDIR"]) / "temporary"),
        "tmp": attempt(write, "/tmp/faultline-prober"),
        "shm": attempt(write, "/dev/shm/faultline-prober"),
        "null": attempt(write, "/dev/null"),
        "bundle": attempt(write, Path(__file__).parent / "file"),
        "var": attempt(os.listdir, "/var"),
        "etc": attempt(os.listdir, "/etc"),
        "execute": attempt(lambda: os.posix_spawn(program, [program], {})),
        "execute-true": attempt(lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)),
    }


def probe_calls():
    user_namespace = 0x10000000
    return {
        "unshare": attempt(libc.unshare, user_namespace),
        "mount": attempt(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
        "ptrace": attempt(libc.ptrace, 0, 0, 0, 0),
        "algorithms": attempt(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET),
        "internet": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
        "thread": attempt(lambda: __import__("threading").Thread(target=int).start()),
        "capabilities": int(next(line.split()[1] for line in open("/proc/self/status", encoding="ascii")
                                 if line.startswith("CapBnd")), 16),
    }


def probe_memory():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20)))


null_files = []


def probe_descriptors():
    """Nearly as many open files as it may have; they stay open."""
    while len(null_files) < 22:
        null_files.append(open("/dev/null", "rb"))
    return {}


def probe_processes():
    """As many children as there can be; they wait for their end."""
    for number in range(64):
        try:
            if not os.fork():
                time.sleep(60)
                os._exit(0)
        except OSError as error:
            return {"children": number, "errno": errno.errorcode[error.errno]}
    return {"children": 64}


def probe_orphan():
    """A process that has left the session; the application is then hit by a signal."""
    child = os.fork()
    if not child:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.close(app.channel)
        for fd in range(3):
            os.close(fd)
        time.sleep(120)
        os._exit(0)
    os.waitpid(child, 0)
    return {}


def children_end(number):
    while not Path("go").exists():
        time.sleep(0.05)
    for _ in range(number):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    Path("done").touch()


def probe_children():
    """So many children end, one after the other, once the file "go" is in its state folder; "done" follows."""
    threading.Thread(target=children_end, args=[int(os.environ["CHILDREN"])]).start()
    return {}


def probe_log():
    for number in range(int(os.environ.get("LINES", "5"))):
        print(f"line {number}")
    print("a" * 3000)
    sys.stderr.buffer.write(b"not \xff UTF-8\x1b[31m\n")
    sys.stderr.flush()
    return {}


def probe_name():
    """It calls itself what would begin a line and give a terminal an order."""
    libc.prctl(15, b"x\n\x1b[31m\xff y")
    sys.stderr.buffer.write("stra\u00dfe \u009b2J ".encode() + b"\xff\n")
    sys.stderr.flush()
    return {}


def probe_traceback():
    raise RuntimeError("as it was told")


def probe_hang():
    """Once: the second time, it has hung already."""
    hung = Path("hung")
    if not hung.exists():
        hung.touch()
        time.sleep(30)
    return {}


def probe_trigger():
    """A child says that the application hangs."""
    if not os.fork():
        notify("WATCHDOG=trigger")
        os._exit(0)
    os.wait()
    time.sleep(float(os.environ.get("ANSWER_AFTER_S", "0")))
    return {}


def probe_range():
    """Reads the file whose name is in its state folder, once; otherwise one that it always reads."""
    where = Path(os.environ["STATE_DIRECTORY"]) / "where"
    path = "/etc/hosts"
    if where.exists():
        path = where.read_text(encoding="utf-8")
        where.unlink()
    return {"read": attempt(lambda: len(Path(path).read_bytes()))}


def probe_status():
    notify("STATUS=\N{SNOWMAN} at 25\N{DEGREE SIGN}\x1b[31m\nMAINPID=1\nFDSTORE=1\nUNKNOWN=x")
    return {}


activations = []


@app.activated
def activated():
    activations.append(os.getpid())


def probe_standby():
    return {"activations": activations, "pid": os.getpid(), "started_as": os.environ.get("FAULTLINE_STANDBY")}


@app.processing("probe")
def probe():
    return globals()[f"probe_{os.environ['PROBE']}"]()


HEART_STOPS = Path("heart-stops")       # in its state folder: while it is there, this process's heart does not beat
WDIOC_SETTIMEOUT = 0xc0045706


def beat(seconds, function):
    app.every(seconds)(lambda: HEART_STOPS.exists() or function())


def start():
    """Tells that it is ready when it has been told when, and beats its heart when somebody listens."""
    if "EXTEND_S" in os.environ:
        notify(f"EXTEND_TIMEOUT_USEC={os.environ['EXTEND_S']}000000")
    if "READY_AFTER_S" in os.environ:
        time.sleep(float(os.environ["READY_AFTER_S"]))
        notify("READY=1\nSTATUS=at your service")
    HEART_STOPS.unlink(missing_ok=True)
    if "WATCHDOG_USEC" in os.environ:
        assert os.environ["WATCHDOG_PID"] == str(os.getpid())
        beat(int(os.environ["WATCHDOG_USEC"]) / 4e6, lambda: notify("WATCHDOG=1"))
    if "DEVICE_S" in os.environ:
        seconds = int(os.environ["DEVICE_S"])
        device = os.open("/dev/faultline", os.O_WRONLY)
        fcntl.ioctl(device, WDIOC_SETTIMEOUT, struct.pack("i", seconds))
        beat(seconds / 8, lambda: os.write(device, b"1"))


if __name__ == "__main__":
    start()
    app.run()
