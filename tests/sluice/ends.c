/* What ends early: requests in the workers' queue, spawns, verdicts given twice.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdatomic.h>

static int target_asks(int argc, char **argv)
{
	(void)argc;
	return syscall(SYS_mkdir, "x", 0700) == atoi(argv[0]) ? 0 : 1;
}

/* ---- a second verdict ---- */

static struct sluice_request *first;

static int answer_twice(struct sluice_request *req, void *data)
{
	int *calls = data;

	if (++*calls == 1) {
		first = sluice_defer(req);
		CHECK_EQ(sluice_reply(first, 7), 0);
		CHECK_EQ(sluice_reply(first, 8), -EALREADY);
		return 0;
	}
	sluice_defer(req);
	CHECK_EQ(sluice_reply(first, 42), -EALREADY);
	CHECK_EQ(sluice_fail(first, EPERM), -EALREADY);
	return sluice_reply(req, 9);
}

static void second_verdict(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0;

#if defined(__SANITIZE_ADDRESS__)
	SKIP("AddressSanitizer ends such a program, as it should");
#endif
	CHECK_EQ(sluice_on_name(sv, MKDIR, answer_twice, &calls), 0);
	for (int i = 0; i < 50; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;

		spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "asks", i ? "9" : "7");
		CHECK_EQ(wait_target(sv, &child), 0);
	}
	CHECK_EQ(calls, 50);
	sluice_supervisor_free(sv);
}

/* ---- the workers' queue ---- */

#define CALLS 200

static atomic_int made, released, run;
static int gate[2];
static int late = CALLS; /* from this one on, time is up before they are queued */

static void *ask_often(void *data)
{
	(void)data;
	for (int i = 0; i < CALLS / 8; i++)
		syscall(SYS_mkdir, "x", 0700);
	return NULL;
}

static int target_often(int argc, char **argv)
{
	pthread_t t[8];

	(void)argc;
	(void)argv;
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, ask_often, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static int stuck(struct sluice_request *req, void *data)
{
	char byte;

	(void)data;
	atomic_fetch_add(&run, 1);
	CHECK(read(gate[0], &byte, 1) == 0);
	return sluice_fail(req, EACCES);
}

static void release(void *data)
{
	free(data);
	atomic_fetch_add(&released, 1);
}

static int queue_it(struct sluice_request *req, void *data)
{
	char *job = malloc(4096);

	(void)data;
	CHECK(job);
	/* On a slow machine it may have timed out before, and its thread have ended. */
	if (sluice_cwd_fd(req) < 0 || sluice_root_fd(req) < 0)
		CHECK(sluice_alive(req) < 0);
	while (atomic_load(&made) >= late && sluice_alive(req) == 0)
		usleep(1000);
	atomic_fetch_add(&made, 1);
	return sluice_work_owned(req, stuck, job, release);
}

static void end_in_the_queue(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int before;

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	o.workers = 1;
	o.timeout_ms = 20;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, queue_it, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "often", NULL);
	before = count_fds();
	CHECK_EQ(wait_target(sv, &child), 0);
	/* One is with the worker; nothing is left of the others. */
	while (atomic_load(&released) < CALLS - 1)
		sluice_dispatch(sv, 10);
	CHECK_EQ(atomic_load(&made), CALLS);
	CHECK_EQ(atomic_load(&run), 1);
	CHECK(count_fds() <= before + 4);
	close(gate[1]);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&released), CALLS);
}

static void ended_in_the_queue(void)
{
	end_in_the_queue();
}

static void ended_before_the_queue(void)
{
	late = CALLS - 10;
	end_in_the_queue();
}

/* Freed while some wait: their data is not lost either. */
static void freed_with_a_queue(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int status;

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	o.workers = 1;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, queue_it, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "often", NULL);
	while (atomic_load(&made) < 8)
		sluice_dispatch(sv, 10);
	close(gate[1]);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&released), atomic_load(&made));
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	sluice_child_release(&child);
}

static atomic_bool serving;

static int not_run(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
	return 0;
}

static void count_release(void *data)
{
	(void)data;
	atomic_fetch_add(&released, 1);
}

/* Work for a request that the end of the supervisor has decided: its data is released at once, and from when
 * no worker is left to take any, it stays the caller's. */
static int work_at_the_end(struct sluice_request *req, void *data)
{
	int rc, accepted = 0;

	(void)data;
	atomic_store(&serving, true);
	while (sluice_alive(req) == 0)
		usleep(1000);
	while ((rc = sluice_work_owned(req, not_run, NULL, count_release)) == 0)
		CHECK_EQ(atomic_load(&released), ++accepted);
	CHECK_EQ(rc, -ESHUTDOWN);
	CHECK_EQ(sluice_work(req, not_run, NULL), -ESHUTDOWN);
	CHECK_EQ(atomic_load(&released), accepted);
	atomic_store(&serving, false);
	return 0;
}

