/* The keeper: a process that holds a duplicate of every listener and does nothing until the
 * supervisor is gone. Then it answers with the default errno, or hands everything to a
 * successor, until the last target has ended.
 * SPDX-License-Identifier: MIT
 *
 * Cloned from a process that may have had threads: no allocation, no libc state, bare system
 * calls on static memory (which is this process' own copy). */
#include "keep/keep.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static struct {
	struct keeper_job job;
	struct kept kept[MAX_KEPT + MAX_SPARE];
	int fds[MAX_KEPT + MAX_SPARE];
	uint32_t count;
	struct pollfd poll[MAX_KEPT + MAX_SPARE + 5];
	union {
		struct seccomp_notif notif;
		char room[4096];
	} buffer;
	int visitor;            /* a successor who waits, or -1 */
	int visitor_pidfd;      /* or -1: it came with the pass, whoever it is */
	struct ucred peer;
	int pass;               /* sockets of successors come over it; or -1 */
} k;

static void __attribute__((noreturn)) quit(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

static uint64_t now_ms(void)
{
	struct timespec t = {0};

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static long wait_for(uint32_t n, int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	return syscall(SYS_ppoll, k.poll, n, ms < 0 ? NULL : &t, NULL, 0);
}

static bool add(const struct kept *kept, int fd)
{
	if (k.count == MAX_KEPT + MAX_SPARE)
		return false;
	k.kept[k.count] = *kept;
	k.fds[k.count++] = fd;
	return true;
}

/* Where it is, or k.count. */
static uint32_t find(uint32_t kind, uint32_t id)
{
	uint32_t i = 0;

	while (i < k.count && (k.kept[i].kind != kind || k.kept[i].id != id))
		i++;
	return i;
}

static void forget(uint32_t i)
{
	k.count--;
	for (; i < k.count; i++) { /* in order: a successor counts on it */
		k.fds[i] = k.fds[i + 1];
		k.kept[i] = k.kept[i + 1];
	}
}

static void drop(uint32_t i)
{
	syscall(SYS_close, k.fds[i]);
	forget(i);
}

static void send_errno(int fd, uint64_t id)
{
	sc_sluice_send(fd, id, 0, -k.job.journal->set.default_errno, 0);
}

/* What the supervisor had received and not answered. An id that it did answer in its last
 * moment says ENOENT: nothing is answered twice. */
static void fail_journal(void)
{
	for (uint32_t s = 0; s < k.job.journal->count; s++) {
		struct slot *slot = journal_slot(k.job.journal, s);
		uint32_t at;

		if (atomic_load(&slot->state) == S_FREE)
			continue;
		at = find(K_LISTENER, slot->listener);
		if (at < k.count && slot->notif.id)
			send_errno(k.fds[at], slot->notif.id);
		atomic_store(&slot->state, S_FREE);
	}
}

/* It asks again before RECV, which would wait: another descriptor of the same listener may
 * have brought the call. False: it is no listener, and would be readable for ever. */
static bool answer_one(int fd)
{
	struct pollfd again = {.fd = fd, .events = POLLIN};
	struct timespec none = {0, 0};

	if (syscall(SYS_ppoll, &again, 1, &none, NULL, 0) != 1 || !(again.revents & POLLIN))
		return true;
	__builtin_memset(&k.buffer, 0, sizeof(k.buffer));
	if (syscall(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, &k.buffer.notif))
		return errno != ENOTTY;
	send_errno(fd, k.buffer.notif.id);
	return true;
}

/* A descriptor that came over a connection: if it is a listener that we do not know we refuse
 * its calls from now on. False: it is still the caller's. */
static bool keep_stranger(int fd)
{
	struct kept kept = {.id = k.job.journal->listeners, .deny = 1};
	bool known = !sc_sluice_is_listener(k.job.proc_fd, fd);

	for (uint32_t i = 0; i < k.count && !known; i++)
		known = k.kept[i].kind == K_LISTENER &&
			sc_sluice_same_file(k.fds[i], fd) > 0;
	if (known || !add(&kept, fd))
		return false;
	k.job.journal->listeners++;
	return true;
}

/* Keep what a connection still holds; nothing can be sent over it any more. */
static void end_connection(int socket)
{
	static union {
		char bytes[CMSG_SPACE(sizeof(int) * MAX_RIGHTS)];
		struct cmsghdr align;
	} control;
	static char text[32768];
	static int fds[MAX_RIGHTS];
	unsigned count, others, strange = 0;

	syscall(SYS_shutdown, socket, SHUT_RD);
	while (strange <= MAX_STRANGE) {
		struct iovec iov = {text, sizeof(text)};
		struct msghdr h = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes)};
		long n = syscall(SYS_recvmsg, socket, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			syscall(SYS_close, socket);
			return;
		}
		count = sc_sluice_rights(&h, fds, MAX_RIGHTS);
		others = 0;
		for (unsigned i = 0; i < count; i++)
			if (!keep_stranger(fds[i]))
				fds[others++] = fds[i];
		strange += others > 0;
		sc_sluice_discard(fds, others);
	}
	sc_sluice_discard(&socket, 1); /* with what is in it */
}

