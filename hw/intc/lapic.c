/* SPDX-License-Identifier: MIT */
/*
 * Local APIC (Intel SDM vol. 3A, chapter 10; section numbers below are there).
 *
 *      bus, IPI, LVT --> IRR --> highest above PPR --> INTR, acknowledge --> ISR
 *                                  ^                                          |
 *                            TPR --'---------- highest in service ------------+
 *      LINT0 as ExtINT ------------------------> INTR (vector from the 8259)  |
 *      level triggered: EOI to the I/O APICs <--------------- EOI register ---'
 *
 * The timer's clock is 1 GHz before the divider.  Its count is not stored: the
 * current count follows from the time of the write of the initial count.
 *
 * Not modelled: x2APIC, TSC-deadline mode, arbitration, focus processor, the
 * sources of thermal and performance interrupts, CMCI, moving the register
 * page, and delivery status (always idle).
 */
#include "hw/intc/lapic.h"

#include <errno.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"

/* Table 10-1 */
enum { REG_ID = 0x020, REG_VERSION = 0x030, REG_TPR = 0x080, REG_APR = 0x090,
       REG_PPR = 0x0a0, REG_EOI = 0x0b0, REG_RRD = 0x0c0, REG_LDR = 0x0d0,
       REG_DFR = 0x0e0, REG_SVR = 0x0f0, REG_ISR = 0x100, REG_TMR = 0x180,
       REG_IRR = 0x200, REG_ESR = 0x280, REG_ICR_LO = 0x300, REG_ICR_HI = 0x310,
       REG_LVT = 0x320, REG_INITIAL = 0x380, REG_CURRENT = 0x390,
       REG_DIVIDE = 0x3e0 };
/* Local vector table, from REG_LVT, 16 bytes each */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, NUM_LVT };
enum { LVT_REMOTE_IRR = 1 << 14, LVT_LEVEL = 1 << 15, LVT_MASKED = 1 << 16,
       LVT_PERIODIC = 1 << 17 };
enum { VERSION = 0x14 };                /* Pentium 4: integrated APIC */
enum { SVR_ENABLE = 0x100, SVR_WRITABLE = 0x3ff };
enum { ESR_SEND_VECTOR = 0x20, ESR_RECEIVE_VECTOR = 0x40, ESR_REGISTER = 0x80 };
enum { ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15,
       ICR_WRITABLE = 0xccfff };
enum { BASE_BSP = 1 << 8, BASE_ENABLE = 1 << 11 };

#define DEFAULT_ADDRESS 0xfee00000ull

/* Periodic interrupts closer than this would arrive merged. */
#define MIN_PERIOD_NS (10 * NS_PER_US)

typedef struct Lapic {
    Device dev;
    Device *bus;
    const LapicCpuOps *cpu_ops;
    void *cpu;
    uint32_t initial_id;
    bool bsp;
    Timer timer;
    uint64_t base;                      /* IA32_APIC_BASE */
    uint32_t id;                        /* bits 31:24 */
    uint32_t tpr, ldr, dfr, svr;
    uint32_t esr, errors;               /* read value; gathered since */
    uint32_t icr_lo, icr_hi;
    uint32_t lvt[NUM_LVT];
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t initial, divide;
    int64_t start;                      /* when `initial` was loaded, ns */
    uint8_t pins;                       /* levels of LINT0, LINT1 */
    uint8_t extint;                     /* ExtINT message not acknowledged */
} Lapic;

static const uint32_t lvt_writable[NUM_LVT] = {
    [LVT_TIMER]   = 0x300ff, [LVT_THERMAL] = 0x107ff, [LVT_PERF]  = 0x107ff,
    [LVT_LINT0]   = 0x1a7ff, [LVT_LINT1]   = 0x1a7ff, [LVT_ERROR] = 0x100ff,
};

/* -- Vectors and priorities -------------------------------------------------- */

static int highest(const uint32_t *set)
{
    for (int i = 7; i >= 0; i--) {
        if (set[i]) {
            return 32 * i + 31 - __builtin_clz(set[i]);
        }
    }
    return -1;
}

static bool get_bit(const uint32_t *set, int v)
{
    return set[v / 32] >> (v % 32) & 1;
}

static void set_bit(uint32_t *set, int v, bool on)
{
    uint32_t bit = 1u << (v % 32);

    set[v / 32] = on ? set[v / 32] | bit : set[v / 32] & ~bit;
}

