/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371AB PIIX4, function 3: power management (Intel order 290562;
 * the fixed registers are those of ACPI 1.0b, 4.7.3).
 *
 *   timer bit 23, power button --> PMSTS --&--> SCI (IRQ 9), if SCI_EN
 *                                  PMEN  --'
 *   GPE status --&-------------------------> SCI
 *   APMC (0xb2) --> SMI, if APMC_EN and SMI_EN
 *
 * The 24-bit timer is not stored: it is guest time at 3.579545 MHz.  It is
 * armed only while somebody waits for its overflow.
 *
 * The board's firmware switches ACPI mode on and off with APMC commands from
 * SMM; property "acpi_cmds" (default on) does it here, as SeaBIOS leaves it to
 * the board: 0xf1 sets SCI_EN, 0xf0 clears it.
 *
 * Not modelled: throttling and C states (reads give 0), device monitors and
 * their timers, S1 to S4 (refused, logged), RTC wake-up, the SMBus's
 * slave side.  No device is on the SMBus: every transaction ends with DEV_ERR.
 */
#include "hw/pci/piix4-pm.h"

#include "util/bits.h"
#include "util/log.h"

/* 7.1: configuration registers. */
enum { PMBASE = 0x40, DEVACTB = 0x58, PMREGMISC = 0x80, SMBBA = 0x90, SMBHSTCFG = 0xd2 };
enum { DEVACTB_APMC_EN = 1 << 25, PMREGMISC_PMIOSE = 1, SMBHSTCFG_EN = 1 };

/* 7.2: PMSTS, PMEN. */
enum { TMROF = 1 << 0, BM_STS = 1 << 4, GBL = 1 << 5, PWRBTN = 1 << 8,
       RTC = 1 << 10, RSM_STS = 1 << 15,
       ALL_STS = TMROF | BM_STS | GBL | PWRBTN | RTC | RSM_STS,
       ALL_EN = TMROF | GBL | PWRBTN | RTC };
/* PMCNTRL */
enum { SCI_EN = 1, BRLD_EN_BM = 1 << 1, GBL_RLS = 1 << 2, SUS_TYP = 7 << 10,
       SUS_TYP_SHIFT = 10, SUS_EN = 1 << 13 };
enum { SUS_TYP_SOFT_OFF = 0 };
/* GLBCTL */
enum { SMI_EN = 1 };
/* 7.3: SMBHSTSTS, SMBHSTCNT */
enum { SMB_INTER = 2, SMB_DEV_ERR = 4, SMB_STS_CLEAR = 0x1e, SMB_START = 1 << 6 };
enum { SMB_HSTSTS, SMB_SLVSTS, SMB_HSTCNT, NUM_SMB_REGS = 16 };

enum { APM_ACPI_ENABLE = 0xf1, APM_ACPI_DISABLE = 0xf0 };
enum { TIMER_HZ = 3579545, TIMER_BITS = 24 };

/* The ports that only remember: 7.2, and what of them can be written. */
enum { NUM_PM_PORTS = 0x38 };
enum { GPSTS = 0x0c, GPEN = 0x0e, PLVL2 = 0x14, PLVL3 = 0x15, GLBCTL = 0x28 };

typedef struct Piix4Pm {
    PCIDevice pci;
    Timer overflow;
    uint16_t sts, en, cntrl;
    uint8_t port[NUM_PM_PORTS];         /* those after PMTMR */
    int64_t half;                       /* of the timer, when TMROF was looked at */
    uint8_t apmc, apms;
    uint16_t gpe_sts, gpe_en;
    uint8_t smb[NUM_SMB_REGS];
    bool acpi_cmds, smm;
} Piix4Pm;

/* -- Timer and SCI ----------------------------------------------------------- */

static int64_t ticks_now(const Piix4Pm *s)
{
    return muldiv64(clock_now(s->pci.dev.clock), TIMER_HZ, NS_PER_SEC);
}

/* ACPI 1.0b, 4.7.3.1.1: TMR_STS is set whenever bit 23 changes. */
enum { HALF_TICKS = 1 << (TIMER_BITS - 1) };

static void look_at_timer(Piix4Pm *s)
{
    int64_t half = ticks_now(s) / HALF_TICKS;

    if (half != s->half) {
        s->half = half;
        s->sts |= TMROF;
    }
}

