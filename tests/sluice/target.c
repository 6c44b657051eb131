/* Who asks, and where its paths lead.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/resource.h>

/* A thread that is not the leader asks, with its own credentials. */
static void *ask_in_thread(void *data)
{
	(void)data;
	return (void *)syscall(SYS_mkdir, "thread", 0);
}

static int target_threads(int argc, char **argv)
{
	pthread_t t;
	void *result;
	int null = open("/dev/zero", O_RDONLY);

	(void)argc;
	(void)argv;
	if (chdir("/usr") || dup2(null, 50) != 50)
		return 1;
	if (syscall(SYS_mkdir, "leader", 0) != getpid())
		return 2;
	pthread_create(&t, NULL, ask_in_thread, NULL);
	pthread_join(t, &result);
	if ((long)result != getpid())
		return 3;
	if (geteuid() == 0 && syscall(SYS_setresuid, 77, 77, 77))
		return 4;
	return syscall(SYS_mkdir, "again", 0) == getpid() ? 0 : 5;
}

/* Those that the kernel has, by their types: the target's are ours. */
static void look_at_namespaces(struct sluice_request *req)
{
	static const struct {
		int type;
		const char *path;
	} all[] = {{CLONE_NEWCGROUP, "/proc/self/ns/cgroup"}, {CLONE_NEWIPC, "/proc/self/ns/ipc"},
		{CLONE_NEWNET, "/proc/self/ns/net"}, {CLONE_NEWNS, "/proc/self/ns/mnt"},
		{CLONE_NEWPID, "/proc/self/ns/pid"}, {0x80 /* CLONE_NEWTIME */, "/proc/self/ns/time"},
		{CLONE_NEWUSER, "/proc/self/ns/user"}, {CLONE_NEWUTS, "/proc/self/ns/uts"}};
	struct stat a, b;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int fd = sluice_namespace_fd(req, all[i].type);

		if (stat(all[i].path, &b)) {
			CHECK_EQ(fd, -ENOENT);
			continue;
		}
		CHECK(fstat(fd, &a) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
		close(fd);
	}
	CHECK_EQ(sluice_namespace_fd(req, CLONE_NEWNET | CLONE_NEWIPC), -EINVAL);
}

