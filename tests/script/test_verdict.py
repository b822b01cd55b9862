# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a script is xmllint's, on definitions and documents made at random and then damaged.

Types and ranges of arguments are left out: a DTD does not know them. So is the root, which xmllint --dtdvalid does not look at.
"""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
os.environ["FAULTLINE_DTD"] = str(ROOT / "dtd")
BUILD = ROOT / os.environ.get("FAULTLINE_BUILD", "build/out")
DOCUMENTS = 40
# Without it, xmllint escapes what is not ASCII before it looks whether a value is an NMTOKEN, and refuses good ones.
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
CONTENT_SEEDS = range(24)

ATTRIBUTES = {
    "note": "CDATA #IMPLIED",
    "word": "NMTOKEN #REQUIRED",
    "words": "NMTOKENS #IMPLIED",
    "mode": "(cool | heat | dry) #REQUIRED",
    "speed": '(low | high) "low"',
    "unit": 'CDATA #FIXED "main"',
    "name": "ID #IMPLIED",
    "of": "IDREF #IMPLIED",
    "all": "IDREFS #IMPLIED",
}
# So few that some are there twice once a document is damaged.
NAMES = ["a", "b", "c-1", "_d", "e:f"]
GOOD = {
    "note": ["", "a b", "&lt;&amp;&quot;", "ü"], "word": ["w", "1.2", "a:b", "-"], "words": ["a", "a b", " a  b "],
    "mode": ["cool", "heat", "dry"], "speed": ["low", "high"], "unit": ["main"],
    "name": NAMES, "of": NAMES, "all": NAMES + ["a b", "_d e:f a"],
}
VALUES = ["", " ", "a", "b", "a b", " a", "1a", "cool", " cool", "low", "main", "main ", "x y", "1", "a,b", "é", "&#9;"]


class Model:
    """A content model: a name, a sequence or a choice, and how often."""

    def __init__(self, rng, names, depth=0):
        self.often = rng.choice(["", "", "", "?", "*", "+"])
        self.kind = "name" if depth == 2 or rng.random() < 0.4 else rng.choice([", ", " | "])
        self.parts = ([rng.choice(names)] if self.kind == "name" else
                      [Model(rng, names, depth + 1) for _ in range(rng.randint(1, 3))])

    def text(self, top=True):
        inner = self.parts[0] if self.kind == "name" else "(" + self.kind.join(p.text(False) for p in self.parts) + ")"
        return f"({inner}){self.often}" if top and self.kind == "name" else inner + self.often

    def example(self, rng):
        times = {"": 1, "?": rng.randint(0, 1), "*": rng.randint(0, 3), "+": rng.randint(1, 3)}[self.often]
        names = []
        for _ in range(times):
            if self.kind == "name":
                names.append(self.parts[0])
            elif self.kind == ", ":
                names += [name for part in self.parts for name in part.example(rng)]
            else:
                names += rng.choice(self.parts).example(rng)
        return names


class Definition:
    """A service of random elements; each contains only those after it, so that documents end."""

    def __init__(self, rng):
        self.names = ["service"] + [f"e{i}" for i in range(5)]
        self.models = {name: Model(rng, self.names[i + 1:]) for i, name in enumerate(self.names[:-1])
                       if name == "service" or rng.random() < 0.7}
        self.attributes = {name: rng.sample(sorted(ATTRIBUTES), rng.randint(0, 3)) for name in self.names}

    def text(self):
        lines = []
        for name in self.names:
            model = self.models.get(name)
            lines.append(f"<!ELEMENT {name} {model.text() if model else 'EMPTY'}>")
            lines.append(f'<!ATTLIST {name} event CDATA #FIXED "{name}.start">')
            for attribute in self.attributes[name]:
                lines.append(f"<!ATTLIST {name} {attribute} {ATTRIBUTES[attribute]}"
                             f' {attribute}.type CDATA #FIXED "string">')
        return "\n".join(lines)

    def example(self, rng, name="service"):
        attributes = {a: rng.choice(GOOD[a]) for a in self.attributes[name]
                      if "#REQUIRED" in ATTRIBUTES[a] or rng.random() < 0.5}
        children = self.models[name].example(rng) if name in self.models else []
        return [name, attributes, [self.example(rng, child) for child in children]]


def all_nodes(node):
    return [node] + [n for child in node[2] if isinstance(child, list) for n in all_nodes(child)]


def respelt(rng, names):
    """As they are, or with some characters as references."""
    if rng.random() < 0.8:
        return names
    return "".join(rng.choice([c, f"&#{ord(c)};", f"&#x{ord(c):04x};"]) for c in names)


def identify(rng, tree):
    """Each identifier once, and no reference without one."""
    nodes = all_nodes(tree)
    named = [node for node in nodes if "name" in node[1]]
    for i, node in enumerate(named):
        node[1]["name"] = NAMES[i] if i < len(NAMES) else f"n{i}"
    names = [node[1]["name"] for node in named]
    for node in nodes:
        for attribute, most in (("of", 1), ("all", 3)):
            if attribute in node[1] and names:
                node[1][attribute] = " ".join(rng.choices(names, k=rng.randint(1, most)))
            elif attribute in node[1]:
                del node[1][attribute]
    for node in nodes:
        for attribute in [a for a in ("name", "of", "all") if a in node[1]]:
            node[1][attribute] = respelt(rng, node[1][attribute])


def damage(rng, definition, tree):
    """One change to the tree that may or may not be allowed."""
    node = rng.choice(all_nodes(tree))
    children = node[2]
    where = rng.randint(0, len(children))
    change = rng.randrange(9)
    if change == 0 and children:
        del children[rng.randrange(len(children))]
    elif change == 1 and children:
        children.insert(where, rng.choice(children))
    elif change == 2:
        rng.shuffle(children)
    elif change == 3:
        children.insert(where, definition.example(rng, rng.choice(definition.names)))
    elif change == 4 and node[1]:
        del node[1][rng.choice(sorted(node[1]))]
    elif change == 5:
        node[1][rng.choice(sorted(ATTRIBUTES) + ["event", "other"])] = rng.choice(VALUES)
    elif change == 6:
        children.insert(where, rng.choice([" ", "\n", "text", "<!-- c -->", "<?p i?>", "<![CDATA[ ]]>", "&#32;", "&lt;"]))
    elif change == 7 and node is not tree:
        node[0] = rng.choice(definition.names + ["unknown"])
    elif change == 8:
        node[1]["event"] = f"{node[0]}.start"


def document(node):
    if isinstance(node, str):
        return node
    attributes = "".join(f' {name}="{value}"' for name, value in node[1].items())
    if not node[2]:
        return f"<{node[0]}{attributes}/>"
    return f"<{node[0]}{attributes}>{''.join(document(child) for child in node[2])}</{node[0]}>"


def damage_bytes(rng, text):
    at = rng.randrange(len("<service"), len(text))
    return rng.choice([text[:at], text[:at] + text[at + 1:], text[:at] + rng.choice("<>/&\"= x") + text[at:]])


def ours(definition, paths):
    run = subprocess.run([BUILD / "bin/script-check", definition, *paths], capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert run.stderr == ""
    verdicts = {}
    for line in run.stdout.splitlines():
        path, rest = line.split(": ", 1)
        verdicts[path] = not rest.startswith("refused")
        if not verdicts[path]:
            assert re.match(rf"refused: {re.escape(path)}:\d+:\d+: .", rest), line
    return verdicts


def xmllint(definition, paths):
    run = subprocess.run(["xmllint", "--noout", "--dtdvalid", definition, *paths], capture_output=True, text=True,
                         errors="replace", check=False)
    return {path: not re.search(rf"^(Document )?{re.escape(path)}\b", run.stderr, re.M) for path in paths}


@pytest.mark.parametrize("seed", range(40))
def test_verdict_equals_xmllint(tmp_path, seed):
    rng = random.Random(seed)
    while True:
        definition = Definition(rng)
        dtd = tmp_path / "service.dtd"
        dtd.write_text(definition.text())
        if subprocess.run([BUILD / "bin/script-check", dtd], capture_output=True, check=False).returncode == 0:
            break
    paths = []
    for i in range(DOCUMENTS):
        tree = definition.example(rng)
        identify(rng, tree)
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
            damage(rng, definition, tree)
        text = document(tree)
        if rng.random() < 0.15:
            text = damage_bytes(rng, text)
        path = tmp_path / f"{i}.xml"
        path.write_text(HEAD + text)
        paths.append(str(path))
    expected = xmllint(str(dtd), paths)
    found = ours(str(dtd), paths)
    assert found.keys() == expected.keys()
    different = [(Path(path).read_text(), expected[path]) for path in paths if found[path] != expected[path]]
    assert not different, (definition.text(), different)
    assert 0 < sum(expected.values()) < len(paths)


CONTROL = """
<!ENTITY % steps "step | read">
<!ENTITY % readings "(level | depth)">
<!ENTITY % control SYSTEM "control.dtd">
%control;
<!ELEMENT service (%steps; | %controls;)+>
<!ELEMENT step EMPTY><!ATTLIST step event CDATA #FIXED "step">
<!ELEMENT read EMPTY>
<!ATTLIST read event CDATA #FIXED "read" reading CDATA #FIXED "level" reading.member CDATA #FIXED "value">
"""
CONDITION = {"reading": ["level", "level", "depth", "height"], "is": ["below", "at-least", "over"], "value": ["1", "-2.5", "x y"]}
CONTROLS = {
    "step": {}, "read": {}, "then": {}, "otherwise": {}, "once": {}, "parallel": {}, "branch": {},
    "repeat": {"times": ["2", "3", "0", "", "a b"]}, "wait": {"seconds": ["1", "0.5", "1e9", "?"]},
    "wait-until": CONDITION | {"within": ["5"], "every": ["1", "2"], "late": ["fail", "go-on", "never"]},
    "wait-until-time": {"time": ["06:30", "23:59:59", "24:00", "noon?"]},
    "choose": CONDITION, "on-fault": {"do": ["repeat-block", "give-up", "panic"], "attempts": ["1", "100"]},
}
# What a DTD cannot say, in the words of the refusal.
BEYOND = re.compile(r"allowed: an? (integer|decimal|token)|HH:MM|has nothing to do|cannot stand in what is|no reading of this"
                    r"|is one too many|parallel blocks can be one within")


def control_tree(rng, name="service", depth=0):
    attributes = {a: rng.choice(values) for a, values in CONTROLS.get(name, {}).items() if rng.random() < 0.95}
    if name in ("step", "read", "wait", "wait-until", "wait-until-time"):
        names = []
    elif name == "parallel":
        names = ["branch"] * rng.choice([0, 1, 2, 2, 3, 9]) + ["step"] * (rng.random() < 0.1)
    elif name == "choose":
        names = rng.choice([["then"], ["then", "otherwise"], ["then", "otherwise"], ["otherwise"], []])
    else:
        names = rng.choices(sorted(set(CONTROLS) - {"then", "otherwise", "branch"}), k=rng.randint(depth > 1, 3)) if depth < 5 else ["step"]
    return [name, attributes, [control_tree(rng, n, depth + 1) for n in names]]


def test_verdict_on_control_equals_xmllint(tmp_path):
    rng = random.Random(7)
    dtd = tmp_path / "service.dtd"
    dtd.write_text(CONTROL)
    shutil.copy(ROOT / "dtd/control.dtd", tmp_path)     # where xmllint looks for it
    paths = []
    while len(paths) < 600:
        path = tmp_path / f"{len(paths)}.xml"
        path.write_text(HEAD + document(control_tree(rng)))
        paths.append(str(path))
    expected = xmllint(str(dtd), paths)
    run = subprocess.run([BUILD / "bin/script-check", dtd, *paths], capture_output=True, text=True, check=False)
    beyond = 0
    for line in run.stdout.splitlines():
        path, rest = line.split(": ", 1)
        if rest.startswith("refused") and BEYOND.search(rest):
            beyond += expected[path]
            continue
        assert rest.startswith("refused") != expected[path], Path(path).read_text() + rest
    assert beyond and 50 < sum(expected.values()) - beyond < len(paths) - 50


@pytest.mark.parametrize("seed", CONTENT_SEEDS)
def test_definitions_are_refused_as_xmllint_does(tmp_path, seed):
    """Content that is not deterministic."""
    rng = random.Random(1000 + seed)
    verdicts = set()
    for i in range(10):
        definition = Definition(rng)
        dtd = tmp_path / "service.dtd"
        dtd.write_text(definition.text())
        example = tmp_path / f"{i}.xml"
        # Each element once: xmllint looks at a content model when it meets it.
        example.write_text("<service>" + "".join(f"<{name}/>" for name in definition.names) + "</service>")
        lint = subprocess.run(["xmllint", "--noout", "--dtdvalid", dtd, example], capture_output=True, text=True,
                              check=False)
        deterministic = "is not determinist" not in lint.stderr
        run = subprocess.run([BUILD / "bin/script-check", dtd], capture_output=True, text=True, check=False)
        assert (run.returncode == 0) == deterministic, definition.text() + run.stdout
        verdicts.add(deterministic)
    assert verdicts


SERVICE = """<!ELEMENT service (block*)>
<!ATTLIST service event CDATA #FIXED 'service.start'>
<!ELEMENT block EMPTY>
<!ATTLIST block event CDATA #FIXED 'block.start' name ID #REQUIRED name.type CDATA #FIXED 'token'
 see IDREFS #IMPLIED see.type CDATA #FIXED 'string'>
