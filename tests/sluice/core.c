/* What core/ and life/ do by themselves: options, journals, handlers, what is said of a request, counters.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"
#include "tap.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- options ---- */

static struct sluice_supervisor *made(const struct sluice_options *o)
{
	struct sluice_supervisor *sv = NULL;

	CHECK_EQ(sluice_supervisor_new(o, &sv), 0);
	return sv;
}

static void free_all(struct sluice_supervisor *sv)
{
	sluice_supervisor_free(sv);
}

static void defaults(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	for (int given = 0; given < 2; given++) {
		struct sluice_supervisor *sv = made(given ? &o : NULL);

		CHECK_EQ(sv->set.default_errno, EPERM);
		CHECK_EQ(sv->set.timeout_ms, 0);
		CHECK_EQ(sv->set.workers, 4);
		CHECK_EQ(sv->workers.limit, 4);
		CHECK_EQ(sv->set.max_pending, 4096);
		CHECK_EQ(sv->set.grace_ms, 0);
		CHECK(!sv->set.keeper && !sv->set.forbid_continue && !sv->loop.receive_waits);
		CHECK_EQ(sv->set.keeper_path[0], '\0');
		CHECK_EQ(atomic_load(&sv->journal->baton), B_SUPERVISOR);
		CHECK_EQ(sv->listeners.next_id, 0);
		free_all(sv);
	}
}

static void log_nothing(const char *line, size_t length, void *data)
{
	(void)line;
	(void)length;
	(void)data;
}

static void chosen(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	char path[128];
	struct sluice_supervisor *sv;

	snprintf(path, sizeof(path), "%s/door", scratch_dir());
	o.default_errno = 4095;
	o.timeout_ms = 60000;
	o.workers = 1024;
	o.max_pending = 1;
	o.keeper = true;
	o.keeper_path = path;
	o.forbid_continue = true;
	o.log = log_nothing;
	o.log_data = path;
	o.receive_waits = true;
	sv = made(&o);
	CHECK_EQ(sv->set.default_errno, 4095);
	CHECK_EQ(sv->set.timeout_ms, 60000);
	CHECK_EQ(sv->set.workers, 1024);
	CHECK_EQ(sv->set.max_pending, 1);
	CHECK_EQ(sv->set.grace_ms, 500);
	CHECK(sv->set.keeper && sv->set.forbid_continue && sv->loop.receive_waits);
	CHECK(strcmp(sv->set.keeper_path, path) == 0);
	CHECK(atomic_load(&sv->log) == log_nothing && sv->log_data == path);
	free_all(sv);
	o.grace_ms = 7;
	o.default_errno = 1;
	sv = made(&o);
	CHECK(sv->set.grace_ms == 7 && sv->set.default_errno == 1);
	free_all(sv);
	o.keeper_path = NULL; /* nobody to wait for */
	sv = made(&o);
	CHECK_EQ(sv->set.grace_ms, 0);
	free_all(sv);
	/* Callers that were built before the last options. */
	o.size = offsetof(struct sluice_options, receive_waits);
	sv = made(&o);
	CHECK(!sv->loop.receive_waits && sv->log_data == path);
	free_all(sv);
	o.size = offsetof(struct sluice_options, error);
	o.error = (void *)1; /* not theirs */
	sv = made(&o);
	CHECK(sv->log_data == path);
	free_all(sv);
	o.default_errno = 4096;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EINVAL);
	o.default_errno = 1;
	o.size--;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EINVAL);
}

static void refused(struct sluice_options *o)
{
	struct sluice_error error = {0};
	struct sluice_supervisor *sv = (void *)1;

	o->error = &error;
	CHECK_EQ(sluice_supervisor_new(o, &sv), -EINVAL);
	CHECK(sv == (void *)1 && error.code == EINVAL && strstr(error.message, "make no sense"));
	o->error = NULL;
	CHECK_EQ(sluice_supervisor_new(o, &sv), -EINVAL);
	o->size = offsetof(struct sluice_options, receive_waits);
	o->error = &error;
	error.code = 0;
	CHECK_EQ(sluice_supervisor_new(o, &sv), -EINVAL);
	CHECK_EQ(error.code, EINVAL);
}

