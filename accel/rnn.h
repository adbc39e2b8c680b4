/* kit: the rows of section rnn: a product of matrices and a kernel over the gates for each step. */
typedef struct { int kind; bool reverse; int64_t steps, b, h, wide, state; } kit_rnn; /* wide: of the gates; state: b * h */
static bool kit_rnn_of(kit_rnn *r, const tn__attr_rnn *a, const tn_accel_tensor *x, const tn_accel_tensor *w) {
    r->kind = a->kind;
    r->reverse = a->reverse != 0;
    r->steps = x->shape[0], r->b = x->shape[1];
    r->wide = w->shape[0], r->h = w->shape[1];
    r->state = r->b * r->h;
    return a->kind >= TN__RNN_TANH && a->kind <= TN__RNN_GRU;
}
/* The step that runs i-th, and the one whose state it begins from. */
static int64_t kit_rnn_step(const kit_rnn *r, int64_t i) { return r->reverse ? r->steps - 1 - i : i; }
static int64_t kit_rnn_before(const kit_rnn *r, int64_t i) { return kit_rnn_step(r, i - 1); }
/* Step number step of a dense operand, count elements a step. */
static tn_accel_tensor kit_rnn_at(const tn_accel_tensor *t, int64_t step, int64_t count) {
    tn_accel_tensor s = *t;
    s.offset += (uint64_t)(step * count) * kit_size_of(t->dtype);
    return s;
}
static void kit_rnn_begin(kit *k, kit_launch *l, const kit_rnn *r, const char *kernel, kit_type type) {
    kit_begin(k, l, kernel, type);
    kit_const(l, "KIND", r->kind);
    kit_const(l, "GATES", tn__rnn_gates(r->kind));
    kit_size(l, "HIDDEN", r->h);
    kit_size(l, "COUNT", r->state);
    kit_reach(l, r->b * r->wide);
}
/* What a call's layer reads and writes, dense. */
typedef struct { kit_dense x, h0, w, c0, y; tn_accel_tensor hidden, kept, gates, bias; int64_t y_n, hidden_n; } kit_rnn_layer;
static tn_accel_status kit_rnn_gates_step(kit *k, const kit_rnn *r, const kit_rnn_layer *v, int64_t i) {
    kit_launch l;
    const int64_t t = kit_rnn_step(r, i);
    const bool lstm = r->kind == TN__RNN_LSTM, gru = r->kind == TN__RNN_GRU;
    const tn_accel_tensor x = kit_rnn_at(&v->x.t, t, r->b * r->wide), y = kit_rnn_at(&v->y.t, t, r->state);
    const tn_accel_tensor *states = lstm ? &v->kept : &v->y.t, before = i ? kit_rnn_at(states, kit_rnn_before(r, i), r->state) : lstm ? v->c0.t : v->h0.t;
    kit_rnn_begin(k, &l, r, "rnn_step", kit_compute(v->hidden.dtype));
    kit_in(&l, "from_x", &x);
    kit_in(&l, "from_h", &v->hidden);
    kit_out(&l, "to_h", &y);
    if (!lstm && !gru) return kit_go_items(&l, r->state);
    const tn_accel_tensor kept = kit_rnn_at(&v->kept, t, r->state), gates = kit_rnn_at(&v->gates, t, r->b * r->wide);
    kit_in(&l, "before", &before);
    kit_out(&l, "to_kept", &kept);
    kit_out(&l, "to_gates", &gates);
    return kit_go_items(&l, r->state);
}
/* The share of the state before in the gates. */
static tn_accel_status kit_rnn_hidden(kit *k, const kit_rnn *r, const kit_rnn_layer *v, int64_t i) {
    const tn_accel_tensor h = i ? kit_rnn_at(&v->y.t, kit_rnn_before(r, i), r->state) : v->h0.t;
    kit_gemm_call g = kit_gemm_of(&h, &v->w.t, &v->hidden);
    g.m = r->b, g.n = r->wide, g.k = r->h;
    g.a_step.row = r->h, g.a_step.col = 1;
    g.b_step.row = 1, g.b_step.col = r->h;
    g.c_step.row = r->wide, g.c_step.col = 1;
    g.bias = v->bias;
    if (!kit_absent(&g.bias)) g.bias_step.col = g.bias.strides[0];
    return kit_gemm(k, &g);
}
static tn_accel_status kit_op_rnn_layer(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_rnn, a, c);
    kit_rnn r;
    kit_rnn_layer v;
    tn_accel_tensor absent;
    const tn_accel_tensor *y = &c->out[0];
    const int32_t dt = y->dtype == TN_F64 ? TN_F64 : TN_F32;
    memset(&absent, 0, sizeof absent);
    absent.ndim = -1;
    if (!kit_rnn_of(&r, a, &c->in[0], &c->in[2])) return TN_ACCEL_UNSUPPORTED;
    if (a->kind == TN__RNN_LSTM && (c->n_in < 5 || kit_absent(&c->in[4]))) return TN_ACCEL_UNSUPPORTED;
    v.bias = c->n_in > 3 ? c->in[3] : absent;
    v.kept = c->n_out > 1 ? c->out[1] : absent;
    v.gates = c->n_out > 2 ? c->out[2] : absent;
    if (!kit_contiguous(y) || (a->kind >= TN__RNN_LSTM && (kit_absent(&v.kept) || kit_absent(&v.gates) || !kit_contiguous(&v.kept) || !kit_contiguous(&v.gates)))) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &v.x, &c->in[0]));
    KIT_TRY(kit_densely(k, &v.h0, &c->in[1]));
    KIT_TRY(kit_densely(k, &v.w, &c->in[2]));
    KIT_TRY(kit_densely(k, &v.c0, c->n_in > 4 ? &c->in[4] : &absent));
    v.y.t = *y;
    v.y_n = r.steps * r.state;
    v.hidden_n = r.b * r.wide;
    if (y->dtype != dt) { /* halves: the state goes on in f32 */
        kit_scratch(k, &v.y.t, dt, &v.y_n);
        v.y.t.shape = y->shape, v.y.t.strides = y->strides, v.y.t.ndim = y->ndim;
    }
    kit_scratch(k, &v.hidden, dt, &v.hidden_n);
    const uint64_t used = k->scratch_used; /* what a product takes is free for the next step's */
    uint64_t most = used;
    for (int64_t i = 0; r.state && i < r.steps; i++) {
        k->scratch_used = used;
        KIT_TRY(kit_rnn_hidden(k, &r, &v, i));
        KIT_TRY(kit_rnn_gates_step(k, &r, &v, i));
        most = TN__MAX(most, k->scratch_used);
    }
    k->scratch_used = most;
    return y->dtype == dt ? TN_ACCEL_OK : kit_copy(k, y, &v.y.t);
}
/* -- the gradient. in: of h, h of every step, h0, w_hh, what was kept, the gates, c0, the gradient of c -- */
typedef struct { kit_dense in[8]; tn_accel_tensor out[4]; } kit_rnn_back;
static tn_accel_status kit_rnn_back_step(kit *k, const kit_rnn *r, const kit_rnn_back *v, int64_t i) {
    kit_launch l;
    const int64_t t = kit_rnn_step(r, i), gates_n = r->b * r->wide;
    const bool lstm = r->kind == TN__RNN_LSTM, gru = r->kind == TN__RNN_GRU;
    const tn_accel_tensor g = kit_rnn_at(&v->in[0].t, t, r->state), y = kit_rnn_at(&v->in[1].t, t, r->state), x = kit_rnn_at(&v->out[0], t, gates_n);
    kit_rnn_begin(k, &l, r, "rnn_step_back", kit_compute(v->out[0].dtype));
    kit_in(&l, "from_g", &g);
    kit_out(&l, "to_h", &v->out[1]);
    kit_out(&l, "to_x", &x);
    if (!lstm && !gru) {
        kit_in(&l, "from_y", &y);
        return kit_go_items(&l, r->state);
    }
    const tn_accel_tensor kept = kit_rnn_at(&v->in[4].t, t, r->state), gates = kit_rnn_at(&v->in[5].t, t, gates_n);
    const tn_accel_tensor *states = gru ? &v->in[1].t : &v->in[4].t, before = i ? kit_rnn_at(states, kit_rnn_before(r, i), r->state) : v->in[gru ? 2 : 6].t;
    kit_in(&l, "kept", &kept);
    kit_in(&l, "gates", &gates);
    kit_in(&l, "before", &before);
    if (gru) {
        const tn_accel_tensor hidden = kit_rnn_at(&v->out[3], t, gates_n);
        kit_out(&l, "to_hidden", &hidden);
        return kit_go_items(&l, r->state);
    }
    const bool cell = !kit_absent(&v->in[7].t);
    kit_out(&l, "to_c", &v->out[2]);
    kit_const(&l, "CELL", cell);
    if (!cell) return kit_go_items(&l, r->state);
    const tn_accel_tensor gc = kit_rnn_at(&v->in[7].t, t, r->state);
    kit_in(&l, "from_gc", &gc);
    return kit_go_items(&l, r->state);
}
/* What the hidden share's gradient says of the state before. */
static tn_accel_status kit_rnn_back_hidden(kit *k, const kit_rnn *r, const kit_rnn_back *v, int64_t i) {
    const bool gru = r->kind == TN__RNN_GRU;
    const tn_accel_tensor share = kit_rnn_at(&v->out[gru ? 3 : 0], kit_rnn_step(r, i), r->b * r->wide);
    kit_gemm_call g = kit_gemm_of(&share, &v->in[3].t, &v->out[1]);
    g.m = r->b, g.n = r->h, g.k = r->wide;
    g.a_step.row = r->wide, g.a_step.col = 1;
    g.b_step.row = g.c_step.row = r->h, g.b_step.col = g.c_step.col = 1;
    g.add = gru;
    return kit_gemm(k, &g);
}
static tn_accel_status kit_op_rnn_layer_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_rnn, a, c);
    kit_rnn r;
    kit_rnn_back v;
    const bool lstm = a->kind == TN__RNN_LSTM, gru = a->kind == TN__RNN_GRU;
    if (!kit_rnn_of(&r, a, &c->in[0], &c->in[3]) || c->n_out < (gru ? 4 : lstm ? 3 : 2)) return TN_ACCEL_UNSUPPORTED;
    memset(&v, 0, sizeof v);
    for (int i = 0; i < 8; i++) {
        v.in[i].t.ndim = -1;
        if (i < c->n_in) KIT_TRY(kit_densely(k, &v.in[i], &c->in[i]));
    }
    for (int i = 0; i < 4; i++) {
        v.out[i].ndim = -1;
        if (i < c->n_out) v.out[i] = c->out[i];
        if (!kit_absent(&v.out[i]) && !kit_contiguous(&v.out[i])) return TN_ACCEL_UNSUPPORTED;
    }
    if ((lstm || gru) && (kit_absent(&v.in[4].t) || kit_absent(&v.in[5].t) || (lstm && kit_absent(&v.in[6].t)))) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_fill(k, &v.out[1], 0));
    if (lstm) KIT_TRY(kit_fill(k, &v.out[2], 0));
    const uint64_t used = k->scratch_used;
    uint64_t most = used;
    for (int64_t i = r.steps - 1; r.state && i >= 0; i--) {
        k->scratch_used = used;
        KIT_TRY(kit_rnn_back_step(k, &r, &v, i));
        KIT_TRY(kit_rnn_back_hidden(k, &r, &v, i));
        most = TN__MAX(most, k->scratch_used);
    }
    k->scratch_used = most;
    return TN_ACCEL_OK;
}
#define KIT_OPS_RNN(X) X(rnn_layer, rnn_layer) X(rnn_layer_backward, rnn_layer_backward)
