/* Targets that give orders, and the handlers that obey them. See failing.h.
 * SPDX-License-Identifier: MIT */
#include "failing.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/un.h>

/* Whether this is a descriptor of a file whose path has this in it, and not of a link to it. */
static bool names(int fd, const char *part)
{
	char path[64], link[4096] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof(link) - 1) > 0 && strstr(link, part) && fstat(fd, &st) == 0 &&
		!S_ISLNK(st.st_mode))
		return true;
	printf("# %d is \"%s\", not %s\n", fd, link, part);
	return false;
}

/* ---- targets: orders by mkdir(2), whose mode is the letter of the order --------------- */

#define VALUE 1000

/* Where the call would make a directory, unless something is to be opened or read. */
static void argument_of(char order, const char *top, char *path, size_t size)
{
	if (order == 'p')
		snprintf(path, size, "/proc/sys/kernel/hostname");
	else if (order == 'q')
		snprintf(path, size, "/proc/%d/environ", (int)getppid());
	else
		snprintf(path, size, "%s/%s", top, strchr("oa", order) ? "file" : order == 'f' ? "fifo"
			: order == 'F' ? "never" : order == 's' ? "net" : "made");
}

/* 200 and more: a result that nobody gives. */
int target_order(int argc, char **argv)
{
	unsigned good = 0;

	CHECK_EQ(argc, 2);
	for (unsigned i = 0; argv[0][i]; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		char byte, text[128];
		struct iovec iov = {text, sizeof(text)};
		struct msghdr message = {.msg_name = &address,
			.msg_namelen = sizeof(address),
			.msg_iov = &iov,
			.msg_iovlen = 1};
		char order = argv[0][i];
		const void *argument = text;
		long rc;

		argument_of(order, argv[1], text, sizeof(text));
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", argv[1]);
		if (order == 'm')
			argument = &message;
		if (order == 'u')
			argument = &address;
		if (order == 'z') { /* when somebody lets us go */
			CHECK(read(0, &byte, 1) >= 0);
			continue;
		}
		if (order == 'v') {
			uid_t r, e, saved;

			CHECK_EQ(getresuid(&r, &e, &saved), 0);
			if (r == 0 || r != e || e != saved)
				return 203;
			continue;
		}
		if (order == 'f') /* its other end */
			CHECK(open(text, O_RDWR | O_CLOEXEC) >= 0);
		if (order == 'p' && unshare(CLONE_NEWUSER | CLONE_NEWUTS))
			continue;
		rc = syscall(SYS_mkdir, argument, (long)order);
		if (rc >= 0 && strchr(NO_RESULT, order))
			return 202;
		if (strchr("ofa", order) && rc >= 0) {
			if (!names((int)rc, strrchr(text, '/')))
				return 200;
			rc = VALUE + order;
		}
		if (rc >= 0 && rc != VALUE + order)
			return 201;
		good |= (rc >= 0) << i;
	}
	return (int)good;
}

/* ---- handlers -------------------------------------------------------------------------- */

static unsigned bit_of(const struct orders *orders, struct sluice_request *req)
{
	const char *at = strchr(orders->all, sluice_arg_int(req, 1));

	return at ? 1u << (at - orders->all) : 0;
}

int give(struct sluice_request *req, const struct orders *orders)
{
	atomic_fetch_or(&news->given, bit_of(orders, req));
	result(sluice_reply(req, VALUE + sluice_arg_int(req, 1)));
	return 0;
}

static int give_in_worker(struct sluice_request *req, void *data)
{
	return give(req, data);
}

static void released(void *data)
{
	(void)data;
}

static int refuse(struct sluice_request *req, int rc)
{
	worked(rc);
	result(sluice_fail(req, rc));
	return 0;
}

static void give_up(struct sluice_request *req, void *data)
{
	(void)data;
	result(sluice_fail(req, ECANCELED));
}

/* Nobody answers before its time is up. */
static int wait_in_vain(struct sluice_request *req)
{
	int rc = sluice_on_cancel(req, give_up, NULL);

	if (!worked(rc))
		return refuse(req, rc);
	rc = sluice_set_timeout(req, 1);
	if (!worked(rc))
		return refuse(req, rc);
	sluice_defer(req);
	return 0;
}

static int read_path(struct sluice_request *req, char *path, size_t size)
{
	return result(sluice_read_string(req, sluice_arg(req, 0), path, size));
}

struct wanted {
	char path[256];
	int fd;
};

static int open_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
	struct wanted *wanted = data;

	wanted->fd = sluice_openat(req, AT_FDCWD, wanted->path, &how);
	return wanted->fd < 0 ? wanted->fd : 0;
}

/* An error, or the descriptor of a file of this name: no number that means something else here. */
static bool is_open(int fd, const char *name)
{
	if (!gave(fd))
		return false;
	CHECK(names(fd, name));
	return true;
}

static void close_it(int fd, const char *name)
{
	if (is_open(fd, name))
		close(fd);
}