#define REFUSED(...)                                                                     \
	do {                                                                             \
		struct sluice_options o = SLUICE_OPTIONS_INIT;                           \
		__VA_ARGS__;                                                             \
		refused(&o);                                                             \
	} while (0)

static void out_of_range(void)
{
	char too_long[109];

	REFUSED(o.default_errno = -1);
	REFUSED(o.default_errno = 4096);
	REFUSED(o.workers = 1025);
	REFUSED(o.max_pending = (1u << 20) + 1);
	REFUSED(o.keeper_path = "/tmp/x");
	memset(too_long, 'x', 108);
	too_long[108] = '\0';
	REFUSED(o.keeper = true; o.keeper_path = too_long);
}

/* One less than too much. Beside its path a keeper binds one that ends with a dot and the process's number. */
static void in_range(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	char path[109] = "/tmp/sluice-core-", number[16];
	int length = 107 - snprintf(number, sizeof(number), ".%d", (int)getpid());
	struct sluice_supervisor *sv;

	o.max_pending = 1u << 20;
	sv = made(&o);
	CHECK_EQ(sv->set.max_pending, 1u << 20);
	free_all(sv);
	o.max_pending = 0;
	memset(path + strlen(path), 'x', 107 - strlen(path));
	o.keeper = true;
	o.keeper_path = path;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -ENAMETOOLONG);
	path[length + 1] = '\0';
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -ENAMETOOLONG);
	memcpy(path + length - strlen(number), number, strlen(number) + 1);
	CHECK_EQ(strlen(path), length);
	sv = made(&o);
	CHECK(strcmp(sv->set.keeper_path, path) == 0);
	free_all(sv);
	unlink(path);
}

/* ---- journals ---- */

static void journals(void)
{
	const struct settings set = {.default_errno = EXDEV, .workers = 3, .max_pending = 100,
		.keeper_path = "/a/b"};
	struct seccomp_notif_sizes sizes;
	struct journal *j = NULL, *again = NULL, head;
	int fd = -1, before = count_fds();
	struct rlimit l;
	struct stat st;
	size_t size;

	CHECK_EQ(sc_sluice_notif_sizes(&sizes), 0);
	CHECK_EQ(sc_core_journal_new(&set, &fd, &j), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(j->stride >= sizeof(struct slot) && j->stride % 64 == 0);
	CHECK(j->stride >= offsetof(struct slot, notif) + sizes.seccomp_notif);
	CHECK(j->stride < offsetof(struct slot, notif) + sizes.seccomp_notif + 64 ||
		j->stride < sizeof(struct slot) + 64);
	size = JOURNAL_HEAD + (size_t)j->stride * 100;
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, size);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	CHECK(j->magic == JOURNAL_MAGIC && j->version == JOURNAL_VERSION && j->count == 100);
	CHECK(memcmp(&j->set, &set, sizeof(set)) == 0);
	CHECK(j->serial == 0 && j->offers == 0 && j->listeners == 0);
	memset(j->set.keeper_path, 'x', sizeof(j->set.keeper_path));
	CHECK_EQ(sc_core_journal_map(fd, &head, &again), 0);
	CHECK_EQ(strlen(head.set.keeper_path), sizeof(set.keeper_path) - 1);
	again->set.workers = 77; /* the same memory */
	CHECK_EQ(j->set.workers, 77);
	again->count = 1; /* nor does that change what is mapped */
	sc_core_journal_leave(again, &head);
	for (size_t at = 0; at < size; at += (size_t)sysconf(_SC_PAGESIZE))
		CHECK(msync((char *)again + at, 1, MS_ASYNC) < 0 && errno == ENOMEM);
	j->count = 100;
	sc_core_journal_leave(NULL, &head);
	sc_core_journal_unmap(NULL);
	sc_core_journal_unmap(j);
	for (size_t at = 0; at < size; at += (size_t)sysconf(_SC_PAGESIZE))
		CHECK(msync((char *)j + at, 1, MS_ASYNC) < 0 && errno == ENOMEM);
	close(fd);
	CHECK_EQ(count_fds(), before);
	/* To find out by trying is SIGXFSZ. */
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size - 1;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &l), 0);
	CHECK_EQ(sc_core_journal_new(&set, &fd, &j), -EFBIG);
	CHECK_EQ(count_fds(), before);
	l.rlim_cur = size;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &l), 0);
	close(0);
	CHECK_EQ(sc_core_journal_new(&set, &fd, &j), 0);
	CHECK_EQ(fd, 0);
	sc_core_journal_unmap(j);
	close(fd);
}

