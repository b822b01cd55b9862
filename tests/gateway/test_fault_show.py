# SPDX-License-Identifier: GPL-2.0-only
"""What faultctl fault show makes of a fault's data. The fault is put into the store, as it is to have all that the module captures."""

import json
import sqlite3

DATA = {
    "pc": "pump+0x1036",
    "maps": [
        {"start": "0x5000", "end": "0x6000", "rights": "r--p", "offset": "0x0", "name": "/opt/pump", "build_id": "abcdef"},
        {"start": "0x6000", "end": "0x7000", "rights": "r-xp", "offset": "0x1000"},
        {"start": "0x8000", "end": "0x9000", "rights": "rw-p"},
        {"start": "0xa000", "end": "0xb000", "rights": "rw-p", "name": "[stack]"},
    ],
    "kernel": {"signal": "SIGSEGV", "comm": "pump", "pid": 7, "tid": 7, "uid": 0},
}


def store(site, name, **more):
    database = sqlite3.connect(next(site.state.rglob("*.db")), timeout=10)
    with database:
        database.execute("INSERT INTO fault (id, time, kind, application, version, state, data, reported) "
                         "VALUES (?, 0, 'signal.segv', 'pump', '1.0.0', 'restored', ?, 1)",
                         [name, json.dumps(DATA | more)])
    database.close()


def test_mappings(site):
    site.start_center()
    site.start_gateway()
    store(site, "whole", maps_complete=True)
    store(site, "partial", maps_complete=False)
    lines = site.ctl("fault", "show", "whole").stdout.splitlines()
    assert "  pc            pump+0x1036" in lines
    begin = lines.index("mappings")
    assert [line.split() for line in lines[begin + 1:begin + 5]] == [
        ["0x5000", "0x6000", "r--p", "0x0", "/opt/pump"],
        ["0x6000", "0x7000", "r-xp", "0x1000", "/opt/pump"],
        ["0x8000", "0x9000", "rw-p", "-", "-"],
        ["0xa000", "0xb000", "rw-p", "-", "[stack]"],
    ]
    assert "mappings, those of files before others for want of room" in site.ctl("fault", "show", "partial").stdout
