/* The OCI listener server against runtimes, good and bad.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <sys/resource.h>
#include <sys/un.h>

static char path[128];

static int connect_to(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* @text in pieces of @piece bytes; descriptors with the first. */
static void send_state(int socket, const char *text, size_t piece, const int *fds, int count)
{
	size_t left = strlen(text);

	for (bool first = true; left; first = false) {
		char control[256] = {0};
		struct iovec iov = {(void *)(uintptr_t)text, left < piece ? left : piece};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (first && count) {
			struct cmsghdr c = {CMSG_LEN(sizeof(int) * (size_t)count), SOL_SOCKET,
				SCM_RIGHTS};

			memcpy(control, &c, sizeof(c));
			memcpy(control + CMSG_LEN(0), fds, sizeof(int) * (size_t)count);
			h.msg_control = control;
			h.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
		}
		n = sendmsg(socket, &h, MSG_NOSIGNAL);
		CHECK(n > 0);
		text += n;
		left -= (size_t)n;
		if (left)
			usleep(500);
	}
}

/* A container: a child with a filter, its listener offered to the server. The first mkdir's
 * errno is its exit status. */
static pid_t container(const char *text, size_t piece)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
		int fds[2], socket = connect_to();

		CHECK_EQ(seccomp_load(f), 0);
		fds[0] = open("/dev/null", O_RDONLY);
		fds[1] = seccomp_notify_fd(f);
		CHECK(fds[1] >= 0);
		send_state(socket, text, piece, fds, 2);
		close(socket);
		close(fds[1]);
		seccomp_release(f);
		_exit(syscall(SYS_mkdir, "x", 0) == 0 ? 0 : errno);
	}
	return pid;
}

static const char good[] =
	"{\"ociVersion\":\"0.2.0\",\"fds\":[\"other\",\"seccompFd\"],\"pid\":4422,"
	"\"metadata\":\"MKNOD=/dev/null\",\"state\":{\"ociVersion\":\"0.2.0\",\"id\":\"box\","
	"\"status\":\"creating\",\"pid\":4422,\"bundle\":\"/containers/redis\","
	"\"annotations\":{\"k\":\"v\"}}}";

struct seen {
	int calls, rc, tag;
};

static int look(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	struct seen *seen = data;

	CHECK_EQ(sluice_set_tag(sv, c->index, NULL), 0);
	seen->calls++;
	CHECK(strcmp(c->id, "box") == 0 && strcmp(c->bundle, "/containers/redis") == 0);
	CHECK(strcmp(c->metadata, "MKNOD=/dev/null") == 0 && c->pid == 4422);
	CHECK(strcmp(c->status, "creating") == 0 && strcmp(c->state_json, good) == 0);
	CHECK(c->peer_uid == getuid() && c->peer_pid > 1);
	c->tag = &seen->tag;
	return seen->rc;
}

static int allow(struct sluice_request *req, void *data)
{
	CHECK(sluice_tag(req) == data);
	return sluice_reply(req, 0);
}

static int serve(const char *text, size_t piece, struct seen *seen)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int status = 0, before = count_fds();
	pid_t pid;

	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, &seen->tag), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, look, seen), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, look, seen), -EADDRINUSE);
	pid = container(text, piece);
	while (waitpid(pid, &status, WNOHANG) == 0)
		CHECK(sluice_dispatch(sv, 50) >= 0);
	for (int i = 0; i < 100 && sluice_active(sv); i++)
		sluice_dispatch(sv, 50);
	CHECK_EQ(sluice_active(sv), 0);
	sluice_supervisor_free(sv);
	CHECK(access(path, F_OK) == -1);
	CHECK_EQ(settled_fds(before), before);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void accepted(void)
{
	struct seen seen = {0, 0, 0};

	CHECK_EQ(serve(good, sizeof(good), &seen), 0);
	CHECK_EQ(seen.calls, 1);
}

static int look_at_pid(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	CHECK_EQ(c->pid, 0);
	++*(int *)data;
	return -1;
}

/* A number that no process has is none, not what is left of it in 32 bits. */
static void pids(void)
{
	static const char *const said[] = {"4294967297", "2147483648", "-4294967295",
		"18446744073709551617", "1.5", "\"1\"", "null"};
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0;

	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_listen_oci(sv, path, look_at_pid, &calls), 0);
	for (int i = 0; i < 7; i++) {
		char text[256];
		int status;
		pid_t pid;

		snprintf(text, sizeof(text), "{\"fds\":[\"x\",\"seccompFd\"],\"pid\":%s}", said[i]);
		pid = container(text, sizeof(text));
		while (waitpid(pid, &status, WNOHANG) == 0)
			CHECK(sluice_dispatch(sv, 50) >= 0);
		CHECK_EQ(WEXITSTATUS(status), EPERM);
	}
	CHECK_EQ(calls, 7);
	sluice_supervisor_free(sv);
}

