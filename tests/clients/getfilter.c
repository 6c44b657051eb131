/* Runs a program under ptrace and takes the seccomp filters of every process and thread of it
 * as each one ends: getfilter DIR PROGRAM [ARGUMENTS...]
 *
 * Each filter becomes DIR/SEQUENCE-COMM-PID-DEPTH.bpf, raw struct sock_filter of this machine,
 * depth 0 the one loaded last. At PTRACE_EVENT_EXIT a task still has its filters, killed by
 * SIGSYS or not (kernel/exit.c do_exit()). The exit status is the program's own; 99 means that
 * the kernel would not hand the filters out (ptrace(2), PTRACE_SECCOMP_GET_FILTER: needs
 * CAP_SYS_ADMIN, CONFIG_CHECKPOINT_RESTORE, and a tracer without a filter).
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

#define CANNOT 99

static const char *out_dir;
static unsigned int sequence;
static bool refused;

/* The value of a line of /proc/PID/status, without its surrounding white space. */
static void status_field(pid_t pid, const char *field, char *value, size_t size)
{
	char path[64], line[256];
	size_t len = strlen(field);

	snprintf(value, size, "?");
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, len) || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, size, "%s", line + len + 1 + strspn(line + len + 1, "\t "));
		break;
	}
	if (f)
		fclose(f);
}

static void save(pid_t pid, const char *comm, long depth, const struct sock_filter *insns,
	long len)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%06u-%s-%d-%ld.bpf", out_dir, sequence, comm, pid,
		depth);
	FILE *f = fopen(path, "we");
	if (!f || fwrite(insns, sizeof(*insns), (size_t)len, f) != (size_t)len) {
		perror(path);
		refused = true;
	}
	if (f && fclose(f))
		refused = true;
}

static void take(pid_t pid)
{
	static struct sock_filter insns[BPF_MAXINSNS];
	char comm[64], mode[16];

	status_field(pid, "Seccomp", mode, sizeof(mode));
	if (strcmp(mode, "2"))
		return;
	status_field(pid, "Name", comm, sizeof(comm));
	for (char *c = comm; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._+", *c))
			*c = '_';
	sequence++;
	for (long depth = 0;; depth++) {
		/* The third argument is the depth, the fourth the buffer or nothing. */
		long len = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, depth, NULL);
		if (len > 0 && len <= BPF_MAXINSNS)
			len = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, depth, insns);
		if (len < 0 && (errno == ENOENT || errno == ESRCH))
			return;
		if (len <= 0 || len > BPF_MAXINSNS) {
			fprintf(stderr, "getfilter: %s (%d): %s\n", comm, pid, strerror(errno));
			refused = true;
			return;
		}
		save(pid, comm, depth, insns, len);
	}
}

static void go_on(pid_t pid, int status)
{
	int event = status >> 16;
	long signal = 0;

	if (event == PTRACE_EVENT_EXIT) {
		take(pid);
	} else if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
		ptrace(PTRACE_LISTEN, pid, 0, 0); /* stays stopped, as the sender wanted */
		return;
	} else if (!event) {
		signal = WSTOPSIG(status);
	}
	ptrace(PTRACE_CONT, pid, 0, signal);
}

/* Until the last task is gone. Returns the exit status of @program. */
static int trace(pid_t program)
{
	int result = CANNOT;

	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return result;
		if (WIFSTOPPED(status))
			go_on(pid, status);
		else if (pid == program)
			result = WIFEXITED(status) ? WEXITSTATUS(status)
						   : 128 + WTERMSIG(status);
	}
}

int main(int argc, char **argv)
{
	int gate[2];
	char byte = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: getfilter DIR PROGRAM [ARGUMENTS...]\n");
		return CANNOT;
	}
	out_dir = argv[1];
	if (pipe(gate))
		return CANNOT;
	pid_t pid = fork();
	if (pid < 0)
		return CANNOT;
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1) {
			close(gate[0]);
			execvp(argv[2], argv + 2);
			perror(argv[2]);
		}
		_exit(127);
	}
	close(gate[0]);
	if (ptrace(PTRACE_SEIZE, pid, 0,
		    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			    PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)) {
		perror("getfilter: PTRACE_SEIZE");
		return CANNOT; /* the closed pipe ends the child */
	}
	if (write(gate[1], &byte, 1) != 1)
		return CANNOT;
	close(gate[1]);
	int result = trace(pid);
	return refused ? CANNOT : result;
}
