// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/token.h"

#include <libxml/parser.h>

/* What a character may be in: any token, and the begin of a name. */
#define WITHIN	1
#define BEGIN	2

static const unsigned char ascii[256] = {
	['a' ... 'z'] = BEGIN | WITHIN, ['A' ... 'Z'] = BEGIN | WITHIN,
	[':'] = BEGIN | WITHIN, ['_'] = BEGIN | WITHIN,
	['0' ... '9'] = WITHIN, ['-'] = WITHIN, ['.'] = WITHIN,
};

/* What follows the token at @p, which begins with a @first; NULL: there is none of ASCII alone. */
static const char *token_pass(const char *p, unsigned char first)
{
	if (!(ascii[(unsigned char)*p] & first))
		return NULL;
	while (ascii[(unsigned char)*p] & WITHIN)
		p++;
	return p;
}

static bool plain_one(const char *value, unsigned char first)
{
	const char *end = token_pass(value, first);

	return end && !*end;
}

static bool plain_some(const char *value, unsigned char first)
{
	const char *end = token_pass(value, first);

	while (end && *end == ' ')
		end = token_pass(end + 1, first);
	return end && !*end;
}

bool token_is_name(const char *value)
{
	return plain_one(value, BEGIN) || xmlValidateNameValue((const xmlChar *)value);
}

bool token_is_nmtoken(const char *value)
{
	return plain_one(value, WITHIN) || xmlValidateNmtokenValue((const xmlChar *)value);
}

bool token_are_names(const char *value)
{
	return plain_some(value, BEGIN) || xmlValidateNamesValue((const xmlChar *)value);
}

bool token_are_nmtokens(const char *value)
{
	return plain_some(value, WITHIN) || xmlValidateNmtokensValue((const xmlChar *)value);
}
