/* Handlers by name on 32-bit ABIs: what does the same under another name is met, too. The
 * tables of handlers are looked at, so that no kernel that runs such programs is needed.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "tap.h"

#include "sluice-calls.h"

static int first(struct sluice_request *req, void *data)
{
	return req || data ? 0 : 1;
}

static int second(struct sluice_request *req, void *data)
{
	return req || data ? 0 : 2;
}

static sluice_handler who(const struct handlers *h, uint32_t arch, const char *name)
{
	int nr;

	CHECK_EQ(sluice_call_nr(arch, name, &nr), 0);
	return sc_core_find(h, arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch, nr)->call;
}

static const struct {
	const char *name, *met;
} pairs[] = {{"chown", "chown32"}, {"lchown", "lchown32"}, {"fchown", "fchown32"},
	{"setuid", "setuid32"}, {"setgid", "setgid32"}, {"setresuid", "setresuid32"},
	{"setgroups", "setgroups32"}, {"getuid", "getuid32"}, {"stat", "stat64"},
	{"lstat", "lstat64"}, {"fstat", "fstat64"}, {"newfstatat", "fstatat64"},
	{"fcntl", "fcntl64"}, {"lseek", "_llseek"}, {"truncate", "truncate64"},
	{"ftruncate", "ftruncate64"}, {"mmap", "mmap2"}, {"select", "_newselect"},
	{"sendfile", "sendfile64"}, {"futex", "futex_time64"}, {"ppoll", "ppoll_time64"},
	{"clock_settime", "clock_settime64"}, {"utimensat", "utimensat_time64"},
	{"recvmmsg", "recvmmsg_time64"}, {"semtimedop", "semtimedop_time64"}};

/* The naive handler, by the number that the name has, is the control: it misses each. */
static void every_pair(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct sluice_supervisor *naive = new_supervisor(NULL);
		struct handlers h = {0};

		sluice_on(naive, SCMP_ARCH_X86,
			seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, pairs[i].name), first,
			NULL);
		CHECK(!who(&naive->handlers, SCMP_ARCH_X86, pairs[i].met));
		CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, pairs[i].name, first, NULL), 0);
		if (who(&h, SCMP_ARCH_X86, pairs[i].met) != first)
			printf("# %s does not meet %s\n", pairs[i].name, pairs[i].met);
		CHECK(who(&h, SCMP_ARCH_X86, pairs[i].met) == first);
		CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, pairs[i].name, NULL, NULL), 0);
		CHECK(!who(&h, SCMP_ARCH_X86, pairs[i].met));
		free(h.slots);
		sluice_supervisor_free(naive);
	}
}

/* Every sibling of kind ABI in the tables, on every kernel that runs 32-bit programs. */
static void every_kernel(void)
{
	static const uint32_t kernels[][2] = {{SCMP_ARCH_X86_64, SCMP_ARCH_X86},
		{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM}, {SCMP_ARCH_PPC64, SCMP_ARCH_PPC},
		{SCMP_ARCH_S390X, SCMP_ARCH_S390}, {SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS},
		{SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32}, {SCMP_ARCH_ARM, SCMP_ARCH_ARM},
		{SCMP_ARCH_X86, SCMP_ARCH_X86}, {SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC}};

	for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++) {
		unsigned calls = 0, met = 0;
		const char *name, *other;

		while ((name = sluice_call_next(kernels[k][1], &calls))) {
			enum sluice_sibling_kind kind;
			struct handlers h = {0};
			unsigned siblings = 0;

			CHECK_EQ(sc_target_on_name(&h, kernels[k][0], name, first, NULL), 0);
			CHECK(who(&h, kernels[k][1], name) == first);
			while ((other = sluice_sibling_next(
					kernels[k][1], name, &siblings, &kind))) {
				CHECK(who(&h, kernels[k][1], other) ==
					(kind == SLUICE_SIBLING_ABI ? first : NULL));
				met += kind == SLUICE_SIBLING_ABI;
			}
			free(h.slots);
		}
		CHECK(met > 20);
	}
}

/* A name of 64-bit programs that a 32-bit kernel does not have, and something that does the same. */
static void other_name_only(void)
{
	static const uint32_t arches[][2] = {{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
		{SCMP_ARCH_RISCV64, SCMP_ARCH_X86}, {SCMP_ARCH_X86_64, SCMP_ARCH_ARM}};

	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		unsigned calls = 0, met = 0;
		const char *name, *other;

		while ((name = sluice_call_next(arches[i][0], &calls))) {
			enum sluice_sibling_kind kind;
			struct handlers h = {0};
			unsigned siblings = 0, mine = 0;
			int nr;

			if (sluice_call_nr(arches[i][1], name, &nr) == 0)
				continue;
			while ((other = sluice_sibling_next(arches[i][1], name, &siblings, &kind)))
				mine += kind == SLUICE_SIBLING_ABI;
			CHECK_EQ(sc_target_on_name(&h, arches[i][1], name, first, NULL), mine ? 0 : -ENOENT);
			siblings = 0;
			while ((other = sluice_sibling_next(arches[i][1], name, &siblings, &kind)))
				if (kind == SLUICE_SIBLING_ABI)
					CHECK(who(&h, arches[i][1], other) == first);
			met += mine;
			free(h.slots);
		}
		CHECK(met > 0);
	}
}

/* Who asked for the call itself comes first, whatever the order; what is left serves. */
static void precedence(void)
{
	struct handlers h = {0};

	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "chown32", second, NULL), 0);
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "chown", first, NULL), 0);
	CHECK(who(&h, SCMP_ARCH_X86, "chown32") == second);
	CHECK(who(&h, SCMP_ARCH_X86, "chown") == first);
	CHECK(who(&h, SCMP_ARCH_X86_64, "chown") == first);
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "chown", NULL, NULL), 0);
	CHECK(who(&h, SCMP_ARCH_X86, "chown32") == second);
	CHECK(who(&h, SCMP_ARCH_X86, "chown") == second); /* chown32's sibling, in its turn */
	CHECK(!who(&h, SCMP_ARCH_X86_64, "chown"));
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "chown", first, NULL), 0);
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "chown32", NULL, NULL), 0);
	CHECK(who(&h, SCMP_ARCH_X86, "chown32") == first);
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "no_such_call", first, NULL), -ENOENT);
	free(h.slots);
}

/* A newer form is another call: openat2 has its own handler or none. */
static void not_newer(void)
{
	struct handlers h = {0};

	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "openat", first, NULL), 0);
	CHECK(!who(&h, SCMP_ARCH_X86, "openat2"));
	CHECK(!who(&h, SCMP_ARCH_X86_64, "openat2"));
	CHECK_EQ(sc_target_on_name(&h, SCMP_ARCH_X86_64, "getdents", first, NULL), 0);
	CHECK(!who(&h, SCMP_ARCH_X86_64, "getdents64"));
	free(h.slots);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"calls of x86 that do the same are met, by their number alone missed", every_pair},
	{"every sibling on every kernel that runs 32-bit programs", every_kernel},
	{"a name that an ABI does not have, and another that does the same", other_name_only},
	{"a handler of the call itself comes first, in any order", precedence},
	{"newer forms and 64-bit ABIs are met by their own names only", not_newer},
	{NULL, NULL}};
