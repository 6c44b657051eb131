/* Bounds of OCI servers: how many connections there are, how long one may take, which
 * servers may accept at a time.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/resource.h>

#define MAX_CONNECTIONS 32  /* of a server */
#define MAX_ALL		128 /* of all servers, if there is a keeper */
#define DOCUMENT_S	5   /* from connecting to the end of the document */
#define STARVED_S	60  /* more than that for want of descriptors */

static char path[128];

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

static struct sluice_supervisor *begin(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EXDEV;
	o.keeper = keeper;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	return sv;
}

/* Nothing is said over it: the other end is open, or not. */
static bool is_open(int socket)
{
	char byte;
	ssize_t n = recv(socket, &byte, 1, MSG_DONTWAIT);

	CHECK(n <= 0);
	return n < 0 && errno == EAGAIN;
}

/* ---- how many ---- */

/* Who comes later takes the place of the oldest, and of nobody else. */
static void newest(void)
{
	struct sluice_supervisor *sv = begin(false);
	int fds[MAX_CONNECTIONS + 8], calls = 0, before;
	struct box box;

	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	before = count_fds();
	for (int i = 0; i < MAX_CONNECTIONS + 8; i++) {
		int open = i < MAX_CONNECTIONS ? i + 1 : MAX_CONNECTIONS;

		fds[i] = dial(path);
		while (count_fds() != before + i + 1 + open ||
			(i >= MAX_CONNECTIONS && is_open(fds[i - MAX_CONNECTIONS])))
			CHECK(sluice_dispatch(sv, 1000) >= 0);
		for (int j = 0; j <= i; j++)
			CHECK_EQ(is_open(fds[j]), j > i - MAX_CONNECTIONS);
	}
	box = new_box();
	offer_box(path, &box);
	CHECK_EQ(open_box(&box, sv), 0);
	CHECK_EQ(calls, 1);
	for (int i = 0; i < MAX_CONNECTIONS + 8; i++)
		close(fds[i]);
	sluice_supervisor_free(sv);
}

/* The keeper has room for what all that are there may bring, and no more are accepted. */
static void room_of_keeper(void)
{
	enum {
		SERVERS = 5,
		EACH = MAX_ALL / SERVERS + 1
	};
	struct sluice_supervisor *sv;
	struct rlimit limit;
	int fds[SERVERS * EACH], calls = 0, n = 0, before;
	char name[sizeof(path) + 8];

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 4 * MAX_ALL)
		SKIP("too few descriptors");
	sv = begin(true);
	for (int i = 0; i < SERVERS; i++) {
		snprintf(name, sizeof(name), "%s%d", path, i);
		CHECK_EQ(sluice_listen_oci(sv, name, take, &calls), 0);
	}
	before = count_fds();
	for (int i = 0; i < SERVERS * EACH; i++) {
		snprintf(name, sizeof(name), "%s%d", path, i % SERVERS);
		fds[n++] = dial(name);
		while (i < MAX_ALL && count_fds() != before + 2 * n)
			CHECK(sluice_dispatch(sv, 1000) >= 0);
	}
	for (int i = 0; i < 10; i++)
		CHECK(sluice_dispatch(sv, 20) >= 0);
	CHECK_EQ(count_fds(), before + n + MAX_ALL);
	close(fds[0]);
	n--; /* and who waited comes in its place */
	for (bool gone = false; !gone || count_fds() != before + n + MAX_ALL;) {
		CHECK(sluice_dispatch(sv, 1000) >= 0);
		gone |= count_fds() < before + n + 1 + MAX_ALL;
	}
	for (int i = 1; i <= n; i++)
		close(fds[i]);
	sluice_supervisor_free(sv);
}

/* ---- how long a document is ---- */

#define MAX_DOCUMENT (1u << 20)

static void send_document(struct sluice_supervisor *sv, size_t size, const struct box *box)
{
	static char text[2 * MAX_DOCUMENT];
	static const char begin[] = "{\"fds\":[\"seccompFd\"]";
	int fd = dial(path);
	size_t at;

	memset(text, ' ', size);
	memcpy(text, begin, strlen(begin));
	text[size - 1] = '}';
	CHECK_EQ(send_fds(fd, text, 1, &box->listener, 1), 1);
	for (at = 1; at < size;) {
		ssize_t n = send(fd, text + at, size - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EPIPE) /* it had enough */
			break;
		CHECK(n > 0 || errno == EAGAIN);
		at += n > 0 ? (size_t)n : 0;
		CHECK(sluice_dispatch(sv, 20) >= 0);
	}
	close(fd);
}

