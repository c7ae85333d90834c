/* SPDX-License-Identifier: MIT */
/*
 * Realtek RTL8139C Fast Ethernet controller (data sheet rev. 1.4, 2000).
 *
 *   TSAD0-3, TSD0-3: four frames in guest memory, sent in turn  --> wire
 *   RBSTART, 8-64 KiB: a ring in guest memory                   <-- wire
 *
 *   ring:  ... CAPR + 16 (guest reads) ...... CBR (wire writes) ...
 *
 * Each received packet is status, length (with FCS), data, FCS, padded to four
 * bytes.  A row of the table is a register of 1, 2 or 4 bytes; an access of any
 * size is cut into the registers it covers.
 *
 * Not modelled: C+ mode (revision 20h), early interrupts, the general purpose
 * timer, wake-up, loopback, writing the EEPROM, the boot ROM.
 */
#include "hw/net/rtl8139.h"

#include <errno.h>
#include <string.h>

#include "hw/core/pci.h"
#include "hw/net/eeprom93c46.h"
#include "hw/net/mii.h"
#include "hw/net/nic.h"
#include "net/ether.h"
#include "util/bits.h"
#include "util/log.h"

/* Chapter 6: offsets */
enum {
    IDR0 = 0x00, MAR0 = 0x08, TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38,
    CBR = 0x3a, IMR = 0x3c, ISR = 0x3e, TCR = 0x40, RCR = 0x44, MPC = 0x4c, CR9346 = 0x50,
    CONFIG1 = 0x52, MSR = 0x58, TSAD = 0x60, BMCR = 0x62, NUM_PORTS = 0x100,
};
enum { CR_BUFE = 0x01, CR_TE = 0x04, CR_RE = 0x08, CR_RST = 0x10 };
enum { TSD_SIZE = 0x1fff, TSD_OWN = 0x2000, TSD_TOK = 0x8000, TSD_KEPT = 0x003f1fff };
enum { INT_ROK = 0x0001, INT_TOK = 0x0004, INT_RXOVW = 0x0010, INT_LINK = 0x0020 };
enum { TCR_LBK = 0x00060000 };
enum { RCR_AAP = 0x01, RCR_APM = 0x02, RCR_AM = 0x04, RCR_AB = 0x08, RCR_WRAP = 0x80 };
enum { RS_ROK = 0x0001, RS_BAR = 0x2000, RS_PAM = 0x4000, RS_MAR = 0x8000 };
enum { EE_DO = 0x01, EE_DI = 0x02, EE_SK = 0x04, EE_CS = 0x08, EE_UNLOCKED = 0xc0 };
enum { MSR_LINKB = 0x04 };
enum { FCS = 4, HEADER = 4, MAX_FRAME = 1514, NUM_TX = 4 };

#define VERSION 0x74000000u             /* TCR: RTL8139C */

typedef struct Rtl8139 {
    PCIDevice pci;
    Nic nic;
    uint8_t reg[NUM_PORTS];             /* as the guest reads it, but for hooks */
    uint8_t next_tx;                    /* descriptor */
    bool unseen;                        /* a frame came since CR or CBR was read */
    bool starved;                       /* a frame may wait for room in the ring */
    MiiPhy phy;
    Eeprom eeprom;
} Rtl8139;

/* Chapter 6: BMCR to ANER are the PHY's registers 0, 1, 4, 5 and 6. */
static const MiiType phy_type = { .id = 0 };

static uint32_t get(const Rtl8139 *s, unsigned at, unsigned size)
{
    return (uint32_t)load_le(s->reg + at, size);
}

static void update_irq(Rtl8139 *s)
{
    pci_set_irq(&s->pci, (get(s, ISR, 2) & get(s, IMR, 2)) != 0);
}

static void interrupt(Rtl8139 *s, unsigned bits_set)
{
    store_le(s->reg + ISR, get(s, ISR, 2) | bits_set, 2);
    update_irq(s);
}

/* -- Receiving --------------------------------------------------------------- */

/* 6.x, RBLEN: 8, 16, 32, 64 KiB; the 16 bytes above are part of the buffer. */
static unsigned ring_size(const Rtl8139 *s)
{
    return 8192u << bits(get(s, RCR, 4), 12, 11);
}

