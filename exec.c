/* SPDX-License-Identifier: MIT */
/*
 * Software TLB and guest memory: the slow twin of what translated code does
 * inline, and what helpers use.
 *
 *   access -> get_access(): TLB slot -> victims -> CPUOps.tlb_fill -> Access
 *          -> watched? code there? device?  -> bytes
 *
 * The one idea: an Access is looked up, with all that can raise, for every page
 * that is touched before the first byte is moved.
 */
#include "exec.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hw/core/memory.h"
#include "jump-cache.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/log.h"

#define PAGE_OFFSET ((uint32_t)TARGET_PAGE_SIZE - 1)

enum { MIN_SUBPAGE_BITS = 10, SUBPAGE_SIZE = 1 << MIN_SUBPAGE_BITS };

_Static_assert(sizeof(CPUTLBEntry) == 16, "translated code scales by 16");
_Static_assert(sizeof(CPUJumpEntry) == 16, "and here");

/* -- Locking ----------------------------------------------------------------- */

static void tlb_acquire(CPUExec *x)
{
    while (__atomic_exchange_n(&x->tlb_lock, 1, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
}

static void tlb_release(CPUExec *x)
{
    __atomic_store_n(&x->tlb_lock, 0, __ATOMIC_RELEASE);
}

/* Devices are entered with the global lock; true if it was taken here. */
static bool enter_device(void)
{
    if (global_locked()) {
        return false;
    }
    global_lock();
    return true;
}

static void leave_device(bool taken)
{
    if (taken) {
        global_unlock();
    }
}

static uint64_t device_load(AddressSpace *as, hwaddr addr, unsigned size)
{
    bool taken = enter_device();
    uint64_t val = as_load(as, addr, size);

    leave_device(taken);
    return val;
}

static void device_store(AddressSpace *as, hwaddr addr, uint64_t val, unsigned size)
{
    bool taken = enter_device();

    as_store(as, addr, val, size);
    leave_device(taken);
}

/* -- Slots ------------------------------------------------------------------- */

static unsigned num_slots(const CPUState *cpu, unsigned mmu_idx)
{
    return cpu->common.tlb_mask[mmu_idx] / sizeof(CPUTLBEntry) + 1;
}

static unsigned slot_of(const CPUState *cpu, unsigned mmu_idx, uint32_t addr)
{
    return addr >> TARGET_PAGE_BITS & (num_slots(cpu, mmu_idx) - 1);
}

static void clear_entry(CPUTLBEntry *e, TLBFull *f)
{
    e->addr_read = e->addr_write = NO_TLB_PAGE;
    f->page = NO_TLB_PAGE;
    f->ram_addr = NO_PAGE;
}

static void clear_victims(TLBMode *m)
{
    for (unsigned i = 0; i < TLB_VICTIMS; i++) {
        clear_entry(&m->victim[i], &m->victim_full[i]);
    }
}

static void flush_all_slots(CPUState *cpu, unsigned mmu_idx)
{
    TLBMode *m = &cpu->common.exec->tlb[mmu_idx];
    CPUTLBEntry *e = cpu_tlb(cpu)->table[mmu_idx];

    for (unsigned i = 0; i < num_slots(cpu, mmu_idx); i++) {
        clear_entry(&e[i], &m->full[i]);
    }
}

/* What the log knows to have been filled; false if it does not know all. */
static bool flush_logged(CPUState *cpu, unsigned mmu_idx, SlotLog *log, bool global_too)
{
    TLBMode *m = &cpu->common.exec->tlb[mmu_idx];
    CPUTLBEntry *e = cpu_tlb(cpu)->table[mmu_idx];
    bool all = log->num <= SLOT_LOG;

    for (unsigned i = 0; all && i < log->num; i++) {
        TLBFull *f = &m->full[log->slot[i]];

        if (global_too || !(f->prot & PAGE_GLOBAL)) {
            clear_entry(&e[log->slot[i]], f);
        }
    }
    log->num = 0;
    return all;
}

static void flush_mode(CPUState *cpu, unsigned mmu_idx)
{
    TLBMode *m = &cpu->common.exec->tlb[mmu_idx];

    if (!m->used) {
        return;
    }
    m->used = false;
    bool done = flush_logged(cpu, mmu_idx, &m->log[0], true);

    done &= flush_logged(cpu, mmu_idx, &m->log[1], true);
    if (!done) {
        flush_all_slots(cpu, mmu_idx);
    }
    clear_victims(m);
    memset(m->large, 0, sizeof(m->large));
}

static void flush_nonglobal(CPUTLBEntry *e, TLBFull *f, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        if (!(f[i].prot & PAGE_GLOBAL)) {
            clear_entry(&e[i], &f[i]);
        }
    }
}

static void flush_mode_nonglobal(CPUState *cpu, unsigned mmu_idx)
{
    TLBMode *m = &cpu->common.exec->tlb[mmu_idx];

    if (!m->used) {
        return;
    }
    if (!flush_logged(cpu, mmu_idx, &m->log[0], false)) {
        flush_nonglobal(cpu_tlb(cpu)->table[mmu_idx], m->full, num_slots(cpu, mmu_idx));
    }
    flush_nonglobal(m->victim, m->victim_full, TLB_VICTIMS);
}

static void log_slot(TLBMode *m, unsigned slot, int prot)
{
    slot_log_add(&m->log[prot & PAGE_GLOBAL ? 1 : 0], slot);
}

void tlb_flush_idx(CPUState *cpu, uint32_t idxmap)
{
    CPUExec *x = cpu->common.exec;

    x->stat.tlb_flushes++;
    tlb_acquire(x);
    for (unsigned i = 0; i < NB_MMU_MODES; i++) {
        if (idxmap >> i & 1) {
            flush_mode(cpu, i);
        }
    }
    tlb_release(x);
    jump_cache_flush(cpu);
}

void tlb_flush(CPUState *cpu)
{
    tlb_flush_idx(cpu, ~0u);
}

void tlb_flush_nonglobal(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;

    x->stat.tlb_nonglobal_flushes++;
    tlb_acquire(x);
    for (unsigned i = 0; i < NB_MMU_MODES; i++) {
        flush_mode_nonglobal(cpu, i);
    }
    tlb_release(x);
    jump_cache_flush_nonglobal(cpu);
}

/* Is addr in the guest page, small or large, that f is a part of? */
static bool same_guest_page(const TLBFull *f, uint32_t addr)
{
    return f->page != NO_TLB_PAGE && !((f->page ^ addr) >> f->size_bits);
}

static bool flush_slots_of_page(CPUTLBEntry *e, TLBFull *f, unsigned num, uint32_t addr)
{
    bool large = false;

    for (unsigned i = 0; i < num; i++) {
        if (same_guest_page(&f[i], addr)) {
            large |= f[i].size_bits > TARGET_PAGE_BITS;
            clear_entry(&e[i], &f[i]);
        }
    }
    return large;
}

void tlb_flush_page(CPUState *cpu, vaddr page)
{
    CPUExec *x = cpu->common.exec;
    uint32_t addr = (uint32_t)(page & TARGET_PAGE_MASK);
    bool large = false;

    x->stat.tlb_page_flushes++;
    tlb_acquire(x);
    for (unsigned i = 0; i < NB_MMU_MODES; i++) {
        TLBMode *m = &x->tlb[i];
        CPUTLBEntry *e = cpu_tlb(cpu)->table[i];
        unsigned slot = slot_of(cpu, i, addr);

        if (!m->used) {
            continue;
        }
        if (m->large[addr >> 26] >> (addr >> 20 & 63) & 1) {
            large |= flush_slots_of_page(e, m->full, num_slots(cpu, i), addr);
        } else {
            flush_slots_of_page(&e[slot], &m->full[slot], 1, addr);
        }
        large |= flush_slots_of_page(m->victim, m->victim_full, TLB_VICTIMS, addr);
    }
    tlb_release(x);
    if (large) {
        jump_cache_flush(cpu);
    } else {
        jump_cache_flush_page(cpu, addr);
    }
}

void cpu_do_later(CPUState *cpu, uint32_t what)
{
    __atomic_or_fetch(&cpu->common.exec->pending, what, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->common.exit_request, 1, __ATOMIC_SEQ_CST);
}

static void note_cleaned(CPUTLBEntry *e, const TLBFull *f, unsigned num,
                         uint64_t start, uint64_t len)
{
    for (unsigned i = 0; i < num; i++) {
        if (f[i].ram_addr - start < len && !(e[i].addr_write & TLB_INVALID)) {
            __atomic_or_fetch(&e[i].addr_write, TLB_NOTDIRTY, __ATOMIC_SEQ_CST);
        }
    }
}

void tlb_ram_cleaned(CPUState *cpu, uint64_t ram_addr, uint64_t len)
{
    CPUExec *x = cpu->common.exec;

    tlb_acquire(x);
    for (unsigned i = 0; i < NB_MMU_MODES; i++) {
        if (!x->tlb[i].used) {
            continue;
        }
        note_cleaned(cpu_tlb(cpu)->table[i], x->tlb[i].full, num_slots(cpu, i),
                     ram_addr, len);
        note_cleaned(x->tlb[i].victim, x->tlb[i].victim_full, TLB_VICTIMS,
                     ram_addr, len);
    }
    tlb_release(x);
}

/* -- Filling ----------------------------------------------------------------- */

/* Too many conflicts among the last fills? */
static bool is_small(const CPUState *cpu, unsigned mmu_idx)
{
    const TLBMode *m = &cpu->common.exec->tlb[mmu_idx];
    unsigned num = num_slots(cpu, mmu_idx);

    return m->fills >= num && m->conflicts * 4 > m->fills && num < CPU_TLB_SIZE;
}

/* Then: twice the slots. */
static void maybe_grow(CPUState *cpu, unsigned mmu_idx)
{
    TLBMode *m = &cpu->common.exec->tlb[mmu_idx];
    unsigned num = num_slots(cpu, mmu_idx);

    if (m->fills < num) {
        return;
    }
    if (is_small(cpu, mmu_idx)) {
        flush_mode(cpu, mmu_idx);
        cpu->common.tlb_mask[mmu_idx] = (2 * num - 1) * sizeof(CPUTLBEntry);
        flush_all_slots(cpu, mmu_idx);
        cpu->common.exec->stat.tlb_resizes++;
    }
    m->fills = m->conflicts = 0;
}

static void make_victim(TLBMode *m, const CPUTLBEntry *e, const TLBFull *f)
{
    unsigned v = m->next_victim++ % TLB_VICTIMS;

    m->victim[v] = *e;
    m->victim_full[v] = *f;
}

static bool is_watched(const CPUExec *x, uint32_t page)
{
    for (unsigned i = 0; i < x->num_watches; i++) {
        const Watch *w = &x->watches[i];

        if (w->addr < page + (uint64_t)TARGET_PAGE_SIZE &&
            w->addr + (uint64_t)w->len > page) {
            return true;
        }
    }
    return false;
}

/* What one page of the physical map is to translated code. */
static void describe(const AddressSpace *mem, CPUTLBEntry *e, TLBFull *f)
{
    const Section *s = as_find(mem, f->phys);
    hwaddr offset = f->phys - s->start + s->offset;

    if (!s->region || s->region->kind == REGION_MMIO || (offset & PAGE_OFFSET) ||
        s->start > f->phys || s->end - f->phys < TARGET_PAGE_SIZE) {
        e->addr_read |= TLB_MMIO;
        e->addr_write |= TLB_MMIO;
        f->ram_addr = NO_PAGE;
        return;
    }
    f->ram_addr = s->region->ram->offset + offset;
    e->addend = (uintptr_t)s->region->ram->host + offset - f->page;
    if (s->readonly) {
        e->addr_write |= TLB_MMIO;
    } else if (!ram_all_dirty(f->ram_addr)) {
        e->addr_write |= TLB_NOTDIRTY;
    }
}

static void mark_large(TLBMode *m, uint32_t first, uint32_t last)
{
    for (uint32_t mib = first >> 20; mib <= last >> 20; mib++) {
        m->large[mib >> 6] |= 1ull << (mib & 63);
    }
}

void tlb_set_page(CPUState *cpu, vaddr page, hwaddr phys, int prot,
                  unsigned mmu_idx, uint64_t size)
{
    CPUExec *x = cpu->common.exec;
    TLBMode *m = &x->tlb[mmu_idx];
    TLBFull f = {
        .phys = size < TARGET_PAGE_SIZE ? phys - (page & PAGE_OFFSET)
                                        : phys & TARGET_PAGE_MASK,
        .page = (uint32_t)(page & TARGET_PAGE_MASK),
        .prot = (uint8_t)prot,
        .size_bits = (uint8_t)MIN(__builtin_ctzll(size | 1ull << 32), 31),
    };
    uint32_t slow = (x->options->no_fast_tlb || is_watched(x, f.page)) ? TLB_WATCH : 0;

    slow |= f.size_bits < TARGET_PAGE_BITS ? TLB_SUBPAGE : 0;
    CPUTLBEntry e = { .addr_read = f.page | slow, .addr_write = f.page | slow };

    assert(f.size_bits >= MIN_SUBPAGE_BITS);
    tlb_acquire(x);
    maybe_grow(cpu, mmu_idx);
    m->used = true;
    describe(x->mem, &e, &f);
    e.addr_read |= prot & PAGE_READ ? 0 : TLB_INVALID;
    e.addr_write |= prot & PAGE_WRITE ? 0 : TLB_INVALID;

    unsigned slot = slot_of(cpu, mmu_idx, f.page);
    CPUTLBEntry *at = &cpu_tlb(cpu)->table[mmu_idx][slot];

    m->fills++;
    flush_slots_of_page(m->victim, m->victim_full, TLB_VICTIMS, f.page);
    if (m->full[slot].page != NO_TLB_PAGE && m->full[slot].page != f.page &&
        m->full[slot].size_bits >= TARGET_PAGE_BITS) {
        m->conflicts++;
        make_victim(m, at, &m->full[slot]);
    }
    *at = e;
    m->full[slot] = f;
    if (f.size_bits > TARGET_PAGE_BITS) {
        uint32_t span = (1u << f.size_bits) - 1;

        mark_large(m, f.page & ~span, f.page | span);
    }
    log_slot(m, slot, prot);
    tlb_release(x);
}

static bool permits(const TLBFull *f, uint32_t page, MMUAccess access)
{
    static const uint8_t need[] = {
        [MMU_READ] = PAGE_READ, [MMU_WRITE] = PAGE_WRITE, [MMU_FETCH] = PAGE_EXEC,
    };

    return f->page == page && (f->prot & need[access]) && f->size_bits >= TARGET_PAGE_BITS;
}

/* Bring it back from the victims, if it is there. */
static bool revive(CPUState *cpu, unsigned mmu_idx, unsigned slot, uint32_t page,
                   MMUAccess access)
{
    CPUExec *x = cpu->common.exec;
    TLBMode *m = &x->tlb[mmu_idx];

    for (unsigned i = 0; i < TLB_VICTIMS; i++) {
        if (!permits(&m->victim_full[i], page, access)) {
            continue;
        }
        tlb_acquire(x);
        CPUTLBEntry *at = &cpu_tlb(cpu)->table[mmu_idx][slot];
        CPUTLBEntry e = m->victim[i];
        TLBFull f = m->victim_full[i];

        m->victim[i] = *at;
        m->victim_full[i] = m->full[slot];
        *at = e;
        m->full[slot] = f;
        log_slot(m, slot, f.prot);
        tlb_release(x);
        x->stat.tlb_victim_hits++;
        m->fills++;
        m->conflicts++;
        return true;
    }
    return false;
}

/* The slot that permits the access, filled if it must be.  Raises. */
static unsigned get_slot(CPUState *cpu, uint32_t addr, MMUAccess access,
                         unsigned mmu_idx, uintptr_t code_ra)
{
    CPUExec *x = cpu->common.exec;
    uint32_t page = addr & ~PAGE_OFFSET;
    unsigned slot = slot_of(cpu, mmu_idx, addr);

    /* Two pages that take turns in a slot would be revived for ever: a fill grows it. */
    if (permits(&x->tlb[mmu_idx].full[slot], page, access) ||
        (!is_small(cpu, mmu_idx) && revive(cpu, mmu_idx, slot, page, access))) {
        return slot;
    }
    x->stat.tlb_misses++;
    if (!cpu->common.ops->tlb_fill(cpu, addr, access, mmu_idx, false)) {
        exec_leave(cpu, code_ra);
    }
    slot = slot_of(cpu, mmu_idx, addr);
    assert(x->tlb[mmu_idx].full[slot].page == page);
    return slot;
}

/* -- Accesses ---------------------------------------------------------------- */

typedef struct Access {                 /* to part of one page */
    uint8_t *host;                      /* NULL: a device, or ROM to be written */
    hwaddr phys;
    uint64_t ram_addr;
    uint32_t addr, len;
    uint32_t flags;                     /* TLB_xxx */
} Access;

/* The debugger is told after the instruction, which runs again, alone. */
static void check_watch(CPUState *cpu, const Access *a, MMUAccess access,
                        uintptr_t code_ra)
{
    CPUExec *x = cpu->common.exec;

    for (unsigned i = 0; i < x->num_watches && !x->watch_hit; i++) {
        const Watch *w = &x->watches[i];

        if (!(access == MMU_WRITE ? w->write : w->read) ||
            w->addr >= a->addr + (uint64_t)a->len ||
            a->addr >= w->addr + (uint64_t)w->len) {
            continue;
        }
        x->watch_hit = true;
        x->watch = *w;
        x->one_insn = true;
        if (code_ra) {
            exec_leave(cpu, code_ra);
        }
    }
}

static Access get_access(CPUState *cpu, uint32_t addr, uint32_t len, MMUAccess access,
                         unsigned mmu_idx, uintptr_t code_ra)
{
    unsigned slot = get_slot(cpu, addr, access, mmu_idx, code_ra);
    const CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot];
    const TLBFull *f = &cpu->common.exec->tlb[mmu_idx].full[slot];
    uint32_t offset = addr & PAGE_OFFSET;
    Access a = {
        .phys = f->phys + offset,
        .ram_addr = f->ram_addr + offset,
        .addr = addr,
        .len = len,
        .flags = (access == MMU_WRITE ? e->addr_write : e->addr_read) & PAGE_OFFSET,
    };

    if (!(a.flags & TLB_MMIO)) {
        a.host = (uint8_t *)(e->addend + addr);
    }
    if (a.flags & TLB_WATCH) {
        check_watch(cpu, &a, access, code_ra);
    }
    return a;
}

