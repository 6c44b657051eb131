/* For functions that run in a thread that a sanitizer does not know.
 * SPDX-License-Identifier: MIT
 *
 * The thread that a spawned child starts (spawn/closer.c) shares its thread pointer with
 * the child's first thread, and a sanitizer keeps what it knows of a thread behind that. */
#ifndef SLUICE_BARE_H
#define SLUICE_BARE_H

#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define BARE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef BARE
#define BARE __attribute__((no_sanitize("thread", "address", "undefined")))
#endif

#endif
