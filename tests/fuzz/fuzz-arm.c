/* SPDX-License-Identifier: MIT */
/*
 * ARM instructions at random, from the rows of the decode tables.
 *
 * 1. The back end against the interpreter: sequences of any kind, on all models,
 *    in User and Supervisor mode, ending where they end.  A row that was never
 *    executed is a failure as well.
 * 2. Both against qemu-arm, if it is installed: tame sequences (arm-gen.h) as a
 *    program (arm-qemu.h).
 *
 * The interpreter runs one instruction per block, so what the translator believes
 * to know from one instruction to the next is tested as well.
 *
 * A difference is printed as a line for tests/insn/a32.tst.  The interpreter runs
 * in a process of its own, with the same random numbers, since there is one set
 * of dirty bits to a process; a pipe brings what it finds.
 *
 *      build/opt/tests/fuzz/fuzz-arm [cases] [seed] [vfp]
 *
 * Seed and cases come from the environment's TEST_LEVEL and the clock if they
 * are not given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/arm-gen.h"

#include "tests/arm-text.h"
#include "tests/fuzz/arm-qemu.h"

enum { BATCH = 256, CASE_SIZE = 0x80, MAX_INSNS = 6, MAX_BLOCKS = 64, MAX_REPORTS = 10 };

static const char *const models[] = { "arm1136", "arm926", "arm920t" };

typedef struct Case {
    bool thumb;
    unsigned num;
    uint32_t raw[MAX_INSNS];
    ArmCtx before;
} Case;

static ArmDecoder *decoder;
static unsigned reports, blocks;
static unsigned long compared;
static uint32_t code_begin_, code_end_;
static bool strayed;

/* -- Runs that end ------------------------------------------------------------- */

/* Every block is looked up here: what leaves the case, or never ends, is
 * stopped before its next block. */
static TBKey watch_key(CPUState *cpu)
{
    TBKey key = arm_cpu_ops.tb_key(cpu);

    if (++blocks > MAX_BLOCKS || key.pc < code_begin_ || key.pc >= code_end_) {
        strayed = true;
        cpu_interrupt(cpu, CPU_INTERRUPT_EXIT);
    }
    return key;
}

static void open_rig(bool interp, bool watch)
{
    rig_open(&(AccelOptions){ .tb_size = 32 << 20, .interp = interp, .no_chain = watch,
                              .singlestep = interp && watch }, "arm1136");
    rig.ops.tb_key = watch ? watch_key : arm_cpu_ops.tb_key;
}

/* -- Cases --------------------------------------------------------------------- */

static bool only_vfp;

static const ArmRow *random_row(bool thumb)
{
    const ArmRow *r;

    do {
        r = thumb ? &arm_t16_rows[below(arm_num_t16_rows)]
                  : &arm_a32_rows[below(arm_num_a32_rows)];
    } while (only_vfp && !(r->needs & ARM_VFP2));
    return r;
}

static bool random_thumb(void)
{
    return !only_vfp && below(3) == 0;
}

/* Values of code addresses, aligned or not, and data. */
static uint32_t state_value(uint32_t code)
{
    switch (below(4)) {
    case 0: return rnd_value();
    case 1: return code + below(CASE_SIZE);
    default: return RIG_DATA + 0x1000 + (below(4) ? below(64) * 4 : below(256));
    }
}

static uint32_t random_psr(void)
{
    static const uint8_t modes[] = { MODE_USR, MODE_SVC, MODE_SYS, MODE_FIQ, MODE_IRQ };

    return (rnd() & 0xf80f00c0) | modes[below(2) ? 0 : below(5)];
}

static uint64_t bits_of_double(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, 8);
    return bits;
}

static uint32_t bits_of_float(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, 4);
    return bits;
}

/* Infinity, NaNs of both kinds, denormals, largest and smallest, or any number. */
static uint32_t random_single_bits(void)
{
    static const uint32_t edges[] = {
        0, 0x7f800000, 0x7fc00000, 0x7f812345, 0x7fd54321, 0x00000001, 0x007fffff, 0x00800000,
        0x7f7fffff, 0x3f800000, 0x3f800001, 0x4f000000, 0x4effffff, 0x5f000000,
    };
    uint32_t sign = rnd() & 0x80000000;

    switch (below(4)) {
    case 0: return sign | edges[below(ARRAY_SIZE(edges))];
    case 1: return rnd();
    default: return bits_of_float((float)(int32_t)rnd_value() / (below(2) ? 16.0f : 3.0f));
    }
}

