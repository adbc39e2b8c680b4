/* llm.c's side of bench/compare.py: its CPU training step of GPT-2 at the size that it uses itself, batch 4 of 64 tokens. Built with the
   flags of its Makefile and -I to a checkout of it (github.com/karpathy/llm.c). bench_llmc */
#include <stdbool.h>
#define TESTING
#include "train_gpt2.c"
#include "measure.h"

typedef struct { GPT2 model; int x[256], y[256], steps; } training;
static void step(void *arg) {
    training *t = arg;
    gpt2_forward(&t->model, t->x, t->y, 4, 64);
    gpt2_zero_grad(&t->model);
    gpt2_backward(&t->model);
    gpt2_update(&t->model, 1e-4f, 0.9f, 0.999f, 1e-8f, 0, ++t->steps);
}
static void nothing(void) {}
static bool begin(training *t) { /* as gpt2_build_from_checkpoint, with weights of our own */
    GPT2 *m = &t->model;
    m->config = (GPT2Config){.max_seq_len = 1024, .vocab_size = 50257, .padded_vocab_size = 50304, .num_layers = 12, .num_heads = 12, .channels = 768};
    fill_in_parameter_sizes(m->param_sizes, m->config);
    for (int i = 0; i < NUM_PARAMETER_TENSORS; i++) m->num_parameters += m->param_sizes[i];
    if (!(m->params_memory = malloc_and_point_parameters(&m->params, m->param_sizes))) return false;
    for (size_t i = 0; i < m->num_parameters; i++) m->params_memory[i] = ((float)((i * 7919) % 1000) / 1000 - 0.5f) * 0.02f;
    for (int i = 0; i < 256; i++) t->x[i] = (i * 7919) % 50257, t->y[i] = (i * 104729) % 50257;
    return true;
}
int main(void) {
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        training *t = strcmp(line, "gpt2\n") == 0 ? calloc(1, sizeof *t) : NULL;
        if (t && begin(t)) {
            emit("gpt2_124m/train_f32_b4_t64", 256 / measured(step, t, 3, nothing), "tokens/s");
            gpt2_free(&t->model);
        }
        free(t);
        printf("\n"), fflush(stdout);
    }
    return 0;
}
