/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A A/D converter and touch screen interface (S3C2440A User's Manual
 * rev. 1, chapter 16).
 *
 *      AIN0-3, pen's X and Y --ADCCON, ADCTSC--> conversion --> ADCDAT0, ADCDAT1
 *                                                    '--> adc interrupt
 *      pen --ADCTSC: waiting for interrupt--> tc interrupt, ADCUPDN
 *
 * A conversion takes five cycles of PCLK / (prescaler + 1); those of the touch
 * screen begin ADCDLY cycles of the crystal later, and so does the pen's
 * interrupt.  The screen is a pointer of the user interface: it is where it is
 * without noise.
 *
 * Not modelled: the switches of ADCTSC 7:3 (the pen is measured by AUTO_PST and
 * XY_PST, whatever they are).
 */
#include "hw/s3c24xx/adc.h"

#include <errno.h>

#include "hw/s3c24xx/clock.h"
#include "ui/console.h"
#include "util/bits.h"

enum { ADCCON_START = 1 << 0, ADCCON_READ_START = 1 << 1, ADCCON_STANDBY = 1 << 2,
       ADCCON_PRSCEN = 1 << 14, ADCCON_ECFLG = 1 << 15 };
enum { ADCTSC_AUTO = 1 << 2, ADCTSC_UP = 1 << 8 };
enum { XY_NONE, XY_X, XY_Y, XY_WAIT };
enum { DAT_UP = 1 << 15, DAT_MODE_SHIFT = 12 };
enum { UPDN_DOWN = 1, UPDN_UP = 2 };
enum { VALUE_MAX = 1023, POINTER_MAX = 32767, NUM_AINS = 4, CYCLES = 5 };

typedef struct S3cAdc {
    Device dev;
    Device *clock;
    bool touch, swap_xy;
    uint32_t ain[NUM_AINS], x_min, x_max, y_min, y_max;
    Timer done, pen;
    uint32_t adccon, adctsc, adcdly, updn;
    uint32_t x, y;                      /* last measured */
    uint32_t pen_x, pen_y;              /* 0 .. POINTER_MAX */
    uint8_t pen_down, detected;
} S3cAdc;

static unsigned xy_mode(const S3cAdc *s)
{
    return bits(s->adctsc, 1, 0);
}

/* -- Conversion -------------------------------------------------------------- */

static int64_t conversion_ns(const S3cAdc *s)
{
    int64_t div = s->adccon & ADCCON_PRSCEN ? bits(s->adccon, 13, 6) + 1 : 1;

    return CYCLES * div * NS_PER_SEC / s3c_pclk(s->clock);
}

static int64_t delay_ns(const S3cAdc *s)
{
    return s->adcdly * NS_PER_SEC / s3c_clock_hz(s->clock, S3C_FIN);
}

static uint32_t scale(uint32_t at, uint32_t min, uint32_t max)
{
    return (uint32_t)((int64_t)min + ((int64_t)max - min) * at / POINTER_MAX) & VALUE_MAX;
}

static uint32_t measure_x(const S3cAdc *s)
{
    return s->pen_down ? scale(s->swap_xy ? s->pen_y : s->pen_x, s->x_min, s->x_max)
                       : VALUE_MAX;
}

static uint32_t measure_y(const S3cAdc *s)
{
    return s->pen_down ? scale(s->swap_xy ? s->pen_x : s->pen_y, s->y_min, s->y_max)
                       : VALUE_MAX;
}

/* Channels 4 to 7 are the screen's wires. */
static uint32_t measure_channel(const S3cAdc *s)
{
    unsigned n = bits(s->adccon, 5, 3);

    return n < NUM_AINS ? s->ain[n] & VALUE_MAX : n < 6 ? measure_y(s) : measure_x(s);
}

static void conversion_done(void *opaque)
{
    S3cAdc *s = opaque;

    if (s->adctsc & ADCTSC_AUTO) {
        s->x = measure_x(s);
        s->y = measure_y(s);
    } else if (xy_mode(s) == XY_Y) {
        s->y = measure_y(s);
    } else {
        s->x = xy_mode(s) == XY_X ? measure_x(s) : measure_channel(s);
    }
    s->adccon |= ADCCON_ECFLG;
    qemu_irq_pulse(s->dev.irq[S3C_ADC_OUT_ADC]);
}

