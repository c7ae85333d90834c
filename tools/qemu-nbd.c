/* SPDX-License-Identifier: MIT */
/*
 * qemu-nbd: serve a disk image over the network.
 *
 *      image -- block/ -- block/nbd-server.c -- TCP port or unix socket
 *                                            `- /dev/nbdN of this host (-c)
 *
 * A socket that the one who started us has opened (sd_listen_fds(3): LISTEN_PID,
 * LISTEN_FDS) is used instead of -b, -p and -k.
 *
 * Not modelled: TLS, bitmaps, --object, --image-opts (refused by name).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "block/aio.h"
#include "block/block-int.h"
#include "block/nbd-client.h"
#include "block/nbd-device.h"
#include "block/nbd-server.h"
#include "sys/loop.h"
#include "tools/fs.h"
#include "tools/refused.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    OPT_CACHE = 256, OPT_AIO, OPT_DISCARD, OPT_DETECT_ZEROES, OPT_FORK, OPT_PID_FILE,
    OPT_REFUSED, FIRST_GIVEN_FD = 3, BACKLOG = 64,
};

typedef struct Settings {
    const char *file, *format, *device, *socket, *bind, *port, *pid_file, *snapshot;
    const char *name, *description;
    int flags;                          /* BDRV_O_xxx */
    int shared;
    int partition;                      /* 0: the whole image */
    uint64_t offset;
    BlockDetectZeroes detect_zeroes;
    bool list, disconnect, persistent, verbose, fork, depth;
} Settings;

static struct {
    volatile sig_atomic_t stop;
    bool persistent, verbose;
} state;

/* -- Saying ------------------------------------------------------------------ */

static int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "qemu-nbd: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    return EXIT_FAILURE;
}

static int usage_error(const char *what)
{
    fprintf(stderr, "qemu-nbd: %s\nTry `qemu-nbd --help' for more information.\n", what);
    return EXIT_FAILURE;
}

static void help(void)
{
    printf(
"Usage: qemu-nbd [OPTIONS] FILE\n"
"  or:  qemu-nbd -L [OPTIONS]\n"
"QEMU Disk Network Block Device Utility\n"
"\n"
"  -h, --help                display this help and exit\n"
"  -V, --version             output version information and exit\n"
"\n"
"Connection properties:\n"
"  -p, --port=PORT           port to listen on (default `" NBD_DEFAULT_PORT "')\n"
"  -b, --bind=IFACE          interface to bind to (default `0.0.0.0')\n"
"  -k, --socket=PATH         path to the unix socket\n"
"  -e, --shared=NUM          device can be shared by NUM clients (default '1')\n"
"  -t, --persistent          don't exit on the last connection\n"
"  -v, --verbose             display extra debugging information\n"
"  -x, --export-name=NAME    expose export by name (default is empty string)\n"
"  -D, --description=TEXT    export a human-readable description\n"
"\n"
"Exposing part of the image:\n"
"  -o, --offset=OFFSET       offset into the image\n"
"  -P, --partition=NUM       only this partition: 1 to 4, logical ones from 5\n"
"  -A, --allocation-depth    expose the allocation depth\n"
"\n"
"General purpose options:\n"
"  -L, --list                list exports available from another NBD server\n"
"  --fork                    fork off the server process and exit the parent\n"
"                            once the server is running\n"
"  --pid-file=PATH           store the server's process ID in the given file\n"
"\n"
"Kernel NBD client support:\n"
"  -c, --connect=DEV         connect FILE to the local NBD device DEV\n"
"  -d, --disconnect          disconnect the specified device\n"
"\n"
"Block device options:\n"
"  -f, --format=FORMAT       set image format (raw, qcow2, ...)\n"
"  -r, --read-only           export read-only\n"
"  -s, --snapshot            redirect writes to a temporary file\n"
"  -l, --load-snapshot=SNAPSHOT_PARAM\n"
"                            load an internal snapshot inside FILE and export it\n"
"                            as an read-only device, SNAPSHOT_PARAM format is\n"
"                            'snapshot.id=[ID],snapshot.name=[NAME]', or\n"
"                            '[ID_OR_NAME]'\n"
"  -n, --nocache             disable host cache\n"
"      --cache=MODE          set cache mode used to access the disk image, the\n"
"                            valid options are: 'none', 'writeback' (default),\n"
"                            'writethrough', 'directsync' and 'unsafe'\n"
"      --aio=MODE            set AIO mode (native or threads)\n"
"      --discard=MODE        set discard mode (ignore, unmap)\n"
"      --detect-zeroes=MODE  set detect-zeroes mode (off, on, unmap)\n");
}

