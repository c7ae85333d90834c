/* SPDX-License-Identifier: MIT */
/* The mini2440 without a processor: its table's wires, options, boot loader. */
#include "hw/boards/arm-mini2440.h"

#include <stdlib.h>
#include <unistd.h>

#include "hw/misc/leds.h"
#include "hw/s3c24xx/clock.h"
#include "hw/s3c24xx/gpio.h"
#include "tests/test.h"
#include "ui/console.h"

enum { MEMCTL = 0x48000000, INTC = 0x4a000000, CLOCK = 0x4c000000, UART = 0x50000000,
       TIMERS = 0x51000000, WATCHDOG = 0x53000000, GPIO = 0x56000000, RTC = 0x57000000,
       ADC = 0x58000000, RAM = 0x30000000 };
enum { SRCPND = INTC, INTPND = INTC + 0x10, INTOFFSET = INTC + 0x14, SUBSRCPND = INTC + 0x18 };

static Clock clk;
static int resets;

static void requested(void *opaque, MachineRequest what, int code)
{
    (void)opaque;
    (void)code;
    resets += what == MACHINE_REQUEST_RESET;
}

static Machine *board(MachineConfig c, Error *err)
{
    Machine *m = NULL;

    c.request = requested;
    resets = 0;
    clock_init_manual(&clk);
    machine_new(&m, &mini2440_machine, &c, &clk, err);
    return m;
}

static Machine *plain(void)
{
    Error err = { "" };
    Machine *m = board((MachineConfig){ 0 }, &err);

    CHECK_STR(err.msg, "");
    return m;
}

static uint32_t in(Machine *m, uint32_t addr)
{
    return (uint32_t)as_load(m->mem, addr, 4);
}

static void out(Machine *m, uint32_t addr, uint32_t val)
{
    as_store(m->mem, addr, val, 4);
}

TEST(table)
{
    Error err = { "" };

    CHECK_EQ(machine_check(&mini2440_machine, &err), 0);
    CHECK_STR(err.msg, "");
}

static void refused(MachineConfig c, const char *why)
{
    Error err = { "" };
    Machine *m = board(c, &err);

    CHECK(m == NULL);
    CHECK(strstr(err.msg, why) != NULL);
    machine_free(m);
}

TEST(options)
{
    Error err = { "" };
    Machine *m = board((MachineConfig){ .machine_opts = "boot=nand,panel=a70" }, &err);

    CHECK(m != NULL);
    machine_free(m);
    refused((MachineConfig){ .machine_opts = "panel=crt" }, "panel=crt");
    refused((MachineConfig){ .machine_opts = "boot" }, "boot");
    refused((MachineConfig){ .machine_opts = "boot=nor" }, "-pflash");
    refused((MachineConfig){ .ram_size = 128ull << 20 }, "-m 64");
    refused((MachineConfig){ .ram_size = 48ull << 20 }, "SDRAM");
}

/* Manual, chapter 5: with banks of 128 MiB, 64 MiB are seen twice. */
TEST(sdram_is_seen_again)
{
    Machine *m = plain();

    out(m, RAM + 0x1000, 0x12345678);
    CHECK_EQ(in(m, RAM + 0x04001000), 0);
    out(m, MEMCTL + 0x28, 0xb2);
    CHECK_EQ(in(m, RAM + 0x04001000), 0x12345678);
    out(m, RAM + 0x04001000, 0x9abcdef0);
    CHECK_EQ(in(m, RAM + 0x1000), 0x9abcdef0);
    out(m, MEMCTL + 0x28, 0xb1);
    CHECK_EQ(in(m, RAM + 0x04001000), 0);
    machine_free(m);
}

/* Chapter 14, "Interrupt sources": timers are 10 to 14. */
TEST(timer_interrupts)
{
    Machine *m = plain();

    out(m, WATCHDOG, 0);
    for (uint32_t n = 0; n < 5; n++) {
        uint32_t shift = n == 0 ? 0 : 4 * n + 4;

        out(m, TIMERS + 0x0c + 12 * n, 100);
        out(m, TIMERS + 0x08, 2u << shift);
        out(m, TIMERS + 0x08, 1u << shift);
        clock_step(&clk, NS_PER_MS);
        CHECK_EQ(in(m, SRCPND), 1u << (10 + n));
        out(m, SRCPND, 0xffffffff);
    }
    machine_free(m);
}

/* "Mapping of SUBSRCPND": TXDn are 1, 4, 7; UARTs are sources 28, 23, 15. */
TEST(uart_interrupts)
{
    static const uint8_t source[3] = { 28, 23, 15 };
    Machine *m = plain();

    out(m, INTC + 0x1c, 0);
    for (uint32_t n = 0; n < 3; n++) {
        out(m, UART + 0x4000 * n + 4, 0x205);
        CHECK_EQ(in(m, SUBSRCPND), 1u << (3 * n + 1));
        CHECK_EQ(in(m, SRCPND), 1u << source[n]);
        out(m, UART + 0x4000 * n + 4, 0);
        out(m, SUBSRCPND, 0x7fff);
        out(m, SRCPND, 0xffffffff);
    }
    machine_free(m);
}

TEST(other_interrupts)
{
    Machine *m = plain();

    out(m, INTC + 0x1c, 0);
    out(m, RTC + 0x44, 0x80);                   /* tick: 8 */
    out(m, WATCHDOG + 8, 1);                    /* sub 13: 9 */
    out(m, WATCHDOG, 0x24);
    out(m, ADC + 4, 0);
    out(m, ADC, 1);                             /* sub 10: 31 */
    clock_step(&clk, 20 * NS_PER_MS);
    CHECK_EQ(in(m, SRCPND), 1u << 8 | 1u << 9 | 1u << 31);
    CHECK_EQ(in(m, SUBSRCPND), 1u << 13 | 1u << 10);
    machine_free(m);
}

