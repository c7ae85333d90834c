/* SPDX-License-Identifier: MIT */
/*
 * FriendlyARM mini2440: a Samsung S3C2440A with an ARM920T (S3C2440A User's
 * Manual rev. 1; mini2440 schematic 2009).
 *
 *   0             0x20000000  0x30000000      0x48000000        0x5b000000
 *   | NAND's SRAM | DM9000    | SDRAM 64 M    | the S3C2440A's blocks
 *   | or NOR      |           | (again behind |
 *   |             |           |  its end)     |
 *
 * Without -kernel the processor starts at 0.  With it all is as a boot loader
 * leaves it: boot_loader[] is what it writes.  After sleep mode that loader finds
 * where to go on in GSTATUS3, as U-Boot and Linux agree.
 *
 * The table: who listens comes before who drives a wire, "intc" first of all, so
 * that reset and the end find it in order.  INT(TIMER0) and SUB(RXD0) are inputs
 * of the interrupt controller by their names in hw/s3c24xx/intc.h; PIN(G, 8) is a
 * pin, as an input of "gpio"; a pin as an output is [OUT_PIN(B, 5)] in the row of
 * "gpio".
 */
#include "hw/boards/arm-mini2440.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "hw/block/pflash.h"
#include "hw/boards/arm-boot.h"
#include "hw/i2c/at24c.h"
#include "hw/input/gpio-keys.h"
#include "hw/misc/leds.h"
#include "hw/misc/uda1341.h"
#include "hw/nand/nand.h"
#include "hw/net/dm9000.h"
#include "hw/s3c24xx/ac97.h"
#include "hw/s3c24xx/adc.h"
#include "hw/s3c24xx/camif.h"
#include "hw/s3c24xx/clock.h"
#include "hw/s3c24xx/dma.h"
#include "hw/s3c24xx/gpio.h"
#include "hw/s3c24xx/i2c.h"
#include "hw/s3c24xx/i2s.h"
#include "hw/s3c24xx/intc.h"
#include "hw/s3c24xx/lcd.h"
#include "hw/s3c24xx/memctl.h"
#include "hw/s3c24xx/nand.h"
#include "hw/s3c24xx/pwm.h"
#include "hw/s3c24xx/rtc.h"
#include "hw/s3c24xx/sdi.h"
#include "hw/s3c24xx/spi.h"
#include "hw/s3c24xx/uart.h"
#include "hw/s3c24xx/usbdev.h"
#include "hw/s3c24xx/watchdog.h"
#include "hw/sd/sd.h"
#include "hw/usb/ohci.h"
#include "target-arm/cpu.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

#define MiB ((uint64_t)1 << 20)

enum { MACH_MINI2440 = 1999 };
#define RAM_BASE 0x30000000u
#define RAM_SIZE (64 * MiB)
#define SRAM_BASE 0x40000000u
enum { SRAM_SIZE = 4096 };
enum { NOTHING_PRIORITY = -1, SRAM_PRIORITY = 1 };

/* Inputs of "cpu". */
enum { PIN_IRQ, PIN_FIQ, PIN_RESET, PIN_IDLE, PIN_SLEEP, PIN_BANKS_128M, PIN_CARD };

typedef enum BootFrom { BOOT_NAND, BOOT_NOR } BootFrom;

typedef struct Panel {
    const char *name;
    uint32_t width, height;
    const char *more;                   /* properties of "lcd" */
} Panel;

typedef struct Mini2440 {
    ArmBoard board;
    ArmBoot boot;
    BootFrom from;
    bool boot_chosen;                   /* by boot= */
    const Panel *panel;
    char *eeprom, *wav;                 /* the drive, the file; or NULL */
    bool asleep;
    RAMBlock *ram_block, *sram_block;
    MemoryRegion ram, ram_again, nothing, sram, sram_at_0;
} Mini2440;

