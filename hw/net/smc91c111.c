/* SPDX-License-Identifier: MIT */
/*
 * SMSC LAN91C111 10/100 Ethernet controller (data sheet rev. 1.91, 2008).
 *
 *   16 bytes of registers, 4 banks          8 KiB: 4 packets of 2 KiB
 *   +-------------------+  allocate (PNR)   +----+----+----+----+
 *   | MMUCR PNR FIFO PTR| ----------------> | 0  | 1  | 2  | 3  |
 *   | DATA  IST         |                   +----+----+----+----+
 *   +-------------------+        enqueue --> TX FIFO --> wire --> done FIFO
 *                                  top  <--  RX FIFO <-- wire
 *
 * A packet in memory: status word, byte count, data, control word; the count is
 * of all of that, and even (7.x, packet format).  While the transmitter is on,
 * a frame is sent when its number enters the TX FIFO.
 *
 * Registers are words in a table by bank and offset; a byte access is a word
 * access with half the lanes.  A 32-bit write at 0xc changes the bank only.
 *
 * Not modelled: the serial EEPROM (CTR.STORE; RELOAD gives the board's address),
 * collisions and other errors of the wire, early receive (ERCV), bank 7, power
 * management, an external PHY.
 */
#include "hw/net/smc91c111.h"

#include <errno.h>
#include <string.h>

#include "hw/net/mii.h"
#include "hw/net/nic.h"
#include "net/ether.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_PACKETS = 4, PACKET_SIZE = 2048, NO_PACKET = 0xff };

/* 8.x: registers by bank; offsets of bank 2 that are more than a word */
enum { BSR = 0xe, BSR_HIGH = 0x33, DATA = 0x8, DATA_END = 0xc };
enum { TCR_TXENA = 0x0001, TCR_LOOP = 0x0002, TCR_PAD_EN = 0x0080, TCR_NOCRC = 0x0100,
       TCR_EPH_LOOP = 0x2000 };
enum { EPH_TX_SUC = 0x0001, EPH_LTX_MULT = 0x0008, EPH_LTX_BRD = 0x0040,
       EPH_LINK_OK = 0x4000 };
enum { RCR_PRMS = 0x0002, RCR_ALMUL = 0x0004, RCR_RXEN = 0x0100, RCR_STRIP_CRC = 0x0200,
       RCR_SOFT_RST = 0x8000 };
enum { CTR_STORE = 0x0001, CTR_RELOAD = 0x0002, CTR_LE_ENABLE = 0x0080,
       CTR_AUTO_RELEASE = 0x0800 };
enum { ARR_FAILED = 0x80, FIFO_EMPTY = 0x80 };
enum { PTR_KEPT = 0xf7ff, PTR_POINTER = 0x07ff, PTR_READ = 0x2000, PTR_AUTO_INCR = 0x4000,
       PTR_RCV = 0x8000 };
enum { INT_RCV = 0x01, INT_TX = 0x02, INT_TX_EMPTY = 0x04, INT_ALLOC = 0x08,
       INT_RX_OVRN = 0x10, INT_EPH = 0x20, INT_MD = 0x80 };
enum { MGMT_MDO = 0x01, MGMT_MDI = 0x02, MGMT_MCLK = 0x04, MGMT_MDOE = 0x08,
       MGMT_KEPT = 0x400d };
/* Packet format: receive status; control byte. */
enum { RS_ODDFRM = 0x1000, RS_BRODCAST = 0x4000, RS_MULTCAST = 0x0001, RS_TOOLNG = 0x0800 };
enum { CTL_CRC = 0x10, CTL_ODD = 0x20, CTL_RX_ONE = 0x40 };

enum { FCS = 4, OVERHEAD = 6 };         /* status, count, control */

typedef struct Fifo {
    uint8_t item[NUM_PACKETS];
    uint8_t num;
} Fifo;

