/* SPDX-License-Identifier: MIT */
/*
 * Images nobody made in good faith.
 *
 * For each format a few small images are made, some by create() and requests,
 * some by hand, some copied while they are open.  A case is one of them with a
 * few fields of its metadata changed; it is opened, read, written, checked and
 * repaired, its snapshots are listed and gone to, and it is opened again.  What
 * is metadata shows by itself: sectors that are neither zeroes nor the pattern
 * all data have.  Checksums are made right again in most cases.
 *
 * The rule: the answer is data or an error.  A crash, a sanitizer's report,
 * HANG seconds of CPU or more than LIMIT bytes of memory are a failure.  The
 * cases run in a child; the parent sees how it ends, prints what repeats it
 * and goes on behind it.
 *
 *      fuzz-image [FORMAT|all] [CASES | SECONDSs] [SEED [CASE]]
 *
 * SECONDS are of CPU, per format.  With CASE that one runs, in the program
 * itself, and its image is kept.  With -DLIBFUZZER libFuzzer makes the cases; see
 * the script hours.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/vhdx-log.h"
#include "tests/fuzz/rng.h"
#include "tests/unit/read-only-images.h"
#include "util/bits.h"
#include "util/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

enum { LIMIT = 64 << 20, HANG = 10, HANG_WALL = 120, FILE_LIMIT = 256 << 20, DISK = 512 << 10,
       PATTERN = 0xa5, OUT_OF_MEMORY = 77, MAX_BASES = 10 };

typedef struct Base {
    const char *format, *opts;
    Bytes (*make)(const uint8_t *disk);
    bool dirty;                         /* copied while open for writing */
} Base;

static Bytes make_dmg_fork(const uint8_t *disk) { return make_dmg(disk, false); }
static Bytes make_dmg_list(const uint8_t *disk) { return make_dmg(disk, true); }

static const Base bases[] = {
    { "qcow2", NULL, NULL, false }, { "qcow2", "cluster_size=4k,refcount_bits=64", NULL, true },
    { "qcow2", "compat=0.10,cluster_size=512", NULL, false },
    { "qcow2", "extended_l2=on,cluster_size=16k,lazy_refcounts=on", NULL, true },
    { "qcow2", "cluster_size=4k,compression_type=zstd,refcount_bits=4", NULL, false },
    { "qcow", NULL, NULL, false }, { "qcow", NULL, NULL, true },
    { "vmdk", NULL, NULL, false }, { "vmdk", "zeroed_grain=on", NULL, true },
    { "vmdk", "subformat=streamOptimized", NULL, false },
    { "vmdk", "subformat=twoGbMaxExtentSparse", NULL, false },
    { "vmdk", "subformat=monolithicFlat", NULL, false },
    { "vdi", NULL, NULL, false }, { "vdi", "static=on", NULL, true },
    { "vpc", "force_size=on", NULL, false },
    { "vpc", "subformat=fixed,force_size=on", NULL, false },
    { "vhdx", "block_size=1M", NULL, false }, { "vhdx", "block_size=1M", NULL, true },
    { "parallels", "cluster_size=64k", NULL, false },
    { "parallels", "cluster_size=4k", NULL, true },
    { "cow", NULL, make_cow, false }, { "bochs", NULL, make_bochs, false },
    { "cloop", NULL, make_cloop, false },
    { "dmg", NULL, make_dmg_fork, false }, { "dmg", NULL, make_dmg_list, false },
};

static const char *const all_formats[] = {
    "qcow2", "qcow", "vmdk", "vdi", "vpc", "vhdx", "parallels", "cow", "bochs", "cloop", "dmg",
};

/* -- Memory ------------------------------------------------------------------ */

static atomic_size_t in_use, at_start;
static atomic_bool watching;

static void out_of_memory(size_t size)
{
    watching = false;
    fprintf(stderr, "%zu bytes more: over the limit of %d\n", size, LIMIT);
#ifdef ASAN
    void __sanitizer_print_stack_trace(void);
    __sanitizer_print_stack_trace();
#endif
    _exit(OUT_OF_MEMORY);
}

static void count(size_t size)
{
    if (atomic_fetch_add(&in_use, size) + size > at_start + LIMIT && watching) {
        out_of_memory(size);
    }
}

