/* Case files as inputs of fuzz_calls, the programs that they make as inputs of fuzz_bpf,
 * names as inputs of fuzz_tables, small documents as inputs of fuzz_json, and every call as inputs of fuzz_decode:
 *   seeds calls DIRECTORY CASE-FILES...   seeds bpf DIRECTORY LIBRARY CASE-FILES...
 *   seeds tables DIRECTORY   seeds json DIRECTORY   seeds decode DIRECTORY
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "calls.h"
#include "cases/run.h"
#include "decode.h"

static unsigned int n;

static void save(const char *directory, const unsigned char *bytes, size_t size)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%u", directory, n++);
	out = fopen(path, "we");
	if (!out || fwrite(bytes, 1, size, out) != size || fclose(out)) {
		perror(path);
		exit(1);
	}
}

static void save_cases(const char *directory, const char *path)
{
	unsigned char bytes[4096];
	struct case_file file;

	if (case_read(path, &file))
		exit(1);
	for (unsigned int i = 0; i < file.n; i++) {
		size_t size = calls_write(&file.scenarios[i], bytes, sizeof(bytes));

		if (size)
			save(directory, bytes, size);
	}
	case_free(&file);
}

/* The first context's program behind a seed, which says the byte order. */
static void save_program(const char *directory, const struct lib *lib,
	const struct scenario *s)
{
	unsigned char bytes[4 + 64 * sizeof(struct sock_filter)] = {0};
	scmp_filter_ctx ctx[N_CONTEXTS + 1] = {NULL};
	struct program prog = {0};
	size_t size;

	run_until(lib, s, s->n_ops, ctx);
	if (ctx[0] && lib_export(lib, ctx[0], &prog) == 0) {
		size = prog.len * sizeof(*prog.insns);
		memcpy(bytes, &prog.len, 4);
		if (size > 0 && size <= sizeof(bytes) - 4) {
			memcpy(bytes + 4, prog.insns, size);
			save(directory, bytes, 4 + size);
		}
	}
	free(prog.insns);
	for (unsigned int i = 0; i <= N_CONTEXTS; i++)
		lib->release(ctx[i]);
}

static void save_programs(const char *directory, const struct lib *lib, const char *path)
{
	struct case_file file;

	if (case_read(path, &file))
		exit(1);
	for (unsigned int i = 0; i < file.n; i++)
		if (file.scenarios[i].n_ops < 1000)
			save_program(directory, lib, &file.scenarios[i]);
	case_free(&file);
}

static void save_names(const char *directory)
{
	for (unsigned int i = 0; i < oracle_n_names; i += 7) {
		unsigned char bytes[5 + sizeof(oracle_names[i].name)];
		size_t length = strlen(oracle_names[i].name);
		uint8_t arch = (uint8_t)(i % ORACLE_ARCHES);

		bytes[0] = arch;
		memcpy(bytes + 1, &oracle_names[i].nr[arch], 4);
		memcpy(bytes + 5, oracle_names[i].name, length);
		save(directory, bytes, 5 + length);
	}
}

static void save_documents(const char *directory)
{
	static const char *const documents[] = {
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"syscalls\":[]}",
		"{\"names\":[\"read\"],\"args\":[{\"index\":0,\"value\":18446744073709551615}]}",
		"[\"\\u0041\\ud83d\\ude00\\n\",-12.5e+3,true,false,null,[],{}]",
		("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
		 "\"k\":1,\"l\":1}"),
		" [ \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\" ]\n",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		save(directory, (const unsigned char *)documents[i], strlen(documents[i]));
}

/* Memory whose words are its own addresses, and behind them text: arrays, vectors and paths at once. */
static size_t make_memory(unsigned char *to)
{
	size_t at = 0;

	for (uint64_t i = 0; i < 6; i++, at += 8) {
		const uint64_t word = i == 5 ? 0 : DECODE_BASE + (i % 2 ? 4 * i : 48);

		memcpy(to + at, &word, sizeof(word));
	}
	return at + (size_t)sprintf((char *)to + at, "/etc/\"pass\nwd\x7f") + 1;
}

/* Every call once, with arguments that are numbers, flags and addresses in turn. */
static void save_decoded(const char *directory)
{
	for (unsigned int row = 0; row < sc_syscall_count; row++) {
		unsigned char bytes[DECODE_HEAD + 128];
		uint8_t arch = (uint8_t)(row % sc_arch_count);
		int nr = sc_syscall_nr(sc_arch_at(arch), (int)row);
		uint64_t args[6];

		for (unsigned int k = 0; k < 6; k++)
			args[k] = (row + k) % 3 == 0 ? DECODE_BASE + 8 * k : row * (k + 1);
		bytes[0] = arch;
		memcpy(bytes + 1, &nr, sizeof(nr));
		bytes[5] = (unsigned char)(row % 16);
		memcpy(bytes + DECODE_ARGS, args, sizeof(args));
		save(directory, bytes, DECODE_HEAD + make_memory(bytes + DECODE_HEAD));
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	mkdir(argv[2], 0777);
	if (strcmp(argv[1], "tables") == 0)
		save_names(argv[2]);
	if (strcmp(argv[1], "json") == 0)
		save_documents(argv[2]);
	if (strcmp(argv[1], "decode") == 0)
		save_decoded(argv[2]);
	if (strcmp(argv[1], "calls") == 0)
		for (int i = 3; i < argc; i++)
			save_cases(argv[2], argv[i]);
	if (strcmp(argv[1], "bpf") == 0) {
		struct lib lib;

		if (argc < 4 || !lib_open(&lib, argv[3]))
			return 1;
		for (int i = 4; i < argc; i++)
			save_programs(argv[2], &lib, argv[i]);
	}
	return n == 0;
}
