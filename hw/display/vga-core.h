/* SPDX-License-Identifier: MIT */
/*
 * Inside the standard VGA: the state shared by its parts.
 *
 *   vga.c       PCI and ISA cards, windows, ROM    --> ports, memory
 *   vga-core.c  registers, the planar memory window
 *   vbe.c       DISPI registers
 *   vga-draw.c  from memory to a Console's surface and text cells
 *
 * Memory is one row of 32-bit words, a byte per plane:
 *
 *      word w:  [ plane 0 | plane 1 | plane 2 | plane 3 ]    address 4w .. 4w+3
 *
 * so a linear frame buffer, seen through the PCI BAR, is the same bytes.  In
 * chain-4 modes the processor's address A is byte A: packed, where a real VGA
 * leaves three words of four unused.
 */
#ifndef HW_DISPLAY_VGA_CORE_H
#define HW_DISPLAY_VGA_CORE_H

#include "hw/core/device.h"
#include "ui/console.h"

#define VGA_WINDOW_BASE  0xa0000
#define VGA_WINDOW_SIZE  0x20000
#define VGA_PORT_BASE    0x3b0
#define VGA_PLANE_SIZE   0x10000        /* words of a VGA without extensions */
#define VGA_MAX_COLS     256

/* Indices, names as in the IBM Video Subsystem reference. */
enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_CHAR_MAP, SEQ_MEM_MODE, SEQ_NUM };
enum { GC_SET_RESET, GC_ENABLE_SR, GC_COMPARE, GC_ROTATE, GC_READ_MAP, GC_MODE,
       GC_MISC, GC_DONT_CARE, GC_BIT_MASK, GC_NUM };
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN, ATTR_PLANES, ATTR_PAN, ATTR_COLOUR_SELECT,
       ATTR_NUM };
enum {
    CRTC_H_TOTAL, CRTC_H_DISP_END, CRTC_H_BLANK_START, CRTC_H_BLANK_END,
    CRTC_H_SYNC_START, CRTC_H_SYNC_END, CRTC_V_TOTAL, CRTC_OVERFLOW,
    CRTC_PRESET_ROW, CRTC_MAX_SCAN, CRTC_CURSOR_START, CRTC_CURSOR_END,
    CRTC_START_HI, CRTC_START_LO, CRTC_CURSOR_HI, CRTC_CURSOR_LO,
    CRTC_V_SYNC_START, CRTC_V_SYNC_END, CRTC_V_DISP_END, CRTC_OFFSET,
    CRTC_UNDERLINE, CRTC_V_BLANK_START, CRTC_V_BLANK_END, CRTC_MODE,
    CRTC_LINE_COMPARE, CRTC_NUM,
};

/* DISPI registers (Bochs VBE extensions, "VBE Display API"). */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT, VBE_X_OFFSET, VBE_Y_OFFSET, VBE_MEMORY_64K, VBE_NUM,
};
enum {
    VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20,
    VBE_LFB = 0x40, VBE_NO_CLEAR = 0x80,
};
#define VBE_MAX_XRES 2560
#define VBE_MAX_YRES 1600

/* What was drawn last: vga-draw.c's own. */
typedef struct VGADrawn VGADrawn;

typedef struct VGA {
    Clock *clock;
    const char *name;                   /* for messages */
    RAMBlock *vram;
    uint32_t vram_size;
    /* Registers. */
    uint8_t misc, feature, enable;
    uint8_t seq_index, seq[8];
    uint8_t gc_index, gc[16];
    uint8_t crtc_index, crtc[32];
    uint8_t attr_index, attr_flip_flop, attr[32];
    uint8_t dac[768], dac_mask;
    uint8_t dac_read_index, dac_write_index, dac_sub, dac_state;
    uint8_t dac_cache[3];               /* r, g until b comes */
    uint32_t latch;
    uint16_t vbe_index, vbe[VBE_NUM];
    /* Not saved. */
    bool font_changed;                  /* plane 2 was written */
    /* The window at 0xa0000 as plain memory, where it is that. */
    AddressSpace *mem;                  /* NULL in tests */
    MemoryRegion vram_region, linear;
    uint32_t linear_offset;             /* while mapped: of vram; ~0 not */
    uint32_t linear_size;
    bool window_enabled;                /* the card decodes 0xa0000 */
    Console *con;
    VGADrawn *drawn;
} VGA;

extern const VMField vga_vmstate[];

/* Life: storage of the card, zeroed. */
int vga_init(VGA *s, const char *name, Clock *clock, AddressSpace *mem,
             uint64_t vram_size, Error *err);
void vga_reset(VGA *s);
int vga_post_load(VGA *s, Error *err);
void vga_free(VGA *s);

/* Ports 0x3b0 .. 0x3df, one byte. */
uint8_t vga_port_read(VGA *s, unsigned port);
void vga_port_write(VGA *s, unsigned port, uint8_t val);
/* The window, offset from 0xa0000, one byte. */
uint8_t vga_mem_read(VGA *s, uint32_t offset);
void vga_mem_write(VGA *s, uint32_t offset, uint8_t val);
/* Map the window as memory if what is programmed allows it. */
void vga_update_linear(VGA *s);

/* vbe.c: one 16-bit register. */
uint16_t vbe_read(VGA *s, unsigned index);
void vbe_write(VGA *s, unsigned index, uint16_t val);
void vbe_reset(VGA *s);
/* After a snapshot: nothing that would lead out of memory. */
void vbe_sanitize(VGA *s);
bool vbe_is_on(const VGA *s);
/* Bytes from one line to the next (words of 4 planes: 4 bpp). */
uint32_t vbe_line_length(const VGA *s);
/* Byte (4 bpp: word) of the first pixel shown. */
uint32_t vbe_start(const VGA *s);

/* vga-draw.c */
extern const ConsoleOps vga_console_ops;
void vga_draw_free(VGA *s);

#endif
