/* A caller may have closed its stdin: then each descriptor that the library makes can be number 0, and is
 * none the worse. Where it is the caller's it stays. Every part here runs once for each descriptor that
 * is made in it, which gets that number: in this process, and in those that the library starts.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"
#include "zero.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/un.h>

/* ---- the parts ---- */

static char box[96]; /* where the targets are */

static int target_asks(int argc, char **argv)
{
	char name[] = "file"; /* that a handler may write to */
	int fd;

	if (argc < 1 || chdir(argv[0]))
		return 100;
	fd = open("file", O_RDONLY);
	if (fd < 0)
		return 101;
	return syscall(SYS_mkdir, name, (long)fd) == 0 ? 0 : errno;
}

static void make_box(void)
{
	char path[256];
	int fd;

	snprintf(box, sizeof(box), "%s/box", scratch_dir());
	CHECK_EQ(mkdir(box, 0755), 0);
	snprintf(path, sizeof(path), "%s/file", box);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, "text", 4) == 4);
	close(fd);
	snprintf(path, sizeof(path), "%s/fifo", box);
	CHECK_EQ(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/link", box);
	CHECK_EQ(symlink("/proc/self/cwd/file", path), 0);
}

/* What an answer needs of its target, but for paths. */
static int ask_all(struct sluice_request *req, void *data)
{
	struct sluice_creds creds = {.size = sizeof(creds)};
	struct sluice_privileges may = {.size = sizeof(may)};
	char text[4096];
	gid_t groups[64];
	int fd;

	(void)data;
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), 4);
	CHECK_EQ(strcmp(text, "file"), 0);
	CHECK(sluice_tgid(req) > 0);
	CHECK(sluice_pidfd(req) >= 0);
	CHECK_EQ(sluice_creds(req, &creds), 0);
	CHECK_EQ(creds.euid, geteuid());
	CHECK_EQ(sluice_privileges(req, &may), 0);
	CHECK(sluice_groups(req, groups, 64) >= 0);
	CHECK(sluice_exe(req, text, sizeof(text)) > 0);
	CHECK_EQ(strcmp(text, self_path), 0);
	CHECK_EQ(sluice_write(req, sluice_arg(req, 0), "file", 4), 4);
	CHECK(sluice_exe_fd(req) >= 0 && sluice_mem_fd(req) >= 0 && sluice_root_fd(req) >= 0 &&
		sluice_cwd_fd(req) >= 0);
	fd = sluice_namespace_fd(req, CLONE_NEWNET);
	CHECK(fd >= 0 && close(fd) == 0);
	fd = sluice_get_fd(req, sluice_arg_int(req, 1));
	CHECK(fd >= 0 && read(fd, text, 4) == 4 && memcmp(text, "text", 4) == 0);
	CHECK_EQ(close(fd), 0);
	fd = sluice_path_fd(req, sluice_arg_int(req, 1));
	CHECK(fd >= 0 && close(fd) == 0);
	return sluice_reply(req, 0);
}

static void ask_part(void)
{
	CHECK_EQ(answer_target("asks", box, MKDIR, ask_all, NULL), 0);
}

static void in_requests(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (syscall(SYS_pidfd_getfd, self, self, 0) < 0)
		SKIP("no pidfd_getfd(2)");
	close(self);
	make_box();
	each(ask_part, true);
}

static int allow(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

static int hold_file(int fd)
{
	char text[8] = "";

	CHECK(fd >= 0 && read(fd, text, 4) == 4 && strcmp(text, "text") == 0);
	return close(fd);
}

/* What would be another's for the thread that acts. */
static int open_acting(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};

	(void)data;
	return sluice_openat(req, AT_FDCWD, "/proc/sys/kernel/hostname", &how);
}