/* CAPR is 16 less than where the guest reads, modulo 64 KiB. */
static unsigned ring_used(const Rtl8139 *s)
{
    unsigned size = ring_size(s), read_at = (get(s, CAPR, 2) + 16) % size;

    return (get(s, CBR, 2) + size - read_at) % size;
}

static bool can_receive(void *opaque)
{
    Rtl8139 *s = opaque;

    s->starved = (s->reg[CR] & CR_RE) &&
                 ring_used(s) + HEADER + MAX_FRAME + FCS + 4 >= ring_size(s);
    return !s->starved;
}

/* 0: not for us; else the status bits that say why it is. */
static unsigned match(const Rtl8139 *s, const uint8_t *frame)
{
    uint32_t hash = ether_hash(frame) >> 26, rcr = get(s, RCR, 4);

    if (ether_is_broadcast(frame)) {
        return rcr & (RCR_AB | RCR_AAP) ? RS_ROK | RS_BAR : 0;
    }
    if (ether_is_group(frame)) {
        bool listed = s->reg[MAR0 + (hash >> 3)] >> (hash & 7) & 1;

        return (rcr & RCR_AAP) || ((rcr & RCR_AM) && listed) ? RS_ROK | RS_MAR : 0;
    }
    if ((rcr & RCR_APM) && !memcmp(frame, s->reg + IDR0, 6)) {
        return RS_ROK | RS_PAM;
    }
    return rcr & RCR_AAP ? RS_ROK : 0;
}

/* With WRAP a packet goes on behind the end of the ring. */
static void put_ring(Rtl8139 *s, const uint8_t *packet, unsigned len)
{
    unsigned size = ring_size(s), at = get(s, CBR, 2) % size, first = MIN(len, size - at);
    hwaddr base = get(s, RBSTART, 4);

    if ((get(s, RCR, 4) & RCR_WRAP) && size < 65536) {
        first = len;
    }
    pci_dma_write(&s->pci, base + at, packet, first);
    pci_dma_write(&s->pci, base, packet + first, len - first);
    store_le(s->reg + CBR, (at + align_up(len, 4)) % size, 2);
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    Rtl8139 *s = opaque;
    uint8_t packet[HEADER + MAX_FRAME + FCS];
    unsigned status = s->reg[CR] & CR_RE && len <= MAX_FRAME ? match(s, frame) : 0;

    if (!status) {
        return;
    }
    if (!can_receive(s)) {
        store_le(s->reg + MPC, (get(s, MPC, 4) + 1) & 0xffffff, 4);
        interrupt(s, INT_RXOVW);
        return;
    }
    store_le(packet, status, 2);
    store_le(packet + 2, len + FCS, 2);
    memcpy(packet + HEADER, frame, len);
    store_le(packet + HEADER + len, ether_crc(frame, len), FCS);
    put_ring(s, packet, (unsigned)len + HEADER + FCS);
    s->unseen = true;
    interrupt(s, INT_ROK);
}

/* -- Sending ----------------------------------------------------------------- */

static void transmit(Rtl8139 *s, unsigned n)
{
    uint8_t frame[TSD_SIZE + 1];
    uint32_t tsd = get(s, TSD0 + 4 * n, 4);
    unsigned len = tsd & TSD_SIZE;

    pci_dma_read(&s->pci, get(s, TSAD0 + 4 * n, 4), frame, len);
    if (get(s, TCR, 4) & TCR_LBK) {
        log_unimp("rtl8139", "loopback");
    } else if (len) {
        nic_send(&s->nic, frame, len);
    }
    store_le(s->reg + TSD0 + 4 * n, tsd | TSD_OWN | TSD_TOK, 4);
    interrupt(s, INT_TOK);
}

