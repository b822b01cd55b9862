#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs a command as root in a VM that has a stock kernel and this machine's files, by virtme-ng.
#
#   vng.sh [--kernel 6.1|6.12|6.12-rt] [--timeout SECONDS] [--share DIR] [--console FILE] [--append PARAMETERS] [--reset]
#	-- COMMAND [ARGUMENT...]
#
# The files are this machine's, read-only: what the guest writes below /etc /home /opt /srv /tmp /usr /var stays in the
# guest's memory. DIR (build/vm/KERNEL by default) alone is shared both ways, and is $VM_SHARE in the guest. The
# command's output comes out as it is written; the kernel's goes to FILE (DIR/console.log). The exit status is the
# command's; 124 when the time is over, 125 when the guest ended without one. --append is for the kernel. With --reset a
# guest that reboots, or panics, is reset with what is in its memory, and the command is run anew. A machine that hangs at
# a breakpoint that is gone (breakpoint.sh) is booted again.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root cache=$root/.cache

kernel=6.12 limit=300 share='' console='' parameters='' reset=()
# shellcheck source=tests/vm/breakpoint.sh
. "$root/tests/vm/breakpoint.sh"

die()
{
	echo "vng.sh: $*" >&2
	exit 125
}
while (($#)); do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--timeout) limit=$2; shift 2 ;;
	--share) share=$2; shift 2 ;;
	--console) console=$2; shift 2 ;;
	--append) parameters=" $2"; shift 2 ;;
	--reset) reset=(--qemu-opts="-action reboot=reset"); shift ;;
	--) shift; break ;;
	*) die "what is '$1'? See the head of $0" ;;
	esac
done
(($#)) || die "no command: vng.sh [OPTION...] -- COMMAND [ARGUMENT...]"

image=$(ls "$cache/kernels/$kernel"/boot/vmlinuz-* 2>/dev/null) || die "no kernel '$kernel' in $cache/kernels: make setup"
[[ -x $cache/virtme-ng/usr/bin/vng ]] || die "no virtme-ng in $cache: make setup"
share=$(mkdir -p "${share:-$root/build/vm/$kernel}" && cd "${share:-$root/build/vm/$kernel}" && pwd)
console=${console:-$share/console.log}

# A /dev/kvm that opens may still be unable to run this kernel (nested, restricted): boot it until it looks for its root,
# once for each boot of this machine.
kvm_works()
{
	local verdict=$cache/kvm boot
	boot=$(cat /proc/sys/kernel/random/boot_id)

	[[ -w /dev/kvm ]] || return 1
	if [[ $(cat "$verdict" 2>/dev/null) != "$boot "* ]]; then
		local answer=no
		if timeout -k 1 15 qemu-system-x86_64 -accel kvm -cpu host -nodefaults -display none -serial stdio \
			-no-reboot -m 512 -kernel "$image" -append "console=ttyS0 panic=-1" < /dev/null 2>&1 |
			grep 'VFS: Unable to mount root' > /dev/null; then
			answer=yes
		fi
		echo "$boot $answer" > "$verdict"
	fi
	[[ $(cat "$verdict") == *yes ]]
}

# Under emulation udev's probing for hardware that nobody uses is half of the boot.
unused=kvm_amd,kvm_intel,kvm,ccp,ahci,libata,lpc_ich,i2c_i801,iTCO_wdt,i6300esb,psmouse,pcspkr,evdev,cdrom,sr_mod,sg
unused+=,serio_raw,button,joydev,powernow_k8,acpi_cpufreq,intel_rapl_msr,floppy
append="mitigations=off nokaslr modprobe.blacklist=$unused$parameters"
accelerator=()
if ! kvm_works; then
	accelerator=(--disable-kvm)
	append+=" tsc=reliable no_timer_check"
fi

# virtme-ng mounts a shared folder only where it can make the mount point; from there it goes to its own place.
guest=/tmp/vm-share

# The status goes through the shared folder: the guest's port for it may lose what is written just before power off.
printf -v command ' %q' "$@"
cat > "$share/run.sh" << END
mount --bind $guest $(printf %q "$share")
cd $(printf %q "$PWD")
export VM_SHARE=$(printf %q "$share") VM_KERNEL=$kernel HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset \${!virtme_@} nr_open
(exec$command) 2>&1
echo \$? > "\$VM_SHARE/status"
sync
END

# QEMU truncates a file that it is given as output, so it gets pipes. timeout has the whole of it in one process group.
export PYTHONPATH=$cache/virtme-ng/usr/lib/python3/dist-packages PATH=$cache/virtme-ng/usr/bin:/usr/sbin:$PATH
vm='' watcher=''
trap 'kill "$vm" "$watcher" 2>/dev/null; wait "$vm" || true; exit 130' INT TERM
attempt=0
while true; do
	ended=0
	rm -f "$share/status" "$console"
	timeout -k 5 "$limit" /usr/bin/python3 "$cache/virtme-ng/usr/bin/vng" --verbose --run "$image" --force-9p --user root \
		"${accelerator[@]}" "${reset[@]}" --cpus 2 --memory 1G --rwdir="$guest=$share" --append "$append" \
		--exec "bash $guest/run.sh" < /dev/null 2> >(cat > "$console") > >(cat) &
	vm=$!
	when_it_hangs "$console" kill "$vm" > /dev/null 2>&1 &
	watcher=$!
	wait "$vm" || ended=$?
	kill "$watcher" 2> /dev/null || true
	wait "$watcher" 2> /dev/null || true
	if [[ -s $share/status ]] || ! boot_again "$console" $((++attempt)); then break; fi
done

if [[ -s $share/status ]]; then
	exit "$(cat "$share/status")"
elif ((ended == 124 || ended == 137)); then
	echo "vng.sh: $limit s are over; the kernel's log is $console" >&2
	exit 124
fi
tail -n 5 "$console" >&2
die "the guest ended without a status; the kernel's log is $console"