static void report(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "qemu-nbd: %s\n", line);
}

/* -- Options ----------------------------------------------------------------- */

static const struct option longs[] = {
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { "port", required_argument, NULL, 'p' },
    { "bind", required_argument, NULL, 'b' },
    { "socket", required_argument, NULL, 'k' },
    { "shared", required_argument, NULL, 'e' },
    { "persistent", no_argument, NULL, 't' },
    { "verbose", no_argument, NULL, 'v' },
    { "export-name", required_argument, NULL, 'x' },
    { "description", required_argument, NULL, 'D' },
    { "offset", required_argument, NULL, 'o' },
    { "allocation-depth", no_argument, NULL, 'A' },
    { "list", no_argument, NULL, 'L' },
    { "fork", no_argument, NULL, OPT_FORK },
    { "pid-file", required_argument, NULL, OPT_PID_FILE },
    { "connect", required_argument, NULL, 'c' },
    { "disconnect", no_argument, NULL, 'd' },
    { "format", required_argument, NULL, 'f' },
    { "read-only", no_argument, NULL, 'r' },
    { "snapshot", no_argument, NULL, 's' },
    { "load-snapshot", required_argument, NULL, 'l' },
    { "nocache", no_argument, NULL, 'n' },
    { "cache", required_argument, NULL, OPT_CACHE },
    { "aio", required_argument, NULL, OPT_AIO },
    { "discard", required_argument, NULL, OPT_DISCARD },
    { "detect-zeroes", required_argument, NULL, OPT_DETECT_ZEROES },
    { "bitmap", required_argument, NULL, OPT_REFUSED },
    { "partition", required_argument, NULL, 'P' },
    { "object", required_argument, NULL, OPT_REFUSED },
    { "tls-creds", required_argument, NULL, OPT_REFUSED },
    { "tls-hostname", required_argument, NULL, OPT_REFUSED },
    { "tls-authz", required_argument, NULL, OPT_REFUSED },
    { "image-opts", no_argument, NULL, OPT_REFUSED },
    { "selinux-label", required_argument, NULL, OPT_REFUSED },
    { "trace", required_argument, NULL, OPT_REFUSED },
    { NULL, 0, NULL, 0 }
};

static int refuse(const char *option)
{
    return fail("--%s is not supported: %s", option, refused_advice(option));
}

static int set_mode(Settings *s, int option, const char *value)
{
    switch (option) {
    case OPT_CACHE:
        return bdrv_parse_cache(value, &s->flags) < 0
             ? fail("Invalid cache mode `%s'", value) : 0;
    case OPT_AIO:
        return strcmp(value, "native") && strcmp(value, "threads")
             ? fail("invalid aio mode `%s': native or threads; the better one is always taken",
                    value) : 0;
    case OPT_DISCARD:
        if (!strcmp(value, "unmap") || !strcmp(value, "on")) {
            s->flags |= BDRV_O_UNMAP;
        } else if (strcmp(value, "ignore") && strcmp(value, "off")) {
            return fail("Invalid discard mode `%s'", value);
        }
        return 0;
    }
    return bdrv_parse_detect_zeroes(value, &s->detect_zeroes) < 0
         ? fail("Invalid detect-zeroes mode `%s'", value) : 0;
}

