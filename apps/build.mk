# SPDX-License-Identifier: GPL-2.0-only
# The applications (11) that come as examples, their equipment, and the bundles that a center serves.
$(eval $(call program,air-conditioner,$(addprefix apps/air-conditioner/,main.c drive.c journal.c fault.c) apps/sdk/c/faultline_app.c,libmodbus jansson,-lm))
$(eval $(call program,aircon-unit,apps/air-conditioner/unit.c,libmodbus,-lm))

AIR_CONDITIONER_VERSION := 1.0.0
BUNDLES += $(O)/bundles/air-conditioner-$(AIR_CONDITIONER_VERSION).tar.zst

$(O)/bundles/air-conditioner-$(AIR_CONDITIONER_VERSION).tar.zst: $(O)/bin/air-conditioner apps/mkbundle.sh \
		apps/air-conditioner/application.xml.in apps/air-conditioner/events.xml
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	@apps/mkbundle.sh --output $@ --version $(AIR_CONDITIONER_VERSION) --program $(O)/bin/air-conditioner

# Java is there or not; who has no use for it need not have a compiler of it.
ifneq ($(shell command -v javac),)
BUNDLES += $(O)/bundles/air-conditioner-java-$(AIR_CONDITIONER_VERSION).tar.zst
endif

$(O)/java/air-conditioner.jar: $(wildcard apps/air-conditioner-java/*.java) apps/sdk/java/FaultlineApp.java
	@rm -rf $(O)/java/classes && mkdir -p $(O)/java/classes
	@echo "  JAVAC   $@"
	@javac -Xlint:all -Werror --release 17 -d $(O)/java/classes $^
	@jar --create --file $@ --date 1980-01-01T00:00:02Z --main-class AirConditioner -C $(O)/java/classes .

$(O)/bundles/air-conditioner-java-$(AIR_CONDITIONER_VERSION).tar.zst: $(O)/java/air-conditioner.jar apps/mkbundle.sh \
		apps/air-conditioner-java/application.xml.in apps/air-conditioner-java/events.xml
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	@apps/mkbundle.sh --output $@ --version $(AIR_CONDITIONER_VERSION) --program $(O)/java/air-conditioner.jar \
		--application apps/air-conditioner-java

DATA_LOGGER_VERSION := 1.0.0
BUNDLES += $(O)/bundles/data-logger-$(DATA_LOGGER_VERSION).tar.zst

$(O)/bundles/data-logger-$(DATA_LOGGER_VERSION).tar.zst: apps/data-logger/data_logger.py apps/sdk/python/faultline_app.py \
		apps/mkbundle.sh apps/data-logger/application.xml.in apps/data-logger/events.xml
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	@apps/mkbundle.sh --output $@ --version $(DATA_LOGGER_VERSION) --program apps/data-logger/data_logger.py \
		--file apps/sdk/python/faultline_app.py --application apps/data-logger --residence resident
