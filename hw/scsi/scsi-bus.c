/* SPDX-License-Identifier: MIT */
/*
 * SCSI bus: who is on it, and the life of a request (SAM-3, T10/1561-D).
 *
 *             scsi_start            aio             scsi_moved
 *   scsi_new ----------> SCSI_BUSY ----> SCSI_DATA_x ----> SCSI_BUSY ... SCSI_DONE
 *
 * A device has a fixed number of slots for requests.  A slot keeps its buffer
 * when it is freed, and the lowest free slot is taken first, so that a guest
 * with a short queue has warm memory.
 *
 * A snapshot holds what a request was asked and how far it was.  After a load it
 * is asked again and skips what the guest has already; a write of which the
 * guest had given a part only ends with ABORTED COMMAND, to be repeated.
 *
 * Not modelled: more than one initiator (so reservations are always granted),
 * task attributes (every task is SIMPLE), asynchronous events.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/scsi/scsi-int.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

/* -- Bus --------------------------------------------------------------------- */

void scsi_bus_init(SCSIBus *bus, Device *host, const SCSIHostOps *ops,
                   unsigned num_targets, int own_id)
{
    assert(num_targets >= 1 && num_targets <= SCSI_MAX_TARGETS);
    *bus = (SCSIBus){ host, ops, num_targets, own_id, NULL };
}

static void drop_all(SCSIDevice *d, bool tell)
{
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        SCSIRequest *r = &d->req[i];

        if (r->state != SCSI_FREE) {
            if (tell && d->bus) {
                d->bus->ops->gone(d->bus, r);
            }
            scsi_cancel(r);
        }
    }
}

static void leave_bus(SCSIDevice *d)
{
    for (SCSIDevice **p = &d->bus->devices; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    d->bus = NULL;
}

void scsi_bus_free(SCSIBus *bus)
{
    while (bus->devices) {
        SCSIDevice *d = bus->devices;

        drop_all(d, false);
        leave_bus(d);
    }
}

static SCSIDevice *find_unit(const SCSIBus *bus, unsigned id, unsigned lun)
{
    SCSIDevice *d = bus->devices;

    while (d && (d->id != id || d->lun != lun)) {
        d = d->next;
    }
    return d;
}

/* Who answers for a target: its lowest LUN. */
static SCSIDevice *find_target(const SCSIBus *bus, unsigned id)
{
    SCSIDevice *d = NULL;

    for (unsigned lun = 0; !d && lun < SCSI_MAX_LUNS; lun++) {
        d = find_unit(bus, id, lun);
    }
    return d;
}

bool scsi_has_target(const SCSIBus *bus, unsigned id)
{
    return find_target(bus, id) != NULL;
}

static SCSIBus *bus_of(const Device *host)
{
    if (!host || !host->type->has_bus || strcmp(host->type->has_bus, "scsi")) {
        return NULL;
    }
    return (SCSIBus *)(void *)((char *)(uintptr_t)host + host->type->has_bus_at);
}

/* -- Requests ---------------------------------------------------------------- */

unsigned scsi_cdb_length(uint8_t opcode)
{
    static const uint8_t by_group[8] = { 6, 10, 10, 16, 16, 12, 6, 6 };

    return by_group[opcode >> 5];
}

SCSIRequest *scsi_next(const SCSIBus *bus, const SCSIRequest *r)
{
    SCSIDevice *d = r ? r->dev : bus->devices;
    int i = r ? (int)(r - d->req) + 1 : 0;

    for (; d; d = d->next, i = 0) {
        for (; i < SCSI_MAX_REQUESTS; i++) {
            if (d->req[i].state != SCSI_FREE) {
                return &d->req[i];
            }
        }
    }
    return NULL;
}

SCSIRequest *scsi_find(const SCSIBus *bus, unsigned id, unsigned lun, uint32_t tag)
{
    SCSIRequest *r = scsi_next(bus, NULL);

    while (r && (r->id != id || r->lun != lun || r->tag != tag)) {
        r = scsi_next(bus, r);
    }
    return r;
}

static SCSIRequest *free_slot(SCSIDevice *d)
{
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        if (d->req[i].state == SCSI_FREE) {
            return &d->req[i];
        }
    }
    return NULL;
}

