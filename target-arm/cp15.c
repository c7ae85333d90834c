/* SPDX-License-Identifier: MIT */
/*
 * The system control coprocessor: one table per CRn, one row per register.
 *
 *   MCR, MRC word -> (CRn, opc1, CRm, opc2) -> first row that fits and that the
 *   core has -> field of CPUARMState, hook, or nothing to be done
 *
 * Caches do not exist here, so their maintenance does nothing: code that was
 * written is seen without it.  No row: UNDEFINED, and said in the log.
 *
 * Not modelled: tightly coupled memories, cache and TLB lock-down (the registers
 * keep what is written), performance counters (they stand still), the ARM1136's
 * DMA channels (c11), cache debug operations (c15).
 *
 * Section numbers: ARM920T DDI 0151, ARM926 DDI 0198, ARM946 DDI 0201, ARM1026
 * DDI 0244, ARM1136 DDI 0211; B is the ARM ARM.
 */
#include "target-arm/cp15.h"

#include "target-arm/mmu.h"
#include "util/bits.h"
#include "util/log.h"

enum { ANY = 0xff };

enum {                                  /* Row.rights */
    R = 1, W = 2, RW = 3,               /* privileged */
    UR = 4, UW = 8,                     /* User mode too */
};

enum {                                  /* Row.flags */
    LOUD = 1,                           /* a write may change mode or mapping */
    NO_MPU = 2,                         /* not on a core with a protection unit */
    NO_V6 = 4,
    V4_ONLY = 8,
};

typedef struct Row {
    uint8_t opc1, crm, opc2;            /* ANY */
    uint8_t rights, flags;
    uint16_t needs;                     /* ARM_xxx */
    uint16_t field;                     /* offset, or NONE: reads as zero */
    uint32_t (*read)(CPUARMState *env, uint32_t insn);
    void (*write)(CPUARMState *env, uint32_t insn, uint32_t val);
} Row;

#define NONE 0xffff
#define AT(member) ((uint16_t)offsetof(CPUARMState, cp15.member))
_Static_assert(offsetof(CPUARMState, cp15) + sizeof(ArmCp15) < NONE, "Row.field");

static unsigned crn_of(uint32_t insn) { return insn >> 16 & 15; }
static unsigned opc1_of(uint32_t insn) { return insn >> 21 & 7; }
static unsigned crm_of(uint32_t insn) { return insn & 15; }
static unsigned opc2_of(uint32_t insn) { return insn >> 5 & 7; }

static void flush_all(CPUARMState *env) { tlb_flush(arm_cpu(env)); }

/* -- c0: identification ------------------------------------------------------ */

static uint32_t read_midr(CPUARMState *env, uint32_t insn)
{
    (void)insn;
    return env->model->midr;
}

static uint32_t read_ctr(CPUARMState *env, uint32_t insn)
{
    (void)insn;
    return env->model->ctr;
}

static uint32_t read_tcmtr(CPUARMState *env, uint32_t insn)
{
    (void)insn;
    return env->model->tcmtr;
}

static uint32_t read_id(CPUARMState *env, uint32_t insn)
{
    return env->model->id[(crm_of(insn) - 1) * 8 + opc2_of(insn)];
}

/* B3.3.1: what is not implemented reads as the main ID. */
static const Row c0[] = {
    { 0, 0, 1, R, 0, 0, NONE, read_ctr, NULL },
    { 0, 0, 2, R, 0, ARM_V5, NONE, read_tcmtr, NULL },
    { 0, 0, 3, R, 0, ARM_V6, NONE, NULL, NULL },
    { 0, 0, ANY, R, 0, 0, NONE, read_midr, NULL },
    { 0, 1, ANY, R, 0, ARM_V6, NONE, read_id, NULL },
    { 0, 2, ANY, R, 0, ARM_V6, NONE, read_id, NULL },
    { 0, ANY, ANY, R, NO_V6, 0, NONE, read_midr, NULL },
    { 0 }
};

/* -- c1: control ------------------------------------------------------------- */

