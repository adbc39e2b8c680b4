/* kit: the pointwise rows, from tensor.h's own expressions; copies with a change of dtype or layout, and fills. */
#pragma push_macro("INFINITY")
#undef INFINITY
#define KIT_TEXT_(x) #x
#define KIT_TEXT(x) KIT_TEXT_(x)
#define KIT_ROW(name, ex) {KIT_ID_##name, KIT_TEXT(ex)},
typedef struct { int id; const char *text; } kit_expression;
static const kit_expression kit_any_rows[] = {TN__PW1_ANY(KIT_ROW) TN__PW2_ANY(KIT_ROW) TN__PW3_ANY(KIT_ROW) TN__CMP1_ANY(KIT_ROW) TN__CMP2_ANY(KIT_ROW)
    KIT_ROW(clamp_min, SEL((x > y) | (x != x), x, y)) KIT_ROW(clamp_max, SEL((x < y) | (x != x), x, y)) KIT_ROW(pow, power(x, y)) KIT_ROW(remainder, floor_remainder(x, y))
    KIT_ROW(fmod, truncated_remainder(x, y)) KIT_ROW(div_floor, floor_quotient(x, y)) KIT_ROW(div_trunc, truncated_quotient(x, y))};
static const kit_expression kit_float_rows[] = {TN__PW1_ROOT(KIT_ROW) TN__PW2_ROOT(KIT_ROW) TN__PW1_HOT(KIT_ROW) TN__PW2_HOT(KIT_ROW) TN__PW1_COLD(KIT_ROW) TN__PW2_COLD(KIT_ROW) TN__PW3_COLD(KIT_ROW) TN__CMP1_FLOAT(KIT_ROW)};
#define KIT_DIVIDES(e) (y == C(0) ? AS(T, RAISE(DIVISION)) : e)
static const kit_expression kit_dividing_rows[] = {KIT_ROW(remainder, KIT_DIVIDES(floor_remainder(x, y))) KIT_ROW(fmod, KIT_DIVIDES(truncated_remainder(x, y)))
    KIT_ROW(div_floor, KIT_DIVIDES(floor_quotient(x, y))) KIT_ROW(div_trunc, KIT_DIVIDES(truncated_quotient(x, y)))}; /* of integers */
static const kit_expression kit_int_rows[] = {TN__PW1_INT(KIT_ROW) TN__PW2_INT(KIT_ROW) KIT_ROW(isnan, false) KIT_ROW(isinf, false) KIT_ROW(isfinite, true)};
#pragma pop_macro("INFINITY")

