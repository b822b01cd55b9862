#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Gets the stock Debian kernels that the module is tested on, the kernel's own test harness and its ynl tools.
#
#   kernels.sh [6.1|6.12|6.12-rt ...]	all of them by default
#
# Images and headers are downloaded and unpacked under .cache/kernels/FLAVOUR/ (boot/vmlinuz-*, lib/modules/*, vmlinux,
# release, headers/build), never installed. What is there already is not looked for again and needs no network.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root cache=$root/.cache
readonly harness=(lib.mk kselftest.h kselftest_harness.h kselftest/runner.sh kselftest/prefix.pl
	kselftest/ktap_helpers.sh kselftest/module.sh)
readonly ynl=(Documentation/netlink/genetlink-legacy.yaml tools/net/ynl/{cli.py,lib/__init__.py,lib/nlspec.py,lib/ynl.py})
readonly checkpatch=(scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch})

say()
{
	printf 'kernels: %4d s  %s\n' "$SECONDS" "$*"
}

die()
{
	echo "kernels.sh: $*" >&2
	exit 1
}

apt_names()
{
	apt-cache search --names-only "$1" | awk '{ print $1 }' | sort -V
}

# The newest kernel of a flavour that the package lists have, as uname -r gives it.
newest_release()
{
	local name
	case $1 in
	6.1) name=$(apt_names '^linux-image-6\.1\.0-[0-9]+-amd64$' | tail -n 1) ;;
	6.12) name=$(apt_names '^linux-image-6\.12\.[0-9]+\+deb12-amd64$' | tail -n 1) ;;
	6.12-rt) name=$(apt_names '^linux-image-6\.12\.[0-9]+\+deb12-rt-amd64$' | tail -n 1) ;;
	*) die "what is '$1'? One of: 6.1 6.12 6.12-rt" ;;
	esac
	[[ $name ]] || die "no package for a kernel $1 in apt's lists: apt-get update, with bookworm-security among the sources"
	echo "${name#linux-image-}"
}

# The kernel as an ELF file: QEMU enters it directly, which saves the firmware and the unpacking on each boot. The
# payload's place is in the header of the boot protocol; behind it is its size, at which the unpackers complain.
extract_vmlinux()
{
	local image=$1 to=$2 setup offset length magic
	setup=$(od -An -j 497 -N 1 -tu1 "$image")
	offset=$(od -An -j 584 -N 4 -tu4 "$image")
	length=$(od -An -j 588 -N 4 -tu4 "$image")
	payload()
	{
		tail -c "+$(((setup + 1) * 512 + offset + 1))" "$image" 2>/dev/null | head -c "$length"
	}
	magic=$(payload | head -c 4 | od -An -tx1 | tr -d ' ') || true
	case $magic in
	28b52ffd) payload | zstd -qdc > "$to" 2>/dev/null || true ;;
	fd377a58) payload | xz -dc --single-stream > "$to" 2>/dev/null || true ;;
	1f8b08*) payload | gzip -dc > "$to" 2>/dev/null || true ;;
	*) die "$image: its payload begins with $magic, which is none of zstd, xz and gzip" ;;
	esac
	readelf -h "$to" > /dev/null || die "$image: what is packed in it is no ELF file"
}

fetch_image()
{
	local flavour=$1 to=$cache/kernels/$1 release new
	release=$(newest_release "$flavour")
	new=$to.new
	rm -rf "$new" "$to"
	mkdir -p "$new"

	say "$flavour: downloading linux-image-$release"
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "linux-image-$release")
	say "$flavour: unpacking it to .cache/kernels/$flavour"
	dpkg-deb -x "$new"/linux-image-*.deb "$new"
	rm "$new"/linux-image-*.deb
	extract_vmlinux "$new/boot/vmlinuz-$release" "$new/vmlinux"
	"$(PATH=$PATH:/usr/sbin:/sbin command -v depmod)" -b "$new" "$release"
	echo "$release" > "$new/release"
	mv "$new" "$to"
}

