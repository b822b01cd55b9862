// SPDX-License-Identifier: GPL-2.0-only
#include "lib/text.h"

#include <jansson.h>

void text_plain(char *text, size_t size, bool lines)
{
	for (size_t i = 0; i < size; i++) {
		if (lines && (text[i] == '\n' || text[i] == '\t'))
			continue;
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
}

void text_clean(char *text)
{
	json_t *valid;

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	valid = json_string(text);
	for (char *c = text; !valid && *c; c++)
		if ((unsigned char)*c > 127)
			*c = '?';
	json_decref(valid);
}
