/* SPDX-License-Identifier: MIT */
/*
 * Benchmark kernels without floating point: integers, calls, memory, string
 * instructions, operating system, code written at run time, for i386 and ARM
 * (string instructions, INT 80h and RDTSC on i386 only).  Each is one
 * function, runs N rounds and prints what it computed, so that two machines'
 * results can be compared as well as their times.
 *
 *     k KERNEL N [PROGRAM]         (PROGRAM: what forkexec executes)
 */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static volatile unsigned sink;
#define NI __attribute__((noinline))

static NI unsigned fibr(unsigned n)
{
    return n < 2 ? n : fibr(n - 1) + fibr(n - 2);
}

static void fib(long n)
{
    sink = fibr(n);
    printf("fib %u\n", sink);
}

/* virtual dispatch through tables of function pointers */
struct obj {
    unsigned (*const *vt)(struct obj *, unsigned);
    unsigned s;
};

#define V(n, e)                                        \
    static NI unsigned v##n(struct obj *o, unsigned x) \
    {                                                  \
        return o->s = (e);                             \
    }
V(0, o->s + x)
V(1, o->s ^ x)
V(2, (o->s << 1) + x)
V(3, o->s - x)
V(4, o->s * 3 + x)
V(5, (o->s >> 1) ^ x)
V(6, ~o->s + x)
V(7, o->s | (x & 255))

typedef unsigned (*vf)(struct obj *, unsigned);
static const vf t0[] = {v0, v1}, t1[] = {v2, v3}, t2[] = {v4, v5},
                t3[] = {v6, v7};

static void vcall(long n)
{
    static struct obj o[64];
    const vf *tt[4] = {t0, t1, t2, t3};
    unsigned z = 12345, r = 0;
    long i;
    int j;
    for (j = 0; j < 64; j++) {
        z = z * 1103515245 + 12345;
        o[j].vt = tt[(z >> 16) & 3];
        o[j].s = j;
    }
    for (i = 0; i < n; i++)
        for (j = 0; j < 64; j++)
            r += o[j].vt[(i + j) & 1](&o[j], r);
    printf("vcall %u\n", r);
}

/* bytecode interpreter: switch dispatch */
static void interp(long n)
{
    static const unsigned char p[] = {0, 7, 1, 3, 2, 0, 3, 1, 4, 5, 5, 2,  6,
                                      0, 7, 0, 1, 9, 3, 3, 8, 1, 9, 0, 10, 0};
    unsigned a = 1, b = 2, c = 0, st[16], sp = 0;
    unsigned pc = 0;
    long k = n;
    memset(st, 0, sizeof st);
    for (;;) {
        unsigned op = p[pc], im = p[pc + 1];
        pc += 2;
        switch (op) {
        case 0:
            a += im;
            break;
        case 1:
            b ^= a + im;
            break;
        case 2:
            st[sp++ & 15] = a;
            break;
        case 3:
            c += b >> im;
            break;
        case 4:
            a = a * im + c;
            break;
        case 5:
            if (a & 1)
                b += im;
            break;
        case 6:
            a ^= st[--sp & 15];
            break;
        case 7:
            b = (b << 3) | (b >> 29);
            break;
        case 8:
            if (c > a)
                c -= im;
            break;
        case 9:
            a += b;
            break;
        default:
            if (--k == 0) {
                printf("interp %u\n", a ^ b ^ c);
                return;
            }
            pc = 0;
        }
    }
}

static void sieve(long reps)
{
    enum { N = 1 << 20 };

    static unsigned char f[N];
    unsigned i, j, c = 0;
    while (reps--) {
        memset(f, 1, N);
        c = 0;
        for (i = 2; i < N; i++)
            if (f[i]) {
                c++;
                for (j = i + i; j < N; j += i)
                    f[j] = 0;
            }
    }
    printf("sieve %u\n", c);
}

static int cmp(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
}

