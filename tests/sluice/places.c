/* Files that are another one's for a target with one namespace of its own, wherever they are mounted.
 * SPDX-License-Identifier: MIT
 *
 * The supervisors here make namespaces for themselves first, so nothing of the machine changes. */
#include "tap.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>

#define CANNOT 255 /* a target's exit status: it may make no such namespace */

static const struct {
	const char *name;
	int flag;
} kinds[] = {{"none", 0}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
	{"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

/* ARGS: the kind of its own namespace, a path, how to open that. */
static int target_opens(int argc, char **argv)
{
	long fd;

	if (argc < 3)
		return 254;
	for (int i = 0; i < KINDS; i++)
		if (strcmp(argv[0], kinds[i].name) == 0 && unshare(kinds[i].flag))
			return CANNOT;
	fd = syscall(SYS_openat2, AT_FDCWD, argv[1], atoi(argv[2]), 0);
	return fd < 0 ? errno : 0;
}

static int on_open(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = sluice_arg(req, 2)};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	(void)data;
	if (rc >= 0)
		rc = sluice_open_reply(req, sluice_arg_int(req, 0), path, &how, 0);
	return rc < 0 ? sluice_fail(req, rc) : 0;
}

static int opened(const char *kind, const char *path, int flags)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char number[16];
	char *argv[] = {self_path, (char *)"--target", (char *)"opens", (char *)(uintptr_t)kind,
		(char *)(uintptr_t)path, number, NULL};
	scmp_filter_ctx f = filter_of(false, "openat2", NULL);
	int rc;

	snprintf(number, sizeof(number), "%d", flags);
	CHECK_EQ(sluice_on_name(sv, "openat2", on_open, NULL), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	seccomp_release(f);
	rc = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return rc;
}

static void need_mounts(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no namespaces: %s", strerror(errno));
}

#define ALWAYS (-1)

/* For each kind: EREMOTE, if it is one of @others or that is ALWAYS, else 0. */
static void expect(const char *path, int flags, int others)
{
	for (int i = 0; i < KINDS; i++) {
		int rc = opened(kinds[i].name, path, flags);
		int wanted = others == ALWAYS || (kinds[i].flag & others) ? EREMOTE : 0;

		if (rc == CANNOT)
			SKIP("the target may make no %s namespace", kinds[i].name);
		if (rc != wanted)
			printf("# %s, %s of its own\n", path, kinds[i].name);
		CHECK_EQ(rc, wanted);
	}
}

#define SYSCTLS (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER)

static void sysctls(void)
{
	need_mounts();
	expect("/proc/sys/kernel/hostname", O_RDONLY, SYSCTLS);
	expect("/proc/self/../sys/kernel", O_RDONLY | O_DIRECTORY, SYSCTLS);
	expect("/proc/version", O_RDONLY, 0);
}

static void sysvipc(void)
{
	need_mounts();
	if (access("/proc/sysvipc/shm", R_OK))
		SKIP("no /proc/sysvipc");
	expect("/proc/sysvipc/shm", O_RDONLY, SYSCTLS);
	expect("/proc/sysvipc", O_RDONLY | O_DIRECTORY, SYSCTLS);
}

/* A part of a procfs, mounted where nothing above it says which part. */
static void elsewhere(void)
{
	char *dir, path[128];

	need_mounts();
	dir = scratch_dir();
	snprintf(path, sizeof(path), "%s/hostname", dir);
	CHECK_EQ(mount("/proc/sys/kernel", dir, NULL, MS_BIND, NULL), 0);
	expect(path, O_RDONLY, ALWAYS);
	expect(dir, O_RDONLY | O_DIRECTORY, ALWAYS);
}

static void cgroups(void)
{
	char *dir, path[128];

	need_mounts();
	dir = scratch_dir();
	if (mount("none", dir, "cgroup2", 0, NULL))
		SKIP("no control groups: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	if (access(path, W_OK))
		SKIP("no writable control group");
	expect(path, O_RDONLY, 0);
	expect(path, O_WRONLY, CLONE_NEWCGROUP | CLONE_NEWUSER);
	expect(path, O_RDWR, CLONE_NEWCGROUP | CLONE_NEWUSER);
}

const struct target_main targets[] = {{"opens", target_opens}, {NULL, NULL}};
const struct test tests[] = {
	{"/proc/sys for each namespace", sysctls},
	{"/proc/sysvipc for each namespace", sysvipc},
	{"a part of /proc/sys mounted elsewhere", elsewhere},
	{"files of control groups, to be written", cgroups},
	{NULL, NULL}};
