/* SPDX-License-Identifier: MIT */
/*
 * LSI53C895A by its Technical Manual (v2.2), with small SCRIPTS programs in RAM
 * and a SCSI disk at target 2.
 */
#include "hw/scsi/lsi.h"

#include "hw/scsi/lsi-int.h"
#include "tests/unit/chip-test.h"
#include "tests/unit/scsi-disk.h"

enum { BLOCKS = 4096, RAM_SIZE = 2 << 20, TARGET = 2 };
enum { SCRIPT = 0x1000, TABLE = 0x2000, MESSAGE = 0x3000, COMMAND = 0x3100, STATUS = 0x3200,
       MSG_IN = 0x3300, DATA = 0x10000 };
enum { REGISTERS = 0xe0000000, ON_CHIP = 0xe0002000 };

/* -- The test bed ------------------------------------------------------------ */

static AddressSpace *mem, *io;
static RAMBlock *ram;
static MemoryRegion ram_region;
static PCIBus *bus;
static Device *lsi, *disk;
static TestDrive drive;
static int irq;

static int map_irq(void *opaque, int slot, int pin)
{
    (void)opaque;
    (void)slot;
    return pin;
}

static void set_irq(void *opaque, int line, int level)
{
    (void)opaque;
    (void)line;
    irq = level;
}

static uint8_t rd8(unsigned r) { return (uint8_t)as_load(mem, REGISTERS + r, 1); }
static uint16_t rd16(unsigned r) { return (uint16_t)as_load(mem, REGISTERS + r, 2); }
static uint32_t rd32(unsigned r) { return (uint32_t)as_load(mem, REGISTERS + r, 4); }
static void wr8(unsigned r, uint8_t v) { as_store(mem, REGISTERS + r, v, 1); }
static void wr32(unsigned r, uint32_t v) { as_store(mem, REGISTERS + r, v, 4); }
static uint32_t get32(uint32_t at) { return (uint32_t)load_le(ram->host + at, 4); }
static void put32(uint32_t at, uint32_t v) { store_le(ram->host + at, v, 4); }

static Lsi *chip(void) { return (Lsi *)lsi; }

static void start_bed(void)
{
    Error err = { "" };

    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    ram = ram ? ram : ram_block_new("test.ram", RAM_SIZE);
    memset(ram->host, 0, RAM_SIZE);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    bus = pci_bus_new(mem, io);
    bus->map_irq = map_irq;
    bus->set_irq = set_irq;
    lsi = device_new(&lsi53c895a_type, "lsi", &clock_, mem, io);
    CHECK_EQ(pci_plug(bus, (PCIDevice *)lsi, 8, &err), 0);
    CHECK_EQ(device_realize(lsi, &err), 0);
    device_reset(lsi);
    pci_config_write(bus, 8, PCI_BAR0, 0xc000, 4);
    pci_config_write(bus, 8, PCI_BAR0 + 4, REGISTERS, 4);
    pci_config_write(bus, 8, PCI_BAR0 + 8, ON_CHIP, 4);
    pci_config_write(bus, 8, PCI_COMMAND, 7, 2);
    drive = drive_new("test0", BLOCKS, 512, BDRV_O_RDWR);
    disk = device_new(&scsi_hd_type, NULL, &clock_, NULL, NULL);
    chip_link(disk, "bus", lsi);
    chip_link(disk, "drive", drive.blk);
    chip_prop(disk, "scsi-id", "2");
    CHECK_EQ(device_realize(disk, &err), 0);
    device_reset(disk);
    wr8(DIEN, 0x7f);
    wr8(SIEN0, 0x8f);
    wr8(SIEN1, 0x04);
}

static void stop_bed(void)
{
    device_free(disk);
    pci_unplug((PCIDevice *)lsi);
    device_free(lsi);
    drive_free(&drive);
    free(bus);
    region_unmap(&ram_region);
    as_free(io);
    as_free(mem);
}

/* -- Assembler --------------------------------------------------------------- */

static uint32_t here;                   /* where the next instruction goes */

static uint32_t op(uint32_t cmd, uint32_t arg)
{
    put32(here, cmd);
    put32(here + 4, arg);
    here += 8;
    return here - 8;
}