static void write_sctlr(CPUARMState *env, uint32_t insn, uint32_t val)
{
    const uint32_t translation = SCTLR_M | SCTLR_S | SCTLR_R | SCTLR_XP | SCTLR_FA | SCTLR_EE;
    uint32_t mask = env->model->sctlr_wmask, old = env->cp15.sctlr;

    (void)insn;
    env->cp15.sctlr = (val & mask) | (env->model->sctlr_reset & ~mask);
    if ((old ^ env->cp15.sctlr) & translation) {
        flush_all(env);
    }
    arm_update_tbflags(env);
}

/* DDI 0211, 3.2.22: coprocessors 10 and 11 are what there is. */
static void write_cpacr(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    env->cp15.cpacr = env->features & ARM_VFP2 ? val & 0x00f00000 : 0;
    arm_update_tbflags(env);
}

static const Row c1[] = {
    { 0, 0, 0, RW, LOUD, 0, AT(sctlr), NULL, write_sctlr },
    { 0, 0, 1, RW, 0, ARM_V5J, AT(auxcr), NULL, NULL },
    { 0, 0, 2, RW, LOUD, ARM_V6, AT(cpacr), NULL, write_cpacr },
    { 0, ANY, 0, RW, LOUD | V4_ONLY, 0, AT(sctlr), NULL, write_sctlr },
    { 0 }
};

/* -- c2, c3: tables and domains ---------------------------------------------- */

/* A table that is never flushed is a table that is not used: B4.7.3. */
static void write_ttbcr(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    env->cp15.ttbcr = val & 7;
    flush_all(env);
}

/* ARM946: which regions are cachable, data and instructions. */
static const Row c2[] = {
    { 0, 0, 0, RW, 0, 0, AT(ttbr[0]), NULL, NULL },
    { 0, 0, 1, RW, 0, ARM_MPU, AT(ttbr[1]), NULL, NULL },
    { 0, 0, 1, RW, 0, ARM_V6, AT(ttbr[1]), NULL, NULL },
    { 0, 0, 2, RW, LOUD, ARM_V6, AT(ttbcr), NULL, write_ttbcr },
    { 0, ANY, ANY, RW, V4_ONLY, 0, AT(ttbr[0]), NULL, NULL },
    { 0 }
};

static void write_dacr(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    arm_dacr_write(env, val);
}

static const Row c3[] = {
    { 0, 0, 0, RW, LOUD, 0, AT(dacr), NULL, write_dacr },
    { 0, ANY, ANY, RW, LOUD | V4_ONLY, 0, AT(dacr), NULL, write_dacr },
    { 0 }
};

/* -- c5, c6: faults; protection regions -------------------------------------- */

/* DDI 0201, 2.3.6: two bits per region, or four. */
static uint32_t pack_ap(uint32_t extended)
{
    uint32_t packed = 0;

    for (unsigned i = 0; i < 8; i++) {
        packed |= (extended >> 4 * i & 3) << 2 * i;
    }
    return packed;
}

static uint32_t unpack_ap(uint32_t packed)
{
    uint32_t extended = 0;

    for (unsigned i = 0; i < 8; i++) {
        extended |= (packed >> 2 * i & 3) << 4 * i;
    }
    return extended;
}

static uint32_t read_ap(CPUARMState *env, uint32_t insn)
{
    return pack_ap(opc2_of(insn) ? env->cp15.mpu_iap : env->cp15.mpu_dap);
}

static void write_ap(CPUARMState *env, uint32_t insn, uint32_t val)
{
    *(opc2_of(insn) ? &env->cp15.mpu_iap : &env->cp15.mpu_dap) = unpack_ap(val);
    flush_all(env);
}

static void write_extended_ap(CPUARMState *env, uint32_t insn, uint32_t val)
{
    *(opc2_of(insn) == 3 ? &env->cp15.mpu_iap : &env->cp15.mpu_dap) = val;
    flush_all(env);
}