static int never(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	(void)data;
	return -1;
}

/* A socket that nobody serves. */
static void leave_behind(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
}

/* Where somebody or something else is, nothing is replaced. */
static void places(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL), *other = new_supervisor(NULL);
	char long_path[200], *dir = scratch_dir();
	struct stat before, after;
	int fd;

	snprintf(path, sizeof(path), "%s/listener", dir);
	CHECK_EQ(sluice_listen_oci(sv, NULL, never, NULL), -EINVAL);
	CHECK_EQ(sluice_listen_oci(sv, path, NULL, NULL), -EINVAL);
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[108] = '\0';
	CHECK_EQ(sluice_listen_oci(sv, long_path, never, NULL), -ENAMETOOLONG);
	memcpy(long_path, dir, strlen(dir));
	long_path[strlen(dir)] = '/';
	memset(long_path + strlen(dir) + 1, 'x', 106 - strlen(dir));
	long_path[107] = '\0'; /* the longest there is */
	CHECK_EQ(sluice_listen_oci(sv, long_path, never, NULL), 0);
	CHECK(lstat(long_path, &before) == 0 && S_ISSOCK(before.st_mode));
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && fstat(fd, &before) == 0);
	close(fd);
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), -EADDRINUSE);
	CHECK(lstat(path, &after) == 0 && before.st_ino == after.st_ino);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(symlink("elsewhere", path), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), -EADDRINUSE);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(sluice_listen_oci(other, path, never, NULL), 0);
	CHECK(lstat(path, &before) == 0 && S_ISSOCK(before.st_mode));
	CHECK_EQ(before.st_mode & 0777, 0600); /* nobody else's runtime */
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), -EADDRINUSE);
	CHECK(lstat(path, &after) == 0 && before.st_ino == after.st_ino);
	sluice_supervisor_free(other);
	leave_behind();
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), 0);
	sluice_supervisor_free(sv);
}

/* Bound to the path, and listening where @backlog says so. */
static int occupy(int type, int backlog)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK(!backlog || listen(fd, backlog) == 0);
	return fd;
}

/* What is at the path stays there, and the caller hears of it. */
static void check_taken(struct sluice_supervisor *sv)
{
	struct stat before, after;

	CHECK_EQ(lstat(path, &before), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), -EADDRINUSE);
	CHECK_EQ(lstat(path, &after), 0);
	CHECK(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
}

/* A socket that a process has bound is that process', of whatever type and before it listens; nobody
 * connects to it to find that out. */
static void other_sockets(void)
{
	static const struct {
		int type, backlog;
	} cases[] = {{SOCK_STREAM, 5}, {SOCK_STREAM, 0}, {SOCK_SEQPACKET, 5}, {SOCK_SEQPACKET, 0},
		{SOCK_DGRAM, 0}};
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char link[140];

	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pollfd p = {.fd = occupy(cases[i].type, cases[i].backlog), .events = POLLIN};

		check_taken(sv);
		CHECK(poll(&p, 1, 0) == 0 || !(p.revents & POLLIN));
		CHECK(close(p.fd) == 0 && unlink(path) == 0);
	}
	CHECK_EQ(mkfifo(path, 0600), 0);
	check_taken(sv);
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
	check_taken(sv);
	CHECK_EQ(rmdir(path), 0);
	close(occupy(SOCK_DGRAM, 0));
	snprintf(link, sizeof(link), "%s-2", path);
	CHECK(rename(path, link) == 0 && symlink(link, path) == 0); /* nobody serves what it leads to */
	check_taken(sv);
	CHECK_EQ(rename(link, path), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), 0); /* nobody has bound this one any more */
	sluice_supervisor_free(sv);
	CHECK_EQ(access(path, F_OK), -1);
}

static void in_pieces(void)
{
	struct seen seen = {0, 0, 0};

	CHECK_EQ(serve(good, 7, &seen), 0);
	CHECK_EQ(serve(good, 1, &seen), 0);
	CHECK_EQ(seen.calls, 2);
}

