/* SPDX-License-Identifier: MIT */
/*
 * Inside monitor/: what a command is.
 *
 * The table says how its arguments are typed; monitor.c parses, checks and
 * completes them, so a command's function only acts.
 *
 *      "s" word or "quoted"   "F" file name   "B" drive   "K" keys
 *      "i" expression         "f" number with a fraction
 *      "/" optional format such as /4xw, first   "-f" optional flag
 *      "?" after a letter: may be missing, and so may all that follow
 */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

#include "monitor/monitor.h"
#include "monitor/readline.h"

#define COMMAND_MAX_ARGS 6

typedef struct Format {                 /* of x, xp, p, i, o */
    int count;
    char kind;                          /* x d u o c i */
    unsigned size;                      /* bytes; 0: not said */
} Format;

typedef struct Arg {
    bool given;
    char *s;                            /* s F B K */
    int64_t i;
    double f;
} Arg;

typedef struct Args {
    Format format;
    bool flag, flag2;                   /* "-f", a second "-f" */
    Arg v[COMMAND_MAX_ARGS];            /* without format and flag */
} Args;

typedef struct Command {
    const char *name;                   /* "quit|q" */
    const char *args;                   /* "s i?" */
    const char *usage, *help;           /* for people */
    void (*run)(Monitor *mon, const Args *a);
} Command;

extern const Command commands[];        /* commands.c; end: name NULL */
extern const Command infos[];           /* info.c */

struct Monitor {
    MonitorOps ops;
    CharDriverState *chr;               /* NULL: monitor_exec */
    void (*put)(void *opaque, const char *text);
    void *put_opaque;
    Readline line;
    bool greeted;
    int cpu;                            /* default CPU */
    Format last_x;                      /* x and xp remember */
};

void monitor_printf(Monitor *mon, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A put() for the dump functions of others; opaque is the Monitor. */
void monitor_put(void *mon, const char *text);
void monitor_error(Monitor *mon, const Error *err);

/* The default CPU; NULL, and says so, if the machine has none. */
CPUState *monitor_cpu(Monitor *mon);
bool monitor_get_register(void *mon, const char *name, uint64_t *val);

const Command *command_find(const Command *table, const char *name, size_t len);

/* memory.c */
void cmd_x(Monitor *mon, const Args *a);
void cmd_xp(Monitor *mon, const Args *a);
void cmd_print(Monitor *mon, const Args *a);
void cmd_in(Monitor *mon, const Args *a);
void cmd_out(Monitor *mon, const Args *a);
void cmd_memsave(Monitor *mon, const Args *a);
void cmd_pmemsave(Monitor *mon, const Args *a);
void cmd_sum(Monitor *mon, const Args *a);

/* block.c */
void cmd_eject(Monitor *mon, const Args *a);
void cmd_change(Monitor *mon, const Args *a);
void cmd_commit(Monitor *mon, const Args *a);
void cmd_block_resize(Monitor *mon, const Args *a);
void cmd_snapshot_blkdev(Monitor *mon, const Args *a);
void cmd_snapshot_blkdev_internal(Monitor *mon, const Args *a);
void cmd_snapshot_delete_blkdev_internal(Monitor *mon, const Args *a);
void cmd_snapshot_goto_blkdev_internal(Monitor *mon, const Args *a);
void info_snapshots(Monitor *mon, const Args *a);
void cmd_drive_mirror(Monitor *mon, const Args *a);
void cmd_drive_backup(Monitor *mon, const Args *a);
void cmd_block_job_cancel(Monitor *mon, const Args *a);
void cmd_block_job_complete(Monitor *mon, const Args *a);
void cmd_block_job_set_speed(Monitor *mon, const Args *a);
void info_block_jobs(Monitor *mon, const Args *a);

/* net.c */
void cmd_set_link(Monitor *mon, const Args *a);
void cmd_hostfwd_add(Monitor *mon, const Args *a);
void cmd_hostfwd_remove(Monitor *mon, const Args *a);
void cmd_netdev_add(Monitor *mon, const Args *a);
void cmd_netdev_del(Monitor *mon, const Args *a);
void info_network(Monitor *mon, const Args *a);
void info_usernet(Monitor *mon, const Args *a);

/* usb.c */
void cmd_usb_add(Monitor *mon, const Args *a);
void cmd_usb_del(Monitor *mon, const Args *a);
void cmd_device_add(Monitor *mon, const Args *a);
void cmd_device_del(Monitor *mon, const Args *a);
void info_usb(Monitor *mon, const Args *a);

/* input.c */
void cmd_sendkey(Monitor *mon, const Args *a);
void cmd_mouse_move(Monitor *mon, const Args *a);
void cmd_mouse_button(Monitor *mon, const Args *a);
/* Let go what sendkey still holds: its clock goes away. */
void sendkey_release(void);

#endif
