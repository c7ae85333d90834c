/* SPDX-License-Identifier: MIT */
/*
 * The common part of all devices: windows, registers, properties, snapshots.
 *
 *      region --> decoder --> register row     read_reg, write_reg
 *                        \--> the type's ops
 *
 * A decoder is what a window's MemoryRegion has as its opaque.  It knows the
 * device and finds a register row by word in constant time.
 */
#include "hw/core/device.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/out.h"

typedef struct DeviceWindow {
    Device *dev;
    const WindowDef *def;
    MemoryRegionOps ops;
    uint8_t *row_of_word;               /* 1 + index in def->regs, 0: none */
    unsigned num_words;
} DeviceWindow;

/* -- Registers --------------------------------------------------------------- */

/* NULL for registers that have no word of their own. */
static uint32_t *reg_storage(const Device *d, const RegDef *r)
{
    if (r->field == REG_VIRTUAL || r->field == REG_CONST) {
        return NULL;
    }
    return (uint32_t *)(void *)((char *)(uintptr_t)d + r->field);
}

static const RegDef *reg_find(const DeviceWindow *w, hwaddr offset)
{
    hwaddr word = offset / 4;

    if (word >= w->num_words || !w->row_of_word[word]) {
        return NULL;
    }
    return &w->def->regs[w->row_of_word[word] - 1];
}

static void index_regs(DeviceWindow *w)
{
    unsigned row = 0;

    for (const RegDef *r = w->def->regs; r && r->name; r++) {
        w->num_words = MAX(w->num_words, r->offset / 4u + 1);
    }
    w->row_of_word = xcalloc(w->num_words + 1, 1);
    for (const RegDef *r = w->def->regs; r && r->name; r++) {
        assert(row < UINT8_MAX);
        w->row_of_word[r->offset / 4] = (uint8_t)++row;
    }
}

static const char *dev_name(const Device *d)
{
    return d->id ? d->id : d->type->name;
}

static uint32_t read_word(const DeviceWindow *w, hwaddr offset)
{
    Device *d = w->dev;
    const RegDef *r = reg_find(w, offset);

    if (!r || !(r->access & REG_R)) {
        log_guest(dev_name(d), "read of %s (offset 0x%" PRIx64 " of %s)",
                  r ? r->name : "nothing", offset, w->def->name);
        return 0;
    }
    if (r->read) {
        return r->read(d);
    }
    return reg_storage(d, r) ? *reg_storage(d, r) : r->reset;
}

/*
 * val holds the bytes of `lanes` only.  The others keep what they were in a
 * register that is stored, and are written as 0 in one that is not.
 */
static void write_word(const DeviceWindow *w, hwaddr offset, uint32_t val,
                       uint32_t lanes)
{
    Device *d = w->dev;
    const RegDef *r = reg_find(w, offset);

    if (!r || !(r->access & REG_W)) {
        log_guest(dev_name(d), "write 0x%x to %s (offset 0x%" PRIx64 " of %s)",
                  val, r ? r->name : "nothing", offset, w->def->name);
        return;
    }
    uint32_t *p = reg_storage(d, r);
    if (p) {
        val |= *p & ~lanes;
        *p = (*p & ~r->wmask) | (val & r->wmask);
    }
    if (r->write) {
        r->write(d, val & r->wmask);
    }
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    unsigned shift = 8 * (offset & 3);

    assert(size <= 4);
    return bits64(read_word(opaque, offset & ~3ull) >> shift, (int)(8 * size - 1), 0);
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    unsigned shift = 8 * (offset & 3);
    uint32_t lanes = (uint32_t)(bits64(~0ull, (int)(8 * size - 1), 0) << shift);

    assert(size <= 4);
    write_word(opaque, offset & ~3ull, (uint32_t)(val << shift) & lanes, lanes);
}

/* -- Windows ----------------------------------------------------------------- */

