/* kit: the rows of section norm. Mean and 1 / deviation are f64 tensors, which kernels of f32 read and write as bits: devices without
   doubles have them too. */
static const tn_accel_tensor *kit_given(const tn_accel_call *c, int i) { return i < c->n_in && !kit_absent(&c->in[i]) ? &c->in[i] : NULL; }
static kit_type kit_stat_type(kit_type type) { return type == KIT_F64 ? KIT_F64 : KIT_U64; }
static void kit_put_weight(kit_launch *l, const char *name, const char *has, const tn_accel_tensor *w) {
    kit_const(l, has, w != NULL);
    if (w) kit_in(l, name, w);
}
static tn_accel_status kit_densely_given(kit *k, kit_dense *d, const tn_accel_tensor **t) {
    if (!*t) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, d, *t));
    *t = &d->t;
    return TN_ACCEL_OK;
}

/* -- layer_norm, rms_norm, group_norm -- */
static void kit_put_norm(kit_launch *l, const tn__attr_norm *a, const kit_rows *r) {
    kit_put_rows(l, r);
    kit_const(l, "STAT_BITS", l->type == KIT_F32);
    kit_const(l, "RMS", a->rms != 0);
    kit_const(l, "SPAN_ONE", a->span == 1);
    kit_size(l, "SPAN", a->span);
    kit_size(l, "PERIOD", a->period);
    kit_size(l, "STRIDE", a->stride);
    kit_real(l, "COUNT", (double)a->len);
    kit_real(l, "EPS", a->eps);
}
/* Weights one after another are read V at once too; those of a span are the same for V elements where V divides it. */
static int kit_norm_width(const kit *k, const tn__attr_norm *a, int v, const tn_accel_tensor *w, const tn_accel_tensor *b) {
    if (a->span != 1) {
        while (v > 1 && a->span % v) v /= 2;
        return v;
    }
    if (w) v = kit_vector(k, v, w, a->period > 1 ? a->stride : 0);
    return b ? kit_vector(k, v, b, a->period > 1 ? a->stride : 0) : v;
}
static tn_accel_status kit_op_norm_rows(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_norm, a, c);
    const tn_accel_tensor *w = kit_given(c, 1), *b = kit_given(c, 2);
    const kit_type type = kit_compute(c->in[0].dtype);
    kit_rows r = {a->rows, a->len, 1, 1, 0, 1};
    kit_launch l;
    kit_dense x, dw, db;
    if (!kit_contiguous(&c->out[0]) || !kit_contiguous(&c->out[1]) || !kit_contiguous(&c->out[2])) return TN_ACCEL_UNSUPPORTED;
    if (a->rows == 0 || a->len == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    KIT_TRY(kit_densely_given(k, &db, &b));
    kit_share_rows(k, &r, kit_norm_width(k, a, kit_vector(k, kit_vector(k, 8, &x.t, a->len), &c->out[0], a->len), w, b), 32);
    kit_begin(k, &l, "norm_rows", type);
    kit_in(&l, "x", &x.t);
    kit_put_weight(&l, "w", "HAS_W", w);
    kit_put_weight(&l, "b", "HAS_B", b);
    kit_out(&l, "y", &c->out[0]);
    kit_out_as(&l, "mean", &c->out[1], kit_stat_type(type));
    kit_out_as(&l, "rstd", &c->out[2], kit_stat_type(type));
    kit_put_norm(&l, a, &r);
    return kit_go_rows(&l, &r);
}