#if defined(ASAN)
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                              void (*)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *p);

static void on_malloc(const volatile void *p, size_t size)
{
    (void)p;
    count(size);
}

static void on_free(const volatile void *p)
{
    atomic_fetch_sub(&in_use, p ? __sanitizer_get_allocated_size(p) : 0);
}

static void watch_memory(void)
{
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
/* The C library's own, by the names under which it keeps them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t num, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static void *counted(void *p)
{
    count(p ? malloc_usable_size(p) : 0);
    return p;
}

static void before(size_t size)
{
    if (size > LIMIT && watching) {
        out_of_memory(size);
    }
}

void *malloc(size_t size)
{
    before(size);
    return counted(__libc_malloc(size));
}

void *calloc(size_t num, size_t size)
{
    size_t total;

    before(__builtin_mul_overflow(num, size, &total) ? SIZE_MAX : total);
    return counted(__libc_calloc(num, size));
}

void *realloc(void *p, size_t size)
{
    size_t old = p ? malloc_usable_size(p) : 0;

    before(size);
    p = __libc_realloc(p, size);
    if (p) {
        atomic_fetch_sub(&in_use, old);
    }
    return counted(p);
}

int posix_memalign(void **p, size_t align, size_t size)
{
    before(size);
    *p = counted(__libc_memalign(align, size));
    return *p ? 0 : ENOMEM;
}

void free(void *p)
{
    atomic_fetch_sub(&in_use, p ? malloc_usable_size(p) : 0);
    __libc_free(p);
}

static void watch_memory(void)
{
}
#endif

/* -- Files ------------------------------------------------------------------- */

static char *dir, *image_path;

static char *in_dir(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void make_dir(void)
{
    /* Memory, if there is some: nothing here needs a disk. */
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";

    dir = xasprintf("%s/fuzz-image-XXXXXX", getenv("TMPDIR") ?: where);
    if (!mkdtemp(dir)) {
        abort();
    }
    image_path = in_dir("a.img");
}

static void run(const char *cmd, const char *what)
{
    char *line = xasprintf("%s '%s'", cmd, what);

    if (system(line) != 0) {
        abort();
    }
    free(line);
}

static Bytes load_file(const char *path)
{
    Bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");

    if (!f || fseek(f, 0, SEEK_END)) {
        abort();
    }
    b.len = (size_t)ftell(f);
    b.data = xmalloc(b.len + 1);
    rewind(f);
    if (fread(b.data, 1, b.len, f) != b.len) {
        abort();
    }
    fclose(f);
    return b;
}

/* Without what is zero anyway: most of a vhdx. */
static void store_file(const char *path, const Bytes *b)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)b->len) < 0) {
        abort();
    }
    for (size_t off = 0; off < b->len; off += 4096) {
        size_t n = MIN(b->len - off, (size_t)4096);

        if (!buf_is_zero(b->data + off, n) && pwrite(fd, b->data + off, n, (off_t)off) < 0) {
            abort();
        }
    }
    close(fd);
}

/* -- Good images ------------------------------------------------------------- */

typedef struct Image {
    Bytes file;
    size_t *sectors, num;               /* those that look like metadata */
} Image;

static Image images[MAX_BASES];
static size_t num_images;

