/* SPDX-License-Identifier: MIT */
/*
 * The SCSI bus of an LSI53C895A: phases, messages, disconnection, as the targets
 * on it drive them (SPI-3 chapter 10 and 16; SCSI-2 chapter 6).
 *
 *   select -> MSG OUT -> COMMAND -> [MSG IN: disconnect -> bus free
 *                 ^                   -> reselect -> MSG IN: identify, tag]
 *                 | ATN             -> DATA IN/OUT -> STATUS -> MSG IN -> bus free
 *
 * One rule says what a target does next (next_phase): answer ATN, say what it has
 * to say, take the command, then follow its request: data while there are some,
 * status when it is done, and off the bus while it is busy, if it may.
 *
 * A message byte is held by ACK until the initiator clears it, so the end of
 * the last message of a connection is lsi_set_ack(false).
 *
 * Requests that are off the bus have OFF_BUS in host[0]; host[1] is the order
 * in which they asked for it again.
 *
 * Not modelled: parity, odd bytes of 16-bit transfers (each byte moves alone, so
 * that WSR and WSS stay 0), linked commands, arbitration with other initiators.
 */
#include <string.h>

#include "hw/scsi/lsi-int.h"
#include "util/bits.h"
#include "util/log.h"

enum { OFF_BUS = 1, WANTS_BUS = 2 };
enum { MAX_PERIOD = 0x0a, MAX_OFFSET = 31, MAX_WIDTH = 1 };     /* 25 ns, 16 bits */

/* Messages, SPI-3 table 43. */
enum {
    MSG_COMPLETE = 0x00, MSG_EXTENDED = 0x01, MSG_SAVE_POINTERS = 0x02,
    MSG_DISCONNECT = 0x04, MSG_INITIATOR_ERROR = 0x05, MSG_ABORT = 0x06,
    MSG_REJECT = 0x07, MSG_NOP = 0x08, MSG_PARITY_ERROR = 0x09, MSG_BUS_RESET = 0x0c,
    MSG_ABORT_TAG = 0x0d, MSG_CLEAR_QUEUE = 0x0e, MSG_SIMPLE_TAG = 0x20,
    MSG_ORDERED_TAG = 0x22, MSG_IGNORE_RESIDUE = 0x23, MSG_IDENTIFY = 0x80,
};
enum { EXT_SDTR = 1, EXT_WDTR = 3, EXT_PPR = 4 };

static void next_phase(Lsi *s);

static SCSIRequest *request(Lsi *s)
{
    if (!s->request && s->has_command) {
        s->request = scsi_find(&s->bus, s->target, s->lun, s->tag);
    }
    return s->request;
}

/* -- Connections ------------------------------------------------------------- */

static void set_phase(Lsi *s, uint8_t phase)
{
    s->phase = phase;
    s->req = 1;
}

static void connect(Lsi *s, unsigned id)
{
    s->connected = 1;
    s->target = (uint8_t)id;
    s->lun = 0;
    s->ack = s->identified = s->may_disconnect = s->has_command = 0;
    s->tag = SCSI_NO_TAG;
    s->cdb_len = s->in_pos = s->in_len = s->out_len = 0;
    s->after = AFTER_RESUME;
    s->request = NULL;
    s->reg[SCNTL2] |= SCNTL2_SDU;
    s->reg[SSTAT2] &= (uint8_t)~SSTAT2_LDSC;
}

static void bus_free(Lsi *s)
{
    s->connected = s->req = s->ack = s->atn = s->has_command = 0;
    s->in_pos = s->in_len = 0;
    s->request = NULL;
    s->reg[SSTAT2] |= SSTAT2_LDSC;
    if (s->reg[SCNTL2] & SCNTL2_SDU) {
        lsi_scsi_interrupt(s, SIST_UDC);
    }
}

void lsi_select(Lsi *s, unsigned id, bool atn)
{
    connect(s, id);
    s->atn = atn;
    s->reg[SSTAT0] |= SSTAT0_WOA;
    set_phase(s, atn ? PHASE_MSG_OUT : PHASE_COMMAND);
}

/*
 * SeaBIOS 1.16 selects without ATN and then sends IDENTIFY (seen with -d trace).
 * A target that has heard nothing yet listens.
 */
