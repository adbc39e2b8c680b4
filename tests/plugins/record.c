/* tensor_accel_record: the null device, which also writes down every kernel that the CUDA plugin would ask for. Each text goes into the
   folder TN_RECORD once, named by its key in the pack; tools/pack_kernels.py makes PTX of them, which make plugins PTX=1 embeds. */
#define tensor_accel_plugin_v1 null_plugin_v1 /* null.c's own record stays, under another name */
#include "../../plugins/null/null.c"
#undef tensor_accel_plugin_v1
#include "../../accel/ops.h"

static kit recorder;
static tn_accel_status keep_text(kit *k, const char *text, void **program, tn_accel_error *e) {
    const char *folder = getenv("TN_RECORD");
    const size_t n = strlen(text);
    char path[512];
    (void)k, (void)e;
    *program = NULL;
    (void)snprintf(path, sizeof path, "%s/%016llx_%zu.cu", folder ? folder : ".", (unsigned long long)kit_hash(text, n), n);
    const int fd = folder && *folder ? open(path, O_WRONLY | O_CREAT | O_EXCL, 0644) : -1; /* one that is there is the same */
    if (fd < 0) return TN_ACCEL_OK;
    const bool whole = write(fd, text, n) == (ssize_t)n;
    if (close(fd) != 0 || !whole) (void)fprintf(stderr, "%s: not written\n", path);
    return TN_ACCEL_OK;
}
static tn_accel_status launch_nothing(kit *k, void *program, const uint32_t groups[3], uint32_t group, const kit_binding *b, int n, const uint32_t *words, int n_words, tn_accel_error *e) {
    (void)k, (void)program, (void)groups, (void)group, (void)b, (void)n, (void)words, (void)n_words, (void)e;
    return TN_ACCEL_OK;
}
/* Without a library's products of matrices: a machine that has one asks for fewer texts. */
static const kit_backend record_backend = {KIT_CUDA, true, keep_text, launch_nothing, NULL};

/* In rate, which comes before each run and before the fallback of draws. A product's tiles go by the device's units, of which
   there may be any number: few, an H100's, and more than there will be. */
static int32_t record_rate(tn_accel_context *context, const tn_accel_call *call, uint64_t *scratch) {
    static const uint32_t units[] = {1, 16, 132, 100000};
    tn_accel_buffer *const any = (tn_accel_buffer *)(uintptr_t)16; /* nobody looks into it */
    tn_accel_error e;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        recorder.units = units[i];
        if (kit_rate(&recorder, call, scratch) > 0) (void)kit_run(&recorder, NULL, call, any, 0, &e);
    }
    *scratch = 0;
    return null_rate(context, call, scratch);
}
static tn_accel_status record_init(const tn_accel_host *host, const tn_accel_api **out, tn_accel_error *e) {
    static tn_accel_api with_record;
    const tn_accel_status s = null_init(host, out, e);
    with_record = api;
    with_record.rate = record_rate;
    recorder.backend = &record_backend;
    recorder.f64 = recorder.fixed = true;
    recorder.group = 256;
    recorder.flag = (tn_accel_buffer *)(uintptr_t)16;
    kit_fill_table();
    *out = &with_record;
    return s;
}
__attribute__((visibility("default"))) extern const tn_accel_plugin tensor_accel_plugin_v1;
const tn_accel_plugin tensor_accel_plugin_v1 = {TN_ACCEL_MAGIC, TN_ACCEL_MAJOR, TN_ACCEL_MINOR, (uint32_t)sizeof(tn_accel_plugin), "record", "1.0", null_probe, record_init, null_shutdown};
