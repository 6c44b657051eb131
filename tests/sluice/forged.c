/* Hand-overs as a stranger may write them: with one thing wrong each, none is taken, nothing is left of
 * it, and the giver keeps what it has.
 * SPDX-License-Identifier: MIT */
#include "life/life.h"
#include "tap.h"

#include <limits.h>
#include <sys/un.h>

#define GIVEN 40 /* listeners, or what passes for them */

/* A whole hand-over. What is wrong is changed before it is sent. */
static struct {
	struct message head, listed[2];
	struct journal *journal;
	int with_head, with_listed[2]; /* descriptors */
	int journal_fd, fd;
	size_t cut;                    /* bytes that are missing at the end of the head */
	bool gone;                     /* the giver ends before anything is read */
} h;

static void new_journal(void)
{
	const struct settings set = {.default_errno = EXDEV, .workers = 1, .max_pending = 4};

	CHECK_EQ(sc_core_journal_new(&set, &h.journal_fd, &h.journal), 0);
	h.head = (struct message){.magic = JOURNAL_MAGIC,
		.kind = M_JOURNAL,
		.offer = journal_offer(h.journal)};
	h.with_head = 1;
	h.listed[0] = h.listed[1] = (struct message){.magic = JOURNAL_MAGIC, .kind = M_LISTENERS};
	h.with_listed[0] = h.with_listed[1] = 0;
	h.fd = -1;
	h.cut = 0;
	h.gone = false;
}

/* @fd as the listed ones, 32 of them in the first message; closed after it is sent. */
static void list(int fd, int kind)
{
	h.fd = fd;
	h.head.total = GIVEN;
	h.listed[0].count = MESSAGE_FDS;
	h.listed[1].count = GIVEN - MESSAGE_FDS;
	for (uint32_t i = 0; i < GIVEN; i++)
		h.listed[i / MESSAGE_FDS].kept[i % MESSAGE_FDS] = (struct kept){.id = i, .kind = (uint32_t)kind & 3};
	h.with_listed[0] = MESSAGE_FDS;
	h.with_listed[1] = GIVEN - MESSAGE_FDS;
}

static void send_it(int socket, const struct message *m, size_t size, int fd, int count)
{
	int fds[MESSAGE_FDS];

	for (int i = 0; i < count; i++)
		fds[i] = fd;
	CHECK_EQ(sc_sluice_send_rights(socket, m, size, fds, (unsigned)count), 0);
}

/* What comes of it; @taken: the supervisor, where something may. */
static int take(struct sluice_supervisor **taken)
{
	struct sluice_supervisor *sv = NULL;
	uint32_t baton = atomic_load(&h.journal->baton), passed;
	int before, rc, pair[2];
	char answer[8];

	before = count_fds() - 1 - (h.fd >= 0); /* what we have and send */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	send_it(pair[0], &h.head, sizeof(h.head) - h.cut, h.journal_fd, h.with_head);
	for (int i = 0; i < 2 && h.head.total; i++)
		send_it(pair[0], &h.listed[i], sizeof(h.listed[i]), h.fd, h.with_listed[i]);
	close(h.journal_fd);
	if (h.fd >= 0)
		close(h.fd);
	if (h.gone)
		close(pair[0]);
	else
		shutdown(pair[0], SHUT_WR);
	rc = sluice_take_over(pair[1], &sv);
	if (!h.gone) { /* who gave it is told so, once */
		CHECK_EQ(recv(pair[0], answer, sizeof(answer), MSG_DONTWAIT), rc ? -1 : 1);
		CHECK_EQ(recv(pair[0], answer, sizeof(answer), MSG_DONTWAIT), -1);
		close(pair[0]);
	}
	close(pair[1]);
	CHECK(fcntl(0, F_GETFD) >= 0);
	passed = atomic_load(&h.journal->baton);
	CHECK_EQ(passed, rc ? baton : B_TAKEN);
	CHECK(!rc == (sv != NULL));
	if (taken)
		*taken = sv;
	else
		sluice_supervisor_free(sv);
	if (!taken || rc)
		CHECK_EQ(settled_fds(before), before);
	return rc;
}

static void put_journal(int fd, off_t size)
{
	CHECK(fd >= 0 && pwrite(fd, h.journal, JOURNAL_HEAD, 0) == JOURNAL_HEAD);
	CHECK_EQ(ftruncate(fd, size), 0);
	CHECK_EQ(dup3(fd, h.journal_fd, O_CLOEXEC), h.journal_fd);
	close(fd);
}

