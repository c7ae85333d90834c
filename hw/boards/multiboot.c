/* SPDX-License-Identifier: MIT */
/*
 * Multiboot kernels (Multiboot Specification, version 0.6.96).
 *
 *   0x8000   information structure, filled in here but for memory sizes and
 *            map, which the option ROM gets from the BIOS; the map follows it
 *   load     the kernel: ELF32 segments, or as its header says
 *   above    module list, strings, modules, each page aligned
 *
 * -initrd is a list of modules, "file args,file args".
 *
 * fw_cfg items: setup = the structure, kernel = the image, initrd = modules and
 * what is with them, kernel entry = where to jump to.
 */
#include "hw/boards/loader.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/misc/fw_cfg.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MB_MAGIC = 0x1badb002, SEARCH = 8192, PAGE = 4096 };
/* 3.1.2: header flags */
enum { WANT_VIDEO = 1 << 2, MUST_KNOW = 0xffff & ~7, HAS_ADDRESSES = 1 << 16 };
/* 3.3: information structure */
enum { INFO_ADDR = 0x8000, INFO_LEN = 0x80, LOW_END = 0xa000 };
enum { INFO_FLAGS = 0, INFO_CMDLINE = 16, INFO_MODS_COUNT = 20, INFO_MODS_ADDR = 24,
       INFO_LOADER_NAME = 64 };
enum { HAS_CMDLINE = 1 << 2, HAS_MODS = 1 << 3, HAS_LOADER_NAME = 1 << 9 };
enum { MAX_MODULES = 64, MODULE_ENTRY = 16 };

typedef struct Image {
    uint32_t addr, entry;
    uint8_t *data;
    size_t len;                         /* in memory, with .bss */
} Image;

/* What comes after the kernel, growing; base is its guest address. */
typedef struct Blob {
    uint32_t base;
    uint8_t *data;
    size_t len;
} Blob;

static int wrong(const KernelImage *k, Error *err, const char *why)
{
    return error_set(err, EINVAL, "kernel: %s: %s", k->path, why);
}

/* -1: there is none. */
static long find_header(const KernelImage *k)
{
    size_t end = MIN(k->len, (size_t)SEARCH);

    for (size_t i = 0; i + 12 <= end; i += 4) {
        uint32_t magic = (uint32_t)load_le(k->data + i, 4);
        uint32_t flags = (uint32_t)load_le(k->data + i + 4, 4);
        uint32_t sum = (uint32_t)load_le(k->data + i + 8, 4);

        if (magic == MB_MAGIC && magic + flags + sum == 0) {
            return (long)i;
        }
    }
    return -1;
}

static int check_range(const KernelImage *k, uint64_t start, uint64_t end, Error *err)
{
    if (start > end || end > k->ram_top) {
        return error_set(err, EFBIG, "kernel: %s wants memory up to 0x%" PRIx64
                         ", there is 0x%" PRIx64 "; give more with -m", k->path,
                         end, k->ram_top);
    }
    if (start < LOW_END) {
        return error_set(err, EINVAL, "kernel: %s wants to be at 0x%" PRIx64 ", below "
                         "0x%x, which the loader needs", k->path, start, LOW_END);
    }
    return 0;
}

/* 3.1.3: the header gives addresses of the image's parts. */
static int load_by_header(const KernelImage *k, size_t at, Image *im, Error *err)
{
    const uint8_t *h = k->data + at;

    if (k->len - at < 32) {
        return wrong(k, err, "its Multiboot header is truncated");
    }
    uint64_t header = load_le(h + 12, 4), load = load_le(h + 16, 4);
    uint64_t load_end = load_le(h + 20, 4), bss_end = load_le(h + 24, 4);
    if (load > header || header - load > at) {
        return wrong(k, err, "its Multiboot header has impossible addresses");
    }
    size_t skip = at - (size_t)(header - load);
    size_t len = load_end ? (size_t)(load_end - load) : k->len - skip;
    if ((load_end && load_end < load) || len > k->len - skip) {
        return wrong(k, err, "it is truncated");
    }
    uint64_t end = MAX(load + len, bss_end);
    int ret = check_range(k, load, end, err);
    if (ret < 0) {
        return ret;
    }
    *im = (Image){ .addr = (uint32_t)load, .entry = (uint32_t)load_le(h + 28, 4),
                   .data = xzalloc(end - load), .len = end - load };
    memcpy(im->data, k->data + skip, len);
    return 0;
}

