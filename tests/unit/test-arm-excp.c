/* SPDX-License-Identifier: MIT */
/*
 * ARM exceptions (ARM ARM A2.6), modes and banks (A2.3), semihosting.
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/arm-rig.h"
#include "target-arm/inspect.h"
#include "util/log.h"

static CPUState *cpu(void) { return arm_cpu(rig.env); }

static void start(const char *model)
{
    rig_open(&(AccelOptions){ .tb_size = 4 << 20 }, model);
}

static void deliver(int excp)
{
    cpu()->common.exception_index = excp;
    arm_do_interrupt(cpu());
    CHECK_EQ(cpu()->common.exception_index, EXCP_NONE);
}

/* -- Entry -------------------------------------------------------------------- */

/* A2.6.3 to A2.6.9: mode, vector, LR, masks. */
TEST(entries)
{
    static const struct {
        int excp; uint32_t mode, vector, lr_arm, lr_thumb, masks;
    } rows[] = {
        { EXCP_UNDEF, MODE_UND, 0x04, 4, 2, CPSR_I },
        { EXCP_SWI, MODE_SVC, 0x08, 4, 2, CPSR_I },
        { EXCP_PREFETCH_ABORT, MODE_ABT, 0x0c, 4, 4, CPSR_I },
        { EXCP_DATA_ABORT, MODE_ABT, 0x10, 8, 8, CPSR_I },
        { EXCP_IRQ, MODE_IRQ, 0x18, 4, 4, CPSR_I },
        { EXCP_FIQ, MODE_FIQ, 0x1c, 4, 4, CPSR_I | CPSR_F },
    };

    for (unsigned n = 0; n < 4 * ARRAY_SIZE(rows); n++) {
        unsigned i = n / 4, thumb = n & 1, high = n >> 1 & 1;
        uint32_t psr = MODE_USR | CPSR_N | CPSR_C | CPSR_Q | thumb << 5;
        ArmCtx c = { .cpsr = psr, .r = { 1, 2 }, .r[15] = 0x1234 };

        start("arm926");
        rig.env->cp15.sctlr |= high ? SCTLR_V : 0;
        rig_set(&c);
        deliver(rows[i].excp);
        CHECK_EQ(arm_cpsr_read(rig.env), rows[i].mode | rows[i].masks | (psr & 0xf8000000));
        CHECK_EQ(rig.env->spsr, psr);
        CHECK_EQ(rig.env->regs[15], (high ? 0xffff0000 : 0) + rows[i].vector);
        CHECK_EQ(rig.env->regs[14], 0x1234 + (thumb ? rows[i].lr_thumb : rows[i].lr_arm));
        CHECK_EQ(rig.env->tbflags & TBF_THUMB, 0);
        CHECK(rig.env->tbflags & TBF_PRIV);
        rig_close();
    }
}

/* A2.6.6, A2.6.7: aborts leave their status; v6 sets A, and E from c1.EE. */
TEST(aborts)
{
    start("arm1136");
    rig.env->cp15.sctlr |= SCTLR_EE;
    rig_set(&(ArmCtx){ .cpsr = MODE_USR, .r[15] = 0x100 });
    rig.env->fault_status = 0x80d;
    rig.env->fault_addr = 0x4567;
    deliver(EXCP_DATA_ABORT);
    CHECK_EQ(rig.env->cp15.dfsr, 0x80d);
    CHECK_EQ(rig.env->cp15.dfar, 0x4567);
    CHECK_EQ(arm_cpsr_read(rig.env), (uint32_t)(MODE_ABT | CPSR_I | CPSR_A | CPSR_E));
    CHECK(rig.env->tbflags & TBF_E);
    rig.env->fault_status = 5;
    deliver(EXCP_PREFETCH_ABORT);
    CHECK_EQ(rig.env->cp15.ifsr, 5);
    CHECK_EQ(rig.env->cp15.dfsr, 0x80d);
    rig_close();
}

/* A2.6.10: FIQ before IRQ; each waits while it is masked. */
TEST(priorities)
{
    enum { BOTH = CPU_INTERRUPT_HARD | CPU_INTERRUPT_FIQ };

    start("arm926");
    rig_set(&(ArmCtx){ .cpsr = MODE_SVC | CPSR_I | CPSR_F, .r[15] = 0x100 });
    CHECK(!arm_exec_interrupt(cpu(), BOTH));
    arm_cpsr_write(rig.env, 0, CPSR_I | CPSR_F);
    CHECK(arm_exec_interrupt(cpu(), BOTH));
    CHECK_EQ(rig.env->cpsr & CPSR_M, MODE_FIQ);
    CHECK(!arm_exec_interrupt(cpu(), BOTH));
    arm_cpsr_write(rig.env, 0, CPSR_I);
    CHECK(arm_exec_interrupt(cpu(), BOTH));
    CHECK_EQ(rig.env->cpsr & CPSR_M, MODE_IRQ);
    rig_close();
}

