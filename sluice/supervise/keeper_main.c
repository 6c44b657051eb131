/* The keeper: a process that holds a duplicate of every listener and does nothing until the
 * supervisor is gone. Then it answers with the default errno, or hands everything to a
 * successor, until the last target has ended.
 * SPDX-License-Identifier: MIT
 *
 * Cloned from a process that may have had threads: no allocation, no libc state, bare system
 * calls on static memory (which is this process' own copy). */
#include "supervise/internal.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

static struct {
	struct keeper_job job;
	struct kept kept[MAX_KEPT];
	int fds[MAX_KEPT];
	uint32_t count;
	struct pollfd poll[MAX_KEPT + 4];
	union {
		struct seccomp_notif notif;
		char room[4096];
	} buffer;
	int visitor;            /* a successor who waits, or -1 */
} k;

static void __attribute__((noreturn)) leave(void)
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

static void drop(uint32_t i)
{
	syscall(SYS_close, k.fds[i]);
	k.count--;
	for (; i < k.count; i++) { /* in order: a successor counts on it */
		k.fds[i] = k.fds[i + 1];
		k.kept[i] = k.kept[i + 1];
	}
}

static void send_errno(int fd, uint64_t id)
{
	struct seccomp_notif_resp resp = {
		.id = id, .error = -k.job.journal->set.default_errno};

	while (syscall(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) && errno == EINTR)
		;
}

/* What the supervisor had received and not answered. An id that it did answer in its last
 * moment says ENOENT: nothing is answered twice. */
static void fail_journal(void)
{
	for (uint32_t s = 0; s < k.job.journal->count; s++) {
		struct slot *slot = journal_slot(k.job.journal, s);

		if (atomic_load(&slot->state) == S_FREE)
			continue;
		for (uint32_t i = 0; i < k.count; i++)
			if (k.kept[i].id == slot->listener && slot->notif.id)
				send_errno(k.fds[i], slot->notif.id);
		atomic_store(&slot->state, S_FREE);
	}
}

/* It asks again before RECV, which would wait: another descriptor of the same listener may
 * have brought the call. */
static void answer_one(int fd)
{
	struct pollfd again = {.fd = fd, .events = POLLIN};
	struct timespec none = {0, 0};

	if (syscall(SYS_ppoll, &again, 1, &none, NULL, 0) != 1 || !(again.revents & POLLIN))
		return;
	__builtin_memset(&k.buffer, 0, sizeof(k.buffer));
	if (syscall(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, &k.buffer.notif) == 0)
		send_errno(fd, k.buffer.notif.id);
}

static void dismiss(void)
{
	if (k.visitor >= 0)
		syscall(SYS_close, k.visitor);
	k.visitor = -1;
}

/* Let one successor wait at a time; only our own user or root may. */
static void admit(void)
{
	struct timeval limit = {1, 0};
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	int fd = (int)syscall(SYS_accept4, k.job.door, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	if (peer.uid != 0 && peer.uid != (uid_t)syscall(SYS_geteuid)) {
		syscall(SYS_close, fd);
		return;
	}
	/* It gets a second to take what it asked for: targets wait meanwhile. */
	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	dismiss();
	k.visitor = fd;
}

static void hand_to_visitor(void)
{
	struct journal *j = k.job.journal;

	atomic_store(&j->baton, B_HANDING);
	sc_sluice_offer(k.visitor, k.job.journal_fd, k.kept, k.fds, k.count);
	if (!journal_pass(j, B_HANDING, B_KEEPER))
		leave();
	dismiss();
}

static void poll_door(uint32_t *n)
{
	k.poll[(*n)++] = (struct pollfd){.fd = k.job.door, .events = POLLIN};
	k.poll[(*n)++] = (struct pollfd){.fd = k.visitor, .events = 0};
}

/* The supervisor is gone and the baton ours: nobody else receives. */
static void __attribute__((noreturn)) guard(void)
{
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
			left = -1;
			fail_journal();
		}
		poll_door(&n);
		head = n;
		for (uint32_t i = 0; i < k.count; i++)
			k.poll[n++] = (struct pollfd){
				.fd = k.fds[i], .events = failing ? POLLIN : 0};
		if (wait_for(n, left) < 0)
			continue;
		for (uint32_t i = k.count; i-- > 0;) {
			short events = k.poll[head + i].revents;

			if (events & POLLIN)
				answer_one(k.fds[i]);
			else if (events)
				drop(i);
		}
		if (k.poll[1].revents)
			dismiss();
		if (k.poll[0].revents & POLLIN)
			admit();
	}
	leave();
}