static uint64_t random_double(void)
{
    static const uint64_t edges[] = {
        0, 0x7ff0000000000000, 0x7ff8000000000000, 0x7ff0123456789abc, 0x7ffabcdef0123456, 1,
        0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x3ff0000000000001,
        0x41dfffffffc00000, 0xc1e0000000000000, 0x41efffffffe00000, 0x3690000000000000,
        0x380fffffffffffff, 0x47efffffffffffff,
    };
    uint64_t sign = (uint64_t)rnd() << 63;

    switch (below(6)) {
    case 0: return sign | edges[below(ARRAY_SIZE(edges))];
    case 1: return (uint64_t)rnd() << 32 | rnd();
    case 2: return bits_of_double((double)(int32_t)rnd_value() / (below(2) ? 16 : 3));
    default: return (uint64_t)random_single_bits() << 32 | random_single_bits();
    }
}

static void random_case(Case *c, uint32_t code)
{
    *c = (Case){ .thumb = random_thumb(), .num = 1 + below(MAX_INSNS) };
    for (unsigned i = 0; i < c->num; i++) {
        const ArmRow *r = random_row(c->thumb);

        c->raw[i] = below(2) ? wild_insn(r) : tame_insn(r);
        if (arm_row_is_cond(r) && below(2)) {
            c->raw[i] |= 0xe0000000;
            c->raw[i] &= 0xefffffff;
        }
    }
    for (unsigned i = 0; i < 15; i++) {
        c->before.r[i] = state_value(code);
    }
    for (unsigned i = 0; i < 16; i++) {
        c->before.d[i] = random_double();
    }
    c->before.r[R_PC] = code;
    c->before.cpsr = random_psr() | (c->thumb ? CPSR_T : 0);
    c->before.spsr = random_psr();
    c->before.fpexc = 1 << 30;
    c->before.fpscr = below(2) ? 0 : rnd() & 0xf7f7009f;
}

static void put_case(const Case *c, uint32_t code)
{
    unsigned size = c->thumb ? 2 : 4;
    uint8_t *p = rig_ptr(code);

    for (unsigned i = 0; i < CASE_SIZE / size; i++) {
        store_le(p + i * size, i < c->num ? c->raw[i] : c->thumb ? 0xdf00 : 0xef000000, size);
    }
}

typedef struct Result {
    ArmCtx ctx;
    uint64_t data;                      /* a hash of it */
    uint32_t endless;                   /* stopped somewhere */
    uint32_t strayed;                   /* stopped outside of the case */
} Result;

static uint64_t hash_of(const uint8_t *p, size_t len)
{
    uint64_t h = 0;

    for (size_t i = 0; i < len; i += 8) {
        h = (h ^ load_le(p + i, 8)) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 32;
    }
    return h;
}

static void run_case(const Case *c, uint32_t code, Result *after, uint64_t seed)
{
    uint8_t *mem = rig_ptr(RIG_DATA);

    for (unsigned i = 0; i < RIG_DATA_SIZE; i += 8) {
        seed = seed * 6364136223846793005ull + 1;
        store_le(mem + i, seed ^ seed >> 29, 8);
    }
    code_begin_ = code;
    code_end_ = code + CASE_SIZE;
    blocks = 0;
    strayed = false;
    rig_set(&c->before);
    rig.excp = -2;
    while (cpu_exec(arm_cpu(rig.env)) == EXCP_INTERRUPT && rig.excp == -2 && !strayed) {
        /* It had to let another one run. */
    }
    rig_get(&after->ctx);
    after->endless = blocks > MAX_BLOCKS;
    after->strayed = strayed;
    after->data = hash_of(mem, RIG_DATA_SIZE);
    if (after->ctx.excp == -2) {
        rig.env->common.exception_index = EXCP_NONE;
    }
}

/* -- Reports ------------------------------------------------------------------- */

static void print_code(const uint32_t *raw, unsigned num, bool thumb)
{
    char buf[128];

    for (unsigned i = 0; i < num; i++) {
        printf(thumb ? "%04x " : "%08x ", raw[i]);
    }
    for (unsigned i = 0; i < num; i++) {
        arm_disassemble(decoder, raw[i], thumb, ~0u, RIG_CODE, buf, sizeof(buf));
        printf("%s%s", i ? "; " : "| ", buf);
    }
}

