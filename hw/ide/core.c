/* SPDX-License-Identifier: MIT */
/*
 * An IDE channel and the registers of its two drives (ATA/ATAPI-6, T13/1410D).
 *
 *        window 0 (0x1f0)                      window 1 (0x3f6)
 *   0 Data   1 Error/Features   2 Sector Count    Alternate Status /
 *   3-5 LBA  6 Device           7 Status/Command  Device Control
 *
 * Both drives hear every write (9.16); the one that Device selects answers
 * reads and drives INTRQ.  A write moves the old value to the "high order
 * byte", which is how 48-bit commands have registers of 16 bits (6.20).
 *
 * Data always goes through buffer: [io_pos, io_end) is what the data port moves.
 * A PIO command fetches or stores up to 128 KiB in one disk request and hands
 * it out in DRQ blocks.
 *
 * Not modelled: overlapped and queued commands, PIO timing, CSEL.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/ide/ide-int.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

static IDEDrive *selected(const IDEChannel *ch)
{
    return ch->drive[ch->unit];
}

/* -- Interrupts -------------------------------------------------------------- */

/* 5.2.9: INTRQ is driven by the selected device, when nIEN is zero. */
static void update_irq(IDEChannel *ch)
{
    const IDEDrive *d = selected(ch);
    int level = d && d->intrq && !(ch->control & CTL_NIEN);

    if (level == ch->irq_level) {
        return;
    }
    ch->irq_level = (uint8_t)level;
    if (ch->dma) {
        ch->dma->irq(ch->dma_opaque, level);
    }
    qemu_set_irq(ch->dev.irq[0], level);
}

void ide_irq(IDEDrive *d)
{
    d->intrq = 1;
    update_irq(d->channel);
}

static void clear_irq(IDEDrive *d)
{
    d->intrq = 0;
    update_irq(d->channel);
}

/* -- Ends of commands -------------------------------------------------------- */

static void end_transfer(IDEDrive *d)
{
    d->dma = DMA_NONE;
    d->after = AFTER_NOTHING;
    d->io_pos = d->io_end = 0;
}

void ide_done(IDEDrive *d)
{
    end_transfer(d);
    d->status = ST_DRDY | ST_DSC;
    d->error = 0;
    ide_irq(d);
}

void ide_abort(IDEDrive *d, uint8_t error)
{
    end_transfer(d);
    d->status = ST_DRDY | ST_DSC | ST_ERR;
    d->error = error;
    ide_irq(d);
}

void ide_stop_transfer(IDEDrive *d)
{
    if (d->channel && d->channel->dma_sg && d->dma != DMA_NONE) {
        ide_dma_cancel(d->channel);
    }
    if (d->aio) {
        blk_aio_cancel(d->aio);
        d->aio = NULL;
    }
    end_transfer(d);
}

void ide_io_error(IDEDrive *d, int ret)
{
    if (d->kind->commands == atapi_commands) {
        atapi_io_error(d, ret);
    } else {
        /* 8.x: UNC for data that cannot be read; writes that fail: ABRT. */
        ide_abort(d, ret == -ENOMEDIUM || d->io_out || d->dma == DMA_DISK_OUT
                     ? ER_ABRT : ER_UNC);
    }
}

/* -- Data transfers ---------------------------------------------------------- */

static void silent_end(IDEDrive *d)
{
    end_transfer(d);
    d->status = ST_DRDY | ST_DSC;
    d->error = 0;
}

static void (*const after_fns[AFTER_NUM])(IDEDrive *d) = {
    [AFTER_NOTHING]      = silent_end,
    [AFTER_DONE]         = ide_done,
    [AFTER_READ_FETCHED] = ata_read_fetched,
    [AFTER_READ_BLOCK]   = ata_read_block,
    [AFTER_WRITE_BLOCK]  = ata_write_block,
    [AFTER_WRITE_STORED] = ata_write_stored,
    [AFTER_VERIFY]       = ata_verify_more,
    [AFTER_DMA_READ]     = ata_dma_read_done,
    [AFTER_DMA_WRITE]    = ata_dma_write_done,
    [AFTER_TRIM_LIST]    = ata_trim_list,
    [AFTER_TRIM]         = ata_trim_next,
    [AFTER_CDB]          = atapi_cdb,
    [AFTER_CD_FETCHED]   = atapi_fetched,
    [AFTER_CD_BLOCK]     = atapi_block,
    [AFTER_CD_DATA]      = atapi_data_done,
    [AFTER_CD_OUT]       = atapi_out_done,
};

