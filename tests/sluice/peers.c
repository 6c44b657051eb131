/* The OCI server against peers that nobody vouches for: whatever they send, a listener that
 * arrived is never closed (its target would get ENOSYS), nothing blocks, and an honest container
 * is served beside them.
 * SPDX-License-Identifier: MIT */
#include "seen.h"

#include <sys/resource.h>

static void misnamed(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	int before = count_fds();
	struct box box = new_box();
	int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), box.listener};

	offer_fds(path, "{\"fds\":[\"seccompFd\",\"other\"]}", fds, 2);
	close(fds[0]);
	close(fds[1]);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(seen.calls, 0);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 20) >= 0);
	CHECK_EQ(settled_fds(before), before);
	finish(sv, &seen);
}

/* The document names one more than came: it is not what came, either. */
static void missing(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box();

	offer_fds(path, "{\"fds\":[\"other\",\"seccompFd\"]}", &box.listener, 1);
	close(box.listener);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(seen.calls, 0);
	finish(sv, &seen);
}

/* Eight in one connection, one of them offered; the others come with it and after it. */
static void beside_it(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box[8];
	int fds[8], socket = dial(path);

	for (int i = 0; i < 8; i++) {
		box[i] = new_box();
		fds[i] = box[i].listener;
	}
	CHECK_EQ(send_fds(socket, "{\"fds\":[\"a\",", 12, fds, 1), 12);
	CHECK_EQ(send_fds(socket, "\"b\",\"c\",\"seccompFd\"]}", 21, fds + 1, 5), 21);
	CHECK_EQ(send_fds(socket, " ", 1, fds + 6, 2), 1);
	close(socket);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(open_box(&box[i], sv), i == 3 ? 0 : EXDEV);
	CHECK_EQ(seen.calls, 1);
	finish(sv, &seen);
}

/* One more than a connection may bring: it is not served. */
static void too_many(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box[9];
	int fds[9], socket = dial(path);

	for (int i = 0; i < 9; i++) {
		box[i] = new_box();
		fds[i] = box[i].listener;
	}
	CHECK_EQ(send_fds(socket, "{\"fds\":[0,1,2,3,4,5,6,7,", 24, fds, 9), 24);
	CHECK_EQ(send_fds(socket, "\"seccompFd\"]}", 13, NULL, 0), 13);
	close(socket);
	for (int i = 0; i < 9; i++)
		close(fds[i]);
	for (int i = 0; i < 9; i++)
		CHECK_EQ(open_box(&box[i], sv), i < 8 ? EXDEV : ENOSYS);
	CHECK_EQ(seen.calls, 0);
	finish(sv, &seen);
}

/* More descriptors than "fds" can name: the first is what it was, the last is nobody's. */
static void too_many_names(bool last)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box();
	int fds[64], socket = dial(path), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < 64; i++)
		fds[i] = null;
	fds[0] = last ? null : box.listener;
	CHECK_EQ(send_fds(socket, "{", 1, fds, 64), 1);
	CHECK_EQ(send_fds(socket, "\"fds\":[", 7, last ? &box.listener : &null, 1), 7);
	for (int i = 0; i < 65; i++)
		CHECK_EQ(send_fds(socket, i == (last ? 64 : 0) ? "\"seccompFd\"," : "\"x\",        ",
				 12, NULL, 0),
			12);
	CHECK_EQ(send_fds(socket, "0]}", 3, NULL, 0), 3);
	close(socket);
	close(box.listener);
	close(null);
	CHECK_EQ(open_box(&box, sv), last ? EXDEV : 0);
	CHECK_EQ(seen.calls, !last);
	finish(sv, &seen);
}

static void first_of_many(void)
{
	too_many_names(false);
}

static void last_of_many(void)
{
	too_many_names(true);
}

/* Until the server has read what was sent. */
static void wait_read(struct sluice_supervisor *sv, int socket)
{
	int unread;

	do
		CHECK(sluice_dispatch(sv, 20) >= 0);
	while (ioctl(socket, TIOCOUTQ, &unread) == 0 && unread);
}