static int set_number(Settings *s, int option, const char *value)
{
    char *end;

    if (option == 'o') {
        return parse_size(value, &s->offset) < 0 || s->offset > INT64_MAX
             ? fail("Invalid offset '%s'", value) : 0;
    }
    unsigned long n = strtoul(value, &end, 0);
    unsigned long max = option == 'p' ? 65535 : option == 'P' ? FS_MAX_PARTS : INT32_MAX;

    if (*value < '0' || *value > '9' || *end || n > max || (option != 'e' && n == 0)) {
        return option == 'p' ? fail("Invalid port '%s': a number from 1 to 65535", value)
             : option == 'P' ? fail("Invalid partition '%s': a number from 1 to %d", value,
                                    FS_MAX_PARTS)
                             : fail("Invalid shared device number '%s'", value);
    }
    switch (option) {
    case 'p': s->port = value; break;
    case 'P': s->partition = (int)n; break;
    default:  s->shared = (int)n; break;
    }
    return 0;
}

static int set_name(const char **where, const char *value, const char *what)
{
    *where = value;
    return strlen(value) > NBD_MAX_STRING
         ? fail("%s too long: at most %d bytes", what, NBD_MAX_STRING) : 0;
}

/* 0, or the status to leave with; -1: leave with 0. */
static int set_option(Settings *s, int c, int index)
{
    switch (c) {
    case 'h': help(); return -1;
    case 'V': printf("qemu-nbd " CONFIG_VERSION "\n"); return -1;
    case 'p': case 'e': case 'o': case 'P': return set_number(s, c, optarg);
    case 'b': s->bind = optarg; return 0;
    case 'k': s->socket = optarg; return 0;
    case 't': s->persistent = true; return 0;
    case 'v': s->verbose = true; return 0;
    case 'x': return set_name(&s->name, optarg, "export name");
    case 'D': return set_name(&s->description, optarg, "export description");
    case 'A': s->depth = true; return 0;
    case 'L': s->list = true; return 0;
    case 'c': s->device = optarg; return 0;
    case 'd': s->disconnect = true; return 0;
    case 'f': s->format = optarg; return 0;
    case 'r': s->flags &= ~BDRV_O_RDWR; return 0;
    case 's': s->flags |= BDRV_O_SNAPSHOT; return 0;
    case 'l': s->snapshot = optarg; s->flags &= ~BDRV_O_RDWR; return 0;
    case 'n': return set_mode(s, OPT_CACHE, "none");
    case OPT_FORK: s->fork = true; return 0;
    case OPT_PID_FILE: s->pid_file = optarg; return 0;
    case OPT_CACHE: case OPT_AIO: case OPT_DISCARD: case OPT_DETECT_ZEROES:
        return set_mode(s, c, optarg);
    case 'B': return refuse("bitmap");
    case 'T': return refuse("trace");
    case OPT_REFUSED: return refuse(longs[index].name);
    }
    fprintf(stderr, "Try `qemu-nbd --help' for more information.\n");
    return EXIT_FAILURE;
}

static int parse(Settings *s, int argc, char **argv)
{
    int c, index = 0, ret = 0;

    while (ret == 0 && (c = getopt_long(argc, argv, "hVb:o:p:rsnc:dvk:e:f:tl:x:D:LAB:T:P:",
                                        longs, &index)) != -1) {
        ret = set_option(s, c, index);
    }
    if (ret) {
        return ret;
    }
    if (s->list) {
        return argc != optind ? usage_error("-L takes no file") : 0;
    }
    if (argc - optind != 1) {
        return usage_error("Invalid number of arguments");
    }
    s->file = argv[optind];
    if (s->device && (s->socket || s->bind || s->port)) {
        return usage_error("-c connects to the kernel: -k, -b and -p have no meaning");
    }
    if (s->socket && (s->bind || s->port)) {
        return usage_error("-k and -b or -p: choose one");
    }
    if (s->partition && s->offset) {
        return usage_error("-P and -o: choose one");
    }
    return 0;
}

/* -- Sockets ----------------------------------------------------------------- */

/* A socket that nobody listens on any more is in the way. */
static bool is_stale(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat st;
    bool stale = lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
                 connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 &&
                 errno == ECONNREFUSED;

    close(fd);
    return stale;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(sun.sun_path)) {
        fail("%s: too long for the path of a socket", path);
        return -1;
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (is_stale(&sun)) {
        unlink(path);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        fail("Failed to bind socket to %s: %s", path, strerror(errno));
        return -1;
    }
    return fd;
}

