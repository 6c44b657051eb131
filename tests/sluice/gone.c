/* A call that is over while its thread lives on, in a signal's handler: nothing more is told of the
 * thread, though all of it is there to be read, and nothing is written to it.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/un.h>

#define DIR 50 /* a descriptor of the target's */

static void stay(int sig)
{
	(void)sig;
	for (;;)
		pause();
}

/* What the supervisor reads: a string, an address, iovecs and messages that are all right. */
static struct {
	char text[16];
	struct sockaddr_in in;
	struct iovec iov;
	struct msghdr message;
	struct open_how how;
} mine = {"before", {.sin_family = AF_INET}, {mine.text, 6}, {.msg_iov = &mine.iov, .msg_iovlen = 1}, {.flags = 0}};

/* The first call tells where that is, the second is interrupted. */
static int target_leaves(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stay};

	(void)argc;
	(void)argv;
	if (dup2(open("/", O_RDONLY | O_DIRECTORY), DIR) != DIR)
		return 4;
	if (sigaction(SIGUSR1, &action, NULL) || prctl(PR_SET_DUMPABLE, 1))
		return 1;
	if (syscall(SYS_mkdirat, 7, &mine, 0700) != 1)
		return 2;
	syscall(SYS_mkdirat, 7, &mine, 0700);
	return 3;
}

/* The target's thread leaves its call, and lives. */
static void interrupt(struct sluice_request *req)
{
	CHECK_EQ(kill(sluice_tid(req), SIGUSR1), 0);
	while (sluice_alive(req) == 0)
		usleep(1000);
	CHECK_EQ(sluice_alive(req), -ENOENT);
	CHECK_EQ(kill(sluice_tid(req), 0), 0);
}

static uint64_t at(const struct sluice_request *req, const void *field)
{
	return sluice_arg(req, 1) + (uint64_t)((const char *)field - (const char *)&mine);
}

static void nothing_of_its_memory(struct sluice_request *req)
{
	struct sockaddr_storage ss = {0};
	struct sluice_msghdr m = {.size = sizeof(m)};
	struct open_how how;
	struct iovec iov;
	char text[16];

	CHECK_EQ(sluice_read(req, at(req, mine.text), text, 4), -ENOENT);
	CHECK_EQ(sluice_read_string(req, at(req, mine.text), text, sizeof(text)), -ENOENT);
	CHECK_EQ(sluice_write(req, at(req, mine.text), "after", 6), -ENOENT);
	CHECK_EQ(sluice_read_iovec(req, at(req, &mine.iov), 1, &iov), -ENOENT);
	iov = (struct iovec){(void *)(uintptr_t)at(req, mine.text), 4};
	CHECK_EQ(sluice_gather(req, &iov, 1, text, 4), -ENOENT);
	CHECK_EQ(sluice_scatter(req, &iov, 1, text, 4), -ENOENT);
	CHECK_EQ(sluice_read_msghdr(req, at(req, &mine.message), &m), -ENOENT);
	CHECK_EQ(sluice_read_open_how(req, at(req, &mine.how), sizeof(how), &how), -ENOENT);
	CHECK_EQ(sluice_write_sockaddr(req, at(req, &mine.in), at(req, &mine.in), &ss, 8), -ENOENT);
}

static void nothing_of_its_own(struct sluice_request *req)
{
	struct sluice_privileges p = {.size = sizeof(p)};
	gid_t groups[64];
	char path[4096];
	int rc;

	CHECK_EQ(sluice_privileges(req, &p), -ENOENT);
	CHECK_EQ(sluice_groups(req, groups, 64), -ENOENT);
	CHECK_EQ(sluice_exe(req, path, sizeof(path)), -ENOENT);
	CHECK_EQ(sluice_path_fd(req, DIR), -ENOENT);
	CHECK_EQ(sluice_namespace_fd(req, CLONE_NEWNET), -ENOENT);
	rc = sluice_get_fd(req, DIR);
	CHECK(rc == -ENOENT || rc == -EPERM); /* a container engine's filter may refuse it */
}

static void nowhere_to_go(struct sluice_request *req)
{
	struct sluice_unix_address out = {.size = sizeof(out)};
	struct open_how how = {.flags = O_RDONLY};
	struct sockaddr_storage ss = {0};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char last[256];

	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/", &how), -ENOENT);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, ".", &how), -ENOENT);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/proc/self/status", &how), -ENOENT);
	CHECK_EQ(sluice_openat(req, DIR, "tmp", &how), -ENOENT);
	CHECK_EQ(sluice_open_reply(req, AT_FDCWD, "/", &how, 0), -ENOENT);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, "/x", last, sizeof(last)), -ENOENT);
	strcpy(un.sun_path, "x");
	memcpy(&ss, &un, sizeof(un));
	CHECK_EQ(sluice_unix_address(req, &ss, sizeof(un), true, &out), -ENOENT);
	strcpy(un.sun_path + 1, "abstract");
	un.sun_path[0] = '\0';
	memcpy(&ss, &un, sizeof(un));
	CHECK_EQ(sluice_unix_address(req, &ss, 12, false, &out), -ENOENT);
}

static int not_done(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
	return 0;
}

/* @data: whether it was looked at while the call lasted. */
static int on_mkdirat(struct sluice_request *req, void *data)
{
	static int calls;
	struct sluice_creds creds = {.size = sizeof(creds)};
	bool looked = *(bool *)data;
	pid_t pid;

	if (calls++ == 0) {
		CHECK_EQ(sluice_tgid(req), sluice_tid(req)); /* its pidfd is kept */
		return sluice_reply(req, 1);
	}
	if (looked) {
		CHECK(sluice_mem_fd(req) >= 0 && sluice_root_fd(req) >= 0 && sluice_cwd_fd(req) >= 0);
		CHECK_EQ(sluice_tgid(req), sluice_tid(req));
	}
	interrupt(req);
	nothing_of_its_memory(req);
	nothing_of_its_own(req);
	nowhere_to_go(req);
	CHECK_EQ(sluice_creds(req, &creds), -ENOENT);
	CHECK_EQ(sluice_act_as_target(req, not_done, NULL), -ENOENT);
	if (!looked) {
		CHECK_EQ(sluice_tgid(req), -ENOENT);
		CHECK_EQ(sluice_pidfd(req), -ENOENT);
		CHECK_EQ(sluice_root_fd(req), -ENOENT);
		CHECK_EQ(sluice_cwd_fd(req), -ENOENT);
		CHECK_EQ(sluice_mem_fd(req), -ENOENT);
		CHECK_EQ(sluice_exe_fd(req), -ENOENT);
	}
	pid = sluice_tid(req);
	CHECK_EQ(sluice_reply(req, 0), -ENOENT);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	return 0;
}

static void withdrawn(bool looked)
{
	CHECK_EQ(answer_target("leaves", NULL, "mkdirat", on_mkdirat, &looked), 128 + SIGKILL);
}

static void not_looked(void)
{
	withdrawn(false);
}

static void looked(void)
{
	withdrawn(true);
}

const struct target_main targets[] = {{"leaves", target_leaves}, {NULL, NULL}};
const struct test tests[] = {
	{"nothing is told of a call that is over", not_looked},
	{"nor with what was opened while it lasted", looked},
	{NULL, NULL}};
