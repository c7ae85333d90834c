/* SPDX-License-Identifier: MIT */
/*
 * i386 system architecture (SDM vol. 3), with tables made by hand.
 *
 *   00000  interrupt vectors of real mode      06000  a HLT for each vector
 *   01000  GDT            03000  task states   08000  code of privilege level 0
 *   01800  LDT            04000  page tables   09000  code of level 3
 *   02000  IDT            0b000  end of stack 0, 0d000 of stack 3
 *
 * An exception ends at the HLT of its vector, with the frame on the stack: so
 * vector() and frame() say what has been delivered.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu-exec.h"
#include "cpus.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "target-i386/sys.h"
#include "tests/test.h"
#include "util/bits.h"

enum {
    RAM_SIZE = 0x200000,
    GDT = 0x1000, LDT = 0x1800, IDT = 0x2000, TSS = 0x3000, TSS_B = 0x3100, TSS_16 = 0x3200,
    PD = 0x4000, PT = 0x5000, HANDLERS = 0x6000, CODE0 = 0x8000, CODE3 = 0x9000,
    STACK0 = 0xb000, STACK3 = 0xd000, DATA = 0xe000,
};

/* Selectors */
enum {
    CS0 = 0x08, DS0 = 0x10, CS3 = 0x1b, DS3 = 0x23, SEL_TSS = 0x28, SEL_TSS_B = 0x30,
    SEL_TSS_16 = 0x38, SEL_GATE = 0x40, SEL_SMALL = 0x48, SEL_DOWN = 0x50, SEL_RO = 0x58,
    SEL_CONF = 0x60, SEL_TASK = 0x68, SEL_CS16 = 0x70, SEL_LDT = 0x78, SEL_GONE = 0x80,
    SYS_CS = 0x88, NUM_SELECTORS = 24,
};

/* Type and rights, as <47:40> of a descriptor */
enum {
    CODE = 0x9b, DATA_RW = 0x93, DATA_RO = 0x91, DATA_DOWN = 0x97, CONFORMING = 0x9f,
    T_TSS32 = 0x89, T_TSS16 = 0x81, T_CALL32 = 0x8c, T_INT32 = 0x8e, T_TRAP32 = 0x8f,
    T_TASK = 0x85, T_LDT = 0x82, DPL3 = 0x60, BIG = 0xc000, BITS32 = 0x4000,
};

static struct {
    CPUs *cpus;
    CPUX86State *env;
    AddressSpace *mem;
    MemoryRegion region;
    uint8_t *ram;
    int irq;                            /* what intack gives */
    unsigned shutdowns;
} m;

/* -- Memory and tables ------------------------------------------------------- */

static void put32(uint32_t at, uint32_t val)
{
    as_store(m.mem, at, val, 4);
}

static uint32_t get32(uint32_t at)
{
    return (uint32_t)as_load(m.mem, at, 4);
}

static uint32_t get16(uint32_t at)
{
    return (uint32_t)as_load(m.mem, at, 2);
}

static void put_desc(uint32_t table, unsigned sel, uint32_t base, uint32_t limit, unsigned attr)
{
    uint32_t at = table + (sel & ~7u);

    put32(at, (limit & 0xffff) | base << 16);
    put32(at + 4, (base >> 16 & 0xff) | attr << 8 | (limit & 0xf0000) | (base & 0xff000000));
}

static void put_gate(uint32_t table, unsigned index, unsigned sel, uint32_t offset, unsigned type,
                     unsigned count)
{
    put32(table + index * 8, (offset & 0xffff) | sel << 16);
    put32(table + index * 8 + 4, (offset & 0xffff0000) | type << 8 | count);
}

static void put_code(uint32_t at, const void *code, size_t len)
{
    as_write(m.mem, at, code, len);
}

static void put_tables(void)
{
    put_desc(GDT, CS0, 0, 0xfffff, CODE | BIG);
    put_desc(GDT, DS0, 0, 0xfffff, DATA_RW | BIG);
    put_desc(GDT, CS3, 0, 0xfffff, CODE | DPL3 | BIG);
    put_desc(GDT, DS3, 0, 0xfffff, DATA_RW | DPL3 | BIG);
    put_desc(GDT, SEL_TSS, TSS, 0x67, T_TSS32 | 2);             /* busy */
    put_desc(GDT, SEL_TSS_B, TSS_B, 0x67, T_TSS32);
    put_desc(GDT, SEL_TSS_16, TSS_16, 0x2b, T_TSS16);
    put_gate(GDT, SEL_GATE / 8, CS0, CODE0 + 0x100, T_CALL32 | DPL3, 2);
    put_desc(GDT, SEL_SMALL, DATA, 0xf, DATA_RW | BITS32);
    put_desc(GDT, SEL_DOWN, DATA, 0xf, DATA_DOWN | BITS32);
    put_desc(GDT, SEL_RO, 0, 0xfffff, DATA_RO | BIG);
    put_desc(GDT, SEL_CONF, 0, 0xfffff, CONFORMING | BIG);
    put_gate(GDT, SEL_TASK / 8, SEL_TSS_B, 0, T_TASK, 0);
    put_desc(GDT, SEL_CS16, CODE0, 0xffff, CODE);
    put_desc(GDT, SEL_LDT, LDT, 0x3f, T_LDT);
    put_desc(GDT, SEL_GONE, 0, 0xfffff, (DATA_RW & 0x7f) | BIG);
    for (unsigned i = 0; i < 4; i++) {          /* SYSENTER: CS0 SS0 CS3 SS3 */
        put_desc(GDT, SYS_CS + 8 * i, 0, 0xfffff, (i & 1 ? DATA_RW : CODE) | (i & 2 ? DPL3 : 0) | BIG);
    }
    for (unsigned v = 0; v < 64; v++) {
        put_gate(IDT, v, CS0, HANDLERS + 16 * v, T_INT32, 0);
        put_code(HANDLERS + 16 * v, "\xf4", 1);
        put32(v * 4, HANDLERS + 16 * v);        /* 0000:offset for real mode */
    }
    put32(TSS + 4, STACK0);
    put32(TSS + 8, DS0);
    put32(TSS + 100, 104u << 16);
}

/* -- The machine ------------------------------------------------------------- */

static int intack(void *opaque)
{
    (void)opaque;
    cpu_reset_interrupt(x86_cpu(m.env), CPU_INTERRUPT_HARD);
    return m.irq;
}

static void shutdown_pin(void *opaque)
{
    (void)opaque;
    m.shutdowns++;
}

