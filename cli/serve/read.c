/* A policy of "sluice serve" as a JSON document says it. All mistakes are said, not the
 * first. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "emulated.h"
#include "json.h"
#include "serve/serve.h"
#include "util/errnos.h"
#include "util/vec.h"

struct reading {
	struct serve *serve;
	const char *file;
	struct sc_json *doc;
	struct sc_json_error error;
	struct serve_policy *policy;
	uint32_t *mistakes;
};

/* Says r->error. Mistakes are counted, and reading goes on: 0. */
static int said(struct reading *r)
{
	cli_json_error(r->file, &r->error);
	++*r->mistakes;
	return 0;
}

static int unexpected(
	struct reading *r, const struct sc_json_token *t, const char *expected)
{
	sc_json_unexpected(r->doc, t, &r->error, expected);
	return said(r);
}

/* "found X, expected @expected (did you mean ...)". */
static int unknown(struct reading *r, const struct sc_json_token *t, const char *expected,
	const char *near)
{
	char text[384];

	snprintf(text, sizeof(text), "%s%s%s%s", expected,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return unexpected(r, t, text);
}

/* ---- calls ----------------------------------------------------------------------------
 */

static int add_rule(struct reading *r, const struct sc_json_token *t, const char *call,
	enum serve_kind kind, int64_t value)
{
	struct serve_policy *p = r->policy;

	if (serve_rule(p, call)) {
		sc_json_fail(r->doc, t, &r->error, "%s has a rule already", call);
		return said(r);
	}
	if (sc_reserve(p->rules, p->cap_rules, p->n_rules, 1) < 0)
		return -ENOMEM;
	p->rules[p->n_rules] = (struct serve_rule){strdup(call), kind, value};
	if (!p->rules[p->n_rules].call)
		return -ENOMEM;
	p->n_rules++;
	return 0;
}

/* The rule of a call that the policy names. */
static int add_call(struct reading *r, const struct sc_json_token *t,
	enum serve_kind kind, int64_t value)
{
	const char *name = sc_json_string(r->doc, t);

	if (!name)
		return unexpected(r, t, "the name of a system call");
	if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
		return unknown(r, t, "the name of a system call",
			cli_nearest_call(name, SCMP_ARCH_NATIVE));
	return add_rule(r, t, name, kind, value);
}

/* A name or a number. False: no errno. */
static bool errno_of(const struct reading *r, const struct sc_json_token *t, int *number)
{
	const char *name = sc_json_string(r->doc, t);
	uint64_t n;

	if (name)
		n = (uint64_t)sc_errno_number(name);
	else if (sc_json_u64(r->doc, t, &n))
		return false;
	if (n < 1 || n > 4095)
		return false;
	*number = (int)n;
	return true;
}

static const char *errno_name(const void *state, unsigned int i)
{
	(void)state;
	return i < sizeof(sc_errnos) / sizeof(sc_errnos[0]) ? sc_errnos[i].name : NULL;
}

static int bad_errno(struct reading *r, const struct sc_json_token *t)
{
	const char *name = sc_json_string(r->doc, t);

	return unknown(r, t, "the name of an errno, or 1 to 4095",
		name ? cli_nearest(name, errno_name, NULL) : NULL);
}

/* ---- sections: 0, or -ENOMEM
 * ----------------------------------------------------------- */

static int read_refuse(struct reading *r, const struct sc_json_token *section)
{
	int rc = 0;

	if (!sc_json_type_is(section, SC_JSON_OBJECT))
		return unexpected(r, section, "an object of calls and their errno");
	sc_json_each_member(section, key, value)
	{
		int number;

		if (rc)
			break;
		rc = errno_of(r, value, &number) ? add_call(r, key, SERVE_REFUSE, number)
						 : bad_errno(r, value);
	}
	return rc;
}

static int read_value(struct reading *r, const struct sc_json_token *section)
{
	int rc = 0;

	if (!sc_json_type_is(section, SC_JSON_OBJECT))
		return unexpected(r, section, "an object of calls and what they return");
	sc_json_each_member(section, key, value)
	{
		int64_t number;

		if (rc)
			break;
		/* The kernel takes -1 to -4095 for an errno. */
		if (sc_json_i64(r->doc, value, &number) ||
			(number < 0 && number >= -4095))
			rc = unexpected(r, value,
				"a whole number that is no negative errno (\"refuse\" "
				"has those)");
		else
			rc = add_call(r, key, SERVE_VALUE, number);
	}
	return rc;
}

static int read_allow(struct reading *r, const struct sc_json_token *section)
{
	int rc = 0;

	if (!sc_json_type_is(section, SC_JSON_ARRAY))
		return unexpected(r, section, "an array of calls");
	sc_json_each(section, t)
	{
		if (rc == 0)
			rc = add_call(r, t, SERVE_ALLOW, 0);
	}
	return rc;
}

#define FOLDER                                                                           \
	"an absolute path of a folder below \"/\", without \".\", \"..\" and a slash "   \
	"at "                                                                            \
	"the end"

/* An absolute path without "." and "..", and not "/" itself. */
static bool folder_ok(const char *path)
{
	if (!path || path[0] != '/' || !path[1] || strlen(path) > 1024)
		return false;
	for (const char *at = path; *at;) {
		size_t n = strcspn(++at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') ||
			(n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += n;
	}
	return true;
}

static int read_mkdir(struct reading *r, const struct sc_json_token *section)
{
	struct serve_policy *p = r->policy;
	int rc;

	if (!sc_json_type_is(section, SC_JSON_ARRAY))
		return unexpected(r, section, "an array of folders");
	sc_json_each(section, t)
	{
		const char *path = sc_json_string(r->doc, t);

		if (!folder_ok(path)) {
			unexpected(r, t, FOLDER);
			continue;
		}
		if (sc_reserve(p->folders, p->cap_folders, p->n_folders, 1) < 0)
			return -ENOMEM;
		p->folders[p->n_folders] = strdup(path);
		if (!p->folders[p->n_folders])
			return -ENOMEM;
		p->n_folders++;
	}
	rc = add_rule(r, section, "mkdir", SERVE_MKDIR, 0);
	return rc ? rc : add_rule(r, section, "mkdirat", SERVE_MKDIR, 0);
}

static const char *device_name(const void *state, unsigned int i)
{
	(void)state;
	return emulated_nodes[i].name;
}

static int read_mknod(struct reading *r, const struct sc_json_token *section)
{
	int rc;

	if (!sc_json_type_is(section, SC_JSON_ARRAY))
		return unexpected(r, section, "an array of devices");
	sc_json_each(section, t)
	{
		const char *name = sc_json_string(r->doc, t);
		int i = 0;

		while (emulated_nodes[i].name &&
			!sc_json_is(r->doc, t, emulated_nodes[i].name))
			i++;
		if (emulated_nodes[i].name)
			r->policy->devices |= 1u << i;
		else
			unknown(r, t,
				"null, zero, full, random, urandom, tty, console, "
				"whiteout, "
				"fifo, socket or file: other devices are not harmless",
				name ? cli_nearest(name, device_name, NULL) : NULL);
	}
	rc = add_rule(r, section, "mknod", SERVE_MKNOD, 0);
	return rc ? rc : add_rule(r, section, "mknodat", SERVE_MKNOD, 0);
}

static int read_type(struct reading *r, const struct sc_json_token *t)
{
	const char *type = sc_json_string(r->doc, t), *why;

	if (sc_json_is(r->doc, t, "tmpfs")) {
		r->policy->tmpfs = true;
		return 0;
	}
	why = type ? emulated_unsound(type) : NULL;
	if (why) {
		sc_json_fail(r->doc, t, &r->error,
			"%s cannot be mounted soundly for a container: %s", type, why);
		return said(r);
	}
	return unexpected(r, t, "tmpfs, the only type that can be mounted soundly");
}

static int add_volume(
	struct reading *r, const char *source, const char *path, bool writable)
{
	struct serve_policy *p = r->policy;
	struct serve_volume *v;

	if (sc_reserve(p->volumes, p->cap_volumes, p->n_volumes, 1) < 0)
		return -ENOMEM;
	v = &p->volumes[p->n_volumes];
	*v = (struct serve_volume){strdup(source), strdup(path), writable};
	p->n_volumes++;
	return v->source && v->path ? 0 : -ENOMEM;
}

/* "SOURCE": {"path": "/FOLDER", "writable": false} */
static int read_volume(struct reading *r, const struct sc_json_token *key,
	const struct sc_json_token *volume)
{
	const struct sc_json_token *path = sc_json_get(r->doc, volume, "path");
	const char *source = sc_json_string(r->doc, key);
	bool writable = false;

	if (!folder_ok(source))
		return unexpected(
			r, key, FOLDER ", which the container gives as the source");
	if (!sc_json_type_is(volume, SC_JSON_OBJECT))
		return unexpected(r, volume, "an object with \"path\"");
	if (!folder_ok(sc_json_string(r->doc, path)))
		return unexpected(r, path ? path : volume,
			path ? FOLDER : "an object with \"path\"");
	sc_json_each_member(volume, name, value)
	{
		if (value == path)
			continue;
		if (!sc_json_is(r->doc, name, "writable"))
			return unexpected(r, name, "path or writable");
		if (!sc_json_type_is(value, SC_JSON_TRUE) &&
			!sc_json_type_is(value, SC_JSON_FALSE))
			return unexpected(r, value, "true or false");
		writable = sc_json_type_is(value, SC_JSON_TRUE);
	}
	return add_volume(r, source, sc_json_text(r->doc, path), writable);
}

static int read_volumes(struct reading *r, const struct sc_json_token *volumes)
{
	int rc = 0;

	if (!sc_json_type_is(volumes, SC_JSON_OBJECT))
		return unexpected(r, volumes, "an object of sources and folders");
	sc_json_each_member(volumes, key, value)
	{
		if (rc == 0)
			rc = read_volume(r, key, value);
	}
	return rc;
}

static int read_mount(struct reading *r, const struct sc_json_token *section)
{
	const struct sc_json_token *types = sc_json_get(r->doc, section, "types");
	const struct sc_json_token *volumes = sc_json_get(r->doc, section, "volumes");
	int rc = 0;

	if (!sc_json_type_is(section, SC_JSON_OBJECT) || (!types && !volumes) ||
		(types && !sc_json_type_is(types, SC_JSON_ARRAY)))
		return unexpected(r, section,
			"an object with an array \"types\" or with \"volumes\"");
	sc_json_each_member(section, key, value)
	{
		bool size = sc_json_is(r->doc, key, "size");
		uint64_t *number = size ? &r->policy->mount_size : &r->policy->mounts;

		if (value == types || value == volumes)
			continue;
		if (!size && !sc_json_is(r->doc, key, "count"))
			unexpected(r, key, "types, volumes, size or count");
		else if (sc_json_u64(r->doc, value, number) || !*number)
			unexpected(r, value, "a whole number from 1");
	}
	if (types) {
		sc_json_each(types, t)
		{
			read_type(r, t);
		}
	}
	if (volumes)
		rc = read_volumes(r, volumes);
	return rc ? rc : add_rule(r, section, "mount", SERVE_MOUNT, 0);
}

static int read_limits(struct reading *r, const struct sc_json_token *section)
{
	struct serve_policy *p = r->policy;

	if (!sc_json_type_is(section, SC_JSON_OBJECT))
		return unexpected(r, section, "an object");
	sc_json_each_member(section, key, value)
	{
		bool pending = sc_json_is(r->doc, key, "max_pending");
		uint64_t *number = pending ? &p->max_pending : &p->per_second;

		if (sc_json_is(r->doc, key, "errno")) {
			if (!errno_of(r, value, &p->limit_errno))
				bad_errno(r, value);
		} else if (!pending && !sc_json_is(r->doc, key, "per_second")) {
			unexpected(r, key, "max_pending, per_second or errno");
		} else if (sc_json_u64(r->doc, value, number) || *number < 1 ||
			   *number > 1000000) {
			unexpected(r, value, "a whole number from 1 to 1000000");
		}
	}
	return 0;
}

static int read_sysinfo(struct reading *r, const struct sc_json_token *section)
{
	if (sc_json_type_is(section, SC_JSON_FALSE))
		return 0;
	if (!sc_json_type_is(section, SC_JSON_TRUE))
		return unexpected(r, section, "true or false");
	return add_rule(r, section, "sysinfo", SERVE_SYSINFO, 0);
}

static const struct section {
	const char *key;
	int (*read)(struct reading *r, const struct sc_json_token *section);
	const char *why; /* others emulate it, and this program does not */
} sections[] = {
	{"mkdir", read_mkdir, NULL},
	{"mknod", read_mknod, NULL},
	{"mount", read_mount, NULL},
	{"sysinfo", read_sysinfo, NULL},
	{"refuse", read_refuse, NULL},
	{"value", read_value, NULL},
	{"allow", read_allow, NULL},
	{"limits", read_limits, NULL},
	{"setxattr", NULL,
		"overlayfs and other programs of the host obey attributes of the class "
		"trusted"},
	{"bpf", NULL,
		"the kernel would load a program of the container with the rights of "
		"sluice"},
	{"sched_setscheduler", NULL,
		"it names a process by a number, which may be another one's by then; "
		"\"value\" can let it succeed and do nothing"},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define KNOWN	 (SECTIONS - 3)

static const char *section_name(const void *state, unsigned int i)
{
	(void)state;
	return i < KNOWN ? sections[i].key : NULL;
}

static int read_section(struct reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value)
{
	const char *name = sc_json_string(r->doc, key);

	for (size_t i = 0; i < SECTIONS; i++) {
		if (!sc_json_is(r->doc, key, sections[i].key))
			continue;
		if (sections[i].read)
			return sections[i].read(r, value);
		sc_json_fail(r->doc, value, &r->error,
			"%s cannot be made soundly for a container: %s", sections[i].key,
			sections[i].why);
		return said(r);
	}
	return unknown(r, key,
		"mkdir, mknod, mount, sysinfo, refuse, value, allow or limits",
		name ? cli_nearest(name, section_name, NULL) : NULL);
}

static int read_policy(struct reading *r)
{
	const struct sc_json_token *root = sc_json_root(r->doc);
	const struct sc_json_token *policy = sc_json_get(r->doc, root, "serve");
	int rc = 0;

	if (!sc_json_type_is(policy, SC_JSON_OBJECT))
		return unexpected(r, policy ? policy : root,
			policy ? "an object" : "an object with the key \"serve\"");
	sc_json_each_member(policy, key, value)
	{
		if (rc == 0)
			rc = read_section(r, key, value);
	}
	return rc;
}

int serve_read(struct serve *s, const char *file, const char *name, uint32_t *mistakes,
	struct serve_policy **policy)
{
	struct reading r = {.serve = s, .file = file, .mistakes = mistakes};
	uint32_t before = *mistakes;
	int rc;

	r.policy = calloc(1, sizeof(*r.policy));
	if (!r.policy)
		return -ENOMEM;
	atomic_init(&r.policy->refs, 1);
	snprintf(r.policy->name, sizeof(r.policy->name), "%s", name);
	r.policy->mount_size = 16 << 20;
	r.policy->mounts = 16;
	r.policy->limit_errno = EAGAIN;
	r.policy->counts = serve_counts(s, name);
	rc = r.policy->counts ? cli_json_read(file, &r.error, &r.doc) : -ENOMEM;
	if (rc == 0)
		rc = read_policy(&r);
	else if (rc != -ENOMEM)
		rc = said(&r);
	sc_json_free(r.doc);
	if (rc || *mistakes != before) {
		serve_policy_unref(r.policy);
		return rc;
	}
	*policy = r.policy;
	return 0;
}
