/* A program that does nothing but is linked with the library.
 * SPDX-License-Identifier: MIT */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bench.h"

static double start(const char *program, char *dir)
{
	char path[4096];
	char *argv[] = {(char *)program, NULL}, *envp[] = {path, NULL};
	double begin;
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "LD_LIBRARY_PATH=%s", dir);
	begin = now_us();
	if (posix_spawn(&pid, program, NULL, NULL, argv, dir ? envp : envp + 1) != 0 ||
		waitpid(pid, &status, 0) != pid || status != 0)
		die("%s does not start with %s", program, dir ? dir : "no library");
	return now_us() - begin;
}

/* @program is linked with libseccomp; PROGRAM-alone is the same without it. */
void bench_startup(const char *program, char *dirs[LIBS], unsigned int rounds)
{
	static const char *const names[] = {"ours", "theirs", "none"};
	struct samples samples[LIBS + 1] = {0};
	char alone[4096];

	snprintf(alone, sizeof(alone), "%s-alone", program);
	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int i = 0; i < LIBS; i++)
			samples_add(&samples[i], start(program, dirs[i]));
		samples_add(&samples[LIBS], start(alone, NULL));
	}
	for (unsigned int i = 0; i <= LIBS; i++)
		samples_print(&samples[i], "us", "\"what\": \"startup\", \"lib\": \"%s\"",
			names[i]);
}
