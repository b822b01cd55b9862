// SPDX-License-Identifier: GPL-2.0-only
/* GET /metrics, in Prometheus' text format 0.0.4. */
#include "center/http/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "center/access/gateways.h"
#include "center/access/keyring.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"

static void number_print(FILE *stream, const char *name, const char *type, const char *help,
			 uint64_t value)
{
	fprintf(stream, "# HELP faultline_center_%s %s\n# TYPE faultline_center_%s %s\n"
		"faultline_center_%s %" PRIu64 "\n", name, help, name, type, name, value);
}

static void counters_print(FILE *stream, struct metrics *metrics)
{
	fprintf(stream, "# HELP faultline_center_answers_total Answers by class of status.\n"
		"# TYPE faultline_center_answers_total counter\n");
	for (int i = 2; i <= 5; i++)
		fprintf(stream, "faultline_center_answers_total{status=\"%dxx\"} %" PRIu64 "\n", i,
			atomic_load(&metrics->answers[i]));
	number_print(stream, "faults_total", "counter",
		     "Reports of faults that are durable, repeated ones too.",
		     atomic_load(&metrics->faults));
	number_print(stream, "outcomes_total", "counter", "Reports of outcomes that are durable.",
		     atomic_load(&metrics->outcomes));
	number_print(stream, "reports_unstored_total", "counter",
		     "Reports that could not be stored and were answered so.",
		     atomic_load(&metrics->unstored));
	number_print(stream, "reports_limited_total", "counter",
		     "Reports that were put off because their gateway sends too much.",
		     atomic_load(&metrics->limited));
	number_print(stream, "requests_denied_total", "counter",
		     "Requests without the right token.", atomic_load(&metrics->denied));
	number_print(stream, "report_bytes_total", "counter", "Bytes of reports taken in.",
		     atomic_load(&metrics->bytes));
	number_print(stream, "policy_changes_total", "counter",
		     "Changes of the list of countermeasures made over HTTP here.",
		     atomic_load(&metrics->changes));
}

static void gauges_print(FILE *stream, struct server *server, int64_t version)
{
	if (version >= 0)
		number_print(stream, "policy_version", "gauge",
			     "Version of the list of countermeasures.", version);
	number_print(stream, "store_up", "gauge", "The store answers.", version >= 0);
	number_print(stream, "requests_waiting", "gauge",
		     "Requests that wait for a change.", waiting_count(server->waiting));
	number_print(stream, "gateways_present", "gauge",
		     "Gateways heard of in the last minute.", gateways_count(server->gateways));
	number_print(stream, "body_bytes", "gauge", "Bytes of bodies that are held.",
		     atomic_load(&server->bodies));
}

enum MHD_Result metrics_show(struct exchange *exchange)
{
	struct server *server = exchange->server;
	struct store *store = server_reader(server);
	struct error err = {};
	int64_t version = list_version(store, &err);
	char *text = NULL;
	size_t size;
	FILE *stream;

	server_release(server, store);
	stream = open_memstream(&text, &size);
	if (!stream)
		return MHD_NO;
	counters_print(stream, server->metrics);
	gauges_print(stream, server, version);
	fclose(stream);
	return exchange_send(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4", text, size, NULL);
}
