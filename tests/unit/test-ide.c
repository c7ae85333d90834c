/* SPDX-License-Identifier: MIT */
/* ATA disks through their ports (ATA/ATAPI-6, T13/1410D) and the PIIX3 bus master. */
#include "tests/test.h"
#include "tests/unit/ide-host.h"

enum { SECTORS = 4096 };

static void disk_host(void)
{
    host_start();
    host_channel = 0;
    host_add_drive(0, &ide_hd_type, SECTORS * 512, 512);
    out8(IDE_DEV, 0xe0);
}

static void lba28(uint32_t lba, uint8_t count)
{
    out8(IDE_COUNT, count);
    out8(IDE_LBA0, (uint8_t)lba);
    out8(IDE_LBA1, (uint8_t)(lba >> 8));
    out8(IDE_LBA2, (uint8_t)(lba >> 16));
    out8(IDE_DEV, (uint8_t)(0xe0 | (lba >> 24 & 15)));
}

static void lba48(uint64_t lba, uint16_t count)
{
    out8(IDE_COUNT, (uint8_t)(count >> 8));
    out8(IDE_COUNT, (uint8_t)count);
    for (int i = 0; i < 3; i++) {
        out8(IDE_LBA0 + i, (uint8_t)(lba >> (24 + 8 * i)));
        out8(IDE_LBA0 + i, (uint8_t)(lba >> 8 * i));
    }
    out8(IDE_DEV, 0xe0);
}

static void command(uint8_t c)
{
    out8(IDE_STATUS, c);
    settle();
}

static void identify(uint8_t *buf)
{
    command(0xec);
    CHECK_EQ(alt(), 0x58);
    data_in(buf, 512);
}

static unsigned word(const uint8_t *buf, int n)
{
    return (unsigned)load_le(buf + 2 * n, 2);
}

/* 9.12: after reset a disk shows 01 01 00 00 00, status ready. */
TEST(signature_after_reset)
{
    disk_host();
    out8(IDE_LBA1, 0x55);
    control(0x04);
    CHECK_EQ(alt(), 0x80);              /* 9.2: BSY while SRST is set */
    control(0x00);
    CHECK_EQ(alt(), 0x50);
    CHECK_EQ(in8(IDE_ERROR), 0x01);
    CHECK_EQ(in8(IDE_COUNT), 1);
    CHECK_EQ(in8(IDE_LBA0), 1);
    CHECK_EQ(in8(IDE_LBA1), 0);
    CHECK_EQ(in8(IDE_LBA2), 0);
    host_stop();
}

/* 9.16.1: device 0 alone answers for device 1 with status 0. */
TEST(absent_devices)
{
    disk_host();
    out8(IDE_DEV, 0xf0);
    CHECK_EQ(in8(IDE_STATUS), 0);
    command(0xec);
    CHECK_EQ(in8(IDE_STATUS), 0);
    CHECK_EQ(host.irq[0], 0);
    host_channel = 1;                   /* an empty cable: DD7 pulled down */
    CHECK_EQ(in8(IDE_STATUS), 0x7f);
    out8(IDE_COUNT, 0x55);
    out8(IDE_LBA0, 0xaa);
    CHECK(in8(IDE_COUNT) != 0x55);
    host_stop();
}

TEST(identify_says_what_the_disk_is)
{
    uint8_t id[512], sum = 0;

    disk_host();
    identify(id);
    CHECK_EQ(word(id, 0) & 0x8000, 0);
    CHECK_EQ(word(id, 1) * word(id, 3) * word(id, 6), 4 * 16 * 63);
    CHECK_EQ(load_le(id + 2 * 60, 4), SECTORS);
    CHECK_EQ(load_le(id + 2 * 100, 8), SECTORS);
    CHECK_EQ(word(id, 49) & 0x0300, 0x0300);            /* DMA, LBA */
    CHECK_EQ(word(id, 83) & 0xc400, 0x4400);            /* valid, 48 bits */
    CHECK_EQ(word(id, 88) & 0xff, 0x3f);                /* UDMA 0-5 */
    CHECK(!memcmp(id + 54, "EQUMH RADDSI K", 14));
    for (int i = 0; i < 512; i++) {
        sum += id[i];
    }
    CHECK_EQ(sum, 0);                   /* 8.15.61 */
    CHECK_EQ(alt(), 0x50);
    host_stop();
}

