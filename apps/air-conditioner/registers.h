/* SPDX-License-Identifier: GPL-2.0-only */
/* The unit's Modbus registers, as its manual would list them. */
#ifndef AIR_CONDITIONER_REGISTERS_H
#define AIR_CONDITIONER_REGISTERS_H

/* Coils. */
#define COIL_POWER 0
#define COILS 1

/* Holding registers: what is wanted. */
#define HOLDING_SET_POINT 0	/* 0.1 °C, 160 to 300 */
#define HOLDING_WIND_VELOCITY 1 /* level, 0 (fan at rest) to 5 */
#define HOLDINGS 2

/* Input registers: what is. */
#define INPUT_ROOM 0 /* 0.1 °C */
#define INPUTS 1

#define SET_POINT_MIN 160
#define SET_POINT_MAX 300
#define WIND_VELOCITY_MAX 5

#endif /* AIR_CONDITIONER_REGISTERS_H */
