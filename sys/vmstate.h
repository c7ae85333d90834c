/* SPDX-License-Identifier: MIT */
/*
 * Snapshot tables.
 *
 * A device lists what it must remember, once; save, load, "info" and the
 * contract test all read the same list.  Host pointers, wiring and back ends
 * are never in it: the board rebuilds those.
 *
 * Wire format: fields in table order, each element little endian, no padding.
 * Loading treats the bytes as hostile: the length must match exactly, and a
 * device's post_load() checks every value it will index with.
 */
#ifndef SYS_VMSTATE_H
#define SYS_VMSTATE_H

#include <stddef.h>
#include <stdint.h>

#include "sys/clock.h"
#include "util/error.h"

typedef enum VMKind { VM_KIND_INT, VM_KIND_TIMER, VM_KIND_STRUCT } VMKind;

typedef struct VMField {
    const char *name;
    uint32_t offset;
    uint32_t size;                      /* of an element: 1, 2, 4, 8 or a struct */
    uint32_t num;                       /* elements */
    VMKind kind;
    const struct VMField *sub;          /* of a VM_KIND_STRUCT */
} VMField;

#define VM_SIZEOF(type, m) sizeof(((type *)0)->m)
#define VM_FIELD(type, m) \
    { #m, offsetof(type, m), VM_SIZEOF(type, m), 1, VM_KIND_INT, NULL }
#define VM_ARRAY(type, m)                                                   \
    { #m, offsetof(type, m), VM_SIZEOF(type, m[0]),                         \
      VM_SIZEOF(type, m) / VM_SIZEOF(type, m[0]), VM_KIND_INT, NULL }
/* A Timer: whether it is armed, and its deadline. */
#define VM_TIMER(type, m) \
    { #m, offsetof(type, m), sizeof(Timer), 1, VM_KIND_TIMER, NULL }
#define VM_STRUCTS(type, m, n, fields)                                      \
    { #m, offsetof(type, m), VM_SIZEOF(type, m) / (n), n, VM_KIND_STRUCT, fields }
#define VM_END { NULL, 0, 0, 0, VM_KIND_INT, NULL }

size_t vmstate_size(const VMField *f);
/* out: vmstate_size() bytes. */
void vmstate_save(const VMField *f, const void *state, uint8_t *out);
/* Timers must have been timer_init()ed.  On error nothing was changed. */
int vmstate_load(const VMField *f, void *state, const uint8_t *in, size_t len,
                 Error *err);

#endif
