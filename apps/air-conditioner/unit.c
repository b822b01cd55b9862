// SPDX-License-Identifier: GPL-2.0-only
/*
 * aircon-unit: a simulated air conditioner, equipment (5) on the local network.
 * Modbus/TCP, the registers of registers.h, as many clients as there are slots.
 * The room follows with a first-order lag: towards the set point while the unit is
 * on and its fan turns, the faster the more it blows; back towards the outside else.
 *
 * aircon-unit [--port N] [--room CELSIUS] [--speed FACTOR] [--trace]
 *   --port   on 127.0.0.1; 0 for any that is free, 15020 by default
 *   --room   temperature at the start, 28 by default
 *   --speed  makes the room's time run faster, 1 by default
 *   --trace  a line for each value that is written
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <modbus.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "registers.h"

#define CLIENTS_MAX 16
#define OUTSIDE_CELSIUS 30.0
/* Time constants of the room: alone, and with the fan at its lowest level. */
#define LAG_ALONE_S 600.0
#define LAG_COOLED_S 60.0

struct unit {
	modbus_t *modbus;
	modbus_mapping_t *registers;
	double room;
	double speed;
	bool trace;
	struct timespec last;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = 1;
}

/*
 * Nothing that the room depends on changes between two requests, so its state is
 * worked out when one comes; the unit needs no clock tick.
 */
static void room_follow(struct unit *unit)
{
	int level = unit->registers->tab_registers[HOLDING_WIND_VELOCITY];
	bool cooling = unit->registers->tab_bits[COIL_POWER] && level;
	double goal = cooling ? unit->registers->tab_registers[HOLDING_SET_POINT] / 10.0 :
				OUTSIDE_CELSIUS;
	double lag = cooling ? LAG_COOLED_S / level : LAG_ALONE_S;
	struct timespec now;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = now.tv_sec - unit->last.tv_sec + (now.tv_nsec - unit->last.tv_nsec) / 1e9;
	unit->last = now;
	unit->room = goal + (unit->room - goal) * exp(-seconds * unit->speed / lag);
	unit->registers->tab_input_registers[INPUT_ROOM] = lround(unit->room * 10);
}

/* The unit guards itself: 0, or the Modbus exception that a request earns. */
static unsigned int request_check(const uint8_t *pdu)
{
	int address = pdu[1] << 8 | pdu[2], value = pdu[3] << 8 | pdu[4];

	switch (pdu[0]) {
	case MODBUS_FC_READ_COILS:
	case MODBUS_FC_READ_HOLDING_REGISTERS:
	case MODBUS_FC_READ_INPUT_REGISTERS:
	case MODBUS_FC_WRITE_SINGLE_COIL:
		return 0;
	case MODBUS_FC_WRITE_SINGLE_REGISTER:
		if (address == HOLDING_SET_POINT &&
		    (value < SET_POINT_MIN || value > SET_POINT_MAX))
			return MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE;
		if (address == HOLDING_WIND_VELOCITY && value > WIND_VELOCITY_MAX)
			return MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE;
		return 0;
	default:
		return MODBUS_EXCEPTION_ILLEGAL_FUNCTION;
	}
}

static void request_trace(const struct unit *unit, const uint8_t *pdu)
{
	const modbus_mapping_t *registers = unit->registers;

	if (!unit->trace || (pdu[0] != MODBUS_FC_WRITE_SINGLE_COIL &&
			     pdu[0] != MODBUS_FC_WRITE_SINGLE_REGISTER))
		return;
	printf("power %d, set point %.1f, wind velocity %d, room %.1f\n",
	       registers->tab_bits[COIL_POWER],
	       registers->tab_registers[HOLDING_SET_POINT] / 10.0,
	       registers->tab_registers[HOLDING_WIND_VELOCITY], unit->room);
	fflush(stdout);
}

/* One request of a client; false when the client is gone. */
static bool client_serve(struct unit *unit, int fd)
{
	uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH] = { 0 };
	const uint8_t *pdu = query + modbus_get_header_length(unit->modbus);
	unsigned int exception;
	int n;

	modbus_set_socket(unit->modbus, fd);
	n = modbus_receive(unit->modbus, query);
	if (n < 0)
		return false;
	if (!n)
		return true;
	room_follow(unit);
	exception = request_check(pdu);
	if (exception)
		return modbus_reply_exception(unit->modbus, query, exception) >= 0;
	if (modbus_reply(unit->modbus, query, n, unit->registers) < 0)
		return false;
	request_trace(unit, pdu);
	return true;
}

static void client_accept(struct unit *unit, int listener, struct pollfd *slots)
{
	int fd = modbus_tcp_accept(unit->modbus, &listener);

	for (int i = 1; i <= CLIENTS_MAX && fd >= 0; i++) {
		if (slots[i].fd >= 0)
			continue;
		slots[i].fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* Signals come through only while poll() waits. */
static void unit_serve(struct unit *unit, int listener)
{
	struct pollfd slots[1 + CLIENTS_MAX] = { { .fd = listener, .events = POLLIN } };
	sigset_t open;

	sigemptyset(&open);
	for (int i = 1; i <= CLIENTS_MAX; i++)
		slots[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	while (!stopped) {
		if (ppoll(slots, 1 + CLIENTS_MAX, NULL, &open) < 0)
			continue;
		for (int i = 1; i <= CLIENTS_MAX; i++) {
			if (!slots[i].revents || client_serve(unit, slots[i].fd))
				continue;
			close(slots[i].fd);
			slots[i].fd = -1;
		}
		if (slots[0].revents)
			client_accept(unit, listener, slots);
	}
	for (int i = 1; i <= CLIENTS_MAX; i++)
		if (slots[i].fd >= 0)
			close(slots[i].fd);
}

static void signals_prepare(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t closed;

	sigemptyset(&closed);
	sigaddset(&closed, SIGTERM);
	sigaddset(&closed, SIGINT);
	sigprocmask(SIG_BLOCK, &closed, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static int unit_listen(struct unit *unit, int port)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int listener;

	unit->modbus = modbus_new_tcp("127.0.0.1", port);
	unit->registers = modbus_mapping_new(COILS, 0, HOLDINGS, INPUTS);
	if (!unit->modbus || !unit->registers)
		return -1;
	unit->registers->tab_registers[HOLDING_SET_POINT] = 260;
	listener = modbus_tcp_listen(unit->modbus, CLIENTS_MAX);
	if (listener < 0 || getsockname(listener, (struct sockaddr *)&address, &len))
		return -1;
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "room", required_argument, NULL, 'r' },
		{ "speed", required_argument, NULL, 's' },
		{ "trace", no_argument, NULL, 't' },
		{ 0 },
	};
	struct unit unit = { .room = 28, .speed = 1 };
	int listener, option, port = 15020;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			port = atoi(optarg);
		else if (option == 'r')
			unit.room = atof(optarg);
		else if (option == 's')
			unit.speed = atof(optarg);
		else if (option == 't')
			unit.trace = true;
		else
			return 2;
	}
	signals_prepare();
	listener = unit_listen(&unit, port);
	if (listener < 0) {
		fprintf(stderr, "aircon-unit: 127.0.0.1:%d: %s; is another unit running?\n",
			port, modbus_strerror(errno));
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &unit.last);
	unit_serve(&unit, listener);
	close(listener);
	modbus_mapping_free(unit.registers);
	modbus_free(unit.modbus);
	return 0;
}
