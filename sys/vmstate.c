/* SPDX-License-Identifier: MIT */
#include "sys/vmstate.h"

#include <errno.h>
#include <string.h>

#include "util/bits.h"

enum { TIMER_BYTES = 9 };               /* armed, deadline */

static size_t element_size(const VMField *f)
{
    switch (f->kind) {
    case VM_KIND_TIMER:  return TIMER_BYTES;
    case VM_KIND_STRUCT: return vmstate_size(f->sub);
    default:             return f->size;
    }
}

size_t vmstate_size(const VMField *f)
{
    size_t n = 0;

    for (; f->name; f++) {
        n += element_size(f) * f->num;
    }
    return n;
}

static void save_timer(const Timer *t, uint8_t *out)
{
    out[0] = t->armed;
    store_le(out + 1, (uint64_t)t->deadline, 8);
}

/* Integers lie in memory as they do on the wire: the host is little endian, too. */
void vmstate_save(const VMField *f, const void *state, uint8_t *out)
{
    for (; f->name; f++) {
        const char *p = (const char *)state + f->offset;
        size_t len = element_size(f);

        if (f->kind == VM_KIND_INT) {
            memcpy(out, p, len * f->num);
            out += len * f->num;
            continue;
        }
        for (uint32_t i = 0; i < f->num; i++, p += f->size, out += len) {
            if (f->kind == VM_KIND_STRUCT) {
                vmstate_save(f->sub, p, out);
            } else {
                save_timer((const Timer *)(const void *)p, out);
            }
        }
    }
}

static void load_timer(Timer *t, const uint8_t *in)
{
    int64_t deadline = (int64_t)load_le(in + 1, 8);

    if (in[0]) {
        timer_set(t, deadline);
    } else {
        timer_cancel(t);
        t->deadline = deadline;
    }
}

static void load_fields(const VMField *f, char *state, const uint8_t *in)
{
    for (; f->name; f++) {
        char *p = state + f->offset;
        size_t len = element_size(f);

        if (f->kind == VM_KIND_INT) {
            memcpy(p, in, len * f->num);
            in += len * f->num;
            continue;
        }
        for (uint32_t i = 0; i < f->num; i++, p += f->size, in += len) {
            if (f->kind == VM_KIND_STRUCT) {
                load_fields(f->sub, p, in);
            } else {
                load_timer((Timer *)(void *)p, in);
            }
        }
    }
}

int vmstate_load(const VMField *f, void *state, const uint8_t *in, size_t len,
                 Error *err)
{
    size_t want = vmstate_size(f);

    if (len != want) {
        return error_set(err, EINVAL, "snapshot is %zu bytes, want %zu",
                         len, want);
    }
    load_fields(f, state, in);
    return 0;
}
