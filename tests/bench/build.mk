# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,script-bench,tests/bench/script_bench.c tests/unit/memory.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,$(MEMORY_WRAPPED)))
$(eval $(call program,replaced,tests/bench/replaced.c,,))
$(eval $(call program,chatter,tests/bench/chatter.c,,))
$(eval $(call program,store-bench,tests/bench/store_bench.c $(addprefix supervisord/reliability/,packed.c store.c store_db.c \
	store_event.c store_fault.c store_redo.c store_reserve.c store_sync.c) $(LIB_BASE),sqlite3 jansson zlib,-lev))

# BENCH="kmod-6.12 ...": those alone; tests/bench/run --list names them. Each writes build/bench/NAME.json.
.PHONY: bench
bench:
	@tests/bench/run $(BENCH)
