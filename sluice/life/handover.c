/* Handing everything to a successor, and taking it.
 * SPDX-License-Identifier: MIT
 *
 * The journal's baton decides who has the listeners, at one instruction, whoever is
 * killed when: the giver offers (B_OFFERED), the taker sets up a whole supervisor with a keeper of its
 * own (B_EMBRYO) and then moves the giver's baton to B_TAKEN. Before that the giver can take
 * its offer back, after it both keepers know. */
#include "life/life.h"

static void pass_on(struct sluice_supervisor *sv)
{
	sv->passed_on = true;
	sc_core_resolve(sv, R_PASSED_ON);
	sc_core_disown_all(sv);
	sc_keep_leave(sv, false);
	sc_oci_stop(sv);
	while (sv->listeners.first)
		sc_core_drop_listener(sv, sv->listeners.first);
}

static int gather(struct sluice_supervisor *sv, struct kept **kept, int **fds)
{
	int rc = sc_oci_settle(sv);
	uint32_t n = sv->listeners.active + 1;

	if (rc)
		return rc;
	for (struct kept_socket h = {0}; sc_keep_next(sv, &h);)
		n++;
	*kept = calloc(n, sizeof(**kept));
	*fds = calloc(n, sizeof(**fds));
	if (!*kept || !*fds)
		return -ENOMEM;
	n = 0;
	for (struct listener *l = sv->listeners.first; l; l = l->next) {
		(*kept)[n] = (struct kept){l->id, l->deny, l->wait_killable, K_LISTENER};
		(*fds)[n++] = l->source.fd;
	}
	for (struct kept_socket h = {0}; sc_keep_next(sv, &h);) {
		(*kept)[n] = h.kept;
		(*fds)[n++] = h.fd;
	}
	return (int)n;
}

/* Targets wait while a successor does nothing. Where the caller has set no limit for the
 * socket, each step gets ten seconds, until @over. */
static void limit_waits(int socket, bool limited[2], bool over)
{
	static const int options[2] = {SO_RCVTIMEO, SO_SNDTIMEO};

	for (int i = 0; i < 2; i++) {
		struct timeval t = {0};
		socklen_t size = sizeof(t);

		if (!over)
			limited[i] = !getsockopt(socket, SOL_SOCKET, options[i], &t, &size) &&
				!t.tv_sec && !t.tv_usec;
		t = (struct timeval){over ? 0 : 10, 0};
		if (limited[i])
			setsockopt(socket, SOL_SOCKET, options[i], &t, sizeof(t));
	}
}

int sluice_hand_over(struct sluice_supervisor *supervisor, int socket)
{
	struct sluice_supervisor *sv = supervisor;
	_cleanup_free_ struct kept *kept = NULL;
	_cleanup_free_ int *fds = NULL;
	bool limited[2];
	uint32_t offer;
	int rc, count;

	if (sv->loop.dispatching)
		return -EBUSY;
	if (sv->passed_on)
		return -ESHUTDOWN;
	count = gather(sv, &kept, &fds);
	if (count < 0)
		return count;
	limit_waits(socket, limited, false);
	sc_core_suspend(sv);
	offer = journal_offer(sv->journal);
	rc = sc_keep_offer(socket, offer, sv->journal_fd, kept, fds, (uint32_t)count);
	limit_waits(socket, limited, true);
	if (journal_pass(sv->journal, offer, B_SUPERVISOR)) {
		sc_core_resolve(sv, R_OPEN);
		return rc == -EAGAIN ? -ETIMEDOUT : rc ? rc : -EPROTO;
	}
	pass_on(sv);
	return 0;
}

struct legacy {
	struct journal *journal;
	struct journal head; /* as it was when it was checked */
	struct kept *kept;
	int *fds;
	uint32_t count, total, offer;
};

/* Those that are not -1. */
static void close_all(const int *fds, int n)
{
	while (n)
		closep(&fds[--n]);
}

static void free_legacy(struct legacy *l)
{
	close_all(l->fds, (int)l->count);
	free(l->kept);
	free(l->fds);
	sc_core_journal_leave(l->journal, &l->head);
}

