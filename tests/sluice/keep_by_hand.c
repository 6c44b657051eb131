/* See keep_by_hand.h.
 * SPDX-License-Identifier: MIT */
#include "keep_by_hand.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/un.h>

struct by_hand h;

struct journal *new_journal(uint32_t baton, int *fd)
{
	const struct settings set = {
		.default_errno = EXDEV, .workers = 1, .max_pending = 4, .grace_ms = 100};
	struct journal *journal;

	CHECK_EQ(sc_core_journal_new(&set, fd, &journal), 0);
	atomic_store(&journal->baton, baton);
	return journal;
}

void start_keeper(uint32_t baton)
{
	struct keeper_job job;
	int pair[2];

	h.journal = new_journal(baton, &h.journal_fd);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	h.supervisor = fork();
	if (h.supervisor == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	job = (struct keeper_job){.journal = h.journal,
		.predecessor = h.predecessor,
		.socket = pair[1],
		.journal_fd = h.journal_fd,
		.supervisor_pidfd = (int)syscall(SYS_pidfd_open, h.supervisor, 0),
		.door = h.door ? h.door : -1,
		.proc_fd = open("/proc", O_PATH | O_CLOEXEC),
		.made = h.made};
	strcpy(job.path, h.path);
	/* Others have this memory, too. */
	strcpy(h.journal->set.keeper_path, "/proc/elsewhere");
	CHECK(job.supervisor_pidfd >= 0 && job.proc_fd >= 0);
	h.keeper = fork();
	if (h.keeper == 0) {
		const struct rlimit few = {FEW, FEW};

		CHECK(!h.uid || (setrlimit(RLIMIT_NOFILE, &few) == 0 &&
					setresuid(h.uid, h.uid, h.uid) == 0 &&
					prctl(PR_SET_DUMPABLE, 1) == 0));
		sc_keep_main(&job);
	}
	close(pair[1]);
	close(job.supervisor_pidfd);
	close(job.proc_fd);
	h.socket = pair[0];
}

void say(uint32_t kind, const struct kept *kept, int fd, int count)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = kind, .count = kept ? 1 : 0};
	int fds[2] = {fd, fd};

	if (kept)
		m.kept[0] = *kept;
	CHECK_EQ(sc_keep_send(h.socket, &m, fds, count), 0);
}

struct kept of(uint32_t kind, uint32_t id)
{
	return (struct kept){.id = id, .kind = kind};
}

struct box give_box(uint32_t id)
{
	struct box box = new_box();
	struct kept kept = of(K_LISTENER, id);

	say(M_ADD, &kept, box.listener, 1);
	close(box.listener);
	return box;
}

void kill_supervisor(void)
{
	CHECK_EQ(kill(h.supervisor, SIGKILL), 0);
	CHECK_EQ(waitpid(h.supervisor, NULL, 0), h.supervisor);
}

void check_end(uint32_t baton)
{
	uint32_t word;
	int status;

	CHECK_EQ(waitpid(h.keeper, &status, 0), h.keeper);
	CHECK_EQ(status, 0);
	word = atomic_load(&h.journal->baton);
	CHECK_EQ(word, baton);
	close(h.socket);
	close(h.journal_fd);
	sc_core_journal_unmap(h.journal);
}

static int fds_of_keeper(void)
{
	char path[64];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)h.keeper);
	d = opendir(path);
	if (!d)
		SKIP("may not look at another process' descriptors");
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

void await_fds(int wanted)
{
	while (fds_of_keeper() != wanted)
		usleep(1000);
}

int visit(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int give_pass(void)
{
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say(M_PASS, NULL, pair[1], 1);
	close(pair[1]);
	return pair[0];
}
