/* A core without the rooms above it: its listeners, and who keeps copies of them. What the core
 * believes of a child that it starts.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"
#include "spawn/child.h"
#include "tap.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static const struct settings set = {.default_errno = EXDEV, .workers = 1, .max_pending = 8};

static bool is_readable(int fd, int timeout_ms)
{
	return poll(&(struct pollfd){fd, POLLIN, 0}, 1, timeout_ms) == 1;
}

static struct sluice_supervisor *begin(void)
{
	struct sluice_supervisor *sv = NULL;

	CHECK_EQ(sc_core_new(&set, false, &sv), 0);
	CHECK(!is_readable(sluice_fd(sv), 0));
	return sv;
}

static void end(struct sluice_supervisor *sv)
{
	sc_core_stop(sv);
	sc_core_close(sv);
	sc_core_unref(sv);
}

/* Of calls of this process. */
static int load(void)
{
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int fd;

	CHECK_EQ(seccomp_load(f), 0);
	fd = fcntl(seccomp_notify_fd(f), F_DUPFD_CLOEXEC, 3);
	seccomp_release(f);
	return fd;
}

static struct {
	int added, changed, dropped, rc;
} calls;

static int on_added(struct sluice_supervisor *sv, const struct listener *listener)
{
	CHECK(listener->sv == sv);
	calls.added++;
	return calls.rc;
}

static void on_changed(struct sluice_supervisor *sv, const struct listener *listener)
{
	CHECK(listener->sv == sv && listener->holder == 0);
	calls.changed++;
}

static void on_dropped(struct sluice_supervisor *sv, const struct listener *listener)
{
	CHECK(listener->sv == sv);
	calls.dropped++;
}

static const struct listener_hooks all = {on_added, on_changed, on_dropped}, none = {NULL, NULL, NULL};

#define CALLED(a, c, d) (calls.added == (a) && calls.changed == (c) && calls.dropped == (d))

