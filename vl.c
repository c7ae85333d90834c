/* SPDX-License-Identifier: MIT */
/*
 * The system emulator's main program: options -> machine -> main loop.
 *
 *   options_parse      what the user wants               options.c
 *   open_backends      logs, character devices, drives   char/ block/
 *   machine_new        RAM, processors, chips, wires     hw/boards/
 *   main_loop          events, requests, until the end
 *
 * Only this file exits.  Everything it opens is closed in shut_down(), in
 * reverse order, also when something on the way fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block.h"
#include "block/drive.h"
#include "char/char.h"
#include "cpus.h"
#include "gdbstub.h"
#include "hw/boards/machine.h"
#include "hw/boards/usb-options.h"
#include "monitor/monitor.h"
#include "net/net-options.h"
#include "options.h"
#include "sys/loop.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

typedef struct Emulator {
    const char *program;
    Options options;
    Clock clock;
    CPUs *cpus;
    Machine *machine;
    Monitor *monitors[5];
    int num_monitors;
    GDBStub *gdb;                       /* NULL: never asked for */
    int pidfile_fd;
    int ready_fd;                       /* -daemonize: tell the parent */
    bool quit;
    int status;
} Emulator;

static volatile sig_atomic_t killed_by;

static void on_signal(int sig)
{
    killed_by = sig;
    loop_wake();
}

static void put_stdout(void *opaque, const char *text)
{
    (void)opaque;
    fputs(text, stdout);
}

/* -- Lists that end the program ---------------------------------------------- */

static bool is_help(const char *s)
{
    return s && (!strcmp(s, "help") || !strcmp(s, "?"));
}

static void list_machines(void)
{
    puts("machines:");
    for (const QEMUMachine *const *t = machines; *t; t++) {
        printf("  %-14s %s%s\n", (*t)->name, (*t)->desc, (*t)->is_default ? " (default)" : "");
    }
}

static void list_devices(void)
{
    for (const DeviceType *const *t = device_types; *t; t++) {
        if ((*t)->user_creatable) {
            printf("  %-18s bus %-8s %s\n", (*t)->name, (*t)->bus ? (*t)->bus : "-",
                   (*t)->desc ? (*t)->desc : "");
        }
    }
}

/* Of "NAME" or "NAME,..."; NULL if there is none. */
static const DeviceType *find_device_type(const char *spec)
{
    size_t len = strcspn(spec, ",");

    for (const DeviceType *const *t = device_types; *t; t++) {
        if (strlen((*t)->name) == len && !strncmp((*t)->name, spec, len)) {
            return *t;
        }
    }
    return NULL;
}

/* "NAME,help" or "NAME,?" */
static const DeviceType *device_help_wanted(const char *spec)
{
    const char *comma = strchr(spec, ',');

    return comma && is_help(comma + 1) ? find_device_type(spec) : NULL;
}

/* "-net nic,model=help" */
static bool wants_nic_models(const OptionList *l)
{
    for (int i = 0; i < l->num; i++) {
        const char *model = strstr(l->item[i], "model=");

        if (model && is_help(model + strlen("model="))) {
            return true;
        }
    }
    return false;
}

static void list_nic_models(void)
{
    for (const QEMUMachine *const *t = machines; *t; t++) {
        if ((*t)->nic_models) {
            printf("  %-14s %s\n", (*t)->name, (*t)->nic_models);
        }
    }
}

static void list_log_items(void)
{
    for (int i = 0; i < LOG_NUM_ITEMS; i++) {
        printf("  %-14s %s\n", log_items[i].name, log_items[i].help);
    }
}

static void print_usage(const char *program)
{
    printf("usage: %s [options] [disk image]\n", program);
    options_help(put_stdout, NULL);
    puts("\nKeys with -nographic or -serial mon:stdio: C-a h help, C-a x exit, C-a c monitor");
}