/* Descriptors of what the target has, and what it may do. */
static void look_closer(struct sluice_request *req)
{
	struct sluice_privileges p = {.size = sizeof(p)};
	gid_t groups[64];
	struct stat a, b;
	int fd;

	CHECK(fstat(sluice_exe_fd(req), &a) == 0 && stat(self_path, &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	CHECK_EQ(sluice_exe_fd(req), sluice_exe_fd(req)); /* the request's */
	fd = sluice_path_fd(req, 50);
	CHECK(fcntl(fd, F_GETFL) & O_PATH);
	CHECK(fstat(fd, &a) == 0 && stat("/dev/zero", &b) == 0 && a.st_rdev == b.st_rdev);
	close(fd);
	CHECK_EQ(sluice_path_fd(req, 51), -EBADF);
	CHECK_EQ(sluice_path_fd(req, -1), -EBADF);
	look_at_namespaces(req);
	CHECK_EQ(sluice_privileges(req, &p), 0);
	CHECK((p.effective != 0) == (geteuid() == 0) && !(p.effective & ~p.permitted));
	CHECK(stat("/proc/self/ns/user", &b) == 0 && p.user_namespace == b.st_ino &&
		p.same_user_namespace);
	p.size = 8;
	CHECK_EQ(sluice_privileges(req, &p), -EINVAL);
	CHECK_EQ(sluice_groups(req, NULL, 0), getgroups(0, NULL));
	CHECK_EQ(sluice_groups(req, groups, 64), getgroups(0, NULL));
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
}

static int identify(struct sluice_request *req, void *data)
{
	struct sluice_creds creds = {.size = sizeof(creds)};
	char path[4096], name[32], link[64];
	struct stat a, b;
	int fd, self, calls = ++*(int *)data;
	static int kept;
	bool thread;

	CHECK(sluice_read_string(req, sluice_arg(req, 0), name, sizeof(name)) > 0);
	thread = strcmp(name, "thread") == 0;
	CHECK(thread == (sluice_tid(req) != sluice_tgid(req)));
	CHECK(sluice_pidfd(req) >= 0);
	CHECK_EQ(sluice_pidfd(req), sluice_pidfd(req));
	if (calls == 1)
		kept = sluice_pidfd(req);
	if (calls == 3) /* of the same thread again */
		CHECK_EQ(sluice_pidfd(req), kept);
	CHECK_EQ(sluice_creds(req, &creds), 0);
	CHECK_EQ(creds.euid, calls == 3 && geteuid() == 0 ? 77 : geteuid());
	if (calls == 3)
		return sluice_reply(req, sluice_tgid(req));
	CHECK_EQ(sluice_exe(req, path, 0), -EINVAL);
	CHECK_EQ(sluice_exe(req, path, 3), -ENAMETOOLONG);
	CHECK_EQ(sluice_exe(req, path, strlen(self_path)), -ENAMETOOLONG);
	CHECK_EQ(sluice_exe(req, path, strlen(self_path) + 1), strlen(self_path));
	CHECK(sluice_exe(req, path, sizeof(path)) > 0 && strcmp(path, self_path) == 0);
	CHECK(fstat(sluice_root_fd(req), &a) == 0 && stat("/", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(fstat(sluice_cwd_fd(req), &a) == 0 && stat("/usr", &b) == 0 &&
		a.st_ino == b.st_ino);
	CHECK(sluice_mem_fd(req) >= 0);
	look_closer(req);
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	fd = (int)syscall(SYS_pidfd_getfd, self, self, 0);
	close(self);
	if (fd < 0) { /* refused by a container engine's filter */
		CHECK_EQ(sluice_get_fd(req, 50), -EPERM);
		return sluice_reply(req, sluice_tgid(req));
	}
	close(fd);
	fd = sluice_get_fd(req, 50);
	CHECK(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK(readlink(link, path, sizeof(path)) == 9 && memcmp(path, "/dev/zero", 9) == 0);
	close(fd);
	CHECK_EQ(sluice_get_fd(req, 51), -EBADF);
	return sluice_reply(req, sluice_tgid(req));
}

static void identity(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0, before = count_fds();

	need_cap(CAP_SYS_PTRACE); /* for a thread of another user */
	CHECK_EQ(sluice_on_name(sv, MKDIR, identify, &calls), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "threads", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(calls, 3);
	CHECK_EQ(sluice_run(sv), 0);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 50);
	CHECK_EQ(settled_fds(before), before); /* pidfds of dead threads went */
	sluice_supervisor_free(sv);
}

/* More groups than a page of /proc/tid/status holds. */
static int target_groups(int argc, char **argv)
{
	static gid_t groups[2000];

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < 2000; i++)
		groups[i] = 4000000000u + i;
	if (setgroups(2000, groups) || unshare(CLONE_NEWUSER))
		return 1;
	return syscall(SYS_mkdir, "groups", 0) == 2000 ? 0 : 2;
}

static int count_groups(struct sluice_request *req, void *data)
{
	struct sluice_privileges p = {.size = sizeof(p)};
	static gid_t groups[3000];
	ssize_t n = sluice_groups(req, groups, 3000);
	struct open_how how = {.flags = O_RDONLY};
	int fd;

	(void)data;
	CHECK_EQ(n, 2000);
	CHECK(groups[0] == 4000000000u && groups[1999] == 4000001999u && groups[2000] == 0);
	groups[0] = 7;
	CHECK_EQ(sluice_groups(req, groups, 1999), -ERANGE);
	CHECK_EQ(groups[0], 7); /* it failed, and has changed nothing */
	CHECK_EQ(sluice_privileges(req, &p), 0);
	CHECK(!p.same_user_namespace && p.user_namespace && p.effective); /* in its own */
	fd = sluice_openat(req, AT_FDCWD, "/proc/self/comm", &how);
	CHECK(fd >= 0);
	close(fd);
	return sluice_reply(req, n);
}

static void many_groups(void)
{
	if (geteuid() != 0)
		SKIP("needs root for setgroups(2)");
	need_unshare(CLONE_NEWUSER);
	CHECK_EQ(answer_target("groups", NULL, MKDIR, count_groups, NULL), 0);
}

#define MANY 120

static pthread_barrier_t all_asked;

static void *ask_and_stay(void *data)
{
	void *result = ask_in_thread(data);

	pthread_barrier_wait(&all_asked);
	return result;
}

static int target_many(int argc, char **argv)
{
	pthread_t t[MANY];
	long bad = 0;

	(void)argc;
	(void)argv;
	pthread_barrier_init(&all_asked, NULL, MANY + 1);
	for (int i = 0; i < MANY; i++)
		if (pthread_create(&t[i], NULL, ask_and_stay, NULL))
			return 1;
	while (syscall(SYS_mkdir, "leader", 0) < MANY)
		usleep(1000);
	pthread_barrier_wait(&all_asked);
	for (int i = 0; i < MANY; i++) {
		void *result;

		pthread_join(t[i], &result);
		bad += (long)result < 0;
	}
	return bad ? 2 : 0;
}

struct seen {
	int threads, first_fds, most_fds;
};

static int look_at_thread(struct sluice_request *req, void *data)
{
	struct seen *seen = data;
	int fds = count_fds(); /* what is kept, and nothing of this request yet */

	if (!seen->first_fds)
		seen->first_fds = fds;
	if (fds > seen->most_fds)
		seen->most_fds = fds;
	CHECK(sluice_pidfd(req) >= 0);
	if (sluice_tid(req) == sluice_tgid(req))
		return sluice_reply(req, seen->threads);
	return sluice_reply(req, ++seen->threads);
}

/* Linux 6.9; before, there is a pidfd of the process only. */
static bool has_thread_pidfds(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL); /* PIDFD_THREAD */

	return fd >= 0 && close(fd) == 0;
}

/* One target with many threads leaves descriptors for the others. */
static void many_threads(void)
{
	struct rlimit few = {64, 64}, old;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct seen seen = {0, 0, 0};

	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few.rlim_max = old.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, look_at_thread, &seen), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "many", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(seen.threads, MANY);
	if (has_thread_pidfds())
		CHECK_EQ(seen.most_fds - seen.first_fds, 64 / 4);
	CHECK(seen.most_fds - seen.first_fds <= 64 / 4);
	sluice_supervisor_free(sv);
}

/* exec between two requests of one thread: what was known of the first program is not
 * believed of the second. */
static int target_exec(int argc, char **argv)
{
	char *again[] = {self_path, (char *)"--target", (char *)"exec", (char *)"second", NULL};
	static char words[2][16] = {"first program", "second program"};

	(void)argv;
	if (argc < 1)
		return 9;
	if (strcmp(argv[0], "first") == 0) {
		pid_t pid;

		strcpy(words[1], words[0]); /* at the second program's address */
		if (syscall(SYS_mkdir, words[0], 0) != 1)
			return 1;
		/* And with the old memory kept alive by a parent: vfork. */
		pid = vfork();
		if (pid == 0) {
			if (syscall(SYS_mkdir, words[0], 0) == 1)
				execv(self_path, again);
			_exit(100);
		}
		int status;

		waitpid(pid, &status, 0);
		if (status)
			return 2;
		execv(self_path, again);
		return 3;
	}
	return syscall(SYS_mkdir, words[1], 0) == 2 ? 0 : 4;
}

static int which_program(struct sluice_request *req, void *data)
{
	char text[16] = "", mem[16] = "";
	ssize_t n = sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text));

	(void)data;
	CHECK(n > 0 && sluice_pidfd(req) >= 0 && sluice_mem_fd(req) >= 0);
	CHECK(pread(sluice_mem_fd(req), mem, sizeof(mem), (off_t)sluice_arg(req, 0)) > 0);
	CHECK(strcmp(text, mem) == 0);
	return sluice_reply(req, strcmp(text, "first program") == 0 ? 1 : 2);
}

