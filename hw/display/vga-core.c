/* SPDX-License-Identifier: MIT */
/*
 * VGA registers and the planar memory window (IBM PS/2 Hardware Interface
 * Technical Reference, Video Subsystem, 1992; below "TR"; and FreeVGA).
 *
 *   processor --> write mode: rotate, set/reset, function, bit mask --> planes
 *             <-- read mode: map select or colour compare <-- latches <--'
 *
 * Index/data pairs write arrays; what a write must do besides is in the few
 * functions called write_xxx.  Nothing is drawn here: vga-draw.c looks at the
 * registers when somebody looks at the screen.
 *
 * The retrace bits are computed from guest time and the CRTC's totals, so a
 * guest that polls them sees frames of the right length.
 *
 * Not modelled: the vertical interrupt, light pen, the test registers, the
 * page bit of odd/even addressing (misc output bit 5), and sync polarities.
 * Code that a guest executes from video memory is not noticed to change when
 * it is changed through the planar window.
 */
#include "hw/display/vga-core.h"

#include <errno.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"

const VMField vga_vmstate[] = {
    VM_FIELD(VGA, misc),
    VM_FIELD(VGA, feature),
    VM_FIELD(VGA, enable),
    VM_FIELD(VGA, seq_index),
    VM_ARRAY(VGA, seq),
    VM_FIELD(VGA, gc_index),
    VM_ARRAY(VGA, gc),
    VM_FIELD(VGA, crtc_index),
    VM_ARRAY(VGA, crtc),
    VM_FIELD(VGA, attr_index),
    VM_FIELD(VGA, attr_flip_flop),
    VM_ARRAY(VGA, attr),
    VM_ARRAY(VGA, dac),
    VM_FIELD(VGA, dac_mask),
    VM_FIELD(VGA, dac_read_index),
    VM_FIELD(VGA, dac_write_index),
    VM_FIELD(VGA, dac_sub),
    VM_FIELD(VGA, dac_state),
    VM_ARRAY(VGA, dac_cache),
    VM_FIELD(VGA, latch),
    VM_FIELD(VGA, vbe_index),
    VM_ARRAY(VGA, vbe),
    VM_END
};

/* Bits that exist, by index. */
static const uint8_t seq_bits[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0 };
static const uint8_t gc_bits[16] = {
    0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
};
static const uint8_t attr_bits[32] = {
    [0 ... 15] = 0x3f, [ATTR_MODE] = 0xef, [ATTR_OVERSCAN] = 0xff,
    [ATTR_PLANES] = 0x3f, [ATTR_PAN] = 0x0f, [ATTR_COLOUR_SELECT] = 0x0f,
};

/* -- Memory: address to word and planes -------------------------------------- */

/* Each of the low four bits as a byte of ones. */
static const uint32_t plane_bytes[16] = {
    0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff,
    0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
    0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff,
    0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
};

static bool chain4(const VGA *s)
{
    return s->seq[SEQ_MEM_MODE] & 0x08;
}

/* VBE modes of 8 bits and more are linear, whatever the VGA registers say. */
static bool vbe_is_packed(const VGA *s)
{
    return vbe_is_on(s) && s->vbe[VBE_BPP] > 4;
}

/* TR, Graphics Controller, Miscellaneous Register: Memory Map. */
static const struct MapRange { uint32_t base, size; } map_ranges[4] = {
    { 0x00000, 0x20000 }, { 0x00000, 0x10000 },
    { 0x10000, 0x08000 }, { 0x18000, 0x08000 },
};

/* The window's offset as an address in what is mapped; false: not ours. */
static bool map_address(const VGA *s, uint32_t offset, uint32_t *addr)
{
    const struct MapRange *r = &map_ranges[s->gc[GC_MISC] >> 2 & 3];

    if (vbe_is_on(s)) {
        r = &map_ranges[1];
    } else if (!(s->misc & 0x02)) {
        return false;                   /* Enable RAM */
    }
    if (offset - r->base >= r->size) {
        return false;
    }
    *addr = offset - r->base;
    if (vbe_is_on(s)) {
        *addr += (uint32_t)s->vbe[VBE_BANK] << 16;
    }
    return true;
}

