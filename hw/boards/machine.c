/* SPDX-License-Identifier: MIT */
/*
 * From a board's table to a machine.
 *
 *   rows -> device_new -> properties -> PCI slots -> wires -> realize -> map
 *
 * Each step is done for the whole table before the next, so that a row may
 * name any other row, above or below it.  Where several outputs go to one
 * input there is a hub, a wired-or of up to 64 sources.
 */
#include "hw/boards/machine.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "char/char.h"
#include "cpu-common.h"
#include "net/net-options.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

/* Board decoding goes above PCI BARs, which are at priority 0. */
enum { PLACE_PRIORITY = 1 };
enum { MAX_SOURCES = 64, PHYS_BITS = 36, PORTS = 0x10000 };

/* -- Wires ------------------------------------------------------------------- */

typedef struct WireHub {
    char *controller;
    int line;
    qemu_irq out;
    int num_sources;
    uint64_t high;                      /* sources that are */
    struct WireHub *next;
} WireHub;

static void hub_set(void *opaque, int n, int level)
{
    WireHub *hub = opaque;
    uint64_t bit = 1ull << n;

    hub->high = level ? hub->high | bit : hub->high & ~bit;
    qemu_set_irq(hub->out, hub->high != 0);
}

static int find_input(Machine *m, const char *controller, int line,
                      qemu_irq *wire, Error *err)
{
    Device *d = machine_find(m, controller);

    if (!strcmp(controller, "cpu") && m->cpu_input) {
        *wire = m->cpu_input(m, line);
        return 0;
    }
    if (!d || line < 0 || (unsigned)line >= d->type->num_inputs) {
        return error_set(err, ENOENT, "%s: there is no input %d of '%s'",
                         m->type->name, line, controller);
    }
    *wire = device_input(d, line);
    return 0;
}

int machine_wire(Machine *m, const char *controller, int line, qemu_irq *wire,
                 Error *err)
{
    WireHub *hub = m->hubs;

    *wire = (qemu_irq){ NULL, NULL, 0 };
    while (hub && (hub->line != line || strcmp(hub->controller, controller))) {
        hub = hub->next;
    }
    if (!hub) {
        qemu_irq out;
        int ret = find_input(m, controller, line, &out, err);

        if (ret < 0) {
            return ret;
        }
        hub = xzalloc(sizeof(*hub));
        *hub = (WireHub){ .controller = xstrdup(controller), .line = line,
                          .out = out, .next = m->hubs };
        m->hubs = hub;
    }
    if (hub->num_sources == MAX_SOURCES) {
        return error_set(err, ENOSPC, "%s: input %d of '%s' has %d sources, "
                         "no more can be connected", m->type->name, line,
                         controller, MAX_SOURCES);
    }
    *wire = (qemu_irq){ hub_set, hub, hub->num_sources++ };
    return 0;
}

static void free_hubs(Machine *m)
{
    for (WireHub *hub = m->hubs, *next; hub; hub = next) {
        next = hub->next;
        free(hub->controller);
        free(hub);
    }
}

/* -- machine_check: a table can be wrong in few ways -------------------------- */

static const WindowDef *window_def(const DeviceType *t, unsigned n)
{
    for (unsigned i = 0; t->windows && t->windows[i].name; i++) {
        if (i == n) {
            return &t->windows[i];
        }
    }
    return NULL;
}

static hwaddr place_addr(const Place *p, unsigned n)
{
    return p->at[n] == AT_ZERO ? 0 : p->at[n];
}

static const Place *find_place(const QEMUMachine *t, const char *id)
{
    for (size_t i = 0; i < t->map_len; i++) {
        if (!strcmp(t->map[i].id, id)) {
            return &t->map[i];
        }
    }
    return NULL;
}

