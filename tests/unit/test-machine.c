/* SPDX-License-Identifier: MIT */
/*
 * hw/boards/machine.h, with boards made for the purpose, and all real boards
 * without their processors.
 */
#include "hw/boards/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/i440fx.h"
#include "hw/timer/mc146818.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- A toy board ------------------------------------------------------------- */

typedef struct Toy {
    Device dev;
    uint32_t value;
    uint32_t levels;                    /* of inputs, a bit each */
    Device *peer;
    void *chr;
    bool realized_after_peer;
} Toy;

static uint64_t toy_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((Toy *)opaque)->value;
}

static void toy_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Toy *t = opaque;

    (void)offset;
    (void)size;
    qemu_set_irq(t->dev.irq[0], val & 1);
    qemu_set_irq(t->dev.irq[1], val >> 1 & 1);
}

static void toy_input(Device *d, int n, int level)
{
    Toy *t = (Toy *)d;

    t->levels = (t->levels & ~(1u << n)) | (uint32_t)level << n;
}

static int toy_realize(Device *d, Error *err)
{
    Toy *t = (Toy *)d;

    t->realized_after_peer = t->peer && t->peer->realized;
    return t->value == 13 ? error_set(err, EINVAL, "toy: no 13") : 0;
}

static const MemoryRegionOps toy_ops = { toy_read, toy_write, 1, 4 };
static const WindowDef toy_windows[] = {
    { "mem", false, 0x1000, NULL, &toy_ops },
    { "io", true, 8, NULL, &toy_ops },
    { .name = NULL }
};
static const PropDef toy_props[] = {
    { "value", PROP_U32, offsetof(Toy, value), 1, "what reads give" },
    { "peer", PROP_LINK, offsetof(Toy, peer), 0, "another" },
    { "chardev", PROP_CHAR, offsetof(Toy, chr), 0, "a line" },
    { .name = NULL }
};
static const DeviceType toy_type = {
    .name = "toy", .bus = "sys", .state_size = sizeof(Toy), .windows = toy_windows,
    .props = toy_props, .num_irqs = 2, .num_inputs = 4, .input = toy_input,
    .realize = toy_realize,
};

static const Place good[] = {
    { "a", &toy_type, .at = { 0x1000, AT_ZERO }, .irq = { { "b", 0 }, { "b", 1 } },
      .props = "peer=b,value=0x11" },
    { "b", &toy_type, .at = { 0x2000, 8 }, .props = "chardev=@serial1" },
    { "c", &toy_type, .at = { 0x3000 }, .irq = { { "b", 0 } }, .props = "chardev=@serial0" },
};

static int board_result;

static int toy_init(Machine *m, Error *err)
{
    board_result = machine_place(m, m->type->map, m->type->map_len, err);
    return board_result;
}

#define BOARD(places) { .name = "toy", .map = places, .map_len = ARRAY_SIZE(places), \
    .init = toy_init, .ram_default = 1 << 20, .ram_max = 4 << 20, .max_cpus = 1 }

static Clock clock_;
static const MachineConfig no_config;

static Machine *build(const QEMUMachine *t, const MachineConfig *c, Error *err)
{
    Machine *m;

    clock_init_manual(&clock_);
    int ret = machine_new(&m, t, c, &clock_, err);
    CHECK((ret == 0) == (m != NULL));
    return m;
}

TEST(a_table_becomes_a_machine)
{
    const QEMUMachine t = BOARD(good);
    int line;
    MachineConfig c = { .serial = { (CharDriverState *)(void *)&line } };
    Error err;
    Machine *m = build(&t, &c, &err);
    Toy *a = (Toy *)machine_find(m, "a"), *b = (Toy *)machine_find(m, "b");

    CHECK_EQ(as_load(m->mem, 0x1000, 4), 0x11);
    CHECK_EQ(as_load(m->mem, 0x2000, 4), 1);
    CHECK_EQ(as_load(m->io, 0, 1), 0x11);
    CHECK_EQ(as_load(m->io, 8, 1), 1);
    CHECK(a->peer == &b->dev);          /* a row further down */
    CHECK(!a->realized_after_peer);     /* realized in order */
    CHECK(((Toy *)machine_find(m, "c"))->chr == &line);
    CHECK(b->chr == NULL);              /* an empty slot is no error */
    CHECK(!machine_find(m, "d"));
    machine_free(m);
}