static uint32_t word_mask(const VGA *s)
{
    return vbe_is_on(s) ? s->vram_size / 4 - 1 : VGA_PLANE_SIZE - 1;
}

static uint32_t load_word(const VGA *s, uint32_t word)
{
    return (uint32_t)load_le(s->vram->host + 4 * (word & word_mask(s)), 4);
}

static void store_word(VGA *s, uint32_t word, uint32_t val)
{
    uint32_t at = 4 * (word & word_mask(s));

    store_le(s->vram->host + at, val, 4);
    ram_set_dirty(s->vram->offset + at, 4);
}

/* -- Writes, TR "Write Modes" ------------------------------------------------ */

static uint32_t apply_function(const VGA *s, uint32_t val)
{
    switch (s->gc[GC_ROTATE] >> 3) {
    case 1:  return val & s->latch;
    case 2:  return val | s->latch;
    case 3:  return val ^ s->latch;
    default: return val;
    }
}

static uint32_t all_planes(uint8_t val)
{
    return val * 0x01010101u;
}

/* What goes to the planes before the map mask. */
static uint32_t write_data(const VGA *s, uint8_t val)
{
    const uint8_t *gc = s->gc;
    unsigned rot = gc[GC_ROTATE] & 7;
    uint8_t rotated = (uint8_t)(val >> rot | val << (8 - rot));
    uint32_t set_reset = plane_bytes[gc[GC_SET_RESET]];
    uint32_t mask = all_planes(gc[GC_BIT_MASK]), data;

    switch (gc[GC_MODE] & 3) {
    case 0:
        data = plane_bytes[gc[GC_ENABLE_SR]];
        data = (all_planes(rotated) & ~data) | (set_reset & data);
        data = apply_function(s, data);
        break;
    case 1:
        return s->latch;
    case 2:
        data = apply_function(s, plane_bytes[val & 15]);
        break;
    default:
        mask &= all_planes(rotated);
        data = set_reset;
        break;
    }
    return (data & mask) | (s->latch & ~mask);
}

void vga_mem_write(VGA *s, uint32_t offset, uint8_t val)
{
    uint32_t addr, word;
    unsigned planes = s->seq[SEQ_MAP_MASK];

    if (!map_address(s, offset, &addr)) {
        return;
    }
    if (vbe_is_packed(s)) {
        addr &= s->vram_size - 1;
        s->vram->host[addr] = val;
        ram_set_dirty(s->vram->offset + addr, 1);
        return;
    }
    if (chain4(s)) {
        planes &= 1u << (addr & 3);
        word = addr >> 2;
    } else {
        if (!(s->seq[SEQ_MEM_MODE] & 0x04)) {           /* odd/even */
            planes &= addr & 1 ? 0xa : 0x5;
        }
        word = s->gc[GC_MISC] & 0x02 ? addr & ~1u : addr;
    }
    uint32_t keep = ~plane_bytes[planes & 15];
    store_word(s, word, (write_data(s, val) & ~keep) | (load_word(s, word) & keep));
    s->font_changed |= planes >> 2 & 1;
}

/* -- Reads, TR "Read Modes" -------------------------------------------------- */

static uint8_t colour_compare(const VGA *s)
{
    uint32_t differ = (s->latch ^ plane_bytes[s->gc[GC_COMPARE]]) &
                      plane_bytes[s->gc[GC_DONT_CARE]];

    return (uint8_t)~(differ | differ >> 8 | differ >> 16 | differ >> 24);
}

uint8_t vga_mem_read(VGA *s, uint32_t offset)
{
    uint32_t addr, word;
    unsigned plane = s->gc[GC_READ_MAP];

    if (!map_address(s, offset, &addr)) {
        return 0xff;
    }
    if (vbe_is_packed(s)) {
        return s->vram->host[addr & (s->vram_size - 1)];
    }
    if (chain4(s)) {
        plane = addr & 3;
        word = addr >> 2;
    } else {
        if (s->gc[GC_MODE] & 0x10) {                    /* odd/even */
            plane = (plane & 2) | (addr & 1);
        }
        word = s->gc[GC_MISC] & 0x02 ? addr & ~1u : addr;
    }
    s->latch = load_word(s, word);
    if (s->gc[GC_MODE] & 0x08) {
        return colour_compare(s);
    }
    return (uint8_t)(s->latch >> (8 * plane));
}

