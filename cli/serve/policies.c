/* The policies of a folder, and their counters.
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/serve.h"
#include "util/cleanup.h"
#include "util/vec.h"

static const char suffix[] = ".json";

/* Names come from profiles. They are compared with what was read before, and never become
 * a path. */
bool serve_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789._-");

	return n > 0 && n <= SERVE_NAME_MAX && !name[n] && name[0] != '.' &&
	       name[0] != '-';
}

struct serve_policy *serve_find(const struct serve_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (strcmp(set->items[i]->name, name) == 0)
			return set->items[i];
	return NULL;
}

struct serve_policy *serve_policy_ref(struct serve_policy *policy)
{
	atomic_fetch_add(&policy->refs, 1);
	return policy;
}

void serve_policy_unref(struct serve_policy *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	for (uint32_t i = 0; i < p->n_rules; i++)
		free(p->rules[i].call);
	for (uint32_t i = 0; i < p->n_folders; i++)
		free(p->folders[i]);
	for (uint32_t i = 0; i < p->n_volumes; i++) {
		free(p->volumes[i].source);
		free(p->volumes[i].path);
	}
	free(p->rules);
	free(p->volumes);
	free(p->folders);
	free(p);
}

const struct serve_rule *serve_rule(const struct serve_policy *p, const char *call)
{
	for (uint32_t i = 0; i < p->n_rules; i++)
		if (strcmp(p->rules[i].call, call) == 0)
			return &p->rules[i];
	return NULL;
}

struct serve_counts *serve_counts(struct serve *s, const char *name)
{
	struct serve_counts *c = s->counts;

	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	if (c)
		return c;
	c = calloc(1, sizeof(*c) + strlen(name) + 1); /* NUL is there */
	if (!c)
		return NULL;
	memcpy(c->name, name, strlen(name));
	c->next = s->counts;
	s->counts = c;
	return c;
}

void serve_set_clear(struct serve_set *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		serve_policy_unref(set->items[i]);
	free(set->items);
	*set = (struct serve_set){0};
}

static int load_file(struct serve *s, struct serve_set *set, const char *name)
{
	char policy[SERVE_NAME_MAX + sizeof(suffix)];
	size_t n = strlen(name) - (sizeof(suffix) - 1);
	_cleanup_free_ char *path = NULL;
	struct serve_policy *new = NULL;
	int rc;

	if (asprintf(&path, "%s/%s", s->folder, name) < 0)
		return -ENOMEM;
	if (n <= SERVE_NAME_MAX) {
		memcpy(policy, name, n);
		policy[n] = 0;
	}
	if (n > SERVE_NAME_MAX || !serve_name_ok(policy)) {
		cli_error_at(path, 0, 0,
			"no profile can name this policy: letters, digits, \".\", \"_\" "
			"and \"-\", at most %d",
			SERVE_NAME_MAX);
		set->mistakes++;
		return 0;
	}
	if (sc_reserve(set->items, set->cap, set->n, 1) < 0)
		return -ENOMEM;
	rc = serve_read(s, path, policy, &set->mistakes, &new);
	if (rc == 0 && new)
		set->items[set->n++] = new;
	return rc;
}

static int is_policy(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n >= sizeof(suffix) &&
	       strcmp(entry->d_name + n - (sizeof(suffix) - 1), suffix) == 0;
}

int serve_load(struct serve *s, struct serve_set *set)
{
	struct dirent **entries;
	int n = scandir(s->folder, &entries, is_policy, alphasort), rc = 0;

	if (n < 0) {
		rc = -errno;
		cli_error_at(s->folder, 0, 0, "%s", strerror(errno));
		return rc;
	}
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = load_file(s, set, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (rc == -ENOMEM)
		cli_error_at(s->folder, 0, 0, "%s", strerror(ENOMEM));
	return rc;
}
