/* kit: the rows of section random, by Philox: what is drawn depends on the call's key and counter alone. */
enum { KIT_DRAW_PROBABILITIES = TN__DRAW_EXPONENTIAL + 1 }; /* KIND of bernoulli; the others are the core's */
static tn_accel_status kit_draw(kit *k, const tn__attr_draw *a, int kind, const tn_accel_tensor *p, const tn_accel_tensor *to) {
    kit_launch l;
    kit_dense y;
    const int64_t n = kit_numel(to);
    const bool wide = kind == TN__DRAW_RANDOM ? a->range >= 1u << 28 : kind != TN__DRAW_BERNOULLI && to->dtype == TN_F64;
    kit_dense_out(k, &y, to);
    kit_begin(k, &l, "draw", kind == TN__DRAW_RANDOM ? KIT_I64 : kit_compute(to->dtype));
    kit_out(&l, "y", &y.t);
    if (p) kit_in(&l, "p", p), kit_flag(&l);
    kit_const(&l, "KIND", kind);
    kit_const(&l, "WIDE_DRAWS", wide);
    kit_const(&l, "HALF", to->dtype == TN_F16 ? 1 : to->dtype == TN_BF16 ? 2 : 0);
    kit_const(&l, "V", y.t.offset % (4 * kit_size_of(to->dtype)) ? 1 : 4);
    kit_size(&l, "COUNT", n);
    kit_number(&l, "KEY", a->key);
    kit_number(&l, "COUNTER", a->counter);
    if (kind == TN__DRAW_RANDOM) kit_number(&l, "LOW", (uint64_t)a->low), kit_number(&l, "RANGE", a->range);
    else if (kind == TN__DRAW_BERNOULLI) kit_number(&l, "LIMIT", (uint64_t)(a->a * 4294967296.0));
    else kit_real(&l, "A", a->a), kit_real(&l, "B", a->b), kit_real(&l, "TWO_PI", TN__TWO_PI);
    KIT_TRY(kit_go_items(&l, n / 4 + (n % 4 != 0)));
    return kit_dense_back(k, &y, to);
}
static tn_accel_status kit_op_draw(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_draw, a, c);
    if (a->kind < 0 || a->kind > TN__DRAW_EXPONENTIAL) return TN_ACCEL_UNSUPPORTED;
    return kit_draw(k, a, a->kind, NULL, &c->in[0]);
}
static tn_accel_status kit_op_bernoulli(kit *k, const tn_accel_call *c) {
    kit_dense p;
    KIT_ATTR(tn__attr_draw, a, c);
    KIT_TRY(kit_densely(k, &p, &c->in[0]));
    return kit_draw(k, a, KIT_DRAW_PROBABILITIES, &p.t, &c->out[0]);
}
#define KIT_OPS_RANDOM(X) X(uniform_, draw) X(normal_, draw) X(bernoulli_, draw) X(random_, draw) X(exponential_, draw) X(bernoulli, bernoulli)
