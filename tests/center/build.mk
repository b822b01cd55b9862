# SPDX-License-Identifier: GPL-2.0-only
CENTER_BENCH := tests/bench/center_bench.c center/fault/obtaining.c center/fault/detector.c \
	center/fault/notifier.c center/fault/list.c center/fault/faults.c $(CENTER_STORE)

$(eval $(call program,center-bench,$(CENTER_BENCH) $(LIB_BASE) $(LIB_ACTION),sqlite3 libpq jansson,-lm))

.PHONY: bench-center
bench-center: $(O)/bin/faultline-center $(O)/bin/center-bench
	tests/bench/center_bench.py

$(eval $(call test,writer_test,tests/center/writer_test.c center/store/writer.c $(CENTER_STORE) \
	center/fault/list.c $(LIB_BASE) $(LIB_ACTION),sqlite3 libpq jansson,-lpthread))