void ide_run_after(IDEDrive *d, IDEAfter after)
{
    after_fns[after](d);
}

static void pio(IDEDrive *d, bool out, uint32_t pos, uint32_t len, IDEAfter after,
                bool irq)
{
    assert(len && pos + len <= IDE_BUFFER);
    d->io_out = out;
    d->io_pos = pos;
    d->io_end = pos + len;
    d->after = (uint8_t)after;
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
    if (irq) {
        ide_irq(d);
    }
}

void ide_pio_in(IDEDrive *d, uint32_t pos, uint32_t len, IDEAfter after, bool irq)
{
    d->error = 0;
    pio(d, false, pos, len, after, irq);
}

void ide_pio_out(IDEDrive *d, uint32_t pos, uint32_t len, IDEAfter after, bool irq)
{
    pio(d, true, pos, len, after, irq);
}

static void disk_io_done(void *opaque, int ret)
{
    IDEDrive *d = opaque;

    d->aio = NULL;
    if (ret < 0) {
        ide_io_error(d, ret);
    } else {
        ide_run_after(d, d->after);
    }
}

void ide_disk_io(IDEDrive *d, bool write, uint32_t len, IDEAfter after)
{
    d->status = ST_BSY | ST_DRDY | ST_DSC;
    d->after = (uint8_t)after;
    iov_init_buf(&d->qiov, &d->one, d->buffer, len);
    d->aio = write ? blk_aio_pwritev(d->blk, d->pos, &d->qiov, disk_io_done, d)
                   : blk_aio_preadv(d->blk, d->pos, &d->qiov, disk_io_done, d);
}

void ide_flush(IDEDrive *d)
{
    d->status = ST_BSY | ST_DRDY | ST_DSC;
    d->io_out = 1;
    d->after = AFTER_DONE;
    d->aio = blk_aio_flush(d->blk, disk_io_done, d);
}

/* 0 while nothing is at the data port. */
static unsigned data_room(const IDEDrive *d, bool out, unsigned size)
{
    if (!d || !(d->status & ST_DRQ) || d->io_out != out || d->dma != DMA_NONE) {
        return 0;
    }
    return MIN(size, d->io_end - d->io_pos);
}

static void data_moved(IDEDrive *d, unsigned n)
{
    d->io_pos += n;
    if (d->io_pos == d->io_end) {
        d->status &= (uint8_t)~ST_DRQ;
        ide_run_after(d, d->after);
    }
}

static uint32_t data_read(IDEChannel *ch, unsigned size)
{
    IDEDrive *d = selected(ch);
    unsigned n = data_room(d, false, size);
    uint32_t val = (uint32_t)load_le(d ? d->buffer + d->io_pos : NULL, n);

    if (n) {
        data_moved(d, n);
    }
    return val;
}

static void data_write(IDEChannel *ch, uint32_t val, unsigned size)
{
    IDEDrive *d = selected(ch);
    unsigned n = data_room(d, true, size);

    if (n) {
        store_le(d->buffer + d->io_pos, val, n);
        data_moved(d, n);
    } else {
        log_guest("ide", "data written while none is wanted");
    }
}

/* -- DMA --------------------------------------------------------------------- */

bool ide_can_dma(const IDEDrive *d)
{
    return d->channel->dma != NULL;
}

void ide_dma(IDEDrive *d, IDEDma kind, IDEAfter after)
{
    d->status = ST_BSY | ST_DRDY | ST_DSC;
    d->dma = (uint8_t)kind;
    d->after = (uint8_t)after;
    d->channel->dma->ready(d->channel->dma_opaque);
}