/* -- The window as plain memory ---------------------------------------------- */

/* Does each write just store a byte where the address says? */
static bool writes_plainly(const VGA *s)
{
    return chain4(s) && s->seq[SEQ_MAP_MASK] == 0x0f &&
           (s->gc[GC_MODE] & 0x0b) == 0 && s->gc[GC_ENABLE_SR] == 0 &&
           s->gc[GC_ROTATE] == 0 && s->gc[GC_BIT_MASK] == 0xff &&
           (s->gc[GC_MISC] >> 2 & 3) <= 1 && s->misc & 0x02;
}

void vga_update_linear(VGA *s)
{
    uint32_t offset = ~0u, size = 0x10000;

    if (!s->mem) {
        return;
    }
    if (s->window_enabled && vbe_is_packed(s)) {
        offset = ((uint32_t)s->vbe[VBE_BANK] << 16) & (s->vram_size - 1);
    } else if (s->window_enabled && !vbe_is_on(s) && writes_plainly(s)) {
        offset = 0;
        size = map_ranges[s->gc[GC_MISC] >> 2 & 3].size;
    }
    if (offset == s->linear_offset && size == s->linear_size) {
        return;
    }
    s->linear_offset = offset;
    s->linear_size = size;
    as_begin(s->mem);
    region_unmap(&s->linear);
    if (offset != ~0u) {
        region_init_alias(&s->linear, "vga-linear", &s->vram_region, offset, size);
        region_map(s->mem, &s->linear, VGA_WINDOW_BASE, 3);
    }
    as_commit(s->mem);
}

/* -- Retrace ----------------------------------------------------------------- */

typedef struct Timing { int64_t line_ns, chars, disp_chars; int lines, disp, sync; } Timing;

static int overflowed(const VGA *s, int reg, int bit8, int bit9)
{
    unsigned o = s->crtc[CRTC_OVERFLOW];

    return s->crtc[reg] | (int)(o >> bit8 & 1) << 8 | (int)(o >> bit9 & 1) << 9;
}

/* TR, CRT Controller: totals; falls back to 70 frames a second. */
static Timing get_timing(const VGA *s)
{
    static const int64_t clocks[4] = { 25175000, 28322000, 25175000, 25175000 };
    int64_t dots = s->seq[SEQ_CLOCKING] & 1 ? 8 : 9;
    int64_t hz = clocks[s->misc >> 2 & 3] >> (s->seq[SEQ_CLOCKING] >> 3 & 1);
    Timing t = {
        .chars = s->crtc[CRTC_H_TOTAL] + 5,
        .disp_chars = s->crtc[CRTC_H_DISP_END] + 1,
        .lines = overflowed(s, CRTC_V_TOTAL, 0, 5) + 2,
        .disp = overflowed(s, CRTC_V_DISP_END, 1, 6) + 1,
        .sync = overflowed(s, CRTC_V_SYNC_START, 2, 7),
    };

    t.line_ns = t.chars * dots * NS_PER_SEC / hz;
    if (t.lines < 100 || t.disp >= t.lines || t.disp_chars >= t.chars) {
        t = (Timing){ 31778, 100, 80, 449, 400, 412 };
    }
    return t;
}

/* TR, Input Status Register 1: bit 3 vertical retrace, bit 0 not displaying. */
static uint8_t input_status(const VGA *s)
{
    Timing t = get_timing(s);
    int64_t in_frame = clock_now(s->clock) % (t.line_ns * t.lines);
    int line = (int)(in_frame / t.line_ns);
    int64_t ch = in_frame % t.line_ns * t.chars / t.line_ns;
    /* The end is compared in its low four bits only. */
    int sync_len = (s->crtc[CRTC_V_SYNC_END] - t.sync) & 15;
    bool vsync = line >= t.sync && line < t.sync + (sync_len ? sync_len : 2);

    return (uint8_t)(vsync << 3 | (line >= t.disp || ch >= t.disp_chars));
}

