/* SPDX-License-Identifier: MIT */
/* Cables, hubs, queues, options and back ends: the rules at the top of net/net.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ether.h"
#include "net/net-options.h"
#include "net/net.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/bits.h"

typedef struct End {
    NetClient *nc;
    uint8_t frame[2048];
    size_t len;
    int num, rooms, links;
    bool deaf;                          /* can_receive() says no */
    int answer;                         /* frames to send from within receive() */
    int depth, deepest;                 /* of receive() and send_frame() */
} End;

static void enter(End *e)
{
    e->depth++;
    e->deepest = MAX(e->deepest, e->depth);
}

static bool send_frame(End *e, size_t len, uint8_t mark)
{
    uint8_t f[2048];

    memset(f, mark, len);
    enter(e);
    bool ok = net_send(e->nc, f, len);
    e->depth--;
    return ok;
}

static bool end_can_receive(void *opaque) { return !((End *)opaque)->deaf; }
static void end_room(void *opaque)        { ((End *)opaque)->rooms++; }
static void end_link(void *opaque)        { ((End *)opaque)->links++; }

static void end_receive(void *opaque, const uint8_t *frame, size_t len)
{
    End *e = opaque;

    enter(e);
    memcpy(e->frame, frame, MIN(len, sizeof(e->frame)));
    e->len = len;
    e->num++;
    if (e->answer) {
        e->answer--;
        send_frame(e, 64, 'A');
    }
    e->depth--;
}

#define END_OPS .can_receive = end_can_receive, .receive = end_receive, .room = end_room, \
                .link_changed = end_link
static const NetOps back_ops = { .type = "back", END_OPS };
static const NetOps nic_ops = { .type = "nic", .is_nic = true, END_OPS };

static void open_end(End *e, const NetOps *ops)
{
    memset(e, 0, sizeof(*e));
    e->nc = net_client_new(ops, e, NULL);
}

static void open_pair(End *nic, End *back)
{
    open_end(nic, &nic_ops);
    open_end(back, &back_ops);
    CHECK_EQ(net_plug(nic->nc, back->nc, NULL), 0);
}

static void settle(void)
{
    for (int i = 0; i < 8; i++) {
        loop_run_once(0);
    }
}

/* -- Cables ------------------------------------------------------------------ */

/* "one shorter than 60 bytes is padded on its way into a NIC", with zeros */
TEST(a_short_frame_is_padded_for_a_nic_only)
{
    End nic, back;

    open_pair(&nic, &back);
    send_frame(&back, 42, 'x');
    CHECK_EQ(nic.len, 60);
    CHECK(nic.frame[41] == 'x' && nic.frame[42] == 0 && nic.frame[59] == 0);
    send_frame(&nic, 42, 'y');
    CHECK_EQ(back.len, 42);
    net_close_all();
}

/* "the frame waits in the receiver's queue, in order, and is delivered from a
 * bottom half: after net_flush()" */
TEST(frames_wait_for_buffers)
{
    End nic, back;

    open_pair(&nic, &back);
    nic.deaf = true;
    for (int i = 0; i < 5; i++) {
        CHECK(send_frame(&back, 100, (uint8_t)i));
    }
    settle();
    CHECK_EQ(nic.num, 0);
    nic.deaf = false;
    send_frame(&back, 100, 5);          /* does not overtake */
    CHECK_EQ(nic.num, 0);
    net_flush(nic.nc);
    CHECK_EQ(nic.num, 0);               /* soon, not now */
    settle();
    CHECK_EQ(nic.num, 6);
    CHECK_EQ(nic.frame[0], 5);
    net_close_all();
}

/* "delivery is never re-entrant": an answer sent from within receive() reaches
 * a NIC that is in net_send() later. */
TEST(delivery_is_never_reentrant)
{
    End nic, back;

    open_pair(&nic, &back);
    back.answer = 3;
    nic.answer = 2;
    send_frame(&nic, 100, 1);
    CHECK_EQ(back.num, 1);
    CHECK_EQ(nic.num, 0);
    settle();
    CHECK_EQ(nic.num, 3);
    CHECK_EQ(back.num, 3);
    CHECK_EQ(nic.deepest, 2);           /* receive() and its own net_send() */
    CHECK_EQ(back.deepest, 2);
    net_close_all();
}

