/* SPDX-License-Identifier: MIT */
/*
 * Registers as GDB numbers them (GDB manual, "ARM Features"): 0-15 r0-r12, sp,
 * lr, pc, 16 the CPSR; of a core with VFP 17-32 d0-d15, 33 FPSCR.
 *
 * Not modelled: banked registers of other modes, coprocessor 15; a debugger in
 * big-endian order.
 */
#include "target-arm/inspect.h"
#include "util/bits.h"

enum { N_CPSR = 16, N_D0, N_FPSCR = 33 };

/* clang-format off */
static const GDBRegister core[] = {
    { "r0", "uint32", 4 }, { "r1", "uint32", 4 }, { "r2", "uint32", 4 }, { "r3", "uint32", 4 },
    { "r4", "uint32", 4 }, { "r5", "uint32", 4 }, { "r6", "uint32", 4 }, { "r7", "uint32", 4 },
    { "r8", "uint32", 4 }, { "r9", "uint32", 4 }, { "r10", "uint32", 4 }, { "r11", "uint32", 4 },
    { "r12", "uint32", 4 }, { "sp", "data_ptr", 4 }, { "lr", "int", 4 }, { "pc", "code_ptr", 4 },
    { "cpsr", "int", 4 },
};

#define D(n) { "d" #n, "ieee_double", 8 }
static const GDBRegister vfp[] = {
    D(0), D(1), D(2), D(3), D(4), D(5), D(6), D(7), D(8), D(9), D(10), D(11), D(12), D(13),
    D(14), D(15), { "fpscr", "int", 4 },
};
/* clang-format on */

#define CORE { "org.gnu.gdb.arm.core", "", core, ARRAY_SIZE(core) }

const GDBFeature *arm_gdb_features(CPUState *cpu)
{
    static const GDBFeature plain[] = { CORE, { NULL, NULL, NULL, 0 } };
    static const GDBFeature with_vfp[] = {
        CORE, { "org.gnu.gdb.arm.vfp", "", vfp, ARRAY_SIZE(vfp) }, { NULL, NULL, NULL, 0 },
    };

    return arm_env(cpu)->features & ARM_VFP2 ? with_vfp : plain;
}

void arm_gdb_read_reg(CPUState *cpu, unsigned n, uint8_t *buf)
{
    CPUARMState *env = arm_env(cpu);

    if (n >= N_D0 && n < N_FPSCR) {
        store_le(buf, env->vfp.d[n - N_D0], 8);
    } else {
        store_le(buf, n == N_CPSR ? arm_cpsr_read(env)
                      : n == N_FPSCR ? arm_fpscr_read(env) : env->regs[n], 4);
    }
}

bool arm_gdb_write_reg(CPUState *cpu, unsigned n, const uint8_t *buf)
{
    CPUARMState *env = arm_env(cpu);

    if (n >= N_D0 && n < N_FPSCR) {
        env->vfp.d[n - N_D0] = load_le(buf, 8);
        return true;
    }
    uint32_t val = (uint32_t)load_le(buf, 4);

    if (n == N_CPSR) {
        arm_cpsr_write(env, val, ~0u);
        return ((arm_cpsr_read(env) ^ val) & CPSR_M) == 0;
    }
    if (n == N_FPSCR) {
        arm_fpscr_write(env, val);
    } else {
        env->regs[n] = n == R_PC ? val & (env->thumb ? ~1u : ~3u) : val;
    }
    return true;
}
