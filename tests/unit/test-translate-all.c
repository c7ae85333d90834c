/* SPDX-License-Identifier: MIT */
/* Blocks: made, found, copied, ended, counted, with the toy guest. */
#include "translate-all.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/toy.h"
#include "util/log.h"

/* -- Self-modifying code ----------------------------------------------------- */

ON_ALL(a_store_ahead_in_the_same_block_is_seen)
{
    for (unsigned how = 0; how < 2; how++) {
        g->at = 0x1000;
        put(g, OP_MOVI, 1, 0, 0, 0x1000);
        put(g, OP_MOVI, 2, 0, 0, 0x5678);
        put(g, how ? OP_HELPER_ST : OP_ST, 2, 1, MO_32, 4 * INSN + 4);
        put(g, OP_ADDI, 4, 4, 0, 1);
        put(g, OP_MOVI, 3, 0, 0, 0x1234);
        put(g, OP_STOP, 0, 0, 0, 0);
        g->toy->r[4] = 0;
        CHECK_EQ(go(g, 0x1000), EXCP_INTERRUPT);
        CHECK_EQ(g->toy->r[3], 0x5678);
        CHECK_EQ(g->toy->r[4], 1);
    }
}

ON_ALL(an_instruction_may_overwrite_itself)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x1000);
    put(g, OP_MOVI, 2, 0, 0, 0);
    put(g, OP_ST, 2, 1, MO_32, 2 * INSN + 4);
    put(g, OP_ADDI, 3, 3, 0, 1);
    put(g, OP_STOP, 0, 0, 0, 0);
    CHECK_EQ(go(g, 0x1000), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[3], 1);
    CHECK_EQ(load_le(g->host + 0x1000 + 2 * INSN + 4, 4), 0);
}

/* A loop patches the block it jumps to, each time round. */
ON_ALL(a_chained_successor_is_patched)
{
    uint32_t patched = 0x1100;

    g->at = 0x1000;
    put(g, OP_ADDI, 2, 2, 0, 3);
    put(g, OP_ST, 2, 1, MO_32, 4);
    put(g, OP_JNZ, 1, 0, 0, patched);
    g->at = patched;
    put(g, OP_MOVI, 3, 0, 0, 0);
    put(g, OP_ADD, 4, 3, 0, 0);
    put(g, OP_ADDI, 0, 0, 0, -1u);
    put(g, OP_JNZ, 0, 0, 0, 0x1000);
    put(g, OP_STOP, 0, 0, 0, 0);
    g->toy->r[0] = 20;
    g->toy->r[1] = patched;
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[4], 3 * 20 * 21 / 2);
}

/* Data beside code: no block ends. */
ON_ALL(data_beside_code_is_cheap)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 0, 0, 0, 500);
    put(g, OP_MOVI, 1, 0, 0, 0x1800);
    uint32_t loop = g->at;

    put(g, OP_ST, 0, 1, MO_32, 0);
    put(g, OP_ADDI, 0, 0, 0, -1u);
    put(g, OP_JNZ, 0, 0, 0, loop);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(info_value(g, "invalidated"), 0);
    CHECK_EQ(load_le(g->host + 0x1800, 4), 1);
    CHECK(info_value(g, "writes near code") >= 499 || checks(g));
}

ON_ALL(dma_into_code_is_seen)
{
    put_loop(g, 0x1000);
    go(g, 0x1000);
    put_at(g, 0x1000, OP_MOVI, 0, 0, 0, 10);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[3], 55);
}

/* The page is written at full speed again when its code has gone. */
ON_ALL(a_page_without_code_is_released)
{
    uint64_t ram = g->ram.ram->offset + 0x1000;

    put_loop(g, 0x1000);
    go(g, 0x1000);
    CHECK_EQ(ram_is_dirty(ram, DIRTY_CODE), checks(g));
    for (uint32_t i = 0; i < 0x100; i += 4) {
        cpu_st(g->cpu, 0x1000 + i, 0, MO_32, 0, 0);
    }
    CHECK(ram_is_dirty(ram, DIRTY_CODE));
    CHECK(info_value(g, "invalidated") >= 2 || checks(g));
}

/* -- Mappings of code -------------------------------------------------------- */

static void put_marker(Rig *g, uint32_t at, uint32_t mark)
{
    g->at = at;
    put(g, OP_MOVI, 5, 0, 0, mark);
    put(g, OP_JR, 6, 0, 0, 0);
}

/* Two address spaces have different code at 0x8000; callers are chained,
 * jump cache and hash are warm. */