/* "ADCDLY": before conversions of the screen's position. */
static void start(S3cAdc *s)
{
    bool automatic = s->adctsc & ADCTSC_AUTO;
    int64_t ns = conversion_ns(s) * (automatic ? 2 : 1);

    if (s->adccon & ADCCON_STANDBY) {
        return;
    }
    if (automatic || xy_mode(s) == XY_X || xy_mode(s) == XY_Y) {
        ns += delay_ns(s);
    }
    s->adccon &= ~(uint32_t)ADCCON_ECFLG;
    timer_set(&s->done, clock_now(s->dev.clock) + ns);
}

/* -- Pen --------------------------------------------------------------------- */

/* "Waiting for interrupt mode": for the pen to be down, or up. */
static bool awaited(const S3cAdc *s)
{
    return xy_mode(s) == XY_WAIT && s->pen_down == !(s->adctsc & ADCTSC_UP);
}

static void watch_pen(S3cAdc *s)
{
    if (!awaited(s)) {
        s->detected = 0;
        timer_cancel(&s->pen);
    } else if (!s->detected) {
        s->detected = 1;
        timer_set(&s->pen, clock_now(s->dev.clock) + delay_ns(s));
    }
}

static void pen_seen(void *opaque)
{
    S3cAdc *s = opaque;

    s->updn |= s->adctsc & ADCTSC_UP ? UPDN_UP : UPDN_DOWN;
    qemu_irq_pulse(s->dev.irq[S3C_ADC_OUT_TC]);
}

static void pointer_moved(void *opaque, int x, int y, int dz, int buttons)
{
    S3cAdc *s = opaque;

    (void)dz;
    s->pen_x = (uint32_t)MAX(0, MIN(x, POINTER_MAX));
    s->pen_y = (uint32_t)MAX(0, MIN(y, POINTER_MAX));
    s->pen_down = (buttons & POINTER_LEFT) != 0;
    watch_pen(s);
}

/* -- Registers --------------------------------------------------------------- */

/* "ENABLE_START": cleared after the start-up; no effect with READ_START. */
static void write_adccon(Device *d, uint32_t val)
{
    S3cAdc *s = (S3cAdc *)d;

    s->adccon &= ~(uint32_t)ADCCON_START;
    if (val & ADCCON_STANDBY) {
        timer_cancel(&s->done);
    } else if ((val & ADCCON_START) && !(val & ADCCON_READ_START)) {
        start(s);
    }
}

/* A new mode is a new detection. */
static void write_adctsc(Device *d, uint32_t val)
{
    S3cAdc *s = (S3cAdc *)d;

    (void)val;
    s->detected = 0;
    timer_cancel(&s->pen);
    watch_pen(s);
}

static uint32_t read_data(S3cAdc *s, uint32_t val)
{
    if (s->adccon & ADCCON_READ_START) {
        start(s);
    }
    return val | bits(s->adctsc, 2, 0) << DAT_MODE_SHIFT | (s->pen_down ? 0 : DAT_UP);
}

static uint32_t read_adcdat0(Device *d) { return read_data((S3cAdc *)d, ((S3cAdc *)d)->x); }
static uint32_t read_adcdat1(Device *d) { return read_data((S3cAdc *)d, ((S3cAdc *)d)->y); }
static uint32_t read_adcupdn(Device *d) { return ((S3cAdc *)d)->updn; }

/* "Stylus up or down interrupt status": a 0 clears. */
static void write_adcupdn(Device *d, uint32_t val)
{
    ((S3cAdc *)d)->updn &= val;
}