#define CPU(n)  { "cpu", n }
#define INT(n)  { "intc", S3C_INT_##n }
#define SUB(n)  { "intc", S3C_INT_SUB + S3C_SUB_##n }
#define PIN(port, n) { "gpio", S3C_PIN(port, n) }
#define DREQ(n) { "dma", S3C_DREQ_##n }
#define LED(n)  { "leds", n }
#define OUT_PIN(port, n) S3C_GPIO_OUT_PIN0 + S3C_PIN(port, n)
#define UART(n)                                                                                 \
    { "uart" #n, &s3c2440_uart_type,   .at = { 0x50000000 + 0x4000 * n },                       \
                 .irq = { SUB(RXD##n), SUB(TXD##n), SUB(ERR##n), DREQ(UART##n), DREQ(UART##n) }, \
                 .props = "clock=sysclk,chardev=@serial" #n ",modem=" UART##n##_MODEM }
#define UART0_MODEM "on"
#define UART1_MODEM "on"
#define UART2_MODEM "off"

/* Manual, chapter 1, memory map and special registers; chapter 14, interrupts;
 * the schematic for pins. */
static const Place mini2440_map[] = {
    /* id         type                 at              outputs    properties */
    { "intc",     &s3c2440_intc_type,  .at = { 0x4a000000 },
                  .irq = { CPU(PIN_IRQ), CPU(PIN_FIQ) } },
    { "leds",     &leds_type,          .props = "names=!LED1 !LED2 !LED3 !LED4 buzzer backlight" },
    { "codec",    &uda1341_type,       .props = NULL },
    { "dma",      &s3c2440_dma_type,   .at = { 0x4b000000 },
                  .irq = { INT(DMA0), INT(DMA1), INT(DMA2), INT(DMA3) } },
    { "sysclk",   &s3c2440_clock_type, .at = { 0x4c000000 },
                  .irq = { CPU(PIN_IDLE), CPU(PIN_SLEEP), { "gpio", S3C_GPIO_IN_WAKEUP } } },
    { "memctl",   &s3c2440_memctl_type, .at = { 0x48000000 }, .irq = { CPU(PIN_BANKS_128M) } },
    { "gpio",     &s3c2440_gpio_type,  .at = { 0x56000000 }, .props = "clock=sysclk",
                  .irq = { INT(EINT0), INT(EINT1), INT(EINT2), INT(EINT3), INT(EINT4_7),
                    INT(EINT8_23), { "sysclk", S3C_CLOCK_IN_EINT }, CPU(PIN_RESET),
                    [OUT_PIN(B, 5)] = LED(0), LED(1), LED(2), LED(3),
                    [OUT_PIN(B, 0)] = LED(4), [OUT_PIN(G, 4)] = LED(5),
                    [OUT_PIN(B, 2)] = { "codec", UDA1341_IN_MODE }, { "codec", UDA1341_IN_DATA },
                    { "codec", UDA1341_IN_CLOCK } } },
    { "keys",     &gpio_keys_type,     .props = "keys=1 2 3 4 5 6",
                  .irq = { PIN(G, 0), PIN(G, 3), PIN(G, 5), PIN(G, 6), PIN(G, 7), PIN(G, 11) } },
    { "timers",   &s3c2440_timers_type, .at = { 0x51000000 }, .props = "clock=sysclk",
                  .irq = { INT(TIMER0), INT(TIMER1), INT(TIMER2), INT(TIMER3), INT(TIMER4),
                    [S3C_PWM_OUT_DMA] = DREQ(TIMER),
                    [S3C_PWM_OUT_TOUT0] = { "gpio", S3C_GPIO_IN_TOUT0 }, { "gpio", S3C_GPIO_IN_TOUT0 + 1 }, { "gpio", S3C_GPIO_IN_TOUT0 + 2 },
                    { "gpio", S3C_GPIO_IN_TOUT0 + 3 } } },
    { "watchdog", &s3c2440_wdt_type,   .at = { 0x53000000 }, .props = "clock=sysclk",
                  .irq = { SUB(WDT), { "gpio", S3C_GPIO_IN_WATCHDOG } } },
    UART(0), UART(1), UART(2),
    { "usb",      &ohci_type,          .at = { 0x49000000 }, .irq = { INT(USBH) },
                  .props = "num-ports=2" },
    { "rtc",      &s3c2440_rtc_type,   .at = { 0x57000000 },
                  .irq = { INT(RTC), INT(TICK), { "sysclk", S3C_CLOCK_IN_ALARM } } },
    { "adc",      &s3c2440_adc_type,   .at = { 0x58000000 }, .irq = { SUB(TC), SUB(ADC) },
                  .props = "clock=sysclk,ain0=512" },
    { "net",      &dm9000_type,        .at = { 0x20000300 }, .irq = { PIN(F, 7) },
                  .props = "netdev=@nic0,eeprom=off" },
    { "nor",      &cfi_flash_type,     .at = { AT_ZERO },
                  .props = "drive=@pflash0,size=2M,width=2,command-set=2,sector=64k,"
                           "manufacturer=0x01,device=0x2249" },
    { "nand0",    &nand_type,          .props = "drive=@mtd" },
    { "nand",     &s3c2440_nand_type,  .irq = { INT(NFCON) }, .props = "chip=nand0",
                  .at = { 0x4e000000, 0x4e000010, 0x4e000014 } },
    { "lcd",      &s3c2440_lcd_type,   .at = { 0x4d000000, 0x4d000400 }, .irq = { INT(LCD) },
                  .props = "clock=sysclk,leds=leds" },
    { "sd0",      &sd_card_type,       .props = "drive=@sd0",
                  .irq = { [SD_OUT_PRESENT] = CPU(PIN_CARD), [SD_OUT_PROTECTED] = PIN(H, 8) } },
    { "sdi",      &s3c2440_sdi_type,   .at = { 0x5a000000, 0x5a000040 },
                  .irq = { INT(SDI), DREQ(SDI) }, .props = "clock=sysclk,card=sd0" },
    { "i2c",      &s3c2440_i2c_type,   .at = { 0x54000000 }, .irq = { INT(IIC) },
                  .props = "clock=sysclk" },
    { "eeprom",   &at24c_type,         .props = "bus=i2c,address=0x50,size=1024" },
    { "i2s",      &s3c2440_i2s_type,   .at = { 0x55000000 },
                  .irq = { DREQ(I2SSDO), DREQ(I2SSDI) }, .props = "clock=sysclk,codec=codec" },
    { "spi0",     &s3c2440_spi_type,   .at = { 0x59000000 }, .irq = { INT(SPI0), DREQ(SPI0) },
                  .props = "clock=sysclk" },
    { "spi1",     &s3c2440_spi_type,   .at = { 0x59000020 }, .irq = { INT(SPI1), DREQ(SPI1) },
                  .props = "clock=sysclk" },
    { "udc",      &s3c2440_udc_type,   .at = { 0x52000140 }, .irq = { INT(USBD) } },
    { "camif",    &s3c2440_camif_type, .at = { 0x4f000000 } },
    { "ac97",     &s3c2440_ac97_type,  .at = { 0x5b000000 } },
};

/* -- What a boot loader writes ----------------------------------------------- */

typedef struct RegWrite {
    const char *id;                     /* Place.id */
    uint16_t offset;
    uint32_t val;
} RegWrite;

/* U-Boot's values for this board; clocks of 405, 101.25, 50.625 and 48 MHz. */
static const RegWrite boot_loader[] = {
    { "watchdog", 0x00, 0 },
    { "intc",     0x08, 0xffffffff },
    { "intc",     0x1c, 0x7fff },
    { "sysclk",   0x00, 0x00ffffff },   /* LOCKTIME */
    { "sysclk",   0x14, 5 },            /* CLKDIVN */
    { "sysclk",   0x08, 0x00038022 },   /* UPLLCON */
    { "sysclk",   0x04, 0x0007f021 },   /* MPLLCON */
    { "memctl",   0x00, 0x22111110 },   /* BWSCON */
    { "memctl",   0x1c, 0x00018005 },   /* BANKCON6 */
    { "memctl",   0x20, 0x00018005 },
    { "memctl",   0x24, 0x008e04eb },   /* REFRESH */
    { "memctl",   0x28, 0x000000b1 },   /* BANKSIZE: 64 MiB, 64 MiB */
    { "memctl",   0x2c, 0x00000030 },
    { "memctl",   0x30, 0x00000030 },
    { "gpio",     0x00, 0x007fffff },   /* GPACON: addresses, NAND */
    { "gpio",     0x14, 0x000001e0 },   /* GPBDAT: LEDs off, buzzer off */
    { "gpio",     0x10, 0x00015555 },   /* GPBCON: LEDs, buzzer, backlight, L3 */
    { "gpio",     0x18, 0x000007ff },
    { "gpio",     0x20, 0xaaaa56a9 },   /* GPCCON: LCD, USB pull-up */
    { "gpio",     0x28, 0x0000ffff },
    { "gpio",     0x30, 0xaaaaaaaa },   /* GPDCON: LCD */
    { "gpio",     0x38, 0x0000ffff },
    { "gpio",     0x40, 0xaaaaaaaa },   /* GPECON: I2S, SD, SPI, I2C */
    { "gpio",     0x48, 0x0000ffff },
    { "gpio",     0x58, 0x000000ff },
    { "gpio",     0x60, 0x00000100 },   /* GPGCON: backlight */
    { "gpio",     0x64, 0x00000010 },   /* on */
    { "gpio",     0x68, 0x0000ffff },
    { "gpio",     0x70, 0x002afaaa },   /* GPHCON: UARTs */
    { "gpio",     0x78, 0x000007ff },
    { "uart0",    0x00, 3 },            /* ULCON: 8n1 */
    { "uart0",    0x04, 0x245 },
    { "uart0",    0x08, 7 },
    { "uart0",    0x28, 26 },           /* UBRDIV: 115200 */
    { "nand",     0x00, 0x1210 },       /* NFCONF */
    { "nand",     0x04, 3 },            /* NFCONT: on, not selected */
};

static void act_as_boot_loader(Machine *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(boot_loader); i++) {
        const RegWrite *w = &boot_loader[i];

        device_write(machine_find(m, w->id), 0, w->offset, w->val, 4);
    }
}

/* -- Where nothing is -------------------------------------------------------- */

/* The bus has no aborts: chapter 5 knows none, a bank without memory floats. */
static uint64_t nothing_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    log_unimp("mini2440", "read of %u bytes at 0x%08" PRIx64 ", where nothing is", size, offset);
    return 0;
}

static void nothing_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)opaque;
    log_unimp("mini2440", "write of %u bytes, 0x%" PRIx64 ", at 0x%08" PRIx64
              ", where nothing is", size, val, offset);
}

