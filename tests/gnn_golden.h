/* The goldens of graph layers (tests/data/gnn, made by tools/make_gnn_goldens.py) against what is here.

       golden_case("convs", "gcn", tn_gnn_gcn_conv(5, 4, NULL), NULL);    a module: its parameters are the golden's, by their names
       golden_case("utils", "coalesce", NULL, coalesce);                  a function: void coalesce(golden_io *io) fills io->out
       CHECK(golden_all_run("convs"));                                    names the cases that no test has run

   Each graph of the case is run: outputs, the gradient of sum(out * sin(0.7 i + 0.3)) in inputs and parameters, and running
   statistics after it, within 1e-5 of max(1, |golden|). What differs is a failure of the test that names the tensor and element. */
#ifndef GNN_GOLDEN_H
#define GNN_GOLDEN_H
#include "tn_test.h"

#define GOLDEN_MAX 16

/* One run: a case on one graph. */
typedef struct {
    const char *graph;               /* "isolated" */
    tn_module *module;               /* with its parameters loaded; NULL for a function */
    tn_tensor *in[GOLDEN_MAX];       /* the inputs in PyG's order, NULL for none; a pair is two, a dictionary all of its parts */
    char in_name[GOLDEN_MAX][48];    /* "x", "x_dst", "x/a", "num_nodes" (0-d i64), "" for none */
    int n;
    int64_t num_nodes, num_graphs;   /* 0 where the graph has none */
    tn_tensor *out[GOLDEN_MAX];      /* filled by the callback; NULL where PyG gives None */
    const char *out_name[GOLDEN_MAX]; /* "out/a"; NULL: "out" of a single one, else "out/0", "out/1", … */
    int n_out;
} golden_io;
typedef void (*golden_fn)(golden_io *io);

/* A family: one file, and its lines of cases.txt: "norms | graph | GraphNorm(5) | x batch". */
typedef struct { char name[32]; tn_dict *tensors; char cases[128][40], inputs[128][120]; bool ran[128]; int n; } golden_family;
static golden_family golden_families[8];
static tn_dict *golden_graphs;

static tn_dict *golden_read(const char *name) {
    char path[96];
    (void)snprintf(path, sizeof path, "tests/data/gnn/%s.safetensors", name);
    tn_dict *d = (tn_dict *)tn_retain(tn_load_safetensors(path));
    if (!d) TN_TEST_FAIL("%s: %s", path, tn_error());
    return d;
}
static void golden_free(void) {
    tn_release(golden_graphs);
    for (int i = 0; i < 8; i++) tn_release(golden_families[i].tensors);
}
static void golden_read_cases(golden_family *f) {
    char line[512], family[32];
    FILE *file = fopen("tests/data/gnn/cases.txt", "r");
    while (file && f->n < 128 && fgets(line, sizeof line, file))
        if (sscanf(line, "%31[^ ] | %39[^ ] | %*[^|]| %119[^|\n]", family, f->cases[f->n], f->inputs[f->n]) == 3 && !strcmp(family, f->name)) f->n++;
    if (file) (void)fclose(file);
}
static int golden_find(const golden_family *f, const char *name) {
    for (int k = 0; k < f->n; k++)
        if (strcmp(f->cases[k], name) == 0) return k;
    return -1;
}
static golden_family *golden_open(const char *name) {
    golden_family *f = golden_families;
    while (f->name[0] && strcmp(f->name, name) != 0)
        if (++f == golden_families + 8) return TN_TEST_FAIL("too many families"), (golden_family *)NULL;
    if (f->name[0]) return f->tensors ? f : NULL;
    if (!golden_graphs) golden_graphs = golden_read("graphs"), atexit(golden_free);
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    f->tensors = golden_read(name);
    if (!f->tensors || !golden_graphs) return NULL;
    golden_read_cases(f);
    if (!f->n) TN_TEST_FAIL("%s: no cases", name);
    return f;
}
/* Whether a test has run every case of the family; it names those that none has. */
__attribute__((unused)) static bool golden_all_run(const char *family) {
    const golden_family *f = golden_open(family);
    bool all = f != NULL;
    for (int i = 0; f && i < f->n; i++)
        if (!f->ran[i]) all = false, fprintf(stderr, "%s: no test ran the case %s\n", family, f->cases[i]);
    return all;
}