/* Several outputs on one input: high while one of them is. */
TEST(wires_are_ored)
{
    const QEMUMachine t = BOARD(good);
    Error err;
    Machine *m = build(&t, &no_config, &err);
    Toy *b = (Toy *)machine_find(m, "b");

    as_store(m->mem, 0x1000, 3, 4);
    CHECK_EQ(b->levels, 3);
    as_store(m->mem, 0x3000, 1, 4);
    as_store(m->mem, 0x1000, 0, 4);
    CHECK_EQ(b->levels, 1);
    as_store(m->mem, 0x3000, 0, 4);
    CHECK_EQ(b->levels, 0);
    machine_free(m);
}

static void refused(const Place *map, size_t len, const char *sentence)
{
    const QEMUMachine t = { .name = "bad", .map = map, .map_len = len };
    Error err = { "" };

    CHECK_EQ(machine_check(&t, &err), -EINVAL);
    CHECK_STR(err.msg, sentence);
}

#define REFUSED(places, sentence) refused(places, ARRAY_SIZE(places), sentence)

TEST(wrong_tables_are_sentences)
{
    static const Place overlap[] = {
        { "a", &toy_type, .at = { 0x1000 } }, { "b", &toy_type, .at = { 0x1800 } },
    };
    static const Place twice[] = {
        { "a", &toy_type, .at = { 0x1000 } }, { "a", &toy_type, .at = { 0x2000 } },
    };
    static const Place window[] = { { "a", &toy_type, .at = { 0, 0, 0x10 } } };
    static const Place output[] = {
        { "a", &toy_type, .irq = { { NULL, 0 }, { NULL, 0 }, { "a", 0 } } },
    };
    static const Place input[] = { { "a", &toy_type, .irq = { { "a", 4 } } } };
    static const Place nowhere[] = { { "a", &toy_type, .irq = { { "pic", 0 } } } };
    static const Place no_pci[] = { { "a", &toy_type, .devfn = 1 } };
    static const Place no_slot[] = { { "a", &i440fx_type, .props = NULL } };

    REFUSED(overlap, "bad: b and a overlap at 0x1800");
    REFUSED(twice, "bad: two devices called a");
    REFUSED(window, "bad: a has no window 2");
    REFUSED(output, "bad: a has no output 2");
    REFUSED(input, "bad: a: there is no input 4 of 'a'");
    REFUSED(nowhere, "bad: a: there is no input 0 of 'pic'");
    REFUSED(no_pci, "bad: a is no PCI device");
    REFUSED(no_slot, "bad: a needs a PCI address");
}

TEST(a_device_that_refuses_ends_the_machine)
{
    static const Place places[] = {
        { "a", &toy_type, .at = { 0x1000 } },
        { "b", &toy_type, .at = { 0x2000 }, .props = "value=13" },
    };
    const QEMUMachine t = BOARD(places);
    Error err;

    CHECK(!build(&t, &no_config, &err));
    CHECK_STR(err.msg, "toy: no 13");
}

TEST(limits_of_a_board_are_sentences)
{
    const QEMUMachine t = BOARD(good);
    MachineConfig c = { .ram_size = 5 << 20 };
    Error err;

    CHECK(!build(&t, &c, &err));
    CHECK_STR(err.msg, "toy: 5 MiB of RAM are too much, at most -m 4");
    c = (MachineConfig){ .num_cpus = 2 };
    CHECK(!build(&t, &c, &err));
    CHECK_STR(err.msg, "toy: 2 CPUs are too many, at most -smp 1");
}

