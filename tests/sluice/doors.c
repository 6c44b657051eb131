/* Where successors meet keepers: who gets the listeners if several processes want them,
 * and which files stay when one does not get them. SPDX-License-Identifier: MIT
 *
 * Supervisors are puppets, processes that do what this one tells them, so that nothing
 * depends on timing. A box' call fails with the errno of the one that answers it. */
#include "killed.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/un.h>

struct puppet {
	pid_t pid;
	int socket;
};

static int say_errno(struct sluice_request *req, void *data)
{
	return sluice_fail(req, *(int *)data);
}

/* What it is told: a letter, and a descriptor beside it. */
static bool hear(int socket, char *letter, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	struct iovec iov = {letter, 1};
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};

	*fd = -1;
	if (recvmsg(socket, &h, MSG_CMSG_CLOEXEC) != 1)
		return false;
	if (CMSG_FIRSTHDR(&h))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(*fd));
	return true;
}

enum {
	ADD = 'a',	 /* the listener */
	GIVE = 'g',	 /* everything to who is at the other end of the socket */
	TAKE = 't',	 /* from who is there */
	MAKE_PASS = 'p', /* and send it instead of a result */
};

static int obey(struct sluice_supervisor **sv, int socket, char letter, int fd, int *says)
{
	int rc = -ENOSYS;

	if (letter == ADD)
		return sluice_add_listener(*sv, fd, NULL);
	if (letter == GIVE)
		rc = sluice_hand_over(*sv, fd);
	if (letter == TAKE)
		rc = sluice_take_over(fd, sv);
	if (letter == TAKE && !rc)
		CHECK_EQ(sluice_on_name(*sv, MKDIR, say_errno, says), 0);
	if (letter == MAKE_PASS)
		give_pass(socket, *sv);
	close(fd);
	return rc;
}

/* @sv, or NULL until it has taken over from somebody. Ends when nobody tells it anything
 * any more. */
static void be_puppet(struct sluice_supervisor *sv, int socket, int says)
{
	char letter;
	int fd, rc;

	if (sv)
		CHECK_EQ(sluice_on_name(sv, MKDIR, say_errno, &says), 0);
	for (;;) {
		struct pollfd p[2] = {{.fd = socket, .events = POLLIN},
			{.fd = sv ? sluice_fd(sv) : -1, .events = POLLIN}};

		CHECK(poll(p, 2, -1) > 0);
		if (p[1].revents) {
			rc = sluice_dispatch(sv, 0);
			CHECK(rc >= 0 || rc == -ESHUTDOWN);
		}
		if (!p[0].revents)
			continue;
		if (!hear(socket, &letter, &fd))
			break;
		rc = obey(&sv, socket, letter, fd, &says);
		if (letter != MAKE_PASS)
			CHECK_EQ(send(socket, &rc, sizeof(rc), MSG_NOSIGNAL), sizeof(rc));
	}
	sluice_supervisor_free(sv);
	_exit(0);
}

/* What the other processes of a test are reached by ends with them. */
static void close_all_but(int socket)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fd != socket)
			close(fd);
}

/* @o: as a supervisor. NULL: as one who may become one. */
static struct puppet new_puppet(const struct sluice_options *o, int says)
{
	struct puppet new;
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	new.pid = fork();
	if (new.pid == 0) {
		close_all_but(pair[1]);
		be_puppet(o ? new_supervisor(o) : NULL, pair[1], says);
	}
	close(pair[1]);
	new.socket = pair[0];
	return new;
}

static void order(const struct puppet *puppet, char letter, int fd)
{
	CHECK_EQ(send_fds(puppet->socket, &letter, 1, &fd, fd >= 0), 1);
	if (fd >= 0)
		close(fd);
}

static int result(const struct puppet *puppet)
{
	int rc = 1;

	CHECK_EQ(recv(puppet->socket, &rc, sizeof(rc), 0), sizeof(rc));
	return rc;
}