static int check_overlap(const QEMUMachine *t, const Place *a, unsigned na,
                         const Place *b, unsigned nb, Error *err)
{
    const WindowDef *wa = window_def(a->type, na), *wb = window_def(b->type, nb);
    hwaddr sa = place_addr(a, na), sb = place_addr(b, nb);

    if (!b->at[nb] || wa->io != wb->io || sa >= sb + wb->size || sb >= sa + wa->size) {
        return 0;
    }
    return error_set(err, EINVAL, "%s: %s and %s overlap at 0x%" PRIx64, t->name,
                     a->id, b->id, MAX(sa, sb));
}

static int check_windows(const QEMUMachine *t, const Place *p, Error *err)
{
    for (unsigned n = 0; n < PLACE_MAX_WINDOWS; n++) {
        if (!p->at[n]) {
            continue;
        }
        if (!window_def(p->type, n)) {
            return error_set(err, EINVAL, "%s: %s has no window %u", t->name,
                             p->id, n);
        }
        for (const Place *q = t->map; q <= p; q++) {
            for (unsigned k = 0; k < (q == p ? n : PLACE_MAX_WINDOWS); k++) {
                int ret = check_overlap(t, p, n, q, k, err);

                if (ret < 0) {
                    return ret;
                }
            }
        }
    }
    return 0;
}

static int check_wires(const QEMUMachine *t, const Place *p, Error *err)
{
    for (unsigned n = 0; n < PLACE_MAX_IRQS; n++) {
        const IRQRef *ref = &p->irq[n];

        if (!ref->controller) {
            continue;
        }
        if (n >= p->type->num_irqs) {
            return error_set(err, EINVAL, "%s: %s has no output %u", t->name,
                             p->id, n);
        }
        const Place *to = find_place(t, ref->controller);
        if (!strcmp(ref->controller, "cpu")) {
            continue;
        }
        if (!to || ref->line < 0 || (unsigned)ref->line >= to->type->num_inputs) {
            return error_set(err, EINVAL, "%s: %s: there is no input %d of '%s'",
                             t->name, p->id, ref->line, ref->controller);
        }
    }
    return 0;
}

static int check_place(const QEMUMachine *t, const Place *p, Error *err)
{
    bool is_pci = p->type->bus && !strcmp(p->type->bus, "pci");

    if (is_pci != (p->devfn != 0)) {
        return error_set(err, EINVAL, "%s: %s %s", t->name, p->id,
                         is_pci ? "needs a PCI address" : "is no PCI device");
    }
    for (const Place *q = t->map; q < p; q++) {
        if (!strcmp(p->id, q->id)) {
            return error_set(err, EINVAL, "%s: two devices called %s", t->name, p->id);
        }
        if (is_pci && p->devfn == q->devfn) {
            return error_set(err, EINVAL, "%s: %s and %s have one PCI address",
                             t->name, p->id, q->id);
        }
    }
    return 0;
}

int machine_check(const QEMUMachine *t, Error *err)
{
    int ret = 0;

    for (const Place *p = t->map; ret == 0 && p < t->map + t->map_len; p++) {
        ret = check_place(t, p, err);
        ret = ret < 0 ? ret : check_windows(t, p, err);
        ret = ret < 0 ? ret : check_wires(t, p, err);
    }
    return ret;
}

/* -- Names ------------------------------------------------------------------- */

const QEMUMachine *machine_find_type(const char *name)
{
    for (const QEMUMachine *const *t = machines; *t; t++) {
        if (!strcmp((*t)->name, name) || ((*t)->alias && !strcmp((*t)->alias, name))) {
            return *t;
        }
    }
    return NULL;
}

Device *machine_find(const Machine *m, const char *id)
{
    for (Device *d = m->devices; d; d = d->next) {
        if (d->id && !strcmp(d->id, id)) {
            return d;
        }
    }
    return NULL;
}

