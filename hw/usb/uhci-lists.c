/* SPDX-License-Identifier: MIT */
/*
 * UHCI 1.1 (Intel, Universal Host Controller Interface Design Guide), chapter 3:
 * frame list, transfer descriptors, queues.
 *
 *   frame list[n] -> TD -> TD -> QH ------------> QH ------> T
 *                    isochronous  |                |
 *                                 TD -> TD -> T    TD -> T
 *
 * A queue is worked on until its TD is not ready, its last one is done, or the
 * frame's budget is used up; that budget is far above what a wire carries.
 * Whether the guest asked for depth or breadth first makes no difference.
 *
 * Guests link queues into a ring, to have the rest of a frame used
 * (bandwidth reclamation).  A ring ends when it was gone around without any
 * transfer, which Brent's cycle search tells without marking queues.
 */
#include "hw/usb/uhci-int.h"
#include "util/bits.h"
#include "util/log.h"

enum { LINK_END = 1, LINK_QUEUE = 2, MAX_STEPS = 2048, PACKET_COST = 32 };

/* Control and status of a TD, 3.2.2 */
enum { TD_BITSTUFF = 1 << 17, TD_TIMEOUT = 1 << 18, TD_NAK = 1 << 19, TD_BABBLE = 1 << 20,
       TD_STALLED = 1 << 22, TD_ACTIVE = 1 << 23, TD_IOC = 1 << 24, TD_ISO = 1 << 25,
       TD_ATTEMPTS = 3 << 27, TD_SPD = 1 << 29, TD_LENGTH = 0x7ff,
       TD_ERRORS = TD_BITSTUFF | TD_TIMEOUT | TD_NAK | TD_BABBLE | 1 << 21 | TD_STALLED };

typedef struct Td { uint32_t link, control, token, buffer; } Td;

/* NOT_YET: still active; DONE: go on with the next; STOP: retired, the queue stays. */
typedef enum Outcome { NOT_YET, DONE, STOP } Outcome;

static void read_words(Uhci *s, uint32_t at, uint32_t *w, unsigned n)
{
    uint8_t raw[16];

    pci_dma_read(&s->pci, at, raw, 4 * n);
    for (unsigned i = 0; i < n; i++) {
        w[i] = (uint32_t)load_le(raw + 4 * i, 4);
    }
}

static void write_word(Uhci *s, uint32_t at, uint32_t val)
{
    uint8_t raw[4];

    store_le(raw, val, 4);
    pci_dma_write(&s->pci, at, raw, 4);
}

/* -- Transfers --------------------------------------------------------------- */

static USBStatus transfer(Uhci *s, const Td *t, USBPacket *p)
{
    USBDevice *d = usb_find(&s->bus, bits(t->token, 14, 8));

    *p = (USBPacket){ .token = (USBToken)bits(t->token, 7, 0),
                      .ep = (uint8_t)bits(t->token, 18, 15), .data = s->buf,
                      .size = (bits(t->token, 31, 21) + 1) & TD_LENGTH };
    if (p->token != USB_IN && p->token != USB_OUT && p->token != USB_SETUP) {
        log_guest("uhci", "TD with PID 0x%02x", p->token);
        s->status |= UHCI_STS_PROCESS_ERROR;
        return USB_SILENCE;
    }
    if (p->token != USB_IN) {
        pci_dma_read(&s->pci, t->buffer, s->buf, p->size);
    }
    USBStatus status = d ? usb_transfer(d, p) : USB_SILENCE;
    if (p->token == USB_IN && p->len) {
        pci_dma_write(&s->pci, t->buffer, s->buf, p->len);
    }
    s->budget -= (int32_t)MAX(p->len, (uint32_t)PACKET_COST);
    return status == USB_NAK && p->len ? USB_ACK : status;
}

