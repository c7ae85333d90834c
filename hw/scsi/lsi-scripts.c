/* SPDX-License-Identifier: MIT */
/*
 * The SCRIPTS processor of an LSI53C895A (Technical Manual v2.2, chapter 5).
 *
 *   DSP --fetch--> DCMD DBC DSPS --> block move, I/O, register, branch, memory
 *                                      |
 *                      REQ? phase? ----+--> go on | wait | jump PMJAD | interrupt
 *
 * An instruction that has to wait for the bus is begun again when something has
 * happened.  A Block Move that has moved some bytes keeps its place in DBC and
 * DNAD; `moving` says so.
 *
 * A turn is bounded, so that no script can hold the emulator; the rest comes
 * from a timer.  Scripts and tables may lie in the on-chip RAM: those accesses
 * do not go over the bus.
 *
 * Not modelled: the target role, prefetch, bursts, bus faults (what is not there
 * reads as all ones).
 */
#include "hw/scsi/lsi-int.h"
#include "util/bits.h"
#include "util/log.h"

/* A turn: this many instructions, or pieces of memory moved. */
enum { TURN = 20000, TURN_PAUSE_US = 50, COPY_STEP = 4096 };

/* -- Memory ------------------------------------------------------------------ */

static uint64_t with_upper(const Lsi *s, uint32_t low, unsigned reg)
{
    if (s->reg[CCNTL1] & CCNTL1_DDAC) {
        return low;
    }
    return low | (uint64_t)lsi_get32(s, reg) << 32;
}

static uint8_t *on_chip(Lsi *s, uint64_t addr, unsigned len)
{
    uint64_t base = s->pci.bar[2].mapped_at;

    if (addr < base || addr - base > LSI_RAM - len) {
        return NULL;
    }
    return s->ram + (addr - base);
}

static void mem_read(Lsi *s, uint64_t addr, void *buf, unsigned len)
{
    const uint8_t *p = on_chip(s, addr, len);

    if (p) {
        memcpy(buf, p, len);
    } else {
        pci_dma_read(&s->pci, addr, buf, len);
    }
}

static void mem_write(Lsi *s, uint64_t addr, const void *buf, unsigned len)
{
    uint8_t *p = on_chip(s, addr, len);

    if (p) {
        memcpy(p, buf, len);
    } else {
        pci_dma_write(&s->pci, addr, buf, len);
    }
}

static uint32_t fetch(Lsi *s, uint64_t addr)
{
    uint8_t b[4];

    mem_read(s, addr, b, 4);
    return (uint32_t)load_le(b, 4);
}

static uint32_t next_dword(Lsi *s)
{
    uint32_t at = lsi_get32(s, DSP);

    lsi_set32(s, DSP, at + 4);
    return fetch(s, with_upper(s, at, SFS));
}

/* Offsets from DSA, DSP: 24 bits with sign. */
static uint32_t relative(uint32_t base, uint32_t offset)
{
    return base + (uint32_t)((int32_t)(offset << 8) >> 8);
}

static uint64_t table_entry(const Lsi *s, uint32_t offset)
{
    return with_upper(s, relative(lsi_get32(s, DSA), offset), DRS);
}

/* -- Running ----------------------------------------------------------------- */

/*
 * While the SCSI core selects, SCRIPTS goes on up to the first instruction that
 * has to wait for the target (5.6.1): a time-out is reported there, and drivers
 * look at DSP.  It is over at once, since nobody will come; SeaBIOS 1.16 needs
 * that with STIME0 0, too, which should mean to wait for ever.
 */
static void wait_for(Lsi *s, LsiRun what)
{
    if (s->selecting) {
        s->selecting = 0;
        lsi_scsi_interrupt(s, SIST_STO);
    } else {
        s->run = (uint8_t)what;
    }
}

void lsi_halt(Lsi *s)
{
    s->run = RUN_HALTED;
    timer_cancel(&s->resume);
}

static void illegal(Lsi *s, const char *why)
{
    log_guest("lsi53c895a", "illegal instruction %08x at 0x%08x: %s",
              lsi_get32(s, DBC), s->insn, why);
    lsi_dma_interrupt(s, DSTAT_IID);
}

/* -- Block Move, 5.5 --------------------------------------------------------- */

enum { MOVE_INDIRECT = 1 << 29, MOVE_TABLE = 1 << 28, MOVE_INITIATOR = 1 << 27 };

