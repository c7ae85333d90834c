/* SPDX-License-Identifier: MIT */
/* I/O ports and external interrupts against the S3C2440A User's Manual, chapter 9. */
#include "hw/s3c24xx/gpio.h"

#include "tests/unit/primecell-test.h"

enum { GPA = 0x00, GPB = 0x10, GPC = 0x20, GPD = 0x30, GPE = 0x40, GPF = 0x50, GPG = 0x60,
       GPH = 0x70, GPJ = 0xd0, CON = 0, DAT = 4, UP = 8 };
enum { MISCCR = 0x80, EXTINT0 = 0x88, EXTINT1 = 0x8c, EXTINT2 = 0x90, EINTFLT2 = 0x9c,
       EINTMASK = 0xa4, EINTPEND = 0xa8, GSTATUS1 = 0xb0, GSTATUS2 = 0xb4, GSTATUS3 = 0xb8,
       DSC0 = 0xc4 };
enum { LOW, HIGH, FALLING, RISING = 4, BOTH = 6 };
enum { EINT0 = S3C_GPIO_OUT_EINT0, EINT4_7 = S3C_GPIO_OUT_EINT4_7,
       EINT8_23 = S3C_GPIO_OUT_EINT8_23, WAKE = S3C_GPIO_OUT_WAKE, PIN0 = S3C_GPIO_OUT_PIN0 };

static void pin(Device *d, int n, int level)
{
    chip_input(d, n, level);
}

TEST(reset_values)
{
    static const struct { unsigned at; uint32_t val; } rows[] = {
        { GPA + CON, 0xffffff }, { GPB + CON, 0 }, { GPB + UP, 0 }, { GPD + UP, 0xf000 },
        { GPG + UP, 0xfc00 }, { GPH + UP, 0 }, { GPJ + CON, 0 }, { MISCCR, 0x10020 },
        { EXTINT0, 0 }, { EINTMASK, 0xfffff0 }, { EINTPEND, 0 }, { GSTATUS1, 0x32440001 },
        { GSTATUS2, 1 }, { GSTATUS3, 0 }, { DSC0, 0 },
    };
    Device *d = chip_new(&s3c2440_gpio_type);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_EQ(in(d, rows[i].at), rows[i].val);
    }
    device_free(d);
}

/* Output: the pin has the data register's level, and reads so. */
TEST(outputs)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    out(d, GPB + CON, 1 << 10 | 1 << 16);
    out(d, GPB + UP, 0x7ff);
    out(d, GPB + DAT, 0x7ff);
    CHECK_EQ(in(d, GPB + DAT), 1 << 5 | 1 << 8);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 5)], 1);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 6)], 0);
    pin(d, S3C_PIN(B, 5), 0);           /* what is outside does not matter */
    CHECK_EQ(in(d, GPB + DAT), 1 << 5 | 1 << 8);
    out(d, GPB + DAT, 0);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 5)], 0);
    device_free(d);
}

/* Port A has one bit per pin: 0 is output. */
TEST(port_a)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    out(d, GPA + CON, 0xffffff & ~(1u << 12));
    out(d, GPA + DAT, 1 << 12 | 1 << 3);
    CHECK_EQ(wire[PIN0 + S3C_PIN(A, 12)], 1);
    out(d, GPA + DAT, 0);
    CHECK_EQ(wire[PIN0 + S3C_PIN(A, 12)], 0);
    device_free(d);
}

/* Every port's pins are where they should be. */
TEST(inputs_of_all_ports)
{
    static const struct { unsigned at; int first, num; } rows[] = {
        { GPB, S3C_GPB, 11 }, { GPC, S3C_GPC, 16 }, { GPD, S3C_GPD, 16 }, { GPE, S3C_GPE, 16 },
        { GPF, S3C_GPF, 8 }, { GPG, S3C_GPG, 16 }, { GPH, S3C_GPH, 11 }, { GPJ, S3C_GPJ, 13 },
    };
    Device *d = chip_new(&s3c2440_gpio_type);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int n = 0; n < rows[i].num; n++) {
            pin(d, rows[i].first + n, 0);
        }
        for (int n = 0; n < rows[i].num; n++) {
            pin(d, rows[i].first + n, 1);
            CHECK_EQ(in(d, rows[i].at + DAT), 1u << n);
            pin(d, rows[i].first + n, 0);
        }
    }
    device_free(d);
}