typedef struct Smc {
    Device dev;
    Nic nic;
    uint16_t bank;
    uint16_t tcr, ephsr, rcr, ecr, rpcr;
    uint16_t cr, bar, gpr, ctr;
    uint16_t pnr, ptr;
    uint16_t mgmt, ercv;
    uint8_t iar[6], mt[8];
    uint8_t arr;                        /* allocation result */
    uint8_t ist, msk;                   /* ist: without those that are levels */
    uint8_t allocated;                  /* bit n: packet n */
    uint8_t alloc_waits;
    Fifo tx, done, rx;
    uint8_t mem[NUM_PACKETS][PACKET_SIZE];
    MiiPhy phy;
    uint8_t mdio_bits;                  /* of the frame, 0: between frames */
    uint8_t mdio_ones;                  /* of the preamble */
    uint32_t mdio_in, mdio_out;
} Smc;

/* Chapter 9, LAN83C183 PHY: id; configuration 1 and 2, status output, mask */
enum { PHY_STATUS_OUT = 18, PHY_MASK = 19, PHY_INT = 0x8000, PHY_LNKFAIL = 0x4000 };
static const MiiType phy_type = {
    .id = 0x0016f840,
    .more = { { 16, 0x0022, 0xffff }, { 17, 0xff00, 0xffff }, { PHY_STATUS_OUT, 0x0080, 0 },
              { PHY_MASK, 0xffc0, 0xffff }, { 20, 0x00a0, 0xffff } },
};

/* -- Interrupts -------------------------------------------------------------- */

/* 8.x, interrupt status: RCV, TX and ALLOC say how FIFOs and allocation are. */
static uint8_t interrupt_status(const Smc *s)
{
    return (uint8_t)(s->ist | (s->rx.num ? INT_RCV : 0) | (s->done.num ? INT_TX : 0) |
                     (s->arr & ARR_FAILED ? 0 : INT_ALLOC));
}

static void update_irq(Smc *s)
{
    qemu_set_irq(s->dev.irq[0], (interrupt_status(s) & s->msk) != 0);
}

/* -- Packet numbers ---------------------------------------------------------- */

static void push(Fifo *f, uint8_t n)
{
    if (f->num < NUM_PACKETS) {
        f->item[f->num++] = n;
    }
}

static uint8_t pop(Fifo *f)
{
    uint8_t n = f->item[0];

    if (!f->num) {
        return NO_PACKET;
    }
    f->num--;
    memmove(f->item, f->item + 1, f->num);
    f->item[f->num] = 0;
    return n;
}

static void remove_from(Fifo *f, uint8_t n)
{
    for (int i = f->num; i > 0; i--) {
        uint8_t k = pop(f);

        if (k != n) {
            push(f, k);
        }
    }
}

static uint8_t allocate(Smc *s)
{
    for (uint8_t n = 0; n < NUM_PACKETS; n++) {
        if (!(s->allocated >> n & 1)) {
            s->allocated |= (uint8_t)(1u << n);
            return n;
        }
    }
    return NO_PACKET;
}

/* An allocation waits until there is memory. */
static void try_allocation(Smc *s)
{
    uint8_t n = s->alloc_waits ? allocate(s) : NO_PACKET;

    if (n != NO_PACKET) {
        s->arr = n;
        s->alloc_waits = 0;
    }
}

static void release(Smc *s, uint8_t n)
{
    if (n >= NUM_PACKETS) {
        return;
    }
    s->allocated &= (uint8_t)~(1u << n);
    remove_from(&s->tx, n);
    remove_from(&s->done, n);
    remove_from(&s->rx, n);
    try_allocation(s);
    nic_flush(&s->nic);
}

/* -- Receiving --------------------------------------------------------------- */

static bool receiver_is_on(const Smc *s)
{
    return (s->rcr & RCR_RXEN) && !(s->rcr & RCR_SOFT_RST);
}

/* 8.x, multicast table: three high bits the register, three low ones the bit. */
static bool is_wanted(const Smc *s, const uint8_t *frame)
{
    uint32_t hash = ether_hash(frame) >> 26;

    if ((s->rcr & RCR_PRMS) || ether_is_broadcast(frame)) {
        return true;
    }
    if (ether_is_group(frame)) {
        return (s->rcr & RCR_ALMUL) || (s->mt[hash >> 3] >> (hash & 7) & 1);
    }
    return !memcmp(frame, s->iar, 6);
}

