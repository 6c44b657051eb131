/* socketcall(2) and ipc(2): one number of old ABIs that carries many calls. Handlers by name
 * get what it carries as if it had come by itself.
 * SPDX-License-Identifier: MIT
 *
 * The unpackers are the handlers of those numbers while nobody wants them raw, so other requests
 * pay nothing. Codes and arguments: net/socket.c, ipc/syscall.c, arch/s390/kernel/syscall.c,
 * include/uapi/linux/{net,ipc}.h; an unpacked call is filed under libseccomp's pseudo
 * number, -100 or -200 less its code, which no call of a kernel has. */
#include "target/target.h"

#define SOCKET_BASE (-100)
#define IPC_BASE    (-200)

static const struct {
	const char *name;
	unsigned words; /* of the block that argument 1 points at */
} socket_calls[] = {
	[1] = {"socket", 3},
	[2] = {"bind", 3},
	[3] = {"connect", 3},
	[4] = {"listen", 2},
	[5] = {"accept", 3},
	[6] = {"getsockname", 3},
	[7] = {"getpeername", 3},
	[8] = {"socketpair", 4},
	[9] = {"send", 4},
	[10] = {"recv", 4},
	[11] = {"sendto", 6},
	[12] = {"recvfrom", 6},
	[13] = {"shutdown", 2},
	[14] = {"setsockopt", 5},
	[15] = {"getsockopt", 5},
	[16] = {"sendmsg", 3},
	[17] = {"recvmsg", 3},
	[18] = {"accept4", 4},
	[19] = {"recvmmsg", 5},
	[20] = {"sendmmsg", 4},
};

/* ipc(call, first, second, third, ptr, fifth): which of them the call has, in its order. */
enum { FIRST = 1, SECOND, THIRD, PTR, FIFTH };
enum { SEMCTL = 3, SEMTIMEDOP = 4, MSGRCV = 12, SHMAT = 21 };
static const struct {
	const char *name;
	unsigned char from[6];
} ipc_calls[] = {
	[1] = {"semop", {FIRST, PTR, SECOND}},
	[2] = {"semget", {FIRST, SECOND, THIRD}},
	[SEMCTL] = {"semctl", {FIRST, SECOND, THIRD, PTR}},
	[SEMTIMEDOP] = {"semtimedop", {FIRST, PTR, SECOND, FIFTH}},
	[11] = {"msgsnd", {FIRST, PTR, SECOND, THIRD}},
	[MSGRCV] = {"msgrcv", {FIRST, PTR, SECOND, FIFTH, THIRD}},
	[13] = {"msgget", {FIRST, SECOND}},
	[14] = {"msgctl", {FIRST, SECOND, PTR}},
	[SHMAT] = {"shmat", {FIRST, PTR, SECOND, THIRD}},
	[22] = {"shmdt", {PTR}},
	[23] = {"shmget", {FIRST, SECOND, THIRD}},
	[24] = {"shmctl", {FIRST, SECOND, PTR}},
};


static int refuse(struct sluice_request *req, const char *why)
{
	if (sc_core_claim_wait(req))
		sc_core_default(req, R_ANSWERED, why);
	return 0;
}

/* Who wants the call filed under @pseudo unpacked; NULL: nobody. */
static const struct handler *wanted(const struct sluice_request *req, int pseudo)
{
	const struct handlers *h = &req->sv->handlers;
	const struct handler *found = sc_core_find(h, req->notif.data.arch, pseudo);

	return found == &h->any ? NULL : found;
}

/* As it came, for the handler of everything. */
static int pass_raw(struct sluice_request *req)
{
	const struct handler *any = &req->sv->handlers.any;

	return any->call ? any->call(req, any->data) : refuse(req, "no handler");
}

/* From here on the request is the unpacked call. The clock's thread may look at it. */
static int pass(struct sluice_request *req, const struct handler *h, struct unpacked *u)
{
	atomic_store_explicit(&req->unpacked, u, memory_order_release);
	return h->call(req, h->data);
}

