/* SPDX-License-Identifier: MIT */
/*
 * qemu-img create, resize, amend, measure: images of this size, with these
 * options.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ZERO_CHUNK = 1 << 20 };

/* -- Options of formats ------------------------------------------------------ */

/* What kind of value an option has, by its name; text if it is not here. */
static const struct OptType { const char *name, *type; } opt_types[] = {
    { "block_size", "<size>" }, { "block_state_zero", "<bool (on/off)>" },
    { "cluster_size", "<size>" }, { "compat6", "<bool (on/off)>" },
    { "data_file_raw", "<bool (on/off)>" }, { "encrypt.iter-time", "<num>" },
    { "encryption", "<bool (on/off)>" }, { "extended_l2", "<bool (on/off)>" },
    { "force_size", "<bool (on/off)>" }, { "lazy_refcounts", "<bool (on/off)>" },
    { "log_size", "<size>" }, { "refcount_bits", "<num>" }, { "size", "<size>" },
    { "static", "<bool (on/off)>" }, { "zeroed_grain", "<bool (on/off)>" },
};

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(opt_types); i++) {
        if (!strcmp(opt_types[i].name, name)) {
            return opt_types[i].type;
        }
    }
    return "<str>";
}

static int by_name(const void *a, const void *b)
{
    const BlockOptDef *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool is_listed(const BlockOptDef *list, int num, const char *name)
{
    for (int i = 0; i < num; i++) {
        if (!strcmp(list[i].name, name)) {
            return true;
        }
    }
    return false;
}

void img_list_options(const char *title, const BlockOptDef *a, const BlockOptDef *b)
{
    BlockOptDef all[64] = { { "size", "Virtual disk size" } };
    const BlockOptDef *lists[] = { a, b };
    int num = 1;

    for (int l = 0; l < 2; l++) {
        for (const BlockOptDef *d = lists[l]; d && d->name && num < 64; d++) {
            if (!is_listed(all, num, d->name)) {
                all[num++] = *d;
            }
        }
    }
    qsort(all, (size_t)num, sizeof(all[0]), by_name);
    printf("%s:\n", title);
    for (int i = 0; i < num; i++) {
        int n = printf("  %s=%s", all[i].name, type_of(all[i].name));

        printf("%*s - %s\n", MAX(24 - n, 0), "", all[i].help);
    }
}

int img_list_create_options(const char *format, bool has_file)
{
    const BlockDriver *d = img_driver(format);
    char title[60];

    if (has_file) {
        img_list_options("Supported options", d->create_opts, bdrv_file.create_opts);
        return 0;
    }
    snprintf(title, sizeof(title), "Supported %s options", format);
    img_list_options(title, d->create_opts, NULL);
    printf("\nThe protocol level may support further options.\n"
           "Specify the target filename to include those options.\n");
    return 0;
}

/* -- "Formatting ..." -------------------------------------------------------- */

/* The options that line names, in its order: "name=default", "name" if it is
 * only told when it was given. */
static const struct Told { const char *format, *options; } told[] = {
    { "qcow2", "cluster_size=65536 extended_l2=off preallocation compression_type=zlib size"
      " compat backing_file backing_fmt data_file data_file_raw lazy_refcounts=off"
      " refcount_bits=16" },
    { "vmdk", "size adapter_type backing_file backing_fmt compat6=off hwversion=undefined"
      " toolsversion subformat zeroed_grain preallocation" },
    { "vdi", "size static=off preallocation" },
    { "vpc", "size subformat force_size preallocation" },
    { "vhdx", "size log_size=1048576 block_size=0 subformat block_state_zero preallocation" },
    { "parallels", "size cluster_size=1048576 preallocation" },
    { "qcow", "size backing_file backing_fmt preallocation" },
};

static void tell_value(const char *name, const char *value)
{
    uint64_t n;

    if (!strcmp(type_of(name), "<size>") && parse_size(value, &n) >= 0) {
        printf(" %s=%" PRIu64, name, n);
        return;
    }
    printf(" %s=", name);
    for (; *value; value++) {
        printf(*value == ',' ? ",," : "%c", *value);
    }
}

static void tell(const char *file, const char *format, uint64_t size, const BlockOpts *o)
{
    const char *p = "size preallocation";
    char total[24];

    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        p = strcmp(told[i].format, format) ? p : told[i].options;
    }
    snprintf(total, sizeof(total), "%" PRIu64, size);
    printf("Formatting '%s', fmt=%s", file, format);
    while (*p) {
        size_t n = strcspn(p, " "), name_len = MIN(strcspn(p, "="), n);
        char *name = xstrndup(p, name_len);
        char *preset = name_len < n ? xstrndup(p + name_len + 1, n - name_len - 1) : NULL;
        const char *value = !strcmp(name, "size") ? total : opts_get(o, name);

        if (value || preset) {
            tell_value(name, value ? value : preset);
        }
        free(name);
        free(preset);
        p += n + (p[n] == ' ');
    }
    printf("\n");
    fflush(stdout);
}

