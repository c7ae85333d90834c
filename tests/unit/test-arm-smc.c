/* SPDX-License-Identifier: MIT */
/*
 * ARM code that writes to itself.  The ARM ARM (A3.5.4 of ARMv6's) asks for cache
 * maintenance first; the engine promises more, that a store is seen at once
 * (translate-all.h), so that it does not matter which of it a guest has done.
 */
#include "exec.h"
#include "tests/test.h"
#include "tests/arm-rig.h"
#include "tests/unit/smc-modes.h"

/* r3 rounds; each begins by writing its third instruction: add r2, r2, #1, 2 .. */
static uint32_t sum_of_patched(uint32_t rounds)
{
    static const uint32_t code[] = {
        0xe5801000,                     /* str  r1, [r0] */
        0xe2811001,                     /* add  r1, r1, #1 */
        0xe2822000,                     /* add  r2, r2, #0 */
        0xe2533001,                     /* subs r3, r3, #1 */
        0x1afffffa,                     /* bne  to the first */
        0xef000000,
    };
    ArmCtx c = {
        .r = { RIG_CODE + 8, 0xe2822001, 0, rounds, [15] = RIG_CODE }, .cpsr = 0xd3,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        store_le(rig_ptr(RIG_CODE + 4 * i), code[i], 4);
    }
    tb_flush(rig.env->common.exec->tbs);
    rig_set(&c);
    rig_run(&c);
    CHECK_EQ((uint32_t)c.excp, (uint32_t)-1);
    return c.r[2];
}

/* Short enough to be several rounds of one block. */
TEST(a_round_patches_itself)
{
    static const uint32_t lengths[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 250 };

    for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
        rig_open(&modes[m], "arm1136");
        for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
            CHECK_EQ(sum_of_patched(lengths[i]), lengths[i] * (lengths[i] + 1) / 2);
        }
        rig_close();
    }
}