/* "GPxUP": 0 pulls up a pin that nothing drives. */
TEST(pull_ups)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    CHECK_EQ(in(d, GPD + DAT), 0x0fff);
    out(d, GPD + UP, 0x00ff);
    CHECK_EQ(in(d, GPD + DAT), 0xff00);
    pin(d, S3C_PIN(D, 15), 0);
    pin(d, S3C_PIN(D, 0), 1);
    CHECK_EQ(in(d, GPD + DAT), 0x7f01);
    device_free(d);
}

/* GPB0 to GPB3 as function pins are TOUT0 to TOUT3. */
TEST(timer_outputs)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    out(d, GPB + UP, 0x7ff);
    chip_input(d, S3C_GPIO_IN_TOUT0 + 1, 1);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 1)], 0);
    out(d, GPB + CON, 2 << 2);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 1)], 1);
    chip_input(d, S3C_GPIO_IN_TOUT0 + 1, 0);
    CHECK_EQ(wire[PIN0 + S3C_PIN(B, 1)], 0);
    device_free(d);
}

/* "EXTINT0": EINT0 to EINT3 go straight to the controller. */
TEST(direct_interrupts)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    for (int n = 0; n < 4; n++) {
        pin(d, S3C_PIN(F, n), 0);
    }
    out(d, GPF + CON, 0xaa);
    out(d, EXTINT0, HIGH | RISING << 4 | FALLING << 8 | BOTH << 12);
    int before[4] = { rises[EINT0], rises[EINT0 + 1], rises[EINT0 + 2], rises[EINT0 + 3] };
    for (int n = 0; n < 4; n++) {
        pin(d, S3C_PIN(F, n), 1);
    }
    CHECK_EQ(wire[EINT0], 1);
    CHECK_EQ(rises[EINT0 + 1] - before[1], 1);
    CHECK_EQ(rises[EINT0 + 2] - before[2], 0);
    CHECK_EQ(rises[EINT0 + 3] - before[3], 1);
    for (int n = 0; n < 4; n++) {
        pin(d, S3C_PIN(F, n), 0);
    }
    CHECK_EQ(wire[EINT0], 0);
    CHECK_EQ(rises[EINT0 + 1] - before[1], 1);
    CHECK_EQ(rises[EINT0 + 2] - before[2], 1);
    CHECK_EQ(rises[EINT0 + 3] - before[3], 2);
    CHECK_EQ(in(d, EINTPEND), 0);
    device_free(d);
}

/* All types of EINT4 to EINT23: EINTPEND, EINTMASK, and the field of each. */
TEST(pending_interrupts)
{
    for (int n = 4; n < 24; n++) {
        for (uint32_t type = 0; type < 8; type++) {
            Device *d = chip_new(&s3c2440_gpio_type);
            int group = n < 8 ? EINT4_7 : EINT8_23;
            bool level = type < 2;

            pin(d, S3C_PIN_EINT(n), type == LOW || type / 2 == FALLING / 2);
            out(d, n < 8 ? GPF : GPG, 2u << (2 * (n % 8 + (n >= 16 ? 8 : 0))));
            out(d, EXTINT0 + (unsigned)n / 8 * 4, type << (n % 8 * 4));
            out(d, EINTPEND, 0xffffff);
            CHECK_EQ(in(d, EINTPEND), 0);
            int now = type == HIGH || type >= 4;
            pin(d, S3C_PIN_EINT(n), now);
            CHECK_EQ(in(d, EINTPEND), 1u << n);
            CHECK_EQ(wire[group], 0);
            out(d, EINTMASK, 0xfffff0 & ~(1u << n));
            CHECK_EQ(wire[group], 1);
            out(d, EINTPEND, 1u << n);
            CHECK_EQ(in(d, EINTPEND), level ? 1u << n : 0);
            CHECK_EQ(wire[group], level);
            pin(d, S3C_PIN_EINT(n), !now);
            CHECK_EQ(in(d, EINTPEND) >> n & 1, level || type >= 6);
            device_free(d);
        }
    }
}

/* Only a pin whose function is EINT interrupts. */
TEST(inputs_do_not_interrupt)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    out(d, EXTINT1, BOTH);
    out(d, GPG + CON, 0);
    pin(d, S3C_PIN_EINT(8), 0);
    pin(d, S3C_PIN_EINT(8), 1);
    CHECK_EQ(in(d, EINTPEND), 0);
    out(d, GPG + CON, 2);
    pin(d, S3C_PIN_EINT(8), 0);
    CHECK_EQ(in(d, EINTPEND), 1 << 8);
    device_free(d);
}

