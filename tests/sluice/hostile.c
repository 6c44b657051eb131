/* Programs that the examples run: what they may do, what they may not, and what a hostile one
 * tries. libc only, so that a copy runs anywhere. Exit status 0, 77 (cannot be tried here), or
 * 1 after saying what was wrong.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WANT(condition)                                                                  \
	do {                                                                             \
		if (!(condition)) {                                                      \
			printf("# %s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno);                                      \
			exit(1);                                                         \
		}                                                                        \
	} while (0)
#define FAILS(call, with)                                                                \
	do {                                                                             \
		errno = 0;                                                               \
		WANT((call) == -1 && errno == (with));                                   \
	} while (0)

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_to(int fd, const void *address, size_t length)
{
	return connect(fd, address, (socklen_t)length);
}

/* ---- connect-broker: PORT may be connected to, EVIL listens and may not ---- */

static int broker_allowed(char **argv)
{
	struct sockaddr_in good = loopback(argv[0]), peer;
	socklen_t size = sizeof(peer);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	WANT(connect_to(fd, &good, sizeof(good)) == 0);
	WANT(getpeername(fd, (struct sockaddr *)&peer, &size) == 0);
	WANT(peer.sin_port == good.sin_port);
	WANT(write(fd, "x", 1) == 1);
	FAILS(connect_to(fd, &good, sizeof(good)), EISCONN);
	return 0;
}

static int broker_refused(char **argv)
{
	struct sockaddr_in good = loopback(argv[0]), bad = loopback(argv[1]);
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = good.sin_port};
	int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
	char large[200] = {0};
	struct iovec iov = {large, 1};
	struct msghdr m = {.msg_name = &bad, .msg_namelen = sizeof(bad), .msg_iov = &iov,
		.msg_iovlen = 1};

	FAILS(connect_to(fd, &bad, sizeof(bad)), ECONNREFUSED);
	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	FAILS(connect_to(six >= 0 ? six : fd, &mapped, sizeof(mapped)), ECONNREFUSED);
	bad = good;
	bad.sin_addr.s_addr = htonl(0x0a000001);
	FAILS(connect_to(fd, &bad, sizeof(bad)), ECONNREFUSED);
	bad = good;
	bad.sin_family = AF_UNSPEC;
	FAILS(connect_to(fd, &bad, sizeof(bad)), ECONNREFUSED);
	FAILS(connect_to(fd, &good, sizeof(good) - 1), ECONNREFUSED);
	FAILS(connect_to(fd, &good, 0), ECONNREFUSED);
	FAILS(connect_to(fd, &good, (socklen_t)-1), EINVAL);
	FAILS(connect_to(fd, large, sizeof(large)), EINVAL);
	FAILS(connect_to(fd, (void *)8, sizeof(good)), EFAULT);
	/* The ways round connect. */
	FAILS(sendto(fd, "x", 1, MSG_FASTOPEN, (void *)&good, sizeof(good)), EPERM);
	FAILS(sendmsg(fd, &m, MSG_FASTOPEN), EPERM);
	FAILS(syscall(SYS_sendmmsg, fd, large, 1, MSG_FASTOPEN), EPERM);
	FAILS(syscall(SYS_io_uring_setup, 8, large), ENOSYS);
	WANT(connect_to(fd, &good, sizeof(good)) == 0); /* none of it hurt the socket */
	return 0;
}

static int broker_descriptors(char **argv)
{
	struct sockaddr_in good = loopback(argv[0]);
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(sa_family_t);
	int there = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int here = socket(AF_UNIX, SOCK_STREAM, 0), pipes[2];

	WANT(bind(there, (void *)&name, length) == 0 && listen(there, 1) == 0);
	length = sizeof(name); /* the kernel has chosen an abstract name */
	WANT(getsockname(there, (void *)&name, &length) == 0);
	FAILS(connect_to(here, &name, length), ECONNREFUSED); /* though somebody listens */
	FAILS(accept(there, NULL, NULL), EAGAIN);
	FAILS(connect_to(here, &good, sizeof(good)), EINVAL); /* unix(7)'s own answer */
	WANT(pipe(pipes) == 0);
	FAILS(connect_to(pipes[0], &good, sizeof(good)), ENOTSOCK);
	FAILS(connect_to(open("/", O_PATH), &good, sizeof(good)), EBADF);
	FAILS(connect_to(-1, &good, sizeof(good)), EBADF);
	FAILS(connect_to(1000, &good, sizeof(good)), EBADF);
	return 0;
}

