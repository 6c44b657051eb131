/* Verdicts: exactly one each, closed when there is none.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <limits.h>
#include <sys/time.h>

static int target_pause(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 200; i++)
		if (syscall(SYS_mkdir, "x", i) != i)
			return 1;
	pause();
	return 2;
}

static int target_mkdir(int argc, char **argv)
{
	long rc = syscall(SYS_mkdir, "/nonexistent/x", 0700);

	(void)argc;
	(void)argv;
	return rc < 0 ? errno : rc == 0 ? 0 : 200;
}

static int run_once(const struct sluice_options *options, sluice_handler handler, void *data,
	struct sluice_statistics *s)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(options);
	int rc;

	CHECK_EQ(sluice_on_name(sv, MKDIR, handler, data), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	rc = wait_target(sv, &child);
	if (s)
		sluice_statistics(sv, s);
	sluice_supervisor_free(sv);
	return rc;
}

static int fails(struct sluice_request *req, void *data)
{
	return sluice_fail(req, (int)(intptr_t)data);
}

static void fail_with(void)
{
	CHECK_EQ(run_once(NULL, fails, (void *)ENOSPC, NULL), ENOSPC);
	CHECK_EQ(run_once(NULL, fails, (void *)(intptr_t)-ENOSPC, NULL), ENOSPC);
	CHECK_EQ(run_once(NULL, fails, (void *)0, NULL), EPERM);
	CHECK_EQ(run_once(NULL, fails, (void *)99999, NULL), EPERM);
	/* 4095 is the last one, and an exit status has eight bits of it. */
	CHECK_EQ(run_once(NULL, fails, (void *)4095, NULL), 255);
	CHECK_EQ(run_once(NULL, fails, (void *)(intptr_t)-4095, NULL), 255);
	CHECK_EQ(run_once(NULL, fails, (void *)4096, NULL), EPERM);
	CHECK_EQ(run_once(NULL, fails, (void *)(intptr_t)-4096, NULL), EPERM);
	CHECK_EQ(run_once(NULL, fails, (void *)(intptr_t)INT_MIN, NULL), EPERM);
}

static void not_told(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
}

static const struct {
	int given, wanted;
} errnos[] = {{1, 1}, {-1, 1}, {4095, 4095}, {-4095, 4095}, {4096, EXDEV}, {-4096, EXDEV}, {0, EXDEV},
	{INT_MAX, EXDEV}, {INT_MIN, EXDEV}};
#define ERRNOS (int)(sizeof(errnos) / sizeof(*errnos))

static int target_errnos(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < ERRNOS; i++) {
		errno = 0;
		if (syscall(SYS_mkdir, "x", i) != -1 || errno != errnos[i].wanted)
			return i + 1;
	}
	return 0;
}

static int fails_so(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_fail(req, errnos[sluice_arg_int(req, 1)].given);
}

/* What no call gives would be a success to libc. */
static void fail_at_the_edges(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, fails_so, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "errnos", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static int twice(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_fail(req, ENOSPC), 0);
	CHECK_EQ(sluice_reply(req, 0), -EALREADY);
	CHECK_EQ(sluice_fail(req, EACCES), -EALREADY);
	CHECK_EQ(sluice_reply_fd(req, 0, 0), -EALREADY);
	CHECK_EQ(sluice_on_cancel(req, not_told, NULL), -ENOENT);
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ADVISORY), -EALREADY);
	CHECK_EQ(sluice_alive(req), -ENOENT);
	return -1; /* and a failing handler changes nothing any more */
}

static void once_only(void)
{
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(run_once(NULL, twice, NULL, &s), ENOSPC);
	CHECK_EQ(s.failed, 1);
	CHECK_EQ(s.defaulted, 0);
}

static int nothing(struct sluice_request *req, void *data)
{
	(void)req;
	return (int)(intptr_t)data;
}