/* "EINTFLT2": a change of EINT16 counts after so many cycles, if FLTEN16 is set. */
TEST(filters)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    pin(d, S3C_PIN_EINT(16), 1);
    out(d, GPG + CON, 2u << 16);
    out(d, EXTINT2, FALLING | 8);
    out(d, EINTFLT2, 0x80 | 120);       /* 120 cycles of 12 MHz: 10 us */
    out(d, EINTPEND, 0xffffff);
    pin(d, S3C_PIN_EINT(16), 0);
    clock_step(&clock_, 9 * NS_PER_US);
    CHECK_EQ(in(d, EINTPEND), 0);
    clock_step(&clock_, 2 * NS_PER_US);
    CHECK_EQ(in(d, EINTPEND), 1 << 16);
    out(d, EINTPEND, 1 << 16);
    pin(d, S3C_PIN_EINT(16), 1);
    clock_step(&clock_, 20 * NS_PER_US);
    pin(d, S3C_PIN_EINT(16), 0);        /* shorter than the filter */
    clock_step(&clock_, 5 * NS_PER_US);
    pin(d, S3C_PIN_EINT(16), 1);
    clock_step(&clock_, 20 * NS_PER_US);
    CHECK_EQ(in(d, EINTPEND), 0);
    device_free(d);
}

/* "Sleep mode": EINT0 to EINT15 wake, as configured. */
TEST(wake_up)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    pin(d, S3C_PIN_EINT(8), 1);
    pin(d, S3C_PIN_EINT(16), 1);
    out(d, GPG + CON, 2 | 2u << 16);
    out(d, EXTINT1, FALLING);
    out(d, EXTINT2, FALLING);
    int before = rises[WAKE];
    pin(d, S3C_PIN_EINT(16), 0);
    CHECK_EQ(rises[WAKE], before);
    pin(d, S3C_PIN_EINT(8), 0);
    CHECK_EQ(rises[WAKE], before + 1);
    device_free(d);
}

/* "GSTATUS2": what the reset was; ones clear. */
TEST(causes_of_reset)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    out(d, GSTATUS2, 1);
    CHECK_EQ(in(d, GSTATUS2), 0);
    chip_input(d, S3C_GPIO_IN_WATCHDOG, 1);
    CHECK_EQ(rises[S3C_GPIO_OUT_RESET], 1);
    chip_input(d, S3C_GPIO_IN_WATCHDOG, 0);
    device_reset(d);
    CHECK_EQ(in(d, GSTATUS2), 4);
    device_reset(d);
    CHECK_EQ(in(d, GSTATUS2), 1);
    device_free(d);
}

/* The ports and GSTATUS3 and 4 live through sleep mode, and no other reset. */
TEST(registers_live_through_sleep)
{
    Device *d = chip_new(&s3c2440_gpio_type);

    for (int round = 0; round < 2; round++) {
        int input = round ? S3C_GPIO_IN_WATCHDOG : S3C_GPIO_IN_WAKEUP;

        out(d, GPB + CON, 1 << 10);
        out(d, GPB + DAT, 1 << 5);
        out(d, GSTATUS3, 0x30001234);
        chip_input(d, input, 1);
        chip_input(d, input, 0);
        device_reset(d);
        CHECK_EQ(in(d, GSTATUS2), round ? 4 : 2);
        CHECK_EQ(in(d, GSTATUS3), round ? 0 : 0x30001234);
        CHECK_EQ(in(d, GPB + CON), round ? 0 : 1 << 10);
    }
    device_free(d);
}

static void ground_all(Device *d)
{
    for (int n = 0; n < S3C_GPIO_NUM_INPUTS; n++) {
        chip_input(d, n, 0);
    }
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_gpio_type);
    Device *b = chip_plug(chip_make(&s3c2440_gpio_type));

    ground_all(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(b);
    ground_all(d);
    device_reset(d);
    device_reset(d);                    /* the first may be by the watchdog */
    uint8_t *before = chip_save(d), *after;
    chip_scribble(d, 99, 500);
    device_reset(d);
    device_reset(d);
    after = chip_save(d);
    CHECK(!memcmp(before, after, vmstate_size(d->type->vmstate)));
    free(before);
    free(after);
    device_free(d);
}
