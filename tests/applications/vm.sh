#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs what of the tests of isolation and of ranges needs a kernel with the whole of cgroup v2 and the security module bpf
# in a VM that has both, and what is to hold without that module in a second one, which runs without:
#
#   vm.sh [KERNEL [TEST...]]	6.12 by default; 6.1, 6.12 or 6.12-rt; in place of these those that are named for pytest, in the first VM
#
# The report is build/vm/applications-KERNEL/report.xml.
set -euo pipefail

cd "$(dirname "$0")/../.."
readonly kernel=${1:-6.12}
shift $(($# > 0))
readonly share=$PWD/build/vm/applications-$kernel isolation=tests/applications/test_isolation.py range=tests/applications/test_range.py

# boot PARAMETERS-OF-THE-KERNEL ENVIRONMENT TESTS...: each of TESTS, words for one pytest, beside the others
boot()
{
	local append=$1 environment=$2 inside='' n=0
	shift 2
	for words; do
		inside+="env FAULTLINE_BUILD=build/out FAULTLINE_LIMIT_S=120 $environment /usr/bin/python3 -B -m pytest -v -p no:cacheprovider"
		inside+=" --junitxml=$share/part-$environment-$((n++)).xml $words & pids+=\" \$!\"; "
	done
	tests/vm/vng.sh --kernel "$kernel" --timeout 700 --share "$share" --append "$append" -- \
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
	boot "" RANGE_REQUIRED=1 "$isolation -k 'limited or outlives or removed'" "$range -k 'learn or off'" || failed=1
	boot lsm=landlock,yama RANGE_ABSENT=1 "$range -k not_possible" "$isolation -k system_calls" || failed=1
fi
report
exit $failed