/* Before RAM is written: code in it ends.  May leave. */
static void prepare_write(CPUState *cpu, const Access *a, uintptr_t code_ra)
{
    if ((a->flags & TLB_NOTDIRTY) && a->host) {
        cpu->common.exec->stat.notdirty_writes++;
        if (!ram_is_dirty(a->ram_addr, DIRTY_CODE)) {
            tb_invalidate_phys_range(cpu, a->ram_addr, a->len, code_ra);
        }
    }
}

static void clear_notdirty(CPUState *cpu, const Access *a, unsigned mmu_idx)
{
    CPUExec *x = cpu->common.exec;
    unsigned slot = slot_of(cpu, mmu_idx, a->addr);
    CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot];

    tlb_acquire(x);
    if (x->tlb[mmu_idx].full[slot].page == (a->addr & ~PAGE_OFFSET) &&
        ram_all_dirty(a->ram_addr)) {
        __atomic_and_fetch(&e->addr_write, ~(uint32_t)TLB_NOTDIRTY, __ATOMIC_SEQ_CST);
    }
    tlb_release(x);
}

static void finish_write(CPUState *cpu, const Access *a, unsigned mmu_idx)
{
    if ((a->flags & TLB_NOTDIRTY) && a->host) {
        ram_set_dirty(a->ram_addr, a->len);
        if (ram_all_dirty(a->ram_addr)) {
            clear_notdirty(cpu, a, mmu_idx);
        }
    }
}

