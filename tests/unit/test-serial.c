/* SPDX-License-Identifier: MIT */
/* The 16550A against National's PC16550D data sheet. */
#include "hw/char/serial.h"

#include "char/char.h"
#include "tests/unit/chip-test.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3,
       MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

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

static uint8_t in(Device *d, unsigned reg)
{
    return (uint8_t)device_read(d, 0, reg, 1);
}

static void out(Device *d, unsigned reg, uint8_t val)
{
    device_write(d, 0, reg, val, 1);
}

/* 8N1 at 115200 baud, OUT2 on, as a driver sets it up. */
static Device *uart(void)
{
    clock_init_manual(&clock_);
    memset(&line, 0, sizeof(line));
    chr = (CharDriverState){ .drv = &line_driver };
    Device *d = chip_make(&serial_type);

    chip_link(d, "chardev", &chr);
    chip_plug(d);
    out(d, LCR, 0x83);
    out(d, DLL, 1);
    out(d, DLM, 0);
    out(d, LCR, 0x03);
    out(d, MCR, 0x0b);
    return d;
}

static void arrives(const char *s)
{
    chr_receive(&chr, (const uint8_t *)s, strlen(s));
}

/* Table I: after master reset. */
TEST(reset_values)
{
    Device *d = chip_new(&serial_type);

    CHECK_EQ(in(d, IER), 0);
    CHECK_EQ(in(d, IIR), 0x01);
    CHECK_EQ(in(d, LCR), 0);
    CHECK_EQ(in(d, MCR), 0);
    CHECK_EQ(in(d, LSR), 0x60);
    CHECK_EQ(in(d, MSR) & 0x0f, 0);
    device_free(d);
}

/* DLAB: registers 0 and 1 are the divisor latch; SCR "holds data temporarily". */
TEST(divisor_latch_and_scratch)
{
    Device *d = uart();

    out(d, LCR, 0x9b);
    out(d, DLL, 0x0c);
    out(d, DLM, 0x01);
    CHECK_EQ(in(d, DLL), 0x0c);
    CHECK_EQ(in(d, DLM), 0x01);
    CHECK_EQ(line.params.speed, 115200 / 0x10c);
    CHECK_EQ(line.params.parity, 'E');
    out(d, LCR, 0x03);
    CHECK_EQ(in(d, IER), 0);
    CHECK_EQ(line.params.parity, 'N');
    out(d, SCR, 0x5a);
    CHECK_EQ(in(d, SCR), 0x5a);
    device_free(d);
}

/* Output leaves at once; the THRE interrupt comes with each empty THR. */
TEST(transmit_and_thre_interrupt)
{
    Device *d = uart();

    out(d, IER, 0x02);
    CHECK_EQ(wire[0], 1);               /* THR is empty already */
    CHECK_EQ(in(d, IIR), 0x02);
    CHECK_EQ(wire[0], 0);               /* "reading the IIR resets it" */
    rises[0] = 0;
    out(d, THR, 'h');
    out(d, THR, 'i');
    CHECK_EQ(line.len, 2);
    CHECK(!memcmp(line.out, "hi", 2));
    CHECK_EQ(rises[0], 2);
    CHECK_EQ(in(d, LSR), 0x60);
    out(d, IER, 0);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* OUT2 gates the interrupt on the PC's adapter. */
TEST(out2_gates_the_wire)
{
    Device *d = uart();

    out(d, MCR, 0x03);
    out(d, IER, 0x02);
    CHECK_EQ(wire[0], 0);
    out(d, MCR, 0x0b);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

/* Without FIFOs: one character; more wait outside. */
TEST(receive_without_fifo)
{
    Device *d = uart();

    out(d, IER, 0x01);
    CHECK_EQ(chr_can_receive(&chr), 1);
    arrives("a");
    CHECK_EQ(chr_can_receive(&chr), 0);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, IIR), 0x04);
    CHECK_EQ(in(d, LSR), 0x61);
    CHECK_EQ(in(d, RBR), 'a');
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(in(d, LSR), 0x60);
    device_free(d);
}

/* FCR bits 7:6: interrupt at 1, 4, 8 or 14 characters; IIR 7:6 show FIFOs. */
TEST(trigger_levels)
{
    static const int levels[] = { 1, 4, 8, 14 };

    for (int i = 0; i < 4; i++) {
        Device *d = uart();

        out(d, FCR, (uint8_t)(i << 6 | 0x07));
        out(d, IER, 0x01);
        CHECK_EQ(chr_can_receive(&chr), 16);
        for (int n = 1; n <= levels[i]; n++) {
            CHECK_EQ(wire[0], 0);
            arrives("x");
        }
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(in(d, IIR), 0xc4);
        in(d, RBR);
        CHECK_EQ(wire[0], 0);           /* "drops below the trigger level" */
        device_free(d);
    }
}

/* "FIFO timeout": after 4 character times (10 bits each) without activity. */
TEST(receive_timeout)
{
    Device *d = uart();
    const int64_t four = 4 * 10 * NS_PER_SEC / 115200;

    out(d, FCR, 0xc1);
    out(d, IER, 0x01);
    arrives("ab");
    clock_step(&clock_, four - 1000);
    CHECK_EQ(wire[0], 0);
    arrives("c");                       /* restarts it */
    clock_step(&clock_, four - 1000);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 1000);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, IIR), 0xcc);
    CHECK_EQ(in(d, RBR), 'a');
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, four);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, RBR), 'b');
    CHECK_EQ(in(d, RBR), 'c');
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(wire[0], 0);               /* "at least one character" */
    device_free(d);
}

