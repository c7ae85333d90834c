/* SPDX-License-Identifier: MIT */
/*
 * Segmentation: descriptors, segment loads and the checks of each access (SDM
 * vol. 3, chapters 3 and 5).
 *
 *      selector --desc_get--> Descriptor --checks--> seg_load_desc
 *                                                      |
 *            SegmentCache { base, limit, flags, read_last, write_last }
 *                                                      |
 *                          HF_FLAT(seg): translated code has no check at all
 *
 * x86_seg_updated() boils type, limit and mode down to two numbers, the last
 * offset that may be read and written; the rare rest (expand-down segments,
 * faults) goes through x86_seg_check().
 */
#include "target-i386/sys.h"

#include "target-i386/helper.h"
#include "util/bits.h"

uint32_t desc_limit(const Descriptor *d)
{
    uint32_t limit = (d->e1 & 0xffff) | (d->e2 & 0xf0000);

    return d->e2 & DESC_G ? limit << 12 | 0xfff : limit;
}

/* -- The cache --------------------------------------------------------------- */

static bool seg_is_flat(const SegmentCache *s, unsigned seg)
{
    return s->base == 0 && s->read_last == 0xffffffff &&
           (seg == R_CS || s->write_last == 0xffffffff);
}

/* In real and virtual-8086 mode every segment is readable and writable. */
static void set_reach(const CPUX86State *env, SegmentCache *s)
{
    bool code = s->flags & DESC_CODE;

    s->read_last = s->write_last = -1;
    if (!x86_protected(env)) {
        s->read_last = s->write_last = s->limit;
    } else if ((s->flags & DESC_P) && (code || !(s->flags & DESC_E))) {
        s->read_last = !code || (s->flags & DESC_R) ? (int64_t)s->limit : -1;
        s->write_last = !code && (s->flags & DESC_W) ? (int64_t)s->limit : -1;
    }
}

void x86_seg_updated(CPUX86State *env, unsigned seg)
{
    SegmentCache *s = &env->segs[seg];

    set_reach(env, s);
    env->hflags &= ~HF_FLAT(seg);
    if (seg_is_flat(s, seg)) {
        env->hflags |= HF_FLAT(seg);
    }
    if (seg == R_CS) {
        env->hflags &= ~HF_CS32;
        env->hflags |= s->flags & DESC_B ? HF_CS32 : 0;
    } else if (seg == R_SS) {
        env->hflags &= ~HF_SS32;
        env->hflags |= s->flags & DESC_B ? HF_SS32 : 0;
    }
}

void seg_load_desc(CPUX86State *env, unsigned seg, uint32_t sel, const Descriptor *d)
{
    env->segs[seg] = (SegmentCache){
        .selector = sel,
        .base = desc_base(d),
        .limit = desc_limit(d),
        .flags = d->e2 & 0x00f0ff00,
    };
    x86_seg_updated(env, seg);
}

/*
 * Real mode changes selector and base only: limit and attributes stay as they
 * were ("unreal mode").  In virtual-8086 mode they are fixed (SDM vol. 3,
 * 20.2.1).
 */
void seg_load_real(CPUX86State *env, unsigned seg, uint32_t sel)
{
    SegmentCache *s = &env->segs[seg];

    s->selector = sel;
    s->base = sel << 4;
    if (x86_vm86(env)) {
        s->limit = 0xffff;
        s->flags = DESC_P | DESC_S | DESC_W | DESC_A | DESC_DPL;
    }
    x86_seg_updated(env, seg);
}

void seg_load_null(CPUX86State *env, unsigned seg, uint32_t sel)
{
    env->segs[seg] = (SegmentCache){ .selector = sel };
    x86_seg_updated(env, seg);
}

/* -- Descriptor tables ------------------------------------------------------- */

void desc_read(CPUX86State *env, Descriptor *d, uintptr_t ra)
{
    uint64_t both = cpu_ld(x86_cpu(env), d->addr, MO_64, 0, ra);

    d->e1 = (uint32_t)both;
    d->e2 = (uint32_t)(both >> 32);
}

bool desc_fetch(CPUX86State *env, uint32_t sel, Descriptor *d, uintptr_t ra)
{
    bool local = sel & 4;
    uint32_t base = local ? env->ldt.base : env->gdt.base;
    uint32_t limit = local ? env->ldt.limit : env->gdt.limit;

    if ((local && !(env->ldt.flags & DESC_P)) || (sel | 7) > limit) {
        return false;
    }
    d->addr = base + (sel & ~7u);
    desc_read(env, d, ra);
    return true;
}

