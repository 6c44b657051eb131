/* The examples against real targets, hostile ones too, in namespaces of their own.
 * SPDX-License-Identifier: MIT
 *
 * SLUICE_EXAMPLES is the directory of the examples, SLUICE_HOSTILE the program hostile.c. */
#include "tap.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define NOBODY 65534

static const char *from_env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		SKIP("%s is not set", name);
	return value;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Root needs no user namespace, and could make no devices in one. */
static void enter(int flags)
{
	char map[64];

	if (geteuid() != 0)
		flags |= CLONE_NEWUSER;
	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (unshare(flags))
		SKIP("no namespaces: %s", strerror(errno));
	if (flags & CLONE_NEWUSER)
		write_file("/proc/self/uid_map", map);
	if (flags & CLONE_NEWNS)
		CHECK_EQ(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	if (flags & CLONE_NEWNET) {
		struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
		close(fd);
	}
}

static char copy[128]; /* of the target, where anybody may run it; or empty */

/* "EXAMPLE ARGUMENT TARGET NAME A B" with stdin, stdout and stderr where they are not -1. */
struct run {
	const char *example, *argument, *target, *a, *b;
	int in, out, err;
};

static pid_t begin(const struct run *r)
{
	const char *hostile = copy[0] ? copy : from_env("SLUICE_HOSTILE");
	char program[4096];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/sluice-example-%s", from_env("SLUICE_EXAMPLES"),
		r->example);
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	if (r->in >= 0)
		dup2(r->in, 0);
	if (r->out >= 0)
		dup2(r->out, 1);
	dup2(r->err >= 0 ? r->err : open("/dev/null", O_WRONLY), 2); /* they tell much */
	if (r->argument)
		execl(program, program, r->argument, hostile, r->target, r->a, r->b, NULL);
	else
		execl(program, program, hostile, r->target, r->a, r->b, NULL);
	_exit(126);
}

static int finish(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("the target may not make namespaces");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- connect-broker ---- */

struct server {
	int fd;
	char port[8];
	atomic_int accepted;
};

static void serve(struct server *s, int backlog)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(s->fd, backlog), 0);
	CHECK_EQ(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	snprintf(s->port, sizeof(s->port), "%u", ntohs(a.sin_port));
}

static void *accept_all(void *data)
{
	struct server *s = data;

	for (;;) {
		int fd = accept(s->fd, NULL, NULL);

		if (fd >= 0)
			atomic_fetch_add(&s->accepted, 1);
		close(fd);
	}
	return NULL;
}

/* A network with two servers: one may be connected to, by @a and @b. */
static struct server good, evil;

static void network(void)
{
	pthread_t t;

	from_env("SLUICE_EXAMPLES");
	enter(CLONE_NEWNET);
	serve(&good, 4096);
	serve(&evil, 4096);
	CHECK_EQ(pthread_create(&t, NULL, accept_all, &good), 0);
	CHECK_EQ(pthread_create(&t, NULL, accept_all, &evil), 0);
}

/* What was connected before the target ended is in the queue already; see it accepted. */
static void settle(struct server *s)
{
	struct sockaddr_in a;
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), before;

	CHECK_EQ(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	before = atomic_load(&s->accepted);
	CHECK_EQ(connect(fd, (struct sockaddr *)&a, size), 0);
	while (atomic_load(&s->accepted) == before)
		sched_yield();
	close(fd);
	atomic_fetch_sub(&s->accepted, 1);
}

static int broker(const char *target)
{
	return finish(begin(&(struct run){
		"connect-broker", good.port, target, good.port, evil.port, -1, -1, -1}));
}

static void broker_allows(void)
{
	network();
	CHECK_EQ(broker("allowed"), 0);
}

static void broker_refuses(void)
{
	network();
	CHECK_EQ(broker("refused"), 0);
	settle(&evil);
	CHECK_EQ(atomic_load(&evil.accepted), 0);
}

static void broker_descriptors(void)
{
	network();
	CHECK_EQ(broker("descriptors"), 0);
}

