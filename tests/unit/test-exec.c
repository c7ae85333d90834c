/* SPDX-License-Identifier: MIT */
/*
 * The engine with a toy guest: eight registers, fixed 8-byte instructions at
 * any alignment, a page table in C.  Every test runs on each back end.
 *
 *      op a b size imm32       (little endian)
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu-exec.h"
#include "cpus.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "tests/unit/jit-info.h"
#include "util/bits.h"
#include "util/log.h"

/* -- The toy's state --------------------------------------------------------- */

enum {
    NUM_PAGES = 256,
    TOY_FAULT = 14, TOY_ILLEGAL = 6,
    P_R = PAGE_READ, P_W = PAGE_WRITE, P_X = PAGE_EXEC, P_G = PAGE_GLOBAL,
    P_ALL = PAGE_READ | PAGE_WRITE | PAGE_EXEC,
};

typedef struct ToyPage { uint32_t phys; int prot; uint32_t size; } ToyPage;

typedef struct Toy {
    CPUCommon common;
    uint32_t r[8];
    uint32_t pc, cs_base, flags;
    uint32_t irq_on, irq_pc, irq_from;
    uint32_t fault_addr, fault_access, fault_pc, fault_to;
    uint32_t num_faults, num_fills, num_enter;
    uint32_t vec[4] __attribute__((aligned(16)));
    ToyPage page[NUM_PAGES];
    CPUTLB tlb;
} Toy;

#define FIELD(m) ((uint32_t)offsetof(Toy, m))

enum { G_PC = 8 };

static const TCGGlobalDef toy_globals[] = {
    { "r0", FIELD(r[0]), TCG_I32, 1 }, { "r1", FIELD(r[1]), TCG_I32, 2 },
    { "r2", FIELD(r[2]), TCG_I32, 3 }, { "r3", FIELD(r[3]), TCG_I32, 4 },
    { "r4", FIELD(r[4]), TCG_I32, 5 }, { "r5", FIELD(r[5]), TCG_I32, 6 },
    { "r6", FIELD(r[6]), TCG_I32, 7 }, { "r7", FIELD(r[7]), TCG_I32, 8 },
    { "pc", FIELD(pc), TCG_I32, 0 },
};

static const TCGTarget toy_tcg = {
    .globals = toy_globals,
    .num_globals = ARRAY_SIZE(toy_globals),
    .mmu = {
        .table = FIELD(tlb.table),
        .table_stride = VM_SIZEOF(Toy, tlb.table[0]),
        .mask = FIELD(common.tlb_mask),
        .page_bits = TARGET_PAGE_BITS,
    },
    .jump_cache = { FIELD(tlb.jump_cache), CPU_JMP_CACHE_BITS, 6 },
    .exit_request = FIELD(common.exit_request),
};

static Toy *toy_of(CPUState *cpu)
{
    return (Toy *)(void *)cpu;
}

/* -- Its instructions -------------------------------------------------------- */

enum {
    OP_ILLEGAL, OP_HALT, OP_STOP, OP_MOVI, OP_ADDI, OP_ADD, OP_LD, OP_ST, OP_JNZ,
    OP_JR, OP_RMW, OP_COPY16, OP_EI, OP_IRET, OP_HELPER_ST, OP_PC_HIGH, OP_NUM
};

enum { INSN = 8 };

static void helper_stop(void *env, uint32_t index)
{
    CPUState *cpu = env;

    cpu->common.exception_index = (int32_t)index;
    if (index == EXCP_HLT) {
        cpu->common.halted = 1;
    }
    cpu_loop_exit(cpu);
}

static void helper_fault(void *env)
{
    CPUState *cpu = env;

    cpu->common.exception_index = TOY_ILLEGAL;
    cpu_loop_exit_restore(cpu, GETPC());
}

static void helper_st(void *env, uint32_t addr, uint32_t val)
{
    cpu_st(env, addr, val, MO_32, 0, GETPC());
}

typedef void Fn(void);
static const TCGHelper h_stop = { "stop", (Fn *)helper_stop, 0, "vei" };
static const TCGHelper h_fault = { "fault", (Fn *)helper_fault, 0, "ve" };
static const TCGHelper h_st = { "st", (Fn *)helper_st, 0, "veii" };