/* What cannot become a document ends the connection at once, not when its time is over. */
static void no_document(void)
{
	static const char *const texts[] = {"x", "[", "\"", " \n\t\r1", "]{\"fds\":[\"seccompFd\"]}"};
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);

	for (int i = 0; i < 5; i++) {
		struct box box = new_box();
		int socket = dial(path);

		CHECK(send_fds(socket, texts[i], strlen(texts[i]), &box.listener, 1) > 0);
		close(box.listener);
		wait_read(sv, socket);
		CHECK_EQ(send_fds(socket, "x", 1, NULL, 0), -1);
		CHECK_EQ(errno, EPIPE);
		CHECK_EQ(open_box(&box, sv), EXDEV);
		close(socket);
	}
	CHECK_EQ(seen.calls, 0);
	finish(sv, &seen);
}

/* A peer that has a listener of another connection, of which nobody has decided yet, and says what
 * container that is: it is for the other one to say. */
static void not_theirs(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box(), other = new_box();
	int socket = dial(path);

	CHECK_EQ(send_fds(socket, document, 10, &box.listener, 1), 10);
	wait_read(sv, socket);
	offer_fds(path, document, &box.listener, 1);
	close(box.listener);
	offer_box(path, &other);
	CHECK_EQ(open_box(&other, sv), 0); /* so it was looked at */
	CHECK_EQ(seen.calls, 1);
	CHECK(send_fds(socket, document + 10, strlen(document) - 10, NULL, 0) > 0);
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(seen.calls, 2);
	close(socket);
	finish(sv, &seen);
}

static void twice(bool keeper)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, keeper);
	struct box box = new_box(), junk = new_box(), last = new_box();
	int fds[3] = {box.listener, box.listener, box.listener};

	offer_fds(path, "{\"fds\":[\"x\",\"x\",\"seccompFd\"]}", fds, 3);
	offer_fds(path, document, fds, 1); /* decided: nobody is asked again */
	fds[0] = fds[1] = fds[2] = junk.listener;
	offer_fds(path, "junk", fds, 3);
	offer_fds(path, document, fds, 1);
	close(junk.listener);
	close(box.listener);
	offer_box(path, &last);
	CHECK_EQ(open_box(&last, sv), 0); /* so all were looked at */
	CHECK_EQ(seen.calls, 2);
	CHECK_EQ(open_box(&junk, sv), EXDEV); /* with two sources the second RECV would wait */
	CHECK_EQ(open_box(&box, sv), 0);
	finish(sv, &seen);
}

static void the_same_twice(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv;
	struct box box;
	int again;

	twice(false);
	twice(true);
	sv = serve(&seen, false);
	box = new_box();
	again = fcntl(box.listener, F_DUPFD_CLOEXEC, 0);
	CHECK_EQ(sluice_add_listener(sv, box.listener, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, again, NULL), -EEXIST);
	close(again);
	CHECK_EQ(open_box(&box, sv), 0);
	finish(sv, &seen);
}

static void take_away(int nr)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* As on kernels without it, and in containers that may not call it. */
static void without_kcmp(void)
{
	take_away(SCMP_SYS(kcmp));
	CHECK(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0) == -1);
	the_same_twice();
}

/* Nor can it be told another way: then two sources of one listener must do no harm. */
static void not_told(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box();
	int again = fcntl(box.listener, F_DUPFD_CLOEXEC, 0);

	take_away(SCMP_SYS(kcmp));
	take_away(SCMP_SYS(epoll_create1));
	CHECK_EQ(sluice_add_listener(sv, box.listener, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, again, NULL), 0);
	CHECK_EQ(open_box(&box, sv), 0); /* the second RECV would wait for ever */
	finish(sv, &seen);
}

/* More duplicates than a keeper holds listeners. */
static void duplicates(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, true);
	struct box box = new_box();
	int fds[64];

	for (int i = 0; i < 64; i++)
		fds[i] = box.listener;
	for (int i = 0; i < 20; i++) {
		offer_fds(path, "x", fds, 64);
		CHECK(sluice_dispatch(sv, 20) >= 0);
	}
	close(box.listener);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	finish(sv, &seen);
}

/* Half a document and an open connection: after a while its target is refused. */
static void never_ends(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box();
	int socket = dial(path);

	CHECK_EQ(send_fds(socket, document, 10, &box.listener, 1), 10);
	close(box.listener);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(send_fds(socket, "x", 1, NULL, 0), -1);
	CHECK_EQ(errno, EPIPE);
	close(socket);
	finish(sv, &seen);
}