#define KIT_RULE(id, name, lo, hi, n, rule, ...) {id, rule, lo},
static const struct { int id; uint8_t rule, operands; } kit_rules[] = {TN__OPS_POINTWISE(KIT_RULE)};
/* A row has at most 3 operands, which its text calls x, y, z. A chain has up to 8 inputs, which its text calls i0, i1, …. */
#define KIT_INPUTS 8
static const char *const kit_pw_bind[] = {"", "T x = v0[j];", "T x = v0[j], y = v1[j];", "T x = v0[j], y = v1[j], z = v2[j];"};
static const char *const kit_pw_bind_one[] = {"", "T x = LD(x0, i);", "T x = LD(x0, i), y = LD(x1, i);", "T x = LD(x0, i), y = LD(x1, i), z = LD(x2, i);"};
static const char *const kit_pw_bind_at[] = {"", "T x = LD(x0, at_0);", "T x = LD(x0, at_0), y = LD(x1, at_1);", "T x = LD(x0, at_0), y = LD(x1, at_1), z = LD(x2, at_2);"};
#define KIT_EACH1(X) X(0)
#define KIT_EACH2(X) KIT_EACH1(X) X(1)
#define KIT_EACH3(X) KIT_EACH2(X) X(2)
#define KIT_EACH4(X) KIT_EACH3(X) X(3)
#define KIT_EACH5(X) KIT_EACH4(X) X(4)
#define KIT_EACH6(X) KIT_EACH5(X) X(5)
#define KIT_EACH7(X) KIT_EACH6(X) X(6)
#define KIT_EACH8(X) KIT_EACH7(X) X(7)
#define KIT_UP_TO8(X) {"", KIT_EACH1(X), KIT_EACH2(X), KIT_EACH3(X), KIT_EACH4(X), KIT_EACH5(X), KIT_EACH6(X), KIT_EACH7(X), KIT_EACH8(X)}
#define KIT_LOAD(k) "T v" #k "[V]; LDV(x" #k ", i, v" #k "); "
#define KIT_BIND(k) "T i" #k " = v" #k "[j]; "
#define KIT_BIND_ONE(k) "T i" #k " = LD(x" #k ", i); "
#define KIT_BIND_AT(k) "T i" #k " = LD(x" #k ", at_" #k "); "
#define KIT_PLACE(k) "I at_" #k " = AS(I, 0); "
#define KIT_NEXT(k) "at_" #k " += c * S" #k "_##d; "
static const char *const kit_pw_operands[] = KIT_UP_TO8(KIT_LOAD), *const kit_pw_places[] = KIT_UP_TO8(KIT_PLACE), *const kit_pw_next[] = KIT_UP_TO8(KIT_NEXT);
static const char *const kit_fused_bind[] = KIT_UP_TO8(KIT_BIND), *const kit_fused_bind_one[] = KIT_UP_TO8(KIT_BIND_ONE), *const kit_fused_bind_at[] = KIT_UP_TO8(KIT_BIND_AT);
static const char *const kit_pw_inputs[KIT_INPUTS] = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};
#define KIT_DIMS(a) {a "0", a "1", a "2", a "3", a "4", a "5", a "6", a "7"}
static const char *const kit_pw_strides[KIT_INPUTS + 1][TN_MAX_DIMS] = {KIT_DIMS("SO_"), KIT_DIMS("S0_"), KIT_DIMS("S1_"), KIT_DIMS("S2_"), KIT_DIMS("S3_"), KIT_DIMS("S4_"), KIT_DIMS("S5_"), KIT_DIMS("S6_"), KIT_DIMS("S7_")};
static const char *const kit_pw_sizes[TN_MAX_DIMS] = KIT_DIMS("D");
#define KIT_STEPS TN__FUSED_STEPS
#define KIT_STEP_NAMES(a, b) {a "0" b, a "1" b, a "2" b, a "3" b, a "4" b, a "5" b, a "6" b, a "7" b, a "8" b, a "9" b, a "10" b, a "11" b, a "12" b, a "13" b, a "14" b, a "15" b}
static const char *const kit_fused_result[KIT_STEPS] = KIT_STEP_NAMES("s", ""), *const kit_fused_numbers[2][KIT_STEPS] = {KIT_STEP_NAMES("Q", "_0"), KIT_STEP_NAMES("Q", "_1")};

/* A chain's program as text: statements that set s0, s1, … from i0, i1, …. It is kept, so a launch knows it by its address. */
typedef struct kit_chain { struct kit_chain *next; uint64_t hash; char *text; uint32_t numbers[2]; size_t size; uint8_t key[8 + KIT_STEPS * 8]; } kit_chain;
/* A pointwise computation: the result, the operands that broadcast to it, the expression and its type. A chain's expression is
   the name of its last step; numbers[i] is p[i] of its every step. */
