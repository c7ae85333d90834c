/* SPDX-License-Identifier: MIT */
/*
 * Flags, control registers and ports: what changes the processor's mode (SDM
 * vol. 3, 2.3 and 2.5; vol. 1, chapter 19 for ports).  hflags are derived here
 * (x86_update_hflags) from everything they cache.
 */
#include "target-i386/sys.h"

#include "sys/loop.h"
#include "target-i386/cc.h"
#include "target-i386/helper.h"

/* -- Hidden flags ------------------------------------------------------------ */

void x86_set_cpl(CPUX86State *env, unsigned cpl)
{
    env->hflags = (env->hflags & ~(uint32_t)HF_CPL_MASK) | cpl;
    x86_update_hflags(env);
}

static uint32_t hflag(bool on, uint32_t flag)
{
    return on ? flag : 0;
}

void x86_update_hflags(CPUX86State *env)
{
    const uint32_t kept = HF_CPL_MASK | HF_CS32 | HF_SS32 | HF_BP | HF_INHIBIT | HF_SMM |
                          63u << HF_FLAT_SHIFT | HF_SSE_TRAP;
    uint32_t cr0 = env->cr[0], cr4 = env->cr[4], hf = env->hflags & kept;
    bool pe = cr0 & CR0_PE, vm = pe && (env->eflags & VM_MASK);
    unsigned cpl = hf & HF_CPL_MASK;

    hf |= hflag(pe && !vm, HF_PE) | hflag(vm, HF_VM);
    hf |= (env->eflags >> IOPL_SHIFT & 3) << HF_IOPL_SHIFT;
    hf |= hflag(env->eflags & TF_MASK, HF_TF);
    hf |= hflag(cr0 & CR0_MP, HF_MP) | hflag(cr0 & CR0_EM, HF_EM) | hflag(cr0 & CR0_TS, HF_TS);
    hf |= hflag((cr0 & CR0_AM) && (env->eflags & AC_MASK) && cpl == 3, HF_AC);
    hf |= hflag(cr4 & CR4_OSFXSR, HF_OSFXSR) | hflag(cr4 & CR4_OSXMMEXCPT, HF_OSXMMEXCPT);
    hf |= hflag((cr4 & CR4_VME && vm) || (cr4 & CR4_PVI && cpl == 3 && !vm), HF_VME);
    hf |= hflag(~env->fpuc & 0x3f, HF_FPU_TRAP);
    env->hflags = hf;
}

static void update_all_segs(CPUX86State *env)
{
    x86_update_hflags(env);
    for (unsigned i = 0; i < 6; i++) {
        x86_seg_updated(env, i);
    }
}

/* -- EFLAGS ------------------------------------------------------------------ */

uint32_t x86_get_eflags(CPUX86State *env)
{
    return env->eflags | 2 | x86_compute_cc(env) | (env->df < 0 ? DF_MASK : 0);
}

void x86_set_eflags(CPUX86State *env, uint32_t val, uint32_t mask)
{
    const uint32_t in_hflags = TF_MASK | IOPL_MASK | VM_MASK | AC_MASK;

    if (mask & CC_ALL) {
        uint32_t kept = ~mask & CC_ALL ? x86_compute_cc(env) & ~mask : 0;

        env->cc_src = kept | (val & mask & CC_ALL);
        env->cc_op = CC_OP_EFLAGS;
    }
    if (mask & DF_MASK) {
        env->df = val & DF_MASK ? -1 : 1;
    }
    mask &= ~(uint32_t)(CC_ALL | DF_MASK);
    uint32_t changed = (env->eflags ^ val) & mask;

    env->eflags ^= changed;
    if (changed & VM_MASK) {
        update_all_segs(env);
    } else if (changed & in_hflags) {
        x86_update_hflags(env);
    }
}

/* SDM vol. 2, PUSHF; vol. 3, 20.3.3 for VME. */
uint32_t helper_pushf(CPUX86State *env, uint32_t size)
{
    uint32_t flags = x86_get_eflags(env) & ~(uint32_t)(VM_MASK | RF_MASK);

    if (x86_vm86(env) && x86_iopl(env) < 3) {
        if (!(env->cr[4] & CR4_VME) || size != 2) {
            x86_raise_err(env, EXCP_GP, 0, GETPC());
        }
        flags = (flags & ~(uint32_t)IF_MASK) | IOPL_MASK |
                (flags & VIF_MASK ? IF_MASK : 0);
    }
    return flags;
}

