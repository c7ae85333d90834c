/* SPDX-License-Identifier: MIT */
/*
 * Registers by name; the translation tables as they are in memory.
 *
 *   walk_all(): every section and page in order of address --> visit()
 *                                       dump_tlb: a line each
 *                                       dump_mem: joined while rights agree
 *
 * Rights are those under the present domain access control register.
 */
#include "target-arm/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target-arm/mmu.h"
#include "util/bits.h"

/* -- Registers --------------------------------------------------------------- */

/* "r12" with prefix 'r' and num 16 is 12; -1 if it is something else. */
static int numbered(const char *name, char prefix, unsigned num)
{
    char *end;

    if (name[0] != prefix || name[1] < '0' || name[1] > '9') {
        return -1;
    }
    unsigned long n = strtoul(name + 1, &end, 10);

    return *end || n >= num ? -1 : (int)n;
}

static bool special(CPUARMState *env, const char *name, uint64_t *val)
{
    static const struct { const char *name; uint16_t offset; } words[] = {
        { "sp", offsetof(CPUARMState, regs[R_SP]) }, { "lr", offsetof(CPUARMState, regs[R_LR]) },
        { "pc", offsetof(CPUARMState, regs[R_PC]) }, { "spsr", offsetof(CPUARMState, spsr) },
        { "fpexc", offsetof(CPUARMState, fpexc) },
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcmp(name, words[i].name)) {
            *val = load_le((const char *)env + words[i].offset, 4);
            return true;
        }
    }
    if (!strcmp(name, "cpsr")) {
        *val = arm_cpsr_read(env);
        return true;
    }
    if (!strcmp(name, "fpscr")) {
        *val = arm_fpscr_read(env);
        return true;
    }
    return false;
}

bool arm_get_register(CPUState *cpu, const char *name, uint64_t *val)
{
    CPUARMState *env = arm_env(cpu);
    int n;

    if ((n = numbered(name, 'r', 16)) >= 0) {
        *val = env->regs[n];
    } else if ((n = numbered(name, 's', 32)) >= 0) {
        *val = env->vfp.s[n];
    } else if ((n = numbered(name, 'd', 16)) >= 0) {
        *val = env->vfp.d[n];
    } else {
        return special(env, name, val);
    }
    return true;
}

/* -- Translation tables ------------------------------------------------------ */

typedef struct Visitor {
    void (*visit)(struct Visitor *v, uint32_t addr, uint32_t size, const ArmPage *p);
    void (*put)(void *opaque, const char *text);
    void *opaque;
    CPUARMState *env;
    uint64_t start, end;                /* dump_mem: the range so far */
    char rights[8];
} Visitor;

/* "rwx r-x": privileged, user. */
static void describe_rights(CPUARMState *env, const ArmPage *p, char out[8])
{
    for (unsigned user = 0; user < 2; user++) {
        ArmFault why;
        int prot = arm_page_rights(env, p, env->cp15.dacr, !user, &why);

        out[4 * user] = prot & PAGE_READ ? 'r' : '-';
        out[4 * user + 1] = prot & PAGE_WRITE ? 'w' : '-';
        out[4 * user + 2] = prot & PAGE_EXEC ? 'x' : '-';
    }
    out[3] = ' ';
    out[7] = 0;
}

/* Small pages whose quarters differ are shown by quarters. */
static void walk_all(Visitor *v)
{
    enum { QUARTER = 1 << 10 };

    for (uint64_t addr = 0; addr < 1ull << 32;) {
        ArmPage p;
        bool found = arm_walk(v->env, (uint32_t)addr, &p);
        uint32_t size = p.sub ? QUARTER : p.size;

        if (found) {
            v->visit(v, (uint32_t)addr, size, &p);
        }
        addr += size;
    }
}

static bool translating(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    const CPUARMState *env = arm_env(cpu);

    if (env->features & ARM_MPU) {
        put(opaque, "no MMU\n");
        return false;
    }
    if (!arm_mmu_on(env)) {
        put(opaque, "MMU disabled\n");
        return false;
    }
    return true;
}

static void visit_tlb(Visitor *v, uint32_t addr, uint32_t size, const ArmPage *p)
{
    char line[80], rights[8];

    describe_rights(v->env, p, rights);
    snprintf(line, sizeof(line), "%08x: %08x %5uK domain %2u %s%s\n", addr, (uint32_t)p->phys,
             size >> 10, p->domain, rights, p->not_global ? " nG" : "");
    v->put(v->opaque, line);
}

void arm_dump_tlb(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    Visitor v = { .visit = visit_tlb, .put = put, .opaque = opaque, .env = arm_env(cpu) };

    if (translating(cpu, put, opaque)) {
        walk_all(&v);
    }
}

static void put_range(Visitor *v)
{
    char line[80];

    if (v->end > v->start) {
        snprintf(line, sizeof(line), "%08x-%08x %08x %s\n", (uint32_t)v->start, (uint32_t)v->end,
                 (uint32_t)(v->end - v->start), v->rights);
        v->put(v->opaque, line);
    }
}

static void visit_mem(Visitor *v, uint32_t addr, uint32_t size, const ArmPage *p)
{
    char rights[8];

    describe_rights(v->env, p, rights);
    if (addr != v->end || strcmp(rights, v->rights)) {
        put_range(v);
        v->start = addr;
        memcpy(v->rights, rights, sizeof(rights));
    }
    v->end = (uint64_t)addr + size;
}

void arm_dump_mem(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    Visitor v = { .visit = visit_mem, .put = put, .opaque = opaque, .env = arm_env(cpu) };

    if (translating(cpu, put, opaque)) {
        walk_all(&v);
        put_range(&v);
    }
}