/* Largest power of two not above n (1 .. 16), 8 at most. */
static unsigned piece(unsigned n)
{
    return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

/* One access to RAM is one access by the host, where it can be. */
static void copy(uint8_t *to, const uint8_t *from, unsigned n)
{
    switch (n) {
    case 1:
        *to = *from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, n);
        break;
    }
}

static void load_part(CPUState *cpu, const Access *a, uint8_t *buf)
{
    if (a->host) {
        copy(buf, a->host, a->len);
        return;
    }
    for (unsigned done = 0; done < a->len;) {
        unsigned n = piece(a->len - done);

        store_le(buf + done, device_load(cpu->common.exec->mem, a->phys + done, n), n);
        done += n;
    }
}

static void store_part(CPUState *cpu, const Access *a, const uint8_t *buf,
                       unsigned mmu_idx)
{
    if (a->host) {
        copy(a->host, buf, a->len);
        finish_write(cpu, a, mmu_idx);
        return;
    }
    for (unsigned done = 0; done < a->len;) {
        unsigned n = piece(a->len - done);

        device_store(cpu->common.exec->mem, a->phys + done, load_le(buf + done, n), n);
        done += n;
    }
}

static unsigned in_first_page(uint32_t addr, unsigned n)
{
    return MIN(n, TARGET_PAGE_SIZE - (addr & PAGE_OFFSET));
}

