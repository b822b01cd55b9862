// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultlined: the local server (3). Reads its settings, opens its means in the
 * order in which they need each other, and runs one event loop.
 */
#include <errno.h>
#include <getopt.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/control/control.h"
#include "supervisord/leftovers.h"
#include "supervisord/priority.h"
#include "supervisord/program.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/reliability/halt.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/source.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/link.h"
#include "supervisord/remote/orders.h"
#include "supervisord/remote/signature.h"
#include "supervisord/remote/standing.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/takeover.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/keeper.h"
#include "supervisord/runtime/logs.h"
#include "supervisord/runtime/runtimes.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/run.h"
#include "supervisord/script/run_kept.h"
#include "supervisord/script/services.h"
#include "supervisord/script/switching.h"
#include "supervisord/settings.h"
#include "supervisord/watchdog.h"

#define CONFIG "/etc/faultline/gateway.xml"

static const char usage[] =
	"Usage: faultlined [OPTION]...\n"
	"Run the gateway: fetch and run applications, see their faults, restore them.\n"
	"\n"
	"  -c, --config=FILE  settings, " CONFIG " by default\n"
	"  -t, --test         check the settings, and end\n"
	"      --clean        remove what one that died has left for the next, and end\n"
	"  -v, --verbose      log what happens; twice: also what is for developers\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n"
	"\n"
	"It runs in the foreground, as root, until SIGTERM. See faultlined(8).\n";

static struct {
	const char *config;
	bool test;
	bool clean;
	int level;
} options = { .config = CONFIG, .level = LOG_NOTICE };

/* Return: 0 to go on, else the exit status plus one. */
static int options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "clean", no_argument, NULL, 'C' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tvhV", longs, NULL)) >= 0)
		switch (c) {
		case 'c':
			options.config = optarg;
			break;
		case 't':
			options.test = true;
			break;
		case 'C':
			options.clean = true;
			break;
		case 'v':
			options.level += options.level < LOG_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			puts("faultlined " FAULTLINE_VERSION);
			return 1;
		default:
			fputs("Try \"faultlined --help\".\n", stderr);
			return 3;
		}
	if (optind < argc) {
		fprintf(stderr, "faultlined: \"%s\" is not expected; try \"faultlined --help\"\n",
			argv[optind]);
		return 3;
	}
	return 0;
}

static int configuration_open(struct gateway *gateway, struct error *err)
{
	__cleanup_free char *runtimes = NULL, *events = NULL;

	gateway->settings = settings_read(options.config, err);
	if (!gateway->settings)
		return -EINVAL;
	runtimes = alloc_format("%s/runtimes.xml", gateway->settings->configuration_folder);
	if (signatures_open(gateway, err))
		return -EINVAL;
	gateway->runtimes = runtimes_read(runtimes, err);
	if (!gateway->runtimes)
		return -EINVAL;
	if (!gateway->settings->scripts)
		return 0;
	events = alloc_format("%s/events.xml", gateway->settings->configuration_folder);
	file_settle(events);
	/* Who asks whether the files are good does not want to hear of what they were. */
	gateway->events = options.test ? event_list_open(events, err) : switching_list_open(gateway, events, err);
	return gateway->events ? services_open(gateway, !options.test, err) : -EINVAL;
}

static int state_open(struct gateway *gateway, struct error *err)
{
	/* What is not highly reliable keeps its events as long as it runs. */
	__cleanup_free char *path = gateway->settings->reliability ?
		alloc_format("%s/gateway.db", gateway->settings->state_folder) :
		alloc_copy(":memory:");
	__cleanup_free char *logs = alloc_format("%s/logs", gateway->settings->state_folder);
	int ret = folder_make(gateway->settings->state_folder, 0711, err);

	/* Applications pass through to their own folders; the rest is not theirs to see. */
	if (!ret && chmod(gateway->settings->state_folder, 0711) < 0)
		ret = error_set(err, -errno, "%s: %m", gateway->settings->state_folder);
	umask(077);
	if (!ret)
		ret = store_open(&gateway->store, path, gateway->loop, collection_synced, gateway, err);
	if (!ret)
		store_retain(gateway->store, &gateway->settings->retention);
	umask(022);
	if (ret)
		return ret;
	gateway->logs = logs_open(logs, err);
	return gateway->logs ? 0 : -EIO;
}

