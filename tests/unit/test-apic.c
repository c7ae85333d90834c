/* SPDX-License-Identifier: MIT */
/* Local APICs, an I/O APIC and the bus between them, against the SDM vol. 3A
 * chapter 10 and the 82093AA data sheet (290566). */
#include "hw/intc/apic-bus.h"

#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "tests/unit/chip-test.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0,
       DFR = 0xe0, SVR = 0xf0, ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280,
       ICR_LO = 0x300, ICR_HI = 0x310, LVT_TIMER = 0x320, LVT_LINT0 = 0x350,
       LVT_LINT1 = 0x360, LVT_ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390,
       DIVIDE = 0x3e0 };
enum { NUM = 3 };

static Device *bus, *cpu[NUM], *io;
static struct Core { int intr, nmi, smi, init, sipi; } core[NUM];

static void on_intr(void *opaque, int n, int level)
{
    (void)n;
    ((struct Core *)opaque)->intr = level;
}

static void on_nmi(void *opaque)  { ((struct Core *)opaque)->nmi++; }
static void on_smi(void *opaque)  { ((struct Core *)opaque)->smi++; }
static void on_init(void *opaque) { ((struct Core *)opaque)->init++; }
static void on_sipi(void *opaque, uint8_t v) { ((struct Core *)opaque)->sipi = v; }

static const LapicCpuOps core_ops = { on_nmi, on_smi, on_init, on_sipi };

static uint32_t get(int n, unsigned reg)
{
    return (uint32_t)device_read(cpu[n], 0, reg, 4);
}

static void set(int n, unsigned reg, uint32_t val)
{
    device_write(cpu[n], 0, reg, val, 4);
}

static uint32_t io_get(uint8_t reg)
{
    device_write(io, 0, 0x00, reg, 4);
    return (uint32_t)device_read(io, 0, 0x10, 4);
}

static void io_set(uint8_t reg, uint32_t val)
{
    device_write(io, 0, 0x00, reg, 4);
    device_write(io, 0, 0x10, val, 4);
}

static void redirect(int pin, uint32_t low, uint8_t dest)
{
    io_set((uint8_t)(0x11 + 2 * pin), (uint32_t)dest << 24);
    io_set((uint8_t)(0x10 + 2 * pin), low);
}

/* Three CPUs with ids 0..2, flat logical ids 1, 2, 4, enabled; one I/O APIC. */
static void start(const char *version)
{
    clock_init_manual(&clock_);
    memset(core, 0, sizeof(core));
    bus = chip_plug(chip_make(&apic_bus_type));
    for (int i = 0; i < NUM; i++) {
        char id[12];

        cpu[i] = chip_make(&lapic_type);
        snprintf(id, sizeof(id), "%d", i);
        chip_prop(cpu[i], "id", id);
        chip_prop(cpu[i], "bsp", i == 0 ? "on" : "off");
        chip_link(cpu[i], "bus", bus);
        chip_plug(cpu[i]);
        device_connect(cpu[i], 0, (qemu_irq){ on_intr, &core[i], 0 });
        lapic_set_cpu(cpu[i], &core_ops, &core[i]);
        set(i, SVR, 0x1ff);
        set(i, LDR, 1u << (24 + i));
    }
    io = chip_make(&ioapic_type);
    chip_link(io, "bus", bus);
    chip_prop(io, "version", version);
    chip_plug(io);
}

static void stop(void)
{
    device_free(io);
    for (int i = 0; i < NUM; i++) {
        device_free(cpu[i]);
    }
    device_free(bus);
}

/* Self IPI. */
static void raise_self(int n, uint8_t vector)
{
    set(n, ICR_LO, 0x40000u | vector);
}

/* -- Local APIC -------------------------------------------------------------- */

/* 10.4.7.1, "Local APIC State After Power-Up or Reset". */
TEST(lapic_reset_state)
{
    start("0x11");
    device_reset(cpu[1]);
    CHECK_EQ(get(1, ID), 1u << 24);
    CHECK_EQ(get(1, VERSION), 0x00050014);
    CHECK_EQ(get(1, SVR), 0xff);
    CHECK_EQ(get(1, DFR), 0xffffffff);
    CHECK_EQ(get(1, LDR), 0);
    for (unsigned reg = LVT_TIMER; reg <= LVT_ERROR; reg += 16) {
        CHECK_EQ(get(1, reg), 0x10000);
    }
    CHECK_EQ(lapic_base(cpu[0]), 0xfee00900);
    CHECK_EQ(lapic_base(cpu[1]), 0xfee00800);
    stop();
}

