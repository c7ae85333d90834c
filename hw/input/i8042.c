/* SPDX-License-Identifier: MIT */
/*
 * Keyboard and auxiliary device controller (IBM PS/2 Hardware Interface
 * Technical Reference, S68X-2330, "Keyboard and Auxiliary Device Controller").
 *
 *      port 64h --> command table --> answer --.
 *      port 60h <-- output buffer <------------+-- keyboard (translated)
 *           '--> keyboard, mouse               '-- mouse
 *
 * The output buffer holds one byte; status bits say that it is full and where
 * it came from.  An answer of the controller takes the place of a device's
 * byte, which waits in `held`.  The next byte of a device arrives no sooner
 * than it would over the cable: programs read port 60h twice for one byte (an
 * interrupt handler, and the one it replaced).
 *
 * Not modelled: the password, the keyboard lock, time-out and parity errors,
 * and the pulses of output port bits other than reset.
 */
#include "hw/input/i8042.h"

#include <errno.h>
#include <string.h>

#include "hw/input/ps2.h"
#include "util/bits.h"
#include "util/log.h"

/* Status register, port 64h */
enum { ST_OBF = 0x01, ST_SYS = 0x04, ST_COMMAND = 0x08, ST_UNLOCKED = 0x10,
       ST_AUX = 0x20 };
/* Command byte, RAM address 0 */
enum { CB_IRQ1 = 0x01, CB_IRQ12 = 0x02, CB_SYS = 0x04, CB_KBD_OFF = 0x10,
       CB_AUX_OFF = 0x20, CB_TRANSLATE = 0x40 };
/* Output port */
enum { OUT_NOT_RESET = 0x01, OUT_A20 = 0x02, OUT_IRQ12 = 0x20, OUT_IRQ1 = 0x10 };
/* Input port: not locked, colour, no manufacturing jumper, 256 KiB */
enum { INPUT_PORT = 0xb0 };
enum { RAM_SIZE = 32, INPUT_KBD = 0, INPUT_AUX = 1 };

/* Eleven bits at 12.5 kHz. */
#define BYTE_NS (880 * NS_PER_US)

typedef struct I8042 {
    Device dev;
    Device *kbd, *mouse;
    Timer arrival;
    int64_t busy_until;                 /* the cable is */
    uint8_t ram[RAM_SIZE];              /* [0] is the command byte */
    uint8_t status;                     /* OBF, AUX, COMMAND */
    uint8_t out, output_port;
    uint8_t held, held_aux, holding;    /* a device's byte pushed aside */
    uint8_t pending;                    /* command that waits for data, or 0 */
    uint8_t got_break;                  /* translation: F0h came */
} I8042;

/* clang-format off */
/* IBM PS/2 Technical Reference, "Scan code translation": set 2 to set 1. */
static const uint8_t translation[] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
};
/* clang-format on */

/* -- Output buffer ----------------------------------------------------------- */

static void update_irqs(I8042 *s)
{
    bool full = s->status & ST_OBF, aux = s->status & ST_AUX;
    uint8_t cb = s->ram[0];

    qemu_set_irq(s->dev.irq[I8042_IRQ1], full && !aux && (cb & CB_IRQ1));
    qemu_set_irq(s->dev.irq[I8042_IRQ12], full && aux && (cb & CB_IRQ12));
}

static void fill(I8042 *s, uint8_t val, bool aux)
{
    s->out = val;
    s->status = (uint8_t)((s->status & ~ST_AUX) | ST_OBF | (aux ? ST_AUX : 0));
    update_irqs(s);
}

/* An answer of the controller itself. */
static void answer(I8042 *s, uint8_t val, bool aux)
{
    if ((s->status & ST_OBF) && !s->holding) {
        s->held = s->out;
        s->held_aux = s->status & ST_AUX;
        s->holding = 1;
    }
    s->status &= (uint8_t)~ST_OBF;
    update_irqs(s);                     /* a new edge for a new byte */
    fill(s, val, aux);
}

/* A keyboard byte on its way to the guest; false if it is only a prefix. */
static bool translate(I8042 *s, uint8_t *val)
{
    if (!(s->ram[0] & CB_TRANSLATE)) {
        return true;
    }
    if (*val == 0xf0) {
        s->got_break = 1;
        return false;
    }
    *val = *val < ARRAY_SIZE(translation) ? translation[*val] : *val;
    *val |= s->got_break ? 0x80 : 0;
    s->got_break = 0;
    return true;
}

static bool can_send(const Device *d, uint8_t off)
{
    return d && !off && ps2_has_byte(d);
}

