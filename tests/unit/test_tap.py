# SPDX-License-Identifier: GPL-2.0-only
"""tests/tap.py counts what kselftest and cmocka print."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tap import Tap


def read(text):
    tap = Tap()
    for line in text.splitlines():
        tap.feed(line)
    return [(result.name, result.outcome) for result in tap.results()]


def test_inner_tests_are_counted_instead_of_the_program_around_them():
    assert read("""TAP version 13
1..2
# 1..2
# ok 1 a.x
# not ok 2 a.y
not ok 1 selftests: a
# 1..1
# ok 1 b.x # SKIP no root
ok 2 selftests: b # SKIP""") == [("a.x", "passed"), ("a.y", "failed"), ("b.x", "skipped")]


def test_a_program_that_fails_after_its_tests_passed_is_a_failure():
    assert read("1..1\n# 1..1\n# ok 1 a.x\nnot ok 1 selftests: a # exit=139") == \
        [("a.x", "passed"), ("selftests: a # exit=139", "failed")]


def test_tests_that_were_planned_and_did_not_end_are_a_failure():
    assert read("1..3\nok 1 a\nok 2 b")[-1] == ("3 tests were planned, 2 ended", "failed")


def test_a_program_that_ended_in_its_midst_is_a_failure():
    assert ("2 tests were planned, 1 ended", "failed") in read("1..1\n# 1..2\n# ok 1 a.x")


def test_cmocka_says_skip_without_a_name():
    assert read("1..1\nok 1 # SKIP test_of_root") == [("test_of_root", "skipped")]


def test_cmocka_says_why_before():
    tap = Tap()
    for line in "1..1\n# needs a VM\nnot ok 1 # SKIP test_of_root".splitlines():
        tap.feed(line)
    assert [(r.name, r.outcome, r.reason) for r in tap.results()] == [("test_of_root", "skipped", "needs a VM")]


def test_results_of_several_runs_add_up():
    assert len(read("1..1\nok 1 a\n1..1\nok 1 b")) == 2


def test_a_machine_that_is_booted_again_counts_once():
    assert read("""1..1
ok 1 a
=== end 0
1..3
ok 1 b
# 1..2
# not ok 1 c
# === again: it hung
1..1
ok 1 b
=== end 0""") == [("a", "passed"), ("b", "passed")]