/* 8.34: an interrupt per sector, data at the port, count 0 at the end. */
TEST(pio_read_by_lba)
{
    uint8_t buf[512];

    disk_host();
    lba28(7, 3);
    command(0x20);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(host.irq[0], 1);
        CHECK_EQ(in8(IDE_STATUS), 0x58);
        CHECK_EQ(host.irq[0], 0);
        data_in(buf, 512);
        CHECK_EQ(load_le(buf, 4), 7 + i);
    }
    CHECK_EQ(host.irq_edges[0], 3);
    CHECK_EQ(alt(), 0x50);
    CHECK_EQ(in8(IDE_COUNT), 0);
    CHECK_EQ(in8(IDE_LBA0), 9);
    host_stop();
}

/* 6.2: cylinder 1, head 2, sector 3 of 16 heads and 63 sectors. */
TEST(pio_read_by_chs)
{
    uint8_t buf[512];

    disk_host();
    out8(IDE_COUNT, 1);
    out8(IDE_LBA0, 3);
    out8(IDE_LBA1, 1);
    out8(IDE_LBA2, 0);
    out8(IDE_DEV, 0xa2);
    command(0x20);
    data_in(buf, 512);
    CHECK_EQ(load_le(buf, 4), (1 * 16 + 2) * 63 + 2);
    out8(IDE_COUNT, 1);
    out8(IDE_LBA0, 0);                  /* there is no sector 0 */
    command(0x20);
    CHECK_EQ(alt(), 0x51);
    CHECK_EQ(in8(IDE_ERROR), 0x10);
    /* 91h: 8 heads, 32 sectors; the same words then address another sector */
    out8(IDE_COUNT, 32);
    out8(IDE_DEV, 0xa7);
    command(0x91);
    CHECK_EQ(alt(), 0x50);
    out8(IDE_COUNT, 1);
    out8(IDE_LBA0, 3);
    out8(IDE_LBA1, 1);
    out8(IDE_DEV, 0xa2);
    command(0x20);
    data_in(buf, 512);
    CHECK_EQ(load_le(buf, 4), (1 * 8 + 2) * 32 + 2);
    host_stop();
}

/* 8.67: no interrupt for the first block, one after each, data is on the disk. */
TEST(pio_write)
{
    uint8_t buf[512];

    disk_host();
    lba28(100, 2);
    command(0x30);
    CHECK_EQ(alt(), 0x58);
    CHECK_EQ(host.irq[0], 0);
    memset(buf, 0xa5, 512);
    data_out(buf, 512);
    CHECK_EQ(host.irq[0], 1);
    CHECK_EQ(in8(IDE_STATUS), 0x58);
    data_out(buf, 512);
    CHECK_EQ(host.irq[0], 1);
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    memset(buf, 0, 512);
    CHECK_EQ(blk_pread(host.blk[0], 101 * 512, buf, 512), 0);
    CHECK(buf[0] == 0xa5 && buf[511] == 0xa5);
    CHECK_EQ(blk_pread(host.blk[0], 102 * 512, buf, 512), 0);
    CHECK_EQ(load_le(buf, 4), 102);
    host_stop();
}

/* A transfer longer than the buffer: 256 + 44 sectors by READ SECTORS EXT. */
TEST(long_pio_transfers)
{
    uint8_t *buf = xmalloc(300 * 512);

    disk_host();
    lba48(1000, 300);
    command(0x24);
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(in8(IDE_STATUS), 0x58);
        data_in(buf + 512 * i, 512);
        CHECK_EQ(load_le(buf + 512 * i, 4), 1000 + (uint32_t)i);
    }
    CHECK_EQ(alt(), 0x50);
    lba48(0, 300);
    command(0x34);
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(alt(), 0x58);
        data_out(buf + 512 * i, 512);
    }
    CHECK_EQ(alt(), 0x50);
    CHECK_EQ(blk_pread(host.blk[0], 299 * 512, buf, 512), 0);
    CHECK_EQ(load_le(buf, 4), 1299);
    free(buf);
    host_stop();
}