IDEDrive *ide_dma_waiting(IDEChannel *ch, bool *to_guest, uint64_t *want)
{
    for (int i = 0; i < 2; i++) {
        IDEDrive *d = ch->drive[i];

        if (d && d->dma != DMA_NONE && !ch->dma_sg) {
            bool disk = d->dma == DMA_DISK_IN || d->dma == DMA_DISK_OUT;

            *to_guest = d->dma == DMA_DISK_IN || d->dma == DMA_BUFFER_IN;
            *want = disk ? d->left : d->io_end - d->io_pos;
            return d;
        }
    }
    return NULL;
}

static void dma_advance(IDEDrive *d, uint64_t n)
{
    bool disk = d->dma == DMA_DISK_IN || d->dma == DMA_DISK_OUT;

    if (disk) {
        d->pos += n;
        d->left -= n;
    } else {
        d->io_pos += (uint32_t)n;
    }
    if (disk ? d->left == 0 : d->io_pos == d->io_end) {
        d->dma = DMA_NONE;
        ide_run_after(d, d->after);
    } else {
        d->channel->dma->ready(d->channel->dma_opaque);
    }
}

static void dma_done(void *opaque, int ret)
{
    IDEDrive *d = opaque;
    IDEChannel *ch = d->channel;
    uint64_t n = ch->dma_size;

    d->aio = NULL;
    ch->dma_sg = NULL;
    ch->dma->moved(ch->dma_opaque, n, ret);
    if (ret < 0) {
        ide_io_error(d, ret);
    } else {
        dma_advance(d, n);
    }
}

void ide_dma_start(IDEChannel *ch, QEMUIOVector *sg)
{
    bool to_guest;
    uint64_t want;
    IDEDrive *d = ide_dma_waiting(ch, &to_guest, &want);

    assert(d && sg->size && sg->size <= want);
    ch->dma_size = sg->size;
    ch->dma_sg = sg;
    switch (d->dma) {
    case DMA_DISK_IN:
        d->aio = blk_aio_preadv(d->blk, d->pos, sg, dma_done, d);
        break;
    case DMA_DISK_OUT:
        d->aio = blk_aio_pwritev(d->blk, d->pos, sg, dma_done, d);
        break;
    case DMA_BUFFER_IN:
        iov_from_buf(sg, 0, d->buffer + d->io_pos, sg->size);
        dma_done(d, 0);
        break;
    default:
        iov_to_buf(sg, 0, d->buffer + d->io_pos, sg->size);
        dma_done(d, 0);
    }
}

void ide_dma_cancel(IDEChannel *ch)
{
    for (int i = 0; i < 2 && ch->dma_sg; i++) {
        IDEDrive *d = ch->drive[i];

        if (d && d->dma != DMA_NONE && d->aio) {
            blk_aio_cancel(d->aio);
            d->aio = NULL;
            ch->dma_sg = NULL;
            ch->dma->moved(ch->dma_opaque, 0, -ECANCELED);
        }
    }
}

/* -- Resets ------------------------------------------------------------------ */

/* 9.12: what a drive shows after reset and diagnostics. */
void ide_signature(IDEDrive *d)
{
    d->tf = (IDETaskFile){ .nsector = 1, .lbal = 1, .lbam = d->kind->lbam,
                           .lbah = d->kind->lbah };
    d->hob = (IDETaskFile){ 0 };
    d->select &= DEV_UNIT;
    d->error = 1;                       /* diagnostic code: no error */
    d->status = d->kind->reset_status;
}

static void soft_reset_drive(IDEDrive *d)
{
    ide_stop_transfer(d);
    clear_irq(d);
    d->select = 0;
    d->status = ST_BSY;
    d->power = 0;
}

static void write_control(IDEChannel *ch, uint8_t val)
{
    bool start = val & ~ch->control & CTL_SRST;
    bool end = ch->control & ~val & CTL_SRST;

    ch->control = val;
    for (int i = 0; i < 2; i++) {
        IDEDrive *d = ch->drive[i];

        if (d && start) {
            soft_reset_drive(d);
        } else if (d && end) {
            ide_signature(d);
        }
    }
    ch->unit = start ? 0 : ch->unit;
    update_irq(ch);
}

