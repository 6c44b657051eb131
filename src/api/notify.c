/* Notifications. seccomp_notify_alloc(3).
 *
 * These functions know a descriptor and no context: they serve a process that never made
 * a filter, and SCMP_FLTATR_API_SYSRAWRC has no say in them. SPDX-License-Identifier: MIT
 */
#include "api/api.h"
#include "api/errno.h"
#include "kernel/kernel.h"
#include "util/cleanup.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>

SC_PUBLIC int seccomp_notify_alloc(
	struct seccomp_notif **req, struct seccomp_notif_resp **resp)
{
	_cleanup_free_ struct seccomp_notif *new_req = NULL;
	_cleanup_free_ struct seccomp_notif_resp *new_resp = NULL;
	size_t req_size, resp_size;
	int rc;

	if (!sc_kernel_has(SC_KERNEL_SYSCALL))
		return -EOPNOTSUPP;
	rc = sc_notify_sizes(&req_size, &resp_size);
	if (rc == -EINVAL) /* before 5.0: an unknown operation of seccomp(2) */
		return -EOPNOTSUPP;
	if (rc < 0)
		return sc_api_system_error(rc, false);
	if (req && !(new_req = calloc(1, req_size)))
		return -ENOMEM;
	if (resp && !(new_resp = calloc(1, resp_size)))
		return -ENOMEM;
	if (req)
		*req = steal_ptr(new_req);
	if (resp)
		*resp = steal_ptr(new_resp);
	return 0;
}

SC_PUBLIC void seccomp_notify_free(
	struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	free(req);
	free(resp);
}

SC_PUBLIC int seccomp_notify_receive(int fd, struct seccomp_notif *req)
{
	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return sc_api_system_error(req ? sc_notify_receive(fd, req) : -EFAULT, false);
}

SC_PUBLIC int seccomp_notify_respond(int fd, struct seccomp_notif_resp *resp)
{
	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return sc_api_system_error(sc_notify_respond(fd, resp), false);
}

SC_PUBLIC int seccomp_notify_id_valid(int fd, uint64_t id)
{
	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return sc_api_id_valid(sc_notify_id_valid(fd, id));
}

SC_PUBLIC int seccomp_notify_addfd(int fd, struct seccomp_notif_addfd *addfd)
{
	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return sc_api_system_error(sc_notify_addfd(fd, addfd), false);
}