SCSIRequest *scsi_new(SCSIBus *bus, unsigned id, unsigned lun, uint32_t tag,
                      const uint8_t *cdb, unsigned len)
{
    SCSIDevice *d = find_unit(bus, id, lun);
    SCSIRequest *old = scsi_find(bus, id, lun, tag);

    d = d ? d : find_target(bus, id);
    assert(d && len <= SCSI_MAX_CDB);
    if (old) {
        log_guest(d->dev.type->name, "a second command with tag %u", tag);
        scsi_cancel(old);
    }
    SCSIRequest *r = free_slot(d);
    if (!r) {
        return NULL;
    }
    r->dev = d;
    r->state = SCSI_BUSY;
    r->id = (uint8_t)id;
    r->lun = (uint8_t)lun;
    r->status = STATUS_GOOD;
    r->tag = tag;
    memset(r->cdb, 0, sizeof(r->cdb));
    memcpy(r->cdb, cdb, len);
    memset(r->sense, 0, sizeof(r->sense));
    r->data = NULL;
    r->avail = r->filled = 0;
    r->moved = r->pos = r->left = r->skip = 0;
    r->fua = 0;
    r->host[0] = r->host[1] = 0;
    if (old) {                          /* SAM-3 5.9.2 */
        scsi_check(r, SENSE_ABORTED, ASC_OVERLAPPED, 0);
    }
    return r;
}

static void wake(SCSIRequest *r)
{
    if (r->dev->bus) {
        r->dev->bus->ops->wake(r->dev->bus, r);
    }
}

void scsi_aio_done(void *opaque, int ret)
{
    SCSIRequest *r = opaque;

    r->aio = NULL;
    r->then(r, ret);
    if (r->state != SCSI_BUSY) {
        wake(r);
    }
}

