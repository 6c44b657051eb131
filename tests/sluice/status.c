/* Who may take over from the keeper, by what its status in /proc says.
 * SPDX-License-Identifier: MIT */
#include "keep/keep.h"
#include "tap.h"

#define PEER 1234567890

static void write_status(const char *dir, const char *before, const char *after)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d", dir, PEER);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
	strcat(path, "/status");
	f = fopen(path, "we");
	CHECK(f && fprintf(f, "%s%d%s", before, PEER, after) > 0);
	CHECK_EQ(fclose(f), 0);
}

static void statuses(void)
{
	static const struct {
		const char *before, *after; /* its number */
		bool may;
	} cases[] = {{"Name:\tx\nPid:\t", "\nSeccomp:\t0\nSeccomp_filters:\t0\n", true},
		{"\nPid:\t", ":\nSeccomp:\t0/", true},
		{"Pid:\t1\nNgid:\t", "\nPid:\t2\nSeccomp:\t0\n", false},
		{"\nPid:\t", "1\nSeccomp:\t0\n", false}, {"\nPid:\t", "\nSeccomp:\t2\n", false},
		{"\nPid:\t", "\nSeccomp:\t1\n", false}, {"\nPid:\t", "\nSeccomp:\t10\n", false},
		{"\nPid:\t", "\nSeccomp:\t9\n", false},
		{"\nPid:\t", "\nSeccomp_filters:\t0\n", false},
		{"\nPid:\t", "\nxSeccomp:\t0\n", false}, {"Pid:\t", "\nSeccomp:\t0\n", false},
		{"\nTgid:\t", "\nSeccomp:\t0\n", false}, {"\nPid:\t", "\n", false}};
	const char *dir = scratch_dir();
	const struct ucred me = {PEER, geteuid(), getegid()}, other = {PEER, geteuid() + 1, 0};
	int proc = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), pidfd;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(proc >= 0 && pidfd >= 0);
	CHECK(!sc_keep_peer_may(proc, &me, pidfd)); /* no such file */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		write_status(dir, cases[i].before, cases[i].after);
		if (sc_keep_peer_may(proc, &me, pidfd) != cases[i].may)
			printf("# case %zu\n", i);
		CHECK_EQ(sc_keep_peer_may(proc, &me, pidfd), cases[i].may);
	}
	write_status(dir, cases[0].before, cases[0].after);
	CHECK(!sc_keep_peer_may(proc, &other, pidfd));
	CHECK(sc_keep_peer_may(proc, &me, pidfd));
	close(0); /* which the file gets, whatever has failed before */
	errno = ENOSYS;
	CHECK(sc_keep_peer_may(proc, &me, pidfd));
	CHECK_EQ(fcntl(0, F_GETFD), -1);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(!sc_keep_peer_may(proc, &me, pidfd)); /* it has ended */
	close(pidfd);
	close(proc);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"filters, of this process and of no other", statuses},
	{NULL, NULL}};
