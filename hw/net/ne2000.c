/* SPDX-License-Identifier: MIT */
/*
 * NE2000: National DP8390D Ethernet controller (DP8390D/NS32490D data sheet,
 * 1995) with 16 KiB of memory and a PROM, as Novell's card and as the Realtek
 * RTL8029AS (data sheet 1997).
 *
 *   ports 0x00-0x0f   DP8390D, 4 pages of registers
 *         0x10-0x17   remote DMA      0x18-0x1f   reset
 *
 *   0x0000 PROM (address, each byte twice; "WW")    0x4000 memory  0x8000
 *
 *   PSTART ...... BNRY (guest reads) ...... CURR (wire writes) ...... PSTOP
 *
 * The receive buffer is a ring of pages of 256 bytes; each packet starts on a
 * page with four bytes: status, next page, count (which includes the FCS).
 *
 * A transmission takes no time; remote DMA moves a byte or a word (DCR.WTS) per
 * access whatever its size, but a 32-bit access moves 32 bits.
 *
 * Not modelled: loopback (a frame sent so goes nowhere), the Send Packet command,
 * collisions and other errors of the wire, the RTL8029's EEPROM and boot ROM.
 */
#include "hw/net/ne2000.h"

#include <string.h>

#include "hw/core/pci.h"
#include "hw/net/nic.h"
#include "net/ether.h"
#include "util/bits.h"
#include "util/log.h"

enum { PROM_SIZE = 32, MEM_START = 0x4000, MEM_SIZE = 0x4000, PAGE = 256 };
enum { PORT_DMA = 0x10, PORT_RESET = 0x18, NUM_PORTS = 0x20 };

enum { CR_STP = 0x01, CR_STA = 0x02, CR_TXP = 0x04, CR_RD = 0x38, CR_RD_READ = 0x08,
       CR_RD_WRITE = 0x10, CR_RD_SEND = 0x18, CR_RD_ABORT = 0x20 };
enum { ISR_PRX = 0x01, ISR_PTX = 0x02, ISR_OVW = 0x10, ISR_CNT = 0x20, ISR_RDC = 0x40,
       ISR_RST = 0x80 };
enum { RSR_PRX = 0x01, RSR_MPA = 0x10, RSR_PHY = 0x20, RSR_DIS = 0x40 };
enum { RCR_AB = 0x04, RCR_AM = 0x08, RCR_PRO = 0x10, RCR_MON = 0x20 };
enum { TCR_LB = 0x06 };
enum { TSR_PTX = 0x01 };
enum { DCR_WTS = 0x01 };
enum { FCS = 4, HEADER = 4, MAX_FRAME = 1514 };

typedef struct Ne2000 {
    Nic nic;
    uint8_t cr, isr, imr, rcr, tcr, dcr, tsr, rsr;
    uint8_t started;
    uint8_t unseen;                     /* stored since CURR was read */
    uint8_t pstart, pstop, bnry, curr, tpsr;
    uint16_t tbcr;
    uint16_t rsar, rbcr;                /* as written */
    uint16_t crda, left;                /* remote DMA: address, bytes to go */
    uint8_t cntr[3];
    uint8_t par[6], mar[8];
    uint8_t config3;                    /* RTL8029: full duplex, LEDs */
    uint8_t mem[MEM_SIZE];
    Device *card;                       /* that it is on */
} Ne2000;

typedef struct IsaCard {
    Device dev;
    uint32_t iobase, irq;
    Ne2000 ne;
} IsaCard;

typedef struct PciCard {
    PCIDevice pci;
    Ne2000 ne;
} PciCard;

static bool is_pci(const Device *d)
{
    return d->type == &ne2k_pci_type;
}

static Ne2000 *ne_of(void *card)
{
    return is_pci(card) ? &((PciCard *)card)->ne : &((IsaCard *)card)->ne;
}

static void update_irq(Ne2000 *s)
{
    int level = (s->isr & s->imr & 0x7f) != 0;

    if (is_pci(s->card)) {
        pci_set_irq((PCIDevice *)s->card, level);
    } else {
        qemu_set_irq(s->card->irq[0], level);
    }
}

