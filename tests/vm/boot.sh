#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots a stock kernel straight into an initramfs of busybox and the given files, in four seconds under emulation.
#
#   boot.sh FLAVOUR INIT [FILE...]
#
# INIT becomes /init, a shell script for busybox; the other files lie in /test, with their names. The guest's first
# serial port is INIT's output and comes out here; the kernel's log is the second one and goes to
# build/vm/FLAVOUR/kernel.log. INIT ends with "reboot -f" after it printed END_MARK ("=== end STATUS").
#
# With BOOT_COUNT=1 the guest's clock counts instructions, one a nanosecond: what a busy machine cannot disturb.
#
# BOOT_MEMORY: megabytes (768). BOOT_APPEND: for the kernel. BOOT_EXPECTED: complaints are what is asked for.
# BOOT_TOLERATED: a pattern of lines that are none.
#
# A machine that hangs at a breakpoint that is gone (breakpoint.sh) is booted again.
#
# Passes only when the mark came with status 0 and the kernel had nothing to complain of. BOOT_LIMIT: seconds (300).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root flavour=$1 init=$2
shift 2
readonly limit=${BOOT_LIMIT:-300}
name=$(basename "${init%.*}")
readonly out=$root/build/vm/$flavour/$name
readonly complaints='BUG:|WARNING:|KASAN|KCSAN|UBSAN|refcount_t|ODEBUG|suspicious RCU|possible (circular|recursive)|inconsistent lock|Oops|general protection fault[,:]|Kernel panic|blocked for more than|rcu.*stall'

# shellcheck source=tests/vm/breakpoint.sh
. "$root/tests/vm/breakpoint.sh"

die()
{
	echo "boot.sh: $*" >&2
	exit 1
}

kernel=$root/.cache/kernels/$flavour/vmlinux
[[ -s $kernel ]] || die "no kernel '$flavour' in .cache/kernels: tests/vm/kernels.sh $flavour"
busybox=$(command -v busybox) || die "no busybox: apt-get install busybox-static"
command -v qemu-system-x86_64 > /dev/null || die "no QEMU: apt-get install qemu-system-x86"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$out" "$tree"/{bin,dev,proc,sys,tmp,run,test}
cp "$busybox" "$tree/bin/busybox"
cp "$init" "$tree/init"
chmod 755 "$tree/init"
(($# == 0)) || cp -aL "$@" "$tree/test/"
(cd "$tree" && find . | cpio -o -H newc --quiet -R 0:0) > "$out/initramfs"

clock=(-accel "tcg,thread=multi")
# A kernel without ACPI has nothing to measure the TSC by, and would count time in ticks of 4 ms. As it is emulated, it
# is this machine's.
append=""
grep -qxF '# CONFIG_ACPI is not set' "${kernel%/*}/config" 2>/dev/null &&
	append=tsc_early_khz=$(awk -F: '/^cpu MHz/ { printf "%d", $2 * 1000; exit }' /proc/cpuinfo)
[[ ${BOOT_COUNT:-} ]] && clock=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")

boot()
{
	timeout -k 5 "$limit" qemu-system-x86_64 -kernel "$kernel" -initrd "$out/initramfs" -nodefaults -display none \
		-no-reboot -m "${BOOT_MEMORY:-768}" -smp 2,sockets=2,cores=1,threads=1 "${clock[@]}" -cpu max \
		-pidfile "$out/pid" -chardev "stdio,id=console,signal=off" -serial chardev:console -serial "file:$out/kernel.log" \
		-append "console=ttyS1 loglevel=7 panic=-1 oops=panic mitigations=off nokaslr tsc=reliable no_timer_check $append ${BOOT_APPEND:-}" \
		< /dev/null | stdbuf -oL tr -d '\r' | tee "$out/console.log"
}

# shellcheck disable=SC2317 # by when_it_hangs
end_machine()
{
	kill "$(< "$out/pid")"
}

attempt=0
while true; do
	status=0
	rm -f "$out/kernel.log"
	when_it_hangs "$out/kernel.log" end_machine > /dev/null 2>&1 &
	watcher=$!
	boot || status=$?
	kill "$watcher" 2> /dev/null || true
	wait "$watcher" 2> /dev/null || true
	boot_again "$out/kernel.log" $((++attempt)) || break
done

if ((status == 124 || status == 137)); then
	die "$flavour: $limit s are over; see $out/console.log and $out/kernel.log"
fi
if [[ ! ${BOOT_EXPECTED:-} ]] && grep -vE "${BOOT_TOLERATED:-^\$}" "$out/kernel.log" | grep -E "$complaints" >&2; then
	die "$flavour: the kernel complained; see $out/kernel.log"
fi
end=$(sed -n 's/^=== end //p' "$out/console.log" | tail -n 1)
[[ $end ]] || { tail -n 20 "$out/kernel.log" >&2; die "$flavour: the guest ended without its mark; see $out/kernel.log"; }
exit "$end"
