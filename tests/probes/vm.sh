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
program=build/out/tests/probes_test

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
make -s "$program" | sed 's/^/# /'
mapfile -t libraries < <(ldd "$program" | grep -o '/[^ ]*')
BOOT_LIMIT=${BOOT_LIMIT:-300} exec tests/vm/boot.sh "$flavour" tests/probes/vm.init "$program" "${libraries[@]}" \
	"build/kmod/$flavour/kmod/faultline.ko"
