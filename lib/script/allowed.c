// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/allowed.h"

#include <stdio.h>

/* Names that are listed before it says "and more". */
#define SHOWN 12

void allowed_content(const struct definition_element *element, xmlRegExecCtxt *content,
		     char *text, size_t size)
{
	xmlChar *names[SHOWN];
	const xmlChar *found;
	int n = SHOWN, negative = 0, terminal = 0, code = -1;
	size_t len = 0;

	/* The one call answers after a refused name, the other while all is well. */
	if (content) {
		code = xmlRegExecErrInfo(content, &found, &n, &negative, names,
					 &terminal);
		if (code < 0 || !found) {
			n = SHOWN;
			code = xmlRegExecNextValues(content, &n, &negative, names,
						    &terminal);
		}
	}
	if (code < 0 || !n) {
		snprintf(text, size, "nothing but the end of \"%.80s\"",
			 element->name);
		return;
	}
	for (int i = 0; i < n && len < size; i++)
		len += snprintf(text + len, size - len, "%s\"%.80s\"", i ? ", " : "",
				names[i]);
	if (n == SHOWN && len < size)
		len += snprintf(text + len, size - len, " and more");
	if (terminal && len < size)
		snprintf(text + len, size - len, " or the end of \"%.80s\"",
			 element->name);
}

void allowed_arguments(const struct definition_element *element, char *text, size_t size)
{
	size_t len = 0;

	for (unsigned int i = 0; i < element->n_arguments && len < size; i++)
		len += snprintf(text + len, size - len, "%s\"%s\"", len ? ", " : "",
				element->attributes[i].name);
	if (!len)
		snprintf(text, size, "none");
}

void allowed_values(const struct definition_attribute *attribute, char *text, size_t size)
{
	size_t len = 0;

	if (attribute->fixed) {
		snprintf(text, size, "\"%.80s\" alone", attribute->value);
	} else if (*attribute->allowed) {
		for (const char **v = attribute->allowed; *v && len < size; v++)
			len += snprintf(text + len, size - len, "%s\"%.80s\"",
					len ? ", " : "", *v);
	} else {
		argument_describe(&attribute->rule, text, size);
	}
}