/* -- Making ------------------------------------------------------------------ */

int img_make(const char *file, const char *format, uint64_t size, BlockOpts *options, bool say,
             const char *prefix)
{
    BlockOpts rest = { NULL, 0 };
    Error err = { "" };

    for (int i = 0; i < options->num; i++) {
        if (strcmp(options->opt[i].name, "size")) {
            opts_set(&rest, options->opt[i].name, options->opt[i].value);
        }
    }
    const BlockDriver *d = img_driver(format);
    int ret = opts_check(&rest, d->create_opts, bdrv_file.create_opts, &err);

    if (ret >= 0) {
        if (say) {
            tell(file, format, size, &rest);
        }
        ret = bdrv_create(format, file, size, &rest, &err);
    }
    if (ret < 0) {
        bool named = strstr(err.msg, file) != NULL;

        img_fail("%s%s%s", named ? "" : prefix, named || !*prefix ? "" : ": ", err.msg);
    }
    opts_free(&rest);
    return ret < 0 ? -1 : 0;
}

typedef struct Create {
    const char *file, *format, *backing, *backing_format;
    char *options;
    bool quiet, unsafe, has_size;
    uint64_t size;
    BlockOpts opts;
} Create;

static int check_backing(Create *c)
{
    const char *base = opts_get(&c->opts, "backing_file");
    const char *format = opts_get(&c->opts, "backing_fmt");

    if (!base || !*base) {
        return 0;
    }
    if (!strcmp(base, c->file)) {
        return img_fail("%s: Error: Trying to create an image with the same filename as the"
                        " backing file", c->file);
    }
    if (format && !img_driver(format)) {
        return img_fail("%s: Unknown backing file format '%s'", c->file, format);
    }
    if (c->unsafe) {
        return format ? 0 : img_fail("%s: Backing file specified without backing format", c->file);
    }
    char *path = bdrv_path_beside(c->file, base);
    BlockDriverState *bs = img_open(path, format, BDRV_O_NO_LOCK, true);
    int ret = bs ? 0 : 1;

    free(path);
    if (bs && !format) {
        ret = img_fail("%s: Backing file specified without backing format\n"
                       "Detected format of %s.", c->file, blk_format(bs));
    }
    if (bs && !c->has_size) {
        c->size = blk_length(bs);
        c->has_size = true;
    }
    bdrv_delete(bs);
    return ret;
}

static int check_format(const char *file, const char *format)
{
    const BlockDriver *d = img_driver(format);
    const char *colon = *file ? ": " : "";

    if (!d) {
        return img_fail("%s%sUnknown file format '%s'", file, colon, format);
    }
    if (!d->create) {
        return img_fail("%s%sFormat driver '%s' does not support image creation", file, colon,
                        format);
    }
    return 0;
}

