/* Plugins and devices, on the null device: files that must not load, memory, faults, loss, and what stays true of tensors. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */
#include "tn_test.h"
#include "../plugins/null/null.h"
#include <dlfcn.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *build_folder = "build"; /* of this program */
static tn_device null_device(void) {
    tn_device d;
    CHECK(tn_device_named("null", &d) == TN_OK && d.kind == TN_ACCELERATOR);
    return d;
}
static tn_null_faults *faults(void) { return (tn_null_faults *)(uintptr_t)tn_device_extension(null_device(), "null.faults/1"); }
static tn_tensor *on_null(tn_tensor *t) { return tn_to(t, null_device()); }
static tn_device cpu(void) { return (tn_device){TN_CPU, 0}; }
static int64_t allocated(void) {
    tn_device_stats_t s;
    CHECK(tn_device_stats(null_device(), &s) == TN_OK);
    return s.allocated;
}

/* Offsets of the interface on 64-bit machines: they never change within a major version. */
#define AT(type, field, offset) CHECK(offsetof(type, field) == (offset))
TEST(interface_stays_where_it_is) {
    if (sizeof(void *) != 8) SKIP("a table of 64-bit offsets");
    AT(tn_accel_error, message, 4);
    CHECK(sizeof(tn_accel_error) == 512);
    AT(tn_accel_host, context, 8), AT(tn_accel_host, log, 16), AT(tn_accel_host, extension, 24);
    AT(tn_accel_info, name, 8), AT(tn_accel_info, location, 136), AT(tn_accel_info, memory, 168), AT(tn_accel_info, max_buffer, 176), AT(tn_accel_info, alignment, 184), AT(tn_accel_info, kind, 188);
    AT(tn_accel_tensor, buffer, 0), AT(tn_accel_tensor, offset, 8), AT(tn_accel_tensor, dtype, 16), AT(tn_accel_tensor, ndim, 20), AT(tn_accel_tensor, flags, 24), AT(tn_accel_tensor, shape, 32), AT(tn_accel_tensor, strides, 40), AT(tn_accel_tensor, value, 48);
    CHECK(sizeof(tn_accel_tensor) == 64);
    AT(tn_accel_call, op, 8), AT(tn_accel_call, n_in, 12), AT(tn_accel_call, n_out, 16), AT(tn_accel_call, in_place, 20), AT(tn_accel_call, in, 24), AT(tn_accel_call, out, 32), AT(tn_accel_call, attr, 40), AT(tn_accel_call, flags, 48);
    CHECK(sizeof(tn_accel_call) == 56);
    AT(tn_accel_api, count, 8), AT(tn_accel_api, info, 16), AT(tn_accel_api, open, 24), AT(tn_accel_api, close, 32), AT(tn_accel_api, alloc, 40), AT(tn_accel_api, free, 48), AT(tn_accel_api, queue, 56), AT(tn_accel_api, queue_free, 64);
    AT(tn_accel_api, copy, 72), AT(tn_accel_api, write, 80), AT(tn_accel_api, read, 88), AT(tn_accel_api, fill, 96), AT(tn_accel_api, record, 104), AT(tn_accel_api, wait, 112), AT(tn_accel_api, event_free, 120), AT(tn_accel_api, sync, 128);
    AT(tn_accel_api, rate, 136), AT(tn_accel_api, run, 144), AT(tn_accel_api, extension, 152);
    AT(tn_accel_plugin, size, 12), AT(tn_accel_plugin, id, 16), AT(tn_accel_plugin, version, 24), AT(tn_accel_plugin, probe, 32), AT(tn_accel_plugin, init, 40), AT(tn_accel_plugin, shutdown, 48);
    AT(tn_accel_profile, push, 8), AT(tn_accel_profile, pop, 16);
    AT(tn_accel_capture, begin, 8), AT(tn_accel_capture, end, 16), AT(tn_accel_capture, launch, 24), AT(tn_accel_capture, graph_free, 32);
    CHECK(tn_op_id(0) == 1);
}
TEST(devices_by_name) {
    tn_device d = null_device();
    CHECK(strcmp(tn_device_name(d), "null:0") == 0 && tn_device_count() >= 1);
    CHECK(tn_device_named("null:0", &d) == TN_OK && tn_device_named("cpu", &d) == TN_OK && d.kind == TN_CPU);
    CHECK_ERROR(tn_device_named("null:1", &d), TN_ERR_DEVICE);
    CHECK_ERROR(tn_device_named("cuda:77", &d), TN_ERR_DEVICE);
    CHECK(strstr(tn_accel_report(), "tensor_accel_null.so: null:0 is null") != NULL);
    CHECK(tn_device_best().kind == TN_CPU || strncmp(tn_device_name(tn_device_best()), "null", 4) != 0); /* never by itself */
    CHECK(setenv("TN_DEVICE", "null", 1) == 0 && strcmp(tn_device_name(tn_device_best()), "null:0") == 0);
    CHECK(setenv("TN_DEVICE", "cuda:77", 1) == 0);
    tn_set_log(NULL, NULL);
    CHECK(tn_device_best().kind == TN_CPU && unsetenv("TN_DEVICE") == 0);
    CHECK_ERROR(tn_device_at(1000), TN_ERR_INDEX);
    CHECK_ERROR(tn_zeros(NULL, 0, &(tn_tensor_opts){.device = {TN_ACCELERATOR, 99}}), TN_ERR_DEVICE);
}