static void open_machine(bool interp)
{
    Error err;

    memset(&m, 0, sizeof(m));
    m.mem = as_new("memory", 1ull << 32);
    region_init_ram(&m.region, "ram", ram_block_new("ram", RAM_SIZE));
    region_map(m.mem, &m.region, 0, 0);
    m.ram = m.region.ram->host;
    CPUsConfig c = { .ops = &x86_cpu_ops, .mem = m.mem,
                     .accel = { .interp = interp, .tb_size = 8 << 20 } };

    m.cpus = cpus_new(&c, &err);
    m.env = x86_env(cpu_create(m.cpus));
    CHECK_EQ(x86_set_model(m.env, "core2duo", &err), 0);
    m.env->a20_mask = ~0u;
    m.env->pins = (X86Pins){ .intack = intack, .shutdown = shutdown_pin };
    put_tables();
}

static void close_machine(void)
{
    cpus_free(m.cpus);
    as_free(m.mem);
}

#define ON_BOTH(id)                                                         \
    static void id##_on(void);                                              \
    TEST(id)                                                                \
    {                                                                       \
        for (int interp = 0; interp < 2; interp++) {                        \
            open_machine(interp);                                           \
            id##_on();                                                      \
            close_machine();                                                \
        }                                                                   \
    }                                                                       \
    static void id##_on(void)

/* -- Modes ------------------------------------------------------------------- */

static void load_seg(unsigned seg, unsigned sel)
{
    Descriptor d;

    CHECK(desc_fetch(m.env, sel, &d, 0));
    seg_load_desc(m.env, seg, sel, &d);
}

static void set_segments(unsigned cs, unsigned ds)
{
    load_seg(R_CS, cs);
    x86_set_cpl(m.env, cs & 3);
    for (unsigned i = 0; i < 6; i++) {
        if (i != R_CS) {
            load_seg(i, ds);
        }
    }
}

static void protected_mode(unsigned cpl)
{
    CPUX86State *env = m.env;

    env->gdt = (DescTable){ GDT, NUM_SELECTORS * 8 - 1 };
    env->idt = (DescTable){ IDT, 64 * 8 - 1 };
    x86_load_cr0(env, CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_AM);
    env->tr = (SegmentCache){ .selector = SEL_TSS, .base = TSS, .limit = 0x67,
                              .flags = DESC_P | TYPE_TSS32_BUSY << DESC_TYPE_SHIFT };
    set_segments(cpl ? CS3 : CS0, cpl ? DS3 : DS0);
    env->regs[R_ESP] = cpl ? STACK3 : STACK0;
}

static void real_mode(void)
{
    m.env->idt = (DescTable){ 0, 0x3ff };
    for (unsigned i = 0; i < 6; i++) {
        seg_load_real(m.env, i, 0);
    }
    m.env->regs[R_ESP] = STACK0;
}

/* EFLAGS.VM with level 3 segments at 0. */
static void vm86_mode(unsigned iopl)
{
    protected_mode(0);
    x86_set_cpl(m.env, 3);
    x86_set_eflags(m.env, VM_MASK | iopl << IOPL_SHIFT | IF_MASK, VM_MASK | IOPL_MASK | IF_MASK);
    for (unsigned i = 0; i < 6; i++) {
        seg_load_real(m.env, i, 0);
    }
    m.env->regs[R_ESP] = STACK3;
}

enum { P = 1, WR = 2, US = 4, ACCESSED = 0x20, DIRTY = 0x40, PS = 0x80 };

/* The first 2 MiB identically, for everybody. */
static void paging_on(void)
{
    put32(PD, PT | P | WR | US);
    for (uint32_t i = 0; i < 512; i++) {
        put32(PT + 4 * i, i << 12 | P | WR | US);
    }
    x86_load_cr3(m.env, PD);
    x86_load_cr0(m.env, m.env->cr[0] | CR0_PG);
}

/* -- Running ----------------------------------------------------------------- */

static void go_on(void)
{
    m.env->common.halted = 0;
    CHECK_EQ(cpu_exec(x86_cpu(m.env)), EXCP_HLT);
}

static void go(uint32_t at)
{
    m.env->eip = at;
    go_on();
}

#define RUN_AT(at, code) (put_code(at, code, sizeof(code) - 1), go(at))
#define RUN0(code) RUN_AT(CODE0, code)
#define RUN3(code) RUN_AT(CODE3, code)

static uint32_t linear_ip(void)
{
    return m.env->segs[R_CS].base + m.env->eip;
}

/* Of the exception that ended at its HLT; -1: none. */
static int vector(void)
{
    uint32_t ip = linear_ip() - HANDLERS;

    return ip < 64 * 16 && (ip & 15) == 1 ? (int)(ip >> 4) : -1;
}

/* What was pushed: 0 is the last. */
static uint32_t frame(unsigned n)
{
    return get32(m.env->segs[R_SS].base + m.env->regs[R_ESP] + 4 * n);
}

static uint32_t frame16(unsigned n)
{
    return get16(m.env->segs[R_SS].base + (m.env->regs[R_ESP] & 0xffff) + 2 * n);
}

#define CHECK_EXC(v, err, at)                                               \
    do {                                                                    \
        CHECK_EQ(vector(), v);                                              \
        CHECK_EQ(frame(0), err);                                            \
        CHECK_EQ(frame(1), at);                                             \
    } while (0)
#define CHECK_EXC_NO_ERR(v, at)                                             \
    do {                                                                    \
        CHECK_EQ(vector(), v);                                              \
        CHECK_EQ(frame(0), at);                                             \
    } while (0)

/* -- Real mode, chapter 20 --------------------------------------------------- */

/* 20.1.4: FLAGS, CS, IP are pushed; IF, TF and AC cleared. */
ON_BOTH(real_mode_int_pushes_six_bytes)
{
    real_mode();
    x86_set_eflags(m.env, IF_MASK | CC_C, IF_MASK | CC_ALL);
    RUN0("\xcd\x21");
    CHECK_EQ(vector(), 0x21);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 6);
    CHECK_EQ(frame16(0), CODE0 + 2);
    CHECK_EQ(frame16(1), 0);
    CHECK_EQ(frame16(2), IF_MASK | CC_C | 2);
    CHECK_EQ(x86_get_eflags(m.env) & (IF_MASK | CC_C), CC_C);
}