/* 10.8.3.1, "Task and Processor Priorities". */
uint8_t lapic_priority(const Device *d)
{
    const Lapic *s = (const Lapic *)d;
    int isrv = highest(s->isr);

    if (isrv < 0 || (int)(s->tpr >> 4) >= isrv >> 4) {
        return (uint8_t)s->tpr;
    }
    return (uint8_t)(isrv & 0xf0);
}

static bool hardware_enabled(const Lapic *s)
{
    return s->base & BASE_ENABLE;
}

bool lapic_enabled(const Device *d)
{
    const Lapic *s = (const Lapic *)d;

    return hardware_enabled(s) && (s->svr & SVR_ENABLE);
}

/* The vector to deliver next, or -1. */
static int deliverable(const Lapic *s)
{
    int v = highest(s->irr);

    return v >= 0 && v >> 4 > lapic_priority(&s->dev) >> 4 ? v : -1;
}

/* LINT0 reaches the core as INTR: as ExtINT, or when there is no APIC. */
static bool pic_wants(const Lapic *s)
{
    uint32_t lvt = s->lvt[LVT_LINT0];

    if (!(s->pins >> LAPIC_LINT0 & 1)) {
        return false;
    }
    return !hardware_enabled(s) ||
           (!(lvt & LVT_MASKED) && bits(lvt, 10, 8) == APIC_EXTINT);
}

static void update_intr(Lapic *s)
{
    qemu_set_irq(s->dev.irq[0], (hardware_enabled(s) &&
                                 (deliverable(s) >= 0 || s->extint)) ||
                                pic_wants(s));
}

static void error(Lapic *s, uint32_t bit);

/* 10.8.4: a vector arrives in IRR; TMR remembers how it was triggered. */
static void accept_vector(Lapic *s, int v, bool level)
{
    if (v < 16) {
        error(s, ESR_RECEIVE_VECTOR);
        return;
    }
    set_bit(s->irr, v, true);
    set_bit(s->tmr, v, level);
    update_intr(s);
}

int lapic_get_interrupt(Device *d)
{
    Lapic *s = (Lapic *)d;
    int v = hardware_enabled(s) ? deliverable(s) : -1;

    if (v >= 0) {
        set_bit(s->irr, v, false);
        set_bit(s->isr, v, true);
        update_intr(s);
    }
    return v;
}

bool lapic_accepts_pic(Device *d)
{
    Lapic *s = (Lapic *)d;
    bool yes = s->extint || pic_wants(s);

    s->extint = 0;
    update_intr(s);
    return yes;
}

/* -- Local vector table ------------------------------------------------------ */

static void call(const Lapic *s, void (*fn)(void *cpu))
{
    if (fn) {
        fn(s->cpu);
    }
}

static void core_nmi(const Lapic *s)
{
    call(s, s->cpu_ops ? s->cpu_ops->nmi : NULL);
}

static void core_smi(const Lapic *s)
{
    call(s, s->cpu_ops ? s->cpu_ops->smi : NULL);
}

static void core_init(Lapic *s)
{
    lapic_init_reset(&s->dev);
    call(s, s->cpu_ops ? s->cpu_ops->init : NULL);
}

/* 10.5.1: what an entry of the table does when its source fires. */
static void fire_lvt(Lapic *s, int n)
{
    uint32_t lvt = s->lvt[n];
    bool has_mode = n != LVT_TIMER && n != LVT_ERROR;

    if (lvt & LVT_MASKED) {
        return;
    }
    switch (has_mode ? bits(lvt, 10, 8) : APIC_FIXED) {
    case APIC_FIXED: accept_vector(s, lvt & 0xff, false); break;
    case APIC_SMI:   core_smi(s); break;
    case APIC_NMI:   core_nmi(s); break;
    case APIC_INIT:  core_init(s); break;
    default:         break;             /* ExtINT: pic_wants() */
    }
}

/* A level triggered LINT0 asks again after its EOI. */
static void update_level_pin(Lapic *s)
{
    uint32_t *lvt = &s->lvt[LVT_LINT0];

    if ((s->pins >> LAPIC_LINT0 & 1) && (*lvt & LVT_LEVEL) &&
        !(*lvt & (LVT_MASKED | LVT_REMOTE_IRR)) &&
        bits(*lvt, 10, 8) == APIC_FIXED && hardware_enabled(s)) {
        *lvt |= LVT_REMOTE_IRR;
        accept_vector(s, *lvt & 0xff, true);
    }
}

