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
#define LINKS	     40 /* MAXSYMLINKS of the kernel */

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
	if (n <= 0 || fstat(fd, st)) {
		p->elsewhere++; /* it is too long, first of all */
		return false;
	}
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
struct name {
	int folder; /* -1: there is none */
	char last[NAME_MAX + 1];
	dev_t dev;
	bool there;
};

static void name_close(struct name *n)
{
	if (n->folder >= 0)
		close(n->folder);
}

/* What has to be there before a call, for the call to succeed. */
enum name_before {
	IS_ABSENT,
	IS_PRESENT,
	IS_EITHER,
};

/* False: the call will fail, and nothing is to be noted. */
static bool find_name(struct sluice_request *request, int dirfd, const char *path,
	enum name_before before, struct name *n)
{
	struct stat st;

	n->folder = sluice_open_parent(request, dirfd, path, n->last, sizeof(n->last));
	if (n->folder < 0 || strcmp(n->last, ".") == 0 || fstat(n->folder, &st) ||
		!permitted(n->folder, PATHS_WRITE | PATHS_EXEC))
		return false;
	n->dev = st.st_dev;
	n->there = fstatat(n->folder, n->last, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return before == IS_EITHER || (before == IS_PRESENT) == n->there;
}

static void add_name(struct paths *p, const struct name *n)
{
	char folder[PATH_MAX], whole[PATH_MAX + NAME_MAX + 2];
	struct stat st;

	if (!path_of(p, n->folder, folder, &st))
		return;
	paths_add(p, folder, PATHS_ENTRIES, false);
	snprintf(whole, sizeof(whole), "%s/%s", folder[1] ? folder : "", n->last);
	if (!n->there && strlen(whole) < PATH_MAX)
		paths_add(p, whole, 0, true);
}

static void note_name(struct paths *p, struct sluice_request *request, int dirfd,
	const char *path, enum name_before before)
{
	_cleanup_(name_close) struct name n = {.folder = -1};

	if (find_name(request, dirfd, path, before, &n))
		add_name(p, &n);
}

/* ---- calls --------------------------------------------------------------------------
 */

/* The path that the link @path leads to, in @path. False: it is no link. */
static bool follow_link(struct sluice_request *request, int *dirfd, char path[PATH_MAX])
{
	char last[NAME_MAX + 1], to[PATH_MAX];
	_cleanup_close_ int fd =
		sluice_open_parent(request, *dirfd, path, last, sizeof(last));
	char *name = strrchr(path, '/');
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, last, to, sizeof(to) - 1);
	size_t at;

	if (n <= 0)
		return false;
	to[n] = 0;
	at = name && *to != '/' ? (size_t)(name + 1 - path) : 0;
	if (at + (size_t)n >= PATH_MAX)
		return false;
	memcpy(path + at, to, (size_t)n + 1);
	if (*to == '/')
		*dirfd = AT_FDCWD;
	return true;
}

/* open(2) with O_CREAT makes what a link names that leads nowhere. */
static void note_made(struct paths *p, struct sluice_request *request, int dirfd,
	const char *path, uint64_t flags)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", path);
	if (!(flags & (O_EXCL | O_NOFOLLOW)))
		for (int i = 0; i < LINKS && follow_link(request, &dirfd, name); i++)
			;
	note_name(p, request, dirfd, name, IS_ABSENT);
}

