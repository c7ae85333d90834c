/* SPDX-License-Identifier: MIT */
/*
 * CP15: which core has which register, who may use it, what it keeps.
 */
#include "tests/test.h"
#include "tests/arm-rig.h"
#include "target-arm/cp15.h"
#include "util/log.h"

static uint32_t word(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2)
{
    return 0xee000f10 | opc1 << 21 | crn << 16 | opc2 << 5 | crm;
}

static bool mcr(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2, uint32_t val)
{
    return arm_cp15_write(rig.env, word(crn, opc1, crm, opc2), val);
}

static uint32_t mrc(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2)
{
    uint32_t val = 0xdeadbeef;

    CHECK(arm_cp15_read(rig.env, word(crn, opc1, crm, opc2), &val));
    return val;
}

static bool has(unsigned crn, unsigned opc1, unsigned crm, unsigned opc2)
{
    uint32_t val;

    return arm_cp15_read(rig.env, word(crn, opc1, crm, opc2), &val);
}

static void start(const char *model)
{
    rig_open(&(AccelOptions){ .tb_size = 4 << 20 }, model);
}

static void user(void) { arm_cpsr_write(rig.env, MODE_USR, CPSR_M); }

/* -- Identification ----------------------------------------------------------- */

TEST(main_ids)
{
    static const struct { const char *model; uint32_t midr, ctr, control; } rows[] = {
        { "arm920t", 0x41129200, 0x0d172172, 0x00000078 },
        { "arm926", 0x41069265, 0x01dd20d2, 0x00090078 },
        { "arm946", 0x41059461, 0x0f004006, 0x00000078 },
        { "arm1026", 0x4106a262, 0x01dd20d2, 0x00090078 },
        { "arm1136", 0x4117b363, 0x01dd20d2, 0x00050078 },
        { "arm1136-r2", 0x4107b362, 0x01dd20d2, 0x00050078 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        start(rows[i].model);
        CHECK_EQ(mrc(0, 0, 0, 0), rows[i].midr);
        CHECK_EQ(mrc(0, 0, 0, 1), rows[i].ctr);
        CHECK_EQ(mrc(1, 0, 0, 0), rows[i].control);
        CHECK_EQ(mrc(0, 0, 0, 7), rows[i].midr);        /* B3.3.1 */
        CHECK(!mcr(0, 0, 0, 0, 0));                     /* read only */
        rig_close();
    }
}

/* DDI 0211, 3.2.3 to 3.2.17 */
TEST(v6_ids)
{
    start("arm1136");
    CHECK_EQ(mrc(0, 0, 1, 0), 0x111);
    CHECK_EQ(mrc(0, 0, 1, 4), 0x01130003);
    CHECK_EQ(mrc(0, 0, 2, 0), 0x00140011);
    CHECK_EQ(mrc(0, 0, 2, 4), 0x141);
    rig_close();
    start("arm926");
    CHECK_EQ(mrc(0, 0, 1, 0), 0x41069265);
    rig_close();
}

TEST(models_have_names)
{
    Error err;

    start("arm926");
    CHECK_EQ(arm_set_model(rig.env, "arm926ej-s", &err), 0);
    CHECK(arm_set_model(rig.env, "z80", &err) < 0);
    CHECK_STR(err.msg, "-cpu z80: no such processor, see -cpu ?");
    CHECK_EQ(mrc(0, 0, 0, 0), 0x41069265);
    rig_close();
}

/* -- Control ------------------------------------------------------------------ */

/* DDI 0198, 2.3.2: bits that are not there read as they were. */
TEST(control_register)
{
    start("arm926");
    CHECK(mcr(1, 0, 0, 0, 0xffffffff));
    CHECK_EQ(mrc(1, 0, 0, 0), 0x0009f3ff);
    CHECK(mcr(1, 0, 0, 0, 0));
    CHECK_EQ(mrc(1, 0, 0, 0), 0x00090078);
    rig_close();
    start("arm1136");
    CHECK(mcr(1, 0, 0, 0, SCTLR_U | SCTLR_XP | SCTLR_V));
    CHECK_EQ(mrc(1, 0, 0, 0), 0x00050078 | SCTLR_U | SCTLR_XP | SCTLR_V);
    CHECK(rig.env->tbflags & TBF_UNALIGNED);
    rig_close();
}

/* DDI 0211, 3.2.22: what the unit may be used by. */
TEST(coprocessor_access)
{
    start("arm1136");
    rig.env->fpexc = 1u << 30;
    arm_update_tbflags(rig.env);
    CHECK(!(rig.env->tbflags & TBF_VFP));
    CHECK(mcr(1, 0, 0, 2, 0xffffffff));
    CHECK_EQ(mrc(1, 0, 0, 2), 0x00f00000);
    CHECK(rig.env->tbflags & TBF_VFP);
    CHECK(mcr(1, 0, 0, 2, 0x00500000));         /* privileged only */
    CHECK(rig.env->tbflags & TBF_VFP);
    user();
    CHECK(!(rig.env->tbflags & TBF_VFP));
    rig_close();
    start("arm926");
    CHECK(!has(1, 0, 0, 2));
    rig_close();
}

/* -- Rights and absences ------------------------------------------------------ */

TEST(user_mode)
{
    start("arm1136");
    CHECK(mcr(13, 0, 0, 3, 0x1234));
    user();
    CHECK(!has(1, 0, 0, 0));
    CHECK_EQ(mrc(13, 0, 0, 3), 0x1234);         /* B4.9.6: read only */
    CHECK(!mcr(13, 0, 0, 3, 0));
    CHECK(mcr(13, 0, 0, 2, 0x55));
    CHECK_EQ(mrc(13, 0, 0, 2), 0x55);
    CHECK(!has(13, 0, 0, 4));
    CHECK(mcr(7, 0, 10, 4, 0));                 /* the barriers */
    CHECK(mcr(7, 0, 10, 5, 0));
    CHECK(mcr(7, 0, 5, 4, 0));
    CHECK(!mcr(7, 0, 5, 0, 0));
    CHECK(!mcr(8, 0, 7, 0, 0));
    rig_close();
    start("arm926");
    user();
    CHECK(!mcr(7, 0, 10, 4, 0));
    rig_close();
    start("arm1136-r2");
    CHECK(!has(13, 0, 0, 3));
    rig_close();
}

TEST(unknown_is_undefined_and_said)
{
    uint64_t before = log_count(LOG_UNIMP);

    start("arm926");
    CHECK(!has(4, 0, 0, 0));
    CHECK(!mcr(11, 0, 0, 0, 0));
    CHECK(!has(9, 5, 0, 0));
    CHECK(!has(2, 0, 0, 1));
    CHECK_EQ(log_count(LOG_UNIMP), before + 4);
    rig_close();
}

/* Every word is survived by every core. */
TEST(any_register)
{
    static const char *const names[] = { "arm920t", "arm926", "arm946", "arm1026", "arm1136" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        start(names[i]);
        for (unsigned n = 0; n < 1u << 14; n++) {
            uint32_t insn = word(n & 15, n >> 4 & 7, n >> 7 & 15, n >> 11 & 7), val;

            if (arm_cp15_write(rig.env, insn, n * 0x9e3779b1u)) {
                arm_cp15_write_is_quiet(insn);
            }
            arm_cp15_read(rig.env, insn, &val);
            rig.env->common.exception_index = EXCP_NONE;
        }
        rig_close();
    }
}

/* -- Effects ------------------------------------------------------------------ */

/* DDI 0198, 2.3.7: the loop of test-and-clean ends. */
TEST(test_and_clean)
{
    static const uint32_t code[] = {
        0xee17ff7a,                     /* mrc p15, 0, apsr_nzcv, c7, c10, 3 */
        0x1afffffd,                     /* bne code */
        0xee17ff7e,                     /* mrc p15, 0, apsr_nzcv, c7, c14, 3 */
        0x03a00001,                     /* moveq r0, #1 */
        0xef000000,
    };
    ArmCtx c = { .cpsr = MODE_SVC, .r[15] = RIG_CODE }, got;

    start("arm926");
    memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, -1);
    CHECK_EQ(got.r[0], 1);
    rig_close();
}

