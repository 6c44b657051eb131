/* Each allocation and each system call of libsluice fails once, in scenarios that real supervisors have. In
 * each run all answers are results or errors, no call of a target is let through or gets a result that
 * no handler gave, nothing hangs, what failed can be done again, and nothing is left at the end.
 * SPDX-License-Identifier: MIT */
#include "failing.h"
#include "runtime.h"

#include <sys/prctl.h>
#include <sys/un.h>

/* A run's limit: it ends what hangs. */
#define LIMIT_S 60

struct news *news;

/* ---- what is tried again after a failure ---------------------------------------------- */

static struct sluice_supervisor *make(const struct sluice_options *options)
{
	struct sluice_options o = options ? *options : (struct sluice_options)SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv = NULL;
	int rc;

	o.error = &error;
	for (int tries = 0; !worked(rc = sluice_supervisor_new(&o, &sv)); tries++)
		CHECK(tries < 2 && !sv && error.code == -rc && error.message[0] && count_files() == FILES);
	return sv;
}

static void serve(struct sluice_supervisor *sv, struct orders *orders)
{
	UNTIL_IT_WORKS(sluice_on_name(sv, MKDIR, obey, orders));
}

static void start(struct sluice_supervisor *sv, const char *orders, int go, struct sluice_child *child)
{
	char *argv[] = {self_path, (char *)"--target", (char *)"order", (char *)(uintptr_t)orders,
		directory, NULL};
	scmp_filter_ctx filter = filter_of(false, MKDIR, NULL);
	struct sluice_error error = {0};
	int rc;

	*child = (struct sluice_child)SLUICE_CHILD_INIT;
	child->error = &error;
	child->stdin_fd = go;
	if (strchr(orders, 'v') && geteuid() == 0)
		child->uid = child->gid = VICTIM;
	for (int tries = 0; !worked(rc = sluice_spawn(sv, filter, argv, child)); tries++)
		CHECK(tries < 2 && error.code == -rc && error.message[0] && child->pid == -1);
	child->error = NULL;
	seccomp_release(filter);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	return info.si_pid != 0;
}

/* The orders that were obeyed, as bits; none if it could not even be executed. */
static unsigned finish(struct sluice_supervisor *sv, struct sluice_child *child)
{
	int status = 0, rc;

	for (int tries = 0; !worked(rc = sluice_wait(sv, child, &status)) && child->pidfd >= 0; tries++)
		{
		CHECK(tries < 2);
		has_ended(child->pid); /* ours to wait for */
	}
	CHECK(child->pidfd < 0);
	if (rc)
		return 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) >= 125)
		printf("# the target ended as 0x%x\n", (unsigned)status);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 125);
	return (unsigned)WEXITSTATUS(status);
}

static void check_orders(const struct orders *orders, unsigned good)
{
	unsigned all = 0;

	for (unsigned i = 0; orders->all[i]; i++)
		all |= (unsigned)!strchr(NO_RESULT, orders->all[i]) << i;
	if (good & ~atomic_load(&news->given) || (!fired() && good != all))
		printf("# obeyed 0x%x, given 0x%x, all 0x%x\n", good, atomic_load(&news->given), all);
	CHECK((good & ~atomic_load(&news->given)) == 0);
	CHECK((fired() && !fail_calls_interrupted()) || good == all);
}

/* One more target, served as if nothing had been. */
static void check_works(struct sluice_supervisor *sv)
{
	struct orders orders = {"rw"};
	struct sluice_child child;

	fail_calls_disarm();
	atomic_store(&news->given, 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, obey, &orders), 0);
	start(sv, orders.all, -1, &child);
	CHECK_EQ(finish(sv, &child), 3);
	while (sluice_active(sv)) /* or a keeper would stay for a moment */
		CHECK(sluice_dispatch(sv, 100) >= 0);
}

static void listener_ended(unsigned index, void *tag, void *data)
{
	(void)index, (void)tag, (void)data;
	atomic_fetch_add(&news->ended, 1);
}

static void log_it(const char *line, size_t length, void *data)
{
	(void)data;
	CHECK(line[0] == '{' && line[length - 1] == '}' && line[length] == '\0');
}

static void obeyed(const struct sluice_options *options, const char *text)
{
	struct orders orders = {text};
	struct sluice_statistics statistics = {.size = sizeof(statistics)};
	struct sluice_child child;
	struct sluice_supervisor *sv = make(options);

	sluice_set_log(sv, log_it, NULL);
	sluice_on_listener_end(sv, listener_ended, NULL);
	serve(sv, &orders);
	start(sv, text, -1, &child);
	check_orders(&orders, finish(sv, &child));
	CHECK_EQ(sluice_statistics(sv, &statistics), 0);
	check_works(sv);
	sluice_supervisor_free(sv);
	CHECK(atomic_load(&news->ended) >= 2);
}

