/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the LSI53C895A (Technical Manual v2.2; section numbers in
 * the three files are its).
 *
 *     guest -- registers --> lsi53c895a.c
 *                               |  start, abort         ^ interrupts
 *                               v                       |
 *     memory <-- fetch -- lsi-scripts.c: one instruction after another
 *                               |  bytes of a phase     ^ phase, REQ, bus free
 *                               v                       |
 *                          lsi-target.c: the wires, and the targets on them
 *                               |                       ^
 *                               v  scsi.h               | wake
 *                             scsi-hd, scsi-cd
 *
 * The registers are bytes in reg[], at the manual's offsets.
 *
 * SCRIPTS runs until it must wait for a target, halts, or has used up its turn;
 * then it goes on when there is something new (lsi_resume) or from a timer.
 * While it waits, `insn` is the instruction that does and DSP is behind it.
 */
#ifndef HW_SCSI_LSI_INT_H
#define HW_SCSI_LSI_INT_H

#include "hw/core/pci.h"
#include "hw/scsi/scsi.h"

/* Chapter 4: registers. */
enum {
    SCNTL0 = 0x00, SCNTL1 = 0x01, SCNTL2 = 0x02, SCNTL3 = 0x03, SCID = 0x04,
    SXFER = 0x05, SDID = 0x06, GPREG = 0x07, SFBR = 0x08, SOCL = 0x09, SSID = 0x0a,
    SBCL = 0x0b, DSTAT = 0x0c, SSTAT0 = 0x0d, SSTAT1 = 0x0e, SSTAT2 = 0x0f, DSA = 0x10,
    ISTAT0 = 0x14, ISTAT1 = 0x15, MBOX0 = 0x16, MBOX1 = 0x17, CTEST0 = 0x18,
    CTEST1 = 0x19, CTEST2 = 0x1a, CTEST3 = 0x1b, TEMP = 0x1c, DFIFO = 0x20,
    CTEST4 = 0x21, CTEST5 = 0x22, CTEST6 = 0x23, DBC = 0x24, DCMD = 0x27, DNAD = 0x28,
    DSP = 0x2c, DSPS = 0x30, SCRATCHA = 0x34, DMODE = 0x38, DIEN = 0x39, SBR = 0x3a,
    DCNTL = 0x3b, ADDER = 0x3c, SIEN0 = 0x40, SIEN1 = 0x41, SIST0 = 0x42, SIST1 = 0x43,
    SLPAR = 0x44, SWIDE = 0x45, MACNTL = 0x46, GPCNTL = 0x47, STIME0 = 0x48,
    STIME1 = 0x49, RESPID0 = 0x4a, RESPID1 = 0x4b, STEST0 = 0x4c, STEST1 = 0x4d,
    STEST2 = 0x4e, STEST3 = 0x4f, SIDL = 0x50, STEST4 = 0x52, SODL = 0x54,
    CCNTL0 = 0x56, CCNTL1 = 0x57, SBDL = 0x58, SCRATCHB = 0x5c, SCRATCHC = 0x60,
    MMRS = 0xa0, MMWS = 0xa4, SFS = 0xa8, DRS = 0xac, SBMS = 0xb0, DBMS = 0xb4,
    DNAD64 = 0xb8, PMJAD1 = 0xc0, PMJAD2 = 0xc4, RBC = 0xc8, UA = 0xcc, ESA = 0xd0,
    IA = 0xd4, SBC = 0xd8, CSBC = 0xdc,
};

enum { SCNTL0_START = 0x20, SCNTL0_WATN = 0x10, SCNTL0_TRG = 0x01 };
enum { SCNTL1_CON = 0x10, SCNTL1_RST = 0x08, SCNTL1_IARB = 0x02 };
enum { SCNTL2_SDU = 0x80, SCNTL2_WSS = 0x08, SCNTL2_WSR = 0x01 };
enum { DSTAT_DFE = 0x80, DSTAT_BF = 0x20, DSTAT_ABRT = 0x10, DSTAT_SSI = 0x08,
       DSTAT_SIR = 0x04, DSTAT_IID = 0x01 };
enum { ISTAT0_ABRT = 0x80, ISTAT0_SRST = 0x40, ISTAT0_SIGP = 0x20, ISTAT0_SEM = 0x10,
       ISTAT0_CON = 0x08, ISTAT0_INTF = 0x04, ISTAT0_SIP = 0x02, ISTAT0_DIP = 0x01 };
enum { ISTAT1_SRUN = 0x02, ISTAT1_SI = 0x01 };
/* SIST1 << 8 | SIST0, and SIEN likewise. */
enum { SIST_MA = 0x80, SIST_CMP = 0x40, SIST_SEL = 0x20, SIST_RSL = 0x10, SIST_SGE = 0x08,
       SIST_UDC = 0x04, SIST_RST = 0x02, SIST_PAR = 0x01, SIST_STO = 0x400,
       SIST_GEN = 0x200, SIST_HTH = 0x100 };