/* -- sums over all but the channels of [N, C, span] -- */
typedef struct {
    int64_t n, channels, span, period, stride; /* period: statistics are by row, not by channel */
    const tn_accel_tensor *x, *g, *mean, *rstd; /* without g: the squares */
    kit_type type;
} kit_channels;
static tn_accel_status kit_channel_step(kit *k, const kit_plan *plan, const kit_channels *s, const tn_accel_tensor *plain, const tn_accel_tensor *scaled) {
    kit_launch l;
    const int64_t per = kit_group(k) / plan->lanes * (plan->rows ? 1 : plan->v);
    kit_begin(k, &l, "channel_sums", s->type);
    kit_in(&l, "x", s->x);
    if (s->g) kit_in(&l, "g", s->g), kit_in_as(&l, "rstd", s->rstd, kit_stat_type(s->type)), kit_out(&l, "plain", plain);
    kit_in_as(&l, "mean", s->mean, s->g ? kit_stat_type(s->type) : KIT_T);
    kit_out(&l, "scaled", scaled);
    kit_const(&l, "STAT_BITS", s->type == KIT_F32);
    kit_const(&l, "SQUARES", s->g == NULL);
    kit_const(&l, "BY_ROWS", s->period > 0);
    kit_const(&l, "V", plan->v);
    kit_const(&l, "LANES", plan->lanes);
    kit_const(&l, "ACROSS", !plan->rows);
    kit_put_sides(&l, plan);
    kit_size(&l, "SPAN", s->span);
    kit_size(&l, "PERIOD", s->period);
    kit_size(&l, "STRIDE", s->stride);
    return kit_go3(&l, (uint64_t)kit_ceil(plan->kept.count, per), (uint64_t)plan->splits, 1);
}
/* To plain (sums of g) and scaled, [C] of the type that is computed in. */
static tn_accel_status kit_channel_sums(kit *k, const kit_channels *s, const tn_accel_tensor *plain, const tn_accel_tensor *scaled) {
    const int64_t shape[3] = {s->n, s->channels, s->span}, strides[3] = {s->channels * s->span, s->span, 1};
    const tn_accel_tensor v = kit_reshaped(s->x, shape, strides, 3);
    const kit_reduction join = {s->type, KIT_BY_SUM, KIT_TO_VALUE, 1};
    kit_plan plan;
    tn_accel_tensor parts[2];
    if (!kit_plan_of(k, &plan, &v, 5)) return TN_ACCEL_UNSUPPORTED;
    if (s->g) plan.v = kit_vector(k, plan.v, s->g, 0);
    while (plan.rows && plan.v > 1 && s->span % plan.v) plan.v /= 2;
    kit_plan_pieces(k, &plan);
    if (plan.splits == 1) return kit_channel_step(k, &plan, s, plain, scaled);
    const int64_t n = plan.kept.count * plan.splits;
    for (int i = 0; i < 2; i++) kit_scratch(k, &parts[i], s->type == KIT_F64 ? TN_F64 : TN_F32, &n);
    KIT_TRY(kit_channel_step(k, &plan, s, &parts[0], &parts[1]));
    if (s->g) KIT_TRY(kit_reduce_parts(k, &plan, &join, &parts[0], NULL, plain));
    return kit_reduce_parts(k, &plan, &join, &parts[1], NULL, scaled);
}
static tn_accel_status kit_norm_weights_backward(kit *k, const tn__attr_norm *a, const tn_accel_call *c, kit_channels *s) {
    int64_t n;
    const bool straight = c->out[1].dtype == (s->type == KIT_F64 ? TN_F64 : TN_F32);
    tn_accel_tensor sums[2];
    if (a->span == 1 && a->period > 1) { /* it has no weights */
        KIT_TRY(kit_fill(k, &c->out[1], 0));
        return kit_fill(k, &c->out[2], 0);
    }
    s->channels = n = a->span == 1 ? a->len : a->period * a->stride;
    s->n = a->rows / a->period;
    s->span = a->span;
    s->period = a->period;
    s->stride = a->span == 1 ? a->len : a->stride;
    if (straight) return kit_channel_sums(k, s, &c->out[2], &c->out[1]);
    for (int i = 0; i < 2; i++) kit_scratch(k, &sums[i], s->type == KIT_F64 ? TN_F64 : TN_F32, &n);
    KIT_TRY(kit_channel_sums(k, s, &sums[0], &sums[1]));
    KIT_TRY(kit_copy(k, &c->out[2], &sums[0]));
    return kit_copy(k, &c->out[1], &sums[1]);
}
static tn_accel_status kit_op_norm_rows_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_norm, a, c);
    const tn_accel_tensor *w = kit_given(c, 4), *stats[2] = {&c->in[2], &c->in[3]};
    const kit_type type = kit_compute(c->in[0].dtype);
    kit_rows r = {a->rows, a->len, 1, 1, 0, 1};
    kit_launch l;
    kit_dense g, x, dw, ds[2];
    for (int i = 0; i < 3; i++)
        if (!kit_contiguous(&c->out[i])) return TN_ACCEL_UNSUPPORTED;
    if (a->rows == 0 || a->len == 0) {
        KIT_TRY(kit_fill(k, &c->out[1], 0));
        return kit_fill(k, &c->out[2], 0);
    }
    KIT_TRY(kit_densely(k, &g, &c->in[0]));
    KIT_TRY(kit_densely(k, &x, &c->in[1]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    for (int i = 0; i < 2; i++) KIT_TRY(kit_densely_given(k, &ds[i], &stats[i]));
    const int v = kit_vector(k, kit_vector(k, kit_vector(k, 8, &x.t, a->len), &g.t, a->len), &c->out[0], a->len);
    kit_share_rows(k, &r, kit_norm_width(k, a, v, w, NULL), 32);
    kit_begin(k, &l, "norm_rows_backward", type);
    kit_in(&l, "x", &x.t);
    kit_in(&l, "g", &g.t);
    kit_put_weight(&l, "w", "HAS_W", w);
    kit_in_as(&l, "mean", stats[0], kit_stat_type(type));
    kit_in_as(&l, "rstd", stats[1], kit_stat_type(type));
    kit_out(&l, "gx", &c->out[0]);
    kit_put_norm(&l, a, &r);
    KIT_TRY(kit_go_rows(&l, &r));
    kit_channels s = {0, 0, 0, 0, 0, &x.t, &g.t, stats[0], stats[1], type};
    return kit_norm_weights_backward(k, a, c, &s);
}

/* -- batch_norm -- */
static void kit_batch_sizes(const tn_accel_tensor *x, kit_channels *s) {
    s->n = x->shape[0];
    s->channels = x->shape[1];
    s->span = 1;
    for (int d = 2; d < x->ndim; d++) s->span *= x->shape[d];
    s->period = 0;
    s->stride = 1;
    s->type = kit_compute(x->dtype);
}
/* For an element-wise kernel over [N, C, span]: V elements of one channel, or of V channels where the span is 1. */
static tn_accel_status kit_batch_go(kit_launch *l, const kit_channels *s, int v) {
    const int64_t n = s->n * s->channels * s->span;
    kit_const(l, "V", v);
    kit_const(l, "STAT_BITS", l->type == KIT_F32);
    kit_const(l, "SPAN_ONE", s->span == 1);
    kit_size(l, "COUNT", n);
    kit_size(l, "CHANNELS", s->channels);
    kit_size(l, "SPAN", s->span);
    return kit_go_items(l, n / v);
}
static int kit_batch_width(const kit *k, const kit_channels *s, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *c) {
    const int64_t n = s->span == 1 ? s->channels : s->span;
    return kit_vector(k, kit_vector(k, kit_vector(k, 8, a, n), b, n), c, n);
}
static void kit_put_running(kit_launch *l, const tn_accel_tensor *mean, const tn_accel_tensor *var, bool training) {
    kit_const(l, "HAS_MEAN", mean != NULL);
    kit_const(l, "HAS_VAR", var != NULL);
    if (mean) kit_operand(l, "running_mean", mean, KIT_T, training ? KIT_WRITE : KIT_READ), kit_size(l, "MEAN_STRIDE", mean->strides[0]);
    if (var) kit_operand(l, "running_var", var, KIT_T, training ? KIT_WRITE : KIT_READ), kit_size(l, "VAR_STRIDE", var->strides[0]);
}
static tn_accel_status kit_batch_statistics(kit *k, const tn_accel_call *c, const tn__attr_batch *a, kit_channels *s) {
    const tn_accel_tensor *mean = kit_given(c, 3), *var = kit_given(c, 4);
    const double count = (double)(s->n * s->span);
    const int64_t shape[3] = {s->n, s->channels, s->span}, strides[3] = {s->channels * s->span, s->span, 1};
    tn_accel_tensor means, squares;
    kit_launch l;
    if (a->training) {
        const tn_accel_tensor v = kit_reshaped(s->x, shape, strides, 3);
        const kit_reduction r = {s->type, KIT_BY_SUM, KIT_TO_MEAN, count};
        kit_scratch(k, &means, s->type == KIT_F64 ? TN_F64 : TN_F32, &s->channels);
        kit_scratch(k, &squares, means.dtype, &s->channels);
        KIT_TRY(kit_reduce(k, &r, &v, 5, &means));
        s->mean = &means;
        KIT_TRY(kit_channel_sums(k, s, NULL, &squares));
    }
    kit_begin(k, &l, "batch_statistics", s->type);
    if (a->training) kit_in(&l, "means", &means), kit_in(&l, "squares", &squares);
    kit_put_running(&l, mean, var, a->training != 0);
    kit_out_as(&l, "mean", &c->out[1], kit_stat_type(s->type));
    kit_out_as(&l, "rstd", &c->out[2], kit_stat_type(s->type));
    kit_const(&l, "TRAINING", a->training != 0);
    kit_const(&l, "STAT_BITS", s->type == KIT_F32);
    kit_size(&l, "CHANNELS", s->channels);
    kit_real(&l, "COUNT", count);
    kit_real(&l, "KEEP", 1 - a->momentum);
    kit_real(&l, "MOVE", a->momentum);
    kit_real(&l, "EPS", a->eps);
    return kit_go_items(&l, s->channels);
}
static tn_accel_status kit_op_batch_norm(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_batch, a, c);
    const tn_accel_tensor *w = kit_given(c, 1), *b = kit_given(c, 2);
    kit_channels s = {0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, KIT_F32};
    kit_launch l;
    kit_dense x, dw, db;
    for (int i = 0; i < 3; i++)
        if (!kit_contiguous(&c->out[i])) return TN_ACCEL_UNSUPPORTED;
    for (int i = 3; i < 5; i++)
        if (kit_given(c, i) && !c->in[i].buffer) return TN_ACCEL_UNSUPPORTED;
    kit_batch_sizes(&c->in[0], &s);
    if (s.channels == 0 || (a->training && s.n * s.span == 0)) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    KIT_TRY(kit_densely_given(k, &db, &b));
    s.x = &x.t;
    KIT_TRY(kit_batch_statistics(k, c, a, &s));
    kit_begin(k, &l, "batch_apply", s.type);
    kit_in(&l, "x", &x.t);
    kit_put_weight(&l, "w", "HAS_W", w);
    kit_put_weight(&l, "b", "HAS_B", b);
    kit_in_as(&l, "mean", &c->out[1], kit_stat_type(s.type));
    kit_in_as(&l, "rstd", &c->out[2], kit_stat_type(s.type));
    kit_out(&l, "y", &c->out[0]);
    return kit_batch_go(&l, &s, kit_batch_width(k, &s, &x.t, &c->out[0], &c->out[0]));
}
static tn_accel_status kit_op_batch_norm_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_batch, a, c);
    const tn_accel_tensor *w = kit_given(c, 4), *stats[2] = {&c->in[2], &c->in[3]};
    kit_channels s;
    kit_launch l;
    kit_dense g, x, dw, ds[2];
    tn_accel_tensor sums[2];
    for (int i = 0; i < 3; i++)
        if (!kit_contiguous(&c->out[i])) return TN_ACCEL_UNSUPPORTED;
    kit_batch_sizes(&c->in[1], &s);
    if (s.n * s.span == 0) KIT_TRY(kit_fill(k, &c->out[1], 0));
    if (s.n * s.span == 0) return kit_fill(k, &c->out[2], 0);
    KIT_TRY(kit_densely(k, &g, &c->in[0]));
    KIT_TRY(kit_densely(k, &x, &c->in[1]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    for (int i = 0; i < 2; i++) KIT_TRY(kit_densely_given(k, &ds[i], &stats[i]));
    for (int i = 0; i < 2; i++) kit_scratch(k, &sums[i], s.type == KIT_F64 ? TN_F64 : TN_F32, &s.channels);
    s.x = &x.t;
    s.g = &g.t;
    s.mean = stats[0];
    s.rstd = stats[1];
    KIT_TRY(kit_channel_sums(k, &s, &sums[0], &sums[1]));
    kit_begin(k, &l, "batch_backward", s.type);
    kit_in(&l, "x", &x.t);
    kit_in(&l, "g", &g.t);
    kit_put_weight(&l, "w", "HAS_W", w);
    kit_in_as(&l, "mean", stats[0], kit_stat_type(s.type));
    kit_in_as(&l, "rstd", stats[1], kit_stat_type(s.type));
    kit_in(&l, "plain", &sums[0]);
    kit_in(&l, "scaled", &sums[1]);
    kit_out(&l, "gx", &c->out[0]);
    kit_const(&l, "TRAINING", a->training != 0);
    kit_real(&l, "EACH", (double)(s.n * s.span));
    KIT_TRY(kit_batch_go(&l, &s, kit_batch_width(k, &s, &x.t, &g.t, &c->out[0])));
    KIT_TRY(kit_copy(k, &c->out[2], &sums[0]));
    return kit_copy(k, &c->out[1], &sums[1]);
}
#define KIT_OPS_NORM(X)                                                                                                \
    X(layer_norm, norm_rows) X(rms_norm, norm_rows) X(group_norm, norm_rows) X(norm_rows_backward, norm_rows_backward)  \
    X(batch_norm, batch_norm) X(batch_norm_backward, batch_norm_backward)
