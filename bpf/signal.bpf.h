/* SPDX-License-Identifier: GPL-2.0-only */
/* What the probes know of signals (signal(7)), and of what a siginfo tells. */
#ifndef SIGNAL_BPF_H
#define SIGNAL_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "probes.h"

#define SIGNAL_BIT(signo) (1ULL << ((signo) - 1))

static __always_inline bool signal_in(int signo, u64 set)
{
	return set >> ((signo - 1) & 63) & 1;
}

/* Is the default action to end the process? */
static __always_inline bool signal_may_end(int signo)
{
	return !signal_in(signo, SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) |
					 SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGURG) |
					 SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) |
					 SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU));
}

/* Is the default action to dump core? */
static __always_inline bool signal_dumps_core(int signo)
{
	return signal_in(signo, SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) |
					SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |
					SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) |
					SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGSYS) |
					SIGNAL_BIT(SIGXCPU) | SIGNAL_BIT(SIGXFSZ));
}

/* Did the thread's own instruction raise it? */
static __always_inline bool signal_is_fault(int signo, int code)
{
	return code > 0 &&
	       signal_in(signo, SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) |
					SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGFPE) |
					SIGNAL_BIT(SIGTRAP));
}

/* What the process does on the signal; NULL (SIG_DFL): the default. */
static __always_inline void *signal_handler(struct task_struct *task, int signo)
{
	/* As a plain number: an index may be added to it. */
	void *sighand = BPF_CORE_READ(task, sighand);
	void *handler = NULL;

	bpf_probe_read_kernel(&handler, sizeof(handler),
			      sighand +
				      bpf_core_field_offset(struct sighand_struct, action) +
				      bpf_core_field_offset(struct k_sigaction, sa.sa_handler) +
				      (signo - 1) * bpf_core_type_size(struct k_sigaction));
	return handler;
}

static __always_inline void cause_fill(struct probes_cause *cause, int signo,
				       struct kernel_siginfo *info)
{
	__builtin_memset(cause, 0, sizeof(*cause));
	cause->signo = signo;
	if ((u64)info == SEND_SIG_NOINFO)
		return;	/* from a process, code SI_USER: 0 */
	if ((u64)info == SEND_SIG_PRIV) {
		cause->code = SI_KERNEL;
		cause->flags = FAULTLINE_F_KERNEL;
		return;
	}
	cause->code = BPF_CORE_READ(info, si_code);
	cause->errno_ = BPF_CORE_READ(info, si_errno);
	if (cause->code > 0)
		cause->flags = FAULTLINE_F_KERNEL;
	if (signal_is_fault(signo, cause->code))
		cause->fault_addr =
			(u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
}

/*
 * Of a signal that is being sent now: who sends it. The siginfo has the sender
 * in the words of the target's namespaces, or forged; current is the truth.
 */
static __always_inline void cause_sender(struct probes_cause *cause, u32 target)
{
	u32 sender = bpf_get_current_pid_tgid() >> 32;

	if (sender == target || (cause->code != SI_USER && cause->code != SI_TKILL &&
				 cause->code != SI_QUEUE))
		return;
	cause->flags |= FAULTLINE_F_SENT;
	cause->sender_tgid = sender;
	cause->sender_uid = (u32)bpf_get_current_uid_gid();
}

#endif /* SIGNAL_BPF_H */
