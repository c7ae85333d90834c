/* SPDX-License-Identifier: MIT */
/*
 * Lamps and buzzers on wires, for people to look at.
 *
 *      inputs --> levels, times --> leds_get(): the monitor's "info leds"
 */
#include "hw/misc/leds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

typedef struct Leds {
    Device dev;
    char *names;
    char *copy;                         /* `names`, cut into pieces */
    const char *name[LEDS_MAX];
    int num;
    uint32_t active_low, levels;        /* a bit to a wire */
    uint64_t changes[LEDS_MAX];
    int64_t changed[LEDS_MAX][2];       /* the last times, ns; not saved */
} Leds;

static void set_input(Device *d, int n, int level)
{
    Leds *s = (Leds *)d;
    uint32_t bit = 1u << n, now = level ? bit : 0;

    if ((s->levels & bit) != now) {
        s->levels ^= bit;
        s->changes[n]++;
        s->changed[n][1] = s->changed[n][0];
        s->changed[n][0] = clock_now(d->clock);
    }
}

static bool flickers(const Leds *s, int n)
{
    int64_t ago = clock_now(s->dev.clock) - s->changed[n][1];

    return s->changed[n][1] && ago >= 0 && ago <= LED_SEEN_NS;
}

bool leds_get(const Device *d, int n, Led *led)
{
    const Leds *s = (const Leds *)d;

    if (d->type != &leds_type || n < 0 || n >= s->num) {
        return false;
    }
    *led = (Led){ s->name[n], ((s->levels ^ s->active_low) >> n & 1) || flickers(s, n),
                  s->changes[n] };
    return true;
}

static int leds_realize(Device *d, Error *err)
{
    Leds *s = (Leds *)d;
    char *save = NULL;

    s->copy = xstrdup(s->names ? s->names : "");
    for (char *n = strtok_r(s->copy, " ", &save); n; n = strtok_r(NULL, " ", &save)) {
        if (s->num == LEDS_MAX) {
            return error_set(err, EINVAL, "leds: names: %d are the most", LEDS_MAX);
        }
        s->active_low |= (uint32_t)(*n == '!') << s->num;
        s->name[s->num++] = n + (*n == '!');
    }
    return 0;
}

static void leds_free(Device *d)
{
    free(((Leds *)d)->copy);
}

static const PropDef leds_props[] = {
    { "names", PROP_STRING, offsetof(Leds, names), 0, "by input, '!' for active low" },
    { .name = NULL }
};

static const VMField leds_vmstate[] = {
    VM_FIELD(Leds, levels),
    VM_ARRAY(Leds, changes),
    VM_END
};

const DeviceType leds_type = {
    .name       = "leds",
    .desc       = "lamps and buzzers on wires",
    .bus        = "sys",
    .state_size = sizeof(Leds),
    .props      = leds_props,
    .vmstate    = leds_vmstate,
    .num_inputs = LEDS_MAX,
    .realize    = leds_realize,
    .free       = leds_free,
    .input      = set_input,
};
