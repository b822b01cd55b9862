# SPDX-License-Identifier: GPL-2.0-only
"""The console in a real browser: faults live, an entry changed after its dry run, history and undo, by the keyboard."""

import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "center")]
import browser as chromium  # noqa: E402
from conftest import DEFINITION, SCRIPT, SERVICE, Center, fault  # noqa: E402
from test_rest import eventually  # noqa: E402

pytestmark = pytest.mark.skipif(not chromium.program(), reason="Chromium is not installed")
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def page(tmp_path):
    """The console, entered as ada, with one fault there."""
    center = Center(tmp_path / "data")
    token = center.do("administrator", "add", "ada").strip()
    center.do("countermeasure", "set", "signal", "restart", "--reason", "first")
    center.start()
    center.report(number=1, data={"kernel": {"signal": "SEGV", "comm": EVIL, "pid": 7}, "registers": {"rip": "0xdeadbeef"},
                                  "backtrace": ["#0 pump+0x12"], "log": [EVIL, "last words"]})
    page = chromium.Browser()
    page.center = center
    try:
        page.size(1600, 900)
        page.open(center.url + "/")
        page.until("document.querySelector('input[name=token]')", "it asks for a token")
        page.run("document.querySelector('input[name=token]').focus()")
        page.type("wrong")
        page.press("Enter", windowsVirtualKeyCode=13)
        page.until("document.body.innerText.includes(\"administrator's token is needed\")", "a wrong token is refused")
        page.run("document.querySelector('input[name=token]').select()")
        page.type(token)
        page.press("Enter", windowsVirtualKeyCode=13)
        page.until("document.querySelectorAll('tr.open').length == 1", "the fault is listed")
        yield page
        assert page.errors() == []
    finally:
        page.close()
        center.stop()


def go(page, place, condition, what):
    page.run(f"location.hash = {json.dumps(place)}")
    page.until(condition, what)


def test_faults_come_by_themselves(page):
    page.center.report(gateway="plant-7", number=2, kind="hang.spin")
    page.until("document.body.innerText.includes('hang.spin')", "a new fault is shown")
    page.press("j")
    page.press("j")
    page.press("Enter", windowsVirtualKeyCode=13)
    page.until("document.body.innerText.includes('0xdeadbeef')", "the fault with its registers")
    text = page.run("document.body.innerText")
    for part in ("#0 pump+0x12", "last words", "SEGV", "the center decided", "restart", "onerror"):
        assert part in text, part
    assert page.run("document.title") == "Faultline center" and not page.run("document.querySelector('main img, main script')")
    page.press("Escape")
    page.until("document.querySelectorAll('tr.open').length == 2", "back")


def test_an_entry_is_changed_and_the_change_undone(page):
    page.press("3")
    page.until("document.body.innerText.includes('any application')", "the list")
    page.press("j")
    page.press("Enter", windowsVirtualKeyCode=13)
    page.until("document.querySelector('form [name=action]')", "the entry")
    assert page.run("document.querySelector('[type=submit]').disabled"), "not before the dry run"
    page.run("""(() => { const form = document.querySelector('form'); form.elements.action.value = 'switch';
        form.elements.action.dispatchEvent(new Event('change', { bubbles: true }));
        form.elements['p.list'].value = 'backup'; form.elements.reason.value = 'did not help'; form.querySelector('#dry').click(); })()""")
    page.until("document.body.innerText.includes('would have decided about 1 fault')", "the dry run")
    page.until("!document.querySelector('[type=submit]').disabled", "it can be saved")
    page.run("document.querySelector('form').requestSubmit()")
    page.until("location.hash == '#list'", "saved")
    entry = page.center.json("countermeasure", "list")[0]
    assert (entry["action"], entry["parameters"]) == ("switch", {"list": "backup"})
    assert page.center.json("countermeasure", "history")[0]["author"] == "ada"

    go(page, "history", "document.body.innerText.includes('did not help')", "the history")
    assert "- action: restart\n+ action: switch" in page.run("document.body.innerText")
    page.run("document.querySelector('#undo-reason').value = 'it did'; document.querySelector('section button').click()")
    page.until("document.body.innerText.includes('undo of')", "undone")
    assert page.center.json("countermeasure", "list")[0]["action"] == "restart"


def test_a_service_is_asked_for_and_taken_back(page):
    center = page.center
    center.do("definition", "add", DEFINITION)
    center.do("script", "add", SCRIPT)
    center.request("GET", "/v1/gateways/plant-7/requests", headers={"Faultline-State": json.dumps({"group": "roof"})})
    eventually(lambda: center.json("gateway", "list"), "it was seen")
    page.press("6")
    page.until("document.body.innerText.includes('No gateway was asked')", "no request yet")
    go(page, "ask", "document.querySelector('[name=of]')", "the form")
    assert page.run("[...document.querySelector('[name=of]').options].map((o) => o.text).join()") == "all gateways of group roof,g1,plant-7"
    page.run("document.querySelector('[name=reason]').value = 'after the repair'; document.querySelector('form').requestSubmit()")
    page.until("location.hash == '#requests' && document.querySelector('main button:not(.main)')", "it is listed, and can be cancelled")
    text = page.run("document.querySelector('main').innerText")
    assert "plant-7" in text and SERVICE in text and "waiting" in text and "after the repair" in text
    assert center.json("request", "list")[0]["author"] == "ada"
    page.run("document.querySelector('main button:not(.main)').click()")
    page.until("document.querySelector('main').innerText.includes('cancelled by ada')", "it is taken back")


def test_an_entry_that_was_changed_meanwhile(page):
    go(page, "edit/signal,,,", "document.querySelector('form [name=action]')", "the entry")
    page.center.do("countermeasure", "set", "signal", "stop")
    page.run("""document.querySelector('[name=reason]').value = 'x'; document.querySelector('#dry').click()""")
    page.until("!document.querySelector('[type=submit]').disabled", "it can be saved")
    page.run("document.querySelector('form').requestSubmit()")
    page.until("document.body.innerText.includes('changed since it was read')", "it is refused")
    assert page.center.json("countermeasure", "list")[0]["action"] == "stop"


@pytest.mark.parametrize("width", [800, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_sticks_out(page, width, dark):
    page.size(width, 900, dark)
    pages = {"faults": "signal.segv", f"faults/g1/{fault()['id']}": "0xdeadbeef", "gateways": "Gateways", "list": "any application",
             "edit/new": "Save", "history": "first", "applications": "Verified", "requests": "No gateway was asked", "ask": "Each gateway runs it once"}
    for place, text in pages.items():
        go(page, place, f"document.querySelector('main').innerText.includes({json.dumps(text)})", place)
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), place
        colors = page.run("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        assert (colors[0] == "rgb(16, 19, 23)") == dark, colors


def test_the_center_goes_away_and_comes_back(page):
    listen = "%s:%d" % page.center.address
    page.center.stop()
    page.until("document.querySelector('#state.bad')", "it says so")
    page.center.start(listen=listen)
    page.until("document.querySelector('#state.good')", "it goes on")
    page.center.report(number=9, kind="limit.memory")
    page.until("document.body.innerText.includes('limit.memory')", "with new faults")