void lsi_offer_message(Lsi *s)
{
    if (s->phase == PHASE_COMMAND && !s->identified && !s->has_command && !s->cdb_len &&
        s->req) {
        set_phase(s, PHASE_MSG_OUT);
    }
}

static void ask_for_bus(Lsi *s, SCSIRequest *r)
{
    if (!(r->host[0] & WANTS_BUS)) {
        r->host[0] |= WANTS_BUS;
        r->host[1] = s->sequence++;
    }
}

static SCSIRequest *first_in_queue(const Lsi *s)
{
    SCSIRequest *best = NULL;

    for (SCSIRequest *r = scsi_next(&s->bus, NULL); r; r = scsi_next(&s->bus, r)) {
        if (r->host[0] & WANTS_BUS && r->state != SCSI_BUSY &&
            (!best || (int32_t)(r->host[1] - best->host[1]) < 0)) {
            best = r;
        }
    }
    return best;
}

static void say(Lsi *s, uint8_t byte)
{
    if (s->in_len < LSI_MSG) {
        s->in[s->in_len++] = byte;
    }
}

bool lsi_reselect(Lsi *s)
{
    SCSIRequest *r = first_in_queue(s);

    if (!r) {
        return false;
    }
    connect(s, r->id);
    r->host[0] = 0;
    s->request = r;
    s->lun = r->lun;
    s->tag = r->tag;
    s->identified = s->may_disconnect = s->has_command = 1;
    s->reg[SSID] = 0x80 | r->id;
    say(s, MSG_IDENTIFY | r->lun);
    if (r->tag != SCSI_NO_TAG) {
        say(s, MSG_SIMPLE_TAG);
        say(s, (uint8_t)r->tag);
    }
    next_phase(s);
    return true;
}

/* -- What a target does next ------------------------------------------------- */

static void leave(Lsi *s, uint8_t after)
{
    SCSIRequest *r = request(s);

    s->after = AFTER_RESUME;
    if (r && after == AFTER_DISCONNECT) {
        r->host[0] = OFF_BUS;
        if (r->state != SCSI_BUSY) {
            ask_for_bus(s, r);
        }
    } else if (r && r->state == SCSI_DONE) {
        scsi_free(r);
    } else if (r) {
        scsi_cancel(r);
    }
    bus_free(s);
}

static void follow_request(Lsi *s)
{
    SCSIRequest *r = request(s);

    switch (r ? r->state : SCSI_DONE) {
    case SCSI_DATA_IN:
        set_phase(s, PHASE_DATA_IN);
        break;
    case SCSI_DATA_OUT:
        set_phase(s, PHASE_DATA_OUT);
        break;
    case SCSI_BUSY:
        s->req = 0;
        if (s->may_disconnect) {
            if (r->moved) {
                say(s, MSG_SAVE_POINTERS);
            }
            say(s, MSG_DISCONNECT);
            s->after = AFTER_DISCONNECT;
            set_phase(s, PHASE_MSG_IN);
        }
        break;
    default:
        set_phase(s, PHASE_STATUS);
    }
}

static void next_phase(Lsi *s)
{
    uint8_t after = s->after;

    if (s->atn) {
        set_phase(s, PHASE_MSG_OUT);
    } else if (s->in_pos < s->in_len) {
        set_phase(s, PHASE_MSG_IN);
    } else {
        s->in_pos = s->in_len = 0;
        if (after != AFTER_RESUME) {
            leave(s, after);
        } else if (s->has_command) {
            follow_request(s);
        } else {
            set_phase(s, PHASE_COMMAND);
        }
    }
}

/* -- Messages from the initiator --------------------------------------------- */

/* tag: that one only; else all of the LUN. */
static void abort_requests(Lsi *s, bool tagged)
{
    for (SCSIRequest *r = scsi_next(&s->bus, NULL), *after; r; r = after) {
        after = scsi_next(&s->bus, r);
        if (r->id == s->target && r->lun == s->lun && (!tagged || r->tag == s->tag)) {
            scsi_cancel(r);
        }
    }
    s->request = NULL;
}

