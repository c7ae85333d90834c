/* SPDX-License-Identifier: MIT */
/*
 * Protocols file, host_device and host_cdrom: bytes of a file, a disk or a CD drive
 * of the host.  Each takes all of them, but host_cdrom refuses what is no CD drive.
 *
 *   read, cached     preadv2(RWF_NOWAIT) at once, in servers if it is short
 *   write, cached    at once, in tools if it is short
 *   O_DIRECT         native AIO
 *   everything else  a worker thread
 *
 * Images are locked as whole files with open file description locks (fcntl(2),
 * F_OFD_SETLK): many readers or one writer.  Reads beyond the end of the file
 * give zeroes, writes there make it longer.
 *
 * After a failed fdatasync() the kernel forgets which pages were lost and the
 * next one would succeed (fsync(2), NOTES of EIO); so a flush that failed once
 * with EIO fails for ever.
 *
 * A CD drive may be opened empty; what the guest does with its tray and lock is
 * done with the host's.
 *
 * Not modelled: SG_IO pass-through.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/host-cdrom.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_PIECES = 256, MAX_SECTOR = 4096 };

typedef struct File {
    int fd;
    bool is_device, direct;
    bool is_cdrom, has_disc;
    bool nowait;                        /* RWF_NOWAIT works here */
    bool no_discard, no_zero_range;     /* the file system refused once */
    bool flush_lost;
    uint64_t data_from, data_to;        /* no holes there: SEEK_HOLE is slow */
    LinuxAio *aio;
    AioLine writes;                     /* see transfer() */
} File;

static const BlockOptDef open_opts[] = {
    { "locking", "on or off: refuse images that others write to" },
    { NULL, NULL }
};

static const BlockOptDef create_opts[] = {
    { "preallocation", "off, falloc (reserve room) or full (write zeroes)" },
    { NULL, NULL }
};

/* -- Opening ----------------------------------------------------------------- */

static int lock_image(const File *s, const char *filename, bool write, Error *err)
{
    struct flock fl = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

    if (fcntl(s->fd, F_OFD_SETLK, &fl) == 0) {
        return 0;
    }
    if (errno != EAGAIN && errno != EACCES) {
        return 0;                       /* this file system has no locks */
    }
    return error_set(err, EBUSY, "%s: in use: another emulator or tool %s it; end that one,"
                     " or use locking=off", filename,
                     write ? "has opened" : "writes to");
}

static int explain_open(const char *filename, int flags, int errnum, Error *err)
{
    switch (errnum) {
    case ENOENT:
        return error_set(err, errnum, "%s: no such file: make one with qemu-img create",
                         filename);
    case EACCES:
    case EPERM:
    case EROFS:
        if (flags & BDRV_O_RDWR && access(filename, R_OK) == 0) {
            return error_set(err, errnum, "%s: may not be written (%s): use readonly=on,"
                             " snapshot=on, or chmod u+w", filename, strerror(errnum));
        }
        return error_set(err, errnum, "%s: may not be read (%s)", filename,
                         strerror(errnum));
    case EINVAL:
        if (flags & BDRV_O_NOCACHE) {
            return error_set(err, errnum, "%s: this file system has no O_DIRECT:"
                             " use cache=writeback", filename);
        }
        break;
    case ENOMEDIUM:
        return error_set(err, errnum, "%s: there is no medium in the drive", filename);
    }
    return error_set(err, errnum, "%s: cannot be opened: %s", filename, strerror(errnum));
}

static int explain_kind(const char *filename, const struct stat *st, Error *err)
{
    if (S_ISDIR(st->st_mode)) {
        return error_set(err, EISDIR, "%s: a directory, not a disk image", filename);
    }
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode)) {
        return error_set(err, EINVAL, "%s: neither a file nor a block device", filename);
    }
    return 0;
}

