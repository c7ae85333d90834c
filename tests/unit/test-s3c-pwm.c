/* SPDX-License-Identifier: MIT */
/* The PWM timers against the S3C2440A User's Manual, chapter 10. */
#include "hw/s3c24xx/pwm.h"

#include "hw/s3c24xx/clock.h"
#include "tests/unit/primecell-test.h"

enum { TCFG0 = 0x00, TCFG1 = 0x04, TCON = 0x08, TCNTB0 = 0x0c, TCMPB0 = 0x10, TCNTO0 = 0x14,
       TCNTB3 = 0x30, TCNTO3 = 0x38, TCNTB4 = 0x3c, TCNTO4 = 0x40 };
enum { START = 1, UPDATE = 2, INVERT = 4, RELOAD = 8, DEAD_ZONE = 0x10 };
enum { IRQ = S3C_PWM_OUT_TIMER0, DMA = S3C_PWM_OUT_DMA, TOUT = S3C_PWM_OUT_TOUT0 };

/* PCLK 50.625 MHz: prescaler 80 + 1 and divider 16 are 25.6 us a tick. */
#define TICK_NS 25600

static Device *timers(void)
{
    Device *d = chip_new(&s3c2440_timers_type);

    out(d, TCFG0, 80 | 80 << 8);
    out(d, TCFG1, 0x33333);
    return d;
}

static void ticks(int64_t n)
{
    clock_step(&clock_, n * TICK_NS);
}

static unsigned tcon(int n, unsigned control)
{
    return control << (n ? 4 * n + 4 : 0);
}

/* Load and start, as "Procedure to start PWM" says. */
static void start(Device *d, int n, unsigned count, unsigned cmp, unsigned control)
{
    unsigned shift = n ? 4u * (unsigned)n + 4 : 0;
    uint32_t others = in(d, TCON) & ~(15u << shift);

    out(d, TCNTB0 + 12u * (unsigned)n, count);
    if (n < 4) {
        out(d, TCMPB0 + 12u * (unsigned)n, cmp);
    }
    out(d, TCON, others | tcon(n, UPDATE | (control & ~(unsigned)START)));
    out(d, TCON, others | tcon(n, control | START));
}

TEST(reset_values)
{
    Device *d = chip_new(&s3c2440_timers_type);

    for (unsigned at = 0; at <= TCNTO4; at += 4) {
        CHECK_EQ(in(d, at), 0);
    }
    device_free(d);
}

/* Figure "Timer operations": an interrupt at 0, then TCNTB again: n + 1 ticks. */
TEST(auto_reload)
{
    Device *d = timers();

    for (int n = 0; n < 4; n++) {
        unsigned tcnto = TCNTO0 + 12u * (unsigned)n;

        start(d, n, 3, 1, RELOAD);
        CHECK_EQ(in(d, tcnto), 3);
        ticks(2);
        CHECK_EQ(in(d, tcnto), 1);
        CHECK_EQ(rises[IRQ + n], 0);
        ticks(1);
        CHECK_EQ(in(d, tcnto), 0);
        CHECK_EQ(rises[IRQ + n], 1);
        ticks(1);
        CHECK_EQ(in(d, tcnto), 3);
        ticks(3);
        CHECK_EQ(rises[IRQ + n], 2);
        ticks(400);
        CHECK_EQ(rises[IRQ + n], 102);
        out(d, TCON, 0);
    }
    device_free(d);
}

/* Without auto reload the timer stops at 0, and the start bit clears. */
TEST(one_shot)
{
    Device *d = timers();

    start(d, 3, 100, 100, 0);
    CHECK_EQ(in(d, TCON), tcon(3, START));
    ticks(99);
    CHECK_EQ(in(d, TCNTO3), 1);
    ticks(1);
    CHECK_EQ(rises[IRQ + 3], 1);
    CHECK_EQ(in(d, TCON), 0);
    ticks(1000);
    CHECK_EQ(in(d, TCNTO3), 0);
    CHECK_EQ(rises[IRQ + 3], 1);
    start(d, 3, 50, 50, 0);
    ticks(50);
    CHECK_EQ(rises[IRQ + 3], 2);
    device_free(d);
}

/* "Double buffering": a new TCNTB counts from the next reload on. */
TEST(double_buffering)
{
    Device *d = timers();

    start(d, 0, 9, 0, RELOAD);
    ticks(5);
    out(d, TCNTB0, 19);
    CHECK_EQ(in(d, TCNTB0), 19);
    CHECK_EQ(in(d, TCNTO0), 4);
    ticks(5);
    CHECK_EQ(in(d, TCNTO0), 19);
    ticks(20);
    CHECK_EQ(in(d, TCNTO0), 19);
    CHECK_EQ(rises[IRQ], 2);
    device_free(d);
}

/* The start bit cleared: the counter stands, and goes on from there. */
TEST(stop_and_go_on)
{
    Device *d = timers();

    start(d, 0, 100, 0, RELOAD);
    ticks(30);
    out(d, TCON, RELOAD);
    ticks(500);
    CHECK_EQ(in(d, TCNTO0), 70);
    out(d, TCON, RELOAD | START);
    ticks(70);
    CHECK_EQ(in(d, TCNTO0), 0);
    CHECK_EQ(rises[IRQ], 1);
    device_free(d);
}