/* 20.1.1: a word at offset FFFFh: #GP, without an error code; of the stack: #SS. */
ON_BOTH(real_mode_has_limits)
{
    real_mode();
    m.env->regs[R_EBX] = 0xffff;
    RUN0("\x8b\x07");                                   /* mov ax, [bx] */
    CHECK_EQ(vector(), EXCP_GP);
    CHECK_EQ(frame16(0), CODE0);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 6);
    m.env->regs[R_ESP] = STACK0;
    m.env->regs[R_EBP] = 0xffff;
    RUN0("\x8b\x46\x00");                               /* mov ax, [bp] */
    CHECK_EQ(vector(), EXCP_SS);
    m.env->regs[R_EBX] = 0x10000;
    m.env->regs[R_ESP] = STACK0;
    RUN0("\x67\x8a\x03");                               /* mov al, [ebx] */
    CHECK_EQ(vector(), EXCP_GP);
}

/* Vol. 2, DIV: a fault, the saved IP is that of DIV. */
ON_BOTH(real_mode_divide_error_is_a_fault)
{
    real_mode();
    m.env->regs[R_ECX] = 0;
    RUN0("\x90\xf7\xf1");
    CHECK_EQ(vector(), EXCP_DE);
    CHECK_EQ(frame16(0), CODE0 + 1);
}

/* Vol. 2: #UD "the instruction is not recognized in real-address mode". */
ON_BOTH(real_mode_does_not_know_selectors)
{
    static const char *const code[] = { "\x63\xc0", "\x0f\x00\xc0", "\x0f\x02\xc0", "\x0f\x34" };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        real_mode();
        put_code(CODE0, code[i], 3);
        go(CODE0);
        CHECK_EQ(vector(), EXCP_UD);
        CHECK_EQ(frame16(0), CODE0);
    }
}

/* 9.9: the way to protected mode, and the limit that stays on the way back. */
ON_BOTH(from_real_to_protected_and_back)
{
    real_mode();
    static const uint8_t gdtr[] = { NUM_SELECTORS * 8 - 1, 0, GDT & 0xff, GDT >> 8, 0, 0 };

    put_code(DATA, gdtr, sizeof(gdtr));
    put_code(CODE0 + 0x40, "\x66\xb8\x10\x00\x8e\xd8\x8e\xd0"           /* mov ds, ss: 32 bits */
             "\x0f\x20\xc0\x24\xfe\x0f\x22\xc0"                         /* PE off */
             "\xea\x60\x80\x00\x00\x00\x00", 23);
    put_code(CODE0 + 0x60, "\xf4", 1);
    RUN0("\x0f\x01\x16\x00\xe0"                         /* lgdt [DATA] */
         "\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"             /* PE on */
         "\x66\xea\x40\x80\x00\x00\x08\x00");           /* jmp 8:CODE0 + 40 */
    CHECK_EQ(linear_ip(), CODE0 + 0x61);
    CHECK_EQ(m.env->segs[R_DS].limit, 0xffffffff);
    CHECK(!(m.env->cr[0] & CR0_PE));
}

/* -- Segments, chapter 5 ----------------------------------------------------- */

ON_BOTH(limits_of_segments)
{
    protected_mode(0);
    load_seg(R_ES, SEL_SMALL);
    put32(DATA + 12, 0x55667788);
    m.env->regs[R_EBX] = 12;
    RUN0("\x26\x8b\x03\xf4");                           /* mov eax, es:[ebx] */
    CHECK_EQ(vector(), -1);
    CHECK_EQ(m.env->regs[R_EAX], 0x55667788);
    m.env->regs[R_EBX] = 13;
    RUN0("\x26\x8b\x03\xf4");
    CHECK_EXC(EXCP_GP, 0, CODE0);
}

/* 5.3: expand-down: offsets above the limit. */
ON_BOTH(expand_down_segments)
{
    protected_mode(0);
    load_seg(R_ES, SEL_DOWN);
    put32(DATA + 0x10, 0x11223344);
    m.env->regs[R_EBX] = 0x10;
    RUN0("\x26\x8b\x03\xf4");
    CHECK_EQ(vector(), -1);
    CHECK_EQ(m.env->regs[R_EAX], 0x11223344);
    m.env->regs[R_EBX] = 0xf;
    RUN0("\x26\x8b\x03\xf4");
    CHECK_EXC(EXCP_GP, 0, CODE0);
}

/* 5.4.1: a null selector loads, and faults when it is used; SS not even that. */
ON_BOTH(null_selectors)
{
    protected_mode(0);
    m.env->regs[R_EAX] = 0;
    RUN0("\x8e\xc0\xf4");                               /* mov es, eax */
    CHECK_EQ(vector(), -1);
    RUN0("\x26\x8a\x03\xf4");
    CHECK_EXC(EXCP_GP, 0, CODE0);
    RUN0("\x31\xc0\x8e\xd0\xf4");                       /* mov ss, eax */
    CHECK_EXC(EXCP_GP, 0, CODE0 + 2);
}

/* 5.5: writing needs a writable data segment. */
ON_BOTH(read_only_and_code_segments)
{
    protected_mode(0);
    load_seg(R_ES, SEL_RO);
    m.env->regs[R_EBX] = DATA;
    RUN0("\x26\x8a\x03\xf4");
    CHECK_EQ(vector(), -1);
    RUN0("\x26\x88\x03\xf4");
    CHECK_EXC(EXCP_GP, 0, CODE0);
    RUN0("\x2e\x8a\x03\xf4");                           /* cs: */
    CHECK_EQ(vector(), -1);
    RUN0("\x2e\x88\x03\xf4");
    CHECK_EXC(EXCP_GP, 0, CODE0);
}

/* Vol. 2, MOV: error code is the selector. */
ON_BOTH(loading_bad_selectors)
{
    static const struct { unsigned sel, vector; } bad[] = {
        { DS0, EXCP_GP },               /* DPL 0 at level 3 */
        { SEL_TSS_B, EXCP_GP }, { SEL_GATE, EXCP_GP },
        { 0x7f8, EXCP_GP },             /* behind the table */
        { 0x0c, EXCP_GP },              /* no LDT */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        protected_mode(3);
        m.env->regs[R_EAX] = bad[i].sel;
        RUN3("\x8e\xd8");
        CHECK_EXC((int)bad[i].vector, bad[i].sel & 0xfffc, CODE3);
    }
    protected_mode(0);
    m.env->regs[R_EAX] = SEL_GONE;
    RUN0("\x8e\xd8");
    CHECK_EXC(EXCP_NP, SEL_GONE, CODE0);
    RUN0("\x8e\xd0");
    CHECK_EXC(EXCP_SS, SEL_GONE, CODE0);
}

