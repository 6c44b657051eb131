/* oci-listener SOCKET [CONTAINERS]: serve containers whose profile has
 *   "listenerPath": SOCKET, "listenerMetadata": a directory of the container,
 * and SCMP_ACT_NOTIFY for mkdir and mkdirat: they may make directories below that one only. Ends
 * after CONTAINERS of them (default: never). Prints one JSON line a decision.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <sluice.h>

static unsigned seen;

static void print_line(const char *line, size_t length, void *data)
{
	(void)length;
	(void)data;
	puts(line);
	fflush(stdout);
}

/* What the callback remembers of a container comes back as the tag of its requests; it has to
 * live as long as they can come. */
struct memory {
	struct memory *next;
	char path[];
};
static struct memory *memories;

static char *remember(const char *path)
{
	struct memory *m = malloc(sizeof(*m) + strlen(path) + 1);

	if (!m)
		return NULL;
	m->next = memories;
	memories = m;
	return strcpy(m->path, path);
}

static void forget_all(void)
{
	while (memories) {
		struct memory *next = memories->next;

		free(memories);
		memories = next;
	}
}

static int on_container(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)data;
	seen++;
	if (c->metadata[0] != '/')
		return -EINVAL; /* all its notified calls fail */
	c->tag = remember(c->metadata);
	fprintf(stderr, "container %s (pid %d) may make directories in %s\n", c->id, (int)c->pid,
		c->metadata);
	return c->tag ? 0 : -ENOMEM;
}

static int make_directory(struct sluice_request *req, int dirfd, unsigned path_arg)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY};
	char path[PATH_MAX], last[256];
	mode_t mode = (mode_t)sluice_arg_int(req, path_arg + 1) & 0777;
	int parent, allowed, rc;

	rc = (int)sluice_read_string(req, sluice_arg(req, path_arg), path, sizeof(path));
	if (rc < 0)
		return sluice_fail(req, rc);
	allowed = sluice_openat(req, AT_FDCWD, sluice_tag(req), &how);
	if (allowed < 0)
		return sluice_fail(req, EACCES);
	parent = sluice_open_parent(req, dirfd, path, last, sizeof(last));
	rc = parent < 0 ? parent : 0;
	if (!rc && !sluice_is_beneath(allowed, parent))
		rc = -EACCES;
	if (!rc && mkdirat(parent, last, mode))
		rc = -errno;
	close(allowed);
	if (parent >= 0)
		close(parent);
	return rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static int on_mkdir(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, AT_FDCWD, 0);
}

static int on_mkdirat(struct sluice_request *req, void *data)
{
	(void)data;
	return make_directory(req, sluice_arg_int(req, 0), 1);
}

int main(int argc, char **argv)
{
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv;
	unsigned wanted;
	int rc;

	if (argc < 2) {
		fprintf(stderr, "usage: oci-listener SOCKET [CONTAINERS]\n");
		return 2;
	}
	wanted = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	options.keeper = true; /* containers outlive a crash of this program */
	options.log = print_line;
	options.error = &error;
	if (sluice_supervisor_new(&options, &sv)) {
		fprintf(stderr, "oci-listener: %s\n", error.message);
		return 1;
	}
	rc = sluice_on_name(sv, "mkdir", on_mkdir, NULL);
	if (!rc)
		rc = sluice_on_name(sv, "mkdirat", on_mkdirat, NULL);
	if (!rc)
		rc = sluice_listen_oci(sv, argv[1], on_container, NULL);
	while (rc >= 0 && (!wanted || seen < wanted || sluice_active(sv))) {
		rc = sluice_dispatch(sv, -1);
		if (rc == -EINTR)
			rc = 0;
	}
	if (rc < 0)
		fprintf(stderr, "oci-listener: %s\n", strerror(-rc));
	sluice_supervisor_free(sv);
	forget_all();
	return rc < 0;
}
