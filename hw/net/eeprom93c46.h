/* SPDX-License-Identifier: MIT */
/*
 * The serial EEPROM of network cards: Microchip 93C46, 64 words of 16 bits, three
 * wires in and one out.  A card's register drives the wires; its words are the
 * card's own, made from its address.
 *
 * Not modelled: ERASE, WRITE and their like.
 */
#ifndef HW_NET_EEPROM93C46_H
#define HW_NET_EEPROM93C46_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/vmstate.h"

enum { EEPROM_WORDS = 64 };

typedef struct Eeprom {
    uint16_t word[EEPROM_WORDS];        /* not in the snapshot: always the same */
    uint8_t clock;                      /* level of SK */
    uint8_t bits;                       /* shifted in since the start bit */
    uint16_t command;                   /* opcode and address, so far */
    uint32_t out;                       /* bit 31 is on the wire */
} Eeprom;

extern const VMField eeprom_vmstate[];

void eeprom_reset(Eeprom *e);
/* The levels of chip select, clock and data in. */
void eeprom_drive(Eeprom *e, bool cs, bool sk, bool di);
bool eeprom_out(const Eeprom *e);       /* 1 when nobody drives it */

#endif
