/* SPDX-License-Identifier: MIT */
/*
 * PS/2 mouse (IBM PS/2 Hardware Interface Technical Reference, "Mouse"), with
 * the wheel of Microsoft's IntelliMouse (id 3) and the two more buttons of its
 * Explorer (id 4).
 *
 * Motion is collected in dx, dy, dz and becomes a packet when the one before
 * has been taken; a slow guest gets fewer, larger ones.
 *
 *      byte 0   Yovf Xovf Ysign Xsign 1 middle right left
 *      byte 1   X, right positive        byte 2   Y, up positive
 *      byte 3   id 3: Z    id 4: 0 0 button5 button4 Z3 Z2 Z1 Z0
 *
 * Not modelled: the pause between packets that the sample rate asks for (the
 * controller paces bytes), buttons 4 and 5, which no interface has, and the
 * report (AAh 00h) of the self test after power-on.
 */
#include "hw/input/ps2.h"

#include <string.h>

#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"

typedef struct Mouse {
    Ps2 ps2;
    int32_t dx, dy, dz;                 /* not reported yet; dy up */
    uint8_t buttons, reported;
    uint8_t id;                         /* 0, 3, 4 */
    uint8_t rates[3];                   /* the last sample rates, newest first */
    uint8_t resolution, scaling, remote, enabled, wrap;
} Mouse;

enum { STATUS_REMOTE = 0x40, STATUS_ENABLED = 0x20, STATUS_SCALING = 0x10 };
enum { PACKET_XSIGN = 0x10, PACKET_YSIGN = 0x20, PACKET_ONE = 0x08 };

/* -- Packets ----------------------------------------------------------------- */

static int take(int32_t *counter, int low, int high)
{
    int v = MAX(low, MIN(high, *counter));

    *counter -= v;
    return v;
}

/* "Set Scaling 2:1", for stream mode. */
static int scale(const Mouse *m, int v)
{
    static const uint8_t scaled[6] = { 0, 1, 1, 3, 6, 9 };
    int a = v < 0 ? -v : v;

    if (!m->scaling || m->remote) {
        return v;
    }
    a = a < 6 ? scaled[a] : MIN(2 * a, 255);
    return v < 0 ? -a : a;
}

static bool pending(const Mouse *m)
{
    return m->dx || m->dy || m->dz || m->buttons != m->reported;
}

static unsigned make_packet(Mouse *m, uint8_t *buf)
{
    int x = scale(m, take(&m->dx, -255, 255));
    int y = scale(m, take(&m->dy, -255, 255));

    buf[0] = (uint8_t)(PACKET_ONE | m->buttons | (x < 0 ? PACKET_XSIGN : 0) |
                       (y < 0 ? PACKET_YSIGN : 0));
    buf[1] = (uint8_t)x;
    buf[2] = (uint8_t)y;
    m->reported = m->buttons;
    if (m->id == 0) {
        return 3;
    }
    buf[3] = (uint8_t)take(&m->dz, m->id == 4 ? -8 : -127, m->id == 4 ? 7 : 127);
    if (m->id == 4) {
        buf[3] &= 0x0f;
    }
    return 4;
}

static void stream(Ps2 *p)
{
    Mouse *m = (Mouse *)p;
    uint8_t buf[4];

    if (m->enabled && !m->remote && !m->wrap && pending(m) && !p->num_data) {
        ps2_put(p, buf, make_packet(m, buf));
    }
}

static void moved(void *opaque, int x, int y, int dz, int buttons)
{
    Mouse *m = opaque;
    const int32_t far = 1 << 20;

    if (!m->enabled && !m->remote) {
        return;
    }
    m->dx = MAX(-far, MIN(far, m->dx + MAX(-far, MIN(far, x))));
    m->dy = MAX(-far, MIN(far, m->dy - MAX(-far, MIN(far, y))));
    m->dz = m->id ? MAX(-far, MIN(far, m->dz + MAX(-far, MIN(far, dz)))) : 0;
    m->buttons = (uint8_t)(buttons & 7);
    stream(&m->ps2);
}

