/* OCI servers where a call fails that seldom does: on a connection, in what the keeper
 * answers, while the keeper is started. SPDX-License-Identifier: MIT */
#include "inplace.h"
#include "keep/keep.h"
#include "runtime.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

DECLARE_REAL(syscall);
DECLARE_REAL(recvmsg);
DECLARE_REAL(recv);
DECLARE_REAL(waitpid);
DECLARE_REAL(timerfd_settime);

enum answer {
	NOTHING,  /* the keeper had none to accept */
	WITHHELD, /* no room for the descriptor here */
	LATER	  /* it could not be sent */
};

static long (*real_syscall)(long, ...);
static int look_fails; /* the errno of the library's next look at a connection */
static int take_fails; /* and when it takes out what it has seen; -1: there is nothing */
static int fail_answers; /* how many of the keeper's answers are to be @answer */
static enum answer answer;
static bool asks_fail;	 /* of the keeper to accept */
static bool wait_fails;	 /* for the process that starts the keeper */
static bool no_ticks;	 /* no timer begins */
static int ticking = -1; /* the timer that would have */
static struct itimerspec tick;
static char path[128];

static void __attribute__((constructor)) find_syscall(void)
{
	real_syscall = REAL(syscall);
}

static void spoil(struct msghdr *h)
{
	struct message *m = h->msg_iov->iov_base;
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int fd;

	if (!fail_answers || m->kind != M_ACCEPTED || !c)
		return;
	fail_answers--;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	close(fd);
	h->msg_controllen = 0;
	if (answer == WITHHELD)
		h->msg_flags |= MSG_CTRUNC;
	m->kept[0].deny = answer == LATER;
}

static bool is_question(const struct msghdr *h)
{
	const struct message *m = h->msg_iov->iov_base;

	return h->msg_iov->iov_len == sizeof(*m) && m->kind == M_ACCEPT;
}

long IN_PLACE_OF(syscall)(long nr, ...)
{
	long a[6], rc;
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (asks_fail && nr == SYS_sendmsg && is_question((struct msghdr *)a[1])) {
		asks_fail = false;
		errno = EPIPE;
		return -1;
	}
	rc = real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (nr == SYS_recvmsg && rc == sizeof(struct message))
		spoil((struct msghdr *)a[1]);
	return rc;
}

ssize_t IN_PLACE_OF(recvmsg)(int fd, struct msghdr *h, int flags)
{
	if (!look_fails || !(flags & MSG_PEEK))
		return REAL(recvmsg)(fd, h, flags);
	errno = look_fails;
	look_fails = 0;
	return -1;
}

ssize_t IN_PLACE_OF(recv)(int fd, void *data, size_t size, int flags)
{
	int fails = take_fails;

	if (!fails)
		return REAL(recv)(fd, data, size, flags);
	take_fails = 0;
	errno = fails < 0 ? EINTR : fails; /* 0 bytes say nothing about errno: it is an
					      earlier one */
	return fails < 0 ? 0 : -1;
}

/* As if another thread had waited for it before. */
pid_t IN_PLACE_OF(waitpid)(pid_t pid, int *status, int options)
{
	int lost;

	if (!wait_fails)
		return REAL(waitpid)(pid, status, options);
	wait_fails = false;
	CHECK_EQ(REAL(waitpid)(pid, &lost, options), pid);
	errno = ECHILD;
	return -1;
}

int IN_PLACE_OF(timerfd_settime)(
	int fd, int flags, const struct itimerspec *t, struct itimerspec *old)
{
	if (!no_ticks)
		return REAL(timerfd_settime)(fd, flags, t, old);
	ticking = fd;
	tick = *t;
	return 0;
}

/* What was asked of the timer is done now. */
static void let_tick(void)
{
	no_ticks = false;
	CHECK_EQ(timerfd_settime(ticking, 0, &tick, NULL), 0);
}

static int allow(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	++*(int *)data;
	return 0;
}

static struct sluice_supervisor *begin(bool keeper, int *calls)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EXDEV;
	o.keeper = keeper;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	*calls = 0;
	CHECK_EQ(sluice_listen_oci(sv, path, take, calls), 0);
	return sv;
}

/* What is lacking may be there when the timer comes; anything else ends the connection.
 */
static void looks(void)
{
	static const struct {
		int error;
		bool waits;
	} cases[] = {{EMFILE, true}, {ENFILE, true}, {ENOMEM, true}, {ENOBUFS, true},
		{ENOSPC, true}, {ETOOMANYREFS, true}, {EPIPE, true}, {EIO, false}};
	int calls;
	struct sluice_supervisor *sv = begin(false, &calls);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct box box = new_box();

		offer_box(path, &box);
		look_fails = cases[i].error;
		CHECK_EQ(open_box(&box, sv), cases[i].waits ? 0 : EXDEV);
		CHECK_EQ(look_fails, 0);
		CHECK_EQ(calls, cases[i].waits ? i + 1 : i);
	}
	sluice_supervisor_free(sv);
}

/* What has been looked at is taken out, and counted, once: here another descriptor, which
 * came first. */
static void take_out(int fails, bool served)
{
	static const char text[] = "{\"fds\":[\"other\",\"seccompFd\"]}";
	int calls, socket, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sluice_supervisor *sv = begin(false, &calls);
	struct box box = new_box();

	socket = dial(path);
	CHECK_EQ(send_fds(socket, text, 1, &null, 1), 1);
	CHECK_EQ(send_fds(socket, text + 1, strlen(text) - 1, &box.listener, 1),
		strlen(text) - 1);
	close(null);
	close(box.listener);
	take_fails = fails;
	CHECK_EQ(open_box(&box, sv), served ? 0 : EXDEV);
	CHECK_EQ(take_fails, 0);
	CHECK_EQ(calls, served);
	close(socket);
	sluice_supervisor_free(sv);
}

