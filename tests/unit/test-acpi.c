/* SPDX-License-Identifier: MIT */
/*
 * The PC's ACPI tables, put together as firmware does (ACPI 6.4; the loader's
 * commands as SeaBIOS's romfile_loader takes them), and the AML writer against
 * encodings worked out by hand.
 */
#include <stdlib.h>

#include "hw/boards/aml.h"
#include "hw/boards/machine.h"
#include "hw/boards/pc.h"
#include "hw/misc/fw_cfg.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- AML --------------------------------------------------------------------- */

static void is(Aml *a, const void *want, size_t len)
{
    CHECK_EQ(a->depth, 0);
    CHECK_EQ(a->len, len);
    CHECK(a->len == len && !memcmp(a->data, want, len));
    free(a->data);
    *a = (Aml){ 0 };
}

#define IS(a, s) is(a, s, sizeof(s) - 1)

/* 20.2.3: integers take as few bytes as will do. */
TEST(integers)
{
    Aml a = { 0 };

    aml_int(&a, 0);
    aml_int(&a, 1);
    aml_int(&a, 2);
    aml_int(&a, 0x1234);
    aml_int(&a, 0x12345678);
    IS(&a, "\x00\x01\x0a\x02\x0b\x34\x12\x0c\x78\x56\x34\x12");
}

/* 20.2.2: roots, parents, padding, dual and multiple names. */
TEST(names)
{
    Aml a = { 0 };

    aml_path(&a, "\\_SB");
    aml_path(&a, "^A");
    aml_path(&a, "\\_SB.PCI0");
    aml_path(&a, "\\_SB.PCI0.ISA");
    IS(&a, "\\_SB_^A___\\\x2e_SB_PCI0\\\x2f\x03_SB_PCI0ISA_");
}

/* 19.3.4: EisaId("PNP0A03") is 0x030ad041. */
TEST(eisa_ids)
{
    Aml a = { 0 };

    aml_eisa_id(&a, "PNP0A03");
    IS(&a, "\x0c\x41\xd0\x0a\x03");
}

