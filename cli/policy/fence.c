/* The part of a policy that Landlock enforces.
 * SPDX-License-Identifier: MIT
 *
 * Landlock only allows: a folder in which something is hidden is granted entry by entry.
 * Entries are compared by identity, so a link to what is hidden grants nothing, whatever
 * its name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "landlock.h"
#include "policy.h"
#include "util/cleanup.h"

#define DEPTH 64 /* of folders with something hidden in them */

#define FS_1	0x1fffull /* of ABI 1 */
#define FS_READ (LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR)
/* Device nodes are nobody's to make: behind them is what no path leads to. */
#define FS_DEVICES (LANDLOCK_FS_MAKE_CHAR | LANDLOCK_FS_MAKE_BLOCK)
/* What makes sense for a file that is no folder. */
#define FS_FILE                                                                          \
	(LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE |          \
		LANDLOCK_FS_TRUNCATE | LANDLOCK_FS_IOCTL_DEV)

static uint64_t handled(const struct policy_plan *plan)
{
	uint64_t fs = FS_1;

	if (!plan->files) /* so that there is a domain, which nobody traces out of */
		return FS_DEVICES;
	if (plan->abi >= 2)
		fs |= LANDLOCK_FS_REFER;
	if (plan->abi >= 3)
		fs |= LANDLOCK_FS_TRUNCATE;
	if (plan->abi >= 5)
		fs |= LANDLOCK_FS_IOCTL_DEV;
	return fs;
}

/* Without --exec what can be read can be executed. */
static uint64_t access_of(const struct policy *p, const struct policy_path *path)
{
	uint64_t access = FS_READ | LANDLOCK_FS_EXECUTE;

	for (uint32_t i = 0; i < p->n_paths; i++)
		if (p->paths[i].access == POLICY_EXECUTE &&
			path->access != POLICY_EXECUTE)
			access = FS_READ;
	if (path->access == POLICY_WRITE)
		access |= (FS_1 | LANDLOCK_FS_REFER | LANDLOCK_FS_TRUNCATE |
				  LANDLOCK_FS_IOCTL_DEV) &
			  ~(uint64_t)(FS_DEVICES | LANDLOCK_FS_EXECUTE);
	return access;
}

static int grant(int ruleset, int fd, const struct stat *st, uint64_t access)
{
	struct landlock_beneath rule = {.access = access, .fd = fd};

	if (!S_ISDIR(st->st_mode))
		rule.access &= FS_FILE;
	return landlock_add(ruleset, LANDLOCK_BENEATH, &rule) ? -errno : 0;
}

/* Whether @st is one of the folders on the way to @path: 1, 0 or -errno. */
static int leads_to(const struct policy_path *path, const struct stat *st)
{
	struct stat below = path->st, here;
	char name[NAME_MAX + 1];
	int at = policy_folder_of(path->fd, &path->st, name);

	if (at < 0)
		return -ENOENT;
	for (;;) {
		_cleanup_close_ int dir = at;

		if (fstat(dir, &here))
			return -errno;
		if (policy_same_file(&here, st))
			return 1;
		if (policy_same_file(&here, &below)) /* the root */
			return 0;
		below = here;
		at = openat(dir, "..", O_PATH | O_CLOEXEC);
		if (at < 0)
			return -errno;
	}
}

/* Whether @st is hidden (1), or a folder on the way to what is (2). What cannot be told is not granted: -errno. */
static int hides(const struct policy *p, const struct stat *st)
{
	int found = 0, leads;

	for (uint32_t i = 0; i < p->n_paths; i++) {
		if (p->paths[i].access != POLICY_HIDE || p->paths[i].fd < 0)
			continue;
		if (policy_same_file(&p->paths[i].st, st))
			return 1;
		leads = leads_to(&p->paths[i], st);
		if (leads < 0)
			return leads;
		if (leads)
			found = 2;
	}
	return found;
}

/* @fd with all in it but what is hidden. */
static int grant_around(
	const struct policy *p, int ruleset, int fd, uint64_t access, int depth)
{
	struct stat st;
	struct dirent *e;
	DIR *dir;
	int rc = 0, how;

	if (fstat(fd, &st))
		return -errno;
	how = hides(p, &st);
	if (how < 0)
		return how;
	if (how == 1 || S_ISLNK(st.st_mode))
		return 0;
	if (how == 0)
		return grant(ruleset, fd, &st, access);
	if (depth == 0)
		return -ELOOP;
	how = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = how < 0 ? NULL : fdopendir(how);
	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		_cleanup_close_ int entry = -1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		entry = openat(fd, e->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		/* What has gone meanwhile, or is nobody's to see, gets nothing. */
		if (entry >= 0)
			rc = grant_around(p, ruleset, entry, access, depth - 1);
	}
	closedir(dir);
	return rc;
}