/* -- The real boards --------------------------------------------------------- */

TEST(every_table_is_sound)
{
    for (const QEMUMachine *const *t = machines; *t; t++) {
        Error err = { "" };

        CHECK_EQ(machine_check(*t, &err), 0);
        CHECK_STR(err.msg, "");
        CHECK(machine_find_type((*t)->name) == *t);
    }
    CHECK(!machine_find_type("vax"));
}

TEST(device_types_have_unique_names)
{
    for (const DeviceType *const *t = device_types; *t; t++) {
        CHECK((*t)->name && (*t)->desc && (*t)->state_size >= sizeof(Device));
        for (const DeviceType *const *u = device_types; u != t; u++) {
            CHECK(strcmp((*t)->name, (*u)->name));
        }
    }
}

/* Firmware of our own making: bytes that tell where they come from. */
static char dir[] = "/tmp/test-machine-XXXXXX";

static const struct Firmware {
    const char *name;
    size_t len;
    uint8_t first, second;
} firmware[] = {
    { "bios-256k.bin", 0x40000, 0xb1, 0 },
    { "bios.bin", 0x20000, 0xb2, 0 },
    { "odd.bin", 0x1234, 0xb3, 0 },
    { "vgabios-stdvga.bin", 0x8000, 0x55, 0xaa },
    { "vgabios-isavga.bin", 0x8000, 0x55, 0xaa },
};

static void remove_firmware(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(firmware); i++) {
        char *path = xasprintf("%s/%s", dir, firmware[i].name);

        unlink(path);
        free(path);
    }
    rmdir(dir);
}

static void make_firmware(void)
{
    if (!strstr(dir, "XXXXXX") || !mkdtemp(dir)) {
        return;
    }
    atexit(remove_firmware);
    for (size_t i = 0; i < ARRAY_SIZE(firmware); i++) {
        char *path = xasprintf("%s/%s", dir, firmware[i].name);
        FILE *f = fopen(path, "wb");

        for (size_t k = 0; f && k < firmware[i].len; k++) {
            fputc(k == 0 ? firmware[i].first : k == 1 ? firmware[i].second
                                             : (int)(k >> 12 & 0xff), f);
        }
        if (f) {
            fclose(f);
        }
        free(path);
    }
}

static Machine *real(const char *name, MachineConfig c)
{
    Error err = { "" };

    make_firmware();
    c.firmware_dir = dir;
    Machine *m = build(machine_find_type(name), &c, &err);
    CHECK_STR(err.msg, "");
    return m;
}

static uint32_t config_read(Machine *m, unsigned devfn, unsigned addr)
{
    as_store(m->io, 0xcf8, 0x80000000 | devfn << 8 | addr, 4);
    return (uint32_t)as_load(m->io, 0xcfc, 4);
}

static void config_write(Machine *m, unsigned devfn, unsigned addr, uint32_t val)
{
    as_store(m->io, 0xcf8, 0x80000000 | devfn << 8 | addr, 4);
    as_store(m->io, 0xcfc, val, 4);
}

TEST(pc_has_the_functions_software_expects)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "std" });

    CHECK_EQ(config_read(m, PCI_DEVFN(0, 0), 0), 0x12378086);
    CHECK_EQ(config_read(m, PCI_DEVFN(1, 0), 0), 0x70008086);
    CHECK_EQ(config_read(m, PCI_DEVFN(1, 1), 0), 0x70108086);
    CHECK_EQ(config_read(m, PCI_DEVFN(1, 2), 0), 0xffffffff);
    CHECK_EQ(config_read(m, PCI_DEVFN(1, 3), 0), 0x71138086);
    CHECK_EQ(config_read(m, PCI_DEVFN(2, 0), 0), 0x11111234);
    machine_free(m);
}