ON_ALL(address_spaces_do_not_mix)
{
    put_marker(g, 0x20000, 111);
    put_marker(g, 0x30000, 222);
    g->at = 0x1000;
    put(g, OP_MOVI, 6, 0, 0, 0x1010);
    put(g, OP_JR, 7, 0, 0, 0);
    put(g, OP_STOP, 0, 0, 0, 0);
    g->toy->r[7] = 0x8000;
    for (unsigned i = 0; i < 20; i++) {
        remap(g, 0x8000, i & 1 ? 0x20000 : 0x30000, P_ALL);
        tlb_flush_nonglobal(g->cpu);
        go(g, 0x1000);
        CHECK_EQ(g->toy->r[5], i & 1 ? 111 : 222);
    }
    if (!priv(g)->options->no_chain) {
        CHECK(priv(g)->stat.revived > 0);
    }
    remap(g, 0x8000, 0x30000, P_ALL);
    tlb_flush_page(g->cpu, 0x8000);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[5], 222);
}

/* An instruction over two pages: its second page changes. */
ON_ALL(a_block_over_two_pages_follows_its_second_page)
{
    remap(g, 0x8000, 0x20000, P_ALL);
    remap(g, 0x9000, 0x30000, P_ALL);
    put_at(g, 0x20ff4, OP_MOVI, 4, 0, 0, 1);
    /* MOVI r5, imm at 0x8ffc: opcode on the first page, imm on the second */
    put_at(g, 0x20ffc, OP_MOVI, 5, 0, 0, 0);
    store_le(g->host + 0x30000, 7, 4);
    put_at(g, 0x30004, OP_STOP, 0, 0, 0, 0);
    store_le(g->host + 0x40000, 8, 4);
    put_at(g, 0x40004, OP_STOP, 0, 0, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        go(g, 0x8ff4);
        CHECK_EQ(g->toy->r[5], 7);
    }
    remap(g, 0x9000, 0x40000, P_ALL);
    tlb_flush_page(g->cpu, 0x9000);
    go(g, 0x8ff4);
    CHECK_EQ(g->toy->r[5], 8);
    remap(g, 0x9000, 0, 0);
    tlb_flush_page(g->cpu, 0x9000);
    go(g, 0x8ff4);
    CHECK_EQ(g->toy->fault_pc, 0x8ffc);
    CHECK_EQ(g->toy->fault_addr, 0x9000);
    /* And is found by a write to its second page. */
    remap(g, 0x9000, 0x40000, P_ALL);
    go(g, 0x8ff4);
    cpu_st(g->cpu, 0x9000, 9, MO_8, 0, 0);
    go(g, 0x8ff4);
    CHECK_EQ(g->toy->r[5], 9);
}

/* One page of RAM at many addresses, as a library: its blocks are copied, run to
 * the right places, fault at the right places, and end when it is written. */
ON_ALL(a_page_at_many_addresses)
{
    remap(g, 0xf000, 0, 0);
    g->at = 0x1000;
    put(g, OP_ADDI, 2, 2, 0, 1);
    put(g, OP_ADDI, 0, 0, 0, -1u);
    put(g, OP_ST, 2, 1, MO_32, 0);
    uint32_t size = g->at - 0x1000;

    put(g, OP_STOP, 0, 0, 0, 0);
    for (uint32_t page = 0x20; page < 0x80; page++) {
        uint32_t virt = page << TARGET_PAGE_BITS;
        uint64_t faults = g->toy->num_faults;

        remap(g, virt, 0x1000, P_R | P_X);
        g->toy->r[1] = 0x8000;
        go(g, virt);
        CHECK_EQ(g->toy->pc, virt + size + INSN);
        g->toy->r[1] = 0xf000;
        go(g, virt);
        CHECK_EQ(g->toy->num_faults, faults + 1);
        CHECK_EQ(g->toy->fault_pc, virt + size - INSN);
    }
    CHECK_EQ(g->toy->r[2], 2 * 0x60);
    CHECK_EQ(info_value(g, "copied") > 0, copies(g));
    put_at(g, 0x1000, OP_ADDI, 2, 2, 0, 100);
    for (uint32_t page = 0x20; page < 0x80; page++) {
        g->toy->r[1] = 0x8000;
        go(g, page << TARGET_PAGE_BITS);
    }
    CHECK_EQ(g->toy->r[2], 2 * 0x60 + 100 * 0x60);
}

/* Carries from bits that have each been seen to differ alone. */
ON_ALL(a_block_that_computes_with_its_pc_is_not_copied)
{
    g->at = 0x1000;
    put(g, OP_PC_HIGH, 0, 0, 0, 0x4000 - INSN);
    put(g, OP_STOP, 0, 0, 0, 0);
    for (uint32_t page = 0x20; page <= 0x2c; page += 4) {
        remap(g, page << TARGET_PAGE_BITS, 0x1000, P_R | P_X);
        go(g, page << TARGET_PAGE_BITS);
        CHECK_EQ(g->toy->r[0], page < 0x2c ? 2 : 3);
    }
}

