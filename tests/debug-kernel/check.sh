#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the module's tests on a debug kernel: check.sh debug|debug-rt [PROGRAM...]; TAP.
#
# First the canary shows that the checkers are awake; then all programs of tests/kselftest run in one boot, at whose end no
# memory may be leaked and the kernel must not have complained. The one that lets each allocation of a load and of each
# command fail has a boot of its own: the kernel itself warns where its loader runs out of memory.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit
flavour=${1:?debug or debug-rt}
shift
programs=("$@")

tests/debug-kernel/build.sh "$flavour" || exit
failed=0
if ((${#programs[@]} == 0)); then
	tests/debug-kernel/canary.sh "$flavour" || failed=1
	mapfile -t programs < <(make -s -C tests/kselftest MAKELEVEL=1 list)
fi
export BOOT_MEMORY=2048 BOOT_LIMIT=${BOOT_LIMIT:-3000}
mapfile -t ordinary < <(printf '%s\n' "${programs[@]}" | grep -vx failnth_test)
if ((${#ordinary[@]})); then
	tests/vm/run-kselftest.sh "$flavour" "${ordinary[@]}" || failed=1
fi
if [[ " ${programs[*]} " == *' failnth_test '* ]]; then
	BOOT_TOLERATED='WARNING: .* at ((jump_label|ddebug|tracepoint|trace)_[a-z_]*(module|notify)|event_(define_fields|file_put))' \
		tests/vm/run-kselftest.sh "$flavour" failnth_test || failed=1
fi
exit "$failed"
