/* SPDX-License-Identifier: MIT */
/* hw/core/memory.h, sentence by sentence. */
#include "hw/core/memory.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "util/log.h"

/* A device that remembers its accesses. */
typedef struct Probe {
    unsigned reads, writes, size;
    hwaddr offset;
    uint64_t val;
    uint8_t cell[16];
} Probe;

static uint64_t probe_read(void *opaque, hwaddr offset, unsigned size)
{
    Probe *p = opaque;
    uint64_t v = 0;

    p->reads++;
    p->offset = offset;
    p->size = size;
    for (unsigned i = size; i--;) {
        v = v << 8 | p->cell[(offset + i) & 15];
    }
    return v;
}

static void probe_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Probe *p = opaque;

    p->writes++;
    p->offset = offset;
    p->size = size;
    p->val = val;
    for (unsigned i = 0; i < size; i++) {
        p->cell[(offset + i) & 15] = (uint8_t)(val >> (8 * i));
    }
}

static const MemoryRegionOps any_ops = { probe_read, probe_write, 0, 0 };
static const MemoryRegionOps byte_ops = { probe_read, probe_write, 1, 1 };
static const MemoryRegionOps word_ops = { probe_read, probe_write, 4, 4 };

TEST(empty_space_reads_all_ones_and_is_logged)
{
    AddressSpace *as = as_new("memory", 1ull << 32);
    uint64_t before = log_count(LOG_GUEST_ERRORS);

    CHECK_EQ(as_load(as, 0x1000, 1), 0xff);
    CHECK_EQ(as_load(as, 0x1000, 4), 0xffffffff);
    CHECK_EQ(as_load(as, 0x1000, 8), ~0ull);
    as_store(as, 0x1000, 0, 4);
    CHECK_EQ(log_count(LOG_GUEST_ERRORS), before + 4);
    CHECK_EQ(as_load(as, 1ull << 40, 2), 0xffff);
    CHECK_EQ(as_load(as, ~0ull, 4), 0xffffffff);
    CHECK_EQ(as->num_sections, 1);
    as_free(as);
}

TEST(ram_is_little_endian_and_any_alignment)
{
    AddressSpace *as = as_new("memory", 1ull << 32);
    MemoryRegion r;

    region_init_ram(&r, "ram", ram_block_new("t.ram", 0x10000));
    region_map(as, &r, 0x100000, 0);
    as_store(as, 0x100001, 0x1122334455667788, 8);
    CHECK_EQ(r.ram->host[1], 0x88);
    CHECK_EQ(r.ram->host[8], 0x11);
    CHECK_EQ(as_load(as, 0x100003, 4), 0x33445566);
    CHECK_EQ(as_load(as, 0x100002, 2), 0x6677);
    as_free(as);
    CHECK(!r.as);
}

/* Higher priority wins; equal: the later one. */
TEST(overlap_by_priority_then_by_age)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p[3] = { { .cell = { 1 } }, { .cell = { 2 } }, { .cell = { 3 } } };
    MemoryRegion a, b, c;

    region_init_io(&a, "a", 0x1000, &byte_ops, &p[0]);
    region_init_io(&b, "b", 0x100, &byte_ops, &p[1]);
    region_init_io(&c, "c", 0x100, &byte_ops, &p[2]);
    region_map(as, &a, 0, 0);
    region_map(as, &b, 0x400, 1);
    CHECK_EQ(as->num_sections, 4);
    CHECK_EQ(as_load(as, 0x3f0, 1), 1);
    CHECK_EQ(p[0].offset, 0x3f0);
    CHECK_EQ(as_load(as, 0x400, 1), 2);
    CHECK_EQ(p[1].offset, 0);
    CHECK_EQ(as_load(as, 0x500, 1), 1);
    CHECK_EQ(p[0].offset, 0x500);
    region_map(as, &c, 0x400, 1);
    CHECK_EQ(as_load(as, 0x400, 1), 3);
    region_unmap(&c);
    region_map(as, &c, 0x400, 0);
    CHECK_EQ(as_load(as, 0x400, 1), 2);
    region_set_disabled(&b, true);
    CHECK_EQ(as_load(as, 0x400, 1), 3);
    region_unmap(&c);
    region_unmap(&c);
    CHECK_EQ(as_load(as, 0x400, 1), 1);
    CHECK_EQ(as->num_sections, 2);
    as_free(as);
}