/* The same in a file without the seal, or of another size, with @count slots in it. */
static void copy_journal(unsigned seals, uint32_t count, off_t less)
{
	off_t size = (off_t)JOURNAL_HEAD + (off_t)h.journal->stride * count;
	int fd = memfd_create("journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	put_journal(fd, size - less);
	if (seals)
		CHECK_EQ(fcntl(h.journal_fd, F_ADD_SEALS, seals), 0);
}

/* As any program can make one. */
static void plain_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/journal", scratch_dir());
	put_journal(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 8192);
}

/* Such a file in place of the journal, whose baton is looked at, too. */
static void use_copy(uint32_t count)
{
	h.journal->count = count;
	copy_journal(F_SEAL_SHRINK, count, 0);
	h.journal = mmap(NULL, JOURNAL_HEAD, PROT_READ, MAP_SHARED, h.journal_fd, 0);
	CHECK(h.journal != MAP_FAILED);
}

/* A listener of this process, for mkdir(2). */
static int own_listener(void)
{
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int fd;

	CHECK_EQ(seccomp_load(f), 0);
	fd = fcntl(seccomp_notify_fd(f), F_DUPFD_CLOEXEC, 3);
	CHECK(fd >= 0);
	seccomp_release(f);
	return fd;
}

/* The controls: as it is, it is taken. */
static void sound(void)
{
	struct sluice_supervisor *sv;

	new_journal();
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.journal->set.workers = 1024;
	h.journal->set.default_errno = 4095;
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.head.offer = B_OFFERED | 77u << 8;
	atomic_store(&h.journal->baton, h.head.offer);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.gone = true;
	CHECK_EQ(take(NULL), 0);
	new_journal();
	use_copy(4);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	use_copy(1);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	use_copy(1u << 20);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.journal->stride = 4096;
	use_copy(4);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.journal->stride = sizeof(struct slot);
	use_copy(4);
	CHECK_EQ(take(NULL), 0);
	new_journal();
	h.journal->set.default_errno = 1;
	CHECK_EQ(take(NULL), 0);
	new_journal();
	list(own_listener(), K_LISTENER);
	h.head.total = h.listed[0].count = 1;
	h.with_listed[0] = 1;
	CHECK_EQ(take(&sv), 0);
	CHECK_EQ(sluice_active(sv), 1);
	sluice_supervisor_free(sv);
}

static void put_slot(uint32_t i, uint32_t state, uint32_t listener, uint64_t id)
{
	struct slot *slot = journal_slot(h.journal, i);

	slot->listener = listener;
	slot->serial = 9 - i;
	slot->notif = (struct seccomp_notif){.id = id, .pid = 1, .data.arch = seccomp_arch_native()};
	atomic_store(&slot->state, state);
}

static int not_served(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
	return 0;
}

/* Calls that no target makes: of listeners that are not there, and ids that no listener knows. */
static void slots(void)
{
	struct sluice_statistics s = {.size = sizeof(s)};
	struct sluice_supervisor *sv;

	new_journal();
	list(own_listener(), K_LISTENER);
	h.head.total = h.listed[0].count = 1;
	h.with_listed[0] = 1;
	put_slot(0, S_USED, 7, 4711);
	put_slot(1, S_USED, 0, 4712);
	put_slot(2, S_USED + 6, 0, 4713);
	put_slot(3, S_USED, 0, 0); /* nothing was received into it */
	CHECK_EQ(take(&sv), 0);
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, not_served, NULL), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(sluice_dispatch(sv, 0), 1);
	CHECK_EQ(sluice_dispatch(sv, 0), 0);
	CHECK_EQ(sluice_statistics(sv, &s), 0);
	CHECK_EQ(s.received, 2);
	CHECK_EQ(s.replayed, 2);
	CHECK_EQ(s.gone, 2);
	CHECK_EQ(s.pending, 0);
	sluice_supervisor_free(sv);
}

/* What a connection has brought and nobody has decided about has an index, and is nobody's yet. */
static void undecided(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct listener *listener;
	int fd = own_listener();

	CHECK_EQ(sc_core_park_listener(sv, fd, 1), 0);
	listener = sc_core_same_listener(sv, fd);
	CHECK(listener && listener->id == 0 && listener->deny);
	CHECK_EQ(sluice_refuse_listener(sv, 0), -ENOENT);
	CHECK_EQ(sluice_remove_listener(sv, 0), -ENOENT);
	CHECK_EQ(listener->holder, 1);
	CHECK_EQ(sluice_add_listener(sv, fd, NULL), -EEXIST);
	CHECK_EQ(sluice_active(sv), 1);
	sc_core_admit_listener(listener, false, NULL);
	CHECK_EQ(sluice_refuse_listener(sv, 0), 0);
	CHECK(listener->deny);
	CHECK_EQ(sluice_remove_listener(sv, 0), 0);
	CHECK_EQ(sluice_active(sv), 0);
	sluice_supervisor_free(sv);
}

