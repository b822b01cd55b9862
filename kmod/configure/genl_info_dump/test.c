// SPDX-License-Identifier: GPL-2.0-only
/* Does the kernel hand a dump's attributes out with genl_info_dump()? */
#include <net/genetlink.h>

const struct genl_info *faultline_test(struct netlink_callback *cb);

const struct genl_info *faultline_test(struct netlink_callback *cb)
{
	return genl_info_dump(cb);
}
