/* SPDX-License-Identifier: MIT */
/*
 * Status and system control registers of the Versatile/PB926EJ-S (ARM DUI 0224,
 * chapter 4).
 *
 * What the board's FPGA has besides peripherals: identification, switches and
 * LEDs, two free running counters, 32 + 32 flag bits for software, and single
 * bits that steer other parts of the board, which are this device's wires.
 *
 * Not modelled: what the oscillators are programmed to (SYS_OSC0-4 and
 * SYS_OSCRESET0-4 are stored), SYS_CFGDATA1 and 2 and the DMA mapping (they are
 * stored), the character LCD's display settings, voltages, and that SYS_NVFLAGS
 * survive a reset that is no power-on.
 */
#include "hw/arm/versatile-sysregs.h"

#include "util/bits.h"
#include "util/log.h"

enum { LOCK_KEY = 0xa05f, LOCK_LOCKED = 1 << 16 };
enum { RESETCTL_RESET = 1 << 8 };
enum { FLASH_WRITE = 1, CLCD_MODE = 3, CLCD_ID_SHIFT = 8, CLCD_ID = 0x1f };

typedef struct VersatileSysregs {
    Device dev;
    uint32_t sys_id, proc_id, switches, clcd_id;        /* properties */
    bool pci;
    uint32_t led, osc[5], osc_reset[5], lock_val, cfgdata[2], flags, nvflags;
    uint32_t resetctl, flash, clcd, dmapsr[3];
    uint32_t cards;                     /* levels of the inputs */
} VersatileSysregs;

static void update(VersatileSysregs *s)
{
    qemu_irq *out = s->dev.irq;

    qemu_set_irq(out[VERSATILE_SYSREGS_OUT_FLASH_WRITE], s->flash & FLASH_WRITE);
    qemu_set_irq(out[VERSATILE_SYSREGS_OUT_CLCD_MODE0], s->clcd & 1);
    qemu_set_irq(out[VERSATILE_SYSREGS_OUT_CLCD_MODE1], s->clcd >> 1 & 1);
}

static void set_input(Device *d, int n, int level)
{
    VersatileSysregs *s = (VersatileSysregs *)d;
    uint32_t bit = 1u << n;

    s->cards = level ? s->cards | bit : s->cards & ~bit;
}

/* -- Registers --------------------------------------------------------------- */

#define SYSREGS(d) ((VersatileSysregs *)(d))

static uint32_t read_id(Device *d) { return SYSREGS(d)->sys_id; }
static uint32_t read_sw(Device *d) { return SYSREGS(d)->switches; }
static uint32_t read_flags(Device *d) { return SYSREGS(d)->flags; }
static uint32_t read_nvflags(Device *d) { return SYSREGS(d)->nvflags; }
static uint32_t read_resetctl(Device *d) { return SYSREGS(d)->resetctl; }
static uint32_t read_pcictl(Device *d) { return SYSREGS(d)->pci; }
static uint32_t read_mci(Device *d) { return SYSREGS(d)->cards; }
static uint32_t read_procid(Device *d) { return SYSREGS(d)->proc_id; }

static uint32_t ticks(const Device *d, int64_t hz)
{
    return (uint32_t)muldiv64(clock_now(d->clock), hz, NS_PER_SEC);
}

static uint32_t read_100hz(Device *d) { return ticks(d, 100); }
static uint32_t read_24mhz(Device *d) { return ticks(d, 24000000); }

/* "SYS_LOCK": bit 16 says that the registers are locked. */
static bool locked(const VersatileSysregs *s)
{
    return s->lock_val != LOCK_KEY;
}

static uint32_t read_lock(Device *d)
{
    return SYSREGS(d)->lock_val | (locked(SYSREGS(d)) ? LOCK_LOCKED : 0);
}

static void write_lock(Device *d, uint32_t val)
{
    SYSREGS(d)->lock_val = val;
}

static void write_lockable(Device *d, uint32_t *reg, uint32_t val)
{
    if (locked(SYSREGS(d))) {
        log_guest("versatile_sysregs", "write 0x%x to a locked register", val);
    } else {
        *reg = val;
    }
}

#define LOCKABLE(name, reg)                                                 \
    static uint32_t read_##name(Device *d) { return SYSREGS(d)->reg; }      \
    static void write_##name(Device *d, uint32_t val)                       \
    { write_lockable(d, &SYSREGS(d)->reg, val); }

LOCKABLE(osc0, osc[0])
LOCKABLE(osc1, osc[1])
LOCKABLE(osc2, osc[2])
LOCKABLE(osc3, osc[3])
LOCKABLE(osc4, osc[4])
LOCKABLE(cfgdata1, cfgdata[0])
LOCKABLE(cfgdata2, cfgdata[1])