/* SCSI-2 6.6.21, 6.6.23; SPI-3 16.3.10: agree to as much as we can. */
static void negotiate(Lsi *s, const uint8_t *m)
{
    switch (m[2]) {
    case EXT_SDTR:
        say(s, MSG_EXTENDED);
        say(s, 3);
        say(s, EXT_SDTR);
        say(s, MAX(m[3], MAX_PERIOD));
        say(s, MIN(m[4], MAX_OFFSET));
        break;
    case EXT_WDTR:
        say(s, MSG_EXTENDED);
        say(s, 2);
        say(s, EXT_WDTR);
        say(s, MIN(m[3], MAX_WIDTH));
        break;
    case EXT_PPR:
        say(s, MSG_EXTENDED);
        say(s, 6);
        say(s, EXT_PPR);
        say(s, MAX(m[3], MAX_PERIOD));
        say(s, 0);
        say(s, MIN(m[5], MAX_OFFSET));
        say(s, MIN(m[6], MAX_WIDTH));
        say(s, 0);                      /* no options: single transitions */
        break;
    default:
        say(s, MSG_REJECT);
    }
}

/* True: the target goes off the bus at once. */
static bool end_nexus(Lsi *s, uint8_t message)
{
    switch (message) {
    case MSG_ABORT:
    case MSG_CLEAR_QUEUE:
        abort_requests(s, false);
        return true;
    case MSG_ABORT_TAG:
        abort_requests(s, true);
        return true;
    case MSG_BUS_RESET:
        scsi_reset_target(&s->bus, s->target);
        s->request = NULL;
        return true;
    default:
        return false;
    }
}

/* One message of `left` bytes or fewer; its length. */
static unsigned hear(Lsi *s, const uint8_t *m, unsigned left)
{
    if (m[0] & MSG_IDENTIFY) {
        s->identified = 1;
        s->lun = m[0] & 0x3f;
        s->may_disconnect = (m[0] & 0x40) != 0;
        return 1;
    }
    if (m[0] == MSG_EXTENDED) {
        if (left < 3 || m[1] > left - 2) {
            say(s, MSG_REJECT);
            return left;
        }
        negotiate(s, m);
        return m[1] + 2u;
    }
    if (m[0] >= MSG_SIMPLE_TAG && m[0] <= MSG_ORDERED_TAG && left >= 2) {
        s->tag = m[1];
        return 2;
    }
    if (m[0] != MSG_NOP && m[0] != MSG_REJECT && m[0] != MSG_INITIATOR_ERROR &&
        m[0] != MSG_PARITY_ERROR) {
        log_unimp("lsi53c895a", "message %02xh to a target: rejected", m[0]);
        say(s, MSG_REJECT);
    }
    return m[0] == MSG_IGNORE_RESIDUE ? MIN(left, 2u) : 1;
}

static void hear_all(Lsi *s)
{
    uint8_t m[LSI_MSG] = { 0 };
    unsigned len = s->out_len;

    memcpy(m, s->out, len);
    s->out_len = 0;
    for (unsigned at = 0; at < len;) {
        if (!(m[at] & MSG_IDENTIFY) && end_nexus(s, m[at])) {
            s->after = AFTER_RESUME;
            bus_free(s);
            return;
        }
        at += hear(s, m + at, len - at);
    }
    next_phase(s);
}

/* -- The command ------------------------------------------------------------- */

static void take_command(Lsi *s)
{
    if (!s->identified) {               /* SCSI-2 7.2.2: the LUN is in the CDB */
        s->lun = s->cdb[1] >> 5;
    }
    s->has_command = 1;
    s->status = STATUS_TASK_SET_FULL;
    s->request = NULL;
    if (scsi_has_target(&s->bus, s->target)) {
        s->request = scsi_new(&s->bus, s->target, s->lun, s->tag, s->cdb, s->cdb_len);
    }
    if (s->request) {
        scsi_start(s->request);
    }
    next_phase(s);
}

/* -- Bytes ------------------------------------------------------------------- */

