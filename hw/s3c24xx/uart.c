/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A UART (S3C2440A User's Manual rev. 1, chapter 11).
 *
 *      guest --UTXH--> chr_write()          UCON: loopback: sender --> receiver
 *      guest <--URXH-- FIFO (64, or 1) <-- receive()
 *                       |  '--> trigger level, time-out --> rx
 *                       '--> the next one's errors --> UERSTAT --> err
 *
 * Characters leave at once: the transmit FIFO is always empty, so output is as
 * fast as the guest can write, and the condition for tx always holds.  The baud
 * rate matters for one thing only, the receive time-out.  Reception is paced by
 * can_receive(): never more than the FIFO can take.
 *
 * Errors belong to characters, and show when theirs is the next to be read
 * ("UART error status FIFO").
 *
 * Not modelled: infrared (ULCON.6 is stored), automatic flow control (the other
 * end is always ready; UMCON is stored), the clock selection (bits 15:10 of UCON
 * are stored; it is PCLK), and parity and framing of the line (the back end is
 * told them).
 */
#include "hw/s3c24xx/uart.h"

#include <errno.h>

#include "char/char.h"
#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/log.h"

enum { UCON_BREAK = 1 << 4, UCON_LOOPBACK = 1 << 5, UCON_ERR_IRQ = 1 << 6,
       UCON_RX_TIMEOUT = 1 << 7, UCON_RX_LEVEL = 1 << 8, UCON_TX_LEVEL = 1 << 9 };
/* UCON 1:0 and 3:2 */
enum { MODE_OFF, MODE_IRQ, MODE_DMA, MODE_DMA_TOO };
enum { UFCON_ENABLE = 1, UFCON_RX_RESET = 2, UFCON_TX_RESET = 4 };
enum { UMCON_RTS = 1 };
enum { UTRSTAT_RX = 1, UTRSTAT_TX_EMPTY = 2, UTRSTAT_TX_DONE = 4 };
enum { ERR_OVERRUN = 1, ERR_FRAME = 4, ERR_BREAK = 8, ERR_SHIFT = 8 };
enum { UFSTAT_RX_FULL = 1 << 6 };
enum { UMSTAT_CTS = 1, UMSTAT_DELTA_CTS = 1 << 4 };
enum { FIFO_SIZE = 64 };

typedef struct S3cUart {
    Device dev;
    Device *clock;
    CharDriverState *chr;
    bool modem;
    Timer timeout;                      /* no character for three words' time */
    uint32_t ulcon, ucon, ufcon, umcon, ubrdiv;
    uint32_t uerstat, umstat;
    uint8_t timed_out;
    uint8_t count, head;                /* of the receive FIFO */
    uint16_t fifo[FIFO_SIZE];           /* character, and errors above it */
} S3cUart;

static bool fifos(const S3cUart *s)
{
    return s->ufcon & UFCON_ENABLE;
}

static unsigned capacity(const S3cUart *s)
{
    return fifos(s) ? FIFO_SIZE : 1;
}

static unsigned rx_mode(const S3cUart *s)
{
    return bits(s->ucon, 1, 0);
}

static unsigned tx_mode(const S3cUart *s)
{
    return bits(s->ucon, 3, 2);
}

/* -- Interrupts and requests ------------------------------------------------- */

/* "UFCON": 1, 8, 16, 32 bytes. */
static bool rx_triggers(const S3cUart *s)
{
    static const uint8_t levels[4] = { 1, 8, 16, 32 };

    return s->count >= (fifos(s) ? levels[bits(s->ufcon, 5, 4)] : 1);
}

static bool rx_wanted(const S3cUart *s)
{
    return (rx_mode(s) == MODE_IRQ && rx_triggers(s)) || s->timed_out;
}

/* Interrupts of the pulse type are given where their reason appears. */
static void update(S3cUart *s)
{
    bool rx_level = s->ucon & UCON_RX_LEVEL, tx_level = s->ucon & UCON_TX_LEVEL;

    qemu_set_irq(s->dev.irq[S3C_UART_OUT_RX], rx_level && rx_wanted(s));
    qemu_set_irq(s->dev.irq[S3C_UART_OUT_TX], tx_level && tx_mode(s) == MODE_IRQ);
    qemu_set_irq(s->dev.irq[S3C_UART_OUT_DMA_RX], rx_mode(s) >= MODE_DMA && s->count);
    qemu_set_irq(s->dev.irq[S3C_UART_OUT_DMA_TX], tx_mode(s) >= MODE_DMA);
}

static void pulse_rx(S3cUart *s)
{
    if (!(s->ucon & UCON_RX_LEVEL)) {
        qemu_irq_pulse(s->dev.irq[S3C_UART_OUT_RX]);
    }
}

static void pulse_tx(S3cUart *s)
{
    if (!(s->ucon & UCON_TX_LEVEL) && tx_mode(s) == MODE_IRQ) {
        qemu_irq_pulse(s->dev.irq[S3C_UART_OUT_TX]);
    }
}

/* -- Line -------------------------------------------------------------------- */

/* "UBRDIVn": baud = clock / 16 / (UBRDIV + 1). */
static int64_t baud(const S3cUart *s)
{
    return MAX(s3c_pclk(s->clock) / 16 / (s->ubrdiv + 1), 1u);
}

static unsigned word_bits(const S3cUart *s)
{
    return 5 + bits(s->ulcon, 1, 0);
}

static int64_t frame_ns(const S3cUart *s)
{
    unsigned num = 1 + word_bits(s) + (s->ulcon >> 5 & 1) + (s->ulcon >> 2 & 1) + 1;

    return num * NS_PER_SEC / baud(s);
}

static void tell_line(S3cUart *s)
{
    ChrLine line = {
        .speed = (int)baud(s), .data_bits = (int)word_bits(s),
        .stop_bits = s->ulcon & 4 ? 2 : 1,
        .parity = s->ulcon & 0x20 ? s->ulcon & 8 ? 'E' : 'O' : 'N',
    };

    if (s->chr) {
        chr_ioctl(s->chr, CHR_SET_LINE, &line);
    }
}

/* -- Receiver ---------------------------------------------------------------- */

static void timeout_due(void *opaque)
{
    S3cUart *s = opaque;

    s->timed_out = 1;
    pulse_rx(s);
    update(s);
}

/* "Rx time out": data in the FIFO, and no more for the time of three words. */
static void await_more(S3cUart *s)
{
    if (s->count && fifos(s) && (s->ucon & UCON_RX_TIMEOUT) && rx_mode(s) != MODE_OFF) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + 3 * frame_ns(s));
    } else {
        timer_cancel(&s->timeout);
    }
}

