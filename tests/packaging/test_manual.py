# SPDX-License-Identifier: GPL-2.0-only
"""What a program's --help names is in its man page, and so is what the module and application data can be told."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build/out/bin"
PAGES = {"faultlined": 8, "faultctl": 1, "faultline-center": 8, "faultline-range": 8}
OF_EACH = {"--help", "--usage", "--version"}


def help_of(program, *command):
    done = subprocess.run([BIN / program, *command, "--help"], text=True, capture_output=True, timeout=60)
    assert not done.returncode, done.stderr
    return done.stdout


def page_of(name, section=None):
    """Its words, without what roff makes of them."""
    text = (ROOT / f"packaging/man/{name}.{section or PAGES[name]}").read_text().replace("\\-", "-")
    return " ".join(re.sub(r'\\f[A-Z]|\\&|^\.[A-Z]+|"', " ", text, flags=re.M).split())


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - OF_EACH


def commands(program):
    """Of faultctl's list, two spaces, the name and spaces; of the center's, below "Commands:"."""
    text = help_of(program)
    if program == "faultctl":
        return [(name,) for name in re.findall(r"^  ([a-z][a-z-]*) ", text, re.M)]
    lines = [line.split() for line in text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]
    return [tuple(words[:1] if words[0] == "serve" else words[:2]) for words in lines]


@pytest.mark.parametrize("program", PAGES)
def test_options_are_in_the_manual(program):
    missing = options(help_of(program)) - options(page_of(program))
    assert not missing, f"{program}: {missing}"


@pytest.mark.parametrize("program", ["faultctl", "faultline-center"])
def test_commands_and_their_options_are_in_the_manual(program):
    page, found = page_of(program), commands(program)
    assert len(found) > 10, found
    missing = {" ".join(command): options(help_of(program, *command)) - options(page) for command in found}
    assert not {name: lacks for name, lacks in missing.items() if lacks}
    assert not [name for name in missing if name not in page]


def words(text):
    return set(re.findall(r"[\w.-]+", text)) | set(re.findall(r"[\w-]+", text))


def test_parameters_and_ioctls_of_the_module_are_in_the_manual():
    sources = "".join(path.read_text() for path in (ROOT / "kmod").glob("*.c"))
    named = set(re.findall(r"module_param(?:_named)?\((\w+)", sources)) | set(re.findall(r"case (WDI\w+):", sources))
    assert len(named) > 15
    assert not named - words(page_of("faultline", 4))


def test_elements_and_attributes_of_application_data_are_in_the_manual():
    text = re.sub(r"<!--.*?-->", "", (ROOT / "dtd/application.dtd").read_text(), flags=re.S)
    named = set(re.findall(r"<!ELEMENT (\w+)", text))
    for attributes in re.findall(r"<!ATTLIST \w+(.*?)>", text, re.S):
        named |= set(re.findall(r"^\s*(\w+)\s+(?:NMTOKEN|CDATA|\()", attributes, re.M))
    assert len(named) > 25
    assert not named - words(page_of("faultline-application", 5))
