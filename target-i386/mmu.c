/* SPDX-License-Identifier: MIT */
/*
 * Paging (SDM vol. 3, chapter 4): 32-bit with 4 MiB pages and PSE-36, and PAE
 * with 2 MiB pages and NX.
 *
 *      CR3 -> [PDPTE ->] PDE -> PTE -> page        (PDE with PS: page)
 *
 * walk() collects what all levels allow; x86_tlb_fill() judges the access, sets
 * the accessed and dirty bits and fills the TLB.  A page whose dirty bit is
 * clear is entered read-only, so that the first write comes here again.
 */
#include "target-i386/sys.h"

#include "util/log.h"

enum {
    PG_P = 1, PG_RW = 2, PG_US = 4, PG_A = 1 << 5, PG_D = 1 << 6, PG_PS = 1 << 7,
    PG_G = 1 << 8,
};
#define PG_NX (1ull << 63)

/* Page fault error code, 4.7 */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

enum { PHYS_BITS = 36 };
#define PHYS_MASK ((1ull << PHYS_BITS) - 1)

typedef struct Walk {
    hwaddr phys;                        /* of the 4 KiB page */
    uint64_t size;                      /* of the mapping */
    uint32_t rights;                    /* PG_RW | PG_US, of all levels */
    bool nx, global, dirty;
    hwaddr entry_addr[2];               /* directory and table entries ... */
    uint64_t entry[2];
    unsigned entry_size, num_entries;
    uint32_t fault;                     /* PF_RSVD | PF_P, if it failed */
} Walk;

static uint64_t read_entry(CPUX86State *env, hwaddr addr, unsigned size)
{
    return cpu_ldphys(x86_cpu(env), addr & (env->a20_mask | ~0xffffffffull), size);
}

/* One level: false if not present or a reserved bit is set. */
static bool step(CPUX86State *env, Walk *w, hwaddr addr, uint64_t reserved)
{
    uint64_t e = read_entry(env, addr, w->entry_size);

    w->entry_addr[w->num_entries] = addr;
    w->entry[w->num_entries++] = e;
    if (!(e & PG_P)) {
        w->fault = 0;
        return false;
    }
    if (w->entry_size == 8 && !(env->efer & (1 << 11))) {
        reserved |= PG_NX;
    }
    if (e & reserved) {
        w->fault = PF_P | PF_RSVD;
        return false;
    }
    w->rights &= (uint32_t)e;
    w->nx |= w->entry_size == 8 && (e & PG_NX);
    return true;
}

static void leaf(Walk *w, hwaddr base, uint64_t size, uint32_t addr)
{
    uint64_t e = w->entry[w->num_entries - 1];

    w->size = size;
    w->phys = (base & ~(size - 1)) | (addr & (size - 1) & ~0xfffull);
    w->global = e & PG_G;
    w->dirty = e & PG_D;
}

static bool walk_32(CPUX86State *env, uint32_t addr, Walk *w)
{
    w->entry_size = 4;
    if (!step(env, w, (env->cr[3] & ~0xfffu) + (addr >> 22) * 4, 0)) {
        return false;
    }
    uint64_t pde = w->entry[0];

    if ((pde & PG_PS) && (env->cr[4] & CR4_PSE)) {
        /* PSE-36: bits 20:13 are address bits 39:32; 36 of them exist. */
        if (pde & (1 << 21) || (pde >> 17 & 0xf)) {
            w->fault = PF_P | PF_RSVD;
            return false;
        }
        leaf(w, (pde & 0xffc00000) | (pde >> 13 & 0xf) << 32, 4 << 20, addr);
        return true;
    }
    if (!step(env, w, (pde & 0xfffff000) + (addr >> 12 & 0x3ff) * 4, 0)) {
        return false;
    }
    leaf(w, w->entry[1] & 0xfffff000, 4096, addr);
    return true;
}

static bool walk_pae(CPUX86State *env, uint32_t addr, Walk *w)
{
    const uint64_t high = ~PHYS_MASK & ~PG_NX;
    uint64_t pdpte = env->pdpte[addr >> 30];

    w->entry_size = 8;
    if (!(pdpte & PG_P)) {
        w->fault = 0;
        return false;
    }
    if (!step(env, w, (pdpte & PHYS_MASK & ~0xfffull) + (addr >> 21 & 0x1ff) * 8, high)) {
        return false;
    }
    uint64_t pde = w->entry[0];

    if (pde & PG_PS) {
        if (pde & 0x1fe000) {
            w->fault = PF_P | PF_RSVD;
            return false;
        }
        leaf(w, pde & PHYS_MASK & ~0x1fffffull, 2 << 20, addr);
        return true;
    }
    if (!step(env, w, (pde & PHYS_MASK & ~0xfffull) + (addr >> 12 & 0x1ff) * 8, high)) {
        return false;
    }
    leaf(w, w->entry[1] & PHYS_MASK & ~0xfffull, 4096, addr);
    return true;
}

