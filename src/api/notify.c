/* Notifications. seccomp_notify_alloc(3).
 *
 * These functions know a descriptor and no context: they serve a process that never made
 * a filter, and SCMP_FLTATR_API_SYSRAWRC has no say in them.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/errno.h"
#include "kernel/kernel.h"
#include "util/cleanup.h"

SC_PUBLIC int seccomp_notify_alloc(
	struct seccomp_notif **req, struct seccomp_notif_resp **resp)
{
	_cleanup_free_ struct seccomp_notif *new_req = NULL;
	_cleanup_free_ struct seccomp_notif_resp *new_resp = NULL;
	size_t req_size, resp_size;
	int rc;

	if (sc_kernel_forbids(SC_KERNEL_NOTIFY) || !sc_kernel_has(SC_KERNEL_SYSCALL))
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

/* The descriptor decides, not the probe: where seccomp(2) itself is refused to us, a listener
 * that was sent here still works. Without the feature no descriptor is a listener. */
static bool lacks_listeners(int rc)
{
	return (rc == -ENOTTY || rc == -EINVAL) && !sc_kernel_has(SC_KERNEL_NOTIFY);
}

static int listener_result(int rc)
{
	return lacks_listeners(rc) ? -EOPNOTSUPP : sc_api_system_error(rc, false);
}

SC_PUBLIC int seccomp_notify_receive(int fd, struct seccomp_notif *req)
{
	if (sc_kernel_forbids(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return listener_result(req ? sc_notify_receive(fd, req) : -EFAULT);
}

SC_PUBLIC int seccomp_notify_respond(int fd, struct seccomp_notif_resp *resp)
{
	if (sc_kernel_forbids(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return listener_result(sc_notify_respond(fd, resp));
}

SC_PUBLIC int seccomp_notify_id_valid(int fd, uint64_t id)
{
	int rc;

	if (sc_kernel_forbids(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	rc = sc_notify_id_valid(fd, id);
	return lacks_listeners(rc) ? -EOPNOTSUPP : sc_api_id_valid(rc);
}

SC_PUBLIC int seccomp_notify_addfd(int fd, struct seccomp_notif_addfd *addfd)
{
	if (sc_kernel_forbids(SC_KERNEL_NOTIFY))
		return -EOPNOTSUPP;
	return listener_result(sc_notify_addfd(fd, addfd));
}
