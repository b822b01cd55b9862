#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes a Debian 12 machine ready: setup.sh [build] [test] [debug] [vm[=KERNEL]]; all but debug by default.
#
# build  what compiles user space and the probes
# test   what the tests need beside it
# debug  what builds the debug kernels of tests/debug-kernel
# vm     QEMU, virtme-ng and the stock kernels that the module is tested on, or KERNEL alone: 6.1, 6.12 or 6.12-rt
#
# What is there already is left alone, so a second run takes a moment and no network. Packages come by apt from
# packages.txt; virtme-ng and the kernels are unpacked under .cache/, the system does not see them.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly cache=$PWD/.cache log=$PWD/build/setup.log
mkdir -p build
: > "$log"

die()
{
	echo "setup: $*" >&2
	exit 1
}

# Runs a command with its output in the log, and shows that it is alive.
step()
{
	local text=$1 started=$SECONDS pid status=0
	shift

	"$@" >> "$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		(((SECONDS - started) % 10 || SECONDS == started)) ||
			{ printf 'setup: %4d s  %s: %.70s\n' "$SECONDS" "$text" "$(tail -n 1 "$log")"; sleep 1; }
	done
	wait "$pid" || status=$?
	if ((status)); then
		tail -n 15 "$log" >&2
		die "$text failed; the whole log is $log"
	fi
	printf 'setup: %4d s  %s: done\n' "$SECONDS" "$text"
}

as_root()
{
	if ((EUID)); then sudo "$@"; else "$@"; fi
}

apt_get()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"
}

missing_packages()
{
	local wanted

	wanted=$(awk -v stages=" $* " '!/^#/ && index(stages, " " $1 " ") { print $2 }' packaging/packages.txt)
	# dpkg-query fails when it does not know one of them; awk tells which.
	# shellcheck disable=SC2086 # one word a package
	{ dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null || true; } |
		awk -v wanted="$wanted" '$1 == "ii" { there[$2] }
			END { n = split(wanted, w); for (i = 1; i <= n; i++) if (!(w[i] in there)) print w[i] }'
}

# Once a run, and only before something is fetched.
refresh_lists()
{
	[[ ${refreshed-} ]] || step "package lists" apt_get update
	refreshed=yes
}

install_packages()
{
	local missing

	missing=$(missing_packages "$@" | paste -sd ' ')
	[[ $missing ]] || return 0
	if ((EUID)) && ! command -v sudo > /dev/null; then
		die "packages are missing, and this is neither root nor has it sudo. As root: apt-get install $missing"
	fi
	# A password is asked for here, where it can be seen.
	((EUID == 0)) || sudo -v
	refresh_lists
	# shellcheck disable=SC2086 # one word a package
	step "$(wc -w <<< "$missing") packages for $*" apt_get install --no-install-recommends $missing
}

# virtme-ng came with Debian 13. Its package is a few Python files, which work on 12: they are taken from where this
# machine has Debian from, through an apt state of their own, with the archive's signature checked as always.
fetch_virtme()
{
	local state=$cache/apt keys=/usr/share/keyrings/debian-archive-keyring.gpg codename

	rm -rf "$state" "$cache/virtme-ng.new"
	mkdir -p "$state"/{lists,cache/archives}/partial
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # apt fills these in
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v keys="$keys" -v codename="$codename" \
			'$2 == "main" && ($1 == codename || $1 ~ /^(old)*stable$/) && !seen[$3]++ {
				print "deb [signed-by=" keys "] " $3 " trixie main" }' > "$state/sources.list"
	[[ -s $state/sources.list ]] || { echo "no source of Debian's main in /etc/apt"; return 1; }

	local apt=(apt-get -q -o "Dir::State=$state" -o "Dir::State::lists=$state/lists"
		-o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$state/cache"
		-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=)
	"${apt[@]}" -o APT::Update::Error-Mode=any update
	(cd "$state" && "${apt[@]}" download virtme-ng)
	dpkg-deb -x "$state"/virtme-ng_*.deb "$cache/virtme-ng.new"
	mv "$cache/virtme-ng.new" "$cache/virtme-ng"
	rm -rf "$state"
}

kernels_there()
{
	local kernel
	for kernel; do
		[[ -s $cache/kernels/$kernel/release ]] || return 1
	done
}

prepare_vm()
{
	(($#)) || set -- 6.1 6.12 6.12-rt
	kernels_there "$@" || refresh_lists
	[[ -x $cache/virtme-ng/usr/bin/vng ]] || step "virtme-ng" fetch_virtme
	tests/vm/kernels.sh "$@"
}

main()
{
	local stages=() stage vm=no kernels=()

	(($#)) || set -- build test vm
	for stage; do
		case $stage in
		build | test | debug) ;;
		vm) vm=yes ;;
		vm=*) vm=yes kernels+=("${stage#vm=}") ;;
		*) die "no stage '$stage': build, test, debug, vm or vm=KERNEL" ;;
		esac
		stages+=("${stage%%=*}")
	done
	command -v apt-get > /dev/null || die "no apt-get: Debian 12 is what this sets up"

	install_packages "${stages[@]}"
	[[ $vm == no ]] || prepare_vm "${kernels[@]}"
	printf 'setup: %4d s  ready for %s\n' "$SECONDS" "${stages[*]}"
}

main "$@"