/* clang-format off */
#define AT(m) offsetof(S3cAdc, m)
#define VIRT REG_VIRTUAL
/* "ADC and touch screen interface special registers". */
static const RegDef adc_regs[] = {
    { "ADCCON",  0x00, AT(adccon), REG_RW, 0x3fc4, 0x7fff, NULL,         write_adccon },
    { "ADCTSC",  0x04, AT(adctsc), REG_RW, 0x58,   0x1ff,  NULL,         write_adctsc },
    { "ADCDLY",  0x08, AT(adcdly), REG_RW, 0xff,   0xffff, NULL,         NULL },
    { "ADCDAT0", 0x0c, VIRT,       REG_R,  0,      0,      read_adcdat0, NULL },
    { "ADCDAT1", 0x10, VIRT,       REG_R,  0,      0,      read_adcdat1, NULL },
    { "ADCUPDN", 0x14, VIRT,       REG_RW, 0,      3,      read_adcupdn, write_adcupdn },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void adc_init(Device *d)
{
    S3cAdc *s = (S3cAdc *)d;

    timer_init(d->clock, &s->done, conversion_done, s);
    timer_init(d->clock, &s->pen, pen_seen, s);
}

static int adc_realize(Device *d, Error *err)
{
    S3cAdc *s = (S3cAdc *)d;
    const PointerSink sink = {
        .moved = pointer_moved, .absolute = true, .name = "S3C2440 touch screen", .opaque = d,
    };

    if (MAX(MAX(s->x_min, s->x_max), MAX(s->y_min, s->y_max)) > VALUE_MAX) {
        return error_set(err, ERANGE, "s3c2440-adc: x_min, x_max, y_min, y_max: want at most %d",
                         VALUE_MAX);
    }
    if (s->touch) {
        input_add_pointer(&sink);
    }
    return 0;
}

static void adc_reset(Device *d)
{
    S3cAdc *s = (S3cAdc *)d;

    timer_cancel(&s->done);
    timer_cancel(&s->pen);
    s->done.deadline = s->pen.deadline = 0;
    s->x = s->y = s->updn = 0;
    s->detected = 0;
    qemu_irq_lower(d->irq[S3C_ADC_OUT_TC]);
    qemu_irq_lower(d->irq[S3C_ADC_OUT_ADC]);
}

static int adc_post_load(Device *d, Error *err)
{
    S3cAdc *s = (S3cAdc *)d;

    (void)err;
    s->adcdly &= 0xffff;
    s->x &= VALUE_MAX;
    s->y &= VALUE_MAX;
    s->pen_x = MIN(s->pen_x, (uint32_t)POINTER_MAX);
    s->pen_y = MIN(s->pen_y, (uint32_t)POINTER_MAX);
    s->pen_down = s->pen_down != 0;
    s->detected = s->detected != 0;
    s->updn &= UPDN_UP | UPDN_DOWN;
    return 0;
}

static void adc_free(Device *d)
{
    S3cAdc *s = (S3cAdc *)d;

    timer_cancel(&s->done);
    timer_cancel(&s->pen);
    if (d->realized && s->touch) {
        input_remove_pointer(d);
    }
}

static const WindowDef adc_windows[] = {
    { "adc", false, 0x1000, adc_regs, NULL },
    { .name = NULL }
};

static const PropDef adc_props[] = {
    { "clock",   PROP_LINK, AT(clock),   0, "the s3c2440-clock" },
    { "touch",   PROP_BOOL, AT(touch),   1, "there is a touch screen" },
    { "swap_xy", PROP_BOOL, AT(swap_xy), 1, "X is measured from top to bottom" },
    { "x_min",   PROP_U32,  AT(x_min),   90, "X at the left or top" },
    { "x_max",   PROP_U32,  AT(x_max),   960, "X at the right or bottom" },
    { "y_min",   PROP_U32,  AT(y_min),   75, "Y at the top or left" },
    { "y_max",   PROP_U32,  AT(y_max),   940, "Y at the bottom or right" },
    { "ain0",    PROP_U32,  AT(ain[0]),  0, "measured at AIN0" },
    { "ain1",    PROP_U32,  AT(ain[1]),  0, "measured at AIN1" },
    { "ain2",    PROP_U32,  AT(ain[2]),  0, "measured at AIN2" },
    { "ain3",    PROP_U32,  AT(ain[3]),  0, "measured at AIN3" },
    { .name = NULL }
};

static const VMField adc_vmstate[] = {
    VM_TIMER(S3cAdc, done),
    VM_TIMER(S3cAdc, pen),
    VM_FIELD(S3cAdc, adccon),
    VM_FIELD(S3cAdc, adctsc),
    VM_FIELD(S3cAdc, adcdly),
    VM_FIELD(S3cAdc, updn),
    VM_FIELD(S3cAdc, x),
    VM_FIELD(S3cAdc, y),
    VM_FIELD(S3cAdc, pen_x),
    VM_FIELD(S3cAdc, pen_y),
    VM_FIELD(S3cAdc, pen_down),
    VM_FIELD(S3cAdc, detected),
    VM_END
};

const DeviceType s3c2440_adc_type = {
    .name       = "s3c2440-adc",
    .desc       = "A/D converter and touch screen interface",
    .manual     = "S3C2440A User's Manual, chapter 16",
    .bus        = "sys",
    .state_size = sizeof(S3cAdc),
    .windows    = adc_windows,
    .props      = adc_props,
    .vmstate    = adc_vmstate,
    .num_irqs   = S3C_ADC_NUM_OUTPUTS,
    .init       = adc_init,
    .realize    = adc_realize,
    .reset      = adc_reset,
    .post_load  = adc_post_load,
    .free       = adc_free,
};
