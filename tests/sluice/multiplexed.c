/* Handlers by name meet socketcall(2) and ipc(2), as 32-bit programs of x86 call them.
 * SPDX-License-Identifier: MIT */
#include "packed.h"
#include "tap.h"

#include "json/json.h"
#include <stdatomic.h>

static int target_packed(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return packed_target();
}

/* What each call must look like once it is unpacked; socketcall(2), ipc(2). */
static const struct expected {
	const char *name;
	int nr, answer, count;
	uint32_t args[6];       /* of ipc; of socketcall the words of the block */
} calls[] = {
	{"socket", NR_SOCKETCALL, 7 * 1, 3, {0}},
	{"bind", NR_SOCKETCALL, 7 * 2, 3, {0}},
	{"connect", NR_SOCKETCALL, 7 * 3, 3, {0}},
	{"listen", NR_SOCKETCALL, 7 * 4, 2, {0}},
	{"accept", NR_SOCKETCALL, 7 * 5, 3, {0}},
	{"getsockname", NR_SOCKETCALL, 7 * 6, 3, {0}},
	{"getpeername", NR_SOCKETCALL, 7 * 7, 3, {0}},
	{"socketpair", NR_SOCKETCALL, 7 * 8, 4, {0}},
	{"send", NR_SOCKETCALL, 7 * 9, 4, {0}},
	{"recv", NR_SOCKETCALL, 7 * 10, 4, {0}},
	{"sendto", NR_SOCKETCALL, 7 * 11, 6, {0}},
	{"recvfrom", NR_SOCKETCALL, 7 * 12, 6, {0}},
	{"shutdown", NR_SOCKETCALL, 7 * 13, 2, {0}},
	{"setsockopt", NR_SOCKETCALL, 7 * 14, 5, {0}},
	{"getsockopt", NR_SOCKETCALL, 7 * 15, 5, {0}},
	{"sendmsg", NR_SOCKETCALL, 7 * 16, 3, {0}},
	{"recvmsg", NR_SOCKETCALL, 7 * 17, 3, {0}},
	{"accept4", NR_SOCKETCALL, 7 * 18, 4, {0}},
	{"recvmmsg", NR_SOCKETCALL, 7 * 19, 5, {0}},
	{"sendmmsg", NR_SOCKETCALL, 7 * 20, 4, {0}},
	{"semop", NR_IPC, 9 * 1, 3, {FROM_FIRST, BLOCK, FROM_SECOND}},
	{"semget", NR_IPC, 9 * 2, 3, {FROM_FIRST, FROM_SECOND, FROM_THIRD}},
	{"semctl", NR_IPC, 9 * 3, 4, {FROM_FIRST, FROM_SECOND, FROM_THIRD, BEHIND}},
	{"semtimedop", NR_IPC, 9 * 4, 4, {FROM_FIRST, BLOCK, FROM_SECOND, FROM_FIFTH}},
	{"msgsnd", NR_IPC, 9 * 11, 4, {FROM_FIRST, BLOCK, FROM_SECOND, FROM_THIRD}},
	{"msgrcv", NR_IPC, 9 * 12, 5,
		{FROM_FIRST, BEHIND, FROM_SECOND, BEHIND_TOO, FROM_THIRD}},
	{"msgget", NR_IPC, 9 * 13, 2, {FROM_FIRST, FROM_SECOND}},
	{"msgctl", NR_IPC, 9 * 14, 3, {FROM_FIRST, FROM_SECOND, BLOCK}},
	{"shmat", NR_IPC, 9 * 21, 4, {FROM_FIRST, BLOCK, FROM_SECOND, FROM_THIRD}},
	{"shmdt", NR_IPC, 9 * 22, 1, {BLOCK}},
	{"shmget", NR_IPC, 9 * 23, 3, {FROM_FIRST, FROM_SECOND, FROM_THIRD}},
	{"shmctl", NR_IPC, 9 * 24, 3, {FROM_FIRST, FROM_SECOND, BLOCK}},
};
/* msgrcv of version 1: in registers, all of it. */
static const struct expected msgrcv_1 = {"msgrcv", NR_IPC, 9 * (12 | 1 << 16), 5,
	{FROM_FIRST, BLOCK, FROM_SECOND, FROM_FIFTH, FROM_THIRD}};
#define CALLS (int)(sizeof(calls) / sizeof(calls[0]))

static atomic_int seen_count; /* workers count too */

static bool reads_memory(const struct expected *e)
{
	return e->nr == NR_SOCKETCALL || e->args[1] == BEHIND || e->args[3] == BEHIND;
}

