/* SPDX-License-Identifier: MIT */
/* The command table, and the commands that are only a call of somebody. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdbstub.h"
#include "monitor/command.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

/* -- help -------------------------------------------------------------------- */

static void put_help(Monitor *mon, const Command *c, const char *prefix)
{
    monitor_printf(mon, "%s%s %s -- %s\n", prefix, c->name, c->usage, c->help);
}

static void help_log(Monitor *mon)
{
    monitor_printf(mon, "Log items (comma separated):\n%-14s %s\n", "none",
                   "remove all logs");
    for (int i = 0; i < LOG_NUM_ITEMS; i++) {
        monitor_printf(mon, "%-14s %s\n", log_items[i].name, log_items[i].help);
    }
}

static void cmd_help(Monitor *mon, const Args *a)
{
    const char *name = a->v[0].given ? a->v[0].s : NULL;

    if (name && !strcmp(name, "log")) {
        help_log(mon);
    } else if (name && !strcmp(name, "info")) {
        for (const Command *c = infos; c->name; c++) {
            put_help(mon, c, "info ");
        }
    } else if (name) {
        const Command *c = command_find(commands, name, strlen(name));

        if (c) {
            put_help(mon, c, "");
        } else {
            monitor_printf(mon, "unknown command: '%s'\n", name);
        }
    } else {
        for (const Command *c = commands; c->name; c++) {
            put_help(mon, c, "");
        }
    }
}

static void cmd_info(Monitor *mon, const Args *a)
{
    const char *name = a->v[0].given ? a->v[0].s : NULL;
    const Command *c = name ? command_find(infos, name, strlen(name)) : NULL;
    Args rest = { .flag = false };

    if (!c) {
        if (name) {
            monitor_printf(mon, "info: there is no '%s'\n", name);
        }
        cmd_help(mon, &(Args){ .v = { { .given = true, .s = (char[]){ "info" } } } });
        return;
    }
    rest.v[0] = a->v[1];
    c->run(mon, &rest);
}

/* -- The machine ------------------------------------------------------------- */

static void cmd_quit(Monitor *mon, const Args *a)
{
    (void)a;
    if (mon->ops.quit) {
        mon->ops.quit(mon->ops.opaque);
    }
}

/* Commands about running need CPUs. */
static void with_cpus(Monitor *mon, void (*fn)(CPUs *cpus))
{
    if (monitor_cpu(mon)) {
        fn(mon->ops.cpus);
    }
}

static void stop(CPUs *cpus)
{
    vm_stop(cpus, STOP_USER);
}

static void cmd_stop(Monitor *mon, const Args *a)
{
    (void)a;
    with_cpus(mon, stop);
}

static void cmd_cont(Monitor *mon, const Args *a)
{
    (void)a;
    with_cpus(mon, vm_start);
}

static void cmd_system_reset(Monitor *mon, const Args *a)
{
    (void)a;
    with_cpus(mon, system_reset_request);
}

static void cmd_system_powerdown(Monitor *mon, const Args *a)
{
    (void)a;
    with_cpus(mon, system_powerdown_request);
}

static void cmd_cpu(Monitor *mon, const Args *a)
{
    int64_t n = a->v[0].i;

    if (!mon->ops.cpus || n < 0 || n >= cpus_num(mon->ops.cpus)) {
        monitor_printf(mon, "cpu: there is no CPU %d\n", (int)n);
        return;
    }
    mon->cpu = (int)n;
}

static void cmd_gdbserver(Monitor *mon, const Args *a)
{
    const char *spec = a->v[0].given ? a->v[0].s : GDBSTUB_DEFAULT;
    Error err;

    if (!mon->ops.gdbserver) {
        monitor_printf(mon, "gdbserver: not from here\n");
    } else if (mon->ops.gdbserver(mon->ops.opaque, spec, &err) < 0) {
        monitor_error(mon, &err);
    } else if (strcmp(spec, "none")) {
        monitor_printf(mon, "waiting for a debugger at '%s'\n", spec);
    } else {
        monitor_printf(mon, "no debugger is waited for\n");
    }
}

/* -- Screen and log ---------------------------------------------------------- */

static void cmd_screendump(Monitor *mon, const Args *a)
{
    const char *file = NULL, *format = NULL;
    Console *con = console_first();
    Error err;

    for (int i = 0; i < COMMAND_MAX_ARGS && a->v[i].given; i++) {
        if (!strcmp(a->v[i].s, "-f")) {
            format = a->v[++i].s;
        } else if (!file) {
            file = a->v[i].s;
        } else {
            format = a->v[i].s;
        }
    }
    if (!file) {
        monitor_printf(mon, "usage: screendump [-e] [-f png|ppm] file\n");
    } else if (!con) {
        monitor_printf(mon, "screendump: this machine has no display\n");
    } else if ((a->flag ? console_screendump_edge : console_screendump)(con, file, format,
                                                                         &err) < 0) {
        monitor_error(mon, &err);
    }
}