static void report(S3cUart *s, uint32_t errors)
{
    s->uerstat |= errors;
    if (errors && (s->ucon & UCON_ERR_IRQ)) {
        qemu_irq_pulse(s->dev.irq[S3C_UART_OUT_ERR]);
    }
}

static void put_char(S3cUart *s, uint16_t ch)
{
    bool triggered = rx_triggers(s);

    if (s->count >= capacity(s)) {
        report(s, ERR_OVERRUN);
        return;
    }
    s->fifo[(s->head + s->count++) % FIFO_SIZE] = ch;
    if (s->count == 1) {
        report(s, ch >> ERR_SHIFT);
    }
    if (rx_triggers(s) && !triggered && rx_mode(s) == MODE_IRQ) {
        pulse_rx(s);
    }
}

static void chars_came(S3cUart *s)
{
    await_more(s);
    update(s);
}

static uint32_t read_urxh(Device *d)
{
    S3cUart *s = (S3cUart *)d;
    uint32_t val = s->fifo[s->head] & 0xff;

    if (s->count == 0) {
        return val;
    }
    s->count--;
    s->head = (uint8_t)((s->head + 1) % FIFO_SIZE);
    if (s->count) {
        report(s, s->fifo[s->head] >> ERR_SHIFT);
    } else {
        s->timed_out = 0;
    }
    if (s->count == 0 || !s->timed_out) {
        await_more(s);
    }
    update(s);
    if (!(s->ucon & UCON_LOOPBACK)) {
        chr_accept_input(s->chr);
    }
    return val;
}

static int can_receive(void *opaque)
{
    S3cUart *s = opaque;

    return s->ucon & UCON_LOOPBACK || rx_mode(s) == MODE_OFF ? 0
                                                             : (int)(capacity(s) - s->count);
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    S3cUart *s = opaque;

    for (size_t i = 0; i < len; i++) {
        put_char(s, buf[i] & ((1u << word_bits(s)) - 1));
    }
    chars_came(s);
}

static void chr_happened(void *opaque, ChrEvent e)
{
    S3cUart *s = opaque;

    if (e == CHR_EVENT_BREAK && can_receive(s) > 0) {
        put_char(s, (ERR_BREAK | ERR_FRAME) << ERR_SHIFT);
        chars_came(s);
    }
}

