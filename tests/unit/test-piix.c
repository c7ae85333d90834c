/* SPDX-License-Identifier: MIT */
/* PIIX3 function 0 (Intel 290550) and PIIX4 function 3 (Intel 290562). */
#include "hw/pci/piix3.h"
#include "hw/pci/piix4-pm.h"

#include "tests/unit/chip-test.h"
#include "util/bits.h"
#include "util/log.h"

static AddressSpace *mem, *io;
static PCIBus *bus;

static Device *function_new(const DeviceType *t, const char *prop, const char *value)
{
    Error err;

    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    bus = pci_bus_new(mem, io);
    Device *d = device_new(t, NULL, &clock_, mem, io);
    if (prop) {
        chip_prop(d, prop, value);
    }
    CHECK_EQ(pci_plug(bus, (PCIDevice *)d, 8, &err), 0);
    return chip_plug(d);
}

static void function_free(Device *d)
{
    pci_unplug((PCIDevice *)d);
    device_free(d);
    free(bus);
    as_free(io);
    as_free(mem);
}

static uint32_t cfg(unsigned addr, unsigned size)
{
    return pci_config_read(bus, 8, addr, size);
}

static void set_cfg(unsigned addr, uint32_t val, unsigned size)
{
    pci_config_write(bus, 8, addr, val, size);
}

/* -- PIIX3 ------------------------------------------------------------------- */

TEST(piix3_defaults)
{
    Device *d = function_new(&piix3_type, NULL, NULL);

    CHECK_EQ(cfg(0, 4), 0x70008086);
    CHECK_EQ(cfg(0x0a, 2), 0x0601);
    CHECK_EQ(cfg(0x0e, 1), 0x80);       /* multifunction */
    CHECK_EQ(cfg(0x60, 4), 0x80808080);
    CHECK_EQ(cfg(0x4c, 1), 0x4d);
    CHECK_EQ(cfg(0x69, 1), 0x02);
    CHECK_EQ(cfg(0x04, 2), 0x0007);
    function_free(d);
}

/* 2.2.9: bit 7 set: the PIRQ is not routed; <3:0> is the IRQ. */
TEST(piix3_routes_pirqs)
{
    Device *d = function_new(&piix3_type, NULL, NULL);

    chip_input(d, 0, 1);
    for (int i = 0; i < 16; i++) {
        CHECK_EQ(wire[i], 0);
    }
    set_cfg(0x60, 0x0b, 1);             /* routed while asserted */
    CHECK_EQ(wire[11], 1);
    set_cfg(0x60, 0x0a, 1);             /* moved */
    CHECK_EQ(wire[11], 0);
    CHECK_EQ(wire[10], 1);
    set_cfg(0x60, 0x8a, 1);
    CHECK_EQ(wire[10], 0);
    function_free(d);
}

/* Two PIRQs may share an IRQ: it is low when both are. */
TEST(piix3_shares_irqs)
{
    Device *d = function_new(&piix3_type, NULL, NULL);

    set_cfg(0x60, 0x0a0a, 2);
    chip_input(d, 0, 1);
    chip_input(d, 1, 1);
    chip_input(d, 0, 0);
    CHECK_EQ(wire[10], 1);
    chip_input(d, 1, 0);
    CHECK_EQ(wire[10], 0);
    function_free(d);
}

/* 2.2.9: IRQ 0, 1, 2, 8 and 13 are reserved. */
TEST(piix3_never_drives_the_boards_own_irqs)
{
    Device *d = function_new(&piix3_type, NULL, NULL);
    static const uint8_t reserved[] = { 0, 1, 2, 8, 13 };

    chip_input(d, 2, 1);
    for (size_t i = 0; i < sizeof(reserved); i++) {
        set_cfg(0x62, reserved[i], 1);
        CHECK_EQ(wire[reserved[i]], 0);
    }
    function_free(d);
}