/* Go to a constant address. */
static void gen_goto(TCGContext *s, const DisasRequest *req, unsigned slot, uint32_t to)
{
    uint32_t from = req->key.pc + req->key.cs_base;
    bool same = !((from ^ (to + req->key.cs_base)) >> TARGET_PAGE_BITS);

    if (req->singlestep || (!same && req->key.cs_base)) {
        tcg_set(s, G_PC, tcg_const(s, to));
        tcg_exit_tb(s, TB_EXIT_NONE);
    } else if (same) {
        tcg_goto_tb(s, slot);
        tcg_set(s, G_PC, tcg_const(s, to));
        tcg_exit_tb(s, slot ? TB_EXIT_SLOT1 : TB_EXIT_SLOT0);
    } else {
        TCGv pc = tcg_const(s, to);

        tcg_set(s, G_PC, pc);
        tcg_goto_ptr(s, pc, req->key.flags);
    }
}

static void gen_jr(TCGContext *s, const DisasRequest *req, TCGv to)
{
    tcg_set(s, G_PC, to);
    if (req->singlestep || req->key.cs_base) {
        tcg_exit_tb(s, TB_EXIT_NONE);
    } else {
        tcg_goto_ptr(s, to, req->key.flags);
    }
}

static void gen_jnz(TCGContext *s, const DisasRequest *req, TCGGlobal g, uint32_t to,
                    uint32_t next)
{
    TCGLabel zero = tcg_new_label(s);

    tcg_brcond(s, TCG_COND_EQ, tcg_get(s, g), tcg_const(s, 0), zero);
    gen_goto(s, req, 0, to);
    tcg_set_label(s, zero);
    gen_goto(s, req, 1, next);
}

static void gen_stop(TCGContext *s, uint32_t next, uint32_t why)
{
    tcg_set(s, G_PC, tcg_const(s, next));
    tcg_call(s, &h_stop, tcg_const(s, why));
    tcg_exit_tb(s, TB_EXIT_NONE);
}

/* One instruction; false: it ended the block. */
static bool gen_insn(TCGContext *s, DisasRequest *req, const uint8_t *i, uint32_t next)
{
    TCGGlobal a = i[1] & 7, b = i[2] & 7;
    TCGMemOp op = (TCGMemOp)i[3];
    uint32_t imm = (uint32_t)load_le(i + 4, 4);

    switch (i[0]) {
    case OP_MOVI:
        tcg_set(s, a, tcg_const(s, imm));
        return true;
    case OP_ADDI:
        tcg_set(s, a, tcg_addi(s, tcg_get(s, b), (int32_t)imm));
        return true;
    case OP_ADD:
        tcg_set(s, a, tcg_add(s, tcg_get(s, a), tcg_get(s, b)));
        return true;
    case OP_LD:
    case OP_RMW:
        op |= i[0] == OP_RMW ? MO_RMW : 0;
        tcg_set(s, a, tcg_qemu_ld(s, tcg_addi(s, tcg_get(s, b), (int32_t)imm), op, 0));
        return true;
    case OP_ST:
        tcg_qemu_st(s, tcg_addi(s, tcg_get(s, b), (int32_t)imm), tcg_get(s, a), op, 0);
        return true;
    case OP_COPY16:
        tcg_qemu_st(s, tcg_get(s, a), tcg_qemu_ld(s, tcg_get(s, b), MO_128, 0), MO_128, 0);
        return true;
    case OP_HELPER_ST:
        tcg_call(s, &h_st, tcg_addi(s, tcg_get(s, b), (int32_t)imm), tcg_get(s, a));
        return true;
    case OP_PC_HIGH:
        req->bound = true;
        tcg_set(s, a, tcg_const(s, (next + imm) >> 16));
        return true;
    case OP_JNZ:
        gen_jnz(s, req, a, imm, next);
        return false;
    case OP_JR:
        gen_jr(s, req, tcg_get(s, a));
        return false;
    case OP_EI:
        tcg_st(s, TCG_st32, tcg_const(s, 1), FIELD(irq_on));
        tcg_set(s, G_PC, tcg_const(s, next));
        tcg_exit_tb(s, TB_EXIT_NONE);
        return false;
    case OP_IRET:
        tcg_st(s, TCG_st32, tcg_const(s, 1), FIELD(irq_on));
        tcg_set(s, G_PC, tcg_ld(s, TCG_ld32, FIELD(irq_from)));
        tcg_exit_tb(s, TB_EXIT_NONE);
        return false;
    case OP_STOP:
        gen_stop(s, next, EXCP_INTERRUPT);
        return false;
    case OP_HALT:
        gen_stop(s, next, EXCP_HLT);
        return false;
    default:
        tcg_call0(s, &h_fault);
        tcg_exit_tb(s, TB_EXIT_NONE);
        return false;
    }
}