/* 6.x: OWN is 0 from when the guest writes TSD until the frame was moved. */
static void send_queued(Rtl8139 *s)
{
    while ((s->reg[CR] & CR_TE) && !(get(s, TSD0 + 4 * s->next_tx, 4) & TSD_OWN)) {
        unsigned n = s->next_tx;

        s->next_tx = (uint8_t)((n + 1) % NUM_TX);
        transmit(s, n);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void reset_transceivers(Rtl8139 *s)
{
    for (unsigned n = 0; n < NUM_TX; n++) {
        store_le(s->reg + TSD0 + 4 * n, TSD_OWN, 4);
        store_le(s->reg + TSAD0 + 4 * n, 0, 4);
    }
    s->next_tx = 0;
    s->unseen = s->starved = false;
    store_le(s->reg + CBR, 0, 2);
    store_le(s->reg + CAPR, 0xfff0, 2);
    store_le(s->reg + IMR, 0, 2);
    store_le(s->reg + ISR, 0, 2);
    store_le(s->reg + TCR, VERSION, 4);
    store_le(s->reg + RCR, 0, 4);
    s->reg[CR] = 0;
    update_irq(s);
    nic_flush(&s->nic);
}

static void write_tsd(Rtl8139 *s, unsigned at, uint32_t val)
{
    store_le(s->reg + at, val & (TSD_KEPT | TSD_OWN), 4);
    send_queued(s);
}

static void write_cr(Rtl8139 *s, unsigned at, uint32_t val)
{
    if (val & CR_RST) {
        reset_transceivers(s);
        return;
    }
    if (val & ~s->reg[at] & CR_RE) {    /* the ring starts anew */
        store_le(s->reg + CBR, 0, 2);
    }
    s->reg[at] = (uint8_t)(val & (CR_TE | CR_RE));
    send_queued(s);
    nic_flush(&s->nic);
}

static uint32_t read_cr(Rtl8139 *s, unsigned at)
{
    s->unseen = false;
    return s->reg[at] | (ring_used(s) ? 0 : CR_BUFE);
}

static uint32_t read_cbr(Rtl8139 *s, unsigned at)
{
    s->unseen = false;
    return get(s, at, 2);
}

static void write_capr(Rtl8139 *s, unsigned at, uint32_t val)
{
    store_le(s->reg + at, val, 2);
    nic_flush(&s->nic);
}

static void write_imr(Rtl8139 *s, unsigned at, uint32_t val)
{
    store_le(s->reg + at, val & 0xe07f, 2);
    update_irq(s);
}

/*
 * Linux (8139too.c) clears ROK after each packet, looks into the ring again or, its
 * budget spent, at ROK alone.  On a wire the next frame sets ROK, or RXOVW, later;
 * ours come as fast as they fit and then wait, so ROK stays for one that the guest
 * cannot know of.
 */
static void write_isr(Rtl8139 *s, unsigned at, uint32_t val)
{
    uint32_t again = s->unseen || s->starved ? get(s, at, 2) & INT_ROK : 0;

    store_le(s->reg + at, (get(s, at, 2) & ~val) | again, 2);
    update_irq(s);
}

static void write_tcr(Rtl8139 *s, unsigned at, uint32_t val)
{
    store_le(s->reg + at, (val & 0x030707f0) | VERSION, 4);
}

static void write_rcr(Rtl8139 *s, unsigned at, uint32_t val)
{
    store_le(s->reg + at, val & 0x0f03ffbf, 4);
    nic_flush(&s->nic);
}

static void write_mpc(Rtl8139 *s, unsigned at, uint32_t val)
{
    (void)val;                          /* 6.x: writing anything clears it */
    store_le(s->reg + at, 0, 4);
}

static void write_9346(Rtl8139 *s, unsigned at, uint32_t val)
{
    s->reg[at] = (uint8_t)(val & 0xce);
    eeprom_drive(&s->eeprom, val & EE_CS, val & EE_SK, val & EE_DI);
}

static uint32_t read_9346(Rtl8139 *s, unsigned at)
{
    return s->reg[at] | (eeprom_out(&s->eeprom) ? EE_DO : 0);
}

/* 6.x: the address and the configuration can be written in this mode only. */
static void write_locked(Rtl8139 *s, unsigned at, uint32_t val)
{
    if ((s->reg[CR9346] & EE_UNLOCKED) == EE_UNLOCKED) {
        s->reg[at] = (uint8_t)val;
    } else {
        log_guest("rtl8139", "write 0x%x to register 0x%x, which is locked", val, at);
    }
}

static uint32_t read_msr(Rtl8139 *s, unsigned at)
{
    return s->reg[at] | (mii_link_up(&s->phy) ? 0 : MSR_LINKB);
}

/* TSAD: OWN and TOK of all four in one place. */
static uint32_t read_tsad(Rtl8139 *s, unsigned at)
{
    uint32_t val = 0;

    (void)at;
    for (unsigned n = 0; n < NUM_TX; n++) {
        uint32_t tsd = get(s, TSD0 + 4 * n, 4);

        val |= (tsd & TSD_OWN ? 1u << n : 0) | (tsd & TSD_TOK ? 0x1000u << n : 0);
    }
    return val;
}

static unsigned phy_reg(unsigned at)
{
    static const uint8_t number[] = { MII_CONTROL, MII_STATUS, MII_ADVERTISE, MII_PARTNER,
                                      MII_EXPANSION };

    return number[(at - BMCR) / 2 % sizeof(number)];
}

static uint32_t read_phy(Rtl8139 *s, unsigned at)
{
    return mii_read(&s->phy, phy_reg(at));
}

static void write_phy(Rtl8139 *s, unsigned at, uint32_t val)
{
    mii_write(&s->phy, &phy_type, phy_reg(at), (uint16_t)val);
}

/* Without hooks: stored as written, under wmask. */
typedef struct Reg {
    const char *name;
    uint8_t at, size;
    uint32_t wmask;
    uint32_t (*read)(Rtl8139 *s, unsigned at);
    void (*write)(Rtl8139 *s, unsigned at, uint32_t val);
} Reg;

/* clang-format off */
static const Reg regs[] = {
    { "IDR0", 0x00, 1, 0, NULL, write_locked }, { "IDR1", 0x01, 1, 0, NULL, write_locked },
    { "IDR2", 0x02, 1, 0, NULL, write_locked }, { "IDR3", 0x03, 1, 0, NULL, write_locked },
    { "IDR4", 0x04, 1, 0, NULL, write_locked }, { "IDR5", 0x05, 1, 0, NULL, write_locked },
    { "reserved", 0x06, 2, 0,          NULL,      NULL },
    { "MAR0",     0x08, 4, 0xffffffff, NULL,      NULL },
    { "MAR4",     0x0c, 4, 0xffffffff, NULL,      NULL },
    { "TSD0",     0x10, 4, 0,          NULL,      write_tsd },
    { "TSD1",     0x14, 4, 0,          NULL,      write_tsd },
    { "TSD2",     0x18, 4, 0,          NULL,      write_tsd },
    { "TSD3",     0x1c, 4, 0,          NULL,      write_tsd },
    { "TSAD0",    0x20, 4, 0xffffffff, NULL,      NULL },
    { "TSAD1",    0x24, 4, 0xffffffff, NULL,      NULL },
    { "TSAD2",    0x28, 4, 0xffffffff, NULL,      NULL },
    { "TSAD3",    0x2c, 4, 0xffffffff, NULL,      NULL },
    { "RBSTART",  0x30, 4, 0xffffffff, NULL,      NULL },
    { "ERBCR",    0x34, 2, 0,          NULL,      NULL },
    { "ERSR",     0x36, 1, 0,          NULL,      NULL },
    { "CR",       0x37, 1, 0,          read_cr,   write_cr },
    { "CAPR",     0x38, 2, 0,          NULL,      write_capr },
    { "CBR",      0x3a, 2, 0,          read_cbr,  NULL },
    { "IMR",      0x3c, 2, 0,          NULL,      write_imr },
    { "ISR",      0x3e, 2, 0,          NULL,      write_isr },
    { "TCR",      0x40, 4, 0,          NULL,      write_tcr },
    { "RCR",      0x44, 4, 0,          NULL,      write_rcr },
    { "TCTR",     0x48, 4, 0,          NULL,      NULL },
    { "MPC",      0x4c, 4, 0,          NULL,      write_mpc },
    { "9346CR",   0x50, 1, 0,          read_9346, write_9346 },
    { "CONFIG0",  0x51, 1, 0,          NULL,      NULL },
    { "CONFIG1",  0x52, 1, 0,          NULL,      write_locked },
    { "TimerInt", 0x54, 4, 0,          NULL,      NULL },
    { "MSR",      0x58, 1, 0xc0,       read_msr,  NULL },
    { "CONFIG3",  0x59, 1, 0,          NULL,      write_locked },
    { "CONFIG4",  0x5a, 1, 0,          NULL,      write_locked },
    { "HLTCLK",   0x5b, 1, 0xff,       NULL,      NULL },
    { "MULINT",   0x5c, 2, 0x0fff,     NULL,      NULL },
    { "RERID",    0x5e, 1, 0,          NULL,      NULL },
    { "TSAD",     0x60, 2, 0,          read_tsad, NULL },
    { "BMCR",     0x62, 2, 0,          read_phy,  write_phy },
    { "BMSR",     0x64, 2, 0,          read_phy,  NULL },
    { "ANAR",     0x66, 2, 0,          read_phy,  write_phy },
    { "ANLPAR",   0x68, 2, 0,          read_phy,  NULL },
    { "ANER",     0x6a, 2, 0,          read_phy,  NULL },
    { "DIS",      0x6c, 2, 0,          NULL,      NULL },
    { "FCSC",     0x6e, 2, 0,          NULL,      NULL },
    { "NWAYTR",   0x70, 2, 0x00ff,     NULL,      NULL },
    { "REC",      0x72, 2, 0,          NULL,      NULL },
    { "CSCR",     0x74, 2, 0xffff,     NULL,      NULL },
    { "PHY1_PARM", 0x78, 4, 0xffffffff, NULL,     NULL },
    { "TW_PARM",  0x7c, 4, 0xffffffff, NULL,      NULL },
    { "CONFIG5",  0xd8, 1, 0xff,       NULL,      NULL },
};
/* clang-format on */

static const Reg *find_reg(unsigned at)
{
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        if (at >= regs[i].at && at < (unsigned)regs[i].at + regs[i].size) {
            return &regs[i];
        }
    }
    return NULL;
}

static uint32_t read_one(Rtl8139 *s, const Reg *r)
{
    return r->read ? r->read(s, r->at) : get(s, r->at, r->size);
}

/* lanes: a mask of the bytes that are written. */
static void write_one(Rtl8139 *s, const Reg *r, uint32_t val, uint32_t lanes)
{
    uint32_t old = get(s, r->at, r->size);

    if (r->write) {                     /* ISR: what is not written stays */
        r->write(s, r->at, r->at == ISR ? val & lanes : (val & lanes) | (old & ~lanes));
    } else if (r->wmask) {
        lanes &= r->wmask;
        store_le(s->reg + r->at, (val & lanes) | (old & ~lanes), r->size);
    } else if (val & lanes) {
        log_guest("rtl8139", "write 0x%x to %s, which is read only", val, r->name);
    }
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    Rtl8139 *s = opaque;
    uint64_t val = 0;

    for (unsigned done = 0; done < size;) {
        unsigned at = (unsigned)offset + done;
        const Reg *r = find_reg(at);
        unsigned skip = r ? at - r->at : 0, len = r ? MIN(r->size - skip, size - done) : 1;
        uint64_t part = r ? read_one(s, r) >> (8 * skip) : 0;

        val |= bits64(part, (int)(8 * len - 1), 0) << (8 * done);
        done += len;
    }
    return val;
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        unsigned at = (unsigned)offset + done;
        const Reg *r = find_reg(at);
        unsigned skip = r ? at - r->at : 0, len = r ? MIN(r->size - skip, size - done) : 1;
        uint32_t lanes = (uint32_t)(bits64(~0ull, (int)(8 * len - 1), 0) << (8 * skip));

        if (r) {
            write_one(opaque, r, (uint32_t)(val >> (8 * done) << (8 * skip)), lanes);
        } else {
            log_unimp("rtl8139", "register 0x%x", at);
        }
        done += len;
    }
}

