/* SPDX-License-Identifier: MIT */
/*
 * A static ARM program made of test vectors, to be run by qemu-arm and by the
 * rig, at the same addresses.
 *
 *   20010000  pairs of pages: code of some vectors, then a page for the slot r0 is
 *             saved to (a store into a page of code would be self-modifying)
 *   20100000  per vector: state before, state after, scratch memory
 *
 * A vector's code loads the registers and flags, runs the sequence, stores
 * them.  Behind the last one is write(1, all data), then exit(0).
 */
#ifndef TESTS_FUZZ_ARM_QEMU_H
#define TESTS_FUZZ_ARM_QEMU_H

#include "tests/fuzz/arm-gen.h"

enum {
    VEC_CODE = RIG_CODE, VEC_DATA = 0x20100000, VEC_MAX = 600, VEC_TAIL = 3,
};

typedef struct VecState {               /* as in the guest's memory */
    uint32_t r[15], cpsr;
    uint32_t fpscr, unused;
    uint64_t d[16];
} VecState;

typedef struct VecData {
    VecState in, out;
    uint8_t scratch[TAME_SCRATCH];
} VecData;

/* Offsets in instructions */
enum { AT_CPSR = offsetof(VecState, cpsr), AT_FPSCR = offsetof(VecState, fpscr),
       AT_D = offsetof(VecState, d) };

typedef struct Vector {
    bool thumb;
    unsigned num;
    uint32_t raw[TAME_LEN];
    uint32_t addr;                      /* of raw[0] */
} Vector;

typedef struct Image {
    uint8_t *code, *data;               /* of VEC_CODE, VEC_DATA */
    uint32_t at, page;                  /* where code goes; its page */
    unsigned num;
    Vector vec[VEC_MAX];
} Image;

static uint32_t vec_data(unsigned n)
{
    return VEC_DATA + n * (uint32_t)sizeof(VecData);
}

static void put32(Image *im, uint32_t insn)
{
    store_le(im->code + (im->at - VEC_CODE), insn, 4);
    im->at += 4;
}

static void put16(Image *im, uint32_t insn)
{
    store_le(im->code + (im->at - VEC_CODE), insn, 2);
    im->at += 2;
}

/* ldr rd, [pc, #0] and b over the word */
static void put_const(Image *im, unsigned rd, uint32_t k)
{
    put32(im, 0xe59f0000 | rd << 12);
    put32(im, 0xea000000);
    put32(im, k);
}

/* str or ldr rd, the slot of this page */
static void put_slot(Image *im, uint32_t insn, unsigned rd)
{
    put32(im, insn | rd << 12 | (im->page + TARGET_PAGE_SIZE - (im->at + 8)));
}

static void next_page(Image *im)
{
    uint32_t next = im->page + 2 * TARGET_PAGE_SIZE;

    put32(im, 0xea000000 | ((next - (im->at + 8)) >> 2 & 0xffffff));
    im->at = im->page = next;
}

static void put_sequence(Image *im, Vector *v)
{
    if (v->thumb) {
        put32(im, 0xe51ff004);                          /* ldr pc, [pc, #-4] */
        put32(im, im->at + 4 + 1);
    }
    v->addr = im->at;
    for (unsigned i = 0; i < v->num + VEC_TAIL; i++) {
        if (v->thumb) {
            put16(im, i < v->num ? v->raw[i] : 0x46c0);
        } else {
            put32(im, i < v->num ? v->raw[i] : 0xe1a00000);
        }
    }
    if (v->thumb) {
        if (im->at & 2) {
            put16(im, 0x46c0);
        }
        put16(im, 0x4778);                              /* bx pc */
        put16(im, 0x46c0);
    }
}

static void image_add(Image *im, const Vector *vec)
{
    Vector *v = &im->vec[im->num];
    uint32_t data = vec_data(im->num++);

    *v = *vec;
    if (im->at - im->page > TARGET_PAGE_SIZE - 256) {
        next_page(im);
    }
    put_const(im, 0, data);
    put32(im, 0xe5901000 | AT_FPSCR);                   /* ldr r1, [r0, #...] */
    put32(im, 0xeee11a10);                              /* vmsr fpscr, r1 */
    put32(im, 0xe2801000 | AT_D);                       /* add r1, r0, #... */
    put32(im, 0xec910b20);                              /* vldmia r1, {d0-d15} */
    put32(im, 0xe5901000 | AT_CPSR);
    put32(im, 0xe12cf001);                              /* msr cpsr_fs, r1 */
    put32(im, 0xe8907fff);                              /* ldmia r0, {r0-r14} */
    put_sequence(im, v);
    put_slot(im, 0xe58f0000, 0);                        /* str r0, slot */
    put_const(im, 0, data + (uint32_t)offsetof(VecData, out));
    put32(im, 0xe9807ffe);                              /* stmib r0, {r1-r14} */
    put32(im, 0xe10f1000);                              /* mrs r1, cpsr */
    put32(im, 0xe5801000 | AT_CPSR);                    /* str r1, [r0, #...] */
    put32(im, 0xe2801000 | AT_D);
    put32(im, 0xec810b20);                              /* vstmia r1, {d0-d15} */
    put32(im, 0xeef11a10);                              /* vmrs r1, fpscr */
    put32(im, 0xe5801000 | AT_FPSCR);
    put_slot(im, 0xe59f0000, 1);                        /* ldr r1, slot */
    put32(im, 0xe5801000);                              /* str r1, [r0] */
}

static void image_begin(Image *im)
{
    im->at = im->page = VEC_CODE;
    im->num = 0;
}

static uint32_t image_data_len(const Image *im)
{
    return im->num * (uint32_t)sizeof(VecData);
}

static void image_end(Image *im)
{
    put_const(im, 0, 1);
    put_const(im, 1, VEC_DATA);
    put_const(im, 2, image_data_len(im));
    put32(im, 0xe3a07004);                              /* mov r7, #4: write */
    put32(im, 0xef000000);
    put32(im, 0xe3a00000);
    put32(im, 0xe3a07001);                              /* exit */
    put32(im, 0xef000000);
}

/* -- As an ELF file ---------------------------------------------------------- */

static void put_segment(uint8_t *p, uint32_t offset, uint32_t addr, uint32_t len, uint32_t flags)
{
    const uint32_t ph[8] = { 1, offset, addr, addr, len, len, flags, 0x1000 };

    for (unsigned i = 0; i < 8; i++) {
        store_le(p + 4 * i, ph[i], 4);
    }
}

static bool image_write(const Image *im, const char *path)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };
    uint8_t head[0x1000] = { 0 };
    uint32_t code_len = (im->at - VEC_CODE + 0x2fff) & ~0xfffu;
    FILE *f = fopen(path, "wb");

    memcpy(head, ident, 16);
    store_le(head + 16, 2 | 40 << 16, 4);               /* ET_EXEC, EM_ARM */
    store_le(head + 20, 1, 4);
    store_le(head + 24, VEC_CODE, 4);
    store_le(head + 28, 52, 4);                         /* program headers */
    store_le(head + 36, 0x05000200, 4);                 /* EABI 5 */
    store_le(head + 40, 52 | 32 << 16, 4);
    store_le(head + 44, 2, 2);
    put_segment(head + 52, 0x1000, VEC_CODE, code_len, 7);
    put_segment(head + 84, 0x1000 + code_len, VEC_DATA, image_data_len(im), 6);
    bool ok = f && fwrite(head, 0x1000, 1, f) == 1 && fwrite(im->code, code_len, 1, f) == 1 &&
              fwrite(im->data, image_data_len(im), 1, f) == 1;

    return f && fclose(f) == 0 && ok;
}

#endif