/* The span of physical memory the loadable segments need. */
static int elf_span(const KernelImage *k, const Elf32_Phdr *ph, unsigned num,
                    uint64_t *start, uint64_t *end, Error *err)
{
    *start = UINT32_MAX;
    *end = 0;
    for (unsigned i = 0; i < num; i++) {
        if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz) {
            continue;
        }
        if (ph[i].p_filesz > ph[i].p_memsz || ph[i].p_offset > k->len ||
            ph[i].p_filesz > k->len - ph[i].p_offset) {
            return wrong(k, err, "it is truncated");
        }
        *start = MIN(*start, (uint64_t)ph[i].p_paddr);
        *end = MAX(*end, (uint64_t)ph[i].p_paddr + ph[i].p_memsz);
    }
    return check_range(k, *start, *end, err);
}

static int load_elf(const KernelImage *k, Image *im, Error *err)
{
    Elf32_Ehdr eh;
    uint64_t start, end;

    if (k->len < sizeof(eh) || memcmp(k->data, ELFMAG, SELFMAG)) {
        return wrong(k, err, "it has a Multiboot header, but is no ELF file");
    }
    memcpy(&eh, k->data, sizeof(eh));
    if (eh.e_ident[EI_CLASS] != ELFCLASS32 || eh.e_machine != EM_386) {
        return wrong(k, err, "it is not an i386 ELF file");
    }
    if (eh.e_phentsize != sizeof(Elf32_Phdr) || eh.e_phoff > k->len ||
        eh.e_phnum > (k->len - eh.e_phoff) / sizeof(Elf32_Phdr)) {
        return wrong(k, err, "its program headers are truncated");
    }
    Elf32_Phdr *ph = xcalloc(eh.e_phnum + 1u, sizeof(*ph));
    memcpy(ph, k->data + eh.e_phoff, eh.e_phnum * sizeof(*ph));
    int ret = elf_span(k, ph, eh.e_phnum, &start, &end, err);
    if (ret == 0) {
        *im = (Image){ .addr = (uint32_t)start, .entry = eh.e_entry,
                       .data = xzalloc(end - start), .len = end - start };
        for (unsigned i = 0; i < eh.e_phnum; i++) {
            if (ph[i].p_type == PT_LOAD && ph[i].p_memsz) {
                memcpy(im->data + (ph[i].p_paddr - start),
                       k->data + ph[i].p_offset, ph[i].p_filesz);
            }
        }
    }
    free(ph);
    return ret;
}

/* -- Modules and strings ----------------------------------------------------- */

/* Returns the guest address. */
static uint32_t append(Blob *b, const void *data, size_t len, size_t align)
{
    size_t at = align_up(b->len, align);

    b->data = xrealloc(b->data, at + len + 1);
    memset(b->data + b->len, 0, at - b->len);
    memcpy(b->data + at, data, len);
    b->len = at + len;
    return b->base + (uint32_t)at;
}

static uint32_t append_string(Blob *b, const char *s)
{
    return append(b, s, strlen(s) + 1, 1);
}

/* "file args" -> one entry of the module list. */
static int append_module(const KernelImage *k, Blob *b, const char *spec,
                         uint8_t *entry, Error *err)
{
    char *path = xstrndup(spec, strcspn(spec, " "));
    uint64_t used = (uint64_t)b->base + b->len + PAGE;
    uint64_t room = k->ram_top - MIN(k->ram_top, used);
    uint8_t *data;
    size_t len;
    int ret = loader_read_file("module", path, room, &data, &len, err);

    free(path);
    if (ret < 0) {
        return ret;
    }
    uint32_t start = append(b, data, len, PAGE);
    free(data);
    store_le(entry, start, 4);
    store_le(entry + 4, start + len, 4);
    store_le(entry + 8, append_string(b, spec), 4);
    return 0;
}

