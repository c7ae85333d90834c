/* SPDX-License-Identifier: MIT */
#include "char/mux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "char/drivers.h"
#include "sys/clock.h"
#include "util/bits.h"
#include "util/mem.h"

enum { INPUT_BUFFER = 256 };

typedef struct FrontEnd {
    ChrHandlers h;
    void *opaque;
    uint8_t buf[INPUT_BUFFER];          /* typed, not taken yet */
    unsigned head, used;
} FrontEnd;

typedef struct Mux {
    CharDriverState *chr, *back;
    FrontEnd front[MUX_MAX_FRONT_ENDS];
    int num, focus;
    bool escaped;                       /* the escape character was last */
    bool timestamps, at_line_start;
    int64_t started;                    /* host time of the first stamp */
} Mux;

static struct MuxSettings {
    struct { void (*fn)(void *opaque); void *opaque; } exit, commit;
    int escape;
} settings = { .escape = 0x01 };

void chr_set_exit_handler(void (*fn)(void *opaque), void *opaque)
{
    settings.exit.fn = fn;
    settings.exit.opaque = opaque;
}

void chr_set_commit_handler(void (*fn)(void *opaque), void *opaque)
{
    settings.commit.fn = fn;
    settings.commit.opaque = opaque;
}

bool chr_is_mux(const CharDriverState *chr)
{
    return chr && chr->drv == &chr_mux_driver;
}

void mux_set_escape(int ch)
{
    settings.escape = ch;
}

/* -- Output ------------------------------------------------------------------ */

static void put_stamp(Mux *m)
{
    int64_t now = clock_host_ns();

    if (!m->started) {
        m->started = now;
    }
    int64_t ms = (now - m->started) / NS_PER_MS, s = ms / 1000;
    chr_printf(m->back, "[%02d:%02d:%02d.%03d] ", (int)(s / 3600),
               (int)(s / 60 % 60), (int)(s % 60), (int)(ms % 1000));
}

static void write_stamped(Mux *m, const uint8_t *buf, size_t len)
{
    while (len) {
        const uint8_t *nl = memchr(buf, '\n', len);
        size_t n = nl ? (size_t)(nl - buf) + 1 : len;

        if (m->at_line_start) {
            put_stamp(m);
        }
        chr_write(m->back, buf, n);
        m->at_line_start = nl != NULL;
        buf += n;
        len -= n;
    }
}

static void mux_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    Mux *m = chr->state;

    if (m->timestamps) {
        write_stamped(m, buf, len);
    } else {
        chr_write(m->back, buf, len);
    }
}

/* -- Focus and front ends ---------------------------------------------------- */

static void tell(FrontEnd *f, ChrEvent e)
{
    if (f->h.event) {
        f->h.event(f->opaque, e);
    }
}

/* Hand over what was typed, as far as the front end takes it. */
static void drain(FrontEnd *f)
{
    while (f->used && f->h.can_receive && f->h.receive) {
        int room = f->h.can_receive(f->opaque);
        size_t n = MIN(f->used, INPUT_BUFFER - f->head);
        uint8_t chunk[INPUT_BUFFER];

        if (room <= 0) {
            return;
        }
        n = MIN(n, (size_t)room);
        memcpy(chunk, f->buf + f->head, n);
        f->head = (f->head + (unsigned)n) % INPUT_BUFFER;
        f->used -= (unsigned)n;
        f->h.receive(f->opaque, chunk, n);
    }
}

void mux_set_focus(CharDriverState *chr, int n)
{
    Mux *m = chr->state;

    if (!chr_is_mux(chr) || n < 0 || n >= m->num) {
        return;
    }
    m->focus = n;
    tell(&m->front[n], CHR_EVENT_FOCUS);
    chr_accept_input(m->back);
}

static void remove_front_end(Mux *m, void *opaque)
{
    for (int i = 0; i < m->num; i++) {
        if (m->front[i].opaque == opaque) {
            m->num--;
            memmove(&m->front[i], &m->front[i + 1],
                    (size_t)(m->num - i) * sizeof(FrontEnd));
            if (m->focus > i || m->focus >= m->num) {
                m->focus = MAX(m->focus - 1, 0);
            }
            return;
        }
    }
}

static void mux_add_handlers(CharDriverState *chr, const ChrHandlers *h, void *opaque)
{
    Mux *m = chr->state;

    if (!h) {
        remove_front_end(m, opaque);
        return;
    }
    if (m->num == MUX_MAX_FRONT_ENDS) {
        chr_printf(m->back, "%s: only %d front ends can share it\r\n", chr->label,
                   MUX_MAX_FRONT_ENDS);
        return;
    }
    FrontEnd *f = &m->front[m->num++];
    *f = (FrontEnd){ .h = *h, .opaque = opaque };
    if (chr->opened) {
        tell(f, CHR_EVENT_OPENED);
    }
    if (m->num == 1) {
        tell(f, CHR_EVENT_FOCUS);
    }
    chr_accept_input(m->back);
}

/* -- Commands ---------------------------------------------------------------- */

