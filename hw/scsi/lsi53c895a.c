/* SPDX-License-Identifier: MIT */
/*
 * LSI53C895A PCI to Ultra2 SCSI controller (Technical Manual v2.2): registers,
 * interrupts, timers.  The processor is lsi-scripts.c, the bus lsi-target.c.
 *
 *   SIST --SIEN--+                         \      ISTAT0: INTF SIP DIP
 *   DSTAT --DIEN-+--> INTA, unless IRQD     > and what stops SCRIPTS does so
 *   INTF --------+                         /      whether it is enabled or not
 *
 * Registers are bytes with side effects; a wider access is several of them from
 * the lowest on, which is why the last byte of DSP starts the processor.
 *
 * Not modelled: the target role, low-level arbitration (SCNTL0 START) and data
 * by SODL, parity, the handshake timer, big endian mode, serial EEPROM (GPIO
 * inputs are high).
 */
#include "hw/scsi/lsi.h"

#include <errno.h>
#include <string.h>

#include "hw/scsi/lsi-int.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_REGS = 0xe0, MMIO_SIZE = 1 << 10, IO_SIZE = 256 };
enum { GEN_UNIT_NS = 125000, GEN_SCALE_SHIFT = 4, STIME1_GENSF = 0x40 };

/* -- Interrupts, 2.2.15 ------------------------------------------------------ */

/* These stop SCRIPTS only if they are enabled. */
enum { SIST_HARMLESS = SIST_CMP | SIST_SEL | SIST_RSL | SIST_GEN | SIST_HTH };

static uint16_t sist(const Lsi *s)
{
    return (uint16_t)(s->reg[SIST0] | s->reg[SIST1] << 8);
}

static uint16_t sien(const Lsi *s)
{
    return (uint16_t)(s->reg[SIEN0] | s->reg[SIEN1] << 8);
}

static bool is_scsi_pending(const Lsi *s)
{
    return sist(s) & ((uint16_t)~SIST_HARMLESS | sien(s));
}

static bool is_dma_pending(const Lsi *s)
{
    return s->reg[DSTAT] & (uint8_t)~DSTAT_DFE;
}

void lsi_update_irq(Lsi *s)
{
    bool on = s->reg[ISTAT0] & ISTAT0_INTF || sist(s) & sien(s) ||
              s->reg[DSTAT] & s->reg[DIEN] & (uint8_t)~DSTAT_DFE;

    if (s->reg[ISTAT1] & ISTAT1_SI || s->reg[DCNTL] & DCNTL_IRQD) {
        on = false;
    }
    if (on != (s->pci.irq_level != 0)) {
        pci_set_irq(&s->pci, on);
    }
}

void lsi_scsi_interrupt(Lsi *s, uint16_t bits_)
{
    s->reg[SIST0] |= (uint8_t)bits_;
    s->reg[SIST1] |= (uint8_t)(bits_ >> 8);
    if (bits_ & ((uint16_t)~SIST_HARMLESS | sien(s))) {
        lsi_halt(s);
    }
    lsi_update_irq(s);
}

void lsi_dma_interrupt(Lsi *s, uint8_t bits_)
{
    s->reg[DSTAT] |= bits_;
    lsi_halt(s);
    lsi_update_irq(s);
}

static uint8_t read_and_clear(Lsi *s, unsigned r, uint8_t keep)
{
    uint8_t val = s->reg[r];

    s->reg[r] &= keep;
    lsi_update_irq(s);
    return val;
}

/* -- General purpose timer, STIME1 ------------------------------------------- */

/* 4.2: code n is 125 us * 2^(n-1), times 16 with GENSF. */
static void start_general_timer(Lsi *s, uint8_t val)
{
    unsigned code = val & 15;
    int64_t ns;

    timer_cancel(&s->general);
    if (code) {
        ns = (int64_t)GEN_UNIT_NS << (code - 1);
        ns <<= val & STIME1_GENSF ? GEN_SCALE_SHIFT : 0;
        timer_set(&s->general, clock_now(s->pci.dev.clock) + ns);
    }
}

static void general_timer(void *opaque)
{
    lsi_scsi_interrupt(opaque, SIST_GEN);
}

