/* What a supervisor executes for one request, from its handler to the next one's: instructions in user
 * space and system calls. As TAP, with limits; --show prints the counts alone.
 * SPDX-License-Identifier: MIT
 *
 * A tracer steps the supervisor through its work, instruction by instruction: valgrind knows no
 * seccomp(2), and virtual machines have no counters. Nothing depends on time. What the kernel brings
 * itself (vdso: the clock) is not counted. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp.h"
#include "sluice.h"

#define FIRST    16 /* requests before counting: what is made once exists then */
#define COUNTED  100
#define WITH_PATH 1
#define DISPATCH  2
#define SKIPPED   77
#define VDSO_SIZE 0x10000ul /* more than it has, and nothing follows it */

/* What another compiler, C library or processor, for which the C library has functions of its own, may add,
 * in hundredths. */
#define ROOM 20

/* Aligned, as is what it is copied to: how much reading and comparing takes depends on where
 * pages end. */
static const char __attribute__((aligned(256))) path_text[] = "/some/path/of/usual/length/for/a/directory";

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void send_fd(int socket, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(socket, &h, 0) != 1)
		_exit(1);
}

static int receive_fd(int socket)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room)};
	int fd;

	if (recvmsg(socket, &h, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&h))
		die("no listener came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(fd));
	return fd;
}

static void __attribute__((noreturn)) ask(int socket)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(mkdir), 0) || seccomp_load(f))
		_exit(1);
	send_fd(socket, seccomp_notify_fd(f));
	seccomp_release(f);
	close(socket);
	for (int i = 0; i < FIRST + COUNTED; i++)
		if (syscall(SYS_mkdir, path_text, 0) != 7)
			_exit(1);
	_exit(0);
}

static int answers;

static int answer(struct sluice_request *req, void *data)
{
	static char __attribute__((aligned(256))) text[256];

	if (data && (sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) < 0 ||
			    strcmp(text, path_text) != 0))
		return -1;
	answers++;
	if (answers == FIRST || answers == FIRST + COUNTED)
		raise(SIGUSR1); /* for the tracer, which keeps it */
	return sluice_reply(req, 7);
}

static void __attribute__((noreturn)) supervise(int how)
{
	struct sluice_supervisor *sv;
	int sockets[2], status, rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		die("no sockets");
	pid = fork();
	if (pid == 0) {
		close(sockets[0]);
		ask(sockets[1]);
	}
	close(sockets[1]);
	rc = sluice_supervisor_new(NULL, &sv);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP || ptrace(PTRACE_TRACEME, 0, 0, 0))
		exit(SKIPPED);
	if (rc || sluice_on_name(sv, "mkdir", answer, how & WITH_PATH ? sv : NULL) ||
		sluice_add_listener(sv, receive_fd(sockets[0]), NULL))
		die("no supervisor");
	if (how & DISPATCH)
		while (sluice_active(sv))
			sluice_dispatch(sv, -1);
	else
		sluice_run(sv);
	if (waitpid(pid, &status, 0) != pid || status || answers != FIRST + COUNTED)
		die("%d calls were answered, the target's status is %d", answers, status);
	sluice_supervisor_free(sv);
	exit(0);
}

struct counts {
	long instructions, calls;
};

/* Before the next instruction. x86_64: syscall is 0f 05. */
static void look(pid_t pid, unsigned long vdso, struct counts *counts)
{
	unsigned long at = (unsigned long)ptrace(PTRACE_PEEKUSER, pid,
		offsetof(struct user, regs.rip), 0);

	if (at - vdso < VDSO_SIZE)
		return;
	counts->instructions++;
	counts->calls += (ptrace(PTRACE_PEEKTEXT, pid, at, 0) & 0xffff) == 0x050f;
}

/* Until the next stop that is not a step; how @pid stopped. */
static int step(pid_t pid, struct counts *counts)
{
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
	int status;

	for (;;) {
		look(pid, vdso, counts);
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
			die("no steps");
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			return status;
	}
}

/* False if it cannot be counted here. */
static bool count(int how, struct counts *counts)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		supervise(how);
	if (waitpid(pid, &status, 0) != pid)
		die("no supervisor");
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return false;
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGUSR1)
		die("the supervisor has status 0x%x before it is counted", status);
	status = step(pid, counts);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGUSR1)
		die("the supervisor has status 0x%x while it is counted", status);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the supervisor has status 0x%x at its end", status);
	counts->instructions /= COUNTED;
	counts->calls /= COUNTED;
	return true;
}

/* From 6.11 on RECV returns when the last target has ended: before, epoll does the waiting. */
static bool may_wait_in_receive(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
		(major > 6 || (major == 6 && minor >= 11));
}

/* What it took with Debian 12's compiler. The system calls are RECV and SEND, for a path process_vm_readv() and
 * ID_VALID, and sluice_dispatch() asks epoll first. */
static const struct way {
	const char *name;
	int how;
	struct counts limit;
} ways[] = {
	{"sluice_run", 0, {717, 2}},
	{"sluice_run, a path captured", WITH_PATH, {976, 4}},
	{"sluice_dispatch", DISPATCH, {766, 3}},
	{"sluice_dispatch, a path captured", DISPATCH | WITH_PATH, {1025, 5}},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

int main(int argc, char **argv)
{
	bool show = argc == 2 && strcmp(argv[1], "--show") == 0;
	int failed = 0;

	if (!show)
		printf("1..%zu\n", WAYS);
	for (size_t i = 0; i < WAYS; i++) {
		struct counts limit = ways[i].limit, is = {0};
		bool above;

		fflush(stdout);
		if (!(ways[i].how & DISPATCH) && !may_wait_in_receive()) {
			printf("ok %zu - %s # SKIP before Linux 6.11\n", i + 1, ways[i].name);
			continue;
		}
		if (!count(ways[i].how, &is)) {
			printf("ok %zu - %s # SKIP no ptrace(2), or no notifications\n", i + 1,
				ways[i].name);
			continue;
		}
		if (show) {
			printf("%s,%ld,%ld\n", ways[i].name, is.instructions, is.calls);
			continue;
		}
		limit.instructions += limit.instructions * ROOM / 100;
		above = is.instructions > limit.instructions || is.calls > limit.calls;
		failed |= above;
		printf("%sok %zu - %s: a request takes at most %ld instructions and %ld system "
		       "calls, %ld and %ld\n",
			above ? "not " : "", i + 1, ways[i].name, limit.instructions, limit.calls,
			is.instructions, is.calls);
	}
	return failed;
}