/* Of a kernel that writes more than the header says, or less. */
static int target_sizes(int argc, char **argv)
{
	static const unsigned strides[][2] = {{40, 128}, {80, 128}, {112, 128}, {113, 192}, {200, 256}};
	const struct settings set = {.max_pending = 1};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(strides) / sizeof(*strides); i++) {
		struct seccomp_notif_sizes sizes = {0};
		struct journal *j;
		int fd;

		syscall(SYS_mkdir, "x", strides[i][0]);
		if (sc_sluice_notif_sizes(&sizes) || sizes.seccomp_notif != strides[i][0])
			return 100;
		if (sc_core_journal_new(&set, &fd, &j) || j->stride != strides[i][1])
			return (int)i + 1;
		sc_core_journal_unmap(j);
		close(fd);
	}
	return 0;
}

static int say_size(struct sluice_request *req, void *data)
{
	struct seccomp_notif_sizes *sizes = data;

	if (sluice_nr(req) == SYS_mkdir) {
		sizes->seccomp_notif = (uint16_t)sluice_arg(req, 1);
	} else if (sluice_arg(req, 0) == SECCOMP_GET_NOTIF_SIZES) {
		CHECK_EQ(sluice_write(req, sluice_arg(req, 2), sizes, sizeof(*sizes)), sizeof(*sizes));
	} else {
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	}
	return sluice_reply(req, 0);
}

static void sizes(void)
{
	struct sluice_supervisor *sv = made(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct seccomp_notif_sizes said = {80, 24, 64};

	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, say_size, &said), 0);
	spawn_target(sv, filter_of(false, MKDIR, "seccomp", NULL), &child, "sizes", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	free_all(sv);
}

/* ---- handlers ---- */

static int first(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 0;
}

static int second(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 1;
}

static int third(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 2;
}

/* It finds all that was put there, and there is always room for what is not. */
static void table(void)
{
	static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64, SCMP_ARCH_S390X};
	static char marks[4][1000];
	struct handlers h = {.any = {.call = third}};

	CHECK(sc_core_find(&h, SCMP_ARCH_X86, 1) == &h.any);
	for (int nr = 0; nr < 1000; nr++)
		for (int a = 0; a < 4; a++) {
			CHECK_EQ(sc_core_on(&h, arches[a], nr, false, nr % 2 ? first : second, &marks[a][nr]), 0);
			CHECK(h.used * 2 <= h.size && (h.size & (h.size - 1)) == 0);
			CHECK(h.size <= 64 || h.size <= h.used * 4 + 4);
			CHECK_EQ(h.used, nr * 4 + a + 1);
			CHECK(sc_core_find(&h, arches[a], nr + 1) == &h.any);
		}
	for (int nr = 0; nr < 1000; nr++)
		for (int a = 0; a < 4; a++) {
			const struct handler *found = sc_core_find(&h, arches[a], nr);

			CHECK(found->call == (nr % 2 ? first : second) && found->data == &marks[a][nr]);
		}
	CHECK_EQ(sc_core_on(&h, arches[1], 5, false, NULL, NULL), 0);
	CHECK(sc_core_find(&h, arches[1], 5) == &h.any);
	CHECK_EQ(h.used, 4000);
	/* x32 is what the kernel calls it. */
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X32, 5, false, third, &h), 0);
	CHECK_EQ(h.used, 4000);
	CHECK(sc_core_find(&h, SCMP_ARCH_X86_64, 5)->data == &h);
	/* Whatever is in the register. */
	CHECK(sc_core_find_call(&h, &(struct seccomp_data){.arch = SCMP_ARCH_X86_64, .nr = 5})->data == &h);
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86_64, -5, false, third, &h), 0);
	CHECK(sc_core_find_call(&h, &(struct seccomp_data){.arch = SCMP_ARCH_X86_64, .nr = -5}) == &h.any);
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86_64, 0, false, third, &h), 0);
	CHECK(sc_core_find_call(&h, &(struct seccomp_data){.arch = SCMP_ARCH_X86_64, .nr = 0})->data == &h);
	free(h.slots);
}

