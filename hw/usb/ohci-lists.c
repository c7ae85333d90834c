/* SPDX-License-Identifier: MIT */
/*
 * OpenHCI 1.0a, chapter 4: endpoint and transfer descriptors.
 *
 *   list -> ED -> ED -> 0            ED: HeadP -> TD -> TD -> TailP
 *            `-> usb_find() device            |
 *                                    retired: v
 *                                    HcDoneHead <- TD <- TD --> HCCA, WDH
 *
 * A TD is worked on as far as its device goes: bytes moved are written back as
 * CurrentBufferPointer and toggle, as after each packet on a real bus, and the
 * rest waits for another visit.
 *
 * A control or bulk endpoint goes on to its next TD as long as the frame's
 * budget lasts, which is far above what a wire carries; a periodic one has one
 * TD each time its list comes.
 */
#include <string.h>

#include "hw/usb/ohci-int.h"
#include "util/bits.h"
#include "util/log.h"

enum { MAX_EDS = 512, MAX_PERIODIC_EDS = 128, PAGE = 0x1000, PACKET_COST = 64 };

/* Completion codes, 4.3.3 */
enum { CC_NO_ERROR = 0, CC_STALL = 4, CC_NOT_RESPONDING = 5, CC_OVERRUN = 8,
       CC_UNDERRUN = 9, CC_NOT_ACCESSED = 14 };
enum { ED_SKIP = 1 << 14, ED_ISO = 1 << 15, ED_HALTED = 1, ED_CARRY = 2 };
enum { TD_ROUNDING = 1 << 18, TD_TOGGLE_OWN = 1 << 25 };
enum { DELAY_NONE = 7, HCCA_DONE_HEAD = 0x84 };

typedef struct Ed {                     /* 4.2.1 */
    uint32_t at;
    uint32_t info, tail, head, next;
} Ed;

typedef struct Td {                     /* 4.3.1.1, and the head of 4.3.2.1 */
    uint32_t at;
    uint32_t info, cbp, next, be;
} Td;

static void read_words(Ohci *hc, uint32_t at, uint32_t *w, unsigned n)
{
    uint8_t raw[32];

    ohci_dma_read(hc, at, raw, 4 * n);
    for (unsigned i = 0; i < n; i++) {
        w[i] = (uint32_t)load_le(raw + 4 * i, 4);
    }
}

static void write_word(Ohci *hc, uint32_t at, uint32_t val)
{
    uint8_t raw[4];

    store_le(raw, val, 4);
    ohci_dma_write(hc, at, raw, 4);
}

static void read_td(Ohci *hc, Td *t, uint32_t at)
{
    t->at = at;
    read_words(hc, at, &t->info, 4);
}

/* -- Retiring ---------------------------------------------------------------- */

static void write_td(Ohci *hc, const Td *t)
{
    write_word(hc, t->at, t->info);
    write_word(hc, t->at + 4, t->cbp);
    write_word(hc, t->at + 8, t->next);
}

/* 4.4: off the endpoint's queue, onto the done queue. */
static void retire(Ohci *hc, Ed *e, Td *t, unsigned code, unsigned toggle)
{
    uint8_t delay = code ? 0 : (uint8_t)bits(t->info, 23, 21);

    e->head = (t->next & ~15u) | (toggle ? ED_CARRY : 0) | (code ? ED_HALTED : 0);
    t->info = (t->info & 0x0fffffffu) | code << 28;
    t->next = hc->done_head;
    hc->done_head = t->at;
    hc->done_delay = MIN(hc->done_delay, delay);
    write_td(hc, t);
    write_word(hc, e->at + 8, e->head);
}

bool ohci_write_back_done(Ohci *hc)
{
    if (!hc->done_head || hc->done_delay || hc->status & OHCI_WDH) {
        return false;
    }
    /* 4.4.1: bit 0 tells that there are other interrupts, too. */
    bool others = hc->status & hc->enable;

    write_word(hc, hc->hcca + HCCA_DONE_HEAD, hc->done_head | others);
    hc->done_head = 0;
    hc->done_delay = DELAY_NONE;
    hc->status |= OHCI_WDH;
    return true;
}

/* -- Buffers, 4.3.1.3.1 ------------------------------------------------------ */

/* From CurrentBufferPointer to BufferEnd, which may be on another page. */
static uint32_t buffer_length(uint32_t cbp, uint32_t be)
{
    if (!cbp) {
        return 0;
    }
    uint32_t first = cbp % PAGE, last = be % PAGE;

    if ((cbp ^ be) & ~(PAGE - 1u)) {
        return PAGE - first + last + 1;
    }
    return last + 1 >= first ? last + 1 - first : 0;
}

