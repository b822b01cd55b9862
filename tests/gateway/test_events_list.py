# SPDX-License-Identifier: GPL-2.0-only
"""The list of events is exchanged while the gateway runs; a bad one is refused, and the old one stays."""

import pytest
from gateway_site import AIR_CONDITIONER

GOOD = (AIR_CONDITIONER / "events.xml").read_text()


@pytest.fixture
def listed(running):
    running.given = running.folder / "given.xml"
    return running


def test_set_and_show(listed):
    site = listed
    site.given.write_text(GOOD.replace('<event name="operation.end"/>', '<event name="operation.end"/><event name="more"/>'))
    answer = site.ask("events-list", "set", site.given)
    assert answer == {"events": 14, "list": "default", "in_force": True}
    shown = {entry["event"]: entry for entry in site.ask("events-list", "show")}
    assert len(shown) == 14 and "application" not in shown["more"]
    assert shown["temperature.set"]["processing"] == "set-temperature"
    assert "temperature.set" in site.ctl("events-list", "show").stdout
    assert (site.configuration / "events.xml").read_text() == site.given.read_text()
    assert site.run()[1]


def test_the_exchange_decides_which_application_is_driven(listed):
    """The same script, another implementation."""
    site = listed
    assert site.run()[1]
    site.center("app", "add", site.bundle(name="cool"))
    site.given.write_text(GOOD.replace('"air-conditioner"', '"cool"'))
    assert "in force" in site.ctl("events-list", "set", site.given).stdout
    lines, result, _ = site.run()
    assert result
    assert {line["application"] for line in lines if line["event"] == "processing.answered"} == {"cool"}


@pytest.mark.parametrize("text, word", [
    ("<events><event name='a'", "given.xml:1"),
    ("<events><wrong/></events>", "does not follow the DTD"),
    ("<events><event name='A B'/></events>", "not a name"),
    ("<events><event name='a' application='x'/></events>", "both"),
    ("<events><event name='a'/><event name='a'/></events>", "twice"),
    ("", "given.xml"),
    ("<!DOCTYPE events [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><events>&e;</events>", "given.xml"),
])
def test_a_bad_one_is_refused_and_the_old_one_stays(listed, text, word):
    site = listed
    before = site.ask("events-list", "show")
    site.given.write_text(text)
    done = site.ctl("events-list", "set", site.given)
    assert done.returncode == 1 and word in done.stderr and "given.xml" in done.stderr, done.stderr
    assert ".new" not in done.stderr
    assert site.ask("events-list", "show") == before
    assert (site.configuration / "events.xml").read_text() == GOOD
    assert {p.name for p in site.configuration.iterdir()} == {"definitions", "events.xml", "runtimes.xml"}
    assert site.run()[1]


def test_a_processing_that_is_not_there_is_refused_where_that_is_known(site):
    site.stock(residence="resident")
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    given = site.folder / "given.xml"
    given.write_text(GOOD.replace('"set-temperature"', '"boil"'))
    assert "boil" in site.ctl("events-list", "set", given).stderr
    assert site.run()[1]


def test_a_file_that_changed_is_picked_up_and_a_bad_one_is_not(listed):
    site = listed
    events = site.configuration / "events.xml"
    events.write_text("<events><event")
    assert site.run()[1], "the list before it drives on"
    assert "stays in force" in site.log("gateway")
    assert len(site.ask("events-list", "show")) == 13
    events.write_text(GOOD.replace('<event name="operation.end"/>', '<event name="operation.end"/><event name="more"/>'))
    assert len(site.ask("events-list", "show")) == 14


def test_wrong_usage_and_what_is_too_long(listed):
    assert listed.ctl("events-list").returncode == 2 and listed.ctl("events-list", "set").returncode == 2
    listed.given.write_text(GOOD + " " * 60000)
    assert "48 KiB" in listed.ctl("events-list", "set", listed.given).stderr
    assert "No such file" in listed.ctl("events-list", "set", listed.folder / "none.xml").stderr