static int broker_nonblocking(char **argv)
{
	struct sockaddr_in full = loopback(argv[0]);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 1;
	socklen_t size = sizeof(error);
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	/* Nobody accepts there yet and its queue is full, so this cannot be at once. */
	FAILS(connect_to(fd, &full, sizeof(full)), EINPROGRESS);
	FAILS(connect_to(fd, &full, sizeof(full)), EALREADY);
	WANT(poll(&p, 1, 0) == 0);
	WANT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	WANT(write(1, "waiting\n", 8) == 8); /* now our tester accepts */
	WANT(poll(&p, 1, -1) == 1);
	WANT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0);
	WANT(write(fd, "x", 1) == 1);
	return 0;
}

static void *connect_in_vain(void *data)
{
	struct sockaddr_in full = *(struct sockaddr_in *)((void **)data)[0];

	connect_to(*(int *)((void **)data)[1], &full, sizeof(full));
	return NULL;
}

/* One thread waits in connect(2) for ever; the others and the end do not. */
static int broker_waiting(char **argv)
{
	struct sockaddr_in full = loopback(argv[0]), bad = loopback(argv[1]);
	int slow = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	void *data[] = {&full, &slow};
	struct tcp_info info = {0};
	pthread_t t;

	WANT(pthread_create(&t, NULL, connect_in_vain, data) == 0);
	while (info.tcpi_state != TCP_SYN_SENT) {
		socklen_t size = sizeof(info);

		WANT(getsockopt(slow, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
	}
	for (int i = 0; i < 20; i++)
		FAILS(connect_to(fd, &bad, sizeof(bad)), ECONNREFUSED);
	return 0;
}

static struct sockaddr_in turning;
static volatile uint16_t *turning_port = &turning.sin_port;
static uint16_t ports[2];

static void *turn(void *data)
{
	for (;;)
		for (int i = 0; i < 2; i++) {
			*turning_port = ports[i];
			for (volatile int n = 0; n < 300; n++)
				;
		}
	return data;
}

/* A second thread rewrites the address: our tester sees who was connected to. */
static int broker_race(char **argv)
{
	pthread_t t;

	turning = loopback(argv[0]);
	ports[0] = turning.sin_port;
	ports[1] = loopback(argv[1]).sin_port;
	WANT(pthread_create(&t, NULL, turn, NULL) == 0);
	for (int i = 0; i < 4000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		WANT(connect_to(fd, &turning, sizeof(turning)) == 0 || errno == ECONNREFUSED);
		close(fd);
	}
	return 0;
}

/* ---- mknod-mount: in "own", ours, with "other", not ours, beside it ---- */

static int mknod_devices(char **argv)
{
	struct stat st;
	int own, fd;

	WANT(chdir(argv[0]) == 0);
	WANT(mknod("own/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	WANT(stat("own/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	fd = open("own/null", O_RDWR);
	WANT(fd >= 0 && write(fd, "gone", 4) == 4 && read(fd, &st, 1) == 0);
	own = open("own", O_RDONLY | O_DIRECTORY);
	WANT(mknodat(own, "zero", S_IFCHR | 0600, makedev(1, 5)) == 0);
	WANT(stat("own/zero", &st) == 0 && st.st_rdev == makedev(1, 5));
	FAILS(mknod("own/null", S_IFCHR | 0666, makedev(1, 3)), EEXIST);
	FAILS(mknod("own/mem", S_IFCHR | 0666, makedev(1, 1)), EPERM);
	FAILS(mknod("own/kmsg", S_IFCHR | 0666, makedev(1, 11)), EPERM);
	FAILS(mknod("own/far", S_IFCHR | 0666, makedev(1, 0x103)), EPERM);
	FAILS(mknod("own/far", S_IFCHR | 0666, makedev(0x101, 3)), EPERM);
	FAILS(mknod("own/tty", S_IFCHR | 0666, makedev(4, 3)), EPERM);
	FAILS(mknod("own/disk", S_IFBLK | 0666, makedev(8, 0)), EPERM);
	FAILS(mknod("own/disk", S_IFBLK | 0666, makedev(1, 3)), EPERM);
	FAILS(mknod("own/kind", S_IFCHR | S_IFIFO | 0666, makedev(1, 3)), EPERM);
	FAILS(mknodat(own, "mem", S_IFCHR | 0666, makedev(1, 1)), EPERM);
	FAILS(mknod("other/null", S_IFCHR | 0666, makedev(1, 3)), EACCES);
	FAILS(mknod("own/../other/null", S_IFCHR | 0666, makedev(1, 3)), EACCES);
	WANT(symlink("../other", "own/link") == 0);
	FAILS(mknod("own/link/null", S_IFCHR | 0666, makedev(1, 3)), EACCES);
	WANT(symlink("../other/null", "own/dangling") == 0);
	FAILS(mknod("own/dangling", S_IFCHR | 0666, makedev(1, 3)), EEXIST);
	FAILS(syscall(SYS_mknod, 8, S_IFCHR | 0666, makedev(1, 3)), EFAULT);
	FAILS(mknod("own/none/null", S_IFCHR | 0666, makedev(1, 3)), ENOENT);
	return 0;
}

/* In a root of its own, with links that name places outside, which would even be ours. */
static int mknod_jailed(char **argv)
{
	char outside[512];

	WANT(chdir(argv[0]) == 0);
	snprintf(outside, sizeof(outside), "%s/own/outside", argv[0]);
	WANT(mkdir("own/outside", 0777) == 0 && mkdir("own/jail", 0777) == 0);
	WANT(mkdir("own/jail/outside", 0777) == 0);
	WANT(symlink(outside, "own/jail/absolute") == 0);
	WANT(symlink("../../outside", "own/jail/relative") == 0);
	if (unshare(CLONE_NEWUSER))
		return 77;
	WANT(chroot("own/jail") == 0 && chdir("/") == 0);
	FAILS(mknod("/absolute/null", S_IFCHR | 0666, makedev(1, 3)), ENOENT);
	WANT(mknod("/relative/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	WANT(mknod("/../outside/zero", S_IFCHR | 0666, makedev(1, 5)) == 0);
	WANT(access("/outside/null", F_OK) == 0 && access("/outside/zero", F_OK) == 0);
	FAILS(mount("none", "/absolute", "tmpfs", 0, NULL), ENOENT);
	return 0;
}

static int mknod_swap(char **argv)
{
	int made = 0;
	pid_t swapper;

	WANT(chdir(argv[0]) == 0);
	WANT(mkdir("own/way", 0777) == 0 && symlink("../other", "own/trap") == 0);
	swapper = fork();
	if (swapper == 0)
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, "own/way", AT_FDCWD, "own/trap", 2);
	for (int i = 0; i < 2000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "own/way/%d", i);
		made += mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0;
	}
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	WANT(made > 0);
	return 0;
}

static int mount_tmpfs(char **argv)
{
	struct statfs fs;

	WANT(chdir(argv[0]) == 0 && mkdir("own/m", 0777) == 0);
	WANT(mount("none", "own/m", "tmpfs", MS_NOSUID, NULL) == 0);
	WANT(statfs("own/m", &fs) == 0 && fs.f_type == 0x01021994 && fs.f_blocks > 0);
	WANT((fs.f_flags & (ST_NODEV | ST_NOSUID)) == (ST_NODEV | ST_NOSUID));
	WANT(mkdir("own/m/new", 0777) == 0);
	FAILS(mount("none", "own", "proc", 0, NULL), EPERM);
	FAILS(mount("none", "own", "tmpfs2", 0, NULL), EPERM);
	FAILS(mount("none", "own", "a name longer than any", 0, NULL), ENAMETOOLONG);
	FAILS(mount("none", "own", NULL, 0, NULL), EFAULT);
	FAILS(mount("other", "own", "tmpfs", MS_BIND, NULL), EPERM);
	FAILS(mount("none", "own", "tmpfs", MS_REMOUNT, NULL), EPERM);
	FAILS(mount("none", "other", "tmpfs", 0, NULL), EACCES);
	WANT(symlink("../other", "own/mlink") == 0);
	FAILS(mount("none", "own/mlink", "tmpfs", 0, NULL), EACCES);
	FAILS(mount("none", "/proc/self/root", "tmpfs", 0, NULL), EACCES);
	/* Ours, too, but others read there who we are. */
	FAILS(mount("none", "/proc/self", "tmpfs", 0, NULL), EACCES);
	FAILS(mount("none", "/proc/self/task", "tmpfs", 0, NULL), EACCES);
	FAILS(mount("none", "/proc/thread-self", "tmpfs", 0, NULL), EACCES);
	FAILS(mknod("/proc/self/null", S_IFCHR | 0666, makedev(1, 3)), EACCES);
	FAILS(mount("none", "own/none", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("none", "own/null-file", "tmpfs", 0, NULL), ENOENT);
	return 0;
}

/* In a mount namespace of its own: what is mounted there must not come up outside. */
static int mount_in_own_namespace(char **argv)
{
	WANT(chdir(argv[0]) == 0 && mkdir("own/n", 0777) == 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return 77;
	FAILS(mount("none", "own/n", "tmpfs", 0, NULL), EINVAL);
	return 0;
}

/* ---- mkdir-paths: below "allowed" only; epoll: nowhere ---- */

static char turning_path[2][16] = {"allowed/turning", "outside/turning"};
static char turned_path[16];

static void *turn_path(void *data)
{
	for (;;)
		for (int i = 0; i < 2; i++) {
			/* One word makes the difference. */
			*(volatile uint64_t *)(void *)turned_path =
				*(uint64_t *)(void *)turning_path[i];
			for (volatile int n = 0; n < 300; n++)
				;
		}
	return data;
}

static int mkdir_paths(char **argv)
{
	pthread_t t;
	int outside, made = 0;

	WANT(chdir(argv[0]) == 0);
	WANT(mkdir("allowed/a", 0755) == 0 && access("allowed/a", F_OK) == 0);
	FAILS(mkdir("allowed/a", 0755), EEXIST);
	WANT(mkdirat(open("allowed", O_PATH), "b", 0755) == 0);
	WANT(mkdir("outside/../allowed/c/", 0755) == 0);
	FAILS(mkdir("outside/x", 0755), EACCES);
	FAILS(mkdir("allowed/../x", 0755), EACCES);
	FAILS(mkdir("x", 0755), EACCES);
	outside = open("outside", O_RDONLY | O_DIRECTORY);
	FAILS(mkdirat(outside, "x", 0755), EACCES);
	WANT(symlink("../outside", "allowed/link") == 0);
	FAILS(mkdir("allowed/link/x", 0755), EACCES);
	WANT(symlink("../outside/x", "allowed/dangling") == 0);
	FAILS(mkdir("allowed/dangling", 0755), EEXIST);
	FAILS(mkdirat(-1, "x", 0755), EBADF);
	FAILS(syscall(SYS_mkdir, 8, 0755), EFAULT);
	FAILS(syscall(SYS_io_uring_setup, 8, turned_path), ENOSYS);
	WANT(fchdir(outside) == 0);
	FAILS(mkdir("x", 0755), EACCES);
	WANT(mkdir("../allowed/d", 0755) == 0);
	WANT(chdir(argv[0]) == 0);
	memcpy(turned_path, turning_path[0], sizeof(turned_path));
	WANT(pthread_create(&t, NULL, turn_path, NULL) == 0);
	for (int i = 0; i < 4000; i++) {
		made += syscall(SYS_mkdir, turned_path, 0755) == 0;
		rmdir(turning_path[0]);
	}
	WANT(made > 0);
	return 0;
}

/* What is mounted below "allowed", in namespaces of our own, is not allowed. */
static int mkdir_mounts(char **argv)
{
	WANT(chdir(argv[0]) == 0 && mkdir("allowed/m", 0755) == 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return 77;
	WANT(mount("outside", "allowed/m", NULL, MS_BIND | MS_REC, NULL) == 0);
	FAILS(mkdir("allowed/m/x", 0755), EACCES);
	WANT(chdir("allowed/m") == 0);
	FAILS(mkdir("x", 0755), EACCES);
	WANT(mkdir("../here", 0755) == 0);
	return 0;
}

static int refused_until_told(char **argv)
{
	char c;

	FAILS(syscall(SYS_mkdir, argv[0], 0755), EPERM);
	WANT(read(0, &c, 1) == 0); /* until our tester has seen the ticks */
	FAILS(syscall(SYS_mkdir, argv[0], 0755), EPERM);
	return 7;
}

static const struct {
	const char *name;
	int (*main)(char **argv);
} targets[] = {{"allowed", broker_allowed}, {"refused", broker_refused},
	{"descriptors", broker_descriptors}, {"nonblocking", broker_nonblocking},
	{"waiting", broker_waiting}, {"race", broker_race}, {"devices", mknod_devices},
	{"jailed", mknod_jailed}, {"swap", mknod_swap}, {"tmpfs", mount_tmpfs},
	{"namespace", mount_in_own_namespace}, {"paths", mkdir_paths},
	{"mounts", mkdir_mounts},
	{"refused-until-told", refused_until_told}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(argv[1], targets[i].name) == 0)
			_exit(targets[i].main(argv + 2));
	return 125;
}