static int listen_at(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int listen_tcp(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *list;
    int ret = getaddrinfo(host, port, &hints, &list), fd = -1;

    if (ret) {
        fail("%s:%s: %s", host, port, gai_strerror(ret));
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = listen_at(a);
    }
    if (fd < 0) {
        fail("Failed to bind to %s:%s: %s", host, port, strerror(errno));
    }
    freeaddrinfo(list);
    return fd;
}

/* sd_listen_fds(3): the one who started us has opened it; -1: no. */
static int given_socket(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

    if (!pid || !fds || atol(pid) != (long)getpid() || atoi(fds) != 1) {
        return -1;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    fcntl(FIRST_GIVEN_FD, F_SETFD, FD_CLOEXEC);
    fcntl(FIRST_GIVEN_FD, F_SETFL, fcntl(FIRST_GIVEN_FD, F_GETFL) | O_NONBLOCK);
    return FIRST_GIVEN_FD;
}

static int open_socket(const Settings *s)
{
    return s->socket ? listen_unix(s->socket)
         : listen_tcp(s->bind ? s->bind : "0.0.0.0", s->port ? s->port : NBD_DEFAULT_PORT);
}

/* -- List -------------------------------------------------------------------- */

typedef struct Listing {
    NbdAddress address;
    NbdExportInfo *list;
    Error err;
} Listing;

static int ask_server(void *arg)
{
    Listing *l = arg;
    NbdSock sock;

    nbd_sock_init(&sock, -1);
    nbd_sock_limit(&sock, 30 * 1000000000ll);
    int ret = nbd_sock_connect(&sock, &l->address, &l->err);
    if (ret >= 0) {
        ret = nbd_list_exports(&sock, &l->list, &l->err);
    }
    nbd_sock_close(&sock);
    return ret;
}

static void print_export(const NbdExportInfo *e)
{
    static const struct { unsigned flag; const char *name; } names[] = {
        { NBD_FLAG_READ_ONLY, "readonly" }, { NBD_FLAG_SEND_FLUSH, "flush" },
        { NBD_FLAG_SEND_FUA, "fua" }, { NBD_FLAG_ROTATIONAL, "rotational" },
        { NBD_FLAG_SEND_TRIM, "trim" }, { NBD_FLAG_SEND_WRITE_ZEROES, "zeroes" },
        { NBD_FLAG_SEND_DF, "df" }, { NBD_FLAG_CAN_MULTI_CONN, "multi" },
        { NBD_FLAG_SEND_RESIZE, "resize" }, { NBD_FLAG_SEND_CACHE, "cache" },
        { NBD_FLAG_SEND_FAST_ZERO, "fast-zero" },
    };

    printf(" export: '%s'\n", e->name);
    if (e->description && *e->description) {
        printf("  description: %s\n", e->description);
    }
    if (!e->max_block) {
        return;                         /* the server told the name only */
    }
    printf("  size:  %" PRIu64 "\n  flags: 0x%x (", e->size, e->flags);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        printf("%s%s", e->flags & names[i].flag ? " " : "",
               e->flags & names[i].flag ? names[i].name : "");
    }
    printf(" )\n  min block: %u\n  opt block: %u\n  max block: %u\n", e->min_block,
           e->opt_block, e->max_block);
    if (e->num_contexts) {
        printf("  available meta contexts: %d\n", e->num_contexts);
    }
    for (int i = 0; i < e->num_contexts; i++) {
        printf("   %s\n", e->contexts[i]);
    }
}

static int list_exports(const Settings *s)
{
    Listing l = { .list = NULL };

    if (s->socket) {
        l.address.path = xstrdup(s->socket);
    } else {
        l.address.host = xstrdup(s->bind ? s->bind : "localhost");
        l.address.port = xstrdup(s->port ? s->port : NBD_DEFAULT_PORT);
    }
    int num = aio_run_sync(ask_server, &l);
    if (num < 0) {
        return fail("%s", l.err.msg);
    }
    printf("exports available: %d\n", num);
    for (int i = 0; i < num; i++) {
        print_export(&l.list[i]);
        nbd_free_info(&l.list[i]);
    }
    free(l.list);
    nbd_free_address(&l.address);
    return 0;
}

/* -- The kernel's devices ---------------------------------------------------- */

static int disconnect_device(const char *device)
{
    Error err = { "" };

    if (nbd_device_disconnect(device, &err) < 0) {
        return fail("%s", err.msg);
    }
    printf("%s disconnected\n", device);
    return 0;
}

static void device_gone(void)
{
    state.stop = 1;
    loop_wake();
}

/* The kernel is a client at the other end of a pair of sockets. */
static int connect_device(NbdDevice **d, const char *device, NbdServer *server,
                          const NbdExport *e)
{
    Error err = { "" };
    int sv[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
        return fail("no sockets: %s", strerror(errno));
    }
    int ret = nbd_device_start(d, device, sv[0], e->size, nbd_server_flags(server, e, false),
                               device_gone, &err);
    close(sv[0]);
    if (ret < 0) {
        close(sv[1]);
        return fail("%s", err.msg);
    }
    fcntl(sv[1], F_SETFL, fcntl(sv[1], F_GETFL) | O_NONBLOCK);
    nbd_server_serve(server, sv[1], e);
    return 0;
}

/* -- The image --------------------------------------------------------------- */

/* "NAME", "ID" or "snapshot.id=..,snapshot.name=.."; the id, malloc'ed, or NULL. */
static char *find_snapshot(BlockDriverState *bs, const char *text)
{
    BlockOpts o = { NULL, 0 };
    BlockSnapshot *list = NULL;
    Error err = { "" };
    char *found = NULL;
    bool exact = strncmp(text, "snapshot.", 9) == 0 && opts_parse(&o, text, NULL) >= 0;
    const char *id = exact ? opts_get(&o, "snapshot.id") : text;
    const char *name = exact ? opts_get(&o, "snapshot.name") : text;
    int num = bs->drv->snapshot_list ? bs->drv->snapshot_list(bs, &list, &err) : 0;

    for (int i = 0; i < num && !found; i++) {
        bool by_id = id && strcmp(list[i].id, id) == 0;
        bool by_name = name && strcmp(list[i].name, name) == 0;

        if (exact ? (!id || by_id) && (!name || by_name) : by_id || by_name) {
            found = xstrdup(list[i].id);
        }
    }
    free(list);
    opts_free(&o);
    return found;
}

static int load_snapshot(BlockDriverState *bs, const char *text)
{
    char *id = find_snapshot(bs, text);
    Error err = { "" };

    if (!id || !bs->drv->snapshot_load) {
        free(id);
        return fail("Failed to load snapshot: %s: there is no snapshot '%s'", bs->filename,
                    text);
    }
    int ret = bs->drv->snapshot_load(bs, id, &err);
    free(id);
    return ret < 0 ? fail("Failed to load snapshot: %s", err.msg) : 0;
}

/* -o and -P: the part of the image that is served. */
static int set_range(const Settings *s, NbdExport *e)
{
    uint64_t all = blk_length(e->bs);
    FsParts parts;
    Error err = { "" };

    if (s->offset > all) {
        return fail("Offset (%" PRIu64 ") has to be smaller than the image size (%" PRIu64 ")",
                    s->offset, all);
    }
    e->offset = s->offset;
    e->size = all - s->offset;
    if (s->partition) {
        fs_find_parts(&parts, e->bs);
        const FsVolume *v = fs_find_part(&parts, s->partition, &err);

        if (!v) {
            return fail("%s", err.msg);
        }
        e->offset = v->start;
        e->size = v->len;
    }
    return 0;
}

static int open_image(const Settings *s, BlockDriverState *bs, NbdExport *e)
{
    Error err = { "" };

    if (bdrv_open(bs, s->file, s->format, s->flags, NULL, &err) < 0) {
        return fail("Failed to open %s", err.msg);
    }
    if (!s->format && bs->probed && !blk_is_read_only(bs)) {
        fprintf(stderr, "WARNING: Image format was not specified for '%s' and probing guessed"
                " raw.\n         Automatically detecting the format is dangerous for raw"
                " images, write operations on block 0 will be restricted.\n"
                "         Specify the 'raw' format explicitly to remove the restrictions.\n",
                s->file);
    }
    if (s->snapshot && load_snapshot(bs, s->snapshot)) {
        return EXIT_FAILURE;
    }
    blk_conf(bs)->detect_zeroes = s->detect_zeroes;
    *e = (NbdExport){ .name = s->name, .description = s->description, .bs = bs,
                      .read_only = blk_is_read_only(bs) };
    return set_range(s, e);
}

/* -- Running ----------------------------------------------------------------- */

static void on_signal(int sig)
{
    (void)sig;
    state.stop = 1;
    loop_wake();
}

static void client_left(void *opaque, int clients)
{
    (void)opaque;
    if (clients == 0 && !state.persistent) {
        state.stop = 1;
        loop_wake();
    }
}

static void serve(NbdServer *server, int ready_fd)
{
    struct sigaction sa = { .sa_handler = on_signal };

    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    if (ready_fd >= 0) {                /* the parent may leave */
        int null = open("/dev/null", O_RDWR);

        if (write(ready_fd, "", 1) == 1 && !state.verbose) {
            dup2(null, STDERR_FILENO);
        }
        dup2(null, STDOUT_FILENO);
        dup2(null, STDIN_FILENO);
        close(null);
        close(ready_fd);
    }
    while (!state.stop) {
        loop_run_once(-1);
    }
    nbd_server_free(server);
}

static int write_pid(const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f)) {
        return fail("%s: cannot be written: %s", path, strerror(errno));
    }
    return 0;
}

