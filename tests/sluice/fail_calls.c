/* See fail_calls.h.
 * SPDX-License-Identifier: MIT */
#include "fail_calls.h"
#include "../../sluice/util/bare.h"
#include "tap.h"

#include <limits.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>

/* Newer architectures have statx(2) alone, which libc uses then. */
#ifndef SYS_fstat
#define SYS_fstat 90000
#endif
#ifndef SYS_newfstatat
#define SYS_newfstatat 90001
#endif

struct fail_calls *fail_calls;
extern const char __executable_start[];

/* ---- which site, and what it says ----------------------------------------------------- */

/* A detail of ppoll(2) and wait4(2), which no signal interrupts then. */
#define WAITS_NOT (-1)

static bool BARE has_details(int call)
{
	return call == SYS_ioctl || call == SYS_fcntl || call == SYS_epoll_ctl || call == SYS_ppoll ||
	       call == SYS_wait4;
}

/* The site's place, which is made for a new one. NULL: all are taken. */
static struct fail_site *BARE site_of(uintptr_t address, int call, long detail)
{
	uint64_t key = (uint64_t)address * 1000003u ^ (uint64_t)(unsigned)call << 40 ^
		       (uint64_t)(uint32_t)detail * 2654435761u;
	unsigned at = (unsigned)(key >> 7) % FAIL_SITES;

	key |= 1;
	for (unsigned tries = 0; tries < FAIL_SITES; tries++, at = (at + 1) % FAIL_SITES) {
		struct fail_site *site = &fail_calls->sites[at];
		uint64_t is = 0;

		if (atomic_compare_exchange_strong(&site->key, &is, key)) {
			site->address = address;
			site->call = call;
			site->detail = detail;
			if (atomic_load(&fail_calls->first.fired))
				site->after = fail_calls->first.site;
			return site;
		}
		if (is == key)
			return site;
	}
	return NULL;
}

static bool BARE is_due(struct failure *failure, const struct fail_site *site, unsigned nth)
{
	if (failure->site != site || failure->nth != nth)
		return false;
	atomic_store(&failure->fired, true);
	errno = failure->error;
	return true;
}

/* Whether this call of the library is one that fails; errno says how. */
static bool BARE fails(const void *address, long call, long detail)
{
	struct fail_site *site;
	unsigned nth;

	if (!fail_calls || !atomic_load(&fail_calls->armed))
		return false;
	site = site_of((uintptr_t)address, (int)call, has_details((int)call) ? detail : 0);
	if (!site) {
		atomic_store(&fail_calls->full, true);
		return false;
	}
	nth = atomic_fetch_add(&site->passed, 1) + 1;
	if (nth > atomic_load(&site->most))
		atomic_store(&site->most, nth);
	return is_due(&fail_calls->first, site, nth) ||
	       (atomic_load(&fail_calls->first.fired) && is_due(&fail_calls->second, site, nth));
}

#define FAILS(call, detail) fails(__builtin_return_address(0), call, detail)

enum { OTHERWISE = INT_MIN }; /* a detail that none of the rows before has */

#define ERRORS(...) {__VA_ARGS__, 0}
#define ROOM	    ERRORS(EMFILE, ENFILE, EPERM)
#define MAYBE	    ERRORS(ENOSYS, EPERM)
#define STORAGE	    ERRORS(ENOMEM, EIO)
#define RIGHTS	    ERRORS(EPERM, EAGAIN)
#define OPENS	    ERRORS(EMFILE, ENOSYS, ENOMEM)
#define MISSING	    ERRORS(ENOENT, EACCES)
#define TAKEN	    ERRORS(EADDRINUSE, ENOMEM)
#define SENDS	    ERRORS(ENOBUFS, EINTR, ETOOMANYREFS)
#define WAITS	    ERRORS(ENOMEM, EINTR)

/* Of the kernel's answers, those that the call can get in a process that does all right, and those of a
 * filter that somebody put around the supervisor. A false "gone" is none: the call would still wait. What is not
 * here cannot fail, or nothing is left to be done then. */