static int add_paths(const struct policy *p, const struct policy_plan *plan, int ruleset)
{
	for (uint32_t i = 0; i < p->n_paths; i++) {
		const struct policy_path *path = &p->paths[i];
		uint64_t access;
		int rc;

		if (path->fd < 0 || path->access == POLICY_HIDE ||
			path->access == POLICY_SOCKET)
			continue;
		access = access_of(p, path) & handled(plan);
		if (path->access == POLICY_WRITE && hides(p, &path->st) > 0)
			return policy_error(p, path->where,
				"%s: what is hidden lies in it, and Landlock cannot take "
				"a "
				"part out of a folder that is written to",
				path->path);
		rc = grant_around(p, ruleset, path->fd, access, DEPTH);
		if (rc)
			return policy_error(p, path->where, "%s: Landlock: %s",
				path->path, strerror(-rc));
	}
	return 0;
}

/* null, zero and full: nearly every program opens the first, and no data get through
 * them. They are told by their numbers, so nothing else can stand in their place. */
static int add_nothings(
	const struct policy *p, const struct policy_plan *plan, int ruleset)
{
	static const struct {
		const char *path;
		unsigned int minor; /* Documentation/admin-guide/devices.txt */
	} nodes[] = {{"/dev/null", 3}, {"/dev/zero", 5}, {"/dev/full", 7}};
	uint64_t access = LANDLOCK_FS_READ_FILE | LANDLOCK_FS_WRITE_FILE |
			  LANDLOCK_FS_IOCTL_DEV; /* isatty(3) asks so */

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		_cleanup_close_ int fd = open(nodes[i].path, O_PATH | O_CLOEXEC);
		struct stat st;
		int rc;

		if (fd < 0 || fstat(fd, &st) || !S_ISCHR(st.st_mode) ||
			st.st_rdev != makedev(1, nodes[i].minor) || hides(p, &st))
			continue;
		rc = grant(ruleset, fd, &st, access & handled(plan));
		if (rc)
			return cli_error(
				p->cli, "%s: Landlock: %s", nodes[i].path, strerror(-rc));
	}
	return 0;
}

static int add_ports(const struct policy *p, const struct policy_plan *plan, int ruleset)
{
	for (uint32_t i = 0; i < p->n_ports; i++) {
		struct landlock_port rule = {LANDLOCK_NET_BIND_TCP, p->ports[i].port};

		if (landlock_add(ruleset, LANDLOCK_PORT, &rule))
			return cli_error(p->cli, "Landlock: %s", strerror(errno));
	}
	for (uint32_t i = 0; plan->ports && i < p->n_peers; i++) {
		struct landlock_port rule = {LANDLOCK_NET_CONNECT_TCP, p->peers[i].port};

		if (landlock_add(ruleset, LANDLOCK_PORT, &rule))
			return cli_error(p->cli, "Landlock: %s", strerror(errno));
	}
	return 0;
}

int policy_ruleset(const struct policy *p, const struct policy_plan *plan, int *ruleset)
{
	struct landlock_attr attr = {.fs = handled(plan)};
	_cleanup_close_ int fd = -1;
	int rc;

	*ruleset = -1;
	if (!plan->any || !plan->abi)
		return 0;
	if (plan->abi >= 4 && p->network)
		attr.net = LANDLOCK_NET_BIND_TCP |
			   (plan->ports ? LANDLOCK_NET_CONNECT_TCP : 0);
	if (plan->abi >= 6)
		attr.scoped = LANDLOCK_SCOPED_ABSTRACT_UNIX | LANDLOCK_SCOPED_SIGNAL;
	fd = landlock_create(&attr);
	if (fd < 0)
		return cli_error(p->cli, "Landlock: %s", strerror(errno));
	rc = plan->files ? add_paths(p, plan, fd) : 0;
	if (rc == 0 && plan->files)
		rc = add_nothings(p, plan, fd);
	if (rc == 0 && attr.net)
		rc = add_ports(p, plan, fd);
	if (rc)
		return rc;
	*ruleset = steal_fd(&fd);
	return 0;
}
