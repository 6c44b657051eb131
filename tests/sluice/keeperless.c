/* Somebody killed the keeper, and the supervisor goes on.
 * SPDX-License-Identifier: MIT */
#include "killed.h"

static void kill_keeper(void)
{
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGKILL), 1);
	while (keepers(0))
		usleep(1000);
}

static int say_domain(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_fail(req, EDOM);
}

static struct sluice_supervisor *with_keeper(const char *path)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	o.keeper = true;
	o.keeper_path = path;
	o.grace_ms = 1;
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, say_domain, NULL), 0);
	return sv;
}

/* A listener comes before anybody has noticed that the keeper was killed: there is another one, which
 * has everything once, so that what is removed is closed and what is left is refused. */
static void add_after_kill(bool unread)
{
	struct sluice_supervisor *sv;
	struct box box[6];

	sv = with_keeper(NULL);
	for (int i = 0; i < 6; i++)
		box[i] = new_box();
	CHECK_EQ(sluice_add_listener(sv, box[0].listener, NULL), 0);
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	if (unread) /* so that its end looks another way */
		keepers(SIGSTOP);
	for (int i = 1; i < 3; i++)
		CHECK_EQ(sluice_add_listener(sv, box[i].listener, NULL), 0);
	kill_keeper();
	for (int i = 3; i < 6; i++)
		CHECK_EQ(sluice_add_listener(sv, box[i].listener, NULL), 0);
	while (keepers(0) != 1)
		usleep(1000);
	for (unsigned i = 0; i < 6; i += 3) {
		CHECK_EQ(open_box(&box[i], sv), EDOM);
		CHECK_EQ(sluice_remove_listener(sv, i + 1), 0);
		CHECK_EQ(open_box(&box[i + 1], sv), ENOSYS);
	}
	while (sluice_active(sv) > 2) /* the end of the two that were served */
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(open_box(&box[2], NULL), EXDEV);
	CHECK_EQ(open_box(&box[5], NULL), EXDEV);
	CHECK(no_keeper_left());
}

static void added_after_kill(void)
{
	isolate(); /* other keepers of the machine are not ours to count or kill */
	add_after_kill(false);
	add_after_kill(true);
}

/* There cannot be another one: nothing is added, and what was there is served on. */
static void killed_for_good(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv;
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	char *program[] = {self_path, NULL}, *dir, away[140], path[140];
	struct box box[3];
	int before;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	dir = scratch_dir();
	snprintf(away, sizeof(away), "%s-away", dir);
	snprintf(path, sizeof(path), "%s/door", dir);
	sv = with_keeper(path);
	for (int i = 0; i < 3; i++)
		box[i] = new_box();
	CHECK_EQ(sluice_add_listener(sv, box[0].listener, NULL), 0);
	before = count_fds();
	CHECK_EQ(rename(dir, away), 0);
	kill_keeper();
	CHECK_EQ(sluice_add_listener(sv, box[1].listener, NULL), -EPIPE);
	CHECK(sluice_dispatch(sv, 0) >= 0);
	CHECK_EQ(sluice_add_listener(sv, box[1].listener, NULL), -EPIPE);
	CHECK(sluice_active(sv) == 1 && fcntl(box[1].listener, F_GETFD) >= 0);
	child.error = &error;
	CHECK_EQ(sluice_spawn(sv, f, program, &child), -EPIPE);
	CHECK(strstr(error.message, "keeper"));
	CHECK_EQ(sluice_keeper_pass(sv), -EPIPE);
	CHECK_EQ(settled_fds(before - 1), before - 1); /* without the keeper's socket */
	CHECK_EQ(open_box(&box[0], sv), EDOM);
	CHECK_EQ(rename(away, dir), 0);
	CHECK_EQ(sluice_add_listener(sv, box[1].listener, NULL), 0);
	CHECK_EQ(sluice_add_listener(sv, box[2].listener, NULL), 0);
	CHECK_EQ(open_box(&box[1], sv), EDOM);
	sluice_supervisor_free(sv);
	CHECK_EQ(open_box(&box[2], NULL), EXDEV);
	seccomp_release(f);
	CHECK(no_keeper_left());
}

/* Nor does it matter if the program ends, or wants a pass, before anybody has noticed. */
static void unnoticed(void)
{
	struct sluice_supervisor *sv, *successor;
	struct box box;
	int socket;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	sv = with_keeper(door());
	box = new_box();
	CHECK_EQ(sluice_add_listener(sv, box.listener, NULL), 0);
	kill_keeper();
	pass = sluice_keeper_pass(sv);
	CHECK(pass >= 0);
	socket = sluice_keeper_connect_pass(pass);
	CHECK(socket >= 0);
	close(socket);
	kill_keeper();
	sluice_supervisor_free(sv);
	socket = sluice_keeper_connect_pass(pass);
	CHECK(socket >= 0);
	CHECK_EQ(sluice_take_over(socket, &successor), 0);
	close(socket);
	while ((socket = sluice_keeper_connect_pass(pass)) >= 0)
		close(socket); /* until that keeper has left, too */
	CHECK_EQ(socket, -EPIPE);
	kill_keeper();
	sluice_supervisor_free(successor);
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	CHECK(no_keeper_left());
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"a listener comes", added_after_kill},
	{"there cannot be another one", killed_for_good},
	{"the end or a pass before anybody notices", unnoticed},
	{NULL, NULL}};
