#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows the main job (demo/story.py), from what is built already:
#
#   demo.sh vm		in a VM with a stock 6.12 kernel and faultline.ko
#   demo.sh native	on this machine's kernel, by the eBPF probes; as root
#
# What remains of it is in build/demo/vm or build/demo/native.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly how=${1:-vm} kernel=6.12
readonly out=$PWD/build/demo/$how

die()
{
	echo "demo: $*" >&2
	exit 1
}

free_port()
{
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The air conditioner as the demo needs it: it strikes itself half-way through set-wind-velocity, once.
bundle()
{
	apps/mkbundle.sh --output "$out/air-conditioner-1.0.0.tar.zst" --program build/out/bin/air-conditioner \
		--version 1.0.0 --argument --unit --argument "127.0.0.1:$1" \
		--environment AIRCON_FAULT=segv@set-wind-velocity
}

# While the VM starts, one line for each thing that it has got to.
boot_progress()
{
	local started=$SECONDS line
	tail -n +1 -F "$1" 2>/dev/null | while IFS= read -r line; do
		case $line in
		*'Linux version '*) line=${line#*Linux version }; line="Linux ${line%% *} starts" ;;
		*'mounting hostfs'*) line="this machine's files, read-only, are its root" ;;
		*'virtme-init: running systemd-tmpfiles'*) line="its temporary folders are set up" ;;
		*'virtme-init: starting udevd'*) line="udev looks at its devices" ;;
		*'virtme-init: starting script'*) line="it is up" ;;
		*) continue ;;
		esac
		printf '%8d s    %s\n' "$((SECONDS - started))" "$line"
	done
}

stop_progress()
{
	pkill -P "$progress" tail || true
	wait "$progress" || true
}

colour=()
[[ -t 1 ]] && colour=(--colour)
for program in faultlined faultctl faultline-link faultline-center aircon-unit air-conditioner; do
	[[ -x build/out/bin/$program ]] || die "build/out/bin/$program is not built: make"
done
rm -rf "$out"
mkdir -p "$out"

case $how in
vm)
	module=$PWD/build/kmod/$kernel/kmod/faultline.ko
	[[ -e $module ]] || die "$module is not built: tests/vm/kmod.sh $kernel"
	bundle 15020
	echo
	echo "A VM starts: a stock Debian kernel $kernel, by virtme-ng; some 20 s under emulation"
	: > "$out/console.log"
	boot_progress "$out/console.log" 2> /dev/null &
	progress=$!
	trap 'stop_progress 2>/dev/null' EXIT
	status=0
	tests/vm/vng.sh --kernel "$kernel" --timeout 400 --share "$out" --console "$out/console.log" -- \
		demo/story.py --source module --module "$module" --bundle "$out/air-conditioner-1.0.0.tar.zst" \
		--out "$out" "${colour[@]}" || status=$?
	exit "$status"
	;;
native)
	((EUID == 0)) || die "needs root, to load eBPF probes: sudo make demo NATIVE=1"
	[[ -r /sys/kernel/btf/vmlinux ]] || die "this kernel has no BTF (/sys/kernel/btf/vmlinux): make demo, in the VM"
	unit=$(free_port)
	bundle "$unit"
	exec demo/story.py --source probes --bundle "$out/air-conditioner-1.0.0.tar.zst" --out "$out" \
		--unit-port "$unit" --center-port "$(free_port)" "${colour[@]}"
	;;
*)
	die "'$how' is neither vm nor native"
	;;
esac
