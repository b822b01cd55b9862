# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call program,record-export,tests/core/record_export.c $(wildcard supervisord/reliability/probes_*.c) \
	$(addprefix supervisord/reliability/,source.c source_probes.c pins.c detector.c hang_data.c fault_blocks.c fault_record.c mappings.c range_record.c registers.c source_module.c module_statistics.c) lib/range.c lib/range_name.c \
	$(LIB_BASE),jansson libbpf libnl-genl-3.0 zlib,-lev))
$(eval $(call test,core_test,tests/core/core_test.c $(addprefix supervisord/ctl/,core.c core_links.c core_notes.c image.c) \
	supervisord/reliability/registers.c $(LIB_BASE),jansson))

# Plain programs that fault; the sanitizers would catch it.
$(O)/crash/crash: tests/core/crash.c $(O)/crash/libcrash.so
	@$(CC) -g -O0 -pthread -o $@ $< -L$(@D) -lcrash -Wl,-rpath,'$$ORIGIN'
$(O)/crash/crash-fixed: tests/core/crash.c $(O)/crash/libcrash.so
	@$(CC) -g -O0 -no-pie -pthread -o $@ $< -L$(@D) -lcrash -Wl,-rpath,'$$ORIGIN'
$(O)/crash/libcrash.so: tests/core/crash_library.c
	@mkdir -p $(@D)
	@$(CC) -g -O1 -shared -fPIC -o $@ $<
tests: $(O)/crash/crash $(O)/crash/crash-fixed