/* 10.5.1, "Trigger Mode": LINT1 is always edge triggered, LINT0 can be level
 * triggered in fixed mode.  Without an APIC the pins are INTR and NMI. */
static void set_pin(Device *d, int n, int level)
{
    Lapic *s = (Lapic *)d;
    uint8_t bit = (uint8_t)(1u << n);
    bool rises = level && !(s->pins & bit);
    int entry = n == LAPIC_LINT0 ? LVT_LINT0 : LVT_LINT1;
    bool by_level = n == LAPIC_LINT0 && (s->lvt[entry] & LVT_LEVEL) &&
                    bits(s->lvt[entry], 10, 8) == APIC_FIXED;

    s->pins = (uint8_t)(level ? s->pins | bit : s->pins & ~bit);
    if (rises && !hardware_enabled(s) && n == LAPIC_LINT1) {
        core_nmi(s);
    } else if (rises && hardware_enabled(s) && !by_level) {
        fire_lvt(s, entry);
    }
    update_level_pin(s);
    update_intr(s);
}

/* 10.5.3, "Error Handling". */
static void error(Lapic *s, uint32_t bit)
{
    if (!(s->errors & bit)) {
        s->errors |= bit;               /* first: the entry may err again */
        fire_lvt(s, LVT_ERROR);
    }
}

/* -- Timer, 10.5.4 ----------------------------------------------------------- */

static int64_t divisor(const Lapic *s)
{
    uint32_t code = (s->divide & 3) | (s->divide >> 1 & 4);

    return code == 7 ? 1 : 2ll << code;
}

static bool periodic(const Lapic *s)
{
    return s->lvt[LVT_TIMER] & LVT_PERIODIC;
}

static uint32_t current_count(const Lapic *s)
{
    int64_t ticks = (clock_now(s->dev.clock) - s->start) / divisor(s);

    if (s->initial == 0 || ticks < 0) {
        return 0;
    }
    if (periodic(s)) {
        return s->initial - (uint32_t)(ticks % s->initial);
    }
    return ticks < s->initial ? s->initial - (uint32_t)ticks : 0;
}

/* Whole periods from `start`, so that nothing drifts. */
static void arm_timer(Lapic *s, int64_t now)
{
    int64_t period = s->initial * divisor(s);

    if (s->initial == 0 || (s->lvt[LVT_TIMER] & LVT_MASKED) ||
        (!periodic(s) && now >= s->start + period)) {
        timer_cancel(&s->timer);
    } else if (!periodic(s)) {
        timer_set(&s->timer, s->start + period);
    } else {
        int64_t after = MAX(now, now + MIN_PERIOD_NS - period);

        timer_set(&s->timer, s->start + ((after - s->start) / period + 1) * period);
    }
}

static void timer_due(void *opaque)
{
    Lapic *s = opaque;

    fire_lvt(s, LVT_TIMER);
    arm_timer(s, clock_now(s->dev.clock));
}

/* A new divider or mode goes on from the count it finds. */
static void rescale_timer(Lapic *s, uint32_t count)
{
    int64_t now = clock_now(s->dev.clock);

    s->start = now - ((int64_t)s->initial - count) * divisor(s);
    arm_timer(s, now);
}

/* -- Messages ---------------------------------------------------------------- */

/* 10.6.2, "Determining IPI Destination". */
bool lapic_is_meant(const Device *d, uint8_t dest, bool logical)
{
    const Lapic *s = (const Lapic *)d;
    uint8_t mine = (uint8_t)(s->ldr >> 24);

    if (!hardware_enabled(s)) {
        return false;
    }
    if (!logical) {
        return dest == 0xff || dest == s->id >> 24;
    }
    if (s->dfr >> 28 == 0xf) {          /* flat */
        return dest & mine;
    }
    return (dest >> 4 == 0xf || dest >> 4 == mine >> 4) && (dest & mine & 0xf);
}

