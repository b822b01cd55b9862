/* SPDX-License-Identifier: GPL-2.0-only */
/* The unit as the application drives it: equipment (5) over Modbus/TCP. */
#ifndef AIR_CONDITIONER_DRIVE_H
#define AIR_CONDITIONER_DRIVE_H

#include <modbus.h>
#include <stdbool.h>

#include "journal.h"

/**
 * struct drive - one unit
 * @host: IPv4 address
 * @timeout_ms: for an answer; 0: libmodbus' own, 500
 * @modbus: NULL while there is no connection; each function makes one when it
 *	needs it, and gives up one that failed
 */
struct drive {
	char host[16];
	int port;
	long timeout_ms;
	modbus_t *modbus;
	struct journal journal;
};

/** struct drive_state - what the unit says of itself */
struct drive_state {
	bool power;
	double set_celsius;
	int wind_velocity;
	double room_celsius;
};

/** drive_open - take "ADDRESS:PORT"; -EINVAL when it is none, -ENOMEM */
int drive_open(struct drive *drive, const char *unit);
void drive_close(struct drive *drive);

#define DRIVE_TIMEOUT_MAX_MS 60000

/** drive_wait - take the time for an answer, in milliseconds; -EINVAL when it is none */
int drive_wait(struct drive *drive, const char *ms);

/*
 * Each returns 0, or -1 with errno set for modbus_strerror(). What is written
 * twice changes nothing the second time: a processing that was cut short can be
 * asked for again.
 */

/** drive_reset - switch the unit off, its fan at rest */
int drive_reset(struct drive *drive);
int drive_power(struct drive *drive, bool on);
int drive_set_temperature(struct drive *drive, double celsius);
/** drive_set_wind_velocity - level by level, which spares the motor */
int drive_set_wind_velocity(struct drive *drive, int level);
int drive_state(struct drive *drive, struct drive_state *state);

#endif /* AIR_CONDITIONER_DRIVE_H */
