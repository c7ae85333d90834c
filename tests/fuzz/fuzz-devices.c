/* SPDX-License-Identifier: MIT */
/*
 * A guest that knows nothing: whole boards without a processor, and random
 * accesses to all that answers at a port or an address.
 *
 * Most accesses go to what is mapped at that moment, in runs within one
 * section, since a chip's registers mean something in sequence only; some go
 * anywhere.  Low RAM is filled with small numbers and addresses of itself, so
 * that bus masters find descriptors in it.  Between runs time passes, keys are
 * pressed, the screen is drawn, and sometimes the machine is reset.
 *
 * The rule: whatever the guest does, the emulator goes on (hw/core/device.h).
 * A crash, a sanitizer's report or a run of HANG seconds is the failure; the
 * first line has what repeats it.
 *
 *      build/opt/tests/fuzz/fuzz-devices [accesses] [seed] [-v]
 *
 * -v prints every access to stderr.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/block.h"
#include "char/char.h"
#include "hw/boards/machine.h"
#include "sys/loop.h"
#include "tests/fuzz/rng.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/mem.h"

enum { HANG = 30, RAM_SIZE = 16 << 20, PLAY = 0x10000, NUM_DRIVES = 6 };

static uint64_t accesses, seed = 1;
static bool verbose;

__attribute__((format(printf, 1, 2)))
static void say(const char *fmt, ...)
{
    va_list ap;

    if (verbose) {
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
    }
}

static void on_alarm(int sig)
{
    static const char text[] = "not ok 1 - a device does not come back\n";

    (void)sig;
    _exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

/* -- The machine ------------------------------------------------------------- */

static BlockDriverState *drives[NUM_DRIVES];
static Clock clock_;
static unsigned requests;

static void note_request(void *opaque, MachineRequest what, int code)
{
    (void)opaque;
    (void)code;
    requests |= 1u << what;
}

/* Two disks, a CD, an empty CD drive, a floppy, an empty floppy drive. */
static int insert_media(void)
{
    static const int size[NUM_DRIVES] = {
        [0] = 1 << 20, [1] = 1 << 20, [2] = 1 << 20, [4] = 2880 * 512,
    };

    for (int i = 0; i < NUM_DRIVES; i++) {
        char path[] = "/tmp/fuzz-devices-XXXXXX";
        Error err = { "" };

        drives[i] = bdrv_new(NULL);
        if (!size[i]) {
            continue;
        }
        int fd = mkstemp(path);
        int ret = fd < 0 || ftruncate(fd, size[i]) < 0 ? -errno :
                  bdrv_open(drives[i], path, "raw", i == 2 ? 0 : BDRV_O_RDWR, NULL, &err);

        if (fd >= 0) {
            close(fd);
            unlink(path);               /* it stays until it is closed */
        }
        if (ret < 0) {
            printf("Bail out! %s: %s\n", path, err.msg[0] ? err.msg : strerror(-ret));
            return ret;
        }
    }
    return 0;
}

/* On the PIIX3's two ports, and on those of a card. */
static const char *const usb_devices[] = {
    "usb-kbd", "usb-tablet", "pci-ohci,id=ohci", "usb-hub,bus=ohci", "usb-mouse,bus=ohci",
};

static Machine *build(const char *board)
{
    MachineConfig c = {
        .vga = "std", .ram_size = RAM_SIZE, .usb = true, .request = note_request,
    };
    CharDriverState *line = chr_find("fuzz") ? chr_find("fuzz") : chr_open("fuzz", "null", NULL);
    Machine *m = NULL;
    Error err = { "" };

    for (int i = 0; i < 4; i++) {
        c.ide[i] = drives[i];
        c.ide_is_cd[i] = blk_conf(drives[i])->is_cdrom = i >= 2;
        c.serial[i] = line;
    }
    c.floppy[0] = drives[4];
    c.floppy[1] = drives[5];
    c.parallel[0] = c.debugcon = line;
    clock_init_manual(&clock_);
    if (machine_new(&m, machine_find_type(board), &c, &clock_, &err) < 0) {
        printf("# %s\n", err.msg);
    } else if (machine_add_device(m, "isa-debugcon,id=con,iobase=0xe9", &err) < 0 ||
               machine_add_device(m, "isa-debug-exit,id=exit", &err) < 0) {
        printf("# %s\n", err.msg);
        machine_free(m);
        m = NULL;
    }
    for (size_t i = 0; m && m->pci && i < ARRAY_SIZE(usb_devices); i++) {
        if (machine_add_device(m, usb_devices[i], &err) < 0) {
            printf("# %s\n", err.msg);
        }
    }
    return m;
}

