/* oci-listener SOCKET [CONTAINERS]: serve containers whose profile has
 *   "listenerPath": SOCKET, "listenerMetadata": a directory of the container's root file system,
 * and SCMP_ACT_NOTIFY for mkdir and mkdirat: they may make directories below that one only. Ends
 * after CONTAINERS of them (default: never), or at SIGINT or SIGTERM, and removes SOCKET. Prints one JSON line a decision.
 * SPDX-License-Identifier: MIT
 *
 * Which directory it is is found out when the runtime offers the container, not when that
 * asks: by then it may have put another one or a link in its place, or mounted something
 * there, and is refused. It does not wait for us, so its profile should refuse new
 * namespaces, mount and chroot, as those of runtimes do.
 * Paths are looked up by workers, with a time limit: a file system of the container's can be slow. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <sluice.h>

static long seen;

static void print_line(const char *line, size_t length, void *data)
{
	(void)length;
	(void)data;
	puts(line);
	fflush(stdout);
}

/* What the callback remembers of a container comes back as the tag of its requests; it has to
 * live as long as they can come, which is not told: until this program ends. So it is small, and
 * no descriptor: those would run out. */
struct memory {
	struct memory *next;
	dev_t dev;
	ino_t ino;
	char path[];
};
static struct memory *memories;

static struct memory *remember(const char *path, const struct stat *st)
{
	struct memory *m = malloc(sizeof(*m) + strlen(path) + 1);

	if (!m)
		return NULL;
	m->next = memories;
	m->dev = st->st_dev;
	m->ino = st->st_ino;
	memories = m;
	strcpy(m->path, path);
	return m;
}

static void forget_all(void)
{
	while (memories) {
		struct memory *next = memories->next;

		free(memories);
		memories = next;
	}
}

/* The directory of that name below @root, by no link and on one mount. */
static int open_allowed(int root, const char *path, struct stat *st)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	if (fstat(fd, st)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* As it was when the container came: the same directory under the same name. */
static int open_again(struct sluice_request *req, const struct memory *m)
{
	int root = sluice_root_fd(req), fd;
	struct stat st;

	if (root < 0)
		return root;
	fd = open_allowed(root, m->path, &st);
	if (fd >= 0 && (st.st_dev != m->dev || st.st_ino != m->ino)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

static int on_container(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	char root_path[64];
	int root, allowed;
	struct stat st;

	(void)sv;
	(void)data;
	seen++;
	if (c->metadata[0] != '/')
		return -EINVAL; /* all its notified calls fail */
	snprintf(root_path, sizeof(root_path), "/proc/%d/root", (int)c->pid);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	allowed = root < 0 ? -errno : open_allowed(root, c->metadata, &st);
	if (root >= 0)
		close(root);
	if (allowed < 0) {
		fprintf(stderr, "container %s: %s: %s\n", c->id, c->metadata,
			strerror(-allowed));
		return allowed;
	}
	close(allowed);
	c->tag = remember(c->metadata, &st);
	fprintf(stderr, "container %s (pid %d) may make directories in %s\n", c->id, (int)c->pid,
		c->metadata);
	return c->tag ? 0 : -ENOMEM;
}

static int make_directory(struct sluice_request *req, int dirfd, unsigned path_arg)
{
	const struct memory *memory = sluice_tag(req);
	char path[PATH_MAX], last[256];
	mode_t mode = (mode_t)sluice_arg_int(req, path_arg + 1) & 0777;
	int parent, allowed, rc;

	rc = (int)sluice_read_string(req, sluice_arg(req, path_arg), path, sizeof(path));
	if (rc < 0)
		return sluice_fail(req, rc);
	parent = sluice_open_parent(req, dirfd, path, last, sizeof(last));
	allowed = open_again(req, memory);
	rc = parent < 0 ? parent : allowed < 0 ? -EACCES : 0;
	if (!rc && !sluice_is_beneath(allowed, parent))
		rc = -EACCES;
	if (!rc)
		rc = sluice_alive(req);
	if (!rc && mkdirat(parent, last, mode))
		rc = -errno;
	if (parent >= 0)
		close(parent);
	if (allowed >= 0)
		close(allowed);
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static int mkdir_now(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, AT_FDCWD, 0);
}

static int mkdirat_now(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, sluice_arg_int(req, 0), 1);
}

/* A container may have file systems that answer slowly or never: that is for a worker, and
 * the time-out, or one container would hold up all others. */
static int on_mkdir(struct sluice_request *req, void *data)
{
	return sluice_work(req, mkdir_now, data);
}

static int on_mkdirat(struct sluice_request *req, void *data)
{
	return sluice_work(req, mkdirat_now, data);
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* A whole number up to @max, or -1: what atoi() takes for 0 would be for ever. */
static long number_of(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || *end || n < 0 || n > max ? -1 : n;
}

int main(int argc, char **argv)
{
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	struct sigaction action = {.sa_handler = stop}; /* without SA_RESTART: ends the wait */
	struct sluice_supervisor *sv;
	long wanted = argc > 2 ? number_of(argv[2], INT_MAX) : 0;
	int rc;

	if (argc < 2 || wanted < 0) {
		fprintf(stderr, "usage: %s SOCKET [CONTAINERS]\n", argv[0]);
		return 2;
	}
	options.keeper = true; /* containers outlive a crash of this program */
	options.timeout_ms = 5000;
	options.workers = 16;
	options.log = print_line;
	options.error = &error;
	if (sluice_supervisor_new(&options, &sv)) {
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
		return 1;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	rc = sluice_on_name(sv, "mkdir", on_mkdir, NULL);
	if (!rc)
		rc = sluice_on_name(sv, "mkdirat", on_mkdirat, NULL);
	if (!rc)
		rc = sluice_listen_oci(sv, argv[1], on_container, NULL);
	while (!stopped && rc >= 0 && (!wanted || seen < wanted || sluice_active(sv))) {
		rc = sluice_dispatch(sv, 1000); /* a signal just before the wait is seen after it */
		if (rc == -EINTR)
			rc = 0;
	}
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[0], error.message[0] ? error.message : strerror(-rc));
	sluice_supervisor_free(sv); /* removes the socket, too */
	forget_all();
	return rc < 0;
}