static int create_it(Create *c)
{
    Error err = { "" };

    if (c->options && opts_parse(&c->opts, c->options, &err) < 0) {
        return img_fail("%s", err.msg);
    }
    if (check_format(c->file, c->format)) {
        return 1;
    }
    if (c->backing) {
        if (!img_driver(c->format)->supports_backing) {
            return img_fail("%s: Backing file not supported for file format '%s'", c->file,
                            c->format);
        }
        opts_set(&c->opts, "backing_file", c->backing);
    }
    if (c->backing_format) {
        opts_set(&c->opts, "backing_fmt", c->backing_format);
    }
    const char *size = opts_get(&c->opts, "size");

    if (size && !c->has_size) {
        if (!img_size("image size", size, &c->size)) {
            return 1;
        }
        c->has_size = true;
    }
    if (check_backing(c)) {
        return 1;
    }
    if (!c->has_size) {
        return img_fail("%s: Image creation needs a size parameter", c->file);
    }
    return img_make(c->file, c->format, c->size, &c->opts, !c->quiet, c->file) < 0;
}


static int run_create(Create *c, int argc, char **argv)
{
    ImgArgs a;
    int o;

    img_args(&a, argc, argv, "F:b:f:o:qu", "");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'F': c->backing_format = optarg; break;
        case 'b': c->backing = optarg; break;
        case 'f': c->format = optarg; break;
        case 'o': img_join_options(&c->options, optarg); break;
        case 'q': c->quiet = true; break;
        case 'u': c->unsafe = true; break;
        default: return a.status;
        }
    }
    if (img_wants_help(c->options)) {
        return check_format("", c->format) ||
               img_list_create_options(c->format, img_left(&a) > 0);
    }
    if (img_left(&a) < 1) {
        return img_usage("Expecting image file name");
    }
    if (img_left(&a) > 2) {
        return img_usage("Unexpected argument: %s", argv[optind + 2]);
    }
    c->file = argv[optind];
    if (img_left(&a) == 2) {
        if (!img_size("image size", argv[optind + 1], &c->size)) {
            return 1;
        }
        c->has_size = true;
    }
    return create_it(c);
}

int img_create(int argc, char **argv)
{
    Create c = { .format = "raw" };
    int ret = run_create(&c, argc, argv);

    opts_free(&c.opts);
    free(c.options);
    return ret;
}

/* -- Resize ------------------------------------------------------------------ */

typedef struct Resize {
    const char *format, *prealloc;
    bool quiet, shrink;
} Resize;

/* preallocation=full: zeroes, written. */
static int fill(BlockDriverState *bs, uint64_t from)
{
    char *zeroes = bdrv_memalign(bs, ZERO_CHUNK);
    int ret = zeroes ? 0 : -ENOMEM;

    if (zeroes) {
        memset(zeroes, 0, ZERO_CHUNK);
    }
    for (uint64_t off = from; ret >= 0 && off < blk_length(bs); off += ZERO_CHUNK) {
        ret = blk_pwrite(bs, off, zeroes, MIN(blk_length(bs) - off, ZERO_CHUNK));
    }
    free(zeroes);
    return ret < 0 ? img_fail("%s: the new part cannot be filled: %s", blk_filename(bs),
                              strerror(-ret)) : 0;
}

/* What cannot be preallocated is refused before anything changes. */
static int set_size(BlockDriverState *bs, uint64_t now, const char *prealloc)
{
    uint64_t old = blk_length(bs);
    bool reserve = !strcmp(prealloc, "falloc");
    bool places = reserve || !strcmp(prealloc, "metadata");
    Error err = { "" };

    if ((places && bdrv_preallocate(bs, old, reserve, &err) < 0) ||
        bdrv_truncate(bs, now, &err) < 0 ||
        (places && bdrv_preallocate(bs, old, reserve, &err) < 0)) {
        return img_fail("%s", err.msg);
    }
    return strcmp(prealloc, "full") ? 0 : fill(bs, old);
}

