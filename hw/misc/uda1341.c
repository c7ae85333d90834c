/* SPDX-License-Identifier: MIT */
/*
 * Philips UDA1341TS audio codec (data sheet of 2002 May 16).
 *
 *   L3: 8 bits, lowest first, taken when the clock rises
 *       mode low: address, 000101 and DATA0, DATA1 or STATUS
 *       mode high: a byte for that
 *   I2S --> mute, volume --> WAV file
 *
 * Not modelled: bass boost, treble, de-emphasis, the features of extended
 * addresses (stored), the A/D side.  Writing to the file is not asynchronous: it
 * goes through stdio's buffer.
 */
#include "hw/misc/uda1341.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"

enum { L3_ADDRESS = 5, L3_DATA0 = 0, L3_DATA1 = 1, L3_STATUS = 2 };
enum { D0_MUTE = 1 << 2, STATUS_RESET = 1 << 6 };
enum { WAV_HEADER = 44, FRAME = 4, NUM_EXTENDED = 8 };

typedef struct Uda1341 {
    Device dev;
    char *wav;
    uint8_t levels;                     /* of the inputs */
    uint8_t shift, num_bits, address;   /* the byte that comes; address 0xff: another chip's */
    uint8_t data0[4];                   /* by its highest two bits: volume, bass, mute, ... */
    uint8_t status[2];                  /* by its highest bit */
    uint8_t ext_address, extended[NUM_EXTENDED];
    /* Not saved. */
    FILE *file;
    uint32_t num_frames, rate;
} Uda1341;

/* -- The WAV file ------------------------------------------------------------ */

/* Microsoft, Multimedia Programming Interface 1.0: RIFF WAVE, PCM. */
static void write_header(Uda1341 *s)
{
    uint8_t h[WAV_HEADER] = { 'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't',
                              ' ', 16, 0, 0, 0, 1, 0, 2 };
    uint32_t len = s->num_frames * FRAME;

    store_le(h + 4, len + WAV_HEADER - 8, 4);
    store_le(h + 24, s->rate, 4);
    store_le(h + 28, s->rate * FRAME, 4);
    store_le(h + 32, FRAME, 2);
    store_le(h + 34, 16, 2);
    memcpy(h + 36, "data", 4);
    store_le(h + 40, len, 4);
    fseek(s->file, 0, SEEK_SET);
    fwrite(h, sizeof(h), 1, s->file);
    fseek(s->file, 0, SEEK_END);
}

/* "Volume control": 0 and 1 are 0 dB, each step 1 dB less, 62 and 63 are silence. */
static double gain(const Uda1341 *s)
{
    int vol = s->data0[0] & 63;

    if (s->data0[2] & D0_MUTE || vol >= 62) {
        return 0;
    }
    return vol <= 1 ? 1 : pow(10, -(vol - 1) / 20.0);
}

void uda1341_play(Device *d, const int16_t (*frames)[2], unsigned num, uint32_t rate)
{
    Uda1341 *s = (Uda1341 *)d;
    double g = gain(s);
    uint8_t out[FRAME];

    if (!s->file) {
        return;
    }
    if (!s->rate) {
        s->rate = rate;
        write_header(s);
    }
    for (unsigned i = 0; i < num; i++) {
        store_le(out, (uint16_t)(int16_t)(frames[i][0] * g), 2);
        store_le(out + 2, (uint16_t)(int16_t)(frames[i][1] * g), 2);
        fwrite(out, sizeof(out), 1, s->file);
    }
    s->num_frames += num;
}

/* -- L3 ---------------------------------------------------------------------- */

static void reset_registers(Uda1341 *s)
{
    memset(s->data0, 0, sizeof(s->data0));
    memset(s->extended, 0, sizeof(s->extended));
    s->ext_address = 0;
}

/* "DATA0": 11000 is an extended address, 111 data for it. */
static void take_data0(Uda1341 *s, uint8_t val)
{
    if (val >> 3 == 0x18) {
        s->ext_address = val & 7;
    } else if (val >> 5 == 7) {
        s->extended[s->ext_address] = val & 31;
    } else {
        s->data0[val >> 6] = val & 63;
    }
}