static void arm_overflow(Piix4Pm *s)
{
    int64_t next = (s->half + 1) * HALF_TICKS;

    if (s->en & TMROF && !(s->sts & TMROF)) {
        /* rounded up: the tick has been counted when the timer fires */
        timer_set(&s->overflow, muldiv64(next, NS_PER_SEC, TIMER_HZ) + 1);
    } else {
        timer_cancel(&s->overflow);
    }
}

static void update_sci(Piix4Pm *s)
{
    look_at_timer(s);
    bool fixed = s->cntrl & SCI_EN && s->sts & s->en & ALL_EN;
    bool general = s->cntrl & SCI_EN && s->gpe_sts & s->gpe_en;

    qemu_set_irq(s->pci.dev.irq[PM_SCI], fixed || general);
    arm_overflow(s);
}

static void timer_overflowed(void *opaque)
{
    update_sci(opaque);
}

static void pm_input(Device *d, int n, int level)
{
    Piix4Pm *s = (Piix4Pm *)d;

    if (!level) {
        return;
    }
    if (n == 0) {
        s->sts |= PWRBTN;
    } else {
        s->gpe_sts |= 1;
    }
    update_sci(s);
}

/* -- PM ports, 7.2 ----------------------------------------------------------- */

static uint8_t pm_byte(const Piix4Pm *s, unsigned i)
{
    switch (i) {
    case 0x00: case 0x01: return (uint8_t)(s->sts >> 8 * i);
    case 0x02: case 0x03: return (uint8_t)(s->en >> 8 * (i - 2));
    case 0x04: case 0x05: return (uint8_t)(s->cntrl >> 8 * (i - 4));
    default:              return i < NUM_PM_PORTS ? s->port[i] : 0;
    }
}

static uint64_t pm_read(void *opaque, hwaddr offset, unsigned size)
{
    Piix4Pm *s = opaque;
    uint64_t val = 0;

    look_at_timer(s);
    if (offset >= 0x08 && offset < 0x0c) {
        uint64_t ticks = (uint64_t)ticks_now(s) & ((1 << TIMER_BITS) - 1);

        return bits64(ticks >> 8 * (offset - 0x08), (int)(8 * size - 1), 0);
    }
    for (unsigned i = 0; i < size; i++) {
        val |= (uint64_t)pm_byte(s, (unsigned)offset + i) << 8 * i;
    }
    return val;
}

/* 7.2.3: SUS_EN with a type puts the system to sleep. */
static void write_cntrl(Piix4Pm *s, uint16_t val)
{
    unsigned type = (val & SUS_TYP) >> SUS_TYP_SHIFT;

    s->cntrl = val & (SCI_EN | BRLD_EN_BM | SUS_TYP);
    if (val & SUS_EN) {
        if (type == SUS_TYP_SOFT_OFF) {
            qemu_irq_pulse(s->pci.dev.irq[PM_OFF]);
        } else {
            log_unimp("piix4-pm", "suspend type %u", type);
        }
    }
}

/* Status bits beyond a byte written keep their value: 0 clears nothing. */
static void pm_write_byte(Piix4Pm *s, unsigned i, uint8_t val)
{
    unsigned shift = 8 * (i & 1);
    uint16_t lane = (uint16_t)(0xff << shift), word = (uint16_t)(val << shift);

    switch (i) {
    case 0x00: case 0x01:
        s->sts &= (uint16_t)~(word & ALL_STS);
        break;
    case 0x02: case 0x03:
        s->en = (uint16_t)((s->en & ~lane) | (word & ALL_EN));
        break;
    case 0x04: case 0x05:
        write_cntrl(s, (uint16_t)((s->cntrl & ~lane) | word));
        break;
    case GPSTS: case GPSTS + 1:
        s->port[i] &= (uint8_t)~val;
        break;
    case PLVL2: case PLVL3: case 0x08: case 0x09: case 0x0a: case 0x0b:
        log_guest("piix4-pm", "write 0x%x to read-only port 0x%x", val, i);
        break;
    default:
        if (i < NUM_PM_PORTS) {
            s->port[i] = val;
        }
    }
}

static void pm_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Piix4Pm *s = opaque;

    look_at_timer(s);
    /* PMCNTRL as one: its low byte first would sleep with an old type. */
    if (offset == 0x04 && size >= 2) {
        write_cntrl(s, (uint16_t)val);
    } else {
        for (unsigned i = 0; i < size; i++) {
            pm_write_byte(s, (unsigned)offset + i, (uint8_t)(val >> 8 * i));
        }
    }
    update_sci(s);
}

/* -- APM, general purpose events --------------------------------------------- */

