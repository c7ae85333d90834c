/* SPDX-License-Identifier: MIT */
/* Between uhci.c (registers, frames, ports) and uhci-lists.c (QH, TD). */
#ifndef HW_USB_UHCI_INT_H
#define HW_USB_UHCI_INT_H

#include "hw/core/pci.h"
#include "hw/usb/usb.h"

enum { UHCI_PORTS = 2, UHCI_MAX_TD = 2048 };

/* USBSTS, 2.1.2 */
enum { UHCI_STS_INT = 1 << 0, UHCI_STS_ERROR = 1 << 1, UHCI_STS_RESUME = 1 << 2,
       UHCI_STS_HOST_ERROR = 1 << 3, UHCI_STS_PROCESS_ERROR = 1 << 4, UHCI_STS_HALTED = 1 << 5 };
/* What made UHCI_STS_INT: bits of USBINTR, 2.1.3. */
enum { UHCI_BY_IOC = 1 << 2, UHCI_BY_SHORT = 1 << 3 };

typedef struct Uhci {
    PCIDevice pci;
    USBBus bus;
    USBPort port[UHCI_PORTS];
    bool running;                       /* the lists are being worked on */
    bool moved;                         /* something was transferred */
    Timer timer;

    uint16_t command, status, enable, causes;
    uint32_t base;                      /* FLBASEADD */
    uint8_t sof;
    uint16_t port_status[UHCI_PORTS];
    uint16_t frame;                     /* FRNUM at frame_start */
    int64_t frame_start;
    int32_t budget;                     /* bytes that may pass in this frame */
    uint8_t eager;                      /* frames until the pace is slow */

    uint8_t buf[UHCI_MAX_TD];
} Uhci;

/* The schedule of one frame. */
void uhci_run_frame(Uhci *s, unsigned frame);

#endif
