/* SPDX-License-Identifier: MIT */
/* Guest memory, interrupts and debuggers, with the toy guest. */
#include "exec.h"

#include <pthread.h>
#include <unistd.h>

#include "tests/unit/toy.h"

ON_ALL(a_loop_over_memory)
{
    put_loop(g, 0x1000);
    CHECK_EQ(go(g, 0x1000), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[3], 5050);
    CHECK_EQ(load_le(g->host + 0x8000, 4), 5050);
    CHECK_EQ(g->toy->pc, g->at);
}

ON_ALL(blocks_of_one_page_are_chained)
{
    put_loop(g, 0x1000);
    go(g, 0x1000);
    uint64_t lookups = priv(g)->stat.lookups;

    if (priv(g)->options->no_chain) {
        CHECK_EQ(info_value(g, "chained"), 0);
        CHECK(lookups >= 100);
    } else {
        CHECK(info_value(g, "chained") >= 2);
        CHECK(lookups < 10);
    }
}

/* -- TLB --------------------------------------------------------------------- */

ON_ALL(a_page_is_filled_once)
{
    put_loop(g, 0x1000);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 2);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 2);
    tlb_flush_page(g->cpu, 0x8000);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 3);
    tlb_flush(g->cpu);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 5);
}

ON_ALL(global_pages_survive)
{
    put_loop(g, 0x1000);
    g->toy->page[8].prot |= P_G;
    go(g, 0x1000);
    tlb_flush_nonglobal(g->cpu);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 3);
    tlb_flush_page(g->cpu, 0x8000);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_fills, 4);
}

/* With 64 slots, of two pages that have the same one. */
static void read_in_turn(Rig *g, unsigned times)
{
    g->cpu->common.tlb_mask[0] = 63 * sizeof(CPUTLBEntry);
    tlb_flush(g->cpu);
    g->toy->num_fills = 0;
    for (unsigned i = 0; i < times; i++) {
        cpu_ld(g->cpu, 0x5000 + i % 2 * 0x40000, MO_32, 0, 0);
    }
}

/* A page evicted by another of the same slot comes back without a walk. */
ON_ALL(victims_come_back)
{
    read_in_turn(g, 4);
    CHECK_EQ(g->toy->num_fills, 2);
    CHECK_EQ(priv(g)->stat.tlb_victim_hits, 2);
}

/* But not for ever: then the table grows. */
ON_ALL(pages_that_take_turns_get_a_slot_each)
{
    read_in_turn(g, 1000);
    CHECK(g->cpu->common.tlb_mask[0] >= 127 * sizeof(CPUTLBEntry));
    CHECK(priv(g)->stat.tlb_victim_hits < 100);
    CHECK(g->toy->num_fills < 8);
}

/* INVLPG within a large page drops all of it. */
ON_ALL(large_pages_go_as_one)
{
    for (uint32_t i = 0; i < 16; i++) {
        g->toy->page[i].size = 0x10000;
    }
    cpu_ld(g->cpu, 0x3000, MO_32, 0, 0);
    cpu_ld(g->cpu, 0x7000, MO_32, 0, 0);
    cpu_ld(g->cpu, 0x17000, MO_32, 0, 0);
    tlb_flush_page(g->cpu, 0x4000);
    g->toy->num_fills = 0;
    cpu_ld(g->cpu, 0x3000, MO_32, 0, 0);
    cpu_ld(g->cpu, 0x7000, MO_32, 0, 0);
    cpu_ld(g->cpu, 0x17000, MO_32, 0, 0);
    CHECK_EQ(g->toy->num_fills, 2);
}

ON_ALL(a_new_memory_map_flushes)
{
    g->host[0x5000] = 1;
    CHECK_EQ(cpu_ld(g->cpu, 0x5000, MO_8, 0, 0), 1);
    region_unmap(&g->rom);
    region_map(g->mem, &g->rom, 0x5000, 1);
    CHECK_EQ(cpu_ld(g->cpu, 0x5000, MO_8, 0, 0), 0);
    region_unmap(&g->rom);
    CHECK_EQ(cpu_ld(g->cpu, 0x5000, MO_8, 0, 0), 1);
}

/* -- Faults ------------------------------------------------------------------ */

ON_ALL(a_fault_has_the_state_of_its_instruction)
{
    remap(g, 0x9000, 0, 0);
    g->at = 0x1000;
    put(g, OP_MOVI, 0, 0, 0, 11);
    put(g, OP_MOVI, 1, 0, 0, 0x9004);
    put(g, OP_ADDI, 2, 0, 0, 1);
    uint32_t at = g->at;

    put(g, OP_LD, 0, 1, MO_32, 0);
    put(g, OP_MOVI, 2, 0, 0, 99);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_faults, 1);
    CHECK_EQ(g->toy->fault_pc, at);
    CHECK_EQ(g->toy->fault_addr, 0x9004);
    CHECK_EQ(g->toy->fault_access, MMU_READ);
    CHECK_EQ(g->toy->r[0], 11);
    CHECK_EQ(g->toy->r[2], 12);
}

