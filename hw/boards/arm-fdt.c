/* SPDX-License-Identifier: MIT */
/*
 * The device tree of an ARM board, completed as a boot loader does it
 * (Devicetree Specification 0.4, 3.4 and 3.6): the RAM there is, the command
 * line and the initrd.
 */
#include "hw/boards/arm-boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/boards/loader.h"
#include "util/mem.h"

#ifdef CONFIG_FDT

#include <libfdt.h>

enum { MAX_DTB = 1 << 20, GROWTH = 4096 };

static int refuse(const char *path, int why, Error *err)
{
    return error_set(err, EINVAL, "dtb: %s is %s (%s)", path,
                     why == -FDT_ERR_BADMAGIC ? "no device tree" :
                     why == -FDT_ERR_TRUNCATED ? "cut off" : "a damaged device tree",
                     fdt_strerror(why));
}

/* Is it for this board?  The kernel would stop before it can say so. */
static int check_compatible(const ArmBoot *b, const void *fdt, const char *path, Error *err)
{
    int len;
    const char *first = fdt_getprop(fdt, 0, "compatible", &len);

    for (const char *const *c = b->board->compatible; *c; c++) {
        if (fdt_node_check_compatible(fdt, 0, *c) == 0) {
            return 0;
        }
    }
    return error_set(err, EINVAL, "dtb: %s is for '%.*s', this machine is '%s'", path,
                     first ? len : 7, first ? first : "nothing", b->board->compatible[0]);
}

/* Numbers in `reg` have one or two cells. */
static int put_cells(void *fdt, int node, const char *name, const char *size_name, uint64_t val)
{
    int cells = fdt_address_cells(fdt, 0);

    if (!strcmp(size_name, "#size-cells")) {
        cells = fdt_size_cells(fdt, 0);
    }
    return cells == 2 ? fdt_appendprop_u64(fdt, node, name, val)
                      : fdt_appendprop_u32(fdt, node, name, (uint32_t)val);
}

static int find_or_add(void *fdt, const char *path, const char *name)
{
    int node = fdt_path_offset(fdt, path);

    return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(fdt, 0, name) : node;
}

static int set_memory(void *fdt, const ArmBoard *board)
{
    int node = find_or_add(fdt, "/memory", "memory");
    int ret = node < 0 ? node : fdt_setprop_string(fdt, node, "device_type", "memory");

    if (ret == 0) {
        fdt_delprop(fdt, node, "reg");
        ret = put_cells(fdt, node, "reg", "#address-cells", board->ram_base);
    }
    return ret < 0 ? ret : put_cells(fdt, node, "reg", "#size-cells", board->ram_size);
}

static int set_chosen(void *fdt, const ArmBlob *initrd, const char *append)
{
    int node = find_or_add(fdt, "/chosen", "chosen");
    int ret = node < 0 ? node : 0;

    if (ret == 0 && append) {
        ret = fdt_setprop_string(fdt, node, "bootargs", append);
    }
    if (ret == 0 && initrd->len) {
        ret = fdt_setprop_u32(fdt, node, "linux,initrd-start", initrd->addr);
        ret = ret < 0 ? ret : fdt_setprop_u32(fdt, node, "linux,initrd-end",
                                              initrd->addr + (uint32_t)initrd->len);
    }
    return ret;
}

static int complete(ArmBoot *b, const uint8_t *file, size_t file_len, const char *path,
                    const char *append, Error *err)
{
    size_t room = file_len + GROWTH + (append ? strlen(append) : 0);
    int ret = fdt_check_full(file, file_len);

    ret = ret < 0 ? refuse(path, ret, err) : check_compatible(b, file, path, err);
    if (ret < 0) {
        return ret;
    }
    uint8_t *fdt = xcalloc(1, room);
    ret = fdt_open_into(file, fdt, (int)room);
    ret = ret < 0 ? ret : set_memory(fdt, b->board);
    ret = ret < 0 ? ret : set_chosen(fdt, &b->blob[ARM_BLOB_INITRD], append);
    ret = ret < 0 ? ret : fdt_pack(fdt);
    if (ret < 0) {
        free(fdt);
        return refuse(path, ret, err);
    }
    b->blob[ARM_BLOB_DTB] = (ArmBlob){ .len = fdt_totalsize(fdt), .data = fdt };
    return 0;
}

int arm_fdt_load(ArmBoot *b, const char *path, const char *append, Error *err)
{
    uint8_t *file;
    size_t len;
    int ret = loader_read_file("dtb", path, MAX_DTB, &file, &len, err);

    if (ret == 0) {
        ret = complete(b, file, len, path, append, err);
        free(file);
    }
    return ret;
}

#else

int arm_fdt_load(ArmBoot *b, const char *path, const char *append, Error *err)
{
    (void)b;
    (void)append;
    return error_set(err, ENOTSUP, "dtb: %s: this program was built without libfdt; install "
                     "libfdt-dev and configure again", path);
}

#endif
