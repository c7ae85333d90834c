/* SPDX-License-Identifier: MIT */
/*
 * The PC's processors and what is soldered to their pins.
 *
 *   8259 INT --> LINT0 of local APIC 0 --> INTR     (isapc: INT --> INTR)
 *   INTA: local APIC, else the 8259s
 *   A20M#: all processors      SMI#: the first      SMIACT# --> host bridge
 *   FERR# --> IRQ 13 latch     SHUTDOWN cycle --> reset
 */
#include "hw/boards/pc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "hw/intc/i8259.h"
#include "hw/intc/lapic.h"
#include "target-i386/cpu.h"
#include "util/bits.h"

#define APIC_BASE 0xfee00000u
enum { APIC_PAGE = 0x1000, APIC_PRIORITY = 4 };
/* IA32_APIC_BASE without the flags of its low 12 bits. */
#define APIC_BASE_MASK 0xffffff000ull

/* -- Pins that come in ------------------------------------------------------- */

static void set_intr(void *opaque, int n, int level)
{
    Machine *m = opaque;

    if (level) {
        cpu_interrupt(m->cpu[n], CPU_INTERRUPT_HARD);
    } else {
        cpu_reset_interrupt(m->cpu[n], CPU_INTERRUPT_HARD);
    }
}

static void set_a20(Machine *m, int level)
{
    for (int i = 0; i < m->num_cpus; i++) {
        if (x86_env(m->cpu[i])->a20_pin != (uint32_t)level) {
            x86_set_a20(m->cpu[i], level);
        }
    }
}

static void set_pin(void *opaque, int n, int level)
{
    Machine *m = opaque;
    Pc *pc = m->board;

    switch (n) {
    case PC_NMI:                        /* by edge */
        if (level && !pc->nmi_level && !pc->nmi_masked) {
            cpu_interrupt(m->cpu[0], CPU_INTERRUPT_NMI);
        }
        pc->nmi_level = level != 0;
        break;
    case PC_NMI_MASK:
        pc->nmi_masked = level != 0;
        break;
    case PC_SMI:                        /* by edge */
        if (level) {
            cpu_interrupt(m->cpu[0], CPU_INTERRUPT_SMI);
        }
        break;
    case PC_A20:
        set_a20(m, level);
        break;
    default:
        break;
    }
}

static void set_board_pin(void *opaque, int n, int level)
{
    if (level) {
        machine_request(opaque, n == PC_RESET ? MACHINE_REQUEST_RESET
                                              : MACHINE_REQUEST_SHUTDOWN, 0);
    }
}

static qemu_irq cpu_input(Machine *m, int n)
{
    if (n == PC_RESET || n == PC_POWER_OFF) {
        return (qemu_irq){ set_board_pin, m, n };
    }
    if (n >= PC_INTR) {
        int i = n - PC_INTR;

        return i < m->num_cpus ? (qemu_irq){ set_intr, m, i }
                               : (qemu_irq){ NULL, NULL, 0 };
    }
    return m->num_cpus ? (qemu_irq){ set_pin, m, n } : (qemu_irq){ NULL, NULL, 0 };
}

/* -- Pins that go out; opaque is a PcCpu ------------------------------------- */

static int intack(void *opaque)
{
    PcCpu *c = opaque;
    int vector = c->lapic ? lapic_get_interrupt(c->lapic) : -1;

    if (vector < 0 && (!c->lapic || lapic_accepts_pic(c->lapic))) {
        vector = i8259_intack(c->pic);
    }
    return vector;
}

static void set_input(Machine *m, const char *id, int level)
{
    Device *d = machine_find(m, id);

    if (d) {
        qemu_set_irq(device_input(d, 0), level);
    }
}

static void ferr(void *opaque, int level)
{
    set_input(((PcCpu *)opaque)->m, "ferr", level);
}

static void smiact(void *opaque, bool active)
{
    set_input(((PcCpu *)opaque)->m, "i440fx", active);
}

static void shutdown_cycle(void *opaque)
{
    machine_request(((PcCpu *)opaque)->m, MACHINE_REQUEST_RESET, 0);
}

static uint64_t get_apic_base(void *opaque)
{
    return lapic_base(((PcCpu *)opaque)->lapic);
}

/* One page for all processors: where the first one puts it. */
static void set_apic_base(void *opaque, uint64_t val)
{
    PcCpu *c = opaque;
    Pc *pc = c->m->board;

    lapic_set_base(c->lapic, val);
    if (c == &pc->cpu[0] && pc->apic_page.addr != (val & APIC_BASE_MASK)) {
        region_unmap(&pc->apic_page);
        region_map(c->m->mem, &pc->apic_page, val & APIC_BASE_MASK, APIC_PRIORITY);
    }
}

