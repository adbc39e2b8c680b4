/* Every parser of files, fed by libFuzzer through tn_set_file_io: the first byte says which, the rest is the file.
   clang -g -O1 -fsanitize=fuzzer,address,undefined -DTENSOR_IMPLEMENTATION -I. tests/fuzz/fuzz_files.c -o build/fuzz_files -lm
   python3 tests/fuzz/make_seeds.py build/seeds && build/fuzz_files -max_total_time=60 build/seeds */
#include "tensor.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t *file;
static size_t file_size;
static void *file_open(void *user, const char *path, bool write, int64_t *size) {
    (void)user, (void)path;
    if (write) return NULL;
    *size = (int64_t)file_size;
    return &file;
}
static int64_t file_read(void *user, void *handle, void *buffer, int64_t bytes, int64_t offset) {
    (void)user, (void)handle;
    if (offset < 0 || bytes < 0 || (uint64_t)offset > file_size) return -1;
    const size_t left = file_size - (size_t)offset, n = left < (size_t)bytes ? left : (size_t)bytes;
    if (n) memcpy(buffer, file + offset, n);
    return (int64_t)n;
}
static int64_t file_write(void *user, void *handle, const void *buffer, int64_t bytes) { return (void)user, (void)handle, (void)buffer, (void)bytes, -1; }
static tn_status file_commit(void *user, void *handle) { return (void)user, (void)handle, TN_ERR_IO; }
static void file_close(void *user, void *handle) { (void)user, (void)handle; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const tn_file_io io = {NULL, file_open, file_read, file_write, file_commit, file_close};
    if (size < 1) return 0;
    TN_SCOPE;
    tn_set_log(NULL, NULL);
    tn_set_file_io(&io);
    tn_error_clear();
    file = data + 1, file_size = size - 1;
    bool made = false;
    switch (data[0] % 6) {
    case 0: made = tn_load_safetensors("f") != NULL; break;
    case 1: made = tn_load_npy("f") != NULL; break;
    case 2: made = tn_inflate(file, file_size, 1 << 20) != NULL; break;
    case 3: made = tn_data_idx("f", TN_TRAIN) != NULL; break;
    case 4: made = tn_data_csv("f", NULL) != NULL; break;
    default: {
        tn_module *net = tn_nn_linear(2, 2, NULL);
        tn_checkpoint_state s;
        memset(&s, 0, sizeof s);
        s.model = net;
        s.optimizer = tn_optim_adamw(net, NULL);
        made = tn_checkpoint_load("f", &s) == TN_OK;
    }
    }
    if (!made && tn_error_code() == TN_OK) abort(); /* a failure says why */
    tn_set_file_io(NULL);
    return 0;
}
