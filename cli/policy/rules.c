/* The filter of a policy, written as ordered rules.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/kd.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <sluice-filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "filter.h"
#include "policy.h"
#include "util/cleanup.h"

/* Calls that a program under a policy does not get: with them it could leave the policy,
 * or hold the supervisor up. */
static const struct {
	const char *name, *why;
	int errnum; /* 0: the policy's */
} closed[] = {
	{"io_uring_setup", "its operations pass no filter", ENOSYS},
	{"io_uring_enter", "its operations pass no filter", ENOSYS},
	{"io_uring_register", "its operations pass no filter", ENOSYS},
	{"mount", "what is mounted has other paths", 0},
	{"umount2", "what is mounted has other paths", 0},
	{"umount", "what is mounted has other paths", 0},
	{"pivot_root", "what is mounted has other paths", 0},
	{"move_mount", "what is mounted has other paths", 0},
	{"open_tree", "what is mounted has other paths", 0},
	{"open_tree_attr", "what is mounted has other paths", 0},
	{"fsopen", "what is mounted has other paths", 0},
	{"fspick", "what is mounted has other paths", 0},
	{"fsmount", "what is mounted has other paths", 0},
	{"mount_setattr", "what is mounted has other paths", 0},
	{"setns", "other namespaces have other networks and other paths", 0},
	{"open_by_handle_at", "it opens files without a path", 0},
	{"userfaultfd", "it can hold up who reads the program's memory", 0},
	{"bpf", "it can change the kernel", 0},
	{"init_module", "it can change the kernel", 0},
	{"finit_module", "it can change the kernel", 0},
	{"delete_module", "it can change the kernel", 0},
	{"kexec_load", "it can change the kernel", 0},
	{"kexec_file_load", "it can change the kernel", 0},
	{"iopl", "it can change the kernel", 0},
	{"ioperm", "it can change the kernel", 0},
	{"perf_event_open", "it looks into other processes", 0},
	{"add_key", "keys of other processes can be reached", 0},
	{"request_key", "keys of other processes can be reached", 0},
	{"keyctl", "keys of other processes can be reached", 0},
	{"setxattrat", "it changes files without a right to write", ENOSYS},
	{"removexattrat", "it changes files without a right to write", ENOSYS},
	{"file_setattr", "it changes files without a right to write", ENOSYS},
};
#define CLOSED (sizeof(closed) / sizeof(closed[0]))

/* Change a file's attributes; Landlock has no right for them. */
static const char *const metadata[] = {"chmod", "fchmod", "fchmodat", "fchmodat2",
	"chown", "lchown", "fchown", "fchownat", "utime", "utimes", "futimesat",
	"utimensat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
	"fremovexattr"};
#define METADATA (sizeof(metadata) / sizeof(metadata[0]))

static const char *const judged[] = {"socket", "socketpair", "connect", "bind", "listen",
	"sendto", "sendmsg", "sendmmsg", "setsockopt", "ioctl", "prlimit64"};

static const char *always_closed(const char *call)
{
	uint64_t bit;

	if (sluice_group(call, &bit) == 0)
		return "name the calls of a group one by one";
	for (size_t i = 0; i < CLOSED; i++)
		if (strcmp(call, closed[i].name) == 0)
			return closed[i].why;
	return NULL;
}

const char *policy_unlimited(const char *call)
{
	static const char *const needed[] = {
		"exit", "exit_group", "rt_sigreturn", "sigreturn", "restart_syscall"};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(call, needed[i]) == 0)
			return "programs do not expect that it fails";
	return always_closed(call);
}

const char *policy_unasked(const char *call)
{
	const char *why = policy_unlimited(call);

	if (!why)
		why = policy_unaskable(call);
	if (!why && strcmp(call, "connect") != 0 && strcmp(call, "socket") != 0)
		why = policy_closed(call);
	return why;
}

