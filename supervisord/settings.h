/* SPDX-License-Identifier: GPL-2.0-only */
/* A gateway's settings, with the center server data (321): gateway.xml. */
#ifndef SUPERVISORD_SETTINGS_H
#define SUPERVISORD_SETTINGS_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "supervisord/reliability/store.h"

/** struct settings - what gateway.xml says; every string is owned by it */
struct settings {
	char *name;
	char *group;
	char **center_urls;	/* n_centers of them, without a slash at their ends */
	int n_centers;
	char *token;		/* for the centers, or NULL */
	char *center_ca;	/* PEM file for all of them, or NULL */
	char *signature_key;	/* PEM file of the keys that sign what runs, or NULL */
	char *state_folder;
	char *run_folder;
	char *configuration_folder;
	bool reliability;	/* no: R9 */
	bool scripts;		/* no: R12 */
	bool reserve;		/* no: no process is made beforehand */
	char **applications;	/* that stand on it, ended by NULL; or NULL */
	char *source;		/* auto, module, probes or none */
	int decide_ms;		/* time that the center has to decide */
	bool reboot;		/* a countermeasure may reboot the gateway */
	char *watchdog;		/* a device, or NULL */
	int watchdog_s;		/* within which it is fed */
	struct store_retention retention;
	char *link_user;
	int first_uid;		/* of SETTINGS_UIDS user ids for applications */
};

#define SETTINGS_UIDS 1000
#define SETTINGS_CENTERS_MAX 16
#define SETTINGS_APPLICATIONS_MAX 64

/**
 * settings_read - read and check a gateway.xml
 *
 * Return: freed with settings_free(); NULL with @err set.
 */
struct settings *settings_read(const char *path, struct error *err);
void settings_free(struct settings *settings);
DEFINE_CLEANUP(struct settings *, settings_free)
#define __cleanup_settings __cleanup(settings_freep)

#endif /* SUPERVISORD_SETTINGS_H */