/* Vol. 2: ZF says whether it could be accessed; RPL is raised by ARPL. */
ON_BOTH(questions_about_selectors)
{
    protected_mode(3);
    x86_set_eflags(m.env, 3u << IOPL_SHIFT, IOPL_MASK);
    m.env->regs[R_EAX] = DS3;
    RUN3("\x0f\x00\xe0\x0f\x94\xc3"                     /* verr ax; setz bl */
         "\x0f\x00\xe8\x0f\x94\xc7"                     /* verw ax; setz bh */
         "\x0f\x03\xd0\xcd\x20");                       /* lsl edx, eax */
    CHECK_EQ(vector(), EXCP_GP);                        /* INT 20's gate */
    CHECK_EQ(m.env->regs[R_EBX] & 0xffff, 0x101);
    CHECK_EQ(m.env->regs[R_EDX], 0xffffffff);
    protected_mode(3);
    m.env->regs[R_EAX] = DS0;
    m.env->regs[R_EBX] = 3;
    RUN3("\x0f\x00\xe0\x0f\x94\xc1"                     /* verr: no */
         "\x63\xd8\x0f\x94\xc5\xcd\x20");               /* arpl ax, bx */
    CHECK_EQ(m.env->regs[R_ECX] & 0xffff, 0x100);
    CHECK_EQ(m.env->regs[R_EAX], DS0 | 3);
}

/* -- Far transfers ----------------------------------------------------------- */

/* 5.8.4, 5.8.5: the inner stack comes from the TSS, parameters are copied. */
ON_BOTH(call_gate_to_an_inner_level_and_back)
{
    protected_mode(3);
    put_code(CODE0 + 0x100, "\x8b\x4c\x24\x08\x8b\x54\x24\x0c"          /* ecx, edx: parameters */
             "\xca\x08\x00", 11);                                       /* retf 8 */
    m.env->regs[R_ESP] = STACK3;
    RUN3("\x6a\x11\x6a\x22\x9a\0\0\0\0\x40\x00\xcd\x20");
    CHECK_EQ(m.env->regs[R_ECX], 0x22);
    CHECK_EQ(m.env->regs[R_EDX], 0x11);
    CHECK_EQ(vector(), EXCP_GP);
    CHECK_EQ(frame(2), CS3);
    CHECK_EQ(frame(4), STACK3);                         /* RETF dropped them here too */
    CHECK_EQ(frame(5), DS3);
}

/* 5.8.1: without a gate the level must be the same, unless it is conforming. */
ON_BOTH(far_jumps_and_levels)
{
    protected_mode(3);
    RUN3("\xea\0\0\0\0\x08\x00");
    CHECK_EXC(EXCP_GP, CS0, CODE3);
    protected_mode(3);
    put_code(CODE3 + 0x20, "\xcd\x20", 2);
    RUN3("\xea\x20\x90\x00\x00\x60\x00");               /* conforming */
    CHECK_EQ(frame(2), SEL_CONF | 3);
    CHECK_EQ(frame(1), CODE3 + 0x20);
}

/* 6.12.1: to an inner level: SS, ESP, EFLAGS, CS, EIP; an interrupt gate clears
 * IF, a trap gate does not; IRET undoes it. */
ON_BOTH(interrupt_from_level_3)
{
    protected_mode(3);
    put_gate(IDT, 0x30, CS0, HANDLERS + 16 * 0x30, T_INT32 | DPL3, 0);
    put_gate(IDT, 0x31, CS0, HANDLERS + 16 * 0x31, T_TRAP32 | DPL3, 0);
    x86_set_eflags(m.env, IF_MASK | CC_Z, IF_MASK | CC_ALL);
    RUN3("\xcd\x30");
    CHECK_EQ(vector(), 0x30);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 20);
    CHECK_EQ(frame(0), CODE3 + 2);
    CHECK_EQ(frame(1), CS3);
    CHECK_EQ(frame(2), IF_MASK | CC_Z | 2);
    CHECK_EQ(frame(3), STACK3);
    CHECK_EQ(frame(4), DS3);
    CHECK_EQ(m.env->segs[R_SS].selector, DS0);
    CHECK(!(x86_get_eflags(m.env) & IF_MASK));
    put_code(HANDLERS + 16 * 0x30 + 1, "\xcf", 1);      /* iret behind the HLT */
    put_code(CODE3 + 2, "\xcd\x31", 2);
    go_on();
    CHECK_EQ(vector(), 0x31);
    CHECK_EQ(frame(0), CODE3 + 4);
    CHECK(x86_get_eflags(m.env) & IF_MASK);
}

/* 6.13: EXT, IDT and the number in the error code. */
ON_BOTH(gates_that_do_not_let_through)
{
    protected_mode(3);
    RUN3("\xcd\x30");
    CHECK_EXC(EXCP_GP, 0x30 * 8 + 2, CODE3);
    protected_mode(3);
    put_gate(IDT, 0x30, CS0, 0, (T_INT32 | DPL3) & 0x7f, 0);
    RUN3("\xcd\x30");
    CHECK_EXC(EXCP_NP, 0x30 * 8 + 2, CODE3);
    protected_mode(3);
    RUN3("\xcd\x80");                                   /* behind the limit */
    CHECK_EXC(EXCP_GP, 0x80 * 8 + 2, CODE3);
}

/* Vol. 2, IRET: segments of a more privileged level become null. */
ON_BOTH(iret_to_level_3_hides_segments)
{
    protected_mode(0);
    RUN0("\x6a\x23\x68\x00\xd0\x00\x00\x6a\x02\x6a\x1b\x68\x00\x90\x00\x00\xcf");
    put_code(CODE3, "\xcd\x20", 2);
    protected_mode(0);
    RUN0("\x6a\x23\x68\x00\xd0\x00\x00\x6a\x02\x6a\x1b\x68\x00\x90\x00\x00\xcf");
    CHECK_EQ(vector(), EXCP_GP);
    CHECK_EQ(frame(2), CS3);
    CHECK_EQ(frame(4), STACK3);
    CHECK_EQ(m.env->segs[R_DS].selector, 0);
    CHECK_EQ(m.env->segs[R_ES].selector, 0);
}

