/* Data sets, samplers and the loader's workers. The orders were printed by PyTorch 2.15. */
#include "tn_test.h"
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static tn_dataset *numbers(int64_t n) { return tn_data_tensors(tn_arange(0, (double)n, 1, NULL), NULL); }
static tn_loader *sampled(tn_sampler *s, tn_generator *g, int64_t n) {
    return tn_data_loader(numbers(n), &(tn_loader_opts){.batch_size = 100, .sampler = s, .generator = g});
}
static void check_epoch(tn_loader *l, const int *want, int64_t n) { /* one batch, then the end */
    tn_batch b;
    CHECK(tn_loader_next(l, &b));
    CHECK(tn_loader_len(l) == 1 && b.size == n);
    for (int64_t i = 0; i < n && i < b.size; i++) CHECK_NEAR(tn_at(b.x, &i, 1), want[i], 0);
    CHECK(!tn_loader_next(l, &b) && tn_loader_status(l) == TN_OK);
}
#define EPOCH(l, ...) check_epoch(l, (const int[]){__VA_ARGS__}, (int64_t)(sizeof(const int[]){__VA_ARGS__} / sizeof(int)))
static double next_rand(void) {
    const int64_t one = 1;
    return tn_item(tn_rand(&one, 1, NULL));
}
TEST(random_sampler_draws_as_pytorch) {
    CPU_DRAWS;
    tn_manual_seed(0);
    tn_loader *l = sampled(tn_sampler_random(10, false, 0, NULL), NULL, 10);
    EPOCH(l, 6, 7, 1, 4, 2, 0, 9, 8, 3, 5);
    EPOCH(l, 2, 4, 7, 0, 8, 9, 5, 3, 6, 1);
    CHECK_NEAR(next_rand(), 0.455627977848053, 0);
    tn_manual_seed(0);
    l = sampled(tn_sampler_random(10, false, 13, NULL), NULL, 10);
    EPOCH(l, 6, 7, 1, 4, 2, 0, 9, 8, 3, 5, 6, 7, 0);
    CHECK_NEAR(next_rand(), 0.30742281675338745, 0);
    l = sampled(tn_sampler_random(10, false, 20, tn_generator_new(7)), NULL, 10);
    EPOCH(l, 5, 0, 3, 4, 1, 7, 9, 6, 8, 2, 1, 8, 9, 5, 7, 4, 0, 3, 6, 2);
    EPOCH(l, 7, 0, 8, 4, 2, 6, 9, 3, 1, 5, 6, 0, 7, 1, 5, 3, 4, 9, 8, 2);
    l = sampled(tn_sampler_random(10, true, 70, tn_generator_new(7)), NULL, 10);
    EPOCH(l, 5, 2, 1, 6, 3, 7, 7, 9, 8, 1, 8, 1, 8, 7, 2, 0, 6, 2, 3, 8, 6, 0, 5, 1, 8, 8, 3, 7, 0, 8, 1, 0, 6, 3, 5, 6, 6, 7, 5, 0, 9, 1, 4, 2, 2, 1, 4, 8, 2, 2, 9, 9, 7, 3, 0, 7, 0, 5, 2, 2, 0, 7, 3, 2, 0, 0, 3, 9, 2, 9);
    EPOCH(l, 1, 2, 1, 5, 7, 2, 5, 6, 3, 8, 1, 1, 1, 5, 1, 9, 9, 7, 6, 9, 9, 3, 8, 3, 7, 3, 1, 7, 3, 7, 0, 7, 6, 8, 9, 5, 7, 9, 2, 9, 0, 0, 3, 5, 5, 7, 0, 9, 4, 8, 2, 8, 1, 6, 9, 9, 3, 0, 8, 5, 0, 4, 6, 2, 1, 1, 9, 9, 4, 7);
    tn_manual_seed(0);
    EPOCH(sampled(tn_sampler_random(10, true, 0, NULL), NULL, 10), 6, 3, 7, 0, 7, 1, 7, 9, 0, 6);
    tn_generator *g = tn_generator_new(7);
    EPOCH(sampled(tn_sampler_random(10, false, 0, g), g, 10), 1, 3, 5, 7, 9, 4, 6, 2, 8, 0);
}
TEST(subset_and_weighted_samplers_draw_as_pytorch) {
    CPU_DRAWS;
    const int64_t odd[] = {1, 3, 5, 7, 9};
    const double w[] = {0.1, 0.9, 0.4, 0.7, 3.0, 0.6};
    tn_manual_seed(0);
    tn_loader *l = sampled(tn_sampler_subset_random(odd, 5, NULL), NULL, 10);
    EPOCH(l, 7, 3, 1, 9, 5);
    EPOCH(l, 5, 9, 3, 7, 1);
    CHECK_NEAR(next_rand(), 0.022325754165649414, 0);
    l = sampled(tn_sampler_subset_random(odd, 5, tn_generator_new(7)), NULL, 10);
    EPOCH(l, 1, 3, 7, 5, 9);
    EPOCH(l, 7, 9, 3, 5, 1);
    tn_manual_seed(0);
    l = sampled(tn_sampler_weighted_random(w, 6, 12, false, NULL), NULL, 6);
    EPOCH(l, 4, 4, 5, 4, 4, 2, 3, 4, 3, 4, 2, 3);
    EPOCH(l, 4, 4, 4, 2, 4, 4, 2, 4, 1, 4, 2, 4);
    CHECK_NEAR(next_rand(), 0.6984410881996155, 0);
    tn_manual_seed(0);
    l = sampled(tn_sampler_weighted_random(w, 6, 5, true, NULL), NULL, 6);
    EPOCH(l, 5, 4, 1, 3, 2);
    EPOCH(l, 4, 3, 1, 2, 5);
    CHECK_NEAR(next_rand(), 0.1852310299873352, 0);
    EPOCH(sampled(tn_sampler_weighted_random(w, 6, 1, false, tn_generator_new(7)), NULL, 6), 1);
    tn_manual_seed(0);
    EPOCH(sampled(tn_sampler_sequential(10), NULL, 10), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    CHECK_NEAR(next_rand(), 0.08847743272781372, 0);
}
TEST(samplers_refuse_what_makes_no_sense) {
    const double bad[] = {1, -1}, none[] = {0, 0}, one[] = {0, 1}, inf[] = {1, INFINITY}, nan[] = {NAN, 1};
    const int64_t outside = 10;
    tn_batch b;
    CHECK_ERROR(tn_sampler_sequential(-1), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_random(0, true, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_random(3, false, -1, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_subset_random(NULL, 3, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_subset_random(&outside, 0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(NULL, 2, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(bad, 2, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(inf, 2, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(nan, 2, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(none, 2, 1, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(one, 2, 0, false, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_sampler_weighted_random(one, 2, 2, true, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_loader(numbers(3), &(tn_loader_opts){.shuffle = true, .sampler = tn_sampler_sequential(3)}), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_loader(numbers(3), &(tn_loader_opts){.workers = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_loader(numbers(3), &(tn_loader_opts){.workers = 257}), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_loader(numbers(3), &(tn_loader_opts){.workers = 1, .prefetch = -1}), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_loader(NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_loader_next(sampled(tn_sampler_subset_random(&outside, 1, NULL), NULL, 10), &b), TN_ERR_INDEX);
}
TEST(concatenated_sets) {
    tn_dataset *parts[3] = {numbers(3), numbers(0), numbers(2)}, *all = tn_data_concat(parts, 3), *twice[2] = {all, parts[0]};
    const double want[] = {0, 1, 2, 0, 1, 0, 1, 2};
    tn_batch b;
    CHECK(tn_dataset_len(all) == 5);
    all = tn_data_concat(twice, 2);
    CHECK(tn_dataset_len(all) == 8);
    for (int64_t i = 0; i < 8; i++) CHECK(tn_dataset_get(all, i, &b) == TN_OK && tn_item(b.x) == want[i]);
    CHECK_ERROR(tn_dataset_get(all, 8, &b), TN_ERR_INDEX);
    CHECK_ERROR(tn_data_concat(parts, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_data_concat(NULL, 1), TN_ERR_INVALID);
    parts[1] = NULL;
    CHECK_ERROR(tn_data_concat(parts, 3), TN_ERR_INVALID);
}

/* A set of the user's: y is the index; x three numbers made of it by ops, and one drawn. It fails at sample bad. */
typedef struct { int64_t n, bad; bool draws; } made;
static int64_t made_len(void *user) { return ((made *)user)->n; }
static tn_status made_get(void *user, int64_t i, tn_batch *s) {
    const made *m = user;
    const int64_t three = 3;
    if (i == m->bad) return tn_error_set(TN_ERR_USER, "sample %lld is bad", (long long)i);
    s->x = tn_sin(tn_add(tn_arange(0, 3, 1, NULL), (double)i));
    if (m->draws) s->x = tn_add(s->x, tn_rand(&three, 1, NULL));
    s->y = tn_scalar_i64(i);
    return s->x && s->y ? TN_OK : tn_error_code();
}
static tn_dataset *made_set(made *m) { return tn_data_custom(&(tn_dataset_fns){.len = made_len, .get = made_get, .user = m}); }
static tn_status first_only(void *user, const tn_batch *s, int64_t n, tn_batch *b) {
    (void)user;
    b->x = tn_mul(s[0].x, (double)n);
    b->extra[2] = s[n - 1].y;
    return b->x ? TN_OK : TN_ERR_USER;
}
static double sum(tn_tensor *t) { return t ? tn_item(tn_sum(tn_to_dtype(t, TN_F64), NULL)) : -1; }
/* Every batch of two epochs as one list of numbers; ends after `most` batches of the second. */
static int run_loader(tn_loader *l, double *out, int most) {
    int n = 0;
    for (int epoch = 0; epoch < 2; epoch++) {
        int at = 0;
        for (tn_batch b; (epoch == 0 || at < most) && tn_loader_next(l, &b); at++) {
            TN_SCOPE;
            const double values[] = {(double)b.size, sum(b.x), sum(b.y), sum(b.extra[2])};
            for (int i = 0; i < 4; i++) out[n++] = values[i];
        }
        CHECK(tn_loader_status(l) == TN_OK);
    }
    return n;
}
TEST(workers_change_nothing) {
    double want[400], got[400];
    made m = {53, -1, false};
    for (int kind = 0; kind < 5; kind++) {
        int n = 0;
        for (int workers = 0; workers < 4; workers += workers ? 2 : 1) {
            TN_SCOPE;
            tn_loader_opts o = {.batch_size = 4, .workers = workers};
            tn_dataset *d = made_set(&m);
            if (kind == 1) o.shuffle = o.drop_last = true;
            if (kind == 2) o.sampler = tn_sampler_random(53, true, 41, tn_generator_new(3)), o.prefetch = 1;
            if (kind == 3) o.collate = first_only, o.shuffle = true, o.generator = tn_generator_new(3), o.prefetch = 7;
            if (kind == 4) {
                const int64_t xs[2] = {20, 3};
                tn_dataset *rows = tn_data_tensors(tn_transpose(tn_reshape(tn_arange(0, 60, 1, NULL), (const int64_t[]){3, 20}, 2), 0, 1), tn_arange(0, (double)xs[0], 1, NULL));
                d = tn_data_concat((tn_dataset *const[]){rows, tn_data_subset(rows, (const int64_t[]){4, 4, 9}, 3)}, 2);
                o.shuffle = true;
            }
            tn_manual_seed(5);
            const int k = run_loader(tn_data_loader(d, &o), workers ? got : want, 3);
            got[399] = want[399] = 0;
            if (workers) CHECK(k == n && memcmp(want, got, (size_t)n * sizeof *want) == 0);
            else n = k;
            CHECK(n > 20);
        }
    }
}
TEST(draws_in_workers_depend_on_the_batch) {
    double want[400], got[400];
    made m = {53, -1, true};
    int n = 0;
    for (int workers = 1; workers < 4; workers++) {
        tn_manual_seed(5);
        const int k = run_loader(tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 4, .shuffle = true, .workers = workers}), workers == 1 ? want : got, 100);
        if (workers == 1) n = k;
        else CHECK(k == n && memcmp(want, got, (size_t)n * sizeof *want) == 0);
    }
}
TEST(an_error_stands_at_its_batch) {
    tn_set_log(NULL, NULL);
    for (int workers = 0; workers < 4; workers++) {
        TN_SCOPE;
        made m = {40, 22, false};
        tn_loader *l = tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 4, .workers = workers});
        tn_batch b;
        int n = 0;
        tn_error_clear();
        while (tn_loader_next(l, &b)) n++;
        CHECK(n == 5 && !b.x);
        CHECK(tn_loader_status(l) == TN_ERR_USER && tn_error_code() == TN_ERR_USER && strcmp(tn_error(), "sample 22 is bad") == 0);
        tn_error_clear();
        n = 0;
        while (n < 3 && tn_loader_next(l, &b)) n++; /* another epoch begins */
        CHECK(n == 3 && tn_loader_status(l) == TN_OK && tn_item(tn_sum(b.y, NULL)) == 8 + 9 + 10 + 11);
    }
}
static tn_status refuses(void *user, const tn_batch *s, int64_t n, tn_batch *b) { return (void)user, (void)s, (void)n, (void)b, TN_ERR_USER; }
TEST(a_callback_without_a_message_gets_one) {
    tn_set_log(NULL, NULL);
    for (int workers = 0; workers < 2; workers++) {
        tn_loader *l = tn_data_loader(numbers(3), &(tn_loader_opts){.collate = refuses, .workers = workers});
        tn_batch b;
        tn_error_clear();
        CHECK(!tn_loader_next(l, &b) && tn_loader_status(l) == TN_ERR_USER && strstr(tn_error(), "collate"));
        tn_error_clear();
    }
}
TEST(early_ends_leave_nothing_behind) {
    made m = {100, -1, true};
    const tn_memory_stats_t before = tn_memory_stats();
    for (int stop = 0; stop < 20; stop++) {
        TN_SCOPE;
        tn_loader *l = tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 8, .workers = 2, .shuffle = true});
        tn_batch b;
        for (int i = 0; i < stop; i++) (void)tn_loader_next(l, &b);
    }
    CHECK(tn_memory_stats().live_objects == before.live_objects);
    CHECK(tn_memory_stats().live_bytes == before.live_bytes);
}
/* A batch outlives its loader and the worker that made it. */
TEST(a_batch_may_be_kept) {
    made m = {8, -1, false};
    tn_tensor *kept;
    {
        TN_SCOPE;
        tn_batch b;
        tn_loader *l = tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 4, .workers = 2});
        CHECK(tn_loader_next(l, &b) && tn_loader_next(l, &b));
        kept = tn_retain(b.y);
        CHECK(!tn_loader_next(l, &b));
    }
    CHECK(tn_item(tn_sum(kept, NULL)) == 4 + 5 + 6 + 7);
    tn_release(kept);
}
TEST(the_place_counts_batches_handed_out) {
    made m = {61, -1, true};
    for (int kind = 0; kind < 2; kind++)
        for (int stop = 0; stop < 20; stop += 3) {
            TN_SCOPE;
            double want[400], got[400];
            tn_batch b;
            tn_loader_opts o = {.batch_size = 4, .workers = 2, .shuffle = kind == 0};
            o.generator = tn_generator_new(9);
            if (kind) o.sampler = tn_sampler_random(61, false, 70, tn_generator_new(2));
            tn_loader *l = tn_data_loader(made_set(&m), &o);
            for (int i = 0; i < stop; i++) (void)tn_loader_next(l, &b);
            tn_dict *state = tn_loader_state_dict(l);
            const int n = run_loader(l, want, 100);
            o.workers = 3;
            o.generator = tn_generator_new(0);
            if (kind) o.sampler = tn_sampler_random(61, false, 70, tn_generator_new(0));
            l = tn_data_loader(made_set(&m), &o);
            for (int i = 0; i < 5; i++) (void)tn_loader_next(l, &b); /* what was prepared is dropped */
            CHECK(tn_loader_load_state_dict(l, state) == TN_OK);
            CHECK(run_loader(l, got, 100) == n && memcmp(want, got, (size_t)n * sizeof *want) == 0);
        }
}
TEST(states_of_other_sets_are_refused) {
    tn_loader *a = tn_data_loader(numbers(10), &(tn_loader_opts){.batch_size = 2, .workers = 1}), *b = tn_data_loader(numbers(9), NULL);
    tn_batch batch;
    CHECK(tn_loader_next(a, &batch));
    CHECK_ERROR(tn_loader_load_state_dict(b, tn_loader_state_dict(a)), TN_ERR_FORMAT);
}
TEST(without_threads_the_caller_prepares) {
    if (SANITIZED) SKIP("sanitizers need the address space that this test takes away");
    struct rlimit was, small = {0, 0};
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!f || fscanf(f, "%ld", &pages) != 1 || getrlimit(RLIMIT_AS, &was) != 0) SKIP("no /proc/self/statm");
    fclose(f);
    double want[400], got[400];
    made m = {53, -1, false};
    const int n = run_loader(tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 4}), want, 100);
    tn_loader *l = tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 4, .workers = 100});
    small.rlim_max = was.rlim_max;
    small.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)4 << 20); /* less than a stack */
    CHECK(setrlimit(RLIMIT_AS, &small) == 0);
    const int k = run_loader(l, got, 100);
    CHECK(setrlimit(RLIMIT_AS, &was) == 0);
    CHECK(k == n && memcmp(want, got, (size_t)n * sizeof *want) == 0);
}

/* Two threads, each with a net, a loader with workers, an optimizer: what each computes alone. */
static void *train(void *result) {
    TN_SCOPE;
    CHECK(tn_test_on_device());
    made m = {48, -1, true};
    tn_manual_seed(3);
    tn_module *net = tn_nn_sequential(tn_nn_linear(3, 16, NULL), tn_nn_tanh(), tn_nn_dropout(0.1), tn_nn_linear(16, 1, NULL), TN_END);
    tn_optimizer *opt = tn_optim_adamw(net, NULL);
    tn_loader *l = tn_data_loader(made_set(&m), &(tn_loader_opts){.batch_size = 8, .shuffle = true, .workers = 2});
    for (int epoch = 0; epoch < 4; epoch++)
        for (tn_batch b; tn_loader_next(l, &b);) {
            TN_SCOPE;
            (void)tn_memory_stats();
            tn_tensor *loss = tn_mse_loss(tn_forward(net, b.x), tn_unsqueeze(tn_sin(b.y), 1), NULL);
            if (tn_backward(loss) != TN_OK || tn_optim_step(opt) != TN_OK) break;
            tn_optim_zero_grad(opt);
            *(double *)result = tn_item(loss);
        }
    return NULL;
}
TEST(two_threads_train_at_once) {
    double alone = -1, at_once[2] = {-2, -2};
    pthread_t thread[2];
    train(&alone);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], NULL, train, &at_once[i]) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(alone > 0 && at_once[0] == alone && at_once[1] == alone);
}

