/* SPDX-License-Identifier: MIT */
/* The memory controller against the S3C2440A User's Manual, chapter 5. */
#include "hw/s3c24xx/memctl.h"

#include "tests/unit/primecell-test.h"

enum { BWSCON = 0x00, BANKCON0 = 0x04, BANKCON5 = 0x18, BANKCON6 = 0x1c, BANKCON7 = 0x20,
       REFRESH = 0x24, BANKSIZE = 0x28, MRSRB6 = 0x2c, MRSRB7 = 0x30 };

TEST(reset_values)
{
    Device *d = chip_new(&s3c2440_memctl_type);

    CHECK_EQ(in(d, BWSCON), 2);         /* DW0: 16 bits */
    for (unsigned at = BANKCON0; at <= BANKCON5; at += 4) {
        CHECK_EQ(in(d, at), 0x700);
    }
    CHECK_EQ(in(d, BANKCON6), 0x18008);
    CHECK_EQ(in(d, BANKCON7), 0x18008);
    CHECK_EQ(in(d, REFRESH), 0xac0000);
    CHECK_EQ(in(d, BANKSIZE), 0);
    device_free(d);
}

/* All are kept; "DW0" is read only. */
TEST(registers_are_kept)
{
    Device *d = chip_new(&s3c2440_memctl_type);

    out(d, BWSCON, 0x22111110);
    CHECK_EQ(in(d, BWSCON), 0x22111112);
    out(d, BANKCON6, 0x18005);
    CHECK_EQ(in(d, BANKCON6), 0x18005);
    out(d, REFRESH, 0x8e04eb);
    CHECK_EQ(in(d, REFRESH), 0x8c04eb);
    out(d, MRSRB6, 0x30);
    out(d, MRSRB7, 0x20);
    CHECK_EQ(in(d, MRSRB6), 0x30);
    CHECK_EQ(in(d, MRSRB7), 0x20);
    device_free(d);
}

/* "BK76MAP": 010 is 128 MiB each. */
TEST(banks_of_128_mib)
{
    Device *d = chip_new(&s3c2440_memctl_type);

    CHECK_EQ(wire[0], 0);
    out(d, BANKSIZE, 0xb2);
    CHECK_EQ(wire[0], 1);
    out(d, BANKSIZE, 0xb1);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_memctl_type);
    Device *b = chip_plug(chip_make(&s3c2440_memctl_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