/* 5.8.7 */
ON_BOTH(sysenter_and_sysexit)
{
    protected_mode(3);
    m.env->sysenter_cs = SYS_CS;
    m.env->sysenter_esp = STACK0;
    m.env->sysenter_eip = CODE0 + 0x200;
    x86_set_eflags(m.env, IF_MASK, IF_MASK);
    put_code(CODE0 + 0x200, "\xf4\x0f\x35", 3);
    m.env->regs[R_ECX] = STACK3 - 16;
    m.env->regs[R_EDX] = CODE3 + 0x20;
    RUN3("\x0f\x34");
    CHECK_EQ(linear_ip(), CODE0 + 0x201);
    CHECK_EQ(m.env->segs[R_CS].selector, SYS_CS);
    CHECK_EQ(m.env->segs[R_SS].selector, SYS_CS + 8);
    CHECK_EQ(m.env->regs[R_ESP], STACK0);
    CHECK(!(x86_get_eflags(m.env) & IF_MASK));
    put_code(CODE3 + 0x20, "\xcd\x20", 2);
    go_on();
    CHECK_EQ(vector(), EXCP_GP);
    CHECK_EQ(frame(1), CODE3 + 0x20);
    CHECK_EQ(frame(2), (SYS_CS + 16) | 3);
    CHECK_EQ(frame(5), (SYS_CS + 24) | 3);
}

/* 6.15: a second fault while the first is delivered; a third: shutdown. */
ON_BOTH(double_and_triple_fault)
{
    protected_mode(0);
    put_gate(IDT, EXCP_GP, CS0, 0, T_INT32 & 0x7f, 0);
    RUN0("\x31\xc0\x8e\xd0");
    CHECK_EXC(EXCP_DF, 0, CODE0 + 2);
    protected_mode(0);
    put_gate(IDT, EXCP_DF, CS0, 0, T_INT32 & 0x7f, 0);
    RUN0("\x31\xc0\x8e\xd0");
    CHECK_EQ(m.shutdowns, 1);
}

/* -- Tasks, chapter 7 -------------------------------------------------------- */

enum { TSS_EIP = 32, TSS_EFLAGS = 36, TSS_EAX = 40, TSS_ESP = 56, TSS_ES = 72 };

static void put_task_b(unsigned cs, unsigned ds, uint32_t eip, uint32_t esp)
{
    put32(TSS_B + TSS_EIP, eip);
    put32(TSS_B + TSS_EFLAGS, 2);
    put32(TSS_B + TSS_EAX, 0xaaaa5555);
    put32(TSS_B + TSS_ESP, esp);
    for (unsigned i = 0; i < 6; i++) {
        put32(TSS_B + TSS_ES + 4 * i, i == R_CS ? cs : ds);
    }
}

static bool is_busy(unsigned sel)
{
    return get32(GDT + sel + 4) & DESC_TSS_BUSY;
}

/* 7.3: the old state is saved, busy moves, CR0.TS is set. */
ON_BOTH(jump_to_a_task)
{
    protected_mode(0);
    put_task_b(CS0, DS0, CODE0 + 0x300, STACK0 - 0x100);
    put_code(CODE0 + 0x300, "\xf4", 1);
    m.env->regs[R_EBX] = 0x12345678;
    RUN0("\xea\0\0\0\0\x30\x00");
    CHECK_EQ(linear_ip(), CODE0 + 0x301);
    CHECK_EQ(m.env->regs[R_EAX], 0xaaaa5555);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 0x100);
    CHECK_EQ(m.env->tr.selector, SEL_TSS_B);
    CHECK_EQ(get32(TSS + TSS_EIP), CODE0 + 7);
    CHECK_EQ(get32(TSS + TSS_EAX + 12), 0x12345678);
    CHECK(!is_busy(SEL_TSS) && is_busy(SEL_TSS_B));
    CHECK(m.env->cr[0] & CR0_TS);
    CHECK(!(x86_get_eflags(m.env) & NT_MASK));
}

/* 7.4: CALL nests: NT and a back link; both stay busy; IRET returns. */
ON_BOTH(call_a_task_and_return)
{
    protected_mode(0);
    put_task_b(CS0, DS0, CODE0 + 0x300, STACK0 - 0x100);
    put_code(CODE0 + 0x300, "\xf4\xcf", 2);
    put_code(CODE0 + 7, "\xf4", 1);
    RUN0("\x9a\0\0\0\0\x30\x00\xf4");
    CHECK(x86_get_eflags(m.env) & NT_MASK);
    CHECK_EQ(get16(TSS_B), SEL_TSS);
    CHECK(is_busy(SEL_TSS) && is_busy(SEL_TSS_B));
    go_on();
    CHECK_EQ(linear_ip(), CODE0 + 8);
    CHECK_EQ(m.env->tr.selector, SEL_TSS);
    CHECK(is_busy(SEL_TSS) && !is_busy(SEL_TSS_B));
    CHECK(!(x86_get_eflags(m.env) & NT_MASK));
}

/* 7.2.5: through a gate in the IDT, as for #DF in many systems. */
ON_BOTH(exception_by_task_gate)
{
    protected_mode(0);
    put_task_b(CS0, DS0, CODE0 + 0x300, STACK0 - 0x100);
    put_code(CODE0 + 0x300, "\xf4", 1);
    put_gate(IDT, EXCP_GP, SEL_TSS_B, 0, T_TASK, 0);
    RUN0("\x31\xc0\x8e\xd0");
    CHECK_EQ(m.env->tr.selector, SEL_TSS_B);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 0x104);
    CHECK_EQ(frame(0), 0);                              /* the error code */
    CHECK_EQ(get32(TSS + TSS_EIP), CODE0 + 2);
}

/* A busy task cannot be called. */
ON_BOTH(tasks_are_not_recursive)
{
    protected_mode(0);
    RUN0("\x9a\0\0\0\0\x28\x00");
    CHECK_EXC(EXCP_GP, SEL_TSS, CODE0);
}

/* 7.6: a 16-bit state; the high halves are all ones in no case trusted. */
ON_BOTH(jump_to_a_16_bit_task)
{
    static const uint16_t sel[4] = { DS0, CS0, DS0, DS0 };

    protected_mode(0);
    as_store(m.mem, TSS_16 + 14, CODE0 + 0x300, 2);     /* IP */
    as_store(m.mem, TSS_16 + 16, 2, 2);                 /* FLAGS */
    as_store(m.mem, TSS_16 + 18, 0x1234, 2);            /* AX */
    as_store(m.mem, TSS_16 + 26, 0xa000, 2);            /* SP */
    for (unsigned i = 0; i < 4; i++) {
        as_store(m.mem, TSS_16 + 34 + 2 * i, sel[i], 2);
    }
    put_code(CODE0 + 0x300, "\xf4", 1);
    RUN0("\xea\0\0\0\0\x38\x00");
    CHECK_EQ(linear_ip(), CODE0 + 0x301);
    CHECK_EQ(m.env->regs[R_EAX] & 0xffff, 0x1234);
    CHECK_EQ(m.env->regs[R_ESP] & 0xffff, 0xa000);
    CHECK_EQ(m.env->tr.selector, SEL_TSS_16);
    CHECK_EQ(get32(TSS + TSS_EIP), CODE0 + 7);
}