/* True if the options only ask for a list. */
static bool print_lists(const Options *o, const char *program)
{
    switch (o->action) {
    case ACT_HELP:
        print_usage(program);
        return true;
    case ACT_VERSION:
        printf("%s version %s\n", program, CONFIG_VERSION);
        return true;
    case ACT_LOG_HELP:
        list_log_items();
        return true;
    default:
        break;
    }
    if (is_help(o->machine)) {
        list_machines();
        return true;
    }
    if (is_help(o->cpu)) {
        target_cpu_ops->list_models(put_stdout, NULL);
        return true;
    }
    if (is_help(o->display)) {
        display_list(put_stdout, NULL);
        return true;
    }
    if (wants_nic_models(&o->nets) || wants_nic_models(&o->nics)) {
        list_nic_models();
        return true;
    }
    for (int i = 0; i < o->drives.num; i++) {
        if (is_help(o->drives.item[i])) {
            drive_help(put_stdout, NULL);
            return true;
        }
    }
    for (int i = 0; i < o->devices.num; i++) {
        const DeviceType *t = device_help_wanted(o->devices.item[i]);

        if (is_help(o->devices.item[i])) {
            list_devices();
            return true;
        }
        if (t) {
            device_type_help(t, put_stdout, NULL);
            return true;
        }
    }
    return false;
}

/* -- Requests of the guest and the user -------------------------------------- */

static void guest_request(void *opaque, MachineRequest what, int code)
{
    Emulator *e = opaque;

    switch (what) {
    case MACHINE_REQUEST_RESET:
        system_reset_request(e->cpus);
        break;
    case MACHINE_REQUEST_SHUTDOWN:
        system_shutdown_request(e->cpus);
        break;
    case MACHINE_REQUEST_EXIT:
        e->status = code;
        e->quit = true;
        system_shutdown_request(e->cpus);
        break;
    }
}

static void quit_request(void *opaque)
{
    Emulator *e = opaque;

    e->quit = true;
    loop_wake();
}

static CPUState *make_cpu(void *opaque, Machine *m)
{
    Emulator *e = opaque;

    if (!e->cpus) {
        CPUsConfig c = { .ops = target_cpu_ops, .mem = m->mem, .io = m->io,
                         .clock = &e->clock, .accel = e->options.accel };
        Error err;

        e->cpus = cpus_new(&c, &err);
        if (!e->cpus) {
            log_put(LOG_GUEST_ERRORS, "%s\n", err.msg);
            return NULL;
        }
    }
    return cpu_create(e->cpus);
}

static void free_cpus(void *opaque)
{
    Emulator *e = opaque;

    cpus_free(e->cpus);
    e->cpus = NULL;
}

static void handle_requests(Emulator *e)
{
    unsigned requests = cpus_take_requests(e->cpus);

    if (requests & REQUEST_POWERDOWN) {
        qemu_irq_pulse(e->machine->power_button);
    }
    if (requests & REQUEST_SHUTDOWN) {
        if (e->options.no_shutdown && !e->quit) {
            vm_stop(e->cpus, STOP_SHUTDOWN);
            cpus_requests_done(e->cpus);
        } else {
            e->quit = true;
        }
    } else if (requests & REQUEST_RESET) {
        if (e->options.no_reboot) {
            e->quit = true;
            return;
        }
        cpus_stop_all(e->cpus);
        machine_reset(e->machine);
        cpus_resume_all(e->cpus);
        cpus_requests_done(e->cpus);
    }
}

static void main_loop(Emulator *e)
{
    while (!e->quit && !killed_by) {
        loop_run_once(-1);
        handle_requests(e);
    }
}

/* -- Character devices ------------------------------------------------------- */

static int open_serial(MachineConfig *c, int n, const char *spec, Error *err)
{
    char label[24];

    if (n >= 4) {
        return error_set(err, E2BIG, "-serial: there are four serial lines at most");
    }
    if (!strcmp(spec, "none")) {
        return 0;
    }
    snprintf(label, sizeof(label), "serial%d", n);
    c->serial[n] = chr_open(label, spec, err);
    return c->serial[n] ? 0 : -EINVAL;
}

/* Serial lines not asked for: the first one is the terminal's with
 * -nographic, else they lead nowhere. */
static int open_serials(Emulator *e, MachineConfig *c, Error *err)
{
    const Options *o = &e->options;
    int ret = 0;

    for (int i = 0; ret == 0 && i < o->serials.num; i++) {
        ret = open_serial(c, i, o->serials.item[i], err);
    }
    if (ret == 0 && o->serials.num == 0 && !o->nodefaults) {
        bool mux = o->nographic && !o->monitor;

        ret = open_serial(c, 0, mux ? "mon:stdio" : o->nographic ? "stdio" : "null", err);
    }
    if (ret == 0 && o->debugcon) {
        c->debugcon = chr_open("debugcon", o->debugcon, err);
        ret = c->debugcon ? 0 : -EINVAL;
    }
    return ret;
}

