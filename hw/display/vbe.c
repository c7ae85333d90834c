/* SPDX-License-Identifier: MIT */
/*
 * VBE DISPI registers (Bochs VBE Extensions, "VBE Display API", versions
 * B0C0 to B0C5): index port 0x1ce, data port 0x1cf, 16 bits wide.
 *
 *   XRES, YRES, BPP, then ENABLE: the mode is on; VIRT_WIDTH, X_OFFSET and
 *   Y_OFFSET choose what is shown of a larger picture; BANK what the window
 *   at 0xa0000 shows.
 *
 * While a mode is on it overrides what the VGA registers say about memory and
 * picture; they keep their values.
 *
 * Not modelled: bank granularity and the separate read and write banks of
 * later versions, the DDC register.
 */
#include "hw/display/vga-core.h"

#include <string.h>

#include "util/bits.h"
#include "util/log.h"

enum { ID_FIRST = 0xb0c0, ID_LAST = 0xb0c5 };

bool vbe_is_on(const VGA *s)
{
    return s->vbe[VBE_ENABLE] & VBE_ENABLED;
}

/* Memory one pixel takes, in bits; 15 takes as much as 16. */
static uint32_t pixel_bits(const VGA *s)
{
    return s->vbe[VBE_BPP] == 15 ? 16 : s->vbe[VBE_BPP];
}

static uint32_t line_length(const VGA *s, uint32_t width)
{
    return s->vbe[VBE_BPP] == 4 ? width / 8 : width * pixel_bits(s) / 8;
}

uint32_t vbe_line_length(const VGA *s)
{
    return line_length(s, s->vbe[VBE_VIRT_WIDTH]);
}

uint32_t vbe_start(const VGA *s)
{
    return s->vbe[VBE_Y_OFFSET] * vbe_line_length(s) +
           line_length(s, s->vbe[VBE_X_OFFSET]);
}

/* Words in planar modes, bytes in the others. */
static uint32_t memory_units(const VGA *s)
{
    return s->vbe[VBE_BPP] == 4 ? s->vram_size / 4 : s->vram_size;
}