static void toy_gen(CPUState *cpu, TCGContext *s, DisasRequest *req)
{
    uint32_t pc = req->key.pc;

    for (;;) {
        uint32_t linear = pc + req->key.cs_base;
        uint8_t insn[INSN];

        for (unsigned i = 0; i < INSN; i++) {
            insn[i] = cpu_code_u8(cpu, linear + i);
        }
        tcg_insn_start(s, pc, 0x100 + req->num_insns);
        req->num_insns++;
        pc += INSN;
        req->size = pc - req->key.pc;
        unsigned first_op = s->num_ops;

        if (!gen_insn(s, req, insn, pc)) {
            return;
        }
        linear += INSN;
        if (req->num_insns == req->max_insns || !tcg_room(s) ||
            (req->checked && tcg_may_store(s, first_op)) ||
            (linear & (TARGET_PAGE_SIZE - 1)) > TARGET_PAGE_SIZE - INSN ||
            (linear ^ (req->key.pc + req->key.cs_base)) >> TARGET_PAGE_BITS) {
            gen_goto(s, req, 0, pc);
            return;
        }
    }
}

/* -- Its CPUOps -------------------------------------------------------------- */

static void toy_reset(CPUState *cpu)
{
    Toy *t = toy_of(cpu);

    memset(t->r, 0, sizeof(t->r));
    t->pc = 0;
    t->irq_on = 0;
    cpu->common.halted = 0;
    cpu->common.exception_index = EXCP_NONE;
}

static TBKey toy_key(CPUState *cpu)
{
    Toy *t = toy_of(cpu);

    return (TBKey){ t->pc, t->cs_base, t->flags };
}

static unsigned toy_mmu_index(CPUState *cpu)
{
    (void)cpu;
    return 0;
}

static void toy_set_pc(CPUState *cpu, uint32_t pc)
{
    toy_of(cpu)->pc = pc;
}

static void toy_restore(CPUState *cpu, uint32_t pc, uint32_t word)
{
    CHECK(word >= 0x100);
    toy_of(cpu)->pc = pc;
}

static bool toy_fill(CPUState *cpu, vaddr addr, MMUAccess access, unsigned mmu_idx,
                     bool probe)
{
    static const int need[] = { P_R, P_W, P_X };
    Toy *t = toy_of(cpu);
    uint32_t n = (uint32_t)addr >> TARGET_PAGE_BITS;
    const ToyPage *p = n < NUM_PAGES ? &t->page[n] : NULL;

    if (!p || !(p->prot & need[access])) {
        if (!probe) {
            cpu->common.exception_index = TOY_FAULT;
            t->fault_addr = (uint32_t)addr;
            t->fault_access = access;
        }
        return false;
    }
    t->num_fills++;
    tlb_set_page(cpu, addr & TARGET_PAGE_MASK, p->phys, p->prot, mmu_idx,
                 p->size ? p->size : TARGET_PAGE_SIZE);
    return true;
}

static hwaddr toy_phys_debug(CPUState *cpu, vaddr page)
{
    uint32_t n = (uint32_t)page >> TARGET_PAGE_BITS;

    return n < NUM_PAGES && toy_of(cpu)->page[n].prot ? toy_of(cpu)->page[n].phys
                                                      : ~(hwaddr)0;
}

/* Go to fault_to, or stand still if that is 0. */
static void toy_do_interrupt(CPUState *cpu)
{
    Toy *t = toy_of(cpu);

    t->num_faults++;
    t->fault_pc = t->pc;
    t->pc = t->fault_to;
    cpu->common.exception_index = t->fault_to ? EXCP_NONE : EXCP_INTERRUPT;
}