/* 10.8.4: IRR, then ISR at acknowledge; EOI clears the highest in ISR. */
TEST(lapic_accepts_and_ends)
{
    start("0x11");
    raise_self(0, 0x61);
    CHECK_EQ(core[0].intr, 1);
    CHECK_EQ(get(0, IRR + 0x30), 2);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x61);
    CHECK_EQ(core[0].intr, 0);
    CHECK_EQ(get(0, IRR + 0x30), 0);
    CHECK_EQ(get(0, ISR + 0x30), 2);
    CHECK_EQ(get(0, PPR), 0x60);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), -1);
    set(0, EOI, 0);
    CHECK_EQ(get(0, ISR + 0x30), 0);
    CHECK_EQ(get(0, PPR), 0);
    stop();
}

/* 10.8.3: class = vector / 16; only a higher class than the PPR is delivered. */
TEST(lapic_priorities)
{
    start("0x11");
    set(0, TPR, 0x53);
    CHECK_EQ(get(0, PPR), 0x53);
    raise_self(0, 0x5f);
    CHECK_EQ(core[0].intr, 0);
    raise_self(0, 0x60);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x60);
    raise_self(0, 0x6f);                /* same class as in service */
    CHECK_EQ(core[0].intr, 0);
    raise_self(0, 0x70);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x70);
    set(0, EOI, 0);
    set(0, EOI, 0);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x6f);
    set(0, EOI, 0);
    CHECK_EQ(core[0].intr, 0);
    set(0, TPR, 0);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x5f);
    stop();
}

