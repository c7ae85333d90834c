/* SPDX-License-Identifier: MIT */
/* Between usb.c (the bus) and control.c (the default control pipe). */
#ifndef HW_USB_USB_INT_H
#define HW_USB_USB_INT_H

#include "hw/usb/usb.h"

/* Stages of a control transfer, 8.5.3. */
enum { STAGE_IDLE, STAGE_IN, STAGE_OUT, STAGE_STATUS_IN, STAGE_STALL,
       NUM_STAGES };

static inline const USBDeviceOps *usb_ops(const USBDevice *d)
{
    return d->dev.type->bus_ops;
}

/* NULL: there is none. */
const USBEndpoint *usb_endpoint(const USBDevice *d, bool in, unsigned ep);
USBStatus usb_control(USBDevice *d, USBPacket *p);
void usb_set_config(USBDevice *d, uint8_t config);

#endif
