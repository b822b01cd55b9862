#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of isolation and of ranges in a VM, whose kernel has the whole of cgroup v2 and the security module bpf,
# and what is to hold without that module in a second one, which runs without:
#
#   vm.sh [KERNEL [TEST...]]	6.12 by default; 6.1, 6.12 or 6.12-rt; all tests, or those that are named for pytest, in the first VM
#
# The report is build/vm/applications-KERNEL/report.xml.
set -euo pipefail

cd "$(dirname "$0")/../.."
readonly kernel=${1:-6.12}
shift $(($# > 0))
readonly share=$PWD/build/vm/applications-$kernel tests=tests/applications

# boot PARAMETERS-OF-THE-KERNEL ENVIRONMENT TESTS...: each of TESTS, words for one pytest, beside the others
boot()
{
	local append=$1 environment=$2 inside='' n=0
	shift 2
	for words; do
		inside+="env FAULTLINE_BUILD=build/out FAULTLINE_LIMIT_S=120 $environment /usr/bin/python3 -B -m pytest -v -p no:cacheprovider"
		inside+=" --junitxml=$share/part-$environment-$((n++)).xml $words & pids+=\" \$!\"; "
	done
	tests/vm/vng.sh --kernel "$kernel" --timeout 400 --share "$share" --append "$append" -- \
		bash -c "pids=; $inside failed=0; for pid in \$pids; do wait \$pid || failed=1; done; exit \$failed"
}

report()
{
	/usr/bin/python3 -B - "$share" << END
import sys
from pathlib import Path
from xml.etree import ElementTree

whole = ElementTree.Element("testsuites")
for part in sorted(Path(sys.argv[1]).glob("part-*.xml")):
    whole.extend(ElementTree.parse(part).getroot())
ElementTree.ElementTree(whole).write(Path(sys.argv[1]) / "report.xml")
END
}

mkdir -p "$share"
rm -f "$share"/{part-*,report}.xml
failed=0
if (($#)); then
	boot "" RANGE_REQUIRED=1 "$*" || failed=1
else
	boot "" RANGE_REQUIRED=1 "$tests/test_isolation.py" "$tests/test_range.py $tests/test_losses.py" || failed=1
	boot lsm=landlock,yama RANGE_ABSENT=1 "$tests/test_range.py::test_where_ranges_are_not_possible" \
		"$tests/test_isolation.py::test_system_calls $tests/test_isolation.py::test_files" || failed=1
fi
report
exit $failed
