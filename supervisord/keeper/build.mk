# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,faultline-keeper,supervisord/keeper/main.c supervisord/keeper/packet.c \
	$(LIB_SANDBOX) $(LIB_WORDS),,))
