/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values that are names or name tokens (XML 1.0, 2.3). Those of ASCII alone, which nearly all
 * are, are seen to be good at once; libxml2 looks at all others.
 */
#ifndef LIB_SCRIPT_TOKEN_H
#define LIB_SCRIPT_TOKEN_H

#include <stdbool.h>

bool token_is_name(const char *value);
bool token_is_nmtoken(const char *value);

/** token_are_names, token_are_nmtokens - one or more, a space between two */
bool token_are_names(const char *value);
bool token_are_nmtokens(const char *value);

#endif /* LIB_SCRIPT_TOKEN_H */
