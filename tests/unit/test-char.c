/* SPDX-License-Identifier: MIT */
/* char/char.h, sentence by sentence: back ends, buffering, the mux. */
#include "char/char.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "char/mux.h"
#include "sys/loop.h"
#include "tests/test.h"

/* A front end that remembers. */
typedef struct Front {
    int room;
    char got[70000];
    size_t len;
    int opened, closed, breaks, focus;
} Front;

static int front_room(void *opaque)
{
    return ((Front *)opaque)->room;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Front *f = opaque;

    CHECK(len <= (size_t)f->room);
    CHECK(f->len + len < sizeof(f->got));
    memcpy(f->got + f->len, buf, len);
    f->len += len;
    f->got[f->len] = 0;
}

static void front_event(void *opaque, ChrEvent e)
{
    Front *f = opaque;

    f->opened += e == CHR_EVENT_OPENED;
    f->closed += e == CHR_EVENT_CLOSED;
    f->breaks += e == CHR_EVENT_BREAK;
    f->focus += e == CHR_EVENT_FOCUS;
}

static const ChrHandlers front_handlers = { front_room, front_receive, front_event };

static void run_loop(void)
{
    for (int i = 0; i < 20; i++) {
        loop_run_once(1000000);
    }
}

static char *temp_path(const char *name)
{
    static char path[200];
    const char *dir = getenv("TMPDIR");

    snprintf(path, sizeof(path), "%s/test-char-%d-%s", dir ? dir : "/tmp",
             (int)getpid(), name);
    return path;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void dump_one(void *opaque, const char *line)
{
    char *all = opaque;

    strcat(all, line);
}

/* -- Specifications ---------------------------------------------------------- */

/* A bad specification, a file that cannot be made, a port in use: a sentence. */
TEST(errors_are_sentences)
{
    static const struct { const char *spec, *says; } rows[] = {
        { "nonsense", "serial0: 'nonsense' is no character device" },
        { "stdiox", "no character device" },
        { "file:", "needs a path" },
        { "file:/nonexistent/dir/x", "No such file" },
        { "tcp:localhost", "no port" },
        { "tcp:localhost:1,frobnicate", "no option 'frobnicate'" },
        { "tcp:127.0.0.1:1", "cannot connect to 127.0.0.1:1" },
        { "unix:/nonexistent/sock", "cannot connect" },
        { "stdio,x=y", "no option" },
        { "mon:mon:null", "one mon: is enough" },
        { "mon:nonsense", "no character device" },
    };
    Error err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        err.msg[0] = 0;
        CHECK(!chr_open("serial0", rows[i].spec, &err));
        if (!strstr(err.msg, rows[i].says)) {
            CHECK_STR(err.msg, rows[i].says);
        }
        CHECK(!strchr(err.msg, '\n'));
    }
    CHECK(!chr_find("serial0"));
}

TEST(labels_are_unique_and_found)
{
    Error err;
    char all[200] = "";
    CharDriverState *a = chr_open("serial0", "null", &err);

    CHECK(a != NULL);
    CHECK(chr_find("serial0") == a);
    CHECK(!chr_open("serial0", "null", &err));
    CHECK(chr_open("serial1", "none", &err) != NULL);
    chr_dump(dump_one, all);
    CHECK_STR(all, "serial0: filename=null\nserial1: filename=none\n");
    chr_close_all();
    CHECK(!chr_find("serial0"));
}

/* chr may be NULL everywhere. */
TEST(no_back_end_is_survivable)
{
    Front f = { .room = 1 };

    chr_write(NULL, "x", 1);
    chr_printf(NULL, "%d", 1);
    chr_add_handlers(NULL, &front_handlers, &f);
    chr_accept_input(NULL);
    chr_close(NULL);
    CHECK_EQ(chr_ioctl(NULL, CHR_SET_LINE, NULL) < 0, 1);
    CHECK_STR(chr_label(NULL), "none");
}

