/* SPDX-License-Identifier: MIT */
/*
 * OpenHCI host controller (Open Host Controller Interface Specification for
 * USB, release 1.0a): registers, frames, root hub.
 *
 *   registers --> frame timer --> lists (ohci-lists.c) --> devices
 *       ^             |                                       |
 *   root hub          '--> HCCA frame number, done queue      |
 *       ^------------- attach, detach, resume, ready <--------'
 *
 * Time in frames is worked out from the clock when somebody wants it.  The
 * lists are worked on when the guest says so (HcCommandStatus), when a device
 * has something, 50 us after a transfer, and each frame while there is anything
 * going on; after a while without, the timer comes every 16 ms and looks at all
 * frames that passed.  So the HCCA's frame number moves on in steps then.
 *
 * Not modelled: the ratio of control to bulk (HcControl.CBSR), bandwidth and
 * scheduling overruns, data toggles, over-current, legacy keyboard support
 * (chapter 5.1.1.3.3, System Management Mode), the time reset and resume take,
 * HcPeriodCurrentED, HcControlCurrentED and HcBulkCurrentED, which read 0 as
 * between lists.
 */
#include "hw/usb/ohci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/usb/ohci-int.h"
#include "util/bits.h"
#include "util/log.h"

#define FRAME_NS NS_PER_MS
#define AGAIN_NS (50 * NS_PER_US)
enum { SLOW_FRAMES = 16, EAGER_FRAMES = 40, MAX_LATE = 32, FRAME_BYTES = 256 << 10 };

enum { HC_REVISION = 0x00, HC_CONTROL = 0x04, HC_COMMAND_STATUS = 0x08,
       HC_INTERRUPT_STATUS = 0x0c, HC_INTERRUPT_ENABLE = 0x10, HC_INTERRUPT_DISABLE = 0x14,
       HC_HCCA = 0x18, HC_PERIOD_CURRENT_ED = 0x1c, HC_CONTROL_HEAD_ED = 0x20,
       HC_CONTROL_CURRENT_ED = 0x24, HC_BULK_HEAD_ED = 0x28, HC_BULK_CURRENT_ED = 0x2c,
       HC_DONE_HEAD = 0x30, HC_FM_INTERVAL = 0x34, HC_FM_REMAINING = 0x38,
       HC_FM_NUMBER = 0x3c, HC_PERIODIC_START = 0x40, HC_LS_THRESHOLD = 0x44,
       HC_RH_DESCRIPTOR_A = 0x48, HC_RH_DESCRIPTOR_B = 0x4c, HC_RH_STATUS = 0x50,
       HC_RH_PORT_STATUS = 0x54 };

enum { HCFS = 3 << 6, RESET = 0 << 6, RESUME = 1 << 6, OPERATIONAL = 2 << 6, SUSPEND = 3 << 6 };
enum { CONTROL_RW = 0x7ff };
#define MIE        (1u << 31)
#define INTERRUPTS ((uint32_t)(OHCI_SO | OHCI_WDH | OHCI_SF | OHCI_RD | OHCI_UE | OHCI_FNO | \
                               OHCI_RHSC | OHCI_OC))
enum { FM_INTERVAL_RESET = 0x2edf, LS_THRESHOLD_RESET = 0x0628, DELAY_NONE = 7,
       HCCA_FRAME_NUMBER = 0x80 };

/* HcRhDescriptorA, 7.4.1; HcRhStatus, 7.4.3 */
enum { RH_NPS = 1 << 9, RH_NOCP = 1 << 12 };
#define RH_A_MASK  0xff001b00u          /* POTPGT, NOCP, OCPM, NPS, PSM */
#define RH_A_RESET (2u << 24 | RH_NOCP | RH_NPS)
enum { LPS = 1 << 0, DRWE = 1 << 15, LPSC = 1 << 16 };
#define CRWE (1u << 31)