static const MemoryRegionOps nothing_ops = { nothing_read, nothing_write, 1, 8 };

/* -- The processor's pins ---------------------------------------------------- */

static void set_interrupt(Machine *m, uint32_t mask, int level)
{
    if (level && !((Mini2440 *)m->board)->asleep) {
        cpu_interrupt(m->cpu[0], mask);
    } else {
        cpu_reset_interrupt(m->cpu[0], mask);
    }
}

/* Its clock stops; an interrupt, masked or not, starts it. */
static void stop_cpu(Machine *m)
{
    m->cpu[0]->common.halted = 1;
    cpu_interrupt(m->cpu[0], CPU_INTERRUPT_EXIT);
}

static void set_asleep(Machine *m, bool asleep)
{
    ((Mini2440 *)m->board)->asleep = asleep;
    if (asleep) {
        cpu_reset_interrupt(m->cpu[0], CPU_INTERRUPT_HARD);
        cpu_reset_interrupt(m->cpu[0], CPU_INTERRUPT_FIQ);
        stop_cpu(m);
    }
}

static void set_cpu_pin(Machine *m, int n, int level)
{
    switch (n) {
    case PIN_IRQ:   set_interrupt(m, CPU_INTERRUPT_HARD, level); break;
    case PIN_FIQ:   set_interrupt(m, CPU_INTERRUPT_FIQ, level); break;
    case PIN_SLEEP: set_asleep(m, level); break;
    case PIN_IDLE:
        if (level) {
            stop_cpu(m);
        }
        break;
    default:
        break;
    }
}