TEST(file_gets_the_output)
{
    Error err;
    char *path = temp_path("file"), spec[256], back[32] = "";

    snprintf(spec, sizeof(spec), "file:%s", path);
    CharDriverState *chr = chr_open("log", spec, &err);
    CHECK(chr != NULL);
    chr_write(chr, "hello ", 6);
    chr_printf(chr, "%d\n", 42);
    chr_close(chr);
    int fd = open(path, O_RDONLY);
    CHECK_EQ(read(fd, back, sizeof(back) - 1), 9);
    CHECK_STR(back, "hello 42\n");
    close(fd);
    unlink(path);
}

/* -- Sockets ----------------------------------------------------------------- */

static CharDriverState *open_server(const char *path, Front *f)
{
    char spec[256];
    Error err;

    snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
    CharDriverState *chr = chr_open("serial0", spec, &err);
    CHECK(chr != NULL);
    chr_add_handlers(chr, &front_handlers, f);
    return chr;
}

TEST(server_takes_one_peer_after_the_other)
{
    Front f = { .room = 100 };
    const char *path = temp_path("sock");
    CharDriverState *chr = open_server(path, &f);
    char back[16] = "";

    CHECK_EQ(f.opened, 0);
    chr_write(chr, "lost", 4);          /* nobody there */
    for (int round = 1; round <= 2; round++) {
        int fd = connect_unix(path);

        run_loop();
        CHECK_EQ(f.opened, round);
        CHECK_EQ(write(fd, "ping", 4), 4);
        run_loop();
        CHECK_EQ(f.len, 4 * round);
        chr_write(chr, "pong", 4);
        CHECK_EQ(read(fd, back, 15), 4);
        CHECK_STR(back, "pong");
        close(fd);
        run_loop();
        CHECK_EQ(f.closed, round);
    }
    CHECK_STR(f.got, "pingping");
    chr_close(chr);
    CHECK(access(path, F_OK) < 0);
}

/* Never more than can_receive() allowed; the rest comes after accept_input. */
TEST(input_waits_for_room)
{
    Front f = { .room = 3 };
    const char *path = temp_path("sock");
    CharDriverState *chr = open_server(path, &f);
    int fd = connect_unix(path);

    run_loop();
    f.room = 0;
    CHECK_EQ(write(fd, "abcdefgh", 8), 8);
    run_loop();
    CHECK_EQ(f.len, 0);
    f.room = 3;
    run_loop();
    CHECK_EQ(f.len, 0);                 /* not asked again until told */
    chr_accept_input(chr);
    run_loop();
    CHECK_STR(f.got, "abcdefgh");
    close(fd);
    chr_close(chr);
}