static void trace(const DeviceWindow *w, const char *what, hwaddr offset,
                  uint64_t val, unsigned size)
{
    const RegDef *r = w->def->regs ? reg_find(w, offset) : NULL;

    if (r) {
        log_put(LOG_TRACE, "%s: %s %s 0x%" PRIx64 "\n", dev_name(w->dev), what,
                r->name, val);
    } else {
        log_put(LOG_TRACE, "%s: %s %s+0x%" PRIx64 "/%u 0x%" PRIx64 "\n",
                dev_name(w->dev), what, w->def->name, offset, size, val);
    }
}

static uint64_t window_read(void *opaque, hwaddr offset, unsigned size)
{
    DeviceWindow *w = opaque;
    uint64_t val = w->def->regs ? read_reg(w, offset, size)
                                : w->def->ops->read(w->dev, offset, size);

    if (log_on(LOG_TRACE)) {
        trace(w, "read", offset, val, size);
    }
    return val;
}

static void window_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    DeviceWindow *w = opaque;

    if (log_on(LOG_TRACE)) {
        trace(w, "write", offset, val, size);
    }
    if (w->def->regs) {
        write_reg(w, offset, val, size);
    } else {
        w->def->ops->write(w->dev, offset, val, size);
    }
}

static unsigned count_windows(const DeviceType *t)
{
    unsigned n = 0;

    while (t->windows && t->windows[n].name) {
        n++;
    }
    return n;
}

static void init_windows(Device *d)
{
    unsigned num = count_windows(d->type);

    assert(num <= DEVICE_MAX_WINDOWS);
    d->decoders = xcalloc(num + 1, sizeof(*d->decoders));
    for (unsigned i = 0; i < num; i++) {
        DeviceWindow *w = &d->decoders[i];

        w->dev = d;
        w->def = &d->type->windows[i];
        w->ops = (MemoryRegionOps){ .read = window_read, .write = window_write };
        if (w->def->ops) {
            w->ops.min = w->def->ops->min;
            w->ops.max = w->def->ops->max;
        }
        index_regs(w);
        region_init_io(&d->window[i], w->def->name, w->def->size, &w->ops, w);
    }
}

void device_map(Device *d, unsigned n, hwaddr addr, int priority)
{
    assert(n < count_windows(d->type));
    AddressSpace *as = d->type->windows[n].io ? d->io : d->mem;

    if (as) {
        region_unmap(&d->window[n]);
        region_map(as, &d->window[n], addr, priority);
    }
}

/*
 * The next piece of an access of `size` bytes: aligned, at most `max`, and the
 * unit it lies in for a callback that takes no fewer than `min` bytes.
 */
typedef struct Piece { hwaddr unit; unsigned unit_size, skip, len; } Piece;

static Piece next_piece(const MemoryRegionOps *ops, hwaddr offset, unsigned left)
{
    unsigned min = ops->min ? ops->min : 1, max = ops->max ? ops->max : 4;
    unsigned len = max;

    while (len > 1 && (len > left || offset % len)) {
        len /= 2;
    }
    unsigned unit = MAX(len, min);
    return (Piece){ align_down(offset, unit), unit, (unsigned)(offset % unit), len };
}

/* An access from outside the window is answered by nobody. */
static bool outside(Device *d, unsigned n, hwaddr offset, unsigned size)
{
    assert(n < count_windows(d->type) && (size == 8 || size == 4 || size <= 2));
    uint64_t end = d->type->windows[n].size;

    if (offset < end && size <= end - offset) {
        return false;
    }
    log_guest(dev_name(d), "offset 0x%" PRIx64 " is outside %s", offset,
              d->type->windows[n].name);
    return true;
}

uint64_t device_read(Device *d, unsigned n, hwaddr offset, unsigned size)
{
    uint64_t val = 0;

    if (outside(d, n, offset, size)) {
        return bits64(~0ull, (int)(8 * size - 1), 0);
    }
    for (unsigned done = 0; done < size;) {
        Piece p = next_piece(&d->decoders[n].ops, offset + done, size - done);
        uint64_t v = window_read(&d->decoders[n], p.unit, p.unit_size);

        v = bits64(v >> (8 * p.skip), (int)(8 * p.len - 1), 0);
        val |= v << (8 * done);
        done += p.len;
    }
    return val;
}

