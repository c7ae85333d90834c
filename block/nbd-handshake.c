/* SPDX-License-Identifier: MIT */
/*
 * NBD, the client's side of the handshake (NBD protocol, "Newstyle negotiation").
 *
 *      NBDMAGIC IHAVEOPT flags  <---
 *                               --->  flags
 *   structured replies          --->
 *   base:allocation             --->  each: option, answers ..., ACK or an error
 *   GO(export)                  --->
 *
 * A server that does not know GO gets EXPORT_NAME, which has no errors: it closes
 * the connection.
 *
 * Not modelled: TLS, and the old-style handshake (refused by name).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "block/nbd-client.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    MAX_REPLY = 3 * NBD_MAX_STRING,     /* two strings and some numbers */
    MAX_EXPORTS = 4096, MAX_CONTEXTS = 64, MAX_MIN_BLOCK = 64 << 10,
};

static const char base_allocation[] = "base:allocation";

typedef struct Hand {
    NbdSock *s;
    Error *err;
    bool fixed, no_zeroes;
    uint32_t type, len;                 /* of the last reply */
    uint8_t data[MAX_REPLY + 1];        /* a zero byte behind len */
} Hand;

static bool is_error(const Hand *h)
{
    return h->type & NBD_REP_ERROR;
}

static int lost(Hand *h, int ret)
{
    return error_set(h->err, -ret, "nbd: the server %s during the handshake",
                     ret == -ETIMEDOUT ? "does not answer" : "closed the connection");
}

static int nonsense(Hand *h, const char *what)
{
    return error_set(h->err, EPROTO, "nbd: the server breaks the protocol: %s", what);
}

/* -- Options ----------------------------------------------------------------- */

static int send_option(Hand *h, uint32_t option, const void *data, uint32_t len)
{
    uint8_t *msg = xmalloc(16 + len);

    nbd_put64(msg, NBD_OPT_MAGIC);
    nbd_put32(msg + 8, option);
    nbd_put32(msg + 12, len);
    if (len) {
        memcpy(msg + 16, data, len);
    }
    int ret = nbd_sock_write(h->s, msg, 16 + len);
    free(msg);
    return ret < 0 ? lost(h, ret) : 0;
}

static int read_reply(Hand *h, uint32_t option)
{
    uint8_t head[20];
    int ret = nbd_sock_read(h->s, head, sizeof(head));

    if (ret < 0) {
        return lost(h, ret);
    }
    h->type = nbd_get32(head + 12);
    h->len = nbd_get32(head + 16);
    if (nbd_get64(head) != NBD_OPT_REPLY_MAGIC || nbd_get32(head + 8) != option) {
        return nonsense(h, "not the answer to an option");
    }
    if (h->len > MAX_REPLY) {
        return nonsense(h, "an answer is too long");
    }
    ret = nbd_sock_read(h->s, h->data, h->len);
    h->data[h->len] = 0;
    return ret < 0 ? lost(h, ret) : 0;
}

/* What the user can do about an error reply. */
static int refused(Hand *h, const char *name)
{
    const char *more = h->len ? ": " : "", *text = h->len ? (const char *)h->data : "";

    switch (h->type) {
    case NBD_REP_ERR_UNKNOWN:
        return error_set(h->err, ENOENT, "nbd: the server has no export \"%.200s\"%s%.200s",
                         name, more, text);
    case NBD_REP_ERR_TLS_REQD:
        return error_set(h->err, EPERM, "nbd: the server wants TLS, which is not supported:"
                         " use an export without");
    case NBD_REP_ERR_POLICY:
        return error_set(h->err, EPERM, "nbd: the server refuses export \"%.200s\"%s%.200s",
                         name, more, text);
    case NBD_REP_ERR_UNSUP:
        return error_set(h->err, ENOTSUP, "nbd: the server does not know this option");
    }
    return error_set(h->err, EIO, "nbd: the server refuses export \"%.200s\", error %#x%s%.200s",
                     name, h->type, more, text);
}

