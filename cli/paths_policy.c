/* From files that were used to a policy: few folders for many files, and no folder that
 * is not meant. SPDX-License-Identifier: MIT */
#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define GONE 16 /* files that are named one by one */
#define FOLD 8	/* more files of one folder become the folder */

/* A rule of the policy. */
struct rule {
	char *path;
	bool folder; /* it holds for everything in it */
};

struct rules {
	struct rule *items;
	uint32_t n, cap;
};

struct plan {
	struct rules read, write, execute, sockets;
	char *home;		/* without links; NULL: not known */
	unsigned int gone;	/* files that are not there any more */
	unsigned int unwritten; /* names that JSON cannot have */
	unsigned int processes; /* files in /proc that root wrote */
};

static void rules_clear(struct rules *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->items[i].path);
	free(r->items);
}

static void plan_clear(struct plan *p)
{
	rules_clear(&p->read);
	rules_clear(&p->write);
	rules_clear(&p->execute);
	rules_clear(&p->sockets);
	free(p->home);
}

static int add(struct rules *r, const char *path, size_t length, bool folder)
{
	struct rule rule = {.folder = folder};

	if (sc_reserve(r->items, r->cap, r->n, 1) < 0)
		return -ENOMEM;
	rule.path = length ? strndup(path, length) : strdup("/");
	if (!rule.path)
		return -ENOMEM;
	r->items[r->n++] = rule;
	return 0;
}

/* ---- folding ------------------------------------------------------------------------
 */

/* The length of the folder that @path is in; 0: the root. */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* By folder, then by name: what is in one folder stands together. */
static int by_folder(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	size_t n = folder_length(x->path), m = folder_length(y->path);
	int rc = memcmp(x->path, y->path, n < m ? n : m);

	if (rc || n != m)
		return rc ? rc : n < m ? -1 : 1;
	rc = strcmp(x->path + n, y->path + m);
	return rc ? rc : (int)y->folder - (int)x->folder;
}

static int by_path(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int rc = strcmp(x->path, y->path);

	return rc ? rc : (int)y->folder - (int)x->folder;
}

static void sort(struct rules *r, int (*order)(const void *, const void *))
{
	if (r->n)
		qsort(r->items, r->n, sizeof(*r->items), order);
}

/* Whether @r, in the order of paths, has a rule for a folder above @path, or with @itself
 * for that. */
static bool covers(const struct rules *r, const char *path, bool itself)
{
	size_t n = strlen(path);
	char above[PATH_MAX];

	if (n >= sizeof(above))
		return false;
	memcpy(above, path, n + 1);
	for (;;) {
		struct rule key = {.path = above, .folder = true};
		const struct rule *found;

		if (itself) {
			found = r->n ? bsearch(&key, r->items, r->n, sizeof(key), by_path)
				     : NULL;
			if (found)
				return true;
		}
		if (!above[1])
			return false;
		n = folder_length(above);
		above[n ? n : 1] = 0;
		itself = true;
	}
}

/* Drop what another rule of the list, or a rule of @wider, allows already. 0 or -ENOMEM.
 */
static int drop_covered(struct rules *r, const struct rules *wider)
{
	_cleanup_free_ bool *drop = calloc(r->n + 1, sizeof(*drop));
	uint32_t n = 0;

	if (!drop)
		return -ENOMEM;
	sort(r, by_path);
	for (uint32_t i = 0; i < r->n; i++)
		drop[i] = covers(r, r->items[i].path, !r->items[i].folder) ||
			  (i && strcmp(r->items[i].path, r->items[i - 1].path) == 0) ||
			  (wider && covers(wider, r->items[i].path, true));
	for (uint32_t i = 0; i < r->n; i++) {
		if (drop[i])
			free(r->items[i].path);
		else
			r->items[n++] = r->items[i];
	}
	r->n = n;
	return 0;
}

/* Whether the first @length bytes of @path are the home directory, or one in /home. */
static bool is_home(const struct plan *p, const char *path, size_t length)
{
	if (p->home && strncmp(p->home, path, length) == 0 && !p->home[length])
		return true;
	return length > 6 && memcmp(path, "/home/", 6) == 0 &&
	       !memchr(path + 6, '/', length - 6);
}

/* The root, what is directly in it, home directories, hidden folders in these (keys,
 * passwords, settings), and what the home directory is in. */