/* What unmasks leaves translated code if something waits. */
TEST(unmasking_leaves)
{
    start("arm926");
    rig_set(&(ArmCtx){ .cpsr = MODE_SVC | CPSR_I | CPSR_F });
    cpu_interrupt(cpu(), CPU_INTERRUPT_HARD);
    cpu()->common.exit_request = 0;
    arm_cpsr_write(rig.env, 0, CPSR_I);
    CHECK_EQ(cpu()->common.exit_request, 1);
    rig_close();
}

/* In code: from User mode to the handler and back, with the banks in between. */
TEST(swi_and_return)
{
    static const uint32_t vectors[] = { 0, 0, 0xea00003c }; /* b 0x100 */
    static const uint32_t handler[] = {
        0xe3a01005,                     /* mov r1, #5 */
        0xe1b0f00e,                     /* movs pc, lr */
    };
    static const uint32_t code[] = { 0xef000055, 0xe2811001, 0xe7f000f0 };
    ArmCtx c = { .cpsr = MODE_USR | CPSR_C, .r[13] = 0x11, .r[14] = 0x22, .r[15] = RIG_CODE };

    for (unsigned interp = 0; interp < 2; interp++) {
        MemoryRegion low;

        rig_open(&(AccelOptions){ .tb_size = 4 << 20, .interp = interp }, "arm926");
        region_init_alias(&low, "low", rig.region, 0x80000, 0x1000);
        region_map(rig.mem, &low, 0, 0);
        memcpy(rig_ptr(RIG_PHYS + 0x80000), vectors, sizeof(vectors));
        memcpy(rig_ptr(RIG_PHYS + 0x80100), handler, sizeof(handler));
        memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
        rig_set(&c);
        rig.ops.do_interrupt = arm_do_interrupt;
        for (unsigned i = 0; i < 5; i++) {      /* SWI, B, MOV, MOVS, ADD */
            cpu_single_step(cpu(), true);
            CHECK_EQ(cpu_exec(cpu()), EXCP_DEBUG);
        }
        CHECK_EQ(rig.env->regs[15], RIG_CODE + 8);
        CHECK_EQ(rig.env->regs[1], 6);
        CHECK_EQ(rig.env->regs[13], 0x11);
        CHECK_EQ(rig.env->regs[14], 0x22);
        CHECK_EQ(arm_cpsr_read(rig.env), (uint32_t)(MODE_USR | CPSR_C));
        CHECK_EQ(rig.env->banked_r14[BANK_SVC], RIG_CODE + 4);
        region_unmap(&low);
        rig_close();
    }
}

/* -- Modes -------------------------------------------------------------------- */

/* A2.3: r13, r14 and SPSR in six banks, r8 to r12 in two. */
TEST(banks)
{
    static const unsigned modes[] = { MODE_USR, MODE_FIQ, MODE_IRQ, MODE_SVC, MODE_ABT, MODE_UND };

    start("arm926");
    for (unsigned i = 0; i < 6; i++) {
        arm_cpsr_write(rig.env, modes[i], CPSR_M);
        rig.env->regs[8] = modes[i] == MODE_FIQ ? 80 : 8;
        rig.env->regs[13] = 100 + i;
        rig.env->regs[14] = 200 + i;
        rig.env->spsr = 300 + i;
    }
    for (unsigned i = 0; i < 6; i++) {
        arm_cpsr_write(rig.env, modes[i], CPSR_M);
        CHECK_EQ(rig.env->regs[8], modes[i] == MODE_FIQ ? 80 : 8);
        CHECK_EQ(rig.env->regs[13], 100 + i);
        CHECK_EQ(rig.env->regs[14], 200 + i);
        CHECK_EQ(rig.env->spsr, 300 + i);
    }
    arm_cpsr_write(rig.env, MODE_SYS, CPSR_M);          /* User's registers */
    CHECK_EQ(rig.env->regs[13], 100);
    rig_close();
}

/* A mode that does not exist is UNPREDICTABLE: here nothing changes. */
TEST(no_such_mode)
{
    uint64_t before = log_count(LOG_GUEST_ERRORS);

    start("arm926");
    rig_set(&(ArmCtx){ .cpsr = MODE_SVC });
    arm_cpsr_write(rig.env, 0x14, CPSR_M);
    CHECK_EQ(rig.env->cpsr & CPSR_M, MODE_SVC);
    CHECK_EQ(log_count(LOG_GUEST_ERRORS), before + 1);
    rig_close();
}