/* What direct I/O must be a multiple of: ask the device, or try. */
static uint32_t direct_alignment(const File *s)
{
    int sector = 0;
    void *buf;
    uint32_t align = MAX_SECTOR;

    if (s->is_device && ioctl(s->fd, BLKSSZGET, &sector) == 0 && sector >= 512) {
        return (uint32_t)sector;
    }
    if (posix_memalign(&buf, MAX_SECTOR, MAX_SECTOR) == 0) {
        if (pread(s->fd, (char *)buf + 512, 512, 512) >= 0) {
            align = 512;
        }
        free(buf);
    }
    return align;
}

static int measure(const File *s, const struct stat *st, uint64_t *size)
{
    if (s->is_cdrom && !s->has_disc) {
        *size = 0;
        return 0;
    }
    if (S_ISBLK(st->st_mode)) {
        return ioctl(s->fd, BLKGETSIZE64, size) < 0 ? -errno : 0;
    }
    *size = (uint64_t)st->st_size;
    return 0;
}

static int open_fd(const char *filename, int flags)
{
    int mode = flags & BDRV_O_RDWR ? O_RDWR : O_RDONLY;

    mode |= flags & BDRV_O_NOCACHE ? O_DIRECT : 0;
    int fd = open(filename, mode | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int set_up(BlockDriverState *bs, bool lock, Error *err)
{
    File *s = bs->opaque;
    struct stat st;
    int ret = fstat(s->fd, &st) < 0 ? -errno : 0;

    if (ret >= 0 && (ret = explain_kind(bs->filename, &st, err)) < 0) {
        return ret;
    }
    s->is_device = S_ISBLK(st.st_mode);
    s->is_cdrom = host_cdrom_is_drive(s->fd);
    if (s->is_cdrom) {
        s->has_disc = host_cdrom_has_disc(s->fd);
        host_cdrom_disc_changed(s->fd);
    }
    if (ret >= 0) {
        ret = measure(s, &st, &bs->length);
    }
    if (ret < 0) {
        return explain_open(bs->filename, bs->flags, -ret, err);
    }
    s->direct = bs->flags & BDRV_O_NOCACHE;
    s->nowait = !s->direct;
    if (s->direct) {
        bs->read_align = bs->write_align = bs->mem_align = direct_alignment(s);
        s->aio = linux_aio_get();
    }
    bs->growable = !s->is_device;
    return lock ? lock_image(s, bs->filename, !bs->read_only, err) : 0;
}

static int file_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    File *s = bs->opaque;
    bool lock = !(bs->flags & BDRV_O_NO_LOCK);
    struct stat st;
    int ret = opts_get_bool(opts, "locking", &lock, err);

    if (ret < 0) {
        return error_prefix(err, ret, "%s", bs->filename);
    }
    if (stat(bs->filename, &st) == 0 &&
        (ret = explain_kind(bs->filename, &st, err)) < 0) {
        return ret;
    }
    s->fd = open_fd(bs->filename, bs->flags);
    if (s->fd < 0) {
        return explain_open(bs->filename, bs->flags, -s->fd, err);
    }
    ret = set_up(bs, lock, err);
    if (ret < 0) {
        close(s->fd);
    }
    return ret;
}

static int cdrom_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    const File *s = bs->opaque;
    int ret = file_open(bs, opts, err);

    if (ret >= 0 && !s->is_cdrom) {
        close(s->fd);
        ret = error_set(err, EINVAL, "%s: not a CD drive of the host", bs->filename);
    }
    return ret;
}

static void file_close(BlockDriverState *bs)
{
    File *s = bs->opaque;

    close(s->fd);
}

/* -- The tray of a CD drive -------------------------------------------------- */

static bool file_disc_changed(BlockDriverState *bs)
{
    const File *s = bs->opaque;

    return s->is_cdrom && (host_cdrom_has_disc(s->fd) != s->has_disc ||
                           host_cdrom_disc_changed(s->fd));
}

static void file_move_tray(BlockDriverState *bs, bool open)
{
    const File *s = bs->opaque;

    if (s->is_cdrom) {
        host_cdrom_move_tray(s->fd, open);
    }
}