static int answer(struct sluice_request *req, void *data)
{
	const struct expected *e = data;

	CHECK(strcmp(sluice_name(req), e->name) == 0);
	CHECK_EQ(sluice_nr(req), e->nr);
	CHECK_EQ(sluice_arch(req), SCMP_ARCH_X86);
	for (int i = 0; i < 6; i++) {
		uint32_t want = e->nr == NR_IPC ? e->args[i] : word_of(e->answer / 7, i);

		CHECK_EQ(sluice_arg(req, (unsigned)i), i < e->count ? want : 0);
	}
	CHECK_EQ(sluice_arg(req, 6), 0);
	if (reads_memory(e)) /* else it would be sound, and would be done */
		CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
	atomic_fetch_add(&seen_count, 1);
	return sluice_reply(req, e->answer);
}

static int seen(struct sluice_request *req, void *data)
{
	const struct expected *e = data;

	if (strcmp(e->name, "msgrcv") == 0 && sluice_arg(req, 1) == BLOCK)
		e = &msgrcv_1;
	/* Every other call from a worker: the unpacked call lasts as long as the request. */
	return e->answer % 2 ? sluice_work(req, answer, (void *)e) : answer(req, (void *)e);
}

static struct sluice_supervisor *every_name(const struct sluice_options *o)
{
	struct sluice_supervisor *sv = new_supervisor(o);

	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(sluice_on_name(sv, calls[i].name, seen, (void *)&calls[i]), 0);
	return sv;
}

static void every_code(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	need_int80();
	sv = every_name(NULL);
	spawn_target(sv, filter_of(true, "socketcall", "ipc", NULL), &child, "packed", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(atomic_load(&seen_count), CALLS + 1);
	sluice_supervisor_free(sv);
}

static void real_32bit(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	char *program = getenv("SLUICE_TARGET32");
	char *argv[] = {program, NULL};
	scmp_filter_ctx f;
	int rc;

	need_int80();
	if (!program)
		SKIP("the compiler builds no static 32-bit programs");
	sv = every_name(NULL);
	f = filter_of(true, "socketcall", "ipc", NULL);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	seccomp_release(f);
	rc = sluice_wait(sv, &child, &(int){0});
	if (rc == -ENOEXEC)
		SKIP("the kernel runs no 32-bit programs");
	CHECK_EQ(rc, 0);
	CHECK_EQ(atomic_load(&seen_count), CALLS + 1);
	sluice_supervisor_free(sv);
}

/* ---- what is not unpacked: nobody's call, no such code, arguments that are not there ---- */

static long connect_at(uint32_t block)
{
	return call_x86(NR_SOCKETCALL, 3, block, 0, 0, 0, 0);
}

static int target_odd(int argc, char **argv)
{
	volatile uint32_t *block = map_block();

	(void)argc;
	(void)argv;
	/* The block begins 8 bytes before the end of memory: two words of three. */
	if (connect_at(0) != -EXDEV || connect_at(BLOCK + 4096 - 8) != -EXDEV)
		return 1;
	block[0] = 5;
	if (call_x86(NR_SOCKETCALL, 2, BLOCK, 0, 0, 0, 0) != -EXDEV) /* bind: nobody's */
		return 2;
	for (uint32_t code = 21; code; code = code == 21 ? 0x80000003u : 0)
		if (call_x86(NR_SOCKETCALL, code, BLOCK, 0, 0, 0, 0) != -EXDEV)
			return 3;
	if (call_x86(NR_SOCKETCALL, 0, BLOCK, 0, 0, 0, 0) != -EXDEV)
		return 4;
	if (call_x86(NR_IPC, 21 | 1 << 16, 1, 2, BLOCK, BLOCK, 0) != -EXDEV) /* shmat 1 */
		return 5;
	if (call_x86(NR_IPC, 12, 1, 2, 3, 0, 0) != -EXDEV) /* msgrcv without a block */
		return 6;
	if (call_x86(NR_IPC, 5, 1, 2, 3, BLOCK, 0) != -EXDEV) /* no such code */
		return 7;
	return connect_at(BLOCK) == 77 ? 0 : 8;
}

static int reply_77(struct sluice_request *req, void *data)
{
	++*(int *)data;
	return sluice_reply(req, 77);
}

static void fails_closed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls_seen = 0;

	need_int80();
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, "connect", reply_77, &calls_seen), 0);
	CHECK_EQ(sluice_on_name(sv, "shmat", reply_77, &calls_seen), 0);
	CHECK_EQ(sluice_on_name(sv, "msgrcv", reply_77, &calls_seen), 0);
	spawn_target(sv, filter_of(true, "socketcall", "ipc", NULL), &child, "odd", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(calls_seen, 1);
	sluice_supervisor_free(sv);
}

/* ---- who comes first ---- */

static int target_order(int argc, char **argv)
{
	volatile uint32_t *block = map_block();
	long got[3];

	block[0] = 5;
	got[0] = connect_at(BLOCK);
	got[1] = call_x86(NR_SOCKETCALL, 2, BLOCK, 0, 0, 0, 0);
	got[2] = call_x86(362, 5, 0, 0, 0, 0, 0); /* connect itself */
	for (int i = 0; i < 3; i++)
		if (i >= argc || got[i] != atol(argv[i]))
			return 1 + i;
	return 0;
}