/* ---- scenarios ------------------------------------------------------------------------- */

static void run_verdicts(void)
{
	obeyed(NULL, "rwdln");
}

static void run_paths(void)
{
	obeyed(NULL, "Ffoas");
}

static void run_others(void)
{
	obeyed(NULL, "pq");
}

/* Of another user, if there may be one. */
static void run_user(void)
{
	obeyed(NULL, "vr");
}

static void run_identity(void)
{
	obeyed(NULL, "imu");
}

/* With a time limit for all, and a keeper, which answers what comes after the end. */
static void run_keeper(void)
{
	struct orders orders = {"rzr"};
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct sluice_child child;
	char path[108];
	int go[2], pass, status;

	snprintf(path, sizeof(path), "%s/keeper", directory);
	o.keeper = true;
	o.keeper_path = path;
	o.grace_ms = 1;
	o.timeout_ms = 100000;
	sv = make(&o);
	serve(sv, &orders);
	UNTIL_IT_WORKS(pass = sluice_keeper_pass(sv));
	close(pass);
	CHECK_EQ(pipe2(go, O_CLOEXEC), 0);
	start(sv, "rzr", go[0], &child);
	while (sluice_active(sv) && !(atomic_load(&news->given) & 1) && !has_ended(child.pid))
		dispatched(sluice_dispatch(sv, 20));
	sluice_supervisor_free(sv);
	close(go[0]);
	close(go[1]);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	sluice_child_release(&child);
	if (!fired())
		CHECK_EQ(status, 1 << 8);
	CHECK(status == 1 << 8 || status == 0 || status == 127 << 8);
	fail_calls_disarm();
	reap_all(); /* the keeper, which has the path */
	sv = make(&o);
	check_works(sv);
	sluice_supervisor_free(sv);
}

/* Whether the box has ended by now, with its errno. */
static bool box_ended(struct box *box, int *status)
{
	return waitpid(box->pid, status, WNOHANG) == box->pid;
}

static int let_in(struct sluice_request *req, void *data)
{
	(void)data;
	atomic_fetch_or(&news->given, 1);
	result(sluice_reply(req, 0));
	return 0;
}

/* Its call gets the handler's answer, or fails. */
static void open_failing(struct box *box, struct sluice_supervisor *sv)
{
	int status = -1;

	CHECK(write(box->go, "g", 1) == 1);
	while (!box_ended(box, &status))
		dispatched(sluice_dispatch(sv, 20));
	close(box->go);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 ? atomic_load(&news->given) == 1 : fired());
}

static void run_listeners(void)
{
	struct sluice_supervisor *sv = make(NULL);
	struct box box = new_box(), other = new_box();
	struct sluice_listener_statistics statistics = {.size = sizeof(statistics)};
	int status;

	UNTIL_IT_WORKS(sluice_on_name(sv, MKDIR, let_in, NULL));
	UNTIL_IT_WORKS(sluice_add_listener(sv, box.listener, NULL));
	UNTIL_IT_WORKS(sluice_add_listener(sv, other.listener, NULL));
	CHECK_EQ(sluice_active(sv), 2);
	CHECK_EQ(sluice_set_tag(sv, 0, NULL), 0);
	CHECK_EQ(sluice_limit_listener(sv, 0, 1), 0);
	CHECK_EQ(sluice_listener_statistics(sv, 0, &statistics), 0);
	open_failing(&box, sv);
	CHECK_EQ(sluice_refuse_listener(sv, 1), 0);
	UNTIL_IT_WORKS(sluice_remove_listener(sv, 1));
	CHECK(write(other.go, "g", 1) == 1);
	while (!box_ended(&other, &status)) /* its listener is closed: nobody keeps it waiting */
		dispatched(sluice_dispatch(sv, 20));
	close(other.go);
	CHECK_EQ(status, ENOSYS << 8);
	check_works(sv);
	sluice_supervisor_free(sv);
}

static int take(struct sluice_supervisor *sv, struct sluice_container *container, void *data)
{
	(void)sv, (void)data;
	CHECK(strcmp(container->id, "box") == 0);
	atomic_fetch_add(&news->boxes, 1);
	return 0;
}

