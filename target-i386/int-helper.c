/* SPDX-License-Identifier: MIT */
/*
 * Integer helpers: what is too long for in-line code or rare enough not to
 * matter.
 */
#include "target-i386/helper.h"

#include "target-i386/cc.h"
#include "target-i386/string-helper.h"

/* -- Segment limits ---------------------------------------------------------- */

/*
 * An in-line limit check failed.  In a segment that expands down that means
 * nothing, so the instruction is tried again with HF_EXPAND, which makes every
 * check a call.  The flag goes with the next change of hflags, and comes back
 * this way when it is still needed.
 */
void helper_seg_slow(CPUX86State *env, uint32_t seg)
{
    uint32_t flags = env->segs[seg].flags;

    if (!(env->hflags & HF_PE) || !(flags & DESC_P) || (flags & DESC_CODE) ||
        !(flags & DESC_E)) {
        x86_raise_err(env, seg == R_SS ? EXCP_SS : EXCP_GP, 0, GETPC());
    }
    env->hflags |= HF_EXPAND;
}

/* -- Division, SDM vol. 2A, DIV and IDIV ------------------------------------- */

uint32_t helper_divb(CPUX86State *env, uint32_t ax, uint32_t by)
{
    if (by == 0 || ax / by > 0xff) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return ax % by << 8 | ax / by;
}

uint32_t helper_divw(CPUX86State *env, uint32_t dxax, uint32_t by)
{
    if (by == 0 || dxax / by > 0xffff) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return dxax % by << 16 | dxax / by;
}

uint64_t helper_divl(CPUX86State *env, uint32_t eax, uint32_t edx, uint32_t by)
{
    uint64_t edxeax = (uint64_t)edx << 32 | eax;

    if (edx >= by) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return edxeax % by << 32 | edxeax / by;
}

uint32_t helper_idivb(CPUX86State *env, uint32_t ax, uint32_t by)
{
    int num = (int16_t)ax, den = (int8_t)by;

    if (den == 0 || num / den != (int8_t)(num / den)) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return (uint32_t)(num % den & 0xff) << 8 | (uint32_t)(num / den & 0xff);
}

uint32_t helper_idivw(CPUX86State *env, uint32_t dxax, uint32_t by)
{
    int64_t num = (int32_t)dxax, den = (int16_t)by;

    if (den == 0 || num / den != (int16_t)(num / den)) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return (uint32_t)(num % den & 0xffff) << 16 | (uint32_t)(num / den & 0xffff);
}

uint64_t helper_idivl(CPUX86State *env, uint32_t eax, uint32_t edx, uint32_t by)
{
    int64_t num = (int64_t)((uint64_t)edx << 32 | eax), den = (int32_t)by;

    if (den == 0 || (num == INT64_MIN && den == -1) || num / den != (int32_t)(num / den)) {
        x86_raise(env, EXCP_DE, GETPC());
    }
    return (uint64_t)(num % den) << 32 | (uint32_t)(num / den);
}

/* -- Rotate through carry: 9, 17 or 33 bits go round ------------------------- */

uint64_t helper_rcl(uint32_t val, uint32_t count, uint32_t carry, uint32_t size)
{
    unsigned bits = 8u << size, n = count % (bits + 1);
    uint64_t ring = (uint64_t)carry << bits | val;
    uint64_t all = (2ull << bits) - 1;

    ring = n ? (ring << n | ring >> (bits + 1 - n)) & all : ring;
    return (ring >> bits) << 32 | (ring & all >> 1);
}

uint64_t helper_rcr(uint32_t val, uint32_t count, uint32_t carry, uint32_t size)
{
    unsigned bits = 8u << size, n = count % (bits + 1);

    return helper_rcl(val, n ? bits + 1 - n : 0, carry, size);
}

uint32_t helper_popcnt(uint32_t val)
{
    return (uint32_t)__builtin_popcount(val);
}

/* -- Decimal adjust, SDM vol. 2A --------------------------------------------- */

static void set_ax(CPUX86State *env, uint32_t ax)
{
    env->regs[R_EAX] = (env->regs[R_EAX] & 0xffff0000) | (ax & 0xffff);
}

/* ZF, SF and PF by AL; the others as given. */
static void set_flags_al(CPUX86State *env, uint32_t carries)
{
    env->cc_src = x86_cc_flags(CC_OP_LOGICB, env->regs[R_EAX], 0, 0, 0) | carries;
    env->cc_op = CC_OP_EFLAGS;
}

/* DAA and DAS differ in the sign only; OF, undefined, is clear. */
static void decimal_adjust(CPUX86State *env, int sign)
{
    uint32_t flags = x86_compute_cc(env), ax = env->regs[R_EAX], al = ax & 0xff;
    uint32_t carries = 0, old = al;

    if ((al & 15) > 9 || (flags & CC_A)) {
        carries |= CC_A;
        if (sign < 0 && old < 6) {
            carries |= CC_C;
        }
        al += (uint32_t)(sign * 6);
    }
    if (old > 0x99 || (flags & CC_C)) {
        carries |= CC_C;
        al += (uint32_t)(sign * 0x60);
    }
    set_ax(env, (ax & 0xff00) | (al & 0xff));
    set_flags_al(env, carries);
}