static void fill_disk(BlockDriverState *bs)
{
    static uint8_t data[96 << 10];
    BlockSnapshot sn = { .id = "", .name = "one" };
    Error err = { "" };

    memset(data, PATTERN, sizeof(data));
    blk_pwrite(bs, 0, data, sizeof(data));
    blk_pwrite(bs, 300 << 10, data, 70 << 10);
    if (bs->drv->snapshot_create && bs->drv->snapshot_create(bs, &sn, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        abort();
    }
    blk_pwrite(bs, 8192, data, 40 << 10);
    blk_write_zeroes(bs, 64 << 10, 16 << 10);
    blk_pwrite(bs, 440 << 10, data, 700);
}

static Bytes make_base(const Base *base)
{
    BlockDriverState *bs = bdrv_new(NULL);
    BlockOpts o = { NULL, 0 };
    Bytes b = { NULL, 0 };
    Error err = { "" };

    if ((base->opts && opts_parse(&o, base->opts, &err) < 0) ||
        bdrv_create(base->format, image_path, DISK, &o, &err) < 0 ||
        bdrv_open(bs, image_path, base->format, BDRV_O_RDWR | BDRV_O_NO_FLUSH, NULL, &err) < 0) {
        fprintf(stderr, "%s %s: %s\n", base->format, base->opts ? base->opts : "", err.msg);
        abort();
    }
    opts_free(&o);
    fill_disk(bs);
    if (base->dirty) {
        b = load_file(image_path);
    }
    bdrv_delete(bs);
    return base->dirty ? b : load_file(image_path);
}

static bool all_pattern(const uint8_t *p, size_t len)
{
    while (len && *p == PATTERN) {
        p++;
        len--;
    }
    return len == 0;
}

static void find_metadata(Image *im)
{
    size_t last = im->file.len / 512;

    im->sectors = xcalloc(last + 2, sizeof(*im->sectors));
    im->sectors[im->num++] = 0;
    for (size_t i = 1; i < last; i++) {
        const uint8_t *p = im->file.data + i * 512;

        if (!buf_is_zero(p, 512) && !all_pattern(p, 512)) {
            im->sectors[im->num++] = i * 512;
        }
    }
}

static void make_images(const char *format)
{
    uint8_t *disk = xzalloc(SMALL);

    memset(disk, PATTERN, 96 << 10);
    memset(disk + (300 << 10), PATTERN, 70 << 10);
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        if (!strcmp(bases[i].format, format)) {
            Image *im = &images[num_images++];

            im->file = bases[i].make ? bases[i].make(disk) : make_base(&bases[i]);
            find_metadata(im);
        }
    }
    free(disk);
}

static void drop_images(void)
{
    while (num_images) {
        Image *im = &images[--num_images];

        free(im->file.data);
        free(im->sectors);
        memset(im, 0, sizeof(*im));
    }
}

/* -- Changes ----------------------------------------------------------------- */

static size_t some_place(const Image *im, const Bytes *b)
{
    size_t first = one_in(3) ? 0 : im->sectors[below(im->num)];
    size_t off = one_in(12) ? below(b->len) : first + below(one_in(2) ? 128 : 512);

    return MIN(off, b->len - 1);
}

/* Edges, sizes of this file, and what was there, more or less. */
static uint64_t some_value(uint64_t old, const Bytes *b)
{
    switch (below(9)) {
    case 0: return 0;
    case 1: return ~0ull >> below(64);
    case 2: return 1ull << below(64);
    case 3: return old + below(5) - 2;
    case 4: return old ^ 1ull << below(64);
    case 5: return old << below(9) >> below(9);
    case 6: return b->len >> (one_in(2) ? 9 : 0);
    case 7: return below(b->len) & ~0ull << below(17);
    default: return next() & next();
    }
}

static void change_number(const Image *im, Bytes *b)
{
    unsigned n = 1u << below(4);
    size_t off = some_place(im, b) & (one_in(4) ? ~(size_t)0 : ~(size_t)(n - 1));

    if (off + n > b->len) {
        return;
    }
    if (one_in(2)) {
        store_le(b->data + off, some_value(load_le(b->data + off, n), b), n);
    } else {
        store_be(b->data + off, some_value(load_be(b->data + off, n), b), n);
    }
}

static void copy_piece(const Image *im, Bytes *b)
{
    size_t from = some_place(im, b), to = some_place(im, b), len = 1 + below(64);

    len = one_in(4) ? 512 : len;
    if (MAX(from, to) + len <= b->len) {
        memmove(b->data + to, b->data + from, len);
    }
}

/* Descriptors and property lists: other digits, other letters. */
static void change_text(const Image *im, Bytes *b)
{
    size_t off = some_place(im, b);

    for (size_t i = off; i < b->len && i < off + 200; i++) {
        if (b->data[i] >= '0' && b->data[i] <= '9') {
            b->data[i] = (uint8_t)"0199-x \n"[below(8)];
            i += below(4);
        }
    }
}

static void change_length(Bytes *b)
{
    size_t len = one_in(3) ? below(b->len) : b->len - below(MIN(b->len, (size_t)2048));

    b->len = MAX(len, (size_t)1);
}