static void popf_vme(CPUX86State *env, uint32_t val, uint32_t size, uintptr_t ra)
{
    bool enable = val & IF_MASK;

    if (!(env->cr[4] & CR4_VME) || size != 2 || (val & TF_MASK) ||
        (enable && (env->eflags & VIP_MASK))) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    val |= enable ? VIF_MASK : 0;
    x86_set_eflags(env, val, CC_ALL | DF_MASK | NT_MASK | VIF_MASK);
}

void helper_popf(CPUX86State *env, uint32_t val, uint32_t size)
{
    uint32_t mask = CC_ALL | TF_MASK | DF_MASK | NT_MASK;
    unsigned cpl = x86_cpl(env), iopl = x86_iopl(env);

    if (x86_vm86(env)) {
        if (iopl < 3) {
            popf_vme(env, val, size, GETPC());
            return;
        }
        mask |= IF_MASK;
    } else {
        mask |= cpl <= iopl ? IF_MASK : 0;
        mask |= cpl == 0 ? IOPL_MASK : 0;
    }
    mask |= size == 4 ? AC_MASK | ID_MASK : 0;
    x86_set_eflags(env, val, mask);
    if (size == 4) {
        env->eflags &= ~(uint32_t)RF_MASK;
    }
}

/* Which flag CLI and STI mean here: IF, VIF, or none at all (#GP). */
static uint32_t interrupt_flag(CPUX86State *env, uintptr_t ra)
{
    if (!x86_protected(env) && !x86_vm86(env)) {
        return IF_MASK;
    }
    if (x86_vm86(env) ? x86_iopl(env) == 3 : x86_cpl(env) <= x86_iopl(env)) {
        return IF_MASK;
    }
    if (env->hflags & HF_VME) {
        return VIF_MASK;
    }
    x86_raise_err(env, EXCP_GP, 0, ra);
}

void helper_cli(CPUX86State *env)
{
    env->eflags &= ~interrupt_flag(env, GETPC());
}

void helper_sti(CPUX86State *env)
{
    uint32_t flag = interrupt_flag(env, GETPC());

    if (flag == VIF_MASK && (env->eflags & VIP_MASK)) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    if (flag == IF_MASK && !(env->eflags & IF_MASK)) {
        env->hflags |= HF_INHIBIT;
    }
    env->eflags |= flag;
}

void helper_clear_inhibit(CPUX86State *env)
{
    env->hflags &= ~(uint32_t)HF_INHIBIT;
}

void helper_set_inhibit(CPUX86State *env)
{
    env->hflags |= HF_INHIBIT;
}

/* -- Control registers ------------------------------------------------------- */

void x86_load_cr0(CPUX86State *env, uint32_t val)
{
    uint32_t changed = env->cr[0] ^ val;

    env->cr[0] = val | CR0_ET;
    if (changed & (CR0_PG | CR0_WP | CR0_PE)) {
        tlb_flush(x86_cpu(env));
    }
    if (changed & CR0_PE) {
        env->hflags &= ~(uint32_t)HF_CPL_MASK;
        update_all_segs(env);
    } else {
        x86_update_hflags(env);
    }
}

static void write_cr0(CPUX86State *env, uint32_t val, uintptr_t ra)
{
    if (((val & CR0_PG) && !(val & CR0_PE)) || ((val & CR0_NW) && !(val & CR0_CD))) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    if ((val & CR0_PG) && !(env->cr[0] & CR0_PG) && (env->cr[4] & CR4_PAE)) {
        x86_load_pdptes(env, env->cr[3], ra);
    }
    x86_load_cr0(env, val);
}

static void write_cr3(CPUX86State *env, uint32_t val, uintptr_t ra)
{
    if ((env->cr[0] & CR0_PG) && (env->cr[4] & CR4_PAE)) {
        x86_load_pdptes(env, val, ra);
    }
    env->cr[3] = val;
    tlb_flush_nonglobal(x86_cpu(env));
}

void x86_load_cr3(CPUX86State *env, uint32_t val)
{
    write_cr3(env, val, 0);
}

