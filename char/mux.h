/* SPDX-License-Identifier: MIT */
/*
 * The mux "mon:SPEC": one back end shared by up to four front ends.
 *
 *   keyboard --> C-a commands --> the front end that has the focus
 *   serial0, monitor ... all write to the screen
 *
 * The first that attaches has the focus; C-a c gives it to the next, which
 * gets CHR_EVENT_FOCUS.  What C-a x and C-a s do is the main program's affair.
 *
 * Threads: with the global lock.
 */
#ifndef CHAR_MUX_H
#define CHAR_MUX_H

#include "char/char.h"

#define MUX_MAX_FRONT_ENDS 4

typedef struct MuxHooks {
    void (*quit)(void *opaque);         /* C-a x; or NULL */
    void (*commit)(void *opaque);       /* C-a s; or NULL */
    void *opaque;
} MuxHooks;

void mux_set_hooks(const MuxHooks *hooks);      /* copied; for all muxes */
void mux_set_escape(int ch);            /* -echr; 0x01 = C-a; 0: none */
/* Give the focus to front end n, in order of attaching. */
void mux_set_focus(CharDriverState *chr, int n);

#endif
