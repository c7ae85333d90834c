/* SPDX-License-Identifier: MIT */
/* User networks: what a guest and the host see of net/slirp.c. */
#include "net/slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/ether.h"
#include "net/net-options.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ETH = 14, IP = 20, UDP = 8, PAYLOAD = ETH + IP + UDP };
enum { PROTO_TCP = 6, PROTO_UDP = 17, TCP_SYN = 2, TCP_PSH = 8, TCP_ACK = 16 };
enum { GUEST = 0x0a00020f, ROUTER = 0x0a000202, DNS = 0x0a000203, BROADCAST = 0xffffffff };

static const uint8_t guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static uint8_t frames[64][2048];        /* all that came */
static size_t lengths[64];
static int num_frames;

static void on_frame(void *opaque, const uint8_t *frame, size_t len)
{
    (void)opaque;
    if (num_frames < 64 && len <= sizeof(frames[0])) {
        memcpy(frames[num_frames], frame, len);
        lengths[num_frames++] = len;
    }
}

static const NetOps nic_ops = { .type = "nic", .is_nic = true, .receive = on_frame };
static NetClient *nic;

static int open_net(const char *option, Error *err)
{
    NetOptions o = { .net = &option, .num_net = 1 };
    NICInfo *nics[NET_MAX_NICS] = { NULL };
    int ret = net_open_all(&o, nics, err);

    num_frames = 0;
    if (ret == 0) {
        nic = net_client_new(&nic_ops, NULL, NULL);
        CHECK_EQ(net_plug(nic, net_hub_port_new(0, NULL), NULL), 0);
    } else {
        net_close_all();
    }
    return ret;
}

#ifdef CONFIG_SLIRP
#define NEED_SLIRP()
#else
#define NEED_SLIRP() TEST_SKIP("built without libslirp")
#endif

typedef bool Matcher(const uint8_t *f, size_t len);

/* The first frame that matches, waiting for it; NULL if none comes. */
static const uint8_t *wait_for(Matcher *m)
{
    for (int tries = 0; tries < 100; tries++) {
        for (int i = 0; i < num_frames; i++) {
            if (m(frames[i], lengths[i])) {
                return frames[i];
            }
        }
        loop_run_once(10 * NS_PER_MS);
    }
    return NULL;
}

static bool is_ip(const uint8_t *f, size_t len, unsigned protocol)
{
    return len >= PAYLOAD && load_be(f + 12, 2) == 0x0800 && f[ETH + 9] == protocol;
}

/* -- What a guest sends ------------------------------------------------------ */

