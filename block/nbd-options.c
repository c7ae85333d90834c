/* SPDX-License-Identifier: MIT */
/*
 * NBD, the server's side of the handshake (NBD protocol, "Newstyle negotiation").
 *
 *      IHAVEOPT option length data  --->
 *                                   <---  answers ..., ACK or an error
 *
 * until GO or EXPORT_NAME chooses an export.
 *
 * Not modelled: TLS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/nbd-server-int.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_OPTION = 64 << 10, MAX_SKIP = 32 << 20 };

static const char *const context_names[NUM_CONTEXTS] = {
    [CONTEXT_ALLOCATION] = "base:allocation",
    [CONTEXT_DEPTH] = "qemu:allocation-depth",
};

/* One option and where we are in its data. */
typedef struct Option {
    NbdClient *c;
    uint32_t type, len;
    uint8_t *data;
    const uint8_t *p, *end;
} Option;

/* -- Answers ----------------------------------------------------------------- */

static int answer(const Option *o, uint32_t type, const void *data, size_t len)
{
    uint8_t *msg = xmalloc(20 + len);

    nbd_put64(msg, NBD_OPT_REPLY_MAGIC);
    nbd_put32(msg + 8, o->type);
    nbd_put32(msg + 12, type);
    nbd_put32(msg + 16, (uint32_t)len);
    if (len) {
        memcpy(msg + 20, data, len);
    }
    int ret = nbd_sock_write(&o->c->sock, msg, 20 + len);
    free(msg);
    return ret;
}

static int complain(const Option *o, uint32_t error, const char *why)
{
    nbd_server_report(o->c->server, "option %u refused: %s", o->type, why);
    return answer(o, error, why, strlen(why));
}

static int invalid(const Option *o)
{
    return complain(o, NBD_REP_ERR_INVALID, "malformed option");
}

/* -- Data of options --------------------------------------------------------- */

static bool take16(Option *o, unsigned *out)
{
    if (o->end - o->p < 2) {
        return false;
    }
    *out = nbd_get16(o->p);
    o->p += 2;
    return true;
}

static bool take32(Option *o, uint32_t *out)
{
    if (o->end - o->p < 4) {
        return false;
    }
    *out = nbd_get32(o->p);
    o->p += 4;
    return true;
}

/* Length and bytes; not terminated. */
static bool take_string(Option *o, const char **s, size_t *len)
{
    uint32_t n;

    if (!take32(o, &n) || n > NBD_MAX_STRING || n > (size_t)(o->end - o->p)) {
        return false;
    }
    *s = (const char *)o->p;
    *len = n;
    o->p += n;
    return true;
}

static const NbdExport *find_export(const NbdClient *c, const char *name, size_t len)
{
    const NbdServerConfig *cfg = nbd_server_config(c->server);

    for (int i = 0; i < cfg->num_exports; i++) {
        const NbdExport *e = &cfg->exports[i];

        if (strlen(e->name) == len && memcmp(e->name, name, len) == 0) {
            return e;
        }
    }
    return NULL;
}

/* -- Options ----------------------------------------------------------------- */

static int do_list(Option *o)
{
    const NbdServerConfig *cfg = nbd_server_config(o->c->server);
    int ret = 0;

    if (o->len) {
        return invalid(o);
    }
    for (int i = 0; i < cfg->num_exports && ret >= 0; i++) {
        const NbdExport *e = &cfg->exports[i];
        const char *text = e->description ? e->description : "";
        size_t n = strlen(e->name), d = strlen(text);
        uint8_t *msg = xmalloc(4 + n + d);

        nbd_put32(msg, (uint32_t)n);
        memcpy(msg + 4, e->name, n);
        memcpy(msg + 4 + n, text, d);
        ret = answer(o, NBD_REP_SERVER, msg, 4 + n + d);
        free(msg);
    }
    return ret < 0 ? ret : answer(o, NBD_REP_ACK, NULL, 0);
}

static int send_text_info(const Option *o, unsigned type, const char *text)
{
    size_t n = strlen(text);
    uint8_t *msg = xmalloc(2 + n);

    nbd_put16(msg, type);
    memcpy(msg + 2, text, n);
    int ret = answer(o, NBD_REP_INFO, msg, 2 + n);
    free(msg);
    return ret;
}

