/* SPDX-License-Identifier: MIT */
#include "hw/boards/aml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

/* 20.3: opcodes. */
enum {
    OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b,
    OP_DWORD = 0x0c, OP_STRING = 0x0d, OP_SCOPE = 0x10, OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12, OP_METHOD = 0x14, DUAL_NAME = 0x2e, MULTI_NAME = 0x2f,
    OP_EXT = 0x5b, OP_LOCAL0 = 0x60, OP_ARG0 = 0x68, OP_STORE = 0x70,
    OP_AND = 0x7b, OP_OR = 0x7d, OP_CREATE_DWORD_FIELD = 0x8a, OP_IF = 0xa0,
    OP_RETURN = 0xa4,
    EXT_REGION = 0x80, EXT_FIELD = 0x81, EXT_DEVICE = 0x82, EXT_PROCESSOR = 0x83,
};
enum { FIELD_BYTE_ACCESS = 1 };

static void reserve(Aml *a, size_t len)
{
    if (a->len + len > a->room) {
        a->room = 2 * (a->len + len) + 256;
        a->data = xrealloc(a->data, a->room);
    }
}

void aml_bytes(Aml *a, const void *data, size_t len)
{
    reserve(a, len);
    memcpy(a->data + a->len, data, len);
    a->len += len;
}

static void put(Aml *a, uint64_t val, unsigned len)
{
    uint8_t buf[8];

    store_le(buf, val, len);
    aml_bytes(a, buf, len);
}

/* -- Lengths (20.2.4) -------------------------------------------------------- */

/* The length counts its own bytes: as few as will do. */
static unsigned encode_length(uint32_t len, uint8_t *out)
{
    unsigned n = 1;

    if (len + 1 < 0x40) {
        out[0] = (uint8_t)(len + 1);
        return 1;
    }
    while (len + n + 1 >= 1u << (4 + 8 * n)) {
        n++;
    }
    len += n + 1;
    out[0] = (uint8_t)(n << 6 | (len & 15));
    store_le(out + 1, len >> 4, n);
    return n + 1;
}

static void begin(Aml *a)
{
    assert(a->depth < AML_MAX_DEPTH);
    a->open[a->depth++] = a->len;
}

void aml_end(Aml *a)
{
    uint8_t len[4];

    assert(a->depth > 0);
    size_t at = a->open[--a->depth], body = a->len - at;
    unsigned n = encode_length((uint32_t)body, len);
    reserve(a, n);
    memmove(a->data + at + n, a->data + at, body);
    memcpy(a->data + at, len, n);
    a->len += n;
}

/* -- Names (20.2.2) ---------------------------------------------------------- */

static void put_segment(Aml *a, const char *s, size_t len)
{
    assert(len >= 1 && len <= 4);
    aml_bytes(a, s, len);
    aml_bytes(a, "____", 4 - len);
}

void aml_path(Aml *a, const char *name)
{
    unsigned num = 1;

    while (*name == '\\' || *name == '^') {
        put(a, (uint8_t)*name++, 1);
    }
    for (const char *p = name; *p; p++) {
        num += *p == '.';
    }
    if (!*name) {
        put(a, OP_ZERO, 1);             /* "\" alone */
        return;
    }
    if (num == 2) {
        put(a, DUAL_NAME, 1);
    } else if (num > 2) {
        put(a, MULTI_NAME, 1);
        put(a, num, 1);
    }
    while (*name) {
        size_t len = strcspn(name, ".");

        put_segment(a, name, len);
        name += len + (name[len] == '.');
    }
}

void aml_new_name(Aml *a, const char *name)
{
    aml_path(a, name);
}

/* -- Named objects ----------------------------------------------------------- */

static void put_ext(Aml *a, unsigned op)
{
    put(a, OP_EXT, 1);
    put(a, op, 1);
}

void aml_scope(Aml *a, const char *name)
{
    put(a, OP_SCOPE, 1);
    begin(a);
    aml_path(a, name);
}

void aml_device(Aml *a, const char *name)
{
    put_ext(a, EXT_DEVICE);
    begin(a);
    aml_path(a, name);
}

void aml_processor(Aml *a, const char *name, uint8_t id)
{
    put_ext(a, EXT_PROCESSOR);
    begin(a);
    aml_path(a, name);
    put(a, id, 1);
    put(a, 0, 4);                       /* no processor block */
    put(a, 0, 1);
    aml_end(a);
}

void aml_method(Aml *a, const char *name, unsigned num_args, bool serialized)
{
    put(a, OP_METHOD, 1);
    begin(a);
    aml_path(a, name);
    put(a, num_args | (serialized ? 8 : 0), 1);
}

void aml_name(Aml *a, const char *name)
{
    put(a, OP_NAME, 1);
    aml_path(a, name);
}

void aml_region(Aml *a, const char *name, unsigned space, uint32_t offset, uint32_t len)
{
    put_ext(a, EXT_REGION);
    aml_path(a, name);
    put(a, space, 1);
    aml_int(a, offset);
    aml_int(a, len);
}

void aml_field_bytes(Aml *a, const char *region)
{
    put_ext(a, EXT_FIELD);
    begin(a);
    aml_path(a, region);
    put(a, FIELD_BYTE_ACCESS, 1);       /* no lock, preserve */
}

void aml_field_unit(Aml *a, const char *name, unsigned bits)
{
    assert(bits < 0x40);
    put_segment(a, name, strlen(name));
    put(a, bits, 1);
}

/* -- Values ------------------------------------------------------------------ */

