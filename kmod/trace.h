/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own trace events, for an operator who wants to see what it does:
 * /sys/kernel/tracing/events/faultline/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM faultline

#if !defined(_FL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FL_TRACE_H

#include <linux/tracepoint.h>
#include <linux/faultline.h>

#define fl_trace_type(type)					\
	__print_symbolic(type,					\
			 { FAULTLINE_RECORD_FATAL, "fatal" },	\
			 { FAULTLINE_RECORD_EXIT, "exit" },	\
			 { FAULTLINE_RECORD_HANG, "hang" },	\
			 { FAULTLINE_RECORD_HANG_OVER, "hang_over" }, \
			 { FAULTLINE_RECORD_LIMIT, "limit" },	\
			 { FAULTLINE_RECORD_HELD, "held" },	\
			 { FAULTLINE_RECORD_RANGE, "range" })

DECLARE_EVENT_CLASS(faultline_record_class,

	TP_PROTO(const struct faultline_record *record),

	TP_ARGS(record),

	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, watch)
		__field(u32, len)
		__field(u16, type)
		__field(u16, flags)
		__field(s32, tgid)
		__field(s32, tid)
		__field(s32, signo)
		__field(s32, code)
		__array(char, comm, FAULTLINE_COMM_LEN)
	),

	TP_fast_assign(
		__entry->cookie = record->cookie;
		__entry->watch = record->watch;
		__entry->len = record->len;
		__entry->type = record->type;
		__entry->flags = record->flags;
		__entry->tgid = record->tgid;
		__entry->tid = record->tid;
		__entry->signo = record->signo;
		__entry->code = record->code;
		memcpy(__entry->comm, record->comm, FAULTLINE_COMM_LEN);
	),

	TP_printk("type=%s watch=%u cookie=%llu tgid=%d tid=%d comm=%s signo=%d code=%d flags=%#x len=%u",
		  fl_trace_type(__entry->type), __entry->watch, __entry->cookie, __entry->tgid,
		  __entry->tid, __entry->comm, __entry->signo, __entry->code, __entry->flags,
		  __entry->len)
);

/* A record has its slot. */
DEFINE_EVENT(faultline_record_class, faultline_record,
	TP_PROTO(const struct faultline_record *record),
	TP_ARGS(record)
);

/* There was none for it. */
DEFINE_EVENT(faultline_record_class, faultline_lost,
	TP_PROTO(const struct faultline_record *record),
	TP_ARGS(record)
);

DECLARE_EVENT_CLASS(faultline_watch_class,

	TP_PROTO(u32 watch, u64 cookie),

	TP_ARGS(watch, cookie),

	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, watch)
	),

	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->watch = watch;
	),

	TP_printk("watch=%u cookie=%llu", __entry->watch, __entry->cookie)
);

DEFINE_EVENT(faultline_watch_class, faultline_watch_begin,
	TP_PROTO(u32 watch, u64 cookie),
	TP_ARGS(watch, cookie)
);

DEFINE_EVENT(faultline_watch_class, faultline_watch_end,
	TP_PROTO(u32 watch, u64 cookie),
	TP_ARGS(watch, cookie)
);

#endif /* _FL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