static int by_name(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK(strcmp(sluice_name(req), "connect") == 0);
	CHECK_EQ(sluice_arg(req, 0), 5);
	return sluice_reply(req, 1);
}

static int raw(struct sluice_request *req, void *data)
{
	CHECK(sluice_nr(req) == 362 || strcmp(sluice_name(req), "socketcall") == 0);
	CHECK(sluice_nr(req) == 362 || sluice_arg(req, 1) == BLOCK);
	return sluice_reply(req, (intptr_t)data);
}

static void order_of(struct sluice_supervisor *sv, const char *a, const char *b, const char *c)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	char *argv[] = {self_path, (char *)"--target", (char *)"order", (char *)a, (char *)b,
		(char *)c, NULL};
	scmp_filter_ctx f = filter_of(true, "connect", "bind", NULL);

	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	seccomp_release(f);
	CHECK_EQ(wait_target(sv, &child), 0);
}

static void precedence(void)
{
	struct sluice_supervisor *sv;

	need_int80();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "connect", by_name, NULL), 0);
	order_of(sv, "1", "-1", "1");
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, raw, (void *)2), 0);
	order_of(sv, "1", "2", "1"); /* bind is nobody's: as it came */
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_X86, NR_SOCKETCALL, raw, (void *)3), 0);
	order_of(sv, "3", "3", "1");
	CHECK_EQ(sluice_on_name(sv, "connect", by_name, NULL), 0); /* changes nothing */
	order_of(sv, "3", "3", "1");
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_X86, NR_SOCKETCALL, NULL, NULL), 0);
	order_of(sv, "1", "2", "1");
	CHECK_EQ(sluice_on_name(sv, "socketcall", raw, (void *)4), 0);
	order_of(sv, "4", "4", "1");
	CHECK_EQ(sluice_on_name(sv, "socketcall", NULL, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, "connect", NULL, NULL), 0);
	order_of(sv, "2", "2", "2");
	CHECK_EQ(sluice_on_name(sv, "send", NULL, NULL), 0); /* only socketcall has it */
	sluice_supervisor_free(sv);
}

/* A number is that number and nothing else: no handler of it gets a block to read. */
static void by_number(void)
{
	struct sluice_supervisor *sv;

	need_int80();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on(sv, SCMP_ARCH_X86, 362, raw, (void *)1), 0);
	order_of(sv, "-1", "-1", "1");
	sluice_supervisor_free(sv);
}

/* ---- the log says what was decided about ---- */

static void on_line(const char *line, size_t length, void *data)
{
	const struct sc_json_token *root, *args;
	struct sc_json *doc = NULL;
	uint64_t nr = 0;

	CHECK_EQ(sc_json_read(line, length, NULL, &doc), 0);
	root = sc_json_root(doc);
	args = sc_json_get(doc, root, "args");
	if (sc_json_is(doc, sc_json_get(doc, root, "syscall"), "connect") &&
		!sc_json_u64(doc, sc_json_get(doc, root, "nr"), &nr) && nr == NR_SOCKETCALL &&
		args && args->length && sc_json_is(doc, args + 1, "0x5"))
		++*(int *)data;
	sc_json_free(doc);
}

static void logged(void)
{
	struct sluice_supervisor *sv;
	int lines = 0;

	need_int80();
	sv = new_supervisor(NULL);
	sluice_set_log(sv, on_line, &lines);
	CHECK_EQ(sluice_on_name(sv, "connect", by_name, NULL), 0);
	order_of(sv, "1", "-1", "1");
	CHECK_EQ(lines, 1);
	sluice_supervisor_free(sv);
}

/* ---- a successor unpacks again what it takes over ---- */

static int hold(struct sluice_request *req, void *data)
{
	CHECK(strcmp(sluice_name(req), "connect") == 0);
	*(struct sluice_request **)data = sluice_defer(req);
	return 0;
}

static int shown_again(struct sluice_request *req, void *data)
{
	*(bool *)data |= sluice_replayed(req) && sluice_nr(req) == NR_SOCKETCALL;
	return by_name(req, data);
}

static void succeed(int socket)
{
	struct sluice_supervisor *sv;
	bool again = false;

	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	CHECK_EQ(sluice_on_name(sv, "connect", shown_again, &again), 0);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK(again);
	sluice_supervisor_free(sv);
	_exit(0);
}

