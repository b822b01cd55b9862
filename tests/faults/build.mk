# SPDX-License-Identifier: GPL-2.0-only
#
# The programs of the table of faults, for tests of a source: one that names $(FAULTS_TESTED) among its sources, and runs
# $(FAULTER). They are built without sanitizers, which handle faults themselves, and static, for VMs without libraries.
FAULTER := build/out/tests/faulter
FAULTS_TESTED := $(filter-out %/faulter.c,$(wildcard tests/faults/*.c))

$(FAULTER): $(wildcard tests/faults/*.[ch]) include/uapi/linux/faultline.h
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) -std=gnu17 -O2 -g $(WARNINGS) -D_GNU_SOURCE -Iinclude/uapi -static -pthread -o $@ $(filter %.c,$^)

tests: $(FAULTER)
