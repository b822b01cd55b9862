// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/routes.h"

#include <stdio.h>
#include <string.h>

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
	exchange_fn handle;
} routes[] = {
	{ "GET", "/v1/health", health },
	{ "GET", "/v1/applications/*", catalogue_application },
	{ "GET", "/v1/artifacts/*", catalogue_artifact },
	{ "GET", "/v1/scripts/*", catalogue_script },
	{ "GET", "/v1/gateways/*/countermeasures", policy_list },
	{ "GET", "/v1/gateways/*/faults", reports_list },
	{ "POST", "/v1/gateways/*/faults", reports_fault },
	{ "GET", "/v1/gateways/*/faults/*", reports_show },
	{ "PUT", "/v1/gateways/*/faults/*/outcome", reports_outcome },
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
			return;
		}
		used += snprintf(exchange->allow + used, sizeof(exchange->allow) - used,
				 "%s%s", used ? ", " : "", route->method);
	}
}