/* "stops when net_send() returns false, until its room() is called"; a full
 * queue loses what comes. */
TEST(a_sender_hears_when_there_is_room)
{
    End nic, back;
    int sent = 0;

    open_pair(&nic, &back);
    nic.deaf = true;
    while (sent < 100000 && send_frame(&back, 100, 0)) {
        sent++;
    }
    CHECK(sent > 16 && sent < 10000);
    CHECK(!net_can_send(back.nc));
    nic.deaf = false;
    net_flush(nic.nc);
    settle();
    CHECK_EQ(nic.num, sent + 1);
    CHECK_EQ(back.rooms, 1);
    CHECK(net_can_send(back.nc));
    nic.deaf = true;
    for (int i = 0; i < 20000; i++) {
        send_frame(&back, 100, 0);
    }
    nic.deaf = false;
    nic.num = 0;
    net_flush(nic.nc);
    settle();
    CHECK(nic.num > sent && nic.num < 20000);
    net_close_all();
}

/* "without a peer or with a link switched off the frame is lost" */
TEST(a_link_can_be_cut)
{
    End nic, back, alone;

    open_pair(&nic, &back);
    open_end(&alone, &nic_ops);
    CHECK(!net_link_up(alone.nc));
    CHECK(send_frame(&alone, 100, 0));
    CHECK(net_link_up(nic.nc) && net_link_up(back.nc));
    nic.links = 0;
    net_set_link(back.nc, false);
    CHECK(!net_link_up(nic.nc) && !net_link_up(back.nc));
    CHECK_EQ(nic.links, 1);
    send_frame(&nic, 100, 0);
    send_frame(&back, 100, 0);
    settle();
    CHECK_EQ(nic.num + back.num, 0);
    net_set_link(back.nc, true);
    send_frame(&back, 100, 0);
    CHECK_EQ(nic.num, 1);
    net_client_free(back.nc);
    CHECK(!net_link_up(nic.nc));
    net_close_all();
}

/* "NICs get nothing while the machine is stopped", back ends do. */
TEST(a_stopped_machine_gets_nothing)
{
    End nic, back;

    open_pair(&nic, &back);
    net_set_running(false);
    send_frame(&back, 100, 0);
    send_frame(&nic, 100, 0);
    settle();
    CHECK_EQ(nic.num, 0);
    CHECK_EQ(back.num, 1);
    net_set_running(true);
    settle();
    CHECK_EQ(nic.num, 1);
    net_close_all();
}

TEST(an_end_has_one_peer)
{
    End nic, back, third;
    Error err;

    open_pair(&nic, &back);
    open_end(&third, &back_ops);
    CHECK_EQ(net_plug(nic.nc, third.nc, &err), -EBUSY);
    net_unplug(nic.nc);
    CHECK_EQ(net_plug(nic.nc, third.nc, &err), 0);
    CHECK(!net_peer(back.nc));
    net_close_all();
}

/* -- Hubs -------------------------------------------------------------------- */

static void open_on_hub(End *e, const NetOps *ops, int hub)
{
    open_end(e, ops);
    CHECK_EQ(net_plug(e->nc, net_hub_port_new(hub, NULL), NULL), 0);
}

/* "each frame goes to all ports but the one it came from"; hubs are apart. */
TEST(a_hub_repeats)
{
    End a, b, c, other;

    open_on_hub(&a, &nic_ops, 3);
    open_on_hub(&b, &back_ops, 3);
    open_on_hub(&c, &back_ops, 3);
    open_on_hub(&other, &back_ops, 4);
    send_frame(&a, 100, 0);
    CHECK(a.num == 0 && b.num == 1 && c.num == 1 && other.num == 0);
    send_frame(&c, 100, 0);
    CHECK(a.num == 1 && b.num == 2 && c.num == 1 && other.num == 0);
    CHECK_EQ(net_hub_of(a.nc), 3);
    net_close_all();
}

/* "A port that can take no more holds up none of the others"; when there is no
 * other, the sender is held. */
