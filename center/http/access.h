/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may ask for what (RFC 6750: bearer tokens). */
#ifndef CENTER_HTTP_ACCESS_H
#define CENTER_HTTP_ACCESS_H

#include "center/http/exchange.h"

/**
 * enum access - who may use a route
 * @ACCESS_OPEN: everybody
 * @ACCESS_DOWNLOAD: every gateway, and administrators
 * @ACCESS_GATEWAY: the gateway that the path names first, and administrators
 * @ACCESS_ADMINISTRATOR: administrators; nobody while there is none
 *
 * As long as no gateway has a token everybody passes for one.
 */
enum access { ACCESS_OPEN, ACCESS_DOWNLOAD, ACCESS_GATEWAY, ACCESS_ADMINISTRATOR };

/**
 * access_check - may the exchange's sender do that?
 *
 * Return: true, with the exchange's principal set; false: @result is what was answered.
 */
bool access_check(struct exchange *exchange, enum access access, enum MHD_Result *result);

#endif /* CENTER_HTTP_ACCESS_H */
