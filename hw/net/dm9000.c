/* SPDX-License-Identifier: MIT */
/*
 * Davicom DM9000, DM9000A and DM9000B 10/100 Ethernet controllers (DM9000A data
 * sheet DS-P01, 2005; DM9000 DS-F02, 2004).
 *
 *   index port --> 256 registers of a byte
 *   data port <--> the register, or memory at the read or write pointer
 *
 *   0          0xc00                              0x4000
 *   | transmit | receive                              |    16 KiB
 *     TRPA MWR   MRR (guest reads)   RWPA (wire writes)
 *
 * Both parts are rings.  A received packet is 01h, status, length (two bytes,
 * with FCS), data, FCS, padded to the width of the bus.  The transmitter starts
 * where the last packet, padded too, ended (9.x, packet transmission).
 *
 * The width of the bus is a strap pin: property "width".  A memory command
 * moves that many bits whatever the size of the access.
 *
 * Not modelled: writing the EEPROM, wake-up events (the registers are kept),
 * early transmit, back pressure and flow control, loopback in the MAC, an
 * external PHY.
 */
#include "hw/net/dm9000.h"

#include <errno.h>
#include <string.h>

#include "hw/net/mii.h"
#include "hw/net/nic.h"
#include "net/ether.h"
#include "util/bits.h"
#include "util/log.h"

enum { MEM_SIZE = 0x4000, RX_START = 0xc00, RX_SIZE = MEM_SIZE - RX_START };
enum { PORT_INDEX = 0, PORT_DATA = 4 };

/* Chapter 6: control and status registers. */
enum {
    NCR = 0x00, NSR, TCR, TSR1, TSR2, RCR, RSR, ROCR, BPTR, FCTR, FCR, EPCR, EPAR, EPDRL, EPDRH,
    WCR, PAR = 0x10, MAR = 0x16, GPCR = 0x1e, GPR, TRPAL = 0x22, TRPAH, RWPAL, RWPAH,
    VIDL = 0x28, VIDH, PIDL, PIDH, CHIPR, TCR2, OCR, SMCR, ETXCSR, TCSCR, RCSCSR, MPAR, LEDCR,
    BUSCR = 0x38, INTCR, MRCMDX = 0xf0, MRCMDX1, MRCMD, MRRL = 0xf4, MRRH, MWCMDX, MWCMD = 0xf8,
    MWRL = 0xfa, MWRH, TXPLL, TXPLH, ISR, IMR,
};
enum { NCR_RST = 0x01, NCR_LBK = 0x06, NCR_FDX = 0x08 };
enum { NSR_TX1END = 0x04, NSR_TX2END = 0x08, NSR_WAKEST = 0x20, NSR_LINKST = 0x40 };
enum { TCR_TXREQ = 0x01, TCR_PAD_DIS = 0x04 };
enum { RCR_RXEN = 0x01, RCR_PRMSC = 0x02, RCR_ALL = 0x08, RCR_DIS_LONG = 0x20 };
enum { RSR_MF = 0x40 };
enum { EPCR_ERPRW = 0x02, EPCR_ERPRR = 0x04, EPCR_EPOS = 0x08 };
enum { ISR_PR = 0x01, ISR_PT = 0x02, ISR_LNKCHG = 0x20, ISR_BITS = 0x3f, ISR_8BIT = 0x80 };
enum { IMR_PAR = 0x80 };
enum { GPR_PHY_OFF = 0x01 };
enum { RCSCSR_RCSEN = 0x01, RCSCSR_DCSE = 0x02 };
enum { READY = 0x01, HEADER = 4, FCS = 4, MAX_FRAME = 1518 - FCS };
enum { REV_DM9000A = 0x19 };

typedef struct Dm9000 {
    Device dev;
    Nic nic;
    uint32_t revision, width;
    bool has_eeprom;
    uint8_t index;
    uint8_t reg[256];                   /* those that are only kept, and */
    uint8_t isr;                        /* without the width */
    uint16_t trpa, rwpa, mrr, mwr;      /* into mem */
    uint8_t second;                     /* the next packet is number II */
    uint8_t starved;                    /* a frame waits for room */
    uint8_t was_linked;
    uint8_t mem[MEM_SIZE];
    MiiPhy phy;
} Dm9000;