static void broker_race(void)
{
	network();
	CHECK_EQ(broker("race"), 0);
	settle(&evil);
	CHECK_EQ(atomic_load(&evil.accepted), 0);
	CHECK(atomic_load(&good.accepted) > 0);
}

/* The control: looks at the address, then lets the call read it again. */
static int look_and_connect(struct sluice_request *req, void *data)
{
	const struct sockaddr_in *in;
	struct sockaddr_storage address;

	in = (const struct sockaddr_in *)&address;
	if (sluice_read_sockaddr(req, 1, 2, &address) < 0 ||
		ntohs(in->sin_port) != *(int *)data)
		return sluice_fail(req, ECONNREFUSED);
	sched_yield();
	return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
}

static void broker_race_control(void)
{
	char *argv[] = {(char *)from_env("SLUICE_HOSTILE"), (char *)"race", good.port, evil.port,
		NULL};
	struct sluice_supervisor *sv;
	int port;

	network();
	port = atoi(good.port);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "connect", look_and_connect, &port), 0);
	for (int i = 0; i < 20 && !atomic_load(&evil.accepted); i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		scmp_filter_ctx f = filter_of(false, "connect", NULL);

		CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
		seccomp_release(f);
		CHECK_EQ(wait_target(sv, &child), 0);
	}
	CHECK(atomic_load(&evil.accepted) > 0);
	sluice_supervisor_free(sv);
}

/* A server whose queue is full: further ones wait until somebody accepts. */
static void fill(struct server *s)
{
	struct sockaddr_in a;
	socklen_t size = sizeof(a);

	serve(s, 0);
	CHECK_EQ(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	for (int i = 0; i < 8; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		CHECK(connect(fd, (struct sockaddr *)&a, size) == 0 || errno == EINPROGRESS);
	}
}

static void broker_nonblocking(void)
{
	static struct server full; /* the thread outlives this frame */
	char text[16];
	int told[2];
	pthread_t t;
	pid_t pid;

	network();
	fill(&full);
	CHECK_EQ(pipe2(told, O_CLOEXEC), 0);
	pid = begin(&(struct run){"connect-broker", full.port, "nonblocking", full.port,
		evil.port, -1, told[1], -1});
	close(told[1]);
	if (read(told[0], text, sizeof(text)) > 0)
		CHECK_EQ(pthread_create(&t, NULL, accept_all, &full), 0);
	CHECK_EQ(finish(pid), 0);
}

static void broker_waiting(void)
{
	struct server full;

	network();
	fill(&full);
	CHECK_EQ(finish(begin(&(struct run){"connect-broker", full.port, "waiting", full.port,
			 evil.port, -1, -1, -1})),
		0);
}

/* ---- mknod-mount ---- */

static char top[64];

/* A file system of ours with "own", nobody's, and "other", root's, and a copy of the target
 * where nobody can run it. */
static void devices(void)
{
	char command[8192], path[128];

	if (geteuid() != 0)
		SKIP("needs root");
	enter(CLONE_NEWNS);
	strcpy(top, scratch_dir());
	CHECK_EQ(mount("none", top, "tmpfs", 0, "mode=0755"), 0);
	snprintf(path, sizeof(path), "%s/probe", top);
	if (mknod(path, S_IFCHR | 0666, makedev(1, 3)))
		SKIP("root may make no devices here");
	snprintf(command, sizeof(command),
		"cd %s && mkdir own other && chown %d:%d own && chmod 755 own other && "
		"cp '%s' hostile && chmod 755 hostile",
		top, NOBODY, NOBODY, from_env("SLUICE_HOSTILE"));
	CHECK_EQ(system(command), 0);
	snprintf(copy, sizeof(copy), "%s/hostile", top);
}

static int as_nobody(const char *target)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%d", NOBODY);
	return finish(begin(&(struct run){
		"mknod-mount", uid, target, top, NULL, -1, -1, -1}));
}