void desc_get(CPUX86State *env, uint32_t sel, Descriptor *d, int vector, uintptr_t ra)
{
    if (!desc_fetch(env, sel, d, ra)) {
        x86_raise_err(env, vector, sel & 0xfffc, ra);
    }
}

void desc_set_accessed(CPUX86State *env, Descriptor *d, uintptr_t ra)
{
    if (!(d->e2 & DESC_A)) {
        d->e2 |= DESC_A;
        st_sys(env, d->addr + 4, d->e2, MO_32, ra);
    }
}

/* -- Access checks, SDM vol. 3, 5.3 and 5.5 ---------------------------------- */

static bool access_allowed(const CPUX86State *env, const SegmentCache *s, uint32_t offset,
                           uint32_t size, bool write)
{
    uint64_t last = (uint64_t)offset + size - 1;
    bool data = !(s->flags & DESC_CODE);

    if (s->limit == 0xffffffff) {
        last = (uint32_t)MIN(last, 0xffffffff);         /* wraps, unchecked */
    }
    if ((int64_t)last <= (write ? s->write_last : s->read_last)) {
        return true;
    }
    if (!x86_protected(env) || !(s->flags & DESC_P) || !data ||
        !(s->flags & DESC_E) || (write && !(s->flags & DESC_W))) {
        return false;
    }
    /* Expand down: valid above the limit, up to 64K or 4G by the B flag. */
    return offset > s->limit && last <= (s->flags & DESC_B ? 0xffffffff : 0xffff);
}

uint32_t x86_seg_check(CPUX86State *env, unsigned seg, uint32_t offset, uint32_t size,
                       bool write, uintptr_t ra)
{
    if (!access_allowed(env, &env->segs[seg], offset, size, write)) {
        x86_raise_err(env, seg == R_SS ? EXCP_SS : EXCP_GP, 0, ra);
    }
    return env->segs[seg].base + offset;
}

uint32_t helper_seg_check_r(CPUX86State *env, uint32_t seg, uint32_t offset, uint32_t size)
{
    return x86_seg_check(env, seg, offset, size, false, GETPC());
}

uint32_t helper_seg_check_w(CPUX86State *env, uint32_t seg, uint32_t offset, uint32_t size)
{
    return x86_seg_check(env, seg, offset, size, true, GETPC());
}

/* A byte is read for its faults; a segment that is only executed will do (SDM
 * vol. 2, CLFLUSH). */
void helper_clflush(CPUX86State *env, uint32_t seg, uint32_t offset)
{
    const SegmentCache *s = &env->segs[seg];
    bool code = x86_protected(env) && (s->flags & DESC_P) && (s->flags & DESC_CODE);
    uint32_t linear = code && offset <= s->limit ? s->base + offset
        : x86_seg_check(env, seg, offset, 1, false, GETPC());

    cpu_ld(x86_cpu(env), linear, MO_8, x86_cpl(env) == 3, GETPC());
}

/* -- Loading a segment register, SDM vol. 2, MOV ----------------------------- */

static void check_stack_seg(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env);

    if ((sel & 3) != cpl || desc_dpl(d) != cpl ||
        !(d->e2 & DESC_S) || (d->e2 & DESC_CODE) || !(d->e2 & DESC_W)) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    if (!(d->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_SS, sel & 0xfffc, ra);
    }
}

static void check_data_seg(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra)
{
    bool code = d->e2 & DESC_CODE;
    bool conforming = code && (d->e2 & DESC_C);

    if (!(d->e2 & DESC_S) || (code && !(d->e2 & DESC_R)) ||
        (!conforming && desc_dpl(d) < MAX(x86_cpl(env), sel & 3))) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    if (!(d->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, sel & 0xfffc, ra);
    }
}

static void load_seg_protected(CPUX86State *env, unsigned seg, uint32_t sel, uintptr_t ra)
{
    Descriptor d;

    if (!(sel & 0xfffc)) {
        if (seg == R_SS) {
            x86_raise_err(env, EXCP_GP, 0, ra);
        }
        seg_load_null(env, seg, sel);
        return;
    }
    desc_get(env, sel, &d, EXCP_GP, ra);
    if (seg == R_SS) {
        check_stack_seg(env, sel, &d, ra);
    } else {
        check_data_seg(env, sel, &d, ra);
    }
    desc_set_accessed(env, &d, ra);
    seg_load_desc(env, seg, sel, &d);
}