static void nobody_decides(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	CHECK_EQ(run_once(NULL, nothing, (void *)0, NULL), EPERM);
	o.default_errno = EACCES;
	CHECK_EQ(run_once(&o, nothing, (void *)0, NULL), EACCES);
	CHECK_EQ(run_once(&o, nothing, (void *)(intptr_t)-5, NULL), EACCES);
	CHECK_EQ(run_once(&o, NULL, NULL, NULL), EACCES);
}

static int continues(struct sluice_request *req, void *data)
{
	char path[4096];
	int fd;

	if (data == (void *)2) {
		fd = sluice_mem_fd(req);
		CHECK(pread(fd, path, 1, (off_t)sluice_arg(req, 0)) == 1);
		CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	}
	if (data) {
		CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)), 14);
		CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
		CHECK_EQ(sluice_continue(req, (enum sluice_continue_reason)0), -EINVAL);
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	}
	return sluice_continue(req, SLUICE_CONTINUE_ARGS);
}

static int must_not_continue(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ADVISORY), -EPERM);
	return sluice_fail(req, EXDEV);
}

static void continue_reasons(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	CHECK_EQ(run_once(NULL, continues, NULL, NULL), ENOENT);
	CHECK_EQ(run_once(NULL, continues, (void *)1, NULL), ENOENT);
	CHECK_EQ(run_once(NULL, continues, (void *)2, NULL), ENOENT);
	o.forbid_continue = true;
	CHECK_EQ(run_once(&o, must_not_continue, NULL, NULL), EXDEV);
}

static int target_open(int argc, char **argv)
{
	char got[8] = "";
	int limit = argc > 0 ? atoi(argv[0]) : 0, fd;

	if (limit) {
		struct {
			uint64_t cur, max;
		} r = {(uint64_t)limit, (uint64_t)limit};

		syscall(SYS_prlimit64, 0, 7, &r, NULL);
	}
	if (argc > 0 && !limit)
		close(0); /* its place is given */
	fd = open("/some/file", O_RDONLY);
	if (fd < 0)
		return errno;
	if (argc > 0 && fd != 0)
		return 203;
	if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 201;
	return read(fd, got, 5) == 5 && strcmp(got, "hello") == 0 ? 0 : 202;
}

/* What is given, and what comes of it: of the verdict, and as the status of the target. */
static struct gift {
	int fd;
	unsigned flags;
	const char *limit;
	int rc, status;
} gift;

static int give_fd(struct sluice_request *req, void *data)
{
	char path[4096];

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (strcmp(path, "/some/file"))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	errno = EINTR; /* of whatever was before */
	CHECK_EQ(sluice_reply_fd(req, gift.fd, gift.flags), gift.rc);
	CHECK_EQ(sluice_reply_fd(req, gift.fd, gift.flags), -EALREADY);
	return 0;
}

static unsigned numbers; /* of descriptors, as bits */

static void note_number(const char *line, size_t length, void *data)
{
	const char *given = strstr(line, "\"verdict\":\"descriptor\",\"value\":");
	int number;

	(void)length;
	(void)data;
	if (given && sscanf(given, "\"verdict\":\"descriptor\",\"value\":%d,", &number) == 1)
		numbers |= 1u << (number & 31);
}