static int start_gdb(void *opaque, const char *spec, Error *err);

static MonitorOps monitor_ops(Emulator *e)
{
    return (MonitorOps){ .machine = e->machine, .cpus = e->cpus, .quit = quit_request,
                         .gdbserver = start_gdb, .opaque = e, .name = e->options.name };
}

static int start_gdb(void *opaque, const char *spec, Error *err)
{
    Emulator *e = opaque;

    if (!e->gdb) {
        MonitorOps ops = monitor_ops(e);

        e->gdb = gdbstub_new(&ops);
    }
    return gdbstub_open(e->gdb, spec, err);
}

/* Monitors sit where -monitor says and on every mux. */
static void start_monitors(Emulator *e, const MachineConfig *c, CharDriverState *own)
{
    MonitorOps ops = monitor_ops(e);

    for (int i = 0; i < 4; i++) {
        if (c->serial[i] && chr_is_mux(c->serial[i])) {
            e->monitors[e->num_monitors++] = monitor_new(c->serial[i], &ops);
        }
    }
    if (own) {
        e->monitors[e->num_monitors++] = monitor_new(own, &ops);
    }
}

/* -- Drives ------------------------------------------------------------------ */

static int add_drives(const Options *o, const QEMUMachine *t, Error *err)
{
    static const char *const option[SLOT_NUM] = {
        [SLOT_HDA] = "hda", [SLOT_HDB] = "hdb", [SLOT_HDC] = "hdc", [SLOT_HDD] = "hdd",
        [SLOT_FDA] = "fda", [SLOT_FDB] = "fdb", [SLOT_CDROM] = "cdrom",
        [SLOT_SD] = "sd", [SLOT_MTD] = "mtdblock",
    };
    int ret = 0;

    for (int i = 0; ret == 0 && i < SLOT_NUM; i++) {
        if (o->drive[i]) {
            ret = drive_add_file(option[i], o->drive[i], t->drives, err);
        }
    }
    for (int i = 0; ret == 0 && i < o->pflash.num; i++) {
        ret = drive_add_file("pflash", o->pflash.item[i], t->drives, err);
    }
    for (int i = 0; ret == 0 && i < o->drives.num; i++) {
        ret = drive_add(o->drives.item[i], t->drives, err);
    }
    if (ret == 0 && !o->nodefaults && t->drives == IF_IDE) {
        drive_add_defaults();
    }
    return ret < 0 ? ret : drive_open_all(o->snapshot, err);
}

/* Where the n-th drive of its kind goes; NULL: nowhere. */
static BlockDriverState **drive_slot(MachineConfig *c, DriveInterface type, int n)
{
    struct { BlockDriverState **slots; size_t num; } const rows[IF_COUNT] = {
        [IF_IDE]    = { c->ide,    ARRAY_SIZE(c->ide) },
        [IF_FLOPPY] = { c->floppy, ARRAY_SIZE(c->floppy) },
        [IF_SCSI]   = { c->scsi,   ARRAY_SIZE(c->scsi) },
        [IF_SD]     = { c->sd,     ARRAY_SIZE(c->sd) },
        [IF_PFLASH] = { c->pflash, ARRAY_SIZE(c->pflash) },
        [IF_MTD]    = { &c->mtd,   1 },
    };

    return n >= 0 && (size_t)n < rows[type].num ? &rows[type].slots[n] : NULL;
}

static int place_drives(Emulator *e, MachineConfig *c, Error *err)
{
    for (DriveInfo *d = drive_next(NULL); d; d = drive_next(d)) {
        int n = d->type == IF_IDE ? d->bus * 2 + d->unit : d->unit;
        BlockDriverState **slot = drive_slot(c, d->type, n);

        if (slot) {
            *slot = d->bs;
        } else if (d->type != IF_NONE) {
            return error_set(err, ENODEV, "-drive: %s: there is no place for it, "
                             "use another index, or if=none and -device", d->id);
        }
        if (d->type == IF_IDE && slot) {
            c->ide_is_cd[n] = d->conf.is_cdrom;
        }
        if (blk_note(d->bs)) {
            fprintf(stderr, "%s: warning: %s\n", e->program, blk_note(d->bs));
        }
    }
    return 0;
}

