# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,script-check,tests/script/script_check.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
