/* A test of cmocka that cannot run. Before 1.1.6 cmocka reports what is skipped as failed; there such
 * a test says why, and passes.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_SKIPPING_H
#define TESTS_SKIPPING_H

#ifdef CMOCKA_SKIPS
#define SKIP_TEST(why)                                                                   \
	do {                                                                             \
		print_message("# SKIP %s\n", why);                                       \
		skip();                                                                  \
	} while (0)
#else
#define SKIP_TEST(why)                                                                   \
	do {                                                                             \
		print_message("# SKIP %s\n", why);                                       \
		return;                                                                  \
	} while (0)
#endif

#endif