/* What a peer sends out of band, a listener perhaps beside it, is to come with the rest. */
static int accept_one(int server)
{
	int fd = (int)syscall(SYS_accept4, server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int on = 1;

	if (fd >= 0)
		syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	return fd;
}

/* Runtimes that come now find nobody; those that came have sent listeners whose targets wait. */
static void end_oci(void)
{
	uint32_t i = 0;
	int fd;

	while (i < k.count) {
		if (k.kept[i].kind == K_LISTENER) {
			i++;
			continue;
		}
		if (k.kept[i].kind == K_SERVER) {
			syscall(SYS_shutdown, k.fds[i], SHUT_RD);
			while ((fd = accept_one(k.fds[i])) >= 0)
				end_connection(fd);
			syscall(SYS_close, k.fds[i]);
		} else {
			end_connection(k.fds[i]);
		}
		forget(i); /* the rest moves up, what came is at the end */
	}
}

/* Accept for the supervisor: if it is killed with the only descriptor of a connection, what a
 * runtime sent goes with it. Asked again, it gets another one. */
static void accept_for(const struct message *m)
{
	struct message answer = {.magic = JOURNAL_MAGIC, .kind = M_ACCEPTED, .count = 1};
	uint32_t at = find(K_CONNECTION, m->kept[1].id), server;
	int fd = -1;

	answer.kept[0] = m->kept[1];
	if (at < k.count) {
		fd = k.fds[at];
	} else {
		server = find(K_SERVER, m->kept[0].id);
		if (server < k.count)
			fd = accept_one(k.fds[server]);
		if (fd >= 0 && !add(&m->kept[1], fd)) {
			syscall(SYS_close, fd);
			fd = -1;
		}
	}
	if (sc_keep_send(k.job.socket, &answer, &fd, fd >= 0) && fd >= 0) {
		answer.kept[0].deny = 1; /* it is here, but cannot travel now */
		sc_keep_send(k.job.socket, &answer, NULL, 0);
	}
}

static void dismiss(void)
{
	if (k.visitor >= 0) {
		syscall(SYS_close, k.visitor);
		if (k.visitor_pidfd >= 0)
			syscall(SYS_close, k.visitor_pidfd);
	}
	k.visitor = -1;
}

/* Let one successor wait at a time. It gets a second to take what it asked for: targets wait
 * meanwhile. */
static void receive_visitor(int fd, int pidfd)
{
	struct timeval limit = {1, 0};

	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	dismiss();
	k.visitor = fd;
	k.visitor_pidfd = pidfd;
}

/* At the door, where anybody can come. */
static void admit(void)
{
	struct ucred peer;
	int fd = (int)syscall(SYS_accept4, k.job.door, NULL, NULL, SOCK_CLOEXEC);
	int pidfd;

	if (fd < 0)
		return;
	pidfd = sc_keep_peer(fd, &peer);
	if (pidfd < 0 || !sc_keep_peer_may(k.job.proc_fd, &peer, pidfd)) {
		if (pidfd >= 0)
			syscall(SYS_close, pidfd);
		syscall(SYS_close, fd);
		return;
	}
	receive_visitor(fd, pidfd);
	k.peer = peer;
}

/* With the pass, which only the supervisor gives out. */
static void admit_with_pass(void)
{
	unsigned n = 0;
	int fd, on;
	char byte;

	if (sc_sluice_recv_rights(k.pass, &byte, 1, &fd, 1, &n) == -EPIPE) {
		syscall(SYS_close, k.pass); /* nobody has it any more */
		k.pass = -1;
		return;
	}
	if (!n)
		return;
	on = (int)syscall(SYS_fcntl, fd, F_GETFL);
	syscall(SYS_fcntl, fd, F_SETFL, on & ~O_NONBLOCK);
	receive_visitor(fd, -1);
}

static void hand_to_visitor(void)
{
	struct journal *j = k.job.journal;
	uint32_t offer;

	/* filtered meanwhile, or dead? */
	if (k.visitor_pidfd >= 0 && !sc_keep_peer_may(k.job.proc_fd, &k.peer, k.visitor_pidfd)) {
		dismiss();
		return;
	}
	offer = journal_offer(j);
	sc_keep_offer(k.visitor, offer, k.job.journal_fd, k.kept, k.fds, k.count);
	if (!journal_pass(j, offer, B_KEEPER))
		quit();
	dismiss();
}

static void poll_door(uint32_t *n)
{
	k.poll[(*n)++] = (struct pollfd){.fd = k.job.door, .events = POLLIN};
	k.poll[(*n)++] = (struct pollfd){.fd = k.visitor, .events = 0};
	k.poll[(*n)++] = (struct pollfd){.fd = k.pass, .events = POLLIN};
}

/* @p as poll_door() has filled it. */
static void look_at_door(const struct pollfd *p)
{
	if (p[1].revents)
		dismiss();
	if (p[0].revents & POLLIN)
		admit();
	if (p[2].revents)
		admit_with_pass();
}

/* The supervisor is gone and the baton ours: nobody else receives. */
static void __attribute__((noreturn)) guard(void)
{
	const char *path = k.job.path;
	uint64_t until = now_ms() + k.job.journal->set.grace_ms;
	bool failing = false;

	while (k.count) {
		uint32_t n = 0, head;
		int64_t left;

		if (k.visitor >= 0)
			hand_to_visitor();
		left = failing ? -1 : (int64_t)(until - now_ms());
		if (!failing && left <= 0) {
			failing = true;
			fail_journal();
			end_oci();
			continue;
		}
		poll_door(&n);
		head = n;
		for (uint32_t i = 0; i < k.count; i++)
			k.poll[n++] = (struct pollfd){
				.fd = k.kept[i].kind == K_LISTENER ? k.fds[i] : -1,
				.events = failing ? POLLIN : 0};
		if (wait_for(n, left) < 0)
			continue;
		for (uint32_t i = k.count; i-- > 0;) {
			short events = k.poll[head + i].revents;

			if (events && (!(events & POLLIN) || !answer_one(k.fds[i])))
				drop(i);
		}
		look_at_door(k.poll);
	}
	/* Nobody will come: all targets have ended. */
	if (k.job.door >= 0 && path[0] == '/')
		sc_sluice_remove(path, &k.job.made);
	quit();
}

/* A supervisor that takes over makes its door under a name of its own. It died before it could move
 * that to where the next one looks: move it if this keeper has the listeners, else remove it. A relative
 * path stays as it is, because this process has left the directory. */
static void settle_door(bool ours)
{
	const char *path = k.job.path;
	struct sockaddr_un made;
	socklen_t size = sizeof(made);

	__builtin_memset(&made, 0, sizeof(made));
	if (!k.job.predecessor || k.job.door < 0 || path[0] != '/' ||
		getsockname(k.job.door, (struct sockaddr *)&made, &size) ||
		!sc_sluice_is_there(made.sun_path, &k.job.made))
		return;
	if (ours)
		syscall(SYS_renameat2, AT_FDCWD, made.sun_path, AT_FDCWD, path, 0);
	else
		syscall(SYS_unlinkat, AT_FDCWD, made.sun_path, 0);
}

/* The supervisor is gone (or says that it ends): is it for us to go on? */
static void __attribute__((noreturn)) inherit(void)
{
	struct journal *j = k.job.journal;
	uint32_t word = atomic_load(&j->baton);
	bool ours = false;

	if (word == B_EMBRYO) /* It died while taking over. One word tells who has the listeners. */
		ours = k.job.predecessor &&
			atomic_load(&k.job.predecessor->baton) == B_TAKEN &&
			journal_pass(j, B_EMBRYO, B_KEEPER);
	else if (word == B_SUPERVISOR || (word & 0xff) == B_OFFERED)
		ours = journal_pass(j, word, B_KEEPER);
	settle_door(ours);
	if (ours)
		guard();
	quit();
}

/* One word from the supervisor. -EPIPE at the end of its words, -EAGAIN if there is none now. -EMFILE: it is
 * taken, but not its descriptors, which this process has no room for, and does not keep. */
static int listen_once(void)
{
	struct message m;
	int fds[MESSAGE_FDS], n;
	int rc = sc_keep_recv(k.job.socket, &m, fds, &n);
	uint32_t at;

	if (rc)
		return rc;
	at = find(m.kept[0].kind, m.kept[0].id);
	switch (m.kind) {
	case M_ADD:
		if (n == 1 && add(&m.kept[0], fds[0]))
			return 0;
		break;
	case M_DROP:
		if (at < k.count)
			drop(at);
		break;
	case M_MARK:
		if (at < k.count)
			k.kept[at] = m.kept[0];
		break;
	case M_ACCEPT:
		accept_for(&m);
		break;
	case M_END_OCI:
		end_oci();
		break;
	case M_PASS:
		if (k.pass >= 0)
			syscall(SYS_close, k.pass);
		k.pass = n == 1 ? fds[0] : -1;
		n -= n == 1;
		break;
	case M_GUARD:
		inherit();
		break;
	default:
		quit();
	}
	while (n)
		syscall(SYS_close, fds[--n]);
	return 0;
}

/* The program's own may be low for all that ends up here. */
static void raise_limit(void)
{
	struct { /* include/uapi/linux/resource.h: struct rlimit64 */
		uint64_t cur, max;
	} limit;

	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0) {
		limit.cur = limit.max;
		syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
	}
}

