/* Calls that the user at the terminal decides.
 * SPDX-License-Identifier: MIT
 *
 * The answer is about what was shown. A call whose arguments are registers cannot change after it was shown, so
 * the kernel may run it. The address of connect(2) is in memory: the supervisor shows its own copy, and
 * connects to that. Other calls with arguments in memory are refused at start, because another thread of the
 * program could change them between answer and call.
 *
 * No answer is no: without a terminal, in the background, after the time is up, and if the program reads the
 * answer away. What was typed before the question is thrown away. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "live.h"
#include "policy.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define SECONDS	 30
#define LOOK_MS	 200
#define TEXT_MAX 512

/* ---- what can be asked about --------------------------------------------------------
 */

const char *policy_unaskable(const char *call)
{
	static const enum sluice_arg_type plain[] = {SLUICE_ARG_NUMBER, SLUICE_ARG_FD,
		SLUICE_ARG_FLAGS, SLUICE_ARG_VALUE, SLUICE_ARG_MODE, SLUICE_ARG_DEVICE,
		SLUICE_ARG_PID, SLUICE_ARG_UID, SLUICE_ARG_GID, SLUICE_ARG_SIGNAL,
		SLUICE_ARG_SIZE, SLUICE_ARG_OFFSET, SLUICE_ARG_OUT,
		SLUICE_ARG_SOCKADDR_OUT, SLUICE_ARG_UNUSED};
	struct sluice_call_info info = {.size = sizeof(info)};

	/* The supervisor makes it. */
	if (strcmp(call, "connect") == 0)
		return NULL;
	if (sluice_call_info(SCMP_ARCH_NATIVE, call, &info) || !info.has_prototype)
		return "nobody knows its arguments";
	for (unsigned int i = 0; i < info.n_args; i++) {
		bool found = false;

		for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++)
			found = found || info.args[i].type == plain[k];
		if (!found)
			return "an argument is in memory, where another thread can change it "
			       "after the answer";
	}
	return NULL;
}

/* ---- the terminal -------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct asked {
	int tty;
	struct sluice_request *req;
	int64_t until;
	struct termios own;
};

/* Whole lines with an echo, whatever the program made of the terminal. A terminal answers requests that the program
 * writes (for its title, say) as if the user typed the answer. It cannot have the end of a line in it, but the
 * program could let another byte become one, or remove the rest of the line. */
static void set_plain(struct termios *t)
{
	const cc_t erase = t->c_cc[VERASE] == 8 ? 8 : 127;

	t->c_iflag = ICRNL | (t->c_iflag & IUTF8);
	t->c_lflag = ICANON | ECHO | ECHOE | ECHOK | ISIG;
	memset(t->c_cc, _POSIX_VDISABLE, sizeof(t->c_cc));
	t->c_cc[VINTR] = 3;
	t->c_cc[VQUIT] = 28;
	t->c_cc[VSUSP] = 26;
	t->c_cc[VEOF] = 4;
	t->c_cc[VKILL] = 21;
	t->c_cc[VERASE] = erase;
}

static bool still_plain(const struct asked *a)
{
	struct termios now;

	return tcgetattr(a->tty, &now) == 0 && now.c_iflag == a->own.c_iflag &&
	       now.c_lflag == a->own.c_lflag &&
	       memcmp(now.c_cc, a->own.c_cc, sizeof(now.c_cc)) == 0;
}

/* A line without its end; 0: there is none (in time). The request may end meanwhile, the user interrupts the program,
 * or this changes the terminal. */
static size_t read_line(const struct asked *a, char *line, size_t size)
{
	int interrupts = cli_live_interrupts();
	size_t n = 0;

	while (now_ms() < a->until && sluice_alive(a->req) == 0 && still_plain(a) &&
		cli_live_interrupts() == interrupts) {
		struct pollfd p = {.fd = a->tty, .events = POLLIN};
		char c;

		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		if (read(a->tty, &c, 1) != 1)
			break; /* the end, or in the background */
		if (c == '\n' || c == '\r') {
			line[n < size ? n : size - 1] = 0;
			return still_plain(a) ? n : 0;
		}
		if (n < size)
			line[n] = c;
		n++;
	}
	return 0;
}

enum answer {
	NO,
	YES,
	ALWAYS,
	NEVER
};

static enum answer ask_on(struct asked *a, const char *question, int64_t seconds)
{
	static const struct {
		const char *word;
		enum answer answer;
	} words[] = {{"y", YES}, {"yes", YES}, {"n", NO},
		{"no", NO}, {"always", ALWAYS}, {"never", NEVER}};
	char line[16];

