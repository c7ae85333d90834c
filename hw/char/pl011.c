/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL011 UART (ARM DDI 0183).
 *
 *      guest --UARTDR--> chr_write()        CR.LBE: transmitter --> receiver
 *      guest <--UARTDR-- FIFO (16, or 1) <-- receive()
 *                          '--> RIS --& IMSC--> MIS --or--> UARTINTR
 *
 * Characters leave at once: the transmit FIFO is always empty, so output is as
 * fast as the guest can write.  The baud rate matters for one thing only, the
 * receive time-out.  Reception is paced by can_receive(): never more than the
 * FIFO can take.
 *
 * CR.TXE and CR.RXE are obeyed, UARTEN is not: programs for this chip's boards
 * find the UART enabled by the boot monitor, which is not there.
 *
 * Not modelled: IrDA (UARTILPR is stored), DMA requests (UARTDMACR is stored),
 * hardware flow control (the other end is always ready), parity and framing of
 * the line (the back end is told them), and the integration test registers.
 */
#include "hw/char/pl011.h"

#include <errno.h>

#include "char/char.h"
#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

/* 3.3.1, UARTDR: with each character; in UARTRSR from bit 0. */
enum { DR_FE = 0x100, DR_PE = 0x200, DR_BE = 0x400, DR_OE = 0x800, RSR_SHIFT = 8 };
/* 3.3.3, UARTFR */
enum { FR_CTS = 0x001, FR_DSR = 0x002, FR_DCD = 0x004, FR_RXFE = 0x010, FR_RXFF = 0x040,
       FR_TXFE = 0x080, FR_RI = 0x100 };
/* 3.3.7, UARTLCR_H */
enum { LCR_BRK = 0x01, LCR_PEN = 0x02, LCR_EPS = 0x04, LCR_STP2 = 0x08, LCR_FEN = 0x10,
       LCR_WLEN = 0x60 };
/* 3.3.8, UARTCR */
enum { CR_LBE = 0x0080, CR_TXE = 0x0100, CR_RXE = 0x0200, CR_DTR = 0x0400,
       CR_RTS = 0x0800, CR_OUT1 = 0x1000, CR_OUT2 = 0x2000, CR_BITS = 0xff87,
       CR_RESET = CR_RXE | CR_TXE };
enum { IFLS_RESET = 0x12, IFLS_BITS = 0x3f };
/* 3.3.10, UARTIMSC and the others */
enum { INT_RI = 0x001, INT_CTS = 0x002, INT_DCD = 0x004, INT_DSR = 0x008, INT_RX = 0x010,
       INT_TX = 0x020, INT_RT = 0x040, INT_FE = 0x080, INT_PE = 0x100, INT_BE = 0x200,
       INT_OE = 0x400, INT_BITS = 0x7ff };

enum { FIFO_SIZE = 16 };

typedef struct Pl011 {
    Device dev;
    CharDriverState *chr;
    uint32_t clock;
    Timer timeout;                      /* no character for 32 bit periods */
    uint32_t ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, dmacr;
    uint32_t ris;
    uint32_t rsr;                       /* errors of the last character read */
    uint32_t modem;                     /* FR bits of the lines as last seen */
    uint32_t line;                      /* FR bits at the connector */
    uint8_t overrun;
    uint8_t count, head;                /* of the receive FIFO */
    uint16_t fifo[FIFO_SIZE];           /* character and DR_xE */
} Pl011;

static bool fifos(const Pl011 *s)
{
    return s->lcr_h & LCR_FEN;
}

static unsigned capacity(const Pl011 *s)
{
    return fifos(s) ? FIFO_SIZE : 1;
}

static void update_irq(Pl011 *s)
{
    qemu_set_irq(s->dev.irq[0], (s->ris & s->imsc) != 0);
}

/* -- Receiver ---------------------------------------------------------------- */

/* 3.3.9, UARTIFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of 16. */
static unsigned rx_trigger(const Pl011 *s)
{
    static const uint8_t levels[8] = { 2, 4, 8, 12, 14, 14, 14, 14 };

    return fifos(s) ? levels[bits(s->ifls, 5, 3)] : 1;
}

/* 3.3.5: a bit takes 16 * (IBRD + FBRD / 64) cycles of UARTCLK. */
static int64_t bits_ns(const Pl011 *s, int num)
{
    int64_t divisor = (int64_t)s->ibrd * 64 + s->fbrd;

    return muldiv64(num * 16 * MAX(divisor, 64), NS_PER_SEC, 64ll * s->clock);
}

