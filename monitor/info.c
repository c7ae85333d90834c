/* SPDX-License-Identifier: MIT */
/* The `info` commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "hw/misc/leds.h"
#include "monitor/command.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- The program and the machine --------------------------------------------- */

static void info_version(Monitor *mon, const Args *a)
{
    (void)a;
    monitor_put(mon, CONFIG_VERSION "\n");
}

static void info_name(Monitor *mon, const Args *a)
{
    (void)a;
    if (mon->ops.name) {
        monitor_printf(mon, "%s\n", mon->ops.name);
    }
}

static void info_status(Monitor *mon, const Args *a)
{
    static const char *const why[] = {
        [STOP_USER] = "", [STOP_DEBUG] = " (debug)", [STOP_SHUTDOWN] = " (shutdown)",
        [STOP_IO_ERROR] = " (io-error)", [STOP_SAVE] = " (save-vm)",
        [STOP_PANIC] = " (guest-panicked)",
    };
    CPUs *cpus = mon->ops.cpus;

    (void)a;
    if (cpus && vm_running(cpus)) {
        monitor_put(mon, "VM status: running\n");
    } else {
        monitor_printf(mon, "VM status: paused%s\n", cpus ? why[vm_stop_reason(cpus)] : "");
    }
}

static void info_history(Monitor *mon, const Args *a)
{
    (void)a;
    for (int i = 0; i < mon->line.num_history; i++) {
        monitor_printf(mon, "%d: '%s'\n", i, mon->line.history[i]);
    }
}

static void info_chardev(Monitor *mon, const Args *a)
{
    (void)a;
    chr_dump(monitor_put, mon);
}

static void put_pointer(void *opaque, int n, const char *name, bool absolute, bool active)
{
    monitor_printf(opaque, "%c Mouse #%d: %s%s\n", active ? '*' : ' ', n, name,
                   absolute ? " (absolute)" : "");
}

static void info_mice(Monitor *mon, const Args *a)
{
    (void)a;
    input_dump_pointers(put_pointer, mon);
}

static void put_line(void *mon, const char *text)
{
    monitor_put(mon, text);
    monitor_put(mon, "\n");
}

static void info_block(Monitor *mon, const Args *a)
{
    (void)a;
    blk_dump(put_line, mon);
}

static void info_blockstats(Monitor *mon, const Args *a)
{
    (void)a;
    blk_dump_stats(put_line, mon);
}

/* -- CPUs -------------------------------------------------------------------- */

typedef void CPUDump(CPUState *cpu, void (*put)(void *, const char *), void *opaque);

typedef struct DumpJob {
    CPUDump *dump;
    Monitor *mon;
} DumpJob;

static void run_dump(CPUState *cpu, void *opaque)
{
    DumpJob *job = opaque;

    job->dump(cpu, monitor_put, job->mon);
}

static void dump_cpu(Monitor *mon, CPUState *cpu, CPUDump *dump)
{
    DumpJob job = { dump, mon };

    if (cpu && dump) {
        run_on_cpu(cpu, run_dump, &job);
    } else if (cpu) {
        monitor_put(mon, "this CPU cannot tell\n");
    }
}

static void info_registers(Monitor *mon, const Args *a)
{
    CPUState *cpu = monitor_cpu(mon);

    (void)a;
    dump_cpu(mon, cpu, cpu ? cpu->common.ops->dump_state : NULL);
}

static void info_mem(Monitor *mon, const Args *a)
{
    CPUState *cpu = monitor_cpu(mon);

    (void)a;
    dump_cpu(mon, cpu, cpu ? cpu->common.ops->dump_mem : NULL);
}

static void info_tlb(Monitor *mon, const Args *a)
{
    CPUState *cpu = monitor_cpu(mon);

    (void)a;
    dump_cpu(mon, cpu, cpu ? cpu->common.ops->dump_tlb : NULL);
}

typedef struct CPULine {
    uint32_t pc;
    bool halted;
} CPULine;

static void query_line(CPUState *cpu, void *opaque)
{
    CPULine *l = opaque;
    TBKey key = cpu->common.ops->tb_key(cpu);

    l->pc = key.pc + key.cs_base;
    l->halted = cpu->common.halted;
}

static void info_cpus(Monitor *mon, const Args *a)
{
    (void)a;
    for (int i = 0; mon->ops.cpus && i < cpus_num(mon->ops.cpus); i++) {
        CPULine l;

        run_on_cpu(cpus_get(mon->ops.cpus, i), query_line, &l);
        monitor_printf(mon, "%c CPU #%d: pc=0x%08x%s\n", i == mon->cpu ? '*' : ' ', i,
                       l.pc, l.halted ? " (halted)" : "");
    }
}

static void info_jit(Monitor *mon, const Args *a)
{
    (void)a;
    if (monitor_cpu(mon)) {
        cpus_dump_jit(mon->ops.cpus, monitor_put, mon);
    }
}

/* -- Devices ----------------------------------------------------------------- */

static void info_pci(Monitor *mon, const Args *a)
{
    (void)a;
    if (mon->ops.machine->pci) {
        pci_dump(mon->ops.machine->pci, monitor_put, mon);
    } else {
        monitor_put(mon, "this machine has no PCI bus\n");
    }
}

static void info_mtree(Monitor *mon, const Args *a)
{
    (void)a;
    as_dump(mon->ops.machine->mem, monitor_put, mon);
    if (mon->ops.machine->io) {
        as_dump(mon->ops.machine->io, monitor_put, mon);
    }
}

