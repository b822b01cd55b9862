/* SPDX-License-Identifier: GPL-2.0-only */
/* The names that documents and messages may hold (docs/protocol.md, "Center"). */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <stdbool.h>

#define NAME_MAX_LEN 63
#define VERSION_MAX_LEN 32
#define KIND_MAX_LEN 127
#define REQUEST_ID_MAX_LEN 63

/** name_valid - application, service, gateway, processing: [a-z][a-z0-9-]{0,62} */
bool name_valid(const char *name);
/** version_valid - [0-9A-Za-z][0-9A-Za-z.+~-]{0,31} */
bool version_valid(const char *version);
/** kind_valid - names joined by dots; of faults and of events */
bool kind_valid(const char *kind);
/** request_id_valid - of a request of the center's: [0-9A-Za-z][0-9A-Za-z._-]{0,62} */
bool request_id_valid(const char *id);
/** sha256_valid - 64 lower-case hexadecimal digits */
bool sha256_valid(const char *hex);

#endif /* LIB_NAME_H */
