/* SPDX-License-Identifier: MIT */
/*
 * The cores: a row each, with the values their technical reference manuals give
 * for the identification registers and the control register.
 *
 * sctlr_wmask: bits of CP15 c1 the core keeps; the others read as at reset.
 */
#include "target-arm/models.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

#define V4T    ARM_V4T
#define V5TE   (V4T | ARM_V5 | ARM_V5TE)
#define V5TEJ  (V5TE | ARM_V5J)
#define V6     (V5TEJ | ARM_V6 | ARM_MMU_V6)

/* c1: MMU or MPU, alignment, cache, write buffer ... */
#define V4_BITS  (SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_B | SCTLR_S | SCTLR_R | SCTLR_I | \
                  SCTLR_V | SCTLR_RR)
#define V6_BITS  (V4_BITS | SCTLR_Z | SCTLR_L4 | SCTLR_FI | SCTLR_U | SCTLR_XP | SCTLR_VE | \
                  SCTLR_EE)

/*
 * DDI 0211, 3.2.3 to 3.2.17: PFR0-1, DFR0, AFR0, MMFR0-3, then ISAR0-5.
 */
static const uint32_t id_1136[16] = {
    0x00000111, 0x00000001, 0x00000002, 0x00000003,
    0x01130003, 0x10030302, 0x01222110, 0x00000000,
    0x00140011, 0x12002111, 0x11231111, 0x01102131, 0x00000141, 0x00000000,
};

/* clang-format off */
static const ArmModel models[] = {
    {
        .name = "arm920t", .desc = "ARM920T, ARMv4T (Samsung S3C24xx)",
        .features = V4T,
        .midr = 0x41129200, .ctr = 0x0d172172,
        .sctlr_reset = 0x00000078, .sctlr_wmask = 0xc0000000 | V4_BITS,
    }, {
        .name = "arm926", .desc = "ARM926EJ-S, ARMv5TEJ, VFPv2",
        .features = V5TEJ | ARM_VFP2,
        .midr = 0x41069265, .ctr = 0x01dd20d2,
        .sctlr_reset = 0x00090078, .sctlr_wmask = V4_BITS | SCTLR_L4,
        .fpsid = 0x41011090,
    }, {
        .name = "arm946", .desc = "ARM946E-S, ARMv5TE, memory protection unit",
        .features = V5TE | ARM_MPU,
        .midr = 0x41059461, .ctr = 0x0f004006,
        .sctlr_reset = 0x00000078,
        .sctlr_wmask = SCTLR_M | SCTLR_C | SCTLR_B | SCTLR_I | SCTLR_V | SCTLR_RR | SCTLR_L4 |
                       0xf << 16,
    }, {
        .name = "arm1026", .desc = "ARM1026EJ-S, ARMv5TEJ, VFPv2",
        .features = V5TEJ | ARM_VFP2,
        .midr = 0x4106a262, .ctr = 0x01dd20d2,
        .sctlr_reset = 0x00090078, .sctlr_wmask = V4_BITS | SCTLR_Z | SCTLR_L4,
        .fpsid = 0x410110a0,
    }, {
        .name = "arm1136", .desc = "ARM1136JF-S r1p3, ARMv6 with K extensions, VFPv2",
        .features = V6 | ARM_V6K | ARM_VFP2,
        .midr = 0x4117b363, .ctr = 0x01dd20d2,
        .sctlr_reset = 0x00050078, .sctlr_wmask = V6_BITS | SCTLR_TR | SCTLR_FA,
        .fpsid = 0x410120b4, .mvfr0 = 0x11111111, .mvfr1 = 0,
        .id = id_1136,
    }, {
        .name = "arm1136-r2", .desc = "ARM1136JF-S r0p2, ARMv6, VFPv2",
        .features = V6 | ARM_VFP2,
        .midr = 0x4107b362, .ctr = 0x01dd20d2,
        .sctlr_reset = 0x00050078, .sctlr_wmask = V6_BITS,
        .fpsid = 0x410120b4, .mvfr0 = 0x11111111, .mvfr1 = 0,
        .id = id_1136,
    },
};

/* As the cores' own names have it, in lower case. */
static const struct { const char *alias, *name; } aliases[] = {
    { "arm926ej-s", "arm926" }, { "arm926ejs", "arm926" },
    { "arm946e-s", "arm946" }, { "arm1026ej-s", "arm1026" },
    { "arm1136jf-s", "arm1136" },
};
/* clang-format on */

const ArmModel *arm_find_model(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (!strcmp(name, aliases[i].alias)) {
            name = aliases[i].name;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        if (!strcmp(name, models[i].name)) {
            return &models[i];
        }
    }
    return NULL;
}

int arm_set_model(CPUARMState *env, const char *name, Error *err)
{
    const ArmModel *m = arm_find_model(name);

    if (!m) {
        return error_set(err, EINVAL, "-cpu %s: no such processor, see -cpu ?", name);
    }
    env->model = m;
    env->features = m->features;
    arm_cpu_ops.reset(arm_cpu(env));
    return 0;
}

void arm_list_models(void (*put)(void *, const char *), void *opaque)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        char *line = xasprintf("%-12s %s\n", models[i].name, models[i].desc);

        put(opaque, line);
        free(line);
    }
}