static const Row c5[] = {
    { 0, 0, 0, RW, LOUD, ARM_MPU, NONE, read_ap, write_ap },
    { 0, 0, 1, RW, LOUD, ARM_MPU, NONE, read_ap, write_ap },
    { 0, 0, 2, RW, LOUD, ARM_MPU, AT(mpu_dap), NULL, write_extended_ap },
    { 0, 0, 3, RW, LOUD, ARM_MPU, AT(mpu_iap), NULL, write_extended_ap },
    { 0, 0, 0, RW, NO_MPU, 0, AT(dfsr), NULL, NULL },
    { 0, 0, 1, RW, NO_MPU, 0, AT(ifsr), NULL, NULL },
    { 0 }
};

static uint32_t read_region(CPUARMState *env, uint32_t insn)
{
    return env->cp15.mpu_region[crm_of(insn) & 7];
}

static void write_region(CPUARMState *env, uint32_t insn, uint32_t val)
{
    env->cp15.mpu_region[crm_of(insn) & 7] = val;
    flush_all(env);
}

#define REGION(n) { 0, n, 0, RW, LOUD, ARM_MPU, NONE, read_region, write_region }

/* v6: 1 is the watchpoint's address, which is not kept up (no watchpoints). */
static const Row c6[] = {
    { 0, 0, 0, RW, NO_MPU, 0, AT(dfar), NULL, NULL },
    { 0, 0, 1, RW, 0, ARM_V6, AT(test[7]), NULL, NULL },
    { 0, 0, 2, RW, 0, ARM_V6, AT(ifar), NULL, NULL },
    { 0, 0, 1, RW, NO_MPU, ARM_V5J, AT(ifar), NULL, NULL },
    REGION(0), REGION(1), REGION(2), REGION(3), REGION(4), REGION(5), REGION(6), REGION(7),
    { 0 }
};

/* -- c7: caches, write buffer, waiting --------------------------------------- */

/* Sleep until a request line is raised, masked or not. */
static void wait_for_interrupt(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    (void)val;
    env->common.halted = 1;
    env->common.exception_index = EXCP_HLT;
}

/* DDI 0198, 2.3.7: bit 30 says that no line is dirty any more, so that
 * "1: MRC p15, 0, APSR_nzcv, c7, c14, 3; BNE 1b" ends. */
static uint32_t read_all_clean(CPUARMState *env, uint32_t insn)
{
    (void)env;
    (void)insn;
    return CPSR_Z;
}

#define CACHE(crm, opc2) { 0, crm, opc2, W, 0, 0, NONE, NULL, NULL }
#define CACHE_V6(crm, opc2, rights) { 0, crm, opc2, rights, 0, ARM_V6, NONE, NULL, NULL }

static const Row c7[] = {
    { 0, 0, 4, W, LOUD, 0, NONE, NULL, wait_for_interrupt },
    { 0, 8, 2, W, LOUD, V4_ONLY, NONE, NULL, wait_for_interrupt },
    CACHE_V6(5, 4, W | UW),             /* flush prefetch buffer */
    CACHE_V6(5, 6, W), CACHE_V6(5, 7, W),       /* branch targets */
    CACHE(5, 0), CACHE(5, 1), CACHE(5, 2),
    CACHE(6, 0), CACHE(6, 1), CACHE(6, 2),
    CACHE(7, 0),
    { 0, 10, 3, R, 0, ARM_V5J, NONE, read_all_clean, NULL },
    CACHE_V6(10, 4, W | UW),            /* data synchronization barrier */
    CACHE_V6(10, 5, W | UW),            /* data memory barrier */
    CACHE_V6(10, 6, R),                 /* cache dirty status */
    CACHE(10, 0), CACHE(10, 1), CACHE(10, 2), CACHE(10, 4),
    CACHE(11, 1), CACHE(11, 2),
    CACHE_V6(12, 4, R | UR),            /* block transfer status */
    CACHE_V6(12, 5, W | UW),            /* stop prefetch range */
    CACHE_V6(13, 1, W | UW),
    CACHE(13, 1),
    { 0, 14, 3, R, 0, ARM_V5J, NONE, read_all_clean, NULL },
    CACHE(14, 0), CACHE(14, 1), CACHE(14, 2),
    CACHE(15, 0), CACHE(15, 1), CACHE(15, 2),
    { 0 }
};

/* -- c8: TLB ----------------------------------------------------------------- */