/* Who asked for a call comes before who asked for one that does the same, and both before what unpacks it. */
static void order(void)
{
	struct handlers h = {.any = {0}};
	const struct handler *found;
	int own, sibling;

#define FINDS(which, what)                                                               \
	(found = sc_core_find(&h, SCMP_ARCH_X86, 7), found->call == (which) && found->data == (what))
	CHECK_EQ(sc_core_on_packed(&h, SCMP_ARCH_X86, 7, third), 0);
	CHECK(FINDS(third, NULL));
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, true, second, &sibling), 0);
	CHECK(FINDS(second, &sibling));
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, false, first, &own), 0);
	CHECK(FINDS(first, &own));
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, true, NULL, NULL), 0);
	CHECK(FINDS(first, &own));
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, true, second, &sibling), 0);
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, false, NULL, NULL), 0);
	CHECK(FINDS(second, &sibling));
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, 7, true, NULL, NULL), 0);
	CHECK(FINDS(third, NULL));
	CHECK_EQ(sc_core_on_packed(&h, SCMP_ARCH_X86, 7, NULL), 0);
	CHECK(sc_core_find(&h, SCMP_ARCH_X86, 7) == &h.any);
	free(h.slots);
}

/* ---- what is said of a request ---- */

static void words(void)
{
	struct listener listener = {.id = 3};
	struct sluice_request req = {.listener = &listener,
		.notif = {.id = 9, .pid = 77, .data = {.arch = SCMP_ARCH_X86_64, .nr = 0x40000001}}};
	struct unpacked unpacked = {"accept4", {11, 12, 13, 14, 15, 1ull << 40}};

	for (unsigned i = 0; i < 6; i++)
		req.notif.data.args[i] = (i + 1ull) << 32 | (0x80000001 + i);
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X32);
	req.notif.data.nr = 0x40000000;
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X32);
	req.notif.data.nr = 0x3fffffff;
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X86_64);
	req.notif.data.nr = -1;
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X86_64);
	req.notif.data.nr = -2;
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X32);
	for (unsigned i = 0; i < 8; i++)
		CHECK(sluice_arg(&req, i) == (i < 6 ? (i + 1ull) << 32 | (0x80000001 + i) : 0));
	CHECK_EQ(sluice_arg_int(&req, 1), (int)0x80000002);
	req.notif.data = (struct seccomp_data){.arch = SCMP_ARCH_X86, .nr = 0x40000001, .args = {1ull << 32 | 7, 8}};
	CHECK_EQ(sluice_arch(&req), SCMP_ARCH_X86);
	CHECK_EQ(sluice_arg(&req, 0), 7);
	CHECK(sc_core_is_32bit(SCMP_ARCH_ARM) && !sc_core_is_32bit(SCMP_ARCH_AARCH64));
	CHECK(strcmp(sluice_name(&req), "?") == 0);
	atomic_store(&req.unpacked, &unpacked);
	CHECK(strcmp(sluice_name(&req), "accept4") == 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK(sluice_arg(&req, i) == (i < 6 ? unpacked.args[i] : 0));
	CHECK(sluice_id(&req) == 9 && sluice_tid(&req) == 77 && sluice_listener(&req) == 3);
	CHECK_EQ(sluice_nr(&req), 0x40000001);
}

static char last_line[1024];

static void keep_line(const char *line, size_t length, void *data)
{
	CHECK(data == last_line);
	CHECK(length < sizeof(last_line) && strlen(line) == length);
	memcpy(last_line, line, length + 1);
}