TEST(a_hub_is_not_held_up_by_one)
{
    End a, slow, fast;
    int sent = 0;

    open_on_hub(&a, &back_ops, 0);
    open_on_hub(&slow, &nic_ops, 0);
    open_on_hub(&fast, &nic_ops, 0);
    slow.deaf = true;
    for (int i = 0; i < 3000; i++) {
        send_frame(&a, 100, 0);
    }
    CHECK_EQ(fast.num, 3000);
    net_client_free(fast.nc);
    while (sent < 100000 && send_frame(&a, 100, 0)) {
        sent++;
    }
    CHECK(sent < 10000);
    CHECK_EQ(a.rooms, 0);
    slow.deaf = false;
    net_flush(slow.nc);
    settle();
    CHECK(a.rooms > 0);
    net_close_all();
}

/* -- Options ----------------------------------------------------------------- */

static NICInfo *nics[NET_MAX_NICS];

static int open_options(const char *const *net, const char *const *netdev,
                        const char *const *nic, Error *err)
{
    NetOptions o = { .net = net, .netdev = netdev, .nic = nic, .board_has_nic = true };

    memset(nics, 0, sizeof(nics));
    while (net && net[o.num_net]) { o.num_net++; }
    while (netdev && netdev[o.num_netdev]) { o.num_netdev++; }
    while (nic && nic[o.num_nic]) { o.num_nic++; }
    return net_open_all(&o, nics, err);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static bool refused(const char *const *net, const char *const *netdev,
                    const char *const *nic, const char *why)
{
    Error err = { "" };
    int ret = open_options(net, netdev, nic, &err);

    if (ret >= 0 || !strstr(err.msg, why)) {
        printf("# got %d, \"%s\"\n", ret, err.msg);
    }
    net_close_all();
    return ret < 0 && strstr(err.msg, why);
}

TEST(addresses_count_up)
{
    char text[18];

    CHECK_EQ(open_options(WORDS("nic", "nic,macaddr=52:54:00:12:34:57,vlan=1", "nic,model=m"),
                          NULL, NULL, NULL), 0);
    net_format_mac(nics[0]->mac, text);
    CHECK_STR(text, "52:54:00:12:34:56");
    net_format_mac(nics[1]->mac, text);
    CHECK_STR(text, "52:54:00:12:34:57");
    net_format_mac(nics[2]->mac, text);
    CHECK_STR(text, "52:54:00:12:34:58");
    CHECK(!nics[0]->model && !strcmp(nics[2]->model, "m") && !nics[3]);
    CHECK_EQ(net_hub_of(nics[1]->peer), 1);
    net_close_all();
}

TEST(none_and_defaults)
{
    Error err = { "" };

    CHECK_EQ(open_options(NULL, NULL, NULL, &err), 0);
    CHECK(nics[0] && !nics[1]);
    net_close_all();
    CHECK_EQ(open_options(WORDS("none"), NULL, NULL, &err), 0);
    CHECK(!nics[0] && !net_next(NULL));
    net_close_all();
    NetOptions o = { .board_has_nic = true, .nodefaults = true };
    CHECK_EQ(net_open_all(&o, nics, &err), 0);
    CHECK(!nics[0]);
    net_close_all();
}

TEST(a_netdev_is_found_by_its_name)
{
    CHECK_EQ(open_options(NULL, WORDS("hubport,hubid=5,id=n1"), NULL, NULL), 0);
    CHECK(!nics[0]);
    NICInfo *info = net_nic_for("n1");
    CHECK(info && info->peer == net_find("n1") && info->has_mac);
    CHECK(net_nic_for("n1") == info);
    CHECK(!net_nic_for("n2"));
    CHECK_EQ(net_add_backend("hubport,hubid=6,id=n2", NULL), 0);
    CHECK(net_nic_for("n2") != info);
    CHECK(net_add_backend("hubport,hubid=6,id=n2", NULL) < 0);
    CHECK_EQ(net_del_backend("n2", NULL), 0);
    CHECK(net_del_backend("n2", NULL) < 0);
    net_close_all();
}

TEST(nic_makes_both)
{
    CHECK_EQ(open_options(NULL, NULL, WORDS("hubport,hubid=2,model=x,mac=02:00:00:00:00:01"),
                          NULL), 0);
    CHECK(nics[0] && nics[0]->peer && net_hub_of(nics[0]->peer) == 2);
    CHECK_EQ(nics[0]->mac[0], 2);
    net_close_all();
}

TEST(what_is_wrong_is_named)
{
    CHECK(refused(WORDS("xyz"), NULL, NULL, "-net xyz"));
    CHECK(refused(WORDS("nic,model=a,colour=red"), NULL, NULL, "no setting 'colour'"));
    CHECK(refused(WORDS("nic,vlan=x"), NULL, NULL, "vlan=x"));
    CHECK(refused(WORDS("nic,macaddr=1:2:3"), NULL, NULL, "'1:2:3' is no MAC"));
    CHECK(refused(WORDS("nic,macaddr=01:00:00:00:00:00"), NULL, NULL, "group address"));
    CHECK(refused(WORDS("nic,macaddr=52:54:00:00:00:01", "nic,macaddr=52:54:00:00:00:01"), NULL,
                  NULL, "52:54:00:00:00:01"));
    CHECK(refused(WORDS("nic", "nic", "nic", "nic", "nic"), NULL, NULL, "more than 4"));
    CHECK(refused(WORDS("nic,netdev=no"), NULL, NULL, "no netdev 'no'"));
    CHECK(refused(WORDS("socket"), NULL, NULL, "one of listen="));
    CHECK(refused(WORDS("socket,listen=:1,connect=:2"), NULL, NULL, "one of listen="));
    CHECK(refused(WORDS("socket,connect=127.0.0.1:x"), NULL, NULL, "HOST:PORT"));
    CHECK(refused(WORDS("socket,mcast=10.0.0.1:99"), NULL, NULL, "224.0.0.0"));
    CHECK(refused(WORDS("user,smb=/tmp"), NULL, NULL, "smb="));
    CHECK(refused(WORDS("hubport,hubid=1"), NULL, NULL, "vlan=N"));
    CHECK(refused(NULL, WORDS("hubport,hubid=1"), NULL, "want id="));
    CHECK(refused(NULL, WORDS("hubport,id=a"), NULL, "want hubid="));
    CHECK(refused(NULL, WORDS("hubport,id=a,hubid=1", "hubport,id=a,hubid=2"), NULL,
                  "something called 'a'"));
    CHECK(refused(NULL, NULL, WORDS("hubport,hubid=1,vlan=3"), "no setting 'vlan'"));
}

TEST(lonely_hubs_are_warned_about)
{
    End nic;
    int i = 0;

    CHECK_EQ(open_options(WORDS("socket,listen=127.0.0.1:0,vlan=7"), NULL, NULL, NULL), 0);
    char *text = net_next_warning(&i);
    CHECK(text && strstr(text, "vlan 7 has no NIC"));
    free(text);
    CHECK(!net_next_warning(&i));
    open_on_hub(&nic, &nic_ops, 7);
    i = 0;
    CHECK(!net_next_warning(&i));
    net_close_all();
}

/* -- Back ends --------------------------------------------------------------- */

static NetClient *first_of(const char *type)
{
    NetClient *nc = net_next(NULL);

    while (nc && strcmp(net_ops(nc)->type, type)) {
        nc = net_next(nc);
    }
    return nc;
}

static bool wait_for(const int *num, int want)
{
    for (int i = 0; i < 200 && *num < want; i++) {
        loop_run_once(10 * NS_PER_MS);
    }
    return *num == want;
}

/* A port of this host that is free now. */
static int free_port(int type)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, type, 0);

    CHECK_EQ(bind(fd, (struct sockaddr *)&a, len), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* pcap: magic, version 2.4, link type 1; seconds, microseconds, kept, length */
TEST(dump_writes_pcap)
{
    char path[] = "/tmp/test-net-XXXXXX", option[64];
    uint32_t w[10];
    End a;

    close(mkstemp(path));
    snprintf(option, sizeof(option), "dump,file=%s,len=64", path);
    CHECK_EQ(open_options(WORDS(option), NULL, NULL, NULL), 0);
    open_on_hub(&a, &back_ops, 0);
    send_frame(&a, 100, 'p');
    net_close_all();
    int fd = open(path, O_RDONLY);
    CHECK_EQ(read(fd, w, sizeof(w)), sizeof(w));
    CHECK_EQ(w[0], 0xa1b2c3d4);
    CHECK_EQ(w[1], 4 << 16 | 2);
    CHECK_EQ(w[4], 64);
    CHECK_EQ(w[5], 1);
    CHECK_EQ(w[8], 64);
    CHECK_EQ(w[9], 100);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 24 + 16 + 64);
    close(fd);
    unlink(path);
}