static void say_escape(char *buf, size_t len)
{
    if (settings.escape < 0x20) {
        snprintf(buf, len, "C-%c", settings.escape | 0x60);
    } else {
        snprintf(buf, len, "0x%02x", settings.escape);
    }
}

static void cmd_help(Mux *m)
{
    static const char *const lines[][2] = {
        { "h", "print this help" },
        { "x", "exit emulator" },
        { "s", "save disk data back to file (if -snapshot)" },
        { "t", "toggle console timestamps" },
        { "b", "send break (magic sysrq)" },
        { "c", "switch between console and monitor" },
    };
    char esc[16];

    say_escape(esc, sizeof(esc));
    chr_printf(m->back, "\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        chr_printf(m->back, "%s %-4s %s\r\n", esc, lines[i][0], lines[i][1]);
    }
    chr_printf(m->back, "%s %s  sends %s\r\n", esc, esc, esc);
}

static void cmd_quit(Mux *m)
{
    chr_printf(m->back, "QEMU: Terminated\r\n");
    if (settings.exit.fn) {
        settings.exit.fn(settings.exit.opaque);
    }
}

static void cmd_commit(Mux *m)
{
    (void)m;
    if (settings.commit.fn) {
        settings.commit.fn(settings.commit.opaque);
    }
}

static void cmd_stamps(Mux *m)
{
    m->timestamps = !m->timestamps;
    m->at_line_start = false;
    m->started = 0;
}

static void cmd_break(Mux *m)
{
    if (m->num) {
        tell(&m->front[m->focus], CHR_EVENT_BREAK);
    }
}

static void cmd_switch(Mux *m)
{
    if (m->num) {
        mux_set_focus(m->chr, (m->focus + 1) % m->num);
    }
}

static const struct Command {
    char key;
    void (*run)(Mux *m);
} commands[] = {
    { 'h', cmd_help }, { '?', cmd_help },   { 'x', cmd_quit },
    { 's', cmd_commit }, { 't', cmd_stamps }, { 'b', cmd_break },
    { 'c', cmd_switch },
};

/* -- Input ------------------------------------------------------------------- */

static void deliver(Mux *m, uint8_t ch)
{
    FrontEnd *f = &m->front[m->focus];

    if (m->num && f->used < INPUT_BUFFER) {
        f->buf[(f->head + f->used++) % INPUT_BUFFER] = ch;
    }
}

static void take_command(Mux *m, uint8_t ch)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].key == ch) {
            commands[i].run(m);
            return;
        }
    }
    if (ch == settings.escape) {
        deliver(m, ch);
    }
}

/* Commands must get through to a front end that is stuck. */
static int can_receive(void *opaque)
{
    Mux *m = opaque;
    FrontEnd *f = &m->front[m->focus];

    return m->num ? MAX(INPUT_BUFFER - (int)f->used, 2) : INPUT_BUFFER;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    Mux *m = opaque;

    for (size_t i = 0; i < len; i++) {
        if (m->escaped) {
            m->escaped = false;
            drain(&m->front[m->focus]);
            take_command(m, buf[i]);
        } else if (settings.escape && buf[i] == settings.escape) {
            m->escaped = true;
        } else {
            deliver(m, buf[i]);
        }
    }
    drain(&m->front[m->focus]);
}

static void event(void *opaque, ChrEvent e)
{
    Mux *m = opaque;

    if (e == CHR_EVENT_BREAK) {
        cmd_break(m);
        return;
    }
    m->chr->opened = e == CHR_EVENT_OPENED ? true
                   : e == CHR_EVENT_CLOSED ? false : m->chr->opened;
    for (int i = 0; i < m->num; i++) {
        tell(&m->front[i], e);
    }
}

static void mux_accept_input(CharDriverState *chr)
{
    Mux *m = chr->state;

    drain(&m->front[m->focus]);
    chr_accept_input(m->back);
}

/* -- Life -------------------------------------------------------------------- */

static int mux_ioctl(CharDriverState *chr, ChrIoctl cmd, void *arg)
{
    Mux *m = chr->state;

    return chr_ioctl(m->back, cmd, arg);
}

static int mux_open(CharDriverState *chr, const char *args, Error *err)
{
    static const ChrHandlers handlers = { can_receive, receive, event };

    if (!strncmp(args, "mon:", 4)) {
        return error_set(err, EINVAL, "mon: a mux on a mux is none, one mon: is enough");
    }
    CharDriverState *back = chr_open_private(chr->label, strcmp(args, "stdio") ? args
                                             : "stdio,signal=off", err);
    if (!back) {
        return -EINVAL;
    }
    Mux *m = xzalloc(sizeof(*m));
    *m = (Mux){ .chr = chr, .back = back };
    chr->state = m;
    chr->filename = xasprintf("mux:%s", back->filename ? back->filename : args);
    chr_add_handlers(back, &handlers, m);
    return 0;
}

static void mux_close(CharDriverState *chr)
{
    Mux *m = chr->state;

    chr_close(m->back);
    free(m);
}

const ChrDriver chr_mux_driver = {
    .name = "mux", .open = mux_open, .write = mux_write, .ioctl = mux_ioctl,
    .accept_input = mux_accept_input, .close = mux_close,
    .add_handlers = mux_add_handlers,
};
