# SPDX-License-Identifier: GPL-2.0-only
.PHONY: demo

# Each step is a make of its own: what the first one installs, the next ones look for.
demo:
	@packaging/setup.sh build $(if $(NATIVE),,vm=6.12)
	@$(MAKE) -s -j$(JOBS) all
	$(if $(NATIVE),,@tests/vm/kmod.sh 6.12)
	@demo/demo.sh $(if $(NATIVE),native,vm)
