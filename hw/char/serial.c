/* SPDX-License-Identifier: MIT */
/*
 * National Semiconductor PC16550D UART with FIFOs (TL/C/8652, 1995).
 *
 *      guest --THR--> chr_write()        MCR.LOOP: THR --> receiver
 *      guest <--RBR-- FIFO (16, or 1) <-- receive()
 *                       '--> LSR --> IIR --> INTR & OUT2 --> wire
 *
 * Characters leave at once: the transmitter is empty again when the write to
 * THR is over, so output is as fast as the guest can write.  The baud rate
 * matters for one thing only, the receiver time-out.  Reception is paced by
 * can_receive(): never more than the FIFO can take.
 *
 * Not modelled: DMA signalling (RXRDY, TXRDY), parity and framing of the line
 * (the back end is told them).
 */
#include "hw/char/serial.h"

#include <errno.h>

#include "char/char.h"
#include "util/bits.h"

enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR };
enum { IER_RDA = 0x01, IER_THRE = 0x02, IER_RLS = 0x04, IER_MS = 0x08,
       IER_BITS = 0x0f };
/* Table IV: interrupt identification, in order of priority. */
enum { IIR_RLS = 0x06, IIR_RDA = 0x04, IIR_TIMEOUT = 0x0c, IIR_THRE = 0x02,
       IIR_MS = 0x00, IIR_NONE = 0x01, IIR_FIFOS = 0xc0 };
enum { FCR_ENABLE = 0x01, FCR_RX_RESET = 0x02, FCR_KEPT = 0xc9 };
enum { LCR_WLS = 0x03, LCR_STB = 0x04, LCR_PEN = 0x08, LCR_EPS = 0x10,
       LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08,
       MCR_LOOP = 0x10, MCR_BITS = 0x1f };
enum { LSR_DR = 0x01, LSR_OE = 0x02, LSR_PE = 0x04, LSR_FE = 0x08, LSR_BI = 0x10,
       LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERR = 0x80,
       LSR_PER_CHAR = LSR_PE | LSR_FE | LSR_BI };
enum { MSR_TERI = 0x04, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40,
       MSR_DCD = 0x80 };

enum { FIFO_SIZE = 16 };

typedef struct Serial {
    Device dev;
    CharDriverState *chr;
    uint32_t baudbase;
    Timer timeout;                      /* "FIFO timeout interrupt" */
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t msr;                        /* lines now, and delta bits */
    uint8_t line;                       /* MSR lines at the connector */
    uint8_t overrun, line_error;        /* OE; a PE, FE, BI not read yet */
    uint8_t thre_pending, timed_out;
    uint16_t divisor;
    uint8_t count, head;                /* of the receive FIFO */
    uint8_t data[FIFO_SIZE], errors[FIFO_SIZE];
} Serial;

static bool fifos(const Serial *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned capacity(const Serial *s)
{
    return fifos(s) ? FIFO_SIZE : 1;
}

/* -- Interrupts -------------------------------------------------------------- */

static bool rx_triggered(const Serial *s)
{
    static const uint8_t levels[4] = { 1, 4, 8, 14 };

    return s->count >= (fifos(s) ? levels[s->fcr >> 6] : 1);
}

static uint8_t identify(const Serial *s)
{
    if ((s->ier & IER_RLS) && (s->overrun || s->line_error)) {
        return IIR_RLS;
    }
    if ((s->ier & IER_RDA) && rx_triggered(s)) {
        return IIR_RDA;
    }
    if ((s->ier & IER_RDA) && s->timed_out) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_THRE) && s->thre_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_MS) && (s->msr & 0x0f)) {
        return IIR_MS;
    }
    return IIR_NONE;
}

static void update_irq(Serial *s)
{
    qemu_set_irq(s->dev.irq[0],
                 identify(s) != IIR_NONE && (s->mcr & MCR_OUT2));
}

/* Five bits, the reset value, is what a UART has that nobody has set up:
 * boot sectors that count on somebody for it are understood, too. */
static uint8_t char_mask(const Serial *s)
{
    unsigned wls = s->lcr & LCR_WLS;

    return wls ? (uint8_t)(0xff >> (3 - wls)) : 0xff;
}

