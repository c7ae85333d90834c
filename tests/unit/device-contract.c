/* SPDX-License-Identifier: MIT */
/*
 * What every device type must do, whatever it models (hw/core/device.h).
 *
 * The tables are checked for all types there are.  Behaviour is checked on the
 * devices of real machines, since many need others around them: two machines
 * are built alike, one is used, and the other becomes the same by its snapshot.
 * A new device gets all of this by being in a board, or in extra_devices.
 */
#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "char/char.h"
#include "hw/boards/machine.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

#define FOR_EACH_TYPE(t) \
    for (const DeviceType *const *p_ = device_types, *t = *p_; t; t = *++p_)

/* -- Tables ------------------------------------------------------------------ */

static bool is_stored(const RegDef *r)
{
    return r->field != REG_VIRTUAL && r->field != REG_CONST;
}

TEST(register_rows_are_unique_and_inside_the_window)
{
    FOR_EACH_TYPE(t) {
        for (const WindowDef *w = t->windows; w && w->name; w++) {
            CHECK(w->size && !w->regs != !w->ops);
            for (const RegDef *r = w->regs; r && r->name; r++) {
                CHECK(r->offset % 4 == 0 && r->offset + 4u <= w->size);
                for (const RegDef *q = w->regs; q != r; q++) {
                    CHECK(q->offset != r->offset);
                }
                CHECK(!is_stored(r) || r->field + 4u <= t->state_size);
                /* What reads back must be able to: reset bits, written bits. */
                CHECK(!(r->access & REG_R) || is_stored(r) || r->read ||
                      r->field == REG_CONST);
                CHECK(!(r->access & REG_W) || is_stored(r) || r->write ||
                      r->field == REG_CONST);
            }
        }
    }
}

/* Is the 32-bit word at `at` of the state saved by these fields? */
static bool saves(const VMField *f, size_t base, size_t at)
{
    for (; f && f->name; f++) {
        for (uint32_t i = 0; i < f->num; i++) {
            size_t start = base + f->offset + (size_t)i * f->size;

            if (f->kind == VM_KIND_STRUCT ? saves(f->sub, start, at)
                                          : at == start && f->size == 4) {
                return true;
            }
        }
    }
    return false;
}

TEST(every_stored_register_is_in_the_snapshot)
{
    FOR_EACH_TYPE(t) {
        for (const WindowDef *w = t->windows; w && w->name; w++) {
            for (const RegDef *r = w->regs; r && r->name; r++) {
                if (is_stored(r) && !saves(t->vmstate, 0, r->field)) {
                    printf("# %s.%s is not saved\n", t->name, r->name);
                    CHECK(!"saved");
                }
            }
        }
    }
}

static bool fields_are_inside(const VMField *f, size_t size)
{
    for (; f && f->name; f++) {
        if (f->offset + (size_t)f->num * f->size > size ||
            (f->kind == VM_KIND_STRUCT && !fields_are_inside(f->sub, f->size))) {
            return false;
        }
    }
    return true;
}

TEST(types_are_complete)
{
    FOR_EACH_TYPE(t) {
        CHECK(t->name && t->desc && t->bus && t->state_size >= sizeof(Device));
        CHECK(!t->num_inputs == !t->input);
        CHECK(t->num_irqs <= DEVICE_MAX_IRQS);
        CHECK(fields_are_inside(t->vmstate, t->state_size));
        CHECK(strcmp(t->bus, "pci") || t->bus_ops);
        for (const PropDef *p = t->props; p && p->name; p++) {
            CHECK(p->help && p->field < t->state_size);
        }
    }
}

/* -- Machines ---------------------------------------------------------------- */

/* What boards have no place for. */
static const char *const extra_devices[] = {
    "isa-debugcon,id=extra-debugcon,iobase=0xe9", "isa-debug-exit,id=extra-exit",
    "ne2k_isa,id=extra-ne2k-isa,iobase=0x280",
};

/* Where there is PCI. */
static const char *const pci_devices[] = {
    "lsi53c895a,id=extra-lsi", "scsi-hd,id=extra-scsi-hd,drive=scsi0",
    "scsi-cd,id=extra-scsi-cd,drive=scsi1", "ne2k_pci,id=extra-ne2k-pci",
    "rtl8139,id=extra-rtl8139",
    "pci-ohci,id=extra-ohci", "usb-hub,id=extra-hub,bus=extra-ohci",
    "usb-kbd,id=extra-usb-kbd,bus=extra-ohci,port=1.1",
    "usb-mouse,id=extra-usb-mouse,bus=extra-ohci", "usb-tablet,id=extra-usb-tablet",
    "usb-storage,id=extra-usb-storage,drive=usb2",
};

enum { NUM_DRIVES = 9 };
static Clock clocks[2];
static BlockDriverState *drives[2][NUM_DRIVES];
static int building;
static CharDriverState *line;

/* Disks need a medium; all share a file, so that they start alike. */
static char disk[] = "/tmp/device-contract-XXXXXX";

static void remove_disk(void)
{
    unlink(disk);
}