/* -- Local APICs ------------------------------------------------------------- */

static void apic_nmi(void *cpu) { cpu_interrupt(cpu, CPU_INTERRUPT_NMI); }
static void apic_smi(void *cpu) { cpu_interrupt(cpu, CPU_INTERRUPT_SMI); }
/* One that waits for a SIPI is in the state INIT leads to. */
static void apic_init(void *cpu)
{
    if (!x86_env(cpu)->wait_for_sipi) {
        cpu_interrupt(cpu, CPU_INTERRUPT_INIT);
    }
}

static void apic_sipi(void *cpu, uint8_t vector) { x86_send_sipi(cpu, vector); }

static const LapicCpuOps apic_cpu_ops = {
    .nmi = apic_nmi, .smi = apic_smi, .init = apic_init, .sipi = apic_sipi,
};

/* The page shows the APIC of the processor that asks. */
static Device *current_lapic(Machine *m)
{
    CPUState *cpu = cpu_current();
    Pc *pc = m->board;

    return pc->cpu[cpu ? cpu->common.cpu_index : 0].lapic;
}

static uint64_t apic_read(void *opaque, hwaddr offset, unsigned size)
{
    return device_read(current_lapic(opaque), 0, offset, size);
}

static void apic_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    device_write(current_lapic(opaque), 0, offset, val, size);
}

static const MemoryRegionOps apic_ops = { apic_read, apic_write, 1, 4 };

void pc_map_apics(Machine *m)
{
    Pc *pc = m->board;

    pc->cpu[0].lapic = machine_find(m, "lapic0");
    region_init_io(&pc->apic_page, "local apic", APIC_PAGE, &apic_ops, m);
    region_map(m->mem, &pc->apic_page, APIC_BASE, APIC_PRIORITY);
}

/* The first is in the board's table. */
int pc_place_lapics(Machine *m, Error *err)
{
    int ret = 0;

    for (int i = 1; i < m->num_cpus && ret == 0; i++) {
        char id[24], props[48];
        Place row = { .id = id, .type = &lapic_type, .props = props,
                      .irq = { { "cpu", PC_INTR + i } } };

        snprintf(id, sizeof(id), "lapic%d", i);
        snprintf(props, sizeof(props), "id=%d,bsp=off,bus=apic-bus", i);
        ret = machine_place(m, &row, 1, err);
    }
    return ret;
}

/* -- Life -------------------------------------------------------------------- */

static void connect(Machine *m, int i)
{
    PcCpu *c = &((Pc *)m->board)->cpu[i];
    char id[24];

    snprintf(id, sizeof(id), "lapic%d", i);
    *c = (PcCpu){ .m = m, .cpu = m->cpu[i], .lapic = machine_find(m, id),
                  .pic = machine_find(m, "pic") };
    x86_env(c->cpu)->pins = (X86Pins){
        .intack = intack, .ferr = ferr, .smm = smiact, .shutdown = shutdown_cycle,
        .opaque = c,
    };
    if (c->lapic) {
        x86_env(c->cpu)->pins.get_apic_base = get_apic_base;
        x86_env(c->cpu)->pins.set_apic_base = set_apic_base;
        lapic_set_cpu(c->lapic, &apic_cpu_ops, c->cpu);
    }
}

void pc_cpus_connect(Machine *m)
{
    for (int i = 0; i < m->num_cpus; i++) {
        connect(m, i);
    }
}

/* A processor forgets what was asked of it before; its reset has looked at
 * A20M# already. */
void pc_cpus_reset(Machine *m)
{
    for (int i = 0; i < m->num_cpus; i++) {
        cpu_reset_interrupt(m->cpu[i], CPU_INTERRUPT_A20 | CPU_INTERRUPT_NMI |
                            CPU_INTERRUPT_SMI | CPU_INTERRUPT_INIT |
                            CPU_INTERRUPT_SIPI);
    }
}

int pc_cpus_new(Machine *m, Error *err)
{
    m->cpu_input = cpu_input;
    if (!m->config.cpu_create) {
        return 0;                       /* a machine without, for tests */
    }
    assert(m->config.num_cpus <= PC_MAX_CPUS);
    for (int i = 0; i < m->config.num_cpus; i++) {
        CPUState *cpu = m->config.cpu_create(m->config.request_opaque, m);

        if (!cpu) {
            return error_set(err, ENOMEM, "cpu: no memory for processor %d", i);
        }
        m->cpu[m->num_cpus++] = cpu;
        int ret = x86_set_model(x86_env(cpu), m->config.cpu_model, err);
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}
