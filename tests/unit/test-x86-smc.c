/* SPDX-License-Identifier: MIT */
/*
 * i386 code that writes to itself.  SDM vol. 3A, 11.6: a store into code by its
 * linear address is seen by the next instruction fetched from there, without a
 * jump in between on every processor since the P6.
 */
#include <time.h>

#include "exec.h"
#include "tests/test.h"
#include "tests/unit/jit-info.h"
#include "tests/unit/smc-modes.h"
#include "tests/x86-rig.h"

enum { CODE = RIG_DATA };

static uint8_t *at;

static void bytes(const char *s, unsigned n)
{
    memcpy(at, s, n);
    at += n;
}

static void word(uint32_t v)
{
    store_le(at, v, 4);
    at += 4;
}

static uint32_t here(void)
{
    return (uint32_t)(at - rig_ptr(CODE)) + CODE;
}

static void begin(void)
{
    at = rig_ptr(CODE);
    memset(at, 0xcc, 0x1000);
    tb_flush(rig.env->common.exec->tbs);
}

/* jmp to the exit */
static void end(void)
{
    bytes("\xe9", 1);
    word(RIG_EXIT32 - (here() + 4));
}

static X86Ctx run(uint32_t ecx)
{
    X86Ctx c = {
        .eip = CODE, .eflags = 2, .vector = -1,
        .r = { [R_ECX] = ecx, [R_ESP] = RIG_DATA + 0x1800 },
        .sel = { SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, SEL_DATA, SEL_DATA },
    };

    store_le(c.fx + FX_FCW, 0x37f, 2);
    store_le(c.fx + FX_MXCSR, 0x1f80, 4);
    rig_set(&c);
    rig_run(&c);
    CHECK_EQ((uint32_t)c.vector, (uint32_t)-1);
    return c;
}

/*
 * A loop short enough to be several rounds of one block: each adds a number that
 * the round itself has made one more, before it is used or after.
 */
static uint32_t sum_of_patched(bool before, uint32_t rounds)
{
    begin();
    uint32_t loop = here(), imm = before ? loop + 7 : loop + 1;

    if (before) {
        bytes("\xff\x05", 2);           /* incl imm */
        word(imm);
    }
    bytes("\x05", 1);                   /* addl $imm, %eax */
    word(0);
    if (!before) {
        bytes("\xff\x05", 2);
        word(imm);
    }
    bytes("\x49\x75", 2);               /* decl %ecx; jnz loop */
    bytes((const char *)&(uint8_t){ (uint8_t)(loop - (here() + 1)) }, 1);
    end();
    uint32_t eax = run(rounds).r[R_EAX];

    CHECK_EQ(load_le(rig_ptr(imm), 4), rounds);
    return eax;
}

/* Each round writes over the instruction of the next: inc edx, dec edx in turn. */
static uint32_t turns(uint32_t rounds)
{
    begin();
    bytes("\x42", 1);                   /* incl %edx, or decl (4a) */
    bytes("\x80\x35", 2);               /* xorb $8, CODE */
    word(CODE);
    bytes("\x08\x01\xd0", 3);           /* addl %edx, %eax */
    bytes("\x49\x75\xf3", 3);           /* decl %ecx; jnz CODE */
    end();
    return run(rounds).r[R_EAX];
}

/* The same loop entered in its middle: a block goes on in front of where it began, and
 * what it writes is there. */
static uint32_t sum_in_front(uint32_t rounds)
{
    begin();
    bytes("\xe9", 1);                   /* jmp middle */
    word(10);
    uint32_t front = here(), imm = front + 1;

    bytes("\x05", 1);                   /* addl $imm, %eax */
    word(0);
    bytes("\x49\x74\x0a\x90\x90", 5);   /* decl %ecx; jz behind; nop; nop */
    bytes("\xff\x05", 2);               /* middle: incl imm */
    word(imm);
    bytes("\xeb", 1);                   /* jmp front; behind: */
    bytes((const char *)&(uint8_t){ (uint8_t)(front - (here() + 1)) }, 1);
    end();
    return run(rounds).r[R_EAX];
}

/* Branches forward, each taken every other time; what is between them is written. */
static uint32_t every_second(uint32_t rounds)
{
    begin();
    uint32_t loop = here();

    bytes("\xf6\xc1\x01\x74\x01\x40", 6); /* testb $1, %cl; jz over; incl %eax */
    bytes("\x35", 1);                   /* over: xorl $imm, %eax */
    word(0);
    bytes("\xf6\xc1\x02\x75\x03\x83\xc0\x10", 8);   /* testb $2; jnz over; addl $16, %eax */
    bytes("\xff\x05", 2);               /* over: incl and decl imm */
    word(loop + 7);
    bytes("\xff\x0d", 2);
    word(loop + 7);
    bytes("\x49\x75", 2);
    bytes((const char *)&(uint8_t){ (uint8_t)(loop - (here() + 1)) }, 1);
    end();
    return run(rounds).r[R_EAX];
}

/* A function is written and called, as a JIT does; data lie beside it. */
static uint32_t calls_of_written(uint32_t rounds)
{
    uint32_t fn = CODE + 0x800, data = CODE + 0xc00;

    begin();
    store_le(rig_ptr(fn), 0xb8, 1);     /* movl $ecx, %eax; ret */
    store_le(rig_ptr(fn) + 5, 0xc3, 1);
    store_le(rig_ptr(data), 0, 4);
    uint32_t loop = here();

    bytes("\x89\x0d", 2);               /* movl %ecx, fn + 1 */
    word(fn + 1);
    bytes("\xe8", 1);                   /* call fn */
    word(fn - (here() + 4));
    bytes("\x01\x05", 2);               /* addl %eax, data */
    word(data);
    bytes("\x49\x75", 2);
    bytes((const char *)&(uint8_t){ (uint8_t)(loop - (here() + 1)) }, 1);
    end();
    run(rounds);
    return (uint32_t)load_le(rig_ptr(data), 4);
}

/* An instruction over two pages whose second half is written. */
static uint32_t sum_over_pages(uint32_t rounds)
{
    begin();
    bytes("\xe9", 1);
    word(CODE + 0xffd - (here() + 4));
    at = rig_ptr(CODE) + 0xffd;
    uint32_t loop = here();

    bytes("\x05", 1);                   /* addl $imm, %eax */
    word(0);
    bytes("\xff\x05", 2);               /* incl imm's third byte */
    word(loop + 3);
    bytes("\x49\x75", 2);
    bytes((const char *)&(uint8_t){ (uint8_t)(loop - (here() + 1)) }, 1);
    end();
    return run(rounds).r[R_EAX];
}

static const uint32_t lengths[] = { 1, 2, 3, 4, 5, 9, 20, 3000 };

#define ON_ALL(id)                                                          \
    static void id##_on(uint32_t n);                                        \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {                  \
            rig_open(&modes[m], "core2duo");                                \
            for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {            \
                id##_on(lengths[i]);                                        \
            }                                                               \
            rig_close();                                                    \
        }                                                                   \
    }                                                                       \
    static void id##_on(uint32_t n)

ON_ALL(a_round_patches_itself)
{
    CHECK_EQ(sum_of_patched(true, n), n * (n + 1) / 2);
}

ON_ALL(a_round_patches_the_next)
{
    CHECK_EQ(sum_of_patched(false, n), n * (n - 1) / 2);
}

ON_ALL(code_in_front_of_the_start_is_written)
{
    CHECK_EQ(sum_in_front(n), n * (n + 1) / 2);
}

ON_ALL(branches_are_taken_in_turn)
{
    CHECK_EQ(every_second(n), (n + 1) / 2 + 16 * (n / 4 * 2 + (n % 4 != 0)));
}

ON_ALL(opcodes_take_turns)
{
    CHECK_EQ(turns(n), (n + 1) / 2);
}

ON_ALL(a_function_is_written_and_called)
{
    CHECK_EQ(calls_of_written(n), n * (n + 1) / 2);
}

ON_ALL(an_immediate_over_two_pages)
{
    CHECK_EQ(sum_over_pages(n), n * (n - 1) / 2 << 16);
}

/* Data that are written all the time do not end code; left alone, the page is
 * protected again, which is faster. */
TEST(a_page_written_often_checks_itself)
{
#ifndef __x86_64__
    TEST_SKIP("the interpreter cannot check");
#endif
    rig_open(&modes[0], "core2duo");
    calls_of_written(20000);
    CHECK_EQ(jit_value(rig.cpus, "self-checking      ") > 0, true);
    CHECK(jit_value(rig.cpus, "writes near code   ") < 20000);
    uint64_t changed = jit_value(rig.cpus, "found changed ");

    CHECK(changed > 10000);
    CHECK_EQ(calls_of_written(50), 50 * 51 / 2);
    CHECK(jit_value(rig.cpus, "found changed ") > changed);
    nanosleep(&(struct timespec){ .tv_nsec = 150 * 1000 * 1000 }, NULL);
    changed = jit_value(rig.cpus, "found changed ");
    CHECK_EQ(turns(20), 10);
    CHECK(jit_value(rig.cpus, "found changed ") <= changed + 3);
    rig_close();
}