#define MOVE(phase, len)    (0x08000000 | (phase) << 24 | (len))
#define MOVE_TBL(phase)     (0x18000000 | (phase) << 24)
#define SELECT_ATN(id)      (0x41000000 | (uint32_t)(id) << 16)
#define SELECT_TBL_ATN      0x43000000
#define WAIT_DISCONNECT     0x48000000
#define WAIT_RESELECT       0x50000000
#define SET_FLAGS           0x58000000
#define CLEAR_FLAGS         0x60000000
#define TO_SFBR(reg)        (0x72000000 | (reg) << 16)          /* OR 0 */
#define REG_OP(reg, o, d)   (0x78000000 | (o) << 24 | (uint32_t)(reg) << 16 | (d) << 8)
#define JUMP                0x80080000
#define JUMP_PHASE(p)       (0x800b0000 | (p) << 24)            /* when, if true */
#define JUMP_NOT_PHASE(p)   (0x80030000 | (p) << 24)
#define JUMP_DATA(d)        (0x800c0000 | (d))
#define CALL                0x88080000
#define RETURN              0x90080000
#define INT                 0x98080000
#define INT_FLY             0x98180000
#define LOAD(reg, n)        (0xe1000000 | (uint32_t)(reg) << 16 | (n))
#define STORE(reg, n)       (0xe0000000 | (uint32_t)(reg) << 16 | (n))
#define DSA_RELATIVE        0x10000000
enum { DO, DI, CMD, ST, MO = 6, MI };
enum { ACK = 0x40, ATN = 0x08, CARRY = 0x400 };

static void begin(void) { here = SCRIPT; }

static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        blk_drain_all();
        clock_step(&clock_, NS_PER_MS);
    }
}

static void run(void)
{
    wr32(DSP, SCRIPT);
    settle();
}

/* SCRIPTS stopped at INT n. */
static void check_int(uint32_t n)
{
    CHECK_EQ(rd8(ISTAT0) & 3, 1);       /* DIP only */
    CHECK_EQ(irq, 1);
    CHECK_EQ(rd8(DSTAT), 0x84);
    CHECK_EQ(rd32(DSPS), n);
    CHECK_EQ(irq, 0);
}

/* -- Registers --------------------------------------------------------------- */

TEST(identity_and_reset_values)
{
    start_bed();
    CHECK_EQ(pci_config_read(bus, 8, 0, 4), 0x00121000);
    CHECK_EQ(pci_config_read(bus, 8, PCI_CLASS, 2), 0x0100);
    CHECK_EQ(rd8(SCNTL0), 0xc0);
    CHECK_EQ(rd8(DSTAT), 0x80);
    CHECK_EQ(rd8(STEST4) & 0xc0, 0xc0);
    CHECK_EQ(as_load(io, 0xc000, 1), 0xc0);     /* in port space */
    wr32(SCRATCHA, 0x12345678);
    CHECK_EQ(rd8(SCRATCHA + 2), 0x34);
    CHECK_EQ(as_load(mem, REGISTERS + 0x100 + SCRATCHA, 4), 0x12345678);
    wr32(DSTAT, 0xffffffff);
    CHECK_EQ(rd8(DSTAT), 0x80);         /* read only */
    as_store(mem, ON_CHIP + 0x1ffc, 0xcafe, 4);
    CHECK_EQ(as_load(mem, ON_CHIP + 0x1ffc, 4), 0xcafe);
    wr8(ISTAT0, 0x40);                  /* SRST */
    CHECK_EQ(rd32(SCRATCHA), 0);
    CHECK_EQ(as_load(mem, ON_CHIP + 0x1ffc, 4), 0xcafe);
    stop_bed();
}

/* 4.2, STIME1: code n is 125 us * 2^(n-1). */
TEST(general_purpose_timer)
{
    start_bed();
    wr8(STIME1, 4);
    clock_step(&clock_, 999000);
    CHECK_EQ(rd8(SIST1), 0);
    clock_step(&clock_, 2000);
    CHECK_EQ(irq, 0);                   /* not enabled */
    CHECK_EQ(rd8(SIST1), 2);
    CHECK_EQ(rd8(SIST1), 0);
    stop_bed();
}

/* SCNTL1 RST: interrupt, SSTAT0 shows it as long as it lasts. */
TEST(bus_reset)
{
    start_bed();
    wr8(SCNTL1, 8);
    CHECK_EQ(rd8(SSTAT0) & 2, 2);
    CHECK_EQ(irq, 1);
    CHECK_EQ(rd16(SIST0), 2);
    wr8(SCNTL1, 0);
    CHECK_EQ(rd8(SSTAT0) & 2, 0);
    CHECK_EQ(irq, 0);
    stop_bed();
}

/* -- Instructions without a bus ---------------------------------------------- */

