/* SPDX-License-Identifier: MIT */
#include "monitor/readline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

/* -- Showing ----------------------------------------------------------------- */

/* From the start of the line, cursor at its place (ECMA-48: EL, CUB). */
static void redraw(Readline *r)
{
    char back[32] = "";

    r->put(r->opaque, "\r");
    r->put(r->opaque, r->prompt);
    r->put(r->opaque, r->line);
    r->put(r->opaque, "\033[K");
    if (r->pos < r->len) {
        snprintf(back, sizeof(back), "\033[%zuD", r->len - r->pos);
        r->put(r->opaque, back);
    }
}

void readline_show(Readline *r)
{
    r->put(r->opaque, r->prompt);
    if (r->len) {
        redraw(r);
    }
}

/* -- Editing ----------------------------------------------------------------- */

static void insert(Readline *r, const char *text, size_t n)
{
    bool at_end = r->pos == r->len;
    char shown[READLINE_MAX];

    n = MIN(n, READLINE_MAX - 1 - r->len);
    memmove(r->line + r->pos + n, r->line + r->pos, r->len - r->pos + 1);
    memcpy(r->line + r->pos, text, n);
    r->pos += n;
    r->len += n;
    if (at_end) {
        memcpy(shown, text, n);
        shown[n] = 0;
        r->put(r->opaque, shown);
    } else {
        redraw(r);
    }
}

/* [from, to) goes, the cursor is where it was. */
static void delete(Readline *r, size_t from, size_t to)
{
    memmove(r->line + from, r->line + to, r->len - to + 1);
    r->len -= to - from;
    r->pos = from;
    redraw(r);
}

static void set_line(Readline *r, const char *text)
{
    snprintf(r->line, sizeof(r->line), "%s", text);
    r->len = r->pos = strlen(r->line);
    redraw(r);
}

static size_t word_start(const Readline *r)
{
    size_t i = r->pos;

    while (i && r->line[i - 1] == ' ') {
        i--;
    }
    while (i && r->line[i - 1] != ' ') {
        i--;
    }
    return i;
}

/* -- History ----------------------------------------------------------------- */

static void remember(Readline *r)
{
    int n = r->num_history;

    if (!r->len || (n && !strcmp(r->history[n - 1], r->line))) {
        return;
    }
    if (n == READLINE_HISTORY) {
        free(r->history[0]);
        memmove(r->history, r->history + 1, (size_t)--n * sizeof(char *));
    }
    r->history[n] = xstrdup(r->line);
    r->num_history = n + 1;
}

static void go_history(Readline *r, int by)
{
    int to = r->at_history + by;

    if (to >= 0 && to <= r->num_history) {
        r->at_history = to;
        set_line(r, to == r->num_history ? "" : r->history[to]);
    }
}

/* -- Completion -------------------------------------------------------------- */

void completions_add(Completions *c, const char *word)
{
    if (c->num < READLINE_MATCHES && !strncmp(word, c->prefix, strlen(c->prefix))) {
        c->match[c->num++] = xstrdup(word);
    }
}

