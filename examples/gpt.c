// cc -O2 examples/gpt.c -o gpt -lm && ./gpt [text file [steps]]
//
// A character GPT. By default it learns to write tensor.h: watch the samples turn from noise into something that looks
// like C. About 0.8 million parameters; four blocks of attention and an MLP, as in GPT-2.
#define TENSOR_IMPLEMENTATION
#include "../tensor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 64, WIDTH = 128, HEADS = 4, LAYERS = 4, BATCH = 32 };

// The text as indices into the characters that occur in it.
typedef struct { unsigned char *text; long size; int to_index[256], vocabulary; char to_char[256]; } corpus;

static bool read_corpus(corpus *c, const char *path) {
    FILE *f = fopen(path, "rb");
    memset(c, 0, sizeof *c);
    if (!f || fseek(f, 0, SEEK_END) != 0 || (c->size = ftell(f)) <= CONTEXT + 1 || !(c->text = malloc((size_t)c->size))) {
        if (f) fclose(f);
        return false;
    }
    rewind(f);
    c->size = (long)fread(c->text, 1, (size_t)c->size, f);
    fclose(f);
    bool seen[256] = {false};
    for (long i = 0; i < c->size; i++) seen[c->text[i]] = true;
    for (int i = 0; i < 256; i++)
        if (seen[i]) c->to_char[c->to_index[i] = c->vocabulary++] = (char)i;
    return c->size > CONTEXT + 1;
}

// Random windows: x [BATCH, CONTEXT], and y, the same one character on.
static void random_batch(const corpus *c, tn_tensor **x, tn_tensor **y) {
    tn_tensor_opts i64 = {.dtype = TN_I64};
    tn_tensor *start = tn_randint(0, c->size - CONTEXT - 1, (int64_t[]){BATCH}, 1, &i64);
    static int64_t in[BATCH * CONTEXT], out[BATCH * CONTEXT];
    for (int64_t b = 0; b < BATCH; b++) {
        const unsigned char *from = c->text + (long)tn_at(TN_CHECK(start), &b, 1);
        for (int t = 0; t < CONTEXT; t++) {
            in[b * CONTEXT + t] = c->to_index[from[t]];
            out[b * CONTEXT + t] = c->to_index[from[t + 1]];
        }
    }
    *x = TN_CHECK(tn_from(in, (int64_t[]){BATCH, CONTEXT}, 2, &i64));
    *y = TN_CHECK(tn_from(out, (int64_t[]){BATCH, CONTEXT}, 2, &i64));
}

// One block: x + attention(norm(x)), then x + mlp(norm(x)).
typedef struct { tn_module base; tn_module *ln1, *qkv, *proj, *ln2, *mlp; } block;

static tn_tensor *block_forward(tn_module *self, tn_tensor *const *in, int n) {
    block *m = (block *)self;
    tn_tensor *x = in[0];
    int64_t b = tn_size(x, 0), t = tn_size(x, 1);
    (void)n;
    // [b, t, 3 WIDTH] to three of [b, HEADS, t, WIDTH / HEADS]
    tn_tensor *qkv = tn_reshape(tn_forward(m->qkv, tn_forward(m->ln1, x)), (int64_t[]){b, t, 3, HEADS, WIDTH / HEADS}, 5);
    qkv = tn_permute(qkv, (int[]){2, 0, 3, 1, 4}, 5);
    tn_tensor *y = tn_scaled_dot_product_attention(tn_select(qkv, 0, 0), tn_select(qkv, 0, 1), tn_select(qkv, 0, 2), &(tn_sdpa_opts){.is_causal = true});
    y = tn_reshape(tn_transpose(y, 1, 2), (int64_t[]){b, t, WIDTH}, 3);
    x = tn_add(x, tn_forward(m->proj, y));
    return tn_add(x, tn_forward(m->mlp, tn_forward(m->ln2, x)));
}
static tn_module *block_new(void) {
    block *m = (block *)tn_module_new(sizeof(block), "Block", block_forward);
    if (!m) return NULL;
    int64_t width = WIDTH;
    m->ln1 = tn_module_child(&m->base, "ln1", tn_nn_layer_norm(&width, 1, NULL));
    m->qkv = tn_module_child(&m->base, "qkv", tn_nn_linear(WIDTH, 3 * WIDTH, NULL));
    m->proj = tn_module_child(&m->base, "proj", tn_nn_linear(WIDTH, WIDTH, NULL));
    m->ln2 = tn_module_child(&m->base, "ln2", tn_nn_layer_norm(&width, 1, NULL));
    m->mlp = tn_module_child(&m->base, "mlp", tn_nn_sequential(tn_nn_linear(WIDTH, 4 * WIDTH, NULL), tn_nn_gelu(TN_GELU_TANH), tn_nn_linear(4 * WIDTH, WIDTH, NULL), TN_END));
    return &m->base;
}

typedef struct { tn_module base; tn_module *token, *position, *blocks, *ln, *head; } gpt;