/*
 * 64-bit table entries (4.2, CCNTL1): the top byte of the count is either bits
 * 39:32 of the address or the number of a register that has bits 63:32.
 */
static uint64_t table_address(const Lsi *s, uint32_t count, uint32_t low)
{
    unsigned selector = count >> 24 & 0x1f;

    if (!(s->reg[CCNTL1] & CCNTL1_EN64TIBMV)) {
        return with_upper(s, low, SBMS);
    }
    if (s->reg[CCNTL1] & CCNTL1_64TIMOD) {
        return low | (uint64_t)(count >> 24) << 32;
    }
    if (selector < 16) {
        return with_upper(s, low, SCRATCHC + 4 * selector);
    }
    return with_upper(s, low, MMRS + 4 * MIN(selector - 16, 5u));
}

static void jump(Lsi *s, uint32_t to)
{
    lsi_set32(s, DSP, to);
}

/* Count into DBC, address into DNAD and DNAD64. */
static void load_move(Lsi *s, uint32_t cmd, uint32_t arg)
{
    uint32_t count = cmd, low = arg;
    uint64_t addr;

    lsi_set32(s, ESA, s->insn);
    if (cmd & MOVE_TABLE) {
        uint64_t entry = table_entry(s, arg);

        count = fetch(s, entry);
        low = fetch(s, entry + 4);
        addr = table_address(s, count, low);
        lsi_set32(s, ESA, (uint32_t)entry);
    } else if (cmd & MOVE_INDIRECT) {
        low = fetch(s, with_upper(s, arg, SBMS));
        addr = with_upper(s, low, SBMS);
    } else if (s->reg[CCNTL1] & CCNTL1_EN64DBMV) {
        addr = low | (uint64_t)next_dword(s) << 32;
    } else {
        addr = with_upper(s, low, SBMS);
    }
    lsi_set32(s, DBC, (cmd & 0xff000000) | (count & 0xffffff));
    lsi_set32(s, DNAD, (uint32_t)addr);
    lsi_set32(s, DNAD64, (uint32_t)(addr >> 32));
    lsi_set32(s, SBC, 0);
    /* The top byte is the instruction's or the table entry's (4.2, RBC). */
    s->reg[RBC + 3] = (uint8_t)(count >> 24);
    s->moving = 1;
}

static uint32_t left_to_move(const Lsi *s)
{
    return lsi_get32(s, DBC) & 0xffffff;
}

static void advance_move(Lsi *s, uint32_t n)
{
    uint64_t addr = (lsi_get32(s, DNAD) | (uint64_t)lsi_get32(s, DNAD64) << 32) + n;

    lsi_set32(s, DBC, lsi_get32(s, DBC) - n);
    lsi_set32(s, DNAD, (uint32_t)addr);
    lsi_set32(s, DNAD64, (uint32_t)(addr >> 32));
    lsi_set32(s, SBC, lsi_get32(s, SBC) + n);
    if (s->phase <= PHASE_DATA_IN) {
        lsi_set32(s, CSBC, lsi_get32(s, CSBC) + n);
    }
}

/* As much as the target has ready, in the present phase. */
static void move_some(Lsi *s, bool first)
{
    uint64_t addr = lsi_get32(s, DNAD) | (uint64_t)lsi_get32(s, DNAD64) << 32;
    uint32_t left = left_to_move(s), n;
    uint8_t *p;

    n = MIN(lsi_bytes(s, &p), left);
    if (n == 0) {
        s->req = 0;
        return;
    }
    if (s->phase & 1) {                 /* in */
        if (first) {
            s->reg[SFBR] = p[0];
        }
        s->reg[SIDL] = p[n - 1];
        mem_write(s, addr, p, n);
    } else {
        mem_read(s, addr, p, n);
        s->reg[SODL] = p[n - 1];
    }
    advance_move(s, n);
    lsi_moved(s, n, n == left);
}

/* 4.2, CCNTL0; 5.10: jump, or interrupt. */
static void phase_mismatch(Lsi *s, uint32_t cmd)
{
    uint8_t ccntl0 = s->reg[CCNTL0], wanted = cmd >> 24 & 7;
    bool data = wanted <= PHASE_DATA_IN, second;

    s->moving = 0;
    for (int i = 0; i < 3; i++) {
        s->reg[RBC + i] = s->reg[DBC + i];
    }
    lsi_set32(s, UA, lsi_get32(s, DNAD));
    lsi_set32(s, IA, s->insn);
    if (ccntl0 & CCNTL0_ENPMJ && (data || ccntl0 & CCNTL0_ENNDJ)) {
        second = ccntl0 & CCNTL0_PMJCTL ? wanted & 1 : s->reg[SCNTL2] & SCNTL2_WSR;
        lsi_set32(s, DSP, lsi_get32(s, second ? PMJAD2 : PMJAD1));
    } else {
        lsi_scsi_interrupt(s, SIST_MA);
    }
}

