/* The handlers: which rule a call has, the limits, the verdict.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/serve.h"

/* The kernel's answer to a verdict; @good is what it counts as. */
static int count(struct serve_work *w, int rc, enum serve_verdict good)
{
	struct serve_counts *counts =
		w->container ? w->container->counts : w->serve->nobody;

	atomic_fetch_add(&counts->verdicts[rc ? SERVE_GONE : good], 1);
	return rc;
}

int serve_fail(struct serve_work *w, struct sluice_request *req, int errnum)
{
	return count(w, sluice_fail(req, errnum), SERVE_REFUSED);
}

int serve_reply(struct serve_work *w, struct sluice_request *req, int64_t value)
{
	return count(w, sluice_reply(req, value), SERVE_DONE);
}

/* Nothing but registers was looked at. libsluice refuses it for calls whose arguments
 * came from memory, as those of socketcall(2) do. */
int serve_continue(struct serve_work *w, struct sluice_request *req)
{
	int rc = sluice_continue(req, SLUICE_CONTINUE_ARGS);

	if (rc == -EPERM || rc == -EINVAL) /* not consumed */
		return serve_fail(w, req, w->serve->default_errno);
	return count(w, rc, SERVE_CONTINUED);
}

/* A second's worth of calls can be saved up. */
static bool too_many(struct serve_container *c)
{
	uint64_t most = c->policy->max_pending, rate = c->policy->per_second;

	if (most && atomic_load(&c->pending) >= most)
		return true;
	return rate && !cli_rate_take(&c->rate, rate, 1000000000u);
}

static void release(void *data)
{
	struct serve_work *w = data;
	struct serve *s = w->serve;

	serve_policy_unref(w->policy);
	atomic_fetch_sub(&w->container->pending, 1); /* it may be freed from now on */
	free(w);
	atomic_fetch_sub(&s->working, 1);
}

static int on_worker(struct sluice_request *req, void *data)
{
	struct serve_work *w = data;

	switch (w->rule->kind) {
	case SERVE_MKDIR:
		return serve_mkdir(w, req);
	case SERVE_MKNOD:
		return serve_mknod(w, req);
	case SERVE_SYSINFO:
		return serve_sysinfo(w, req);
	default:
		return serve_mount(w, req);
	}
}

/* File systems of a container can be slow: that is for a worker, and the time limit. */
static int to_worker(const struct serve_work *work, struct sluice_request *req)
{
	struct serve_work *w = malloc(sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	*w = *work;
	serve_policy_ref(w->policy);
	atomic_fetch_add(&w->container->pending, 1);
	atomic_fetch_add(&w->serve->working, 1);
	rc = sluice_work_owned(req, on_worker, w, release);
	if (rc)
		release(w);
	return rc;
}

static int on_call(struct sluice_request *req, void *data)
{
	struct serve_call *call = data;
	struct serve_container *c = sluice_tag(req);
	struct serve_work w = {.serve = call->serve, .container = c};
	int rc;

	w.policy = c ? c->policy : NULL;
	w.rule = w.policy ? serve_rule(w.policy, call->name) : NULL;
	if (!w.rule)
		return serve_fail(&w, req, w.serve->default_errno);
	if (too_many(c))
		return count(&w, sluice_fail(req, w.policy->limit_errno), SERVE_LIMITED);
	switch (w.rule->kind) {
	case SERVE_REFUSE:
		return serve_fail(&w, req, (int)w.rule->value);
	case SERVE_VALUE:
		return serve_reply(&w, req, w.rule->value);
	case SERVE_ALLOW:
		return serve_continue(&w, req);
	default:
		rc = to_worker(&w, req);
		return rc ? serve_fail(&w, req, w.serve->default_errno) : 0;
	}
}

/* A call that no policy has a rule for. */
static int on_other(struct sluice_request *req, void *data)
{
	struct serve_work w = {.serve = data, .container = sluice_tag(req)};

	return serve_fail(&w, req, w.serve->default_errno);
}

static int handle_call(struct serve *s, const char *name)
{
	struct serve_call *call = s->calls;
	int rc;

	while (call && strcmp(call->name, name) != 0)
		call = call->next;
	if (call)
		return 0;
	call = calloc(1, sizeof(*call) + strlen(name) + 1); /* NUL is there */
	if (!call)
		return -ENOMEM;
	call->serve = s;
	memcpy(call->name, name, strlen(name));
	rc = sluice_on_name(s->supervisor, name, on_call, call);
	if (rc == -ENOENT)
		rc = 0; /* no call of this machine: it cannot come */
	if (rc) {
		free(call);
		return rc;
	}
	call->next = s->calls;
	s->calls = call;
	return 0;
}

/* Handlers stay when policies change: a call without a rule is refused. */
int serve_handle(struct serve *s)
{
	int rc = sluice_on(s->supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, on_other, s);

	for (uint32_t i = 0; i < s->set.n && rc == 0; i++)
		for (uint32_t k = 0; k < s->set.items[i]->n_rules && rc == 0; k++)
			rc = handle_call(s, s->set.items[i]->rules[k].call);
	return rc;
}