/* 10.6.2: physical, broadcast, flat and cluster destinations. */
TEST(lapic_destinations)
{
    static const struct { uint32_t dfr, mode, dest; int who; } rows[] = {
        { 0xffffffff, 0x000, 0x02, 1 << 2 },
        { 0xffffffff, 0x000, 0xff, 7 },
        { 0xffffffff, 0x800, 0x05, 1 << 0 | 1 << 2 },
        { 0xffffffff, 0x800, 0xf8, 0 },
        { 0x0fffffff, 0x800, 0x03, 1 << 0 | 1 << 1 },
        { 0x0fffffff, 0x800, 0x13, 0 },
        { 0x0fffffff, 0x800, 0xf4, 1 << 2 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start("0x11");
        for (int n = 0; n < NUM; n++) {
            set(n, DFR, rows[i].dfr);
        }
        set(0, ICR_HI, rows[i].dest << 24);
        set(0, ICR_LO, rows[i].mode | 0x40);
        for (int n = 0; n < NUM; n++) {
            CHECK_EQ(core[n].intr, rows[i].who >> n & 1);
        }
        stop();
    }
}

/* 10.6.1: shorthands. */
TEST(lapic_shorthands)
{
    static const struct { uint32_t lo; int who; } rows[] = {
        { 0x40040, 1 << 1 }, { 0x80040, 7 }, { 0xc0040, 5 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start("0x11");
        set(1, ICR_LO, rows[i].lo);
        for (int n = 0; n < NUM; n++) {
            CHECK_EQ(core[n].intr, rows[i].who >> n & 1);
        }
        stop();
    }
}

/* 10.6.1: NMI, SMI, INIT, start-up with its vector; INIT de-assert does nothing.
 * They reach a software-disabled APIC too (10.4.7.2), fixed ones do not. */
TEST(lapic_other_ipis)
{
    start("0x11");
    set(2, SVR, 0xff);
    set(0, ICR_HI, 2u << 24);
    set(0, ICR_LO, 0x4400);
    CHECK_EQ(core[2].nmi, 1);
    set(0, ICR_LO, 0x4200);
    CHECK_EQ(core[2].smi, 1);
    set(0, ICR_LO, 0x8500);
    CHECK_EQ(core[2].init, 0);
    set(0, ICR_LO, 0xc500);
    CHECK_EQ(core[2].init, 1);
    set(0, ICR_LO, 0x4699);
    CHECK_EQ(core[2].sipi, 0x99);
    set(0, ICR_LO, 0x4040);
    CHECK_EQ(core[2].intr, 0);
    CHECK_EQ(core[0].nmi + core[1].nmi + core[0].init + core[1].init, 0);
    stop();
}

/* 10.4.7.3: INIT resets the APIC, the id and the base stay. */
TEST(lapic_init_keeps_the_id)
{
    start("0x11");
    set(1, ID, 7u << 24);
    set(1, TPR, 0x20);
    raise_self(1, 0x40);
    set(0, ICR_HI, 7u << 24);
    set(0, ICR_LO, 0x4500);
    CHECK_EQ(core[1].init, 1);
    CHECK_EQ(core[1].intr, 0);
    CHECK_EQ(get(1, ID), 7u << 24);
    CHECK_EQ(get(1, TPR), 0);
    CHECK_EQ(get(1, SVR), 0xff);
    stop();
}

/* 10.6.2.4: lowest priority goes to one, the one with the lowest PPR. */
TEST(lapic_lowest_priority)
{
    start("0x11");
    set(0, TPR, 0x30);
    set(1, TPR, 0x20);
    set(2, TPR, 0x30);
    redirect(4, 0x0940, 0x07);
    chip_input(io, 4, 1);
    CHECK_EQ(core[0].intr, 0);
    CHECK_EQ(core[1].intr, 1);
    CHECK_EQ(core[2].intr, 0);
    stop();
}

/* Among equals lowest priority takes turns. */
TEST(lapic_lowest_priority_takes_turns)
{
    start("0x11");
    redirect(4, 0x0940, 0x07);
    for (int i = 0; i < NUM; i++) {
        chip_input(io, 4, 0);
        chip_input(io, 4, 1);
    }
    CHECK_EQ(core[0].intr + core[1].intr + core[2].intr, 3);
    stop();
}

/* 10.5.3: vectors 0-15 are illegal; a write to ESR makes errors readable. */
TEST(lapic_errors)
{
    start("0x11");
    set(0, LVT_ERROR, 0xee);
    raise_self(0, 0x0f);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0xee);
    CHECK_EQ(get(0, ESR), 0);
    set(0, ESR, 0);
    CHECK_EQ(get(0, ESR), 0x20);
    set(0, ESR, 0);
    CHECK_EQ(get(0, ESR), 0);
    get(0, 0x400);
    set(0, ESR, 0);
    CHECK_EQ(get(0, ESR), 0x80);
    stop();
}

/* 10.4.7.2: software disable masks the LVT, and mask bits cannot be cleared. */
TEST(lapic_software_disable)
{
    start("0x11");
    set(0, LVT_LINT1, 0x400);
    set(0, SVR, 0xff);
    CHECK_EQ(get(0, LVT_LINT1), 0x10400);
    set(0, LVT_LINT1, 0x400);
    CHECK_EQ(get(0, LVT_LINT1), 0x10400);
    chip_input(cpu[0], LAPIC_LINT1, 1);
    CHECK_EQ(core[0].nmi, 0);
    stop();
}

/* 10.5.4: one-shot: counts down at bus clock / divider, interrupts at 0. */
TEST(lapic_timer_one_shot)
{
    static const struct { uint32_t code; int64_t divisor; } rows[] = {
        { 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 }, { 0x8, 32 }, { 0x9, 64 },
        { 0xa, 128 }, { 0xb, 1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start("0x11");
        set(0, DIVIDE, rows[i].code);
        set(0, LVT_TIMER, 0x50);
        set(0, INITIAL, 1000);
        clock_step(&clock_, 400 * rows[i].divisor);
        CHECK_EQ(get(0, CURRENT), 600);
        clock_step(&clock_, 600 * rows[i].divisor - 1);
        CHECK_EQ(core[0].intr, 0);
        clock_step(&clock_, 1);
        CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x50);
        CHECK_EQ(get(0, CURRENT), 0);
        set(0, EOI, 0);
        clock_step(&clock_, NS_PER_SEC);
        CHECK_EQ(core[0].intr, 0);
        stop();
    }
}

/* Periodic: "the count is reloaded and the count-down repeated"; no drift. */
TEST(lapic_timer_periodic)
{
    int num = 0;

    start("0x11");
    set(0, DIVIDE, 0xb);
    set(0, LVT_TIMER, 0x20050);
    set(0, INITIAL, 999983);
    for (int i = 0; i < 20000; i++) {
        clock_step(&clock_, 100000);
        if (lapic_get_interrupt(cpu[0]) == 0x50) {
            num++;
            set(0, EOI, 0);
        }
    }
    CHECK_EQ(num, 2000000000 / 999983);
    CHECK_EQ(get(0, CURRENT), 999983 - 2000000000 % 999983);
    set(0, INITIAL, 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(core[0].intr, 0);
    stop();
}

/* Masked, the timer counts and does not interrupt. */
TEST(lapic_timer_masked)
{
    start("0x11");
    set(0, DIVIDE, 0xb);
    set(0, LVT_TIMER, 0x10050);
    set(0, INITIAL, 1000);
    clock_step(&clock_, 300);
    CHECK_EQ(get(0, CURRENT), 700);
    clock_step(&clock_, 1000);
    CHECK_EQ(core[0].intr, 0);
    set(0, LVT_TIMER, 0x50);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(core[0].intr, 0);
    stop();
}

/* An interrupt that is due is not lost by a write that comes before the loop. */
TEST(lapic_timer_served_late)
{
    static const struct { unsigned reg; uint32_t val; } writes[] = {
        { LVT_TIMER, 0x50 }, { LVT_TIMER, 0x10050 }, { LVT_TIMER, 0x20050 }, { SVR, 0x1ff },
        { SVR, 0xff }, { DIVIDE, 0 }, { INITIAL, 0 }, { INITIAL, 1000 },
    };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        start("0x11");
        set(0, DIVIDE, 0xb);
        set(0, LVT_TIMER, 0x50);
        set(0, INITIAL, 1000);
        chip_loop_is_late(1000);
        set(0, writes[i].reg, writes[i].val);
        CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x50);
        set(0, EOI, 0);
        CHECK_EQ(core[0].intr, 0);
        stop();
    }
}

