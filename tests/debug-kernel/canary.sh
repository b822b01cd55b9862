#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that each checker of a debug kernel reports its bug of the canary: canary.sh debug|debug-rt. TAP.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit
readonly flavour=${1:?debug or debug-rt} own=tests/debug-kernel
readonly to=build/kmod/$flavour/canary

# What must be in the kernel's log between a bug and the next one.
declare -A reports=(
	[unguarded-rcu]='suspicious RCU usage'
	[atomic-sleep]='BUG: (sleeping function called from invalid context|scheduling while atomic)'
	[atomic-allocation]='BUG: sleeping function called from invalid context'
	[shift]='UBSAN: shift-out-of-bounds'
	[list-twice]='list_add (double add|corruption)'
	[references]='refcount_t: addition on 0; use-after-free'
	[object-freed]='ODEBUG: free active'
	[leak]='unreferenced object'
	[lock-order]='possible circular locking dependency'
	[lock-interrupts]='inconsistent lock state'
	[lock-nesting]='Invalid wait context'
	[use-after-free]='KASAN: slab-use-after-free'
	[out-of-bounds]='KASAN: slab-out-of-bounds'
)
# The first report of lockdep about locks, and any of KASAN, switches it off: one of those a boot, and early.
boots=(
	"unguarded-rcu lock-order atomic-sleep atomic-allocation shift list-twice references object-freed leak"
	"lock-nesting use-after-free out-of-bounds"
	"lock-interrupts"
)
# There softirqs are threads, and a spinlock_t is taken without interrupts being off.
[[ $flavour == debug-rt ]] && unset 'boots[2]'

mkdir -p "$to"
cp -a $own/canary/. "$to/"
make -s -C ".cache/kernels/$flavour/headers/build" M="$root/$to" modules || exit

number=0 failed=0
for bugs in "${boots[@]}"; do
	echo "$bugs" > "$to/bugs"
	BOOT_EXPECTED=1 BOOT_MEMORY=1024 BOOT_LIMIT=300 BOOT_APPEND=kasan_multi_shot tests/vm/boot.sh "$flavour" \
		$own/canary.init "$to/bugs" "$to/canary.ko" | sed 's/^/# /' || failed=1
	for bug in $bugs; do
		number=$((number + 1))
		if tr -d '\r' < "build/vm/$flavour/canary/kernel.log" | sed -n "/=== canary $bug\$/,/=== canary /p" |
			grep -E "${reports[$bug]}" > /dev/null; then
			echo "ok $number - $flavour reports $bug"
		else
			echo "not ok $number - $flavour reports $bug: no '${reports[$bug]}' in build/vm/$flavour/canary/kernel.log"
			failed=1
		fi
	done
done
echo "1..$number"
exit "$failed"
