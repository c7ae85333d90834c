/* SPDX-License-Identifier: MIT */
/*
 * Kernel files of ARM boards.
 *
 *   zImage  a self-unpacking program: magic 0x016f2818 at 0x24, then the
 *           addresses of its start (0) and end; runs at any address
 *   uImage  U-Boot's header (include/image.h), 64 bytes, big endian, before
 *           a zImage, an Image or a gzip'ed Image
 *   ELF     EM_ARM, its program headers by physical address
 *   Image   no header at all: ARM code for RAM + 0x8000
 *
 * As an Image has no mark, what other files have is looked for first, so that
 * somebody else's kernel is named instead of run.
 */
#include "hw/boards/arm-boot.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "hw/boards/loader.h"
#include "util/bits.h"
#include "util/mem.h"

enum { IMAGE_OFFSET = 0x8000, ZIMAGE_OFFSET = 0x10000 };
enum { ZIMAGE_MAGIC = 0x016f2818, ZIMAGE_MAGIC_AT = 0x24, ZIMAGE_HEADER = 0x30 };

typedef struct Kernel {
    ArmBoot *b;
    const char *path;
    const uint8_t *data;
    size_t len;
} Kernel;

/* Is [addr, addr + len) in RAM? */
static int check_place(const Kernel *k, uint32_t addr, uint64_t len, Error *err)
{
    const ArmBoard *board = k->b->board;

    if (addr < board->ram_base || addr - board->ram_base + len > board->ram_size) {
        return error_set(err, ENOSPC, "kernel: %s wants 0x%08x to 0x%08llx, the RAM is "
                         "0x%08x to 0x%08llx: give more with -m, or another kernel",
                         k->path, addr, (unsigned long long)addr + len, board->ram_base,
                         (unsigned long long)board->ram_base + board->ram_size);
    }
    return 0;
}

static int place(const Kernel *k, uint32_t addr, const uint8_t *data, size_t len,
                 Error *err)
{
    ArmBlob *blob = &k->b->blob[ARM_BLOB_KERNEL];
    int ret = check_place(k, addr, len, err);

    if (ret == 0) {
        *blob = (ArmBlob){ .addr = addr, .len = len, .data = xmemdup(data, len) };
        k->b->kernel_end = addr + (uint32_t)len;
    }
    return ret;
}

/* -- zImage and Image -------------------------------------------------------- */

static bool is_zimage(const Kernel *k)
{
    return k->len >= ZIMAGE_HEADER && load_le(k->data + ZIMAGE_MAGIC_AT, 4) == ZIMAGE_MAGIC;
}

/*
 * The kernel unpacks to + 0x8000; before, the unpacker moves itself, and a tree
 * behind it, out of the way.  Code packs to a third, at best a quarter.
 */
static int load_zimage(const Kernel *k, Error *err)
{
    const ArmBoard *board = k->b->board;
    uint32_t start = load_le(k->data + ZIMAGE_MAGIC_AT + 4, 4);
    uint32_t end = load_le(k->data + ZIMAGE_MAGIC_AT + 8, 4);
    uint64_t needs = IMAGE_OFFSET + (uint64_t)k->len * 4;

    if (end <= start || end - start > k->len) {
        return error_set(err, EINVAL, "kernel: %s is cut off: a zImage of %u bytes, the "
                         "file has %zu", k->path, end - start, k->len);
    }
    int ret = place(k, board->ram_base + ZIMAGE_OFFSET, k->data, k->len, err);
    k->b->entry = board->ram_base + ZIMAGE_OFFSET;
    k->b->kernel_end = board->ram_base + (uint32_t)MIN(needs, (uint64_t)board->ram_size);
    return ret;
}

static int load_image(const Kernel *k, Error *err)
{
    k->b->entry = k->b->board->ram_base + IMAGE_OFFSET;
    return place(k, k->b->entry, k->data, k->len, err);
}

/* -- uImage ------------------------------------------------------------------ */

enum { UIMAGE_MAGIC = 0x27051956, UIMAGE_HEADER = 64 };
enum { UIMAGE_SIZE = 12, UIMAGE_LOAD = 16, UIMAGE_ENTRY = 20, UIMAGE_DATA_CRC = 24,
       UIMAGE_ARCH = 29, UIMAGE_TYPE = 30, UIMAGE_COMPRESSION = 31 };
enum { UIMAGE_ARM = 2, UIMAGE_KERNEL = 2, UIMAGE_PLAIN = 0, UIMAGE_GZIP = 1 };

