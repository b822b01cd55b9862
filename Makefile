# SPDX-License-Identifier: GPL-2.0-only
#
# make            user space and the eBPF probes
# make kmod       the kernel module, for KDIR (the running kernel's by default)
# make setup      what building and testing need, by apt; kernels for the VM
# make demo       the main job, in a VM with the module; NATIVE=1: on this kernel
# make check      the tests
# make check-debug the module's tests on debug kernels, built here; RT=1: PREEMPT_RT
# make bench      the benchmarks; BENCH="NAME...": those alone
# make help       all targets
#
# Each folder names what it builds in its build.mk. What is built lands in
# build/, with SAN=1 (ASan, UBSan) in build/san/.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

SAN ?=
O := build/$(if $(SAN),san,out)

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wno-unused-parameter -Wno-missing-field-initializers
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-D_FORTIFY_SOURCE=2 -fPIE
ifneq ($(shell uname -m),x86_64)
HARDENING := $(filter-out -fcf-protection,$(HARDENING))
endif
ifdef SAN
HARDENING := -fPIE
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

# libev's watcher macros pun types, as the kernel's lists do.
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARNINGS) $(HARDENING) $(SANITIZE) \
	-fno-strict-aliasing -D_GNU_SOURCE -DFAULTLINE_VERSION=\"$(VERSION)\" -Iinclude -Iinclude/uapi -I. -I$(O) \
	$(PKG_CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

VERSION := 0.1.0

# program,NAME,SOURCES,PKG-CONFIG MODULES,OTHER LIBRARIES: build/out/bin/NAME
define program
PROGRAMS += $(O)/bin/$(1)
OBJECTS += $(patsubst %.c,$(O)/%.o,$(2))
$(O)/bin/$(1): PKGS_$(1) := $(3)
$(O)/bin/$(1): $(patsubst %.c,$(O)/%.o,$(2))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(if $(strip $(3)),$$$$($$(PKG_CONFIG) --libs $(3))) $(4)
endef

include lib/build.mk
include bpf/build.mk
include supervisord/build.mk
include center/build.mk
include apps/build.mk
include tests/build.mk
include packaging/build.mk

# One set of flags for every source: the include paths of all libraries in use.
PKGS := libxml-2.0 libnl-genl-3.0 sqlite3 jansson libmodbus libpq
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)

.PHONY: all
all: $(PROGRAMS) $(BUNDLES)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(sort $(OBJECTS)): | $(GENERATED)
-include $(patsubst %.o,%.d,$(sort $(OBJECTS)))

KDIR ?= /lib/modules/$(shell uname -r)/build
.PHONY: kmod
kmod:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

.PHONY: clean
clean:
	rm -rf build/out build/san

.PHONY: help
help:
	@sed -n '3,14s/^# \{0,1\}//p' Makefile
