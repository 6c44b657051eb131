/* The supervisor is killed: the keeper answers, a successor goes on.
 * SPDX-License-Identifier: MIT
 *
 * Targets here are started by a supervisor process that this one kills. They report each call's
 * result over a pipe, and a call that gets no answer shows as silence. */
#include "runtime.h"

struct report {
	int tid, nth;
	int result;             /* 0 or errno */
	int unused;
	uint64_t asked, answered; /* CLOCK_MONOTONIC */
};

static void ask_n(int out, int n)
{
	for (int i = 0; i < n; i++) {
		struct report r = {.tid = (int)syscall(SYS_gettid), .nth = i};

		r.asked = now_ns();
		r.result = syscall(SYS_mkdir, "x", i) == i ? 0 : errno;
		r.answered = now_ns();
		if (write(out, &r, sizeof(r)) != sizeof(r))
			_exit(1);
	}
}

static void *ask_thread(void *data)
{
	ask_n(1, (int)(long)data);
	return NULL;
}

static int target_ask(int argc, char **argv)
{
	long n = argc > 0 ? atol(argv[0]) : 1;
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, ask_thread, (void *)n);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static int echo(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, sluice_arg_int(req, 1));
}

static int echo_later(struct sluice_request *req, void *data)
{
	return sluice_work(req, echo, data);
}

/* Receives and never answers. */
static int sit(struct sluice_request *req, void *data)
{
	(void)data;
	sluice_defer(req);
	return 0;
}

/* A supervisor process of its own with @options and one target of 4 threads with @n calls
 * each; its reports come out of *out. */
static pid_t start_supervisor(const struct sluice_options *options, sluice_handler handler,
	int n, int *out)
{
	int fds[2], ready[2];
	char arg[16], byte;
	pid_t pid;

	CHECK(pipe2(fds, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	snprintf(arg, sizeof(arg), "%d", n);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv = new_supervisor(options);

		child.stdout_fd = fds[1];
		CHECK_EQ(sluice_on_name(sv, "mkdir", handler, NULL), 0);
		spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "ask", arg);
		close(fds[0]);
		close(fds[1]);
		CHECK(write(ready[1], "r", 1) == 1);
		sluice_wait(sv, &child, NULL);
		_exit(0);
	}
	close(fds[1]);
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	*out = fds[0];
	return pid;
}

/* All reports until the targets end. Returns how many; @bad counts results that are neither 0
 * nor @errnum, @late those that took more than a second after @since. */
static int collect(int out, int errnum, uint64_t since, int *bad, int *refused)
{
	struct report r;
	int n = 0;

	*bad = *refused = 0;
	while (read(out, &r, sizeof(r)) == sizeof(r)) {
		uint64_t from = r.asked > since ? r.asked : since;

		n++;
		if (r.result == errnum)
			++*refused;
		else if (r.result)
			++*bad;
		if (r.answered > from && r.answered - from > 1000000000u) {
			printf("# answered after %llu ms\n",
				(unsigned long long)(r.answered - from) / 1000000);
			++*bad;
		}
	}
	close(out);
	return n;
}

static int no_keeper_left(void)
{
	for (int i = 0; i < 200 && keepers(0); i++)
		usleep(20000);
	return !keepers(0);
}

static void kill_it(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void received_and_pending(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused;
	pid_t pid;
	uint64_t killed;

	o.keeper = true;
	o.default_errno = EXDEV;
	pid = start_supervisor(&o, sit, 3, &out);
	usleep(100000); /* four received calls wait */
	killed = now_ns();
	kill_it(pid);
	CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 12);
	CHECK_EQ(bad, 0);
	CHECK_EQ(refused, 12);
}

/* The control: without a keeper the kernel says ENOSYS, so the test can fail. */
static void without_keeper(void)
{
	int out, bad, refused;
	pid_t pid = start_supervisor(NULL, sit, 1, &out);

	usleep(100000);
	kill_it(pid);
	CHECK_EQ(collect(out, ENOSYS, now_ns(), &bad, &refused), 4);
	CHECK_EQ(refused, 4);
}

