# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,link-driver,tests/remote/link_driver.c supervisord/remote/link.c \
	supervisord/remote/link_process.c supervisord/program.c $(LIB_BASE),jansson,-lev))
$(eval $(call test,sandbox,tests/remote/sandbox_test.c $(SANDBOX),,))
