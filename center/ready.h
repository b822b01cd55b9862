/* SPDX-License-Identifier: GPL-2.0-only */
/* The service manager's notification protocol, sd_notify(3). */
#ifndef CENTER_READY_H
#define CENTER_READY_H

/** ready_notify - tell who started us, if $NOTIFY_SOCKET says where; @state as "READY=1" */
void ready_notify(const char *state);

#endif /* CENTER_READY_H */