static int start(Hand *h)
{
    uint8_t hello[18], flags[4];
    int ret = nbd_sock_read(h->s, hello, 16);

    if (ret < 0) {
        return lost(h, ret);
    }
    if (nbd_get64(hello) != NBD_MAGIC) {
        return error_set(h->err, EPROTO, "nbd: whoever answers is no NBD server");
    }
    if (nbd_get64(hello + 8) != NBD_OPT_MAGIC) {
        return nbd_get64(hello + 8) == NBD_OLD_MAGIC
             ? error_set(h->err, ENOTSUP, "nbd: the server speaks the old-style protocol only:"
                         " give it an export name")
             : nonsense(h, "unknown handshake");
    }
    ret = nbd_sock_read(h->s, hello + 16, 2);
    if (ret < 0) {
        return lost(h, ret);
    }
    h->fixed = nbd_get16(hello + 16) & NBD_FLAG_FIXED_NEWSTYLE;
    h->no_zeroes = nbd_get16(hello + 16) & NBD_FLAG_NO_ZEROES;
    nbd_put32(flags, nbd_get16(hello + 16) & (NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES));
    ret = nbd_sock_write(h->s, flags, sizeof(flags));
    return ret < 0 ? lost(h, ret) : 0;
}

static int ask_structured(Hand *h, bool *structured)
{
    int ret = send_option(h, NBD_OPT_STRUCTURED_REPLY, NULL, 0);

    if (ret >= 0) {
        ret = read_reply(h, NBD_OPT_STRUCTURED_REPLY);
    }
    if (ret >= 0 && h->type != NBD_REP_ACK && !is_error(h)) {
        return nonsense(h, "bad answer to structured replies");
    }
    *structured = ret >= 0 && h->type == NBD_REP_ACK;
    return ret;
}

/* -- Meta contexts ----------------------------------------------------------- */

/* query NULL: list all there are. */
static int send_meta(Hand *h, uint32_t option, const char *name, const char *query)
{
    size_t n = strlen(name), q = query ? strlen(query) : 0;
    size_t len = 4 + n + 4 + (query ? 4 + q : 0);
    uint8_t *data = xmalloc(len), *p = data;

    nbd_put32(p, (uint32_t)n);
    memcpy(p + 4, name, n);
    nbd_put32(p + 4 + n, query != NULL);
    if (query) {
        nbd_put32(p + 8 + n, (uint32_t)q);
        memcpy(p + 12 + n, query, q);
    }
    int ret = send_option(h, option, data, (uint32_t)len);
    free(data);
    return ret;
}

static int set_context(Hand *h, const char *name, NbdExportInfo *info)
{
    int ret = send_meta(h, NBD_OPT_SET_META_CONTEXT, name, base_allocation);

    while (ret >= 0) {
        ret = read_reply(h, NBD_OPT_SET_META_CONTEXT);
        if (ret < 0 || h->type == NBD_REP_ACK || is_error(h)) {
            break;
        }
        if (h->type != NBD_REP_META_CONTEXT || h->len < 4 || info->has_status ||
            strcmp((char *)h->data + 4, base_allocation)) {
            return nonsense(h, "a context nobody asked for");
        }
        info->context = nbd_get32(h->data);
        info->has_status = true;
    }
    if (ret >= 0 && is_error(h)) {
        info->has_status = false;
    }
    return ret;
}

static int list_contexts(Hand *h, NbdExportInfo *info)
{
    int ret = send_meta(h, NBD_OPT_LIST_META_CONTEXT, info->name, NULL);

    while (ret >= 0) {
        ret = read_reply(h, NBD_OPT_LIST_META_CONTEXT);
        if (ret < 0 || h->type == NBD_REP_ACK || is_error(h)) {
            break;
        }
        if (h->type != NBD_REP_META_CONTEXT || h->len < 4 ||
            info->num_contexts >= MAX_CONTEXTS) {
            return nonsense(h, "bad list of contexts");
        }
        info->contexts = xrealloc(info->contexts, (size_t)(info->num_contexts + 1) *
                                  sizeof(*info->contexts));
        info->contexts[info->num_contexts++] = xstrdup((char *)h->data + 4);
    }
    return ret;
}

