/* SPDX-License-Identifier: MIT */
#ifndef HW_NET_RTL8139_H
#define HW_NET_RTL8139_H

#include "hw/core/device.h"

extern const DeviceType rtl8139_type;

#endif
