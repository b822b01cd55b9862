#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Core files of the module's captures, against those of a stock kernel: one boot with this machine's files, and its gdb.
# TAP on standard output.
#
#   vm.sh [6.1|6.12|6.12-rt [CASE...]]	6.12 and all of them by default
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:-6.12}
command -v gdb > /dev/null || { echo "1..0 # SKIP no gdb: make setup"; exit 0; }

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
make -s all tests | sed 's/^/# /'
out=build/vm/$flavour/core
mkdir -p "$out"
cp "build/kmod/$flavour/kmod/faultline.ko" "$out/"
# The names are the guest's, which has this folder at the same place.
exec tests/vm/vng.sh --kernel "$flavour" --timeout "${BOOT_LIMIT:-900}" --share "$out" --console "$out/console.log" -- \
	bash -c "insmod $out/faultline.ko && exec tests/core/compare.py module build/out ${*:2}"