const char *policy_closed(const char *call)
{
	const char *why = always_closed(call);

	if (why)
		return why;
	for (size_t i = 0; i < METADATA; i++)
		if (strcmp(call, metadata[i]) == 0)
			return "it changes files, and is judged by --rw";
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		if (strcmp(call, judged[i]) == 0)
			return "it is judged by its arguments";
	return NULL;
}

/* What root gets from the kernel, and what changes nothing if the supervisor's user makes it: 0. */
static const char *const faked[] = {"getuid", "geteuid", "getgid", "getegid", "setuid",
	"setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
	"setfsgid", "setgroups", "chown", "lchown", "fchown", "fchownat"};

bool policy_faked(const char *call)
{
	for (size_t i = 0; i < sizeof(faked) / sizeof(faked[0]); i++)
		if (strcmp(faked[i], call) == 0)
			return true;
	return false;
}

static bool exists(const char *name)
{
	int nr;

	return sluice_call_nr(SCMP_ARCH_NATIVE, name, &nr) == 0 && nr >= 0;
}

/* What was said of calls: allow first, then log, then deny, whatever their order. */
static bool put_calls(const struct policy *p, FILE *out, int errnum)
{
	bool denies = false;

	for (int v = POLICY_ALLOW; v <= POLICY_LOG; v++) {
		static const enum policy_verdict order[] = {
			POLICY_ALLOW, POLICY_LOG, POLICY_DENY};

		for (uint32_t i = 0; i < p->n_calls; i++) {
			if (p->calls[i].verdict != order[v])
				continue;
			denies = denies || order[v] == POLICY_DENY;
			if (order[v] == POLICY_DENY)
				fprintf(out, "ERRNO(%d) %s\n", errnum, p->calls[i].name);
			else
				fprintf(out, "%s %s\n",
					order[v] == POLICY_LOG ? "LOG" : "ALLOW",
					p->calls[i].name);
		}
	}
	return denies;
}

/* Within the bounds that the rules before set. */
static void put_notified(const struct policy *p, FILE *out)
{
	for (uint32_t i = 0; i < p->n_calls; i++)
		if (p->calls[i].verdict == POLICY_LIMIT || p->calls[i].verdict == POLICY_ASK)
			fprintf(out, "NOTIFY %s\n", p->calls[i].name);
}

/* What leads elsewhere than the address says: a route that the sender chooses; from 64 on tables of the packet
 * filter, of multicast and of virtual servers, and for IPv6, whose own options go further, those from 200 on; and
 * TCP_ULP, which makes another socket of one of TCP. Interfaces and routes are root's to set, by numbers of
 * include/uapi/linux/sockios.h; what only reads them is allowed. */
static void put_routes(FILE *out, int e)
{
	fprintf(out, "ERRNO(%d) setsockopt if a1:32 == 0 and a2:32 == 4\n", e);
	fprintf(out, "ERRNO(%d) setsockopt if a1:32 == 0 and a2:32 in 64..0xffffffff\n", e);
	fprintf(out,
		"ERRNO(%d) setsockopt if a1:32 == 41 and a2:32 in { 5, 6, 57, 64, 65 }\n",
		e);
	fprintf(out, "ERRNO(%d) setsockopt if a1:32 == 41 and a2:32 in 200..0xffffffff\n", e);
	fprintf(out, "ERRNO(%d) setsockopt if a1:32 == 6 and a2:32 == 31\n", e);
	fprintf(out,
		"ERRNO(%d) ioctl if a1:32 in 0x8908..0x89ff and not a1:32 in { 0x8910, 0x8912, "
		"0x8913, 0x8915, 0x8917, 0x8919, 0x891b, 0x891d, 0x8921, 0x8927, 0x8933, 0x8935, "
		"0x8938, 0x8942, 0x8946, 0x8947, 0x894b, 0x8970 }\n",
		e);
}

/* Which sockets there are. Only streams: datagrams name an address in each message, which
 * no filter sees. Other protocols than TCP pass Landlock by. */