TEST(interrupt_instruction)
{
    start_bed();
    begin();
    op(INT, 0x1234);
    run();
    CHECK_EQ(rd32(DSP), SCRIPT + 8);
    check_int(0x1234);
    stop_bed();
}

TEST(interrupt_on_the_fly)
{
    start_bed();
    begin();
    op(INT_FLY, 0);
    op(INT, 7);
    run();
    CHECK_EQ(rd8(ISTAT0) & 7, 5);
    rd8(DSTAT);
    CHECK_EQ(irq, 1);
    wr8(ISTAT0, 4);                     /* writing 1 clears it */
    CHECK_EQ(irq, 0);
    stop_bed();
}

TEST(load_store_and_memory_move)
{
    start_bed();
    begin();
    put32(DATA, 0xa1b2c3d4);
    wr32(DSA, DATA + 0x100);
    op(LOAD(SCRATCHA, 4) | DSA_RELATIVE, 0xffff00);     /* DSA - 0x100 */
    op(STORE(SCRATCHA + 1, 2), DATA + 4);
    put32(here + 8, DATA + 0x20);
    op(0xc0000000 | 6, DATA);
    here += 4;
    op(LOAD(SCRATCHB + 2, 3), DATA);                    /* crosses a word */
    run();
    CHECK_EQ(rd32(SCRATCHA), 0xa1b2c3d4);
    CHECK_EQ(get32(DATA + 4), 0xb2c3);
    CHECK_EQ(get32(DATA + 0x20), 0xa1b2c3d4);
    CHECK_EQ(get32(DATA + 0x24), 0xb2c3);
    CHECK_EQ(rd8(DSTAT), 0x81);         /* illegal instruction */
    stop_bed();
}

/* 5.7.1: the eight operators; shifts and additions use Carry. */
TEST(register_operations)
{
    static const struct { uint8_t operator, a, data, carry, result, carry_after; } rows[] = {
        { 0, 0x12, 0x55, 0, 0x55, 0 }, { 1, 0x81, 0, 0, 0x02, 1 }, { 1, 0x01, 0, 1, 0x03, 0 },
        { 2, 0x12, 0x81, 0, 0x93, 0 }, { 3, 0x12, 0xff, 0, 0xed, 0 },
        { 4, 0x1f, 0xf1, 1, 0x11, 1 }, { 5, 0x81, 0, 0, 0x40, 1 }, { 5, 0x02, 0, 1, 0x81, 0 },
        { 6, 0xff, 0x02, 0, 0x01, 1 }, { 6, 0x10, 0x02, 1, 0x12, 0 },
        { 7, 0x10, 0x02, 1, 0x13, 0 }, { 7, 0xff, 0x00, 1, 0x00, 1 },
    };

    start_bed();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin();
        op(rows[i].carry ? SET_FLAGS | CARRY : CLEAR_FLAGS | CARRY, 0);
        op(REG_OP(SCRATCHA, rows[i].operator, rows[i].data), 0);
        op(0x80280000, here + 16);      /* jump if Carry */
        op(INT, 0);
        op(INT, 1);
        wr8(SCRATCHA, rows[i].a);
        run();
        CHECK_EQ(rd8(SCRATCHA), rows[i].result);
        check_int(rows[i].carry_after);
    }
    stop_bed();
}

TEST(branches)
{
    start_bed();
    begin();
    wr8(SCRATCHA, 0x5a);
    op(TO_SFBR(SCRATCHA), 0);
    op(0x800c0f00 | 0x53, here + 16);   /* compare with mask 0x0f: true */
    op(INT, 1);
    op(0x80840000 | 0x5a, 8);           /* relative, if not equal: no */
    op(CALL, SCRIPT + 0x100);
    op(INT, 2);
    here = SCRIPT + 0x100;
    op(RETURN, 0);
    run();
    CHECK_EQ(rd32(TEMP), SCRIPT + 5 * 8);
    check_int(2);
    stop_bed();
}

TEST(single_step)
{
    start_bed();
    begin();
    op(REG_OP(SCRATCHA, 6, 1), 0);
    op(REG_OP(SCRATCHA, 6, 1), 0);
    wr8(DCNTL, 0x10);
    run();
    CHECK_EQ(rd8(SCRATCHA), 1);
    CHECK_EQ(rd8(DSTAT), 0x88);         /* SSI */
    wr8(DCNTL, 0x14);                   /* STD */
    CHECK_EQ(rd8(SCRATCHA), 2);
    stop_bed();
}