static int send_info(const Option *o, const NbdExport *e, unsigned type)
{
    uint8_t d[14];

    nbd_put16(d, type);
    switch (type) {
    case NBD_INFO_EXPORT:
        nbd_put64(d + 2, e->size);
        nbd_put16(d + 10, nbd_server_flags(o->c->server, e, o->c->structured));
        return answer(o, NBD_REP_INFO, d, 12);
    case NBD_INFO_BLOCK_SIZE:
        nbd_put32(d + 2, 1);
        nbd_put32(d + 6, 4096);
        nbd_put32(d + 10, NBD_MAX_PAYLOAD);
        return answer(o, NBD_REP_INFO, d, 14);
    case NBD_INFO_NAME:
        return send_text_info(o, type, e->name);
    case NBD_INFO_DESCRIPTION:
        return e->description ? send_text_info(o, type, e->description) : 0;
    }
    return 0;
}

/* INFO and GO; GO ends the handshake. */
static int do_info(Option *o)
{
    const char *name;
    size_t len;
    unsigned num;
    bool want[4] = { [NBD_INFO_EXPORT] = true };

    if (!take_string(o, &name, &len) || !take16(o, &num) ||
        (size_t)(o->end - o->p) != num * 2) {
        return invalid(o);
    }
    for (unsigned i = 0, type; i < num && take16(o, &type); i++) {
        want[type < ARRAY_SIZE(want) ? type : 0] = true;
    }
    const NbdExport *e = find_export(o->c, name, len);
    int ret = 0;

    if (!e) {
        return complain(o, NBD_REP_ERR_UNKNOWN, "there is no such export");
    }
    for (unsigned type = 0; type < ARRAY_SIZE(want) && ret >= 0; type++) {
        ret = want[type] ? send_info(o, e, type) : 0;
    }
    if (ret >= 0) {
        ret = answer(o, NBD_REP_ACK, NULL, 0);
    }
    if (ret >= 0 && o->type == NBD_OPT_GO) {
        o->c->export = e;
    }
    return ret;
}

/* Has no error: an unknown name closes the connection. */
static int do_export_name(Option *o)
{
    NbdClient *c = o->c;
    const NbdExport *e = find_export(c, (const char *)o->data, o->len);
    uint8_t d[134] = { 0 };

    if (!e) {
        nbd_server_report(c->server, "a client asked for an unknown export");
        return -ENOENT;
    }
    nbd_put64(d, e->size);
    nbd_put16(d + 8, nbd_server_flags(c->server, e, c->structured));
    c->export = e;
    return nbd_sock_write(&c->sock, d, c->no_zeroes ? 10 : sizeof(d));
}

static int do_structured(Option *o)
{
    if (o->len) {
        return invalid(o);
    }
    o->c->structured = true;
    return answer(o, NBD_REP_ACK, NULL, 0);
}

/* SET wants the whole name; LIST takes "base:", too. */
static bool matches(const Option *o, const char *name, const char *query, size_t len)
{
    size_t space = strcspn(name, ":") + 1;

    if (o->type == NBD_OPT_LIST_META_CONTEXT && len == space) {
        return memcmp(name, query, len) == 0;
    }
    return strlen(name) == len && memcmp(name, query, len) == 0;
}

static int send_contexts(const Option *o, const bool *chosen)
{
    int ret = 0;

    for (unsigned i = 0; i < NUM_CONTEXTS && ret >= 0; i++) {
        size_t n = strlen(context_names[i]);
        uint8_t msg[64];

        if (chosen[i]) {
            nbd_put32(msg, o->type == NBD_OPT_SET_META_CONTEXT ? i : 0);
            memcpy(msg + 4, context_names[i], n);
            ret = answer(o, NBD_REP_META_CONTEXT, msg, 4 + n);
        }
    }
    return ret < 0 ? ret : answer(o, NBD_REP_ACK, NULL, 0);
}

