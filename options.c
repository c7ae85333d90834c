/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gdbstub.h"
#include "sys/clock.h"
#include "util/bits.h"
#include "util/mem.h"

typedef enum OptKind { OPT_GROUP, OPT_FLAG, OPT_STR, OPT_LIST, OPT_CALL, OPT_ALIAS, OPT_LATER } OptKind;

typedef int ParseFn(Options *o, const char *value, Error *err);

typedef struct OptRow {
    OptKind kind;
    const char *name, *arg;             /* an alias has the other name in arg */
    const char *help;
    size_t field;
    ParseFn *parse;
} OptRow;

/* -- Values ------------------------------------------------------------------ */

static int parse_number(const char *what, const char *s, uint64_t min, uint64_t max,
                        uint64_t *out, Error *err)
{
    char *end;

    errno = 0;
    unsigned long long v = strtoull(s, &end, 0);

    if (!isdigit((unsigned char)*s) || *end || errno || v < min || v > max) {
        return error_set(err, EINVAL, "%s: '%s' is not a number from %llu to %llu", what, s,
                         (unsigned long long)min, (unsigned long long)max);
    }
    *out = v;
    return 0;
}

static int parse_on_off(const char *what, const char *s, bool *out, Error *err)
{
    bool on = !strcmp(s, "on");

    if (!on && strcmp(s, "off")) {
        return error_set(err, EINVAL, "%s: '%s' is neither on nor off", what, s);
    }
    *out = on;
    return 0;
}

/* The next "key=value" or "word" of a comma list; false at its end. */
static bool next_item(const char **p, char *item, size_t room, char **value)
{
    if (!**p) {
        return false;
    }
    size_t len = strcspn(*p, ",");

    snprintf(item, room, "%.*s", (int)MIN(len, room - 1), *p);
    *p += len + ((*p)[len] == ',');
    *value = strchr(item, '=');
    if (*value) {
        *(*value)++ = 0;
    }
    return true;
}

static int parse_ram(Options *o, const char *s, Error *err)
{
    const char *digits = strncmp(s, "size=", 5) ? s : s + 5;
    char *end;
    unsigned shift = 20;

    errno = 0;
    unsigned long long v = strtoull(digits, &end, 10);
    switch (*end) {
    case 'k': case 'K': shift = 10; end++; break;
    case 'm': case 'M': shift = 20; end++; break;
    case 'g': case 'G': shift = 30; end++; break;
    }
    if (!isdigit((unsigned char)*digits) || *end || errno || !v ||
        v > (1ull << 44) >> shift) {
        return error_set(err, EINVAL, "-m: '%s' is not a memory size; say 256, 512M or 2G", s);
    }
    o->ram = (uint64_t)v << shift;
    return 0;
}

static int parse_smp(Options *o, const char *s, Error *err)
{
    uint64_t n;
    int ret = parse_number("-smp", strncmp(s, "cpus=", 5) ? s : s + 5, 1, 255, &n, err);

    o->smp = ret < 0 ? 0 : (int)n;
    return ret;
}

#define DRIVE_OPTION(fn, slot, option)                                      \
    static int parse_##fn(Options *o, const char *s, Error *err)            \
    {                                                                       \
        if (o->drive[slot]) {                                               \
            return error_set(err, EINVAL, option ": given twice");          \
        }                                                                   \
        o->drive[slot] = s;                                                 \
        return 0;                                                           \
    }
DRIVE_OPTION(hda, SLOT_HDA, "-hda")
DRIVE_OPTION(hdb, SLOT_HDB, "-hdb")
DRIVE_OPTION(hdc, SLOT_HDC, "-hdc")
DRIVE_OPTION(hdd, SLOT_HDD, "-hdd")
DRIVE_OPTION(fda, SLOT_FDA, "-fda")
DRIVE_OPTION(fdb, SLOT_FDB, "-fdb")
DRIVE_OPTION(cdrom, SLOT_CDROM, "-cdrom")
DRIVE_OPTION(sd, SLOT_SD, "-sd")
DRIVE_OPTION(mtd, SLOT_MTD, "-mtdblock")

static int parse_boot_letters(Options *o, const char *s, Error *err)
{
    bool ok = *s && strlen(s) <= 3 && strspn(s, "acdn") == strlen(s);

    for (const char *p = s; ok && *p; p++) {
        ok = !strchr(p + 1, *p);
    }
    if (!ok) {
        return error_set(err, EINVAL, "-boot: '%s': want one to three of the letters a c d n, "
                         "each once", s);
    }
    snprintf(o->boot_order, sizeof(o->boot_order), "%s", s);
    return 0;
}