/* -- Virtual-8086 mode, chapter 20 ------------------------------------------- */

/* 20.2.7: CLI, STI, PUSHF, POPF, INT n, IRET need IOPL 3. */
ON_BOTH(vm86_and_iopl)
{
    static const char *const code[] = { "\xfa", "\xfb", "\x9c", "\x9d", "\xcd\x20", "\xcf" };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        vm86_mode(0);
        put_code(CODE3, code[i], strlen(code[i]));
        go(CODE3);
        CHECK_EXC(EXCP_GP, 0, CODE3);
        x86_set_eflags(m.env, 0, VM_MASK);
    }
}

/* 20.3.1: the segments are pushed as well and nulled; VM is in the image. */
ON_BOTH(vm86_interrupt_to_the_monitor_and_back)
{
    vm86_mode(3);
    seg_load_real(m.env, R_FS, 0x1234);
    put_gate(IDT, 0x20, CS0, HANDLERS + 16 * 0x20, T_INT32 | DPL3, 0);
    RUN3("\xcd\x20");
    CHECK_EQ(vector(), 0x20);
    CHECK_EQ(m.env->regs[R_ESP], STACK0 - 36);
    CHECK_EQ(frame(0), CODE3 + 2);
    CHECK_EQ(frame(2), VM_MASK | IOPL_MASK | IF_MASK | 2);
    CHECK_EQ(frame(3), STACK3);
    CHECK_EQ(frame(7), 0x1234);                         /* SS ES DS FS GS */
    CHECK_EQ(m.env->segs[R_FS].selector, 0);
    CHECK(!(x86_get_eflags(m.env) & VM_MASK));
    put_code(HANDLERS + 16 * 0x20 + 1, "\xcf", 1);
    put_code(CODE3 + 2, "\xcd\x21", 2);
    go_on();
    CHECK_EXC(EXCP_GP, 0x21 * 8 + 2, CODE3 + 2);
    CHECK_EQ(frame(8), 0x1234);
}

/* 20.3.3.2, 20.3.4: VME: INT goes to the program itself, IF is VIF. */
ON_BOTH(vm86_with_vme)
{
    vm86_mode(0);
    m.env->cr[4] |= CR4_VME;
    x86_update_hflags(m.env);
    put32(TSS + 100, 136u << 16);                       /* maps: all bits clear */
    m.env->tr.limit = 0x1ff;
    put32(0x20 * 4, CODE3 + 0x40);
    x86_set_eflags(m.env, VIF_MASK, VIF_MASK);
    put_code(CODE3 + 0x40, "\xf4", 1);                  /* privileged: #GP ends it */
    RUN3("\xcd\x20");
    CHECK_EXC(EXCP_GP, 0, CODE3 + 0x40);
    CHECK_EQ(get16(STACK3 - 6), CODE3 + 2);
    CHECK_EQ(get16(STACK3 - 2) & (IF_MASK | IOPL_MASK), IF_MASK | IOPL_MASK);
    CHECK(!(frame(3) & VIF_MASK));
    vm86_mode(0);
    x86_set_eflags(m.env, VIF_MASK, VIF_MASK);
    RUN3("\xfa\xf4");                                   /* cli clears VIF only */
    CHECK_EXC(EXCP_GP, 0, CODE3 + 1);
    CHECK_EQ(frame(3) & (IF_MASK | VIF_MASK), IF_MASK);
}

/* -- Debugging, chapter 17 --------------------------------------------------- */

/* 17.3.1.4: a trap behind the instruction; DR6.BS; TF is cleared for the handler. */
ON_BOTH(single_step)
{
    protected_mode(0);
    x86_set_eflags(m.env, TF_MASK, TF_MASK);
    RUN0("\x40\x41");
    CHECK_EXC_NO_ERR(EXCP_DB, CODE0 + 1);
    CHECK_EQ(m.env->dr[6] & 0xffff, 0x4ff0);
    CHECK(frame(2) & TF_MASK);
    CHECK(!(x86_get_eflags(m.env) & TF_MASK));
    m.env->regs[R_EAX] = 0;
    m.env->regs[R_ESP] = STACK0;
    /* POPF sets it: the instruction behind is stepped. */
    RUN0("\x68\x02\x01\x00\x00\x9d\x40\x40");
    CHECK_EXC_NO_ERR(EXCP_DB, CODE0 + 7);
    CHECK_EQ(m.env->regs[R_EAX], 1);
}

/* 17.3.1.1: a fault before the instruction; RF in the image, so that IRET gets
 * past it. */
ON_BOTH(instruction_breakpoint)
{
    protected_mode(0);
    m.env->dr[0] = CODE0 + 1;
    m.env->dr[7] = 0x402;
    x86_debug_updated(m.env);
    m.env->regs[R_EAX] = 0;
    put_code(CODE0, "\x40\x40\xf4", 3);
    go(CODE0);
    CHECK_EXC_NO_ERR(EXCP_DB, CODE0 + 1);
    CHECK_EQ(m.env->regs[R_EAX], 1);
    CHECK_EQ(m.env->dr[6] & 15, 1);
    CHECK(frame(2) & RF_MASK);
    put_code(HANDLERS + 16 * EXCP_DB + 1, "\xcf", 1);
    go_on();
    CHECK_EQ(m.env->regs[R_EAX], 2);
    CHECK_EQ(linear_ip(), CODE0 + 3);
}

/* -- Paging, chapter 4 ------------------------------------------------------- */

/* 4.7: the error code: P, W/R, U/S; CR2. */
ON_BOTH(page_fault_codes)
{
    protected_mode(0);
    paging_on();
    put32(PT + 4 * 0x20, 0);
    put32(PT + 4 * 0x21, 0x21000 | P);
    m.env->regs[R_EBX] = 0x20123;
    RUN0("\x8a\x03\xf4");
    CHECK_EXC(EXCP_PF, 0, CODE0);
    CHECK_EQ(m.env->cr[2], 0x20123);
    RUN0("\x88\x03\xf4");
    CHECK_EXC(EXCP_PF, 2, CODE0);
    m.env->regs[R_EBX] = 0x21000;
    RUN0("\x88\x03\xf4");                               /* CR0.WP */
    CHECK_EXC(EXCP_PF, 3, CODE0);
    m.env->regs[R_ESP] = STACK0;
    x86_load_cr0(m.env, m.env->cr[0] & ~(uint32_t)CR0_WP);
    RUN0("\x88\x03\xf4");
    CHECK_EQ(vector(), -1);
    protected_mode(3);
    paging_on();
    put32(PT + 4 * 0x20, 0);
    put32(PT + 4 * 0x21, 0x21000 | P | WR);
    tlb_flush(x86_cpu(m.env));
    RUN3("\x8a\x03\xf4");
    CHECK_EXC(EXCP_PF, 5, CODE3);
    RUN3("\x88\x03\xf4");
    CHECK_EQ(m.env->cr[2], 0x21000);
}