/* -- Resets ------------------------------------------------------------------ */

/* Chapter 4; RAM and the bus are not the registers' business. */
static void reset_regs(Lsi *s)
{
    static const struct { uint8_t reg, val; } rows[] = {
        { SCNTL0, 0xc0 }, { DSTAT, DSTAT_DFE }, { CTEST1, 0xf0 }, { CTEST2, 0x01 },
        { GPCNTL, 0x0f }, { STEST4, STEST4_LVD },
    };

    memset(s->reg, 0, sizeof(s->reg));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        s->reg[rows[i].reg] = rows[i].val;
    }
    s->carry = s->moving = s->selecting = 0;
    s->insn = 0;
    lsi_halt(s);
    timer_cancel(&s->general);
}

static void soft_reset(Lsi *s)
{
    reset_regs(s);
    lsi_update_irq(s);
}

/* 4.2, SCNTL1 RST: the bus is in reset as long as the bit is set. */
static void write_scntl1(Lsi *s, uint8_t val)
{
    bool reset = val & ~s->reg[SCNTL1] & SCNTL1_RST;

    s->reg[SCNTL1] = val & (uint8_t)~SCNTL1_CON;
    if (reset) {
        lsi_wires_reset(s);
        s->moving = 0;
        lsi_scsi_interrupt(s, SIST_RST);
    }
    if (val & SCNTL1_IARB && !s->connected) {
        s->reg[SCNTL1] &= (uint8_t)~SCNTL1_IARB;
    }
}

/* -- Reading ----------------------------------------------------------------- */

/* Bits 7:0: REQ ACK BSY SEL ATN MSG C/D I/O. */
static uint8_t bus_lines(const Lsi *s)
{
    if (!s->connected) {
        return 0;
    }
    return (uint8_t)(s->req << 7 | s->ack << 6 | 0x20 | s->atn << 3 | s->phase);
}

static uint8_t istat0(const Lsi *s)
{
    return (uint8_t)((s->reg[ISTAT0] & (ISTAT0_ABRT | ISTAT0_SRST | ISTAT0_SIGP |
                                        ISTAT0_SEM | ISTAT0_INTF)) |
                     (s->connected ? ISTAT0_CON : 0) |
                     (is_scsi_pending(s) ? ISTAT0_SIP : 0) |
                     (is_dma_pending(s) ? ISTAT0_DIP : 0));
}

/* CTEST2 shows SIGP and takes it back. */
static uint8_t read_ctest2(Lsi *s)
{
    uint8_t val = (uint8_t)(s->reg[CTEST2] & 0x0f) |
                  (s->reg[ISTAT0] & ISTAT0_SIGP ? 0x40 : 0);

    s->reg[ISTAT0] &= (uint8_t)~ISTAT0_SIGP;
    return val;
}

uint8_t lsi_read_reg(Lsi *s, unsigned r)
{
    switch (r) {
    case SCNTL1: return s->reg[r] | (s->connected ? SCNTL1_CON : 0);
    case GPREG:  return s->reg[r] | (s->reg[GPCNTL] & 0x1f);    /* inputs */
    case SOCL:
    case SBCL:   return bus_lines(s);
    case DSTAT:  return read_and_clear(s, r, DSTAT_DFE);
    case SSTAT0: return s->reg[r] | (s->reg[SCNTL1] & SCNTL1_RST ? SSTAT0_RST : 0);
    case SSTAT1: return s->phase;
    case ISTAT0: return istat0(s);
    case ISTAT1: return s->reg[r] | (s->run != RUN_HALTED ? ISTAT1_SRUN : 0);
    case CTEST2: return read_ctest2(s);
    case DFIFO:  return s->reg[DBC];    /* the FIFO is empty: 4.2, DFIFO */
    case CTEST5: return (s->reg[r] & 0xfc) | (s->reg[DBC + 1] & 3);
    case SIST0:
    case SIST1:  return read_and_clear(s, r, 0);
    case STEST0: return (uint8_t)(LSI_ID << 4);
    case STEST4: return s->reg[r] | (s->reg[STEST1] & STEST1_DBLEN ? STEST4_LOCK : 0);
    default:     return s->reg[r];
    }
}

