/* Older kernels: what they lack is refused as they refuse it, by a filter of the test's own process, and
 * everything is as with what replaced it. SPDX-License-Identifier: MIT */
#include "killed.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

static void refuse_if(const char *name, int errnum, struct scmp_arg_cmp condition)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(f);
	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned)errnum), seccomp_syscall_resolve_name(name), 1,
			 condition),
		0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* As on this kernel. */
static void newest(void)
{
}

/* Before 6.13: no PIDFD_GET_INFO. */
static void no_info(void)
{
	refuse_if("ioctl", ENOTTY, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, 0xff0b));
}

/* Before 6.9: no PIDFD_THREAD. */
static void no_threads(void)
{
	refuse_if("pidfd_open", EINVAL, SCMP_A1(SCMP_CMP_NE, 0));
}

/* Before 5.3. */
static void no_pidfds(void)
{
	refuse_if("pidfd_open", ENOSYS, SCMP_A1(SCMP_CMP_GE, 0));
}

/* ---- who asks ---- */

enum { LEADER = 1, THREAD };

/* Each id another one, if @first is not 0. */
static void take_ids(unsigned first)
{
	if (!first)
		return;
	CHECK_EQ(syscall(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), 0);
	CHECK_EQ(syscall(SYS_setresgid, first, first + 1, first + 2), 0);
	setfsgid(first + 3);
	CHECK_EQ(syscall(SYS_setresuid, first + 4, first + 5, first + 6), 0);
	setfsuid(first + 7);
}

static void *second_thread(void *data)
{
	take_ids(*(unsigned *)data * 2);
	return (void *)syscall(SYS_mkdirat, THREAD, NULL, 0);
}

static int target_who(int argc, char **argv)
{
	unsigned first = argc ? (unsigned)atoi(argv[0]) : 0;
	pthread_t thread;
	void *result;

	take_ids(first);
	if (syscall(SYS_mkdirat, LEADER, NULL, 0) != getpid())
		return 1;
	CHECK_EQ(pthread_create(&thread, NULL, second_thread, &first), 0);
	pthread_join(thread, &result);
	return (long)result == getpid() ? 0 : 2;
}

struct who {
	unsigned first;
	bool has_pidfd;
	int calls;
};

static int look(struct sluice_request *req, void *data)
{
	struct who *who = data;
	struct sluice_creds c = {.size = sizeof(c)};
	unsigned first = who->first * (unsigned)sluice_arg_int(req, 0);

	CHECK((sluice_arg_int(req, 0) == LEADER) == (sluice_tgid(req) == sluice_tid(req)));
	if (who->has_pidfd)
		CHECK(sluice_pidfd(req) >= 0);
	else
		CHECK_EQ(sluice_pidfd(req), -ENOSYS);
	CHECK_EQ(sluice_creds(req, &c), 0);
	CHECK_EQ(c.gid, first ? first : getgid());
	CHECK_EQ(c.egid, first ? first + 1 : getgid());
	CHECK_EQ(c.sgid, first ? first + 2 : getgid());
	CHECK_EQ(c.fsgid, first ? first + 3 : getgid());
	CHECK_EQ(c.uid, first ? first + 4 : getuid());
	CHECK_EQ(c.euid, first ? first + 5 : getuid());
	CHECK_EQ(c.suid, first ? first + 6 : getuid());
	CHECK_EQ(c.fsuid, first ? first + 7 : getuid());
	c.size--;
	CHECK_EQ(sluice_creds(req, &c), -EINVAL);
	who->calls++;
	return sluice_reply(req, sluice_tgid(req));
}

static void who_asks(void (*become_older)(void))
{
	struct who who = {geteuid() ? 0 : 4000, become_older != no_pidfds, 0};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	char first[16];

	need_cap(CAP_SETPCAP);
	need_cap(CAP_SETGID);
	need_cap(CAP_SETUID);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", look, &who), 0);
	snprintf(first, sizeof(first), "%u", who.first);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "who", first);
	become_older(); /* a target needs a pidfd to be started */
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(who.calls, 2);
	sluice_supervisor_free(sv);
}

static void who_now(void)
{
	who_asks(newest);
}

static void who_without_info(void)
{
	who_asks(no_info);
}

static void who_without_threads(void)
{
	who_asks(no_threads);
}

static void who_without_pidfds(void)
{
	who_asks(no_pidfds);
}

/* ---- capabilities ---- */

#define BIT(cap) (UINT64_C(1) << (cap))

static const struct {
	uint64_t inheritable, permitted, effective, ambient, unbound;
} some = {BIT(CAP_CHOWN) | BIT(CAP_SETGID) | BIT(CAP_AUDIT_WRITE),
	BIT(CAP_CHOWN) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_AUDIT_WRITE),
	BIT(CAP_SETUID), BIT(CAP_CHOWN), BIT(CAP_KILL)};

