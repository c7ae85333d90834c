/* SPDX-License-Identifier: MIT */
/*
 * IDE: channels, drives and controllers, for boards.
 *
 *   ide-channel     one cable: task file (window 0, 8 ports), control/alternate
 *                   status (window 1, 1 port), output 0 = INTRQ.  Alone it is
 *                   the ISA controller of an AT.
 *   ide-hd, ide-cd  a drive.  Properties: bus (link to a channel), unit (0, 1),
 *                   drive (block drive), serial, model, ver, ...
 *   piix3-ide       the PCI function of a PIIX3: bus master DMA for two
 *                   channels.  Properties channel0, channel1 (links).
 *
 * On a PC:
 *   { "ide.0", &ide_channel_type, { 0x1f0, 0x3f6 }, { { "pic", 14 } } },
 *   { "ide.1", &ide_channel_type, { 0x170, 0x376 }, { { "pic", 15 } } },
 *   { "piix3-ide", &piix3_ide_type, .props = "channel0=ide.0,channel1=ide.1",
 *     .devfn = AT_DEVFN(1, 1) },
 * and per drive, as -device does it:
 *   ide-hd,bus=ide.0,unit=0,drive=ide0-hd0
 *
 * Order: channels, then the controller, then drives (each realize() looks for
 * the ones before).
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "hw/core/device.h"

extern const DeviceType ide_channel_type;
extern const DeviceType ide_hd_type, ide_cd_type;
extern const DeviceType piix3_ide_type;

#endif
