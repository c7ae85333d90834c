/* SPDX-License-Identifier: MIT */
/*
 * Address translation: ARMv4/v5 and v6 tables (ARM ARM B4, DDI 0211 chapter 6)
 * and the protection unit of the ARM946 (DDI 0201, chapter 4).
 *
 *      addr -FCSE-> mva -> first level  -> section, supersection
 *                             |-> coarse or fine table -> large, small, tiny page
 *
 * arm_walk() reads the tables, arm_page_rights() judges, arm_tlb_fill() does
 * both and fills the TLB.
 *
 * Domains.  Linux writes the domain access control register around every access
 * to user memory, between two values.  So there are two sets of TLB tables, one
 * for each of the last two values; MMU index = privileged | set << 1.  A write
 * of the other value changes sets, a third value takes the older set's place.
 *
 * PAGE_GLOBAL is what survives a new FCSE or context ID: addresses from 32 MiB
 * up whose entries have no nG bit.
 *
 * Not modelled: memory types (TEX, C, B: no caches), external aborts but those
 * of a table walk, hardware locking of TLB entries, parity.
 */
#include "target-arm/mmu.h"

#include "util/bits.h"
#include "util/log.h"

enum { FCSE_SIZE = 32 << 20 };
enum { KB = 1 << 10, MB = 1 << 20 };

bool arm_mmu_on(const CPUARMState *env)
{
    return env->cp15.sctlr & SCTLR_M;
}

uint32_t arm_mva(const CPUARMState *env, uint32_t addr)
{
    return addr < FCSE_SIZE ? addr + env->cp15.fcse : addr;
}

/* -- The tables -------------------------------------------------------------- */

static bool v6_format(const CPUARMState *env)
{
    return (env->features & ARM_MMU_V6) && (env->cp15.sctlr & SCTLR_XP);
}

/* A descriptor; false if nothing answers there. */
static bool fetch(CPUARMState *env, hwaddr addr, uint32_t *desc)
{
    *desc = (uint32_t)cpu_ldphys(arm_cpu(env), addr, 4);
    if (*desc == 0 || *desc == ~0u) {
        return cpu_phys_exists(arm_cpu(env), addr);
    }
    if (env->cp15.sctlr & SCTLR_EE) {
        *desc = __builtin_bswap32(*desc);
    }
    return true;
}

/* v6: the TTBCR.N high bits zero: TTBR0; else TTBR1 (ARM ARM B4.7.3). */
static hwaddr first_level_addr(const CPUARMState *env, uint32_t mva)
{
    unsigned n = env->features & ARM_MMU_V6 ? env->cp15.ttbcr & 7 : 0;

    if (n && mva >> (32 - n)) {
        return (env->cp15.ttbr[1] & 0xffffc000) | mva >> 20 << 2;
    }
    uint32_t table = env->cp15.ttbr[0] & ~(0x3fffu >> n);

    return table | (mva >> 20 << 2 & (0x3fffu >> n));
}

/* Of the AP fields of a page that has four, the one for this address; all the
 * same within 4 KiB? */
static void pick_subpage(ArmPage *p, uint32_t desc, unsigned quarter)
{
    uint32_t aps = desc >> 4 & 0xff;

    p->ap = aps >> 2 * quarter & 3;
    p->sub = p->size == 4 * KB && aps != p->ap * 0x55u;
}

static bool fault(ArmPage *p, ArmFault f)
{
    p->fault = f;
    return false;
}

static bool small_page(ArmPage *p, uint32_t desc, uint32_t mva)
{
    p->size = 4 * KB;
    p->phys = (desc & 0xfffff000) | (mva & 0xfff);
    return true;
}

static bool large_page(ArmPage *p, uint32_t desc, uint32_t mva)
{
    p->size = 64 * KB;
    p->phys = (desc & 0xffff0000) | (mva & 0xffff);
    return true;
}

