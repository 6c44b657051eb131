/* Attaching a program, and the listener that may come of it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/uapi.h"

/* The listener that this process loaded last, and the one last dropped: a context may
 * still hold the latter's number. */
static _Atomic int listener_fd = -1;
static _Atomic int dropped_fd = -1;

static int flag_add(
	enum sc_kernel_feature feature, unsigned long flag, unsigned long *flags)
{
	if (!sc_kernel_has(feature))
		return -EOPNOTSUPP;
	*flags |= flag;
	return 0;
}

/* The flags of seccomp(2) for what is asked, or -EOPNOTSUPP. */
static int flags_of(const struct sc_kernel_load *how, unsigned long *flags)
{
	const struct {
		bool asked;
		enum sc_kernel_feature feature;
		unsigned long flag;
	} options[] = {
		{how->tsync, SC_KERNEL_TSYNC, SECCOMP_FILTER_FLAG_TSYNC},
		{how->log, SC_KERNEL_LOG_FLAG, SECCOMP_FILTER_FLAG_LOG},
		{how->ssb, SC_KERNEL_SSB, SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{how->notify, SC_KERNEL_NOTIFY, SECCOMP_FILTER_FLAG_NEW_LISTENER},
		/* A descriptor and the id of the thread that could not follow do not both
		 * fit in one result, so the kernel wants ESRCH chosen beside a listener.
		 */
		{how->notify && how->tsync, SC_KERNEL_TSYNC_ESRCH,
			SECCOMP_FILTER_FLAG_TSYNC_ESRCH},
		{how->notify && how->waitkill, SC_KERNEL_WAITKILL,
			SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
	};
	unsigned long wanted = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].asked &&
			flag_add(options[i].feature, options[i].flag, &wanted) < 0)
			return -EOPNOTSUPP;
	*flags = wanted;
	return 0;
}

static int attach_by_prctl(const struct sock_fprog *prog)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog, 0, 0) == -1 ? -errno : 0;
}

/* The kernel's result: 0, a descriptor where a listener was asked for, or -errno. */
static int attach(const struct sock_fprog *prog, unsigned long flags)
{
	int error;
	long rc;

	if (!flags && sc_kernel_forbids(SC_KERNEL_SYSCALL))
		return attach_by_prctl(prog);
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	error = errno;
	/* Whether there is seccomp(2) at all is asked only when it did not work. */
	if (rc == -1 && !flags && !sc_kernel_has(SC_KERNEL_SYSCALL))
		return attach_by_prctl(prog);
	if (rc == -1)
		return -error;
	/* TSYNC without ESRCH: the id of a thread that could not be synchronised. */
	if (rc > 0 && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -ESRCH;
	return (int)rc;
}

/* Returns the listener's descriptor or -errno. */
static int attach_with_listener(const struct sock_fprog *prog, unsigned long flags)
{
	int fd = attach(prog, flags), rc;

	if (fd != -EBUSY) {
		int reused = fd;

		if (fd < 0)
			return fd;
		atomic_store(&listener_fd, fd);
		atomic_compare_exchange_strong(&dropped_fd, &reused, -1);
		return fd;
	}
	/* Another filter of this thread has the listener. */
	fd = atomic_load(&listener_fd);
	if (fd < 0)
		return -EBUSY;
	flags &= ~(SECCOMP_FILTER_FLAG_NEW_LISTENER |
		   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	rc = attach(prog, flags);
	return rc < 0 ? rc : fd;
}

int sc_kernel_load(
	const struct sock_fprog *prog, const struct sc_kernel_load *how, int *listener)
{
	unsigned long flags;
	int rc = flags_of(how, &flags);

	if (rc < 0)
		return rc;
	if (how->nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -errno;
	rc = how->notify ? attach_with_listener(prog, flags) : attach(prog, flags);
	if (rc < 0)
		return rc;
	*listener = how->notify ? rc : -1;
	return 0;
}

int sc_kernel_listener(int own)
{
	if (own >= 0 && own != atomic_load(&dropped_fd))
		return own;
	return atomic_load(&listener_fd);
}

void sc_kernel_listener_drop(void)
{
	int fd = atomic_exchange(&listener_fd, -1);
	int saved = errno;
	uint64_t no_id = 0;

	if (fd < 0)
		return;
	atomic_store(&dropped_fd, fd);
	/* Only a listener says ENOENT to an id that was never given out (5.0 knows the
	 * old number alone and says EINVAL to the new one). */
	if (ioctl(fd, SC_NOTIF_ID_VALID_5_0, &no_id) == -1 && errno == ENOENT)
		close(fd);
	errno = saved;
}
