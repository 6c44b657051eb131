/* A policy as a JSON document says it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "policy.h"
#include "util/cleanup.h"

struct reading {
	struct policy *policy;
	const char *file;
	struct sc_json *doc;
	struct sc_json_error error;
};

#define WHERE_MAX 512
#define VARIABLE  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* FILE:LINE:COLUMN, as errors have it. */
static void place(
	const struct reading *r, const struct sc_json_token *t, char where[WHERE_MAX])
{
	snprintf(where, WHERE_MAX, "%.450s:%u:%u", r->file, t->line, t->column);
}

static int unexpected(
	struct reading *r, const struct sc_json_token *t, const char *expected)
{
	sc_json_unexpected(r->doc, t, &r->error, expected);
	return cli_json_error(r->file, &r->error);
}

/* ---- folders that have names --------------------------------------------------------
 */

static const char *folder(const char *name, size_t n)
{
	static char cwd[4096];
	const char *value;

	if (n == 7 && strncmp(name, "PROJECT", n) == 0)
		return getcwd(cwd, sizeof(cwd));
	if (n == 4 && strncmp(name, "HOME", n) == 0)
		return getenv("HOME");
	if (n == 6 && strncmp(name, "TMPDIR", n) == 0) {
		value = getenv("TMPDIR");
		return value && *value ? value : "/tmp";
	}
	return NULL;
}

/* "$HOME/.ssh" with the folder in place of its name. */
static int expand(
	struct reading *r, const struct sc_json_token *t, bool optional, char **path)
{
	const char *text = sc_json_string(r->doc, t), *base;
	size_t n;

	if (text && optional)
		text++;
	if (!text || !*text)
		return unexpected(r, t, "a path");
	if (*text != '$') {
		*path = strdup(text);
		return *path ? 0 : cli_error(r->policy->cli, "%s", strerror(ENOMEM));
	}
	n = strcspn(text + 1, "/");
	base = folder(text + 1, n);
	if (!base || *base != '/') {
		sc_json_fail(r->doc, t, &r->error,
			"\"%.*s\" is no folder here: $HOME, $PROJECT (where sluice was "
			"started) and $TMPDIR are known, if they are absolute paths",
			(int)n + 1, text);
		return cli_json_error(r->file, &r->error);
	}
	if (asprintf(path, "%s%s", base, text + 1 + n) < 0) {
		*path = NULL;
		return cli_error(r->policy->cli, "%s", strerror(ENOMEM));
	}
	return 0;
}

/* ---- sections -----------------------------------------------------------------------
 */

/* What an element of each list is, and the rule that it makes. */
enum element {
	PATH,
	PEER,
	PORT,
	CALL,
	LIMIT,
	GRANT
};