/* 8.11: EXECUTE DEVICE DIAGNOSTIC is for both, device 0 answers. */
static void diagnose(IDEChannel *ch)
{
    for (int i = 0; i < 2; i++) {
        if (ch->drive[i]) {
            soft_reset_drive(ch->drive[i]);
            ide_signature(ch->drive[i]);
        }
    }
    ch->unit = 0;
    if (ch->drive[0]) {
        ide_irq(ch->drive[0]);
    }
}

/* -- Commands ---------------------------------------------------------------- */

/* 6.2: the sector a CHS address means; -1 if there is none. */
static int64_t chs_sector(const IDEDrive *d)
{
    uint32_t cyl = d->tf.lbam | (uint32_t)d->tf.lbah << 8, head = d->select & 15;

    if (d->tf.lbal < 1 || d->tf.lbal > d->secs || head >= d->heads || cyl >= d->cyls) {
        return -1;
    }
    return ((int64_t)cyl * d->heads + head) * d->secs + d->tf.lbal - 1;
}

static int64_t lba_sector(const IDEDrive *d, bool ext)
{
    int64_t low = d->tf.lbal | d->tf.lbam << 8 | d->tf.lbah << 16;

    if (ext) {
        return low | (int64_t)d->hob.lbal << 24 | (int64_t)d->hob.lbam << 32 |
               (int64_t)d->hob.lbah << 40;
    }
    return low | (int64_t)(d->select & 15) << 24;
}

/* Address and count of the command into pos and left; false: not there. */
static bool decode_address(IDEDrive *d)
{
    bool ext = d->flags & CMD_EXT;
    uint32_t count = ext ? d->tf.nsector | (uint32_t)d->hob.nsector << 8 : d->tf.nsector;
    int64_t sector = ext || d->select & DEV_LBA ? lba_sector(d, ext) : chs_sector(d);

    if (count == 0) {
        count = ext ? 65536 : 256;
    }
    if (sector < 0 || (uint64_t)sector + count > d->num_sectors) {
        return false;
    }
    d->pos = (uint64_t)sector * BDRV_SECTOR_SIZE;
    d->left = (uint64_t)count * BDRV_SECTOR_SIZE;
    return true;
}

static void run_command(IDEDrive *d, const IDECommand *c)
{
    d->flags = c->flags;
    d->error = 0;
    d->io_out = 0;
    if ((c->flags & CMD_CFA && !d->cfa) || (c->flags & CMD_DMA && !ide_can_dma(d))) {
        ide_abort(d, ER_ABRT);
        return;
    }
    if (c->flags & CMD_ADDRESS) {
        d->power = 0;                   /* awake */
        if (!decode_address(d)) {
            ide_abort(d, ER_IDNF);
            return;
        }
    }
    c->run(d);
}

enum { CMD_DIAGNOSTIC = 0x90 };

static void write_command(IDEChannel *ch, uint8_t cmd)
{
    IDEDrive *d = selected(ch);

    if (cmd == CMD_DIAGNOSTIC && (ch->drive[0] || ch->drive[1])) {
        diagnose(ch);
        return;
    }
    if (!d || ch->control & CTL_SRST) {
        return;
    }
    const IDECommand *c = &d->kind->commands[cmd];

    if (!(c->flags & CMD_ANY)) {
        if (d->status & ST_BSY || d->power == POWER_SLEEP) {
            log_guest("ide", "command %02xh while the drive is %s", cmd,
                      d->power == POWER_SLEEP ? "asleep" : "busy");
            return;
        }
        ide_stop_transfer(d);
    }
    clear_irq(d);
    d->command = cmd;
    if (c->run) {
        run_command(d, c);
    } else {
        log_unimp("ide", "command %02xh: aborted", cmd);
        ide_abort(d, ER_ABRT);
    }
}

/* -- Registers --------------------------------------------------------------- */