/* ARM ARM B4.7.5 and figure B4-5; type 3 of a coarse table: B4.7.6. */
static bool second_level_v5(const CPUARMState *env, ArmPage *p, uint32_t desc, uint32_t mva,
                            bool fine)
{
    switch (desc & 3) {
    case 1:
        large_page(p, desc, mva);
        pick_subpage(p, desc, mva >> 14 & 3);
        return true;
    case 2:
        small_page(p, desc, mva);
        pick_subpage(p, desc, mva >> 10 & 3);
        return true;
    case 3:
        p->ap = desc >> 4 & 3;
        if (fine) {
            p->size = KB;
            p->phys = (desc & 0xfffffc00) | (mva & 0x3ff);
            p->sub = true;
            return true;
        }
        if (env->features & ARM_MMU_V6) {
            return small_page(p, desc, mva);
        }
        return fault(p, ARM_FAULT_PAGE);
    default:
        return fault(p, ARM_FAULT_PAGE);
    }
}

/* ARM ARM B4.7.4, figure B4-9 */
static bool second_level_v6(ArmPage *p, uint32_t desc, uint32_t mva)
{
    p->ap = desc >> 4 & 3;
    p->apx = desc >> 9 & 1;
    p->not_global = desc >> 11 & 1;
    switch (desc & 3) {
    case 0:
        return fault(p, ARM_FAULT_PAGE);
    case 1:
        p->xn = desc >> 15 & 1;
        return large_page(p, desc, mva);
    default:
        p->xn = desc & 1;
        return small_page(p, desc, mva);
    }
}

static bool section(const CPUARMState *env, ArmPage *p, uint32_t desc, uint32_t mva)
{
    p->ap = desc >> 10 & 3;
    if (v6_format(env)) {
        p->apx = desc >> 15 & 1;
        p->not_global = desc >> 17 & 1;
        p->xn = desc >> 4 & 1;
    }
    if ((env->features & ARM_MMU_V6) && (desc & 1 << 18)) {     /* B4.7.2 */
        p->size = 16 * MB;
        p->domain = 0;
    } else {
        p->size = MB;
    }
    p->phys = (desc & ~(p->size - 1)) | (mva & (p->size - 1));
    return true;
}

/* c1.FA: AP bit 0 is the access flag (DDI 0211, 6.5.3). */
static bool access_flag(const CPUARMState *env, ArmPage *p)
{
    if (!(env->cp15.sctlr & SCTLR_FA) || !v6_format(env)) {
        return true;
    }
    if (!(p->ap & 1)) {
        return fault(p, p->second_level ? ARM_FAULT_PAGE_ACCESS : ARM_FAULT_SECTION_ACCESS);
    }
    p->ap = p->ap & 2 ? (p->apx ? 2 : 3) : 1;
    return true;
}

bool arm_walk(CPUARMState *env, uint32_t mva, ArmPage *p)
{
    uint32_t desc;
    bool fine = false, found;

    *p = (ArmPage){ .size = MB };
    if (!fetch(env, first_level_addr(env, mva), &desc)) {
        return fault(p, ARM_FAULT_EXTERNAL_1);
    }
    p->domain = desc >> 5 & 15;
    switch (desc & 3) {
    case 2:
        return section(env, p, desc, mva) && access_flag(env, p);
    case 3:
        fine = !(env->features & ARM_MMU_V6);
        if (fine) {
            break;
        }
        return fault(p, ARM_FAULT_SECTION);
    case 0:
        return fault(p, ARM_FAULT_SECTION);
    }
    p->second_level = true;
    p->size = 4 * KB;
    hwaddr at = fine ? (desc & 0xfffff000) | (mva >> 10 << 2 & 0xffc)
                     : (desc & 0xfffffc00) | (mva >> 12 << 2 & 0x3fc);

    if (!fetch(env, at, &desc)) {
        return fault(p, ARM_FAULT_EXTERNAL_2);
    }
    found = v6_format(env) ? second_level_v6(p, desc, mva)
                           : second_level_v5(env, p, desc, mva, fine);
    return found && access_flag(env, p);
}

/* -- Rights ------------------------------------------------------------------ */