static void end(struct puppet *puppet)
{
	int status;

	close(puppet->socket);
	CHECK_EQ(waitpid(puppet->pid, &status, 0), puppet->pid);
	CHECK_EQ(status, 0);
}

static void kill_puppet(struct puppet *puppet)
{
	kill_it(puppet->pid);
	close(puppet->socket);
}

/* Its keeper's pass becomes the one of meet_keeper(). */
static void get_pass(const struct puppet *puppet)
{
	order(puppet, MAKE_PASS, -1);
	take_pass(puppet->socket);
}

static struct sluice_options with_door(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	o.grace_ms = 20000;
	return o;
}

/* A puppet with a door, that serves the box. */
static struct puppet first(const struct sluice_options *o, struct box *box)
{
	struct puppet new = new_puppet(o, EDOM);

	*box = new_box();
	order(&new, ADD, box->listener);
	CHECK_EQ(result(&new), 0);
	get_pass(&new);
	return new;
}

static void new_pair(int pair[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

/* Beside the door there is @other (NULL: nothing). */
static void check_files(const char *path, const char *other)
{
	const char *slash = strrchr(path, '/');
	char dir[128];
	struct dirent *e;
	int doors = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	d = opendir(dir);
	CHECK(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		doors += strcmp(e->d_name, slash + 1) == 0;
		if (strcmp(e->d_name, slash + 1) != 0 &&
			(!other || strcmp(e->d_name, other) != 0)) {
			printf("# left: %s\n", e->d_name);
			CHECK(false);
		}
	}
	closedir(d);
	CHECK_EQ(doors, 1);
}

/* One process waits at the keeper for the supervisor's death while that hands over to
 * another one: the change is between these two, the first one hears that it gets nothing,
 * and may wait at the new keeper. */
static void beside_a_visitor(bool unseen)
{
	struct sluice_options o = with_door();
	struct puppet giver, taker = new_puppet(NULL, ERANGE),
			     visitor = new_puppet(NULL, ELOOP);
	struct box box, later = new_box();
	int pair[2], rc;

	giver = first(&o, &box);
	if (unseen) { /* it comes, and the keeper leaves without having looked */
		while (keepers(0) != 1) /* it may not have its name yet */
			usleep(1000);
		CHECK_EQ(keepers(SIGSTOP), 1);
	}
	order(&visitor, TAKE, meet_keeper(o.keeper_path));
	new_pair(pair);
	order(&taker, TAKE, pair[1]);
	order(&giver, GIVE, pair[0]);
	CHECK_EQ(result(&giver), 0);
	CHECK_EQ(result(&taker), 0);
	if (unseen)
		keepers(SIGCONT);
	CHECK_EQ(result(&visitor), -ECANCELED);
	check_files(o.keeper_path, NULL);
	while ((rc = sluice_keeper_connect_pass(pass)) >= 0)
		close(rc); /* until that keeper has left, though its supervisor has not */
	CHECK_EQ(rc, -EPIPE);
	end(&giver);
	order(&taker, ADD, later.listener);
	CHECK_EQ(result(&taker), 0);
	CHECK_EQ(open_box(&later, NULL), ERANGE);
	get_pass(&taker);
	order(&visitor, TAKE, meet_keeper(o.keeper_path));
	kill_puppet(&taker);
	CHECK_EQ(result(&visitor), 0);
	CHECK_EQ(open_box(&box, NULL), ELOOP);
	check_files(o.keeper_path, NULL);
	end(&visitor);
	CHECK_EQ(access(o.keeper_path, F_OK), -1);
}

static void visited(void)
{
	beside_a_visitor(false);
}

static void visited_unseen(void)
{
	isolate(); /* other keepers of the machine are not ours to stop */
	beside_a_visitor(true);
}

/* Killed with its offer out, while another process waits at the keeper: that one gets
 * everything, and who has the offer cannot take it any more, and leaves no file. */
static void killed_while_offering(void)
{
	struct sluice_options o = with_door();
	struct puppet giver, taker = new_puppet(NULL, ERANGE),
			     visitor = new_puppet(NULL, ELOOP);
	struct pollfd p = {.events = POLLIN};
	struct box box;
	int pair[2];

	giver = first(&o, &box);
	order(&visitor, TAKE, meet_keeper(o.keeper_path));
	new_pair(pair);
	order(&giver, GIVE, pair[0]);
	p.fd = pair[1];
	CHECK_EQ(poll(&p, 1, -1), 1); /* the offer */
	kill_puppet(&giver);
	CHECK_EQ(result(&visitor), 0);
	order(&taker, TAKE, pair[1]);
	CHECK_EQ(result(&taker), -ECANCELED);
	check_files(o.keeper_path, NULL);
	get_pass(&visitor); /* the door is still its keeper's */
	order(&taker, TAKE, meet_keeper(o.keeper_path));
	kill_puppet(&visitor);
	CHECK_EQ(result(&taker), 0);
	CHECK_EQ(open_box(&box, NULL), ERANGE);
	end(&taker);
	CHECK_EQ(access(o.keeper_path, F_OK), -1);
}

/* With one descriptor more each time, until it can take over: before, nothing changes. */
static void take_with_few(int socket, const char *path)
{
	struct sluice_supervisor *sv;
	struct rlimit many, few;
	int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0), failed = 0, pair, rc, says = ERANGE;
	struct stat before, after;
	char byte;

	CHECK(lowest >= 0 && close(lowest) == 0 && getrlimit(RLIMIT_NOFILE, &many) == 0);
	CHECK_EQ(stat(path, &before), 0);
	few = many;
	for (few.rlim_cur = (rlim_t)lowest + 1;; few.rlim_cur++) {
		still_going();
		CHECK_EQ(send(socket, "n", 1, 0), 1); /* the next, please */
		CHECK(hear(socket, &byte, &pair) && pair >= 0);
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		rc = sluice_take_over(pair, &sv);
		close(pair);
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &many), 0);
		check_files(path, NULL);
		if (rc == 0)
			break;
		CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino);
		failed++;
	}
	printf("# %d times without\n", failed);
	CHECK(failed > 5);
	CHECK_EQ(sluice_on_name(sv, MKDIR, say_errno, &says), 0);
	CHECK_EQ(send(socket, "y", 1, 0), 1);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 100) >= 0);
	sluice_supervisor_free(sv);
	fflush(stdout);
	_exit(0);
}