static bool toy_exec_interrupt(CPUState *cpu, uint32_t request)
{
    Toy *t = toy_of(cpu);

    CHECK(global_locked());
    if (!(request & CPU_INTERRUPT_HARD) || !t->irq_on) {
        return false;
    }
    t->irq_on = 0;
    t->irq_from = t->pc;
    t->pc = t->irq_pc;
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_HARD);
    return true;
}

static bool toy_has_work(CPUState *cpu)
{
    return toy_of(cpu)->irq_on &&
           __atomic_load_n(&cpu->common.interrupt_request, __ATOMIC_SEQ_CST) &
           CPU_INTERRUPT_HARD;
}

static void toy_enter(CPUState *cpu)
{
    toy_of(cpu)->num_enter++;
}

static void toy_exit(CPUState *cpu)
{
    toy_of(cpu)->num_enter--;
}

static const CPUOps toy_ops = {
    .name = "toy",
    .tcg = &toy_tcg,
    .state_size = sizeof(Toy),
    .reset = toy_reset,
    .tb_key = toy_key,
    .mmu_index = toy_mmu_index,
    .set_pc = toy_set_pc,
    .restore_state = toy_restore,
    .gen_intermediate_code = toy_gen,
    .tlb_fill = toy_fill,
    .phys_page_debug = toy_phys_debug,
    .do_interrupt = toy_do_interrupt,
    .exec_interrupt = toy_exec_interrupt,
    .has_work = toy_has_work,
    .exec_enter = toy_enter,
    .exec_exit = toy_exit,
};

/* -- The rig ----------------------------------------------------------------- */

enum {
    RAM_SIZE = NUM_PAGES << TARGET_PAGE_BITS, IO_BASE = 0x200000, ROM_BASE = 0x300000,
};

typedef struct Rig {
    CPUs *cpus;
    CPUState *cpu;
    Toy *toy;
    AddressSpace *mem;
    MemoryRegion ram, io, rom;
    uint8_t *host;                      /* RAM */
    uint32_t io_val, io_addr, io_size, io_reads, io_writes;
    const uint8_t *io_code;
    Clock clock;
    uint32_t at;                        /* where the next instruction goes */
} Rig;

static uint64_t io_read(void *opaque, hwaddr offset, unsigned size)
{
    Rig *g = opaque;

    CHECK(global_locked());
    g->io_reads++;
    g->io_addr = (uint32_t)offset;
    g->io_size = size;
    return g->io_code ? g->io_code[offset] : g->io_val;
}

static void io_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Rig *g = opaque;

    CHECK(global_locked());
    g->io_writes++;
    g->io_addr = (uint32_t)offset;
    g->io_size = size;
    g->io_val = (uint32_t)val;
}

static const MemoryRegionOps io_ops = { io_read, io_write, 1, 4 };

static void rig_open(Rig *g, const AccelOptions *o)
{
    Error err;

    memset(g, 0, sizeof(*g));
    g->mem = as_new("memory", 1ull << 32);
    region_init_ram(&g->ram, "ram", ram_block_new("toy.ram", RAM_SIZE));
    region_init_io(&g->io, "io", 0x1000, &io_ops, g);
    region_init_rom(&g->rom, "rom", ram_block_new("toy.rom", 0x1000));
    region_map(g->mem, &g->ram, 0, 0);
    region_map(g->mem, &g->io, IO_BASE, 0);
    region_map(g->mem, &g->rom, ROM_BASE, 0);
    clock_init(&g->clock);
    CPUsConfig c = { .ops = &toy_ops, .mem = g->mem, .clock = &g->clock, .accel = *o };

    g->host = g->ram.ram->host;
    g->cpus = cpus_new(&c, &err);
    g->cpu = cpu_create(g->cpus);
    g->toy = toy_of(g->cpu);
    for (uint32_t i = 0; i < NUM_PAGES; i++) {
        g->toy->page[i] = (ToyPage){ .phys = i << TARGET_PAGE_BITS, .prot = P_ALL };
    }
}

static void rig_close(Rig *g)
{
    CHECK_EQ(g->toy->num_enter, 0);
    cpus_free(g->cpus);
    as_free(g->mem);
}

