/* SPDX-License-Identifier: MIT */
/*
 * An SD memory card, and the contract between it and the controller of its slot.
 *
 *      controller (pl181 ...) --sd_command, sd_read, sd_write-->  card
 *                             <--------- SDHostOps.ready --------  |
 *                                                            blk_aio_*
 *
 * A slot is a device of type "sd_card": with a drive= that holds an image there
 * is a card in it, else it is empty and answers nothing.  The controller has a
 * property that links to it and calls sd_attach() in its realize().
 *
 * A command is answered at once.  Its data are not: the card reads and writes
 * its image behind the guest's back.
 *
 *  - sd_read() and sd_write() move as many bytes as the card has or takes now,
 *    maybe 0.  Then the controller waits for ready(), and tries again.
 *  - Data are a stream of bytes; blocks, their start bits and CRC are the
 *    controller's.  The card ends a stream itself after the bytes a command is
 *    worth (CMD17, CMD24, ACMD51 ..., CMD18/25 after CMD23); else CMD12 does.
 *  - A card that has nothing (more) to say moves 0 bytes for ever.  Controllers
 *    time out, but not while sd_waits(): then the host is slow, not the card.
 *  - sd_busy() is DAT0 held low: after the last block, CMD12 and R1b commands.
 *    ready() is also called when it ends.
 *
 * ready() is called from the main loop with the global lock, or from inside
 * nothing else: never from sd_command(), sd_read() or sd_write().  It says "look
 * again", not what happened.  The controller may call the card from it.
 *
 * Replies: word[0] of a short one holds bits 39:8 (card status, OCR ...); word[0]
 * to word[3] of a long one bits 127:0 of CID or CSD, the CRC and end bit in the
 * lowest byte.  A card that does not understand says nothing: SD_NO_REPLY.
 *
 * Wires of the slot: SD_OUT_PRESENT is 1 while a card is in it, SD_OUT_PROTECTED
 * is 1 while that has its write protection on.  Both follow the monitor's
 * `change` and `eject`.
 */
#ifndef HW_SD_SD_H
#define HW_SD_SD_H

#include "hw/core/device.h"

enum { SD_OUT_PRESENT, SD_OUT_PROTECTED };

typedef enum SDReplyKind {
    SD_NO_REPLY,                        /* the controller times out, or did not ask */
    SD_SHORT_REPLY,                     /* 48 bits: R1, R6, R7 */
    SD_SHORT_NO_CRC,                    /* R3: index and CRC fields are all ones */
    SD_LONG_REPLY,                      /* 136 bits: R2 */
} SDReplyKind;

typedef struct SDReply {
    SDReplyKind kind;
    uint8_t index;                      /* as sent: the command, or 0x3f */
    uint32_t word[4];
} SDReply;

typedef struct SDHostOps {
    void (*ready)(void *opaque);
} SDHostOps;

extern const DeviceType sd_card_type;

/* By a controller, in realize() and free(); name for sentences. */
int sd_attach(Device *card, const char *name, const SDHostOps *ops, void *opaque,
              Error *err);
void sd_detach(Device *card);           /* NULL: nothing */

/* All of these: card may be NULL, a slot that does not exist. */
void sd_command(Device *card, unsigned index, uint32_t arg, SDReply *reply);
size_t sd_read(Device *card, void *buf, size_t len);
size_t sd_write(Device *card, const void *buf, size_t len);
bool sd_busy(const Device *card);
bool sd_waits(const Device *card);
bool sd_inserted(const Device *card);
bool sd_protected(const Device *card);

#endif
