/* SPDX-License-Identifier: MIT */
/*
 * The command line: parsed into a struct, nothing is opened or built here.
 *
 * What an option is, is a row of qemu-options.def.  `--opt` is `-opt`; a bare
 * word is `-hda word`.  Strings point into argv.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "translate-all.h"
#include "util/error.h"

#define OPTIONS_MAX_LIST 32

typedef struct OptionList {
    const char *item[OPTIONS_MAX_LIST];
    int num;
} OptionList;

/* -hda and friends: an argument and its place. */
typedef enum DriveSlot {
    SLOT_HDA, SLOT_HDB, SLOT_HDC, SLOT_HDD, SLOT_FDA, SLOT_FDB, SLOT_CDROM, SLOT_SD, SLOT_MTD,
    SLOT_NUM
} DriveSlot;

typedef enum OptionsAction { ACT_RUN, ACT_HELP, ACT_VERSION, ACT_LOG_HELP } OptionsAction;

typedef struct Options {
    OptionsAction action;
    const char *machine, *cpu, *name, *display, *vga, *kernel, *append, *initrd, *dtb;
    const char *monitor, *debugcon, *gdb, *log_items, *log_file, *firmware_dir, *bios, *pidfile;
    const char *drive[SLOT_NUM];
    OptionList drives, pflash, devices, serials, nets, netdevs, nics, redirs;
    OptionList usb_devices;
    const char *tftp, *bootp;
    uint64_t ram;                       /* bytes, 0: the machine's default */
    int smp;
    char boot_order[8];                 /* "" : the machine's default */
    bool boot_menu;
    int64_t rtc_offset_ns;              /* guest time of day - host UTC */
    AccelOptions accel;
    bool show_cursor, snapshot, nographic, stopped, no_reboot, no_shutdown, no_acpi, no_hpet, semihosting,
         daemonize, nodefaults, usb;
} Options;

int options_parse(Options *o, int argc, char **argv, Error *err);
void options_help(void (*put)(void *, const char *), void *opaque);

#endif
