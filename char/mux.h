/* SPDX-License-Identifier: MIT */
/*
 * The mux "mon:SPEC": one back end shared by up to four front ends.
 *
 *   keyboard --> C-a commands --> the front end that has the focus
 *   serial0, monitor ... all write to the screen
 *
 * The first that attaches has the focus; C-a c gives it to the next, which
 * gets CHR_EVENT_FOCUS.  What C-a x and C-a s do is set in char.h.
 *
 * Threads: with the global lock.
 */
#ifndef CHAR_MUX_H
#define CHAR_MUX_H

#include "char/char.h"

#define MUX_MAX_FRONT_ENDS 4

void mux_set_escape(int ch);            /* -echr; 0x01 = C-a; 0: none */
/* Give the focus to front end n, in order of attaching. */
void mux_set_focus(CharDriverState *chr, int n);

#endif