static int resize_it(BlockDriverState *bs, const Resize *r, const char *size)
{
    uint64_t old = blk_length(bs), n = 0;
    bool relative = *size == '+' || *size == '-';

    if (parse_size(size + relative, &n) < 0 || n > INT64_MAX) {
        img_fail("Parameter 'size' expects a non-negative number below 2^64");
        fprintf(stderr, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                "and exabytes, respectively.\n");
        return 1;
    }
    if (*size == '-' && n >= old) {
        return img_fail("New image size must be positive");
    }
    uint64_t now = *size == '+' ? old + n : *size == '-' ? old - n : n;

    if (now == 0) {
        return img_fail("New image size must be positive");
    }
    if (now < old && !r->shrink) {
        img_fail("Use the --shrink option to perform a shrink operation.");
        return img_fail("warning: Shrinking an image will delete all data beyond the shrunken"
                        " image's end. Before performing such an operation, make sure there is no"
                        " important data there.");
    }
    if (now < old && strcmp(r->prealloc, "off")) {
        return img_fail("Preallocation can only be used for growing images");
    }
    if (set_size(bs, now, r->prealloc) || img_flush(bs)) {
        return 1;
    }
    if (!r->quiet) {
        printf("Image resized.\n");
    }
    return 0;
}

static bool known_prealloc(const char *mode)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full" };

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(modes[i], mode)) {
            return true;
        }
    }
    img_fail("Invalid preallocation mode '%s'", mode);
    return false;
}

/* "-8M" is a size, not options: kept from getopt. */
int img_resize(int argc, char **argv)
{
    Resize r = { .prealloc = "off" };
    const char *size = argc > 1 ? argv[argc - 1] : "";
    ImgArgs a;
    int o;

    if (argc < 3) {
        return img_usage(argc < 2 ? "Not enough arguments" : "Expecting image file name and size");
    }
    img_args(&a, argc - 1, argv, "f:q", "preallocation shrink");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': r.format = optarg; break;
        case 'q': r.quiet = true; break;
        case OPT_PREALLOCATION: r.prealloc = optarg; break;
        case OPT_SHRINK: r.shrink = true; break;
        default: return a.status;
        }
    }
    if (!known_prealloc(r.prealloc)) {
        return 1;
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting image file name and size");
    }
    BlockDriverState *bs = img_open(argv[optind], r.format, BDRV_O_RDWR, r.quiet);

    if (!bs) {
        return 1;
    }
    int ret = resize_it(bs, &r, size);

    bdrv_delete(bs);
    return ret;
}

/* -- Amend ------------------------------------------------------------------- */

typedef struct Amend {
    const char *format, *cache;
    char *options;
    bool quiet, progress;
} Amend;

static int amend_help(const char *format)
{
    const BlockDriver *d = img_driver(format);
    char title[60];

    if (!d) {
        return img_fail("Unknown file format '%s'", format);
    }
    if (!d->amend) {
        return img_fail("Format driver '%s' does not support option amendment", format);
    }
    snprintf(title, sizeof(title), "Amend options for '%s'", format);
    img_list_options(title, d->amend_opts, NULL);
    return 0;
}

static int amend_it(BlockDriverState *bs, const Amend *m)
{
    BlockOpts opts = { NULL, 0 };
    Error err = { "" };
    ImgProgress p;

    if (img_wants_help(m->options) || !bs->drv->amend) {
        return amend_help(blk_format(bs));
    }
    img_progress_start(&p, m->progress && !m->quiet);
    int ret = opts_parse(&opts, m->options, &err);

    if (ret >= 0) {
        ret = opts_check(&opts, bs->drv->amend_opts, NULL, &err);
    }
    if (ret >= 0) {
        ret = bs->drv->amend(bs, &opts, &err);
    }
    img_progress_end(&p, ret >= 0);
    opts_free(&opts);
    return ret < 0 ? img_fail("%s", err.msg) : img_flush(bs);
}

static int amend_file(const char *file, const Amend *m)
{
    int flags = BDRV_O_RDWR;

    if (!img_cache(m->cache, false, &flags)) {
        return 1;
    }
    BlockDriverState *bs = img_open(file, m->format, flags, m->quiet);
    int ret = bs ? amend_it(bs, m) : 1;

    bdrv_delete(bs);
    return ret;
}

static int run_amend(Amend *m, int argc, char **argv)
{
    ImgArgs a;
    int o;

    img_args(&a, argc, argv, "o:f:t:pq", "force");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'o': img_join_options(&m->options, optarg); break;
        case 'f': m->format = optarg; break;
        case 't': m->cache = optarg; break;
        case 'p': m->progress = true; break;
        case 'q': m->quiet = true; break;
        case OPT_FORCE: break;          /* for changes of encryption only */
        default: return a.status;
        }
    }
    if (!m->options) {
        return img_usage("Must specify options (-o)");
    }
    if (m->format && img_wants_help(m->options)) {
        return amend_help(m->format);
    }
    return img_left(&a) != 1 ? img_fail("Expecting one image file name")
                             : amend_file(argv[optind], m);
}