#define REFUSED(change, error)                                                           \
	do {                                                                             \
		new_journal();                                                           \
		change;                                                                  \
		CHECK_EQ(take(NULL), error);                                             \
	} while (0)

static void heads(void)
{
	REFUSED(h.head.magic ^= 1, -EPROTO);
	REFUSED(h.head.kind = M_ADD, -EPROTO);
	REFUSED(h.head.kind = M_LISTENERS, -EPROTO);
	REFUSED(h.head.count = MESSAGE_FDS + 1, -EPROTO);
	REFUSED(h.head.count = UINT32_MAX, -EPROTO);
	REFUSED(h.with_head = 0, -EPROTO);
	REFUSED(h.with_head = 2, -EPROTO);
	REFUSED(h.cut = 1, -ECANCELED); /* it ends in the middle */
	/* Words of the baton that no offer is: it would take it from who has it. */
	REFUSED(h.head.offer = B_SUPERVISOR; atomic_store(&h.journal->baton, B_SUPERVISOR), -EPROTO);
	REFUSED(h.head.offer = B_KEEPER; atomic_store(&h.journal->baton, B_KEEPER), -EPROTO);
	REFUSED(h.head.offer = B_OFFERED << 8; atomic_store(&h.journal->baton, B_OFFERED << 8),
		-EPROTO);
	/* An offer that is not the one that stands. */
	REFUSED(h.head.offer += 1u << 8, -ECANCELED);
	REFUSED(atomic_store(&h.journal->baton, B_SUPERVISOR), -ECANCELED);
}

static int null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void lists(void)
{
	REFUSED(list(null(), K_LISTENER); h.listed[0].magic ^= 1, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[1].kind = M_ADD, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[1].kind = M_JOURNAL, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[0].count = MESSAGE_FDS + 1, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[1].count--, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[1].count++, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.with_listed[1] = 0, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.listed[0].count = h.with_listed[0] = 0, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.head.total--, -EPROTO); /* more than was said */
	REFUSED(list(null(), K_LISTENER); h.head.total++, -ECANCELED); /* and fewer */
	REFUSED(list(null(), K_LISTENER); h.head.total = 1u << 20, -ECANCELED);
	REFUSED(list(null(), K_LISTENER); h.head.total = (1u << 20) + 1, -EPROTO);
	REFUSED(list(null(), K_LISTENER); h.head.total = UINT32_MAX, -EPROTO);
}

/* ---- calls that were received ---- */

struct told {
	int n;
	unsigned id[4], tid[4];
};

static void tell(const char *line, size_t length, void *data)
{
	struct told *told = data;
	const char *id = strstr(line, "\"id\":\""), *tid = strstr(line, "\"tid\":");

	(void)length;
	CHECK(told->n < 4 && id && tid && strstr(line, "\"why\":\"target gone\""));
	CHECK_EQ(sscanf(id, "\"id\":\"%x", &told->id[told->n]), 1);
	CHECK_EQ(sscanf(tid, "\"tid\":%u", &told->tid[told->n++]), 1);
}

static void received(unsigned i, uint32_t state, uint32_t listener, uint64_t serial, uint64_t id)
{
	struct slot *slot = journal_slot(h.journal, i);

	atomic_store(&slot->state, state);
	slot->listener = listener;
	slot->serial = serial;
	slot->notif.id = id;
	slot->notif.pid = 4242;
}