static void kept(void)
{
	struct sluice_supervisor *sv = begin();
	int listener = load(), tag, before;

	before = count_fds();
	for (unsigned i = 0; i < 3; i++) {
		sv->listeners.hooks = i == 0 ? NULL : i == 1 ? &none : &all;
		CHECK_EQ(sc_core_add_listener(sv, dup(listener), &tag, false, false), 0);
		CHECK(sluice_active(sv) == 1 && sv->listeners.next_id == i + 1 && sv->journal->listeners == i + 1);
		CHECK(sv->listeners.first->id == i && sv->listeners.first->tag == &tag);
		CHECK_EQ(sv->listeners.first->limit, UINT_MAX);
		CHECK_EQ(fcntl(sv->listeners.first->source.fd, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(atomic_load(&sv->loop.watched), 2);
		CHECK_EQ(sluice_add_listener(sv, listener, NULL), -EEXIST);
		CHECK_EQ(sluice_refuse_listener(sv, i), 0);
		CHECK(sv->listeners.first->deny && sv->listeners.first->tag == &tag);
		CHECK_EQ(sluice_remove_listener(sv, i), 0);
		CHECK_EQ(sluice_dispatch(sv, 0), 0);
		CHECK(sluice_active(sv) == 0 && count_fds() == before);
		CHECK_EQ(atomic_load(&sv->loop.watched), 1);
		CHECK_EQ(sluice_remove_listener(sv, i), -ENOENT);
	}
	CHECK(CALLED(1, 1, 1));
	/* Who cannot keep it: it is not added. */
	calls.rc = -ENOSPC;
	CHECK_EQ(sluice_add_listener(sv, listener, NULL), -ENOSPC);
	CHECK(CALLED(2, 1, 1));
	CHECK(!sluice_active(sv) && sv->listeners.next_id == 3 && sv->journal->listeners == 3);
	CHECK(!sv->listeners.first && atomic_load(&sv->loop.watched) == 1);
	CHECK_EQ(count_fds(), before);
	calls.rc = 0;
	/* Two, of which one goes: the other stays, and a third comes behind it. */
	CHECK_EQ(sc_core_add_listener(sv, dup(listener), NULL, true, true), 0);
	CHECK(sv->listeners.first->deny && sv->listeners.first->wait_killable);
	CHECK(sv->listeners.tail == &sv->listeners.first->next);
	sc_core_drop_listener(sv, sv->listeners.first);
	CHECK(!sv->listeners.first && sv->listeners.tail == &sv->listeners.first);
	CHECK(CALLED(3, 1, 2));
	/* What is a successor's by now is not dropped, and nothing is added. */
	CHECK_EQ(sc_core_add_listener(sv, dup(listener), NULL, false, false), 0);
	sv->passed_on = true;
	CHECK_EQ(sluice_add_listener(sv, listener, NULL), -ESHUTDOWN);
	CHECK_EQ(sluice_dispatch(sv, 0), -ESHUTDOWN);
	sc_core_drop_listener(sv, sv->listeners.first);
	CHECK(CALLED(4, 1, 2));
	sv->passed_on = false;
	/* At the end the keeper is to have it. */
	CHECK_EQ(sc_core_add_listener(sv, dup(listener), NULL, false, false), 0);
	end(sv);
	CHECK(CALLED(5, 1, 2));
	CHECK(fcntl(listener, F_GETFD) >= 0);
}

static void shares(void)
{
	static struct sluice_supervisor sv;
	struct listener l = {.sv = &sv, .limit = UINT_MAX};

	sv.requests.free_count = 7;
	CHECK_EQ(sc_core_share(&l), 7);
	l.limit = 8;
	CHECK_EQ(sc_core_share(&l), 7);
	l.limit = 6;
	CHECK_EQ(sc_core_share(&l), 6);
	l.limit = 0;
	CHECK_EQ(sc_core_share(&l), 0);
}

static void *one_mkdir(void *data)
{
	return (void *)(intptr_t)(syscall(SYS_mkdir, "x", 0) == *(int *)data ? 0 : errno);
}

static int seven = 7;

static struct sluice_request *held;

static int hold(struct sluice_request *req, void *data)
{
	(void)data;
	held = sluice_defer(req);
	return 0;
}

/* Nothing is received before somebody has decided about it; then what was waiting is. */
static void parked(bool deny)
{
	struct sluice_supervisor *sv = begin();
	int listener = load(), tag, before;
	struct listener *l;
	pthread_t t;
	void *result;

	sv->listeners.hooks = &all;
	calls.rc = 0;
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, NULL), 0);
	CHECK_EQ(sc_core_park_listener(sv, listener, 5), 0);
	l = sv->listeners.first;
	CHECK(l->holder == 5 && calls.added == 1);
	CHECK_EQ(pthread_create(&t, NULL, one_mkdir, &seven), 0);
	CHECK(is_readable(listener, -1));
	CHECK(!is_readable(sluice_fd(sv), 0));
	CHECK_EQ(sluice_dispatch(sv, 0), 0);
	CHECK_EQ(sluice_refuse_listener(sv, l->id), -ENOENT);
	CHECK_EQ(sluice_remove_listener(sv, l->id), -ENOENT);
	CHECK(l->holder == 5 && l->deny); /* as it would be if we went */
	sc_core_admit_listener(l, deny, &tag);
	CHECK(l->holder == 0 && l->deny == deny && l->tag == &tag && calls.changed == 1);
	CHECK(is_readable(sluice_fd(sv), 0));
	CHECK_EQ(sluice_dispatch(sv, 0), 1);
	CHECK(!deny == (held != NULL));
	if (held)
		CHECK_EQ(sluice_reply(held, 7), 0);
	CHECK_EQ(pthread_join(t, &result), 0);
	CHECK_EQ((intptr_t)result, deny ? EXDEV : 0);
	before = count_fds();
	end(sv);
	CHECK(count_fds() < before && fcntl(listener, F_GETFD) < 0);
}

static void parked_then_admitted(void)
{
	parked(false);
}

static void parked_then_refused(void)
{
	parked(true);
}

/* At its share it is not looked at, or the loop would go round and round. */
static void paused(void)
{
	struct sluice_supervisor *sv = begin();
	int listener = load();
	struct sluice_request *first;
	pthread_t t[2];
	void *result;

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, listener, NULL), 0);
	CHECK_EQ(sluice_limit_listener(sv, 0, 1), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, one_mkdir, &seven), 0);
	while (!held)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	first = held;
	held = NULL;
	CHECK(is_readable(listener, -1)); /* the other one has come, too */
	CHECK_EQ(sluice_dispatch(sv, -1), 0); /* and is not taken */
	while (is_readable(sluice_fd(sv), 0))
		CHECK_EQ(sluice_dispatch(sv, 0), 0);
	CHECK(sv->listeners.paused && sv->listeners.first->paused);
	CHECK_EQ(sluice_reply(first, 7), 0);
	while (!held)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK(!sv->listeners.first->paused);
	CHECK_EQ(sluice_reply(held, 7), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(pthread_join(t[i], &result), 0);
		CHECK(result == NULL);
	}
	end(sv);
}

