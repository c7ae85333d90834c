/* SPDX-License-Identifier: MIT */
/*
 * Machine code as text, for logs and the monitor: by capstone where the build
 * has it, else the guest's by CPUOps.disassemble, else as hexadecimal bytes.
 *
 * arch and mode are capstone's (CPUOps.disas_mode); mode -1 means unknown.
 * Output is one line per instruction: address, bytes, text.
 */
#ifndef DISAS_H
#define DISAS_H

#include <stddef.h>
#include <stdint.h>

typedef void DisasPut(void *opaque, const char *text);

void disas_guest(int arch, int mode, uint64_t addr, const uint8_t *code, size_t len,
                 DisasPut *put, void *opaque);
void disas_host(const uint8_t *code, size_t len, DisasPut *put, void *opaque);

#endif