static uint32_t buffer_at(uint32_t cbp, uint32_t be, uint32_t n)
{
    uint32_t left = PAGE - cbp % PAGE;

    return n < left ? cbp + n : (be & ~(PAGE - 1u)) + (n - left);
}

static void copy_buffer(Ohci *hc, uint32_t cbp, uint32_t be, uint32_t len, bool to_guest)
{
    uint32_t first = MIN(len, PAGE - cbp % PAGE);

    if (to_guest) {
        ohci_dma_write(hc, cbp, hc->buf, first);
        ohci_dma_write(hc, be & ~(PAGE - 1u), hc->buf + first, len - first);
    } else {
        ohci_dma_read(hc, cbp, hc->buf, first);
        ohci_dma_read(hc, be & ~(PAGE - 1u), hc->buf + first, len - first);
    }
}

/* -- Transfers --------------------------------------------------------------- */

/* The endpoint's direction, or the TD's; 0: there is no such. */
static USBToken direction(const Ed *e, uint32_t td_info)
{
    static const USBToken tokens[4] = { USB_SETUP, USB_OUT, USB_IN, 0 };
    unsigned d = bits(e->info, 12, 11);

    return d == 1 ? USB_OUT : d == 2 ? USB_IN : tokens[bits(td_info, 20, 19)];
}

static USBStatus transfer(Ohci *hc, const Ed *e, USBPacket *p)
{
    USBDevice *d = usb_find(&hc->bus, bits(e->info, 6, 0));

    p->ep = (uint8_t)bits(e->info, 10, 7);
    p->len = 0;
    return d ? usb_transfer(d, p) : USB_SILENCE;
}

static unsigned toggle_after(const Ed *e, unsigned toggle, uint32_t len, bool done)
{
    uint32_t max = MAX(bits(e->info, 26, 16), 1u);
    uint32_t packets = len / max + (done && (len % max || !len));

    return (toggle + packets) & 1;
}

static unsigned completion(USBStatus status, const Td *t, const USBPacket *p)
{
    switch (status) {
    case USB_ACK:
        return p->len < p->size && !(t->info & TD_ROUNDING) ? CC_UNDERRUN : CC_NO_ERROR;
    case USB_STALL:
        return CC_STALL;
    case USB_BABBLE:
        return CC_OVERRUN;
    default:
        return CC_NOT_RESPONDING;
    }
}

/* The TD at the head of the endpoint; true: it was retired without error. */
static bool run_td(Ohci *hc, Ed *e)
{
    Td t;

    read_td(hc, &t, e->head & ~15u);
    USBPacket p = { .token = direction(e, t.info), .data = hc->buf,
                    .size = buffer_length(t.cbp, t.be) };
    unsigned toggle = t.info & TD_TOGGLE_OWN ? bits(t.info, 24, 24) : !!(e->head & ED_CARRY);

    if (!p.token) {
        log_guest("ohci", "TD at 0x%08x has no direction", t.at);
        retire(hc, e, &t, CC_NOT_ACCESSED, toggle);
        return false;
    }
    if (p.token != USB_IN) {
        copy_buffer(hc, t.cbp, t.be, p.size, false);
    }
    USBStatus status = transfer(hc, e, &p);
    hc->budget -= (int32_t)MAX(p.len, (uint32_t)PACKET_COST);
    if (p.token == USB_IN && p.len) {
        copy_buffer(hc, t.cbp, t.be, p.len, true);
    }
    if (status == USB_NAK && !p.len) {
        return false;
    }
    hc->moved = true;
    toggle = toggle_after(e, toggle, p.len, status == USB_ACK);
    t.cbp = p.len == p.size ? 0 : buffer_at(t.cbp, t.be, p.len);
    t.info = (t.info & ~(3u << 24 | 3u << 26)) | TD_TOGGLE_OWN | toggle << 24;
    if (status == USB_NAK) {
        write_td(hc, &t);
        return false;
    }
    if (status == USB_SILENCE) {
        t.info |= 3u << 26;             /* all three attempts failed */
    }
    unsigned code = completion(status, &t, &p);
    retire(hc, e, &t, code, toggle);
    return code == CC_NO_ERROR;
}

/* -- Isochronous, 4.3.2 ------------------------------------------------------ */

