/* SPDX-License-Identifier: MIT */
#include "hw/boards/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bits.h"
#include "util/mem.h"

/* No PC kernel is larger: it goes below 4 GiB. */
#define MAX_KERNEL (1ull << 30)

static int read_open_file(FILE *f, const char *what, const char *path,
                          uint64_t max, uint8_t **data, size_t *len, Error *err)
{
    struct stat st;

    if (fstat(fileno(f), &st) < 0) {
        return error_set(err, errno, "%s: %s: %s", what, path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(err, EINVAL, "%s: %s is not a regular file", what, path);
    }
    if (st.st_size == 0) {
        return error_set(err, EINVAL, "%s: %s is empty", what, path);
    }
    if ((uint64_t)st.st_size > max) {
        return error_set(err, EFBIG, "%s: %s is too large: %lld bytes, at most "
                         "%" PRIu64 " fit", what, path, (long long)st.st_size, max);
    }
    *len = (size_t)st.st_size;
    *data = xmalloc(*len + 1);
    if (fread(*data, 1, *len, f) != *len) {
        free(*data);
        return error_set(err, EIO, "%s: %s cannot be read to its end", what, path);
    }
    return 0;
}

int loader_read_file(const char *what, const char *path, uint64_t max,
                     uint8_t **data, size_t *len, Error *err)
{
    /* Not blocking: nobody may ever write into a named pipe. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");

    if (!f) {
        int e = errno;

        if (fd >= 0) {
            close(fd);
        }
        return error_set(err, e, "%s: cannot open %s: %s", what, path, strerror(e));
    }
    int ret = read_open_file(f, what, path, max, data, len, err);
    fclose(f);
    return ret;
}

static const struct Format {
    int (*load)(const KernelImage *k, Error *err);
    const char *rom;
} formats[] = {
    { linux_load, "linuxboot.bin" },
    { multiboot_load, "multiboot.bin" },
};

int loader_load_kernel(Device *fw_cfg, const KernelFiles *files, uint64_t ram_top,
                       const char **rom, Error *err)
{
    KernelImage k = { .path = files->kernel, .files = files, .ram_top = ram_top,
                      .fw_cfg = fw_cfg };
    uint8_t *data;
    int ret = loader_read_file("kernel", files->kernel, MAX_KERNEL, &data, &k.len, err);

    if (ret < 0) {
        return ret;
    }
    k.data = data;
    for (size_t i = 0; i < ARRAY_SIZE(formats) && ret == 0; i++) {
        ret = formats[i].load(&k, err);
        *rom = formats[i].rom;
    }
    free(data);
    if (ret == 0) {
        return error_set(err, ENOEXEC, "kernel: %s is neither a Linux kernel "
                         "(bzImage) nor a Multiboot kernel", files->kernel);
    }
    return ret < 0 ? ret : 0;
}