/* The schematic: K1 to K6 at EINT8, 11, 13, 14, 15, 19. */
TEST(keys)
{
    static const uint8_t eint[6] = { 8, 11, 13, 14, 15, 19 };
    Machine *m = plain();

    out(m, GPIO + 0x60, 0xaaaaaaaa);            /* GPGCON: EINT */
    out(m, GPIO + 0x8c, 0x22222222);            /* falling edges */
    out(m, GPIO + 0x90, 0x22222222);
    out(m, GPIO + 0xa4, 0);
    out(m, GPIO + 0xa8, 0xffffff);
    for (int n = 0; n < 6; n++) {
        input_key((uint8_t)(2 + n), true);      /* "1" to "6" */
        CHECK_EQ(in(m, GPIO + 0xa8), 1u << eint[n]);
        CHECK_EQ(in(m, GPIO + 0x64) >> (eint[n] - 8) & 1, 0);
        CHECK_EQ(in(m, SRCPND), 1u << 5);
        input_key((uint8_t)(2 + n), false);
        out(m, GPIO + 0xa8, 0xffffff);
        out(m, SRCPND, 0xffffffff);
    }
    machine_free(m);
}

/* Chapter 9, "GSTATUS2": the watchdog's reset is told from others. */
static bool lamp(Machine *m, int n)
{
    Led led;

    CHECK(leds_get(machine_find(m, "leds"), n, &led));
    return led.on;
}

/* The schematic: each LED is between its pin and 3.3 V, and pulls it up. */
TEST(leds)
{
    Machine *m = plain();

    out(m, GPIO + 0x18, 0x7ff);                 /* GPBUP: no pull-ups of its own */
    for (int n = 0; n < 4; n++) {
        CHECK(!lamp(m, n));
        out(m, GPIO + 0x14, 0);
        out(m, GPIO + 0x10, 1u << (2 * (5 + n)));
        CHECK(lamp(m, n));
        CHECK(!lamp(m, (n + 1) % 4));
        out(m, GPIO + 0x10, 0);
        clock_step(&clk, NS_PER_SEC);
    }
    machine_free(m);
}

TEST(watchdog_reset)
{
    Machine *m = plain();

    CHECK_EQ(in(m, GPIO + S3C_GSTATUS2), S3C_GSTATUS2_POWER_ON);
    clock_step(&clk, 10 * NS_PER_SEC);
    CHECK_EQ(resets, 1);
    machine_reset(m);
    CHECK_EQ(in(m, GPIO + S3C_GSTATUS2), S3C_GSTATUS2_WATCHDOG);
    machine_reset(m);
    CHECK_EQ(in(m, GPIO + S3C_GSTATUS2), S3C_GSTATUS2_POWER_ON);
    machine_free(m);
}

/* Chapter 7, "Sleep mode": a key wakes; SDRAM and GSTATUS3 are as they were. */
TEST(sleep_until_a_key)
{
    Machine *m = plain();

    out(m, WATCHDOG, 0);
    out(m, GPIO + 0x60, 2);
    out(m, GPIO + 0x8c, 2);
    out(m, GPIO + S3C_GSTATUS3, 0x30008000);
    out(m, RAM, 77);
    out(m, CLOCK + 0x0c, 0xfffff8);
    clock_step(&clk, NS_PER_SEC);
    CHECK_EQ(resets, 0);
    input_key(2, true);
    CHECK_EQ(resets, 1);
    machine_reset(m);
    CHECK_EQ(in(m, GPIO + S3C_GSTATUS2), S3C_GSTATUS2_SLEEP);
    CHECK_EQ(in(m, GPIO + S3C_GSTATUS3), 0x30008000);
    CHECK_EQ(in(m, RAM), 77);
    input_key(2, false);
    machine_free(m);
}

/* What Linux finds when it was started by -kernel; without, the chip is bare. */
TEST(state_left_by_a_boot_loader)
{
    static const uint8_t elf[] = {
        0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 40, 0, 1, 0, 0, 0,
        0, 0x80, 0, 0x30, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 52, 0, 32, 0, 1, 0, 0, 0,
        0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x30, 0, 0x80, 0, 0x30, 84, 0, 0, 0, 84, 0, 0, 0,
        7, 0, 0, 0, 4, 0, 0, 0,
    };
    char path[] = "/tmp/test-arm-mini2440-XXXXXX";
    int fd = mkstemp(path);
    Error err = { "" };
    Machine *m = plain();

    CHECK_EQ(s3c_pclk(machine_find(m, "sysclk")), 12000000);
    machine_free(m);
    CHECK_EQ(write(fd, elf, sizeof(elf)), sizeof(elf));
    close(fd);
    m = board((MachineConfig){ .kernel = path }, &err);
    CHECK_STR(err.msg, "");
    unlink(path);
    if (!m) {
        return;
    }
    CHECK_EQ(s3c_clock_hz(machine_find(m, "sysclk"), S3C_FCLK), 405000000);
    CHECK_EQ(s3c_pclk(machine_find(m, "sysclk")), 50625000);
    CHECK(lamp(m, 5));                          /* the backlight */
    CHECK_EQ(s3c_clock_hz(machine_find(m, "sysclk"), S3C_UCLK), 48000000);
    CHECK_EQ(in(m, WATCHDOG), 0);
    CHECK_EQ(in(m, UART), 3);
    CHECK_EQ(in(m, GPIO + 0xb0), 0x32440001);
    CHECK_EQ(in(m, RAM + 0x8000), 0x464c457f);
    machine_reset(m);
    CHECK_EQ(s3c_pclk(machine_find(m, "sysclk")), 50625000);
    machine_free(m);
}