static tn_tensor *gpt_forward(tn_module *self, tn_tensor *const *in, int n) { // in[0] [b, t] of indices: [b, t, vocabulary]
    gpt *m = (gpt *)self;
    (void)n;
    tn_tensor *where = tn_arange(0, (double)tn_size(in[0], 1), 1, NULL);
    tn_tensor *x = tn_add(tn_forward(m->token, in[0]), tn_forward(m->position, where));
    return tn_forward(m->head, tn_forward(m->ln, tn_forward(m->blocks, x)));
}
static tn_module *gpt_new(int vocabulary) {
    gpt *m = (gpt *)tn_module_new(sizeof(gpt), "GPT", gpt_forward);
    if (!m) return NULL;
    int64_t width = WIDTH;
    tn_module *blocks[LAYERS];
    for (int i = 0; i < LAYERS; i++) blocks[i] = block_new();
    m->token = tn_module_child(&m->base, "token", tn_nn_embedding(vocabulary, WIDTH, NULL));
    m->position = tn_module_child(&m->base, "position", tn_nn_embedding(CONTEXT, WIDTH, NULL));
    m->blocks = tn_module_child(&m->base, "blocks", tn_nn_sequential_of(blocks, LAYERS));
    m->ln = tn_module_child(&m->base, "ln", tn_nn_layer_norm(&width, 1, NULL));
    m->head = tn_module_child(&m->base, "head", tn_nn_linear(WIDTH, vocabulary, NULL));
    return &m->base;
}

static void print_sample(tn_module *net, const corpus *c, int length) {
    TN_NO_GRAD;
    tn_module_train(net, false);
    int64_t window[CONTEXT] = {c->to_index['\n']};
    int used = 1;
    for (int i = 0; i < length; i++) {
        TN_SCOPE;
        tn_tensor *x = tn_from(window, (int64_t[]){1, used}, 2, &(tn_tensor_opts){.dtype = TN_I64});
        tn_tensor *logits = tn_select(tn_select(tn_forward(net, x), 0, 0), 0, used - 1);
        int64_t next = tn_item_i64(TN_CHECK(tn_multinomial(tn_softmax(tn_div(logits, 0.8), 0, TN_DTYPE_DEFAULT), 1, false, NULL)));
        putchar(c->to_char[next]);
        if (used == CONTEXT) memmove(window, window + 1, sizeof window - sizeof *window);
        else used++;
        window[used - 1] = next;
    }
    putchar('\n');
    fflush(stdout);
    tn_module_train(net, true);
}

int main(int argc, char **argv) {
    corpus c;
    const char *path = argc > 1 ? argv[1] : "tensor.h";
    const int steps = argc > 2 ? atoi(argv[2]) : 600, every = steps >= 6 ? steps / 6 : 1;
    if (!read_corpus(&c, path)) {
        fprintf(stderr, "%s: cannot be read, or is too short\n", path);
        return 1;
    }
    TN_CHECK(tn_set_default_device(tn_device_best())); // what is made from here on is there: an accelerator if a plugin offers one
    tn_manual_seed(0);
    tn_module *net = TN_CHECK(gpt_new(c.vocabulary));
    tn_optimizer *opt = TN_CHECK(tn_optim_adamw(net, &(tn_adamw_opts){.lr = 1e-3, .weight_decay = 0.01}));
    tn_scheduler *schedule = TN_CHECK(tn_sched_one_cycle_lr(opt, 3e-3, steps, &(tn_one_cycle_opts){.pct_start = 0.1, .no_cycle_momentum = true}));
    printf("%s: %ld characters of %d kinds; %lld parameters, %d threads\n", path, c.size, c.vocabulary, (long long)tn_parameter_count(net), tn_get_num_threads());

    for (int step = 0; step < steps; step += every) {
        const int n = steps - step < every ? steps - step : every;
        tn_progress bar = tn_progress_begin("train", n);
        double mean = 0;
        for (int i = 0; i < n; i++) {
            TN_SCOPE;
            tn_tensor *x, *y;
            random_batch(&c, &x, &y);
            tn_tensor *logits = tn_forward(net, x);
            tn_tensor *loss = tn_cross_entropy(tn_reshape(logits, (int64_t[]){BATCH * CONTEXT, c.vocabulary}, 2), tn_reshape(y, (int64_t[]){-1}, 1), NULL);
            TN_CHECK(tn_backward(loss));
            tn_tensors p = tn_parameters(net);
            tn_clip_grad_norm_(p.at, p.n, 1.0, 2);
            TN_CHECK(tn_optim_step(opt));
            tn_optim_zero_grad(opt);
            TN_CHECK(tn_sched_step(schedule));
            mean += tn_item(loss) / n;
            tn_progress_step(&bar, "loss", loss);
        }
        tn_progress_end(&bar, "step %d of %d, loss %.3f", step + n, steps, mean);
        print_sample(net, &c, 240);
    }
    TN_CHECK(tn_save(net, "gpt.safetensors"));
    free(c.text);
    return 0;
}
