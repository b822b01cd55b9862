/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file system in user space whose server does not answer a read: who reads
 * its one file is in an uninterruptible sleep until the server ends.
 */
#ifndef TESTS_STUCKFS_H
#define TESTS_STUCKFS_H

#define STUCKFS_DIR	"/tmp/stuck"
#define STUCKFS_FILE	STUCKFS_DIR "/file"

/* What is missing for it here, or NULL. Loads ./fuse.ko where that is there. */
const char *needs_stuckfs(void);

/* Mounts it. Return: for stuckfs_serve(), or -1. Unmounted by umount(). */
int stuckfs_mount(void);

/* Be its server, for ever. Nobody else may have @fd, or its end is not seen. */
_Noreturn void stuckfs_serve(int fd);

#endif /* TESTS_STUCKFS_H */
