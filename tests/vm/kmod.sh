#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the module for the kernels of kernels.sh.
#
#   kmod.sh [6.1|6.12|6.12-rt ...]	all of them by default
#
# Each from a copy of the sources in build/kmod/FLAVOUR/, so that one kernel's objects are never taken for another's
# and the tree stays clean. The module is build/kmod/FLAVOUR/kmod/faultline.ko. KMOD_FLAGS are given to make.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
(($#)) || set -- 6.1 6.12 6.12-rt

for flavour; do
	to=build/kmod/$flavour
	if ! release=$(cat ".cache/kernels/$flavour/release" 2>/dev/null); then
		echo "kmod.sh: no kernel '$flavour' in .cache/kernels: tests/vm/kernels.sh $flavour" >&2
		exit 1
	fi
	# Timestamps are kept: make builds what has changed. Several tests may want it at once.
	mkdir -p "$to/include"
	exec 9> "$to/lock"
	flock 9
	cp -a Kbuild kmod "$to/"
	cp -a include/uapi "$to/include/"
	# shellcheck disable=SC2086 # several words
	make -s -C ".cache/kernels/$flavour/headers/build" M="$root/$to" ${KMOD_FLAGS:-} modules
	exec 9>&-
	echo "$to/kmod/faultline.ko for $release"
done