/* -- Receiving --------------------------------------------------------------- */

static bool is_running(const Ne2000 *s)
{
    return s->started && s->pstop > s->pstart;
}

/* 10.x, MAR: the six high bits of the CRC. */
static bool is_wanted(const Ne2000 *s, const uint8_t *frame)
{
    uint32_t hash = ether_hash(frame) >> 26;

    if (s->rcr & RCR_PRO) {
        return true;
    }
    if (ether_is_broadcast(frame)) {
        return s->rcr & RCR_AB;
    }
    if (ether_is_group(frame)) {
        return (s->rcr & RCR_AM) && (s->mar[hash >> 3] >> (hash & 7) & 1);
    }
    return !memcmp(frame, s->par, 6);
}

static unsigned pages_for(size_t len)
{
    return (unsigned)((HEADER + len + FCS + PAGE - 1) / PAGE);
}

/*
 * Pages from CURR to BNRY, which must not be reached; if they are the same the
 * ring is empty.  A driver that writes "next packet - 1" (Linux, lib8390.c) puts
 * BNRY one page below the ring where it means the last page.
 */
static unsigned pages_left(const Ne2000 *s)
{
    int size = s->pstop - s->pstart, left = s->bnry - s->curr;

    if (s->curr < s->pstart || s->curr >= s->pstop) {
        return 0;
    }
    left += left <= 0 ? size : 0;
    return (unsigned)(left < 0 ? 0 : MIN(left, size));
}

static bool can_receive(void *opaque)
{
    const Ne2000 *s = ne_of(opaque);

    return !is_running(s) || (s->rcr & RCR_MON) || pages_for(MAX_FRAME) < pages_left(s);
}

static uint8_t next_page(const Ne2000 *s, unsigned page, unsigned num)
{
    unsigned to = page + num;

    return (uint8_t)(to >= s->pstop ? to - (s->pstop - s->pstart) : to);
}

/* Pages of addresses without memory swallow what is written. */
static void put_ring(Ne2000 *s, unsigned *at, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len--) {
        if (*at >= MEM_START && *at < MEM_START + MEM_SIZE) {
            s->mem[*at - MEM_START] = *p;
        }
        p++;
        (*at)++;
        if (*at == (unsigned)s->pstop * PAGE) {
            *at = (unsigned)s->pstart * PAGE;
        }
    }
}

static void store(Ne2000 *s, const uint8_t *frame, size_t len)
{
    unsigned at = (unsigned)s->curr * PAGE;
    uint8_t next = next_page(s, s->curr, pages_for(len)), head[HEADER], fcs[FCS];

    head[0] = s->rsr;
    head[1] = next;
    store_le(head + 2, len + FCS, 2);
    store_le(fcs, ether_crc(frame, len), FCS);
    put_ring(s, &at, head, HEADER);
    put_ring(s, &at, frame, len);
    put_ring(s, &at, fcs, FCS);
    s->curr = next;
    s->unseen = 1;
    s->isr |= ISR_PRX;
}

static void count(Ne2000 *s, int n)
{
    if (s->cntr[n] < 0xff) {
        s->cntr[n]++;
    }
    if (s->cntr[n] & 0x80) {            /* 10.x: CNT when the high bit is set */
        s->isr |= ISR_CNT;
    }
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    Ne2000 *s = ne_of(opaque);

    if (!is_running(s) || len > MAX_FRAME || !is_wanted(s, frame)) {
        return;
    }
    s->rsr = (uint8_t)(RSR_PRX | (ether_is_group(frame) ? RSR_PHY : 0));
    if (s->rcr & RCR_MON) {             /* checked and counted, not stored */
        s->rsr = (uint8_t)((s->rsr & ~RSR_PRX) | RSR_MPA | RSR_DIS);
        count(s, 2);
    } else if (pages_for(len) >= pages_left(s)) {
        s->rsr = RSR_MPA;
        s->isr |= ISR_OVW;
        count(s, 2);
    } else {
        store(s, frame, len);
    }
    update_irq(s);
}