/* The control: keeps a memory descriptor by thread id, as long as the thread lives. */
static int which_program_naively(struct sluice_request *req, void *data)
{
	static struct {
		pid_t tid;
		int fd;
	} cache[8];
	char mem[16] = "";
	int i = 0;

	(void)data;
	while (cache[i].tid && cache[i].tid != sluice_tid(req))
		CHECK(++i < 8);
	if (!cache[i].tid) {
		cache[i].tid = sluice_tid(req);
		cache[i].fd = dup(sluice_mem_fd(req));
	}
	if (pread(cache[i].fd, mem, sizeof(mem), (off_t)sluice_arg(req, 0)) <= 0)
		return sluice_fail(req, EFAULT);
	return sluice_reply(req, strcmp(mem, "first program") == 0 ? 1 : 2);
}

static int exec_run(sluice_handler handler)
{
	/* The same addresses before and after, so that nothing but the memory differs. */
	if (syscall(SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */) < 0)
		SKIP("personality(2) is refused");
	return answer_target("exec", "first", MKDIR, handler, NULL);
}

static void exec_between_control(void)
{
	CHECK_EQ(exec_run(which_program_naively), 2); /* vfork kept the first one readable */
}

static void exec_between(void)
{
	CHECK_EQ(exec_run(which_program), 0);
}