typedef struct {
    const char *text;
    kit_type type;
    const tn_accel_tensor *out, *in[KIT_INPUTS];
    int n_in;
    bool numbers, raises;
    double p[2];
    const kit_chain *chain;
    const tn__attr_fused *steps;
} kit_pointwise;
/* Sizes and every operand's strides, dims of one left out and joined where all operands allow; dim 0 the inmost. */
typedef struct { int ndim; int64_t size[TN_MAX_DIMS], stride[KIT_INPUTS + 1][TN_MAX_DIMS]; } kit_layout;
static int64_t kit_pw_stride(const tn_accel_tensor *a, const tn_accel_tensor *out, int d) { /* along out's dim d */
    const int at = d - (out->ndim - a->ndim);
    return !a->buffer || at < 0 || (a->shape[at] == 1 && out->shape[d] != 1) ? 0 : a->strides[at];
}
static bool kit_pw_joins(const kit_layout *l, const int64_t *step, int n) {
    const int d = l->ndim - 1;
    for (int k = 0; k < n; k++)
        if (step[k] != l->stride[k][d] * l->size[d]) return false;
    return true;
}
static void kit_lay_out(kit_layout *l, const kit_pointwise *p) {
    l->ndim = 0;
    for (int d = p->out->ndim - 1; d >= 0; d--) {
        int64_t step[KIT_INPUTS + 1];
        if (p->out->shape[d] == 1) continue;
        step[0] = p->out->strides[d];
        for (int k = 0; k < p->n_in; k++) step[k + 1] = kit_pw_stride(p->in[k], p->out, d);
        if (l->ndim && kit_pw_joins(l, step, p->n_in + 1)) {
            l->size[l->ndim - 1] *= p->out->shape[d];
            continue;
        }
        for (int k = 0; k <= p->n_in; k++) l->stride[k][l->ndim] = step[k];
        l->size[l->ndim++] = p->out->shape[d];
    }
}
static bool kit_pw_dense(const kit_layout *l, const kit_pointwise *p) {
    if (l->ndim > 1) return false;
    for (int k = 0; k <= p->n_in && l->ndim; k++)
        if (l->stride[k][0] != 1 && (k == 0 || p->in[k - 1]->buffer)) return false;
    return true;
}
/* How many elements a work item moves at once: 16 bytes of the widest operand, where all are aligned to it. */
static int kit_pw_width(const kit *k, const kit_pointwise *p) {
    uint64_t v = 8;
    if (k->backend->language != KIT_CUDA && k->backend->language != KIT_HIP) return 1;
    for (int i = 0; i <= p->n_in; i++) {
        const tn_accel_tensor *a = i ? p->in[i - 1] : p->out;
        while (a->buffer && v > 1 && (v * kit_size_of(a->dtype) > 16 || a->offset % (v * kit_size_of(a->dtype)))) v /= 2;
    }
    return (int)v;
}
static void kit_chain_numbers(kit_launch *l, const kit_pointwise *p) {
    for (int i = 0; i < 2; i++)
        for (int s = 0; s < p->steps->n; s++)
            if (p->chain->numbers[i] >> s & 1u) kit_real(l, kit_fused_numbers[i][s], p->steps->step[s].p[i]);
}
static tn_accel_status kit_run_pointwise(kit *k, const kit_pointwise *p) {
    kit_launch l;
    kit_layout lay;
    const int64_t n = kit_numel(p->out);
    kit_lay_out(&lay, p);
    const bool dense = kit_pw_dense(&lay, p);
    const int width = dense ? kit_pw_width(k, p) : 1;
    kit_begin(k, &l, dense ? "pointwise_dense" : "pointwise_strided", p->type);
    kit_out(&l, "o", p->out);
    for (int i = 0; i < p->n_in; i++) kit_in(&l, kit_pw_inputs[i], p->in[i]);
    kit_text(&l, "STEPS", p->chain ? p->chain->text : "");
    kit_text(&l, "RESULT", p->text);
    kit_size(&l, "COUNT", n);
    if (p->raises) kit_flag(&l);
    if (p->numbers) kit_real(&l, "P0", p->p[0]), kit_real(&l, "P1", p->p[1]);
    if (p->chain) kit_chain_numbers(&l, p);
    if (dense) {
        kit_const(&l, "V", width);
        kit_text(&l, "OPERANDS", kit_pw_operands[p->n_in]);
        kit_text(&l, "BIND(j)", (p->chain ? kit_fused_bind : kit_pw_bind)[p->n_in]);
        kit_text(&l, "BIND_ONE(i)", (p->chain ? kit_fused_bind_one : kit_pw_bind_one)[p->n_in]);
        return kit_go_items(&l, (n + width - 1) / width);
    }
    kit_const(&l, "NDIM", lay.ndim);
    kit_text(&l, "PLACES", kit_pw_places[p->n_in]);
    kit_text(&l, "NEXT(d)", kit_pw_next[p->n_in]);
    kit_text(&l, "BIND_AT", (p->chain ? kit_fused_bind_at : kit_pw_bind_at)[p->n_in]);
    for (int d = 0; d < lay.ndim; d++) {
        kit_size(&l, kit_pw_sizes[d], lay.size[d]);
        for (int i = 0; i <= p->n_in; i++) kit_size(&l, kit_pw_strides[i][d], lay.stride[i][d]);
    }
    return kit_go_items(&l, n);
}