/* DMODE MAN: DSP does not start; STD does. */
TEST(manual_start)
{
    start_bed();
    begin();
    op(INT, 3);
    wr8(DMODE, 1);
    run();
    CHECK_EQ(rd8(ISTAT0) & 1, 0);
    wr8(DCNTL, 4);
    check_int(3);
    stop_bed();
}

/* A script without end leaves time for others, and can be aborted. */
TEST(endless_loop)
{
    start_bed();
    begin();
    op(REG_OP(SCRATCHA, 6, 1), 0);
    op(JUMP, SCRIPT);
    run();
    CHECK_EQ(rd8(ISTAT1) & 2, 2);       /* SRUN */
    wr8(ISTAT0, 0x80);
    CHECK_EQ(rd8(ISTAT1) & 2, 0);
    CHECK_EQ(rd8(DSTAT), 0x90);
    wr8(ISTAT0, 0);
    stop_bed();
}

/* Moving memory for ever takes turns, too. */
TEST(endless_memory_moves)
{
    start_bed();
    begin();
    op(REG_OP(SCRATCHA, 6, 1), 0);
    put32(here + 8, DATA);
    op(0xc0ffffff, DATA);
    here += 4;
    op(JUMP, SCRIPT);
    wr32(DSP, SCRIPT);
    CHECK_EQ(rd8(ISTAT1) & 2, 2);
    CHECK(rd8(SCRATCHA) >= 1 && rd8(SCRATCHA) < 10);
    stop_bed();
}

/* Without Bus Master Enable nothing is fetched. */
TEST(not_a_bus_master)
{
    start_bed();
    begin();
    op(INT, 3);
    pci_config_write(bus, 8, PCI_COMMAND, 3, 2);
    run();
    CHECK(rd8(DSTAT) != 0x84);
    stop_bed();
}

TEST(scripts_in_on_chip_ram)
{
    start_bed();
    as_store(mem, ON_CHIP + 0x40, INT, 4);
    as_store(mem, ON_CHIP + 0x44, 99, 4);
    wr32(DSP, ON_CHIP + 0x40);
    check_int(99);
    stop_bed();
}

/* -- The bus ----------------------------------------------------------------- */

static void set_message(const uint8_t *m, uint32_t len)
{
    memcpy(ram->host + MESSAGE, m, len);
}

#define MESSAGE_IS(...)                                                          \
    set_message((const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static void set_cdb(uint8_t opcode, uint32_t lba, uint8_t num)
{
    uint8_t *cdb = ram->host + COMMAND;

    memset(cdb, 0, 10);
    cdb[0] = opcode;
    store_be(cdb + 2, lba, 4);
    cdb[8] = num;
}

/* Status, COMMAND COMPLETE, bus free, INT n. */
static void op_end(uint32_t n)
{
    op(MOVE(ST, 1), STATUS);
    op(MOVE(MI, 1), MSG_IN);
    op(REG_OP(SCNTL2, 4, 0x7f), 0);
    op(CLEAR_FLAGS | ACK, 0);
    op(WAIT_DISCONNECT, 0);
    op(INT, n);
}

/* Take the unit attention of power-on. */
static void take_attention(void)
{
    begin();
    MESSAGE_IS(0x80);
    memset(ram->host + COMMAND, 0, 6);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 1), MESSAGE);
    op(MOVE(CMD, 6), COMMAND);
    op_end(1);
    run();
    check_int(1);
    CHECK_EQ(ram->host[STATUS], 0x02);
    CHECK_EQ(rd8(ISTAT0) & 8, 0);
}

static void bed_with_disk(void)
{
    start_bed();
    take_attention();
    begin();
}

/* 5.6.1: nobody answers: STO where SCRIPTS waits for the target. */
TEST(selection_timeout)
{
    start_bed();
    begin();
    wr8(STIME0, 0x0c);
    op(SELECT_ATN(5), 0);
    op(REG_OP(SCRATCHA, 0, 9), 0);
    op(0x98030000 | MO << 24, 77);      /* INT when not message out */
    run();
    CHECK_EQ(rd8(SCRATCHA), 9);
    CHECK_EQ(rd8(ISTAT0) & 3, 2);
    CHECK_EQ(rd32(DSP), SCRIPT + 3 * 8);
    CHECK_EQ(rd16(SIST0), 0x400);
    stop_bed();
}

