/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_ADDRESS_H
#define _FL_ADDRESS_H

struct fl_candidate;
struct fl_capture;

/**
 * fl_address_take() - add what was at the address at which the current thread faulted
 *
 * Only where fl_maps_take() may be called. Nothing where @candidate is none of
 * the thread's own faults, or somebody else is about to change the mappings.
 */
void fl_address_take(struct fl_capture *capture, const struct fl_candidate *candidate);

#endif /* _FL_ADDRESS_H */