/* "@serial0": what the user put there, NULL if nothing. */
static void *find_slot(const Machine *m, const char *name)
{
    const MachineConfig *c = &m->config;
    struct { const char *prefix; void *const *slots; unsigned num; } const rows[] = {
        { "@serial",   (void *const *)c->serial,   ARRAY_SIZE(c->serial) },
        { "@parallel", (void *const *)c->parallel, ARRAY_SIZE(c->parallel) },
        { "@ide",      (void *const *)c->ide,      ARRAY_SIZE(c->ide) },
        { "@floppy",   (void *const *)c->floppy,   ARRAY_SIZE(c->floppy) },
        { "@scsi",     (void *const *)c->scsi,     ARRAY_SIZE(c->scsi) },
        { "@sd",       (void *const *)c->sd,       ARRAY_SIZE(c->sd) },
        { "@pflash",   (void *const *)c->pflash,   ARRAY_SIZE(c->pflash) },
        { "@nic",      (void *const *)c->nic,      ARRAY_SIZE(c->nic) },
    };

    if (!strcmp(name, "@debugcon")) {
        return c->debugcon;
    }
    if (!strcmp(name, "@mtd")) {
        return c->mtd;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len = strlen(rows[i].prefix);

        if (!strncmp(name, rows[i].prefix, len)) {
            unsigned n = (unsigned)name[len] - '0';

            return n < rows[i].num ? rows[i].slots[n] : NULL;
        }
    }
    return NULL;
}

/* By id; a bus may also be called by its device's with ".0", as in "lsi.0". */
static Device *find_link(const Machine *m, const char *name)
{
    size_t len = strlen(name);
    Device *d = machine_find(m, name);

    if (!d && len > 2 && !strcmp(name + len - 2, ".0")) {
        char *id = xstrndup(name, len - 2);

        d = machine_find(m, id);
        free(id);
    }
    return d;
}

static void *resolve(void *opaque, PropKind kind, const char *name)
{
    Machine *m = opaque;

    if (name[0] == '@') {
        return find_slot(m, name);
    }
    switch (kind) {
    case PROP_LINK: return find_link(m, name);
    case PROP_CHAR: return chr_find(name);
    case PROP_DRIVE:
        return m->config.find_drive ? m->config.find_drive(name) : NULL;
    case PROP_NIC:  return net_nic_for(name);
    default:        return NULL;
    }
}

/* Cut the first piece off at a comma; ",," is a comma in it. */
static char *next_option(char **list)
{
    char *start = *list, *out = start;

    for (char *in = start; *in; in++) {
        if (*in == ',' && in[1] != ',') {
            *list = in + 1;
            *out = 0;
            return start;
        }
        in += *in == ',';
        *out++ = *in;
    }
    *list = NULL;
    *out = 0;
    return start;
}

/* Call fn for each "name=value" of "a=b,c=d"; a bare name has the value "on". */
static int for_each_option(const char *options, void *opaque, Error *err,
                           int (*fn)(void *opaque, const char *name,
                                     const char *value, Error *err))
{
    char *copy = xstrdup(options ? options : ""), *rest = copy;
    int ret = 0;

    while (rest && ret == 0) {
        char *s = next_option(&rest), *eq = strchr(s, '=');

        if (eq) {
            *eq = 0;
        }
        if (*s) {
            ret = fn(opaque, s, eq ? eq + 1 : "on", err);
        }
    }
    free(copy);
    return ret;
}

/* -- Building ---------------------------------------------------------------- */

static void append_device(Machine *m, Device *d)
{
    Device **p = &m->devices;

    while (*p) {
        p = &(*p)->next;
    }
    *p = d;
}

