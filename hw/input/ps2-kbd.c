/* SPDX-License-Identifier: MIT */
/*
 * PS/2 keyboard, 101/102 keys (IBM PS/2 Hardware Interface Technical Reference,
 * S68X-2330, "Keyboards (101- and 102-Key)").
 *
 *      key number --> scan code set 1, 2 or 3 --> 16-byte buffer --> cable
 *
 * A key number is its set 1 code, 80h added for those with prefix E0
 * (ui/console.h), so set 1 needs no table.  Set 2 has one, which is also the
 * inverse of the controller's translation; set 3 has one code per key and a
 * key type that says whether it repeats and whether its release is reported.
 *
 * Not modelled: repeating by the keyboard (user interfaces repeat; the rate is
 * accepted), the shift codes that sets 1 and 2 put around the grey keys while
 * Shift or Num Lock is on, and the report (AAh) of the self test after power-on.
 */
#include "hw/input/ps2.h"

#include <string.h>

#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"

enum { TYPEMATIC = 1, MAKE_BREAK = 2, MAKE = 4 };       /* key types of set 3 */
enum { BREAK_2 = 0xf0, EXTENDED = 0xe0, PAUSE_PREFIX = 0xe1, ECHO = 0xee };
enum { KEY_CTRL = 0x1d, KEY_SHIFT = 0x2a, KEY_ALT = 0x38, KEY_NUM_LOCK = 0x45,
       KEY_SYSRQ = 0x54 };
enum { NUM_KEYS = 256, NUM_CODES3 = 0x90, MAX_SEQUENCE = 8 };

typedef struct Keyboard {
    Ps2 ps2;
    uint8_t enabled, set, leds, rate;
    uint8_t down[NUM_KEYS / 8];
    uint8_t type3[NUM_CODES3];          /* by set 3 code */
} Keyboard;

/* clang-format off */

/* "Scan code set 2", by set 1 code; with prefix E0 the same. */
static const uint8_t set2[128] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
    0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b,
    0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03,
    0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69,
    0x72, 0x7a, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
    0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f,
    0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e,
};

