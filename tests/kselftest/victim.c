// SPDX-License-Identifier: GPL-2.0-only
/*
 * victim exit N | signal N: a program to be executed that ends in that way.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	raise(atoi(argv[2]));
	return 3;
}