static int parse_boot(Options *o, const char *s, Error *err)
{
    char item[64], *value;
    int ret = *s ? 0 : parse_boot_letters(o, s, err);

    while (ret == 0 && next_item(&s, item, sizeof(item), &value)) {
        if (!value) {
            ret = parse_boot_letters(o, item, err);
        } else if (!strcmp(item, "order")) {
            ret = parse_boot_letters(o, value, err);
        } else if (!strcmp(item, "menu")) {
            ret = parse_on_off("-boot menu", value, &o->boot_menu, err);
        } else {
            ret = error_set(err, EINVAL, "-boot: no setting '%s'; there are order and menu", item);
        }
    }
    return ret;
}

static int parse_nographic(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->nographic = true;
    return 0;
}

static int parse_curses(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->display = "curses";
    return 0;
}

/* YYYY-MM-DD[THH:MM:SS], UTC, of the years a PC's clock and Linux both know. */
static int parse_date(const char *s, int64_t *ns, Error *err)
{
    struct tm tm = { 0 }, day;
    const char *end = strptime(s, "%Y-%m-%d", &tm);

    if (end && *end == 'T') {
        end = strptime(end + 1, "%H:%M:%S", &tm);
    }
    day = tm;
    timegm(&day);                       /* turns 30 February into 1 March */
    if (!end || *end || day.tm_mday != tm.tm_mday || tm.tm_year < 70 || tm.tm_year >= 200) {
        return error_set(err, EINVAL, "-rtc: '%s' is no date from 1970 to 2099; "
                         "say 2024-02-29T12:00:00", s);
    }
    *ns = (int64_t)timegm(&tm) * NS_PER_SEC;
    return 0;
}

static int parse_rtc_base(Options *o, const char *s, Error *err)
{
    int64_t ns = 0;
    time_t now = time(NULL);

    if (!strcmp(s, "utc") || !strcmp(s, "now")) {
        o->rtc_offset_ns = 0;
        return 0;
    }
    if (!strcmp(s, "localtime")) {
        o->rtc_offset_ns = localtime(&now)->tm_gmtoff * NS_PER_SEC;
        return 0;
    }
    int ret = parse_date(s, &ns, err);
    if (ret == 0) {
        o->rtc_offset_ns = ns - clock_host_ns();
    }
    return ret;
}