void device_write(Device *d, unsigned n, hwaddr offset, uint64_t val, unsigned size)
{
    if (outside(d, n, offset, size)) {
        return;
    }
    for (unsigned done = 0; done < size;) {
        Piece p = next_piece(&d->decoders[n].ops, offset + done, size - done);
        uint64_t v = bits64(val >> (8 * done), (int)(8 * p.len - 1), 0);

        if (p.len < p.unit_size) {
            uint64_t lanes = bits64(~0ull, (int)(8 * p.len - 1), 0) << (8 * p.skip);
            uint64_t old = window_read(&d->decoders[n], p.unit, p.unit_size);

            v = (old & ~lanes) | v << (8 * p.skip);
        }
        window_write(&d->decoders[n], p.unit, v, p.unit_size);
        done += p.len;
    }
}

/* -- Wires ------------------------------------------------------------------- */

void device_connect(Device *d, unsigned n, qemu_irq wire)
{
    assert(n < d->type->num_irqs);
    d->irq[n] = wire;
}

static void input_set(void *opaque, int n, int level)
{
    Device *d = opaque;

    d->type->input(d, n, level);
}

qemu_irq device_input(Device *d, int n)
{
    assert(n >= 0 && (unsigned)n < d->type->num_inputs && d->type->input);
    return (qemu_irq){ input_set, d, n };
}

/* -- Properties -------------------------------------------------------------- */

static void *prop_field(const Device *d, const PropDef *p)
{
    return (char *)(uintptr_t)d + p->field;
}

static void set_defaults(Device *d)
{
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        switch (p->kind) {
        case PROP_BOOL: *(bool *)prop_field(d, p) = p->def != 0; break;
        case PROP_U32:  *(uint32_t *)prop_field(d, p) = (uint32_t)p->def; break;
        case PROP_U64:  *(uint64_t *)prop_field(d, p) = p->def; break;
        default:        break;
        }
    }
}

static const PropDef *prop_find(const DeviceType *t, const char *name)
{
    for (const PropDef *p = t->props; p && p->name; p++) {
        if (!strcmp(p->name, name)) {
            return p;
        }
    }
    return NULL;
}

