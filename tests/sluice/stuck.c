/* Helpers that SIGKILL does not reach: inside a FUSE whose daemon has taken their request and does
 * not answer. The loop and the end of the supervisor must not wait for them.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/fuse.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>

#define THE_CALL "openat2" /* that no C library makes by itself */

static char box[128]; /* where the FUSE is, with "fifo" in it; also the target's argument */

static struct {
	atomic_int friend;      /* who is answered while we hold up the others */
	atomic_int stuck;       /* somebody is held up */
	atomic_int release;
} *share;

static int fuse = -1;

static void answer(uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
	struct iovec iov[2] = {{&head, sizeof(head)}, {(void *)(uintptr_t)data, size}};

	if (writev(fuse, iov, 2) < 0) /* gone meanwhile */
		return;
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node, .nlink = 1, .mode = node == 1 ? S_IFDIR | 0755 : S_IFIFO | 0666};
}

static void answer_one(const struct fuse_in_header *in)
{
	struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	struct fuse_entry_out entry = {.nodeid = 2, .attr = attributes(2)};
	struct fuse_attr_out attr = {.attr = attributes(in->nodeid)};

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		answer(in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in->unique, -ENOSYS, NULL, 0);
	}
}

static void serve(void)
{
	static _Alignas(8) char buffer[1 << 17];
	const struct fuse_in_header *in = (const void *)buffer;

	for (;;) {
		ssize_t n = read(fuse, buffer, sizeof(buffer));

		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(*in))
			_exit(0);
		if (in->opcode == FUSE_GETATTR && in->nodeid == 2 &&
			(int)in->pid != atomic_load(&share->friend)) {
			atomic_store(&share->stuck, 1);
			while (!atomic_load(&share->release))
				usleep(1000);
		}
		answer_one(in);
	}
}

static pid_t daemon_pid;

static void mount_fuse(void)
{
	char options[128];

	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace");
	snprintf(box, sizeof(box), "%s", scratch_dir());
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse);
	if (fuse < 0 || mount("test", box, "fuse", 0, options))
		SKIP("no FUSE");
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		0);
	CHECK(share != MAP_FAILED);
	atomic_store(&share->friend, (int)getpid());
	fflush(stdout);
	daemon_pid = fork();
	if (daemon_pid == 0)
		serve();
	close(fuse);
}

static int target_asks(int argc, char **argv)
{
	char path[256];

	(void)argc;
	snprintf(path, sizeof(path), "%s/fifo", argv[0]);
	return syscall(SYS_openat2, AT_FDCWD, path, O_RDONLY, 0) == -1 ? errno : 100;
}

static int open_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	++*(int *)data;
	if (strcmp(path, "honest/fifo") == 0)
		return sluice_fail(req, EDOM);
	if (rc >= 0)
		rc = sluice_open_reply(req, AT_FDCWD, path, &how, 0);
	return rc < 0 ? sluice_fail(req, rc) : 0;
}

/* Children of ours that can be reaped or will be, besides the daemon. */
static bool has_helper(void)
{
	char text[256] = "", path[64];
	int fd, pid, n = 0;
	char *at = text;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("no /proc/.../children");
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	while ((pid = (int)strtol(at, &at, 10)))
		n += pid != daemon_pid;
	return n > 0;
}

/* A helper held up; its target is gone. */
static struct sluice_supervisor *begin(int *calls)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "asks", box);
	while (!atomic_load(&share->stuck))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	kill(child.pid, SIGKILL);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	return sv;
}

static void loop_goes_on(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_statistics stat = {.size = sizeof(stat)};
	struct sluice_supervisor *sv;
	int calls = 0, before;

	mount_fuse();
	before = count_fds();
	sv = begin(&calls);
	while (!stat.gone) {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		sluice_statistics(sv, &stat);
	}
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "asks", "honest");
	CHECK_EQ(wait_target(sv, &child), EDOM);
	CHECK_EQ(calls, 2);
	CHECK(has_helper()); /* for it could not die */
	atomic_store(&share->release, 1);
	while (has_helper())
		CHECK(sluice_dispatch(sv, 10) >= 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(count_fds(), before);
}

static void end_comes(void)
{
	int calls = 0, before;

	mount_fuse();
	before = count_fds();
	sluice_supervisor_free(begin(&calls));
	CHECK(has_helper());
	CHECK_EQ(count_fds(), before);
	atomic_store(&share->release, 1);
}

const struct target_main targets[] = {{"asks", target_asks}, {NULL, NULL}};
const struct test tests[] = {
	{"a helper that cannot die: the loop serves others and reaps it later", loop_goes_on},
	{"a helper that cannot die: the supervisor can be freed", end_comes},
	{NULL, NULL}};
