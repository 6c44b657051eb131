/* One thread acts for a target: with its ids, without other groups, without capabilities.
 * SPDX-License-Identifier: MIT
 *
 * The kernel then checks what the thread does in a folder of the container as it would
 * check the target, and what is made belongs to the target. The system calls are bare,
 * because those of libc change all threads. Whatever fails leaves a thread with fewer
 * rights than it had. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/serve.h"

static int get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

static int set_effective(const uint32_t effective[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	int rc = get(data);

	if (rc)
		return rc;
	data[0].effective = effective[0];
	data[1].effective = effective[1];
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

void serve_act_end(const struct serve_acting *a)
{
	set_effective(a->effective);
	setfsuid(a->uid);
	setfsgid(a->gid);
	set_effective(a->effective); /* changing the id took some again */
}

int serve_act_begin(struct serve_acting *a, struct sluice_request *req, int capability)
{
	uint32_t wanted[2] = {0};
	struct __user_cap_data_struct data[2];
	struct sluice_creds creds = {.size = sizeof(creds)};
	int rc = sluice_creds(req, &creds);

	if (rc == 0)
		rc = get(data);
	if (rc)
		return rc;
	*a = (struct serve_acting){
		{data[0].effective, data[1].effective}, geteuid(), getegid()};
	if (capability >= 0)
		wanted[capability / 32] = 1u << (capability % 32);
	/* Groups of this program are nobody's here: it gave them up when it started. */
	setfsgid(creds.fsgid);
	setfsuid(creds.fsuid);
	/* These calls do not fail; what they say is what was before. */
	if ((uid_t)setfsuid((uid_t)-1) != creds.fsuid ||
		(gid_t)setfsgid((gid_t)-1) != creds.fsgid)
		rc = -EPERM;
	if (rc == 0)
		rc = set_effective(wanted);
	if (rc)
		serve_act_end(a);
	return rc;
}
