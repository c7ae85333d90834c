/* SPDX-License-Identifier: MIT */
/* The PL011 UART against ARM DDI 0183. */
#include "hw/char/pl011.h"

#include "char/char.h"
#include "tests/unit/primecell-test.h"

enum { DR = 0x00, RSR = 0x04, FR = 0x18, ILPR = 0x20, IBRD = 0x24, FBRD = 0x28,
       LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40,
       ICR = 0x44, DMACR = 0x48 };
enum { RXFE = 0x10, TXFF = 0x20, RXFF = 0x40, TXFE = 0x80, BUSY = 0x08 };
enum { I_CTS = 0x02, I_DCD = 0x04, I_DSR = 0x08, I_RX = 0x10, I_TX = 0x20, I_RT = 0x40,
       I_BE = 0x200, I_OE = 0x400 };
enum { UARTEN = 0x01, LBE = 0x80, TXE = 0x100, RXE = 0x200, DTR = 0x400, RTS = 0x800,
       OUT1 = 0x1000 };

/* The other end of the line. */
static struct Line {
    char out[256];
    size_t len;
    int break_on;
    ChrLine params;
} line;

static void line_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    (void)chr;
    for (size_t i = 0; i < len && line.len < sizeof(line.out); i++) {
        line.out[line.len++] = (char)buf[i];
    }
}

static int line_ioctl(CharDriverState *chr, ChrIoctl cmd, void *arg)
{
    (void)chr;
    if (cmd == CHR_SET_BREAK) {
        line.break_on = *(int *)arg;
    } else {
        line.params = *(ChrLine *)arg;
    }
    return 0;
}

static const ChrDriver line_driver = { .name = "test", .write = line_write,
                                       .ioctl = line_ioctl };
static CharDriverState chr;

/* 8N1 at 38400 baud with FIFOs, as a driver sets it up. */
static Device *uart(void)
{
    clock_init_manual(&clock_);
    memset(&line, 0, sizeof(line));
    chr = (CharDriverState){ .drv = &line_driver };
    Device *d = chip_make(&pl011_type);

    chip_link(d, "chardev", &chr);
    chip_plug(d);
    out(d, IBRD, 39);
    out(d, FBRD, 4);
    out(d, LCR_H, 0x70);
    out(d, CR, UARTEN | TXE | RXE | DTR | RTS);
    return d;
}

static void arrives(const char *s)
{
    chr_receive(&chr, (const uint8_t *)s, strlen(s));
}

/* Table 3-1, reset values. */
TEST(identification_and_reset_values)
{
    Device *d = chip_new(&pl011_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00141011);
    CHECK_EQ(in(d, FR) & 0xf8, TXFE | RXFE);
    CHECK_EQ(in(d, CR), 0x300);
    CHECK_EQ(in(d, IFLS), 0x12);
    CHECK_EQ(in(d, LCR_H), 0);
    CHECK_EQ(in(d, RIS), 0);
    CHECK_EQ(in(d, IMSC), 0);
    device_free(d);
}

TEST(transmits)
{
    Device *d = uart();

    out(d, DR, 'h');
    device_write(d, 0, DR, 'i', 1);
    CHECK_EQ(line.len, 2);
    CHECK(!memcmp(line.out, "hi", 2));
    CHECK_EQ(in(d, FR) & (TXFE | TXFF | BUSY), TXFE);
    out(d, CR, UARTEN | RXE);           /* TXE off */
    out(d, DR, 'x');
    CHECK_EQ(line.len, 2);
    device_free(d);
}