static int parse_rtc(Options *o, const char *s, Error *err)
{
    char item[64], *value;

    if (!*s) {
        return error_set(err, EINVAL, "-rtc: '': there is base=");
    }
    while (next_item(&s, item, sizeof(item), &value)) {
        if (!value || strcmp(item, "base")) {
            return error_set(err, EINVAL, "-rtc: no setting '%s'; there is base=", item);
        }
        int ret = parse_rtc_base(o, value, err);
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

static int parse_localtime(Options *o, const char *s, Error *err)
{
    (void)s;
    return parse_rtc_base(o, "localtime", err);
}

static int parse_startdate(Options *o, const char *s, Error *err)
{
    return parse_rtc_base(o, s, err);
}

static int parse_log(Options *o, const char *s, Error *err)
{
    (void)err;
    if (!strcmp(s, "help") || !strcmp(s, "?")) {
        o->action = ACT_LOG_HELP;
    }
    o->log_items = s;
    return 0;
}

static int parse_tb_size(Options *o, const char *s, Error *err)
{
    uint64_t mb;
    int ret = parse_number("-tb-size", s, 1, 2047, &mb, err);

    o->accel.tb_size = ret < 0 ? 0 : mb << 20;
    return ret;
}

static int parse_singlestep(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->accel.singlestep = true;
    return 0;
}

static int parse_perfmap(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->accel.perfmap = true;
    return 0;
}

static int parse_selfcheck(Options *o, const char *s, Error *err)
{
    bool on;
    int ret = parse_on_off("-accel", s, &on, err);

    if (ret == 0) {
        o->accel.selfcheck = on ? SELFCHECK_ALWAYS : SELFCHECK_NEVER;
    }
    return ret;
}

static int parse_accel_item(Options *o, const char *key, const char *value, Error *err)
{
    const struct { const char *name; bool *field; bool when_on; } rows[] = {
        { "interp", &o->accel.interp, true },
        { "one-insn-per-tb", &o->accel.singlestep, true },
        { "chain", &o->accel.no_chain, false },
        { "pin", &o->accel.no_pin, false },
        { "opt", &o->accel.no_opt, false },
        { "fastfp", &o->accel.no_fastfp, false },
        { "tlb", &o->accel.no_fast_tlb, false },
        { "copy", &o->accel.no_copy, false },
    };

    if (!value) {
        return error_set(err, EINVAL, "-accel: '%s' wants =on or =off", key);
    }
    if (!strcmp(key, "tb-size")) {
        return parse_tb_size(o, value, err);
    }
    if (!strcmp(key, "selfcheck")) {
        return parse_selfcheck(o, value, err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool on;

        if (strcmp(rows[i].name, key)) {
            continue;
        }
        int ret = parse_on_off("-accel", value, &on, err);
        *rows[i].field = ret == 0 && on == rows[i].when_on;
        return ret;
    }
    return error_set(err, EINVAL, "-accel: no setting '%s'; there are interp, one-insn-per-tb, "
                     "chain, pin, opt, fastfp, tlb, copy, selfcheck and tb-size", key);
}

static int parse_accel(Options *o, const char *s, Error *err)
{
    char item[64], *value;
    int ret = 0;

    if (!next_item(&s, item, sizeof(item), &value) || value || strcmp(item, "tcg")) {
        return error_set(err, EINVAL, "-accel: '%s': there is only tcg", item);
    }
    while (ret == 0 && next_item(&s, item, sizeof(item), &value)) {
        ret = parse_accel_item(o, item, value, err);
    }
    return ret;
}

static int parse_gdb_default(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->gdb = GDBSTUB_DEFAULT;
    return 0;
}

static int parse_help(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->action = ACT_HELP;
    return 0;
}

static int parse_version(Options *o, const char *s, Error *err)
{
    (void)s;
    (void)err;
    o->action = ACT_VERSION;
    return 0;
}

/* -- The table --------------------------------------------------------------- */

static const OptRow rows[] = {
#define GROUP(title) { OPT_GROUP, NULL, NULL, title, 0, NULL },
#define FLAG(name, field, help) { OPT_FLAG, name, "", help, offsetof(Options, field), NULL },
#define STR(name, arg, field, help) { OPT_STR, name, arg, help, offsetof(Options, field), NULL },
#define LIST(name, arg, field, help) { OPT_LIST, name, arg, help, offsetof(Options, field), NULL },
#define CALL(name, arg, fn, help) { OPT_CALL, name, arg, help, 0, parse_##fn },
#define ALIAS(name, other) { OPT_ALIAS, name, other, NULL, 0, NULL },
#define LATER(name, arg) { OPT_LATER, name, arg, NULL, 0, NULL },
#include "qemu-options.def"
};

static const OptRow *find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].name && !strcmp(rows[i].name, name)) {
            return rows[i].kind == OPT_ALIAS ? find_row(rows[i].arg) : &rows[i];
        }
    }
    return NULL;
}

static int apply(Options *o, const OptRow *r, const char *value, Error *err)
{
    char *field = (char *)o + r->field;

    switch (r->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case OPT_STR:
        *(const char **)(void *)field = value;
        return 0;
    case OPT_LIST: {
        OptionList *l = (OptionList *)(void *)field;

        if (l->num == OPTIONS_MAX_LIST) {
            return error_set(err, E2BIG, "-%s: more than %d of them", r->name, OPTIONS_MAX_LIST);
        }
        l->item[l->num++] = value;
        return 0;
    }
    case OPT_CALL:
        return r->parse(o, value, err);
    default:
        return error_set(err, ENOTSUP, "-%s: not implemented, leave it out", r->name);
    }
}

int options_parse(Options *o, int argc, char **argv, Error *err)
{
    *o = (Options){ .action = ACT_RUN };
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (word[0] != '-' || !word[1]) {
            int ret = parse_hda(o, word, err);

            if (ret < 0) {
                return error_prefix(err, ret, "%s", word);
            }
            continue;
        }
        const OptRow *r = find_row(word + (word[1] == '-' ? 2 : 1));
        if (!r) {
            return error_set(err, EINVAL, "%s: no such option, -help lists them", word);
        }
        bool has_value = r->arg[0];
        if (has_value && i + 1 == argc) {
            return error_set(err, EINVAL, "%s: wants a value: -%s %s", word, r->name, r->arg);
        }
        int ret = apply(o, r, has_value ? argv[++i] : NULL, err);
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

void options_help(void (*put)(void *, const char *), void *opaque)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const OptRow *r = &rows[i];
        char *line;

        if (r->kind == OPT_GROUP) {
            line = xasprintf("\n%s:\n", r->help);
        } else if (r->kind == OPT_ALIAS || r->kind == OPT_LATER) {
            continue;
        } else {
            line = xasprintf("  -%s%s%s\n        %s\n", r->name, r->arg[0] ? " " : "", r->arg,
                             r->help);
        }
        put(opaque, line);
        free(line);
    }
}
