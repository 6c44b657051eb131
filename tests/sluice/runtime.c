/* See runtime.h.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <dirent.h>
#include <sys/un.h>

const char document[] = "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"box\"}}";

static void __attribute__((noreturn)) be_box(const char *root, const char *cwd, int report, int go)
{
	scmp_filter_ctx f;
	int fd;
	char c;

	for (fd = 3; fd < 1024; fd++) /* others' listeners, or nobody would ever see them closed */
		if (fd != report && fd != go)
			close(fd);
	if (root)
		CHECK(chroot(root) == 0 && chdir(cwd) == 0);
	f = filter_of(false, MKDIR, NULL);
	CHECK_EQ(seccomp_load(f), 0);
	fd = seccomp_notify_fd(f);
	CHECK(fd >= 0);
	CHECK_EQ(send_fds(report, "l", 1, &fd, 1), 1);
	close(fd);
	seccomp_release(f);
	CHECK(write(report, &fd, sizeof(fd)) == sizeof(fd));
	if (read(go, &c, 1) != 1)
		_exit(255);
	_exit(syscall(SYS_mkdir, "x", 0700) == 0 ? 0 : errno);
}

struct box new_box_in(const char *root, const char *cwd)
{
	int report[2], go[2], fd;
	struct box box;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) == 0);
	CHECK_EQ(pipe2(go, O_CLOEXEC), 0);
	fflush(stdout);
	box.pid = fork();
	if (box.pid == 0) {
		close(go[1]);
		be_box(root, cwd, report[1], go[0]);
	}
	close(report[1]);
	close(go[0]);
	box.go = go[1];
	box.listener = receive_fd(report[0]);
	CHECK(box.listener >= 0);
	CHECK(read(report[0], &fd, sizeof(fd)) == sizeof(fd));
	close(report[0]);
	return box;
}

struct box new_box(void)
{
	return new_box_in(NULL, NULL);
}

int open_box(struct box *box, struct sluice_supervisor *sv)
{
	int status = 0;

	CHECK(write(box->go, "g", 1) == 1);
	while (waitpid(box->pid, &status, sv ? WNOHANG : 0) == 0)
		CHECK(sluice_dispatch(sv, 20) >= 0);
	close(box->go);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int receive_fd(int socket)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	int fd = -1;

	CHECK_EQ(recvmsg(socket, &h, MSG_CMSG_CLOEXEC), 1);
	if (CMSG_FIRSTHDR(&h))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(fd));
	return fd;
}

int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

ssize_t send_fds_flags(int socket, const char *text, size_t size, const int *fds, int count,
	int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr head;
	} control = {{0}};
	struct iovec iov = {(void *)(uintptr_t)text, size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	CHECK(count <= 64);
	if (count) {
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * (size_t)count);
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
	}
	return sendmsg(socket, &h, MSG_NOSIGNAL | flags);
}

ssize_t send_fds(int socket, const char *text, size_t size, const int *fds, int count)
{
	return send_fds_flags(socket, text, size, fds, count, 0);
}

void offer_fds(const char *path, const char *text, const int *fds, int count)
{
	int socket = dial(path), wait = 3000;
	ssize_t n;

	/* A user has no more descriptors on their way than RLIMIT_NOFILE says, those of other tests
	 * included, which end. */
	while ((n = send_fds(socket, text, strlen(text), fds, count)) < 0 &&
		errno == ETOOMANYREFS && wait-- > 0)
		usleep(10000);
	CHECK_EQ(n, strlen(text));
	close(socket);
}

void offer_box(const char *path, struct box *box)
{
	offer_fds(path, document, &box->listener, 1);
	close(box->listener);
}

int keepers(int sig)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d))) {
		char path[300], text[128] = "", state = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = strspn(e->d_name, "0123456789") ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f) &&
			sscanf(text, "%*d (sluice-keeper) %c", &state) == 1 && state != 'Z' &&
			state != 'X') {
			n++;
			kill(atoi(e->d_name), sig);
		}
		fclose(f);
	}
	closedir(d);
	return n;
}