/* HcRhPortStatus, 7.4.4 */
enum { CCS = 1 << 0, PES = 1 << 1, PSS = 1 << 2, POCI = 1 << 3, PRS = 1 << 4, PPS = 1 << 8,
       LSDA = 1 << 9, CSC = 1 << 16, PESC = 1 << 17, PSSC = 1 << 18, OCIC = 1 << 19,
       PRSC = 1 << 20, CHANGES = 0x1f << 16 };

typedef struct OhciChip { Device dev; Ohci hc; } OhciChip;
typedef struct OhciCard { PCIDevice pci; Ohci hc; } OhciCard;

static bool is_pci(const Device *d)
{
    return d->type == &pci_ohci_type;
}

static Ohci *hc_of(Device *d)
{
    return is_pci(d) ? &((OhciCard *)d)->hc : &((OhciChip *)d)->hc;
}

void ohci_dma_read(Ohci *hc, uint32_t addr, void *buf, uint32_t len)
{
    memset(buf, 0, len);
    if (is_pci(hc->dev)) {
        pci_dma_read((PCIDevice *)hc->dev, addr, buf, len);
    } else if (hc->dev->mem) {
        as_read(hc->dev->mem, addr, buf, len);
    }
}

void ohci_dma_write(Ohci *hc, uint32_t addr, const void *buf, uint32_t len)
{
    if (is_pci(hc->dev)) {
        pci_dma_write((PCIDevice *)hc->dev, addr, buf, len);
    } else if (hc->dev->mem) {
        as_write(hc->dev->mem, addr, buf, len);
    }
}

static void update_irq(Ohci *hc)
{
    int level = hc->enable & MIE && hc->status & hc->enable & INTERRUPTS;

    if (is_pci(hc->dev)) {
        pci_set_irq((PCIDevice *)hc->dev, level);
    } else {
        qemu_set_irq(hc->dev->irq[0], level);
    }
}

static void interrupt(Ohci *hc, uint32_t bits_)
{
    hc->status |= bits_;
    update_irq(hc);
}

/* -- Frames ------------------------------------------------------------------ */

static uint32_t state(const Ohci *hc)
{
    return hc->control & HCFS;
}

static int64_t frames_since(const Ohci *hc)
{
    int64_t ns = clock_now(hc->dev->clock) - hc->frame_start;

    return state(hc) == OPERATIONAL && ns > 0 ? ns / FRAME_NS : 0;
}

static uint32_t frame_number(const Ohci *hc)
{
    return (hc->frame + (uint32_t)frames_since(hc)) & 0xffff;
}

/* 5.2.7: frames begin; the guest is told, and the periodic lists are due. */
static void begin_frames(Ohci *hc, int64_t n)
{
    uint32_t before = hc->frame;
    uint8_t hcca[4] = { 0 };

    hc->budget = FRAME_BYTES;
    hc->frame_start += n * FRAME_NS;
    hc->frame = (hc->frame + (uint32_t)n) & 0xffff;
    if (hc->done_delay != DELAY_NONE) {
        hc->done_delay = (uint8_t)(hc->done_delay > n ? hc->done_delay - n : 0);
    }
    store_le(hcca, hc->frame, 2);
    ohci_dma_write(hc, hc->hcca + HCCA_FRAME_NUMBER, hcca, sizeof(hcca));
    hc->status |= OHCI_SF | ((before ^ hc->frame) & 0x8000 || n >= 0x8000 ? OHCI_FNO : 0);
    for (int64_t i = MIN(n, MAX_LATE); i > 0; i--) {
        ohci_periodic(hc, hc->frame - (uint32_t)(i - 1));
    }
}

static bool in_a_hurry(const Ohci *hc)
{
    bool delayed = hc->done_delay && hc->done_delay != DELAY_NONE;

    return hc->eager || delayed || (hc->enable & MIE && hc->enable & OHCI_SF);
}