static void write_flagsset(Device *d, uint32_t val) { SYSREGS(d)->flags |= val; }
static void write_flagsclr(Device *d, uint32_t val) { SYSREGS(d)->flags &= ~val; }
static void write_nvflagsset(Device *d, uint32_t val) { SYSREGS(d)->nvflags |= val; }
static void write_nvflagsclr(Device *d, uint32_t val) { SYSREGS(d)->nvflags &= ~val; }

/* "SYS_RESETCTL": bits 2:0 say how much is reset, bit 8 does it. */
static void write_resetctl(Device *d, uint32_t val)
{
    write_lockable(d, &SYSREGS(d)->resetctl, val);
    if (!locked(SYSREGS(d)) && (val & RESETCTL_RESET)) {
        qemu_irq_pulse(d->irq[VERSATILE_SYSREGS_OUT_RESET]);
    }
}

/* Read-only here, but drivers write what they read. */
static void write_ignored(Device *d, uint32_t val)
{
    (void)d;
    (void)val;
}

static void write_flash(Device *d, uint32_t val)
{
    (void)val;
    update(SYSREGS(d));
}

static uint32_t read_clcd(Device *d)
{
    return SYSREGS(d)->clcd | (SYSREGS(d)->clcd_id & CLCD_ID) << CLCD_ID_SHIFT;
}

static void write_clcd(Device *d, uint32_t val)
{
    SYSREGS(d)->clcd = val;
    update(SYSREGS(d));
}

/* clang-format off */
#define AT(m) offsetof(VersatileSysregs, m)
#define VIRT REG_VIRTUAL
#define ALL 0xffffffff
#define OSC 0x7ffff