TEST(alias_shows_part_of_its_target)
{
    AddressSpace *as = as_new("memory", 1ull << 32);
    RAMBlock *ram = ram_block_new("t.ram", 0x20000);
    MemoryRegion whole, high, twice;

    region_init_ram(&whole, "ram", ram);
    region_init_alias(&high, "high", &whole, 0x10000, 0x10000);
    region_init_alias(&twice, "twice", &high, 0x8000, 0x100000);
    region_map(as, &high, 0x400000, 0);
    region_map(as, &twice, 0x800000, 0);
    ram->host[0x10000] = 7;
    ram->host[0x18004] = 9;
    CHECK_EQ(as_load(as, 0x400000, 1), 7);
    CHECK_EQ(as_load(as, 0x800004, 1), 9);
    /* No further than the target goes. */
    CHECK_EQ(as_load(as, 0x808000, 1), 0xff);
    region_set_disabled(&whole, true);
    CHECK_EQ(as_load(as, 0x400000, 1), 0xff);
    region_set_disabled(&whole, false);
    CHECK_EQ(as_load(as, 0x400000, 1), 7);
    as_free(as);
}

TEST(adjacent_views_of_one_region_are_one_section)
{
    AddressSpace *as = as_new("memory", 0x40000);
    MemoryRegion whole, lo, hi;

    region_init_ram(&whole, "ram", ram_block_new("t.ram", 0x20000));
    region_init_alias(&lo, "lo", &whole, 0, 0x10000);
    region_init_alias(&hi, "hi", &whole, 0x10000, 0x10000);
    region_map(as, &lo, 0, 0);
    region_map(as, &hi, 0x10000, 0);
    CHECK_EQ(as->num_sections, 2);
    region_set_readonly(&hi, true);
    CHECK_EQ(as->num_sections, 3);
    as_free(as);
}

TEST(rom_drops_writes_but_not_the_loaders)
{
    AddressSpace *as = as_new("memory", 0x100000);
    MemoryRegion r;
    uint8_t b[4] = { 1, 2, 3, 4 };
    uint64_t before = log_count(LOG_GUEST_ERRORS), len = 100;

    region_init_rom(&r, "rom", ram_block_new("t.rom", 0x1000));
    region_map(as, &r, 0xf0000, 0);
    as_write_rom(as, 0xf0010, b, 4);
    CHECK_EQ(as_load(as, 0xf0010, 4), 0x04030201);
    as_store(as, 0xf0010, 0, 4);
    as_write(as, 0xf0011, "zz", 2);
    CHECK_EQ(as_load(as, 0xf0010, 4), 0x04030201);
    CHECK_EQ(log_count(LOG_GUEST_ERRORS), before + 2);
    CHECK(as_ram(as, 0xf0000, &len, true) == NULL);
    CHECK(as_ram(as, 0xf0000, &len, false) == r.ram->host);
    region_set_readonly(&r, false);
    as_store(as, 0xf0010, 0x55, 1);
    CHECK_EQ(as_load(as, 0xf0010, 1), 0x55);
    as_free(as);
}

/* Shadow RAM: reads from RAM, writes dropped, through an alias. */
TEST(alias_may_be_readonly_alone)
{
    AddressSpace *as = as_new("memory", 0x100000);
    MemoryRegion ram, pam;

    region_init_ram(&ram, "ram", ram_block_new("t.ram", 0x10000));
    region_init_alias(&pam, "pam", &ram, 0x4000, 0x4000);
    region_map(as, &ram, 0, 0);
    region_map(as, &pam, 0x4000, 1);
    as_store(as, 0x4000, 1, 1);
    region_set_readonly(&pam, true);
    as_store(as, 0x4000, 2, 1);
    as_store(as, 0x3fff, 2, 1);
    CHECK_EQ(as_load(as, 0x4000, 1), 1);
    CHECK_EQ(as_load(as, 0x3fff, 1), 2);
    as_free(as);
}

/* "A callback gets the sizes it says it takes." */
TEST(wide_access_is_split)
{
    AddressSpace *as = as_new("io", 0x10000);
    Probe p = { .cell = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 } };
    MemoryRegion r;

    region_init_io(&r, "bytes", 8, &byte_ops, &p);
    region_map(as, &r, 0x70, 0);
    CHECK_EQ(as_load(as, 0x70, 4), 0x44332211);
    CHECK_EQ(p.reads, 4);
    as_store(as, 0x72, 0xabcd, 2);
    CHECK_EQ(p.writes, 2);
    CHECK_EQ(p.cell[2], 0xcd);
    CHECK_EQ(p.cell[3], 0xab);
    region_unmap(&r);
    region_init_io(&r, "any", 8, &any_ops, &p);
    region_map(as, &r, 0x70, 0);
    p.reads = 0;
    CHECK_EQ(as_load(as, 0x70, 8), 0x88776655abcd2211);
    CHECK_EQ(p.reads, 2);
    CHECK_EQ(as_load(as, 0x71, 2), 0xcd22);
    CHECK_EQ(p.size, 2);
    CHECK_EQ(p.offset, 1);
    as_free(as);
}

