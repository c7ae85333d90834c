/* SPDX-License-Identifier: MIT */
/*
 * Universal host controller of the PIIX3, function 2 (Intel 290550, 2.4 and
 * 2.7; Intel, Universal Host Controller Interface Design Guide, revision 1.1).
 *
 *   ports --> frame timer --> frame list (uhci-lists.c) --> devices
 *     ^            |                                          |
 *     |            '--> USBSTS --> PIRQD#                     |
 *     '----------- attach, detach, resume, ready <------------'
 *
 * The guest has no doorbell: what it links into memory is seen in the next
 * frame, or sooner: after a transfer the lists are looked at again in 50 us, since
 * drivers that have waited for it then link the next.  While something moves
 * frames come each millisecond; after a while without they come by the eight, and
 * a device that has something hurries them.
 * Time in frames is worked out from the clock when somebody asks.
 *
 * Not modelled: legacy keyboard traps (LEGSUP stores), SOF timing, software
 * debug (SWDBG), data toggles, time that reset and resume take, queues as
 * elements of queues, over-current.
 */
#include "hw/usb/uhci.h"

#include "hw/usb/uhci-int.h"
#include "util/bits.h"
#include "util/log.h"

#define FRAME_NS NS_PER_MS
#define AGAIN_NS (50 * NS_PER_US)
enum { SLOW_FRAMES = 8, EAGER_FRAMES = 100, MAX_LATE = 32, FRAME_BYTES = 128 << 10,
       NUM_REGS = 0x20, FRNUM_MASK = 0x7ff };

enum { USBCMD = 0x00, USBSTS = 0x02, USBINTR = 0x04, FRNUM = 0x06, FLBASEADD = 0x08,
       SOFMOD = 0x0c, PORTSC1 = 0x10, PORTSC2 = 0x12 };
/* USBCMD, 2.1.1 */
enum { CMD_RUN = 1 << 0, CMD_HCRESET = 1 << 1, CMD_GRESET = 1 << 2, CMD_SUSPEND = 1 << 3,
       CMD_RESUME = 1 << 4, CMD_MASK = 0xff };
enum { INTR_ERROR = 1 << 0, INTR_RESUME = 1 << 1, INTR_MASK = 0x0f };
/* PORTSC, 2.1.7 */
enum { PORT_CONNECTED = 1 << 0, PORT_CONNECT_CHANGE = 1 << 1, PORT_ENABLED = 1 << 2,
       PORT_ENABLE_CHANGE = 1 << 3, PORT_RESUME = 1 << 6, PORT_ONE = 1 << 7,
       PORT_LOW_SPEED = 1 << 8, PORT_RESET = 1 << 9, PORT_SUSPEND = 1 << 12,
       PORT_RW = PORT_ENABLED | PORT_RESUME | PORT_RESET | PORT_SUSPEND,
       PORT_CHANGES = PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE };
enum { SOF_RESET = 0x40, SBRN = 0x60, LEGSUP = 0xc0, LEGSUP_RESET = 0x2000 };

/* 2.1.3: USBINT is masked by what made it. */
static void update_irq(Uhci *s)
{
    bool level = (s->status & UHCI_STS_INT && s->causes & s->enable) ||
                 (s->status & UHCI_STS_ERROR && s->enable & INTR_ERROR) ||
                 (s->status & UHCI_STS_RESUME && s->enable & INTR_RESUME) ||
                 s->status & (UHCI_STS_HOST_ERROR | UHCI_STS_PROCESS_ERROR);

    pci_set_irq(&s->pci, level);
}

/* -- Frames ------------------------------------------------------------------ */

static bool is_running(const Uhci *s)
{
    return s->command & CMD_RUN && !(s->status & UHCI_STS_HALTED);
}

static int64_t frames_since(const Uhci *s)
{
    int64_t ns = clock_now(s->pci.dev.clock) - s->frame_start;

    return is_running(s) && ns > 0 ? ns / FRAME_NS : 0;
}

static uint16_t frame_number(const Uhci *s)
{
    return (uint16_t)((s->frame + (uint64_t)frames_since(s)) & FRNUM_MASK);
}

