/* Section explain of ext/graph.h: masks of edges in message passing, explainers and their measures against PyTorch Geometric's. */
#include "../ext/graph.h"
#include "tn_test.h"

enum { NODES = 6, FEATURES = 3, CLASSES = 3, EDGES = 13 };
#define OPTS(type, ...) (&(type){__VA_ARGS__})

static const float gcn_masked[] = {0.0678699f, 0.877198f, -1.05991f, 0.185639f, 0.779738f, -1.00288f, 0.310019f, 0.585758f, -0.779356f,
    0.490032f, 0.464406f, -0.741723f, 0.20798f, 0.702702f, -0.887058f, 0.351413f, 0.616136f, -0.875234f};
static const float gcn_mask_grad[] = {-0.102239f, -0.156655f, 0.17153f, -0.0323139f, -0.16478f, 0.137707f, -0.0385119f, -0.0522503f,
    0.151817f, 0.00383687f, 0, -0.0409366f, 0};
static const float gat_masked[] = {0.123918f, 0.151907f, 1.00889f, -0.0569318f, 0.327559f, 0.874705f, 0.117619f, 0.117871f, 1.07623f,
    -0.0351097f, 0.341409f, 0.828043f, 0.0116158f, 0.136464f, 1.14889f, 0.00684671f, 0.173147f, 1.08787f};
static const float gat_mask_grad[] = {0.107505f, 0.0249156f, -0.0398013f, 0.026067f, 0.0794148f, -0.187433f, 0.0949671f, 0.115892f,
    -0.0526763f, -0.0679133f, 0, 0.105507f, 0};
static const float sage_masked[] = {-0.979003f, -0.710022f, -0.134321f, -2.94012f, 0.909565f, -1.07796f, -2.79729f, 0.856265f, -1.1252f,
    -0.82041f, -1.02552f, 0.272941f, -2.02921f, 0.205652f, -0.726396f, -0.69052f, -1.57382f, 1.12643f};
static const float sage_mask_grad[] = {-0.262242f, -0.817836f, 0.0294896f, 0.205797f, -0.324457f, 0.408777f, -0.468209f, -0.188027f,
    -0.39278f, 0.0442438f, 0.384609f, -0.147645f, -0.0236969f};
static const float tr_masked[] = {1.88594f, -0.94768f, -0.0182686f, 0.735501f, 0.204147f, -2.14f, 0.387256f, 0.331359f, -1.3823f, 1.89125f,
    -1.22029f, -0.95113f, 1.50277f, -0.464119f, -0.44811f, 0.672753f, 0.0487287f, -2.95583f};
static const float tr_mask_grad[] = {0.584648f, 1.56811f, -0.233385f, -0.134552f, 0.262322f, 0.00945997f, -1.72696f, 0.926172f, -0.792207f,
    -1.12747f, -0.98617f, -1.81178f, -0.142011f};
static const float ge_node[] = {0, 0.398854f, 0.445621f, 0.445551f, 0.441192f, 0.38928f, 0.4249f, 0.478749f, 0.438144f, 0.422878f,
    0.422192f, 0.436204f, 0.460829f, 0.465767f, 0.44993f, 0, 0, 0};
static const float ge_edge[] = {0.633754f, 0, 0.596115f, 0.337885f, 0.396625f, 0.513113f, 0, 0.405677f, 0, 0, 0, 0, 0};
static const float ph_node[] = {0.150074f, 0.130256f, 0.131803f};
static const float ph_edge[] = {0.916407f, 0.0708275f, 0.0608753f, 0.908903f, 0.169537f, 0.0839908f, 0.158381f, 0.0889802f, 0.125959f,
    0.1271f, 0, 0.101097f, 0};
static const float re_node[] = {0.520271f, 0.469355f, 0.422785f, 0.495905f, 0.449685f, 0.446947f};
static const float sal_node[] = {0.0919406f, 0.436691f, 0.450962f, 0.0769838f, 0.346453f, 0.353734f, 0.115176f, 0.0459883f, 0.0580025f,
    0.115564f, 0.0362334f, 0.070518f, 0.151514f, 0.0881352f, 0.0419423f, 0.124994f, 0.0564967f, 0.0547566f};
static const float sal_edge[] = {0.494072f, 0.536795f, 0.322672f, 0.34208f, 0.461502f, 0.378128f, 0.352205f, 0.238543f, 0.301355f,
    0.374774f, 0, 0.455756f, 0};
static const float ig_node[] = {0, 0.0323943f, 0.0891429f, -0.0371343f, 0.00507003f, -0.0216907f, 0.0627943f, 0.0402067f, -0.0133629f,
    -0.000912881f, -0.0160242f, 0.0236879f, -0.0427751f, -0.00788751f, -0.00708143f, 0.0746221f, 0.0561908f, -0.00833505f};
static const float ig_edge[] = {0.443944f, 0.419631f, 0.311873f, 0.350875f, 0.36368f, 0.334506f, 0.309673f, 0.288081f, 0.336139f,
    0.387127f, 0, 0.382345f, 0};
static const float att_tr[] = {0.959964f, 1, 0.894337f, 0.604277f, 0.838301f, 0.213506f, 0.491364f, 0.637793f, 0.937941f, 0.436931f,
    0.497357f, 0.487496f, 0.578921f};
static const float att_all[] = {0.32687f, 0.484519f, 0.309377f, 0.324606f, 0.313645f, 0.377951f, 0.244243f, 0.331511f, 0.491093f,
    0.245912f, 0.244102f};

/* The graph of all tests, with two self-loops of its own; and numbers that need no file. */
static tn_tensor *edges(void) {
    static const int64_t e[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 2, 0, 5, 1, 0, 2, 1, 3, 2, 4, 3, 5, 4, 2, 4, 5}, shape[2] = {2, EDGES};
    return tn_from(e, shape, 2, OPTS(tn_tensor_opts, .dtype = TN_I64));
}
static tn_tensor *waves(const int64_t *shape, int n, double step, double from, double size) {
    int64_t count = 1;
    for (int d = 0; d < n; d++) count *= shape[d];
    return tn_reshape(tn_mul(tn_sin(tn_add(tn_mul(tn_arange(0, (double)count, 1, OPTS(tn_tensor_opts, .dtype = TN_F32)), step), from)), size), shape, n);
}
static tn_tensor *pairs(const int64_t *e, int64_t n) { return tn_from(e, (const int64_t[]){2, n}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)); }
static tn_tensor *nodes(void) { return waves((const int64_t[]){NODES, FEATURES}, 2, 0.7, 0, 1); }
static tn_tensor *cosines(void) { return waves((const int64_t[]){EDGES}, 1, 1.3, 1.57079632679, 1); }

static void fill(tn_module *m, double size) {
    TN_NO_GRAD;
    tn_dict *p = tn_named_parameters(m);
    for (int i = 0; i < tn_dict_len(p); i++) {
        tn_tensor *t = tn_dict_at(p, i);
        int64_t shape[4];
        for (int d = 0; d < tn_ndim(t); d++) shape[d] = tn_size(t, d);
        CHECK(tn_copy_(t, waves(shape, tn_ndim(t), 0.9, i, size)));
    }
}
typedef struct { tn_module base; tn_module *conv1, *conv2; } two;
static tn_tensor *two_forward(tn_module *self, tn_tensor *const *in, int n) {
    two *m = (two *)self;
    tn_tensor *h = tn_relu(tn_call(m->conv1, in, n));
    return tn_call(m->conv2, (tn_tensor *[]){h, in[1]}, 2);
}
static tn_module *two_new(tn_module *conv1, tn_module *conv2) {
    two *m = (two *)tn_module_new(sizeof *m, "two", two_forward);
    m->conv1 = tn_module_child(&m->base, "conv1", conv1);
    m->conv2 = tn_module_child(&m->base, "conv2", conv2);
    fill(&m->base, 0.8);
    return &m->base;
}
static tn_module *gcn(void) { return two_new(tn_gnn_gcn_conv(FEATURES, 4, NULL), tn_gnn_gcn_conv(4, CLASSES, NULL)); }
static tn_module *gat(void) { return two_new(tn_gnn_gat_conv(FEATURES, 2, OPTS(tn_gat_opts, .heads = 2)), tn_gnn_gat_conv(4, CLASSES, NULL)); }
static tn_module *sage(void) { return two_new(tn_gnn_sage_conv(FEATURES, 4, NULL), tn_gnn_sage_conv(4, CLASSES, OPTS(tn_sage_opts, .aggr = TN_REDUCE_AMAX))); }
static tn_module *transformer(void) {
    return two_new(tn_gnn_transformer_conv(FEATURES, 2, OPTS(tn_transformer_conv_opts, .heads = 2)), tn_gnn_transformer_conv(4, CLASSES, NULL));
}
#define SAME(t, golden, tol) same(#t, t, golden, (int64_t)(sizeof golden / sizeof *golden), tol)
static void same(const char *what, tn_tensor *t, const float *golden, int64_t n, double tol) {
    if (!t || tn_numel(t) < n) {
        TN_TEST_FAIL("%s: %s", what, tn_error());
        return;
    }
    const float *v = (const float *)tn_test_values(t);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)v[i] - (double)golden[i]) <= tol)) TN_TEST_FAIL("%s[%d] is %.7g, not %.7g", what, (int)i, (double)v[i], (double)golden[i]);
}

