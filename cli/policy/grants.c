/* What a program gets that it could not do itself: device nodes, file systems in memory, the
 * answers that root gets. SPDX-License-Identifier: MIT
 *
 * The supervisor makes nodes and mounts from its own copy of the arguments, in the folder that it
 * looked at. Whatever the program changes meanwhile changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emulated.h"
#include "policy.h"
#include "proc.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define TMPFS_BYTES (64u << 20)
#define TMPFS_COUNT 16

/* ---- what can be granted ------------------------------------------------------------
 */

/* This process has it, and in the first user namespace if @first. */
static bool capable(int capability, bool first)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	unsigned long long inside, outside, count;
	FILE *f;
	int n;

	if (syscall(SYS_capget, &header, data) ||
		!(data[capability / 32].effective & 1u << (capability % 32)))
		return false;
	if (!first)
		return true;
	f = fopen("/proc/self/uid_map", "re");
	n = f ? fscanf(f, "%llu %llu %llu", &inside, &outside, &count) : 0;
	if (f)
		fclose(f);
	/* Any other map is of another namespace. */
	return n == 3 && inside == 0 && outside == 0 && count == UINT32_MAX;
}

static bool any_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	return syscall(SYS_capget, &header, data) ||
	       (data[0].permitted | data[1].permitted);
}

static const char *node_name(const void *state, unsigned int i)
{
	(void)state;
	return emulated_nodes[i].type == S_IFCHR ? emulated_nodes[i].name : NULL;
}

static int check_node(struct policy *p, const char *name, const char *where)
{
	unsigned int i = 0;

	while (emulated_nodes[i].name && strcmp(emulated_nodes[i].name, name) != 0)
		i++;
	if (!emulated_nodes[i].name) {
		const char *near = cli_nearest(name, node_name, NULL);

		return policy_error(p, where,
			"\"%s\" is none of null, zero, full, random, urandom, tty and "
			"whiteout: other devices are not harmless%s%s%s",
			name, near ? " (did you mean \"" : "", near ? near : "",
			near ? "\"?)" : "");
	}
	if (emulated_nodes[i].type != S_IFCHR)
		return policy_error(p, where,
			"a %s needs no device: --rw lets the program make it", name);
	if (strcmp(name, "console") == 0)
		return policy_error(
			p, where, "the console is the terminal of the whole machine");
	if (!capable(CAP_MKNOD, true))
		return policy_error(p, where,
			"only a process with CAP_MKNOD outside of all user namespaces can "
			"make device nodes, and this one is none");
	p->nodes |= 1u << i;
	return 0;
}

static int check_mount(struct policy *p, const char *type, const char *where)
{
	const char *why = emulated_unsound(type);

	if (strcmp(type, "bind") == 0)
		why = "Landlock judges a file by where it is mounted, so that the program "
		      "would get every file that it mounts in a folder of --rw";
	if (strcmp(type, "tmpfs") != 0)
		return policy_error(p, where, "%s cannot be mounted soundly: %s", type,
			why ? why : "nobody has looked at it; tmpfs can");
	if (!capable(CAP_SYS_ADMIN, false))
		return policy_error(p, where,
			"mounting needs CAP_SYS_ADMIN, which this process does not have: "
			"unshare -r sluice run ... has it, where users may make user "
			"namespaces");
	p->mounts = true;
	return 0;
}

static int check_root(struct policy *p, const char *where)
{
	if (!getuid() || !geteuid() || any_capability())
		return policy_error(p, where,
			"this process has root's rights: a program that gives them up would "
			"keep them without knowing it");
	p->fake_root = true;
	return 0;
}

int policy_add_grant(
	struct policy *p, enum policy_gift gift, const char *name, const char *where)
{
	struct policy_grant *new;
	int rc = gift == POLICY_NODE	? check_node(p, name, where)
		 : gift == POLICY_MOUNT ? check_mount(p, name, where)
					: check_root(p, where);

