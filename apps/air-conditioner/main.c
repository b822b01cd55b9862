// SPDX-License-Identifier: GPL-2.0-only
/*
 * air-conditioner: the application (11) that drives one air conditioner.
 *
 * air-conditioner --unit ADDRESS:PORT [--timeout MILLISECONDS]
 *
 * The time is how long the unit may take over an answer, 500 without it: one behind
 * a slow bus needs more.
 * Its processings are those of application.xml. What it knows of the unit it asks
 * the unit, so that it can be replaced in the middle of the work. It reports the
 * event "temperature-reached" once the room has come within half a degree of a
 * new set point. fault.h tells how it can be made to fail.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sdk/c/faultline_app.h"
#include "drive.h"
#include "fault.h"
#include "registers.h"

#define LOOK_EVERY_MS 200
#define REACHED_CELSIUS 0.5

struct air_conditioner {
	struct drive drive;
	bool awaited; /* the room has yet to reach the set point */
};

static json_t *unit_fail(struct faultline_app *app)
{
	struct air_conditioner *self = app->user;
	bool answered = errno > MODBUS_ENOBASE;

	return faultline_app_fail(app, FAULTLINE_FAILED, "air conditioner at %s:%d: %s%s",
				  self->drive.host, self->drive.port, modbus_strerror(errno),
				  answered ? "" : "; is it switched on and connected?");
}

static json_t *initialize(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;

	fault_begin("initialize");
	if (drive_reset(&self->drive))
		return unit_fail(app);
	self->awaited = false;
	return json_object();
}

static json_t *set_temperature(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;
	const json_t *celsius = json_object_get(params, "celsius");

	fault_begin("set-temperature");
	if (!json_is_number(celsius) || json_number_value(celsius) * 10 < SET_POINT_MIN ||
	    json_number_value(celsius) * 10 > SET_POINT_MAX)
		return faultline_app_fail(app, FAULTLINE_INVALID_PARAMS,
					  "celsius must be a number from %g to %g",
					  SET_POINT_MIN / 10.0, SET_POINT_MAX / 10.0);
	if (drive_set_temperature(&self->drive, json_number_value(celsius)))
		return unit_fail(app);
	self->awaited = true;
	return json_pack("{s:f}", "celsius", json_number_value(celsius));
}

static json_t *set_wind_velocity(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;
	const json_t *level = json_object_get(params, "level");

	fault_begin("set-wind-velocity");
	if (!json_is_integer(level) || json_integer_value(level) < 0 ||
	    json_integer_value(level) > WIND_VELOCITY_MAX)
		return faultline_app_fail(app, FAULTLINE_INVALID_PARAMS,
					  "level must be a whole number from 0 to %d",
					  WIND_VELOCITY_MAX);
	if (drive_set_wind_velocity(&self->drive, json_integer_value(level)))
		return unit_fail(app);
	return json_pack("{s:I}", "level", json_integer_value(level));
}

static json_t *start_temperature_control(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;

	fault_begin("start-temperature-control");
	if (drive_power(&self->drive, true))
		return unit_fail(app);
	self->awaited = true;
	return json_object();
}

static json_t *read_temperature(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;
	struct drive_state state;

	fault_begin("read-temperature");
	if (drive_state(&self->drive, &state))
		return unit_fail(app);
	fault_point(1, 1, &self->drive.journal);
	return json_pack("{s:f, s:f}", "celsius", state.room_celsius, "set", state.set_celsius);
}

static json_t *stop(struct faultline_app *app, json_t *params)
{
	struct air_conditioner *self = app->user;

	fault_begin("stop");
	if (drive_reset(&self->drive))
		return unit_fail(app);
	self->awaited = false;
	return json_pack("{s:i}", "written", (int)self->drive.journal.written);
}

static const struct faultline_processing processings[] = {
	{ "initialize", initialize },
	{ "set-temperature", set_temperature },
	{ "set-wind-velocity", set_wind_velocity },
	{ "start-temperature-control", start_temperature_control },
	{ "read-temperature", read_temperature },
	{ "stop", stop },
	{ NULL },
};

/* A unit that does not answer is told of by the next processing, not here. */
static void look(struct faultline_app *app)
{
	struct air_conditioner *self = app->user;
	struct drive_state state;

	if (!self->awaited || drive_state(&self->drive, &state) || !state.power)
		return;
	if (fabs(state.room_celsius - state.set_celsius) > REACHED_CELSIUS)
		return;
	self->awaited = false;
	faultline_app_event(app, "temperature-reached", FAULTLINE_INFO,
			    json_pack("{s:f}", "celsius", state.room_celsius));
}

int main(int argc, char **argv)
{
	static struct air_conditioner self;
	static struct faultline_app app;
	int status;

	if ((argc != 3 && argc != 5) || strcmp(argv[1], "--unit") ||
	    drive_open(&self.drive, argv[2]) ||
	    (argc == 5 && (strcmp(argv[3], "--timeout") || drive_wait(&self.drive, argv[4])))) {
		fprintf(stderr, "usage: air-conditioner --unit ADDRESS:PORT [--timeout MILLISECONDS],\n"
				"such as --unit 127.0.0.1:15020 --timeout 2000; at most %d\n",
			DRIVE_TIMEOUT_MAX_MS);
		return 2;
	}
	app.processings = processings;
	app.idle = look;
	app.idle_ms = LOOK_EVERY_MS;
	app.user = &self;
	status = faultline_app_run(&app);
	drive_close(&self.drive);
	return status;
}