static void execute(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    const SCSICommand *c = &d->unit->commands[r->cdb[0]];

    if (r->lun != d->lun) {
        spc_no_lun(r);
    } else if (!c->run) {
        log_unimp(d->dev.type->name, "command %02xh: refused", r->cdb[0]);
        scsi_check(r, SENSE_ILLEGAL, ASC_BAD_OPCODE, 0);
    } else if (c->flags & CMD_MEDIUM && !blk_is_inserted(d->blk)) {
        scsi_check(r, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
    } else if (c->flags & CMD_MEDIUM && d->stopped) {
        scsi_check(r, SENSE_NOT_READY, 0x04, 2);        /* START UNIT required */
    } else {
        c->run(r);
    }
}

void scsi_start(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    bool harmless = d->unit->commands[r->cdb[0]].flags & CMD_UA_OK;

    if (r->state != SCSI_BUSY) {        /* overlapped */
        return;
    }
    if (!harmless && r->lun == d->lun) {
        memset(d->sense, 0, sizeof(d->sense));
        if (d->attention) {
            uint8_t asc = d->attention;

            d->attention = 0;
            scsi_check(r, SENSE_ATTENTION, asc, d->attention_q);
            return;
        }
    }
    execute(r);
}

static void move_on(SCSIRequest *r)
{
    uint8_t was = r->state;

    r->state = SCSI_BUSY;
    if (was == SCSI_DATA_OUT || r->left) {
        r->next(r);
    } else {
        scsi_good(r);
    }
}

void scsi_moved(SCSIRequest *r, uint32_t n)
{
    assert(n && n <= r->avail && (r->state == SCSI_DATA_IN || r->state == SCSI_DATA_OUT));
    r->data += n;
    r->avail -= n;
    r->moved += n;
    r->filled += n;
    if (r->avail == 0) {
        move_on(r);
    }
}

void scsi_end_data(SCSIRequest *r)
{
    if (r->state == SCSI_DATA_IN) {
        scsi_good(r);
    } else if (r->state == SCSI_DATA_OUT) {
        r->left = r->filled;
        r->avail = 0;
        if (r->filled) {
            move_on(r);
        } else {
            scsi_good(r);
        }
    }
}

void scsi_free(SCSIRequest *r)
{
    assert(r->state == SCSI_DONE);
    r->state = SCSI_FREE;
}

void scsi_cancel(SCSIRequest *r)
{
    if (r->aio) {
        blk_aio_cancel(r->aio);
        r->aio = NULL;
    }
    r->state = SCSI_FREE;
}

void scsi_reset_target(SCSIBus *bus, unsigned id)
{
    for (SCSIDevice *d = bus->devices; d; d = d->next) {
        if (d->id == id) {
            drop_all(d, false);
            scsi_attention(d, ASC_RESET, 0);
        }
    }
}

void scsi_reset_bus(SCSIBus *bus)
{
    for (unsigned id = 0; id < bus->num_targets; id++) {
        scsi_reset_target(bus, id);
    }
}

/* -- For commands ------------------------------------------------------------ */

uint8_t *scsi_buffer(SCSIRequest *r, uint32_t size)
{
    assert(size <= SCSI_CHUNK);
    size = MAX(size, 4096u);
    if (r->buf_size < size) {
        free(r->buf);
        r->buf = xmalloc(size);
        r->buf_size = size;
    }
    memset(r->buf, 0, MIN(size, 4096u));
    return r->buf;
}

static void finish(SCSIRequest *r, uint8_t status)
{
    r->state = SCSI_DONE;
    r->status = status;
    r->avail = 0;
    r->left = 0;
}

void scsi_good(SCSIRequest *r)
{
    finish(r, STATUS_GOOD);
}

void scsi_put_sense(uint8_t out[SCSI_SENSE], uint8_t key, uint8_t asc, uint8_t ascq)
{
    memset(out, 0, SCSI_SENSE);
    out[0] = 0x70;                      /* SPC-3 4.5.3: current, fixed format */
    out[2] = key;
    out[7] = SCSI_SENSE - 8;
    out[12] = asc;
    out[13] = ascq;
}

void scsi_check(SCSIRequest *r, uint8_t key, uint8_t asc, uint8_t ascq)
{
    scsi_put_sense(r->sense, key, asc, ascq);
    if (r->lun == r->dev->lun) {
        memcpy(r->dev->sense, r->sense, SCSI_SENSE);
    }
    finish(r, STATUS_CHECK);
}

void scsi_check_at(SCSIRequest *r, uint8_t key, uint8_t asc, uint8_t ascq, uint64_t lba)
{
    scsi_check(r, key, asc, ascq);
    if (lba <= UINT32_MAX) {
        r->sense[0] |= 0x80;            /* INFORMATION is valid */
        store_be(r->sense + 3, lba, 4);
        memcpy(r->dev->sense, r->sense, SCSI_SENSE);
    }
}

void scsi_bad_field(SCSIRequest *r)
{
    scsi_check(r, SENSE_ILLEGAL, ASC_BAD_FIELD, 0);
}

void scsi_io_error(SCSIRequest *r, int ret, bool write, uint64_t lba)
{
    switch (ret) {
    case -ENOMEDIUM:
        scsi_check(r, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
        break;
    case -ENOSPC:                       /* SBC-2 4.6: space allocation failed */
        scsi_check_at(r, SENSE_PROTECT, ASC_WRITE_PROTECT, 7, lba);
        break;
    case -EPERM:
    case -EROFS:
        scsi_check(r, SENSE_PROTECT, ASC_WRITE_PROTECT, 0);
        break;
    default:
        scsi_check_at(r, SENSE_MEDIUM, write ? ASC_WRITE_ERROR : ASC_READ_ERROR, 0, lba);
    }
}

void scsi_data_in(SCSIRequest *r, uint32_t len)
{
    uint32_t skip = (uint32_t)MIN(r->skip, len - 1);

    r->skip -= skip;
    r->state = SCSI_DATA_IN;
    r->data = r->buf + skip;
    r->avail = len - skip;
    r->filled = 0;
}

void scsi_reply(SCSIRequest *r, uint32_t len, uint64_t room)
{
    len = (uint32_t)MIN(len, room);
    if (len) {
        r->left = 0;
        scsi_data_in(r, len);
    } else {
        scsi_good(r);
    }
}

void scsi_receive(SCSIRequest *r, uint32_t len, void (*next)(SCSIRequest *r))
{
    if (len == 0) {
        scsi_good(r);
        return;
    }
    r->data = scsi_buffer(r, len);
    r->next = next;
    r->state = SCSI_DATA_OUT;
    r->avail = len;
    r->filled = 0;
}

void scsi_attention(SCSIDevice *d, uint8_t asc, uint8_t ascq)
{
    d->attention = asc;
    d->attention_q = ascq;
}

/* -- Devices: common part ---------------------------------------------------- */

static const VMField request_vmstate[] = {
    VM_FIELD(SCSIRequest, state),
    VM_FIELD(SCSIRequest, id),
    VM_FIELD(SCSIRequest, lun),
    VM_FIELD(SCSIRequest, status),
    VM_FIELD(SCSIRequest, tag),
    VM_ARRAY(SCSIRequest, cdb),
    VM_ARRAY(SCSIRequest, sense),
    VM_FIELD(SCSIRequest, moved),
    VM_ARRAY(SCSIRequest, host),
    VM_END
};

const VMField scsi_device_vmstate[] = {
    VM_ARRAY(SCSIDevice, sense),
    VM_FIELD(SCSIDevice, attention),
    VM_FIELD(SCSIDevice, attention_q),
    VM_FIELD(SCSIDevice, stopped),
    VM_FIELD(SCSIDevice, write_cache),
    VM_STRUCTS(SCSIDevice, req, SCSI_MAX_REQUESTS, request_vmstate),
    VM_END
};

static int choose_id(SCSIDevice *d, const SCSIBus *bus, Error *err)
{
    const char *name = d->dev.type->name;

    if (d->id == UINT32_MAX) {
        for (d->id = 0; d->id < bus->num_targets; d->id++) {
            if ((int)d->id != bus->own_id && !find_target(bus, d->id)) {
                return 0;
            }
        }
        return error_set(err, ENOSPC, "%s: all targets of the bus are taken, remove a drive",
                         name);
    }
    if (d->id >= bus->num_targets || (int)d->id == bus->own_id) {
        return error_set(err, EINVAL, "%s: scsi-id=%u: targets are 0 to %u, without %d, the"
                         " adapter", name, d->id, bus->num_targets - 1, bus->own_id);
    }
    if (find_unit(bus, d->id, d->lun)) {
        return error_set(err, EBUSY, "%s: target %u LUN %u is taken, choose another scsi-id=",
                         name, d->id, d->lun);
    }
    return 0;
}

int scsi_device_attach(SCSIDevice *d, const SCSIUnit *unit, const BlockDevOps *ops,
                       void *opaque, Error *err)
{
    const char *name = d->dev.type->name;
    SCSIBus *bus = d->bus ? d->bus : bus_of(d->link);

    d->bus = NULL;
    if (!bus) {
        return error_set(err, EINVAL, "%s: bus= must name a SCSI adapter, add one as -device"
                         " lsi53c895a", name);
    }
    if (d->lun >= SCSI_MAX_LUNS) {
        return error_set(err, EINVAL, "%s: lun=%u is too large, at most %d", name, d->lun,
                         SCSI_MAX_LUNS - 1);
    }
    if (!d->blk) {
        return error_set(err, EINVAL, "%s: drive= is missing", name);
    }
    int ret = choose_id(d, bus, err);
    ret = ret < 0 ? ret : blk_attach_dev(d->blk, name, ops, opaque, err);
    if (ret < 0) {
        return ret;
    }
    d->unit = unit;
    d->bus = bus;
    d->dev.parent_bus = bus->host;
    d->next = bus->devices;
    bus->devices = d;
    d->def_write_cache = blk_write_cache(d->blk);
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        d->req[i].dev = d;
    }
    return 0;
}

Device *scsi_new_drive(SCSIBus *bus, BlockDriverState *blk, const char *serial, Error *err)
{
    const DeviceType *t = blk_conf(blk)->is_cdrom ? &scsi_cd_type : &scsi_hd_type;
    SCSIDevice *d = (SCSIDevice *)device_new(t, NULL, bus->host->clock, NULL, NULL);

    d->bus = bus;
    d->id = 0;
    d->blk = blk;
    d->serial = serial ? xstrdup(serial) : NULL;
    if (device_realize(&d->dev, err) < 0) {
        d->bus = NULL;
        device_free(&d->dev);
        return NULL;
    }
    device_reset(&d->dev);
    return &d->dev;
}

void scsi_device_reset(SCSIDevice *d)
{
    if (d->unit) {
        drop_all(d, true);
    }
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        SCSIRequest *r = &d->req[i];

        r->state = r->id = r->lun = r->status = 0;
        r->tag = r->host[0] = r->host[1] = 0;
        r->moved = 0;
        memset(r->cdb, 0, sizeof(r->cdb));
        memset(r->sense, 0, sizeof(r->sense));
    }
    memset(d->sense, 0, sizeof(d->sense));
    scsi_attention(d, ASC_RESET, 1);    /* power on */
    d->stopped = 0;
    d->write_cache = d->def_write_cache;
    if (d->unit && blk_is_inserted(d->blk)) {
        blk_set_write_cache(d->blk, d->write_cache);
    }
}