static void file_lock_tray(BlockDriverState *bs, bool lock)
{
    const File *s = bs->opaque;

    if (s->is_cdrom) {
        host_cdrom_lock_tray(s->fd, lock);
    }
}

/* -- Moving bytes ------------------------------------------------------------ */

typedef struct Transfer {
    int fd;
    bool write;
    const struct iovec *iov;
    int num;
    uint64_t off;
    ssize_t moved;
} Transfer;

static int transfer_once(void *arg)
{
    Transfer *t = arg;

    do {
        t->moved = t->write ? pwritev(t->fd, t->iov, t->num, (off_t)t->off)
                            : preadv(t->fd, t->iov, t->num, (off_t)t->off);
    } while (t->moved < 0 && errno == EINTR);
    return t->moved < 0 ? -errno : 0;
}

/* What the page cache has can be had without waiting. */
static bool read_cached(File *s, const struct iovec *iov, int num, uint64_t off,
                        size_t want)
{
    ssize_t n = preadv2(s->fd, iov, num, (off_t)off, RWF_NOWAIT);

    if (n < 0 && errno != EAGAIN) {
        s->nowait = false;
    }
    return n >= 0 && (size_t)n == want;
}

/* Bytes moved, fewer than wanted only at the end of the file.  The kernel lets one
 * cached write at a time into a file (Linux, mm/filemap.c, generic_file_write_iter());
 * a second worker would spin until the first is through, so they stand in line. */
static int64_t transfer(File *s, bool write, const struct iovec *iov, int num,
                        uint64_t off, size_t want)
{
    Transfer t = { s->fd, write, iov, num, off, 0 };

    if (!write && s->nowait && aio_at_once(false, want) && read_cached(s, iov, num, off, want)) {
        return (int64_t)want;
    }
    if (s->aio) {
        int64_t n = linux_aio_co(s->aio, s->fd, write, iov, num, off);

        if (n != -EINVAL && n != -ENOSYS && n != -EAGAIN) {
            return n;
        }
    }
    bool cached_write = write && !s->direct && !s->is_device;
    int ret = cached_write && aio_at_once(true, want) ? transfer_once(&t)
            : aio_line_co(cached_write ? &s->writes : NULL, transfer_once, &t);
    return ret < 0 ? ret : t.moved;
}

/* What was written before a write failed made the file longer all the same. */
static int write_failed(BlockDriverState *bs, uint64_t start, uint64_t off, int ret)
{
    if (off > start && bs->growable) {
        bs->length = MAX(bs->length, off);
    }
    return ret;
}

