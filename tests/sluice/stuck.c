/* What SIGKILL does not reach: processes inside a FUSE whose daemon has taken their request and does
 * not answer. The loop, a spawn and the end of the supervisor must not wait for them.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <linux/fuse.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>

#define THE_CALL "openat2" /* that no C library makes by itself */

static char box[128]; /* where the FUSE is, with "fifo" and "file" in it; also the target's argument */

enum { DIRECTORY = FUSE_ROOT_ID, FIFO, FILE_ };

static struct {
	atomic_int friend;      /* who is answered while we hold up the others */
	atomic_int opcode;      /* what is not answered, */
	atomic_int node;        /* about this node */
	atomic_int stuck;       /* somebody is held up */
	atomic_int release;
	atomic_int gave_up;
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
	static const uint32_t modes[] = {
		[DIRECTORY] = S_IFDIR | 0755, [FIFO] = S_IFIFO | 0666, [FILE_] = S_IFREG | 0666};

	return (struct fuse_attr){.ino = node, .nlink = 1, .mode = modes[node]};
}

static void answer_one(const struct fuse_in_header *in)
{
	struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	uint64_t found = strcmp((const char *)(in + 1), "file") == 0 ? FILE_ : FIFO;
	struct fuse_entry_out entry = {.nodeid = found, .attr = attributes(found)};
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

#define GIVE_UP_MS 100000

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
		if ((int)in->opcode == atomic_load(&share->opcode) &&
			(int)in->nodeid == atomic_load(&share->node) &&
			(int)in->pid != atomic_load(&share->friend)) {
			atomic_store(&share->stuck, 1);
			for (int ms = 0; !atomic_load(&share->release); ms++) {
				if (ms == GIVE_UP_MS) { /* no signal ends who waits for us */
					atomic_store(&share->gave_up, 1);
					_exit(1);
				}
				usleep(1000);
			}
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
	atomic_store(&share->opcode, FUSE_GETATTR);
	atomic_store(&share->node, FIFO);
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
	CHECK_EQ(settled_fds(before), before);
}

static void end_comes(void)
{
	int calls = 0, before;

	mount_fuse();
	before = count_fds();
	sluice_supervisor_free(begin(&calls));
	CHECK(has_helper());
	CHECK_EQ(settled_fds(before), before);
	atomic_store(&share->release, 1);
}

/* The working directory of a child is in a file system of its user's. */
static void child_stays(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv;
	scmp_filter_ctx f = filter_of(false, THE_CALL, NULL);
	char *argv[] = {(char *)"true", NULL};

	mount_fuse();
	atomic_store(&share->node, DIRECTORY);
	sv = new_supervisor(NULL);
	child.cwd = box;
	child.error = &error;
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), -ETIMEDOUT);
	CHECK(atomic_load(&share->stuck) && child.pid > 0);
	CHECK_EQ(waitpid(child.pid, NULL, WNOHANG), 0); /* it could not die */
	atomic_store(&share->release, 1);
	CHECK_EQ(waitpid(child.pid, NULL, 0), child.pid);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	(void)data;
	return 0;
}

/* A file system hears of each close(2), not of the last alone: this peer's descriptor stays open. */
static void peer_sends(void)
{
	struct sluice_supervisor *sv;
	char path[256], file[256];
	int before, fd;
	pid_t peer;

	mount_fuse();
	snprintf(path, sizeof(path), "%s/../oci-%d", box, (int)getpid());
	snprintf(file, sizeof(file), "%s/file", box);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_listen_oci(sv, path, take, NULL), 0);
	before = count_fds();
	peer = fork();
	if (peer == 0) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		offer_fds(path, "{}", &fd, 1);
		for (;;)
			pause();
	}
	atomic_store(&share->node, FILE_);
	atomic_store(&share->opcode, FUSE_FLUSH);
	while (!atomic_load(&share->stuck))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	for (int i = 0; i < 10; i++)
		CHECK(sluice_dispatch(sv, 10) >= 0);
	CHECK(!atomic_load(&share->gave_up));
	atomic_store(&share->release, 1);
	while (count_fds() != before)
		CHECK(sluice_dispatch(sv, 10) >= 0);
	sluice_supervisor_free(sv);
	CHECK(kill(peer, SIGKILL) == 0 && waitpid(peer, NULL, 0) == peer);
}

const struct target_main targets[] = {{"asks", target_asks}, {NULL, NULL}};
const struct test tests[] = {
	{"a helper that cannot die: the loop serves others and reaps it later", loop_goes_on},
	{"a helper that cannot die: the supervisor can be freed", end_comes},
	{"a child that cannot die: an error in bounded time, and whom to wait for", child_stays},
	{"a peer's file whose close waits: the loop goes on", peer_sends},
	{NULL, NULL}};
