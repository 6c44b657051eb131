/* Addresses of AF_UNIX sockets: the target's mean the same to the supervisor.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <sched.h>
#include <stddef.h>
#include <sys/un.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)

static int server(const char *path, size_t length)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, path, length);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, (socklen_t)(HEAD + length)), 0);
	CHECK_EQ(listen(fd, 5), 0);
	return fd;
}

/* @call with an address of @n bytes behind the family; 0 or errno. */
static int with(long call, const char *path, size_t n)
{
	struct sockaddr_storage a = {.ss_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	memcpy((char *)&a + HEAD, path, n < sizeof(a) - HEAD ? n : sizeof(a) - HEAD);
	rc = syscall(call, fd, &a, (int)(HEAD + n)) ? errno : 0;
	close(fd);
	return rc;
}

/* An abstract name that no other run of this test has: with the number of the test's process. */
static size_t name_of(pid_t test, char *name)
{
	return 1 + (size_t)sprintf(name + 1, "sluice-test-%d", test);
}

static int other(long call, int family, int length)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	rc = syscall(call, fd, &a, length) ? errno : 0;
	close(fd);
	return rc;
}

static int with_family(int family, const char *path)
{
	struct sockaddr_un a = {.sun_family = (sa_family_t)family};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	strcpy(a.sun_path, path);
	rc = syscall(SYS_connect, fd, &a, sizeof(a)) ? errno : 0;
	close(fd);
	return rc;
}

#define WANT(expression, value)                                                          \
	do {                                                                             \
		int rc_ = (expression);                                                  \
		if (rc_ != (value)) {                                                    \
			printf("# %s gives %d, not %d\n", #expression, rc_, (value));    \
			fflush(stdout);                                                  \
			return 1;                                                        \
		}                                                                        \
	} while (0)

/* ARG: the scratch directory, which only the target is in. */
static int target_paths(int argc, char **argv)
{
	char longest[109] = "";
	int rc;

	if (argc < 1 || chdir(argv[0]) || chdir("inner"))
		return 2;
	WANT(with(SYS_connect, "../socket", 10), 0);
	WANT(with(SYS_connect, "../socket", 9), 0); /* no NUL is needed */
	WANT(with(SYS_connect, "../link", 8), 0);
	WANT(with(SYS_connect, "../file", 8), ECONNREFUSED);
	WANT(with(SYS_connect, "..", 3), ECONNREFUSED);
	WANT(with(SYS_connect, "missing", 8), ENOENT);
	memset(longest, '/', 108);
	memcpy(longest, "..", 2);
	memcpy(longest + 102, "socket", 6);
	WANT(with(SYS_connect, longest, 108), 0);
	WANT(with(SYS_connect, longest, 109), EINVAL); /* longer than there is */
	WANT(with(SYS_bind, "new", 4), 0);
	WANT(with(SYS_bind, "new", 4), EADDRINUSE);
	WANT(with(SYS_bind, "no/such", 8), ENOENT);
	WANT(with(SYS_bind, "slash/", 7), ENOENT); /* no socket is a directory */
	memset(longest, 'n', 100);
	WANT(with(SYS_bind, longest, 100), ENAMETOOLONG);
	for (size_t n = 60; n < 100; n++) { /* whole, or not at all */
		char name[101] = "";

		memset(name, 'n', n);
		rc = with(SYS_bind, name, n);
		WANT(rc && rc != ENAMETOOLONG, 0);
		WANT(access(name, F_OK) ? ENAMETOOLONG : 0, rc);
	}
	WANT(other(SYS_connect, AF_UNIX, 2), EINVAL);
	WANT(other(SYS_bind, AF_UNIX, 2), EINVAL); /* no name: the kernel would make one up */
	WANT(other(SYS_bind, AF_UNIX, 1), EINVAL);
	WANT(other(SYS_bind, AF_UNIX, 0), EINVAL);
	WANT(with_family(AF_INET, "../socket"), EINVAL);
	WANT(with_family(AF_UNIX, "../socket"), 0);
	WANT(other(SYS_connect, AF_INET, 16), EINVAL);
	return 0;
}

static int target_abstract(int argc, char **argv)
{
	char name[32] = "";

	if (argc > 0 && strcmp(argv[0], "own") == 0 && unshare(CLONE_NEWNET))
		return 2;
	return with(SYS_connect, name, name_of(getppid(), name));
}

static int target_once(int argc, char **argv)
{
	if (argc < 1 || chdir(argv[0]))
		return 2;
	return with(SYS_connect, "socket", 7);
}

/* Does what is asked with a socket of its own, which it throws away. */
static int act(struct sluice_request *req, void *data)
{
	struct sluice_unix_address own = {.size = sizeof(own)};
	bool create = strcmp(sluice_name(req), "bind") == 0;
	struct sockaddr_storage address;
	int length = sluice_read_sockaddr(req, 1, 2, &address), rc, fd;

	(void)data;
	if (length < 0)
		return sluice_fail(req, length);
	rc = sluice_unix_address(req, &address, (socklen_t)length, create, &own);
	if (rc)
		return sluice_fail(req, rc);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	rc = create ? bind(fd, (struct sockaddr *)&own.address, own.length)
		    : connect(fd, (struct sockaddr *)&own.address, own.length);
	rc = rc ? errno : 0;
	close(fd);
	if (own.fd >= 0)
		close(own.fd);
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

/* The control: the bytes of the target. */
static int act_naively(struct sluice_request *req, void *data)
{
	struct sockaddr_storage address;
	int length = sluice_read_sockaddr(req, 1, 2, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	(void)data;
	rc = connect(fd, (struct sockaddr *)&address, (socklen_t)length) ? errno : 0;
	close(fd);
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static int run(sluice_handler handler, const char *target, const char *arg)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int rc, before = count_fds();

	CHECK_EQ(sluice_on_name(sv, "connect", handler, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, "bind", handler, NULL), 0);
	spawn_target(sv, filter_of(false, "connect", "bind", NULL), &child, target, arg);
	rc = wait_target(sv, &child);
	CHECK_EQ(sluice_run(sv), 0);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 20);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
	return rc;
}

/* A caller that knows more fields than we do. */
static int fill_more(struct sluice_request *req, void *data)
{
	struct {
		struct sluice_unix_address known;
		uint64_t newer;
	} own = {.known = {.size = sizeof(own)}, .newer = 7};
	struct sockaddr_storage address;
	int length = sluice_read_sockaddr(req, 1, 2, &address);

	(void)data;
	CHECK_EQ(sluice_unix_address(req, &address, (socklen_t)length, false, &own.known), 0);
	CHECK(own.known.size == sizeof(own) && own.newer == 0);
	close(own.known.fd);
	own.known.size = sizeof(own.known) - 1;
	CHECK_EQ(sluice_unix_address(req, &address, (socklen_t)length, false, &own.known),
		-EINVAL);
	return sluice_reply(req, 0);
}

static char *prepare(void)
{
	char *dir = scratch_dir(), path[108];
	struct stat st;

	snprintf(path, sizeof(path), "%s/socket", dir);
	server(path, strlen(path) + 1);
	CHECK_EQ(chdir(dir), 0);
	CHECK(mkdir("inner", 0755) == 0 && symlink("inner/../socket", "link") == 0);
	close(open("file", O_CREAT | O_WRONLY, 0644));
	CHECK_EQ(chdir("/"), 0);
	CHECK(stat("/inner/new", &st) && errno == ENOENT);
	return dir;
}

static void paths(void)
{
	char *dir = prepare(), path[200];
	struct stat st;

	CHECK_EQ(run(act, "paths", dir), 0);
	snprintf(path, sizeof(path), "%s/inner/new", dir);
	CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode));
}

