/* SPDX-License-Identifier: MIT */
/*
 * RAM, dirty bits, regions, and the section table they make.
 *
 *   mapped regions --build()--> SectionTable --as_find()--> one Section
 *   (priority order)            (sorted, gapless)
 *
 * The one idea: a table is never modified.  A change builds a new one and
 * swaps a pointer, so the processor's thread looks addresses up without a lock
 * while the main thread moves a BAR.  The old table is freed when that thread
 * says it holds nothing of it (as_reclaim).
 *
 * Dirty bits are kept inverted, one byte per page with a bit per client that
 * has seen it clean: all zero, a fresh mapping, means all dirty.
 *
 * A callback that takes only wide accesses is given a narrow one as the word
 * around it: read, merged, written.
 */
#include "hw/core/memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    MAX_RAM_BITS = 40,                  /* bytes in the space of all RAM */
    HUGE_PAGE = 2 << 20,
    NUM_RECENT = 64,
    MAX_ALIASES = 8,                    /* aliases of aliases */
};

typedef struct SectionTable {
    struct SectionTable *next;          /* retired ones */
    unsigned num;
    uint16_t recent[NUM_RECENT];        /* by hash of address: last found */
    Section s[];
} SectionTable;

/* What belongs to the process, not to one address space. */
static struct Memory {
    RAMBlock *blocks;
    uint64_t ram_end;                   /* first free ram_addr */
    uint8_t *clean;                     /* by page; bits by DirtyClient */
    void (*cleaned)(void *opaque, uint64_t ram_addr, uint64_t len);
    void *cleaned_opaque;
    AddressSpace *spaces;
} memory;

/* -- RAM --------------------------------------------------------------------- */

/* Zeroed, aligned so that the host can use its large pages. */
static uint8_t *map_memory(uint64_t size)
{
    size_t align = size >= HUGE_PAGE ? HUGE_PAGE : RAM_PAGE_SIZE;
    size_t len = size + align;
    uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }
    size_t head = -(uintptr_t)p & (align - 1);

    if (head) {
        munmap(p, head);
    }
    if (align > head) {
        munmap(p + head + size, align - head);
    }
    if (align == HUGE_PAGE) {
        madvise(p + head, size, MADV_HUGEPAGE);
    }
    return p + head;
}

RAMBlock *ram_block_new(const char *name, uint64_t size)
{
    size = align_up(size, RAM_PAGE_SIZE);
    if (!size || size > (1ull << MAX_RAM_BITS) - memory.ram_end) {
        return NULL;
    }
    if (!memory.clean) {
        memory.clean = map_memory(1ull << (MAX_RAM_BITS - RAM_PAGE_BITS));
    }
    uint8_t *host = memory.clean ? map_memory(size) : NULL;

    if (!host) {
        return NULL;
    }
    RAMBlock *b = xzalloc(sizeof(*b));
    RAMBlock **p = &memory.blocks;

    *b = (RAMBlock){ .name = name, .host = host, .offset = memory.ram_end,
                     .size = size };
    memory.ram_end += size;
    while (*p) {
        p = &(*p)->next;
    }
    *p = b;
    return b;
}

RAMBlock *ram_block_first(void)
{
    return memory.blocks;
}

RAMBlock *ram_block_at(uint64_t ram_addr)
{
    for (RAMBlock *b = memory.blocks; b; b = b->next) {
        if (ram_addr - b->offset < b->size) {
            return b;
        }
    }
    return NULL;
}

static uint8_t *clean_byte(uint64_t ram_addr)
{
    assert(ram_addr < memory.ram_end);
    return &memory.clean[ram_addr >> RAM_PAGE_BITS];
}

static uint8_t get_clean(uint64_t ram_addr)
{
    return __atomic_load_n(clean_byte(ram_addr), __ATOMIC_SEQ_CST);
}

bool ram_is_dirty(uint64_t ram_addr, DirtyClient c)
{
    return !(get_clean(ram_addr) >> c & 1);
}

bool ram_all_dirty(uint64_t ram_addr)
{
    return get_clean(ram_addr) == 0;
}