/* ARM ARM table B4-1.  What is reserved there gives no access. */
static int ap_rights(const CPUARMState *env, const ArmPage *p, bool priv)
{
    enum { R = PAGE_READ | PAGE_EXEC, RW = R | PAGE_WRITE };
    static const uint8_t plain[4][2] = { { 0, 0 }, { 0, RW }, { R, RW }, { RW, RW } };
    static const uint8_t read_only[4][2] = { { 0, 0 }, { 0, R }, { R, R }, { R, R } };

    if (p->apx) {
        return read_only[p->ap][priv];
    }
    if (p->ap == 0) {
        switch (env->cp15.sctlr & (SCTLR_S | SCTLR_R)) {
        case SCTLR_S:
            return priv ? R : 0;
        case SCTLR_R:
            return R;
        default:
            return 0;
        }
    }
    return plain[p->ap][priv];
}

int arm_page_rights(const CPUARMState *env, const ArmPage *p, uint32_t dacr, bool priv,
                    ArmFault *why)
{
    switch (dacr >> 2 * p->domain & 3) {
    case 3:                             /* manager */
        return PAGE_READ | PAGE_WRITE | PAGE_EXEC;
    case 1:                             /* client */
        *why = p->second_level ? ARM_FAULT_PAGE_RIGHTS : ARM_FAULT_SECTION_RIGHTS;
        return ap_rights(env, p, priv) & ~(p->xn ? PAGE_EXEC : 0);
    default:
        *why = p->second_level ? ARM_FAULT_PAGE_DOMAIN : ARM_FAULT_SECTION_DOMAIN;
        return 0;
    }
}

/* -- Filling the TLB --------------------------------------------------------- */

static const int needed[] = {
    [MMU_READ] = PAGE_READ, [MMU_WRITE] = PAGE_WRITE, [MMU_FETCH] = PAGE_EXEC,
};

/*
 * status: ArmFault with the domain in bits 7:4.  From v6 on bit 11 tells writes,
 * and there is no domain for instructions (DDI 0211, 3.2.15 and 3.2.16).
 */
static void record(CPUARMState *env, uint32_t mva, MMUAccess access, ArmFault why,
                   unsigned domain)
{
    bool v6 = env->features & ARM_V6;

    env->fault_addr = mva;
    env->fault_status = why | domain << 4;
    if (access == MMU_FETCH) {
        env->fault_status &= v6 ? 0xfu : ~0u;
        env->common.exception_index = EXCP_PREFETCH_ABORT;
    } else {
        env->fault_status |= v6 && access == MMU_WRITE ? 1u << 11 : 0;
        env->common.exception_index = EXCP_DATA_ABORT;
    }
    log_put(LOG_MMU, "%s abort at %08x, status %03x, pc %08x\n",
            access == MMU_FETCH ? "prefetch" : "data", mva, env->fault_status,
            env->regs[R_PC]);
}

void arm_record_alignment(CPUARMState *env, uint32_t addr, MMUAccess access)
{
    record(env, arm_mva(env, addr), access, ARM_FAULT_ALIGN, 0);
}

/* DDI 0201, 2.3.7: of the regions that hold addr the highest counts. */
static int mpu_region(const CPUARMState *env, uint32_t addr)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t r = env->cp15.mpu_region[i];
        uint64_t size = 2ull << (r >> 1 & 31);

        if ((r & 1) && size >= 4 * KB && !((addr ^ (r & 0xfffff000)) & ~(size - 1))) {
            return i;
        }
    }
    return -1;
}

/* DDI 0201, table 2-15: extended access permission encoding */
static int mpu_rights(uint32_t aps, int region, bool priv)
{
    enum { R = PAGE_READ | PAGE_EXEC, RW = R | PAGE_WRITE };
    static const uint8_t rights[16][2] = {
        [1] = { 0, RW }, [2] = { R, RW }, [3] = { RW, RW }, [5] = { 0, R }, [6] = { R, R },
    };

    return region < 0 ? 0 : rights[aps >> 4 * region & 15][priv];
}

