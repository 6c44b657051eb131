/* Case files as inputs of fuzz_calls, and names as inputs of fuzz_tables:
 *   seeds calls DIRECTORY CASE-FILES...   seeds tables DIRECTORY
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"

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

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	mkdir(argv[2], 0777);
	if (strcmp(argv[1], "tables") == 0)
		save_names(argv[2]);
	for (int i = 3; i < argc; i++)
		save_cases(argv[2], argv[i]);
	return n == 0;
}
