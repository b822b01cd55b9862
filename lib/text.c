// SPDX-License-Identifier: GPL-2.0-only
#include "lib/text.h"

#include <stdint.h>

void text_plain(char *text, size_t size, bool lines)
{
	for (size_t i = 0; i < size; i++) {
		if (lines && (text[i] == '\n' || text[i] == '\t'))
			continue;
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
}

/* The letter that begins at @text, which a zero byte ends: its bytes, 0 where it is none of RFC 3629. */
static int letter_read(const unsigned char *text, uint32_t *letter)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf8 ? 4 : 0;

	*letter = length > 1 ? *text & 0x7f >> length : *text;
	for (int i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*letter = *letter << 6 | (text[i] & 0x3f);
	}
	return *letter >= least[length] && *letter <= 0x10ffff && (*letter < 0xd800 || *letter > 0xdfff) ? length : 0;
}

/* Those of ASCII, and those behind it, which terminals know as well (ECMA-48). */
static bool is_control(uint32_t letter)
{
	return letter < ' ' || (letter >= 0x7f && letter < 0xa0);
}

void text_clean(char *text)
{
	uint32_t letter;

	while (*text) {
		int length = letter_read((const unsigned char *)text, &letter);

		if (!length)
			*text++ = '?';
		else if (is_control(letter))
			while (length--)
				*text++ = ' ';
		else
			text += length;
	}
}