uint32_t lsi_bytes(Lsi *s, uint8_t **p)
{
    SCSIRequest *r = request(s);

    switch (s->phase) {
    case PHASE_DATA_OUT:
    case PHASE_DATA_IN:
        *p = r ? r->data : NULL;
        return r ? r->avail : 0;
    case PHASE_COMMAND:
        *p = s->cdb + s->cdb_len;
        return SCSI_MAX_CDB - s->cdb_len;
    case PHASE_STATUS:
        *p = r ? &r->status : &s->status;
        return 1;
    case PHASE_MSG_OUT:
        s->out_len = s->out_len < LSI_MSG ? s->out_len : LSI_MSG - 1;
        *p = s->out + s->out_len;
        return 1;
    default:
        *p = s->in + s->in_pos;
        return 1;
    }
}

void lsi_moved(Lsi *s, uint32_t n, bool last)
{
    switch (s->phase) {
    case PHASE_DATA_OUT:
    case PHASE_DATA_IN:
        scsi_moved(s->request, n);
        next_phase(s);
        break;
    case PHASE_COMMAND:
        s->cdb_len += (uint8_t)n;
        /* More than a CDB may come: SeaBIOS 1.16 sends 16 bytes of everything. */
        if (s->cdb_len >= scsi_cdb_length(s->cdb[0])) {
            take_command(s);
        }
        break;
    case PHASE_STATUS:
        say(s, MSG_COMPLETE);
        s->after = AFTER_BUS_FREE;
        next_phase(s);
        break;
    case PHASE_MSG_OUT:                 /* the chip drops ATN before the last byte */
        s->out_len++;
        s->atn = s->atn && !last;
        if (!s->atn) {
            hear_all(s);
        }
        break;
    default:
        s->in_pos++;
        if (last) {                     /* ACK stays until Clear ACK */
            s->ack = 1;
            s->req = 0;
        } else {
            next_phase(s);
        }
    }
}

void lsi_set_ack(Lsi *s, bool on)
{
    bool was = s->ack;

    s->ack = on && s->connected;
    if (was && !on && s->connected) {
        next_phase(s);
    }
}

/*
 * SeaBIOS 1.16 stops after COMMAND COMPLETE and selects again, without Clear ACK
 * or Wait Disconnect: the chip lets go of a connection that is over but for ACK.
 */
void lsi_let_go(Lsi *s)
{
    if (s->connected && s->ack && s->after == AFTER_BUS_FREE && s->in_pos == s->in_len) {
        s->reg[SCNTL2] &= (uint8_t)~SCNTL2_SDU;
        s->atn = 0;
        lsi_set_ack(s, false);
    }
}

/* A target looks at ATN when it ends what it does: a message, a phase, a wait. */
void lsi_set_atn(Lsi *s, bool on)
{
    s->atn = on && s->connected;
    if (s->atn && !s->req && !s->ack) {
        next_phase(s);
    }
}

/* -- From the devices -------------------------------------------------------- */

static void wake(SCSIBus *bus, SCSIRequest *r)
{
    Lsi *s = container_of(bus, Lsi, bus);

    if (s->connected && request(s) == r) {
        if (!s->req && !s->ack) {
            next_phase(s);
        }
    } else if (r->host[0] & OFF_BUS) {
        ask_for_bus(s, r);
    }
    lsi_resume(s);
}

/* What is left of its connection ends with a status. */
static void gone(SCSIBus *bus, SCSIRequest *r)
{
    Lsi *s = container_of(bus, Lsi, bus);

    if (s->connected && request(s) == r) {
        s->request = NULL;
        s->has_command = 1;
        s->tag = SCSI_NO_TAG + 1;       /* nobody's */
        s->status = STATUS_BUSY;
    }
}

const SCSIHostOps lsi_host_ops = { wake, gone };

void lsi_wires_reset(Lsi *s)
{
    s->connected = s->req = s->ack = s->atn = s->has_command = 0;
    s->identified = s->may_disconnect = s->phase = s->status = 0;
    s->target = s->lun = s->after = 0;
    s->tag = SCSI_NO_TAG;
    s->cdb_len = s->in_pos = s->in_len = s->out_len = 0;
    s->sequence = 0;
    s->request = NULL;
    memset(s->cdb, 0, sizeof(s->cdb));
    memset(s->in, 0, sizeof(s->in));
    memset(s->out, 0, sizeof(s->out));
    scsi_reset_bus(&s->bus);
}
