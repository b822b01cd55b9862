# SPDX-License-Identifier: GPL-2.0-only
# Turns .sql files into a C header. Text behind a line "-- name: fault_insert"
# becomes SQL_FAULT_INSERT; a file without such lines becomes SQL_ and its own name.

function finish() {
	if (open)
		print ";\n"
	open = 0
}

function start(name) {
	finish()
	printf "static const char SQL_%s[] __attribute__((unused)) =\n\t\"\"", toupper(name)
	open = 1
}

BEGIN {
	print "/* Made from the .sql files by lib/sql.awk. */"
}

FNR == 1 {
	finish()
	file = FILENAME
	sub(/.*\//, "", file)
	sub(/\.sql$/, "", file)
}

/^-- name: / {
	start($3)
	next
}

/^[ \t]*--/ || /^[ \t]*$/ {
	next
}

{
	if (!open)
		start(file)
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	gsub(/\t/, " ")
	printf "\n\t\"%s\\n\"", $0
}

END {
	finish()
}
