// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/routes.h"

#include <stdio.h>
#include <string.h>

#include "center/http/access.h"

static enum MHD_Result health(struct exchange *exchange)
{
	struct store *store = server_reader(exchange->server);
	struct error err = {};
	int64_t version = list_version(store, &err);

	server_release(exchange->server, store);
	if (version < 0)
		return exchange_failed(exchange, &err);
	return exchange_json(exchange, json_pack("{s:s, s:s}", "status", "ok", "version",
						 FAULTLINE_VERSION), NULL);
}

/* In a pattern "*" stands for one part, which is captured. */
static const struct route {
	const char *method;
	const char *pattern;
	enum access access;
	exchange_fn handle;
} routes[] = {
	{ "GET", "/", ACCESS_OPEN, console_page },
	{ "GET", "/console.css", ACCESS_OPEN, console_style },
	{ "GET", "/console.js", ACCESS_OPEN, console_script },
	{ "GET", "/healthz", ACCESS_OPEN, health },
	{ "GET", "/metrics", ACCESS_OPEN, metrics_show },
	{ "GET", "/v1/openapi.json", ACCESS_OPEN, console_openapi },
	{ "GET", "/v1/health", ACCESS_OPEN, health },
	{ "GET", "/v1/self", ACCESS_ADMINISTRATOR, overview_self },
	{ "GET", "/v1/applications", ACCESS_ADMINISTRATOR, overview_applications },
	{ "GET", "/v1/applications/*", ACCESS_DOWNLOAD, catalogue_application },
	{ "GET", "/v1/artifacts/*", ACCESS_DOWNLOAD, catalogue_artifact },
	{ "GET", "/v1/scripts", ACCESS_ADMINISTRATOR, overview_scripts },
	{ "GET", "/v1/scripts/*", ACCESS_DOWNLOAD, catalogue_script },
	{ "GET", "/v1/scripts/*/signature", ACCESS_DOWNLOAD, catalogue_signature },
	{ "GET", "/v1/definitions", ACCESS_ADMINISTRATOR, overview_definitions },
	{ "GET", "/v1/gateways", ACCESS_ADMINISTRATOR, overview_gateways },
	{ "GET", "/v1/gateways/*/countermeasures", ACCESS_GATEWAY, policy_list },
	{ "GET", "/v1/gateways/*/faults", ACCESS_GATEWAY, reports_list },
	{ "POST", "/v1/gateways/*/faults", ACCESS_GATEWAY, reports_fault },
	{ "GET", "/v1/gateways/*/faults/*", ACCESS_GATEWAY, reports_show },
	{ "PUT", "/v1/gateways/*/faults/*/outcome", ACCESS_GATEWAY, reports_outcome },
	{ "GET", "/v1/gateways/*/requests", ACCESS_GATEWAY, requests_poll },
	{ "PUT", "/v1/gateways/*/requests/*/state", ACCESS_GATEWAY, requests_state },
	{ "GET", "/v1/requests", ACCESS_ADMINISTRATOR, requests_show_all },
	{ "POST", "/v1/requests", ACCESS_ADMINISTRATOR, requests_create },
	{ "GET", "/v1/requests/*", ACCESS_ADMINISTRATOR, requests_show_one },
	{ "DELETE", "/v1/requests/*", ACCESS_ADMINISTRATOR, requests_delete },
	{ "GET", "/v1/faults", ACCESS_ADMINISTRATOR, overview_faults },
	{ "GET", "/v1/countermeasures", ACCESS_ADMINISTRATOR, list_show },
	{ "POST", "/v1/countermeasures", ACCESS_ADMINISTRATOR, list_create },
	{ "POST", "/v1/countermeasures/match", ACCESS_ADMINISTRATOR, list_match },
	{ "GET", "/v1/countermeasures/*", ACCESS_ADMINISTRATOR, list_show_entry },
	{ "PUT", "/v1/countermeasures/*", ACCESS_ADMINISTRATOR, list_put },
	{ "PATCH", "/v1/countermeasures/*", ACCESS_ADMINISTRATOR, list_patch },
	{ "DELETE", "/v1/countermeasures/*", ACCESS_ADMINISTRATOR, list_delete },
	{ "GET", "/v1/changes", ACCESS_ADMINISTRATOR, list_history_show },
	{ "POST", "/v1/changes/*/undo", ACCESS_ADMINISTRATOR, list_undo_change },
};

static bool path_matches(const char *pattern, const char *url,
			 char captures[][EXCHANGE_CAPTURE_SIZE])
{
	int n = 0;

	while (*pattern) {
		size_t len;

		if (*pattern != '*') {
			if (*pattern++ != *url++)
				return false;
			continue;
		}
		len = strcspn(url, "/");
		if (!len || len >= EXCHANGE_CAPTURE_SIZE)
			return false;
		memcpy(captures[n], url, len);
		captures[n++][len] = '\0';
		url += len;
		pattern++;
	}
	return !*url;
}

void routes_match(struct exchange *exchange, const char *method, const char *url)
{
	size_t used = 0;

	if (!strcmp(method, "HEAD"))
		method = "GET";
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];

		if (!path_matches(route->pattern, url, exchange->captures))
			continue;
		if (!strcmp(route->method, method)) {
			exchange->handle = route->handle;
			exchange->access = route->access;
			return;
		}
		used += snprintf(exchange->allow + used, sizeof(exchange->allow) - used,
				 "%s%s", used ? ", " : "", route->method);
	}
}
