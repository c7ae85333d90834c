/* SPDX-License-Identifier: MIT */
/*
 * Commands that look at memory and ports: x, xp, print, i, o, memsave,
 * pmemsave, sum.
 *
 * Virtual addresses are translated as the default CPU would, without faults.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disas.h"
#include "exec.h"
#include "monitor/command.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_DUMP = 1 << 20, SAVE_CHUNK = 65536, MAX_INSN = 16 };

/* -- Reading guest memory ---------------------------------------------------- */

typedef struct VirtualRead {
    uint64_t addr, len;
    void *buf;
    int ret;
} VirtualRead;

static void read_virtual(CPUState *cpu, void *opaque)
{
    VirtualRead *v = opaque;

    v->ret = cpu_memory_rw_debug(cpu, v->addr, v->buf, v->len, false);
}

/* False: there is no such memory, which was said. */
static bool read_memory(Monitor *mon, bool physical, uint64_t addr, void *buf,
                        uint64_t len)
{
    VirtualRead v = { addr, len, buf, 0 };

    if (physical) {
        as_read(mon->ops.machine->mem, addr, buf, len);
        return true;
    }
    CPUState *cpu = monitor_cpu(mon);
    if (!cpu) {
        return false;
    }
    run_on_cpu(cpu, read_virtual, &v);
    if (v.ret < 0) {
        monitor_printf(mon, "cannot access memory at 0x%" PRIx64 "\n", addr);
    }
    return v.ret == 0;
}

/* -- x, xp ------------------------------------------------------------------- */

static void put_value(Monitor *mon, char kind, unsigned size, uint64_t val)
{
    int64_t sval = (int64_t)(val << (64 - 8 * size)) >> (64 - 8 * size);

    switch (kind) {
    case 'd':
        monitor_printf(mon, "%" PRId64, sval);
        break;
    case 'u':
        monitor_printf(mon, "%" PRIu64, val);
        break;
    case 'o':
        monitor_printf(mon, "0%" PRIo64, val);
        break;
    case 'c':
        if (val >= 0x20 && val < 0x7f) {
            monitor_printf(mon, "'%c'", (int)val);
        } else {
            monitor_printf(mon, "'\\x%02" PRIx64 "'", val);
        }
        break;
    default:
        monitor_printf(mon, "0x%0*" PRIx64, (int)size * 2, val);
        break;
    }
}

static void dump_values(Monitor *mon, const Format *f, bool physical, uint64_t addr)
{
    unsigned per_line = f->kind == 'c' ? 8 : 16 / f->size;
    uint8_t buf[16];

    for (int left = f->count; left > 0;) {
        unsigned n = MIN((unsigned)left, per_line);

        if (!read_memory(mon, physical, addr, buf, n * f->size)) {
            return;
        }
        monitor_printf(mon, "%08" PRIx64 ":", addr);
        for (unsigned i = 0; i < n; i++) {
            monitor_put(mon, " ");
            put_value(mon, f->kind, f->size, load_le(buf + i * f->size, f->size));
        }
        monitor_put(mon, "\n");
        addr += n * f->size;
        left -= (int)n;
    }
}

/* Lines of disas_guest(); one without text continues the one before. */
typedef struct InsnLines {
    Monitor *mon;
    int left;
    bool any;
} InsnLines;

static void put_insn(void *opaque, const char *line)
{
    InsnLines *l = opaque;
    size_t n = strlen(line);
    bool continues = l->any && n > 3 && !strcmp(line + n - 3, "  \n");

    if (!continues && l->left-- <= 0) {
        l->left = 0;
        return;
    }
    l->any = true;
    monitor_put(l->mon, line);
}

typedef struct ModeQuery { int arch, mode; } ModeQuery;

static void query_mode(CPUState *cpu, void *opaque)
{
    ModeQuery *q = opaque;
    const CPUOps *ops = cpu->common.ops;

    q->mode = ops->disas_mode ? ops->disas_mode(ops->tb_key(cpu).flags, &q->arch) : -1;
}

static void dump_insns(Monitor *mon, const Format *f, bool physical, uint64_t addr)
{
    CPUState *cpu = monitor_cpu(mon);
    ModeQuery q = { 0, -1 };
    size_t len = (size_t)f->count * MAX_INSN;
    InsnLines lines = { mon, f->count, false };

    if (!cpu) {
        return;
    }
    uint8_t *code = xmalloc(len);
    run_on_cpu(cpu, query_mode, &q);
    /* What lies behind the last instruction may be unmapped. */
    size_t want = MIN(len, TARGET_PAGE_SIZE - (addr & (TARGET_PAGE_SIZE - 1)));
    if (read_memory(mon, physical, addr, code, want)) {
        VirtualRead rest = { addr + want, len - want, code + want, 0 };

        if (len > want && physical) {
            as_read(mon->ops.machine->mem, rest.addr, rest.buf, rest.len);
        } else if (len > want) {
            run_on_cpu(cpu, read_virtual, &rest);
        }
        disas_guest(q.arch, q.mode, addr, code, rest.ret < 0 ? want : len, put_insn,
                    &lines);
    }
    free(code);
}