static void set_pin(void *opaque, int n, int level)
{
    Machine *m = opaque;
    Mini2440 *b = m->board;

    if (n == PIN_BANKS_128M) {
        region_set_disabled(&b->ram_again, !level);
    } else if (n == PIN_CARD) {         /* nSD_CD is low with a card in the slot */
        qemu_set_irq(device_input(machine_find(m, "gpio"), S3C_PIN(G, 8)), !level);
    } else if (n == PIN_RESET) {
        if (level) {
            machine_request(m, MACHINE_REQUEST_RESET, 0);
        }
    } else if (m->num_cpus) {
        set_cpu_pin(m, n, level);
    }
}

static qemu_irq cpu_input(Machine *m, int n)
{
    return (qemu_irq){ set_pin, m, n };
}

/* -- Life -------------------------------------------------------------------- */

/* What runs before sleep mode leaves the address to go on at in GSTATUS3. */
static bool wakes_up(const Machine *m)
{
    return device_read(machine_find(m, "gpio"), 0, S3C_GSTATUS2, 4) & S3C_GSTATUS2_SLEEP;
}

/* Chapter 6, "Stepping stone": the first 4 KiB go to the SRAM at address 0. */
static void load_stepping_stone(Machine *m)
{
    uint8_t buf[SRAM_SIZE];
    int ret = s3c2440_nand_boot(machine_find(m, "nand"), buf, sizeof(buf));

    if (ret < 0) {
        log_unimp("mini2440", "NAND cannot be read: %s", strerror(-ret));
        memset(buf, 0xff, sizeof(buf));
    }
    as_write(m->mem, SRAM_BASE, buf, sizeof(buf));
}