static void random_kills(void)
{
	long rounds = scaled("SLUICE_KILLS", 20);
	long total = 0, total_refused = 0;

	srandom(7);
	for (long i = 0; i < rounds; i++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		int out, bad, refused;
		uint64_t killed;
		pid_t pid;

		o.keeper = true;
		o.default_errno = EXDEV;
		pid = start_supervisor(&o, i % 2 ? echo : echo_later, 2000, &out);
		usleep((useconds_t)(random() % 20000));
		killed = now_ns();
		kill_it(pid);
		CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 8000);
		CHECK_EQ(bad, 0);
		total += 8000;
		total_refused += refused;
	}
	printf("# %ld kills, %ld calls, %ld got the chosen errno, 0 lost\n", rounds, total,
		total_refused);
}

static char *door(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/door", scratch_dir());
	return path;
}

static pid_t start_successor(int socket, sluice_handler handler)
{
	int go[2];
	char byte;
	pid_t pid;

	CHECK(pipe2(go, O_CLOEXEC) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv;

		CHECK_EQ(sluice_take_over(socket, &sv), 0);
		sluice_on_name(sv, "mkdir", handler, NULL);
		CHECK(write(go[1], "g", 1) == 1);
		sluice_run(sv);
		_exit(0);
	}
	CHECK(read(go[0], &byte, 1) == 1);
	close(go[0]);
	close(go[1]);
	return pid;
}

/* A successor waits at the keeper before the supervisor is killed: nothing is refused. */
static void standby(bool kill_twice)
{
	long rounds = scaled("SLUICE_KILLS", 20);
	long replayed = 0;

	srandom(8);
	for (long i = 0; i < rounds; i++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		struct sluice_supervisor *sv = NULL;
		struct sluice_statistics s;
		int out, bad, refused, socket, next = -1;
		uint64_t killed;
		pid_t pid, second = -1;

		o.keeper = true;
		o.keeper_path = door();
		o.default_errno = EXDEV;
		pid = start_supervisor(&o, i % 2 ? echo_later : sit, 6000, &out);
		socket = sluice_keeper_connect(o.keeper_path);
		CHECK(socket >= 0);
		usleep((useconds_t)(random() % 10000)); /* the calls take longer than all this */
		killed = now_ns();
		kill_it(pid);
		if (kill_twice) {
			second = start_successor(socket, i % 2 ? sit : echo);
			close(socket);
			next = sluice_keeper_connect(o.keeper_path);
			CHECK(next >= 0);
			usleep((useconds_t)(random() % 5000));
			killed = now_ns();
			kill_it(second);
			socket = next;
		}
		CHECK_EQ(sluice_take_over(socket, &sv), 0);
		close(socket);
		CHECK_EQ(sluice_on_name(sv, "mkdir", echo, NULL), 0);
		CHECK_EQ(sluice_run(sv), 0);
		CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 24000);
		CHECK_EQ(bad, 0);
		CHECK_EQ(refused, 0);
		do
			sluice_statistics(sv, &s);
		while (s.pending);
		replayed += (long)s.replayed;
		sluice_supervisor_free(sv);
	}
	printf("# %ld kills, %ld received calls shown again, none lost or refused\n", rounds,
		replayed);
	CHECK(replayed > 0 || rounds < 20);
}

static void successor(void)
{
	standby(false);
}

static void two_successors(void)
{
	standby(true);
}

/* The successor comes after the grace: the rest is its, the earlier ones were refused. */
static void late_successor(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int out, bad, refused, socket;
	struct pollfd p = {.events = POLLIN};
	pid_t pid;

	o.keeper = true;
	o.keeper_path = door();
	o.grace_ms = 100;
	pid = start_supervisor(&o, sit, 7000, &out);
	usleep(50000);
	kill_it(pid);
	p.fd = out;
	CHECK_EQ(poll(&p, 1, -1), 1); /* it never answered: the keeper has begun to */
	socket = sluice_keeper_connect(o.keeper_path);
	CHECK(socket >= 0);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	CHECK_EQ(sluice_on_name(sv, "mkdir", echo, NULL), 0);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(collect(out, EPERM, now_ns(), &bad, &refused), 28000);
	CHECK_EQ(bad, 0);
	CHECK(refused > 0);
	sluice_supervisor_free(sv);
}

/* Somebody kills the keeper: another one is made, which works. */
static void keeper_killed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused;
	pid_t pid;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	o.keeper = true;
	o.default_errno = EXDEV;
	pid = start_supervisor(&o, sit, 5, &out);
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGKILL), 1);
	usleep(300000); /* time to notice */
	kill_it(pid);
	CHECK_EQ(collect(out, EXDEV, now_ns(), &bad, &refused), 20);
	CHECK_EQ(refused, 20);
}