/* DUI 0224, table "Register map for status and system control registers". */
static const RegDef sysregs_regs[] = {
    { "SYS_ID",        0x00, VIRT,             REG_R,  0, 0,      read_id,       NULL },
    { "SYS_SW",        0x04, VIRT,             REG_R,  0, 0,      read_sw,       NULL },
    { "SYS_LED",       0x08, AT(led),          REG_RW, 0, 0xff,   NULL,          NULL },
    { "SYS_OSC0",      0x0c, VIRT,             REG_RW, 0, OSC,    read_osc0,     write_osc0 },
    { "SYS_OSC1",      0x10, VIRT,             REG_RW, 0, OSC,    read_osc1,     write_osc1 },
    { "SYS_OSC2",      0x14, VIRT,             REG_RW, 0, OSC,    read_osc2,     write_osc2 },
    { "SYS_OSC3",      0x18, VIRT,             REG_RW, 0, OSC,    read_osc3,     write_osc3 },
    { "SYS_OSC4",      0x1c, VIRT,             REG_RW, 0, OSC,    read_osc4,     write_osc4 },
    { "SYS_LOCK",      0x20, VIRT,             REG_RW, 0, 0xffff, read_lock,     write_lock },
    { "SYS_100HZ",     0x24, VIRT,             REG_R,  0, 0,      read_100hz,    NULL },
    { "SYS_CFGDATA1",  0x28, VIRT,             REG_RW, 0, ALL,    read_cfgdata1, write_cfgdata1 },
    { "SYS_CFGDATA2",  0x2c, VIRT,             REG_RW, 0, ALL,    read_cfgdata2, write_cfgdata2 },
    { "SYS_FLAGS",     0x30, VIRT,             REG_RW, 0, ALL,    read_flags,    write_flagsset },
    { "SYS_FLAGSCLR",  0x34, VIRT,             REG_W,  0, ALL,    NULL,          write_flagsclr },
    { "SYS_NVFLAGS",   0x38, VIRT,             REG_RW, 0, ALL,    read_nvflags,  write_nvflagsset },
    { "SYS_NVFLAGSCLR",0x3c, VIRT,             REG_W,  0, ALL,    NULL,          write_nvflagsclr },
    { "SYS_RESETCTL",  0x40, VIRT,             REG_RW, 0, 0x107,  read_resetctl, write_resetctl },
    { "SYS_PCICTL",    0x44, VIRT,             REG_RW, 0, ALL,    read_pcictl,   write_ignored },
    { "SYS_MCI",       0x48, VIRT,             REG_R,  0, 0,      read_mci,      NULL },
    { "SYS_FLASH",     0x4c, AT(flash),        REG_RW, 0, 1,      NULL,          write_flash },
    { "SYS_CLCD",      0x50, VIRT,             REG_RW, 0, 0xff,   read_clcd,     write_clcd },
    { "SYS_CLCDSER",   0x54, REG_CONST,        REG_RW, 0, 0,      NULL,          NULL },
    { "SYS_BOOTCS",    0x58, REG_CONST,        REG_R,  0, 0,      NULL,          NULL },
    { "SYS_24MHZ",     0x5c, VIRT,             REG_R,  0, 0,      read_24mhz,    NULL },
    { "SYS_MISC",      0x60, REG_CONST,        REG_R,  0, 0,      NULL,          NULL },
    { "SYS_DMAPSR0",   0x64, AT(dmapsr[0]),    REG_RW, 0, 0xff,   NULL,          NULL },
    { "SYS_DMAPSR1",   0x68, AT(dmapsr[1]),    REG_RW, 0, 0xff,   NULL,          NULL },
    { "SYS_DMAPSR2",   0x6c, AT(dmapsr[2]),    REG_RW, 0, 0xff,   NULL,          NULL },
    { "SYS_PROCID0",   0x84, VIRT,             REG_R,  0, 0,      read_procid,   NULL },
    { "SYS_PROCID1",   0x88, REG_CONST,        REG_R,  0xff000000, 0, NULL,      NULL },
    { "SYS_OSCRESET0", 0x8c, AT(osc_reset[0]), REG_RW, 0, OSC,    NULL,          NULL },
    { "SYS_OSCRESET1", 0x90, AT(osc_reset[1]), REG_RW, 0, OSC,    NULL,          NULL },
    { "SYS_OSCRESET2", 0x94, AT(osc_reset[2]), REG_RW, 0, OSC,    NULL,          NULL },
    { "SYS_OSCRESET3", 0x98, AT(osc_reset[3]), REG_RW, 0, OSC,    NULL,          NULL },
    { "SYS_OSCRESET4", 0x9c, AT(osc_reset[4]), REG_RW, 0, OSC,    NULL,          NULL },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void sysregs_reset(Device *d)
{
    VersatileSysregs *s = (VersatileSysregs *)d;

    memset(s->osc, 0, sizeof(s->osc));
    memset(s->cfgdata, 0, sizeof(s->cfgdata));
    s->lock_val = s->flags = s->nvflags = s->resetctl = s->clcd = 0;
    qemu_irq_lower(d->irq[VERSATILE_SYSREGS_OUT_RESET]);
    update(s);
}

static int sysregs_post_load(Device *d, Error *err)
{
    VersatileSysregs *s = (VersatileSysregs *)d;

    (void)err;
    s->cards &= (1u << VERSATILE_SYSREGS_NUM_INPUTS) - 1;
    s->clcd &= 0xff;
    s->lock_val &= 0xffff;
    update(s);
    return 0;
}

static const WindowDef sysregs_windows[] = {
    { "sysregs", false, 0x1000, sysregs_regs, NULL },
    { .name = NULL }
};

static const PropDef sysregs_props[] = {
    { "sys_id",   PROP_U32,  AT(sys_id),   0x41007004, "SYS_ID" },
    { "proc_id",  PROP_U32,  AT(proc_id),  0x02000000, "SYS_PROCID0" },
    { "switches", PROP_U32,  AT(switches), 0, "SYS_SW" },
    { "clcd_id",  PROP_U32,  AT(clcd_id),  0x1f, "display connected, 5 bits" },
    { "pci",      PROP_BOOL, AT(pci),      1, "in a PCI backplane" },
    { .name = NULL }
};

static const VMField sysregs_vmstate[] = {
    VM_FIELD(VersatileSysregs, led),
    VM_ARRAY(VersatileSysregs, osc),
    VM_ARRAY(VersatileSysregs, osc_reset),
    VM_FIELD(VersatileSysregs, lock_val),
    VM_ARRAY(VersatileSysregs, cfgdata),
    VM_FIELD(VersatileSysregs, flags),
    VM_FIELD(VersatileSysregs, nvflags),
    VM_FIELD(VersatileSysregs, resetctl),
    VM_FIELD(VersatileSysregs, flash),
    VM_FIELD(VersatileSysregs, clcd),
    VM_ARRAY(VersatileSysregs, dmapsr),
    VM_FIELD(VersatileSysregs, cards),
    VM_END
};

const DeviceType versatile_sysregs_type = {
    .name       = "versatile_sysregs",
    .desc       = "status and system control registers",
    .manual     = "ARM DUI 0224",
    .bus        = "sys",
    .state_size = sizeof(VersatileSysregs),
    .windows    = sysregs_windows,
    .props      = sysregs_props,
    .vmstate    = sysregs_vmstate,
    .num_irqs   = VERSATILE_SYSREGS_NUM_OUTPUTS,
    .num_inputs = VERSATILE_SYSREGS_NUM_INPUTS,
    .reset      = sysregs_reset,
    .post_load  = sysregs_post_load,
    .input      = set_input,
};