/* -- Commands ---------------------------------------------------------------- */

static void clear_motion(Mouse *m)
{
    m->dx = m->dy = m->dz = 0;
    m->ps2.num_data = 0;
}

static void set_defaults(Mouse *m)
{
    m->rates[0] = 100;
    m->resolution = 2;
    m->scaling = m->remote = m->enabled = 0;
    clear_motion(m);
}

static void power_on(Mouse *m)
{
    set_defaults(m);
    m->id = m->wrap = 0;
    memset(m->rates + 1, 0, sizeof(m->rates) - 1);
}

static void cmd_reset(Mouse *m)
{
    power_on(m);
    ps2_answer(&m->ps2, PS2_BAT_OK);
    ps2_answer(&m->ps2, 0x00);
}

static void cmd_disable(Mouse *m)       { m->enabled = 0; clear_motion(m); }
static void cmd_enable(Mouse *m)        { m->enabled = 1; clear_motion(m); }
static void cmd_id(Mouse *m)            { ps2_answer(&m->ps2, m->id); }
static void cmd_remote(Mouse *m)        { m->remote = 1; clear_motion(m); }
static void cmd_stream(Mouse *m)        { m->remote = 0; clear_motion(m); }
static void cmd_wrap(Mouse *m)          { m->wrap = 1; clear_motion(m); }
static void cmd_no_wrap(Mouse *m)       { m->wrap = 0; }
static void cmd_scaling_1(Mouse *m)     { m->scaling = 0; }
static void cmd_scaling_2(Mouse *m)     { m->scaling = 1; }

static void cmd_read_data(Mouse *m)
{
    uint8_t buf[4];
    unsigned len = make_packet(m, buf);

    m->ps2.num_data = 0;
    for (unsigned i = 0; i < len; i++) {
        ps2_answer(&m->ps2, buf[i]);
    }
}

static void cmd_status(Mouse *m)
{
    uint8_t b = m->buttons;

    ps2_answer(&m->ps2, (uint8_t)((m->remote ? STATUS_REMOTE : 0) |
                                  (m->enabled ? STATUS_ENABLED : 0) |
                                  (m->scaling ? STATUS_SCALING : 0) |
                                  (b & POINTER_LEFT ? 4 : 0) |
                                  (b & POINTER_MIDDLE ? 2 : 0) |
                                  (b & POINTER_RIGHT ? 1 : 0)));
    ps2_answer(&m->ps2, m->resolution);
    ps2_answer(&m->ps2, m->rates[0]);
}

static void arg_resolution(Mouse *m, uint8_t val)
{
    m->resolution = val & 3;
}

/* Microsoft: rates 200, 100, 80 ask for the wheel, 200, 200, 80 for the
 * Explorer's report. */
static void arg_rate(Mouse *m, uint8_t val)
{
    static const uint8_t wheel[3] = { 80, 100, 200 };
    static const uint8_t explorer[3] = { 80, 200, 200 };

    m->rates[2] = m->rates[1];
    m->rates[1] = m->rates[0];
    m->rates[0] = val;
    if (!memcmp(m->rates, wheel, 3)) {
        m->id = 3;
    } else if (!memcmp(m->rates, explorer, 3)) {
        m->id = 4;
    }
}

static const struct MouseCommand {
    uint8_t code;
    const char *name;
    void (*run)(Mouse *m);                      /* after ACK */
    void (*argument)(Mouse *m, uint8_t val);    /* with the byte that follows */
} commands[] = {
    { 0xe6, "set scaling 1:1",  cmd_scaling_1, NULL },
    { 0xe7, "set scaling 2:1",  cmd_scaling_2, NULL },
    { 0xe8, "set resolution",   NULL, arg_resolution },
    { 0xe9, "status request",   cmd_status,    NULL },
    { 0xea, "set stream mode",  cmd_stream,    NULL },
    { 0xeb, "read data",        cmd_read_data, NULL },
    { 0xec, "reset wrap mode",  cmd_no_wrap,   NULL },
    { 0xee, "set wrap mode",    cmd_wrap,      NULL },
    { 0xf0, "set remote mode",  cmd_remote,    NULL },
    { 0xf2, "read device type", cmd_id,        NULL },
    { 0xf3, "set sample rate",  NULL, arg_rate },
    { 0xf4, "enable",           cmd_enable,    NULL },
    { 0xf5, "disable",          cmd_disable,   NULL },
    { 0xf6, "set defaults",     set_defaults,  NULL },
    { 0xff, "reset",            cmd_reset,     NULL },
};