/* 4.8: A on any access, D on a write, in the entry that maps. */
ON_BOTH(accessed_and_dirty)
{
    protected_mode(0);
    paging_on();
    m.env->regs[R_EBX] = 0x30000;
    RUN0("\x8a\x03\xf4");
    CHECK_EQ(get32(PT + 4 * 0x30) & (ACCESSED | DIRTY), ACCESSED);
    CHECK(get32(PD) & ACCESSED);
    RUN0("\x88\x03\xf4");
    CHECK_EQ(get32(PT + 4 * 0x30) & (ACCESSED | DIRTY), ACCESSED | DIRTY);
}

/* 4.10.4.1: INVLPG makes the new entry count. */
ON_BOTH(invlpg)
{
    protected_mode(0);
    paging_on();
    put32(0x31000, 0x11);
    put32(0x32000, 0x22);
    m.env->regs[R_EBX] = 0x31000;
    m.env->regs[R_ECX] = PT + 4 * 0x31;
    m.env->regs[R_EDX] = 0x32000 | P | WR;
    RUN0("\x8b\x33\x89\x11\x0f\x01\x3b\x8b\x3b\xf4");
    CHECK_EQ(m.env->regs[R_ESI], 0x11);
    CHECK_EQ(m.env->regs[R_EDI], 0x22);
}

/* 4.3: a 4 MiB page with CR4.PSE; without it the bit means nothing. */
ON_BOTH(large_pages)
{
    protected_mode(0);
    paging_on();
    put32(PD + 4, 0 | P | WR | PS);
    m.env->cr[4] |= CR4_PSE;
    put32(0x33000, 0xcafe);
    m.env->regs[R_EBX] = 0x433000;
    RUN0("\x8b\x03\xf4");
    CHECK_EQ(m.env->regs[R_EAX], 0xcafe);
    CHECK_EQ(get32(PD + 4) & (ACCESSED | DIRTY), ACCESSED);
}

/* 4.4, 4.6: PAE, and NX with bit 4 of the error code. */
ON_BOTH(pae_and_execute_disable)
{
    enum { PDPT = 0x10000, PD_PAE = 0x11000, PT_PAE = 0x12000 };

    protected_mode(0);
    put32(PDPT, PD_PAE | P);
    put32(PD_PAE, PT_PAE | P | WR | US);
    for (uint32_t i = 0; i < 512; i++) {
        put32(PT_PAE + 8 * i, i << 12 | P | WR | US);
    }
    put32(PT_PAE + 8 * 0x40 + 4, 1u << 31);
    m.env->cr[4] |= CR4_PAE;
    m.env->efer |= 1 << 11;
    x86_load_pdptes(m.env, PDPT, 0);
    x86_load_cr3(m.env, PDPT);
    x86_load_cr0(m.env, m.env->cr[0] | CR0_PG);
    put_code(0x40000, "\xf4", 1);
    m.env->regs[R_EBX] = 0x40000;
    RUN0("\x8a\x03\xff\xe3");
    CHECK_EXC(EXCP_PF, 0x11, 0x40000);
    CHECK_EQ(m.env->regs[R_EAX] & 0xff, 0xf4);
    CHECK_EQ(m.env->cr[2], 0x40000);
}

/* Vol. 3, 6.5: a fault leaves no trace: a store over two pages stores nothing. */
ON_BOTH(no_half_of_a_store)
{
    protected_mode(0);
    paging_on();
    put32(PT + 4 * 0x51, 0);
    put32(0x50ffc, 0x11111111);
    m.env->regs[R_EBX] = 0x50ffe;
    m.env->regs[R_EAX] = 0x55555555;
    RUN0("\x89\x03\xf4");
    CHECK_EXC(EXCP_PF, 2, CODE0);
    CHECK_EQ(m.env->cr[2], 0x51000);
    CHECK_EQ(get32(0x50ffc), 0x11111111);
    m.env->regs[R_ESP] = 0x51002;                       /* PUSH, PUSHA: ESP stays */
    put32(PT + 4 * 0x51, 0x51000 | P | WR);
    put32(PT + 4 * 0x50, 0);
    x86_load_cr3(m.env, PD);
    put_gate(IDT, EXCP_PF, SEL_TSS_B, 0, T_TASK, 0);
    put_task_b(CS0, DS0, HANDLERS + 16 * EXCP_PF, STACK0);
    put32(TSS_B + 28, PD);
    RUN0("\x50\xf4");
    CHECK_EQ(get32(TSS + TSS_ESP), 0x51002);
    CHECK_EQ(get32(TSS + TSS_EIP), CODE0);
}

/* REP: registers tell exactly how far it came. */
ON_BOTH(rep_movs_stopped_by_a_page)
{
    protected_mode(0);
    paging_on();
    put32(PT + 4 * 0x51, 0);
    m.env->regs[R_ECX] = 0x100;
    m.env->regs[R_ESI] = 0x40000;
    m.env->regs[R_EDI] = 0x50f00;
    RUN0("\xf3\xa5\xf4");
    CHECK_EXC(EXCP_PF, 2, CODE0);
    CHECK_EQ(m.env->cr[2], 0x51000);
    CHECK_EQ(m.env->regs[R_ECX], 0xc0);
    CHECK_EQ(m.env->regs[R_ESI], 0x40100);
    CHECK_EQ(m.env->regs[R_EDI], 0x51000);
}

/* An instruction over two pages, the second absent: the fault is a fetch of its
 * second page, EIP its start. */
ON_BOTH(fetch_across_a_page)
{
    protected_mode(0);
    paging_on();
    put32(PT + 4 * 0x51, 0);
    RUN_AT(0x50ffd, "\xb8\x01\x02");
    CHECK_EXC(EXCP_PF, 0, 0x50ffd);
    CHECK_EQ(m.env->cr[2], 0x51000);
}

