/* SPDX-License-Identifier: MIT */
#include "block/vmdk.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/bits.h"
#include "util/mem.h"

enum { SECTOR = 512, MAX_LINE = 1536 };

bool vmdk_is_text(const char *text, size_t len)
{
    static const char title[] = "# disk descriptorfile";
    size_t i = 0;

    while (i < len && isspace((unsigned char)text[i])) {
        i++;
    }
    return len - i >= sizeof(title) - 1 &&
           strncasecmp(text + i, title, sizeof(title) - 1) == 0;
}

/* The line at p without its end; where the next one is, or NULL. */
static const char *take_line(const char *p, char *line)
{
    size_t n = strcspn(p, "\r\n"), keep = MIN(n, MAX_LINE - 1);

    memcpy(line, p, keep);
    line[keep] = 0;
    p += n;
    p += strspn(p, "\r\n");
    return *p ? p : NULL;
}

const char *vmdk_get(const char *text, const char *key, char *value, size_t size)
{
    char line[MAX_LINE];
    size_t n = strlen(key);

    for (const char *p = text; p;) {
        const char *start = p, *v;

        p = take_line(p, line);
        v = line + strspn(line, " \t");
        if (strncasecmp(v, key, n)) {
            continue;
        }
        v += n;
        v += strspn(v, " \t");
        if (*v++ != '=') {
            continue;
        }
        v += strspn(v, " \t\"");
        snprintf(value, size, "%.*s", (int)strcspn(v, "\""), v);
        return start + (v - line);
    }
    return NULL;
}

static const struct { const char *name; VmdkKind kind; } kinds[] = {
    { "FLAT", VMDK_FLAT }, { "VMFS", VMDK_FLAT }, { "SPARSE", VMDK_SPARSE },
    { "VMFSSPARSE", VMDK_COWD }, { "ZERO", VMDK_ZERO },
};

static bool find_kind(const char *name, VmdkKind *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* ACCESS SIZE TYPE "FILE" [OFFSET] */
static int parse_line(const char *text, VmdkLine *l, const char *filename, Error *err)
{
    char access[16], type[16];
    unsigned long long sectors, offset = 0;
    int n = 0;

    if (sscanf(text, "%15s %llu %15s %n", access, &sectors, type, &n) < 3) {
        return error_set(err, EINVAL, "%s: damaged descriptor: \"%.80s\" is no extent",
                         filename, text);
    }
    *l = (VmdkLine){ .sectors = sectors, .read_only = strcmp(access, "RW") != 0 };
    if (strcmp(access, "NOACCESS") == 0 || !find_kind(type, &l->kind)) {
        return error_set(err, ENOTSUP, "%s: extents of kind %s %s cannot be read", filename,
                         access, type);
    }
    if (sectors == 0 || sectors > 1ull << 52) {
        return error_set(err, EINVAL, "%s: damaged descriptor: an extent of %llu sectors",
                         filename, sectors);
    }
    if (l->kind == VMDK_ZERO) {
        return 0;
    }
    const char *name = n ? text + n : "", *end = *name == '"' ? strchr(name + 1, '"') : NULL;

    if (!end || end == name + 1 || (size_t)(end - name) > sizeof(l->file)) {
        return error_set(err, EINVAL, "%s: damaged descriptor: \"%.80s\" names no file",
                         filename, text);
    }
    memcpy(l->file, name + 1, (size_t)(end - name - 1));
    if (sscanf(end + 1, "%llu", &offset) == 1 && offset > 1ull << 52) {
        return error_set(err, EINVAL, "%s: damaged descriptor: an extent at sector %llu",
                         filename, offset);
    }
    l->offset = offset;
    return 0;
}

static bool is_extent(const char *line)
{
    static const char *const accesses[] = { "RW", "RDONLY", "NOACCESS" };
    size_t len = strcspn(line, " \t");

    for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
        if (len == strlen(accesses[i]) && !strncmp(line, accesses[i], len)) {
            return true;
        }
    }
    return false;
}

int vmdk_next_line(const char *text, size_t *pos, VmdkLine *line, const char *filename,
                   Error *err)
{
    char buf[MAX_LINE];

    for (const char *p = text + *pos; *p;) {
        const char *next = take_line(p, buf);

        *pos = next ? (size_t)(next - text) : *pos + strlen(text + *pos);
        if (is_extent(buf + strspn(buf, " \t"))) {
            int ret = parse_line(buf, line, filename, err);

            return ret < 0 ? ret : 1;
        }
        p = text + *pos;
    }
    return 0;
}

char *vmdk_write_text(const VmdkText *t)
{
    unsigned heads = strcmp(t->adapter, "ide") ? 255 : 16;
    char *hint = t->parent ? xasprintf("parentFileNameHint=\"%s\"\n", t->parent)
                           : xstrdup("");
    char *text = xasprintf(
        "# Disk DescriptorFile\n"
        "version=1\n"
        "CID=%08x\n"
        "parentCID=%08x\n"
        "createType=\"%s\"\n"
        "%s"
        "\n"
        "# Extent description\n"
        "%s"
        "\n"
        "# The Disk Data Base\n"
        "#DDB\n"
        "\n"
        "ddb.virtualHWVersion = \"%s\"\n"
        "ddb.geometry.cylinders = \"%llu\"\n"
        "ddb.geometry.heads = \"%u\"\n"
        "ddb.geometry.sectors = \"63\"\n"
        "ddb.adapterType = \"%s\"\n"
        "ddb.toolsVersion = \"%s\"\n",
        t->cid, t->parent_cid, t->type, hint, t->lines, t->hwversion,
        (unsigned long long)(t->size / (63ull * heads * SECTOR)), heads, t->adapter,
        t->toolsversion);

    free(hint);
    return text;
}
