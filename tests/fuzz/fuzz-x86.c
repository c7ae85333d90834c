/* SPDX-License-Identifier: MIT */
/*
 * i386 against the best reference there is: the host.
 *
 * Random user-mode sequences (x86-gen.h) run natively (x86-native.h) and
 * emulated (tests/x86-rig.h), from the same state.  A difference is shrunk and
 * printed as a line for tests/insn/x86.tst.  A row of the opcode maps that
 * user mode can run and that was never executed is a failure as well.
 *
 *      build/opt/tests/fuzz/fuzz-x86 [cases] [seed] [-o OPTION,...]
 *
 * Options: interp, no_opt, no_pin, no_fastfp, no_chain, no_fast_tlb: that slow twin of
 * the engine; selfcheck: each block checks itself; only=NAME: rows of that name,
 * only=x87, only=xmm: those with such registers.
 *
 * We do as Intel's processors do where the manual leaves the choice.  On others such
 * flags, rows (only_intel) and orders of exceptions are not compared.
 */
#include <cpuid.h>
#include <stdio.h>
#include <time.h>

#include "tests/fuzz/x86-native.h"

#include "tests/fuzz/x86-gen.h"

#include "disas.h"
#include "exec.h"
#include "tests/x86-text.h"

enum { BATCH = 256, MAX_REPORTS = 24 };

/* -- What may differ --------------------------------------------------------- */

/*
 * Flags.  undef: left undefined by the manual, and not a simple rule on Intel's
 * processors.  others: undefined as well, by a rule there that is ours and not every
 * maker's.  keeps: not written, or not always, so that what was undefined before stays
 * so.  reads: nobody may read what is undefined.
 */
enum { ALL = CC_ALL, ALL_BUT_CF = CC_ALL & ~CC_C, ALL_BUT_ZF = CC_ALL & ~CC_Z,
       OSZP = CC_O | CC_S | CC_Z | CC_P };

typedef struct FlagRow { const char *names; uint32_t undef, others, keeps, reads; } FlagRow;

static const FlagRow flag_rows[] = {
    { "ADD SUB CMP XADD CMPXCHG NEG POPF IRET", 0, 0, 0, 0 },
    { "AND OR XOR TEST", 0, CC_A, 0, 0 },
    { "ADC SBB", 0, 0, 0, CC_C },
    { "INC DEC", 0, 0, CC_C, 0 },
    { "CMC", 0, 0, ALL_BUT_CF, CC_C },
    { "CLC STC", 0, 0, ALL_BUT_CF, 0 },
    { "SAHF", 0, 0, CC_O, 0 },
    { "Jcc SETcc CMOVcc LOOPE LOOPNE FCMOV INTO PUSHF", 0, 0, ALL, ALL },
    { "SALC", 0, 0, ALL, CC_C },
    { "DAA DAS", 0, CC_O, 0, CC_A | CC_C },
    { "AAA AAS", 0, OSZP, 0, CC_A },
    { "LAHF", 0, 0, ALL, ALL & ~CC_O },
    { "MUL IMUL1 IMUL", CC_Z, CC_S | CC_A | CC_P, 0, 0 },
    { "DIV IDIV", 0, ALL, ALL, 0 },
    { "SHL SHR SAR SHLD SHRD", CC_O, CC_A, ALL, 0 },
    { "ROL ROR", CC_O, 0, ALL, 0 },
    { "RCL RCR", CC_O, 0, ALL, CC_C },
    { "BT BTS BTR BTC", CC_O | CC_A, CC_S | CC_P, ALL_BUT_CF, 0 },
    { "AAD", CC_A | CC_C | CC_O, 0, 0, 0 },
    { "AAM", 0, CC_A | CC_C | CC_O, ALL, 0 },
    { "BSF BSR", ALL_BUT_ZF, 0, 0, 0 },
    { "POPCNT PTEST PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM", 0, 0, 0, 0 },
};
static const FlagRow other_row = { "", 0, 0, ALL, 0 };