/* "Scan code set 3" and default key types, by key number. */
static const struct Set3 { uint8_t code, type; } set3[NUM_KEYS] = {
    [0x29] = { 0x0e, TYPEMATIC },  [0x02] = { 0x16, TYPEMATIC },
    [0x03] = { 0x1e, TYPEMATIC },  [0x04] = { 0x26, TYPEMATIC },
    [0x05] = { 0x25, TYPEMATIC },  [0x06] = { 0x2e, TYPEMATIC },
    [0x07] = { 0x36, TYPEMATIC },  [0x08] = { 0x3d, TYPEMATIC },
    [0x09] = { 0x3e, TYPEMATIC },  [0x0a] = { 0x46, TYPEMATIC },
    [0x0b] = { 0x45, TYPEMATIC },  [0x0c] = { 0x4e, TYPEMATIC },
    [0x0d] = { 0x55, TYPEMATIC },  [0x0e] = { 0x66, TYPEMATIC },
    [0x0f] = { 0x0d, TYPEMATIC },  [0x10] = { 0x15, TYPEMATIC },
    [0x11] = { 0x1d, TYPEMATIC },  [0x12] = { 0x24, TYPEMATIC },
    [0x13] = { 0x2d, TYPEMATIC },  [0x14] = { 0x2c, TYPEMATIC },
    [0x15] = { 0x35, TYPEMATIC },  [0x16] = { 0x3c, TYPEMATIC },
    [0x17] = { 0x43, TYPEMATIC },  [0x18] = { 0x44, TYPEMATIC },
    [0x19] = { 0x4d, TYPEMATIC },  [0x1a] = { 0x54, TYPEMATIC },
    [0x1b] = { 0x5b, TYPEMATIC },  [0x2b] = { 0x5c, TYPEMATIC },
    [0x3a] = { 0x14, MAKE_BREAK }, [0x1e] = { 0x1c, TYPEMATIC },
    [0x1f] = { 0x1b, TYPEMATIC },  [0x20] = { 0x23, TYPEMATIC },
    [0x21] = { 0x2b, TYPEMATIC },  [0x22] = { 0x34, TYPEMATIC },
    [0x23] = { 0x33, TYPEMATIC },  [0x24] = { 0x3b, TYPEMATIC },
    [0x25] = { 0x42, TYPEMATIC },  [0x26] = { 0x4b, TYPEMATIC },
    [0x27] = { 0x4c, TYPEMATIC },  [0x28] = { 0x52, TYPEMATIC },
    [0x1c] = { 0x5a, TYPEMATIC },  [0x2a] = { 0x12, MAKE_BREAK },
    [0x56] = { 0x13, TYPEMATIC },  [0x2c] = { 0x1a, TYPEMATIC },
    [0x2d] = { 0x22, TYPEMATIC },  [0x2e] = { 0x21, TYPEMATIC },
    [0x2f] = { 0x2a, TYPEMATIC },  [0x30] = { 0x32, TYPEMATIC },
    [0x31] = { 0x31, TYPEMATIC },  [0x32] = { 0x3a, TYPEMATIC },
    [0x33] = { 0x41, TYPEMATIC },  [0x34] = { 0x49, TYPEMATIC },
    [0x35] = { 0x4a, TYPEMATIC },  [0x36] = { 0x59, MAKE_BREAK },
    [0x1d] = { 0x11, MAKE_BREAK }, [0x38] = { 0x19, MAKE_BREAK },
    [0x39] = { 0x29, TYPEMATIC },  [0xb8] = { 0x39, MAKE },
    [0x9d] = { 0x58, MAKE },       [0xd2] = { 0x67, MAKE },
    [0xd3] = { 0x64, TYPEMATIC },  [0xcb] = { 0x61, TYPEMATIC },
    [0xc7] = { 0x6e, MAKE },       [0xcf] = { 0x65, MAKE },
    [0xc8] = { 0x63, TYPEMATIC },  [0xd0] = { 0x60, TYPEMATIC },
    [0xc9] = { 0x6f, MAKE },       [0xd1] = { 0x6d, MAKE },
    [0xcd] = { 0x6a, TYPEMATIC },  [0x45] = { 0x76, MAKE },
    [0x47] = { 0x6c, MAKE },       [0x4b] = { 0x6b, MAKE },
    [0x4f] = { 0x69, MAKE },       [0xb5] = { 0x77, MAKE },
    [0x48] = { 0x75, MAKE },       [0x4c] = { 0x73, MAKE },
    [0x50] = { 0x72, MAKE },       [0x52] = { 0x70, MAKE },
    [0x37] = { 0x7e, MAKE },       [0x49] = { 0x7d, MAKE },
    [0x4d] = { 0x74, MAKE },       [0x51] = { 0x7a, MAKE },
    [0x53] = { 0x71, MAKE },       [0x4a] = { 0x84, MAKE },
    [0x4e] = { 0x7c, TYPEMATIC },  [0x9c] = { 0x79, MAKE },
    [0x01] = { 0x08, MAKE },       [0x3b] = { 0x07, MAKE },
    [0x3c] = { 0x0f, MAKE },       [0x3d] = { 0x17, MAKE },
    [0x3e] = { 0x1f, MAKE },       [0x3f] = { 0x27, MAKE },
    [0x40] = { 0x2f, MAKE },       [0x41] = { 0x37, MAKE },
    [0x42] = { 0x3f, MAKE },       [0x43] = { 0x47, MAKE },
    [0x44] = { 0x4f, MAKE },       [0x57] = { 0x56, MAKE },
    [0x58] = { 0x5e, MAKE },       [KEY_PRINT] = { 0x57, MAKE },
    [0x46] = { 0x5f, MAKE },       [KEY_PAUSE] = { 0x62, MAKE },
    [0xdb] = { 0x8b, MAKE_BREAK }, [0xdc] = { 0x8c, MAKE_BREAK },
    [0xdd] = { 0x8d, MAKE_BREAK },
};
/* clang-format on */

/* -- Scan codes -------------------------------------------------------------- */

typedef struct Sequence { uint8_t byte[MAX_SEQUENCE]; unsigned len; } Sequence;

static bool is_down(const Keyboard *k, uint8_t key)
{
    return k->down[key / 8] >> (key % 8) & 1;
}

static void set_down(Keyboard *k, uint8_t key, bool down)
{
    uint8_t bit = (uint8_t)(1u << (key % 8));

    k->down[key / 8] = (uint8_t)((k->down[key / 8] & ~bit) | (down ? bit : 0));
}

static void add(Sequence *q, uint8_t byte)
{
    q->byte[q->len++] = byte;
}

/* The code of a key in sets 1 and 2. */
static void add_key(const Keyboard *k, Sequence *q, uint8_t key, bool down)
{
    if (key & 0x80) {
        add(q, EXTENDED);
    }
    key &= 0x7f;
    if (k->set == 1) {
        add(q, down ? key : key | 0x80);
        return;
    }
    if (!down) {
        add(q, BREAK_2);
    }
    add(q, set2[key]);
}

/* Pause reports no release; with Ctrl it is Break, a key of its own. */
static void add_pause(const Keyboard *k, Sequence *q, bool down)
{
    if (!down) {
        return;
    }
    if (is_down(k, KEY_CTRL) || is_down(k, KEY_CTRL | 0x80)) {
        add_key(k, q, KEY_PAUSE, true);
        add_key(k, q, KEY_PAUSE, false);
        return;
    }
    add(q, PAUSE_PREFIX);
    add_key(k, q, KEY_CTRL, true);
    add_key(k, q, KEY_NUM_LOCK, true);
    add(q, PAUSE_PREFIX);
    add_key(k, q, KEY_CTRL, false);
    add_key(k, q, KEY_NUM_LOCK, false);
}