static void descriptors(bool killable)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	int fd = memfd_create("file", MFD_CLOEXEC), before;
	const struct gift gifts[] = {
		{fd, SLUICE_FD_CLOEXEC, NULL, 0, 0},
		{fd, SLUICE_FD_CLOEXEC, "0", 0, 0},
		{fd, 0, NULL, 0, 201},
		{fd, SLUICE_FD_CLOEXEC, "3", -EMFILE, EMFILE}, /* the target is full */
		{fd, SLUICE_FD_CLOEXEC << 1, NULL, -EINVAL, EINVAL},
		{9999, SLUICE_FD_CLOEXEC, NULL, -EBADF, EBADF},
	};

	CHECK(write(fd, "hello", 5) == 5);
	sluice_set_log(sv, note_number, NULL);
	CHECK_EQ(sluice_on_name(sv, "openat", give_fd, NULL), 0);
	before = count_fds();
	for (size_t i = 0; i < sizeof(gifts) / sizeof(*gifts); i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;

		gift = gifts[i];
		CHECK(lseek(fd, 0, SEEK_SET) == 0);
		child.wait_killable = killable;
		spawn_target(sv, filter_of(false, "openat", NULL), &child, "open", gift.limit);
		CHECK_EQ(wait_target(sv, &child), gift.status);
		while (sluice_active(sv))
			CHECK(sluice_dispatch(sv, -1) >= 0);
	}
	CHECK_EQ(settled_fds(before), before);
	CHECK_EQ(sluice_statistics(sv, &s), 0);
	CHECK(s.descriptors == 3 && s.replied == 3 && s.failed == 3);
	CHECK((numbers & 1) && numbers != 1);
	sluice_supervisor_free(sv);
}

static void reply_fd(void)
{
	descriptors(false);
}

static void reply_fd_killable(void)
{
	descriptors(true);
}

static int target_gets(int argc, char **argv)
{
	long fd = syscall(SYS_mkdir, "x", 0);

	(void)argc;
	(void)argv;
	return fd < 0 ? errno : fcntl((int)fd, F_GETFD) == 0 ? 0 : 201;
}

static int give_wrongly(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_reply_fd(req, 0, *(unsigned *)data), -EINVAL);
	CHECK_EQ(sluice_reply_fd(req, 0, 0), -EALREADY);
	return 0;
}

static int give_stdin(struct sluice_request *req, void *data)
{
	return sluice_reply_fd(req, 0, *(unsigned *)data);
}

static int give_nothing(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_reply_fd(req, 9999, SLUICE_FD_CLOEXEC), -EBADF);
	return 0;
}

static void reply_fd_flags(void)
{
	unsigned none = 0, wrong[] = {SLUICE_FD_CLOEXEC << 1, SLUICE_FD_CLOEXEC | 1u << 31};
	struct sluice_statistics s;

	CHECK_EQ(answer_target("gets", NULL, MKDIR, give_stdin, &none), 0);
	CHECK_EQ(answer_target("gets", NULL, MKDIR, give_wrongly, &wrong[0]), EINVAL);
	CHECK_EQ(answer_target("gets", NULL, MKDIR, give_wrongly, &wrong[1]), EINVAL);
	s.size = sizeof(s);
	CHECK_EQ(run_once(NULL, give_nothing, NULL, &s), EBADF);
	CHECK(s.descriptors == 0 && s.replied == 0 && s.failed == 1 && s.received == 1);
}

/* The target is killed while its call is with the handler. */
static int kill_it(struct sluice_request *req, void *data)
{
	struct sluice_child *child = data;
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
	char byte;

	CHECK_EQ(kill(child->pid, SIGKILL), 0);
	CHECK_EQ(poll(&p, 1, 10000), 1);
	CHECK_EQ(sluice_read(req, sluice_arg(req, 0), &byte, 1), -ENOENT);
	CHECK_EQ(sluice_tgid(req), -ENOENT);
	CHECK_EQ(sluice_cwd_fd(req), -ENOENT);
	CHECK_EQ(sluice_reply_fd(req, 0, 0), -ENOENT);
	return 0;
}

static char continued[2][512];
static int n_continued;

static void keep_line(const char *line, size_t length, void *data)
{
	(void)length;
	(void)data;
	CHECK(n_continued < 2);
	snprintf(continued[n_continued++], sizeof(*continued), "%s", line);
}

static int continue_twice(struct sluice_request *req, void *data)
{
	struct sluice_child *child = data;
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};

	if (n_continued == 0)
		return sluice_continue(req, SLUICE_CONTINUE_ARGS);
	CHECK_EQ(kill(child->pid, SIGKILL), 0);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ADVISORY), -ENOENT);
	return 0;
}