static const struct {
	long call, detail;
	int errors[4];
} answers[] = {
	{FAIL_MEMORY, OTHERWISE, ERRORS(ENOMEM)}, {FAIL_EXPORT, OTHERWISE, ERRORS(ENOMEM)},
	{FAIL_NAME, OTHERWISE, ERRORS(ENOMEM)}, {FAIL_THREAD, OTHERWISE, ERRORS(EAGAIN)},
	{SYS_clone, OTHERWISE, ERRORS(EAGAIN, ENOMEM)},
	{SYS_fcntl, F_DUPFD_CLOEXEC, ROOM}, {SYS_fcntl, F_ADD_SEALS, ERRORS(EPERM)},
	{SYS_fcntl, F_GET_SEALS, ERRORS(EPERM)}, {SYS_fcntl, F_SETSIG, ERRORS(EPERM)},
	{SYS_fcntl, F_SETOWN, ERRORS(EPERM)},
	{SYS_ioctl, (long)SECCOMP_IOCTL_NOTIF_RECV, ERRORS(ENOENT, EINTR)},
	{SYS_ioctl, (long)SECCOMP_IOCTL_NOTIF_ADDFD, ERRORS(EMFILE, ENOMEM)},
	{SYS_ioctl, OTHERWISE, ERRORS(EINTR)}, {SYS_epoll_ctl, EPOLL_CTL_ADD, ERRORS(ENOMEM)},
	{SYS_memfd_create, OTHERWISE, ROOM}, {SYS_epoll_create1, OTHERWISE, ROOM},
	{SYS_eventfd2, OTHERWISE, ROOM}, {SYS_timerfd_create, OTHERWISE, ROOM},
	{SYS_socket, OTHERWISE, ROOM}, {SYS_socketpair, OTHERWISE, ROOM}, {SYS_pipe2, OTHERWISE, ROOM},
	{SYS_accept4, OTHERWISE, ROOM}, {SYS_dup3, OTHERWISE, ROOM},
	{SYS_pidfd_getfd, OTHERWISE, ERRORS(EPERM, EMFILE, ENOSYS)},
	{SYS_openat, OTHERWISE, OPENS}, {SYS_openat2, OTHERWISE, OPENS}, {SYS_pidfd_open, OTHERWISE, OPENS},
	{SYS_fsopen, OTHERWISE, MAYBE}, {SYS_fsconfig, OTHERWISE, MAYBE}, {SYS_fsmount, OTHERWISE, MAYBE},
	{SYS_kcmp, OTHERWISE, MAYBE}, {SYS_close_range, OTHERWISE, MAYBE},
	{SYS_process_vm_readv, OTHERWISE, MAYBE}, {SYS_pidfd_send_signal, OTHERWISE, MAYBE},
	{SYS_seccomp, OTHERWISE, STORAGE}, {SYS_fstat, OTHERWISE, STORAGE},
	{SYS_newfstatat, OTHERWISE, STORAGE}, {SYS_fstatfs, OTHERWISE, STORAGE},
	{SYS_ftruncate, OTHERWISE, STORAGE}, {SYS_mmap, OTHERWISE, STORAGE},
	{SYS_pread64, OTHERWISE, STORAGE}, {SYS_read, OTHERWISE, STORAGE}, /* of files that wait for nobody */
	{SYS_pwrite64, OTHERWISE, STORAGE}, {SYS_readlinkat, OTHERWISE, STORAGE},
	{SYS_wait4, 0, ERRORS(EINTR)}, {SYS_ppoll, WAITS_NOT, ERRORS(ENOMEM)}, {SYS_ppoll, OTHERWISE, WAITS},
	{SYS_epoll_pwait, OTHERWISE, WAITS}, {SYS_recvfrom, OTHERWISE, WAITS}, {SYS_recvmsg, OTHERWISE, WAITS},
	{SYS_sendto, OTHERWISE, SENDS}, {SYS_sendmsg, OTHERWISE, SENDS},
	{SYS_bind, OTHERWISE, TAKEN}, {SYS_listen, OTHERWISE, TAKEN},
	{SYS_execve, OTHERWISE, MISSING}, {SYS_chdir, OTHERWISE, MISSING},
	{SYS_faccessat, OTHERWISE, MISSING}, {SYS_renameat2, OTHERWISE, MISSING},
	{SYS_setresuid, OTHERWISE, RIGHTS}, {SYS_setresgid, OTHERWISE, RIGHTS},
	{SYS_setgroups, OTHERWISE, RIGHTS}, {SYS_setfsuid, OTHERWISE, RIGHTS},
	{SYS_setfsgid, OTHERWISE, RIGHTS}, {SYS_connect, OTHERWISE, ERRORS(EPERM)},
	{SYS_fchmod, OTHERWISE, ERRORS(EPERM)}, {SYS_getgroups, OTHERWISE, ERRORS(EPERM)},
	{SYS_capget, OTHERWISE, ERRORS(EPERM)}, {SYS_capset, OTHERWISE, ERRORS(EPERM)},
	{SYS_prctl, OTHERWISE, ERRORS(EPERM)}, {SYS_setsid, OTHERWISE, ERRORS(EPERM)},
	{SYS_prlimit64, OTHERWISE, ERRORS(EPERM)}, {SYS_getsockopt, OTHERWISE, ERRORS(EPERM)},
	{SYS_setsockopt, OTHERWISE, ERRORS(EPERM)}, {SYS_timerfd_settime, OTHERWISE, ERRORS(EPERM)},
};

