# SPDX-License-Identifier: GPL-2.0-only
# The gateway's process that speaks with the network, and the one that unpacks
# what came from there. GnuTLS, since its libcurl costs less memory.
LINK_CURL ?= -lcurl-gnutls
SANDBOX := $(LIB_SANDBOX) $(LIB_WORDS)

$(eval $(call program,faultline-link,$(addprefix supervisord/link/,\
	main.c control.c transfer.c sink.c) supervisord/pages.c $(SANDBOX),jansson,$(LINK_CURL)))

# What faultlined links to reach them.
REMOTE_LINK := supervisord/remote/link.c supervisord/remote/link_process.c

UNPACK := supervisord/remote/unpack
$(eval $(call program,faultline-unpack,$(addprefix $(UNPACK)/,\
	main.c bundle.c digest.c tree.c) lib/hex.c lib/name.c $(SANDBOX),libarchive libcrypto,))
