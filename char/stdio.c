/* SPDX-License-Identifier: MIT */
/*
 * The back end "stdio": our own standard input and output.
 *
 * A terminal is put into raw mode: each key goes to the guest at once and the
 * guest does the echo.  Output processing stays on, so that our own messages
 * look right.  With signal=on (default) C-c and C-z still are signals;
 * signal=off gives them to the guest, for a mux, which has C-a x.
 *
 * The terminal is as before after close, at the end, and while we are stopped
 * by C-z; SIGCONT makes it raw again.
 *
 * The descriptors are opened a second time where the host allows it, because
 * O_NONBLOCK on the shared ones would reach the shell that started us.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "char/drivers.h"
#include "char/fd.h"

/* There is one standard input in a process. */
static struct StdioTerminal {
    CharDriverState *user;
    FdChan chan;
    bool is_raw;
    struct termios before, raw;
    struct sigaction old_tstp, old_cont;
} term;

/* -- The terminal ------------------------------------------------------------ */

/* Called by signal handlers as well: tcsetattr is safe there. */
static void set_raw(bool raw)
{
    if (raw != term.is_raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, raw ? &term.raw : &term.before);
        term.is_raw = raw;
    }
}

static void restore_at_exit(void)
{
    set_raw(false);
}

/* C-z: give the terminal back, then stop as anybody would. */
static void on_tstp(int sig)
{
    int saved = errno;

    (void)sig;
    set_raw(false);
    raise(SIGSTOP);
    errno = saved;
}

static void on_cont(int sig)
{
    int saved = errno;

    (void)sig;
    set_raw(true);
    errno = saved;
}

static void catch_signals(void)
{
    struct sigaction tstp = { .sa_handler = on_tstp, .sa_flags = SA_RESTART };
    struct sigaction cont = { .sa_handler = on_cont, .sa_flags = SA_RESTART };

    sigaction(SIGTSTP, &tstp, &term.old_tstp);
    sigaction(SIGCONT, &cont, &term.old_cont);
}

static void make_raw(bool signals)
{
    static bool registered;

    if (tcgetattr(STDIN_FILENO, &term.before) < 0) {
        return;                         /* not a terminal */
    }
    term.raw = term.before;
    term.raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR |
                                    IGNCR | ICRNL | IXON);
    term.raw.c_oflag |= OPOST;
    term.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        term.raw.c_lflag &= ~(tcflag_t)ISIG;
    }
    term.raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    term.raw.c_cflag |= CS8;
    term.raw.c_cc[VMIN] = 1;
    term.raw.c_cc[VTIME] = 0;
    if (!registered) {
        registered = true;
        atexit(restore_at_exit);
    }
    set_raw(true);
    catch_signals();
}

static void unmake_raw(void)
{
    if (term.is_raw) {
        sigaction(SIGTSTP, &term.old_tstp, NULL);
        sigaction(SIGCONT, &term.old_cont, NULL);
        set_raw(false);
    }
}

/* -- Descriptors ------------------------------------------------------------- */

/* A description of our own for a terminal or pipe; fd itself for the rest. */
static int own_description(int fd, int mode)
{
    char path[32];
    struct stat st;

    if (!isatty(fd) && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
        return fd;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    return own < 0 ? fd : own;
}

static void release(int own, int fd)
{
    if (own >= 0 && own != fd) {
        close(own);
    }
}

/* -- The driver -------------------------------------------------------------- */

static int stdio_open(CharDriverState *chr, const char *args, Error *err)
{
    bool signals = !strcmp(args, "") || !strcmp(args, "signal=on");

    if (!signals && strcmp(args, "signal=off")) {
        return error_set(err, EINVAL, "stdio: no option '%s', there is signal=on|off",
                         args);
    }
    if (term.user) {
        return error_set(err, EBUSY, "stdio: %s has it, use mon:stdio to share it",
                         term.user->label);
    }
    term.user = chr;
    make_raw(signals);
    fd_chan_init(&term.chan, chr);
    chr->opened = true;
    fd_chan_open(&term.chan, own_description(STDIN_FILENO, O_RDONLY),
                 own_description(STDOUT_FILENO, O_WRONLY));
    return 0;
}

static void stdio_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    (void)chr;
    fd_chan_write(&term.chan, buf, len);
}

static void stdio_accept_input(CharDriverState *chr)
{
    (void)chr;
    fd_chan_resume(&term.chan);
}

static void stdio_close(CharDriverState *chr)
{
    int in = term.chan.in_fd, out = term.chan.out_fd;

    (void)chr;
    fd_chan_close(&term.chan);
    release(in, STDIN_FILENO);
    release(out, STDOUT_FILENO);
    unmake_raw();
    term.user = NULL;
}

const ChrDriver chr_stdio_driver = {
    .name = "stdio", .open = stdio_open, .write = stdio_write,
    .accept_input = stdio_accept_input, .close = stdio_close,
};