/* -- files -- */
static char *slurp(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    *size = 0;
    if (!f) return NULL;
    const long length = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    char *p = length > 0 ? malloc((size_t)length) : NULL;
    rewind(f);
    if (p) *size = fread(p, 1, (size_t)length, f);
    fclose(f);
    return p;
}
static void spill(const char *path, const char *p, size_t size) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(p, 1, size, f) == size);
    if (f) fclose(f);
}
static void refused(const char *path, const char *why) {
    tn_set_log(NULL, NULL);
    tn_error_clear();
    CHECK(tn_accel_load(path) == TN_ERR_DEVICE);
    if (!strstr(tn_error(), why)) TN_TEST_FAIL("%s: '%s' does not say '%s'", path, tn_error(), why);
    CHECK(strstr(tn_accel_report(), path) != NULL);
    tn_error_clear();
}
TEST(bad_files_are_refused_with_a_reason) {
    static const char *const why[] = {"no symbol", "another major version", "record is too small", "no plugin record", "libnothing.so.1 is not there", "function table is too small"};
    char path[512];
    size_t size;
    (void)null_device();
    refused("build/no/such/tensor_accel_x.so", "No such file");
    for (int i = 0; i < 6; i++) {
        (void)snprintf(path, sizeof path, "%s/plugins/bad/%d.so", build_folder, i);
        refused(path, why[i]);
    }
    (void)snprintf(path, sizeof path, "%s/plugins/tensor_accel_null.so", build_folder);
    refused(path, "loaded already");
    char *p = slurp(path, &size);
    CHECK(p && size > 100000);
    (void)snprintf(path, sizeof path, "%s/plugins/bad/cut.so", build_folder);
    static const double cut[] = {0, 0.0001, 0.1, 0.5, 0.9, 0.9999};
    for (int i = 0; p && i < 6; i++) {
        spill(path, p, (size_t)(cut[i] * (double)size));
        refused(path, i == 0 ? "empty" : i == 1 ? "short" : "cut short");
    }
    if (p) {
        p[size / 2] = (char)(p[size / 2] ^ 1);
        spill(path, p, size);
        refused(path, "checksum");
        p[size / 2] = (char)(p[size / 2] ^ 1);
        p[18] = (char)(p[18] ^ 0x7F);
        spill(path, p, size);
        refused(path, "another machine");
        p[18] = (char)(p[18] ^ 0x7F);
        p[0] = 'X';
        spill(path, p, size);
        refused(path, "not a shared object");
    }
    free(p);
    remove(path);
    (void)snprintf(path, sizeof path, "%s/plugins/bad/6.so", build_folder);
    CHECK(tn_accel_load(path) == TN_OK); /* a newer minor, with more at the ends of its structs */
    CHECK(strstr(tn_accel_report(), "6.so: no devices") != NULL);
    (void)snprintf(path, sizeof path, "%s/plugins/bad/8.so", build_folder);
    CHECK(tn_accel_load(path) == TN_OK && strstr(tn_accel_report(), "8.so: no devices") != NULL); /* an older minor */
}
TEST(nothing_is_loaded_from_the_current_folder) { /* in a process of its own, whose search has not been */
    char folder[] = "/tmp/tn_accel_XXXXXX", path[600], self[512], back[512];
    size_t size;
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(mkdtemp(folder) && n > 0 && getcwd(back, sizeof back));
    self[n > 0 ? n : 0] = 0;
    (void)snprintf(path, sizeof path, "%s/plugins/bad/7.so", build_folder);
    char *p = slurp(path, &size);
    (void)snprintf(path, sizeof path, "%s/tensor_accel_planted.so", folder);
    CHECK(p && size);
    if (p) spill(path, p, size);
    free(p);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0) _exit(9);
        setenv("TN_TEST_MARK", "1", 1);
        setenv("TN_ACCEL_PATH", ".:", 1);
        setenv("LD_LIBRARY_PATH", folder, 1);
        execl(self, self, "devices_by_name", (char *)NULL);
        _exit(9);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove(path);
    (void)rmdir(folder);
}