/* Chapter 7, PHY: DSCR, DSCSR, 10BTCSR, ..., specified configuration */
static const MiiType phy_type = {
    .id = 0x0181b8a0,
    .more = { { 16, 0x0410, 0xffff }, { 17, 0xf210, 0 }, { 18, 0x7800, 0xffff },
              { 19, 0x0000, 0xffff }, { 20, 0x0000, 0xffff } },
};

static void update_irq(Dm9000 *s)
{
    qemu_set_irq(s->dev.irq[0], (s->isr & s->reg[IMR] & ISR_BITS) != 0);
}

static bool link_up(const Dm9000 *s)
{
    return mii_link_up(&s->phy) && !(s->reg[GPR] & GPR_PHY_OFF);
}

/* 6.x, ISR bit 5: the link came or went. */
static void check_link(Dm9000 *s)
{
    if (s->was_linked != link_up(s)) {
        s->was_linked = link_up(s);
        s->isr |= s->revision >= REV_DM9000A ? ISR_LNKCHG : 0;
        update_irq(s);
    }
}

/* -- Rings ------------------------------------------------------------------- */

static uint16_t wrap_rx(unsigned at)
{
    return (uint16_t)(at >= MEM_SIZE ? at - RX_SIZE : at);
}

static uint16_t wrap_tx(unsigned at)
{
    return (uint16_t)(at >= RX_START ? at - RX_START : at);
}

static unsigned pad(const Dm9000 *s, unsigned len)
{
    return (unsigned)align_up(len, s->width / 8);
}

/* Bytes the wire may write; one stays free, or full would look like empty. */
static unsigned rx_room(const Dm9000 *s)
{
    unsigned read_at = s->mrr >= RX_START ? s->mrr : RX_START;

    return (read_at + RX_SIZE - s->rwpa - 1) % RX_SIZE;
}

static bool rx_is_empty(const Dm9000 *s)
{
    return s->mrr == s->rwpa;
}

/* -- Receiving --------------------------------------------------------------- */

/* 6.x, MAR: the low six bits of the CRC as the wire has it, first bit lowest. */
static bool is_wanted(const Dm9000 *s, const uint8_t *frame)
{
    unsigned hash = ~ether_crc(frame, 6) & 63;

    if (s->reg[RCR] & RCR_PRMSC) {
        return true;
    }
    if (!ether_is_group(frame)) {
        return !memcmp(frame, &s->reg[PAR], 6);
    }
    /* Broadcasts are in the table as well: Linux sets bit 63 for them. */
    return (s->reg[RCR] & RCR_ALL) || (s->reg[MAR + hash / 8] >> (hash % 8) & 1);
}

static void put_rx(Dm9000 *s, const uint8_t *p, size_t len)
{
    while (len--) {
        s->mem[s->rwpa] = *p++;
        s->rwpa = wrap_rx(s->rwpa + 1u);
    }
}

/* 6.x, RCSCSR: bits 7:5 what is wrong, 4:2 what there is: UDP, TCP, IP. */
static uint8_t checksum_status(unsigned there, unsigned bad)
{
    static const struct { unsigned kind; uint8_t present, wrong; } rows[] = {
        { ETHER_IP, 0x04, 0x20 }, { ETHER_TCP, 0x08, 0x40 }, { ETHER_UDP, 0x10, 0x80 },
    };
    uint8_t val = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        val |= there & rows[i].kind ? rows[i].present : 0;
        val |= bad & rows[i].kind ? rows[i].wrong : 0;
    }
    return val;
}

