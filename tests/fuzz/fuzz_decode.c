/* A call with any arguments, and memory that lies: the first byte chooses the architecture, four are the number, one says
 * how memory lies, 48 are the arguments, the rest is memory. The text is one line of printable ASCII, the
 * same for every size of the buffer; reads are bounded.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice-calls.h>

#include "arch/arch.h"
#include "decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READ_MAX  4097  /* bytes at once: a page and an end */
#define READS_MAX 16384 /* of one call */
#define TEXT_MAX  (1 << 20)

struct memory {
	const uint8_t *bytes;
	size_t size;
	unsigned int how, reads;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A byte of memory; it may be another one each time. */
static uint8_t byte_at(const struct memory *m, uint64_t addr)
{
	uint64_t at = addr - DECODE_BASE;

	if (m->how & DECODE_CHANGES)
		at += m->reads;
	return m->bytes[at % m->size];
}

static ssize_t read_memory(uint64_t addr, void *buffer, size_t size, void *data)
{
	struct memory *m = data;
	uint64_t at = addr - DECODE_BASE;
	const size_t asked = size;
	uint8_t *to = buffer;

	require(size > 0 && size <= READ_MAX && ++m->reads <= READS_MAX);
	if (m->size == 0 || (at >= m->size && !(m->how & DECODE_EVERYWHERE)))
		return -EFAULT;
	if (!(m->how & DECODE_EVERYWHERE) && size > m->size - at)
		size = m->size - at;
	if (m->how & DECODE_SHORT && m->reads % 2 == 0)
		size = (size + 1) / 2;
	for (size_t i = 0; i < size; i++)
		to[i] = byte_at(m, addr + i);
	if (m->how & DECODE_LIES && m->reads % 3 == 0)
		return m->reads % 2 ? (ssize_t)asked * 2 : 0; /* never what was not written */
	return (ssize_t)size;
}

struct call {
	uint32_t arch;
	int nr;
	uint64_t args[6];
	struct memory memory;
};

/* The text, in a buffer of exactly @size bytes; *@length is that of all of it. */
static char *decode(const struct call *c, size_t size, size_t *length)
{
	struct memory memory = c->memory;
	char *text = malloc(size ? size : 1);
	ssize_t n;

	require(text);
	n = sluice_decode_call(c->arch, c->nr, c->args, read_memory, &memory, text, size);
	require(n > 0 && n < TEXT_MAX);
	*length = (size_t)n;
	return text;
}

static void check_buffers(const struct call *c, const char *text, size_t length)
{
	const size_t sizes[] = {1, length / 2 + 1, length};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t again, kept = sizes[i] - 1;
		char *part = decode(c, sizes[i], &again);

		require(again == length && memcmp(part, text, kept) == 0);
		require(part[kept] == '\0');
		free(part);
	}
}

/* Each argument by itself is a part of the whole, unless the same memory says two things. */
static void check_arguments(const struct call *c, const char *whole)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	static char text[TEXT_MAX];

	if (sluice_call_info_nr(c->arch, c->nr, &info))
		return;
	for (unsigned int i = 0; i < info.n_args; i++) {
		struct memory memory = c->memory;
		ssize_t n = sluice_decode_arg(
			&info, c->args, i, read_memory, &memory, text, sizeof(text));

		require(n > 0 && (size_t)n == strlen(text));
		/* The last may not be shown, and halves and pads are no arguments. */
		if (i + 1 < info.n_args && info.args[i].part == SLUICE_PART_WHOLE &&
			!(c->memory.how & DECODE_INCONSTANT))
			require(strstr(whole, text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct call c;
	size_t length, again;
	char *text;

	if (size < DECODE_HEAD)
		return 0;
	c.arch = sc_arch_at(data[0] % sc_arch_count)->token;
	memcpy(&c.nr, data + 1, sizeof(c.nr));
	memcpy(c.args, data + DECODE_ARGS, sizeof(c.args));
	c.memory = (struct memory){
		.bytes = data + DECODE_HEAD, .size = size - DECODE_HEAD, .how = data[5]};
	free(decode(&c, 0, &length));
	text = decode(&c, length + 1, &again);
	require(again == length && strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		require(text[i] >= ' ' && text[i] < 0x7f);
	check_buffers(&c, text, length);
	check_arguments(&c, text);
	free(text);
	return 0;
}
