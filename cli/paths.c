/* Noting the files of calls as they come.
 * SPDX-License-Identifier: MIT
 *
 * A call is seen before it happens, so what is not there yet is what it makes. Paths are
 * looked up as the program's own, and noted as they are called without links. The program
 * can change a path after it was read: a recording believes the program. */
#include "paths.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <sluice-calls.h>

#include "util/cleanup.h"
#include "util/hash.h"
#include "util/vec.h"

#define INTERPRETERS 5 /* of scripts, one behind the other: fs/exec.c */
#define SEGMENTS     64

static const struct {
	enum paths_use use;
	const char *calls;
} uses[] = {
	{PATHS_OPEN, " open openat openat2 creat "},
	{PATHS_EXECUTE, " execve execveat "},
	{PATHS_NAMES, " mkdir mkdirat mknod mknodat unlink unlinkat rmdir link linkat "
		      "rename renameat "
		      "renameat2 "},
	{PATHS_LINK, " symlink symlinkat "},
	{PATHS_CHANGE, " truncate truncate64 chmod fchmodat fchmodat2 chown lchown "
		       "fchownat chown32 "
		       "lchown32 utime utimes futimesat utimensat utimensat_time64 "
		       "setxattr lsetxattr "
		       "removexattr lremovexattr setxattrat removexattrat file_setattr "},
	{PATHS_FD, " fchmod fchown fchown32 fsetxattr fremovexattr "},
	{PATHS_CONNECT, " connect sendto "},
	{PATHS_BIND, " bind "},
};

enum paths_use paths_use_of(const char *call)
{
	char word[64];

	if (!call || snprintf(word, sizeof(word), " %s ", call) >= (int)sizeof(word))
		return PATHS_NONE;
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (strstr(uses[i].calls, word))
			return uses[i].use;
	return PATHS_NONE;
}

/* ---- the set ------------------------------------------------------------------------
 */

static uint64_t hash_path(const char *path)
{
	uint64_t h = sc_hash_seed();

	while (*path)
		h = sc_hash_mix(h, (unsigned char)*path++);
	return h;
}

static uint64_t hash_file(const void *owner, uint32_t i)
{
	const struct paths *p = owner;

	return hash_path(p->files[i].path);
}

static bool same_path(const void *owner, uint32_t i, const void *path)
{
	const struct paths *p = owner;

	return strcmp(p->files[i].path, path) == 0;
}

void paths_add(struct paths *p, const char *path, unsigned int access, bool made)
{
	struct paths_file f = {.access = access, .made = made};
	uint32_t *slot;

	if (sc_reserve(p->files, p->cap, p->n, 1) ||
		sc_set_reserve(&p->by_path, 1, hash_file, p)) {
		p->failed = -ENOMEM;
		return;
	}
	slot = sc_set_find(&p->by_path, hash_path(path), same_path, p, path);
	if (*slot) {
		p->files[*slot - 1].access |= access;
		return;
	}
	f.path = strdup(path);
	if (!f.path) {
		p->failed = -ENOMEM;
		return;
	}
	p->files[p->n] = f;
	sc_set_insert(&p->by_path, slot, p->n++);
}

/* ---- names --------------------------------------------------------------------------
 */

/* The path of what @fd is. False: it has none, or another file has it here. */
static bool path_of(struct paths *p, int fd, char path[PATH_MAX], struct stat *st)
{
	char link[32];
	struct stat here;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0 || fstat(fd, st))
		return false;
	path[n] = 0;
	/* Pipes and sockets have none; what was removed has lost it. */
	if (*path != '/' || st->st_nlink == 0) {
		p->elsewhere += strncmp(path, "(unreachable)", 13) == 0;
		return false;
	}
	if (lstat(path, &here) || here.st_dev != st->st_dev ||
		here.st_ino != st->st_ino) {
		p->elsewhere++;
		return false;
	}
	return true;
}

/* Whether this user may do it at all. */
static bool permitted(int fd, unsigned int access)
{
	int mode = (access & PATHS_READ ? R_OK : 0) | (access & PATHS_WRITE ? W_OK : 0) |
		   (access & PATHS_EXEC ? X_OK : 0);
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return faccessat(AT_FDCWD, link, mode, AT_EACCESS) == 0;
}

