/* What a successor has to know of the containers: a file beside the path of the keeper.
 * SPDX-License-Identifier: MIT
 *
 * A line is a JSON object of one container, written before its listener is served. The
 * file outlives a killed process. A successor that does not find a listener there refuses
 * its calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/json.h"
#include "serve/serve.h"
#include "util/cleanup.h"

#define STATE_MAX (8u << 20)

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_container(int fd, const struct serve_container *c)
{
	struct sc_json_out out = {0};
	_cleanup_free_ char *text = NULL;
	size_t size;
	int rc;

	sc_json_open(&out, '{');
	sc_json_put_key(&out, "listener");
	sc_json_put_u64(&out, c->index);
	sc_json_put_key(&out, "policy");
	sc_json_put_string(&out, c->name);
	sc_json_put_key(&out, "container");
	sc_json_put_string(&out, c->id);
	sc_json_put_key(&out, "started");
	sc_json_put_u64(&out, c->started);
	sc_json_put_key(&out, "folders");
	sc_json_open(&out, '[');
	for (uint32_t i = 0; i < c->n_folders; i++) {
		sc_json_open(&out, '[');
		sc_json_put_string(&out, c->folders[i].path);
		sc_json_put_u64(&out, c->folders[i].dev);
		sc_json_put_u64(&out, c->folders[i].ino);
		sc_json_close(&out, ']');
	}
	sc_json_close(&out, ']');
	sc_json_close(&out, '}');
	rc = sc_json_finish(&out, &text, &size);
	return rc ? rc : write_all(fd, text, size);
}

int serve_state_add(struct serve *s, const struct serve_container *c)
{
	int rc = s->state < 0 ? 0 : write_container(s->state, c);

	s->state_lines++;
	return rc;
}

/* All that live, in a new file in place of the old one. */
static int rewrite(struct serve *s)
{
	char path[SERVE_PATH_MAX], new[SERVE_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int rc = 0;

	serve_upgrade_path(s, ".state", path);
	serve_upgrade_path(s, ".state.new", new);
	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return -errno;
	for (const struct serve_container *c = s->containers; c && rc == 0; c = c->next)
		rc = write_container(fd, c);
	if (rc == 0 && rename(new, path))
		rc = -errno;
	if (rc) {
		unlink(new);
		return rc;
	}
	if (s->state >= 0)
		close(s->state);
	s->state = steal_fd(&fd);
	s->state_lines = s->n_containers;
	return 0;
}

/* Lines of containers that have ended go, now and then. */
void serve_state_sweep(struct serve *s)
{
	if (s->state >= 0 && s->state_lines > 2 * s->n_containers + 1000)
		rewrite(s); /* if that fails, the long file is as good */
}

/* ---- reading
 * --------------------------------------------------------------------------- */

static int read_folders(struct serve_container *c, const struct sc_json *doc)
{
	const struct sc_json_token *folders =
		sc_json_get(doc, sc_json_root(doc), "folders");
	int rc = 0;

	if (!sc_json_type_is(folders, SC_JSON_ARRAY))
		return -EINVAL;
	sc_json_each(folders, t)
	{
		uint64_t dev, ino;
		const char *path;

		if (!sc_json_type_is(t, SC_JSON_ARRAY) || t->length != 3 || rc)
			return rc ? rc : -EINVAL;
		path = sc_json_string(doc, t + 1);
		if (!path || sc_json_u64(doc, t + 2, &dev) ||
			sc_json_u64(doc, t + 3, &ino))
			return -EINVAL;
		rc = serve_container_folder(c, path, dev, ino);
	}
	return rc;
}

/* 0, also if the container has ended meanwhile; -EINVAL: no such line; -ENOMEM. */
static int read_line(struct serve *s, const char *line, size_t length)
{
	_cleanup_(sc_json_freep) struct sc_json *doc = NULL;
	struct serve_container *c;
	const char *name, *id;
	uint64_t index, started;
	int rc = sc_json_read(line, length, NULL, &doc);

	if (rc)
		return rc;
	name = sc_json_string(doc, sc_json_get(doc, sc_json_root(doc), "policy"));
	id = sc_json_string(doc, sc_json_get(doc, sc_json_root(doc), "container"));
	if (sc_json_u64(doc, sc_json_get(doc, sc_json_root(doc), "started"), &started))
		return -EINVAL;
	if (!name || !id || (*name && !serve_name_ok(name)) ||
		sc_json_u64(
			doc, sc_json_get(doc, sc_json_root(doc), "listener"), &index) ||
		index > UINT32_MAX)
		return -EINVAL;
	c = serve_container_new(s, (unsigned int)index, name, id);
	if (!c)
		return -ENOMEM;
	c->started = started;
	rc = read_folders(c, doc);
	if (rc == 0 && sluice_set_tag(s->supervisor, c->index, c) == 0) {
		c->next = s->containers;
		s->containers = c;
		s->n_containers++;
		return 0;
	}
	serve_container_free(c);
	return rc;
}

static int read_state(struct serve *s)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	char path[SERVE_PATH_MAX];
	struct stat st;
	size_t size, n;
	int rc;

	serve_upgrade_path(s, ".state", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return -EPERM;
	rc = sc_json_slurp(fd, STATE_MAX, &text, &size);
	/* The last line of a killed process may be cut off: its listener was not served.
	 */
	for (const char *at = text; rc == 0 && at < text + size; at += n + 1) {
		n = strcspn(at, "\n");
		if (read_line(s, at, n) == -ENOMEM)
			rc = -ENOMEM;
	}
	return rc;
}

int serve_state_open(struct serve *s, bool successor)
{
	int rc;

	if (!s->keeper)
		return 0;
	rc = successor ? read_state(s) : 0;
	if (rc)
		cli_warn(s->cli,
			"%s.state: %s: calls of containers that run already are refused",
			s->keeper, strerror(-rc));
	return rewrite(s);
}