/* IDENTIFY without disconnect: the target stays, SCRIPTS waits for REQ. */
TEST(read_connected)
{
    bed_with_disk();
    MESSAGE_IS(0x80);
    set_cdb(0x28, 40, 3);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 1), MESSAGE);
    op(MOVE(CMD, 10), COMMAND);
    op(MOVE(DI, 1000), DATA);
    op(MOVE(DI, 536), DATA + 1000);
    op_end(2);
    wr32(DSP, SCRIPT);
    CHECK_EQ(rd8(ISTAT0) & 8, 8);       /* CON */
    CHECK_EQ(rd8(ISTAT0) & 3, 0);
    settle();
    check_int(2);
    CHECK_EQ(ram->host[STATUS], 0);
    CHECK_EQ(ram->host[MSG_IN], 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(get32(DATA + i * 512), 40 + i);
    }
    CHECK_EQ(rd8(ISTAT0) & 8, 0);
    stop_bed();
}

TEST(write_connected)
{
    uint8_t sector[512];

    bed_with_disk();
    MESSAGE_IS(0x80);
    set_cdb(0x2a, 41, 1);
    memset(ram->host + DATA, 0x99, 512);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 1), MESSAGE);
    op(MOVE(CMD, 10), COMMAND);
    op(MOVE(DO, 512), DATA);
    op_end(3);
    run();
    check_int(3);
    CHECK_EQ(ram->host[STATUS], 0);
    CHECK_EQ(blk_pread(drive.blk, 41 * 512, sector, 512), 0);
    CHECK(sector[0] == 0x99 && sector[511] == 0x99);
    stop_bed();
}

/* Select and move by tables, relative to DSA; the table sets SXFER and SCNTL3. */
TEST(table_indirect)
{
    bed_with_disk();
    MESSAGE_IS(0x80);
    set_cdb(0x28, 7, 1);
    wr32(DSA, TABLE);
    put32(TABLE, 0x95000000 | TARGET << 16 | 0x1f00);
    put32(TABLE + 8, 1);
    put32(TABLE + 12, MESSAGE);
    put32(TABLE + 16, 10);
    put32(TABLE + 20, COMMAND);
    put32(TABLE + 24, 512);
    put32(TABLE + 28, DATA);
    op(SELECT_TBL_ATN, 0);
    op(MOVE_TBL(MO), 8);
    op(MOVE_TBL(CMD), 16);
    op(MOVE_TBL(DI), 24);
    op_end(4);
    run();
    check_int(4);
    CHECK_EQ(get32(DATA), 7);
    CHECK_EQ(rd8(SXFER), 0x1f);
    CHECK_EQ(rd8(SCNTL3), 0x95);
    CHECK_EQ(rd8(SDID), TARGET);
    stop_bed();
}

/* 2.2.14: the target has less than the script wants. */
static void op_short_read(void)
{
    MESSAGE_IS(0x80);
    set_cdb(0x28, 7, 1);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 1), MESSAGE);
    op(MOVE(CMD, 10), COMMAND);
}

TEST(phase_mismatch_interrupt)
{
    bed_with_disk();
    op_short_read();
    uint32_t move = op(MOVE(DI, 600), DATA);
    run();
    CHECK_EQ(rd8(ISTAT0) & 3, 2);
    CHECK_EQ(rd16(SIST0), 0x80);        /* M/A */
    CHECK_EQ(rd32(DSP), move + 8);
    CHECK_EQ(rd32(DBC) & 0xffffff, 88);
    CHECK_EQ(rd32(DNAD), DATA + 512);
    CHECK_EQ(rd8(SSTAT1) & 7, ST);
    /* bytes in the DMA FIFO, as drivers compute them: none */
    CHECK_EQ((rd8(DFIFO) - rd8(DBC)) & 0x7f, 0);
    begin();
    op_end(5);
    run();
    check_int(5);
    stop_bed();
}

/* CCNTL0 ENPMJ: SCRIPTS handles it; RBC, UA, IA say where it was. */
TEST(phase_mismatch_jump)
{
    bed_with_disk();
    op_short_read();
    uint32_t move = op(MOVE(DI, 600), DATA);
    op(INT, 1);
    wr32(PMJAD1, SCRIPT + 0x200);
    wr32(PMJAD2, SCRIPT + 0x300);
    wr8(CCNTL0, 0xc0);
    here = SCRIPT + 0x200;
    op(INT, 2);
    here = SCRIPT + 0x300;
    op(STORE(RBC, 4), DATA + 0x1000);
    op(STORE(UA, 4), DATA + 0x1004);
    op(STORE(IA, 4), DATA + 0x1008);
    op_end(6);
    run();
    check_int(6);
    CHECK_EQ(get32(DATA + 0x1000) & 0xffffff, 88);
    CHECK_EQ(get32(DATA + 0x1004), DATA + 512);
    CHECK_EQ(get32(DATA + 0x1008), move);
    CHECK_EQ(rd32(SBC), 1);             /* of the last Block Move */
    stop_bed();
}

