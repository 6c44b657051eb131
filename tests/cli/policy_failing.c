/* Each allocation fails once in what "sluice run" does with a policy before the program starts: reading, planning, the
 * filter, the ruleset of Landlock, the handlers. The answer is an error or the filter that it always is, what is hidden
 * stays hidden, and nothing leaks.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/fail.h"
#include "policy/landlock.h"
#include "policy/policy.h"

extern const struct cli_command cli_cmd_run;

static const char text[] =
	"{\"sluice\": {\n"
	"\"files\": {\"read\": [\"%1$s\"], \"write\": [\"%1$s/w\"], \"hide\": [\"%1$s/r/secret\"], \"unix\": [\"%1$s/socket\"]},\n"
	"\"network\": {\"connect\": [\"127.0.0.0/8:443\", \"[::1]:*\"], \"bind\": [8080]},\n"
	"\"calls\": {\"allow\": [\"mkdir\"], \"deny\": [\"@clock\"], \"log\": [\"rmdir\"], \"limit\": [\"fork,clone=3/m\"],\n"
	"\"ask\": [\"kill\"], \"errno\": \"EACCES\"}}}";

static char top[] = "/tmp/sluice-policy-failing-XXXXXX", file[64], hidden[64];
static struct cli cli = {.command = &cli_cmd_run};

struct made {
	struct policy policy;
	struct policy_plan plan;
	struct sock_fprog filter;
	int ruleset;
};

static int make(struct made *m)
{
	struct sluice_supervisor *supervisor = NULL;
	int rc = policy_read(&m->policy, file);

	rc = rc ? rc : policy_add_path(&m->policy, POLICY_READ, "/usr", "--ro");
	rc = rc ? rc : policy_add_connect(&m->policy, "10.1.2.3:80", "--connect");
	rc = rc ? rc : policy_add_call(&m->policy, POLICY_DENY, "chroot", "--deny");
	rc = rc ? rc : policy_make_plan(&m->policy, false, &m->plan);
	rc = rc ? rc : policy_filter(&m->policy, &m->plan, &m->filter);
	rc = rc ? rc : policy_ruleset(&m->policy, &m->plan, &m->ruleset);
	if (!rc && (sluice_supervisor_new(NULL, &supervisor) ||
			   policy_answer(&m->policy, &m->plan, supervisor)))
		rc = CLI_TROUBLE;
	sluice_supervisor_free(supervisor);
	return rc;
}

static void clear(struct made *m)
{
	policy_clear(&m->policy);
	free(m->filter.filter);
	if (m->ruleset >= 0)
		close(m->ruleset);
}

static bool same_filter(const struct made *a, const struct made *b)
{
	return a->filter.len == b->filter.len &&
	       memcmp(a->filter.filter, b->filter.filter,
		       a->filter.len * sizeof(*a->filter.filter)) == 0;
}

/* Whether the ruleset lets nobody read what is hidden. */
static bool hides(const struct made *m)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || landlock_restrict_self(m->ruleset, 0))
			_exit(2);
		_exit(open(hidden, O_RDONLY | O_CLOEXEC) >= 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool once(unsigned int nth, const struct made *usual, bool *failed)
{
	struct made m = {.policy.cli = &cli, .ruleset = -1};
	long before = fail_alive();
	const char *wrong = NULL;
	int rc;

	fail_at(nth);
	rc = make(&m);
	*failed = fail_end();
	if (rc && (!*failed || rc != CLI_TROUBLE))
		wrong = "another error";
	else if (!rc && !same_filter(&m, usual))
		wrong = "another filter";
	else if (!rc && *failed && !hides(&m))
		wrong = "what is hidden can be read";
	clear(&m);
	if (!wrong && fail_alive() > before)
		wrong = "blocks are left";
	if (wrong)
		printf("# allocation %u: %d: %s, %ld blocks\n", nth, rc, wrong, fail_alive() - before);
	return !wrong;
}

static int prepare(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = -1;
	char command[256];
	FILE *f;

	if (!mkdtemp(top) || !freopen("/dev/null", "we", stderr))
		abort();
	snprintf(file, sizeof(file), "%s/policy.json", top);
	snprintf(hidden, sizeof(hidden), "%s/r/secret", top);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/socket", top);
	snprintf(command, sizeof(command), "cd %s && mkdir -p w r && echo a > r/secret && echo a > r/x", top);
	f = fopen(file, "we");
	if (f && system(command) == 0 && fprintf(f, text, top) > 0 && fclose(f) == 0)
		rc = bind(fd, (struct sockaddr *)&un, sizeof(un));
	close(fd);
	return rc;
}

int main(void)
{
	struct made usual = {.policy.cli = &cli, .ruleset = -1};
	bool good = true, failed = true;
	unsigned int nth = 0;
	char remove[64];

	if (prepare())
		abort();
	if (landlock_abi() < 6 || make(&usual) || !hides(&usual)) {
		printf("1..1\nok 1 - policies # SKIP no Landlock or no supervisor here\n");
		return 0;
	}
	/* The first message, and the first time without a failure: libc keeps some blocks. */
	cli_error(&cli, "nothing");
	while (failed || nth < 2)
		good = once(nth++, &usual, &failed) && good;
	good = good && nth > 100;
	printf("# %u allocations\n%s 1 - each allocation of a policy fails once\n1..1\n", nth,
		good ? "ok" : "not ok");
	clear(&usual);
	snprintf(remove, sizeof(remove), "rm -rf %s", top);
	return system(remove) || !good;
}
