#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of both sources on a stock kernel, in one boot: the probes, then the module; ranges once more where the
# kernel runs without the security module that they need. TAP on standard output.
#
#   vm.sh 6.1|6.12|6.12-rt [PROGRAM...]	all of them, or those that are named; "module" is what is tested against the module
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:?6.1, 6.12 or 6.12-rt}
shift
# A kernel with PREEMPT_RT gives tracing programs no timers (bpf_timer): "progress" is not loaded there, and status says so.
progress=progress_test
[[ $flavour == 6.12-rt ]] && progress=
# shellcheck disable=SC2086 # nothing or one word
all=$((!$#))
(($#)) || set -- probes_test restart_test limits_test $progress range_test faults_test module
files=()
for name; do
	case $name in
	module) files+=(build/out/tests/{probes_test,limits_test,range_test} "build/kmod/$flavour/kmod/faultline.ko") ;;
	faults_test) files+=(build/out/tests/{faults_test,faulter}) ;;
	*) files+=("build/out/tests/$name") ;;
	esac
done
mapfile -t files < <(printf '%s\n' "${files[@]}" | sort -u)
mapfile -t programs < <(printf '%s\n' "${files[@]}" | grep -v '\.ko$')

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
make -s "${programs[@]}" | sed 's/^/# /'
mapfile -t libraries < <(ldd "${programs[@]}" 2> /dev/null | grep -o '/[^ ]* (' | cut -d' ' -f1 | sort -u)
wanted=$(mktemp -d)
trap 'rm -rf "$wanted"' EXIT
echo "$@" > "$wanted/wanted"
status=0
BOOT_LIMIT=${BOOT_LIMIT:-1400} tests/vm/boot.sh "$flavour" tests/probes/vm.init "$wanted/wanted" "${files[@]}" "${libraries[@]}" ||
	status=$?
((all)) || exit $status
echo range_test > "$wanted/wanted"
BOOT_APPEND="lsm=landlock,yama" tests/vm/boot.sh "$flavour" tests/probes/vm.init "$wanted/wanted" \
	build/out/tests/range_test "${libraries[@]}" || status=$?
exit $status
