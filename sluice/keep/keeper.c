/* The supervisor's side of the keeper: start it, tell it, end it.
 * SPDX-License-Identifier: MIT */
#include "keep/keep.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct keeper {
	struct part part;
	bool on;                /* started, and not left */
	struct source source;   /* the socket to it; hangs up if it dies */
	int door;               /* where successors connect; only until it runs */
	struct place_id made, published; /* its file under the name of the start, and at the path */
	int pass;               /* the keeper's end, for a keeper that replaces it; or -1 */
	struct journal *predecessor; /* mapped while taking over */
	const struct keep_hooks *hooks;
};

static struct keeper *keeper_of(const struct sluice_supervisor *sv)
{
	return (struct keeper *)sv->rooms[ROOM_KEEP];
}

static int unix_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return 0;
}

#define DIAL_S 10

static int dial(const char *path)
{
	const struct timeval limit = {DIAL_S, 0}, none = {0, 0};
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int rc = unix_address(path, &address);

	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* Whoever listens there may have let the queue fill. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none)))
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return steal_fd(&fd);
}

/* Who listens at @path decides what a successor serves, and where that has its own door. In a directory
 * where anybody makes files it may be anybody: so it is to be of our user, of root, or of who alone makes
 * files in the directory. (In a user namespace all users that it does not have show as one.) */
static bool is_believed(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = ".";
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path) + 1, path);
	return stat(directory, &st) == 0 && st.st_uid == peer.uid && !(st.st_mode & 022);
}