static void timeout_due(void *opaque)
{
    Pl011 *s = opaque;

    s->ris |= INT_RT;
    update_irq(s);
}

/* 2.8.4: an overrun keeps what is in the FIFO. */
static void put_char(Pl011 *s, uint16_t ch)
{
    if (s->count >= capacity(s)) {
        s->overrun = 1;
        s->ris |= INT_OE;
        return;
    }
    s->fifo[(s->head + s->count++) % FIFO_SIZE] = ch;
    s->overrun = 0;
    s->ris |= ch & DR_BE ? INT_BE : 0;
    if (s->count >= rx_trigger(s)) {
        s->ris |= INT_RX;
    }
}

/* 2.8.3: "no more data is received during a 32-bit period". */
static void chars_came(Pl011 *s)
{
    timer_set(&s->timeout, clock_now(s->dev.clock) + bits_ns(s, 32));
    update_irq(s);
}

/* Five bits, the reset value, is what a UART has that nobody has set up:
 * programs that count on a boot monitor for it are understood, too. */
static uint8_t char_mask(const Pl011 *s)
{
    unsigned wlen = bits(s->lcr_h, 6, 5);

    return wlen ? (uint8_t)(0xff >> (3 - wlen)) : 0xff;
}

/* RX goes when the FIFO is below its trigger level, RT when it is empty. */
static uint32_t read_dr(Device *d)
{
    Pl011 *s = (Pl011 *)d;
    uint32_t val = s->fifo[s->head];

    if (s->count) {
        s->count--;
        s->head = (uint8_t)((s->head + 1) % FIFO_SIZE);
    }
    val |= s->overrun ? DR_OE : 0;
    s->rsr = val >> RSR_SHIFT;
    if (s->count < rx_trigger(s)) {
        s->ris &= ~(uint32_t)INT_RX;
    }
    if (s->count == 0) {
        s->ris &= ~(uint32_t)INT_RT;
        timer_cancel(&s->timeout);
    }
    update_irq(s);
    if (!(s->cr & CR_LBE)) {
        chr_accept_input(s->chr);
    }
    return val;
}

static int can_receive(void *opaque)
{
    Pl011 *s = opaque;

    return s->cr & CR_LBE || !(s->cr & CR_RXE) ? 0 : (int)(capacity(s) - s->count);
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    Pl011 *s = opaque;

    for (size_t i = 0; i < len; i++) {
        put_char(s, buf[i] & char_mask(s));
    }
    chars_came(s);
}

/* -- Transmitter ------------------------------------------------------------- */

/* 2.8.2: interrupts when the level falls through the trigger level, as it does
 * whenever a character has left. */
static void write_dr(Device *d, uint32_t val)
{
    Pl011 *s = (Pl011 *)d;
    uint8_t ch = (uint8_t)val & char_mask(s);

    if (!(s->cr & CR_TXE)) {
        log_guest("pl011", "character 0x%02x, the transmitter is off", ch);
        return;
    }
    if (!(s->cr & CR_LBE)) {
        chr_write(s->chr, &ch, 1);
    } else if (s->cr & CR_RXE) {
        put_char(s, ch);
        chars_came(s);
    }
    s->ris |= INT_TX;
    update_irq(s);
}

/* -- Modem lines ------------------------------------------------------------- */

/* 3.3.8: with LBE, DTR, RTS, Out1, Out2 come back as DSR, CTS, DCD, RI. */
static uint32_t lines_now(const Pl011 *s)
{
    if (!(s->cr & CR_LBE)) {
        return s->line;
    }
    return (s->cr & CR_DTR ? FR_DSR : 0) | (s->cr & CR_RTS ? FR_CTS : 0) |
           (s->cr & CR_OUT1 ? FR_DCD : 0) | (s->cr & CR_OUT2 ? FR_RI : 0);
}

static void update_lines(Pl011 *s)
{
    uint32_t changed = s->modem ^ lines_now(s);

    s->modem ^= changed;
    s->ris |= (changed & FR_RI ? INT_RI : 0) | (changed & FR_CTS ? INT_CTS : 0) |
              (changed & FR_DCD ? INT_DCD : 0) | (changed & FR_DSR ? INT_DSR : 0);
    update_irq(s);
}