/* Freed while the targets live: the keeper answers on, and ends with them. */
static void freed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int fds[2], bad, refused, status, before;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	before = count_fds();
	o.keeper = true;
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	child.stdout_fd = fds[1];
	spawn_target(sv, filter_of(false, "mkdir", NULL), &child, "ask", "100");
	close(fds[1]);
	sluice_supervisor_free(sv);
	CHECK_EQ(collect(fds[0], EXDEV, now_ns(), &bad, &refused), 400);
	CHECK_EQ(refused, 400);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	sluice_child_release(&child);
	CHECK_EQ(count_fds(), before);
	CHECK(no_keeper_left());
	CHECK_EQ(waitpid(-1, NULL, __WALL), -1); /* it was never our child to wait for */
}

enum { NO_FILTER, FILTER_FIRST, FILTER_LATER };

/* A process of the supervisor's user connects, kills it and takes over. Only what has no
 * more filters than the supervisor may: 0, else the errno of sluice_take_over(). */
static int usurp(int when)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused, status, calls;
	pid_t victim, pid;

	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	victim = start_supervisor(&o, sit, 5, &out);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv;
		scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
		int socket = -1, rc;

		close(out);
		CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mkdir), 0), 0);
		if (when == FILTER_LATER) {
			socket = sluice_keeper_connect(o.keeper_path);
			usleep(100000); /* it is let in */
		}
		if (when != NO_FILTER)
			CHECK_EQ(seccomp_load(f), 0);
		seccomp_release(f);
		if (when != FILTER_LATER)
			socket = sluice_keeper_connect(o.keeper_path);
		CHECK(socket >= 0);
		CHECK_EQ(kill(victim, SIGKILL), 0);
		rc = sluice_take_over(socket, &sv);
		close(socket);
		if (rc)
			_exit(-rc);
		CHECK_EQ(sluice_on_name(sv, "mkdir", echo, NULL), 0);
		CHECK_EQ(sluice_run(sv), 0);
		sluice_supervisor_free(sv);
		_exit(0);
	}
	CHECK_EQ(waitpid(victim, NULL, 0), victim);
	calls = collect(out, EXDEV, now_ns(), &bad, &refused);
	CHECK_EQ(calls, 20);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(refused, WEXITSTATUS(status) ? 20 : 0);
	return WEXITSTATUS(status);
}

static void targets_refused(void)
{
	CHECK_EQ(usurp(NO_FILTER), 0);
	CHECK_EQ(usurp(FILTER_FIRST), ECANCELED);
	CHECK_EQ(usurp(FILTER_LATER), ECANCELED);
}

/* A service under a filter, as systemd and container engines make them, has a successor too. */
static void filtered_service(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	char line[128] = "";
	FILE *status = fopen("/proc/self/status", "r");
	bool counted = false;

	while (fgets(line, sizeof(line), status))
		counted |= strncmp(line, "Seccomp_filters:", 16) == 0;
	fclose(status);
	if (!counted)
		SKIP("this kernel does not count filters (5.9)");
	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(acct), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
	CHECK_EQ(usurp(NO_FILTER), 0);
	CHECK_EQ(usurp(FILTER_FIRST), ECANCELED);
}

static void busy_path(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv, *other = NULL;
	struct stat st;

	o.keeper = true;
	o.keeper_path = door();
	sv = new_supervisor(&o);
	CHECK(stat(o.keeper_path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK_EQ(sluice_supervisor_new(&o, &other), -EADDRINUSE);
	sluice_supervisor_free(sv);
	CHECK(stat(o.keeper_path, &st) == -1);
}

const struct target_main targets[] = {{"ask", target_ask}, {NULL, NULL}};
const struct test tests[] = {
	{"killed with received and pending calls: the chosen errno", received_and_pending},
	{"control: without a keeper it is ENOSYS", without_keeper},
	{"killed at random moments", random_kills},
	{"killed at random moments, with a successor", successor},
	{"and the successor killed too", two_successors},
	{"a successor after the grace", late_successor},
	{"the keeper itself killed", keeper_killed},
	{"freed while targets live", freed},
	{"a keeper's path is in use", busy_path},
	{"targets cannot take over from a keeper; others of their user can", targets_refused},
	{"a filtered supervisor's successor can, its targets cannot", filtered_service},
	{NULL, NULL}};