TEST(narrow_access_is_combined)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p = { .cell = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 } };
    MemoryRegion r;

    region_init_io(&r, "words", 8, &word_ops, &p);
    region_map(as, &r, 0, 0);
    CHECK_EQ(as_load(as, 5, 1), 0x66);
    CHECK_EQ(p.size, 4);
    CHECK_EQ(p.offset, 4);
    as_store(as, 2, 0xbeef, 2);
    CHECK_EQ(p.val, 0xbeef2211);
    CHECK_EQ(p.size, 4);
    /* Over two words: byte by byte. */
    CHECK_EQ(as_load(as, 3, 2), 0x55be);
    CHECK_EQ(as_load(as, 0, 8), 0x88776655beef2211);
    as_free(as);
}

TEST(access_over_the_end_of_a_section_is_split)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p = { .cell = { 0xaa, 0xbb, 0xcc, 0xdd } };
    MemoryRegion ram, io;

    region_init_ram(&ram, "ram", ram_block_new("t.ram", 0x1000));
    region_init_io(&io, "io", 4, &any_ops, &p);
    region_map(as, &ram, 0, 0);
    region_map(as, &io, 0x1000, 0);
    memcpy(ram.ram->host + 0xffd, "\1\2\3", 3);
    CHECK_EQ(as_load(as, 0xffd, 4), 0xaa030201);
    CHECK_EQ(as_load(as, 0xfff, 2), 0xaa03);
    CHECK_EQ(as_load(as, 0x1002, 4), 0xffffddcc);
    as_store(as, 0xffe, 0x87654321, 4);
    CHECK_EQ(ram.ram->host[0xffe], 0x21);
    CHECK_EQ(ram.ram->host[0xfff], 0x43);
    CHECK_EQ(p.cell[0], 0x65);
    CHECK_EQ(p.cell[1], 0x87);
    as_free(as);
}

TEST(dma_goes_through_everything)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p = { .reads = 0 };
    MemoryRegion ram, io;
    uint8_t buf[24], back[24];

    region_init_ram(&ram, "ram", ram_block_new("t.ram", 0x1000));
    region_init_io(&io, "io", 16, &any_ops, &p);
    region_map(as, &ram, 0, 0);
    region_map(as, &io, 0x1000, 0);
    for (unsigned i = 0; i < sizeof(buf); i++) {
        buf[i] = (uint8_t)(i + 1);
    }
    as_write(as, 0xffc, buf, sizeof(buf));
    CHECK_EQ(p.writes, 4);
    as_read(as, 0xffc, back, sizeof(back));
    CHECK(!memcmp(buf, back, 20));
    CHECK_EQ(back[20], 0xff);
    as_free(as);
}

TEST(a_batch_rebuilds_once)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p = { .cell = { 5 } };
    MemoryRegion a, b;

    region_init_io(&a, "a", 4, &any_ops, &p);
    region_init_io(&b, "b", 4, &any_ops, &p);
    as_begin(as);
    as_begin(as);
    region_map(as, &a, 0, 0);
    region_map(as, &b, 8, 0);
    as_commit(as);
    CHECK_EQ(as->num_sections, 1);
    as_commit(as);
    CHECK_EQ(as->num_sections, 4);
    CHECK_EQ(as_load(as, 0, 1), 5);
    as_free(as);
}

static uint64_t noted_addr, noted_len;
static int changes;

static void note(void *opaque, uint64_t ram_addr, uint64_t len)
{
    (void)opaque;
    noted_addr = ram_addr;
    noted_len = len;
}

static void count_change(void *opaque)
{
    ++*(int *)opaque;
}

TEST(a_change_is_announced_and_the_old_table_survives)
{
    AddressSpace *as = as_new("memory", 0x10000);
    Probe p = { .cell = { 5 } };
    MemoryRegion a;

    as->changed = count_change;
    as->opaque = &changes;
    const Section *old = as_find(as, 0x20);

    region_init_io(&a, "a", 0x100, &any_ops, &p);
    region_map(as, &a, 0, 0);
    CHECK_EQ(changes, 1);
    CHECK(old->region == NULL && old->end == 0x10000);
    CHECK(as_find(as, 0x20)->region == &a);
    as_reclaim(as);
    region_set_disabled(&a, false);
    CHECK_EQ(changes, 1);
    as_free(as);
}