static void few_descriptors(void)
{
	struct sluice_options o = with_door();
	struct puppet giver;
	struct box box;
	int pair[2], talk[2], fd, status, rc = 1;
	pid_t pid;
	char letter;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	giver = first(&o, &box);
	new_pair(talk);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close_all_but(talk[1]);
		take_with_few(talk[1], o.keeper_path);
	}
	close(talk[1]);
	while (hear(talk[0], &letter, &fd) && letter == 'n') {
		new_pair(pair);
		order(&giver, GIVE, pair[0]);
		CHECK_EQ(send_fds(talk[0], "p", 1, &pair[1], 1), 1);
		close(pair[1]);
		rc = result(&giver);
	}
	CHECK_EQ(letter, 'y');
	CHECK_EQ(rc, 0);
	end(&giver);
	CHECK_EQ(open_box(&box, NULL), ERANGE);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(access(o.keeper_path, F_OK), -1);
}

/* An offer that is void by the time that it is taken up. */
static void void_offer(void)
{
	struct timeval brief = {0, 50000};
	struct sluice_options o = with_door();
	struct puppet giver, taker = new_puppet(NULL, ERANGE);
	struct stat before, after;
	struct box box;
	int pair[2];

	giver = first(&o, &box);
	CHECK_EQ(stat(o.keeper_path, &before), 0);
	new_pair(pair);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief)), 0);
	order(&giver, GIVE, pair[0]);
	CHECK_EQ(result(&giver), -ETIMEDOUT);
	order(&taker, TAKE, pair[1]);
	CHECK_EQ(result(&taker), -ECANCELED);
	CHECK(stat(o.keeper_path, &after) == 0 && before.st_ino == after.st_ino);
	check_files(o.keeper_path, NULL);
	order(&taker, TAKE, meet_keeper(o.keeper_path));
	kill_puppet(&giver);
	CHECK_EQ(result(&taker), 0);
	CHECK_EQ(open_box(&box, NULL), ERANGE);
	check_files(o.keeper_path, NULL);
	end(&taker);
	CHECK_EQ(access(o.keeper_path, F_OK), -1);
}

