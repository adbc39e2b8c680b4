/* The f32 functions, what they should give, and how far off a result is: for tools/accuracy.c and tests/test_pointwise.c. */
#include <math.h>
#include <stdbool.h>

static tn_tensor *softplus(tn_tensor *x) { return tn_softplus(x, 1, 20); }
static tn_tensor *gelu(tn_tensor *x) { return tn_gelu(x, TN_GELU_NONE); }
static tn_tensor *gelu_tanh(tn_tensor *x) { return tn_gelu(x, TN_GELU_TANH); }
static tn_tensor *elu(tn_tensor *x) { return tn_elu(x, 1); }

/* References. silu, gelu and mish fall to -0, and are NaN at -infinity, as PyTorch's are. */
static double ref_far(double x) { return -0.0 - (x - x); }
static double ref_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double ref_silu(double x) { return x < -1000 ? ref_far(x) : x * ref_sigmoid(x); }
static double ref_gelu(double x) { return x < -1000 ? ref_far(x) : 0.5 * x * erfc(x * -0.70710678118654752440); }
static double ref_gelu_tanh(double x) { return x < -1000 ? ref_far(x) : x * ref_sigmoid(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x)); }
static double ref_softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double ref_logsigmoid(double x) { return fmin(x, 0) - log1p(exp(-fabs(x))) + (x != x ? x : 0); }
static double ref_elu(double x) { return x > 0 ? x : expm1(x); }
static double ref_mish(double x) {
    const double e = exp(x), n = e * (e + 2);
    return x > 40 ? x : x < -1000 ? ref_far(x) : x * (n / (n + 2));
}
static double ref_rsqrt(double x) { return 1 / sqrt(x); }
static double ref_reciprocal(double x) { return 1 / x; }

typedef struct { const char *name; tn_tensor *(*ours)(tn_tensor *); double (*ref)(double); double bound; } function1;
typedef struct { const char *name; tn_tensor *(*ours)(tn_tensor *, tn_tensor *); double (*ref)(double, double); double bound; } function2;
static const function1 ones[] = {
    {"exp", tn_exp, exp, 1}, {"expm1", tn_expm1, expm1, 1}, {"log", tn_log, log, 1}, {"log1p", tn_log1p, log1p, 1}, {"log2", tn_log2, log2, 1},
    {"sin", tn_sin, sin, 1}, {"cos", tn_cos, cos, 1}, {"tan", tn_tan, tan, 1}, {"tanh", tn_tanh, tanh, 1}, {"erf", tn_erf, erf, 1},
    {"sqrt", tn_sqrt, sqrt, 0.5}, {"rsqrt", tn_rsqrt, ref_rsqrt, 2}, {"reciprocal", tn_reciprocal, ref_reciprocal, 0.5},
    {"floor", tn_floor, floor, 0}, {"ceil", tn_ceil, ceil, 0}, {"trunc", tn_trunc, trunc, 0}, {"round", tn_round, rint, 0},
    {"sigmoid", tn_sigmoid, ref_sigmoid, 2}, {"silu", tn_silu, ref_silu, 2}, {"gelu", gelu, ref_gelu, 2}, {"gelu_tanh", gelu_tanh, ref_gelu_tanh, 2},
    {"softplus", softplus, ref_softplus, 2}, {"logsigmoid", tn_logsigmoid, ref_logsigmoid, 2}, {"mish", tn_mish, ref_mish, 2}, {"elu", elu, ref_elu, 2}};
static const function2 twos[] = {{"pow", tn_pow, pow, 1}, {"atan2", tn_atan2, atan2, 1}, {"fmod", tn_fmod, fmod, 0}};
#define N_ONES (sizeof ones / sizeof *ones)
#define N_TWOS (sizeof twos / sizeof *twos)

/* In units in the last place of f32, subnormals among them. NaN wants NaN, zeros and infinities want their sign. */
static double error_of(float got, double want) {
    if (want != want || got != got) return want != want && got != got ? 0 : INFINITY;
    if (want == 0 && got == 0) return !signbit(want) == !signbit(got) ? 0 : INFINITY;
    if (isinf(want)) return (double)got == want ? 0 : INFINITY;
    int e;
    (void)frexp(want, &e);
    e = e < -125 ? -149 : e - 24;
    if (e > 104) e = 104;
    return fabs((isinf(got) ? copysign(ldexp(1, 128), (double)got) : (double)got) - (fabs(want) > ldexp(1, 128) ? copysign(ldexp(1, 128), want) : want)) * ldexp(1, -e);
}
/* With either sign. */
static const float edge[] = {0, 1e-45f, 3e-45f, 5e-39f, 1.17549435e-38f, 1e-30f, 1e-10f, 0x1p-24f, 0.1f, 0.25f, 0.5f, 0.70710677f, 0.99999994f, 1, 1.0000001f, 1.4142135f, 1.5f, 2, 2.5f,
    3, 4, 5, 7, 10, 100, 127, 128, 149, 150, 1000, 8388607.5f, 8388609, 16777215, 16777216, 33554430, 2147483648.0f, 1e10f, 1e20f, 3e38f, 3.40282347e38f, INFINITY, NAN};
#define N_EDGES (2 * sizeof edge / sizeof *edge)
static float edge_at(size_t i) { return i & 1 ? -edge[i / 2] : edge[i / 2]; }