static uint64_t real_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The line behind its time. */
static const char *line_of(struct sluice_request *req, struct ending e, uint64_t ns)
{
	uint64_t before = real_us(), seconds, us;
	int n = 0;

	last_line[0] = '\0';
	sc_core_log(req, &e, ns);
	if (!last_line[0])
		return "";
	CHECK_EQ(sscanf(last_line, "{\"time\":%" SCNu64 ".%6" SCNu64 ",%n", &seconds, &us, &n), 2);
	CHECK(n > 0 && last_line[n - 8] == '.');
	us += seconds * 1000000;
	CHECK(before <= us && us <= real_us());
	return last_line + n;
}

#define HEAD                                                                             \
	"\"listener\":3,\"id\":\"00000000deadbeef\",\"tid\":77,\"arch\":\"0xc000003e\",\"nr\":83," \
	"\"syscall\":\"mkdir\",\"args\":[\"0xa0\",\"0xa1\",\"0xa2\",\"0xa3\",\"0xa4\",\"0xa5\"],"
#define SAYS(rest, ns, ...) says(&req, (struct ending){__VA_ARGS__}, ns, HEAD rest)

static void says(struct sluice_request *req, struct ending e, uint64_t ns, const char *wanted)
{
	const char *said = line_of(req, e, ns);

	if (strcmp(said, wanted) == 0)
		return;
	printf("# %s\n", last_line);
	CHECK(!"this is the line");
}

static void lines(void)
{
	struct sluice_supervisor *sv = made(NULL);
	struct listener listener = {.id = 3};
	struct sluice_request req = {.sv = sv, .listener = &listener,
		.notif = {.id = 0xdeadbeef, .pid = 77,
			.data = {.arch = SCMP_ARCH_X86_64, .nr = 83,
				.args = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5}}}};
	struct unpacked unpacked = {"accept4", {1, 2, 3, 4, 5, 6}};

	CHECK(strcmp(line_of(&req, (struct ending){.verdict = V_REPLY}, 5), "") == 0);
	sluice_set_log(sv, keep_line, last_line);
	SAYS("\"verdict\":\"reply\",\"value\":-7,\"latency_us\":0.005,\"replayed\":false}", 5,
		.verdict = V_REPLY, .value = -7);
	SAYS("\"verdict\":\"fail\",\"errno\":13,\"latency_us\":1.000,\"replayed\":false,\"why\":\"x y\"}", 1000,
		.verdict = V_FAIL, .value = -13, .why = "x y");
	SAYS("\"verdict\":\"continue\",\"value\":0,\"latency_us\":1234.567,\"replayed\":false}", 1234567,
		.verdict = V_CONTINUE);
	SAYS("\"verdict\":\"descriptor\",\"value\":4,\"latency_us\":0.999,\"replayed\":false}", 999,
		.verdict = V_FD, .value = 4);
	SAYS("\"verdict\":\"gone\",\"value\":4,\"latency_us\":0.010,\"replayed\":false}", 10,
		.verdict = V_FD, .value = 4, .rc = -ENOENT);
	req.replayed = true;
	SAYS("\"verdict\":\"error\",\"errno\":1,\"latency_us\":0.100,\"replayed\":true}", 100,
		.verdict = V_FAIL, .value = -1, .rc = -EINVAL);
	atomic_store(&req.unpacked, &unpacked);
	CHECK(strstr(line_of(&req, (struct ending){.verdict = V_REPLY}, 5),
		"\"syscall\":\"accept4\",\"args\":[\"0x1\",\"0x2\",\"0x3\",\"0x4\",\"0x5\",\"0x6\"]"));
	atomic_store(&req.unpacked, NULL);
	req.notif.data.nr = 99999;
	CHECK(strstr(line_of(&req, (struct ending){.verdict = V_REPLY}, 5), "\"syscall\":\"?\""));
	sluice_set_log(sv, NULL, NULL);
	CHECK(strcmp(line_of(&req, (struct ending){.verdict = V_REPLY}, 5), "") == 0);
	free_all(sv);
}