static bool exists(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return lstat(path, &st) == 0;
}

static bool is_empty(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return rmdir(path) == 0;
}

static bool is_tmpfs_of_its_own(const char *name)
{
	char path[256], above[256];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	snprintf(above, sizeof(above), "%s/own", top);
	CHECK_EQ(stat(path, &a) | stat(above, &b), 0);
	return a.st_dev != b.st_dev;
}

static void mknod_devices(void)
{
	devices();
	CHECK_EQ(as_nobody("devices"), 0);
	CHECK(exists("own/null") && !exists("own/mem") && !exists("own/disk"));
	CHECK(is_empty("other"));
}

static void mknod_jailed(void)
{
	devices();
	CHECK_EQ(as_nobody("jailed"), 0);
	CHECK(exists("own/jail/outside/null") && is_empty("own/outside"));
}

static void mknod_swap(void)
{
	devices();
	CHECK_EQ(as_nobody("swap"), 0);
	CHECK(is_empty("other"));
}

static void mount_tmpfs(void)
{
	devices();
	CHECK_EQ(as_nobody("tmpfs"), 0);
	CHECK(is_tmpfs_of_its_own("own/m") && exists("own/m/new"));
	CHECK(is_empty("other"));
}

static void mount_elsewhere(void)
{
	devices();
	CHECK_EQ(as_nobody("namespace"), 0);
	CHECK(!is_tmpfs_of_its_own("own/n"));
}

/* ---- mkdir-paths, epoll ---- */

static void make_directories(const char *target)
{
	char allowed[128], path[128];
	const char *dir = scratch_dir();

	snprintf(allowed, sizeof(allowed), "%s/allowed", dir);
	CHECK_EQ(mkdir(allowed, 0755), 0);
	snprintf(path, sizeof(path), "%s/outside", dir);
	CHECK_EQ(mkdir(path, 0755), 0);
	CHECK_EQ(finish(begin(&(struct run){"mkdir-paths", allowed, target, dir, NULL, -1, -1,
			 -1})),
		0);
	CHECK_EQ(rmdir(path), 0); /* nothing was made in it */
}

static void mkdir_paths(void)
{
	make_directories("paths");
}

static void mkdir_mounts(void)
{
	make_directories("mounts");
}

static void epoll(void)
{
	int in[2], err[2];
	char text[256];
	FILE *lines;
	pid_t pid;

	CHECK_EQ(pipe2(in, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	pid = begin(&(struct run){"epoll", NULL, "refused-until-told", "/tmp/sluice-never", NULL,
		in[0], -1, err[1]});
	close(err[1]);
	lines = fdopen(err[0], "r");
	/* The loop served its timer and the target's call. */
	do
		CHECK(fgets(text, sizeof(text), lines));
	while (!strstr(text, "1 calls refused"));
	close(in[1]);
	CHECK_EQ(finish(pid), 7);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"connect-broker: the permitted address", broker_allows},
	{"connect-broker: other addresses, families, lengths, ways", broker_refuses},
	{"connect-broker: what is no socket, or a local one", broker_descriptors},
	{"connect-broker: the address rewritten while it is checked", broker_race},
	{"control: a broker that looks and continues connects to the evil one",
		broker_race_control},
	{"connect-broker: a non-blocking socket", broker_nonblocking},
	{"connect-broker: who waits holds up neither others nor the end", broker_waiting},
	{"mknod-mount: devices on the list and others", mknod_devices},
	{"mknod-mount: links out of the target's root", mknod_jailed},
	{"mknod-mount: a link swapped during resolution", mknod_swap},
	{"mknod-mount: tmpfs and other mounts", mount_tmpfs},
	{"mknod-mount: a target in a mount namespace of its own", mount_elsewhere},
	{"mkdir-paths: inside, outside, and rewritten while it is checked", mkdir_paths},
	{"mkdir-paths: a directory from outside mounted inside", mkdir_mounts},
	{"epoll: calls and timer in one loop", epoll},
	{NULL, NULL}};
