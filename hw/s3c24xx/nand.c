/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A NAND flash controller (S3C2440A User's Manual rev. 1, chapter 6).
 *
 *   NFCMMD, NFADDR --lock?--> chip --R/nB--> NFSTAT --> interrupt
 *   NFDATA <-----> ECC <----> chip
 *                   '--> NFMECC0, NFSECC ==? NFMECCDn, NFSECCD --> NFESTAT0
 *
 * The ECC generator sees each byte that passes NFDATA; its code is hw/nand/ecc.h's.
 *
 * Soft lock and lock-tight: a PROGRAM or ERASE outside NFSBLK to NFEBLK is not
 * given to the chip, and IllegalAccess says so.
 *
 * Not modelled: timing (TACLS, TWRPHn), 16-bit chips (NFESTAT1 and the halves of
 * registers for I/O[15:8] are 0).
 */
#include "hw/s3c24xx/nand.h"

#include <errno.h>

#include "hw/nand/ecc.h"
#include "hw/nand/nand.h"
#include "util/bits.h"
#include "util/log.h"

enum { CONT_MODE = 1 << 0, CONT_NCE = 1 << 1, CONT_INIT_ECC = 1 << 4, CONT_MAIN_LOCK = 1 << 5,
       CONT_SPARE_LOCK = 1 << 6, CONT_FALLING = 1 << 8, CONT_INT_RNB = 1 << 9,
       CONT_INT_ILLEGAL = 1 << 10, CONT_SOFT_LOCK = 1 << 12, CONT_LOCK_TIGHT = 1 << 13 };
enum { STAT_RNB = 1 << 0, STAT_NCE = 1 << 1, STAT_DETECT = 1 << 2, STAT_ILLEGAL = 1 << 3 };
enum { CONF_WIDTH = 1 << 0, CONF_CYCLES = 1 << 1, CONF_PAGE = 1 << 2, CONF_ADVANCED = 1 << 3,
       CONF_STRAPS = 0xe };
enum { ERR_NONE, ERR_CORRECTABLE, ERR_MULTIPLE, ERR_IN_ECC };
enum { MAX_CYCLES = 5, REG_NFMECCD0 = 0x14 };

typedef struct S3cNand {
    Device dev;
    Device *chip;
    bool attached;
    uint32_t conf, cont, stat, meccd[2], seccd, sblk, eblk;
    NandEcc main, spare;
    /* The command under way, for the lock. */
    uint8_t cmd, addr[MAX_CYCLES], addr_num;
} S3cNand;

/* -- Interrupt --------------------------------------------------------------- */

static void update_irq(const S3cNand *s)
{
    bool ready = s->stat & STAT_DETECT && s->cont & CONT_INT_RNB;
    bool illegal = s->stat & STAT_ILLEGAL && s->cont & CONT_INT_ILLEGAL;

    qemu_set_irq(s->dev.irq[0], ready || illegal);
}

/* "RnB_TransMode": 0 rising, 1 falling edge. */
static void ready_changed(void *opaque, bool ready)
{
    S3cNand *s = opaque;

    if (ready == !(s->cont & CONT_FALLING)) {
        s->stat |= STAT_DETECT;
        update_irq(s);
    }
}

static const NandHostOps host_ops = { .ready = ready_changed };

/* -- ECC --------------------------------------------------------------------- */

static void ecc_bytes(S3cNand *s, const uint8_t *buf, unsigned len)
{
    for (unsigned i = 0; i < len && !(s->cont & CONT_MAIN_LOCK); i++) {
        nand_ecc_byte(&s->main, buf[i]);
    }
    for (unsigned i = 0; i < len && !(s->cont & CONT_SPARE_LOCK); i++) {
        nand_ecc_byte(&s->spare, buf[i]);
    }
}

/* Table "16 byte spare ECC parity code assignment": P2 P1 P16 P8, P128 ... P32 P4. */
static uint32_t spare_code(const NandEcc *e)
{
    uint32_t col = nand_ecc_columns(e);
    uint32_t code0 = nand_ecc_lines(e, 0, 2) | (col & 15) << 4;
    uint32_t code1 = col >> 4 | nand_ecc_lines(e, 2, 3) << 2;

    return code0 | code1 << 8;
}

/* "ECC module": each pair differs for one wrong bit, one bit for a wrong code. */
static unsigned judge(uint32_t diff, uint32_t pairs)
{
    if (!diff) {
        return ERR_NONE;
    }
    if (((diff ^ diff >> 1) & 0x55555555 & pairs) == (0x55555555 & pairs)) {
        return ERR_CORRECTABLE;
    }
    return is_pow2(diff) ? ERR_IN_ECC : ERR_MULTIPLE;
}

/* The upper bits of pairs `first` and up, as a number. */
static uint32_t wrong_bits(uint32_t diff, unsigned first, unsigned num)
{
    uint32_t val = 0;

    for (unsigned i = 0; i < num; i++) {
        val |= (diff >> (2 * (first + i) + 1) & 1) << i;
    }
    return val;
}

static uint32_t estat0(const S3cNand *s)
{
    /* NFMECCDn: codes 0 and 1, 2 and 3; each in a half-word. */
    uint32_t stored = bits(s->meccd[0], 7, 0) | bits(s->meccd[0], 23, 16) << 8 |
                      bits(s->meccd[1], 7, 0) << 16 | bits(s->meccd[1], 23, 16) << 24;
    uint32_t spare = bits(s->seccd, 7, 0) | bits(s->seccd, 23, 16) << 8;
    uint32_t diff = (nand_ecc_code(&s->main) ^ stored) & 0x0fffffff;
    uint32_t spare_diff = spare_code(&s->spare) ^ spare;

    return judge(diff, 0x0fffffff) | judge(spare_diff, 0xffff) << 2 |
           wrong_bits(diff, 9, 3) << 4 |
           (wrong_bits(diff, 0, 9) | wrong_bits(diff, 12, 2) << 9) << 7 |
           (wrong_bits(spare_diff, 2, 2) | wrong_bits(spare_diff, 4, 1) << 2) << 18 |
           (wrong_bits(spare_diff, 0, 2) | wrong_bits(spare_diff, 5, 2) << 2) << 21;
}

/* -- Data -------------------------------------------------------------------- */

static bool chip_selected(const S3cNand *s)
{
    return s->chip && s->cont & CONT_MODE && !(s->cont & CONT_NCE);
}

static uint64_t read_data(void *opaque, hwaddr offset, unsigned size)
{
    S3cNand *s = opaque;
    uint8_t buf[4] = { 0 };

    (void)offset;
    if (chip_selected(s)) {
        nand_read(s->chip, buf, size);
        ecc_bytes(s, buf, size);
    }
    return load_le(buf, size);
}

static void write_data(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    S3cNand *s = opaque;
    uint8_t buf[4];

    (void)offset;
    if (chip_selected(s)) {
        store_le(buf, val, size);
        ecc_bytes(s, buf, size);
        nand_write(s->chip, buf, size);
    }
}

static const MemoryRegionOps data_ops = { read_data, write_data, 1, 4 };

/* -- Commands and locks ------------------------------------------------------ */

/* Cycles of the column are those of the chip that the straps name. */
static uint32_t row_of(const S3cNand *s)
{
    const NandModel *m = nand_model(s->chip);
    unsigned skip = s->cmd == 0x60 ? 0 : m->col_cycles;
    uint32_t row = 0;

    for (unsigned i = skip; i < s->addr_num; i++) {
        row |= (uint32_t)s->addr[i] << (8 * (i - skip));
    }
    return row;
}

static bool locked(const S3cNand *s)
{
    uint32_t row = row_of(s);

    return s->cont & (CONT_SOFT_LOCK | CONT_LOCK_TIGHT) && (row < s->sblk || row >= s->eblk);
}

static bool changes_chip(uint32_t cmd)
{
    return cmd == 0x10 || cmd == 0x15 || cmd == 0xd0;
}

static void write_cmmd(Device *d, uint32_t val)
{
    S3cNand *s = (S3cNand *)d;

    if (!chip_selected(s)) {
        return;
    }
    if (changes_chip(val) && locked(s)) {
        s->stat |= STAT_ILLEGAL;
        update_irq(s);
        return;
    }
    if (val != 0x85 || s->cmd != 0x80) {        /* another column of the same page */
        s->cmd = (uint8_t)val;
        s->addr_num = 0;
    }
    nand_command(s->chip, (uint8_t)val);
}

static void write_addr(Device *d, uint32_t val)
{
    S3cNand *s = (S3cNand *)d;

    if (chip_selected(s)) {
        if (s->addr_num < MAX_CYCLES) {
            s->addr[s->addr_num++] = (uint8_t)val;
        }
        nand_address(s->chip, (uint8_t)val);
    }
}

/* -- Other registers --------------------------------------------------------- */

static uint32_t read_conf(Device *d) { return ((S3cNand *)d)->conf; }
static uint32_t read_cont(Device *d) { return ((S3cNand *)d)->cont; }
static uint32_t read_zero(Device *d) { (void)d; return 0; }

static void write_conf(Device *d, uint32_t val)
{
    S3cNand *s = (S3cNand *)d;

    s->conf = val | (s->conf & CONF_STRAPS);
    if (val & CONF_WIDTH) {
        log_unimp("s3c2440-nand", "16-bit chips");
    }
}

/* "Lock-tight": only reset clears it. */
static void write_cont(Device *d, uint32_t val)
{
    S3cNand *s = (S3cNand *)d;

    if (val & CONT_INIT_ECC) {
        s->main = s->spare = (NandEcc){ 0 };
    }
    s->cont = (val & ~(uint32_t)CONT_INIT_ECC) | (s->cont & CONT_LOCK_TIGHT);
    update_irq(s);
}

static uint32_t read_stat(Device *d)
{
    const S3cNand *s = (S3cNand *)d;

    return s->stat | (nand_ready(s->chip) ? STAT_RNB : 0) | (s->cont & CONT_NCE ? STAT_NCE : 0);
}

static void write_stat(Device *d, uint32_t val)
{
    S3cNand *s = (S3cNand *)d;

    s->stat &= ~(val & (STAT_DETECT | STAT_ILLEGAL));
    update_irq(s);
}

/* "Read this register when you need to read the ECC from NAND": two codes. */
static uint32_t fetch_codes(S3cNand *s, uint32_t *reg)
{
    uint8_t buf[2];

    if (chip_selected(s)) {
        nand_read(s->chip, buf, 2);
        *reg = buf[0] | (uint32_t)buf[1] << 16;
    }
    return *reg;
}

static uint32_t read_meccd0(Device *d) { return fetch_codes((S3cNand *)d, &((S3cNand *)d)->meccd[0]); }
static uint32_t read_meccd1(Device *d) { return fetch_codes((S3cNand *)d, &((S3cNand *)d)->meccd[1]); }
static uint32_t read_seccd(Device *d) { return fetch_codes((S3cNand *)d, &((S3cNand *)d)->seccd); }

static uint32_t read_estat0(Device *d) { return estat0((S3cNand *)d); }
static uint32_t read_mecc0(Device *d) { return nand_ecc_code(&((S3cNand *)d)->main); }
static uint32_t read_secc(Device *d) { return spare_code(&((S3cNand *)d)->spare); }
static uint32_t read_sblk(Device *d) { return ((S3cNand *)d)->sblk; }
static uint32_t read_eblk(Device *d) { return ((S3cNand *)d)->eblk; }

static void set_block(S3cNand *s, uint32_t *reg, uint32_t val)
{
    if (s->cont & CONT_LOCK_TIGHT) {
        log_guest("s3c2440-nand", "blocks cannot be changed any more: lock-tight");
    } else {
        *reg = val;
    }
}

static void write_sblk(Device *d, uint32_t val) { set_block((S3cNand *)d, &((S3cNand *)d)->sblk, val); }
static void write_eblk(Device *d, uint32_t val) { set_block((S3cNand *)d, &((S3cNand *)d)->eblk, val); }

/* clang-format off */
#define AT(m) offsetof(S3cNand, m)
#define VIRT REG_VIRTUAL
/* "NAND flash memory mapping"; NFDATA is a window of its own, as it has sizes. */
static const RegDef nand_regs[] = {
    { "NFCONF",   0x00, VIRT,         REG_RW, 0,      0x3771,     read_conf,   write_conf },
    { "NFCONT",   0x04, VIRT,         REG_RW, 0,      0x3773,     read_cont,   write_cont },
    { "NFCMMD",   0x08, VIRT,         REG_RW, 0,      0xff,       read_zero,   write_cmmd },
    { "NFADDR",   0x0c, VIRT,         REG_RW, 0,      0xff,       read_zero,   write_addr },
    REG_END
};

#define ECC_AT(offset) ((offset) - REG_NFMECCD0)
static const RegDef ecc_regs[] = {
    { "NFMECCD0", ECC_AT(0x14), AT(meccd[0]), REG_RW, 0,      0xffffffff, read_meccd0, NULL },
    { "NFMECCD1", ECC_AT(0x18), AT(meccd[1]), REG_RW, 0,      0xffffffff, read_meccd1, NULL },
    { "NFSECCD", ECC_AT(0x1c), AT(seccd),    REG_RW, 0,      0xffffffff, read_seccd,  NULL },
    { "NFSTAT", ECC_AT(0x20), VIRT,         REG_RW, 0,      0xf,        read_stat,   write_stat },
    { "NFESTAT0", ECC_AT(0x24), VIRT,         REG_R,  0,      0,          read_estat0, NULL },
    { "NFESTAT1", ECC_AT(0x28), REG_CONST,    REG_R,  0,      0,          NULL,        NULL },
    { "NFMECC0", ECC_AT(0x2c), VIRT,         REG_R,  0,      0,          read_mecc0,  NULL },
    { "NFMECC1", ECC_AT(0x30), REG_CONST,    REG_R,  0,      0,          NULL,        NULL },
    { "NFSECC", ECC_AT(0x34), VIRT,         REG_R,  0,      0,          read_secc,   NULL },
    { "NFSBLK", ECC_AT(0x38), VIRT,         REG_RW, 0,      0xffffff,   read_sblk,   write_sblk },
    { "NFEBLK", ECC_AT(0x3c), VIRT,         REG_RW, 0,      0xffffff,   read_eblk,   write_eblk },
    REG_END
};
/* clang-format on */

int s3c2440_nand_boot(Device *d, uint8_t *buf, uint32_t len)
{
    const S3cNand *s = (S3cNand *)d;

    return s->chip ? nand_read_first(s->chip, buf, len) : -ENODEV;
}

/* -- The type ---------------------------------------------------------------- */

static int nand_realize(Device *d, Error *err)
{
    S3cNand *s = (S3cNand *)d;
    int ret = s->chip ? nand_attach(s->chip, "s3c2440-nand", &host_ops, s, err) : 0;

    s->attached = s->chip && ret == 0;
    return ret;
}

/* "NFCONF": what the pins NCON and GPG13 to GPG15 say of the chip. */
static uint32_t straps(const S3cNand *s)
{
    const NandModel *m = nand_model(s->chip);

    if (!m) {
        return 0;
    }
    bool most = m->col_cycles + m->row_cycles == (m->page > 512 ? 5 : 4);

    return (uint32_t)CONF_PAGE | (m->page > 512 ? CONF_ADVANCED : 0) | (most ? CONF_CYCLES : 0);
}

static void nand_reset(Device *d)
{
    S3cNand *s = (S3cNand *)d;

    s->conf = 0x1000 | straps(s);
    s->cont = 0x384 & 0x3773;
    s->stat = s->sblk = s->eblk = 0;
    s->main = s->spare = (NandEcc){ 0 };
    s->cmd = s->addr_num = 0;
    memset(s->addr, 0, sizeof(s->addr));
    update_irq(s);
}

static int nand_post_load(Device *d, Error *err)
{
    S3cNand *s = (S3cNand *)d;

    (void)err;
    s->addr_num = MIN(s->addr_num, (uint8_t)MAX_CYCLES);
    s->stat &= STAT_DETECT | STAT_ILLEGAL;
    s->main.odd &= 1;
    s->spare.odd &= 1;
    update_irq(s);
    return 0;
}

static void nand_free(Device *d)
{
    S3cNand *s = (S3cNand *)d;

    if (s->attached) {
        nand_detach(s->chip);
    }
}

static const WindowDef nand_windows[] = {
    { "nand", false, 0x10, nand_regs, NULL },
    { "nfdata", false, 4, NULL, &data_ops },
    { "nand-ecc", false, 0x1000 - REG_NFMECCD0, ecc_regs, NULL },
    { .name = NULL }
};

static const PropDef nand_props[] = {
    { "chip", PROP_LINK, AT(chip), 0, "the NAND chip" },
    { .name = NULL }
};

static const VMField ecc_vmstate[] = {
    VM_FIELD(NandEcc, count),
    VM_FIELD(NandEcc, line),
    VM_FIELD(NandEcc, col),
    VM_FIELD(NandEcc, odd),
    VM_END
};

static const VMField nand_vmstate[] = {
    VM_FIELD(S3cNand, conf),
    VM_FIELD(S3cNand, cont),
    VM_FIELD(S3cNand, stat),
    VM_ARRAY(S3cNand, meccd),
    VM_FIELD(S3cNand, seccd),
    VM_FIELD(S3cNand, sblk),
    VM_FIELD(S3cNand, eblk),
    VM_STRUCTS(S3cNand, main, 1, ecc_vmstate),
    VM_STRUCTS(S3cNand, spare, 1, ecc_vmstate),
    VM_FIELD(S3cNand, cmd),
    VM_ARRAY(S3cNand, addr),
    VM_FIELD(S3cNand, addr_num),
    VM_END
};

const DeviceType s3c2440_nand_type = {
    .name       = "s3c2440-nand",
    .desc       = "NAND flash controller",
    .manual     = "S3C2440A User's Manual, chapter 6",
    .bus        = "sys",
    .state_size = sizeof(S3cNand),
    .windows    = nand_windows,
    .props      = nand_props,
    .vmstate    = nand_vmstate,
    .num_irqs   = 1,
    .realize    = nand_realize,
    .reset      = nand_reset,
    .post_load  = nand_post_load,
    .free       = nand_free,
};
