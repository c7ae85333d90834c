/* SPDX-License-Identifier: MIT */
/* SPI, USB device, AC97 and camera of the S3C2440A, with nothing connected (User's
 * Manual, chapters 22, 13, 24, 23). */
#include "hw/s3c24xx/spi.h"

#include "hw/s3c24xx/ac97.h"
#include "hw/s3c24xx/camif.h"
#include "hw/s3c24xx/usbdev.h"
#include "tests/unit/primecell-test.h"

enum { SPCON = 0x00, SPSTA = 0x04, SPPRE = 0x0c, SPTDAT = 0x10, SPRDAT = 0x14 };
enum { MASTER = 8, ENSCK = 16, INTERRUPT = 1 << 5, DMA = 2 << 5 };

/* SPTDAT starts eight clocks; then REDY and, if SMOD says so, an interrupt. */
TEST(spi_byte)
{
    Device *d = chip_new(&s3c2440_spi_type);

    CHECK_EQ(in(d, SPSTA), 1);
    out(d, SPPRE, 9);
    out(d, SPCON, MASTER | ENSCK | INTERRUPT);
    out(d, SPTDAT, 0x55);
    CHECK_EQ(in(d, SPSTA), 0);
    clock_step(&clock_, 8 * NS_PER_SEC / (50625000 / 2 / 10) + 1000);
    CHECK_EQ(in(d, SPSTA), 1);
    CHECK_EQ(rises[S3C_SPI_OUT_IRQ], 1);
    CHECK_EQ(in(d, SPRDAT), 0xff);
    device_free(d);
}

/* "DCOL": written while a byte is sent; reading SPRDAT clears it.  DMA mode asks. */
TEST(spi_collision_and_dma)
{
    Device *d = chip_new(&s3c2440_spi_type);

    out(d, SPPRE, 255);
    out(d, SPCON, MASTER | ENSCK | DMA);
    CHECK_EQ(wire[S3C_SPI_OUT_DMA], 1);
    out(d, SPTDAT, 1);
    CHECK_EQ(wire[S3C_SPI_OUT_DMA], 0);
    out(d, SPTDAT, 2);
    CHECK_EQ(in(d, SPSTA), 4);
    in(d, SPRDAT);
    CHECK_EQ(in(d, SPSTA), 0);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(wire[S3C_SPI_OUT_DMA], 1);
    device_free(d);
}

/* "INDEX_REG": MAXP and the CSRs are each endpoint's own; reset values. */
TEST(usb_device_endpoints)
{
    enum { INDEX = 0x38, MAXP = 0x40, IN_CSR2 = 0x48, INT_EN = 0x1c };
    Device *d = chip_new(&s3c2440_udc_type);

    CHECK_EQ(in(d, INT_EN), 0x1f);
    CHECK_EQ(in(d, MAXP), 1);
    out(d, INDEX, 3);
    out(d, MAXP, 8);
    CHECK_EQ(in(d, IN_CSR2), 0x20);
    out(d, INDEX, 2);
    CHECK_EQ(in(d, MAXP), 1);
    out(d, INDEX, 3);
    CHECK_EQ(in(d, MAXP), 8);
    device_free(d);
}

/* "AC_GLBSTAT": the controller is idle. */
TEST(ac97_is_idle)
{
    Device *d = chip_new(&s3c2440_ac97_type);

    CHECK_EQ(in(d, 4), 1);
    device_free(d);
}

TEST(contract)
{
    static const DeviceType *const types[] = {
        &s3c2440_spi_type, &s3c2440_udc_type, &s3c2440_ac97_type, &s3c2440_camif_type,
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        Device *d = chip_new(types[i]);

        chip_check_reset(d);
        chip_check_hostile_snapshots(d);
        device_free(d);
    }
}