static void by_bytes(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	struct box box = new_box();
	size_t size = 900000, at;
	char *text = malloc(size + 1);
	int socket = dial(path);

	memset(text, ' ', size);
	memcpy(text, "{\"fds\":[\"seccompFd\"],\"a\":[\"}\\\"]\"", 32);
	for (at = 32; at < size - 8; at += 4)
		memcpy(text + at, ",{} ", 4);
	memcpy(text + at, "]}", 2);
	CHECK_EQ(send_fds(socket, text, 100, &box.listener, 1), 100);
	close(box.listener);
	for (size_t from = 100; from < size;) {
		size_t n = from < size - 3000 ? 4096 : 1;
		ssize_t sent = send_fds(socket, text + from, n < size - from ? n : size - from,
			NULL, 0);

		if (sent < 0 && errno == EPIPE)
			break; /* it had all that it wants */
		CHECK(sent > 0);
		from += (size_t)sent;
		CHECK(sluice_dispatch(sv, 0) >= 0);
	}
	close(socket);
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(seen.calls, 1);
	free(text);
	finish(sv, &seen);
}

static int fill_table(int *fds, int max)
{
	int n = 0;

	while (n < max && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	CHECK(n < max && errno == EMFILE);
	return n;
}

/* There was nothing to do for once: a loop that spins never says so. */
static void check_idle(struct sluice_supervisor *sv)
{
	struct pollfd p = {.fd = sluice_fd(sv), .events = POLLIN};
	int idle = 0;

	for (int i = 0; i < 100; i++) {
		CHECK(sluice_dispatch(sv, 0) >= 0);
		idle += poll(&p, 1, 0) == 0;
	}
	CHECK(idle > 0);
}

/* No descriptors left, when a runtime connects and when it sends: it waits until there are. */
static void no_descriptors(void)
{
	struct rlimit limit = {128, 128};
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv;
	struct box first = {0}, second = {0};
	int fds[128], n, early, late;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int keeper = 0; keeper < 2; keeper++) {
		sv = serve(&seen, keeper);
		first = new_box();
		second = new_box();
		early = dial(path);
		for (int i = 0; i < 10; i++)
			CHECK(sluice_dispatch(sv, 20) >= 0); /* accepted */
		late = dial(path);
		n = fill_table(fds, 128);
		CHECK(send_fds(early, document, strlen(document), &first.listener, 1) > 0);
		CHECK(send_fds(late, document, strlen(document), &second.listener, 1) > 0);
		check_idle(sv);
		CHECK_EQ(seen.calls, 2 * keeper + keeper);
		while (n)
			close(fds[--n]);
		close(early);
		close(late);
		close(first.listener);
		close(second.listener);
		CHECK_EQ(open_box(&first, sv), 0);
		CHECK_EQ(open_box(&second, sv), 0);
		CHECK_EQ(seen.calls, 2 * keeper + keeper + 2);
		finish(sv, &seen);
	}
}

/* Bytes out of band, with a listener beside the first: nothing spins, and that is kept. */
static void out_of_band(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv;
	struct box box = {0};
	int socket;

	for (int keeper = 0; keeper < 2; keeper++) {
		sv = serve(&seen, keeper);
		box = new_box();
		socket = dial(path);
		if (send_fds_flags(socket, "{", 1, &box.listener, 1, MSG_OOB) < 0)
			SKIP("no MSG_OOB on Unix sockets before 5.15");
		close(box.listener);
		check_idle(sv);
		CHECK_EQ(send(socket, " ", 1, MSG_OOB), 1);
		check_idle(sv);
		CHECK_EQ(send(socket, document + 1, strlen(document + 1), 0),
			(long)strlen(document + 1));
		close(socket);
		CHECK_EQ(open_box(&box, sv), 0);
		CHECK_EQ(seen.calls, 2 * keeper + 1);
		finish(sv, &seen);
	}
}

