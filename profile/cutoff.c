/* ENOSYS for calls that are newer than the profile, so that programs take an older one
 * instead: instructions in front of the filter, as runc puts them there.
 * SPDX-License-Identifier: MIT */
#include "compile.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <sluice-calls.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define X32_BIT 0x40000000u

struct last {
	uint32_t audit;
	int64_t nr, x32; /* the last number that is known; -1: none */
};

struct lasts {
	struct last items[SC_PROFILE_ARCHES];
	unsigned n;
};

static struct last *last_of(struct lasts *l, uint32_t arch)
{
	uint32_t audit = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch;

	for (unsigned i = 0; i < l->n; i++)
		if (l->items[i].audit == audit)
			return &l->items[i];
	l->items[l->n] = (struct last){.audit = audit, .nr = -1, .x32 = -1};
	return &l->items[l->n++];
}

static void meet(struct last *l, uint32_t arch, int nr)
{
	if (arch == SCMP_ARCH_X32)
		l->x32 = nr > l->x32 ? nr : l->x32;
	else
		l->nr = nr > l->nr ? nr : l->nr;
}

/* Every name counts, whatever its action. */
static void find_in_profile(const struct sluice_profile *p, struct last *l, uint32_t arch)
{
	for (uint32_t i = 0; i < p->n; i++)
		for (uint32_t k = 0; k < p->entries[i].names.n; k++) {
			const char *name = p->entries[i].names.texts[k];
			int nr = *name ? seccomp_syscall_resolve_name_arch(arch, name)
				       : -1;

			if (nr >= 0)
				meet(l, arch, nr);
		}
}

/* The last number that the kernel had. Numbers grow with time, but for gaps that were
 * filled later. */
static void find_in_kernel(unsigned kernel, struct last *l, uint32_t arch)
{
	unsigned at = 0;
	const char *name;

	while ((name = sluice_call_next(arch, &at))) {
		struct sluice_call_info info = {.size = sizeof(info)};

		if (!sluice_call_info(arch, name, &info) && info.nr >= 0 &&
			info.since <= kernel)
			meet(l, arch, info.nr);
	}
}

static bool is_permissive(uint32_t action)
{
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG ||
	       (action & 0xffff0000) == SCMP_ACT_TRACE(0);
}

static bool is_wanted(const struct sluice_profile *p, const struct sluice_target *t)
{
	uint32_t action = sc_action_value(&p->action);

	if (t->cutoff == SLUICE_CUTOFF_NONE || action == SCMP_ACT_ERRNO(ENOSYS) ||
		is_permissive(action))
		return false;
	return t->cutoff != SLUICE_CUTOFF_RUNTIME || t->as != SLUICE_AS_CRUN;
}

static struct sock_filter jump(uint16_t code, uint32_t k, unsigned jt, unsigned jf)
{
	return (struct sock_filter){
		(uint16_t)(BPF_JMP | code), (uint8_t)jt, (uint8_t)jf, k};
}

static struct sock_filter load(uint32_t offset)
{
	return (struct sock_filter){BPF_LD | BPF_W | BPF_ABS, 0, 0, offset};
}

/* A test of the number where only one of the two ABIs of x86_64 has a last one leaves the
 * other to the filter: no number is above this. */
static uint32_t bound(int64_t nr)
{
	return nr < 0 ? UINT32_MAX : (uint32_t)nr;
}

/* The arch is in the accumulator when a section begins, and the same where it is left. */
static unsigned put_section(struct sock_filter *to, const struct last *l)
{
	bool two = l->audit == SCMP_ARCH_X86_64;
	unsigned n = 0;

	to[n++] = jump(BPF_JEQ | BPF_K, l->audit, 0, two ? 4 : 2);
	to[n++] = load(offsetof(struct seccomp_data, nr));
	if (two)
		to[n++] = jump(BPF_JSET | BPF_K, X32_BIT, 1, 0);
	to[n++] = jump(BPF_JGT | BPF_K, bound(l->nr), 0, 0);
	if (two)
		to[n++] = jump(BPF_JGT | BPF_K, bound(l->x32), 0, 0);
	return n;
}

/* Past its last number a call gets the RET at @ret, else the filter behind that. */
static void set_targets(struct sock_filter *insns, unsigned n, unsigned ret)
{
	for (unsigned i = 0; i < n; i++) {
		if (insns[i].code != (BPF_JMP | BPF_JGT | BPF_K))
			continue;
		insns[i].jt = (uint8_t)(ret - i - 1);
		insns[i].jf = (uint8_t)(ret - i);
	}
}

static bool has(const uint32_t *arches, unsigned n, uint32_t arch)
{
	while (n > 0)
		if (arches[--n] == arch)
			return true;
	return false;
}

static int find_lasts(
	const struct sluice_profile *p, const struct sluice_target *t, struct lasts *l)
{
	uint32_t arches[SC_PROFILE_ARCHES];
	unsigned n = 0;
	int rc = sc_target_arches(p, t, arches, &n);

	if (rc)
		return rc;
	/* It holds on the machine's own as well, which runc took from the list alone once. */
	if (t->cutoff != SLUICE_CUTOFF_RUNTIME ? !n : t->as == SLUICE_AS_RUNC && !has(arches, n, t->arch))
		arches[n++] = t->arch;
	for (unsigned i = 0; i < n; i++) {
		struct last *last = last_of(l, arches[i]);

		if (t->cutoff == SLUICE_CUTOFF_KERNEL)
			find_in_kernel(t->cutoff_kernel, last, arches[i]);
		else
			find_in_profile(p, last, arches[i]);
	}
	return 0;
}

int sc_cutoff_program(const struct sluice_profile *p, const struct sluice_target *t,
	struct sock_filter insns[SC_CUTOFF_MAX], unsigned *count)
{
	struct lasts l = {.n = 0};
	unsigned n = 0;
	int rc = 0;

	*count = 0;
	if (!is_wanted(p, t))
		return 0;
	rc = find_lasts(p, t, &l);
	if (rc)
		return rc;
	insns[n++] = load(offsetof(struct seccomp_data, arch));
	for (unsigned i = 0; i < l.n; i++)
		if (l.items[i].nr >= 0 || l.items[i].x32 >= 0)
			n += put_section(insns + n, &l.items[i]);
	if (n == 1)
		return 0;
	insns[n++] = jump(BPF_JA, 1, 0, 0);
	set_targets(insns, n, n);
	insns[n++] =
		(struct sock_filter){BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS};
	*count = n;
	return 0;
}