enum { R_DATA, R_ERROR, R_NSECTOR, R_LBAL, R_LBAM, R_LBAH, R_DEVICE, R_STATUS };

static uint8_t *tf_reg(IDETaskFile *tf, unsigned reg)
{
    switch (reg) {
    case R_NSECTOR: return &tf->nsector;
    case R_LBAL:    return &tf->lbal;
    case R_LBAM:    return &tf->lbam;
    case R_LBAH:    return &tf->lbah;
    default:        return &tf->feature;
    }
}

/* 9.16.1: with device 1 absent, device 0 answers for it, and status is 0. */
static uint8_t read_status(const IDEChannel *ch)
{
    const IDEDrive *d = selected(ch);

    if (d) {
        return d->status;
    }
    /* Nobody drives the bus: DD7 has a pull-down (annex A). */
    return ch->drive[0] || ch->drive[1] ? 0 : 0x7f;
}

static uint8_t read_reg(IDEChannel *ch, unsigned reg)
{
    IDEDrive *d = selected(ch) ? selected(ch) : ch->drive[0];
    uint8_t val;

    if (reg == R_STATUS) {
        val = read_status(ch);
        if (selected(ch)) {
            clear_irq(selected(ch));
        }
        return val;
    }
    if (!d) {
        return ch->drive[1] ? 0 : 0x7f;
    }
    switch (reg) {
    case R_ERROR:
        return ch->control & CTL_HOB ? d->hob.feature : d->error;
    case R_DEVICE:
        return d->select | 0xa0 | (ch->unit ? DEV_UNIT : 0);
    default:
        return *tf_reg(ch->control & CTL_HOB ? &d->hob : &d->tf, reg);
    }
}

static void write_device(IDEChannel *ch, uint8_t val)
{
    for (int i = 0; i < 2; i++) {
        if (ch->drive[i] && !(ch->drive[i]->status & ST_BSY)) {
            ch->drive[i]->select = val;
        }
    }
    ch->unit = val & DEV_UNIT ? 1 : 0;
    update_irq(ch);
}

static void write_reg(IDEChannel *ch, unsigned reg, uint8_t val)
{
    ch->control &= (uint8_t)~CTL_HOB;
    if (reg == R_STATUS) {
        write_command(ch, val);
        return;
    }
    if (reg == R_DEVICE) {
        write_device(ch, val);
        return;
    }
    for (int i = 0; i < 2; i++) {
        IDEDrive *d = ch->drive[i];

        if (d && !(d->status & ST_BSY)) {
            *tf_reg(&d->hob, reg) = *tf_reg(&d->tf, reg);
            *tf_reg(&d->tf, reg) = val;
        }
    }
}

static uint64_t cmd_read(void *opaque, hwaddr offset, unsigned size)
{
    IDEChannel *ch = opaque;
    uint64_t val = 0;

    if (offset == R_DATA) {
        return data_read(ch, size);
    }
    for (unsigned i = 0; i < size; i++) {
        val |= (uint64_t)read_reg(ch, (unsigned)offset + i) << 8 * i;
    }
    return val;
}

static void cmd_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    IDEChannel *ch = opaque;

    if (offset == R_DATA) {
        data_write(ch, (uint32_t)val, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        write_reg(ch, (unsigned)offset + i, (uint8_t)(val >> 8 * i));
    }
}

static uint64_t ctl_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return read_status(opaque);
}

static void ctl_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)offset;
    (void)size;
    write_control(opaque, (uint8_t)val);
}

/* -- The channel ------------------------------------------------------------- */

static const MemoryRegionOps cmd_ops = { cmd_read, cmd_write, 1, 4 };
static const MemoryRegionOps ctl_ops = { ctl_read, ctl_write, 1, 1 };

static const WindowDef channel_windows[] = {
    { "ide-cmd", true, 8, NULL, &cmd_ops },
    { "ide-ctl", true, 1, NULL, &ctl_ops },
    { NULL, false, 0, NULL, NULL }
};