/* 8.54, 8.33: blocks of 8: an interrupt for each; the last one is shorter. */
TEST(read_and_write_multiple)
{
    uint8_t buf[8 * 512];

    disk_host();
    out8(IDE_COUNT, 3);
    command(0xc6);
    CHECK_EQ(alt(), 0x51);              /* not a power of two */
    out8(IDE_COUNT, 8);
    command(0xc6);
    CHECK_EQ(alt(), 0x50);
    in8(IDE_STATUS);
    host.irq_edges[0] = 0;
    lba28(20, 10);
    command(0xc4);
    in8(IDE_STATUS);
    data_in(buf, 8 * 512);
    CHECK_EQ(load_le(buf + 7 * 512, 4), 27);
    CHECK_EQ(in8(IDE_STATUS), 0x58);
    data_in(buf, 2 * 512);
    CHECK_EQ(load_le(buf + 512, 4), 29);
    CHECK_EQ(alt(), 0x50);
    CHECK_EQ(host.irq_edges[0], 2);
    lba28(40, 10);
    command(0xc5);
    memset(buf, 1, sizeof(buf));
    data_out(buf, 8 * 512);
    CHECK_EQ(alt(), 0x58);
    data_out(buf, 2 * 512);
    CHECK_EQ(alt(), 0x50);
    out8(IDE_COUNT, 0);                 /* off */
    command(0xc6);
    lba28(0, 1);
    command(0xc4);
    CHECK_EQ(alt(), 0x51);
    CHECK_EQ(in8(IDE_ERROR), 0x04);
    host_stop();
}

TEST(beyond_the_end_is_id_not_found)
{
    disk_host();
    lba28(SECTORS - 1, 2);
    command(0x20);
    CHECK_EQ(alt(), 0x51);
    CHECK_EQ(in8(IDE_ERROR), 0x10);
    lba48(1ull << 40, 1);
    command(0x24);
    CHECK_EQ(in8(IDE_ERROR), 0x10);
    host_stop();
}

/* 6.20: registers are two deep; HOB shows the older value. */
TEST(high_order_bytes)
{
    disk_host();
    out8(IDE_LBA0, 0x11);
    out8(IDE_LBA0, 0x22);
    CHECK_EQ(in8(IDE_LBA0), 0x22);
    control(0x80);
    CHECK_EQ(in8(IDE_LBA0), 0x11);
    out8(IDE_LBA1, 0);                  /* any write clears HOB */
    CHECK_EQ(in8(IDE_LBA0), 0x22);
    host_stop();
}

/* 5.2.9, 7.10: nIEN keeps INTRQ down, it is still pending. */
TEST(interrupts_can_be_disabled)
{
    disk_host();
    control(0x02);
    lba28(0, 1);
    command(0x40);
    CHECK_EQ(host.irq[0], 0);
    control(0x00);
    CHECK_EQ(host.irq[0], 1);
    CHECK_EQ(alt(), 0x50);              /* the alternate status does not clear it */
    CHECK_EQ(host.irq[0], 1);
    in8(IDE_STATUS);
    CHECK_EQ(host.irq[0], 0);
    host_stop();
}

TEST(small_commands)
{
    disk_host();
    command(0x00);                      /* NOP is always aborted */
    CHECK_EQ(in8(IDE_ERROR), 0x04);
    command(0xff);
    CHECK_EQ(in8(IDE_ERROR), 0x04);
    command(0x10);                      /* RECALIBRATE */
    CHECK_EQ(alt(), 0x50);
    lba28(50, 1);
    command(0x70);                      /* SEEK */
    CHECK_EQ(alt(), 0x50);
    command(0xe7);                      /* FLUSH CACHE */
    CHECK_EQ(alt(), 0x50);
    command(0xea);
    CHECK_EQ(alt(), 0x50);
    command(0xe0);                      /* STANDBY IMMEDIATE */
    command(0xe5);                      /* CHECK POWER MODE */
    CHECK_EQ(in8(IDE_COUNT), 0x00);
    lba28(0, 1);
    command(0x40);                      /* VERIFY wakes it */
    command(0xe5);
    CHECK_EQ(in8(IDE_COUNT), 0xff);
    command(0xe6);                      /* SLEEP: only a reset helps */
    command(0xe5);
    in8(IDE_STATUS);
    control(0x04);
    control(0x00);
    command(0xe5);
    CHECK_EQ(in8(IDE_COUNT), 0xff);
    host_stop();
}

