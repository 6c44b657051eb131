/* Acting with the ids of the target: what the kernel asks about a file, for one thread.
 * SPDX-License-Identifier: MIT
 *
 * The file system asks for fsuid, fsgid, supplementary groups and some capabilities,
 * which are a thread's own; libc's setgroups(3) would change those of all threads. Real,
 * effective and saved ids stay: with those of the target, its processes could trace this
 * one. Sources: credentials(7), capabilities(7), kernel/cred.c, security/commoncap.c. */
#include "target/target.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/fsuid.h>

#define SETS _LINUX_CAPABILITY_U32S_3

struct identity {
	uid_t uid; /* fsuid */
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	struct __user_cap_data_struct caps[SETS];
};

static void free_identity(struct identity *identity)
{
	free(identity->groups);
}

/* While this thread acts as a target: what it was before, and what it is. */
static __thread struct {
	const struct identity *own, *target;
	bool raised; /* it has its own capabilities for a moment */
} acting;

static int get_caps(struct __user_cap_data_struct *caps)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return syscall(SYS_capget, &header, caps) ? -errno : 0;
}

static int set_caps(const struct __user_cap_data_struct *caps)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return syscall(SYS_capset, &header, caps) ? -errno : 0;
}

static int own_identity(struct identity *own)
{
	long n = syscall(SLUICE_SYS_getgroups, 0L, NULL);

	if (n < 0)
		return -errno;
	own->groups = calloc((size_t)n + 1, sizeof(*own->groups));
	if (!own->groups)
		return -ENOMEM;
	n = syscall(SLUICE_SYS_getgroups, n, own->groups);
	if (n < 0)
		return -errno;
	own->n_groups = (size_t)n;
	/* -1 is no id: nothing changes, and the old one comes back. */
	own->uid = (uid_t)setfsuid((uid_t)-1);
	own->gid = (gid_t)setfsgid((gid_t)-1);
	return get_caps(own->caps);
}

/* Whether this user namespace has a number for every id. */
static bool maps_all(struct sluice_request *req, const char *map)
{
	_cleanup_close_ int fd = sc_sluice_proc_open(&req->sv->proc, map, O_RDONLY, 0);
	unsigned count;
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	/* So long a range begins at 0: the kernel takes none that goes beyond the last id. */
	return sscanf(text, "%*u %*u %u", &count) == 1 && count == (unsigned)-1;
}

/* The kernel shows an id that has no number here as this one
 * (/proc/sys/kernel/overflowuid), which may also be somebody's. */
#define NO_NUMBER 65534u

static int check_mapped(struct sluice_request *req, const struct identity *target)
{
	bool unknown = target->gid == NO_NUMBER;

	for (size_t i = 0; i < target->n_groups; i++)
		unknown |= target->groups[i] == NO_NUMBER;
	if (target->uid == NO_NUMBER && !maps_all(req, "thread-self/uid_map"))
		return -EOVERFLOW;
	return unknown && !maps_all(req, "thread-self/gid_map") ? -EOVERFLOW : 0;
}

/* Of our capabilities those that the target has in this user namespace: what it has in
 * one of its own means other things. */
static void limit_caps(
	const struct sluice_privileges *p, struct __user_cap_data_struct *caps)
{
	uint64_t keep = p->same_user_namespace ? p->effective : 0;

	for (unsigned i = 0; i < SETS; i++)
		caps[i].effective &= (uint32_t)(keep >> (32 * i));
}

static int target_identity(
	struct sluice_request *req, const struct identity *own, struct identity *target)
{
	struct sluice_privileges p = {.size = sizeof(p)};
	struct sluice_creds c = {.size = sizeof(c)};
	ssize_t n;
	int rc = sluice_creds(req, &c);

	if (!rc)
		rc = sluice_privileges(req, &p);
	if (rc)
		return rc;
	n = sluice_groups(req, NULL, 0);
	if (n < 0)
		return (int)n;
	target->groups = calloc((size_t)n + 1, sizeof(*target->groups));
	if (!target->groups)
		return -ENOMEM;
	n = sluice_groups(req, target->groups, (size_t)n + 1);
	if (n < 0)
		return (int)n;
	target->n_groups = (size_t)n;
	target->uid = c.fsuid;
	target->gid = c.fsgid;
	memcpy(target->caps, own->caps, sizeof(target->caps));
	limit_caps(&p, target->caps);
	return check_mapped(req, target);
}

static bool same_groups(const struct identity *a, const struct identity *b)
{
	return a->n_groups == b->n_groups &&
	       memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)) == 0;
}

static int change_groups(const struct identity *from, const struct identity *to)
{
	if (same_groups(from, to))
		return 0;
	return syscall(SLUICE_SYS_setgroups, to->n_groups, to->groups) ? -errno : 0;
}

/* Capabilities last, because a change of fsuid changes them. */
static int change_ids(const struct identity *to)
{
	setfsgid(to->gid);
	setfsuid(to->uid);
	if ((gid_t)setfsgid((gid_t)-1) != to->gid ||
		(uid_t)setfsuid((uid_t)-1) != to->uid)
		return -EPERM;
	return set_caps(to->caps);
}

static int become(const struct identity *own, const struct identity *target)
{
	int rc = change_groups(own, target), back;

	if (rc)
		return rc;
	rc = change_ids(target);
	if (!rc)
		return 0;
	back = change_ids(own);
	if (!back)
		back = change_groups(target, own);
	return back ? -ENOTRECOVERABLE : rc;
}

/* All of our capabilities first, or there is no way back. */
static int come_back(const struct identity *target, const struct identity *own)
{
	return set_caps(own->caps) || change_groups(target, own) || change_ids(own)
		       ? -ENOTRECOVERABLE
		       : 0;
}

int sluice_act_as_target(struct sluice_request *request,
	int (*act)(struct sluice_request *request, void *data), void *data)
{
	_cleanup_(free_identity) struct identity own = {0};
	_cleanup_(free_identity) struct identity target = {0};
	int rc;

	if (acting.own)
		return -EBUSY;
	rc = own_identity(&own);
	if (!rc)
		rc = target_identity(request, &own, &target);
	if (!rc)
		rc = become(&own, &target);
	if (rc)
		return rc;
	acting.own = &own;
	acting.target = &target;
	rc = act(request, data);
	acting.own = acting.target = NULL;
	return come_back(&target, &own) ? -ENOTRECOVERABLE : rc;
}

bool sc_target_acting(void)
{
	return acting.own != NULL;
}

bool sc_target_raise(void)
{
	if (!acting.own || acting.raised)
		return false;
	acting.raised = set_caps(acting.own->caps) == 0;
	return acting.raised;
}

int sc_target_lower(bool raised)
{
	if (!raised)
		return 0;
	acting.raised = false;
	return set_caps(acting.target->caps) ? -ENOTRECOVERABLE : 0;
}

int sc_target_proc_open(const struct procfs *proc, const char *path, int flags)
{
	bool raised = sc_target_raise();
	int fd = sc_sluice_proc_open(proc, path, flags, 0);

	if (sc_target_lower(raised)) {
		closep(&fd);
		return -ENOTRECOVERABLE;
	}
	return fd;
}
