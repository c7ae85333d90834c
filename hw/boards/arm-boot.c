/* SPDX-License-Identifier: MIT */
#include "hw/boards/arm-boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/boards/loader.h"
#include "target-arm/cpu.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ATAGS_OFFSET = 0x100, PAGE_TABLES = 0x4000 };
enum { HIGHEST_INITRD = 128 << 20, DTB_ALIGN = 0x1000 };

/* -- ATAGs: Linux arch/arm/include/uapi/asm/setup.h -------------------------- */

enum { ATAG_NONE = 0, ATAG_CORE = 0x54410001, ATAG_MEM = 0x54410002,
       ATAG_CMDLINE = 0x54410009, ATAG_INITRD2 = 0x54420005 };

typedef struct Tags {
    uint32_t word[(PAGE_TABLES - ATAGS_OFFSET) / 4];
    size_t num;
} Tags;

static void put_tag(Tags *t, uint32_t tag, const uint32_t *words, uint32_t num)
{
    t->word[t->num++] = num + 2;
    t->word[t->num++] = tag;
    for (uint32_t i = 0; i < num; i++) {
        t->word[t->num++] = words[i];
    }
}

static void put_command_line(Tags *t, const char *line)
{
    size_t len = strlen(line) + 1, words = (len + 3) / 4;
    uint32_t *buf = xcalloc(words, 4);

    memcpy(buf, line, len);
    put_tag(t, ATAG_CMDLINE, buf, (uint32_t)words);
    free(buf);
}

static int make_atags(ArmBoot *b, const char *append, Error *err)
{
    const ArmBoard *board = b->board;
    const ArmBlob *initrd = &b->blob[ARM_BLOB_INITRD];
    Tags *t;

    if (append && strlen(append) > sizeof(t->word) - 128) {
        return error_set(err, E2BIG, "append: %zu characters are too many for the kernel",
                         strlen(append));
    }
    t = xcalloc(1, sizeof(*t));
    put_tag(t, ATAG_CORE, (const uint32_t[]){ 1, 4096, 0 }, 3);
    put_tag(t, ATAG_MEM, (const uint32_t[]){ board->ram_size, board->ram_base }, 2);
    if (initrd->len) {
        put_tag(t, ATAG_INITRD2, (const uint32_t[]){ initrd->addr, (uint32_t)initrd->len }, 2);
    }
    if (append) {
        put_command_line(t, append);
    }
    t->word[t->num++] = 0;              /* ATAG_NONE has no length */
    t->word[t->num++] = ATAG_NONE;
    b->blob[ARM_BLOB_ATAGS] = (ArmBlob){
        .addr = board->ram_base + ATAGS_OFFSET, .len = t->num * 4,
        .data = xmemdup(t->word, t->num * 4),
    };
    b->r2 = board->ram_base + ATAGS_OFFSET;
    free(t);
    return 0;
}

/* -- Initrd and device tree -------------------------------------------------- */

/* Half way up, or below the end if it is so large; above the kernel. */
static int place_initrd(ArmBoot *b, const char *path, Error *err)
{
    const ArmBoard *board = b->board;
    ArmBlob *blob = &b->blob[ARM_BLOB_INITRD];
    int ret = loader_read_file("initrd", path, board->ram_size, &blob->data, &blob->len, err);

    if (ret < 0) {
        return ret;
    }
    uint32_t top = board->ram_size - MIN(board->ram_size, 2u << 20);
    uint32_t at = MIN(board->ram_size / 2, (uint32_t)HIGHEST_INITRD);
    if (blob->len > top - MIN(at, top)) {
        at = (top - (uint32_t)MIN(blob->len, (size_t)top)) & ~0xfffu;
    }
    blob->addr = board->ram_base + at;
    if (blob->addr < b->kernel_end) {
        return error_set(err, ENOSPC, "initrd: %s, %zu bytes, would overlap the kernel, "
                         "which needs RAM up to 0x%08x of %u MiB: give more with -m",
                         path, blob->len, b->kernel_end, board->ram_size >> 20);
    }
    return 0;
}

static int place_dtb(ArmBoot *b, const char *path, const char *append, Error *err)
{
    const ArmBoard *board = b->board;
    const ArmBlob *initrd = &b->blob[ARM_BLOB_INITRD];
    uint32_t at = initrd->len ? initrd->addr + (uint32_t)initrd->len
                              : board->ram_base + MIN(board->ram_size / 2,
                                                      (uint32_t)HIGHEST_INITRD);
    int ret = arm_fdt_load(b, path, append, err);

    if (ret < 0) {
        return ret;
    }
    ArmBlob *blob = &b->blob[ARM_BLOB_DTB];
    blob->addr = (uint32_t)align_up(at, DTB_ALIGN);
    b->r2 = blob->addr;
    if (blob->addr - board->ram_base + blob->len > board->ram_size ||
        blob->addr < b->kernel_end) {
        return error_set(err, ENOSPC, "dtb: %s, %zu bytes, finds no place beside kernel and "
                         "initrd in %u MiB of RAM: give more with -m", path, blob->len,
                         board->ram_size >> 20);
    }
    return 0;
}

int arm_boot_load(ArmBoot *b, const ArmBoard *board, const Machine *m, Error *err)
{
    const MachineConfig *c = &m->config;

    *b = (ArmBoot){ .board = board, .entry = board->start };
    if (!c->kernel) {
        return c->dtb ? error_set(err, EINVAL, "-dtb: makes sense with -kernel only") : 0;
    }
    int ret = arm_image_load(b, c->kernel, err);
    if (ret == 0 && c->initrd) {
        ret = place_initrd(b, c->initrd, err);
    }
    if (ret == 0) {
        ret = c->dtb ? place_dtb(b, c->dtb, c->append, err) : make_atags(b, c->append, err);
    }
    return ret;
}

/* -- Life -------------------------------------------------------------------- */

void arm_boot_reset(const ArmBoot *b, Machine *m)
{
    for (int i = 0; i < ARM_NUM_BLOBS; i++) {
        as_write(m->mem, b->blob[i].addr, b->blob[i].data, b->blob[i].len);
    }
    if (m->num_cpus == 0) {
        return;
    }
    CPUARMState *env = arm_env(m->cpu[0]);
    if (b->blob[ARM_BLOB_KERNEL].len) {
        env->regs[0] = 0;
        env->regs[1] = b->board->machine_id;
        env->regs[2] = b->r2;
    }
    m->cpu[0]->common.ops->set_pc(m->cpu[0], b->entry);
}

void arm_boot_free(ArmBoot *b)
{
    for (int i = 0; i < ARM_NUM_BLOBS; i++) {
        free(b->blob[i].data);
    }
}