void aml_int(Aml *a, uint32_t val)
{
    if (val <= 1) {
        put(a, val ? OP_ONE : OP_ZERO, 1);
    } else if (val <= 0xff) {
        put(a, OP_BYTE, 1);
        put(a, val, 1);
    } else if (val <= 0xffff) {
        put(a, OP_WORD, 1);
        put(a, val, 2);
    } else {
        put(a, OP_DWORD, 1);
        put(a, val, 4);
    }
}

void aml_string(Aml *a, const char *s)
{
    put(a, OP_STRING, 1);
    aml_bytes(a, s, strlen(s) + 1);
}

/* 19.3.4: three letters in 5 bits each, four digits, big endian. */
void aml_eisa_id(Aml *a, const char *id)
{
    uint8_t be[4];
    uint32_t v = (uint32_t)(id[0] - '@') << 26 | (uint32_t)(id[1] - '@') << 21 |
                 (uint32_t)(id[2] - '@') << 16 | (uint32_t)strtoul(id + 3, NULL, 16);

    assert(strlen(id) == 7);
    store_be(be, v, 4);
    put(a, OP_DWORD, 1);
    aml_bytes(a, be, 4);
}

void aml_local(Aml *a, unsigned n)
{
    put(a, OP_LOCAL0 + n, 1);
}

void aml_arg(Aml *a, unsigned n)
{
    put(a, OP_ARG0 + n, 1);
}

void aml_package(Aml *a, unsigned num)
{
    put(a, OP_PACKAGE, 1);
    begin(a);
    put(a, num, 1);
}

/* -- Statements -------------------------------------------------------------- */

void aml_store(Aml *a) { put(a, OP_STORE, 1); }
void aml_and(Aml *a) { put(a, OP_AND, 1); }
void aml_or(Aml *a) { put(a, OP_OR, 1); }
void aml_none(Aml *a) { put(a, OP_ZERO, 1); }
void aml_return(Aml *a) { put(a, OP_RETURN, 1); }
void aml_create_dword_field(Aml *a) { put(a, OP_CREATE_DWORD_FIELD, 1); }

void aml_if(Aml *a)
{
    put(a, OP_IF, 1);
    begin(a);
}

/* -- Resources (6.4) --------------------------------------------------------- */

enum { DWORD_SIZE_LEN = 5 };            /* of the buffer's size, as a DWord */

void aml_resources(Aml *a)
{
    put(a, OP_BUFFER, 1);
    begin(a);
    put(a, OP_DWORD, 1);
    put(a, 0, 4);                       /* the size: aml_end_resources */
}

void aml_end_resources(Aml *a)
{
    size_t at = a->open[a->depth - 1];

    put(a, 0x79, 1);                    /* end tag, checksum 0: not used */
    put(a, 0, 1);
    store_le(a->data + at + 1, a->len - at - DWORD_SIZE_LEN, 4);
    aml_end(a);
}

void aml_res_io(Aml *a, uint16_t base, uint8_t len)
{
    put(a, 0x47, 1);                    /* I/O port */
    put(a, 1, 1);                       /* decodes 16 bits */
    put(a, base, 2);
    put(a, base, 2);
    put(a, 1, 1);
    put(a, len, 1);
}

void aml_res_irq(Aml *a, unsigned irq)
{
    put(a, 0x22, 1);                    /* IRQ, no flags */
    put(a, 1u << irq, 2);
}

void aml_res_dma(Aml *a, unsigned channel)
{
    put(a, 0x2a, 1);                    /* DMA */
    put(a, 1u << channel, 1);
    put(a, 0, 1);                       /* compatibility, no master, 8 bits */
}

void aml_res_memory(Aml *a, uint32_t base, uint32_t len)
{
    put(a, 0x86, 1);                    /* 32-bit fixed memory */
    put(a, 9, 2);
    put(a, 1, 1);                       /* writable */
    put(a, base, 4);
    put(a, len, 4);
}

void aml_res_interrupts(Aml *a, const uint32_t *irqs, unsigned num)
{
    put(a, 0x89, 1);                    /* extended interrupt */
    put(a, 2 + 4 * num, 2);
    put(a, 0x09, 1);                    /* consumer, level, high, shared */
    put(a, num, 1);
    for (unsigned i = 0; i < num; i++) {
        put(a, irqs[i], 4);
    }
}

/* 6.4.3.5: address spaces; fixed, positively decoded, produced. */
enum { RES_MEMORY, RES_IO, RES_BUS };

static void res_range(Aml *a, unsigned tag, unsigned type, unsigned type_flags,
                      uint32_t first, uint32_t last, unsigned width)
{
    put(a, tag, 1);
    put(a, 3 + 5 * width, 2);
    put(a, type, 1);
    put(a, 0x0c, 1);                    /* minimum and maximum are fixed */
    put(a, type_flags, 1);
    put(a, 0, width);                   /* granularity */
    put(a, first, width);
    put(a, last, width);
    put(a, 0, width);                   /* translation */
    put(a, last - first + 1, width);
}

void aml_res_bus_numbers(Aml *a, uint16_t first, uint16_t last)
{
    res_range(a, 0x88, RES_BUS, 0, first, last, 2);
}

void aml_res_io_range(Aml *a, uint16_t first, uint16_t last)
{
    res_range(a, 0x88, RES_IO, 3, first, last, 2);      /* entire range */
}

void aml_res_memory_range(Aml *a, uint32_t first, uint32_t last)
{
    res_range(a, 0x87, RES_MEMORY, 1, first, last, 4);  /* writable */
}
