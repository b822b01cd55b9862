/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit statuses of faultline-unpack. */
#ifndef SUPERVISORD_REMOTE_UNPACK_STATUS_H
#define SUPERVISORD_REMOTE_UNPACK_STATUS_H

enum unpack_status {
	UNPACK_DONE,
	UNPACK_REFUSED,
	UNPACK_USAGE,
	UNPACK_CUT_SHORT,	/* its input ended before the bundle did */
};

#endif /* SUPERVISORD_REMOTE_UNPACK_STATUS_H */
