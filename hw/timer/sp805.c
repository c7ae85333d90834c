/* SPDX-License-Identifier: MIT */
/*
 * ARM SP805 watchdog (ARM DDI 0270).
 *
 *      WdogLoad --> WdogValue, -1 per tick --0--> RIS --& INTEN--> WDOGINT
 *         ^------ the next tick ---------------|
 *                                              '0 again, RIS still set, RESEN:
 *                                                                   WDOGRES
 *
 * As in sp804.c nothing counts; a Timer waits for the next 0 that does
 * something.
 *
 * Not modelled: the integration test registers.
 */
#include "hw/timer/sp805.h"

#include <errno.h>

#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

enum { CONTROL_INTEN = 1, CONTROL_RESEN = 2, CONTROL_BITS = 3 };
enum { MAX_HZ = 1000000000 };
#define UNLOCK_KEY 0x1acce551u          /* 3.3.7, WdogLock */

typedef struct Sp805 {
    Device dev;
    uint32_t freq;
    Timer timer;
    uint32_t load, control, ris, locked, timed_out;
    uint64_t left;                      /* ticks to 0; load + 1: it is 0 */
    int64_t since;                      /* at this tick, if it runs */
} Sp805;

static bool running(const Sp805 *s)
{
    return s->control & CONTROL_INTEN;
}

static int64_t ticks_now(const Sp805 *s)
{
    return muldiv64(clock_now(s->dev.clock), s->freq, NS_PER_SEC);
}

static uint64_t elapsed(const Sp805 *s)
{
    return running(s) ? (uint64_t)MAX(ticks_now(s) - s->since, 0) : 0;
}

static void update(Sp805 *s)
{
    qemu_set_irq(s->dev.irq[SP805_OUT_IRQ], s->ris && running(s));
    qemu_set_irq(s->dev.irq[SP805_OUT_RESET], s->timed_out != 0);
}

/* 2.3: the first 0 interrupts, the second "asserts the reset signal". */
static void catch_up(Sp805 *s)
{
    uint64_t past = elapsed(s), period = (uint64_t)s->load + 1;

    if (!running(s) || past < s->left) {
        return;
    }
    uint64_t more = (past - s->left) / period;

    s->timed_out |= (s->ris || more) && (s->control & CONTROL_RESEN);
    s->ris = 1;
    s->since += (int64_t)(s->left + more * period);
    s->left = period;
    update(s);
}

static void arm(Sp805 *s)
{
    bool wanted = !s->ris || ((s->control & CONTROL_RESEN) && !s->timed_out);

    if (running(s) && wanted) {
        __int128 tick = (__int128)s->since + s->left;

        timer_set(&s->timer, (int64_t)((tick * NS_PER_SEC + s->freq - 1) / s->freq));
    } else {
        timer_cancel(&s->timer);
    }
}

static void zero_reached(void *opaque)
{
    catch_up(opaque);
    arm(opaque);
}

/* -- Registers --------------------------------------------------------------- */

static bool refuse(const Sp805 *s, uint32_t val)
{
    if (s->locked) {
        log_guest("sp805", "write 0x%x while it is locked", val);
    }
    return s->locked;
}

static void reload(Sp805 *s)
{
    s->left = s->load;
    s->since = ticks_now(s);
}

static uint32_t read_load(Device *d)
{
    return ((Sp805 *)d)->load;
}

static void write_load(Device *d, uint32_t val)
{
    Sp805 *s = (Sp805 *)d;

    if (refuse(s, val)) {
        return;
    }
    catch_up(s);
    s->load = val;
    reload(s);
    arm(s);
}

static uint32_t read_value(Device *d)
{
    Sp805 *s = (Sp805 *)d;

    catch_up(s);
    uint64_t left = s->left - elapsed(s);

    return left > s->load ? 0 : (uint32_t)left;
}

static uint32_t read_control(Device *d)
{
    return ((Sp805 *)d)->control;
}

/* 3.3.3, INTEN: "reloads the counter ... when the interrupt is enabled, and was
 * previously disabled". */
static void write_control(Device *d, uint32_t val)
{
    Sp805 *s = (Sp805 *)d;
    bool was_running = running(s);

    if (refuse(s, val)) {
        return;
    }
    catch_up(s);
    s->left -= elapsed(s);
    s->since = ticks_now(s);
    s->control = val;
    if (running(s) && !was_running) {
        reload(s);
    }
    update(s);
    arm(s);
}