static void bind_there(int type, const char *path, int *fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(a.sun_path, path);
	*fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

/* What somebody has at the name under which a successor makes its door is not taken away.
 * A socket that nobody has bound any more, of a process that had this number before, is.
 */
static void name_taken(void)
{
	struct sluice_options o = with_door();
	struct puppet giver, taker = new_puppet(NULL, ERANGE);
	char path[160];
	struct stat before, after;
	struct box box;
	int pair[2], fd;

	giver = first(&o, &box);
	snprintf(path, sizeof(path), "%s.%d", o.keeper_path, (int)taker.pid);
	for (int i = 0; i < 2; i++) {
		if (i) {
			bind_there(SOCK_SEQPACKET, path, &fd);
		} else {
			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		}
		CHECK(fd >= 0 && lstat(path, &before) == 0);
		new_pair(pair);
		order(&giver, GIVE, pair[0]);
		order(&taker, TAKE, pair[1]);
		CHECK_EQ(result(&taker), -EADDRINUSE);
		CHECK(result(&giver) < 0);
		CHECK(lstat(path, &after) == 0 && before.st_ino == after.st_ino);
		check_files(o.keeper_path, strrchr(path, '/') + 1);
		close(fd);
		if (!i)
			CHECK_EQ(unlink(path), 0);
	}
	new_pair(pair);
	order(&giver, GIVE, pair[0]);
	order(&taker, TAKE, pair[1]);
	CHECK_EQ(result(&taker), 0);
	CHECK_EQ(result(&giver), 0);
	check_files(o.keeper_path, NULL);
	end(&giver);
	CHECK_EQ(open_box(&box, NULL), ERANGE);
	end(&taker);
}

/* Nor does a keeper take the place of a file that is none of its kind, nor is one removed
 * that has come there since. */
static void path_taken(void)
{
	struct sluice_options o = with_door();
	struct sluice_supervisor *sv = NULL;
	struct stat before, after;
	int fd = open(o.keeper_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fstat(fd, &before) == 0);
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EADDRINUSE);
	CHECK(!sv && lstat(o.keeper_path, &after) == 0 && before.st_ino == after.st_ino);
	check_files(o.keeper_path, NULL);
	CHECK(close(fd) == 0 && unlink(o.keeper_path) == 0);
	bind_there(SOCK_STREAM, o.keeper_path, &fd); /* that does not listen */
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EADDRINUSE);
	check_files(o.keeper_path, NULL);
	close(fd);
	sv = new_supervisor(&o); /* nobody has bound it any more */
	check_files(o.keeper_path, NULL);
	CHECK_EQ(unlink(o.keeper_path), 0);
	bind_there(SOCK_STREAM, o.keeper_path, &fd);
	sluice_supervisor_free(sv);
	check_files(o.keeper_path, NULL);
	close(fd);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"a hand-over while another process waits at the keeper", visited},
	{"the same, and the keeper has not looked at that one", visited_unseen},
	{"killed with an offer out while another process waits there",
		killed_while_offering},
	{"a successor without descriptors leaves no file", few_descriptors},
	{"nor one whose offer is void", void_offer},
	{"the name of a successor's door is another's", name_taken},
	{"the path of the door is another's", path_taken}, {NULL, NULL}};
