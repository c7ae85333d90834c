/* SPDX-License-Identifier: MIT */
#include "sys/vmstate.h"

#include <errno.h>

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

static void save_element(const VMField *f, const char *p, uint8_t *out)
{
    uint64_t v = 0;

    switch (f->kind) {
    case VM_KIND_TIMER:
        out[0] = ((const Timer *)(const void *)p)->armed;
        store_le(out + 1, (uint64_t)((const Timer *)(const void *)p)->deadline, 8);
        break;
    case VM_KIND_STRUCT:
        vmstate_save(f->sub, p, out);
        break;
    default:
        memcpy(&v, p, f->size);
        store_le(out, v, f->size);
    }
}

void vmstate_save(const VMField *f, const void *state, uint8_t *out)
{
    for (; f->name; f++) {
        for (uint32_t i = 0; i < f->num; i++) {
            save_element(f, (const char *)state + f->offset + i * f->size, out);
            out += element_size(f);
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

static void load_fields(const VMField *f, char *state, const uint8_t *in);

static void load_element(const VMField *f, char *p, const uint8_t *in)
{
    uint64_t v;

    switch (f->kind) {
    case VM_KIND_TIMER:
        load_timer((Timer *)(void *)p, in);
        break;
    case VM_KIND_STRUCT:
        load_fields(f->sub, p, in);
        break;
    default:
        v = load_le(in, f->size);
        memcpy(p, &v, f->size);
    }
}

static void load_fields(const VMField *f, char *state, const uint8_t *in)
{
    for (; f->name; f++) {
        for (uint32_t i = 0; i < f->num; i++) {
            load_element(f, state + f->offset + i * f->size, in);
            in += element_size(f);
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