static const VMField channel_vmstate[] = {
    VM_FIELD(IDEChannel, unit),
    VM_FIELD(IDEChannel, control),
    VM_FIELD(IDEChannel, irq_level),
    VM_END
};

static void channel_reset(Device *dev)
{
    IDEChannel *ch = (IDEChannel *)dev;

    ch->unit = 0;
    ch->control = 0;
    update_irq(ch);
    qemu_set_irq(dev->irq[0], ch->irq_level);
}

static int channel_post_load(Device *dev, Error *err)
{
    IDEChannel *ch = (IDEChannel *)dev;

    (void)err;
    ch->unit &= 1;
    ch->irq_level = ch->irq_level != 0;
    qemu_set_irq(dev->irq[0], ch->irq_level);
    return 0;
}

/* Whatever is freed first, nobody keeps a pointer to it. */
static void channel_free(Device *dev)
{
    IDEChannel *ch = (IDEChannel *)dev;

    for (int i = 0; i < 2; i++) {
        if (ch->drive[i]) {
            ide_stop_transfer(ch->drive[i]);
            ch->drive[i]->channel = NULL;
        }
    }
    if (ch->dma) {
        ch->dma->gone(ch->dma_opaque);
    }
}

const DeviceType ide_channel_type = {
    .name       = "ide-channel",
    .desc       = "IDE channel: one cable, two drives",
    .manual     = "T13/1410D (ATA/ATAPI-6)",
    .bus        = "sys",
    .state_size = sizeof(IDEChannel),
    .windows    = channel_windows,
    .vmstate    = channel_vmstate,
    .num_irqs   = 1,
    .reset      = channel_reset,
    .post_load  = channel_post_load,
    .free       = channel_free,
};

/* -- Drives: common part ----------------------------------------------------- */

static const VMField task_file_vmstate[] = {
    VM_FIELD(IDETaskFile, feature),
    VM_FIELD(IDETaskFile, nsector),
    VM_FIELD(IDETaskFile, lbal),
    VM_FIELD(IDETaskFile, lbam),
    VM_FIELD(IDETaskFile, lbah),
    VM_END
};

const VMField ide_drive_vmstate[] = {
    VM_STRUCTS(IDEDrive, tf, 1, task_file_vmstate),
    VM_STRUCTS(IDEDrive, hob, 1, task_file_vmstate),
    VM_FIELD(IDEDrive, select),
    VM_FIELD(IDEDrive, status),
    VM_FIELD(IDEDrive, error),
    VM_FIELD(IDEDrive, command),
    VM_FIELD(IDEDrive, intrq),
    VM_FIELD(IDEDrive, flags),
    VM_FIELD(IDEDrive, after),
    VM_FIELD(IDEDrive, dma),
    VM_FIELD(IDEDrive, io_out),
    VM_FIELD(IDEDrive, io_pos),
    VM_FIELD(IDEDrive, io_end),
    VM_FIELD(IDEDrive, fetched),
    VM_FIELD(IDEDrive, pos),
    VM_FIELD(IDEDrive, left),
    VM_FIELD(IDEDrive, block),
    VM_FIELD(IDEDrive, cyls),
    VM_FIELD(IDEDrive, heads),
    VM_FIELD(IDEDrive, secs),
    VM_FIELD(IDEDrive, num_sectors),
    VM_FIELD(IDEDrive, multiple),
    VM_FIELD(IDEDrive, xfer_mode),
    VM_FIELD(IDEDrive, look_ahead),
    VM_FIELD(IDEDrive, write_cache),
    VM_FIELD(IDEDrive, smart),
    VM_FIELD(IDEDrive, power),
    VM_FIELD(IDEDrive, trim_pos),
    VM_FIELD(IDEDrive, sense_key),
    VM_FIELD(IDEDrive, asc),
    VM_FIELD(IDEDrive, ascq),
    VM_FIELD(IDEDrive, unit_attention),
    VM_FIELD(IDEDrive, cd.head),
    VM_FIELD(IDEDrive, cd.tray_open),
    VM_FIELD(IDEDrive, cd.locked),
    VM_FIELD(IDEDrive, cd.media_event),
    VM_FIELD(IDEDrive, packet_dma),
    VM_ARRAY(IDEDrive, cdb),
    VM_FIELD(IDEDrive, sector_size),
    VM_FIELD(IDEDrive, byte_limit),
    VM_FIELD(IDEDrive, raw_flags),
    VM_ARRAY(IDEDrive, buffer),
    VM_END
};