static void clear_clean(uint64_t ram_addr, uint8_t mask)
{
    if (get_clean(ram_addr) & mask) {
        __atomic_and_fetch(clean_byte(ram_addr), (uint8_t)~mask, __ATOMIC_SEQ_CST);
    }
}

void ram_set_dirty(uint64_t ram_addr, uint64_t len)
{
    uint64_t end = ram_addr + len;

    for (uint64_t a = align_down(ram_addr, RAM_PAGE_SIZE); a < end; a += RAM_PAGE_SIZE) {
        clear_clean(a, (uint8_t)~(1u << DIRTY_CODE));
    }
}

void ram_set_dirty_client(uint64_t ram_addr, DirtyClient c)
{
    clear_clean(ram_addr, (uint8_t)(1u << c));
}

bool ram_test_clear_dirty(uint64_t ram_addr, uint64_t len, DirtyClient c)
{
    uint64_t start = align_down(ram_addr, RAM_PAGE_SIZE), end = ram_addr + len;
    uint8_t bit = (uint8_t)(1u << c);
    bool dirty = false;

    for (uint64_t a = start; a < end; a += RAM_PAGE_SIZE) {
        if (!(get_clean(a) & bit)) {
            __atomic_or_fetch(clean_byte(a), bit, __ATOMIC_SEQ_CST);
            dirty = true;
        }
    }
    if (dirty && memory.cleaned) {
        memory.cleaned(memory.cleaned_opaque, start, end - start);
    }
    return dirty;
}

void ram_set_cleaned_hook(void (*fn)(void *opaque, uint64_t ram_addr, uint64_t len),
                          void *opaque)
{
    memory.cleaned = fn;
    memory.cleaned_opaque = opaque;
}

/* -- Regions ----------------------------------------------------------------- */

static void init_backed(MemoryRegion *r, const char *name, RegionKind kind,
                        RAMBlock *ram)
{
    *r = (MemoryRegion){ .name = name, .kind = kind, .size = ram->size, .ram = ram };
}

void region_init_ram(MemoryRegion *r, const char *name, RAMBlock *ram)
{
    init_backed(r, name, REGION_RAM, ram);
}

void region_init_rom(MemoryRegion *r, const char *name, RAMBlock *ram)
{
    init_backed(r, name, REGION_ROM, ram);
}

void region_init_io(MemoryRegion *r, const char *name, uint64_t size,
                    const MemoryRegionOps *ops, void *opaque)
{
    *r = (MemoryRegion){ .name = name, .kind = REGION_MMIO, .size = size,
                         .ops = ops, .opaque = opaque };
}

void region_init_alias(MemoryRegion *r, const char *name, MemoryRegion *target,
                       hwaddr offset, uint64_t size)
{
    *r = (MemoryRegion){ .name = name, .kind = REGION_ALIAS, .size = size,
                         .target = target, .target_offset = offset };
}

/* What a mapped region shows: `size` bytes of `region` from `offset`. */
typedef struct View {
    MemoryRegion *region;
    hwaddr offset;
    uint64_t size;
    bool readonly;
} View;

static bool resolve(MemoryRegion *r, View *v)
{
    *v = (View){ .size = r->size };
    for (int depth = 0; r->kind == REGION_ALIAS; depth++) {
        if (r->disabled || depth == MAX_ALIASES) {
            return false;
        }
        v->readonly |= r->readonly;
        v->offset += r->target_offset;
        r = r->target;
        if (v->offset >= r->size) {
            return false;
        }
        v->size = MIN(v->size, r->size - v->offset);
    }
    v->region = r;
    v->readonly |= r->kind == REGION_ROM;
    return !r->disabled && v->size;
}

/* -- Section tables ---------------------------------------------------------- */

static int compare_points(const void *a, const void *b)
{
    hwaddr x = *(const hwaddr *)a, y = *(const hwaddr *)b;

    return (x > y) - (x < y);
}

