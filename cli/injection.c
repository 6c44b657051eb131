/* Reading expressions: inject=SET:error=E:when=2+3.
 * SPDX-License-Identifier: MIT */
#include "injection.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/errnos.h"

static int wrong(const struct cli *cli, const struct injection *in, const char *what,
	const char *word)
{
	cli_error(cli, "%s: %s \"%s\"", in->text, what, word);
	return -1;
}

/* ---- sets
 * --------------------------------------------------------------------------------- */

/* strace's names of classes, and the groups that they are. */
static const char *const classes[][2] = {{"file", "file"}, {"desc", "descriptor"},
	{"network", "network"}, {"net", "network"}, {"process", "process"},
	{"signal", "signal"}, {"ipc", "ipc"}, {"memory", "memory"},
	{"creds", "credentials"}, {"clock", "time"}, {NULL, NULL}};

static bool group_of(const char *item, uint64_t *bit)
{
	if (*item == '@')
		return sluice_group(item, bit) == 0;
	for (int i = 0; classes[i][0]; i++)
		if (strcmp(item + 1, classes[i][0]) == 0)
			return sluice_group(classes[i][1], bit) == 0;
	return false;
}

static bool number_of(const char *text, int64_t low, int64_t high, int64_t *out)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(text, &end, 0);
	if (errno || end == text || *end || isspace((unsigned char)*text) || n < low ||
		n > high)
		return false;
	*out = n;
	return true;
}

static bool item_has(const char *item, const struct sluice_call_info *info)
{
	uint64_t bit;
	int64_t nr;

	if (*item == '?')
		item++;
	if (strcmp(item, "all") == 0)
		return true;
	if (*item == '%' || *item == '@')
		return group_of(item, &bit) && info->groups & bit;
	if (number_of(item, 0, INT_MAX, &nr))
		return info->arch == seccomp_arch_native() && info->nr == nr;
	return strcmp(item, info->name) == 0;
}

static bool regex_has(const char *pattern, const char *name)
{
	regex_t regex;
	bool has;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	has = regexec(&regex, name, 0, NULL, 0) == 0;
	regfree(&regex);
	return has;
}

bool injection_has(const struct injection *in, const struct sluice_call_info *info)
{
	bool inverse = *in->set == '!', has = false;
	_cleanup_free_ char *copy = strdup(in->set + inverse);
	char *rest = copy;

	if (copy && *copy == '/')
		return regex_has(copy + 1, info->name) != inverse;
	for (char *item; !has && (item = strsep(&rest, ","));)
		has = item_has(item, info);
	return has != inverse;
}

/* On any ABI. */
static bool is_call(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static int check_item(const struct cli *cli, const struct injection *in, const char *item)
{
	const char *near;
	uint64_t bit;
	int64_t nr;

	if (*item == '?' || strcmp(item, "all") == 0 || number_of(item, 0, INT_MAX, &nr))
		return 0;
	if (*item == '%' || *item == '@')
		return group_of(item, &bit) ? 0
					    : wrong(cli, in, "there is no class", item);
	if (is_call(item))
		return 0;
	near = cli_nearest_call(item, SCMP_ARCH_NATIVE);
	if (!near)
		return wrong(cli, in, "there is no system call", item);
	cli_error(cli, "%s: there is no system call \"%s\" (did you mean \"%s\"?)",
		in->text, item, near);
	return -1;
}

static int check_set(const struct cli *cli, const struct injection *in)
{
	const char *set = in->set + (*in->set == '!');
	_cleanup_free_ char *copy = strdup(set);
	char *rest = copy;
	regex_t regex;

	if (!copy)
		return wrong(cli, in, "no memory for", set);
	if (*set == '/') {
		if (regcomp(&regex, set + 1, REG_EXTENDED | REG_NOSUB))
			return wrong(cli, in, "this is no regular expression:", set + 1);
		regfree(&regex);
		return 0;
	}
	for (char *item; (item = strsep(&rest, ","));)
		if (check_item(cli, in, item))
			return -1;
	return 0;
}

/* ---- what happens
 * -------------------------------------------------------------------------- */

static bool errno_of(const char *text, int *out)
{
	int64_t n;

	*out = sc_errno_number(text);
	if (*out)
		return true;
	if (!number_of(text, 1, 4095, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool signal_of(const char *text, int *out)
{
	char name[32];
	uint64_t value;
	int64_t n;

	snprintf(name, sizeof(name), "%s%s", strncmp(text, "SIG", 3) == 0 ? "" : "SIG",
		text);
	if (sluice_constant_value(SCMP_ARCH_NATIVE, "signal", name, &value) == 0) {
		*out = (int)value;
		return true;
	}
	if (!number_of(text, 1, 64, &n))
		return false;
	*out = (int)n;
	return true;
}

/* "5ms"; without a unit: microseconds. */
static bool delay_of(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"", 1000}, {"us", 1000}, {"ns", 1}, {"ms", 1000000}, {"s", 1000000000}};
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) == 0) {
			*ns = n * units[i].ns;
			return n <= UINT64_C(86400000000000) / units[i].ns; /* a day */
		}
	}
	return false;
}