static uint16_t receive_status(const uint8_t *frame, size_t len)
{
    uint32_t hash = ether_hash(frame) >> 26;

    if (ether_is_broadcast(frame)) {
        return RS_BRODCAST;
    }
    return (uint16_t)((len > 1514 ? RS_TOOLNG : 0) |
                      (ether_is_group(frame) ? RS_MULTCAST | hash << 1 : 0));
}

/* Data and FCS from byte 4 on, then the control byte behind an even count. */
static void store_frame(const Smc *s, uint8_t *p, const uint8_t *frame, size_t len)
{
    uint32_t fcs = ether_crc(frame, len);
    size_t total = len + (s->rcr & RCR_STRIP_CRC ? 0 : FCS);
    size_t control = 4 + (total & ~(size_t)1) + 1;
    uint16_t status = receive_status(frame, len);

    memcpy(p + 4, frame, len);
    store_le(p + 4 + len, fcs, FCS);
    if (total & 1) {
        status |= RS_ODDFRM;
        p[control] = CTL_ODD | CTL_RX_ONE;
    } else {
        p[control - 1] = 0;
        p[control] = CTL_RX_ONE;
    }
    store_le(p, status, 2);
    store_le(p + 2, control + 1, 2);
}

static bool can_receive(void *opaque)
{
    const Smc *s = opaque;

    return !receiver_is_on(s) || s->allocated != (1 << NUM_PACKETS) - 1;
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    Smc *s = opaque;

    if (!receiver_is_on(s) || len + FCS + OVERHEAD > PACKET_SIZE || !is_wanted(s, frame)) {
        return;
    }
    uint8_t n = allocate(s);
    if (n == NO_PACKET) {
        s->ist |= INT_RX_OVRN;
    } else {
        store_frame(s, s->mem[n], frame, len);
        push(&s->rx, n);
    }
    update_irq(s);
}

/* -- Sending ----------------------------------------------------------------- */