/* It ends in another small page than it begins in. */
static bool crosses_subpage(const Access *a)
{
    return (a->flags & TLB_SUBPAGE) && (a->addr & (SUBPAGE_SIZE - 1)) + a->len > SUBPAGE_SIZE;
}

static void load_bytes(CPUState *cpu, uint32_t addr, uint8_t *buf, unsigned n,
                       MMUAccess access, unsigned mmu_idx, uintptr_t code_ra)
{
    unsigned first = in_first_page(addr, n);
    Access a = get_access(cpu, addr, first, access, mmu_idx, code_ra);

    if (crosses_subpage(&a)) {
        for (unsigned i = 0; i < n; i++) {
            load_bytes(cpu, addr + i, buf + i, 1, access, mmu_idx, code_ra);
        }
        return;
    }
    if (first < n) {
        Access b = get_access(cpu, addr + first, n - first, access, mmu_idx, code_ra);

        load_part(cpu, &a, buf);
        load_part(cpu, &b, buf + first);
    } else {
        load_part(cpu, &a, buf);
    }
}

static void store_bytes(CPUState *cpu, uint32_t addr, const uint8_t *buf, unsigned n,
                        unsigned mmu_idx, uintptr_t code_ra)
{
    unsigned first = in_first_page(addr, n);
    Access a = get_access(cpu, addr, first, MMU_WRITE, mmu_idx, code_ra);

    if (crosses_subpage(&a)) {
        get_access(cpu, addr + n - 1, 1, MMU_WRITE, mmu_idx, code_ra);
        for (unsigned i = 0; i < n; i++) {
            store_bytes(cpu, addr + i, buf + i, 1, mmu_idx, code_ra);
        }
        return;
    }
    if (first < n) {
        Access b = get_access(cpu, addr + first, n - first, MMU_WRITE, mmu_idx, code_ra);

        prepare_write(cpu, &a, code_ra);
        prepare_write(cpu, &b, code_ra);
        store_part(cpu, &a, buf, mmu_idx);
        store_part(cpu, &b, buf + first, mmu_idx);
    } else {
        prepare_write(cpu, &a, code_ra);
        store_part(cpu, &a, buf, mmu_idx);
    }
}