/* 8.32, 8.56: the native size stays, the shown one can be made smaller. */
TEST(native_and_set_max)
{
    uint8_t id[512];

    disk_host();
    command(0xf8);
    CHECK_EQ(in8(IDE_LBA0) | in8(IDE_LBA1) << 8, SECTORS - 1);
    lba28(999, 0);
    out8(IDE_ERROR, 0);
    command(0xf9);
    CHECK_EQ(alt(), 0x50);
    identify(id);
    CHECK_EQ(load_le(id + 2 * 60, 4), 1000);
    lba28(1000, 1);
    command(0x20);
    CHECK_EQ(in8(IDE_ERROR), 0x10);
    lba48(0, 0);
    command(0x27);
    CHECK_EQ(in8(IDE_LBA0) | in8(IDE_LBA1) << 8, SECTORS - 1);
    host_stop();
}

/* 8.46: modes show in IDENTIFY; the write cache is the block layer's. */
TEST(set_features)
{
    uint8_t id[512];

    disk_host();
    out8(IDE_ERROR, 0x03);
    out8(IDE_COUNT, 0x42);
    command(0xef);
    identify(id);
    CHECK_EQ(word(id, 88), 0x043f);
    CHECK_EQ(word(id, 63), 0x0007);
    out8(IDE_ERROR, 0x03);
    out8(IDE_COUNT, 0x47);              /* UDMA 7 does not exist */
    command(0xef);
    CHECK_EQ(alt(), 0x51);
    out8(IDE_ERROR, 0x82);
    command(0xef);
    CHECK(!blk_write_cache(host.blk[0]));
    identify(id);
    CHECK_EQ(word(id, 85) & 0x20, 0);
    out8(IDE_ERROR, 0x02);
    command(0xef);
    CHECK(blk_write_cache(host.blk[0]));
    host_stop();
}

static void smart(uint8_t sub, uint8_t lba0)
{
    out8(IDE_ERROR, sub);
    out8(IDE_COUNT, 1);
    out8(IDE_LBA0, lba0);
    out8(IDE_LBA1, 0x4f);
    out8(IDE_LBA2, 0xc2);
    command(0xb0);
}

TEST(smart_data_status_and_logs)
{
    uint8_t buf[512], sum = 0;

    disk_host();
    clock_step(&host.clock, 2 * 3600 * NS_PER_SEC);
    smart(0xd0, 0);
    data_in(buf, 512);
    for (int i = 0; i < 512; i++) {
        sum += buf[i];
    }
    CHECK_EQ(sum, 0);
    CHECK(buf[2 + 24] == 9 && buf[2 + 24 + 5] == 2);    /* power-on hours */
    smart(0xda, 0);
    CHECK_EQ(alt(), 0x50);
    CHECK(in8(IDE_LBA1) == 0x4f && in8(IDE_LBA2) == 0xc2);
    smart(0xd5, 6);
    CHECK_EQ(alt(), 0x58);
    data_in(buf, 512);
    smart(0xd9, 0);                     /* disabled: aborted */
    smart(0xd0, 0);
    CHECK_EQ(alt(), 0x51);
    smart(0xd8, 0);
    smart(0xd0, 0);
    CHECK_EQ(alt(), 0x58);
    out8(IDE_LBA1, 0);                  /* a wrong key */
    out8(IDE_ERROR, 0xd0);
    command(0xb0);
    CHECK_EQ(alt(), 0x51);
    host_stop();
}

/* 8.11: both drives, device 0 is selected afterwards and interrupts. */
TEST(diagnostic)
{
    disk_host();
    host_add_drive(1, &ide_hd_type, 512 * 512, 512);
    out8(IDE_DEV, 0xf0);
    command(0x90);
    CHECK_EQ(host.irq[0], 1);
    CHECK_EQ(in8(IDE_DEV) & 0x10, 0);
    CHECK_EQ(in8(IDE_ERROR), 0x01);
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    host_stop();
}