ON_ALL(a_helper_that_raises_has_it_too)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 5, 0, 0, 7);
    put(g, OP_ADDI, 5, 5, 0, 1);
    put(g, OP_ILLEGAL, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->fault_pc, 0x1010);
    CHECK_EQ(g->toy->r[5], 8);
    /* And one that stores where it may not. */
    remap(g, 0x9000, 0x9000, P_R);
    g->at = 0x2000;
    put(g, OP_MOVI, 1, 0, 0, 0x9000);
    put(g, OP_MOVI, 5, 0, 0, 9);
    put(g, OP_HELPER_ST, 5, 1, 0, 4);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x2000);
    CHECK_EQ(g->toy->fault_pc, 0x2010);
    CHECK_EQ(g->toy->fault_addr, 0x9004);
}

ON_ALL(the_handler_runs_and_goes_on)
{
    remap(g, 0x9000, 0, 0);
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x9000);
    put(g, OP_ST, 1, 1, MO_32, 0);
    g->at = 0x4000;
    put(g, OP_MOVI, 7, 0, 0, 77);
    put(g, OP_STOP, 0, 0, 0, 0);
    g->toy->fault_to = 0x4000;
    CHECK_EQ(go(g, 0x1000), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[7], 77);
    CHECK_EQ(g->toy->fault_pc, 0x1008);
    CHECK_EQ(g->toy->fault_access, MMU_WRITE);
}

ON_ALL(read_only_pages_can_be_read_but_not_modified)
{
    remap(g, 0x9000, 0x9000, P_R);
    g->host[0x9000] = 5;
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x9000);
    put(g, OP_LD, 2, 1, MO_8, 0);
    put(g, OP_RMW, 3, 1, MO_8, 0);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[2], 5);
    CHECK_EQ(g->toy->fault_pc, 0x1010);
    CHECK_EQ(g->toy->fault_access, MMU_WRITE);
    remap(g, 0x9000, 0x9000, P_R | P_W);
    g->toy->num_faults = 0;
    go(g, 0x1000);
    CHECK_EQ(g->toy->num_faults, 0);
    CHECK_EQ(g->toy->r[3], 5);
}

ON_ALL(a_fetch_needs_permission)
{
    put_loop(g, 0x1000);
    remap(g, 0x1000, 0x1000, P_R | P_W);
    go(g, 0x1000);
    CHECK_EQ(g->toy->fault_access, MMU_FETCH);
    CHECK_EQ(g->toy->fault_pc, 0x1000);
}

/* -- Page crossing ----------------------------------------------------------- */

ON_ALL(accesses_cross_pages_that_are_not_neighbours)
{
    remap(g, 0x8000, 0x20000, P_ALL);
    remap(g, 0x9000, 0x30000, P_ALL);
    memcpy(g->host + 0x20ffe, "\x11\x22", 2);
    memcpy(g->host + 0x30000, "\x33\x44", 2);
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8000);
    put(g, OP_LD, 2, 1, MO_32, 0xffe);
    put(g, OP_MOVI, 3, 0, 0, 0xaabbccdd);
    put(g, OP_ST, 3, 1, MO_32, 0xfff);
    put(g, OP_LD, 4, 1, MO_16 | MO_SIGN, 0xfff);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->r[2], 0x44332211);
    CHECK_EQ(g->host[0x20fff], 0xdd);
    CHECK_EQ(load_le(g->host + 0x30000, 3), 0xaabbcc);
    CHECK_EQ(g->toy->r[4], 0xffffccdd);
}

ON_ALL(a_store_over_a_bad_page_writes_nothing)
{
    remap(g, 0x9000, 0, P_R);
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8ffe);
    put(g, OP_ST, 1, 1, MO_32, 0);
    go(g, 0x1000);
    CHECK_EQ(g->toy->fault_addr, 0x9000);
    CHECK_EQ(g->host[0x8ffe], 0);
}

ON_ALL(sixteen_bytes)
{
    for (unsigned i = 0; i < 16; i++) {
        g->host[0x8ff8 + i] = (uint8_t)(i + 1);
    }
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8ff8);
    put(g, OP_MOVI, 2, 0, 0, 0xafff);
    put(g, OP_COPY16, 2, 1, 0, 0);
    put(g, OP_MOVI, 1, 0, 0, 0xafff);
    put(g, OP_MOVI, 2, 0, 0, 0xc000);
    put(g, OP_COPY16, 2, 1, 0, 0);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK(!memcmp(g->host + 0xafff, g->host + 0x8ff8, 16));
    CHECK(!memcmp(g->host + 0xc000, g->host + 0x8ff8, 16));
}

