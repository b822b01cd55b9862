/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_CANDIDATE_H
#define _FL_CANDIDATE_H

#include <linux/types.h>

/**
 * struct fl_candidate - a signal on its way that would end the process
 * @id: from 1, a new one for each candidate of any process
 * @tid: the thread that it was sent to
 * @signo: 0 where there is none
 * @flags: FAULTLINE_F_SENT, FAULTLINE_F_KERNEL
 * @own: the thread brought it on itself and it was meant for that thread alone
 * @code: si_code
 * @errno_: si_errno
 * @sender_tgid: with FAULTLINE_F_SENT
 * @sender_uid: likewise
 * @fault: an access to memory that the thread itself tried: the others are set
 * @address: si_addr
 * @error_code: the processor's
 */
struct fl_candidate {
	u32 id;
	pid_t tid;
	int signo;
	u16 flags;
	bool own;
	int code;
	int errno_;
	pid_t sender_tgid;
	u32 sender_uid;
	bool fault;
	u64 address;
	u64 error_code;
};

/**
 * fl_candidate_keep() - keep @candidate, the last there is
 * Return: its id; 0 where the process is not watched, its end is recorded, or
 * neither captures nor a hold are wanted.
 */
u32 fl_candidate_keep(pid_t tgid, const struct fl_candidate *candidate);

/* In the task work of the thread that @candidate was sent to. */
void fl_candidate_capture(u32 candidate);

/* There, too: wait before the end, where the watch is set so. It may take long. */
void fl_candidate_hold(u32 candidate);

#endif /* _FL_CANDIDATE_H */