static void report(const Case *c, const Result *a, const Result *b, const char *model,
                   uint32_t c1)
{
    static const TextState zero;

    if (++reports > MAX_REPORTS) {
        return;
    }
    printf("# back end and interpreter differ: ");
    print_code(c->raw, c->num, c->thumb);
    printf(" | model=%s c1=%x", model, c1);
    text_put(stdout, &c->before, &zero.ctx);
    printf("\n#   back end:   ");
    text_put(stdout, &a->ctx, &c->before);
    printf("\n#   interpreter:");
    text_put(stdout, &b->ctx, &c->before);
    printf("%s\n", a->data == b->data ? "" : " (memory differs, too)");
}

/* -- 1: against the interpreter --------------------------------------------------- */

static bool *executed[2];               /* per row of A32, T16 */

/* All of a case that was run through, or one instruction of it. */
static void note_executed(const Case *c, const ArmCtx *after, uint32_t features)
{
    unsigned num = after->excp == -1 ? c->num : 1;
    const ArmRow *rows = c->thumb ? arm_t16_rows : arm_a32_rows;

    for (unsigned i = 0; i < num; i++) {
        ArmInsn a;

        if (arm_decode(decoder, c->raw[i], c->thumb, features, &a)) {
            executed[c->thumb][a.row - rows] = true;
        }
    }
}

typedef struct Batch {
    unsigned model;
    uint32_t c1;
    Case cases[BATCH];
    Result after[BATCH];
} Batch;

static void run_batch(Batch *b, unsigned model)
{
    static const uint32_t controls[] = { SCTLR_U, 0, SCTLR_A, SCTLR_A | SCTLR_U };
    uint64_t seed = rnd();

    b->model = model;
    b->c1 = model == 0 ? controls[below(4)] : controls[1 + below(2)];
    rig.model = NULL;
    rig_set_model(models[model]);       /* no block is left of the last batch */
    memset(rig.ram, 0, RIG_RAM_SIZE);
    for (unsigned i = 0; i < BATCH; i++) {
        random_case(&b->cases[i], RIG_CODE + i * CASE_SIZE);
        put_case(&b->cases[i], RIG_CODE + i * CASE_SIZE);
    }
    for (unsigned i = 0; i < BATCH; i++) {
        rig.env->cp15.sctlr = b->c1;
        rig.env->cp15.cpacr = 0xf << 20;
        run_case(&b->cases[i], RIG_CODE + i * CASE_SIZE, &b->after[i], seed + i);
    }
}

/*
 * A long block may run over the end of the case, a short one is stopped there:
 * then they cannot be compared, nor what comes behind them in the same memory,
 * until that is cleared for the next batch.
 */
static bool comparable(const Result *a, const Result *b)
{
    return !a->endless && !b->endless && a->strayed == b->strayed &&
           (!a->strayed || a->ctx.r[R_PC] == b->ctx.r[R_PC]);
}

static void compare_batch(const Batch *b, const Result *other, uint32_t features)
{
    for (unsigned i = 0; i < BATCH && comparable(&b->after[i], &other[i]); i++) {
        if (memcmp(&b->after[i], &other[i], sizeof(Result))) {
            report(&b->cases[i], &b->after[i], &other[i], models[b->model], b->c1);
        }
        note_executed(&b->cases[i], &b->after[i].ctx, features);
        compared++;
    }
}

static unsigned never_executed(bool thumb)
{
    unsigned num = thumb ? arm_num_t16_rows : arm_num_a32_rows, never = 0;

    for (unsigned i = 0; i < num; i++) {
        const ArmRow *r = thumb ? &arm_t16_rows[i] : &arm_a32_rows[i];

        if (!executed[thumb][i] && (!only_vfp || r->needs & ARM_VFP2)) {
            printf("# never executed: %s %s\n", r->pattern, r->syntax);
            never++;
        }
    }
    return never;
}

static void interpreter(unsigned long cases, FILE *to)
{
    static Batch b;

    open_rig(true, true);
    for (unsigned long n = 0; n < cases; n += BATCH) {
        run_batch(&b, n / BATCH % ARRAY_SIZE(models));
        fwrite(b.after, sizeof(b.after), 1, to);
    }
    fclose(to);
}