/* All addresses where the answer may change, sorted, with repetitions. */
static hwaddr *find_points(const AddressSpace *as, unsigned *num)
{
    unsigned n = 2;

    for (const MemoryRegion *r = as->mapped; r; r = r->next) {
        n += 2;
    }
    hwaddr *points = xcalloc(n, sizeof(*points));

    n = 0;
    points[n++] = 0;
    points[n++] = as->size;
    for (MemoryRegion *r = as->mapped; r; r = r->next) {
        View v;

        if (resolve(r, &v) && r->addr < as->size) {
            points[n++] = r->addr;
            points[n++] = r->addr + MIN(v.size, as->size - r->addr);
        }
    }
    qsort(points, n, sizeof(*points), compare_points);
    *num = n;
    return points;
}

static Section what_answers(const AddressSpace *as, hwaddr start, hwaddr end)
{
    Section s = { .start = start, .end = end };

    for (MemoryRegion *r = as->mapped; r; r = r->next) {
        View v;

        if (start >= r->addr && resolve(r, &v) && start - r->addr < v.size) {
            s.region = v.region;
            s.offset = v.offset + (start - r->addr);
            s.readonly = v.readonly;
            break;
        }
    }
    return s;
}

static bool continues(const Section *a, const Section *b)
{
    return a->region == b->region && a->readonly == b->readonly &&
           (!a->region || a->offset + (a->end - a->start) == b->offset);
}

static SectionTable *build(const AddressSpace *as)
{
    unsigned num;
    hwaddr *points = find_points(as, &num);
    SectionTable *t = xzalloc(sizeof(*t) + num * sizeof(Section));

    for (unsigned i = 0; i + 1 < num; i++) {
        if (points[i] == points[i + 1]) {
            continue;
        }
        Section s = what_answers(as, points[i], points[i + 1]);

        if (t->num && continues(&t->s[t->num - 1], &s)) {
            t->s[t->num - 1].end = s.end;
        } else {
            t->s[t->num++] = s;
        }
    }
    assert(t->num < UINT16_MAX);
    free(points);
    return t;
}

static SectionTable *table_of(const AddressSpace *as)
{
    return container_of(__atomic_load_n(&as->sections, __ATOMIC_ACQUIRE),
                        SectionTable, s);
}

void as_reclaim(AddressSpace *as)
{
    while (as->retired) {
        SectionTable *t = as->retired;

        as->retired = t->next;
        free(t);
    }
}

static void rebuild(AddressSpace *as)
{
    if (as->batch) {
        as->stale = true;
        return;
    }
    SectionTable *old = as->sections ? table_of(as) : NULL;
    SectionTable *t = build(as);

    as->stale = false;
    as->num_sections = t->num;
    __atomic_store_n(&as->sections, t->s, __ATOMIC_RELEASE);
    if (old) {
        old->next = as->retired;
        as->retired = old;
    }
    if (as->changed) {
        as->changed(as->opaque);
    } else {
        as_reclaim(as);
    }
}

static bool shows(const AddressSpace *as, const MemoryRegion *r)
{
    for (const MemoryRegion *m = as->mapped; m; m = m->next) {
        const MemoryRegion *t = m;

        for (int i = 0; t && i <= MAX_ALIASES; i++, t = t->target) {
            if (t == r) {
                return true;
            }
        }
    }
    return false;
}

static void region_changed(MemoryRegion *r)
{
    for (AddressSpace *as = memory.spaces; as; as = as->next) {
        if (shows(as, r)) {
            rebuild(as);
        }
    }
}

void region_map(AddressSpace *as, MemoryRegion *r, hwaddr addr, int priority)
{
    MemoryRegion **p = &as->mapped;

    assert(!r->as);
    r->as = as;
    r->addr = addr;
    r->priority = priority;
    while (*p && (*p)->priority > priority) {
        p = &(*p)->next;
    }
    r->next = *p;
    *p = r;
    rebuild(as);
}

void region_unmap(MemoryRegion *r)
{
    AddressSpace *as = r->as;

    if (!as) {
        return;
    }
    for (MemoryRegion **p = &as->mapped; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            break;
        }
    }
    r->as = NULL;
    r->next = NULL;
    rebuild(as);
}

void region_set_disabled(MemoryRegion *r, bool disabled)
{
    if (r->disabled != disabled) {
        r->disabled = disabled;
        region_changed(r);
    }
}

