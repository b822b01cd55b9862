# SPDX-License-Identifier: GPL-2.0-only
"""The control vocabulary on the real parts: repetition, waiting, choice, and what follows a fault."""

import json
import subprocess
import time

import pytest

from conftest import BIN, LIMIT_S, wait_until

SERVICE = "climate"
DEFINITION = """
<!ENTITY % steps "on | target | fan | room">
<!ENTITY % control SYSTEM "control.dtd">
%control;
<!ELEMENT climate (%steps; | %controls;)+>
<!ATTLIST climate event CDATA #FIXED "climate.start" end-event CDATA #FIXED "climate.end">
<!ELEMENT on EMPTY>
<!ATTLIST on event CDATA #FIXED "climate.on">
<!ELEMENT target EMPTY>
<!ATTLIST target event CDATA #FIXED "target.set" celsius NMTOKEN #REQUIRED celsius.type CDATA #FIXED "decimal">
<!ELEMENT fan EMPTY>
<!ATTLIST fan event CDATA #FIXED "fan.set" level NMTOKEN #REQUIRED level.type CDATA #FIXED "integer">
<!ELEMENT room EMPTY>
<!ATTLIST room event CDATA #FIXED "room.read" reading CDATA #FIXED "room" reading.member CDATA #FIXED "celsius"
    reading.minimum CDATA #FIXED "-40" reading.maximum CDATA #FIXED "80" reading.unit CDATA #FIXED "°C">
"""
EVENTS = """<events><event name="climate.start"/><event name="climate.end"/>
<event name="climate.on" application="air-conditioner" processing="start-temperature-control"/>
<event name="target.set" application="air-conditioner" processing="set-temperature"/>
<event name="fan.set" application="air-conditioner" processing="set-wind-velocity"/>
<event name="room.read" application="air-conditioner" processing="read-temperature"/>
</events>
"""


def script_of(site, steps):
    path = site.folder / f"{SERVICE}.xml"
    path.write_text(f"<{SERVICE}>\n{steps}\n</{SERVICE}>\n")
    return path


def define(site, **bundle):
    """A service with little but control, at the center and at the gateway."""
    definition = site.configuration / f"definitions/{SERVICE}.dtd"
    definition.write_text(DEFINITION)
    (site.configuration / "events.xml").write_text(EVENTS)
    site.add_bundle(**bundle)
    site.center("definition", "add", definition)


def stock(site, steps, **bundle):
    define(site, **bundle)
    script = script_of(site, steps)
    site.center("script", "add", script)
    site.start_center()
    site.start_gateway()
    return script


def given(progress):
    """The events between the start and the end of the script, with what was asked of the application."""
    events = [e["event"] + "".join(f" {v:g}" for v in e["arguments"].values()) for e in of(progress, "script.event")]
    assert events.pop(0) == "climate.start"
    return [e for e in events if e != "climate.end"]


def of(progress, name):
    return [p["data"] for p in progress if p["event"] == name]


def test_repetition_and_wait(site):
    stock(site, '<repeat times="2"><repeat times="2"><room/><wait seconds="0.05"/></repeat>'
                '<fan level="2"/></repeat>')
    progress, result, error = site.run(SERVICE)
    assert result, error
    assert given(progress) == ["room.read", "room.read", "fan.set 2"] * 2
    assert [w["seconds"] for w in of(progress, "script.wait")] == [0.05] * 4
    assert result["duration_ms"] >= 200
    readings = [p["data"] for p in progress if p["event"] == "script.event" and "round" in p["data"]]
    assert [(e["round"], e["rounds"]) for e in readings] == [
        (1, 2), (2, 2), (1, 2), (1, 2), (2, 2), (2, 2)]
    assert result["steps"] == len(of(progress, "script.event"))


def test_wait_until_a_reading_is_as_wanted(site):
    site.end("unit")
    site.unit = site.spawn("unit", BIN / "aircon-unit", "--port", "0", "--speed", "200", wait_line="listening on ")
    stock(site, '<on/><target celsius="20"/><fan level="5"/>'
                '<wait-until reading="room" is="at-most" value="20.5" within="20" every="0.05"/>'
                '<fan level="1"/>')
    progress, result, error = site.run(SERVICE)
    assert result, error
    found = of(progress, "script.condition")
    assert len(found) > 1 and [c["met"] for c in found] == [False] * (len(found) - 1) + [True]
    assert found[-1]["found"] <= 20.5 < found[-2]["found"]
    assert given(progress)[-1] == "fan.set 1"