	a->until = now_ms() + seconds * 1000;
	dprintf(a->tty, "\r%s\r\n", question);
	for (;;) {
		size_t n;

		dprintf(a->tty, "sluice: allow it? y, n, always or never (n after %" PRId64 " s): ",
			seconds);
		n = read_line(a, line, sizeof(line));
		for (size_t i = 0; n && i < sizeof(words) / sizeof(words[0]); i++)
			if (n < sizeof(line) && strcmp(line, words[i].word) == 0)
				return words[i].answer;
		if (!n) {
			dprintf(a->tty, "\r\nsluice: no\r\n");
			return NO;
		}
	}
}

static enum answer on_terminal(
	struct sluice_request *req, const char *question, int64_t seconds)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct asked asked = {.tty = tty, .req = req};
	enum answer answer = NO;
	sigset_t stops, before;
	struct termios old;

	if (tty < 0 || tcgetpgrp(tty) != getpgrp() || tcgetattr(tty, &old))
		return NO;
	asked.own = old;
	set_plain(&asked.own);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTTIN);
	sigaddset(&stops, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &stops, &before);
	if (tcsetattr(tty, TCSAFLUSH, &asked.own) == 0) {
		answer = ask_on(&asked, question, seconds);
		tcsetattr(tty, TCSANOW, &old);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return answer;
}

/* ---- answers ------------------------------------------------------------------------
 */

/* What was answered with always or never. Forgotten if there is no memory for it: it is asked again. */
static void remember(struct policy *p, const char *text, bool allow)
{
	struct policy_answered *new;

	if (sc_reserve(p->answered, p->cap_answered, p->n_answered, 1) < 0)
		return;
	new = &p->answered[p->n_answered];
	new->text = strdup(text);
	new->allow = allow;
	p->n_answered += new->text != NULL;
}

static bool decide(struct policy *p, struct sluice_request *req, const char *text)
{
	char exe[128], question[TEXT_MAX + 256];
	enum answer answer;

	for (uint32_t i = 0; i < p->n_answered; i++)
		if (strcmp(p->answered[i].text, text) == 0)
			return p->answered[i].allow;
	if (sluice_exe(req, exe, sizeof(exe)) < 0)
		snprintf(exe, sizeof(exe), "?");
	snprintf(question, sizeof(question), "sluice: process %d (%s) wants: %s",
		(int)sluice_tid(req), exe, text);
	cli_printable_line(question);
	answer = on_terminal(req, question, p->ask_seconds ? (int64_t)p->ask_seconds : SECONDS);
	if (answer == ALWAYS || answer == NEVER)
		remember(p, text, answer == ALWAYS);
	return answer == YES || answer == ALWAYS;
}

/* One question at a time. */
static bool ask(struct policy *p, struct sluice_request *req, const char *text)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	bool allow;

	pthread_mutex_lock(&lock);
	allow = sluice_alive(req) == 0 && decide(p, req, text);
	pthread_mutex_unlock(&lock);
	return allow;
}

bool policy_ask_connect(
	struct policy *p, struct sluice_request *req, const struct sockaddr_storage *address)
{
	char host[INET6_ADDRSTRLEN] = "?", scope[16] = "", text[96];
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;

	if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		if (in6->sin6_scope_id)
			snprintf(scope, sizeof(scope), "%%%" PRIu32, in6->sin6_scope_id);
		snprintf(text, sizeof(text), "connect to [%s%s]:%u", host, scope,
			ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "connect to %s:%u", host,
			ntohs(in->sin_port));
	}
	return ask(p, req, text);
}

static int ask_for_it(struct sluice_request *req, void *data)
{
	char text[TEXT_MAX];
	uint64_t args[6];
	ssize_t n;

	for (unsigned int i = 0; i < 6; i++)
		args[i] = sluice_arg(req, i);
	/* Without memory: pointers are shown as numbers. */
	n = sluice_decode_call(sluice_arch(req), sluice_nr(req), args, NULL, NULL, text,
		sizeof(text));
	if (n < 0 || n >= (ssize_t)sizeof(text) || !ask(data, req, text))
		return policy_verdict(data, req, -EPERM);
	return policy_let(data, req);
}

int policy_on_asked(struct sluice_request *req, void *data)
{
	return sluice_work(req, ask_for_it, data);
}