/* An instruction that goes on although the target leaves: UDC. */
TEST(unexpected_disconnect)
{
    bed_with_disk();
    MESSAGE_IS(0x80, 0x06);             /* IDENTIFY, ABORT */
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 2), MESSAGE);
    op(MOVE(CMD, 6), COMMAND);
    run();
    CHECK_EQ(rd16(SIST0), 0x04);
    CHECK_EQ(rd8(ISTAT0) & 8, 0);
    stop_bed();
}

/* -- Messages ---------------------------------------------------------------- */

static void check_negotiation(const uint8_t *m, uint32_t len, const uint8_t *reply,
                              uint32_t reply_len)
{
    begin();
    ram->host[MESSAGE] = 0x80;
    memcpy(ram->host + MESSAGE + 1, m, len);
    memset(ram->host + COMMAND, 0, 6);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, len + 1), MESSAGE);
    op(MOVE(MI, reply_len), DATA);
    op(CLEAR_FLAGS | ACK, 0);
    op(MOVE(CMD, 6), COMMAND);
    op_end(8);
    run();
    check_int(8);
    CHECK(!memcmp(ram->host + DATA, reply, reply_len));
}

#define NEGOTIATE(m, reply)                                                      \
    check_negotiation((const uint8_t[])m, sizeof((uint8_t[])m),                  \
                      (const uint8_t[])reply, sizeof((uint8_t[])reply))
#define LIST(...) { __VA_ARGS__ }

/* SCSI-2 6.6.21, 6.6.23, SPI-3 16.3: the target may lower what is asked for. */
TEST(negotiations)
{
    bed_with_disk();
    NEGOTIATE(LIST(1, 3, 1, 0x0c, 40), LIST(1, 3, 1, 0x0c, 31));        /* SDTR */
    NEGOTIATE(LIST(1, 3, 1, 0x08, 15), LIST(1, 3, 1, 0x0a, 15));
    NEGOTIATE(LIST(1, 2, 3, 2), LIST(1, 2, 3, 1));                      /* WDTR */
    NEGOTIATE(LIST(1, 6, 4, 9, 0, 62, 1, 2), LIST(1, 6, 4, 0x0a, 0, 31, 1, 0));
    NEGOTIATE(LIST(1, 2, 9, 0), LIST(7));                               /* REJECT */
    NEGOTIATE(LIST(0x13), LIST(7));
    stop_bed();
}

/* ATN while the target talks: it listens at the end of its message byte. */
TEST(atn_after_a_message)
{
    bed_with_disk();
    MESSAGE_IS(0x80, 1, 3, 1, 0x0a, 15);
    ram->host[MESSAGE + 0x10] = 0x07;   /* MESSAGE REJECT */
    memset(ram->host + COMMAND, 0, 6);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 6), MESSAGE);
    op(MOVE(MI, 5), DATA);
    op(SET_FLAGS | ATN, 0);
    op(CLEAR_FLAGS | ACK, 0);
    op(MOVE(MO, 1), MESSAGE + 0x10);
    op(MOVE(CMD, 6), COMMAND);
    op_end(9);
    run();
    check_int(9);
    stop_bed();
}

/* -- Disconnection ----------------------------------------------------------- */

enum { READ_TAG = 0x33, RESELECTED = SCRIPT + 0x400, MISMATCH = SCRIPT + 0x600 };

/* Start a tagged READ of one block, up to the target's leaving the bus. */
static void op_start_read(void)
{
    MESSAGE_IS(0xc0, 0x20, READ_TAG);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 3), MESSAGE);
    op(MOVE(CMD, 10), COMMAND);
    op(MOVE(MI, 1), MSG_IN);
    op(JUMP_DATA(0x04), here + 16);
    op(INT, 100);                       /* no DISCONNECT */
    op(REG_OP(SCNTL2, 4, 0x7f), 0);
    op(CLEAR_FLAGS | ACK, 0);
    op(WAIT_DISCONNECT, 0);
}