static void set_timer(Ohci *hc)
{
    if (state(hc) != OPERATIONAL) {
        timer_cancel(&hc->timer);
        return;
    }
    int64_t frames = in_a_hurry(hc) || hc->budget <= 0 ? 1 : SLOW_FRAMES;
    int64_t next = hc->frame_start + frames * FRAME_NS;

    if (hc->moved && hc->budget > 0) {
        next = MIN(next, clock_now(hc->dev->clock) + AGAIN_NS);
    }
    timer_set(&hc->timer, next);
}

/* All that is due. */
static void run(Ohci *hc)
{
    if (state(hc) != OPERATIONAL || hc->running) {
        return;
    }
    int64_t n = frames_since(hc);

    hc->running = true;
    hc->moved = false;
    if (n) {
        begin_frames(hc, n);
    }
    ohci_control_bulk(hc);
    ohci_write_back_done(hc);
    hc->eager = hc->moved ? EAGER_FRAMES : (uint8_t)(hc->eager > n ? hc->eager - n : 0);
    hc->running = false;
    update_irq(hc);
    set_timer(hc);
}

static void tick(void *opaque)
{
    run(opaque);
}

/* For devices: not at once, they are in the middle of something. */
static void bus_ready(USBBus *bus)
{
    Ohci *hc = container_of(bus, Ohci, bus);

    if (state(hc) == OPERATIONAL) {
        hc->eager = EAGER_FRAMES;
        timer_set(&hc->timer, clock_now(hc->dev->clock));
    }
}

/* -- Root hub, 7.4 ----------------------------------------------------------- */

static uint32_t *port_status(USBPort *p)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);

    return &hc->port_status[p->number - 1];
}

static void show_port(USBPort *p)
{
    uint32_t s = *port_status(p);

    p->enabled = s & PES;
    p->suspended = (s & PSS) != 0;
}

/* 7.4.3 DRWE: a connection is a remote wake-up event. */
static void hub_changed(Ohci *hc)
{
    uint32_t what = OHCI_RHSC;

    if (state(hc) == SUSPEND && hc->drwe) {
        hc->control = (hc->control & ~(uint32_t)HCFS) | RESUME;
        what |= OHCI_RD;
    }
    interrupt(hc, what);
}

static void connected(USBPort *p)
{
    bool low = p->dev && usb_desc(p->dev)->speed == USB_LOW_SPEED;

    *port_status(p) &= ~(uint32_t)(CCS | LSDA | PSS);
    if (p->dev && *port_status(p) & PPS) {
        *port_status(p) |= CCS | (low ? LSDA : 0);
    }
}

static void port_attach(USBPort *p)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);

    connected(p);
    if (*port_status(p) & CCS) {
        *port_status(p) |= CSC;
        hub_changed(hc);
    }
}

static void port_detach(USBPort *p)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);
    uint32_t *s = port_status(p);

    if (*s & CCS) {
        *s |= CSC | (*s & PES ? PESC : 0);
        *s &= ~(uint32_t)(CCS | PES | PSS | LSDA);
        show_port(p);
        hub_changed(hc);
    }
}

static void port_resume(USBPort *p)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);

    if (*port_status(p) & PSS) {
        *port_status(p) = (*port_status(p) & ~(uint32_t)PSS) | PSSC;
        show_port(p);
        interrupt(hc, OHCI_RHSC);
    }
    if (state(hc) == SUSPEND) {
        hc->control = (hc->control & ~(uint32_t)HCFS) | RESUME;
        interrupt(hc, OHCI_RD);
    }
    bus_ready(&hc->bus);
}

static const USBPortOps port_ops = { port_attach, port_detach, port_resume };

static void set_port_power(USBPort *p, bool on)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);
    uint32_t *s = port_status(p), before = *s;

    on |= hc->rh_a & RH_NPS;            /* always powered */
    if (!on == !(before & PPS)) {
        return;
    }
    *s = on ? before | PPS : before & CHANGES;
    connected(p);
    if ((*s ^ before) & CCS) {
        *s |= CSC;
        hub_changed(hc);
    }
    show_port(p);
}

