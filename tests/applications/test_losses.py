# SPDX-License-Identifier: GPL-2.0-only
"""What is lost is counted by its cause, and shown."""

import os
import signal

import pytest

from conftest import wait_until

# Their ends are more records than the ring has room for.
CHILDREN = 4600


def test_the_ring_is_full(prober):
    site = prober.site
    site.source = "probes"
    prober.start("children", CHILDREN=CHILDREN)
    before = site.ask("status")["source"]
    if before["name"] != "probes":
        pytest.skip("no probes here: " + before.get("blind", before["name"]))
    assert before["lost"] == 0 and before["counts"]["lost_ring_full"] == 0
    prober.ask()
    state = site.state / "data/prober"
    gateway = site.processes["gateway"].pid
    os.kill(gateway, signal.SIGSTOP)
    (state / "go").touch()
    wait_until((state / "done").exists, "the children have ended", 120)
    os.kill(gateway, signal.SIGCONT)

    def settled():
        source = site.ask("status")["source"]
        return source["pending"] == 0 and source
    source = wait_until(settled, "what the ring had is stored")
    counts = source["counts"]
    assert source["emitted"] == source["delivered"] + source["lost"] >= CHILDREN
    assert source["lost"] == counts["lost_ring_full"] + counts["lost_supervisor_died"]
    assert counts["lost_ring_full"] > 0 and counts["lost_supervisor_died"] == 0
    assert sum(row["records"] for row in counts["records"]) == source["emitted"]
    text = site.ctl("status").stdout
    assert f" + {source['lost']} lost\n" in text
    assert f"missed      {counts['lost_ring_full']} records lost: the ring was full\n" in text
    assert f"records     exit {source['emitted']}\n" in text