/* -- The slow paths of translated code --------------------------------------- */

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* As memop says, from `size` low bytes. */
static uint64_t extend(uint64_t v, uint32_t memop, unsigned size)
{
    if (memop & MO_BSWAP) {
        v = swap(v, size);
    }
    if (memop & MO_SIGN) {
        unsigned up = 64 - 8 * size;

        v = (uint64_t)((int64_t)(v << up) >> up);
        if (!(memop & MO_I64) && size < 8) {
            v = (uint32_t)v;
        }
    }
    return v;
}

/* The address to go on at if MO_ALIGN forbids this one; *rotate: the result. */
static uint32_t aligned(CPUState *cpu, uint32_t addr, uint32_t memop, MMUAccess access,
                        unsigned *rotate, uintptr_t code_ra)
{
    vaddr at = addr;

    *rotate = 0;
    if ((addr & (tcg_alignment(memop) - 1)) && cpu->common.ops->unaligned &&
        !cpu->common.ops->unaligned(cpu, &at, memop, access, rotate)) {
        exec_leave(cpu, code_ra);
    }
    return (uint32_t)at;
}

static uint64_t load(CPUState *cpu, uint32_t addr, uint32_t memop, unsigned mmu_idx,
                     uintptr_t code_ra)
{
    unsigned size = 1u << (memop & MO_SIZE), rotate;
    MMUAccess access = memop & MO_RMW ? MMU_WRITE : MMU_READ;
    uint8_t buf[8];

    cpu->common.exec->stat.slow_accesses++;
    addr = aligned(cpu, addr, memop, access, &rotate, code_ra);
    load_bytes(cpu, addr, buf, size, access, mmu_idx, code_ra);
    uint64_t v = extend(load_le(buf, size), memop, size);

    return rotate ? ror32((uint32_t)v, rotate) : v;
}

/* Data on a page of code: the slow path's fast part. */
static bool store_beside_code(CPUState *cpu, uint32_t addr, const uint8_t *buf, unsigned size,
                              unsigned mmu_idx)
{
    CPUExec *x = cpu->common.exec;
    unsigned slot = slot_of(cpu, mmu_idx, addr);
    const CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot];
    uint64_t ram_addr = x->tlb[mmu_idx].full[slot].ram_addr + (addr & PAGE_OFFSET);

    if (e->addr_write != ((addr & ~PAGE_OFFSET) | TLB_NOTDIRTY) ||
        (addr & PAGE_OFFSET) + size > TARGET_PAGE_SIZE ||
        !tb_is_beside_code(x->tbs, ram_addr, size)) {
        return false;
    }
    x->stat.notdirty_writes++;
    copy((uint8_t *)(e->addend + addr), buf, size);
    ram_set_dirty(ram_addr, size);
    return true;
}