# The headers are unpacked as well: Debian's packages of them depend on the kernel's image, and a machine that runs
# tests must not start the next time with another kernel for it. Only their Makefile knows where it would be installed.
fetch_headers()
{
	local flavour=$1 release=$2 to=$cache/kernels/$1/headers new=$cache/kernels/$1/headers.new
	[[ -e $to/build/Makefile ]] && return
	say "$flavour: downloading and unpacking linux-headers-$release"
	rm -rf "$new" "$to"
	mkdir -p "$new"
	apt-cache depends "linux-headers-$release" |
		awk -v own="linux-headers-$release" '$2 ~ /^(linux-headers-.*-common|linux-kbuild)/ { print $2 } END { print own }' |
		(cd "$new" && xargs apt-get -qq -o APT::Sandbox::User=root download)
	for package in "$new"/*.deb; do
		dpkg-deb -x "$package" "$new"
		rm "$package"
	done
	sed -i "s#/usr/src/#$to/usr/src/#" "$new/usr/src/linux-headers-$release/Makefile"
	ln -s "usr/src/linux-headers-$release" "$new/build"
	mv "$new" "$to"
}

# The types of the kernel, which make those of a module (BTF, for what BPF programs call in it). The headers of 6.12 come
# with them and with the tool that files them into a module; where they do not, the kernel itself has the types, and the
# tool of 6.12 serves.
add_types()
{
	local build=$cache/kernels/$1/headers/build tool=tools/bpf/resolve_btfids/resolve_btfids from
	grep -q '^CONFIG_DEBUG_INFO_BTF_MODULES=y' "$build/.config" || return 0
	if [[ ! -x $build/$tool ]]; then
		from=$cache/kernels/6.12/headers/build/$tool
		[[ -x $from ]] || { say "$1: modules will have no types: kernels.sh 6.12 gets the tool"; return; }
		mkdir -p "$build/$(dirname "$tool")"
		cp "$from" "$build/$tool"
	fi
	[[ -e $build/vmlinux ]] && return
	say "$1: taking the kernel's types for the headers"
	# It warns of segments that are empty then, as they should be.
	objcopy -O elf64-x86-64 --only-section=.BTF "$cache/kernels/$1/vmlinux" "$build/vmlinux.new" 2>/dev/null
	mv "$build/vmlinux.new" "$build/vmlinux"
}

# Unpacks files of linux-source-6.12 into .cache/NAME, without so many leading folders: source_part NAME STRIP FILE...
source_part()
{
	local to=$cache/$1 new=$cache/$1.new strip=$2 source=/usr/src/linux-source-6.12.tar.xz
	shift 2
	[[ -d $to ]] && return
	rm -rf "$new"
	mkdir -p "$new"
	if [[ ! -e $source ]]; then
		source=$cache/linux-source.new$source
		[[ -e $source ]] || fetch_source
	fi
	say "unpacking $(basename "$to") of linux-source-6.12"
	tar -xJf "$source" -C "$new" --strip-components="$strip" --occurrence=1 "${@/#/linux-source-6.12/}"
	mv "$new" "$to"
}

fetch_source()
{
	local new=$cache/linux-source.new

	say "downloading linux-source-6.12"
	rm -rf "$new"
	mkdir -p "$new"
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download linux-source-6.12)
	dpkg-deb -x "$new"/linux-source-*.deb "$new"
}

(($#)) || set -- 6.1 6.12 6.12-rt
for flavour; do
	[[ -s $cache/kernels/$flavour/release ]] || fetch_image "$flavour"
	fetch_headers "$flavour" "$(< "$cache/kernels/$flavour/release")"
done
for flavour; do
	add_types "$flavour"
done
source_part kselftest 4 "${harness[@]/#/tools/testing/selftests/}"
source_part checkpatch 2 "${checkpatch[@]}"
source_part ynl 1 "${ynl[@]}"
rm -rf "$cache/linux-source.new"
say "ready: $*"
