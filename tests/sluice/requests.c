/* Requests: what is asked, and by which architecture.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include "json/json.h"

static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	long rc = syscall(nr, a, b, c, d, e, f);

	return rc < 0 ? -errno : rc;
}

static int target_args(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return raw(SYS_mkdirat, (long)0xdeadbeefffffff9c, (long)0x1122334455667788, 3, 4,
		       5, 6) == 77
		? 0
		: 1;
}

static int check_args(struct sluice_request *req, void *data)
{
	int *calls = data;

	++*calls;
	CHECK_EQ(sluice_arch(req), seccomp_arch_native());
	CHECK_EQ(sluice_nr(req), SYS_mkdirat);
	CHECK(strcmp(sluice_name(req), "mkdirat") == 0);
	CHECK(sluice_arg(req, 0) == (unsigned long)0xdeadbeefffffff9c);
	CHECK_EQ(sluice_arg_int(req, 0), AT_FDCWD);
	CHECK(sluice_arg(req, 1) == (unsigned long)0x1122334455667788);
	CHECK_EQ(sluice_arg(req, 5), 6);
	CHECK_EQ(sluice_arg(req, 6), 0);
	CHECK(sluice_id(req) != 0);
	CHECK(sluice_tag(req) == &calls[0]);
	CHECK(!sluice_replayed(req));
	CHECK_EQ(sluice_alive(req), 0);
	return sluice_reply(req, 77);
}

static void arguments(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0;

	child.tag = &calls;
	CHECK_EQ(sluice_on_name(sv, "mkdirat", check_args, &calls), 0);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "args", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
}

#ifdef __x86_64__
/* A 32-bit call with garbage in the high halves: the kernel cuts, the notification does not. */
static int target_int80(int argc, char **argv)
{
	long rc, ebx = (long)0xdeadbeef00000000 | 0x1000, ecx = (long)0xcafebabe000001ff;

	(void)argc;
	(void)argv;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(39L), "b"(ebx), "c"(ecx) : "memory");
	return rc == -ENOTDIR ? 0 : 1;
}
#else
static int target_int80(int argc, char **argv)
{
	return argc + (argv == NULL);
}
#endif

static int check_int80(struct sluice_request *req, void *data)
{
	++*(int *)data;
	CHECK_EQ(sluice_arch(req), SCMP_ARCH_X86);
	CHECK(strcmp(sluice_name(req), "mkdir") == 0);
	CHECK_EQ(sluice_arg(req, 0), 0x1000);
	CHECK_EQ(sluice_arg(req, 1), 0x1ff);
	return sluice_fail(req, ENOTDIR);
}

static void high_halves(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0;

	need_int80();
	CHECK_EQ(sluice_on_name(sv, MKDIR, check_int80, &calls), 0);
	spawn_target(sv, filter_of(true, "mkdir", NULL), &child, "int80", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
}

/* The control: what a supervisor that takes the kernel's words as they are compares with. */
static void high_halves_control(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct seccomp_notif n = {0};
	struct seccomp_notif_resp r = {0};
	int fd, status;

	need_int80();
	spawn_target(sv, filter_of(true, "mkdir", NULL), &child, "int80", NULL);
	fd = listener_number();
	CHECK_EQ(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n), 0);
	r.id = n.id;
	r.error = n.data.args[0] == 0x1000 && n.data.args[1] == 0x1ff ? -ENOTDIR : -EPERM;
	CHECK_EQ(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r), 0);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1); /* not taken for what it was */
	sluice_child_release(&child);
	sluice_supervisor_free(sv);
}

static int target_three(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return raw(SYS_mkdir, 0, 0, 0, 0, 0, 0) == 1 && raw(SYS_rmdir, 0, 0, 0, 0, 0, 0) == 2 &&
			raw(SYS_chroot, 0, 0, 0, 0, 0, 0) == -EXDEV
		? 0
		: 1;
}

static int reply_data(struct sluice_request *req, void *data)
{
	return sluice_reply(req, (intptr_t)data);
}

static int refuse(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return -1;
}