static void cmd_log(Monitor *mon, const Args *a)
{
    Error err;

    if (log_set(a->v[0].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

static void cmd_logfile(Monitor *mon, const Args *a)
{
    Error err;

    if (log_open(a->v[0].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

/* clang-format off */
const Command commands[] = {
    { "help|?", "s?", "[cmd]", "show the help", cmd_help },
    { "info", "s? s?", "[subcommand]", "show what is known; help info lists", cmd_info },
    { "quit|q", "", "", "quit the emulator", cmd_quit },
    { "stop", "", "", "stop emulation", cmd_stop },
    { "cont|c", "", "", "resume emulation", cmd_cont },
    { "system_reset", "", "", "reset the system", cmd_system_reset },
    { "system_powerdown", "", "", "press the power button", cmd_system_powerdown },
    { "cpu", "i", "index", "set the default CPU", cmd_cpu },
    { "eject", "-f B", "[-f] device", "take a medium out (-f: although locked)", cmd_eject },
    { "change", "B F s?", "device filename [format]", "put another medium in", cmd_change },
    { "snapshot_blkdev", "-n B F? s?", "[-n] device [new-image-file] [format]",
      "go on in a new image over this one (-n: the file is there)", cmd_snapshot_blkdev },
    { "snapshot_blkdev_internal", "B s", "device name", "make a snapshot inside the image",
      cmd_snapshot_blkdev_internal },
    { "snapshot_delete_blkdev_internal", "B s", "device name|id", "delete one",
      cmd_snapshot_delete_blkdev_internal },
    { "snapshot_goto_blkdev_internal", "B s", "device name|id",
      "give a stopped machine the disk of then; reset it afterwards",
      cmd_snapshot_goto_blkdev_internal },
    { "drive_mirror", "-n -f B F s?", "[-n] [-f] device target [format]",
      "keep a copy that follows (-n: target is there, -f: whole disk)", cmd_drive_mirror },
    { "drive_backup", "-n -f B F s?", "[-n] [-f] device target [format]",
      "copy a drive as it is now (-n: target is there, -f: whole disk)", cmd_drive_backup },
    { "block_job_cancel", "-f B", "[-f] device",
      "end a job; a mirror that is ready leaves a whole copy (-f: at once)",
      cmd_block_job_cancel },
    { "block_job_complete", "B", "device", "go on in the copy of a mirror that is ready",
      cmd_block_job_complete },
    { "block_job_set_speed", "B s", "device bytes-per-second", "limit a job (0: no limit)",
      cmd_block_job_set_speed },
    { "block_resize", "B s", "device size", "give an image another size", cmd_block_resize },
    { "commit", "B", "device|all", "write changes to the backing image", cmd_commit },
    { "set_link", "s s", "name on|off", "plug or pull a network cable; info network has names",
      cmd_set_link },
    { "hostfwd_add", "s s?", "[network] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "forward a port of the host", cmd_hostfwd_add },
    { "hostfwd_remove", "s s?", "[network] [tcp|udp]:[hostaddr]:hostport", "stop doing so",
      cmd_hostfwd_remove },
    { "netdev_add", "s", "network,id=name[,setting=value]", "one more network, as -netdev",
      cmd_netdev_add },
    { "netdev_del", "s", "name", "remove one; its card has no cable then", cmd_netdev_del },
    { "usb_add", "s", "mouse|tablet|keyboard|disk:[format=f]:filename", "plug a USB device in",
      cmd_usb_add },
    { "usb_del", "s", "bus.number", "pull a USB device out; info usb has the numbers",
      cmd_usb_del },
    { "device_add", "s", "driver[,prop=value]", "plug a USB device in, as -device",
      cmd_device_add },
    { "device_del", "s", "id", "pull a USB device out", cmd_device_del },
    { "screendump", "-e F s? s?", "[-e] filename [-f png|ppm]",
      "save the screen as a picture, -e: with the lamps at its edge", cmd_screendump },
    { "gdbserver", "s?", "[chardev|none]", "wait for GDB there (tcp::1234), or no longer",
      cmd_gdbserver },
    { "log", "s", "item1[,...]", "log the given items; help log lists", cmd_log },
    { "logfile", "F", "filename", "log to this file", cmd_logfile },
    { "x", "/ i", "/fmt addr", "dump virtual memory", cmd_x },
    { "xp", "/ i", "/fmt addr", "dump physical memory", cmd_xp },
    { "print|p", "/ i", "/fmt expr", "print the value (uses $reg for CPU registers)", cmd_print },
    { "i", "/ i i?", "/fmt addr [index]", "read a port", cmd_in },
    { "o", "/ i i", "/fmt addr value", "write a port", cmd_out },
    { "sum", "i i", "addr size", "checksum of physical memory", cmd_sum },
    { "memsave", "i i F", "addr size file", "save virtual memory", cmd_memsave },
    { "pmemsave", "i i F", "addr size file", "save physical memory", cmd_pmemsave },
    { "sendkey", "K i?", "keys [hold_ms]", "send keys, like ctrl-alt-f1", cmd_sendkey },
    { "mouse_move", "i i i?", "dx dy [dz]", "move the mouse", cmd_mouse_move },
    { "mouse_button", "i", "state", "buttons held: 1 left, 2 right, 4 middle",
      cmd_mouse_button },
    { NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */
