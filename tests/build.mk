# SPDX-License-Identifier: GPL-2.0-only
# test,NAME,SOURCES,PKG-CONFIG MODULES,OTHER LIBRARIES: a cmocka program, build/out/tests/NAME. tests/run runs it from
# the sanitized build.
define test
TESTS += $(O)/tests/$(1)
OBJECTS += $(patsubst %.c,$(O)/%.o,$(2))
$(O)/tests/$(1): $(patsubst %.c,$(O)/%.o,$(2))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $$$$($$(PKG_CONFIG) --libs cmocka $(3)) $(4)
endef

comma := ,
# What tests/unit/memory.h counts, and lets fail.
MEMORY_WRAPPED := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc reallocarray free \
	program_new program_free program_alloc program_add)

-include $(wildcard tests/*/build.mk)

.PHONY: tests list-tests check
tests: $(TESTS)

list-tests:
	@echo $(TESTS)

JOBS ?= $(shell nproc)

# Each step is a make of its own: what the first one installs, the next ones look for.
check:
	@packaging/setup.sh
	@$(MAKE) -s -j$(JOBS) all tests
	@$(MAKE) -s -j$(JOBS) SAN=1 all tests
	@tests/vm/kmod.sh
	@tests/run

# The module's tests on kernels with KASAN, lockdep, kmemleak and more, built here; RT=1: with PREEMPT_RT. The first time
# takes half an hour.
RT ?=
.PHONY: check-debug
check-debug:
	@packaging/setup.sh debug vm
	@tests/debug-kernel/check.sh debug$(if $(RT),-rt)