static bool back_end(unsigned long cases, FILE *from)
{
    static Batch b;
    static Result other[BATCH];
    bool more = true;

    open_rig(false, true);
    for (unsigned long n = 0; more && n < cases; n += BATCH) {
        run_batch(&b, n / BATCH % ARRAY_SIZE(models));
        more = fread(other, sizeof(other), 1, from) == 1;
        if (more) {
            compare_batch(&b, other, rig.env->features);
        }
    }
    rig_close();
    if (!more) {
        printf("# the interpreter ended early\n");
    }
    return more && reports == 0;
}

static bool against_interpreter(unsigned long cases)
{
    int fd[2], status;

    if (pipe(fd) != 0) {
        return false;
    }
    fflush(stdout);
    pid_t child = fork();

    if (child == 0) {
        close(fd[0]);
        interpreter(cases, fdopen(fd[1], "wb"));
        _exit(0);
    }
    close(fd[1]);
    executed[0] = xcalloc(arm_num_a32_rows, sizeof(bool));
    executed[1] = xcalloc(arm_num_t16_rows, sizeof(bool));
    reports = 0;
    FILE *from = fdopen(fd[0], "rb");
    bool good = back_end(cases, from);

    fclose(from);
    waitpid(child, &status, 0);
    if (cases >= 100000) {
        good &= never_executed(false) + never_executed(true) == 0;
    }
    free(executed[0]);
    free(executed[1]);
    return good && status == 0;
}

/* -- 2: against qemu-arm ----------------------------------------------------------- */

static void random_vector(Vector *v)
{
    *v = (Vector){ .thumb = random_thumb(), .num = 1 + below(TAME_LEN) };
    for (unsigned i = 0; i < v->num;) {
        const ArmRow *r = random_row(v->thumb);
        uint32_t raw = never_tame(r) ? 0 : tame_insn(r);

        if (!never_tame(r) && is_tame(decoder, r, raw)) {
            v->raw[i++] = raw;
        }
    }
}

static void random_data(VecData *d, uint32_t addr)
{
    uint32_t middle = addr + (uint32_t)offsetof(VecData, scratch) + TAME_SCRATCH / 2;

    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < 15; i++) {
        d->in.r[i] = rnd_value();
    }
    for (unsigned i = 0; i < 16; i++) {
        d->in.d[i] = random_double();
    }
    d->in.r[5] = below(9) * 8;
    d->in.r[6] = d->in.r[7] = d->in.r[R_SP] = middle;
    d->in.cpsr = rnd() & 0xf80f0000;
    d->in.fpscr = below(2) ? 0 : rnd() & 0xf3c0009f;    /* no vectors, no traps */
    for (unsigned i = 0; i < TAME_SCRATCH; i += 4) {
        store_le(d->scratch + i, rnd_value(), 4);
    }
}

static void make_image(Image *im)
{
    image_begin(im);
    for (unsigned i = 0; i < VEC_MAX; i++) {
        Vector v;
        VecData *d = (VecData *)(void *)im->data + i;

        random_vector(&v);
        random_data(d, vec_data(i));
        image_add(im, &v);
    }
    image_end(im);
}

/* What the program prints, by qemu-arm. */
static bool run_qemu(const char *path, void *out, size_t len)
{
    char command[256];

    snprintf(command, sizeof(command), "qemu-arm -cpu arm1136 %s 2>/dev/null", path);
    FILE *f = popen(command, "r");

    if (!f) {
        return false;
    }
    size_t got = fread(out, 1, len, f);

    return pclose(f) == 0 && got == len;
}

static void run_here(const Image *im)
{
    ArmCtx c = { .cpsr = MODE_USR, .r[R_PC] = VEC_CODE, .excp = -1, .fpexc = 1 << 30 };

    memcpy(rig_ptr(VEC_CODE), im->code, im->at - VEC_CODE);
    memcpy(rig_ptr(VEC_DATA), im->data, image_data_len(im));
    tb_flush(rig.env->common.exec->tbs);
    rig.env->cp15.sctlr = SCTLR_U;
    rig.env->cp15.cpacr = 0xf << 20;
    rig_set(&c);
    rig_run(&c);
}