static void block_move(Lsi *s, uint32_t cmd, uint32_t arg)
{
    uint8_t wanted = cmd >> 24 & 7;

    if (s->reg[SCNTL0] & SCNTL0_TRG) {
        log_unimp("lsi53c895a", "block move in the target role");
        illegal(s, "target role");
        return;
    }
    if (!s->moving) {
        /* Count 0, which the chip calls illegal, is what SeaBIOS 1.16 moves for
         * commands without data: nothing is done, whatever the phase. */
        load_move(s, cmd, arg);
    } else if (!(cmd & (MOVE_TABLE | MOVE_INDIRECT)) &&
               s->reg[CCNTL1] & CCNTL1_EN64DBMV) {
        next_dword(s);
    }
    while (left_to_move(s) && s->run == RUN_GOING) {
        if (--s->turn <= 0) {
            jump(s, s->insn);           /* the rest is for the next turn */
            return;
        }
        if (wanted == PHASE_MSG_OUT) {
            lsi_offer_message(s);
        }
        if (!s->req) {
            wait_for(s, RUN_WAIT_REQ);
            return;
        }
        if (s->phase != wanted) {
            phase_mismatch(s, cmd);
            return;
        }
        move_some(s, lsi_get32(s, SBC) == 0);
    }
    s->moving = 0;
}

/* -- I/O, 5.6 ---------------------------------------------------------------- */

enum { IO_RELATIVE = 1 << 26, IO_TABLE = 1 << 25, IO_ATN = 1 << 24 };
enum { FLAG_CARRY = 1 << 10, FLAG_TARGET = 1 << 9, FLAG_ACK = 1 << 6, FLAG_ATN = 1 << 3 };

static void select_target(Lsi *s, uint32_t cmd)
{
    unsigned id = cmd >> 16 & 15;

    if (s->reg[SCNTL0] & SCNTL0_TRG) {
        log_unimp("lsi53c895a", "reselect, in the target role");
        illegal(s, "target role");
        return;
    }
    if (cmd & IO_TABLE) {
        uint32_t entry = fetch(s, table_entry(s, cmd));

        lsi_write_reg(s, SXFER, (uint8_t)(entry >> 8));
        lsi_write_reg(s, SCNTL3, (uint8_t)(entry >> 24));
        id = entry >> 16 & 15;
    }
    lsi_let_go(s);
    if (s->connected) {                 /* reselected meanwhile */
        jump(s, lsi_get32(s, DNAD));
        return;
    }
    s->reg[SDID] = (uint8_t)id;
    if (id == LSI_ID || !scsi_has_target(&s->bus, id)) {
        s->selecting = 1;
    } else {
        lsi_select(s, id, cmd & IO_ATN);
    }
}

static void wait_disconnect(Lsi *s)
{
    if (s->connected) {
        wait_for(s, RUN_WAIT_DISCONNECT);
    }
}

/* SIGP is the CPU's way to say that there is work. */
static void wait_reselect(Lsi *s)
{
    if (s->connected || s->reg[ISTAT0] & ISTAT0_SIGP) {
        jump(s, lsi_get32(s, DNAD));
    } else if (!lsi_reselect(s)) {
        wait_for(s, RUN_WAIT_RESELECT);
    }
}

static void set_flags(Lsi *s, uint32_t flags, bool on)
{
    if (flags & FLAG_CARRY) {
        s->carry = on;
    }
    if (flags & FLAG_TARGET) {
        s->reg[SCNTL0] = (uint8_t)((s->reg[SCNTL0] & ~SCNTL0_TRG) | (on ? SCNTL0_TRG : 0));
    }
    if (flags & FLAG_ATN) {
        lsi_set_atn(s, on);
    }
    if (flags & FLAG_ACK) {
        lsi_set_ack(s, on);
    }
}

