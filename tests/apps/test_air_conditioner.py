# SPDX-License-Identifier: GPL-2.0-only
"""The air conditioner at work: R1 (an application drives equipment), and the faults that the demonstration uses."""

import signal

import pytest


def test_processings_drive_the_unit(unit, start):
    application = start()
    assert application.request("initialize")["result"] == {}
    assert (unit.power, unit.wind_velocity) == (0, 0)
    assert application.request("set-temperature", celsius=24.5)["result"] == {"celsius": 24.5}
    assert unit.set_point == 24.5
    assert application.request("set-wind-velocity", level=3)["result"] == {"level": 3}
    assert unit.wind_velocity == 3
    application.request("start-temperature-control")
    assert unit.power == 1
    assert application.request("read-temperature")["result"]["set"] == 24.5
    assert "result" in application.request("stop")
    assert (unit.power, unit.wind_velocity) == (0, 0)
    assert application.finish() == 0


def test_the_room_follows_and_the_application_reports_it(unit, start):
    application = start()
    warm = unit.room
    for method, params in (("set-temperature", {"celsius": 22}), ("set-wind-velocity", {"level": 5}),
                           ("start-temperature-control", {})):
        assert "result" in application.request(method, **params)
    event = application.message()
    assert event["method"] == "event"
    assert event["params"]["name"] == "temperature-reached"
    assert event["params"]["severity"] == "info"
    assert abs(unit.room - 22) <= 0.5 < abs(warm - 22)


@pytest.mark.parametrize("method, params, code", [
    ("set-temperature", {}, -32602),
    ("set-temperature", {"celsius": "24"}, -32602),
    ("set-temperature", {"celsius": 40}, -32602),
    ("set-wind-velocity", {"level": 2.5}, -32602),
    ("set-wind-velocity", {"level": -1}, -32602),
    ("set-wind-velocity", {"level": 2**60}, -32602),
    ("no-such-processing", {}, -32601),
])
def test_what_is_not_allowed_is_answered_and_changes_nothing(unit, start, method, params, code):
    before = (unit.power, unit.set_point, unit.wind_velocity)
    application = start()
    assert application.request(method, **params)["error"]["code"] == code
    assert (unit.power, unit.set_point, unit.wind_velocity) == before
    assert "result" in application.request("read-temperature")


def test_a_unit_that_is_not_there(unit, start):
    application = start(address="127.0.0.1:1")
    error = application.request("initialize")["error"]
    assert error["code"] == 4
    assert "127.0.0.1:1: Connection refused; is it switched on" in error["message"]
    assert application.finish() == 0


def test_a_unit_that_comes_back(unit, start):
    """Its connection is made anew: the unit closes it when more clients come than it has slots for."""
    application = start()
    assert "result" in application.request("initialize")
    unit.process.send_signal(signal.SIGSTOP)
    assert "error" in application.request("read-temperature")
    unit.process.send_signal(signal.SIGCONT)
    assert "result" in application.request("read-temperature")


def test_the_channel_ends_on_what_is_no_request(start):
    application = start()
    application.send("{}")
    assert application.message() is None
    assert application.finish() == 1


def test_the_channel_ends_on_a_line_without_end(start):
    application = start()
    try:
        application.send("x" * 200000)
    except BrokenPipeError:
        pass
    assert application.message() is None
    assert application.process.wait(20) == 1


@pytest.mark.parametrize("kind, status", [
    ("segv", -signal.SIGSEGV),
    ("abort", -signal.SIGABRT),
    ("exit", 3),
    ("stack-overflow", -signal.SIGSEGV),
])
def test_a_fault_strikes_half_way_and_once(unit, start, kind, status):
    fault = f"{kind}@set-wind-velocity"
    application = start(fault)
    assert "result" in application.request("initialize")
    assert application.request("set-wind-velocity", level=3) is None
    assert application.process.wait(20) == status
    assert unit.wind_velocity == 2

    successor = start(fault)
    assert successor.request("set-wind-velocity", level=3)["result"] == {"level": 3}
    assert unit.wind_velocity == 3
    assert successor.finish() == 0


def test_a_hang_strikes_likewise(unit, start):
    application = start("hang@read-temperature")
    with pytest.raises(TimeoutError):
        application.request("read-temperature", timeout=0.5)
    with open(f"/proc/{application.process.pid}/wchan", encoding="ascii") as wchan:
        assert "futex" in wchan.read()


def test_a_fault_strikes_only_the_processing_that_is_named(unit, start):
    application = start("segv@stop")
    for method in ("initialize", "start-temperature-control", "read-temperature"):
        assert "result" in application.request(method)
    assert application.request("stop") is None
    assert application.process.wait(20) == -signal.SIGSEGV


def test_the_unit_guards_itself(unit):
    assert unit.request(b"\x06\x00\x00\x01\x90")[0] == 0x86     # set point 40.0
    assert unit.request(b"\x06\x00\x01\x00\x06")[0] == 0x86     # wind velocity 6
    assert unit.request(b"\x10\x00\x00\x00\x01\x02\x00\xf0")[0] == 0x90
    assert unit.stop() == 0