static const FlagRow *flag_row(const Leaf *l)
{
    for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++) {
        if (name_in(l, flag_rows[i].names)) {
            return &flag_rows[i];
        }
    }
    return &other_row;
}

static uint32_t undefined_by(const Leaf *l)
{
    const FlagRow *r = flag_row(l);
    uint32_t undef = r->undef | (native_is_intel ? 0 : r->others);

    /* OF is defined for a count of 1. */
    return l->operand[1] == ONE_b ? undef & ~CC_O : undef;
}

/* What is undefined at the head of unit n; false: somebody reads it. */
static bool undefined_at(const Case *c, unsigned n, uint32_t *undef)
{
    uint32_t u = 0, skipped = 0;

    for (unsigned i = 0; i < n; i++) {
        const FlagRow *r = flag_row(c->unit[i].leaf);

        if (u & r->reads) {
            return false;
        }
        u = (u & (r->keeps | skipped)) | undefined_by(c->unit[i].leaf);
        skipped |= c->unit[i].leaf->op->flags & OP_JUMP ? ALL : 0;
    }
    *undef = u;
    return true;
}

static uint32_t flags_compared(const Case *c, const X86Ctx *end)
{
    uint32_t undef = 0, all = 0;
    unsigned at = c->num;
    uint32_t eip = end->vector == -1 ? c->end : end->eip + code_base(c);

    for (unsigned i = 0; i <= c->num; i++) {
        undefined_at(c, i, &undef);
        all |= undef;
        if (c->start[i] <= eip) {
            at = i;
        }
    }
    undefined_at(c, at, &undef);
    bool inside = end->vector == -1 || (eip >= c->addr && eip <= c->end);

    return ~(inside ? undef : all) & TEXT_EFLAGS;
}

typedef struct Result {
    X86Ctx ctx;
    uint8_t data[RIG_DATA_WRITABLE];
} Result;

/* For cases that end between a store of an image and the clearing behind it. */
static void mask_images(const Case *c, Result *r)
{
    for (unsigned i = 0; i < c->num; i++) {
        ImagePart part[2];
        unsigned num = c->unit[i].image ? image_pointers(&c->unit[i], part) : 0;

        for (unsigned k = 0; k < num; k++) {
            memset(r->data + DATA_ANY + 512 * i + part[k].from, 0, part[k].to - part[k].from);
        }
    }
}

/* The unit whose instruction raised the exception, or NULL. */
static const Unit *unit_at(const Case *c, uint32_t eip)
{
    eip += code_base(c);
    for (unsigned i = 0; i < c->num; i++) {
        if (eip >= c->start[i] && eip < c->start[i + 1]) {
            return &c->unit[i];
        }
    }
    return NULL;
}

/* An instruction fetched from the data: the host has pages without execution. */
static bool fetches_data(const Case *c, const X86Ctx *a)
{
    return a->cr2 == a->eip + code_base(c) && a->cr2 - RIG_DATA < RIG_DATA_SIZE;
}

static void mask_page_fault(const Case *c, Result *a, Result *b)
{
    const Unit *u = unit_at(c, a->ctx.eip);

    if (fetches_data(c, &a->ctx)) {
        *b = *a;
    }
    a->ctx.err &= ~16u;                 /* fetch: told apart only with NX */
    b->ctx.err &= ~16u;
    if (a->ctx.cr2 >> 12 == RIG_GDT >> 12) {
        b->ctx.err &= ~1u;              /* the rig's tables, not the host's */
    }
    if (u && name_in(u->leaf, "CALL CALL_E") && b->ctx.vector == EXCP_GP) {
        *b = *a;                        /* pushes, then looks where it goes; SDM: first */
    }
    if (a->ctx.cr2 > UINT32_MAX - 16 && b->ctx.vector != EXCP_PF) {
        *b = *a;                        /* around the end of 4 GiB: a choice (SDM 3A 5.3) */
    }
    if (u && name_in(u->leaf, "MASKMOVQ MASKMOVDQU RETF IRET FXSAVE FXRSTOR")) {
        b->ctx.cr2 = a->ctx.cr2;        /* the last byte first; CS before EIP */
    }
    if (u && name_in(u->leaf, "FSTP_M80 FBSTP FNSAVE FNSTENV FXSAVE")) {
        memcpy(b->data, a->data, sizeof(a->data));      /* may be stored in part */
    }
}

