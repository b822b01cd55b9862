// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/fuse.h>

#include "stuckfs.h"

static int fuse_answer(int fd, uint64_t unique, int error, const void *body, size_t size)
{
	char answer[256];
	struct fuse_out_header head = {
		.len = sizeof(head) + size, .unique = unique, .error = error };

	memcpy(answer, &head, sizeof(head));
	if (size)
		memcpy(answer + sizeof(head), body, size);
	return write(fd, answer, head.len) == head.len ? 0 : -errno;
}

static struct fuse_attr fuse_attributes(uint64_t node)
{
	if (node == FUSE_ROOT_ID)
		return (struct fuse_attr){ .ino = node, .mode = S_IFDIR | 0755, .nlink = 2 };
	return (struct fuse_attr){ .ino = node, .mode = S_IFREG | 0444, .nlink = 1, .size = 4096 };
}

/* One file, which can be opened. */
static int fuse_serve(int fd, const struct fuse_in_header *in)
{
	const struct fuse_init_in *asked = (const void *)(in + 1);

	switch (in->opcode) {
	case FUSE_INIT:
		return fuse_answer(fd, in->unique, 0, &(struct fuse_init_out){
			.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096,
			.max_readahead = asked->max_readahead,
			.flags = asked->flags & FUSE_ASYNC_READ }, sizeof(struct fuse_init_out));
	case FUSE_LOOKUP:
		return fuse_answer(fd, in->unique, 0, &(struct fuse_entry_out){
			.nodeid = 2, .entry_valid = 600, .attr_valid = 600,
			.attr = fuse_attributes(2) }, sizeof(struct fuse_entry_out));
	case FUSE_GETATTR:
		return fuse_answer(fd, in->unique, 0, &(struct fuse_attr_out){
			.attr_valid = 600, .attr = fuse_attributes(in->nodeid) },
			sizeof(struct fuse_attr_out));
	case FUSE_OPEN:
		return fuse_answer(fd, in->unique, 0, &(struct fuse_open_out){ .fh = 1 },
				   sizeof(struct fuse_open_out));
	case FUSE_READ:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return 0;
	default:
		return fuse_answer(fd, in->unique, -ENOSYS, NULL, 0);
	}
}

_Noreturn void stuckfs_serve(int fd)
{
	static char request[128 * 1024] __attribute__((aligned(8)));

	while (read(fd, request, sizeof(request)) >= (ssize_t)sizeof(struct fuse_in_header))
		if (fuse_serve(fd, (const void *)request))
			break;
	_exit(0);
}

const char *needs_stuckfs(void)
{
	int fd = open("./fuse.ko", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		syscall(SYS_finit_module, fd, "", 0);
		close(fd);
	}
	return access("/dev/fuse", R_OK | W_OK) ? "no FUSE here" : NULL;
}

int stuckfs_mount(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];

	if (fd < 0)
		return -1;
	mkdir(STUCKFS_DIR, 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (!mount("stuck", STUCKFS_DIR, "fuse", MS_NOSUID | MS_NODEV, options))
		return fd;
	close(fd);
	return -1;
}
