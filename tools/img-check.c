/* SPDX-License-Identifier: MIT */
/*
 * qemu-img check: is an image consistent, and if not, can it be mended?
 *
 * Exit status: 0 clean; 1 could not be checked; 2 corrupt; 3 clusters leaked,
 * but not corrupt; 63 the format has no checks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/img.h"

enum { CLEAN = 0, NOT_CHECKED = 1, CORRUPT = 2, LEAKS = 3, NO_CHECKS = 63 };

typedef struct Options {
    const char *format;
    bool json, quiet;
    int fix;
} Options;

static void report(void *opaque, const char *line)
{
    const Options *o = opaque;

    if (!o->quiet) {
        fprintf(stderr, "%s\n", line);
    }
}

/* -- Telling ----------------------------------------------------------------- */

static void num_if(Json *j, const char *name, uint64_t value)
{
    if (value) {
        json_num(j, name, value);
    }
}

static void tell_json(const BlockDriverState *bs, const BlockCheck *r)
{
    Json j = { 0, false };

    json_open(&j, NULL, '{');
    num_if(&j, "image-end-offset", r->image_end);
    num_if(&j, "total-clusters", r->total_clusters);
    num_if(&j, "corruptions", r->corruptions);
    num_if(&j, "corruptions-fixed", r->corruptions_fixed);
    json_num(&j, "check-errors", r->errors);
    num_if(&j, "leaks", r->leaks);
    num_if(&j, "leaks-fixed", r->leaks_fixed);
    num_if(&j, "allocated-clusters", r->allocated_clusters);
    num_if(&j, "fragmented-clusters", r->fragmented_clusters);
    num_if(&j, "compressed-clusters", r->compressed_clusters);
    json_str(&j, "filename", bs->filename);
    json_str(&j, "format", bs->drv->name);
    json_close(&j, '}');
}

static void tell(const BlockCheck *r)
{
    if (!(r->corruptions || r->leaks || r->errors)) {
        printf("No errors were found on the image.\n");
    }
    if (r->corruptions) {
        printf("\n%" PRIu64 " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               r->corruptions);
    }
    if (r->leaks) {
        printf("\n%" PRIu64 " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n", r->leaks);
    }
    if (r->errors) {
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", r->errors);
    }
    if (r->total_clusters && r->allocated_clusters) {
        double all = (double)r->total_clusters, used = (double)r->allocated_clusters;

        printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%%"
               " compressed clusters\n", r->allocated_clusters, r->total_clusters,
               used * 100.0 / all, (double)r->fragmented_clusters * 100.0 / used,
               (double)r->compressed_clusters * 100.0 / used);
    }
    if (r->image_end) {
        printf("Image end offset: %" PRIu64 "\n", r->image_end);
    }
}

/* -- Checking ---------------------------------------------------------------- */

static int check_once(BlockDriverState *bs, Options *o, int fix, BlockCheck *r)
{
    Error err = { "" };

    *r = (BlockCheck){ .report = report, .opaque = o };
    fflush(stdout);
    int ret = bs->drv->check(bs, r, fix, &err);

    return ret < 0 ? img_fail("%s", *err.msg ? err.msg : "the check failed") : 0;
}

static int check_it(BlockDriverState *bs, Options *o)
{
    BlockCheck r;

    if (!bs->drv->check) {
        img_fail("This image format does not support checks");
        return NO_CHECKS;
    }
    if (check_once(bs, o, o->fix, &r) || (o->fix && img_flush(bs))) {
        return NOT_CHECKED;
    }
    uint64_t corruptions_fixed = r.corruptions_fixed, leaks_fixed = r.leaks_fixed;

    if (corruptions_fixed || leaks_fixed) {
        if (!o->json && !o->quiet) {
            printf("The following inconsistencies were found and repaired:\n\n"
                   "    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
                   "Double checking the fixed image now...\n", leaks_fixed, corruptions_fixed);
        }
        if (check_once(bs, o, 0, &r)) {
            return NOT_CHECKED;
        }
    }
    if (o->json) {
        r.corruptions_fixed = corruptions_fixed;
        r.leaks_fixed = leaks_fixed;
        tell_json(bs, &r);
    } else if (!o->quiet) {
        tell(&r);
    }
    return r.errors ? NOT_CHECKED : r.corruptions ? CORRUPT : r.leaks ? LEAKS : CLEAN;
}

int img_check(int argc, char **argv)
{
    Options opt = { .quiet = false };
    const char *cache = "writeback";
    int flags = 0, o;
    ImgArgs a;

    img_args(&a, argc, argv, "f:r:T:qU", "format repair output force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': opt.format = optarg; break;
        case 'q': opt.quiet = true; break;
        case 'T': cache = optarg; break;
        case 'U': flags |= BDRV_O_NO_LOCK; break;
        case 'r':
            flags |= BDRV_O_RDWR | BDRV_O_REPAIR;
            opt.fix = BDRV_FIX_LEAKS | (strcmp(optarg, "all") ? 0 : BDRV_FIX_ERRORS);
            if (strcmp(optarg, "leaks") && strcmp(optarg, "all")) {
                return img_usage("Unknown option value for -r (expecting 'leaks' or 'all'): %s",
                                 optarg);
            }
            break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &opt.json)) {
                return 1;
            }
            break;
        default: return a.status;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    if (!img_cache(cache, true, &flags)) {
        return 1;
    }
    BlockDriverState *bs = img_open(argv[optind], opt.format, flags | BDRV_O_NO_BACKING, true);
    int ret = bs ? check_it(bs, &opt) : NOT_CHECKED;

    bdrv_delete(bs);
    return ret;
}