static void offer(const char *path, struct box *box)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	if (send_fds(fd, document, strlen(document), &box->listener, 1) < 0)
		CHECK(fired());
	close(fd);
	close(box->listener);
}

static void served_box(const char *path, struct sluice_supervisor *sv)
{
	struct box box = new_box();

	offer(path, &box);
	open_failing(&box, sv);
	CHECK(fired() || atomic_load(&news->boxes));
}

static void oci(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	char path[108];

	o.keeper = keeper;
	sv = make(&o);
	snprintf(path, sizeof(path), "%s/oci", directory);
	UNTIL_IT_WORKS(sluice_on_name(sv, MKDIR, let_in, NULL));
	for (int tries = 0; !worked(sluice_listen_oci(sv, path, take, NULL)); tries++)
		CHECK(tries < 2 && count_files() == FILES);
	served_box(path, sv);
	fail_calls_disarm();
	atomic_store(&news->given, 0);
	atomic_store(&news->boxes, 0);
	served_box(path, sv);
	CHECK(atomic_load(&news->boxes) == 1 && atomic_load(&news->given) == 1);
	sluice_supervisor_free(sv);
	CHECK(access(path, F_OK) != 0);
}

static void run_oci(void)
{
	oci(false);
}

static void run_oci_keeper(void)
{
	oci(true);
}


/* Serves what it gets; 3: it got nothing. */
static void __attribute__((noreturn)) succeed(int socket, struct orders *orders)
{
	struct sluice_supervisor *sv = NULL;
	int fds = count_fds(), rc;
	long tasks = count_tasks();

	rc = sluice_take_over(socket, &sv);
	if (!worked(rc)) {
		CHECK(!sv);
		fail_calls_disarm();
		check_nothing_left(fds, tasks);
		_exit(3);
	}
	serve(sv, orders);
	while (sluice_active(sv))
		dispatched(sluice_dispatch(sv, 100));
	fail_calls_disarm();
	sluice_supervisor_free(sv);
	check_nothing_left(fds, tasks);
	_exit(0);
}

static int hold(struct sluice_request *req, void *data)
{
	struct sluice_request **held = data;

	if (*held) {
		result(sluice_fail(req, EPERM));
		return 0;
	}
	*held = sluice_defer(req);
	return 0;
}

static void hand_over(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct orders orders = {"rdz"};
	struct sluice_request *held = NULL;
	struct sluice_supervisor *sv;
	struct sluice_child child;
	int pair[2], rc, status, target = 0;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		succeed(pair[1], &orders);
	}
	close(pair[1]);
	o.keeper = keeper;
	sv = make(&o);
	UNTIL_IT_WORKS(sluice_on_name(sv, MKDIR, hold, &held));
	start(sv, "rd", -1, &child);
	while (!held && sluice_active(sv) && !has_ended(child.pid))
		dispatched(sluice_dispatch(sv, 20));
	rc = sluice_hand_over(sv, pair[0]);
	close(pair[0]);
	if (worked(rc)) {
		if (held)
			CHECK_EQ(sluice_reply(held, 0), -ENOENT);
	} else {
		orders.all = "rd";
		serve(sv, &orders);
		if (held)
			give(held, &orders);
		finish(sv, &child);
	}
	/* Reaped first: before Linux 6.11 the listener of a zombie has not ended, and the successor waits for that. */
	if (!rc)
		CHECK_EQ(waitpid(child.pid, &target, 0), child.pid);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(status == 0 || status == 3 << 8);
	CHECK((rc == 0) == (status == 0));
	if (!rc) {
		sluice_child_release(&child);
		CHECK(WIFEXITED(target));
		if (WEXITSTATUS(target) == 127 && fired())
			target = 0; /* it could not be executed */
		CHECK((WEXITSTATUS(target) & ~(int)atomic_load(&news->given)) == 0);
		CHECK(fired() || WEXITSTATUS(target) == 3);
	} else {
		check_works(sv);
	}
	sluice_supervisor_free(sv);
}

static void run_hand_over(void)
{
	hand_over(false);
}

static void run_hand_over_keeper(void)
{
	hand_over(true);
}

/* ---- one run, and all of them ---------------------------------------------------------- */

/* An errno that is taken for a descriptor is a file, then, and not the one that was wanted. */
static void hold_errnos(void)
{
	static const int errnos[] = {EAGAIN, ENOMEM, EACCES, ENFILE, EMFILE, ENOSYS};
	int fd = memfd_create("errno", MFD_CLOEXEC);

	CHECK(fd >= 0);
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++)
		if (fcntl(errnos[i], F_GETFD) < 0)
			CHECK_EQ(dup3(fd, errnos[i], O_CLOEXEC), errnos[i]);
}

