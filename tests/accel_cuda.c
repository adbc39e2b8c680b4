/* The CUDA plugin without a device, over the driver of tests/plugins/fake_cuda.c: kernels from its pack, which has those of add alone,
   and none of NVRTC. FAKE_CUDA is the driver's file; the plugin is found beside this program. */
#define _DEFAULT_SOURCE /* setenv */
#include "tn_test.h"
#include "plugins/fake_cuda.h"
#include <dlfcn.h>

static fake_cuda_state *fake;
/* The plugin gets this driver by its name, since a library of that name is there already. */
__attribute__((constructor)) static void begin(void) {
    void *driver = dlopen(FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    fake = driver ? (fake_cuda_state *)dlsym(driver, "fake_cuda") : NULL;
    if (!fake || setenv("TN_NVRTC", "", 1) != 0 || setenv("TN_CACHE", "", 1) != 0 || unsetenv("TN_ACCEL_PATH") != 0) fprintf(stderr, "%s\n", dlerror()), abort();
    (void)tn_set_fallback(TN_FALLBACK_ALLOW);
}
static tn_device cuda(void) {
    tn_device d = {TN_CPU, 0};
    CHECK(tn_device_named("cuda", &d) == TN_OK && strcmp(tn_device_name(d), "cuda:0") == 0);
    return d;
}
static tn_tensor *there(const char *text) { return tn_to(tn_test_of(text), cuda()); }
static int64_t fallbacks(const char *op) { return tn_fallback_count(tn_op_row(op)); }

TEST(opens_and_keeps_bytes) {
    CHECK(strstr(tn_accel_report(), "cuda:0 is fake 0") != NULL);
    CHECK_IS(there("f32 [2, 3] 1 2 3 4 5 6"), "f32 [2, 3] 1 2 3 4 5 6");
    CHECK(fake->live > 0 && fake->launches == 0);
}
TEST(a_kernel_of_the_pack) {
    tn_tensor *x = there("f32 [4] 1 2 3 4");
    const int before = fake->launches;
    CHECK(tn_add(x, x) != NULL && fake->ptx == 1 && fake->launches == before + 1);
    CHECK(tn_add(x, x) != NULL && tn_add_(x, x) != NULL && fake->ptx == 1 && fake->launches == before + 3); /* loaded once */
    CHECK(fake->binaries == 0 && fake->refused == 0 && fallbacks("add") == 0);
}
static int warnings;
static void count_warning(void *user, tn_log_level level, const char *message) { (void)user, warnings += level == TN_LOG_WARN && strstr(message, "NVRTC") != NULL; }
TEST(a_kernel_that_is_nowhere) { /* the CPU computes it */
    tn_set_log(count_warning, NULL);
    const int before = fake->launches;
    tn_tensor *x = there("f32 [2, 2] 1 4 9 16");
    CHECK_IS(tn_sqrt(x), "f32 [2, 2] 1 2 3 4");
    CHECK_IS(tn_sqrt(tn_t(x)), "f32 [2, 2] 1 3 2 4");
    CHECK(fallbacks("sqrt") == 2);
    CHECK(tn_sqrt_(x) == x && fallbacks("sqrt") == 3); /* in place */
    CHECK_IS(x, "f32 [2, 2] 1 2 3 4");
    CHECK(tn_sqrt_(tn_t(x)) != NULL);
    CHECK_IS(tn_square(x), "f32 [2, 2] 1 2 3 4");
    CHECK_IS(tn_sort(there("f32 [3] 3 1 2"), 0, false, false).indices, "i64 [3] 1 2 0"); /* two results */
    CHECK_IS(tn_mm(x, tn_t(there("f32 [2, 2] 1 0 0 2"))), "f32 [2, 2] 1 2.82842712 1.73205081 4");
    const int loaded = fake->ptx;
    CHECK_IS(tn_index_add(there("f32 [3] 1 1 1"), 0, there("i64 [2] 2 0"), there("f32 [2] 5 7"), 1), "f32 [3] 8 1 6");
    CHECK(fake->ptx == loaded + 1); /* its first kernel, a copy, is there; its second is not, so neither ran */
    CHECK(fake->launches == before && fallbacks("mm") == 1 && fallbacks("index_add") == 1);
    CHECK(warnings == 1);
    tn_set_log(NULL, NULL);
}
TEST(an_error_says_which_op_is_missing) {
    (void)tn_set_fallback(TN_FALLBACK_ERROR);
    CHECK_ERROR(tn_exp(there("f32 [1] 0")), TN_ERR_UNSUPPORTED);
    (void)tn_set_fallback(TN_FALLBACK_ALLOW);
}
TEST(an_older_driver) { /* knows no PTX of this version: as if there were none */
    fake->old = 1;
    CHECK_IS(tn_add(there("i64 [2] 1 2"), there("i64 [2] 3 4")), "i64 [2] 4 6");
    CHECK(fallbacks("add") == 1);
    fake->old = 0;
}
TEST(out_of_memory) {
    const int64_t large = (int64_t)1 << 29;
    CHECK_ERROR(tn_empty(&large, 1, &(tn_tensor_opts){.device = cuda()}), TN_ERR_MEMORY);
    (void)tn_empty(&large, 1, &(tn_tensor_opts){.device = cuda()});
    CHECK(strstr(tn_error(), "out of memory") != NULL);
    tn_error_clear();
    CHECK_IS(there("f32 [2] 1 2"), "f32 [2] 1 2"); /* it goes on */
}
TEST(the_device_is_lost) { /* the last: it stays so */
    tn_tensor *x = there("f32 [4] 1 2 3 4");
    fake->lose = 1;
    CHECK_ERROR((tn_add(x, x), tn_synchronize(cuda())), TN_ERR_DEVICE);
    (void)tn_add(x, x);
    CHECK(tn_error_code() == TN_ERR_DEVICE && strstr(tn_error(), "lost") != NULL);
    tn_error_clear();
    CHECK_ERROR(tn_item(tn_select(x, 0, 0)), TN_ERR_DEVICE);
    CHECK_IS(tn_sqrt(tn_test_of("f32 [1] 4")), "f32 [1] 2"); /* the CPU is there */
}
RUN_ALL