/* The order of what can happen to one instruction. */
static void mask_fault(const Case *c, Result *a, Result *b)
{
    const Unit *u = unit_at(c, a->ctx.eip);

    if (a->ctx.vector == EXCP_PF) {
        mask_page_fault(c, a, b);
    }
    if (u && uses_mmx(u->leaf)) {       /* the host has made TOP 0 by then */
        memcpy(b->ctx.fx, a->ctx.fx, FX_XMM);
    }
    if (a->ctx.vector == EXCP_GP && u && name_in(u->leaf, "CALL CALL_E")) {
        memcpy(b->data, a->data, sizeof(a->data));      /* pushed, then looked where it goes */
    }
    if (a->ctx.vector == EXCP_GP && b->ctx.vector == EXCP_SS && u &&
        (uses_place(u->leaf, X_V) || uses_place(u->leaf, X_W))) {
        b->ctx.vector = EXCP_GP;        /* alignment before the limit */
    }
    if (a->ctx.vector == EXCP_PF && u && name_in(u->leaf, "FSTP_M80 FLD_M80 FBLD FBSTP") &&
        (b->ctx.vector == EXCP_SS || b->ctx.vector == EXCP_GP)) {
        *b = *a;                        /* 8 bytes and 2, limits looked at in between */
    }
    if (a->ctx.vector == EXCP_AC && u && name_in(u->leaf, "MASKMOVQ MASKMOVDQU")) {
        *b = *a;                        /* alignment of 16 bytes of bytes? */
    }
    if (a->ctx.vector == EXCP_MF && a->ctx.eip == b->ctx.eip) {
        /* Ours finds a bad address before an exception that is pending. */
        b->ctx.vector = a->ctx.vector;
        b->ctx.err = a->ctx.err;
        b->ctx.cr2 = a->ctx.cr2;
    }
}

/* An exception of its own keeps an x87 store from being made on the host; ours
 * has checked the address by then. */
static bool may_not_store(const Case *c, const X86Ctx *fault)
{
    const Unit *u = unit_at(c, fault->eip);
    bool address = fault->vector == EXCP_PF || fault->vector == EXCP_GP ||
                   fault->vector == EXCP_SS || fault->vector == EXCP_AC;

    return u && address && !strncmp(u->leaf->op->name, "F", 1) &&
           strstr(u->leaf->op->name, "ST") && (~load_le(fault->fx + FX_FCW, 2) & 0x3f);
}

/* Null selectors become 0 on the way through the host's kernel. */
static void mask_null(X86Ctx *c)
{
    for (unsigned i = 0; i < 6; i++) {
        c->sel[i] = c->sel[i] <= 3 ? 0 : c->sel[i];
    }
}

/* Everything that is not compared, made equal. */
static void mask(const Case *c, Result *native, Result *ours)
{
    uint32_t flags = flags_compared(c, &native->ctx);

    native->ctx.eflags &= flags;
    ours->ctx.eflags &= flags;
    if (native->ctx.vector == -1) {     /* the far jump to the exit */
        native->ctx.sel[R_CS] = ours->ctx.sel[R_CS];
    } else {
        mask_fault(c, native, ours);
    }
    if (ours->ctx.sel[R_CS] == NATIVE_CODE64) {
        *ours = *native;                /* the way there is another for 64 bits */
    }
    if (may_not_store(c, &ours->ctx)) {
        *ours = *native;
    }
    mask_null(&native->ctx);
    mask_null(&ours->ctx);
    mask_images(c, native);
    mask_images(c, ours);
}

