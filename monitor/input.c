/* SPDX-License-Identifier: MIT */
/* Commands that type and point: sendkey, mouse_move, mouse_button. */
#include <stdlib.h>
#include <string.h>

#include "monitor/command.h"
#include "ui/console.h"
#include "util/mem.h"

enum { MAX_KEYS = 16, HOLD_MS = 100 };

/* The keys being held down now; there is one keyboard. */
static struct Held {
    Timer timer;
    uint8_t keys[MAX_KEYS];
    int num;
    int buttons;                        /* of the mouse */
} held;

void sendkey_release(void)
{
    if (held.num) {
        timer_cancel(&held.timer);
    }
    while (held.num) {
        input_key(held.keys[--held.num], false);
    }
}

static void release(void *opaque)
{
    (void)opaque;
    sendkey_release();
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

/* Time is the guest's: a guest that stands still still holds the keys. */
void cmd_sendkey(Monitor *mon, const Args *a)
{
    uint8_t keys[MAX_KEYS];
    int n = parse_keys(mon, a->v[0].s, keys);
    int64_t ms = a->v[1].given && a->v[1].i > 0 ? a->v[1].i : HOLD_MS;
    Clock *clock = mon->ops.machine->clock;

    if (n <= 0) {
        return;
    }
    sendkey_release();
    for (int i = 0; i < n; i++) {
        input_key(keys[i], true);
    }
    memcpy(held.keys, keys, sizeof(keys));
    held.num = n;
    timer_init(clock, &held.timer, release, NULL);
    timer_set(&held.timer, clock_now(clock) + (ms < 60000 ? ms : 60000) * NS_PER_MS);
}

void cmd_mouse_move(Monitor *mon, const Args *a)
{
    (void)mon;
    input_pointer((int)a->v[0].i, (int)a->v[1].i, (int)a->v[2].i, held.buttons);
}

/* Bits: 1 left, 2 right, 4 middle.  A pointer that is absolute has to be told
 * where it is again, so a click is made with mouse_move, too. */
void cmd_mouse_button(Monitor *mon, const Args *a)
{
    (void)mon;
    held.buttons = (int)a->v[0].i & (POINTER_LEFT | POINTER_RIGHT | POINTER_MIDDLE);
    if (!input_is_absolute()) {
        input_pointer(0, 0, 0, held.buttons);
    }
}
