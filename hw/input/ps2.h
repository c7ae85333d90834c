/* SPDX-License-Identifier: MIT */
/*
 * What sits at the end of a PS/2 cable: a keyboard or a mouse.
 *
 * Either is a device of its own with one output wire: 1 while it has a byte to
 * send.  The controller (i8042, PL050) connects the wire to itself, takes bytes
 * with ps2_read() and sends with ps2_write().
 *
 *      command --ps2_write--> type's command table --> answers --.
 *      keys, motion --------------------------------> data ------+--ps2_read-->
 *
 * Answers go before data, as a real device stops sending to answer.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "hw/core/device.h"

extern const DeviceType ps2_kbd_type, ps2_mouse_type;

bool ps2_is(const Device *d);           /* one of the two? */
bool ps2_has_byte(const Device *d);
uint8_t ps2_read(Device *d);            /* the last byte again if there is none */
void ps2_write(Device *d, uint8_t val);

/* -- For the two devices ----------------------------------------------------- */

enum { PS2_ACK = 0xfa, PS2_BAT_OK = 0xaa, PS2_RESEND = 0xfe };
enum { PS2_ANSWERS = 8, PS2_DATA = 16 };

typedef struct Ps2 {                    /* begins both state structs */
    Device dev;
    uint8_t answer[PS2_ANSWERS], num_answers;
    uint8_t data[PS2_DATA], num_data;
    uint8_t last;                       /* byte sent, for RESEND */
    uint8_t awaiting;                   /* command whose argument is next, or 0 */
} Ps2;

/* bus_ops of the two types. */
typedef struct Ps2Ops {
    void (*command)(Ps2 *p, uint8_t val);   /* a byte from the controller */
    void (*sent)(Ps2 *p);                   /* the queue is empty; or NULL */
} Ps2Ops;

extern const VMField ps2_vmstate[];
#define VM_PS2(type) VM_STRUCTS(type, ps2, 1, ps2_vmstate)

void ps2_answer(Ps2 *p, uint8_t val);
/* Room for len more bytes of data? */
bool ps2_room(const Ps2 *p, unsigned len);
void ps2_put(Ps2 *p, const uint8_t *buf, unsigned len);     /* there is room */
void ps2_flush(Ps2 *p);                 /* forget answers and data */
int ps2_post_load(Ps2 *p, Error *err);

#endif