static int open_all(struct sluice_request *req, void *data)
{
	static const char *const paths[] = {"file", "./file", "../box/file", "/proc/self/cwd/file",
		"/proc/thread-self/cwd/file", "link", "/proc/self/cwd/../box/link", NULL};
	struct open_how how = {.flags = O_RDONLY}, make = {.flags = O_RDWR | O_CREAT, .mode = 0600};
	char last[256], ours[128];
	int dir;

	(void)data;
	for (int i = 0; paths[i]; i++)
		CHECK_EQ(hold_file(sluice_openat(req, AT_FDCWD, paths[i], &how)), 0);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "none", &how), -ENOENT);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "file/", &how), -ENOTDIR);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "fifo", &how), -EAGAIN);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/proc/1/cwd/x", &how), -EACCES);
	CHECK_EQ(close(sluice_openat(req, AT_FDCWD, "new", &make)), 0);
	CHECK_EQ(close(sluice_openat(req, AT_FDCWD, "/proc/sys/kernel/hostname", &how)), 0);
	CHECK_EQ(close(sluice_openat(req, AT_FDCWD, "/proc/version", &how)), 0);
	CHECK_EQ(close(sluice_openat(req, AT_FDCWD, "/proc/self/status", &how)), 0);
	snprintf(ours, sizeof(ours), "/proc/%d/task/%d/environ", (int)getpid(), (int)getpid());
	CHECK_EQ(sluice_openat(req, AT_FDCWD, ours, &how), -EACCES);
	CHECK_EQ(sluice_act_as_target(req, open_acting, NULL), -EREMOTE);
	dir = sluice_open_parent(req, AT_FDCWD, "../none", last, sizeof(last));
	CHECK(dir >= 0 && strcmp(last, "none") == 0);
	CHECK_EQ(sluice_is_beneath(dir, sluice_cwd_fd(req)), 1);
	CHECK_EQ(sluice_is_beneath(sluice_cwd_fd(req), dir), 0);
	CHECK_EQ(close(dir), 0);
	return sluice_open_reply(req, AT_FDCWD, "file", &how, 0);
}

static int target_opened(int argc, char **argv)
{
	char text[8] = "";
	long fd;

	if (argc < 1 || chdir(argv[0]))
		return 100;
	fd = syscall(SYS_mkdir, "file", 0L);
	if (fd < 0)
		return errno;
	return read((int)fd, text, 4) == 4 && strcmp(text, "text") == 0 ? 0 : 101;
}

static void open_part(void)
{
	CHECK_EQ(answer_target("opened", box, MKDIR, open_all, NULL), 0);
}

static void in_paths(void)
{
	make_box();
	each(open_part, true);
}

/* The helper's open does not wait: we have both ends. */
static int open_fifo(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};

	(void)data;
	return sluice_open_reply(req, AT_FDCWD, "fifo", &how, 0);
}

static void fifo_part(void)
{
	pid_t was = pause_count();
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/fifo", box);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "text", 4) == 4);
	resume_count(was);
	CHECK_EQ(answer_target("opened", box, MKDIR, open_fifo, NULL), 0);
	CHECK_EQ(close(fd), 0);
}

static void in_helpers(void)
{
	make_box();
	each(fifo_part, true);
}

static int address_of(struct sluice_request *req, const char *path, bool create)
{
	struct sluice_unix_address out = {.size = sizeof(out)};
	struct sockaddr_storage text = {.ss_family = AF_UNIX};
	int rc;

	strcpy((char *)&text + offsetof(struct sockaddr_un, sun_path), path);
	rc = sluice_unix_address(req, &text, sizeof(struct sockaddr_un), create, &out);
	if (!rc)
		CHECK_EQ(close(out.fd), 0);
	return rc;
}

static int name_all(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(address_of(req, "socket", false), 0);
	CHECK_EQ(address_of(req, "file", false), -ECONNREFUSED);
	CHECK_EQ(address_of(req, "none", false), -ENOENT);
	CHECK_EQ(address_of(req, "none", true), 0);
	CHECK_EQ(address_of(req, "none/none", true), -ENOENT);
	return sluice_reply(req, 0);
}

static void address_part(void)
{
	CHECK_EQ(answer_target("asks", box, MKDIR, name_all, NULL), 0);
}

static void in_addresses(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	make_box();
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", box);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	each(address_part, true);
}