/* What the host does not take is kept, 64 KiB of it, then the oldest goes. */
TEST(output_is_buffered_and_bounded)
{
    Front f = { .room = 0 };
    const char *path = temp_path("sock");
    CharDriverState *chr = open_server(path, &f);
    int fd = connect_unix(path);
    static uint8_t block[4096], back[1 << 20];
    size_t total = 0;
    ssize_t n;

    run_loop();
    for (unsigned i = 0; i < 1024; i++) {       /* 4 MiB */
        memset(block, (int)(i & 0xff), sizeof(block));
        chr_write(chr, block, sizeof(block));
    }
    chr_write(chr, "the end", 7);
    do {
        run_loop();
        n = read(fd, back + total, sizeof(back) - total);
        total += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    CHECK(total >= 65536 && total < sizeof(back));
    CHECK(!memcmp(back + total - 7, "the end", 7));
    close(fd);
    chr_close(chr);
}

static int tcp_port(void)
{
    char all[200] = "";
    int port = 0;

    chr_dump(dump_one, all);
    const char *p = strstr(all, "127.0.0.1:");
    CHECK(p && sscanf(p, "127.0.0.1:%d", &port) == 1);
    return port;
}

TEST(tcp_in_both_directions_and_port_in_use)
{
    Front server = { .room = 100 }, client = { .room = 100 };
    Error err;
    char spec[64];
    CharDriverState *s = chr_open("s", "tcp:127.0.0.1:0,server,nowait,nodelay", &err);

    CHECK(s != NULL);
    chr_add_handlers(s, &front_handlers, &server);
    int port = tcp_port();
    snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%d", port);
    CharDriverState *c = chr_open("c", spec, &err);
    CHECK(c != NULL);
    chr_add_handlers(c, &front_handlers, &client);
    CHECK_EQ(client.opened, 1);
    run_loop();
    CHECK_EQ(server.opened, 1);
    chr_write(c, "up", 2);
    chr_write(s, "down", 4);
    run_loop();
    CHECK_STR(server.got, "up");
    CHECK_STR(client.got, "down");
    snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%d,server,nowait", port);
    CHECK(!chr_open("s2", spec, &err));
    CHECK(strstr(err.msg, "in use") != NULL);
    chr_close_all();
}

/* RFC 854: IAC sequences are not data, IAC IAC is one 255, CR NUL is CR;
 * 255 is sent doubled; the server offers ECHO and SUPPRESS-GO-AHEAD. */
TEST(telnet)
{
    Front server = { .room = 100 }, client = { .room = 100 };
    Error err;
    char spec[64];
    CharDriverState *s = chr_open("s", "telnet:127.0.0.1:0,server,nowait", &err);

    CHECK(s != NULL);
    chr_add_handlers(s, &front_handlers, &server);
    snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%d", tcp_port());
    CharDriverState *c = chr_open("c", spec, &err);
    chr_add_handlers(c, &front_handlers, &client);
    run_loop();
    CHECK(!memcmp(client.got, "\xff\xfb\x01\xff\xfb\x03", 6));
    client.len = 0;
    static const char input[] = "a\xff\xfd\x01" "b\xff\xfa\x18zz\xff\xf0" "c\xff\xff\r\0d"
                                "\xff\xf3" "e\r\nf";
    for (size_t i = 0; i < sizeof(input) - 1; i++) {    /* one by one */
        chr_write(c, input + i, 1);
        run_loop();
    }
    CHECK_STR(server.got, "abc\xff\rde\rf");
    CHECK_EQ(server.breaks, 1);
    chr_write(s, "x\xffy", 3);
    run_loop();
    CHECK_STR(client.got, "x\xff\xffy");
    chr_close_all();
}

TEST(pty_is_a_terminal)
{
    Front f = { .room = 100 };
    Error err;
    char all[200] = "", path[64] = "", back[16] = "";
    int saved = dup(2), null = open("/dev/null", O_WRONLY);

    dup2(null, 2);                      /* it prints its path */
    CharDriverState *chr = chr_open("serial0", "pty", &err);
    dup2(saved, 2);
    close(saved);
    close(null);
    if (!chr) {
        TEST_SKIP("no pty on this host");
    }
    chr_add_handlers(chr, &front_handlers, &f);
    CHECK_EQ(f.opened, 1);
    chr_dump(dump_one, all);
    CHECK_EQ(sscanf(all, "serial0: filename=pty:%63s", path), 1);
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "\003in\n", 4), 4);      /* raw: C-c is a byte */
    run_loop();
    CHECK_STR(f.got, "\003in\n");
    chr_write(chr, "out", 3);
    CHECK_EQ(read(fd, back, 15), 3);
    close(fd);
    run_loop();                         /* nobody there: no endless hang-up */
    CHECK_EQ(f.closed, 0);
    chr_close(chr);
}

/* -- The mux ----------------------------------------------------------------- */

typedef struct MuxRig {
    CharDriverState *chr;
    int fd;
    Front a, b;
    int quits;
} MuxRig;

static void count_quit(void *opaque)
{
    ++*(int *)opaque;
}

static MuxRig *mux_new(void)
{
    static MuxRig r;
    const char *path = temp_path("mux");
    char spec[256];
    Error err;

    memset(&r, 0, sizeof(r));
    r.a.room = r.b.room = 100;
    snprintf(spec, sizeof(spec), "mon:unix:%s,server,nowait", path);
    r.chr = chr_open("serial0", spec, &err);
    CHECK(r.chr && chr_is_mux(r.chr));
    chr_set_exit_handler(count_quit, &r.quits);
    chr_add_handlers(r.chr, &front_handlers, &r.a);
    chr_add_handlers(r.chr, &front_handlers, &r.b);
    r.fd = connect_unix(path);
    run_loop();
    return &r;
}