/* -- Sending ----------------------------------------------------------------- */

static void transmit(Ne2000 *s)
{
    unsigned at = (unsigned)s->tpsr * PAGE;
    size_t len = s->tbcr;

    if (at < MEM_START || at + len > MEM_START + MEM_SIZE || len > MAX_FRAME + FCS) {
        log_guest("ne2000", "sends %zu bytes at 0x%x", len, at);
    } else if (len && !(s->tcr & TCR_LB)) {
        nic_send(&s->nic, s->mem + at - MEM_START, len);
    }
    s->tsr = TSR_PTX;
    s->isr |= ISR_PTX;
}

/* -- Remote DMA -------------------------------------------------------------- */

static uint8_t read_byte(const Ne2000 *s, unsigned at)
{
    if (at < PROM_SIZE) {               /* Novell's PROM: 'W' for a 16-bit card */
        return at / 2 < 6 ? s->nic.mac[at / 2] : at / 2 >= 14 ? 0x57 : 0;
    }
    return at >= MEM_START && at < MEM_START + MEM_SIZE ? s->mem[at - MEM_START] : 0xff;
}

static void advance(Ne2000 *s, unsigned unit)
{
    s->crda = (uint16_t)(s->crda + unit);
    if (s->crda == s->pstop * PAGE) {
        s->crda = (uint16_t)(s->pstart * PAGE);
    }
    s->left = (uint16_t)(s->left > unit ? s->left - unit : 0);
    if (!s->left) {
        s->isr |= ISR_RDC;
        update_irq(s);
    }
}

/* A word at a time, so that the end of the ring is seen. */
static unsigned dma_units(const Ne2000 *s, unsigned size, unsigned *unit)
{
    *unit = s->dcr & DCR_WTS ? 2 : 1;
    return size > *unit ? size / *unit : 1;
}

static uint32_t dma_read(Ne2000 *s, unsigned size)
{
    unsigned unit, num = dma_units(s, size, &unit), shift = 0;
    uint32_t val = 0;

    for (; num && s->left && (s->cr & CR_RD) == CR_RD_READ; num--) {
        for (unsigned i = 0; i < unit; i++, shift += 8) {
            val |= (uint32_t)read_byte(s, (uint16_t)(s->crda + i)) << shift;
        }
        advance(s, unit);
    }
    return num ? val | (uint32_t)(~0ull << shift) : val;
}

