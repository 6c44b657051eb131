/* The keeper itself, which this program tells what a supervisor would and would not: whom it serves when that
 * dies, by the word of the baton, and what it cannot do harms nothing that it holds.
 * SPDX-License-Identifier: MIT */
#include "keep_by_hand.h"

#include <sys/resource.h>
#include <sys/un.h>

/* The supervisor dies with @baton: the box' call gets @rc, and the baton is @then. Somebody else has the
 * listener too, so it is not the kernel that answers. */
static void dies(uint32_t baton, int rc, uint32_t then)
{
	struct kept kept = of(K_LISTENER, 0);
	struct box box = new_box();
	struct pollfd p = {.fd = box.listener, .events = POLLIN};

	start_keeper(baton);
	say(M_ADD, &kept, box.listener, 1);
	kill_supervisor();
	if (rc) {
		CHECK_EQ(open_box(&box, NULL), rc);
	} else { /* it is for somebody else to answer */
		check_end(then);
		CHECK_EQ(write(box.go, "g", 1), 1);
		CHECK_EQ(poll(&p, 1, -1), 1);
		CHECK(p.revents & POLLIN);
		kill(box.pid, SIGKILL);
		CHECK_EQ(waitpid(box.pid, NULL, 0), box.pid);
		close(box.go);
	}
	close(box.listener);
	if (rc)
		check_end(then);
}

static void batons(void)
{
	dies(B_SUPERVISOR, EXDEV, B_KEEPER);
	dies(B_OFFERED, EXDEV, B_KEEPER);
	dies(B_OFFERED | 7u << 8, EXDEV, B_KEEPER);
	dies(B_TAKEN, 0, B_TAKEN);
}

/* It dies while it takes over: who has the listeners is what its predecessor's baton says. */
static void embryos(void)
{
	int fd;

	dies(B_EMBRYO, 0, B_EMBRYO); /* without a predecessor */
	h.predecessor = new_journal(B_TAKEN, &fd);
	dies(B_EMBRYO, EXDEV, B_KEEPER);
	atomic_store(&h.predecessor->baton, B_OFFERED);
	dies(B_EMBRYO, 0, B_EMBRYO);
	atomic_store(&h.predecessor->baton, B_SUPERVISOR);
	dies(B_EMBRYO, 0, B_EMBRYO);
	atomic_store(&h.predecessor->baton, B_KEEPER);
	dies(B_EMBRYO, 0, B_EMBRYO);
	sc_core_journal_unmap(h.predecessor);
	close(fd);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_ino;
}

/* A successor that dies with its door under the name of the start: the keeper that has the listeners then
 * puts it where successors look, until the targets have ended; one that has not takes it away. */
static void door_of_embryo(uint32_t baton, uint32_t predecessor, bool ours, bool moved)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char *dir = scratch_dir();
	ino_t made, old;
	int fd, old_door;

	h.predecessor = new_journal(predecessor, &fd);
	snprintf(h.path, sizeof(h.path), "%s/door", dir);
	for (int i = 0; i < 2; i++) { /* the predecessor's, and its own */
		strcpy(a.sun_path, h.path);
		strcat(a.sun_path, i ? ".17" : "");
		old_door = h.door;
		h.door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		CHECK_EQ(bind(h.door, (struct sockaddr *)&a, sizeof(a)), 0);
		CHECK_EQ(listen(h.door, 5), 0);
	}
	CHECK_EQ(sc_sluice_note(a.sun_path, &h.made), 0);
	if (moved) { /* and somebody else has a file of that name by now */
		CHECK_EQ(rename(a.sun_path, h.path), 0);
		CHECK_EQ(mkfifo(a.sun_path, 0600), 0);
	}
	made = inode_of(a.sun_path);
	old = inode_of(h.path);
	CHECK(made && old && made != old);
	dies(baton, ours ? EXDEV : 0, ours ? B_KEEPER : baton);
	CHECK_EQ(inode_of(a.sun_path), moved ? made : 0);
	CHECK_EQ(inode_of(h.path), ours ? 0 : old); /* the box has ended, and so has the keeper */
	close(h.door);
	close(old_door);
	close(fd);
	sc_core_journal_unmap(h.predecessor);
	h.predecessor = NULL;
	h.door = h.path[0] = 0;
}

static void doors_of_embryos(void)
{
	door_of_embryo(B_EMBRYO, B_TAKEN, true, false);
	door_of_embryo(B_SUPERVISOR, B_TAKEN, true, false);
	door_of_embryo(B_EMBRYO, B_OFFERED, false, false);
	door_of_embryo(B_EMBRYO, B_SUPERVISOR, false, false);
	door_of_embryo(B_SUPERVISOR, B_TAKEN, true, true);
	door_of_embryo(B_TAKEN, B_TAKEN, false, true);
}