static void io_instruction(Lsi *s, uint32_t cmd, uint32_t arg)
{
    unsigned opcode = cmd >> 27 & 7;

    if (opcode < 3) {
        lsi_set32(s, DNAD, cmd & IO_RELATIVE ? relative(lsi_get32(s, DSP), arg) : arg);
    }
    switch (opcode) {
    case 0: select_target(s, cmd); break;
    case 1: wait_disconnect(s); break;
    case 2: wait_reselect(s); break;
    case 3: set_flags(s, cmd, true); break;
    default: set_flags(s, cmd, false);
    }
}

/* -- Read/Write, 5.7 --------------------------------------------------------- */

enum { RW_USE_SFBR = 1 << 23 };
enum { TO_REGISTER = 5, TO_SFBR = 6 };

/* Shifts go through Carry; additions set it. */
static uint8_t operate(Lsi *s, unsigned operator, uint8_t a, uint8_t data)
{
    uint8_t carry = s->carry;
    unsigned sum;

    switch (operator) {
    case 0: return data;
    case 1:
        s->carry = a >> 7;
        return (uint8_t)(a << 1 | carry);
    case 2: return a | data;
    case 3: return a ^ data;
    case 4: return a & data;
    case 5:
        s->carry = a & 1;
        return (uint8_t)(a >> 1 | carry << 7);
    default:
        sum = a + data + (operator == 7 ? carry : 0u);
        s->carry = sum > 0xff;
        return (uint8_t)sum;
    }
}

static void read_write(Lsi *s, uint32_t cmd)
{
    unsigned opcode = cmd >> 27 & 7, reg = (cmd >> 16 & 0x7f) | (cmd & 0x80);
    uint8_t data = cmd & RW_USE_SFBR ? s->reg[SFBR] : (uint8_t)(cmd >> 8);
    unsigned operator = cmd >> 24 & 7;
    uint8_t a = 0;

    if (operator) {
        a = opcode == TO_REGISTER ? s->reg[SFBR] : lsi_read_reg(s, reg);
    }
    uint8_t result = operate(s, operator, a, data);
    if (opcode == TO_SFBR || reg == SFBR) {
        s->reg[SFBR] = result;
    } else {
        lsi_write_reg(s, reg, result);
    }
}

/* -- Transfer control, 5.8 --------------------------------------------------- */

enum { TC_RELATIVE = 1 << 23, TC_CARRY = 1 << 21, TC_ON_THE_FLY = 1 << 20, TC_TRUE = 1 << 19,
       TC_DATA = 1 << 18, TC_PHASE = 1 << 17, TC_WAIT = 1 << 16 };
enum { TC_JUMP, TC_CALL, TC_RETURN, TC_INT };

static bool condition(const Lsi *s, uint32_t cmd)
{
    uint8_t care = (uint8_t)~(cmd >> 8), differ = (uint8_t)(s->reg[SFBR] ^ cmd);
    bool is = true;

    if (cmd & TC_CARRY) {
        is = s->carry;
    }
    if (cmd & TC_PHASE) {
        is = is && s->phase == (cmd >> 24 & 7);
    }
    if (cmd & TC_DATA) {
        is = is && !(differ & care);
    }
    return is == ((cmd & TC_TRUE) != 0);
}

static void interrupt(Lsi *s, uint32_t cmd)
{
    if (cmd & TC_ON_THE_FLY) {
        s->reg[ISTAT0] |= ISTAT0_INTF;
        lsi_update_irq(s);
    } else {
        lsi_dma_interrupt(s, DSTAT_SIR);
    }
}

static void transfer_control(Lsi *s, uint32_t cmd, uint32_t arg)
{
    uint32_t dsp = lsi_get32(s, DSP), to = cmd & TC_RELATIVE ? relative(dsp, arg) : arg;

    if (cmd & TC_WAIT && !s->req) {
        wait_for(s, RUN_WAIT_REQ);
        return;
    }
    if (!condition(s, cmd)) {
        return;
    }
    switch (cmd >> 27 & 7) {
    case TC_JUMP:
        jump(s, to);
        break;
    case TC_CALL:
        lsi_set32(s, TEMP, dsp);
        jump(s, to);
        break;
    case TC_RETURN:
        jump(s, lsi_get32(s, TEMP));
        break;
    case TC_INT:
        interrupt(s, cmd);
        break;
    default:
        illegal(s, "no such transfer control");
    }
}

/* -- Memory Move and Load/Store, 5.9, 5.10 ----------------------------------- */

enum { LS_DSA = 1 << 28, LS_LOAD = 1 << 24 };