static void control(void)
{
	CHECK(run(act_naively, "paths", prepare()) != 0);
}

/* A supervisor with descriptors of its own, of which the first thread knows nothing. */
static void *run_apart(void *data)
{
	CHECK_EQ(unshare(CLONE_FILES), 0);
	CHECK_EQ(run(act, "once", data), 0);
	return NULL;
}

static void own_table(void)
{
	pthread_t thread;

	need_unshare(CLONE_FILES);
	CHECK_EQ(pthread_create(&thread, NULL, run_apart, prepare()), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void sizes(void)
{
	CHECK_EQ(run(fill_more, "once", prepare()), 0);
}

static void abstract(void)
{
	char name[32] = "";

	server(name, name_of(getpid(), name));
	CHECK_EQ(run(act, "abstract", "same"), 0);
}

/* A name of the target's network is another one in ours. */
static void abstract_elsewhere(void)
{
	char name[32] = "";

	if (geteuid() != 0)
		SKIP("needs root for a network namespace");
	need_unshare(CLONE_NEWNET);
	server(name, name_of(getpid(), name));
	CHECK_EQ(run(act_naively, "abstract", "own"), 0);
	CHECK_EQ(run(act, "abstract", "own"), EREMOTE);
}

const struct target_main targets[] = {
	{"paths", target_paths}, {"abstract", target_abstract}, {"once", target_once},
	{NULL, NULL}};
const struct test tests[] = {
	{"paths from the target's directory, links, other files, lengths", paths},
	{"control: the target's bytes name other files here", control},
	{"for a thread with descriptors of its own", own_table},
	{"for callers that know more or fewer fields", sizes},
	{"abstract names", abstract},
	{"abstract names of another network are refused", abstract_elsewhere},
	{NULL, NULL}};
