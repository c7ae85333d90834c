/* SPDX-License-Identifier: MIT */
/*
 * From the user's keys and pointer to the guest's devices: the last device
 * that registered gets the events.  Events nobody takes are dropped.
 */
#include <string.h>

#include "ui/console.h"

enum { MAX_SINKS = 8 };

static struct Input {
    KeySink keys[MAX_SINKS];
    PointerSink pointers[MAX_SINKS];
    int num_keys, num_pointers;
} input;

void input_add_keyboard(const KeySink *sink)
{
    if (input.num_keys < MAX_SINKS) {
        input.keys[input.num_keys++] = *sink;
    }
}

void input_remove_keyboard(const void *opaque)
{
    for (int i = 0; i < input.num_keys; i++) {
        if (input.keys[i].opaque == opaque) {
            input.num_keys--;
            memmove(&input.keys[i], &input.keys[i + 1],
                    (size_t)(input.num_keys - i) * sizeof(input.keys[0]));
            i--;
        }
    }
}

void input_key(uint8_t key, bool down)
{
    if (input.num_keys) {
        const KeySink *k = &input.keys[input.num_keys - 1];

        k->key(k->opaque, key, down);
    }
}

void input_add_pointer(const PointerSink *sink)
{
    if (input.num_pointers < MAX_SINKS) {
        input.pointers[input.num_pointers++] = *sink;
    }
}

void input_remove_pointer(const void *opaque)
{
    for (int i = 0; i < input.num_pointers; i++) {
        if (input.pointers[i].opaque == opaque) {
            input.num_pointers--;
            memmove(&input.pointers[i], &input.pointers[i + 1],
                    (size_t)(input.num_pointers - i) * sizeof(input.pointers[0]));
            i--;
        }
    }
}

bool input_is_absolute(void)
{
    return input.num_pointers && input.pointers[input.num_pointers - 1].absolute;
}

void input_pointer(int x, int y, int dz, int buttons)
{
    if (input.num_pointers) {
        const PointerSink *p = &input.pointers[input.num_pointers - 1];

        p->moved(p->opaque, x, y, dz, buttons);
    }
}

void input_dump_pointers(void (*put)(void *, int, const char *, bool, bool), void *opaque)
{
    for (int i = 0; i < input.num_pointers; i++) {
        put(opaque, i, input.pointers[i].name, input.pointers[i].absolute,
            i == input.num_pointers - 1);
    }
}
