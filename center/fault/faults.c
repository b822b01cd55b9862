// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/faults.h"

#include <errno.h>
#include <string.h>

#include "center/fault/detector.h"
#include "center/fault/notifier.h"
#include "center/sql.h"

static int64_t boot_key(struct store *store, const char *gateway, const char *boot,
			struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_BOOT_FIND, "ss", gateway, boot);
	int ret = statement ? store_step(store, statement, err) : err->code;

	if (ret < 0)
		return ret;
	if (ret)
		return sqlite3_column_int64(statement, 0);
	ret = store_run(store, store_statement(store, err, SQL_BOOT_INSERT, "ss", gateway,
					       boot), err);
	return ret ? ret : sqlite3_last_insert_rowid(store->db);
}

/* 1 when it is new, 0 when the fault is there. */
static int fault_insert(struct store *store, int64_t boot, const struct fault *fault,
			const char *countermeasure, int64_t policy_version,
			struct error *err)
{
	int ret = store_run(store,
			    store_statement(store, err, SQL_FAULT_INSERT, "iiisssssssiss",
					    boot, fault->id.number, store_now(),
					    fault->time, fault->kind, fault->application,
					    fault->version, fault->group, fault->data,
					    countermeasure, policy_version,
					    fault->decided_why ? "gateway" : "center",
					    fault->decided_why),
			    err);

	return ret ? ret : sqlite3_changes(store->db);
}

static int answer_again(struct store *store, int64_t boot, const struct fault *fault,
			char **answer, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULT_ANSWER, "ii", boot,
				fault->id.number);

	if (!statement || store_step(store, statement, err) < 0)
		return err->code;
	*answer = notifier_answer(&fault->id,
				  (const char *)sqlite3_column_text(statement, 0),
				  sqlite3_column_int64(statement, 1));
	return 0;
}

static int outcome_put(struct store *store, int64_t key, const struct outcome *outcome,
		       struct error *err)
{
	return store_run(store,
			 store_statement(store, err, SQL_OUTCOME_PUT, "iissdsis", key,
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
	return store_run(store, store_statement(store, err, SQL_FAULT_OVERDUE, "iis", boot,
						fault->id.number, fault->decided_why), err);
}

int faults_store(struct store *store, const struct list *list, const char *gateway,
		 const struct fault *fault, char **answer, struct error *err)
{
	__cleanup_free char *countermeasure = fault->countermeasure ?
		strdup(fault->countermeasure) :
		notifier_countermeasure(detector_choose(list, fault));
	int64_t version = fault->countermeasure ? fault->policy_version : list->version;
	int64_t boot;
	int ret;

	if (!countermeasure)
		return error_set(err, -ENOMEM, "out of memory");
	boot = boot_key(store, gateway, fault->id.boot, err);
	if (boot < 0)
		return boot;
	ret = fault_insert(store, boot, fault, countermeasure, version, err);
	if (ret < 0)
		return ret;
	if (!ret && fault->decided_why && overdue_note(store, boot, fault, err))
		return err->code;
	if (fault->outcome && faults_outcome(store, gateway, &fault->id, fault->outcome, err) < 0)
		return err->code;
	if (ret)
		*answer = notifier_answer(&fault->id, countermeasure, version);
	else if (answer_again(store, boot, fault, answer, err))
		return err->code;
	return *answer ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int faults_outcome(struct store *store, const char *gateway, const struct fault_id *id,
		   const struct outcome *outcome, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULT_KEY, "ssi", gateway, id->boot,
				id->number);
	int ret = statement ? store_step(store, statement, err) : err->code;

	if (ret <= 0)
		return ret;
	ret = outcome_put(store, sqlite3_column_int64(statement, 0), outcome, err);
	return ret ? ret : 1;
}

json_t *faults_of_gateway(struct store *store, const char *gateway, int limit,
			  struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULTS_OF_GATEWAY, "si", gateway,
				(int64_t)limit);

	return statement ? store_rows(store, statement, err) : NULL;
}

json_t *faults_list(struct store *store, const char *gateway, const char *kind,
		    int limit, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULTS, "ssi", gateway, kind,
				(int64_t)limit);

	return statement ? store_rows(store, statement, err) : NULL;
}

json_t *faults_show(struct store *store, const struct fault_id *id, const char *gateway,
		    struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULT_SHOW, "sis", id->boot, id->number,
				gateway);

	return statement ? store_rows(store, statement, err) : NULL;
}

json_t *faults_since(struct store *store, int64_t since_ms, int limit, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_FAULTS_SINCE, "ii", since_ms, (int64_t)limit);

	return statement ? store_rows(store, statement, err) : NULL;
}
