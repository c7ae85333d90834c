/* SPDX-License-Identifier: MIT */
#include "char/char.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "char/drivers.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Back ends by name ------------------------------------------------------- */

/* A prefix with a colon takes arguments, one without is the whole word. */
static const struct Prefix {
    const char *prefix;
    const ChrDriver *drv;
} prefixes[] = {
    { "stdio",   &chr_stdio_driver },
    { "null",    &chr_null_driver },
    { "none",    &chr_null_driver },
    { "pty",     &chr_pty_driver },
    { "file:",   &chr_file_driver },
    { "tcp:",    &chr_tcp_driver },
    { "telnet:", &chr_telnet_driver },
    { "unix:",   &chr_unix_driver },
    { "mon:",    &chr_mux_driver },
};

#define KNOWN "stdio, null, none, pty, file:PATH, tcp:HOST:PORT, telnet:HOST:PORT, " \
              "unix:PATH, mon:SPEC"

static CharDriverState *chr_list;

static const ChrDriver *find_driver(const char *spec, const char **args)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        const char *p = prefixes[i].prefix;
        size_t len = strlen(p);

        if (!strncmp(spec, p, len) &&
            (p[len - 1] == ':' || !spec[len] || spec[len] == ',')) {
            *args = spec + len + (spec[len] == ',' && p[len - 1] != ':');
            return prefixes[i].drv;
        }
    }
    return NULL;
}

/* -- Life -------------------------------------------------------------------- */

static void destroy(CharDriverState *chr)
{
    free(chr->label);
    free(chr->spec);
    free(chr->filename);
    free(chr);
}

CharDriverState *chr_open_private(const char *label, const char *spec, Error *err)
{
    const char *args;
    const ChrDriver *drv = find_driver(spec, &args);

    if (!drv) {
        error_set(err, EINVAL, "'%s' is no character device, there are: " KNOWN, spec);
        return NULL;
    }
    CharDriverState *chr = xzalloc(sizeof(*chr));
    chr->drv = drv;
    chr->label = xstrdup(label);
    chr->spec = xstrdup(spec);
    if (drv->open(chr, args, err) < 0) {
        destroy(chr);
        return NULL;
    }
    return chr;
}

CharDriverState *chr_open(const char *label, const char *spec, Error *err)
{
    if (chr_find(label)) {
        error_set(err, EEXIST, "%s: there is already a character device of this "
                  "name, choose another", label);
        return NULL;
    }
    CharDriverState *chr = chr_open_private(label, spec, err);
    CharDriverState **p = &chr_list;

    if (!chr) {
        error_prefix(err, -EINVAL, "%s", label);
        return NULL;
    }
    while (*p) {
        p = &(*p)->next;
    }
    *p = chr;
    return chr;
}

CharDriverState *chr_find(const char *label)
{
    CharDriverState *chr = chr_list;

    while (chr && strcmp(chr->label, label)) {
        chr = chr->next;
    }
    return chr;
}

void chr_close(CharDriverState *chr)
{
    if (!chr) {
        return;
    }
    for (CharDriverState **p = &chr_list; *p; p = &(*p)->next) {
        if (*p == chr) {
            *p = chr->next;
            break;
        }
    }
    if (chr->drv->close) {
        chr->drv->close(chr);
    }
    destroy(chr);
}

void chr_close_all(void)
{
    while (chr_list) {
        chr_close(chr_list);
    }
}

/* -- From and to front ends -------------------------------------------------- */

void chr_add_handlers(CharDriverState *chr, const ChrHandlers *h, void *opaque)
{
    if (!chr) {
        return;
    }
    if (chr->drv->add_handlers) {
        chr->drv->add_handlers(chr, h, opaque);
        return;
    }
    if (!h && chr->opaque != opaque) {
        return;                         /* somebody else has it by now */
    }
    chr->handlers = h ? *h : (ChrHandlers){ NULL, NULL, NULL };
    chr->opaque = h ? opaque : NULL;
    if (h && chr->opened && h->event) {
        h->event(opaque, CHR_EVENT_OPENED);
    }
    chr_accept_input(chr);
}

void chr_write(CharDriverState *chr, const void *buf, size_t len)
{
    if (chr && chr->drv->write && len) {
        chr->drv->write(chr, buf, len);
    }
}

void chr_printf(CharDriverState *chr, const char *fmt, ...)
{
    char small[512], *text = small;
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof(small)) {
        text = xmalloc((size_t)len + 1);
        va_start(ap, fmt);
        vsnprintf(text, (size_t)len + 1, fmt, ap);
        va_end(ap);
    }
    if (len > 0) {
        chr_write(chr, text, (size_t)len);
    }
    if (text != small) {
        free(text);
    }
}

int chr_ioctl(CharDriverState *chr, ChrIoctl cmd, void *arg)
{
    if (!chr || !chr->drv->ioctl) {
        return -ENOTSUP;
    }
    return chr->drv->ioctl(chr, cmd, arg);
}

void chr_accept_input(CharDriverState *chr)
{
    if (chr && chr->drv->accept_input) {
        chr->drv->accept_input(chr);
    }
}

int chr_can_receive(CharDriverState *chr)
{
    if (!chr->handlers.can_receive || !chr->handlers.receive) {
        return 0;
    }
    return MAX(chr->handlers.can_receive(chr->opaque), 0);
}

void chr_receive(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    assert(len);
    if (chr->handlers.receive) {
        chr->handlers.receive(chr->opaque, buf, len);
    }
}

void chr_event(CharDriverState *chr, ChrEvent e)
{
    if (e == CHR_EVENT_OPENED || e == CHR_EVENT_CLOSED) {
        chr->opened = e == CHR_EVENT_OPENED;
    }
    if (chr->handlers.event) {
        chr->handlers.event(chr->opaque, e);
    }
}

const char *chr_label(const CharDriverState *chr)
{
    return chr ? chr->label : "none";
}

void chr_dump(void (*put)(void *, const char *), void *opaque)
{
    for (CharDriverState *chr = chr_list; chr; chr = chr->next) {
        char *line = xasprintf("%s: filename=%s\n", chr->label,
                               chr->filename ? chr->filename : chr->spec);

        put(opaque, line);
        free(line);
    }
}