static void note_open(struct paths *p, struct sluice_request *request, int dirfd,
	const char *path, uint64_t flags)
{
	unsigned int access = (flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC)
				      ? PATHS_READ
				      : PATHS_WRITE;
	bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (flags & O_PATH)
		return;
	fd = look_up(request, dirfd, path, flags & O_NOFOLLOW);
	if (fd == -ENOENT && flags & O_CREAT)
		note_made(p, request, dirfd, path, flags);
	if (fd < 0 || fstat(fd, &st))
		return;
	if (unnamed) {
		if (permitted(fd, PATHS_WRITE | PATHS_EXEC))
			add_fd(p, fd, PATHS_ENTRIES);
		return;
	}
	/* EEXIST and EISDIR */
	if ((flags & O_CREAT && (flags & O_EXCL || S_ISDIR(st.st_mode))) ||
		(S_ISDIR(st.st_mode) && access != PATHS_READ))
		return;
	add_fd(p, fd, access);
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
		note_name(p, request, AT_FDCWD, path, IS_ABSENT);
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

struct call_path {
	char path[PATH_MAX];
	int dirfd;
	bool has_folder; /* @dirfd is an argument */
};

/* The argument @at of the call, a path, and the folder that it begins in. */
static bool read_path(struct sluice_request *request, const struct sluice_call_info *info,
	unsigned int at, struct call_path *c)
{
	uint64_t address = sluice_arg(request, at);

	c->has_folder = at > 0 && info->args[at - 1].type == SLUICE_ARG_DIRFD;
	c->dirfd = c->has_folder ? (int)sluice_arg(request, at - 1) : AT_FDCWD;
	*c->path = 0;
	return !address ||
	       sluice_read_string(request, address, c->path, sizeof(c->path)) >= 0;
}

/* Whether the call acts on a link itself, where its path leads to one. */
static bool keeps_link(struct sluice_request *request, const char *call)
{
	static const struct {
		const char *call;
		int flags; /* the argument; -1: it always does */
	} of[] = {{"lchown", -1}, {"lchown32", -1}, {"lsetxattr", -1},
		{"lremovexattr", -1}, {"fchownat", 4}, {"utimensat", 3},
		{"utimensat_time64", 3}, {"fchmodat2", 3}, {"setxattrat", 2},
		{"removexattrat", 2}, {"file_setattr", 4}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (strcmp(call, of[i].call) == 0)
			return of[i].flags < 0 ||
			       sluice_arg(request, (unsigned int)of[i].flags) &
				       AT_SYMLINK_NOFOLLOW;
	return false;
}

/* A path of a call, the argument @at. An empty one, or none, is the descriptor itself. */
static void note_path(struct paths *p, enum paths_use use, struct sluice_request *request,
	const struct sluice_call_info *info, unsigned int at)
{
	struct call_path c;
	int fd;

	if (!read_path(request, info, at, &c))
		return;
	if (use == PATHS_OPEN) {
		note_open(p, request, c.dirfd, c.path, open_flags(request, info, at));
		return;
	}
	fd = *c.path	    ? look_up(request, c.dirfd, c.path,
				      keeps_link(request, info->name) ? O_NOFOLLOW : 0)
	     : c.has_folder ? sluice_path_fd(request, c.dirfd)
			    : -ENOENT;
	if (use == PATHS_EXECUTE)
		note_executed(p, request, fd);
	else
		note_change(p, fd);
}

/* linkat(2) of a descriptor, or through a link: the file has its name elsewhere, or none
 * yet (O_TMPFILE), and then @n has no folder. */
static bool find_linked(struct paths *p, struct sluice_request *request,
	const struct call_path *c, struct name *n)
{
	char path[PATH_MAX], *last;
	_cleanup_close_ int fd = *c->path	 ? look_up(request, c->dirfd, c->path, 0)
				 : c->has_folder ? sluice_path_fd(request, c->dirfd)
						 : -ENOENT;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	n->dev = st.st_dev;
	if (st.st_nlink == 0 || !path_of(p, fd, path, &st))
		return true;
	last = strrchr(path, '/');
	last[last == path] = 0;
	n->there = true;
	n->folder = open(path, O_PATH | O_CLOEXEC);
	return n->folder >= 0;
}

/* The names of a call, which are its arguments @first and @last: what it makes comes
 * last. */
static void note_names(struct paths *p, struct sluice_request *request,
	const struct sluice_call_info *info, unsigned int first, unsigned int last)
{
	_cleanup_(name_close) struct name from = {.folder = -1}, to = {.folder = -1};
	const char *call = info->name;
	bool makes = strncmp(call, "mk", 2) == 0, links = strncmp(call, "link", 4) == 0,
	     through = strcmp(call, "linkat") == 0 &&
		       sluice_arg(request, 4) & (AT_SYMLINK_FOLLOW | AT_EMPTY_PATH);
	struct call_path c;

	if (!read_path(request, info, first, &c))
		return;
	if (first == last) {
		note_name(p, request, c.dirfd, c.path, makes ? IS_ABSENT : IS_PRESENT);
		return;
	}
	if (through ? !find_linked(p, request, &c, &from)
		    : !find_name(request, c.dirfd, c.path, IS_PRESENT, &from))
		return;
	if (!read_path(request, info, last, &c) ||
		!find_name(
			request, c.dirfd, c.path, links ? IS_ABSENT : IS_EITHER, &to) ||
		from.dev != to.dev) /* EXDEV */
		return;
	if (from.folder >= 0)
		add_name(p, &from);
	add_name(p, &to);
}

void paths_note(struct paths *p, enum paths_use use, struct sluice_request *request)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	unsigned int first = 6, last = 0;
	struct call_path c;

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
	for (unsigned int i = 0; i < info.n_args && i < 6; i++) {
		if (info.args[i].type != SLUICE_ARG_PATH)
			continue;
		first = first < 6 ? first : i;
		last = i;
	}
	if (first == 6)
		return;
	if (use == PATHS_NAMES)
		note_names(p, request, &info, first, last);
	else if (use != PATHS_LINK)
		note_path(p, use, request, &info, first);
	else if (read_path(request, &info, last, &c))
		note_name(p, request, c.dirfd, c.path, IS_ABSENT);
}

void paths_clear(struct paths *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->files[i].path);
	free(p->files);
	sc_set_clear(&p->by_path);
	*p = (struct paths){0};
}
