/* Calls beside each other: what one refuses and another lets through, what programs
 * cannot do without.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <errno.h>
#include <sluice-calls.h>
#include <stdio.h>
#include <string.h>

/* Ways out of a container, and what widens bugs of the kernel. */
static const char *const dangerous[] = {"acct", "bpf", "delete_module", "finit_module",
	"init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "move_mount",
	"mount", "mount_setattr", "open_by_handle_at", "open_tree", "perf_event_open",
	"pivot_root", "process_vm_writev", "ptrace", "quotactl", "reboot", "setns",
	"swapoff", "swapon", "umount2", "unshare", "userfaultfd", "add_key", "keyctl",
	"request_key", "fsopen", "fsmount", NULL};

static bool is_dangerous(const char *name)
{
	const char *const *known = dangerous;

	while (*known && strcmp(*known, name) != 0)
		known++;
	return *known;
}

/* Where something is said of the profile as a whole. */
static void say(struct sc_lint *l, enum sluice_severity severity, const char *rule,
	struct sc_words_of words, const char *text)
{
	sc_lint_say(l, severity, rule, NULL, l->p->action.at, "defaultAction", words,
		"%s", text);
}

/* The first use of a call that is permitted, or NULL. */
static const struct sc_use *permitting(const struct sc_lint *l, const char *name)
{
	uint32_t n;
	const struct sc_use *uses = sc_lint_uses(l, name, &n);

	for (uint32_t i = 0; i < n; i++)
		if (sc_is_permissive(sc_action_value(&uses[i].entry->action)))
			return &uses[i];
	return NULL;
}

static void say_of_call(struct sc_lint *l, enum sluice_severity severity,
	const char *rule, const char *name, struct sc_words_of words, const char *text)
{
	uint32_t n;
	const struct sc_use *use = permitting(l, name), *uses = sc_lint_uses(l, name, &n);
	char rest[32];

	use = use ? use : uses;
	if (!use) {
		say(l, severity, rule, words, text);
		return;
	}
	snprintf(rest, sizeof(rest), ".names[%u]", use->index);
	sc_lint_say(l, severity, rule, use->entry, use->entry->names.places[use->index],
		rest, words, "%s", text);
}

/* ---- what every program needs
 * ---------------------------------------------------------- */

static void check_ends(struct sc_lint *l)
{
	static const char *const needed[] = {"exit", "exit_group", "rt_sigreturn", NULL};

	for (const char *const *name = needed; *name; name++) {
		char text[96];

		if (sc_lint_verdict(l, *name) == SC_PERMITTED)
			continue;
		snprintf(text, sizeof(text), "found no permission for %s", *name);
		say_of_call(l, SLUICE_ERROR, "end-missing", *name,
			(struct sc_words_of){
				"threads cannot end, or cannot come back from a signal",
				"allow it"},
			text);
	}
}

static void check_vdso(struct sc_lint *l)
{
	static const char *const names[] = {
		"clock_gettime", "clock_getres", "gettimeofday", "time", "getcpu", NULL};

	for (const char *const *name = names; *name; name++) {
		int nr;
		char text[128];

		if (sluice_call_nr(l->t.arch, *name, &nr) ||
			sc_lint_verdict(l, *name) != SC_REFUSED)
			continue;
		snprintf(text, sizeof(text), "found no permission for %s", *name);
		say_of_call(l, SLUICE_WARNING, "vdso-missing", *name,
			(struct sc_words_of){"programs call it without the kernel where "
					     "the clock allows that; on "
					     "another machine, or in a virtual one, it "
					     "is a system call",
				"allow it"},
			text);
	}
}

/* ---- clone3
 * ---------------------------------------------------------------------------- */

/* The errno that a call gets where it is refused; 0: it is not, or is killed. */
static uint32_t errno_of(const struct sc_lint *l, const char *name)
{
	uint32_t n, action = l->action;
	const struct sc_use *uses = sc_lint_uses(l, name, &n);

	for (uint32_t i = n; i--;)
		if (!uses[i].entry->n_args &&
			sc_action_value(&uses[i].entry->action) != l->action)
			action = sc_action_value(&uses[i].entry->action);
	return (action & 0xffff0000) == SCMP_ACT_ERRNO(0) ? action & 0xffff : 0;
}

static void check_clone3(struct sc_lint *l)
{
	enum sc_verdict clone = sc_lint_verdict(l, "clone"),
			clone3 = sc_lint_verdict(l, "clone3");
	uint32_t number = errno_of(l, "clone3");

	if (clone != SC_REFUSED && clone3 == SC_REFUSED && number && number != ENOSYS)
		say_of_call(l, SLUICE_WARNING, "clone3-errno", "clone3",
			(struct sc_words_of){"the C library takes clone in place of "
					     "clone3 when it gets ENOSYS, and gives "
					     "up with any other errno",
				"let clone3 fail with errno 38 (ENOSYS)"},
			"found clone3 refused with another errno than ENOSYS");
	if (clone == SC_PARTLY && clone3 == SC_PERMITTED)
		say_of_call(l, SLUICE_ERROR, "clone3-open", "clone3",
			(struct sc_words_of){"its flags are in memory, where no filter "
					     "sees them: it does what the "
					     "comparisons of clone refuse",
				"let clone3 fail with errno 38 (ENOSYS)"},
			"found clone3 permitted, and clone with conditions alone");
}