void machine_remove_device(Machine *m, Device *d)
{
    for (Device **p = &m->devices; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    if (d->type->bus && !strcmp(d->type->bus, "pci")) {
        pci_unplug((PCIDevice *)d);
    }
    device_free(d);
}

typedef struct OptionTarget { Machine *m; Device *d; } OptionTarget;

static int set_place_prop(void *opaque, const char *name, const char *value, Error *err)
{
    OptionTarget *t = opaque;

    if (value[0] == '@' && !find_slot(t->m, value)) {
        return 0;
    }
    return device_set_prop(t->d, name, value, &t->m->resolver, err);
}

/* Every clock with a calendar starts at the time of day the user wants. */
static void set_rtc_base(const Machine *m, Device *d)
{
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        if (!strcmp(p->name, "rtc_base") && p->kind == PROP_U64) {
            *(uint64_t *)(void *)((char *)d + p->field) = (uint64_t)m->config.rtc_base_ns;
        }
    }
}

static int plug_place(Machine *m, Device *d, const Place *p, Error *err)
{
    OptionTarget target = { m, d };

    set_rtc_base(m, d);
    int ret = for_each_option(p->props, &target, err, set_place_prop);

    if (ret == 0 && p->devfn) {
        assert(m->pci);
        ret = pci_plug(m->pci, (PCIDevice *)d, p->devfn - 1, err);
    }
    return ret;
}

static int wire_place(Machine *m, Device *d, const Place *p, Error *err)
{
    for (unsigned n = 0; n < PLACE_MAX_IRQS && n < d->type->num_irqs; n++) {
        qemu_irq wire;

        if (p->irq[n].controller) {
            int ret = machine_wire(m, p->irq[n].controller, p->irq[n].line, &wire, err);

            if (ret < 0) {
                return ret;
            }
            device_connect(d, n, wire);
        }
    }
    return 0;
}

static int finish_place(Machine *m, Device *d, const Place *p, Error *err)
{
    int ret = device_realize(d, err);

    for (unsigned n = 0; ret == 0 && n < PLACE_MAX_WINDOWS; n++) {
        if (p->at[n]) {
            device_map(d, n, place_addr(p, n), PLACE_PRIORITY);
        }
    }
    if (ret == 0 && m->device_added) {
        m->device_added(m, d);
    }
    return ret;
}

int machine_place(Machine *m, const Place *map, size_t len, Error *err)
{
    static int (*const steps[])(Machine *, Device *, const Place *, Error *) = {
        plug_place, wire_place, finish_place,
    };
    int ret = 0;

    as_begin(m->mem);
    as_begin(m->io);
    for (size_t i = 0; i < len; i++) {
        append_device(m, device_new(map[i].type, map[i].id, m->clock, m->mem, m->io));
    }
    for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
        for (size_t i = 0; i < len && ret == 0; i++) {
            ret = steps[s](m, machine_find(m, map[i].id), &map[i], err);
        }
    }
    as_commit(m->io);
    as_commit(m->mem);
    return ret;
}

/* A card the user did not name is the board's first. */
static int check_nics(const QEMUMachine *t, MachineConfig *c, Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(c->nic) && c->nic[i]; i++) {
        NICInfo *info = c->nic[i];

        if (!t->nic_models) {
            return error_set(err, ENODEV, "%s: -net nic: this board takes no network card",
                             t->name);
        }
        if (!info->model) {
            info->model = xstrndup(t->nic_models, strcspn(t->nic_models, " "));
        }
        if (!net_list_has(t->nic_models, info->model)) {
            return error_set(err, EINVAL, "%s: -net nic: no model '%s'; there are %s", t->name,
                             info->model, t->nic_models);
        }
    }
    return 0;
}

/* After init(): the board has taken every one. */
static int check_nics_are_used(const Machine *m, Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(m->config.nic) && m->config.nic[i]; i++) {
        const NICInfo *info = m->config.nic[i];

        if (!info->nic) {
            return error_set(err, ENOSPC, "%s: -net nic: no place for card %zu, %s",
                             m->type->name, i + 1, info->model);
        }
    }
    return 0;
}