static void take_status(Uda1341 *s, uint8_t val)
{
    s->status[val >> 7] = val & 0x7f;
    if (!(val & 0x80) && val & STATUS_RESET) {
        reset_registers(s);
    }
}

static void take_byte(Uda1341 *s, uint8_t val, bool is_data)
{
    if (!is_data) {
        s->address = val >> 2 == L3_ADDRESS ? val & 3 : 0xff;
    } else if (s->address == L3_DATA0) {
        take_data0(s, val);
    } else if (s->address == L3_STATUS) {
        take_status(s, val);
    } else if (s->address == L3_DATA1) {
        log_unimp("uda1341", "peak level");
    }
}

/* A change of mode begins a new byte. */
static void set_input(Device *d, int n, int level)
{
    Uda1341 *s = (Uda1341 *)d;
    uint8_t was = s->levels;

    s->levels = (uint8_t)(level ? was | 1u << n : was & ~(1u << n));
    if (n == UDA1341_IN_MODE && s->levels != was) {
        s->num_bits = 0;
    }
    if (n != UDA1341_IN_CLOCK || !level || was >> n & 1) {
        return;
    }
    s->shift = (uint8_t)(s->shift >> 1 | (s->levels >> UDA1341_IN_DATA & 1) << 7);
    if (++s->num_bits == 8) {
        s->num_bits = 0;
        take_byte(s, s->shift, s->levels >> UDA1341_IN_MODE & 1);
    }
}

/* -- The type ---------------------------------------------------------------- */

static int uda1341_realize(Device *d, Error *err)
{
    Uda1341 *s = (Uda1341 *)d;

    if (s->wav && *s->wav) {
        s->file = fopen(s->wav, "wb");
        if (!s->file) {
            return error_set(err, errno, "uda1341: wav=%s: %s", s->wav, strerror(errno));
        }
    }
    return 0;
}

/* At power-on; the board resets it with the rest. */
static void uda1341_reset(Device *d)
{
    Uda1341 *s = (Uda1341 *)d;

    reset_registers(s);
    s->shift = s->num_bits = 0;
    s->address = 0xff;
    memset(s->status, 0, sizeof(s->status));
}

static int uda1341_post_load(Device *d, Error *err)
{
    Uda1341 *s = (Uda1341 *)d;

    (void)err;
    s->num_bits &= 7;
    s->levels &= 7;
    s->ext_address %= NUM_EXTENDED;
    return 0;
}

static void uda1341_free(Device *d)
{
    Uda1341 *s = (Uda1341 *)d;

    if (s->file) {
        write_header(s);
        fclose(s->file);
    }
}

static const PropDef uda1341_props[] = {
    { "wav", PROP_STRING, offsetof(Uda1341, wav), 0, "a file that gets what is played" },
    { .name = NULL }
};

static const VMField uda1341_vmstate[] = {
    VM_FIELD(Uda1341, levels),
    VM_FIELD(Uda1341, shift),
    VM_FIELD(Uda1341, num_bits),
    VM_FIELD(Uda1341, address),
    VM_ARRAY(Uda1341, data0),
    VM_ARRAY(Uda1341, status),
    VM_FIELD(Uda1341, ext_address),
    VM_ARRAY(Uda1341, extended),
    VM_END
};

const DeviceType uda1341_type = {
    .name       = "uda1341",
    .desc       = "audio codec",
    .manual     = "Philips UDA1341TS",
    .bus        = "sys",
    .state_size = sizeof(Uda1341),
    .props      = uda1341_props,
    .vmstate    = uda1341_vmstate,
    .num_inputs = UDA1341_NUM_INPUTS,
    .realize    = uda1341_realize,
    .reset      = uda1341_reset,
    .post_load  = uda1341_post_load,
    .free       = uda1341_free,
    .input      = set_input,
};
