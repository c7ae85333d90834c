/* SPDX-License-Identifier: MIT */
/*
 * A line editor for a terminal that understands ANSI escapes.
 *
 *   C-a C-e C-b C-f home end arrows   move        C-p C-n up down   history
 *   C-d del backspace C-k C-u C-w     delete      tab               complete
 *   C-c drops the line                C-l         draws it again
 *
 * Bytes go in with readline_byte(); what the terminal shall show comes out of
 * put(), and done() is called with each line.
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READLINE_MAX     1024
#define READLINE_HISTORY 64
#define READLINE_MATCHES 256

typedef struct Completions {
    char *match[READLINE_MATCHES];
    int num;
    char prefix[READLINE_MAX];          /* what is there of the word */
    char suffix;                        /* to append to a single match */
} Completions;

/* Add `word` if it starts with c->prefix. */
void completions_add(Completions *c, const char *word);

typedef struct Readline {
    const char *prompt;
    void (*put)(void *opaque, const char *text);
    void (*done)(void *opaque, const char *line);
    /* Fill in c for the text left of the cursor. */
    void (*complete)(void *opaque, const char *left, Completions *c);
    void *opaque;
    char line[READLINE_MAX];
    size_t len, pos;
    char *history[READLINE_HISTORY];    /* oldest first */
    int num_history, at_history;
    enum { RL_TEXT, RL_ESC, RL_CSI, RL_SS3 } state;
    unsigned param;                     /* of an escape sequence */
    char last;                          /* byte: CR LF is one end of line */
} Readline;

void readline_init(Readline *r, const char *prompt, void *opaque);
void readline_byte(Readline *r, uint8_t ch);
/* Prompt and line again, on a new line. */
void readline_show(Readline *r);
void readline_free(Readline *r);

#endif
