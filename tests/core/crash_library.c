// SPDX-License-Identifier: GPL-2.0-only
/* A library that faults on behalf of its caller. */
void library_write(int *to, int value);
void library_call(void (*function)(int), int value);

void library_write(int *to, int value)
{
	*to = value;
}

void library_call(void (*function)(int), int value)
{
	function(value + 1);
}