static void takes(void)
{
	take_out(0, true);
	take_out(EINTR, true);
	take_out(-1, false);
	take_out(EIO, false);
}

/* The keeper has accepted, and it did not come: it is asked for that one again. */
static void asked_again(enum answer how)
{
	int calls;
	struct sluice_supervisor *sv = begin(true, &calls);
	struct box box = new_box();

	offer_box(path, &box);
	answer = how;
	fail_answers = 2;
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(fail_answers, 0);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
}

static void again(void)
{
	asked_again(WITHHELD);
	asked_again(LATER);
}

/* The next one is accepted without waiting for the timer, unless there was none or no
 * room for it. */
static void no_timer(void)
{
	int calls;
	struct sluice_supervisor *sv;
	struct pollfd p = {.events = POLLIN};
	struct box box[3];

	no_ticks = true;
	sv = begin(true, &calls);
	if (ticking < 0)
		SKIP("the library sets timers in another way");
	p.fd = sluice_fd(sv);
	for (int i = 0; i < 3; i++)
		box[i] = new_box();
	offer_box(path, &box[0]);
	CHECK_EQ(open_box(&box[0], sv), 0);
	offer_box(path, &box[1]);
	CHECK_EQ(open_box(&box[1], sv), 0);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 20) >= 0);
	tick.it_interval.tv_nsec = 0;
	fail_answers = 1;
	answer = NOTHING;
	offer_box(path, &box[2]);
	while (!tick.it_interval.tv_nsec)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(fail_answers, 0);
	CHECK_EQ(calls, 2);
	close(dial(path));
	CHECK_EQ(poll(&p, 1, 0), 0);
	let_tick();
	CHECK_EQ(open_box(&box[2], sv), 0);
	sluice_supervisor_free(sv);
}

/* A hand-over asks for it once more, and says so if it is in vain; here nobody takes
 * over. @before: of the answers that fail one does before. */
static void settled(int fails, bool before, bool vain)
{
	int calls, pair[2], rc;
	struct sluice_supervisor *sv;
	struct box box = new_box();

	sv = begin(true, &calls);
	offer_box(path, &box);
	answer = WITHHELD;
	fail_answers = fails;
	if (before) {
		while (fail_answers == fails)
			CHECK(sluice_dispatch(sv, 1000) >= 0);
	} else {
		CHECK(sluice_dispatch(sv, 1000) >= 0); /* it is asked */
	}
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	rc = sluice_hand_over(sv, pair[0]);
	CHECK_EQ(rc, vain ? -EMFILE : -EPIPE);
	CHECK_EQ(fail_answers, 0);
	close(pair[0]);
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
}

static void hand_overs(void)
{
	settled(1, true, false);
	settled(2, true, true);
	settled(1, false, false);
	settled(2, false, true);
}

/* It cannot be asked. */
static void not_settled(void)
{
	int calls, pair[2];
	struct sluice_supervisor *sv = begin(true, &calls);
	struct box box = new_box();

	offer_box(path, &box);
	answer = WITHHELD;
	fail_answers = 1;
	while (fail_answers)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	asks_fail = true;
	CHECK_EQ(sluice_hand_over(sv, pair[0]), -EAGAIN);
	CHECK(!asks_fail);
	close(pair[0]);
	CHECK_EQ(open_box(&box, sv), 0);
	sluice_supervisor_free(sv);
}

/* What fails before it has a descriptor closes none, and number 0 is the program's. */
static void nothing_made(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL), *kept;
	char longest[200], file[128];
	struct rlimit limit;
	int pair[2], lowest;

	CHECK(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	CHECK_EQ(sluice_keeper_connect(longest), -ENAMETOOLONG);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	CHECK_EQ(sluice_keeper_pass(sv), -EINVAL);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	sluice_supervisor_free(sv);
	snprintf(file, sizeof(file), "%s/file", scratch_dir());
	CHECK_EQ(close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	o.keeper = true;
	o.keeper_path = file;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EADDRINUSE);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	o.keeper_path = NULL;
	kept = new_supervisor(&o);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
	CHECK(lowest >= 0 && close(lowest) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = (rlim_t)lowest;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(sluice_keeper_pass(kept), -EMFILE);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	CHECK_EQ(sluice_keeper_connect_pass(pair[0]), -EMFILE);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	sluice_supervisor_free(kept);
	if (unshare(CLONE_NEWPID))
		SKIP("unshare(CLONE_NEWPID): errno %d", errno);
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EREMOTE);
	CHECK_EQ(fcntl(0, F_GETFD), 0);
	end_test();
}

/* Who says that it waited is not us: the keeper runs. */
static void not_waited(void)
{
	int calls;
	struct sluice_supervisor *sv;
	struct box box = new_box(), left = new_box();

	wait_fails = true;
	sv = begin(true, &calls);
	CHECK(!wait_fails);
	offer_box(path, &box);
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(sluice_add_listener(sv, left.listener, NULL), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(open_box(&left, NULL), EXDEV);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {{"a look at a connection fails", looks},
	{"to take out what was seen fails", takes},
	{"what the keeper accepted does not come", again},
	{"the timer is for those who wait only", no_timer},
	{"the same, and a hand-over", hand_overs},
	{"a hand-over when the keeper cannot be asked", not_settled},
	{"what could not be made leaves descriptor 0 alone", nothing_made},
	{"somebody else has waited for the process that starts the keeper", not_waited},
	{NULL, NULL}};
