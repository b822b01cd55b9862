# SPDX-License-Identifier: GPL-2.0-only
# What both daemons share.
# What every program says.
LIB_WORDS := lib/error.c lib/log.c lib/text.c
LIB_BASE := $(LIB_WORDS) lib/alloc.c lib/name.c lib/file.c lib/hex.c
LIB_FAULT_EXPORT := lib/fault_export.c
LIB_SANDBOX := lib/sandbox.c
LIB_JSONRPC := lib/jsonrpc.c
LIB_XML := lib/xmlfile.c
LIB_SCRIPT := $(addprefix lib/script/,allowed.c argument.c attribute.c block.c control.c definition.c dtd.c identifier.c \
	interpretation.c length.c program.c reading.c token.c) \
	lib/xmlfile.c
LIB_APPLICATION := lib/application.c
LIB_ACTION := lib/action.c
LIB_RANGE := lib/range.c lib/range_name.c lib/range_file.c
LIB_SIGNATURE := lib/signature.c