/* Whether the largest difference is at most tol. */
static bool close_to(tn_tensor *a, tn_tensor *b, double tol) { return a && b && tn_item(tn_max(tn_abs(tn_sub(a, b)))) <= tol; }

/* -- masks -- */
static void masked(tn_module *m, const float *y_is, const float *grad_is) {
    tn_tensor *ei = edges(), *mask = tn_requires_grad_(cosines(), true), *in[2] = {nodes(), ei};
    CHECK(tn_gnn_set_edge_mask(ei, mask) == TN_OK && tn_gnn_edge_mask() == mask);
    tn_tensor *y = tn_call(m, in, 2);
    CHECK(tn_gnn_set_edge_mask(NULL, NULL) == TN_OK && !tn_gnn_edge_mask());
    same("masked", y, y_is, NODES * CLASSES, 2e-5);
    CHECK(tn_backward(tn_sum(tn_mul(y, waves((const int64_t[]){NODES, CLASSES}, 2, 0.7, 0.3, 1)), NULL)) == TN_OK);
    same("gradient in the mask", tn_grad(mask), grad_is, EDGES, 2e-5);
}
TEST(mask_gcn) { masked(gcn(), gcn_masked, gcn_mask_grad); }
TEST(mask_gat) { masked(gat(), gat_masked, gat_mask_grad); }
TEST(mask_sage) { masked(sage(), sage_masked, sage_mask_grad); }
TEST(mask_transformer) { masked(transformer(), tr_masked, tr_mask_grad); }
/* Layers that pass messages, of 3 features to 4. */
enum { LAYERS = 17 };
static void make_layers(tn_module **layers) {
    static const char *const aggrs[] = {"mean", "std"}, *const scalers[] = {"amplification"};
    const int64_t degrees[] = {0, 2, 3, 1}, shape = 4;
    tn_tensor *deg = tn_from(degrees, &shape, 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
    tn_module *made[LAYERS] = {
        tn_gnn_gcn_conv(3, 4, NULL), tn_gnn_sage_conv(3, 4, NULL), tn_gnn_gat_conv(3, 4, NULL), tn_gnn_gatv2_conv(3, 4, NULL), tn_gnn_graph_conv(3, 4, NULL),
        tn_gnn_gin_conv(tn_nn_linear(3, 4, NULL), NULL), tn_gnn_sg_conv(3, 4, 2, NULL), tn_gnn_appnp(2, 0.1, NULL), tn_gnn_tag_conv(3, 4, NULL), tn_gnn_arma_conv(3, 4, NULL),
        tn_gnn_gen_conv(3, 4, OPTS(tn_gnn_gen_opts, .norm = TN_GNN_GEN_NO_NORM)), tn_gnn_res_gated_graph_conv(3, 4, NULL), tn_gnn_gated_graph_conv(4, 2, NULL),
        tn_gnn_mixhop_conv(3, 4, NULL), tn_gnn_lg_conv(NULL), tn_gnn_cluster_gcn_conv(3, 4, NULL),
        tn_gnn_pna_conv(3, 4, aggrs, 2, scalers, 1, deg, NULL)};
    memcpy(layers, made, sizeof made);
}
/* A mask of ones changes nothing, and after it nothing is left of it; one of zeros is a graph without edges. */
TEST(mask_of_all_layers) {
    const int64_t wide[2] = {2, 0};
    tn_tensor *ei = edges(), *x = nodes();
    tn_tensor *none = tn_empty(wide, 2, OPTS(tn_tensor_opts, .dtype = TN_I64)), *ones = tn_ones((const int64_t[]){EDGES}, 1, NULL);
    tn_module *layers[LAYERS];
    make_layers(layers);
    for (int i = 0; i < LAYERS; i++) {
        TN_SCOPE;
        tn_tensor *in[2] = {x, ei}, *without[2] = {x, none};
        tn_module_train(layers[i], false);
        tn_tensor *before = TN_CHECK(tn_call(layers[i], in, 2)), *empty = TN_CHECK(tn_call(layers[i], without, 2));
        CHECK(tn_gnn_set_edge_mask(ei, ones) == TN_OK);
        tn_tensor *y = tn_call(layers[i], in, 2);
        if (!close_to(y, before, 1e-5)) TN_TEST_FAIL("layer %d, %s: a mask of ones changes it: %s", i, layers[i]->kind, tn_error());
        CHECK(tn_gnn_set_edge_mask(ei, tn_zeros_like(ones, NULL)) == TN_OK);
        y = tn_call(layers[i], in, 2);
        CHECK(tn_gnn_set_edge_mask(NULL, NULL) == TN_OK);
        const bool alone = i == 1 || (i >= 4 && i <= 5); /* no loops, no weights of degrees: nothing is left of edges */
        if (!y || (alone && !close_to(y, empty, 1e-5))) TN_TEST_FAIL("layer %d, %s: a mask of zeros leaves edges: %s", i, layers[i]->kind, tn_error());
        if (close_to(y, before, 1e-5)) TN_TEST_FAIL("layer %d, %s: does not heed the mask", i, layers[i]->kind);
        if (!close_to(tn_call(layers[i], in, 2), before, 0)) TN_TEST_FAIL("layer %d, %s: a mask is left", i, layers[i]->kind);
    }
}
/* Messages are handed out as they are; what comes back is passed on. */
typedef struct { int calls; tn_tensor *factor; bool fail; } listener;
static tn_tensor *listen(void *user, const tn_gnn_edges *e, tn_tensor *message) {
    listener *l = (listener *)user;
    int64_t shape[TN_MAX_DIMS];
    l->calls++;
    if (l->fail) return tn_select(message, 0, 0);
    CHECK(e->x && tn_size(e->edge_index, 1) == tn_size(message, 0));
    for (int d = 0; d < tn_ndim(message); d++) shape[d] = d ? 1 : EDGES;
    return !l->factor ? message : tn_size(message, 0) == EDGES ? tn_mul(message, tn_reshape(l->factor, shape, tn_ndim(message))) : message;
}
TEST(messages_of_all_layers) {
    tn_tensor *ei = edges(), *x = nodes(), *attr = waves((const int64_t[]){EDGES, 2}, 2, 0.4, 0.2, 1);
    tn_module *layers[LAYERS + 1];
    make_layers(layers);
    layers[LAYERS] = tn_gnn_transformer_conv(3, 2, OPTS(tn_transformer_conv_opts, .heads = 2, .edge_dim = 2));
    for (int i = 0; i <= LAYERS; i++) {
        TN_SCOPE;
        tn_tensor *in[3] = {x, ei, attr};
        const int n = i == LAYERS ? 3 : 2;
        listener l = {0, NULL, false};
        tn_module_train(layers[i], false);
        tn_tensor *before = TN_CHECK(tn_call(layers[i], in, n));
        tn_gnn_on_message(listen, &l);
        CHECK(tn_gnn_explaining());
        tn_tensor *y = tn_call(layers[i], in, n);
        if (!l.calls || !close_to(y, before, 1e-5)) TN_TEST_FAIL("layer %d, %s: %d calls, %s", i, layers[i]->kind, l.calls, tn_error());
        l.factor = cosines(); /* as a mask would, where there are no other loops */
        y = tn_call(layers[i], in, n);
        tn_gnn_on_message(NULL, NULL);
        const bool loops = i == 0 || i == 2 || i == 3 || i == 6 || i == 7 || i == 13 || i == 15;
        CHECK(tn_gnn_set_edge_mask(ei, l.factor) == TN_OK);
        if (!loops && !close_to(y, tn_call(layers[i], in, n), 1e-5)) TN_TEST_FAIL("layer %d, %s: not what a mask gives", i, layers[i]->kind);
        CHECK(tn_gnn_set_edge_mask(NULL, NULL) == TN_OK && !tn_gnn_explaining());
        l.fail = true;
        tn_gnn_on_message(listen, &l);
        CHECK_ERROR(tn_call(layers[i], in, n), TN_ERR_SHAPE);
        tn_gnn_on_message(NULL, NULL);
        CHECK(close_to(tn_call(layers[i], in, n), before, 0));
    }
}
TEST(mask_of_each_reduction) { /* messages are weighed, whatever they are made of and reduced by */
    tn_tensor *ei = edges(), *x = nodes(), *mask = cosines(), *w = waves((const int64_t[]){EDGES}, 1, 0.4, 0.2, 1);
    for (int kind = TN_REDUCE_SUM; kind <= TN_REDUCE_AMIN; kind++) {
        const tn_gnn_messages m = {NULL, NULL, NULL, (tn_reduction_kind)kind};
        const tn_gnn_edges e = {ei, x, NULL, w, false, NULL};
        tn_tensor *by_hand = tn_gnn_scatter(tn_mul(tn_gnn_x_j(&e, x), tn_unsqueeze(tn_mul(w, mask), 1)), tn_select(ei, 0, 1), NODES, m.aggr);
        CHECK(tn_gnn_set_edge_mask(ei, mask) == TN_OK);
        tn_tensor *y = tn_gnn_propagate(&e, &m);
        CHECK(tn_gnn_set_edge_mask(NULL, NULL) == TN_OK);
        if (!y || !close_to(y, by_hand, 1e-5)) TN_TEST_FAIL("reduction %d: %s", kind, tn_error());
    }
}
TEST(mask_errors) {
    tn_tensor *ei = edges(), *mask = cosines(), *in[2] = {nodes(), tn_narrow(ei, 1, 0, 4)};
    tn_module *m = tn_gnn_sage_conv(3, 4, NULL);
    CHECK_ERROR(tn_gnn_set_edge_mask(ei, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_set_edge_mask(NULL, mask), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_set_edge_mask(ei, tn_narrow(mask, 0, 0, 4)), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_set_edge_mask(mask, mask), TN_ERR_DTYPE);
    CHECK(!tn_gnn_edge_mask());
    CHECK(tn_gnn_set_edge_mask(ei, mask) == TN_OK);
    CHECK_ERROR(tn_call(m, in, 2), TN_ERR_SHAPE);
    tn_tensor *typed[3] = {in[0], ei, tn_zeros((const int64_t[]){EDGES}, 1, OPTS(tn_tensor_opts, .dtype = TN_I64))};
    CHECK_ERROR(tn_call(tn_gnn_rgcn_conv(3, 4, 1, NULL), typed, 3), TN_ERR_UNSUPPORTED);
    CHECK(tn_gnn_set_edge_mask(NULL, NULL) == TN_OK);
    CHECK(tn_call(m, in, 2));
}

/* -- explainers -- */
static tn_tensor *index_of(int64_t i) {
    const int64_t one = 1;
    return tn_from(&i, &one, 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
}
static tn_generator *seed(void) { return tn_generator_new(0); }
TEST(gnn_explainer) {
    tn_tensor *in[2] = {nodes(), edges()};
    tn_module *m = gcn();
    const tn_gnn_explain_opts o = {.index = index_of(2)};
    tn_module_train(m, true);
    const tn_gnn_explanation e = tn_gnn_explain(m, in, 2, &o, OPTS(tn_gnn_explainer_opts, .epochs = 30, .generator = seed()));
    SAME(e.node_mask, ge_node, 2e-4);
    SAME(e.edge_mask, ge_edge, 2e-4);
    CHECK(tn_module_training(m) && !tn_grad(tn_module_get(m, "conv1.bias")) && !tn_gnn_edge_mask());
    CHECK(tn_size(e.prediction, 0) == NODES && tn_get_dtype(e.target) == TN_I64);
    const tn_gnn_fidelities f = tn_gnn_fidelity(m, in, 2, &e, &o);
    CHECK_NEAR(f.pos, 0, 1e-9);
    CHECK_NEAR(f.neg, 0, 1e-9);
    CHECK_NEAR(tn_gnn_unfaithfulness(m, in, 2, &e, &o, 0), 0.0375753, 1e-4);
    CHECK_NEAR(tn_gnn_unfaithfulness(m, in, 2, &e, &o, 1), 0.0376007, 1e-4);
}
TEST(gnn_explainer_of_phenomena) {
    tn_tensor *in[2] = {nodes(), edges()};
    const int64_t y[NODES] = {0, 1, 2, 0, 1, 2}, n = NODES;
    const tn_gnn_explain_opts o = {.node_mask = TN_GNN_MASK_COMMON_ATTRIBUTES, .target = tn_from(y, &n, 1, OPTS(tn_tensor_opts, .dtype = TN_I64))};
    const tn_gnn_explainer_opts w = {.epochs = 20, .lr = 0.1, .edge_mean = true, .node_feat_sum = true, .edge_size = 0.5, .generator = seed()};
    tn_module *m = gcn();
    const tn_gnn_explanation e = tn_gnn_explain(m, in, 2, &o, &w);
    SAME(e.node_mask, ph_node, 2e-4);
    SAME(e.edge_mask, ph_edge, 2e-4);
    CHECK(e.target == o.target && tn_size(e.node_mask, 0) == 1);
    CHECK_NEAR(tn_gnn_fidelity(m, in, 2, &e, &o).pos, 0, 1e-9);
    CHECK_NEAR(tn_gnn_unfaithfulness(m, in, 2, &e, &o, 0), 0.134921, 1e-4);
}
TEST(gnn_explainer_of_numbers) {
    tn_tensor *in[2] = {nodes(), edges()};
    const tn_gnn_explain_opts o = {.mode = TN_GNN_REGRESSION, .node_mask = TN_GNN_MASK_OBJECT, .no_edge_mask = true};
    const tn_gnn_explanation e = tn_gnn_explain(gcn(), in, 2, &o, OPTS(tn_gnn_explainer_opts, .epochs = 10, .generator = seed()));
    SAME(e.node_mask, re_node, 2e-4);
    CHECK(!e.edge_mask && tn_size(e.node_mask, 1) == 1);
    CHECK_ERROR(tn_gnn_fidelity(gcn(), in, 2, &e, &o), TN_ERR_INVALID);
}
/* One output, log-probabilities, probabilities: the same target, and masks of the same meaning. */
static tn_tensor *as_probs(void *user, tn_module *m, tn_tensor *const *in, int n, tn_tensor *out) {
    (void)user, (void)m, (void)in, (void)n;
    return tn_softmax(out, 1, TN_DTYPE_DEFAULT);
}
static tn_tensor *as_logs(void *user, tn_module *m, tn_tensor *const *in, int n, tn_tensor *out) {
    (void)user, (void)m, (void)in, (void)n;
    return tn_log_softmax(out, 1, TN_DTYPE_DEFAULT);
}
TEST(results_of_each_kind) {
    tn_tensor *in[2] = {nodes(), edges()};
    for (int kind = TN_GNN_PROBS; kind <= TN_GNN_LOG_PROBS; kind++) {
        tn_module *m = gcn();
        const tn_gnn_explain_opts o = {.returns = (tn_gnn_returns)kind, .index = index_of(2)};
        CHECK(tn_register_forward_hook(m, kind == TN_GNN_PROBS ? as_probs : as_logs, NULL) == TN_OK);
        const tn_gnn_explanation e = tn_gnn_explain(m, in, 2, &o, OPTS(tn_gnn_explainer_opts, .epochs = 30, .generator = seed()));
        SAME(e.node_mask, ge_node, 5e-4);
        SAME(e.edge_mask, ge_edge, 5e-4);
        CHECK_NEAR(tn_gnn_unfaithfulness(m, in, 2, &e, &o, 0), 0.0375753, 1e-3);
    }
    tn_module *binary = two_new(tn_gnn_gcn_conv(FEATURES, 4, NULL), tn_gnn_gcn_conv(4, 1, NULL));
    const tn_gnn_explanation e = tn_gnn_explain(binary, in, 2, OPTS(tn_gnn_explain_opts, .mode = TN_GNN_BINARY), OPTS(tn_gnn_explainer_opts, .epochs = 2, .generator = seed()));
    CHECK(e.edge_mask && tn_ndim(e.target) == 1 && tn_size(e.target, 0) == NODES);
}
TEST(attention_explainer) {
    tn_tensor *in[2] = {nodes(), edges()};
    const tn_gnn_explain_opts o = {.node_mask = TN_GNN_MASK_NONE};
    tn_gnn_explanation e = tn_gnn_explain_attention(transformer(), in, 2, &o, NULL);
    SAME(e.edge_mask, att_tr, 2e-5);
    CHECK(!e.node_mask);
    /* PyG gives edges behind a self-loop the weights of others; the graph's own loops have those that GAT gave them. */
    e = tn_gnn_explain_attention(gat(), in, 2, &o, OPTS(tn_gnn_attention_explain_opts, .reduce = TN_REDUCE_MEAN));
    same("att_all", e.edge_mask, att_all, 10, 2e-5);
    const float *v = (const float *)tn_test_values(e.edge_mask);
    CHECK_NEAR(v[11], att_all[10], 2e-5);
    CHECK_NEAR(v[12], 1 - v[8], 1e-5); /* node 5 has an edge and its loop: 1 in all */
    e = tn_gnn_explain_attention(gat(), in, 2, OPTS(tn_gnn_explain_opts, .index = index_of(0)), OPTS(tn_gnn_attention_explain_opts, .num_hops = 2));
    static const float near[] = {0.423466f, 0.575003f, 0.355017f, 0.3399f, 0, 0, 0, 0, 0, 0};
    SAME(e.edge_mask, near, 2e-5);
    CHECK_ERROR(tn_gnn_explain_attention(gcn(), in, 2, &o, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_attention(gat(), in, 2, &o, OPTS(tn_gnn_attention_explain_opts, .num_hops = 2)), TN_ERR_INVALID);
}
TEST(gradient_explainer) {
    tn_tensor *in[2] = {nodes(), edges()};
    tn_module *m = gcn();
    tn_gnn_explanation e = tn_gnn_explain_gradient(m, in, 2, NULL, TN_GNN_SALIENCY, 0);
    SAME(e.node_mask, sal_node, 2e-5);
    SAME(e.edge_mask, sal_edge, 2e-5);
    e = tn_gnn_explain_gradient(m, in, 2, NULL, TN_GNN_INTEGRATED_GRADIENTS, 0);
    SAME(e.node_mask, ig_node, 2e-4);
    SAME(e.edge_mask, ig_edge, 2e-4);
    const tn_gnn_explanation g = tn_gnn_explain_gradient(m, in, 2, OPTS(tn_gnn_explain_opts, .no_edge_mask = true), TN_GNN_INPUT_X_GRADIENT, 0);
    CHECK(g.node_mask && !g.edge_mask);
    e = tn_gnn_explain_gradient(m, in, 2, NULL, TN_GNN_SALIENCY, 0);
    CHECK(close_to(tn_abs(g.node_mask), tn_mul(e.node_mask, tn_abs(in[0])), 1e-5));
    CHECK_ERROR(tn_gnn_explain_gradient(m, in, 2, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_OBJECT), TN_GNN_SALIENCY, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_gradient(m, in, 2, OPTS(tn_gnn_explain_opts, .mode = TN_GNN_BINARY), TN_GNN_SALIENCY, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_gradient(m, in, 2, NULL, TN_GNN_INTEGRATED_GRADIENTS, -1), TN_ERR_INVALID);
}
static const float pg_node_loss[] = {3.27645f, 3.25409f, 3.29461f, 3.17672f, 3.20883f};
static const float pg_node_mask[] = {0.420983f, 0.420618f, 0.4192f, 0.419486f, 0.421966f, 0.422044f, 0.416444f, 0.41558f, 0, 0, 0.421186f,
    0.417082f, 0};
static const float pg_graph_loss[] = {2.38857f, 2.40448f, 2.30579f, 2.33055f, 2.34407f};
static const float pg_graph_mask[] = {0.415877f, 0.413672f, 0.413581f, 0.411933f, 0.41639f, 0.417351f, 0.408003f, 0.407368f, 0.408599f,
    0.410495f, 0.415669f, 0.41026f, 0.421825f};
/* The explainer's net gets numbers that need no file; then five epochs. */
static void pg(int64_t num_hops, tn_tensor *index, const float *losses, const float *mask) {
    tn_tensor *in[2] = {nodes(), edges()};
    const int64_t y[NODES] = {0, 1, 2, 0, 1, 2}, n = NODES;
    tn_module *m = gcn(), *p = tn_gnn_pg_explainer(CLASSES, OPTS(tn_gnn_pg_opts, .epochs = 5, .lr = 0.01, .num_hops = num_hops, .generator = seed()));
    const tn_gnn_explain_opts o = {.target = tn_from(y, &n, 1, OPTS(tn_tensor_opts, .dtype = TN_I64)), .index = index};
    fill(p, 0.08);
    tn_module_train(m, false);
    tn_tensor *z = tn_call(m, in, 2);
    for (int64_t i = 0; i < 5; i++) CHECK_NEAR(tn_gnn_pg_train(p, i, m, in, 2, z, &o), losses[i], 2e-4);
    const tn_gnn_explanation e = tn_gnn_pg_explain(p, m, in, 2, z, &o);
    same("mask of PGExplainer", e.edge_mask, mask, EDGES, 2e-4);
    CHECK(!e.node_mask && !tn_grad(tn_module_get(m, "conv1.bias")));
}
TEST(pg_explainer_of_nodes) { pg(2, index_of(2), pg_node_loss, pg_node_mask); }
TEST(pg_explainer_of_graphs) { pg(0, NULL, pg_graph_loss, pg_graph_mask); }
TEST(pg_explainer_errors) {
    tn_tensor *in[2] = {nodes(), edges()}, *z = nodes();
    tn_module *m = gcn(), *p = tn_gnn_pg_explainer(3, NULL), *of_nodes = tn_gnn_pg_explainer(3, OPTS(tn_gnn_pg_opts, .num_hops = 2));
    CHECK_ERROR(tn_gnn_pg_explainer(0, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pg_explainer(3, OPTS(tn_gnn_pg_opts, .epochs = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pg_train(m, 0, m, in, 2, z, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pg_train(NULL, 0, m, in, 2, z, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pg_train(p, 0, m, in, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_pg_train(p, 0, m, in, 2, tn_narrow(z, 0, 0, 2), NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_pg_explain(of_nodes, m, in, 2, z, NULL), TN_ERR_INVALID);
    CHECK(!isnan(tn_gnn_pg_train(p, 0, m, in, 2, z, NULL)));
}
/* Readers that are of a class by what one of their four edges comes from, or of the third where all come from noise. */
enum { READERS = 24, SOURCES = 40, EACH = 4 };
typedef struct { tn_tensor *in[2], *y, *index; bool planted[READERS * EACH]; } readers;
static readers readers_new(void) {
    readers r;
    float x[READERS + SOURCES][4] = {{0}};
    int64_t e[2][READERS * EACH], y[READERS];
    for (int64_t i = 0; i < READERS; i++) {
        x[i][3] = 1, y[i] = i % 3;
        for (int64_t k = 0, at = i * EACH; k < EACH; k++, at++) {
            r.planted[at] = i % 3 < 2 && k == i * 7 % EACH;
            e[0][at] = READERS + (r.planted[at] ? i % 3 + 2 * (i % 5) : 10 + (i * 11 + k * 17) % 30);
            e[1][at] = i;
        }
    }
    for (int j = 0; j < SOURCES; j++) x[READERS + j][j < 10 ? j & 1 : 2] = 1;
    r.in[0] = tn_from(x, (const int64_t[]){READERS + SOURCES, 4}, 2, NULL), r.in[1] = pairs(e[0], READERS * EACH);
    r.y = tn_from(y, (const int64_t[]){READERS}, 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
    r.index = tn_arange(0, READERS, 1, OPTS(tn_tensor_opts, .dtype = TN_I64));
    return r;
}
static tn_module *readers_learnt(const readers *r, tn_module *m) {
    tn_optimizer *opt = tn_optim_adam(m, OPTS(tn_adam_opts, .lr = 0.05));
    double loss = 9;
    for (int k = 0; k < 100; k++) {
        TN_SCOPE;
        tn_optim_zero_grad(opt);
        tn_tensor *l = tn_cross_entropy(tn_narrow(tn_call(m, r->in, 2), 0, 0, READERS), r->y, NULL);
        CHECK(tn_backward(l) == TN_OK && tn_optim_step(opt) == TN_OK);
        loss = tn_item(l);
    }
    CHECK(loss < 0.05);
    tn_optim_zero_grad(opt);
    return m;
}
/* How often a planted edge counts more than another, ties half; and what the others have in the mean. */
static double auc(const readers *r, tn_tensor *mask, double *others) {
    const float *v = (const float *)tn_test_values(mask);
    double hits = 0, pairs_of = 0, sum = 0, n = 0;
    for (int a = 0; a < READERS * EACH; a++) {
        if (!r->planted[a]) sum += (double)v[a], n++;
        for (int b = 0; r->planted[a] && b < READERS * EACH; b++)
            if (!r->planted[b]) pairs_of++, hits += v[a] > v[b] ? 1 : v[a] < v[b] ? 0 : 0.5;
    }
    *others = sum / n;
    return hits / pairs_of;
}
TEST(graph_mask) {
    const readers r = readers_new();
    const tn_gnn_explain_opts o = {.index = r.index};
    tn_manual_seed(1);
    for (int kind = 0; kind < 2; kind++) {
        tn_module *m = readers_learnt(&r, kind ? two_new(tn_gnn_gcn_conv(4, 8, NULL), tn_gnn_gcn_conv(8, 3, NULL)) : two_new(tn_gnn_graph_conv(4, 8, NULL), tn_gnn_graph_conv(8, 3, NULL)));
        double others;
        const tn_gnn_explanation e = tn_gnn_explain_graph_mask(m, r.in, 2, &o, OPTS(tn_gnn_graph_mask_opts, .generator = seed()));
        if (!e.edge_mask) TN_TEST_FAIL("model %d: %s", kind, tn_error());
        const double found = auc(&r, e.edge_mask, &others);
        if (found < 0.9 || others > 0.1) TN_TEST_FAIL("model %d: AUC %g, others %g", kind, found, others);
        CHECK(tn_ndim(e.edge_mask) == 1 && tn_size(e.node_mask, 1) == 4 && tn_module_training(m) && !tn_gnn_explaining());
        CHECK(!tn_grad(tn_dict_at(tn_named_parameters(m), 0)) && close_to(tn_call(m, r.in, 2), e.prediction, 0));
        const tn_gnn_explanation any = {NULL, tn_gnn_explain_threshold(e.edge_mask, TN_GNN_THRESHOLD_HARD, 0.25), NULL, NULL}; /* of either layer; GCN misses the baselines */
        const tn_gnn_fidelities f = tn_gnn_fidelity(m, r.in, 2, &any, &o);
        if (f.pos < 0.6 || (!kind && f.neg > 0.1)) TN_TEST_FAIL("model %d: fidelity %g, %g", kind, f.pos, f.neg);
        const tn_gnn_explanation again = tn_gnn_explain_graph_mask(m, r.in, 2, &o, OPTS(tn_gnn_graph_mask_opts, .generator = seed()));
        CHECK(close_to(e.edge_mask, again.edge_mask, 0) && close_to(e.node_mask, again.node_mask, 0));
        const tn_gnn_explanation other = tn_gnn_explain_graph_mask(m, r.in, 2, &o, OPTS(tn_gnn_graph_mask_opts, .epochs = 2, .generator = tn_generator_new(5)));
        CHECK(!close_to(e.node_mask, other.node_mask, 1e-6));
    }
}
TEST(graph_mask_of_all_layers) { /* also with loops of the graph's own, and of layers' */
    tn_tensor *in[2] = {nodes(), edges()};
    tn_module *layers[LAYERS];
    make_layers(layers);
    for (int i = 0; i < LAYERS; i++) {
        TN_SCOPE;
        const tn_gnn_explanation e = tn_gnn_explain_graph_mask(layers[i], in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .epochs = 2, .per_layer = true, .generator = seed()));
        if (!e.edge_mask) TN_TEST_FAIL("layer %d, %s: %s", i, layers[i]->kind, tn_error());
        else CHECK(tn_ndim(e.edge_mask) == 2 && tn_size(e.edge_mask, 1) == EDGES && tn_item(tn_min(e.edge_mask)) >= 0 && tn_item(tn_max(e.edge_mask)) <= 1);
    }
    const tn_gnn_explanation e = tn_gnn_explain_graph_mask(two_new(layers[1], tn_gnn_appnp(2, 0.1, NULL)), in, 2, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_NONE),
                                                           OPTS(tn_gnn_graph_mask_opts, .epochs = 1, .per_layer = true));
    CHECK(!e.node_mask && tn_size(e.edge_mask, 0) == 3); /* APPNP passes messages twice */
}
TEST(graph_mask_errors) {
    tn_tensor *x = nodes(), *in[2] = {x, edges()}, *alone[2] = {x, tn_empty((const int64_t[]){2, 0}, 2, OPTS(tn_tensor_opts, .dtype = TN_I64))};
    tn_tensor *typed[3] = {x, in[1], tn_zeros((const int64_t[]){EDGES}, 1, OPTS(tn_tensor_opts, .dtype = TN_I64))};
    tn_module *m = sage();
    CHECK_ERROR(tn_gnn_explain_graph_mask(NULL, in, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 1, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 2, OPTS(tn_gnn_explain_opts, .no_edge_mask = true), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .epochs = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .penalty_scaling = 11)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .init_lambda = 2)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(m, in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .allowance = -0.5)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(tn_nn_linear(3, 3, NULL), in, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_graph_mask(tn_gnn_rgcn_conv(3, 4, 1, NULL), typed, 3, NULL, NULL), TN_ERR_UNSUPPORTED);
    CHECK(!tn_gnn_explaining() && tn_is_grad_enabled());
    const tn_gnn_explanation e = tn_gnn_explain_graph_mask(m, alone, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .epochs = 1));
    CHECK(e.node_mask && e.edge_mask && tn_numel(e.edge_mask) == 0);
}
/* -- several kinds -- */
static const float het_out[] = {-0.737201f, -0.48993f, 0.154256f, 0.515903f, -1.50078f, 0.714127f, 0.105884f, -1.72118f, 1.51944f,
    -1.40743f, -0.565636f, 0.960266f, -0.741378f, -1.17448f, 1.38618f};
static const float het_gnn_node[] = {0, 0.424527f, 0.379377f, 0.439214f, 0.405339f, 0.392258f, 0.548155f, 0.573989f, 0.415544f, 0, 0, 0, 0,
    0, 0, 0.435188f, 0.418514f, 0.434233f, 0.405073f, 0, 0, 0, 0};
static const float het_gnn_edge[] = {0, 0.599816f, 0.750284f, 0, 0, 0, 0.325006f, 0, 0, 0, 0.657905f, 0.157335f, 0.616291f, 0, 0, 0};
static const float het_all_node[] = {0, 0.418429f, 0.374531f, 0.439071f, 0.39971f, 0.392862f, 0.454167f, 0.458664f, 0.409016f, 0.416881f,
    0.411228f, 0.430655f, 0.416037f, 0.453815f, 0.40692f, 0.429212f, 0.418982f, 0.434142f, 0.40514f, 0.396161f, 0.440985f, 0.472407f,
    0.455233f};
static const float het_all_edge[] = {0.684374f, 0.460527f, 0.750418f, 0.24688f, 0.309092f, 0.423662f, 0.318922f, 0.648586f, 0.251766f,
    0.606321f, 0.657674f, 0.158453f, 0.61758f, 0, 0.364196f, 0.619622f};
static const float het_sal_node[] = {0.3832f, 0.224835f, 0.10368f, 0.27922f, 0.18209f, 0.505598f, 0.304247f, 0.367384f, 0.760985f,
    0.340661f, 0.339735f, 0.081704f, 1.13916f, 0.0834415f, 1.03542f, 0.400841f, 0.868518f, 0.490828f, 1.01f, 1.41169f, 0.667658f, 0.192069f,
    0.360528f};
static const float het_sal_edge[] = {0.336041f, 0.764918f, 0.0977598f, 0.312805f, 0.0923564f, 0.34094f, 0.576916f, 0.0902497f, 1.2237f,
    0.546929f, 0.193037f, 1.11499f, 1.0245f, 0, 0.586448f, 0.444339f};
static const float het_ixg_node[] = {0, 0.144843f, -0.102172f, 0.241025f, -0.0609981f, 0.177355f, -0.265174f, 0.360937f, 0.480384f,
    -0.00572775f, -0.223201f, -0.0807373f, 0.973523f, 0.0266261f, 0.37946f, 0.337296f, 0.861279f, 0.331536f, 0.0419966f, 0.863754f,
    0.652656f, 0.169684f, 0.134793f};
static const float het_ixg_edge[] = {-0.336041f, 0.764918f, 0.0977598f, -0.312805f, 0.0923564f, 0.34094f, 0.576916f, 0.0902497f, 1.2237f,
    0.546929f, 0.193037f, 1.11499f, 1.0245f, 0, 0.586448f, 0.444339f};
static const float het_ig_node[] = {0, -0.117661f, 0.0739085f, -0.221637f, -0.0872292f, 0.0234914f, 0.228156f, 0.27179f, 0.0518622f,
    -0.00659477f, -0.208113f, -0.00156719f, 0.237138f, 0.0103894f, 0.086858f, -0.0221831f, 0.391993f, -0.125574f, 0.0156747f, 0.333603f,
    0.156459f, 0.342598f, 0.0456971f};
static const float het_ig_edge[] = {-0.0680392f, 0.140953f, 0.110458f, -0.104268f, -0.0954766f, 0.0548686f, 0.0700699f, -0.0795029f,
    0.40589f, 0.338727f, -0.0795525f, 0.753371f, 0.642645f, 0, 0.360436f, 0.441946f};
static const float het_masked[] = {-0.804341f, -0.106054f, -0.467092f, 0.719952f, -1.85261f, 1.14109f, 0.189353f, -0.989315f, 0.123358f,
    0.168341f, -1.08603f, 0.317833f, 1.40193f, -1.89921f, 0.542702f};
enum { KINDS = 3 };
static const char *const kinds[KINDS] = {"a__to__b", "b__back__a", "a__like__a"};
typedef struct { tn_module *all, *conv1, *conv2; } hetero_net;
static hetero_net hetero_new(void) {
    tn_module *first[] = {tn_gnn_sage_conv(3, 4, OPTS(tn_sage_opts, .in_channels_dst = 2)), tn_gnn_sage_conv(2, 4, OPTS(tn_sage_opts, .in_channels_dst = 3)), tn_gnn_gcn_conv(3, 4, NULL)};
    tn_module *second[] = {tn_gnn_sage_conv(4, 3, OPTS(tn_sage_opts, .in_channels_dst = 4)), tn_gnn_sage_conv(4, 3, OPTS(tn_sage_opts, .in_channels_dst = 4)), tn_gnn_gat_conv(4, 3, NULL)};
    hetero_net m = {NULL, tn_gnn_hetero_conv(kinds, first, KINDS, "sum"), tn_gnn_hetero_conv(kinds, second, KINDS, "sum")};
    m.all = TN_CHECK(tn_nn_module_list((tn_module *[]){m.conv1, m.conv2}, 2));
    fill(m.all, 0.8);
    return m;
}
static tn_dict *relu_all(tn_dict *x) {
    for (int i = 0; x && i < tn_dict_len(x); i++)
        if (tn_dict_set(x, tn_dict_name(x, i), tn_relu(tn_dict_at(x, i))) != TN_OK) return NULL;
    return x;
}
static tn_tensor *hetero_run(void *user, tn_dict *x, tn_dict *edge_index) {
    const hetero_net *m = (const hetero_net *)user;
    tn_dict *h = relu_all(tn_gnn_hetero_forward(m->conv1, x, edge_index, NULL));
    h = h ? tn_gnn_hetero_forward(m->conv2, h, edge_index, NULL) : NULL;
    return h ? tn_dict_get(h, "a") : NULL;
}
static tn_dict *hetero_x(void) {
    tn_dict *x = tn_dict_new();
    (void)tn_dict_set(x, "a", waves((const int64_t[]){5, 3}, 2, 0.7, 0, 1)), (void)tn_dict_set(x, "b", waves((const int64_t[]){4, 2}, 2, 0.7, 1, 1));
    return x;
}
static tn_dict *hetero_edges(void) {
    tn_dict *e = tn_dict_new();
    (void)tn_dict_set(e, kinds[0], pairs((const int64_t[]){0, 1, 2, 3, 4, 4, 0, 1, 1, 2, 3, 0}, 6));
    (void)tn_dict_set(e, kinds[1], pairs((const int64_t[]){0, 1, 2, 3, 1, 1, 0, 3, 4, 2}, 5));
    (void)tn_dict_set(e, kinds[2], pairs((const int64_t[]){0, 1, 2, 2, 4, 1, 2, 2, 0, 3}, 5));
    return e;
}
/* Its entries in a row. */
static tn_tensor *joined(tn_dict *d) {
    tn_tensor *part[KINDS];
    const int n = tn_dict_len(d);
    for (int i = 0; i < n; i++) part[i] = tn_reshape(tn_dict_at(d, i), (const int64_t[]){-1}, 1);
    return tn_cat(part, n, 0);
}
static bool masks_are(const tn_gnn_hetero_explanation *e) {
    return e->node_mask && e->edge_mask && tn_dict_len(e->node_mask) == 2 && tn_dict_len(e->edge_mask) == KINDS && tn_size(tn_dict_get(e->node_mask, "b"), 1) == 2 &&
        tn_size(tn_dict_get(e->edge_mask, kinds[0]), 0) == 6;
}
TEST(hetero_explainer) {
    hetero_net net = hetero_new();
    const tn_gnn_hetero_model m = {hetero_run, &net, net.all};
    tn_dict *x = hetero_x(), *ei = hetero_edges();
    tn_module_train(net.all, true);
    tn_gnn_hetero_explanation e = tn_gnn_hetero_explain(&m, x, ei, OPTS(tn_gnn_explain_opts, .index = index_of(2)), OPTS(tn_gnn_explainer_opts, .epochs = 30, .generator = seed()));
    if (!e.node_mask) TN_TEST_FAIL("%s", tn_error());
    SAME(e.prediction, het_out, 2e-5);
    CHECK(masks_are(&e));
    SAME(joined(e.node_mask), het_gnn_node, 2e-4);
    SAME(joined(e.edge_mask), het_gnn_edge, 2e-4);
    e = tn_gnn_hetero_explain(&m, x, ei, NULL, OPTS(tn_gnn_explainer_opts, .epochs = 30, .generator = seed()));
    SAME(joined(e.node_mask), het_all_node, 2e-4);
    SAME(joined(e.edge_mask), het_all_edge, 2e-4);
    const tn_gnn_fidelities f = tn_gnn_hetero_fidelity(&m, x, ei, &e, NULL);
    CHECK(f.pos == 0 && f.neg == 0);
    CHECK_NEAR(tn_gnn_hetero_unfaithfulness(&m, x, ei, &e, NULL, 0), 0.153072, 1e-4);
    CHECK_NEAR(tn_gnn_hetero_unfaithfulness(&m, x, ei, &e, NULL, 9), tn_gnn_hetero_unfaithfulness(&m, x, ei, OPTS(tn_gnn_hetero_explanation, .edge_mask = e.edge_mask), NULL, 0), 1e-6);
    CHECK(tn_module_training(net.all) && !tn_gnn_edge_mask() && !tn_grad(tn_dict_at(tn_named_parameters(net.all), 0)));
    const tn_gnn_hetero_model without = {hetero_run, &net, NULL};
    e = tn_gnn_hetero_explain(&without, x, ei, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_OBJECT, .no_edge_mask = true), OPTS(tn_gnn_explainer_opts, .epochs = 2));
    CHECK(e.node_mask && !e.edge_mask && tn_size(tn_dict_get(e.node_mask, "b"), 1) == 1);
}
TEST(hetero_gradients) {
    hetero_net net = hetero_new();
    const tn_gnn_hetero_model m = {hetero_run, &net, net.all};
    tn_dict *x = hetero_x(), *ei = hetero_edges();
    tn_gnn_hetero_explanation e = tn_gnn_hetero_explain_gradient(&m, x, ei, NULL, TN_GNN_SALIENCY, 0);
    CHECK(masks_are(&e));
    SAME(joined(e.node_mask), het_sal_node, 2e-5);
    SAME(joined(e.edge_mask), het_sal_edge, 2e-5);
    e = tn_gnn_hetero_explain_gradient(&m, x, ei, NULL, TN_GNN_INPUT_X_GRADIENT, 0);
    SAME(joined(e.node_mask), het_ixg_node, 2e-5);
    SAME(joined(e.edge_mask), het_ixg_edge, 2e-5);
    e = tn_gnn_hetero_explain_gradient(&m, x, ei, NULL, TN_GNN_INTEGRATED_GRADIENTS, 0);
    SAME(joined(e.node_mask), het_ig_node, 2e-4);
    SAME(joined(e.edge_mask), het_ig_edge, 2e-4);
    e = tn_gnn_hetero_explain_gradient(&m, x, ei, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_NONE), TN_GNN_SALIENCY, 0);
    CHECK(!e.node_mask);
    SAME(joined(e.edge_mask), het_sal_edge, 2e-5);
}
TEST(hetero_masks_given) {
    hetero_net net = hetero_new();
    const tn_gnn_hetero_model m = {hetero_run, &net, net.all};
    tn_dict *x = hetero_x(), *ei = hetero_edges(), *node = tn_dict_new(), *edge = tn_dict_new(), *one = tn_dict_new();
    (void)tn_dict_set(node, "b", waves((const int64_t[]){4, 2}, 2, 1.1, 0.5, 1)), (void)tn_dict_set(node, "a", waves((const int64_t[]){5, 3}, 2, 1.3, 0.5, 1));
    for (int k = 0; k < KINDS; k++) (void)tn_dict_set(edge, kinds[k], waves((const int64_t[]){k ? 5 : 6}, 1, 1.3, k, 1));
    SAME(tn_gnn_hetero_masked_prediction(&m, x, ei, node, edge), het_masked, 2e-5);
    SAME(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, NULL), het_out, 2e-5);
    const tn_gnn_hetero_explanation e = {node, edge, NULL, NULL};
    const tn_gnn_fidelities f = tn_gnn_hetero_fidelity(&m, x, ei, &e, NULL);
    CHECK_NEAR(f.pos, 0.2, 1e-6);
    CHECK_NEAR(f.neg, 0.6, 1e-6);
    CHECK_NEAR(tn_gnn_hetero_unfaithfulness(&m, x, ei, &e, NULL, 0), 0.312468, 1e-4);
    /* of one kind alone: the others are as they were */
    (void)tn_dict_set(one, kinds[1], tn_ones((const int64_t[]){5}, 1, NULL));
    SAME(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, one), het_out, 2e-5);
    (void)tn_dict_set(one, kinds[1], tn_zeros((const int64_t[]){5}, 1, NULL));
    tn_dict *cut = hetero_edges();
    (void)tn_dict_set(cut, kinds[1], tn_narrow(tn_dict_get(cut, kinds[1]), 1, 0, 0));
    CHECK(close_to(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, one), hetero_run(&net, x, cut), 1e-5));
    CHECK(!tn_gnn_edge_mask());
}
/* HGT and HAN: a kind of edges that weighs nothing is absent, but for the softmax; gradients reach each kind. */
static const char *const two_kinds[] = {"a", "b"};
static tn_tensor *hgt_run(void *user, tn_dict *x, tn_dict *edge_index) {
    tn_dict *y = tn_gnn_hgt_forward((tn_module *)user, x, edge_index);
    return y ? tn_dict_get(y, "a") : NULL;
}
static tn_tensor *han_run(void *user, tn_dict *x, tn_dict *edge_index) {
    tn_dict *y = tn_gnn_han_forward((tn_module *)user, x, edge_index);
    return y ? tn_dict_get(y, "a") : NULL;
}
TEST(hetero_attention) {
    const int64_t wide[] = {3, 2};
    const tn_gnn_metadata meta = {two_kinds, wide, 2, kinds, KINDS};
    tn_dict *x = hetero_x(), *ei = hetero_edges(), *ones = tn_dict_new(), *none = tn_dict_new();
    for (int k = 0; k < KINDS; k++) {
        const int64_t n = k ? 5 : 6;
        (void)tn_dict_set(ones, kinds[k], tn_ones(&n, 1, NULL)), (void)tn_dict_set(none, kinds[k], tn_zeros(&n, 1, NULL));
    }
    for (int i = 0; i < 2; i++) {
        tn_module *layer = i ? tn_gnn_han_conv(&meta, 4, OPTS(tn_gnn_han_opts, .heads = 2)) : tn_gnn_hgt_conv(&meta, 4, 2);
        fill(layer, 0.8);
        const tn_gnn_hetero_model m = {i ? han_run : hgt_run, layer, layer};
        tn_tensor *y = m.forward(layer, x, ei);
        CHECK(close_to(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, ones), y, 1e-6));
        tn_tensor *nothing = tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, none);
        CHECK(close_to(tn_sub(nothing, tn_narrow(nothing, 0, 0, 1)), tn_zeros_like(nothing, NULL), 1e-6)); /* all nodes the same */
        const tn_gnn_hetero_explanation e = tn_gnn_hetero_explain_gradient(&m, x, ei, NULL, TN_GNN_SALIENCY, 0);
        if (!e.edge_mask) TN_TEST_FAIL("layer %d: %s", i, tn_error());
        else for (int k = 0; k < KINDS; k++) CHECK((tn_item(tn_max(tn_dict_get(e.edge_mask, kinds[k]))) > 0) == (k > 0)); /* nothing leads from b's result to a */
        /* of one edge's weight the quotient of differences */
        tn_dict *more = tn_dict_new();
        tn_tensor *w = tn_ones((const int64_t[]){5}, 1, NULL);
        tn_test_set(w, 2, 1.01);
        (void)tn_dict_set(more, kinds[1], w);
        tn_tensor *best = tn_unsqueeze(tn_argmax(y, OPTS(tn_reduce_opts, .dim = 1, .has_dim = true)), 1);
        tn_tensor *change = tn_sum(tn_gather(tn_sub(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, more), y), 1, best), NULL);
        CHECK_NEAR(fabs(tn_item(change)) / 0.01, tn_item(tn_select(tn_dict_get(e.edge_mask, kinds[1]), 0, 2)), 2e-3);
    }
}
static tn_tensor *gives_none(void *user, tn_dict *x, tn_dict *edge_index) {
    (void)user, (void)x, (void)edge_index;
    return tn_error_set(TN_ERR_INVALID, "no result"), (tn_tensor *)NULL;
}
static tn_tensor *gives_edges(void *user, tn_dict *x, tn_dict *edge_index) { /* edges of a handle of its own */
    tn_module *m = (tn_module *)user;
    tn_tensor *in[2] = {tn_dict_get(x, "a"), tn_clone(tn_dict_get(edge_index, kinds[2]))};
    return tn_call(m, in, 2);
}
TEST(hetero_errors) {
    hetero_net net = hetero_new();
    const tn_gnn_hetero_model m = {hetero_run, &net, net.all}, none = {gives_none, NULL, NULL}, other = {gives_edges, tn_gnn_sage_conv(3, 3, NULL), NULL}, empty = {NULL, NULL, NULL};
    tn_dict *x = hetero_x(), *ei = hetero_edges(), *few = tn_dict_new(), *wrong = tn_dict_new();
    CHECK_ERROR(tn_gnn_hetero_explain(NULL, x, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&empty, x, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, NULL, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, x, NULL, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, few, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, x, few, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, ei, ei, NULL, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, x, x, NULL, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_hetero_explain(&none, x, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&other, x, ei, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, x, ei, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_NONE, .no_edge_mask = true), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain(&m, x, ei, NULL, OPTS(tn_gnn_explainer_opts, .epochs = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_explain_gradient(&m, x, ei, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_OBJECT), TN_GNN_SALIENCY, 0), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_hetero_fidelity(&m, x, ei, NULL, NULL), TN_ERR_INVALID);
    (void)tn_dict_set(wrong, "c", tn_dict_get(x, "a"));
    CHECK_ERROR(tn_gnn_hetero_masked_prediction(&m, x, ei, wrong, NULL), TN_ERR_INVALID);
    (void)tn_dict_set(few, kinds[0], tn_ones((const int64_t[]){3}, 1, NULL));
    CHECK_ERROR(tn_gnn_hetero_masked_prediction(&m, x, ei, NULL, few), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_set_edge_masks(ei, few), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_set_edge_masks(ei, NULL), TN_ERR_INVALID);
    CHECK(!tn_gnn_edge_mask() && tn_is_grad_enabled() && !tn_gnn_explaining());
}
TEST(thresholds) {
    const float v[] = {0.2f, 0.9f, 0.5f, 0.7f}, hard[] = {0, 1, 0, 1}, top[] = {0, 0.9f, 0.5f, 0.7f}, top_hard[] = {0, 1, 1, 1}, ones[] = {1, 1, 1, 1};
    tn_tensor *m = tn_from(v, (const int64_t[]){2, 2}, 2, NULL);
    SAME(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_HARD, 0.5), hard, 0);
    SAME(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK, 3), top, 0);
    SAME(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK_HARD, 3), top_hard, 0);
    SAME(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK_HARD, 9), ones, 0);
    SAME(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK, 9), v, 0);
    CHECK(tn_ndim(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK, 3)) == 2);
    CHECK_ERROR(tn_gnn_explain_threshold(m, TN_GNN_THRESHOLD_TOPK, -1), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain_threshold(NULL, TN_GNN_THRESHOLD_HARD, 0), TN_ERR_INVALID);
    CHECK_NEAR(tn_gnn_characterization_score((tn_gnn_fidelities){0.8, 0.3}, 0, 0), 0.7466667, 1e-6);
}
TEST(fidelity) { /* nothing but edges: with all of them each class stays, without any some change */
    tn_tensor *in[2] = {nodes(), edges()};
    tn_module *m = sage();
    const tn_gnn_explanation all = {NULL, tn_ones((const int64_t[]){EDGES}, 1, NULL), NULL, NULL};
    const tn_gnn_fidelities f = tn_gnn_fidelity(m, in, 2, &all, NULL);
    tn_tensor *with = tn_gnn_masked_prediction(m, in, 2, NULL, all.edge_mask), *without = tn_gnn_masked_prediction(m, in, 2, NULL, tn_zeros_like(all.edge_mask, NULL));
    const tn_reduce_opts last = {.dim = 1, .has_dim = true};
    CHECK_NEAR(f.neg, 0, 1e-9);
    CHECK_NEAR(f.pos, tn_item(tn_mean(tn_to_dtype(tn_ne(tn_argmax(with, &last), tn_argmax(without, &last)), TN_F64), NULL)), 1e-9);
    CHECK(f.pos > 0);
    CHECK_NEAR(tn_gnn_unfaithfulness(m, in, 2, &all, NULL, 0), 0, 1e-6);
}
TEST(errors) {
    tn_tensor *ei = edges(), *x = nodes(), *in[2] = {x, ei}, *flat[2] = {tn_select(x, 1, 0), ei}, *absent[2] = {x, NULL};
    const int64_t none = 0, edge_shape[2] = {2, 0};
    tn_module *m = gcn();
    CHECK_ERROR(tn_gnn_explain(NULL, in, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, in, 1, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, absent, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, in, 17, NULL, NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, flat, 2, NULL, NULL), TN_ERR_SHAPE);
    CHECK_ERROR(tn_gnn_explain(m, in, 2, OPTS(tn_gnn_explain_opts, .node_mask = TN_GNN_MASK_NONE, .no_edge_mask = true), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, in, 2, OPTS(tn_gnn_explain_opts, .mode = TN_GNN_BINARY, .returns = TN_GNN_LOG_PROBS), NULL), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, in, 2, NULL, OPTS(tn_gnn_explainer_opts, .epochs = -1)), TN_ERR_INVALID);
    CHECK_ERROR(tn_gnn_explain(m, in, 2, OPTS(tn_gnn_explain_opts, .index = index_of(99)), NULL), TN_ERR_INDEX);
    CHECK_ERROR(tn_gnn_explain(tn_nn_linear(3, 3, NULL), in, 2, NULL, NULL), TN_ERR_INVALID); /* edges have no part in it */
    CHECK_ERROR(tn_gnn_fidelity(m, in, 2, NULL, NULL), TN_ERR_INVALID);
    CHECK(!tn_gnn_edge_mask());
    /* a graph without edges */
    tn_tensor *alone[2] = {x, tn_empty(edge_shape, 2, OPTS(tn_tensor_opts, .dtype = TN_I64))};
    const tn_gnn_explanation e = tn_gnn_explain(m, alone, 2, NULL, OPTS(tn_gnn_explainer_opts, .epochs = 2, .generator = seed()));
    CHECK(e.node_mask && e.edge_mask && tn_size(e.edge_mask, 0) == none);
}
static hetero_net shared;
static tn_dict *shared_x, *shared_edges;
/* Explainer i run once; false where an allocation failed. */
static bool explain_one(int i, tn_module *const *m, tn_tensor *const *in) {
    TN_SCOPE;
    const tn_gnn_explainer_opts w = {.epochs = 2};
    if (i == 0) return tn_gnn_explain(m[0], in, 2, NULL, &w).edge_mask != NULL;
    if (i == 1) return tn_gnn_explain_attention(m[1], in, 2, NULL, NULL).edge_mask != NULL;
    if (i == 2) return tn_gnn_explain_gradient(m[0], in, 2, NULL, TN_GNN_INTEGRATED_GRADIENTS, 2).edge_mask != NULL;
    if (i == 3) return !isnan(tn_gnn_pg_train(m[2], 0, m[0], in, 2, in[0], NULL)) && tn_gnn_pg_explain(m[2], m[0], in, 2, in[0], NULL).edge_mask;
    if (i == 5) return tn_gnn_explain_graph_mask(m[0], in, 2, NULL, OPTS(tn_gnn_graph_mask_opts, .epochs = 1)).edge_mask != NULL;
    const tn_gnn_hetero_model of = {hetero_run, &shared, shared.all};
    if (i == 4) {
        const tn_gnn_hetero_explanation h = tn_gnn_hetero_explain(&of, shared_x, shared_edges, NULL, OPTS(tn_gnn_explainer_opts, .epochs = 1));
        return h.edge_mask && !isnan(tn_gnn_hetero_fidelity(&of, shared_x, shared_edges, &h, NULL).pos);
    }
    const tn_gnn_explanation e = {NULL, in[2], NULL, NULL};
    return !isnan(tn_gnn_fidelity(m[0], in, 2, &e, NULL).pos) && !isnan(tn_gnn_unfaithfulness(m[0], in, 2, &e, NULL, 0)) && tn_gnn_explain_threshold(in[2], TN_GNN_THRESHOLD_TOPK, 2);
}
TEST(memory) { /* every allocation fails once: an error, and no mask, mode or listener is left */
    HOST_ONLY;
    tn_tensor *in[3] = {nodes(), edges(), tn_ones((const int64_t[]){EDGES}, 1, NULL)};
    tn_module *m[3] = {gcn(), gat(), tn_gnn_pg_explainer(FEATURES, NULL)};
    shared = hetero_new(), shared_x = hetero_x(), shared_edges = hetero_edges();
    tn_set_log(NULL, NULL);
    for (int i = 0; i < 7; i++) {
        int64_t n = 1;
        for (bool done = false; !done && n < 6000; n++) {
            tn_error_clear();
            tn_fault_alloc(n, false);
            done = explain_one(i, m, in);
            tn_fault_alloc(0, false);
            if (!done && tn_error_code() != TN_ERR_MEMORY) TN_TEST_FAIL("explainer %d, allocation %lld: %s", i, (long long)n, tn_error());
            if (tn_gnn_explaining() || !tn_module_training(m[0]) || !tn_is_grad_enabled()) TN_TEST_FAIL("explainer %d, allocation %lld: something is left", i, (long long)n);
        }
        if (n < 10 || n == 6000) TN_TEST_FAIL("explainer %d: %lld allocations", i, (long long)n);
    }
    tn_error_clear();
}
RUN_ALL
