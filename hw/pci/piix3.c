/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371SB PIIX3, function 0: PCI-to-ISA bridge (Intel order 290550).
 *
 *   PIRQA#-D# --> PIRQRCA-D (0x60-0x63) --> ISA IRQ 0-15, or-ed
 *   0xcf9 RCR ------------------------> reset
 *
 * The chip's 8259s, 8254 and 8237s are devices of their own, with their ELCR.
 *
 * Not modelled: SMI sources and timers (registers store), ISA clock and
 * recovery times, chip selects (XBCS stores), the APIC base of 0x80, the motherboard
 * IRQs MBIRQ.
 */
#include "hw/pci/piix3.h"

#include "util/bits.h"
#include "util/log.h"

enum { PIRQRC = 0x60, NUM_PIRQS = 4, NUM_IRQS = 16 };
enum { PIRQRC_DISABLE = 0x80 };
enum { RCR_HARD = 1 << 1, RCR_RESET = 1 << 2 };

typedef struct Piix3 {
    PCIDevice pci;
    uint8_t pirq[NUM_PIRQS];            /* levels of the inputs */
    uint8_t rcr;
} Piix3;

/* -- Interrupt routing, 2.2.9 ------------------------------------------------ */

/* 2.2.9: IRQ 0, 1, 2, 8 and 13 are reserved. */
static int routed_to(const Piix3 *s, int pirq)
{
    uint8_t rc = s->pci.config[PIRQRC + pirq];
    const uint16_t valid = 0xdef8;

    if (rc & PIRQRC_DISABLE || !(valid >> (rc & 15) & 1)) {
        return -1;
    }
    return rc & 15;
}

static void drive_irq(Piix3 *s, int irq)
{
    int level = 0;

    for (int i = 0; i < NUM_PIRQS; i++) {
        level |= s->pirq[i] && routed_to(s, i) == irq;
    }
    qemu_set_irq(s->pci.dev.irq[irq], level);
}

static void drive_all(Piix3 *s)
{
    for (int irq = 0; irq < NUM_IRQS; irq++) {
        drive_irq(s, irq);
    }
}

static void set_pirq(Device *d, int n, int level)
{
    Piix3 *s = (Piix3 *)d;

    s->pirq[n] = level != 0;
    if (routed_to(s, n) >= 0) {
        drive_irq(s, routed_to(s, n));
    }
}

/* -- Configuration ----------------------------------------------------------- */

typedef struct ConfigRow { uint8_t addr, len; uint32_t reset, wmask; } ConfigRow;

/* 2.2: configuration registers with their defaults. */
static const ConfigRow config_rows[] = {
    { PCI_COMMAND, 2, 0x0007, 0x0008 },
    { PCI_STATUS, 2, 0x0200, 0 },
    { 0x4c, 1, 0x4d, 0xff },            /* IORT */
    { 0x4e, 2, 0x0003, 0x07ff },        /* XBCS */
    { 0x60, 4, 0x80808080, 0x8f8f8f8f },        /* PIRQRCA-D */
    { 0x69, 1, 0x02, 0xfe },            /* TOM */
    { 0x6a, 2, 0x0000, 0x80e1 },        /* MSTAT */
    { 0x70, 2, 0x8080, 0xcfcf },        /* MBIRQ0-1 */
    { 0x76, 2, 0x0c0c, 0x8f8f },        /* MBDMA0-1 */
    { 0x78, 2, 0x0002, 0xfffd },        /* PCSC */
    { 0x80, 1, 0x00, 0x7f },            /* APICBASE */
    { 0x82, 1, 0x00, 0x0f },            /* DLC */
    { 0xa0, 1, 0x08, 0x1f },            /* SMICNTL */
    { 0xa2, 2, 0x0000, 0x00ff },        /* SMIEN */
    { 0xa4, 4, 0x00000000, 0xf000ffff },        /* SEE */
    { 0xa8, 1, 0x0f, 0xff },            /* FTMR */
    { 0xaa, 2, 0x0000, 0x00ff },        /* SMIREQ */
    { 0xac, 1, 0x00, 0xff },            /* CTLTMR */
    { 0xae, 1, 0x00, 0xff },            /* CTHTMR */
};

static void config_init(PCIDevice *pd)
{
    for (size_t i = 0; i < ARRAY_SIZE(config_rows); i++) {
        const ConfigRow *r = &config_rows[i];

        store_le(pd->config + r->addr, r->reset, r->len);
        store_le(pd->wmask + r->addr, r->wmask, r->len);
    }
}

static void config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    if (addr < PIRQRC + NUM_PIRQS && addr + len > PIRQRC) {
        drive_all((Piix3 *)pd);
    }
}

/* -- Reset control register, 2.5.3.1 ----------------------------------------- */

static uint64_t rcr_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((Piix3 *)opaque)->rcr;
}

/* A 0 to 1 transition of bit 2 starts a reset; bit 1 says hard or soft. */
static void rcr_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Piix3 *s = opaque;
    bool start = val & ~s->rcr & RCR_RESET;

    (void)offset;
    (void)size;
    s->rcr = val & (RCR_HARD | RCR_RESET);
    if (start) {
        qemu_irq_pulse(s->pci.dev.irq[PIIX3_RESET]);
    }
}

static const MemoryRegionOps rcr_ops = { rcr_read, rcr_write, 1, 1 };

/* -- Type -------------------------------------------------------------------- */

static void piix3_reset(Device *d)
{
    Piix3 *s = (Piix3 *)d;

    pci_reset_common(&s->pci);
    s->rcr = 0;
    for (int i = 0; i < NUM_PIRQS; i++) {
        s->pirq[i] = 0;
    }
    drive_all(s);
}

static int piix3_post_load(Device *d, Error *err)
{
    Piix3 *s = (Piix3 *)d;
    int ret = pci_post_load(&s->pci, err);

    if (ret == 0) {
        s->rcr &= RCR_HARD | RCR_RESET;
        drive_all(s);
    }
    return ret;
}

static const WindowDef piix3_windows[] = {
    { "rcr", true, 1, NULL, &rcr_ops },
    { NULL, false, 0, NULL, NULL }
};

static const VMField piix3_vmstate[] = {
    VM_PCI_DEVICE(Piix3, pci),
    VM_ARRAY(Piix3, pirq),
    VM_FIELD(Piix3, rcr),
    VM_END
};

static const PCIDeviceOps piix3_pci = {
    .vendor = 0x8086, .device = 0x7000, .class = 0x0601,
    .multifunction = true,
    .not_bars = 0x01,
    .config_init = config_init,
    .config_written = config_written,
};

const DeviceType piix3_type = {
    .name       = "piix3",
    .desc       = "PIIX3 PCI-to-ISA bridge",
    .manual     = "Intel 290550",
    .bus        = "pci",
    .state_size = sizeof(Piix3),
    .windows    = piix3_windows,
    .vmstate    = piix3_vmstate,
    .num_irqs   = NUM_IRQS + 1,
    .num_inputs = NUM_PIRQS,
    .reset      = piix3_reset,
    .post_load  = piix3_post_load,
    .input      = set_pirq,
    .bus_ops    = &piix3_pci,
};
