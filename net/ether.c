/* SPDX-License-Identifier: MIT */
#include "net/ether.h"

#include <string.h>
#include <zlib.h>

#include "util/bits.h"

/* zlib's CRC-32 is that of 802.3, bit reversed as the FCS is sent. */
uint32_t ether_crc(const void *data, size_t len)
{
    return (uint32_t)crc32(0, data, (unsigned)len);
}

uint32_t ether_hash(const uint8_t addr[6])
{
    uint32_t crc = ~ether_crc(addr, 6), reversed = 0;

    for (int i = 0; i < 32; i++) {
        reversed |= (crc >> i & 1) << (31 - i);
    }
    return reversed;
}

/* -- Internet checksums, RFC 1071 -------------------------------------------- */

/* Where the parts of an IPv4 frame are; RFC 791, 3.1. */
typedef struct Ipv4 {
    size_t header, payload, end;
    uint8_t protocol;
    bool whole;                         /* not a fragment */
} Ipv4;

enum { ETHERTYPE = 12, TYPE_IPV4 = 0x0800, TYPE_VLAN = 0x8100 };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { IP_CHECKSUM = 10, TCP_CHECKSUM = 16, UDP_CHECKSUM = 6 };

static bool find_ipv4(const uint8_t *frame, size_t len, Ipv4 *ip)
{
    size_t at = ETHERTYPE;

    if (len < at + 2) {
        return false;
    }
    if (load_be(frame + at, 2) == TYPE_VLAN && len >= at + 6) {
        at += 4;
    }
    ip->header = at + 2;
    if (load_be(frame + at, 2) != TYPE_IPV4 || len < ip->header + 20) {
        return false;
    }
    const uint8_t *h = frame + ip->header;
    size_t header_len = (size_t)(h[0] & 15) * 4, total = load_be(h + 2, 2);
    uint64_t fragment = load_be(h + 6, 2);

    if (h[0] >> 4 != 4 || header_len < 20 || total < header_len ||
        ip->header + total > len) {
        return false;
    }
    ip->payload = ip->header + header_len;
    ip->end = ip->header + total;
    ip->protocol = h[9];
    ip->whole = (fragment & 0x3fff) == 0;
    return true;
}

static uint32_t sum_words(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (; len >= 2; len -= 2, p += 2) {
        sum += (uint32_t)load_be(p, 2);
    }
    return len ? sum + (uint32_t)(*p << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* Over the pseudo header (RFC 793, 3.1) and the segment. */
static uint16_t transport_sum(const uint8_t *frame, const Ipv4 *ip)
{
    size_t len = ip->end - ip->payload;
    uint32_t sum = sum_words(frame + ip->header + 12, 8) + ip->protocol + (uint32_t)len;

    return fold(sum + sum_words(frame + ip->payload, len));
}

/* Offset in the frame of the transport checksum, 0 if there is none. */
static size_t transport_field(const Ipv4 *ip, unsigned *kind)
{
    size_t len = ip->end - ip->payload;

    *kind = 0;
    if (ip->whole && ip->protocol == PROTO_TCP && len >= 20) {
        *kind = ETHER_TCP;
        return ip->payload + TCP_CHECKSUM;
    }
    if (ip->whole && ip->protocol == PROTO_UDP && len >= 8) {
        *kind = ETHER_UDP;
        return ip->payload + UDP_CHECKSUM;
    }
    return 0;
}

void ether_fill_checksums(uint8_t *frame, size_t len, unsigned wanted)
{
    unsigned kind;
    Ipv4 ip;

    if (!find_ipv4(frame, len, &ip)) {
        return;
    }
    size_t at = transport_field(&ip, &kind);
    if (kind & wanted) {
        store_be(frame + at, 0, 2);
        uint16_t sum = transport_sum(frame, &ip);

        /* RFC 768: a UDP checksum of 0 is sent as all ones. */
        store_be(frame + at, sum || kind == ETHER_TCP ? sum : 0xffff, 2);
    }
    if (wanted & ETHER_IP) {
        uint8_t *h = frame + ip.header;

        store_be(h + IP_CHECKSUM, 0, 2);
        store_be(h + IP_CHECKSUM, fold(sum_words(h, ip.payload - ip.header)), 2);
    }
}

unsigned ether_check_checksums(const uint8_t *frame, size_t len, unsigned *bad)
{
    unsigned kind;
    Ipv4 ip;

    *bad = 0;
    if (!find_ipv4(frame, len, &ip)) {
        return 0;
    }
    if (fold(sum_words(frame + ip.header, ip.payload - ip.header))) {
        *bad |= ETHER_IP;
    }
    size_t at = transport_field(&ip, &kind);
    bool none = kind == ETHER_UDP && load_be(frame + at, 2) == 0;
    if (kind && !none && transport_sum(frame, &ip)) {
        *bad |= kind;
    }
    return ETHER_IP | kind;
}
