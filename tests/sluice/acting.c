/* Acting with the ids of a target where a step is refused, on the way there or back. Who is left with ids that
 * are not its own hears of that; where the way there ends early nobody acts.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>

#define VICTIM 1234
#define GROUP  777
#define OTHER  778

/* Its user and group, and one group or two beside these. */
static int target_ids(int argc, char **argv)
{
	unsigned uid, gid, groups[2];
	int n = argc < 1 ? 0 : sscanf(argv[0], "%u %u %u %u", &uid, &gid, &groups[0], &groups[1]);

	if (n < 3)
		return 1;
	CHECK_EQ(setgroups((size_t)n - 2, groups), 0);
	CHECK_EQ(setresgid(gid, gid, gid), 0);
	CHECK_EQ(setresuid(uid, uid, uid), 0);
	return syscall(SYS_mkdirat, AT_FDCWD, "x", 0) == 9 ? 0 : 2;
}

/* As the kernel says. */
struct self {
	char lines[10][128];
	int n;
};

static void look_at_self(struct self *self)
{
	FILE *status = fopen("/proc/thread-self/status", "r");
	char line[128];

	CHECK(status);
	memset(self, 0, sizeof(*self));
	while (fgets(line, sizeof(line), status))
		if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Gid:", 4) == 0 ||
			strncmp(line, "Groups:", 7) == 0 || strncmp(line, "Cap", 3) == 0)
			strcpy(self->lines[self->n++], line);
	fclose(status);
	CHECK(self->n >= 7);
}

static void refuse(const char *name)
{
	const char *const ends[] = {"", "32"}; /* what 32-bit programs call */
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(f);
	for (int i = 0; i < 2; i++) {
		char whole[32];
		int nr;

		snprintf(whole, sizeof(whole), "%s%s", name, ends[i]);
		nr = seccomp_syscall_resolve_name(whole);
		if (nr >= 0)
			CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 0), 0);
	}
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

static void serve(const char *ids, sluice_handler handler, void *data)
{
	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	CHECK_EQ(answer_target("ids", ids, "mkdirat", handler, data), 0);
}

/* ---- groups ---- */

static int has_groups_of_target(struct sluice_request *req, void *data)
{
	gid_t groups[4];

	(void)req;
	(void)data;
	CHECK_EQ(getgroups(4, groups), 1);
	CHECK_EQ(groups[0], GROUP);
	return 9;
}

static int with_a_group(struct sluice_request *req, void *data)
{
	gid_t other = OTHER;
	struct self before, after;

	(void)data;
	CHECK_EQ(setgroups(1, &other), 0);
	look_at_self(&before);
	CHECK_EQ(sluice_act_as_target(req, has_groups_of_target, NULL), 9);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 9);
}

/* As many groups as the target has, and other ones. */
static void as_many(void)
{
	serve("0 0 777", with_a_group, NULL);
}

static int has_both_groups(struct sluice_request *req, void *data)
{
	gid_t groups[4];

	(void)req;
	(void)data;
	CHECK_EQ(getgroups(4, groups), 2);
	CHECK_EQ(groups[0], GROUP);
	CHECK_EQ(groups[1], OTHER);
	return 9;
}

static int with_two_groups(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_act_as_target(req, has_both_groups, NULL), 9);
	return sluice_reply(req, 9);
}

static void several(void)
{
	serve("0 0 777 778", with_two_groups, NULL);
}

/* ---- the number that stands for ids without one ---- */

static bool maps_all(const char *map)
{
	FILE *f = fopen(map, "r");
	unsigned count = 0;

	CHECK(f && fscanf(f, "%*u %*u %u", &count) == 1);
	fclose(f);
	return count == UINT32_MAX;
}

static int nine(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 9;
}

static int as_nobody(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_act_as_target(req, nine, NULL), 9);
	return sluice_reply(req, 9);
}

/* Number 1 is as good as others. */
static int as_one(struct sluice_request *req, void *data)
{
	struct self before, after;

	(void)data;
	setfsgid(1);
	setfsuid(1);
	look_at_self(&before);
	CHECK_EQ(sluice_act_as_target(req, nine, NULL), 9);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 9);
}

static void one(void)
{
	serve("0 0 777", as_one, NULL);
}

/* Where each id has a number it is somebody. */
static void nobody(void)
{
	static const char *const ids[] = {"65534 0 777", "0 65534 777", "0 0 65534", "65534 65534 65534"};

	if (!maps_all("/proc/self/uid_map") || !maps_all("/proc/self/gid_map"))
		SKIP("this user namespace has no number for some ids");
	for (int i = 0; i < 4; i++)
		serve(ids[i], as_nobody, NULL);
}

/* ---- what is refused ---- */

/* @before: as the supervisor is; else it becomes so while it acts. */
struct refused {
	const char *call;
	bool before;
	int rc;
};

static bool acted;

static int act(struct sluice_request *req, void *data)
{
	const struct refused *r = data;

	(void)req;
	acted = true;
	if (!r->before)
		refuse(r->call);
	return 9;
}

static int with_refused(struct sluice_request *req, void *data)
{
	const struct refused *r = data;
	struct self before, after;

	look_at_self(&before);
	if (r->before)
		refuse(r->call);
	CHECK_EQ(sluice_act_as_target(req, act, data), r->rc);
	CHECK(acted == !r->before);
	look_at_self(&after);
	if (r->rc == -EPERM) /* else it cannot be helped */
		CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 9);
}

static void steps(void)
{
	static struct refused all[] = {
		{"setgroups", true, -EPERM},
		{"setfsuid", true, -EPERM},
		{"setfsgid", true, -EPERM},
		{"capget", true, -EPERM},
		{"getgroups", true, -EPERM},
		{"capset", true, -ENOTRECOVERABLE}, /* the user is the target's by then */
		{"setgroups", false, -ENOTRECOVERABLE},
		{"setfsuid", false, -ENOTRECOVERABLE},
		{"setfsgid", false, -ENOTRECOVERABLE},
		{"capset", false, -ENOTRECOVERABLE},
	};

	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork(); /* there is no way back from a filter */
		if (pid == 0) {
			serve("1234 1234 777", with_refused, &all[i]);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status)
			printf("# %s, %d\n", all[i].call, all[i].before);
		CHECK_EQ(status, 0);
	}
}

/* The handler gives up what the way back needs. */
static int give_up(struct sluice_request *req, void *data)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	(void)req;
	(void)data;
	CHECK_EQ(syscall(SYS_capset, &header, none), 0);
	return 9;
}

static int who_gives_up(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_act_as_target(req, give_up, NULL), -ENOTRECOVERABLE);
	return sluice_reply(req, 9);
}

static void given_up(void)
{
	serve("1234 1234 777", who_gives_up, NULL);
}

const struct target_main targets[] = {{"ids", target_ids}, {NULL, NULL}};
const struct test tests[] = {
	{"groups that are as many and others", as_many},
	{"more groups than one", several},
	{"a supervisor that acts as user and group 1", one},
	{"the number 65534 where all ids have one", nobody},
	{"each step refused, there and back", steps},
	{"capabilities that the handler gives up", given_up},
	{NULL, NULL}};