static int check_config(const QEMUMachine *t, MachineConfig *c, Error *err)
{
    c->cpu_model = c->cpu_model ? c->cpu_model : t->cpu;
    c->ram_size = c->ram_size ? c->ram_size : t->ram_default;
    c->num_cpus = c->num_cpus ? c->num_cpus : 1;
    c->boot_order = c->boot_order ? c->boot_order : "cad";
    if (c->ram_size > t->ram_max) {
        return error_set(err, EINVAL, "%s: %" PRIu64 " MiB of RAM are too much, "
                         "at most -m %" PRIu64, t->name, c->ram_size >> 20,
                         t->ram_max >> 20);
    }
    if (c->num_cpus > t->max_cpus) {
        return error_set(err, EINVAL, "%s: %d CPUs are too many, at most -smp %d",
                         t->name, c->num_cpus, t->max_cpus);
    }
    return check_nics(t, c, err);
}

int machine_new(Machine **out, const QEMUMachine *t, const MachineConfig *c,
                Clock *clock, Error *err)
{
    MachineConfig config = *c;
    int ret = machine_check(t, err);

    *out = NULL;
    ret = ret < 0 ? ret : check_config(t, &config, err);
    if (ret < 0) {
        return ret;
    }
    Machine *m = xzalloc(sizeof(*m));
    m->type = t;
    m->config = config;
    m->clock = clock;
    m->mem = as_new("memory", 1ull << PHYS_BITS);
    m->io = as_new("io", PORTS);
    m->resolver = (PropResolver){ resolve, m };
    ret = t->init(m, err);
    ret = ret < 0 ? ret : check_nics_are_used(m, err);
    if (ret < 0) {
        machine_free(m);
        return ret;
    }
    machine_reset(m);
    *out = m;
    return 0;
}

void machine_free(Machine *m)
{
    if (!m) {
        return;
    }
    /* No tables of addresses any more: regions show regions of others. */
    as_begin(m->mem);
    as_begin(m->io);
    while (m->devices) {                /* last in, first out: by their wires */
        Device *d = m->devices;

        while (d->next) {
            d = d->next;
        }
        machine_remove_device(m, d);
    }
    if (m->config.cpus_free) {
        m->config.cpus_free(m->config.request_opaque);
    }
    free_hubs(m);
    free(m->pci);
    as_free(m->io);
    as_free(m->mem);
    if (m->board_free) {
        m->board_free(m);
    }
    free(m);
}

void machine_reset(Machine *m)
{
    for (WireHub *hub = m->hubs; hub; hub = hub->next) {
        hub->high = 0;
    }
    for (Device *d = m->devices; d; d = d->next) {
        device_reset(d);
    }
    for (int i = 0; i < m->num_cpus; i++) {
        m->cpu[i]->common.ops->reset(m->cpu[i]);
    }
    if (m->board_reset) {
        m->board_reset(m);
    }
}

void machine_request(Machine *m, MachineRequest what, int code)
{
    if (m->config.request) {
        m->config.request(m->config.request_opaque, what, code);
    }
}

/* -- -device ----------------------------------------------------------------- */

typedef struct DeviceOptions {
    Machine *m;
    Device *d;
    char *id;                           /* id= */
    int devfn;                          /* addr=, -1: any */
} DeviceOptions;

/* "3" or "3.1", hexadecimal as in PCI addresses. */
static int parse_devfn(const char *s, int *devfn, Error *err)
{
    unsigned slot, fn = 0;
    char rest;

    if ((sscanf(s, "%x%c", &slot, &rest) != 1 &&
         sscanf(s, "%x.%u%c", &slot, &fn, &rest) != 2) || slot > 31 || fn > 7) {
        return error_set(err, EINVAL, "-device: addr=%s is not SLOT or SLOT.FN "
                         "with SLOT 0..1f and FN 0..7", s);
    }
    *devfn = PCI_DEVFN((int)slot, (int)fn);
    return 0;
}

