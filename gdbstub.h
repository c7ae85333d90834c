/* SPDX-License-Identifier: MIT */
/*
 * A debugger at the other end of a character device: GDB's remote protocol.
 *
 * vl.c makes one, opens it for -gdb and -s and for the monitor's `gdbserver`,
 * and closes it before the machine ends.  While a debugger is attached the
 * machine stands still until it says otherwise; when it leaves, its breakpoints
 * go with it and the machine runs on.
 *
 * Threads: with the global lock.
 */
#ifndef GDBSTUB_H
#define GDBSTUB_H

#include <stdbool.h>

#include "monitor/monitor.h"
#include "util/error.h"

#define GDBSTUB_DEFAULT "tcp::1234"

typedef struct GDBStub GDBStub;

/* ops: what `monitor` in the debugger may do; copied. */
GDBStub *gdbstub_new(const MonitorOps *ops);
/* Wait for a debugger at this character device, instead of where we did before;
 * "none": nowhere.  TCP listens if it is not said.  0 or -errno. */
int gdbstub_open(GDBStub *s, const char *spec, Error *err);
bool gdbstub_attached(const GDBStub *s);
/* The program ends with this status. */
void gdbstub_close(GDBStub *s, int status);
void gdbstub_free(GDBStub *s);          /* not before the machine has stopped */

#endif
