/* SPDX-License-Identifier: MIT */
/* Commands that type and point: sendkey, mouse_move, mouse_button. */
#include <stdlib.h>
#include <string.h>

#include "monitor/command.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_KEYS = 16, MAX_CHORDS = 1024, HOLD_MS = 100, HURRY_MS = 20 };

typedef struct Chord {
    uint8_t keys[MAX_KEYS];
    int num;
    int64_t hold_ns;
} Chord;

/*
 * There is one keyboard.  queue[0] is held down, or was just let go (num 0);
 * while others wait each is held, and the keyboard at rest, for HURRY_MS: no
 * guest misses a key.
 */
static struct Typing {
    Timer timer;
    Chord *queue;
    int num;
    int64_t since;                      /* queue[0] is as it is */
    int buttons;                        /* of the mouse */
} typing;

static void let_go(Chord *c)
{
    while (c->num) {
        input_key(c->keys[--c->num], false);
    }
}

static void press(Clock *clock)
{
    const Chord *c = &typing.queue[0];

    for (int i = 0; i < c->num; i++) {
        input_key(c->keys[i], true);
    }
    typing.since = clock_now(clock);
}

static void schedule(void)
{
    const Chord *c = &typing.queue[0];
    bool hurry = typing.num > 1 || c->num == 0;

    timer_set(&typing.timer, typing.since + (hurry ? MIN(c->hold_ns, HURRY_MS * NS_PER_MS)
                                                   : c->hold_ns));
}

/* Time is the guest's: a guest that stands still still holds the keys. */
static void next(void *opaque)
{
    Clock *clock = opaque;

    if (typing.queue[0].num) {
        let_go(&typing.queue[0]);
        typing.since = clock_now(clock);
        schedule();
        return;
    }
    typing.num--;
    memmove(&typing.queue[0], &typing.queue[1], (size_t)typing.num * sizeof(Chord));
    if (typing.num) {
        press(clock);
        schedule();
    }
}

void sendkey_release(void)
{
    if (typing.num) {
        timer_cancel(&typing.timer);
        let_go(&typing.queue[0]);
    }
    free(typing.queue);
    typing.queue = NULL;
    typing.num = 0;
}

/* "ctrl-alt-delete"; the number of keys, or -1 and it was said. */
static int parse_keys(Monitor *mon, const char *spec, uint8_t *keys)
{
    char *copy = xstrdup(spec), *save = NULL;
    int n = 0;

    for (char *s = strtok_r(copy, "-", &save); s; s = strtok_r(NULL, "-", &save)) {
        int key = key_by_name(s);

        if (key < 0 || n == MAX_KEYS) {
            monitor_printf(mon, key < 0 ? "sendkey: unknown key: '%s'\n"
                                        : "sendkey: too many keys at '%s'\n", s);
            n = -1;
            break;
        }
        keys[n++] = (uint8_t)key;
    }
    free(copy);
    return n;
}

void cmd_sendkey(Monitor *mon, const Args *a)
{
    Clock *clock = mon->ops.machine->clock;
    int64_t ms = a->v[1].given && a->v[1].i > 0 ? a->v[1].i : HOLD_MS;
    Chord c = { .hold_ns = MIN(ms, 60000) * NS_PER_MS };

    c.num = parse_keys(mon, a->v[0].s, c.keys);
    if (c.num <= 0) {
        return;
    }
    if (typing.num == MAX_CHORDS) {
        monitor_printf(mon, "sendkey: %d are waiting to be typed, no more for now\n", MAX_CHORDS);
        return;
    }
    typing.queue = xrealloc(typing.queue, (size_t)(typing.num + 1) * sizeof(Chord));
    typing.queue[typing.num++] = c;
    if (typing.num == 1) {
        timer_init(clock, &typing.timer, next, clock);
        press(clock);
    }
    schedule();
}

void cmd_mouse_move(Monitor *mon, const Args *a)
{
    (void)mon;
    input_pointer((int)a->v[0].i, (int)a->v[1].i, (int)a->v[2].i, typing.buttons);
}

/* Bits: 1 left, 2 right, 4 middle.  A pointer that is absolute has to be told
 * where it is again, so a click is made with mouse_move, too. */
void cmd_mouse_button(Monitor *mon, const Args *a)
{
    (void)mon;
    typing.buttons = (int)a->v[0].i & (POINTER_LEFT | POINTER_RIGHT | POINTER_MIDDLE);
    if (!input_is_absolute()) {
        input_pointer(0, 0, 0, typing.buttons);
    }
}