/* -- Devices and ROM --------------------------------------------------------- */

ON_ALL(devices_are_asked_with_the_lock)
{
    remap(g, 0x8000, IO_BASE, P_ALL);
    g->io_val = 0x1234;
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8000);
    put(g, OP_LD, 2, 1, MO_16, 0x10);
    put(g, OP_ADDI, 3, 2, 0, 1);
    put(g, OP_ST, 3, 1, MO_32, 0x20);
    put(g, OP_STOP, 0, 0, 0, 0);
    go(g, 0x1000);
    CHECK_EQ(g->io_reads, 1);
    CHECK_EQ(g->io_writes, 1);
    CHECK_EQ(g->io_addr, 0x20);
    CHECK_EQ(g->io_size, 4);
    CHECK_EQ(g->io_val, 0x1235);
    CHECK(!global_locked());
    CHECK(cpu_probe(g->cpu, 0x8000, 4, MMU_READ, 0, 0) == NULL);
    CHECK(cpu_probe(g->cpu, 0x9000, 4, MMU_WRITE, 0, 0) == g->host + 0x9000);
}

ON_ALL(rom_is_read_and_not_written)
{
    uint8_t byte = 0x42;

    as_write_rom(g->mem, ROM_BASE + 4, &byte, 1);
    remap(g, 0x8000, ROM_BASE, P_ALL);
    cpu_st(g->cpu, 0x8004, 0, MO_8, 0, 0);
    CHECK_EQ(cpu_ld(g->cpu, 0x8004, MO_8, 0, 0), 0x42);
    CHECK(cpu_probe(g->cpu, 0x8000, 8, MMU_READ, 0, 0) != NULL);
    CHECK(cpu_probe(g->cpu, 0x8000, 8, MMU_WRITE, 0, 0) == NULL);
}

ON_ALL(code_in_a_device_is_run_from_there)
{
    static const uint8_t code[] = {
        OP_ADDI, 0, 0, 0, 1, 0, 0, 0,   OP_JNZ, 1, 0, 0, 0, 0x80, 0, 0,
        OP_STOP, 0, 0, 0, 0, 0, 0, 0,
    };

    remap(g, 0x8000, IO_BASE, P_ALL);
    g->io_code = code;
    CHECK_EQ(go(g, 0x8000), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[0], 1);
    CHECK_EQ(go(g, 0x8000), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[0], 2);
    CHECK(g->io_reads >= 2 * sizeof(code));
}

ON_ALL(written_pages_are_dirty)
{
    uint64_t ram = g->ram.ram->offset + 0x8000;

    cpu_st(g->cpu, 0x8000, 1, MO_8, 0, 0);
    CHECK(ram_test_clear_dirty(ram, 1, DIRTY_VGA));
    CHECK(!ram_is_dirty(ram, DIRTY_VGA));
    put_loop(g, 0x1000);
    go(g, 0x1000);
    CHECK(ram_is_dirty(ram, DIRTY_VGA));
    uint64_t noted = priv(g)->stat.notdirty_writes;

    go(g, 0x1000);
    CHECK_EQ(priv(g)->stat.notdirty_writes, noted);
    CHECK(noted <= 2);
}

/* -- Interrupts and requests ------------------------------------------------- */

ON_ALL(an_interrupt_waits_until_it_is_let_in)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 0, 0, 0, 1);
    put(g, OP_EI, 0, 0, 0, 0);
    uint32_t after = g->at;

    put(g, OP_MOVI, 1, 0, 0, 2);
    put(g, OP_STOP, 0, 0, 0, 0);
    g->at = 0x4000;
    put(g, OP_ADDI, 2, 1, 0, 10);
    put(g, OP_IRET, 0, 0, 0, 0);
    g->toy->irq_pc = 0x4000;
    cpu_interrupt(g->cpu, CPU_INTERRUPT_HARD);
    go(g, 0x1000);
    CHECK_EQ(g->toy->irq_from, after);
    CHECK_EQ(g->toy->r[2], 10);
    CHECK_EQ(g->toy->r[1], 2);
}

/* Once the loop counts at 0x8000. */
static void *interrupt_loop(void *opaque)
{
    Rig *g = opaque;

    while (peek((const uint32_t *)(void *)(g->host + 0x8000)) < 1000) {
        usleep(100);
    }
    cpu_interrupt(g->cpu, CPU_INTERRUPT_HARD);
    return NULL;
}