TEST(two_drives_have_registers_of_their_own)
{
    uint8_t buf[512];

    disk_host();
    host_add_drive(1, &ide_hd_type, 512 * 512, 512);
    lba28(5, 1);
    out8(IDE_DEV, 0xf0);
    out8(IDE_LBA0, 6);
    command(0x20);
    data_in(buf, 512);
    CHECK_EQ(load_le(buf, 4), 6);
    out8(IDE_DEV, 0xf0);
    lba28(600, 1);                      /* on drive 0 there is a 600, on 1 not */
    command(0x20);
    CHECK_EQ(alt(), 0x58);
    data_in(buf, 512);
    CHECK_EQ(load_le(buf, 4), 600);
    host_stop();
}

/* -- Bus master (PIIX3 2.6) ------------------------------------------------ */

TEST(dma_read_with_scatter)
{
    disk_host();
    set_prd(0, DMA_AREA, 1024, false);
    set_prd(1, DMA_AREA + 0x2002, 510, false);
    set_prd(2, DMA_AREA + 0x4000, 514, true);
    lba28(30, 4);
    command(0xc8);
    CHECK_EQ(alt() & 0x80, 0x80);       /* waits for the bus master */
    bm_start(true);
    settle();
    CHECK_EQ(host.irq[0], 1);
    CHECK_EQ(bm_status() & 7, 4);       /* done: not active, interrupt */
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA + 512, 4), 31);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA + 0x2002, 4), 32);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA + 0x4002, 4), 33);
    bm_out(2, 4, 1);
    CHECK_EQ(bm_status() & 7, 0);
    host_stop();
}

TEST(dma_write_started_before_the_command)
{
    uint8_t buf[512];

    disk_host();
    memset(host.ram->host + DMA_AREA, 0x77, 2048);
    set_prd(0, DMA_AREA, 2048, true);
    bm_start(false);
    CHECK_EQ(bm_status() & 1, 1);
    lba48(64, 4);
    command(0x35);
    CHECK_EQ(bm_status() & 7, 4);
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    CHECK_EQ(blk_pread(host.blk[0], 67 * 512, buf, 512), 0);
    CHECK(buf[0] == 0x77 && buf[511] == 0x77);
    host_stop();
}

/* Table 11: descriptors longer than the command: still active, interrupt. */
TEST(descriptors_too_long)
{
    disk_host();
    set_prd(0, DMA_AREA, 4096, true);
    lba28(0, 1);
    command(0xc8);
    bm_start(true);
    settle();
    CHECK_EQ(bm_status() & 7, 5);
    bm_out(0, 8, 1);
    CHECK_EQ(bm_status() & 7, 4);
    host_stop();
}

/* Too short: not active, no interrupt; a new table carries on. */
TEST(descriptors_too_short)
{
    disk_host();
    set_prd(0, DMA_AREA, 512, true);
    lba28(8, 2);
    command(0xc8);
    bm_start(true);
    settle();
    CHECK_EQ(bm_status() & 7, 0);
    CHECK_EQ(host.irq[0], 0);
    bm_out(0, 0, 1);
    set_prd(0, DMA_AREA + 0x1000, 512, true);
    bm_start(true);
    settle();
    CHECK_EQ(bm_status() & 7, 4);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA, 4), 8);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA + 0x1000, 4), 9);
    host_stop();
}

/* Memory that is not RAM takes the data nevertheless. */
TEST(dma_outside_ram_is_survived)
{
    disk_host();
    set_prd(0, HOST_RAM - 512, 1024, true);
    lba28(8, 2);
    command(0xc8);
    bm_start(true);
    settle();
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    CHECK_EQ(load_le(host.ram->host + HOST_RAM - 512, 4), 8);
    host_stop();
}

TEST(reset_while_dma_is_under_way)
{
    disk_host();
    set_prd(0, DMA_AREA, 0, true);
    lba28(0, 128);
    out8(IDE_STATUS, 0xc8);
    bm_start(true);
    control(0x04);
    control(0x00);
    settle();
    CHECK_EQ(alt(), 0x50);
    CHECK_EQ(host.irq[0], 0);
    lba28(3, 1);
    set_prd(0, DMA_AREA, 512, true);
    bm_out(0, 0, 1);
    command(0xc8);
    bm_start(true);
    settle();
    CHECK_EQ(load_le(host.ram->host + DMA_AREA, 4), 3);
    host_stop();
}

