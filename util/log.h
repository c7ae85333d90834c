/* SPDX-License-Identifier: MIT */
/*
 * The log: what -d asks for, to stderr or to the file of -D.
 *
 *   log_guest()  the guest did something its manual forbids (-d guest_errors)
 *   log_unimp()  the guest asked for something we do not have (-d unimp)
 *   log_on()     is an item wanted?  Ask before preparing costly text
 *   log_put()    text of an item, as it is
 *
 * The first two are counted whether shown or not, so that tests can assert
 * "was reported".  All are safe from any thread.  An item is one row of
 * LOG_ITEMS: the parser of -d, its help and the monitor read the same list.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/*          id            name            help */
#define LOG_ITEMS(ITEM)                                                     \
    ITEM(LOG_OUT_ASM,      "out_asm",      "host code of each block")       \
    ITEM(LOG_IN_ASM,       "in_asm",       "guest code of each block")      \
    ITEM(LOG_OP,           "op",           "operations of each block")      \
    ITEM(LOG_OP_OPT,       "op_opt",       "operations after optimization") \
    ITEM(LOG_INT,          "int",          "interrupts and exceptions")     \
    ITEM(LOG_JIT,          "jit",          "count helper calls; `info jit' on leaving") \
    ITEM(LOG_EXEC,         "exec",         "each block entered by the main loop") \
    ITEM(LOG_CPU,          "cpu",          "registers before each block")   \
    ITEM(LOG_CPU_RESET,    "cpu_reset",    "registers before each reset")   \
    ITEM(LOG_MMU,          "mmu",          "TLB misses and faults")         \
    ITEM(LOG_GUEST_ERRORS, "guest_errors", "what the guest should not do")  \
    ITEM(LOG_UNIMP,        "unimp",        "what the guest wants and we lack") \
    ITEM(LOG_IOPORT,       "ioport",       "port input and output")         \
    ITEM(LOG_TRACE,        "trace",        "device registers read and written")

typedef enum LogItem {
#define LOG_ENUM(id, name, help) id,
    LOG_ITEMS(LOG_ENUM)
#undef LOG_ENUM
    LOG_NUM_ITEMS
} LogItem;

typedef struct LogItemInfo { const char *name, *help; } LogItemInfo;
extern const LogItemInfo log_items[LOG_NUM_ITEMS];

/* "in_asm,op"; "none" clears, "all" sets. */
int log_set(const char *items, Error *err);
/* Where the log goes from now on; NULL: stderr. */
int log_open(const char *path, Error *err);

bool log_on(LogItem item);
void log_put(LogItem item, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_guest(const char *who, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_unimp(const char *who, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

uint64_t log_count(LogItem item);       /* guest_errors and unimp */

#endif
