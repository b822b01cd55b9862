# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# An emulated CPU sometimes keeps a breakpoint that another one has taken out of the kernel's text meanwhile (tracepoints,
# BPF programs and static keys come and go), and traps at it for ever. Such a machine is ended and booted again; the line
# "# === again" tells who reads along that what came since the last mark does not count. Sourced by those that boot one.
readonly boots_at_most=3

at_a_breakpoint()	# LOG of the kernel
{
	grep -qE 'RIP: 0010:(asm_)?exc_int3|int3: 0000' "$1" 2> /dev/null
}

# Runs a command once the machine hangs.
when_it_hangs()	# LOG COMMAND...
{
	while ! at_a_breakpoint "$1"; do sleep 2; done
	"${@:2}"
}

boot_again()	# LOG ATTEMPT
{
	at_a_breakpoint "$1" && (($2 < boots_at_most)) || return 1
	echo "# === again: an emulated CPU hung at a breakpoint that is gone"
}