TEST(dirty_bits_per_client)
{
    RAMBlock *b = ram_block_new("t.ram", 0x4000);
    uint64_t at = b->offset;

    CHECK(ram_all_dirty(at));
    CHECK(ram_test_clear_dirty(at, 0x2000, DIRTY_VGA));
    CHECK(!ram_test_clear_dirty(at, 0x2000, DIRTY_VGA));
    CHECK(!ram_is_dirty(at + 0x1000, DIRTY_VGA));
    CHECK(ram_is_dirty(at + 0x2000, DIRTY_VGA));
    CHECK(ram_is_dirty(at, DIRTY_MIGRATION));
    CHECK(!ram_all_dirty(at));
    CHECK(ram_test_clear_dirty(at, 1, DIRTY_CODE));
    ram_set_dirty(at + 0xfff, 2);
    CHECK(ram_is_dirty(at, DIRTY_VGA));
    CHECK(ram_is_dirty(at + 0x1000, DIRTY_VGA));
    CHECK(!ram_is_dirty(at, DIRTY_CODE));
    ram_set_dirty_client(at, DIRTY_CODE);
    CHECK(ram_all_dirty(at));
    CHECK(ram_block_at(at + 0x3fff) == b);
}

TEST(clearing_tells_the_tlb_keeper)
{
    RAMBlock *b = ram_block_new("t.ram", 0x4000);

    ram_set_cleaned_hook(note, NULL);
    noted_len = 0;
    ram_test_clear_dirty(b->offset + 0x1004, 0x10, DIRTY_VGA);
    CHECK_EQ(noted_addr, b->offset + 0x1000);
    CHECK(noted_len > 0);
    noted_len = 0;
    ram_test_clear_dirty(b->offset + 0x1004, 0x10, DIRTY_VGA);
    CHECK_EQ(noted_len, 0);
    ram_set_cleaned_hook(NULL, NULL);
}

/* DMA by a device: dirty bits are set, code in it is invalidated. */
TEST(writes_to_code_are_announced)
{
    AddressSpace *as = as_new("memory", 0x10000);
    MemoryRegion ram;
    uint8_t buf[0x1100] = { 1 };
    uint64_t at;

    region_init_ram(&ram, "ram", ram_block_new("t.ram", 0x4000));
    region_map(as, &ram, 0, 0);
    as->code_written = note;
    at = ram.ram->offset;
    noted_len = 0;
    as_write(as, 0, buf, sizeof(buf));
    CHECK_EQ(noted_len, 0);
    ram_test_clear_dirty(at + 0x1000, 1, DIRTY_CODE);
    ram_test_clear_dirty(at, 0x4000, DIRTY_VGA);
    as_write(as, 0, buf, 0x800);
    CHECK_EQ(noted_len, 0);
    as_write(as, 0x10, buf, 0x1100);
    CHECK_EQ(noted_addr, at + 0x10);
    CHECK_EQ(noted_len, 0x1100);
    CHECK(ram_is_dirty(at + 0x1000, DIRTY_VGA));
    CHECK(!ram_is_dirty(at + 0x2000, DIRTY_VGA));
    as_ram_written(as, 0x1fff, 2);
    CHECK_EQ(noted_addr, at + 0x1fff);
    CHECK(ram_is_dirty(at + 0x2000, DIRTY_VGA));
    as_store(as, 0x1008, 1, 4);
    CHECK_EQ(noted_len, 4);
    as_free(as);
}

TEST(ram_lookup_is_cut_to_the_section)
{
    AddressSpace *as = as_new("memory", 0x10000);
    MemoryRegion ram;
    uint64_t len = 0x100000;

    region_init_ram(&ram, "ram", ram_block_new("t.ram", 0x4000));
    region_map(as, &ram, 0x1000, 0);
    CHECK(as_ram(as, 0x1800, &len, true) == ram.ram->host + 0x800);
    CHECK_EQ(len, 0x3800);
    CHECK(as_ram(as, 0x800, &len, false) == NULL);
    as_free(as);
}

/* Every port finds its own device among many. */
TEST(many_ports)
{
    AddressSpace *as = as_new("io", 0x10000);
    static Probe p[64];
    static MemoryRegion r[64];
    int wrong = 0;

    as_begin(as);
    for (unsigned i = 0; i < 64; i++) {
        p[i].cell[0] = (uint8_t)i;
        region_init_io(&r[i], "port", 1, &byte_ops, &p[i]);
        region_map(as, &r[i], 0x3c0 + i * 0x3f1 % 0x10000, 0);
    }
    as_commit(as);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned port = 0; port < 0x10000; port++) {
            uint64_t v = as_load(as, port, 1);
            uint64_t want = 0xff;

            for (unsigned i = 0; i < 64; i++) {
                want = r[i].addr == port ? i : want;
            }
            wrong += v != want;
        }
    }
    CHECK_EQ(wrong, 0);
    as_free(as);
}
