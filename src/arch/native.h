/* The token of the ABI that this library is compiled for: tables.gen.c makes a row of it.
 * SPDX-License-Identifier: MIT */
#ifndef SC_ARCH_NATIVE_H
#define SC_ARCH_NATIVE_H

#if defined(__i386__)
#define SC_NATIVE 0x40000003
#elif defined(__x86_64__) && defined(__ILP32__)
#define SC_NATIVE 0x4000003e
#elif defined(__x86_64__)
#define SC_NATIVE 0xc000003e
#elif defined(__arm__)
#define SC_NATIVE 0x40000028
#elif defined(__aarch64__)
#define SC_NATIVE 0xc00000b7
#elif defined(__loongarch__) && __loongarch_grlen == 64
#define SC_NATIVE 0xc0000102
#elif defined(__m68k__)
#define SC_NATIVE 0x4
#elif defined(__mips__) && _MIPS_SIM == _ABIO32
#define SC_NATIVE (0x8 | SC_NATIVE_LITTLE)
#elif defined(__mips__) && _MIPS_SIM == _ABI64
#define SC_NATIVE (0x80000008 | SC_NATIVE_LITTLE)
#elif defined(__mips__) && _MIPS_SIM == _ABIN32
#define SC_NATIVE (0xa0000008 | SC_NATIVE_LITTLE)
#elif defined(__hppa__) && defined(__LP64__)
#define SC_NATIVE 0x8000000f
#elif defined(__hppa__)
#define SC_NATIVE 0xf
#elif defined(__powerpc64__)
#define SC_NATIVE (0x80000015 | SC_NATIVE_LITTLE)
#elif defined(__powerpc__)
#define SC_NATIVE 0x14
#elif defined(__riscv) && __riscv_xlen == 64
#define SC_NATIVE 0xc00000f3
#elif defined(__s390x__)
#define SC_NATIVE 0x80000016
#elif defined(__s390__)
#define SC_NATIVE 0x16
#elif defined(__sh__)
#define SC_NATIVE (0x2a | SC_NATIVE_LITTLE)
#else
#error "no row of data/arches.csv for this architecture"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SC_NATIVE_LITTLE 0x40000000 /* __AUDIT_ARCH_LE */
#else
#define SC_NATIVE_LITTLE 0
#endif

#endif