static void tlb_all(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    (void)val;
    flush_all(env);
}

static void tlb_mva(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    arm_tlb_flush_mva(env, val);
}

/* By ASID: what is not global belongs to one of them. */
static void tlb_asid(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    (void)val;
    tlb_flush_nonglobal(arm_cpu(env));
}

static const Row c8[] = {
    { 0, ANY, 0, W, LOUD | NO_MPU, 0, NONE, NULL, tlb_all },
    { 0, ANY, 1, W, LOUD | NO_MPU, 0, NONE, NULL, tlb_mva },
    { 0, ANY, 2, W, LOUD, ARM_V6, NONE, NULL, tlb_asid },
    { 0, ANY, 3, W, LOUD, ARM_V6K, NONE, NULL, tlb_mva },
    { 0 }
};

/* -- c9, c10: lock-down, TCM ------------------------------------------------- */

static const Row c9[] = {
    { 0, 0, 0, RW, 0, 0, AT(dlock), NULL, NULL },
    { 0, 0, 1, RW, 0, 0, AT(ilock), NULL, NULL },
    { 0, 1, 0, RW, 0, ARM_V5, AT(dtcm), NULL, NULL },
    { 0, 1, 1, RW, 0, ARM_V5, AT(itcm), NULL, NULL },
    { 0, ANY, 0, RW, V4_ONLY, 0, AT(dlock), NULL, NULL },
    { 0, ANY, 1, RW, V4_ONLY, 0, AT(ilock), NULL, NULL },
    { 0 }
};

/* v6K: memory remapping, which without memory types changes nothing. */
static const Row c10[] = {
    { 0, 0, 0, RW, NO_MPU, 0, AT(tlb_lock), NULL, NULL },
    { 0, 0, 1, RW, V4_ONLY, 0, AT(test[6]), NULL, NULL },
    { 0, 2, 0, RW, 0, ARM_V6K, AT(prrr), NULL, NULL },
    { 0, 2, 1, RW, 0, ARM_V6K, AT(nmrr), NULL, NULL },
    { 0 }
};

/* -- c13: process identifiers ------------------------------------------------ */

/* B8.3: bits 31:25.  What lies below 32 MiB is now something else. */
static void write_fcse(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    if (env->cp15.fcse != (val & 0xfe000000)) {
        env->cp15.fcse = val & 0xfe000000;
        tlb_flush_nonglobal(arm_cpu(env));
    }
}

/* B4.9.5; bits 7:0 are the address space. */
static void write_context(CPUARMState *env, uint32_t insn, uint32_t val)
{
    (void)insn;
    if ((env->features & ARM_MMU_V6) && (env->cp15.context ^ val) & 0xff) {
        tlb_flush_nonglobal(arm_cpu(env));
    }
    env->cp15.context = val;
}

static const Row c13[] = {
    { 0, 0, 0, RW, LOUD | NO_MPU, 0, AT(fcse), NULL, write_fcse },
    { 0, 0, 1, RW, LOUD, ARM_V5J, AT(context), NULL, write_context },
    { 0, 0, 2, RW | UR | UW, 0, ARM_V6K, AT(tls[0]), NULL, NULL },
    { 0, 0, 3, RW | UR, 0, ARM_V6K, AT(tls[1]), NULL, NULL },
    { 0, 0, 4, RW, 0, ARM_V6K, AT(tls[2]), NULL, NULL },
    { 0, 0, 1, RW, 0, ARM_MPU, AT(context), NULL, NULL },       /* trace process */
    { 0, 1, 1, RW, 0, ARM_MPU, AT(context), NULL, NULL },
    { 0, ANY, ANY, RW, LOUD | V4_ONLY, 0, AT(fcse), NULL, write_fcse },
    { 0 }
};

/* -- c15: test and debug, kept but without effect ---------------------------- */

static uint32_t read_test(CPUARMState *env, uint32_t insn)
{
    return env->cp15.test[opc2_of(insn) % 6];
}

static void write_test(CPUARMState *env, uint32_t insn, uint32_t val)
{
    env->cp15.test[opc2_of(insn) % 6] = val;
}