int ide_drive_attach(IDEDrive *d, const IDEKind *kind, const BlockDevOps *ops, void *opaque,
                     Error *err)
{
    const char *name = d->dev.type->name;

    if (!d->bus || d->bus->type != &ide_channel_type) {
        return error_set(err, EINVAL, "%s: bus= must name an IDE channel, as ide.0", name);
    }
    IDEChannel *ch = (IDEChannel *)d->bus;

    if (d->unit > 1) {
        return error_set(err, EINVAL, "%s: unit=%u: a channel has units 0 and 1", name,
                         d->unit);
    }
    if (ch->drive[d->unit]) {
        return error_set(err, EBUSY, "%s: unit %u of %s is taken: use the other unit or"
                         " channel", name, d->unit, d->bus->id ? d->bus->id : "the channel");
    }
    if (!d->blk) {
        return error_set(err, EINVAL, "%s: drive= is missing", name);
    }
    int ret = blk_attach_dev(d->blk, name, ops, opaque, err);
    if (ret < 0) {
        return error_prefix(err, ret, "%s", name);
    }
    d->kind = kind;
    d->channel = ch;
    d->dev.parent_bus = d->bus;
    ch->drive[d->unit] = d;
    return 0;
}

void ide_drive_reset(IDEDrive *d)
{
    if (d->channel) {
        ide_stop_transfer(d);
    }
    d->multiple = IDE_MAX_MULTIPLE;
    d->smart = 1;
    ata_set_defaults(d);
    d->power = POWER_ACTIVE;
    d->intrq = d->select = d->command = d->flags = d->io_out = d->packet_dma = 0;
    d->fetched = d->block = d->trim_pos = d->sector_size = d->byte_limit = 0;
    d->raw_flags = 0;
    d->pos = d->left = 0;
    memset(d->cdb, 0, sizeof(d->cdb));
    memset(d->buffer, 0, sizeof(d->buffer));
    if (d->channel) {
        ide_signature(d);
        update_irq(d->channel);
    }
}

/* Everything that is used as an index or a length. */
int ide_drive_post_load(IDEDrive *d, Error *err)
{
    bool bad = d->after >= AFTER_NUM || d->dma >= DMA_NUM || d->io_end > IDE_BUFFER ||
               d->io_pos > d->io_end || d->fetched > IDE_BUFFER || d->heads == 0 ||
               d->secs == 0 || d->heads > 16 || d->secs > 255 ||
               d->num_sectors > d->native_sectors || d->trim_pos > IDE_BUFFER ||
               d->block > IDE_BUFFER || d->sector_size > 2352 || d->aio;

    if (bad) {
        return error_set(err, EINVAL, "%s: the snapshot is damaged", d->dev.type->name);
    }
    d->io_out = d->io_out != 0;
    d->multiple = MIN(d->multiple, IDE_MAX_MULTIPLE);
    if (d->blk && blk_is_inserted(d->blk)) {
        blk_set_write_cache(d->blk, d->write_cache);
    }
    return 0;
}

void ide_drive_free(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;

    if (d->channel) {
        ide_stop_transfer(d);
        d->channel->drive[d->unit] = NULL;
    }
    if (d->kind) {
        blk_detach_dev(d->blk);
    }
}

void ide_put_word(uint8_t *words, unsigned n, uint16_t v)
{
    store_le(words + 2 * n, v, 2);
}

void ide_put_string(uint8_t *words, const char *s, size_t len)
{
    size_t have = strlen(s);

    for (size_t i = 0; i < len; i++) {
        words[i ^ 1] = i < have ? (uint8_t)s[i] : ' ';
    }
}