void region_set_readonly(MemoryRegion *r, bool readonly)
{
    bool was = r->kind == REGION_ALIAS ? r->readonly : r->kind == REGION_ROM;

    assert(r->kind != REGION_MMIO);
    if (was == readonly) {
        return;
    }
    if (r->kind == REGION_ALIAS) {
        r->readonly = readonly;
    } else {
        r->kind = readonly ? REGION_ROM : REGION_RAM;
    }
    region_changed(r);
}

void region_set_rom_mode(MemoryRegion *r, bool on)
{
    RegionKind kind = on ? REGION_ROM : REGION_MMIO;

    assert(r->ops && r->ram && r->size <= r->ram->size);
    if (r->kind != kind) {
        r->kind = kind;
        region_changed(r);
    }
}

/* -- Address spaces ---------------------------------------------------------- */

AddressSpace *as_new(const char *name, hwaddr size)
{
    AddressSpace *as = xzalloc(sizeof(*as));

    as->name = name;
    as->size = size;
    as->next = memory.spaces;
    memory.spaces = as;
    rebuild(as);
    return as;
}

void as_free(AddressSpace *as)
{
    if (!as) {
        return;
    }
    for (AddressSpace **p = &memory.spaces; *p; p = &(*p)->next) {
        if (*p == as) {
            *p = as->next;
            break;
        }
    }
    while (as->mapped) {
        MemoryRegion *r = as->mapped;

        as->mapped = r->next;
        r->as = NULL;
        r->next = NULL;
    }
    as_reclaim(as);
    free(table_of(as));
    free(as);
}

void as_begin(AddressSpace *as)
{
    as->batch++;
}

void as_commit(AddressSpace *as)
{
    assert(as->batch > 0);
    as->batch--;
    if (!as->batch && as->stale) {
        rebuild(as);
    }
}

static unsigned search(const SectionTable *t, hwaddr addr)
{
    unsigned lo = 0, hi = t->num - 1;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (addr < t->s[mid].end) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

const Section *as_find(const AddressSpace *as, hwaddr addr)
{
    static const Section beyond = { .start = 0, .end = ~(hwaddr)0 };
    SectionTable *t = table_of(as);
    uint16_t *recent = &t->recent[(addr >> 3 ^ addr >> 16) % NUM_RECENT];
    unsigned i = __atomic_load_n(recent, __ATOMIC_RELAXED);
    const Section *s = &t->s[i];

    if (addr >= s->start && addr < s->end) {
        return s;
    }
    if (addr >= as->size) {
        return &beyond;
    }
    i = search(t, addr);
    __atomic_store_n(recent, (uint16_t)i, __ATOMIC_RELAXED);
    return &t->s[i];
}

/* -- One access -------------------------------------------------------------- */

static uint64_t ones(unsigned size)
{
    return ~0ull >> (64 - 8 * size);
}

static bool is_ram(const Section *s)
{
    return s->region && s->region->kind != REGION_MMIO;
}

static uint8_t *host_at(const Section *s, hwaddr addr)
{
    return s->region->ram->host + s->offset + (addr - s->start);
}

static unsigned smallest(const MemoryRegion *r)
{
    return r->ops->min ? r->ops->min : 1;
}

static unsigned largest(const MemoryRegion *r)
{
    return r->ops->max ? r->ops->max : 4;
}

static uint64_t io_read(const MemoryRegion *r, hwaddr offset, unsigned size)
{
    unsigned min = smallest(r), max = largest(r), shift = 0;

    if (!r->ops->read) {
        return ones(size);
    }
    if (size < min) {
        unsigned at = offset & (min - 1);

        if (at + size <= min) {
            return r->ops->read(r->opaque, offset - at, min) >> (8 * at) & ones(size);
        }
        max = 1;
    }
    if (size <= max) {
        return r->ops->read(r->opaque, offset, size) & ones(size);
    }
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i += max, shift += 8 * max) {
        val |= io_read(r, offset + i, max) << shift;
    }
    return val;
}