static const Row c15[] = {
    { ANY, ANY, ANY, RW, 0, 0, NONE, read_test, write_test },
    { 0 }
};

/* -- Finding a row ----------------------------------------------------------- */

static const Row *const registers[16] = {
    [0] = c0, [1] = c1, [2] = c2, [3] = c3, [5] = c5, [6] = c6, [7] = c7, [8] = c8,
    [9] = c9, [10] = c10, [13] = c13, [15] = c15,
};

static bool matches(const Row *r, uint32_t insn)
{
    return (r->opc1 == ANY || r->opc1 == opc1_of(insn)) &&
           (r->crm == ANY || r->crm == crm_of(insn)) &&
           (r->opc2 == ANY || r->opc2 == opc2_of(insn));
}

static bool core_has(uint32_t f, const Row *r)
{
    return (f & r->needs) == r->needs && !((r->flags & NO_MPU) && (f & ARM_MPU)) &&
           !((r->flags & NO_V6) && (f & ARM_V6)) && !((r->flags & V4_ONLY) && (f & ARM_V5));
}

static const Row *find(uint32_t features, uint32_t insn, unsigned rights)
{
    const Row *r = registers[crn_of(insn)];

    for (; r && r->rights; r++) {
        if (matches(r, insn) && core_has(features, r) && (r->rights & rights)) {
            return r;
        }
    }
    return NULL;
}

static bool undefined(const CPUARMState *env, uint32_t insn, const char *what)
{
    log_unimp("cp15", "%s p15, %u, c%u, c%u, %u in mode %02x at %08x: undefined", what,
              opc1_of(insn), crn_of(insn), crm_of(insn), opc2_of(insn), env->cpsr & CPSR_M,
              env->regs[R_PC]);
    return false;
}

bool arm_cp15_read(CPUARMState *env, uint32_t insn, uint32_t *val)
{
    const Row *r = find(env->features, insn, arm_is_priv(env) ? R : UR);

    if (!r) {
        return undefined(env, insn, "MRC");
    }
    if (r->read) {
        *val = r->read(env, insn);
    } else {
        *val = r->field == NONE ? 0 : *(uint32_t *)(void *)((char *)env + r->field);
    }
    return true;
}

bool arm_cp15_write(CPUARMState *env, uint32_t insn, uint32_t val)
{
    const Row *r = find(env->features, insn, arm_is_priv(env) ? W : UW);

    if (!r) {
        return undefined(env, insn, "MCR");
    }
    if (r->write) {
        r->write(env, insn, val);
    } else if (r->field != NONE) {
        *(uint32_t *)(void *)((char *)env + r->field) = val;
    }
    return true;
}

bool arm_cp15_write_is_nothing(uint32_t features, uint32_t insn, bool priv)
{
    const Row *r = find(features, insn, priv ? W : UW);

    return r && !r->write && r->field == NONE;
}

bool arm_cp15_write_is_quiet(uint32_t insn)
{
    const Row *r = registers[crn_of(insn)];

    for (; r && r->rights; r++) {
        if (matches(r, insn) && (r->flags & LOUD)) {
            return false;
        }
    }
    return true;
}

/* DDI 0211, 3.2.24: MCRR p15, opcode, end, start, CRm. */
bool arm_cp15_write64(CPUARMState *env, uint32_t insn, uint64_t val)
{
    enum {
        INVALIDATE_I = 5, INVALIDATE_D = 6, CLEAN_D = 12, CLEAN_INVALIDATE_D = 14,
    };
    unsigned opc = insn >> 4 & 15, crm = crm_of(insn);
    bool user = crm == CLEAN_D;         /* and prefetch, in User mode too */

    (void)val;
    if ((env->features & ARM_V6) && opc <= 2 && (user || arm_is_priv(env)) &&
        (opc == 0 || crm == CLEAN_D) &&
        (crm == INVALIDATE_I || crm == INVALIDATE_D || crm == CLEAN_D ||
         crm == CLEAN_INVALIDATE_D)) {
        return true;
    }
    log_unimp("cp15", "MCRR p15, %u, c%u at %08x: undefined", opc, crm, env->regs[R_PC]);
    return false;
}