int sluice_keeper_connect(const char *path)
{
	int fd = dial(path);

	if (fd >= 0 && !is_believed(fd, path)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

int sluice_keeper_connect_pass(int pass)
{
	_cleanup_close_ int theirs = -1;
	_cleanup_close_ int ours = -1;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	rc = sc_sluice_send_rights(pass, "", 1, &theirs, 1);
	if (rc == -ECONNRESET) /* it ended without having read what was sent before */
		return -EPIPE;
	return rc ? rc : steal_fd(&ours);
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
	struct keeper *k = keeper_of(sv);
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	char path[sizeof(address.sun_path)];
	int rc;

	if (!sv->set.keeper_path[0])
		return 0;
	/* publish() would replace it. */
	rc = !k->predecessor && !k->on ? sc_sluice_check_free(sv->set.keeper_path) : 0;
	if (rc)
		return rc;
	rc = new_name(sv, path, sizeof(path));
	if (!rc)
		rc = unix_address(path, &address);
	/* Of a keeper that was killed before publish(): it may still be ending. */
	if (!rc && sc_sluice_is_there(path, &k->made))
		unlink(path);
	if (!rc)
		rc = sc_sluice_clear(path);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of an unbound socket becomes the file's: nobody connects in between. */
	if (fd < 0 || fchmod(fd, 0600) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	rc = sc_sluice_note(path, &k->made);
	if (!rc && listen(fd, 8))
		rc = -errno;
	if (rc)
		unlink(path);
	else
		k->door = steal_fd(&fd);
	return rc;
}

/* After a start that failed: nobody is behind it. */
static void remove_door(const struct sluice_supervisor *sv)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	if (sv->set.keeper_path[0] && !new_name(sv, path, sizeof(path)))
		sc_sluice_remove(path, &keeper_of(sv)->made);
}

/* Successors find this keeper from now on. */
static void publish(struct sluice_supervisor *sv)
{
	struct keeper *k = keeper_of(sv);
	struct sockaddr_un address;
	char path[sizeof(address.sun_path)];

	if (k && k->on && sv->set.keeper_path[0] && !new_name(sv, path, sizeof(path)) &&
		rename(path, sv->set.keeper_path) == 0)
		k->published = k->made;
}

/* Twice, so that it is init's child and not ours: nobody has to wait for it. */
static int launch(struct sluice_supervisor *sv, int socket)
{
	_cleanup_close_ int self =
		(int)syscall(SYS_pidfd_open, getpid(), 0); /* polls in when we end */
	struct keeper *k = keeper_of(sv);
	struct keeper_job job = {sv->journal, k->predecessor, socket, sv->journal_fd, self,
		k->door, sv->proc.fd, k->made, ""};
	sigset_t all, old;
	int status = 0;
	pid_t pid;

	if (self < 0)
		return -errno;
	snprintf(job.path, sizeof(job.path), "%s", sv->set.keeper_path);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* and they stay blocked over there */
	pid = sc_sluice_fork_hidden(0, NULL);
	if (pid == 0) {
		pid = sc_sluice_fork(0);
		if (pid == 0)
			sc_keep_main(&job);
		for (;;)
			syscall(SYS_exit_group, pid < 0);
	}
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid < 0 || status ? -EAGAIN : 0;
}

/* After unshare(CLONE_NEWPID) children are in another namespace than we: the keeper would die with
 * the targets' init, or be it, and see no successor of ours. */
static bool is_elsewhere(const struct sluice_supervisor *sv)
{
	uint64_t ours = sc_sluice_namespace(&sv->proc, "self", "pid");

	return ours && sc_sluice_namespace(&sv->proc, "self", "pid_for_children") != ours;
}

static void disconnect(struct sluice_supervisor *sv)
{
	struct keeper *k = keeper_of(sv);

	if (k->source.fd < 0)
		return;
	sc_core_unwatch(sv, &k->source);
	close(k->source.fd);
	k->source.fd = -1;
}

static int start(struct sluice_supervisor *sv)
{
	struct keeper *k = keeper_of(sv);
	_cleanup_close_ int ours = -1;
	_cleanup_close_ int theirs = -1;
	const struct timeval limit = {10, 0};
	int pair[2], rc;

	if (is_elsewhere(sv))
		return -EREMOTE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	rc = open_door(sv);
	if (rc)
		return rc;
	/* Before it runs: one that cannot be watched, and has a path, would stay. */
	k->source.fd = steal_fd(&ours);
	rc = sc_core_watch(sv, &k->source, EPOLLIN);
	if (!rc)
		rc = launch(sv, theirs);
	closep(&k->door);
	k->door = -1;
	if (rc) {
		remove_door(sv);
		disconnect(sv);
		return rc;
	}
	/* Somebody of our user may stop it: nothing here waits for it without end. */
	setsockopt(k->source.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(k->source.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	k->on = true;
	if (!k->predecessor)
		publish(sv);
	return 0;
}

bool sc_keep_reachable(const struct sluice_supervisor *sv)
{
	const struct keeper *k = keeper_of(sv);

	return k && k->source.fd >= 0;
}

/* Whether there is one at all, be it that it has to be started anew. */
bool sc_keep_on(const struct sluice_supervisor *sv)
{
	const struct keeper *k = keeper_of(sv);

	return k && k->on;
}

/* -EPIPE: it is gone. */
static int tell(struct sluice_supervisor *sv, uint32_t kind, const struct kept *kept, int fd)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = kind, .count = kept ? 1 : 0};
	int rc;

	if (!sc_keep_reachable(sv))
		return -EPIPE;
	if (kept)
		m.kept[0] = *kept;
	rc = sc_keep_send(keeper_of(sv)->source.fd, &m, &fd, fd >= 0);
	return rc == -ECONNRESET ? -EPIPE : rc; /* once, where it was killed with words unread */
}

static void restart(struct sluice_supervisor *sv);

/* Another one, if it is gone, is told, too. */
static int tell_some(struct sluice_supervisor *sv, uint32_t kind, const struct kept *kept, int fd)
{
	int rc = tell(sv, kind, kept, fd);

	if (rc != -EPIPE)
		return rc;
	restart(sv);
	return tell(sv, kind, kept, fd);
}

/* The keeper waits at one end; over the other a successor's socket comes. */
int sluice_keeper_pass(struct sluice_supervisor *supervisor)
{
	struct keeper *k = keeper_of(supervisor);
	_cleanup_close_ int theirs = -1;
	_cleanup_close_ int ours = -1;
	int pair[2], rc;

	if (!k || !k->on)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	rc = tell_some(supervisor, M_PASS, NULL, theirs);
	if (rc)
		return rc;
	closep(&k->pass);
	k->pass = steal_fd(&theirs);
	return steal_fd(&ours);
}

/* The next socket of those that the hooks know of. */
bool sc_keep_next(struct sluice_supervisor *sv, struct kept_socket *at)
{
	const struct keep_hooks *hooks = keeper_of(sv)->hooks;

	return hooks && hooks->next(sv, at);
}

static void accepted(struct sluice_supervisor *sv, int fd)
{
	const struct keep_hooks *hooks = keeper_of(sv)->hooks;

	if (hooks)
		hooks->accepted(sv, fd);
	else if (fd >= 0)
		close(fd);
}

static void tell_all(struct sluice_supervisor *sv)
{
	for (struct listener *l = sv->listeners.first; l; l = l->next) {
		struct kept kept = {l->id, l->deny, l->wait_killable, K_LISTENER};

		tell(sv, M_ADD, &kept, l->source.fd);
	}
	for (struct kept_socket h = {0}; sc_keep_next(sv, &h);)
		tell(sv, M_ADD, &h.kept, h.fd);
	if (keeper_of(sv)->pass >= 0)
		tell(sv, M_PASS, NULL, keeper_of(sv)->pass);
}

/* Somebody killed it: a new one, with all that the old one held. If none can be started, what comes next tries
 * again; nobody waits for an answer of the old one. */
static void restart(struct sluice_supervisor *sv)
{
	disconnect(sv);
	if (!start(sv))
		tell_all(sv);
	accepted(sv, -EPIPE);
}

/* A message in flight holds the descriptor even if we die now. -EPIPE: there is no keeper, and cannot be. */
int sc_keep_hold(struct sluice_supervisor *sv, const struct kept *kept, int fd)
{
	if (!sc_keep_on(sv))
		return 0;
	if (kept->kind == K_LISTENER && sv->listeners.active >= MAX_KEPT)
		return -ENOSPC;
	return tell_some(sv, M_ADD, kept, fd);
}

/* A new one that replaces it is told everything as it is by then. */
void sc_keep_mark(struct sluice_supervisor *sv, const struct kept *kept)
{
	if (sc_keep_on(sv))
		tell(sv, M_MARK, kept, -1);
}

void sc_keep_drop(struct sluice_supervisor *sv, uint32_t kind, uint32_t id)
{
	struct kept kept = {.id = id, .kind = kind};

	if (sc_keep_on(sv))
		tell(sv, M_DROP, &kept, -1);
}

/* Have it accept one of @server's connections, as @connection. -EPIPE: it is gone. */
int sc_keep_accept(struct sluice_supervisor *sv, uint32_t server, uint32_t connection)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = M_ACCEPT, .count = 2};

	m.kept[0] = (struct kept){.id = server, .kind = K_SERVER};
	m.kept[1] = (struct kept){.id = connection, .kind = K_CONNECTION};
	return sc_keep_reachable(sv) ? sc_keep_send(keeper_of(sv)->source.fd, &m, NULL, 0)
				     : -EPIPE;
}

