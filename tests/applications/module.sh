#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests of what a gateway does with the kernel module, in a VM that has loaded it:
#
#   module.sh [KERNEL [TEST...]]	6.12 by default; all of module_tests.py, or what is named for pytest
#
# The report is build/vm/module/report.xml.
set -euo pipefail

cd "$(dirname "$0")/../.."
readonly kernel=${1:-6.12} share=$PWD/build/vm/module
shift $(($# > 0))
(($#)) || set -- tests/applications/module_tests.py

tests/vm/kmod.sh "$kernel"
make -s all
mkdir -p "$share"
cp "build/kmod/$kernel/kmod/faultline.ko" "$share/"
printf -v pytest ' %q' env FAULTLINE_BUILD=build/out FAULTLINE_LIMIT_S=120 /usr/bin/python3 -B -m pytest -v \
	-p no:cacheprovider "--junitxml=$share/report.xml" "$@"
exec tests/vm/vng.sh --kernel "$kernel" --timeout "${BOOT_LIMIT:-860}" --share "$share" -- \
	bash -c "insmod $share/faultline.ko && exec $pytest"