/* -- copies and fills -- */
/* Does the copy exchange inmost dims? Then d is the source's inmost dim in the layout. */
static int kit_transposes(const kit_layout *l) {
    if (l->ndim < 2 || l->ndim > 4 || l->stride[0][0] != 1 || l->stride[1][0] == 1 || l->size[0] < 8) return 0;
    for (int d = 1; d < l->ndim; d++)
        if (l->stride[1][d] == 1 && l->size[d] >= 8) return d;
    return 0;
}
static tn_accel_status kit_transpose(kit *k, const tn_accel_tensor *to, const tn_accel_tensor *from, const kit_layout *l, int d) {
    const kit_type raw = kit_raw_type(to->dtype);
    const int64_t a = (l->size[0] + 31) / 32, b = (l->size[d] + 31) / 32;
    int64_t size[2] = {1, 1}, x[2] = {0, 0}, y[2] = {0, 0};
    kit_launch run;
    for (int i = 1, n = 0; i < l->ndim; i++)
        if (i != d) size[n] = l->size[i], y[n] = l->stride[0][i], x[n++] = l->stride[1][i];
    kit_begin(k, &run, "transpose", raw);
    kit_in_as(&run, "x", from, raw);
    kit_out_as(&run, "o", to, raw);
    kit_size(&run, "A", l->size[0]);
    kit_size(&run, "B", l->size[d]);
    kit_size(&run, "TILES_A", a);
    kit_size(&run, "TILES_B", b);
    kit_size(&run, "OUTER0", size[0]);
    kit_size(&run, "X0", x[0]);
    kit_size(&run, "X1", x[1]);
    kit_size(&run, "XA", l->stride[1][0]);
    kit_size(&run, "Y0", y[0]);
    kit_size(&run, "Y1", y[1]);
    kit_size(&run, "YB", l->stride[0][d]);
    return kit_go(&run, (uint64_t)(a * b * size[0] * size[1]));
}
static tn_accel_status kit_copy(kit *k, const tn_accel_tensor *to, const tn_accel_tensor *from) {
    kit_layout l;
    const kit_type raw = kit_raw_type(from->dtype);
    kit_pointwise p = {"x", kit_compute(from->dtype), to, {from}, 1, false, false, {0, 0}, NULL, NULL};
    tn_accel_tensor a = *to, b = *from;
    if (from->dtype == TN_C128 || to->dtype == TN_C128) return TN_ACCEL_UNSUPPORTED; /* no element type has 16 bytes */
    if (to->dtype == from->dtype && from->buffer) { /* bytes as they are */
        a.dtype = b.dtype = raw == KIT_U8 ? TN_U8 : raw == KIT_U16 ? TN_I16 : raw == KIT_U32 ? TN_I32 : TN_I64;
        p.type = KIT_I64;
        p.out = &a;
        p.in[0] = &b;
        kit_lay_out(&l, &p);
        const int d = kit_transposes(&l);
        if (d && k->group >= 64) return kit_transpose(k, to, from, &l, d);
    }
    return kit_run_pointwise(k, &p);
}
static tn_accel_status kit_fill(kit *k, const tn_accel_tensor *to, double v) {
    const kit_pointwise p = {"P(0)", kit_compute(to->dtype), to, {NULL}, 0, true, false, {to->dtype == TN_BOOL ? v != 0 : v, 0}, NULL, NULL};
    return kit_run_pointwise(k, &p);
}
static tn_accel_status kit_op_copy(kit *k, const tn_accel_call *c) { return kit_copy(k, &c->in[0], &c->in[1]); }
static tn_accel_status kit_op_fill_(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_num, a, c);
    return kit_fill(k, &c->in[0], a->v[0]);
}
static tn_accel_status kit_op_fill(kit *k, const tn_accel_call *c) { return kit_copy(k, &c->out[0], &c->in[1]); }

