/* SPDX-License-Identifier: MIT */
/*
 * Names of keys: positions of a US keyboard in PS/2 scan code set 1 (IBM PS/2
 * Hardware Interface Technical Reference, Keyboard, scan code set 1).  0x80 is
 * added to those that have the prefix E0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/console.h"

/* clang-format off */
const KeyName key_names[] = {
    { "shift", 0x2a },      { "shift_r", 0x36 },
    { "alt", 0x38 },        { "alt_r", 0xb8 },      { "altgr", 0xb8 },
    { "ctrl", 0x1d },       { "ctrl_r", 0x9d },
    { "menu", 0xdd },       { "esc", 0x01 },

    { "1", 0x02 }, { "2", 0x03 }, { "3", 0x04 }, { "4", 0x05 }, { "5", 0x06 },
    { "6", 0x07 }, { "7", 0x08 }, { "8", 0x09 }, { "9", 0x0a }, { "0", 0x0b },
    { "minus", 0x0c },      { "equal", 0x0d },      { "backspace", 0x0e },

    { "tab", 0x0f },
    { "q", 0x10 }, { "w", 0x11 }, { "e", 0x12 }, { "r", 0x13 }, { "t", 0x14 },
    { "y", 0x15 }, { "u", 0x16 }, { "i", 0x17 }, { "o", 0x18 }, { "p", 0x19 },
    { "bracket_left", 0x1a }, { "bracket_right", 0x1b },
    { "ret", 0x1c },        { "enter", 0x1c },

    { "a", 0x1e }, { "s", 0x1f }, { "d", 0x20 }, { "f", 0x21 }, { "g", 0x22 },
    { "h", 0x23 }, { "j", 0x24 }, { "k", 0x25 }, { "l", 0x26 },
    { "semicolon", 0x27 },  { "apostrophe", 0x28 }, { "grave_accent", 0x29 },

    { "backslash", 0x2b },
    { "z", 0x2c }, { "x", 0x2d }, { "c", 0x2e }, { "v", 0x2f }, { "b", 0x30 },
    { "n", 0x31 }, { "m", 0x32 },
    { "comma", 0x33 },      { "dot", 0x34 },        { "slash", 0x35 },
    { "asterisk", 0x37 },   { "spc", 0x39 },        { "caps_lock", 0x3a },

    { "f1", 0x3b }, { "f2", 0x3c }, { "f3", 0x3d }, { "f4", 0x3e },
    { "f5", 0x3f }, { "f6", 0x40 }, { "f7", 0x41 }, { "f8", 0x42 },
    { "f9", 0x43 }, { "f10", 0x44 }, { "f11", 0x57 }, { "f12", 0x58 },
    { "num_lock", 0x45 },   { "scroll_lock", 0x46 },

    { "kp_7", 0x47 },       { "kp_8", 0x48 },       { "kp_9", 0x49 },
    { "kp_subtract", 0x4a }, { "kp_4", 0x4b },      { "kp_5", 0x4c },
    { "kp_6", 0x4d },       { "kp_add", 0x4e },     { "kp_1", 0x4f },
    { "kp_2", 0x50 },       { "kp_3", 0x51 },       { "kp_0", 0x52 },
    { "kp_decimal", 0x53 }, { "kp_multiply", 0x37 }, { "kp_divide", 0xb5 },
    { "kp_enter", 0x9c },   { "less", 0x56 },

    { "sysrq", 0x54 },      { "print", KEY_PRINT }, { "pause", KEY_PAUSE },
    { "home", 0xc7 },       { "pgup", 0xc9 },       { "pgdn", 0xd1 },
    { "end", 0xcf },        { "left", 0xcb },       { "up", 0xc8 },
    { "down", 0xd0 },       { "right", 0xcd },      { "insert", 0xd2 },
    { "delete", 0xd3 },     { "meta_l", 0xdb },     { "meta_r", 0xdc },
    { "compose", 0xdd },    { "power", 0xde },      { "sleep", 0xdf },
    { "wake", 0xe3 },
    { "audiomute", 0xa0 },  { "volumedown", 0xae }, { "volumeup", 0xb0 },
    { NULL, 0 },
};
/* clang-format on */

/* "0x1c" or "#28": a number */
static int key_by_number(const char *s)
{
    char *end;

    errno = 0;
    unsigned long n = strtoul(s, &end, 0);
    return errno || end == s || *end || n == 0 || n > 0xff ? -1 : (int)n;
}

int key_by_name(const char *name)
{
    if (name[0] == '#') {
        return key_by_number(name + 1);
    }
    if (name[0] == '0' && (name[1] | 0x20) == 'x') {
        return key_by_number(name);
    }
    for (const KeyName *k = key_names; k->name; k++) {
        if (!strcmp(k->name, name)) {
            return k->key;
        }
    }
    return -1;
}
