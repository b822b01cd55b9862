# SPDX-License-Identifier: GPL-2.0-only
# The center: daemon and command line in one program.
CENTER_STORE := $(addprefix center/store/,store.c sqlite/sqlite.c postgres/postgres.c postgres/connection.c \
	postgres/array.c)
CENTER := center/main.c center/ready.c center/digest.c \
	$(addprefix center/cli/,command.c serve.c app.c definition.c script.c \
		countermeasure.c fault.c key.c request.c token.c) \
	$(addprefix center/http/,server.c listener.c exchange.c header.c routes.c \
		catalogue.c reports.c policy.c waiting.c access.c keeper.c metrics.c list.c overview.c \
		console.c requests.c) \
	$(addprefix center/catalogue/,applications.c artifact.c bundle.c cases.c definitions.c \
		key.c scripts.c signing.c tryout.c verification.c) \
	supervisord/program.c supervisord/script/event_list.c supervisord/script/plan.c \
	$(addprefix center/fault/,obtaining.c detector.c notifier.c list.c faults.c entry.c match.c) \
	center/request/requests.c \
	$(addprefix center/access/,tokens.c keyring.c gateways.c) \
	$(CENTER_STORE) center/store/writer.c

# One header for each store, with all its statements.
define center_sql
GENERATED += $(O)/center/sql_$(1).h
$(O)/center/sql_$(1).h: $(sort $(wildcard center/store/$(1)/*.sql)) lib/sql.awk
	@mkdir -p $$(@D)
	@echo "  SQL     $$@"
	@awk -f lib/sql.awk $(sort $(wildcard center/store/$(1)/*.sql)) > $$@
endef
$(eval $(call center_sql,sqlite))
$(eval $(call center_sql,postgres))

# The console is in the program.
$(O)/center/http/console.o: center/http/openapi.json $(wildcard center/console/*)

$(O)/center/main.o $(O)/center/http/routes.o: PKG_CFLAGS += -DFAULTLINE_VERSION='"$(VERSION)"'

$(eval $(call program,faultline-center,$(CENTER) $(LIB_BASE) $(LIB_FAULT_EXPORT) $(LIB_XML) $(LIB_SCRIPT) \
	$(LIB_APPLICATION) $(LIB_ACTION) $(LIB_SIGNATURE),libmicrohttpd sqlite3 libpq jansson libxml-2.0 libarchive libcrypto,-lpthread -lm))

# Runs an application where it is registered, with the gateway's own execution environment (31).
TRIAL := $(addprefix center/trial/,main.c room.c trial.c) supervisord/range/learning.c \
	supervisord/keeper/packet.c $(addprefix supervisord/reliability/,detector.c hang_data.c) $(SOURCE_PROBES) \
	$(addprefix supervisord/runtime/,cgroup.c child.c isolation.c keeper.c log.c logs.c notify.c process.c \
	process_watch.c runtimes.c watching.c) \
	supervisord/priority.c supervisord/program.c

$(eval $(call program,faultline-trial,$(TRIAL) $(LIB_BASE) $(LIB_SANDBOX) $(LIB_JSONRPC) $(LIB_XML) \
	$(LIB_APPLICATION) $(LIB_RANGE),libxml-2.0 jansson libbpf zlib,-lev))