static const struct list {
	const char *section, *key;
	enum element element;
	unsigned int how; /* enum policy_access, policy_verdict or policy_gift */
} lists[] = {
	{"files", "read", PATH, POLICY_READ},
	{"files", "write", PATH, POLICY_WRITE},
	{"files", "execute", PATH, POLICY_EXECUTE},
	{"files", "hide", PATH, POLICY_HIDE},
	{"files", "unix", PATH, POLICY_SOCKET},
	{"network", "connect", PEER, 0},
	{"network", "bind", PORT, 0},
	{"calls", "allow", CALL, POLICY_ALLOW},
	{"calls", "deny", CALL, POLICY_DENY},
	{"calls", "log", CALL, POLICY_LOG},
	{"calls", "ask", CALL, POLICY_ASK},
	{"calls", "limit", LIMIT, 0},
	{"grants", "mknod", GRANT, POLICY_NODE},
	{"grants", "mount", GRANT, POLICY_MOUNT},
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

/* "?PATH" is left out where there is no such file. */
static int add_path(struct reading *r, const struct sc_json_token *t,
	enum policy_access how, const char *where)
{
	_cleanup_free_ char *path = NULL;
	bool optional = *sc_json_text(r->doc, t) == '?';
	int rc = expand(r, t, optional, &path);

	if (!path || (optional && access(path, F_OK)))
		return rc;
	return policy_add_path(r->policy, how, path, where);
}

static int add_port(struct reading *r, const struct sc_json_token *t, const char *where)
{
	uint64_t port;
	char text[8];

	if (sc_json_u64(r->doc, t, &port) || port > 65535)
		return unexpected(r, t, "a port, from 0 to 65535");
	snprintf(text, sizeof(text), "%u", (unsigned int)port);
	return policy_add_bind(r->policy, text, where);
}

static int add_element(
	struct reading *r, const struct list *list, const struct sc_json_token *t)
{
	const char *text = sc_json_string(r->doc, t);
	char where[WHERE_MAX];

	place(r, t, where);
	if (list->element == PORT)
		return add_port(r, t, where);
	if (!text)
		return unexpected(r, t, "a string");
	switch (list->element) {
	case PATH:
		return add_path(r, t, (enum policy_access)list->how, where);
	case PEER:
		return policy_add_connect(r->policy, text, where);
	case LIMIT:
		return policy_add_limit(r->policy, text, where);
	case GRANT:
		return policy_add_grant(
			r->policy, (enum policy_gift)list->how, text, where);
	default:
		return policy_add_call(
			r->policy, (enum policy_verdict)list->how, text, where);
	}
}

static int read_member(struct reading *r, const char *section,
	const struct sc_json_token *key, const struct sc_json_token *value)
{
	char where[WHERE_MAX];
	uint64_t seconds;
	int rc = 0;

	place(r, value, where);
	if (strcmp(section, "calls") == 0 && sc_json_is(r->doc, key, "errno"))
		return sc_json_string(r->doc, value)
			       ? policy_set_errno(
					 r->policy, sc_json_text(r->doc, value), where)
			       : unexpected(r, value, "the name of an errno");
	if (strcmp(section, "calls") == 0 && sc_json_is(r->doc, key, "ask_seconds"))
		return sc_json_u64(r->doc, value, &seconds)
			       ? unexpected(r, value, "a number of seconds")
			       : policy_set_ask_seconds(r->policy, seconds, where);
	if (strcmp(section, "grants") == 0 && sc_json_is(r->doc, key, "fake_root")) {
		if (sc_json_type_is(value, SC_JSON_FALSE))
			return 0;
		return sc_json_type_is(value, SC_JSON_TRUE)
			       ? policy_add_grant(r->policy, POLICY_ROOT, "", where)
			       : unexpected(r, value, "true or false");
	}
	for (size_t i = 0; i < LISTS; i++) {
		if (strcmp(section, lists[i].section) != 0 ||
			!sc_json_is(r->doc, key, lists[i].key))
			continue;
		if (!sc_json_type_is(value, SC_JSON_ARRAY))
			return unexpected(r, value, "an array");
		sc_json_each(value, t)
		{
			if (!rc)
				rc = add_element(r, &lists[i], t);
		}
		return rc;
	}
	return unexpected(r, key,
		strcmp(section, "files") == 0	  ? "read, write, execute, hide or unix"
		: strcmp(section, "network") == 0 ? "connect or bind"
		: strcmp(section, "grants") == 0
			? "mknod, mount or fake_root"
			: "allow, deny, log, limit, ask, ask_seconds or errno");
}

static int read_variable(struct reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value)
{
	const char *name = sc_json_string(r->doc, key);
	const char *given = sc_json_string(r->doc, value);
	_cleanup_free_ char *text = NULL;
	char where[WHERE_MAX];
	int rc;

	if (!name || !*name || strspn(name, VARIABLE) != strlen(name) ||
		(*name >= '0' && *name <= '9'))
		return unexpected(
			r, key, "the name of a variable: letters, digits and _");
	if (strcmp(name, "HOME") == 0 || strcmp(name, "TMPDIR") == 0)
		return unexpected(r, key,
			"another variable: paths of rules begin with what this one is "
			"for sluice");
	if (!given || !*given)
		return unexpected(r, value, "a string that is not empty, without NUL");
	place(r, value, where);
	rc = expand(r, value, false, &text);
	return rc ? rc : policy_add_variable(r->policy, name, text, where);
}

static int read_section(struct reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value)
{
	static const char *const sections[] = {
		"files", "network", "calls", "grants", "environment"};

	for (int i = 0; i < 5; i++) {
		int rc = 0;

		if (!sc_json_is(r->doc, key, sections[i]))
			continue;
		if (!sc_json_type_is(value, SC_JSON_OBJECT))
			return unexpected(r, value, "an object");
		/* Without a member it closes the network. */
		if (i == 1)
			r->policy->network = true;
		sc_json_each_member(value, name, member)
		{
			if (!rc)
				rc = i == 4 ? read_variable(r, name, member)
					    : read_member(r, sections[i], name, member);
		}
		return rc;
	}
	return unexpected(r, key, "files, network, calls, grants or environment");
}

static int read_policy(struct reading *r, const struct sc_json_token *holder)
{
	const struct sc_json_token *policy = sc_json_get(r->doc, holder, "sluice");
	int rc = 0;

	if (!sc_json_type_is(policy, SC_JSON_OBJECT))
		return unexpected(r, policy ? policy : holder,
			policy ? "an object" : "an object with the key \"sluice\"");
	sc_json_each_member(policy, key, value)
	{
		if (!rc)
			rc = read_section(r, key, value);
	}
	return rc;
}

int policy_read(struct policy *p, const char *file)
{
	struct reading r = {.policy = p, .file = file};
	int rc = cli_json_read(file, &r.error, &r.doc);

	if (rc)
		return cli_json_error(file, &r.error);
	rc = read_policy(&r, sc_json_root(r.doc));
	sc_json_free(r.doc);
	return rc;
}

/* ---- presets ------------------------------------------------------------------------
 */

/* Beside the tool, wherever its tree is; else where it was to be installed. */
static void presets_path(char *path, size_t size)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n > 0 ? n : 0] = 0;
	slash = strrchr(exe, '/');
	if (slash)
		*slash = 0;
	snprintf(path, size, "%s/../share/sluice/presets.json", exe);
	if (access(path, R_OK))
		snprintf(path, size, "%s", SLUICE_DATADIR "/presets.json");
}

int policy_preset(struct policy *p, const char *file, const char *name)
{
	const struct sc_json_token *preset;
	char path[4200];
	struct reading r = {.policy = p, .file = path};
	int rc;

	if (file)
		snprintf(path, sizeof(path), "%s", file);
	else
		presets_path(path, sizeof(path));
	rc = cli_json_read(path, &r.error, &r.doc);
	if (rc)
		return cli_json_error(path, &r.error);
	preset = sc_json_get(r.doc, sc_json_root(r.doc), name);
	rc = preset ? read_policy(&r, preset)
		    : cli_error_at(path, 0, 0, "there is no preset \"%s\"", name);
	sc_json_free(r.doc);
	return rc;
}