static void insert_disk(BlockDriverState *bs)
{
    int fd = strstr(disk, "XXXXXX") ? mkstemp(disk) : -1;
    Error err;

    if (fd >= 0) {
        atexit(remove_disk);
        CHECK_EQ(ftruncate(fd, 1 << 20), 0);
        close(fd);
    }
    CHECK_EQ(bdrv_open(bs, disk, "raw", BDRV_O_RDWR | BDRV_O_NO_LOCK, NULL, &err), 0);
}

static BlockDriverState *find_drive(const char *id)
{
    return drives[building][6 + (id[strlen(id) - 1] - '0')];
}

static MachineConfig config_of(int which)
{
    MachineConfig c = {
        .vga = "std", .usb = true, .ram_size = 16 << 20, .find_drive = find_drive,
    };

    line = line ? line : chr_open("contract", "null", NULL);
    building = which;
    for (int i = 0; i < NUM_DRIVES; i++) {
        drives[which][i] = bdrv_new(NULL);
    }
    insert_disk(drives[which][6]);
    insert_disk(drives[which][7]);
    insert_disk(drives[which][8]);
    insert_disk(drives[which][0]);
    insert_disk(drives[which][1]);
    for (int i = 0; i < 4; i++) {
        c.ide[i] = drives[which][i];
        c.ide_is_cd[i] = i >= 2;
        blk_conf(c.ide[i])->is_cdrom = i >= 2;
        c.serial[i] = line;
    }
    c.floppy[0] = drives[which][4];
    c.floppy[1] = drives[which][5];
    for (int i = 0; i < 3; i++) {
        c.parallel[i] = line;
    }
    c.debugcon = line;
    return c;
}