static void board_reset(Machine *m)
{
    Mini2440 *b = m->board;

    if (b->from == BOOT_NAND) {
        load_stepping_stone(m);
    }
    if (m->config.kernel) {
        act_as_boot_loader(m);
    }
    if (m->config.kernel && m->num_cpus && wakes_up(m)) {
        uint64_t pc = device_read(machine_find(m, "gpio"), 0, S3C_GSTATUS3, 4);

        m->cpu[0]->common.ops->set_pc(m->cpu[0], (uint32_t)pc);
    } else {
        arm_boot_reset(&b->boot, m);
    }
}

static void board_free(Machine *m)
{
    Mini2440 *b = m->board;

    arm_boot_free(&b->boot);
    free(b->eeprom);
    free(b->wav);
    free(b);
}

static int map_ram(Machine *m, Error *err)
{
    Mini2440 *b = m->board;
    uint64_t size = m->config.ram_size;

    if (size < 8 * MiB || !is_pow2(size)) {
        return error_set(err, EINVAL, "mini2440: -m %" PRIu64 ": its SDRAM is of 64 MiB, or 8, 16 "
                         "or 32", size / MiB);
    }
    b->ram_block = ram_block_new("mini2440.ram", size);
    if (!b->ram_block) {
        return error_set(err, ENOMEM, "mini2440: no memory for %" PRIu64 " MiB of RAM",
                         size / MiB);
    }
    region_init_ram(&b->ram, "ram", b->ram_block);
    region_map(m->mem, &b->ram, RAM_BASE, 0);
    region_init_alias(&b->ram_again, "ram-again", &b->ram, 0, size);
    region_set_disabled(&b->ram_again, true);
    region_map(m->mem, &b->ram_again, RAM_BASE + size, 0);
    b->sram_block = ram_block_new("mini2440.sram", SRAM_SIZE);
    if (!b->sram_block) {
        return error_set(err, ENOMEM, "mini2440: no memory for its SRAM");
    }
    region_init_ram(&b->sram, "sram", b->sram_block);
    region_map(m->mem, &b->sram, SRAM_BASE, 0);
    region_init_alias(&b->sram_at_0, "sram-at-0", &b->sram, 0, SRAM_SIZE);
    region_set_disabled(&b->sram_at_0, b->from != BOOT_NAND);
    region_map(m->mem, &b->sram_at_0, 0, SRAM_PRIORITY);
    region_init_io(&b->nothing, "nothing", 4096 * MiB, &nothing_ops, m);
    region_map(m->mem, &b->nothing, 0, NOTHING_PRIORITY);
    return 0;
}

static void sys_exit(void *opaque, int code)
{
    machine_request(opaque, MACHINE_REQUEST_EXIT, code);
}

static int make_cpu(Machine *m, Error *err)
{
    if (!m->config.cpu_create) {
        return 0;                       /* a machine without, for tests */
    }
    CPUState *cpu = m->config.cpu_create(m->config.request_opaque, m);
    if (!cpu) {
        return error_set(err, ENOMEM, "cpu: no memory for it");
    }
    m->cpu[m->num_cpus++] = cpu;
    arm_env(cpu)->pins = (ArmPins){
        .exit = sys_exit, .opaque = m, .semihosting = m->config.semihosting,
        .semihost_cmdline = m->config.append,
    };
    return arm_set_model(arm_env(cpu), m->config.cpu_model, err);
}

/* -- -M mini2440,OPT=VALUE --------------------------------------------------- */

static const Panel panels[] = {
    { "n35", 240, 320, ",backlight=backlight" },
    { "a70", 800, 480, ",backlight=backlight" },
    { "vga", 640, 480, "" },            /* a converter for a monitor */
};
static const char opts_help[] = "boot=nand|nor,panel=n35|a70|vga,eeprom=DRIVE,wav=FILE";

