/* See seen.h.
 * SPDX-License-Identifier: MIT */
#include "seen.h"

char path[128];

static int look(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	struct seen *seen = data;

	(void)sv;
	(void)c;
	seen->calls++;
	return seen->rc;
}

static int allow(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

struct sluice_supervisor *serve(struct seen *seen, bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EXDEV;
	o.keeper = keeper;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, look, seen), 0);
	return sv;
}

void finish(struct sluice_supervisor *sv, struct seen *seen)
{
	struct box honest = new_box();
	int calls = seen->calls, rc = seen->rc;

	seen->rc = 0;
	offer_box(path, &honest);
	CHECK_EQ(open_box(&honest, sv), 0);
	CHECK_EQ(seen->calls, calls + 1);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 20) >= 0);
	sluice_supervisor_free(sv);
	seen->rc = rc;
}