static void documents(void)
{
	static const size_t sizes[] = {
		MAX_DOCUMENT - 65536, MAX_DOCUMENT + 1, MAX_DOCUMENT + 65536};
	struct sluice_supervisor *sv = begin(false);
	int calls = 0;

	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	for (int i = 0; i < 3; i++) {
		struct box box = new_box();

		send_document(sv, sizes[i], &box);
		close(box.listener);
		CHECK_EQ(open_box(&box, sv), i == 0 ? 0 : EXDEV);
		CHECK_EQ(calls, 1);
	}
	sluice_supervisor_free(sv);
}

/* ---- one at a time ---- */

/* The keeper accepts for one server at a time, and each gets its own. */
static void two_servers(void)
{
	struct sluice_supervisor *sv;
	char other[sizeof(path) + 1];
	struct box one, two;
	int first = 0, second = 0;

	isolate(); /* other keepers of the machine are not ours to stop */
	sv = begin(true);
	snprintf(other, sizeof(other), "%s2", path);
	CHECK_EQ(sluice_listen_oci(sv, path, take, &first), 0);
	CHECK_EQ(sluice_listen_oci(sv, other, take, &second), 0);
	one = new_box();
	two = new_box();
	while (keepers(SIGSTOP) != 1) /* it has its name when it has begun */
		usleep(1000);
	offer_box(path, &one);
	offer_box(other, &two);
	for (int i = 0; i < 10; i++)
		CHECK(sluice_dispatch(sv, 20) >= 0);
	CHECK_EQ(keepers(SIGCONT), 1);
	CHECK_EQ(open_box(&one, sv), 0);
	CHECK_EQ(open_box(&two, sv), 0);
	CHECK(first == 1 && second == 1);
	sluice_supervisor_free(sv);
}

/* ---- how long ---- */

/* Of the only timer that there is: when it comes, and how often, in ns. */
static void read_timer(long long *value, long long *interval)
{
	DIR *d = opendir("/proc/self/fd");
	int found = 0;

	for (struct dirent *e; (e = readdir(d));) {
		char name[300], text[64] = "", line[256];
		long long s, ns;
		FILE *f;

		snprintf(name, sizeof(name), "/proc/self/fd/%s", e->d_name);
		if (readlink(name, text, sizeof(text) - 1) < 0 ||
			!strstr(text, "[timerfd]"))
			continue;
		found++;
		snprintf(name, sizeof(name), "/proc/self/fdinfo/%s", e->d_name);
		f = fopen(name, "r");
		CHECK(f);
		*value = *interval = -1;
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "it_value: (%lld, %lld)", &s, &ns) == 2)
				*value = s * 1000000000 + ns;
			if (sscanf(line, "it_interval: (%lld, %lld)", &s, &ns) == 2)
				*interval = s * 1000000000 + ns;
		}
		fclose(f);
	}
	closedir(d);
	CHECK_EQ(found, 1);
	if (*value < 0 || *interval < 0)
		SKIP("no timers in fdinfo");
}

/* It ticks ten times a second as long as there is a connection. */
static void ticks(void)
{
	struct sluice_supervisor *sv = begin(false);
	long long value, interval;
	int calls = 0, fd, before;

	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	read_timer(&value, &interval);
	CHECK(value == 0 && interval == 0);
	before = count_fds();
	fd = dial(path);
	while (count_fds() != before + 2)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	read_timer(&value, &interval);
	CHECK(value <= 100000000); /* 0: it is over, and nobody has looked */
	CHECK_EQ(interval, 100000000);
	close(fd);
	while (count_fds() != before)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	do { /* the next one ends it */
		CHECK(sluice_dispatch(sv, 1000) >= 0);
		read_timer(&value, &interval);
	} while (interval);
	CHECK_EQ(value, 0);
	sluice_supervisor_free(sv);
}

#ifdef ARCHIVES /* with the library inside, nothing takes the place of what it calls */
static void half(void)
{
	SKIP("needs the shared library");
}
#define starved	  half
#define fed	  half
#define shortages half
#else

/* The errno of accept4(2) for the library, or 0: it works. */
static int refuses;

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	int (*real)(int, struct sockaddr *, socklen_t *, int);

	*(void **)&real = dlsym(RTLD_NEXT, "accept4");
	if (!refuses)
		return real(fd, address, size, flags);
	errno = refuses;
	return -1;
}

/* What is lacking may be there when the timer comes; anything else is over, and the next one is looked at
 * at once. */