TEST(sockets_talk_over_tcp)
{
    char listen[64], connect[64];
    int port = free_port(SOCK_STREAM);
    End a, b;

    snprintf(listen, sizeof(listen), "socket,listen=127.0.0.1:%d,vlan=0", port);
    snprintf(connect, sizeof(connect), "socket,connect=127.0.0.1:%d,vlan=1", port);
    CHECK_EQ(open_options(WORDS(listen, connect), NULL, NULL, NULL), 0);
    open_on_hub(&a, &back_ops, 0);
    open_on_hub(&b, &back_ops, 1);
    settle();
    for (int i = 0; i < 50; i++) {
        send_frame(&a, 1500, (uint8_t)i);
    }
    CHECK(wait_for(&b.num, 50));
    CHECK_EQ(b.len, 1500);
    CHECK_EQ(b.frame[1499], 49);
    send_frame(&b, 60, 'z');
    CHECK(wait_for(&a.num, 1));
    net_close_all();
}

/* A peer that claims a frame longer than there can be is hung up on, and the
 * next one is served. */
TEST(a_socket_survives_nonsense)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    static const uint8_t nonsense[8] = { 0xff, 0xff, 0xff, 0xff };
    static const uint8_t good[] = { 0, 0, 0, 20, 'g' };
    uint8_t frame[24] = { 0 }, byte;
    int port = free_port(SOCK_STREAM);
    char listen[64];
    End a;

    snprintf(listen, sizeof(listen), "socket,listen=127.0.0.1:%d", port);
    CHECK_EQ(open_options(WORDS(listen), NULL, NULL, NULL), 0);
    open_on_hub(&a, &back_ops, 0);
    to.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_EQ(write(fd, nonsense, sizeof(nonsense)), sizeof(nonsense));
    for (int i = 0; i < 20; i++) {
        loop_run_once(5 * NS_PER_MS);
    }
    CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    memcpy(frame, good, sizeof(good));
    CHECK_EQ(write(fd, frame, 10), 10);         /* in two pieces */
    settle();
    CHECK_EQ(write(fd, frame + 10, 14), 14);
    CHECK(wait_for(&a.num, 1));
    CHECK_EQ(a.len, 20);
    close(fd);
    net_close_all();
}