static void dump_memory(Monitor *mon, const Args *a, bool physical)
{
    Format *f = &mon->last_x;

    f->kind = a->format.kind ? a->format.kind : f->kind ? f->kind : 'x';
    f->size = a->format.size ? a->format.size
            : a->format.kind == 'c' ? 1 : f->size ? f->size : 4;
    f->count = a->format.count > 0 ? MIN(a->format.count, MAX_DUMP) : 1;
    if (f->kind == 'i') {
        dump_insns(mon, f, physical, (uint64_t)a->v[0].i);
    } else {
        dump_values(mon, f, physical, (uint64_t)a->v[0].i);
    }
}

void cmd_x(Monitor *mon, const Args *a)
{
    dump_memory(mon, a, false);
}

void cmd_xp(Monitor *mon, const Args *a)
{
    dump_memory(mon, a, true);
}

/* -- print, ports ------------------------------------------------------------ */

void cmd_print(Monitor *mon, const Args *a)
{
    char kind = a->format.kind ? a->format.kind : 'x';
    uint64_t val = (uint64_t)a->v[0].i;

    if (kind == 'x') {
        monitor_printf(mon, "%#" PRIx64, val);
    } else {
        put_value(mon, kind, kind == 'c' ? 1 : 8, kind == 'c' ? val & 0xff : val);
    }
    monitor_put(mon, "\n");
}

static AddressSpace *port_space(Monitor *mon)
{
    if (!mon->ops.machine->io) {
        monitor_printf(mon, "this machine has no ports\n");
    }
    return mon->ops.machine->io;
}

static unsigned port_size(const Args *a)
{
    unsigned size = a->format.size ? a->format.size : 1;

    return MIN(size, 4);
}

/* With an index: written to the port, the data is behind it. */
void cmd_in(Monitor *mon, const Args *a)
{
    AddressSpace *io = port_space(mon);
    uint64_t port = (uint64_t)a->v[0].i & 0xffff;
    unsigned size = port_size(a);

    if (!io) {
        return;
    }
    if (a->v[1].given) {
        as_store(io, port++, (uint64_t)a->v[1].i & 0xff, 1);
    }
    monitor_printf(mon, "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n",
                   size == 1 ? 'b' : size == 2 ? 'w' : 'l', port, (int)size * 2,
                   as_load(io, port & 0xffff, size));
}

void cmd_out(Monitor *mon, const Args *a)
{
    AddressSpace *io = port_space(mon);

    if (io) {
        as_store(io, (uint64_t)a->v[0].i & 0xffff, (uint64_t)a->v[1].i, port_size(a));
    }
}

/* A length no machine has is a typing mistake, and would take for ever. */
static bool good_length(Monitor *mon, int64_t len)
{
    if (len < 0 || len > 1ll << 40) {
        monitor_printf(mon, "%" PRId64 ": the size must be 0 to 1 TiB\n", len);
        return false;
    }
    return true;
}

/* -- Files ------------------------------------------------------------------- */

static void save(Monitor *mon, const Args *a, bool physical)
{
    uint64_t addr = (uint64_t)a->v[0].i, left = (uint64_t)a->v[1].i;

    if (!good_length(mon, a->v[1].i)) {
        return;
    }
    FILE *f = fopen(a->v[2].s, "wb");
    uint8_t *buf = xmalloc(SAVE_CHUNK);

    while (f && left) {
        uint64_t n = MIN(left, SAVE_CHUNK);

        if (!read_memory(mon, physical, addr, buf, n) || fwrite(buf, 1, n, f) != n) {
            break;
        }
        addr += n;
        left -= n;
    }
    if (!f || fclose(f) != 0) {
        monitor_printf(mon, "%s: %s\n", a->v[2].s, strerror(errno));
    }
    free(buf);
}

void cmd_memsave(Monitor *mon, const Args *a)
{
    save(mon, a, false);
}

void cmd_pmemsave(Monitor *mon, const Args *a)
{
    save(mon, a, true);
}

/* The 16-bit sum of BSD's sum(1). */
void cmd_sum(Monitor *mon, const Args *a)
{
    uint64_t addr = (uint64_t)a->v[0].i, left = (uint64_t)a->v[1].i;
    uint32_t sum = 0;

    if (!good_length(mon, a->v[1].i)) {
        return;
    }
    uint8_t *buf = xmalloc(SAVE_CHUNK);

    while (left) {
        uint64_t n = MIN(left, SAVE_CHUNK);

        as_read(mon->ops.machine->mem, addr, buf, n);
        for (uint64_t i = 0; i < n; i++) {
            sum = ((sum >> 1 | sum << 15) + buf[i]) & 0xffff;
        }
        addr += n;
        left -= n;
    }
    monitor_printf(mon, "%05u\n", sum);
    free(buf);
}