static const MemoryRegionOps port_ops = {
    .read = port_read, .write = port_write, .min = 1, .max = 4,
};

/* -- The type ---------------------------------------------------------------- */

static void link_changed(void *opaque)
{
    Rtl8139 *s = opaque;
    bool was_up = mii_link_up(&s->phy);

    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    if (was_up != mii_link_up(&s->phy)) {
        interrupt(s, INT_LINK);
    }
}

static void describe(void *opaque, char *text, size_t room)
{
    nic_describe(&((Rtl8139 *)opaque)->nic, opaque, text, room);
}

static const NetOps net_ops_of_rtl8139 = {
    .type         = "nic",
    .is_nic       = true,
    .can_receive  = can_receive,
    .receive      = receive,
    .link_changed = link_changed,
    .describe     = describe,
};

/* Chapter 5, contents of the 93C46. */
static int rtl8139_realize(Device *d, Error *err)
{
    Rtl8139 *s = (Rtl8139 *)d;
    int ret = nic_realize(&s->nic, d, &net_ops_of_rtl8139, err);

    s->eeprom.word[0] = 0x8129;
    s->eeprom.word[1] = s->eeprom.word[3] = 0x10ec;
    s->eeprom.word[2] = s->eeprom.word[4] = 0x8139;
    for (unsigned i = 0; i < 3; i++) {
        s->eeprom.word[7 + i] = (uint16_t)load_le(s->nic.mac + 2 * i, 2);
    }
    return ret;
}