static int target_stays(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	syscall(SYS_mkdir, "leader", 0);
	pause();
	return 1;
}

/* What is kept of a thread that lives goes with the supervisor. */
static void kept_threads(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct seen seen = {0, 0};
	int before = count_fds(), with;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, MKDIR, look_at_thread, &seen), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "stays", NULL);
	with = count_fds();
	while (sluice_dispatch(sv, 10000) == 0)
		;
	if (has_thread_pidfds())
		CHECK_EQ(count_fds(), with + 1);
	sluice_supervisor_free(sv);
	CHECK(kill(child.pid, SIGKILL) == 0 && waitpid(child.pid, NULL, 0) == child.pid);
	sluice_child_release(&child);
	CHECK_EQ(settled_fds(before), before);
}

/* ---- links of a thread ---- */

enum { USR = 1, ROOT }; /* the directories of the two threads */

static int second_tid, second_answer = USR, up[2], stop[2];

static void *stay_in_root(void *data)
{
	char byte;

	(void)data;
	if (unshare(CLONE_FS) == 0) { /* a container engine's filter may refuse it */
		CHECK_EQ(chdir("/"), 0);
		second_answer = ROOT;
	}
	second_tid = (int)syscall(SYS_gettid);
	CHECK_EQ(write(up[1], "", 1), 1);
	CHECK_EQ(read(stop[0], &byte, 1), 1);
	return NULL;
}

static int check_links(void)
{
	const struct {
		const char *directory;
		int number, answer; /* the number stands behind it, if not 0 */
	} links[] = {{"/proc/self/", 0, USR}, {"/proc/thread-self/", 0, USR}, {"/proc/", getpid(), USR},
		{"/proc/self/task/", getpid(), USR}, {"/proc/self/task/", second_tid, second_answer}};

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		char path[64], number[16] = "";
		long rc;

		if (links[i].number)
			snprintf(number, sizeof(number), "%d/", links[i].number);
		snprintf(path, sizeof(path), "%s%scwd", links[i].directory, number);
		rc = syscall(SYS_mkdir, path, 0);
		if (rc != links[i].answer) {
			fprintf(stderr, "# %s: %ld, errno %d\n", path, rc, errno);
			return (int)i + 1;
		}
	}
	return 0;
}

static int target_links(int argc, char **argv)
{
	pthread_t thread;
	char byte;
	int rc;

	(void)argc;
	(void)argv;
	CHECK(chdir("/usr") == 0 && pipe(up) == 0 && pipe(stop) == 0);
	CHECK_EQ(pthread_create(&thread, NULL, stay_in_root, NULL), 0);
	CHECK_EQ(read(up[0], &byte, 1), 1);
	rc = check_links();
	CHECK_EQ(write(stop[1], "", 1), 1);
	pthread_join(thread, NULL);
	return rc;
}

static int which_directory(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY};
	struct stat st, usr;
	char path[64];
	int fd;

	(void)data;
	CHECK(sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) > 0);
	fd = sluice_openat(req, AT_FDCWD, path, &how);
	if (fd < 0)
		return sluice_fail(req, fd);
	CHECK(fstat(fd, &st) == 0 && stat("/usr", &usr) == 0);
	close(fd);
	return sluice_reply(req, st.st_dev == usr.st_dev && st.st_ino == usr.st_ino ? USR : ROOT);
}

static void thread_links(void)
{
	CHECK_EQ(answer_target("links", NULL, MKDIR, which_directory, NULL), 0);
}

const struct target_main targets[] = {
	{"threads", target_threads}, {"exec", target_exec}, {"many", target_many}, {"stays", target_stays}, {"groups", target_groups},
	{"links", target_links}, {NULL, NULL}};
const struct test tests[] = {
	{"thread, process, pidfd, credentials, executable, root, cwd, descriptors", identity},
	{"many threads' pidfds are a quarter of the descriptors at most", many_threads},
	{"the pidfd of a thread that lives goes with the supervisor", kept_threads},
	{"2000 groups, and capabilities in a user namespace", many_groups},
	{"links of a thread that is not the one that asks", thread_links},
	{"exec between two requests, with and without vfork", exec_between},
	{"control: a memory descriptor kept across exec reads the first program",
		exec_between_control},
	{NULL, NULL}};
