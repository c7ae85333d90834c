/* SPDX-License-Identifier: MIT */
/*
 * Physical address spaces: what answers at which address.
 *
 * An AddressSpace (memory; port I/O is another one) is a set of MemoryRegions
 * mapped at addresses with priorities.  From them a sorted table of disjoint
 * sections is built, again at each change:
 *
 *      region    [------ RAM, priority 0 ---------------]
 *      region          [- VGA, priority 1 -]
 *      sections  [ RAM ][      VGA         ][   RAM     ]
 *
 * A region is RAM (a RAMBlock: host memory, reads and writes directly), ROM
 * (RAM that the guest cannot write: writes are dropped, and logged), MMIO
 * (callbacks), or an alias of a part of another region.  A ROM that has
 * callbacks too, as flash memory does, gets its writes there.  A disabled
 * region is as good as unmapped.  Where nothing answers, reads give all ones,
 * writes nothing, and it is logged.
 *
 * Accesses have sizes 1, 2, 4 or 8 and any alignment; one that runs past the
 * end of a section is split.  A callback gets the sizes it says it takes
 * (access.min .. access.max); others are combined or split here.
 *
 * DMA by a device is as_read/as_write: RAM is copied, dirty bits are set, code
 * in it is invalidated.
 *
 * Threads: with the global lock; as_ram() lookups made by the engine as well.
 */
#ifndef HW_CORE_MEMORY_H
#define HW_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t hwaddr;
typedef struct AddressSpace AddressSpace;
typedef struct MemoryRegion MemoryRegion;

/* -- RAM --------------------------------------------------------------------- */

/* Who wants to know about writes; one dirty bitmap each. */
typedef enum DirtyClient { DIRTY_VGA, DIRTY_CODE, DIRTY_MIGRATION, DIRTY_NUM } DirtyClient;

#define RAM_PAGE_BITS 12
#define RAM_PAGE_SIZE (1u << RAM_PAGE_BITS)

typedef struct RAMBlock {
    const char *name;                   /* "pc.ram", in snapshots */
    uint8_t *host;                      /* mmap'd, zero, page aligned */
    uint64_t offset;                    /* in the space of all RAM: ram_addr */
    uint64_t size;                      /* bytes, whole pages */
    struct RAMBlock *next;
} RAMBlock;

/* A new block of zeroed memory; NULL if the host has not that much. */
RAMBlock *ram_block_new(const char *name, uint64_t size);
RAMBlock *ram_block_first(void);
RAMBlock *ram_block_at(uint64_t ram_addr);      /* NULL if none */

/*
 * Dirty bits, by ram_addr page.  A page is clean for a client after
 * ram_clear_dirty() until written.  DIRTY_CODE is inverted in use: a page with
 * translated code is "clean", so that the next write is seen.
 */
bool ram_is_dirty(uint64_t ram_addr, DirtyClient c);
bool ram_all_dirty(uint64_t ram_addr);          /* for every client */
void ram_set_dirty(uint64_t ram_addr, uint64_t len);    /* all but DIRTY_CODE */
void ram_set_dirty_client(uint64_t ram_addr, DirtyClient c);
/* Forget: true if any page of the range was dirty.  TLBs notice. */
bool ram_test_clear_dirty(uint64_t ram_addr, uint64_t len, DirtyClient c);
/* The one who keeps TLBs: called by ram_test_clear_dirty(), on its thread. */
void ram_set_cleaned_hook(void (*fn)(void *opaque, uint64_t ram_addr, uint64_t len),
                          void *opaque);

/* -- Regions ----------------------------------------------------------------- */

typedef struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr offset, unsigned size);
    void (*write)(void *opaque, hwaddr offset, uint64_t val, unsigned size);
    uint8_t min, max;                   /* sizes taken; 0: 1 and 4 */
} MemoryRegionOps;

typedef enum RegionKind { REGION_RAM, REGION_ROM, REGION_MMIO, REGION_ALIAS } RegionKind;

