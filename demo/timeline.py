# SPDX-License-Identifier: GPL-2.0-only
"""Tells a story on a terminal: when, which part, what."""

import sys
import time

COLOURS = {
    "application": "36", "remote": "34", "runtime": "34", "script": "35", "kernel": "33", "probes": "33", "fault": "31",
    "center": "32", "restoration": "32",
}
WIDTH = max(map(len, COLOURS)) + 1


class Timeline:
    def __init__(self, colour):
        self.colour = colour
        self.started = time.monotonic()

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour and code else text

    def heading(self, text):
        print(f"\n{self.paint(text, '1')}", flush=True)

    def line(self, part, text, t_ms=None):
        """One thing that happened; t_ms milliseconds after the request, or after the start of all when there is none."""
        at = (time.monotonic() - self.started) * 1000 if t_ms is None else t_ms
        print(f"{at:10,.1f} ms  {self.paint(part.ljust(WIDTH), COLOURS.get(part))} {text}", flush=True)

    def note(self, text=""):
        print(f"    {text}" if text else "", flush=True)

    def verdict(self, good, text):
        mark = self.paint("yes", "32") if good else self.paint("NO ", "31")
        print(f"    {mark}  {text}", file=sys.stdout, flush=True)