static void chr_happened(void *opaque, ChrEvent e)
{
    Pl011 *s = opaque;

    if (e == CHR_EVENT_OPENED) {
        s->line |= FR_DCD;
    } else if (e == CHR_EVENT_CLOSED) {
        s->line &= ~(uint32_t)FR_DCD;
    } else if (e == CHR_EVENT_BREAK && !(s->cr & CR_LBE) && (s->cr & CR_RXE)) {
        put_char(s, DR_BE);
        chars_came(s);
    }
    update_lines(s);
}

static const ChrHandlers chr_handlers = { can_receive, receive, chr_happened };

static void tell_line(Pl011 *s)
{
    int64_t divisor = (int64_t)s->ibrd * 64 + s->fbrd;
    ChrLine line = {
        .speed = (int)(4ll * s->clock / MAX(divisor, 64)),
        .data_bits = 5 + (int)bits(s->lcr_h, 6, 5),
        .stop_bits = s->lcr_h & LCR_STP2 ? 2 : 1,
        .parity = s->lcr_h & LCR_PEN ? s->lcr_h & LCR_EPS ? 'E' : 'O' : 'N',
    };

    if (s->chr) {
        chr_ioctl(s->chr, CHR_SET_LINE, &line);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void clear_rx(Pl011 *s)
{
    s->count = s->head = s->overrun = 0;
    memset(s->fifo, 0, sizeof(s->fifo));
    timer_cancel(&s->timeout);
}

static uint32_t read_rsr(Device *d)
{
    const Pl011 *s = (const Pl011 *)d;

    return s->rsr | (s->overrun ? DR_OE >> RSR_SHIFT : 0);
}

/* 3.3.2: "a write to this register clears the framing, parity, break, and
 * overrun errors", whatever is written. */
static void write_ecr(Device *d, uint32_t val)
{
    Pl011 *s = (Pl011 *)d;

    (void)val;
    s->rsr = 0;
    s->overrun = 0;
}

static uint32_t read_fr(Device *d)
{
    const Pl011 *s = (const Pl011 *)d;

    return s->modem | FR_TXFE | (s->count ? 0 : FR_RXFE) |
           (s->count >= capacity(s) ? FR_RXFF : 0);
}

static void send_break(Pl011 *s, bool on)
{
    int arg = on;

    if (!(s->cr & CR_LBE) && s->chr) {
        chr_ioctl(s->chr, CHR_SET_BREAK, &arg);
    } else if ((s->cr & CR_LBE) && on) {
        put_char(s, DR_BE);
        chars_came(s);
    }
}

/* 3.3.7: it also makes the baud rate written before effective.  FEN flushes. */
static void write_lcr_h(Device *d, uint32_t val)
{
    Pl011 *s = (Pl011 *)d;
    uint32_t changed = s->lcr_h ^ val;

    s->lcr_h = val;
    if (changed & LCR_FEN) {
        clear_rx(s);
        s->ris &= ~(uint32_t)(INT_RX | INT_RT);
    }
    if (changed & LCR_BRK) {
        send_break(s, val & LCR_BRK);
    }
    tell_line(s);
    update_irq(s);
    chr_accept_input(s->chr);
}

static uint32_t read_lcr_h(Device *d)
{
    return ((Pl011 *)d)->lcr_h;
}

static void write_cr(Device *d, uint32_t val)
{
    Pl011 *s = (Pl011 *)d;

    (void)val;
    update_lines(s);
    chr_accept_input(s->chr);
}

static void write_imsc(Device *d, uint32_t val)
{
    (void)val;
    update_irq((Pl011 *)d);
}

static uint32_t read_mis(Device *d)
{
    return ((Pl011 *)d)->ris & ((Pl011 *)d)->imsc;
}

static void write_icr(Device *d, uint32_t val)
{
    ((Pl011 *)d)->ris &= ~val;
    update_irq((Pl011 *)d);
}

/* clang-format off */
#define AT(m) offsetof(Pl011, m)
#define VIRT REG_VIRTUAL
/* Table 3-1, register summary. */
static const RegDef pl011_regs[] = {
    { "UARTDR",    0x00, VIRT,      REG_RW, 0,          0xff,      read_dr,    write_dr },
    { "UARTRSR",   0x04, VIRT,      REG_RW, 0,          0xff,      read_rsr,   write_ecr },
    { "UARTFR",    0x18, VIRT,      REG_R,  0,          0,         read_fr,    NULL },
    { "UARTILPR",  0x20, AT(ilpr),  REG_RW, 0,          0xff,      NULL,       NULL },
    { "UARTIBRD",  0x24, AT(ibrd),  REG_RW, 0,          0xffff,    NULL,       NULL },
    { "UARTFBRD",  0x28, AT(fbrd),  REG_RW, 0,          0x3f,      NULL,       NULL },
    { "UARTLCR_H", 0x2c, VIRT,      REG_RW, 0,          0xff,      read_lcr_h, write_lcr_h },
    { "UARTCR",    0x30, AT(cr),    REG_RW, CR_RESET,   CR_BITS,   NULL,       write_cr },
    { "UARTIFLS",  0x34, AT(ifls),  REG_RW, IFLS_RESET, IFLS_BITS, NULL,       NULL },
    { "UARTIMSC",  0x38, AT(imsc),  REG_RW, 0,          INT_BITS,  NULL,       write_imsc },
    { "UARTRIS",   0x3c, AT(ris),   REG_R,  0,          0,         NULL,       NULL },
    { "UARTMIS",   0x40, VIRT,      REG_R,  0,          0,         read_mis,   NULL },
    { "UARTICR",   0x44, VIRT,      REG_W,  0,          INT_BITS,  NULL,       write_icr },
    { "UARTDMACR", 0x48, AT(dmacr), REG_RW, 0,          0x07,      NULL,       NULL },
    PRIMECELL_ID_REGS(0x11, 0x10, 0x14, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void pl011_init(Device *d)
{
    Pl011 *s = (Pl011 *)d;

    timer_init(d->clock, &s->timeout, timeout_due, s);
    s->line = FR_CTS | FR_DSR | FR_DCD;
}

static int pl011_realize(Device *d, Error *err)
{
    Pl011 *s = (Pl011 *)d;

    if (s->clock == 0) {
        return error_set(err, EINVAL, "pl011: clock must not be 0");
    }
    chr_add_handlers(s->chr, &chr_handlers, s);
    return 0;
}

static void pl011_reset(Device *d)
{
    Pl011 *s = (Pl011 *)d;

    s->lcr_h = s->rsr = 0;
    clear_rx(s);
    s->timeout.deadline = 0;
    s->modem = s->line;
    update_irq(s);
}

static int pl011_post_load(Device *d, Error *err)
{
    Pl011 *s = (Pl011 *)d;

    if (s->count > capacity(s) || s->head >= FIFO_SIZE) {
        return error_set(err, EINVAL, "pl011: snapshot has an impossible FIFO");
    }
    s->ibrd &= 0xffff;
    s->fbrd &= 0x3f;
    s->lcr_h &= 0xff;
    s->modem &= FR_CTS | FR_DSR | FR_DCD | FR_RI;
    update_irq(s);
    tell_line(s);
    return 0;
}

static void pl011_free(Device *d)
{
    timer_cancel(&((Pl011 *)d)->timeout);
}

static const WindowDef pl011_windows[] = {
    { "uart", false, PRIMECELL_SIZE, pl011_regs, NULL },
    { .name = NULL }
};

static const PropDef pl011_props[] = {
    { "chardev", PROP_CHAR, AT(chr),   0, "the other end" },
    { "clock",   PROP_U32,  AT(clock), 24000000, "UARTCLK in Hz" },
    { .name = NULL }
};

static const VMField pl011_vmstate[] = {
    VM_TIMER(Pl011, timeout),
    VM_FIELD(Pl011, ilpr),
    VM_FIELD(Pl011, ibrd),
    VM_FIELD(Pl011, fbrd),
    VM_FIELD(Pl011, lcr_h),
    VM_FIELD(Pl011, cr),
    VM_FIELD(Pl011, ifls),
    VM_FIELD(Pl011, imsc),
    VM_FIELD(Pl011, dmacr),
    VM_FIELD(Pl011, ris),
    VM_FIELD(Pl011, rsr),
    VM_FIELD(Pl011, modem),
    VM_FIELD(Pl011, overrun),
    VM_FIELD(Pl011, count),
    VM_FIELD(Pl011, head),
    VM_ARRAY(Pl011, fifo),
    VM_END
};

const DeviceType pl011_type = {
    .name       = "pl011",
    .desc       = "UART",
    .manual     = "ARM DDI 0183",
    .bus        = "sys",
    .state_size = sizeof(Pl011),
    .windows    = pl011_windows,
    .props      = pl011_props,
    .vmstate    = pl011_vmstate,
    .num_irqs   = 1,
    .init       = pl011_init,
    .realize    = pl011_realize,
    .reset      = pl011_reset,
    .post_load  = pl011_post_load,
    .free       = pl011_free,
};
