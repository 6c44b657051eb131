/* Runs a program as an engine runs a container's: below a seccomp filter, with few
 * capabilities. SPDX-License-Identifier: MIT
 *
 * under FILTER CAPABILITIES USER PROGRAM [ARGUMENT]...: a file of raw instructions, a
 * hexadecimal set, and the number of a user (0: root, with these capabilities). */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "under: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void load(const char *file)
{
	static struct sock_filter filter[BPF_MAXINSNS];
	struct sock_fprog program = {0, filter};
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, filter, sizeof(filter));

	if (n <= 0)
		die(file);
	program.len = (unsigned short)((size_t)n / sizeof(*filter));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		die("seccomp");
}

/* The engine's: before anything is given up, which the filter lets it do. */
static void give_up(uint64_t caps, unsigned user)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (geteuid())
		return; /* an ordinary user already */
	for (int cap = 0; cap < 64; cap++)
		if (!(caps >> cap & 1) && prctl(PR_CAPBSET_READ, cap) == 1 &&
			prctl(PR_CAPBSET_DROP, cap))
			die("capabilities");
	if (user && (setgroups(0, NULL) || setgid(user) || setuid(user)))
		die("user");
	if (user)
		return;
	if (syscall(SYS_capget, &header, data))
		die("capget");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(caps >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data))
		die("capset");
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 125;
	load(argv[1]);
	give_up(strtoull(argv[2], NULL, 16), (unsigned)atoi(argv[3]));
	execv(argv[4], argv + 4);
	die(argv[4]);
}