static void sort(long reps)
{
    enum { N = 100000 };

    static unsigned a[N];
    unsigned z = 1, i;
    while (reps--) {
        for (i = 0; i < N; i++) {
            z = z * 1664525 + 1013904223;
            a[i] = z;
        }
        qsort(a, N, 4, cmp);
    }
    printf("sort %u\n", a[N / 2]);
}

/* bitwise crc: shifts, flags, conditional */
static void crc(long reps)
{
    static unsigned char b[65536];
    unsigned i, c = ~0u;
    int k;
    for (i = 0; i < sizeof b; i++)
        b[i] = i * 7;
    while (reps--)
        for (i = 0; i < sizeof b; i++) {
            c ^= b[i];
            for (k = 0; k < 8; k++)
                c = (c >> 1) ^ (0xedb88320u & -(c & 1));
        }
    printf("crc %08x\n", c);
}

/* 64-bit arithmetic on 32-bit: adc/sbb, mul, __udivdi3 */
static void i64(long n)
{
    uint64_t a = 88172645463325252ull, s = 0;
    long i;
    for (i = 0; i < n; i++) {
        a ^= a << 13;
        a ^= a >> 7;
        a ^= a << 17;
        s += a / ((a >> 40) | 1);
        s ^= a * 2862933555777941757ull;
        s -= (int64_t)a >> 3;
    }
    printf("i64 %llu\n", (unsigned long long)s);
}

/* random pointer chase over 32 MB: TLB misses */
static void chase(long n)
{
    enum { N = 1 << 18, ST = 128 };

    char *m = mmap(0, (size_t)N * ST, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned *perm = malloc(N * 4), i, z = 7;
    void **p;
    long k;
    for (i = 0; i < N; i++)
        perm[i] = i;
    for (i = N - 1; i > 0; i--) {
        unsigned j, t;
        z = z * 1664525 + 1013904223;
        j = (uint64_t)z * i >> 32;
        t = perm[i];
        perm[i] = perm[j];
        perm[j] = t;
    } /* Sattolo */
    for (i = 0; i < N; i++)
        *(void **)(m + (size_t)i * ST) = m + (size_t)perm[i] * ST;
    for (p = (void **)m, k = 0; k < n; k++)
        p = *p;
    printf("chase %u\n", (unsigned)(((char *)p - m) / ST));
}

/* plain loads/stores over 16 MB */
static void stream(long reps)
{
    enum { N = 1 << 21 };

    static unsigned a[N], b[N];
    unsigned i;
    long r;
    for (r = 0; r < reps; r++)
        for (i = 0; i < N; i++)
            a[i] = b[i] + 3 * a[i] + r;
    printf("stream %u\n", a[N / 3]);
}

/* source and destination: not a power of two apart, so that a direct-mapped
 * software TLB does not alias; mem-alias does it on purpose */
static char pool[(3 << 20) + 65536] __attribute__((aligned(4096)));
#define sb pool
static char *db = pool + (1 << 20) + 5 * 4096 + 64;

enum { SB = 1 << 20 };

#ifdef __i386__

static void repmovs(long reps)
{
    long r;
    for (r = 0; r < reps; r++) {
        void *d = db, *s = sb;
        unsigned c = SB / 4;
        __asm__ volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(c)::"memory");
    }
    printf("repmovs\n");
}

static void repmovsb(long reps)
{
    long r;
    for (r = 0; r < reps; r++) {
        void *d = db + (r & 63), *s = sb;
        unsigned c = 1000 + (r & 31);
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c)::"memory");
    }
    printf("repmovsb\n");
}

static void repstos(long reps)
{
    long r;
    for (r = 0; r < reps; r++) {
        void *d = db;
        unsigned c = SB / 4;
        __asm__ volatile("rep stosl"
                         : "+D"(d), "+c"(c)
                         : "a"((int)r)
                         : "memory");
    }
    printf("repstos\n");
}

