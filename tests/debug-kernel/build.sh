#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds a debug kernel from Debian's linux-source-6.12.
#
#   build.sh debug|debug-rt|debug-kcsan
#
# The kernel lands in .cache/kernels/FLAVOUR/ as the stock ones do (vmlinux, release, headers/build), so all that takes a
# flavour takes this one. It is built again when the source, the configuration or the compiler is another. That is 15
# minutes on two idle processors; what it is at is shown as it goes. JOBS: compilers at a time.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root own=$root/tests/debug-kernel cache=$root/.cache flavour=${1:?debug, debug-rt or debug-kcsan}
readonly to=$cache/kernels/$flavour work=$cache/debug
readonly built=$work/$flavour log=$work/$flavour.log

say()
{
	printf 'debug-kernel: %4d s  %s\n' "$SECONDS" "$*"
}

die()
{
	echo "debug-kernel: $*" >&2
	exit 1
}

case $flavour in
debug) configs=("$own/base.config") ;;
debug-rt) configs=("$own/base.config" "$own/rt.config") ;;
debug-kcsan) configs=("$own/base.config" "$own/kcsan.config") ;;
*) die "what is '$flavour'? One of: debug debug-rt debug-kcsan" ;;
esac

# Runs a command whose output goes to the log, and says each half minute how far it is.
step()
{
	local text=$1 pid status=0 spoken=$SECONDS
	shift

	"$@" >> "$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		((SECONDS - spoken < 30)) && continue
		spoken=$SECONDS
		say "$text: $(grep -c '^  \(CC\|LD\|AR\) ' "$log") steps, now $(tail -n 1 "$log" | cut -c 1-60)"
	done
	wait "$pid" || status=$?
	((status == 0)) && return
	tail -n 20 "$log" >&2
	die "$text failed; the whole log is $log"
}

# The archive that dpkg installed, or the package's, which is kept: its name has the version.
find_archive()
{
	local package

	archive=/usr/src/linux-source-6.12.tar.xz
	if [[ -e $archive ]]; then
		version=$(dpkg-query -W -f '${Version}' linux-source-6.12)
		return
	fi
	package=$(find "$work" -maxdepth 1 -name 'linux-source-6.12_*.deb' | sort -V | tail -n 1)
	if [[ ! $package ]]; then
		say "downloading linux-source-6.12"
		(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download linux-source-6.12)
		package=$(find "$work" -maxdepth 1 -name 'linux-source-6.12_*.deb')
	fi
	version=$(dpkg-deb -f "$package" Version)
	archive=$package
}

unpack_source()
{
	source=$work/source-$version
	[[ -d $source ]] && return
	say "unpacking the source of $version"
	rm -rf "$work"/source-*
	mkdir "$source.new"
	if [[ $archive == *.deb ]]; then
		dpkg-deb --fsys-tarfile "$archive" | tar -xO ./usr/src/linux-source-6.12.tar.xz |
			tar -xJ -C "$source.new" --strip-components=1
	else
		tar -xJf "$archive" -C "$source.new" --strip-components=1
	fi
	mv "$source.new" "$source"
}

configure()
{
	cat "${configs[@]}" > "$work/$flavour.config"
	rm -rf "$built"
	make -s -C "$source" O="$built" KCONFIG_ALLCONFIG="$work/$flavour.config" allnoconfig >> "$log" 2>&1 ||
		die "the configuration failed; see $log"
	# Of what is said twice the last counts; kconfig leaves out in silence what it cannot have.
	awk -F= '/^CONFIG_/ { value[$1] = $2 } END { for (name in value) if (value[name] != "n") print name "=" value[name] }' \
		"$work/$flavour.config" | while IFS= read -r line; do
		grep -qxF "$line" "$built/.config" || say "not in the configuration: $line"
	done
}

# What modules are built from, as linux-headers would have it, with the kernel's types for those of the module.
keep()
{
	local new=$to.new

	rm -rf "$new"
	mkdir -p "$new/headers"
	make -s -C "$built" run-command \
		KBUILD_RUN_COMMAND="\$(srctree)/scripts/package/install-extmod-build $new/headers/build" >> "$log" 2>&1 ||
		die "the headers cannot be installed; see $log"
	objcopy -O elf64-x86-64 --only-section=.BTF --set-section-flags .BTF=alloc,readonly "$built/vmlinux" \
		"$new/headers/build/vmlinux"
	strip -o "$new/vmlinux" "$built/vmlinux"
	cp "$built/.config" "$new/config"
	cp "$built/System.map" "$new/"
	make -s -C "$built" kernelrelease | tail -n 1 > "$new/release"
	echo "$key" > "$new/key"
	rm -rf "$to"
	mv "$new" "$to"
	# Two gigabytes that nothing needs any more.
	rm -rf "$built"
}

mkdir -p "$work"
exec 8> "$work/lock"
flock -n 8 || { say "waiting for another build"; flock 8; }
find_archive
key=$({ echo "$version"; cat "${configs[@]}"; gcc --version; } | sha256sum | cut -d ' ' -f 1)
if [[ $(cat "$to/key" 2>/dev/null) == "$key" ]]; then
	say "$flavour is there: $(< "$to/release")"
	exit
fi
: > "$log"
unpack_source
configure
say "building $flavour of $version; its log is $log"
step "building" make -C "$built" "-j${JOBS:-$(nproc)}" vmlinux modules_prepare
step "modules" make -C "$built" "-j${JOBS:-$(nproc)}" modules
keep
say "$flavour is ready: $(< "$to/release")"
