/* SPDX-License-Identifier: MIT */
/*
 * Character devices: where the other end of a serial line goes.
 *
 *   guest UART --chr_write--> back end (stdio, file, pty, socket ...)
 *              <--handlers---
 *
 * A front end (UART, monitor, debugger) attaches handlers; a back end calls
 * chr_receive() when bytes arrive, never more than can_receive() allowed.  A
 * front end that refused bytes calls chr_accept_input() when it has room.
 * Output that the host cannot take at once is buffered (64 KiB), then the
 * oldest is dropped: a guest never waits for a terminal.  A mux is a back end
 * shared by up to four front ends, with C-a commands (h x s t b c C-a).
 *
 * A front end that attaches while the peer is there hears of it at once.
 *
 * -serial SPEC: stdio, null, none, file:PATH, pty, tcp:[HOST]:PORT[,server]
 * [,nowait][,nodelay], telnet:..., unix:PATH[,server][,nowait], mon:SPEC.
 *
 * Threads: with the global lock.
 */
#ifndef CHAR_CHAR_H
#define CHAR_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

typedef struct CharDriverState CharDriverState;

typedef enum ChrEvent {
    CHR_EVENT_OPENED,                   /* a peer is there */
    CHR_EVENT_CLOSED,
    CHR_EVENT_BREAK,                    /* C-a b */
    CHR_EVENT_FOCUS,                    /* mux: this front end has it now */
} ChrEvent;

typedef struct ChrHandlers {
    int (*can_receive)(void *opaque);   /* how many bytes now, 0 .. */
    void (*receive)(void *opaque, const uint8_t *buf, size_t len);
    void (*event)(void *opaque, ChrEvent e);        /* or NULL */
} ChrHandlers;

/* Parameters of a real line, for back ends that have one. */
typedef struct ChrLine { int speed, data_bits, stop_bits; char parity; } ChrLine;

typedef enum ChrIoctl { CHR_SET_LINE, CHR_SET_BREAK } ChrIoctl;

/* A back end by SPEC.  label: "serial0", for the monitor and messages. */
CharDriverState *chr_open(const char *label, const char *spec, Error *err);
CharDriverState *chr_find(const char *label);   /* NULL if none */
void chr_close(CharDriverState *chr);
void chr_close_all(void);               /* restores the terminal */

/* Attach a front end; on a mux, one more of them.  h NULL: the one with this
 * opaque leaves.  chr may be NULL. */
void chr_add_handlers(CharDriverState *chr, const ChrHandlers *h, void *opaque);

/* Bytes from the guest.  chr may be NULL: dropped. */
void chr_write(CharDriverState *chr, const void *buf, size_t len);
void chr_printf(CharDriverState *chr, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int chr_ioctl(CharDriverState *chr, ChrIoctl cmd, void *arg);
void chr_accept_input(CharDriverState *chr);

const char *chr_label(const CharDriverState *chr);
/* "serial0: filename=pty:/dev/pts/3" lines: info chardev */
void chr_dump(void (*put)(void *, const char *), void *opaque);

/* -- The mux ----------------------------------------------------------------- */

bool chr_is_mux(const CharDriverState *chr);
/* What C-a x does, on any mux; and C-a s. */
void chr_set_exit_handler(void (*fn)(void *opaque), void *opaque);
void chr_set_commit_handler(void (*fn)(void *opaque), void *opaque);

/* -- For back ends ----------------------------------------------------------- */

typedef struct ChrDriver {
    const char *name;                   /* "stdio" */
    int (*open)(CharDriverState *chr, const char *args, Error *err);
    void (*write)(CharDriverState *chr, const uint8_t *buf, size_t len);
    int (*ioctl)(CharDriverState *chr, ChrIoctl cmd, void *arg);
    void (*accept_input)(CharDriverState *chr);
    void (*close)(CharDriverState *chr);
    /* NULL: one front end, kept in CharDriverState.  h NULL: `opaque` leaves. */
    void (*add_handlers)(CharDriverState *chr, const ChrHandlers *h, void *opaque);
} ChrDriver;

struct CharDriverState {
    const ChrDriver *drv;
    char *label, *spec;
    void *state;                        /* the driver's own */
    ChrHandlers handlers;
    void *opaque;
    char *filename;                     /* for info chardev; NULL: spec */
    bool opened;                        /* a peer is there */
    struct CharDriverState *next;
};

/* By driver name and arguments, not in the list of chr_find(). */
CharDriverState *chr_open_private(const char *label, const char *spec, Error *err);

int chr_can_receive(CharDriverState *chr);
void chr_receive(CharDriverState *chr, const uint8_t *buf, size_t len);
void chr_event(CharDriverState *chr, ChrEvent e);

#endif