static bool fill_mpu(CPUARMState *env, uint32_t addr, MMUAccess access, unsigned mmu_idx,
                     bool probe)
{
    int region = mpu_region(env, addr);
    bool priv = mmu_idx & 1;
    int prot = (mpu_rights(env->cp15.mpu_dap, region, priv) & (PAGE_READ | PAGE_WRITE)) |
               (mpu_rights(env->cp15.mpu_iap, region, priv) & PAGE_EXEC);

    if (!(prot & needed[access])) {
        if (!probe) {
            record(env, addr, access, ARM_FAULT_SECTION_RIGHTS, 0);
        }
        return false;
    }
    tlb_set_page(arm_cpu(env), addr & TARGET_PAGE_MASK, addr & TARGET_PAGE_MASK, prot, mmu_idx,
                 TARGET_PAGE_SIZE);
    return true;
}

bool arm_tlb_fill(CPUState *cpu, vaddr va, MMUAccess access, unsigned mmu_idx, bool probe)
{
    CPUARMState *env = arm_env(cpu);
    uint32_t addr = (uint32_t)va, mva = arm_mva(env, addr);
    uint32_t dacr = env->cp15.dacr_of[mmu_idx >> 1];
    ArmPage p;

    if (!arm_mmu_on(env)) {
        tlb_set_page(cpu, addr & TARGET_PAGE_MASK, mva & TARGET_PAGE_MASK,
                     PAGE_READ | PAGE_WRITE | PAGE_EXEC, mmu_idx, TARGET_PAGE_SIZE);
        return true;
    }
    if (env->features & ARM_MPU) {
        return fill_mpu(env, addr, access, mmu_idx, probe);
    }
    int prot = arm_walk(env, mva, &p) ? arm_page_rights(env, &p, dacr, mmu_idx & 1, &p.fault) : 0;

    if (!(prot & needed[access])) {
        if (!probe) {
            record(env, mva, access, p.fault, p.domain);
        }
        return false;
    }
    if (addr >= FCSE_SIZE && !p.not_global) {
        prot |= PAGE_GLOBAL;
    }
    uint32_t size = p.sub ? KB : p.size, grain = MIN(size, TARGET_PAGE_SIZE);

    tlb_set_page(cpu, addr & ~(grain - 1), p.phys & ~(hwaddr)(grain - 1), prot, mmu_idx, size);
    return true;
}

hwaddr arm_phys_page_debug(CPUState *cpu, vaddr page)
{
    CPUARMState *env = arm_env(cpu);
    uint32_t mva = arm_mva(env, (uint32_t)page);
    ArmPage p;

    if (!arm_mmu_on(env) || (env->features & ARM_MPU)) {
        return mva & TARGET_PAGE_MASK;
    }
    return arm_walk(env, mva, &p) ? p.phys & TARGET_PAGE_MASK : ~(hwaddr)0;
}

/* -- Domains and maintenance ------------------------------------------------- */

static unsigned dacr_set(const CPUARMState *env)
{
    return env->cp15.dacr_of[0] != env->cp15.dacr;
}

unsigned arm_mmu_index(const CPUARMState *env, bool priv)
{
    return priv | (env->features & ARM_MPU ? 0 : dacr_set(env) << 1);
}

void arm_dacr_write(CPUARMState *env, uint32_t val)
{
    ArmCp15 *c = &env->cp15;
    unsigned other = !dacr_set(env);

    if (val == c->dacr || (env->features & ARM_MPU)) {
        c->dacr = val;
        return;
    }
    c->dacr = val;
    if (c->dacr_of[other] != val) {
        c->dacr_of[other] = val;
        tlb_flush_idx(arm_cpu(env), 3u << 2 * other);
    }
    env->tbflags = (env->tbflags & ~(uint32_t)TBF_MMUIDX) |
                   arm_mmu_index(env, arm_is_priv(env)) << TBF_MMUIDX_SHIFT;
}

void arm_tlb_flush_mva(CPUARMState *env, uint32_t mva)
{
    tlb_flush_page(arm_cpu(env), mva & TARGET_PAGE_MASK);
    if (env->cp15.fcse && mva - env->cp15.fcse < FCSE_SIZE) {
        tlb_flush_page(arm_cpu(env), (mva - env->cp15.fcse) & TARGET_PAGE_MASK);
    }
}