/* cs_base and flags are part of what a block is. */
ON_ALL(blocks_are_told_apart)
{
    g->at = 0x1000;
    put(g, OP_ADDI, 3, 3, 0, 5);
    put(g, OP_JNZ, 3, 0, 0, 0x810);
    put_at(g, 0x810, OP_STOP, 0, 0, 0, 0);
    put_at(g, 0x1010, OP_MOVI, 4, 0, 0, 6);
    put_at(g, 0x1018, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[3], 5);
    CHECK_EQ(g->toy->r[4], 0);
    g->toy->cs_base = 0x800;
    for (unsigned i = 0; i < 3; i++) {
        go(g, 0x800);
    }
    CHECK_EQ(g->toy->r[3], 20);
    CHECK_EQ(g->toy->r[4], 6);
    uint64_t blocks = info_value(g, "blocks");

    g->toy->flags = 4;
    go(g, 0x800);
    CHECK(info_value(g, "blocks") > blocks);
    CHECK_EQ(g->toy->r[3], 25);
}

/* -- The code buffer --------------------------------------------------------- */

/* Far more code than fits: a chain of small blocks over many pages. */
TEST(the_oldest_code_goes_when_the_buffer_is_full)
{
    for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
        AccelOptions o = modes[m];
        Rig g;
        uint32_t blocks = 0;

        o.tb_size = 1;
        rig_open(&g, &o);
        g.at = 0x10000;
        while (g.at < 0xf0000) {
            put(&g, OP_ADDI, 0, 0, 0, 1);
            put(&g, OP_JNZ, 0, 0, 0, g.at + INSN);
            blocks++;
        }
        put(&g, OP_STOP, 0, 0, 0, 0);
        for (unsigned i = 1; i <= 3; i++) {
            go(&g, 0x10000);
            CHECK_EQ(g.toy->r[0], blocks * i);
        }
        CHECK(info_value(&g, "regions emptied") > 0);
        rig_close(&g);
    }
}

ON_ALL(a_flush_forgets_all_and_nothing_breaks)
{
    put_loop(g, 0x1000);
    go(g, 0x1000);
    tb_flush(priv(g)->tbs);
    CHECK_EQ(info_value(g, "blocks"), 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[3], 5050);
}

TEST(single_stepping_blocks_agree)
{
    for (unsigned interp = 0; interp < 2; interp++) {
        AccelOptions o = { .singlestep = true, .interp = interp };
        Rig g;

        rig_open(&g, &o);
        put_loop(&g, 0x1000);
        go(&g, 0x1000);
        CHECK_EQ(g.toy->r[3], 5050);
        CHECK(priv(&g)->stat.lookups >= 9);
        rig_close(&g);
    }
}

/* -- Profiling --------------------------------------------------------------- */

#ifdef __x86_64__
/* The form perf reads: start, size, name, a line each; here with the block that
 * is at `start`. */
TEST(perf_gets_the_names_of_blocks)
{
    AccelOptions o = { .perfmap = true };
    char path[64], line[100];
    unsigned num = 0;
    Rig g;

    rig_open(&g, &o);
    put_loop(&g, 0x1000);
    go(&g, 0x1000);
    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    FILE *f = fopen(path, "r");

    CHECK(f);
    while (f && fgets(line, sizeof(line), f)) {
        unsigned long start;
        unsigned size, addr;

        CHECK_EQ(sscanf(line, "%lx %x guest 0x%x\n", &start, &size, &addr), 3);
        const TranslationBlock *tb = tb_find_pc(priv(&g)->tbs, start + 1);

        CHECK(tb && (uintptr_t)tb->tc_ptr == start && tb->tc_size == size && tb->pc == addr);
        num++;
    }
    CHECK_EQ(num, info_value(&g, "blocks"));
    if (f) {
        fclose(f);
    }
    unlink(path);
    rig_close(&g);
}
#endif

/* Calls are counted in blocks made while -d jit is on. */
ON_ALL(calls_of_helpers_are_counted_when_asked_for)
{
    Error err;

    for (unsigned on = 0; on < 2; on++) {
        Text text = { .len = 0 };

        log_set(on ? "jit" : "none", &err);
        tb_flush(priv(g)->tbs);
        g->at = 0x1000;
        put(g, OP_MOVI, 0, 0, 0, (uint32_t)-5);
        uint32_t loop = g->at;

        put(g, OP_HELPER_ST, 5, 1, 0, 0x8000);
        put(g, OP_ADDI, 0, 0, 0, 1);
        put(g, OP_JNZ, 0, 0, 0, loop);
        put(g, OP_STOP, 0, 0, 0, 0);
        g->toy->r[1] = 0;
        go(g, 0x1000);
        go(g, 0x1000);
        cpus_dump_jit(g->cpus, collect, &text);
        const char *calls = strstr(text.s, "calls ");
        char name[32] = "";
        unsigned long num = 0;

        CHECK_EQ(calls && sscanf(calls, "calls %31s %lu", name, &num) == 2, on);
        CHECK_EQ(num, on ? 10 : 0);
        CHECK_EQ(strstr(text.s, "of CPU time") != NULL, on);
        CHECK(!strcmp(name, on ? "st" : ""));
    }
    log_set("none", &err);
}