static struct sluice_request *kept_ones[4];
static int n_kept;

static int keep_it(struct sluice_request *req, void *data)
{
	(void)data;
	kept_ones[n_kept++] = sluice_defer(req);
	return 0;
}

static void receive_one(struct sluice_supervisor *sv, pthread_t *t)
{
	int n = n_kept;

	CHECK_EQ(pthread_create(t, NULL, one_mkdir, &seven), 0);
	while (n_kept == n)
		CHECK(sluice_dispatch(sv, -1) >= 0);
}

static bool is_noted(const struct slot *slot, uint32_t state, uint64_t serial, const struct sluice_request *req)
{
	return atomic_load(&slot->state) == state && slot->serial == serial && slot->listener == 0 &&
		(!req || slot->notif.id == sluice_id(req));
}

/* What is received is noted in a slot of its own, and nothing is left of what was there. */
static void slots(void)
{
	struct sluice_supervisor *sv = begin();
	struct slot *slot[2] = {journal_slot(sv->journal, 0), journal_slot(sv->journal, 1)};
	pthread_t t[3];

	CHECK_EQ(sluice_on_name(sv, MKDIR, keep_it, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, load(), NULL), 0);
	receive_one(sv, &t[0]);
	receive_one(sv, &t[1]);
	CHECK_EQ((char *)slot[1] - (char *)slot[0], sv->journal->stride);
	CHECK(is_noted(slot[0], S_USED, 1, kept_ones[0]) && is_noted(slot[1], S_USED, 2, kept_ones[1]));
	CHECK(sluice_id(kept_ones[0]) != sluice_id(kept_ones[1]));
	CHECK_EQ(sluice_reply(kept_ones[0], 7), 0);
	CHECK_EQ(pthread_join(t[0], NULL), 0);
	CHECK_EQ(atomic_load(&slot[0]->state), S_FREE);
	receive_one(sv, &t[2]);
	CHECK(is_noted(slot[0], S_USED, 3, kept_ones[2]) && is_noted(slot[1], S_USED, 2, kept_ones[1]));
	CHECK_EQ(sv->journal->serial, 3);
	for (int i = 1; i < 3; i++) {
		CHECK_EQ(sluice_reply(kept_ones[i], 7), 0);
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	}
	CHECK(is_noted(slot[0], S_FREE, 3, NULL) && is_noted(slot[1], S_FREE, 2, NULL));
	end(sv);
}

/* A journal that cannot be written is none. */
static void read_only(void)
{
	struct sluice_supervisor *sv = begin();
	struct journal head, *journal = NULL;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", sv->journal_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(sc_core_journal_map(fd, &head, &journal), -EACCES);
	CHECK(!journal);
	close(fd);
	end(sv);
}

static int nothing(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	return 0;
}

/* A table of handlers that is full, and no memory for a larger one: what was there stays. */
static void no_memory(void)
{
	struct rlimit limit;
	struct handlers h = {.any = {0}};
	int nr = 0;

	if (SANITIZED)
		SKIP("a sanitizer needs memory itself");
	while (h.size < 16384 || h.used * 2 < h.size)
		CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, nr++, false, nothing, &h), 0);
	CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	CHECK_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){0, limit.rlim_max}), 0);
	CHECK_EQ(sc_core_on_packed(&h, SCMP_ARCH_X86, nr, nothing), -ENOMEM);
	CHECK_EQ(sc_core_on(&h, SCMP_ARCH_X86, nr, false, nothing, &h), -ENOMEM);
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	CHECK(sc_core_find(&h, SCMP_ARCH_X86, nr) == &h.any);
	CHECK(sc_core_find(&h, SCMP_ARCH_X86, nr - 1)->call == nothing);
	CHECK_EQ(sc_core_on_packed(&h, SCMP_ARCH_X86, nr, nothing), 0);
	CHECK(sc_core_find(&h, SCMP_ARCH_X86, nr)->call == nothing);
	free(h.slots);
}