static void set_timer(Uhci *s)
{
    int64_t frames = s->eager || s->budget <= 0 ? 1 : SLOW_FRAMES;
    int64_t next = s->frame_start + frames * FRAME_NS;

    if (!is_running(s)) {
        timer_cancel(&s->timer);
    } else if (s->moved && s->budget > 0) {
        timer_set(&s->timer, MIN(next, clock_now(s->pci.dev.clock) + AGAIN_NS));
    } else {
        timer_set(&s->timer, next);
    }
}

static void halt(Uhci *s)
{
    s->status |= UHCI_STS_HALTED;
    s->command &= (uint16_t)~CMD_RUN;
    s->frame_start = 0;
    timer_cancel(&s->timer);
}

/* All frames that are due; the present one again if a device has something. */
static void run(Uhci *s)
{
    int64_t n = frames_since(s);
    unsigned late = (unsigned)MIN(n, MAX_LATE);

    if (!is_running(s) || s->running) {
        return;
    }
    s->running = true;
    s->moved = false;
    s->frame = frame_number(s);
    s->frame_start += n * FRAME_NS;
    s->budget = n ? FRAME_BYTES : s->budget;
    for (unsigned i = MAX(late, 1u); i > 0 && is_running(s); i--) {
        uhci_run_frame(s, s->frame - (i - 1));
    }
    s->eager = s->moved ? EAGER_FRAMES : (uint8_t)(s->eager > n ? s->eager - n : 0);
    s->running = false;
    if (s->status & UHCI_STS_PROCESS_ERROR) {
        halt(s);
    }
    update_irq(s);
    set_timer(s);
}

static void tick(void *opaque)
{
    run(opaque);
}

static void bus_ready(USBBus *bus)
{
    Uhci *s = container_of(bus, Uhci, bus);

    if (is_running(s)) {
        s->eager = EAGER_FRAMES;
        timer_set(&s->timer, clock_now(s->pci.dev.clock));
    }
}

/* -- Ports ------------------------------------------------------------------- */

static Uhci *hc_of(const USBPort *p)
{
    return container_of(p->bus, Uhci, bus);
}

static void show_port(Uhci *s, unsigned n)
{
    uint16_t v = s->port_status[n];

    s->port[n].enabled = v & PORT_ENABLED && !(v & PORT_RESET);
    s->port[n].suspended = (v & PORT_SUSPEND) != 0;
}

/* 2.1.2: in global suspend, a change of the ports is a resume event, too. */
static void wake_host(Uhci *s)
{
    if (s->command & CMD_SUSPEND) {
        s->status |= UHCI_STS_RESUME;
        update_irq(s);
    }
}

static void set_connected(Uhci *s, unsigned n)
{
    const USBDevice *d = s->port[n].dev;
    bool low = d && usb_desc(d)->speed == USB_LOW_SPEED;

    s->port_status[n] &= (uint16_t)~(PORT_CONNECTED | PORT_LOW_SPEED);
    s->port_status[n] |= (uint16_t)(d ? PORT_CONNECTED | (low ? PORT_LOW_SPEED : 0) : 0);
}

static void port_attach(USBPort *p)
{
    Uhci *s = hc_of(p);
    unsigned n = p->number - 1;

    set_connected(s, n);
    s->port_status[n] |= PORT_CONNECT_CHANGE;
    wake_host(s);
}

static void port_detach(USBPort *p)
{
    Uhci *s = hc_of(p);
    unsigned n = p->number - 1;
    uint16_t *v = &s->port_status[n];

    if (*v & PORT_ENABLED) {
        *v |= PORT_ENABLE_CHANGE;
    }
    *v |= PORT_CONNECT_CHANGE;
    *v &= (uint16_t)~(PORT_CONNECTED | PORT_LOW_SPEED | PORT_ENABLED | PORT_SUSPEND | PORT_RESUME);
    show_port(s, n);
    wake_host(s);
}

static void port_resume(USBPort *p)
{
    Uhci *s = hc_of(p);

    if (s->port_status[p->number - 1] & PORT_SUSPEND) {
        s->port_status[p->number - 1] |= PORT_RESUME;
        s->status |= UHCI_STS_RESUME;
    }
    if (s->command & CMD_SUSPEND) {
        s->command |= CMD_RESUME;
        s->status |= UHCI_STS_RESUME;
    }
    update_irq(s);
}

static const USBPortOps port_ops = { port_attach, port_detach, port_resume };

