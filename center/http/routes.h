/* SPDX-License-Identifier: GPL-2.0-only */
/* What is served where. */
#ifndef CENTER_HTTP_ROUTES_H
#define CENTER_HTTP_ROUTES_H

#include "center/http/exchange.h"

/**
 * routes_match - find who answers, and the open parts of the path
 *
 * Where nobody does, the exchange has no handle; with another method somebody
 * would, the exchange has @allow.
 */
void routes_match(struct exchange *exchange, const char *method, const char *url);

/* catalogue.c: applications (11), scripts (12) */
enum MHD_Result catalogue_application(struct exchange *exchange);
enum MHD_Result catalogue_artifact(struct exchange *exchange);
enum MHD_Result catalogue_script(struct exchange *exchange);

/* reports.c: the fault countermeasure means (13) */
enum MHD_Result reports_fault(struct exchange *exchange);
enum MHD_Result reports_outcome(struct exchange *exchange);
enum MHD_Result policy_list(struct exchange *exchange);
enum MHD_Result reports_list(struct exchange *exchange);
enum MHD_Result reports_show(struct exchange *exchange);

#endif /* CENTER_HTTP_ROUTES_H */
