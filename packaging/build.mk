# SPDX-License-Identifier: GPL-2.0-only
.PHONY: setup install

setup:
	packaging/setup.sh

PREFIX ?= /usr
DESTDIR ?=
GATEWAY_PROGRAMS := $(addprefix $(O)/bin/,faultlined faultlink faultline-unpack)

include demo/build.mk