static void write_intclr(Device *d, uint32_t val)
{
    Sp805 *s = (Sp805 *)d;

    if (refuse(s, val)) {
        return;
    }
    catch_up(s);
    s->ris = 0;
    reload(s);
    update(s);
    arm(s);
}

static uint32_t read_ris(Device *d)
{
    catch_up((Sp805 *)d);
    return ((Sp805 *)d)->ris;
}

static uint32_t read_mis(Device *d)
{
    return read_ris(d) && running((Sp805 *)d);
}

static uint32_t read_lock(Device *d)
{
    return ((Sp805 *)d)->locked;
}

static void write_lock(Device *d, uint32_t val)
{
    ((Sp805 *)d)->locked = val != UNLOCK_KEY;
}

/* clang-format off */
#define ALL 0xffffffff
/* Table 3-1, register summary. */
static const RegDef sp805_regs[] = {
    { "WdogLoad",    0x000, REG_VIRTUAL, REG_RW, 0, ALL, read_load,    write_load },
    { "WdogValue",   0x004, REG_VIRTUAL, REG_R,  0, 0,   read_value,   NULL },
    { "WdogControl", 0x008, REG_VIRTUAL, REG_RW, 0, CONTROL_BITS, read_control, write_control },
    { "WdogIntClr",  0x00c, REG_VIRTUAL, REG_W,  0, ALL, NULL,         write_intclr },
    { "WdogRIS",     0x010, REG_VIRTUAL, REG_R,  0, 0,   read_ris,     NULL },
    { "WdogMIS",     0x014, REG_VIRTUAL, REG_R,  0, 0,   read_mis,     NULL },
    { "WdogLock",    0xc00, REG_VIRTUAL, REG_RW, 0, ALL, read_lock,    write_lock },
    PRIMECELL_ID_REGS(0x05, 0x18, 0x14, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void sp805_init(Device *d)
{
    timer_init(d->clock, &((Sp805 *)d)->timer, zero_reached, d);
}

static int sp805_realize(Device *d, Error *err)
{
    uint32_t freq = ((Sp805 *)d)->freq;

    if (freq < 1 || freq > MAX_HZ) {
        return error_set(err, ERANGE, "sp805: freq=%u: want 1 to %d", freq, MAX_HZ);
    }
    return 0;
}

static void sp805_reset(Device *d)
{
    Sp805 *s = (Sp805 *)d;

    timer_cancel(&s->timer);
    s->timer.deadline = 0;
    s->load = 0xffffffff;
    s->left = 0xffffffff;
    s->since = 0;
    s->control = s->ris = s->locked = s->timed_out = 0;
    update(s);
}

static int sp805_post_load(Device *d, Error *err)
{
    Sp805 *s = (Sp805 *)d;

    if (s->left > (uint64_t)s->load + 1 || s->since < 0 ||
        s->since > ticks_now(s) + (1ll << 32)) {
        return error_set(err, EINVAL, "sp805: snapshot has an impossible count");
    }
    s->control &= CONTROL_BITS;
    s->ris = s->ris != 0;
    s->locked = s->locked != 0;
    s->timed_out = s->timed_out != 0;
    update(s);
    return 0;
}

static void sp805_free(Device *d)
{
    timer_cancel(&((Sp805 *)d)->timer);
}

static const WindowDef sp805_windows[] = {
    { "watchdog", false, PRIMECELL_SIZE, sp805_regs, NULL },
    { .name = NULL }
};

static const PropDef sp805_props[] = {
    { "freq", PROP_U32, offsetof(Sp805, freq), 1000000, "WDOGCLK in Hz" },
    { .name = NULL }
};

static const VMField sp805_vmstate[] = {
    VM_TIMER(Sp805, timer),
    VM_FIELD(Sp805, load),
    VM_FIELD(Sp805, control),
    VM_FIELD(Sp805, ris),
    VM_FIELD(Sp805, locked),
    VM_FIELD(Sp805, timed_out),
    VM_FIELD(Sp805, left),
    VM_FIELD(Sp805, since),
    VM_END
};

const DeviceType sp805_type = {
    .name       = "sp805",
    .desc       = "watchdog",
    .manual     = "ARM DDI 0270",
    .bus        = "sys",
    .state_size = sizeof(Sp805),
    .windows    = sp805_windows,
    .props      = sp805_props,
    .vmstate    = sp805_vmstate,
    .num_irqs   = SP805_NUM_OUTPUTS,
    .init       = sp805_init,
    .realize    = sp805_realize,
    .reset      = sp805_reset,
    .post_load  = sp805_post_load,
    .free       = sp805_free,
};