void helper_load_seg(CPUX86State *env, uint32_t seg, uint32_t sel)
{
    sel &= 0xffff;
    if (x86_protected(env)) {
        load_seg_protected(env, seg, sel, GETPC());
    } else {
        seg_load_real(env, seg, sel);
    }
}

/* -- LAR, LSL, VERR, VERW (SDM vol. 2): look, never fault on a selector ------ */

static bool visible(CPUX86State *env, uint32_t sel, Descriptor *d, uint32_t system_types,
                    uintptr_t ra)
{
    if (!(sel & 0xfffc) || !desc_fetch(env, sel, d, ra)) {
        return false;
    }
    if (!(d->e2 & DESC_S) && !(system_types >> desc_type(d) & 1)) {
        return false;
    }
    bool conforming = (d->e2 & DESC_S) && (d->e2 & DESC_CODE) && (d->e2 & DESC_C);

    return conforming || desc_dpl(d) >= MAX(x86_cpl(env), sel & 3);
}

#define TYPE_BIT(t) (1u << (t))
#define TSS_LDT_TYPES                                                       \
    (TYPE_BIT(TYPE_TSS16) | TYPE_BIT(TYPE_TSS16_BUSY) | TYPE_BIT(TYPE_LDT) |\
     TYPE_BIT(TYPE_TSS32) | TYPE_BIT(TYPE_TSS32_BUSY))
#define LAR_TYPES                                                           \
    (TSS_LDT_TYPES | TYPE_BIT(TYPE_CALL16) | TYPE_BIT(TYPE_CALL32) |        \
     TYPE_BIT(TYPE_TASK_GATE))

uint64_t helper_lar(CPUX86State *env, uint32_t sel)
{
    Descriptor d;

    if (!visible(env, sel & 0xffff, &d, LAR_TYPES, GETPC())) {
        return 0;
    }
    /* SDM vol. 2A, LAR: bits <19:16> are undefined; processors give the limit's. */
    return (d.e2 & 0x00ffff00) | 1ull << 32;
}

uint64_t helper_lsl(CPUX86State *env, uint32_t sel)
{
    Descriptor d;

    if (!visible(env, sel & 0xffff, &d, TSS_LDT_TYPES, GETPC())) {
        return 0;
    }
    return desc_limit(&d) | 1ull << 32;
}

uint32_t helper_verr(CPUX86State *env, uint32_t sel)
{
    Descriptor d;

    return visible(env, sel & 0xffff, &d, 0, GETPC()) &&
           (!(d.e2 & DESC_CODE) || (d.e2 & DESC_R));
}

uint32_t helper_verw(CPUX86State *env, uint32_t sel)
{
    Descriptor d;

    return visible(env, sel & 0xffff, &d, 0, GETPC()) &&
           !(d.e2 & DESC_CODE) && (d.e2 & DESC_W);
}

/* -- LDTR, TR, GDTR, IDTR ---------------------------------------------------- */

static void load_system(SegmentCache *s, uint32_t sel, const Descriptor *d)
{
    *s = (SegmentCache){ .selector = sel, .base = desc_base(d), .limit = desc_limit(d),
                         .flags = d->e2 & 0x00f0ff00 };
}

void helper_lldt(CPUX86State *env, uint32_t sel)
{
    uintptr_t ra = GETPC();
    Descriptor d;

    sel &= 0xffff;
    if (!(sel & 0xfffc)) {
        env->ldt = (SegmentCache){ .selector = sel };
        return;
    }
    if (sel & 4) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    desc_get(env, sel, &d, EXCP_GP, ra);
    if ((d.e2 & DESC_S) || desc_type(&d) != TYPE_LDT) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    if (!(d.e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, sel & 0xfffc, ra);
    }
    load_system(&env->ldt, sel, &d);
}

void helper_ltr(CPUX86State *env, uint32_t sel)
{
    uintptr_t ra = GETPC();
    Descriptor d;

    sel &= 0xffff;
    if (!(sel & 0xfffc)) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    if (sel & 4) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    desc_get(env, sel, &d, EXCP_GP, ra);
    if ((d.e2 & DESC_S) || (desc_type(&d) != TYPE_TSS16 && desc_type(&d) != TYPE_TSS32)) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    if (!(d.e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, sel & 0xfffc, ra);
    }
    d.e2 |= DESC_TSS_BUSY;
    st_sys(env, d.addr + 4, d.e2, MO_32, ra);
    load_system(&env->tr, sel, &d);
}