/* 2.5.3: a 0 to 1 transition of RCR bit 2 resets. */
TEST(piix3_reset_control)
{
    Device *d = function_new(&piix3_type, NULL, NULL);

    device_write(d, 0, 0, 0x02, 1);
    CHECK_EQ(rises[PIIX3_RESET], 0);
    device_write(d, 0, 0, 0x06, 1);
    CHECK_EQ(rises[PIIX3_RESET], 1);
    device_write(d, 0, 0, 0x06, 1);
    CHECK_EQ(rises[PIIX3_RESET], 1);
    device_write(d, 0, 0, 0x02, 1);
    device_write(d, 0, 0, 0x04, 1);
    CHECK_EQ(rises[PIIX3_RESET], 2);
    CHECK_EQ(wire[PIIX3_RESET], 0);
    function_free(d);
}

TEST(piix3_snapshot_drives_the_wires_again)
{
    Device *d = function_new(&piix3_type, NULL, NULL);
    size_t len = vmstate_size(piix3_type.vmstate);
    Error err;

    set_cfg(0x61, 0x05, 1);
    chip_input(d, 1, 1);
    uint8_t *image = chip_save(d);
    device_reset(d);
    CHECK_EQ(wire[5], 0);
    CHECK_EQ(device_load(d, image, len, &err), 0);
    CHECK_EQ(wire[5], 1);
    free(image);
    chip_check_hostile_snapshots(d);
    function_free(d);
}

/* -- PIIX4 power management -------------------------------------------------- */

enum { BASE = 0x600, PMSTS = BASE, PMEN = BASE + 2, PMCNTRL = BASE + 4, PMTMR = BASE + 8 };
enum { TMROF = 1, PWRBTN = 1 << 8, SCI_EN = 1 };

static uint32_t in(unsigned port, unsigned size) { return (uint32_t)as_load(io, port, size); }
static void out(unsigned port, uint32_t val, unsigned size) { as_store(io, port, val, size); }

static Device *pm_new(void)
{
    Device *d = function_new(&piix4_pm_type, NULL, NULL);

    set_cfg(0x40, BASE | 1, 4);
    set_cfg(0x80, 1, 1);
    return d;
}

/* 7.1.15, 7.1.27: PMBASE <15:6>, decoded while PMIOSE is set. */
TEST(pm_base)
{
    Device *d = function_new(&piix4_pm_type, NULL, NULL);

    CHECK_EQ(cfg(0, 4), 0x71138086);
    CHECK_EQ(cfg(0x40, 4), 1);
    set_cfg(0x40, 0xffffffff, 4);
    CHECK_EQ(cfg(0x40, 4), 0xffc1);
    set_cfg(0x40, BASE, 4);
    CHECK_EQ(in(PMCNTRL, 2), 0xffff);
    set_cfg(0x80, 1, 1);
    CHECK_EQ(in(PMCNTRL, 2), 0);
    set_cfg(0x40, 0x700, 4);
    CHECK_EQ(in(PMCNTRL, 2), 0xffff);
    CHECK_EQ(in(0x704, 2), 0);
    set_cfg(0x80, 0, 1);
    CHECK_EQ(in(0x704, 2), 0xffff);
    function_free(d);
}

/* ACPI 1.0b, 4.7.3.3: 24 bits at 3.579545 MHz. */
TEST(pm_timer_counts)
{
    Device *d = pm_new();

    CHECK_EQ(in(PMTMR, 4), 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(PMTMR, 4), 3579545);
    CHECK_EQ(in(PMTMR + 1, 1), 3579545 >> 8 & 0xff);
    clock_step(&clock_, 9 * NS_PER_SEC);
    CHECK_EQ(in(PMTMR, 4), 35795450 & 0xffffff);
    out(PMTMR, 0, 4);
    CHECK_EQ(in(PMTMR, 4), 35795450 & 0xffffff);
    function_free(d);
}

