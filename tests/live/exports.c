/* Exports into descriptors that fail, take little at a time, and are interrupted; and
 * what is left of a listener when forgetting or sharing it fails.
 * SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static const int errors[] = {
	EAGAIN, EPERM, ENOSYS, EBUSY, ENOMEM, EFAULT, ENOSPC, EPIPE, EIO};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* A program longer than a pipe of one page takes at once. */
static scmp_filter_ctx long_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(ctx != NULL);
	for (unsigned int i = 0; i < 1500; i++)
		CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1 + i % 7),
				 SCMP_SYS(getpgid), 1,
				 SCMP_A0(SCMP_CMP_EQ, 3 * (scmp_datum_t)i)),
			0);
	return ctx;
}

static void write_broken(int fd, int error)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(1));

	live_break(SYS_write, 0, (uint32_t)fd, error);
	CHECK_ERR(seccomp_export_bpf(ctx, fd), -ECANCELED, error);
	CHECK_ERR(seccomp_export_pfc(ctx, fd), -ECANCELED, error);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_export_bpf(ctx, fd), -error, error);
	CHECK_ERR(seccomp_export_pfc(ctx, fd), -error, error);
	seccomp_release(ctx);
}

static void write_fails(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	for (size_t i = 0; i < ERRORS; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			write_broken(fd, errors[i]);
			_exit(0);
		}
		live_wait_ok(pid);
	}
}

/* All but 4096 bytes of it: where pages are large, no pipe is small. */
static void fill_pipe(int fd)
{
	static const char zeros[4096];
	int room = fcntl(fd, F_SETPIPE_SZ, 4096);

	CHECK(room >= 4096);
	for (; room > 4096; room -= 4096)
		CHECK_EQ(write(fd, zeros, sizeof(zeros)), 4096);
}

static void no_room(void)
{
	scmp_filter_ctx ctx = long_filter();
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), pipefd[2];

	CHECK(fd >= 0);
	CHECK_ERR(seccomp_export_bpf(ctx, fd), -ECANCELED, ENOSPC);
	CHECK_ERR(seccomp_export_pfc(ctx, fd), -ECANCELED, ENOSPC);
	/* Half of it goes into the pipe; what does not is an error, never a success. */
	CHECK_EQ(pipe2(pipefd, O_CLOEXEC | O_NONBLOCK), 0);
	fill_pipe(pipefd[1]);
	CHECK_ERR(seccomp_export_bpf(ctx, pipefd[1]), -ECANCELED, EAGAIN);
	seccomp_release(ctx);
}

static void nothing(int signal)
{
	(void)signal;
}

static void interrupt_often(void)
{
	struct sigaction action = {.sa_handler = nothing}; /* no SA_RESTART */
	struct itimerval often = {{0, 200}, {0, 200}};

	CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
}

struct export
{
	scmp_filter_ctx ctx;
	int fd;
	int (*write)(scmp_filter_ctx ctx, int fd);
};

static void write_interrupted(void *data)
{
	struct export *e = data;

	interrupt_often();
	CHECK_EQ(e->write(e->ctx, e->fd), 0);
}

static int export_bpf(scmp_filter_ctx ctx, int fd)
{
	return seccomp_export_bpf(ctx, fd);
}

static int export_pfc(scmp_filter_ctx ctx, int fd)
{
	return seccomp_export_pfc(ctx, fd);
}

/* Reads what comes, a little at a time; returns how much. */
static size_t read_slowly(int fd, char *buffer, size_t room)
{
	size_t size = 0;

	for (;;) {
		size_t piece = room - size < 700 ? room - size : 700;
		ssize_t n = read(fd, buffer + size, piece);

		CHECK(n >= 0);
		if (n == 0)
			return size;
		size += (size_t)n;
		usleep(500);
	}
}

