/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL031 real time clock (ARM DDI 0224).
 *
 *      guest time + offset --> RTCDR ==? RTCMR --> RTCRIS --&--> RTCINTR
 *                                ^                        RTCIMSC
 *                              RTCLR
 *
 * The counter of seconds is not stored: setting the time moves `offset`, and
 * the only Timer is the next match.  The time goes on over a reset.
 *
 * Not modelled: stopping the counter (RTCCR reads 1 from reset), and the
 * integration test registers.
 */
#include "hw/timer/pl031.h"

#include <errno.h>

#include "hw/core/primecell.h"
#include "util/bits.h"

typedef struct Pl031 {
    Device dev;
    uint64_t rtc_base;
    Timer match;
    int64_t offset;                     /* time of day - guest time, ns */
    uint32_t mr, lr, imsc, ris;
} Pl031;

static int64_t seconds(const Pl031 *s)
{
    int64_t ns = clock_now(s->dev.clock) + s->offset;

    return ns / NS_PER_SEC - (ns % NS_PER_SEC < 0);
}

static void update_irq(Pl031 *s)
{
    qemu_set_irq(s->dev.irq[0], s->ris & s->imsc);
}

/* The next second that equals RTCMR; the one that has begun is over. */
static void arm(Pl031 *s)
{
    int64_t now = seconds(s);
    uint32_t left = s->mr - (uint32_t)now;
    int64_t when = now + left;

    if (s->ris || left == 0 || when > (1ll << 62) / NS_PER_SEC) {
        timer_cancel(&s->match);
    } else {
        timer_set(&s->match, when * NS_PER_SEC - s->offset);
    }
}

/* 2.2.6: raw status whatever the mask is. */
static void matched(void *opaque)
{
    Pl031 *s = opaque;

    s->ris = 1;
    update_irq(s);
}

/* The counter or the match register was written. */
static void compare(Pl031 *s)
{
    if ((uint32_t)seconds(s) == s->mr) {
        matched(s);
    }
    arm(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_dr(Device *d)
{
    return (uint32_t)seconds((Pl031 *)d);
}

static void write_mr(Device *d, uint32_t val)
{
    (void)val;
    timer_catch_up(&((Pl031 *)d)->match);
    compare((Pl031 *)d);
}

/* The seconds change, where in the second it is does not. */
static void write_lr(Device *d, uint32_t val)
{
    Pl031 *s = (Pl031 *)d;

    timer_catch_up(&s->match);
    s->offset += ((int64_t)val - seconds(s)) * NS_PER_SEC;
    compare(s);
}

static void write_imsc(Device *d, uint32_t val)
{
    (void)val;
    update_irq((Pl031 *)d);
}

static uint32_t read_mis(Device *d)
{
    return ((Pl031 *)d)->ris & ((Pl031 *)d)->imsc;
}

static void write_icr(Device *d, uint32_t val)
{
    Pl031 *s = (Pl031 *)d;

    s->ris &= ~val;
    update_irq(s);
    arm(s);
}

/* clang-format off */
#define AT(m) offsetof(Pl031, m)
#define ALL 0xffffffff
/* Table 3-1, register summary. */
static const RegDef pl031_regs[] = {
    { "RTCDR",   0x00, REG_VIRTUAL, REG_R,  0, 0,   read_dr,  NULL },
    { "RTCMR",   0x04, AT(mr),      REG_RW, 0, ALL, NULL,     write_mr },
    { "RTCLR",   0x08, AT(lr),      REG_RW, 0, ALL, NULL,     write_lr },
    { "RTCCR",   0x0c, REG_CONST,   REG_RW, 1, 0,   NULL,     NULL },
    { "RTCIMSC", 0x10, AT(imsc),    REG_RW, 0, 1,   NULL,     write_imsc },
    { "RTCRIS",  0x14, AT(ris),     REG_R,  0, 0,   NULL,     NULL },
    { "RTCMIS",  0x18, REG_VIRTUAL, REG_R,  0, 0,   read_mis, NULL },
    { "RTCICR",  0x1c, REG_VIRTUAL, REG_W,  0, 1,   NULL,     write_icr },
    PRIMECELL_ID_REGS(0x31, 0x10, 0x14, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void pl031_init(Device *d)
{
    timer_init(d->clock, &((Pl031 *)d)->match, matched, d);
}

static int pl031_realize(Device *d, Error *err)
{
    Pl031 *s = (Pl031 *)d;

    (void)err;
    s->offset = clock_host_ns() + (int64_t)s->rtc_base - clock_now(d->clock);
    return 0;
}

static void pl031_reset(Device *d)
{
    Pl031 *s = (Pl031 *)d;

    timer_cancel(&s->match);
    s->match.deadline = 0;
    update_irq(s);
}

static int pl031_post_load(Device *d, Error *err)
{
    Pl031 *s = (Pl031 *)d;

    if (s->offset < -(1ll << 61) || s->offset > 1ll << 62) {
        return error_set(err, EINVAL, "pl031: snapshot has an impossible time");
    }
    s->imsc &= 1;
    s->ris &= 1;
    update_irq(s);
    return 0;
}

static void pl031_free(Device *d)
{
    timer_cancel(&((Pl031 *)d)->match);
}

static const WindowDef pl031_windows[] = {
    { "rtc", false, PRIMECELL_SIZE, pl031_regs, NULL },
    { .name = NULL }
};

static const PropDef pl031_props[] = {
    { "rtc_base", PROP_U64, AT(rtc_base), 0, "guest time of day - host UTC, in ns" },
    { .name = NULL }
};

static const VMField pl031_vmstate[] = {
    VM_TIMER(Pl031, match),
    VM_FIELD(Pl031, offset),
    VM_FIELD(Pl031, mr),
    VM_FIELD(Pl031, lr),
    VM_FIELD(Pl031, imsc),
    VM_FIELD(Pl031, ris),
    VM_END
};

const DeviceType pl031_type = {
    .name       = "pl031",
    .desc       = "real time clock",
    .manual     = "ARM DDI 0224",
    .bus        = "sys",
    .state_size = sizeof(Pl031),
    .windows    = pl031_windows,
    .props      = pl031_props,
    .vmstate    = pl031_vmstate,
    .num_irqs   = 1,
    .init       = pl031_init,
    .realize    = pl031_realize,
    .reset      = pl031_reset,
    .post_load  = pl031_post_load,
    .free       = pl031_free,
};
