#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A whole gateway halts: its kernel panics, the machine is reset, and starts again (halt.py). The kernel's last lines are
# in memory that ramoops keeps them in. TAP on standard output.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
readonly kernel=6.12 out=$root/build/vm/halt
# Away from where the kernel and its first root are put, and marked as no memory of the kernel's: from type 1 to 2.
readonly address=0x30000000 size=0x100000

PATH=$PATH:/usr/sbin command -v mkfs.ext4 > /dev/null || { echo "1..0 # SKIP no mkfs.ext4: make setup"; exit 0; }
make -s all | sed 's/^/# /'
rm -rf "$out"
mkdir -p "$out"
truncate -s 32M "$out/disk"
/usr/sbin/mkfs.ext4 -q -F "$out/disk"
exec tests/vm/vng.sh --kernel "$kernel" --timeout "${BOOT_LIMIT:-300}" --share "$out" --console "$out/console.log" --reset \
	--append "memmap=$size%$address-1+2" -- env FAULTLINE_LIMIT_S=120 tests/power/halt.py \
	--modules "$root/.cache/kernels/$kernel" --memory "$address" "$size"