static bool is_nothing(bool priv, unsigned crn, unsigned crm, unsigned opc2)
{
    return arm_cp15_write_is_nothing(rig.env->features, word(crn, 0, crm, opc2), priv);
}

/* DDI 0198, 2.3.8: without caches their maintenance is nothing, but only for whoever
 * may; what waits, flushes a TLB or keeps a value is something. */
TEST(cache_maintenance_is_nothing)
{
    start("arm926");
    CHECK(is_nothing(true, 7, 6, 1) && is_nothing(true, 7, 10, 1));
    CHECK(is_nothing(true, 7, 10, 4));
    CHECK(!is_nothing(false, 7, 6, 1));
    CHECK(!is_nothing(true, 7, 0, 4));                  /* wait for interrupt */
    CHECK(!is_nothing(true, 8, 7, 0));
    CHECK(!is_nothing(true, 1, 0, 0));
    CHECK(!is_nothing(true, 9, 0, 0));
    CHECK(!is_nothing(true, 7, 9, 1));              /* no such register */
    rig_close();
}

/* DDI 0198, 2.3.7: sleeps behind the instruction; wakes on a request that is
 * masked, without taking it. */
TEST(wait_for_interrupt)
{
    static const uint32_t code[] = {
        0xee070f90,                     /* mcr p15, 0, r0, c7, c0, 4 */
        0xe3a01007,                     /* mov r1, #7 */
        0xef000000,
    };
    ArmCtx c = { .cpsr = MODE_SVC | CPSR_I | CPSR_F, .r[15] = RIG_CODE }, got;

    start("arm926");
    memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
    rig_set(&c);
    CHECK_EQ(cpu_exec(arm_cpu(rig.env)), EXCP_HLT);
    CHECK_EQ(rig.env->regs[15], RIG_CODE + 4);
    CHECK_EQ(cpu_exec(arm_cpu(rig.env)), EXCP_HLT);
    cpu_interrupt(arm_cpu(rig.env), CPU_INTERRUPT_FIQ);
    rig_run(&got);
    CHECK_EQ(got.excp, -1);
    CHECK_EQ(got.r[1], 7);
    cpu_reset_interrupt(arm_cpu(rig.env), CPU_INTERRUPT_FIQ);
    rig_close();
}

