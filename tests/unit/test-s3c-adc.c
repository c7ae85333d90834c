/* SPDX-License-Identifier: MIT */
/* A/D converter and touch screen against the S3C2440A User's Manual, chapter 16. */
#include "hw/s3c24xx/adc.h"

#include "tests/unit/primecell-test.h"
#include "ui/console.h"

enum { ADCCON = 0x00, ADCTSC = 0x04, ADCDLY = 0x08, ADCDAT0 = 0x0c, ADCDAT1 = 0x10,
       ADCUPDN = 0x14 };
enum { TC = S3C_ADC_OUT_TC, ADC = S3C_ADC_OUT_ADC };
/* PRSCEN and a prescaler of 49 + 1: 1.0125 MHz, 5 cycles, almost 5 us */
enum { CON = 1 << 14 | 49 << 6, START = 1, READ_START = 2, ECFLG = 0x8000 };
/* as drivers write ADCTSC */
enum { WAIT_DOWN = 0x0d3, WAIT_UP = 0x1d3, AUTO = 0x0c, X_ONLY = 0x69, Y_ONLY = 0x9a };
enum { UP = 0x8000, VALUE = 0x3ff };

static Device *adc(void)
{
    Device *d = chip_make(&s3c2440_adc_type);

    clock_init_manual(&clock_);
    chip_prop(d, "ain0", "512");
    chip_prop(d, "ain2", "77");
    return chip_plug(d);
}

static void pen(int x, int y, bool down)
{
    input_pointer(x, y, 0, down ? POINTER_LEFT : 0);
}

TEST(reset_values)
{
    Device *d = adc();

    CHECK_EQ(in(d, ADCCON), 0x3fc4);
    CHECK_EQ(in(d, ADCTSC), 0x58);
    CHECK_EQ(in(d, ADCDLY), 0xff);
    CHECK_EQ(in(d, ADCUPDN), 0);
    device_free(d);
}

/* "Normal conversion mode": a channel to ADCDAT0, after five cycles. */
TEST(channels)
{
    Device *d = adc();

    out(d, ADCTSC, 0);
    out(d, ADCCON, CON | START);
    CHECK_EQ(in(d, ADCCON), CON);       /* ENABLE_START clears itself */
    clock_step(&clock_, 4 * NS_PER_US);
    CHECK_EQ(in(d, ADCCON) & ECFLG, 0);
    clock_step(&clock_, 1 * NS_PER_US);
    CHECK_EQ(in(d, ADCCON), ECFLG | CON);
    CHECK_EQ(in(d, ADCDAT0) & VALUE, 512);
    CHECK_EQ(rises[ADC], 1);
    out(d, ADCCON, CON | 2 << 3 | START);
    CHECK_EQ(in(d, ADCCON) & ECFLG, 0);
    clock_step(&clock_, 5 * NS_PER_US);
    CHECK_EQ(in(d, ADCDAT0) & VALUE, 77);
    device_free(d);
}

/* "READ_START": each reading begins the next. */
TEST(start_by_read)
{
    Device *d = adc();

    out(d, ADCTSC, 0);
    out(d, ADCCON, CON | READ_START);
    clock_step(&clock_, 20 * NS_PER_US);
    CHECK_EQ(rises[ADC], 0);
    in(d, ADCDAT0);
    clock_step(&clock_, 20 * NS_PER_US);
    CHECK_EQ(rises[ADC], 1);
    CHECK_EQ(in(d, ADCDAT0) & VALUE, 512);
    clock_step(&clock_, 20 * NS_PER_US);
    CHECK_EQ(rises[ADC], 2);
    device_free(d);
}

/* "STDBM": no conversion. */
TEST(standby)
{
    Device *d = adc();

    out(d, ADCCON, CON | START | 4);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(rises[ADC], 0);
    device_free(d);
}

/* "Waiting for interrupt mode": pen down, then up, each after ADCDLY. */
TEST(pen_interrupts)
{
    Device *d = adc();

    pen(100, 100, false);
    out(d, ADCDLY, 12000);              /* of 12 MHz: 1 ms */
    out(d, ADCTSC, WAIT_DOWN);
    CHECK_EQ(in(d, ADCDAT0) & UP, UP);
    pen(16000, 8000, true);
    CHECK_EQ(rises[TC], 0);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(rises[TC], 1);
    CHECK_EQ(in(d, ADCUPDN), 1);
    CHECK_EQ(in(d, ADCDAT0) & UP, 0);
    pen(16100, 8000, true);             /* moving is no news */
    clock_step(&clock_, 5 * NS_PER_MS);
    CHECK_EQ(rises[TC], 1);
    out(d, ADCUPDN, 0);
    out(d, ADCTSC, WAIT_UP);
    clock_step(&clock_, 5 * NS_PER_MS);
    CHECK_EQ(rises[TC], 1);
    pen(16100, 8000, false);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(rises[TC], 2);
    CHECK_EQ(in(d, ADCUPDN), 2);
    device_free(d);
}

/* A pen that is down already is detected when the mode begins. */
TEST(pen_is_there_already)
{
    Device *d = adc();

    pen(1, 1, true);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(rises[TC], 0);
    out(d, ADCTSC, WAIT_DOWN);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(rises[TC], 1);
    pen(1, 1, false);
    device_free(d);
}

/* "Auto (sequential) X/Y position conversion mode": both, one interrupt. */
TEST(automatic_position)
{
    Device *d = adc();

    pen(32767, 0, true);
    out(d, ADCTSC, AUTO);
    out(d, ADCCON, CON | START);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(rises[ADC], 1);
    CHECK_EQ(in(d, ADCDAT0) & VALUE, 90);       /* x_min, as axes are swapped */
    CHECK_EQ(in(d, ADCDAT1) & VALUE, 940);
    CHECK_EQ(in(d, ADCDAT0) >> 12, 4);          /* AUTO_PST */
    pen(0, 0, false);
    device_free(d);
}

/* "Separate X/Y position conversion mode". */
TEST(separate_position)
{
    Device *d = chip_make(&s3c2440_adc_type);

    clock_init_manual(&clock_);
    chip_prop(d, "swap_xy", "off");
    chip_prop(d, "x_min", "1000");
    chip_prop(d, "x_max", "0");
    chip_plug(d);
    pen(0, 32767, true);
    out(d, ADCTSC, X_ONLY);
    out(d, ADCCON, CON | START);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(d, ADCDAT0) & VALUE, 1000);
    CHECK_EQ(in(d, ADCDAT1) & VALUE, 0);
    out(d, ADCTSC, Y_ONLY);
    out(d, ADCCON, CON | START);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(d, ADCDAT1) & VALUE, 940);
    CHECK_EQ(rises[ADC], 2);
    pen(0, 0, false);
    device_free(d);
}

TEST(limits_of_properties)
{
    Device *d = chip_make(&s3c2440_adc_type);
    Error err;

    chip_prop(d, "y_max", "1024");
    CHECK(device_realize(d, &err) < 0);
    CHECK(strstr(err.msg, "y_max") != NULL);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_adc_type), *b = chip_plug(chip_make(&s3c2440_adc_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