/* -- tensors -- */
TEST(tensors_go_there_and_come_back) {
    const int64_t s[2] = {5, 7};
    tn_tensor *x = tn_requires_grad_(tn_randn(s, 2, NULL), true), *d = on_null(x);
    CHECK(strcmp(tn_device_name(tn_get_device(d)), "null:0") == 0 && tn_to(d, null_device()) == d);
    CHECK_ERROR(tn_data(d), TN_ERR_DEVICE);
    tn_tensor *y = tn_sum(tn_mul(tn_transpose(d, 0, 1), 3.0), NULL);
    CHECK(tn_get_device(y).kind == TN_ACCELERATOR && tn_backward(y) == TN_OK);
    CHECK(tn_get_device(tn_grad(x)).kind == TN_CPU && tn_at(tn_grad(x), (int64_t[]){4, 6}, 2) == 3);
    tn_tensor *back = tn_to(tn_transpose(d, 0, 1), cpu());
    CHECK(tn_item(tn_sum(tn_ne(tn_transpose(x, 0, 1), back), NULL)) == 0);
    CHECK_NEAR(tn_at(d, (int64_t[]){2, -1}, 2), tn_at(x, (int64_t[]){2, -1}, 2), 0);
    char text[256];
    CHECK(tn_format(tn_to(tn_ones(s, 1, NULL), null_device()), text, sizeof text) > 0 && strstr(text, "1., 1.") && strstr(text, "device='null:0'"));
}
TEST(the_precision_of_products_is_told) {
    tn_tensor *x = on_null(tn_ones(SHAPE(3, 3), NULL));
    CHECK(tn_get_float32_matmul_precision() == TN_MATMUL_HIGHEST);
    for (int p = TN_MATMUL_HIGHEST; p <= TN_MATMUL_MEDIUM; p++) {
        CHECK(tn_set_float32_matmul_precision((tn_matmul_precision)p) == TN_OK && (int)tn_get_float32_matmul_precision() == p);
        CHECK(tn_matmul(x, x) && faults()->flags == (p == TN_MATMUL_HIGHEST ? 0 : TN_ACCEL_TF32));
    }
    CHECK_ERROR(tn_set_float32_matmul_precision((tn_matmul_precision)7), TN_ERR_INVALID);
    CHECK(tn_get_float32_matmul_precision() == TN_MATMUL_MEDIUM && tn_set_float32_matmul_precision(TN_MATMUL_HIGHEST) == TN_OK);
}
/* The table of the null plugin itself, to call it as another core would. */
static const tn_accel_api *null_table(void) {
    char path[512], *full;
    tn_accel_host host = {(uint32_t)sizeof host, TN_ACCEL_MINOR, NULL, NULL, NULL};
    tn_accel_error e;
    const tn_accel_api *api = NULL;
    (void)null_device();
    (void)snprintf(path, sizeof path, "%s/plugins/tensor_accel_null.so", build_folder);
    if (!(full = realpath(path, NULL))) return NULL;
    void *library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    free(full);
    const tn_accel_plugin *p = library ? (const tn_accel_plugin *)dlsym(library, "tensor_accel_plugin_v1") : NULL;
    return p && p->init(&host, &api, &e) == TN_ACCEL_OK ? api : NULL;
}
TEST(an_older_cores_call_has_no_flags) {
    const tn_accel_api *api = null_table();
    tn_accel_context *context = NULL;
    tn_accel_queue *queue = NULL;
    tn_accel_buffer *b = NULL;
    tn_accel_error e;
    const int64_t shape = 4, stride = 1;
    float v[4] = {1, 2, 3, 4};
    CHECK(api && api->open(0, &context, &e) == TN_ACCEL_OK && api->queue(context, &queue, &e) == TN_ACCEL_OK && api->alloc(context, 16, TN_ACCEL_DEVICE, &b, NULL, &e) == TN_ACCEL_OK);
    tn_accel_tensor t = {b, 0, TN_F32, 1, 0, 0, &shape, &stride, {0, 0}};
    tn_accel_call call = {(uint32_t)offsetof(tn_accel_call, flags), 0, 100 /* neg */, 1, 1, 0, &t, &t, NULL, 0xFFFFFFFFu, 0xFFFFFFFFu};
    CHECK(api->write(queue, b, 0, v, 16, &e) == TN_ACCEL_OK && api->run(queue, &call, NULL, 0, &e) == TN_ACCEL_OK && api->read(queue, v, b, 0, 16, &e) == TN_ACCEL_OK);
    CHECK(faults()->flags == 0 && v[0] == -1 && v[3] == -4);
    api->free(context, b);
    api->queue_free(queue);
    api->close(context);
}
/* -- graphs: buffers of four numbers -- */
enum { GRAPH_BUFFERS = 3, GRAPH_BYTES = 16 };
typedef struct {
    const tn_accel_api *api;
    const tn_accel_capture *capture;
    tn_accel_context *context;
    tn_accel_queue *queue;
    tn_accel_buffer *b[GRAPH_BUFFERS];
    tn_accel_error e;
    int64_t in_use, queues, graphs; /* before */
} recorder;
static recorder recorder_open(int64_t delay) {
    recorder r;
    memset(&r, 0, sizeof r);
    r.in_use = faults()->in_use, r.queues = faults()->queues, r.graphs = faults()->graphs;
    r.api = null_table();
    r.capture = r.api ? (const tn_accel_capture *)r.api->extension("capture/1") : NULL;
    faults()->other_delay = delay;
    CHECK(r.capture && r.capture->size == sizeof *r.capture && r.api->open(0, &r.context, &r.e) == TN_ACCEL_OK && r.api->queue(r.context, &r.queue, &r.e) == TN_ACCEL_OK);
    for (int i = 0; i < GRAPH_BUFFERS; i++) CHECK(r.api->alloc(r.context, GRAPH_BYTES, TN_ACCEL_DEVICE, &r.b[i], NULL, &r.e) == TN_ACCEL_OK);
    return r;
}
static void recorder_close(recorder *r) {
    for (int i = 0; i < GRAPH_BUFFERS; i++) r->api->free(r->context, r->b[i]);
    r->api->queue_free(r->queue);
    r->api->close(r->context);
    faults()->other_delay = 0;
    CHECK(faults()->in_use == r->in_use && faults()->queues == r->queues && faults()->graphs == r->graphs);
}
static tn_accel_status put_number(recorder *r, int i, float v) {
    const float all[4] = {v, v, v, v};
    return r->api->write(r->queue, r->b[i], 0, all, sizeof all, &r->e);
}
static float number_of(recorder *r, int i) {
    float all[4] = {0, 0, 0, 0};
    CHECK(r->api->read(r->queue, all, r->b[i], 0, sizeof all, &r->e) == TN_ACCEL_OK && all[0] == all[3]);
    return all[0];
}
static tn_accel_status negate(recorder *r, int from, int to) {
    int64_t shape = 4, stride = 1; /* kept by the plugin as long as it needs them */
    tn_accel_tensor t[2] = {{r->b[from], 0, TN_F32, 1, 0, 0, &shape, &stride, {0, 0}}, {r->b[to], 0, TN_F32, 1, 0, 0, &shape, &stride, {0, 0}}};
    const tn_accel_call call = {(uint32_t)sizeof call, TN_ACCEL_MINOR, tn_op_id(tn_op_row("neg")), 1, 1, 0, t, t + 1, NULL, 0, 0};
    const tn_accel_status s = r->api->run(r->queue, &call, NULL, 0, &r->e);
    memset(t, 0xA5, sizeof t);
    shape = stride = -1;
    return s;
}
/* Buffer 1 becomes -buffer 0, and buffer 2 buffer 0 again. */
static tn_accel_graph *two_negations(recorder *r) {
    tn_accel_graph *g = NULL;
    CHECK(r->capture->begin(r->queue, &r->e) == TN_ACCEL_OK && negate(r, 0, 1) == TN_ACCEL_OK && negate(r, 1, 2) == TN_ACCEL_OK);
    CHECK(r->capture->end(r->queue, &g, &r->e) == TN_ACCEL_OK && g);
    return g;
}
TEST(graphs_run_at_each_launch) {
    for (int64_t delay = 0; delay <= 1000; delay += 1000) {
        recorder r = recorder_open(delay);
        tn_accel_graph *g = NULL;
        CHECK(put_number(&r, 0, 5) == TN_ACCEL_OK && put_number(&r, 1, 6) == TN_ACCEL_OK);
        CHECK(r.capture->begin(r.queue, &r.e) == TN_ACCEL_OK && r.api->copy(r.queue, r.b[2], 0, r.b[0], 0, GRAPH_BYTES, &r.e) == TN_ACCEL_OK);
        CHECK(negate(&r, 2, 1) == TN_ACCEL_OK && r.api->fill(r.queue, r.b[0], 0, GRAPH_BYTES, 0, &r.e) == TN_ACCEL_OK);
        CHECK(r.capture->end(r.queue, &g, &r.e) == TN_ACCEL_OK && g && number_of(&r, 0) == 5 && number_of(&r, 1) == 6); /* nothing has run */
        for (int i = 1; i <= 3; i++) {
            CHECK(put_number(&r, 0, (float)i) == TN_ACCEL_OK && r.capture->launch(r.queue, g, &r.e) == TN_ACCEL_OK);
            if (i == 3) r.capture->graph_free(g); /* what was launched runs */
            CHECK(number_of(&r, 1) == (float)-i && number_of(&r, 0) == 0);
        }
        recorder_close(&r);
    }
}
TEST(a_recording_refuses_what_no_graph_holds) {
    for (int which = 0; which < 4; which++) {
        recorder r = recorder_open(1000);
        tn_accel_graph *g = two_negations(&r), *none = NULL;
        tn_accel_event *event = NULL;
        CHECK(r.capture->end(r.queue, &none, &r.e) == TN_ACCEL_INVALID && strstr(r.e.message, "no graph is recorded"));
        CHECK(put_number(&r, 0, 1) == TN_ACCEL_OK && put_number(&r, 1, 2) == TN_ACCEL_OK && r.capture->begin(r.queue, &r.e) == TN_ACCEL_OK && negate(&r, 0, 1) == TN_ACCEL_OK);
        if (which == 0) CHECK(put_number(&r, 0, 7) == TN_ACCEL_INVALID && strstr(r.e.message, "a write"));
        if (which == 1) CHECK(r.api->sync(r.queue, &r.e) == TN_ACCEL_INVALID && strstr(r.e.message, "waited"));
        if (which == 2) CHECK(r.api->record(r.queue, &event, &r.e) == TN_ACCEL_INVALID && strstr(r.e.message, "an event"));
        if (which == 3) CHECK(r.capture->launch(r.queue, g, &r.e) == TN_ACCEL_INVALID && strstr(r.e.message, "the launch"));
        CHECK(r.e.code == TN_ERR_STATE && r.capture->begin(r.queue, &r.e) == TN_ACCEL_INVALID && strstr(r.e.message, "already"));
        CHECK(negate(&r, 0, 1) == TN_ACCEL_OK && r.capture->end(r.queue, &none, &r.e) == TN_ACCEL_INVALID && !none && !strstr(r.e.message, "already")); /* the first error */
        CHECK(number_of(&r, 0) == 1 && number_of(&r, 1) == 2);
        CHECK(r.capture->launch(r.queue, g, &r.e) == TN_ACCEL_OK && number_of(&r, 1) == -1); /* the queue is usable */
        r.capture->graph_free(g);
        recorder_close(&r);
    }
}
TEST(a_launch_failing_inside_a_graph) {
    for (int64_t delay = 0; delay <= 1000; delay += 1000) {
        recorder r = recorder_open(delay);
        tn_accel_graph *g = two_negations(&r);
        for (int n = 1; n <= 3; n++) {
            CHECK(put_number(&r, 0, (float)n) == TN_ACCEL_OK && put_number(&r, 1, 8) == TN_ACCEL_OK && put_number(&r, 2, 9) == TN_ACCEL_OK);
            faults()->fail_launch = n;
            const tn_accel_status launched = r.capture->launch(r.queue, g, &r.e), synced = r.api->sync(r.queue, &r.e);
            faults()->fail_launch = 0;
            CHECK((delay ? synced : launched) == (n <= 2 ? TN_ACCEL_FAILED : TN_ACCEL_OK) && (delay ? launched : synced) == TN_ACCEL_OK);
            CHECK(number_of(&r, 1) == (float)(n > 1 ? -n : 8) && number_of(&r, 2) == (float)(n > 2 ? n : 9)); /* what is after it has not run */
            CHECK(r.capture->launch(r.queue, g, &r.e) == TN_ACCEL_OK && number_of(&r, 2) == (float)n);
        }
        r.capture->graph_free(g);
        recorder_close(&r);
    }
}
TEST(a_recording_that_is_cut_off) { /* by a device that is lost, and by the end of its queue */
    recorder r = recorder_open(0);
    tn_accel_queue *other = NULL;
    tn_accel_graph *g = two_negations(&r), *none = NULL;
    CHECK(r.api->queue(r.context, &other, &r.e) == TN_ACCEL_OK && r.capture->begin(other, &r.e) == TN_ACCEL_OK && r.api->fill(other, r.b[0], 0, GRAPH_BYTES, 0, &r.e) == TN_ACCEL_OK);
    faults()->lose = 1;
    CHECK(r.capture->launch(r.queue, g, &r.e) == TN_ACCEL_LOST && r.api->fill(other, r.b[0], 0, GRAPH_BYTES, 0, &r.e) == TN_ACCEL_LOST);
    faults()->revive = 1;
    CHECK(r.api->sync(r.queue, &r.e) == TN_ACCEL_OK && r.capture->end(other, &none, &r.e) == TN_ACCEL_LOST && strstr(r.e.message, "lost") && !none);
    CHECK(r.capture->begin(other, &r.e) == TN_ACCEL_OK && r.api->fill(other, r.b[0], 0, GRAPH_BYTES, 0, &r.e) == TN_ACCEL_OK);
    r.api->queue_free(other);
    r.capture->graph_free(g);
    recorder_close(&r);
}
TEST(operands_of_two_devices_are_refused) {
    const int64_t three = 3;
    tn_tensor *a = tn_ones(&three, 1, NULL), *b = on_null(a);
    CHECK_ERROR(tn_add(a, b), TN_ERR_DEVICE);
    CHECK(tn_add(a, b) == NULL && strstr(tn_error(), "null:0") && strstr(tn_error(), "cpu"));
    tn_error_clear();
    CHECK(tn_item(tn_sum(tn_add(b, tn_full(NULL, 0, 2, NULL)), NULL)) == 9); /* but a 0-d tensor is a number */
    CHECK(tn_copy_(a, tn_mul(b, 4.0)) && tn_item(tn_sum(a, NULL)) == 12);    /* and copies are how they meet */
    CHECK(tn_copy_(tn_select(on_null(tn_zeros(&three, 1, NULL)), 0, 1), tn_full(NULL, 0, 2, NULL)) != NULL);
}
TEST(what_an_op_makes_for_itself_is_where_its_operands_are) {
    const int64_t three = 3, xs[3] = {4, 2, 3}, ih[2] = {8, 3}, hh[2] = {8, 2};
    tn_tensor *k = on_null(tn_arange(0, 3, 1, NULL)), *x = on_null(tn_ones(xs, 3, NULL)), *w[2] = {on_null(tn_ones(ih, 2, NULL)), on_null(tn_ones(hh, 2, NULL))};
    CHECK(tn_get_device(tn_isnan(k)).kind == TN_ACCELERATOR && tn_get_device(tn_isfinite(k)).kind == TN_ACCELERATOR);
    CHECK(tn_item(tn_sum(tn_one_hot(k, 5), NULL)) == 3);
    CHECK(tn_item(tn_sum(tn_segment_reduce(on_null(tn_ones(&three, 1, NULL)), TN_REDUCE_SUM, &(tn_segment_reduce_opts){.lengths = on_null(tn_from((const int64_t[]){1, 2}, (const int64_t[]){2}, 1, &(tn_tensor_opts){.dtype = TN_I64}))}), NULL)) == 3);
    CHECK(tn_get_device(tn_lstm(x, NULL, NULL, w, 2, &(tn_rnn_opts){.no_bias = true}).output).kind == TN_ACCELERATOR);
}
static tn_tensor *normalized(tn_tensor *edge_index, tn_tensor *x) { /* a graph's weights, made of numbers of nodes, and the sums */
    const tn_gnn_edge_list e = tn_gnn_gcn_norm(edge_index, NULL, tn_size(x, 0), NULL);
    return e.edge_index ? tn_gnn_spmm(e.edge_index, e.edge_attr, x, -1, TN_REDUCE_SUM) : NULL;
}
/* Whatever the thread's default is: operands on the CPU under a device, and on a device under the CPU. x [4, 6], k i64 [4] below 4. */
#define CASES(X)                                                                                                        \
    X(one_hot, tn_one_hot(k, -1)) X(segment_reduce, tn_segment_reduce(x, TN_REDUCE_MEAN, &(tn_segment_reduce_opts){.lengths = k, .unsafe = true})) \
    X(repeat_interleave, tn_repeat_interleave_t(x, k, 0)) X(masked_select, tn_masked_select(x, tn_gt(x, 1.0))) X(masked_fill, tn_masked_fill(x, tn_gt(x, 1.0), 3)) \
    X(nonzero, tn_nonzero(x)) X(bincount, tn_bincount(k, NULL, 0)) X(unique, tn_unique(x, NULL).output)                 \
    X(index, tn_index(x, &k, 1)) X(index_mask, tn_index(x, (tn_tensor *[]){tn_gt(x, 1.0)}, 1)) X(index_put, tn_index_put(x, &k, 1, tn_mul(x, 2.0), true)) \
    X(index_select, tn_index_select(x, 0, k)) X(gather, tn_gather(x, 0, tn_unsqueeze(k, 1))) X(scatter_add, tn_scatter_add(x, 0, tn_unsqueeze(k, 1), x)) \
    X(embedding, tn_embedding(k, x, NULL)) X(sort, tn_sort(x, 1, false, true).values) X(topk, tn_topk(x, 2, NULL).values) \
    X(multinomial, tn_multinomial(tn_abs(tn_detach(x)), 3, true, NULL)) X(bernoulli, tn_bernoulli(tn_sigmoid(tn_detach(x)), NULL)) \
    X(dropout, tn_dropout(x, 0.5, true)) X(dropout2d, tn_dropout2d(tn_reshape(x, (int64_t[]){1, 4, 3, 2}, 4), 0.5, true)) \
    X(isnan, tn_isnan(k)) X(triu, tn_triu(x, 1)) X(clamp, tn_clamp(x, 0, 1)) X(var, tn_var(x, NULL)) X(prod, tn_prod(x, NULL)) \
    X(attention, tn_scaled_dot_product_attention(x, x, x, &(tn_sdpa_opts){.is_causal = true, .dropout_p = 0.1}))        \
    X(lstm, tn_lstm(tn_reshape(x, (int64_t[]){2, 4, 3}, 3), NULL, NULL, w, 2, &(tn_rnn_opts){.no_bias = true}).output)  \
    X(cross_entropy, tn_cross_entropy(x, k, NULL)) X(nll, tn_nll_loss(x, k, NULL)) X(batch_norm, tn_batch_norm(x, &(tn_batch_norm_opts){.training = true})) \
    X(group_norm, tn_group_norm(x, 2, NULL, NULL, 0)) X(normalize, tn_normalize(x, 2, 1, 0)) X(softmax, tn_softmax(x, 1, TN_DTYPE_DEFAULT)) \
    X(pad, tn_pad(x, (int64_t[]){1, 1}, 2, NULL)) X(roll, tn_roll(x, (int64_t[]){1}, (int[]){0}, 1)) X(max_pool, tn_max_pool2d(tn_reshape(x, (int64_t[]){1, 1, 4, 6}, 4), 2, NULL)) \
    X(sparse_mm, tn_sparse_mm(tn_to(tn_arange(0, 5, 1, &(tn_tensor_opts){.dtype = TN_I64}), tn_get_device(k)), k, tn_select(x, 1, 0), x)) \
    X(propagate, tn_gnn_spmm(tn_stack((tn_tensor *[]){k, k}, 2, 0), tn_select(x, 1, 0), x, 5, TN_REDUCE_SUM)) X(propagate_mean, tn_gnn_scatter(x, k, -1, TN_REDUCE_MEAN)) \
    X(propagate_nodes, normalized(tn_stack((tn_tensor *[]){k, k}, 2, 0), x)) X(propagate_prod, tn_gnn_scatter(x, k, -1, TN_REDUCE_PROD)) \
    X(propagate_max, tn_gnn_global_max_pool(x, k, -1)) X(edge_softmax, tn_gnn_softmax(x, k, -1))                        \
    X(edge_dot, tn_gnn_edge_dot(&(tn_gnn_edges){.edge_index = tn_stack((tn_tensor *[]){k, k}, 2, 0), .x = x}, x, tn_square(x)))