/* The writer waits for the reader over and over, and a signal ends nearly every wait. */
static size_t export_slowly(struct export *e, char *buffer, size_t room)
{
	int pipefd[2];
	size_t size;
	pid_t pid;

	CHECK_EQ(pipe2(pipefd, O_CLOEXEC), 0);
	CHECK(fcntl(pipefd[1], F_SETPIPE_SZ, 4096) >= 4096);
	e->fd = pipefd[1];
	pid = live_fork(pipefd[0], write_interrupted, e);
	close(pipefd[1]);
	size = read_slowly(pipefd[0], buffer, room);
	close(pipefd[0]);
	live_wait_ok(pid);
	return size;
}

static void interrupted_export(void)
{
	struct export e = {.ctx = long_filter(), .write = export_bpf};
	size_t room = 1 << 20, size = 0;
	char *slow = malloc(room), *want = malloc(room);
	FILE *file = tmpfile();

	CHECK(slow && want && file);
	CHECK_EQ(seccomp_export_bpf_mem(e.ctx, NULL, &size), 0);
	CHECK(size > 8192);
	CHECK_EQ(seccomp_export_bpf_mem(e.ctx, want, &size), 0);
	CHECK_EQ(export_slowly(&e, slow, room), size);
	CHECK_EQ(memcmp(slow, want, size), 0);

	CHECK_EQ(seccomp_export_pfc(e.ctx, fileno(file)), 0);
	size = (size_t)lseek(fileno(file), 0, SEEK_CUR);
	CHECK(size > 8192 && size < room);
	CHECK_EQ(pread(fileno(file), want, size, 0), size);
	e.write = export_pfc;
	CHECK_EQ(export_slowly(&e, slow, room), size);
	CHECK_EQ(memcmp(slow, want, size), 0);
	fclose(file);
	free(slow);
	free(want);
	seccomp_release(e.ctx);
}

/* The chain has a listener, so the next filter is loaded without one: when that fails,
 * nothing is loaded, and the first stays as it is. */
static void second_attach_fails(void)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds = live_open_fds();
	scmp_filter_ctx second = live_filter(SCMP_SYS(getsid), SCMP_ACT_NOTIFY);
	struct live_call *call = live_call(SYS_getpgid, 0);
	struct seccomp_notif_resp resp = {.val = 6};
	struct seccomp_notif req;
	pid_t pid;

	live_break(SYS_seccomp, 1, 0, ENOMEM); /* seccomp(2) without flags */
	CHECK_ERR(seccomp_load(second), -ECANCELED, ENOMEM);
	CHECK_EQ(seccomp_attr_set(second, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_load(second), -ENOMEM, ENOMEM);
	CHECK_EQ(live_open_fds(), fds);
	CHECK_EQ(syscall(SYS_getsid, 0L), getsid(0));
	pid = live_fork(fd, live_make_call, call);
	CHECK_EQ(seccomp_notify_receive(fd, &req), 0);
	resp.id = req.id;
	CHECK_EQ(seccomp_notify_respond(fd, &resp), 0);
	live_wait_ok(pid);
	live_expect(call, 6, 0);
}

/* What cannot be told to be a listener any more is not closed: it may be somebody else's.
 */
static void drop_keeps_a_stranger(void)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds = live_open_fds();

	CHECK(fd >= 0);
	live_break(SYS_ioctl, 1, _IOR(SECCOMP_IOC_MAGIC, 2, __u64), EPERM);
	errno = 77;
	CHECK_EQ(seccomp_reset(NULL, SCMP_ACT_ALLOW), 0);
	CHECK_EQ(errno, 77);
	CHECK_EQ(live_open_fds(), fds);
	CHECK(fcntl(fd, F_GETFD) >= 0);
}

const struct live_test live_exports[] = {
	{"exports: write(2) fails", write_fails},
	{"exports: no room", no_room},
	{"exports: a slow reader and a signal every 200 us", interrupted_export},
	{"errors: a second filter that shares the listener", second_attach_fails},
	{"errors: forgetting a listener that cannot be checked", drop_keeps_a_stranger},
	{NULL, NULL},
};