static const ChrHandlers chr_handlers = { can_receive, receive, chr_happened };

/* -- Transmitter ------------------------------------------------------------- */

static void write_utxh(Device *d, uint32_t val)
{
    S3cUart *s = (S3cUart *)d;
    uint8_t ch = (uint8_t)(val & ((1u << word_bits(s)) - 1));

    if (tx_mode(s) == MODE_OFF) {
        log_guest("s3c2440-uart", "character 0x%02x, the transmitter is off", ch);
        return;
    }
    if (s->ucon & UCON_LOOPBACK) {
        put_char(s, ch);
        chars_came(s);
    } else {
        chr_write(s->chr, &ch, 1);
    }
    pulse_tx(s);
}

/* "Send break signal": during one frame, then the bit is cleared. */
static void send_break(S3cUart *s)
{
    int on = 1, off = 0;

    s->ucon &= ~(uint32_t)UCON_BREAK;
    if (s->ucon & UCON_LOOPBACK) {
        put_char(s, (ERR_BREAK | ERR_FRAME) << ERR_SHIFT);
        chars_came(s);
    } else if (s->chr) {
        chr_ioctl(s->chr, CHR_SET_BREAK, &on);
        chr_ioctl(s->chr, CHR_SET_BREAK, &off);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void clear_rx(S3cUart *s)
{
    s->count = s->head = s->timed_out = 0;
    memset(s->fifo, 0, sizeof(s->fifo));
    timer_cancel(&s->timeout);
}

static void write_ulcon(Device *d, uint32_t val)
{
    (void)val;
    tell_line((S3cUart *)d);
}

/* With the sender empty, an interrupt of the pulse type comes as it is enabled. */
static void write_ucon(Device *d, uint32_t val)
{
    S3cUart *s = (S3cUart *)d;

    if (val & UCON_BREAK) {
        send_break(s);
    }
    if (!(s->ucon & UCON_RX_TIMEOUT)) {
        s->timed_out = 0;
    }
    if (!s->timed_out) {
        await_more(s);
    }
    pulse_tx(s);
    update(s);
    chr_accept_input(s->chr);
}

/* "Rx FIFO reset", "Tx FIFO reset": cleared once it is done. */
static void write_ufcon(Device *d, uint32_t val)
{
    S3cUart *s = (S3cUart *)d;

    if ((val & UFCON_RX_RESET) || s->count > capacity(s)) {
        clear_rx(s);
    }
    s->ufcon = val & ~(uint32_t)(UFCON_RX_RESET | UFCON_TX_RESET);
    update(s);
    chr_accept_input(s->chr);
}

static uint32_t read_utrstat(Device *d)
{
    return UTRSTAT_TX_EMPTY | UTRSTAT_TX_DONE | (((S3cUart *)d)->count ? UTRSTAT_RX : 0);
}

/* "Automatically cleared to 0 when reading". */
static uint32_t read_uerstat(Device *d)
{
    S3cUart *s = (S3cUart *)d;
    uint32_t val = s->uerstat;

    s->uerstat = 0;
    return val;
}

/* 64 bytes are "full", and the count is then 0. */
static uint32_t read_ufstat(Device *d)
{
    const S3cUart *s = (const S3cUart *)d;

    if (!fifos(s)) {
        return 0;
    }
    return s->count >= FIFO_SIZE ? UFSTAT_RX_FULL : s->count;
}

static bool cts(const S3cUart *s)
{
    return !(s->ucon & UCON_LOOPBACK) || (s->umcon & UMCON_RTS);
}

/* "Delta CTS": has changed since it was read last. */
static uint32_t read_umstat(Device *d)
{
    S3cUart *s = (S3cUart *)d;
    uint32_t now = cts(s) ? UMSTAT_CTS : 0, old = s->umstat;

    if (!s->modem) {
        return 0;
    }
    s->umstat = now;
    return now | (now != old ? UMSTAT_DELTA_CTS : 0);
}

static uint32_t read_umcon(Device *d)
{
    return ((S3cUart *)d)->umcon;
}

static void write_umcon(Device *d, uint32_t val)
{
    if (((S3cUart *)d)->modem) {
        ((S3cUart *)d)->umcon = val;
    }
}

/* clang-format off */
#define AT(m) offsetof(S3cUart, m)
#define VIRT REG_VIRTUAL
/* "UART special registers". */
static const RegDef uart_regs[] = {
    { "ULCON",   0x00, AT(ulcon),  REG_RW, 0, 0x7f,   NULL,         write_ulcon },
    { "UCON",    0x04, AT(ucon),   REG_RW, 0, 0xffff, NULL,         write_ucon },
    { "UFCON",   0x08, AT(ufcon),  REG_RW, 0, 0xf7,   NULL,         write_ufcon },
    { "UMCON",   0x0c, VIRT,       REG_RW, 0, 0x11,   read_umcon,   write_umcon },
    { "UTRSTAT", 0x10, VIRT,       REG_R,  0, 0,      read_utrstat, NULL },
    { "UERSTAT", 0x14, VIRT,       REG_R,  0, 0,      read_uerstat, NULL },
    { "UFSTAT",  0x18, VIRT,       REG_R,  0, 0,      read_ufstat,  NULL },
    { "UMSTAT",  0x1c, VIRT,       REG_R,  0, 0,      read_umstat,  NULL },
    { "UTXH",    0x20, VIRT,       REG_W,  0, 0xff,   NULL,         write_utxh },
    { "URXH",    0x24, VIRT,       REG_R,  0, 0,      read_urxh,    NULL },
    { "UBRDIV",  0x28, AT(ubrdiv), REG_RW, 0, 0xffff, NULL,         write_ulcon },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void uart_init(Device *d)
{
    S3cUart *s = (S3cUart *)d;

    timer_init(d->clock, &s->timeout, timeout_due, s);
}

static int uart_realize(Device *d, Error *err)
{
    S3cUart *s = (S3cUart *)d;

    (void)err;
    chr_add_handlers(s->chr, &chr_handlers, s);
    return 0;
}

static void uart_reset(Device *d)
{
    S3cUart *s = (S3cUart *)d;

    s->umcon = s->uerstat = s->umstat = 0;
    clear_rx(s);
    s->timeout.deadline = 0;
    qemu_irq_lower(d->irq[S3C_UART_OUT_ERR]);
    update(s);
}

static int uart_post_load(Device *d, Error *err)
{
    S3cUart *s = (S3cUart *)d;

    if (s->count > capacity(s) || s->head >= FIFO_SIZE) {
        return error_set(err, EINVAL, "s3c2440-uart: snapshot has an impossible FIFO");
    }
    s->ulcon &= 0x7f;
    s->ubrdiv &= 0xffff;
    s->timed_out = s->timed_out != 0;
    tell_line(s);
    update(s);
    return 0;
}

static void uart_free(Device *d)
{
    S3cUart *s = (S3cUart *)d;

    timer_cancel(&s->timeout);
    if (d->realized) {
        chr_add_handlers(s->chr, NULL, s);
    }
}

static const WindowDef uart_windows[] = {
    { "uart", false, 0x1000, uart_regs, NULL },
    { .name = NULL }
};

static const PropDef uart_props[] = {
    { "clock",   PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { "chardev", PROP_CHAR, AT(chr),   0, "the other end of the line" },
    { "modem",   PROP_BOOL, AT(modem), 1, "has UMCON and UMSTAT" },
    { .name = NULL }
};

static const VMField uart_vmstate[] = {
    VM_TIMER(S3cUart, timeout),
    VM_FIELD(S3cUart, ulcon),
    VM_FIELD(S3cUart, ucon),
    VM_FIELD(S3cUart, ufcon),
    VM_FIELD(S3cUart, umcon),
    VM_FIELD(S3cUart, ubrdiv),
    VM_FIELD(S3cUart, uerstat),
    VM_FIELD(S3cUart, umstat),
    VM_FIELD(S3cUart, timed_out),
    VM_FIELD(S3cUart, count),
    VM_FIELD(S3cUart, head),
    VM_ARRAY(S3cUart, fifo),
    VM_END
};

const DeviceType s3c2440_uart_type = {
    .name       = "s3c2440-uart",
    .desc       = "UART with 64-byte FIFOs",
    .manual     = "S3C2440A User's Manual, chapter 11",
    .bus        = "sys",
    .state_size = sizeof(S3cUart),
    .windows    = uart_windows,
    .props      = uart_props,
    .vmstate    = uart_vmstate,
    .num_irqs   = S3C_UART_NUM_OUTPUTS,
    .init       = uart_init,
    .realize    = uart_realize,
    .reset      = uart_reset,
    .post_load  = uart_post_load,
    .free       = uart_free,
};