static uint64_t apm_read(void *opaque, hwaddr offset, unsigned size)
{
    const Piix4Pm *s = opaque;

    (void)size;
    return offset ? s->apms : s->apmc;
}

/* 7.4: a write to APMC is a request to the firmware, by SMI. */
static void apm_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Piix4Pm *s = opaque;
    bool smi = load_le(s->pci.config + DEVACTB, 4) & DEVACTB_APMC_EN &&
               s->port[GLBCTL] & SMI_EN;

    (void)size;
    if (offset) {
        s->apms = (uint8_t)val;
        return;
    }
    s->apmc = (uint8_t)val;
    if (s->acpi_cmds && s->apmc == APM_ACPI_ENABLE) {
        s->cntrl |= SCI_EN;
    } else if (s->acpi_cmds && s->apmc == APM_ACPI_DISABLE) {
        s->cntrl &= (uint16_t)~SCI_EN;
    }
    update_sci(s);
    if (smi && s->smm) {
        qemu_irq_pulse(s->pci.dev.irq[PM_SMI]);
    }
}

static uint64_t gpe_read(void *opaque, hwaddr offset, unsigned size)
{
    const Piix4Pm *s = opaque;
    uint32_t both = s->gpe_sts | (uint32_t)s->gpe_en << 16;

    return bits64(both >> 8 * offset, (int)(8 * size - 1), 0);
}

static void gpe_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Piix4Pm *s = opaque;
    uint32_t lanes = (uint32_t)(bits64(~0ull, (int)(8 * size - 1), 0) << 8 * offset);
    uint32_t both = (uint32_t)(val << 8 * offset) & lanes;

    s->gpe_sts &= (uint16_t)~both;
    s->gpe_en = (uint16_t)((s->gpe_en & ~(lanes >> 16)) | both >> 16);
    update_sci(s);
}

/* -- SMBus host, 7.3 --------------------------------------------------------- */

static uint64_t smb_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((Piix4Pm *)opaque)->smb[offset];
}

static void smb_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Piix4Pm *s = opaque;

    (void)size;
    switch (offset) {
    case SMB_HSTSTS:
        s->smb[offset] &= (uint8_t)~(val & SMB_STS_CLEAR);
        break;
    case SMB_SLVSTS:
        break;
    case SMB_HSTCNT:
        s->smb[offset] = (uint8_t)(val & ~SMB_START & 0x1d);
        if (val & SMB_START) {
            s->smb[SMB_HSTSTS] |= SMB_DEV_ERR;  /* nobody acknowledged */
        }
        break;
    default:
        s->smb[offset] = (uint8_t)val;
    }
}

static const MemoryRegionOps pm_ops = { pm_read, pm_write, 1, 4 };
static const MemoryRegionOps apm_ops = { apm_read, apm_write, 1, 1 };
static const MemoryRegionOps gpe_ops = { gpe_read, gpe_write, 1, 4 };
static const MemoryRegionOps smb_ops = { smb_read, smb_write, 1, 1 };

/* -- Configuration, 7.1 ------------------------------------------------------ */

static void place_window(Piix4Pm *s, unsigned n, bool on, uint32_t base)
{
    MemoryRegion *r = &s->pci.dev.window[n];

    if (on && base) {
        if (!r->as || r->addr != base) {
            device_map(&s->pci.dev, n, base, 0);
        }
    } else {
        region_unmap(r);
    }
}

static void place_windows(Piix4Pm *s)
{
    const uint8_t *c = s->pci.config;
    bool io = c[PCI_COMMAND] & PCI_COMMAND_IO;

    place_window(s, PM_WINDOW, c[PMREGMISC] & PMREGMISC_PMIOSE,
                 (uint32_t)load_le(c + PMBASE, 2) & 0xffc0);
    place_window(s, PM_SMBUS_WINDOW, io && c[SMBHSTCFG] & SMBHSTCFG_EN,
                 (uint32_t)load_le(c + SMBBA, 2) & 0xfff0);
}

