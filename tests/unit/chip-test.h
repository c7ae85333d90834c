/* SPDX-License-Identifier: MIT */
/*
 * What tests of a single chip share: a clock turned by hand, its output wires
 * watched, and the contract every chip must keep.
 */
#ifndef TESTS_UNIT_CHIP_TEST_H
#define TESTS_UNIT_CHIP_TEST_H

#include <stdlib.h>

#include "hw/core/device.h"
#include "tests/test.h"

static Clock clock_;
static int wire[DEVICE_MAX_IRQS];       /* levels */
static int rises[DEVICE_MAX_IRQS];      /* edges since chip_plug */

static inline void chip_watch(void *opaque, int n, int level)
{
    (void)opaque;
    rises[n] += level && !wire[n];
    wire[n] = level;
}

static inline void chip_prop(Device *d, const char *name, const char *value)
{
    Error err;

    CHECK_EQ(device_set_prop(d, name, value, NULL, &err), 0);
}

static inline void *chip_find(void *opaque, PropKind kind, const char *name)
{
    (void)kind;
    (void)name;
    return opaque;
}

static inline void chip_link(Device *d, const char *name, void *to)
{
    const PropResolver r = { chip_find, to };
    Error err;

    CHECK_EQ(device_set_prop(d, name, "it", &r, &err), 0);
}

/* Watch the outputs; wire[] starts with output 0 of this chip. */
static inline Device *chip_plug(Device *d)
{
    Error err;

    memset(wire, 0, sizeof(wire));
    memset(rises, 0, sizeof(rises));
    for (unsigned i = 0; i < d->type->num_irqs; i++) {
        device_connect(d, i, (qemu_irq){ chip_watch, NULL, (int)i });
    }
    CHECK_EQ(device_realize(d, &err), 0);
    device_reset(d);
    return d;
}

static inline Device *chip_make(const DeviceType *t)
{
    return device_new(t, NULL, &clock_, NULL, NULL);
}

/* Time passes, and the loop has not looked at its timers yet. */
static inline void chip_loop_is_late(int64_t ns)
{
    clock_.stopped_at += ns;
}

/* A chip alone, at time 0. */
static inline Device *chip_new(const DeviceType *t)
{
    clock_init_manual(&clock_);
    return chip_plug(chip_make(t));
}

static inline void chip_input(Device *d, int n, int level)
{
    qemu_set_irq(device_input(d, n), level);
}

static inline uint8_t *chip_save(const Device *d)
{
    uint8_t *image = calloc(1, vmstate_size(d->type->vmstate) + 1);

    vmstate_save(d->type->vmstate, d, image);
    return image;
}

static inline uint32_t chip_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Anything at any offset, in any size; inputs; time.  Inputs end up low. */
static inline void chip_scribble(Device *d, uint32_t seed, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        for (unsigned w = 0; d->type->windows && d->type->windows[w].name; w++) {
            uint32_t size = d->type->windows[w].size;
            unsigned bytes = 1u << (chip_random(&seed) & 3);
            hwaddr at = chip_random(&seed) % (size + 8);

            if (chip_random(&seed) & 1) {
                device_read(d, w, at, bytes);
            } else {
                device_write(d, w, at, chip_random(&seed) << 8 ^ chip_random(&seed),
                             bytes);
            }
        }
        if (d->type->num_inputs) {
            chip_input(d, (int)(chip_random(&seed) % d->type->num_inputs),
                       (int)(chip_random(&seed) & 1));
        }
        if (i % 16 == 0) {
            clock_step(&clock_, chip_random(&seed) % 100000);
        }
    }
    for (unsigned n = 0; n < d->type->num_inputs; n++) {
        chip_input(d, (int)n, 0);
    }
}

/* A used chip's snapshot makes a fresh one the same, now and later. */
static inline void chip_check_snapshot(Device *a, Device *b)
{
    size_t len = vmstate_size(a->type->vmstate);
    uint8_t *image = chip_save(a);
    Error err;

    CHECK_EQ(device_load(b, image, len, &err), 0);
    CHECK(device_load(b, image, len - 1, &err) < 0);
    free(image);
    for (int round = 0; round < 4; round++) {
        uint8_t *ia = chip_save(a), *ib = chip_save(b);

        CHECK(!memcmp(ia, ib, len));
        free(ia);
        free(ib);
        clock_step(&clock_, 3 * NS_PER_MS);
    }
}

/* Whatever a snapshot says, the chip refuses it or lives with it. */
static inline void chip_check_hostile_snapshots(Device *d)
{
    size_t len = vmstate_size(d->type->vmstate);
    uint32_t seed = 7;
    Error err;

    for (int i = 0; i < 200; i++) {
        uint8_t *image = chip_save(d);

        for (size_t k = 0; k < len; k++) {
            if (chip_random(&seed) % 8 == 0) {
                image[k] = (uint8_t)chip_random(&seed);
            }
        }
        device_load(d, image, len, &err);
        chip_scribble(d, (uint32_t)i, 20);
        free(image);
        if (i % 8 == 0) {
            device_reset(d);
        }
    }
}

/* Reset undoes everything the guest did. */
static inline void chip_check_reset(Device *d)
{
    uint8_t *before = chip_save(d), *after;

    chip_scribble(d, 99, 500);
    device_reset(d);
    after = chip_save(d);
    CHECK(!memcmp(before, after, vmstate_size(d->type->vmstate)));
    free(before);
    free(after);
}

#endif