static void repscas(long reps)
{
    long r;
    memset(sb, 'x', SB - 1);
    sb[SB - 1] = 0;
    for (r = 0; r < reps; r++) {
        char *d = sb;
        unsigned c = ~0u;
        __asm__ volatile("repne scasb" : "+D"(d), "+c"(c) : "a"(0) : "memory");
        sink = d - sb;
    }
    printf("repscas %u\n", sink);
}

#endif

static void libcstr(long reps)
{
    long r;
    unsigned s = 0;
    memset(sb, 'x', 4095);
    sb[4095] = 0;
    for (r = 0; r < reps; r++) {
        memcpy(db, sb, 4096);
        s += strlen(db);
        s += memcmp(db, sb, 4096);
        s += (strchr(db, 'y') != 0);
        db[r & 4095] = 'x';
    }
    printf("libcstr %u\n", s);
}

/* two 4 KB buffers exactly 1 MB apart, read alternately */
static void alias(long reps)
{
    volatile unsigned *a = (unsigned *)pool,
                      *b = (unsigned *)(pool + (1 << 20));
    unsigned s = 0;
    long r;
    int i;
    for (r = 0; r < reps; r++)
        for (i = 0; i < 1024; i++)
            s += a[i] ^ (b[i] + i);
    printf("alias %u\n", s);
}

static void getppids(long n)
{
    long i;
    unsigned s = 0;
    for (i = 0; i < n; i++)
        s += syscall(SYS_getppid);
    printf("getppid %d\n", s != 0);
}

#ifdef __i386__

static void int80(long n)
{
    long i;
    for (i = 0; i < n; i++) {
        int r;
        __asm__ volatile("int $0x80" : "=a"(r) : "0"(64) : "memory");
        sink = r;
    }
    printf("int80\n");
}

#endif

static const char *prog;

static void forkexec(long n)
{
    long i;
    int st;
    for (i = 0; i < n; i++) {
        pid_t p = fork();
        if (!p) {
            execl(prog, prog, (char *)0);
            _exit(1);
        }
        waitpid(p, &st, 0);
    }
    printf("forkexec %d\n", st);
}

static void forkonly(long n)
{
    long i;
    int st;
    char *m = malloc(1 << 20);
    memset(m, 1, 1 << 20);
    for (i = 0; i < n; i++) {
        pid_t p = fork();
        if (!p) {
            int k;
            for (k = 0; k < 1 << 20; k += 4096)
                m[k]++;
            _exit(0);
        }
        waitpid(p, &st, 0);
    }
    printf("fork %d\n", st);
}

