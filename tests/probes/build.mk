# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call test,source_test,tests/probes/source_test.c \
	$(addprefix supervisord/reliability/,source.c mappings.c) lib/alloc.c lib/log.c,jansson))
SOURCES_TESTED := tests/probes/stage.c $(addprefix supervisord/reliability/,source.c source_probes.c pins.c \
	source_module.c) lib/error.c lib/log.c
$(eval $(call test,probes_test,tests/probes/probes_test.c $(SOURCES_TESTED),libbpf libnl-genl-3.0,-lev -lpthread))
$(eval $(call test,restart_test,tests/probes/restart_test.c $(SOURCES_TESTED),libbpf libnl-genl-3.0,-lev))
$(eval $(call program,latency-bench,tests/bench/latency_bench.c supervisord/reliability/source.c \
	supervisord/reliability/source_probes.c supervisord/reliability/pins.c supervisord/priority.c lib/error.c,libbpf,-lev))
$(eval $(call test,module_client_test,tests/probes/module_client_test.c supervisord/reliability/source.c lib/error.c \
	lib/log.c,libnl-genl-3.0,-lev))
