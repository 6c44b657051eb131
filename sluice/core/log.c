/* Counters and the JSON line of a decision.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <stdio.h>
#include <time.h>

#define relaxed(counter) atomic_load_explicit(&(counter), memory_order_relaxed)

/* Under the lock. */
void sc_core_count_latency(struct counters *c, uint64_t ns)
{
	unsigned bucket = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	sc_core_count(&c->latency[bucket < 39 ? bucket : 39], 1);
	sc_core_count(&c->latency_sum, ns);
	if (ns > relaxed(c->latency_max))
		atomic_store_explicit(&c->latency_max, ns, memory_order_relaxed);
}

static const char *outcome(int verdict, int rc)
{
	static const char *const names[] = {"reply", "fail", "continue", "descriptor"};

	return rc == -ENOENT ? "gone" : rc ? "error" : names[verdict];
}

/* Nothing in the line comes from the target but numbers; names are libseccomp's. */
static void write_line(struct sluice_request *req, const struct ending *e, uint64_t ns,
	sluice_log log, void *data)
{
	const struct seccomp_data *d = &req->notif.data;
	/* Not sluice_name(): that is the holder's, and this may be the clock. */
	_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(sluice_arch(req), d->nr);
	const struct unpacked *unpacked =
		atomic_load_explicit(&req->unpacked, memory_order_acquire);
	const char *said = unpacked ? unpacked->name : name ? name : "?";
	struct timespec t;
	char line[768];
	int n;

	clock_gettime(CLOCK_REALTIME, &t);
	n = snprintf(line, sizeof(line),
		"{\"time\":%lld.%06ld,\"listener\":%u,\"id\":\"%016llx\",\"tid\":%u,"
		"\"arch\":\"0x%08x\",\"nr\":%d,\"syscall\":\"%s\",\"args\":[\"0x%llx\","
		"\"0x%llx\",\"0x%llx\",\"0x%llx\",\"0x%llx\",\"0x%llx\"],\"verdict\":\"%s\","
		"\"%s\":%lld,\"latency_us\":%llu.%03llu,\"replayed\":%s%s%s%s}",
		(long long)t.tv_sec, t.tv_nsec / 1000, req->listener->id,
		(unsigned long long)req->notif.id, req->notif.pid, sluice_arch(req), d->nr,
		said, (unsigned long long)sluice_arg(req, 0),
		(unsigned long long)sluice_arg(req, 1), (unsigned long long)sluice_arg(req, 2),
		(unsigned long long)sluice_arg(req, 3), (unsigned long long)sluice_arg(req, 4),
		(unsigned long long)sluice_arg(req, 5), outcome(e->verdict, e->rc),
		e->verdict == V_FAIL ? "errno" : "value",
		(long long)(e->verdict == V_FAIL ? -e->value : e->value),
		(unsigned long long)ns / 1000, (unsigned long long)ns % 1000,
		req->replayed ? "true" : "false", e->why ? ",\"why\":\"" : "",
		e->why ? e->why : "", e->why ? "\"" : "");
	if (n > 0 && (size_t)n < sizeof(line))
		log(line, (size_t)n, data);
}

void sc_core_log(struct sluice_request *req, const struct ending *e, uint64_t ns)
{
	struct sluice_supervisor *sv = req->sv;
	sluice_log log;
	void *data;

	pthread_mutex_lock(&sv->lock);
	log = relaxed(sv->log);
	data = sv->log_data;
	pthread_mutex_unlock(&sv->lock);
	if (log)
		write_line(req, e, ns, log, data);
}

int sluice_statistics(struct sluice_supervisor *supervisor, struct sluice_statistics *out)
{
	struct counters *c = &supervisor->count;
	struct sluice_statistics s = {.size = out->size};

	/* First: what is no longer pending has been counted. */
	pthread_mutex_lock(&supervisor->lock);
	s.pending = sc_core_pending(supervisor);
	pthread_mutex_unlock(&supervisor->lock);
	s.received = relaxed(c->received);
	s.replied = relaxed(c->replied);
	s.failed = relaxed(c->failed);
	s.continued = relaxed(c->continued);
	s.defaulted = relaxed(c->defaulted);
	s.timed_out = relaxed(c->timed_out);
	s.gone = relaxed(c->gone);
	s.replayed = relaxed(c->replayed);
	s.descriptors = relaxed(c->descriptors);
	s.lost_receive = relaxed(c->lost_receive);
	s.latency_ns_sum = relaxed(c->latency_sum);
	s.latency_ns_max = relaxed(c->latency_max);
	for (int i = 0; i < 40; i++)
		s.latency_log2[i] = relaxed(c->latency[i]);
	s.listeners = supervisor->listeners.active;
	return sc_sluice_fill(out, out->size, &s, sizeof(s));
}