static int source_try(struct gateway *gateway, const struct source_ops *ops,
		      struct error *err)
{
	int ret = ops->open(&gateway->source, gateway->loop, collection_record, gateway,
			    gateway->settings->state_folder, err);

	if (!ret)
		gateway->source_ops = ops;
	return ret;
}

/* The module where it is loaded, else the probes, unless the settings name one. */
static int source_open(struct gateway *gateway, struct error *err)
{
	const char *wanted = gateway->settings->source;
	struct error module = { 0 }, probes = { 0 };

	if (!strcmp(wanted, "none"))
		return 0;
	if (!strcmp(wanted, "module"))
		return source_try(gateway, &source_module, err);
	if (!strcmp(wanted, "probes"))
		return source_try(gateway, &source_probes, err);
	if (!source_try(gateway, &source_module, &module))
		return 0;
	if (!source_try(gateway, &source_probes, &probes)) {
		log_notice("kernel events come from the eBPF probes: %s", module.text);
		return 0;
	}
	return error_set(err, probes.code,
			 "no source of kernel events: %s; and %s; <faults source=\"none\"/> in gateway.xml does without",
			 module.text, probes.text);
}

static int link_open(struct gateway *gateway, struct error *err)
{
	struct link_options link = {
		.user = gateway->settings->link_user,
		.ca = gateway->settings->center_ca,
		.verbose = options.level >= LOG_DEBUG,
	};

	gateway->link = link_start(gateway->loop, &link, err);
	return gateway->link ? 0 : -EIO;
}

/* For the next supervisor, should this one die; without it the gateway still does its work. */
static void keeper_begin(struct gateway *gateway)
{
	struct error err = { 0 };

	gateway->keeper = keeper_open(gateway->settings->run_folder, &err);
	if (!gateway->keeper)
		log_warning("applications would end with this supervisor: %s", err.text);
	else if (!keeper_found(gateway->keeper))
		cgroups_place(&gateway->isolation->cgroups, "keeper", keeper_pid(gateway->keeper));
}

/* The folder of applications' sockets. */
static void sockets_remove(const struct gateway *gateway)
{
	__cleanup_free char *folder = alloc_format("%s/notify", gateway->settings->run_folder);

	folder_remove(folder, NULL);
}

static int gateway_open(struct gateway *gateway, struct error *err)
{
	int ret;

	watchdog_open(gateway);
	ret = state_open(gateway, err);
	if (!ret)
		ret = app_list_open(gateway, err);
	if (!ret) {
		collection_open(gateway);
		if (gateway->settings->reliability)
			halt_open(gateway, watchdog_has_reset(gateway));
		center_open(gateway);
		ret = switching_open(gateway, err);
	}
	if (!ret)
		ret = control_open(gateway, err);
	if (ret)
		return ret;
	/* Before any other process is started: the supervisor may have to leave its own group. */
	gateway->isolation = isolation_open(gateway->settings->name);
	if (gateway->settings->reliability)
		keeper_begin(gateway);
	if (!keeper_found(gateway->keeper))
		sockets_remove(gateway);
	takeover_kept(gateway);
	ret = link_open(gateway, err);
	if (ret)
		return ret;
	orders_open(gateway);
	if (!gateway->settings->reliability)
		return 0;
	policy_open(gateway);
	notifier_open(gateway);
	takeover_faults(gateway);
	ret = source_open(gateway, err);
	/* What goes on from here has its time from now on, and not from the loop's begin. */
	ev_now_update(gateway->loop);
	if (!ret)
		run_list_resume(gateway);
	if (!ret)
		takeover_watches(gateway);
	return ret;
}

/*
 * In the reverse order, from wherever gateway_open() came to. With @leave all
 * that a next supervisor can take over stays as it is: processes, their groups
 * and sockets, and what watches them.
 */
static void gateway_close(struct gateway *gateway, bool leave)
{
	for (struct app *app = gateway->applications ? app_list_first(gateway) : NULL; app;
	     app = app->next)
		if (app->fault)
			fault_drop(app->fault);
	standing_stop(gateway);
	services_close(gateway);
	control_close(gateway);
	run_kept_hand_out(gateway, NULL);
	run_list_close(gateway);
	if (leave && gateway->applications)
		management_leave(gateway);
	app_list_close(gateway);
	keeper_close(gateway->keeper, !leave);
	if (gateway->isolation && !leave)
		sockets_remove(gateway);
	if (gateway->link)
		link_stop(gateway->link);
	center_close(gateway);
	orders_close(gateway);
	notifier_close(gateway);
	policy_close(gateway);
	if (gateway->collection)
		collection_close(gateway);
	watchdog_close(gateway, leave);
	if (gateway->source && !leave)
		gateway->source_ops->close(gateway->source);
	if (!leave)
		isolation_close(gateway->isolation);
	logs_close(gateway->logs);
	store_close(gateway->store);
	event_list_put(gateway->events);
	runtimes_free(gateway->runtimes);
	signatures_close(gateway);
	settings_free(gateway->settings);
}