static void rtl8139_reset(Device *d)
{
    Rtl8139 *s = (Rtl8139 *)d;

    pci_reset_common(&s->pci);
    memset(s->reg, 0, sizeof(s->reg));
    memcpy(s->reg + IDR0, s->nic.mac, 6);
    s->reg[CONFIG1] = 0x0c;             /* memory and I/O are mapped */
    s->reg[0x5e] = 0x10;
    eeprom_reset(&s->eeprom);
    mii_reset(&s->phy, &phy_type);
    mii_set_cable(&s->phy, nic_link_up(&s->nic));
    s->phy.link_was_lost = 0;
    reset_transceivers(s);
}

static int rtl8139_post_load(Device *d, Error *err)
{
    Rtl8139 *s = (Rtl8139 *)d;
    int ret = pci_post_load(&s->pci, err);

    if (ret == 0 && s->next_tx >= NUM_TX) {
        ret = error_set(err, EINVAL, "rtl8139: snapshot has an impossible descriptor");
    }
    if (ret == 0) {
        update_irq(s);
        nic_flush(&s->nic);
    }
    return ret;
}

static void rtl8139_free(Device *d)
{
    nic_free(&((Rtl8139 *)d)->nic);
}

static const PCIDeviceOps rtl8139_pci_ops = {
    .vendor = 0x10ec, .device = 0x8139, .class = 0x0200, .revision = 0x10, .irq_pin = 1,
};