static void iso_packet(Ohci *hc, const Ed *e, const Td *t, unsigned n)
{
    uint32_t psw[4];
    unsigned count = bits(t->info, 26, 24), shift = 16 * (n & 1);

    read_words(hc, t->at + 16, psw, 4);
    uint32_t start = psw[n / 2] >> shift, end = psw[(n + 1) / 2 % 4] >> (16 * ((n + 1) & 1));
    uint32_t from = (start & PAGE ? t->be & ~(PAGE - 1u) : t->cbp & ~(PAGE - 1u)) |
                    (start & (PAGE - 1));
    uint32_t to = n == count ? t->be : ((end & PAGE ? t->be : t->cbp) & ~(PAGE - 1u)) |
                                       (end & (PAGE - 1));
    uint32_t size = buffer_length(from, to);
    USBPacket p = { .token = direction(e, 0), .data = hc->buf,
                    .size = n == count || !size ? size : size - 1 };

    if (p.token == USB_OUT) {
        copy_buffer(hc, from, to, p.size, false);
    }
    USBStatus status = p.token == USB_SETUP ? USB_SILENCE : transfer(hc, e, &p);
    if (p.token == USB_IN && p.len) {
        copy_buffer(hc, from, to, p.len, true);
    }
    unsigned code = status == USB_ACK || status == USB_NAK
                  ? (p.token == USB_IN && p.len < p.size ? CC_UNDERRUN : CC_NO_ERROR)
                  : completion(status, t, &p);
    uint32_t word = code << 12 | (p.token == USB_IN ? p.len & 0x7ff : 0);

    psw[n / 2] = (psw[n / 2] & ~(0xffffu << shift)) | word << shift;
    write_word(hc, t->at + 16 + 4 * (n / 2), psw[n / 2]);
    hc->budget -= (int32_t)MAX(p.len, (uint32_t)PACKET_COST);
}

/* 4.3.2.3.2: relative frame number: too early, one of the TD's, or too late. */
static void run_iso_td(Ohci *hc, Ed *e, uint32_t frame)
{
    Td t;

    hc->moved = true;
    read_td(hc, &t, e->head & ~15u);
    int n = (int16_t)(frame - t.info);
    int count = (int)bits(t.info, 26, 24);

    if (n >= 0 && n <= count) {
        iso_packet(hc, e, &t, (unsigned)n);
    }
    if (n >= count) {
        unsigned code = n > count ? CC_OVERRUN : CC_NO_ERROR;

        retire(hc, e, &t, code, 0);
        e->head &= ~(uint32_t)ED_HALTED;        /* never halts */
        write_word(hc, e->at + 8, e->head);
    }
}

/* -- Lists ------------------------------------------------------------------- */

static bool has_work(const Ed *e)
{
    return !(e->info & ED_SKIP) && !(e->head & ED_HALTED) &&
           (e->head & ~15u) != (e->tail & ~15u);
}

static void read_ed(Ohci *hc, Ed *e, uint32_t at)
{
    e->at = at;
    read_words(hc, at, &e->info, 4);
}

void ohci_periodic(Ohci *hc, uint32_t frame)
{
    uint32_t at;

    if (!(hc->control & OHCI_PLE)) {
        return;
    }
    read_words(hc, hc->hcca + 4 * (frame & 31), &at, 1);
    for (int i = 0; (at & ~15u) && i < MAX_PERIODIC_EDS; i++) {
        Ed e;

        read_ed(hc, &e, at & ~15u);
        if (e.info & ED_ISO && !(hc->control & OHCI_IE)) {
            break;                      /* 5.2.7.1: these are at the end */
        }
        if (has_work(&e)) {
            if (e.info & ED_ISO) {
                run_iso_td(hc, &e, frame);
            } else {
                run_td(hc, &e);
            }
        }
        at = e.next;
    }
}

/* 5.2.7.2: `filled` is cleared at the head and set again by each TD found. */
static void run_list(Ohci *hc, uint32_t head, uint32_t filled)
{
    uint32_t at = head & ~15u;

    if (!(hc->command & filled)) {
        return;
    }
    hc->command &= ~filled;
    for (int i = 0; at && i < MAX_EDS && hc->budget > 0; i++) {
        Ed e;

        read_ed(hc, &e, at);
        while (has_work(&e)) {
            hc->command |= filled;
            if (hc->budget <= 0 || e.info & ED_ISO || !run_td(hc, &e)) {
                break;
            }
        }
        at = e.next & ~15u;
    }
    if (hc->budget <= 0) {
        hc->command |= filled;
    }
}

void ohci_control_bulk(Ohci *hc)
{
    if (hc->control & OHCI_CLE) {
        run_list(hc, hc->control_head, OHCI_CLF);
    }
    if (hc->control & OHCI_BLE) {
        run_list(hc, hc->bulk_head, OHCI_BLF);
    }
}
