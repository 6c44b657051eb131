/* Limits of rate: how often the program may make some calls.
 * SPDX-License-Identifier: MIT
 *
 * The supervisor counts before anything else happens with the call, in the one thread that dispatches. It
 * looks at no argument, so the kernel may run a call that is within the limit. */
#include <ctype.h>
#include <errno.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "util/cleanup.h"
#include "util/errnos.h"
#include "util/vec.h"

#define COUNT_MAX 1000000

/* "N/s", "N/m" or "N/h", and perhaps ":E" behind it. */
static bool read_rate(const char *text, struct policy_limit *out)
{
	static const uint64_t second = 1000000000;
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || !n || n > COUNT_MAX || *end != '/')
		return false;
	out->count = n;
	out->period_ns = end[1] == 's'	 ? second
			 : end[1] == 'm' ? 60 * second
			 : end[1] == 'h' ? 3600 * second
					 : 0;
	if (!out->period_ns || (end[2] && end[2] != ':'))
		return false;
	out->errnum = end[2] ? sc_errno_number(end + 3) : EAGAIN;
	return out->errnum > 0;
}

static int add_limit(struct policy *p, const char *text, const char *where, size_t names)
{
	struct policy_limit limit = {0};

	if (!names || !text[names] || !read_rate(text + names + 1, &limit))
		return policy_error(p, where,
			"\"%s\" is no limit: CALL=N/s, with N from 1 to %d, or N/m or N/h; "
			"commas between several calls; \":ERRNO\" at the end",
			text, COUNT_MAX);
	if (sc_reserve(p->limits, p->cap_limits, p->n_limits, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	p->limits[p->n_limits++] = limit;
	return 0;
}

int policy_add_limit(struct policy *p, const char *text, const char *where)
{
	size_t names = strcspn(text, "=");
	_cleanup_free_ char *copy = strndup(text, names);
	char *rest = copy, *name;
	int rc;

	if (!copy)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	rc = add_limit(p, text, where, names);
	while (!rc && (name = strsep(&rest, ",")))
		rc = policy_add_call(p, POLICY_LIMIT, name, where);
	return rc;
}

int policy_on_limited(struct sluice_request *req, void *data)
{
	const struct policy_call *call = data;
	struct policy *p = call->policy;
	struct policy_limit *limit = &p->limits[call->limit];

	if (!cli_rate_take(&limit->rate, limit->count, limit->period_ns))
		return sluice_fail(req, limit->errnum);
	return call->next ? call->next(req, p) : policy_let(p, req);
}