/* An endless chained loop is left at a block's head, with its pc. */
ON_ALL(an_interrupt_ends_a_chained_loop)
{
    pthread_t thread;

    g->at = 0x1000;
    put(g, OP_MOVI, 2, 0, 0, 0x8000);
    put(g, OP_MOVI, 0, 0, 0, 1);
    uint32_t loop = g->at;

    put(g, OP_ADDI, 1, 1, 0, 1);
    put(g, OP_ST, 1, 2, MO_32, 0);
    put(g, OP_JNZ, 0, 0, 0, loop);
    g->at = 0x4000;
    put(g, OP_STOP, 0, 0, 0, 0);
    g->toy->irq_pc = 0x4000;
    g->toy->irq_on = 1;
    pthread_create(&thread, NULL, interrupt_loop, g);
    CHECK_EQ(go(g, 0x1000), EXCP_INTERRUPT);
    pthread_join(thread, NULL);
    /* A block that checks itself ends behind the store. */
    CHECK(g->toy->irq_from == loop || (checks(g) && g->toy->irq_from == loop + 2 * INSN));
    CHECK(g->toy->r[1] >= 1000);
    CHECK_EQ(g->toy->r[1], load_le(g->host + 0x8000, 4));
    CHECK_EQ(g->toy->pc, 0x4008);
}

ON_ALL(a_halted_cpu_waits)
{
    g->at = 0x1000;
    put(g, OP_EI, 0, 0, 0, 0);
    put(g, OP_HALT, 0, 0, 0, 0);
    put(g, OP_STOP, 0, 0, 0, 0);
    g->at = 0x4000;
    put(g, OP_MOVI, 2, 0, 0, 10);
    put(g, OP_IRET, 0, 0, 0, 0);
    g->toy->irq_pc = 0x4000;
    CHECK_EQ(go(g, 0x1000), EXCP_HLT);
    CHECK_EQ(cpu_exec(g->cpu), EXCP_HLT);
    cpu_kick(g->cpu);
    CHECK_EQ(cpu_exec(g->cpu), EXCP_INTERRUPT);
    CHECK_EQ(g->cpu->common.halted, 1);
    cpu_interrupt(g->cpu, CPU_INTERRUPT_HARD);
    CHECK_EQ(cpu_exec(g->cpu), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[2], 10);
    CHECK_EQ(g->toy->pc, 0x1018);
}

/* -- Debuggers --------------------------------------------------------------- */

ON_ALL(breakpoints_and_steps)
{
    put_loop(g, 0x1000);
    go(g, 0x1000);
    cpu_breakpoint_insert(g->cpu, 0x1020);
    CHECK_EQ(go(g, 0x1000), EXCP_DEBUG);
    CHECK_EQ(g->toy->pc, 0x1020);
    CHECK_EQ(g->toy->r[2], 100);
    cpu_single_step(g->cpu, true);      /* over it */
    CHECK_EQ(cpu_exec(g->cpu), EXCP_DEBUG);
    CHECK_EQ(g->toy->pc, 0x1028);
    cpu_breakpoint_remove(g->cpu, 0x1020);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(cpu_exec(g->cpu), EXCP_DEBUG);
    }
    CHECK_EQ(g->toy->pc, 0x1018);
    cpu_single_step(g->cpu, false);
    CHECK_EQ(cpu_exec(g->cpu), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[3], 5050);
}

ON_ALL(watchpoints_stop_behind_the_access)
{
    Watch w;

    put_loop(g, 0x1000);
    cpu_watchpoint_insert(g->cpu, 0x8002, 1, false, true);
    CHECK_EQ(go(g, 0x1000), EXCP_DEBUG);
    CHECK_EQ(g->toy->pc, 0x1028);
    CHECK_EQ(load_le(g->host + 0x8000, 4), 100);
    CHECK(cpu_watchpoint_take(g->cpu, &w));
    CHECK_EQ(w.addr, 0x8002);
    CHECK(!cpu_watchpoint_take(g->cpu, &w));
    CHECK_EQ(cpu_exec(g->cpu), EXCP_DEBUG);
    CHECK_EQ(load_le(g->host + 0x8000, 4), 199);
    CHECK_EQ(cpu_watchpoint_remove(g->cpu, 0x8002, 1, false, true), 0);
    CHECK_EQ(cpu_exec(g->cpu), EXCP_INTERRUPT);
    CHECK_EQ(g->toy->r[3], 5050);
}

ON_ALL(a_debugger_writes_anywhere)
{
    uint32_t v = 10;

    remap(g, 0x9000, 0, 0);
    remap(g, 0x8000, ROM_BASE, P_R);
    CHECK_EQ(cpu_memory_rw_debug(g->cpu, 0x8ffe, &v, 2, true), 0);
    CHECK_EQ(g->rom.ram->host[0xffe], 10);
    CHECK(cpu_memory_rw_debug(g->cpu, 0x8ffe, &v, 4, false) < 0);
    put_loop(g, 0x1000);
    go(g, 0x2000 - 0x1000);
    CHECK_EQ(cpu_memory_rw_debug(g->cpu, 0x1004, &v, 4, true), 0);
}