/* 10.5.1: LINT0 as ExtINT passes the 8259 through, LINT1 is NMI. */
TEST(lapic_virtual_wire)
{
    start("0x11");
    chip_input(cpu[0], LAPIC_LINT0, 1);
    CHECK_EQ(core[0].intr, 0);
    CHECK(!lapic_accepts_pic(cpu[0]));
    set(0, LVT_LINT0, 0x8700);
    CHECK_EQ(core[0].intr, 1);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), -1);
    CHECK(lapic_accepts_pic(cpu[0]));
    chip_input(cpu[0], LAPIC_LINT0, 0);
    CHECK_EQ(core[0].intr, 0);
    set(0, LVT_LINT1, 0x400);
    chip_input(cpu[0], LAPIC_LINT1, 1);
    chip_input(cpu[0], LAPIC_LINT1, 1);
    CHECK_EQ(core[0].nmi, 1);
    stop();
}

/* LINT0 fixed and level triggered: again after EOI, while the pin is high. */
TEST(lapic_lint0_level)
{
    start("0x11");
    set(0, LVT_LINT0, 0x8070);
    chip_input(cpu[0], LAPIC_LINT0, 1);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x70);
    CHECK_EQ(get(0, LVT_LINT0), 0xc070);
    CHECK_EQ(get(0, TMR + 0x30), 1 << 16);
    set(0, EOI, 0);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x70);
    chip_input(cpu[0], LAPIC_LINT0, 0);
    set(0, EOI, 0);
    CHECK_EQ(core[0].intr, 0);
    CHECK_EQ(get(0, LVT_LINT0), 0x8070);
    stop();
}

/* 10.4.3: with the APIC disabled in its MSR the pins are INTR and NMI. */
TEST(lapic_disabled_by_msr)
{
    start("0x11");
    lapic_set_base(cpu[0], 0xfee00100);
    raise_self(1, 0x40);
    set(1, ICR_LO, 0x80040);
    CHECK_EQ(core[0].intr, 0);
    chip_input(cpu[0], LAPIC_LINT0, 1);
    CHECK_EQ(core[0].intr, 1);
    CHECK(lapic_accepts_pic(cpu[0]));
    chip_input(cpu[0], LAPIC_LINT1, 1);
    CHECK_EQ(core[0].nmi, 1);
    stop();
}

/* -- I/O APIC ---------------------------------------------------------------- */

/* 3.2: identification, version (24 pins), all pins masked. */
TEST(ioapic_registers)
{
    start("0x11");
    CHECK_EQ(io_get(1), 0x00170011);
    io_set(0, 0xffffffff);
    CHECK_EQ(io_get(0), 0x0f000000);
    for (int i = 0; i < 24; i++) {
        CHECK_EQ(io_get((uint8_t)(0x10 + 2 * i)), 0x10000);
    }
    redirect(3, 0xffffffff, 0xa5);
    CHECK_EQ(io_get(0x16), 0x0001afff);         /* status bits are read-only */
    CHECK_EQ(io_get(0x17), 0xa5000000);
    stop();
}

