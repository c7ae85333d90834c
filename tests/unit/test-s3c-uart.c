/* SPDX-License-Identifier: MIT */
/* The UART against the S3C2440A User's Manual, chapter 11. */
#include "hw/s3c24xx/uart.h"

#include "char/char.h"
#include "tests/unit/primecell-test.h"

enum { ULCON = 0x00, UCON = 0x04, UFCON = 0x08, UMCON = 0x0c, UTRSTAT = 0x10, UERSTAT = 0x14,
       UFSTAT = 0x18, UMSTAT = 0x1c, UTXH = 0x20, URXH = 0x24, UBRDIV = 0x28 };
enum { RX = S3C_UART_OUT_RX, TX = S3C_UART_OUT_TX, ERR = S3C_UART_OUT_ERR,
       DMA_RX = S3C_UART_OUT_DMA_RX, DMA_TX = S3C_UART_OUT_DMA_TX };
/* UCON: interrupt or polling, both ways */
enum { POLL = 0x005, LOOP = 0x020, ERR_IRQ = 0x040, TIMEOUT = 0x080, RX_LEVEL = 0x100,
       TX_LEVEL = 0x200 };
enum { FIFO = 1, TRIGGER_8 = 1 << 4, TRIGGER_32 = 3 << 4 };

/* A back end that keeps what is sent. */
static uint8_t sent[64];
static size_t num_sent;
static ChrLine line;
static int breaks;

static void far_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    (void)chr;
    for (size_t i = 0; i < len && num_sent < sizeof(sent); i++) {
        sent[num_sent++] = buf[i];
    }
}

static int far_ioctl(CharDriverState *chr, ChrIoctl cmd, void *arg)
{
    (void)chr;
    if (cmd == CHR_SET_LINE) {
        line = *(ChrLine *)arg;
    } else if (*(int *)arg) {
        breaks++;
    }
    return 0;
}

static const ChrDriver far_driver = { .name = "far", .write = far_write, .ioctl = far_ioctl };
static CharDriverState far_end = { .drv = &far_driver, .opened = true };

static Device *uart(void)
{
    Device *d = chip_make(&s3c2440_uart_type);

    clock_init_manual(&clock_);
    num_sent = 0;
    breaks = 0;
    chip_link(d, "chardev", &far_end);
    return chip_plug(d);
}

static void receive(const char *s)
{
    size_t len = strlen(s), room = (size_t)chr_can_receive(&far_end);

    CHECK(room >= len);
    chr_receive(&far_end, (const uint8_t *)s, len);
}

TEST(reset_values)
{
    Device *d = uart();

    for (unsigned at = 0; at <= UBRDIV; at += 4) {
        if (at != UMSTAT && at != UTXH) {
            CHECK_EQ(in(d, at), at == UTRSTAT ? 6 : 0);
        }
    }
    device_free(d);
}

/* "UBRDIVn = (int)(clock / (baud * 16)) - 1", and ULCON to the line. */
TEST(line_parameters)
{
    Device *d = uart();

    out(d, UBRDIV, 26);
    out(d, ULCON, 3);
    CHECK_EQ(line.speed, 50625000 / 16 / 27);
    CHECK_EQ(line.data_bits, 8);
    CHECK_EQ(line.stop_bits, 1);
    CHECK_EQ(line.parity, 'N');
    out(d, ULCON, 5 << 3 | 4 | 2);
    CHECK_EQ(line.data_bits, 7);
    CHECK_EQ(line.stop_bits, 2);
    CHECK_EQ(line.parity, 'E');
    out(d, ULCON, 4 << 3);
    CHECK_EQ(line.data_bits, 5);
    CHECK_EQ(line.parity, 'O');
    device_free(d);
}

TEST(transmission)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UTXH, 'x');                  /* UCON: the transmitter is off */
    CHECK_EQ(num_sent, 0);
    out(d, UCON, POLL);
    out(d, UTXH, 'a');
    device_write(d, 0, UTXH, 'b', 1);
    CHECK_EQ(num_sent, 2);
    CHECK(!memcmp(sent, "ab", 2));
    CHECK_EQ(in(d, UTRSTAT), 6);
    device_free(d);
}

/* Without the FIFO there is room for one. */
TEST(reception_without_fifo)
{
    Device *d = uart();

    out(d, ULCON, 3);
    CHECK_EQ(chr_can_receive(&far_end), 0);
    out(d, UCON, POLL);
    CHECK_EQ(chr_can_receive(&far_end), 1);
    receive("q");
    CHECK_EQ(chr_can_receive(&far_end), 0);
    CHECK_EQ(in(d, UTRSTAT), 7);
    CHECK_EQ(rises[RX], 1);
    CHECK_EQ(device_read(d, 0, URXH, 1), 'q');
    CHECK_EQ(in(d, UTRSTAT), 6);
    device_free(d);
}

/* "UFSTAT": count in 5:0, and bit 6 when 64 are there. */
TEST(fifo)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL);
    out(d, UFCON, FIFO);
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(in(d, UFSTAT), i);
        receive("0");
    }
    CHECK_EQ(in(d, UFSTAT), 0x40);
    CHECK_EQ(chr_can_receive(&far_end), 0);
    CHECK_EQ(in(d, URXH), '0');
    CHECK_EQ(in(d, UFSTAT), 63);
    out(d, UFCON, FIFO | 2);            /* "Rx FIFO reset", clears itself */
    CHECK_EQ(in(d, UFSTAT), 0);
    CHECK_EQ(in(d, UFCON), FIFO);
    device_free(d);
}

