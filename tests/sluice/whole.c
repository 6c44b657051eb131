/* On the running kernel: an argument of 64 bits is judged whole, on x32 and n32 too, because the kernel
 * reads it whole there.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include "sluice-calls.h"
#include "sluice-filter.h"

#define SMALL  4096
#define LARGE  0x100001000ull /* the low word is SMALL */
#define DENIED ENOMEDIUM      /* no result of msync(2) */
#define X32    0x40000000

/* Registers of 64 bits; on x32 and n32 a long has 32. */
#if defined(__LP64__) || (defined(__x86_64__) && defined(__ILP32__)) || \
	(defined(__mips__) && defined(_ABIN32) && _MIPS_SIM == _ABIN32)
#define WIDE 1
#else
#define WIDE 0
#endif

static void *page;

/* 0 or the errno. @base: of the numbers of an ABI. */
static int sync_page(int base, uint64_t length)
{
	return syscall(base | SYS_msync, page, length, (uint64_t)MS_ASYNC) ? errno : 0;
}

static void load_rules(void)
{
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};
	char text[128];

	snprintf(text, sizeof(text), "default ALLOW\nALLOW msync if len in 0..%d\nERRNO(%d) msync\n",
		SMALL, DENIED);
	CHECK_EQ(sluice_filter_parse(text, strlen(text), "whole", &filter, &error), 0);
	CHECK_EQ(sluice_filter_load(filter, 0, NULL, &error), 0);
	sluice_filter_free(filter);
}

/* The kernel looks for all of LARGE; a filter that looked at the low word would let it pass. */
static void judge(int base)
{
	size_t size = (size_t)getpagesize();

	/* Nothing is behind the page. */
	page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	CHECK_EQ(munmap((char *)page + size, size), 0);
	CHECK_EQ(sync_page(base, SMALL), 0);
	CHECK_EQ(sync_page(base, LARGE), ENOMEM);
	load_rules();
	CHECK_EQ(sync_page(base, SMALL), 0);
	CHECK_EQ(sync_page(base, SMALL + 1), DENIED);
	CHECK_EQ(sync_page(base, LARGE), DENIED);
}

static void own_calls(void)
{
	if (!WIDE)
		SKIP("the registers have 32 bits");
	judge(0);
}

static void x32_calls(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	if (syscall(X32 | SYS_getpid) < 0)
		SKIP("the kernel has no x32 (syscall.x32=y)");
	judge(X32);
#else
	SKIP("not a program of x86_64");
#endif
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"a size of 64 bits is judged whole", own_calls},
	{"a size of 64 bits is judged whole: x32", x32_calls},
	{NULL, NULL},
};
