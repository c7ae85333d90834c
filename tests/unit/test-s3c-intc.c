/* SPDX-License-Identifier: MIT */
/* The interrupt controller against the S3C2440A User's Manual, chapter 14. */
#include "hw/s3c24xx/intc.h"

#include "tests/unit/primecell-test.h"

enum { SRCPND = 0x00, INTMOD = 0x04, INTMSK = 0x08, PRIORITY = 0x0c, INTPND = 0x10,
       INTOFFSET = 0x14, SUBSRCPND = 0x18, INTSUBMSK = 0x1c };
enum { IRQ = S3C_INTC_OUT_IRQ, FIQ = S3C_INTC_OUT_FIQ };
#define BIT(n) (1u << (n))

static Device *unmasked(void)
{
    Device *d = chip_new(&s3c2440_intc_type);

    out(d, INTMSK, 0);
    out(d, INTSUBMSK, 0);
    return d;
}

static void pulse(Device *d, int n)
{
    chip_input(d, n, 1);
    chip_input(d, n, 0);
}

static void ack(Device *d, uint32_t mask)
{
    out(d, SRCPND, mask);
    out(d, INTPND, mask);
}

TEST(reset_values)
{
    Device *d = chip_new(&s3c2440_intc_type);

    CHECK_EQ(in(d, SRCPND), 0);
    CHECK_EQ(in(d, INTMOD), 0);
    CHECK_EQ(in(d, INTMSK), 0xffffffff);
    CHECK_EQ(in(d, PRIORITY), 0x7f);
    CHECK_EQ(in(d, INTPND), 0);
    CHECK_EQ(in(d, INTOFFSET), 0);
    CHECK_EQ(in(d, SUBSRCPND), 0);
    CHECK_EQ(in(d, INTSUBMSK), 0x7fff);
    device_free(d);
}

/* "SRCPND": set whether masked or not; unmasking lets it through. */
TEST(masked_sources_are_remembered)
{
    Device *d = chip_new(&s3c2440_intc_type);

    pulse(d, S3C_INT_TIMER4);
    CHECK_EQ(in(d, SRCPND), BIT(14));
    CHECK_EQ(in(d, INTPND), 0);
    CHECK_EQ(wire[IRQ], 0);
    out(d, INTMSK, ~BIT(14));
    CHECK_EQ(in(d, INTPND), BIT(14));
    CHECK_EQ(in(d, INTOFFSET), 14);
    CHECK_EQ(wire[IRQ], 1);
    ack(d, BIT(14));
    CHECK_EQ(in(d, INTOFFSET), 0);
    CHECK_EQ(wire[IRQ], 0);
    device_free(d);
}

/* "INTPND": one bit at a time, until a 1 is written. */
TEST(one_pending_at_a_time)
{
    Device *d = unmasked();

    pulse(d, S3C_INT_TIMER0);
    pulse(d, S3C_INT_EINT0);
    CHECK_EQ(in(d, SRCPND), BIT(10) | BIT(0));
    CHECK_EQ(in(d, INTPND), BIT(10));
    out(d, SRCPND, BIT(10));
    CHECK_EQ(in(d, INTPND), BIT(10));
    out(d, INTPND, BIT(10));
    CHECK_EQ(in(d, INTPND), BIT(0));
    ack(d, BIT(0));
    CHECK_EQ(wire[IRQ], 0);
    out(d, INTPND, 0);
    CHECK_EQ(in(d, INTPND), 0);
    device_free(d);
}

/* INTPND cleared before SRCPND: the same source again. */
TEST(source_still_pending)
{
    Device *d = unmasked();

    pulse(d, S3C_INT_DMA2);
    out(d, INTPND, BIT(19));
    CHECK_EQ(in(d, INTPND), BIT(19));
    ack(d, BIT(19));
    CHECK_EQ(in(d, INTPND), 0);
    device_free(d);
}

/* An input that stays high is latched again; one that fell is not. */
TEST(levels)
{
    Device *d = unmasked();

    chip_input(d, S3C_INT_EINT8_23, 1);
    ack(d, BIT(5));
    CHECK_EQ(in(d, INTPND), BIT(5));
    chip_input(d, S3C_INT_EINT8_23, 0);
    CHECK_EQ(in(d, INTPND), BIT(5));
    ack(d, BIT(5));
    CHECK_EQ(wire[IRQ], 0);
    device_free(d);
}

/* "INTMOD": a FIQ source makes FIQ and changes neither INTPND nor INTOFFSET. */
TEST(fiq)
{
    Device *d = unmasked();

    out(d, INTMOD, BIT(21));
    pulse(d, S3C_INT_SDI);
    CHECK_EQ(wire[FIQ], 1);
    CHECK_EQ(wire[IRQ], 0);
    CHECK_EQ(in(d, INTPND), 0);
    CHECK_EQ(in(d, INTOFFSET), 0);
    out(d, INTMSK, BIT(21));
    CHECK_EQ(wire[FIQ], 0);
    out(d, INTMSK, 0);
    out(d, SRCPND, BIT(21));
    CHECK_EQ(wire[FIQ], 0);
    device_free(d);
}

