/* mkdir-paths DIRECTORY PROGRAM [ARG...]: the program may make directories below DIRECTORY only.
 * SPDX-License-Identifier: MIT
 *
 * The path is copied once and the directory that will hold the new one is opened; what was looked
 * at is what is used, so renaming or linking meanwhile gains nothing. What the program
 * mounts below DIRECTORY, in a namespace of its own, is not below it for sluice_is_beneath(). The
 * call is never continued: the kernel would read the path a second time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice.h>

static int allowed_dir;

static int make_directory(struct sluice_request *req, int dirfd, unsigned path_arg)
{
	char path[PATH_MAX], last[256];
	mode_t mode = (mode_t)sluice_arg_int(req, path_arg + 1) & 0777;
	int parent, rc = (int)sluice_read_string(req, sluice_arg(req, path_arg), path, sizeof(path));

	if (rc < 0)
		return sluice_fail(req, rc);
	parent = sluice_open_parent(req, dirfd, path, last, sizeof(last));
	if (parent < 0)
		return sluice_fail(req, parent);
	if (faccessat(parent, last, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		rc = -EEXIST; /* what exists is not made, wherever it is: mkdir -p asks for "/" first */
	} else if (!sluice_is_beneath(allowed_dir, parent)) {
		fprintf(stderr, "refused: %s %s\n", sluice_name(req), path);
		rc = -EACCES;
	} else if ((rc = sluice_alive(req)) == 0) {
		rc = mkdirat(parent, last, mode) ? -errno : 0;
		fprintf(stderr, "%s: %s\n", rc ? strerror(-rc) : "made", path);
	}
	close(parent);
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static int on_mkdir(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, AT_FDCWD, 0);
}

static int on_mkdirat(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, sluice_arg_int(req, 0), 1);
}

static scmp_filter_ctx make_filter(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	/* io_uring makes directories without a system call that a filter sees. */
	if (f && (seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(mkdir), 0) ||
			 seccomp_rule_add(f, SCMP_ACT_NOTIFY, SCMP_SYS(mkdirat), 0) ||
			 seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0))) {
		seccomp_release(f);
		return NULL;
	}
	return f;
}

int main(int argc, char **argv)
{
	struct sluice_error error = {0};
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	scmp_filter_ctx filter = make_filter();
	int status = 1, rc;

	if (argc < 3) {
		fprintf(stderr, "usage: %s DIRECTORY PROGRAM [ARG...]\n", argv[0]);
		return 2;
	}
	allowed_dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (allowed_dir < 0) {
		perror(argv[1]);
		return 2;
	}
	options.error = child.error = &error;
	if (!filter || sluice_supervisor_new(&options, &sv)) {
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
		return 1;
	}
	rc = sluice_on_name(sv, "mkdir", on_mkdir, NULL);
	if (!rc)
		rc = sluice_on_name(sv, "mkdirat", on_mkdirat, NULL);
	if (!rc)
		rc = sluice_spawn(sv, filter, argv + 2, &child);
	if (!rc)
		rc = sluice_wait(sv, &child, &status);
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
	sluice_supervisor_free(sv);
	seccomp_release(filter);
	close(allowed_dir);
	return rc ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