static void io_write(const MemoryRegion *r, hwaddr offset, uint64_t val,
                     unsigned size)
{
    unsigned min = smallest(r), max = largest(r);

    if (!r->ops->write) {
        return;
    }
    if (size < min) {
        unsigned at = offset & (min - 1);

        if (at + size <= min) {
            uint64_t mask = ones(size) << (8 * at);
            uint64_t old = io_read(r, offset - at, min);

            r->ops->write(r->opaque, offset - at,
                          (old & ~mask) | (val << (8 * at) & mask), min);
            return;
        }
        max = 1;
    }
    if (size <= max) {
        r->ops->write(r->opaque, offset, val & ones(size), size);
        return;
    }
    for (unsigned i = 0; i < size; i += max) {
        io_write(r, offset + i, val >> (8 * i) & ones(max), max);
    }
}

static uint64_t load_host(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1:
        return *p;
    case 2:
        return load_le(p, 2);
    case 4:
        return load_le(p, 4);
    default:
        return load_le(p, 8);
    }
}

static void store_host(uint8_t *p, uint64_t val, unsigned size)
{
    switch (size) {
    case 1:
        *p = (uint8_t)val;
        break;
    case 2:
        store_le(p, val, 2);
        break;
    case 4:
        store_le(p, val, 4);
        break;
    default:
        store_le(p, val, 8);
        break;
    }
}

void region_written(AddressSpace *as, const MemoryRegion *r, hwaddr offset, uint64_t len)
{
    uint64_t start = r->ram->offset + offset, end = start + len;

    ram_set_dirty(start, len);
    /* The translator clears DIRTY_CODE before it reads code: either it reads
     * the new bytes, or its clearing is seen here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint64_t a = align_down(start, RAM_PAGE_SIZE); a < end; a += RAM_PAGE_SIZE) {
        if (!ram_is_dirty(a, DIRTY_CODE) && as->code_written) {
            as->code_written(as->opaque, start, len);
            break;
        }
    }
}

/* RAM in s was written: tell whoever looks at it. */
static void written(AddressSpace *as, const Section *s, hwaddr addr, uint64_t len)
{
    region_written(as, s->region, s->offset + (addr - s->start), len);
}

/* Memory to read, a device to write. */
static bool takes_writes(const Section *s)
{
    return s->region && s->region->kind == REGION_ROM && s->region->ops;
}

static uint64_t load_within(AddressSpace *as, const Section *s, hwaddr addr,
                            unsigned size)
{
    if (is_ram(s)) {
        return load_host(host_at(s, addr), size);
    }
    if (s->region) {
        return io_read(s->region, s->offset + (addr - s->start), size);
    }
    log_guest(as->name, "read of %u bytes at 0x%" PRIx64 ": nothing there", size, addr);
    return ones(size);
}

static void store_within(AddressSpace *as, const Section *s, hwaddr addr,
                         uint64_t val, unsigned size)
{
    if (!s->region) {
        log_guest(as->name, "write of %u bytes at 0x%" PRIx64 ": nothing there",
                  size, addr);
    } else if (takes_writes(s)) {
        io_write(s->region, s->offset + (addr - s->start), val, size);
    } else if (s->readonly) {
        log_guest(as->name, "write of %u bytes at 0x%" PRIx64 ": %s is read-only",
                  size, addr, s->region->name);
    } else if (is_ram(s)) {
        store_host(host_at(s, addr), val, size);
        written(as, s, addr, size);
    } else {
        io_write(s->region, s->offset + (addr - s->start), val, size);
    }
}

static bool fits(const Section *s, hwaddr addr, unsigned size)
{
    return size <= s->end - addr || size == 1;
}

uint64_t as_load(AddressSpace *as, hwaddr addr, unsigned size)
{
    const Section *s = as_find(as, addr);

    if (fits(s, addr, size)) {
        return load_within(as, s, addr, size);
    }
    uint64_t low = as_load(as, addr, size / 2);

    return low | as_load(as, addr + size / 2, size / 2) << (4 * size);
}

void as_store(AddressSpace *as, hwaddr addr, uint64_t val, unsigned size)
{
    const Section *s = as_find(as, addr);

    if (fits(s, addr, size)) {
        store_within(as, s, addr, val, size);
    } else {
        as_store(as, addr, val, size / 2);
        as_store(as, addr + size / 2, val >> (4 * size), size / 2);
    }
}

/* -- DMA --------------------------------------------------------------------- */

static uint64_t left_in(const Section *s, hwaddr addr, uint64_t len)
{
    uint64_t left = s->end - addr;

    return left ? MIN(left, len) : 1;
}

/* Largest aligned access of at most 4 bytes. */
static unsigned step(hwaddr addr, uint64_t len)
{
    return !(addr & 3) && len >= 4 ? 4 : !(addr & 1) && len >= 2 ? 2 : 1;
}

static void read_slow(AddressSpace *as, hwaddr addr, uint8_t *buf, uint64_t len)
{
    while (len) {
        unsigned n = step(addr, len);

        store_le(buf, as_load(as, addr, n), n);
        addr += n;
        buf += n;
        len -= n;
    }
}

static void write_slow(AddressSpace *as, hwaddr addr, const uint8_t *buf,
                       uint64_t len)
{
    while (len) {
        unsigned n = step(addr, len);

        as_store(as, addr, load_le(buf, n), n);
        addr += n;
        buf += n;
        len -= n;
    }
}

void as_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    for (uint8_t *p = buf; len;) {
        const Section *s = as_find(as, addr);
        uint64_t n = left_in(s, addr, len);

        if (is_ram(s)) {
            memcpy(p, host_at(s, addr), n);
        } else if (s->region) {
            read_slow(as, addr, p, n);
        } else {
            log_guest(as->name, "DMA read at 0x%" PRIx64 ": nothing there", addr);
            memset(p, 0xff, n);
        }
        addr += n;
        p += n;
        len -= n;
    }
}