static int append_modules(const KernelImage *k, Blob *b, uint8_t *info, Error *err)
{
    char *list = xstrdup(k->files->initrd ? k->files->initrd : ""), *save = NULL;
    uint8_t entries[MAX_MODULES * MODULE_ENTRY] = { 0 };
    unsigned n = 0;
    int ret = 0;

    for (char *s = strtok_r(list, ",", &save); s && ret == 0;
         s = strtok_r(NULL, ",", &save)) {
        if (n == MAX_MODULES) {
            ret = error_set(err, E2BIG, "initrd: more than %d modules", MAX_MODULES);
            break;
        }
        ret = append_module(k, b, s, entries + MODULE_ENTRY * n++, err);
    }
    free(list);
    if (ret == 0 && n) {
        store_le(info + INFO_MODS_COUNT, n, 4);
        store_le(info + INFO_MODS_ADDR, append(b, entries, MODULE_ENTRY * n, 4), 4);
    }
    return ret;
}

static int add_rest(const KernelImage *k, const Image *im, Error *err)
{
    uint8_t info[INFO_LEN] = { 0 };
    Blob b = { .base = (uint32_t)align_up((uint64_t)im->addr + im->len, PAGE) };
    char *cmdline = xasprintf("%s%s%s", k->path, k->files->append ? " " : "",
                              k->files->append ? k->files->append : "");

    b.base = MAX(b.base, 0x100000u);    /* not into the BIOS's memory */
    store_le(info + INFO_FLAGS, HAS_CMDLINE | HAS_MODS | HAS_LOADER_NAME, 4);
    store_le(info + INFO_CMDLINE, append_string(&b, cmdline), 4);
    store_le(info + INFO_LOADER_NAME, append_string(&b, "qemu"), 4);
    free(cmdline);
    int ret = append_modules(k, &b, info, err);
    if (ret == 0 && (uint64_t)b.base + b.len > k->ram_top) {
        ret = error_set(err, EFBIG, "initrd: the modules do not fit into memory; "
                        "give more with -m");
    }
    if (ret == 0) {
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_SETUP_ADDR, INFO_ADDR);
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_SETUP_SIZE, INFO_LEN);
        fw_cfg_add(k->fw_cfg, FW_CFG_SETUP_DATA, info, INFO_LEN);
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_INITRD_ADDR, b.base);
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_INITRD_SIZE, (uint32_t)b.len);
        fw_cfg_add(k->fw_cfg, FW_CFG_INITRD_DATA, b.data, (uint32_t)b.len);
    }
    free(b.data);
    return ret;
}

int multiboot_load(const KernelImage *k, Error *err)
{
    long at = find_header(k);
    Image im = { 0 };

    if (at < 0) {
        return 0;
    }
    uint32_t flags = (uint32_t)load_le(k->data + at + 4, 4);
    if (flags & (MUST_KNOW | WANT_VIDEO)) {
        return wrong(k, err, flags & WANT_VIDEO
                     ? "it asks for a video mode, which is not supported"
                     : "its Multiboot header asks for something unknown");
    }
    int ret = flags & HAS_ADDRESSES ? load_by_header(k, (size_t)at, &im, err)
                                    : load_elf(k, &im, err);
    ret = ret < 0 ? ret : add_rest(k, &im, err);
    if (ret == 0) {
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_ADDR, im.addr);
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_SIZE, (uint32_t)im.len);
        fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_ENTRY, im.entry);
        fw_cfg_add(k->fw_cfg, FW_CFG_KERNEL_DATA, im.data, (uint32_t)im.len);
    }
    free(im.data);
    return ret < 0 ? ret : 1;
}