int img_amend(int argc, char **argv)
{
    Amend m = { .cache = "writeback" };
    int ret = run_amend(&m, argc, argv);

    free(m.options);
    return ret;
}

/* -- Measure ----------------------------------------------------------------- */

typedef struct Measure {
    const char *file, *format, *out_format, *snapshot;
    char *options;
    bool json, has_size;
    uint64_t size;
} Measure;

static void print_measure(const Measure *m, const BlockMeasure *r, bool bitmaps)
{
    Json j = { 0, false };

    if (!m->json) {
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", r->required,
               r->fully_allocated);
        printf("%s", bitmaps ? "bitmaps size: 0\n" : "");
        return;
    }
    json_open(&j, NULL, '{');
    if (bitmaps) {
        json_num(&j, "bitmaps", 0);
    }
    json_num(&j, "required", r->required);
    json_num(&j, "fully-allocated", r->fully_allocated);
    json_close(&j, '}');
}

static int measure_it(const Measure *m, BlockDriverState *in)
{
    const BlockDriver *d = img_driver(m->out_format);
    BlockOpts opts = { NULL, 0 };
    BlockMeasure res;
    Error err = { "" };
    int ret;

    if (!d || !d->create) {
        return d ? img_fail("Format driver '%s' does not support image creation", m->out_format)
                 : img_fail("Unknown file format '%s'", m->out_format);
    }
    if (!d->measure) {
        return img_fail("Block driver '%s' does not support size measurement", m->out_format);
    }
    ret = m->options ? opts_parse(&opts, m->options, &err) : 0;
    if (ret >= 0) {
        ret = opts_check(&opts, d->create_opts, bdrv_file.create_opts, &err);
    }
    if (ret >= 0 && in && m->snapshot) {
        ret = in->drv->snapshot_load ? in->drv->snapshot_load(in, m->snapshot, &err)
            : error_set(&err, ENOTSUP, "Failed to load snapshot: %s has none", blk_filename(in));
    }
    if (ret >= 0) {
        ret = d->measure(&opts, in, in ? blk_length(in) : m->size, &res, &err);
    }
    opts_free(&opts);
    if (ret < 0) {
        return img_fail("%s", err.msg);
    }
    print_measure(m, &res, in && !strcmp(m->out_format, "qcow2") &&
                  !strcmp(blk_format(in), "qcow2"));
    return 0;
}

static int run_measure(Measure *m, int argc, char **argv)
{
    ImgArgs a;
    int o;

    img_args(&a, argc, argv, "f:l:o:O:U", "output size force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': m->format = optarg; break;
        case 'l': m->snapshot = optarg; break;
        case 'o': img_join_options(&m->options, optarg); break;
        case 'O': m->out_format = optarg; break;
        case 'U': break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &m->json)) {
                return 1;
            }
            break;
        case OPT_SIZE:
            m->has_size = true;
            if (!img_size("image size", optarg, &m->size)) {
                return 1;
            }
            break;
        default: return a.status;
        }
    }
    if (img_left(&a) > 1) {
        return img_fail("At most one filename argument is allowed.");
    }
    if (img_left(&a) == 1 && m->has_size) {
        return img_fail("--size N cannot be used together with a filename.");
    }
    if (img_left(&a) == 0 && !m->has_size) {
        return img_fail("Either --size N or one filename must be specified.");
    }
    BlockDriverState *in = m->has_size ? NULL
                         : img_open(argv[optind], m->format, BDRV_O_NO_LOCK, true);
    int ret = in || m->has_size ? measure_it(m, in) : 1;

    bdrv_delete(in);
    return ret;
}

int img_measure(int argc, char **argv)
{
    Measure m = { .out_format = "raw" };
    int ret = run_measure(&m, argc, argv);

    free(m.options);
    return ret;
}