/* In code: no such register, or no right to it, is an undefined instruction. */
TEST(undefined_in_code)
{
    ArmCtx c = { .cpsr = MODE_USR, .r[15] = RIG_CODE }, got;

    start("arm926");
    store_le(rig_ptr(RIG_CODE), word(1, 0, 0, 0) | 1 << 20, 4);
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_UNDEF);
    c.cpsr = MODE_SVC;
    rig_set(&c);
    store_le(rig_ptr(RIG_CODE + 4), 0xef000000, 4);
    rig_run(&got);
    CHECK_EQ(got.excp, -1);
    CHECK_EQ(got.r[0], 0x00090078);
    rig_close();
}

/* DDI 0211, 3.2.24: block operations by MCRR. */
TEST(block_operations)
{
    start("arm1136");
    CHECK(arm_cp15_write64(rig.env, 0xec410f05, 0));
    CHECK(arm_cp15_write64(rig.env, 0xec410f2c, 0));
    CHECK(!arm_cp15_write64(rig.env, 0xec410f07, 0));
    user();
    CHECK(arm_cp15_write64(rig.env, 0xec410f0c, 0));
    CHECK(!arm_cp15_write64(rig.env, 0xec410f05, 0));
    rig_close();
    start("arm926");
    CHECK(!arm_cp15_write64(rig.env, 0xec410f05, 0));
    rig_close();
}

/* A v4T core decodes less of the word: c13 with any opcode is the FCSE PID. */
TEST(arm920t_decodes_less)
{
    start("arm920t");
    CHECK(mcr(13, 0, 0, 5, 0x06000000));
    CHECK_EQ(mrc(13, 0, 0, 0), 0x06000000);
    CHECK(mcr(15, 3, 4, 2, 0x1234));
    CHECK_EQ(mrc(15, 3, 4, 2), 0x1234);
    rig_close();
}