"""


@pytest.mark.parametrize("change, place", [
    (None, None),
    (lambda blocks: blocks[4999].update(name="b10"), 5001),             # which is there already
    (lambda blocks: blocks[7].update(see="b6 b5000"), 9),               # one behind the last
    (lambda blocks: blocks[4000].update(name="other"), 4001),           # the first that refers to it
])
def test_thousands_of_identifiers(tmp_path, change, place):
    """As many as make a table grow, with references to what is before and behind; the place of the first that is wrong."""
    blocks = [{"name": f"b{n}", "see": f"b{max(n - 1, 0)} b{min(n + 1, 4999)}"} for n in range(5000)]
    if change:
        change(blocks)
    (tmp_path / "service.dtd").write_text(SERVICE)
    script = tmp_path / "service.xml"
    script.write_text("<service>\n" + "".join(f'<block name="{b["name"]}" see="{b["see"]}"/>\n' for b in blocks) + "</service>\n")
    done = subprocess.run([BUILD / "bin/script-check", tmp_path / "service.dtd", script], capture_output=True, text=True, check=False)
    if place:
        assert done.returncode == 1 and f"service.xml:{place}:" in done.stdout, done.stdout[:300]
    else:
        assert done.returncode == 0, done.stdout[:300]
    assert xmllint(tmp_path / "service.dtd", [str(script)]) == {str(script): not place}