static void write_any(AddressSpace *as, hwaddr addr, const uint8_t *p,
                      uint64_t len, bool rom_too)
{
    while (len) {
        const Section *s = as_find(as, addr);
        uint64_t n = left_in(s, addr, len);

        if (is_ram(s) && (rom_too || !s->readonly)) {
            memcpy(host_at(s, addr), p, n);
            written(as, s, addr, n);
        } else if ((s->region && !s->readonly) || takes_writes(s)) {
            write_slow(as, addr, p, n);
        } else {
            log_guest(as->name, "DMA write at 0x%" PRIx64 ": %s", addr,
                      s->region ? "read-only" : "nothing there");
        }
        addr += n;
        p += n;
        len -= n;
    }
}

void as_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    write_any(as, addr, buf, len, false);
}

void as_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    write_any(as, addr, buf, len, true);
}

void *as_ram(AddressSpace *as, hwaddr addr, uint64_t *len, bool write)
{
    const Section *s = as_find(as, addr);

    if (!is_ram(s) || (write && s->readonly)) {
        return NULL;
    }
    *len = MIN(*len, s->end - addr);
    return host_at(s, addr);
}

void as_ram_written(AddressSpace *as, hwaddr addr, uint64_t len)
{
    while (len) {
        const Section *s = as_find(as, addr);
        uint64_t n = left_in(s, addr, len);

        if (is_ram(s)) {
            written(as, s, addr, n);
        }
        addr += n;
        len -= n;
    }
}

/* -- info mtree -------------------------------------------------------------- */

void as_dump(const AddressSpace *as, void (*put)(void *, const char *), void *opaque)
{
    static const char *const kinds[] = {
        [REGION_RAM] = "ram", [REGION_ROM] = "rom",
        [REGION_MMIO] = "i/o", [REGION_ALIAS] = "alias",
    };
    const SectionTable *t = table_of(as);
    char line[256];

    snprintf(line, sizeof(line), "address space %s\n", as->name);
    put(opaque, line);
    for (const MemoryRegion *r = as->mapped; r; r = r->next) {
        snprintf(line, sizeof(line),
                 "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s%s): %s\n",
                 r->addr, r->addr + r->size - 1, r->priority, kinds[r->kind],
                 r->disabled ? ", disabled" : "", r->name);
        put(opaque, line);
    }
    put(opaque, " what answers\n");
    for (unsigned i = 0; i < t->num; i++) {
        const Section *s = &t->s[i];

        if (s->region) {
            snprintf(line, sizeof(line),
                     "  %016" PRIx64 "-%016" PRIx64 " %s%s @%016" PRIx64 "\n",
                     s->start, s->end - 1, s->region->name,
                     s->readonly ? " (read-only)" : "", s->offset);
            put(opaque, line);
        }
    }
}