/* A2.5: Q from v5TE on, GE, E and A from v6 on. */
TEST(status_register_bits)
{
    static const struct { const char *model; uint32_t bits; } rows[] = {
        { "arm920t", 0xf00000ff }, { "arm926", 0xf80000ff }, { "arm1136", 0xf80f03ff },
    };

    for (unsigned i = 0; i < 3; i++) {
        start(rows[i].model);
        arm_cpsr_write(rig.env, 0xffffffff, ~0u);
        CHECK_EQ(arm_cpsr_read(rig.env), rows[i].bits);
        arm_cpsr_write(rig.env, MODE_USR, ~0u);
        CHECK_EQ(arm_cpsr_read(rig.env), MODE_USR);
        rig_close();
    }
}

/* A2.6.2: SVC, both masked; the vectors are where c1.V says. */
TEST(reset)
{
    start("arm926");
    rig_set(&(ArmCtx){ .cpsr = MODE_USR | CPSR_T, .r[15] = 0x1000 });
    arm_cpu_ops.reset(cpu());
    CHECK_EQ(arm_cpsr_read(rig.env), MODE_SVC | CPSR_I | CPSR_F);
    CHECK_EQ(rig.env->regs[15], 0);
    CHECK_EQ(rig.env->cp15.sctlr, 0x00090078);
    rig_close();
}

/* -- For the monitor ---------------------------------------------------------- */

static void append(void *opaque, const char *text)
{
    strncat(opaque, text, 1000 - strlen(opaque));
}

TEST(registers_as_text)
{
    char text[1001] = "";
    uint64_t val = 0;

    start("arm926");
    rig_set(&(ArmCtx){ .cpsr = MODE_SVC | CPSR_Z | CPSR_I, .r = { 5 }, .r[13] = 0x99,
                       .r[15] = 0x8000 });
    arm_cpu_ops.dump_state(cpu(), append, text);
    CHECK_STR(text, "R00=00000005 R01=00000000 R02=00000000 R03=00000000\n"
                    "R04=00000000 R05=00000000 R06=00000000 R07=00000000\n"
                    "R08=00000000 R09=00000000 R10=00000000 R11=00000000\n"
                    "R12=00000000 R13=00000099 R14=00000000 R15=00008000\n"
                    "PSR=40000093 -Z-- A svc32\n");
    CHECK(arm_get_register(cpu(), "sp", &val));
    CHECK_EQ(val, 0x99);
    CHECK(arm_get_register(cpu(), "r15", &val));
    CHECK_EQ(val, 0x8000);
    CHECK(arm_get_register(cpu(), "cpsr", &val));
    CHECK_EQ(val, 0x40000093);
    CHECK(!arm_get_register(cpu(), "r16", &val));
    CHECK(!arm_get_register(cpu(), "eax", &val));
    rig_close();
}

/* -- Semihosting: DUI 0203, chapter 5 ------------------------------------------ */

enum { BLOCK = RIG_DATA, TEXT = RIG_DATA + 0x100 };

