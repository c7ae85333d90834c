/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeXsys system controller SP810 (ARM DDI 0254).
 *
 * Of its work one thing is seen outside: the remap of the memory at address 0
 * (SCCTRL.REMAPCLEAR, 3.3.1).  The system mode follows the request at once, as
 * no PLL and no crystal takes time here.
 *
 * Not modelled: the clock selection of the timers (SCCTRL bits 15 to 22), which
 * run at 1 MHz whatever it says; the interrupt mode; watchdog enable override.
 */
#include "hw/arm/sp810.h"

#include "hw/core/primecell.h"

enum { REMAPCLEAR = 1 << 8, REMAPSTAT = 1 << 9 };
enum { MODE_CTRL = 7, MODE_STATUS_SHIFT = 3, MODE_STATUS = 0xf << MODE_STATUS_SHIFT };
/* 3.3.1: encoding of the state for each request: doze, sleep, slow, normal */
enum { STATE_SLEEP = 0, STATE_DOZE = 1, STATE_SLOW = 2, STATE_NORMAL = 4 };

typedef struct Sp810 {
    Device dev;
    uint32_t ctrl, sysstat, imctrl, imstat, xtalctrl, pllctrl, pllfctrl, perctrl0, perctrl1;
    uint32_t peren, perclken;
} Sp810;

static uint32_t mode_state(uint32_t mode)
{
    return mode & 4 ? STATE_NORMAL : mode & 2 ? STATE_SLOW : mode & 1 ? STATE_DOZE : STATE_SLEEP;
}

static uint32_t ctrl_read(Device *d)
{
    const Sp810 *s = (const Sp810 *)d;
    uint32_t remapped = s->ctrl & REMAPCLEAR ? REMAPSTAT : 0;

    return s->ctrl | remapped | mode_state(s->ctrl & MODE_CTRL) << MODE_STATUS_SHIFT;
}

static void drive(Sp810 *s)
{
    qemu_set_irq(s->dev.irq[SP810_OUT_REMAPCLEAR], (s->ctrl & REMAPCLEAR) != 0);
}

static void ctrl_write(Device *d, uint32_t val)
{
    Sp810 *s = (Sp810 *)d;

    s->ctrl = val;
    drive(s);
}

static void sp810_reset(Device *d)
{
    drive((Sp810 *)d);
}

static int sp810_post_load(Device *d, Error *err)
{
    (void)err;
    drive((Sp810 *)d);
    return 0;
}

#define F(m) offsetof(Sp810, m)
#define RW(name, at, m) { name, at, F(m), REG_RW, 0, ~0u, NULL, NULL }
#define CTRL_WRITABLE (~(uint32_t)(MODE_STATUS | REMAPSTAT))
static const RegDef sp810_regs[] = {
    { "SCCTRL", 0x00, F(ctrl), REG_RW, 1, CTRL_WRITABLE, ctrl_read, ctrl_write },
    RW("SCSYSSTAT",  0x04, sysstat),
    RW("SCIMCTRL",   0x08, imctrl),
    RW("SCIMSTAT",   0x0c, imstat),
    RW("SCXTALCTRL", 0x10, xtalctrl),
    RW("SCPLLCTRL",  0x14, pllctrl),
    RW("SCPLLFCTRL", 0x18, pllfctrl),
    RW("SCPERCTRL0", 0x1c, perctrl0),
    RW("SCPERCTRL1", 0x20, perctrl1),
    RW("SCPEREN",    0x24, peren),
    RW("SCPERCLKEN", 0x2c, perclken),
    PRIMECELL_ID_REGS(0x10, 0x18, 0x14, 0x00),
    REG_END
};

static const WindowDef sp810_windows[] = {
    { "regs", false, PRIMECELL_SIZE, sp810_regs, NULL },
    { NULL, false, 0, NULL, NULL }
};

static const VMField sp810_vmstate[] = {
    VM_FIELD(Sp810, ctrl),
    VM_FIELD(Sp810, sysstat),
    VM_FIELD(Sp810, imctrl),
    VM_FIELD(Sp810, imstat),
    VM_FIELD(Sp810, xtalctrl),
    VM_FIELD(Sp810, pllctrl),
    VM_FIELD(Sp810, pllfctrl),
    VM_FIELD(Sp810, perctrl0),
    VM_FIELD(Sp810, perctrl1),
    VM_FIELD(Sp810, peren),
    VM_FIELD(Sp810, perclken),
    VM_END
};

const DeviceType sp810_type = {
    .name       = "sp810",
    .desc       = "ARM PrimeXsys system controller",
    .manual     = "ARM DDI 0254",
    .bus        = "sys",
    .state_size = sizeof(Sp810),
    .windows    = sp810_windows,
    .vmstate    = sp810_vmstate,
    .num_irqs   = 1,
    .reset      = sp810_reset,
    .post_load  = sp810_post_load,
};
