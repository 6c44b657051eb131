/* Counts the descriptors that are made, and has one of them be number 0: in place of what the
 * library calls. For one test alone, which defines these functions by including this.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_ZERO_H
#define SLUICE_ZERO_H

#include "../../sluice/util/bare.h"
#include "inplace.h"

#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

DECLARE_REAL(syscall);
DECLARE_REAL(open);
DECLARE_REAL(openat);
DECLARE_REAL(memfd_create);
DECLARE_REAL(socket);
DECLARE_REAL(socketpair);
DECLARE_REAL(accept4);
DECLARE_REAL(epoll_create1);
DECLARE_REAL(eventfd);
DECLARE_REAL(timerfd_create);
DECLARE_REAL(recvmsg);

/* ---- which of them is 0 ---- */

static long (*real_syscall)(long, ...);
static pid_t counts;    /* the process that a part is tried in; 0: nothing is counted */
static bool of_others;  /* what is counted: its own descriptors, or those of processes that it starts */
static int chosen, *made; /* shared with them */

static void __attribute__((constructor)) find_syscall(void)
{
	real_syscall = REAL(syscall);
}

#define MARK 4711 /* where in its file the caller's stdin is; nobody reads it */

/* One more is made: is it the one? Where number 0 is no more the caller's, it is free, or the library's. */
static void BARE another(void)
{
	if (counts && (counts == real_syscall(SYS_getpid)) != of_others &&
		__atomic_fetch_add(made, 1, __ATOMIC_RELAXED) == chosen &&
		real_syscall(SYS_lseek, 0, 0L, (long)SEEK_CUR) == MARK)
		real_syscall(SYS_close, 0);
}

long BARE IN_PLACE_OF(syscall)(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_openat || nr == SYS_openat2 || nr == SYS_pidfd_open || nr == SYS_pidfd_getfd ||
		nr == SYS_clone || nr == SYS_seccomp)
		another();
	return real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int IN_PLACE_OF(open)(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	another();
	return REAL(open)(path, flags, mode);
}

int IN_PLACE_OF(openat)(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	another();
	return REAL(openat)(dir, path, flags, mode);
}

#ifdef ARCHIVES /* for programs with large files these two have other names */
__typeof__(open) __wrap_open64 __attribute__((alias("__wrap_open")));
__typeof__(openat) __wrap_openat64 __attribute__((alias("__wrap_openat")));
#endif

int IN_PLACE_OF(memfd_create)(const char *name, unsigned flags)
{
	another();
	return REAL(memfd_create)(name, flags);
}

int IN_PLACE_OF(socket)(int family, int type, int protocol)
{
	another();
	return REAL(socket)(family, type, protocol);
}

/* The first of the two, or the second. */
int IN_PLACE_OF(socketpair)(int family, int type, int protocol, int fds[2])
{
	int rc, second;

	another();
	rc = REAL(socketpair)(family, type, protocol, fds);
	if (rc)
		return rc;
	second = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
	close(fds[1]);
	another();
	fds[1] = fcntl(second, type & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	close(second);
	CHECK(fds[1] >= 0);
	return 0;
}

int IN_PLACE_OF(accept4)(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	another();
	return REAL(accept4)(fd, address, size, flags);
}

int IN_PLACE_OF(epoll_create1)(int flags)
{
	another();
	return REAL(epoll_create1)(flags);
}

int IN_PLACE_OF(eventfd)(unsigned value, int flags)
{
	another();
	return REAL(eventfd)(value, flags);
}

int IN_PLACE_OF(timerfd_create)(int clock, int flags)
{
	another();
	return REAL(timerfd_create)(clock, flags);
}

ssize_t IN_PLACE_OF(recvmsg)(int fd, struct msghdr *h, int flags)
{
	another();
	return REAL(recvmsg)(fd, h, flags);
}

/* What runs between these two is the test's own. */
static pid_t pause_count(void)
{
	pid_t was = counts;

	counts = 0;
	return was;
}

static void resume_count(pid_t was)
{
	counts = was;
}

/* ---- for each of them ---- */

/* Number 0 of the caller's: a file that nobody else has. */
static struct stat own;

static void set_own(void)
{
	int fd = REAL(memfd_create)("own", 0);

	CHECK(fd >= 0);
	if (fd)
		CHECK(dup2(fd, 0) == 0 && close(fd) == 0);
	CHECK_EQ(lseek(0, MARK, SEEK_SET), MARK);
	CHECK_EQ(fstat(0, &own), 0);
}

/* One round, in a process of its own; how many were made, or -1. */
static int round_of(void (*part)(void), int n)
{
	int status;
	struct stat st;
	pid_t pid;

	*made = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int before = count_fds(), left;

		set_own();
		chosen = n;
		counts = getpid();
		part();
		counts = 0;
		left = fstat(0, &st) == 0;
		if (*made <= chosen || chosen < 0 || of_others)
			CHECK(left && st.st_ino == own.st_ino && st.st_dev == own.st_dev);
		else /* it was the library's, and is closed */
			CHECK(!left);
		CHECK_EQ(settled_fds(before - !left), before - !left);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		exit(77);
	if (status)
		printf("# it fails with descriptor %d %sas number 0\n", n,
			of_others ? "of what it starts " : "");
	return status ? -1 : *made;
}

static void each_of(void (*part)(void), bool others)
{
	int n = 0, i = 0;

	of_others = others;
	CHECK(round_of(part, -1) > 0);
	for (; n >= i; i++) {
		still_going();
		n = round_of(part, i);
		CHECK(n >= 0);
	}
	CHECK(i > 1);
}

static void each(void (*part)(void), bool starts)
{
	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind has descriptors of its own");
	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(made != MAP_FAILED);
	set_own();
	each_of(part, false);
	if (starts)
		each_of(part, true);
}

#endif
