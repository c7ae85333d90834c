/* SPDX-License-Identifier: MIT */
/*
 * Registers by name and the page tables as they are in memory (SDM vol. 3,
 * 4.3 and 4.4).
 *
 *   walk_all(): every present leaf in order of address --> visit()
 *                                       dump_tlb: a line each
 *                                       dump_mem: joined while rights agree
 */
#include "target-i386/inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/bits.h"

/* -- Registers --------------------------------------------------------------- */

/* clang-format off */
#define WORD(name, field) { name, offsetof(CPUX86State, field), 4 }
#define LONG(name, field) { name, offsetof(CPUX86State, field), 8 }
#define SEGMENT(name, field)                                                \
    WORD(name, field.selector), WORD(name ".base", field.base),             \
    WORD(name ".limit", field.limit)

static const struct NamedRegister {
    const char *name;
    uint16_t offset;
    uint8_t size;
} registers[] = {
    WORD("eax", regs[R_EAX]), WORD("ecx", regs[R_ECX]), WORD("edx", regs[R_EDX]),
    WORD("ebx", regs[R_EBX]), WORD("esp", regs[R_ESP]), WORD("ebp", regs[R_EBP]),
    WORD("esi", regs[R_ESI]), WORD("edi", regs[R_EDI]), WORD("eip", eip),
    SEGMENT("es", segs[R_ES]), SEGMENT("cs", segs[R_CS]), SEGMENT("ss", segs[R_SS]),
    SEGMENT("ds", segs[R_DS]), SEGMENT("fs", segs[R_FS]), SEGMENT("gs", segs[R_GS]),
    SEGMENT("ldt", ldt), SEGMENT("tr", tr),
    WORD("gdt.base", gdt.base), WORD("gdt.limit", gdt.limit),
    WORD("idt.base", idt.base), WORD("idt.limit", idt.limit),
    WORD("cr0", cr[0]), WORD("cr2", cr[2]), WORD("cr3", cr[3]), WORD("cr4", cr[4]),
    WORD("dr0", dr[0]), WORD("dr1", dr[1]), WORD("dr2", dr[2]), WORD("dr3", dr[3]),
    WORD("dr6", dr[6]), WORD("dr7", dr[7]), LONG("efer", efer),
};
/* clang-format on */

bool x86_get_register(CPUState *cpu, const char *name, uint64_t *val)
{
    if (!strcmp(name, "pc")) {
        *val = x86_env(cpu)->segs[R_CS].base + x86_env(cpu)->eip;
        return true;
    }
    if (!strcmp(name, "eflags")) {
        *val = x86_get_eflags(x86_env(cpu));
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        if (!strcmp(registers[i].name, name)) {
            *val = load_le((const char *)cpu + registers[i].offset, registers[i].size);
            return true;
        }
    }
    return false;
}

/* -- Page tables ------------------------------------------------------------- */

enum { PG_P = 1, PG_RW = 2, PG_US = 4, PG_PS = 1 << 7 };
#define ADDR_MASK  0x0000000ffffff000ull
#define PG_NX      (1ull << 63)

typedef struct Leaf {
    uint32_t addr;
    uint64_t size, entry;
    uint64_t phys;
    uint32_t rights;                    /* PG_RW | PG_US of all levels */
    bool large;
} Leaf;

typedef struct Visitor {
    void (*visit)(struct Visitor *v, const Leaf *leaf);
    void (*put)(void *opaque, const char *text);
    void *opaque;
    uint64_t start, end;                /* dump_mem: the range so far */
    uint32_t rights;
} Visitor;

/* The tables of 1024 entries of 4 bytes, or 512 of 8. */
static void walk_table(CPUState *cpu, Visitor *v, hwaddr table, uint32_t base,
                       uint32_t rights, unsigned size)
{
    for (unsigned i = 0; i < TARGET_PAGE_SIZE / size; i++) {
        uint64_t e = cpu_ldphys(cpu, table + i * size, size);

        if (e & PG_P) {
            v->visit(v, &(Leaf){ base + i * TARGET_PAGE_SIZE, TARGET_PAGE_SIZE, e,
                                 e & ADDR_MASK, rights & (uint32_t)e & (PG_RW | PG_US), false });
        }
    }
}

