/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A watchdog timer (S3C2440A User's Manual rev. 1, chapter 18).
 *
 *      PCLK --> prescaler + 1 --> 16, 32, 64, 128 --> WTCNT, -1 per tick
 *                         WTCNT == 0 --> interrupt, reset; WTDAT --> WTCNT
 *
 * It runs from reset, and resets the chip unless it is stopped.  Nothing counts:
 * WTCNT was `count` at tick `since` of guest time, and a Timer waits for its 0.
 *
 * Not modelled: standing still while the processor is stopped by a debugger.
 */
#include "hw/s3c24xx/watchdog.h"

#include <errno.h>

#include "hw/s3c24xx/clock.h"
#include "util/bits.h"

enum { WTCON_RESET = 1 << 0, WTCON_IRQ = 1 << 2, WTCON_ENABLE = 1 << 5, WTCON_BITS = 0xff3d };
enum { COUNT_MAX = 0xffff };
#define MIN_WAIT (10 * NS_PER_US)       /* shorter periods are that long */

typedef struct S3cWdt {
    Device dev;
    Device *clock;
    S3cClockListener listener;
    Timer timer;
    uint32_t wtcon, wtdat, count;
    int64_t since;                      /* tick, if it runs */
} S3cWdt;

static int64_t cycles_per_tick(const S3cWdt *s)
{
    return (int64_t)(bits(s->wtcon, 15, 8) + 1) << (bits(s->wtcon, 4, 3) + 4);
}

static int64_t ticks_now(const S3cWdt *s)
{
    return muldiv64(clock_now(s->dev.clock), s3c_pclk(s->clock),
                    NS_PER_SEC * cycles_per_tick(s));
}

static bool running(const S3cWdt *s)
{
    return s->wtcon & WTCON_ENABLE;
}

static uint32_t count_now(const S3cWdt *s)
{
    uint64_t past = running(s) ? (uint64_t)MAX(ticks_now(s) - s->since, 0) : 0;

    return past > s->count ? 0 : s->count - (uint32_t)past;
}

/* A count of 0 goes round. */
static void arm(S3cWdt *s)
{
    int64_t hz = s3c_pclk(s->clock), left = s->count ? s->count : COUNT_MAX + 1;
    __int128 ns = ((__int128)(s->since + left) * NS_PER_SEC * cycles_per_tick(s) + hz - 1) / hz;

    if (running(s) && !(ns >> 62)) {
        timer_set(&s->timer, MAX((int64_t)ns, clock_now(s->dev.clock) + MIN_WAIT));
    } else {
        timer_cancel(&s->timer);
    }
}

static void timed_out(void *opaque)
{
    S3cWdt *s = opaque;

    s->count = s->wtdat;
    s->since = ticks_now(s);
    arm(s);
    if (s->wtcon & WTCON_IRQ) {
        qemu_irq_pulse(s->dev.irq[S3C_WDT_OUT_IRQ]);
    }
    if (s->wtcon & WTCON_RESET) {
        qemu_irq_pulse(s->dev.irq[S3C_WDT_OUT_RESET]);
    }
}

/* The count goes on from where it is, in ticks of another length. */
static void hold(void *opaque)
{
    S3cWdt *s = opaque;

    s->count = count_now(s);
}

static void go_on(void *opaque)
{
    S3cWdt *s = opaque;

    s->since = ticks_now(s);
    arm(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_wtcon(Device *d) { return ((S3cWdt *)d)->wtcon; }
static uint32_t read_wtcnt(Device *d) { return count_now((S3cWdt *)d); }

static void write_wtcon(Device *d, uint32_t val)
{
    hold(d);
    ((S3cWdt *)d)->wtcon = val;
    go_on(d);
}

static void write_wtcnt(Device *d, uint32_t val)
{
    ((S3cWdt *)d)->count = val;
    go_on(d);
}

/* clang-format off */
#define AT(m) offsetof(S3cWdt, m)
#define VIRT REG_VIRTUAL
/* "Watchdog timer special registers". */
static const RegDef wdt_regs[] = {
    { "WTCON", 0x00, VIRT,      REG_RW, 0,      WTCON_BITS, read_wtcon, write_wtcon },
    { "WTDAT", 0x04, AT(wtdat), REG_RW, 0x8000, COUNT_MAX,  NULL,       NULL },
    { "WTCNT", 0x08, VIRT,      REG_RW, 0,      COUNT_MAX,  read_wtcnt, write_wtcnt },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void wdt_init(Device *d)
{
    S3cWdt *s = (S3cWdt *)d;

    s->listener = (S3cClockListener){ hold, go_on, s, NULL };
    timer_init(d->clock, &s->timer, timed_out, s);
}

static int wdt_realize(Device *d, Error *err)
{
    S3cWdt *s = (S3cWdt *)d;

    (void)err;
    s3c_clock_listen(s->clock, &s->listener);
    return 0;
}

static void wdt_reset(Device *d)
{
    S3cWdt *s = (S3cWdt *)d;

    s->wtcon = 0x8021;
    s->count = 0x8000;
    qemu_irq_lower(d->irq[S3C_WDT_OUT_IRQ]);
    qemu_irq_lower(d->irq[S3C_WDT_OUT_RESET]);
    go_on(s);
}

static int wdt_post_load(Device *d, Error *err)
{
    S3cWdt *s = (S3cWdt *)d;

    if (s->since < 0 || s->since >> 61) {
        return error_set(err, EINVAL, "s3c2440-wdt: snapshot has an impossible count");
    }
    s->wtcon &= WTCON_BITS;
    s->count &= COUNT_MAX;
    s->wtdat &= COUNT_MAX;
    return 0;
}

static void wdt_free(Device *d)
{
    timer_cancel(&((S3cWdt *)d)->timer);
}

static const WindowDef wdt_windows[] = {
    { "watchdog", false, 0x1000, wdt_regs, NULL },
    { .name = NULL }
};

static const PropDef wdt_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { .name = NULL }
};

static const VMField wdt_vmstate[] = {
    VM_TIMER(S3cWdt, timer),
    VM_FIELD(S3cWdt, wtcon),
    VM_FIELD(S3cWdt, wtdat),
    VM_FIELD(S3cWdt, count),
    VM_FIELD(S3cWdt, since),
    VM_END
};

const DeviceType s3c2440_wdt_type = {
    .name       = "s3c2440-wdt",
    .desc       = "watchdog timer",
    .manual     = "S3C2440A User's Manual, chapter 18",
    .bus        = "sys",
    .state_size = sizeof(S3cWdt),
    .windows    = wdt_windows,
    .props      = wdt_props,
    .vmstate    = wdt_vmstate,
    .num_irqs   = S3C_WDT_NUM_OUTPUTS,
    .init       = wdt_init,
    .realize    = wdt_realize,
    .reset      = wdt_reset,
    .post_load  = wdt_post_load,
    .free       = wdt_free,
};