/* Peers that hold as many descriptors as they can and say nothing. */
static void hoarders(void)
{
	struct rlimit limit = {256, 256};
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv;
	int fds[64], sockets[40];

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	sv = serve(&seen, true);
	for (int i = 0; i < 64; i++)
		fds[i] = 0;
	for (int i = 0; i < 40; i++) {
		sockets[i] = dial(path);
		if (send_fds(sockets[i], "{", 1, fds, 64) < 0 && errno == ETOOMANYREFS)
			SKIP("a user has no more descriptors on their way than RLIMIT_NOFILE says");
		CHECK(sluice_dispatch(sv, 20) >= 0);
	}
	finish(sv, &seen);
	for (int i = 0; i < 40; i++)
		close(sockets[i]);
}

/* The example, with peers like these around it, and killed in the end. */
static pid_t start_example(void)
{
	const char *examples = getenv("SLUICE_EXAMPLES");
	char program[4096];
	pid_t pid;

	if (!examples)
		SKIP("SLUICE_EXAMPLES is not set");
	if (geteuid() != 0)
		SKIP("needs root: ptrace access to a process that is not its child");
	snprintf(program, sizeof(program), "%s/sluice-example-oci-listener", examples);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execl(program, program, path, NULL);
		_exit(127);
	}
	while (access(path, F_OK))
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	return pid;
}

/* A container with a root file system of its own, as the example wants it. */
static struct box metadata_box(const char *root, const char *cwd, const char *metadata)
{
	struct box box = new_box_in(root, cwd);
	char text[512];

	snprintf(text, sizeof(text), "{\"fds\":[\"seccompFd\"],\"metadata\":\"%s\",\"pid\":%d}",
		metadata, (int)box.pid);
	offer_fds(path, text, &box.listener, 1);
	close(box.listener);
	return box;
}

static void example(void)
{
	pid_t pid = start_example();
	struct box good, outside, vague, bad[3], living;
	int sockets[40], fds[64];
	char root[128], made[160];

	snprintf(root, sizeof(root), "%s", scratch_dir());
	snprintf(made, sizeof(made), "%s/allowed", root);
	CHECK_EQ(mkdir(made, 0755), 0);
	for (int i = 0; i < 3; i++)
		bad[i] = new_box();
	offer_fds(path, "junk", &bad[0].listener, 1);
	for (int i = 0; i < 64; i++)
		fds[i] = bad[1].listener;
	offer_fds(path, "{\"fds\":[\"x\",\"y\"],\"metadata\":\"/\"}", fds, 64);
	for (int i = 0; i < 40; i++) {
		sockets[i] = dial(path);
		CHECK_EQ(send_fds(sockets[i], "{", 1, &bad[2].listener, 1), 1);
	}
	for (int i = 0; i < 3; i++)
		close(bad[i].listener);
	good = metadata_box(root, "/allowed", "/allowed");
	outside = metadata_box(root, "/", "/allowed");
	vague = metadata_box(root, "/allowed", "no directory");
	living = metadata_box(root, "/allowed", "/allowed");
	CHECK_EQ(open_box(&good, NULL), 0);
	CHECK_EQ(open_box(&outside, NULL), EACCES);
	CHECK_EQ(open_box(&vague, NULL), EPERM);
	CHECK_EQ(open_box(&bad[0], NULL), EPERM);
	CHECK_EQ(open_box(&bad[1], NULL), EPERM);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(open_box(&living, NULL), EPERM);
	CHECK_EQ(open_box(&bad[2], NULL), EPERM);
	for (int i = 0; i < 40; i++)
		close(sockets[i]);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"\"seccompFd\" names another descriptor: the listener is kept", misnamed},
	{"a document that names more than came", missing},
	{"listeners beside the one that is served are refused", beside_it},
	{"a ninth listener of a connection is not served", too_many},
	{"65 descriptors, and the first is named", first_of_many},
	{"65 descriptors, and the last is named", last_of_many},
	{"what is no document ends the connection", no_document},
	{"a listener of another connection is not this one's to name", not_theirs},
	{"a listener that is sent twice is served once", the_same_twice},
	{"the same without kcmp(2)", without_kcmp},
	{"the same where it cannot be told", not_told},
	{"1280 duplicates of a listener, and then a container", duplicates},
	{"a document that never ends", never_ends},
	{"900 KB, the last of it byte by byte", by_bytes},
	{"no descriptors left: nothing spins, nothing is lost", no_descriptors},
	{"bytes out of band, and a listener beside one", out_of_band},
	{"40 peers with 64 descriptors each", hoarders},
	{"the example among such peers, and killed", example},
	{NULL, NULL}};