static int target_capable(int argc, char **argv)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	(void)argc;
	(void)argv;
	for (int i = 0; i < 64; i++)
		if (some.unbound & BIT(i))
			CHECK_EQ(prctl(PR_CAPBSET_DROP, i, 0, 0, 0), 0);
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){(uint32_t)(some.effective >> 32 * i),
			(uint32_t)(some.permitted >> 32 * i), (uint32_t)(some.inheritable >> 32 * i)};
	CHECK_EQ(syscall(SYS_capset, &header, data), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
	return syscall(SYS_mkdirat, -1, NULL, 0) == 7 ? 0 : 1;
}

static uint64_t own_bounds(void)
{
	uint64_t set = 0;

	for (int i = 0; i < 64; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			set |= BIT(i);
	return set;
}

static int look_at_capabilities(struct sluice_request *req, void *data)
{
	struct sluice_privileges p = {.size = sizeof(p)};

	(void)data;
	CHECK_EQ(sluice_privileges(req, &p), 0);
	CHECK_EQ(p.inheritable, some.inheritable);
	CHECK_EQ(p.permitted, some.permitted);
	CHECK_EQ(p.effective, some.effective);
	CHECK_EQ(p.ambient, some.ambient);
	CHECK_EQ(p.bounding, own_bounds() & ~some.unbound);
	return sluice_reply(req, 7);
}

static void capabilities(void)
{
	if (geteuid() != 0)
		SKIP("needs root, to have some");
	for (int i = 0; i < 64; i++)
		if ((some.permitted | BIT(CAP_SETPCAP)) & BIT(i))
			need_cap(i);
	CHECK_EQ(answer_target("capable", NULL, "mkdirat", look_at_capabilities, NULL), 0);
}

/* ---- whether a call waits ---- */

#define ID_VALID _IOW('!', 2, __u64)

static void stay(int sig)
{
	(void)sig;
	for (;;)
		pause();
}

static int target_interrupted(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stay};

	(void)argc;
	(void)argv;
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	if (syscall(SYS_mkdirat, -1, "x", 0) != 7)
		return 1;
	syscall(SYS_mkdirat, -1, "x", 1);
	return 2;
}

static int whether_it_waits(struct sluice_request *req, void *data)
{
	char text[4];
	uint64_t id = sluice_id(req);

	(void)data;
	CHECK(ioctl(listener_number(), ID_VALID, &id) == -1 && errno == EINVAL);
	CHECK_EQ(sluice_alive(req), 0);
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 1), text, sizeof(text)), 1);
	if (sluice_arg_int(req, 2) == 0)
		return sluice_reply(req, 7);
	CHECK_EQ(kill(sluice_tid(req), SIGUSR1), 0);
	while (sluice_alive(req) == 0)
		usleep(1000);
	CHECK_EQ(sluice_alive(req), -ENOENT);
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 1), text, sizeof(text)), -ENOENT);
	CHECK_EQ(kill(sluice_tid(req), SIGKILL), 0);
	return 0;
}

/* Before 5.8: the number had the wrong direction. */
static void wrong_direction(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	refuse_if("ioctl", EINVAL, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ID_VALID));
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", whether_it_waits, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, null, NULL), -EINVAL);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "interrupted", NULL);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
}

/* ---- what a keeper has ---- */

/* Before 5.9 there is no close_range(2). */
static void closed_one_by_one(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct pollfd p = {.events = POLLIN};
	int pipe[2], out, bad, refused;
	pid_t pid;

	refuse_if("close_range", ENOSYS, SCMP_A2(SCMP_CMP_EQ, 0));
	CHECK(syscall(SYS_close_range, 1000, 1001, 0) == -1 && errno == ENOSYS);
	CHECK_EQ(pipe2(pipe, O_CLOEXEC), 0);
	CHECK_EQ(dup2(pipe[1], 900), 900);
	o.keeper = true;
	sv = new_supervisor(&o);
	close(900);
	close(pipe[1]);
	p.fd = pipe[0];
	CHECK_EQ(poll(&p, 1, 10000), 1); /* the keeper has no end of it either */
	CHECK(p.revents & POLLHUP);
	sluice_supervisor_free(sv);
	o.default_errno = EXDEV; /* and has what it needs */
	pid = start_supervisor(&o, sit, 3, &out);
	kill_it(pid);
	CHECK_EQ(collect(out, EXDEV, now_ns(), &bad, &refused), 12);
	CHECK_EQ(refused, 12);
}

const struct target_main targets[] = {{"who", target_who}, {"capable", target_capable},
	{"interrupted", target_interrupted}, {"ask", target_ask}, {NULL, NULL}};
const struct test tests[] = {
	{"who asks: all ids of a leader and a thread", who_now},
	{"who asks, before PIDFD_GET_INFO", who_without_info},
	{"who asks, before PIDFD_THREAD", who_without_threads},
	{"who asks, before pidfd_open", who_without_pidfds},
	{"each set of capabilities", capabilities},
	{"whether a call waits, by the number with the wrong direction", wrong_direction},
	{"a keeper keeps nothing open, before close_range", closed_one_by_one},
	{NULL, NULL}};