static bool same_fx(const uint8_t *a, const uint8_t *b)
{
    for (unsigned i = 0; i < 8; i++) {
        if (memcmp(a + FX_ST + 16 * i, b + FX_ST + 16 * i, 10)) {
            return false;
        }
    }
    return !memcmp(a, b, 5) && !memcmp(a + FX_MXCSR, b + FX_MXCSR, 4) &&
           !memcmp(a + FX_XMM, b + FX_XMM, 128);
}

static bool same(const Result *a, const Result *b)
{
    const X86Ctx *x = &a->ctx, *y = &b->ctx;

    return !memcmp(x->r, y->r, sizeof(x->r)) && x->vector == y->vector && x->err == y->err &&
           (x->vector == -1 || x->eip == y->eip) && x->cr2 == y->cr2 && x->eflags == y->eflags &&
           !memcmp(x->sel, y->sel, sizeof(x->sel)) && same_fx(x->fx, y->fx) &&
           !memcmp(a->data, b->data, sizeof(a->data));
}

/* What the manual leaves open and other makers' processors do another way. */
static const struct { const char *name, *why; } only_intel[] = {
    { "PUSH_S", "16 or 32 bits written" }, { "NOP", "0F 0D with a register" },
    { "SHLD", "counts above 16 of 16 bits" }, { "SHRD", "the same" },
    { "LOOPE", "a REP prefix turns it around" }, { "LOOPNE", "the same" },
    { "VERW", "LOCK is no error" }, { "LDMXCSR", "bit 17" },
    { "DPPS", "which NaN of several" }, { "DPPD", "the same" },
};

/* Which of two exceptions is found first, and what was done by then, is a maker's choice. */
static bool other_exception(const Case *c, const X86Ctx *a, const X86Ctx *b)
{
    return (a->vector != -1 && b->vector != -1) || a->vector == EXCP_AC || may_not_store(c, a);
}

/* -- Running a case ---------------------------------------------------------- */

static Result native, ours;

static void run_native(const Case *c)
{
    uint8_t *data = (uint8_t *)(uintptr_t)RIG_DATA;

    memcpy(data, c->data, RIG_DATA_WRITABLE);
    native_case(&c->before, &native.ctx);
    memcpy(native.data, data, RIG_DATA_WRITABLE);
}

static void run_ours(const Case *c)
{
    memcpy(rig_ptr(RIG_DATA), c->data, RIG_DATA_WRITABLE);
    rig_set(&c->before);
    rig_run(&ours.ctx);
    memcpy(ours.data, rig_ptr(RIG_DATA), RIG_DATA_WRITABLE);
}

static void put_code(const Case *c, unsigned len)
{
    memcpy(native_code + (c->addr - RIG_CODE), c->code, len);
    memcpy(rig_ptr(c->addr), c->code, len);
}

static unsigned num_stuck;

static bool agree(const Case *c)
{
    run_native(c);
    if (native.ctx.vector == NATIVE_STUCK) {
        num_stuck++;
        return true;
    }
    run_ours(c);
    if (!native_is_intel && other_exception(c, &native.ctx, &ours.ctx)) {
        return true;
    }
    mask(c, &native, &ours);
    return same(&native, &ours);
}

static bool still_differs(Case *c)
{
    uint32_t undef;

    if (!undefined_at(c, c->num, &undef)) {
        return false;
    }
    /* Jumps to anywhere must not find other cases' code. */
    memset(native_code, 0xcc, RIG_EXIT16 - RIG_CODE);
    memset(rig_ptr(RIG_CODE), 0xcc, RIG_EXIT16 - RIG_CODE);
    put_code(c, case_place(c, RIG_CODE + 0x100));
    tb_flush(rig.env->common.exec->tbs);
    return !agree(c);
}

/* -- Shrinking --------------------------------------------------------------- */

static void drop_unit(Case *c, unsigned n)
{
    memmove(&c->unit[n], &c->unit[n + 1], (c->num - n - 1) * sizeof(Unit));
    c->num--;
    for (unsigned i = 0; i < c->num; i++) {
        for (unsigned k = 0; k < c->unit[i].num_fix; k++) {
            Fix *f = &c->unit[i].fix[k];

            f->target = (uint8_t)(f->target > n ? f->target - 1 : f->target);
        }
    }
}

