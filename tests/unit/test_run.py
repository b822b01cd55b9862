# SPDX-License-Identifier: GPL-2.0-only
"""The second try of tests/run: what fails once is unsteady, what fails twice is a failure."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

loader = SourceFileLoader("run", str(Path(__file__).resolve().parents[1] / "run"))
run = module_from_spec(spec_from_loader("run", loader))
sys.modules["run"] = run
loader.exec_module(run)

ONE = """
from pathlib import Path

def fails_until(number):
    counter = Path(__file__).with_name("counter")
    count = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(count + 1))
    assert count >= number, f"try {count + 1}"

def test_steady():
    fails_until(0)

def test_other():
    fails_until(%d)
"""


@pytest.fixture
def tried(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "LOGS", tmp_path)

    def do(group):
        runner = run.Runner([group])
        runner.run()
        status = run.report([group], 1)
        return status, capsys.readouterr().out.splitlines()
    return do


def tap_group(path, failures):
    """Fails so often, then passes."""
    script = path / "group.sh"
    script.write_text(f"""echo x >> {path}/tries
echo 1..2
echo ok 1 - steady
[ $(wc -l < {path}/tries) -gt {failures} ] || {{ echo not ok 2 - other; exit 1; }}
echo ok 2 - other
""")
    return run.Group("some", "here", [["sh", str(script)]], "tap")


def pytest_group(path, failures):
    (path / "test_one.py").write_text(ONE % failures)
    return pytest_group_of(path)


def pytest_group_of(path):
    report = path / "report.xml"
    return run.Group("some", "here", [["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-o", f"cache_dir={path}/cache",
                                       f"--junitxml={report}", str(path / "test_one.py")]],
                     "junit", 60, {}, report, ["--last-failed"])


def test_passes_at_once(tried, tmp_path):
    status, lines = tried(tap_group(tmp_path, 0))
    assert status == 0 and lines[-1] == "2 passed, 0 failed, 0 skipped"
    assert (tmp_path / "tries").read_text().count("x") == 1


@pytest.mark.parametrize("kind", [tap_group, pytest_group])
def test_fails_once(tried, tmp_path, kind):
    status, lines = tried(kind(tmp_path, 1 if kind is tap_group else 2))
    assert status == 0 and lines[-1] == "2 passed, 0 failed, 0 skipped"
    assert lines[-2].startswith("unsteady: some: ") and lines[-2].endswith("other")
    assert any("failed at first" in line for line in lines)


@pytest.mark.parametrize("kind", [tap_group, pytest_group])
def test_fails_twice(tried, tmp_path, kind):
    status, lines = tried(kind(tmp_path, 9))
    assert status == 1 and lines[-1] == "1 passed, 1 failed, 0 skipped"
    assert lines[-2].startswith("not ok: some: ") and lines[-2].endswith("other")


def test_only_what_failed_is_run_again(tried, tmp_path):
    tried(pytest_group(tmp_path, 9))
    # Two tests, then the one.
    assert (tmp_path / "counter").read_text() == "3"


def test_what_is_not_ended_in_time_is_run_as_a_whole(tried, tmp_path):
    """And not what some earlier run had left as failed."""
    tried(pytest_group(tmp_path, 9))
    assert (tmp_path / "counter").read_text() == "3", "the cache has what failed"
    (tmp_path / "test_one.py").write_text("""
import time
from pathlib import Path

def test_slow():
    late = Path(__file__).with_name("late")
    if not late.exists():
        late.touch()
        time.sleep(60)

def test_other():
    pass
""")
    group = pytest_group_of(tmp_path)
    group.limit_s = 3
    status, lines = tried(group)
    assert status == 0 and lines[-1] == "2 passed, 0 failed, 0 skipped"
    assert lines[-2] == "unsteady: some: python3: not ended after 3 s"


def test_no_second_try_when_it_is_late(tried, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SECOND_TRY_UNTIL_S", -1)
    status, lines = tried(tap_group(tmp_path, 1))
    assert status == 1 and (tmp_path / "tries").read_text().count("x") == 1
