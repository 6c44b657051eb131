/* What a notification costs a supervisor: raw ioctls, behind epoll, libsluice, ptrace.
 * SPDX-License-Identifier: MIT
 *
 * notify CALLS ROUNDS: each way in turn, round by round, so that the machine's moods hit
 * all; prints lines of JSON, nanoseconds a call by the target's own clock. On one CPU, and
 * for SYNC_WAKE_UP, which is about where the other side wakes, on two. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/seccomp.h>

#include "bench.h"
#include "sluice.h"

#define SET_FLAGS _IOC(_IOC_WRITE, '!', 4, 8)

static long calls;
static volatile double *elapsed_us; /* shared: the target times itself */
static char path_text[] = "/some/path/of/usual/length/for/a/directory";

static void *ask(void *data)
{
	for (long i = (long)data; i > 0; i--)
		syscall(SYS_mkdir, path_text, 0);
	return NULL;
}

static void ask_with(int threads)
{
	pthread_t t[16];
	double begin = now_us();

	if (threads == 1) {
		ask((void *)calls);
	} else {
		for (int i = 0; i < threads; i++)
			pthread_create(&t[i], NULL, ask, (void *)(calls / threads));
		for (int i = 0; i < threads; i++)
			pthread_join(t[i], NULL);
	}
	*elapsed_us = now_us() - begin;
}

/* A forked target with a listener; the filter is loaded after everything else is ready. */
static pid_t start_target(int threads, int *listener)
{
	static volatile int *share;
	pid_t pid;

	if (!share)
		share = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	share[0] = -1;
	share[1] = 0;
	pid = fork();
	if (pid == 0) {
		scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

		if (seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(mkdir), 0) ||
			seccomp_load(f))
			_exit(1);
		share[0] = seccomp_notify_fd(f);
		while (!share[1])
			usleep(100);
		close(share[0]);
		ask_with(threads);
		_exit(0);
	}
	while (share[0] < 0)
		usleep(100);
	*listener = (int)syscall(SYS_pidfd_getfd, (int)syscall(SYS_pidfd_open, pid, 0), share[0], 0);
	share[1] = 1;
	return pid;
}

enum { WITH_EPOLL = 1, WITH_READ = 2, WITH_SYNC = 4, WITH_KEEPER = 8 };

static int raw_one(int fd, int how)
{
	struct seccomp_notif n;
	struct seccomp_notif_resp r = {0};
	char text[256];

	memset(&n, 0, sizeof(n));
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return -1;
	if (how & WITH_READ) {
		struct iovec local = {text, sizeof(text)};
		struct iovec remote = {(void *)(uintptr_t)n.data.args[0], sizeof(text)};

		if (process_vm_readv((pid_t)n.pid, &local, 1, &remote, 1, 0) < 0)
			return -1;
	}
	r.id = n.id;
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static double raw(int how, int threads)
{
	int fd, ep = epoll_create1(0);
	pid_t pid = start_target(threads, &fd);
	struct epoll_event ev = {.events = EPOLLIN};

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	if (how & WITH_SYNC)
		ioctl(fd, SET_FLAGS, 1);
	for (;;) {
		if ((how & WITH_EPOLL) && (epoll_wait(ep, &ev, 1, -1) < 1 || ev.events & EPOLLHUP))
			break;
		if (raw_one(fd, how) && errno != EINTR)
			break;
	}
	waitpid(pid, NULL, 0);
	close(fd);
	close(ep);
	return *elapsed_us * 1e3 / (double)calls;
}

static int reply(struct sluice_request *req, void *data)
{
	char text[256];

	if (data && sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) < 0)
		return -1;
	return sluice_reply(req, 0);
}

/* libsluice in somebody else's loop. */
static void own_loop(struct sluice_supervisor *sv)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, sluice_fd(sv), &ev);
	while (sluice_active(sv))
		if (epoll_wait(ep, &ev, 1, -1) == 1)
			sluice_dispatch(sv, 0);
	close(ep);
}

static double sluice(int how, int threads)
{
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	pid_t pid;
	int fd;

	options.keeper = how & WITH_KEEPER;
	if (sluice_supervisor_new(&options, &sv))
		die("no supervisor");
	sluice_on_name(sv, "mkdir", reply, how & WITH_READ ? sv : NULL);
	pid = start_target(threads, &fd);
	if (sluice_add_listener(sv, fd, NULL))
		die("no listener");
	if (!(how & WITH_SYNC))
		ioctl(fd, SET_FLAGS, 0);
	if (how & WITH_EPOLL)
		own_loop(sv);
	else
		sluice_run(sv);
	waitpid(pid, NULL, 0);
	sluice_supervisor_free(sv);
	return *elapsed_us * 1e3 / (double)calls;
}