static void send_arp(uint32_t who)
{
    uint8_t f[42];

    memset(f, 0xff, 6);
    memcpy(f + 6, guest_mac, 6);
    memcpy(f + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
    memcpy(f + 22, guest_mac, 6);
    store_be(f + 28, GUEST, 4);
    memset(f + 32, 0, 6);
    store_be(f + 38, who, 4);
    net_send(nic, f, sizeof(f));
}

static void send_udp(uint32_t from, uint32_t to, unsigned sport, unsigned dport,
                     const void *data, size_t len)
{
    uint8_t f[1500] = { [ETH] = 0x45, [ETH + 8] = 64, [ETH + 9] = PROTO_UDP };

    memset(f, 0xff, 6);
    memcpy(f + 6, guest_mac, 6);
    store_be(f + 12, 0x0800, 2);
    store_be(f + ETH + 2, IP + UDP + len, 2);
    store_be(f + ETH + 12, from, 4);
    store_be(f + ETH + 16, to, 4);
    store_be(f + ETH + IP, sport, 2);
    store_be(f + ETH + IP + 2, dport, 2);
    store_be(f + ETH + IP + 4, UDP + len, 2);
    memcpy(f + PAYLOAD, data, len);
    ether_fill_checksums(f, PAYLOAD + len, ETHER_IP | ETHER_UDP);
    net_send(nic, f, PAYLOAD + len);
}

static void send_discover(void)
{
    /* RFC 951 and 2132: BOOTREQUEST, magic cookie, DHCPDISCOVER */
    uint8_t d[300] = { 1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44 };

    memcpy(d + 28, guest_mac, 6);
    memcpy(d + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
    send_udp(0, BROADCAST, 68, 67, d, sizeof(d));
}

/* -- DHCP and ARP ------------------------------------------------------------ */

static bool is_bootp_reply(const uint8_t *f, size_t len)
{
    return is_ip(f, len, PROTO_UDP) && load_be(f + ETH + IP + 2, 2) == 68;
}

/* RFC 2132, 2: code, length, data; NULL if the option is not there. */
static const uint8_t *dhcp_option(const uint8_t *f, unsigned code)
{
    const uint8_t *p = f + PAYLOAD + 240, *end = f + 1000;

    while (p < end && *p != 255) {
        if (*p == code) {
            return p + 2;
        }
        p += *p ? 2 + p[1] : 1;
    }
    return NULL;
}

static uint32_t address_option(const uint8_t *f, unsigned code)
{
    const uint8_t *p = dhcp_option(f, code);

    return p ? (uint32_t)load_be(p, 4) : 0;
}

TEST(dhcp_offers_an_address)
{
    NEED_SLIRP();
    CHECK_EQ(open_net("user", NULL), 0);
    send_discover();
    const uint8_t *f = wait_for(is_bootp_reply);
    CHECK(f);
    if (f) {
        CHECK_EQ(load_be(f + PAYLOAD + 4, 4), 0x11223344);      /* xid */
        CHECK_EQ(load_be(f + PAYLOAD + 16, 4), GUEST);          /* yiaddr */
        CHECK(dhcp_option(f, 53) && *dhcp_option(f, 53) == 2);  /* OFFER */
        CHECK_EQ(address_option(f, 1), 0xffffff00);
        CHECK_EQ(address_option(f, 3), ROUTER);
        CHECK_EQ(address_option(f, 6), DNS);
        CHECK_EQ(address_option(f, 54), ROUTER);
    }
    net_close_all();
}

TEST(the_network_can_be_chosen)
{
    NEED_SLIRP();
    CHECK_EQ(open_net("user,net=192.168.76.0/24,host=192.168.76.9,dns=192.168.76.8,"
                      "dhcpstart=192.168.76.33,hostname=fred,bootfile=/pxe", NULL), 0);
    send_discover();
    const uint8_t *f = wait_for(is_bootp_reply);
    CHECK(f);
    if (f) {
        CHECK_EQ(load_be(f + PAYLOAD + 16, 4), 0xc0a84c21);
        CHECK_EQ(address_option(f, 3), 0xc0a84c09);
        CHECK_EQ(address_option(f, 6), 0xc0a84c08);
        CHECK(dhcp_option(f, 12) && !memcmp(dhcp_option(f, 12), "fred", 4));
        CHECK(!memcmp(f + PAYLOAD + 108, "/pxe", 5));
    }
    net_close_all();
}

static bool is_arp_reply(const uint8_t *f, size_t len)
{
    return len >= 42 && load_be(f + 12, 2) == 0x0806 && load_be(f + 20, 2) == 2;
}

/* RFC 826: the reply names the address asked for, to who asked. */
TEST(arp_finds_the_router)
{
    NEED_SLIRP();
    CHECK_EQ(open_net("user", NULL), 0);
    send_arp(ROUTER);
    const uint8_t *f = wait_for(is_arp_reply);
    CHECK(f);
    if (f) {
        CHECK_EQ(load_be(f + 28, 4), ROUTER);
        CHECK(!memcmp(f, guest_mac, 6) && !memcmp(f + 32, guest_mac, 6));
        CHECK(!(f[22] & 1));
    }
    net_close_all();
}

/* -- TFTP -------------------------------------------------------------------- */

static bool is_tftp(const uint8_t *f, size_t len)
{
    return is_ip(f, len, PROTO_UDP) && load_be(f + ETH + IP + 2, 2) == 1069;
}

/* RFC 1350, 5: RRQ; DATA, block 1, of less than 512 bytes is the last. */
TEST(tftp_reads_a_file)
{
    static const char rrq[] = "\0\1hello.txt\0octet";
    char dir[] = "/tmp/test-slirp-XXXXXX", path[64], option[64];

    NEED_SLIRP();
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/hello.txt", dir);
    snprintf(option, sizeof(option), "user,tftp=%s", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK_EQ(write(fd, "hello, guest", 12), 12);
    close(fd);
    CHECK_EQ(open_net(option, NULL), 0);
    send_arp(ROUTER);                   /* so that it knows our address */
    send_udp(GUEST, ROUTER, 1069, 69, rrq, sizeof(rrq));
    const uint8_t *f = wait_for(is_tftp);
    CHECK(f);
    if (f) {
        CHECK_EQ(load_be(f + PAYLOAD, 2), 3);
        CHECK_EQ(load_be(f + PAYLOAD + 2, 2), 1);
        CHECK_EQ(load_be(f + ETH + IP + 4, 2), UDP + 4 + 12);
        CHECK(!memcmp(f + PAYLOAD + 4, "hello, guest", 12));
    }
    net_close_all();
    unlink(path);
    rmdir(dir);
}

/* -- Forwarding -------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(bind(fd, (struct sockaddr *)&a, len), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* The host's kernel takes a connection before libslirp does. */
static int connect_to(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        int e = errno;

        close(fd);
        return -e;
    }
    return fd;
}

static bool is_syn(const uint8_t *f, size_t len)
{
    return is_ip(f, len, PROTO_TCP) && f[ETH + IP + 13] == TCP_SYN;
}

static bool is_arp_request(const uint8_t *f, size_t len)
{
    return len >= 42 && load_be(f + 12, 2) == 0x0806 && load_be(f + 20, 2) == 1 &&
           load_be(f + 38, 4) == GUEST;
}

static void answer_arp(const uint8_t *q)
{
    uint8_t f[42];

    memcpy(f, q + 6, 6);
    memcpy(f + 6, guest_mac, 6);
    memcpy(f + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02", 10);
    memcpy(f + 22, guest_mac, 6);
    store_be(f + 28, GUEST, 4);
    memcpy(f + 32, q + 22, 10);
    net_send(nic, f, sizeof(f));
}

/* A connection to the host's port becomes one to the guest's. */
static void check_forwarded(int port, unsigned guest_port)
{
    int fd = connect_to(port);

    CHECK(fd >= 0);
    const uint8_t *q = wait_for(is_arp_request);
    CHECK(q);
    if (q) {
        answer_arp(q);
    }
    const uint8_t *f = wait_for(is_syn);
    CHECK(f);
    if (f) {
        CHECK_EQ(load_be(f + ETH + 16, 4), GUEST);
        CHECK_EQ(load_be(f + ETH + IP + 2, 2), guest_port);
    }
    close(fd);
}

TEST(hostfwd_reaches_the_guest)
{
    char option[64], rule[64];
    Error err = { "" };

    NEED_SLIRP();
    int port = free_port();
    snprintf(option, sizeof(option), "user,hostfwd=tcp:127.0.0.1:%d-:22", port);
    CHECK_EQ(open_net(option, &err), 0);
    check_forwarded(port, 22);
    snprintf(rule, sizeof(rule), "tcp:127.0.0.1:%d", port);
    CHECK_EQ(user_net_unforward(NULL, rule, &err), 0);
    CHECK(user_net_unforward("user.0", rule, &err) < 0);
    loop_run_once(0);
    CHECK_EQ(connect_to(port), -ECONNREFUSED);
    net_close_all();
}

TEST(hostfwd_can_be_added_later)
{
    Error err = { "" };
    char rule[64];

    NEED_SLIRP();
    int port = free_port();
    CHECK_EQ(open_net("user,name=lan", &err), 0);
    snprintf(rule, sizeof(rule), ":127.0.0.1:%d-10.0.2.15:80", port);
    CHECK(user_net_forward("wan", rule, &err) < 0);
    CHECK_EQ(user_net_forward("lan", rule, &err), 0);
    CHECK(user_net_forward("lan", rule, &err) < 0);
    CHECK(strstr(err.msg, "in use"));
    check_forwarded(port, 80);
    net_close_all();
}

/* The classic spelling, -redir PROTOCOL:HOSTPORT:[GUESTADDR]:GUESTPORT */
TEST(redir_is_hostfwd)
{
    static const char *const net = "user";
    NICInfo *nics[NET_MAX_NICS] = { NULL };
    char text[64];
    const char *redir = text;
    Error err = { "" };

    NEED_SLIRP();
    int port = free_port();
    snprintf(text, sizeof(text), "tcp:%d::23", port);
    NetOptions o = { .net = &net, .num_net = 1, .redir = &redir, .num_redir = 1 };
    CHECK_EQ(net_open_all(&o, nics, &err), 0);
    num_frames = 0;
    nic = net_client_new(&nic_ops, NULL, NULL);
    CHECK_EQ(net_plug(nic, net_hub_port_new(0, NULL), NULL), 0);
    check_forwarded(port, 23);
    net_close_all();
}

static void send_tcp(uint32_t to, unsigned port, uint32_t seq, uint32_t ack, uint8_t flags,
                     const char *data)
{
    uint8_t f[200] = { [ETH] = 0x45, [ETH + 8] = 64, [ETH + 9] = PROTO_TCP };
    size_t len = IP + 20 + strlen(data);

    memset(f, 0xff, 6);
    memcpy(f + 6, guest_mac, 6);
    store_be(f + 12, 0x0800, 2);
    store_be(f + ETH + 2, len, 2);
    store_be(f + ETH + 12, GUEST, 4);
    store_be(f + ETH + 16, to, 4);
    store_be(f + ETH + IP, 1234, 2);
    store_be(f + ETH + IP + 2, port, 2);
    store_be(f + ETH + IP + 4, seq, 4);
    store_be(f + ETH + IP + 8, ack, 4);
    f[ETH + IP + 12] = 0x50;
    f[ETH + IP + 13] = flags;
    store_be(f + ETH + IP + 14, 8192, 2);
    memcpy(f + ETH + IP + 20, data, strlen(data));
    ether_fill_checksums(f, ETH + len, ETHER_IP | ETHER_TCP);
    net_send(nic, f, ETH + len);
}

static bool is_syn_ack(const uint8_t *f, size_t len)
{
    return is_ip(f, len, PROTO_TCP) && f[ETH + IP + 13] == (TCP_SYN | TCP_ACK);
}

/* guestfwd: what a guest sends to that server and port goes to the device. */
TEST(guestfwd_is_a_server)
{
    char path[] = "/tmp/test-slirp-XXXXXX", option[96], got[32] = "";
    Error err = { "" };

    NEED_SLIRP();
    int fd = mkstemp(path);
    snprintf(option, sizeof(option), "user,guestfwd=tcp:10.0.2.100:7-file:%s", path);
    CHECK_EQ(open_net(option, &err), 0);
    send_arp(ROUTER);
    send_tcp(0x0a000264, 7, 1000, 0, TCP_SYN, "");
    const uint8_t *f = wait_for(is_syn_ack);
    CHECK(f);
    if (f) {
        uint32_t ack = (uint32_t)load_be(f + ETH + IP + 4, 4) + 1;

        send_tcp(0x0a000264, 7, 1001, ack, TCP_ACK, "");
        send_tcp(0x0a000264, 7, 1001, ack, TCP_ACK | TCP_PSH, "to the file");
    }
    for (int i = 0; i < 50 && pread(fd, got, sizeof(got) - 1, 0) <= 0; i++) {
        loop_run_once(10 * NS_PER_MS);
    }
    CHECK_STR(got, "to the file");
    net_close_all();
    close(fd);
    unlink(path);
}

/* -- What is refused ---------------------------------------------------------- */

static bool refused(const char *option, const char *why)
{
    Error err = { "" };
    int ret = open_net(option, &err);

    if (ret == 0) {
        net_close_all();
    }
    if (ret == 0 || !strstr(err.msg, why)) {
        printf("# %s: got %d, \"%s\"\n", option, ret, err.msg);
    }
    return ret < 0 && strstr(err.msg, why);
}

TEST(wrong_settings_are_named)
{
    NEED_SLIRP();
    CHECK(refused("user,net=10.0.2.0/31", "net=10.0.2.0/31"));
    CHECK(refused("user,net=10.0.2.0/255.0.255.0", "net="));
    CHECK(refused("user,net=ten", "net=ten"));
    CHECK(refused("user,host=10.0.3.2", "host=10.0.3.2 is not in the network"));
    CHECK(refused("user,dns=x", "dns=x is no IPv4"));
    CHECK(refused("user,host=10.0.2.3", "same address"));
    CHECK(refused("user,restrict=maybe", "restrict=maybe"));
    CHECK(refused("user,tftp=/no/such/dir", "tftp=/no/such/dir"));
    CHECK(refused("user,hostfwd=tcp:1-2", "hostfwd=tcp:1-2"));
    CHECK(refused("user,hostfwd=sctp::1-:2", "hostfwd=sctp::1-:2"));
    CHECK(refused("user,hostfwd=tcp::1-:70000", "hostfwd="));
    CHECK(refused("user,hostfwd=tcp::1-:0", "hostfwd="));
    CHECK(refused("user,guestfwd=tcp:10.0.9.100:7-null", "guestfwd=tcp:10.0.9.100:7-null"));
    CHECK(refused("user,guestfwd=tcp:10.0.2.100:7-nonsense", "nonsense"));
    CHECK(refused("user,guestfwd=udp:10.0.2.100:7-null", "want tcp:SERVER:PORT"));
    CHECK(refused("user,hostfwd=tcp:192.0.2.1:9-:9", "port 9 of the host"));
}

static void collect(void *opaque, const char *text)
{
    char *to = opaque;

    strncat(to, text, 2000 - strlen(to));
}

TEST(info_lists_them)
{
    char text[2048] = "";
    Error err;

    NEED_SLIRP();
    CHECK_EQ(open_net("user,restrict=on,ipv6=on", &err), 0);
    net_dump(collect, text);
    CHECK(strstr(text, "VLAN 0 devices:\n"));
    CHECK(strstr(text, "user.0: type=user,net=10.0.2.0/24,restrict=on\n"));
    text[0] = 0;
    user_net_dump(collect, text);
    CHECK(strstr(text, "user.0:") && strstr(text, "Protocol"));
    net_close_all();
}
