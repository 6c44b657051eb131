/* Verdicts: the one place that answers the kernel.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <signal.h>

static int send_to(struct sluice_request *req, int64_t value, int error, uint32_t flags)
{
	return sc_sluice_send(req->listener->source.fd, req->notif.id, value, error, flags);
}

/* Drop the holder's reference. The caller's frame may have none left afterwards. */
static int consume(struct sluice_request *req, int rc)
{
	if (!req->deferred && !req->cancel)
		return rc;
	pthread_mutex_lock(&req->sv->lock);
	sc_core_consume(req);
	pthread_mutex_unlock(&req->sv->lock);
	if (atomic_exchange(&req->deferred, false)) /* once, whatever the holder does */
		sc_core_request_unref(req);
	return rc;
}

/* Why somebody else's verdict stands. */
static int lost(struct sluice_request *req)
{
	switch (atomic_load(&req->state)) {
	case R_TIMED_OUT:
		return consume(req, -ETIMEDOUT);
	case R_ANSWERED:
		return consume(req, -EALREADY);
	default:
		return consume(req, -ENOENT);
	}
}

/* The verdict of nobody: the caller has claimed @req as @state. */
void sc_core_default(struct sluice_request *req, int state, const char *why)
{
	struct counters *c = &req->sv->count;
	int rc = send_to(req, 0, -req->sv->set.default_errno, 0);

	sc_core_end(req,
		&(struct ending){state == R_TIMED_OUT ? &c->timed_out : &c->defaulted, V_FAIL,
			rc, -req->sv->set.default_errno, why});
}

static int end(struct sluice_request *req, atomic_ullong *counter, int verdict,
	int64_t value, int rc, const char *why)
{
	sc_core_end(req, &(struct ending){counter, verdict, rc, value, why});
	return consume(req, rc);
}

int sluice_reply(struct sluice_request *request, int64_t value)
{
	if (!sc_core_claim_wait(request))
		return lost(request);
	return end(request, &request->sv->count.replied, V_REPLY, value,
		send_to(request, value, 0, 0), NULL);
}

static int fail(struct sluice_request *req, int errnum)
{
	return end(req, &req->sv->count.failed, V_FAIL, -errnum,
		send_to(req, 0, -errnum, 0), NULL);
}

int sluice_fail(struct sluice_request *request, int errnum)
{
	if (!sc_core_claim_wait(request))
		return lost(request);
	if (errnum < 0 && errnum >= -4095)
		errnum = -errnum;
	if (errnum < 1 || errnum > 4095)
		errnum = request->sv->set.default_errno;
	return fail(request, errnum);
}

int sluice_continue(struct sluice_request *request, enum sluice_continue_reason reason)
{
	int rc;

	if (reason != SLUICE_CONTINUE_ARGS && reason != SLUICE_CONTINUE_ADVISORY)
		return -EINVAL;
	if (request->sv->set.forbid_continue)
		return -EPERM;
	if (reason == SLUICE_CONTINUE_ARGS && request->saw_pointer)
		return -EPERM;
	if (!sc_core_claim_wait(request))
		return lost(request);
	rc = send_to(request, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	if (rc && rc != -ENOENT) {
		/* Before 5.5 the flag is refused and the call still waits. */
		sc_core_default(request, R_ANSWERED, "continue unsupported");
		return consume(request, rc == -EINVAL ? -EOPNOTSUPP : rc);
	}
	return end(request, &request->sv->count.continued, V_CONTINUE, 0, rc,
		reason == SLUICE_CONTINUE_ARGS ? "arguments only" : "advisory");
}

static int addfd(struct sluice_request *req, int fd, unsigned flags, uint32_t kernel_flags)
{
	struct seccomp_notif_addfd add = {.id = req->notif.id,
		.flags = kernel_flags,
		.srcfd = (uint32_t)fd,
		.newfd_flags = flags & SLUICE_FD_CLOEXEC ? O_CLOEXEC : 0};
	int rc;

	do
		rc = ioctl(req->listener->source.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	while (rc < 0 && errno == EINTR && !(kernel_flags & SECCOMP_ADDFD_FLAG_SEND));
	return rc < 0 ? -errno : rc;
}

/* Install and answer. A signal inside ADDFD_SEND makes the call return 0 with nothing
 * installed, so signals are blocked. Nothing blocks SIGKILL and SIGSTOP: where only death
 * can take the target from its wait (@wait_killable), two steps lose nothing either and
 * survive those. */
static int install(struct sluice_request *req, int fd, unsigned flags, int *number)
{
	sigset_t all, old;
	int n = -EINVAL, rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!req->listener->wait_killable)
		n = addfd(req, fd, flags, SECCOMP_ADDFD_FLAG_SEND);
	if (n == -EINVAL) { /* also: before 5.14 */
		n = addfd(req, fd, flags, 0);
		if (n >= 0)
			rc = send_to(req, n, 0, 0);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (n < 0)
		return n == -ESRCH || n == -EINPROGRESS ? -ENOENT : n;
	*number = n;
	return rc;
}

int sluice_reply_fd(struct sluice_request *request, int fd, unsigned flags)
{
	int number = -1, rc;

	if (!sc_core_claim_wait(request))
		return lost(request);
	if (flags & ~SLUICE_FD_CLOEXEC)
		rc = -EINVAL;
	else
		rc = install(request, fd, flags, &number);
	if (rc && rc != -ENOENT) { /* EMFILE of the target, or our mistake: still pending */
		int sent = send_to(request, 0, rc, 0);

		end(request, &request->sv->count.failed, V_FAIL, rc, sent, "no descriptor");
		return rc;
	}
	if (!rc)
		atomic_fetch_add_explicit(&request->sv->count.descriptors, 1,
			memory_order_relaxed);
	return end(request, &request->sv->count.replied, V_FD, number, rc, NULL);
}