static bool is_wide(const struct plan *p, const char *path, size_t length)
{
	size_t above = length;

	while (above && path[above - 1] != '/')
		above--;
	if (above < 2 || is_home(p, path, length) ||
		(path[above] == '.' && is_home(p, path, above - 1)))
		return true;
	return p->home && strncmp(p->home, path, length) == 0 && p->home[length] == '/';
}

/* Many files of one folder become the folder. 1: some did; 0; -ENOMEM. */
static int fold_once(const struct plan *p, struct rules *r)
{
	uint32_t n = r->n, end;
	int folded = 0;

	sort(r, by_folder);
	for (uint32_t i = 0; i < n; i = end) {
		const char *path = r->items[i].path;
		size_t length = folder_length(path);

		for (end = i + 1; end < n; end++)
			if (folder_length(r->items[end].path) != length ||
				memcmp(r->items[end].path, path, length) != 0)
				break;
		if (end - i <= FOLD || is_wide(p, path, length))
			continue;
		if (add(r, path, length, true))
			return -ENOMEM;
		folded = 1;
	}
	return drop_covered(r, NULL) ? -ENOMEM : folded;
}

static int fold(const struct plan *p, struct rules *r)
{
	int rc = drop_covered(r, NULL);

	if (rc)
		return rc;
	do
		rc = fold_once(p, r);
	while (rc > 0);
	return rc;
}

/* ---- what was seen ------------------------------------------------------------------
 */

/* Numbers there are other ones next time. 0: no. */
static size_t numbered(const char *path)
{
	if (strncmp(path, "/proc/", 6) == 0 && isdigit((unsigned char)path[6]))
		return 5;
	return strncmp(path, "/dev/pts/", 9) == 0 ? 8 : 0;
}

/* Every policy allows these. */
static bool always(const char *path)
{
	return strcmp(path, "/dev/null") == 0 || strcmp(path, "/dev/zero") == 0 ||
	       strcmp(path, "/dev/full") == 0;
}

static bool is_text(const char *path)
{
	const char *end = path + strlen(path);

	while (path < end) {
		unsigned int n = sc_json_utf8(path, end);

		if (!n)
			return false;
		path += n;
	}
	return true;
}

static int add_all(
	struct plan *p, const char *path, size_t length, unsigned int access, bool folder)
{
	int rc = 0;

	if (access & PATHS_EXEC)
		rc = add(&p->execute, path, length, folder);
	if (!rc && access & (PATHS_WRITE | PATHS_ENTRIES))
		rc = add(&p->write, path, length, folder);
	else if (!rc && access & PATHS_READ && !(access & PATHS_EXEC))
		rc = add(&p->read, path, length, folder);
	if (!rc && access & PATHS_SOCKET)
		rc = add(&p->sockets, path, length, false);
	return rc;
}

int paths_stand(const char *path, struct stat *st)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real)
		return errno == ENOMEM ? -ENOMEM : 0;
	return strcmp(real, path) == 0 && lstat(path, st) == 0;
}

/* Add the nearest folder above @path that is there. */
static int add_above(struct rules *r, const char *path)
{
	char above[PATH_MAX];
	size_t n = folder_length(path);
	struct stat st;
	int there = 0;

	for (; n; n = folder_length(above)) {
		memcpy(above, path, n);
		above[n] = 0;
		there = paths_stand(above, &st);
		if (there)
			break;
	}
	return there < 0 ? there : add(r, path, n, true);
}

/* To write in /proc is for root to set everything in the kernel: the policy does not have
 * it. */
static int add_numbered(struct plan *p, const struct paths_file *f, size_t length)
{
	unsigned int access = f->access;

	if (geteuid() == 0 && strncmp(f->path, "/proc/", 6) == 0 &&
		access & (PATHS_WRITE | PATHS_ENTRIES)) {
		access = (access & ~(PATHS_WRITE | PATHS_ENTRIES)) | PATHS_READ;
		p->processes++;
	}
	return add_all(p, f->path, length, access, true);
}

/* What the program made, a rule for the folder allows to read and to write. To execute it
 * needs one more. */
static int add_file(struct plan *p, const struct paths_file *f)
{
	size_t length = numbered(f->path);
	struct stat st;
	int there = paths_stand(f->path, &st);

	if (there < 0)
		return there;
	if (always(f->path) || (!f->access && there))
		return 0;
	if (!is_text(f->path)) {
		p->unwritten++;
		return 0;
	}
	if (length)
		return add_numbered(p, f, length);
	p->gone += !there;
	if (there && !f->made)
		return add_all(
			p, f->path, strlen(f->path), f->access, S_ISDIR(st.st_mode));
	if (f->access & PATHS_EXEC)
		return add_above(&p->execute, f->path);
	return 0;
}