/* IDETIM bit 15 and the I/O bit decode the legacy ports (2.3.9). */
TEST(legacy_ports_can_be_switched_off)
{
    disk_host();
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    pci_config_write(host.pci, PCI_DEVFN(1, 1), 0x40, 0, 2);
    CHECK_EQ(in8(IDE_STATUS), 0xff);
    pci_config_write(host.pci, PCI_DEVFN(1, 1), 0x40, 0x8000, 2);
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    host_stop();
}

TEST(pci_identity)
{
    disk_host();
    CHECK_EQ(pci_config_read(host.pci, PCI_DEVFN(1, 1), 0, 4), 0x70108086);
    CHECK_EQ(pci_config_read(host.pci, PCI_DEVFN(1, 1), 9, 1), 0x80);
    CHECK_EQ(pci_config_read(host.pci, PCI_DEVFN(1, 1), 0x0a, 2), 0x0101);
    pci_config_write(host.pci, PCI_DEVFN(1, 1), 0x20, 0xffffffff, 4);
    CHECK_EQ(pci_config_read(host.pci, PCI_DEVFN(1, 1), 0x20, 4), 0xfffffff1);
    host_stop();
}

/* ACS-2 7.10: TRIM ranges; a count of 0 is skipped. */
TEST(trim)
{
    uint8_t *list = NULL;

    disk_host();
    list = host.ram->host + DMA_AREA;
    memset(list, 0, 512);
    store_le(list, 16ull | 8ull << 48, 8);
    store_le(list + 16, (SECTORS - 1ull) | 1ull << 48, 8);
    set_prd(0, DMA_AREA, 512, true);
    out8(IDE_ERROR, 1);
    lba48(0, 1);
    command(0x06);
    bm_start(false);
    settle();
    CHECK_EQ(in8(IDE_STATUS), 0x50);
    store_le(list, (uint64_t)SECTORS | 1ull << 48, 8);
    command(0x06);
    bm_out(0, 0, 1);
    bm_start(false);
    settle();
    CHECK_EQ(in8(IDE_ERROR), 0x10);
    host_stop();
}

/* Without a bus master there is no DMA, and IDENTIFY does not claim it. */
TEST(a_channel_alone_is_pio_only)
{
    uint8_t id[512];

    disk_host();
    ((IDEChannel *)host.ch[0])->dma = NULL;
    identify(id);
    CHECK_EQ(word(id, 49) & 0x0100, 0);
    CHECK_EQ(word(id, 63), 0);
    lba28(0, 1);
    command(0xc8);
    CHECK_EQ(in8(IDE_ERROR), 0x04);
    host_stop();
}

/* A snapshot in the middle of a PIO transfer goes on where it was. */
TEST(snapshot_in_a_transfer)
{
    uint8_t buf[512], *image;
    size_t len = vmstate_size(ide_hd_type.vmstate);
    Error err;

    disk_host();
    lba28(70, 2);
    command(0x20);
    data_in(buf, 200);
    image = xmalloc(len);
    vmstate_save(ide_hd_type.vmstate, host.drive[0], image);
    control(4);
    control(0);
    CHECK_EQ(device_load(host.drive[0], image, len, &err), 0);
    data_in(buf, 312);
    CHECK_EQ(buf[0], 70);
    data_in(buf, 512);
    CHECK_EQ(load_le(buf, 4), 71);
    CHECK_EQ(alt(), 0x50);
    free(image);
    host_stop();
}

TEST(attachment_errors_are_sentences)
{
    Error err = { "" };
    Device *d;

    disk_host();
    d = device_new(&ide_hd_type, NULL, &host.clock, host.mem, host.io);
    CHECK(device_realize(d, &err) < 0);
    CHECK(strstr(err.msg, "bus= must name"));
    host_set(d, "bus", "ide.0");
    CHECK(device_realize(d, &err) < 0 && strstr(err.msg, "is taken"));
    host_set(d, "unit", "1");
    CHECK(device_realize(d, &err) < 0 && strstr(err.msg, "drive= is missing"));
    host_set(d, "drive", "d0");
    CHECK(device_realize(d, &err) < 0 && strstr(err.msg, "already used"));
    device_free(d);
    host_stop();
}
