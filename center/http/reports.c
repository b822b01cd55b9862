// SPDX-License-Identifier: GPL-2.0-only
/* What gateways report: faults, which are answered with the countermeasure, and outcomes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/fault/faults.h"
#include "center/http/metrics.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"

static enum MHD_Result gateway_unknown(struct exchange *exchange)
{
	return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
				"this is not the name of a gateway");
}

/* The list is read in the transaction that stores the fault: a change takes effect at once. */
static int faults_run(struct writer_job **jobs, size_t n, struct store *store, struct error *err)
{
	struct server *server = exchange_of(jobs[0])->server;
	struct fault_report *reports = calloc(n, sizeof(*reports));
	int ret = reports ? list_refresh(&server->list, store, err) :
		  error_set(err, -ENOMEM, "out of memory");

	for (size_t i = 0; i < n && !ret; i++) {
		struct exchange *exchange = exchange_of(jobs[i]);

		free(steal_pointer(&exchange->answer));
		reports[i] = (struct fault_report){ exchange->captures[0], exchange->fault,
						    &exchange->answer };
	}
	if (!ret)
		ret = faults_store(store, &server->list, reports, n, err);
	free(reports);
	return ret;
}

/* How a report's job ended is counted. */
static bool report_stored(struct exchange *exchange, _Atomic uint64_t *counter)
{
	struct metrics *metrics = exchange->server->metrics;

	if (exchange->job.result < 0) {
		atomic_fetch_add(&metrics->unstored, 1);
		return false;
	}
	atomic_fetch_add(counter, 1);
	atomic_fetch_add(&metrics->bytes, exchange->size);
	return true;
}

static enum MHD_Result fault_answer(struct exchange *exchange)
{
	char *answer = steal_pointer(&exchange->answer);

	if (!report_stored(exchange, &exchange->server->metrics->faults)) {
		free(answer);
		return exchange_failed(exchange, &exchange->job.error);
	}
	return exchange_send(exchange, MHD_HTTP_OK, "application/json", answer,
			     strlen(answer), NULL);
}

enum MHD_Result reports_fault(struct exchange *exchange)
{
	enum MHD_Result result;
	struct error err = {};

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	exchange->fault = obtaining_fault(exchange->body, exchange->size, &err);
	if (!exchange->fault)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	if (!exchange_admitted(exchange, &result))
		return result;
	exchange->job.run_many = faults_run;
	return exchange_store(exchange, NULL, fault_answer);
}

static int outcome_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct exchange *exchange = exchange_of(job);
	int ret = faults_outcome(store, exchange->captures[0], &exchange->id,
				 exchange->outcome, err);

	exchange->found = ret == 1;
	return ret < 0 ? ret : 0;
}

static enum MHD_Result fault_unknown(struct exchange *exchange)
{
	return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
				"gateway %s has reported no fault %s",
				exchange->captures[0], exchange->captures[1]);
}

static enum MHD_Result outcome_answer(struct exchange *exchange)
{
	struct MHD_Response *response;

	if (!report_stored(exchange, &exchange->server->metrics->outcomes))
		return exchange_failed(exchange, &exchange->job.error);
	if (!exchange->found)
		return fault_unknown(exchange);
	waiting_stir(exchange->server->waiting);
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	return response ? exchange_queue(exchange, MHD_HTTP_NO_CONTENT, response) : MHD_NO;
}

enum MHD_Result reports_outcome(struct exchange *exchange)
{
	enum MHD_Result result;
	struct error err = {};

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	if (fault_id_parse(exchange->captures[1], &exchange->id))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the id of a fault");
	exchange->outcome = obtaining_outcome(exchange->body, exchange->size, &err);
	if (!exchange->outcome)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	if (!exchange_admitted(exchange, &result))
		return result;
	return exchange_store(exchange, outcome_run, outcome_answer);
}

enum MHD_Result reports_list(struct exchange *exchange)
{
	long limit = exchange_number(exchange, "limit", FAULTS_LIMIT_DEFAULT, 1,
				     FAULTS_LIMIT_MAX);
	struct error err = {};
	struct store *store;
	json_t *rows;

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	if (limit < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"limit: a whole number from 1 to %d is needed",
					FAULTS_LIMIT_MAX);
	store = server_reader(exchange->server);
	rows = faults_of_gateway(store, exchange->captures[0], limit, &err);
	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, NULL) : exchange_failed(exchange, &err);
}

enum MHD_Result reports_show(struct exchange *exchange)
{
	json_auto_t *rows = NULL;
	struct error err = {};
	struct store *store;

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	if (fault_id_parse(exchange->captures[1], &exchange->id))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the id of a fault");
	store = server_reader(exchange->server);
	rows = faults_show(store, &exchange->id, exchange->captures[0], &err);
	server_release(exchange->server, store);
	if (!rows)
		return exchange_failed(exchange, &err);
	if (!json_array_size(rows))
		return fault_unknown(exchange);
	return exchange_json(exchange, json_incref(json_array_get(rows, 0)), NULL);
}