static void write_port(Uhci *s, unsigned n, uint16_t val)
{
    uint16_t *v = &s->port_status[n], before = *v;

    *v &= (uint16_t)~((val & PORT_CHANGES) | PORT_RW);
    *v |= val & PORT_RW;
    if (before & PORT_RESUME && !(val & PORT_RESUME)) {
        *v &= (uint16_t)~PORT_SUSPEND;  /* the resume signal is over */
    }
    if (val & PORT_RESET) {
        *v &= (uint16_t)~(PORT_ENABLED | PORT_SUSPEND | PORT_RESUME);
        if (!(before & PORT_RESET)) {
            usb_port_reset(&s->port[n]);
        }
    }
    if (!(*v & PORT_CONNECTED)) {
        *v &= (uint16_t)~(PORT_ENABLED | PORT_SUSPEND | PORT_RESUME);
    }
    show_port(s, n);
}

/* -- Registers --------------------------------------------------------------- */

/* 2.1.1 HCRESET: registers, and the ports are found again. */
static void reset_registers(Uhci *s)
{
    s->command = s->enable = s->causes = 0;
    s->status = UHCI_STS_HALTED;
    s->base = 0;
    s->sof = SOF_RESET;
    s->frame = 0;
    s->frame_start = 0;
    s->budget = 0;
    s->eager = 0;
    s->bus.suspended = false;
    timer_cancel(&s->timer);
    s->timer.deadline = 0;             /* one reset chip is like another */
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        s->port_status[n] = 0;
        usb_port_reset(&s->port[n]);
        set_connected(s, n);
        s->port_status[n] |= s->port[n].dev ? PORT_CONNECT_CHANGE : 0;
        show_port(s, n);
    }
}

static void reset_bus(Uhci *s)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        s->port_status[n] &= (uint16_t)~(PORT_ENABLED | PORT_SUSPEND | PORT_RESUME);
        usb_port_reset(&s->port[n]);
        show_port(s, n);
    }
}

static void write_command(Uhci *s, uint16_t val)
{
    uint16_t before = s->command;

    if (val & CMD_HCRESET) {
        reset_registers(s);
        return;
    }
    run(s);
    s->command = val & CMD_MASK;
    if (val & ~before & CMD_GRESET) {
        reset_bus(s);
    }
    s->bus.suspended = (val & CMD_SUSPEND) != 0;
    if (!(val & CMD_RUN)) {
        halt(s);
    } else if (s->status & UHCI_STS_HALTED) {
        s->status &= (uint16_t)~UHCI_STS_HALTED;
        s->frame_start = clock_now(s->pci.dev.clock);
        s->budget = FRAME_BYTES;
        s->eager = EAGER_FRAMES;
        s->moved = false;
        set_timer(s);
    }
}

static uint16_t read_word(const Uhci *s, unsigned reg)
{
    switch (reg) {
    case USBCMD:        return s->command;
    case USBSTS:        return s->status;
    case USBINTR:       return s->enable;
    case FRNUM:         return frame_number(s);
    case FLBASEADD:     return (uint16_t)s->base;
    case FLBASEADD + 2: return (uint16_t)(s->base >> 16);
    case SOFMOD:        return s->sof;
    case PORTSC1:
    case PORTSC2:       return s->port_status[(reg - PORTSC1) / 2] | PORT_ONE;
    default:            return 0xff7f;  /* PORTSC's bit 7 tells ports from nothing */
    }
}

static void write_word(Uhci *s, unsigned reg, uint16_t val)
{
    switch (reg) {
    case USBCMD:
        write_command(s, val);
        break;
    case USBSTS:
        s->status &= (uint16_t)~(val & 0x1f);
        if (val & UHCI_STS_INT) {
            s->causes = 0;
        }
        break;
    case USBINTR:
        s->enable = val & INTR_MASK;
        break;
    case FRNUM:
        if (s->status & UHCI_STS_HALTED) {
            s->frame = val & FRNUM_MASK;
        } else {
            log_guest("uhci", "FRNUM written while running");
        }
        break;
    case FLBASEADD:
        s->base = (s->base & 0xffff0000u) | (val & 0xf000u);
        break;
    case FLBASEADD + 2:
        s->base = (s->base & 0xffffu) | (uint32_t)val << 16;
        break;
    case SOFMOD:
        s->sof = val & 0x7f;
        break;
    case PORTSC1:
    case PORTSC2:
        write_port(s, (reg - PORTSC1) / 2, val);
        break;
    default:
        break;
    }
    update_irq(s);
}