/* Images stay where they are: a case with one keeps the units before it. */
static bool may_drop(const Case *c, unsigned n)
{
    for (unsigned i = n; i < c->num; i++) {
        if (c->unit[i].image) {
            return false;
        }
    }
    return c->num > 1;
}

static void shrink_units(Case *c)
{
    for (unsigned i = c->num; i-- > 0;) {
        Case t = *c;

        if (may_drop(c, i)) {
            drop_unit(&t, i);
            if (still_differs(&t)) {
                *c = t;
            }
        }
    }
}

/* Set bytes of the state to a default if the difference stays. */
static void shrink_bytes(Case *c, void *p, const void *plain, size_t len)
{
    uint8_t saved[RIG_DATA_WRITABLE];

    if (!memcmp(p, plain, len)) {
        return;
    }
    memcpy(saved, p, len);
    memcpy(p, plain, len);
    if (!still_differs(c)) {
        memcpy(p, saved, len);
    }
}

static void shrink(Case *c)
{
    static const uint8_t zero[RIG_DATA_WRITABLE];
    X86Ctx plain;

    text_default(&plain);
    shrink_units(c);
    for (size_t step = RIG_DATA_WRITABLE; step >= 4; step /= 8) {
        for (size_t i = 0; i < RIG_DATA_WRITABLE; i += step) {
            shrink_bytes(c, c->data + i, zero, step);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (!c->bits16) {
            shrink_bytes(c, &c->before.r[i], &plain.r[i], 4);
        }
    }
    shrink_bytes(c, &c->before.eflags, &plain.eflags, 4);
    shrink_bytes(c, c->before.fx, plain.fx, 512);
    for (unsigned i = 0; i < 512; i += i < 32 ? 1 : 16) {
        shrink_bytes(c, c->before.fx + i, plain.fx + i, i < 32 ? 1 : 16);
    }
    shrink_units(c);
}

/* -- Reporting --------------------------------------------------------------- */

/* Vanished: not there with the case alone, it has run into others' code. */
static unsigned num_reports, num_differences, num_vanished, num_readers;

static void put_comment(void *opaque, const char *text)
{
    (void)opaque;
    printf("# %s", text);
}

static void print_line(const Case *c, const Result *r)
{
    static const uint8_t zero[RIG_DATA_WRITABLE];
    X86Ctx plain, before = c->before, after = r->ctx;

    text_default(&plain);
    plain.eip = before.eip;
    before.vector = -1;
    for (uint32_t i = 0; i < c->end - c->addr; i++) {
        printf("%02x", c->code[i]);
    }
    printf(" | %s |", c->unit[c->num - 1].leaf->op->name);
    text_put(stdout, &before, &plain, TEXT_EFLAGS);
    text_put_data(stdout, c->data, zero, RIG_DATA_WRITABLE);
    printf(" |");
    text_put(stdout, &after, &before, flags_compared(c, &after));
    text_put_data(stdout, r->data, c->data, RIG_DATA_WRITABLE);
    printf("\n");
}

static void put_exits(uint8_t first)
{
    *(uint8_t *)rig_ptr(RIG_EXIT16) = *(uint8_t *)rig_ptr(RIG_EXIT32) = first;
    tb_flush(rig.env->common.exec->tbs);
}

/* Is the first byte of an exit, which the host has otherwise, among what it reads? */
static bool reads_exits(const Case *c)
{
    enum { HLT = 0xf4, INT3 = 0xcc };

    run_ours(c);
    Result with_hlt = ours;

    put_exits(INT3);
    run_ours(c);
    put_exits(HLT);
    return memcmp(with_hlt.ctx.r, ours.ctx.r, sizeof(ours.ctx.r)) ||
           with_hlt.ctx.eflags != ours.ctx.eflags || !same_fx(with_hlt.ctx.fx, ours.ctx.fx) ||
           memcmp(with_hlt.data, ours.data, sizeof(ours.data));
}

static const Leaf *reported[MAX_REPORTS];

static bool is_news(const Leaf *l)
{
    for (unsigned i = 0; i < num_reports; i++) {
        if (!strcmp(reported[i]->op->name, l->op->name)) {
            return false;
        }
    }
    return true;
}

static void report(const Case *found)
{
    static Case c;

    c = *found;
    if (!still_differs(&c)) {
        num_vanished++;
        return;
    }
    if (reads_exits(&c)) {
        num_readers++;
        return;
    }
    num_differences++;
    if (num_reports == MAX_REPORTS) {
        return;
    }
    shrink(&c);
    still_differs(&c);
    const Leaf *l = c.unit[c.num - 1].leaf;

    if (!is_news(l)) {
        return;
    }
    reported[num_reports++] = l;
    disas_guest(3, c.bits16 ? 2 : 4, c.addr, c.code, c.end - c.addr, put_comment, NULL);
    print_line(&c, &native);
    printf("# ours: ");
    print_line(&c, &ours);
    fflush(stdout);
}

/* -- Main -------------------------------------------------------------------- */

static Case batch[BATCH];
static uint64_t num_cases, num_insns, num_finished[2];

static void count(const Case *c)
{
    for (unsigned i = 0; i < c->num; i++) {
        c->unit[i].leaf->count++;
        num_insns++;
        if (c->unit[i].leaf->op->flags & OP_JUMP) {
            break;
        }
    }
}

static void run_batch(uint64_t max)
{
    uint32_t addr = RIG_CODE + rnd(64), undef;
    unsigned num = 0;

    while (num < BATCH && num < max && addr < RIG_EXIT16 - 1024) {
        Case *c = &batch[num];

        do {
            rnd_case(c);
        } while (!undefined_at(c, c->num, &undef));
        unsigned len = case_place(c, addr);

        put_code(c, len);
        addr += len + rnd(16);
        num++;
    }
    tb_flush(rig.env->common.exec->tbs);
    for (unsigned i = 0; i < num; i++) {
        count(&batch[i]);
        num_cases++;
        if (!agree(&batch[i])) {
            report(&batch[i]);
            for (unsigned k = 0; k < num; k++) {    /* the code has been written over */
                put_code(&batch[k], batch[k].end + 5 - batch[k].addr);
            }
            tb_flush(rig.env->common.exec->tbs);
        }
        num_finished[batch[i].bits16] += native.ctx.vector == -1;
    }
}

static const char *only;

static int parse_options(char *list, AccelOptions *o)
{
    for (char *w = strtok(list, ","); w; w = strtok(NULL, ",")) {
        if (!strcmp(w, "interp")) {
            o->interp = true;
        } else if (!strcmp(w, "no_opt")) {
            o->no_opt = true;
        } else if (!strcmp(w, "no_fastfp")) {
            o->no_fastfp = true;
        } else if (!strcmp(w, "no_pin")) {
            o->no_pin = true;
        } else if (!strcmp(w, "no_chain")) {
            o->no_chain = true;
        } else if (!strcmp(w, "no_fast_tlb")) {
            o->no_fast_tlb = true;
        } else if (!strcmp(w, "selfcheck")) {
            o->selfcheck = SELFCHECK_ALWAYS;
        } else if (!strncmp(w, "only=", 5)) {
            only = w + 5;
        } else {
            fprintf(stderr, "fuzz-x86: no option %s\n", w);
            return -1;
        }
    }
    return 0;
}

static bool is_asked_for(const Leaf *l)
{
    if (!strcmp(only, "x87")) {
        return l->map == MAP_X87;
    }
    if (!strcmp(only, "xmm")) {
        return uses_place(l, X_V) || uses_place(l, X_W) || uses_place(l, X_U);
    }
    return name_is(l, only);
}

static bool is_everyones(const Leaf *l)
{
    for (size_t i = 0; i < ARRAY_SIZE(only_intel); i++) {
        if (name_is(l, only_intel[i].name)) {
            return false;
        }
    }
    return true;
}

static void keep(bool (*wanted)(const Leaf *l))
{
    unsigned n = 0;

    for (unsigned i = 0; i < num_leaves; i++) {
        if (wanted(&leaves[i])) {
            leaves[n++] = leaves[i];
        }
    }
    num_leaves = n;
}

static unsigned print_unused(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < num_leaves; i++) {
        const Leaf *l = &leaves[i];

        if (!l->count) {
            printf("# never executed: map %u opcode %02x /%d prefix %d: %s\n", l->map, l->opcode,
                   l->reg, l->prefix, l->op->name);
            n++;
        }
    }
    return n;
}