static void stop(struct ev_loop *loop, ev_signal *signal, int events)
{
	log_info("stopping");
	ev_break(loop, EVBREAK_ALL);
}

/* SIGHUP: a new supervisor, perhaps of a newer version, takes the place of this one. */
static void make_way(struct ev_loop *loop, ev_signal *signal, int events)
{
	bool *again = signal->data;

	log_notice("starting anew; applications go on");
	*again = true;
	ev_break(loop, EVBREAK_ALL);
}

/* Return: true when a new supervisor is to take over. */
static bool gateway_run(struct gateway *gateway)
{
	ev_signal term, interrupt, hangup;
	bool again = false;

	ev_signal_init(&hangup, make_way, SIGHUP);
	hangup.data = &again;
	ev_signal_start(gateway->loop, &hangup);
	ev_signal_init(&term, stop, SIGTERM);
	ev_signal_init(&interrupt, stop, SIGINT);
	ev_signal_start(gateway->loop, &term);
	ev_signal_start(gateway->loop, &interrupt);
	log_notice("gateway %s is ready; center %s; kernel events from %s",
		   gateway->settings->name, center_url(gateway),
		   gateway->source_ops ? gateway->source_ops->name : "nowhere");
	isolation_log(gateway->isolation);
	if (!gateway->signatures)
		log_notice("signatures are not looked at: <signatures key=\"…\"/> in gateway.xml has the center's key");
	services_start(gateway);
	if (!keeper_found(gateway->keeper))
		collection_add(gateway, &(struct event){ .part = "runtime", .name = SERVICES_STARTED },
			       "the gateway has started, and no application runs yet");
	orders_start(gateway);
	standing_start(gateway);
	watchdog_manager_notify("READY=1");
	/* What starting needed and running does not goes back to the kernel. */
	malloc_trim(0);
	ev_run(gateway->loop, 0);
	watchdog_manager_notify(again ? "RELOADING=1" : "STOPPING=1");
	return again;
}

static void xml_quiet(void *user, xmlErrorPtr error)
{
}

int main(int argc, char **argv)
{
	struct gateway gateway = { .started_ns = clock_now() };
	struct error err = { 0 };
	int ret = options_parse(argc, argv);
	char program[PATH_MAX] = "";
	bool again = false;

	if (ret)
		return ret - 1;
	log_open("faultlined", options.level);
	signal(SIGPIPE, SIG_IGN);
	/* Every error of libxml2 is taken from where it happens. */
	xmlSetStructuredErrorFunc(NULL, xml_quiet);
	/* Not the default loop: it reaps every child, and with it the status of ours. */
	gateway.loop = ev_loop_new(EVFLAG_AUTO);
	ret = configuration_open(&gateway, &err);
	if (!ret && options.test) {
		printf("%s: good: gateway %s, center %s\n", options.config,
		       gateway.settings->name, gateway.settings->center_urls[0]);
	} else if (!ret && geteuid()) {
		ret = error_set(&err, -EPERM,
				"it must run as root: applications run as users of their own, and the kernel is watched");
	} else if (!ret && options.clean) {
		ret = leftovers_remove(gateway.settings, &err);
	} else if (!ret) {
		if (priority_raise())
			log_warning("faults are known later than they could be: no right to raise the priority (CAP_SYS_NICE)");
		program_beside("faultlined", program);
		ret = gateway_open(&gateway, &err);
		if (!ret)
			again = gateway_run(&gateway);
		if (!ret && !again && gateway.settings->reliability)
			halt_expected(&gateway);
	}
	/* One that cannot even start leaves what another one has left. */
	gateway_close(&gateway, again || (ret && keeper_found(gateway.keeper)));
	ev_loop_destroy(gateway.loop);
	xmlCleanupParser();
	if (again) {
		execv(program, argv);
		log_error("%s: %m", program);
		ret = -errno;
	}
	if (ret)
		log_error("%s", err.text);
	return ret ? 1 : 0;
}
