#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes a bundle (docs/formats.md) of an application in apps/: the same input gives the same bytes.
#
#   apps/mkbundle.sh --output FILE --program FILE [--file FILE]... [--application FOLDER] [--version V]
#                    [--residence R] [--argument A]... [--environment NAME=VALUE]...
#
# FOLDER, apps/air-conditioner by default, has the application.xml.in, and may have an events.xml: the list of events
# that the center verifies the application by. The program and each further file, such as
# a module that it imports, lie in bin/. Without --argument, --unit 127.0.0.1:15020 is given to the examples that drive one.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$here/air-conditioner
version=1.0.0
residence=transient
output=
program=
files=
arguments=
environment=

fail() {
	echo "mkbundle.sh: $*" >&2
	exit 2
}

xml() {
	printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

argument() {
	arguments="$arguments		<argument>$(xml "$1")</argument>
"
}

while [ $# -gt 0 ]; do
	[ $# -gt 1 ] || fail "$1 needs a value"
	case $1 in
	--output) output=$2 ;;
	--program) program=$2 ;;
	--file) files="$files$2
" ;;
	--application) folder=$2 ;;
	--version) version=$2 ;;
	--residence) residence=$2 ;;
	--argument) argument "$2" ;;
	--environment)
		case $2 in
		[A-Za-z_]*=*) ;;
		*) fail "--environment $2: NAME=VALUE is needed" ;;
		esac
		environment="$environment	<environment name=\"$(xml "${2%%=*}")\" value=\"$(xml "${2#*=}")\"/>
"
		;;
	*) fail "$1 is not known; the head of this file lists the options" ;;
	esac
	shift 2
done
[ -n "$output" ] && [ -n "$program" ] || fail "--output and --program are needed"
[ -f "$folder/application.xml.in" ] || fail "$folder: it has no application.xml.in"
[ -f "$program" ] || fail "$program: no such program; run make first"
case $(cd "$folder" && pwd) in
"$here/air-conditioner" | "$here/air-conditioner-java" | "$here/data-logger")
	if [ -z "$arguments" ]; then
		argument --unit
		argument 127.0.0.1:15020
	fi
	;;
esac

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
install -d -m 755 "$staging/bin"
install -m 755 "$program" "$staging/bin"
printf '%s' "$files" | while IFS= read -r file; do
	install -m 644 "$file" "$staging/bin"
done
# Whatever is not made of machine code stays as it is.
strip --strip-debug "$staging/bin/$(basename "$program")" 2>/dev/null || true
while IFS= read -r line; do
	case $line in
	@ARGUMENTS@) printf '%s' "$arguments" ;;
	@ENVIRONMENT@) printf '%s' "$environment" ;;
	*) printf '%s\n' "$line" | sed "s/@VERSION@/$(xml "$version")/; s/@RESIDENCE@/$(xml "$residence")/" ;;
	esac
done <"$folder/application.xml.in" >"$staging/application.xml"
chmod 644 "$staging/application.xml"
events=
if [ -f "$folder/events.xml" ]; then
	install -m 644 "$folder/events.xml" "$staging/events.xml"
	events=events.xml
fi

# Application data first: it is checked before the payload is unpacked.
# shellcheck disable=SC2046 # one word a file
tar -C "$staging" --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --no-recursion \
	-cf "$staging/bundle.tar" application.xml $events bin $(cd "$staging" && LC_ALL=C ls -d bin/*)
zstd -q -19 -T1 -f -o "$output.part" "$staging/bundle.tar"
mv "$output.part" "$output"
