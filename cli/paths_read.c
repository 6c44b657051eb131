/* A policy of an earlier recording, to be extended.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "paths.h"

static const struct {
	const char *key;
	unsigned int file,
		folder; /* PATHS_*: how such a file was used, and such a folder */
} lists[] = {
	{"read", PATHS_READ, PATHS_READ},
	{"write", PATHS_WRITE, PATHS_ENTRIES},
	{"execute", PATHS_EXEC, PATHS_EXEC},
	{"unix", PATHS_SOCKET, PATHS_SOCKET},
};

struct reading {
	struct paths *paths;
	const char *file;
	struct sc_json *doc;
	struct sc_json_error error;
};

static int unexpected(
	struct reading *r, const struct sc_json_token *t, const char *expected)
{
	sc_json_unexpected(r->doc, t, &r->error, expected);
	return cli_json_error(r->file, &r->error);
}

/* What it allowed and is gone by now is dropped. A link may have been put there since. */
static int read_path(struct reading *r, size_t list, const struct sc_json_token *t)
{
	const char *path = sc_json_string(r->doc, t);
	struct stat st;
	int there;

	if (!path || *path != '/')
		return unexpected(r, t, "an absolute path, as --paths writes it");
	there = paths_stand(path, &st);
	if (there < 0)
		r->paths->failed = there;
	else if (there)
		paths_add(r->paths, path,
			S_ISDIR(st.st_mode) ? lists[list].folder : lists[list].file,
			false);
	else if (lstat(path, &st) == 0)
		return unexpected(
			r, t, "a path without symbolic links, as --paths writes it");
	return 0;
}

static int read_paths(struct reading *r, size_t list, const struct sc_json_token *value)
{
	int rc = 0;

	if (!sc_json_type_is(value, SC_JSON_ARRAY))
		return unexpected(r, value, "an array");
	sc_json_each(value, t)
	{
		if (!rc)
			rc = read_path(r, list, t);
	}
	return rc;
}

static int read_files(struct reading *r, const struct sc_json_token *files)
{
	int rc = 0;

	if (!sc_json_type_is(files, SC_JSON_OBJECT))
		return unexpected(r, files, "an object");
	sc_json_each_member(files, key, value)
	{
		size_t list = 0;

		while (list < sizeof(lists) / sizeof(lists[0]) &&
			!sc_json_is(r->doc, key, lists[list].key))
			list++;
		if (!rc)
			rc = list < sizeof(lists) / sizeof(lists[0])
				     ? read_paths(r, list, value)
				     : unexpected(r, key, "read, write, execute or unix");
	}
	return rc;
}

/* What this does not know it would lose: then it extends nothing. */
static int read_document(struct reading *r)
{
	const struct sc_json_token *root = sc_json_root(r->doc), *policy;
	int rc = 0;

	if (!sc_json_type_is(root, SC_JSON_OBJECT) ||
		!(policy = sc_json_get(r->doc, root, "sluice")) ||
		!sc_json_type_is(policy, SC_JSON_OBJECT))
		return unexpected(r, root, "a policy that --paths wrote");
	sc_json_each_member(root, key, value)
	{
		if (value != policy && !rc)
			rc = unexpected(r, key, "only \"sluice\", as --paths writes it");
	}
	sc_json_each_member(policy, key, value)
	{
		if (!rc)
			rc = sc_json_is(r->doc, key, "files")
				     ? read_files(r, value)
				     : unexpected(r, key,
					       "only \"files\", as --paths writes it");
	}
	return rc;
}

int paths_read(struct paths *p, const char *file)
{
	struct reading r = {.paths = p, .file = file};
	int rc;

	if (access(file, F_OK) && errno == ENOENT)
		return CLI_YES;
	if (cli_json_read(file, &r.error, &r.doc))
		return cli_json_error(file, &r.error);
	rc = read_document(&r);
	sc_json_free(r.doc);
	return rc;
}