static int check_uimage(const Kernel *k, Error *err)
{
    const uint8_t *h = k->data;
    uint32_t size = load_be(h + UIMAGE_SIZE, 4);

    if (h[UIMAGE_ARCH] != UIMAGE_ARM || h[UIMAGE_TYPE] != UIMAGE_KERNEL) {
        return error_set(err, EINVAL, "kernel: %s is a uImage, but no kernel for ARM "
                         "(architecture %d, type %d)", k->path, h[UIMAGE_ARCH], h[UIMAGE_TYPE]);
    }
    if (size > k->len - UIMAGE_HEADER) {
        return error_set(err, EINVAL, "kernel: %s is cut off: a uImage of %u bytes, the "
                         "file has %zu", k->path, size, k->len - UIMAGE_HEADER);
    }
    if (crc32(0, h + UIMAGE_HEADER, size) != load_be(h + UIMAGE_DATA_CRC, 4)) {
        return error_set(err, EINVAL, "kernel: %s is damaged: the uImage's checksum is wrong",
                         k->path);
    }
    return 0;
}

/* gzip'ed, of unknown size, at most max bytes. */
static int inflate_all(const Kernel *k, const uint8_t *in, size_t in_len, size_t max,
                       uint8_t **out, size_t *len, Error *err)
{
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = (uInt)in_len };

    *out = xmalloc(max);
    z.next_out = *out;
    z.avail_out = (uInt)max;
    int ret = inflateInit2(&z, 16 + MAX_WBITS);
    if (ret == Z_OK) {
        ret = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    *len = max - z.avail_out;
    if (ret != Z_STREAM_END) {
        free(*out);
        *out = NULL;
        return error_set(err, EINVAL, "kernel: %s: its gzip data is damaged, or too large "
                         "for the RAM", k->path);
    }
    return 0;
}

static int load_uimage(const Kernel *k, Error *err)
{
    const uint8_t *h = k->data, *data = h + UIMAGE_HEADER;
    uint32_t load = load_be(h + UIMAGE_LOAD, 4);
    size_t len = load_be(h + UIMAGE_SIZE, 4);
    uint8_t *plain = NULL;
    int ret = check_uimage(k, err);

    if (ret < 0) {
        return ret;
    }
    if (h[UIMAGE_COMPRESSION] == UIMAGE_GZIP) {
        ret = inflate_all(k, data, len, k->b->board->ram_size, &plain, &len, err);
        data = plain;
    } else if (h[UIMAGE_COMPRESSION] != UIMAGE_PLAIN) {
        ret = error_set(err, ENOTSUP, "kernel: %s: compression %d of the uImage is not "
                        "implemented; there are none and gzip", k->path, h[UIMAGE_COMPRESSION]);
    }
    if (ret == 0) {
        Kernel inner = { k->b, k->path, data, len };

        ret = is_zimage(&inner) ? load_zimage(&inner, err) : place(&inner, load, data, len, err);
        if (ret == 0 && !is_zimage(&inner)) {
            k->b->entry = load_be(h + UIMAGE_ENTRY, 4);
        }
    }
    free(plain);
    return ret;
}

/* -- ELF --------------------------------------------------------------------- */

typedef struct ElfSpan { uint32_t low, high; } ElfSpan;

static const Elf32_Phdr *elf_segment(const Kernel *k, const Elf32_Ehdr *h, unsigned i)
{
    return (const Elf32_Phdr *)(const void *)(k->data + h->e_phoff + i * sizeof(Elf32_Phdr));
}

static int check_elf(const Kernel *k, const Elf32_Ehdr *h, Error *err)
{
    if (h->e_ident[EI_CLASS] != ELFCLASS32 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_machine != EM_ARM) {
        return error_set(err, EINVAL, "kernel: %s is an ELF file for another processor "
                         "(machine %d), this is a 32-bit ARM", k->path, h->e_machine);
    }
    if (h->e_type != ET_EXEC || h->e_phentsize != sizeof(Elf32_Phdr) || h->e_phoff % 4 ||
        h->e_phoff > k->len || h->e_phnum > (k->len - h->e_phoff) / sizeof(Elf32_Phdr)) {
        return error_set(err, EINVAL, "kernel: %s is an ELF file, but no whole executable",
                         k->path);
    }
    return 0;
}

