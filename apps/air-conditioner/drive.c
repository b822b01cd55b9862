// SPDX-License-Identifier: GPL-2.0-only
#include "drive.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "registers.h"

int drive_open(struct drive *drive, const char *unit)
{
	int end = 0;

	memset(drive, 0, sizeof(*drive));
	if (sscanf(unit, "%15[0-9.]:%d%n", drive->host, &drive->port, &end) != 2 ||
	    unit[end] || drive->port < 1 || drive->port > 65535)
		return -EINVAL;
	return journal_open(&drive->journal);
}

int drive_wait(struct drive *drive, const char *ms)
{
	char *end;

	drive->timeout_ms = strtol(ms, &end, 10);
	return end == ms || *end || drive->timeout_ms < 1 ||
	       drive->timeout_ms > DRIVE_TIMEOUT_MAX_MS ? -EINVAL : 0;
}

static void drive_disconnect(struct drive *drive)
{
	if (!drive->modbus)
		return;
	modbus_close(drive->modbus);
	modbus_free(drive->modbus);
	drive->modbus = NULL;
}

void drive_close(struct drive *drive)
{
	drive_disconnect(drive);
	journal_close(&drive->journal);
}

static int drive_connect(struct drive *drive)
{
	if (drive->modbus)
		return 0;
	drive->modbus = modbus_new_tcp(drive->host, drive->port);
	if (drive->modbus && drive->timeout_ms)
		modbus_set_response_timeout(drive->modbus, drive->timeout_ms / 1000,
					    drive->timeout_ms % 1000 * 1000);
	if (drive->modbus && !modbus_connect(drive->modbus))
		return 0;
	if (drive->modbus)
		modbus_free(drive->modbus);
	drive->modbus = NULL;
	return -1;
}

/* A connection that failed may be out of step: the next use makes a new one. */
static int drive_result(struct drive *drive, int n)
{
	int error = errno;

	if (n >= 0)
		return 0;
	drive_disconnect(drive);
	errno = error;
	return -1;
}

/* One value of a processing that writes @steps of them. */
static int drive_write(struct drive *drive, int address, int value, int step, int steps)
{
	if (drive_connect(drive) ||
	    drive_result(drive, modbus_write_register(drive->modbus, address, value)))
		return -1;
	fault_point(step, steps, &drive->journal);
	journal_append(&drive->journal, address, value);
	return 0;
}

int drive_power(struct drive *drive, bool on)
{
	if (drive_connect(drive) ||
	    drive_result(drive, modbus_write_bit(drive->modbus, COIL_POWER, on)))
		return -1;
	fault_point(1, 1, &drive->journal);
	journal_append(&drive->journal, COIL_POWER, on);
	return 0;
}

int drive_reset(struct drive *drive)
{
	if (drive_power(drive, false))
		return -1;
	return drive_write(drive, HOLDING_WIND_VELOCITY, 0, 2, 2);
}

int drive_set_temperature(struct drive *drive, double celsius)
{
	return drive_write(drive, HOLDING_SET_POINT, lround(celsius * 10), 1, 1);
}

/* From the level that the unit has, one at a time. */
static __attribute__((noinline)) int fan_ramp(struct drive *drive, int from, int to)
{
	int steps = from == to ? 1 : abs(to - from);
	int direction = (to > from) - (to < from);

	for (int step = 1; step <= steps; step++)
		if (drive_write(drive, HOLDING_WIND_VELOCITY, from + step * direction,
				step, steps))
			return -1;
	return 0;
}

int drive_set_wind_velocity(struct drive *drive, int level)
{
	uint16_t now;

	if (drive_connect(drive) ||
	    drive_result(drive, modbus_read_registers(drive->modbus, HOLDING_WIND_VELOCITY,
						      1, &now)))
		return -1;
	return fan_ramp(drive, now, level);
}

int drive_state(struct drive *drive, struct drive_state *state)
{
	uint16_t wanted[HOLDINGS], room;
	uint8_t power;

	if (drive_connect(drive) ||
	    drive_result(drive, modbus_read_bits(drive->modbus, COIL_POWER, 1, &power)) ||
	    drive_result(drive, modbus_read_registers(drive->modbus, 0, HOLDINGS, wanted)) ||
	    drive_result(drive, modbus_read_input_registers(drive->modbus, INPUT_ROOM, 1, &room)))
		return -1;
	state->power = power;
	state->set_celsius = wanted[HOLDING_SET_POINT] / 10.0;
	state->wind_velocity = wanted[HOLDING_WIND_VELOCITY];
	state->room_celsius = room / 10.0;
	return 0;
}
