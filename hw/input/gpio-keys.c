/* SPDX-License-Identifier: MIT */
/*
 * Keys on wires: a switch to ground and a pull-up each.
 *
 *      user's keyboard --"keys"--> held --> outputs
 *
 * Not modelled: bounce.
 */
#include "hw/input/gpio-keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/console.h"
#include "util/mem.h"

typedef struct GpioKeys {
    Device dev;
    char *keys;
    bool active_low;
    uint8_t code[GPIO_KEYS_MAX];
    int num;
    uint32_t held;                      /* a bit to a key */
} GpioKeys;

static void drive(GpioKeys *s, int n)
{
    bool held = s->held >> n & 1;

    qemu_set_irq(s->dev.irq[n], held != s->active_low);
}

static void key_event(void *opaque, uint8_t key, bool down)
{
    GpioKeys *s = opaque;

    for (int i = 0; i < s->num; i++) {
        if (s->code[i] == key) {
            s->held = (s->held & ~(1u << i)) | (uint32_t)down << i;
            drive(s, i);
        }
    }
}

static int parse_keys(GpioKeys *s, Error *err)
{
    char *copy = xstrdup(s->keys ? s->keys : ""), *save = NULL;
    int ret = 0;

    for (char *k = strtok_r(copy, " ", &save); k && ret == 0; k = strtok_r(NULL, " ", &save)) {
        int code = key_by_name(k);

        if (code < 0) {
            ret = error_set(err, EINVAL, "gpio_keys: keys: no key is called '%s', see sendkey", k);
        } else if (s->num == GPIO_KEYS_MAX) {
            ret = error_set(err, EINVAL, "gpio_keys: keys: %d are the most", GPIO_KEYS_MAX);
        } else {
            s->code[s->num++] = (uint8_t)code;
        }
    }
    free(copy);
    return ret;
}

static int keys_realize(Device *d, Error *err)
{
    const KeySink sink = { .key = key_event, .opaque = d };
    int ret = parse_keys((GpioKeys *)d, err);

    if (ret == 0) {
        input_add_keyboard(&sink);
    }
    return ret;
}

static void drive_all(GpioKeys *s)
{
    for (int i = 0; i < s->num; i++) {
        drive(s, i);
    }
}

/* The user's finger is no part of the machine: what is held stays held. */
static void keys_reset(Device *d)
{
    drive_all((GpioKeys *)d);
}

static int keys_post_load(Device *d, Error *err)
{
    GpioKeys *s = (GpioKeys *)d;

    (void)err;
    s->held &= (1u << GPIO_KEYS_MAX) - 1;
    drive_all(s);
    return 0;
}

static void keys_free(Device *d)
{
    if (d->realized) {
        input_remove_keyboard(d);
    }
}

static const PropDef keys_props[] = {
    { "keys",       PROP_STRING, offsetof(GpioKeys, keys), 0, "names as in sendkey" },
    { "active_low", PROP_BOOL,   offsetof(GpioKeys, active_low), 1, "0 is pressed" },
    { .name = NULL }
};

static const VMField keys_vmstate[] = {
    VM_FIELD(GpioKeys, held),
    VM_END
};

const DeviceType gpio_keys_type = {
    .name       = "gpio_keys",
    .desc       = "keys on wires",
    .bus        = "sys",
    .state_size = sizeof(GpioKeys),
    .props      = keys_props,
    .vmstate    = keys_vmstate,
    .num_irqs   = GPIO_KEYS_MAX,
    .realize    = keys_realize,
    .reset      = keys_reset,
    .post_load  = keys_post_load,
    .free       = keys_free,
};