/* All of them are shown once; their targets are gone. */
static struct told shown(int listener, int want)
{
	struct told told = {0};
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};

	list(fcntl(listener, F_DUPFD_CLOEXEC, 3), K_LISTENER);
	h.head.total = h.listed[0].count = 1;
	h.with_listed[0] = 1;
	h.listed[0].kept[0].id = 5;
	h.journal->serial = 31;
	h.journal->listeners = 9;
	CHECK_EQ(take(&sv), 0);
	sluice_set_log(sv, tell, &told);
	CHECK_EQ(sv->journal->serial, 31);
	CHECK(sv->listeners.next_id == 9 && sv->listeners.first->id == 5);
	for (struct sluice_request *r = sv->requests.replay; r; r = r->next_queued)
		CHECK(r->deadline_ns > 3000 * 1000000000ull + now_ns() || !sv->set.timeout_ms);
	for (int i = 0; i < want; i++)
		CHECK_EQ(sluice_dispatch(sv, 0), 1);
	CHECK_EQ(sluice_dispatch(sv, 0), 0);
	CHECK_EQ(sluice_statistics(sv, &s), 0);
	CHECK_EQ(s.replayed, want);
	CHECK_EQ(s.gone, want);
	CHECK_EQ(s.received, want);
	CHECK_EQ(s.pending, 0);
	CHECK_EQ(told.n, want);
	sluice_supervisor_free(sv);
	return told;
}