static int parse_bool(const char *s, bool *val)
{
    static const char *const words[][2] = {
        { "off", "on" }, { "no", "yes" }, { "false", "true" }, { "0", "1" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(words) * 2; i++) {
        if (!strcmp(s, words[i / 2][i % 2])) {
            *val = i % 2;
            return 0;
        }
    }
    return -EINVAL;
}

/* "64", "0x40", "64k", "1M", "2G" */
static int parse_number(const char *s, uint64_t max, uint64_t *val)
{
    static const char units[] = "kmg";
    char *end;

    errno = 0;
    uint64_t v = strtoull(s, &end, 0);
    if (end == s || errno || strchr(s, '-')) {
        return -EINVAL;
    }
    for (int i = 0; *end && i < 3; i++) {
        if ((*end | 0x20) == units[i]) {
            if (v > max >> (10 * (i + 1))) {
                return -ERANGE;
            }
            v <<= 10 * (i + 1);
            end++;
            break;
        }
    }
    if (*end || v > max) {
        return *end ? -EINVAL : -ERANGE;
    }
    *val = v;
    return 0;
}

static const char *const prop_kinds[] = {
    [PROP_BOOL] = "on or off", [PROP_U32] = "a number", [PROP_U64] = "a number",
    [PROP_STRING] = "a string", [PROP_LINK] = "device", [PROP_DRIVE] = "drive",
    [PROP_CHAR] = "chardev", [PROP_NIC] = "netdev",
};

static int set_number(Device *d, const PropDef *p, const char *value, Error *err)
{
    uint64_t max = p->kind == PROP_U32 ? UINT32_MAX : UINT64_MAX, v;
    int ret = parse_number(value, max, &v);

    if (ret == -ERANGE) {
        return error_set(err, ERANGE, "%s: %s=%s is too large, at most %" PRIu64,
                         dev_name(d), p->name, value, max);
    }
    if (ret < 0) {
        return error_set(err, EINVAL, "%s: %s wants %s, not '%s'", dev_name(d),
                         p->name, prop_kinds[p->kind], value);
    }
    if (p->kind == PROP_U32) {
        *(uint32_t *)prop_field(d, p) = (uint32_t)v;
    } else {
        *(uint64_t *)prop_field(d, p) = v;
    }
    return 0;
}

static int set_pointer(Device *d, const PropDef *p, const char *value,
                       const PropResolver *r, Error *err)
{
    void *found = r && r->find ? r->find(r->opaque, p->kind, value) : NULL;

    if (!found) {
        return error_set(err, ENOENT, "%s: there is no %s called '%s'",
                         dev_name(d), prop_kinds[p->kind], value);
    }
    *(void **)prop_field(d, p) = found;
    return 0;
}

int device_set_prop(Device *d, const char *name, const char *value,
                    const PropResolver *r, Error *err)
{
    const PropDef *p = prop_find(d->type, name);

    if (d->realized) {
        return error_set(err, EBUSY, "%s: %s can only be set before the device "
                         "is in use", dev_name(d), name);
    }
    if (!p) {
        return error_set(err, EINVAL, "%s: no property called '%s', see "
                         "-device %s,help", dev_name(d), name, d->type->name);
    }
    switch (p->kind) {
    case PROP_BOOL:
        if (parse_bool(value, prop_field(d, p)) < 0) {
            return error_set(err, EINVAL, "%s: %s wants on or off, not '%s'",
                             dev_name(d), name, value);
        }
        return 0;
    case PROP_U32:
    case PROP_U64:
        return set_number(d, p, value, err);
    case PROP_STRING:
        free(*(char **)prop_field(d, p));
        *(char **)prop_field(d, p) = xstrdup(value);
        return 0;
    default:
        return set_pointer(d, p, value, r, err);
    }
}

/* -- Life -------------------------------------------------------------------- */

Device *device_new(const DeviceType *type, const char *id, Clock *clock,
                   AddressSpace *mem, AddressSpace *io)
{
    assert(type->state_size >= sizeof(Device));
    Device *d = xzalloc(type->state_size);

    d->type = type;
    d->id = id ? xstrdup(id) : NULL;
    d->clock = clock;
    d->mem = mem;
    d->io = io;
    d->irq = xcalloc(type->num_irqs + 1, sizeof(*d->irq));
    init_windows(d);
    set_defaults(d);
    if (type->init) {
        type->init(d);
    }
    return d;
}

int device_realize(Device *d, Error *err)
{
    int ret = d->type->realize ? d->type->realize(d, err) : 0;

    d->realized = ret == 0;
    return ret;
}

void device_reset(Device *d)
{
    for (unsigned i = 0; i < count_windows(d->type); i++) {
        for (const RegDef *r = d->type->windows[i].regs; r && r->name; r++) {
            uint32_t *p = reg_storage(d, r);

            if (p) {
                *p = r->reset;
            }
        }
    }
    if (d->type->reset) {
        d->type->reset(d);
    }
}

void device_free(Device *d)
{
    if (!d) {
        return;
    }
    if (d->type->free) {
        d->type->free(d);
    }
    for (unsigned i = 0; i < count_windows(d->type); i++) {
        region_unmap(&d->window[i]);
        free(d->decoders[i].row_of_word);
    }
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        if (p->kind == PROP_STRING) {
            free(*(char **)prop_field(d, p));
        }
    }
    free(d->decoders);
    free(d->irq);
    free(d->id);
    free(d);
}

/* -- Snapshots --------------------------------------------------------------- */

static const VMField no_fields[] = { VM_END };

