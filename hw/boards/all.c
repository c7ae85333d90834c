/* SPDX-License-Identifier: MIT */
/* All device types. */
#include "hw/boards/machine.h"
#include "hw/arm/pl041.h"
#include "hw/arm/sp810.h"
#include "hw/arm/versatile-sic.h"
#include "hw/arm/versatile-sysregs.h"
#include "hw/block/fdc.h"
#include "hw/block/pflash.h"
#include "hw/char/pl011.h"
#include "hw/char/serial.h"
#include "hw/display/pl110.h"
#include "hw/display/vga.h"
#include "hw/dma/i8237.h"
#include "hw/dma/pl080.h"
#include "hw/i2c/at24c.h"
#include "hw/i2c/ds1338.h"
#include "hw/i2c/versatile-i2c.h"
#include "hw/ide/ide.h"
#include "hw/input/gpio-keys.h"
#include "hw/input/i8042.h"
#include "hw/input/pl050.h"
#include "hw/input/port92.h"
#include "hw/input/ps2.h"
#include "hw/intc/apic-bus.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/intc/pl190.h"
#include "hw/misc/debugcon.h"
#include "hw/misc/ferr.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/isa-irqs.h"
#include "hw/misc/leds.h"
#include "hw/misc/pl061.h"
#include "hw/misc/uda1341.h"
#include "hw/nand/nand.h"
#include "hw/net/dm9000.h"
#include "hw/net/ne2000.h"
#include "hw/net/rtl8139.h"
#include "hw/net/smc91c111.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/pci/piix4-pm.h"
#include "hw/pci/versatile-pci.h"
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
#include "hw/scsi/lsi.h"
#include "hw/scsi/scsi.h"
#include "hw/sd/pl181.h"
#include "hw/sd/sd.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/timer/pl031.h"
#include "hw/timer/sp804.h"
#include "hw/timer/sp805.h"
#include "hw/usb/hid.h"
#include "hw/usb/hub.h"
#include "hw/usb/ohci.h"
#include "hw/usb/storage.h"
#include "hw/usb/uhci.h"

const DeviceType *const device_types[] = {
    &apic_bus_type,
    &at24c_type,
    &cfi_flash_type,
    &dm9000_type,
    &ds1338_type,
    &fdc_type,
    &ferr_type,
    &fw_cfg_type,
    &gpio_keys_type,
    &hpet_type,
    &i440fx_type,
    &i8042_type,
    &i8237_type,
    &i8254_type,
    &i8259_type,
    &ide_cd_type,
    &ide_channel_type,
    &ide_hd_type,
    &ioapic_type,
    &isa_debug_exit_type,
    &isa_debugcon_type,
    &isa_irqs_type,
    &lapic_type,
    &leds_type,
    &lsi53c895a_type,
    &mc146818_type,
    &nand_type,
    &ne2k_isa_type,
    &ne2k_pci_type,
    &ohci_type,
    &pci_ohci_type,
    &piix3_type,
    &piix3_ide_type,
    &piix3_uhci_type,
    &piix4_pm_type,
    &pl011_type,
    &pl031_type,
    &pl041_type,
    &pl050_type,
    &pl061_type,
    &pl080_type,
    &pl110_type,
    &pl181_type,
    &pl190_type,
    &port92_type,
    &ps2_kbd_type,
    &ps2_mouse_type,
    &rtl8139_type,
    &s3c2440_ac97_type,
    &s3c2440_adc_type,
    &s3c2440_camif_type,
    &s3c2440_clock_type,
    &s3c2440_dma_type,
    &s3c2440_gpio_type,
    &s3c2440_i2c_type,
    &s3c2440_i2s_type,
    &s3c2440_intc_type,
    &s3c2440_lcd_type,
    &s3c2440_memctl_type,
    &s3c2440_nand_type,
    &s3c2440_rtc_type,
    &s3c2440_sdi_type,
    &s3c2440_spi_type,
    &s3c2440_timers_type,
    &s3c2440_uart_type,
    &s3c2440_udc_type,
    &s3c2440_wdt_type,
    &scsi_cd_type,
    &scsi_hd_type,
    &sd_card_type,
    &serial_type,
    &smc91c111_type,
    &sp804_type,
    &sp805_type,
    &sp810_type,
    &versatile_i2c_type,
    &versatile_pci_type,
    &versatile_sic_type,
    &versatile_sysregs_type,
    &uda1341_type,
    &usb_hub_type,
    &usb_kbd_type,
    &usb_mouse_type,
    &usb_storage_type,
    &usb_tablet_type,
    &vga_isa_type,
    &vga_pci_type,
    NULL
};
