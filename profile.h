/* SPDX-License-Identifier: MIT */
/*
 * Why is a guest slow?  Names of its blocks for perf, and how often each helper
 * is called.
 *
 *   -perfmap   /tmp/perf-PID.map, in the form perf(1) reads for code made at run
 *              time (tools/perf/Documentation/jit-interface.txt of Linux):
 *              "START SIZE NAME", numbers in hexadecimal, "guest 0xADDRESS"
 *   -d jit     blocks translated from then on count their calls; costs nothing
 *              in others
 *
 * A block that took the place of another in the code buffer is a second line
 * with the same addresses; perf takes the last.
 *
 * Threads: the vCPU thread, or any while that is parked.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "tcg/tcg.h"
#include "util/error.h"

typedef struct Profile Profile;

/* perfmap: write the file.  NULL with a sentence if it cannot be made. */
Profile *profile_new(bool perfmap, Error *err);
void profile_free(Profile *p);
/* There is host code for the guest's instructions at this linear address. */
void profile_block(Profile *p, const uint8_t *code, size_t size, uint32_t addr);
/* Add an operation to s that counts the call of h, or goto_ptr if h is NULL. */
void profile_call(Profile *p, TCGContext *s, const TCGHelper *h);
/* The part of `info jit` about calls; nothing if none was counted. */
void profile_dump(const Profile *p, void (*put)(void *, const char *), void *opaque);

#endif