/* The device whose byte is next; the keyboard goes first. */
static Device *next_sender(const I8042 *s)
{
    if (can_send(s->kbd, s->ram[0] & CB_KBD_OFF)) {
        return s->kbd;
    }
    return can_send(s->mouse, s->ram[0] & CB_AUX_OFF) ? s->mouse : NULL;
}

/* Fill the output buffer if it is empty and somebody has a byte. */
static void poll_devices(I8042 *s)
{
    while (!(s->status & ST_OBF)) {
        Device *d = next_sender(s);
        uint8_t val;

        if (s->holding) {
            s->holding = 0;
            fill(s, s->held, s->held_aux);
            return;
        }
        if (!d) {
            return;
        }
        if (clock_now(s->dev.clock) < s->busy_until) {
            timer_set(&s->arrival, s->busy_until);
            return;
        }
        s->status |= ST_OBF;            /* taken: reading moves the wire */
        val = ps2_read(d);
        if (d == s->mouse || translate(s, &val)) {
            fill(s, val, d == s->mouse);
        } else {
            s->status &= (uint8_t)~ST_OBF;
        }
    }
}

static void arrived(void *opaque)
{
    poll_devices(opaque);
}

static void device_wire(Device *d, int n, int level)
{
    (void)n;
    if (level) {
        poll_devices((I8042 *)d);
    }
}

/* -- Commands of port 64h ---------------------------------------------------- */

static void set_output_port(I8042 *s, uint8_t val)
{
    s->output_port = val;
    qemu_set_irq(s->dev.irq[I8042_A20], !!(val & OUT_A20));
    if (!(val & OUT_NOT_RESET)) {
        qemu_irq_pulse(s->dev.irq[I8042_RESET]);
    }
}

static void cmd_read_ram(I8042 *s, uint8_t code)
{
    answer(s, s->ram[code & (RAM_SIZE - 1)], false);
}

static void data_write_ram(I8042 *s, uint8_t code, uint8_t val)
{
    s->ram[code & (RAM_SIZE - 1)] = val;
    update_irqs(s);
    poll_devices(s);
}

static void change_command_byte(I8042 *s, uint8_t clear, uint8_t set)
{
    s->ram[0] = (uint8_t)((s->ram[0] & ~clear) | set);
    poll_devices(s);
}

static void cmd_kbd_off(I8042 *s, uint8_t code)
{
    (void)code;
    change_command_byte(s, 0, CB_KBD_OFF);
}

static void cmd_kbd_on(I8042 *s, uint8_t code)
{
    (void)code;
    change_command_byte(s, CB_KBD_OFF, 0);
}

static void cmd_aux_off(I8042 *s, uint8_t code)
{
    (void)code;
    change_command_byte(s, 0, CB_AUX_OFF);
}

static void cmd_aux_on(I8042 *s, uint8_t code)
{
    (void)code;
    change_command_byte(s, CB_AUX_OFF, 0);
}

/* "Self test": 55h is success. */
static void cmd_self_test(I8042 *s, uint8_t code)
{
    (void)code;
    s->ram[0] |= CB_SYS;
    s->got_break = 0;
    answer(s, 0x55, false);
}

/* "Interface test": 00h is no error. */
static void cmd_interface_test(I8042 *s, uint8_t code)
{
    (void)code;
    answer(s, 0x00, false);
}

/* "Test password installed": F1h is not installed. */
static void cmd_test_password(I8042 *s, uint8_t code)
{
    (void)code;
    answer(s, 0xf1, false);
}

static void cmd_read_input_port(I8042 *s, uint8_t code)
{
    (void)code;
    answer(s, INPUT_PORT, false);
}

static void cmd_read_output_port(I8042 *s, uint8_t code)
{
    bool full = s->status & ST_OBF, aux = s->status & ST_AUX;

    (void)code;
    answer(s, (uint8_t)(s->output_port | (full && aux ? OUT_IRQ12 : 0) |
                        (full && !aux ? OUT_IRQ1 : 0)), false);
}

static void data_write_output_port(I8042 *s, uint8_t code, uint8_t val)
{
    (void)code;
    set_output_port(s, val & ~(OUT_IRQ1 | OUT_IRQ12));
}

static void data_loop_kbd(I8042 *s, uint8_t code, uint8_t val)
{
    (void)code;
    answer(s, val, false);
}

static void data_loop_aux(I8042 *s, uint8_t code, uint8_t val)
{
    (void)code;
    answer(s, val, true);
}