static int move(BlockDriverState *bs, bool write, uint64_t off, uint64_t len,
                const QEMUIOVector *qiov, size_t at)
{
    File *s = bs->opaque;
    uint64_t start = off;

    while (len) {
        struct iovec iov[MAX_PIECES];
        size_t want;
        int num = iov_slice(qiov, at, len, iov, MAX_PIECES, &want);
        int64_t n = transfer(s, write, iov, num, off, want);

        if (write && n <= 0) {
            return write_failed(bs, start, off, n ? (int)n : -ENOSPC);
        }
        if (n < 0) {
            return (int)n;
        }
        /* Short: the end, or (direct I/O) a last odd block. */
        if (!write && (n == 0 || n % bs->read_align)) {
            iov_memset(qiov, at + (size_t)n, 0, len - (uint64_t)n);
            return 0;
        }
        off += (uint64_t)n;
        at += (size_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

static int file_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    return move(bs, false, off, len, qiov, at);
}

static int file_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    return move(bs, true, off, len, qiov, at);
}

static int do_fdatasync(void *arg)
{
    const File *s = arg;

    return fdatasync(s->fd) < 0 ? -errno : 0;
}

static int file_flush(BlockDriverState *bs)
{
    File *s = bs->opaque;
    int ret = s->flush_lost ? -EIO : aio_pool_co(do_fdatasync, s);

    s->flush_lost |= ret == -EIO;
    return ret;
}

/* -- Holes ------------------------------------------------------------------- */

typedef struct Range {
    const File *s;
    uint64_t off, len;
    int mode;                           /* of fallocate() */
    unsigned long device_ioctl;
} Range;

static int do_range(void *arg)
{
    const Range *r = arg;
    uint64_t range[2] = { r->off, r->len };
    int ret;

    if (r->s->is_device) {
        ret = ioctl(r->s->fd, r->device_ioctl, range);
    } else {
        ret = fallocate(r->s->fd, r->mode, (off_t)r->off, (off_t)r->len);
    }
    if (ret == 0) {
        return 0;
    }
    return errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS || errno == EINVAL
           ? -ENOTSUP : -errno;
}

/* Not with ftruncate(): another thread may make the file longer meanwhile, and
 * what it wrote would be cut off. */
static int grow_to(void *arg)
{
    const Range *r = arg;
    struct stat st;

    if (fstat(r->s->fd, &st) == 0 && (uint64_t)st.st_size < r->off + r->len &&
        fallocate(r->s->fd, 0, (off_t)(r->off + r->len - 1), 1) < 0) {
        return errno == EOPNOTSUPP ? -ENOTSUP : -errno;
    }
    return 0;
}

static int file_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    File *s = bs->opaque;
    Range r = { s, off, len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLKDISCARD };

    if (s->no_discard) {
        return -ENOTSUP;
    }
    int ret = aio_pool_co(do_range, &r);
    s->no_discard |= ret == -ENOTSUP;
    s->data_to = 0;
    return ret;
}

static int file_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    File *s = bs->opaque;
    Range r = { s, off, len, FALLOC_FL_ZERO_RANGE, BLKZEROOUT };
    int ret;

    if ((flags & BDRV_REQ_MAY_UNMAP) && !s->is_device && !s->no_discard) {
        ret = file_discard(bs, off, len);
        if (ret >= 0 && off + len > bs->length) {
            ret = aio_pool_co(grow_to, &r);
        }
        if (ret != -ENOTSUP) {
            return ret;
        }
    }
    if (s->no_zero_range) {
        return -ENOTSUP;
    }
    ret = aio_pool_co(do_range, &r);
    s->no_zero_range |= ret == -ENOTSUP;
    s->data_to = 0;
    return ret;
}

static int file_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                             uint64_t *num, uint64_t *map)
{
    File *s = bs->opaque;
    int have = BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET;

    *map = off;
    *num = len;
    if (s->is_device) {
        return have | BDRV_BLOCK_DATA;
    }
    if (off < s->data_from || off >= s->data_to) {
        off_t data = lseek(s->fd, (off_t)off, SEEK_DATA);

        if (data < 0) {                 /* a hole to the end, or not known */
            return have | (errno == ENXIO ? BDRV_BLOCK_ZERO : BDRV_BLOCK_DATA);
        }
        if ((uint64_t)data > off) {
            *num = MIN(len, (uint64_t)data - off);
            return have | BDRV_BLOCK_ZERO;
        }
        off_t hole = lseek(s->fd, (off_t)off, SEEK_HOLE);

        if (hole <= 0 || (uint64_t)hole <= off) {
            return have | BDRV_BLOCK_DATA;
        }
        s->data_from = off;
        s->data_to = (uint64_t)hole;
    }
    *num = MIN(len, s->data_to - off);
    return have | BDRV_BLOCK_DATA;
}

/* -- Size -------------------------------------------------------------------- */

static int file_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    File *s = bs->opaque;

    if (s->is_device) {
        return error_set(err, ENOTSUP, "%s: a device of the host cannot be resized",
                         bs->filename);
    }
    if (ftruncate(s->fd, (off_t)size) < 0) {
        return error_set(err, errno, "%s: cannot be resized: %s", bs->filename,
                         strerror(errno));
    }
    bs->length = size;
    bs->write_gen++;
    s->data_to = 0;
    return 0;
}