/* 4.7.3.1.1: TMR_STS is set when the highest bit changes, either way. */
TEST(pm_timer_status_and_interrupt)
{
    Device *d = pm_new();
    const int64_t half = muldiv64(1 << 23, NS_PER_SEC, 3579545) + 1;

    out(PMCNTRL, SCI_EN, 2);
    out(PMEN, TMROF, 2);
    clock_step(&clock_, half - 1000);
    CHECK_EQ(wire[PM_SCI], 0);
    clock_step(&clock_, 1000);
    CHECK_EQ(in(PMSTS, 2), TMROF);
    CHECK_EQ(wire[PM_SCI], 1);
    out(PMSTS, TMROF, 2);
    CHECK_EQ(wire[PM_SCI], 0);
    clock_step(&clock_, half);
    CHECK_EQ(wire[PM_SCI], 1);
    out(PMEN, 0, 2);                    /* the enable bit gates, status stays */
    CHECK_EQ(wire[PM_SCI], 0);
    CHECK_EQ(in(PMSTS, 2), TMROF);
    out(PMSTS, TMROF, 2);
    clock_step(&clock_, half);          /* status is set whether enabled or not */
    CHECK_EQ(in(PMSTS, 2), TMROF);
    function_free(d);
}

/* 4.7.2.2.1: the power button; without SCI_EN there is no SCI. */
TEST(pm_power_button)
{
    Device *d = pm_new();

    out(PMEN, PWRBTN, 2);
    qemu_irq_pulse(device_input(d, 0));
    CHECK_EQ(in(PMSTS, 2), PWRBTN);
    CHECK_EQ(wire[PM_SCI], 0);
    out(PMCNTRL, SCI_EN, 2);
    CHECK_EQ(wire[PM_SCI], 1);
    out(PMSTS, 0, 2);                   /* writing 0 clears nothing */
    CHECK_EQ(wire[PM_SCI], 1);
    out(PMSTS + 1, PWRBTN >> 8, 1);
    CHECK_EQ(wire[PM_SCI], 0);
    function_free(d);
}

/* 7.2.3: SUS_EN with SUS_TYP 0 is soft off; other types we lack, and say so. */
TEST(pm_sleep)
{
    Device *d = pm_new();
    uint64_t before = log_count(LOG_UNIMP);

    out(PMCNTRL, 5 << 10, 2);
    CHECK_EQ(in(PMCNTRL, 2), 5 << 10);
    CHECK_EQ(rises[PM_OFF], 0);
    out(PMCNTRL, 1 << 13 | 1 << 10, 2);
    CHECK_EQ(rises[PM_OFF], 0);
    CHECK_EQ(log_count(LOG_UNIMP) - before, 1);
    out(PMCNTRL, 1 << 13, 2);
    CHECK_EQ(rises[PM_OFF], 1);
    CHECK_EQ(in(PMCNTRL, 2), 0);        /* SUS_EN reads 0 */
    out(PMCNTRL + 1, 0x20, 1);          /* by byte */
    CHECK_EQ(rises[PM_OFF], 2);
    function_free(d);
}

enum { APMC, APMS };

/* 7.4.1, 7.1.23, 7.2.17: SMI needs APMC_EN and SMI_EN. */
TEST(pm_smi)
{
    Device *d = pm_new();

    device_write(d, PM_APM_WINDOW, APMC, 0x42, 1);
    device_write(d, PM_APM_WINDOW, APMS, 0x43, 1);
    CHECK_EQ(device_read(d, PM_APM_WINDOW, APMC, 1), 0x42);
    CHECK_EQ(device_read(d, PM_APM_WINDOW, APMS, 1), 0x43);
    CHECK_EQ(rises[PM_SMI], 0);
    set_cfg(0x58, 1 << 25, 4);
    device_write(d, PM_APM_WINDOW, APMC, 0x42, 1);
    CHECK_EQ(rises[PM_SMI], 0);
    out(BASE + 0x28, 1, 4);
    device_write(d, PM_APM_WINDOW, APMC, 0x42, 1);
    CHECK_EQ(rises[PM_SMI], 1);
    device_write(d, PM_APM_WINDOW, APMS, 0x42, 1);
    CHECK_EQ(rises[PM_SMI], 1);
    function_free(d);
}

