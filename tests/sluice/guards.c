/* The keeper itself, whom nobody tells anything any more: visitors, what it finds in
 * connections, and whose calls it answers. SPDX-License-Identifier: MIT */
#include "keep_by_hand.h"

#include <sys/un.h>

static const int before = 5; /* descriptors that a keeper has from the beginning */

static const char *open_door(void)
{
	static struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/door", scratch_dir());
	h.door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(h.door, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(listen(h.door, 8), 0);
	return a.sun_path;
}

/* A successor's end of what it sends over the pass. */
static int visit_with(int pass)
{
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(send_fds(pass, "p", 1, &pair[1], 1), 1);
	close(pair[1]);
	return pair[0];
}

/* What the keeper offers: as many listeners as @denied is long, of which those with a 1
 * are to be refused. */
static void check_offer(int socket, const char *denied)
{
	struct message m;
	int fds[MESSAGE_FDS], n = 0;

	CHECK_EQ(sc_keep_recv(socket, &m, fds, &n), 0);
	CHECK(m.kind == M_JOURNAL && m.total == strlen(denied) && n == 1);
	close(fds[0]);
	CHECK_EQ(sc_keep_recv(socket, &m, fds, &n), 0);
	CHECK(m.kind == M_LISTENERS && m.count == strlen(denied) && n == (int)m.count);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(m.kept[i].kind, K_LISTENER);
		CHECK_EQ(m.kept[i].deny, denied[i] - '0');
		close(fds[i]);
	}
}

/* What a visitor brings is gone when it is, or when the next one comes, or when it may
 * not come in. */
