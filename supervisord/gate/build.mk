# SPDX-License-Identifier: GPL-2.0-only
# It lives within an application's limits, where a sanitizer's memory has no place.
$(O)/bin/faultline-gate $(O)/supervisord/gate/main.o: SANITIZE :=
$(eval $(call program,faultline-gate,supervisord/gate/main.c,,))
