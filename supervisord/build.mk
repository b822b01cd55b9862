# SPDX-License-Identifier: GPL-2.0-only
# The gateway: faultlined, faultctl, and the programs that stand beside them.
include supervisord/link/build.mk
include supervisord/keeper/build.mk
include supervisord/gate/build.mk

SUPERVISORD := $(addprefix supervisord/,\
	main.c leftovers.c pages.c settings.c program.c priority.c watchdog.c \
	control/control.c control/methods.c \
	keeper/packet.c \
	reliability/attempts.c reliability/collection.c reliability/detector.c reliability/evidence.c \
	reliability/fault.c reliability/halt.c reliability/panic_log.c \
	reliability/fault_blocks.c reliability/fault_data.c reliability/fault_record.c reliability/figures.c reliability/hang_data.c reliability/holding.c \
	reliability/registers.c \
	reliability/mappings.c reliability/notifier.c reliability/packed.c reliability/pins.c reliability/refusal.c reliability/policy.c \
	reliability/probes_beside.c reliability/probes_elf.c reliability/probes_limits.c reliability/probes_object.c \
	reliability/probes_parts.c reliability/probes_prepare.c reliability/probes_progress.c reliability/probes_range.c reliability/probes_ring.c \
	reliability/probes_statistics.c reliability/probes_watch.c \
	reliability/range_record.c reliability/ranges.c reliability/restoration.c reliability/restoration_install.c \
	reliability/restoration_process.c reliability/restoration_service.c \
	reliability/restoration_system.c \
	reliability/source.c reliability/source_module.c reliability/module_statistics.c reliability/source_status.c reliability/source_probes.c \
	reliability/store.c reliability/store_db.c reliability/store_event.c reliability/store_fault.c \
	reliability/store_redo.c reliability/store_reserve.c reliability/store_request.c reliability/store_sync.c reliability/usage.c \
	remote/application.c remote/center.c remote/download.c remote/link.c \
	remote/launch.c remote/link_process.c remote/management.c remote/orders.c remote/poller.c remote/preparation.c remote/request.c remote/reserve.c \
	remote/signature.c remote/standing.c remote/spare.c remote/takeover.c remote/teller.c remote/unpacker.c \
	runtime/cgroup.c runtime/child.c runtime/isolation.c runtime/keeper.c runtime/log.c runtime/logs.c \
	runtime/notify.c runtime/process.c runtime/process_watch.c runtime/runtimes.c runtime/watching.c \
	script/branch.c script/branch_show.c script/calendar.c script/drive.c script/dry_run.c script/event_list.c script/last_good.c \
	script/machine.c script/machine_state.c script/plan.c script/run.c script/run_applications.c script/run_fault.c script/run_kept.c \
	script/run_resume.c script/run_script.c script/script.c script/services.c \
	script/switching.c)

$(eval $(call program,faultlined,\
	$(SUPERVISORD) $(LIB_BASE) $(LIB_SANDBOX) $(LIB_JSONRPC) $(LIB_XML) $(LIB_SCRIPT) $(LIB_APPLICATION) $(LIB_ACTION) $(LIB_RANGE) $(LIB_SIGNATURE),\
	libxml-2.0 libnl-genl-3.0 sqlite3 jansson libbpf zlib hogweed nettle,\
	-lev))

$(O)/supervisord/reliability/store_sql.h: supervisord/reliability/store.sql lib/sql.awk
	@mkdir -p $(@D)
	@awk -f lib/sql.awk $< > $@
GENERATED += $(O)/supervisord/reliability/store_sql.h

FAULTCTL := $(addprefix supervisord/ctl/,main.c client.c output.c cmd_status.c cmd_apps.c \
	cmd_logs.c cmd_run.c cmd_runs.c cmd_script.c cmd_services.c cmd_events.c cmd_events_list.c cmd_faults.c cmd_fault.c cmd_fault_core.c core.c core_links.c core_notes.c evidence.c figures.c image.c \
	backtrace.c fault_request.c libdw.c syscalls.c unwind.c \
	cmd_hold.c cmd_range.c cmd_switch.c source.c \
	plan.c)
$(eval $(call program,faultctl,\
	$(FAULTCTL) supervisord/reliability/registers.c supervisord/script/event_list.c supervisord/script/plan.c \
	$(LIB_BASE) $(LIB_SANDBOX) $(LIB_JSONRPC) $(LIB_FAULT_EXPORT) $(LIB_XML) $(LIB_SCRIPT) $(LIB_APPLICATION),\
	libxml-2.0 jansson,-lev))

# The names of this machine's system calls, and of those machines that have the kernel's generic ones.
SYSCALLS_WANTED := $(addprefix -D__ARCH_WANT_,NEW_STAT SET_GET_RLIMIT RENAMEAT SYS_CLONE3 MEMFD_SECRET)
$(O)/supervisord/ctl/syscalls_table.h: supervisord/ctl/syscalls.awk
	@mkdir -p $(@D)
	@echo '#include <asm/unistd.h>' | $(CC) -E -dM - | awk -v table=syscalls_native -f $< > $@
	@echo '#include <asm-generic/unistd.h>' | $(CC) -E -dM $(SYSCALLS_WANTED) - | \
		awk -v table=syscalls_generic -f $< >> $@
GENERATED += $(O)/supervisord/ctl/syscalls_table.h

# The probes as a source of kernel events, for programs that are no gateway.
SOURCE_PROBES := $(addprefix supervisord/reliability/,source.c source_probes.c pins.c probes_elf.c probes_limits.c probes_object.c \
	probes_parts.c probes_prepare.c probes_progress.c probes_range.c probes_ring.c probes_statistics.c probes_watch.c)

# Learns the range of operation of any command; for those who verify applications.
$(eval $(call program,faultline-range,$(addprefix supervisord/range/,main.c learning.c) $(SOURCE_PROBES) $(LIB_BASE) $(LIB_RANGE) \
	lib/xmlfile.c,libxml-2.0 libbpf zlib,-lev))