/* From now on, as below a container engine. */
static void refuse(int nr)
{
	pid_t was = pause_count();
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
	resume_count(was);
}

static int read_name(struct sluice_request *req, void *data)
{
	char text[8];

	(void)data;
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), 4);
	CHECK_EQ(strcmp(text, "file"), 0);
	return sluice_reply(req, 0);
}

/* Memory is read by a descriptor then. */
static void memory_part(void)
{
	refuse(SCMP_SYS(process_vm_readv));
	CHECK_EQ(answer_target("asks", box, MKDIR, read_name, NULL), 0);
}

static void in_memory(void)
{
	make_box();
	each(memory_part, true);
}

/* The child's thread sends its listener. */
static void send_part(void)
{
	refuse(SCMP_SYS(pidfd_getfd));
	CHECK_EQ(answer_target("asks", box, MKDIR, allow, NULL), 0);
}

static void in_starts(void)
{
	make_box();
	each(send_part, true);
}

/* ---- servers ---- */

static int admit(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	++*(int *)data;
	return strcmp(c->id, "box");
}

static void serve(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct box container;
	char path[256];
	pid_t was = pause_count();
	int calls = 0;

	snprintf(path, sizeof(path), "%s/listener-%d", box, (int)getpid());
	container = new_box();
	resume_count(was);
	o.keeper = keeper;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, admit, &calls), 0);
	was = pause_count();
	offer_box(path, &container);
	resume_count(was);
	CHECK_EQ(open_box(&container, sv), 0);
	CHECK_EQ(calls, 1);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 20) >= 0);
	sluice_supervisor_free(sv);
}

static void serve_part(void)
{
	serve(false);
}

static void in_servers(void)
{
	make_box();
	each(serve_part, false);
}

static void keep_part(void)
{
	serve(true);
}

static void in_keepers(void)
{
	make_box();
	each(keep_part, true);
}

/* ---- a hand-over ---- */

static int hold(struct sluice_request *req, void *data)
{
	*(struct sluice_request **)data = sluice_defer(req);
	return 0;
}

static void give(int socket, bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_request *held = NULL;
	struct sluice_supervisor *sv;
	int status;

	o.keeper = keeper;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &held), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "asks", box);
	while (!held)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK_EQ(sluice_hand_over(sv, socket), 0);
	CHECK_EQ(sluice_reply(held, 0), -ENOENT);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(status, 0);
	sluice_child_release(&child);
	sluice_supervisor_free(sv);
}

static void take(int socket)
{
	struct sluice_supervisor *sv;

	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	CHECK_EQ(sluice_run(sv), 0);
	sluice_supervisor_free(sv);
}

/* Descriptors are counted in this process, which gives or takes. */
static void pass_on(bool gives, bool keeper)
{
	pid_t was = pause_count(), pid;
	int pair[2], status;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (gives)
			take(pair[1]);
		else
			give(pair[1], keeper);
		_exit(0);
	}
	close(pair[1]);
	resume_count(was);
	if (gives)
		give(pair[0], keeper);
	else
		take(pair[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(close(pair[0]), 0);
}

static void give_part(void)
{
	pass_on(true, false);
}

static void take_part(void)
{
	pass_on(false, false);
}

static void give_kept_part(void)
{
	pass_on(true, true);
}

static void take_kept_part(void)
{
	pass_on(false, true);
}

static void in_hand_overs(void)
{
	make_box();
	each(give_part, true);
	each(take_part, false);
	each(give_kept_part, true);
	each(take_kept_part, false);
}

const struct target_main targets[] = {{"asks", target_asks}, {"opened", target_opened}, {NULL, NULL}};

const struct test tests[] = {
	{"what is asked of a target", in_requests},
	{"files of a target", in_paths},
	{"a file that is opened by a helper", in_helpers},
	{"addresses of sockets", in_addresses},
	{"memory that is read by a descriptor", in_memory},
	{"a target that sends its listener", in_starts},
	{"a server for runtimes", in_servers},
	{"the same with a keeper", in_keepers},
	{"a hand-over, on both sides", in_hand_overs},
	{NULL, NULL}};