static void config_init(PCIDevice *pd)
{
    uint8_t *c = pd->config, *w = pd->wmask;

    store_le(w + PCI_COMMAND, PCI_COMMAND_IO, 2);
    store_le(c + PCI_STATUS, 0x0280, 2);
    store_le(c + PMBASE, 0x00000001, 4);
    store_le(w + PMBASE, 0x0000ffc0, 4);
    for (unsigned i = 0x44; i < 0x80; i++) {    /* counters, device activity */
        w[i] = 0xff;
    }
    if (!((Piix4Pm *)pd)->smm) {
        /* Firmware takes it for done when the bit is set already. */
        store_le(c + DEVACTB, DEVACTB_APMC_EN, 4);
        store_le(w + DEVACTB, ~(uint32_t)DEVACTB_APMC_EN, 4);
    }
    w[PMREGMISC] = PMREGMISC_PMIOSE;
    store_le(c + SMBBA, 0x00000001, 4);
    store_le(w + SMBBA, 0x0000fff0, 4);
    w[SMBHSTCFG] = 0x0f;
    w[0xd3] = w[0xd4] = w[0xd5] = 0xff;         /* slave command and shadows */
}

static void config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    (void)addr;
    (void)len;
    place_windows((Piix4Pm *)pd);
}

/* -- Type -------------------------------------------------------------------- */

static void pm_init(Device *d)
{
    Piix4Pm *s = (Piix4Pm *)d;

    timer_init(d->clock, &s->overflow, timer_overflowed, s);
}

static void pm_reset(Device *d)
{
    Piix4Pm *s = (Piix4Pm *)d;

    pci_reset_common(&s->pci);
    s->sts = s->en = s->cntrl = 0;
    s->half = ticks_now(s) / HALF_TICKS;
    s->apmc = s->apms = 0;
    s->gpe_sts = s->gpe_en = 0;
    memset(s->port, 0, sizeof(s->port));
    memset(s->smb, 0, sizeof(s->smb));
    timer_cancel(&s->overflow);
    s->overflow.deadline = 0;           /* one reset chip is like another */
    place_windows(s);
    update_sci(s);
}

static int pm_post_load(Device *d, Error *err)
{
    Piix4Pm *s = (Piix4Pm *)d;
    int ret = pci_post_load(&s->pci, err);

    if (ret == 0) {
        place_windows(s);
        update_sci(s);
    }
    return ret;
}

static void pm_free(Device *d)
{
    timer_cancel(&((Piix4Pm *)d)->overflow);
}

static const WindowDef pm_windows[] = {
    [PM_WINDOW]       = { "pm", true, 64, NULL, &pm_ops },
    [PM_SMBUS_WINDOW] = { "smbus", true, NUM_SMB_REGS, NULL, &smb_ops },
    [PM_APM_WINDOW]   = { "apm", true, 2, NULL, &apm_ops },
    [PM_GPE_WINDOW]   = { "gpe", true, 4, NULL, &gpe_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef pm_props[] = {
    { "acpi_cmds", PROP_BOOL, offsetof(Piix4Pm, acpi_cmds), 1,
      "APMC 0xf1 and 0xf0 switch ACPI mode" },
    { "smm", PROP_BOOL, offsetof(Piix4Pm, smm), 1, "APMC raises SMI" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

static const VMField pm_vmstate[] = {
    VM_PCI_DEVICE(Piix4Pm, pci),
    VM_TIMER(Piix4Pm, overflow),
    VM_FIELD(Piix4Pm, sts),
    VM_FIELD(Piix4Pm, en),
    VM_FIELD(Piix4Pm, cntrl),
    VM_FIELD(Piix4Pm, half),
    VM_ARRAY(Piix4Pm, port),
    VM_FIELD(Piix4Pm, apmc),
    VM_FIELD(Piix4Pm, apms),
    VM_FIELD(Piix4Pm, gpe_sts),
    VM_FIELD(Piix4Pm, gpe_en),
    VM_ARRAY(Piix4Pm, smb),
    VM_END
};

static const PCIDeviceOps pm_pci = {
    .vendor = 0x8086, .device = 0x7113, .class = 0x0680, .revision = 0x03,
    .irq_pin = 1,
    .not_bars = 0x0f,
    .config_init = config_init,
    .config_written = config_written,
};

const DeviceType piix4_pm_type = {
    .name       = "piix4-pm",
    .desc       = "PIIX4 power management and SMBus",
    .manual     = "Intel 290562",
    .bus        = "pci",
    .state_size = sizeof(Piix4Pm),
    .windows    = pm_windows,
    .props      = pm_props,
    .vmstate    = pm_vmstate,
    .num_irqs   = PM_NUM_OUTPUTS,
    .num_inputs = 2,
    .init       = pm_init,
    .reset      = pm_reset,
    .post_load  = pm_post_load,
    .free       = pm_free,
    .input      = pm_input,
    .bus_ops    = &pm_pci,
};