static BlockDriverState *find_drive(const char *id)
{
    DriveInfo *d = drive_find(id);

    return d ? d->bs : NULL;
}

static void stop_on_io_error(void *opaque, const char *why)
{
    Emulator *e = opaque;

    fprintf(stderr, "%s: the machine is stopped; 'cont' in the monitor tries again\n", why);
    vm_stop(e->cpus, STOP_IO_ERROR);
}

static void resume_io(void *opaque, bool running, StopReason why)
{
    (void)opaque;
    (void)why;
    if (running) {
        blk_resume_all();
    }
}

/* -- Networks ---------------------------------------------------------------- */

/* -device CARD takes the place of the default one. */
static bool has_card(const OptionList *devices)
{
    for (int i = 0; i < devices->num; i++) {
        const DeviceType *t = find_device_type(devices->item[i]);

        for (const PropDef *p = t ? t->props : NULL; p && p->name; p++) {
            if (p->kind == PROP_NIC) {
                return true;
            }
        }
    }
    return false;
}

static int open_networks(const Options *o, const QEMUMachine *t, MachineConfig *c, Error *err)
{
    const NetOptions n = {
        .net = o->nets.item, .num_net = o->nets.num,
        .netdev = o->netdevs.item, .num_netdev = o->netdevs.num,
        .nic = o->nics.item, .num_nic = o->nics.num,
        .redir = o->redirs.item, .num_redir = o->redirs.num,
        .tftp = o->tftp, .bootp = o->bootp,
        .nodefaults = o->nodefaults || has_card(&o->devices), .board_has_nic = t->nic_models,
    };

    net_set_running(false);             /* until the processors start */
    return net_open_all(&n, c->nic, err);
}

static void warn_about_networks(const Emulator *e)
{
    char *text;

    for (int i = 0; (text = net_next_warning(&i)) != NULL; free(text)) {
        fprintf(stderr, "%s: warning: %s\n", e->program, text);
    }
}

static void stop_networks(void *opaque, bool running, StopReason why)
{
    (void)opaque;
    (void)why;
    net_set_running(running);
}

/* -- Processes and files ----------------------------------------------------- */

/* The parent waits until the machine runs, or says why not. */
static int daemonize(Emulator *e, Error *err)
{
    int fds[2];
    char status = 1;

    if (pipe(fds) < 0) {
        return error_set(err, errno, "-daemonize: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        return error_set(err, errno, "-daemonize: %s", strerror(errno));
    }
    if (pid > 0) {
        close(fds[1]);
        _exit(read(fds[0], &status, 1) == 1 ? status : 1);
    }
    close(fds[0]);
    setsid();
    pid = fork();
    if (pid != 0) {
        _exit(pid < 0);
    }
    e->ready_fd = fds[1];
    return 0;
}

static void daemon_ready(Emulator *e)
{
    char ok = 0;
    int null = open("/dev/null", O_RDWR);

    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        close(null);
    }
    if (write(e->ready_fd, &ok, 1) == 1) {
        close(e->ready_fd);
    }
    e->ready_fd = -1;
}

static int write_pidfile(Emulator *e, Error *err)
{
    const char *path = e->options.pidfile;
    int fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
    struct stat st;

    if (fd < 0) {
        return error_set(err, errno, "-pidfile: '%s': %s", path, strerror(errno));
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(err, EINVAL, "-pidfile: %s is not a regular file", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return error_set(err, EBUSY, "-pidfile: %s: another emulator is using it", path);
    }
    e->pidfile_fd = fd;
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        return error_set(err, errno, "-pidfile: %s: %s", path, strerror(errno));
    }
    return 0;
}

