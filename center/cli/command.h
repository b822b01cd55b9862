/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: faultline-center [--data DIR] NOUN [VERB] … One file for each noun. */
#ifndef CENTER_CLI_COMMAND_H
#define CENTER_CLI_COMMAND_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "center/store/store.h"
#include "lib/error.h"

#define COMMAND_PROGRAM "faultline-center"
/* The environment, unlike the command line, is not open to everybody. */
#define COMMAND_STORE_VARIABLE "FAULTLINE_STORE"
#define COMMAND_DATA_DEFAULT "/var/lib/faultline-center"

/* Exit status: what was asked failed; it was asked in a wrong way. */
#define COMMAND_FAILED 1
#define COMMAND_USAGE 2

/**
 * struct cli - options that every command has
 * @place: data folder and store
 * @json: print JSON
 */
struct cli {
	struct store_place place;
	bool json;
};

/**
 * struct command - a command
 * @verb: NULL where the noun is the whole command
 * @run: gets its own part of the command line; argv[0] names the command in
 *	messages. Returns the exit status.
 */
struct command {
	const char *noun;
	const char *verb;
	const char *summary;
	int (*run)(struct cli *cli, int argc, char **argv);
};

/* Each noun's commands, ended by an empty entry. */
extern const struct command app_commands[];
extern const struct command definition_commands[];
extern const struct command script_commands[];
extern const struct command countermeasure_commands[];
extern const struct command fault_commands[];
extern const struct command gateway_commands[];
extern const struct command administrator_commands[];
extern const struct command key_commands[];
extern const struct command request_commands[];
extern const struct command serve_commands[];

/**
 * struct arguments - command line of a command that takes few things
 * @operands: what is no option; the parser fills as many as the command takes
 */
struct arguments {
	struct cli *cli;
	const char *operands[2];
	int n_operands;
	int operands_min;
	int operands_max;
};

/** command_argp - argp child with --data, --store and --json; its input is a struct cli */
extern const struct argp command_argp;

/**
 * command_operand - argp parser of what is no option, into a struct arguments
 *
 * Parsers of commands with options of their own, whose input begins with a
 * struct arguments, call it for the keys that they do not know.
 */
error_t command_operand(int key, char *text, struct argp_state *state);

/** command_arguments - parse operands and the common options alone; exits on wrong usage */
void command_arguments(struct arguments *arguments, const char *operands,
		       const char *help, int argc, char **argv);

/** command_user - who types: behind sudo the one who called it */
void command_user(char *name, size_t size);

/** command_line - an option that is one line that a terminal can show, shorter than @maximum */
const char *command_line(struct argp_state *state, const char *option, const char *text,
			 size_t maximum);

/* Of an option that is a number of days: a hundred years. */
#define COMMAND_DAYS_MAX 36500

/** command_number - an option that is a whole number, of digits alone */
long command_number(struct argp_state *state, const char *option, const char *text, long minimum,
		    long maximum);

/** command_duration - an option that is a time, "90", "90s", "15m", "12h" or "7d", in seconds */
long command_duration(struct argp_state *state, const char *option, const char *text);

/** command_fail - print an error; the exit status to return */
int command_fail(const struct error *err);

/** struct column - a column of a table; @key may lead into objects: "countermeasure.action" */
struct column {
	const char *key;
	const char *title;
};

/**
 * command_print_rows - print an array of objects: as JSON, or as a table
 * @rows: consumed; NULL: @err is printed
 * @columns: ended by an empty entry
 *
 * Return: the exit status.
 */
int command_print_rows(const struct cli *cli, json_t *rows, const struct column *columns,
		       const struct error *err);

/** command_print_json - print a value over several lines; @value is borrowed */
void command_print_json(json_t *value);

#endif /* CENTER_CLI_COMMAND_H */
