/* What has to hold when a save is cut off, a run is long, or memory is short. */
#define _GNU_SOURCE
#include "tn_test.h"
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifndef TSAN
#define TSAN 0
#endif
#if TSAN || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static const char *const folder = "build/test_reliability.d", *const path = "build/test_reliability.d/a.safetensors";
static void empty_folder(void) { /* a killed save leaves its temporary file */
    char name[600];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        (void)snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' || e->d_name[1] > '.') (void)unlink(name);
    }
    if (d) closedir(d);
}
static tn_status save_version(tn_module *net, int64_t v) {
    TN_SCOPE;
    TN_NO_GRAD;
    tn_tensors p = tn_parameters(net);
    for (int i = 0; i < p.n; i++) tn_fill_(p.at[i], (double)v);
    return tn_checkpoint_save(path, &(tn_checkpoint_state){.model = net, .step = v});
}
static int64_t whole_version(tn_module *net) { /* -1: not whole */
    TN_SCOPE;
    tn_checkpoint_state s = {.model = net};
    if (tn_checkpoint_load(path, &s) != TN_OK) return -1;
    tn_tensors p = tn_parameters(net);
    for (int i = 0; i < p.n; i++)
        if (tn_item(tn_amax(p.at[i], NULL)) != (double)s.step || tn_item(tn_amin(p.at[i], NULL)) != (double)s.step) return -1;
    return s.step;
}
static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
TEST(a_save_killed_at_any_moment_leaves_a_whole_file) {
    if (TSAN) SKIP("TSan does not follow a fork");
    if (getenv("TN_TEST_DEVICE")) SKIP("a device does not live on in a forked process");
    (void)mkdir(folder, 0777);
    tn_module *net = tn_nn_sequential(tn_nn_linear(200, 300, NULL), tn_nn_linear(300, 50, NULL), TN_END);
    int64_t held = 0;
    int kept = 0, replaced = 0;
    const double start = now();
    CHECK(tn_set_num_threads(1) == TN_OK && save_version(net, 0) == TN_OK);
    const double span = now() - start;
    srand(1);
    for (int64_t v = 1; v <= 300 && now() - start < 10; v++) {
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) _exit(save_version(net, v) != TN_OK);
        const struct timespec wait = {0, (long)(1e9 * fmin(span * 1.5 * rand() / RAND_MAX, 0.03))};
        (void)nanosleep(&wait, NULL);
        CHECK(child > 0 && kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        const int64_t got = whole_version(net);
        CHECK(got == held || got == v);
        got == v ? replaced++ : kept++;
        held = got;
    }
    CHECK(kept > 0 && replaced > 0);
    empty_folder();
    (void)rmdir(folder);
}
static long resident(void) {
    long all = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
    if (f) fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
static tn_module *mlp(void) { return tn_nn_sequential(tn_nn_linear(3, 4, NULL), tn_nn_tanh(), tn_nn_linear(4, 2, NULL), TN_END); }
TEST(memory_stays_flat) {
    const int64_t xs[2] = {8, 3}, ys[2] = {8, 2};
    const int steps = SANITIZED ? 500 : 10000;
    tn_module *net = mlp();
    tn_optimizer *opt = tn_optim_adamw(net, NULL);
    tn_loader *l = tn_data_loader(tn_data_tensors(tn_rand(xs, 2, NULL), tn_rand(ys, 2, NULL)), &(tn_loader_opts){.batch_size = 4, .shuffle = true});
    tn_batch b;
    long before = 0;
    for (int i = 0; i < steps; i++) {
        TN_SCOPE;
        if (i == steps / 5) before = resident();
        if (!tn_loader_next(l, &b)) CHECK(tn_loader_next(l, &b));
        CHECK(tn_backward(tn_mse_loss(tn_forward(net, b.x), b.y, NULL)) == TN_OK && tn_optim_step(opt) == TN_OK);
        tn_optim_zero_grad(opt);
    }
    if (SANITIZED || !before) SKIP("sanitizers keep freed memory, or no /proc/self/statm");
    CHECK(resident() - before < 2048);
}

TEST(memory_stays_flat_with_workers) { /* blocks that a worker makes are freed here: this thread's cache fills to its bound, and no further */
    if (SANITIZED) SKIP("sanitizers keep freed memory");
    if (getenv("TN_TEST_DEVICE")) SKIP("batches are handles only: the cache of this thread fills to its bound too slowly to see");
    TN_SCOPE;
    tn_dataset *d = tn_data_tensors(tn_rand((const int64_t[]){4096, 256}, 2, NULL), tn_zeros((const int64_t[]){4096}, 1, NULL));
    tn_loader *l = tn_data_loader(d, &(tn_loader_opts){.batch_size = 64, .shuffle = true, .workers = 2});
    long before = 0;
    for (int epoch = 0; epoch < 200; epoch++) {
        tn_batch b;
        while (tn_loader_next(l, &b)) CHECK(tn_size(b.x, 1) == 256);
        CHECK(tn_loader_status(l) == TN_OK);
        if (epoch == 80) before = resident();
    }
    if (!before) SKIP("no /proc/self/statm");
    CHECK(resident() - before < 2048);
}

/* Whole programs: each is run with its nth allocation failing, for every n until none fails. */
static tn_status learn(tn_module *net, tn_tensor *loss) {
    tn_optimizer *opt = tn_optim_adamw(net, NULL);
    const tn_status s = tn_backward(loss);
    return s != TN_OK ? s : tn_optim_step(opt);
}
static tn_status run_mlp(void) {
    tn_module *net = mlp();
    return learn(net, tn_mse_loss(tn_forward(net, tn_rand((const int64_t[]){4, 3}, 2, NULL)), tn_zeros((const int64_t[]){4, 2}, 2, NULL), NULL));
}
static tn_status run_cnn(void) {
    tn_module *net = tn_nn_sequential(tn_nn_conv2d(1, 2, 3, NULL), tn_nn_batch_norm2d(2, NULL), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(), tn_nn_linear(8, 3, NULL), TN_END);
    tn_tensor *y = tn_forward(net, tn_rand((const int64_t[]){2, 1, 6, 6}, 4, NULL));
    return learn(net, tn_cross_entropy(y, tn_randint(0, 3, (const int64_t[]){2}, 1, NULL), NULL));
}
static tn_status run_attention(void) {
    tn_module *net = tn_nn_embedding(5, 4, NULL);
    tn_tensor *x = tn_forward(net, tn_randint(0, 5, (const int64_t[]){2, 6}, 2, NULL));
    return learn(net, tn_mean(tn_square(tn_scaled_dot_product_attention(x, x, x, &(tn_sdpa_opts){.is_causal = true})), NULL));
}
static int workers;
static tn_status run_loader(void) {
    const char *const file = "build/test_reliability.tmp";
    tn_module *net = mlp();
    tn_dataset *d = tn_data_tensors(tn_rand((const int64_t[]){6, 3}, 2, NULL), tn_zeros((const int64_t[]){6, 2}, 2, NULL));
    tn_loader *l = tn_data_loader(tn_data_concat((tn_dataset *const[]){d, d}, 2), &(tn_loader_opts){.batch_size = 4, .workers = workers, .sampler = tn_sampler_random(12, true, 0, NULL)});
    tn_batch b;
    if (!tn_loader_next(l, &b)) return tn_error_code() == TN_OK ? TN_ERR_STATE : tn_error_code();
    tn_checkpoint_state s = {.model = net, .loader = l};
    tn_status r = learn(net, tn_mse_loss(tn_forward(net, b.x), b.y, NULL));
    if (r == TN_OK) r = tn_checkpoint_save(file, &s);
    return r == TN_OK ? tn_checkpoint_load(file, &s) : r;
}
static void each_allocation(tn_status (*program)(void), const char *name) {
    tn_set_log(NULL, NULL);
    tn_error_clear();
    for (int i = 0; i < 2; i++) {
        TN_SCOPE;
        CHECK(program() == TN_OK);
    }
    for (int forever = 0; forever < 2; forever++) {
        const tn_memory_stats_t before = tn_memory_stats();
        int64_t n = 1;
        for (bool done = false; !done && n < 20000; n++) {
            TN_SCOPE;
            tn_error_clear();
            tn_fault_alloc(n, forever);
            const tn_status s = program();
            tn_fault_alloc(0, false);
            done = s == TN_OK && tn_error_code() == TN_OK && n > 50;
            if (s != TN_OK && (tn_error_code() == TN_OK || !tn_error()[0])) TN_TEST_FAIL("%s: allocation %lld failed without an error", name, (long long)n);
            if (s != TN_OK && s != TN_ERR_MEMORY) TN_TEST_FAIL("%s: allocation %lld gave %s %s", name, (long long)n, tn_status_name(s), tn_error());
        }
        CHECK(n > 50 && n < 20000);
        if (tn_memory_stats().live_objects > before.live_objects + 4) TN_TEST_FAIL("%s: %lld objects leak", name, (long long)(tn_memory_stats().live_objects - before.live_objects));
        tn_error_clear();
    }
}
TEST(every_allocation_of_an_mlp_may_fail) { each_allocation(run_mlp, "mlp"); }
TEST(every_allocation_of_a_cnn_may_fail) { each_allocation(run_cnn, "cnn"); }
TEST(every_allocation_of_attention_may_fail) { each_allocation(run_attention, "attention"); }
TEST(every_allocation_of_a_loader_may_fail) {
    for (workers = 0; workers < 2; workers++) each_allocation(run_loader, workers ? "workers" : "loader");
    (void)remove("build/test_reliability.tmp");
}

RUN_ALL
