/* Arguments by name: the kernel's, and those that manual pages have.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "meaning/meaning.h"

/* @manual of section 2's page stands for @kernel's in @call (NULL: in any). */
static const struct {
	const char *call, *manual, *kernel;
} manual_names[] = {
	{NULL, "pathname", "filename"},
	{NULL, "path", "filename"},
	{NULL, "path", "pathname"},
	{NULL, "dirfd", "dfd"},
	{NULL, "olddirfd", "olddfd"},
	{NULL, "newdirfd", "newdfd"},
	{NULL, "oldpath", "oldname"},
	{NULL, "newpath", "newname"},
	{NULL, "target", "oldname"},
	{NULL, "linkpath", "newname"},
	{NULL, "sockfd", "fd"},
	{NULL, "domain", "family"},
	{NULL, "clockid", "which_clock"},
	{NULL, "length", "len"},
	{NULL, "size", "len"},
	{NULL, "addr", "start"},
	{NULL, "advice", "behavior"},
	{NULL, "offset", "pos"},
	{NULL, "offset", "off"},
	{NULL, "offset", "pgoff"},
	{NULL, "iov", "vec"},
	{NULL, "iovcnt", "vlen"},
	{NULL, "flags", "flag"},
	{NULL, "flags", "at_flags"},
	{NULL, "signum", "sig"},
	{"accept", "addr", "upeer_sockaddr"},
	{"accept", "addrlen", "upeer_addrlen"},
	{"accept4", "addr", "upeer_sockaddr"},
	{"accept4", "addrlen", "upeer_addrlen"},
	{"bind", "addr", "umyaddr"},
	{"clone", "flags", "clone_flags"},
	{"connect", "addr", "uservaddr"},
	{"exit", "status", "error_code"},
	{"exit_group", "status", "error_code"},
	{"fcntl", "op", "cmd"},
	{"flock", "operation", "cmd"},
	{"ioctl", "op", "cmd"},
	{"ioctl", "request", "cmd"},
	{"keyctl", "operation", "option"},
	{"mount", "filesystemtype", "type"},
	{"mount", "mountflags", "flags"},
	{"mount", "source", "dev_name"},
	{"mount", "target", "dir_name"},
	{"openat2", "how", "how"},
	{"personality", "persona", "personality"},
	{"prctl", "op", "option"},
	{"ptrace", "op", "request"},
	{"seccomp", "operation", "op"},
	{"setns", "nstype", "flags"},
	{"unshare", "flags", "unshare_flags"},
	{"wait4", "pid", "upid"},
	{"waitid", "id", "upid"},
	{"waitid", "idtype", "which"},
};

static int find(const struct sluice_call_info *call, const char *name, unsigned from)
{
	unsigned count = call->n_args < 6 ? call->n_args : 6;

	for (unsigned i = from; i < count; i++)
		if (call->args[i].part != SLUICE_PART_PAD && call->args[i].name &&
			strcmp(call->args[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* The kernel's name comes first: a manual's is understood only where no argument has it.
 */
SC_MEANING_PUBLIC int sluice_arg_index(
	const struct sluice_call_info *call, const char *name, unsigned from)
{
	if (find(call, name, 0) >= 0)
		return find(call, name, from);
	for (size_t i = 0; i < sizeof(manual_names) / sizeof(manual_names[0]); i++) {
		if (strcmp(manual_names[i].manual, name) != 0)
			continue;
		if (manual_names[i].call && strcmp(manual_names[i].call, call->name) != 0)
			continue;
		if (find(call, manual_names[i].kernel, 0) >= 0)
			return find(call, manual_names[i].kernel, from);
	}
	return -ENOENT;
}