static void put_at(Rig *g, uint32_t at, unsigned op, unsigned a, unsigned b,
                   unsigned size, uint32_t imm)
{
    uint8_t insn[INSN] = { (uint8_t)op, (uint8_t)a, (uint8_t)b, (uint8_t)size };

    store_le(insn + 4, imm, 4);
    as_write(g->mem, at, insn, INSN);
}

static void put(Rig *g, unsigned op, unsigned a, unsigned b, unsigned size, uint32_t imm)
{
    put_at(g, g->at, op, a, b, size, imm);
    g->at += INSN;
}

static int go(Rig *g, uint32_t pc)
{
    g->toy->pc = pc;
    return cpu_exec(g->cpu);
}

static CPUExec *priv(Rig *g)
{
    return g->cpu->common.exec;
}

/* No page of code is protected. */
static bool checks(Rig *g)
{
    return priv(g)->options->selfcheck == SELFCHECK_ALWAYS;
}

static bool copies(Rig *g)
{
    return !priv(g)->options->interp && !priv(g)->options->no_copy && !checks(g);
}

static void remap(Rig *g, uint32_t virt, uint32_t phys, int prot)
{
    g->toy->page[virt >> TARGET_PAGE_BITS] = (ToyPage){ .phys = phys, .prot = prot };
}

static const AccelOptions modes[] = {
    { .interp = true },
#ifdef __x86_64__
    { .interp = false },
    { .no_pin = true, .no_opt = true, .no_copy = true },
    { .selfcheck = SELFCHECK_ALWAYS },
#endif
    { .interp = true, .no_chain = true, .no_fast_tlb = true },
};

#define ON_ALL(id)                                                          \
    static void id##_on(Rig *g);                                            \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {                  \
            Rig g;                                                          \
            rig_open(&g, &modes[m]);                                        \
            id##_on(&g);                                                    \
            rig_close(&g);                                                  \
        }                                                                   \
    }                                                                       \
    static void id##_on(Rig *g)

static uint64_t info_value(Rig *g, const char *name)
{
    return jit_value(g->cpus, name);
}

/* Sum of 100 .. 1 in memory at 0x8000. */
static void put_loop(Rig *g, uint32_t at)
{
    g->at = at;
    put(g, OP_MOVI, 0, 0, 0, 100);
    put(g, OP_MOVI, 1, 0, 0, 0x8000);
    put(g, OP_MOVI, 2, 0, 0, 0);
    uint32_t loop = g->at;

    put(g, OP_ADD, 2, 0, 0, 0);
    put(g, OP_ST, 2, 1, MO_32, 0);
    put(g, OP_LD, 3, 1, MO_32, 0);
    put(g, OP_ADDI, 0, 0, 0, -1u);
    put(g, OP_JNZ, 0, 0, 0, loop);
    put(g, OP_STOP, 0, 0, 0, 0);
}

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

/* A page evicted by another of the same slot comes back without a walk. */
ON_ALL(victims_come_back)
{
    (void)g;
    cpu_ld(g->cpu, 0x5000, MO_32, 0, 0);
    g->cpu->common.tlb_mask[0] = 0;
    tlb_flush(g->cpu);
    g->toy->num_fills = 0;
    for (unsigned i = 0; i < 4; i++) {
        cpu_ld(g->cpu, 0x5000 + i % 2 * 0x1000, MO_32, 0, 0);
    }
    CHECK(g->toy->num_fills <= 3);
    CHECK(priv(g)->stat.tlb_victim_hits >= 1);
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

static uint32_t peek(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
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

/* -- The thread -------------------------------------------------------------- */

/* Run the main loop until the condition holds, ten seconds at most. */
#define WAIT_FOR(cond)                                                      \
    do {                                                                    \
        for (int n_ = 0; n_ < 10000 && !(cond); n_++) {                     \
            clock_run(&g->clock);                                           \
            loop_run_once(NS_PER_MS);                                       \
        }                                                                   \
        CHECK(cond);                                                        \
    } while (0)

static void count_notify(void *opaque, bool running, StopReason why)
{
    (void)why;
    *(int *)opaque += running ? 1 : 100;
}

/* Counts in memory at 0x8000; the interrupt handler counts at 0x8004. */
static void put_counter(Rig *g, bool halts)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8000);
    put(g, OP_MOVI, 7, 0, 0, 1);
    uint32_t loop = g->at;

    put(g, OP_EI, 0, 0, 0, 0);
    put(g, OP_ADDI, 0, 0, 0, 1);
    put(g, OP_ST, 0, 1, MO_32, 0);
    if (halts) {
        put(g, OP_HALT, 0, 0, 0, 0);
    }
    put(g, OP_JNZ, 7, 0, 0, loop);
    g->at = 0x4000;
    put(g, OP_ADDI, 2, 2, 0, 1);
    put(g, OP_ST, 2, 1, MO_32, 4);
    put(g, OP_IRET, 0, 0, 0, 0);
    g->toy->irq_pc = 0x4000;
    g->toy->pc = 0x1000;
}