static int do_meta(Option *o)
{
    NbdClient *c = o->c;
    bool set = o->type == NBD_OPT_SET_META_CONTEXT, chosen[NUM_CONTEXTS] = { false };
    const char *name, *query;
    size_t len;
    uint32_t num;

    if (set) {
        memset(c->context, 0, sizeof(c->context));
    }
    if (!c->structured) {
        return complain(o, NBD_REP_ERR_INVALID, "structured replies come first");
    }
    if (!take_string(o, &name, &len) || !take32(o, &num)) {
        return invalid(o);
    }
    const NbdExport *e = find_export(c, name, len);
    int offered = nbd_server_config(c->server)->allocation_depth ? NUM_CONTEXTS : 1;

    for (uint32_t i = 0; i < num; i++) {
        if (!take_string(o, &query, &len)) {
            return invalid(o);
        }
        for (int k = 0; k < offered; k++) {
            chosen[k] |= matches(o, context_names[k], query, len);
        }
    }
    if (o->p != o->end) {
        return invalid(o);
    }
    if (!e) {
        return complain(o, NBD_REP_ERR_UNKNOWN, "there is no such export");
    }
    for (int k = 0; k < offered && !set && num == 0; k++) {
        chosen[k] = true;
    }
    if (set) {
        memcpy(c->context, chosen, sizeof(chosen));
        c->context_export = e;
    }
    return send_contexts(o, chosen);
}

static int do_abort(Option *o)
{
    answer(o, NBD_REP_ACK, NULL, 0);
    return -ECONNABORTED;
}

static const struct OptionDef {
    uint32_t type;
    int (*run)(Option *o);
} option_defs[] = {
    { NBD_OPT_EXPORT_NAME, do_export_name },
    { NBD_OPT_ABORT, do_abort },
    { NBD_OPT_LIST, do_list },
    { NBD_OPT_INFO, do_info },
    { NBD_OPT_GO, do_info },
    { NBD_OPT_STRUCTURED_REPLY, do_structured },
    { NBD_OPT_LIST_META_CONTEXT, do_meta },
    { NBD_OPT_SET_META_CONTEXT, do_meta },
};

static int run_option(Option *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(option_defs); i++) {
        if (option_defs[i].type == o->type) {
            return option_defs[i].run(o);
        }
    }
    return complain(o, NBD_REP_ERR_UNSUP, "not supported");
}

static int next_option(NbdClient *c)
{
    uint8_t h[16];
    Option o = { .c = c };
    int ret = nbd_sock_read(&c->sock, h, sizeof(h));

    if (ret < 0) {
        return ret;
    }
    o.type = nbd_get32(h + 8);
    o.len = nbd_get32(h + 12);
    if (nbd_get64(h) != NBD_OPT_MAGIC || o.len > MAX_SKIP) {
        return -EPROTO;
    }
    if (o.len > MAX_OPTION) {
        ret = nbd_sock_skip(&c->sock, o.len);
        return ret < 0 || o.type == NBD_OPT_EXPORT_NAME ? -EPROTO
             : complain(&o, NBD_REP_ERR_TOO_BIG, "too long");
    }
    o.data = xmalloc(MAX(o.len, 1));
    o.p = o.data;
    o.end = o.data + o.len;
    ret = nbd_sock_read(&c->sock, o.data, o.len);
    if (ret >= 0) {
        ret = run_option(&o);
    }
    free(o.data);
    return ret;
}

int nbd_options(NbdClient *c)
{
    uint8_t hello[18], flags[4];

    nbd_put64(hello, NBD_MAGIC);
    nbd_put64(hello + 8, NBD_OPT_MAGIC);
    nbd_put16(hello + 16, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    int ret = nbd_sock_write(&c->sock, hello, sizeof(hello));
    if (ret >= 0) {
        ret = nbd_sock_read(&c->sock, flags, sizeof(flags));
    }
    if (ret < 0) {
        return ret;
    }
    if (nbd_get32(flags) & ~(uint32_t)(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES)) {
        return -EPROTO;
    }
    c->no_zeroes = nbd_get32(flags) & NBD_FLAG_NO_ZEROES;
    while (ret >= 0 && !c->export) {
        ret = next_option(c);
    }
    if (c->context_export != c->export) {
        memset(c->context, 0, sizeof(c->context));
    }
    return ret;
}