/* 7.4.4: writing 1 is a command; of a port without a device it only sets CSC. */
static void write_port(USBPort *p, uint32_t val)
{
    Ohci *hc = container_of(p->bus, Ohci, bus);
    uint32_t *s = port_status(p), before = *s;

    *s &= ~(val & CHANGES);
    if (val & (1 << 9)) {               /* ClearPortPower */
        set_port_power(p, false);
    } else if (val & PPS) {
        set_port_power(p, true);
    }
    if (val & (PES | PSS | PRS) && !(*s & CCS)) {
        *s |= CSC;
    } else {
        if (val & CCS) {                /* ClearPortEnable */
            *s &= ~(uint32_t)PES;
        }
        if (val & PES) {
            *s |= PES;
        }
        if (val & PSS) {
            *s |= PSS;
        }
        if (val & POCI && *s & PSS) {   /* ClearSuspendStatus */
            *s = (*s & ~(uint32_t)PSS) | PSSC;
        }
        if (val & PRS) {
            usb_port_reset(p);
            *s = (*s & ~(uint32_t)PSS) | PES | PRSC;
        }
    }
    show_port(p);
    if (*s & ~before & CHANGES) {
        hub_changed(hc);
    }
}

static void write_rh_status(Ohci *hc, uint32_t val)
{
    for (uint32_t i = 0; i < hc->num_ports && val & (LPS | LPSC); i++) {
        set_port_power(&hc->port[i], !(val & LPS));
    }
    if (val & DRWE) {
        hc->drwe = 1;
    }
    if (val & CRWE) {
        hc->drwe = 0;
    }
}

/* -- Registers, chapter 7 ---------------------------------------------------- */

static void reset_bus(Ohci *hc)
{
    for (uint32_t i = 0; i < hc->num_ports; i++) {
        hc->port_status[i] &= ~(uint32_t)(PES | PSS);
        show_port(&hc->port[i]);
        usb_port_reset(&hc->port[i]);
    }
}

/* 5.1.1.2: what the functional state brings with it. */
static void enter_state(Ohci *hc, uint32_t before)
{
    hc->bus.suspended = state(hc) != OPERATIONAL;
    if (state(hc) == before) {
        return;
    }
    if (state(hc) == RESET) {
        reset_bus(hc);
    }
    if (state(hc) == OPERATIONAL) {
        hc->frame_start = clock_now(hc->dev->clock);
        hc->moved = false;
        hc->budget = FRAME_BYTES;
        hc->eager = EAGER_FRAMES;
    } else {
        hc->frame_start = 0;
    }
    set_timer(hc);
}

static void write_control(Ohci *hc, uint32_t val)
{
    uint32_t before = state(hc);

    run(hc);                            /* as it was until now */
    hc->control = val & CONTROL_RW;
    enter_state(hc, before);
    run(hc);
}

/* 7.1.3 HostControllerReset; the root hub and its ports stay. */
static void reset_registers(Ohci *hc)
{
    hc->control = hc->command = hc->status = hc->enable = 0;
    hc->hcca = hc->control_head = hc->bulk_head = hc->done_head = 0;
    hc->fm_interval = FM_INTERVAL_RESET;
    hc->periodic_start = 0;
    hc->ls_threshold = LS_THRESHOLD_RESET;
    hc->frame = 0;
    hc->frame_start = 0;
    hc->budget = 0;
    hc->done_delay = DELAY_NONE;
    hc->eager = 0;
    timer_cancel(&hc->timer);
    hc->timer.deadline = 0;             /* one reset chip is like another */
}

