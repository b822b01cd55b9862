#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Power cuts, in one boot: a gateway and its center work on a disk whose writes are logged, and each state that a power
# cut could have left is mounted and checked (cuts.py). TAP on standard output.
#
#   vm.sh [SEED]	which states are looked at; POWER_ALL=1: every one, which takes an hour under emulation
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
exec tests/vm/vng.sh --kernel "$kernel" --timeout "${BOOT_LIMIT:-840}" --share "$out" --console "$out/console.log" -- \
	env FAULTLINE_LIMIT_S=120 POWER_ALL="${POWER_ALL:-}" tests/power/cuts.py \
	--modules "$root/.cache/kernels/$kernel" --bundles "$out" --unit-port "$unit_port" --seed "${1:-$RANDOM}"
