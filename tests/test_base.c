#include "tn_test.h"
#include <pthread.h>

static const int64_t thousand = 1000;

static void scopes_once(void) {
    {
        TN_SCOPE;
        tn_tensor *kept = NULL;
        {
            TN_SCOPE;
            tn_tensor *a = tn_ones(&thousand, 1, NULL);
            kept = tn_keep(tn_add(a, a));
            tn_keep(kept); /* twice is once */
        }
        CHECK_NEAR(tn_item(tn_sum(kept, NULL)), 2000, 0);
        for (int i = 0; i < 100; i++) {
            TN_SCOPE;
            if (i % 2) continue;
            tn_exp(kept);
        }
    }
}
TEST(scopes_free_and_keep) {
    scopes_once(); /* the scope's own lists grow once */
    const tn_memory_stats_t before = tn_memory_stats();
    scopes_once();
    CHECK(tn_memory_stats().live_bytes == before.live_bytes);
    CHECK(tn_memory_stats().live_objects == before.live_objects);
}
TEST(retain_outlives_the_scope) {
    tn_tensor *t;
    {
        TN_SCOPE;
        t = tn_retain(tn_ones(&thousand, 1, NULL));
    }
    CHECK(tn_numel(t) == 1000);
    tn_release(t);
}
TEST(null_keeps_the_first_error) {
    tn_set_log(NULL, NULL);
    CHECK(tn_exp(NULL) == NULL);
    CHECK(tn_error_code() == TN_ERR_INVALID);
    tn_error_clear();
    CHECK(isnan(tn_item(NULL)));
    CHECK(tn_size(NULL, 0) == -1);
    CHECK(tn_error_code() == TN_ERR_INVALID);
    tn_error_clear();
    CHECK_ERROR(tn_size(tn_ones(&thousand, 1, NULL), 1), TN_ERR_INDEX);
    const int64_t negative = -1, huge[3] = {INT64_MAX / 2, 4, 4};
    CHECK_ERROR(tn_empty(&negative, 1, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_empty(huge, 3, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_empty(NULL, 9, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_empty(&thousand, 1, &(tn_tensor_opts){.device = {TN_ACCELERATOR, 99}}), TN_ERR_DEVICE);
    CHECK_ERROR(tn_empty(&thousand, 1, &(tn_tensor_opts){.dtype = (tn_dtype)99}), TN_ERR_DTYPE);
}
TEST(too_large_an_allocation_is_an_error) {
    const int64_t big = INT64_MAX / 64;
    CHECK_ERROR(tn_empty(&big, 1, NULL), TN_ERR_MEMORY);
}
TEST(every_allocation_may_fail) {
    const tn_memory_stats_t before = tn_memory_stats();
    tn_set_log(NULL, NULL);
    int failures = 0;
    for (int64_t n = 1;; n++) {
        TN_SCOPE;
        tn_fault_alloc(n, false);
        tn_tensor *x = tn_requires_grad_(tn_ones(&thousand, 1, NULL), true);
        tn_status s = tn_backward(tn_sum(tn_mul(tn_exp(x), x), NULL));
        tn_fault_alloc(0, false);
        if (s == TN_OK) break;
        CHECK(tn_error_code() == TN_ERR_MEMORY);
        tn_error_clear();
        failures++;
        if (n > 10000) break;
    }
    CHECK(failures > 10 && failures < 10000);
    CHECK(tn_memory_stats().live_objects == before.live_objects);
    CHECK(tn_memory_stats().live_bytes == before.live_bytes);
}
static void *train(void *arg) {
    const int64_t n = 64;
    double *result = arg;
    {
        TN_SCOPE;
        tn_tensor *w = tn_requires_grad_(tn_full(&n, 1, *result, NULL), true);
        for (int i = 0; i < 50; i++) {
            TN_SCOPE;
            tn_backward(tn_sum(tn_square(w), NULL));
            TN_NO_GRAD;
            tn_sub_(w, tn_mul(tn_grad(w), 0.1));
            tn_set_grad(w, NULL);
        }
        *result = tn_item(tn_sum(w, NULL));
    }
    return NULL;
}
TEST(threads_train_side_by_side) {
    pthread_t t[4];
    double r[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, train, &r[i]);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 4; i++) CHECK_NEAR(r[i], (i + 1) * 64 * pow(0.8, 50), 1e-5);
}
TEST(any_number_of_threads_gives_the_same_bits) {
    const int64_t n = 300001;
    tn_tensor *x = tn_linspace(-4, 4, n, NULL), *first = NULL;
    for (int threads = 1; threads <= 8; threads++) {
        CHECK(tn_set_num_threads(threads) == TN_OK);
        tn_tensor *y = tn_mul(tn_tanh(x), tn_gelu(x, TN_GELU_NONE));
        if (!first) first = y;
        CHECK(memcmp(tn_test_values(first), tn_test_values(y), (size_t)n * 4) == 0);
    }
    CHECK(tn_set_num_threads(2) == TN_OK);
    CHECK_ERROR(tn_set_num_threads(0), TN_ERR_INVALID);
}
TEST(instruction_sets_agree) {
    const int64_t n = 1003;
    char was[16];
    snprintf(was, sizeof was, "%s", tn_get_isa());
    tn_tensor *x = tn_linspace(-10, 10, n, NULL), *a = tn_exp(x);
    if (strcmp(was, "neon") != 0) {
        CHECK(tn_set_isa("scalar") == TN_OK);
        tn_tensor *b = tn_exp(x);
        for (int64_t i = 0; i < n; i++) CHECK_NEAR(tn_at(a, &i, 1), tn_at(b, &i, 1), 3e-7 * tn_at(b, &i, 1));
        CHECK(tn_set_isa(was) == TN_OK);
    }
    CHECK_ERROR(tn_set_isa("mmx"), TN_ERR_INVALID);
}
TEST(half_precision_rounds_to_even) {
    const double v[4] = {65504, 65520, 1e-8, 0.1};
    const int64_t four = 4;
    tn_tensor *h = tn_to_dtype(tn_from(v, &four, 1, &(tn_tensor_opts){.dtype = TN_F64}), TN_F16);
    int64_t i = 0;
    CHECK_NEAR(tn_at(h, &i, 1), 65504, 0);
    i = 1;
    CHECK_NEAR(tn_at(h, &i, 1), INFINITY, 0);
    i = 2;
    CHECK_NEAR(tn_at(h, &i, 1), 0, 0);
    i = 3;
    CHECK_NEAR(tn_at(h, &i, 1), 0.0999755859375, 0);
}

RUN_ALL