static void pipepp(long n)
{
    int a[2], b[2];
    char c = 0;
    long i;
    if (pipe(a) || pipe(b))
        exit(1);
    pid_t p = fork();
    if (!p) {
        for (i = 0; i < n; i++) {
            if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    for (i = 0; i < n; i++) {
        if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
            exit(1);
    }
    waitpid(p, 0, 0);
    printf("pipe\n");
}

/* 8 processes in a ring, each touching 64 pages between switches */
static void ctxsw(long n)
{
    enum { P = 8 };

    int f[P][2], i;
    long k;
    char c = 0;
    pid_t pid[P];
    for (i = 0; i < P; i++)
        if (pipe(f[i]))
            exit(1);
    for (i = 1; i < P; i++)
        if (!(pid[i] = fork())) {
            volatile char *m = mmap(0, 64 * 4096, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            int j;
            for (k = 0; k < n; k++) {
                if (read(f[i - 1][0], &c, 1) != 1)
                    _exit(1);
                for (j = 0; j < 64; j++)
                    m[j * 4096]++;
                if (write(f[i][1], &c, 1) != 1)
                    _exit(1);
            }
            _exit(0);
        }
    for (k = 0; k < n; k++) {
        if (write(f[0][1], &c, 1) != 1 || read(f[P - 1][0], &c, 1) != 1)
            exit(1);
    }
    for (i = 1; i < P; i++)
        waitpid(pid[i], 0, 0);
    printf("ctxsw\n");
}

/* map 4 MB, touch every page, unmap */
static void mmapf(long n)
{
    long i;
    int k;
    for (i = 0; i < n; i++) {
        char *m = mmap(0, 4 << 20, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (k = 0; k < 4 << 20; k += 4096)
            m[k] = 1;
        munmap(m, 4 << 20);
    }
    printf("mmap\n");
}

static void mprot(long n)
{
    long i;
    char *m = mmap(0, 1 << 16, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (i = 0; i < n; i++) {
        mprotect(m, 1 << 16, PROT_READ);
        sink = m[4096 * (i & 15)];
        mprotect(m, 1 << 16, PROT_READ | PROT_WRITE);
        m[4096 * (i & 15)] = i;
    }
    printf("mprot\n");
}

static sigjmp_buf jb;
static volatile int *volatile null_page = (volatile int *)16;

static void onsegv(int s)
{
    (void)s;
    siglongjmp(jb, 1);
}

static void segv(long n)
{
    volatile long i;
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = onsegv;
    sa.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &sa, 0);
    for (i = 0; i < n; i++)
        if (!sigsetjmp(jb, 1))
            *null_page = 1;
    printf("segv\n");
}

static void onusr(int s)
{
    (void)s;
    sink++;
}

static void sig(long n)
{
    long i;
    signal(SIGUSR1, onusr);
    for (i = 0; i < n; i++)
        raise(SIGUSR1);
    printf("sig %u\n", sink);
}

/* JIT-like: write a fresh function, call it, rewrite (same page as data of the
 * writer: no) */
#ifdef __i386__
/* mov eax,v; mov ecx,20; 1: add eax,3; dec ecx; jnz 1b; ret */
static void write_function(unsigned char *p, unsigned v)
{
    unsigned k = 20;

    p[0] = 0xb8;
    memcpy(p + 1, &v, 4);
    p[5] = 0xb9;
    memcpy(p + 6, &k, 4);
    memcpy(p + 10, "\x83\xc0\x03\x49\x75\xfa\xc3", 7);
}

/* mov eax,[esp+4]; inc dword [eax]; ret */
static void write_increment(unsigned char *p)
{
    memcpy(p, "\x8b\x44\x24\x04\xff\x00\xc3", 7);
}
#else
/* ldr r0, =v; mov r1, #20; 1: add r0, r0, #3; subs r1, r1, #1; bne 1b; bx lr */
static void write_function(unsigned char *p, unsigned v)
{
    unsigned code[] = { 0xe59f0010, 0xe3a01014, 0xe2800003, 0xe2511001,
                        0x1afffffc, 0xe12fff1e, v };

    memcpy(p, code, sizeof(code));
    __builtin___clear_cache((char *)p, (char *)p + sizeof(code));
}

/* ldr r1, [r0]; add r1, r1, #1; str r1, [r0]; bx lr */
static void write_increment(unsigned char *p)
{
    unsigned code[] = { 0xe5901000, 0xe2811001, 0xe5801000, 0xe12fff1e };

    memcpy(p, code, sizeof(code));
    __builtin___clear_cache((char *)p, (char *)p + sizeof(code));
}
#endif

static void smc(long n)
{
    unsigned char *m = mmap(0, 1 << 16, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned s = 0;
    long i;
    for (i = 0; i < n; i++) {
        unsigned char *p = m + (i & 63) * 64;
        int j;

        write_function(p, i);
        for (j = 0; j < 4; j++)
            s += ((unsigned (*)(void))p)();
    }
    printf("smc %u\n", s);
}

/* data stored on the same page as running code (classic SMC false sharing) */
static void jitdata(long n)
{
    unsigned char *m = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned *d = (unsigned *)(m + 2048);
    long i;
    write_increment(m);
    for (i = 0; i < n; i++)
        ((void (*)(unsigned *))m)(d);
    printf("jitdata %u\n", *d);
}

#ifdef __i386__

static void rdtsc(long n)
{
    long i;
    uint64_t s = 0;
    for (i = 0; i < n; i++) {
        unsigned a, d;
        __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
        s += a;
    }
    printf("rdtsc %d\n", s != 0);
}

#endif

static void gettime(long n)
{
    long i;
    struct timespec t;
    for (i = 0; i < n; i++)
        clock_gettime(CLOCK_MONOTONIC, &t);
    printf("gettime\n");
}

static void atomic(long n)
{
    long i;
    static unsigned a, b;
    for (i = 0; i < n; i++) {
        __sync_fetch_and_add(&a, 3);
        __sync_val_compare_and_swap(&b, i, i + 1);
        __sync_lock_test_and_set(&b, i + 1);
    }
    printf("atomic %u %u\n", a, b);
}

/* shifts by cl, rotates, bsf/bsr, bt, setcc, cmov, shld */
static void bits(long n)
{
    unsigned a = 0x12345678, b = 1, s = 0;
    long i;
    for (i = 0; i < n; i++) {
        unsigned c = i & 31;
        a = (a << c) | (a >> ((32 - c) & 31));
        b += __builtin_ctz(a | 1) + __builtin_clz(a | 1);
        s += (a > b) + ((int)a < (int)b);
        s ^= (a & 1) ? b : a;
        a += (uint64_t)((((uint64_t)a << 32) | b) << (c & 7)) >> 32;
        a ^= a >> (b & 15);
    }
    printf("bits %u\n", s);
}

static void matint(long reps)
{
    enum { N = 100 };

    static int a[N][N], b[N][N], c[N][N];
    int i, j, k;
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++) {
            a[i][j] = i * j;
            b[i][j] = i - j;
        }
    while (reps--)
        for (i = 0; i < N; i++)
            for (j = 0; j < N; j++) {
                int s = 0;
                for (k = 0; k < N; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] = s;
            }
    printf("matint %d\n", c[50][60]);
}

static void divs(long n)
{
    unsigned s = 1, i;
    int t = 7;
    for (i = 1; i <= (unsigned long)n; i++) {
        s += 0xfffffffbu / (i | 1);
        s += i % (s | 3);
        t += (int)s / (int)((i & 255) + 1);
    }
    printf("divs %u %d\n", s, t);
}

static const struct {
    const char *name;
    void (*run)(long n);
} kernels[] = {
    {"fib", fib},           {"vcall", vcall},      {"interp", interp},
    {"sieve", sieve},       {"sort", sort},        {"crc", crc},
    {"i64", i64},           {"bits", bits},        {"matint", matint},
    {"divs", divs},         {"atomic", atomic},    {"chase", chase},
    {"stream", stream},     {"alias", alias},      {"libcstr", libcstr},
    {"syscall", getppids},  {"forkexec", forkexec}, {"fork", forkonly},
    {"pipe", pipepp},       {"ctxsw", ctxsw},      {"mmap", mmapf},
    {"mprot", mprot},       {"segv", segv},        {"sig", sig},
    {"gettime", gettime},   {"smc", smc},          {"jitdata", jitdata},
#ifdef __i386__
    {"repmovs", repmovs},   {"repmovsb", repmovsb}, {"repstos", repstos},
    {"repscas", repscas},   {"int80", int80},      {"rdtsc", rdtsc},
#endif
};

int main(int argc, char **argv)
{
    long n = argc > 2 ? atol(argv[2]) : 1;
    unsigned i;

    prog = argc > 3 ? argv[3] : "/bench/true";
    if (n < 1)
        n = 1;
    for (i = 0; argc > 1 && i < sizeof kernels / sizeof *kernels; i++) {
        if (!strcmp(argv[1], kernels[i].name)) {
            kernels[i].run(n);
            return 0;
        }
    }
    fprintf(stderr, "usage: k KERNEL N [PROGRAM]\n");
    return 2;
}