/* -- rows -- */
#define KIT_FIND(rows, id) kit_find(rows, sizeof rows / sizeof *rows, id)
static const char *kit_find(const kit_expression *rows, size_t n, int id) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].id == id) return rows[i].text;
    return NULL;
}
static const char *kit_pw_text(int id, kit_type type, bool *raises) {
    const char *text = type == KIT_I64 ? KIT_FIND(kit_dividing_rows, id) : NULL;
    *raises = text != NULL;
    if (!text) text = KIT_FIND(kit_any_rows, id);
    if (!text) text = type == KIT_I64 ? KIT_FIND(kit_int_rows, id) : KIT_FIND(kit_float_rows, id);
    return text;
}
static int kit_pw_rule(int id) {
    for (size_t i = 0; i < sizeof kit_rules / sizeof *kit_rules; i++)
        if (kit_rules[i].id == id) return kit_rules[i].rule;
    return -1;
}
/* The dtype in which a row computes: the operands' common one, or the result's where the row makes floats. */
static tn_dtype kit_pw_dtype(const tn_accel_call *c, int rule) {
    tn_tensor operand[3], *in[3] = {NULL, NULL, NULL};
    const int first = rule == TN__R_WHERE;
    memset(operand, 0, sizeof operand);
    for (int i = first; i < c->n_in; i++) {
        operand[i].dtype = (uint8_t)c->in[i].dtype;
        operand[i].ndim = (uint8_t)c->in[i].ndim;
        operand[i].flags = c->in[i].flags & TN_ACCEL_WEAK ? TN__WRAPPED : 0;
        in[i] = &operand[i];
    }
    const tn_dtype dt = tn__result_type(in + first, c->n_in - first);
    return rule == TN__R_FLOAT && !tn__is_float(dt) ? (tn_dtype)c->out[0].dtype : dt;
}
static tn_accel_status kit_op_pointwise(kit *k, const tn_accel_call *c) {
    const int rule = kit_pw_rule(c->op);
    kit_pointwise p = {NULL, KIT_F32, &c->out[0], {NULL}, c->n_in, c->attr != NULL, false, {0, 0}, NULL, NULL};
    if (rule < 0 || c->n_in < 1 || c->n_in > 3 || c->n_out != 1) return TN_ACCEL_UNSUPPORTED;
    for (int i = 0; i < c->n_in; i++) {
        if (kit_absent(&c->in[i]) || tn__is_complex((tn_dtype)c->in[i].dtype)) return TN_ACCEL_UNSUPPORTED;
        p.in[i] = &c->in[i];
    }
    const tn_dtype dt = kit_pw_dtype(c, rule);
    p.type = kit_compute((int32_t)dt);
    p.text = kit_pw_text(dt == TN_BOOL && c->op == KIT_ID_bitwise_not ? KIT_ID_logical_not : c->op, p.type, &p.raises);
    if (!p.text) return TN_ACCEL_UNSUPPORTED;
    if (c->attr) {
        KIT_ATTR(tn__attr_num, a, c);
        p.p[0] = a->v[0];
        p.p[1] = a->v[1];
    }
    return kit_run_pointwise(k, &p);
}