static void put_on_wire(Smc *s, uint8_t *frame, size_t len)
{
    if ((s->tcr & TCR_PAD_EN) && len < NET_MIN_FRAME) {
        memset(frame + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    if (s->tcr & (TCR_LOOP | TCR_EPH_LOOP)) {
        receive(s, frame, len);
    } else {
        nic_send(&s->nic, frame, len);
    }
}

/* The packet's status word becomes a copy of EPHSR. */
static void transmit(Smc *s, uint8_t n)
{
    uint8_t frame[PACKET_SIZE], *p = s->mem[n];
    size_t count = load_le(p + 2, 2) & (PACKET_SIZE - 2);

    if (count < OVERHEAD + 14) {
        log_guest("smc91c111", "sends a packet with a count of %zu", count);
        count = OVERHEAD;
    }
    uint8_t control = p[count - 1];
    size_t len = count - OVERHEAD + (control & CTL_ODD ? 1 : 0);
    /* Without hardware CRC the FCS is the packet's own last four bytes. */
    if ((s->tcr & TCR_NOCRC) && !(control & CTL_CRC)) {
        len -= MIN(len, (size_t)FCS);
    }
    memcpy(frame, p + 4, len);
    s->ephsr = (uint16_t)(EPH_TX_SUC | (ether_is_group(frame) ? EPH_LTX_MULT : 0) |
                          (ether_is_broadcast(frame) ? EPH_LTX_BRD : 0));
    if (len) {
        put_on_wire(s, frame, len);
    }
    store_le(p, s->ephsr | (mii_link_up(&s->phy) ? EPH_LINK_OK : 0), 2);
    s->ist |= INT_TX_EMPTY;
    if (s->ctr & CTR_AUTO_RELEASE) {
        release(s, n);
    } else {
        push(&s->done, n);
    }
}

static void send_queued(Smc *s)
{
    while (s->tx.num && (s->tcr & TCR_TXENA)) {
        transmit(s, pop(&s->tx));
    }
}

static void enqueue(Smc *s)
{
    uint8_t n = (uint8_t)(s->pnr & 0x3f);

    if (n >= NUM_PACKETS || !(s->allocated >> n & 1)) {
        log_guest("smc91c111", "packet %u is queued but not allocated", n);
        return;
    }
    push(&s->tx, n);
    send_queued(s);
}

/* -- MMU commands ------------------------------------------------------------ */

static void reset_mmu(Smc *s)
{
    s->allocated = s->alloc_waits = 0;
    memset(&s->tx, 0, sizeof(s->tx));
    memset(&s->done, 0, sizeof(s->done));
    memset(&s->rx, 0, sizeof(s->rx));
    s->arr = ARR_FAILED;
    nic_flush(&s->nic);
}

static void write_mmucr(Smc *s, uint16_t val, uint16_t lanes)
{
    if (!(lanes & 0xff)) {
        return;
    }
    switch (bits(val, 7, 5)) {
    case 0:                             /* no operation */
        break;
    case 1:
        s->arr = ARR_FAILED;
        s->alloc_waits = 1;
        try_allocation(s);
        break;
    case 2:
        reset_mmu(s);
        break;
    case 3:                             /* remove from the top of the RX FIFO */
        pop(&s->rx);
        break;
    case 4:                             /* remove and release */
        release(s, pop(&s->rx));
        break;
    case 5:
        release(s, (uint8_t)(s->pnr & 0x3f));
        break;
    case 6:
        enqueue(s);
        break;
    case 7:                             /* the packets stay allocated */
        memset(&s->tx, 0, sizeof(s->tx));
        memset(&s->done, 0, sizeof(s->done));
        break;
    }
}

/* -- Data -------------------------------------------------------------------- */

/* lane: which byte of the data register, for a pointer that stays. */
static uint8_t *data_byte(Smc *s, unsigned lane)
{
    uint8_t n = (uint8_t)(s->ptr & PTR_RCV ? (s->rx.num ? s->rx.item[0] : NO_PACKET)
                                           : s->pnr & 0x3f);
    unsigned at = s->ptr & PTR_POINTER;

    if (s->ptr & PTR_AUTO_INCR) {
        s->ptr = (uint16_t)((s->ptr & ~PTR_POINTER) | ((at + 1) & PTR_POINTER));
    } else {
        at += lane;
    }
    return n < NUM_PACKETS && (s->allocated >> n & 1) ? &s->mem[n][at % PACKET_SIZE] : NULL;
}

static uint64_t read_data(Smc *s, unsigned lane, unsigned size)
{
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        const uint8_t *p = data_byte(s, lane + i);

        val |= (uint64_t)(p ? *p : 0) << (8 * i);
    }
    return val;
}

static void write_data(Smc *s, unsigned lane, uint64_t val, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t *p = data_byte(s, lane + i);

        if (p) {
            *p = (uint8_t)(val >> (8 * i));
        }
    }
}

/* -- The PHY's serial line: IEEE 802.3, 22.2.4.5 ------------------------------ */

enum { MDIO_PREAMBLE = 32, MDIO_HEADER = 14, MDIO_FRAME = 32, PHY_ADDRESS = 0 };

/*
 * st(2) op(2) phy(5) reg(5), turnaround(2), data(16).  MDI has a pull-down: where
 * nobody drives it, as in the turnaround, zeros are read.
 */
static void mdio_header(Smc *s)
{
    uint32_t h = s->mdio_in;
    bool is_read = bits(h, 13, 10) == 6, ours = bits(h, 9, 5) == PHY_ADDRESS;

    if (is_read && ours) {
        unsigned reg = bits(h, 4, 0);

        s->mdio_out = (uint32_t)mii_read(&s->phy, reg) << 14;
        if (reg == PHY_STATUS_OUT) {    /* 9.x: reading clears what changed */
            s->phy.reg[reg] = 0x0080;
        }
    }
}

static void mdio_rising_edge(Smc *s, bool bit, bool driven)
{
    if (!s->mdio_bits && (bit || !driven)) {    /* preamble, or idle */
        s->mdio_ones = driven ? (uint8_t)MIN(s->mdio_ones + 1, MDIO_PREAMBLE) : 0;
        return;
    }
    if (!s->mdio_bits && s->mdio_ones < MDIO_PREAMBLE) {
        s->mdio_ones = 0;
        return;
    }
    s->mdio_in = s->mdio_in << 1 | bit;
    s->mdio_out <<= 1;
    s->mdio_bits++;
    if (s->mdio_bits == MDIO_HEADER) {
        mdio_header(s);
    } else if (s->mdio_bits == MDIO_FRAME) {
        uint32_t h = bits(s->mdio_in, 31, 18);

        if (bits(h, 13, 10) == 5 && bits(h, 9, 5) == PHY_ADDRESS) {
            mii_write(&s->phy, &phy_type, bits(h, 4, 0), (uint16_t)s->mdio_in);
        }
        s->mdio_bits = s->mdio_ones = 0;
        s->mdio_in = s->mdio_out = 0;
    }
}