/* -- Registers --------------------------------------------------------------- */

static bool is_colour(const VGA *s)
{
    return s->misc & 1;
}

/* TR: writes to 0-7 are ignored while bit 7 of index 0x11 is set, but for bit 4
 * of the overflow register. */
static void write_crtc(VGA *s, uint8_t val)
{
    unsigned i = s->crtc_index;

    if (i >= CRTC_NUM) {
        log_guest(s->name, "CRTC index 0x%02x = 0x%02x: no such register", i, val);
        return;
    }
    if (i <= CRTC_OVERFLOW && s->crtc[CRTC_V_SYNC_END] & 0x80) {
        if (i == CRTC_OVERFLOW) {
            s->crtc[i] = (uint8_t)((s->crtc[i] & ~0x10) | (val & 0x10));
        }
        return;
    }
    s->crtc[i] = val;
}

static void write_attr(VGA *s, uint8_t val)
{
    s->attr_flip_flop ^= 1;
    if (s->attr_flip_flop) {
        s->attr_index = val & 0x3f;
        return;
    }
    unsigned i = s->attr_index & 0x1f;
    /* The palette cannot be written while the screen uses it. */
    if (i < ATTR_NUM && (i >= ATTR_MODE || !(s->attr_index & 0x20))) {
        s->attr[i] = val & attr_bits[i];
    }
}

static void write_dac(VGA *s, uint8_t val)
{
    s->dac_cache[s->dac_sub++] = val;
    if (s->dac_sub == 3) {
        memcpy(&s->dac[3 * s->dac_write_index], s->dac_cache, 3);
        s->dac_sub = 0;
        s->dac_write_index++;
    }
}

static uint8_t read_dac(VGA *s)
{
    uint8_t val = s->dac[3 * s->dac_read_index + s->dac_sub++];

    if (s->dac_sub == 3) {
        s->dac_sub = 0;
        s->dac_read_index++;
    }
    return val;
}

/* In 6-bit operation only the low six bits exist. */
static uint8_t dac_mask(const VGA *s)
{
    return s->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? 0xff : 0x3f;
}

/* 0x3b0-0x3bf or 0x3d0-0x3df, whichever the misc output register chose, as
 * offset 4, 5 or 0xa; 0: not decoded now. */
static unsigned crtc_port(const VGA *s, unsigned port)
{
    bool colour = port >= 0x3d0;

    if ((port < 0x3c0 || colour) && colour == is_colour(s)) {
        return port & 0xf;
    }
    return 0;
}

static uint8_t crtc_port_read(VGA *s, unsigned reg)
{
    switch (reg) {
    case 0x4: return s->crtc_index;
    case 0x5: return s->crtc_index < CRTC_NUM ? s->crtc[s->crtc_index] : 0;
    case 0xa:
        s->attr_flip_flop = 0;
        return input_status(s);
    default:  return 0xff;
    }
}

uint8_t vga_port_read(VGA *s, unsigned port)
{
    switch (port) {
    case 0x3c0: return s->attr_index;
    case 0x3c1: return s->attr[s->attr_index & 0x1f];
    case 0x3c2: return 0x10;            /* switch sense: colour monitor */
    case 0x3c3: return s->enable;
    case 0x3c4: return s->seq_index;
    case 0x3c5: return s->seq[s->seq_index];
    case 0x3c6: return s->dac_mask;
    case 0x3c7: return s->dac_state;
    case 0x3c8: return s->dac_write_index;
    case 0x3c9: return read_dac(s);
    case 0x3ca: return s->feature;
    case 0x3cc: return s->misc;
    case 0x3ce: return s->gc_index;
    case 0x3cf: return s->gc[s->gc_index];
    default:    return crtc_port_read(s, crtc_port(s, port));
    }
}

static void crtc_port_write(VGA *s, unsigned reg, uint8_t val)
{
    switch (reg) {
    case 0x4: s->crtc_index = val; break;
    case 0x5: write_crtc(s, val); break;
    case 0xa: s->feature = val; break;
    default:  break;
    }
}

