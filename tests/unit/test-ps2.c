/* SPDX-License-Identifier: MIT */
/* PS/2 keyboard and mouse alone, against the IBM PS/2 Technical Reference. */
#include "hw/input/ps2.h"

#include "tests/unit/chip-test.h"
#include "ui/console.h"

static char text[256];

/* All bytes that wait, as "fa aa". */
static const char *bytes(Device *d)
{
    text[0] = 0;
    while (ps2_has_byte(d)) {
        sprintf(text + strlen(text), "%s%02x", text[0] ? " " : "", ps2_read(d));
    }
    return text;
}

static const char *ask(Device *d, uint8_t cmd)
{
    ps2_write(d, cmd);
    return bytes(d);
}

static const char *press(Device *d, uint8_t key)
{
    input_key(key, true);
    return bytes(d);
}

static const char *release(Device *d, uint8_t key)
{
    input_key(key, false);
    return bytes(d);
}

static Device *kbd(uint8_t set)
{
    Device *d = chip_new(&ps2_kbd_type);

    ask(d, 0xf0);
    ask(d, set);
    return d;
}

/* -- Keyboard ---------------------------------------------------------------- */

/* "Reset: ACK, then the completion code of the basic assurance test." */
TEST(kbd_reset_identify_echo_resend)
{
    Device *d = chip_new(&ps2_kbd_type);

    CHECK_STR(ask(d, 0xff), "fa aa");
    CHECK_STR(ask(d, 0xf2), "fa ab 83");
    CHECK_STR(ask(d, 0xfe), "83");
    CHECK_STR(ask(d, 0xee), "ee");
    CHECK_STR(ask(d, 0x01), "fe");
    device_free(d);
}

TEST(kbd_commands_with_argument)
{
    Device *d = chip_new(&ps2_kbd_type);

    CHECK_STR(ask(d, 0xed), "fa");
    CHECK_STR(ask(d, 0x07), "fa");
    CHECK_STR(ask(d, 0xf3), "fa");
    CHECK_STR(ask(d, 0x20), "fa");
    CHECK_STR(ask(d, 0xed), "fa");      /* a command instead of the argument */
    CHECK_STR(ask(d, 0xf4), "fa");
    CHECK_STR(ask(d, 0xf0), "fa");
    CHECK_STR(ask(d, 0x00), "fa 02");   /* which set? 2 after power-on */
    device_free(d);
}

/* Make and break codes of the three sets. */
TEST(kbd_scan_codes)
{
    static const struct { uint8_t key; const char *code[6]; } rows[] = {
        /*            set 1             set 2                    set 3 */
        { 0x1e, { "1e", "9e",           "1c", "f0 1c",           "1c", "f0 1c" } },
        { 0x41, { "41", "c1",           "83", "f0 83",           "37", "f0 37" } },
        { 0x2a, { "2a", "aa",           "12", "f0 12",           "12", "f0 12" } },
        { 0xc8, { "e0 48", "e0 c8",     "e0 75", "e0 f0 75",     "63", "f0 63" } },
        { 0x9d, { "e0 1d", "e0 9d",     "e0 14", "e0 f0 14",     "58", "f0 58" } },
        { KEY_PRINT, { "e0 2a e0 37", "e0 b7 e0 aa",
                       "e0 12 e0 7c", "e0 f0 7c e0 f0 12",       "57", "f0 57" } },
        { KEY_PAUSE, { "e1 1d 45 e1 9d c5", "",
                       "e1 14 77 e1 f0 14 f0 77", "",            "62", "f0 62" } },
    };

    for (int set = 1; set <= 3; set++) {
        Device *d = kbd((uint8_t)set);

        ask(d, 0xfa);                   /* set 3: all keys report release */
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            CHECK_STR(press(d, rows[i].key), rows[i].code[2 * set - 2]);
            CHECK_STR(release(d, rows[i].key), rows[i].code[2 * set - 1]);
        }
        device_free(d);
    }
}

/* Ctrl-Pause is Break, Alt-Print is SysRq. */
TEST(kbd_break_and_sysrq)
{
    Device *d = kbd(1);

    press(d, 0x1d);
    CHECK_STR(press(d, KEY_PAUSE), "e0 46 e0 c6");
    release(d, 0x1d);
    press(d, 0x38);
    CHECK_STR(press(d, KEY_PRINT), "54");
    CHECK_STR(release(d, KEY_PRINT), "d4");
    device_free(d);
}

/* Set 3 default types: letters repeat and report no release, Shift is
 * make/break, F1 make only; FBh-FDh change single keys. */
