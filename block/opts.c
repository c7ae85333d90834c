/* SPDX-License-Identifier: MIT */
#include "block/opts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* The value up to a single comma, doubled ones halved; *end is behind it. */
static char *take_value(const char *p, const char **end)
{
    char *out = xmalloc(strlen(p) + 1), *w = out;

    while (*p && (p[0] != ',' || p[1] == ',')) {
        p += p[0] == ',';
        *w++ = *p++;
    }
    *w = 0;
    *end = *p ? p + 1 : p;
    return out;
}

static void add(BlockOpts *o, char *name, char *value)
{
    o->opt = xrealloc(o->opt, (size_t)(o->num + 1) * sizeof(*o->opt));
    o->opt[o->num].name = name;
    o->opt[o->num].value = value;
    o->num++;
}

int opts_parse(BlockOpts *o, const char *text, Error *err)
{
    while (*text) {
        size_t n = strcspn(text, "=,");

        if (n == 0) {
            return error_set(err, EINVAL, "\"%s\": a name is missing, write name=value", text);
        }
        char *name = xstrndup(text, n);

        text += n;
        if (*text == '=') {
            add(o, name, take_value(text + 1, &text));
        } else {
            add(o, name, xstrdup("on"));
            text += *text == ',';
        }
    }
    return 0;
}

void opts_set(BlockOpts *o, const char *name, const char *value)
{
    add(o, xstrdup(name), xstrdup(value));
}

void opts_free(BlockOpts *o)
{
    for (int i = 0; i < o->num; i++) {
        free(o->opt[i].name);
        free(o->opt[i].value);
    }
    free(o->opt);
    *o = (BlockOpts){ NULL, 0 };
}

static bool in_list(const BlockOptDef *d, const char *name)
{
    for (; d && d->name; d++) {
        if (strcmp(d->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void list_names(const BlockOptDef *d, const BlockOptDef *but, char *buf, size_t size)
{
    for (; d && d->name; d++) {
        size_t used = strlen(buf);

        if (!in_list(but, d->name)) {
            snprintf(buf + used, size - used, "%s%s", used ? ", " : "", d->name);
        }
    }
}

int opts_check(const BlockOpts *o, const BlockOptDef *defs,
               const BlockOptDef *more, Error *err)
{
    for (int i = 0; o && i < o->num; i++) {
        const char *name = o->opt[i].name;
        char known[400] = "";

        if (in_list(defs, name) || in_list(more, name)) {
            continue;
        }
        list_names(defs, NULL, known, sizeof(known));
        list_names(more, defs, known, sizeof(known));
        return error_set(err, EINVAL, "no option \"%s\"; there is: %s", name,
                         *known ? known : "none");
    }
    return 0;
}

const char *opts_get(const BlockOpts *o, const char *name)
{
    for (int i = o ? o->num - 1 : -1; i >= 0; i--) {
        if (strcmp(o->opt[i].name, name) == 0) {
            return o->opt[i].value;
        }
    }
    return NULL;
}

int opts_get_bool(const BlockOpts *o, const char *name, bool *out, Error *err)
{
    const char *v = opts_get(o, name);

    if (!v) {
        return 0;
    }
    if (!strcmp(v, "on") || !strcmp(v, "yes") || !strcmp(v, "true")) {
        *out = true;
        return 0;
    }
    if (!strcmp(v, "off") || !strcmp(v, "no") || !strcmp(v, "false")) {
        *out = false;
        return 0;
    }
    return error_set(err, EINVAL, "%s=%s: write on or off", name, v);
}

int opts_get_size(const BlockOpts *o, const char *name, uint64_t *out, Error *err)
{
    const char *v = opts_get(o, name);

    if (v && parse_size(v, out) < 0) {
        return error_set(err, EINVAL, "%s=%s: write a size, as 512, 64k, 10M or 1.5G",
                         name, v);
    }
    return 0;
}

int parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "kMGTPE";
    char *end;
    int shift = 0;

    errno = 0;
    if (*text < '0' || *text > '9') {
        return -EINVAL;
    }
    uint64_t whole = strtoull(text, &end, 0);
    double fraction = *end == '.' ? strtod(end, &end) : 0;

    if (errno) {
        return -errno;
    }
    if (*end && *end != 'b' && *end != 'B') {
        const char *u = strchr(units, *end == 'K' ? 'k' : *end == 'm' ? 'M' :
                               *end == 'g' ? 'G' : *end == 't' ? 'T' : *end);

        if (!u) {
            return -EINVAL;
        }
        shift = 10 * (int)(u - units + 1);
        end++;
        end += end[0] == 'i' && end[1] == 'B' ? 2 : *end == 'B';
    } else if (*end) {
        end++;
    }
    if (*end || whole >> (63 - shift) || (fraction && !shift)) {
        return -EINVAL;
    }
    *out = (whole << shift) + (uint64_t)(fraction * (double)(1ull << shift));
    return 0;
}