static void shortages(void)
{
	static const struct {
		int error;
		bool waits;
	} cases[] = {{EMFILE, true}, {ENFILE, true}, {ENOMEM, true}, {ENOBUFS, true},
		{ECONNABORTED, false}, {EAGAIN, false}};
	struct sluice_supervisor *sv = begin(false);
	long long value, interval;
	int calls = 0;

	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	for (int i = 0; i < 6; i++) {
		int before = count_fds(), fd = dial(path);
		struct pollfd p = {.fd = sluice_fd(sv), .events = POLLIN};

		refuses = cases[i].error;
		CHECK(sluice_dispatch(sv, 1000) >= 0);
		read_timer(&value, &interval);
		CHECK_EQ(interval != 0, cases[i].waits);
		CHECK(cases[i].waits || poll(&p, 1, 0) == 1);
		refuses = 0;
		while (count_fds() != before + 2)
			CHECK(sluice_dispatch(sv, 1000) >= 0);
		close(fd);
		do { /* until the timer rests, too */
			CHECK(sluice_dispatch(sv, 1000) >= 0);
			read_timer(&value, &interval);
		} while (interval || count_fds() != before);
	}
	sluice_supervisor_free(sv);
}

static int later_s; /* than it is, for the library */
static int looked;  /* at the clock */

int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *);
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(id, t);
	t->tv_sec += later_s;
	looked++;
	return rc;
}

/* So that the timer has come at least once. */
static void let_tick(struct sluice_supervisor *sv)
{
	for (int i = 0; i < 20; i++)
		CHECK(sluice_dispatch(sv, 20) >= 0);
}

static void half(void)
{
	struct sluice_supervisor *sv = begin(false);
	int calls = 0, fd, before;
	struct box box;

	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	box = new_box();
	before = count_fds();
	looked = 0;
	fd = dial(path);
	while (count_fds() != before + 2)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	if (!looked)
		SKIP("the library looks at the clock in another way");
	CHECK_EQ(send_fds(fd, document, 10, &box.listener, 1), 10);
	close(box.listener);
	later_s = DOCUMENT_S - 2;
	let_tick(sv);
	CHECK(is_open(fd));
	later_s = DOCUMENT_S;
	while (is_open(fd))
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(calls, 0);
	close(fd);
	sluice_supervisor_free(sv);
}

/* What had to wait for a descriptor, and has got it, has no more time than others. */
static void fed(void)
{
	struct rlimit limit = {64, 64};
	struct sluice_supervisor *sv;
	int calls = 0, fd, before, fds[64], n = 0;
	struct box box;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	sv = begin(false);
	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	box = new_box();
	before = count_fds();
	looked = 0;
	fd = dial(path);
	while (count_fds() != before + 2)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	if (!looked)
		SKIP("the library looks at the clock in another way");
	while ((fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	CHECK_EQ(send_fds(fd, document, 10, &box.listener, 1), 10);
	CHECK(sluice_dispatch(sv, 1000) >= 0);
	close(box.listener);
	while (n)
		close(fds[--n]);
	while (sluice_active(sv) != 1) /* it has come */
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	later_s = DOCUMENT_S;
	while (is_open(fd))
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(calls, 0);
	close(fd);
	sluice_supervisor_free(sv);
}

/* Without a descriptor for what it has sent a connection stays, and is refused when there
 * is one; after a minute it can send nothing more. */
static void starved(void)
{
	struct rlimit limit = {64, 64};
	struct sluice_supervisor *sv;
	int calls = 0, fd, before, fds[64], n = 0;
	struct box box;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	sv = begin(false);
	CHECK_EQ(sluice_listen_oci(sv, path, take, &calls), 0);
	box = new_box();
	before = count_fds();
	looked = 0;
	fd = dial(path);
	while (count_fds() != before + 2)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	if (!looked)
		SKIP("the library looks at the clock in another way");
	CHECK(send_fds(fd, document, strlen(document), &box.listener, 1) > 0);
	while ((fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	let_tick(sv);
	later_s = DOCUMENT_S + STARVED_S - 2;
	let_tick(sv);
	CHECK_EQ(send(fd, " ", 1, MSG_NOSIGNAL), 1);
	later_s = DOCUMENT_S + STARVED_S;
	while (send(fd, "", 0, MSG_NOSIGNAL) == 0)
		CHECK(sluice_dispatch(sv, 20) >= 0);
	CHECK_EQ(errno, EPIPE);
	let_tick(sv);
	close(box.listener);
	while (n)
		close(fds[--n]);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(calls, 0);
	close(fd);
	sluice_supervisor_free(sv);
}
#endif

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"the newest connections stay", newest},
	{"as many as the keeper has room for what they bring", room_of_keeper},
	{"a document of a MiB, and of more", documents},
	{"two servers at once, and their keeper", two_servers},
	{"the timer, while somebody is connected", ticks},
	{"no room for one more: again when the timer comes", shortages},
	{"half a document: five seconds", half},
	{"no descriptor for what was sent: a minute", starved},
	{"one that comes later: five seconds all the same", fed},
	{NULL, NULL}};