@pytest.mark.parametrize("late", ["fail", "go-on"])
def test_wait_until_it_is_too_late(site, late):
    stock(site, f'<wait-until reading="room" is="below" value="-30" within="0.4" every="0.1" late="{late}"/>'
                '<fan level="1"/>')
    progress, result, error = site.run(SERVICE)
    assert 3 <= len(of(progress, "script.condition")) <= 6
    if late == "go-on":
        assert result and given(progress)[-1] == "fan.set 1"
    else:
        assert result is None and "line 2: room did not become below -30 within 0.4 s" in error
        assert site.ask("apps") == []


CLOCK = """
<!ENTITY % steps "tick">
<!ENTITY % control SYSTEM "control.dtd">
%control;
<!ELEMENT clock (%steps; | %controls;)+>
<!ELEMENT tick EMPTY>
<!ATTLIST tick event CDATA #FIXED "clock.tick">
"""


def test_wait_until_a_time_of_day(site):
    """The clock of a machine that is too busy may have passed it before the script is there: then a later time is tried."""
    definition = site.configuration / "definitions/clock.dtd"
    definition.write_text(CLOCK)
    (site.configuration / "events.xml").write_text('<events><event name="clock.tick"/></events>')
    site.center("definition", "add", definition)
    site.start_center()
    script = site.folder / "clock.xml"
    for tried, ahead_s in enumerate((4, 15, 45)):
        due = time.localtime(time.time() + ahead_s)
        script.write_text(f'<clock><tick/><wait-until-time time="{time.strftime("%H:%M:%S", due)}"/><tick/></clock>')
        site.center("script", "add", script)
        site.start_gateway()
        client = subprocess.Popen([BIN / "faultctl", "--json", "-s", site.folder / "run/control.sock", "run", "clock"],
                                  text=True, stdout=subprocess.PIPE)
        waits = wait_until(lambda: len(found := [e for e in site.ask("events") if e["name"] == "script.wait"]) > tried and found,
                           "it waits")
        if waits[-1]["data"]["until"] == time.strftime("%Y-%m-%d %H:%M:%S", due):
            break
        site.end("gateway")
        client.communicate(timeout=LIMIT_S)
    *_, result = map(json.loads, client.communicate(timeout=LIMIT_S + ahead_s)[0].splitlines())
    assert client.returncode == 0 and time.time() >= time.mktime(due), "not before that time"
    assert result["steps"] == 2


@pytest.mark.parametrize("value, way", [("-10", "2"), ("70", "4")])
def test_choice(site, value, way):
    stock(site, f'<choose reading="room" is="above" value="{value}">'
                '<then><fan level="2"/></then><otherwise><fan level="4"/></otherwise></choose>'
                '<choose reading="room" is="equal" value="-40"><then><fan level="5"/></then></choose>')
    progress, result, error = site.run(SERVICE)
    assert result, error
    assert given(progress) == ["room.read", f"fan.set {way}", "room.read"]


BLOCK = '<target celsius="25"/><fan level="1"/><room/>'
STRUCK = ["target.set 25", "fan.set 1"]
WHOLE = ["target.set 25", "fan.set 1", "room.read"]


@pytest.mark.parametrize("operation, events", [
    (f'<on-fault do="repeat-step">{BLOCK}</on-fault>', STRUCK + WHOLE[1:]),
    (f'<on-fault do="repeat-block">{BLOCK}</on-fault>', STRUCK + WHOLE),
    ('<on-fault do="repeat-block"><once><target celsius="25"/></once><fan level="1"/></on-fault>',
     STRUCK + STRUCK[1:]),
    ('<on-fault do="repeat-block"><target celsius="25"/><once><fan level="1"/></once></on-fault>',
     STRUCK + STRUCK[:1]),
    ('<once><fan level="1"/></once><room/>', ["fan.set 1", "room.read"]),
    (f'<repeat times="2"><on-fault do="repeat-block">{BLOCK}</on-fault></repeat>', STRUCK + WHOLE + WHOLE),
    (f'<on-fault do="repeat-block"><repeat times="2"><on-fault do="repeat-step" attempts="1">{BLOCK}</on-fault></repeat>'
     '</on-fault>', STRUCK + WHOLE[1:] + WHOLE),
])
def test_what_follows_a_fault(site, operation, events):
    site.center("countermeasure", "set", "signal.segv", "restart")
    stock(site, operation, fault="segv@set-wind-velocity")
    progress, result, error = site.run(SERVICE)
    assert result and result["faults"] == 1, error
    assert given(progress) == events