static void handlers(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	for (int nr = 0; nr < 2000; nr++) /* the table grows */
		CHECK_EQ(sluice_on(sv, SCMP_ARCH_X86, nr, refuse, NULL), 0);
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_NATIVE, SYS_mkdir, reply_data, (void *)1), 0);
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_NATIVE, SYS_rmdir, refuse, NULL), 0);
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_NATIVE, SYS_rmdir, NULL, NULL), 0);
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_NATIVE, SYS_chroot, refuse, NULL), 0);
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, reply_data, (void *)2), 0);
	CHECK_EQ(sluice_on(sv, 0, -100, reply_data, NULL), -EINVAL);
	CHECK_EQ(sluice_on_name(sv, "no_such_call", refuse, NULL), -ENOENT);
	spawn_target(sv, filter_of(false, MKDIR, RMDIR, "chroot", NULL), &child, "three",
		NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

struct lines {
	int n, bad;
};

static bool says(const struct sc_json *doc, const char *key, const char *text)
{
	return sc_json_is(doc, sc_json_get(doc, sc_json_root(doc), key), text);
}

static void on_line(const char *line, size_t length, void *data)
{
	struct lines *lines = data;
	static const char *const verdicts[] = {"reply", "fail", "fail"};
	const struct sc_json_token *root, *latency;
	struct sc_json *doc = NULL;
	int i = lines->n++;
	uint64_t number = 0;

	if (sc_json_read(line, length, NULL, &doc)) {
		lines->bad++;
		return;
	}
	root = sc_json_root(doc);
	latency = sc_json_get(doc, root, "latency_us");
	if (strchr(line, '\n') || i > 2 || !says(doc, "verdict", verdicts[i]) ||
		!sc_json_type_is(sc_json_get(doc, root, "args"), SC_JSON_ARRAY) ||
		!sc_json_type_is(latency, SC_JSON_NUMBER) ||
		!strchr(sc_json_text(doc, latency), '.'))
		lines->bad++;
	if (i == 1 && (sc_json_u64(doc, sc_json_get(doc, root, "errno"), &number) ||
			      number != EPERM || !says(doc, "why", "no verdict")))
		lines->bad++;
	if (i == 2 && !says(doc, "why", "handler failed"))
		lines->bad++;
	sc_json_free(doc);
}

static int no_verdict(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 0;
}

static void log_and_counters(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	struct lines lines = {0, 0};
	uint64_t histogram = 0, begun = now_ns();

	sluice_set_log(sv, on_line, &lines);
	CHECK_EQ(sluice_on(sv, 0, SYS_mkdir, reply_data, (void *)1), 0);
	CHECK_EQ(sluice_on(sv, 0, SYS_rmdir, no_verdict, NULL), 0);
	CHECK_EQ(sluice_on(sv, 0, SYS_chroot, refuse, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, RMDIR, "chroot", NULL), &child, "three",
		NULL);
	CHECK_EQ(wait_target(sv, &child), 1);
	sluice_statistics(sv, &s);
	CHECK_EQ(lines.n, 2 + (s.received == 3));
	CHECK_EQ(lines.bad, 0);
	CHECK_EQ(s.replied, 1);
	CHECK_EQ(s.replied + s.defaulted, s.received);
	CHECK_EQ(s.pending, 0);
	for (int i = 0; i < 40; i++)
		histogram += s.latency_log2[i];
	CHECK_EQ(histogram, s.received);
	CHECK(s.latency_ns_max > 0 && s.latency_ns_sum >= s.latency_ns_max);
	CHECK(s.latency_ns_sum <= now_ns() - begun); /* one after the other */
	sluice_supervisor_free(sv);
}

static void bad_options(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv = (void *)1;

	o.error = &error;
	o.default_errno = 5000;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EINVAL);
	CHECK(sv == (void *)1 && error.code == EINVAL && error.message[0]);
	o.default_errno = 0;
	o.keeper_path = "/tmp/x";
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EINVAL);
	o.keeper_path = NULL;
	o.size = 3;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EINVAL);
	sluice_supervisor_free(NULL);
}

static void not_a_listener(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int before = count_fds(), fd = open("/dev/null", O_RDONLY);

	CHECK_EQ(sluice_add_listener(sv, fd, NULL), -EINVAL);
	CHECK_EQ(sluice_add_listener(sv, 9999, NULL), -EBADF);
	CHECK_EQ(sluice_set_tag(sv, 0, NULL), -ENOENT);
	close(fd);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

/* A listener without FD_CLOEXEC would be every later program's. */
static void close_on_exec(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL), *other = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	int fd;

	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "three", NULL);
	fd = fcntl(listener_number(), F_DUPFD, 3);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(sluice_add_listener(other, fd, NULL), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(kill(child.pid, SIGKILL) == 0);
	wait_target(sv, &child);
	sluice_supervisor_free(other);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {
	{"args", target_args}, {"int80", target_int80}, {"three", target_three}, {NULL, NULL}};
const struct test tests[] = {
	{"arguments as the kernel delivers them", arguments},
	{"32-bit calls: garbage in the high halves is cut", high_halves},
	{"control: uncut words are not the call's", high_halves_control},
	{"handlers by number, by name, of everything, removed", handlers},
	{"a JSON line a decision, and counters that add up", log_and_counters},
	{"options that make no sense", bad_options},
	{"what is no listener is not added", not_a_listener},
	{"a listener is closed on exec", close_on_exec},
	{NULL, NULL}};
