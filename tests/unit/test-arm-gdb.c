/* SPDX-License-Identifier: MIT */
/* Registers by GDB's numbers (GDB manual, "ARM Features"). */
#include "tests/arm-rig.h"
#include "tests/test.h"

static uint64_t get(unsigned n, unsigned size)
{
    uint8_t buf[GDB_REG_MAX];

    arm_cpu_ops.gdb_read_reg(arm_cpu(rig.env), n, buf);
    return load_le(buf, size);
}

static bool set(unsigned n, uint64_t val)
{
    uint8_t buf[GDB_REG_MAX];

    store_le(buf, val, 8);
    return arm_cpu_ops.gdb_write_reg(arm_cpu(rig.env), n, buf);
}

/* The VFP feature only of a core that has one. */
TEST(features_are_those_of_the_core)
{
    static const struct { const char *model; const char *second; } rows[] = {
        { "arm926", "org.gnu.gdb.arm.vfp" }, { "arm920t", NULL }, { "arm1136", "org.gnu.gdb.arm.vfp" },
    };
    AccelOptions o = { .tb_size = 8 << 20 };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        rig_open(&o, rows[i].model);
        const GDBFeature *f = arm_cpu_ops.gdb_features(arm_cpu(rig.env));

        CHECK_STR(f[0].name, "org.gnu.gdb.arm.core");
        CHECK_EQ(f[0].num, 17);
        CHECK_STR(f[1].name ? f[1].name : "", rows[i].second ? rows[i].second : "");
        rig_close();
    }
}

/* CPSR: the mode's bank comes with it, Thumb changes what the PC may be. */
TEST(derived_state_follows)
{
    AccelOptions o = { .tb_size = 8 << 20 };

    rig_open(&o, "arm926");
    rig.env->regs[R_SP] = 0x1111;
    CHECK_EQ(get(16, 4) & CPSR_M, MODE_SVC);
    CHECK(set(16, 0x60000000 | MODE_SYS | CPSR_I));
    CHECK_EQ(get(16, 4), 0x60000000 | MODE_SYS | CPSR_I);
    CHECK_EQ(get(13, 4), 0);
    CHECK(set(13, 0x2222));
    CHECK(!set(16, 0x05));                          /* no such mode */
    CHECK(set(16, MODE_SVC));
    CHECK_EQ(get(13, 4), 0x1111);
    CHECK(set(15, 0x8003));
    CHECK_EQ(get(15, 4), 0x8000);
    CHECK(set(16, MODE_SVC | CPSR_T));
    CHECK(rig.env->tbflags & TBF_THUMB);
    CHECK(set(15, 0x8003));
    CHECK_EQ(get(15, 4), 0x8002);
    CHECK(set(18, 0x123456789abcdef0));             /* d1 */
    CHECK_EQ(rig.env->vfp.s[3], 0x12345678);
    CHECK(set(33, 3 << 22));                        /* FPSCR: round to zero */
    CHECK_EQ(get(33, 4), 3 << 22);
    CHECK(!(rig.env->tbflags & TBF_FPFAST));
    rig_close();
}
