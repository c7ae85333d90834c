/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A clock and power management (S3C2440A User's Manual rev. 1,
 * chapter 7).
 *
 *      crystal --> MPLL --> CLKSLOW --> FCLK --> CLKDIVN, CAMDIVN --> HCLK, PCLK
 *           '----> UPLL -------------> DIVN_UPLL --> UCLK, --> CAMDIVN --> CAMCLK
 *
 *      CLKCON.IDLE  --> IDLE              (an interrupt ends it)
 *      CLKCON.SLEEP --> SLEEP -- an EINT, or the RTC's alarm --> WAKE
 *
 * A PLL is off from reset until its register is written: the crystal goes past
 * it ("Power-on reset", "Change PLL settings").
 *
 * Not modelled: the lock time (LOCKTIME is stored), and gating of each block's
 * clock (CLKCON is stored): all are always on.
 */
#include "hw/s3c24xx/clock.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { CLKCON_IDLE = 1 << 2, CLKCON_SLEEP = 1 << 3 };
enum { CLKSLOW_MPLL_OFF = 1 << 5, CLKSLOW_SLOW = 1 << 4 };
enum { CLKDIVN_PDIVN = 1 << 0, CLKDIVN_UPLL = 1 << 3 };
enum { CAMDIVN_CAMCLK_SEL = 1 << 4, CAMDIVN_HCLK3_HALF = 1 << 8, CAMDIVN_HCLK4_HALF = 1 << 9,
       CAMDIVN_DVS = 1 << 12 };
/* "External crystal", chapter 7 and the electrical data. */
enum { MIN_FIN = 10000000, MAX_FIN = 20000000 };

typedef struct S3cClock {
    Device dev;
    uint32_t fin;
    S3cClockListener *listeners;
    uint32_t hz[S3C_NUM_CLOCKS];
    uint32_t locktime, mpllcon, upllcon, clkcon, clkslow, clkdivn, camdivn;
    uint8_t mpll_set, upll_set;         /* written since reset */
    uint8_t sleeping;
    uint8_t wake;                       /* levels of the inputs */
} S3cClock;

/* -- Frequencies ------------------------------------------------------------- */

/* "Phase locked loop": (m * Fin) / (p * 2^s) with m = MDIV + 8, p = PDIV + 2;
 * the MPLL's output is twice that. */
static uint32_t pll(const S3cClock *s, uint32_t con, unsigned factor)
{
    uint64_t m = bits(con, 19, 12) + 8, p = bits(con, 9, 4) + 2;

    return (uint32_t)MIN(factor * m * s->fin / (p << bits(con, 1, 0)), (uint64_t)UINT32_MAX);
}

static uint32_t fclk(const S3cClock *s)
{
    uint32_t slow = bits(s->clkslow, 2, 0);

    if (s->clkslow & CLKSLOW_SLOW) {
        return slow ? s->fin / (2 * slow) : s->fin;
    }
    return s->mpll_set ? pll(s, s->mpllcon, 2) : s->fin;
}

/* CLKDIVN.HDIVN with CAMDIVN's halves. */
static uint32_t hclk_divider(const S3cClock *s)
{
    switch (bits(s->clkdivn, 2, 1)) {
    case 0:  return 1;
    case 1:  return 2;
    case 2:  return s->camdivn & CAMDIVN_HCLK4_HALF ? 8 : 4;
    default: return s->camdivn & CAMDIVN_HCLK3_HALF ? 6 : 3;
    }
}

static void compute(const S3cClock *s, uint32_t hz[S3C_NUM_CLOCKS])
{
    uint32_t upll = s->upll_set ? pll(s, s->upllcon, 1) : s->fin;

    hz[S3C_FIN] = s->fin;
    hz[S3C_HCLK] = fclk(s) / hclk_divider(s);
    hz[S3C_FCLK] = s->camdivn & CAMDIVN_DVS ? hz[S3C_HCLK] : fclk(s);
    hz[S3C_PCLK] = hz[S3C_HCLK] / (s->clkdivn & CLKDIVN_PDIVN ? 2 : 1);
    hz[S3C_UCLK] = upll / (s->clkdivn & CLKDIVN_UPLL ? 2 : 1);
    hz[S3C_CAMCLK] = s->camdivn & CAMDIVN_CAMCLK_SEL ? upll / (2 * (bits(s->camdivn, 3, 0) + 1))
                                                     : upll;
}

static void update(S3cClock *s)
{
    uint32_t hz[S3C_NUM_CLOCKS];

    compute(s, hz);
    if (!memcmp(hz, s->hz, sizeof(hz))) {
        return;
    }
    for (S3cClockListener *l = s->listeners; l; l = l->next) {
        if (l->changing) {
            l->changing(l->opaque);
        }
    }
    memcpy(s->hz, hz, sizeof(hz));
    for (S3cClockListener *l = s->listeners; l; l = l->next) {
        if (l->changed) {
            l->changed(l->opaque);
        }
    }
}

uint32_t s3c_clock_hz(const Device *clock, S3cClockId which)
{
    static const uint32_t usual[S3C_NUM_CLOCKS] = {
        [S3C_FIN] = 12000000, [S3C_FCLK] = 405000000, [S3C_HCLK] = 101250000,
        [S3C_PCLK] = 50625000, [S3C_UCLK] = 48000000, [S3C_CAMCLK] = 48000000,
    };

    return clock ? ((const S3cClock *)clock)->hz[which] : usual[which];
}

void s3c_clock_listen(Device *clock, S3cClockListener *l)
{
    if (clock) {
        S3cClock *s = (S3cClock *)clock;

        l->next = s->listeners;
        s->listeners = l;
    }
}

/* -- Power ------------------------------------------------------------------- */