static void copy(Lsi *s, bool out, bool port, uint64_t addr, uint8_t *buf, uint32_t n)
{
    if (port && s->pci.bus && out) {
        as_write(s->pci.bus->io, addr & 0xffff, buf, n);
    } else if (port && s->pci.bus) {
        as_read(s->pci.bus->io, addr & 0xffff, buf, n);
    } else if (out) {
        mem_write(s, addr, buf, n);
    } else {
        mem_read(s, addr, buf, n);
    }
}

static void memory_move(Lsi *s, uint32_t cmd, uint32_t from)
{
    uint32_t left = cmd & 0xffffff, to = next_dword(s);
    uint8_t dmode = s->reg[DMODE], buf[COPY_STEP];

    lsi_set32(s, TEMP, to);
    if ((from ^ to) & 3) {
        illegal(s, "source and destination are aligned differently");
        return;
    }
    while (left) {
        uint32_t n = MIN(left, COPY_STEP);

        copy(s, false, dmode & DMODE_SIOM, with_upper(s, from, MMRS), buf, n);
        copy(s, true, dmode & DMODE_DIOM, with_upper(s, to, MMWS), buf, n);
        from += n;
        to += n;
        left -= n;
        s->turn--;
    }
}

static void load_store(Lsi *s, uint32_t cmd, uint32_t arg)
{
    unsigned reg = cmd >> 16 & 0xff, n = cmd & 7;
    uint64_t addr = cmd & LS_DSA ? table_entry(s, arg) : with_upper(s, arg, MMRS);
    uint8_t buf[4];

    if (n == 0 || (reg & 3) + n > 4) {
        illegal(s, "registers of more than one word");
        return;
    }
    if (cmd & LS_LOAD) {
        mem_read(s, addr, buf, n);
        for (unsigned i = 0; i < n; i++) {
            lsi_write_reg(s, reg + i, buf[i]);
        }
    } else {
        for (unsigned i = 0; i < n; i++) {
            buf[i] = lsi_read_reg(s, reg + i);
        }
        mem_write(s, addr, buf, n);
    }
}

/* -- One instruction after another ------------------------------------------- */

static void execute(Lsi *s, uint32_t cmd, uint32_t arg)
{
    switch (cmd >> 29) {
    case 0:
    case 1:
        block_move(s, cmd, arg);
        break;
    case 2:
    case 3:
        if ((cmd >> 27 & 7) < 5) {
            io_instruction(s, cmd, arg);
        } else {
            read_write(s, cmd);
        }
        break;
    case 4:
    case 5:
        transfer_control(s, cmd, arg);
        break;
    case 6:
        memory_move(s, cmd, arg);
        break;
    default:
        load_store(s, cmd, arg);
    }
}

static void step(Lsi *s)
{
    s->insn = lsi_get32(s, DSP);
    uint32_t cmd = next_dword(s), arg = next_dword(s);

    if (!s->moving) {
        lsi_set32(s, DBC, cmd);
    }
    lsi_set32(s, DSPS, arg);
    if (log_on(LOG_TRACE)) {
        log_put(LOG_TRACE, "lsi53c895a: %08x: %08x %08x, phase %d%s\n", s->insn, cmd, arg,
                s->phase, s->req ? " REQ" : "");
    }
    execute(s, cmd, arg);
    if (s->reg[DCNTL] & DCNTL_SSM && s->run == RUN_GOING) {
        lsi_dma_interrupt(s, DSTAT_SSI);
    }
}

static void take_turn(Lsi *s)
{
    if (s->inside) {
        return;
    }
    s->inside = true;
    for (s->turn = TURN; s->turn > 0 && s->run == RUN_GOING; s->turn--) {
        step(s);
    }
    s->inside = false;
    if (s->run == RUN_GOING) {
        timer_set(&s->resume, clock_now(s->pci.dev.clock) + TURN_PAUSE_US * NS_PER_US);
    }
}

void lsi_start(Lsi *s)
{
    timer_cancel(&s->resume);
    s->moving = s->selecting = 0;
    s->run = RUN_GOING;
    take_turn(s);
}

void lsi_next_turn(void *opaque)
{
    take_turn(opaque);
}

void lsi_resume(Lsi *s)
{
    if (s->run > RUN_GOING) {
        lsi_set32(s, DSP, s->insn);
        s->run = RUN_GOING;
        take_turn(s);
    }
}
