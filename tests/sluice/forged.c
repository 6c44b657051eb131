/* Hand-overs as a stranger may write them: with one thing wrong each, none is taken, nothing is left of
 * it, and the giver keeps what it has.
 * SPDX-License-Identifier: MIT */
#include "life/life.h"
#include "spawn/child.h"
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

	before = count_fds() - 1 - (h.fd >= 0); /* what we have and send */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	send_it(pair[0], &h.head, sizeof(h.head) - h.cut, h.journal_fd, h.with_head);
	for (int i = 0; i < 2 && h.head.total; i++)
		send_it(pair[0], &h.listed[i], sizeof(h.listed[i]), h.fd, h.with_listed[i]);
	close(h.journal_fd);
	if (h.fd >= 0)
		close(h.fd);
	shutdown(pair[0], SHUT_WR);
	rc = sluice_take_over(pair[1], &sv);
	close(pair[0]);
	close(pair[1]);
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
	copy_journal(F_SEAL_SHRINK, 4, 0);
	h.journal = mmap(NULL, JOURNAL_HEAD, PROT_READ, MAP_SHARED, h.journal_fd, 0);
	CHECK(h.journal != MAP_FAILED);
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
	REFUSED(copy_journal(0, 4, 0), -EPROTO); /* it could shrink while it is read */
	REFUSED(copy_journal(F_SEAL_GROW, 4, 0), -EPROTO);
	REFUSED(plain_file(), -EPROTO);
	REFUSED(fd = null(); dup3(fd, h.journal_fd, O_CLOEXEC); close(fd), -EPROTO);
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

static int target_nothing(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 0;
}

/* What a child says of its start, as a process of the child's user may change it: an errno and a text. */
static void reports(void)
{
	static const struct {
		int failed, stage, error, exec_error, rc;
	} cases[] = {{0, 0, 0, ENOENT, -ENOENT}, {0, 0, 0, -EPERM, -EPROTO}, {0, 0, 0, 4096, -EPROTO},
		{0, 0, 0, INT_MIN, -EPROTO}, {1, STAGE_CLOSER, EAGAIN, 0, -EAGAIN}, {1, STAGE_NONE, 0, 0, -EPROTO},
		{1, STAGE_CLOSER + 1, EIO, 0, -EIO}, {1, -1, EIO, 0, -EIO}, {1, INT_MAX, EIO, 0, -EIO},
		{1, INT_MIN, INT_MIN, 0, -EPROTO}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sluice_supervisor *sv = new_supervisor(NULL);
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_error error = {0};
		struct share *share;

		spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "nothing", NULL);
		share = child.internal;
		atomic_store(&share->failed, cases[i].failed);
		atomic_store(&share->stage, cases[i].stage);
		atomic_store(&share->error, cases[i].error);
		atomic_store(&share->exec_error, cases[i].exec_error);
		child.error = &error;
		CHECK_EQ(sluice_wait(sv, &child, NULL), cases[i].rc);
		CHECK(error.code == -cases[i].rc && strchr(error.message, ':') > error.message);
		CHECK_EQ(child.pidfd, -1);
		sluice_supervisor_free(sv);
	}
}

/* Of sluice.h, and a path that has just no room. */
static void defaults(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char path[110];

	CHECK_EQ(sv->set.max_pending, 4096);
	CHECK_EQ(sv->set.workers, 4);
	CHECK_EQ(sv->set.default_errno, EPERM);
	CHECK_EQ(sv->set.grace_ms, 0);
	CHECK_EQ(sv->set.timeout_ms, 0);
	sluice_supervisor_free(sv);
	o.keeper = true;
	o.keeper_path = path;
	for (size_t size = 107; size < 110; size++) { /* the shorter one has no room for what a file is named first */
		memset(path, 'x', size);
		path[size] = '\0';
		CHECK_EQ(sluice_supervisor_new(&o, &sv), size < 108 ? -ENAMETOOLONG : -EINVAL);
	}
}

const struct target_main targets[] = {{"nothing", target_nothing}, {NULL, NULL}};
const struct test tests[] = {
	{"what is sound is taken", sound},
	{"the first message", heads},
	{"what lists listeners and sockets", lists},
	{"listeners and sockets that are none", impostors},
	{"a policy that makes no sense", policies},
	{"journals that are none, are cut or could shrink", journals},
	{"what a child says of its start", reports},
	{"what is not said has the values of the header", defaults},
	{"calls in a journal that no target makes", slots},
	{"a listener that nobody has decided about", undecided},
	{"more descriptors beside a message than there is room for", crowded},
	{NULL, NULL}};