/* "Sleep mode": nothing but a wake-up source has an effect after this. */
static void write_clkcon(Device *d, uint32_t val)
{
    S3cClock *s = (S3cClock *)d;

    if (val & CLKCON_SLEEP) {
        s->sleeping = 1;
        qemu_irq_raise(d->irq[S3C_CLOCK_OUT_SLEEP]);
    } else if (val & CLKCON_IDLE) {
        qemu_irq_pulse(d->irq[S3C_CLOCK_OUT_IDLE]);
    }
}

static void set_input(Device *d, int n, int level)
{
    S3cClock *s = (S3cClock *)d;
    uint8_t bit = (uint8_t)(1u << n);
    bool rises = level && !(s->wake & bit);

    s->wake = (uint8_t)(level ? s->wake | bit : s->wake & ~bit);
    if (rises && s->sleeping) {
        s->sleeping = 0;
        qemu_irq_lower(d->irq[S3C_CLOCK_OUT_SLEEP]);
        qemu_irq_pulse(d->irq[S3C_CLOCK_OUT_WAKE]);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void write_mpllcon(Device *d, uint32_t val)
{
    (void)val;
    ((S3cClock *)d)->mpll_set = 1;
    update((S3cClock *)d);
}

static void write_upllcon(Device *d, uint32_t val)
{
    (void)val;
    ((S3cClock *)d)->upll_set = 1;
    update((S3cClock *)d);
}

static void write_divider(Device *d, uint32_t val)
{
    (void)val;
    update((S3cClock *)d);
}

/* "CLKSLOW": MPLL_OFF may be set in slow mode only. */
static void write_clkslow(Device *d, uint32_t val)
{
    if ((val & CLKSLOW_MPLL_OFF) && !(val & CLKSLOW_SLOW)) {
        log_guest("s3c2440-clock", "MPLL turned off while it is used");
    }
    update((S3cClock *)d);
}

/* clang-format off */
#define AT(m) offsetof(S3cClock, m)
#define ALL 0xffffffff
#define PLL 0x000ff3f3
#define CONS 0x001ffffc
/* "Clock generator & power management special register". */
static const RegDef clock_regs[] = {
    { "LOCKTIME", 0x00, AT(locktime), REG_RW, ALL,        ALL,    NULL, NULL },
    { "MPLLCON",  0x04, AT(mpllcon),  REG_RW, 0x00096030, PLL,    NULL, write_mpllcon },
    { "UPLLCON",  0x08, AT(upllcon),  REG_RW, 0x0004d030, PLL,    NULL, write_upllcon },
    { "CLKCON",   0x0c, AT(clkcon),   REG_RW, 0x00fffff0, CONS,   NULL, write_clkcon },
    { "CLKSLOW",  0x10, AT(clkslow),  REG_RW, 0x00000004, 0xb7,   NULL, write_clkslow },
    { "CLKDIVN",  0x14, AT(clkdivn),  REG_RW, 0,          0x0f,   NULL, write_divider },
    { "CAMDIVN",  0x18, AT(camdivn),  REG_RW, 0,          0x131f, NULL, write_divider },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static int clock_realize(Device *d, Error *err)
{
    S3cClock *s = (S3cClock *)d;

    if (s->fin < MIN_FIN || s->fin > MAX_FIN) {
        return error_set(err, ERANGE, "s3c2440-clock: fin=%u: want %d to %d", s->fin, MIN_FIN,
                         MAX_FIN);
    }
    compute(s, s->hz);
    return 0;
}

static void clock_reset(Device *d)
{
    S3cClock *s = (S3cClock *)d;

    s->mpll_set = s->upll_set = s->sleeping = 0;
    qemu_irq_lower(d->irq[S3C_CLOCK_OUT_SLEEP]);
    update(s);
}

/* Those who listen are loaded, too. */
static int clock_post_load(Device *d, Error *err)
{
    S3cClock *s = (S3cClock *)d;

    (void)err;
    s->mpllcon &= PLL;
    s->upllcon &= PLL;
    s->sleeping = s->sleeping != 0;
    compute(s, s->hz);
    qemu_set_irq(d->irq[S3C_CLOCK_OUT_SLEEP], s->sleeping);
    return 0;
}

static const WindowDef clock_windows[] = {
    { "clock", false, 0x1000, clock_regs, NULL },
    { .name = NULL }
};

static const PropDef clock_props[] = {
    { "fin", PROP_U32, AT(fin), 12000000, "the crystal in Hz" },
    { .name = NULL }
};

static const VMField clock_vmstate[] = {
    VM_FIELD(S3cClock, locktime),
    VM_FIELD(S3cClock, mpllcon),
    VM_FIELD(S3cClock, upllcon),
    VM_FIELD(S3cClock, clkcon),
    VM_FIELD(S3cClock, clkslow),
    VM_FIELD(S3cClock, clkdivn),
    VM_FIELD(S3cClock, camdivn),
    VM_FIELD(S3cClock, mpll_set),
    VM_FIELD(S3cClock, upll_set),
    VM_FIELD(S3cClock, sleeping),
    VM_FIELD(S3cClock, wake),
    VM_END
};

const DeviceType s3c2440_clock_type = {
    .name       = "s3c2440-clock",
    .desc       = "clock and power management",
    .manual     = "S3C2440A User's Manual, chapter 7",
    .bus        = "sys",
    .state_size = sizeof(S3cClock),
    .windows    = clock_windows,
    .props      = clock_props,
    .vmstate    = clock_vmstate,
    .num_irqs   = S3C_CLOCK_NUM_OUTPUTS,
    .num_inputs = S3C_CLOCK_NUM_INPUTS,
    .realize    = clock_realize,
    .reset      = clock_reset,
    .post_load  = clock_post_load,
    .input      = set_input,
};