/* The input of that name; NULL, and a failure, if the case has none. */
__attribute__((unused)) static tn_tensor *golden_in(const golden_io *io, const char *name) {
    for (int i = 0; i < io->n; i++)
        if (strcmp(io->in_name[i], name) == 0) return io->in[i];
    TN_TEST_FAIL("the case has no input %s", name);
    return NULL;
}
static tn_tensor *golden_get(const tn_dict *d, const char *a, const char *b, const char *c) {
    char name[160];
    (void)snprintf(name, sizeof name, "%s/%s%s%s", a, b, c[0] ? "/" : "", c);
    return tn_dict_get(d, name);
}
static bool golden_starts(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

static void golden_add(golden_io *io, const char *name, tn_tensor *t) {
    if (io->n == GOLDEN_MAX) {
        TN_TEST_FAIL("too many inputs");
        return;
    }
    if (t) t = tn_clone(tn_to(t, tn_get_default_device()));
    if (t && strcmp(name, "mask") == 0) t = tn_to_dtype(t, TN_BOOL);
    (void)snprintf(io->in_name[io->n], sizeof io->in_name[0], "%s", name);
    io->in[io->n++] = t;
}
/* An input by its name in the case's line, "x,x_dst edge_index": one of the graph's tensors, what follows from them, or all parts of a dictionary. */
static void golden_input(golden_io *io, const char *name) {
    tn_tensor *t = golden_get(golden_graphs, io->graph, name, "");
    char prefix[96];
    if (t) golden_add(io, name, t);
    else if (strcmp(name, "-") == 0) golden_add(io, "", NULL);
    else if (strcmp(name, "num_nodes") == 0) golden_add(io, name, tn_scalar_i64(io->num_nodes));
    else if (strcmp(name, "num_graphs") == 0) golden_add(io, name, tn_scalar_i64(io->num_graphs));
    else if (strcmp(name, "dst") == 0) golden_add(io, name, tn_select(golden_get(golden_graphs, io->graph, "edge_index", ""), 0, 1));
    else {
        const int before = io->n, skip = snprintf(prefix, sizeof prefix, "%s/%s/", io->graph, name) - (int)strlen(name) - 1;
        for (int i = 0; i < tn_dict_len(golden_graphs); i++)
            if (golden_starts(tn_dict_name(golden_graphs, i), prefix)) golden_add(io, tn_dict_name(golden_graphs, i) + skip, tn_dict_at(golden_graphs, i));
        if (io->n == before) TN_TEST_FAIL("the graph %s has no %s", io->graph, name);
    }
}
static void golden_inputs(golden_io *io, const char *line) {
    tn_tensor *x = golden_get(golden_graphs, io->graph, "x", ""), *batch = golden_get(golden_graphs, io->graph, "batch", "");
    char word[48];
    int used;
    if (x && batch) io->num_nodes = tn_size(x, 0), io->num_graphs = (int64_t)tn_item(tn_max(batch)) + 1;
    for (; *line && sscanf(line, "%47[^ ,]%n", word, &used) == 1; line += used, line += *line != 0) golden_input(io, word);
}

/* Whether got is the golden tensor, with the first difference told. at: "case/graph/name". */
static void golden_compare(const char *at, tn_tensor *got, tn_tensor *golden, bool slip) {
    char a[128], b[128];
    if (!got) {
        TN_TEST_FAIL("%s: NULL %s", at, tn_error());
        return;
    }
    bool same = tn_ndim(got) == tn_ndim(golden) && tn_dtype_is_floating(tn_get_dtype(got)) == tn_dtype_is_floating(tn_get_dtype(golden));
    for (int d = 0; same && d < tn_ndim(got); d++) same = tn_size(got, d) == tn_size(golden, d);
    if (!same) {
        (void)tn_format(got, a, sizeof a), (void)tn_format(golden, b, sizeof b);
        TN_TEST_FAIL("%s: another shape or kind of dtype (%d dims, %lld and %lld elements): %s, golden %s", at, tn_ndim(got), (long long)tn_numel(got),
                     (long long)tn_numel(golden), a, b);
        return;
    }
    const double *p = (const double *)tn_test_values(tn_to_dtype(got, TN_F64)), *q = (const double *)tn_test_values(tn_to_dtype(golden, TN_F64));
    const int64_t n = tn_numel(golden), row = slip ? n / tn_size(golden, 0) : 0;
    for (int64_t i = 0; i < n; i++) {
        if (fabs(p[i] - q[i]) <= 1e-5 * fmax(1, fabs(q[i]))) continue;
        if (slip && i / row == 5 && p[i] == 0) continue;
        TN_TEST_FAIL("%s: element %lld of %lld is %.9g, golden %.9g", at, (long long)i, (long long)n, p[i], q[i]);
        return;
    }
}
/* Of a node's several self-loops PyG gives the last one's gradient to all (see tools/make_gnn_goldens.py): where edges 5 and 7 of
   the graph "loops" have the same, that of edge 5 may be 0. */
static bool golden_slip(const golden_io *io, const char *input, tn_tensor *golden) {
    if (strcmp(io->graph, "loops") != 0 || !golden_starts(input, "edge_") || !tn_dtype_is_floating(tn_get_dtype(golden))) return false;
    return tn_item(tn_max(tn_abs(tn_sub(tn_select(golden, 0, 5), tn_select(golden, 0, 7))))) == 0;
}
static tn_tensor *golden_weight(tn_tensor *out) { /* sin(0.7 i + 0.3) */
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F64;
    tn_tensor *w = tn_sin(tn_add(tn_mul(tn_arange(0, (double)tn_numel(out), 1, &o), 0.7), 0.3));
    return tn_reshape(tn_to_dtype(w, tn_get_dtype(out)), tn_shape(out), tn_ndim(out));
}
static tn_tensor *golden_loss(const golden_io *io) {
    tn_tensor *loss = NULL;
    for (int i = 0; i < io->n_out; i++) {
        if (!io->out[i] || !tn_dtype_is_floating(tn_get_dtype(io->out[i]))) continue;
        tn_tensor *part = tn_sum(tn_mul(io->out[i], golden_weight(io->out[i])), NULL);
        loss = loss ? tn_add(loss, part) : part;
    }
    return loss;
}
/* Loads CASE/param/NAME into the module, all of them and no others; integers (num_batches_tracked) stay. */
static bool golden_load(const golden_family *f, const char *name, tn_module *m) {
    char prefix[64];
    const int skip = snprintf(prefix, sizeof prefix, "%s/param/", name);
    tn_dict *d = tn_dict_new(), *own = tn_state_dict(m);
    for (int i = 0; i < tn_dict_len(f->tensors); i++)
        if (golden_starts(tn_dict_name(f->tensors, i), prefix)) (void)tn_dict_set(d, tn_dict_name(f->tensors, i) + skip, tn_dict_at(f->tensors, i));
    for (int i = 0; i < tn_dict_len(own); i++)
        if (!tn_dtype_is_floating(tn_get_dtype(tn_dict_at(own, i)))) (void)tn_dict_set(d, tn_dict_name(own, i), tn_clone(tn_dict_at(own, i)));
    if (own && tn_load_state_dict(m, d, NULL) == TN_OK) return true;
    TN_TEST_FAIL("%s/%s: %s", f->name, name, tn_error());
    return false;
}
/* Compares the tensors CASE/GRAPH/WHAT/NAME of the file with those of d; a gradient that is absent is zero. */
static void golden_compare_state(const golden_family *f, const char *start, tn_dict *d, bool gradients) {
    const size_t skip = strlen(start);
    for (int i = 0; i < tn_dict_len(f->tensors); i++) {
        const char *name = tn_dict_name(f->tensors, i);
        if (!golden_starts(name, start)) continue;
        tn_tensor *t = tn_dict_get(d, name + skip);
        if (t && gradients) t = tn_grad(t) ? tn_grad(t) : tn_zeros_like(t, NULL);
        golden_compare(name, t, tn_dict_at(f->tensors, i), false);
    }
}
static void golden_compare_outputs(const golden_family *f, const char *name, const golden_io *io) {
    char start[96], at[128];
    int have = 0;
    (void)snprintf(start, sizeof start, "%s/%s/out", name, io->graph);
    for (int i = 0; i < tn_dict_len(f->tensors); i++) {
        const char *rest = tn_dict_name(f->tensors, i) + (golden_starts(tn_dict_name(f->tensors, i), start) ? strlen(start) : 0);
        have += rest != tn_dict_name(f->tensors, i) && (*rest == 0 || *rest == '/');
    }
    for (int i = 0; i < io->n_out; i++) {
        if (io->out_name[i]) (void)snprintf(at, sizeof at, "%s/%s/%s", name, io->graph, io->out_name[i]);
        else if (io->n_out == 1 && tn_dict_get(f->tensors, start)) (void)snprintf(at, sizeof at, "%s", start);
        else (void)snprintf(at, sizeof at, "%s/%d", start, i);
        tn_tensor *golden = tn_dict_get(f->tensors, at);
        if (golden) have--, golden_compare(at, io->out[i], golden, false);
        else if (io->out[i]) TN_TEST_FAIL("%s: PyG gives no such output", at);
    }
    if (have) TN_TEST_FAIL("%s: %d of PyG's outputs are missing %s", start, have, tn_error());
}
static void golden_run(const golden_family *f, const char *name, const char *graph, const char *line, tn_module *m, golden_fn fn) {
    golden_io io;
    char at[128];
    memset(&io, 0, sizeof io);
    io.graph = graph, io.module = m;
    golden_inputs(&io, line);
    bool gradients = false;
    (void)snprintf(at, sizeof at, "%s/%s/grad/", name, graph);
    for (int i = 0; i < tn_dict_len(f->tensors) && !gradients; i++) gradients = golden_starts(tn_dict_name(f->tensors, i), at);
    for (int i = 0; i < io.n; i++) {
        (void)snprintf(at, sizeof at, "%s/%s/grad/%s", name, graph, io.in_name[i]);
        if (tn_dict_get(f->tensors, at)) (void)tn_requires_grad_(io.in[i], true);
    }
    if (m) {
        if (!golden_load(f, name, m)) return;
        tn_module_train(m, strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_train") == 0);
        tn_module_zero_grad(m);
    }
    if (fn) fn(&io);
    else io.out[io.n_out++] = tn_call(m, io.in, io.n);
    golden_compare_outputs(f, name, &io);
    tn_tensor *loss = golden_loss(&io);
    if (gradients && (!loss || tn_backward(loss) != TN_OK)) TN_TEST_FAIL("%s/%s: no gradient: %s", name, graph, tn_error());
    for (int i = 0; i < io.n && gradients; i++) {
        (void)snprintf(at, sizeof at, "%s/%s/grad/%s", name, graph, io.in_name[i]);
        tn_tensor *golden = tn_dict_get(f->tensors, at);
        if (golden) golden_compare(at, tn_grad(io.in[i]) ? tn_grad(io.in[i]) : tn_zeros_like(io.in[i], NULL), golden, golden_slip(&io, io.in_name[i], golden));
    }
    if (!m) return;
    (void)snprintf(at, sizeof at, "%s/%s/grad/param/", name, graph);
    golden_compare_state(f, at, tn_named_parameters(m), true);
    (void)snprintf(at, sizeof at, "%s/%s/after/", name, graph);
    golden_compare_state(f, at, tn_state_dict(m), false);
}
/* Runs the case of that family on each of its graphs. fn NULL: the one output of tn_call with the inputs. */
__attribute__((unused)) static void golden_case(const char *family, const char *name, tn_module *m, golden_fn fn) {
    golden_family *f = golden_open(family);
    const int k = f ? golden_find(f, name) : -1;
    int graphs = 0;
    if (k < 0 || (!m && !fn)) {
        TN_TEST_FAIL("%s/%s: no such case, or no module: %s", family, name, tn_error());
        return;
    }
    f->ran[k] = true;
    char graph[32] = "", done[256] = " ", start[64], word[40];
    const size_t skip = (size_t)snprintf(start, sizeof start, "%s/", name);
    for (int i = 0; i < tn_dict_len(f->tensors); i++) {
        const char *rest = tn_dict_name(f->tensors, i) + skip;
        if (!golden_starts(tn_dict_name(f->tensors, i), start) || golden_starts(rest, "param/") || sscanf(rest, "%31[^/]", graph) != 1) continue;
        (void)snprintf(word, sizeof word, " %s ", graph);
        if (strstr(done, word)) continue;
        (void)snprintf(done + strlen(done), sizeof done - strlen(done), "%s ", graph);
        tn_scope s = tn_scope_open();
        golden_run(f, name, graph, f->inputs[k], m, fn);
        tn_scope_close(&s);
        graphs++;
    }
    if (!graphs) TN_TEST_FAIL("%s/%s: no graphs", family, name);
}
/* The same in f64: for norms of few nodes, where f32's rounding grows beyond what is allowed. */
static void golden_in_f64(golden_io *io) {
    tn_tensor *in[GOLDEN_MAX];
    for (int i = 0; i < io->n; i++) in[i] = io->in[i] && tn_dtype_is_floating(tn_get_dtype(io->in[i])) ? tn_to_dtype(io->in[i], TN_F64) : io->in[i];
    io->out[io->n_out++] = tn_call(io->module, in, io->n);
}
__attribute__((unused)) static void golden_case_f64(const char *family, const char *name, tn_module *m) {
    golden_case(family, name, m && tn_module_to_dtype(m, TN_F64) == TN_OK ? m : NULL, golden_in_f64);
}
#endif