/* The addresses it takes; each segment lies in the file and in RAM. */
static int elf_span(const Kernel *k, const Elf32_Ehdr *h, ElfSpan *span, Error *err)
{
    *span = (ElfSpan){ UINT32_MAX, 0 };
    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p = elf_segment(k, h, i);

        if (p->p_type != PT_LOAD || p->p_memsz == 0) {
            continue;
        }
        if (p->p_filesz > p->p_memsz || p->p_offset > k->len ||
            p->p_filesz > k->len - p->p_offset) {
            return error_set(err, EINVAL, "kernel: %s is cut off: segment %u lies beyond "
                             "the end of the file", k->path, i);
        }
        int ret = check_place(k, p->p_paddr, p->p_memsz, err);
        if (ret < 0) {
            return ret;
        }
        span->low = MIN(span->low, p->p_paddr);
        span->high = MAX(span->high, p->p_paddr + p->p_memsz);
    }
    return span->high ? 0 : error_set(err, EINVAL, "kernel: %s is an ELF file with nothing "
                                      "to load", k->path);
}

/* A program linked at virtual addresses starts where that address is loaded. */
static uint32_t elf_entry(const Kernel *k, const Elf32_Ehdr *h)
{
    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p = elf_segment(k, h, i);

        if (p->p_type == PT_LOAD && h->e_entry - p->p_vaddr < p->p_memsz) {
            return h->e_entry - p->p_vaddr + p->p_paddr;
        }
    }
    return h->e_entry;
}

static int load_elf(const Kernel *k, Error *err)
{
    const Elf32_Ehdr *h = (const Elf32_Ehdr *)(const void *)k->data;
    ElfSpan span;
    int ret = check_elf(k, h, err);

    ret = ret < 0 ? ret : elf_span(k, h, &span, err);
    if (ret < 0) {
        return ret;
    }
    ArmBlob *blob = &k->b->blob[ARM_BLOB_KERNEL];
    *blob = (ArmBlob){ .addr = span.low, .len = span.high - span.low,
                       .data = xcalloc(1, span.high - span.low) };
    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p = elf_segment(k, h, i);

        if (p->p_type == PT_LOAD && p->p_memsz) {
            memcpy(blob->data + (p->p_paddr - span.low), k->data + p->p_offset, p->p_filesz);
        }
    }
    k->b->kernel_end = span.high;
    k->b->entry = elf_entry(k, h);
    return 0;
}

/* -- What is it? ------------------------------------------------------------- */

/* Kernels for something else, and compressed ones. */
static const struct Stranger {
    size_t at;
    const char *magic, *what;
    size_t len;
} strangers[] = {
    { 0x202, "HdrS", "a kernel for x86 processors", 4 },
    { 0x38, "ARM\x64", "a kernel for 64-bit ARM processors", 4 },
    { 0, "\x1f\x8b", "compressed with gzip: unpack it, or use the zImage", 2 },
    { 0, "\xfd" "7zXZ", "compressed with xz: unpack it, or use the zImage", 5 },
    { 0, "BZh", "compressed with bzip2: unpack it, or use the zImage", 3 },
    { 0, "\xd0\x0d\xfe\xed", "a device tree: give it with -dtb", 4 },
    { 0, "070701", "a cpio archive: give it with -initrd", 6 },
    { 0, "#!", "a script", 2 },
};

static int refuse_stranger(const Kernel *k, Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
        const struct Stranger *s = &strangers[i];

        if (k->len >= s->at + s->len && !memcmp(k->data + s->at, s->magic, s->len)) {
            return error_set(err, EINVAL, "kernel: %s is no ARM kernel, it is %s", k->path,
                             s->what);
        }
    }
    /* The first word of an Image is an instruction that is always executed. */
    if (k->len < 4 || k->data[3] >> 4 != 0xe) {
        return error_set(err, EINVAL, "kernel: %s is no ARM kernel: neither zImage, Image, "
                         "uImage nor ELF", k->path);
    }
    return 0;
}

static int load(const Kernel *k, Error *err)
{
    if (k->len >= sizeof(Elf32_Ehdr) && !memcmp(k->data, ELFMAG, SELFMAG)) {
        return load_elf(k, err);
    }
    if (is_zimage(k)) {
        return load_zimage(k, err);
    }
    if (k->len > UIMAGE_HEADER && load_be(k->data, 4) == UIMAGE_MAGIC) {
        return load_uimage(k, err);
    }
    int ret = refuse_stranger(k, err);
    return ret < 0 ? ret : load_image(k, err);
}

int arm_image_load(ArmBoot *b, const char *path, Error *err)
{
    uint8_t *data;
    size_t len;
    int ret = loader_read_file("kernel", path, b->board->ram_size, &data, &len, err);

    if (ret == 0) {
        Kernel k = { b, path, data, len };

        ret = load(&k, err);
        free(data);
    }
    return ret;
}