static void put_sockets(
	const struct policy *p, const struct policy_plan *plan, FILE *out, int e)
{
	fprintf(out, "ERRNO(%d) socketpair if not a0:32 == 1\n", e);
	fprintf(out,
		"ERRNO(%d) socketpair if not a1:32 & 0xf == 1 and not a1:32 & 0xf == 5\n",
		e);
	if (!plan->sockets)
		fprintf(out, "ERRNO(%d) socket if a0:32 == 1\n", e);
	else
		fprintf(out,
			"ERRNO(%d) socket if a0:32 == 1 and not a1:32 & 0xf == 1 and not "
			"a1:32 & 0xf == 5\n",
			e);
	if (!p->network)
		return;
	if (!plan->ask_connect && !p->n_peers && !p->n_ports)
		fprintf(out, "ERRNO(%d) socket if not a0:32 == 1\n", e);
	fprintf(out, "ERRNO(%d) socket if not a0:32 in { 1, 2, 10 }\n", e);
	fprintf(out, "ERRNO(%d) socket if a0:32 in { 2, 10 } and not a1:32 & 0xf == 1\n",
		e);
	fprintf(out, "ERRNO(%d) socket if a0:32 in { 2, 10 } and not a2:32 in { 0, 6 }\n",
		e);
	/* TCP fast open connects without connect(2). */
	fprintf(out, "ERRNO(%d) sendto if a3:32 any 0x20000000\n", e);
	fprintf(out, "ERRNO(%d) sendto if not a4:64 == 0\n", e);
	fprintf(out, "ERRNO(%d) sendmsg if a2:32 any 0x20000000\n", e);
	fprintf(out, "ERRNO(%d) sendmmsg if a3:32 any 0x20000000\n", e);
	put_routes(out, e);
	if (!plan->sockets && !p->n_peers && !plan->ask_connect)
		fprintf(out, "ERRNO(%d) connect\n", e);
	if (!plan->listen && !p->n_ports)
		fprintf(out, "ERRNO(%d) listen\n", e);
}

static void put_grants(const struct policy *p, FILE *out)
{
	for (size_t i = 0; p->fake_root && i < sizeof(faked) / sizeof(faked[0]); i++)
		fprintf(out, "ERRNO(0) %s\n", faked[i]);
	if (p->fake_root)
		fputs("NOTIFY getresuid\nNOTIFY getresgid\n", out);
	/* Other files than devices the kernel makes, where Landlock lets it. */
	if (p->nodes && exists("mknod"))
		fputs("NOTIFY mknod if a1:32 & 0xf000 == 0x2000\n", out);
	if (p->nodes)
		fputs("NOTIFY mknodat if a2:32 & 0xf000 == 0x2000\n", out);
	if (p->mounts)
		fputs("NOTIFY mount\n", out);
}

/* File systems change attributes, make and remove subvolumes, open files by handle and more through descriptors
 * that were opened to read, and Landlock does not look at it. Of their classes of numbers ('f', 'X' and btrfs'
 * 0x94) only those are left that read, or that ask for a descriptor to write. */
static void put_file_ioctls(FILE *out, int e)
{
	fprintf(out, "ERRNO(%d) ioctl if a1:32 & 0xff00 == 0x6600 and not a1:32 in { %u, %u }\n", e,
		(unsigned)FS_IOC_GETFLAGS, (unsigned)FS_IOC_FIEMAP);
	fprintf(out, "ERRNO(%d) ioctl if a1:32 & 0xff00 == 0x5800 and not a1:32 == %u\n", e,
		(unsigned)FS_IOC_FSGETXATTR);
	fprintf(out,
		"ERRNO(%d) ioctl if a1:32 & 0xff00 == 0x9400 and not a1:32 in { %u, %u, %u }\n", e,
		(unsigned)FICLONE, (unsigned)FICLONERANGE, (unsigned)FIDEDUPERANGE);
	fprintf(out, "ERRNO(%d) ioctl if a1:32 == %u\n", e, (unsigned)FS_IOC_SETVERSION);
}