/* ---- io_uring
 * -------------------------------------------------------------------------- */

static void check_io_uring(struct sc_lint *l)
{
	static const char *const done[] = {"openat", "openat2", "socket", "connect",
		"accept", "accept4", "bind", "sendmsg", "recvmsg", "unlinkat", "renameat",
		"mkdirat", "symlinkat", "linkat", "statx", "fsetxattr", "setxattr",
		"epoll_ctl", "madvise", NULL};
	const char *found = NULL;
	char text[128];

	if (sc_lint_verdict(l, "io_uring_setup") == SC_REFUSED ||
		sc_lint_verdict(l, "io_uring_enter") == SC_REFUSED)
		return;
	for (const char *const *name = done; *name && !found; name++)
		if (sc_lint_verdict(l, *name) != SC_PERMITTED)
			found = *name;
	if (!found)
		return;
	snprintf(text, sizeof(text), "found io_uring permitted, and %s not", found);
	say_of_call(l, SLUICE_ERROR, "io-uring-open", "io_uring_setup",
		(struct sc_words_of){
			"io_uring does it without a system call of that name",
			"refuse io_uring_setup, io_uring_enter and io_uring_register"},
		text);
}

/* ---- siblings
 * ---------------------------------------------------------------------------- */

/* A call that is refused (or decided by its arguments) while another that does the same
 * is not: one of each kind is named. */
static void check_open_siblings(struct sc_lint *l, const struct sc_use *use)
{
	bool said[3] = {false};

	if (!l->permissive || sc_lint_verdict(l, use->name) == SC_PERMITTED)
		return;
	for (unsigned i = 0; i < l->n_arches; i++) {
		enum sluice_sibling_kind kind;
		unsigned at = 0;
		const char *other;
		char rest[32];

		while ((other = sluice_sibling_next(
				l->arches[i], use->name, &at, &kind))) {
			bool abi = kind == SLUICE_SIBLING_ABI;

			if (said[abi] || sc_lint_verdict(l, other) != SC_PERMITTED)
				continue;
			said[abi] = true;
			snprintf(rest, sizeof(rest), ".names[%u]", use->index);
			sc_lint_say(l, SLUICE_ERROR, abi ? "abi-hole" : "sibling-open",
				use->entry, use->entry->names.places[use->index], rest,
				(struct sc_words_of){"it does the same", "refuse both"},
				"found %s refused, and %s of %s not", use->name, other,
				sc_arch_profile_name(l->arches[i]));
		}
	}
}

/* Where calls are refused unless they are listed: programs fail that take the other one.
 */
static void check_missing_siblings(struct sc_lint *l, const struct sc_use *use)
{
	enum sluice_sibling_kind kind;
	unsigned at = 0;
	const char *other;

	if (l->permissive || sc_lint_verdict(l, use->name) != SC_PERMITTED ||
		errno_of(l, "no such call") == ENOSYS)
		return;
	while ((other = sluice_sibling_next(l->t.arch, use->name, &at, &kind))) {
		char text[192], rest[32];
		int nr;

		if (sluice_call_nr(l->t.arch, other, &nr) || nr < 0 ||
			is_dangerous(other) || sc_lint_verdict(l, other) != SC_REFUSED ||
			errno_of(l, other) == ENOSYS)
			continue;
		snprintf(text, sizeof(text), "found %s permitted, and %s refused",
			use->name, other);
		snprintf(rest, sizeof(rest), ".names[%u]", use->index);
		sc_lint_say(l, SLUICE_NOTE, "sibling-missing", use->entry,
			use->entry->names.places[use->index], rest,
			(struct sc_words_of){"another version of the C library takes the "
					     "other one, and gives up "
					     "unless that fails with ENOSYS",
				"allow both"},
			"%s", text);
		return;
	}
}

/* ---- dangerous calls
 * ---------------------------------------------------------------------- */

static void check_dangerous(struct sc_lint *l)
{
	for (const char *const *name = dangerous; *name; name++) {
		const struct sc_use *use = permitting(l, *name);
		uint32_t n;
		char text[96];
		int nr;

		if (sluice_call_nr(l->t.arch, *name, &nr) ||
			sc_lint_verdict(l, *name) != SC_PERMITTED)
			continue;
		/* Permitted for a capability that the container has: meant so. */
		if (use &&
			(use->entry->includes.caps.n || use->entry->includes.min_kernel))
			continue;
		if (!use && sc_lint_uses(l, *name, &n))
			continue;
		snprintf(text, sizeof(text),
			"found %s permitted whatever its arguments are", *name);
		say_of_call(l, SLUICE_WARNING, "dangerous", *name,
			(struct sc_words_of){"it is a way out of a container, or widens "
					     "what bugs of the kernel give",
				"refuse it, or permit it for a capability"},
			text);
	}
}

void sc_lint_calls(struct sc_lint *l)
{
	check_ends(l);
	check_vdso(l);
	check_clone3(l);
	check_io_uring(l);
	check_dangerous(l);
	for (uint32_t i = 0; i < l->n_uses; i++) {
		if (i && !strcmp(l->uses[i].name, l->uses[i - 1].name))
			continue;
		check_open_siblings(l, &l->uses[i]);
		check_missing_siblings(l, &l->uses[i]);
	}
}
