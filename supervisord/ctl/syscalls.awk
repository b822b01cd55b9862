# SPDX-License-Identifier: GPL-2.0-only
# The names of a machine's system calls by number, out of the preprocessor's list of the kernel's __NR_ definitions,
# as one string: "read\0write\0..." with nothing for a number that has none.
#	awk -v table=NAME -f syscalls.awk
$1 == "#define" && $2 ~ /^__NR(3264)?_[a-z0-9_]+$/ && $3 != "" {
	value[$2] = $3
}

END {
	last = -1
	for (name in value) {
		number = value[name]
		while (number in value)
			number = value[number]
		if (name !~ /^__NR_/ || number !~ /^[0-9]+$/ || number + 0 > 1023 || name ~ /^__NR_(arch_specific_)?syscalls?$/ ||
		    name == "__NR_arch_specific_syscall")
			continue
		number += 0
		sub(/^__NR_/, "", name)
		# Of two names the kernel's own is the longer one: fstatat and newfstatat.
		if (length(name) > length(names[number]))
			names[number] = name
		if (number > last)
			last = number
	}
	printf "static const char %s[] =\n", table
	for (number = 0; number <= last; number++)
		printf "\t\"%s\\0\"\n", names[number]
	print "\t;"
}