static void add_fd(struct paths *p, int fd, unsigned int access)
{
	char path[PATH_MAX];
	struct stat st;

	if (path_of(p, fd, path, &st) && !S_ISLNK(st.st_mode) && permitted(fd, access))
		paths_add(p, path, access, false);
}

static int look_up(
	struct sluice_request *request, int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags};

	return sluice_openat(request, dirfd, path, &how);
}

/* A name that is made, renamed or removed: what matters is the folder. */
static void add_name(
	struct paths *p, struct sluice_request *request, int dirfd, const char *path)
{
	char last[NAME_MAX + 1], folder[PATH_MAX], whole[PATH_MAX + NAME_MAX + 2];
	_cleanup_close_ int fd =
		sluice_open_parent(request, dirfd, path, last, sizeof(last));
	struct stat st, there;

	if (fd < 0 || !path_of(p, fd, folder, &st))
		return;
	paths_add(p, folder, PATHS_ENTRIES, false);
	if (strcmp(last, ".") == 0 || fstatat(fd, last, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	snprintf(whole, sizeof(whole), "%s/%s", folder[1] ? folder : "", last);
	if (strlen(whole) < PATH_MAX)
		paths_add(p, whole, 0, true);
}

/* ---- calls --------------------------------------------------------------------------
 */

static void note_open(struct paths *p, struct sluice_request *request, int dirfd,
	const char *path, uint64_t flags)
{
	unsigned int access = (flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC)
				      ? PATHS_READ
				      : PATHS_WRITE;
	_cleanup_close_ int fd = -1;

	if (flags & O_PATH)
		return;
	fd = look_up(request, dirfd, path, flags & O_NOFOLLOW);
	if (fd == -ENOENT && flags & O_CREAT)
		add_name(p, request, dirfd, path);
	else if (fd >= 0)
		add_fd(p, fd, (flags & O_TMPFILE) == O_TMPFILE ? PATHS_ENTRIES : access);
}

/* The interpreter that an ELF file asks for. */
static bool elf_interpreter(int fd, char out[PATH_MAX])
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} e;
	bool wide;
	uint64_t at, size;
	unsigned int n, each;
	ssize_t got = pread(fd, &e, sizeof(e), 0);

	if (got < (ssize_t)sizeof(e.e32) || memcmp(&e, ELFMAG, SELFMAG) != 0)
		return false;
	wide = e.e32.e_ident[EI_CLASS] == ELFCLASS64;
	if (wide && got < (ssize_t)sizeof(e.e64))
		return false;
	at = wide ? e.e64.e_phoff : e.e32.e_phoff;
	n = wide ? e.e64.e_phnum : e.e32.e_phnum;
	each = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	for (unsigned int i = 0; i < n && i < SEGMENTS; i++) {
		union {
			Elf32_Phdr p32;
			Elf64_Phdr p64;
		} h;

		if (pread(fd, &h, each, (off_t)(at + (uint64_t)i * each)) !=
			(ssize_t)each)
			return false;
		if (h.p32.p_type != PT_INTERP) /* the first word of both */
			continue;
		size = wide ? h.p64.p_filesz : h.p32.p_filesz;
		at = wide ? h.p64.p_offset : h.p32.p_offset;
		if (size == 0 || size >= PATH_MAX ||
			pread(fd, out, size, (off_t)at) != (ssize_t)size)
			return false;
		out[size] = 0;
		return true;
	}
	return false;
}

/* "#! INTERPRETER ARGUMENT" of execve(2). */
static bool script_interpreter(int fd, char out[PATH_MAX])
{
	char line[256], *name;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	name = line + 2 + strspn(line + 2, " \t");
	name[strcspn(name, " \t")] = 0;
	strcpy(out, name);
	return *out;
}

/* The file, and what the kernel opens to execute it. */
static void note_executed(struct paths *p, struct sluice_request *request, int file)
{
	char path[PATH_MAX], link[32];
	int next;

	for (int i = 0; i <= INTERPRETERS && file >= 0; i++) {
		_cleanup_close_ int fd = file, content = -1;
		struct stat st;

		if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !permitted(fd, PATHS_EXEC))
			return;
		add_fd(p, fd, PATHS_EXEC);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		content = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (content < 0 || (!script_interpreter(content, path) &&
					   !elf_interpreter(content, path)))
			return;
		next = look_up(request, AT_FDCWD, path, 0);
		file = next;
	}
	if (file >= 0)
		close(file);
}