const int *fail_calls_errors(const struct fail_site *site)
{
	static const int none[] = {0};

	/* A filter that lets one timerfd_settime(2) through lets all through. */
	if (site->call == SYS_timerfd_settime && site->after)
		return none;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i].call == site->call &&
			(answers[i].detail == site->detail || answers[i].detail == OTHERWISE))
			return answers[i].errors;
	return none;
}

void fail_calls_describe(const struct fail_site *site, char *text, size_t size)
{
	static const char *const own[] = {"an allocation", "pthread_create", "seccomp_export_bpf",
		"seccomp_syscall_resolve_num_arch"};
	char *name = site->call < FAIL_MEMORY
			     ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, site->call)
			     : NULL;

	snprintf(text, size, "%s (0x%lx) at 0x%lx",
		site->call >= FAIL_MEMORY ? own[site->call - FAIL_MEMORY]
		: name			  ? name
					  : "?",
		(unsigned long)site->detail,
		(unsigned long)(site->address - (uintptr_t)__executable_start));
	free(name);
}

void fail_calls_begin(void)
{
	fail_calls = mmap(NULL, sizeof(*fail_calls), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(fail_calls != MAP_FAILED);
}

static void set(struct failure *failure, const struct fail_site *site, unsigned nth, int error)
{
	failure->site = site;
	failure->nth = nth;
	failure->error = error;
	atomic_store(&failure->fired, false);
}

void fail_calls_arm(const struct fail_site *site, unsigned nth, int error)
{
	for (unsigned i = 0; i < FAIL_SITES; i++)
		atomic_store(&fail_calls->sites[i].passed, 0);
	if (site && site->after) {
		set(&fail_calls->first, site->after, 1, fail_calls_errors(site->after)[0]);
		set(&fail_calls->second, site, nth, error);
	} else {
		set(&fail_calls->first, site, nth, error);
		set(&fail_calls->second, NULL, 0, 0);
	}
	atomic_store(&fail_calls->armed, true);
}

void fail_calls_disarm(void)
{
	atomic_store(&fail_calls->armed, false);
}

static bool fired_or_none(const struct failure *failure)
{
	return !failure->site || atomic_load(&failure->fired);
}

bool fail_calls_fired(void)
{
	return atomic_load(&fail_calls->first.fired);
}

bool fail_calls_interrupted(void)
{
	return fail_calls_fired() && fail_calls->first.error == EINTR &&
	       !atomic_load(&fail_calls->second.fired);
}

bool fail_calls_done(void)
{
	return fired_or_none(&fail_calls->first) && fired_or_none(&fail_calls->second);
}

/* ---- what the library has ------------------------------------------------------------- */

#define BLOCKS 8192u

/* Of this process; a child's are its own. What libseccomp allocated and libsluice frees is not in it. */
static void *blocks[BLOCKS];
static atomic_flag busy = ATOMIC_FLAG_INIT;
static atomic_long alive, mappings;

static void change(void *from, void *to)
{
	unsigned at = (unsigned)((uintptr_t)(from ? from : to) >> 4) % BLOCKS;
	unsigned tries = 0;

	while (atomic_flag_test_and_set(&busy))
		;
	while (blocks[at] != from && tries++ < BLOCKS)
		at = (at + 1) % BLOCKS;
	if (blocks[at] == from) {
		blocks[at] = to;
		alive += to ? 1 : -1;
	}
	atomic_flag_clear(&busy);
}

long fail_calls_blocks(void)
{
	return alive;
}

long fail_calls_mappings(void)
{
	return mappings;
}

void *failing_malloc(size_t size);
void *failing_calloc(size_t n, size_t size);
void *failing_realloc(void *old, size_t size);
void failing_free(void *block);

void *failing_malloc(size_t size)
{
	void *block = FAILS(FAIL_MEMORY, 0) ? NULL : malloc(size);

	if (block)
		change(NULL, block);
	return block;
}

void *failing_calloc(size_t n, size_t size)
{
	void *block = FAILS(FAIL_MEMORY, 0) ? NULL : calloc(n, size);

	if (block)
		change(NULL, block);
	return block;
}

void *failing_realloc(void *old, size_t size)
{
	void *block;

	if (FAILS(FAIL_MEMORY, 0))
		return NULL;
	if (old)
		change(old, NULL);
	block = realloc(old, size);
	if (block || old)
		change(NULL, block ? block : old);
	return block;
}

void failing_free(void *block)
{
	if (block)
		change(block, NULL);
	free(block);
}

void *failing_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *failing_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *mapping = FAILS(SYS_mmap, 0) ? MAP_FAILED : mmap(at, size, protection, flags, fd, offset);

	mappings += mapping != MAP_FAILED;
	return mapping;
}

