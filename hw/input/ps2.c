/* SPDX-License-Identifier: MIT */
/*
 * The part that a PS/2 keyboard and a PS/2 mouse have in common: what waits to
 * be sent.
 *
 * Not modelled: the clock and data lines, parity errors.  The time a byte takes
 * on the cable is kept by the controller.
 */
#include "hw/input/ps2.h"

#include <errno.h>
#include <string.h>

static const Ps2Ops *ops_of(const Ps2 *p)
{
    return p->dev.type->bus_ops;
}

static void update_wire(Ps2 *p)
{
    qemu_set_irq(p->dev.irq[0], ps2_has_byte(&p->dev));
}

bool ps2_is(const Device *d)
{
    return d->type == &ps2_kbd_type || d->type == &ps2_mouse_type;
}

bool ps2_has_byte(const Device *d)
{
    const Ps2 *p = (const Ps2 *)d;

    return p->num_answers || p->num_data;
}

static uint8_t shift_out(uint8_t *queue, uint8_t *num)
{
    uint8_t val = queue[0];

    memmove(queue, queue + 1, --*num);
    return val;
}

uint8_t ps2_read(Device *d)
{
    Ps2 *p = (Ps2 *)d;

    if (p->num_answers) {
        p->last = shift_out(p->answer, &p->num_answers);
    } else if (p->num_data) {
        p->last = shift_out(p->data, &p->num_data);
    }
    if (!ps2_has_byte(d) && ops_of(p)->sent) {
        ops_of(p)->sent(p);
    }
    update_wire(p);
    return p->last;
}

void ps2_write(Device *d, uint8_t val)
{
    Ps2 *p = (Ps2 *)d;

    p->num_answers = 0;                 /* a command ends an answer */
    ops_of(p)->command(p, val);
    update_wire(p);
}

void ps2_answer(Ps2 *p, uint8_t val)
{
    if (p->num_answers < PS2_ANSWERS) {
        p->answer[p->num_answers++] = val;
    }
    update_wire(p);
}

bool ps2_room(const Ps2 *p, unsigned len)
{
    return p->num_data + len <= PS2_DATA;
}

void ps2_put(Ps2 *p, const uint8_t *buf, unsigned len)
{
    memcpy(p->data + p->num_data, buf, len);
    p->num_data = (uint8_t)(p->num_data + len);
    update_wire(p);
}

void ps2_flush(Ps2 *p)
{
    p->num_answers = p->num_data = 0;
    update_wire(p);
}

int ps2_post_load(Ps2 *p, Error *err)
{
    if (p->num_answers > PS2_ANSWERS || p->num_data > PS2_DATA) {
        return error_set(err, EINVAL, "%s: snapshot has an impossible queue",
                         p->dev.type->name);
    }
    return 0;                           /* the controller remembers the wire */
}

const VMField ps2_vmstate[] = {
    VM_ARRAY(Ps2, answer),
    VM_FIELD(Ps2, num_answers),
    VM_ARRAY(Ps2, data),
    VM_FIELD(Ps2, num_data),
    VM_FIELD(Ps2, last),
    VM_FIELD(Ps2, awaiting),
    VM_END
};
