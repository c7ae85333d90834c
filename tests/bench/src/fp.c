/* SPDX-License-Identifier: MIT */
/*
 * Floating-point benchmark kernels.  Compiled four times: for the x87
 * (fp387), scalar SSE2 (fpsse), vectorised SSE2 of doubles (fpvec) and of
 * floats (fpvecf, -DR=float).
 *
 *     fp KERNEL N
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef R
#define R double
#endif
#define NB 5
static R px[NB] = {0, 4.84143144246472090, 8.34336671824457987,
                   12.8943695621391310, 15.3796971148509165};
static R py[NB] = {0, -1.16032004402742839, 4.12479856412430479,
                   -15.1111514016986312, -25.9193146099879641};
static R pz[NB] = {0, -.103622044471123109, -.403523417114321381,
                   -.223307578892655734, .179258772950371181};
static R vx[NB] = {0, .606326392995832, -1.01077434617879, 1.08279100644154,
                   .979090732243898};
static R vy[NB] = {0, 2.81198684491626, 1.82566237123041, .868713018169608,
                   .594698998647676};
static R vz[NB] = {0, -.0252183616598876, .00841576137658415,
                   -.0108326374013636, -.034755955504078};
static R ms[NB] = {39.4784176043574, .0376936749096, .011286326131968,
                   .00172372405705971, .00203368686992463};

static void nbody(long n)
{
    int i, j;
    long k;
    R e = 0;
    for (k = 0; k < n; k++) {
        for (i = 0; i < NB; i++)
            for (j = i + 1; j < NB; j++) {
                R dx = px[i] - px[j], dy = py[i] - py[j], dz = pz[i] - pz[j];
                R d2 = dx * dx + dy * dy + dz * dz,
                  mag = (R)0.01 / (d2 * (R)sqrt(d2));
                vx[i] -= dx * ms[j] * mag;
                vy[i] -= dy * ms[j] * mag;
                vz[i] -= dz * ms[j] * mag;
                vx[j] += dx * ms[i] * mag;
                vy[j] += dy * ms[i] * mag;
                vz[j] += dz * ms[i] * mag;
            }
        for (i = 0; i < NB; i++) {
            px[i] += (R)0.01 * vx[i];
            py[i] += (R)0.01 * vy[i];
            pz[i] += (R)0.01 * vz[i];
        }
    }
    for (i = 0; i < NB; i++)
        e += ms[i] * (vx[i] * vx[i] + vy[i] * vy[i] + vz[i] * vz[i]) / 2;
    printf("nbody %.6f\n", (double)e);
}

static R A(int i, int j)
{
    return (R)1 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void spectral(long n)
{
    R *u = malloc(n * sizeof(R)), *v = malloc(n * sizeof(R)),
      *t = malloc(n * sizeof(R)), a = 0, b = 0;
    long i, j;
    int k, h;
    for (i = 0; i < n; i++)
        u[i] = 1;
    for (k = 0; k < 4; k++)
        for (h = 0; h < 2; h++) {
            R *x = h ? v : u, *y = h ? u : v;
            for (i = 0; i < n; i++) {
                R s = 0;
                for (j = 0; j < n; j++)
                    s += A(i, j) * x[j];
                t[i] = s;
            }
            for (i = 0; i < n; i++) {
                R s = 0;
                for (j = 0; j < n; j++)
                    s += A(j, i) * t[j];
                y[i] = s;
            }
        }
    for (i = 0; i < n; i++) {
        a += u[i] * v[i];
        b += v[i] * v[i];
    }
    printf("spectral %.6f\n", sqrt((double)(a / b)));
}

static void mandel(long n)
{
    long x, y, c = 0;
    int i;
    for (y = 0; y < n; y++)
        for (x = 0; x < n; x++) {
            R cr = (R)2.0 * x / n - (R)1.5, ci = (R)2.0 * y / n - (R)1.0,
              zr = 0, zi = 0, tr = 0, ti = 0;
            for (i = 0; i < 50 && tr + ti <= (R)4.0; i++) {
                zi = 2 * zr * zi + ci;
                zr = tr - ti + cr;
                tr = zr * zr;
                ti = zi * zi;
            }
            c += i;
        }
    printf("mandel %ld\n", c);
}

/* LINPACK-like: LU of a 200x200, daxpy inner loop */
static void lu(long reps)
{
    enum { N = 200 };

    static R a[N][N], b[N];
    long r;
    int i, j, k;
    R s = 0;
    for (r = 0; r < reps; r++) {
        unsigned z = 1325;
        for (i = 0; i < N; i++) {
            for (j = 0; j < N; j++) {
                z = 3125 * z % 65536;
                a[i][j] = ((R)z - 32768) / 16384;
            }
            a[i][i] += 40;
            b[i] = 1;
        }
        for (k = 0; k < N; k++)
            for (i = k + 1; i < N; i++) {
                R m = a[i][k] / a[k][k];
                a[i][k] = m;
                for (j = k + 1; j < N; j++)
                    a[i][j] -= m * a[k][j];
                b[i] -= m * b[k];
            }
        for (i = N - 1; i >= 0; i--) {
            R t = b[i];
            for (j = i + 1; j < N; j++)
                t -= a[i][j] * b[j];
            b[i] = t / a[i][i];
        }
        s += b[0];
    }
    printf("lu %.9f\n", (double)s);
}