static const struct MouseCommand *find_command(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].code == code) {
            return &commands[i];
        }
    }
    return NULL;
}

/* "In wrap mode all bytes but FFh and ECh are echoed." */
static void command(Ps2 *p, uint8_t val)
{
    Mouse *m = (Mouse *)p;
    const struct MouseCommand *c = find_command(p->awaiting);

    p->awaiting = 0;
    if (m->wrap && val != 0xff && val != 0xec) {
        ps2_answer(p, val);
        return;
    }
    if (c && c->argument && val < 0xe6) {
        ps2_answer(p, PS2_ACK);
        c->argument(m, val);
        return;
    }
    c = find_command(val);
    if (val == PS2_RESEND) {
        ps2_answer(p, p->last);
    } else if (!c) {
        log_guest("ps2-mouse", "unknown command 0x%02x", val);
        ps2_answer(p, PS2_RESEND);      /* "invalid input" */
    } else {
        ps2_answer(p, PS2_ACK);
        if (c->argument) {
            p->awaiting = val;
        } else {
            c->run(m);
        }
    }
}

/* -- The type ---------------------------------------------------------------- */

static int mouse_realize(Device *d, Error *err)
{
    const PointerSink sink = {
        .moved = moved, .absolute = false, .name = "PS/2 mouse", .opaque = d,
    };

    (void)err;
    input_add_pointer(&sink);
    return 0;
}

static void mouse_reset(Device *d)
{
    Mouse *m = (Mouse *)d;

    ps2_flush(&m->ps2);
    m->ps2.last = m->ps2.awaiting = 0;
    memset(m->ps2.answer, 0, sizeof(m->ps2.answer));
    memset(m->ps2.data, 0, sizeof(m->ps2.data));
    m->buttons = m->reported = 0;
    power_on(m);
}

static int mouse_post_load(Device *d, Error *err)
{
    Mouse *m = (Mouse *)d;
    const int32_t far = 1 << 20;

    m->dx = MAX(-far, MIN(far, m->dx));
    m->dy = MAX(-far, MIN(far, m->dy));
    m->dz = MAX(-far, MIN(far, m->dz));
    m->buttons &= 7;
    return ps2_post_load(&m->ps2, err);
}

static void mouse_free(Device *d)
{
    if (d->realized) {
        input_remove_pointer(d);
    }
}

static const Ps2Ops mouse_ops = { .command = command, .sent = stream };

static const VMField mouse_vmstate[] = {
    VM_PS2(Mouse),
    VM_FIELD(Mouse, dx),
    VM_FIELD(Mouse, dy),
    VM_FIELD(Mouse, dz),
    VM_FIELD(Mouse, buttons),
    VM_FIELD(Mouse, reported),
    VM_FIELD(Mouse, id),
    VM_ARRAY(Mouse, rates),
    VM_FIELD(Mouse, resolution),
    VM_FIELD(Mouse, scaling),
    VM_FIELD(Mouse, remote),
    VM_FIELD(Mouse, enabled),
    VM_FIELD(Mouse, wrap),
    VM_END
};

const DeviceType ps2_mouse_type = {
    .name       = "ps2-mouse",
    .desc       = "PS/2 mouse with wheel",
    .manual     = "IBM S68X-2330",
    .bus        = "ps2",
    .state_size = sizeof(Mouse),
    .vmstate    = mouse_vmstate,
    .num_irqs   = 1,
    .realize    = mouse_realize,
    .reset      = mouse_reset,
    .post_load  = mouse_post_load,
    .free       = mouse_free,
    .bus_ops    = &mouse_ops,
};