static int receive_head(int socket, struct legacy *l)
{
	struct message m;
	int fds[MESSAGE_FDS], n, rc = sc_keep_recv(socket, &m, fds, &n);

	if (rc)
		return rc;
	rc = m.kind == M_JOURNAL && n == 1 && m.total <= 1u << 20
		? sc_core_journal_map(fds[0], &l->head, &l->journal)
		: -EPROTO;
	if (!rc && (m.offer & 0xff) != B_OFFERED)
		rc = -EPROTO;
	close_all(fds, n);
	if (rc)
		return rc;
	l->total = m.total;
	l->offer = m.offer;
	l->kept = calloc(m.total + 1, sizeof(*l->kept));
	l->fds = calloc(m.total + 1, sizeof(*l->fds));
	return l->kept && l->fds ? 0 : -ENOMEM;
}

static int receive_legacy(int socket, struct legacy *l)
{
	int rc = receive_head(socket, l);

	while (!rc && l->count < l->total) {
		struct message m;
		int fds[MESSAGE_FDS], n;

		rc = sc_keep_recv(socket, &m, fds, &n);
		if (rc)
			break;
		if (m.kind != M_LISTENERS || (uint32_t)n != m.count || !n ||
			m.count > l->total - l->count) {
			close_all(fds, n);
			rc = -EPROTO;
			break;
		}
		memcpy(l->fds + l->count, fds, sizeof(*fds) * (size_t)n);
		memcpy(l->kept + l->count, m.kept, sizeof(*m.kept) * m.count);
		l->count += m.count;
	}
	return rc;
}

/* The predecessor's policy, as far as it makes sense. */
static int read_settings(const struct legacy *l, struct settings *set)
{
	*set = l->head.set;
	set->max_pending = l->head.count;
	if (set->default_errno < 1 || set->default_errno > 4095 || !set->workers ||
		set->workers > 1024)
		return -EPROTO;
	return 0;
}

static int add_listeners(struct sluice_supervisor *sv, struct legacy *l)
{
	for (uint32_t i = 0; i < l->total; i++) {
		int rc;

		if (l->kept[i].kind == K_LISTENER) {
			sv->listeners.next_id = l->kept[i].id;
			rc = sc_core_add_listener(sv, l->fds[i], NULL, l->kept[i].deny,
				l->kept[i].wait_killable);
		} else {
			rc = sc_oci_inherit(sv, &l->kept[i], l->fds[i]);
		}
		if (rc)
			return rc;
		l->fds[i] = -1;
	}
	sv->listeners.next_id = l->head.listeners;
	return 0;
}

static int copy_journal(struct sluice_supervisor *sv, const struct legacy *l)
{
	bool same_pids = l->head.pid_namespace &&
		l->head.pid_namespace == sv->journal->pid_namespace;

	for (uint32_t i = 0; i < l->head.count; i++) {
		const struct slot slot = *journal_slot_at(l->journal, l->head.stride, i);
		int rc = 0;

		if (slot.state != S_FREE && slot.notif.id)
			rc = sc_core_replay(sv, &slot, same_pids);
		if (rc)
			return rc;
	}
	sv->journal->serial = l->head.serial;
	return 0;
}

/* Only now is it ours; a giver that went on instead has closed nothing. */
static int take_baton(struct sluice_supervisor *sv, struct legacy *l)
{
	if (!journal_pass(l->journal, l->offer, B_TAKEN))
		return -ECANCELED;
	atomic_store(&sv->journal->baton, B_SUPERVISOR);
	sc_keep_succeeded(sv);
	sc_core_begin_replay(sv);
	return 0;
}

static int build(struct legacy *l, struct sluice_supervisor **out)
{
	struct sluice_supervisor *sv = NULL;
	struct settings set;
	int rc = read_settings(l, &set);

	if (!rc)
		rc = sc_life_new(&set, l->journal, &sv);
	if (rc)
		return rc;
	rc = add_listeners(sv, l);
	if (!rc)
		rc = copy_journal(sv, l);
	if (!rc)
		rc = take_baton(sv, l);
	if (rc)
		sc_life_abandon(sv);
	else
		*out = sv;
	return rc;
}

int sluice_take_over(int socket, struct sluice_supervisor **supervisor)
{
	struct sluice_supervisor *sv = NULL;
	struct legacy legacy = {0};
	int rc = receive_legacy(socket, &legacy);

	if (!rc)
		rc = build(&legacy, &sv);
	free_legacy(&legacy); /* with the descriptors that have not become ours */
	if (rc)
		return rc == -EPIPE ? -ECANCELED : rc;
	while (send(socket, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	*supervisor = sv;
	return 0;
}
