#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What needs a machine of its own. Power cuts, in one boot: a gateway and its center work on a disk whose writes are logged,
# and each state that a power cut could have left is mounted and checked (cuts.py). Rows of the lifecycle whose clock is set
# and whose disk fails, in another one (rows.py). TAP on standard output.
#
#   vm.sh [SEED]	which states are looked at; POWER_ALL=1: every one, which takes an hour under emulation
#   vm.sh rows [ROW...]	rows, all of them by default
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
readonly kernel=6.12 out=$root/build/vm/power
unit_port=15020

for program in dmsetup mkfs.ext4; do
	PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || { echo "1..0 # SKIP no $program: make setup"; exit 0; }
done
make -s all | sed 's/^/# /'
rm -rf "$out"
mkdir -p "$out"
# Packed here: under emulation it takes long.
for version in 1.0.0 2.0.0; do
	apps/mkbundle.sh --output "$out/air-conditioner-$version.tar.zst" --program build/out/bin/air-conditioner \
		--residence resident --version "$version" --argument --unit --argument "127.0.0.1:$unit_port"
done | sed 's/^/# /'
common=(--modules "$root/.cache/kernels/$kernel" --bundles "$out" --unit-port "$unit_port")
if [[ ${1:-} == rows ]]; then
	shift
	program=(tests/power/rows.py "${common[@]}" "$@")
else
	program=(tests/power/cuts.py "${common[@]}" --seed "${1:-$RANDOM}")
fi
exec tests/vm/vng.sh --kernel "$kernel" --timeout "${BOOT_LIMIT:-840}" --share "$out" --console "$out/console.log" -- \
	env FAULTLINE_LIMIT_S=120 POWER_ALL="${POWER_ALL:-}" "${program[@]}"
