/* A libseccomp.so.2 that hands every call to a real one, and lies about one thing: what a client
 * test must notice. tests/clients/client.py copies this file and writes "MODE PATH" over the
 * marker in config[], because a client may have dropped its environment.
 *
 * Written against the ABI alone (pointers, integers, one struct), so that it stands in for any
 * version of the library.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0 /* musl has none, and no client of these tests is linked to it */
#endif

#define EXPORT __attribute__((visibility("default")))
#define MAX_ARGS 6

struct scmp_arg_cmp {
	unsigned int arg;
	int op;
	uint64_t datum_a, datum_b;
};

char config[4096] = "@@sabotage-config@@";

static bool no_rules, no_args, no_load;

/* X(result, name, parameters, arguments): what is only passed on. */
#define PASSED_ON(X)                                                                           \
	X(const void *, version, (void), ())                                                   \
	X(unsigned int, api_get, (void), ())                                                   \
	X(int, api_set, (unsigned int level), (level))                                         \
	X(void *, init, (uint32_t act), (act))                                                 \
	X(int, reset, (void *ctx, uint32_t act), (ctx, act))                                   \
	X(void, release, (void *ctx), (ctx))                                                   \
	X(int, merge, (void *dst, void *src), (dst, src))                                      \
	X(uint32_t, arch_resolve_name, (const char *name), (name))                             \
	X(uint32_t, arch_native, (void), ())                                                   \
	X(int, arch_exist, (const void *ctx, uint32_t arch), (ctx, arch))                      \
	X(int, arch_add, (void *ctx, uint32_t arch), (ctx, arch))                              \
	X(int, arch_remove, (void *ctx, uint32_t arch), (ctx, arch))                           \
	X(int, attr_get, (const void *ctx, int attr, uint32_t *value), (ctx, attr, value))     \
	X(int, attr_set, (void *ctx, int attr, uint32_t value), (ctx, attr, value))            \
	X(char *, syscall_resolve_num_arch, (uint32_t arch, int num), (arch, num))             \
	X(int, syscall_resolve_name_arch, (uint32_t arch, const char *name), (arch, name))     \
	X(int, syscall_resolve_name_rewrite, (uint32_t arch, const char *name), (arch, name))  \
	X(int, syscall_resolve_name, (const char *name), (name))                               \
	X(int, syscall_priority, (void *ctx, int num, uint8_t priority), (ctx, num, priority)) \
	X(int, notify_alloc, (void **req, void **resp), (req, resp))                           \
	X(void, notify_free, (void *req, void *resp), (req, resp))                             \
	X(int, notify_receive, (int fd, void *req), (fd, req))                                 \
	X(int, notify_respond, (int fd, void *resp), (fd, resp))                               \
	X(int, notify_id_valid, (int fd, uint64_t id), (fd, id))                               \
	X(int, notify_fd, (const void *ctx), (ctx))                                            \
	X(int, export_pfc, (const void *ctx, int fd), (ctx, fd))                               \
	X(int, transaction_start, (const void *ctx), (ctx))                                    \
	X(void, transaction_reject, (const void *ctx), (ctx))                                  \
	X(int, transaction_commit, (const void *ctx), (ctx))                                   \
	X(int, precompute, (const void *ctx), (ctx))

/* What some mode lies about. */
#define WATCHED(X)                                                                             \
	X(int, load, (const void *ctx), (ctx))                                                 \
	X(int, export_bpf, (const void *ctx, int fd), (ctx, fd))                               \
	X(int, export_bpf_mem, (const void *ctx, void *buf, size_t *len), (ctx, buf, len))     \
	X(int, rule_add_array,                                                                 \
		(void *ctx, uint32_t act, int num, unsigned int n,                             \
			const struct scmp_arg_cmp *args),                                      \
		(ctx, act, num, n, args))                                                      \
	X(int, rule_add_exact_array,                                                           \
		(void *ctx, uint32_t act, int num, unsigned int n,                             \
			const struct scmp_arg_cmp *args),                                      \
		(ctx, act, num, n, args))

#define POINTER(result, name, parameters, arguments) static result(*real_##name) parameters;
PASSED_ON(POINTER)
WATCHED(POINTER)

