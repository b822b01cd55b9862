// SPDX-License-Identifier: GPL-2.0-only
/*
 * script-check DEFINITION [SCRIPT...]: for the tests, what lib/script makes of
 * each script. "SCRIPT: N" or "SCRIPT: refused: why", one line each; with one
 * script also its steps. Without scripts: the definition's events.
 */
#include <stdbool.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/script/interpretation.h"

static void steps_print(const struct program *program)
{
	for (size_t i = 0; i < program->n; i++) {
		const struct program_step *step = &program->steps[i];
		json_t *params = program_step_params(step);
		char *text = json_dumps(params, JSON_COMPACT);

		/* What is no event is a step of control. */
		printf("%u %s %s\n", step->line, step->event ? step->event : "-", text);
		free(text);
		json_decref(params);
	}
}

static bool script_check(const struct definition *definition, const char *path, bool steps)
{
	struct error err = { 0 };
	size_t size;
	__cleanup_free char *data = file_read(path, 2 * SCRIPT_SIZE_MAX, &size, &err);
	__cleanup_program struct program *program =
		data ? interpretation_compile(definition, path, data, size, &err) : NULL;

	if (!program) {
		printf("%s: refused: %s\n", path, err.text);
		return false;
	}
	if (steps)
		steps_print(program);
	else
		printf("%s: %zu\n", path, program->n);
	return true;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	__cleanup_definition struct definition *definition =
		argc > 1 ? definition_load(argv[1], &err) : NULL;
	const char *const *events;
	bool good = true;

	if (!definition) {
		printf("refused: %s\n", argc > 1 ? err.text : "no definition");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		good &= script_check(definition, argv[i], argc == 3);
	if (argc == 2)
		for (size_t i = 0; i < definition_events(definition, &events); i++)
			puts(events[i]);
	return good ? 0 : 1;
}