/* -- The export -------------------------------------------------------------- */

static int check_info(Hand *h, NbdExportInfo *info)
{
    uint32_t min = info->min_block;

    if (info->size > (uint64_t)INT64_MAX - (2u << 20)) {
        return nonsense(h, "an impossible size");
    }
    if (min == 0 || (min & (min - 1)) || min > MAX_MIN_BLOCK || info->max_block < min ||
        info->size % min) {
        return nonsense(h, "impossible block sizes");
    }
    info->max_block = align_down(MIN(info->max_block, NBD_MAX_PAYLOAD), min);
    if (!(info->flags & NBD_FLAG_HAS_FLAGS)) {
        info->flags = 0;
    }
    return 0;
}

static int take_info(Hand *h, NbdExportInfo *info, bool *sized)
{
    const uint8_t *d = h->data;
    unsigned type = h->len >= 2 ? nbd_get16(d) : ~0u;

    if (h->type != NBD_REP_INFO || h->len < 2 ||
        (type == NBD_INFO_EXPORT && h->len != 12) ||
        (type == NBD_INFO_BLOCK_SIZE && h->len != 14)) {
        return nonsense(h, "bad description of an export");
    }
    switch (type) {
    case NBD_INFO_EXPORT:
        info->size = nbd_get64(d + 2);
        info->flags = nbd_get16(d + 10);
        *sized = true;
        break;
    case NBD_INFO_BLOCK_SIZE:
        info->min_block = nbd_get32(d + 2);
        info->opt_block = nbd_get32(d + 6);
        info->max_block = nbd_get32(d + 10);
        break;
    case NBD_INFO_DESCRIPTION:
        free(info->description);
        info->description = xstrdup((const char *)d + 2);
        break;
    }
    return 0;
}

/* NBD_OPT_GO or NBD_OPT_INFO. */
static int get_info(Hand *h, uint32_t option, const char *name, NbdExportInfo *info)
{
    static const uint16_t wanted[] = { NBD_INFO_BLOCK_SIZE, NBD_INFO_DESCRIPTION };
    size_t n = strlen(name);
    uint8_t *data = xmalloc(n + 10);
    bool sized = false;

    nbd_put32(data, (uint32_t)n);
    memcpy(data + 4, name, n);
    nbd_put16(data + 4 + n, ARRAY_SIZE(wanted));
    nbd_put16(data + 6 + n, wanted[0]);
    nbd_put16(data + 8 + n, wanted[1]);
    info->min_block = 1;
    info->opt_block = 4096;
    info->max_block = NBD_MAX_PAYLOAD;
    int ret = send_option(h, option, data, (uint32_t)n + 10);
    free(data);
    while (ret >= 0) {
        ret = read_reply(h, option);
        if (ret < 0 || h->type == NBD_REP_ACK || is_error(h)) {
            break;
        }
        ret = take_info(h, info, &sized);
    }
    if (ret < 0) {
        return ret;
    }
    if (is_error(h)) {
        return refused(h, name);
    }
    return sized ? check_info(h, info) : nonsense(h, "an export without a size");
}

static int get_export_by_name(Hand *h, const char *name, NbdExportInfo *info)
{
    uint8_t d[10];
    int ret = send_option(h, NBD_OPT_EXPORT_NAME, name, (uint32_t)strlen(name));

    if (ret < 0) {
        return ret;
    }
    if (nbd_sock_read(h->s, d, sizeof(d)) < 0 ||
        (!h->no_zeroes && nbd_sock_skip(h->s, 124) < 0)) {
        return error_set(h->err, ENOENT, "nbd: the server has no export \"%.200s\"", name);
    }
    info->size = nbd_get64(d);
    info->flags = nbd_get16(d + 8);
    info->min_block = 1;
    info->opt_block = 4096;
    info->max_block = NBD_MAX_PAYLOAD;
    return check_info(h, info);
}

static int negotiate(Hand *h, const char *name, NbdExportInfo *info)
{
    int ret = start(h);

    if (ret >= 0 && h->fixed) {
        ret = ask_structured(h, &info->structured);
    }
    if (ret >= 0 && info->structured) {
        ret = set_context(h, name, info);
    }
    if (ret < 0) {
        return ret;
    }
    ret = h->fixed ? get_info(h, NBD_OPT_GO, name, info) : -ENOTSUP;
    return ret == -ENOTSUP ? get_export_by_name(h, name, info) : ret;
}

int nbd_negotiate(NbdSock *s, const char *export_name, NbdExportInfo *info, Error *err)
{
    Hand *h = xzalloc(sizeof(*h));

    h->s = s;
    h->err = err;
    *info = (NbdExportInfo){ .name = xstrdup(export_name) };
    int ret = negotiate(h, export_name, info);
    if (ret < 0) {
        h->err = NULL;                  /* what comes now is politeness */
        if (h->fixed && ret != -ETIMEDOUT) {
            send_option(h, NBD_OPT_ABORT, NULL, 0);
        }
        nbd_free_info(info);
    }
    free(h);
    return ret;
}

/* -- Lists ------------------------------------------------------------------- */

static int take_name(Hand *h, NbdExportInfo **list, int num)
{
    uint32_t n = h->len >= 4 ? nbd_get32(h->data) : ~0u;
    NbdExportInfo *e;

    if (h->type != NBD_REP_SERVER || h->len < 4 || n > h->len - 4 || num >= MAX_EXPORTS) {
        return nonsense(h, "bad list of exports");
    }
    *list = xrealloc(*list, (size_t)(num + 1) * sizeof(**list));
    e = &(*list)[num];
    *e = (NbdExportInfo){ .name = xstrndup((char *)h->data + 4, n) };
    if (h->len > 4 + n) {
        e->description = xstrdup((char *)h->data + 4 + n);
    }
    return 0;
}

static int list_names(Hand *h, NbdExportInfo **list, int *num)
{
    int ret = send_option(h, NBD_OPT_LIST, NULL, 0);

    while (ret >= 0) {
        ret = read_reply(h, NBD_OPT_LIST);
        if (ret < 0 || h->type == NBD_REP_ACK) {
            return ret;
        }
        if (is_error(h)) {
            return error_set(h->err, EPERM, "nbd: the server does not list its exports");
        }
        ret = take_name(h, list, *num);
        *num += ret >= 0;
    }
    return ret;
}

static int describe_all(Hand *h, NbdExportInfo *list, int num)
{
    bool structured = false;
    int ret = ask_structured(h, &structured);

    for (int i = 0; i < num && ret >= 0; i++) {
        list[i].structured = structured;
        ret = get_info(h, NBD_OPT_INFO, list[i].name, &list[i]);
        if (ret == -ENOTSUP) {
            return 0;                   /* names only */
        }
        if (ret >= 0 && structured) {
            ret = list_contexts(h, &list[i]);
        }
    }
    return ret;
}

int nbd_list_exports(NbdSock *s, NbdExportInfo **list, Error *err)
{
    Hand *h = xzalloc(sizeof(*h));
    int num = 0;

    h->s = s;
    h->err = err;
    *list = NULL;
    int ret = start(h);
    if (ret >= 0 && !h->fixed) {
        ret = error_set(err, ENOTSUP, "nbd: the server cannot list its exports");
    }
    if (ret >= 0) {
        ret = list_names(h, list, &num);
    }
    if (ret >= 0) {
        ret = describe_all(h, *list, num);
    }
    if (ret >= 0) {
        send_option(h, NBD_OPT_ABORT, NULL, 0);
    } else {
        for (int i = 0; i < num; i++) {
            nbd_free_info(&(*list)[i]);
        }
        free(*list);
        *list = NULL;
    }
    free(h);
    return ret < 0 ? ret : num;
}

void nbd_free_info(NbdExportInfo *info)
{
    for (int i = 0; i < info->num_contexts; i++) {
        free(info->contexts[i]);
    }
    free(info->contexts);
    free(info->name);
    free(info->description);
    *info = (NbdExportInfo){ .name = NULL };
}
