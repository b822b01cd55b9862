# SPDX-License-Identifier: GPL-2.0-only
# The probes: compiled for the kernel's virtual machine, turned into a header
# that the supervisor carries in itself (bpf/probes.skel.h).

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu17 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-field-initializers \
	-Wno-unknown-attributes -D__TARGET_ARCH_$(BPF_ARCH) \
	-Iinclude/uapi -idirafter /usr/include/$(shell uname -m)-linux-gnu
BPF_HEADER := $(O)/bpf/probes.skel.h
GENERATED += $(BPF_HEADER)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	@$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $@.d -MT $@ -c -o $@.debug $<
	@# Linking drops the debug sections that only the compiler wrote.
	@$(BPFTOOL) gen object $@ $@.debug

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	@echo "  SKEL    $@"
	@$(BPFTOOL) gen skeleton $< name $* > $@

.SECONDARY: $(O)/bpf/probes.bpf.o

-include $(O)/bpf/probes.bpf.o.d
