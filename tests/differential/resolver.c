/* Our answers to every name and number beside another libseccomp's, loaded with dlopen(3).
 *   resolver LIBRARY
 * Differences are listed, with a reason, in known-differences.md ("Resolver"): only what
 * stands in `known` below is let pass, and must then be there.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <limits.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"

static struct {
	const struct scmp_version *(*version)(void);
	uint32_t (*arch_name)(const char *);
	uint32_t (*native)(void);
	char *(*name)(uint32_t, int);
	int (*number)(uint32_t, const char *);
	int (*rewrite)(uint32_t, const char *);
	int (*native_number)(const char *);
} theirs;

/* Versions as major * 10000 + minor * 100 + micro, what the library says of itself. */
#define NEWER 999999

static const struct known {
	unsigned int first, last; /* the versions that differ */
	const char *arch, *name;  /* NULL arch: wherever it differs */
} known[] = {
	{20600, NEWER, "loongarch64", "memfd_secret"},
	{20504, 20504, "x32", "map_shadow_stack"},
	{20504, 20600, "parisc64", "_llseek"},
	{20504, 20504, NULL, "switch_endian"},
	{20504, 20504, NULL, "sys_debug_setcontext"},
};
/* Those that were looked at: there, a difference that is gone has to leave the list. */
static const unsigned int seen[] = {20504, 20600, 20601};
static bool met[sizeof(known) / sizeof(known[0])];
static char their_version[32];
static unsigned int their_number;
static int checks, failures, differences;

static bool applies(const struct known *k)
{
	return k->first <= their_number && their_number <= k->last;
}

static bool was_seen(void)
{
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (seen[i] == their_number)
			return true;
	return false;
}

static bool is_known(const char *arch, const char *name)
{
	if (!name)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!applies(&known[i]) ||
		    (known[i].arch && strcmp(known[i].arch, arch) != 0) ||
		    strcmp(known[i].name, name) != 0)
			continue;
		met[i] = true;
		return true;
	}
	return false;
}

/* A name that the other library knows nowhere: it is older than the call. */
static bool is_newer(const char *name)
{
	return name && theirs.native_number(name) == __NR_SCMP_ERROR &&
	       seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static void differ(const char *arch, const char *what, const char *ours, const char *other)
{
	if (is_known(arch, what) || is_newer(what))
		return;
	if (differences++ < 50)
		printf("# %s %s: ours %s, theirs %s\n", arch, what ? what : "NULL", ours,
		       other);
}

__attribute__((format(printf, 1, 2))) static void report(const char *format, ...)
{
	va_list args;

	failures += differences != 0;
	printf("%sok %d - ", differences ? "not " : "", ++checks);
	differences = 0;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void compare_name(const char *arch, uint32_t token, const char *name)
{
	int ours = seccomp_syscall_resolve_name_arch(token, name);
	int our_rewrite = seccomp_syscall_resolve_name_rewrite(token, name);
	int other = theirs.number(token, name), rewrite = theirs.rewrite(token, name);
	char a[40], b[40];

	if (ours == other && our_rewrite == rewrite)
		return;
	snprintf(a, sizeof(a), "%d/%d", ours, our_rewrite);
	snprintf(b, sizeof(b), "%d/%d", other, rewrite);
	differ(arch, name, a, b);
}

static void compare_number(const char *arch, uint32_t token, int nr)
{
	char *ours = seccomp_syscall_resolve_num_arch(token, nr);
	char *other = theirs.name(token, nr);

	if ((ours == NULL) != (other == NULL) || (ours && strcmp(ours, other) != 0)) {
		/* A number whose name is a known difference is the same difference. */
		if (!is_known(arch, other) || !is_known(arch, ours ? ours : other))
			differ(arch, ours ? ours : other, ours ? ours : "unknown",
			       other ? other : "unknown");
	}
	free(ours);
	free(other);
}

static void compare_arch(const char *arch, uint32_t token)
{
	static const char *const odd[] = {NULL,  "",      " read",      "read ",      "READ",
					  "nope", "SYS_read", "__NR_read", "oldwait4", "rea"};

	for (unsigned int row = 0; row < sc_syscall_count; row++)
		compare_name(arch, token, sc_syscall_name((int)row));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		compare_name(arch, token, odd[i]);
	report("%s %s: names", their_version, arch);

	for (int nr = -11000; nr < 7200; nr++)
		compare_number(arch, token, nr);
	for (int nr = 0x0effff; nr < 0x0f0040; nr++)
		compare_number(arch, token, nr);
	for (int nr = 0x40000000 - 3; nr < 0x40000000 + 1000; nr++)
		compare_number(arch, token, nr);
	compare_number(arch, token, INT_MAX);
	compare_number(arch, token, INT_MIN);
	report("%s %s: numbers", their_version, arch);
}

static bool open_library(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return false;
	theirs.version = dlsym(lib, "seccomp_version");
	theirs.arch_name = dlsym(lib, "seccomp_arch_resolve_name");
	theirs.native = dlsym(lib, "seccomp_arch_native");
	theirs.name = dlsym(lib, "seccomp_syscall_resolve_num_arch");
	theirs.number = dlsym(lib, "seccomp_syscall_resolve_name_arch");
	theirs.rewrite = dlsym(lib, "seccomp_syscall_resolve_name_rewrite");
	theirs.native_number = dlsym(lib, "seccomp_syscall_resolve_name");
	return theirs.version && theirs.arch_name && theirs.native && theirs.name &&
	       theirs.number && theirs.rewrite && theirs.native_number;
}

static void compare_all(void)
{
	static const char *const odd[] = {"", "X86", "native", "amd64", "x86_64 "};

	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *arch = sc_arch_at(i);
		uint32_t token = theirs.arch_name(arch->name);

		if (token == 0) {
			printf("ok %d - %s # SKIP %s does not know the architecture\n", ++checks,
			       arch->name, their_version);
			continue;
		}
		if (token != seccomp_arch_resolve_name(arch->name))
			differ(arch->name, NULL, "one token", "another");
		compare_arch(arch->name, token);
	}
	compare_arch("native", SCMP_ARCH_NATIVE);
	compare_arch("no such token", 12345);

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		if (theirs.arch_name(odd[i]) != seccomp_arch_resolve_name(odd[i]))
			differ(odd[i], NULL, "one token", "another");
	}
	if (theirs.arch_name(NULL) != seccomp_arch_resolve_name(NULL) ||
	    theirs.native() != seccomp_arch_native())
		differ("native", NULL, "one token", "another");
	report("%s: architecture names", their_version);
}

int main(int argc, char *argv[])
{
	const struct scmp_version *version;

	if (argc != 2) {
		printf("1..1\nok 1 - other library # SKIP none could be had\n");
		return 0;
	}
	if (!open_library(argv[1])) {
		printf("1..1\nnot ok 1 - %s\n", dlerror());
		return 1;
	}
	version = theirs.version();
	snprintf(their_version, sizeof(their_version), "%u.%u.%u", version->major,
		 version->minor, version->micro);
	their_number = version->major * 10000 + version->minor * 100 + version->micro;
	compare_all();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!applies(&known[i]) || !was_seen())
			continue;
		if (!met[i])
			differ(known[i].name, NULL, "listed as different", "the same");
		report("%s %s: still a known difference", their_version, known[i].name);
	}
	printf("1..%d\n", checks);
	return failures != 0;
}