/* -- Accesses ---------------------------------------------------------------- */

/* Bits set here and there, few bits, small numbers, addresses in low RAM. */
static uint64_t some_value(void)
{
    switch (below(6)) {
    case 0: return next();
    case 1: return 1ull << below(64);
    case 2: return next() & next() & next();
    case 3: return below(32);
    case 4: return below(PLAY) & ~3ull;
    default: return below(256);
    }
}

static void access_as(AddressSpace *as, hwaddr addr, unsigned size, bool write)
{
    uint64_t val = write ? some_value() : 0;

    if (write) {
        say("%s %llx = %llx /%u\n", as->name, (unsigned long long)addr,
            (unsigned long long)val, size);
        as_store(as, addr, val, size);
    } else {
        say("%s %llx /%u\n", as->name, (unsigned long long)addr, size);
        as_load(as, addr, size);
    }
    accesses++;
}

static unsigned some_size(const AddressSpace *as)
{
    static const unsigned sizes[] = { 1, 1, 1, 2, 4, 4, 8 };

    return sizes[below(as->size <= 0x10000 ? 6 : 7)];
}

/* Ports and MMIO; in memory RAM and ROM are most of the sections, and dull. */
static const Section *some_section(const AddressSpace *as)
{
    for (int i = 0; i < 50; i++) {
        const Section *s = &as->sections[below(as->num_sections)];

        if (s->region && (s->region->kind == REGION_MMIO || one_in(20))) {
            return s;
        }
    }
    return NULL;
}

static void run_in_section(AddressSpace *as)
{
    const Section *s = some_section(as);

    if (!s) {
        return;
    }
    hwaddr start = s->start, len = s->end - s->start;   /* an access may unmap it */
    unsigned n = 1 + (unsigned)below(24);
    bool high = len > 0x400 && one_in(2);

    while (n--) {
        hwaddr offset = high ? below(len) : below(MIN(len, (hwaddr)0x400));

        access_as(as, start + offset, some_size(as), !one_in(3));
    }
}

/* One register again and again: data ports, FIFOs. */
static void hammer(AddressSpace *as)
{
    const Section *s = some_section(as);

    if (s) {
        hwaddr addr = s->start + below(MIN(s->end - s->start, (hwaddr)0x40));
        unsigned n = 1 + (unsigned)below(600), size = some_size(as);
        bool write = one_in(2);

        while (n--) {
            access_as(as, addr, size, write);
        }
    }
}