static void catch_signals(void)
{
    struct sigaction sa = { .sa_handler = on_signal };

    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* -- Start and end ----------------------------------------------------------- */

static int set_up_log(const Options *o, Error *err)
{
    int ret = o->log_file ? log_open(o->log_file, err) : 0;

    return ret == 0 && o->log_items ? log_set(o->log_items, err) : ret;
}

/* "stdio", "mon:stdio", "stdio,signal=off" */
static bool wants_terminal(const char *chardev)
{
    return chardev && (!strncmp(chardev, "stdio", 5) || !strncmp(chardev, "mon:stdio", 9));
}

static int check_daemon(const Options *o, Error *err)
{
    bool terminal = wants_terminal(o->monitor) || wants_terminal(o->debugcon) ||
                    wants_terminal(o->gdb);

    for (int i = 0; i < o->serials.num; i++) {
        terminal |= wants_terminal(o->serials.item[i]);
    }
    if (o->nographic || terminal) {
        return error_set(err, EINVAL, "-%s and -daemonize exclude each other: "
                         "use -display none -serial file:PATH",
                         o->nographic ? "nographic" : "... stdio");
    }
    if (o->display && !strcmp(o->display, "curses")) {
        return error_set(err, EINVAL, "-display curses and -daemonize exclude each other: "
                         "a daemon has no terminal");
    }
    return 0;
}

static int check_options(const Options *o, Error *err)
{
    struct stat st;

    if (!o->kernel && (o->append || o->initrd || o->dtb)) {
        return error_set(err, EINVAL, "-%s: makes sense with -kernel only",
                         o->append ? "append" : o->initrd ? "initrd" : "dtb");
    }
    if (o->vga && strcmp(o->vga, "std") && strcmp(o->vga, "none")) {
        return error_set(err, EINVAL, "-vga: no adapter '%s'; there are std and none", o->vga);
    }
    if (o->nographic && o->display && strcmp(o->display, "none")) {
        return error_set(err, EINVAL, "-nographic and -display %s exclude each other", o->display);
    }
    if (o->firmware_dir && stat(o->firmware_dir, &st) < 0) {
        return error_set(err, errno, "-L: '%s': %s", o->firmware_dir, strerror(errno));
    }
    if (o->firmware_dir && !S_ISDIR(st.st_mode)) {
        return error_set(err, ENOTDIR, "-L: '%s' is not a directory", o->firmware_dir);
    }
    return o->daemonize ? check_daemon(o, err) : 0;
}

static MachineConfig machine_config(Emulator *e)
{
    const Options *o = &e->options;

    return (MachineConfig){
        .cpu_model = o->cpu, .ram_size = o->ram, .num_cpus = o->smp,
        .kernel = o->kernel, .initrd = o->initrd, .append = o->append, .dtb = o->dtb,
        .bios = o->bios, .firmware_dir = o->firmware_dir,
        .boot_order = o->boot_order[0] ? o->boot_order : NULL, .boot_menu = o->boot_menu,
        .no_acpi = o->no_acpi, .no_hpet = o->no_hpet, .nographic = o->nographic,
        .semihosting = o->semihosting, .snapshot = o->snapshot,
        .usb = o->usb || o->usb_devices.num,
        .vga = o->vga ? o->vga : "std", .rtc_base_ns = o->rtc_offset_ns,
        .request = guest_request, .request_opaque = e, .cpu_create = make_cpu,
        .cpus_free = free_cpus,
        .find_drive = find_drive,
    };
}

static const QEMUMachine *default_machine(void)
{
    for (const QEMUMachine *const *t = machines; *t; t++) {
        if ((*t)->is_default) {
            return *t;
        }
    }
    return NULL;
}

/* -M NAME[,OPT=VALUE]; *opts: what is behind the name, or NULL */
static const QEMUMachine *choose_machine(const char *spec, const char **opts, Error *err)
{
    const char *comma = spec ? strchr(spec, ',') : NULL;
    const QEMUMachine *t;

    *opts = comma ? comma + 1 : NULL;
    if (!spec) {
        t = default_machine();
        if (!t) {
            error_set(err, EINVAL, "no machine was named: give one with -M, '-M help' lists them");
        }
        return t;
    }
    char *name = comma ? xstrndup(spec, (size_t)(comma - spec)) : xstrdup(spec);
    t = machine_find_type(name);
    if (!t) {
        error_set(err, EINVAL, "-M: no machine '%s', '-M help' lists them", name);
    } else if (comma && !t->opts_help) {
        error_set(err, EINVAL, "-M: %s takes no options, '%s' is one", name, comma + 1);
        t = NULL;
    }
    free(name);
    return t;
}

static int build_machine(Emulator *e, const QEMUMachine *t, const MachineConfig *c, Error *err)
{
    const Options *o = &e->options;
    int ret = machine_new(&e->machine, t, c, &e->clock, err);

    ret = ret < 0 ? ret : usb_start(e->machine, err);
    for (int i = 0; ret == 0 && i < o->devices.num; i++) {
        ret = machine_add_device(e->machine, o->devices.item[i], err);
    }
    for (int i = 0; ret == 0 && i < o->usb_devices.num; i++) {
        ret = usb_device_add(e->machine, o->usb_devices.item[i], err);
    }
    for (DriveInfo *d = drive_next(NULL); ret == 0 && d; d = drive_next(d)) {
        if (d->type != IF_NONE && !blk_is_attached(d->bs)) {
            ret = error_set(err, ENODEV, "-drive: %s: %s has no place for it, use another "
                            "if= or index, or if=none and -device", d->id, t->name);
        }
    }
    return ret;
}

/* Without a terminal to draw on, nobody sees the screen. */
static const char *display_name(const Options *o)
{
    if (o->display) {
        return o->display;
    }
    return "none";
}

static int start(Emulator *e, Error *err)
{
    const Options *o = &e->options;
    MachineConfig c = machine_config(e);
    CharDriverState *monitor = NULL;
    const QEMUMachine *t = choose_machine(o->machine, &c.machine_opts, err);
    int ret = t ? check_options(o, err) : -EINVAL;

    if (ret == 0 && o->daemonize) {
        ret = daemonize(e, err);
    }
    if (ret == 0) {
        ret = set_up_log(o, err);
    }
    if (ret == 0 && o->pidfile) {
        ret = write_pidfile(e, err);
    }
    if (ret == 0) {
        ret = add_drives(o, t, err);
    }
    if (ret == 0) {
        ret = open_serials(e, &c, err);
    }
    if (ret == 0 && o->monitor && strcmp(o->monitor, "none")) {
        monitor = chr_open("monitor", o->monitor, err);
        ret = monitor ? 0 : -EINVAL;
    }
    if (ret < 0) {
        return ret;
    }
    ret = place_drives(e, &c, err);
    if (ret == 0) {
        ret = open_networks(o, t, &c, err);
    }
    if (ret == 0) {
        ret = build_machine(e, t, &c, err);
    }
    if (ret == 0) {
        ret = display_start(display_name(o), err);
    }
    if (ret < 0) {
        return ret;
    }
    blk_set_stop_handler(stop_on_io_error, e);
    vm_add_notifier(e->cpus, resume_io, e);
    vm_add_notifier(e->cpus, stop_networks, e);
    warn_about_networks(e);
    start_monitors(e, &c, monitor);
    chr_set_exit_handler(quit_request, e);
    machine_reset(e->machine);
    if (o->gdb) {
        ret = start_gdb(e, o->gdb, err);
    }
    return ret < 0 ? ret : cpus_start(e->cpus, err);
}

static void shut_down(Emulator *e)
{
    gdbstub_close(e->gdb, e->status);
    if (e->cpus) {
        vm_stop(e->cpus, STOP_SHUTDOWN);
    }
    display_stop_all();
    while (e->num_monitors) {
        monitor_free(e->monitors[--e->num_monitors]);
    }
    machine_free(e->machine);
    net_close_all();
    drive_close_all();
    chr_close_all();
    gdbstub_free(e->gdb);
    if (e->pidfile_fd >= 0) {
        unlink(e->options.pidfile);
        close(e->pidfile_fd);
    }
}

int main(int argc, char **argv)
{
    static Emulator e = { .pidfile_fd = -1, .ready_fd = -1 };
    const char *slash = strrchr(argv[0], '/'), *program = slash ? slash + 1 : argv[0];
    Error err = { "" };

    e.program = program;
    int ret = options_parse(&e.options, argc, argv, &err);
    if (ret == 0 && print_lists(&e.options, program)) {
        return 0;
    }
    if (ret == 0) {
        catch_signals();
        global_lock();
        clock_init(&e.clock);
        loop_add_clock(&e.clock);
        ret = start(&e, &err);
        if (ret == 0) {
            if (e.ready_fd >= 0) {
                daemon_ready(&e);
            }
            if (!e.options.stopped && !gdbstub_attached(e.gdb)) {
                vm_start(e.cpus);
            }
            main_loop(&e);
        }
        shut_down(&e);
        global_unlock();
    }
    if (ret < 0) {
        fprintf(stderr, "%s: %s\n", program, err.msg);
        return 1;
    }
    return e.status;
}