/* A start bit, data, parity, stop bits; ns. */
static int64_t char_time(const Serial *s)
{
    int bits_num = 1 + 5 + (s->lcr & LCR_WLS) + !!(s->lcr & LCR_PEN) +
                   1 + !!(s->lcr & LCR_STB);
    uint32_t divisor = s->divisor ? s->divisor : 65536;

    return muldiv64((int64_t)bits_num * divisor, NS_PER_SEC, s->baudbase);
}

/*
 * "FIFO Interrupt Mode Operation": four character times without a character
 * coming or being read, while there is one.  Reading ends the interrupt, one
 * more character does not.
 */
static void restart_timeout(Serial *s)
{
    s->timed_out = 0;
    if (fifos(s) && s->count) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + 4 * char_time(s));
    } else {
        timer_cancel(&s->timeout);
    }
}

static void char_came(Serial *s)
{
    if (!s->timed_out) {
        restart_timeout(s);
    }
    update_irq(s);
}

static void timeout_due(void *opaque)
{
    Serial *s = opaque;

    s->timed_out = 1;
    update_irq(s);
}

/* -- Receiver ---------------------------------------------------------------- */

/* An error is reported when its character comes to the top of the FIFO. */
static void look_at_top(Serial *s)
{
    if (s->count && s->errors[s->head]) {
        s->line_error |= s->errors[s->head];
        s->errors[s->head] = 0;
    }
}

static void put_char(Serial *s, uint8_t ch, uint8_t error)
{
    unsigned i = (s->head + s->count) % FIFO_SIZE;

    if (s->count >= capacity(s)) {
        s->overrun = 1;
        if (fifos(s)) {
            return;                     /* "the FIFO is not overwritten" */
        }
        i = s->head;                    /* without: the new one replaces it */
        s->count = 0;
    }
    s->data[i] = ch & char_mask(s);
    s->errors[i] = error;
    s->count++;
    look_at_top(s);
}

static void clear_rx(Serial *s)
{
    s->count = 0;
    s->head = 0;
    s->line_error = 0;
    restart_timeout(s);
}

static uint8_t read_rbr(Serial *s)
{
    uint8_t ch = s->data[s->head];

    if (s->count) {
        s->count--;
        s->head = (s->head + (fifos(s) ? 1 : 0)) % FIFO_SIZE;
        look_at_top(s);
    }
    restart_timeout(s);
    update_irq(s);
    if (!(s->mcr & MCR_LOOP)) {
        chr_accept_input(s->chr);
    }
    return ch;
}

static int can_receive(void *opaque)
{
    Serial *s = opaque;

    return s->mcr & MCR_LOOP ? 0 : (int)(capacity(s) - s->count);
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    Serial *s = opaque;

    for (size_t i = 0; i < len; i++) {
        put_char(s, buf[i], 0);
    }
    char_came(s);
}

/* -- Transmitter ------------------------------------------------------------- */

/* INTR falls while the character is on its way, so that an edge triggered
 * controller sees each end of it. */
static void write_thr(Serial *s, uint8_t ch)
{
    s->thre_pending = 0;
    update_irq(s);
    if (s->mcr & MCR_LOOP) {
        put_char(s, ch, 0);
        char_came(s);
    } else {
        ch &= char_mask(s);
        chr_write(s->chr, &ch, 1);
    }
    s->thre_pending = 1;
    update_irq(s);
}

/* -- Modem lines ------------------------------------------------------------- */

/* "Loopback": DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
static uint8_t lines_now(const Serial *s)
{
    if (!(s->mcr & MCR_LOOP)) {
        return s->line;
    }
    return (uint8_t)((s->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (s->mcr & MCR_RTS ? MSR_CTS : 0) |
                     (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
                     (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

/* Delta bits say "changed", but TERI only "RI went off". */
static void update_lines(Serial *s)
{
    uint8_t now = lines_now(s);
    uint8_t changed = (s->msr ^ now) & 0xf0;

    if (now & MSR_RI) {
        changed &= (uint8_t)~MSR_RI;
    }
    s->msr = now | (s->msr & 0x0f) | changed >> 4;
}

static void chr_happened(void *opaque, ChrEvent e)
{
    Serial *s = opaque;

    switch (e) {
    case CHR_EVENT_OPENED:
        s->line |= MSR_DCD;
        break;
    case CHR_EVENT_CLOSED:
        s->line &= (uint8_t)~MSR_DCD;
        break;
    case CHR_EVENT_BREAK:
        if (!(s->mcr & MCR_LOOP)) {
            put_char(s, 0, LSR_BI);
            char_came(s);
        }
        break;
    case CHR_EVENT_FOCUS:
        break;
    }
    update_lines(s);
    update_irq(s);
}