/* @count of the target's longs, in one copy: what is decided on is what was read. */
static int read_words(struct sluice_request *req, uint64_t addr, unsigned count, uint64_t *out)
{
	uint32_t narrow[6];
	int rc;

	if (!sc_core_is_32bit(req->notif.data.arch))
		return sc_target_read_exact(req, addr, out, count * sizeof(*out));
	rc = sc_target_read_exact(req, addr, narrow, count * sizeof(*narrow));
	for (unsigned i = 0; !rc && i < count; i++)
		out[i] = narrow[i];
	return rc;
}

static int unpack_socketcall(struct sluice_request *req, void *data)
{
	uint32_t code = (uint32_t)sluice_arg(req, 0);
	_cleanup_free_ struct unpacked *u = NULL;
	const struct handler *h = NULL;

	(void)data;
	if (code < COUNT(socket_calls) && socket_calls[code].name)
		h = wanted(req, SOCKET_BASE - (int)code);
	if (!h)
		return pass_raw(req);
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->name = socket_calls[code].name;
	if (read_words(req, sluice_arg(req, 1), socket_calls[code].words, u->args))
		return refuse(req, "arguments unreadable");
	return pass(req, h, steal_ptr(u));
}

static bool is_s390(uint32_t arch)
{
	return arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X;
}

/* What lies behind ptr: semctl's last argument; msgrcv's message and type in version 0. */
static int read_behind(struct sluice_request *req, uint32_t code, unsigned version,
	struct unpacked *u)
{
	uint64_t words[2] = {0, 0};
	int rc;

	if (code == SEMCTL)
		return read_words(req, sluice_arg(req, PTR), 1, &u->args[3]);
	if (code != MSGRCV || version)
		return 0;
	rc = read_words(req, sluice_arg(req, PTR), 2, words);
	if (!rc) {
		u->args[1] = words[0];
		u->args[3] = words[1];
	}
	return rc;
}

static int unpack_ipc(struct sluice_request *req, void *data)
{
	uint32_t call = (uint32_t)sluice_arg(req, 0), code = call & 0xffff;
	unsigned version = call >> 16;
	bool s390 = is_s390(req->notif.data.arch);
	_cleanup_free_ struct unpacked *u = NULL;
	const struct handler *h = NULL;

	(void)data;
	if (code < COUNT(ipc_calls) && ipc_calls[code].name)
		h = wanted(req, IPC_BASE - (int)code);
	if (!h)
		return pass_raw(req);
	if ((s390 && version) || (code == SHMAT && version == 1))
		return refuse(req, "no such version"); /* the kernel says EINVAL */
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->name = ipc_calls[code].name;
	for (unsigned i = 0; i < 6 && ipc_calls[code].from[i]; i++)
		u->args[i] = sluice_arg(req, ipc_calls[code].from[i]);
	if (s390 && code == SEMTIMEDOP) /* five arguments only: the time-out is the third */
		u->args[3] = sluice_arg(req, THIRD);
	if (read_behind(req, code, version, u))
		return refuse(req, "arguments unreadable");
	return pass(req, h, steal_ptr(u));
}

/* Which multiplexer carries the call @name and how: @pseudo is what it is filed under. NULL:
 * none does. */
const struct multiplexer *sc_target_multiplexer(const char *name, int *pseudo)
{
	static const struct multiplexer socketcall = {"socketcall", unpack_socketcall};
	static const struct multiplexer ipc = {"ipc", unpack_ipc};

	for (int i = 0; i < (int)COUNT(socket_calls); i++)
		if (socket_calls[i].name && strcmp(socket_calls[i].name, name) == 0) {
			*pseudo = SOCKET_BASE - i;
			return &socketcall;
		}
	for (int i = 0; i < (int)COUNT(ipc_calls); i++)
		if (ipc_calls[i].name && strcmp(ipc_calls[i].name, name) == 0) {
			*pseudo = IPC_BASE - i;
			return &ipc;
		}
	return NULL;
}
