/* SPDX-License-Identifier: MIT */
/* The engine's ways to deal with code that writes to itself; the same result on all. */
#ifndef TESTS_UNIT_SMC_MODES_H
#define TESTS_UNIT_SMC_MODES_H

#include "translate-all.h"

static const AccelOptions modes[] = {
    { .tb_size = 8 << 20 },
    { .tb_size = 8 << 20, .selfcheck = SELFCHECK_NEVER },
    { .tb_size = 8 << 20, .selfcheck = SELFCHECK_ALWAYS },
    { .tb_size = 8 << 20, .no_opt = true },
    { .tb_size = 8 << 20, .interp = true },
};

#endif