static void store(CPUState *cpu, uint32_t addr, uint64_t val, uint32_t memop,
                  unsigned mmu_idx, uintptr_t code_ra)
{
    unsigned size = 1u << (memop & MO_SIZE), rotate;
    uint8_t buf[8];

    cpu->common.exec->stat.slow_accesses++;
    addr = aligned(cpu, addr, memop, MMU_WRITE, &rotate, code_ra);
    store_le(buf, memop & MO_BSWAP ? swap(val, size) : val, size);
    if (!store_beside_code(cpu, addr, buf, size, mmu_idx)) {
        store_bytes(cpu, addr, buf, size, mmu_idx, code_ra);
    }
}

static uint64_t softmmu_ld(void *env, uint64_t addr, uint32_t memop, uint32_t mmu_idx,
                           uintptr_t ra)
{
    return load(env, (uint32_t)addr, memop, mmu_idx, ra);
}

static void softmmu_st(void *env, uint64_t addr, uint64_t val, uint32_t memop,
                       uint32_t mmu_idx, uintptr_t ra)
{
    store(env, (uint32_t)addr, val, memop, mmu_idx, ra);
}

static void softmmu_ld16(void *env, uint64_t addr, uint32_t memop, uint32_t mmu_idx,
                         uintptr_t ra, void *out)
{
    MMUAccess access = memop & MO_RMW ? MMU_WRITE : MMU_READ;
    unsigned rotate;
    uint32_t at = aligned(env, (uint32_t)addr, memop, access, &rotate, ra);

    load_bytes(env, at, out, 16, access, mmu_idx, ra);
}

static void softmmu_st16(void *env, uint64_t addr, const void *val, uint32_t memop,
                         uint32_t mmu_idx, uintptr_t ra)
{
    unsigned rotate;
    uint32_t at = aligned(env, (uint32_t)addr, memop, MMU_WRITE, &rotate, ra);

    store_bytes(env, at, val, 16, mmu_idx, ra);
}

void exec_fill_softmmu(TCGSoftMMU *mmu)
{
    mmu->ld = softmmu_ld;
    mmu->st = softmmu_st;
    mmu->ld16 = softmmu_ld16;
    mmu->st16 = softmmu_st16;
}

/* -- Leaving ----------------------------------------------------------------- */

static uintptr_t to_code(CPUState *cpu, uintptr_t ra)
{
    return ra ? tcg_helper_ra(tb_tcg(cpu->common.exec->tbs), ra) : 0;
}

_Noreturn void exec_leave(CPUState *cpu, uintptr_t code_ra)
{
    if (code_ra) {
        tb_restore_state(cpu, code_ra);
    }
    cpu_loop_exit(cpu);
}

_Noreturn void cpu_loop_exit(CPUState *cpu)
{
    longjmp(cpu->common.exec->jmp, 1);
}

_Noreturn void cpu_loop_exit_restore(CPUState *cpu, uintptr_t ra)
{
    exec_leave(cpu, to_code(cpu, ra));
}

bool cpu_restore_state(CPUState *cpu, uintptr_t ra)
{
    return ra && tb_restore_state(cpu, to_code(cpu, ra));
}

/* -- Guest memory for helpers ------------------------------------------------ */

/* Host address if the fast part of the TLB says so, else NULL. */
static inline uint8_t *fast_host(CPUState *cpu, uint32_t addr, unsigned len, MMUAccess access,
                          unsigned mmu_idx)
{
    const CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot_of(cpu, mmu_idx, addr)];
    uint32_t have = access == MMU_WRITE ? e->addr_write : e->addr_read;

    if (have != (addr & ~PAGE_OFFSET) || (addr & PAGE_OFFSET) + len > TARGET_PAGE_SIZE) {
        return NULL;
    }
    return (uint8_t *)(e->addend + addr);
}

uint64_t cpu_ld(CPUState *cpu, vaddr addr, uint32_t memop, unsigned mmu_idx,
                uintptr_t ra)
{
    unsigned size = 1u << (memop & MO_SIZE);
    const uint8_t *p = fast_host(cpu, (uint32_t)addr, size,
                                 memop & MO_RMW ? MMU_WRITE : MMU_READ, mmu_idx);

    if (!p) {
        return load(cpu, (uint32_t)addr, memop, mmu_idx, to_code(cpu, ra));
    }
    switch (memop & (MO_SIZE | MO_SIGN | MO_BSWAP)) {
    case MO_8:
        return *p;
    case MO_16:
        return load_le(p, 2);
    case MO_32:
        return load_le(p, 4);
    case MO_64:
        return load_le(p, 8);
    default:
        return extend(load_le(p, size), memop, size);
    }
}

void cpu_st(CPUState *cpu, vaddr addr, uint64_t val, uint32_t memop,
            unsigned mmu_idx, uintptr_t ra)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint8_t *p = fast_host(cpu, (uint32_t)addr, size, MMU_WRITE, mmu_idx);

    if (!p) {
        store(cpu, (uint32_t)addr, val, memop, mmu_idx, to_code(cpu, ra));
        return;
    }
    switch (memop & (MO_SIZE | MO_BSWAP)) {
    case MO_8:
        *p = (uint8_t)val;
        break;
    case MO_16:
        store_le(p, val, 2);
        break;
    case MO_32:
        store_le(p, val, 4);
        break;
    case MO_64:
        store_le(p, val, 8);
        break;
    default:
        store_le(p, swap(val, size), size);
        break;
    }
}