static int take_option(Mini2440 *b, const char *name, const char *value, Error *err)
{
    if (!strcmp(name, "boot") && (!strcmp(value, "nand") || !strcmp(value, "nor"))) {
        b->from = strcmp(value, "nor") ? BOOT_NAND : BOOT_NOR;
        b->boot_chosen = true;
        return 0;
    }
    for (size_t i = 0; !strcmp(name, "panel") && i < ARRAY_SIZE(panels); i++) {
        if (!strcmp(value, panels[i].name)) {
            b->panel = &panels[i];
            return 0;
        }
    }
    if (!strcmp(name, "eeprom") || !strcmp(name, "wav")) {
        char **field = name[0] == 'e' ? &b->eeprom : &b->wav;

        free(*field);
        *field = xstrdup(value);
        return 0;
    }
    return error_set(err, EINVAL, "-M mini2440: '%s=%s' is no option, there are %s", name, value,
                     opts_help);
}

static int take_options(Machine *m, Error *err)
{
    Mini2440 *b = m->board;
    char *copy = xstrdup(m->config.machine_opts ? m->config.machine_opts : ""), *save = NULL;
    int ret = 0;

    b->panel = &panels[0];
    b->from = m->config.pflash[0] && !m->config.mtd ? BOOT_NOR : BOOT_NAND;
    for (char *s = strtok_r(copy, ",", &save); s && ret == 0; s = strtok_r(NULL, ",", &save)) {
        char *value = strchr(s, '=');

        if (value) {
            *value++ = 0;
        }
        ret = take_option(b, s, value ? value : "", err);
    }
    free(copy);
    if (ret == 0 && b->from == BOOT_NOR && !m->config.pflash[0]) {
        ret = error_set(err, EINVAL, "-M mini2440,boot=nor: needs a NOR flash image, -pflash FILE");
    }
    return ret;
}

/* What an option adds to a row's properties; `more` is freed. */
static char *more_props(Place *map, const char *id, char *more)
{
    Place *p = map;

    while (strcmp(p->id, id)) {
        p++;
    }
    char *props = xasprintf("%s%s%s", p->props ? p->props : "", p->props ? "," : "", more);

    free(more);
    p->props = props;
    return props;
}

static int place_chips(Machine *m, Error *err)
{
    const Mini2440 *b = m->board;
    size_t len = m->type->map_len;
    Place *map = xmemdup(m->type->map, len * sizeof(*map));
    char *lcd = more_props(map, "lcd", xasprintf("width=%u,height=%u%s", b->panel->width,
                                                 b->panel->height, b->panel->more));
    char *eeprom = b->eeprom ? more_props(map, "eeprom", xasprintf("drive=%s", b->eeprom)) : NULL;
    char *codec = b->wav ? more_props(map, "codec", xasprintf("wav=%s", b->wav)) : NULL;
    int ret = machine_place(m, map, len, err);

    free(lcd);
    free(eeprom);
    free(codec);
    free(map);
    for (int n = S3C_PIN(B, 5); ret == 0 && n <= S3C_PIN(B, 8); n++) {
        qemu_irq_raise(device_input(machine_find(m, "gpio"), n));   /* LEDs, to 3.3 V */
    }
    if (ret == 0 && b->from == BOOT_NAND) {     /* nGCS0 is not used */
        region_set_disabled(&machine_find(m, "nor")->window[0], true);
    }
    return ret;
}

static int board_init(Machine *m, Error *err)
{
    static const char *const compatible[] = { "friendlyarm,mini2440", "samsung,s3c2440", NULL };
    Mini2440 *b = xzalloc(sizeof(*b));

    m->board = b;
    m->board_free = board_free;
    m->board_reset = board_reset;
    m->cpu_input = cpu_input;
    b->board = (ArmBoard){
        .ram_base = RAM_BASE, .ram_size = (uint32_t)m->config.ram_size,
        .machine_id = MACH_MINI2440, .compatible = compatible,
    };
    int ret = take_options(m, err);
    ret = ret < 0 ? ret : map_ram(m, err);
    ret = ret < 0 ? ret : make_cpu(m, err);
    ret = ret < 0 ? ret : place_chips(m, err);
    return ret < 0 ? ret : arm_boot_load(&b->boot, &b->board, m, err);
}

const QEMUMachine mini2440_machine = {
    .name        = "mini2440",
    .desc        = "FriendlyARM mini2440 (S3C2440A, ARM920T)",
    .manual      = "S3C2440A User's Manual",
    .cpu         = "arm920t",
    .ram_default = RAM_SIZE,
    .ram_max     = RAM_SIZE,
    .max_cpus    = 1,
    .drives      = IF_SD,
    .nic_models  = "dm9000",
    .opts_help   = opts_help,
    .map         = mini2440_map,
    .map_len     = ARRAY_SIZE(mini2440_map),
    .init        = board_init,
};