TEST(pm_acpi_mode_by_command)
{
    Device *d = pm_new();

    device_write(d, PM_APM_WINDOW, APMC, 0xf1, 1);
    CHECK_EQ(in(PMCNTRL, 2), SCI_EN);
    device_write(d, PM_APM_WINDOW, APMC, 0xf0, 1);
    CHECK_EQ(in(PMCNTRL, 2), 0);
    function_free(d);
}

/* Without SMM, firmware finds APMC_EN set and leaves it alone. */
TEST(pm_without_smm)
{
    Device *d = function_new(&piix4_pm_type, "smm", "off");

    CHECK_EQ(cfg(0x58, 4), 1 << 25);
    set_cfg(0x58, 0, 4);
    CHECK_EQ(cfg(0x58, 4), 1 << 25);
    device_write(d, PM_APM_WINDOW, APMC, 1, 1);
    CHECK_EQ(rises[PM_SMI], 0);
    function_free(d);
}

/* ACPI 1.0b, 4.7.4.3: status is written 1 to clear, enable gates. */
TEST(pm_general_purpose_events)
{
    Device *d = pm_new();

    out(PMCNTRL, SCI_EN, 2);
    qemu_irq_pulse(device_input(d, 1));
    CHECK_EQ(device_read(d, PM_GPE_WINDOW, 0, 2), 1);
    CHECK_EQ(wire[PM_SCI], 0);
    device_write(d, PM_GPE_WINDOW, 2, 1, 1);
    CHECK_EQ(wire[PM_SCI], 1);
    CHECK_EQ(device_read(d, PM_GPE_WINDOW, 0, 4), 0x00010001);
    device_write(d, PM_GPE_WINDOW, 0, 1, 1);
    CHECK_EQ(wire[PM_SCI], 0);
    CHECK_EQ(device_read(d, PM_GPE_WINDOW, 2, 2), 1);
    function_free(d);
}

/* 7.3: nobody acknowledges an address: DEV_ERR, cleared by writing 1. */
TEST(smbus_has_no_devices)
{
    Device *d = pm_new();

    set_cfg(0x90, 0x701, 4);
    set_cfg(0x04, 1, 2);
    CHECK_EQ(in(0x700, 1), 0xff);
    set_cfg(0xd2, 1, 1);
    CHECK_EQ(in(0x700, 1), 0);
    out(0x704, 0xa1, 1);
    out(0x702, 0x48, 1);                /* start, byte data */
    CHECK_EQ(in(0x700, 1), 4);
    CHECK_EQ(in(0x702, 1), 0x08);       /* START reads 0 */
    CHECK_EQ(in(0x704, 1), 0xa1);
    out(0x700, 4, 1);
    CHECK_EQ(in(0x700, 1), 0);
    function_free(d);
}

TEST(pm_snapshot)
{
    Device *d = pm_new();
    size_t len = vmstate_size(piix4_pm_type.vmstate);
    Error err;

    out(PMCNTRL, SCI_EN, 2);
    out(PMEN, TMROF | PWRBTN, 2);
    qemu_irq_pulse(device_input(d, 0));
    uint8_t *image = chip_save(d);
    device_reset(d);
    CHECK_EQ(in(PMSTS, 2), 0xffff);     /* PMBASE is gone */
    CHECK_EQ(wire[PM_SCI], 0);
    CHECK_EQ(device_load(d, image, len, &err), 0);
    CHECK_EQ(in(PMSTS, 2), PWRBTN);
    CHECK_EQ(wire[PM_SCI], 1);
    out(PMSTS, PWRBTN, 2);
    clock_step(&clock_, 3 * NS_PER_SEC);        /* the overflow is armed, too */
    CHECK_EQ(wire[PM_SCI], 1);
    free(image);
    chip_check_hostile_snapshots(d);
    function_free(d);
}