void vga_port_write(VGA *s, unsigned port, uint8_t val)
{
    switch (port) {
    case 0x3c0:
        write_attr(s, val);
        break;
    case 0x3c2:
        s->misc = val;
        vga_update_linear(s);
        break;
    case 0x3c3:
        s->enable = val & 1;
        break;
    case 0x3c4:
        s->seq_index = val & 7;
        break;
    case 0x3c5:
        s->seq[s->seq_index] = val & seq_bits[s->seq_index];
        vga_update_linear(s);
        break;
    case 0x3c6:
        s->dac_mask = val;
        break;
    case 0x3c7:
        s->dac_read_index = val;
        s->dac_sub = 0;
        s->dac_state = 3;               /* last was a read */
        break;
    case 0x3c8:
        s->dac_write_index = val;
        s->dac_sub = 0;
        s->dac_state = 0;
        break;
    case 0x3c9:
        write_dac(s, val & dac_mask(s));
        break;
    case 0x3ce:
        s->gc_index = val & 15;
        break;
    case 0x3cf:
        s->gc[s->gc_index] = val & gc_bits[s->gc_index];
        vga_update_linear(s);
        break;
    default:
        crtc_port_write(s, crtc_port(s, port), val);
        break;
    }
}

/* -- Life -------------------------------------------------------------------- */

int vga_init(VGA *s, const char *name, Clock *clock, AddressSpace *mem,
             uint64_t vram_size, Error *err)
{
    if (!is_pow2(vram_size) || vram_size < 1 << 20 || vram_size > 256 << 20) {
        return error_set(err, EINVAL, "%s: vgamem_mb=%u: it must be a power of two "
                         "from 1 to 256", name, (unsigned)(vram_size >> 20));
    }
    s->vram = ram_block_new("vga.vram", vram_size);
    if (!s->vram) {
        return error_set(err, ENOMEM, "%s: the host has no %u MiB for video memory, "
                         "make vgamem_mb smaller", name, (unsigned)(vram_size >> 20));
    }
    s->name = name;
    s->clock = clock;
    s->mem = mem;
    s->vram_size = (uint32_t)vram_size;
    s->linear_offset = ~0u;
    region_init_ram(&s->vram_region, "vga.vram", s->vram);
    s->con = console_new("vga", &vga_console_ops, s);
    return 0;
}

void vga_reset(VGA *s)
{
    s->misc = s->feature = 0;
    s->enable = 1;
    s->seq_index = s->gc_index = s->crtc_index = 0;
    s->attr_index = s->attr_flip_flop = 0;
    s->dac_read_index = s->dac_write_index = s->dac_sub = s->dac_state = 0;
    s->dac_mask = 0xff;
    s->latch = 0;
    memset(s->seq, 0, sizeof(s->seq));
    memset(s->gc, 0, sizeof(s->gc));
    memset(s->crtc, 0, sizeof(s->crtc));
    memset(s->attr, 0, sizeof(s->attr));
    memset(s->dac, 0, sizeof(s->dac));
    memset(s->dac_cache, 0, sizeof(s->dac_cache));
    s->gc[GC_BIT_MASK] = 0xff;
    s->font_changed = true;
    vbe_reset(s);
    vga_update_linear(s);
}

int vga_post_load(VGA *s, Error *err)
{
    if (s->dac_sub > 2 || s->seq_index > 7 || s->gc_index > 15) {
        return error_set(err, EINVAL, "an index register is out of range");
    }
    for (unsigned i = 0; i < ARRAY_SIZE(s->gc); i++) {
        s->gc[i] &= gc_bits[i];
    }
    for (unsigned i = 0; i < ARRAY_SIZE(s->seq); i++) {
        s->seq[i] &= seq_bits[i];
    }
    for (unsigned i = 0; i < ARRAY_SIZE(s->attr); i++) {
        s->attr[i] &= attr_bits[i];
    }
    s->attr_flip_flop &= 1;
    s->font_changed = true;
    vbe_sanitize(s);
    vga_update_linear(s);
    return 0;
}

void vga_free(VGA *s)
{
    if (s->vram) {
        region_unmap(&s->linear);
        region_unmap(&s->vram_region);
        console_free(s->con);
        vga_draw_free(s);
    }
}
