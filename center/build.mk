# SPDX-License-Identifier: GPL-2.0-only
# The center: daemon and command line in one program.
CENTER_SQL := center/store/schema.sql center/store/schema_2.sql center/store/catalogue.sql center/store/faults.sql
CENTER := center/main.c center/ready.c \
	$(addprefix center/cli/,command.c serve.c app.c definition.c script.c \
		countermeasure.c fault.c) \
	$(addprefix center/http/,server.c listener.c exchange.c header.c routes.c \
		catalogue.c reports.c policy.c waiting.c) \
	$(addprefix center/catalogue/,applications.c artifact.c bundle.c definitions.c \
		scripts.c) \
	$(addprefix center/fault/,obtaining.c detector.c notifier.c list.c faults.c) \
	$(addprefix center/store/,store.c writer.c)

GENERATED += $(O)/center/sql.h
$(O)/center/sql.h: $(CENTER_SQL) lib/sql.awk
	@mkdir -p $(@D)
	@echo "  SQL     $@"
	@awk -f lib/sql.awk $(CENTER_SQL) > $@

$(O)/center/main.o $(O)/center/http/routes.o: PKG_CFLAGS += -DFAULTLINE_VERSION='"$(VERSION)"'

$(eval $(call program,faultline-center,$(CENTER) $(LIB_BASE) $(LIB_XML) $(LIB_SCRIPT) \
	$(LIB_APPLICATION) $(LIB_ACTION),libmicrohttpd sqlite3 jansson libxml-2.0 libarchive libcrypto,-lpthread -lm))
