// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/faultline: the heartbeat of a watched process's own, with the interface
 * of a hardware watchdog (linux/watchdog.h). It asks for no rights, and gives
 * none: whoever is not watched cannot open it, and whoever is can say only of
 * its own watch that it lives, or that it is to be believed dead earlier than
 * the supervisor would.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/watchdog.h>

#include "device.h"
#include "heartbeat.h"

/**
 * struct device_file - an open file
 * @node: in @files
 * @file: the kernel's part of it
 * @watch: of the process that opened it
 * @farewell: closing it ends what is expected (the last write had a 'V')
 */
struct device_file {
	struct list_head node;
	struct file *file;
	u32 watch;
	bool farewell;
};

/*
 * @lock: guards @files
 * @inside: calls of the functions below that are running
 */
static struct {
	spinlock_t lock;	/* see above */
	struct list_head files;
	atomic_t inside;
} device = {
	.lock = __SPIN_LOCK_UNLOCKED(device.lock),
	.files = LIST_HEAD_INIT(device.files),
};

static int device_open_file(struct inode *inode, struct file *file)
{
	struct device_file *own = kzalloc(sizeof(*own), GFP_KERNEL);
	int err;

	if (!own)
		return -ENOMEM;
	err = fl_heartbeat_open(&own->watch);
	if (err) {
		kfree(own);
		return err;
	}
	own->file = file;
	file->private_data = own;
	spin_lock(&device.lock);
	list_add(&own->node, &device.files);
	spin_unlock(&device.lock);
	return stream_open(inode, file);
}

static int device_open(struct inode *inode, struct file *file)
{
	int err;

	atomic_inc(&device.inside);
	err = device_open_file(inode, file);
	atomic_dec(&device.inside);
	return err;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct device_file *own = file->private_data;

	atomic_inc(&device.inside);
	spin_lock(&device.lock);
	list_del(&own->node);
	spin_unlock(&device.lock);
	if (own->farewell)
		fl_heartbeat_close(own->watch);
	kfree(own);
	atomic_dec(&device.inside);
	return 0;
}

static ssize_t device_write_file(struct device_file *own, const char __user *data, size_t len)
{
	bool farewell = false;
	size_t i;
	char c;
	int err;

	if (!len)
		return 0;
	/* A sign of life needs no more than a page. */
	len = min_t(size_t, len, PAGE_SIZE);
	for (i = 0; i < len; i++) {
		if (get_user(c, data + i))
			return -EFAULT;
		farewell |= c == 'V';
	}
	own->farewell = farewell;
	err = fl_heartbeat_own(own->watch);
	return err ? err : len;
}

static ssize_t device_write(struct file *file, const char __user *data, size_t len,
			    loff_t *offset)
{
	ssize_t done;

	atomic_inc(&device.inside);
	done = device_write_file(file->private_data, data, len);
	atomic_dec(&device.inside);
	return done;
}

static int device_set_options(u32 watch, int options)
{
	switch (options) {
	case WDIOS_DISABLECARD:
		return fl_heartbeat_expect(watch, 0);
	case WDIOS_ENABLECARD:
		return fl_heartbeat_expect(watch, FL_HEARTBEAT_DEFAULT_MS);
	default:
		return -EINVAL;
	}
}

static int device_set_timeout(u32 watch, int seconds)
{
	if (seconds < 1 || seconds > FL_HEARTBEAT_MAX_MS / MSEC_PER_SEC)
		return -EINVAL;
	return fl_heartbeat_expect(watch, seconds * MSEC_PER_SEC);
}

static long device_ioctl_file(struct device_file *own, unsigned int cmd, void __user *with)
{
	static const struct watchdog_info info = {
		.options = WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE,
		.identity = "Faultline heartbeat",
	};
	int __user *number = with;
	u32 timeout_ms, left_ms;
	int value, err = 0;

	switch (cmd) {
	case WDIOC_GETSUPPORT:
		return copy_to_user(with, &info, sizeof(info)) ? -EFAULT : 0;
	case WDIOC_GETSTATUS:
	case WDIOC_GETBOOTSTATUS:
		return put_user(0, number);
	case WDIOC_KEEPALIVE:
		return fl_heartbeat_own(own->watch);
	case WDIOC_SETOPTIONS:
		return get_user(value, number) ? -EFAULT : device_set_options(own->watch, value);
	case WDIOC_SETTIMEOUT:
		if (get_user(value, number))
			return -EFAULT;
		err = device_set_timeout(own->watch, value);
		break;
	case WDIOC_GETTIMEOUT:
	case WDIOC_GETTIMELEFT:
		break;
	default:
		return -ENOTTY;
	}
	if (!err)
		err = fl_heartbeat_times(own->watch, &timeout_ms, &left_ms);
	if (err)
		return err;
	value = cmd == WDIOC_GETTIMELEFT ? left_ms : timeout_ms;
	return put_user(DIV_ROUND_UP(value, MSEC_PER_SEC), number);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long with)
{
	long err;

	atomic_inc(&device.inside);
	err = device_ioctl_file(file->private_data, cmd, (void __user *)with);
	atomic_dec(&device.inside);
	return err;
}

/* Without an owner: see fl_device_exit(). */
static const struct file_operations device_operations = {
	.open = device_open,
	.release = device_release,
	.write = device_write,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faultline",
	.fops = &device_operations,
	.mode = 0666,
};

int fl_device_init(void)
{
	return misc_register(&device_misc);
}

/*
 * An owner in the file operations would let any watched process keep the module
 * in the kernel by an open file. So there is none, and the files that are open
 * are given other operations here: the kernel's own generic ones for files that
 * can only be read, under which reading and writing are EINVAL (the file has no
 * pages, and says so) and an ioctl is ENOTTY.
 *
 * A file in the list has not got through device_release(), so that it is there
 * to be changed. After misc_deregister(), which waits for an open that runs,
 * nothing is added. Then, as in fl_twork_retire(): a task that has loaded one of
 * the old functions either waits in core code for its CPU, and has called it and
 * slept, or been in user space, when the first synchronize_rcu_tasks() returns;
 * or is counted as inside, and is waited for; and is out of the last
 * instructions after the second. Entries whose files were closed meanwhile, or
 * will be, are freed here: nobody else knows of them any more.
 */
void fl_device_exit(void)
{
	struct device_file *own, *next;

	misc_deregister(&device_misc);
	spin_lock(&device.lock);
	list_for_each_entry(own, &device.files, node)
		WRITE_ONCE(own->file->f_op, &generic_ro_fops);
	spin_unlock(&device.lock);

	synchronize_rcu_tasks();
	/*
	 * For as long as a page of the caller takes to come. One that never
	 * comes is the caller's own doing, and killing it ends the wait.
	 */
	while (atomic_read(&device.inside))
		usleep_range(100, 1000);
	synchronize_rcu_tasks();
	list_for_each_entry_safe(own, next, &device.files, node)
		kfree(own);
}