static void visitors(void)
{
	struct sockaddr_un a;
	int first, second, status;
	char byte;
	pid_t pid;

	if (is_filtered())
		SKIP("who has a filter is not let in");
	strcpy(a.sun_path, open_door());
	start_keeper(B_SUPERVISOR);
	await_fds(before); /* it closes what it does not need */
	for (int i = 0; i < 3; i++) {
		first = visit(a.sun_path);
		await_fds(before + 2);
		second = visit(a.sun_path);
		CHECK_EQ(recv(first, &byte, 1, 0), 0);
		close(first);
		await_fds(before + 2);
		close(second);
		await_fds(before);
	}
	pid = fork();
	if (pid == 0) {
		scmp_filter_ctx f = filter_of(false, MKDIR, NULL);

		CHECK_EQ(seccomp_load(f), 0);
		CHECK_EQ(recv(visit(a.sun_path), &byte, 1, 0), 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	await_fds(before);
	close(give_pass()); /* and a pass that nobody has any more is as if there had been
			       none */
	await_fds(before);
	first = visit(a.sun_path);
	await_fds(before + 2);
	second = give_pass();
	await_fds(before + 3);
	CHECK_EQ(recv(first, &byte, 1, MSG_DONTWAIT), -1);
	CHECK_EQ(errno, EAGAIN);
	close(first);
	await_fds(before + 1);
	close(second);
	await_fds(before);
	say(M_LEAVE, NULL, -1, 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
}

/* What a connection still holds when there is no supervisor: each listener once, and
 * nothing else. A successor is told that such a one is to be refused. */
static void strangers(void)
{
	struct kept first = of(K_LISTENER, 1), way = of(K_CONNECTION, 2);
	struct box known = new_box(), stranger = new_box();
	int pair[2], pass, socket, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fds[4] = {known.listener, null, stranger.listener, stranger.listener};
	char byte;

	start_keeper(B_SUPERVISOR);
	pass = give_pass();
	h.journal->listeners = 10;
	say(M_ADD, &first, known.listener, 1);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(send_fds(pair[0], "{", 1, fds, 4), 1);
	say(M_ADD, &way, pair[1], 1);
	close(pair[1]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	say(M_END_OCI, NULL, -1, 0);
	CHECK_EQ(recv(pair[0], &byte, 1, 0), 0);
	CHECK_EQ(h.journal->listeners, 11);
	close(pair[0]);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	say(M_ADD, &way, pair[1], 1); /* the last one, and nothing in it */
	close(pair[1]);
	say(M_END_OCI, NULL, -1, 0);
	CHECK_EQ(recv(pair[0], &byte, 1, 0), 0);
	close(pair[0]);
	kill_supervisor();
	socket = visit_with(pass);
	check_offer(socket, "01");
	close(socket);
	close(pass);
	CHECK_EQ(open_box(&known, NULL), EXDEV);
	CHECK_EQ(open_box(&stranger, NULL), EXDEV);
	check_end(B_KEEPER);
}

/* What comes to the keeper first gets number 0 there. */
static void number_zero(void)
{
	struct kept kept = of(K_LISTENER, 1);
	int first, second, socket;
	struct box box = new_box();
	const char *path;
	char byte;

	CHECK(fcntl(0, F_GETFD) >= 0 ||
		open("/dev/null", O_RDONLY) == 0); /* it is none of the keeper's own */
	start_keeper(B_SUPERVISOR);
	first = give_pass();
	second = give_pass(); /* in its place */
	CHECK_EQ(recv(first, &byte, 1, 0), 0);
	close(first);
	close(second);
	say(M_LEAVE, NULL, -1, 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
	if (is_filtered())
		SKIP("who has a filter is not let in");
	path = open_door();
	start_keeper(B_SUPERVISOR);
	socket = visit(path);
	await_fds(before + 2);
	say(M_ADD, &kept, box.listener, 1);
	close(box.listener);
	kill_supervisor();
	check_offer(socket, "0");
	close(socket);
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	check_end(B_KEEPER);
}

/* What is kept as a listener and is none is let go: it would be readable for ever. */
static void no_listener(void)
{
	struct kept kept = of(K_LISTENER, 1);
	struct box box;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	start_keeper(B_SUPERVISOR);
	say(M_ADD, &kept, null, 1);
	close(null);
	box = give_box(2);
	kill_supervisor();
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	check_end(B_KEEPER);
}

/* A call that the supervisor had received from a listener that the keeper has not: it is
 * not for another one to answer, the first one (number 0, as what has never been kept
 * says) either. */
static void of_nobody(void)
{
	struct kept kept = of(K_LISTENER, 5);
	struct seccomp_notif_resp answer = {.error = -EDOM};
	struct box box = new_box();
	struct slot *slot;
	int status;

	CHECK(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0);
	start_keeper(B_SUPERVISOR);
	say(M_ADD, &kept, box.listener, 1);
	CHECK_EQ(write(box.go, "g", 1), 1);
	slot = journal_slot(h.journal, 1);
	CHECK_EQ(ioctl(box.listener, SECCOMP_IOCTL_NOTIF_RECV, &slot->notif), 0);
	answer.id = slot->notif.id;
	slot->listener = 0;
	atomic_store(&slot->state, S_USED);
	kill_supervisor();
	while (atomic_load(&slot->state) != S_FREE)
		usleep(1000);
	CHECK_EQ(ioctl(box.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
	CHECK_EQ(waitpid(box.pid, &status, 0), box.pid);
	CHECK_EQ(WEXITSTATUS(status), EDOM);
	close(box.go);
	close(box.listener);
	check_end(B_KEEPER);
}

/* What has come before it has been told that the supervisor died is done, all of it. */
static void last_words(void)
{
	struct kept unknown = of(K_CONNECTION, 9);
	struct box box[3];
	int status;

	start_keeper(B_SUPERVISOR);
	CHECK_EQ(kill(h.keeper, SIGSTOP), 0);
	CHECK_EQ(waitpid(h.keeper, &status, WUNTRACED), h.keeper);
	CHECK(WIFSTOPPED(status));
	for (uint32_t i = 0; i < 3; i++) {
		box[i] = give_box(i);
		say(M_MARK, &unknown, -1, 0);
	}
	kill_supervisor();
	CHECK_EQ(kill(h.keeper, SIGCONT), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(open_box(&box[i], NULL), EXDEV);
	check_end(B_KEEPER);
}

/* Its listeners are not for other processes of its user: its files in /proc are not that
 * one's. */
static void not_dumpable(void)
{
	char path[64], byte;
	struct stat st;
	int first, second;

	if (geteuid() == 0) /* who may look at everybody's */
		h.uid = 60000 + (unsigned)getpid() % 4096;
	if (h.uid && seteuid(h.uid))
		SKIP("no other user here");
	CHECK(!h.uid || seteuid(0) == 0);
	start_keeper(B_SUPERVISOR);
	first = give_pass();
	second = give_pass();
	CHECK_EQ(recv(first, &byte, 1, 0), 0); /* it has begun */
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)h.keeper);
	CHECK_EQ(stat(path, &st), 0);
	CHECK(st.st_uid != (h.uid ? h.uid : geteuid()));
	close(first);
	close(second);
	say(M_LEAVE, NULL, -1, 0);
	check_end(B_SUPERVISOR);
	kill_supervisor();
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {{"visitors leave nothing behind", visitors},
	{"what is left in a connection: each listener once", strangers},
	{"descriptor 0: a pass, a visitor", number_zero},
	{"what is no listener", no_listener},
	{"a received call of a listener that it has not", of_nobody},
	{"the last words of a supervisor", last_words},
	{"nobody may look into it", not_dumpable}, {NULL, NULL}};