static void write_command(Ohci *hc, uint32_t val)
{
    if (val & OHCI_HCR) {
        reset_registers(hc);
        hc->control = SUSPEND;
        hc->bus.suspended = true;
        update_irq(hc);
        return;
    }
    hc->command |= val & (OHCI_CLF | OHCI_BLF);
    if (val & OHCI_OCR) {
        log_unimp("ohci", "ownership change: there is no SMM driver");
        interrupt(hc, OHCI_OC);
    }
    run(hc);
}

static uint32_t frame_remaining(const Ohci *hc)
{
    int64_t ns = clock_now(hc->dev->clock) - hc->frame_start;
    uint32_t interval = hc->fm_interval & 0x3fff;

    if (state(hc) != OPERATIONAL || ns < 0) {
        return 0;
    }
    return (hc->fm_interval & MIE) | (uint32_t)muldiv64(FRAME_NS - ns % FRAME_NS, interval,
                                                        FRAME_NS);
}

static uint32_t read_reg(Ohci *hc, unsigned reg)
{
    unsigned port = (reg - HC_RH_PORT_STATUS) / 4;

    switch (reg) {
    case HC_REVISION:           return 0x10;
    case HC_CONTROL:            return hc->control;
    case HC_COMMAND_STATUS:     return hc->command;
    case HC_INTERRUPT_STATUS:   return hc->status;
    case HC_INTERRUPT_ENABLE:
    case HC_INTERRUPT_DISABLE:  return hc->enable;
    case HC_HCCA:               return hc->hcca;
    case HC_CONTROL_HEAD_ED:    return hc->control_head;
    case HC_BULK_HEAD_ED:       return hc->bulk_head;
    case HC_PERIOD_CURRENT_ED:
    case HC_CONTROL_CURRENT_ED:
    case HC_BULK_CURRENT_ED:    return 0;
    case HC_DONE_HEAD:          return hc->done_head;
    case HC_FM_INTERVAL:        return hc->fm_interval;
    case HC_FM_REMAINING:       return frame_remaining(hc);
    case HC_FM_NUMBER:          return frame_number(hc);
    case HC_PERIODIC_START:     return hc->periodic_start;
    case HC_LS_THRESHOLD:       return hc->ls_threshold;
    case HC_RH_DESCRIPTOR_A:    return hc->rh_a | hc->num_ports;
    case HC_RH_DESCRIPTOR_B:    return hc->rh_b;
    case HC_RH_STATUS:          return hc->drwe ? DRWE : 0;
    default:
        if (reg >= HC_RH_PORT_STATUS && port < hc->num_ports) {
            return hc->port_status[port];
        }
        log_guest("ohci", "read of nothing at 0x%x", reg);
        return 0;
    }
}

static void write_reg(Ohci *hc, unsigned reg, uint32_t val)
{
    unsigned port = (reg - HC_RH_PORT_STATUS) / 4;

    switch (reg) {
    case HC_CONTROL:
        write_control(hc, val);
        break;
    case HC_COMMAND_STATUS:
        write_command(hc, val);
        break;
    case HC_INTERRUPT_STATUS:
        hc->status &= ~val;
        if (state(hc) == OPERATIONAL) {
            ohci_write_back_done(hc);
        }
        break;
    case HC_INTERRUPT_ENABLE:
        hc->enable |= val & (INTERRUPTS | MIE);
        set_timer(hc);
        break;
    case HC_INTERRUPT_DISABLE:
        hc->enable &= ~val;
        break;
    case HC_HCCA:
        hc->hcca = val & ~0xffu;
        break;
    case HC_CONTROL_HEAD_ED:
        hc->control_head = val & ~15u;
        break;
    case HC_BULK_HEAD_ED:
        hc->bulk_head = val & ~15u;
        break;
    case HC_CONTROL_CURRENT_ED:
    case HC_BULK_CURRENT_ED:
        break;
    case HC_FM_INTERVAL:
        hc->fm_interval = val & 0xffff3fffu;
        break;
    case HC_PERIODIC_START:
        hc->periodic_start = val & 0x3fff;
        break;
    case HC_LS_THRESHOLD:
        hc->ls_threshold = val & 0xfff;
        break;
    case HC_RH_DESCRIPTOR_A:
        hc->rh_a = val & RH_A_MASK;
        write_rh_status(hc, hc->rh_a & RH_NPS ? LPSC : 0);
        break;
    case HC_RH_DESCRIPTOR_B:
        hc->rh_b = val;
        break;
    case HC_RH_STATUS:
        write_rh_status(hc, val);
        break;
    default:
        if (reg >= HC_RH_PORT_STATUS && port < hc->num_ports) {
            write_port(&hc->port[port], val);
        } else {
            log_guest("ohci", "write 0x%x to 0x%x: read-only or nothing", val, reg);
        }
    }
    update_irq(hc);
}

