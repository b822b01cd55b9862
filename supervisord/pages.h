/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of libraries that is only touched while a program starts, or while a
 * transfer of the link runs: libcurl brings thirty libraries, of which an idle
 * link needs next to nothing. Their clean pages are given back; what is needed
 * again is mapped again from the page cache.
 */
#ifndef SUPERVISORD_PAGES_H
#define SUPERVISORD_PAGES_H

/** pages_find - learn which mappings are clean; before /proc is out of reach */
void pages_find(void);

/** pages_release - give back what an idle process does not need */
void pages_release(void);

#endif /* SUPERVISORD_PAGES_H */