/* FCR bit 1 empties the receiver; so does a change of bit 0. */
TEST(fifo_reset)
{
    Device *d = uart();

    out(d, FCR, 0x01);
    arrives("abc");
    out(d, FCR, 0x03);
    CHECK_EQ(in(d, LSR) & 1, 0);
    arrives("abc");
    out(d, FCR, 0x00);
    CHECK_EQ(in(d, LSR) & 1, 0);
    CHECK_EQ(in(d, IIR) & 0xc0, 0);
    device_free(d);
}

/* Break: a zero character with BI, a line status interrupt; LSR bit 7 says
 * "somewhere in the FIFO"; BI is reported when it is at the top. */
TEST(break_is_received)
{
    Device *d = uart();

    out(d, FCR, 0x01);
    out(d, IER, 0x04);
    arrives("a");
    chr_event(&chr, CHR_EVENT_BREAK);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(in(d, LSR), 0xe1);
    CHECK_EQ(in(d, RBR), 'a');
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, IIR), 0xc6);
    CHECK_EQ(in(d, LSR), 0xf1);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(in(d, LSR), 0x61);
    CHECK_EQ(in(d, RBR), 0);
    device_free(d);
}

/* LCR bit 6 sends a break. */
TEST(break_is_sent)
{
    Device *d = uart();

    out(d, LCR, 0x43);
    CHECK_EQ(line.break_on, 1);
    out(d, LCR, 0x03);
    CHECK_EQ(line.break_on, 0);
    device_free(d);
}

/* MCR bit 4: the transmitter feeds the receiver, the modem outputs its inputs;
 * nothing reaches the line. */
TEST(loopback)
{
    Device *d = uart();

    out(d, MCR, 0x10);
    in(d, MSR);
    out(d, THR, 'q');
    CHECK_EQ(line.len, 0);
    CHECK_EQ(chr_can_receive(&chr), 0);
    CHECK_EQ(in(d, RBR), 'q');
    out(d, MCR, 0x1f);
    CHECK_EQ(in(d, MSR), 0xfb);         /* all on; TERI only on the way off */
    out(d, MCR, 0x1b);
    CHECK_EQ(in(d, MSR), 0xb4);
    out(d, MCR, 0x1a);                  /* DTR off: DSR changed */
    CHECK_EQ(in(d, MSR), 0x92);
    CHECK_EQ(in(d, MSR), 0x90);
    device_free(d);
}

/* OE: without FIFO the new character replaces the old; with FIFO the 17th is
 * lost and the FIFO kept. */
TEST(overrun)
{
    Device *d = uart();

    out(d, MCR, 0x18);
    out(d, THR, 'a');
    out(d, THR, 'b');
    CHECK_EQ(in(d, LSR), 0x63);
    CHECK_EQ(in(d, LSR), 0x61);
    CHECK_EQ(in(d, RBR), 'b');
    out(d, FCR, 0x01);
    for (int i = 0; i < 17; i++) {
        out(d, THR, (uint8_t)('A' + i));
    }
    CHECK_EQ(in(d, LSR), 0x63);
    for (int i = 0; i < 16; i++) {
        CHECK_EQ(in(d, RBR), 'A' + i);
    }
    CHECK_EQ(in(d, LSR), 0x60);
    device_free(d);
}

/* Word length: bits above it are not sent. */
TEST(seven_bits)
{
    Device *d = uart();

    out(d, LCR, 0x02);
    out(d, THR, 0xc1);
    CHECK_EQ(line.out[0], 'A');
    device_free(d);
}

/* Before anybody has set the word length, all eight bits are. */
TEST(not_set_up)
{
    Device *d = uart();

    out(d, LCR, 0);
    out(d, THR, 'z');
    CHECK_EQ(line.out[0], 'z');
    device_free(d);
}

/* DCD follows the peer; a change is a modem status interrupt, lowest of all. */
TEST(modem_status_interrupt)
{
    Device *d = uart();

    CHECK_EQ(in(d, MSR), 0xb0);
    out(d, IER, 0x08);
    chr_event(&chr, CHR_EVENT_CLOSED);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(d, IIR), 0x00);
    CHECK_EQ(in(d, MSR), 0x38);
    CHECK_EQ(wire[0], 0);
    chr_event(&chr, CHR_EVENT_OPENED);
    CHECK_EQ(in(d, MSR), 0xb8);
    device_free(d);
}

/* Table IV: line status, data, THRE, modem status, in this order. */
TEST(priorities)
{
    Device *d = uart();

    out(d, IER, 0x0f);
    chr_event(&chr, CHR_EVENT_CLOSED);
    chr_event(&chr, CHR_EVENT_BREAK);
    CHECK_EQ(in(d, IIR), 0x06);
    in(d, LSR);
    CHECK_EQ(in(d, IIR), 0x04);
    in(d, RBR);
    CHECK_EQ(in(d, IIR), 0x02);
    CHECK_EQ(in(d, IIR), 0x00);
    in(d, MSR);
    CHECK_EQ(in(d, IIR), 0x01);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&serial_type), *b = chip_plug(chip_make(&serial_type));

    chip_check_reset(d);
    chip_scribble(d, 5, 500);
    out(d, LCR, 3);
    out(d, FCR, 0xc1);
    out(d, MCR, 0x1b);
    out(d, IER, 1);
    out(d, THR, 'x');
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
