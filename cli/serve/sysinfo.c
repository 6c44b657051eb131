/* sysinfo(2) for a container: what its control groups let it have, in place of what the
 * machine has.
 * SPDX-License-Identifier: MIT
 *
 * A container may make groups below its own and move there. So a limit is the least of
 * all groups from the process's up to the outermost one. Sources: sysinfo(2), cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "serve/serve.h"
#include "util/cleanup.h"

#define DEPTH 64 /* of the outermost groups: those that the machine's owner has made */

static void closep_file(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define _cleanup_fclose_ _cleanup_(closep_file)

/* What is answered, in bytes. */
struct answer {
	uint64_t uptime, total, free, total_swap, free_swap, processes;
};

/* ---- control groups: 0 or -errno ------------------------------------------------------
 */

/* Where a controller is mounted: "" is the second version, which has all of them that no
 * other mount has. A descriptor (O_PATH) or -errno. */
static int open_hierarchy(const char *controller)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		char root[PATH_MAX], mount[PATH_MAX], type[32], options[256] = "", *save;
		const char *behind = strstr(line, " - ");
		int fd;

		if (!behind ||
			sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
			sscanf(behind, " - %31s %*s %255s", type, options) < 1 ||
			strcmp(root, "/") != 0 ||
			strcmp(type, *controller ? "cgroup" : "cgroup2") != 0)
			continue;
		for (char *o = strtok_r(options, ",", &save); o && *controller;
			o = strtok_r(NULL, ",", &save))
			if (strcmp(o, controller) == 0)
				*type = 0;
		if (*controller && *type)
			continue;
		fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strncmp(at, word, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	}
	return false;
}

/* The process's group for a controller, and the hierarchy that it is in. False: there is
 * none that can be seen from here. *@v2: of which version. */
static bool find_group(pid_t tid, const char *controller, char path[PATH_MAX], bool *v2)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	bool found = false;
	char name[40];
	size_t room = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)tid);
	f = fopen(name, "re");
	/* "4:memory:/path"; "0::/path" is of the second version. */
	while (f && (n = getline(&line, &room, f)) > 0) {
		char *list = strchr(line, ':'), *at = list ? strchr(list + 1, ':') : NULL;
		bool own;

		if (!at || line[n - 1] != '\n')
			continue;
		line[n - 1] = *at = 0;
		own = has_word(list + 1, controller);
		if ((!own && (list[1] || found)) || strlen(at + 1) >= PATH_MAX)
			continue;
		snprintf(path, PATH_MAX, "%s", at + 1);
		*v2 = !own;
		found = true;
		if (own)
			break;
	}
	return found && path[0] == '/';
}