static bool can_receive(void *opaque)
{
    Dm9000 *s = opaque;
    bool room = rx_room(s) >= pad(s, HEADER + MAX_FRAME + FCS);

    s->starved = (s->reg[RCR] & RCR_RXEN) && !room;
    return !s->starved;
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    Dm9000 *s = opaque;
    unsigned total = (unsigned)len + FCS, bad = 0;
    uint8_t head[HEADER] = { READY, ether_is_group(frame) ? RSR_MF : 0, (uint8_t)total,
                             (uint8_t)(total >> 8) };
    uint8_t fcs[FCS];

    if (!(s->reg[RCR] & RCR_RXEN) || len > MAX_FRAME || !is_wanted(s, frame)) {
        return;
    }
    if (s->reg[RCSCSR] & RCSCSR_RCSEN) {
        unsigned there = ether_check_checksums(frame, len, &bad);

        head[0] |= checksum_status(there, bad);
    }
    if (bad && (s->reg[RCSCSR] & RCSCSR_DCSE)) {
        return;
    }
    s->reg[RCSCSR] = (uint8_t)((s->reg[RCSCSR] & 3) | (head[0] & 0xfc));
    s->reg[RSR] = head[1];
    store_le(fcs, ether_crc(frame, len), FCS);
    put_rx(s, head, HEADER);
    put_rx(s, frame, len);
    put_rx(s, fcs, FCS);
    s->rwpa = wrap_rx(s->rwpa + pad(s, HEADER + total) - HEADER - total);
    s->isr |= ISR_PR;
    update_irq(s);
}

/* -- Sending ----------------------------------------------------------------- */

static unsigned offloads(const Dm9000 *s)
{
    return s->revision < REV_DM9000A ? 0
         : (s->reg[TCSCR] & 1 ? ETHER_IP : 0) | (s->reg[TCSCR] & 2 ? ETHER_TCP : 0) |
           (s->reg[TCSCR] & 4 ? ETHER_UDP : 0);
}

