/* Which descriptors processes leave open.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"
#include "sweep.h"

#define FORKNOEXEC 0x40 /* PF_FORKNOEXEC of include/linux/sched.h */

/* What differs from run to run: "socket:[4711]", "/proc/4711/fd". */
static void without_numbers(char *name)
{
	char *at = strncmp(name, "/proc/", 6) == 0 ? name + 6 : strchr(name, '[');
	char *end;

	if (*name == '/' && at != name + 6)
		return;
	at += at && *at == '[';
	if (!at || !isdigit((unsigned char)*at))
		return;
	for (end = at; isdigit((unsigned char)*end); end++)
		;
	memmove(at, end, strlen(end) + 1);
}

const char *sweep_files_name(const struct sweep_files *files, uint32_t i)
{
	return files->letters + files->names[i].name;
}

static void add(struct sweep_files *files, const char *name)
{
	size_t size = strlen(name) + 1;

	for (uint32_t i = 0; i < files->n; i++) {
		if (strcmp(sweep_files_name(files, i), name) == 0) {
			files->names[i].times++;
			return;
		}
	}
	if (files->n == SWEEP_NAMES_MAX || size > sizeof(files->letters) - files->size) {
		files->cut = true;
		return;
	}
	memcpy(files->letters + files->size, name, size);
	files->names[files->n].name = files->size;
	files->names[files->n++].times = 1;
	files->size += (uint32_t)size;
}

/* Its flags have O_CLOEXEC (proc_pid_fdinfo(5)). */
static bool closes_on_exec(int dir, const char *fd)
{
	char path[288], text[256], *at;
	ssize_t n = -1;
	int f;

	snprintf(path, sizeof(path), "../fdinfo/%s", fd);
	f = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (f >= 0) {
		n = read(f, text, sizeof(text) - 1);
		close(f);
	}
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "flags:");
	return at && strtoul(at + 6, NULL, 8) & O_CLOEXEC;
}

/* The first three are the sweep's. A child that was to execute something and could not
 * still has what execve(2) would have closed. */
static void note(DIR *dir, bool child, struct sweep_files *files)
{
	struct dirent *e;
	char name[4096];

	while ((e = readdir(dir))) {
		ssize_t n;

		if (!isdigit((unsigned char)*e->d_name) || atoi(e->d_name) < 3 ||
			(child && closes_on_exec(dirfd(dir), e->d_name)))
			continue;
		n = readlinkat(dirfd(dir), e->d_name, name, sizeof(name) - 1);
		if (n < 0)
			continue;
		name[n] = 0;
		without_numbers(name);
		add(files, name);
	}
}

void sweep_files_note(struct sluice_request *request, void *data)
{
	pid_t tgid = sluice_tgid(request);
	struct sweep_files *files = data;
	unsigned long long flags = 0;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)tgid);
	dir = opendir(path);
	cli_proc_stat(tgid, CLI_STAT_FLAGS, &flags);
	/* The directory is of that process, or of nobody: its id is not another's
	 * meanwhile. */
	if (dir && sluice_alive(request) == 0)
		note(dir, flags & FORKNOEXEC, files);
	else
		files->unseen = true;
	if (dir)
		closedir(dir);
}

/* ---- comparing
 * ----------------------------------------------------------------------------- */

/* Of a path its folder, else all of it: names of temporary files differ from run to run.
 */
static size_t folder(const char *name)
{
	const char *slash = *name == '/' ? strrchr(name, '/') : NULL;

	return slash ? (size_t)(slash - name) : strlen(name);
}

static long times_in(const struct sweep_files *files, const char *name, size_t length)
{
	long n = 0;

	for (uint32_t i = 0; i < files->n; i++) {
		const char *other = sweep_files_name(files, i);

		if (folder(other) == length && strncmp(other, name, length) == 0)
			n += files->names[i].times;
	}
	return n;
}

static uint32_t times(const struct sweep_files *files, const char *name)
{
	for (uint32_t i = 0; i < files->n; i++)
		if (strcmp(sweep_files_name(files, i), name) == 0)
			return files->names[i].times;
	return 0;
}

uint32_t sweep_files_more(
	const struct sweep_files *files, const struct sweep_files *base, uint32_t from)
{
	for (uint32_t i = from; i < files->n; i++) {
		const char *name = sweep_files_name(files, i);
		size_t length = folder(name);

		if (files->names[i].times > times(base, name) &&
			times_in(files, name, length) > times_in(base, name, length))
			return i;
	}
	return UINT32_MAX;
}