static int to_the_end(struct sluice_request *req, void *data)
{
	return sluice_work(req, work_at_the_end, data);
}

static void work_while_freed(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int status;

	CHECK_EQ(sluice_on_name(sv, MKDIR, to_the_end, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "asks", "1");
	while (!atomic_load(&serving))
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	sluice_supervisor_free(sv);
	CHECK(!atomic_load(&serving));
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	sluice_child_release(&child);
}

/* ---- a child that is stopped while it starts ---- */

#define VICTIM 1234

/* Stops every process of its user but itself. */
static pid_t start_stopper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		CHECK_EQ(setresuid(VICTIM, VICTIM, VICTIM), 0);
		for (;;)
			kill(-1, SIGSTOP);
	}
	return pid;
}

static void stopped_child(void)
{
	struct sluice_supervisor *sv;
	char *argv[] = {(char *)"true", NULL};
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	pid_t stopper;
	int rc = 0;

	if (geteuid() != 0)
		SKIP("needs root");
	isolate(); /* kill(-1) means this namespace */
	sv = new_supervisor(NULL);
	stopper = start_stopper();
	for (int i = 0; i < 500 && rc != -ETIMEDOUT; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_error error = {0};

		child.uid = child.gid = VICTIM;
		child.error = &error;
		rc = sluice_spawn(sv, f, argv, &child);
		if (rc) {
			CHECK_EQ(rc, -ETIMEDOUT);
			CHECK(strstr(error.message, "stopped"));
			continue;
		}
		CHECK_EQ(kill(child.pid, SIGKILL), 0);
		wait_target(sv, &child);
	}
	CHECK_EQ(rc, -ETIMEDOUT);
	CHECK(kill(stopper, SIGKILL) == 0 && waitpid(stopper, NULL, 0) == stopper);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

/* ---- a target whose tracer holds it when it has ended ---- */

static int target_traced(int argc, char **argv)
{
	pid_t tracer, us = getpid();
	int ready[2];
	char byte;

	(void)argc;
	(void)argv;
	CHECK(pipe(ready) == 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	tracer = fork();
	if (tracer == 0) {
		byte = ptrace(PTRACE_SEIZE, us, 0, 0) == 0;
		CHECK_EQ(write(ready[1], &byte, 1), 1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	if (!byte) {
		kill(tracer, SIGKILL);
		return 77;
	}
	syscall(SYS_mkdir, "x", tracer);
	return 3;
}

static int target_calls(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (;;)
		if (syscall(SYS_mkdir, "x", 0))
			return errno & 127;
}

struct held {
	pid_t tracer;
	int pidfd, calls;
	pthread_t thread;
};

static int count_while_held(struct sluice_request *req, void *data)
{
	struct held *held = data;
	struct pollfd p = {.fd = held->pidfd, .events = POLLIN};

	if (sluice_arg_int(req, 1))
		held->tracer = sluice_arg_int(req, 1);
	else if (held->tracer && poll(&p, 1, 0) == 1 && ++held->calls == 20)
		CHECK_EQ(kill(held->tracer, SIGKILL), 0);
	return sluice_reply(req, 0);
}

static void held_by_tracer(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child other = SLUICE_CHILD_INIT, child = SLUICE_CHILD_INIT;
	struct held held = {0};
	int status;

	CHECK_EQ(sluice_on_name(sv, "mkdir", count_while_held, &held), 0);
	spawn_target(sv, filter_of(false, "mkdir", NULL), &other, "calls", NULL);
	spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "traced", NULL);
	held.pidfd = child.pidfd;
	CHECK_EQ(sluice_wait(sv, &child, &status), 0);
	CHECK(WIFEXITED(status));
	CHECK_EQ(kill(other.pid, SIGKILL), 0);
	wait_target(sv, &other);
	sluice_supervisor_free(sv);
	if (WEXITSTATUS(status) == 77)
		SKIP("may not trace");
	CHECK_EQ(WEXITSTATUS(status), 3);
	CHECK(held.calls >= 20);
}

static void *kill_tracer(void *data)
{
	struct held *held = data;
	struct pollfd p = {.fd = held->pidfd, .events = POLLIN};

	CHECK_EQ(poll(&p, 1, -1), 1);
	usleep(400000); /* who waits looks again and again meanwhile */
	CHECK_EQ(kill(held->tracer, SIGKILL), 0);
	return NULL;
}

static int note_tracer(struct sluice_request *req, void *data)
{
	struct held *held = data;

	held->tracer = sluice_arg_int(req, 1);
	held->calls++;
	CHECK_EQ(pthread_create(&held->thread, NULL, kill_tracer, held), 0);
	return sluice_reply(req, 0);
}

/* Nothing comes in the meantime. */
static void held_alone(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct held held = {0};
	int status, rc;

	CHECK_EQ(sluice_on_name(sv, "mkdir", note_tracer, &held), 0);
	spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "traced", NULL);
	held.pidfd = child.pidfd;
	errno = 0;
	rc = sluice_wait(sv, &child, &status);
	if (held.calls)
		CHECK_EQ(pthread_join(held.thread, NULL), 0);
	CHECK_EQ(rc, 0);
	CHECK(WIFEXITED(status));
	sluice_supervisor_free(sv);
	if (WEXITSTATUS(status) == 77)
		SKIP("may not trace");
	CHECK_EQ(WEXITSTATUS(status), 3);
	CHECK_EQ(held.calls, 1);
}

/* ---- the supervisor ends while somebody has stopped a child that it starts ---- */

/* Whether there is a stopped process of VICTIM's. */
static bool has_stopped(void)
{
	bool found = false;
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (!found && (d = readdir(dir))) {
		char path[300], text[512] = "", state = 0;
		int fd, uid = 0;

		snprintf(path, sizeof(path), "/proc/%s/status", d->d_name);
		fd = d->d_name[0] < '0' || d->d_name[0] > '9' ? -1 : open(path, O_RDONLY);
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "\nState:") &&
			strstr(text, "\nUid:"))
			found = sscanf(strstr(text, "\nState:"), "\nState:\t%c", &state) == 1 &&
				sscanf(strstr(text, "\nUid:"), "\nUid:\t%d", &uid) == 1 &&
				state == 'T' && uid == VICTIM;
		close(fd);
	}
	closedir(dir);
	return found;
}