ON_ALL(stop_and_start)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    int notes = 0;

    global_lock();
    put_counter(g, false);
    vm_add_notifier(g->cpus, count_notify, &notes);
    cpus_start(g->cpus, NULL);
    CHECK(!vm_running(g->cpus));
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    vm_stop(g->cpus, STOP_USER);
    uint32_t seen = peek(count);
    int64_t now = clock_now(&g->clock);

    usleep(3000);
    CHECK_EQ(peek(count), seen);
    CHECK_EQ(clock_now(&g->clock), now);
    CHECK_EQ(notes, 101);
    CHECK_EQ(vm_stop_reason(g->cpus), STOP_USER);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > seen);
    cpus_stop_all(g->cpus);
    cpus_stop_all(g->cpus);
    cpus_resume_all(g->cpus);
    seen = peek(count);
    usleep(3000);
    CHECK_EQ(peek(count), seen);
    cpus_resume_all(g->cpus);
    WAIT_FOR(peek(count) > seen);
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

ON_ALL(a_halted_machine_wakes_for_each_interrupt)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8004);

    global_lock();
    put_counter(g, true);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    for (uint32_t i = 1; i <= 50; i++) {
        cpu_interrupt(g->cpu, CPU_INTERRUPT_HARD);
        WAIT_FOR(peek(count) == i);
    }
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

static void read_pc(CPUState *cpu, void *opaque)
{
    *(uint32_t *)opaque = toy_of(cpu)->pc;
}

ON_ALL(requests_hold_the_processors)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    uint32_t pc = 0;

    global_lock();
    put_counter(g, false);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    run_on_cpu(g->cpu, read_pc, &pc);
    CHECK(pc >= 0x1000 && pc < 0x1040);
    system_powerdown_request(g->cpus);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_POWERDOWN);
    system_reset_request(g->cpus);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_RESET);
    cpus_stop_all(g->cpus);
    uint32_t seen = peek(count);

    cpus_resume_all(g->cpus);
    usleep(3000);
    CHECK_EQ(peek(count), seen);
    cpus_reset(g->cpus);
    CHECK_EQ(g->toy->pc, 0);
    g->toy->pc = 0x1000;
    cpus_requests_done(g->cpus);
    WAIT_FOR(peek(count) > 0 && peek(count) != seen);
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

ON_ALL(a_breakpoint_stops_the_machine)
{
    global_lock();
    put_counter(g, false);
    cpu_breakpoint_insert(g->cpu, 0x1018);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(!vm_running(g->cpus));
    CHECK_EQ(vm_stop_reason(g->cpus), STOP_DEBUG);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_DEBUG);
    CHECK_EQ(g->toy->pc, 0x1018);
    global_unlock();
}

/* -smp: a CPU that never leaves its loop lets the other run. */
ON_ALL(processors_take_turns)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    CPUState *other = cpu_create(g->cpus);
    Toy *t = toy_of(other);

    global_lock();
    memcpy(t->page, g->toy->page, sizeof(t->page));
    g->at = 0x2000;
    put(g, OP_MOVI, 0, 0, 0, 1);
    put(g, OP_JNZ, 0, 0, 0, g->at);
    t->pc = 0x2000;
    put_counter(g, false);
    g->toy->pc = 0x2000;
    t->pc = 0x1000;
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    vm_stop(g->cpus, STOP_USER);
    CHECK(g->toy->pc < 0x3000 && g->toy->pc >= 0x2000);
    global_unlock();
}