static uint64_t uhci_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_word(opaque, (unsigned)offset);
}

static void uhci_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    write_word(opaque, (unsigned)offset, (uint16_t)val);
}

/* -- Life -------------------------------------------------------------------- */

static void config_init(PCIDevice *pd)
{
    store_le(pd->wmask + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    store_le(pd->config + PCI_STATUS, 0x0280, 2);
    pd->config[SBRN] = 0x10;            /* USB 1.0 */
    store_le(pd->config + LEGSUP, LEGSUP_RESET, 2);
    store_le(pd->wmask + LEGSUP, 0x20bf, 2);
    store_le(pd->w1c + LEGSUP, 0x8f00, 2);
    pci_set_bar(pd, 4, &pd->dev.window[0], true, false);
}

static void uhci_init(Device *d)
{
    Uhci *s = (Uhci *)d;

    usb_bus_init(&s->bus, d, bus_ready);
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        usb_port_init(&s->bus, &s->port[n], NULL, n + 1, &port_ops);
    }
    timer_init(d->clock, &s->timer, tick, s);
}

static void uhci_reset(Device *d)
{
    Uhci *s = (Uhci *)d;

    pci_reset_common(&s->pci);
    reset_registers(s);
    update_irq(s);
}

/* A frame begins in the past, and not long ago. */
static void load_time(Uhci *s)
{
    int64_t now = clock_now(s->pci.dev.clock);

    if (!is_running(s)) {
        s->frame_start = 0;
        timer_cancel(&s->timer);
        return;
    }
    if (s->frame_start > now || now - NS_PER_SEC > s->frame_start) {
        s->frame_start = now;
    }
    s->moved = false;
    if (!s->timer.armed) {
        set_timer(s);
    }
}

static int uhci_post_load(Device *d, Error *err)
{
    Uhci *s = (Uhci *)d;
    int ret = pci_post_load(&s->pci, err);

    if (ret < 0) {
        return ret;
    }
    s->command &= CMD_MASK;
    s->status &= 0x3f;
    s->base &= 0xfffff000u;
    s->frame &= FRNUM_MASK;
    s->budget = MIN(s->budget, FRAME_BYTES);
    s->bus.suspended = (s->command & CMD_SUSPEND) != 0;
    load_time(s);
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        show_port(s, n);
    }
    update_irq(s);
    return 0;
}

static void uhci_free(Device *d)
{
    Uhci *s = (Uhci *)d;

    timer_cancel(&s->timer);
    usb_bus_free(&s->bus);
}

static const VMField uhci_vmstate[] = {
    VM_PCI_DEVICE(Uhci, pci),
    VM_TIMER(Uhci, timer),
    VM_FIELD(Uhci, command),
    VM_FIELD(Uhci, status),
    VM_FIELD(Uhci, enable),
    VM_FIELD(Uhci, causes),
    VM_FIELD(Uhci, base),
    VM_FIELD(Uhci, sof),
    VM_ARRAY(Uhci, port_status),
    VM_FIELD(Uhci, frame),
    VM_FIELD(Uhci, frame_start),
    VM_FIELD(Uhci, budget),
    VM_FIELD(Uhci, eager),
    VM_END
};

static const MemoryRegionOps uhci_ops = { uhci_read, uhci_write, 2, 2 };

static const WindowDef uhci_windows[] = {
    { "uhci", true, NUM_REGS, NULL, &uhci_ops },
    { .name = NULL }
};

static const PCIDeviceOps uhci_pci = {
    .vendor = 0x8086, .device = 0x7020, .class = 0x0c03, .revision = 1, .irq_pin = 4,
    .not_bars = 0x01,
    .config_init = config_init,
};

const DeviceType piix3_uhci_type = {
    .name           = "piix3-usb-uhci",
    .desc           = "PIIX3 USB host controller, UHCI",
    .manual         = "Intel 290550; UHCI 1.1",
    .bus            = "pci",
    .has_bus        = "usb",
    .has_bus_at     = offsetof(Uhci, bus),
    .state_size     = sizeof(Uhci),
    .windows        = uhci_windows,
    .vmstate        = uhci_vmstate,
    .user_creatable = true,
    .init           = uhci_init,
    .reset          = uhci_reset,
    .post_load      = uhci_post_load,
    .free           = uhci_free,
    .bus_ops        = &uhci_pci,
};