/* 3.3.7: at LCR_H the line takes its parameters. */
TEST(tells_the_line)
{
    Device *d = uart();

    CHECK_EQ(line.params.speed, 38400);
    CHECK_EQ(line.params.data_bits, 8);
    CHECK_EQ(line.params.stop_bits, 1);
    CHECK_EQ(line.params.parity, 'N');
    out(d, IBRD, 13);
    out(d, FBRD, 1);
    out(d, LCR_H, 0x40 | 0x0e);
    CHECK_EQ(line.params.speed, 115246);        /* 24 MHz / 16 / (13 + 1/64) */
    CHECK_EQ(line.params.data_bits, 7);
    CHECK_EQ(line.params.stop_bits, 2);
    CHECK_EQ(line.params.parity, 'E');
    out(d, LCR_H, 0x61);
    CHECK_EQ(line.break_on, 1);
    out(d, LCR_H, 0x60);
    CHECK_EQ(line.break_on, 0);
    device_free(d);
}

/* 2.8.2: no interrupt before anything was sent, even when enabled; then one
 * until it is cleared. */
TEST(transmit_interrupt)
{
    Device *d = uart();

    out(d, IMSC, I_TX);
    CHECK_EQ(wire[0], 0);
    out(d, DR, 'a');
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, MIS), I_TX);
    out(d, ICR, I_TX);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* 2.8.1: at the trigger level of IFLS; gone when it is less than that. */
TEST(receive_interrupt_at_trigger_level)
{
    static const char text[] = "0123456789abcdef";
    static const uint8_t levels[] = { 2, 4, 8, 12, 14 };

    for (unsigned i = 0; i < 5; i++) {
        Device *d = uart();

        out(d, IFLS, i << 3);
        out(d, IMSC, I_RX);
        for (unsigned n = 1; n < levels[i]; n++) {
            chr_receive(&chr, (const uint8_t *)text, 1);
            CHECK_EQ(in(d, RIS) & I_RX, 0);
        }
        chr_receive(&chr, (const uint8_t *)text, 1);
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(in(d, DR), '0');
        CHECK_EQ(wire[0], 0);
        device_free(d);
    }
}

/* Without FIFOs the one character interrupts, and reading it ends that. */
TEST(receive_without_fifos)
{
    Device *d = uart();

    out(d, LCR_H, 0x60);
    out(d, IMSC, I_RX);
    CHECK_EQ(chr_can_receive(&chr), 1);
    arrives("q");
    CHECK_EQ(chr_can_receive(&chr), 0);
    CHECK_EQ(in(d, FR) & (RXFE | RXFF), RXFF);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(device_read(d, 0, DR, 2), 'q');
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(in(d, FR) & (RXFE | RXFF), RXFE);
    device_free(d);
}

/* 2.8.3: a character waits and none came for 32 bit periods; until the FIFO is
 * empty. */
TEST(receive_timeout)
{
    const int64_t bit = NS_PER_SEC / 38400;
    Device *d = uart();

    out(d, IMSC, I_RX | I_RT);
    arrives("ab");
    clock_step(&clock_, 20 * bit);
    arrives("c");
    clock_step(&clock_, 31 * bit);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 2 * bit);
    CHECK_EQ(in(d, MIS), I_RT);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, DR), 'a');
    CHECK_EQ(in(d, DR), 'b');
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, DR), 'c');
    CHECK_EQ(wire[0], 0);
    arrives("d");
    CHECK_EQ(in(d, DR), 'd');
    clock_step(&clock_, 100 * bit);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* The back end is never asked for more than there is room for. */
TEST(reception_is_paced)
{
    Device *d = uart();

    CHECK_EQ(chr_can_receive(&chr), 16);
    arrives("0123456789");
    CHECK_EQ(chr_can_receive(&chr), 6);
    arrives("abcdef");
    CHECK_EQ(chr_can_receive(&chr), 0);
    CHECK_EQ(in(d, FR) & RXFF, RXFF);
    for (const char *p = "0123456789abcdef"; *p; p++) {
        CHECK_EQ(in(d, DR), (uint8_t)*p);
    }
    out(d, CR, UARTEN | TXE);           /* RXE off */
    CHECK_EQ(chr_can_receive(&chr), 0);
    device_free(d);
}