enum { DMODE_SIOM = 0x20, DMODE_DIOM = 0x10, DMODE_MAN = 0x01 };
enum { DCNTL_SSM = 0x10, DCNTL_STD = 0x04, DCNTL_IRQD = 0x02, DCNTL_COM = 0x01 };
enum { SSTAT0_WOA = 0x04, SSTAT0_RST = 0x02, SSTAT2_LDSC = 0x02 };
enum { CCNTL0_ENPMJ = 0x80, CCNTL0_PMJCTL = 0x40, CCNTL0_ENNDJ = 0x20 };
enum { CCNTL1_DDAC = 0x08, CCNTL1_64TIMOD = 0x04, CCNTL1_EN64TIBMV = 0x02,
       CCNTL1_EN64DBMV = 0x01 };
enum { STEST1_DBLEN = 0x08, STEST4_LVD = 0xc0, STEST4_LOCK = 0x20 };

/* MSG, C/D, I/O as in SOCL, SSTAT1 and an instruction. */
enum { PHASE_DATA_OUT, PHASE_DATA_IN, PHASE_COMMAND, PHASE_STATUS,
       PHASE_MSG_OUT = 6, PHASE_MSG_IN = 7 };

enum { LSI_RAM = 8 << 10, LSI_ID = 7, LSI_MSG = 16 };

typedef enum LsiRun {
    RUN_HALTED, RUN_GOING,
    RUN_WAIT_REQ,                       /* for the target's next byte */
    RUN_WAIT_RESELECT, RUN_WAIT_DISCONNECT,
    RUN_NUM
} LsiRun;

/* What a target does when its messages in have been taken. */
typedef enum LsiAfter {
    AFTER_RESUME, AFTER_BUS_FREE, AFTER_DISCONNECT, AFTER_NUM
} LsiAfter;

typedef struct Lsi {
    PCIDevice pci;
    SCSIBus bus;
    uint8_t reg[0x100];
    uint8_t ram[LSI_RAM];

    /* SCRIPTS */
    uint8_t run;                        /* LsiRun */
    uint8_t carry;
    uint8_t moving;                     /* a Block Move has begun: DBC, DNAD count */
    uint8_t selecting;                  /* somebody who is not there */
    bool inside;                        /* the engine is on the stack */
    int turn;                           /* what is left of its turn */
    uint32_t insn;                      /* address of the present instruction */
    Timer resume;                       /* the next turn */
    Timer general;

    /* The wires */
    uint8_t connected, atn, ack, phase, req;
    uint8_t target, lun;
    uint8_t identified;                 /* IDENTIFY came: lun, may_disconnect */
    uint8_t may_disconnect, has_command;
    uint32_t tag;
    uint8_t cdb[SCSI_MAX_CDB];
    uint8_t cdb_len;
    uint8_t status;                     /* without a request: TASK SET FULL */
    uint8_t in[LSI_MSG], in_pos, in_len, after;
    uint8_t out[LSI_MSG], out_len;
    uint32_t sequence;                  /* who asked for the bus first */
    SCSIRequest *request;               /* of the connection; NULL: look it up */
} Lsi;

static inline uint32_t lsi_get32(const Lsi *s, unsigned r)
{
    return s->reg[r] | (uint32_t)s->reg[r + 1] << 8 | (uint32_t)s->reg[r + 2] << 16 |
           (uint32_t)s->reg[r + 3] << 24;
}

static inline void lsi_set32(Lsi *s, unsigned r, uint32_t v)
{
    s->reg[r] = (uint8_t)v;
    s->reg[r + 1] = (uint8_t)(v >> 8);
    s->reg[r + 2] = (uint8_t)(v >> 16);
    s->reg[r + 3] = (uint8_t)(v >> 24);
}

/* -- lsi53c895a.c ------------------------------------------------------------ */

/* One register as the CPU or SCRIPTS sees it, with side effects. */
uint8_t lsi_read_reg(Lsi *s, unsigned r);
void lsi_write_reg(Lsi *s, unsigned r, uint8_t val);
void lsi_scsi_interrupt(Lsi *s, uint16_t sist);
void lsi_dma_interrupt(Lsi *s, uint8_t dstat);
void lsi_update_irq(Lsi *s);

/* -- lsi-scripts.c ----------------------------------------------------------- */

void lsi_start(Lsi *s);                 /* at DSP */
void lsi_halt(Lsi *s);
void lsi_resume(Lsi *s);                /* something it may wait for has happened */
void lsi_next_turn(void *opaque);       /* of the timer `resume` */

/* -- lsi-target.c ------------------------------------------------------------ */

void lsi_select(Lsi *s, unsigned id, bool atn);     /* somebody is there */
void lsi_offer_message(Lsi *s);         /* SCRIPTS is about to move a message out */
void lsi_let_go(Lsi *s);                /* SCRIPTS is about to select */
bool lsi_reselect(Lsi *s);              /* a disconnected target, if one wants */
/* Bytes of the present phase, while REQ: *p is where they are, or room for them;
 * then lsi_moved(), last if the instruction wants no more. */
uint32_t lsi_bytes(Lsi *s, uint8_t **p);
void lsi_moved(Lsi *s, uint32_t n, bool last);
void lsi_set_atn(Lsi *s, bool on);
void lsi_set_ack(Lsi *s, bool on);
void lsi_wires_reset(Lsi *s);           /* everybody forgets everything */
extern const SCSIHostOps lsi_host_ops;

#endif
