# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,script-bench,tests/bench/script_bench.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
$(eval $(call program,replaced,tests/bench/replaced.c,,))

# BENCH="kmod-6.12 ...": those alone; tests/bench/run --list names them. Each writes build/bench/NAME.json.
.PHONY: bench
bench:
	@tests/bench/run $(BENCH)