/* "0.5%" or "25%". */
static bool chance_of(const char *text, uint32_t *out)
{
	char *end;
	double percent;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	percent = strtod(text, &end);
	if (end == text || strcmp(end, "%") != 0 || !(percent > 0 && percent <= 100))
		return false;
	*out = (uint32_t)(percent / 100 * UINT32_MAX);
	return true;
}

/* Digits at *@text, and behind them. */
static bool ordinal(const char **text, uint32_t *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(*text, &end, 10);
	if (errno || !isdigit((unsigned char)**text) || n == 0 || n > INT32_MAX)
		return false;
	*text = end;
	*out = (uint32_t)n;
	return true;
}

/* FIRST[..LAST][+[STEP]] */
static bool when_of(const char *text, struct injection *in)
{
	if (!ordinal(&text, &in->first))
		return false;
	in->last = in->first;
	in->step = 1;
	in->always = false;
	if (strncmp(text, "..", 2) == 0) {
		text += 2;
		if (!ordinal(&text, &in->last) || in->last < in->first)
			return false;
		if (*text == '+' && text[1])
			return text++, ordinal(&text, &in->step) && !*text;
		return !*text || strcmp(text, "+") == 0;
	}
	if (*text != '+')
		return !*text;
	in->last = UINT32_MAX;
	text++;
	return !*text || (ordinal(&text, &in->step) && !*text);
}

bool injection_when(const struct injection *in, uint64_t count)
{
	return count >= in->first && count <= in->last &&
	       (count - in->first) % in->step == 0;
}

/* ---- options
 * --------------------------------------------------------------------------------- */

/* What strace can do and a notification cannot. */
static const char *const impossible[][2] = {
	{"delay_exit", "a notification comes before the call, and nothing after it"},
	{"poke_enter", "what another thread sees of the change would depend on time"},
	{"poke_exit", "a notification comes before the call, and nothing after it"},
	{"syscall", "the kernel runs the call that was made, or none"}, {NULL, NULL}};

static int set_result(const struct cli *cli, struct injection *in, const char *key,
	enum injection_result result, bool good, const char *value)
{
	if (in->result)
		return wrong(cli, in,
			"error= and retval= exclude each other and come once:", key);
	in->result = result;
	return good ? 0 : wrong(cli, in, "this is no value of error= or retval=:", value);
}

static int argument(
	const struct cli *cli, struct injection *in, const char *key, const char *value)
{
	unsigned int i = (unsigned int)(key[3] - '0');
	const char *digits = value + (*value == '-');
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(digits, &end, 0);
	if (errno || *end || !isdigit((unsigned char)*digits))
		return wrong(cli, in, "this is no number:", value);
	in->arguments |= 1u << i;
	in->values[i] = *value == '-' ? -(uint64_t)n : n;
	return 0;
}

