/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faultctl: the gateway's command line. One file for each command; all of them
 * ask over the control socket (docs/protocol.md, "Control").
 */
#ifndef SUPERVISORD_CTL_H
#define SUPERVISORD_CTL_H

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses. */
enum ctl_status {
	CTL_OK = 0,
	CTL_FAILED = 1,		/* the gateway says no */
	CTL_USAGE = 2,		/* the command's words are off */
	CTL_UNREACHABLE = 3,	/* the gateway does not answer */
};

/**
 * struct ctl_options - what stands before the command
 * @quiet: a gateway that does not answer, or that says no, is no error here
 */
struct ctl_options {
	const char *socket;
	bool quiet;
	bool json;
	bool color;
};

/**
 * struct ctl_command - a command
 * @arguments: for the usage line
 * @summary: one line
 * @help: the lines below it, may be NULL
 * @run: @argv[0] is the command's name; returns an enum ctl_status
 */
struct ctl_command {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *help;
	int (*run)(const struct ctl_options *options, int argc, char **argv);
};

extern const struct ctl_command ctl_status_command, ctl_apps_command, ctl_run_command,
	ctl_script_command, ctl_services_command, ctl_events_command, ctl_faults_command,
	ctl_fault_command, ctl_hold_command, ctl_release_command, ctl_logs_command, ctl_range_command, ctl_switch_command,
	ctl_events_list_command, ctl_runs_command, ctl_stop_command;

/** typedef ctl_notification_fn - what comes before the answer; @params borrowed, may be NULL */
typedef void (*ctl_notification_fn)(void *user, const char *method, json_t *params);

/**
 * ctl_ask - send one request and wait for its answer
 * @params: consumed; may be NULL
 * @notification: may be NULL
 * @result: set on CTL_OK, to be released
 *
 * Errors are told on standard error.
 */
int ctl_ask(const struct ctl_options *options, const char *method, json_t *params,
	    ctl_notification_fn notification, void *user, json_t **result);

/** typedef ctl_print_fn - print a result for a person */
typedef void (*ctl_print_fn)(json_t *result);

/**
 * ctl_show - ask, and show what is answered: by @print, or as JSON where that is wanted
 * @params: consumed; may be NULL
 */
int ctl_show(const struct ctl_options *options, const char *method, json_t *params, ctl_print_fn print);

/** ctl_show_result - show @result, which is consumed; CTL_OK */
int ctl_show_result(const struct ctl_options *options, json_t *result, ctl_print_fn print);

/** ctl_usage - tell that a command's words are off; CTL_USAGE */
int ctl_usage(const struct ctl_command *command);

/** ctl_wrong - likewise, with the word that is off, and why; CTL_USAGE */
int ctl_wrong(const struct ctl_command *command, const char *word, const char *why);

/* How many events, faults or lines a gateway gives at once. */
#define CTL_COUNT_MAX 1000
#define CTL_COUNT_WHY "a number from 1 to 1000 is needed"

/** ctl_count - parse the NUMBER of "-n NUMBER"; false: CTL_COUNT_WHY */
bool ctl_count(const char *text, int *n);

/* Output. */
void ctl_print_json(json_t *json);
/** ctl_clean - a copy that a terminal may be shown, whoever wrote @json: names and strings as text_clean() leaves them */
json_t *ctl_clean(json_t *json);
/** ctl_text - a member of @object as text; "-" when there is none; NAME.NAME goes deeper */
const char *ctl_text(json_t *object, const char *path);
/** ctl_number - a member as a number; 0 when there is none */
double ctl_number(json_t *object, const char *path);

/** struct ctl_column - a column of a table; @path as in ctl_text() */
struct ctl_column {
	const char *title;
	const char *path;
};

/** ctl_table - print an array of objects; @columns end with a NULL title */
void ctl_table(json_t *array, const struct ctl_column *columns, const char *empty);

/** ctl_evidence_name - add to a fault's data what only this machine knows: functions, names of system calls */
void ctl_evidence_name(json_t *data);

/* Of a fault's data, what is there; nothing where it is not. */
void ctl_print_backtrace(json_t *data);
void ctl_print_address(json_t *data);
void ctl_print_syscall(json_t *data);
void ctl_print_threads(json_t *data);
void ctl_print_figures(json_t *data);

/** ctl_print_module - the kernel module in the gateway's status; nothing where @module is NULL */
void ctl_print_module(json_t *module);

/** ctl_print_counts - what the probes count, likewise */
void ctl_print_counts(json_t *counts);

/** ctl_fault_core - the command "fault core" */
int ctl_fault_core(const struct ctl_options *options, int argc, char **argv);

/** ctl_plan_line - print a line of what a script does (plan_show()) */
void ctl_plan_line(json_t *line);
/** ctl_plan - print what a whole script comes to (plan_summary()) */
void ctl_plan(json_t *summary);

#endif /* SUPERVISORD_CTL_H */