static uint64_t ohci_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_reg(hc_of(opaque), (unsigned)offset);
}

static void ohci_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    write_reg(hc_of(opaque), (unsigned)offset, (uint32_t)val);
}

/* -- Life -------------------------------------------------------------------- */

static void ohci_init(Device *d)
{
    Ohci *hc = hc_of(d);

    hc->dev = d;
    usb_bus_init(&hc->bus, d, bus_ready);
    timer_init(d->clock, &hc->timer, tick, hc);
}

static int ohci_realize(Device *d, Error *err)
{
    Ohci *hc = hc_of(d);

    if (hc->num_ports < 1 || hc->num_ports > OHCI_MAX_PORTS) {
        uint32_t n = hc->num_ports;

        hc->num_ports = 0;
        return error_set(err, EINVAL, "%s: num-ports=%u: there are 1 to %d", d->type->name, n,
                         OHCI_MAX_PORTS);
    }
    for (uint32_t i = 0; i < hc->num_ports; i++) {
        usb_port_init(&hc->bus, &hc->port[i], NULL, i + 1, &port_ops);
    }
    return 0;
}

static void ohci_reset(Device *d)
{
    Ohci *hc = hc_of(d);

    if (is_pci(d)) {
        pci_reset_common((PCIDevice *)d);
    }
    reset_registers(hc);
    hc->bus.suspended = true;
    hc->rh_a = RH_A_RESET;
    hc->rh_b = hc->drwe = 0;
    for (uint32_t i = 0; i < hc->num_ports; i++) {
        hc->port_status[i] = PPS;
        usb_port_reset(&hc->port[i]);
        connected(&hc->port[i]);
        hc->port_status[i] |= hc->port_status[i] & CCS ? CSC : 0;
        show_port(&hc->port[i]);
    }
    update_irq(hc);
}

/* A frame begins in the past, and not long ago. */
static void load_time(Ohci *hc)
{
    int64_t now = clock_now(hc->dev->clock);

    if (state(hc) != OPERATIONAL) {
        hc->frame_start = 0;
    } else if (hc->frame_start > now || now - NS_PER_SEC > hc->frame_start) {
        hc->frame_start = now;
    }
    hc->moved = false;
    if (state(hc) == OPERATIONAL && !hc->timer.armed) {
        set_timer(hc);
    }
}

static int ohci_post_load(Device *d, Error *err)
{
    Ohci *hc = hc_of(d);
    int ret = is_pci(d) ? pci_post_load((PCIDevice *)d, err) : 0;

    if (ret < 0) {
        return ret;
    }
    hc->control &= CONTROL_RW;
    hc->hcca &= ~0xffu;
    hc->frame &= 0xffff;
    hc->drwe = hc->drwe != 0;
    hc->done_delay &= 7;
    load_time(hc);
    hc->budget = MIN(hc->budget, FRAME_BYTES);
    hc->bus.suspended = state(hc) != OPERATIONAL;
    for (uint32_t i = 0; i < hc->num_ports; i++) {
        show_port(&hc->port[i]);
    }
    update_irq(hc);
    return 0;
}