/* 3.2.2: what an error leaves in the TD. */
static uint32_t error_bits(USBStatus status)
{
    switch (status) {
    case USB_STALL:
        return TD_STALLED;
    case USB_BABBLE:
        return TD_STALLED | TD_BABBLE;
    default:                            /* C_ERR counts down to 0 */
        return TD_STALLED | TD_TIMEOUT;
    }
}

static void interrupt(Uhci *s, unsigned cause)
{
    s->status |= UHCI_STS_INT;
    s->causes = (uint16_t)(s->causes | cause);
}

static Outcome finish(Uhci *s, Td *t, const USBPacket *p, USBStatus status, bool queued)
{
    bool is_short = p->token == USB_IN && p->len < p->size;

    if (status == USB_NAK && !(t->control & TD_ISO)) {
        t->control |= TD_NAK;
        return NOT_YET;
    }
    if (status == USB_SILENCE && !(t->control & TD_ATTEMPTS)) {
        t->control |= TD_TIMEOUT;       /* no limit on errors */
        return NOT_YET;
    }
    s->moved = true;
    t->control &= ~(uint32_t)(TD_ACTIVE | TD_ERRORS | TD_LENGTH);
    t->control |= (p->len - 1) & TD_LENGTH;
    if (status != USB_ACK && status != USB_NAK) {
        t->control |= error_bits(status);
        if (status != USB_STALL) {
            t->control &= ~(uint32_t)TD_ATTEMPTS;
        }
        s->status |= UHCI_STS_ERROR;
        if (t->control & TD_IOC) {
            interrupt(s, UHCI_BY_IOC);
        }
        return queued ? STOP : DONE;
    }
    if (t->control & TD_IOC) {
        interrupt(s, UHCI_BY_IOC);
    }
    if (is_short && t->control & TD_SPD && queued) {
        interrupt(s, UHCI_BY_SHORT);
        return STOP;
    }
    return DONE;
}

static Outcome run_td(Uhci *s, uint32_t at, uint32_t *link, bool queued)
{
    Td t;
    USBPacket p;

    read_words(s, at, &t.link, 4);
    *link = t.link;
    if (!(t.control & TD_ACTIVE)) {
        return queued ? STOP : DONE;
    }
    uint32_t before = t.control;
    USBStatus status = transfer(s, &t, &p);
    Outcome outcome = finish(s, &t, &p, status, queued);

    if (t.control != before) {
        write_word(s, at + 4, t.control);
    }
    return outcome;
}

/* -- Schedule ---------------------------------------------------------------- */

/* 3.4: the queue at `at`; returns the link to what follows it. */
static uint32_t run_queue(Uhci *s, uint32_t at)
{
    uint32_t qh[2], link;

    read_words(s, at, qh, 2);
    for (int i = 0; i < MAX_STEPS && s->budget > 0 && !(qh[1] & LINK_END); i++) {
        if (qh[1] & LINK_QUEUE) {       /* a queue in a queue: nobody needs it */
            log_unimp("uhci", "element link of the queue at 0x%08x is a queue", at);
            break;
        }
        if (run_td(s, qh[1] & ~15u, &link, true) != DONE) {
            break;
        }
        qh[1] = link;
        write_word(s, at + 4, link);
    }
    return qh[0];
}

void uhci_run_frame(Uhci *s, unsigned frame)
{
    uint32_t link, mark = LINK_END;
    unsigned steps = 0, limit = 1;

    read_words(s, s->base + 4 * (frame & 1023), &link, 1);
    for (int i = 0; i < MAX_STEPS && s->budget > 0 && !(link & LINK_END); i++) {
        bool moved = s->moved;

        s->moved = false;
        if (link & LINK_QUEUE) {
            link = run_queue(s, link & ~15u);
        } else {
            run_td(s, link & ~15u, &link, false);
        }
        if (s->moved) {                 /* the search begins anew */
            mark = LINK_END;
            steps = 0;
            limit = 1;
        } else if (link == mark) {
            s->moved = moved;
            return;
        } else if (++steps == limit) {
            mark = link;
            steps = 0;
            limit *= 2;
        }
        s->moved |= moved;
    }
}