/* 20.2.4: one byte up to 63, then four bits and one to three bytes. */
TEST(package_lengths)
{
    static const struct { unsigned body; uint8_t lead, next; unsigned bytes; } rows[] = {
        { 62, 0x3f, 0, 1 }, { 63, 0x41, 0x04, 2 }, { 4093, 0x4f, 0xff, 2 },
        { 4094, 0x81, 0x00, 3 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Aml a = { 0 };
        uint8_t *body = xzalloc(rows[i].body);

        aml_if(&a);
        aml_bytes(&a, body, rows[i].body);
        aml_end(&a);
        CHECK_EQ(a.len, 1 + rows[i].bytes + rows[i].body);
        CHECK_EQ(a.data[1], rows[i].lead);
        if (rows[i].bytes > 1) {
            CHECK_EQ(a.data[2], rows[i].next);
        }
        free(body);
        free(a.data);
    }
}

TEST(a_device_with_resources)
{
    Aml a = { 0 };

    aml_device(&a, "RTC");
    aml_name(&a, "_CRS");
    aml_resources(&a);
    aml_res_io(&a, 0x70, 2);
    aml_res_irq(&a, 8);
    aml_end_resources(&a);
    aml_end(&a);
    IS(&a, "\x5b\x82\x1e" "RTC_" "\x08_CRS" "\x11\x13\x0c\x0d\x00\x00\x00"
       "\x47\x01\x70\x00\x70\x00\x01\x02" "\x22\x00\x01" "\x79\x00");
}

/* -- Tables, as loaded ------------------------------------------------------- */

enum { FSEG = 0xf0000, HIGH = 0x0fff0000 };

typedef struct Loaded {
    uint8_t rsdp[64], tables[0x10000];
    uint32_t rsdp_len, tables_len;
} Loaded;

static uint8_t *file_of(Loaded *l, const uint8_t *name, uint32_t *addr, uint32_t *len)
{
    bool is_rsdp = !strcmp((const char *)name, "etc/acpi/rsdp");

    CHECK(is_rsdp || !strcmp((const char *)name, "etc/acpi/tables"));
    *addr = is_rsdp ? FSEG : HIGH;
    *len = is_rsdp ? l->rsdp_len : l->tables_len;
    return is_rsdp ? l->rsdp : l->tables;
}

static void run_command(Loaded *l, const uint8_t *c)
{
    uint32_t addr, len, other, other_len;
    uint8_t *data = file_of(l, c + 4, &addr, &len);
    const uint8_t *args = c + 60;
    uint8_t sum = 0;

    switch (load_le(c, 4)) {
    case 1:                             /* allocate: alignment, zone */
        CHECK(load_le(args, 4) && addr % load_le(args, 4) == 0);
        CHECK_EQ(args[4], addr == FSEG ? 2 : 1);
        break;
    case 2: {                           /* add pointer: source, offset, size */
        uint32_t at = (uint32_t)load_le(args + 56, 4);

        file_of(l, args, &other, &other_len);
        CHECK_EQ(args[60], 4);
        CHECK(at + 4 <= len && load_le(data + at, 4) < other_len);
        store_le(data + at, load_le(data + at, 4) + other, 4);
        break;
    }
    case 3: {                           /* checksum: where, start, length */
        uint32_t at = (uint32_t)load_le(args, 4), start = (uint32_t)load_le(args + 4, 4);
        uint32_t num = (uint32_t)load_le(args + 8, 4);

        CHECK(at < len && start + num <= len);
        for (uint32_t i = start; i < start + num && i < len; i++) {
            sum = (uint8_t)(sum + data[i]);
        }
        data[at] = (uint8_t)(data[at] - sum);
        break;
    }
    default:
        CHECK(!"command");
    }
}

static bool sums_to_0(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    while (len--) {
        sum = (uint8_t)(sum + *p++);
    }
    return sum == 0;
}

static const uint8_t *at_address(const Loaded *l, uint64_t addr)
{
    CHECK(addr >= HIGH && addr < HIGH + l->tables_len);
    return l->tables + (addr - HIGH);
}

/* NULL without firmware. */
static Machine *pc_new(MachineConfig c, Loaded *l)
{
    static Clock clock;
    Machine *m = NULL;
    Error err;
    uint32_t len;

    c.vga = "none";
    clock_init_manual(&clock);
    if (machine_new(&m, &pc_machine, &c, &clock, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(strstr(err.msg, "not found"));
        return NULL;
    }
    Device *f = machine_find(m, "fw_cfg");
    const uint8_t *p = fw_cfg_find_file(f, "etc/acpi/rsdp", &l->rsdp_len);
    memcpy(l->rsdp, p, MIN(l->rsdp_len, sizeof(l->rsdp)));
    p = fw_cfg_find_file(f, "etc/acpi/tables", &l->tables_len);
    CHECK(l->tables_len <= sizeof(l->tables));
    memcpy(l->tables, p, MIN(l->tables_len, sizeof(l->tables)));
    p = fw_cfg_find_file(f, "etc/table-loader", &len);
    CHECK(len && len % 128 == 0);
    for (uint32_t i = 0; i + 128 <= len; i += 128) {
        run_command(l, p + i);
    }
    return m;
}

static const uint8_t *find_table(const Loaded *l, const char *signature)
{
    const uint8_t *rsdt = at_address(l, load_le(l->rsdp + 16, 4));

    for (uint32_t i = 36; i < load_le(rsdt + 4, 4); i += 4) {
        const uint8_t *t = at_address(l, load_le(rsdt + i, 4));

        if (!memcmp(t, signature, 4)) {
            CHECK(sums_to_0(t, load_le(t + 4, 4)));
            return t;
        }
    }
    return NULL;
}

static Loaded loaded;

#define NEED_PC(m, ...)                                                     \
    Machine *m = pc_new((MachineConfig)__VA_ARGS__, &loaded);               \
    if (!m) { TEST_SKIP("no firmware found"); }

/* 5.2.5, 5.2.7: from the RSDP every table is reached, each sums to 0. */
TEST(tables_are_found_and_sound)
{
    NEED_PC(m, { .num_cpus = 1 });
    const uint8_t *rsdt = at_address(&loaded, load_le(loaded.rsdp + 16, 4));

    CHECK(!memcmp(loaded.rsdp, "RSD PTR ", 8));
    CHECK(sums_to_0(loaded.rsdp, 20));
    CHECK(!memcmp(rsdt, "RSDT", 4) && sums_to_0(rsdt, load_le(rsdt + 4, 4)));
    CHECK(find_table(&loaded, "FACP") && find_table(&loaded, "APIC") &&
          find_table(&loaded, "HPET"));
    machine_free(m);
}

/* 5.2.9: the fixed registers are the chip's. */
TEST(fadt)
{
    NEED_PC(m, { .num_cpus = 1 });
    const uint8_t *t = find_table(&loaded, "FACP");
    const uint8_t *facs = at_address(&loaded, load_le(t + 36, 4));
    const uint8_t *dsdt = at_address(&loaded, load_le(t + 40, 4));

    CHECK_EQ(load_le(t + 4, 4), 244);
    CHECK(!memcmp(facs, "FACS", 4));
    CHECK_EQ((load_le(t + 36, 4)) % 64, 0);
    CHECK(!memcmp(dsdt, "DSDT", 4) && sums_to_0(dsdt, load_le(dsdt + 4, 4)));
    CHECK_EQ(load_le(t + 46, 2), 9);
    CHECK_EQ(load_le(t + 48, 4), 0xb2);
    CHECK_EQ(t[52], 0xf1);
    CHECK_EQ(t[53], 0xf0);
    CHECK_EQ(load_le(t + 56, 4), 0x600);
    CHECK_EQ(load_le(t + 64, 4), 0x604);
    CHECK_EQ(load_le(t + 76, 4), 0x608);
    CHECK_EQ(load_le(t + 80, 4), 0xafe0);
    CHECK_EQ(load_le(t + 88, 4), 0x04000204);
    CHECK_EQ(load_le(t + 116 + 4, 8), 0xcf9);
    machine_free(m);
}

/* 5.2.12: processors, I/O APIC, overrides fill the table exactly. */
TEST(madt)
{
    NEED_PC(m, { .num_cpus = 4 });
    const uint8_t *t = find_table(&loaded, "APIC");
    uint32_t len = (uint32_t)load_le(t + 4, 4), at = 44;
    int cpus = 0, overrides = 0, ioapics = 0;

    while (at < len && t[at + 1]) {
        cpus += t[at] == 0;
        ioapics += t[at] == 1 && load_le(t + at + 4, 4) == 0xfec00000;
        overrides += t[at] == 2;
        if (t[at] == 2 && t[at + 3] == 0) {
            CHECK_EQ(load_le(t + at + 4, 4), 2);
        }
        at += t[at + 1];
    }
    CHECK_EQ(at, len);
    CHECK_EQ(cpus, 4);
    CHECK_EQ(ioapics, 1);
    CHECK_EQ(overrides, 5);
    machine_free(m);
}

static bool contains(const uint8_t *t, const char *s, size_t n)
{
    uint32_t len = (uint32_t)load_le(t + 4, 4);

    for (uint32_t i = 36; i + n <= len; i++) {
        if (!memcmp(t + i, s, n)) {
            return true;
        }
    }
    return false;
}

static const uint8_t *dsdt_of(const Loaded *l)
{
    return at_address(l, load_le(find_table(l, "FACP") + 40, 4));
}

/* What is not on the board is not in the tables. */
TEST(tables_follow_the_board)
{
    {
        NEED_PC(m, { .num_cpus = 1, .no_hpet = true });

        CHECK(!find_table(&loaded, "HPET"));
        CHECK(!contains(dsdt_of(&loaded), "HPET", 4));
        CHECK(!contains(dsdt_of(&loaded), "COM1", 4));
        CHECK(contains(dsdt_of(&loaded), "KBD_", 4));
        CHECK(contains(dsdt_of(&loaded), "\\_S5_\x12", 6));
        CHECK(!contains(dsdt_of(&loaded), "CPU1", 4));
        machine_free(m);
    }
    {
        NEED_PC(m, { .num_cpus = 2 });

        CHECK(contains(dsdt_of(&loaded), "CPU1", 4));
        CHECK(contains(dsdt_of(&loaded), "HPET", 4));
        machine_free(m);
    }
}
