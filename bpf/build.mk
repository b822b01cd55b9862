# SPDX-License-Identifier: GPL-2.0-only
# The probes: compiled for the kernel's virtual machine, one object for each
# concern, packed into the bytes of an array that the supervisor carries in itself.
BPF_OBJECTS := lifecycle limits progress range

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu17 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-field-initializers \
	-Wno-unknown-attributes -D__TARGET_ARCH_$(BPF_ARCH) \
	-Iinclude/uapi -idirafter /usr/include/$(shell uname -m)-linux-gnu
GENERATED += $(BPF_OBJECTS:%=$(O)/bpf/%.bpf.gz.h)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	@$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $@.d -MT $@ -c -o $@.debug $<
	@# Linking drops the debug sections that only the compiler wrote.
	@$(BPFTOOL) gen object $@ $@.debug

$(O)/bpf/%.bpf.gz.h: $(O)/bpf/%.bpf.o
	@echo "  GZIP    $@"
	@gzip -9n < $< | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g' > $@

.SECONDARY: $(BPF_OBJECTS:%=$(O)/bpf/%.bpf.o)

-include $(BPF_OBJECTS:%=$(O)/bpf/%.bpf.o.d)