/* VHD specification, "Hard Disk Footer Format", "Dynamic Disk Header". */
static void sum_vpc(Bytes *b, size_t off, size_t len, size_t field)
{
    uint32_t sum = 0;

    if (off + len <= b->len) {
        memset(b->data + off + field, 0, 4);
        for (size_t i = 0; i < len; i++) {
            sum += b->data[off + i];
        }
        store_be(b->data + off + field, ~sum, 4);
    }
}

/* MS-VHDX 2.2.2, 2.2.3, 2.3.1: CRC-32C with the field as zero. */
static void sum_vhdx(Bytes *b, size_t off, size_t len)
{
    if (off + len <= b->len) {
        memset(b->data + off + 4, 0, 4);
        store_le(b->data + off + 4, vhdx_crc32c(0, b->data + off, len), 4);
    }
}

static void mend_sums(const char *format, Bytes *b)
{
    if (!strcmp(format, "vpc")) {
        sum_vpc(b, 0, 512, 64);
        sum_vpc(b, 512, 1024, 36);
        sum_vpc(b, MAX(b->len, (size_t)512) - 512, 512, 64);
    } else if (!strcmp(format, "vhdx")) {
        for (size_t off = 64 << 10; off < 320 << 10; off += 64 << 10) {
            sum_vhdx(b, off, off < 192 << 10 ? 4096 : 64 << 10);
        }
        for (size_t off = 1 << 20; off + 16 < b->len && off < 2 << 20; off += 4096) {
            if (!memcmp(b->data + off, "loge", 4)) {
                sum_vhdx(b, off, load_le(b->data + off + 8, 4) & 0x7fffff);
            }
        }
    }
}

/* -- One case ---------------------------------------------------------------- */

static const char *the_format;
static uint64_t num_opened;             /* images */

static BlockDriverState *open_it(int flags)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, image_path, the_format, flags | BDRV_O_NO_FLUSH, NULL, &err) < 0) {
        bdrv_delete(bs);
        return NULL;
    }
    return bs;
}

/* At the start, at the end, anywhere. */
static uint64_t some_offset(const BlockDriverState *bs, uint64_t len)
{
    uint64_t most = bs->length - len;

    switch (below(3)) {
    case 0: return below(MIN(most, 1ull << 20) + 1);
    case 1: return most - below(MIN(most, 1ull << 16) + 1);
    default: return most ? next() % most : 0;
    }
}

static void do_requests(BlockDriverState *bs)
{
    static uint8_t buf[64 << 10];

    for (int i = 0; i < 16 && bs->length; i++) {
        uint64_t len = 1 + below(MIN(bs->length, (uint64_t)sizeof(buf)));
        uint64_t off = some_offset(bs, len), num;

        switch (below(8)) {
        case 0: blk_pwrite(bs, off, buf, len); break;
        case 1: blk_write_zeroes(bs, off, len); break;
        case 2: blk_discard(bs, off, len); break;
        case 3: bdrv_block_status(bs, off, bs->length - off, &num, NULL); break;
        case 4: blk_flush(bs); break;
        default: blk_pread(bs, off, buf, len); break;
        }
    }
}

static void do_snapshots(BlockDriverState *bs)
{
    BlockSnapshot *list = NULL, sn = { .id = "", .name = "two" };
    Error err = { "" };
    int num = bs->drv->snapshot_list ? bs->drv->snapshot_list(bs, &list, &err) : -ENOTSUP;

    if (num > 0 && !bs->read_only) {
        const char *id = list[below((uint64_t)num)].id;

        one_in(2) ? bs->drv->snapshot_goto(bs, id, &err) :
        one_in(2) ? bs->drv->snapshot_delete(bs, id, &err) :
                    bs->drv->snapshot_create(bs, &sn, &err);
    } else if (num > 0) {
        bs->drv->snapshot_load(bs, list[below((uint64_t)num)].id, &err);
    }
    free(list);
}

static void do_check(BlockDriverState *bs, int fix)
{
    BlockCheck res = { 0 };
    Error err = { "" };

    if (bs->drv->check) {
        bs->drv->check(bs, &res, fix, &err);
    }
}

