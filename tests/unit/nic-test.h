/* SPDX-License-Identifier: MIT */
/*
 * A network card alone: at the other end of its cable the test sends frames and
 * keeps those that come.
 */
#ifndef TESTS_UNIT_NIC_TEST_H
#define TESTS_UNIT_NIC_TEST_H

#include "net/net.h"
#include "sys/loop.h"
#include "tests/unit/chip-test.h"

typedef struct Station {
    NetClient *nc;
    uint8_t frame[NET_MAX_FRAME];       /* the last one that came */
    size_t len;
    int num;                            /* how many */
} Station;

static Station station;
static NICInfo cable;
static const uint8_t card_mac[6] = { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef };
static const uint8_t station_mac[6] = { 0x52, 0x54, 0x00, 0x00, 0x00, 0x01 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static inline void station_receive(void *opaque, const uint8_t *frame, size_t len)
{
    Station *s = opaque;

    memcpy(s->frame, frame, len);
    s->len = len;
    s->num++;
}

static const NetOps station_ops = { .type = "station", .receive = station_receive };

/* A card with card_mac and a station at its cable, at time 0. */
static inline Device *nic_new(const DeviceType *t)
{
    clock_init_manual(&clock_);
    memset(&station, 0, sizeof(station));
    station.nc = net_client_new(&station_ops, &station, "station");
    cable = (NICInfo){ .has_mac = true, .peer = station.nc };
    memcpy(cable.mac, card_mac, 6);

    Device *d = chip_make(t);
    chip_link(d, "netdev", &cable);
    return chip_plug(d);
}

static inline void nic_delete(Device *d)
{
    device_free(d);
    net_client_free(station.nc);
}

/* Let the bottom halves deliver what waits. */
static inline void settle(void)
{
    for (int i = 0; i < 4; i++) {
        loop_run_once(0);
    }
}

/* An Ethernet frame whose data is made from `seed`. */
static inline size_t make_frame(uint8_t *f, const uint8_t to[6], const uint8_t from[6],
                                size_t len, unsigned seed)
{
    memcpy(f, to, 6);
    memcpy(f + 6, from, 6);
    for (size_t i = 12; i < len; i++) {
        f[i] = (uint8_t)(i * 7 + seed);
    }
    return len;
}

/* From the station to the card. */
static inline void send_to_card(const uint8_t to[6], size_t len, unsigned seed)
{
    uint8_t f[2048];

    net_send(station.nc, f, make_frame(f, to, station_mac, len, seed));
    settle();
}

/* Is it what make_frame() makes, with the FCS out of account? */
static inline bool is_frame(const uint8_t *f, const uint8_t to[6], const uint8_t from[6],
                            size_t len, unsigned seed)
{
    uint8_t want[2048];

    make_frame(want, to, from, len, seed);
    return !memcmp(f, want, len);
}

#endif