static void config_cycle(Machine *m)
{
    static const uint8_t devfns[] = { PCI_DEVFN(0, 0), PCI_DEVFN(1, 0), PCI_DEVFN(1, 1),
                                      PCI_DEVFN(1, 3), PCI_DEVFN(2, 0) };
    unsigned devfn = one_in(10) ? (unsigned)below(256) : devfns[below(ARRAY_SIZE(devfns))];
    unsigned reg = (unsigned)below(one_in(4) ? 256 : 0x68);

    as_store(m->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    access_as(m->io, 0xcfc + (reg & 3), some_size(m->io), !one_in(3));
}

/* Firmware's settings, so that bus masters and BARs are worth something. */
static void enable_pci(Machine *m)
{
    for (unsigned devfn = 0; m->pci && devfn < PCI_DEVFN(3, 0); devfn++) {
        pci_config_write(m->pci, devfn, PCI_COMMAND, 7, 2);
    }
    if (m->pci) {
        pci_config_write(m->pci, PCI_DEVFN(1, 1), 0x20, 0xc001, 4);
        pci_config_write(m->pci, PCI_DEVFN(1, 1), 0x40, 0x80008000, 4);
        pci_config_write(m->pci, PCI_DEVFN(1, 3), 0x40, 0x601, 4);
        pci_config_write(m->pci, PCI_DEVFN(1, 3), 0x80, 1, 1);
        pci_config_write(m->pci, PCI_DEVFN(2, 0), 0x10, 0xe0000008, 4);
        pci_config_write(m->pci, PCI_DEVFN(2, 0), 0x18, 0xe2000000, 4);
    }
}

/* ATA/ATAPI-6: an IDENTIFY-like choice of commands with any parameters, and for
 * packets twelve bytes that start with a command MMC knows. */
static void ide_command(Machine *m)
{
    static const uint8_t commands[] = { 0x20, 0x24, 0x30, 0x34, 0xc4, 0xc5, 0xc6, 0xc8, 0xca,
                                        0x25, 0x35, 0xec, 0xa1, 0xef, 0xe7, 0x91, 0xf8, 0x08 };
    static const uint8_t packets[] = { 0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0xa8, 0xbe, 0x42,
                                       0x43, 0x46, 0x4a, 0x51, 0x5a, 0x55, 0xad, 0xbd, 0x2b, 0xb9 };
    hwaddr base = one_in(2) ? 0x1f0 : 0x170;
    bool packet = base == 0x170;

    if (one_in(3) && m->pci) {          /* a descriptor table: PRDs, 64 KiB at most */
        as_store(m->io, 0xc004 + (packet ? 8 : 0), below(PLAY) & ~3ull, 4);
        as_store(m->io, 0xc000 + (packet ? 8 : 0), below(16), 1);
    }
    for (hwaddr port = base + 1; port < base + 6; port++) {
        access_as(m->io, port, 1, true);
    }
    as_store(m->io, base + 6, one_in(4) ? 0xb0 : one_in(2) ? 0xe0 : 0xa0, 1);
    as_store(m->io, base + 7, packet ? 0xa0 : commands[below(ARRAY_SIZE(commands))], 1);
    loop_run_once(0);
    if (packet) {
        as_store(m->io, base, packets[below(ARRAY_SIZE(packets))] | below(256) << 8, 2);
        for (int i = 0; i < 5; i++) {
            as_store(m->io, base, one_in(2) ? 0 : below(0x10000), 2);
        }
    }
    for (uint64_t n = below(300); n; n--) {
        access_as(m->io, base, 2, one_in(2));
    }
}

/* 82078 5.0: up to nine bytes of a command, then its data and result. */
static void floppy_command(Machine *m)
{
    static const uint8_t commands[] = { 0x03, 0x04, 0x07, 0x08, 0x0a, 0x0f, 0x45, 0x46,
                                        0x4d, 0xe6, 0xc5, 0x66, 0x0e, 0x10, 0x13, 0x59 };

    as_store(m->io, 0x3f2, 0x1c | below(4), 1);
    as_store(m->io, 0x3f5, commands[below(ARRAY_SIZE(commands))], 1);
    for (uint64_t n = below(10); n; n--) {
        as_store(m->io, 0x3f5, below(6), 1);
    }
    for (uint64_t n = below(40); n; n--) {
        access_as(m->io, 0x3f5, 1, one_in(4));
    }
}

/* A mouse that reports (i8042: D4h is for it), a screen of any size (VBE DISPI). */
static void set_up_a_mode(Machine *m)
{
    static const uint16_t depths[] = { 4, 8, 15, 16, 24, 32, 7 };

    as_store(m->io, 0x64, 0xd4, 1);
    as_store(m->io, 0x60, 0xe0 + below(32), 1);
    for (unsigned index = 1; index < 10; index++) {
        unsigned val = index == 3 ? depths[below(ARRAY_SIZE(depths))] :
                       index == 4 ? (unsigned)below(256) | 1 : (unsigned)below(1700);

        as_store(m->io, 0x1ce, index == 4 ? 4 : below(10), 2);
        as_store(m->io, 0x1cf, val, 2);
    }
}

static void fill_ram(Machine *m)
{
    hwaddr addr = below(PLAY) & ~7ull;

    for (uint64_t n = below(64); n; n--, addr += 4) {
        as_store(m->mem, addr, some_value(), 4);
    }
}

/* -- The world around it ----------------------------------------------------- */

/* From a nanosecond to seconds: the second is for clocks, the most is for
 * floppy motors; long steps are rare because fast timers are slow to run. */
static void pass_time(void)
{
    static const int64_t upto[] = { 1000, 100000, NS_PER_MS, 10 * NS_PER_MS };
    int64_t ns = one_in(200) ? NS_PER_SEC : (int64_t)below((uint64_t)upto[below(4)]);

    say("time %lld\n", (long long)ns);
    clock_step(&clock_, ns);
    loop_run_once(0);
}

static void be_a_user(void)
{
    Console *con = console_first();

    switch (below(4)) {
    case 0:
        input_key((uint8_t)below(256), one_in(2));
        break;
    case 1:
        input_pointer((int)below(2000) - 1000, (int)below(2000) - 1000, (int)below(9) - 4,
                      (int)below(8));
        break;
    default:
        if (con) {
            say("draw\n");
            con->ops->update(con->opaque, one_in(2));
            con->ops->update_text(con->opaque);
        }
        break;
    }
}

static void one_run(Machine *m)
{
    AddressSpace *as = one_in(4) ? m->mem : m->io;

    switch (below(16)) {
    case 0: access_as(as, below(as->size), some_size(as), one_in(2)); break;
    case 1: hammer(as); break;
    case 2: m->pci ? config_cycle(m) : hammer(as); break;
    case 3: fill_ram(m); break;
    case 4: pass_time(); break;
    case 5: ide_command(m); break;
    case 6: floppy_command(m); break;
    case 7: one_in(4) ? be_a_user() : set_up_a_mode(m); break;
    default: run_in_section(as); break;
    }
    if (one_in(2000) || (requests & 1u << MACHINE_REQUEST_RESET && one_in(20))) {
        say("reset\n");
        requests = 0;
        machine_reset(m);
        enable_pci(m);
    }
}

/* -- Main -------------------------------------------------------------------- */

static void fuzz_board(int n, const char *board, uint64_t count)
{
    Machine *m = build(board);

    if (!m) {
        printf("ok %d - %s # SKIP not built, firmware is missing\n", n, board);
        return;
    }
    rng = seed * 0x9e3779b97f4a7c15ull | 1;
    enable_pci(m);
    for (accesses = 0; accesses < count;) {
        alarm(HANG);
        one_run(m);
    }
    alarm(0);
    machine_free(m);
    printf("ok %d - %s: %llu accesses\n", n, board, (unsigned long long)accesses);
}

int main(int argc, char **argv)
{
    static const char *const boards[] = { "pc", "isapc" };
    const char *level = getenv("TEST_LEVEL");
    uint64_t args[2] = { level && !strcmp(level, "all") ? 20000000 : 400000, 1 };
    unsigned num_args = 0;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-v")) {
            verbose = true;
        } else if (num_args < 2) {
            args[num_args++] = strtoull(argv[i], NULL, 0);
        }
    }
    seed = args[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# fuzz-devices %llu %llu\n1..%zu\n", (unsigned long long)args[0],
           (unsigned long long)seed, ARRAY_SIZE(boards));
    signal(SIGALRM, on_alarm);
    global_lock();
    if (insert_media() < 0) {
        return 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        fuzz_board((int)i + 1, boards[i], args[0]);
    }
    for (int i = 0; i < NUM_DRIVES; i++) {
        bdrv_delete(drives[i]);
    }
    chr_close_all();
    global_unlock();
    return 0;
}