static void data_to_aux(I8042 *s, uint8_t code, uint8_t val)
{
    (void)code;
    s->ram[0] &= (uint8_t)~CB_AUX_OFF;
    if (s->mouse) {
        ps2_write(s->mouse, val);
    } else {
        answer(s, PS2_RESEND, true);    /* nobody acknowledged */
    }
    poll_devices(s);
}

/* The compatible chips' shortcuts for the A20 bit. */
static void cmd_a20(I8042 *s, uint8_t code)
{
    set_output_port(s, (uint8_t)((s->output_port & ~OUT_A20) |
                                 (code == 0xdf ? OUT_A20 : 0)));
}

/* "Read test inputs": clocks idle high. */
static void cmd_test_inputs(I8042 *s, uint8_t code)
{
    (void)code;
    answer(s, 0x03, false);
}

/* "Pulse output port": bits 3:0 that are 0 go low for 6 us. */
static void cmd_pulse(I8042 *s, uint8_t code)
{
    if (!(code & OUT_NOT_RESET)) {
        qemu_irq_pulse(s->dev.irq[I8042_RESET]);
    }
}

static const struct ControllerCommand {
    uint8_t first, last;
    const char *name;
    void (*run)(I8042 *s, uint8_t code);
    void (*data)(I8042 *s, uint8_t code, uint8_t val);  /* the next port 60h */
} commands[] = {
    { 0x20, 0x3f, "read RAM",             cmd_read_ram,         NULL },
    { 0x60, 0x7f, "write RAM",            NULL,                 data_write_ram },
    { 0xa4, 0xa4, "test password",        cmd_test_password,    NULL },
    { 0xa7, 0xa7, "disable mouse",        cmd_aux_off,          NULL },
    { 0xa8, 0xa8, "enable mouse",         cmd_aux_on,           NULL },
    { 0xa9, 0xa9, "test mouse interface", cmd_interface_test,   NULL },
    { 0xaa, 0xaa, "self test",            cmd_self_test,        NULL },
    { 0xab, 0xab, "test kbd interface",   cmd_interface_test,   NULL },
    { 0xad, 0xad, "disable keyboard",     cmd_kbd_off,          NULL },
    { 0xae, 0xae, "enable keyboard",      cmd_kbd_on,           NULL },
    { 0xc0, 0xc0, "read input port",      cmd_read_input_port,  NULL },
    { 0xd0, 0xd0, "read output port",     cmd_read_output_port, NULL },
    { 0xd1, 0xd1, "write output port",    NULL, data_write_output_port },
    { 0xd2, 0xd2, "write kbd output",     NULL,                 data_loop_kbd },
    { 0xd3, 0xd3, "write mouse output",   NULL,                 data_loop_aux },
    { 0xd4, 0xd4, "write to mouse",       NULL,                 data_to_aux },
    { 0xdd, 0xdd, "A20 off",              cmd_a20,              NULL },
    { 0xdf, 0xdf, "A20 on",               cmd_a20,              NULL },
    { 0xe0, 0xe0, "read test inputs",     cmd_test_inputs,      NULL },
    { 0xf0, 0xff, "pulse output port",    cmd_pulse,            NULL },
};

static const struct ControllerCommand *find_command(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (code >= commands[i].first && code <= commands[i].last) {
            return &commands[i];
        }
    }
    return NULL;
}

static void write_command(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8042 *s = opaque;
    const struct ControllerCommand *c = find_command((uint8_t)val);

    (void)offset;
    (void)size;
    s->status |= ST_COMMAND;
    s->pending = 0;
    if (!c) {
        log_guest("i8042", "unknown command 0x%02x", (unsigned)val);
    } else if (c->data) {
        s->pending = (uint8_t)val;
    } else {
        c->run(s, (uint8_t)val);
    }
}

/* -- Ports ------------------------------------------------------------------- */

/* Data for a command, or else for the keyboard, which that enables. */
static void write_data(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8042 *s = opaque;
    uint8_t code = s->pending;
    const struct ControllerCommand *c = code ? find_command(code) : NULL;

    (void)offset;
    (void)size;
    s->status &= (uint8_t)~ST_COMMAND;
    s->pending = 0;
    if (c && c->data) {
        c->data(s, code, (uint8_t)val);
        return;
    }
    s->ram[0] &= (uint8_t)~CB_KBD_OFF;
    if (s->kbd) {
        ps2_write(s->kbd, (uint8_t)val);
    }
    poll_devices(s);
}

