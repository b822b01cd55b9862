# SPDX-License-Identifier: GPL-2.0-only
include demo/build.mk

.PHONY: setup install install-dkms

setup:
	@packaging/setup.sh

PREFIX ?= /usr
DESTDIR ?=
# The daemon's helpers stand beside it, where nobody calls them by hand.
LIBEXEC := $(PREFIX)/libexec/faultline

install: all
	install -d $(addprefix $(DESTDIR),$(LIBEXEC) $(PREFIX)/bin $(PREFIX)/sbin $(PREFIX)/share/faultline/dtd \
		$(PREFIX)/share/doc/faultline $(addprefix $(PREFIX)/share/man/man,1 4 5 8) /lib/systemd/system \
		/etc/faultline/definitions)
	install -s $(addprefix $(O)/bin/,faultlined faultline-gate faultline-keeper faultline-link faultline-unpack faultline-center \
		faultline-trial) $(DESTDIR)$(LIBEXEC)
	ln -sf ../libexec/faultline/faultlined $(DESTDIR)$(PREFIX)/sbin/faultlined
	ln -sf ../libexec/faultline/faultline-center $(DESTDIR)$(PREFIX)/sbin/faultline-center
	install -s $(O)/bin/faultctl $(DESTDIR)$(PREFIX)/bin
	install -s $(O)/bin/faultline-range $(DESTDIR)$(PREFIX)/sbin
	install -m 644 dtd/*.dtd $(DESTDIR)$(PREFIX)/share/faultline/dtd
	install -m 644 packaging/etc/runtimes.xml $(DESTDIR)$(PREFIX)/share/faultline
	install -m 644 README.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/faultline
	for section in 1 4 5 8; do \
		install -m 644 packaging/man/*.$$section $(DESTDIR)$(PREFIX)/share/man/man$$section || exit; \
	done
	install -m 644 packaging/systemd/*.service $(DESTDIR)/lib/systemd/system
	# What a gateway has set is never overwritten.
	for file in packaging/etc/*.xml; do \
		to=$(DESTDIR)/etc/faultline/$${file##*/}; \
		[ -e "$$to" ] || install -m 644 "$$file" "$$to"; \
	done

# The module's sources, for dkms to build for each kernel that is installed.
DKMS_VERSION := $(patsubst v%,%,$(VERSION))
DKMS_SOURCE = $(DESTDIR)/usr/src/faultline-$(DKMS_VERSION)

install-dkms:
	install -d $(DKMS_SOURCE)
	git archive HEAD Kbuild kmod include/uapi | tar -x -C $(DKMS_SOURCE)
	sed 's/@VERSION@/$(DKMS_VERSION)/' packaging/dkms.conf > $(DKMS_SOURCE)/dkms.conf