static void put(const struct policy *p, const struct policy_plan *plan, FILE *out)
{
	int e = p->errnum ? p->errnum : EPERM;
	const struct cli_arch *arch;
	bool denies;

	/* Never NULL: it is this machine's. */
	if (cli_arch(p->cli, NULL, &arch))
		return;
	fprintf(out, "default ALLOW\nbadarch KILL_PROCESS\narch %s\n", arch->name);
	denies = put_calls(p, out, e);
	put_grants(p, out);
	/* What a filter refuses io_uring does, too. */
	for (size_t i = 0; i < CLOSED && (plan->any || denies); i++)
		if (exists(closed[i].name) &&
			(plan->any || strncmp(closed[i].name, "io_uring", 8) == 0))
			fprintf(out, "ERRNO(%d) %s\n",
				closed[i].errnum ? closed[i].errnum : e, closed[i].name);
	if (!plan->any)
		return;
	/* Characters for the terminal's reader: now, or when the user presses a key. */
	fprintf(out, "ERRNO(%d) ioctl if a1:32 in { %u, %u, %u, %u }\n", e, (unsigned)TIOCSTI,
		(unsigned)TIOCLINUX, (unsigned)KDSKBENT, (unsigned)KDSKBSENT);
	/* What userfaultfd(2) does, by its device (USERFAULTFD_IOC_NEW). */
	fprintf(out, "ERRNO(%d) ioctl if a1:32 == 0xaa00\n", e);
	/* Without descriptors the supervisor cannot do its work. */
	if (exists("prlimit64"))
		fprintf(out, "ERRNO(%d) prlimit64 if not a0:32 == 0 and not a2:64 == 0\n", e);
	if (plan->files)
		put_file_ioctls(out, e);
	put_sockets(p, plan, out, e);
	/* What needs no rights, and can be connected: policy_on_socket() has the same. */
	if (plan->made)
		fputs("NOTIFY socket if a0:32 == 1\n"
		      "NOTIFY socket if a0:32 in { 2, 10 } and a1:32 & 0xf == 1\n"
		      "NOTIFY socket if a0:32 in { 2, 10 } and a1:32 & 0xf == 2 and a2:32 in "
		      "{ 0, 17 }\n",
			out);
	if (plan->connect)
		fputs("NOTIFY connect\n", out);
	if (plan->listen)
		fputs("NOTIFY listen\n", out);
	for (size_t i = 0; plan->files && i < METADATA; i++) {
		if (!exists(metadata[i]))
			continue;
		if (plan->metadata)
			fprintf(out, "NOTIFY %s exact\n", metadata[i]);
		else
			fprintf(out, "ERRNO(%d) %s exact\n", e, metadata[i]);
	}
	put_notified(p, out);
}

int policy_filter(
	const struct policy *p, const struct policy_plan *plan, struct sock_fprog *filter)
{
	struct sluice_filter *f = NULL;
	_cleanup_free_ char *text = NULL;
	struct sluice_error error = {0};
	struct sock_filter *insns;
	size_t size, count;
	FILE *out;
	int rc;

	if (!plan->any && !p->n_calls && !p->n_grants)
		return 0;
	out = open_memstream(&text, &size);
	if (!out)
		return cli_error(p->cli, "%s", strerror(errno));
	put(p, plan, out);
	if (fclose(out))
		return cli_error(p->cli, "%s", strerror(errno));
	rc = sluice_filter_parse(text, size, "policy", &f, &error);
	if (!rc)
		rc = sluice_filter_compile(f, &insns, &count, &error);
	sluice_filter_free(f);
	if (rc)
		return cli_error(p->cli, "the policy gives no filter: %s: %s",
			error.where, *error.message ? error.message : strerror(-rc));
	*filter = (struct sock_fprog){(unsigned short)count, insns};
	return 0;
}