static void walk_directory(CPUState *cpu, Visitor *v, hwaddr dir, uint32_t base,
                           unsigned size)
{
    uint64_t span = size == 8 ? 2 << 20 : 4 << 20;
    bool large = size == 8 || x86_env(cpu)->cr[4] & CR4_PSE;

    for (unsigned i = 0; i < TARGET_PAGE_SIZE / size; i++) {
        uint64_t e = cpu_ldphys(cpu, dir + i * size, size);
        uint32_t addr = base + i * (uint32_t)span;
        uint32_t rights = (uint32_t)e & (PG_RW | PG_US);

        if (!(e & PG_P)) {
            continue;
        }
        if (e & PG_PS && large) {
            uint64_t high = size == 4 ? (e >> 13 & 0xf) << 32 : 0;

            v->visit(v, &(Leaf){ addr, span, e, (e & ADDR_MASK & ~(span - 1)) | high,
                                 rights, true });
        } else {
            walk_table(cpu, v, e & ADDR_MASK, addr, rights, size);
        }
    }
}

static void walk_all(CPUState *cpu, Visitor *v)
{
    const CPUX86State *env = x86_env(cpu);

    if (!(env->cr[4] & CR4_PAE)) {
        walk_directory(cpu, v, env->cr[3] & ~0xfffu, 0, 4);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (env->pdpte[i] & PG_P) {
            walk_directory(cpu, v, env->pdpte[i] & ADDR_MASK, i << 30, 8);
        }
    }
}

static bool paging(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    if (x86_env(cpu)->cr[0] & (uint32_t)CR0_PG) {
        return true;
    }
    put(opaque, "PG disabled\n");
    return false;
}

/* -- info tlb ---------------------------------------------------------------- */

static void visit_tlb(Visitor *v, const Leaf *l)
{
    static const struct { unsigned bit; char name; } flags[] = {
        { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' }, { 4, 'C' }, { 3, 'T' },
    };
    char line[80];
    int n = snprintf(line, sizeof(line), "%08x: %09" PRIx64 " %c", l->addr, l->phys,
                     l->entry & PG_NX ? 'X' : '-');

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        bool on = l->entry >> flags[i].bit & 1 && (flags[i].bit != 7 || l->large);

        line[n++] = on ? flags[i].name : '-';
    }
    snprintf(line + n, sizeof(line) - (size_t)n, "%c%c\n",
             l->rights & PG_US ? 'U' : '-', l->rights & PG_RW ? 'W' : '-');
    v->put(v->opaque, line);
}

void x86_dump_tlb(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    Visitor v = { .visit = visit_tlb, .put = put, .opaque = opaque };

    if (paging(cpu, put, opaque)) {
        walk_all(cpu, &v);
    }
}

/* -- info mem ---------------------------------------------------------------- */

static void put_range(Visitor *v)
{
    char line[80];

    if (v->end > v->start) {
        snprintf(line, sizeof(line), "%08" PRIx64 "-%08" PRIx64 " %08" PRIx64 " %cr%c\n",
                 v->start, v->end, v->end - v->start, v->rights & PG_US ? 'u' : '-',
                 v->rights & PG_RW ? 'w' : '-');
        v->put(v->opaque, line);
    }
}

static void visit_mem(Visitor *v, const Leaf *l)
{
    if (l->addr != v->end || l->rights != v->rights) {
        put_range(v);
        v->start = l->addr;
        v->rights = l->rights;
    }
    v->end = l->addr + l->size;
}

void x86_dump_mem(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    Visitor v = { .visit = visit_mem, .put = put, .opaque = opaque };

    if (paging(cpu, put, opaque)) {
        walk_all(cpu, &v);
        put_range(&v);
    }
}