static int answer_zero(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	(void)data;
	return 0;
}

static void supervise_both(int out, const char *door)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char *argv[] = {(char *)"true", NULL};
	scmp_filter_ctx f = filter_of(false, "mkdir", NULL);

	CHECK_EQ(sluice_on_name(sv, "mkdir", answer_zero, NULL), 0);
	CHECK_EQ(sluice_listen_oci(sv, door, take, NULL), 0);
	child.stdout_fd = out;
	spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "calls-on", NULL);
	for (;;) {
		struct sluice_child stopped = SLUICE_CHILD_INIT;

		sluice_dispatch(sv, 10);
		stopped.uid = stopped.gid = VICTIM;
		if (sluice_spawn(sv, f, argv, &stopped) == 0 && !has_stopped()) {
			kill(stopped.pid, SIGKILL);
			wait_target(sv, &stopped);
		}
	}
}

/* Until it is not answered any more; then the errno. */
static int target_calls_on(int argc, char **argv)
{
	char error = (char)target_calls(argc, argv);

	return write(1, &error, 1) != 1;
}

/* As a runtime that has sent nothing yet; -1 while nobody listens. */
static int connected(const char *door)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(door) >= sizeof(to.sun_path))
		abort();
	memcpy(to.sun_path, door, strlen(door) + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void ended_while_stopped(void)
{
	struct sluice_supervisor *next;
	struct pollfd runtime = {.events = POLLIN};
	pid_t supervisor, stopper;
	char error = 0, door[128];
	int out[2];

	isolate();
	snprintf(door, sizeof(door), "%s/door", scratch_dir());
	CHECK(pipe2(out, O_CLOEXEC) == 0);
	supervisor = fork();
	if (supervisor == 0)
		supervise_both(out[1], door);
	close(out[1]);
	while ((runtime.fd = connected(door)) < 0)
		usleep(1000);
	usleep(50000); /* it is accepted meanwhile; where not, the listening socket is what ends it */
	stopper = start_stopper();
	while (!has_stopped())
		usleep(1000);
	CHECK(kill(supervisor, SIGKILL) == 0 && waitpid(supervisor, NULL, 0) == supervisor);
	CHECK_EQ(read(out[0], &error, 1), 1);
	CHECK_EQ(error, ENOSYS);
	CHECK(poll(&runtime, 1, 5000) == 1 && runtime.revents & POLLHUP);
	close(runtime.fd);
	next = new_supervisor(NULL);
	CHECK_EQ(sluice_listen_oci(next, door, take, NULL), 0);
	sluice_supervisor_free(next);
	CHECK(kill(stopper, SIGKILL) == 0 && waitpid(stopper, NULL, 0) == stopper);
}

const struct target_main targets[] = {
	{"traced", target_traced}, {"calls", target_calls}, {"calls-on", target_calls_on},
	{"asks", target_asks}, {"often", target_often}, {NULL, NULL}};
const struct test tests[] = {
	{"a second verdict answers nobody else's call", second_verdict},
	{"requests that end in the workers' queue leave it, with their data", ended_in_the_queue},
	{"so do those that end before they are queued", ended_before_the_queue},
	{"so do they when the supervisor is freed", freed_with_a_queue},
	{"work that a worker gives while the supervisor is freed", work_while_freed},
	{"a child stopped before its filter: an error in bounded time", stopped_child},
	{"a child stopped before its program has nothing that others wait for", ended_while_stopped},
	{"a target that its tracer keeps from being reaped: others are served", held_by_tracer},
	{"the same, and there are no others", held_alone},
	{NULL, NULL}};