static void restart(SCSIRequest *r)
{
    r->data = NULL;
    r->avail = r->filled = 0;
    r->pos = r->left = 0;
    r->skip = r->moved;
    if (r->state == SCSI_FREE || r->state == SCSI_DONE) {
        return;
    }
    r->state = SCSI_BUSY;
    execute(r);
    if (r->state == SCSI_DATA_OUT && r->moved) {
        scsi_check(r, SENSE_ABORTED, ASC_TARGET_FAILURE, 0);
    }
}

int scsi_device_post_load(SCSIDevice *d, Error *err)
{
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        SCSIRequest *r = &d->req[i];

        if (r->aio) {                   /* of before the load */
            blk_aio_cancel(r->aio);
            r->aio = NULL;
        }
        if (r->state >= SCSI_NUM_STATES) {
            return error_set(err, EINVAL, "%s: the snapshot is damaged", d->dev.type->name);
        }
    }
    d->write_cache = d->write_cache != 0;
    if (d->unit && blk_is_inserted(d->blk)) {
        blk_set_write_cache(d->blk, d->write_cache);
    }
    for (int i = 0; d->bus && i < SCSI_MAX_REQUESTS; i++) {
        restart(&d->req[i]);
    }
    timer_set(&d->loaded, clock_now(d->dev.clock));
    return 0;
}

static void after_load(void *opaque)
{
    SCSIDevice *d = opaque;

    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        if (d->req[i].state != SCSI_FREE && d->req[i].state != SCSI_BUSY) {
            wake(&d->req[i]);
        }
    }
}

void scsi_device_init(Device *dev)
{
    SCSIDevice *d = (SCSIDevice *)dev;

    timer_init(dev->clock, &d->loaded, after_load, d);
}

void scsi_device_free(Device *dev)
{
    SCSIDevice *d = (SCSIDevice *)dev;

    timer_cancel(&d->loaded);
    if (d->unit) {
        drop_all(d, true);
        blk_detach_dev(d->blk);
    }
    if (d->unit && d->bus) {
        leave_bus(d);
    }
    for (int i = 0; i < SCSI_MAX_REQUESTS; i++) {
        free(d->req[i].buf);
    }
}
