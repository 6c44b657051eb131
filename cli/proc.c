/* What /proc says of processes.
 * SPDX-License-Identifier: MIT */
#include "proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_proc_stat(pid_t pid, unsigned int field, unsigned long long *out)
{
	char path[48], text[1024], *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	/* The name stands in parentheses and may hold anything. */
	at = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	fclose(f);
	for (unsigned int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	if (at)
		*out = strtoull(at, NULL, 10);
	return at != NULL;
}

bool cli_proc_is_ours(void)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = 0;
	return atol(text) == (long)getpid();
}

bool cli_proc_status(pid_t tid, const char *name, char *value, size_t size)
{
	char path[40], line[512];
	size_t n = strlen(name);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = strncmp(line, name, n) == 0 && line[n] == ':';
		if (found)
			snprintf(value, size, "%s",
				line + n + 1 + strspn(line + n + 1, " \t"));
	}
	if (f)
		fclose(f);
	value[found ? strcspn(value, "\n") : 0] = 0;
	return found;
}

mode_t cli_umask(struct sluice_request *req)
{
	char text[32], *end;
	unsigned long mask;

	if (!cli_proc_status(sluice_tid(req), "Umask", text, sizeof(text)) ||
		sluice_alive(req))
		return 077;
	mask = strtoul(text, &end, 8);
	return end == text ? 077 : mask & 0777;
}