/* Table 3-2: a break is a 0 with its bit in DR, RSR and RIS. */
TEST(break_received)
{
    Device *d = uart();

    out(d, IMSC, I_BE);
    arrives("x");
    chr_event(&chr, CHR_EVENT_BREAK);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, DR), 'x');
    CHECK_EQ(in(d, RSR), 0);
    CHECK_EQ(in(d, DR), 0x400);
    CHECK_EQ(in(d, RSR), 4);
    out(d, RSR, 0);
    CHECK_EQ(in(d, RSR), 0);
    out(d, ICR, I_BE);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* CR.LBE: what is sent is received, and not sent; a 17th character overruns and
 * leaves the 16 as they are. */
TEST(loop_back_and_overrun)
{
    Device *d = uart();

    out(d, CR, UARTEN | TXE | RXE | LBE);
    CHECK_EQ(chr_can_receive(&chr), 0);
    for (int i = 0; i < 16; i++) {
        out(d, DR, (uint32_t)('A' + i));
    }
    CHECK_EQ(in(d, RIS) & I_OE, 0);
    out(d, DR, 'Z');
    CHECK_EQ(in(d, RIS) & I_OE, I_OE);
    CHECK_EQ(in(d, RSR), 8);
    CHECK_EQ(in(d, DR), 'A' | 0x800);
    out(d, DR, 'Y');                    /* there is room again */
    CHECK_EQ(in(d, RSR), 8);            /* of the character read */
    for (int i = 1; i < 16; i++) {
        CHECK_EQ(in(d, DR), (uint32_t)('A' + i));
    }
    CHECK_EQ(in(d, DR), 'Y');
    CHECK_EQ(line.len, 0);
    device_free(d);
}

/* 3.3.8: in loop-back RTS, DTR, Out1 come back as CTS, DSR, DCD; a change of
 * a line interrupts. */
TEST(modem_lines)
{
    Device *d = uart();

    out(d, CR, UARTEN | LBE | RTS);
    out(d, ICR, 0x7ff);
    CHECK_EQ(in(d, FR) & 0x107, 0x01);
    out(d, IMSC, I_DSR);
    out(d, CR, UARTEN | LBE | DTR);
    CHECK_EQ(in(d, FR) & 0x107, 0x02);
    CHECK_EQ(in(d, RIS) & 0x0f, I_CTS | I_DSR);
    CHECK_EQ(wire[0], 1);
    out(d, CR, UARTEN | LBE | DTR | OUT1);
    CHECK_EQ(in(d, RIS) & 0x0f, I_CTS | I_DSR | I_DCD);
    device_free(d);
}

/* The peer of the line is its carrier. */
TEST(carrier)
{
    Device *d = uart();

    CHECK_EQ(in(d, FR) & 0x07, 0x07);
    chr_event(&chr, CHR_EVENT_CLOSED);
    CHECK_EQ(in(d, FR) & 0x07, 0x03);
    CHECK_EQ(in(d, RIS) & I_DCD, I_DCD);
    device_free(d);
}

/* FEN off and on flushes. */
TEST(fen_flushes)
{
    Device *d = uart();

    arrives("abc");
    out(d, LCR_H, 0x60);
    out(d, LCR_H, 0x70);
    CHECK_EQ(in(d, FR) & RXFE, RXFE);
    CHECK_EQ(in(d, RIS) & (I_RX | I_RT), 0);
    device_free(d);
}

TEST(stored_registers)
{
    Device *d = uart();

    out(d, ILPR, 0xfff);
    out(d, DMACR, 0xff);
    CHECK_EQ(in(d, ILPR), 0xff);
    CHECK_EQ(in(d, DMACR), 7);
    CHECK_EQ(in(d, 0x50), 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = uart(), *b = chip_plug(chip_make(&pl011_type));

    device_reset(d);
    chip_check_reset(d);
    out(d, LCR_H, 0x70);
    arrives("hello");
    chip_check_snapshot(d, b);
    CHECK_EQ(in(b, DR), 'h');
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