/* Print Screen comes with a shift; with Alt it is SysRq. */
static void add_print(const Keyboard *k, Sequence *q, bool down, bool repeat)
{
    if (is_down(k, KEY_ALT) || is_down(k, KEY_ALT | 0x80)) {
        add_key(k, q, KEY_SYSRQ, down);
        return;
    }
    if (down && !repeat) {
        add_key(k, q, KEY_SHIFT | 0x80, true);
    }
    add_key(k, q, KEY_PRINT, down);
    if (!down) {
        add_key(k, q, KEY_SHIFT | 0x80, false);
    }
}

static void add_set3(const Keyboard *k, Sequence *q, uint8_t key, bool down,
                     bool repeat)
{
    uint8_t code = set3[key].code;

    if (!code || (repeat && !(k->type3[code] & TYPEMATIC)) ||
        (!down && !(k->type3[code] & MAKE_BREAK))) {
        return;
    }
    if (!down) {
        add(q, BREAK_2);
    }
    add(q, code);
}

static void send(Keyboard *k, const Sequence *q)
{
    Ps2 *p = &k->ps2;
    const uint8_t overrun = k->set == 1 ? 0xff : 0x00;

    if (ps2_room(p, q->len)) {
        ps2_put(p, q->byte, q->len);
    } else if (ps2_room(p, 1)) {
        ps2_put(p, &overrun, 1);
    } else {
        p->data[PS2_DATA - 1] = overrun;        /* "keyboard buffer full" */
    }
}

static void key_event(void *opaque, uint8_t key, bool down)
{
    Keyboard *k = opaque;
    bool repeat = down && is_down(k, key);
    Sequence q = { .len = 0 };

    set_down(k, key, down);
    if (!k->enabled) {
        return;
    }
    if (k->set == 3) {
        add_set3(k, &q, key, down, repeat);
    } else if (key == KEY_PAUSE) {
        add_pause(k, &q, down);
    } else if (key == KEY_PRINT) {
        add_print(k, &q, down, repeat);
    } else {
        add_key(k, &q, key, down);
    }
    send(k, &q);
}

/* -- Commands ---------------------------------------------------------------- */

static void set_all_types(Keyboard *k, uint8_t type)
{
    memset(k->type3, type, sizeof(k->type3));
}

static void set_defaults(Keyboard *k)
{
    k->set = 2;
    k->rate = 0x2b;                     /* 10.9 characters/s after 500 ms */
    k->ps2.num_data = 0;
    set_all_types(k, 0);
    for (int key = 0; key < NUM_KEYS; key++) {
        k->type3[set3[key].code] = set3[key].type;
    }
}

static void cmd_defaults(Keyboard *k, uint8_t code)
{
    (void)code;
    set_defaults(k);
}

static void cmd_disable(Keyboard *k, uint8_t code)
{
    (void)code;
    set_defaults(k);
    k->enabled = 0;
}

static void cmd_enable(Keyboard *k, uint8_t code)
{
    (void)code;
    k->ps2.num_data = 0;
    k->enabled = 1;
}

static void power_on(Keyboard *k)
{
    set_defaults(k);
    k->enabled = 1;
    k->leds = 0;
}

static void cmd_reset(Keyboard *k, uint8_t code)
{
    (void)code;
    power_on(k);
    ps2_answer(&k->ps2, PS2_BAT_OK);
}

static void cmd_id(Keyboard *k, uint8_t code)
{
    (void)code;
    ps2_answer(&k->ps2, 0xab);
    ps2_answer(&k->ps2, 0x83);
}

/* F7h .. FAh and FBh .. FDh name the same types. */
static uint8_t type_of_command(uint8_t code)
{
    static const uint8_t types[4] = {
        TYPEMATIC, MAKE_BREAK, MAKE, TYPEMATIC | MAKE_BREAK,
    };

    return types[(code - 0xf7) & 3];
}

static void cmd_all_types(Keyboard *k, uint8_t code)
{
    set_all_types(k, type_of_command(code));
}

static bool arg_leds(Keyboard *k, uint8_t code, uint8_t val)
{
    (void)code;
    k->leds = val & 7;
    return false;
}

static bool arg_rate(Keyboard *k, uint8_t code, uint8_t val)
{
    (void)code;
    k->rate = val & 0x7f;
    return false;
}

/* 0 asks for the set in use. */
static bool arg_set(Keyboard *k, uint8_t code, uint8_t val)
{
    (void)code;
    if (val == 0) {
        ps2_answer(&k->ps2, k->set);
    } else if (val <= 3) {
        k->set = val;
        k->ps2.num_data = 0;
    } else {
        log_guest("ps2-kbd", "there is no scan code set %u", val);
    }
    return false;
}