static void do_the_rest(BlockDriverState *bs)
{
    BlockInfo info = { 0 };
    Error err = { "" };

    if (bs->drv->info) {
        bs->drv->info(bs, &info);
    }
    if (!bs->read_only && one_in(4)) {
        bdrv_truncate(bs, bs->length / 2 + below(1 << 20) / 512 * 512, &err);
    }
    if (!bs->read_only && one_in(8) && bs->drv->make_empty) {
        bs->drv->make_empty(bs);
    }
}

static void try_image(const Bytes *b)
{
    static const int flags[] = {
        0, BDRV_O_RDWR, BDRV_O_RDWR | BDRV_O_UNMAP, BDRV_O_RDWR | BDRV_O_REPAIR,
    };

    bdrv_probe(b->data, MIN(b->len, (size_t)2048), image_path);
    for (int pass = 0; pass < 2; pass++) {
        BlockDriverState *bs = open_it(flags[below(4)] | BDRV_O_AUTO_RDONLY);

        if (!bs) {
            return;
        }
        num_opened += pass == 0;
        if (pass == 0 && one_in(2)) {
            do_check(bs, bs->read_only ? 0 : BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
        }
        do_requests(bs);
        do_snapshots(bs);
        do_requests(bs);
        do_the_rest(bs);
        do_check(bs, 0);
        bdrv_delete(bs);
    }
}

static void try_case(Bytes *b, bool mend)
{
    if (mend) {
        mend_sums(the_format, b);
    }
    store_file(image_path, b);
    at_start = (size_t)in_use;
    watching = true;
    try_image(b);
    watching = false;
    free(b->data);
}

static void set_limits(void)
{
    struct rlimit files = { FILE_LIMIT, FILE_LIMIT }, cores = { 0, 0 };

    signal(SIGXFSZ, SIG_IGN);           /* -EFBIG */
    setrlimit(RLIMIT_FSIZE, &files);
    setrlimit(RLIMIT_CORE, &cores);
    watch_memory();
}

#ifdef LIBFUZZER

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * An input: which image, the seed of the requests, changes.  It stays small
 * however large the image, and what libFuzzer does to it, parts of one input
 * in another among it, are changes to metadata again.
 */
typedef struct __attribute__((packed)) Change {
    uint8_t width : 2, big_endian : 1, what : 5;
    uint8_t sector, offset_hi, offset;
    uint64_t value;
} Change;

typedef struct __attribute__((packed)) Input {
    uint8_t image;
    uint32_t seed;
    Change changes[];
} Input;

enum { CUT = 31, COPY = 30, ANYWHERE = 29 };    /* Change.what; others: a number */

static void make_change(const Change *c, const Image *im, Bytes *b)
{
    size_t n = (c->what == COPY ? 64u : 1u) << c->width;
    size_t off = c->offset_hi % 2 * 256u + c->offset;

    off += c->what == ANYWHERE ? c->value % b->len : im->sectors[c->sector % im->num];
    if (c->what == CUT) {
        b->len = MAX(c->value % b->len, (uint64_t)1);
    } else if (off + n > b->len) {
        return;
    } else if (c->what == COPY) {
        memmove(b->data + off, b->data + c->value % (b->len - n + 1), n);
    } else if (c->big_endian) {
        store_be(b->data + off, c->value, (unsigned)n);
    } else {
        store_le(b->data + off, c->value, (unsigned)n);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    the_format = getenv("FUZZ_FORMAT") ?: "qcow2";
    make_dir();
    set_limits();
    make_images(the_format);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Input *in = (const Input *)data;

    if (size < sizeof(*in)) {
        return 0;
    }
    const Image *im = &images[in->image % num_images];
    Bytes b = { xmemdup(im->file.data, im->file.len), im->file.len };

    for (size_t i = 0; i < (size - sizeof(*in)) / sizeof(Change); i++) {
        make_change(&in->changes[i], im, &b);
    }
    rng = in->seed * 0x9e3779b97f4a7c15ull | 1;
    try_case(&b, in->seed % 8 != 0);
    return 0;
}

#else

static void one_case(uint64_t seed, uint64_t number)
{
    const Image *im = &images[number % num_images];
    Bytes b = { xmemdup(im->file.data, im->file.len), im->file.len };

    rng = (seed * 0x9e3779b97f4a7c15ull ^ number * 0xd1342543de82ef95ull) | 1;
    for (int i = 0; i < 4; i++) {
        next();
    }
    for (uint64_t n = 1 + below(one_in(3) ? 12 : 3); n; n--) {
        switch (below(12)) {
        case 0: copy_piece(im, &b); break;
        case 1: change_text(im, &b); break;
        case 2: change_length(&b); break;
        default: change_number(im, &b); break;
        }
    }
    try_case(&b, !one_in(8));
}

/* -- Child and parent -------------------------------------------------------- */

typedef struct Job {
    uint64_t seed, cases;               /* cases 0: seconds count */
    double seconds;
    _Atomic uint64_t at;                /* the case that runs */
    uint64_t opened;
    bool done;
} Job;

static double cpu_time(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start_timer(void)
{
    struct itimerval t = { { 0, 0 }, { HANG, 0 } };

    setitimer(ITIMER_VIRTUAL, &t, NULL);
    alarm(HANG_WALL);
}

static void child(Job *j)
{
    double start = cpu_time(CLOCK_PROCESS_CPUTIME_ID);

    set_limits();
    make_images(the_format);
    while (j->cases ? j->at < j->cases
                    : cpu_time(CLOCK_PROCESS_CPUTIME_ID) - start < j->seconds) {
        start_timer();
        one_case(j->seed, j->at);
        j->at++;
        j->opened += num_opened;
        num_opened = 0;
    }
    alarm(0);
    j->done = true;
    drop_images();
    exit(0);                            /* leaks are found here */
}

static const char *how_it_ended(int status)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    return sig == SIGVTALRM ? "does not come back" : sig == SIGALRM ? "waits for ever" :
           sig ? strsignal(sig) : WEXITSTATUS(status) == OUT_OF_MEMORY ? "takes too much memory" :
           "a sanitizer's report";
}

/* How many cases failed. */
static int run_format(Job *j)
{
    int failures = 0;

    while (!j->done && failures < 20) {
        double before_it = cpu_time(CLOCK_MONOTONIC);
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            child(j);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid) {
            abort();
        }
        if (status != 0) {
            failures++;
            printf("# %s; to repeat it: fuzz-image %s 1 %llu %llu\n", how_it_ended(status),
                   the_format, (unsigned long long)j->seed, (unsigned long long)j->at);
            j->at += !j->done;
            j->seconds -= cpu_time(CLOCK_MONOTONIC) - before_it;
        }
    }
    return failures;
}

static int repeat(uint64_t seed, uint64_t number)
{
    set_limits();
    make_images(the_format);
    printf("# the image is %s\n", image_path);
    one_case(seed, number);
    drop_images();
    return 0;
}

int main(int argc, char **argv)
{
    const char *level = getenv("TEST_LEVEL"), *which = argc > 1 ? argv[1] : "all";
    bool all = !strcmp(which, "all"), ok = true;
    uint64_t cases = level && !strcmp(level, "all") ? 20000 : 300;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    double seconds = 0;
    char *end = NULL;
    int n = 0;

    if (argc > 2) {
        cases = strtoull(argv[2], &end, 0);
        if (*end == 's') {
            seconds = (double)cases;
            cases = 0;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_dir();
    printf("# fuzz-image: seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < ARRAY_SIZE(all_formats); i++) {
        Job *j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (j == MAP_FAILED || (!all && strcmp(which, all_formats[i]))) {
            continue;
        }
        the_format = all_formats[i];
        if (argc > 4) {
            return repeat(seed, strtoull(argv[4], NULL, 0));
        }
        *j = (Job){ .seed = seed, .cases = cases, .seconds = seconds };
        int failures = run_format(j);

        printf("%sok %d - %s: %llu cases, %llu opened\n", failures ? "not " : "", ++n, the_format,
               (unsigned long long)j->at, (unsigned long long)j->opened);
        ok &= failures == 0;
    }
    run("rm -rf", dir);
    free(dir);
    free(image_path);
    printf("1..%d\n", n);
    return ok && n ? 0 : 1;
}

#endif