static int file_preallocate(BlockDriverState *bs, uint64_t from, bool reserve)
{
    File *s = bs->opaque;

    if (!reserve) {
        return -ENOTSUP;
    }
    s->data_to = 0;
    return from < bs->length
           ? -posix_fallocate(s->fd, (off_t)from, (off_t)(bs->length - from)) : 0;
}

static int64_t file_allocated(BlockDriverState *bs)
{
    const File *s = bs->opaque;
    struct stat st;

    return fstat(s->fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

static int preallocate(int fd, uint64_t size, const char *how)
{
    static const char zeroes[64 << 10];

    if (!strcmp(how, "falloc")) {
        return size ? -posix_fallocate(fd, 0, (off_t)size) : 0;
    }
    for (uint64_t off = 0; off < size;) {
        ssize_t n = pwrite(fd, zeroes, MIN(size - off, sizeof(zeroes)), (off_t)off);

        if (n < 0) {
            return -errno;
        }
        off += (uint64_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int fill_new(const File *s, const char *filename, uint64_t size,
                    const char *how, Error *err)
{
    int ret = lock_image(s, filename, true, err);

    if (ret < 0) {
        return ret;
    }
    if (ftruncate(s->fd, 0) < 0 || ftruncate(s->fd, (off_t)size) < 0) {
        return error_set(err, errno, "%s: cannot be made %llu bytes long: %s", filename,
                         (unsigned long long)size, strerror(errno));
    }
    ret = how && strcmp(how, "off") ? preallocate(s->fd, size, how) : 0;
    return ret < 0 ? error_set(err, -ret, "%s: no room for %llu bytes: %s", filename,
                               (unsigned long long)size, strerror(-ret)) : 0;
}

static int file_create(const char *filename, uint64_t size, const BlockOpts *opts,
                       Error *err)
{
    const char *how = opts_get(opts, "preallocation");
    File s = { .fd = -1 };
    struct stat st;

    if (how && strcmp(how, "off") && strcmp(how, "falloc") && strcmp(how, "full")) {
        return error_set(err, EINVAL, "preallocation=%s: use off, falloc or full", how);
    }
    if (strncmp(filename, "file:", 5) == 0) {
        filename += 5;
    }
    if (stat(filename, &st) == 0 && !S_ISREG(st.st_mode)) {
        return S_ISDIR(st.st_mode) ? explain_kind(filename, &st, err)
             : error_set(err, EEXIST, "%s: not a regular file: nothing to create", filename);
    }
    s.fd = open(filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s.fd < 0) {
        return error_set(err, errno, "%s: cannot be made: %s", filename, strerror(errno));
    }
    int ret = fill_new(&s, filename, size, how, err);
    close(s.fd);
    return ret;
}

#define FILE_OPERATIONS                         \
    .state_size = sizeof(File),                 \
    .open_opts = open_opts,                     \
    .close = file_close,                        \
    .co_preadv = file_preadv,                   \
    .co_pwritev = file_pwritev,                 \
    .co_write_zeroes = file_write_zeroes,       \
    .co_discard = file_discard,                 \
    .co_flush_to_disk = file_flush,             \
    .co_block_status = file_block_status,       \
    .co_truncate = file_truncate,               \
    .co_preallocate = file_preallocate,         \
    .allocated_size = file_allocated,           \
    .disc_changed = file_disc_changed,          \
    .move_tray = file_move_tray,                \
    .lock_tray = file_lock_tray

const BlockDriver bdrv_file = {
    .name = "file",
    .protocol = "file",
    .create_opts = create_opts,
    .create = file_create,
    .open = file_open,
    FILE_OPERATIONS,
};

const BlockDriver bdrv_host_device = {
    .name = "host_device",
    .protocol = "host_device",
    .open = file_open,
    FILE_OPERATIONS,
};

const BlockDriver bdrv_host_cdrom = {
    .name = "host_cdrom",
    .protocol = "host_cdrom",
    .open = cdrom_open,
    FILE_OPERATIONS,
};