TEST(sockets_talk_over_udp)
{
    char one[96], two[96];
    int p = free_port(SOCK_DGRAM), q = free_port(SOCK_DGRAM);
    End a, b;

    snprintf(one, sizeof(one), "socket,udp=127.0.0.1:%d,localaddr=127.0.0.1:%d,vlan=0", p, q);
    snprintf(two, sizeof(two), "socket,udp=127.0.0.1:%d,localaddr=127.0.0.1:%d,vlan=1", q, p);
    CHECK_EQ(open_options(WORDS(one, two), NULL, NULL, NULL), 0);
    open_on_hub(&a, &back_ops, 0);
    open_on_hub(&b, &back_ops, 1);
    send_frame(&a, 77, 'u');
    CHECK(wait_for(&b.num, 1));
    CHECK_EQ(b.len, 77);
    net_close_all();
}

/* A group: the others hear a frame, the sender does not hear itself. */
TEST(sockets_talk_over_multicast)
{
    char one[96], two[96];
    int port = free_port(SOCK_DGRAM);
    Error err = { "" };
    End a, b;

    snprintf(one, sizeof(one), "socket,mcast=239.192.7.7:%d,localaddr=127.0.0.1,vlan=0", port);
    snprintf(two, sizeof(two), "socket,mcast=239.192.7.7:%d,localaddr=127.0.0.1,vlan=1", port);
    if (open_options(WORDS(one, two), NULL, NULL, &err) < 0) {
        net_close_all();
        TEST_SKIP("this host has no multicast");
    }
    open_on_hub(&a, &back_ops, 0);
    open_on_hub(&b, &back_ops, 1);
    send_frame(&a, 99, 'm');
    CHECK(wait_for(&b.num, 1));
    settle();
    CHECK_EQ(a.num, 0);
    net_close_all();
}

