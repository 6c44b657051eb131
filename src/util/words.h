/* struct seccomp_data as 16 words: what LD W ABS 4*i loads. linux/seccomp.h.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_WORDS_H
#define SC_UTIL_WORDS_H

#define SC_WORD_NR   0
#define SC_WORD_ARCH 1
#define SC_WORD_IP   2 /* and 3: two words, in the order of the machine's bytes */
#define SC_WORD_ARGS 4 /* argument i: words 4+2i and 5+2i, likewise */

#endif
