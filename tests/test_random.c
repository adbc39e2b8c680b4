/* Generators and every draw from them. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *f32(int64_t n) { return tn_empty(&n, 1, NULL); }
static tn_tensor *f64(int64_t n) { return tn_empty(&n, 1, &(tn_tensor_opts){.dtype = TN_F64}); }
static tn_tensor *weights(void) { return tn_test_f32((const float[]){0.1F, 0.5F, 0, 0.2F, 0.2F}, SHAPE(5)); }
static tn_tensor *draw(int which) {
    static const tn_tensor_opts wide = {.dtype = TN_F64}, f = {.dtype = TN_F32}, bf16 = {.dtype = TN_BF16}, f16 = {.dtype = TN_F16};
    static const int64_t n[] = {1, 15, 16, 17, 40};
    if (which < 5) return tn_rand(n + which, 1, NULL);
    if (which < 10) return tn_randn(n + which - 5, 1, NULL);
    if (which < 15) return tn_rand(n + which - 10, 1, &wide);
    if (which < 20) return tn_randn(n + which - 15, 1, &wide);
    switch (which) {
    case 20: return tn_randint(-5, 100, SHAPE(3, 7), NULL);
    case 21: return tn_randint(0, (int64_t)1 << 40, SHAPE(5), NULL);
    case 22: return tn_randint(0, 7, SHAPE(5), &f);
    case 23: return tn_randperm(11, NULL);
    case 24: return tn_randperm(0, NULL);
    case 25: return tn_randperm(1000, NULL);
    case 26: return tn_rand_like(tn_zeros(SHAPE(2, 3), &wide), NULL);
    case 27: return tn_randn_like(tn_zeros(SHAPE(2, 3), NULL), NULL);
    case 28: return tn_randint_like(tn_zeros(SHAPE(2, 3), NULL), 2, 9, NULL);
    case 29: return tn_normal(tn_test_wave(0.1, TN_F32, SHAPE(20)), tn_add(tn_test_wave(0.2, TN_F32, SHAPE(20)), 2.0), NULL);
    case 30: return tn_normal(tn_test_wave(0.1, TN_F32, SHAPE(3)), tn_full(NULL, 0, 3, NULL), NULL);
    case 31: return tn_bernoulli(tn_div(tn_add(tn_test_wave(0.1, TN_F32, SHAPE(30)), 1.0), 2.0), NULL);
    case 32: return tn_bernoulli(tn_div(tn_add(tn_test_wave(0.1, TN_F64, SHAPE(30)), 1.0), 2.0), NULL);
    case 33: return tn_multinomial(weights(), 9, true, NULL);
    case 34: return tn_multinomial(weights(), 4, false, NULL);
    case 35: return tn_multinomial(tn_add(tn_test_wave(0.1, TN_F32, SHAPE(3, 4)), 1.0), 2, false, NULL);
    case 36: return tn_multinomial(weights(), 1, false, NULL);
    case 37: return tn_uniform_(f32(20), -2, 5, NULL);
    case 38: return tn_uniform_(f64(20), -2, 5, NULL);
    case 39: return tn_normal_(f32(20), 1, 0.5, NULL);
    case 40: return tn_normal_(f32(3), 1, 0.5, NULL);
    case 41: return tn_bernoulli_(f32(30), 0.3, NULL);
    case 42: return tn_random_(tn_empty(SHAPE(20), &(tn_tensor_opts){.dtype = TN_I64}), 3, 50, NULL);
    case 43: return tn_exponential_(f32(20), 2, NULL);
    case 44: return tn_exponential_(f64(20), 2, NULL);
    case 45: return tn_normal_(tn_t(tn_empty(SHAPE(4, 5), NULL)), 0, 1, NULL); /* views: transposed, every other column */
    case 46: return tn_uniform_(tn_t(tn_empty(SHAPE(4, 5), NULL)), 0, 1, NULL);
    case 47: return tn_normal_(tn_slice(tn_empty(SHAPE(4, 10), NULL), 1, 0, 10, 2), 0, 1, NULL);
    case 48: return tn_rand(SHAPE(20), &bf16);
    default: return tn_rand(SHAPE(20), &f16);
    }
}
static const double want[50][3] = { /* digest, last element, the next uniform draw */
    {0.882269263268, 0.882269263268, 0.915003955364}, {0.233901697381, 0.741094052792, 0.429404497147}, {0.02970400194, 0.429404497147, 0.885442912579},
    {0.209453219827, 0.885442912579, 0.573904454708}, {1.19743252153, 0.342313408852, 0.634341835976}, {0.336690366268, 0.336690366268, 0.390448212624},
    {3.48746801923, -0.988959908485, 0.886013686657}, {6.3341439386, 0.762445390224, 0.885442912579}, {3.20395152783, -0.309726774693, 0.583209574223},
    {10.0026957592, -1.28621554375, 0.658130586147}, {0.0581544859614, 0.0581544859614, 0.382863759995}, {-2.37699883944, 0.377532955271, 0.951554536819},
    {-2.66823505356, 0.612436588994, 0.886013686657}, {-2.65034833867, 0.0881097849146, 0.337647736073}, {-0.414548797524, 0.432303754455, 0.241787314415},
    {0.336690354384, 0.336690354384, 0.390448212624}, {3.48746795202, -0.988959881147, 0.886013686657}, {1.00822314234, -1.49207272835, 0.886013686657},
    {-1.85702068599, 0.249411879692, 0.91469591856}, {6.97186192285, -0.00449538616854, 0.654079854488}, {121.774081827, 59, 0.441363573074},
    {-1235986786.86, 440001501305, 0.934598088264}, {-3.0835669395, 4, 0.600895345211}, {13.9791467824, 4, 0.934598088264}, {0, 0, 0.882269263268},
    {-299.538816504, 455, 0.0296570062637}, {-0.841527670779, 0.476784753787, 0.869404435158}, {1.59124614066, -0.186328291893, 0.869404435158},
    {-6.79036860613, 5, 0.25657248497}, {4.75919571319, -1.42645764351, 0.577925384045}, {2.35136774304, 1.1307669878, 0.940771460533},
    {1.66584881579, 1, 0.951554536819}, {2.11855249525, 1, 0.531481862068}, {-2.92370569273, 0, 0.266580045223}, {1.27514214345, 4, 0.934598088264},
    {-4.53353980951, 3, 0.105314910412}, {1, 1, 0.934598088264}, {6.17430042148, 2.39214420319, 0.269631683826}, {-11.6363597337, 1.06095298453, 0.634341835976},
    {3.30535783973, 0.689202308655, 0.577925384045}, {2.17233943498, 1.1172311306, 0.940771460533}, {5.90796943058, 1, 0.531481862068},
    {26.683870956, 31, 0.269631683826}, {-1.62125535179, 0.287485659122, 0.634341835976}, {-1.62125537711, 0.287485664625, 0.634341835976},
    {-2.21609463228, -0.750622332096, 0.634341835976}, {1.23552819078, 0.627449154854, 0.269631683826}, {2.61975576927, -0.750622332096, 0.634341835976},
    {1.3907057025, 0.62890625, 0.269631683826}, {1.39245077243, 0.62744140625, 0.269631683826},
};
static double next(void) { return tn_item(tn_rand(NULL, 0, NULL)); }
TEST(every_draw_is_pytorchs) {
    CPU_DRAWS;
    for (int i = 0; i < 50; i++) {
        TN_SCOPE;
        tn_manual_seed(42);
        tn_tensor *t = draw(i), *flat = tn_flatten(t, 0, -1);
        const double after = next(), digest = tn_test_digest(t), last = tn_numel(t) ? tn_item(tn_select(flat, 0, -1)) : 0;
        const double tolerance = i == 21 ? 0.01 : tn_get_dtype(t) == TN_F64 ? 1e-9 : 4e-5; /* f32: libm and vectors round apart */
        if (!(fabs(digest - want[i][0]) <= tolerance && fabs(last - want[i][1]) <= 1e-6 && fabs(after - want[i][2]) < 1e-11))
            TN_TEST_FAIL("draw %d: %.12g, %.12g, %.12g are not %.12g, %.12g, %.12g %s", i, digest, last, after, want[i][0], want[i][1], want[i][2], tn_error());
    }
}
TEST(a_sine_is_kept_for_the_next_call) {
    static const double odd[5] = {0.475060133514, -0.660144585771, 0.869404435158, -3.00349783485, 1.29308867455};
    const int64_t n[5] = {3, 3, 0, 16, 1};
    CPU_DRAWS;
    tn_manual_seed(42);
    for (int i = 0; i < 5; i++) CHECK_NEAR(i == 2 ? next() : tn_test_digest(tn_randn(n + i, 1, NULL)), odd[i], 4e-6);
}
TEST(seeds_count_by_their_low_half) {
    CPU_DRAWS;
    tn_manual_seed(5);
    CHECK_NEAR(next(), 0.8302518725395203, 0);
    tn_manual_seed((1ULL << 33) + 5);
    CHECK_NEAR(next(), 0.8302518725395203, 0);
}
TEST(generators_are_independent) {
    CPU_DRAWS;
    tn_generator *g = tn_generator_new(42), *h = tn_generator_new(1);
    tn_manual_seed(7);
    CHECK(g != tn_default_generator() && tn_default_generator() == tn_default_generator());
    CHECK_NEAR(tn_item(tn_rand(NULL, 0, &(tn_tensor_opts){.generator = g})), want[0][0], 1e-12);
    CHECK_NEAR(next(), 0.53492254, 1e-8); /* the default one has not moved */
    CHECK(tn_generator_seed(h, 42) == TN_OK);
    CHECK_NEAR(tn_test_digest(tn_randn(SHAPE(17), &(tn_tensor_opts){.generator = h})), want[8][0], 4e-5);
    CHECK(tn_generator_seed(tn_default_generator(), 42) == TN_OK);
    CHECK_NEAR(next(), want[0][0], 1e-12);
    CHECK(tn_generator_seed(g, 42) == TN_OK && tn_generator_seed(h, 42) == TN_OK);
    tn_tensor *a = tn_uniform_(f32(9), 0, 1, g), *b = tn_rand(SHAPE(9), &(tn_tensor_opts){.generator = h});
    CHECK_NEAR(tn_test_digest(a), tn_test_digest(b), 0);
}
TEST(a_state_is_gone_back_to) { /* also with a sine kept, and over the block's end */
    tn_generator *g = tn_generator_new(3), *h = tn_generator_new(4);
    const tn_tensor_opts from_g = {.generator = g}, from_h = {.generator = h};
    for (int64_t at = 1; at < 1300; at += 311) {
        TN_SCOPE;
        (void)tn_rand(&at, 1, &from_g);
        (void)tn_randn(SHAPE(3), &from_g);
        tn_tensor *state = tn_generator_get_state(g);
        CHECK(tn_get_dtype(state) == TN_U8 && tn_ndim(state) == 1);
        const double one = tn_test_digest(tn_randn(SHAPE(3), &from_g)), two = tn_test_digest(tn_rand(SHAPE(700), &from_g));
        CHECK(tn_generator_set_state(h, state) == TN_OK && tn_generator_set_state(g, state) == TN_OK);
        CHECK_NEAR(tn_test_digest(tn_randn(SHAPE(3), &from_h)), one, 0);
        CHECK_NEAR(tn_test_digest(tn_rand(SHAPE(700), &from_h)), two, 0);
        CHECK_NEAR(tn_test_digest(tn_randn(SHAPE(3), &from_g)), one, 0);
    }
}
TEST(layers_draw_when_something_looks) {
    tn_manual_seed(0);
    tn_module *m = tn_nn_linear(2, 2, NULL);
    CHECK(tn_init_flush() == TN_OK);
    const double after = next();
    tn_manual_seed(0);
    tn_module *n = tn_nn_linear(2, 2, NULL);
    CHECK_NEAR(next(), after, 0); /* a draw flushes first */
    CHECK_NEAR(tn_test_digest(tn_module_get(m, "weight")), tn_test_digest(tn_module_get(n, "weight")), 0);
    tn_manual_seed(0);
    tn_module *o = tn_nn_linear(2, 2, NULL);
    tn_manual_seed(1); /* so does a reseed */
    CHECK_NEAR(tn_test_digest(tn_module_get(o, "weight")), tn_test_digest(tn_module_get(n, "weight")), 0);
    CHECK(tn_init_flush() == TN_OK); /* nothing left */
}
TEST(bad_states) {
    tn_generator *g = tn_generator_new(3);
    tn_tensor *state = tn_generator_get_state(g), *bad = tn_clone(state);
    CHECK_ERROR(tn_generator_seed(NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_generator_get_state(NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_generator_set_state(NULL, state), TN_ERR_INVALID);
    CHECK_ERROR(tn_generator_set_state(g, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_generator_set_state(g, tn_zeros(SHAPE(5), &(tn_tensor_opts){.dtype = TN_U8})), TN_ERR_SHAPE);
    CHECK_ERROR(tn_generator_set_state(g, tn_to_dtype(state, TN_I8)), TN_ERR_SHAPE);
    for (int i = 0; i < 4; i++) tn_test_set(bad, 2496 + i, 0x7F);
    CHECK_ERROR(tn_generator_set_state(g, bad), TN_ERR_FORMAT);
    CHECK(tn_generator_set_state(g, state) == TN_OK);
}
TEST(bad_draws) {
    const tn_tensor_opts whole = {.dtype = TN_I64};
    tn_tensor *x = tn_zeros(SHAPE(2), NULL), *i = tn_zeros(SHAPE(2), &whole);
    const int own = tn_test_device_draws();
    tn_manual_seed(42);
    CHECK_ERROR(tn_rand(SHAPE(2), &whole), TN_ERR_DTYPE);
    CHECK_ERROR(tn_randn(SHAPE(2), &whole), TN_ERR_DTYPE);
    CHECK_ERROR(tn_rand(SHAPE(-2), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_rand(NULL, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randint(5, 5, SHAPE(2), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randperm(-1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_rand_like(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randn_like(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_randint_like(NULL, 0, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_uniform_(x, 2, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_uniform_(i, 0, 1, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_uniform_(NULL, 0, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_normal_(x, 0, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_normal_(i, 0, 1, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_normal_(NULL, 0, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_random_(x, 5, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_random_(NULL, 0, 2, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_exponential_(x, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_exponential_(x, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_exponential_(NULL, 1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli_(x, 1.5, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli_(NULL, 0.5, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli(tn_full(SHAPE(2), 1.5, NULL), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli(tn_full(SHAPE(2), NAN, NULL), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_bernoulli(i, NULL), TN_ERR_DTYPE);
    CHECK_ERROR(tn_normal(NULL, x, NULL), TN_ERR_INVALID);
    if (!own) CHECK_NEAR(next(), want[0][0], 1e-12); /* nothing was drawn */
}
TEST(bad_weights_of_multinomial) {
    static const float cases[][2] = {{1, -1}, {1, NAN}};
    tn_tensor *ok = tn_ones(SHAPE(2), NULL);
    for (size_t k = 0; k < 2; k++) CHECK_ERROR(tn_multinomial(tn_test_f32(cases[k], SHAPE(2)), 1, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_multinomial(ok, 3, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_multinomial(ok, 0, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_multinomial(tn_ones(SHAPE(1, 1, 2), NULL), 1, true, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_multinomial(tn_ones(SHAPE(2), &(tn_tensor_opts){.dtype = TN_I64}), 1, true, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_multinomial(NULL, 1, true, NULL), TN_ERR_INVALID);
}

/* -- devices that draw by themselves: Philox4x32-10 of the seed and a count of blocks -- */
#define DEVICE_DRAWS if (!tn_test_device_draws()) SKIP("it is about a device's own draws")
static void philox(uint32_t c[4], const uint32_t key[2]) {
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 10; i++) {
        const uint64_t a = (uint64_t)0xD2511F53 * c[0], b = (uint64_t)0xCD9E8D57 * c[2];
        const uint32_t next_c[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
        memcpy(c, next_c, sizeof next_c);
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
}
static uint32_t philox32(uint64_t seed, uint64_t block, int k) { /* the k-th number of a block: 4 to 7 are of its second half */
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), k > 3, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    philox(c, key);
    return c[k % 4];
}
static uint64_t philox64(uint64_t seed, uint64_t block, int k) { return philox32(seed, block, 2 * k) | (uint64_t)philox32(seed, block, 2 * k + 1) << 32; }
TEST(philox_is_random123s) { /* its known answers: counter, key, result */
    static const uint32_t known[3][10] = {{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t c[4];
        memcpy(c, known[i], sizeof c);
        philox(c, known[i] + 4);
        CHECK(memcmp(c, known[i] + 6, sizeof c) == 0);
    }
}
TEST(a_devices_philox_is_random123s) { /* all of 64 bits but the sign */
    DEVICE_DRAWS;
    tn_manual_seed(0);
    const int64_t *v = (const int64_t *)tn_test_values(tn_randint(INT64_MIN, 0, SHAPE(2), NULL));
    CHECK((v[0] & INT64_MAX) == (0xe169c58d6627e8d5 & INT64_MAX) && (v[1] & INT64_MAX) == (0x9b00dbd8bc57ac4c & INT64_MAX));
}
TEST(a_devices_draws_are_philoxs) {
    const uint64_t seed = 0x123456789ABCDEF0;
    const int64_t n = 4099; /* not whole blocks */
    DEVICE_DRAWS;
    tn_manual_seed(seed);
    uint64_t block = 0;
    const float *f = (const float *)tn_test_values(tn_rand(&n, 1, NULL));
    for (int64_t i = 0; i < n; i++) CHECK(f[i] == (float)(philox32(seed, block + (uint64_t)i / 4, (int)(i % 4)) >> 8) / 16777216.0F);
    block += ((uint64_t)n + 3) / 4;
    const double *d = (const double *)tn_test_values(tn_uniform_(f64(n), 0, 1, NULL));
    for (int64_t i = 0; i < n; i++) CHECK(d[i] == (double)(philox64(seed, block + (uint64_t)i / 4, (int)(i % 4)) >> 11) / 9007199254740992.0);
    block += ((uint64_t)n + 3) / 4;
    const int64_t *r = (const int64_t *)tn_test_values(tn_randint(-5, 100, &n, 1, NULL));
    for (int64_t i = 0; i < n; i++) CHECK(r[i] == -5 + (int64_t)(philox32(seed, block + (uint64_t)i / 4, (int)(i % 4)) % 105));
    block += ((uint64_t)n + 3) / 4;
    const int64_t *w = (const int64_t *)tn_test_values(tn_randint(-7, (int64_t)1 << 40, &n, 1, NULL));
    for (int64_t i = 0; i < n; i++) CHECK(w[i] == -7 + (int64_t)(philox64(seed, block + (uint64_t)i / 4, (int)(i % 4)) % (((uint64_t)1 << 40) + 7)));
    block += ((uint64_t)n + 3) / 4;
    const float *b = (const float *)tn_test_values(tn_bernoulli_(f32(n), 0.3, NULL));
    for (int64_t i = 0; i < n; i++) CHECK(b[i] == (philox32(seed, block + (uint64_t)i / 4, (int)(i % 4)) < (uint32_t)(0.3 * 4294967296.0)));
    block += ((uint64_t)n + 3) / 4;
    tn_tensor *view = tn_t(tn_uniform_(tn_t(tn_empty(SHAPE(7, 5), NULL)), 0, 1, NULL)); /* in the order of its indices, whatever its strides */
    const float *t = (const float *)tn_test_values(view);
    for (int i = 0; i < 35; i++) CHECK(t[i % 5 + i / 5 * 5] == (float)(philox32(seed, block + (uint64_t)(i % 5 * 7 + i / 5) / 4, (i % 5 * 7 + i / 5) % 4) >> 8) / 16777216.0F);
    block += 9;
    const float *z = (const float *)tn_test_values(tn_uniform_(tn_slice(tn_zeros(SHAPE(9), NULL), 0, 1, 9, 1), 2, 3, NULL)); /* not aligned to a block */
    for (int i = 0; i < 8; i++) CHECK(z[i] == (float)(philox32(seed, block + (uint64_t)i / 4, i % 4) >> 8) / 16777216.0F + 2);
}
typedef struct { double mean, deviation, least, most; } moments;
static moments moments_of(tn_tensor *t) {
    tn_tensor *w = tn_to_dtype(t, TN_F64);
    const double *v = (const double *)tn_test_values(w);
    const double n = (double)tn_numel(t);
    moments m = {0, 0, INFINITY, -INFINITY};
    for (int64_t i = 0; i < tn_numel(t); i++) m.mean += v[i] / n, m.least = fmin(m.least, v[i]), m.most = fmax(m.most, v[i]);
    for (int64_t i = 0; i < tn_numel(t); i++) m.deviation += (v[i] - m.mean) * (v[i] - m.mean) / n;
    m.deviation = sqrt(m.deviation);
    return m;
}
TEST(draws_have_their_distributions) { /* on any device */
    static const tn_dtype types[] = {TN_F32, TN_F64, TN_F16, TN_BF16};
    const int64_t n = 100003;
    tn_manual_seed(7);
    for (int k = 0; k < 4; k++) {
        TN_SCOPE;
        const tn_tensor_opts o = {.dtype = types[k]};
        const double coarse = types[k] == TN_BF16 ? 0.02 : 0.01;
        moments m = moments_of(tn_uniform_(tn_empty(&n, 1, &o), -2, 3, NULL));
        CHECK_NEAR(m.mean, 0.5, 2 * coarse);
        CHECK_NEAR(m.deviation, 5 / sqrt(12), coarse);
        CHECK(m.least >= -2 && m.most < 3 && m.least < -1.99 && m.most > 2.97);
        m = moments_of(tn_normal_(tn_empty(&n, 1, &o), 1, 2, NULL));
        CHECK_NEAR(m.mean, 1, 3 * coarse);
        CHECK_NEAR(m.deviation, 2, 3 * coarse);
        CHECK(m.least > -10.5 && m.least < -6 && m.most < 12.5 && m.most > 8);
        m = moments_of(tn_exponential_(tn_empty(&n, 1, &o), 2, NULL));
        CHECK_NEAR(m.mean, 0.5, coarse);
        CHECK_NEAR(m.deviation, 0.5, coarse);
        CHECK(m.least >= 0 && m.most < 12);
        m = moments_of(tn_bernoulli_(tn_empty(&n, 1, &o), 0.25, NULL));
        CHECK_NEAR(m.mean, 0.25, coarse);
        CHECK(m.least == 0 && m.most == 1);
        m = moments_of(tn_bernoulli(tn_full(&n, 1, 0.25, &o), NULL));
        CHECK_NEAR(m.mean, 0.25, coarse);
        CHECK(tn_item(tn_sum(tn_bernoulli_(tn_empty(SHAPE(50), &o), 1, NULL), NULL)) == 50 && tn_item(tn_sum(tn_bernoulli_(tn_empty(SHAPE(50), &o), 0, NULL), NULL)) == 0);
    }
    static const tn_dtype whole[] = {TN_I64, TN_I32, TN_I16, TN_I8, TN_U8, TN_F32};
    for (int k = 0; k < 6; k++) {
        const moments m = moments_of(tn_randint(3, 13, &n, 1, &(tn_tensor_opts){.dtype = whole[k]}));
        CHECK_NEAR(m.mean, 7.5, 0.05);
        CHECK(m.least == 3 && m.most == 12);
    }
}
TEST(a_seed_reproduces_wherever_it_draws) {
    tn_generator *g = tn_generator_new(9), *h = tn_generator_new(9);
    const tn_tensor_opts from_g = {.generator = g}, from_h = {.generator = h};
    const double first = tn_test_digest(tn_rand(SHAPE(5), &from_g)), second = tn_test_digest(tn_rand(SHAPE(5), &from_g));
    CHECK(first != second);
    CHECK_NEAR(tn_test_digest(tn_rand(SHAPE(5), &from_h)), first, 0);
    tn_tensor *state = tn_generator_get_state(h);
    CHECK_NEAR(tn_test_digest(tn_rand(SHAPE(5), &from_h)), second, 0);
    CHECK(tn_generator_set_state(g, state) == TN_OK);
    CHECK_NEAR(tn_test_digest(tn_rand(SHAPE(5), &from_g)), second, 0);
    CHECK(tn_generator_set_state(g, tn_slice(state, 0, 0, 2520, 1)) == TN_OK); /* of before devices drew */
    CHECK_NEAR(tn_test_digest(tn_rand(SHAPE(5), &from_g)), tn_test_device_draws() ? first : second, 0);
}
TEST(dropout_stays_where_its_operand_is) {
    DEVICE_DRAWS;
    tn_tensor *x = tn_requires_grad_(tn_ones(SHAPE(40, 50), NULL), true);
    const tn_fallback was = tn_set_fallback(TN_FALLBACK_ERROR);
    tn_manual_seed(1);
    tn_tensor *y = tn_dropout(x, 0.4, true), *z = tn_dropout2d(tn_reshape(x, SHAPE(10, 20, 10)), 0.4, true);
    CHECK(y && z);
    (void)tn_set_fallback(was);
    CHECK(tn_backward(tn_sum(y, NULL)) == TN_OK);
    CHECK(tn_item(tn_sum(tn_ne(y, tn_grad(x)), NULL)) == 0);
    CHECK_NEAR(tn_item(tn_mean(y, NULL)), 1, 0.1);
    const float *v = (const float *)tn_test_values(z);
    for (int i = 0; i < 2000; i++) CHECK(v[i] == v[i / 10 * 10]);
}
RUN_ALL