/* 10.4.7.2: a software-disabled APIC takes only INIT, NMI, SMI and SIPI. */
bool lapic_receive(Device *d, const ApicMessage *m)
{
    Lapic *s = (Lapic *)d;

    if (!hardware_enabled(s)) {
        return false;
    }
    switch (m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        if (!lapic_enabled(d)) {
            return false;
        }
        accept_vector(s, m->vector, m->level);
        return true;
    case APIC_SMI:  core_smi(s); return true;
    case APIC_NMI:  core_nmi(s); return true;
    case APIC_INIT: core_init(s); return true;
    case APIC_SIPI:
        if (s->cpu_ops && s->cpu_ops->sipi) {
            s->cpu_ops->sipi(s->cpu, m->vector);
        }
        return true;
    case APIC_EXTINT:
        s->extint = lapic_enabled(d);
        update_intr(s);
        return true;
    }
    log_guest("lapic", "message of reserved delivery mode %d", m->mode);
    return false;
}

/* 10.6.1, "Interrupt Command Register": writing the low half sends. */
static void send_ipi(Lapic *s)
{
    ApicMessage m = {
        .dest = (uint8_t)(s->icr_hi >> 24),
        .logical = s->icr_lo & ICR_LOGICAL,
        .mode = (ApicMode)bits(s->icr_lo, 10, 8),
        .vector = (uint8_t)s->icr_lo,
    };

    if (m.mode == APIC_INIT && (s->icr_lo & ICR_LEVEL) &&
        !(s->icr_lo & ICR_ASSERT)) {
        return;                         /* de-assert: arbitration ids only */
    }
    if ((m.mode == APIC_FIXED || m.mode == APIC_LOWEST) && m.vector < 16) {
        error(s, ESR_SEND_VECTOR);
        return;
    }
    switch (bits(s->icr_lo, 19, 18)) {  /* destination shorthand */
    case 0: apic_bus_send(s->bus, &m); break;
    case 1: lapic_receive(&s->dev, &m); break;
    case 2: apic_bus_broadcast(s->bus, &m, NULL); break;
    case 3: apic_bus_broadcast(s->bus, &m, &s->dev); break;
    }
}

/* 10.8.5, "Signaling Interrupt Servicing Completion". */
static void end_of_interrupt(Lapic *s)
{
    int v = highest(s->isr);

    if (v < 0) {
        return;                         /* of a spurious vector */
    }
    set_bit(s->isr, v, false);
    if (get_bit(s->tmr, v)) {
        uint32_t *lint0 = &s->lvt[LVT_LINT0];

        if ((*lint0 & LVT_REMOTE_IRR) && (*lint0 & 0xff) == (uint32_t)v) {
            *lint0 &= ~(uint32_t)LVT_REMOTE_IRR;
            update_level_pin(s);
        }
        apic_bus_eoi(s->bus, (uint8_t)v);
    }
    update_intr(s);
}

/* -- Registers --------------------------------------------------------------- */

static int lvt_index(unsigned reg)
{
    bool inside = reg >= REG_LVT && reg < REG_LVT + 16 * NUM_LVT;

    return inside ? (int)(reg - REG_LVT) / 16 : -1;
}

/* 10.4.7.2: software disable sets all mask bits, and keeps them set. */
static void write_svr(Lapic *s, uint32_t val)
{
    timer_catch_up(&s->timer);
    s->svr = val & SVR_WRITABLE;
    if (!(val & SVR_ENABLE)) {
        for (int i = 0; i < NUM_LVT; i++) {
            s->lvt[i] |= LVT_MASKED;
        }
    }
    arm_timer(s, clock_now(s->dev.clock));
    update_intr(s);
}

static void write_lvt(Lapic *s, int n, uint32_t val)
{
    timer_catch_up(&s->timer);
    uint32_t count = current_count(s);
    bool was_periodic = periodic(s);

    s->lvt[n] = (s->lvt[n] & LVT_REMOTE_IRR) | (val & lvt_writable[n]);
    if (!(s->svr & SVR_ENABLE)) {
        s->lvt[n] |= LVT_MASKED;
    }
    if (!(s->lvt[n] & LVT_LEVEL)) {
        s->lvt[n] &= ~(uint32_t)LVT_REMOTE_IRR;
    }
    if (n == LVT_TIMER && was_periodic != periodic(s)) {
        rescale_timer(s, count);
    } else if (n == LVT_TIMER) {
        arm_timer(s, clock_now(s->dev.clock));
    }
    update_level_pin(s);
    update_intr(s);
}

static void write_divide(Lapic *s, uint32_t val)
{
    timer_catch_up(&s->timer);

    uint32_t count = current_count(s);

    s->divide = val & 0xb;
    rescale_timer(s, count);
}