static int make(struct plan *p, const struct paths *seen)
{
	const char *home = getenv("HOME");
	int rc = seen->failed;

	p->home = home && *home == '/' ? realpath(home, NULL) : NULL;
	for (uint32_t i = 0; i < seen->n && !rc; i++)
		rc = add_file(p, &seen->files[i]);
	rc = rc ? rc : fold(p, &p->write);
	rc = rc ? rc : fold(p, &p->execute);
	rc = rc ? rc : fold(p, &p->read);
	rc = rc ? rc : drop_covered(&p->read, &p->write);
	rc = rc ? rc : drop_covered(&p->read, &p->execute);
	sort(&p->sockets, by_path);
	return rc;
}

/* ---- the document -------------------------------------------------------------------
 */

static void put(struct cli_json *j, const char *key, const struct rules *r)
{
	cli_json_array(j, key);
	for (uint32_t i = 0; i < r->n; i++)
		cli_json_string(j, NULL, r->items[i].path);
	cli_json_end(j);
}

static int write_text(const struct plan *p, FILE *out)
{
	struct cli_json j = CLI_JSON(out);

	cli_json_object(&j, NULL);
	cli_json_object(&j, "sluice");
	cli_json_object(&j, "files");
	put(&j, "read", &p->read);
	put(&j, "write", &p->write);
	put(&j, "execute", &p->execute);
	if (p->sockets.n)
		put(&j, "unix", &p->sockets);
	cli_json_end(&j);
	cli_json_end(&j);
	cli_json_end(&j);
	return j.out.error;
}

static void warn_wide(
	const struct plan *p, struct cli *cli, const struct rules *r, const char *what)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const char *path = r->items[i].path;

		if (r->items[i].folder && is_wide(p, path, path[1] ? strlen(path) : 0))
			cli_warn(cli, "the policy lets the program %s in %s", what, path);
	}
}

static void list_gone(const struct paths *seen)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < seen->n; i++) {
		const char *path = seen->files[i].path;
		_cleanup_free_ char *text = NULL;
		struct stat st;

		if (numbered(path) || paths_stand(path, &st) || n++ >= GONE)
			continue;
		text = strdup(path);
		if (text)
			cli_printable_line(text);
		fprintf(stderr, "%10s  %s\n", "gone", text ? text : "");
	}
	if (n > GONE)
		fprintf(stderr, "%10s  and %u more\n", "gone", n - GONE);
}

static void say(
	const struct plan *p, struct cli *cli, const struct paths *seen, bool quiet)
{
	if (!quiet)
		list_gone(seen);
	fprintf(stderr,
		"%" PRIu32 " files used, %u of them gone; the policy has %" PRIu32
		" paths to read, %" PRIu32 " to write, %" PRIu32 " to execute\n",
		seen->n, p->gone, p->read.n, p->write.n, p->execute.n);
	warn_wide(p, cli, &p->read, "read everything");
	warn_wide(p, cli, &p->write, "write, make and remove everything");
	warn_wide(p, cli, &p->execute, "execute everything");
	if (p->unwritten)
		cli_warn(cli, "%u names are no UTF-8, and not in the policy",
			p->unwritten);
	if (p->processes)
		cli_warn(cli,
			"files of processes that root wrote: %u; the policy lets the "
			"program "
			"only read in /proc",
			p->processes);
	if (seen->elsewhere)
		cli_warn(cli,
			"%" PRIu32 " times the program used a file that has no path here "
			"(another mount namespace, or a path that is too long): "
			"it is not in the policy",
			seen->elsewhere);
}

int paths_write(struct cli *cli, const struct paths *seen, const char *file, bool quiet)
{
	_cleanup_(plan_clear) struct plan p = {0};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out;
	int rc = make(&p, seen);

	out = rc ? NULL : open_memstream(&text, &size);
	if (!rc && !out)
		rc = -ENOMEM;
	if (!rc)
		rc = write_text(&p, out);
	if (out && ferror(out))
		rc = -ENOMEM;
	if (out && fclose(out) && !rc)
		rc = -ENOMEM;
	if (rc)
		return cli_error(cli, "cannot make the policy: %s", strerror(-rc));
	say(&p, cli, seen, quiet);
	return cli_write_file(cli, file, text, size);
}