static void __attribute__((noreturn)) run(void (*scenario)(void))
{
	int fds;
	long tasks;

	alarm(LIMIT_S);
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* of what the library makes init's */
	make_files();
	hold_errnos();
	fds = count_fds();
	tasks = count_tasks();
	scenario();
	fail_calls_disarm();
	check_nothing_left(fds, tasks);
	reap_all();
	CHECK_EQ(count_files(), FILES);
	fflush(stdout);
	exit(0); /* with the sanitizers' last look */
}

static bool run_apart(void (*scenario)(void), const struct fail_site *site, unsigned nth, int error)
{
	int status;
	pid_t pid;

	memset(news, 0, sizeof(*news));
	fail_calls_arm(site, nth, error);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		run(scenario);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	fail_calls_disarm();
	if (status == 0)
		return true;
	kill(-pid, SIGKILL);
	if (site) {
		char text[128];

		fail_calls_describe(site, text, sizeof(text));
		printf("# %s, time %u, %s: ended as 0x%x\n", text, nth, strerror(error),
			(unsigned)status);
		if (site->after) {
			fail_calls_describe(site->after, text, sizeof(text));
			printf("# after %s, time 1\n", text);
		}
	} else {
		printf("# nothing failed: ended as 0x%x\n", (unsigned)status);
	}
	return false;
}

/* Who shares a test: runs wait more than they work. */
#define SHARES 6u

/* The first failure of each site with its most usual error, and with EINTR; with SLUICE_FAILING also the later ones (so
 * many), and all errors. A site that is met only after a failure belongs to who met it. */
static void __attribute__((noreturn)) do_share(void (*scenario)(void), unsigned share, atomic_uint *failures)
{
	unsigned most = (unsigned)scaled("SLUICE_FAILING", 1), runs = 0, hits = 0, bad = 0;

	news = mmap(NULL, sizeof(*news), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(news != MAP_FAILED);
	fail_calls_begin();
	CHECK(run_apart(scenario, NULL, 0, 0));
	for (const struct fail_site *s = fail_calls->sites; s < fail_calls->sites + FAIL_SITES; s++) {
		const int *errors = fail_calls_errors(s);
		/* What passes messages has one site for many. */
		unsigned times = most < 3 && (s->call == SYS_recvmsg || s->call == SYS_sendmsg) ? 3 : most;

		if (!s->key || (!s->after && s->address % SHARES != share))
			continue;
		for (unsigned nth = 1; nth <= times && nth <= s->most; nth++)
			for (unsigned i = 0; errors[i]; i++) {
				if (i > 0 && most == 1 && errors[i] != EINTR)
					continue;
				still_going();
				runs++;
				bad += !run_apart(scenario, s, nth, errors[i]);
				hits += fail_calls_done();
			}
	}
	printf("# %u runs, %u with their failures, %u bad\n", runs, hits, bad);
	CHECK(!atomic_load(&fail_calls->full));
	CHECK_EQ(bad, 0);
	atomic_fetch_add(failures, hits);
	exit(0);
}

static void all(void (*scenario)(void))
{
	unsigned bad = 0;
	atomic_uint *failures = mmap(NULL, sizeof(*failures), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(failures != MAP_FAILED);
	fflush(stdout);
	for (unsigned share = 0; share < SHARES; share++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			do_share(scenario, share, failures);
	}
	for (int status; wait(&status) > 0; still_going())
		bad += status != 0;
	CHECK_EQ(bad, 0);
	CHECK(atomic_load(failures) > 20);
}

#define TEST(name)                      \
	static void test_##name(void)   \
	{                               \
		all(run_##name);        \
	}
TEST(verdicts)
TEST(paths)
TEST(user)
TEST(identity)
TEST(others)
TEST(keeper)
TEST(listeners)
TEST(oci)
TEST(oci_keeper)
TEST(hand_over)
TEST(hand_over_keeper)

const struct test tests[] = {{"verdicts", test_verdicts}, {"paths", test_paths}, {"user", test_user}, {"identity", test_identity},
	{"others", test_others},
	{"keeper", test_keeper}, {"listeners", test_listeners}, {"containers", test_oci},
	{"containers-keeper", test_oci_keeper}, {"hand-over", test_hand_over},
	{"hand-over-keeper", test_hand_over_keeper}, {NULL, NULL}};
const struct target_main targets[] = {{"order", target_order}, {NULL, NULL}};