	if (rc)
		return rc;
	if (sc_reserve(p->grants, p->cap_grants, p->n_grants, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->grants[p->n_grants];
	*new = (struct policy_grant){
		.name = strdup(name), .where = strdup(where), .gift = gift};
	if (!new->name || !new->where) {
		free(new->name);
		free(new->where);
		return policy_error(p, where, "%s", strerror(ENOMEM));
	}
	p->n_grants++;
	return 0;
}

int policy_own_mounts(const struct policy *p)
{
	if (!p->mounts)
		return 0;
	/* What others mount still comes in, and nothing goes out. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return cli_error(p->cli, "no mount namespace for the program: %s",
			strerror(errno));
	return 0;
}

/* ---- nodes --------------------------------------------------------------------------
 */

/* mknodat(2) has a descriptor before the path. */
static unsigned int path_argument(struct sluice_request *req)
{
	return strcmp(sluice_name(req), "mknodat") == 0;
}

static int make_node(const struct policy *p, struct sluice_request *req)
{
	unsigned int at = path_argument(req);
	mode_t mode = (mode_t)sluice_arg_int(req, at + 1);
	char path[PATH_MAX], last[256];
	ssize_t n = sluice_read_string(req, sluice_arg(req, at), path, sizeof(path));
	_cleanup_close_ int parent = -1;

	if (n < 0)
		return (int)n;
	parent = sluice_open_parent(req, at ? sluice_arg_int(req, 0) : AT_FDCWD, path,
		last, sizeof(last));
	if (parent < 0)
		return parent;
	if (!policy_may_change(p, parent) || !emulated_is_ordinary(parent) ||
		!policy_same_rights(req))
		return -EPERM;
	mode = S_IFCHR | (mode & 0777 & ~cli_umask(req));
	return mknodat(parent, last, mode, (dev_t)(unsigned int)sluice_arg_int(req, at + 2))
		       ? -errno
		       : 0;
}

static int node_for_it(struct sluice_request *req, void *data)
{
	return policy_verdict(data, req, make_node(data, req));
}

int policy_on_mknod(struct sluice_request *req, void *data)
{
	const struct policy *p = data;
	unsigned int at = path_argument(req);
	const struct emulated_node *node = emulated_node((mode_t)sluice_arg_int(req, at + 1),
		(unsigned int)sluice_arg_int(req, at + 2));

	/* With a limit these come, too; Landlock judges them. */
	if (((unsigned int)sluice_arg_int(req, at + 1) & S_IFMT) != S_IFCHR)
		return policy_let(p, req);
	if (!node || !(p->nodes & 1u << (node - emulated_nodes)))
		return policy_verdict(p, req, -EPERM);
	return sluice_work(req, node_for_it, data);
}

/* ---- mounts -------------------------------------------------------------------------
 */

/* A folder below one of --rw, but none of these itself: Landlock gives what is mounted there the rights
 * of the folders above. */
static int open_folder(const struct policy *p, struct sluice_request *req)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC};
	_cleanup_close_ int dir = -1, above = -1;
	char path[PATH_MAX];
	ssize_t n = sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	int top = n < 0 ? (int)n : sluice_root_fd(req);
	struct stat st, root;

	if (top < 0)
		return top;
	dir = sluice_openat(req, AT_FDCWD, path, &how);
	if (dir < 0)
		return dir;
	above = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (above < 0 || fstat(dir, &st) || fstat(top, &root))
		return -errno;
	if ((st.st_dev == root.st_dev && st.st_ino == root.st_ino) ||
		!policy_may_change(p, dir) || !policy_may_change(p, above) ||
		!emulated_is_ordinary(dir))
		return -EPERM;
	return steal_fd(&dir);
}

static int mount_tmpfs(const struct policy *p, struct sluice_request *req)
{
	_cleanup_close_ int dir = -1, filesystem = -1;
	struct emulated_tmpfs wanted = {0};
	struct sluice_creds creds = {.size = sizeof(creds)};
	int rc = emulated_tmpfs_read(req, TMPFS_BYTES, &wanted);

	if (rc == 0)
		rc = sluice_creds(req, &creds);
	if (rc)
		return rc > 0 ? -EPERM : rc;
	dir = open_folder(p, req);
	if (dir < 0)
		return dir;
	if (!policy_same_rights(req))
		return -EPERM;
	filesystem = emulated_tmpfs_make(&wanted, &creds);
	return filesystem < 0 ? filesystem : emulated_attach(filesystem, dir);
}

/* Each costs memory, and the program cannot unmount it: so they are counted. */
static int mount_for_it(struct sluice_request *req, void *data)
{
	struct policy *p = data;
	int rc = -ENOSPC;

	if (atomic_fetch_add(&p->mounted, 1) < TMPFS_COUNT)
		rc = mount_tmpfs(p, req);
	if (rc)
		atomic_fetch_sub(&p->mounted, 1);
	return policy_verdict(p, req, rc);
}

int policy_on_mount(struct sluice_request *req, void *data)
{
	return sluice_work(req, mount_for_it, data);
}

/* ---- root's answers -----------------------------------------------------------------
 */

/* Three times 0. The kernel says where it is 16 bits wide. */
static int write_ids(struct sluice_request *req)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	const uint32_t zero = 0;
	size_t size = sizeof(zero);

	if (sluice_call_info(sluice_arch(req), sluice_name(req), &info) == 0 &&
		strncmp(info.args[0].ctype, "old_", 4) == 0)
		size = sizeof(uint16_t);
	for (unsigned int i = 0; i < 3; i++) {
		ssize_t n = sluice_write(req, sluice_arg(req, i), &zero, size);

		if (n != (ssize_t)size)
			return n < 0 ? (int)n : -EFAULT;
	}
	return 0;
}

static int ids_for_it(struct sluice_request *req, void *data)
{
	return policy_verdict(data, req, write_ids(req));
}

int policy_on_ids(struct sluice_request *req, void *data)
{
	return sluice_work(req, ids_for_it, data);
}