static void note_change(struct paths *p, int fd)
{
	_cleanup_close_ int file = fd;

	if (file >= 0)
		add_fd(p, file, PATHS_WRITE);
}

static void note_address(struct paths *p, enum paths_use use,
	struct sluice_request *request, const struct sluice_call_info *info)
{
	struct sockaddr_storage address = {0};
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
	int length = -1;

	for (unsigned int i = 0; i + 1 < info->n_args; i++)
		if (info->args[i].type == SLUICE_ARG_SOCKADDR && sluice_arg(request, i))
			length = sluice_read_sockaddr(request, i, i + 1, &address);
	if (length <= (int)offsetof(struct sockaddr_un, sun_path) ||
		address.ss_family != AF_UNIX)
		return;
	memcpy(path, (char *)&address + offsetof(struct sockaddr_un, sun_path),
		sizeof(path) - 1);
	if (!*path) /* abstract */
		return;
	if (use == PATHS_BIND) {
		add_name(p, request, AT_FDCWD, path);
	} else {
		_cleanup_close_ int fd = look_up(request, AT_FDCWD, path, 0);

		if (fd >= 0)
			add_fd(p, fd, PATHS_SOCKET);
	}
}

static uint64_t open_flags(struct sluice_request *request,
	const struct sluice_call_info *info, unsigned int at)
{
	struct open_how how;

	if (strcmp(info->name, "creat") == 0)
		return O_CREAT | O_WRONLY | O_TRUNC;
	if (strcmp(info->name, "openat2") != 0)
		return sluice_arg(request, at + 1);
	if (sluice_read_open_how(request, sluice_arg(request, at + 1),
		    sluice_arg(request, at + 2), &how))
		return O_PATH; /* it will fail */
	return how.flags;
}

/* A path of a call, the argument @at. An empty one, or none, is the descriptor itself. */
static void note_path(struct paths *p, enum paths_use use, struct sluice_request *request,
	const struct sluice_call_info *info, unsigned int at)
{
	bool has_folder = at > 0 && info->args[at - 1].type == SLUICE_ARG_DIRFD;
	int dirfd = has_folder ? (int)sluice_arg(request, at - 1) : AT_FDCWD;
	uint64_t address = sluice_arg(request, at);
	char path[PATH_MAX] = "";
	int fd;

	if (address && sluice_read_string(request, address, path, sizeof(path)) < 0)
		return;
	if (use == PATHS_OPEN) {
		note_open(p, request, dirfd, path, open_flags(request, info, at));
		return;
	}
	if (use == PATHS_NAMES || use == PATHS_LINK) {
		add_name(p, request, dirfd, path);
		return;
	}
	fd = *path	  ? look_up(request, dirfd, path, 0)
	     : has_folder ? sluice_path_fd(request, dirfd)
			  : -ENOENT;
	if (use == PATHS_EXECUTE)
		note_executed(p, request, fd);
	else
		note_change(p, fd);
}

void paths_note(struct paths *p, enum paths_use use, struct sluice_request *request)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	unsigned int last = 0;

	if (use == PATHS_NONE ||
		sluice_call_info_nr(sluice_arch(request), sluice_nr(request), &info))
		return;
	if (use == PATHS_FD) {
		note_change(p, sluice_path_fd(request, (int)sluice_arg(request, 0)));
		return;
	}
	if (use == PATHS_CONNECT || use == PATHS_BIND) {
		note_address(p, use, request, &info);
		return;
	}
	for (unsigned int i = 0; i < info.n_args && i < 6; i++)
		if (info.args[i].type == SLUICE_ARG_PATH)
			last = i;
	for (unsigned int i = 0; i <= last; i++)
		if (info.args[i].type == SLUICE_ARG_PATH &&
			(use != PATHS_LINK || i == last))
			note_path(p, use, request, &info, i);
}

void paths_clear(struct paths *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->files[i].path);
	free(p->files);
	sc_set_clear(&p->by_path);
	*p = (struct paths){0};
}
