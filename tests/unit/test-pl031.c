/* SPDX-License-Identifier: MIT */
/* The real time clock against ARM DDI 0224. */
#include "hw/timer/pl031.h"

#include "tests/unit/primecell-test.h"

enum { DR = 0x00, MR = 0x04, LR = 0x08, CR = 0x0c, IMSC = 0x10, RIS = 0x14, MIS = 0x18,
       ICR = 0x1c };

/* At the start of second 1000. */
static Device *rtc_at_1000(void)
{
    Device *d = chip_new(&pl031_type);

    clock_step(&clock_, NS_PER_SEC - (clock_host_ns() % NS_PER_SEC));
    for (uint32_t was = in(d, DR); in(d, DR) == was;) {
        clock_step(&clock_, NS_PER_US);
    }
    out(d, LR, 1000);
    return d;
}

TEST(identification)
{
    Device *d = chip_new(&pl031_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00141031);
    device_free(d);
}

/* "rtc_base" moves the start from the host's time. */
TEST(starts_at_host_time_plus_offset)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&pl031_type);
    char text[32];

    snprintf(text, sizeof(text), "%llu",
             (unsigned long long)(1000000000ll * NS_PER_SEC - clock_host_ns()));
    chip_prop(d, "rtc_base", text);
    chip_plug(d);
    CHECK_EQ(in(d, DR), 1000000000);
    device_free(d);
}

/* RTCDR counts at 1 Hz from what RTCLR was given; RTCCR reads enabled. */
TEST(counts_seconds)
{
    Device *d = rtc_at_1000();

    CHECK_EQ(in(d, CR), 1);
    CHECK_EQ(in(d, DR), 1000);
    CHECK_EQ(in(d, LR), 1000);
    clock_step(&clock_, NS_PER_SEC * 9 / 10);
    CHECK_EQ(in(d, DR), 1000);
    clock_step(&clock_, NS_PER_SEC / 10);
    CHECK_EQ(in(d, DR), 1001);
    out(d, DR, 5);
    CHECK_EQ(in(d, DR), 1001);
    out(d, LR, 0xffffffff);
    CHECK_EQ(in(d, DR), 0xffffffff);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(d, DR), 0);
    device_free(d);
}

/* Counter equal to match sets RTCRIS, whatever the mask. */
TEST(match_sets_raw_status_even_when_masked)
{
    Device *d = rtc_at_1000();

    out(d, MR, 1003);
    clock_step(&clock_, 2 * NS_PER_SEC);
    CHECK_EQ(in(d, RIS), 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(d, RIS), 1);
    CHECK_EQ(in(d, MIS), 0);
    CHECK_EQ(wire[0], 0);
    out(d, IMSC, 1);
    CHECK_EQ(in(d, MIS), 1);
    CHECK_EQ(wire[0], 1);
    out(d, ICR, 0);
    CHECK_EQ(wire[0], 1);
    out(d, ICR, 1);
    CHECK_EQ(in(d, RIS), 0);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 10 * NS_PER_SEC);
    CHECK_EQ(in(d, RIS), 0);
    device_free(d);
}

/* Setting the time moves the match, too. */
TEST(match_after_setting_the_time)
{
    Device *d = rtc_at_1000();

    out(d, IMSC, 1);
    out(d, MR, 5000);
    out(d, LR, 4999);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

/* A match that has been is not lost by a write that comes before the loop. */
TEST(match_served_late)
{
    static const unsigned writes[] = { MR, LR };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        Device *d = rtc_at_1000();

        out(d, MR, 1001);
        chip_loop_is_late(2 * NS_PER_SEC);
        out(d, writes[i], 2000);
        CHECK_EQ(in(d, RIS), 1);
        device_free(d);
    }
}

/* The clock has its own reset: a bus reset does not move the time. */
TEST(time_survives_reset)
{
    Device *d = rtc_at_1000();

    out(d, MR, 1001);
    out(d, IMSC, 1);
    device_reset(d);
    CHECK_EQ(in(d, DR), 1000);
    CHECK_EQ(in(d, IMSC), 0);
    clock_step(&clock_, 2 * NS_PER_SEC);
    CHECK_EQ(in(d, RIS), 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&pl031_type), *b = chip_plug(chip_make(&pl031_type));

    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    CHECK_EQ(in(d, DR), in(b, DR));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
