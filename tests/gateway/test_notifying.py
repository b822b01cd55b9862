# SPDX-License-Identifier: GPL-2.0-only
"""The center does not answer: how often the gateway asks, also when its supervisor starts anew or faults go on."""

import json
import signal
import time

import pytest

from gateway_site import wait_until
from test_countermeasures import start, strike
from test_policy import Proxy


def is_fault(method, path):
    return method in ("POST", "PUT") and "/faults" in path


class Deaf(Proxy):
    """A center that takes no fault, and notes when it was asked to."""

    def __init__(self, url, status, headers):
        super().__init__(url)
        self.asked = []
        self.status, self.headers, self.deaf = status, headers, False
        self.answer = self.refuse

    def refuse(self, method, path, body):
        if not self.deaf or not is_fault(method, path):
            return None
        self.asked.append(time.monotonic())
        return self.status, self.headers, b""


@pytest.fixture
def deaf(site):
    """Makes a site whose center is deaf from now on."""
    made = []

    def make(status, headers={}):
        site.decide_ms = 200
        site.center("countermeasure", "set", "signal.segv", "restart", "--attempts", 100, "--window", 1, "--backoff", 0)
        site.stock(residence="resident")
        site.start_center()
        proxy = Deaf(site.url, status, headers)
        made.append(proxy)
        site.url = proxy.url
        site.start_gateway()
        assert site.run()[1]
        proxy.deaf = True
        return proxy
    yield make
    for proxy in made:
        proxy.close()


def bound_s(site):
    """How long the gateway waits at most, as it is on disk."""
    rows = site.stored("SELECT value FROM setting WHERE kind = 'backoff' AND name = 'faults'")
    return json.loads(rows[0][0]) if rows else 0.2


def told(site):
    return all(f["reported"] for f in site.ask("faults"))


def test_back_off_survives_the_supervisor(site, deaf):
    proxy = deaf(503)
    strike(site)
    reached = wait_until(lambda: (b := bound_s(site)) >= 1.6 and b, "the back-off has grown")
    site.end("gateway", signal.SIGKILL)
    before = len(proxy.asked)
    site.start_gateway()
    wait_until(lambda: len(proxy.asked) > before, "it asks again")
    wait_until(lambda: bound_s(site) >= 2 * reached, "it goes on from where it was")
    proxy.deaf = False
    wait_until(lambda: told(site), "nothing is lost")
    wait_until(lambda: bound_s(site) == 0.2, "a center that answers is asked at once the next time")


def test_a_new_fault_is_told_at_once_and_shortens_nothing(site, deaf):
    proxy = deaf(503)
    strike(site)
    reached = wait_until(lambda: (b := bound_s(site)) >= 1.6 and b, "the back-off has grown")
    before = len(proxy.asked)
    strike(site)
    assert len(proxy.asked) > before, "there is something new to ask about"
    wait_until(lambda: bound_s(site) >= 2 * reached, "the next wait is longer all the same")


def test_what_the_center_asks_for_is_waited_for(site, deaf):
    """Retry-After holds for faults that come meanwhile: the gateway's last list decides."""
    proxy = deaf(429, {"Retry-After": "600"})
    for _ in range(3):
        assert strike(site)["outcome"]["result"] == "restored"
    assert len(proxy.asked) == 1


def test_a_center_that_is_back_is_told_at_once(site, deaf):
    """Its answer to another question, the list of countermeasures, shows that it is there."""
    proxy = deaf(503)
    proxy.answer = lambda method, path, body: "hang up"
    strike(site)
    wait_until(lambda: bound_s(site) >= 6.4, "the back-off has grown", 60)
    answered = []

    def answer(method, path, body):
        if not is_fault(method, path):
            answered.append(time.monotonic())
        return proxy.refuse(method, path, body)
    proxy.answer = answer
    wait_until(lambda: answered or proxy.asked, "something is asked")
    wait_until(lambda: proxy.asked, "the fault is told", 2)
