/* SPDX-License-Identifier: MIT */
/*
 * pcmplay FILE RATE: plays a file of 16-bit stereo samples by /dev/snd/pcmC0D0p
 * (Linux, include/uapi/sound/asound.h), says "played" and stays: s3c24xx-dma of
 * Linux 6.1 follows a null pointer when a card is closed that has played.
 * Without a C library, for ARMv4T.
 */
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sound/asound.h>
#include <sys/syscall.h>

enum { CHUNK_FRAMES = 1024, FRAME = 4 };

static struct snd_pcm_hw_params params;
static char chunk[CHUNK_FRAMES * FRAME];

static long call(long n, long a, long b, long c)
{
    register long r7 __asm__("r7") = n;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;

    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}

static void say(const char *text)
{
    long len = 0;

    while (text[len]) {
        len++;
    }
    call(SYS_write, 1, (long)text, len);
}

static void __attribute__((noreturn)) end(const char *text, int status)
{
    say("pcmplay: ");
    say(text);
    say("\n");
    for (;;) {
        call(SYS_exit, status, 0, 0);
    }
}

static int number(const char *s)
{
    int n = 0;

    while (*s >= '0' && *s <= '9') {
        n = 10 * n + *s++ - '0';
    }
    return n;
}

static void only(int param, unsigned value)
{
    params.masks[param - SNDRV_PCM_HW_PARAM_FIRST_MASK].bits[0] = 1u << value;
}

static void exactly(int param, unsigned value)
{
    struct snd_interval *i = &params.intervals[param - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

    i->min = i->max = value;
    i->integer = 1;
}

static void set_up(long pcm, unsigned rate)
{
    const int last = SNDRV_PCM_HW_PARAM_LAST_INTERVAL;

    for (int i = SNDRV_PCM_HW_PARAM_FIRST_INTERVAL; i <= last; i++) {
        params.intervals[i - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL].max = ~0u;
    }
    only(SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
    only(SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
    only(SNDRV_PCM_HW_PARAM_SUBFORMAT, SNDRV_PCM_SUBFORMAT_STD);
    exactly(SNDRV_PCM_HW_PARAM_CHANNELS, 2);
    exactly(SNDRV_PCM_HW_PARAM_RATE, rate);
    exactly(SNDRV_PCM_HW_PARAM_PERIOD_SIZE, CHUNK_FRAMES);
    params.rmask = ~0u;
    if (call(SYS_ioctl, pcm, (long)SNDRV_PCM_IOCTL_HW_PARAMS, (long)&params) < 0) {
        end("this rate cannot be set", 1);
    }
    if (call(SYS_ioctl, pcm, (long)SNDRV_PCM_IOCTL_PREPARE, 0) < 0) {
        end("cannot be prepared", 1);
    }
}

static void play_chunk(long pcm)
{
    struct snd_xferi x = { .buf = chunk, .frames = CHUNK_FRAMES };

    if (call(SYS_ioctl, pcm, (long)SNDRV_PCM_IOCTL_WRITEI_FRAMES, (long)&x) < 0) {
        end("frames are refused: an underrun?", 1);
    }
}

/* A chunk of the file, with silence behind its end; its bytes. */
static long read_chunk(long file)
{
    long have = 0, n = 0;

    while (have < (long)sizeof(chunk)) {
        n = call(SYS_read, file, (long)chunk + have, (long)sizeof(chunk) - have);
        if (n <= 0) {
            break;
        }
        have += n;
    }
    for (long i = have; i < (long)sizeof(chunk); i++) {
        ((volatile char *)chunk)[i] = 0;
    }
    return n < 0 ? n : have;
}

static void __attribute__((noreturn, used)) start(const long *stack)
{
    char *const *argv = (char *const *)(stack + 1);

    if (stack[0] != 3) {
        end("usage: pcmplay FILE RATE", 2);
    }
    long file = call(SYS_open, (long)argv[1], O_RDONLY, 0);
    long pcm = call(SYS_open, (long)"/dev/snd/pcmC0D0p", O_WRONLY, 0);
    if (file < 0 || pcm < 0) {
        end("no such file, or no card", 1);
    }
    set_up(pcm, (unsigned)number(argv[2]));
    while (read_chunk(file) > 0) {
        play_chunk(pcm);
    }
    if (call(SYS_ioctl, pcm, (long)SNDRV_PCM_IOCTL_DRAIN, 0) < 0) {
        end("cannot be drained", 1);
    }
    say("pcmplay: played\n");
    for (;;) {
        call(SYS_pause, 0, 0, 0);
    }
}

__asm__(".globl _start\n_start:\n\tmov r0, sp\n\tbl start\n");