def test_the_whole_script_again(site):
    site.center("countermeasure", "set", "signal.segv", "restart")
    stock(site, f'<on-fault do="repeat-script" attempts="1">{BLOCK}</on-fault>', fault="segv@set-wind-velocity")
    progress, result, error = site.run(SERVICE)
    assert result, error
    names = [e["event"] for e in of(progress, "script.event")]
    assert names.count(f"{SERVICE}.start") == 2 and names.count(f"{SERVICE}.end") == 1
    assert given(progress) == STRUCK + ["climate.start"] + WHOLE
    decided = of(progress, "script.on-fault")
    assert [d["do"] for d in decided] == ["repeat-script"] and decided[0]["event"] == "fan.set"


def test_giving_up(site):
    site.center("countermeasure", "set", "signal.segv", "restart")
    stock(site, f'<on-fault do="give-up">{BLOCK}</on-fault>', fault="segv@set-wind-velocity")
    progress, result, error = site.run(SERVICE)
    assert result is None and "line 2: a fault interrupted fan.set, and the script gives up" in error
    assert given(progress) == STRUCK
    assert site.ask("apps") == [] and site.ask("faults")[0]["state"] == "restored"


def test_check_shows_the_control_and_the_worst_case(site):
    script = stock(site, '<repeat times="3"><room/><wait seconds="2"/></repeat>'
                         '<on-fault do="repeat-block" attempts="1"><choose reading="room" is="above" value="26">'
                         '<then><fan level="2"/><fan level="3"/></then>'
                         '<otherwise><wait seconds="30"/></otherwise></choose></on-fault>', residence="resident")
    site.run(SERVICE)
    result = json.loads(site.ctl("--json", "script", "check", script).stdout)
    assert result["steps"] == 1 + 3 + 2 * (1 + 2) + 1
    assert result["duration_s"] == 3 * (10 + 2) + 2 * (10 + 30)
    texts = [(line.get("depth", 0), line["text"]) for line in result["plan"] if "control" in line]
    assert texts == [
        (0, "repeat 3 times"), (1, "wait 2 s"), (0, "on fault repeat-block, 1 time at most"),
        (1, "if room above 26 °C"), (1, "otherwise"), (2, "wait 30 s")]
    assert "repeat 3 times" in site.ctl("run", SERVICE, "--dry-run").stdout


@pytest.mark.parametrize("operation, says", [
    ('<wait-until reading="humidity" is="above" value="1" within="1"/>', '"humidity" is no reading of this service'),
    ('<choose reading="room" is="above" value="99"><then/></choose>', "from -40 to 80"),
    ('<repeat times="0"><room/></repeat>', "from 1 to 1000000"),
    ('<repeat times="1000000"><repeat times="1000000"><room/></repeat></repeat>', "2:1: too long"),
    ('<repeat times="1000"><wait seconds="86400"/></repeat>', "2:1: too long"),
    ('<repeat times="2"><once><room/></once></repeat>', "cannot stand in what is repeated"),
])
def test_center_refuses_what_has_no_bound(site, operation, says):
    define(site)
    done = site.center("script", "add", script_of(site, operation), check=False)
    assert done.returncode and f"{SERVICE}.xml:2:" in done.stderr and says in done.stderr


def test_reading_needs_a_processing(site):
    script = stock(site, '<choose reading="room" is="above" value="1"><then/></choose>')
    events = site.configuration / "events.xml"
    events.write_text(events.read_text().replace(
        '<event name="room.read" application="air-conditioner" processing="read-temperature"/>',
        '<event name="room.read"/>'))
    done = site.ctl("script", "check", script)
    assert done.returncode == 1 and f"{script}:2:1: event room.read has no processing" in done.stderr
    assert "has no processing" in site.run(SERVICE)[2]


def test_answer_without_the_number(site):
    stock(site, '<choose reading="room" is="above" value="1"><then/></choose>')
    definition = site.configuration / f"definitions/{SERVICE}.dtd"
    definition.write_text(DEFINITION.replace('"celsius"\n', '"humidity"\n'))
    assert "humidity" in definition.read_text()
    _, result, error = site.run(SERVICE)
    assert result is None
    assert 'line 2: air-conditioner answered read-temperature without the number "humidity"' in error
    assert site.ask("apps") == []