static const WindowDef rtl8139_windows[] = {
    { "ports",  true,  NUM_PORTS, NULL, &port_ops },
    { "memory", false, NUM_PORTS, NULL, &port_ops },
    { .name = NULL }
};

static const PropDef rtl8139_props[] = {
    NIC_PROPS(Rtl8139, nic),
    { .name = NULL }
};

static const VMField rtl8139_vmstate[] = {
    VM_PCI_DEVICE(Rtl8139, pci),
    VM_ARRAY(Rtl8139, reg),
    VM_FIELD(Rtl8139, next_tx),
    VM_FIELD(Rtl8139, unseen),
    VM_STRUCTS(Rtl8139, phy, 1, mii_vmstate),
    VM_STRUCTS(Rtl8139, eeprom, 1, eeprom_vmstate),
    VM_END
};

const DeviceType rtl8139_type = {
    .name           = "rtl8139",
    .desc           = "Realtek RTL8139C Ethernet",
    .manual         = "Realtek RTL8139C rev. 1.4",
    .bus            = "pci",
    .state_size     = sizeof(Rtl8139),
    .windows        = rtl8139_windows,
    .props          = rtl8139_props,
    .vmstate        = rtl8139_vmstate,
    .user_creatable = true,
    .realize        = rtl8139_realize,
    .reset          = rtl8139_reset,
    .post_load      = rtl8139_post_load,
    .free           = rtl8139_free,
    .bus_ops        = &rtl8139_pci_ops,
};