void sc_keep_main(const struct keeper_job *job)
{
	const int keep[5] = {job->socket, job->journal_fd, job->supervisor_pidfd, job->door,
		job->proc_fd};

	k.job = *job;
	k.count = 0;
	k.visitor = k.pass = -1;
	sc_sluice_close_others(keep, 5);
	raise_limit();
	syscall(SYS_setsid); /* out of the group that a kill of the supervisor may mean */
	syscall(SYS_chdir, "/");
	syscall(SYS_prctl, PR_SET_NAME, "sluice-keeper");
	syscall(SYS_prctl, PR_SET_DUMPABLE, 0); /* listeners are not for taking */
	for (;;) {
		uint32_t n = 0;

		k.poll[n++] = (struct pollfd){.fd = k.job.socket, .events = POLLIN};
		k.poll[n++] =
			(struct pollfd){.fd = k.job.supervisor_pidfd, .events = POLLIN};
		poll_door(&n);
		if (wait_for(n, -1) < 0)
			continue;
		if (k.poll[1].revents) {
			/* Its last words are in the socket; it cannot say more. */
			int on = (int)syscall(SYS_fcntl, k.job.socket, F_GETFL) | O_NONBLOCK, rc;

			syscall(SYS_fcntl, k.job.socket, F_SETFL, on);
			do
				rc = listen_once();
			while (rc == 0 || rc == -EMFILE);
			inherit();
		}
		if (k.poll[0].revents) {
			int rc = listen_once();

			if (rc == -EPIPE || rc == -EPROTO)
				inherit();
		}
		look_at_door(k.poll + 2);
	}
}