static void write_initial(Lapic *s, uint32_t val)
{
    timer_catch_up(&s->timer);
    s->initial = val;
    s->start = clock_now(s->dev.clock);
    arm_timer(s, s->start);
}

static void write_word(Lapic *s, unsigned reg, uint32_t val)
{
    if (lvt_index(reg) >= 0) {
        write_lvt(s, lvt_index(reg), val);
        return;
    }
    switch (reg) {
    case REG_ID:     s->id = val & 0xff000000; break;
    case REG_TPR:    s->tpr = val & 0xff; update_intr(s); break;
    case REG_EOI:    end_of_interrupt(s); break;
    case REG_LDR:    s->ldr = val & 0xff000000; break;
    case REG_DFR:    s->dfr = val | 0x0fffffff; break;
    case REG_SVR:    write_svr(s, val); break;
    case REG_ESR:    s->esr = s->errors; s->errors = 0; break;
    case REG_ICR_LO: s->icr_lo = val & ICR_WRITABLE; send_ipi(s); break;
    case REG_ICR_HI: s->icr_hi = val & 0xff000000; break;
    case REG_INITIAL: write_initial(s, val); break;
    case REG_DIVIDE: write_divide(s, val); break;
    default:
        log_guest("lapic", "write 0x%08x to register 0x%03x", val, reg);
        error(s, ESR_REGISTER);
    }
}

static uint32_t read_set(const Lapic *s, unsigned reg)
{
    const uint32_t *set = reg >= REG_IRR ? s->irr
                        : reg >= REG_TMR ? s->tmr : s->isr;

    return set[reg >> 4 & 7];
}

static uint32_t read_word(Lapic *s, unsigned reg)
{
    if (lvt_index(reg) >= 0) {
        return s->lvt[lvt_index(reg)];
    }
    if (reg >= REG_ISR && reg < REG_ESR) {
        return read_set(s, reg);
    }
    switch (reg) {
    case REG_ID:      return s->id;
    case REG_VERSION: return VERSION | (NUM_LVT - 1) << 16;
    case REG_TPR:     return s->tpr;
    case REG_APR:
    case REG_PPR:     return lapic_priority(&s->dev);
    case REG_EOI:
    case REG_RRD:     return 0;
    case REG_LDR:     return s->ldr;
    case REG_DFR:     return s->dfr;
    case REG_SVR:     return s->svr;
    case REG_ESR:     return s->esr;
    case REG_ICR_LO:  return s->icr_lo;
    case REG_ICR_HI:  return s->icr_hi;
    case REG_INITIAL: return s->initial;
    case REG_CURRENT: return current_count(s);
    case REG_DIVIDE:  return s->divide;
    default:
        log_guest("lapic", "read of register 0x%03x", reg);
        error(s, ESR_REGISTER);
        return 0;
    }
}

/* 10.4.1: registers are 32 bits at multiples of 16; else it is undefined.  Here
 * bytes of a register can be read. */
static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    if ((offset & 0xc) || size > 4) {
        log_guest("lapic", "read of %u bytes at 0x%x", size, (unsigned)offset);
        return 0;
    }
    return read_word(opaque, offset & 0xff0) >> (8 * (offset & 3));
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    if ((offset & 0xf) || size != 4) {
        log_guest("lapic", "write of %u bytes at 0x%x", size, (unsigned)offset);
        return;
    }
    write_word(opaque, offset & 0xff0, (uint32_t)val);
}

static const MemoryRegionOps reg_ops = {
    .read = read_reg, .write = write_reg, .min = 1, .max = 4,
};

/* -- Reset and MSR ----------------------------------------------------------- */

/* 10.4.7.1 and .3: state after power-up or INIT; the id survives INIT. */
void lapic_init_reset(Device *d)
{
    Lapic *s = (Lapic *)d;

    timer_cancel(&s->timer);
    s->timer.deadline = 0;
    s->tpr = s->ldr = s->esr = s->errors = s->icr_lo = s->icr_hi = 0;
    s->dfr = 0xffffffff;
    s->svr = 0xff;
    s->initial = s->divide = 0;
    s->start = 0;
    s->extint = 0;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    memset(s->irr, 0, sizeof(s->irr));
    for (int i = 0; i < NUM_LVT; i++) {
        s->lvt[i] = LVT_MASKED;
    }
    update_intr(s);
}

/* 10.4.3: disabled by the MSR, the APIC is as if it were not there, and after
 * that as after reset. */
