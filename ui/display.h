/* SPDX-License-Identifier: MIT */
/*
 * Inside ui/: what a user interface is.  display.c has the table of them.
 *
 * While one is running, the refresh timer (about 33 times a second) brings the
 * surface up to date if anybody wants damage, then calls each refresh().
 */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include "ui/console.h"

typedef struct DisplayDriver {
    const char *name;
    int (*start)(Error *err);
    void (*refresh)(void);              /* show what changed, read keys */
    void (*stop)(void);                 /* restore the terminal */
} DisplayDriver;

extern const DisplayDriver curses_display;      /* with CONFIG_CURSES */

void display_refresh_all(void);
void console_remove_display(const void *opaque);

#endif