static void to_ctx(ArmCtx *c, const VecState *s, const Vector *v)
{
    *c = (ArmCtx){ .excp = -1, .cpsr = (s->cpsr & 0xf80f0000) | MODE_USR, .fpscr = s->fpscr };
    memcpy(c->r, s->r, sizeof(s->r));
    memcpy(c->d, s->d, sizeof(s->d));
    c->cpsr |= v->thumb ? CPSR_T : 0;
}

static void report_vector(const Vector *v, const VecData *in, const VecData *want,
                          const VecData *got)
{
    static const TextState zero;
    ArmCtx a, b, c;

    if (++reports > MAX_REPORTS) {
        return;
    }
    to_ctx(&a, &in->in, v);
    to_ctx(&b, &want->out, v);
    to_ctx(&c, &got->out, v);
    printf("# qemu-arm differs: ");
    print_code(v->raw, v->num, v->thumb);
    printf(" |");
    text_put(stdout, &a, &zero.ctx);
    printf(" |");
    text_put(stdout, &b, &a);
    text_put_data(stdout, want->scratch, in->scratch, TAME_SCRATCH);
    printf("\n#   here:");
    text_put(stdout, &c, &a);
    text_put_data(stdout, got->scratch, in->scratch, TAME_SCRATCH);
    printf("\n");
}

static bool same_vector(const VecData *a, const VecData *b)
{
    const VecState *x = &a->out, *y = &b->out;

    return !memcmp(x->r, y->r, sizeof(x->r)) && ((x->cpsr ^ y->cpsr) & 0xf80f0000) == 0 &&
           !memcmp(x->d, y->d, sizeof(x->d)) && x->fpscr == y->fpscr &&
           !memcmp(a->scratch, b->scratch, TAME_SCRATCH);
}

static bool compare_image(const Image *im, const VecData *want)
{
    const VecData *got = (const VecData *)(const void *)rig_ptr(VEC_DATA);
    const VecData *in = (const VecData *)(const void *)im->data;

    run_here(im);
    for (unsigned i = 0; i < im->num; i++) {
        if (!same_vector(&want[i], &got[i])) {
            report_vector(&im->vec[i], &in[i], &want[i], &got[i]);
        }
    }
    return reports == 0;
}

static bool against_qemu(unsigned long vectors, bool interp)
{
    static Image im;
    char path[] = "/tmp/fuzz-arm.XXXXXX";
    int fd = mkstemp(path);
    bool good = true;

    im.code = xcalloc(1, VEC_DATA - VEC_CODE);
    im.data = xcalloc(VEC_MAX, sizeof(VecData));
    VecData *out = xcalloc(VEC_MAX, sizeof(VecData));

    close(fd);
    open_rig(interp, false);
    reports = 0;
    for (unsigned long n = 0; n < vectors && good; n += VEC_MAX) {
        make_image(&im);
        bool ran = image_write(&im, path) && chmod(path, 0700) == 0 &&
                   run_qemu(path, out, image_data_len(&im));

        if (!ran) {
            printf("# qemu-arm did not run %s to its end\n", path);
        }
        good = ran && compare_image(&im, out);
    }
    if (good) {
        unlink(path);
    }
    rig_close();
    free(im.code);
    free(im.data);
    free(out);
    return good;
}

/* -- All ------------------------------------------------------------------------------ */

static unsigned long default_cases(void)
{
    const char *level = getenv("TEST_LEVEL");

    return level && !strcmp(level, "all") ? 10000000 : 300000;
}

int main(int argc, char **argv)
{
    unsigned long cases = argc > 1 ? strtoul(argv[1], NULL, 0) : default_cases();
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
    bool have_qemu = system("qemu-arm -version >/dev/null 2>&1") == 0;

    printf("# %s %lu %llu\n", argv[0], cases, (unsigned long long)seed);
    rnd_state = seed;
    only_vfp = argc > 3 && !strcmp(argv[3], "vfp");
    decoder = arm_decoder_new();
    bool a = against_interpreter(cases), b = true;

    printf("%sok 1 - back end and interpreter agree, %lu of %lu cases compared\n",
           a ? "" : "not ", compared, cases);
    if (have_qemu) {
        b = against_qemu(cases / 10, false) && against_qemu(cases / 100, true);
        printf("%sok 2 - qemu-arm agrees, %lu vectors\n", b ? "" : "not ", cases / 10);
    } else {
        printf("ok 2 - qemu-arm agrees # SKIP it is not installed\n");
    }
    printf("1..2\n");
    arm_decoder_free(decoder);
    return !(a && b);
}
