/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elfutils' library for backtraces and symbols, loaded when it is asked for: a
 * gateway does without it, and then knows a thread's place but not its callers.
 */
#ifndef SUPERVISORD_CTL_LIBDW_H
#define SUPERVISORD_CTL_LIBDW_H

#include <elfutils/libdwfl.h>

/* Debian's package, for who has to be told what to install. */
#define LIBDW_PACKAGE "libdw1"

#define LIBDW_FUNCTIONS(each)	\
	each(dwfl_begin)	\
	each(dwfl_end)		\
	each(dwfl_errmsg)	\
	each(dwfl_report_begin)	\
	each(dwfl_report_elf)	\
	each(dwfl_report_end)	\
	each(dwfl_attach_state)	\
	each(dwfl_getthread_frames)	\
	each(dwfl_thread_state_registers)	\
	each(dwfl_thread_state_register_pc)	\
	each(dwfl_frame_pc)	\
	each(dwfl_addrmodule)	\
	each(dwfl_module_addrinfo)	\
	each(dwfl_module_getsrc)	\
	each(dwfl_lineinfo)	\
	each(dwfl_offline_section_address)	\
	each(dwfl_standard_find_debuginfo)

/** struct libdw - its functions, by their own names */
struct libdw {
#define LIBDW_MEMBER(name) __typeof__(&name) name;
	LIBDW_FUNCTIONS(LIBDW_MEMBER)
#undef LIBDW_MEMBER
};

/** libdw_load - the library, for the life of the process; NULL where it is not installed or too old */
const struct libdw *libdw_load(void);

#endif /* SUPERVISORD_CTL_LIBDW_H */
