/* What the files of the public API share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_API_API_H
#define SC_API_API_H

/* Everything else in the library is hidden. */
#define SC_PUBLIC __attribute__((visibility("default")))

#endif