/* NULL: no firmware on this host. */
static Machine *build(const char *name, int which)
{
    MachineConfig c = config_of(which);
    Machine *m = NULL;
    Error err = { "" };

    clock_init_manual(&clocks[which]);
    if (machine_new(&m, machine_find_type(name), &c, &clocks[which], &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(strstr(err.msg, "not found"));
        return NULL;
    }
    for (size_t i = 0; machine_find(m, "isa") && i < ARRAY_SIZE(extra_devices); i++) {
        CHECK_EQ(machine_add_device(m, extra_devices[i], &err), 0);
    }
    for (size_t i = 0; m->pci && i < ARRAY_SIZE(pci_devices); i++) {
        CHECK_EQ(machine_add_device(m, pci_devices[i], &err), 0);
    }
    if (machine_find(m, "ds1338")) {    /* where there is I2C */
        CHECK_EQ(machine_add_device(m, "at24c,id=extra-at24c,address=0x50", &err), 0);
    }
    machine_reset(m);
    return m;
}

static void destroy(Machine *m, int which)
{
    machine_free(m);
    for (int i = 0; i < NUM_DRIVES; i++) {
        bdrv_delete(drives[which][i]);
    }
}

static void each_device(void (*check)(Machine *a, Machine *b, Device *in_a, Device *in_b))
{
    for (size_t i = 0; machines[i]; i++) {
        const char *name = machines[i]->name;
        Machine *a = build(name, 0), *b = build(name, 1);

        if (!a || !b) {
            destroy(a, 0);
            destroy(b, 1);
            TEST_SKIP("no firmware found");
        }
        Device *db = b->devices;
        for (Device *da = a->devices; da; da = da->next, db = db->next) {
            int before = test_failures;

            check(a, b, da, db);
            machine_reset(a);
            machine_reset(b);
            if (test_failures != before) {
                printf("# ... was %s of %s\n", da->id ? da->id : da->type->name,
                       name);
            }
        }
        destroy(a, 0);
        destroy(b, 1);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static bool is_pci(const Device *d)
{
    return d->type->bus && !strcmp(d->type->bus, "pci");
}

static void step_both(int64_t ns)
{
    clock_step(&clocks[0], ns);
    clock_step(&clocks[1], ns);
}

static void scribble_config(Device *d, uint32_t *seed)
{
    PCIDevice *pd = (PCIDevice *)d;
    unsigned size = 1u << next_random(seed) % 3;
    unsigned addr = next_random(seed) % PCI_CONFIG_SIZE & ~(size - 1);

    pci_config_write(pd->bus, pd->devfn, addr, next_random(seed) << 12 ^ *seed, size);
    pci_config_read(pd->bus, pd->devfn, addr, size);
}

/* Anything at any offset, in any size. */
static void scribble(Device *d, uint32_t seed, int rounds, bool with_time)
{
    for (int i = 0; i < rounds; i++) {
        for (unsigned n = 0; d->type->windows && d->type->windows[n].name; n++) {
            unsigned size = 1u << next_random(&seed) % 4;
            hwaddr at = next_random(&seed) % (d->type->windows[n].size + 8);

            if (next_random(&seed) % 4 == 0) {
                device_read(d, n, at, size);
            } else {
                device_write(d, n, at, next_random(&seed) << 8 ^ seed, size);
            }
        }
        if (is_pci(d)) {
            scribble_config(d, &seed);
        }
        if (with_time && i % 8 == 0) {
            step_both(next_random(&seed) % 100000);
        }
    }
}

static uint8_t *save(const Device *d, size_t *len)
{
    static const VMField nothing[] = { VM_END };
    const VMField *f = d->type->vmstate ? d->type->vmstate : nothing;

    *len = vmstate_size(f);
    uint8_t *image = xmalloc(*len + 1);
    vmstate_save(f, d, image);
    return image;
}

static bool same_state(const Device *a, const Device *b)
{
    size_t la, lb;
    uint8_t *ia = save(a, &la), *ib = save(b, &lb);
    bool same = la == lb && !memcmp(ia, ib, la);

    free(ia);
    free(ib);
    return same;
}

/* -- Behaviour --------------------------------------------------------------- */

/* What a battery keeps is not undone by reset. */
static bool survives_reset(const Device *d)
{
    static const char *const names[] = { "mc146818", "pl031", "ds1338", "at24c",
                                         "cfi_flash", "sd_card", "s3c2440-rtc" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(d->type->name, names[i])) {
            return true;
        }
    }
    return false;
}

static void check_reset(Machine *a, Machine *b, Device *da, Device *db)
{
    scribble(da, 1, 300, false);
    machine_reset(a);
    machine_reset(b);
    CHECK(survives_reset(da) || same_state(da, db));
}

TEST(reset_undoes_everything)
{
    each_device(check_reset);
}

static void copy_machine(const Machine *from, Machine *to)
{
    Device *dt = to->devices;

    for (const Device *df = from->devices; df; df = df->next, dt = dt->next) {
        size_t len;
        uint8_t *image = save(df, &len);
        Error err = { "" };

        CHECK_EQ(device_load(dt, image, len, &err), 0);
        if (err.msg[0]) {
            printf("# %s: %s\n", df->type->name, err.msg);
        }
        free(image);
    }
}

/* Reads may have side effects, but the same ones in both. */
static void compare_reads(Device *da, Device *db)
{
    for (unsigned n = 0; da->type->windows && da->type->windows[n].name; n++) {
        uint32_t size = MIN(da->type->windows[n].size, 0x1000u);

        for (hwaddr at = 0; at < size; at++) {
            uint64_t va = device_read(da, n, at, 1), vb = device_read(db, n, at, 1);

            if (va != vb) {
                printf("# %s+0x%x: 0x%x, copy 0x%x\n", da->type->windows[n].name,
                       (unsigned)at, (unsigned)va, (unsigned)vb);
            }
            CHECK_EQ(vb, va);
        }
    }
}

static void check_snapshot(Machine *a, Machine *b, Device *da, Device *db)
{
    static const int64_t steps[] = { 0, 10000, 3 * NS_PER_MS, 1500 * NS_PER_MS };

    scribble(da, 2, 100, true);
    copy_machine(a, b);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        step_both(steps[i]);
        CHECK(same_state(da, db));
        compare_reads(da, db);
    }
}

TEST(a_snapshot_carries_the_whole_device)
{
    each_device(check_snapshot);
}

static void check_lengths(Machine *a, Machine *b, Device *da, Device *db)
{
    size_t len;
    uint8_t *image = save(da, &len);

    (void)a;
    (void)b;
    CHECK(device_load(db, image, len + 1, NULL) < 0);
    CHECK(len == 0 || device_load(db, image, len - 1, NULL) < 0);
    free(image);
}

TEST(a_snapshot_of_another_length_is_refused)
{
    each_device(check_lengths);
}

/* Refused or lived with, whatever it says. */
static void check_hostile(Machine *a, Machine *b, Device *da, Device *db)
{
    const char *level = getenv("TEST_LEVEL");
    int images = level && !strcmp(level, "fast") ? 16 : 40;
    uint32_t seed = 3;

    (void)a;
    (void)db;
    for (int i = 0; i < images; i++) {
        size_t len;
        uint8_t *image = save(da, &len);

        for (size_t k = 0; k < len; k++) {
            if (next_random(&seed) % (i % 2 ? 4 : 64) == 0) {
                image[k] = (uint8_t)next_random(&seed);
            }
        }
        device_load(da, image, len, NULL);
        scribble(da, seed, 20, true);
        free(image);
    }
    (void)b;
}

TEST(hostile_snapshots_are_survived)
{
    each_device(check_hostile);
}

static bool used[256];

static void note_use(Machine *a, Machine *b, Device *da, Device *db)
{
    (void)a;
    (void)b;
    (void)db;
    for (size_t i = 0; device_types[i]; i++) {
        used[i] |= device_types[i] == da->type;
    }
}

/* What is on boards of the other program is for tests/lint/contract.t to tell. */
TEST(types_not_checked_here)
{
    each_device(note_use);
    for (size_t i = 0; device_types[i] && !test_skipped; i++) {
        if (!used[i]) {
            printf("# not checked: %s\n", device_types[i]->name);
        }
    }
}