/* Cases may read the exits; all but their first byte is the same as the host's. */
static void copy_exits(void)
{
    static const uint32_t exits[] = { RIG_EXIT16, RIG_EXIT32 };
    enum { EXIT_LEN = 32 };

    for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
        memcpy(rig_ptr(exits[i] + 1), native_code + (exits[i] + 1 - RIG_CODE), EXIT_LEN - 1);
    }
}

/* Features the host lacks are #UD on both sides. */
static const char *model(void)
{
    static const struct { uint8_t bit; const char *feature; } in_ecx[] = {
        { 1, ",+pclmulqdq" }, { 19, ",+sse4.1" }, { 20, ",+sse4.2" }, { 22, ",+movbe" },
        { 23, ",+popcnt" }, { 25, ",+aes" },
    };
    static char spec[128] = "core2duo";
    unsigned a, b, c = 0, d;

    __get_cpuid(1, &a, &b, &c, &d);
    for (size_t i = 0; i < ARRAY_SIZE(in_ecx); i++) {
        if (c >> in_ecx[i].bit & 1) {
            strcat(spec, in_ecx[i].feature);
        }
    }
    return spec;
}

int main(int argc, char **argv)
{
    const char *level = getenv("TEST_LEVEL");
    uint64_t cases = level && !strcmp(level, "all") ? 2600000 : 150000;
    AccelOptions accel = { .tb_size = 8 << 20 };
    uint64_t seed = 1, args[2];
    unsigned num_args = 0;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-o") && i + 1 < argc) {
            if (parse_options(argv[++i], &accel)) {
                return 2;
            }
        } else if (num_args < 2) {
            args[num_args++] = strtoull(argv[i], NULL, 0);
        }
    }
    cases = num_args > 0 ? args[0] : cases;
    seed = num_args > 1 ? args[1] : seed;
    rng = seed * 0x9e3779b97f4a7c15ull | 1;
    const char *why = native_open();

    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    rig_open(&accel, model());
    RigSegment cpu = native_cpu_segment();

    rig_put_segments(RIG_TABLES + (SEL_CPU & ~7), &cpu, 1);
    copy_exits();
    collect_all();
    if (!native_is_intel) {
        keep(is_everyones);
        printf("# not a processor of Intel: %u rows are compared\n", num_leaves);
    }
    if (only) {
        keep(is_asked_for);
    }
    printf("# fuzz-x86 %llu %llu\n", (unsigned long long)cases, (unsigned long long)seed);
    while (num_cases < cases) {
        unmasked_mode = chance(20);
        native_watch(20);
        run_batch(cases - num_cases);
    }
    unsigned unused = print_unused();

    printf("# %llu cases, %llu instructions, %u rows; "
           "no exception in %llu of 32, %llu of 16 bits\n",
           (unsigned long long)num_cases, (unsigned long long)num_insns, num_leaves,
           (unsigned long long)num_finished[0], (unsigned long long)num_finished[1]);
    printf("# %u cases ran into the code of others and differed, %u ran in circles there, %u read "
           "how they end\n", num_vanished, num_stuck, num_readers);
    printf("%sok 1 - same as the host: %u differences\n", num_differences ? "not " : "",
           num_differences);
    printf("%sok 2 - every row was executed: %u were not\n1..2\n", unused ? "not " : "", unused);
    return num_differences || unused;
}