static int load_image(Device *d, const uint8_t *in, size_t len, Error *err)
{
    const VMField *f = d->type->vmstate ? d->type->vmstate : no_fields;
    int ret = vmstate_load(f, d, in, len, err);

    if (ret == 0 && d->type->post_load) {
        ret = d->type->post_load(d, err);
    }
    return ret;
}

int device_load(Device *d, const uint8_t *in, size_t len, Error *err)
{
    const VMField *f = d->type->vmstate ? d->type->vmstate : no_fields;
    size_t size = vmstate_size(f);
    uint8_t *before = xmalloc(size + 1);

    vmstate_save(f, d, before);
    int ret = load_image(d, in, len, err);
    if (ret < 0) {
        load_image(d, before, size, NULL);      /* refused: as it was */
        error_prefix(err, ret, "%s", dev_name(d));
    }
    free(before);
    return ret;
}

/* -- Descriptions ------------------------------------------------------------ */

static void dump_prop(const Device *d, const PropDef *p, const Out *o)
{
    const void *f = prop_field(d, p);

    switch (p->kind) {
    case PROP_BOOL:
        out_printf(o, "  %s = %s\n", p->name, *(const bool *)f ? "on" : "off");
        break;
    case PROP_U32:
        out_printf(o, "  %s = 0x%x\n", p->name, *(const uint32_t *)f);
        break;
    case PROP_U64:
        out_printf(o, "  %s = 0x%" PRIx64 "\n", p->name, *(const uint64_t *)f);
        break;
    case PROP_STRING:
        out_printf(o, "  %s = \"%s\"\n", p->name,
                   *(char *const *)f ? *(char *const *)f : "");
        break;
    case PROP_LINK:
        out_printf(o, "  %s = %s\n", p->name,
                   *(Device *const *)f ? dev_name(*(Device *const *)f) : "none");
        break;
    default:
        out_printf(o, "  %s = %s\n", p->name, *(void *const *)f ? "connected" : "none");
    }
}

/* Stored registers only: a read hook may have side effects. */
static void dump_regs(const Device *d, const WindowDef *w, const Out *o)
{
    for (const RegDef *r = w->regs; r && r->name; r++) {
        const uint32_t *p = reg_storage(d, r);

        if (p) {
            out_printf(o, "    %03x %-12s 0x%08x\n", r->offset, r->name, *p);
        }
    }
}

void device_dump(const Device *d, void (*put)(void *, const char *), void *opaque)
{
    Out o = { put, opaque };

    out_printf(&o, "%s: %s\n", dev_name(d), d->type->name);
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        dump_prop(d, p, &o);
    }
    for (unsigned i = 0; i < count_windows(d->type); i++) {
        const WindowDef *w = &d->type->windows[i];

        if (d->window[i].as) {
            out_printf(&o, "  %s %s at 0x%" PRIx64 ", 0x%x bytes\n",
                       w->io ? "ports" : "memory", w->name, d->window[i].addr, w->size);
        }
        dump_regs(d, w, &o);
    }
}

/* " (default on)" */
static void describe_default(const PropDef *p, char *buf, size_t len)
{
    buf[0] = 0;
    if (p->kind == PROP_BOOL) {
        snprintf(buf, len, " (default %s)", p->def ? "on" : "off");
    } else if (p->kind == PROP_U32 || p->kind == PROP_U64) {
        snprintf(buf, len, " (default 0x%" PRIx64 ")", p->def);
    }
}

void device_type_help(const DeviceType *t, void (*put)(void *, const char *), void *opaque)
{
    Out o = { put, opaque };
    char def[48];

    out_printf(&o, "%s: %s, bus %s, manual: %s\n", t->name, t->desc ? t->desc : "",
               t->bus ? t->bus : "sys", t->manual ? t->manual : "none");
    for (const PropDef *p = t->props; p && p->name; p++) {
        describe_default(p, def, sizeof(def));
        out_printf(&o, "  %s=<%s>  %s%s\n", p->name, prop_kinds[p->kind],
                   p->help ? p->help : "", def);
    }
}