static void dma_write(Ne2000 *s, uint32_t val, unsigned size)
{
    unsigned unit, num = dma_units(s, size, &unit);

    for (; num && s->left && (s->cr & CR_RD) == CR_RD_WRITE; num--) {
        for (unsigned i = 0; i < unit; i++, val >>= 8) {
            unsigned at = (uint16_t)(s->crda + i);

            if (at >= MEM_START && at < MEM_START + MEM_SIZE) {
                s->mem[at - MEM_START] = (uint8_t)val;
            }
        }
        advance(s, unit);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void chip_reset(Ne2000 *s)
{
    s->cr = CR_STP | CR_RD_ABORT;
    s->started = s->unseen = 0;
    s->isr = ISR_RST;
    s->imr = 0;
    s->left = 0;
    s->tcr &= (uint8_t)~TCR_LB;
    s->dcr &= (uint8_t)~0x08;
    update_irq(s);
    nic_flush(&s->nic);
}

static void write_cr(Ne2000 *s, uint8_t val)
{
    s->cr = val & (uint8_t)~CR_TXP;
    /* 10.x: STP stops it, STA starts it; with neither it stays as it is. */
    if (val & CR_STP) {
        s->started = 0;
        s->isr |= ISR_RST;
    } else if (val & CR_STA) {
        s->started = 1;
        s->isr &= (uint8_t)~ISR_RST;
    }
    switch (val & CR_RD) {
    case CR_RD_READ: case CR_RD_WRITE:
        s->crda = s->rsar;
        s->left = s->rbcr;
        if (!s->left) {
            s->isr |= ISR_RDC;
        }
        break;
    case CR_RD_SEND:
        log_unimp("ne2000", "the Send Packet command");
        break;
    default:
        break;
    }
    if ((val & CR_TXP) && s->started) {
        transmit(s);
    }
    update_irq(s);
    nic_flush(&s->nic);
}

static uint8_t read_page0(Ne2000 *s, unsigned n)
{
    uint8_t val;

    switch (n) {
    case 0x03: return s->bnry;
    case 0x04: return s->tsr;
    case 0x07: return s->isr;
    case 0x08: return (uint8_t)s->crda;
    case 0x09: return (uint8_t)(s->crda >> 8);
    case 0x0a: return is_pci(s->card) ? 0x50 : 0xff;         /* 8029ID0, 8029ID1 */
    case 0x0b: return is_pci(s->card) ? 0x43 : 0xff;
    case 0x0c: return s->rsr;
    case 0x0d: case 0x0e: case 0x0f:                    /* cleared by reading */
        val = s->cntr[n - 0x0d];
        s->cntr[n - 0x0d] = 0;
        return val;
    default:   return 0;                /* CLDA, NCR, FIFO: nothing is under way */
    }
}

static void set_byte(uint16_t *p, bool high, uint8_t val)
{
    *p = (uint16_t)(high ? (*p & 0xff) | val << 8 : (*p & 0xff00) | val);
}

/*
 * RST follows the chip's state.  Linux (lib8390.c) acknowledges PRX after it has
 * emptied the ring; what came in between counts as if it came just after.  On a
 * wire of 10 Mbit/s that does not happen, here frames come as fast as they fit.
 */
static void acknowledge(Ne2000 *s, uint8_t val)
{
    bool again = (val & s->isr & ISR_PRX) && s->unseen;

    s->isr &= (uint8_t)~(val & ~ISR_RST);
    s->isr |= again ? ISR_PRX : 0;
    s->unseen &= !(val & ISR_PRX);
    update_irq(s);
}

static void write_page0(Ne2000 *s, unsigned n, uint8_t val)
{
    switch (n) {
    case 0x01: s->pstart = val; break;
    case 0x02: s->pstop = val; break;
    case 0x03: s->bnry = val; nic_flush(&s->nic); break;
    case 0x04: s->tpsr = val; break;
    case 0x05: case 0x06: set_byte(&s->tbcr, n == 6, val); break;
    case 0x07:
        acknowledge(s, val);
        break;
    case 0x08: case 0x09: set_byte(&s->rsar, n == 9, val); break;
    case 0x0a: case 0x0b: set_byte(&s->rbcr, n == 0xb, val); break;
    case 0x0c: s->rcr = val & 0x3f; nic_flush(&s->nic); break;
    case 0x0d: s->tcr = val & 0x1f; break;
    case 0x0e: s->dcr = val & 0x7f; break;
    case 0x0f: s->imr = val & 0x7f; update_irq(s); break;
    }
}

static uint8_t *page1(Ne2000 *s, unsigned n)
{
    return n < 7 ? &s->par[n - 1] : n == 7 ? &s->curr : &s->mar[n - 8];
}

static uint8_t read_page2(const Ne2000 *s, unsigned n)
{
    switch (n) {
    case 0x01: return s->pstart;
    case 0x02: return s->pstop;
    case 0x04: return s->tpsr;
    case 0x0c: return s->rcr | 0xc0;
    case 0x0d: return s->tcr | 0xe0;
    case 0x0e: return s->dcr | 0x80;
    case 0x0f: return s->imr | 0x80;
    default:   return 0;
    }
}

/* RTL8029AS, 5.x: 9346CR, CONFIG0, CONFIG2, CONFIG3. */
static uint8_t read_page3(const Ne2000 *s, unsigned n)
{
    return is_pci(s->card) && n == 6 ? s->config3 : 0;
}

static uint8_t read_reg(Ne2000 *s, unsigned n)
{
    if (n == 0) {
        return s->cr;
    }
    switch (s->cr >> 6) {
    case 0:  return read_page0(s, n);
    case 1:
        s->unseen &= n != 7;
        return *page1(s, n);
    case 2:  return read_page2(s, n);
    default: return read_page3(s, n);
    }
}

static void write_reg(Ne2000 *s, unsigned n, uint8_t val)
{
    if (n == 0) {
        write_cr(s, val);
        return;
    }
    switch (s->cr >> 6) {
    case 0:
        write_page0(s, n, val);
        break;
    case 1:
        *page1(s, n) = val;
        break;
    case 3:
        if (is_pci(s->card) && n == 6) {
            s->config3 = val & 0x76;
        } else {
            log_guest("ne2000", "write 0x%x to register %u of page 3", val, n);
        }
        break;
    default:
        log_guest("ne2000", "write 0x%x to register %u of page 2, for tests of the chip",
                  val, n);
        break;
    }
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    Ne2000 *s = ne_of(opaque);
    unsigned port = (unsigned)offset;
    uint64_t val = 0;

    if (port >= PORT_DMA && port < PORT_RESET) {
        return bits64(dma_read(s, size), (int)(8 * size - 1), 0);
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = 0xff;

        if (port + i >= PORT_RESET) {
            chip_reset(s);
        } else if (port + i < PORT_DMA) {
            byte = read_reg(s, port + i);
        }
        val |= (uint64_t)byte << (8 * i);
    }
    return val;
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Ne2000 *s = ne_of(opaque);
    unsigned port = (unsigned)offset;

    if (port >= PORT_DMA && port < PORT_RESET) {
        dma_write(s, (uint32_t)val, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        if (port + i >= PORT_RESET) {
            chip_reset(s);
        } else if (port + i < PORT_DMA) {
            write_reg(s, port + i, (uint8_t)(val >> (8 * i)));
        }
    }
}

/* -- What both cards have ---------------------------------------------------- */

static void reset_state(Ne2000 *s)
{
    s->rcr = s->tcr = s->dcr = s->tsr = s->rsr = 0;
    s->pstart = s->pstop = s->bnry = s->curr = s->tpsr = 0;
    s->tbcr = s->rsar = s->rbcr = s->crda = 0;
    s->config3 = 0;
    memset(s->cntr, 0, sizeof(s->cntr));
    memset(s->par, 0, sizeof(s->par));
    memset(s->mar, 0, sizeof(s->mar));
    memset(s->mem, 0, sizeof(s->mem));
    chip_reset(s);
}

static const VMField ne2000_vmstate[] = {
    VM_FIELD(Ne2000, cr),
    VM_FIELD(Ne2000, isr),
    VM_FIELD(Ne2000, imr),
    VM_FIELD(Ne2000, rcr),
    VM_FIELD(Ne2000, tcr),
    VM_FIELD(Ne2000, dcr),
    VM_FIELD(Ne2000, tsr),
    VM_FIELD(Ne2000, rsr),
    VM_FIELD(Ne2000, started),
    VM_FIELD(Ne2000, unseen),
    VM_FIELD(Ne2000, pstart),
    VM_FIELD(Ne2000, pstop),
    VM_FIELD(Ne2000, bnry),
    VM_FIELD(Ne2000, curr),
    VM_FIELD(Ne2000, tpsr),
    VM_FIELD(Ne2000, tbcr),
    VM_FIELD(Ne2000, rsar),
    VM_FIELD(Ne2000, rbcr),
    VM_FIELD(Ne2000, crda),
    VM_FIELD(Ne2000, left),
    VM_ARRAY(Ne2000, cntr),
    VM_ARRAY(Ne2000, par),
    VM_ARRAY(Ne2000, mar),
    VM_FIELD(Ne2000, config3),
    VM_ARRAY(Ne2000, mem),
    VM_END
};

static void describe(void *opaque, char *text, size_t room)
{
    nic_describe(&ne_of(opaque)->nic, opaque, text, room);
}

static const NetOps net_ops_of_ne2000 = {
    .type        = "nic",
    .is_nic      = true,
    .can_receive = can_receive,
    .receive     = receive,
    .describe    = describe,
};

static void ne2000_init(Device *d)
{
    ne_of(d)->card = d;
}

static int ne2000_realize(Device *d, Error *err)
{
    return nic_realize(&ne_of(d)->nic, d, &net_ops_of_ne2000, err);
}

static void ne2000_reset(Device *d)
{
    if (is_pci(d)) {
        pci_reset_common((PCIDevice *)d);
    }
    reset_state(ne_of(d));
}

/* Nothing is indexed without a check. */
static int ne2000_post_load(Device *d, Error *err)
{
    int ret = is_pci(d) ? pci_post_load((PCIDevice *)d, err) : 0;

    if (ret == 0) {
        update_irq(ne_of(d));
        nic_flush(&ne_of(d)->nic);
    }
    return ret;
}

static void ne2000_free(Device *d)
{
    nic_free(&ne_of(d)->nic);
}

/* -- ISA --------------------------------------------------------------------- */

/* The bus has 16 bits. */
static const MemoryRegionOps isa_ops = {
    .read = port_read, .write = port_write, .min = 1, .max = 2,
};

static const WindowDef isa_windows[] = {
    { "ne2000", true, NUM_PORTS, NULL, &isa_ops },
    { .name = NULL }
};

static const PropDef isa_props[] = {
    { "iobase", PROP_U32, offsetof(IsaCard, iobase), 0x300, "first port" },
    { "irq",    PROP_U32, offsetof(IsaCard, irq), 5, "interrupt line" },
    NIC_PROPS(IsaCard, ne.nic),
    { .name = NULL }
};

static const VMField isa_vmstate[] = {
    VM_STRUCTS(IsaCard, ne, 1, ne2000_vmstate),
    VM_END
};

const DeviceType ne2k_isa_type = {
    .name           = "ne2k_isa",
    .desc           = "NE2000 Ethernet, ISA",
    .manual         = "National DP8390D",
    .bus            = "isa",
    .state_size     = sizeof(IsaCard),
    .windows        = isa_windows,
    .props          = isa_props,
    .vmstate        = isa_vmstate,
    .num_irqs       = 1,
    .user_creatable = true,
    .init           = ne2000_init,
    .realize        = ne2000_realize,
    .reset          = ne2000_reset,
    .post_load      = ne2000_post_load,
    .free           = ne2000_free,
};

/* -- PCI --------------------------------------------------------------------- */

static const MemoryRegionOps pci_ops = {
    .read = port_read, .write = port_write, .min = 1, .max = 4,
};

static const PCIDeviceOps pci_card_ops = {
    .vendor = 0x10ec, .device = 0x8029, .class = 0x0200, .irq_pin = 1,
};

static const WindowDef pci_windows[] = {
    { "ne2000", true, NUM_PORTS, NULL, &pci_ops },
    { .name = NULL }
};

static const PropDef pci_props[] = {
    NIC_PROPS(PciCard, ne.nic),
    { .name = NULL }
};

static const VMField pci_vmstate[] = {
    VM_PCI_DEVICE(PciCard, pci),
    VM_STRUCTS(PciCard, ne, 1, ne2000_vmstate),
    VM_END
};

const DeviceType ne2k_pci_type = {
    .name           = "ne2k_pci",
    .desc           = "NE2000 Ethernet, PCI (Realtek RTL8029AS)",
    .manual         = "Realtek RTL8029AS",
    .bus            = "pci",
    .state_size     = sizeof(PciCard),
    .windows        = pci_windows,
    .props          = pci_props,
    .vmstate        = pci_vmstate,
    .user_creatable = true,
    .init           = ne2000_init,
    .realize        = ne2000_realize,
    .reset          = ne2000_reset,
    .post_load      = ne2000_post_load,
    .free           = ne2000_free,
    .bus_ops        = &pci_card_ops,
};
