/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A memory controller (S3C2440A User's Manual rev. 1, chapter 5).
 *
 * Memory is there and as fast as it is, whatever the registers say: they are
 * kept, and one bit field of them matters, BANKSIZE.BK76MAP.
 *
 * Not modelled: timing, bus widths, refresh, and BK76MAP below 128 MiB: bank 7
 * is empty, and bank 6 keeps its size.
 */
#include "hw/s3c24xx/memctl.h"

#include "util/bits.h"

enum { BK76MAP_128M = 2, DW0_SHIFT = 1, DW0 = 3 };

typedef struct S3cMemctl {
    Device dev;
    uint32_t bwscon_om;
    uint32_t bwscon, bankcon[8], refresh, banksize, mrsrb6, mrsrb7;
} S3cMemctl;

static void update(S3cMemctl *s)
{
    qemu_set_irq(s->dev.irq[0], bits(s->banksize, 2, 0) == BK76MAP_128M);
}

/* "DW0: read only (the states are selected by OM[1:0] pins)". */
static uint32_t read_bwscon(Device *d)
{
    const S3cMemctl *s = (const S3cMemctl *)d;

    return s->bwscon | (s->bwscon_om & DW0) << DW0_SHIFT;
}

static void write_banksize(Device *d, uint32_t val)
{
    (void)val;
    update((S3cMemctl *)d);
}

/* clang-format off */
#define AT(m) offsetof(S3cMemctl, m)
#define BANK(n) { "BANKCON" #n, 0x04 + 4 * n, AT(bankcon[n]), REG_RW, 0x700, 0x7fff, NULL, NULL }
#define SDRAM_BANK(n)                                                                \
    { "BANKCON" #n, 0x04 + 4 * n, AT(bankcon[n]), REG_RW, 0x18008, 0x1ffff, NULL, NULL }
/* "Bus width & wait control register" and the following. */
static const RegDef memctl_regs[] = {
    { "BWSCON",   0x00, AT(bwscon),   REG_RW, 0,        0xfffffff0, read_bwscon, NULL },
    BANK(0), BANK(1), BANK(2), BANK(3), BANK(4), BANK(5),
    SDRAM_BANK(6), SDRAM_BANK(7),
    { "REFRESH",  0x24, AT(refresh),  REG_RW, 0xac0000, 0xfc07ff,   NULL,        NULL },
    { "BANKSIZE", 0x28, AT(banksize), REG_RW, 0,        0xb7,       NULL,        write_banksize },
    { "MRSRB6",   0x2c, AT(mrsrb6),   REG_RW, 0,        0xfff,      NULL,        NULL },
    { "MRSRB7",   0x30, AT(mrsrb7),   REG_RW, 0,        0xfff,      NULL,        NULL },
    REG_END
};
/* clang-format on */

static void memctl_reset(Device *d)
{
    update((S3cMemctl *)d);
}

static int memctl_post_load(Device *d, Error *err)
{
    (void)err;
    update((S3cMemctl *)d);
    return 0;
}

static const WindowDef memctl_windows[] = {
    { "memctl", false, 0x1000, memctl_regs, NULL },
    { .name = NULL }
};

static const PropDef memctl_props[] = {
    { "bwscon_om", PROP_U32, AT(bwscon_om), 1, "DW0 by the pins OM1:0, 1 is 16 bits" },
    { .name = NULL }
};

static const VMField memctl_vmstate[] = {
    VM_FIELD(S3cMemctl, bwscon),
    VM_ARRAY(S3cMemctl, bankcon),
    VM_FIELD(S3cMemctl, refresh),
    VM_FIELD(S3cMemctl, banksize),
    VM_FIELD(S3cMemctl, mrsrb6),
    VM_FIELD(S3cMemctl, mrsrb7),
    VM_END
};

const DeviceType s3c2440_memctl_type = {
    .name       = "s3c2440-memctl",
    .desc       = "memory controller",
    .manual     = "S3C2440A User's Manual, chapter 5",
    .bus        = "sys",
    .state_size = sizeof(S3cMemctl),
    .windows    = memctl_windows,
    .props      = memctl_props,
    .vmstate    = memctl_vmstate,
    .num_irqs   = 1,
    .reset      = memctl_reset,
    .post_load  = memctl_post_load,
};
