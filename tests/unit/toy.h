/* SPDX-License-Identifier: MIT */
/*
 * The engine with a toy guest: eight registers, fixed 8-byte instructions at
 * any alignment, a page table in C.  A test that is ON_ALL runs on each back end.
 *
 *      op a b size imm32       (little endian)
 */
#ifndef TESTS_UNIT_TOY_H
#define TESTS_UNIT_TOY_H

#include <string.h>

#include "cpu-exec.h"
#include "cpus.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "tests/unit/jit-info.h"
#include "util/bits.h"

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
        .page_bits = TARGET_PAGE_BITS, .modes = NB_MMU_MODES,
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

static inline void put_at(Rig *g, uint32_t at, unsigned op, unsigned a, unsigned b,
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

static inline int go(Rig *g, uint32_t pc)
{
    g->toy->pc = pc;
    return cpu_exec(g->cpu);
}

static inline CPUExec *priv(Rig *g)
{
    return g->cpu->common.exec;
}

/* No page of code is protected. */
static inline bool checks(Rig *g)
{
    return priv(g)->options->selfcheck == SELFCHECK_ALWAYS;
}

static inline bool copies(Rig *g)
{
    return !priv(g)->options->interp && !priv(g)->options->no_copy && !checks(g);
}

static inline void remap(Rig *g, uint32_t virt, uint32_t phys, int prot)
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

static inline uint64_t info_value(Rig *g, const char *name)
{
    return jit_value(g->cpus, name);
}

/* Sum of 100 .. 1 in memory at 0x8000. */
static inline void put_loop(Rig *g, uint32_t at)
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

static inline uint32_t peek(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

#endif