static void info_qtree(Monitor *mon, const Args *a)
{
    (void)a;
    for (const Device *d = mon->ops.machine->devices; d; d = d->next) {
        device_dump(d, monitor_put, mon);
    }
}

/* What a snapshot would hold; long arrays only by their length. */
static void dump_fields(Monitor *mon, const VMField *f, const void *state, int indent)
{
    enum { SHOWN = 16 };

    for (; f->name; f++) {
        const uint8_t *p = (const uint8_t *)state + f->offset;

        monitor_printf(mon, "%*s%s", indent, "", f->name);
        if (f->kind == VM_KIND_STRUCT) {
            monitor_put(mon, "\n");
            for (uint32_t i = 0; i < f->num; i++) {
                dump_fields(mon, f->sub, p + i * f->size, indent + 2);
            }
            continue;
        }
        if (f->kind == VM_KIND_TIMER) {
            const Timer *t = (const Timer *)(const void *)p;

            monitor_printf(mon, t->armed ? " = at %" PRId64 " ns\n" : " = not set\n",
                           t->deadline);
            continue;
        }
        monitor_put(mon, " =");
        for (uint32_t i = 0; i < MIN(f->num, SHOWN); i++) {
            monitor_printf(mon, " 0x%" PRIx64, load_le(p + i * f->size, f->size));
        }
        if (f->num > SHOWN) {
            monitor_printf(mon, " ... (%u in all)", f->num);
        }
        monitor_put(mon, "\n");
    }
}

static void dump_device(Monitor *mon, const Device *d)
{
    device_dump(d, monitor_put, mon);
    if (d->type->vmstate) {
        dump_fields(mon, d->type->vmstate, d, 4);
    }
}

static void info_device(Monitor *mon, const Args *a)
{
    const Device *d = a->v[0].given ? machine_find(mon->ops.machine, a->v[0].s) : NULL;

    if (d) {
        dump_device(mon, d);
        return;
    }
    if (a->v[0].given) {
        monitor_printf(mon, "there is no device called '%s'; there are:\n", a->v[0].s);
    }
    for (d = mon->ops.machine->devices; d; d = d->next) {
        monitor_printf(mon, "%-12s %s\n", d->id ? d->id : "", d->type->name);
    }
}

/* The devices that are interrupt controllers: a board has other names. */
static void info_pic(Monitor *mon, const Args *a)
{
    static const char *const names[] = { "8259", "apic", "pic", "vic", "gic", "intc" };

    (void)a;
    for (const Device *d = mon->ops.machine->devices; d; d = d->next) {
        bool is_one = false;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            is_one |= strstr(d->type->name, names[i]) != NULL;
        }
        if (is_one) {
            dump_device(mon, d);
        }
    }
}

static void info_irq(Monitor *mon, const Args *a)
{
    const PCIBus *pci = mon->ops.machine->pci;

    (void)a;
    for (size_t i = 0; pci && i < ARRAY_SIZE(pci->irq_count); i++) {
        if (pci->irq_count[i]) {
            monitor_printf(mon, "PCI line %zu: %d device(s) pull it\n", i,
                           pci->irq_count[i]);
        }
    }
    info_pic(mon, a);
}

static void info_leds(Monitor *mon, const Args *a)
{
    Led led;

    (void)a;
    for (const Device *d = mon->ops.machine->devices; d; d = d->next) {
        for (int n = 0; leds_get(d, n, &led); n++) {
            monitor_printf(mon, "%-12s %s, %" PRIu64 " changes\n", led.name,
                           led.on ? "on" : "off", led.changes);
        }
    }
}

/* clang-format off */
const Command infos[] = {
    { "version", "", "", "show the version", info_version },
    { "name", "", "", "show the name of this machine (-name)", info_name },
    { "status", "", "", "show whether the machine runs", info_status },
    { "chardev", "", "", "show the character devices", info_chardev },
    { "network", "", "", "show the networks and the cards on them", info_network },
    { "usernet", "", "", "show the connections of user networks", info_usernet },
    { "block", "", "", "show the drives", info_block },
    { "blockstats", "", "", "show what the drives did", info_blockstats },
    { "block-jobs", "", "", "show the jobs that copy drives", info_block_jobs },
    { "snapshots", "", "", "show the snapshots inside of images", info_snapshots },
    { "registers", "", "", "show the CPU registers", info_registers },
    { "cpus", "", "", "show the CPUs", info_cpus },
    { "mem", "", "", "show the active virtual memory mappings", info_mem },
    { "tlb", "", "", "show the mapping of each page", info_tlb },
    { "jit", "", "", "show the state of the translator", info_jit },
    { "pic", "", "", "show the interrupt controllers", info_pic },
    { "irq", "", "", "show which interrupts are pending", info_irq },
    { "pci", "", "", "show the PCI devices", info_pci },
    { "usb", "", "", "show the USB devices", info_usb },
    { "mtree", "", "", "show the memory map and the ports", info_mtree },
    { "qtree", "", "", "show all devices and their properties", info_qtree },
    { "device", "", "[id]", "show all that a device remembers", info_device },
    { "leds", "", "", "show the lamps and buzzers of the board", info_leds },
    { "mice", "", "", "show which pointer gets events", info_mice },
    { "history", "", "", "show the command line history", info_history },
    { NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */
