# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call test,source_test,tests/probes/source_test.c \
	$(addprefix supervisord/reliability/,source.c mappings.c) lib/alloc.c lib/hex.c $(LIB_WORDS),jansson))
PROBES_TESTED := $(SOURCE_PROBES) lib/range.c lib/alloc.c
SOURCES_TESTED := tests/probes/stage.c $(PROBES_TESTED) $(addprefix supervisord/reliability/,source_module.c module_statistics.c probes_beside.c) $(LIB_WORDS)
$(eval $(call test,probes_test,tests/probes/probes_test.c \
	$(addprefix tests/probes/,ends.c $(addprefix ends_,exit.c fault.c limit.c memory.c signal.c stack.c watch.c)) $(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev -lpthread))
$(eval $(call test,restart_test,tests/probes/restart_test.c $(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev))
$(eval $(call test,progress_test,tests/probes/progress_test.c \
	$(addprefix tests/probes/,hangs.c hangs_machine.c hangs_thread.c) $(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev -lpthread))
$(eval $(call test,range_test,tests/probes/range_test.c $(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev))
$(eval $(call test,limits_test,tests/probes/limits_test.c $(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev -lpthread))
$(eval $(call test,faults_test,tests/probes/faults_test.c $(filter-out %/faulter.c,$(wildcard tests/faults/*.c)) \
	$(SOURCES_TESTED),libbpf libnl-genl-3.0 zlib,-lev -lpthread))
$(eval $(call program,probes-bench,$(wildcard tests/bench/probes/*.c) $(PROBES_TESTED) supervisord/priority.c $(LIB_WORDS),libbpf zlib,-lev))
$(eval $(call test,module_client_test,tests/probes/module_client_test.c $(filter-out tests/probes/stage.c \
	%/source_module.c,$(SOURCES_TESTED)),libbpf libnl-genl-3.0 zlib,-lev))
$(eval $(call program,progress-bench,tests/bench/progress_bench.c $(PROBES_TESTED) $(LIB_WORDS),libbpf zlib,-lev -lpthread))
