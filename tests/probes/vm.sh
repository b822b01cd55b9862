#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of both sources on a stock kernel, in one boot: the probes, then the module. TAP on standard output.
#
#   vm.sh 6.1|6.12|6.12-rt
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
programs=(build/out/tests/probes_test build/out/tests/restart_test build/out/tests/limits_test build/out/tests/progress_test build/out/tests/range_test)

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
make -s "${programs[@]}" | sed 's/^/# /'
mapfile -t libraries < <(ldd "${programs[@]}" | grep -o '/[^ ]* (' | cut -d' ' -f1 | sort -u)
BOOT_LIMIT=${BOOT_LIMIT:-300} exec tests/vm/boot.sh "$flavour" tests/probes/vm.init "${programs[@]}" "${libraries[@]}" \
	"build/kmod/$flavour/kmod/faultline.ko"