TEST(pc_without_this_and_that)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none", .no_hpet = true,
                                             .no_acpi = true });
    uint32_t len;

    CHECK_EQ(config_read(m, PCI_DEVFN(2, 0), 0), 0xffffffff);
    CHECK_EQ(config_read(m, PCI_DEVFN(1, 3), 0), 0xffffffff);
    CHECK_EQ(as_load(m->mem, 0xfed00000, 4), 0xffffffff);
    CHECK(!machine_find(m, "serial0"));
    CHECK(!fw_cfg_find_file(machine_find(m, "fw_cfg"), "etc/table-loader", &len));
    machine_free(m);
}

/* The BIOS image ends at 4 GiB; its last 128 KiB are also below 1 MiB. */
TEST(bios_is_where_the_processor_starts)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none" });

    CHECK_EQ(as_load(m->mem, 0xfffc0000, 1), 0xb1);
    CHECK_EQ(as_load(m->mem, 0xfffff000, 1), 0x3f);
    CHECK_EQ(as_load(m->mem, 0xff000, 1), 0x3f);
    CHECK_EQ(as_load(m->mem, 0xe0000, 1), 0x20);
    as_store(m->mem, 0xff000, 0, 1);
    CHECK_EQ(as_load(m->mem, 0xff000, 1), 0x3f);
    machine_free(m);
}

TEST(ram_has_a_hole_below_4_gib)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none", .ram_size = 5ull << 30 });
    const uint64_t gib = 1ull << 30;

    as_store(m->mem, 0xe0000000 - 4, 0x11, 4);
    as_store(m->mem, 4 * gib, 0x22, 4);
    as_store(m->mem, 4 * gib + (3 * gib / 2) - 4, 0x33, 4);
    CHECK_EQ(as_load(m->mem, 0xe0000000 - 4, 4), 0x11);
    CHECK_EQ(as_load(m->mem, 0xe0000000, 4), 0xffffffff);
    CHECK_EQ(as_load(m->mem, 4 * gib, 4), 0x22);
    CHECK_EQ(as_load(m->mem, 4 * gib + (3 * gib / 2) - 4, 4), 0x33);
    CHECK_EQ(as_load(m->mem, 4 * gib + (3 * gib / 2), 4), 0xffffffff);

    uint32_t len;
    const uint8_t *e820 = fw_cfg_find_file(machine_find(m, "fw_cfg"), "etc/e820", &len);
    CHECK_EQ(len, 40);
    CHECK_EQ(load_le(e820 + 8, 8), 0xe0000000);
    CHECK_EQ(load_le(e820 + 20, 8), 4 * gib);
    CHECK_EQ(load_le(e820 + 28, 8), 3 * gib / 2);
    machine_free(m);
}

TEST(cmos_tells_memory_and_boot_order)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none", .ram_size = 64 << 20,
                                             .boot_order = "dca" });
    Device *rtc = machine_find(m, "rtc");

    CHECK_EQ(mc146818_get_cmos(rtc, 0x15) | mc146818_get_cmos(rtc, 0x16) << 8, 640);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x17) | mc146818_get_cmos(rtc, 0x18) << 8, 63 << 10);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x34) | mc146818_get_cmos(rtc, 0x35) << 8, 48 << 4);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x3d), 0x23);       /* CD, then disk */
    CHECK_EQ(mc146818_get_cmos(rtc, 0x38) >> 4, 1);     /* then floppy */
    CHECK_EQ(mc146818_get_cmos(rtc, 0x5f), 0);
    machine_free(m);
}

/* A disk of more than 1024 cylinders of 16 heads needs translation (bit 0 of
 * its pair in 0x39); type 47 is what the bytes from 0x1b on say. */