/* -- Code that changes code, 8.1.3 ------------------------------------------- */

ON_BOTH(the_next_instruction_is_written)
{
    protected_mode(0);
    m.env->regs[R_EAX] = 0;
    RUN0("\xc6\x05\x08\x80\x00\x00\x43\x90\x40\xf4");   /* mov byte [next], inc ebx */
    CHECK_EQ(m.env->regs[R_EAX], 0);
    m.env->regs[R_EBX] = 0;
    m.env->regs[R_ECX] = 1;
    m.env->regs[R_EDI] = CODE0 + 4;
    m.env->regs[R_EAX] = 0x42;                          /* inc edx */
    m.env->regs[R_EDX] = 0;
    RUN0("\xf3\xaa\x90\x90\x43\xf4");                   /* rep stosb */
    CHECK_EQ(m.env->regs[R_EDX], 1);
    CHECK_EQ(m.env->regs[R_EBX], 0);
}

/* -- Interrupts and ports ---------------------------------------------------- */

/* Vol. 2, STI: not before the instruction behind it has run. */
ON_BOTH(sti_has_a_shadow)
{
    protected_mode(0);
    m.irq = 0x25;
    m.env->regs[R_EAX] = 0;
    put_code(CODE0, "\xfb\x40\x40\xf4", 4);
    cpu_interrupt(x86_cpu(m.env), CPU_INTERRUPT_HARD);
    go(CODE0);
    CHECK_EXC_NO_ERR(0x25, CODE0 + 2);
    CHECK_EQ(m.env->regs[R_EAX], 1);
    CHECK(frame(2) & IF_MASK);
}

/* Vol. 1, 19.5.2: at a level above IOPL the map in the TSS decides. */
ON_BOTH(io_permission_map)
{
    protected_mode(3);
    m.env->tr.limit = 0x67 + 0x81;
    as_store(m.mem, TSS + 104 + 0x80 / 8, 0xfe, 1);     /* port 80 only */
    RUN3("\xe6\x80\xcd\x20");
    CHECK_EXC(EXCP_GP, 0x20 * 8 + 2, CODE3 + 2);
    protected_mode(3);
    m.env->tr.limit = 0x67 + 0x81;
    RUN3("\x66\xe7\x80\xcd\x20");                       /* 80 and 81 */
    CHECK_EXC(EXCP_GP, 0, CODE3);
}

/* Vol. 2: #GP(0) above level 0. */
ON_BOTH(privileged_instructions)
{
    static const char *const code[] = { "\xf4", "\x0f\x06", "\x0f\x01\x10", "\x0f\x20\xc0",
                                        "\x0f\x30", "\x0f\x01\xf0", "\x0f\x08", "\x0f\x21\xf8" };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        protected_mode(3);
        put_code(CODE3, code[i], strlen(code[i]));
        go(CODE3);
        CHECK_EXC(EXCP_GP, 0, CODE3);
    }
}

/* Vol. 2, BOUND: a fault. */
ON_BOTH(bound)
{
    protected_mode(0);
    put32(DATA, 10);
    put32(DATA + 4, 20);
    m.env->regs[R_EBX] = DATA;
    m.env->regs[R_EAX] = 20;
    RUN0("\x62\x03\xf4");
    CHECK_EQ(vector(), -1);
    m.env->regs[R_EAX] = 21;
    RUN0("\x62\x03\xf4");
    CHECK_EXC_NO_ERR(EXCP_BR, CODE0);
    m.env->regs[R_EAX] = 9;
    RUN0("\x62\x03\xf4");
    CHECK_EXC_NO_ERR(EXCP_BR, CODE0);
}

/* Vol. 2: what the tables are; SMSW is CR0; SLDT and STR the selectors. */
ON_BOTH(stored_system_registers)
{
    protected_mode(0);
    m.env->regs[R_EBX] = DATA;
    m.env->regs[R_EAX] = SEL_LDT;
    RUN0("\x0f\x01\x03"                                 /* sgdt [ebx] */
         "\x0f\x00\xd0\x0f\x00\xc1"                     /* lldt ax; sldt ecx */
         "\x0f\x00\xca\x0f\x01\xe6\xf4");               /* str edx; smsw esi */
    CHECK_EQ(get16(DATA), NUM_SELECTORS * 8 - 1);
    CHECK_EQ(get32(DATA + 2), GDT);
    CHECK_EQ(m.env->regs[R_ECX], SEL_LDT);
    CHECK_EQ(m.env->regs[R_EDX], SEL_TSS);
    CHECK_EQ(m.env->regs[R_ESI], m.env->cr[0]);
    CHECK_EQ(m.env->ldt.base, LDT);
}

/* Vol. 2: #UD "if CPUID.01H:ECX.SSE4_1 is 0" and so on; -cpu NAME,+feature. */
ON_BOTH(later_instructions_need_their_feature)
{
    static const struct { const char *model, *code; uint8_t len, bit; } row[] = {
        { "core2duo,+sse4.1", "\x66\x0f\x38\x40\xc1\xf4", 6, 19 },        /* pmulld */
        { "core2duo,+sse4_1", "\x66\x0f\x38\x40\xc1\xf4", 6, 19 },
        { "core2duo,+sse4.2", "\xf2\x0f\x38\xf1\xc1\xf4", 6, 20 },        /* crc32 */
        { "core2duo,+sse4_2", "\x66\x0f\x38\x37\xc1\xf4", 6, 20 },        /* pcmpgtq */
        { "core2duo,+popcnt", "\xf3\x0f\xb8\xc1\xf4", 5, 23 },
        { "core2duo,+aes", "\x66\x0f\x38\xdc\xc1\xf4", 6, 25 },          /* aesenc */
        { "core2duo,+pclmulqdq", "\x66\x0f\x3a\x44\xc1\x00\xf4", 7, 1 },
        { "core2duo,+movbe", "\x0f\x38\xf0\x05\x00\x00\x00\x00\xf4", 9, 22 },
    };
    Error err;

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        for (unsigned have = 0; have < 2; have++) {
            CHECK_EQ(x86_set_model(m.env, have ? row[i].model : "core2duo", &err), 0);
            CHECK_EQ(m.env->feat_1_ecx >> row[i].bit & 1, have);
            protected_mode(0);
            m.env->cr[4] |= CR4_OSFXSR;
            x86_update_hflags(m.env);
            tb_flush(m.env->common.exec->tbs);
            put_code(CODE0, row[i].code, row[i].len);
            go(CODE0);
            CHECK_EQ(vector(), have ? -1 : EXCP_UD);
        }
    }
}
