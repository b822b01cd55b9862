// SPDX-License-Identifier: GPL-2.0-only
/* Where the module's trace events are made of their descriptions. */
#define CREATE_TRACE_POINTS
#include "trace.h"