static void gemm(long reps)
{
    enum { N = 128 };

    static R a[N][N], b[N][N], c[N][N];
    long r;
    int i, j, k;
    R s = 0;
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++) {
            a[i][j] = (R)(i * j % 7) / 8;
            b[i][j] = (R)(i + j % 5) / 16;
            c[i][j] = 0;
        }
    for (r = 0; r < reps; r++)
        for (i = 0; i < N; i++)
            for (k = 0; k < N; k++) {
                R t = a[i][k];
                for (j = 0; j < N; j++)
                    c[i][j] += t * b[k][j];
            }
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++)
            s += c[i][j];
    printf("gemm %.6f\n", (double)s);
}

/* libm: x87 fsin/fcos/f2xm1 paths or SSE2 tables */
static void trig(long n)
{
    long i;
    double s = 0;
    for (i = 0; i < n; i++) {
        double x = i * 0.001;
        s += sin(x) * cos(x) + exp(-x * 0.01) + log(1 + x) + atan(x);
    }
    printf("trig %.9f\n", s);
}

static void fft(long reps)
{
    enum { N = 1024 };

    static R re[N], im[N], wr[N / 2], wi[N / 2];
    long r;
    int i, j, k, m;
    R s = 0;
    for (i = 0; i < N / 2; i++) {
        wr[i] = (R)cos(2 * M_PI * i / N);
        wi[i] = (R)-sin(2 * M_PI * i / N);
    }
    for (r = 0; r < reps; r++) {
        for (i = 0; i < N; i++) {
            re[i] = (R)(i % 17) / 17;
            im[i] = 0;
        }
        for (i = 1, j = 0; i < N; i++) {
            int b = N >> 1;
            for (; j & b; b >>= 1)
                j ^= b;
            j ^= b;
            if (i < j) {
                R t = re[i];
                re[i] = re[j];
                re[j] = t;
            }
        }
        for (m = 2; m <= N; m <<= 1)
            for (i = 0; i < N; i += m)
                for (k = 0; k < m / 2; k++) {
                    R xr = re[i + k + m / 2] * wr[k * (N / m)] -
                           im[i + k + m / 2] * wi[k * (N / m)],
                      xi = re[i + k + m / 2] * wi[k * (N / m)] +
                           im[i + k + m / 2] * wr[k * (N / m)];
                    re[i + k + m / 2] = re[i + k] - xr;
                    im[i + k + m / 2] = im[i + k] - xi;
                    re[i + k] += xr;
                    im[i + k] += xi;
                }
        s += re[1];
    }
    printf("fft %.6f\n", (double)s);
}

static const struct {
    const char *name;
    void (*run)(long n);
} kernels[] = {
    {"nbody", nbody}, {"spectral", spectral}, {"mandel", mandel}, {"lu", lu},
    {"gemm", gemm},   {"trig", trig},         {"fft", fft},
};

int main(int argc, char **argv)
{
    long n = argc > 2 ? atol(argv[2]) : 1;
    unsigned i;

    if (n < 1)
        n = 1;
    for (i = 0; argc > 1 && i < sizeof kernels / sizeof *kernels; i++) {
        if (!strcmp(argv[1], kernels[i].name)) {
            kernels[i].run(n);
            return 0;
        }
    }
    fprintf(stderr, "usage: fp KERNEL N\n");
    return 2;
}
