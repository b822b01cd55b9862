# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call test,test_script,tests/unit/test_script.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
