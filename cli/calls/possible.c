/* What programs can call.
 * SPDX-License-Identifier: MIT */
#include "possible.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "calls/program.h"
#include "util/cleanup.h"

_Static_assert(POSSIBLE_MAX == CALLS_NUMBERS, "the numbers of calls");

struct search {
	struct calls_program program;
	char *cache;
};

static void clear(struct search *s)
{
	calls_program_clear(&s->program);
	free(s->cache);
}

static void progress(void *data, uint32_t done, uint32_t total)
{
	cli_progress(data, done, total, "reading functions");
}

bool possible_known(void)
{
	return true;
}

void possible_add(struct cli *cli, const char *path, struct possible *p)
{
	_cleanup_(clear) struct search s = {0};
	int rc;

	s.cache = calls_cache_directory();
	s.program.options = (struct calls_options){.cache = s.cache,
		.progress = progress,
		.progress_data = cli};
	rc = calls_program_add(&s.program, path);
	if (!rc && calls_program_reach(&s.program)) {
		rc = -ENOMEM;
		snprintf(s.program.message, sizeof(s.program.message), "%s", strerror(ENOMEM));
	}
	cli_progress_end(cli);
	if (rc) {
		cli_warn(cli, "%s: %s", s.program.file ? s.program.file : path,
			s.program.message);
		p->more = true;
		return;
	}
	for (unsigned int i = 0; i < POSSIBLE_MAX; i++)
		if (s.program.made[i] && !p->by[i])
			p->by[i] = path;
	p->more = p->more || s.program.n_unresolved || s.program.n_loading || s.program.made_32;
}
