/* Handing out the program: to the kernel, a file, memory.
 * SPDX-License-Identifier: MIT */
#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/context.h"
#include "api/errno.h"
#include "compile.h"
#include "kernel/kernel.h"
#include "lower/lower.h"
#include "pfc/pfc.h"
#include "util/cleanup.h"

/* A program for the other byte order is written in it, opcodes and immediates too. */
static void to_filter_order(struct sc_prog *prog)
{
	if (prog->big_endian == (__BYTE_ORDER == __BIG_ENDIAN))
		return;
	for (uint32_t i = 0; i < prog->len; i++) {
		prog->insns[i].code = bswap_16(prog->insns[i].code);
		prog->insns[i].k = bswap_32(prog->insns[i].k);
	}
}

/* The program in its filter's byte order: the precomputed one, else a new one in @own. */
static int program(const struct sc_context *context, struct sc_prog *own,
	const struct sc_prog **out)
{
	int rc;

	*out = context->ready.insns ? &context->ready : own;
	if (context->ready.insns)
		return 0;
	rc = sc_compile(context->policy, own);
	if (rc == -E2BIG)
		return sc_api_system_error(rc, context->policy->attrs.rawrc);
	if (rc < 0)
		return rc;
	to_filter_order(own);
	return 0;
}

static void prog_clear(struct sc_prog *prog)
{
	free(prog->insns);
}

static int make_ready(struct sc_context *context)
{
	struct sc_prog prog = {0};
	const struct sc_prog *ready;
	int rc = program(context, &prog, &ready);

	if (!rc && ready == &prog)
		context->ready = prog;
	return rc;
}

SC_PUBLIC int seccomp_precompute(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get(ctx);

	return context ? make_ready(context) : -EINVAL;
}

SC_PUBLIC int seccomp_load(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get(ctx);
	const struct sc_prog *prog;
	const struct sc_attrs *attrs;
	struct sock_fprog fprog;
	int rc, listener = -1;

	if (!context)
		return -EINVAL;
	attrs = &context->policy->attrs;
	/* The context keeps the program: to free it under the filter may need brk(2), which
	 * the filter may not allow. */
	rc = make_ready(context);
	if (rc < 0)
		return rc;
	prog = &context->ready;
	fprog = (struct sock_fprog){.len = (unsigned short)prog->len, .filter = prog->insns};
	rc = sc_kernel_load(&fprog,
		&(struct sc_kernel_load){
			.nnp = attrs->nnp,
			.tsync = attrs->tsync,
			.log = attrs->log,
			.ssb = attrs->ssb,
			.waitkill = attrs->waitkill,
			.notify = sc_policy_notifies(context->policy),
		},
		&listener);
	if (!rc && listener >= 0)
		context->listener = listener;
	return sc_api_system_error(rc, attrs->rawrc);
}

SC_PUBLIC int seccomp_notify_fd(const scmp_filter_ctx ctx)
{
	const struct sc_context *context = sc_context_get(ctx);

	return context ? sc_kernel_listener(context->listener) : -EINVAL;
}

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

SC_PUBLIC int seccomp_export_bpf(const scmp_filter_ctx ctx, int fd)
{
	const struct sc_context *context = sc_context_get(ctx);
	_cleanup_(prog_clear) struct sc_prog own = {0};
	const struct sc_prog *prog;
	int rc;

	if (!context)
		return -EINVAL;
	rc = program(context, &own, &prog);
	if (rc < 0)
		return rc;
	rc = write_all(fd, prog->insns, prog->len * sizeof(*prog->insns));
	free(steal_ptr(own.insns));
	return sc_api_system_error(rc, context->policy->attrs.rawrc);
}

SC_PUBLIC int seccomp_export_bpf_mem(const scmp_filter_ctx ctx, void *buf, size_t *len)
{
	const struct sc_context *context = sc_context_get(ctx);
	_cleanup_(prog_clear) struct sc_prog own = {0};
	const struct sc_prog *prog;
	size_t room, size;
	int rc;

	if (!context || !len)
		return -EINVAL;
	rc = program(context, &own, &prog);
	if (rc < 0)
		return rc;
	room = *len;
	size = prog->len * sizeof(*prog->insns);
	*len = size;
	if (!buf)
		return 0;
	if (room < size)
		return -ERANGE;
	memcpy(buf, prog->insns, size);
	return 0;
}

SC_PUBLIC int seccomp_export_pfc(const scmp_filter_ctx ctx, int fd)
{
	const struct sc_context *context = sc_context_get(ctx);
	_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int rc;

	if (!context)
		return -EINVAL;
	rc = sc_lower(context->policy, &low);
	if (!rc)
		rc = sc_pfc(&low, &text, &size);
	if (rc < 0)
		return rc;
	rc = write_all(fd, text, size);
	free(steal_ptr(text));
	sc_lowered_clear(&low);
	return sc_api_system_error(rc, context->policy->attrs.rawrc);
}