TEST(cmos_tells_disks)
{
    char path[] = "/tmp/test-machine-disk-XXXXXX";
    BlockDriverState *bs = bdrv_new("cmos-disk");
    int fd = mkstemp(path);
    Error err;

    CHECK(fd >= 0 && ftruncate(fd, 2000ll << 20) == 0);
    CHECK_EQ(bdrv_open(bs, path, "raw", BDRV_O_RDWR, NULL, &err), 0);
    Machine *m = real("pc", (MachineConfig){ .vga = "none", .ide = { [1] = bs } });
    Device *rtc = machine_find(m, "rtc");

    CHECK_EQ(mc146818_get_cmos(rtc, 0x12), 0x0f);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x19), 0);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x1a), 47);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x24) | mc146818_get_cmos(rtc, 0x25) << 8,
             2000 * 2048 / (16 * 63));
    CHECK_EQ(mc146818_get_cmos(rtc, 0x26), 16);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x2c), 63);
    CHECK_EQ(mc146818_get_cmos(rtc, 0x39), 1 << 2);
    machine_free(m);
    bdrv_delete(bs);
    close(fd);
    unlink(path);
}

/* Interrupts of PCI slots go round: 290550, and what SeaBIOS assumes. */
TEST(pirq_lines_rotate_by_slot_and_reach_the_8259)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none" });

    config_write(m, PCI_DEVFN(1, 0), 0x60, 0x0b0a800a);
    CHECK_EQ(m->pci->map_irq(m->pci->opaque, 1, 0), 0);
    CHECK_EQ(m->pci->map_irq(m->pci->opaque, 2, 0), 1);
    CHECK_EQ(m->pci->map_irq(m->pci->opaque, 4, 3), 2);
    as_store(m->io, 0x4d1, 0x0c, 1);    /* IRQ 10 and 11 by level */
    as_store(m->io, 0xa0, 0x0a, 1);     /* OCW3: read IRR */
    m->pci->set_irq(m->pci->opaque, 0, 1);
    CHECK_EQ(as_load(m->io, 0xa0, 1), 1 << 2);
    m->pci->set_irq(m->pci->opaque, 3, 1);
    CHECK_EQ(as_load(m->io, 0xa0, 1), 3 << 2);
    m->pci->set_irq(m->pci->opaque, 0, 0);
    CHECK_EQ(as_load(m->io, 0xa0, 1), 1 << 3);
    machine_free(m);
}

static int requested = -1, exit_code;

static void note_request(void *opaque, MachineRequest what, int code)
{
    (void)opaque;
    requested = (int)what;
    exit_code = code;
}

TEST(the_guest_can_reset_power_off_and_exit)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none", .request = note_request });
    Error err;

    as_store(m->io, 0xcf9, 0x06, 1);    /* PIIX3 reset control */
    CHECK_EQ(requested, MACHINE_REQUEST_RESET);
    requested = -1;
    as_store(m->io, 0x64, 0xfe, 1);     /* 8042: pulse reset */
    CHECK_EQ(requested, MACHINE_REQUEST_RESET);
    config_write(m, PCI_DEVFN(1, 3), 0x40, 0x600);
    config_write(m, PCI_DEVFN(1, 3), 0x80, 1);
    as_store(m->io, 0x604, 0x2000, 2);  /* SUS_EN, soft off */
    CHECK_EQ(requested, MACHINE_REQUEST_SHUTDOWN);
    CHECK_EQ(machine_add_device(m, "isa-debug-exit,iobase=0xf4", &err), 0);
    as_store(m->io, 0xf4, 3, 1);
    CHECK_EQ(requested, MACHINE_REQUEST_EXIT);
    CHECK_EQ(exit_code, 7);
    machine_free(m);
}

TEST(the_power_button_is_an_acpi_event)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none" });

    config_write(m, PCI_DEVFN(1, 3), 0x40, 0x600);
    config_write(m, PCI_DEVFN(1, 3), 0x80, 1);
    as_store(m->io, 0x602, 0x100, 2);
    as_store(m->io, 0xb2, 0xf1, 1);     /* ACPI mode */
    as_store(m->io, 0x4d1, 0x02, 1);
    as_store(m->io, 0xa0, 0x0a, 1);
    qemu_irq_pulse(m->power_button);
    CHECK_EQ(as_load(m->io, 0x600, 2) & 0x100, 0x100);
    CHECK_EQ(as_load(m->io, 0xa0, 1) & 2, 2);   /* SCI is IRQ 9 */
    as_store(m->io, 0x600, 0x100, 2);
    CHECK_EQ(as_load(m->io, 0xa0, 1) & 2, 0);
    machine_free(m);
}