static int open_group(int hierarchy, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(
		SYS_openat2, hierarchy, path[1] ? path + 1 : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* "max" is no limit. False: there is no such file. */
static bool read_number(int group, const char *file, uint64_t *out)
{
	_cleanup_close_ int fd = openat(group, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[32], *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = 0;
	*out = strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, &end, 10);
	return true;
}

/* ---- one group
 * ------------------------------------------------------------------------- */

static uint64_t less(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

static void take_limit(uint64_t limit, uint64_t used, uint64_t *total, uint64_t *left)
{
	if (limit < *total)
		*total = limit;
	if (limit != UINT64_MAX && less(limit, used) < *left)
		*left = less(limit, used);
}

static void take_memory(int group, bool v2, struct answer *a)
{
	uint64_t limit, used, both, both_used;

	if (!read_number(group, v2 ? "memory.max" : "memory.limit_in_bytes", &limit) ||
		!read_number(
			group, v2 ? "memory.current" : "memory.usage_in_bytes", &used))
		return;
	take_limit(limit, used, &a->total, &a->free);
	if (v2) {
		if (read_number(group, "memory.swap.max", &limit) &&
			read_number(group, "memory.swap.current", &used))
			take_limit(limit, used, &a->total_swap, &a->free_swap);
	} else if (read_number(group, "memory.memsw.limit_in_bytes", &both) &&
		   read_number(group, "memory.memsw.usage_in_bytes", &both_used)) {
		/* Memory is not more than the total so far; the limit may be none. */
		take_limit(less(both, a->total), less(both_used, used), &a->total_swap,
			&a->free_swap);
	}
}

/* The group of the process itself says how many threads there are; those above it hold
 * others, too. */
static void take_processes(int group, bool v2, struct answer *a)
{
	(void)v2;
	if (!a->processes)
		read_number(group, "pids.current", &a->processes);
}

static int each_group(pid_t tid, const char *controller,
	void (*take)(int group, bool v2, struct answer *a), struct answer *a)
{
	_cleanup_close_ int hierarchy = -1;
	char path[PATH_MAX];
	unsigned int depth = 0;
	bool v2;

	if (!find_group(tid, controller, path, &v2))
		return -ESRCH;
	hierarchy = open_hierarchy(v2 ? "" : controller);
	if (hierarchy < 0)
		return hierarchy;
	for (const char *at = path; *at; at++)
		depth += *at == '/' && at[1];
	for (;; depth--) {
		char *slash = strrchr(path, '/');
		_cleanup_close_ int group = -1;

		if (depth <= DEPTH) {
			group = open_group(hierarchy, path);
			/* Removed: so the process has ended, or is not in it any more. */
			if (group < 0)
				return group;
			take(group, v2, a);
		}
		if (!path[1])
			return 0;
		slash[slash == path] = 0;
	}
}

/* ---- the call
 * -------------------------------------------------------------------------- */

static uint64_t uptime(const struct serve_work *w, pid_t tid)
{
	unsigned long long start = w->container->started;
	long ticks = sysconf(_SC_CLK_TCK);
	struct timespec now;

	if (!start && !cli_proc_stat(tid, CLI_STAT_START, &start))
		return 0;
	if (clock_gettime(CLOCK_BOOTTIME, &now) || ticks <= 0)
		return 0;
	return less((uint64_t)now.tv_sec, start / (unsigned long long)ticks);
}

static int find_answer(
	const struct serve_work *w, struct sluice_request *req, struct answer *a)
{
	pid_t tid = sluice_tid(req);
	struct sysinfo machine;
	bool memory;
	int rc;

	if (sysinfo(&machine))
		return -errno;
	*a = (struct answer){
		.uptime = uptime(w, tid),
		.total = (uint64_t)machine.totalram * machine.mem_unit,
		.free = (uint64_t)machine.freeram * machine.mem_unit,
		.total_swap = (uint64_t)machine.totalswap * machine.mem_unit,
		.free_swap = (uint64_t)machine.freeswap * machine.mem_unit,
	};
	rc = each_group(tid, "memory", take_memory, a);
	memory = rc == 0;
	if (rc == 0)
		rc = each_group(tid, "pids", take_processes, a);
	/* Without that controller nothing counts them: there is the caller. */
	if (!a->processes)
		a->processes = 1;
	return rc == -ESRCH && memory ? 0 : rc;
}

/* The structures that sysinfo(2) fills: of the 64-bit ABIs and of the others. */
struct sysinfo64 {
	int64_t uptime;
	uint64_t loads[3], total, free, shared, buffer, total_swap, free_swap;
	uint16_t processes, pad;
	uint64_t total_high, free_high;
	uint32_t unit;
};

struct sysinfo32 {
	int32_t uptime;
	uint32_t loads[3], total, free, shared, buffer, total_swap, free_swap;
	uint16_t processes, pad;
	uint32_t total_high, free_high, unit;
	char more[8];
};
_Static_assert(sizeof(struct sysinfo64) == 112 && sizeof(struct sysinfo32) == 64,
	"as the kernel has them");

static int write_answer(struct sluice_request *req, const struct answer *a)
{
	uint32_t arch = sluice_arch(req);
	bool wide = arch & __AUDIT_ARCH_64BIT || arch == SCMP_ARCH_X32;
	uint16_t processes =
		a->processes > UINT16_MAX ? UINT16_MAX : (uint16_t)a->processes;
	struct sysinfo64 s64 = {.uptime = (int64_t)a->uptime,
		.total = a->total,
		.free = a->free,
		.total_swap = a->total_swap,
		.free_swap = a->free_swap,
		.processes = processes,
		.unit = 1};
	struct sysinfo32 s32 = {.uptime = (int32_t)a->uptime, .processes = processes};
	size_t size = wide ? sizeof(s64) : sizeof(s32);
	unsigned int shift = 0;
	ssize_t n;

	/* In units that let the numbers fit, as the kernel has it. */
	while ((a->total | a->total_swap) >> shift > UINT32_MAX)
		shift++;
	s32.total = (uint32_t)(a->total >> shift);
	s32.free = (uint32_t)(a->free >> shift);
	s32.total_swap = (uint32_t)(a->total_swap >> shift);
	s32.free_swap = (uint32_t)(a->free_swap >> shift);
	s32.unit = 1u << shift;
	n = sluice_write(
		req, sluice_arg(req, 0), wide ? (void *)&s64 : (void *)&s32, size);
	return n < 0 ? (int)n : (size_t)n < size ? -EFAULT : 0;
}

int serve_sysinfo(struct serve_work *w, struct sluice_request *req)
{
	struct answer a;
	int rc = find_answer(w, req, &a);

	/* What was read may be of another process that has got the number since. */
	if (rc)
		rc = sluice_alive(req) ? -ENOENT : -w->serve->default_errno;
	else
		rc = sluice_alive(req);
	if (rc == 0)
		rc = write_answer(req, &a);
	return rc ? serve_fail(w, req, rc) : serve_reply(w, req, 0);
}