/* The supervisor is gone (or says that it ends): is it for us to go on? */
static void __attribute__((noreturn)) inherit(void)
{
	struct journal *j = k.job.journal;

	if (atomic_load(&j->baton) == B_EMBRYO) {
		/* It died while taking over. One word tells who has the listeners. */
		if (k.job.predecessor &&
			atomic_load(&k.job.predecessor->baton) == B_TAKEN &&
			journal_pass(j, B_EMBRYO, B_KEEPER))
			guard();
		leave();
	}
	if (journal_pass(j, B_SUPERVISOR, B_KEEPER) || journal_pass(j, B_HANDING, B_KEEPER))
		guard();
	leave();
}

/* One word from the supervisor; false at the end of its words. */
static bool listen_once(void)
{
	struct message m;
	int fds[MESSAGE_FDS], n;
	int rc = sc_sluice_recv_message(k.job.socket, &m, fds, &n);

	if (rc == -EAGAIN)
		return false;
	if (rc)
		inherit();
	switch (m.kind) {
	case M_ADD:
		if (n == 1 && k.count < MAX_KEPT) {
			k.kept[k.count] = m.kept[0];
			k.fds[k.count++] = fds[0];
			return true;
		}
		break;
	case M_DROP:
		for (uint32_t i = 0; i < k.count; i++)
			if (k.kept[i].id == m.kept[0].id) {
				drop(i);
				break;
			}
		break;
	case M_GUARD:
		inherit();
		break;
	default:
		leave();
	}
	while (n)
		syscall(SYS_close, fds[--n]);
	return true;
}

static void close_others(void)
{
	int keep[4] = {k.job.socket, k.job.journal_fd, k.job.supervisor_pidfd, k.job.door};
	unsigned from = 0;

	for (;;) {
		int next = -1;

		for (int i = 0; i < 4; i++)
			if (keep[i] >= (int)from && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next < 0)
			break;
		if ((unsigned)next > from)
			syscall(SYS_close_range, from, (unsigned)next - 1, 0);
		from = (unsigned)next + 1;
	}
	if (syscall(SYS_close_range, from, ~0u, 0) && errno == ENOSYS)
		for (int fd = 0; fd < 4096; fd++)
			if (fd != keep[0] && fd != keep[1] && fd != keep[2] && fd != keep[3])
				syscall(SYS_close, fd);
}

void sc_sluice_keeper_main(const struct keeper_job *job)
{
	k.job = *job;
	k.count = 0;
	k.visitor = -1;
	close_others();
	syscall(SYS_setsid); /* out of the group that a kill of the supervisor may mean */
	syscall(SYS_chdir, "/");
	syscall(SYS_prctl, PR_SET_NAME, "sluice-keeper", 0, 0, 0);
	syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* listeners are not for taking */
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
			int on = (int)syscall(SYS_fcntl, k.job.socket, F_GETFL) | O_NONBLOCK;

			syscall(SYS_fcntl, k.job.socket, F_SETFL, on);
			while (listen_once())
				;
			inherit();
		}
		if (k.poll[0].revents)
			listen_once();
		if (k.poll[3].revents)
			dismiss();
		if (k.poll[2].revents & POLLIN)
			admit();
	}
}