/* ---- counters ---- */

static void latencies(void)
{
	static struct counters c;
	uint64_t sum = 0;

	for (int i = 0; i < 64; i++) {
		uint64_t ns = i ? 1ull << (i - 1) : 0; /* the first of bucket i */
		int bucket = i < 39 ? i : 39;
		uint64_t before = atomic_load(&c.latency[bucket]);

		sc_core_count_latency(&c, ns);
		CHECK_EQ(atomic_load(&c.latency[bucket]), before + 1);
		CHECK(atomic_load(&c.latency_max) == ns);
		sc_core_count_latency(&c, ns + ns - (ns > 0)); /* and the last one */
		CHECK_EQ(atomic_load(&c.latency[bucket]), before + 2);
		sc_core_count_latency(&c, 0);
		atomic_fetch_sub(&c.latency[0], 1);
		sum += ns + ns + ns - (ns > 0);
		CHECK(atomic_load(&c.latency_sum) == sum);
		CHECK(atomic_load(&c.latency_max) == ns + ns - (ns > 0));
	}
}

/* Each is told as what it is. */
static void told(void)
{
	struct sluice_supervisor *sv = made(NULL);
	struct counters *c = &sv->count;
	struct sluice_statistics s = {.size = sizeof(s)};

	atomic_store(&c->descriptors, 1);
	atomic_store(&c->lost_receive, 2);
	atomic_store(&c->replayed, 3);
	atomic_store(&c->replied, 4);
	atomic_store(&c->failed, 5);
	atomic_store(&c->continued, 6);
	atomic_store(&c->defaulted, 7);
	atomic_store(&c->timed_out, 8);
	atomic_store(&c->gone, 9);
	atomic_store(&c->latency_sum, 10);
	atomic_store(&c->latency_max, 11);
	for (unsigned i = 0; i < 40; i++)
		atomic_store(&c->latency[i], 100 + i);
	sc_core_count(&c->gone, 30);
	CHECK_EQ(sluice_statistics(sv, &s), 0);
	CHECK(s.descriptors == 1 && s.lost_receive == 2 && s.replayed == 3 && s.replied == 4);
	CHECK(s.failed == 5 && s.continued == 6 && s.defaulted == 7 && s.timed_out == 8);
	CHECK(s.gone == 39 && s.latency_ns_sum == 10 && s.latency_ns_max == 11);
	CHECK(s.received == 0 && s.pending == 0 && s.listeners == 0 && s.size == sizeof(s));
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(s.latency_log2[i], 100 + i);
	free_all(sv);
}

/* ---- requests ---- */

static struct sluice_request *seen[100];
static int n_seen;

static int see(struct sluice_request *req, void *data)
{
	(void)data;
	seen[n_seen++] = req;
	return sluice_reply(req, 1);
}

static int target_asks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 100; i++)
		if (syscall(SYS_mkdir, "x", 7) != 1)
			return 1;
	return 0;
}

/* One after the other, they need the memory of one. */
static void used_again(void)
{
	struct sluice_supervisor *sv;
	struct sluice_child child = SLUICE_CHILD_INIT;

	if (SANITIZED)
		SKIP("each has memory of its own, for the sanitizer to see");
	sv = made(NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, see, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "asks", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(n_seen, 100);
	for (int i = 1; i < 100; i++)
		CHECK(seen[i] == seen[0]);
	free_all(sv);
}

const struct target_main targets[] = {{"asks", target_asks}, {"sizes", target_sizes}, {NULL, NULL}};
const struct test tests[] = {
	{"options: the defaults", defaults},
	{"options: what is asked for, and callers with fewer of them", chosen},
	{"options: out of range", out_of_range},
	{"options: as much as may be", in_range},
	{"journals", journals},
	{"journals of kernels that write more", sizes},
	{"handlers are found", table},
	{"handlers in their order", order},
	{"what is said of a request", words},
	{"a line for each verdict", lines},
	{"latencies", latencies},
	{"counters are told", told},
	{"requests are used again", used_again},
	{NULL, NULL}};