/* Timer 4 has its bits elsewhere, and no comparison. */
TEST(timer4)
{
    Device *d = timers();

    out(d, TCNTB4, 0xffff);
    out(d, TCON, 1u << 21 | 1u << 22);
    out(d, TCON, 1u << 20 | 1u << 22);
    ticks(1000);
    CHECK_EQ(in(d, TCNTO4), 0xffff - 1000);
    ticks(0x10000);
    CHECK_EQ(in(d, TCNTO4), 0xffff - 1000);
    CHECK_EQ(rises[IRQ + 4], 1);
    device_free(d);
}

/* TCFG0 and TCFG1: PCLK / (prescaler + 1) / 2, 4, 8, 16. */
TEST(prescaler_and_divider)
{
    Device *d = chip_new(&s3c2440_timers_type);

    for (unsigned n = 0; n < 5; n++) {
        for (unsigned mux = 0; mux < 4; mux++) {
            unsigned prescaler = n < 2 ? 24 : 49;
            int64_t hz = 50625000 / (prescaler + 1) / (2u << mux);

            out(d, TCFG0, 24 | 49 << 8);
            out(d, TCFG1, mux << (4 * n));
            out(d, TCNTB0 + 12 * n, 0xffff);
            out(d, TCON, n == 4 ? 1u << 21 : tcon((int)n, UPDATE));
            out(d, TCON, n == 4 ? 1u << 20 : tcon((int)n, START));
            clock_step(&clock_, NS_PER_SEC / 100);
            uint32_t past = 0xffff - in(d, n == 4 ? TCNTO4 : TCNTO0 + 12 * n);
            CHECK(past >= hz / 100 - 1 && past <= hz / 100 + 1);
            out(d, TCON, 0);
        }
    }
    device_free(d);
}

/* A clock that changes: the count goes on from where it is, at the new pace. */
TEST(clock_changes)
{
    Device *c = chip_new(&s3c2440_clock_type);
    Device *d = chip_make(&s3c2440_timers_type);

    chip_link(d, "clock", c);
    chip_plug(d);
    out(d, TCFG0, 11 | 11 << 8);        /* 12 MHz / 12 / 2: 2 us a tick */
    start(d, 0, 10000, 0, 0);
    clock_step(&clock_, 2000 * NS_PER_US);
    CHECK_EQ(in(d, TCNTO0), 9000);
    out(c, 0x04, 64 << 12 | 4 << 4 | 3);        /* MPLLCON: 36 MHz */
    CHECK_EQ(s3c_pclk(c), 36000000);
    CHECK_EQ(in(d, TCNTO0), 9000);
    clock_step(&clock_, 2000 * NS_PER_US);
    CHECK_EQ(in(d, TCNTO0), 6000);
    clock_step(&clock_, 4001 * NS_PER_US);
    CHECK_EQ(rises[IRQ], 1);
    device_free(d);
    device_free(c);
}

/* "Output level control": high from TCNT == TCMP down; with the inverter low. */
TEST(pulse_width)
{
    Device *d = timers();

    for (int n = 0; n < 4; n++) {
        start(d, n, 159, 109, RELOAD);
        CHECK_EQ(wire[TOUT + n], 0);
        ticks(49);
        CHECK_EQ(wire[TOUT + n], 0);
        ticks(1);
        CHECK_EQ(wire[TOUT + n], 1);
        ticks(109);
        CHECK_EQ(wire[TOUT + n], 1);
        ticks(1);
        CHECK_EQ(wire[TOUT + n], 0);
        start(d, n, 159, 109, RELOAD | INVERT);
        CHECK_EQ(wire[TOUT + n], 1);
        ticks(50);
        CHECK_EQ(wire[TOUT + n], 0);
        out(d, TCON, 0);
    }
    device_free(d);
}

/* "Dead zone": TOUT0 and its opposite on TOUT1 are never both on, and for the
 * dead zone both are off. */
TEST(dead_zone)
{
    Device *d = timers();

    out(d, TCFG0, 80 | 80 << 8 | 20u << 16);
    start(d, 0, 199, 99, RELOAD | DEAD_ZONE);
    CHECK_EQ(wire[TOUT + 0], 0);
    CHECK_EQ(wire[TOUT + 1], 0);
    ticks(20);
    CHECK_EQ(wire[TOUT + 1], 1);
    ticks(80);
    CHECK_EQ(wire[TOUT + 1], 0);
    CHECK_EQ(wire[TOUT + 0], 0);
    ticks(19);
    CHECK_EQ(wire[TOUT + 0], 0);
    ticks(1);
    CHECK_EQ(wire[TOUT + 0], 1);
    ticks(80);
    CHECK_EQ(wire[TOUT + 0], 0);
    device_free(d);
}

/* "DMA request mode": the chosen timer requests and does not interrupt. */
TEST(dma_request)
{
    Device *d = timers();

    out(d, TCFG1, 0x433333);            /* timer 3 */
    start(d, 3, 9, 0, RELOAD);
    start(d, 2, 9, 0, RELOAD);
    ticks(100);
    CHECK_EQ(rises[DMA], 10);
    CHECK_EQ(rises[IRQ + 3], 0);
    CHECK_EQ(rises[IRQ + 2], 10);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_timers_type);
    Device *b = chip_plug(chip_make(&s3c2440_timers_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