static const ChrHandlers chr_handlers = { can_receive, receive, chr_happened };

static void tell_line(Serial *s)
{
    ChrLine line = {
        .speed = (int)(s->baudbase / (s->divisor ? s->divisor : 65536)),
        .data_bits = 5 + (s->lcr & LCR_WLS),
        .stop_bits = s->lcr & LCR_STB ? 2 : 1,
        .parity = s->lcr & LCR_PEN ? s->lcr & LCR_EPS ? 'E' : 'O' : 'N',
    };

    if (s->chr) {
        chr_ioctl(s->chr, CHR_SET_LINE, &line);
    }
}

/* -- Registers --------------------------------------------------------------- */

/* Enabling the THRE interrupt while THR is empty, as it always is, gives one. */
static void write_ier(Serial *s, uint8_t val)
{
    val &= IER_BITS;
    if (!(s->ier & IER_THRE) && (val & IER_THRE)) {
        s->thre_pending = 1;
    }
    s->ier = val;
}

/* "FIFO Control Register": the other bits count only together with bit 0. */
static void write_fcr(Serial *s, uint8_t val)
{
    if ((val ^ s->fcr) & FCR_ENABLE) {
        clear_rx(s);
        s->fcr = 0;
    }
    if (!(val & FCR_ENABLE)) {
        return;
    }
    s->fcr = val & FCR_KEPT;
    if (val & FCR_RX_RESET) {
        clear_rx(s);
    }
}

static void write_lcr(Serial *s, uint8_t val)
{
    uint8_t changed = s->lcr ^ val;
    int on = !!(val & LCR_BREAK);

    s->lcr = val;
    if (changed & LCR_BREAK) {
        if (s->mcr & MCR_LOOP) {
            if (on) {
                put_char(s, 0, LSR_BI);
                char_came(s);
            }
        } else if (s->chr) {
            chr_ioctl(s->chr, CHR_SET_BREAK, &on);
        }
    }
    if (changed & (uint8_t)~(LCR_BREAK | LCR_DLAB)) {
        tell_line(s);
    }
}

static void write_divisor(Serial *s, unsigned shift, uint8_t val)
{
    s->divisor = (uint16_t)((s->divisor & ~(0xffu << shift)) |
                            (unsigned)val << shift);
    tell_line(s);
}

static void write_mcr(Serial *s, uint8_t val)
{
    bool was_loop = s->mcr & MCR_LOOP;

    s->mcr = val & MCR_BITS;
    update_lines(s);
    update_irq(s);
    if (was_loop && !(val & MCR_LOOP)) {
        chr_accept_input(s->chr);
    }
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val64, unsigned size)
{
    Serial *s = opaque;
    uint8_t val = (uint8_t)val64;
    bool dlab = s->lcr & LCR_DLAB;

    (void)size;
    switch (offset) {
    case RBR_THR_DLL:
        if (dlab) {
            write_divisor(s, 0, val);
        } else {
            write_thr(s, val);
        }
        break;
    case IER_DLM:
        if (dlab) {
            write_divisor(s, 8, val);
        } else {
            write_ier(s, val);
        }
        break;
    case IIR_FCR: write_fcr(s, val); break;
    case LCR:     write_lcr(s, val); break;
    case MCR:     write_mcr(s, val); break;
    case SCR:     s->scr = val; break;
    default:      break;                /* LSR, MSR: factory test, no effect */
    }
    update_irq(s);
}

/* Reading it clears the THRE interrupt, if that is what it shows. */
static uint8_t read_iir(Serial *s)
{
    uint8_t id = identify(s);

    if (id == IIR_THRE) {
        s->thre_pending = 0;
        update_irq(s);
    }
    return id | (fifos(s) ? IIR_FIFOS : 0);
}

/* Bit 7: an error somewhere in the FIFO. */
static uint8_t read_lsr(Serial *s)
{
    uint8_t val = LSR_THRE | LSR_TEMT | s->line_error |
                  (s->count ? LSR_DR : 0) | (s->overrun ? LSR_OE : 0);

    for (unsigned i = 0; fifos(s) && i < s->count; i++) {
        if (s->errors[(s->head + i) % FIFO_SIZE]) {
            val |= LSR_FIFO_ERR;
        }
    }
    if (fifos(s) && s->line_error) {
        val |= LSR_FIFO_ERR;
    }
    s->line_error = 0;
    s->overrun = 0;
    update_irq(s);
    return val;
}