/* "Mapping of SUBSRCPND". */
TEST(sub_sources)
{
    static const uint8_t source[S3C_NUM_SUBS] = { 28, 28, 28, 23, 23, 23, 15, 15, 15,
                                                  31, 31, 6, 6, 9, 9 };
    Device *d = unmasked();

    for (unsigned n = 0; n < S3C_NUM_SUBS; n++) {
        pulse(d, S3C_INT_SUB + (int)n);
        CHECK_EQ(in(d, SUBSRCPND), BIT(n));
        CHECK_EQ(in(d, INTOFFSET), source[n]);
        out(d, SUBSRCPND, BIT(n));
        ack(d, BIT(source[n]));
        CHECK_EQ(in(d, SUBSRCPND), 0);
        CHECK_EQ(wire[IRQ], 0);
    }
    device_free(d);
}

/* "INTSUBMSK": a masked one waits in SUBSRCPND. */
TEST(masked_sub_sources)
{
    Device *d = unmasked();

    out(d, INTSUBMSK, 0x7fff);
    chip_input(d, S3C_INT_SUB + S3C_SUB_TXD0, 1);
    CHECK_EQ(in(d, SUBSRCPND), 2);
    CHECK_EQ(in(d, SRCPND), 0);
    out(d, INTSUBMSK, 0x7ffd);
    CHECK_EQ(in(d, INTOFFSET), 28);
    out(d, SUBSRCPND, 2);
    CHECK_EQ(in(d, SUBSRCPND), 2);      /* still high */
    out(d, INTSUBMSK, 0x7fff);
    ack(d, BIT(28));
    CHECK_EQ(wire[IRQ], 0);
    device_free(d);
}

/* The order in which all sources of a set are served. */
static void check_order(Device *d, const uint8_t *want, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        CHECK_EQ(in(d, INTOFFSET), want[i]);
        ack(d, BIT(want[i]));
    }
    CHECK_EQ(wire[IRQ], 0);
}

static void request(Device *d, const uint8_t *set, unsigned num)
{
    out(d, INTMSK, 0xffffffff);
    for (unsigned i = 0; i < num; i++) {
        pulse(d, set[i]);
    }
    out(d, INTMSK, 0);
}

/* "Interrupt priority", ARB_MODE 0: REQ0 to REQ5 of an arbiter by ARB_SEL. */
TEST(fixed_priorities)
{
    static const uint8_t by_sel[4][6] = {
        { 10, 11, 12, 13, 14, 15 }, { 10, 12, 13, 14, 11, 15 },
        { 10, 13, 14, 11, 12, 15 }, { 10, 14, 11, 12, 13, 15 },
    };
    Device *d = unmasked();

    for (uint32_t sel = 0; sel < 4; sel++) {
        out(d, PRIORITY, sel << 11);    /* ARB_SEL2 */
        request(d, by_sel[0], 6);
        check_order(d, by_sel[sel], 6);
        CHECK_EQ(in(d, PRIORITY), sel << 11);
    }
    device_free(d);
}

/* Arbiter 6 chooses among the others; 0 and 5 have REQ1 to REQ4 only. */
TEST(arbiters_in_order)
{
    static const uint8_t all[] = { 0, 3, 4, 9, 10, 16, 21, 22, 27, 28, 31 };
    static const uint8_t turned[] = { 0, 3, 16, 21, 22, 27, 4, 9, 10, 28, 31 };
    Device *d = unmasked();

    out(d, PRIORITY, 0);
    request(d, all, sizeof(all));
    check_order(d, all, sizeof(all));
    out(d, PRIORITY, 2u << 19);         /* ARB_SEL6: 0-3-4-1-2-5 */
    request(d, all, sizeof(all));
    check_order(d, turned, sizeof(turned));
    device_free(d);
}

/* ARB_MODE 1: of REQ1 to REQ4, the one just served becomes the last. */
TEST(rotation)
{
    static const uint8_t set[] = { 11, 12, 13, 14 };
    Device *d = unmasked();

    out(d, PRIORITY, 1u << 2);          /* ARB_MODE2 */
    pulse(d, 11);
    ack(d, BIT(11));
    CHECK_EQ(in(d, PRIORITY), 1u << 2 | 1u << 11);
    request(d, set, 4);
    CHECK_EQ(in(d, INTOFFSET), 12);
    CHECK_EQ(in(d, PRIORITY), 1u << 2 | 2u << 11);
    ack(d, 0xffffffff);
    pulse(d, 14);
    CHECK_EQ(in(d, PRIORITY), 1u << 2);
    ack(d, BIT(14));
    pulse(d, 10);                       /* REQ0 and REQ5 do not turn it */
    ack(d, BIT(10));
    pulse(d, 15);
    CHECK_EQ(in(d, PRIORITY), 1u << 2);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_intc_type);
    Device *b = chip_plug(chip_make(&s3c2440_intc_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