TEST(kbd_key_types_of_set_3)
{
    Device *d = kbd(3);

    CHECK_STR(press(d, 0x1e), "1c");
    CHECK_STR(press(d, 0x1e), "1c");
    CHECK_STR(release(d, 0x1e), "");
    CHECK_STR(press(d, 0x3b), "07");
    CHECK_STR(press(d, 0x3b), "");
    CHECK_STR(release(d, 0x3b), "");
    CHECK_STR(press(d, 0x2a), "12");
    CHECK_STR(release(d, 0x2a), "f0 12");
    CHECK_STR(ask(d, 0xfc), "fa");
    CHECK_STR(ask(d, 0x1c), "fa");
    CHECK_STR(ask(d, 0x1b), "fa");
    CHECK_STR(ask(d, 0xf4), "fa");
    CHECK_STR(press(d, 0x1e), "1c");
    CHECK_STR(release(d, 0x1e), "f0 1c");
    device_free(d);
}

/* F5h stops scanning, F4h starts it; answers still come. */
TEST(kbd_disable)
{
    Device *d = chip_new(&ps2_kbd_type);

    CHECK_STR(ask(d, 0xf5), "fa");
    CHECK_STR(press(d, 0x1e), "");
    CHECK_STR(ask(d, 0xf4), "fa");
    CHECK_STR(press(d, 0x1e), "1c");
    device_free(d);
}

/* "Keyboard buffer": 16 bytes, then an overrun code in the last place; an
 * answer does not wait behind them. */
TEST(kbd_overrun_and_answers_first)
{
    Device *d = kbd(2);

    for (int i = 0; i < 20; i++) {
        input_key(0x1e, true);
    }
    ps2_write(d, 0xee);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(ps2_read(d), 0xee);
    for (int i = 0; i < 15; i++) {
        CHECK_EQ(ps2_read(d), 0x1c);
    }
    CHECK_EQ(ps2_read(d), 0x00);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* -- Mouse ------------------------------------------------------------------- */

static Device *mouse(void)
{
    Device *d = chip_new(&ps2_mouse_type);

    ask(d, 0xf4);
    return d;
}

static void set_rate(Device *d, uint8_t rate)
{
    CHECK_STR(ask(d, 0xf3), "fa");
    CHECK_STR(ask(d, rate), "fa");
}

TEST(mouse_reset_and_id)
{
    Device *d = chip_new(&ps2_mouse_type);

    CHECK_STR(ask(d, 0xff), "fa aa 00");
    CHECK_STR(ask(d, 0xf2), "fa 00");
    CHECK_STR(ask(d, 0x00), "fe");
    device_free(d);
}

/* Standard packet: signs and buttons, X, Y; Y counts up. */
TEST(mouse_packets)
{
    Device *d = mouse();

    input_pointer(5, 0, 0, 0);
    CHECK_STR(bytes(d), "08 05 00");
    input_pointer(-1, 3, 0, POINTER_LEFT);
    CHECK_STR(bytes(d), "39 ff fd");
    input_pointer(0, 0, 0, POINTER_RIGHT | POINTER_MIDDLE);
    CHECK_STR(bytes(d), "0e 00 00");
    input_pointer(0, 0, 0, POINTER_RIGHT | POINTER_MIDDLE);
    CHECK_STR(bytes(d), "");
    input_pointer(300, 0, 0, 0);        /* more than a packet can say */
    CHECK_STR(bytes(d), "08 ff 00 08 2d 00");
    device_free(d);
}

/* Off after reset, until F4h. */
TEST(mouse_is_disabled_after_reset)
{
    Device *d = chip_new(&ps2_mouse_type);

    input_pointer(5, 5, 0, 1);
    CHECK_STR(bytes(d), "");
    ask(d, 0xf4);
    input_pointer(1, 0, 0, 0);
    CHECK_STR(bytes(d), "08 01 00");
    CHECK_STR(ask(d, 0xf5), "fa");
    input_pointer(1, 0, 0, 0);
    CHECK_STR(bytes(d), "");
    device_free(d);
}

/* IntelliMouse: 200, 100, 80 -> id 3, four bytes; 200, 200, 80 -> id 4. */
TEST(mouse_wheel)
{
    Device *d = mouse();

    input_pointer(0, 0, 1, 0);
    CHECK_STR(bytes(d), "");
    set_rate(d, 200);
    set_rate(d, 100);
    set_rate(d, 80);
    CHECK_STR(ask(d, 0xf2), "fa 03");
    input_pointer(0, 0, -1, 0);
    CHECK_STR(bytes(d), "08 00 00 ff");
    set_rate(d, 200);
    set_rate(d, 200);
    set_rate(d, 80);
    CHECK_STR(ask(d, 0xf2), "fa 04");
    input_pointer(0, 0, -1, 0);
    CHECK_STR(bytes(d), "08 00 00 0f");
    CHECK_STR(ask(d, 0xff), "fa aa 00");
    CHECK_STR(ask(d, 0xf2), "fa 00");
    device_free(d);
}

/* "Status request": mode, resolution, rate. */
TEST(mouse_status)
{
    Device *d = mouse();

    CHECK_STR(ask(d, 0xe9), "fa 20 02 64");
    ask(d, 0xe8);
    ask(d, 3);
    set_rate(d, 40);
    ask(d, 0xe7);
    input_pointer(0, 0, 0, POINTER_LEFT);
    bytes(d);
    CHECK_STR(ask(d, 0xe9), "fa 34 03 28");
    CHECK_STR(ask(d, 0xf6), "fa");
    CHECK_STR(ask(d, 0xe9), "fa 04 02 64");
    device_free(d);
}

/* "Set scaling 2:1": 1 2 3 4 5 6+ become 1 1 3 6 9 2N, in stream mode only. */
TEST(mouse_scaling)
{
    static const struct { int in; const char *out; } rows[] = {
        { 1, "08 01 00" }, { 2, "08 01 00" }, { 3, "08 03 00" }, { 4, "08 06 00" },
        { 5, "08 09 00" }, { 6, "08 0c 00" }, { -4, "18 fa 00" },
    };
    Device *d = mouse();

    ask(d, 0xe7);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        input_pointer(rows[i].in, 0, 0, 0);
        CHECK_STR(bytes(d), rows[i].out);
    }
    ask(d, 0xf0);
    input_pointer(4, 0, 0, 0);
    CHECK_STR(ask(d, 0xeb), "fa 08 04 00");
    device_free(d);
}

