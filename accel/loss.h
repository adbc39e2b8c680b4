/* kit: the rows of section loss: nll_loss and cross_entropy over class indices. Those with smoothed labels or probabilities are
   composed of other rows. */
static void kit_nll_sizes(const tn_accel_tensor *x, int64_t *n, int64_t *classes, int64_t *places) {
    *n = x->ndim > 1 ? x->shape[0] : 1;
    *classes = x->shape[x->ndim > 1];
    *places = 1;
    for (int d = 2; d < x->ndim; d++) *places *= x->shape[d];
}
static void kit_put_nll(kit_launch *l, const tn__attr_num *a, const tn_accel_tensor *w, int64_t classes, int64_t places) {
    kit_put_weight(l, "w", "HAS_W", w);
    kit_const(l, "LOGITS", a->v[1] != 0);
    kit_const(l, "STAT_BITS", l->type == KIT_F32);
    kit_add_word(l, "IGNORE", KIT_NUMBER, KIT_I64, (uint64_t)(int64_t)a->v[0]); /* V_IGNORE */
    kit_size(l, "LEN", classes);
    kit_size(l, "PLACES", places);
}
/* Sums of losses and weights of count places, to the loss and the sum of weights. Many are summed by a reduction first. */
static tn_accel_status kit_nll_finish(kit *k, const tn_accel_call *c, const tn__attr_num *a, kit_type type, const tn_accel_tensor *losses, const tn_accel_tensor *weights, int64_t count) {
    static const int64_t one = 1;
    const kit_reduction r = {type, KIT_BY_SUM, KIT_TO_VALUE, 1};
    tn_accel_tensor sums[2];
    kit_launch l;
    if (count > 8192) {
        const int32_t dtype = type == KIT_F64 ? TN_F64 : TN_F32;
        for (int i = 0; i < 2; i++) kit_scratch(k, &sums[i], dtype, &one);
        if (a->flags != TN_NONE) KIT_TRY(kit_reduce(k, &r, losses, 1, &sums[0]));
        KIT_TRY(kit_reduce(k, &r, weights, 1, &sums[1]));
        return kit_nll_finish(k, c, a, type, &sums[0], &sums[1], 1);
    }
    kit_begin(k, &l, "nll_finish", type);
    kit_in(&l, "weights", weights);
    if (a->flags != TN_NONE) kit_in(&l, "losses", losses), kit_out(&l, "y", &c->out[0]);
    kit_out_as(&l, "total", &c->out[1], kit_stat_type(type));
    kit_const(&l, "REDUCED", a->flags == TN_MEAN ? 0 : a->flags == TN_SUM ? 1 : 2);
    kit_const(&l, "STAT_BITS", type == KIT_F32);
    kit_size(&l, "COUNT", count);
    return kit_go(&l, 1);
}
static tn_accel_status kit_op_nll(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_num, a, c);
    const tn_accel_tensor *w = kit_given(c, 2);
    const kit_type type = kit_compute(c->in[0].dtype);
    const int32_t dtype = type == KIT_F64 ? TN_F64 : TN_F32;
    const bool logits = a->v[1] != 0, none = a->flags == TN_NONE;
    kit_rows r = {0, 0, 1, 1, 0, 1};
    kit_launch l;
    kit_dense x, target, dw;
    tn_accel_tensor losses, weights;
    int64_t n, places;
    for (int i = 0; i < 3; i++)
        if (!kit_contiguous(&c->out[i])) return TN_ACCEL_UNSUPPORTED;
    kit_nll_sizes(&c->in[0], &n, &r.len, &places);
    const int64_t rows = n * places;
    r.rows = rows;
    r.inner = places;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    KIT_TRY(kit_densely(k, &target, &c->in[1]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    kit_scratch(k, &losses, dtype, &rows);
    kit_scratch(k, &weights, dtype, &rows);
    kit_share_rows(k, &r, kit_vector(k, 8, &x.t, r.len), 32);
    if (!logits) r.lanes = r.v = 1;
    kit_begin(k, &l, "nll", type);
    kit_in(&l, "x", &x.t);
    kit_in_as(&l, "target", &target.t, KIT_I64);
    kit_put_nll(&l, a, w, r.len, places);
    kit_out(&l, "losses", none ? &c->out[0] : &losses);
    kit_out(&l, "weights", &weights);
    if (logits) kit_out(&l, "sums", &c->out[2]);
    kit_flag(&l);
    kit_const(&l, "V", r.v);
    kit_const(&l, "LANES", r.lanes);
    kit_const(&l, "ACROSS", places > 1);
    kit_size(&l, "ROWS", rows);
    kit_size(&l, "REACH", (rows + l.group) * r.len + 2 * r.lanes * r.v); /* for its width alone */
    KIT_TRY(kit_go_rows(&l, &r));
    return kit_nll_finish(k, c, a, type, &losses, &weights, rows);
}
static tn_accel_status kit_op_nll_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_num, a, c);
    const tn_accel_tensor *w = kit_given(c, 3), *sums = a->v[1] != 0 ? kit_given(c, 5) : NULL, *total = a->flags == TN_MEAN ? kit_given(c, 4) : NULL;
    const kit_type type = kit_compute(c->in[1].dtype);
    kit_launch l;
    kit_dense g, x, target, dw, dsums;
    int64_t n, classes, places;
    if (!kit_contiguous(&c->out[0]) || (a->v[1] != 0 && !sums) || (a->flags == TN_MEAN && !total)) return TN_ACCEL_UNSUPPORTED;
    kit_nll_sizes(&c->in[1], &n, &classes, &places);
    KIT_TRY(kit_densely(k, &g, &c->in[0]));
    KIT_TRY(kit_densely(k, &x, &c->in[1]));
    KIT_TRY(kit_densely(k, &target, &c->in[2]));
    KIT_TRY(kit_densely_given(k, &dw, &w));
    KIT_TRY(kit_densely_given(k, &dsums, &sums));
    const int v = places > 1 ? 1 : kit_vector(k, kit_vector(k, 8, &x.t, classes), &c->out[0], classes);
    kit_begin(k, &l, "nll_backward", type);
    kit_in(&l, "g", &g.t);
    kit_in(&l, "x", &x.t);
    kit_in_as(&l, "target", &target.t, KIT_I64);
    kit_put_nll(&l, a, w, classes, places);
    if (total) kit_in_as(&l, "total", total, kit_stat_type(type));
    if (sums) kit_in(&l, "sums", sums);
    kit_out(&l, "gx", &c->out[0]);
    kit_const(&l, "V", v);
    kit_const(&l, "G_EACH", a->flags == TN_NONE);
    kit_const(&l, "MEAN", a->flags == TN_MEAN);
    kit_size(&l, "COUNT", n * classes * places);
    return kit_go_items(&l, n * classes * places / v);
}
#define KIT_OPS_LOSS(X) X(nll_loss, nll) X(cross_entropy, nll) X(nll_backward, nll_backward)