static void interface_up(const char *name)
{
    struct ifreq ifr = { .ifr_flags = IFF_UP };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
    close(fd);
}

/* What the guest sends arrives at the host's interface, and the reverse. */
TEST(tap_is_an_interface_of_the_host)
{
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
    uint8_t out[80] = { 0 }, in[128];
    Error err = { "" };
    End a;

    if (open_options(WORDS("tap,ifname=qtest0,script=no,downscript=no"), NULL, NULL, &err) < 0) {
        CHECK(strstr(err.msg, "-net tap"));
        net_close_all();
        TEST_SKIP("no rights for /dev/net/tun");
    }
    open_on_hub(&a, &back_ops, 0);
    interface_up("qtest0");
    int fd = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));
    at.sll_ifindex = (int)if_nametoindex("qtest0");
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        net_close_all();
        TEST_SKIP("no rights for packet sockets");
    }
    memset(out, 0xff, 6);
    store_be(out + 12, 0x88b5, 2);      /* local experimental ethertype */
    out[20] = 't';
    net_send(a.nc, out, sizeof(out));
    CHECK_EQ(recv(fd, in, sizeof(in), 0), sizeof(out));
    CHECK(!memcmp(in, out, sizeof(out)));
    a.num = 0;
    out[20] = 'h';
    for (int i = 0; i < 100 && !(a.num && a.frame[20] == 'h'); i++) {
        /* Again if the host's own, of IPv6, came right behind it. */
        CHECK_EQ(send(fd, out, sizeof(out), 0), sizeof(out));
        loop_run_once(10 * NS_PER_MS);
    }
    CHECK_EQ(a.frame[20], 'h');
    CHECK(first_of("tap"));
    close(fd);
    net_close_all();
}

/* -- Arithmetic -------------------------------------------------------------- */

/* 802.3, 3.2.9: G(x), first bit of each byte first, preset, complemented. */
static uint32_t slow_crc(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < 8 * len; i++) {
        uint32_t bit = p[i / 8] >> (i % 8) & 1;

        crc = crc << 1 ^ ((crc >> 31 ^ bit) ? 0x04c11db7u : 0);
    }
    return crc;
}

TEST(crc_and_hash)
{
    uint8_t data[64];

    CHECK_EQ(ether_crc("123456789", 9), 0xcbf43926);
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 37 + 1);
    }
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(ether_hash(data + i), slow_crc(data + i, 6));
    }
}

/* RFC 1071, 3: the example's sum; RFC 791: a header sums up to zero. */
TEST(checksums)
{
    uint8_t f[64] = { [12] = 0x08, [14] = 0x45, [17] = 34, [22] = 64, [23] = 17,
                      [26] = 10, [29] = 1, [30] = 10, [33] = 2,
                      [34] = 0x04, [36] = 0x08, [39] = 14, [42] = 'h', [43] = 'i' };
    unsigned bad;

    CHECK_EQ(ether_check_checksums(f, sizeof(f), &bad), ETHER_IP | ETHER_UDP);
    CHECK_EQ(bad, ETHER_IP);            /* UDP 0: none was sent */
    ether_fill_checksums(f, sizeof(f), ETHER_IP | ETHER_UDP);
    CHECK_EQ(load_be(f + 24, 2), 0x66c9);
    CHECK_EQ(ether_check_checksums(f, sizeof(f), &bad), ETHER_IP | ETHER_UDP);
    CHECK_EQ(bad, 0);
    f[43] ^= 1;
    ether_check_checksums(f, sizeof(f), &bad);
    CHECK_EQ(bad, ETHER_UDP);
    f[17] = 200;                        /* longer than the frame: not looked at */
    CHECK_EQ(ether_check_checksums(f, sizeof(f), &bad), 0);
}
