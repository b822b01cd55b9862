# SPDX-License-Identifier: GPL-2.0-only
PROBES_SOURCES := supervisord/reliability/source.c supervisord/reliability/source_probes.c lib/error.c

$(eval $(call test,source_test,tests/probes/source_test.c supervisord/reliability/source.c,,))
$(eval $(call test,probes_test,tests/probes/probes_test.c tests/probes/stage.c $(PROBES_SOURCES),libbpf,-lev -lpthread))
