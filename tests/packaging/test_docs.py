# SPDX-License-Identifier: GPL-2.0-only
"""The documents are whole: their tables, what they refer to, the commands and options in their examples."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build/out/bin"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page):
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-")
            for head in re.findall(r"^#+ (.*)$", page.read_text(), re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_have_a_head(page):
    """An empty line ends a table; rows behind it are shown as text."""
    lines = ["", *page.read_text().splitlines(), ""]
    begins = [i for i in range(1, len(lines) - 1) if lines[i].startswith("|") and not lines[i - 1].startswith("|")]
    assert not [f"{page.name}:{i}: {lines[i][:60]}" for i in begins if not re.fullmatch(r"\|(:?-+:?\|)+", lines[i + 1])]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_referred_to_is_there(page):
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", page.read_text()):
        if path.startswith("http"):
            continue
        other = (page.parent / path) if path else page
        assert other.exists(), f"{page.name}: {path}"
        assert not anchor or anchor[1:] in anchors(other), f"{page.name}: {path}{anchor}"


def examples(page):
    """Commands: in code, or on a line of their own."""
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ {4}(?:[$#] |sudo )?(.*)$", text, re.M)
    for line in code:
        for found in re.finditer(r"\b(faultctl|faultline-center)((?: +[^\s|;)`]+)*)", line.split("  #")[0]):
            yield found[1], re.sub(r"'[^']*'?", "TEXT", found[2]).split()


def help_of(program, *command):
    return subprocess.run([BIN / program, *command, "--help"], text=True, capture_output=True, timeout=60).stdout


def commands(program):
    names = re.findall(r"^  ([a-z][a-z-]*) +([a-z]*)", help_of(program), re.M)
    return {first for first, _ in names}, {(first, second) for first, second in names}


def test_examples_are_found():
    found = [example for page in PAGES for example in examples(page)]
    assert len(found) > 80
    assert {"run", "events-list", "events", "fault"} <= {words[0] for program, words in found if words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_examples_are_there(page):
    known = {program: commands(program) for program in ("faultctl", "faultline-center")}
    for program, words in examples(page):
        while words and words[0] in ("--json", "--data", "-j"):
            words = words[2 if words[0] == "--data" else 1:]
        if not words or not re.fullmatch(r"[a-z-]+", words[0]) or words[0].startswith("-"):
            continue
        first, pairs = known[program]
        assert words[0] in first, (page.name, program, words)
        command = words[:1]
        if program == "faultline-center" and len(words) > 1 and (words[0], words[1]) in pairs:
            command = words[:2]
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words)))
        assert not options - set(re.findall(r"--[a-z][a-z-]*", help_of(program, *command) + help_of(program))), (page.name, words)