static bool is_depth(uint16_t bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Is all that is shown inside the memory? */
static bool offsets_fit(const VGA *s)
{
    uint64_t last = (uint64_t)vbe_line_length(s) * (s->vbe[VBE_YRES] - 1u);

    return vbe_start(s) + last + line_length(s, s->vbe[VBE_XRES]) <= memory_units(s);
}

/* How many lines there are at this width. */
static void set_virtual_width(VGA *s, uint16_t width)
{
    width = MAX(width, s->vbe[VBE_XRES]) & ~7;
    uint32_t lines = memory_units(s) / MAX(line_length(s, width), 1u);

    if (lines < s->vbe[VBE_YRES]) {
        log_guest(s->name, "virtual width %u is too much for the memory", width);
        return;
    }
    s->vbe[VBE_VIRT_WIDTH] = width;
    s->vbe[VBE_VIRT_HEIGHT] = (uint16_t)MIN(lines, 0xffffu);
    if (vbe_is_on(s) && !offsets_fit(s)) {
        s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = 0;
    }
}

static void set_offset(VGA *s, unsigned index, uint16_t val)
{
    uint16_t old = s->vbe[index];

    s->vbe[index] = val;
    if (vbe_is_on(s) && !offsets_fit(s)) {
        log_guest(s->name, "offset %u leads out of the memory", val);
        s->vbe[index] = old;
    }
}

static bool mode_fits(const VGA *s)
{
    uint32_t width = s->vbe[VBE_XRES] & ~7u, height = s->vbe[VBE_YRES];

    return is_depth(s->vbe[VBE_BPP]) && width && height &&
           (uint64_t)line_length(s, width) * height <= memory_units(s);
}

static void clear_memory(VGA *s)
{
    uint64_t len = (uint64_t)vbe_line_length(s) * s->vbe[VBE_YRES] *
                   (s->vbe[VBE_BPP] == 4 ? 4 : 1);

    memset(s->vram->host, 0, len);
    ram_set_dirty(s->vram->offset, len);
}

static void turn_on(VGA *s, uint16_t val)
{
    if (!mode_fits(s)) {
        log_guest(s->name, "no mode %ux%ux%u with %u KiB of memory",
                  s->vbe[VBE_XRES], s->vbe[VBE_YRES], s->vbe[VBE_BPP],
                  s->vram_size >> 10);
        return;
    }
    s->vbe[VBE_ENABLE] = val;
    s->vbe[VBE_XRES] &= (uint16_t)~7;
    s->vbe[VBE_VIRT_WIDTH] = 0;
    s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = s->vbe[VBE_BANK] = 0;
    set_virtual_width(s, s->vbe[VBE_XRES]);
    if (!(val & VBE_NO_CLEAR)) {
        clear_memory(s);
    }
}

/* The colour registers change width, so the values must follow. */
static void convert_dac(VGA *s, bool wide)
{
    for (unsigned i = 0; i < sizeof(s->dac); i++) {
        s->dac[i] = (uint8_t)(wide ? s->dac[i] << 2 : s->dac[i] >> 2);
    }
}

static void write_enable(VGA *s, uint16_t val)
{
    uint16_t old = s->vbe[VBE_ENABLE];

    val &= VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NO_CLEAR;
    if (val & VBE_ENABLED && !(old & VBE_ENABLED)) {
        turn_on(s, val);
    } else {
        if (!(val & VBE_ENABLED)) {
            s->vbe[VBE_BANK] = 0;
        }
        s->vbe[VBE_ENABLE] = val;
    }
    if ((s->vbe[VBE_ENABLE] ^ old) & VBE_8BIT_DAC) {
        convert_dac(s, s->vbe[VBE_ENABLE] & VBE_8BIT_DAC);
    }
    s->font_changed = true;
}

static void write_bank(VGA *s, uint16_t val)
{
    /* Planar: 64 Ki addresses are four times as many bytes. */
    uint32_t banks = memory_units(s) >> 16;

    s->vbe[VBE_BANK] = val & (uint16_t)(banks - 1);
}

uint16_t vbe_read(VGA *s, unsigned index)
{
    static const uint16_t most[] = { 0, VBE_MAX_XRES, VBE_MAX_YRES, 32 };

    if (index == VBE_MEMORY_64K) {
        return (uint16_t)(s->vram_size >> 16);
    }
    if (index >= VBE_NUM) {
        log_guest(s->name, "VBE index 0x%x: no such register", index);
        return 0;
    }
    if (s->vbe[VBE_ENABLE] & VBE_GETCAPS && index >= VBE_XRES && index <= VBE_BPP) {
        return most[index];
    }
    return s->vbe[index];
}

/* The mode's own registers can be changed only while it is off. */
static void write_mode(VGA *s, unsigned index, uint16_t val)
{
    bool good = index == VBE_XRES ? val <= VBE_MAX_XRES
              : index == VBE_YRES ? val <= VBE_MAX_YRES
              : is_depth(val) || val == 0;

    if (vbe_is_on(s) || !good) {
        log_guest(s->name, "VBE register %u = %u %s", index, val,
                  good ? "while the mode is on" : "is out of range");
        return;
    }
    s->vbe[index] = index == VBE_BPP && val == 0 ? 8 : val;
}

void vbe_write(VGA *s, unsigned index, uint16_t val)
{
    switch (index) {
    case VBE_ID:
        if (val >= ID_FIRST && val <= ID_LAST) {
            s->vbe[VBE_ID] = val;
        }
        break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
        write_mode(s, index, val);
        break;
    case VBE_ENABLE:
        write_enable(s, val);
        break;
    case VBE_BANK:
        write_bank(s, val);
        break;
    case VBE_VIRT_WIDTH:
        set_virtual_width(s, val);
        break;
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        set_offset(s, index, val);
        break;
    case VBE_VIRT_HEIGHT:               /* follows from the width */
        break;
    default:
        log_guest(s->name, "VBE index 0x%x = 0x%x: cannot be written", index, val);
        return;
    }
    vga_update_linear(s);
}

void vbe_reset(VGA *s)
{
    memset(s->vbe, 0, sizeof(s->vbe));
    s->vbe_index = 0;
    s->vbe[VBE_ID] = ID_LAST;
    s->vbe[VBE_BPP] = 8;
}

void vbe_sanitize(VGA *s)
{
    uint16_t x = s->vbe[VBE_X_OFFSET], y = s->vbe[VBE_Y_OFFSET];
    uint16_t width = s->vbe[VBE_VIRT_WIDTH];

    s->vbe[VBE_XRES] = MIN(s->vbe[VBE_XRES], VBE_MAX_XRES);
    s->vbe[VBE_YRES] = MIN(s->vbe[VBE_YRES], VBE_MAX_YRES);
    if (!is_depth(s->vbe[VBE_BPP])) {
        s->vbe[VBE_BPP] = 8;
    }
    write_bank(s, s->vbe[VBE_BANK]);
    if (!vbe_is_on(s) || !mode_fits(s)) {
        s->vbe[VBE_ENABLE] &= (uint16_t)~VBE_ENABLED;
        return;                         /* the rest is set by turning it on */
    }
    s->vbe[VBE_XRES] &= (uint16_t)~7;
    s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = 0;
    set_virtual_width(s, s->vbe[VBE_XRES]);
    set_virtual_width(s, width);
    set_offset(s, VBE_X_OFFSET, x);
    set_offset(s, VBE_Y_OFFSET, y);
}
