/* SPDX-License-Identifier: MIT */
/*
 * The monitor: a command line that controls the machine.
 *
 *   chardev or mux --> line editor --> command table --> machine, CPUs,
 *                  <-- text         <--                  block, char, ui
 *
 * A client of everything else: it changes nothing behind the machine's back
 * that the user did not ask for.  monitor_exec() runs one line for others who
 * have one (a debugger's `monitor` command, tests).
 *
 * Threads: with the global lock.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "char/char.h"
#include "cpus.h"
#include "hw/boards/machine.h"

typedef struct Monitor Monitor;

typedef struct MonitorOps {             /* filled in by vl.c; copied */
    Machine *machine;
    CPUs *cpus;                         /* NULL: commands about CPUs say so */
    const char *name;                   /* -name, or NULL */
    void (*quit)(void *opaque);         /* ends the program soon */
    /* -gdb, later; NULL: not from here */
    int (*gdbserver)(void *opaque, const char *spec, Error *err);
    void *opaque;
} MonitorOps;

/* On a mux the monitor waits for C-a c; attach it after the serial line. */
Monitor *monitor_new(CharDriverState *chr, const MonitorOps *ops);
void monitor_free(Monitor *mon);

/* One line, its output to put(), lines ending in "\n". */
void monitor_exec(const MonitorOps *ops, const char *line,
                  void (*put)(void *opaque, const char *text), void *opaque);

#endif