/* "Set remote mode": data only on EBh.  "Set wrap mode": echo. */
TEST(mouse_remote_and_wrap)
{
    Device *d = mouse();

    CHECK_STR(ask(d, 0xf0), "fa");
    input_pointer(2, 0, 0, 0);
    CHECK_STR(bytes(d), "");
    CHECK_STR(ask(d, 0xeb), "fa 08 02 00");
    CHECK_STR(ask(d, 0xeb), "fa 08 00 00");
    CHECK_STR(ask(d, 0xea), "fa");
    CHECK_STR(ask(d, 0xee), "fa");
    CHECK_STR(ask(d, 0xf2), "f2");
    CHECK_STR(ask(d, 0x42), "42");
    CHECK_STR(ask(d, 0xec), "fa");
    CHECK_STR(ask(d, 0xf2), "fa 00");
    device_free(d);
}

/* Motion while a packet waits is collected, not queued. */
TEST(mouse_motion_is_collected)
{
    Device *d = mouse();

    for (int i = 0; i < 10; i++) {
        input_pointer(1, 0, 0, 0);
    }
    CHECK_STR(bytes(d), "08 01 00 08 09 00");
    device_free(d);
}

/* -- Both -------------------------------------------------------------------- */

static void any_bytes(Device *d, uint32_t seed)
{
    for (int i = 0; i < 3000; i++) {
        ps2_write(d, (uint8_t)chip_random(&seed));
        input_key((uint8_t)chip_random(&seed), chip_random(&seed) & 1);
        input_pointer((int)chip_random(&seed) - 8388608, (int)chip_random(&seed),
                      (int)chip_random(&seed), (int)chip_random(&seed));
        if (chip_random(&seed) & 1) {
            ps2_read(d);
        }
    }
}

TEST(contract)
{
    const DeviceType *const types[] = { &ps2_kbd_type, &ps2_mouse_type };

    for (int i = 0; i < 2; i++) {
        Device *d = chip_new(types[i]), *b = chip_plug(chip_make(types[i]));
        uint8_t *before = chip_save(d), *after;

        any_bytes(d, 1);
        any_bytes(b, 1);
        chip_check_snapshot(d, b);
        chip_check_hostile_snapshots(d);
        any_bytes(d, 2);
        device_reset(d);
        after = chip_save(d);
        CHECK(!memcmp(before, after, vmstate_size(d->type->vmstate)));
        free(before);
        free(after);
        device_free(d);
        device_free(b);
    }
}