/* First what is not a property of the device. */
static int take_common(void *opaque, const char *name, const char *value, Error *err)
{
    DeviceOptions *o = opaque;

    if (!strcmp(name, "id")) {
        if (machine_find(o->m, value)) {
            return error_set(err, EEXIST, "-device: there is already a device "
                             "called '%s'", value);
        }
        if (!*value) {
            return error_set(err, EINVAL, "-device: id= is empty");
        }
        free(o->id);
        o->id = xstrdup(value);
    } else if (!strcmp(name, "addr")) {
        return parse_devfn(value, &o->devfn, err);
    }
    return 0;
}

/* A device with a property "bus" (an IDE drive) finds its place by itself. */
static bool has_bus_prop(const Device *d)
{
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        if (!strcmp(p->name, "bus")) {
            return true;
        }
    }
    return false;
}

/* A property "bus" nobody set: the first device that has such a bus. */
static void default_bus(const Machine *m, Device *d)
{
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        if (strcmp(p->name, "bus") || p->kind != PROP_LINK) {
            continue;
        }
        Device **link = (Device **)(void *)((char *)d + p->field);
        for (Device *h = m->devices; h && !*link; h = h->next) {
            if (h->type->has_bus && !strcmp(h->type->has_bus, d->type->bus)) {
                *link = h;
            }
        }
    }
}

/* Of "pci" and "isa" there is one each, called "pci.0" and "isa.0". */
static int check_bus_name(const DeviceType *t, const char *name, Error *err)
{
    const char *bus = t->bus ? t->bus : "sys";
    size_t len = strlen(bus);

    if (strncmp(name, bus, len) || (name[len] && strcmp(name + len, ".0"))) {
        return error_set(err, EINVAL, "%s: bus=%s: it goes into %s.0", t->name, name, bus);
    }
    return 0;
}

static int set_user_prop(void *opaque, const char *name, const char *value, Error *err)
{
    DeviceOptions *o = opaque;

    if (!strcmp(name, "id") || !strcmp(name, "addr")) {
        return 0;
    }
    if (!strcmp(name, "bus") && !has_bus_prop(o->d)) {
        return check_bus_name(o->d->type, value, err);
    }
    return device_set_prop(o->d, name, value, &o->m->resolver, err);
}

static const uint32_t *u32_prop(const Device *d, const char *name)
{
    for (const PropDef *p = d->type->props; p && p->name; p++) {
        if (!strcmp(p->name, name) && p->kind == PROP_U32) {
            return (const uint32_t *)(const void *)((const char *)d + p->field);
        }
    }
    return NULL;
}

/* An ISA card has jumpers: properties "irq" and "iobase". */
static int plug_isa(Machine *m, Device *d, int devfn, Error *err)
{
    const uint32_t *irq = u32_prop(d, "irq");
    qemu_irq wire;

    if (!machine_find(m, "isa")) {
        return error_set(err, ENODEV, "%s: %s has no ISA bus", d->type->name,
                         m->type->name);
    }
    if (devfn >= 0) {
        return error_set(err, EINVAL, "%s: addr= is for PCI devices", d->type->name);
    }
    if (irq && d->type->num_irqs) {
        int ret = machine_wire(m, "isa", (int)*irq, &wire, err);

        if (ret < 0) {
            return ret;
        }
        device_connect(d, 0, wire);
    }
    return 0;
}

static int plug_user(Machine *m, Device *d, int devfn, Error *err)
{
    const char *bus = d->type->bus ? d->type->bus : "sys";

    if (!strcmp(bus, "isa")) {
        return plug_isa(m, d, devfn, err);
    }
    if (has_bus_prop(d)) {
        return 0;
    }
    if (!strcmp(bus, "pci") && m->pci) {
        return pci_plug(m->pci, (PCIDevice *)d, devfn, err);
    }
    return error_set(err, ENODEV, "%s: %s has no %s bus for it", d->type->name,
                     m->type->name, bus);
}