/* -- chains of rows as one kernel -- */
static int kit_pw_count(int id) { /* of a row's operands */
    for (size_t i = 0; i < sizeof kit_rules / sizeof *kit_rules; i++)
        if (kit_rules[i].id == id) return kit_rules[i].operands;
    return 0;
}
/* A row's text, whose P(0) and P(1) become step s's own words; numbers tells which there are. */
static void kit_chain_emit(kit_string *t, kit_chain *chain, const char *text, int s) {
    while (*text) {
        const int i = strncmp(text, "P(0)", 4) == 0 ? 0 : strncmp(text, "P(1)", 4) == 0 ? 1 : -1;
        if (i < 0) {
            const size_t n = 1 + strcspn(text + 1, "P");
            kit_emit(t, "%.*s", (int)n, text);
            text += n;
            continue;
        }
        kit_emit(t, "AS(T, %s)", kit_fused_numbers[i][s]);
        chain->numbers[i] |= 1u << s;
        text += 4;
    }
}
static bool kit_chain_step(kit_string *t, kit_chain *chain, const tn__fused_line *line, int s, int n_in) {
    bool raises;
    const char *text = kit_pw_text(line->id, KIT_F32, &raises);
    const int n = kit_pw_count(line->id);
    if (!text || n < 1 || n > 3) return false;
    kit_emit(t, "T s%d; { T ", s);
    for (int i = 0; i < n; i++) {
        const bool input = line->a[i] < n_in;
        kit_emit(t, "%c = %c%d%s", "xyz"[i], input ? 'i' : 's', input ? (int)line->a[i] : (int)line->a[i] - n_in, i + 1 < n ? ", " : "; ");
    }
    kit_emit(t, "s%d = AS(T, ", s);
    kit_chain_emit(t, chain, text, s);
    kit_emit(t, "); } ");
    return true;
}
/* What a chain's text depends on: not its numbers, nor the operands. */
static size_t kit_chain_key(uint8_t *key, const tn__attr_fused *a, int n_in) {
    size_t n = 8;
    memset(key, 0, n);
    key[0] = (uint8_t)n_in;
    for (int s = 0; s < a->n; s++, n += 8) {
        const int32_t id = a->step[s].id;
        memcpy(key + n, &id, 4);
        for (int i = 0; i < 3; i++) key[n + 4 + (size_t)i] = (uint8_t)a->step[s].a[i];
        key[n + 7] = 0;
    }
    return n;
}
static kit_chain *kit_chain_new(const tn__attr_fused *a, int n_in) {
    kit_string t = {NULL, 0, 0, false};
    kit_chain *chain = (kit_chain *)calloc(1, sizeof *chain);
    bool ok = chain != NULL;
    for (int s = 0; ok && s < a->n; s++) ok = kit_chain_step(&t, chain, &a->step[s], s, n_in);
    if (ok && !t.failed) {
        chain->text = t.s;
        return chain;
    }
    free(t.s);
    free(chain);
    return NULL;
}
/* The chain's text, made when it is first met; for all devices, since the core calls one at a time. NULL: a row is not known. */
static const kit_chain *kit_chain_of(const tn__attr_fused *a, int n_in) {
    static kit_chain *chains[256];
    uint8_t key[sizeof chains[0]->key];
    const size_t n = kit_chain_key(key, a, n_in);
    const uint64_t hash = kit_hash(key, n);
    kit_chain **at = &chains[hash & 255];
    for (; *at; at = &(*at)->next)
        if ((*at)->hash == hash && (*at)->size == n && memcmp((*at)->key, key, n) == 0) return *at;
    kit_chain *chain = kit_chain_new(a, n_in);
    if (!chain) return NULL;
    chain->hash = hash;
    chain->size = n;
    memcpy(chain->key, key, n);
    return *at = chain;
}
static tn_accel_status kit_op_fused_pointwise(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_fused, a, c);
    kit_pointwise p = {NULL, kit_compute(c->out[0].dtype), &c->out[0], {NULL}, c->n_in, false, false, {0, 0}, NULL, a};
    if (c->n_in < 1 || c->n_in > KIT_INPUTS || c->n_out != 1 || a->n < 1 || a->n > KIT_STEPS || p.type == KIT_I64) return TN_ACCEL_UNSUPPORTED;
    for (int i = 0; i < c->n_in; i++) {
        if (kit_absent(&c->in[i]) || tn__is_complex((tn_dtype)c->in[i].dtype)) return TN_ACCEL_UNSUPPORTED;
        p.in[i] = &c->in[i];
    }
    if (!(p.chain = kit_chain_of(a, c->n_in))) return TN_ACCEL_UNSUPPORTED;
    p.text = kit_fused_result[a->n - 1];
    return kit_run_pointwise(k, &p);
}
#define KIT_OPS_POINTWISE(X) X(copy_, copy) X(fill_, fill_) X(fill, fill) X(fused_pointwise, fused_pointwise)