/* What the keeper closes: the other end of a pipe says so. */
static void check_closed(int *ends)
{
	char byte;

	close(ends[1]);
	CHECK_EQ(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

/* Words that it can do nothing with, and what comes after them is done. */
static void nothing_to_do(void)
{
	struct kept one = of(K_LISTENER, 1), two = of(K_LISTENER, 2), server = of(K_SERVER, 3);
	struct box box, other;
	int ends[2];

	start_keeper(B_SUPERVISOR);
	box = give_box(1);
	say(M_ADD, &two, -1, 0);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	say(M_ADD, &two, ends[1], 2);
	check_closed(ends);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	say(M_DROP, &two, ends[1], 1);
	check_closed(ends);
	say(M_DROP, &server, -1, 0); /* nor anything of that number that is another kind */
	server.id = 1;
	say(M_DROP, &server, -1, 0);
	say(M_MARK, &server, -1, 0);
	say(M_MARK, &two, -1, 0);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	say(M_PASS, NULL, ends[1], 2);
	check_closed(ends);
	other = give_box(2);
	say(M_MARK, &one, -1, 0);
	kill_supervisor();
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	CHECK_EQ(open_box(&other, NULL), EXDEV);
	check_end(B_KEEPER);
}

/* What is no word of a supervisor ends it, what is none of this protocol is as if that had died. */
static void no_words(void)
{
	struct message m = {.magic = JOURNAL_MAGIC ^ 1, .kind = M_LEAVE};
	struct box box;

	start_keeper(B_SUPERVISOR);
	say(99, NULL, -1, 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
	start_keeper(B_SUPERVISOR);
	box = give_box(1);
	CHECK_EQ(sc_keep_send(h.socket, &m, NULL, 0), 0);
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	check_end(B_KEEPER);
	kill_supervisor();
}

/* Calls that its supervisor had received, and those only: each on the listener that it came from. */
static void received(void)
{
	struct slot *slot;
	struct box box[2];
	uint32_t state;
	siginfo_t info;
	int socket;

	start_keeper(B_SUPERVISOR);
	for (uint32_t i = 0; i < 2; i++) {
		struct kept kept = of(K_LISTENER, i + 5);
		struct kept socket_like = of(K_CONNECTION, i + 5);

		box[i] = new_box();
		socket = open("/dev/null", O_RDONLY | O_CLOEXEC);
		say(M_ADD, &socket_like, socket, 1);
		close(socket);
		say(M_ADD, &kept, box[i].listener, 1);
		CHECK_EQ(write(box[i].go, "g", 1), 1);
		slot = journal_slot(h.journal, i + 1);
		slot->listener = i + 5;
		CHECK_EQ(ioctl(box[i].listener, SECCOMP_IOCTL_NOTIF_RECV, &slot->notif), 0);
		atomic_store(&slot->state, S_USED);
	}
	slot = journal_slot(h.journal, 3); /* being filled when it died */
	slot->listener = 5;
	atomic_store(&slot->state, S_USED);
	slot = journal_slot(h.journal, h.journal->count); /* none of them: the rest of the page */
	atomic_store(&slot->state, S_USED);
	kill_supervisor();
	for (int i = 0; i < 2; i++) {
		int status;

		CHECK_EQ(waitpid(box[i].pid, &status, 0), box[i].pid);
		CHECK_EQ(WEXITSTATUS(status), EXDEV);
		close(box[i].go);
		close(box[i].listener);
	}
	CHECK_EQ(waitid(P_PID, (id_t)h.keeper, &info, WEXITED | WNOWAIT), 0);
	state = atomic_load(&slot->state);
	CHECK_EQ(state, S_USED);
	check_end(B_KEEPER);
}

static int new_server(char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, sizeof(a.sun_path), "%s/server", scratch_dir());
	strcpy(a.sun_path, path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(fd, 5), 0);
	return fd;
}

/* Its answer to M_ACCEPT: whether a connection came. */
static int ask_for(uint32_t server, uint32_t connection)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = M_ACCEPT, .count = 2};
	int fds[MESSAGE_FDS], n = 0;

	m.kept[0] = of(K_SERVER, server);
	m.kept[1] = of(K_CONNECTION, connection);
	CHECK_EQ(sc_keep_send(h.socket, &m, NULL, 0), 0);
	CHECK_EQ(sc_keep_recv(h.socket, &m, fds, &n), 0);
	CHECK_EQ(m.kind, M_ACCEPTED);
	CHECK(m.kept[0].id == connection && m.kept[0].kind == K_CONNECTION && !m.kept[0].deny);
	if (n)
		close(fds[0]);
	return n;
}