#define CASE(name, ex) CASE_##name,
enum { CASES(CASE) CASE_COUNT };
static tn_tensor *run_case(int i, tn_tensor *x, tn_tensor *k, tn_tensor **w) {
    switch (i) {
#define CASE_RUN(name, ex) case CASE_##name: return ex;
        CASES(CASE_RUN)
    default: return NULL;
    }
}
static const char *const case_names[] = {
#define CASE_NAME(name, ex) #name,
    CASES(CASE_NAME)
};
static void check_case(int i, tn_device home, tn_device there) {
    TN_SCOPE;
    tn_tensor *x = tn_to(tn_reshape(tn_arange(0.5, 24, 1, NULL), (int64_t[]){4, 6}, 2), there), *k = tn_to(tn_from((const int64_t[]){0, 1, 1, 2}, (const int64_t[]){4}, 1, &(tn_tensor_opts){.dtype = TN_I64}), there);
    tn_tensor *w[2] = {tn_to(tn_ones((int64_t[]){8, 3}, 2, NULL), there), tn_to(tn_ones((int64_t[]){8, 2}, 2, NULL), there)};
    (void)tn_requires_grad_(x, true);
    tn_error_clear();
    CHECK(tn_set_default_device(home) == TN_OK);
    tn_tensor *y = run_case(i, x, k, w);
    const bool ok = y && tn_get_device(y).kind == there.kind && (!tn_requires_grad(y) || (tn_backward(tn_sum(y, NULL)) == TN_OK && tn_get_device(tn_grad(x)).kind == there.kind));
    if (!ok) TN_TEST_FAIL("%s on %s, the default being %s: %s", case_names[i], tn_device_name(there), tn_device_name(home), y && tn_error_code() == TN_OK ? "on another device" : tn_error());
    tn_error_clear();
    CHECK(tn_set_default_device(cpu()) == TN_OK);
}
TEST(the_default_device_is_not_the_operands) {
    const tn_device d[2] = {cpu(), null_device()};
    for (int i = 0; i < CASE_COUNT; i++)
        for (int k = 0; k < 4; k++) check_case(i, d[k / 2], d[k % 2]);
}
/* What a row writes beside its results: the versions go up as they do on the CPU, and a gradient that kept the old values fails. */
static void check_writes(tn_device d) {
    TN_SCOPE;
    tn_tensor *x = tn_to(tn_randn((int64_t[]){8, 3}, 2, NULL), d), *mean = tn_to(tn_zeros((int64_t[]){3}, 1, NULL), d), *var = tn_to(tn_ones((int64_t[]){3}, 1, NULL), d);
    tn_tensor *w = tn_requires_grad_(tn_to(tn_ones((int64_t[]){3}, 1, NULL), d), true), *kept = tn_sum(tn_mul(w, mean), NULL);
    const int64_t before = tn_version_of(mean);
    CHECK(tn_batch_norm(x, &(tn_batch_norm_opts){.running_mean = mean, .running_var = var}) && tn_version_of(mean) == before);
    CHECK(tn_batch_norm(x, &(tn_batch_norm_opts){.running_mean = mean, .running_var = var, .training = true}));
    CHECK(tn_version_of(mean) == before + 1 && tn_version_of(var) == before + 1);
    CHECK(tn_item(tn_sum(tn_abs(mean), NULL)) > 0);
    CHECK_ERROR(tn_backward(kept), TN_ERR_STATE);
}
TEST(operands_that_are_written_are_noticed) {
    check_writes(cpu());
    check_writes(null_device());
}
TEST(a_step_of_an_optimizer_counts_once) {
    int64_t versions[2];
    for (int k = 0; k < 2; k++) {
        TN_SCOPE;
        tn_module *net = tn_nn_linear(3, 2, NULL);
        if (k) CHECK(tn_module_to(net, null_device()) == TN_OK);
        tn_optimizer *opt = tn_optim_adamw(net, NULL);
        tn_tensor *x = tn_to(tn_ones((int64_t[]){4, 3}, 2, NULL), k ? null_device() : cpu()), *bias = tn_parameters(net).at[1];
        versions[k] = tn_version_of(bias);
        CHECK(tn_backward(tn_sum(tn_forward(net, x), NULL)) == TN_OK && tn_optim_step(opt) == TN_OK);
        versions[k] = tn_version_of(bias) - versions[k];
    }
    CHECK(versions[0] == 1 && versions[1] == 1);
}
TEST(the_default_device) {
    const int64_t three = 3;
    const tn_device was = tn_get_default_device();
    CHECK(tn_set_default_device(null_device()) == TN_OK);
    tn_tensor *t = tn_arange(0, 4, 1, NULL), *n = tn_from((const float[]){1, 2, 3}, &three, 1, NULL);
    CHECK(tn_get_device(t).kind == TN_ACCELERATOR && tn_item_i64(tn_sum(t, NULL)) == 6 && tn_item(tn_sum(n, NULL)) == 6);
    CHECK(tn_get_device(tn_to(n, cpu())).kind == TN_CPU && tn_get_device(tn_add(tn_to(n, cpu()), 1.0)).kind == TN_CPU);
    CHECK(tn_set_default_device(was) == TN_OK);
}

