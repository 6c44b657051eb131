/* The supervisor's side of the keeper: start it, tell it, end it.
 * SPDX-License-Identifier: MIT */
#include "internal.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static int unix_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

int sluice_keeper_connect(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int rc = unix_address(path, &address);

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return steal_fd(&fd);
}

static int new_name(const struct sluice_supervisor *sv, char *path, size_t size)
{
	int n = snprintf(path, size, "%s.%d", sv->set.keeper_path, (int)getpid());

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* The door is made under another name and moved into place by publish(): a predecessor's
 * keeper stays reachable until it is sure that it is not needed. */
static int open_door(struct sluice_supervisor *sv)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	char path[sizeof(address.sun_path)];
	int rc;

	if (!sv->set.keeper_path[0])
		return 0;
	if (!sv->predecessor && !sv->keeper) {
		int other = sluice_keeper_connect(sv->set.keeper_path);

		if (other >= 0) {
			close(other);
			return -EADDRINUSE;
		}
	}
	rc = new_name(sv, path, sizeof(path));
	if (!rc)
		rc = unix_address(path, &address);
	if (rc)
		return rc;
	unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of an unbound socket becomes the file's: nobody connects in between. */
	if (fd < 0 || fchmod(fd, 0600) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		return -errno;
	sv->keeper_door = steal_fd(&fd);
	return 0;
}

void sc_sluice_keeper_publish(struct sluice_supervisor *sv)
{
	struct sockaddr_un address;
	char path[sizeof(address.sun_path)];

	if (sv->keeper && sv->set.keeper_path[0] && !new_name(sv, path, sizeof(path)))
		rename(path, sv->set.keeper_path);
}

/* Twice, so that it is init's child and not ours: nobody has to wait for it. */
static int launch(struct sluice_supervisor *sv, int socket)
{
	_cleanup_close_ int self =
		(int)syscall(SYS_pidfd_open, getpid(), 0); /* polls in when we end */
	struct keeper_job job = {sv->journal, sv->predecessor, socket, sv->journal_fd, self,
		sv->keeper_door, sv->proc_fd};
	sigset_t all, old;
	int status = 0;
	pid_t pid;

	if (self < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* and they stay blocked over there */
	pid = sc_sluice_fork(0);
	if (pid == 0) {
		pid = sc_sluice_fork(0);
		if (pid == 0)
			sc_sluice_keeper_main(&job);
		for (;;)
			syscall(SYS_exit_group, pid < 0);
	}
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid < 0 || status ? -EAGAIN : 0;
}

static int start(struct sluice_supervisor *sv)
{
	_cleanup_close_ int ours = -1;
	_cleanup_close_ int theirs = -1;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	rc = open_door(sv);
	if (rc)
		return rc;
	rc = launch(sv, theirs);
	closep(&sv->keeper_door);
	sv->keeper_door = -1;
	if (rc)
		return rc;
	sv->keeper = true;
	sv->keeper_source.fd = steal_fd(&ours);
	if (!sv->predecessor)
		sc_sluice_keeper_publish(sv);
	return sc_sluice_watch(sv, &sv->keeper_source, EPOLLIN);
}

static void reap(struct sluice_supervisor *sv)
{
	if (sv->keeper_source.fd < 0)
		return;
	sc_sluice_unwatch(sv, &sv->keeper_source);
	close(sv->keeper_source.fd);
	sv->keeper_source.fd = -1;
}

static int tell(struct sluice_supervisor *sv, uint32_t kind, const struct kept *kept, int fd)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = kind, .count = kept ? 1 : 0};

	if (sv->keeper_source.fd < 0)
		return -EPIPE;
	if (kept)
		m.kept[0] = *kept;
	return sc_sluice_send_message(sv->keeper_source.fd, &m, &fd, fd >= 0);
}