TEST(a_set_is_split_at_random) { /* also where the thread makes tensors on a device */
    const int64_t parts[2] = {4, 6};
    tn_dataset *out[2];
    int seen = 0;
    CHECK(tn_data_random_split(tn_data_tensors(tn_arange(0, 10, 1, NULL), NULL), parts, 2, NULL, out) == TN_OK);
    for (int k = 0; k < 2; k++) {
        CHECK(tn_dataset_len(out[k]) == parts[k]);
        for (int64_t i = 0; i < parts[k]; i++) {
            tn_batch s = {.size = 0};
            CHECK(tn_dataset_get(out[k], i, &s) == TN_OK);
            seen |= 1 << tn_item_i64(s.x);
        }
    }
    CHECK(seen == 1023);
    const int64_t few[1] = {3};
    CHECK_ERROR(tn_data_random_split(out[0], few, 1, NULL, out), TN_ERR_INVALID);
}
/* Wherever batches go: large ones, many, and what is computed of each is looked at in the end. */
TEST(batches_that_workers_prepare_arrive_whole) {
    enum { BATCHES = 24, ROWS = 8, WIDTH = 20011 };
    const int64_t shape[2] = {BATCHES * ROWS, WIDTH};
    tn_tensor *x = tn_add(tn_mul(tn_reshape(tn_arange(0, BATCHES * ROWS, 1, NULL), (const int64_t[]){BATCHES * ROWS, 1}, 2), 1000.0), tn_remainder(tn_arange(0, WIDTH, 1, NULL), 1000.0));
    x = tn_to(tn_to_dtype(x, TN_F32), (tn_device){TN_CPU, 0});
    CHECK(x && tn_size(x, 0) == shape[0] && tn_size(x, 1) == shape[1]);
    tn_loader *l = tn_data_loader(tn_data_tensors(x, NULL), &(tn_loader_opts){.batch_size = ROWS, .workers = 2, .prefetch = 2});
    tn_tensor *wrong = tn_zeros(NULL, 0, NULL), *first = tn_to(tn_narrow(x, 0, 0, ROWS), tn_get_default_device());
    tn_batch b;
    int n = 0;
    for (; tn_loader_next(l, &b); n++) {
        TN_SCOPE;
        tn_tensor *want = tn_add(first, 1000.0 * ROWS * n); /* exact in f32 */
        for (int k = 0; k < 3; k++) want = tn_neg(tn_neg(want));
        CHECK(tn_get_device(b.x).kind == tn_get_default_device().kind);
        CHECK(tn_add_(wrong, tn_sum(tn_ne(b.x, want), NULL)) != NULL);
    }
    CHECK(n == BATCHES && tn_loader_status(l) == TN_OK && tn_item(wrong) == 0);
}
RUN_ALL
