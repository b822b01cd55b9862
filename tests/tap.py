# SPDX-License-Identifier: GPL-2.0-only
"""Reads the results of tests: TAP (also the nested TAP of kselftest), and pytest's JUnit XML."""

import re
import xml.etree.ElementTree as ElementTree
from copy import deepcopy
from dataclasses import dataclass

RESULT = re.compile(r"^((?:# |    )*)(not )?ok (\d+)(?: - | |$)(.*)$")
PLAN = re.compile(r"^((?:# |    )*)1\.\.(\d+)")
DIRECTIVE = re.compile(r"#\s*(SKIP|XFAIL|TODO)\b[:\s]*(.*)$", re.IGNORECASE)


@dataclass
class Result:
    name: str
    outcome: str  # passed, failed or skipped
    reason: str = ""


def depth_of(prefix):
    return len(prefix.replace("    ", "# ")) // 2


def result_of(match, comment=""):
    name, directive = match[4].strip(), DIRECTIVE.search(match[4])
    if not directive:
        return Result(name, "failed" if match[2] else "passed")
    name = name[:directive.start()].strip(" -") or directive[2].strip()
    if directive[1].upper() == "SKIP":
        said = directive[2].strip()
        # cmocka has the name there; its tests say why in a comment before.
        return Result(name, "skipped", (comment if said == name else said) or "no reason given")
    return Result(name, "passed")


class Tap:
    """Collects results line by line. A test that has tests inside it stands for those; it counts itself only when it
    fails though all of them pass, as a program does that crashes at its end."""

    def __init__(self):
        self.levels = {}  # depth: the results that no test further out has taken in yet
        self.planned = {}
        self.comment = ""  # the last one since the last result
        self.kept = {}, {}  # levels and planned at the end of the last machine

    def feed(self, line):
        if plan := PLAN.match(line):
            depth = depth_of(plan[1])
            self.planned[depth] = self.planned.get(depth, 0) + int(plan[2])
            self.levels.setdefault(depth, [])
        elif match := RESULT.match(line):
            depth = depth_of(match[1])
            self.close(depth, result_of(match, self.comment))
            self.comment = ""
        elif line.startswith("=== end"):
            self.kept = deepcopy((self.levels, self.planned))
        elif line.startswith("# === again"):
            # Of a machine that tests/vm/boot.sh boots once more, nothing counts.
            self.levels, self.planned = deepcopy(self.kept)
        elif line.startswith("# "):
            self.comment = line[2:].strip()

    def close(self, depth, result):
        inner = []
        for deeper in sorted(d for d in self.levels if d > depth):
            inner += self.complete(deeper)
            del self.levels[deeper]
        if not inner:
            inner = [result]
        elif result.outcome == "failed" and not any(r.outcome == "failed" for r in inner):
            inner.append(result)
        self.levels.setdefault(depth, []).append(inner)

    def complete(self, depth):
        """The results at a depth, with a failure when there are fewer than its plan said."""
        tests = self.levels[depth]
        results = [r for test in tests for r in test]
        planned = self.planned.pop(depth, len(tests))
        if len(tests) < planned:
            results.append(Result(f"{planned} tests were planned, {len(tests)} ended", "failed"))
        return results

    def results(self):
        """All of it. The reader is used up."""
        return [r for depth in sorted(self.levels) for r in self.complete(depth)]

    def count(self):
        return sum(len(test) for tests in self.levels.values() for test in tests)


def read_junit(path):
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []
    results = []
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if skipped is not None:
            results.append(Result(name, "skipped", skipped.get("message") or "no reason given"))
        elif case.find("failure") is not None or case.find("error") is not None:
            results.append(Result(name, "failed"))
        else:
            results.append(Result(name, "passed"))
    return results