/* In the order in which they came, with the number of a target only where it is the same. */
static void calls(void)
{
	struct procfs proc = {.fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	scmp_filter_ctx f = filter_of(false, "mkdir", NULL);
	struct told told;
	int listener;

	CHECK_EQ(seccomp_load(f), 0);
	listener = fcntl(seccomp_notify_fd(f), F_DUPFD_CLOEXEC, 3);
	seccomp_release(f);
	new_journal();
	received(0, S_USED, 5, 30, 0xa);
	received(1, S_USED, 5, 10, 0xb);
	received(2, S_USED, 5, 20, 0xc);
	received(3, S_USED, 4, 15, 0xd); /* its listener has ended */
	h.journal->set.timeout_ms = 3600000; /* which begins anew */
	told = shown(listener, 3);
	CHECK(told.id[0] == 0xb && told.id[1] == 0xc && told.id[2] == 0xa);
	CHECK(told.tid[0] == 0 && told.tid[1] == 0 && told.tid[2] == 0);
	new_journal();
	received(0, S_FREE, 5, 30, 0xa); /* answered */
	received(1, S_USED, 5, 10, 0);   /* nothing was received */
	received(2, S_USED, 5, 20, 0xc);
	h.journal->pid_namespace = sc_sluice_namespace(&proc, "self", "pid");
	told = shown(listener, 1);
	CHECK(told.id[0] == 0xc && told.tid[0] == 4242);
	new_journal();
	received(2, S_USED, 5, 20, 0xc);
	h.journal->pid_namespace = sc_sluice_namespace(&proc, "self", "pid") + 1;
	told = shown(listener, 1);
	CHECK(told.id[0] == 0xc && told.tid[0] == 0);
}

static int bound(int type, char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* What is said to be a listener or a socket and is none. */
static void impostors(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/server", scratch_dir());
	REFUSED(list(null(), K_LISTENER), -EINVAL);
	REFUSED(list(null(), K_SERVER), -ENOTSOCK);
	REFUSED(list(null(), K_CONNECTION), -ENOTSOCK);
	/* A connection, and no server that it belongs to. */
	REFUSED(list(bound(SOCK_STREAM, path), K_CONNECTION), -EPROTO);
}

/* In two messages; the second is not the first one's. */
static void two_servers(void)
{
	char path[100];
	struct sluice_supervisor *sv;
	int fd;

	snprintf(path, sizeof(path), "%s/server", scratch_dir());
	for (int i = 0; i < 2; i++) {
		new_journal();
		fd = bound(SOCK_STREAM, path);
		CHECK_EQ(listen(fd, 1), 0);
		list(fd, K_SERVER);
		h.head.total = 2;
		h.listed[0].count = h.listed[1].count = 1;
		h.with_listed[0] = h.with_listed[1] = 1;
		h.listed[1].kept[0].id = 1;
		if (i)
			h.listed[1].kept[0].kind = K_LISTENER;
		CHECK_EQ(take(&sv), i ? -EINVAL : 0);
		if (!i)
			sluice_supervisor_free(sv);
	}
}

static void policies(void)
{
	REFUSED(h.journal->set.default_errno = 0, -EPROTO); /* it would allow all */
	REFUSED(h.journal->set.default_errno = -EPERM, -EPROTO);
	REFUSED(h.journal->set.default_errno = 4096, -EPROTO);
	REFUSED(h.journal->set.workers = 0, -EPROTO);
	REFUSED(h.journal->set.workers = 1025, -EPROTO);
}

static void journals(void)
{
	int fd;

	REFUSED(h.journal->magic++, -EPROTO);
	REFUSED(h.journal->version++, -EPROTO);
	REFUSED(h.journal->stride = sizeof(struct slot) - 8, -EPROTO);
	REFUSED(h.journal->stride = 0, -EPROTO);
	REFUSED(h.journal->stride += 4; h.journal->count = 1, -EPROTO);
	REFUSED(h.journal->stride = 4104; copy_journal(F_SEAL_SHRINK, 4, 0); h.journal->stride = 64,
		-EPROTO);
	REFUSED(h.journal->count = 0, -EPROTO);
	REFUSED(h.journal->count = UINT32_MAX, -EPROTO);
	REFUSED(h.journal->count = (1u << 20) + 1; copy_journal(F_SEAL_SHRINK, (1u << 20) + 1, 0),
		-EPROTO);
	REFUSED(h.journal->count++, -EPROTO); /* more than there is */
	REFUSED(copy_journal(F_SEAL_SHRINK, 4, 1), -EPROTO);
	REFUSED(copy_journal(F_SEAL_SHRINK, 4, 4000), -EPROTO);
	REFUSED(copy_journal(F_SEAL_SHRINK, 4, JOURNAL_HEAD + 4 * h.journal->stride - 8), -EPROTO);
	REFUSED(copy_journal(0, 4, 0), -EPROTO); /* it could shrink while it is read */
	REFUSED(copy_journal(F_SEAL_GROW, 4, 0), -EPROTO);
	REFUSED(plain_file(), -EPROTO);
	REFUSED(fd = null(); dup3(fd, h.journal_fd, O_CLOEXEC); close(fd), -EPROTO);
}

static atomic_bool changing;

static void *change(void *data)
{
	volatile uint32_t *word = data;
	uint32_t first = *word;

	while (atomic_load(&changing))
		*word = *word == first ? 2 * first : first;
	return NULL;
}

/* Whoever has it may write to it while it is looked at: what was checked counts, or nothing. */
static void changes(void)
{
	uint32_t stride;
	int before = 0;

	new_journal();
	stride = h.journal->stride;
	h.journal->stride *= 2;
	use_copy(4);
	h.journal = mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, h.journal_fd, 0);
	before = count_fds();
	for (int i = 0; i < 2; i++) {
		uint32_t *word = i ? &h.journal->stride : &h.journal->count;
		pthread_t t;

		h.journal->stride = stride;
		h.journal->count = i ? 4 : 2;
		atomic_store(&changing, true);
		CHECK_EQ(pthread_create(&t, NULL, change, word), 0);
		for (int tries = 0; tries < 5000; tries++) {
			struct journal *j = NULL, head;
			int rc = sc_core_journal_map(h.journal_fd, &head, &j);

			CHECK(rc == 0 || rc == -EPROTO);
			CHECK(!rc == (j != NULL));
			if (!rc)
				CHECK((size_t)head.stride * head.count <= (size_t)stride * 8);
			sc_core_journal_leave(j, &head);
		}
		atomic_store(&changing, false);
		CHECK_EQ(pthread_join(t, NULL), 0);
	}
	CHECK_EQ(count_fds(), before);
}

/* More descriptors than there is room for: the rest is closed, or nothing is taken. */
static void crowded(void)
{
	int fds[3], got[2] = {-1, -7}, pair[2], before;
	char byte;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fds[0] = fds[1] = fds[2] = pair[0];
	before = count_fds();
	for (unsigned count = 1; count <= 3; count++) {
		unsigned n = 0;
		int rc;

		CHECK_EQ(sc_sluice_send_rights(pair[0], "", 1, fds, count), 0);
		rc = sc_sluice_recv_rights(pair[1], &byte, 1, got, 1, &n);
		if (count == 3) /* a second one has room in what fills up the first one's, with 64 bits */
			CHECK_EQ(rc, -EMFILE);
		else if (count == 1)
			CHECK_EQ(rc, 0);
		CHECK_EQ(n, !rc);
		CHECK_EQ(got[1], -7);
		CHECK_EQ(settled_fds(before + !rc), before + !rc);
		if (!rc)
			close(got[0]);
	}
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"what is sound is taken", sound},
	{"the first message", heads},
	{"what lists listeners and sockets", lists},
	{"listeners and sockets that are none", impostors},
	{"two servers in two messages", two_servers},
	{"calls that were received, in their order", calls},
	{"a policy that makes no sense", policies},
	{"journals that are none, are cut or could shrink", journals},
	{"a journal that changes while it is looked at", changes},
	{"calls in a journal that no target makes", slots},
	{"a listener that nobody has decided about", undecided},
	{"more descriptors beside a message than there is room for", crowded},
	{NULL, NULL}};
