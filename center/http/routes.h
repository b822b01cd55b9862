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
enum MHD_Result catalogue_signature(struct exchange *exchange);

/* reports.c: the fault countermeasure means (13) */
enum MHD_Result reports_fault(struct exchange *exchange);
enum MHD_Result reports_outcome(struct exchange *exchange);
enum MHD_Result policy_list(struct exchange *exchange);
enum MHD_Result reports_list(struct exchange *exchange);
enum MHD_Result reports_show(struct exchange *exchange);

/* list.c: the list of countermeasures (133), for administrators */
enum MHD_Result list_show(struct exchange *exchange);
enum MHD_Result list_create(struct exchange *exchange);
enum MHD_Result list_match(struct exchange *exchange);
enum MHD_Result list_show_entry(struct exchange *exchange);
enum MHD_Result list_put(struct exchange *exchange);
enum MHD_Result list_patch(struct exchange *exchange);
enum MHD_Result list_delete(struct exchange *exchange);
enum MHD_Result list_history_show(struct exchange *exchange);
enum MHD_Result list_undo_change(struct exchange *exchange);

/* requests.c: services that gateways run by request of the center */
enum MHD_Result requests_create(struct exchange *exchange);
enum MHD_Result requests_show_all(struct exchange *exchange);
enum MHD_Result requests_show_one(struct exchange *exchange);
enum MHD_Result requests_delete(struct exchange *exchange);
enum MHD_Result requests_poll(struct exchange *exchange);
enum MHD_Result requests_state(struct exchange *exchange);

/* overview.c: what administrators look at */
enum MHD_Result overview_self(struct exchange *exchange);
enum MHD_Result overview_faults(struct exchange *exchange);
enum MHD_Result overview_gateways(struct exchange *exchange);
enum MHD_Result overview_applications(struct exchange *exchange);
enum MHD_Result overview_scripts(struct exchange *exchange);
enum MHD_Result overview_definitions(struct exchange *exchange);

/* console.c: the page, and the description of all this */
enum MHD_Result console_page(struct exchange *exchange);
enum MHD_Result console_style(struct exchange *exchange);
enum MHD_Result console_script(struct exchange *exchange);
enum MHD_Result console_openapi(struct exchange *exchange);

/* metrics.c */
enum MHD_Result metrics_show(struct exchange *exchange);

#endif /* CENTER_HTTP_ROUTES_H */
