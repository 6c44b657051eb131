/* Preloaded under valgrind, which answers ENOSYS for seccomp(2) in every version that there is:
 * syscall(3) with that one number made by the real processor, outside of the simulated one. All
 * other calls go the usual way (pidfd_send_signal(2) and fsopen(2), which it does not know, as well as
 * they can), and so do these where no valgrind runs.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <valgrind/memcheck.h>

/* Also run natively: no call of its own, no libc, nothing that valgrind would redirect. */
static long enter(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}

static long seccomp_natively(long tid, long operation, long flags, long data)
{
	(void)tid; /* VALGRIND_NON_SIMD_CALL3 gives it first */
	return enter(SYS_seccomp, operation, flags, data, 0, 0, 0);
}

static long signal_natively(long tid, long pidfd, long sig, long info)
{
	(void)tid;
	return enter(SYS_pidfd_send_signal, pidfd, sig, info, 0, 0, 0);
}

static long seccomp(long operation, long flags, long data)
{
	long rc;

	if (!RUNNING_ON_VALGRIND)
		return seccomp_natively(0, operation, flags, data);
	/* What the kernel will read or write must be there, as for any other call. */
	if (operation == SECCOMP_GET_NOTIF_SIZES)
		VALGRIND_CHECK_MEM_IS_ADDRESSABLE(data, sizeof(struct seccomp_notif_sizes));
	if (operation == SECCOMP_GET_ACTION_AVAIL)
		VALGRIND_CHECK_MEM_IS_DEFINED(data, sizeof(unsigned));
	rc = VALGRIND_NON_SIMD_CALL3(seccomp_natively, operation, flags, data);
	if (operation == SECCOMP_GET_NOTIF_SIZES && rc == 0)
		VALGRIND_MAKE_MEM_DEFINED(data, sizeof(struct seccomp_notif_sizes));
	return rc;
}

long syscall(long nr, ...)
{
	long arg[6], rc;
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++) /* some are garbage: the kernel looks at those that exist */
		arg[i] = va_arg(ap, long);
	va_end(ap);
#ifdef SYS_fsopen
	if (nr == SYS_fsopen && RUNNING_ON_VALGRIND) { /* it would warn, and say so itself */
		errno = ENOSYS;
		return -1;
	}
#endif
	if (nr == SYS_seccomp)
		rc = seccomp(arg[0], arg[1], arg[2]);
	else if (nr == SYS_pidfd_send_signal && RUNNING_ON_VALGRIND)
		rc = VALGRIND_NON_SIMD_CALL3(signal_natively, arg[0], arg[1], arg[2]);
	else
		rc = enter(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (rc < 0 && rc > -4096) {
		errno = (int)-rc;
		return -1;
	}
	return rc;
}