/* Edge: one message per rising edge; none while masked, and none held. */
TEST(ioapic_edge)
{
    start("0x11");
    redirect(4, 0x10044, 1);
    chip_input(io, 4, 1);
    CHECK_EQ(core[1].intr, 0);
    redirect(4, 0x00044, 1);
    CHECK_EQ(core[1].intr, 0);
    chip_input(io, 4, 0);
    chip_input(io, 4, 1);
    CHECK_EQ(lapic_get_interrupt(cpu[1]), 0x44);
    CHECK_EQ(get(1, TMR + 0x20), 0);
    set(1, EOI, 0);
    chip_input(io, 4, 1);
    CHECK_EQ(core[1].intr, 0);
    stop();
}

/* Level: remote IRR from delivery to EOI; again if the pin is still high; a
 * masked pin that is high delivers when unmasked. */
TEST(ioapic_level)
{
    start("0x11");
    redirect(9, 0x18049, 0);
    chip_input(io, 9, 1);
    CHECK_EQ(core[0].intr, 0);
    redirect(9, 0x08049, 0);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x49);
    CHECK_EQ(io_get(0x22), 0x0c049);
    CHECK_EQ(core[0].intr, 0);
    set(0, EOI, 0);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), 0x49);
    chip_input(io, 9, 0);
    set(0, EOI, 0);
    CHECK_EQ(core[0].intr, 0);
    CHECK_EQ(io_get(0x22), 0x08049);
    stop();
}

/* Version 20h: the EOI register ends a level interrupt. */
TEST(ioapic_eoi_register)
{
    for (int v = 0; v < 2; v++) {
        start(v ? "0x20" : "0x11");
        redirect(9, 0x08049, 0);
        chip_input(io, 9, 1);
        chip_input(io, 9, 0);
        device_write(io, 0, 0x40, 0x49, 4);
        CHECK_EQ(io_get(0x22), v ? 0x08049 : 0x0c049);
        stop();
    }
}

/* Delivery modes NMI, SMI, INIT, and ExtINT: vector from the 8259, once. */
TEST(ioapic_delivery_modes)
{
    start("0x11");
    redirect(1, 0x0400, 1);
    redirect(2, 0x0200, 1);
    redirect(3, 0x0500, 1);
    redirect(0, 0x0700, 0);
    for (int i = 0; i < 4; i++) {
        chip_input(io, i, 1);
    }
    CHECK_EQ(core[1].nmi, 1);
    CHECK_EQ(core[1].smi, 1);
    CHECK_EQ(core[1].init, 1);
    CHECK_EQ(core[0].intr, 1);
    CHECK_EQ(lapic_get_interrupt(cpu[0]), -1);
    CHECK(lapic_accepts_pic(cpu[0]));
    CHECK(!lapic_accepts_pic(cpu[0]));
    CHECK_EQ(core[0].intr, 0);
    stop();
}

/* A wrong link or value is refused with a sentence. */
TEST(properties_are_checked)
{
    Error err;

    start("0x11");
    Device *d = chip_make(&ioapic_type);
    chip_link(d, "bus", cpu[0]);
    CHECK(device_realize(d, &err) < 0);
    device_free(d);
    d = chip_make(&lapic_type);
    chip_prop(d, "id", "255");
    CHECK(device_realize(d, &err) < 0);
    device_free(d);
    stop();
}

TEST(contract)
{
    start("0x20");
    Device *l = chip_plug(chip_make(&lapic_type));
    Device *o = chip_plug(chip_make(&ioapic_type));

    device_reset(cpu[0]);
    chip_check_reset(cpu[0]);
    device_reset(io);
    chip_check_reset(io);
    chip_scribble(cpu[0], 6, 3000);
    set(0, SVR, 0x1ff);
    set(0, LVT_TIMER, 0x20050);
    set(0, INITIAL, 1234567);
    chip_check_snapshot(cpu[0], l);
    chip_check_hostile_snapshots(cpu[0]);
    chip_scribble(io, 7, 3000);
    chip_check_snapshot(io, o);
    chip_check_hostile_snapshots(io);
    device_free(l);
    device_free(o);
    stop();
}