/* -- Writing ----------------------------------------------------------------- */

static void write_istat0(Lsi *s, uint8_t val)
{
    uint8_t keep = ISTAT0_ABRT | ISTAT0_SRST | ISTAT0_SIGP | ISTAT0_SEM;

    if (val & ISTAT0_SRST) {
        soft_reset(s);
    }
    s->reg[ISTAT0] = (val & keep) | (s->reg[ISTAT0] & (uint8_t)~val & ISTAT0_INTF);
    lsi_update_irq(s);
    if (val & ISTAT0_ABRT) {
        lsi_dma_interrupt(s, DSTAT_ABRT);
    } else if (val & ISTAT0_SIGP && s->run == RUN_WAIT_RESELECT) {
        lsi_resume(s);
    }
}

static void write_dcntl(Lsi *s, uint8_t val)
{
    s->reg[DCNTL] = val & (uint8_t)~DCNTL_STD;
    lsi_update_irq(s);
    if (val & DCNTL_STD && s->run == RUN_HALTED) {
        lsi_start(s);
    }
}

static void write_dsp(Lsi *s, uint8_t val)
{
    s->reg[DSP + 3] = val;
    if (!(s->reg[DMODE] & DMODE_MAN)) {
        lsi_start(s);
    }
}

static bool is_read_only(unsigned r)
{
    switch (r) {
    case SSID: case SBCL: case DSTAT: case SSTAT0: case SSTAT1: case SSTAT2:
    case CTEST1: case SIST0: case SIST1: case STEST0: case SIDL: case SIDL + 1:
    case SBDL: case SBDL + 1: case DFIFO:
        return true;
    default:
        return r >= NUM_REGS;
    }
}

void lsi_write_reg(Lsi *s, unsigned r, uint8_t val)
{
    if (is_read_only(r)) {
        return;
    }
    switch (r) {
    case SCNTL0:
        s->reg[r] = val & (uint8_t)~SCNTL0_START;
        if (val & SCNTL0_START) {
            log_unimp("lsi53c895a", "low-level arbitration");
        }
        break;
    case SCNTL1: write_scntl1(s, val); break;
    case SCNTL2: s->reg[r] = val & (uint8_t)~(SCNTL2_WSS | SCNTL2_WSR); break;
    case SOCL:
        lsi_set_atn(s, val & 8);
        lsi_set_ack(s, val & 0x40);
        lsi_resume(s);
        break;
    case ISTAT0: write_istat0(s, val); break;
    case ISTAT1:
        s->reg[r] = val & ISTAT1_SI;
        lsi_update_irq(s);
        break;
    case CTEST3: s->reg[r] = val & 3; break;            /* CLF, FLF are done at once */
    case DSP + 3: write_dsp(s, val); break;
    case DIEN: case SIEN0: case SIEN1:
        s->reg[r] = val;
        lsi_update_irq(s);
        break;
    case DCNTL: write_dcntl(s, val); break;
    case STIME1:
        s->reg[r] = val;
        start_general_timer(s, val);
        break;
    case STEST3: s->reg[r] = val & (uint8_t)~2; break;  /* CSF likewise */
    default: s->reg[r] = val;
    }
}

/* -- Windows ----------------------------------------------------------------- */

static uint64_t regs_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return lsi_read_reg(opaque, offset & 0xff);
}

static void regs_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    lsi_write_reg(opaque, offset & 0xff, (uint8_t)val);
}

static uint64_t ram_read(void *opaque, hwaddr offset, unsigned size)
{
    return load_le(((Lsi *)opaque)->ram + offset, size);
}

static void ram_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    store_le(((Lsi *)opaque)->ram + offset, val, size);
}

static const MemoryRegionOps regs_ops = { regs_read, regs_write, 1, 1 };
static const MemoryRegionOps ram_ops = { ram_read, ram_write, 1, 4 };

/* By BAR, chapter 4.1. */
static const WindowDef lsi_windows[] = {
    { "ports",     true,  IO_SIZE,   NULL, &regs_ops },
    { "registers", false, MMIO_SIZE, NULL, &regs_ops },
    { "ram",       false, LSI_RAM,   NULL, &ram_ops },
    { NULL, false, 0, NULL, NULL }
};

/* -- Type -------------------------------------------------------------------- */

static void lsi_init(Device *d)
{
    Lsi *s = (Lsi *)d;

    scsi_bus_init(&s->bus, d, &lsi_host_ops, SCSI_MAX_TARGETS, LSI_ID);
    timer_init(d->clock, &s->resume, lsi_next_turn, s);
    timer_init(d->clock, &s->general, general_timer, s);
}

static void lsi_reset(Device *d)
{
    Lsi *s = (Lsi *)d;

    reset_regs(s);
    s->resume.deadline = s->general.deadline = 0;
    lsi_wires_reset(s);
    memset(s->ram, 0, sizeof(s->ram));
    pci_reset_common(&s->pci);
}

static int lsi_post_load(Device *d, Error *err)
{
    Lsi *s = (Lsi *)d;
    bool bad = s->run >= RUN_NUM || s->after >= AFTER_NUM || s->phase > PHASE_MSG_IN ||
               s->in_len > LSI_MSG || s->in_pos > s->in_len || s->out_len > LSI_MSG ||
               s->cdb_len > SCSI_MAX_CDB || s->target >= SCSI_MAX_TARGETS;

    if (bad) {
        return error_set(err, EINVAL, "lsi53c895a: the snapshot is damaged");
    }
    s->request = NULL;
    s->carry = s->carry != 0;
    s->connected = s->connected != 0;
    s->req = s->req != 0;
    s->ack = s->ack != 0;
    s->atn = s->atn != 0;
    return pci_post_load(&s->pci, err);
}

static void lsi_free(Device *d)
{
    Lsi *s = (Lsi *)d;

    timer_cancel(&s->resume);
    timer_cancel(&s->general);
    scsi_bus_free(&s->bus);
}

static const VMField lsi_vmstate[] = {
    VM_PCI_DEVICE(Lsi, pci),
    VM_ARRAY(Lsi, reg),
    VM_ARRAY(Lsi, ram),
    VM_FIELD(Lsi, run),
    VM_FIELD(Lsi, carry),
    VM_FIELD(Lsi, moving),
    VM_FIELD(Lsi, selecting),
    VM_FIELD(Lsi, insn),
    VM_TIMER(Lsi, resume),
    VM_TIMER(Lsi, general),
    VM_FIELD(Lsi, connected),
    VM_FIELD(Lsi, atn),
    VM_FIELD(Lsi, ack),
    VM_FIELD(Lsi, phase),
    VM_FIELD(Lsi, req),
    VM_FIELD(Lsi, target),
    VM_FIELD(Lsi, lun),
    VM_FIELD(Lsi, identified),
    VM_FIELD(Lsi, may_disconnect),
    VM_FIELD(Lsi, has_command),
    VM_FIELD(Lsi, tag),
    VM_ARRAY(Lsi, cdb),
    VM_FIELD(Lsi, cdb_len),
    VM_FIELD(Lsi, status),
    VM_ARRAY(Lsi, in),
    VM_FIELD(Lsi, in_pos),
    VM_FIELD(Lsi, in_len),
    VM_FIELD(Lsi, after),
    VM_ARRAY(Lsi, out),
    VM_FIELD(Lsi, out_len),
    VM_FIELD(Lsi, sequence),
    VM_END
};

static const PCIDeviceOps lsi_pci = {
    .vendor = 0x1000, .device = 0x0012, .class = 0x0100, .irq_pin = 1,
};

const DeviceType lsi53c895a_type = {
    .name       = "lsi53c895a",
    .desc       = "LSI53C895A SCSI adapter",
    .manual     = "LSI53C895A Technical Manual v2.2",
    .bus        = "pci",
    .has_bus    = "scsi",
    .has_bus_at = offsetof(Lsi, bus),
    .state_size = sizeof(Lsi),
    .windows    = lsi_windows,
    .vmstate    = lsi_vmstate,
    .user_creatable = true,
    .init       = lsi_init,
    .reset      = lsi_reset,
    .post_load  = lsi_post_load,
    .free       = lsi_free,
    .bus_ops    = &lsi_pci,
};
