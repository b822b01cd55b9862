// SPDX-License-Identifier: GPL-2.0-only
/*
 * faulter ROW: the program of one row of the table; faulter --list: the table.
 */
#include <stdio.h>
#include <string.h>

#include "faults.h"

static void list(void)
{
	for (size_t i = 0; i < fault_count; i++) {
		printf("%-28s %s\n", faults[i].name, fault_sees(&faults[i], FAULT_MODULE));
		if (faults[i].sees[FAULT_PROBES])
			printf("%-28s %s\n", "  the probes",
			       *faults[i].sees[FAULT_PROBES] ? faults[i].sees[FAULT_PROBES] : "nothing");
	}
}

int main(int argc, char **argv)
{
	const struct fault *fault;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	fault = argc == 2 ? fault_find(argv[1]) : NULL;
	if (!fault) {
		fprintf(stderr, "faulter: ROW or --list, which names the rows\n");
		return 84;
	}
	fault_run(fault);
}