static int target_two(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	syscall(SYS_mkdir, "/nonexistent/x", 0);
	syscall(SYS_mkdir, "/nonexistent/x", 0);
	return 0;
}

/* What is written of a call that goes on, and of one that would have. */
static void continue_lines(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	sluice_set_log(sv, keep_line, NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, continue_twice, &child), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "two", NULL);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
	CHECK_EQ(n_continued, 2);
	CHECK(strstr(continued[0], "\"verdict\":\"continue\",\"value\":0,"));
	CHECK(strstr(continued[0], "\"why\":\"arguments only\""));
	CHECK(strstr(continued[1], "\"verdict\":\"gone\",\"value\":0,"));
	CHECK(strstr(continued[1], "\"why\":\"advisory\""));
}

static int n_gone;

static void count_gone(const char *line, size_t length, void *data)
{
	(void)length;
	(void)data;
	n_gone += strstr(line, "\"verdict\":\"gone\",\"value\":-1,") != NULL;
}

static void target_dies(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	int before;

	before = count_fds();
	sluice_set_log(sv, count_gone, NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, kill_it, &child), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, -1) >= 0);
	sluice_statistics(sv, &s);
	CHECK_EQ(s.gone, 1);
	CHECK_EQ(n_gone, 1);
	CHECK_EQ(s.pending, 0);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

static void before_receive(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	struct reaper reaper;
	struct pollfd p;

	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	p = (struct pollfd){.fd = sluice_fd(sv), .events = POLLIN};
	CHECK_EQ(poll(&p, 1, 10000), 1); /* it asks, nobody has received */
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	p = (struct pollfd){.fd = child.pidfd, .events = POLLIN};
	CHECK_EQ(poll(&p, 1, 10000), 1);
	reap_meanwhile(&reaper, &child);
	while (sluice_active(sv)) /* neither a hang nor a spin */
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	sluice_statistics(sv, &s);
	CHECK_EQ(s.received, 0);
	CHECK_EQ(reaped(&reaper, sv), 128 + SIGKILL);
	CHECK_EQ(sluice_run(sv), 0);
	sluice_supervisor_free(sv);
}

static volatile sig_atomic_t stop;

static void on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

static int same_number(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, sluice_arg_int(req, 1));
}

/* signal(3) sets SA_RESTART, and a loop that looks at a flag has to come by. */
static void signals_end_a_wait(void)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 200000}, {0, 200000}}, never = {{0, 0}, {0, 0}};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	int rc = 0;

	CHECK_EQ(sluice_on_name(sv, MKDIR, same_number, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "pause", NULL);
	do {
		CHECK(sluice_dispatch(sv, -1) >= 0);
		sluice_statistics(sv, &s);
	} while (s.received < 200);
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (!stop)
		rc = sluice_dispatch(sv, -1);
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK_EQ(rc, -EINTR);
	kill(child.pid, SIGKILL);
	CHECK_EQ(serve_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{"mkdir", target_mkdir}, {"open", target_open},
	{"two", target_two}, {"errnos", target_errnos}, {"gets", target_gets},
	{"pause", target_pause}, {NULL, NULL}};
const struct test tests[] = {
	{"fail: the errno asked for, or the default", fail_with},
	{"fail: the largest errno and beyond", fail_at_the_edges},
	{"a request ends exactly once", once_only},
	{"no verdict, no handler, a failing handler: the default errno", nobody_decides},
	{"continue needs a reason, and none holds after a read", continue_reasons},
	{"what is written of a call that goes on", continue_lines},
	{"a descriptor as the answer, and a target that is full", reply_fd},
	{"the same where only death interrupts", reply_fd_killable},
	{"a descriptor: what it may be, and how it may be given", reply_fd_flags},
	{"the target killed in the handler", target_dies},
	{"the target killed before receive", before_receive},
	{"a signal ends a wait, with SA_RESTART too", signals_end_a_wait},
	{NULL, NULL}};