static bool arg_key_type(Keyboard *k, uint8_t code, uint8_t val)
{
    if (val < NUM_CODES3) {
        k->type3[val] = type_of_command(code);
    }
    return true;
}

static const struct KeyboardCommand {
    uint8_t first, last;
    const char *name;
    void (*run)(Keyboard *k, uint8_t code);
    /* With each byte that follows; true: more may come. */
    bool (*argument)(Keyboard *k, uint8_t code, uint8_t val);
} commands[] = {
    { 0xed, 0xed, "set/reset status indicators", NULL, arg_leds },
    { 0xf0, 0xf0, "select alternate scan codes", NULL, arg_set },
    { 0xf2, 0xf2, "read id",                     cmd_id, NULL },
    { 0xf3, 0xf3, "set typematic rate/delay",    NULL, arg_rate },
    { 0xf4, 0xf4, "enable",                      cmd_enable, NULL },
    { 0xf5, 0xf5, "default disable",             cmd_disable, NULL },
    { 0xf6, 0xf6, "set default",                 cmd_defaults, NULL },
    { 0xf7, 0xfa, "set all keys",                cmd_all_types, NULL },
    { 0xfb, 0xfd, "set key type",                NULL, arg_key_type },
    { 0xff, 0xff, "reset",                       cmd_reset, NULL },
};

static const struct KeyboardCommand *find_command(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (code >= commands[i].first && code <= commands[i].last) {
            return &commands[i];
        }
    }
    return NULL;
}

static void run_command(Keyboard *k, uint8_t val)
{
    const struct KeyboardCommand *c = find_command(val);

    if (val == PS2_RESEND) {
        ps2_answer(&k->ps2, k->ps2.last);
    } else if (val == ECHO) {
        ps2_answer(&k->ps2, ECHO);
    } else if (!c) {
        log_guest("ps2-kbd", "unknown command 0x%02x", val);
        ps2_answer(&k->ps2, PS2_RESEND);
    } else {
        ps2_answer(&k->ps2, PS2_ACK);
        if (c->argument) {
            k->ps2.awaiting = val;
        } else {
            c->run(k, val);
        }
    }
}

/* A command in place of an argument ends the one that waited for it. */
static void command(Ps2 *p, uint8_t val)
{
    Keyboard *k = (Keyboard *)p;
    uint8_t waiting = p->awaiting;
    const struct KeyboardCommand *c = waiting ? find_command(waiting) : NULL;

    p->awaiting = 0;
    if (c && c->argument && val < 0xed) {
        ps2_answer(p, PS2_ACK);
        if (c->argument(k, waiting, val)) {
            p->awaiting = waiting;
        }
        return;
    }
    run_command(k, val);
}

/* -- The type ---------------------------------------------------------------- */

static int kbd_realize(Device *d, Error *err)
{
    const KeySink sink = { .key = key_event, .opaque = d };

    (void)err;
    input_add_keyboard(&sink);
    return 0;
}

static void kbd_reset(Device *d)
{
    Keyboard *k = (Keyboard *)d;

    ps2_flush(&k->ps2);
    k->ps2.last = k->ps2.awaiting = 0;
    memset(k->ps2.answer, 0, sizeof(k->ps2.answer));
    memset(k->ps2.data, 0, sizeof(k->ps2.data));
    memset(k->down, 0, sizeof(k->down));
    power_on(k);
}

static int kbd_post_load(Device *d, Error *err)
{
    Keyboard *k = (Keyboard *)d;

    k->set = k->set == 1 || k->set == 3 ? k->set : 2;
    return ps2_post_load(&k->ps2, err);
}

static void kbd_free(Device *d)
{
    if (d->realized) {
        input_remove_keyboard(d);
    }
}

static const Ps2Ops kbd_ops = { .command = command };

static const VMField kbd_vmstate[] = {
    VM_PS2(Keyboard),
    VM_FIELD(Keyboard, enabled),
    VM_FIELD(Keyboard, set),
    VM_FIELD(Keyboard, leds),
    VM_FIELD(Keyboard, rate),
    VM_ARRAY(Keyboard, down),
    VM_ARRAY(Keyboard, type3),
    VM_END
};

const DeviceType ps2_kbd_type = {
    .name       = "ps2-kbd",
    .desc       = "PS/2 keyboard",
    .manual     = "IBM S68X-2330",
    .bus        = "ps2",
    .state_size = sizeof(Keyboard),
    .vmstate    = kbd_vmstate,
    .num_irqs   = 1,
    .realize    = kbd_realize,
    .reset      = kbd_reset,
    .post_load  = kbd_post_load,
    .free       = kbd_free,
    .bus_ops    = &kbd_ops,
};