/* Take its answer to that; waits for it. */
int sc_keep_answer(struct sluice_supervisor *sv)
{
	struct message m;
	int fds[MESSAGE_FDS], n = 0;
	int rc = sc_keep_reachable(sv) ? sc_keep_recv(keeper_of(sv)->source.fd, &m, fds, &n)
				       : -EPIPE;

	if (rc == -EPIPE) {
		restart(sv);
		return -EPIPE;
	}
	if (rc == -ENOMEM || rc == -ENOBUFS)
		return 0; /* the answer is still there, and would be taken for that to the next question */
	if (!rc)
		rc = n == 1 ? fds[0] : m.kept[0].deny ? -EAGAIN : -ENOENT;
	accepted(sv, rc);
	return 0;
}

static void on_keeper(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	sc_keep_answer(sv);
}

static int on_added(struct sluice_supervisor *sv, const struct listener *l)
{
	struct kept kept = {l->id, l->deny, l->wait_killable, K_LISTENER};

	return sc_keep_hold(sv, &kept, l->source.fd);
}

static void on_changed(struct sluice_supervisor *sv, const struct listener *l)
{
	sc_keep_mark(sv, &(struct kept){l->id, l->deny, l->wait_killable, K_LISTENER});
}

static void on_dropped(struct sluice_supervisor *sv, const struct listener *l)
{
	sc_keep_drop(sv, K_LISTENER, l->id);
}

static void free_keeper(struct part *part)
{
	closep(&((struct keeper *)part)->pass);
	free(part);
}

int sc_keep_begin(struct sluice_supervisor *sv, struct journal *predecessor,
	const struct keep_hooks *hooks)
{
	static const struct listener_hooks listener_hooks = {on_added, on_changed, on_dropped};
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	*k = (struct keeper){.part = {free_keeper},
		.source = {-1, on_keeper, NULL, NULL},
		.door = -1,
		.pass = -1,
		.predecessor = predecessor,
		.hooks = hooks};
	sv->rooms[ROOM_KEEP] = &k->part;
	sv->listeners.hooks = &listener_hooks;
	return sv->set.keeper ? start(sv) : 0;
}

/* The predecessor's journal goes: what was its is ours. */
void sc_keep_succeeded(struct sluice_supervisor *sv)
{
	publish(sv);
	keeper_of(sv)->predecessor = NULL;
}

/* At the end: it goes on without us (@guard) until the targets have ended, or leaves. */
void sc_keep_leave(struct sluice_supervisor *sv, bool guard)
{
	struct keeper *k = keeper_of(sv);
	bool sockets;

	if (!k || !k->on)
		return;
	sockets = sc_keep_next(sv, &(struct kept_socket){0});
	guard = guard && (sv->listeners.active || sockets);
	if (guard && sockets)
		tell_some(sv, M_END_OCI, NULL, -1); /* what runtimes have sent and we not seen */
	if (guard)
		tell_some(sv, M_GUARD, NULL, -1);
	else
		tell(sv, M_LEAVE, NULL, -1);
	closep(&k->pass); /* or who comes with it waits for a keeper that has left */
	k->pass = -1;
	disconnect(sv);
	if (!guard) {
		if (!sv->passed_on && sv->set.keeper_path[0])
			sc_sluice_remove(sv->set.keeper_path, &k->published);
		else if (k->predecessor)
			remove_door(sv);
	}
	k->on = false;
}
