/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A interrupt controller (S3C2440A User's Manual rev. 1, chapter 14).
 *
 *      sub-sources --> SUBSRCPND --& ~INTSUBMSK--.
 *      sources ----------------------------------+--> SRCPND --& ~INTMSK--.
 *                                                                         |
 *        FIQ <-- INTMOD = 1 <---------------------------------------------+
 *        IRQ <-- INTPND, INTOFFSET <-- 7 arbiters, PRIORITY <-- INTMOD = 0'
 *
 * SRCPND and SUBSRCPND remember; a source that is still active when its bit is
 * cleared sets it again.  INTPND has one bit: the arbiters choose again when it
 * is cleared.
 *
 * Not modelled: the time that arbitration takes.
 */
#include "hw/s3c24xx/intc.h"

#include "util/bits.h"

enum { NUM_ARBITERS = 7, LAST_ARBITER = 6, NUM_REQS = 6, PRIORITY_BITS = 0x1fffff };
enum { INTSUBMSK_BITS = (1 << S3C_NUM_SUBS) - 1 };

typedef struct S3cIntc {
    Device dev;
    uint32_t srcpnd, intmod, intmsk, priority, intpnd, subsrcpnd, intsubmsk;
    uint32_t level, sublevel;           /* of the inputs */
} S3cIntc;

/* -- Sub-sources ------------------------------------------------------------- */

#define SUB(n) (1u << S3C_SUB_##n)

/* SUBSRCPND to SRCPND: "Mapping of SUBSRCPND". */
static const struct { uint32_t subs; int source; } sub_map[] = {
    { SUB(RXD0) | SUB(TXD0) | SUB(ERR0), S3C_INT_UART0 },
    { SUB(RXD1) | SUB(TXD1) | SUB(ERR1), S3C_INT_UART1 },
    { SUB(RXD2) | SUB(TXD2) | SUB(ERR2), S3C_INT_UART2 },
    { SUB(TC) | SUB(ADC), S3C_INT_ADC },
    { SUB(CAM_C) | SUB(CAM_P), S3C_INT_CAM },
    { SUB(WDT) | SUB(AC97), S3C_INT_WDT_AC97 },
};

static uint32_t active_sources(const S3cIntc *s)
{
    uint32_t pending = s->subsrcpnd & ~s->intsubmsk, sources = s->level;

    for (size_t i = 0; i < ARRAY_SIZE(sub_map); i++) {
        if (pending & sub_map[i].subs) {
            sources |= 1u << sub_map[i].source;
        }
    }
    return sources;
}

/* -- Priority ---------------------------------------------------------------- */

/* Figure "Priority generating block": the source that is REQ0 of an arbiter.
 * Of arbiters 0 and 5 only REQ1 to REQ4 are there. */
static const int8_t first_source[LAST_ARBITER] = { -1, 4, 10, 16, 22, 27 };

/* "Interrupt priority": REQ0 is first and REQ5 last; ARB_SEL turns the others. */
static const uint8_t order[4][NUM_REQS] = {
    { 0, 1, 2, 3, 4, 5 }, { 0, 2, 3, 4, 1, 5 }, { 0, 3, 4, 1, 2, 5 }, { 0, 4, 1, 2, 3, 5 },
};

/* The requests of an arbiter as bits, REQ0 the lowest. */
static uint32_t requests_of(int arbiter, uint32_t pending)
{
    int first = first_source[arbiter];
    uint32_t mask = arbiter == 0 || arbiter == 5 ? 0x1e : 0x3f;

    return (first < 0 ? pending << -first : pending >> first) & mask;
}

static int choose(const S3cIntc *s, int arbiter, uint32_t requests)
{
    unsigned sel = bits(s->priority, 2 * arbiter + 8, 2 * arbiter + 7);

    for (int i = 0; i < NUM_REQS; i++) {
        if (requests >> order[sel][i] & 1) {
            return order[sel][i];
        }
    }
    return 0;
}

/* ARB_MODE: REQ1 to REQ4 become the last of the four once served. */
static void rotate(S3cIntc *s, int arbiter, int req)
{
    if ((s->priority >> arbiter & 1) && req >= 1 && req <= 4) {
        s->priority &= ~(3u << (2 * arbiter + 7));
        s->priority |= (uint32_t)(req & 3) << (2 * arbiter + 7);
    }
}

/* One source of at least one. */
static int arbitrate(S3cIntc *s, uint32_t pending)
{
    uint32_t winners = 0;

    for (int i = 0; i < LAST_ARBITER; i++) {
        winners |= (uint32_t)(requests_of(i, pending) != 0) << i;
    }
    int arbiter = choose(s, LAST_ARBITER, winners);
    int req = choose(s, arbiter, requests_of(arbiter, pending));

    rotate(s, LAST_ARBITER, arbiter);
    rotate(s, arbiter, req);
    return first_source[arbiter] + req;
}

static void update(S3cIntc *s)
{
    s->subsrcpnd |= s->sublevel;
    s->srcpnd |= active_sources(s);
    uint32_t pending = s->srcpnd & ~s->intmsk;

    if (!s->intpnd && (pending & ~s->intmod)) {
        s->intpnd = 1u << arbitrate(s, pending & ~s->intmod);
    }
    qemu_set_irq(s->dev.irq[S3C_INTC_OUT_IRQ], s->intpnd != 0);
    qemu_set_irq(s->dev.irq[S3C_INTC_OUT_FIQ], (pending & s->intmod) != 0);
}

static void set_input(Device *d, int n, int level)
{
    S3cIntc *s = (S3cIntc *)d;
    uint32_t *levels = n < S3C_INT_SUB ? &s->level : &s->sublevel;
    uint32_t bit = 1u << n % S3C_INT_SUB;

    *levels = level ? *levels | bit : *levels & ~bit;
    update(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_srcpnd(Device *d) { return ((S3cIntc *)d)->srcpnd; }
static uint32_t read_subsrcpnd(Device *d) { return ((S3cIntc *)d)->subsrcpnd; }
static uint32_t read_intpnd(Device *d) { return ((S3cIntc *)d)->intpnd; }

static uint32_t read_intoffset(Device *d)
{
    uint32_t intpnd = ((S3cIntc *)d)->intpnd;

    return intpnd ? (uint32_t)__builtin_ctz(intpnd) : 0;
}

/* "By writing a data to this register": ones clear. */
static void clear(Device *d, uint32_t *reg, uint32_t val)
{
    *reg &= ~val;
    update((S3cIntc *)d);
}

static void write_srcpnd(Device *d, uint32_t val) { clear(d, &((S3cIntc *)d)->srcpnd, val); }
static void write_intpnd(Device *d, uint32_t val) { clear(d, &((S3cIntc *)d)->intpnd, val); }

static void write_subsrcpnd(Device *d, uint32_t val)
{
    clear(d, &((S3cIntc *)d)->subsrcpnd, val);
}

static void write_stored(Device *d, uint32_t val)
{
    (void)val;
    update((S3cIntc *)d);
}

/* clang-format off */
#define AT(m) offsetof(S3cIntc, m)
#define VIRT REG_VIRTUAL
#define ALL 0xffffffff
#define SUBS INTSUBMSK_BITS
/* "Interrupt controller special registers". */
static const RegDef intc_regs[] = {
    { "SRCPND",    0x00, VIRT,          REG_RW, 0,    ALL,           read_srcpnd,    write_srcpnd },
    { "INTMOD",    0x04, AT(intmod),    REG_RW, 0,    ALL,           NULL,           write_stored },
    { "INTMSK",    0x08, AT(intmsk),    REG_RW, ALL,  ALL,           NULL,           write_stored },
    { "PRIORITY",  0x0c, AT(priority),  REG_RW, 0x7f, PRIORITY_BITS, NULL,           NULL },
    { "INTPND",    0x10, VIRT,          REG_RW, 0,    ALL,           read_intpnd,    write_intpnd },
    { "INTOFFSET", 0x14, VIRT,          REG_R,  0,    0,             read_intoffset, NULL },
    { "SUBSRCPND", 0x18, VIRT,          REG_RW, 0,    SUBS,          read_subsrcpnd, write_subsrcpnd },
    { "INTSUBMSK", 0x1c, AT(intsubmsk), REG_RW, SUBS, SUBS,          NULL,           write_stored },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

/* What drives the inputs is reset, too, and will do so again. */
static void intc_reset(Device *d)
{
    S3cIntc *s = (S3cIntc *)d;

    s->srcpnd = s->intpnd = s->subsrcpnd = s->level = s->sublevel = 0;
    update(s);
}

static int intc_post_load(Device *d, Error *err)
{
    S3cIntc *s = (S3cIntc *)d;

    (void)err;
    s->intpnd &= -s->intpnd;
    s->subsrcpnd &= INTSUBMSK_BITS;
    s->sublevel &= INTSUBMSK_BITS;
    s->intsubmsk &= INTSUBMSK_BITS;
    s->priority &= PRIORITY_BITS;
    update(s);
    return 0;
}

static const WindowDef intc_windows[] = {
    { "intc", false, 0x1000, intc_regs, NULL },
    { .name = NULL }
};

static const VMField intc_vmstate[] = {
    VM_FIELD(S3cIntc, srcpnd),
    VM_FIELD(S3cIntc, intmod),
    VM_FIELD(S3cIntc, intmsk),
    VM_FIELD(S3cIntc, priority),
    VM_FIELD(S3cIntc, intpnd),
    VM_FIELD(S3cIntc, subsrcpnd),
    VM_FIELD(S3cIntc, intsubmsk),
    VM_FIELD(S3cIntc, level),
    VM_FIELD(S3cIntc, sublevel),
    VM_END
};

const DeviceType s3c2440_intc_type = {
    .name       = "s3c2440-intc",
    .desc       = "interrupt controller",
    .manual     = "S3C2440A User's Manual, chapter 14",
    .bus        = "sys",
    .state_size = sizeof(S3cIntc),
    .windows    = intc_windows,
    .vmstate    = intc_vmstate,
    .num_irqs   = S3C_INTC_NUM_OUTPUTS,
    .num_inputs = S3C_INTC_NUM_INPUTS,
    .reset      = intc_reset,
    .post_load  = intc_post_load,
    .input      = set_input,
};
