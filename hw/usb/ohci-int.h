/* SPDX-License-Identifier: MIT */
/* Between ohci.c (registers, frames, root hub) and ohci-lists.c (ED, TD). */
#ifndef HW_USB_OHCI_INT_H
#define HW_USB_OHCI_INT_H

#include "hw/core/pci.h"
#include "hw/usb/usb.h"

enum { OHCI_MAX_PORTS = 15, OHCI_MAX_TD = 8192 };

/* HcControl, 7.1.2 */
enum { OHCI_PLE = 1 << 2, OHCI_IE = 1 << 3, OHCI_CLE = 1 << 4, OHCI_BLE = 1 << 5 };
/* HcCommandStatus, 7.1.3 */
enum { OHCI_HCR = 1 << 0, OHCI_CLF = 1 << 1, OHCI_BLF = 1 << 2, OHCI_OCR = 1 << 3 };
/* HcInterruptStatus, 7.1.4 */
enum { OHCI_SO = 1 << 0, OHCI_WDH = 1 << 1, OHCI_SF = 1 << 2, OHCI_RD = 1 << 3,
       OHCI_UE = 1 << 4, OHCI_FNO = 1 << 5, OHCI_RHSC = 1 << 6, OHCI_OC = 1 << 30 };

typedef struct Ohci {
    USBBus bus;
    USBPort port[OHCI_MAX_PORTS];
    Device *dev;
    uint32_t num_ports;                 /* property */
    bool running;                       /* the lists are being worked on */
    bool moved;                         /* something was transferred */
    Timer timer;

    uint32_t control, command, status, enable;
    uint32_t hcca, control_head, bulk_head, done_head;
    uint32_t fm_interval, periodic_start, ls_threshold;
    uint32_t rh_a, rh_b, drwe;
    uint32_t port_status[OHCI_MAX_PORTS];
    uint32_t frame;                     /* HcFmNumber at frame_start */
    int64_t frame_start;
    int32_t budget;                     /* bytes that may pass in this frame */
    uint8_t done_delay;                 /* frames until the done queue goes out; 7: none */
    uint8_t eager;                      /* frames until the pace is slow */

    uint8_t buf[OHCI_MAX_TD];
} Ohci;

void ohci_dma_read(Ohci *hc, uint32_t addr, void *buf, uint32_t len);
void ohci_dma_write(Ohci *hc, uint32_t addr, const void *buf, uint32_t len);

/* ohci-lists.c */
void ohci_periodic(Ohci *hc, uint32_t frame);   /* one frame's list */
void ohci_control_bulk(Ohci *hc);
bool ohci_write_back_done(Ohci *hc);            /* true: it was; WDH is set */

#endif