int failing_munmap(void *at, size_t size);
int failing_munmap(void *at, size_t size)
{
	mappings--;
	return munmap(at, size);
}

/* ---- calls, as the library makes them ------------------------------------------------- */

long failing_syscall(long nr, long a, long b, long c, long d, long e, long f);
long BARE failing_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return FAILS(nr, b) ? -1 : syscall(nr, a, b, c, d, e, f);
}

/* What it is declared as and called with, the same with the other name. */
#define CALL(type, name, number, declared, given)                        \
	type failing_##name declared;                                    \
	type failing_##name declared                                     \
	{                                                                \
		return FAILS(number, 0) ? (type)-1 : (type)name given; \
	}

int failing_fcntl(int fd, int what, long value);
int failing_fcntl(int fd, int what, long value)
{
	return FAILS(SYS_fcntl, what) ? -1 : fcntl(fd, what, value);
}

int failing_ioctl(int fd, unsigned long what, void *value);
int failing_ioctl(int fd, unsigned long what, void *value)
{
	return FAILS(SYS_ioctl, (long)what) ? -1 : ioctl(fd, what, value);
}

int failing_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
int failing_epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
	return FAILS(SYS_epoll_ctl, what) ? -1 : epoll_ctl(set, what, fd, event);
}

CALL(int, prctl, SYS_prctl, (int what, long b, long c, long d, long e), (what, b, c, d, e))
CALL(int, open, SYS_openat, (const char *path, int flags, mode_t mode), (path, flags, mode))
CALL(int, openat, SYS_openat, (int dir, const char *path, int flags, mode_t mode),
	(dir, path, flags, mode))
CALL(int, fstat, SYS_fstat, (int fd, struct stat *st), (fd, st))
CALL(int, lstat, SYS_newfstatat, (const char *path, struct stat *st), (path, st))
CALL(int, fstatat, SYS_newfstatat, (int dir, const char *path, struct stat *st, int flags),
	(dir, path, st, flags))