/* What people did before: stop at every mkdir's entry by SECCOMP_RET_TRACE and skip it. */
static double traced(int how, int threads)
{
	pid_t pid = fork();
	int status;

	(void)how;
	(void)threads;
	if (pid == 0) {
		scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		if (seccomp_rule_add(f, SCMP_ACT_TRACE(1), SCMP_SYS(mkdir), 0) || seccomp_load(f))
			_exit(1);
		ask_with(1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
	for (;;) {
		struct {
			unsigned long r[27];
		} regs;
		struct iovec iov = {&regs, sizeof(regs)};

		ptrace(PTRACE_CONT, pid, 0, 0);
		if (waitpid(pid, &status, 0) < 0 || WIFEXITED(status) || WIFSIGNALED(status))
			break;
		ptrace(PTRACE_GETREGSET, pid, 1, &iov);
#ifdef __x86_64__
		regs.r[15] = (unsigned long)-1; /* orig_rax: no call */
		regs.r[10] = 0;                 /* rax */
#endif
		ptrace(PTRACE_SETREGSET, pid, 1, &iov);
	}
	return *elapsed_us * 1e3 / (double)calls;
}

static const struct way {
	const char *name;
	double (*run)(int how, int threads);
	int how, threads, cpus;
} ways[] = {
	{"raw RECV+SEND", raw, 0, 1, 1},
	{"raw RECV+SEND, SYNC_WAKE_UP", raw, WITH_SYNC, 1, 1},
	{"raw epoll+RECV+SEND", raw, WITH_EPOLL, 1, 1},
	{"libsluice", sluice, WITH_SYNC, 1, 1},
	{"libsluice, no SYNC_WAKE_UP", sluice, 0, 1, 1},
	{"libsluice, keeper", sluice, WITH_SYNC | WITH_KEEPER, 1, 1},
	{"libsluice, caller's epoll", sluice, WITH_SYNC | WITH_EPOLL, 1, 1},
	{"raw RECV+readv+SEND", raw, WITH_READ, 1, 1},
	{"libsluice, path captured", sluice, WITH_READ | WITH_SYNC, 1, 1},
	{"ptrace", traced, 0, 1, 1},
	{"raw RECV+SEND", raw, 0, 16, 1},
	{"raw epoll+RECV+SEND", raw, WITH_EPOLL, 16, 1},
	{"libsluice", sluice, WITH_SYNC, 16, 1},
	{"raw RECV+SEND", raw, 0, 1, 2},
	{"raw RECV+SEND, SYNC_WAKE_UP", raw, WITH_SYNC, 1, 2},
	{"raw epoll+RECV+SEND", raw, WITH_EPOLL, 1, 2},
	{"libsluice", sluice, WITH_SYNC, 1, 2},
	{"libsluice, no SYNC_WAKE_UP", sluice, 0, 1, 2},
	{"raw RECV+SEND", raw, 0, 16, 2},
	{"raw epoll+RECV+SEND", raw, WITH_EPOLL, 16, 2},
	{"libsluice", sluice, WITH_SYNC, 16, 2},
	{"libsluice, no SYNC_WAKE_UP", sluice, 0, 16, 2},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

int main(int argc, char **argv)
{
	static struct samples ns[WAYS];
	cpu_set_t all;

	calls = argc > 1 ? atol(argv[1]) : 5000;
	sched_getaffinity(0, sizeof(all), &all);
	elapsed_us = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (long round = argc > 2 ? atol(argv[2]) : 15; round > 0; round--)
		for (size_t i = 0; i < WAYS; i++) {
			if (ways[i].cpus == 1)
				pin();
			else
				sched_setaffinity(0, sizeof(all), &all);
			samples_add(&ns[i], ways[i].run(ways[i].how, ways[i].threads));
		}
	for (size_t i = 0; i < WAYS; i++)
		samples_print(&ns[i], "ns",
			"\"what\": \"supervise\", \"way\": \"%s\", \"threads\": %d, \"cpus\": %d",
			ways[i].name, ways[i].threads, ways[i].cpus);
	return 0;
}
