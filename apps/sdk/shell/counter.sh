#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# An application (11) in POSIX shell, without an SDK: its channel is lines (docs/protocol.md). The gateway writes a
# request as one compact line with the members in any order, and has checked the arguments against the definition of
# the service, so that sed is enough to take out a number. It has two processings: "add", of which the argument
# "number" is added to a sum that it keeps, and "read".
set -u

exec 3>&1 1>&2 # the channel is descriptor 3 from now on; what is printed goes to the log
sum=$(cat "$STATE_DIRECTORY/sum" 2>/dev/null || echo 0)

# member NAME LINE: a number, or a string without escapes
member() {
	printf '%s\n' "$2" | sed -n "s/.*\"$1\" *: *\"\{0,1\}\([A-Za-z0-9._-]*\).*/\1/p"
}

result() {
	printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1" >&3
}

error() {
	printf '{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"%s"}}\n' "$id" "$1" "$2" >&3
}

while IFS= read -r line; do
	id=$(member id "$line")
	case $(member method "$line") in
	add)
		sum=$((sum + $(member number "$line")))
		echo "$sum" >"$STATE_DIRECTORY/sum"
		result "{\"sum\":$sum}"
		[ "$sum" -lt 100 ] ||
			printf '{"jsonrpc":"2.0","method":"event","params":{"name":"hundred","severity":"info"}}\n' >&3
		;;
	read)
		result "{\"sum\":$sum}"
		;;
	*)
		error -32601 "no such processing"
		;;
	esac
done