void *cpu_probe(CPUState *cpu, vaddr addr, unsigned len, MMUAccess access,
                unsigned mmu_idx, uintptr_t ra)
{
    assert((addr & PAGE_OFFSET) + len <= TARGET_PAGE_SIZE);
    if (access != MMU_FETCH) {
        uint8_t *p = fast_host(cpu, (uint32_t)addr, len, access, mmu_idx);

        if (p) {
            return p;
        }
    }
    uintptr_t code_ra = to_code(cpu, ra);
    unsigned slot = get_slot(cpu, (uint32_t)addr, access, mmu_idx, code_ra);
    const CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot];
    uint32_t have = access == MMU_WRITE ? e->addr_write : e->addr_read;
    bool watched = (have & TLB_WATCH) && is_watched(cpu->common.exec,
                                                    (uint32_t)(addr & TARGET_PAGE_MASK));

    if ((have & (TLB_MMIO | TLB_SUBPAGE)) || watched) {
        return NULL;
    }
    Access a = get_access(cpu, (uint32_t)addr, len, access, mmu_idx, code_ra);

    if (access == MMU_WRITE) {
        prepare_write(cpu, &a, code_ra);
        finish_write(cpu, &a, mmu_idx);
    }
    return a.host;
}

/* Physical RAM for a page walk, without the global lock. */
static uint8_t *phys_ram(CPUState *cpu, hwaddr addr, unsigned size, bool write)
{
    uint64_t len = size;
    uint8_t *p = as_ram(cpu->common.exec->mem, addr, &len, write);

    return len == size ? p : NULL;
}

uint64_t cpu_ldphys(CPUState *cpu, hwaddr addr, unsigned size)
{
    const uint8_t *p = phys_ram(cpu, addr, size, false);
    uint64_t v = 0;

    if (!p) {
        return device_load(cpu->common.exec->mem, addr, size);
    }
    copy((uint8_t *)&v, p, size);
    return load_le(&v, 8);
}

void cpu_stphys(CPUState *cpu, hwaddr addr, uint64_t val, unsigned size)
{
    uint8_t *p = phys_ram(cpu, addr, size, true);
    uint8_t buf[8];

    if (!p) {
        device_store(cpu->common.exec->mem, addr, val, size);
        return;
    }
    store_le(buf, val, 8);
    copy(p, buf, size);
    as_ram_written(cpu->common.exec->mem, addr, size);
}

bool cpu_phys_exists(CPUState *cpu, hwaddr addr)
{
    return as_find(cpu->common.exec->mem, addr)->region;
}

uint32_t cpu_in(CPUState *cpu, uint32_t port, unsigned size)
{
    uint32_t val = ~0u >> (32 - 8 * size);

    if (cpu->common.exec->io) {
        val = (uint32_t)device_load(cpu->common.exec->io, port, size);
    }
    if (log_on(LOG_IOPORT)) {
        log_put(LOG_IOPORT, "in%u  %04x -> %0*x\n", size, port, (int)size * 2, val);
    }
    return val;
}

void cpu_out(CPUState *cpu, uint32_t port, uint32_t val, unsigned size)
{
    if (log_on(LOG_IOPORT)) {
        log_put(LOG_IOPORT, "out%u %04x <- %0*x\n", size, port, (int)size * 2, val);
    }
    if (cpu->common.exec->io) {
        device_store(cpu->common.exec->io, port, val, size);
    }
}

int64_t cpu_clock_ns(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;

    return x->clock ? clock_now_paced(x->clock, &x->pace) : 0;
}

/* -- Instruction fetch ------------------------------------------------------- */

void code_lookup(CPUState *cpu, uint32_t addr, unsigned mmu_idx, CodePage *p)
{
    unsigned slot = get_slot(cpu, addr, MMU_FETCH, mmu_idx, 0);
    const TLBFull *f = &cpu->common.exec->tlb[mmu_idx].full[slot];
    const CPUTLBEntry *e = &cpu_tlb(cpu)->table[mmu_idx][slot];

    *p = (CodePage){
        .page = f->page, .global = f->prot & PAGE_GLOBAL,
        .ram_addr = f->ram_addr, .phys = f->phys,
    };
    if (f->size_bits < TARGET_PAGE_BITS) {      /* fetch by fetch, as from a device */
        p->ram_addr = NO_PAGE;
    } else if (f->ram_addr != NO_PAGE) {
        p->host = (const uint8_t *)(e->addend + f->page);
    }
}

void code_begin(CPUState *cpu, unsigned mmu_idx)
{
    CPUExec *x = cpu->common.exec;

    x->code[0].page = x->code[1].page = NO_TLB_PAGE;
    x->code_mmu_idx = mmu_idx;
}

/* A page the block has not read from yet. */
static const CodePage *new_code_page(CPUState *cpu, uint32_t addr)
{
    CPUExec *x = cpu->common.exec;
    CodePage p;

    code_lookup(cpu, addr, x->code_mmu_idx, &p);
    if (p.ram_addr != NO_PAGE) {
        tb_watch_page(x->tbs, p.ram_addr);      /* before the first byte is read */
    }
    CodePage *to = &x->code[x->code[0].page != NO_TLB_PAGE];

    *to = p;
    return to;
}

static const CodePage *code_page(CPUState *cpu, uint32_t addr)
{
    const CodePage *p = cpu->common.exec->code;
    uint32_t page = addr & ~PAGE_OFFSET;

    return p[0].page == page ? &p[0] : p[1].page == page ? &p[1]
         : new_code_page(cpu, addr);
}