CALL(int, fstatfs, SYS_fstatfs, (int fd, struct statfs *fs), (fd, fs))
CALL(int, memfd_create, SYS_memfd_create, (const char *name, unsigned flags), (name, flags))
CALL(int, ftruncate, SYS_ftruncate, (int fd, off_t size), (fd, size))
CALL(off_t, lseek, SYS_lseek, (int fd, off_t at, int from), (fd, at, from))
CALL(ssize_t, pread, SYS_pread64, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
CALL(ssize_t, pwrite, SYS_pwrite64, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
CALL(ssize_t, read, SYS_read, (int fd, void *to, size_t n), (fd, to, n))
CALL(ssize_t, write, SYS_write, (int fd, const void *from, size_t n), (fd, from, n))
CALL(ssize_t, readlinkat, SYS_readlinkat, (int dir, const char *path, char *to, size_t n),
	(dir, path, to, n))
CALL(int, unlink, SYS_unlinkat, (const char *path), (path))
CALL(int, rename, SYS_renameat2, (const char *from, const char *to), (from, to))
CALL(int, fchmod, SYS_fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, dup3, SYS_dup3, (int from, int to, int flags), (from, to, flags))
CALL(int, epoll_create1, SYS_epoll_create1, (int flags), (flags))
CALL(int, epoll_wait, SYS_epoll_pwait, (int set, struct epoll_event *events, int n, int ms),
	(set, events, n, ms))
CALL(int, eventfd, SYS_eventfd2, (unsigned value, int flags), (value, flags))
CALL(int, timerfd_create, SYS_timerfd_create, (int clock, int flags), (clock, flags))
CALL(int, timerfd_settime, SYS_timerfd_settime,
	(int fd, int flags, const struct itimerspec *is, struct itimerspec *was), (fd, flags, is, was))

int failing_poll(struct pollfd *p, nfds_t n, int ms);
int failing_poll(struct pollfd *p, nfds_t n, int ms)
{
	return FAILS(SYS_ppoll, ms ? 0 : WAITS_NOT) ? -1 : poll(p, n, ms);
}

CALL(int, socket, SYS_socket, (int family, int type, int protocol), (family, type, protocol))
CALL(int, socketpair, SYS_socketpair, (int family, int type, int protocol, int *pair),
	(family, type, protocol, pair))
CALL(int, connect, SYS_connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
CALL(int, bind, SYS_bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
CALL(int, listen, SYS_listen, (int fd, int n), (fd, n))
CALL(int, accept4, SYS_accept4, (int fd, struct sockaddr *from, socklen_t *n, int flags),
	(fd, from, n, flags))
CALL(ssize_t, send, SYS_sendto, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags))
CALL(ssize_t, recv, SYS_recvfrom, (int fd, void *to, size_t n, int flags), (fd, to, n, flags))
CALL(ssize_t, recvmsg, SYS_recvmsg, (int fd, struct msghdr *to, int flags), (fd, to, flags))
CALL(int, getsockopt, SYS_getsockopt, (int fd, int level, int name, void *to, socklen_t *n),
	(fd, level, name, to, n))
CALL(int, setsockopt, SYS_setsockopt, (int fd, int level, int name, const void *from, socklen_t n),
	(fd, level, name, from, n))

/* With WNOHANG no signal interrupts it: it does not wait. */
pid_t failing_waitpid(pid_t pid, int *status, int flags);
pid_t failing_waitpid(pid_t pid, int *status, int flags)
{
	return FAILS(SYS_wait4, flags & WNOHANG ? WAITS_NOT : 0) ? -1 : waitpid(pid, status, flags);
}

CALL(ssize_t, process_vm_readv, SYS_process_vm_readv,
	(pid_t pid, const struct iovec *to, unsigned long n, const struct iovec *from, unsigned long m,
		unsigned long flags),
	(pid, to, n, from, m, flags))
CALL(int, setfsuid, SYS_setfsuid, (uid_t uid), (uid))
CALL(int, setfsgid, SYS_setfsgid, (gid_t gid), (gid))

int failing_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*main)(void *), void *data);
int failing_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*main)(void *), void *data)
{
	return FAILS(FAIL_THREAD, 0) ? errno : pthread_create(thread, attributes, main, data);
}

int failing_seccomp_export_bpf(const scmp_filter_ctx filter, int fd);
int failing_seccomp_export_bpf(const scmp_filter_ctx filter, int fd)
{
	return FAILS(FAIL_EXPORT, 0) ? -errno : seccomp_export_bpf(filter, fd);
}

char *failing_seccomp_syscall_resolve_num_arch(uint32_t arch, int nr);
char *failing_seccomp_syscall_resolve_num_arch(uint32_t arch, int nr)
{
	return FAILS(FAIL_NAME, 0) ? NULL : seccomp_syscall_resolve_num_arch(arch, nr);
}

/* What glibc calls them for files of any size. */
#define LARGE(name, plain)                                      \
	extern __typeof__(failing_##plain) failing_##name \
		__attribute__((alias("failing_" #plain)));
LARGE(fcntl64, fcntl)
LARGE(fstat64, fstat)
LARGE(fstatat64, fstatat)
LARGE(lstat64, lstat)
LARGE(fstatfs64, fstatfs)
LARGE(mmap64, mmap)
LARGE(ftruncate64, ftruncate)
LARGE(lseek64, lseek)
LARGE(pread64, pread)
LARGE(pwrite64, pwrite)
LARGE(openat64, openat)
LARGE(open64, open)
