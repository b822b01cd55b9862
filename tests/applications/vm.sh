#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of isolation and of ranges in a VM, whose kernel has the whole of cgroup v2 and the security module bpf:
#
#   vm.sh [KERNEL [TEST...]]	6.12 by default; 6.1, 6.12 or 6.12-rt; all tests, or those that are named for pytest
#
# The report is build/vm/applications-KERNEL/report.xml.
set -euo pipefail

cd "$(dirname "$0")/../.."
readonly kernel=${1:-6.12}
shift $(($# > 0))
(($#)) || set -- tests/applications/test_isolation.py tests/applications/test_range.py
readonly share=$PWD/build/vm/applications-$kernel

mkdir -p "$share"
tests/vm/vng.sh --kernel "$kernel" --timeout 400 --share "$share" -- env FAULTLINE_BUILD=build/out FAULTLINE_LIMIT_S=120 \
	/usr/bin/python3 -B -m pytest -v -p no:cacheprovider "--junitxml=$share/report.xml" \
	"$@"