static uint64_t read_data(void *opaque, hwaddr offset, unsigned size)
{
    I8042 *s = opaque;
    uint8_t val = s->out;

    (void)offset;
    (void)size;
    if (s->status & ST_OBF) {
        s->status &= (uint8_t)~(ST_OBF | ST_AUX);
        s->busy_until = clock_now(s->dev.clock) + BYTE_NS;
        update_irqs(s);
        poll_devices(s);
    }
    return val;
}

static uint64_t read_status(void *opaque, hwaddr offset, unsigned size)
{
    I8042 *s = opaque;

    (void)offset;
    (void)size;
    return s->status | ST_UNLOCKED | (s->ram[0] & CB_SYS ? ST_SYS : 0);
}

static const MemoryRegionOps data_ops = {
    .read = read_data, .write = write_data, .min = 1, .max = 1,
};
static const MemoryRegionOps command_ops = {
    .read = read_status, .write = write_command, .min = 1, .max = 1,
};

/* -- The type ---------------------------------------------------------------- */

static void i8042_init(Device *d)
{
    I8042 *s = (I8042 *)d;

    timer_init(d->clock, &s->arrival, arrived, s);
}

static int plug(Device *d, Device *dev, const DeviceType *type, int input,
                Error *err)
{
    if (dev && dev->type != type) {
        return error_set(err, EINVAL, "i8042: wants a %s, not a %s", type->name,
                         dev->type->name);
    }
    if (dev) {
        device_connect(dev, 0, device_input(d, input));
    }
    return 0;
}

static int i8042_realize(Device *d, Error *err)
{
    I8042 *s = (I8042 *)d;
    int ret = plug(d, s->kbd, &ps2_kbd_type, INPUT_KBD, err);

    return ret ? ret : plug(d, s->mouse, &ps2_mouse_type, INPUT_AUX, err);
}

/* After power-on both interfaces are disabled; the pins of the output port are
 * high, so address line 20 passes. */
static void i8042_reset(Device *d)
{
    I8042 *s = (I8042 *)d;

    timer_cancel(&s->arrival);
    s->arrival.deadline = 0;
    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = CB_KBD_OFF | CB_AUX_OFF | CB_TRANSLATE;
    s->status = s->out = s->held = s->held_aux = s->holding = 0;
    s->pending = s->got_break = 0;
    s->busy_until = 0;
    s->output_port = 0xcf;
    qemu_irq_raise(d->irq[I8042_A20]);
    update_irqs(s);
}

static int i8042_post_load(Device *d, Error *err)
{
    I8042 *s = (I8042 *)d;

    (void)err;
    s->status &= ST_OBF | ST_AUX | ST_COMMAND;
    /* The cable is never busy for longer. */
    s->busy_until = MIN(s->busy_until, clock_now(d->clock) + BYTE_NS);
    qemu_set_irq(d->irq[I8042_A20], !!(s->output_port & OUT_A20));
    update_irqs(s);
    return 0;
}

static void i8042_free(Device *d)
{
    timer_cancel(&((I8042 *)d)->arrival);
}

static const WindowDef i8042_windows[] = {
    [I8042_DATA]    = { "data",    true, 1, NULL, &data_ops },
    [I8042_COMMAND] = { "command", true, 1, NULL, &command_ops },
    { .name = NULL }
};

static const PropDef i8042_props[] = {
    { "kbd",   PROP_LINK, offsetof(I8042, kbd),   0, "ps2-kbd" },
    { "mouse", PROP_LINK, offsetof(I8042, mouse), 0, "ps2-mouse" },
    { .name = NULL }
};

static const VMField i8042_vmstate[] = {
    VM_FIELD(I8042, busy_until),
    VM_ARRAY(I8042, ram),
    VM_FIELD(I8042, status),
    VM_FIELD(I8042, out),
    VM_FIELD(I8042, output_port),
    VM_FIELD(I8042, held),
    VM_FIELD(I8042, held_aux),
    VM_FIELD(I8042, holding),
    VM_FIELD(I8042, pending),
    VM_FIELD(I8042, got_break),
    VM_TIMER(I8042, arrival),
    VM_END
};

const DeviceType i8042_type = {
    .name       = "i8042",
    .desc       = "keyboard and mouse controller",
    .manual     = "IBM S68X-2330",
    .bus        = "isa",
    .state_size = sizeof(I8042),
    .windows    = i8042_windows,
    .props      = i8042_props,
    .vmstate    = i8042_vmstate,
    .num_irqs   = 4,
    .num_inputs = 2,
    .init       = i8042_init,
    .realize    = i8042_realize,
    .reset      = i8042_reset,
    .post_load  = i8042_post_load,
    .free       = i8042_free,
    .input      = device_wire,
};