static void handed_over(void)
{
	char *argv[] = {self_path, (char *)"--target", (char *)"order", (char *)"1",
		(char *)"-1", (char *)"1", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_request *held = NULL;
	struct sluice_supervisor *sv;
	int pair[2], status;
	scmp_filter_ctx f;
	pid_t pid;

	need_int80();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		succeed(pair[1]);
	sv = new_supervisor(NULL);
	f = filter_of(true, "connect", "bind", NULL);
	CHECK_EQ(sluice_on_name(sv, "connect", hold, &held), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	seccomp_release(f);
	while (!held)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	CHECK_EQ(sluice_reply(held, 99), -ENOENT);
	sluice_supervisor_free(sv);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid); /* before 6.11 their loop ends by that */
	CHECK_EQ(status, 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	sluice_child_release(&child);
}

/* ---- a second thread rewrites the argument block ---- */

enum { GOOD = 11, EVIL = 66 };

static void *rewrite(void *data)
{
	volatile uint32_t *block = data;

	for (;;) {
		block[0] = GOOD;
		for (volatile int i = 0; i < 300; i++)
			;
		block[0] = EVIL;
		for (volatile int i = 0; i < 300; i++)
			;
	}
	return NULL;
}

/* Exit status 1 if a call with the evil argument was ever carried out, 2 if none at all was. */
static int target_rewrite(int argc, char **argv)
{
	volatile uint32_t *block = map_block();
	int evil = 0, done = 0;
	pthread_t t;

	(void)argc;
	pthread_create(&t, NULL, rewrite, (void *)block);
	for (int i = 0; i < atoi(argv[0]); i++) {
		long rc = connect_at(BLOCK);

		evil |= rc == EVIL;
		done |= rc == GOOD;
	}
	return evil ? 1 : done ? 0 : 2;
}

static int careful(struct sluice_request *req, void *data)
{
	(void)data;
	still_going(); /* on one processor the rewriting takes most of the time */
	if (sluice_arg(req, 0) != GOOD)
		return sluice_fail(req, EACCES);
	sched_yield();
	return sluice_reply(req, (int64_t)sluice_arg(req, 0));
}

static int naive(struct sluice_request *req, void *data)
{
	uint32_t word;

	(void)data;
	if (sluice_read(req, sluice_arg(req, 1), &word, 4) != 4 || word != GOOD)
		return sluice_fail(req, EACCES);
	sched_yield();
	if (sluice_read(req, sluice_arg(req, 1), &word, 4) != 4)
		return -1;
	return sluice_reply(req, word);
}

static int answer_any(struct sluice_request *req, void *data)
{
	if (sluice_nr(req) == -103) {
		++*(int *)data;
		return sluice_reply(req, 5);
	}
	return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
}

static int must_not_come(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK(!"a pseudo number in the register is no connect");
	return sluice_fail(req, EIO);
}

/* No call has libseccomp's pseudo numbers, whatever a target puts in the register. */
static int target_pseudo(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return call_x86(-103, 1, 2, 3, 4, 5, 6) == 5 ? 0 : 1;
}

static void pseudo_number(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct sluice_supervisor *sv;
	int seen = 0;

	need_int80();
	if (is_filtered())
		SKIP("an outer filter decides about unknown numbers");
	/* All calls of x86, which this filter does not know. */
	CHECK_EQ(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY), 0);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "connect", must_not_come, NULL), 0);
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, answer_any, &seen), 0);
	spawn_target(sv, filter, &child, "pseudo", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(seen, 1);
	sluice_supervisor_free(sv);
}

static int run_rewrite(const char *name, sluice_handler handler)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int rc;

	need_int80();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, name, handler, NULL), 0);
	spawn_target(sv, filter_of(true, "socketcall", NULL), &child, "rewrite", "20000");
	rc = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return rc;
}

static void rewritten_block(void)
{
	CHECK_EQ(run_rewrite("connect", careful), 0);
}

static void rewritten_block_control(void)
{
	for (int i = 0; i < 20; i++)
		if (run_rewrite("socketcall", naive) == 1)
			return;
	CHECK(!"the naive supervisor was never fooled");
}

const struct target_main targets[] = {{"packed", target_packed}, {"odd", target_odd},
	{"order", target_order}, {"rewrite", target_rewrite}, {"pseudo", target_pseudo},
	{NULL, NULL}};
const struct test tests[] = {
	{"every code of socketcall and ipc, from 64-bit code", every_code},
	{"every code, from a 32-bit program", real_32bit},
	{"no such code, no such version, unreadable arguments: the default errno", fails_closed},
	{"a handler of the multiplexer comes first, one of everything last", precedence},
	{"a handler by number sees that number only", by_number},
	{"a pseudo number in the register is nobody's call", pseudo_number},
	{"the log names the unpacked call", logged},
	{"a successor unpacks again what it takes over", handed_over},
	{"the argument block rewritten while it is checked", rewritten_block},
	{"control: a supervisor that reads the block twice acts on the evil one",
		rewritten_block_control},
	{NULL, NULL}};
