/* Containers: which policy one gets, and when it is over.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "json/json.h"
#include "proc.h"
#include "serve/serve.h"
#include "util/cleanup.h"
#include "util/vec.h"

int serve_open_folder(int root, const char *path, struct stat *st)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	if (fstat(fd, st))
		return -EIO;
	return steal_fd(&fd);
}

void serve_container_free(struct serve_container *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_folders; i++)
		free(c->folders[i].path);
	free(c->folders);
	serve_policy_unref(c->policy);
	free(c);
}

struct serve_container *serve_container_new(
	struct serve *s, unsigned int index, const char *name, const char *id)
{
	struct serve_container *c = calloc(1, sizeof(*c));
	struct serve_policy *policy = serve_find(&s->set, name);

	if (!c)
		return NULL;
	c->index = index;
	c->counts = s->nobody;
	if (policy) {
		c->policy = serve_policy_ref(policy);
		c->counts = policy->counts;
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	sc_json_excerpt(id, strlen(id), c->id);
	return c;
}

int serve_container_folder(
	struct serve_container *c, const char *path, uint64_t dev, uint64_t ino)
{
	if (sc_reserve(c->folders, c->cap_folders, c->n_folders, 1) < 0)
		return -ENOMEM;
	c->folders[c->n_folders] = (struct serve_folder){strdup(path), dev, ino};
	if (!c->folders[c->n_folders].path)
		return -ENOMEM;
	c->n_folders++;
	return 0;
}

/* Another process in a container that runs already: what is known of the first one. */
static int copy_first(struct serve_container *c, const struct serve_container *first)
{
	int rc = 0;

	c->started = first->started;
	for (uint32_t i = 0; i < first->n_folders && rc == 0; i++)
		rc = serve_container_folder(c, first->folders[i].path,
			first->folders[i].dev, first->folders[i].ino);
	return rc;
}

/* What the names of folders mean now, when the program of the container is about to run: no
 * runtime waits for us. Later it could put others in their place. */
static int look_at_folders(struct serve_container *c, pid_t pid)
{
	_cleanup_close_ int root = -1;
	char path[32];

	if (!c->policy->n_folders)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	for (uint32_t i = 0; i < c->policy->n_folders; i++) {
		struct stat st = {0};
		int fd = serve_open_folder(root, c->policy->folders[i], &st), rc;

		if (fd < 0)
			continue; /* the container has none: nothing can be below it */
		close(fd);
		rc = serve_container_folder(
			c, c->policy->folders[i], st.st_dev, st.st_ino);
		if (rc)
			return rc;
	}
	return 0;
}

static int look_at(struct serve *s, struct serve_container *c, pid_t pid)
{
	unsigned long long started;

	if (!c->policy)
		return 0;
	for (const struct serve_container *o = s->containers; o; o = o->next)
		if (strcmp(o->id, c->id) == 0 && strcmp(o->name, c->name) == 0)
			return copy_first(c, o);
	if (cli_proc_stat(pid, CLI_STAT_START, &started))
		c->started = started;
	return look_at_folders(c, pid);
}

/* NULL: a policy that is there, or default. */
static const char *why_none(const struct serve *s, const char *metadata, char text[160])
{
	char excerpt[SC_JSON_EXCERPT];

	if (!*metadata && serve_find(&s->set, "default"))
		return NULL;
	if (!*metadata)
		return "the profile has no listenerMetadata, and there is no "
		       "default.json";
	if (serve_name_ok(metadata) && serve_find(&s->set, metadata))
		return NULL;
	sc_json_excerpt(metadata, strlen(metadata), excerpt);
	snprintf(text, 160, "listenerMetadata \"%s\" %s", excerpt,
		serve_name_ok(metadata) ? "names no policy"
					: "cannot be the name of a policy");
	return text;
}

int serve_on_container(struct sluice_supervisor *supervisor,
	struct sluice_container *container, void *data)
{
	struct serve *s = data;
	char text[160];
	const char *why = why_none(s, container->metadata, text);
	const char *name = why			  ? ""
			   : *container->metadata ? container->metadata
						  : "default";
	struct serve_container *c;
	int rc;

	(void)supervisor;
	c = serve_container_new(s, container->index, name, container->id);
	if (!c)
		return -ENOMEM;
	rc = look_at(s, c, container->pid);
	if (rc == 0)
		rc = serve_state_add(s, c);
	if (rc) {
		serve_log_container(s, c, strerror(-rc));
		serve_container_free(c);
		return rc;
	}
	c->next = s->containers;
	s->containers = c;
	s->n_containers++;
	c->counts->containers++;
	container->tag = c;
	serve_log_container(s, c, why);
	return 0;
}

void serve_sweep(struct serve *s)
{
	struct sluice_listener_statistics statistics = {.size = sizeof(statistics)};
	struct serve_container **at = &s->containers;

	while (*at) {
		struct serve_container *c = *at;

		if (sluice_listener_statistics(s->supervisor, c->index, &statistics) !=
				-ENOENT ||
			atomic_load(&c->pending)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		s->n_containers--;
		serve_container_free(c);
	}
}

int serve_use(struct serve *s, struct serve_set *set)
{
	struct serve_set old = s->set;
	int rc;

	s->set = *set;
	rc = serve_handle(s);
	if (rc) {
		s->set = old;
		return rc;
	}
	*set = (struct serve_set){0};
	for (struct serve_container *c = s->containers; c; c = c->next) {
		struct serve_policy *new = serve_find(&s->set, c->name);

		serve_policy_unref(c->policy);
		c->policy = new ? serve_policy_ref(new) : NULL;
	}
	serve_set_clear(&old);
	return 0;
}

void serve_clear(struct serve *s)
{
	while (s->containers) {
		struct serve_container *next = s->containers->next;

		serve_container_free(s->containers);
		s->containers = next;
	}
	serve_set_clear(&s->set);
	while (s->calls) {
		struct serve_call *next = s->calls->next;

		free(s->calls);
		s->calls = next;
	}
	while (s->counts) {
		struct serve_counts *next = s->counts->next;

		free(s->counts);
		s->counts = next;
	}
	if (s->log.fd >= 0)
		close(s->log.fd);
	if (s->state >= 0)
		close(s->state);
}
