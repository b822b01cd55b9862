# SPDX-License-Identifier: GPL-2.0-only
"""A site whose application is a prober, with a service that asks it to probe."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gateway_site import *  # noqa: E402, F403
from gateway_site import LIMIT_S, ROOT, Site, site  # noqa: E402

PROBER = Path(__file__).parent / "prober"
SDK = ROOT / "apps/sdk"

DEFINITION = """<!ELEMENT probing EMPTY>
<!ATTLIST probing event CDATA #FIXED "probe.ask">
"""
EVENTS = '<events><event name="probe.ask" application="prober" processing="probe"/></events>\n'


class Prober:
    """A whole site around the prober."""

    def __init__(self, site):
        self.site = site

    def start(self, probe, residence="resident", data=None, **environment):
        """Center and gateway, with a prober that probes so; data changes the text of the application data."""
        site = self.site
        application = PROBER
        if data:
            application = site.folder / "prober"
            application.mkdir()
            text = (PROBER / "application.xml.in").read_text()
            changed = data(text)
            assert changed != text
            (application / "application.xml.in").write_text(changed)
        bundle = site.folder / "prober-1.0.0.tar.zst"
        command = [ROOT / "apps/mkbundle.sh", "--output", bundle, "--application", application, "--program",
                   PROBER / "prober.py", "--file", SDK / "python/faultline_app.py", "--residence", residence,
                   "--argument", "none", "--environment", f"PROBE={probe}"]
        for name, value in environment.items():
            command += ["--environment", f"{name}={value}"]
        subprocess.run([str(c) for c in command], check=True, timeout=LIMIT_S)
        definition = site.configuration / "definitions/probing.dtd"
        definition.write_text(DEFINITION)
        script = site.folder / "probing.xml"
        script.write_text("<probing/>\n")
        (site.configuration / "events.xml").write_text(EVENTS)
        # It misbehaves as it is told: registration would refuse it.
        site.center("app", "add", "--skip-run", "it misbehaves on purpose", bundle)
        site.center("definition", "add", definition)
        site.center("script", "add", script)
        site.start_center()
        site.start_gateway()
        return self

    def ask(self):
        """What the prober answers."""
        progress, result, error = self.site.run("probing")
        assert result, error
        return next(p["data"]["result"] for p in progress if p["event"] == "processing.answered")


@pytest.fixture
def prober(site):
    return Prober(site)