static uint32_t call(uint32_t number, const uint32_t *args, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        store_le(rig_ptr(BLOCK + 4 * i), args[i], 4);
    }
    rig.env->regs[0] = number;
    rig.env->regs[1] = BLOCK;
    arm_semihost(rig.env);
    return rig.env->regs[0];
}
#define CALL(number, ...)                                                   \
    call(number, (const uint32_t[]){ __VA_ARGS__ },                         \
         sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static uint32_t put_text(const char *text)
{
    memcpy(rig_ptr(TEXT), text, strlen(text) + 1);
    return (uint32_t)strlen(text);
}

/* SYS_OPEN 1, CLOSE 2, WRITE 5, READ 6, SEEK 10, FLEN 12, RENAME 15, REMOVE 14 */
TEST(semihosting_files)
{
    char dir[] = "/tmp/test-arm-XXXXXX", name[64], other[64];
    uint32_t len, other_len, h;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(name, sizeof(name), "%s/a", dir);
    snprintf(other, sizeof(other), "%s/b", dir);
    start("arm926");
    len = put_text(name);
    memcpy(rig_ptr(TEXT + 0x80), other, strlen(other) + 1);
    other_len = (uint32_t)strlen(other);
    CHECK_EQ(CALL(1, TEXT, 0, len), ~0u);               /* not there */
    CHECK_EQ(CALL(0x13, 0), 2);                         /* SYS_ERRNO: ENOENT */
    h = CALL(1, TEXT, 4, len);                          /* "w" */
    CHECK(h != 0 && h != ~0u);
    memcpy(rig_ptr(RIG_DATA + 0x200), "hello, world", 12);
    CHECK_EQ(CALL(5, h, RIG_DATA + 0x200, 12), 0);
    CHECK_EQ(CALL(0x0c, h), 12);
    CHECK_EQ(CALL(2, h), 0);
    CHECK_EQ(CALL(2, h), ~0u);
    CHECK_EQ(CALL(0x0f, TEXT, len, TEXT + 0x80, other_len), 0);
    h = CALL(1, TEXT + 0x80, 0, other_len);
    CHECK_EQ(CALL(0x0a, h, 7), 0);
    CHECK_EQ(CALL(6, h, RIG_DATA + 0x300, 64), 59);     /* 5 of 64 read */
    CHECK(!memcmp(rig_ptr(RIG_DATA + 0x300), "world", 5));
    CHECK_EQ(CALL(9, h), 0);                            /* SYS_ISTTY */
    CHECK_EQ(CALL(2, h), 0);
    CHECK_EQ(CALL(0x0e, TEXT + 0x80, other_len), 0);
    rig_close();
    CHECK_EQ(rmdir(dir), 0);
}

static int exit_code;

static void on_exit_pin(void *opaque, int code)
{
    (void)opaque;
    exit_code = code;
}

TEST(semihosting_others)
{
    uint64_t before = log_count(LOG_UNIMP);

    start("arm926");
    rig.env->pins = (ArmPins){ .exit = on_exit_pin, .semihost_cmdline = "prog arg",
                               .semihosting = true };
    CHECK_EQ(CALL(0x15, TEXT, 80), 0);                  /* SYS_GET_CMDLINE */
    CHECK_STR((char *)rig_ptr(TEXT), "prog arg");
    CHECK_EQ(load_le(rig_ptr(BLOCK + 4), 4), 8);
    CHECK_EQ(CALL(0x15, TEXT, 4), ~0u);                 /* too long for it */
    CHECK_EQ(CALL(0x12, TEXT, 2), ~0u);                 /* SYS_SYSTEM: refused */
    CHECK_EQ(CALL(0x77, 0), ~0u);
    CHECK_EQ(log_count(LOG_UNIMP), before + 2);
    CHECK_EQ(CALL(0x16, RIG_DATA + 0x400), 0);
    exit_code = -1;
    rig.env->regs[0] = 0x18;
    rig.env->regs[1] = 0x20026;
    arm_semihost(rig.env);
    CHECK_EQ(exit_code, 0);
    rig_close();
}

/* SWI 0x123456 in code, with semihosting on; r0 is the result, the next runs. */
TEST(semihosting_in_code)
{
    static const uint32_t code[] = { 0xef123456, 0xe2802001, 0xef000000 };
    ArmCtx c = { .cpsr = MODE_SVC, .r = { 0x31 }, .r[15] = RIG_CODE }, got;

    start("arm926");
    rig.env->pins.semihosting = true;
    memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_SEMIHOST);
    deliver(EXCP_SEMIHOST);
    rig_run(&got);
    CHECK_EQ(got.excp, -1);
    CHECK_EQ(got.r[0], 1000000000);     /* SYS_TICKFREQ */
    CHECK_EQ(got.r[2], 1000000001);
    rig.env->pins.semihosting = false;
    tb_flush(rig.env->common.exec->tbs);
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_SWI);
    rig_close();
}

static void deliver_semihosting(CPUState *c)
{
    if (c->common.exception_index == EXCP_SEMIHOST) {
        arm_do_interrupt(c);
    } else {
        rig_record(c);
    }
}

/* A block that is not mapped: the guest's data abort, at the SWI. */
TEST(semihosting_faults)
{
    static const uint32_t code[] = { 0xef123456, 0xef000000 };
    ArmCtx c = { .cpsr = MODE_SVC, .r = { 1, 0x40000000 }, .r[15] = RIG_CODE }, got;

    start("arm926");
    store_le(rig_ptr(0x20004000 + 0x200 * 4), 0x20000c02, 4);
    rig.env->cp15.ttbr[0] = 0x20004000;
    rig.env->cp15.dacr = rig.env->cp15.dacr_of[0] = 1;
    rig.env->cp15.sctlr |= SCTLR_M;
    rig.env->pins.semihosting = true;
    rig.ops.do_interrupt = deliver_semihosting;
    memcpy(rig_ptr(RIG_CODE), code, sizeof(code));
    rig_set(&c);
    rig_run(&got);
    CHECK_EQ(got.excp, EXCP_DATA_ABORT);
    CHECK_EQ(got.fault_addr, 0x40000004);
    CHECK_EQ(got.r[15], RIG_CODE);
    CHECK_EQ(got.r[0], 1);
    rig_close();
}
