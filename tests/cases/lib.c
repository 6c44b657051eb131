/* Loads a libseccomp and runs what it exports.
 * SPDX-License-Identifier: MIT */
#include "lib.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* No kernel says which actions it knows where user programs are emulated: all of them. */
static void know_every_action(const struct lib *lib)
{
	int (*set)(unsigned int level);

	*(void **)&set = dlsym(lib->handle, "seccomp_api_set");
	if (prctl(PR_GET_SECCOMP) < 0 && set)
		set(7);
}

bool lib_open(struct lib *lib, const char *path)
{
	const struct {
		void *slot;
		const char *name;
		bool since_26;
	} symbols[] = {
		{&lib->version, "seccomp_version", false},
		{&lib->init, "seccomp_init", false},
		{&lib->release, "seccomp_release", false},
		{&lib->reset, "seccomp_reset", false},
		{&lib->arch_add, "seccomp_arch_add", false},
		{&lib->arch_remove, "seccomp_arch_remove", false},
		{&lib->arch_exist, "seccomp_arch_exist", false},
		{&lib->rule_add, "seccomp_rule_add_array", false},
		{&lib->rule_exact, "seccomp_rule_add_exact_array", false},
		{&lib->attr_set, "seccomp_attr_set", false},
		{&lib->attr_get, "seccomp_attr_get", false},
		{&lib->priority, "seccomp_syscall_priority", false},
		{&lib->merge, "seccomp_merge", false},
		{&lib->export_bpf, "seccomp_export_bpf", false},
		{&lib->export_pfc, "seccomp_export_pfc", false},
		{&lib->load, "seccomp_load", false},
		{&lib->resolve_name, "seccomp_syscall_resolve_name", false},
		{&lib->resolve_name_arch, "seccomp_syscall_resolve_name_arch", false},
		{&lib->resolve_num_arch, "seccomp_syscall_resolve_num_arch", false},
		{&lib->export_mem, "seccomp_export_bpf_mem", true},
		{&lib->begin, "seccomp_transaction_start", true},
		{&lib->reject, "seccomp_transaction_reject", true},
		{&lib->commit, "seccomp_transaction_commit", true},
		{&lib->precompute, "seccomp_precompute", true},
	};

	*lib = (struct lib){.path = path};
	lib->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle) {
		fprintf(stderr, "%s\n", dlerror());
		return false;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *symbol = dlsym(lib->handle, symbols[i].name);

		if (!symbol && !symbols[i].since_26) {
			fprintf(stderr, "%s: no %s\n", path, symbols[i].name);
			return false;
		}
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	know_every_action(lib);
	return true;
}

int lib_export(const struct lib *lib, scmp_filter_ctx ctx, struct program *out)
{
	static int fd = -1; /* kept: a memfd for each of a million programs is slow */
	struct stat st;
	int rc;

	*out = (struct program){0};
	if (fd < 0)
		fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return -errno;
	rc = lib->export_bpf(ctx, fd);
	if (rc)
		return rc;
	if (fstat(fd, &st))
		return -errno;
	out->insns = malloc((size_t)st.st_size + 1);
	if (!out->insns || pread(fd, out->insns, (size_t)st.st_size, 0) != st.st_size)
		abort();
	out->len = (uint32_t)((size_t)st.st_size / sizeof(*out->insns));
	return 0;
}

/* struct seccomp_data as a machine of that byte order has it in memory, word by word. */
static void fill_words(bool big_endian, uint32_t audit, uint32_t nr, const uint64_t args[6],
	uint32_t words[16])
{
	memset(words, 0, 16 * sizeof(*words));
	words[0] = nr;
	words[1] = audit;
	for (unsigned int i = 0; i < 6; i++) {
		words[4 + 2 * i + !!big_endian] = (uint32_t)args[i];
		words[4 + 2 * i + !big_endian] = (uint32_t)(args[i] >> 32);
	}
}

bool program_run(const struct program *prog, bool big_endian, uint32_t audit, uint32_t nr,
	const uint64_t args[6], uint32_t *verdict)
{
	const bool swap = is_foreign_order(big_endian);
	uint32_t words[16], acc = 0;

	fill_words(big_endian, audit, nr, args, words);
	for (uint32_t pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *i = &prog->insns[pc];
		uint32_t k = swap ? __builtin_bswap32(i->k) : i->k;
		uint16_t code = swap ? __builtin_bswap16(i->code) : i->code;
		bool taken;

		switch (code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (k >= sizeof(words) || k & 3)
				return false;
			acc = words[k / 4];
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= k;
			continue;
		case BPF_RET | BPF_K:
			*verdict = k;
			return true;
		case BPF_JMP | BPF_JA:
			if (k >= prog->len)
				return false;
			pc += k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = acc == k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = acc > k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = acc >= k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			taken = acc & k;
			break;
		default:
			return false;
		}
		pc += taken ? i->jt : i->jf;
	}
	return false;
}