static void accepts(void)
{
	struct kept kept = of(K_SERVER, 1), unknown = of(K_CONNECTION, 99);
	struct rlimit limit;
	char path[108], byte;
	int server, first, second, null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	start_keeper(B_SUPERVISOR);
	server = new_server(path);
	say(M_ADD, &unknown, null, 1);
	say(M_ADD, &kept, server, 1);
	close(server);
	say(M_DROP, &unknown, -1, 0); /* so that its number, the lowest, is free */
	CHECK_EQ(ask_for(2, 7), 0);
	CHECK_EQ(ask_for(1, 7), 0); /* nobody there */
	first = dial(path);
	second = dial(path);
	CHECK_EQ(ask_for(2, 7), 0);
	CHECK_EQ(ask_for(1, 7), 1);
	CHECK_EQ(ask_for(1, 7), 1); /* the same one */
	CHECK_EQ(recv(second, &byte, 1, MSG_DONTWAIT), -1);
	CHECK_EQ(errno, EAGAIN);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max < MAX_KEPT + MAX_SPARE + 64)
		SKIP("too few descriptors");
	kept.kind = K_LISTENER;
	for (kept.id = 0; kept.id < MAX_KEPT + MAX_SPARE - 2; kept.id++)
		say(M_ADD, &kept, null, 1);
	say(M_MARK, &unknown, -1, 0); /* there is no place behind the last one */
	CHECK_EQ(ask_for(1, 8), 0); /* no room: it is not left waiting */
	CHECK_EQ(recv(second, &byte, 1, 0), 0);
	CHECK_EQ(ask_for(1, 7), 1);
	say(M_DROP, &kept, -1, 0);
	kept.id = 0;
	say(M_DROP, &kept, -1, 0);
	close(second);
	second = dial(path);
	CHECK_EQ(ask_for(1, 8), 1);
	say(M_LEAVE, NULL, -1, 0);
	CHECK_EQ(recv(first, &byte, 1, 0), 0);
	CHECK_EQ(recv(second, &byte, 1, 0), 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
	close(first);
	close(second);
	close(null);
}

/* More on their way than a user may have: it says that it has the connection, and sends it later. */
static void cannot_travel(void)
{
	struct message m = {.magic = JOURNAL_MAGIC, .kind = M_ACCEPT, .count = 2};
	struct kept kept = of(K_SERVER, 1);
	int fds[MESSAGE_FDS], n, sent = 0, server, client;
	char path[108];

	if (geteuid() != 0)
		SKIP("needs root, for another user");
	h.uid = 60000 + (unsigned)getpid() % 4096; /* nobody else's */
	if (seteuid(h.uid))
		SKIP("no other user here");
	CHECK_EQ(seteuid(0), 0);
	start_keeper(B_SUPERVISOR);
	server = new_server(path);
	say(M_ADD, &kept, server, 1);
	close(server);
	client = dial(path);
	CHECK_EQ(ask_for(1, 7), 1);
	m.kept[0] = of(K_SERVER, 1);
	m.kept[1] = of(K_CONNECTION, 7);
	for (int i = 0; i < 2 * FEW; i++)
		CHECK_EQ(sc_keep_send(h.socket, &m, NULL, 0), 0);
	for (int i = 0; i < 2 * FEW; i++) {
		usleep(i ? 0 : 100000); /* so that the answers wait */
		CHECK_EQ(sc_keep_recv(h.socket, &m, fds, &n), 0);
		CHECK(m.kind == M_ACCEPTED && m.kept[0].id == 7);
		CHECK_EQ(m.kept[0].deny, n == 0);
		if (n)
			close(fds[0]);
		sent += n;
	}
	if (sent == 2 * FEW)
		SKIP("as many descriptors as one likes can be on their way");
	CHECK(sent > 0);
	CHECK_EQ(ask_for(1, 7), 1);
	say(M_LEAVE, NULL, -1, 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
	close(client);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"the supervisor dies: the baton says who answers", batons},
	{"it dies while it takes over: the predecessor's baton does", embryos},
	{"it dies while it takes over: its door", doors_of_embryos},
	{"what cannot be done changes nothing", nothing_to_do},
	{"what is said is no word of a supervisor", no_words},
	{"received calls are answered on their listeners", received},
	{"connections: of no server, none there, the same again, no room", accepts},
	{"a connection that cannot be sent now", cannot_travel},
	{NULL, NULL}};