#define PASS_ON(result, name, parameters, arguments)                                           \
	EXPORT result seccomp_##name parameters;                                               \
	EXPORT result seccomp_##name parameters                                                \
	{                                                                                      \
		return real_##name arguments;                                                  \
	}
PASSED_ON(PASS_ON)

#define PROTOTYPE(result, name, parameters, arguments) EXPORT result seccomp_##name parameters;
WATCHED(PROTOTYPE)
EXPORT int seccomp_rule_add(void *ctx, uint32_t act, int num, unsigned int n, ...);
EXPORT int seccomp_rule_add_exact(void *ctx, uint32_t act, int num, unsigned int n, ...);

static const struct sock_filter allow_all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

int seccomp_load(const void *ctx)
{
	return no_load ? 0 : real_load(ctx);
}

int seccomp_export_bpf(const void *ctx, int fd)
{
	if (!no_load)
		return real_export_bpf(ctx, fd);
	return write(fd, &allow_all, sizeof(allow_all)) == sizeof(allow_all) ? 0 : -ECANCELED;
}

int seccomp_export_bpf_mem(const void *ctx, void *buf, size_t *len)
{
	if (!no_load)
		return real_export_bpf_mem(ctx, buf, len);
	if (buf && *len < sizeof(allow_all))
		return -ERANGE;
	if (buf)
		memcpy(buf, &allow_all, sizeof(allow_all));
	*len = sizeof(allow_all);
	return 0;
}

int seccomp_rule_add_array(void *ctx, uint32_t act, int num, unsigned int n,
	const struct scmp_arg_cmp *args)
{
	if (no_rules)
		return 0;
	if (no_args && n > 0) {
		/* Whatever the shorter rule meets, the client shall think that all is well. */
		real_rule_add_array(ctx, act, num, 0, NULL);
		return 0;
	}
	return real_rule_add_array(ctx, act, num, n, args);
}

int seccomp_rule_add_exact_array(void *ctx, uint32_t act, int num, unsigned int n,
	const struct scmp_arg_cmp *args)
{
	if (no_rules)
		return 0;
	if (no_args && n > 0) {
		real_rule_add_exact_array(ctx, act, num, 0, NULL);
		return 0;
	}
	return real_rule_add_exact_array(ctx, act, num, n, args);
}

static int collect(struct scmp_arg_cmp *args, unsigned int n, va_list list)
{
	if (n > MAX_ARGS)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		args[i] = va_arg(list, struct scmp_arg_cmp);
	return 0;
}

int seccomp_rule_add(void *ctx, uint32_t act, int num, unsigned int n, ...)
{
	struct scmp_arg_cmp args[MAX_ARGS];
	va_list list;

	va_start(list, n);
	int rc = collect(args, n, list);
	va_end(list);
	return rc ? rc : seccomp_rule_add_array(ctx, act, num, n, args);
}

int seccomp_rule_add_exact(void *ctx, uint32_t act, int num, unsigned int n, ...)
{
	struct scmp_arg_cmp args[MAX_ARGS];
	va_list list;

	va_start(list, n);
	int rc = collect(args, n, list);
	va_end(list);
	return rc ? rc : seccomp_rule_add_exact_array(ctx, act, num, n, args);
}

/* Before main, so before any sandbox. */
__attribute__((constructor)) static void start(void)
{
	char mode[16];
	int path_at = 0;

	if (sscanf(config, "%15s %n", mode, &path_at) != 1 || !path_at)
		_exit(98);
	/* DEEPBIND: the real library shall find its own functions, not ours. */
	void *real = dlopen(config + path_at, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (!real) {
		fprintf(stderr, "sabotaged libseccomp: %s\n", dlerror());
		_exit(98);
	}
#define FIND(result, name, parameters, arguments)                                              \
	real_##name = (result(*) parameters)dlsym(real, "seccomp_" #name);
	PASSED_ON(FIND)
	WATCHED(FIND)
	no_rules = !strcmp(mode, "rules");
	no_args = !strcmp(mode, "args");
	no_load = !strcmp(mode, "load");
}
