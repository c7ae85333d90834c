/* SPDX-License-Identifier: MIT */
/*
 * Disk loads in a guest: disk DEVICE MIB
 *
 *      DISK seq-read-64k 33554432 0.123        bytes and seconds by the guest's clock
 *      DISK-END
 *
 * All with O_DIRECT but cached-read, one request at a time; MIB is the amount of the
 * sequential loads, the random ones move an eighth of it.  Random offsets lie in the
 * first 256 MiB.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct Load {
    const char *name;
    unsigned size, divisor;             /* bytes per request; of MIB */
    char is_write, is_random, is_cached, with_flush;
} loads[] = {
    { "seq-read-64k",      65536,   1, 0, 0, 0, 0 },
    { "seq-read-1m",       1 << 20, 1, 0, 0, 0, 0 },
    { "seq-write-64k",     65536,   1, 1, 0, 0, 0 },
    { "seq-write-1m",      1 << 20, 1, 1, 0, 0, 0 },
    { "cached-read",       65536,   1, 0, 0, 1, 0 },
    { "rand-read-4k",      4096,    8, 0, 1, 0, 0 },
    { "rand-write-4k",     4096,    8, 1, 1, 0, 0 },
    { "write-flush-4k",    4096,    64, 1, 1, 0, 1 },
};

enum { SPAN = 256 << 20 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    printf("DISK-FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

static void run(const struct Load *l, const char *device, unsigned mib, char *buf)
{
    int fd = open(device, (l->is_write ? O_RDWR : O_RDONLY) | (l->is_cached ? 0 : O_DIRECT));
    uint64_t bytes = ((uint64_t)mib << 20) / l->divisor, off = 0;
    uint32_t seed = 1;

    if (fd < 0) {
        die(device);
    }
    printf("DISK-START %s\n", l->name);
    double began = now();

    for (uint64_t done = 0; done < bytes; done += l->size) {
        if (l->is_random) {
            seed = seed * 1664525 + 1013904223;
            off = (uint64_t)(seed >> 8) % (SPAN / l->size) * l->size;
        }
        ssize_t n = l->is_write ? pwrite(fd, buf, l->size, (off_t)off)
                                : pread(fd, buf, l->size, (off_t)off);
        if (n != (ssize_t)l->size || (l->with_flush && fdatasync(fd) < 0)) {
            die(l->name);
        }
        off += l->size;
    }
    printf("DISK %s %llu %.4f\n", l->name, (unsigned long long)bytes, now() - began);
    close(fd);
}

int main(int argc, char **argv)
{
    void *buf;

    if (argc != 3 || posix_memalign(&buf, 4096, 1 << 20)) {
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(buf, 0x5a, 1 << 20);
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        run(&loads[i], argv[1], (unsigned)atoi(argv[2]), buf);
    }
    puts("DISK-END");
    return 0;
}