static void transmit(Dm9000 *s)
{
    uint8_t frame[RX_START];
    size_t len = MIN(load_le(&s->reg[TXPLL], 2), sizeof(frame));

    for (size_t i = 0; i < len; i++) {
        frame[i] = s->mem[wrap_tx((unsigned)(s->trpa + i))];
    }
    s->trpa = wrap_tx(s->trpa + pad(s, (unsigned)len) % RX_START);
    if (len < NET_MIN_FRAME && !(s->reg[TCR] & TCR_PAD_DIS)) {
        memset(frame + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    if (s->reg[NCR] & NCR_LBK) {
        log_unimp("dm9000", "loopback");
    } else if (link_up(s) && len > MAX_FRAME + 4) {
        log_guest("dm9000", "sends %zu bytes", len);
    } else if (link_up(s)) {
        ether_fill_checksums(frame, len, offloads(s));
        nic_send(&s->nic, frame, len);
    }
    s->reg[NSR] |= s->second ? NSR_TX2END : NSR_TX1END;
    s->reg[s->second ? TSR2 : TSR1] = 0;
    s->second = !s->second;
    s->isr |= ISR_PT;
}

/* -- Memory ------------------------------------------------------------------ */

/* 6.x, IMR bit 7: pointers return to the start of their ring. */
static uint16_t next_read(const Dm9000 *s)
{
    unsigned at = s->mrr + 1u;

    return s->reg[IMR] & IMR_PAR && at >= MEM_SIZE ? RX_START : (uint16_t)(at % MEM_SIZE);
}

static uint16_t next_write(const Dm9000 *s)
{
    unsigned at = s->mwr + 1u;

    return s->reg[IMR] & IMR_PAR && at == RX_START ? 0 : (uint16_t)(at % MEM_SIZE);
}

static uint32_t read_mem(Dm9000 *s, bool advance)
{
    uint16_t start = s->mrr;
    uint32_t val = 0;

    for (unsigned i = 0; i < s->width / 8; i++) {
        /* Behind the last packet is nothing that is ready. */
        uint8_t byte = !advance && i == 0 && rx_is_empty(s) ? 0 : s->mem[s->mrr];

        val |= (uint32_t)byte << (8 * i);
        s->mrr = next_read(s);
    }
    if (!advance) {
        s->mrr = start;
    } else if (s->starved && can_receive(s)) {
        nic_flush(&s->nic);
    }
    return val;
}

static void write_mem(Dm9000 *s, uint32_t val, bool advance)
{
    uint16_t start = s->mwr;

    for (unsigned i = 0; i < s->width / 8; i++) {
        s->mem[s->mwr] = (uint8_t)(val >> (8 * i));
        s->mwr = next_write(s);
    }
    if (!advance) {
        s->mwr = start;
    }
}

/* -- EEPROM and PHY ---------------------------------------------------------- */

/* 6.x, EEPROM format: the address, then control words left at their defaults. */
static uint16_t read_eeprom(const Dm9000 *s, unsigned word)
{
    if (!s->has_eeprom) {
        return 0xffff;
    }
    return word < 3 ? (uint16_t)load_le(&s->nic.mac[2 * word], 2) : 0;
}

static uint16_t read_phy(Dm9000 *s, unsigned n)
{
    if (n == MII_ID2 && s->revision < REV_DM9000A) {
        return 0xb8c0;
    }
    uint16_t val = mii_read(&s->phy, n);
    if (s->reg[GPR] & GPR_PHY_OFF && n == MII_STATUS) {
        val &= (uint16_t)~(MII_STATUS_LINK | MII_STATUS_AUTONEG_DONE);
    }
    return val;
}

/* The operation is over at once: ERRE never reads as 1. */
static void write_epcr(Dm9000 *s, uint8_t val)
{
    unsigned word = s->reg[EPAR] & 0x3f;
    bool phy = val & EPCR_EPOS;

    s->reg[EPCR] = val & 0x3e;
    if (val & EPCR_ERPRR) {
        store_le(&s->reg[EPDRL], phy ? read_phy(s, word) : read_eeprom(s, word), 2);
    } else if ((val & EPCR_ERPRW) && phy) {
        mii_write(&s->phy, &phy_type, word & 31, (uint16_t)load_le(&s->reg[EPDRL], 2));
        check_link(s);
    } else if (val & EPCR_ERPRW) {
        log_unimp("dm9000", "writing the EEPROM");
    }
}

/* -- Registers --------------------------------------------------------------- */

static void software_reset(Dm9000 *s)
{
    /* Chapter 6, defaults marked S. */
    static const uint8_t cleared[] = {
        NCR, NSR, TCR, TSR1, TSR2, RCR, RSR, ROCR, FCR, EPCR, TCR2, SMCR, ETXCSR, TCSCR,
        RCSCSR, TXPLL, TXPLH, IMR,
    };

    for (size_t i = 0; i < sizeof(cleared); i++) {
        s->reg[cleared[i]] = 0;
    }
    s->reg[BPTR] = 0x37;
    s->reg[FCTR] = 0x38;
    s->isr = 0;
    s->trpa = s->mwr = s->mrr = 0;
    s->rwpa = RX_START;
    s->second = s->starved = 0;
}

static void write_imr(Dm9000 *s, uint8_t val)
{
    /* "If driver sets this bit, REG_F5 will be set to 0Ch automatically." */
    if (val & ~s->reg[IMR] & IMR_PAR) {
        s->mrr = (uint16_t)(RX_START | (s->mrr & 0xff));
    }
    s->reg[IMR] = val & (IMR_PAR | ISR_BITS);
}

static uint8_t read_reg(Dm9000 *s, uint8_t n)
{
    uint8_t val = s->reg[n];

    switch (n) {
    case NCR:
        return (uint8_t)(val | (mii_full_duplex(&s->phy) ? NCR_FDX : 0));
    case NSR:                           /* TX1END and TX2END: cleared by reading */
        s->reg[n] &= (uint8_t)~(NSR_TX1END | NSR_TX2END);
        return (uint8_t)(val | (link_up(s) ? NSR_LINKST : 0));
    case ROCR:
        s->reg[n] = 0;
        return val;
    case TRPAL: return (uint8_t)s->trpa;
    case TRPAH: return (uint8_t)(s->trpa >> 8);
    case RWPAL: return (uint8_t)s->rwpa;
    case RWPAH: return (uint8_t)(s->rwpa >> 8);
    case VIDL:  return 0x46;
    case VIDH:  return 0x0a;
    case PIDL:  return 0x00;
    case PIDH:  return 0x90;
    case CHIPR: return (uint8_t)s->revision;
    case MRRL:  return (uint8_t)s->mrr;
    case MRRH:  return (uint8_t)(s->mrr >> 8);
    case MWRL:  return (uint8_t)s->mwr;
    case MWRH:  return (uint8_t)(s->mwr >> 8);
    case ISR:   return (uint8_t)(s->isr | (s->width == 8 ? ISR_8BIT : 0));
    default:    return val;
    }
}

static void set_half(uint16_t *p, bool high, uint8_t val)
{
    unsigned v = high ? (*p & 0xffu) | (unsigned)val << 8 : (*p & 0xff00u) | val;

    *p = (uint16_t)(v % MEM_SIZE);
}

static void write_reg(Dm9000 *s, uint8_t n, uint8_t val)
{
    switch (n) {
    case NCR:
        if (val & NCR_RST) {
            software_reset(s);
            val &= (uint8_t)~NCR_RST;
        }
        s->reg[n] = val & 0xd6;
        break;
    case NSR:
        s->reg[n] &= (uint8_t)~(val & (NSR_TX1END | NSR_TX2END | NSR_WAKEST));
        break;
    case TCR:
        s->reg[n] = val & (uint8_t)~TCR_TXREQ;
        if (val & TCR_TXREQ) {
            transmit(s);
        }
        break;
    case RCR:
        s->reg[n] = val;
        nic_flush(&s->nic);
        break;
    case EPCR:
        write_epcr(s, val);
        break;
    case GPR:
        s->reg[n] = val;
        check_link(s);
        break;
    case TSR1: case TSR2: case RSR: case ROCR: case TRPAL: case TRPAH: case RWPAL: case RWPAH:
    case VIDL: case VIDH: case PIDL: case PIDH: case CHIPR:
        log_guest("dm9000", "write 0x%x to register 0x%x, which is read only", val, n);
        break;
    case RCSCSR:
        s->reg[n] = (uint8_t)((s->reg[n] & 0xfc) | (val & 3));
        break;
    case MRRL: case MRRH:
        set_half(&s->mrr, n == MRRH, val);
        nic_flush(&s->nic);
        break;
    case MWRL: case MWRH:
        set_half(&s->mwr, n == MWRH, val);
        break;
    case ISR:
        s->isr &= (uint8_t)~val;
        break;
    case IMR:
        write_imr(s, val);
        break;
    default:
        s->reg[n] = val;
        break;
    }
}

/* -- Ports ------------------------------------------------------------------- */

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    Dm9000 *s = opaque;

    (void)size;
    if (!(offset & PORT_DATA)) {
        return s->index;
    }
    switch (s->index) {
    case MRCMDX:
    case MRCMDX1: return read_mem(s, false);
    case MRCMD:   return read_mem(s, true);
    default:      return read_reg(s, s->index);
    }
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Dm9000 *s = opaque;

    (void)size;
    if (!(offset & PORT_DATA)) {
        s->index = (uint8_t)val;
        return;
    }
    switch (s->index) {
    case MWCMDX: write_mem(s, (uint32_t)val, false); break;
    case MWCMD:  write_mem(s, (uint32_t)val, true); break;
    default:     write_reg(s, s->index, (uint8_t)val); break;
    }
    update_irq(s);
}

/* A wider access is as many cycles of the bus. */
static const MemoryRegionOps port_ops = {
    .read = port_read, .write = port_write, .min = 1, .max = 2,
};

/* -- The type ---------------------------------------------------------------- */

static void link_changed(void *opaque)
{
    Dm9000 *s = opaque;

    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    check_link(s);
}

static void describe(void *opaque, char *text, size_t room)
{
    nic_describe(&((Dm9000 *)opaque)->nic, opaque, text, room);
}

static const NetOps net_ops_of_dm9000 = {
    .type         = "nic",
    .is_nic       = true,
    .can_receive  = can_receive,
    .receive      = receive,
    .link_changed = link_changed,
    .describe     = describe,
};

static int dm9000_realize(Device *d, Error *err)
{
    Dm9000 *s = (Dm9000 *)d;

    if (s->width != 8 && s->width != 16) {
        return error_set(err, EINVAL, "dm9000: width=%u: the bus has 8 or 16 bits", s->width);
    }
    return nic_realize(&s->nic, d, &net_ops_of_dm9000, err);
}

/* Chapter 6, defaults marked P; the address comes from the EEPROM, or from who
 * set the board up. */
static void dm9000_reset(Device *d)
{
    Dm9000 *s = (Dm9000 *)d;

    memset(s->reg, 0, sizeof(s->reg));
    memset(s->mem, 0, sizeof(s->mem));
    s->index = 0;
    software_reset(s);
    s->reg[EPAR] = 0x40;
    s->reg[GPCR] = 0x01;
    s->reg[GPR] = GPR_PHY_OFF;
    memcpy(&s->reg[PAR], s->nic.mac, 6);
    mii_reset(&s->phy, &phy_type);
    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    s->phy.link_was_lost = 0;
    s->was_linked = 0;
    update_irq(s);
}

static int dm9000_post_load(Device *d, Error *err)
{
    Dm9000 *s = (Dm9000 *)d;

    if (s->trpa >= RX_START || s->rwpa < RX_START || s->rwpa >= MEM_SIZE ||
        s->mrr >= MEM_SIZE || s->mwr >= MEM_SIZE) {
        return error_set(err, EINVAL, "dm9000: snapshot has impossible pointers");
    }
    s->second = s->second != 0;
    update_irq(s);
    nic_flush(&s->nic);
    return 0;
}

static void dm9000_free(Device *d)
{
    nic_free(&((Dm9000 *)d)->nic);
}

static const WindowDef dm9000_windows[] = {
    { "dm9000", false, 8, NULL, &port_ops },
    { .name = NULL }
};

static const PropDef dm9000_props[] = {
    NIC_PROPS(Dm9000, nic),
    { "width",    PROP_U32,  offsetof(Dm9000, width), 16, "bits of the bus: 8 or 16" },
    { "revision", PROP_U32,  offsetof(Dm9000, revision), REV_DM9000A,
      "CHIPR: 0 DM9000, 0x19 DM9000A, 0x1a DM9000B" },
    { "eeprom",   PROP_BOOL, offsetof(Dm9000, has_eeprom), 1, "there is one, with the address" },
    { .name = NULL }
};

static const VMField dm9000_vmstate[] = {
    VM_FIELD(Dm9000, index),
    VM_ARRAY(Dm9000, reg),
    VM_FIELD(Dm9000, isr),
    VM_FIELD(Dm9000, trpa),
    VM_FIELD(Dm9000, rwpa),
    VM_FIELD(Dm9000, mrr),
    VM_FIELD(Dm9000, mwr),
    VM_FIELD(Dm9000, second),
    VM_FIELD(Dm9000, starved),
    VM_FIELD(Dm9000, was_linked),
    VM_ARRAY(Dm9000, mem),
    VM_STRUCTS(Dm9000, phy, 1, mii_vmstate),
    VM_END
};

const DeviceType dm9000_type = {
    .name       = "dm9000",
    .desc       = "Davicom DM9000 Ethernet",
    .manual     = "Davicom DM9000A-DS-P01",
    .bus        = "sys",
    .state_size = sizeof(Dm9000),
    .windows    = dm9000_windows,
    .props      = dm9000_props,
    .vmstate    = dm9000_vmstate,
    .num_irqs   = 1,
    .realize    = dm9000_realize,
    .reset      = dm9000_reset,
    .post_load  = dm9000_post_load,
    .free       = dm9000_free,
};
