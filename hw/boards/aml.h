/* SPDX-License-Identifier: MIT */
/*
 * Writing ACPI Machine Language (ACPI 6.4, chapter 20).
 *
 * A program is bytes appended in the order of the ASL text.  What ASL puts in
 * braces is opened with aml_scope, aml_device ... and closed with aml_end(),
 * which fills in the length.
 *
 *      Device (RTC) { Name (_HID, EisaId ("PNP0B00")) }
 *
 *      aml_device(a, "RTC");
 *      aml_name(a, "_HID");
 *      aml_eisa_id(a, "PNP0B00");
 *      aml_end(a);
 *
 * Names are ASL's: "_HID", "\\_SB.PCI0", "^PRQA"; short segments are padded.
 * Only one Aml at a time is written by one thread; no errors but our own.
 */
#ifndef HW_BOARDS_AML_H
#define HW_BOARDS_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AML_MAX_DEPTH = 16 };

typedef struct Aml {
    uint8_t *data;                      /* free() it */
    size_t len, room;
    size_t open[AML_MAX_DEPTH];         /* where the contents start */
    int depth;
} Aml;

void aml_bytes(Aml *a, const void *data, size_t len);
void aml_end(Aml *a);

/* Named objects. */
void aml_scope(Aml *a, const char *name);
void aml_device(Aml *a, const char *name);
void aml_processor(Aml *a, const char *name, uint8_t id);
void aml_method(Aml *a, const char *name, unsigned num_args, bool serialized);
void aml_name(Aml *a, const char *name);        /* its value follows */
enum { AML_SYSTEM_MEMORY, AML_SYSTEM_IO, AML_PCI_CONFIG };
void aml_region(Aml *a, const char *name, unsigned space, uint32_t offset, uint32_t len);
void aml_field_bytes(Aml *a, const char *region);       /* byte access; then: */
void aml_field_unit(Aml *a, const char *name, unsigned bits);

/* Values. */
void aml_int(Aml *a, uint32_t val);
void aml_string(Aml *a, const char *s);
void aml_eisa_id(Aml *a, const char *id);       /* "PNP0A03" */
void aml_path(Aml *a, const char *name);        /* a reference */
void aml_local(Aml *a, unsigned n);
void aml_arg(Aml *a, unsigned n);
void aml_package(Aml *a, unsigned num);         /* num values, aml_end */

/* Statements and operators; operands follow. */
void aml_store(Aml *a);                 /* value, target */
void aml_and(Aml *a);                   /* value, value, target or aml_none */
void aml_or(Aml *a);
void aml_none(Aml *a);
void aml_if(Aml *a);                    /* predicate, statements, aml_end */
void aml_return(Aml *a);                /* value */
void aml_create_dword_field(Aml *a);    /* buffer, index, aml_new_name */
void aml_new_name(Aml *a, const char *name);

/* Resource templates (6.4): open, descriptors, aml_end_resources. */
void aml_resources(Aml *a);
void aml_end_resources(Aml *a);
void aml_res_io(Aml *a, uint16_t base, uint8_t len);
void aml_res_irq(Aml *a, unsigned irq);         /* edge, high, exclusive */
void aml_res_dma(Aml *a, unsigned channel);
void aml_res_memory(Aml *a, uint32_t base, uint32_t len);
/* Level, active high, shared; any of num lines. */
void aml_res_interrupts(Aml *a, const uint32_t *irqs, unsigned num);
/* What a bridge passes on. */
void aml_res_bus_numbers(Aml *a, uint16_t first, uint16_t last);
void aml_res_io_range(Aml *a, uint16_t first, uint16_t last);
void aml_res_memory_range(Aml *a, uint32_t first, uint32_t last);

#endif