static void ohci_free(Device *d)
{
    Ohci *hc = hc_of(d);

    timer_cancel(&hc->timer);
    usb_bus_free(&hc->bus);
}

static const VMField ohci_vmstate[] = {
    VM_TIMER(Ohci, timer),
    VM_FIELD(Ohci, control),
    VM_FIELD(Ohci, command),
    VM_FIELD(Ohci, status),
    VM_FIELD(Ohci, enable),
    VM_FIELD(Ohci, hcca),
    VM_FIELD(Ohci, control_head),
    VM_FIELD(Ohci, bulk_head),
    VM_FIELD(Ohci, done_head),
    VM_FIELD(Ohci, fm_interval),
    VM_FIELD(Ohci, periodic_start),
    VM_FIELD(Ohci, ls_threshold),
    VM_FIELD(Ohci, rh_a),
    VM_FIELD(Ohci, rh_b),
    VM_FIELD(Ohci, drwe),
    VM_ARRAY(Ohci, port_status),
    VM_FIELD(Ohci, frame),
    VM_FIELD(Ohci, frame_start),
    VM_FIELD(Ohci, budget),
    VM_FIELD(Ohci, done_delay),
    VM_FIELD(Ohci, eager),
    VM_END
};

static const MemoryRegionOps ohci_ops = { ohci_read, ohci_write, 4, 4 };

static const WindowDef ohci_windows[] = {
    { "ohci", false, 0x1000, NULL, &ohci_ops },
    { .name = NULL }
};

/* -- The types --------------------------------------------------------------- */

static const PropDef chip_props[] = {
    { "num-ports", PROP_U32, offsetof(OhciChip, hc.num_ports), 3, "root hub ports" },
    { .name = NULL }
};

static const VMField chip_vmstate[] = {
    VM_STRUCTS(OhciChip, hc, 1, ohci_vmstate),
    VM_END
};

const DeviceType ohci_type = {
    .name       = "ohci",
    .desc       = "OpenHCI USB host controller",
    .manual     = "OpenHCI 1.0a",
    .bus        = "sys",
    .has_bus    = "usb",
    .has_bus_at = offsetof(OhciChip, hc.bus),
    .state_size = sizeof(OhciChip),
    .windows    = ohci_windows,
    .props      = chip_props,
    .vmstate    = chip_vmstate,
    .num_irqs   = 1,
    .init       = ohci_init,
    .realize    = ohci_realize,
    .reset      = ohci_reset,
    .post_load  = ohci_post_load,
    .free       = ohci_free,
};

static const PropDef card_props[] = {
    { "num-ports", PROP_U32, offsetof(OhciCard, hc.num_ports), 3, "root hub ports" },
    { .name = NULL }
};

static const VMField card_vmstate[] = {
    VM_PCI_DEVICE(OhciCard, pci),
    VM_STRUCTS(OhciCard, hc, 1, ohci_vmstate),
    VM_END
};

/* Apple KeyLargo's number, which every driver knows as plain OpenHCI. */
static const PCIDeviceOps card_ops = {
    .vendor = 0x106b, .device = 0x003f, .class = 0x0c03, .prog_if = 0x10, .irq_pin = 1,
};

const DeviceType pci_ohci_type = {
    .name           = "pci-ohci",
    .desc           = "OpenHCI USB host controller, PCI",
    .manual         = "OpenHCI 1.0a",
    .bus            = "pci",
    .has_bus        = "usb",
    .has_bus_at     = offsetof(OhciCard, hc.bus),
    .state_size     = sizeof(OhciCard),
    .windows        = ohci_windows,
    .props          = card_props,
    .vmstate        = card_vmstate,
    .user_creatable = true,
    .init           = ohci_init,
    .realize        = ohci_realize,
    .reset          = ohci_reset,
    .post_load      = ohci_post_load,
    .free           = ohci_free,
    .bus_ops        = &card_ops,
};
