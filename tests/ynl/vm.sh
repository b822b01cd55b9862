#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own ynl command line drives every command of kmod/faultline.yaml on a stock kernel: one boot of it with
# this machine's Python, TAP on standard output.
#
#   vm.sh [6.1|6.12|6.12-rt]	6.12 by default
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
flavour=${1:-6.12}
packages=/usr/lib/python3/dist-packages

skip()
{
	printf '1..1\nok 1 - ynl # SKIP %s: make setup\n' "$1"
	exit 0
}

for module in yaml jsonschema; do
	/usr/bin/python3 -c "import $module" 2>/dev/null || skip "no python3-$module"
done
[[ -e .cache/ynl/tools/net/ynl/cli.py ]] || skip "no ynl in .cache"

tests/vm/kmod.sh "$flavour" | sed 's/^/# /'
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
stdlib=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
mkdir "$tree/packages" "$tree/ynl"
cp -a "$stdlib" "$tree/stdlib"
rm -r "$tree"/stdlib/config-*
basename "$stdlib" > "$tree/stdlib/version"
for name in yaml _yaml jsonschema jsonschema-*info attr attrs pyrsistent _pyrsistent_version.py pkg_resources; do
	# shellcheck disable=SC2086 # a pattern
	cp -a "$packages"/$name "$tree/packages/"
done
cp -a .cache/ynl/tools/net/ynl/. .cache/ynl/Documentation/netlink/genetlink-legacy.yaml kmod/faultline.yaml tests/ynl/drive.py "$tree/ynl/"
mapfile -t libraries < <(ldd /usr/bin/python3 | grep -o '/[^ ]*')
BOOT_LIMIT=${BOOT_LIMIT:-300} tests/vm/boot.sh "$flavour" tests/ynl/ynl.init "$tree"/{stdlib,packages,ynl} /usr/bin/python3 \
	"${libraries[@]}" "build/kmod/$flavour/kmod/faultline.ko"