static void refused(void)
{
	struct seen seen = {0, -1, 0};

	CHECK_EQ(serve(good, sizeof(good), &seen), EXDEV);
	CHECK_EQ(seen.calls, 1);
}

/* Whatever is wrong: never ENOSYS, never served. */
static void broken(void)
{
	struct seen seen = {0, 0, 0};

	CHECK_EQ(serve("{\"fds\":[\"seccompFd\"", 100, &seen), EXDEV);
	CHECK_EQ(serve("nonsense", 100, &seen), EXDEV);
	CHECK_EQ(serve("[1,2]", 100, &seen), EXDEV);
	CHECK_EQ(serve("{\"fds\":[\"a\",\"b\"]}", 100, &seen), EXDEV);
	CHECK_EQ(serve("{\"fds\":[1,2,3,\"seccompFd\"]}", 100, &seen), EXDEV);
	CHECK_EQ(serve("{\"fds\":7}", 100, &seen), EXDEV);
	CHECK_EQ(serve("{\"a\":1,\"a\":2}", 100, &seen), EXDEV);
	CHECK_EQ(seen.calls, 0);
}

/* Connections that say nothing do not stop others, and a huge one ends. */
static void flood(void)
{
	struct seen seen = {0, 0, 0};
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int idle[100], before = count_fds(), status;
	static char huge[3 << 20];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, &seen.tag), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, look, &seen), 0);
	before = count_fds();
	for (int i = 0; i < 100; i++) {
		idle[i] = connect_to();
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	}
	CHECK(count_fds() <= before + 100 + 64);
	memset(huge, ' ', sizeof(huge));
	pid = fork();
	if (pid == 0) {
		int fd = connect_to();

		for (size_t at = 0; at < 3 << 20;) {
			ssize_t n = send(fd, huge, 65536, MSG_NOSIGNAL);

			if (n < 0)
				_exit(errno == EPIPE || errno == ECONNRESET ? 0 : 1);
			at += (size_t)n;
		}
		_exit(2);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		CHECK(sluice_dispatch(sv, 50) >= 0);
	CHECK_EQ(status, 0);
	pid = container(good, 10);
	while (waitpid(pid, &status, WNOHANG) == 0)
		CHECK(sluice_dispatch(sv, 50) >= 0);
	CHECK_EQ(status, 0);
	for (int i = 0; i < 100; i++)
		close(idle[i]);
	for (int i = 0; i < 200 && count_fds() > before; i++)
		sluice_dispatch(sv, 20);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

/* Who hangs up is gone at once, not when its time is over; whatever call has failed before. */
static void hung_up(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int fd, before, unread;

	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), 0);
	before = count_fds();
	fd = connect_to();
	CHECK_EQ(send(fd, "{", 1, 0), 1);
	do
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	while (ioctl(fd, TIOCOUTQ, &unread) == 0 && unread);
	CHECK_EQ(count_fds(), before + 2);
	close(fd);
	errno = EAGAIN;
	CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(count_fds(), before);
	sluice_supervisor_free(sv);
}

/* A server that cannot be set up while another one waits for what the keeper accepts for it. */
static void beside_another(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct rlimit limit, few;
	char other[sizeof(path) + 1];
	struct box box;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	isolate(); /* other keepers of the machine are not ours to stop */
	o.keeper = true;
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	snprintf(other, sizeof(other), "%s2", path);
	CHECK_EQ(sluice_listen_oci(sv, path, never, NULL), 0);
	box = new_box();
	offer_box(path, &box);
	while (keepers(SIGSTOP) != 1) /* it has its name when it has begun */
		usleep(1000);
	CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = (rlim_t)fcntl(0, F_DUPFD_CLOEXEC, 0) + 1; /* of a socket, and no timer */
	close((int)few.rlim_cur - 1);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_EQ(sluice_listen_oci(sv, other, never, NULL), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(access(other, F_OK) == -1 && access(path, F_OK) == 0);
	CHECK_EQ(keepers(SIGCONT), 1);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"a container that is accepted, its tag, the end of its listener", accepted},
	{"pids that no process has", pids},
	{"places that are taken", places},
	{"sockets of others at the path", other_sockets},
	{"a document in pieces", in_pieces},
	{"a container that is refused gets the default errno", refused},
	{"broken documents get the default errno, never ENOSYS", broken},
	{"silent connections and a document without end", flood},
	{"a peer that hangs up", hung_up},
	{"a server that cannot be set up beside another", beside_another},
	{NULL, NULL}};