static void mux_free(MuxRig *r)
{
    close(r->fd);
    chr_close(r->chr);
}

static void type(MuxRig *r, const char *s, size_t len)
{
    CHECK_EQ(write(r->fd, s, len), len);
    run_loop();
}

static void screen(MuxRig *r, char *buf, size_t len)
{
    ssize_t n = read(r->fd, buf, len - 1);

    buf[n > 0 ? n : 0] = 0;
}

/* The first front end has the focus; C-a c gives it to the next in turn. */
TEST(mux_switches)
{
    MuxRig *r = mux_new();

    CHECK_EQ(r->a.focus, 1);
    CHECK_EQ(r->a.opened, 1);
    CHECK_EQ(r->b.opened, 1);
    type(r, "one\001c" "two\001c" "three", 15);
    CHECK_STR(r->a.got, "onethree");
    CHECK_STR(r->b.got, "two");
    CHECK_EQ(r->a.focus, 2);
    CHECK_EQ(r->b.focus, 1);
    mux_free(r);
}

/* C-a C-a sends C-a, C-a b is a break, C-a x leaves, C-a h helps; another key
 * behind C-a is dropped. */
TEST(mux_commands)
{
    MuxRig *r = mux_new();
    char text[2000];

    type(r, "\001\001\001b\001z!", 7);
    CHECK_STR(r->a.got, "\001!");
    CHECK_EQ(r->a.breaks, 1);
    CHECK_EQ(r->b.breaks, 0);
    type(r, "\001h", 2);
    screen(r, text, sizeof(text));
    CHECK(strstr(text, "C-a x    exit emulator") != NULL);
    CHECK(strstr(text, "C-a C-a  sends C-a") != NULL);
    CHECK_EQ(r->quits, 0);
    type(r, "\001x", 2);
    CHECK_EQ(r->quits, 1);
    mux_free(r);
}

/* The escape character can be another one (-echr). */
TEST(mux_other_escape)
{
    MuxRig *r = mux_new();

    mux_set_escape(0x14);
    type(r, "\001x\024b", 4);
    mux_set_escape(0x01);
    CHECK_STR(r->a.got, "\001x");
    CHECK_EQ(r->a.breaks, 1);
    CHECK_EQ(r->quits, 0);
    mux_free(r);
}

/* Commands get through although the front end is stuck, and what was typed
 * before reaches it, not the next one, when it has room. */
TEST(mux_with_a_stuck_front_end)
{
    MuxRig *r = mux_new();

    r->a.room = 0;
    type(r, "abc\001cd", 6);
    CHECK_EQ(r->a.len, 0);
    CHECK_STR(r->b.got, "d");
    r->a.room = 100;
    type(r, "\001c", 2);
    CHECK_STR(r->a.got, "abc");
    mux_free(r);
}

/* C-a t: each line of output gets the time since. */
TEST(mux_timestamps)
{
    MuxRig *r = mux_new();
    char text[200];

    chr_write(r->chr, "plain\n", 6);
    type(r, "\001t", 2);
    chr_write(r->chr, "half", 4);
    chr_write(r->chr, " line\nnext\n", 11);
    screen(r, text, sizeof(text));
    CHECK(strstr(text, "plain\nhalf line\n[00:00:0") != NULL);
    CHECK(strstr(text, "] next\n") != NULL);
    mux_free(r);
}

/* At most four front ends; one that left gets nothing. */
TEST(mux_has_four_front_ends)
{
    MuxRig *r = mux_new();
    static Front c, d, e;

    c.room = d.room = e.room = 10;
    chr_add_handlers(r->chr, &front_handlers, &c);
    chr_add_handlers(r->chr, &front_handlers, &d);
    chr_add_handlers(r->chr, &front_handlers, &e);
    CHECK_EQ(d.opened, 1);
    CHECK_EQ(e.opened, 0);
    chr_add_handlers(r->chr, NULL, &r->b);
    type(r, "\001cx", 3);
    CHECK_EQ(r->b.len, 0);
    CHECK_STR(c.got, "x");
    mux_free(r);
}