/* -- training -- */
typedef struct { tn_module *net; tn_optimizer *opt; tn_tensor *x, *y; } program;
static program perceptron(tn_device d, int64_t batch) {
    const int64_t xs[2] = {batch, 6};
    tn_manual_seed(3);
    program p = {.net = tn_nn_sequential(tn_nn_linear(6, 16, NULL), tn_nn_tanh(), tn_nn_layer_norm((const int64_t[]){16}, 1, NULL), tn_nn_linear(16, 3, NULL), TN_END)};
    tn_tensor *x = tn_randn(xs, 2, NULL), *y = tn_randint(0, 3, xs, 1, NULL);
    if (!p.net || tn_module_to(p.net, d) != TN_OK) return p;
    p.opt = tn_optim_adamw(p.net, &(tn_adamw_opts){.lr = 1e-2});
    p.x = tn_to(x, d);
    p.y = tn_to(y, d);
    return p;
}
static program convolutions(tn_device d, int64_t batch) {
    const int64_t xs[4] = {batch, 1, 8, 8};
    tn_manual_seed(4);
    program p = {.net = tn_nn_sequential(tn_nn_conv2d(1, 4, 3, &(tn_conv_opts){.padding = 1}), tn_nn_batch_norm2d(4, NULL), tn_nn_relu(), tn_nn_max_pool2d(2, NULL), tn_nn_flatten(), tn_nn_linear(64, 3, NULL), TN_END)};
    tn_tensor *x = tn_randn(xs, 4, NULL), *y = tn_randint(0, 3, xs, 1, NULL);
    if (!p.net || tn_module_to(p.net, d) != TN_OK) return p;
    p.opt = tn_optim_sgd(p.net, &(tn_sgd_opts){.lr = 5e-2, .momentum = 0.9});
    p.x = tn_to(x, d);
    p.y = tn_to(y, d);
    return p;
}
static double step(const program *p) { /* NaN where something failed */
    TN_SCOPE;
    if (!p->opt || !p->x || !p->y) return (double)NAN;
    tn_tensor *loss = tn_cross_entropy(tn_forward(p->net, p->x), p->y, NULL);
    if (!loss || tn_backward(loss) != TN_OK || tn_optim_step(p->opt) != TN_OK) loss = NULL;
    tn_optim_zero_grad(p->opt);
    return loss ? tn_item(loss) : (double)NAN;
}
TEST(training_is_the_cpus) {
    program (*const make[2])(tn_device, int64_t) = {perceptron, convolutions};
    for (int k = 0; k < 2; k++)
        for (int delay = 0; delay < 2; delay++) {
            TN_SCOPE;
            faults()->delay = delay ? 1000 : 0;
            program a = make[k](cpu(), 8), b = make[k](null_device(), 8);
            for (int i = 0; i < 10; i++) CHECK_NEAR(step(&b), step(&a), 1e-6);
            tn_tensors pa = tn_parameters(a.net), pb = tn_parameters(b.net);
            for (int i = 0; i < pa.n && i < pb.n; i++) CHECK(tn_item(tn_sum(tn_abs(tn_sub(pa.at[i], tn_to(pb.at[i], cpu()))), NULL)) < 1e-4);
            tn_dict *sd = tn_state_dict(b.net);
            if (k == 1) CHECK(tn_item(tn_sum(tn_abs(tn_sub(tn_dict_get(tn_state_dict(a.net), "1.running_mean"), tn_to(tn_dict_get(sd, "1.running_mean"), cpu()))), NULL)) < 1e-6);
        }
    faults()->delay = 0;
}
TEST(a_layers_weights_keep_their_handles) {
    tn_module *m = tn_nn_linear(3, 2, NULL);
    tn_tensor *w = tn_module_get(m, "weight");
    const double first = tn_at(w, (int64_t[]){0, 0}, 2);
    CHECK(tn_module_to(m, null_device()) == TN_OK && tn_module_get(m, "weight") == w && tn_get_device(w).kind == TN_ACCELERATOR && tn_at(w, (int64_t[]){0, 0}, 2) == first);
    CHECK(tn_module_to(m, cpu()) == TN_OK && tn_get_device(w).kind == TN_CPU && tn_at(w, (int64_t[]){0, 0}, 2) == first);
}
static bool ignore_errors(void) {
    tn_set_log(NULL, NULL);
    tn_error_clear();
    return true;
}
/* Every allocation or call of a program fails in turn, once or from then on: a clean error, all memory back, and the next step
   goes on, with a smaller batch. */
