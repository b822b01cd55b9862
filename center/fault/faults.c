// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "center/fault/detector.h"
#include "center/fault/notifier.h"

static int answer_again(struct store *store, int64_t boot, const struct fault *fault,
			char **answer, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULT_ANSWER, "ii", boot,
				fault->id.number);
	int ret = statement ? store_step(statement, err) : err->code;

	if (ret <= 0)
		return ret ? ret : error_set(err, -EIO, "a fault that was stored is not there");
	*answer = notifier_answer(&fault->id, statement_text(statement, 0),
				  statement_integer(statement, 1));
	return 0;
}

static int outcome_put(struct store *store, int64_t key, const struct outcome *outcome,
		       struct error *err)
{
	return store_run(store_statement(store, err, STATEMENT_OUTCOME_PUT, "iissdsis", key,
					 store_now(), action_name(outcome->action),
					 outcome->result, outcome->duration_ms,
					 outcome->detail, (int64_t)outcome->loop,
					 outcome->data),
			 err);
}

/* The answer to the first report did not reach the gateway in time, so it decided itself. */
static int overdue_note(struct store *store, int64_t boot, const struct fault *fault,
			struct error *err)
{
	return store_run(store_statement(store, err, STATEMENT_FAULT_OVERDUE, "iis", boot,
						fault->id.number, fault->decided_why), err);
}

/* The row of a report; its countermeasure is to be freed. */
static int row_make(struct store_fault *row, const struct list *list,
		    const struct fault_report *report, struct error *err)
{
	const struct fault *fault = report->fault;

	*row = (struct store_fault){
		.gateway = report->gateway,
		.boot = fault->id.boot,
		.number = fault->id.number,
		.received = store_now(),
		.time = fault->time,
		.kind = fault->kind,
		.application = fault->application,
		.version = fault->version,
		.group = fault->group,
		.data = fault->data,
		.countermeasure = fault->countermeasure ? strdup(fault->countermeasure) :
			notifier_countermeasure(detector_choose(list, fault)),
		.policy_version = fault->countermeasure ? fault->policy_version : list->version,
		.decided_by = fault->decided_why ? "gateway" : "center",
		.decided_why = fault->decided_why,
	};
	return row->countermeasure ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* What is to be done about a report beside its row, and the answer. */
static int report_finish(struct store *store, struct fault_report *report,
			 const struct store_fault *row, struct error *err)
{
	const struct fault *fault = report->fault;
	int ret = 0;

	if (row->known && fault->decided_why)
		ret = overdue_note(store, row->boot_key, fault, err);
	if (ret >= 0 && fault->outcome)
		ret = faults_outcome(store, report->gateway, &fault->id, fault->outcome, err);
	if (ret < 0)
		return ret;
	if (row->known)
		ret = answer_again(store, row->boot_key, fault, report->answer, err);
	else
		*report->answer = notifier_answer(&fault->id, row->countermeasure,
						  row->policy_version);
	if (ret < 0)
		return ret;
	return *report->answer ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int faults_store(struct store *store, const struct list *list, struct fault_report *reports,
		 size_t n, struct error *err)
{
	struct store_fault *rows = calloc(n, sizeof(*rows));
	size_t made = 0;
	int ret = rows ? 0 : error_set(err, -ENOMEM, "out of memory");

	while (!ret && made < n) {
		ret = row_make(&rows[made], list, &reports[made], err);
		made++;
	}
	if (!ret)
		ret = store_faults(store, rows, n, err);
	for (size_t i = 0; i < n && !ret; i++)
		ret = report_finish(store, &reports[i], &rows[i], err);
	for (size_t i = 0; i < made; i++)
		free((char *)rows[i].countermeasure);
	free(rows);
	return ret;
}

int faults_outcome(struct store *store, const char *gateway, const struct fault_id *id,
		   const struct outcome *outcome, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULT_KEY, "ssi", gateway, id->boot,
				id->number);
	int ret = statement ? store_step(statement, err) : err->code;

	if (ret <= 0)
		return ret;
	ret = outcome_put(store, statement_integer(statement, 0), outcome, err);
	return ret < 0 ? ret : 1;
}

json_t *faults_of_gateway(struct store *store, const char *gateway, int limit,
			  struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULTS_OF_GATEWAY, "si", gateway,
				(int64_t)limit);

	return store_rows(statement, err);
}

json_t *faults_list(struct store *store, const char *gateway, const char *kind,
		    const char *application, int limit, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULTS, "ssis", gateway, kind,
				(int64_t)limit, application);

	return store_rows(statement, err);
}

/* A summary with the data of the row's other columns. */
static int row_complete(struct statement *statement, json_t *row, struct error *err)
{
	const char *data = statement_text(statement, 1);
	const char *more = statement_text(statement, 2);
	json_t *outcome = json_object_get(row, "outcome");

	if (json_object_set_new(row, "data", json_loads(data ? data : "{}", 0, NULL)) ||
	    (more && json_object_set_new(outcome, "data", json_loads(more, 0, NULL))))
		return error_set(err, -EIO, "the store: the data of a fault is not JSON");
	return 0;
}

json_t *faults_show(struct store *store, const struct fault_id *id, const char *gateway,
		    struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULT_SHOW, "sis", id->boot, id->number,
				gateway);
	json_auto_t *rows = json_array();
	json_t *row;
	int ret;

	while ((ret = store_row(statement, &row, err)) == 1) {
		json_array_append_new(rows, row);
		if (row_complete(statement, row, err))
			return NULL;
	}
	return ret ? NULL : steal_pointer(&rows);
}

json_t *faults_since(struct store *store, int64_t since_ms, int limit, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULTS_SINCE, "ii", since_ms,
				(int64_t)limit);

	return store_rows(statement, err);
}

int64_t faults_mark(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULTS_MARK, "");
	int ret = statement ? store_step(statement, err) : err->code;

	return ret > 0 ? statement_integer(statement, 0) : ret;
}

int64_t faults_bytes(struct store *store, const char *gateway, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_FAULTS_BYTES, "s", gateway);
	int ret = statement ? store_step(statement, err) : err->code;

	return ret > 0 ? statement_integer(statement, 0) : ret;
}

int faults_prune(struct store *store, const char *gateway, int64_t before_ms,
		 struct error *err)
{
	int ret = store_run(store_statement(store, err, STATEMENT_OUTCOMES_PRUNE, "is",
					    before_ms, gateway), err);

	return ret < 0 ? ret : store_change(store_statement(store, err, STATEMENT_FAULTS_PRUNE, "is",
							 before_ms, gateway), err);
}