static uint16_t read_mgmt(Smc *s)
{
    bool in = s->mgmt & MGMT_MDOE ? s->mgmt & MGMT_MDO : s->mdio_out >> 31;

    return (uint16_t)(0x3330 | s->mgmt | (in ? MGMT_MDI : 0));
}

static void write_mgmt(Smc *s, uint16_t val, uint16_t lanes)
{
    bool rising = val & ~s->mgmt & MGMT_MCLK;

    (void)lanes;
    s->mgmt = val & MGMT_KEPT;
    if (rising) {
        bool driven = val & MGMT_MDOE;

        mdio_rising_edge(s, driven && (val & MGMT_MDO), driven);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void soft_reset(Smc *s);

static void write_tcr(Smc *s, uint16_t val, uint16_t lanes)
{
    (void)lanes;
    s->tcr = val & 0xbd87;
    send_queued(s);
}

static void write_rcr(Smc *s, uint16_t val, uint16_t lanes)
{
    (void)lanes;
    if (val & RCR_SOFT_RST) {
        soft_reset(s);
    }
    s->rcr = val & 0xe307;
    nic_flush(&s->nic);
}

static uint16_t read_ephsr(Smc *s)
{
    return (uint16_t)(s->ephsr | (mii_link_up(&s->phy) ? EPH_LINK_OK : 0));
}

static uint16_t read_ecr(Smc *s)        /* 8.x: cleared by reading */
{
    uint16_t val = s->ecr;

    s->ecr = 0;
    return val;
}

static uint16_t read_mir(Smc *s)
{
    return (uint16_t)((NUM_PACKETS - __builtin_popcount(s->allocated)) << 8 | NUM_PACKETS);
}

/* 8.x: STORE and RELOAD clear themselves. */
static void write_ctr(Smc *s, uint16_t val, uint16_t lanes)
{
    (void)lanes;
    if (val & CTR_STORE) {
        log_unimp("smc91c111", "storing into the EEPROM");
    }
    if (val & CTR_RELOAD) {
        memcpy(s->iar, s->nic.mac, 6);
    }
    s->ctr = (uint16_t)((val & 0x58e4) | 0x1210);
    if (!(s->ctr & CTR_LE_ENABLE)) {
        s->ist &= (uint8_t)~INT_EPH;
    }
}

static uint16_t read_pnr(Smc *s)
{
    return (uint16_t)(s->arr << 8 | s->pnr);
}

static void write_pnr(Smc *s, uint16_t val, uint16_t lanes)
{
    s->pnr = lanes & 0xff ? val & 0x3f : s->pnr;
}

static uint16_t read_fifo(Smc *s)
{
    uint8_t tx = s->done.num ? s->done.item[0] : FIFO_EMPTY;
    uint8_t rx = s->rx.num ? s->rx.item[0] : FIFO_EMPTY;

    return (uint16_t)(rx << 8 | tx);
}

static uint16_t read_ist(Smc *s)
{
    return (uint16_t)(s->msk << 8 | interrupt_status(s));
}

/* Acknowledging TX takes the packet off the FIFO of those that are done. */
static void write_ist(Smc *s, uint16_t val, uint16_t lanes)
{
    if (lanes & 0xff) {
        s->ist &= (uint8_t)~(val & (INT_TX_EMPTY | INT_RX_OVRN | INT_MD));
        if (val & INT_TX) {
            pop(&s->done);
        }
    }
    if (lanes & 0xff00) {
        s->msk = (uint8_t)(val >> 8);
    }
}

static uint16_t read_rev(Smc *s)
{
    (void)s;
    return 0x3391;                      /* chip 9, revision 1 */
}

static uint16_t read_mmucr(Smc *s)
{
    (void)s;
    return 0x3330;                      /* never busy */
}

#define NO_FIELD 0xffff
#define F(m) offsetof(Smc, m)

/* A word; val is merged with what stays in lanes that are not written. */
typedef struct Reg {
    const char *name;
    uint16_t field;
    uint16_t reset, wmask;
    uint16_t (*read)(Smc *s);
    void (*write)(Smc *s, uint16_t val, uint16_t lanes);
} Reg;

/* clang-format off */
static const Reg regs[4][7] = {
    {
        { "TCR",   F(tcr),   0x0000, 0xbd87, NULL,       write_tcr },
        { "EPHSR", NO_FIELD, 0x0000, 0,      read_ephsr, NULL },
        { "RCR",   F(rcr),   0x0000, 0xe307, NULL,       write_rcr },
        { "ECR",   NO_FIELD, 0x0000, 0,      read_ecr,   NULL },
        { "MIR",   NO_FIELD, 0x0000, 0,      read_mir,   NULL },
        { "RPCR",  F(rpcr),  0x0000, 0x38fc, NULL,       NULL },
        { NULL,    0,        0,      0,      NULL,       NULL },
    }, {
        { "CR",    F(cr),    0xa0b1, 0x9600, NULL,       NULL },
        { "BAR",   F(bar),   0x1801, 0xff00, NULL,       NULL },
        { "IAR0",  F(iar[0]), 0,     0xffff, NULL,       NULL },
        { "IAR2",  F(iar[2]), 0,     0xffff, NULL,       NULL },
        { "IAR4",  F(iar[4]), 0,     0xffff, NULL,       NULL },
        { "GPR",   F(gpr),   0x0000, 0xffff, NULL,       NULL },
        { "CTR",   F(ctr),   0x1210, 0,      NULL,       write_ctr },
    }, {
        { "MMUCR", NO_FIELD, 0,      0,      read_mmucr, write_mmucr },
        { "PNR",   NO_FIELD, 0,      0,      read_pnr,   write_pnr },
        { "FIFO",  NO_FIELD, 0,      0,      read_fifo,  NULL },
        { "PTR",   F(ptr),   0x0000, PTR_KEPT, NULL,     NULL },
        { NULL,    0,        0,      0,      NULL,       NULL },
        { NULL,    0,        0,      0,      NULL,       NULL },
        { "IST",   NO_FIELD, 0,      0,      read_ist,   write_ist },
    }, {
        { "MT0",   F(mt[0]), 0,      0xffff, NULL,       NULL },
        { "MT2",   F(mt[2]), 0,      0xffff, NULL,       NULL },
        { "MT4",   F(mt[4]), 0,      0xffff, NULL,       NULL },
        { "MT6",   F(mt[6]), 0,      0xffff, NULL,       NULL },
        { "MGMT",  NO_FIELD, 0,      0,      read_mgmt,  write_mgmt },
        { "REV",   NO_FIELD, 0,      0,      read_rev,   NULL },
        { "ERCV",  F(ercv),  0x331f, 0x001f, NULL,       NULL },
    },
};
/* clang-format on */

static const Reg *find_reg(const Smc *s, unsigned offset)
{
    const Reg *r = s->bank < 4 && offset < BSR ? &regs[s->bank][offset / 2] : NULL;

    return r && r->name ? r : NULL;
}

static uint8_t *storage(Smc *s, const Reg *r)
{
    return r->field == NO_FIELD ? NULL : (uint8_t *)s + r->field;
}

static uint16_t read_word(Smc *s, unsigned offset)
{
    const Reg *r = find_reg(s, offset);

    if (offset == BSR) {
        return (uint16_t)(BSR_HIGH << 8 | s->bank);
    }
    if (!r) {
        log_guest("smc91c111", "read of bank %u, offset 0x%x", s->bank, offset);
        return 0;
    }
    return r->read ? r->read(s) : (uint16_t)load_le(storage(s, r), 2);
}

static void write_word(Smc *s, unsigned offset, uint16_t val, uint16_t lanes)
{
    const Reg *r = find_reg(s, offset);

    if (offset == BSR) {
        s->bank = lanes & 0xff ? val & 7 : s->bank;
        return;
    }
    if (!r || (!r->write && !r->wmask)) {
        log_guest("smc91c111", "write 0x%x to %s (bank %u, offset 0x%x)", val,
                  r ? r->name : "nothing", s->bank, offset);
        return;
    }
    uint8_t *p = storage(s, r);
    uint16_t old = p ? (uint16_t)load_le(p, 2) : 0;
    val = (uint16_t)((val & lanes) | (old & ~lanes));
    if (p && !r->write) {
        store_le(p, (uint16_t)((old & ~r->wmask) | (val & r->wmask)), 2);
    } else {
        r->write(s, val, lanes);
    }
}

static bool is_data(const Smc *s, hwaddr offset)
{
    return s->bank == 2 && offset >= DATA && offset < DATA_END;
}

/* size: 1, 2 or 4, aligned. */
static uint64_t smc_read(void *opaque, hwaddr offset, unsigned size)
{
    Smc *s = opaque;

    if (is_data(s, offset)) {
        return read_data(s, (unsigned)offset - DATA, size);
    }
    if (size == 4) {
        uint32_t low = read_word(s, (unsigned)offset);

        return low | (uint32_t)read_word(s, (unsigned)offset + 2) << 16;
    }
    uint16_t word = read_word(s, (unsigned)offset & ~1u);
    return size == 2 ? word : (uint8_t)(word >> (8 * (offset & 1)));
}

static void smc_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Smc *s = opaque;

    if (is_data(s, offset)) {
        write_data(s, (unsigned)offset - DATA, val, size);
    } else if (size == 4 && offset == BSR - 2) {
        write_word(s, BSR, (uint16_t)(val >> 16), 0xffff);
    } else if (size == 4) {
        /* The high word first: PNR before the command that uses it. */
        write_word(s, (unsigned)offset + 2, (uint16_t)(val >> 16), 0xffff);
        write_word(s, (unsigned)offset, (uint16_t)val, 0xffff);
    } else {
        unsigned shift = 8 * (unsigned)(offset & 1) * (size == 1);

        write_word(s, (unsigned)offset & ~1u, (uint16_t)(val << shift),
                   size == 2 ? 0xffff : (uint16_t)(0xff << shift));
    }
    update_irq(s);
}

static const MemoryRegionOps smc_window_ops = {
    .read = smc_read, .write = smc_write, .min = 1, .max = 4,
};

/* -- The type ---------------------------------------------------------------- */

static void reset_banks(Smc *s, unsigned keep_bank)
{
    for (unsigned bank = 0; bank < 4; bank++) {
        for (int i = 0; i < 7; i++) {
            const Reg *r = &regs[bank][i];

            if (bank != keep_bank && r->name && storage(s, r)) {
                store_le(storage(s, r), r->reset, 2);
            }
        }
    }
    s->ephsr = s->ecr = s->pnr = s->mgmt = 0;
    s->ist = INT_TX_EMPTY;
    s->msk = 0;
    reset_mmu(s);
}

/* 8.x, SOFT_RST: all but CR, BAR and the individual address. */
static void soft_reset(Smc *s)
{
    reset_banks(s, 1);
    s->gpr = 0;
    s->ctr = 0x1210;
}

static void link_changed(void *opaque)
{
    Smc *s = opaque;
    bool was_up = mii_link_up(&s->phy);

    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    if (was_up == mii_link_up(&s->phy)) {
        return;
    }
    s->phy.reg[PHY_STATUS_OUT] |= PHY_INT | PHY_LNKFAIL;
    if (!(s->phy.reg[PHY_MASK] & PHY_LNKFAIL)) {
        s->ist |= INT_MD;
    }
    if (was_up && (s->ctr & CTR_LE_ENABLE)) {
        s->ist |= INT_EPH;
    }
    update_irq(s);
}

static void describe(void *opaque, char *text, size_t room)
{
    nic_describe(&((Smc *)opaque)->nic, opaque, text, room);
}

static const NetOps net_ops_of_smc = {
    .type         = "nic",
    .is_nic       = true,
    .can_receive  = can_receive,
    .receive      = receive,
    .link_changed = link_changed,
    .describe     = describe,
};

static int smc_realize(Device *d, Error *err)
{
    return nic_realize(&((Smc *)d)->nic, d, &net_ops_of_smc, err);
}

static void smc_reset(Device *d)
{
    Smc *s = (Smc *)d;

    s->bank = 0;
    reset_banks(s, ~0u);
    memcpy(s->iar, s->nic.mac, 6);
    memset(s->mem, 0, sizeof(s->mem));
    s->mdio_bits = s->mdio_ones = 0;
    s->mdio_in = s->mdio_out = 0;
    mii_reset(&s->phy, &phy_type);
    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    s->phy.link_was_lost = 0;
    update_irq(s);
}

static bool fifo_is_valid(const Smc *s, const Fifo *f)
{
    bool ok = f->num <= NUM_PACKETS;

    for (int i = 0; ok && i < f->num; i++) {
        ok = f->item[i] < NUM_PACKETS && (s->allocated >> f->item[i] & 1);
    }
    return ok;
}

static int smc_post_load(Device *d, Error *err)
{
    Smc *s = (Smc *)d;

    if (!fifo_is_valid(s, &s->tx) || !fifo_is_valid(s, &s->done) ||
        !fifo_is_valid(s, &s->rx) || s->bank > 7 ||
        s->mdio_bits >= MDIO_FRAME || s->allocated >> NUM_PACKETS) {
        return error_set(err, EINVAL, "smc91c111: snapshot has impossible packets");
    }
    update_irq(s);
    nic_flush(&s->nic);
    return 0;
}

static void smc_free(Device *d)
{
    nic_free(&((Smc *)d)->nic);
}

static const WindowDef smc_windows[] = {
    { "smc91c111", false, 16, NULL, &smc_window_ops },
    { .name = NULL }
};

static const PropDef smc_props[] = {
    NIC_PROPS(Smc, nic),
    { .name = NULL }
};

static const VMField fifo_vmstate[] = {
    VM_ARRAY(Fifo, item),
    VM_FIELD(Fifo, num),
    VM_END
};

static const VMField smc_vmstate[] = {
    VM_FIELD(Smc, bank),
    VM_FIELD(Smc, tcr),
    VM_FIELD(Smc, ephsr),
    VM_FIELD(Smc, rcr),
    VM_FIELD(Smc, ecr),
    VM_FIELD(Smc, rpcr),
    VM_FIELD(Smc, cr),
    VM_FIELD(Smc, bar),
    VM_FIELD(Smc, gpr),
    VM_FIELD(Smc, ctr),
    VM_FIELD(Smc, pnr),
    VM_FIELD(Smc, ptr),
    VM_FIELD(Smc, mgmt),
    VM_FIELD(Smc, ercv),
    VM_ARRAY(Smc, iar),
    VM_ARRAY(Smc, mt),
    VM_FIELD(Smc, arr),
    VM_FIELD(Smc, ist),
    VM_FIELD(Smc, msk),
    VM_FIELD(Smc, allocated),
    VM_FIELD(Smc, alloc_waits),
    VM_STRUCTS(Smc, tx, 1, fifo_vmstate),
    VM_STRUCTS(Smc, done, 1, fifo_vmstate),
    VM_STRUCTS(Smc, rx, 1, fifo_vmstate),
    { "mem", offsetof(Smc, mem), 1, sizeof(((Smc *)0)->mem), VM_KIND_INT, NULL },
    VM_STRUCTS(Smc, phy, 1, mii_vmstate),
    VM_FIELD(Smc, mdio_bits),
    VM_FIELD(Smc, mdio_ones),
    VM_FIELD(Smc, mdio_in),
    VM_FIELD(Smc, mdio_out),
    VM_END
};

const DeviceType smc91c111_type = {
    .name       = "smc91c111",
    .desc       = "SMSC LAN91C111 Ethernet",
    .manual     = "SMSC LAN91C111 rev. 1.91",
    .bus        = "sys",
    .state_size = sizeof(Smc),
    .windows    = smc_windows,
    .props      = smc_props,
    .vmstate    = smc_vmstate,
    .num_irqs   = 1,
    .realize    = smc_realize,
    .reset      = smc_reset,
    .post_load  = smc_post_load,
    .free       = smc_free,
};