static uint8_t read_msr(Serial *s)
{
    uint8_t val = s->msr;

    s->msr &= 0xf0;
    update_irq(s);
    return val;
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    Serial *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;

    (void)size;
    switch (offset) {
    case RBR_THR_DLL: return dlab ? s->divisor & 0xff : read_rbr(s);
    case IER_DLM:     return dlab ? s->divisor >> 8 : s->ier;
    case IIR_FCR:     return read_iir(s);
    case LCR:         return s->lcr;
    case MCR:         return s->mcr;
    case LSR:         return read_lsr(s);
    case MSR:         return read_msr(s);
    default:          return s->scr;
    }
}

static const MemoryRegionOps reg_ops = {
    .read = read_reg, .write = write_reg, .min = 1, .max = 1,
};

/* -- The type ---------------------------------------------------------------- */

static void serial_init(Device *d)
{
    Serial *s = (Serial *)d;

    timer_init(d->clock, &s->timeout, timeout_due, s);
    s->line = MSR_CTS | MSR_DSR | MSR_DCD;
}

static int serial_realize(Device *d, Error *err)
{
    Serial *s = (Serial *)d;

    if (!s->baudbase) {
        return error_set(err, EINVAL, "serial: baudbase must not be 0");
    }
    chr_add_handlers(s->chr, &chr_handlers, s);
    return 0;
}

/* Table I: register and signal status after master reset. */
static void serial_reset(Device *d)
{
    Serial *s = (Serial *)d;

    s->ier = s->fcr = s->lcr = s->mcr = s->scr = 0;
    s->overrun = s->thre_pending = 0;
    s->divisor = 12;                    /* not reset by the chip; 9600 baud */
    memset(s->data, 0, sizeof(s->data));
    memset(s->errors, 0, sizeof(s->errors));
    clear_rx(s);
    s->timeout.deadline = 0;
    s->msr = s->line;
    update_irq(s);
}

static int serial_post_load(Device *d, Error *err)
{
    Serial *s = (Serial *)d;

    s->fcr &= FCR_KEPT;
    if (s->count > capacity(s) || s->head >= FIFO_SIZE) {
        return error_set(err, EINVAL, "serial: snapshot has an impossible FIFO");
    }
    s->line_error &= LSR_PER_CHAR;
    update_irq(s);
    tell_line(s);
    return 0;
}

static void serial_free(Device *d)
{
    timer_cancel(&((Serial *)d)->timeout);
}

static const WindowDef serial_windows[] = {
    { "uart", true, 8, NULL, &reg_ops },
    { .name = NULL }
};

static const PropDef serial_props[] = {
    { "chardev",  PROP_CHAR, offsetof(Serial, chr),      0, "the other end" },
    { "baudbase", PROP_U32,  offsetof(Serial, baudbase), 115200,
      "baud rate at divisor 1" },
    { .name = NULL }
};

static const VMField serial_vmstate[] = {
    VM_FIELD(Serial, ier),
    VM_FIELD(Serial, fcr),
    VM_FIELD(Serial, lcr),
    VM_FIELD(Serial, mcr),
    VM_FIELD(Serial, scr),
    VM_FIELD(Serial, msr),
    VM_FIELD(Serial, overrun),
    VM_FIELD(Serial, line_error),
    VM_FIELD(Serial, thre_pending),
    VM_FIELD(Serial, timed_out),
    VM_FIELD(Serial, divisor),
    VM_FIELD(Serial, count),
    VM_FIELD(Serial, head),
    VM_ARRAY(Serial, data),
    VM_ARRAY(Serial, errors),
    VM_TIMER(Serial, timeout),
    VM_END
};

const DeviceType serial_type = {
    .name       = "serial",
    .desc       = "16550A UART",
    .manual     = "National PC16550D",
    .bus        = "isa",
    .state_size = sizeof(Serial),
    .windows    = serial_windows,
    .props      = serial_props,
    .vmstate    = serial_vmstate,
    .num_irqs   = 1,
    .init       = serial_init,
    .realize    = serial_realize,
    .reset      = serial_reset,
    .post_load  = serial_post_load,
    .free       = serial_free,
};