void lapic_set_base(Device *d, uint64_t val)
{
    Lapic *s = (Lapic *)d;
    bool was = hardware_enabled(s);

    if ((val & ~0xfffull) != DEFAULT_ADDRESS) {
        log_unimp("lapic", "registers at 0x%llx",
                  (unsigned long long)(val & ~0xfffull));
    }
    s->base = val;
    if (was && !hardware_enabled(s)) {
        lapic_init_reset(d);
    }
    update_intr(s);
}

uint64_t lapic_base(const Device *d)
{
    return ((const Lapic *)d)->base;
}

void lapic_set_cpu(Device *d, const LapicCpuOps *ops, void *cpu)
{
    Lapic *s = (Lapic *)d;

    s->cpu_ops = ops;
    s->cpu = cpu;
}

/* -- The type ---------------------------------------------------------------- */

static void lapic_init(Device *d)
{
    Lapic *s = (Lapic *)d;

    timer_init(d->clock, &s->timer, timer_due, s);
}

static int lapic_realize(Device *d, Error *err)
{
    Lapic *s = (Lapic *)d;

    if (s->bus && s->bus->type != &apic_bus_type) {
        return error_set(err, EINVAL, "lapic: bus must be an apic-bus");
    }
    if (s->initial_id > 0xfe) {
        return error_set(err, EINVAL, "lapic: id must be less than 255");
    }
    return s->bus ? apic_bus_add_lapic(s->bus, d, err) : 0;
}

static void lapic_reset(Device *d)
{
    Lapic *s = (Lapic *)d;

    s->id = s->initial_id << 24;
    s->base = DEFAULT_ADDRESS | BASE_ENABLE | (s->bsp ? BASE_BSP : 0);
    lapic_init_reset(d);
}

static int lapic_post_load(Device *d, Error *err)
{
    Lapic *s = (Lapic *)d;

    if (s->start < -(1ll << 60) || s->start > 1ll << 60) {
        return error_set(err, EINVAL, "lapic: snapshot has an impossible time");
    }
    s->divide &= 0xb;
    s->tpr &= 0xff;
    update_intr(s);
    return 0;
}

static void lapic_free(Device *d)
{
    timer_cancel(&((Lapic *)d)->timer);
}

static const WindowDef lapic_windows[] = {
    { "lapic", false, 0x1000, NULL, &reg_ops },
    { .name = NULL }
};

static const PropDef lapic_props[] = {
    { "id",  PROP_U32,  offsetof(Lapic, initial_id), 0, "APIC id after reset" },
    { "bsp", PROP_BOOL, offsetof(Lapic, bsp),        0, "bootstrap processor" },
    { "bus", PROP_LINK, offsetof(Lapic, bus),        0, "apic-bus" },
    { .name = NULL }
};

static const VMField lapic_vmstate[] = {
    VM_FIELD(Lapic, base),
    VM_FIELD(Lapic, id),
    VM_FIELD(Lapic, tpr),
    VM_FIELD(Lapic, ldr),
    VM_FIELD(Lapic, dfr),
    VM_FIELD(Lapic, svr),
    VM_FIELD(Lapic, esr),
    VM_FIELD(Lapic, errors),
    VM_FIELD(Lapic, icr_lo),
    VM_FIELD(Lapic, icr_hi),
    VM_ARRAY(Lapic, lvt),
    VM_ARRAY(Lapic, isr),
    VM_ARRAY(Lapic, tmr),
    VM_ARRAY(Lapic, irr),
    VM_FIELD(Lapic, initial),
    VM_FIELD(Lapic, divide),
    VM_FIELD(Lapic, start),
    VM_FIELD(Lapic, pins),
    VM_FIELD(Lapic, extint),
    VM_TIMER(Lapic, timer),
    VM_END
};

const DeviceType lapic_type = {
    .name       = "lapic",
    .desc       = "local interrupt controller of a CPU",
    .manual     = "Intel SDM vol. 3A, chapter 10",
    .bus        = "sys",
    .state_size = sizeof(Lapic),
    .windows    = lapic_windows,
    .props      = lapic_props,
    .vmstate    = lapic_vmstate,
    .num_irqs   = 1,
    .num_inputs = 2,
    .init       = lapic_init,
    .realize    = lapic_realize,
    .reset      = lapic_reset,
    .post_load  = lapic_post_load,
    .free       = lapic_free,
    .input      = set_pin,
};