static const DeviceType *find_type(const char *name, size_t len)
{
    for (const DeviceType *const *t = device_types; *t; t++) {
        if (strlen((*t)->name) == len && !memcmp((*t)->name, name, len)) {
            return *t;
        }
    }
    return NULL;
}

static int check_iobase(const Device *d, Error *err)
{
    const uint32_t *iobase = u32_prop(d, "iobase");
    const WindowDef *w = window_def(d->type, 0);

    if (iobase && w && (uint64_t)*iobase + w->size > PORTS) {
        return error_set(err, ERANGE, "%s: iobase=0x%x is no port, they end at 0x%x",
                         d->type->name, *iobase, PORTS - 1);
    }
    return 0;
}

static int build_user_device(DeviceOptions *o, const char *options, Error *err)
{
    int ret = for_each_option(options, o, err, set_user_prop);

    default_bus(o->m, o->d);
    ret = ret < 0 ? ret : plug_user(o->m, o->d, o->devfn, err);
    ret = ret < 0 ? ret : check_iobase(o->d, err);
    ret = ret < 0 ? ret : device_realize(o->d, err);
    if (ret < 0) {
        return ret;
    }
    const uint32_t *iobase = u32_prop(o->d, "iobase");
    if (iobase && window_def(o->d->type, 0)) {
        device_map(o->d, 0, *iobase, PLACE_PRIORITY);
    }
    if (o->m->device_added) {
        o->m->device_added(o->m, o->d);
    }
    device_reset(o->d);
    return 0;
}

int machine_add_device(Machine *m, const char *spec, Error *err)
{
    size_t len = strcspn(spec, ",");
    const DeviceType *t = find_type(spec, len);
    DeviceOptions o = { .m = m, .devfn = -1 };
    int ret;

    if (!t || !t->user_creatable) {
        return error_set(err, ENODEV, "-device: %s '%.*s', see -device help",
                         t ? "the board decides about" : "no device called",
                         (int)len, spec);
    }
    ret = for_each_option(spec + len, &o, err, take_common);
    if (ret == 0) {
        o.d = device_new(t, o.id, m->clock, m->mem, m->io);
        set_rtc_base(m, o.d);
        append_device(m, o.d);
        ret = build_user_device(&o, spec + len, err);
        if (ret < 0) {
            machine_remove_device(m, o.d);
        }
    }
    free(o.id);
    return ret;
}

/* -- Firmware ---------------------------------------------------------------- */

/* dir/name if it can be read, else NULL. */
static char *try_dir(const char *dir, size_t len, const char *name)
{
    char *path = xasprintf("%.*s/%s", (int)len, dir, name);

    if (access(path, R_OK) == 0) {
        return path;
    }
    free(path);
    return NULL;
}

/* A directory relative to the one with the program. */
static char *try_beside(const char *dir, const char *name)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    if (len <= 0) {
        return NULL;
    }
    exe[len] = 0;
    char *slash = strrchr(exe, '/');
    char *full = xasprintf("%.*s/%s", (int)(slash ? slash - exe : 0), exe, dir);
    char *path = try_dir(full, strlen(full), name);

    free(full);
    return path;
}

char *machine_find_firmware(const Machine *m, const char *name)
{
    const char *dirs = CONFIG_FIRMWARE_DIRS;
    char *path = NULL;

    if (strchr(name, '/')) {
        return access(name, R_OK) == 0 ? xstrdup(name) : NULL;
    }
    if (m->config.firmware_dir) {
        path = try_dir(m->config.firmware_dir, strlen(m->config.firmware_dir), name);
    }
    path = path ? path : try_beside("pc-bios", name);
    path = path ? path : try_beside("../share/qemu", name);
    while (!path && *dirs) {
        size_t len = strcspn(dirs, ":");

        path = try_dir(dirs, len, name);
        dirs += len + (dirs[len] == ':');
    }
    return path;
}
