# SPDX-License-Identifier: GPL-2.0-only
"""The range of operation: what no script names cannot be requested, by anyone, and trying is a fault."""

import json
import socket

from gateway_site import wait_until


def faults(site):
    return [fault for fault in site.ask("faults") if fault["kind"] == "range.operation"]


def control(site, method, **params):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(site.folder / "run/control.sock"))
        connection.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        return json.loads(connection.makefile().readline())


def test_by_the_control_socket(running):
    site = running
    assert site.run()[1]
    answer = control(site, "request", application="air-conditioner", processing="set-temperature", arguments={"celsius": 20})
    assert "past the scripts" in answer["error"]["message"]
    fault, = faults(site)
    assert fault["application"] == "air-conditioner"
    shown = site.ask("fault", "show", fault["id"])
    assert shown["data"]["processing"] == "set-temperature" and shown["data"]["asked_by"] == "control"
    told = wait_until(lambda: [f for f in site.center_faults() if f["kind"] == "range.operation"], "the center knows it")
    assert told[0]["id"] == fault["id"]
    # The name of a processing is no method either.
    assert control(site, "set-temperature", celsius=20)["error"]["code"] == -32601
    assert len(faults(site)) == 1


def test_by_the_list_of_events(running):
    site = running
    events = site.configuration / "events.xml"
    events.write_text(events.read_text().replace('processing="set-temperature"', 'processing="self-destruct"'))
    lines, result, error = site.run()
    assert not result and "self-destruct" in error
    assert "processing.answered" not in [line["event"] for line in lines]
    fault, = faults(site)
    shown = site.ask("fault", "show", fault["id"])
    assert shown["data"]["processing"] == "self-destruct" and shown["data"]["service"] == "air-conditioner-control"
    assert shown["version"] == "1.0.0"