static void op_finish_read(void)
{
    op(MOVE(MI, 1), MSG_IN + 8);        /* IDENTIFY */
    op(CLEAR_FLAGS | ACK, 0);
    op(MOVE(MI, 2), MSG_IN + 1);        /* tag */
    op(CLEAR_FLAGS | ACK, 0);
    op(MOVE(DI, 512), DATA);
    op_end(11);
}

TEST(disconnect_and_reselect)
{
    bed_with_disk();
    set_cdb(0x28, 123, 1);
    op_start_read();
    op(INT, 10);
    wr32(DSP, SCRIPT);
    check_int(10);
    CHECK_EQ(rd8(ISTAT0) & 8, 0);
    blk_drain_all();                    /* data wait until SCRIPTS wants them */
    begin();
    op(WAIT_RESELECT, SCRIPT + 0x700);
    op_finish_read();
    run();
    check_int(11);
    CHECK_EQ(ram->host[MSG_IN + 8], 0x80);
    CHECK_EQ(ram->host[MSG_IN + 1], 0x20);
    CHECK_EQ(ram->host[MSG_IN + 2], READ_TAG);
    CHECK_EQ(get32(DATA), 123);
    CHECK_EQ(rd8(SSID), 0x80 | TARGET);
    CHECK_EQ(ram->host[STATUS], 0);
    stop_bed();
}

/* The other order: SCRIPTS waits, then the disk is ready. */
TEST(reselect_wakes_scripts)
{
    bed_with_disk();
    set_cdb(0x28, 5, 1);
    op_start_read();
    op(WAIT_RESELECT, SCRIPT + 0x700);
    op_finish_read();
    wr32(DSP, SCRIPT);
    CHECK_EQ(rd8(ISTAT0) & 3, 0);
    settle();
    check_int(11);
    CHECK_EQ(get32(DATA), 5);
    stop_bed();
}

/* ISTAT0 SIGP ends Wait Reselect; CTEST2 takes it back. */
TEST(sigp)
{
    start_bed();
    begin();
    op(WAIT_RESELECT, SCRIPT + 0x80);
    here = SCRIPT + 0x80;
    op(TO_SFBR(CTEST2), 0);
    op(INT, 12);
    run();
    CHECK_EQ(rd8(ISTAT1) & 2, 2);
    wr8(ISTAT0, 0x20);
    check_int(12);
    CHECK_EQ(rd8(SFBR) & 0x40, 0x40);
    CHECK_EQ(rd8(ISTAT0) & 0x20, 0);
    wr8(ISTAT0, 0x20);                  /* before: it does not even wait */
    run();
    check_int(12);
    stop_bed();
}

static void op_kill(uint8_t message)
{
    begin();
    MESSAGE_IS(0x80, 0x20, READ_TAG, message);
    op(SELECT_ATN(TARGET), 0);
    op(REG_OP(SCNTL2, 4, 0x7f), 0);
    op(MOVE(MO, 4), MESSAGE);
    op(WAIT_DISCONNECT, 0);
    op(INT, 13);
    run();
    check_int(13);
}

/* SCSI-2 6.6.3, 6.6.4, 6.6.7: aborted commands do not come back. */
TEST(abort_tag)
{
    static const uint8_t messages[] = { 0x0d, 0x06, 0x0e, 0x0c };

    for (size_t i = 0; i < sizeof(messages); i++) {
        bed_with_disk();
        set_cdb(0x28, 5, 1);
        op_start_read();
        op(INT, 10);
        wr32(DSP, SCRIPT);
        check_int(10);
        CHECK(scsi_next(&chip()->bus, NULL) != NULL);
        op_kill(messages[i]);
        CHECK(scsi_next(&chip()->bus, NULL) == NULL);
        stop_bed();
    }
}

TEST(abort_tag_of_another)
{
    bed_with_disk();
    set_cdb(0x28, 5, 1);
    op_start_read();
    op(INT, 10);
    wr32(DSP, SCRIPT);
    check_int(10);
    begin();
    MESSAGE_IS(0x80, 0x20, READ_TAG + 1, 0x0d);
    op(SELECT_ATN(TARGET), 0);
    op(REG_OP(SCNTL2, 4, 0x7f), 0);
    op(MOVE(MO, 4), MESSAGE);
    op(WAIT_DISCONNECT, 0);
    op(INT, 13);
    run();
    check_int(13);
    CHECK(scsi_next(&chip()->bus, NULL) != NULL);
    stop_bed();
}

/* More than the target's buffer: it leaves the bus in between, with SAVE DATA
 * POINTER, and the script goes on where it was by a phase mismatch jump. */