/* As the target, or as we are. */
static int open_for(struct sluice_request *req, const struct orders *orders, bool act)
{
	struct wanted wanted = {.fd = -1};
	char last[256];
	int rc = read_path(req, wanted.path, sizeof(wanted.path));

	if (!gave(rc))
		return refuse(req, rc);
	if (sluice_arg_int(req, 1) == 'o')
		close_it(sluice_open_parent(req, AT_FDCWD, wanted.path, last, sizeof(last)), "/");
	rc = act ? sluice_act_as_target(req, open_it, &wanted) : open_it(req, &wanted);
	if (rc != -EREMOTE && rc != -EACCES && worked(rc)) {
		is_open(wanted.fd, strrchr(wanted.path, '/'));
		atomic_fetch_or(&news->given, bit_of(orders, req));
		result(sluice_reply_fd(req, wanted.fd, SLUICE_FD_CLOEXEC));
	}
	if (wanted.fd >= 0)
		close(wanted.fd);
	if (rc)
		result(sluice_fail(req, rc));
	return 0;
}

/* Step by step, through links and up again. */
static int walk(struct sluice_request *req, const struct orders *orders)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC};
	char path[256];
	int rc = read_path(req, path, sizeof(path));

	if (!gave(rc))
		return refuse(req, rc);
	close_it(sluice_openat(req, AT_FDCWD, path, &how), "/net");
	return give(req, orders);
}

static int open_fifo(struct sluice_request *req, const struct orders *orders, bool in_vain)
{
	struct open_how how = {.flags = in_vain ? O_WRONLY : O_RDONLY};
	char path[256];
	int rc = read_path(req, path, sizeof(path));

	if (gave(rc))
		rc = in_vain ? sluice_set_timeout(req, 5) : 0;
	if (!worked(rc))
		return refuse(req, rc);
	if (!in_vain)
		atomic_fetch_or(&news->given, bit_of(orders, req));
	rc = sluice_open_reply(req, AT_FDCWD, path, &how, 0);
	if (rc && !in_vain)
		worked(rc);
	if (rc) /* its time may be up already */
		result(sluice_fail(req, result(rc)));
	return 0;
}

static int identify(struct sluice_request *req, const struct orders *orders)
{
	struct sluice_privileges privileges = {.size = sizeof(privileges)};
	struct sluice_creds creds = {.size = sizeof(creds)};
	char path[4096], own[4096] = "";
	gid_t groups[64];

	CHECK(readlink("/proc/self/fd/2", own, sizeof(own) - 1) > 0); /* the target's, too */
	gave(sluice_tgid(req));
	is_open(sluice_pidfd(req), "pidfd");
	worked(sluice_creds(req, &creds));
	worked(sluice_privileges(req, &privileges));
	gave(sluice_groups(req, groups, 64));
	gave(sluice_exe(req, path, sizeof(path)));
	is_open(sluice_exe_fd(req), strrchr(self_path, '/'));
	is_open(sluice_root_fd(req), "/");
	is_open(sluice_cwd_fd(req), "/");
	is_open(sluice_mem_fd(req), "/mem");
	close_it(sluice_namespace_fd(req, CLONE_NEWNET), "net:[");
	close_it(sluice_path_fd(req, 2), own);
	close_it(sluice_get_fd(req, 2), own);
	CHECK(strcmp(sluice_name(req), MKDIR) == 0 || fired());
	return give(req, orders);
}

static int read_message(struct sluice_request *req, const struct orders *orders)
{
	struct sluice_msghdr message = {.size = sizeof(message)};
	char text[128];
	int rc = sluice_read_msghdr(req, sluice_arg(req, 0), &message);

	if (!worked(rc))
		return refuse(req, rc);
	if (gave(sluice_gather(req, message.iov, message.iov_count, text, sizeof(text))))
		gave(sluice_scatter(req, message.iov, message.iov_count, text, sizeof(text)));
	worked(sluice_write_msg_name(req, &message, &message.name, message.name_length));
	sluice_msghdr_free(&message);
	return give(req, orders);
}

static int name_socket(struct sluice_request *req, const struct orders *orders)
{
	struct sluice_unix_address out = {.size = sizeof(out)};
	struct sockaddr_storage address = {0};
	int rc = result((int)sluice_read(req, sluice_arg(req, 0), &address, sizeof(struct sockaddr_un)));

	if (gave(rc))
		rc = sluice_unix_address(req, &address, sizeof(struct sockaddr_un), true, &out);
	if (!worked(rc))
		return refuse(req, rc);
	if (out.fd >= 0)
		close(out.fd);
	return give(req, orders);
}

int obey(struct sluice_request *req, void *data)
{
	const struct orders *orders = data;
	int rc;

	switch (sluice_arg_int(req, 1)) {
	case 'r':
		return give(req, orders);
	case 'w':
		rc = sluice_work_owned(req, give_in_worker, data, released);
		return worked(rc) ? rc : refuse(req, rc);
	case 'd':
		sluice_defer(req);
		return give(req, orders);
	case 'l':
		return wait_in_vain(req);
	case 'o':
	case 'p': /* of another namespace */
	case 'q': /* ours */
		return open_for(req, orders, false);
	case 'a':
		return open_for(req, orders, true);
	case 's':
		return walk(req, orders);
	case 'f':
		return open_fifo(req, orders, false);
	case 'F':
		return open_fifo(req, orders, true);
	case 'i':
		return identify(req, orders);
	case 'm':
		return read_message(req, orders);
	case 'u':
		return name_socket(req, orders);
	default: /* no verdict */
		return 0;
	}
}