static int run_server(const Settings *s, int listen_fd, int ready_fd)
{
    BlockDriverState *bs = bdrv_new("disk");
    NbdExport e;
    NbdDevice *dev = NULL;
    NbdServerConfig cfg = { .exports = &e, .num_exports = 1, .max_clients = s->shared,
                            .allocation_depth = s->depth, .left = client_left,
                            .report = s->verbose ? report : NULL };
    int status = open_image(s, bs, &e);

    if (status == 0 && s->pid_file) {
        status = write_pid(s->pid_file);
    }
    if (status == 0) {
        NbdServer *server = nbd_server_new(&cfg);

        if (s->device) {
            status = connect_device(&dev, s->device, server, &e);
        } else {
            nbd_server_listen(server, listen_fd);
        }
        if (status == 0) {
            serve(server, ready_fd);
        }
    }
    if (dev) {
        nbd_device_stop(dev);
    }
    int ret = bs->drv ? blk_flush(bs) : 0;

    if (ret < 0 && ret != -ENOMEDIUM) {
        status = fail("%s: the last writes may be lost: %s", s->file, strerror(-ret));
    }
    bdrv_delete(bs);
    return status;
}

/* In the parent: until the child serves, or has failed. */
static int wait_for_child(int fd)
{
    char c;
    ssize_t n;

    do {
        n = read(fd, &c, 1);
    } while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    Settings s = { .shared = 1, .name = "", .flags = BDRV_O_RDWR };
    int ready[2] = { -1, -1 }, listen_fd = given_socket();
    int ret = parse(&s, argc, argv);

    signal(SIGPIPE, SIG_IGN);
    if (ret) {
        return ret < 0 ? 0 : ret;
    }
    if (s.disconnect) {
        return disconnect_device(s.file);
    }
    if (s.fork || (s.device && !s.verbose)) {
        pid_t pid = pipe(ready) < 0 ? -1 : fork();

        if (pid < 0) {
            return fail("Failed to fork: %s", strerror(errno));
        }
        close(ready[pid == 0 ? 0 : 1]);
        if (pid) {
            return wait_for_child(ready[0]);
        }
        setsid();
    }
    global_lock();
    aio_program(AIO_SERVER);
    if (s.list) {
        return list_exports(&s);
    }
    if (!s.device && listen_fd < 0 && (listen_fd = open_socket(&s)) < 0) {
        return EXIT_FAILURE;
    }
    state.persistent = s.persistent;
    state.verbose = s.verbose;
    ret = run_server(&s, listen_fd, ready[1]);
    if (s.socket) {
        unlink(s.socket);
    }
    return ret;
}
