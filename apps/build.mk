# SPDX-License-Identifier: GPL-2.0-only
# The applications (11) that come as examples, their equipment, and the bundles that a center serves.
$(eval $(call program,air-conditioner,$(addprefix apps/air-conditioner/,main.c drive.c journal.c fault.c) apps/sdk/c/faultline_app.c,libmodbus jansson,-lm))
$(eval $(call program,aircon-unit,apps/air-conditioner/unit.c,libmodbus,-lm))

AIR_CONDITIONER_VERSION := 1.0.0
BUNDLES += $(O)/bundles/air-conditioner-$(AIR_CONDITIONER_VERSION).tar.zst

$(O)/bundles/air-conditioner-$(AIR_CONDITIONER_VERSION).tar.zst: $(O)/bin/air-conditioner apps/mkbundle.sh \
		apps/air-conditioner/application.xml.in
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	@apps/mkbundle.sh --output $@ --version $(AIR_CONDITIONER_VERSION) --program $(O)/bin/air-conditioner
