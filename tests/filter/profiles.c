/* Unions and intersections of real profiles: profiles DIRECTORY. The programs of each two profiles are merged, which
 * proves the result, and all three are run on calls whose arguments lie at and beside the constants of both.
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sluice-profile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/bpf.h"
#include "judge.h"

#define PROFILES_MAX 128
#define NUMBERS	     480 /* of calls of each ABI; all that are known, and some behind */
#define ROUNDS	     3	 /* of arguments, for each number */
#define PAIRS_MIN    100
#define STEP	     2 /* every second pair, or the test takes minutes */

struct real {
	char name[256];
	struct sock_fprog prog;
};

static struct real real[PROFILES_MAX];
static unsigned int n_real;

static uint64_t state = 1;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

/* For runc, on this machine, without capabilities. A profile that is for other machines only is left out. */
static void read_profile(const char *directory, const char *name)
{
	struct sluice_profile_options options = SLUICE_PROFILE_OPTIONS_INIT;
	struct sluice_target target = SLUICE_TARGET_INIT;
	struct real *r = &real[n_real];
	struct sluice_profile *profile = NULL;
	struct sock_filter *insns;
	unsigned int length;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(r->name, sizeof(r->name), "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && sluice_profile_read_fd(fd, &options, &profile) == 0 &&
		sluice_profile_program(profile, &target, &insns, &length) == 0) {
		r->prog = (struct sock_fprog){(unsigned short)length, insns};
		n_real++;
	} else {
		printf("# %s makes no filter here\n", name);
	}
	sluice_profile_free(profile);
	if (fd >= 0)
		close(fd);
}

static int is_profile(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && (strcmp(end, ".json") == 0 || strcmp(end, ".yaml") == 0);
}

static void read_profiles(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_profile, alphasort);

	for (int i = 0; i < n; i++) {
		if (n_real < PROFILES_MAX)
			read_profile(directory, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* A word at or beside a constant of one of the programs. */
static uint32_t word(const struct real *a, const struct real *b)
{
	const struct sock_fprog *prog = any() & 1 ? &a->prog : &b->prog;
	const struct sock_filter *insn = &prog->filter[any() % prog->len];

	switch (any() % 4) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)any();
	default:
		return insn->k + (uint32_t)(any() % 3) - 1;
	}
}

static uint32_t run(const struct sock_filter *insns, size_t count, const uint32_t words[16])
{
	return sc_bpf_run(insns, (uint32_t)count, words, NULL);
}

/* How many calls the merged program decides in another way than the two. */
static unsigned int wrong(enum sluice_merge how, const struct real *a, const struct real *b,
	const struct sock_filter *insns, size_t count)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64};
	unsigned int n = 0;

	for (unsigned int i = 0; i < 3 * 2 * NUMBERS * ROUNDS; i++) {
		struct seccomp_data d = {.arch = archs[i % 3]};
		uint32_t words[16], got, want;

		d.nr = (int)(i / 6 % NUMBERS) | (i / 3 % 2 ? 0x40000000 : 0);
		for (int k = 0; k < 6; k++)
			d.args[k] = (uint64_t)(any() % 3 ? 0 : word(a, b)) << 32 | word(a, b);
		sc_bpf_words(&d, false, words);
		got = run(insns, count, words);
		want = judge_together(how, run(a->prog.filter, a->prog.len, words),
			run(b->prog.filter, b->prog.len, words));
		if (got != want && !n++)
			printf("# arch 0x%x nr %d: 0x%x, not 0x%x\n", d.arch, d.nr, got, want);
	}
	return n;
}

static bool check(enum sluice_merge how, const struct real *a, const struct real *b)
{
	struct sluice_error error = {0};
	struct sock_filter *insns;
	size_t count;
	unsigned int bad;

	if (sluice_filter_merge(how, &a->prog, &b->prog, &insns, &count, &error)) {
		printf("# %s and %s: %s\n", a->name, b->name, error.message);
		return false;
	}
	bad = wrong(how, a, b, insns, count);
	if (bad)
		printf("# %s and %s: %u calls\n", a->name, b->name, bad);
	free(insns);
	return bad == 0;
}

int main(int argc, char **argv)
{
	unsigned int pairs = 0, number = 0, bad[2] = {0};

	if (argc != 2)
		return 2;
	read_profiles(argv[1]);
	if (!n_real) {
		printf("1..1\nok 1 - pairs of real profiles # SKIP there are none in %s\n", argv[1]);
		return 0;
	}
	for (unsigned int i = 0; i < n_real; i++)
		for (unsigned int j = 0; j < i; j++) {
			if (number++ % STEP)
				continue;
			pairs++;
			bad[0] += !check(SLUICE_MERGE_UNION, &real[i], &real[j]);
			bad[1] += !check(SLUICE_MERGE_INTERSECTION, &real[i], &real[j]);
		}
	printf("1..3\n%sok 1 - %u pairs of %u profiles\n", pairs < PAIRS_MIN ? "not " : "", pairs, n_real);
	printf("%sok 2 - each union is proved and decides as the two\n", bad[0] ? "not " : "");
	printf("%sok 3 - each intersection is proved and decides as the two\n", bad[1] ? "not " : "");
	for (unsigned int i = 0; i < n_real; i++)
		free(real[i].prog.filter);
	return pairs < PAIRS_MIN || bad[0] || bad[1];
}
