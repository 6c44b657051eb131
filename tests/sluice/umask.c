/* The umask of a target, for what the supervisor creates for it.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <sys/stat.h>

/* What the target's status says is read into as much room as this. */
static void hide_status(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EIO), SCMP_SYS(read), 1,
			 SCMP_A2(SCMP_CMP_EQ, 4095)),
		0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

static char created[128];

static int create_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_CREAT | O_EXCL | O_WRONLY, .mode = 0666};
	struct stat st, unnamed;
	int fd;

	if (*(bool *)data)
		hide_status();
	fd = sluice_openat(req, AT_FDCWD, created, &how);
	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	close(fd);
	how.flags = O_TMPFILE | O_WRONLY;
	fd = sluice_openat(req, AT_FDCWD, scratch_dir(), &how);
	CHECK(fd >= 0 || fd == -EOPNOTSUPP);
	if (fd >= 0) {
		CHECK_EQ(fstat(fd, &unnamed), 0);
		CHECK_EQ(unnamed.st_mode & 0777, st.st_mode & 0777);
		close(fd);
	}
	return sluice_reply(req, st.st_mode & 0777);
}

static int target_creates(int argc, char **argv)
{
	(void)argc;
	umask(02);
	return syscall(SYS_mkdir, "/x", 0) == strtol(argv[0], NULL, 8) ? 0 : 1;
}

static void create_with(bool hidden, const char *mode)
{
	snprintf(created, sizeof(created), "%s/new", scratch_dir());
	umask(0);
	CHECK_EQ(answer_target("creates", mode, MKDIR, create_it, &hidden), 0);
}

static void known_umask(void)
{
	create_with(false, "664");
}

static void unknown_umask(void)
{
	create_with(true, "600");
}

const struct target_main targets[] = {{"creates", target_creates}, {NULL, NULL}};
const struct test tests[] = {
	{"the target's umask", known_umask},
	{"a umask that cannot be read: the narrow one", unknown_umask}, {NULL, NULL}};