static int option(
	const struct cli *cli, struct injection *in, const char *key, const char *value)
{
	if (strcmp(key, "error") == 0)
		return set_result(cli, in, key, INJECTION_ERROR,
			errno_of(value, &in->error), value);
	if (strcmp(key, "retval") == 0)
		return set_result(cli, in, key, INJECTION_VALUE,
			number_of(value, INT64_MIN, INT64_MAX, &in->value), value);
	if (strcmp(key, "signal") == 0)
		return signal_of(value, &in->signal)
			       ? 0
			       : wrong(cli, in, "there is no signal", value);
	if (strcmp(key, "delay_enter") == 0)
		return delay_of(value, &in->delay_ns)
			       ? 0
			       : wrong(cli, in, "this is no time up to a day:", value);
	if (strcmp(key, "when") == 0)
		return when_of(value, in) ? 0
					  : wrong(cli, in,
						    "found when, expected "
						    "FIRST[..LAST][+[STEP]]:",
						    value);
	if (strcmp(key, "prob") == 0)
		return chance_of(value, &in->chance)
			       ? 0
			       : wrong(cli, in, "expected a probability like 25%, found",
					 value);
	if (strcmp(key, "path") == 0) {
		in->path = value;
		return 0;
	}
	if (strncmp(key, "arg", 3) == 0 && key[3] >= '0' && key[3] <= '5' && !key[4])
		return argument(cli, in, key, value);
	for (int i = 0; impossible[i][0]; i++) {
		if (strcmp(key, impossible[i][0]) == 0) {
			cli_error(cli, "%s: %s= cannot be had: %s", in->text, key,
				impossible[i][1]);
			return -1;
		}
	}
	return wrong(cli, in, "there is no option", key);
}

/* The part before the next colon; "\:" is a colon. @*rest: what is behind it, NULL if there
 * is nothing. */
static char *part(char **rest)
{
	char *start = *rest, *in = start, *out = start;

	for (; *in && *in != ':'; *out++ = *in++)
		if (in[0] == '\\' && in[1] == ':')
			in++;
	*rest = *in ? in + 1 : NULL;
	*out = 0;
	return start;
}

static int parse(const struct cli *cli, struct injection *in)
{
	bool fault = strncmp(in->text, "fault=", 6) == 0;
	char *rest = in->copy;

	if (!fault && strncmp(in->text, "inject=", 7) != 0)
		return wrong(
			cli, in, "expected inject=SET:... or fault=SET, found", in->text);
	rest += fault ? 6 : 7;
	in->set = part(&rest);
	if (check_set(cli, in))
		return -1;
	while (rest) {
		char *word = part(&rest);
		char *value = strchr(word, '=');

		if (!value)
			return wrong(cli, in, "expected OPTION=VALUE, found", word);
		*value++ = 0;
		if (option(cli, in, word, value))
			return -1;
	}
	if (fault && !in->result) {
		in->result = INJECTION_ERROR;
		in->error = ENOSYS;
	}
	if (!in->result && !in->signal && !in->delay_ns)
		return wrong(cli, in,
			"nothing is injected: error=, retval=, signal= or "
			"delay_enter= is missing in",
			in->text);
	return 0;
}

int injection_parse(const struct cli *cli, const char *text, struct injection *out)
{
	struct injection in = {.text = text,
		.copy = strdup(text),
		.first = 1,
		.last = UINT32_MAX,
		.step = 1,
		.always = true,
		.chance = UINT32_MAX};

	if (!in.copy) {
		cli_error(cli, "%s", strerror(ENOMEM));
		return -1;
	}
	if (parse(cli, &in)) {
		injection_clear(&in);
		return -1;
	}
	*out = in;
	return 0;
}

void injection_clear(struct injection *injection)
{
	free(injection->copy);
	*injection = (struct injection){0};
}
