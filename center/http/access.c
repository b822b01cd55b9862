// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/access.h"

#include <string.h>
#include <strings.h>

#include "center/access/keyring.h"
#include "center/http/metrics.h"

#define SCHEME "Bearer "

static const char *token_of(struct exchange *exchange)
{
	const char *text = exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION);

	return text && !strncasecmp(text, SCHEME, strlen(SCHEME)) ? text + strlen(SCHEME) : NULL;
}

static bool refuse(struct exchange *exchange, unsigned int status, const char *detail,
		   enum MHD_Result *result)
{
	atomic_fetch_add(&exchange->server->metrics->denied, 1);
	*result = exchange_problem(exchange, status, "%s", detail);
	return false;
}

static bool gateway_check(struct exchange *exchange, enum access access, enum MHD_Result *result)
{
	const struct principal *principal = &exchange->principal;

	if (!keyring_count(exchange->server->keyring, ROLE_GATEWAY))
		return true;
	if (!principal->known)
		return refuse(exchange, MHD_HTTP_UNAUTHORIZED,
			      "a gateway's token is needed; \"faultline-center gateway add NAME\" makes one, token-file in gateway.xml names it",
			      result);
	if (access == ACCESS_GATEWAY && strcmp(principal->name, exchange->captures[0]))
		return refuse(exchange, MHD_HTTP_FORBIDDEN,
			      "this is the token of another gateway", result);
	return true;
}

bool access_check(struct exchange *exchange, enum access access, enum MHD_Result *result)
{
	const char *token = token_of(exchange);

	if (access == ACCESS_OPEN)
		return true;
	if (token)
		exchange->principal = keyring_find(exchange->server->keyring, token);
	if (exchange->principal.known && exchange->principal.role == ROLE_ADMINISTRATOR)
		return true;
	if (access != ACCESS_ADMINISTRATOR)
		return gateway_check(exchange, access, result);
	if (exchange->principal.known)
		return refuse(exchange, MHD_HTTP_FORBIDDEN, "an administrator's token is needed",
			      result);
	return refuse(exchange, MHD_HTTP_UNAUTHORIZED,
		      "an administrator's token is needed; \"faultline-center administrator add NAME\" makes one",
		      result);
}