/* "Rx interrupt type" level: while the trigger level is reached. */
TEST(receive_level)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL | RX_LEVEL);
    out(d, UFCON, FIFO | TRIGGER_8);
    receive("1234567");
    CHECK_EQ(wire[RX], 0);
    receive("8");
    CHECK_EQ(wire[RX], 1);
    in(d, URXH);
    CHECK_EQ(wire[RX], 0);
    out(d, UFCON, FIFO | TRIGGER_32);
    receive("9");
    CHECK_EQ(wire[RX], 0);
    device_free(d);
}

/* Pulse: once, when the level is reached. */
TEST(receive_pulse)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL);
    out(d, UFCON, FIFO | TRIGGER_8);
    receive("12345678");
    receive("9");
    CHECK_EQ(rises[RX], 1);
    CHECK_EQ(wire[RX], 0);
    device_free(d);
}

/* "Rx time out": data below the level, and three words' time without more. */
TEST(receive_time_out)
{
    Device *d = uart();
    int64_t word = 10 * NS_PER_SEC / (50625000 / 16 / 27);

    out(d, ULCON, 3);
    out(d, UBRDIV, 26);
    out(d, UCON, POLL | RX_LEVEL | TIMEOUT);
    out(d, UFCON, FIFO | TRIGGER_8);
    receive("1");
    clock_step(&clock_, 2 * word);
    receive("2");
    clock_step(&clock_, 2 * word);
    CHECK_EQ(wire[RX], 0);
    clock_step(&clock_, word + 1000);
    CHECK_EQ(wire[RX], 1);
    in(d, URXH);
    CHECK_EQ(wire[RX], 1);
    in(d, URXH);
    CHECK_EQ(wire[RX], 0);
    out(d, UCON, POLL | RX_LEVEL);
    receive("3");
    clock_step(&clock_, 10 * word);
    CHECK_EQ(wire[RX], 0);
    device_free(d);
}

/* The transmitter is always empty: level all the time, pulses for each. */
TEST(transmit_interrupts)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL | TX_LEVEL);
    CHECK_EQ(wire[TX], 1);
    out(d, UCON, TX_LEVEL);
    CHECK_EQ(wire[TX], 0);
    int before = rises[TX];
    out(d, UCON, POLL);
    CHECK_EQ(wire[TX], 0);
    CHECK_EQ(rises[TX], before + 1);
    out(d, UTXH, 'a');
    CHECK_EQ(rises[TX], before + 2);
    device_free(d);
}

/* "UART error status FIFO": an error shows when its character is next. */
TEST(break_belongs_to_its_character)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL | ERR_IRQ);
    out(d, UFCON, FIFO);
    receive("a");
    chr_event(&far_end, CHR_EVENT_BREAK);
    receive("b");
    CHECK_EQ(in(d, UERSTAT), 0);
    CHECK_EQ(rises[ERR], 0);
    CHECK_EQ(in(d, URXH), 'a');
    CHECK_EQ(rises[ERR], 1);
    CHECK_EQ(in(d, UERSTAT), 8 | 4);
    CHECK_EQ(in(d, UERSTAT), 0);        /* cleared by reading */
    CHECK_EQ(in(d, URXH), 0);
    CHECK_EQ(in(d, URXH), 'b');
    CHECK_EQ(rises[ERR], 1);
    device_free(d);
}

/* "Loopback mode"; what does not fit is an overrun. */
TEST(loopback_and_overrun)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UCON, POLL | LOOP | ERR_IRQ);
    out(d, UTXH, 'a');
    CHECK_EQ(num_sent, 0);
    CHECK_EQ(in(d, UTRSTAT), 7);
    out(d, UTXH, 'b');
    CHECK_EQ(in(d, UERSTAT), 1);
    CHECK_EQ(rises[ERR], 1);
    CHECK_EQ(in(d, URXH), 'a');
    device_free(d);
}

/* "Send break signal": clears itself. */
TEST(send_break)
{
    Device *d = uart();

    out(d, UCON, POLL | 0x10);
    CHECK_EQ(breaks, 1);
    CHECK_EQ(in(d, UCON), POLL);
    device_free(d);
}

/* "UMSTAT": CTS, and whether it has changed since it was read. */
TEST(modem_status)
{
    Device *d = uart();

    in(d, UMSTAT);
    CHECK_EQ(in(d, UMSTAT), 1);
    out(d, UCON, POLL | LOOP);
    CHECK_EQ(in(d, UMSTAT), 0x10);
    CHECK_EQ(in(d, UMSTAT), 0);
    out(d, UMCON, 1);
    CHECK_EQ(in(d, UMSTAT), 0x11);
    device_free(d);
    d = chip_make(&s3c2440_uart_type);
    chip_prop(d, "modem", "off");
    chip_plug(d);
    out(d, UMCON, 1);
    CHECK_EQ(in(d, UMCON), 0);
    CHECK_EQ(in(d, UMSTAT), 0);
    device_free(d);
}

/* UCON modes 2 and 3 request DMA instead. */
TEST(dma_requests)
{
    Device *d = uart();

    out(d, ULCON, 3);
    out(d, UFCON, FIFO);
    out(d, UCON, 2 | 2 << 2 | RX_LEVEL | TX_LEVEL);
    CHECK_EQ(wire[DMA_TX], 1);
    CHECK_EQ(wire[TX], 0);
    CHECK_EQ(wire[DMA_RX], 0);
    receive("ab");
    CHECK_EQ(wire[DMA_RX], 1);
    CHECK_EQ(wire[RX], 0);
    in(d, URXH);
    CHECK_EQ(wire[DMA_RX], 1);
    in(d, URXH);
    CHECK_EQ(wire[DMA_RX], 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_uart_type);
    Device *b = chip_plug(chip_make(&s3c2440_uart_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
