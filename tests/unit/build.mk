# SPDX-License-Identifier: GPL-2.0-only
$(eval $(call test,test_definition,tests/unit/test_definition.c tests/unit/meal.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
$(eval $(call test,test_script,tests/unit/test_script.c tests/unit/meal.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
$(eval $(call test,test_identifier,tests/unit/test_identifier.c tests/unit/meal.c tests/unit/memory.c \
	$(filter-out lib/script/identifier.c,$(LIB_SCRIPT)) $(LIB_BASE),libxml-2.0 jansson,$(MEMORY_WRAPPED)))

$(eval $(call test,test_jsonrpc,tests/unit/test_jsonrpc.c lib/jsonrpc.c,jansson,-lev))
$(eval $(call test,test_priority,tests/unit/test_priority.c supervisord/priority.c,,-lev))
$(eval $(call test,test_lib,tests/unit/test_lib.c $(LIB_BASE) $(LIB_XML) $(LIB_APPLICATION),libxml-2.0))
$(eval $(call test,test_reliability,tests/unit/test_reliability.c $(addprefix supervisord/reliability/,\
	detector.c hang_data.c packed.c source.c store.c store_db.c store_event.c store_fault.c store_redo.c store_reserve.c store_sync.c) \
	$(LIB_BASE),sqlite3 jansson zlib,-lev))
$(eval $(call test,test_hang,tests/unit/test_hang.c supervisord/runtime/watching.c $(addprefix supervisord/reliability/,\
	detector.c hang_data.c source.c) $(LIB_BASE),jansson))
$(eval $(call test,test_figures,tests/unit/test_figures.c $(addprefix supervisord/reliability/,figures.c source.c) $(LIB_BASE),jansson,-lev))
$(eval $(call test,test_control,tests/unit/test_control.c supervisord/script/machine.c $(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
$(eval $(call test,test_parallel,tests/unit/test_parallel.c supervisord/script/machine.c supervisord/script/machine_state.c \
	$(LIB_SCRIPT) $(LIB_BASE),libxml-2.0 jansson,))
$(eval $(call test,test_logs,tests/unit/test_logs.c supervisord/runtime/logs.c $(LIB_BASE),jansson))
$(eval $(call test,test_calendar,tests/unit/test_calendar.c supervisord/script/calendar.c,,))
$(eval $(call test,test_range,tests/unit/test_range.c $(LIB_BASE) $(LIB_RANGE) lib/xmlfile.c,libxml-2.0))
$(eval $(call test,test_notify,tests/unit/test_notify.c supervisord/runtime/notify.c $(LIB_BASE),jansson,-lev))
$(eval $(call test,test_probes_elf,tests/unit/test_probes_elf.c supervisord/reliability/probes_elf.c,zlib))
$(eval $(call test,test_store_reserve,tests/unit/test_store_reserve.c $(addprefix supervisord/reliability/,store_redo.c store_reserve.c) \
	$(LIB_BASE),sqlite3 zlib))
