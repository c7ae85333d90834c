/* SPDX-License-Identifier: MIT */
/*
 * Secondary interrupt controller of the Versatile/PB926EJ-S (ARM DUI 0224,
 * "Interrupt controllers").
 *
 *      sources --|--> RAWSTAT --&--> STATUS --or--> parent (VIC 31)
 *      SOFTINT --'           ENABLE
 *      sources -----------------&------------------> VIC line of the same number
 *                          PICENABLE
 *
 * Not modelled: which bits are reserved; all 32 are kept.
 */
#include "hw/arm/versatile-sic.h"

#include "util/bits.h"

typedef struct VersatileSic {
    Device dev;
    uint32_t inputs;                    /* levels */
    uint32_t enable, soft, pass;
} VersatileSic;

static uint32_t raw_status(const VersatileSic *s)
{
    return s->inputs | s->soft;
}

static void update(VersatileSic *s)
{
    qemu_set_irq(s->dev.irq[VERSATILE_SIC_OUT_PARENT], (raw_status(s) & s->enable) != 0);
}

/* The direct lines of these sources, after a change. */
static void update_passed(VersatileSic *s, uint32_t sources)
{
    for (; sources; sources &= sources - 1) {
        int n = __builtin_ctz(sources);

        qemu_set_irq(s->dev.irq[VERSATILE_SIC_OUT_SOURCE + n],
                     s->inputs >> n & s->pass >> n & 1);
    }
}

static void set_input(Device *d, int n, int level)
{
    VersatileSic *s = (VersatileSic *)d;
    uint32_t bit = 1u << n;

    s->inputs = level ? s->inputs | bit : s->inputs & ~bit;
    update(s);
    update_passed(s, bit & s->pass);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_status(Device *d)
{
    return raw_status((VersatileSic *)d) & ((VersatileSic *)d)->enable;
}

static uint32_t read_rawstat(Device *d) { return raw_status((VersatileSic *)d); }
static uint32_t read_enable(Device *d) { return ((VersatileSic *)d)->enable; }
static uint32_t read_softint(Device *d) { return ((VersatileSic *)d)->soft; }
static uint32_t read_picenable(Device *d) { return ((VersatileSic *)d)->pass; }

static void write_enset(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->enable |= val;
    update((VersatileSic *)d);
}

static void write_enclr(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->enable &= ~val;
    update((VersatileSic *)d);
}

static void write_softintset(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->soft |= val;
    update((VersatileSic *)d);
}

static void write_softintclr(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->soft &= ~val;
    update((VersatileSic *)d);
}

static void write_picenset(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->pass |= val;
    update_passed((VersatileSic *)d, val);
}

static void write_picenclr(Device *d, uint32_t val)
{
    ((VersatileSic *)d)->pass &= ~val;
    update_passed((VersatileSic *)d, val);
}

/* clang-format off */
#define ALL 0xffffffff
/* DUI 0224, "Secondary interrupt controller registers".  Two names share an
 * address: what is read, and what is written. */
static const RegDef sic_regs[] = {
    { "SIC_STATUS",     0x00, REG_VIRTUAL, REG_R,  0, 0,   read_status,    NULL },
    { "SIC_RAWSTAT",    0x04, REG_VIRTUAL, REG_R,  0, 0,   read_rawstat,   NULL },
    { "SIC_ENABLE",     0x08, REG_VIRTUAL, REG_RW, 0, ALL, read_enable,    write_enset },
    { "SIC_ENCLR",      0x0c, REG_VIRTUAL, REG_W,  0, ALL, NULL,           write_enclr },
    { "SIC_SOFTINTSET", 0x10, REG_VIRTUAL, REG_RW, 0, ALL, read_softint,   write_softintset },
    { "SIC_SOFTINTCLR", 0x14, REG_VIRTUAL, REG_W,  0, ALL, NULL,           write_softintclr },
    { "SIC_PICENABLE",  0x20, REG_VIRTUAL, REG_RW, 0, ALL, read_picenable, write_picenset },
    { "SIC_PICENCLR",   0x24, REG_VIRTUAL, REG_W,  0, ALL, NULL,           write_picenclr },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

/* The sources are as their devices drive them. */
static void sic_reset(Device *d)
{
    VersatileSic *s = (VersatileSic *)d;

    s->enable = s->soft = s->pass = 0;
    update(s);
    update_passed(s, ALL);
}

static int sic_post_load(Device *d, Error *err)
{
    (void)err;
    update((VersatileSic *)d);
    update_passed((VersatileSic *)d, ALL);
    return 0;
}

static const WindowDef sic_windows[] = {
    { "sic", false, 0x1000, sic_regs, NULL },
    { .name = NULL }
};

static const VMField sic_vmstate[] = {
    VM_FIELD(VersatileSic, inputs),
    VM_FIELD(VersatileSic, enable),
    VM_FIELD(VersatileSic, soft),
    VM_FIELD(VersatileSic, pass),
    VM_END
};

const DeviceType versatile_sic_type = {
    .name       = "versatile_sic",
    .desc       = "secondary interrupt controller",
    .manual     = "ARM DUI 0224",
    .bus        = "sys",
    .state_size = sizeof(VersatileSic),
    .windows    = sic_windows,
    .vmstate    = sic_vmstate,
    .num_irqs   = VERSATILE_SIC_OUT_SOURCE + VERSATILE_SIC_NUM_SOURCES,
    .num_inputs = VERSATILE_SIC_NUM_SOURCES,
    .reset      = sic_reset,
    .post_load  = sic_post_load,
    .input      = set_input,
};