static size_t common_length(const Completions *c)
{
    size_t n = strlen(c->match[0]);

    for (int i = 1; i < c->num; i++) {
        size_t k = 0;

        while (k < n && c->match[i][k] == c->match[0][k]) {
            k++;
        }
        n = k;
    }
    return n;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_matches(Readline *r, Completions *c)
{
    int width = 1;
    char cell[READLINE_MAX];

    for (int i = 0; i < c->num; i++) {
        width = MAX(width, (int)strlen(c->match[i]) + 2);
    }
    int columns = MAX(80 / width, 1);

    qsort(c->match, (size_t)c->num, sizeof(char *), compare_words);
    r->put(r->opaque, "\n");
    for (int i = 0; i < c->num; i++) {
        bool last = (i + 1) % columns == 0 || i + 1 == c->num;

        snprintf(cell, sizeof(cell), "%-*s%s", last ? 0 : width, c->match[i],
                 last ? "\n" : "");
        r->put(r->opaque, cell);
    }
    redraw(r);
}

static void complete(Readline *r)
{
    Completions *c = xzalloc(sizeof(*c));
    char left[READLINE_MAX];

    memcpy(left, r->line, r->pos);
    left[r->pos] = 0;
    c->suffix = ' ';
    r->complete(r->opaque, left, c);
    if (c->num) {
        size_t have = strlen(c->prefix), common = common_length(c);

        if (common > have) {
            insert(r, c->match[0] + have, common - have);
        } else if (c->num > 1) {
            list_matches(r, c);
        }
        if (c->num == 1 && c->suffix) {
            insert(r, &c->suffix, 1);
        }
    }
    for (int i = 0; i < c->num; i++) {
        free(c->match[i]);
    }
    free(c);
}

/* -- Keys -------------------------------------------------------------------- */

static void accept_line(Readline *r)
{
    char line[READLINE_MAX];

    remember(r);
    memcpy(line, r->line, r->len + 1);
    r->len = r->pos = 0;
    r->line[0] = 0;
    r->at_history = r->num_history;
    r->put(r->opaque, "\n");
    r->done(r->opaque, line);
}

enum { CTRL_A = 1, CTRL_B, CTRL_C, CTRL_D, CTRL_E, CTRL_F, CTRL_H = 8, CTRL_K = 11,
       CTRL_L, CTRL_N = 14, CTRL_P = 16, CTRL_U = 21, CTRL_W = 23 };

static void move_to(Readline *r, size_t pos)
{
    r->pos = MIN(pos, r->len);
    redraw(r);
}

static void control(Readline *r, uint8_t ch)
{
    switch (ch) {
    case CTRL_A: move_to(r, 0); break;
    case CTRL_E: move_to(r, r->len); break;
    case CTRL_B: move_to(r, r->pos ? r->pos - 1 : 0); break;
    case CTRL_F: move_to(r, r->pos + 1); break;
    case CTRL_P: go_history(r, -1); break;
    case CTRL_N: go_history(r, 1); break;
    case CTRL_K: delete(r, r->pos, r->len); break;
    case CTRL_U: delete(r, 0, r->pos); break;
    case CTRL_W: delete(r, word_start(r), r->pos); break;
    case CTRL_L:
        r->put(r->opaque, "\033[2J\033[H");
        redraw(r);
        break;
    case CTRL_C:
        r->at_history = r->num_history;
        r->put(r->opaque, "^C\n");
        r->line[0] = 0;
        r->len = r->pos = 0;
        readline_show(r);
        break;
    case CTRL_D:
        if (r->pos < r->len) {
            delete(r, r->pos, r->pos + 1);
        }
        break;
    case CTRL_H:
    case 0x7f:
        if (r->pos) {
            delete(r, r->pos - 1, r->pos);
        }
        break;
    case '\t':
        complete(r);
        break;
    default:
        break;
    }
}

/* The end of "ESC [ param letter" or "ESC O letter". */
static void escape(Readline *r, uint8_t ch)
{
    static const struct { char letter; uint8_t control; } letters[] = {
        { 'A', CTRL_P }, { 'B', CTRL_N }, { 'C', CTRL_F }, { 'D', CTRL_B },
        { 'H', CTRL_A }, { 'F', CTRL_E },
    };
    static const uint8_t params[] = { [1] = CTRL_A, [3] = CTRL_D, [4] = CTRL_E,
                                      [7] = CTRL_A, [8] = CTRL_E };

    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        if (letters[i].letter == (char)ch) {
            control(r, letters[i].control);
        }
    }
    if (ch == '~' && r->param < ARRAY_SIZE(params) && params[r->param]) {
        control(r, params[r->param]);
    }
}

static void text_byte(Readline *r, uint8_t ch)
{
    bool crlf = ch == '\n' && r->last == '\r';

    r->last = (char)ch;
    if (ch == '\r' || (ch == '\n' && !crlf)) {
        accept_line(r);
    } else if (ch == 0x1b) {
        r->state = RL_ESC;
    } else if (ch >= 0x20 && ch != 0x7f) {
        insert(r, (const char *)&ch, 1);
    } else if (!crlf) {
        control(r, ch);
    }
}

void readline_byte(Readline *r, uint8_t ch)
{
    switch (r->state) {
    case RL_TEXT:
        text_byte(r, ch);
        break;
    case RL_ESC:
        r->state = ch == '[' ? RL_CSI : ch == 'O' ? RL_SS3 : RL_TEXT;
        r->param = 0;
        break;
    case RL_CSI:
        if (ch >= '0' && ch <= '9') {
            r->param = (r->param * 10 + ch - '0') % 1000;
            break;
        }
        if (ch < 0x40) {
            break;                      /* ';' and other parameters */
        }
        /* fall through */
    default:
        r->state = RL_TEXT;
        escape(r, ch);
        break;
    }
}

void readline_init(Readline *r, const char *prompt, void *opaque)
{
    memset(r, 0, sizeof(*r));
    r->prompt = prompt;
    r->opaque = opaque;
}

void readline_free(Readline *r)
{
    for (int i = 0; i < r->num_history; i++) {
        free(r->history[i]);
    }
    r->num_history = 0;
}