TEST(user_devices)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none" });
    Error err;

    CHECK_EQ(machine_add_device(m, "flux-capacitor", &err), -ENODEV);
    CHECK_STR(err.msg, "-device: no device called 'flux-capacitor', see -device help");
    CHECK_EQ(machine_add_device(m, "i440fx", &err), -ENODEV);
    CHECK_STR(err.msg, "-device: the board decides about 'i440fx', see -device help");
    CHECK_EQ(machine_add_device(m, "isa-debugcon,id=con,readback=0x77", &err), 0);
    CHECK_EQ(as_load(m->io, 0xe9, 1), 0x77);
    CHECK_EQ(machine_add_device(m, "isa-debugcon,id=con", &err), -EEXIST);
    CHECK_STR(err.msg, "-device: there is already a device called 'con'");
    CHECK(machine_add_device(m, "isa-debugcon,colour=red", &err) < 0);
    machine_free(m);
}

/* Reset brings the machine back to how firmware expects it. */
TEST(reset_undoes_what_the_guest_did)
{
    Machine *m = real("pc", (MachineConfig){ .vga = "none" });

    config_write(m, PCI_DEVFN(0, 0), 0x58, 0x00003000);         /* PAM0: shadow */
    as_store(m->mem, 0xff000, 0xaa, 1);
    CHECK_EQ(as_load(m->mem, 0xff000, 1), 0xaa);
    machine_reset(m);
    CHECK_EQ(as_load(m->mem, 0xff000, 1), 0x3f);
    machine_free(m);
}

TEST(isapc_runs_its_bios_from_ram)
{
    Machine *m = real("isapc", (MachineConfig){ .vga = "std" });

    CHECK_EQ(as_load(m->io, 0xcfc, 4), 0xffffffff);
    CHECK_EQ(as_load(m->mem, 0xfffe0000, 1), 0xb2);
    CHECK_EQ(as_load(m->mem, 0xe0000, 1), 0xb2);
    as_store(m->mem, 0xe0000, 1, 1);
    CHECK_EQ(as_load(m->mem, 0xe0000, 1), 1);
    machine_reset(m);
    CHECK_EQ(as_load(m->mem, 0xe0000, 1), 0xb2);
    machine_free(m);
}

static void fails(MachineConfig c, const char *what)
{
    Error err = { "" };

    c.firmware_dir = c.firmware_dir ? c.firmware_dir : dir;
    c.vga = c.vga ? c.vga : "none";
    Machine *m = build(machine_find_type("pc"), &c, &err);
    CHECK(!m);
    if (!strstr(err.msg, what)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence");
    }
    machine_free(m);
}

TEST(user_errors_are_sentences)
{
    make_firmware();
    fails((MachineConfig){ .bios = "odd.bin" }, "not a multiple of 64 KiB");
    fails((MachineConfig){ .bios = "none.bin" }, "bios: none.bin not found");
    fails((MachineConfig){ .boot_order = "x" }, "-boot x: want up to three letters");
    fails((MachineConfig){ .boot_order = "cadn" }, "-boot cadn: want up to three");
    fails((MachineConfig){ .kernel = "/nonexistent" }, "kernel: cannot open /nonexistent");
    fails((MachineConfig){ .initrd = "/x" }, "-initrd needs -kernel");
    fails((MachineConfig){ .append = "x" }, "-append needs -kernel");
    fails((MachineConfig){ .ram_size = 4096 }, "at least 1 MiB");
}