void helper_daa(CPUX86State *env)
{
    decimal_adjust(env, 1);
}

void helper_das(CPUX86State *env)
{
    decimal_adjust(env, -1);
}

/* AAA and AAS: AX by 0x106, so that AL carries into AH. */
static void ascii_adjust(CPUX86State *env, int sign)
{
    uint32_t flags = x86_compute_cc(env), ax = env->regs[R_EAX] & 0xffff;
    bool adjust = (ax & 15) > 9 || (flags & CC_A);

    if (adjust) {
        ax += (uint32_t)(sign * 0x106);
    }
    set_ax(env, ax & 0xff0f);
    set_flags_al(env, adjust ? CC_A | CC_C : 0);
}

void helper_aaa(CPUX86State *env)
{
    ascii_adjust(env, 1);
}

void helper_aas(CPUX86State *env)
{
    ascii_adjust(env, -1);
}

/* -- ARPL, SDM vol. 2A ------------------------------------------------------- */

uint32_t helper_arpl(CPUX86State *env, uint32_t seg, uint32_t offset, uint32_t sel)
{
    CPUState *cpu = x86_cpu(env);
    uintptr_t ra = GETPC();
    unsigned mmu_idx = cpu->common.ops->mmu_index(cpu);
    uint32_t addr = x86_seg_linear(env, seg, offset, 2, false, ra);
    uint32_t dest = (uint32_t)cpu_ld(cpu, addr, MO_16, mmu_idx, ra);

    if ((dest & 3) >= (sel & 3)) {
        return 0;
    }
    addr = x86_seg_linear(env, seg, offset, 2, true, ra);
    cpu_st(cpu, addr, (dest & ~3u) | (sel & 3), MO_16, mmu_idx, ra);
    return 1;
}

/* -- ENTER ------------------------------------------------------------------- */

typedef struct Frame {
    CPUX86State *env;
    uint32_t mask, bytes, memop;        /* of the stack pointer; of a slot */
    unsigned mmu_idx;
    uintptr_t ra;
} Frame;

static uint32_t frame_load(const Frame *f, uint32_t offset)
{
    uint32_t addr = x86_seg_linear(f->env, R_SS, offset & f->mask, f->bytes, false, f->ra);

    return (uint32_t)cpu_ld(x86_cpu(f->env), addr, f->memop, f->mmu_idx, f->ra);
}

static void frame_store(const Frame *f, uint32_t offset, uint32_t val)
{
    uint32_t addr = x86_seg_linear(f->env, R_SS, offset & f->mask, f->bytes, true, f->ra);

    cpu_st(x86_cpu(f->env), addr, val, f->memop, f->mmu_idx, f->ra);
}

/* May a slot be written? */
static void frame_probe(const Frame *f, uint32_t offset)
{
    uint32_t addr = x86_seg_linear(f->env, R_SS, offset & f->mask, f->bytes, true, f->ra);

    cpu_probe(x86_cpu(f->env), addr, 1, MMU_WRITE, f->mmu_idx, f->ra);
    cpu_probe(x86_cpu(f->env), addr + f->bytes - 1, 1, MMU_WRITE, f->mmu_idx, f->ra);
}

/*
 * SDM vol. 2A, ENTER, with a level above 0: push EBP, copy level - 1 frame
 * pointers from the old frame, push the new frame pointer, reserve `size`
 * bytes, whose end must be writable.
 */
void helper_enter(CPUX86State *env, uint32_t size, uint32_t level, uint32_t operand)
{
    CPUState *cpu = x86_cpu(env);
    Frame f = {
        .env = env, .mask = env->hflags & HF_SS32 ? 0xffffffff : 0xffff,
        .bytes = 1u << operand, .memop = operand, .mmu_idx = cpu->common.ops->mmu_index(cpu),
        .ra = GETPC(),
    };
    uint32_t sp = env->regs[R_ESP] - f.bytes, ebp = env->regs[R_EBP];
    uint32_t frame = sp, keep = operand == MO_16 ? 0xffff0000 : 0;

    frame_store(&f, sp, ebp);
    for (uint32_t i = 1; i < level; i++) {
        uint32_t v = frame_load(&f, ebp - i * f.bytes);

        sp -= f.bytes;
        frame_store(&f, sp, v);
    }
    sp -= f.bytes;
    frame_store(&f, sp, frame);
    frame_probe(&f, sp - size);
    env->regs[R_EBP] = (ebp & keep) | (frame & ~keep);
    env->regs[R_ESP] = (env->regs[R_ESP] & ~f.mask) | ((sp - size) & f.mask);
}