void helper_lgdt(CPUX86State *env, uint32_t base, uint32_t limit)
{
    env->gdt = (DescTable){ base, limit & 0xffff };
}

void helper_lidt(CPUX86State *env, uint32_t base, uint32_t limit)
{
    env->idt = (DescTable){ base, limit & 0xffff };
}

/* -- Stacks ------------------------------------------------------------------ */

void stack_current(CPUX86State *env, Stack *s, uintptr_t ra)
{
    *s = (Stack){
        .ss = env->segs[R_SS],
        .sp = env->regs[R_ESP],
        .mask = env->segs[R_SS].flags & DESC_B ? 0xffffffff : 0xffff,
        .mmu_idx = x86_cpl(env) == 3,
        .ra = ra,
    };
}

static uint32_t stack_address(CPUX86State *env, const Stack *s, unsigned size, bool write)
{
    uint32_t offset = s->sp & s->mask;

    if (!access_allowed(env, &s->ss, offset, size, write)) {
        x86_raise_err(env, EXCP_SS, s->fault_code, s->ra);
    }
    uint32_t addr = s->ss.base + offset;

    if ((env->hflags & HF_AC) && s->mmu_idx == 1 && (addr & (size - 1))) {
        x86_raise_err(env, EXCP_AC, 0, s->ra);
    }
    return addr;
}

void stack_push(CPUX86State *env, Stack *s, uint32_t val, unsigned size)
{
    s->sp -= size;
    cpu_st(x86_cpu(env), stack_address(env, s, size, true), val,
           size == 4 ? MO_32 : MO_16, s->mmu_idx, s->ra);
}

uint32_t stack_pop(CPUX86State *env, Stack *s, unsigned size)
{
    uint32_t val = (uint32_t)cpu_ld(x86_cpu(env), stack_address(env, s, size, false),
                                    size == 4 ? MO_32 : MO_16, s->mmu_idx, s->ra);

    s->sp += size;
    return val;
}

void stack_commit(CPUX86State *env, const Stack *s)
{
    uint32_t *esp = &env->regs[R_ESP];

    *esp = (*esp & ~s->mask) | (s->sp & s->mask);
}

/* SDM vol. 3, 5.8.5: the TSS holds a stack for each inner level. */
void stack_from_tss(CPUX86State *env, unsigned dpl, Stack *s, uint32_t *sel,
                    Descriptor *d, uintptr_t ra)
{
    unsigned type = env->tr.flags >> DESC_TYPE_SHIFT & 15;
    bool wide = type & 8;
    uint32_t offset = wide ? 4 + 8 * dpl : 2 + 4 * dpl;
    uint32_t esp;

    if (offset + (wide ? 7 : 3) > env->tr.limit) {
        x86_raise_err(env, EXCP_TS, env->tr.selector & 0xfffc, ra);
    }
    esp = ld_sys(env, env->tr.base + offset, wide ? MO_32 : MO_16, ra);
    *sel = ld_sys(env, env->tr.base + offset + (wide ? 4 : 2), MO_16, ra);
    if (!(*sel & 0xfffc)) {
        x86_raise_err(env, EXCP_TS, *sel & 0xfffc, ra);
    }
    desc_get(env, *sel, d, EXCP_TS, ra);
    if ((*sel & 3) != dpl || desc_dpl(d) != dpl || !(d->e2 & DESC_S) ||
        (d->e2 & DESC_CODE) || !(d->e2 & DESC_W)) {
        x86_raise_err(env, EXCP_TS, *sel & 0xfffc, ra);
    }
    if (!(d->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_SS, *sel & 0xfffc, ra);
    }
    *s = (Stack){
        .ss = { .selector = *sel, .base = desc_base(d), .limit = desc_limit(d),
                .flags = d->e2 & 0x00f0ff00 },
        .sp = esp,
        .mask = d->e2 & DESC_B ? 0xffffffff : 0xffff,
        .mmu_idx = 0,
        .fault_code = *sel & 0xfffc,
        .ra = ra,
    };
    s->ss.read_last = s->ss.write_last =
        d->e2 & DESC_E ? -1 : (int64_t)s->ss.limit;
}
