/* SPDX-License-Identifier: MIT */
/*
 * Ethernet arithmetic that chips do: the CRC and the hash made of it, and the
 * Internet checksums of IPv4, TCP and UDP.
 */
#ifndef NET_ETHER_H
#define NET_ETHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IEEE 802.3, 3.2.9: the FCS, to be sent low byte first. */
uint32_t ether_crc(const void *data, size_t len);
/* The shift register of a chip's address filter after the six bytes of a
 * destination address; its high bits select a bit of the hash table. */
uint32_t ether_hash(const uint8_t addr[6]);

static inline bool ether_is_group(const uint8_t *frame)     { return frame[0] & 1; }
static inline bool ether_is_broadcast(const uint8_t *frame)
{
    return (frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xff;
}

/* What checksums a frame has, and which are wrong. */
enum { ETHER_IP = 1, ETHER_TCP = 2, ETHER_UDP = 4 };

/* Write the wanted ones into an IPv4 frame; other frames stay as they are. */
void ether_fill_checksums(uint8_t *frame, size_t len, unsigned wanted);
/* *bad is a subset of the result. */
unsigned ether_check_checksums(const uint8_t *frame, size_t len, unsigned *bad);

#endif
