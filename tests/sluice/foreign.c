/* Calls as programs of other architectures make them. What the kernel said of a call is changed before the
 * supervisor looks, so that no kernel that runs such programs is needed.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "tap.h"

#include "sluice-calls.h"

#define BLOCK 0x20000000u /* where the target has memory, also for 32 bits */

static int target_block(int argc, char **argv)
{
	char *p = mmap((void *)(uintptr_t)BLOCK, 65536, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	(void)argc;
	(void)argv;
	if (p == MAP_FAILED)
		return 1;
	return syscall(SYS_mkdirat, -1, p, 0700) == 7 ? 0 : 2;
}

static int target_calls(int argc, char **argv)
{
	char *p = mmap((void *)(uintptr_t)BLOCK, 65536, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	int n = argc ? atoi(argv[0]) : 0;

	if (p == MAP_FAILED)
		return 1;
	for (int i = 0; i < n; i++) {
		long rc = syscall(SYS_mkdirat, -1, p, i);

		if (rc < 0 && errno != EPERM)
			return 2;
	}
	return 0;
}

static void become(struct sluice_request *req, uint32_t arch, const char *name)
{
	req->notif.data.arch = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch;
	CHECK_EQ(sluice_call_nr(arch, name, &req->notif.data.nr), 0);
	req->name[0] = '\0';
	CHECK(strcmp(sluice_name(req), name) == 0);
	CHECK_EQ(sluice_arch(req), arch);
}

static void run_block(sluice_handler look)
{
	CHECK_EQ(answer_target("block", NULL, "mkdirat", look, NULL), 0);
}

static int answer(struct sluice_request *req, const struct seccomp_data *real)
{
	req->notif.data = *real;
	req->name[0] = '\0';
	return sluice_reply(req, 7);
}

/* ---- addresses ---- */

static const struct {
	uint32_t arch;
	uint64_t beside; /* bits of an address that say nothing there */
} widths[] = {
	{SCMP_ARCH_S390, UINT64_C(0xffffffff80000000)},
	{SCMP_ARCH_X86, UINT64_C(0xffffffff00000000)},
	{SCMP_ARCH_ARM, UINT64_C(0xffffffff00000000)},
	{SCMP_ARCH_S390X, 0},
	{SCMP_ARCH_AARCH64, 0},
	{SCMP_ARCH_X32, 0},
};

static int look_at_addresses(struct sluice_request *req, void *data)
{
	static const int bits[] = {31, 32, 33, 52}; /* nowhere is there memory at these */
	const struct seccomp_data real = req->notif.data;

	(void)data;
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		if (sizeof(void *) == 4 && !widths[i].beside)
			continue; /* no address is as wide */
		become(req, widths[i].arch, "mkdirat");
		for (int k = 0; k < 4; k++) {
			bool ignored = widths[i].beside >> bits[k] & 1;
			uint64_t addr = BLOCK | UINT64_C(1) << bits[k];
			char text[8] = "";

			if (SANITIZED && !ignored && bits[k] < 52)
				continue; /* there a sanitizer has what nobody may use */
			CHECK_EQ(sluice_write(req, BLOCK, "before", 7), 7);
			CHECK_EQ(sluice_write(req, addr, "target", 7), ignored ? 7 : -EFAULT);
			CHECK_EQ(sluice_read(req, addr, text, 7), ignored ? 7 : -EFAULT);
			CHECK(strcmp(text, ignored ? "target" : "") == 0);
			CHECK_EQ(sluice_read_string(req, addr, text, sizeof(text)), ignored ? 6 : -EFAULT);
			CHECK_EQ(sluice_read(req, BLOCK, text, 7), 7);
			CHECK(strcmp(text, ignored ? "target" : "before") == 0);
		}
	}
	return answer(req, &real);
}

static void addresses(void)
{
	run_block(look_at_addresses);
}

/* ---- x32: the audit value of x86_64, a bit in the number, structures of 32 bits ---- */

static int look_at_x32(struct sluice_request *req, void *data)
{
	const struct seccomp_data real = req->notif.data;
	const uint32_t narrow[4] = {BLOCK, 5, BLOCK + 8, 6};
	struct iovec iov[2];

	(void)data;
	CHECK_EQ(sluice_write(req, BLOCK + 4096, narrow, sizeof(narrow)), sizeof(narrow));
	become(req, SCMP_ARCH_X32, "readv");
	CHECK_EQ(sluice_read_iovec(req, BLOCK + 4096, 2, iov), 0);
	CHECK((uintptr_t)iov[0].iov_base == BLOCK && iov[0].iov_len == 5);
	CHECK((uintptr_t)iov[1].iov_base == BLOCK + 8 && iov[1].iov_len == 6);
	req->notif.data.args[0] = UINT64_C(0x100000002);
	CHECK_EQ(sluice_arg(req, 0), UINT64_C(0x100000002)); /* its registers have 64 */
	become(req, SCMP_ARCH_X86_64, "readv");
	CHECK_EQ(sluice_arg(req, 0), UINT64_C(0x100000002));
	if (sizeof(void *) == 8) {
		CHECK_EQ(sluice_read_iovec(req, BLOCK + 4096, 1, iov), 0);
		CHECK_EQ(iov[0].iov_len, UINT64_C(6) << 32 | (BLOCK + 8));
	}
	req->notif.data.nr = -1; /* of no ABI, with all bits */
	CHECK_EQ(sluice_arch(req), SCMP_ARCH_X86_64);
	become(req, SCMP_ARCH_X86, "readv");
	CHECK_EQ(sluice_arg(req, 0), 2);
	req->notif.data.nr |= 0x40000000; /* a bit that says nothing there */
	CHECK_EQ(sluice_arch(req), SCMP_ARCH_X86);
	return answer(req, &real);
}

static void x32(void)
{
	if (seccomp_arch_native() == SCMP_ARCH_X86)
		SKIP("this program sees 32 bits of a register");
	run_block(look_at_x32);
}

/* ---- socketcall(2) and ipc(2) ---- */

enum { SECOND = 2, THIRD, PTR, FIFTH }; /* which argument of ipc(2) */

/* What the handler is to see: an argument, or a word at BLOCK. The others are 0. */
#define WORD(i) (16 + (i))

static const struct {
	uint32_t arch;
	const char *carrier, *name;
	uint32_t code;
	unsigned char from[6]; /* none: refused with the default errno */
} packed[] = {
	{SCMP_ARCH_S390X, "socketcall", "connect", 3, {WORD(0), WORD(1), WORD(2)}},
	{SCMP_ARCH_S390X, "socketcall", "sendto", 11,
		{WORD(0), WORD(1), WORD(2), WORD(3), WORD(4), WORD(5)}},
	{SCMP_ARCH_S390, "socketcall", "connect", 3, {WORD(0), WORD(1), WORD(2)}},
	{SCMP_ARCH_PPC64, "socketcall", "connect", 3, {WORD(0), WORD(1), WORD(2)}},
	{SCMP_ARCH_S390X, "ipc", "semtimedop", 4, {1, PTR, SECOND, THIRD}},
	{SCMP_ARCH_S390, "ipc", "semtimedop", 4, {1, PTR, SECOND, THIRD}},
	{SCMP_ARCH_PPC64, "ipc", "semtimedop", 4, {1, PTR, SECOND, FIFTH}},
	{SCMP_ARCH_S390X, "ipc", "msgsnd", 11, {1, PTR, SECOND, THIRD}},
	{SCMP_ARCH_S390, "ipc", "msgsnd", 11, {1, PTR, SECOND, THIRD}},
	{SCMP_ARCH_S390X, "ipc", "semctl", 3, {1, SECOND, THIRD, WORD(0)}},
	{SCMP_ARCH_S390X, "ipc", "msgrcv", 12, {1, WORD(0), SECOND, WORD(1), THIRD}},
	{SCMP_ARCH_S390, "ipc", "msgrcv", 12, {1, WORD(0), SECOND, WORD(1), THIRD}},
	/* Versions: s390 has none, and others only for msgrcv. */
	{SCMP_ARCH_S390X, "ipc", "msgrcv", 1u << 16 | 12, {0}},
	{SCMP_ARCH_S390, "ipc", "semop", 1u << 16 | 1, {0}},
	{SCMP_ARCH_S390, "ipc", "semop", 0x8000u << 16 | 1, {0}},
	{SCMP_ARCH_PPC64, "ipc", "msgrcv", 1u << 16 | 12, {1, PTR, SECOND, FIFTH, THIRD}},
	{SCMP_ARCH_PPC64, "ipc", "semop", 1u << 16 | 1, {1, PTR, SECOND}},
	{SCMP_ARCH_PPC64, "ipc", "shmat", 1u << 16 | 21, {0}},
	{SCMP_ARCH_PPC64, "ipc", "shmat", 2u << 16 | 21, {1, PTR, SECOND, THIRD}},
};
#define PACKED ((int)(sizeof(packed) / sizeof(*packed)))

static int seen[PACKED], current;

/* Words that differ in both halves, and in neither order of bytes look like others. */
static uint64_t word(unsigned i)
{
	return UINT64_C(0x5a00000000) + (uint64_t)i * UINT64_C(0x100000001) + 0x01020300;
}

static uint64_t argument(unsigned i)
{
	return i == PTR ? BLOCK : UINT64_C(0x100000000) * i + 0x11111110 + i;
}

static int unpacked(struct sluice_request *req, void *data)
{
	const char *name = data;
	bool narrow = sc_core_is_32bit(packed[current].arch);

	CHECK(strcmp(sluice_name(req), name) == 0 && strcmp(packed[current].name, name) == 0);
	CHECK_EQ(sluice_arch(req), packed[current].arch);
	for (unsigned i = 0; i < 6; i++) {
		unsigned from = packed[current].from[i];
		uint64_t want = from >= WORD(0) ? word(from - WORD(0)) : from ? argument(from) : 0;

		CHECK_EQ(sluice_arg(req, i), narrow ? (uint32_t)want : want);
	}
	seen[current]++;
	return sluice_reply(req, 0);
}

static void put_words(struct sluice_request *req, uint32_t arch)
{
	for (unsigned i = 0; i < 6; i++) {
		uint32_t narrow = (uint32_t)word(i);
		uint64_t wide = word(i);

		if (sc_core_is_32bit(arch))
			CHECK_EQ(sluice_write(req, BLOCK + i * 4, &narrow, 4), 4);
		else
			CHECK_EQ(sluice_write(req, BLOCK + i * 8, &wide, 8), 8);
	}
}

static int as_packed(struct sluice_request *req, void *data)
{
	bool ipc;
	int pseudo;

	(void)data;
	current = sluice_arg_int(req, 2);
	CHECK(current < PACKED);
	ipc = strcmp(packed[current].carrier, "ipc") == 0;
	put_words(req, packed[current].arch);
	become(req, packed[current].arch, packed[current].carrier);
	for (unsigned i = 1; i < 6; i++)
		req->notif.data.args[i] = argument(i);
	req->notif.data.args[0] = packed[current].code;
	if (!ipc)
		req->notif.data.args[1] = BLOCK;
	return sc_target_multiplexer(packed[current].name, &pseudo)->unpack(req, NULL);
}

static void multiplexed(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char count[16];

	for (int i = 0; i < PACKED; i++)
		CHECK_EQ(sc_target_on_name(&sv->handlers, packed[i].arch, packed[i].name, unpacked,
				 (void *)(uintptr_t)packed[i].name),
			0);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", as_packed, NULL), 0);
	snprintf(count, sizeof(count), "%d", PACKED);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "calls", count);
	CHECK_EQ(wait_target(sv, &child), 0);
	for (int i = 0; i < PACKED; i++)
		CHECK_EQ(seen[i], packed[i].from[0] != 0);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {
	{"block", target_block}, {"calls", target_calls}, {NULL, NULL}};
const struct test tests[] = {
	{"bits of an address that say nothing", addresses},
	{"x32: what it has of 64 bits, and what of 32", x32},
	{"socketcall and ipc of s390, s390x and ppc64", multiplexed},
	{NULL, NULL}};