/* Somebody killed it: a new one, with all that the old one held. */
static void restart(struct sluice_supervisor *sv)
{
	reap(sv);
	if (start(sv))
		return;
	for (struct listener *l = sv->listeners; l; l = l->next) {
		struct kept kept = {l->id, l->deny, l->wait_killable, K_LISTENER};

		tell(sv, M_ADD, &kept, l->source.fd);
	}
	for (struct held h = {0}; sc_sluice_oci_next(sv, &h);)
		tell(sv, M_ADD, &h.kept, h.fd);
	sc_sluice_oci_accepted(sv, -EPIPE);
}

/* A message in flight holds the descriptor even if we die now. */
int sc_sluice_keeper_hold(struct sluice_supervisor *sv, const struct kept *kept, int fd)
{
	int rc;

	if (!sv->keeper)
		return 0;
	if (kept->kind == K_LISTENER && sv->active >= MAX_KEPT)
		return -ENOSPC;
	rc = tell(sv, M_ADD, kept, fd);
	if (rc == -EPIPE) {
		restart(sv);
		rc = tell(sv, M_ADD, kept, fd);
	}
	return rc;
}

int sc_sluice_keeper_add(struct sluice_supervisor *sv, const struct listener *l)
{
	struct kept kept = {l->id, l->deny, l->wait_killable, K_LISTENER};

	return sc_sluice_keeper_hold(sv, &kept, l->source.fd);
}

/* A new one that replaces it is told everything as it is by then. */
void sc_sluice_keeper_mark(struct sluice_supervisor *sv, const struct kept *kept)
{
	if (sv->keeper)
		tell(sv, M_MARK, kept, -1);
}

void sc_sluice_keeper_drop(struct sluice_supervisor *sv, uint32_t kind, uint32_t id)
{
	struct kept kept = {.id = id, .kind = kind};

	if (sv->keeper)
		tell(sv, M_DROP, &kept, -1);
}

/* Have it accept one of @server's connections, as @connection. -EPIPE: it is gone. */
int sc_sluice_keeper_accept(struct sluice_supervisor *sv, uint32_t server, uint32_t connection)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = M_ACCEPT, .count = 2};

	m.kept[0] = (struct kept){.id = server, .kind = K_SERVER};
	m.kept[1] = (struct kept){.id = connection, .kind = K_CONNECTION};
	return sv->keeper_source.fd < 0 ? -EPIPE
					: sc_sluice_send_message(sv->keeper_source.fd, &m, NULL, 0);
}

/* Take its answer to that; waits for it. */
int sc_sluice_keeper_answer(struct sluice_supervisor *sv)
{
	struct message m;
	int fds[MESSAGE_FDS], n = 0;
	int rc = sv->keeper_source.fd < 0
		? -EPIPE
		: sc_sluice_recv_message(sv->keeper_source.fd, &m, fds, &n);

	if (rc == -EPIPE) {
		restart(sv);
		return -EPIPE;
	}
	if (!rc)
		rc = n == 1 ? fds[0] : m.kept[0].deny ? -EAGAIN : -ENOENT;
	sc_sluice_oci_accepted(sv, rc);
	return 0;
}

static void on_keeper(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	sc_sluice_keeper_answer(sv);
}

int sc_sluice_keeper_start(struct sluice_supervisor *sv)
{
	sv->keeper_source.ready = on_keeper;
	return start(sv);
}

/* At the end: it goes on without us (@guard) until the targets have ended, or leaves. */
void sc_sluice_keeper_leave(struct sluice_supervisor *sv, bool guard)
{
	if (!sv->keeper)
		return;
	guard = guard && (sv->active || sv->oci);
	if (guard && sv->oci)
		tell(sv, M_END_OCI, NULL, -1); /* what runtimes have sent and we not seen */
	tell(sv, guard ? M_GUARD : M_LEAVE, NULL, -1);
	reap(sv);
	if (!guard) {
		char path[sizeof(sv->set.keeper_path) + 16];

		if (!sv->handed && sv->set.keeper_path[0])
			unlink(sv->set.keeper_path);
		else if (sv->predecessor && !new_name(sv, path, sizeof(path)))
			unlink(path);
	}
	sv->keeper = false;
}