uint8_t cpu_code_u8(CPUState *cpu, vaddr linear)
{
    const CodePage *p = code_page(cpu, (uint32_t)linear);
    uint32_t offset = linear & PAGE_OFFSET;

    return p->host ? p->host[offset]
         : (uint8_t)device_load(cpu->common.exec->mem, p->phys + offset, 1);
}

static uint32_t code_bytes(CPUState *cpu, vaddr linear, unsigned n)
{
    const CodePage *p = code_page(cpu, (uint32_t)linear);
    uint32_t offset = linear & PAGE_OFFSET, v = 0;

    if (p->host && offset + n <= TARGET_PAGE_SIZE) {
        return (uint32_t)load_le(p->host + offset, n);
    }
    for (unsigned i = 0; i < n; i++) {
        v |= (uint32_t)cpu_code_u8(cpu, linear + i) << (8 * i);
    }
    return v;
}

uint16_t cpu_code_u16(CPUState *cpu, vaddr linear)
{
    return (uint16_t)code_bytes(cpu, linear, 2);
}

uint32_t cpu_code_u32(CPUState *cpu, vaddr linear)
{
    return code_bytes(cpu, linear, 4);
}

/* -- Debuggers --------------------------------------------------------------- */

bool cpu_breakpoint_on_page(CPUState *cpu, vaddr addr)
{
    const CPUExec *x = cpu->common.exec;

    for (unsigned i = 0; i < x->num_breaks; i++) {
        if (!((x->breaks[i] ^ (uint32_t)addr) >> TARGET_PAGE_BITS)) {
            return true;
        }
    }
    return false;
}

int cpu_breakpoint_insert(CPUState *cpu, vaddr addr)
{
    CPUExec *x = cpu->common.exec;

    if (x->num_breaks == MAX_BREAKS) {
        return -ENOSPC;
    }
    x->breaks[x->num_breaks++] = (uint32_t)addr;
    tb_flush(x->tbs);
    return 0;
}

int cpu_breakpoint_remove(CPUState *cpu, vaddr addr)
{
    CPUExec *x = cpu->common.exec;

    for (unsigned i = 0; i < x->num_breaks; i++) {
        if (x->breaks[i] == (uint32_t)addr) {
            x->breaks[i] = x->breaks[--x->num_breaks];
            tb_flush(x->tbs);
            return 0;
        }
    }
    return -ENOENT;
}

int cpu_watchpoint_insert(CPUState *cpu, vaddr addr, uint32_t len, bool read, bool write)
{
    CPUExec *x = cpu->common.exec;

    if (x->num_watches == MAX_WATCHES) {
        return -ENOSPC;
    }
    x->watches[x->num_watches++] = (Watch){ (uint32_t)addr, len, read, write };
    tlb_flush(cpu);
    return 0;
}

int cpu_watchpoint_remove(CPUState *cpu, vaddr addr, uint32_t len, bool read, bool write)
{
    CPUExec *x = cpu->common.exec;

    for (unsigned i = 0; i < x->num_watches; i++) {
        const Watch *w = &x->watches[i];

        if (w->addr == (uint32_t)addr && w->len == len && w->read == read &&
            w->write == write) {
            x->watches[i] = x->watches[--x->num_watches];
            tlb_flush(cpu);
            return 0;
        }
    }
    return -ENOENT;
}

bool cpu_watchpoint_take(CPUState *cpu, Watch *w)
{
    CPUExec *x = cpu->common.exec;
    bool told = x->watch_told;

    x->watch_told = false;
    *w = x->watch;
    return told;
}

void cpu_single_step(CPUState *cpu, bool on)
{
    cpu->common.exec->step = on;
}

void cpu_single_step_irqs(CPUState *cpu, bool on)
{
    cpu->common.exec->step_irqs = on;
}

void cpu_hold(CPUState *cpu, bool on)
{
    cpu->common.exec->held = on;
}

int cpu_memory_rw_debug(CPUState *cpu, vaddr addr, void *buf, uint64_t len, bool write)
{
    AddressSpace *mem = cpu->common.exec->mem;

    for (uint8_t *p = buf; len;) {
        uint64_t n = MIN(len, TARGET_PAGE_SIZE - (addr & PAGE_OFFSET));
        hwaddr phys = cpu->common.ops->phys_page_debug(cpu, addr & TARGET_PAGE_MASK);

        if (phys == ~(hwaddr)0) {
            return -EFAULT;
        }
        phys |= addr & PAGE_OFFSET;
        if (write) {
            as_write_rom(mem, phys, p, n);
        } else {
            as_read(mem, phys, p, n);
        }
        addr += n;
        p += n;
        len -= n;
    }
    return 0;
}

/* -- Life -------------------------------------------------------------------- */

void cpu_exec_init(CPUState *cpu)
{
    for (unsigned i = 0; i < NB_MMU_MODES; i++) {
        cpu->common.tlb_mask[i] = (TLB_START - 1) * sizeof(CPUTLBEntry);
        cpu->common.exec->tlb[i].used = true;
        flush_mode(cpu, i);
        flush_all_slots(cpu, i);
    }
    code_begin(cpu, 0);
    cpu->common.exception_index = EXCP_NONE;
    jump_cache_init(cpu);
}

void cpu_exec_destroy(CPUState *cpu)
{
    free(cpu->common.exec);
    cpu->common.exec = NULL;
}