struct MemoryRegion {
    const char *name;                   /* for info mtree */
    RegionKind kind;
    uint64_t size;
    bool disabled;
    RAMBlock *ram;                      /* RAM, ROM */
    const MemoryRegionOps *ops;         /* MMIO */
    void *opaque;
    MemoryRegion *target;               /* alias of target from target_offset */
    hwaddr target_offset;
    bool readonly;                      /* of an alias: region_set_readonly() */
    /* Filled in while mapped: */
    AddressSpace *as;
    hwaddr addr;
    int priority;                       /* higher wins; equal: the later one */
    MemoryRegion *next;
};

void region_init_ram(MemoryRegion *r, const char *name, RAMBlock *ram);
void region_init_rom(MemoryRegion *r, const char *name, RAMBlock *ram);
void region_init_io(MemoryRegion *r, const char *name, uint64_t size,
                    const MemoryRegionOps *ops, void *opaque);
void region_init_alias(MemoryRegion *r, const char *name, MemoryRegion *target,
                       hwaddr offset, uint64_t size);

void region_map(AddressSpace *as, MemoryRegion *r, hwaddr addr, int priority);
void region_unmap(MemoryRegion *r);             /* no-op if not mapped */
void region_set_disabled(MemoryRegion *r, bool disabled);
/* RAM <-> ROM, for shadow RAM write protection. */
void region_set_readonly(MemoryRegion *r, bool readonly);
/* MMIO <-> ROM with callbacks, of a region whose owner has set `ram`: flash memory
 * that is read, or commanded. */
void region_set_rom_mode(MemoryRegion *r, bool on);
/* The owner has changed the RAM behind a region himself. */
void region_written(AddressSpace *as, const MemoryRegion *r, hwaddr offset, uint64_t len);

/* -- Address spaces ---------------------------------------------------------- */

typedef struct Section {                /* what answers at [start, end) */
    hwaddr start, end;
    MemoryRegion *region;               /* never an alias; NULL: nothing */
    hwaddr offset;                      /* of start in region */
    bool readonly;                      /* ROM, or an alias that is */
} Section;

struct AddressSpace {
    const char *name;                   /* "memory", "io" */
    hwaddr size;
    MemoryRegion *mapped;
    Section *sections;                  /* sorted, gapless */
    unsigned num_sections;
    int batch;                          /* as_begin() depth */
    void (*changed)(void *opaque);      /* after each rebuild: flush TLBs */
    /* Code may lie in RAM written by DMA: invalidate it. */
    void (*code_written)(void *opaque, uint64_t ram_addr, uint64_t len);
    void *opaque;
    /* Private: */
    bool stale;                         /* changed inside a batch */
    struct SectionTable *retired;
    AddressSpace *next;
};

AddressSpace *as_new(const char *name, hwaddr size);
void as_free(AddressSpace *as);
/* Several changes, one rebuild. */
void as_begin(AddressSpace *as);
void as_commit(AddressSpace *as);

/* Never NULL.  Needs no lock on the thread that calls as_reclaim(). */
const Section *as_find(const AddressSpace *as, hwaddr addr);
/* While `changed` is set, old tables stay readable until the thread that looks
 * them up without the lock calls this, with the lock, holding no Section. */
void as_reclaim(AddressSpace *as);

/* One access of size 1, 2, 4 or 8, little endian. */
uint64_t as_load(AddressSpace *as, hwaddr addr, unsigned size);
void as_store(AddressSpace *as, hwaddr addr, uint64_t val, unsigned size);

/* Any length: DMA. */
void as_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len);
void as_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
/* As as_write, but into ROM too: loaders. */
void as_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);

/* Host memory at addr if it is RAM; *len is cut to what is contiguous.  The
 * caller that writes through it calls as_ram_written() afterwards. */
void *as_ram(AddressSpace *as, hwaddr addr, uint64_t *len, bool write);
void as_ram_written(AddressSpace *as, hwaddr addr, uint64_t len);

/* For info mtree. */
void as_dump(const AddressSpace *as, void (*put)(void *, const char *), void *opaque);

#endif
