# SPDX-License-Identifier: GPL-2.0-only
# What both daemons share.
LIB_BASE := lib/alloc.c lib/error.c lib/log.c lib/name.c lib/file.c
LIB_JSONRPC := lib/jsonrpc.c
LIB_XML := lib/xmlfile.c
LIB_SCRIPT := lib/script/argument.c lib/script/dtd.c lib/script/definition.c lib/script/program.c lib/script/allowed.c lib/script/interpretation.c
LIB_APPLICATION := lib/application.c