static bool walk(CPUX86State *env, uint32_t addr, Walk *w)
{
    *w = (Walk){ .rights = PG_RW | PG_US };
    return env->cr[4] & CR4_PAE ? walk_pae(env, addr, w) : walk_32(env, addr, w);
}

/* 4.6.1: what the page allows in this mode, as PAGE_xxx. */
static int page_rights(const CPUX86State *env, const Walk *w, bool user)
{
    bool writable = w->rights & PG_RW;
    int prot = w->nx ? PAGE_READ : PAGE_READ | PAGE_EXEC;

    if (user && !(w->rights & PG_US)) {
        return 0;
    }
    if (writable || (!user && !(env->cr[0] & CR0_WP))) {
        prot |= PAGE_WRITE;
    }
    return prot;
}

static const int needed[] = {
    [MMU_READ] = PAGE_READ, [MMU_WRITE] = PAGE_WRITE, [MMU_FETCH] = PAGE_EXEC,
};

static void fault(CPUX86State *env, uint32_t addr, MMUAccess access, bool user, uint32_t code)
{
    bool nx = (env->cr[4] & CR4_PAE) && (env->efer & (1 << 11));

    code |= (access == MMU_WRITE ? PF_W : 0) | (user ? PF_U : 0) |
            (access == MMU_FETCH && nx ? PF_I : 0);
    log_put(LOG_MMU, "page fault at %08x, code %x, eip %08x\n", addr, code, env->eip);
    env->cr[2] = addr;
    x86_note_exception(env, EXCP_PF, code);
}

/* 4.8: accessed in every entry used, dirty in the last one on a write. */
static void mark_used(CPUX86State *env, Walk *w, bool write)
{
    for (unsigned i = 0; i < w->num_entries; i++) {
        bool last = i == w->num_entries - 1;
        uint64_t e = w->entry[i] | PG_A | (last && write ? PG_D : 0);

        if (e != w->entry[i]) {
            cpu_stphys(x86_cpu(env), w->entry_addr[i] & (env->a20_mask | ~0xffffffffull),
                       e, w->entry_size);
        }
    }
    w->dirty |= write;
}

bool x86_unaligned(CPUState *cpu, vaddr *addr, uint32_t memop, MMUAccess access,
                   unsigned *rotate)
{
    (void)addr;
    (void)memop;
    (void)access;
    (void)rotate;
    x86_note_exception(x86_env(cpu), EXCP_GP, 0);
    return false;
}

bool x86_tlb_fill(CPUState *cpu, vaddr va, MMUAccess access, unsigned mmu_idx, bool probe)
{
    CPUX86State *env = x86_env(cpu);
    uint32_t addr = (uint32_t)va;
    bool user = mmu_idx == 1;
    Walk w;

    if (!(env->cr[0] & CR0_PG)) {
        uint32_t page = addr & ~0xfffu;

        tlb_set_page(cpu, page, page & env->a20_mask,
                     PAGE_READ | PAGE_WRITE | PAGE_EXEC, mmu_idx, TARGET_PAGE_SIZE);
        return true;
    }
    if (!walk(env, addr, &w)) {
        if (!probe) {
            fault(env, addr, access, user, w.fault);
        }
        return false;
    }
    int prot = page_rights(env, &w, user);
    if (!(prot & needed[access])) {
        if (!probe) {
            fault(env, addr, access, user, PF_P);
        }
        return false;
    }
    mark_used(env, &w, access == MMU_WRITE);
    if (!w.dirty) {
        prot &= ~PAGE_WRITE;
    }
    if (w.global && (env->cr[4] & CR4_PGE)) {
        prot |= PAGE_GLOBAL;
    }
    tlb_set_page(cpu, addr & ~0xfffu, w.phys & (env->a20_mask | ~0xffffffffull), prot,
                 mmu_idx, w.size);
    return true;
}

hwaddr x86_phys_page_debug(CPUState *cpu, vaddr page)
{
    CPUX86State *env = x86_env(cpu);
    Walk w;

    if (!(env->cr[0] & CR0_PG)) {
        return page & env->a20_mask & ~0xfffull;
    }
    return walk(env, (uint32_t)page, &w) ? w.phys & (env->a20_mask | ~0xffffffffull)
                                         : ~(hwaddr)0;
}

/* 4.4.1 */
void x86_load_pdptes(CPUX86State *env, uint32_t cr3, uintptr_t ra)
{
    const uint64_t reserved = (~PHYS_MASK) | 0x1e6;
    uint64_t pdpte[4];

    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = read_entry(env, (cr3 & ~0x1fu) + i * 8, 8);
        if ((pdpte[i] & PG_P) && (pdpte[i] & reserved)) {
            x86_raise_err(env, EXCP_GP, 0, ra);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        env->pdpte[i] = pdpte[i];
    }
}