static int target_pause(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	pause();
	return 0;
}

/* Nothing is received any more: the slot is free again, and it is counted. */
static void nothing_received(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_statistics s = {.size = sizeof(s)};
	int before = count_fds(), status;

	if (!ends_unreaped())
		SKIP("before Linux 6.11 it would wait for ever");
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "pause", NULL);
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sc_core_receive(sv, sv->listeners.first), -ENOENT);
	CHECK_EQ(sv->requests.free_count, 4096);
	CHECK_EQ(sluice_statistics(sv, &s), 0);
	CHECK(s.lost_receive == 3 && s.received == 0 && s.pending == 0);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, -1) >= 0);
	sluice_child_release(&child);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

static const struct {
	const char *release;
	bool ends;
} kernels[] = {{"6.11.0", true}, {"6.10.99", false}, {"6.12-rc1", true}, {"6.11", true}, {"5.11.0", false},
	{"5.19.0", false}, {"7.0.1", true}, {"4.14", false}, {"12.0", true}, {"nonsense", false}};
#define KERNELS (int)(sizeof(kernels) / sizeof(*kernels))

/* Whether RECV ends with the last target: since 6.11. */
static int target_kernels(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < KERNELS; i++) {
		struct sluice_supervisor *sv = NULL;

		syscall(SYS_mkdir, "x", i);
		if (sc_core_new(&set, false, &sv))
			return 100;
		if (sv->loop.receive_ends != kernels[i].ends)
			return i + 1;
		end(sv);
	}
	return 0;
}

static int say_release(struct sluice_request *req, void *data)
{
	static const char *release;
	struct utsname u = {.sysname = "Linux"};

	(void)data;
	if (sluice_nr(req) == SYS_mkdir) {
		release = kernels[sluice_arg_int(req, 1)].release;
	} else if (release) {
		snprintf(u.release, sizeof(u.release), "%s", release);
		CHECK_EQ(sluice_write(req, sluice_arg(req, 0), &u, sizeof(u)), sizeof(u));
	} else {
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	}
	return sluice_reply(req, 0);
}

static void releases(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;

	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, say_release, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, "uname", NULL), &child, "kernels", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
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
		const char *message;
	} cases[] = {{0, 0, 0, ENOENT, -ENOENT, "cannot execute the program:"}, {0, 0, 0, -EPERM, -EPROTO, "cannot execute"},
		{0, 0, 0, 4096, -EPROTO, "cannot execute"}, {0, 0, 0, INT_MIN, -EPROTO, "cannot execute"},
		{1, STAGE_STDIO, EIO, 0, -EIO, "cannot set up stdio:"},
		{1, STAGE_CLOSER, EAGAIN, 0, -EAGAIN, "cannot start a thread "}, {1, STAGE_NONE, 0, 0, -EPROTO, "cannot start:"},
		{1, STAGE_SEND, EIO, 0, -EIO, "cannot send the listener:"}, {1, STAGE_SEND + 1, EIO, 0, -EIO, "cannot start:"},
		{1, -1, EIO, 0, -EIO, "cannot start:"}, {1, INT_MAX, EIO, 0, -EIO, "cannot start:"},
		{1, INT_MIN, INT_MIN, 0, -EPROTO, "cannot start:"}};

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
		CHECK_EQ(strncmp(error.message, cases[i].message, strlen(cases[i].message)), 0);
		CHECK_EQ(child.pidfd, -1);
		sluice_supervisor_free(sv);
	}
}

const struct target_main targets[] = {{"nothing", target_nothing}, {"pause", target_pause}, {"kernels", target_kernels}, {NULL, NULL}};
const struct test tests[] = {
	{"listeners, and who keeps them", kept},
	{"how many requests a listener may have", shares},
	{"parked, then admitted", parked_then_admitted},
	{"parked, then refused", parked_then_refused},
	{"paused", paused},
	{"slots of the journal", slots},
	{"a journal that can only be read", read_only},
	{"handlers without memory", no_memory},
	{"which kernels end a wait", releases},
	{"a call that is gone before it is received", nothing_received},
	{"what a child says of its start", reports},
	{NULL, NULL}};