static void fail_each(program (*make)(tn_device, int64_t), int64_t *count, bool sticky, int at_least) {
    const bool once_more = count == &faults()->fail_alloc && !sticky; /* the allocation's second try succeeds */
    int failed = 0;
    for (int64_t n = 1; n < 2000; n++) {
        const int64_t before = allocated();
        bool hit = false;
        {
            TN_SCOPE;
            faults()->sticky = sticky;
            *count = n;
            program p = make(null_device(), 8);
            double loss = step(&p);
            loss = isnan(loss) ? loss : step(&p);
            hit = *count == 0;
            *count = 0;
            faults()->sticky = 0;
            if (hit && !once_more) CHECK(isnan(loss) && tn_error_code() != TN_OK && tn_error()[0]);
            if (hit && once_more) CHECK(loss > 0);
            if (hit) failed++;
            CHECK(ignore_errors());
            program small = make(null_device(), 4);
            CHECK(step(&small) > 0);
        }
        CHECK(allocated() == before);
        if (!hit) break;
    }
    CHECK(failed >= at_least);
}
TEST(every_launch_failing) {
    for (int sticky = 0; sticky < 2; sticky++) {
        fail_each(perceptron, &faults()->fail_launch, sticky, 20);
        fail_each(convolutions, &faults()->fail_launch, sticky, 20);
    }
}
TEST(every_allocation_failing) {
    const bool was = tn_set_device_caching(false);
    for (int sticky = 0; sticky < 2; sticky++) {
        fail_each(perceptron, &faults()->fail_alloc, sticky, 60);
        fail_each(convolutions, &faults()->fail_alloc, sticky, 60);
    }
    (void)tn_set_device_caching(was);
}
TEST(out_of_device_memory) {
    const int64_t mib = 1 << 18, before = allocated();
    tn_null_faults *f = faults();
    CHECK(tn_empty_cache(null_device()) == TN_OK);
    f->memory = f->in_use + ((int64_t)48 << 20);
    tn_device_stats_t s0, s1;
    CHECK(tn_device_stats(null_device(), &s0) == TN_OK);
    {
        TN_SCOPE;
        const int64_t part = 3 * mib, large = 30 * mib, huge = 60 * mib;
        for (int i = 0; i < 3; i++) CHECK(tn_empty(&part, 1, &(tn_tensor_opts){.device = null_device()}) != NULL); /* 20 MiB segments */
        CHECK(tn_device_stats(null_device(), &s1) == TN_OK && s1.allocated == s0.allocated + 9 * (1 << 20) && s1.reserved == s0.reserved + 20 * (1 << 20));
        CHECK_ERROR(tn_empty(&large, 1, &(tn_tensor_opts){.device = null_device()}), TN_ERR_MEMORY);
        CHECK_ERROR(tn_empty(&huge, 1, &(tn_tensor_opts){.device = null_device()}), TN_ERR_MEMORY);
    }
    {
        TN_SCOPE;
        const int64_t large = 30 * mib;
        CHECK(tn_empty(&large, 1, &(tn_tensor_opts){.device = null_device()}) != NULL); /* the free segment went back for it */
        CHECK(tn_device_stats(null_device(), &s1) == TN_OK && s1.retries > s0.retries);
    }
    CHECK(allocated() == before && tn_empty_cache(null_device()) == TN_OK && tn_device_stats(null_device(), &s1) == TN_OK && s1.reserved == s0.reserved);
    f->memory = (int64_t)1 << 34;
}
TEST(errors_of_a_queue_that_waits) {
    tn_null_faults *f = faults();
    const int64_t three = 3;
    tn_tensor *x = on_null(tn_ones(&three, 1, NULL));
    f->delay = 100;
    f->fail_launch = 1;
    tn_tensor *y = tn_exp(x);
    CHECK(y != NULL);
    CHECK_ERROR(tn_synchronize(null_device()), TN_ERR_DEVICE);
    CHECK(tn_synchronize(null_device()) == TN_OK && tn_item(tn_sum(x, NULL)) == 3);
    const bool cached = tn_set_device_caching(false);
    {
        TN_SCOPE;
        f->fail_launch = 1;
        CHECK(tn_exp(x) != NULL);
    } /* its memory goes, the error stays */
    CHECK_ERROR(tn_synchronize(null_device()), TN_ERR_DEVICE);
    (void)tn_set_device_caching(cached);
    f->delay = 0;
}
TEST(fallbacks_are_counted) {
    const int64_t three = 3;
    tn_tensor *x = on_null(tn_ones(&three, 1, NULL));
    const tn_fallback was = tn_set_fallback(TN_FALLBACK_ALLOW);
    const int64_t before = tn_fallback_count(-1);
    CHECK(tn_normal_(x, 0, 1, NULL) && tn_fallback_count(-1) == before + 1); /* draws are the CPU's there */
    CHECK(tn_exp(x) && tn_fallback_count(-1) == before + 1);
    (void)tn_set_fallback(TN_FALLBACK_ERROR);
    CHECK_ERROR(tn_normal_(x, 0, 1, NULL), TN_ERR_UNSUPPORTED);
    (void)tn_set_fallback(was);
}
TEST(ops_are_marked_while_it_is_asked_for) {
    tn_null_faults *f = faults();
    tn_tensor *x = on_null(tn_ones(SHAPE(3), NULL)), *y = on_null(tn_ones(SHAPE(4), NULL));
    const int64_t before = f->marks;
    CHECK(tn_exp(x) && f->marks == before && !tn_set_profiling(true));
    CHECK(tn_exp(x) && f->marks == before + 1 && f->depth == 0);
    CHECK_ERROR(tn_add(x, y), TN_ERR_SHAPE);
    CHECK(f->marks == before + 2 && f->depth == 0);
    CHECK(tn_set_profiling(false) && tn_exp(x) && f->marks == before + 2);
}
/* -- copies beside the work -- */
enum { ROWS = 48, COLUMNS = 100, BATCH = 4 };
static tn_dataset *numbers(void) { /* row i is i + 1 */
    float *v = (float *)malloc(ROWS * COLUMNS * sizeof *v);
    for (int i = 0; v && i < ROWS * COLUMNS; i++) v[i] = (float)(i / COLUMNS + 1);
    tn_tensor *x = v ? tn_from(v, SHAPE(ROWS, COLUMNS), NULL) : NULL;
    free(v);
    return tn_data_tensors(x, tn_arange(0, ROWS, 1, NULL));
}
static tn_loader *ahead_loader(void) {
    return tn_data_loader(numbers(), &(tn_loader_opts){.batch_size = BATCH, .workers = 2, .prefetch = 4, .device = null_device()});
}
static void a_moment(void) { /* for the workers */
    const struct timespec t = {0, 10000000};
    (void)nanosleep(&t, NULL);
}
/* How many batches of an epoch are wrong, where what is asked of the device runs late, and its results are looked at in the end. */
static int wrong_batches(void) {
    TN_SCOPE;
    tn_loader *l = ahead_loader();
    tn_tensor *sum[ROWS / BATCH], *labels[ROWS / BATCH];
    tn_batch b;
    int n = 0, wrong = 0;
    for (; tn_loader_next(l, &b) && n < ROWS / BATCH; n++) {
        TN_SCOPE;
        CHECK(tn_get_device(b.x).kind == TN_ACCELERATOR && tn_get_device(b.y).kind == TN_ACCELERATOR && b.size == BATCH);
        sum[n] = (tn_tensor *)tn_keep(tn_sum(b.x, NULL));
        labels[n] = (tn_tensor *)tn_keep(tn_sum(b.y, NULL));
        a_moment();
    }
    CHECK(n == ROWS / BATCH && tn_loader_status(l) == TN_OK);
    for (int i = 0; i < n; i++) {
        const double first = i * BATCH, rows = BATCH * first + BATCH * (BATCH - 1) / 2;
        wrong += tn_item(sum[i]) != COLUMNS * (rows + BATCH) || tn_item(labels[i]) != rows;
    }
    return wrong;
}
static int wrong_where(int64_t delay, int64_t other_delay, uint32_t ignore) {
    tn_null_faults *f = faults();
    f->delay = delay;
    f->other_delay = other_delay;
    f->ignore = ignore;
    const int wrong = wrong_batches();
    f->delay = f->other_delay = 0;
    f->ignore = 0;
    return wrong;
}
TEST(batches_are_copied_beside_the_work) {
    tn_null_faults *f = faults();
    const int64_t pinned = f->pinned, queues = f->queues, before = allocated();
    for (int i = 0; i < 4; i++) CHECK(wrong_where(i & 1 ? 1000 : 0, i & 2 ? 1000 : 0, 0) == 0);
    CHECK(f->pinned > pinned && f->queues == queues && allocated() == before);
    /* a wait that is missing shows: the device reads before the copy, the copy writes what the device still reads, the stage is filled again */
    CHECK(wrong_where(0, 1000, TN_NULL_IGNORE_FIRST_WAITS) > 0);
    CHECK(wrong_where(1000, 0, TN_NULL_IGNORE_OTHER_WAITS) > 0);
    CHECK(wrong_where(1000, 1000, TN_NULL_IGNORE_OTHER_SYNCS) > 0);
}
TEST(without_pinned_memory_or_a_queue_batches_are_moved) {
    tn_null_faults *f = faults();
    f->no_pinned = 1;
    CHECK(wrong_where(1000, 1000, 0) == 0);
    f->no_pinned = 0;
    f->one_queue = 1;
    CHECK(wrong_where(1000, 1000, 0) == 0 && tn_error_code() == TN_OK);
    f->one_queue = 0;
}
TEST(an_epoch_may_end_while_batches_are_copied) {
    const int64_t before = allocated(), queues = faults()->queues;
    faults()->other_delay = 1000;
    for (int i = 0; i < 6; i++) {
        TN_SCOPE;
        tn_loader *l = ahead_loader();
        tn_batch b;
        for (int k = 0; k <= i / 2; k++, a_moment()) CHECK(tn_loader_next(l, &b));
        if (i % 2) continue;
        CHECK(tn_loader_load_state_dict(l, tn_loader_state_dict(l)) == TN_OK); /* what was ahead is let go of */
        tn_tensor *x = tn_full(SHAPE(BATCH, COLUMNS), 7, &(tn_tensor_opts){.device = null_device()}); /* memory that a copy had */
        CHECK(tn_loader_next(l, &b) && tn_item(tn_select(tn_select(b.x, 0, 0), 0, 0)) == (i / 2 + 1) * BATCH + 1);
        CHECK(tn_item(tn_sum(tn_ne(x, 7.0), NULL)) == 0);
    }
    faults()->other_delay = 0;
    CHECK(allocated() == before && faults()->queues == queues);
}
TEST(a_loaders_state_may_be_on_a_device) {
    TN_SCOPE;
    static const char *const names[] = {"at", "seed", "order"};
    tn_loader *l = tn_data_loader(numbers(), &(tn_loader_opts){.batch_size = BATCH, .shuffle = true});
    CHECK(tn_loader_next(l, &(tn_batch){0}));
    tn_dict *d = tn_loader_state_dict(l);
    for (int i = 0; i < 3; i++) CHECK(tn_dict_get(d, names[i]) && tn_dict_set(d, names[i], on_null(tn_dict_get(d, names[i]))) == TN_OK);
    CHECK(tn_loader_load_state_dict(l, d) == TN_OK);
    int n = 1;
    for (tn_batch b; tn_loader_next(l, &b); n++) CHECK(b.size == BATCH);
    CHECK(n == ROWS / BATCH);
}
TEST(every_allocation_of_a_loader_failing) {
    const bool was = tn_set_device_caching(false);
    for (int sticky = 0; sticky < 2; sticky++) {
        bool hit = true;
        for (int64_t n = 1; hit && n < 200; n++) {
            TN_SCOPE;
            const int64_t before = allocated();
            {
                TN_SCOPE;
                tn_loader *l = ahead_loader();
                tn_batch b;
                double sum = 0;
                faults()->sticky = sticky;
                faults()->fail_alloc = n;
                for (; tn_loader_next(l, &b); a_moment())
                    for (int64_t i = 0; i < BATCH; i++) sum += tn_at(b.y, &i, 1);
                hit = faults()->fail_alloc == 0;
                faults()->fail_alloc = faults()->sticky = 0;
                CHECK(tn_loader_status(l) == TN_OK ? sum == ROWS * (ROWS - 1) / 2 : hit && tn_error()[0]);
            }
            CHECK(ignore_errors() && allocated() == before);
            CHECK(tn_zeros(SHAPE(3), &(tn_tensor_opts){.device = null_device()}) != NULL); /* there is memory again */
        }
        CHECK(!hit);
    }
    (void)tn_set_device_caching(was);
}
TEST(a_forked_child_is_told) {
    const int64_t three = 3;
    tn_tensor *x = on_null(tn_ones(&three, 1, NULL));
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        tn_set_log(NULL, NULL);
        _exit(tn_exp(x) == NULL && strstr(tn_error(), "forked") ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(tn_item(tn_sum(tn_exp(x), NULL)) > 8); /* the parent's lives on */
}
TEST(zz_a_lost_device_is_noticed_and_the_run_goes_on_elsewhere) { /* last: the device does not come back */
    const char *const path = "build/test_accel.safetensors";
    program p = perceptron(null_device(), 8), c = perceptron(cpu(), 8);
    for (int i = 0; i < 3; i++) CHECK_NEAR(step(&p), step(&c), 1e-6);
    CHECK(tn_checkpoint_save(path, &(tn_checkpoint_state){.model = p.net, .optimizer = p.opt, .step = 3}) == TN_OK);
    tn_loader *l = ahead_loader();
    tn_batch b;
    CHECK(tn_loader_next(l, &b));
    a_moment();
    CHECK(tn_loader_next(l, &b)); /* another is on its way */
    faults()->lose = 5;
    tn_set_log(NULL, NULL);
    CHECK(isnan(step(&p)) && tn_error_code() == TN_ERR_DEVICE && strstr(tn_error(), "lost"));
    tn_error_clear();
    CHECK(isnan(step(&p)) && strstr(tn_error(), "lost"));
    tn_error_clear();
    CHECK(tn_zeros(NULL, 0, &(tn_tensor_opts){.device = tn_get_device(p.x)}) == NULL);
    tn_error_clear();
    CHECK(!tn_loader_next(l, &b) && tn_loader_status(l) == TN_ERR_DEVICE && strstr(tn_error(), "lost"));
    tn_error_clear();
    program again = perceptron(cpu(), 8);
    tn_checkpoint_state s = {.model = again.net, .optimizer = again.opt};
    CHECK(tn_checkpoint_load(path, &s) == TN_OK && s.step == 3);
    for (int i = 0; i < 3; i++) CHECK_NEAR(step(&again), step(&c), 1e-5);
    remove(path);
}

int main(int argc, char **argv) {
    static char folder[512];
    (void)snprintf(folder, sizeof folder, "%s", argv[0]);
    if (strrchr(folder, '/')) *strrchr(folder, '/') = 0, build_folder = folder;
    if (getenv("TN_TEST_DEVICE")) return printf("SKIP: it has devices of its own\n0 passed, 0 failed\n"), 0;
    return tn_test_main(argc, argv);
}
