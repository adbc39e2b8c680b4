/* Products: every corner of the GEMM's blocks against a plain loop, shapes, einsum, errors. The numbers are PyTorch 2.15's. */
#include "tn_test.h"

static tn_tensor *wave(double phase, const int64_t *shape, int n) { return tn_test_wave(phase, TN_F64, shape, n); }
/* The matrix [rows, cols] in one of its layouts: as it is, transposed, every other column, every other row. */
enum { PLAIN, TRANSPOSED, COLUMNS, ROWS, LAYOUTS };
static tn_tensor *laid(int layout, double phase, tn_dtype dt, int64_t rows, int64_t cols) {
    switch (layout) {
    case PLAIN: return tn_test_wave(phase, dt, SHAPE(rows, cols));
    case TRANSPOSED: return tn_t(tn_test_wave(phase, dt, SHAPE(cols, rows)));
    case COLUMNS: return tn_slice(tn_test_wave(phase, dt, SHAPE(rows, 2 * cols)), 1, 0, 2 * cols, 2);
    default: return tn_slice(tn_test_wave(phase, dt, SHAPE(2 * rows, cols)), 0, 0, 2 * rows, 2);
    }
}
static const double *values(tn_tensor *t) { return (const double *)tn_test_values(tn_to_dtype(t, TN_F64)); }
/* The furthest that an element of y is from the loop's, over the sum of |a b|. */
static double furthest(tn_tensor *y, tn_tensor *a, tn_tensor *b) {
    const int64_t m = tn_size(a, 0), n = tn_size(b, 1), k = tn_size(a, 1);
    const double *pa = values(a), *pb = values(b), *py = values(y);
    double worst = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0, size = 1e-300;
            for (int64_t p = 0; p < k; p++) sum += pa[i * k + p] * pb[p * n + j], size += fabs(pa[i * k + p] * pb[p * n + j]);
            worst = fmax(worst, fabs(py[i * n + j] - sum) / size);
        }
    return worst;
}
static void check_sizes(const char *isa) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {6, 8, 1}, {7, 9, 2}, {5, 15, 17}, {12, 16, 383}, {13, 17, 384}, {11, 31, 385}, {95, 33, 4}, {96, 64, 12}, {97, 65, 3}, {193, 129, 7}, {1, 200, 50}, {200, 1, 50}, {1, 1, 1000}, {3, 67, 769}, {8, 8, 8}, {9, 16, 70}, {16, 32, 16}, {20, 48, 64}, {6, 15, 65}, {13, 80, 31}, {4, 70, 33}, {8, 65, 100}, {7, 130, 64}, {3, 1100, 70}, {8, 129, 33}, {4, 5, 47}, {15, 3, 100}, {16, 70, 31}, {1, 67, 97}, {17, 131, 300}, {64, 128, 259}, {33, 67, 256}, {9, 517, 290}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int layouts = 0; layouts < LAYOUTS * LAYOUTS; layouts++)
            for (int wide = 0; wide < 2; wide++) {
                TN_SCOPE;
                const int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
                const tn_dtype dt = wide ? TN_F64 : TN_F32;
                tn_tensor *a = laid(layouts / LAYOUTS, 0.1, dt, m, k), *b = laid(layouts % LAYOUTS, 0.7, dt, k, n), *y = tn_mm(a, b);
                CHECK(tn_size(y, 0) == m && tn_size(y, 1) == n && tn_get_dtype(y) == dt && tn_is_contiguous(y));
                const double off = furthest(y, a, b);
                if (!(off < (wide ? 8e-15 : 4e-6))) TN_TEST_FAIL("%s, [%d, %d] x [%d, %d], layouts %d: off by %g", isa, (int)m, (int)k, (int)k, (int)n, layouts, off);
                tn_tensor *bias = tn_test_wave(0.4, dt, SHAPE(n)), *sum = tn_linear(a, tn_t(b), bias); /* whose sums start from it */
                if (!(tn_item(tn_max(tn_abs(tn_sub(sum, tn_add(y, bias))))) < (wide ? 1e-13 : 1e-4))) TN_TEST_FAIL("%s, [%d, %d] x [%d, %d], layouts %d: the bias", isa, (int)m, (int)k, (int)k, (int)n, layouts);
            }
}
TEST(sizes_around_the_blocks) { tn_test_every_isa(check_sizes); } /* tiles of 6 rows and 8 to 64 columns, 96 rows a job, 384 steps; every instruction set that is here */
/* Halves: f32 sums, rounded once; half a unit in the last place and the sum's own error. */
static void check_halves(const char *isa) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {6, 8, 1}, {7, 9, 2}, {5, 15, 17}, {12, 16, 383}, {17, 64, 33}, {11, 31, 512}, {96, 65, 4}, {97, 63, 13}, {103, 129, 7}, {1, 200, 51}, {4, 67, 50}, {200, 1, 51}, {1, 1, 1001}, {16, 80, 130}, {7, 65, 1023}, {3, 67, 1025}, {19, 17, 2049}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int layouts = 0; layouts < LAYOUTS * LAYOUTS; layouts++)
            for (int f16 = 0; f16 < 2; f16++) {
                TN_SCOPE;
                const int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
                const tn_dtype dt = f16 ? TN_F16 : TN_BF16;
                tn_tensor *a = laid(layouts / LAYOUTS, 0.1, dt, m, k), *b = laid(layouts % LAYOUTS, 0.7, dt, k, n), *y = tn_mm(a, b);
                CHECK(tn_size(y, 0) == m && tn_size(y, 1) == n && tn_get_dtype(y) == dt && tn_is_contiguous(y));
                const double *pa = values(a), *pb = values(b), *py = values(y);
                for (int64_t i = 0; i < m * n; i++) {
                    double sum = 0, size = 0;
                    for (int64_t p = 0; p < k; p++) sum += pa[i / n * k + p] * pb[p * n + i % n], size += fabs(pa[i / n * k + p] * pb[p * n + i % n]);
                    if (fabs(py[i] - sum) <= fabs(sum) / (f16 ? 2048 : 256) + 2e-6 * size) continue;
                    TN_TEST_FAIL("%s, %s [%d, %d] x [%d, %d], layouts %d: %g is not %g", isa, tn_dtype_name(dt), (int)m, (int)k, (int)k, (int)n, layouts, py[i], sum);
                    break;
                }
            }
}
TEST(halves_of_every_size) { tn_test_every_isa(check_halves); } /* 16 lanes that are packed at once, 512 units a block */
/* Sums that are exact in f32 and lie between two halves, all of them: rounded as a conversion rounds. */
static void check_rounding(const char *isa) {
    static const double scales[] = {1, 0x1p-28, -0x1p3}; /* normal, subnormal in f16, too large for it */
    for (int f16 = 0; f16 < 2; f16++)
        for (int s = 0; s < 3; s++) {
            TN_SCOPE;
            const tn_dtype dt = f16 ? TN_F16 : TN_BF16;
            const double by = s == 1 ? 0x1p-4 : scales[s], rest = s == 1 ? 0x1p-24 : 1;
            tn_tensor *n = tn_arange(0, 256, 1, &(tn_tensor_opts){.dtype = TN_F32}), *one = tn_ones(SHAPE(256), NULL);
            tn_tensor *a = tn_stack((tn_tensor *[]){tn_mul(n, by), tn_mul(one, by)}, 2, 1), *b = tn_stack((tn_tensor *[]){tn_mul(one, 256 * rest), tn_mul(n, rest)}, 2, 0);
            tn_tensor *y = tn_mm(tn_to_dtype(a, dt), tn_to_dtype(b, dt)), *want = tn_to_dtype(tn_mm(a, b), dt);
            if (memcmp(tn_test_values(y), tn_test_values(want), 65536 * 2) != 0) TN_TEST_FAIL("%s, %s times %g", isa, tn_dtype_name(dt), scales[s]);
        }
}
TEST(halves_round_as_conversions) { tn_test_every_isa(check_rounding); }
static void check_bias(const char *isa) { /* of a linear layer: rounded with the product */
    for (int f16 = 0; f16 < 2; f16++)
        for (int k = 30; k <= 1400; k += 685) {
            TN_SCOPE;
            const tn_dtype dt = f16 ? TN_F16 : TN_BF16;
            tn_tensor *x = tn_test_wave(0.1, dt, SHAPE(2, 9, k)), *w = tn_test_wave(0.2, dt, SHAPE(70, k)), *b = tn_test_wave(0.3, dt, SHAPE(70)), *y = tn_linear(x, w, b);
            tn_tensor *sum = tn_linear(tn_to_dtype(x, TN_F64), tn_to_dtype(w, TN_F64), tn_to_dtype(b, TN_F64));
            const double *py = values(y), *ps = values(sum);
            for (int64_t i = 0; i < 18 * 70; i++)
                if (!(fabs(py[i] - ps[i]) <= fabs(ps[i]) / (f16 ? 2048 : 256) + 1e-6 * k)) TN_TEST_FAIL("%s, %s, k %d: %g is not %g", isa, tn_dtype_name(dt), k, py[i], ps[i]);
            CHECK(tn_get_dtype(tn_linear(tn_select(x, 0, 0), tn_select(w, 0, 3), NULL)) == dt);
        }
}
TEST(a_half_bias_is_rounded_once) { tn_test_every_isa(check_bias); }
TEST(halves_in_batches) {
    tn_tensor *batch = tn_test_wave(0.1, TN_BF16, SHAPE(3, 20, 37)), *y = tn_bmm(tn_transpose(batch, 1, 2), batch), *wide = tn_matmul(tn_expand(tn_select(batch, 0, 1), SHAPE(2, 20, 37)), tn_transpose(tn_narrow(batch, 0, 1, 2), 1, 2));
    for (int64_t b = 0; b < 3; b++) CHECK(memcmp(tn_test_values(tn_select(y, 0, b)), tn_test_values(tn_mm(tn_t(tn_select(batch, 0, b)), tn_select(batch, 0, b))), 37 * 37 * 2) == 0);
    CHECK(memcmp(tn_test_values(tn_select(wide, 0, 0)), tn_test_values(tn_mm(tn_select(batch, 0, 1), tn_t(tn_select(batch, 0, 1)))), 20 * 20 * 2) == 0);
    CHECK(tn_item(tn_sum(tn_mm(tn_to_dtype(tn_zeros(SHAPE(20, 0), NULL), TN_BF16), tn_to_dtype(tn_zeros(SHAPE(0, 30), NULL), TN_BF16)), NULL)) == 0);
}
static tn_tensor *bytes(double phase, int64_t rows, int64_t cols) { return tn_to_dtype(tn_mul(tn_test_wave(phase, TN_F32, SHAPE(rows, cols)), 127.9), TN_I8); }
static tn_tensor *bytes_laid(int layout, double phase, int64_t rows, int64_t cols) {
    switch (layout) {
    case PLAIN: return bytes(phase, rows, cols);
    case TRANSPOSED: return tn_t(bytes(phase, cols, rows));
    case COLUMNS: return tn_slice(bytes(phase, rows, 2 * cols), 1, 0, 2 * cols, 2);
    default: return tn_slice(bytes(phase, 2 * rows, cols), 0, 0, 2 * rows, 2);
    }
}
static void check_bytes(const char *isa) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 3, 5}, {6, 8, 1}, {7, 9, 2}, {5, 15, 17}, {12, 16, 383}, {17, 64, 33}, {96, 65, 4}, {97, 63, 13}, {103, 129, 7}, {1, 200, 51}, {200, 1, 51}, {1, 1, 1001}, {16, 80, 130}, {7, 65, 1025}, {13, 67, 2047}, {7, 17, 2051}, {0, 3, 4}, {3, 0, 4}, {7, 20, 0}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int layouts = 0; layouts < LAYOUTS * LAYOUTS; layouts++) {
            TN_SCOPE;
            const int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
            tn_tensor *a = bytes_laid(layouts / LAYOUTS, 0.1, m, k), *b = bytes_laid(layouts % LAYOUTS, 0.7, k, n), *y = tn_int_mm(a, b);
            CHECK(tn_ndim(y) == 2 && tn_size(y, 0) == m && tn_size(y, 1) == n && tn_get_dtype(y) == TN_I32 && tn_is_contiguous(y));
            const int8_t *pa = (const int8_t *)tn_test_values(a), *pb = (const int8_t *)tn_test_values(b);
            const int32_t *py = (const int32_t *)tn_test_values(y);
            for (int64_t i = 0; i < m * n; i++) {
                int64_t sum = 0;
                for (int64_t p = 0; p < k; p++) sum += pa[i / n * k + p] * pb[p * n + i % n];
                if (py[i] == sum) continue;
                TN_TEST_FAIL("%s, [%d, %d] x [%d, %d], layouts %d: %d is not %d", isa, (int)m, (int)k, (int)k, (int)n, layouts, (int)py[i], (int)sum);
                break;
            }
        }
    TN_SCOPE; /* the furthest sums, and one that wraps */
    const tn_tensor_opts i8 = {.dtype = TN_I8};
    tn_tensor *low = tn_full(SHAPE(7, 4099), -128, &i8), *high = tn_full(SHAPE(7, 4099), 127, &i8), *far = tn_full(SHAPE(1, 131072), -128, &i8);
    tn_tensor *pairs[3] = {tn_int_mm(low, tn_t(low)), tn_int_mm(low, tn_t(high)), tn_int_mm(high, tn_t(low))};
    for (int i = 0; i < 3; i++) CHECK_NEAR(tn_at(pairs[i], (int64_t[]){6, 5}, 2), i ? -128 * 127 * 4099 : 128 * 128 * 4099, 0);
    CHECK_NEAR(tn_item(tn_int_mm(far, tn_t(far))), -2147483648.0, 0);
}
TEST(bytes_are_exact) { tn_test_every_isa(check_bytes); }
TEST(no_thread_changes_a_bit_of_bytes_or_halves) {
    tn_tensor *a = tn_test_wave(0.1, TN_F32, SHAPE(201, 1400)), *b = tn_test_wave(0.2, TN_F32, SHAPE(1400, 130)), *y[2][3];
    const int threads = tn_get_num_threads();
    for (int i = 0; i < 2; i++) {
        CHECK(tn_set_num_threads(i ? 3 : 1) == TN_OK);
        y[i][0] = tn_mm(tn_to_dtype(a, TN_BF16), tn_to_dtype(b, TN_BF16)), y[i][1] = tn_mm(tn_to_dtype(a, TN_F16), tn_to_dtype(b, TN_F16));
        y[i][2] = tn_int_mm(bytes(0.1, 201, 1400), bytes(0.2, 1400, 130));
    }
    CHECK(tn_set_num_threads(threads) == TN_OK);
    for (int k = 0; k < 3; k++) CHECK(memcmp(tn_test_values(y[0][k]), tn_test_values(y[1][k]), 201 * 130 * (k == 2 ? 4 : 2)) == 0);
}
TEST(no_thread_changes_a_bit_of_a_layer) { /* of few rows, whose jobs pack for themselves, and of more */
    static const int threads[] = {1, 2, 3, 16};
    const int before = tn_get_num_threads();
    for (int64_t rows = 58; rows <= 100; rows += 6) {
        tn_tensor *x = tn_test_wave(0.1, TN_F32, SHAPE(rows, 784)), *w = tn_test_wave(0.2, TN_F32, SHAPE(200, 784)), *b = tn_test_wave(0.3, TN_F32, SHAPE(200)), *y[4];
        for (int i = 0; i < 4; i++) CHECK(tn_set_num_threads(threads[i]) == TN_OK), y[i] = tn_linear(x, w, b);
        for (int i = 1; i < 4; i++) CHECK(memcmp(tn_test_values(y[0]), tn_test_values(y[i]), (size_t)(rows * 200) * 4) == 0);
    }
    CHECK(tn_set_num_threads(before) == TN_OK);
}
TEST(past_the_great_blocks) { /* 1536 rows, 3072 columns: the spots beyond their ends, and all of a short product */
    tn_tensor *a = tn_test_wave(0.1, TN_F32, SHAPE(1543, 5)), *b = tn_test_wave(0.2, TN_F32, SHAPE(5, 3079));
    CHECK(furthest(tn_mm(a, b), a, b) < 6e-7);
}
TEST(no_thread_changes_a_bit) {
    static const int64_t sizes[][3] = {{201, 130, 400}, {3, 1500, 100}, {13, 700, 100}, {64, 512, 130}};
    const int threads = tn_get_num_threads();
    for (int k = 0; k < 12; k++) {
        TN_SCOPE;
        const int64_t m = sizes[k / 3][0], n = sizes[k / 3][1];
        tn_tensor *a = laid(k % 3 == 2, 0.1, TN_F32, m, sizes[k / 3][2]), *b = laid(k % 3 == 1, 0.2, TN_F32, sizes[k / 3][2], n), *y[2];
        for (int i = 0; i < 2; i++) CHECK(tn_set_num_threads(i ? 3 : 1) == TN_OK), y[i] = tn_mm(a, b);
        CHECK(memcmp(tn_test_values(y[0]), tn_test_values(y[1]), (size_t)(m * n) * sizeof(float)) == 0);
    }
    CHECK(tn_set_num_threads(threads) == TN_OK);
}
TEST(nan_and_inf_stay_in_their_row_and_column) {
    static const double bad[] = {NAN, INFINITY};
    static const tn_dtype dtypes[] = {TN_F32, TN_BF16, TN_F16};
    for (int k = 0; k < 6; k++)
        for (int side = 0; side < 2; side++) {
            TN_SCOPE;
            tn_tensor *m[2] = {tn_test_wave(0.1, dtypes[k / 2], SHAPE(7, 9)), tn_test_wave(0.2, dtypes[k / 2], SHAPE(9, 17))}, *y;
            tn_test_set(m[side], side ? 17 * 4 + 16 : 9 * 6 + 4, bad[k % 2]);
            y = tn_mm(m[0], m[1]);
            for (int64_t i = 0; i < 7; i++)
                for (int64_t j = 0; j < 17; j++) CHECK(isfinite(tn_at(y, (int64_t[]){i, j}, 2)) == (side ? j != 16 : i != 6));
        }
    tn_tensor *zero = tn_zeros(SHAPE(2, 3), NULL);
    CHECK(isnan(tn_at(tn_mm(zero, tn_full(SHAPE(3, 2), INFINITY, NULL)), (int64_t[]){1, 1}, 2)));
}
TEST(matmul_of_every_rank) {
    static const struct { int na, nb, ny; int64_t a[4], b[4], y[4]; double want; } c[] = {
        {1, 1, 0, {3}, {3}, {0}, 1.14598219878}, {2, 1, 1, {2, 3}, {3}, {2}, 0.475847833345}, {1, 2, 1, {3}, {3, 4}, {4}, -0.964795601932},
        {2, 2, 2, {2, 3}, {3, 4}, {2, 4}, 0.632617294933}, {3, 1, 2, {5, 2, 3}, {3}, {5, 2}, 0.17830014867}, {1, 3, 2, {3}, {5, 3, 2}, {5, 2}, -1.38780683765},
        {3, 2, 3, {5, 2, 3}, {3, 4}, {5, 2, 4}, 6.44326436638}, {2, 3, 3, {2, 3}, {5, 3, 4}, {5, 2, 4}, 0.751128547018}, {3, 3, 3, {5, 2, 3}, {5, 3, 4}, {5, 2, 4}, -4.65580766767},
        {3, 3, 3, {1, 2, 3}, {5, 3, 4}, {5, 2, 4}, 0.751128547018}, {4, 3, 4, {4, 1, 2, 3}, {5, 3, 2}, {4, 5, 2, 2}, 1.3007487663}, {4, 4, 4, {2, 1, 1, 3}, {1, 3, 3, 2}, {2, 3, 1, 2}, 0.944483034855},
        {3, 2, 3, {0, 2, 3}, {3, 4}, {0, 2, 4}, 0}, {2, 2, 2, {2, 0}, {0, 4}, {2, 4}, 0}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_tensor *y = tn_matmul(wave(0.1, c[i].a, c[i].na), wave(0.2, c[i].b, c[i].nb));
        CHECK(tn_ndim(y) == c[i].ny && memcmp(tn_shape(y), c[i].y, (size_t)c[i].ny * sizeof(int64_t)) == 0);
        CHECK_NEAR(tn_test_digest(y), c[i].want, 1e-11);
    }
}
TEST(batches_that_are_views) { /* expanded, permuted, sliced: as their copies */
    tn_tensor *x = wave(0.1, SHAPE(3, 4, 2, 5)), *w = wave(0.2, SHAPE(4, 6, 5));
    tn_tensor *views[3] = {tn_permute(x, (int[]){1, 0, 3, 2}, 4), tn_expand(tn_unsqueeze(tn_select(x, 0, 1), 1), SHAPE(4, 3, 2, 5)), tn_slice(x, 0, 0, 3, 2)};
    for (int i = 0; i < 3; i++) {
        tn_tensor *right = i == 0 ? wave(0.3, SHAPE(2, 7)) : tn_transpose(i == 1 ? tn_unsqueeze(w, 1) : w, -2, -1);
        CHECK_NEAR(tn_test_digest(tn_matmul(views[i], right)), tn_test_digest(tn_matmul(tn_clone(tn_contiguous(views[i])), tn_clone(tn_contiguous(right)))), 1e-12);
    }
    tn_tensor *batch = wave(0.1, SHAPE(3, 2, 5)), *y = tn_bmm(tn_transpose(batch, 1, 2), batch);
    for (int64_t b = 0; b < 3; b++) CHECK(furthest(tn_select(y, 0, b), tn_t(tn_select(batch, 0, b)), tn_select(batch, 0, b)) < 1e-15);
}
TEST(addmm_and_baddbmm) {
    static const struct { double beta, alpha; int n; int64_t c[3]; double want; } two[] = {{1, 1, 1, {5}, 2.16669598232}, {0.5, 2, 2, {3, 5}, 1.65993275344}, {0, -1, 2, {3, 5}, -0.33045661275}, {2, 0, 2, {3, 1}, 0.645217135786}, {1, 3, 0, {0}, 0.853302752966}};
    static const struct { double beta, alpha; int n; int64_t c[3]; double want; } batch[] = {{1, 1, 1, {5}, 2.73711477753}, {0.5, 2, 3, {2, 3, 5}, 2.91140932983}, {0, -1, 3, {1, 3, 5}, -1.25836614868}, {2, 1, 3, {2, 1, 1}, 5.75435414942}};
    tn_tensor *a = wave(0.1, SHAPE(3, 4)), *b = wave(0.2, SHAPE(4, 5)), *p = wave(0.1, SHAPE(2, 3, 4)), *q = wave(0.2, SHAPE(2, 4, 5));
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) CHECK_NEAR(tn_test_digest(tn_addmm(wave(0.3, two[i].c, two[i].n), a, b, two[i].beta, two[i].alpha)), two[i].want, 1e-11);
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) CHECK_NEAR(tn_test_digest(tn_baddbmm(wave(0.3, batch[i].c, batch[i].n), p, q, batch[i].beta, batch[i].alpha)), batch[i].want, 1e-11);
    tn_tensor *nan = tn_full(SHAPE(3, 5), NAN, &(tn_tensor_opts){.dtype = TN_F64});
    CHECK_NEAR(tn_test_digest(tn_addmm(nan, a, b, 0, -1)), -0.33045661275, 1e-11);
    CHECK(isnan(tn_test_digest(tn_addmm(nan, a, b, 1, 0))));
    CHECK_NEAR(tn_at(tn_addmm(tn_ones(SHAPE(2, 2), NULL), tn_zeros(SHAPE(2, 0), NULL), tn_zeros(SHAPE(0, 2), NULL), 3, 1), (int64_t[]){1, 0}, 2), 3, 0);
}
TEST(linear_of_every_rank) {
    static const struct { int nx, nw, nb, ny; int64_t x[3], w[2], b, y[3]; double want; } c[] = {
        {1, 2, -1, 1, {3}, {4, 3}, 0, {4}, 0.138880650719}, {1, 1, 0, 0, {3}, {3}, 0, {0}, 1.44150240544}, {2, 2, 1, 2, {2, 3}, {4, 3}, 4, {2, 4}, 0.318943790521},
        {3, 2, 1, 3, {2, 0, 3}, {4, 3}, 4, {2, 0, 4}, 0}, {3, 2, 1, 3, {2, 5, 3}, {1, 3}, 1, {2, 5, 1}, 0.480605576289}, {3, 1, -1, 2, {2, 5, 3}, {3}, 0, {2, 5}, 0.17830014867}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_tensor *y = tn_linear(wave(0.1, c[i].x, c[i].nx), wave(0.2, c[i].w, c[i].nw), c[i].nb < 0 ? NULL : wave(0.3, &c[i].b, c[i].nb));
        CHECK(tn_ndim(y) == c[i].ny && memcmp(tn_shape(y), c[i].y, (size_t)c[i].ny * sizeof(int64_t)) == 0);
        CHECK_NEAR(tn_test_digest(y), c[i].want, 1e-11);
    }
}
TEST(vectors) {
    tn_tensor *a = wave(0.1, SHAPE(2, 3)), *x = wave(0.2, SHAPE(3)), *even = tn_slice(wave(0.2, SHAPE(6)), 0, 0, 6, 2);
    CHECK_NEAR(tn_test_digest(tn_mv(a, x)), 0.475847833345, 1e-11);
    CHECK_NEAR(tn_item(tn_dot(wave(0.1, SHAPE(3)), x)), 1.14598219878, 1e-11);
    CHECK_NEAR(tn_item(tn_dot(even, even)), sin(0.2) * sin(0.2) + sin(2.8) * sin(2.8) + sin(5.4) * sin(5.4), 1e-14);
    CHECK_NEAR(tn_test_digest(tn_outer(wave(0.1, SHAPE(2)), x)), -1.23247875827, 1e-11);
    CHECK_NEAR(tn_item(tn_dot(wave(0, SHAPE(0)), wave(0, SHAPE(0)))), 0, 0);
    CHECK(tn_numel(tn_outer(wave(0, SHAPE(0)), x)) == 0 && tn_ndim(tn_outer(wave(0, SHAPE(0)), x)) == 2);
}
TEST(integers_are_exact) { /* and wrap, as PyTorch's */
    const int64_t big = ((int64_t)1 << 53) + 1;
    tn_tensor *a = tn_from((int64_t[]){big, 1, -3, 2}, SHAPE(2, 2), &(tn_tensor_opts){.dtype = TN_I64}), *y = tn_mm(a, a);
    CHECK(tn_item_i64(tn_select(tn_select(y, 0, 0), 0, 1)) == big + 2);
    CHECK(tn_item_i64(tn_select(tn_select(y, 0, 1), 0, 0)) == -3 * big - 6);
    tn_tensor *small = tn_full(SHAPE(1, 2), 100, &(tn_tensor_opts){.dtype = TN_U8});
    CHECK(tn_item_i64(tn_mm(small, tn_t(small))) == 20000 % 256);
}
TEST(halves_round_once) {
    static const float want[12] = {0.41796875F, 0.021484375F, -0.404296875F, 0.25390625F, 0.609375F, 0.07275390625F, -0.390625F, 0.0458984375F, 0.4140625F, -0.29296875F, -0.60546875F, -0.032958984375F};
    tn_tensor *y = tn_mm(tn_test_wave(0.1, TN_BF16, SHAPE(4, 6)), tn_test_wave(0.2, TN_BF16, SHAPE(6, 3)));
    CHECK(tn_get_dtype(y) == TN_BF16);
    for (int64_t i = 0; i < 12; i++) CHECK_NEAR(tn_at(y, (int64_t[]){i / 3, i % 3}, 2), want[i], 0);
    tn_tensor *ones = tn_ones(SHAPE(1, 4099), &(tn_tensor_opts){.dtype = TN_F16}); /* a half's own sum would stop at 2048 */
    CHECK_NEAR(tn_item(tn_mm(ones, tn_t(ones))), 4100, 0);
}
TEST(einsums) {
    static const struct { const char *equation; int n, nd[3]; int64_t shape[3][4]; int ny; int64_t y[4]; double want; } c[] = {
        {"ij,jk->ik", 2, {2, 2}, {{2, 3}, {3, 4}}, 2, {2, 4}, 0.632617294933}, {"ij,jk", 2, {2, 2}, {{2, 3}, {3, 4}}, 2, {2, 4}, 0.632617294933},
        {"ba", 1, {2}, {{2, 3}}, 2, {3, 2}, -0.585771872275}, {"ii", 1, {2}, {{3, 3}}, 0, {0}, -1.61212978555}, {"ii->i", 1, {2}, {{3, 3}}, 1, {3}, -0.686239209213},
        {"iij->j", 1, {3}, {{3, 3, 2}}, 1, {2}, 0.171991828093}, {"i,j->ij", 2, {1, 1}, {{2}, {3}}, 2, {2, 3}, -1.23247875827}, {"i,i", 2, {1, 1}, {{3}, {3}}, 0, {0}, 1.14598219878},
        {"ij->", 1, {2}, {{2, 3}}, 0, {0}, 0.235134452851}, {"...ij->...ji", 1, {3}, {{2, 3, 4}}, 3, {2, 4, 3}, -1.94930091429}, {"...ij,...jk", 2, {4, 3}, {{5, 1, 2, 3}, {4, 3, 2}}, 4, {5, 4, 2, 2}, 6.01318618653},
        {"bij,bjk,kl->bil", 3, {3, 3, 2}, {{2, 3, 4}, {2, 4, 5}, {5, 2}}, 3, {2, 3, 2}, -0.09016662244}, {"bhqd,bhkd->bhqk", 2, {4, 4}, {{2, 3, 4, 5}, {2, 3, 6, 5}}, 4, {2, 3, 4, 6}, 0.891695036267},
        {"ij,ij->ij", 2, {2, 2}, {{2, 3}, {2, 3}}, 2, {2, 3}, -0.240745273952}, {"Ab,bA->bA", 2, {2, 2}, {{2, 3}, {3, 2}}, 2, {3, 2}, -0.652185962484}, {"bA", 1, {2}, {{2, 3}}, 2, {3, 2}, -0.585771872275},
        {" i j , j k -> k i ", 2, {2, 2}, {{2, 3}, {3, 4}}, 2, {4, 2}, -0.70901622022}, {"i...->...", 1, {3}, {{2, 3, 4}}, 2, {3, 4}, 0.0773772682271}, {"...i->i", 1, {3}, {{2, 3, 4}}, 1, {4}, 0.362441881011},
        {"ij,jk->ik", 2, {2, 2}, {{2, 1}, {3, 4}}, 2, {2, 4}, -0.284583728593}, {",", 2, {0, 0}, {{0}, {0}}, 0, {0}, 0.0198338380762}, {"a,b,c->cab", 3, {1, 1, 1}, {{2}, {3}, {4}}, 3, {4, 2, 3}, 1.80029132573},
        {"ij,j,i->", 3, {2, 1, 1}, {{2, 3}, {3}, {2}}, 0, {0}, -0.537138887479}, {"...,...", 2, {2, 1}, {{2, 3}, {3}}, 2, {2, 3}, 1.5563838509}, {"ij,jk->ik", 2, {2, 2}, {{2, 0}, {0, 3}}, 2, {2, 3}, 0}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        TN_SCOPE;
        tn_tensor *in[3];
        for (int k = 0; k < c[i].n; k++) in[k] = wave(0.1 * (k + 1), c[i].shape[k], c[i].nd[k]);
        tn_tensor *y = tn_einsum(c[i].equation, in, c[i].n);
        if (!y || tn_ndim(y) != c[i].ny || memcmp(tn_shape(y), c[i].y, (size_t)c[i].ny * sizeof(int64_t)) != 0 || !(fabs(tn_test_digest(y) - c[i].want) < 1e-11))
            TN_TEST_FAIL("'%s' gave %.12g, not %.12g %s", c[i].equation, tn_test_digest(y), c[i].want, tn_error());
    }
}
TEST(bad_equations) {
    tn_tensor *m = wave(0, SHAPE(2, 3)), *v = wave(0, SHAPE(2)), *none = NULL, *two[2] = {m, m}, *eight = wave(0, SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), *wide[2] = {eight, eight};
    static const struct { const char *equation; tn_status code; } c[] = {{"ij->ii", TN_ERR_INVALID}, {"ij->k", TN_ERR_INVALID}, {"ij->ij,", TN_ERR_INVALID}, {"ij,j", TN_ERR_INVALID}, {"i.j", TN_ERR_INVALID}, {"...i...", TN_ERR_INVALID},
        {"i1", TN_ERR_INVALID}, {"ij-ij", TN_ERR_INVALID}, {"ij->ij->", TN_ERR_INVALID}, {"i", TN_ERR_SHAPE}, {"ijk", TN_ERR_SHAPE}, {"", TN_ERR_SHAPE}, {"...ijk", TN_ERR_SHAPE}, {"ii", TN_ERR_SHAPE}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) CHECK_ERROR(tn_einsum(c[i].equation, &m, 1), c[i].code);
    CHECK_ERROR(tn_einsum(NULL, &m, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_einsum("ij", NULL, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_einsum("ij", &m, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_einsum("ij", &none, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_einsum("ij", two, 2), TN_ERR_INVALID);
    CHECK_ERROR(tn_einsum("ij,jk", two, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_einsum("abcdefgh,ijklmnop", wide, 2), TN_ERR_SHAPE);
    CHECK_ERROR(tn_einsum("ij,i", (tn_tensor *[]){m, tn_to_dtype(v, TN_F32)}, 2), TN_ERR_DTYPE);
}
TEST(bad_operands) {
    tn_tensor *a = wave(0, SHAPE(2, 3)), *b = wave(0, SHAPE(3, 4)), *v = wave(0, SHAPE(3)), *s = wave(0, NULL, 0), *t = wave(0, SHAPE(5, 3, 2)), *f = tn_to_dtype(b, TN_F32), *flags = tn_ones(SHAPE(3, 3), &(tn_tensor_opts){.dtype = TN_BOOL});
    tn_tensor *(*const two[])(tn_tensor *, tn_tensor *) = {tn_matmul, tn_mm, tn_bmm, tn_mv, tn_dot, tn_outer};
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
        CHECK_ERROR(two[i](NULL, a), TN_ERR_INVALID);
        CHECK_ERROR(two[i](a, NULL), TN_ERR_INVALID);
        CHECK_ERROR(two[i](s, v), TN_ERR_SHAPE);
        if (two[i] != tn_outer) CHECK_ERROR(two[i](a, tn_transpose(b, 0, 1)), TN_ERR_SHAPE);
    }
    CHECK_ERROR(tn_mm(a, f), TN_ERR_DTYPE);
    CHECK_ERROR(tn_matmul(a, f), TN_ERR_DTYPE);
    CHECK_ERROR(tn_mm(flags, flags), TN_ERR_DTYPE);
    CHECK_ERROR(tn_mm(a, v), TN_ERR_SHAPE);
    CHECK_ERROR(tn_int_mm(a, b), TN_ERR_DTYPE);
    CHECK_ERROR(tn_int_mm(bytes(0, 2, 3), tn_to_dtype(b, TN_U8)), TN_ERR_DTYPE);
    CHECK_ERROR(tn_int_mm(bytes(0, 2, 3), bytes(0, 4, 3)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_int_mm(tn_to_dtype(v, TN_I8), tn_to_dtype(v, TN_I8)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_int_mm(NULL, bytes(0, 2, 3)), TN_ERR_INVALID);
    CHECK_ERROR(tn_mm(t, t), TN_ERR_SHAPE);
    CHECK_ERROR(tn_bmm(t, tn_transpose(wave(0, SHAPE(4, 3, 2)), 1, 2)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_matmul(wave(0, SHAPE(5, 2, 3)), wave(0, SHAPE(4, 3, 2))), TN_ERR_SHAPE);
    CHECK_ERROR(tn_dot(v, wave(0, SHAPE(4))), TN_ERR_SHAPE);
    CHECK_ERROR(tn_outer(a, v), TN_ERR_SHAPE);
    CHECK_ERROR(tn_addmm(NULL, a, b, 1, 1), TN_ERR_INVALID);
    CHECK_ERROR(tn_addmm(v, a, b, 1, 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_addmm(wave(0, SHAPE(1, 2, 4)), a, b, 1, 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_baddbmm(s, a, b, 1, 1), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linear(NULL, a, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_linear(a, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_linear(s, a, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linear(a, t, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linear(a, b, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linear(a, a, v), TN_ERR_SHAPE);
    CHECK_ERROR(tn_linear(a, tn_t(f), NULL), TN_ERR_DTYPE);
}
RUN_ALL