/* CPUID.1:EDX bits, and the CR4 bits each makes legal. */
static uint32_t cr4_legal(const CPUX86State *env)
{
    static const struct { uint32_t feature, cr4; } rules[] = {
        { 1 << 1, CR4_VME | CR4_PVI }, { 1 << 2, CR4_DE }, { 1 << 3, CR4_PSE },
        { 1 << 4, CR4_TSD }, { 1 << 6, CR4_PAE }, { 1 << 7, CR4_MCE },
        { 1 << 13, CR4_PGE }, { 1 << 24, CR4_OSFXSR }, { 1 << 25, CR4_OSXMMEXCPT },
    };
    uint32_t legal = CR4_PCE;

    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        legal |= env->feat_1_edx & rules[i].feature ? rules[i].cr4 : 0;
    }
    return legal;
}

static void write_cr4(CPUX86State *env, uint32_t val, uintptr_t ra)
{
    uint32_t changed = env->cr[4] ^ val;

    if (val & ~cr4_legal(env)) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    if ((changed & CR4_PAE) && (val & CR4_PAE) && (env->cr[0] & CR0_PG)) {
        x86_load_pdptes(env, env->cr[3], ra);
    }
    env->cr[4] = val;
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE)) {
        tlb_flush(x86_cpu(env));
    }
    x86_update_hflags(env);
}

uint32_t helper_mov_from_cr(CPUX86State *env, uint32_t n)
{
    if (n == 1 || n > 4) {
        x86_raise(env, EXCP_UD, GETPC());
    }
    return env->cr[n];
}

void helper_mov_to_cr(CPUX86State *env, uint32_t n, uint32_t val)
{
    uintptr_t ra = GETPC();

    switch (n) {
    case 0:
        write_cr0(env, val, ra);
        break;
    case 2:
        env->cr[2] = val;
        break;
    case 3:
        write_cr3(env, val, ra);
        break;
    case 4:
        write_cr4(env, val, ra);
        break;
    default:
        x86_raise(env, EXCP_UD, ra);
    }
}

/* SDM vol. 2, LMSW: four bits, and PE cannot be cleared. */
void helper_lmsw(CPUX86State *env, uint32_t val)
{
    uint32_t cr0 = (env->cr[0] & ~0xeu) | (val & 0xf);

    write_cr0(env, cr0, GETPC());
}

void helper_clts(CPUX86State *env)
{
    env->cr[0] &= ~(uint32_t)CR0_TS;
    env->hflags &= ~(uint32_t)HF_TS;
}

void helper_invlpg(CPUX86State *env, uint32_t linear)
{
    tlb_flush_page(x86_cpu(env), linear & ~0xfffu);
}

/* -- Ports (SDM vol. 1, 19.5) ------------------------------------------------ */

static bool io_bitmap_allows(CPUX86State *env, uint32_t port, unsigned size, uintptr_t ra)
{
    bool wide = (env->tr.flags >> DESC_TYPE_SHIFT & 13) == TYPE_TSS32;

    if (!(env->tr.flags & DESC_P) || !wide || env->tr.limit < 103) {
        return false;
    }
    uint32_t at = ld_sys(env, env->tr.base + 102, MO_16, ra) + port / 8;

    if (at + 1 > env->tr.limit) {
        return false;
    }
    uint32_t bits = ld_sys(env, env->tr.base + at, MO_16, ra) >> (port & 7);

    return !(bits & ((1u << size) - 1));
}

void x86_check_io(CPUX86State *env, uint32_t port, unsigned size, uintptr_t ra)
{
    bool restricted = x86_vm86(env) ||
                      (x86_protected(env) && x86_cpl(env) > x86_iopl(env));

    if (restricted && !io_bitmap_allows(env, port, size, ra)) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
}

/* A device may stop or reset the machine: its registers must be exact. */
uint32_t helper_in(CPUX86State *env, uint32_t port, uint32_t size)
{
    x86_check_io(env, port & 0xffff, size, GETPC());
    return cpu_in(x86_cpu(env), port & 0xffff, size);
}

void helper_out(CPUX86State *env, uint32_t port, uint32_t val, uint32_t size)
{
    x86_check_io(env, port & 0xffff, size, GETPC());
    cpu_out(x86_cpu(env), port & 0xffff, val, size);
}