TEST(long_read_with_disconnections)
{
    enum { LONG = 1536 * 512 };
    uint32_t bad = 0, loop, dispatch;

    bed_with_disk();
    MESSAGE_IS(0xc0, 0x20, READ_TAG);
    set_cdb(0x28, 0, 0);
    store_be(ram->host + COMMAND + 7, 1536, 2);
    wr32(DSA, TABLE);
    put32(TABLE, LONG);
    put32(TABLE + 4, DATA);
    wr32(PMJAD1, MISMATCH);
    wr32(PMJAD2, MISMATCH);
    wr8(CCNTL0, 0x80);
    op(SELECT_ATN(TARGET), 0);
    op(MOVE(MO, 3), MESSAGE);
    op(MOVE(CMD, 10), COMMAND);
    dispatch = here;
    op(JUMP_PHASE(MI), dispatch + 0x40);
    op(JUMP_PHASE(ST), dispatch + 0xc0);
    op(JUMP_NOT_PHASE(DI), dispatch + 0x38);
    op(MOVE_TBL(DI), 0);
    op(JUMP, dispatch);
    here = dispatch + 0x38;
    op(INT, 101);
    here = dispatch + 0x40;             /* messages: SAVE POINTERS, DISCONNECT */
    op(MOVE(MI, 1), MSG_IN);
    op(JUMP_DATA(0x04), here + 24);
    op(CLEAR_FLAGS | ACK, 0);
    op(JUMP, dispatch);
    op(REG_OP(SCNTL2, 4, 0x7f), 0);
    op(CLEAR_FLAGS | ACK, 0);
    op(WAIT_DISCONNECT, 0);
    op(REG_OP(SCRATCHB, 6, 1), 0);      /* how often */
    loop = here;
    op(WAIT_RESELECT, loop);
    op(MOVE(MI, 1), MSG_IN);
    op(CLEAR_FLAGS | ACK, 0);
    op(MOVE(MI, 2), MSG_IN);
    op(CLEAR_FLAGS | ACK, 0);
    op(JUMP, dispatch);
    CHECK(here <= dispatch + 0xc0);
    here = dispatch + 0xc0;
    op_end(14);
    here = MISMATCH;
    op(REG_OP(RBC + 3, 4, 0), 0);
    op(STORE(RBC, 4) | DSA_RELATIVE, 0);
    op(STORE(UA, 4) | DSA_RELATIVE, 4);
    op(JUMP, dispatch);
    run();
    check_int(14);
    CHECK_EQ(ram->host[STATUS], 0);
    CHECK_EQ(rd8(SCRATCHB), 2);
    for (uint32_t i = 0; i < 1536; i++) {
        bad += get32(DATA + i * 512) != i;
    }
    CHECK_EQ(bad, 0);
    stop_bed();
}

/* -- Contract ---------------------------------------------------------------- */

/* In the middle of a read: the disk is asked again after the load. */
TEST(snapshot_while_waiting)
{
    Error err;

    bed_with_disk();
    set_cdb(0x28, 77, 1);
    op_start_read();
    op(WAIT_RESELECT, SCRIPT + 0x700);
    op_finish_read();
    wr32(DSP, SCRIPT);
    uint8_t *chip_image = chip_save(lsi), *disk_image = chip_save(disk);

    wr8(ISTAT0, 0x40);
    device_reset(lsi);
    device_reset(disk);
    CHECK_EQ(device_load(lsi, chip_image, vmstate_size(lsi->type->vmstate), &err), 0);
    CHECK_EQ(device_load(disk, disk_image, vmstate_size(disk->type->vmstate), &err), 0);
    settle();
    check_int(11);
    CHECK_EQ(get32(DATA), 77);
    free(chip_image);
    free(disk_image);
    stop_bed();
}

TEST(anything_is_survived)
{
    start_bed();
    for (uint32_t seed = 0; seed < 30; seed++) {
        uint32_t s = seed;

        for (uint32_t at = SCRIPT; at < SCRIPT + 0x400; at += 4) {
            put32(at, chip_random(&s) << 8 ^ chip_random(&s));
        }
        chip_scribble(lsi, seed, 300);
        pci_config_write(bus, 8, PCI_COMMAND, 7, 2);
        pci_config_write(bus, 8, PCI_BAR0 + 4, REGISTERS, 4);
        wr8(DMODE, 0);
        run();
        device_reset(lsi);
        pci_config_write(bus, 8, PCI_COMMAND, 7, 2);
    }
    stop_bed();
}
