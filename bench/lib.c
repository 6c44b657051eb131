/* Libraries, samples and what else every part needs.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PROGRAM_MAX (1U << 20)

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void symbol(void *handle, const char *name, bool needed, void *out)
{
	void *at = dlsym(handle, name);

	if (!at && needed)
		die("no %s: %s", name, dlerror());
	memcpy(out, &at, sizeof(at));
}

void lib_open(struct lib *lib, const char *name, const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		die("%s", dlerror());
	*lib = (struct lib){.name = name, .path = path};
	symbol(handle, "seccomp_init", true, &lib->init);
	symbol(handle, "seccomp_release", true, &lib->release);
	symbol(handle, "seccomp_arch_add", true, &lib->arch_add);
	symbol(handle, "seccomp_attr_set", true, &lib->attr_set);
	symbol(handle, "seccomp_rule_add_array", true, &lib->rule_add);
	symbol(handle, "seccomp_load", true, &lib->load);
	symbol(handle, "seccomp_export_bpf", true, &lib->export_bpf);
	symbol(handle, "seccomp_export_bpf_mem", false, &lib->export_bpf_mem);
	symbol(handle, "seccomp_syscall_resolve_name_arch", true, &lib->resolve_name);
	symbol(handle, "seccomp_syscall_resolve_num_arch", true, &lib->resolve_num);
	symbol(handle, "seccomp_notify_alloc", true, &lib->notify_alloc);
	symbol(handle, "seccomp_notify_receive", true, &lib->notify_receive);
	symbol(handle, "seccomp_notify_respond", true, &lib->notify_respond);
	symbol(handle, "seccomp_version", true, &lib->version);
}

struct sock_filter *program_of(const struct lib *lib, scmp_filter_ctx ctx, uint32_t *len)
{
	static struct sock_filter insns[PROGRAM_MAX];
	size_t size = sizeof(insns);
	int rc;

	if (lib->export_bpf_mem) {
		rc = lib->export_bpf_mem(ctx, insns, &size);
	} else {
		int fd = memfd_create("program", MFD_CLOEXEC);

		rc = lib->export_bpf(ctx, fd);
		size = (size_t)pread(fd, insns, sizeof(insns), 0);
		close(fd);
	}
	*len = rc < 0 ? 0 : (uint32_t)(size / sizeof(*insns));
	return insns;
}

bool only_ours;

unsigned int variants_of(const struct lib lib[LIBS], struct variant out[VARIANTS])
{
	unsigned int n = only_ours ? VARIANTS / LIBS : VARIANTS;

	for (unsigned int i = 0; i < n; i++)
		out[i] = (struct variant){.lib = &lib[i / 2], .optimize = 1 + i % 2};
	return n;
}

double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void samples_add(struct samples *samples, double value)
{
	if (samples->n == samples->cap) {
		samples->cap = samples->cap ? 2 * samples->cap : 64;
		samples->at = realloc(samples->at, samples->cap * sizeof(*samples->at));
		if (!samples->at)
			die("no memory");
	}
	samples->at[samples->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void samples_print(struct samples *samples, const char *unit, const char *head, ...)
{
	va_list args;

	if (samples->n) {
		qsort(samples->at, samples->n, sizeof(*samples->at), by_value);
		putchar('{');
		va_start(args, head);
		vprintf(head, args);
		va_end(args);
		printf(", \"unit\": \"%s\", \"n\": %u, \"min\": %.6g, \"median\": %.6g, "
		       "\"max\": %.6g}\n",
			unit, samples->n, samples->at[0], samples->at[samples->n / 2],
			samples->at[samples->n - 1]);
		fflush(stdout); /* children that fork must not print it again */
	}
	free(samples->at);
	*samples = (struct samples){0};
}

void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}
