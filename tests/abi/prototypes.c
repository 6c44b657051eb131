/* Compiles when every prototype, structure and constant of seccomp.h is what clients were
 * built with. Compiled against our header, and (API_LEVEL 254, 261) against libseccomp's own,
 * which shows that the list is right. C99 and C++11.
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <stddef.h>

#ifndef API_LEVEL
#define API_LEVEL 270
#endif

typedef scmp_filter_ctx ctx;

#ifdef __cplusplus
template <class A, class B> struct same { enum { value = 0 }; };
template <class A> struct same<A, A> { enum { value = 1 }; };
#define CHECK(name, condition) static_assert(condition, #name)
#define FUNCTION(ret, name, args)                                                        \
	typedef ret type_##name args;                                                    \
	CHECK(name, (same<type_##name, decltype(name)>::value))
#else
#define CHECK(name, condition) typedef char check_##name[(condition) ? 1 : -1]
#define FUNCTION(ret, name, args)                                                        \
	typedef ret type_##name args;                                                    \
	CHECK(name, __builtin_types_compatible_p(type_##name, __typeof__(name)))
#endif
#define VALUE(name, value) CHECK(value_##name, (uint32_t)(name) == (uint32_t)(value))
#define FIELD(type, field, at) CHECK(type##_##field, offsetof(struct type, field) == (at))

FUNCTION(const struct scmp_version *, seccomp_version, (void));
FUNCTION(unsigned int, seccomp_api_get, (void));
FUNCTION(int, seccomp_api_set, (unsigned int));
FUNCTION(ctx, seccomp_init, (uint32_t));
FUNCTION(int, seccomp_reset, (ctx, uint32_t));
FUNCTION(void, seccomp_release, (ctx));
FUNCTION(int, seccomp_merge, (ctx, ctx));
FUNCTION(uint32_t, seccomp_arch_resolve_name, (const char *));
FUNCTION(uint32_t, seccomp_arch_native, (void));
FUNCTION(int, seccomp_arch_exist, (const ctx, uint32_t));
FUNCTION(int, seccomp_arch_add, (ctx, uint32_t));
FUNCTION(int, seccomp_arch_remove, (ctx, uint32_t));
FUNCTION(int, seccomp_load, (const ctx));
FUNCTION(int, seccomp_attr_get, (const ctx, enum scmp_filter_attr, uint32_t *));
FUNCTION(int, seccomp_attr_set, (ctx, enum scmp_filter_attr, uint32_t));
FUNCTION(char *, seccomp_syscall_resolve_num_arch, (uint32_t, int));
FUNCTION(int, seccomp_syscall_resolve_name_arch, (uint32_t, const char *));
FUNCTION(int, seccomp_syscall_resolve_name_rewrite, (uint32_t, const char *));
FUNCTION(int, seccomp_syscall_resolve_name, (const char *));
FUNCTION(int, seccomp_syscall_priority, (ctx, int, uint8_t));
FUNCTION(int, seccomp_rule_add, (ctx, uint32_t, int, unsigned int, ...));
FUNCTION(int, seccomp_rule_add_array,
	 (ctx, uint32_t, int, unsigned int, const struct scmp_arg_cmp *));
FUNCTION(int, seccomp_rule_add_exact, (ctx, uint32_t, int, unsigned int, ...));
FUNCTION(int, seccomp_rule_add_exact_array,
	 (ctx, uint32_t, int, unsigned int, const struct scmp_arg_cmp *));
FUNCTION(int, seccomp_notify_alloc, (struct seccomp_notif **, struct seccomp_notif_resp **));
FUNCTION(void, seccomp_notify_free, (struct seccomp_notif *, struct seccomp_notif_resp *));
FUNCTION(int, seccomp_notify_receive, (int, struct seccomp_notif *));
FUNCTION(int, seccomp_notify_respond, (int, struct seccomp_notif_resp *));
FUNCTION(int, seccomp_notify_id_valid, (int, uint64_t));
FUNCTION(int, seccomp_notify_fd, (const ctx));
FUNCTION(int, seccomp_export_pfc, (const ctx, int));
FUNCTION(int, seccomp_export_bpf, (const ctx, int));
#if API_LEVEL >= 261
FUNCTION(int, seccomp_export_bpf_mem, (const ctx, void *, size_t *));
FUNCTION(int, seccomp_transaction_start, (const ctx));
FUNCTION(void, seccomp_transaction_reject, (const ctx));
FUNCTION(int, seccomp_transaction_commit, (const ctx));
FUNCTION(int, seccomp_precompute, (const ctx));
VALUE(SCMP_FLTATR_CTL_WAITKILL, 10);
VALUE(SCMP_ARCH_LOONGARCH64, 0xc0000102);
VALUE(SCMP_ARCH_M68K, 4);
VALUE(SCMP_ARCH_SH, 0x4000002a);
VALUE(SCMP_ARCH_SHEB, 0x2a);
#endif
#if API_LEVEL >= 270
FUNCTION(int, seccomp_notify_addfd, (int, struct seccomp_notif_addfd *));
CHECK(trapx, SCMP_ACT_TRAPX(0x12345) == 0x00032345U);
FIELD(seccomp_notif_addfd, newfd_flags, 20);
CHECK(kvers, SCMP_KV_UNDEF == 1 && SCMP_KV_3_0 < SCMP_KV_3_1 && SCMP_KV_3_19 < SCMP_KV_4_0 &&
		     SCMP_KV_4_20 < SCMP_KV_5_0 && SCMP_KV_7_0 == 83 && __SCMP_KV_MAX == 84);
VALUE(SECCOMP_ADDFD_FLAG_SEND, 2);
#endif

VALUE(SCMP_FLTATR_ACT_DEFAULT, 1);
VALUE(SCMP_FLTATR_ACT_BADARCH, 2);
VALUE(SCMP_FLTATR_CTL_NNP, 3);
VALUE(SCMP_FLTATR_CTL_TSYNC, 4);
VALUE(SCMP_FLTATR_API_TSKIP, 5);
VALUE(SCMP_FLTATR_CTL_LOG, 6);
VALUE(SCMP_FLTATR_CTL_SSB, 7);
VALUE(SCMP_FLTATR_CTL_OPTIMIZE, 8);
VALUE(SCMP_FLTATR_API_SYSRAWRC, 9);
VALUE(_SCMP_CMP_MIN, 0);
VALUE(SCMP_CMP_NE, 1);
VALUE(SCMP_CMP_LT, 2);
VALUE(SCMP_CMP_LE, 3);
VALUE(SCMP_CMP_EQ, 4);
VALUE(SCMP_CMP_GE, 5);
VALUE(SCMP_CMP_GT, 6);
VALUE(SCMP_CMP_MASKED_EQ, 7);
VALUE(_SCMP_CMP_MAX, 8);
CHECK(errno_action, SCMP_ACT_ERRNO(0x12345) == 0x00052345U);
CHECK(trace_action, SCMP_ACT_TRACE(0x12345) == 0x7ff02345U);
FIELD(scmp_version, micro, 8);
FIELD(scmp_arg_cmp, op, 4);
FIELD(scmp_arg_cmp, datum_a, 8);
FIELD(scmp_arg_cmp, datum_b, 16);
CHECK(arg_cmp, sizeof(struct scmp_arg_cmp) == 24);
CHECK(datum, sizeof(scmp_datum_t) == 8);

/* The macros as expressions, the last comparison's datum_b given or not. */
int use_macros(ctx filter);
int use_macros(ctx filter)
{
	struct scmp_arg_cmp all[] = {
		SCMP_CMP(0, SCMP_CMP_EQ, 1, 0),       SCMP_CMP64(1, SCMP_CMP_EQ, 1, 0),
		SCMP_CMP32(2, SCMP_CMP_EQ, 1, 0),     SCMP_A0(SCMP_CMP_EQ, 1, 0),
		SCMP_A1(SCMP_CMP_EQ, 1, 0),           SCMP_A2(SCMP_CMP_EQ, 1, 0),
		SCMP_A3(SCMP_CMP_EQ, 1, 0),           SCMP_A4(SCMP_CMP_EQ, 1, 0),
		SCMP_A5(SCMP_CMP_EQ, 1, 0),           SCMP_A0_64(SCMP_CMP_EQ, 1, 0),
		SCMP_A1_64(SCMP_CMP_EQ, 1, 0),        SCMP_A2_64(SCMP_CMP_EQ, 1, 0),
		SCMP_A3_64(SCMP_CMP_EQ, 1, 0),        SCMP_A4_64(SCMP_CMP_EQ, 1, 0),
		SCMP_A5_64(SCMP_CMP_EQ, 1, 0),        SCMP_A0_32(SCMP_CMP_EQ, 1, 0),
		SCMP_A1_32(SCMP_CMP_EQ, 1, 0),        SCMP_A2_32(SCMP_CMP_EQ, 1, 0),
		SCMP_A3_32(SCMP_CMP_EQ, 1, 0),        SCMP_A4_32(SCMP_CMP_EQ, 1, 0),
		SCMP_A5_32(SCMP_CMP_MASKED_EQ, 1, 0),
	};

	return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(read), 2, all[0],
				SCMP_A1_32(SCMP_CMP_EQ, -1)) +
	       seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(chown32), 1,
				SCMP_A0(SCMP_CMP_EQ, 1));
}
