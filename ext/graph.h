/* ext/graph.h - v0.1 - what stands around graph nets, for tensor.h - MIT-0 or public domain

   DO THIS
       #define TENSOR_IMPLEMENTATION
       #include "ext/graph.h"
   in one C (C11) or C++ (C++17) file; it includes tensor.h, implementation and all. Elsewhere include it without the define.
   Where another file has the implementation of tensor.h already, define TENSOR_GRAPH_IMPLEMENTATION instead.

   Names, argument order and semantics are PyTorch Geometric's. Message passing, the usual layers, batches and neighbour
   sampling are in tensor.h itself (>>gnn); here are:

   CONTENTS (search for the tag)
       >>util >>read >>generate >>transform >>sample >>layer >>aggregate >>norm >>pool >>model >>embed >>explain
   Each tag occurs twice, (Public) and (Private), in this order. Only tensor.h's public functions are called.
*/
#ifndef TENSOR_GRAPH_H
#define TENSOR_GRAPH_H
#if defined(TENSOR_IMPLEMENTATION) && !defined(TENSOR_GRAPH_IMPLEMENTATION)
#define TENSOR_GRAPH_IMPLEMENTATION
#endif
#ifndef TENSOR_H
#include "../tensor.h"
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================================== */
/* >>util (Public)                                                                                                */
/* Edge lists: sorted, joined, cut, made dense and back. edge_index is [2, E] on any device, edge_attr [E, *] or NULL. */
/* num_nodes -1: the largest index + 1. Results are i64 and where edge_index is; edge_attr's has a gradient.        */
/* ============================================================================================================== */
/* A tn_gnn_edge_list: edge_attr and mask are NULL where there is none, all are on failure. Indices outside
   0 ... num_nodes - 1: TN_ERR_INDEX; shapes that do not fit: TN_ERR_SHAPE; edge_index neither i64 nor i32: TN_ERR_DTYPE. */
/* coalesce: edges in order of (source, target), by_column of (target, source), equal ones made one; their attributes are reduced. */
typedef struct { tn_reduction_kind reduce; bool by_column; } tn_gnn_coalesce_opts;
TN_API tn_gnn_edge_list tn_gnn_coalesce(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, const tn_gnn_coalesce_opts *opts);
/* to_undirected: every edge in both directions, then coalesced. */
TN_API tn_gnn_edge_list tn_gnn_to_undirected(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, tn_reduction_kind reduce);
/* is_undirected: whether every edge has its reverse, with equal attributes. false on failure too. */
TN_API bool tn_gnn_is_undirected(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes);
/* contains_self_loops, remove_self_loops. The mask tells the edges that stay. */
TN_API bool tn_gnn_contains_self_loops(tn_tensor *edge_index);
TN_API tn_gnn_edge_list tn_gnn_remove_self_loops(tn_tensor *edge_index, tn_tensor *edge_attr);
/* contains_isolated_nodes, remove_isolated_nodes: a node with no edge but self-loops is isolated. The nodes that stay are numbered
   anew, in order; the mask [num_nodes] tells them. Their self-loops come last, of each node its last one. */
TN_API bool tn_gnn_contains_isolated_nodes(tn_tensor *edge_index, int64_t num_nodes);
TN_API tn_gnn_edge_list tn_gnn_remove_isolated_nodes(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes);
/* subgraph: the edges within subset, i64 indices or a bool mask [num_nodes]. relabel: a node's new index is its place in subset.
   The mask [E] tells the edges that stay. */
TN_API tn_gnn_edge_list tn_gnn_subgraph(tn_tensor *subset, tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, bool relabel);
/* k_hop_subgraph: the nodes from which those of node_idx (i64) are reached in num_hops steps, in order; the edges among them (directed:
   only those on the way); where node_idx stand in subset; the mask [E] of the edges. All NULL on failure. */
typedef struct {
    bool relabel_nodes;     /* indices into subset */
    bool target_to_source;  /* flow: the nodes that are reached from node_idx */
    bool directed;
} tn_gnn_k_hop_opts;
typedef struct { tn_tensor *subset, *edge_index, *mapping, *edge_mask; } tn_gnn_k_hop;
TN_API tn_gnn_k_hop tn_gnn_k_hop_subgraph(tn_tensor *node_idx, int64_t num_hops, tn_tensor *edge_index, int64_t num_nodes, const tn_gnn_k_hop_opts *opts);
/* Options of what is padded to the same number of nodes a graph. */
typedef struct {
    double fill_value;      /* to_dense_batch */
    int64_t max_num_nodes;  /* default: those of the largest graph; what is beyond is cut off */
    int64_t batch_size;     /* default: the largest of batch + 1 */
} tn_gnn_dense_opts;
/* to_dense_adj: [graphs, max_num_nodes, max_num_nodes, *], where entry [source, target] sums edge_attr (NULL: ones) of the edges. batch
   i64 [nodes] in ascending order (else TN_ERR_INVALID), NULL for one graph. An edge between two graphs: TN_ERR_INDEX. */
TN_API tn_tensor *tn_gnn_to_dense_adj(tn_tensor *edge_index, tn_tensor *batch, tn_tensor *edge_attr, const tn_gnn_dense_opts *opts);
/* dense_to_sparse: the entries of adj [n, m] or [graphs, n, m] that are not 0, in order. mask, bool [graphs, n], says which rows are
   nodes (the first ones of each graph); NULL: all. Gradient in adj. */
TN_API tn_gnn_edge_list tn_gnn_dense_to_sparse(tn_tensor *adj, tn_tensor *mask);
/* to_dense_batch: x [nodes, *] as [graphs, max_num_nodes, *], and the bool mask [graphs, max_num_nodes] of what is no filling. batch as
   above. Gradient in x. Both NULL on failure. */
typedef struct { tn_tensor *x, *mask; } tn_gnn_dense;
TN_API tn_gnn_dense tn_gnn_to_dense_batch(tn_tensor *x, tn_tensor *batch, const tn_gnn_dense_opts *opts);
/* unbatch: src cut along dim, a view a graph. batch as above; batch_size 0: the largest of batch + 1. */
TN_API tn_tensors tn_gnn_unbatch(tn_tensor *src, tn_tensor *batch, int dim, int64_t batch_size);
/* homophily: how often neighbours have the same class y, i64 [nodes]: the fraction of edges (0-d f32, or of each graph where batch is
   given), the mean over nodes of theirs, or, with classes weighed alike, the excess over their sizes. */
typedef enum { TN_GNN_HOMOPHILY_EDGE = 0, TN_GNN_HOMOPHILY_NODE, TN_GNN_HOMOPHILY_EDGE_INSENSITIVE } tn_gnn_homophily_method;
TN_API tn_tensor *tn_gnn_homophily(tn_tensor *edge_index, tn_tensor *y, tn_tensor *batch, tn_gnn_homophily_method method);
/* assortativity: the correlation of the degrees at the two ends of edges (the source's out, the target's in); NaN on failure, or where
   degrees do not vary. */
TN_API double tn_gnn_assortativity(tn_tensor *edge_index);

/* ============================================================================================================== */
/* >>read (Public)                                                                                                */
/* Graphs from files.                                                                                             */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>generate (Public)                                                                                            */
/* Graphs that are made: random ones, grids, neighbours in space, Zachary's karate club.                          */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>transform (Public)                                                                                           */
/* Graphs to graphs: features, splits, positional encodings.                                                      */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>sample (Public)                                                                                              */
/* Parts of a graph to train on: clusters, walks, links.                                                          */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>layer (Public)                                                                                               */
/* More convolutions. As in tensor.h, tn_call takes (x, edge_index, …) in PyG's order.                             */
/* ============================================================================================================== */
/* What nets are told to use: an activation (tn_relu, tn_tanh, one of yours; NULL is relu where nothing else is said), and the maker of a norm
   of so many channels, whose tn_call gets (x, batch). */
typedef tn_tensor *(*tn_gnn_act)(tn_tensor *x);
typedef tn_module *(*tn_gnn_norm)(int64_t channels);
/* BatchNorm: PyTorch's, as its child "module". */
TN_API tn_module *tn_gnn_batch_norm(int64_t channels);
/* Fields aggr are PyG's names, "sum" ("add"), "mean", "max", "min", "mul"; NULL for the layer's default. in_channels_dst is the second of PyG's
   pair of in_channels, default the first. Sizes below 1, names that are not known: NULL and TN_ERR_INVALID. Parameters have PyG's names, and every
   layer is differentiable in its floating inputs and parameters. A layer may keep what it worked out of the edge_index that it saw last: one
   thread at a time may call it. */

/* TAGConv: x, A x, … A^K x, each through a linear layer. (x, edge_index, edge_weight). K: default 3. */
typedef struct { int64_t K; bool no_normalize, no_bias; } tn_gnn_tag_opts;
TN_API tn_module *tn_gnn_tag_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_tag_opts *opts);
/* ARMAConv: the mean of num_stacks stacks of num_layers each (default 1). (x, edge_index, edge_weight). */
typedef struct { int64_t num_stacks, num_layers; tn_gnn_act act; bool no_act, shared_weights, no_bias; double dropout; } tn_gnn_arma_opts;
TN_API tn_module *tn_gnn_arma_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_arma_opts *opts);
/* GCN2Conv (GCNII): (x, x_0, edge_index, edge_weight), x_0 the net's first features. theta and layer go together: beta is log(theta / layer + 1),
   else 1. */
typedef struct { double theta; int64_t layer; bool no_shared_weights, no_self_loops, no_normalize; } tn_gnn_gcn2_opts;
TN_API tn_module *tn_gnn_gcn2_conv(int64_t channels, double alpha, const tn_gnn_gcn2_opts *opts);
/* PNAConv: aggrs of "sum", "mean", "max", "min", "std", "var", each under the scalers "identity", "amplification", "attenuation", "linear",
   "inverse_linear", which compare with deg, i64: how many nodes of the training graphs have 0, 1, … neighbours. (x, edge_index, edge_attr). */
typedef struct { int64_t edge_dim, towers, pre_layers, post_layers /* default 1 */; bool divide_input, train_norm; tn_gnn_act act; } tn_gnn_pna_opts;
TN_API tn_module *tn_gnn_pna_conv(int64_t in_channels, int64_t out_channels, const char *const *aggrs, int n_aggrs, const char *const *scalers, int n_scalers,
                                  tn_tensor *deg, const tn_gnn_pna_opts *opts);
/* PNAConv.get_degree_histogram, of one graph. */
TN_API tn_tensor *tn_gnn_degree_histogram(tn_tensor *edge_index, int64_t num_nodes);
/* GENConv (DeeperGCN): (x, edge_index, edge_attr) or (x, x_dst, edge_index, edge_attr). aggr also "softmax" (default), "softmax_sg", "powermean". */
typedef enum { TN_GNN_GEN_BATCH_NORM = 0, TN_GNN_GEN_LAYER_NORM, TN_GNN_GEN_INSTANCE_NORM, TN_GNN_GEN_NO_NORM } tn_gnn_gen_norm;
typedef struct {
    int64_t in_channels_dst, num_layers, expansion, edge_dim; /* num_layers, expansion: default 2 */
    const char *aggr;
    double t, p, eps;           /* default 1, 1, 1e-7 */
    bool learn_t, learn_p, msg_norm, learn_msg_scale, bias;
    tn_gnn_gen_norm norm;
} tn_gnn_gen_opts;
TN_API tn_module *tn_gnn_gen_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_gen_opts *opts);
/* RGCNConv (and FastRGCNConv, whose result is the same): (x, edge_index, edge_type) or (x, x_dst, edge_index, edge_type), edge_type i64 [E] below
   num_relations. x NULL: a row of weights a node, of in_channels nodes; x i64 [nodes]: the rows of those. aggr: default mean. Edges are
   summed by relation and target before weights are applied: nothing is edges times features. */
typedef struct { int64_t in_channels_dst, num_bases, num_blocks; const char *aggr; bool no_root_weight, no_bias; } tn_gnn_rgcn_opts;
TN_API tn_module *tn_gnn_rgcn_conv(int64_t in_channels, int64_t out_channels, int64_t num_relations, const tn_gnn_rgcn_opts *opts);
/* NNConv (ECConv): nn makes of edge_attr each edge's matrix [in_channels * out_channels]. aggr: default sum. */
typedef struct { int64_t in_channels_dst; const char *aggr; bool no_root_weight, no_bias; } tn_gnn_nn_conv_opts;
TN_API tn_module *tn_gnn_nn_conv(int64_t in_channels, int64_t out_channels, tn_module *nn, const tn_gnn_nn_conv_opts *opts);
/* CGConv: dim is edge_attr's width; the result has the targets' width, channels_dst. aggr: default sum. */
typedef struct { int64_t channels_dst, dim; const char *aggr; bool batch_norm, no_bias; } tn_gnn_cg_opts;
TN_API tn_module *tn_gnn_cg_conv(int64_t channels, const tn_gnn_cg_opts *opts);
/* MixHopConv: the powers of A (n of them, NULL for 0, 1, 2) side by side, [nodes, n out_channels]. (x, edge_index, edge_weight). */
typedef struct { const int64_t *powers; int n; bool no_self_loops, no_bias; } tn_gnn_mixhop_opts;
TN_API tn_module *tn_gnn_mixhop_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_mixhop_opts *opts);
/* FiLMConv: (x, edge_index, edge_type) or (x, x_dst, …); edge_type is not read where num_relations is 1 (default). aggr: default mean. */
typedef struct { int64_t in_channels_dst, num_relations; const char *aggr; tn_gnn_act act; bool no_act; } tn_gnn_film_opts;
TN_API tn_module *tn_gnn_film_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_film_opts *opts);
/* GatedGraphConv: x, padded with zeros to out_channels, through num_layers steps of one GRU. (x, edge_index, edge_weight). aggr: default sum. */
typedef struct { const char *aggr; bool no_bias; } tn_gnn_gated_opts;
TN_API tn_module *tn_gnn_gated_graph_conv(int64_t out_channels, int64_t num_layers, const tn_gnn_gated_opts *opts);
/* ResGatedGraphConv. act: default sigmoid. */
typedef struct { int64_t in_channels_dst, edge_dim; tn_gnn_act act; bool no_root_weight, no_bias; } tn_gnn_res_gated_opts;
TN_API tn_module *tn_gnn_res_gated_graph_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_res_gated_opts *opts);
/* PointNetConv: (x, pos, edge_index) or (x, x_dst, pos, pos_dst, edge_index), x (or both) may be NULL. The largest of local_nn([x_j, pos_j - pos_i]),
   through global_nn; either may be NULL. */
typedef struct { bool no_self_loops; } tn_gnn_pointnet_opts;
TN_API tn_module *tn_gnn_pointnet_conv(tn_module *local_nn, tn_module *global_nn, const tn_gnn_pointnet_opts *opts);
/* HypergraphConv: (x, hyperedge_index, hyperedge_weight, hyperedge_attr, num_edges); hyperedge_index [2, E] pairs nodes with hyperedges; the last
   three may be NULL or left off (attr not under attention), num_edges is a 0-d i64. */
typedef struct { int64_t heads; bool use_attention, edge_mode /* attention_mode='edge' */, mean_heads, no_bias; double negative_slope, dropout; } tn_gnn_hypergraph_opts;
TN_API tn_module *tn_gnn_hypergraph_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_hypergraph_opts *opts);
/* LGConv (LightGCN): the normalised sum of neighbours. (x, edge_index, edge_weight). */
typedef struct { bool no_normalize; } tn_gnn_lg_opts;
TN_API tn_module *tn_gnn_lg_conv(const tn_gnn_lg_opts *opts);
/* FAConv: (x, x_0, edge_index, edge_weight); edge_weight only under no_normalize, and then needed. eps: default 0.1; TN_ZERO. */
typedef struct { double eps, dropout; bool no_self_loops, no_normalize; } tn_gnn_fa_opts;
TN_API tn_module *tn_gnn_fa_conv(int64_t channels, const tn_gnn_fa_opts *opts);
/* ClusterGCNConv: neighbours' mean, a node itself weighed 1 + diag_lambda, and a root. (x, edge_index). */
typedef struct { double diag_lambda; bool no_self_loops, no_bias; } tn_gnn_cluster_gcn_opts;
TN_API tn_module *tn_gnn_cluster_gcn_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_cluster_gcn_opts *opts);
/* DynamicEdgeConv: EdgeConv over each node's k nearest in x, itself included. (x, batch), or (x, x_dst, batch, batch_dst). aggr: default max. */
TN_API tn_module *tn_gnn_dynamic_edge_conv(tn_module *nn, int64_t k, const char *aggr);
/* GPSConv: conv (NULL for none) beside attention among all nodes of a graph. (x, edge_index, batch, …), what follows batch is conv's. norm: default
   tn_gnn_batch_norm. */
typedef struct { int64_t heads; double dropout; tn_gnn_act act; tn_gnn_norm norm; bool no_norm; } tn_gnn_gps_opts;
TN_API tn_module *tn_gnn_gps_conv(int64_t channels, tn_module *conv, const tn_gnn_gps_opts *opts);

/* Several kinds of nodes and edges. Tensors are in dicts: x by the kind of nodes ("paper"), edge_index by the kind of edges, PyG's triple joined by
   two underscores ("author__writes__paper"). What is absent from a dict is left out. Results belong to the caller's scope. */
typedef struct {
    const char *const *node_types;
    const int64_t *in_channels; /* of each */
    int n_node_types;
    const char *const *edge_types;
    int n_edge_types;
} tn_gnn_metadata;
/* HGTConv: x by kind of nodes that some kind of edges leads to. heads (0: 1) divide out_channels. */
TN_API tn_module *tn_gnn_hgt_conv(const tn_gnn_metadata *metadata, int64_t out_channels, int64_t heads);
TN_API tn_dict *tn_gnn_hgt_forward(tn_module *m, tn_dict *x, tn_dict *edge_index);
/* HANConv: kinds of nodes that no edges lead to are not in the result. */
typedef struct { int64_t heads; double negative_slope, dropout; } tn_gnn_han_opts;
TN_API tn_module *tn_gnn_han_conv(const tn_gnn_metadata *metadata, int64_t out_channels, const tn_gnn_han_opts *opts);
TN_API tn_dict *tn_gnn_han_forward(tn_module *m, tn_dict *x, tn_dict *edge_index);
/* HeteroConv: a layer for each kind of edges; where several lead to one kind of nodes their results are joined by aggr, "sum" (default), "mean", "min", "max",
   "mul", "cat" or "stack" (PyG's None). edge_attr, the third input of layers, may be NULL, or have them for some kinds of edges. */
TN_API tn_module *tn_gnn_hetero_conv(const char *const *edge_types, tn_module *const *convs, int n, const char *aggr);
TN_API tn_dict *tn_gnn_hetero_forward(tn_module *m, tn_dict *x, tn_dict *edge_index, tn_dict *edge_attr);

/* ============================================================================================================== */
/* >>aggregate (Public)                                                                                           */
/* Aggregations as modules: tn_call takes (x, index, ptr, dim_size) as PyG's. x [E, F]; index i64 [E], the group of   */
/* each row; ptr i64 [groups + 1], where sorted groups begin, instead of index; neither: one group. dim_size, a 0-d   */
/* i64: how many groups, NULL for the largest index + 1. The result is [groups, F], 0 of empty groups. What may be    */
/* absent is NULL or left off. Differentiable in x and the parameters. TN_ERR_SHAPE, TN_ERR_DTYPE of other operands. */
/* ============================================================================================================== */
/* SumAggregation, MeanAggregation, MaxAggregation, MinAggregation, MulAggregation (1 of empty groups). */
TN_API tn_module *tn_gnn_sum_aggregation(void);
TN_API tn_module *tn_gnn_mean_aggregation(void);
TN_API tn_module *tn_gnn_max_aggregation(void);
TN_API tn_module *tn_gnn_min_aggregation(void);
TN_API tn_module *tn_gnn_mul_aggregation(void);
/* VarAggregation (mean of squares less square of the mean) and StdAggregation, 0 where the variance is up to 1e-5. semi_grad: the mean of
   squares has no gradient. */
TN_API tn_module *tn_gnn_var_aggregation(bool semi_grad);
TN_API tn_module *tn_gnn_std_aggregation(bool semi_grad);
/* SoftmaxAggregation: the sum of x weighed by softmax(t x) in each group. learn: t [channels] is a parameter. */
typedef struct {
    double t;                   /* default 1; TN_ZERO */
    bool learn, semi_grad;      /* semi_grad: the weights have no gradient; not with learn */
    int64_t channels;           /* default 1; more with learn: one t a feature */
} tn_gnn_softmax_aggregation_opts;
TN_API tn_module *tn_gnn_softmax_aggregation(const tn_gnn_softmax_aggregation_opts *opts);
/* PowerMeanAggregation: mean(x^p)^(1 / p), both clamped. learn: p [channels] is a parameter. */
typedef struct {
    double p;                   /* default 1: the mean, without clamps unless learn */
    bool learn;
    int64_t channels;           /* default 1; more with learn */
    double clamp_min, clamp_max; /* default 1e-4, 100; TN_ZERO */
} tn_gnn_power_mean_aggregation_opts;
TN_API tn_module *tn_gnn_power_mean_aggregation(const tn_gnn_power_mean_aggregation_opts *opts);
/* QuantileAggregation: [groups, n F], the n quantiles q (buffer [n, 1]) of each feature; MedianAggregation: the lower one of 0.5. */
typedef enum { TN_GNN_LINEAR = 0, TN_GNN_LOWER, TN_GNN_HIGHER, TN_GNN_NEAREST, TN_GNN_MIDPOINT } tn_gnn_interpolation;
typedef struct { tn_gnn_interpolation interpolation; double fill_value; /* of empty groups */ } tn_gnn_quantile_opts;
TN_API tn_module *tn_gnn_quantile_aggregation(const double *q, int n, const tn_gnn_quantile_opts *opts);
TN_API tn_module *tn_gnn_median_aggregation(double fill_value);
/* SortAggregation: [groups, k F], each group's k rows with the largest last feature, in descending order; 0 where there are fewer. */
TN_API tn_module *tn_gnn_sort_aggregation(int64_t k);
/* Set2Set: [groups, 2 in_channels] by processing_steps of attention with an LSTM (lstm.weight_ih_l0, …). opts of the LSTM, or NULL. */
TN_API tn_module *tn_gnn_set2set(int64_t in_channels, int64_t processing_steps, const tn_rnn_opts *opts);
/* LSTMAggregation: [groups, out_channels], an LSTM's last output over each group's rows, padded with zeros at the end as PyG does. index in
   ascending order, else TN_ERR_INVALID. */
TN_API tn_module *tn_gnn_lstm_aggregation(int64_t in_channels, int64_t out_channels, const tn_rnn_opts *opts);
/* AttentionalAggregation: the sum of nn(x) (NULL: x) weighed by the softmax of gate_nn(x), [E, 1] or [E, F], in each group. */
TN_API tn_module *tn_gnn_attentional_aggregation(tn_module *gate_nn, tn_module *nn);
/* MultiAggregation: the n aggregations (aggrs.0, …) side by side, [groups, n F], or combined feature by feature. */
typedef enum { TN_GNN_CAT = 0, TN_GNN_COMBINE_SUM, TN_GNN_COMBINE_MEAN, TN_GNN_COMBINE_MAX, TN_GNN_COMBINE_MIN, TN_GNN_COMBINE_STD, TN_GNN_COMBINE_VAR,
    TN_GNN_COMBINE_LOGSUMEXP } tn_gnn_combine;
TN_API tn_module *tn_gnn_multi_aggregation(tn_module *const *aggrs, int n, tn_gnn_combine mode);
/* DegreeScalerAggregation: aggr's result side by side under n scalers, which compare a group's rows with their average: of deg, i64, how many
   groups have 0, 1, … rows. avg_deg_lin and avg_deg_log [1] are buffers, under train_norm parameters. */
typedef enum { TN_GNN_IDENTITY = 0, TN_GNN_AMPLIFICATION, TN_GNN_ATTENUATION, TN_GNN_SCALE_LINEAR, TN_GNN_INVERSE_LINEAR } tn_gnn_scaler;
TN_API tn_module *tn_gnn_degree_scaler_aggregation(tn_module *aggr, const tn_gnn_scaler *scalers, int n, tn_tensor *deg, bool train_norm);

/* ============================================================================================================== */
/* >>norm (Public)                                                                                                */
/* Norms that know which node is whose: tn_call takes (x, batch, batch_size), x [nodes, features]. batch, i64 [nodes],  */
/* is each node's graph, NULL or left off for one graph; batch_size, a 0-d i64, how many there are. x's shape comes   */
/* out. eps is 1e-5 by default. TN_ERR_SHAPE, TN_ERR_DTYPE of other operands.                                      */
/* ============================================================================================================== */
/* GraphNorm: each feature less mean_scale times its mean, over its deviation; weight, bias, mean_scale [channels]. eps 0: 1e-5. */
TN_API tn_module *tn_gnn_graph_norm(int64_t channels, double eps);
/* PairNorm: centred nodes, scaled so that their mean square distance is constant (scale_individually: each to length scale). */
typedef struct { double scale; /* default 1 */ bool scale_individually; double eps; } tn_gnn_pair_norm_opts;
TN_API tn_module *tn_gnn_pair_norm(const tn_gnn_pair_norm_opts *opts);
/* MeanSubtractionNorm; GraphSizeNorm: x over the square root of its graph's nodes. */
TN_API tn_module *tn_gnn_mean_subtraction_norm(void);
TN_API tn_module *tn_gnn_graph_size_norm(void);
/* DiffGroupNorm: x plus lamda times the sum of its normalised shares in groups; lin.weight [groups, channels], norm.* of batch norm. */
typedef struct { double lamda; /* default 0.01 */ double eps, momentum; bool no_affine, no_running_stats; } tn_gnn_diff_group_norm_opts;
TN_API tn_module *tn_gnn_diff_group_norm(int64_t channels, int64_t groups, const tn_gnn_diff_group_norm_opts *opts);
/* InstanceNorm: each feature in each graph; of opts eps, momentum, affine and track_running_stats count. */
TN_API tn_module *tn_gnn_instance_norm(int64_t channels, const tn_norm_opts *opts);
/* LayerNorm over all of a graph, or (by_node) over each node; weight, bias [channels] unless no_affine; of opts eps, too. */
TN_API tn_module *tn_gnn_layer_norm(int64_t channels, bool by_node, const tn_norm_opts *opts);
/* MessageNorm: tn_call takes (x, msg) and gives msg with x's lengths, row by row, times scale [1] (no gradient unless learn_scale). */
TN_API tn_module *tn_gnn_message_norm(bool learn_scale);

/* ============================================================================================================== */
/* >>pool (Public)                                                                                                */
/* Coarser graphs.                                                                                                */
/* ============================================================================================================== */
/* dense_diff_pool: x [graphs, nodes, F] and adj [graphs, nodes, nodes] gathered into C clusters by softmax(s), s [graphs, nodes, C] (all also
   without graphs); x [graphs, C, F], adj [graphs, C, C], and the losses of links and of entropy. mask, bool [graphs, nodes] or NULL, says
   which nodes there are. no_normalize: the link loss is not over the number of adj's elements. Differentiable; all NULL on failure. */
typedef struct { tn_tensor *x, *adj, *link_loss, *entropy_loss; } tn_gnn_diff_pool;
TN_API tn_gnn_diff_pool tn_gnn_dense_diff_pool(tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask, bool no_normalize);
/* dense_mincut_pool: the same, by softmax(s / temp) (0: 1), adj without its diagonal and normalised, and the losses of the cut and of orthogonality. */
typedef struct { tn_tensor *x, *adj, *mincut_loss, *ortho_loss; } tn_gnn_mincut_pool;
TN_API tn_gnn_mincut_pool tn_gnn_dense_mincut_pool(tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask, double temp);

/* Clusters: i64 [nodes], the cluster of each. graclus: pairs of neighbours, nodes drawn from the generator (NULL: the thread's), each with its
   first free neighbour or, by weight [E], the heaviest; a pair has its smaller index. */
TN_API tn_tensor *tn_gnn_graclus(tn_tensor *edge_index, tn_tensor *weight, int64_t num_nodes, tn_generator *generator);
/* voxel_grid: the cells of a grid that the points pos [nodes, D] lie in, of the sizes size[n], n D or 1 for all. batch i64 [nodes] or NULL keeps
   graphs apart. start and end (n each) NULL: pos' least and largest. */
TN_API tn_tensor *tn_gnn_voxel_grid(tn_tensor *pos, const double *size, int n, tn_tensor *batch, const double *start, const double *end);
/* consecutive_cluster: clusters numbered from 0, in order, and the last node of each (perm). Both NULL on failure. */
typedef struct { tn_tensor *cluster, *perm; } tn_gnn_clusters;
TN_API tn_gnn_clusters tn_gnn_consecutive_cluster(tn_tensor *cluster);
/* max_pool, avg_pool: a graph of the clusters of graph's nodes: x their largest or mean, edges between them with their edge_attr summed, pos the
   mean, batch; of what graph has. Gradient in x, edge_attr, pos. TN_ERR_INVALID without edge_index. */
TN_API tn_graph *tn_gnn_max_pool(tn_tensor *cluster, tn_graph *graph);
TN_API tn_graph *tn_gnn_avg_pool(tn_tensor *cluster, tn_graph *graph);
/* max_pool_x, avg_pool_x: x and batch (NULL: none comes out) alone. */
typedef struct { tn_tensor *x, *batch; } tn_gnn_pooled_x;
TN_API tn_gnn_pooled_x tn_gnn_max_pool_x(tn_tensor *cluster, tn_tensor *x, tn_tensor *batch);
TN_API tn_gnn_pooled_x tn_gnn_avg_pool_x(tn_tensor *cluster, tn_tensor *x, tn_tensor *batch);
/* max_pool_neighbor_x, avg_pool_neighbor_x: of each node and its neighbours. */
TN_API tn_tensor *tn_gnn_max_pool_neighbor_x(tn_tensor *x, tn_tensor *edge_index);
TN_API tn_tensor *tn_gnn_avg_pool_neighbor_x(tn_tensor *x, tn_tensor *edge_index);

/* Pooling by scores. What it gives: the nodes that stay, times their scores; the edges among them; their graphs; which nodes those are (perm)
   and their scores. edge_attr is NULL where none was given; all are NULL on failure. */
typedef struct { tn_tensor *x, *edge_index, *edge_attr, *batch, *perm, *score; } tn_gnn_pooled;
typedef struct {
    double ratio;                              /* of each graph's nodes, default 0.5; from 1 on: how many */
    double min_score;                          /* instead of ratio: nodes with a softmax score above it, at least each graph's best */
    double multiplier;                         /* default 1 */
    tn_tensor *(*nonlinearity)(tn_tensor *);   /* default tn_tanh; not with min_score */
} tn_gnn_pooling_opts;
/* TopKPooling: scores by the parameter select.weight [1, in_channels]. */
TN_API tn_module *tn_gnn_topk_pooling(int64_t in_channels, const tn_gnn_pooling_opts *opts);
/* SAGPooling: scores by a layer gnn with one output, such as tn_gnn_graph_conv(in_channels, 1, NULL), PyG's default. */
TN_API tn_module *tn_gnn_sag_pooling(tn_module *gnn, const tn_gnn_pooling_opts *opts);
/* ASAPooling: scores by attention over neighbourhoods, edges by the product of assignments. edge_attr is a weight [E]. gnn, in_channels to
   in_channels, or NULL, comes first. */
typedef struct { double ratio; /* default 0.5 */ double dropout, negative_slope; /* default 0, 0.2 */ bool add_self_loops; } tn_gnn_asa_pooling_opts;
TN_API tn_module *tn_gnn_asa_pooling(int64_t in_channels, tn_module *gnn, const tn_gnn_asa_pooling_opts *opts);
/* Runs one of the three. edge_attr, batch (NULL: one graph) and attn (what is scored instead of x; not ASAPooling) may be NULL. Hooks do not run;
   tn_call(m, {x, edge_index, edge_attr, batch, attn}, n) runs them and gives x alone. */
TN_API tn_gnn_pooled tn_gnn_pooling_forward(tn_module *m, tn_tensor *x, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *batch, tn_tensor *attn);

/* EdgePooling: edges contracted from the highest score on, scores by lin.weight [1, 2 in_channels] over both ends. cluster: each node's new node;
   score: that of each new node's edge. */
typedef enum { TN_GNN_SCORE_SOFTMAX = 0, TN_GNN_SCORE_TANH, TN_GNN_SCORE_SIGMOID } tn_gnn_edge_score;
typedef struct { tn_gnn_edge_score score; double dropout, add_to_edge_score; /* default 0, 0.5; TN_ZERO */ } tn_gnn_edge_pooling_opts;
typedef struct { tn_tensor *x, *edge_index, *batch, *cluster, *score; } tn_gnn_edge_pooled;
TN_API tn_module *tn_gnn_edge_pooling(int64_t in_channels, const tn_gnn_edge_pooling_opts *opts);
TN_API tn_gnn_edge_pooled tn_gnn_edge_pooling_forward(tn_module *m, tn_tensor *x, tn_tensor *edge_index, tn_tensor *batch);
/* EdgePooling.unpool: x of the new nodes as the old ones', [nodes, F]. */
TN_API tn_tensor *tn_gnn_edge_unpool(tn_tensor *x, const tn_gnn_edge_pooled *pooled);

/* ============================================================================================================== */
/* >>model (Public)                                                                                               */
/* Whole nets.                                                                                                    */
/* ============================================================================================================== */
/* MLP: n channels, n - 1 linear layers with norm (default batch norm), act and dropout between them; tn_call takes (x, batch, batch_size).
   lins.0.weight, …, norms.0.…. */
typedef struct {
    double dropout;
    tn_gnn_act act;
    tn_gnn_norm norm;
    bool no_act, act_first, no_norm, no_bias, no_plain_last; /* no_plain_last: also the last layer has norm, act and dropout */
} tn_gnn_mlp_opts;
TN_API tn_module *tn_gnn_mlp(const int64_t *channels, int n, const tn_gnn_mlp_opts *opts);
/* JumpingKnowledge: tn_call takes the layers' results, [nodes, channels] each. mode: "cat", "max" or "lstm", which alone asks for channels and
   num_layers. */
TN_API tn_module *tn_gnn_jumping_knowledge(const char *mode, int64_t channels, int64_t num_layers);

/* BasicGNN: num_layers convolutions of hidden_channels, convs.0, …, with norm (default none), act and dropout between them. tn_call takes (x,
   edge_index, edge_weight, edge_attr, batch, batch_size), of which the last four may be NULL or left off: GCN reads edge_weight, GAT and PNA
   edge_attr, norms batch. */
typedef struct {
    int64_t out_channels;       /* default hidden_channels */
    double dropout;
    tn_gnn_act act;
    bool no_act, act_first;
    tn_gnn_norm norm;
    const char *jk;             /* "last", "cat", "max", "lstm": jumping knowledge, and a last linear layer */
} tn_gnn_net_opts;
TN_API tn_module *tn_gnn_gcn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_gcn_opts *conv);
TN_API tn_module *tn_gnn_graph_sage(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_sage_opts *conv);
TN_API tn_module *tn_gnn_gin(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_gin_opts *conv);
/* Of several heads each has its part of the channels (which they divide), but in a last layer of out_channels, where they are averaged. v2: GATv2Conv. */
TN_API tn_module *tn_gnn_gat(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, bool v2, const tn_gat_opts *conv);
TN_API tn_module *tn_gnn_pna(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const char *const *aggrs, int n_aggrs,
                             const char *const *scalers, int n_scalers, tn_tensor *deg, const tn_gnn_pna_opts *conv);
TN_API tn_module *tn_gnn_edge_cnn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_edge_conv_opts *conv);
/* The same of layers that conv makes (last: to out_channels); they are called with (x, edge_index) and edge_weight, or else edge_attr, if given. */
typedef tn_module *(*tn_gnn_conv)(void *user, int64_t in_channels, int64_t out_channels, bool last);
TN_API tn_module *tn_gnn_basic_gnn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, tn_gnn_conv conv, void *user);

/* GraphUNet: GCN layers over ever smaller graphs (topk pooling of A^2) and back. (x, edge_index, batch, edge_weight). pool_ratios: one of depth, NULL
   for 0.5 each. act: default relu. */
typedef struct { const double *pool_ratios; bool concat /* sum_res=False */; tn_gnn_act act; } tn_gnn_unet_opts;
TN_API tn_module *tn_gnn_graph_unet(int64_t in_channels, int64_t hidden_channels, int64_t out_channels, int64_t depth, const tn_gnn_unet_opts *opts);

/* SchNet: (z, pos, batch, edge_index): atomic numbers i64 [atoms] below 100, places f32 [atoms, 3], one number a molecule, [graphs, 1]. batch NULL: one
   molecule; edge_index NULL: pairs nearer than cutoff, at most max_num_neighbors of each atom. aggr: "sum" (default), "mean", … of atoms. */
typedef struct {
    int64_t hidden_channels, num_filters, num_interactions, num_gaussians, max_num_neighbors; /* default 128, 128, 6, 50, 32 */
    double cutoff;              /* default 10 */
    const char *aggr;
    double mean, std;           /* where std is not 0: atoms' results times std plus mean */
    tn_tensor *atomref;         /* [100, 1], added to atoms' results */
} tn_gnn_schnet_opts;
TN_API tn_module *tn_gnn_schnet(const tn_gnn_schnet_opts *opts);

/* Graph autoencoders. InnerProductDecoder: for the edges (i, j) the sigmoid of z_i z_j, [E]; for all pairs, [nodes, nodes]. logits: without it. */
TN_API tn_tensor *tn_gnn_inner_product_decode(tn_tensor *z, tn_tensor *edge_index, bool logits);
TN_API tn_tensor *tn_gnn_inner_product_decode_all(tn_tensor *z, bool logits);
/* GAE.recon_loss: cross-entropy of edges that are there and of such that are not. */
TN_API tn_tensor *tn_gnn_recon_loss(tn_tensor *z, tn_tensor *pos_edge_index, tn_tensor *neg_edge_index);
/* GAE.test: the area under the ROC curve and the average precision of these edges. NaNs on failure. */
typedef struct { double auc, ap; } tn_gnn_link_scores;
TN_API tn_gnn_link_scores tn_gnn_link_test(tn_tensor *z, tn_tensor *pos_edge_index, tn_tensor *neg_edge_index);
/* scikit-learn's roc_auc_score and average_precision_score: y [n] is true where it is not 0. NaN on failure, or where y is all alike (of the
   precision: never true). */
TN_API double tn_gnn_roc_auc(tn_tensor *y, tn_tensor *score);
TN_API double tn_gnn_average_precision(tn_tensor *y, tn_tensor *score);
/* VGAE: the encoder gives [nodes, 2 d], mu and logstd side by side; z is drawn of them in training, else mu. tn_call gives z alone. */
TN_API tn_module *tn_gnn_vgae(tn_module *encoder, tn_generator *generator);
typedef struct { tn_tensor *z, *mu, *logstd; } tn_gnn_vgae_result;
TN_API tn_gnn_vgae_result tn_gnn_vgae_encode(tn_module *vgae, tn_tensor *const *in, int n);
TN_API tn_tensor *tn_gnn_kl_loss(tn_tensor *mu, tn_tensor *logstd);

/* DeepGraphInfomax: encoder's results for a graph and for a corrupted one (default: nodes' rows of x, the first input, exchanged), and a summary
   [hidden_channels] of the first (default: the sigmoid of the mean). tn_call gives the first alone. */
typedef struct {
    tn_tensor *(*summary)(void *user, tn_tensor *z, tn_tensor *const *in, int n);
    tn_status (*corruption)(void *user, tn_tensor **in, int n); /* replaces inputs */
    void *user;
    tn_generator *generator;
} tn_gnn_infomax_opts;
typedef struct { tn_tensor *pos_z, *neg_z, *summary; } tn_gnn_infomax;
TN_API tn_module *tn_gnn_deep_graph_infomax(int64_t hidden_channels, tn_module *encoder, const tn_gnn_infomax_opts *opts);
TN_API tn_gnn_infomax tn_gnn_infomax_forward(tn_module *m, tn_tensor *const *in, int n);
TN_API tn_tensor *tn_gnn_infomax_discriminate(tn_module *m, tn_tensor *z, tn_tensor *summary, bool logits);
TN_API tn_tensor *tn_gnn_infomax_loss(tn_module *m, const tn_gnn_infomax *r);

/* LabelPropagation: num_layers times alpha A y + (1 - alpha) y, kept in 0 … 1; no gradient. y: classes i64 [nodes], or [nodes, classes]. mask, bool
   [nodes] or indices, says whose y are known; NULL: all. edge_weight NULL: GCN's. */
TN_API tn_tensor *tn_gnn_label_propagation(tn_tensor *y, tn_tensor *edge_index, tn_tensor *mask, tn_tensor *edge_weight, int64_t num_layers, double alpha);
/* CorrectAndSmooth: y_soft [nodes, classes] are predictions, y_true those of mask (classes i64, or rows). correct spreads the known errors, smooth
   the known labels; no gradient. */
typedef struct { int64_t num_correction_layers, num_smoothing_layers; double correction_alpha, smoothing_alpha; bool no_autoscale; double scale; /* default 1 */ } tn_gnn_correct_opts;
TN_API tn_tensor *tn_gnn_correct(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight, const tn_gnn_correct_opts *opts);
TN_API tn_tensor *tn_gnn_smooth(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight, const tn_gnn_correct_opts *opts);

/* LightGCN: tn_call takes (edge_index, edge_label_index, edge_weight) and gives each labelled edge's rank [E]; the last two may be NULL: of
   edge_index. alpha: how much each layer counts, default 1 / (num_layers + 1). */
typedef struct { double alpha; bool no_normalize; } tn_gnn_light_gcn_opts;
TN_API tn_module *tn_gnn_light_gcn(int64_t num_nodes, int64_t embedding_dim, int64_t num_layers, const tn_gnn_light_gcn_opts *opts);
TN_API tn_tensor *tn_gnn_light_gcn_embedding(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight);
/* recommend: for each of src_index (NULL: all nodes) the k of dst_index (NULL: all) that rank highest, i64 [sources, k]. */
TN_API tn_tensor *tn_gnn_light_gcn_recommend(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight, tn_tensor *src_index, tn_tensor *dst_index, int64_t k);
/* recommendation_loss (BPR): ranks of edges that are there and of others, of equal number, and lambda_reg times the squares of parameters (or NULL) over
   their number. */
TN_API tn_tensor *tn_gnn_bpr_loss(tn_tensor *positives, tn_tensor *negatives, tn_tensor *parameters, double lambda_reg);

/* ============================================================================================================== */
/* >>embed (Public)                                                                                               */
/* Embeddings of nodes and of knowledge graphs.                                                                   */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>explain (Public)                                                                                             */
/* Which edges and features a prediction rests on.                                                                */
/* ============================================================================================================== */

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* TENSOR_GRAPH_H */

#if defined(TENSOR_GRAPH_IMPLEMENTATION) && !defined(TN_GRAPH__IMPLEMENTED)
#define TN_GRAPH__IMPLEMENTED
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================================== */
/* >>util (Private)                                                                                               */
/* ============================================================================================================== */
/* An operand that is NULL: the error that made it so stays. */
static bool tn_graph__absent(const char *who, const char *what) {
    if (tn_error_code() == TN_OK) tn_error_set(TN_ERR_INVALID, "%s: %s is NULL", who, what);
    return false;
}
static void *tn_graph__alloc(const char *who, int64_t n, size_t size) {
    void *p = n >= 0 && (uint64_t)n < (SIZE_MAX / 2) / size ? calloc((size_t)n + 1, size) : NULL;
    if (!p) tn_error_set(TN_ERR_MEMORY, "%s: no memory for %lld elements", who, (long long)n);
    return p;
}
/* A shape as text, "[2, 10]". */
typedef struct { char text[TN_MAX_DIMS * 22 + 3]; } tn_graph__text;
static tn_graph__text tn_graph__shape(const tn_tensor *t) {
    tn_graph__text s;
    int at = snprintf(s.text, sizeof s.text, "[");
    for (int d = 0; d < tn_ndim(t); d++) at += snprintf(s.text + at, sizeof s.text - (size_t)at, d ? ", %lld" : "%lld", (long long)tn_size(t, d));
    (void)snprintf(s.text + at, sizeof s.text - (size_t)at, "]");
    return s;
}
/* The values of an i64 or i32 tensor in host memory as i64; they live as long as the caller's scope. */
static const int64_t *tn_graph__longs(const char *who, const char *what, tn_tensor *t, int ndim) {
    const tn_device cpu = {TN_CPU, 0};
    if (!t) return tn_graph__absent(who, what), (const int64_t *)NULL;
    const tn_dtype dt = tn_get_dtype(t);
    if (dt != TN_I64 && dt != TN_I32) tn_error_set(TN_ERR_DTYPE, "%s: %s is %s, not int64 or int32", who, what, tn_dtype_name(dt));
    else if (tn_ndim(t) != ndim) tn_error_set(TN_ERR_SHAPE, "%s: %s is %s, not of %d dims", who, what, tn_graph__shape(t).text, ndim);
    else return (const int64_t *)tn_data(tn_contiguous(tn_to(tn_to_dtype(t, TN_I64), cpu)));
    return NULL;
}
/* n numbers (rows 0) or [rows, n] as a tensor on that device. */
static tn_tensor *tn_graph__indices(const int64_t *v, int64_t rows, int64_t n, tn_device device) {
    const int64_t shape[2] = {rows ? rows : n, n};
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64;
    return tn_to(tn_from(v, shape, rows ? 2 : 1, &o), device);
}
static tn_tensor *tn_graph__mask(const unsigned char *v, int64_t n, tn_device device) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_BOOL;
    return tn_to(tn_from(v, &n, 1, &o), device);
}
/* Edges in host memory, checked: e of them among n nodes. */
typedef struct { const int64_t *row, *col; int64_t e, n; tn_device device; } tn_graph__edges;
static bool tn_graph__edges_read(const char *who, tn_tensor *edge_index, int64_t num_nodes, tn_graph__edges *g) {
    g->row = tn_graph__longs(who, "edge_index", edge_index, 2);
    if (!g->row) return false;
    if (tn_size(edge_index, 0) != 2) return tn_error_set(TN_ERR_SHAPE, "%s: edge_index is %s, not [2, edges]", who, tn_graph__shape(edge_index).text), false;
    g->e = tn_size(edge_index, 1), g->n = num_nodes < 0 ? 0 : num_nodes;
    g->col = g->row + g->e, g->device = tn_get_device(edge_index);
    for (int64_t i = 0; i < 2 * g->e; i++) {
        if (num_nodes < 0 && g->row[i] >= g->n && g->row[i] < INT64_MAX) g->n = g->row[i] + 1;
        if (g->row[i] < 0 || g->row[i] >= g->n)
            return tn_error_set(TN_ERR_INDEX, "%s: edge_index has %lld, of %lld nodes", who, (long long)g->row[i], (long long)g->n), false;
    }
    return true;
}
static bool tn_graph__edges_and(const char *who, tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, tn_graph__edges *g) {
    if (!tn_graph__edges_read(who, edge_index, num_nodes, g)) return false;
    if (!edge_attr || (tn_ndim(edge_attr) > 0 && tn_size(edge_attr, 0) == g->e)) return true;
    tn_error_set(TN_ERR_SHAPE, "%s: edge_attr is %s for %lld edges", who, tn_graph__shape(edge_attr).text, (long long)g->e);
    return false;
}
static double tn_graph__or(double v, double usual) { return v == 0 ? usual : v; } /* an option's default */
/* What an inner scope made goes to the caller's. */
static tn_gnn_edge_list tn_graph__give(tn_scope *s, tn_gnn_edge_list r, bool ok) {
    const tn_gnn_edge_list none = {NULL, NULL, NULL};
    if (!ok) r = none;
    tn_keep(r.edge_index), tn_keep(r.edge_attr), tn_keep(r.mask);
    tn_scope_close(s);
    return r;
}

/* A tensor full of v, of like's dtype and device. */
static tn_tensor *tn_graph__filled(const int64_t *shape, int ndim, double v, const tn_tensor *like) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(like);
    return tn_to(tn_full(shape, ndim, v, &o), tn_get_device(like));
}
/* A tensor [rows, *] of v but for the rows at those places; differentiable in rows. */
static tn_tensor *tn_graph__put_rows(const int64_t *shape, double v, const int64_t *at, int64_t n, tn_tensor *rows) {
    tn_tensor *base = rows ? tn_graph__filled(shape, tn_ndim(rows), v, rows) : NULL, *index = base ? tn_graph__indices(at, 0, n, tn_get_device(rows)) : NULL;
    return index ? tn_index_put(base, &index, 1, rows, false) : NULL;
}
/* x, or v where it is less. */
static tn_tensor *tn_graph__at_least(tn_tensor *x, double v) {
    tn_tensor *min = tn_arg_f(v);
    return min ? tn_clamp(x, min, (tn_tensor *)NULL) : NULL;
}
/* One pass of a counting sort: the elements of from (NULL: 0 ... e - 1) by their keys, stably. start has n + 1 places. */
static void tn_graph__sort_pass(const int64_t *key, const int64_t *from, int64_t e, int64_t n, int64_t *start, int64_t *to) {
    memset(start, 0, ((size_t)n + 1) * sizeof *start);
    for (int64_t i = 0; i < e; i++) start[key[i] + 1]++;
    for (int64_t i = 0; i < n; i++) start[i + 1] += start[i];
    for (int64_t i = 0; i < e; i++) {
        const int64_t at = from ? from[i] : i;
        to[start[key[at]]++] = at;
    }
}
/* The edges in order of (major, minor), stably, for the caller to free. */
static int64_t *tn_graph__order(const char *who, const int64_t *major, const int64_t *minor, int64_t e, int64_t n) {
    int64_t *order = (int64_t *)tn_graph__alloc(who, e, sizeof *order), *pass = (int64_t *)tn_graph__alloc(who, e, sizeof *pass);
    int64_t *start = (int64_t *)tn_graph__alloc(who, n, sizeof *start);
    if (order && pass && start) {
        tn_graph__sort_pass(minor, NULL, e, n, start, pass);
        tn_graph__sort_pass(major, pass, e, n, start, order);
    } else {
        free(order);
        order = NULL;
    }
    free(pass), free(start);
    return order;
}
/* to[0 … edges) the sources and to[edges …) the targets of the edges that are left, group their places among them; how many. */
static int64_t tn_graph__merge(const tn_graph__edges *g, const int64_t *order, int64_t *to, int64_t *group) {
    int64_t m = 0;
    for (int64_t i = 0; i < g->e; i++) {
        const int64_t at = order[i], r = g->row[at], c = g->col[at];
        if (i == 0 || r != to[m - 1] || c != to[g->e + m - 1]) to[m] = r, to[g->e + m] = c, m++;
        group[at] = m - 1;
    }
    memmove(to + m, to + g->e, (size_t)m * sizeof *to);
    return m;
}
static tn_gnn_edge_list tn_graph__coalesce(const char *who, const tn_graph__edges *g, tn_tensor *attr, const tn_gnn_coalesce_opts *opts) {
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    int64_t *order = opts->by_column ? tn_graph__order(who, g->col, g->row, g->e, g->n) : tn_graph__order(who, g->row, g->col, g->e, g->n);
    int64_t *to = (int64_t *)tn_graph__alloc(who, 2 * g->e, sizeof *to), *group = (int64_t *)tn_graph__alloc(who, g->e, sizeof *group);
    if (order && to && group) {
        const int64_t m = tn_graph__merge(g, order, to, group);
        r.edge_index = tn_graph__indices(to, 2, m, g->device);
        if (attr && m == g->e) r.edge_attr = tn_index_select(attr, 0, tn_graph__indices(order, 0, m, g->device));
        else if (attr) r.edge_attr = tn_gnn_scatter(attr, tn_graph__indices(group, 0, g->e, g->device), m, opts->reduce);
    }
    free(order), free(to), free(group);
    return r;
}
static bool tn_graph__whole(tn_gnn_edge_list r, tn_tensor *attr) { return r.edge_index && (!attr || r.edge_attr); }

TN_API tn_gnn_edge_list tn_gnn_coalesce(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, const tn_gnn_coalesce_opts *opts) {
    const tn_gnn_coalesce_opts usual = {TN_REDUCE_SUM, false};
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    if (tn_graph__edges_and("tn_gnn_coalesce", edge_index, edge_attr, num_nodes, &g))
        r = tn_graph__coalesce("tn_gnn_coalesce", &g, edge_attr, opts ? opts : &usual);
    return tn_graph__give(&s, r, tn_graph__whole(r, edge_attr));
}
TN_API tn_gnn_edge_list tn_gnn_to_undirected(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, tn_reduction_kind reduce) {
    const char *who = "tn_gnn_to_undirected";
    const tn_gnn_coalesce_opts opts = {reduce, false};
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    int64_t *both = NULL;
    if (tn_graph__edges_and(who, edge_index, edge_attr, num_nodes, &g)) both = (int64_t *)tn_graph__alloc(who, 4 * g.e, sizeof *both);
    if (both) {
        tn_tensor *const twice[2] = {edge_attr, edge_attr};
        const size_t size = (size_t)g.e * sizeof *both;
        memcpy(both, g.row, 2 * size), memcpy(both + 2 * g.e, g.col, size), memcpy(both + 3 * g.e, g.row, size);
        g.row = both, g.e *= 2, g.col = both + g.e;
        r = tn_graph__coalesce(who, &g, edge_attr ? tn_cat(twice, 2, 0) : NULL, &opts);
    }
    free(both);
    return tn_graph__give(&s, r, tn_graph__whole(r, edge_attr));
}
TN_API bool tn_gnn_is_undirected(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes) {
    const char *who = "tn_gnn_is_undirected";
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    bool same = tn_graph__edges_and(who, edge_index, edge_attr, num_nodes, &g);
    int64_t *there = same ? tn_graph__order(who, g.row, g.col, g.e, g.n) : NULL, *back = there ? tn_graph__order(who, g.col, g.row, g.e, g.n) : NULL;
    same = there && back;
    for (int64_t i = 0; same && i < g.e; i++) same = g.row[there[i]] == g.col[back[i]] && g.col[there[i]] == g.row[back[i]];
    if (same && edge_attr) {
        tn_tensor *a = tn_index_select(tn_detach(edge_attr), 0, tn_graph__indices(there, 0, g.e, g.device));
        tn_tensor *b = tn_index_select(tn_detach(edge_attr), 0, tn_graph__indices(back, 0, g.e, g.device));
        same = tn_item(tn_all(tn_eq(a, b), NULL)) == 1;
    }
    free(there), free(back);
    tn_scope_close(&s);
    return same;
}

/* The edges whose keep is set, in order, with the new numbers of the nodes (NULL: the old), and their attributes. */
static tn_gnn_edge_list tn_graph__select(const char *who, const tn_graph__edges *g, const unsigned char *keep, const int64_t *number, tn_tensor *attr) {
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    int64_t m = 0, k = 0;
    for (int64_t i = 0; i < g->e; i++) m += keep[i];
    int64_t *to = (int64_t *)tn_graph__alloc(who, 3 * m, sizeof *to);
    if (!to) return r;
    for (int64_t i = 0; i < g->e; i++)
        if (keep[i]) to[k] = number ? number[g->row[i]] : g->row[i], to[m + k] = number ? number[g->col[i]] : g->col[i], to[2 * m + k++] = i;
    r.edge_index = tn_graph__indices(to, 2, m, g->device);
    if (attr) r.edge_attr = tn_index_select(attr, 0, tn_graph__indices(to + 2 * m, 0, m, g->device));
    r.mask = tn_graph__mask(keep, g->e, g->device);
    free(to);
    return r;
}
TN_API bool tn_gnn_contains_self_loops(tn_tensor *edge_index) {
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    bool any = false;
    if (tn_graph__edges_read("tn_gnn_contains_self_loops", edge_index, -1, &g))
        for (int64_t i = 0; i < g.e && !any; i++) any = g.row[i] == g.col[i];
    tn_scope_close(&s);
    return any;
}
TN_API tn_gnn_edge_list tn_gnn_remove_self_loops(tn_tensor *edge_index, tn_tensor *edge_attr) {
    const char *who = "tn_gnn_remove_self_loops";
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    unsigned char *keep = NULL;
    if (tn_graph__edges_and(who, edge_index, edge_attr, -1, &g)) keep = (unsigned char *)tn_graph__alloc(who, g.e, 1);
    if (keep) {
        for (int64_t i = 0; i < g.e; i++) keep[i] = g.row[i] != g.col[i];
        r = tn_graph__select(who, &g, keep, NULL, edge_attr);
    }
    free(keep);
    return tn_graph__give(&s, r, tn_graph__whole(r, edge_attr) && r.mask);
}

/* Which nodes have an edge that is no self-loop, for the caller to free. */
static unsigned char *tn_graph__joined(const char *who, const tn_graph__edges *g) {
    unsigned char *joined = (unsigned char *)tn_graph__alloc(who, g->n, 1);
    for (int64_t i = 0; joined && i < g->e; i++)
        if (g->row[i] != g->col[i]) joined[g->row[i]] = joined[g->col[i]] = 1;
    return joined;
}
TN_API bool tn_gnn_contains_isolated_nodes(tn_tensor *edge_index, int64_t num_nodes) {
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    bool any = false;
    unsigned char *joined = NULL;
    if (tn_graph__edges_read("tn_gnn_contains_isolated_nodes", edge_index, num_nodes, &g)) joined = tn_graph__joined("tn_gnn_contains_isolated_nodes", &g);
    for (int64_t i = 0; joined && i < g.n && !any; i++) any = !joined[i];
    free(joined);
    tn_scope_close(&s);
    return any;
}
/* Edges in the order in which they stay: those that are no loops, then the last loop of each joined node. work has 2 n + 3 e places. */
static tn_gnn_edge_list tn_graph__drop_isolated(const tn_graph__edges *g, const unsigned char *joined, int64_t *work, tn_tensor *attr) {
    int64_t *number = work, *loop = work + g->n, *to = loop + g->n, *at = to + 2 * g->e, m = 0, nodes = 0;
    for (int64_t i = 0; i < g->n; i++) number[i] = joined[i] ? nodes++ : -1, loop[i] = -1;
    for (int64_t i = 0; i < g->e; i++) {
        if (g->row[i] != g->col[i]) at[m++] = i;
        else loop[g->row[i]] = i;
    }
    for (int64_t i = 0; i < g->n; i++)
        if (joined[i] && loop[i] >= 0) at[m++] = loop[i];
    for (int64_t i = 0; i < m; i++) to[i] = number[g->row[at[i]]], to[m + i] = number[g->col[at[i]]];
    tn_gnn_edge_list r = {tn_graph__indices(to, 2, m, g->device), NULL, tn_graph__mask(joined, g->n, g->device)};
    if (attr) r.edge_attr = tn_index_select(attr, 0, tn_graph__indices(at, 0, m, g->device));
    return r;
}
TN_API tn_gnn_edge_list tn_gnn_remove_isolated_nodes(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes) {
    const char *who = "tn_gnn_remove_isolated_nodes";
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    unsigned char *joined = NULL;
    int64_t *work = NULL;
    if (tn_graph__edges_and(who, edge_index, edge_attr, num_nodes, &g)) joined = tn_graph__joined(who, &g);
    if (joined) work = (int64_t *)tn_graph__alloc(who, 2 * g.n + 3 * g.e, sizeof *work);
    if (work) r = tn_graph__drop_isolated(&g, joined, work, edge_attr);
    free(joined), free(work);
    return tn_graph__give(&s, r, tn_graph__whole(r, edge_attr) && r.mask);
}

/* Each node's place in subset (indices or a mask), -1 outside, for the caller to free. A mask says how many nodes there are. */
static int64_t *tn_graph__places(const char *who, tn_tensor *subset, int64_t *num_nodes) {
    const tn_device cpu = {TN_CPU, 0};
    const bool mask = subset && tn_get_dtype(subset) == TN_BOOL && tn_ndim(subset) == 1;
    const int64_t *at = mask ? NULL : tn_graph__longs(who, "subset", subset, 1), m = subset ? tn_size(subset, 0) : 0;
    const unsigned char *in = mask ? (const unsigned char *)tn_data(tn_contiguous(tn_to(subset, cpu))) : NULL;
    if (mask) *num_nodes = m;
    int64_t *place = at || in ? (int64_t *)tn_graph__alloc(who, *num_nodes, sizeof *place) : NULL, k = 0;
    if (!place) return NULL;
    for (int64_t i = 0; i < *num_nodes; i++) place[i] = mask && in[i] ? k++ : -1;
    for (int64_t i = 0; !mask && i < m; i++) {
        if (at[i] < 0 || at[i] >= *num_nodes) {
            tn_error_set(TN_ERR_INDEX, "%s: subset has %lld, of %lld nodes", who, (long long)at[i], (long long)*num_nodes);
            free(place);
            return NULL;
        }
        place[at[i]] = i;
    }
    return place;
}
TN_API tn_gnn_edge_list tn_gnn_subgraph(tn_tensor *subset, tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, bool relabel) {
    const char *who = "tn_gnn_subgraph";
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    int64_t *place = NULL;
    unsigned char *keep = NULL;
    if (subset && tn_get_dtype(subset) == TN_BOOL && tn_ndim(subset) == 1) num_nodes = tn_size(subset, 0);
    if (tn_graph__edges_and(who, edge_index, edge_attr, num_nodes, &g)) place = tn_graph__places(who, subset, &g.n);
    if (place) keep = (unsigned char *)tn_graph__alloc(who, g.e, 1);
    if (keep) {
        for (int64_t i = 0; i < g.e; i++) keep[i] = place[g.row[i]] >= 0 && place[g.col[i]] >= 0;
        r = tn_graph__select(who, &g, keep, relabel ? place : NULL, edge_attr);
    }
    free(place), free(keep);
    return tn_graph__give(&s, r, tn_graph__whole(r, edge_attr) && r.mask);
}

/* Marks in hop (0: not reached, else the step + 1) the nodes from which those with hop 1 are reached by edges from -> to, and in keep the
   edges that were gone. As PyG, a step goes on from the nodes that the one before came to, seen before or not. */
static void tn_graph__hops(const int64_t *from, const int64_t *to, int64_t e, int64_t n, int64_t num_hops, unsigned char *in, unsigned char *front,
                           unsigned char *keep) {
    unsigned char *next = front + n;
    memcpy(front, in, (size_t)n);
    for (int64_t h = 0; h < num_hops; h++) {
        memset(next, 0, (size_t)n);
        for (int64_t i = 0; i < e; i++)
            if (front[to[i]]) keep[i] = next[from[i]] = in[from[i]] = 1;
        memcpy(front, next, (size_t)n);
    }
}
static tn_gnn_k_hop tn_graph__k_hop(const tn_graph__edges *g, const int64_t *node, int64_t nodes, int64_t num_hops, const tn_gnn_k_hop_opts *o,
                                    unsigned char *in, unsigned char *keep, int64_t *work) {
    const char *who = "tn_gnn_k_hop_subgraph";
    tn_gnn_k_hop r = {NULL, NULL, NULL, NULL};
    int64_t m = 0, *subset = work, *number = work + g->n, *mapping = number + g->n;
    for (int64_t i = 0; i < nodes; i++) {
        if (node[i] < 0 || node[i] >= g->n)
            return tn_error_set(TN_ERR_INDEX, "%s: node_idx has %lld, of %lld nodes", who, (long long)node[i], (long long)g->n), r;
        in[node[i]] = 1;
    }
    if (o->target_to_source) tn_graph__hops(g->col, g->row, g->e, g->n, num_hops, in, in + g->n, keep);
    else tn_graph__hops(g->row, g->col, g->e, g->n, num_hops, in, in + g->n, keep);
    for (int64_t i = 0; i < g->n; i++)
        if (in[i]) number[i] = m, subset[m++] = i;
    for (int64_t i = 0; i < g->e && !o->directed; i++) keep[i] = in[g->row[i]] && in[g->col[i]];
    for (int64_t i = 0; i < nodes; i++) mapping[i] = number[node[i]];
    const tn_gnn_edge_list edges = tn_graph__select(who, g, keep, o->relabel_nodes ? number : NULL, NULL);
    r.subset = tn_graph__indices(subset, 0, m, g->device);
    r.edge_index = edges.edge_index, r.edge_mask = edges.mask;
    r.mapping = tn_graph__indices(mapping, 0, nodes, g->device);
    return r;
}
TN_API tn_gnn_k_hop tn_gnn_k_hop_subgraph(tn_tensor *node_idx, int64_t num_hops, tn_tensor *edge_index, int64_t num_nodes, const tn_gnn_k_hop_opts *opts) {
    const char *who = "tn_gnn_k_hop_subgraph";
    const tn_gnn_k_hop_opts usual = {false, false, false};
    const tn_gnn_k_hop none = {NULL, NULL, NULL, NULL};
    tn_gnn_k_hop r = none;
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    const int64_t *node = tn_graph__edges_read(who, edge_index, num_nodes, &g) ? tn_graph__longs(who, "node_idx", node_idx, 1) : NULL;
    if (node) {
        unsigned char *in = (unsigned char *)tn_graph__alloc(who, 3 * g.n, 1), *keep = (unsigned char *)tn_graph__alloc(who, g.e, 1);
        int64_t *work = (int64_t *)tn_graph__alloc(who, 2 * g.n + tn_size(node_idx, 0), sizeof *work);
        if (in && keep && work) r = tn_graph__k_hop(&g, node, tn_size(node_idx, 0), num_hops, opts ? opts : &usual, in, keep, work);
        free(in), free(keep), free(work);
    }
    if (!r.subset || !r.edge_index || !r.mapping || !r.edge_mask) r = none;
    tn_keep(r.subset), tn_keep(r.edge_index), tn_keep(r.mapping), tn_keep(r.edge_mask);
    tn_scope_close(&s);
    return r;
}

/* Where each of `graphs` graphs begins, and the end, for the caller to free; batch NULL: one graph of n nodes. size 0: the largest + 1. */
static int64_t *tn_graph__starts(const char *who, tn_tensor *batch, int64_t n, int64_t size, int64_t *graphs) {
    const int64_t *b = batch ? tn_graph__longs(who, "batch", batch, 1) : NULL;
    if (batch && !b) return NULL;
    if (batch && tn_size(batch, 0) != n)
        return tn_error_set(TN_ERR_SHAPE, "%s: batch is %s for %lld nodes", who, tn_graph__shape(batch).text, (long long)n), (int64_t *)NULL;
    *graphs = size > 0 ? size : !batch ? 1 : n && b[n - 1] < INT64_MAX ? b[n - 1] + 1 : 0;
    for (int64_t i = 0; b && i < n; i++) {
        if (b[i] < 0 || b[i] >= *graphs || (i && b[i] < b[i - 1]))
            return tn_error_set(TN_ERR_INVALID, "%s: batch has %lld at %lld: wanted are ascending numbers below %lld", who, (long long)b[i], (long long)i,
                                (long long)*graphs), (int64_t *)NULL;
    }
    int64_t *start = (int64_t *)tn_graph__alloc(who, *graphs, sizeof *start);
    if (!start) return NULL;
    for (int64_t i = 0; i < n; i++) start[(b ? b[i] : 0) + 1]++;
    for (int64_t i = 0; i < *graphs; i++) start[i + 1] += start[i];
    return start;
}
/* The nodes that every graph is padded or cut to; -1 where that is more than any memory. */
static int64_t tn_graph__most(const char *who, const tn_gnn_dense_opts *o, const int64_t *start, int64_t graphs) {
    int64_t most = o->max_num_nodes > 0 ? o->max_num_nodes : 0;
    for (int64_t i = 0; i < graphs && o->max_num_nodes <= 0; i++) most = start[i + 1] - start[i] > most ? start[i + 1] - start[i] : most;
    if ((double)most * (double)most * (double)graphs < 1e18) return most;
    return tn_error_set(TN_ERR_MEMORY, "%s: %lld graphs of %lld nodes", who, (long long)graphs, (long long)most), -1;
}
/* The edges' places in the flattened [graphs, most, most], and which edges have one (those beyond most have none); how many, -1 on failure. */
static int64_t tn_graph__places_dense(const tn_graph__edges *g, const int64_t *start, int64_t graphs, int64_t most, const int64_t *batch, int64_t *place,
                                      int64_t *edge) {
    int64_t m = 0;
    for (int64_t i = 0; i < g->e; i++) {
        const int64_t b = batch ? batch[g->row[i]] : 0, r = g->row[i] - start[b], c = g->col[i] - start[b];
        if (b >= graphs || (batch && batch[g->col[i]] != b))
            return tn_error_set(TN_ERR_INDEX, "tn_gnn_to_dense_adj: edge %lld goes from one graph to another", (long long)i), -1;
        if (r < most && c < most) place[m] = (b * most + r) * most + c, edge[m++] = i;
    }
    return m;
}
static tn_tensor *tn_graph__dense_adj(const tn_graph__edges *g, tn_tensor *batch, tn_tensor *attr, const tn_gnn_dense_opts *o, int64_t *start,
                                      int64_t graphs) {
    const char *who = "tn_gnn_to_dense_adj";
    const int64_t most = tn_graph__most(who, o, start, graphs);
    int64_t shape[TN_MAX_DIMS] = {graphs, most, most};
    if (most < 0) return NULL;
    if (attr && tn_ndim(attr) + 2 > TN_MAX_DIMS) return tn_error_set(TN_ERR_SHAPE, "%s: edge_attr is %s", who, tn_graph__shape(attr).text), (tn_tensor *)NULL;
    int64_t *place = (int64_t *)tn_graph__alloc(who, 2 * g->e, sizeof *place), m = -1;
    if (place) m = tn_graph__places_dense(g, start, graphs, most, batch ? tn_graph__longs(who, "batch", batch, 1) : NULL, place, place + g->e);
    tn_tensor *r = NULL;
    if (m >= 0) {
        tn_tensor *value = attr ? attr : tn_to(tn_ones(&m, 1, NULL), g->device);
        if (attr && m < g->e) value = tn_index_select(attr, 0, tn_graph__indices(place + g->e, 0, m, g->device));
        for (int d = 1; attr && d < tn_ndim(attr); d++) shape[d + 2] = tn_size(attr, d);
        r = tn_gnn_scatter(value, tn_graph__indices(place, 0, m, g->device), graphs * most * most, TN_REDUCE_SUM);
        r = tn_reshape(r, shape, attr ? tn_ndim(attr) + 2 : 3);
    }
    free(place);
    return r;
}
TN_API tn_tensor *tn_gnn_to_dense_adj(tn_tensor *edge_index, tn_tensor *batch, tn_tensor *edge_attr, const tn_gnn_dense_opts *opts) {
    const tn_gnn_dense_opts usual = {0, 0, 0};
    tn_graph__edges g;
    tn_tensor *r = NULL;
    int64_t graphs, *start = NULL;
    tn_scope s = tn_scope_open();
    if (tn_graph__edges_and("tn_gnn_to_dense_adj", edge_index, edge_attr, batch && tn_ndim(batch) == 1 ? tn_size(batch, 0) : -1, &g))
        start = tn_graph__starts("tn_gnn_to_dense_adj", batch, g.n, opts ? opts->batch_size : 0, &graphs);
    if (start) r = tn_graph__dense_adj(&g, batch, edge_attr, opts ? opts : &usual, start, graphs);
    free(start);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

/* The entries of v [graphs, n, m] that are not 0: at their places, to their rows among all nodes, and columns. How many. */
static int64_t tn_graph__entries(const double *v, const unsigned char *mask, int64_t graphs, int64_t n, int64_t m, int64_t *at, int64_t *row,
                                 int64_t *col) {
    int64_t k = 0, r = 0, offset = 0;
    for (int64_t b = 0; b < graphs; b++) {
        const int64_t first = r;
        for (int64_t i = b * n; i < (b + 1) * n; i++) {
            if (mask && !mask[i]) continue;
            for (int64_t j = i * m; j < (i + 1) * m; j++)
                if (v[j] != 0) at[k] = j, row[k] = r, col[k++] = j - i * m + offset;
            r++;
        }
        offset += mask ? r - first : m;
    }
    return k;
}
static tn_gnn_edge_list tn_graph__from_dense(tn_tensor *adj, tn_tensor *mask) {
    const char *who = "tn_gnn_dense_to_sparse";
    const tn_device cpu = {TN_CPU, 0};
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    if (!adj) return tn_graph__absent(who, "adj"), r;
    const int d = tn_ndim(adj);
    if (d < 2 || d > 3) return tn_error_set(TN_ERR_SHAPE, "%s: adj is %s, not of 2 or 3 dims", who, tn_graph__shape(adj).text), r;
    const int64_t graphs = d == 3 ? tn_size(adj, 0) : 1, n = tn_size(adj, -2), m = tn_size(adj, -1), flat = -1;
    if (mask && (d != 3 || n != m || tn_get_dtype(mask) != TN_BOOL || tn_ndim(mask) != 2 || tn_size(mask, 0) != graphs || tn_size(mask, 1) != n))
        return tn_error_set(TN_ERR_SHAPE, "%s: mask is %s %s for adj %s", who, tn_dtype_name(tn_get_dtype(mask)), tn_graph__shape(mask).text,
                            tn_graph__shape(adj).text), r;
    const double *v = (const double *)tn_data(tn_contiguous(tn_to(tn_to_dtype(tn_detach(adj), TN_F64), cpu)));
    const unsigned char *in = mask ? (const unsigned char *)tn_data(tn_contiguous(tn_to(mask, cpu))) : NULL;
    int64_t *work = v ? (int64_t *)tn_graph__alloc(who, 3 * tn_numel(adj), sizeof *work) : NULL;
    if (!work) return r;
    int64_t *row = work + tn_numel(adj), *col = row + tn_numel(adj);
    const int64_t k = tn_graph__entries(v, in, graphs, n, m, work, row, col);
    memmove(row + k, col, (size_t)k * sizeof *col);
    r.edge_index = tn_graph__indices(row, 2, k, tn_get_device(adj));
    r.edge_attr = tn_index_select(tn_reshape(adj, &flat, 1), 0, tn_graph__indices(work, 0, k, tn_get_device(adj)));
    free(work);
    return r;
}
TN_API tn_gnn_edge_list tn_gnn_dense_to_sparse(tn_tensor *adj, tn_tensor *mask) {
    tn_scope s = tn_scope_open();
    const tn_gnn_edge_list r = tn_graph__from_dense(adj, mask);
    return tn_graph__give(&s, r, r.edge_index && r.edge_attr);
}

static tn_gnn_dense tn_graph__pad(tn_tensor *x, const tn_gnn_dense_opts *o, const int64_t *start, int64_t graphs) {
    const char *who = "tn_gnn_to_dense_batch";
    const int64_t most = tn_graph__most(who, o, start, graphs), n = tn_size(x, 0);
    const tn_device device = tn_get_device(x);
    int64_t shape[TN_MAX_DIMS + 1] = {graphs, most}, rows[TN_MAX_DIMS] = {graphs * most}, m = 0;
    tn_gnn_dense r = {NULL, NULL};
    if (most < 0) return r;
    for (int d = 1; d < tn_ndim(x); d++) shape[d + 1] = rows[d] = tn_size(x, d);
    int64_t *to = (int64_t *)tn_graph__alloc(who, 2 * n, sizeof *to);
    unsigned char *in = (unsigned char *)tn_graph__alloc(who, graphs * most, 1);
    if (to && in) {
        for (int64_t b = 0; b < graphs; b++)
            for (int64_t i = start[b]; i < start[b + 1] && i < start[b] + most; i++) to[m] = b * most + i - start[b], to[n + m] = i, in[to[m++]] = 1;
        tn_tensor *kept = m == n ? x : tn_index_select(x, 0, tn_graph__indices(to + n, 0, m, device));
        r.x = tn_reshape(tn_graph__put_rows(rows, o->fill_value, to, m, kept), shape, tn_ndim(x) + 1);
        r.mask = tn_reshape(tn_graph__mask(in, graphs * most, device), shape, 2);
    }
    free(to), free(in);
    return r;
}
TN_API tn_gnn_dense tn_gnn_to_dense_batch(tn_tensor *x, tn_tensor *batch, const tn_gnn_dense_opts *opts) {
    const char *who = "tn_gnn_to_dense_batch";
    const tn_gnn_dense_opts usual = {0, 0, 0};
    const tn_gnn_dense none = {NULL, NULL};
    tn_gnn_dense r = none;
    int64_t graphs, *start = NULL;
    tn_scope s = tn_scope_open();
    if (!x) tn_graph__absent(who, "x");
    else if (tn_ndim(x) < 1 || tn_ndim(x) == TN_MAX_DIMS) tn_error_set(TN_ERR_SHAPE, "%s: x is %s", who, tn_graph__shape(x).text);
    else start = tn_graph__starts(who, batch, tn_size(x, 0), opts ? opts->batch_size : 0, &graphs);
    if (start) r = tn_graph__pad(x, opts ? opts : &usual, start, graphs);
    free(start);
    if (!r.x || !r.mask) r = none;
    tn_keep(r.x), tn_keep(r.mask);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensors tn_gnn_unbatch(tn_tensor *src, tn_tensor *batch, int dim, int64_t batch_size) {
    tn_tensors r = {NULL, 0};
    int64_t graphs;
    if (!src || !batch) return tn_graph__absent("tn_gnn_unbatch", src ? "batch" : "src"), r;
    tn_scope s = tn_scope_open();
    int64_t *start = tn_graph__starts("tn_gnn_unbatch", batch, tn_size(src, dim), batch_size, &graphs);
    tn_scope_close(&s);
    if (!start) return r;
    for (int64_t i = 0; i < graphs; i++) start[i] = start[i + 1] - start[i];
    r = tn_split_sizes(src, start, (int)graphs, dim);
    free(start);
    return r;
}

/* Sums of v and how many, by group; then their means in v's place (NaN of none, or 0 where zero). */
static void tn_graph__means(double *sum, const double *count, int64_t n, bool zero) {
    for (int64_t i = 0; i < n; i++) sum[i] = count[i] > 0 || !zero ? sum[i] / count[i] : 0;
}
/* Homophily by one of the methods into out [graphs]. work: 2 (nodes + groups) doubles, where groups is graphs times classes. */
static void tn_graph__homophily(const tn_graph__edges *g, const int64_t *y, const int64_t *b, int64_t graphs, int64_t classes, tn_gnn_homophily_method method,
                                double *work, double *out) {
    double *hit = work, *seen = work + g->n;
    double *count = seen + g->n;
    if (method == TN_GNN_HOMOPHILY_NODE) {
        for (int64_t i = 0; i < g->e; i++) hit[g->col[i]] += y[g->row[i]] == y[g->col[i]], seen[g->col[i]]++;
        tn_graph__means(hit, seen, g->n, true);
        for (int64_t i = 0; i < g->n; i++) out[b ? b[i] : 0] += hit[i], count[b ? b[i] : 0]++;
        tn_graph__means(out, count, graphs, b != NULL);
        return;
    }
    if (method == TN_GNN_HOMOPHILY_EDGE) {
        for (int64_t i = 0; i < g->e; i++) out[b ? b[g->col[i]] : 0] += y[g->row[i]] == y[g->col[i]], count[b ? b[g->col[i]] : 0]++;
        tn_graph__means(out, count, graphs, b != NULL);
        return;
    }
    double *of_class = count + graphs * classes;
    for (int64_t i = 0; i < g->e; i++) {
        const int64_t k = (b ? b[g->col[i]] : 0) * classes + y[g->col[i]];
        count[k]++, of_class[k] += y[g->row[i]] == y[g->col[i]];
    }
    tn_graph__means(of_class, count, graphs * classes, true);
    memset(count, 0, (size_t)(graphs * classes) * sizeof *count);
    for (int64_t i = 0; i < g->n; i++) seen[b ? b[i] : 0]++, count[(b ? b[i] : 0) * classes + y[i]]++;
    for (int64_t k = 0; k < graphs * classes; k++) out[k / classes] += fmax(of_class[k] - count[k] / seen[k / classes], 0) / (double)(classes - 1);
}
/* y or batch: i64 [n] of numbers from 0; *most the largest + 1. */
static const int64_t *tn_graph__classes(const char *who, const char *what, tn_tensor *t, int64_t n, int64_t *most) {
    const int64_t *v = tn_graph__longs(who, what, t, 1);
    if (v && tn_size(t, 0) != n && n >= 0)
        return tn_error_set(TN_ERR_SHAPE, "%s: %s is %s for %lld nodes", who, what, tn_graph__shape(t).text, (long long)n), (const int64_t *)NULL;
    *most = 0;
    for (int64_t i = 0; v && i < tn_size(t, 0); i++) {
        if (v[i] < 0) return tn_error_set(TN_ERR_INDEX, "%s: %s has %lld", who, what, (long long)v[i]), (const int64_t *)NULL;
        if (v[i] >= *most) *most = v[i] + 1;
    }
    return v;
}
TN_API tn_tensor *tn_gnn_homophily(tn_tensor *edge_index, tn_tensor *y, tn_tensor *batch, tn_gnn_homophily_method method) {
    const char *who = "tn_gnn_homophily";
    tn_graph__edges g;
    tn_tensor *r = NULL;
    int64_t classes = 0, graphs = 1;
    tn_scope s = tn_scope_open();
    const int64_t *classes_of = tn_graph__classes(who, "y", y, -1, &classes), *graph_of = NULL;
    bool ok = classes_of && tn_graph__edges_read(who, edge_index, tn_size(y, 0), &g);
    if (ok && batch) graph_of = tn_graph__classes(who, "batch", batch, g.n, &graphs), ok = graph_of != NULL;
    if (ok && method == TN_GNN_HOMOPHILY_EDGE_INSENSITIVE && classes < 2)
        ok = tn_error_set(TN_ERR_INVALID, "%s: y has %lld classes, not two", who, (long long)classes) == TN_OK;
    if (ok) {
        const int64_t groups = method == TN_GNN_HOMOPHILY_EDGE_INSENSITIVE ? graphs * classes : graphs;
        const tn_tensor_opts opts = {TN_F64, {TN_CPU, 0}, false, NULL};
        double *work = (double *)tn_graph__alloc(who, 2 * (g.n + groups + graphs), sizeof *work), *out = (double *)tn_graph__alloc(who, graphs, sizeof *out);
        if (work && out) {
            tn_graph__homophily(&g, classes_of, graph_of, graphs, classes, method, work, out);
            r = tn_to(tn_to_dtype(tn_from(out, &graphs, batch ? 1 : 0, &opts), TN_F32), g.device);
        }
        free(work), free(out);
    }
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
TN_API double tn_gnn_assortativity(tn_tensor *edge_index) {
    const char *who = "tn_gnn_assortativity";
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    tn_graph__edges g;
    int64_t *degree = NULL;
    tn_scope s = tn_scope_open();
    if (tn_graph__edges_read(who, edge_index, -1, &g)) degree = (int64_t *)tn_graph__alloc(who, 2 * g.n, sizeof *degree);
    for (int64_t i = 0; degree && i < g.e; i++) degree[g.row[i]]++, degree[g.n + g.col[i]]++;
    for (int64_t i = 0; degree && i < g.e; i++) {
        const double a = (double)degree[g.row[i]], b = (double)degree[g.n + g.col[i]];
        x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
    }
    const double e = degree ? (double)g.e : 0;
    free(degree);
    tn_scope_close(&s);
    return (xy / e - x / e * (y / e)) / sqrt((xx / e - x / e * (x / e)) * (yy / e - y / e * (y / e)));
}

/* ============================================================================================================== */
/* >>read (Private)                                                                                               */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>generate (Private)                                                                                           */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>transform (Private)                                                                                          */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>sample (Private)                                                                                             */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>layer (Private)                                                                                              */
/* ============================================================================================================== */
#define TN_GRAPH__OPTS(type)                                                                                           \
    type o;                                                                                                            \
    memset(&o, 0, sizeof o);                                                                                           \
    if (opts) o = *opts
/* Whether all of n sizes are positive. */
static bool tn_graph__sizes(const char *who, const int64_t *size, int n) {
    for (int i = 0; i < n; i++)
        if (size[i] < 1) return tn_error_set(TN_ERR_INVALID, "%s: a size is %lld", who, (long long)size[i]), false;
    return true;
}
static bool tn_graph__channels(const char *who, int64_t in, int64_t out) {
    const int64_t size[2] = {in, out};
    return tn_graph__sizes(who, size, 2);
}
static bool tn_graph__chance(const char *who, double p) {
    return (p >= 0 && p <= 1) || (tn_error_set(TN_ERR_INVALID, "%s: the dropout is %g", who, p), false);
}
/* PyG's names of aggregations: those of scatter, and what they are made of. */
typedef enum {
    TN_GRAPH__SUM = TN_REDUCE_SUM, TN_GRAPH__MUL = TN_REDUCE_PROD, TN_GRAPH__MEAN = TN_REDUCE_MEAN, TN_GRAPH__MAX = TN_REDUCE_AMAX, TN_GRAPH__MIN = TN_REDUCE_AMIN,
    TN_GRAPH__STD, TN_GRAPH__VAR, TN_GRAPH__SOFTMAX, TN_GRAPH__SOFTMAX_SG, TN_GRAPH__POWER_MEAN, TN_GRAPH__CAT, TN_GRAPH__STACK, TN_GRAPH__NO_AGGR
} tn_graph__aggr;
/* The aggregation of that name among the first n; NULL for the usual one. */
static tn_graph__aggr tn_graph__aggr_named(const char *who, const char *name, tn_graph__aggr usual, int n) {
    static const char *const names[] = {"sum", "mul", "mean", "max", "min", "std", "var", "softmax", "softmax_sg", "powermean", "cat", "stack"};
    if (!name) return usual;
    if (strcmp(name, "add") == 0) return TN_GRAPH__SUM;
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0) return (tn_graph__aggr)i;
    tn_error_set(TN_ERR_INVALID, "%s: there is no aggregation %s", who, name);
    return TN_GRAPH__NO_AGGR;
}
static bool tn_graph__reduction(const char *who, const char *name, tn_reduction_kind usual, tn_reduction_kind *kind) {
    const tn_graph__aggr a = tn_graph__aggr_named(who, name, (tn_graph__aggr)usual, 5);
    *kind = (tn_reduction_kind)a;
    return a != TN_GRAPH__NO_AGGR;
}
static tn_module *tn_graph__lin(tn_module *m, const char *name, int64_t in, int64_t out, bool bias, bool glorot) {
    const tn_gnn_linear_opts o = {!bias, glorot, false};
    return m ? tn_module_child(m, name, tn_gnn_linear(in, out, &o)) : NULL;
}
/* A parameter of up to 4 dims (those that are 0 are not there), whose values tn_gnn_reset_parameters draws. */
static tn_tensor *tn_graph__param(tn_module *m, const char *name, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t shape[4] = {a, b, c, d};
    return m ? tn_module_param(m, name, tn_empty(shape, d ? 4 : c ? 3 : b ? 2 : 1, NULL)) : NULL;
}
/* The end of a constructor. */
static tn_module *tn_graph__ready(tn_module *m) { return m && tn_gnn_reset_parameters(m) == TN_OK ? m : NULL; }
/* The same where nothing is drawn anew: a module whose child or parameter could not be made is none. */
static tn_status tn_graph__nothing(tn_module *self) { return (void)self, TN_OK; }
static tn_module *tn_graph__made(tn_module *m) { return m && tn_module_init(m, tn_graph__nothing) == TN_OK ? m : NULL; }
/* A list of modules as m's child. */
static tn_module *tn_graph__list(tn_module *m, const char *name) { return m ? tn_module_child(m, name, tn_nn_module_list(NULL, 0)) : NULL; }
static void tn_graph__append_lin(tn_module *list, int64_t in, int64_t out, bool bias, bool glorot) {
    const tn_gnn_linear_opts o = {!bias, glorot, false};
    if (list) (void)tn_nn_append(list, tn_gnn_linear(in, out, &o));
}

typedef struct { tn_module base; tn_gnn_act fn; } tn_graph__act_layer;
static tn_tensor *tn_graph__act_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? ((tn_graph__act_layer *)self)->fn(in[0]) : NULL; }
static tn_module *tn_graph__act_module(tn_gnn_act fn) { /* NULL: relu */
    if (!fn) return tn_nn_relu();
    tn_graph__act_layer *m = (tn_graph__act_layer *)tn_module_new(sizeof *m, "Activation", tn_graph__act_forward);
    if (m) m->fn = fn;
    return (tn_module *)m;
}
typedef struct { tn_module base; tn_module *bn; } tn_graph__batch_norm;
static tn_tensor *tn_graph__batch_norm_forward(tn_module *self, tn_tensor *const *in, int n) { return n ? tn_forward(((tn_graph__batch_norm *)self)->bn, in[0]) : NULL; }
TN_API tn_module *tn_gnn_batch_norm(int64_t channels) {
    tn_graph__batch_norm *m = (tn_graph__batch_norm *)tn_module_new(sizeof *m, "BatchNorm", tn_graph__batch_norm_forward);
    if (m) m->bn = tn_module_child(&m->base, "module", tn_nn_batch_norm1d(channels, NULL));
    return (tn_module *)m;
}

static tn_reduce_opts tn_graph__over(int dim) {
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    o.dim = dim, o.has_dim = true;
    return o;
}
static tn_tensor *tn_graph__sum_over(tn_tensor *x, int dim) {
    const tn_reduce_opts o = tn_graph__over(dim);
    return tn_sum(x, &o);
}
static tn_tensor *tn_graph__mean_over(tn_tensor *x, int dim) {
    const tn_reduce_opts o = tn_graph__over(dim);
    return tn_mean(x, &o);
}
/* x [rows, *] as [rows, a, b], or [rows, a] where b is 0; also where there are no rows. */
static tn_tensor *tn_graph__rows_of(tn_tensor *x, int64_t rows, int64_t a, int64_t b) {
    const int64_t shape[3] = {rows, a, b};
    return x ? tn_reshape(x, shape, b ? 3 : 2) : NULL;
}
/* [rows, k, in], or [rows, in] for every k, times weight [k, in, out]: [rows, k, out]. */
static tn_tensor *tn_graph__stacked(tn_tensor *x, tn_tensor *weight) {
    if (!x) return NULL;
    return tn_transpose(tn_matmul(tn_ndim(x) == 3 ? tn_transpose(x, 0, 1) : tn_unsqueeze(x, 0), weight), 0, 1);
}
/* What a linear layer makes of the columns from start on of its input, with its bias if asked. */
static tn_tensor *tn_graph__part(tn_module *lin, int64_t start, tn_tensor *x, bool bias) {
    tn_tensor *w = tn_module_get(lin, "weight");
    return x && w ? tn_linear(x, tn_narrow(w, 1, start, tn_size(x, -1)), bias ? tn_module_get(lin, "bias") : NULL) : NULL;
}
static bool tn_graph__needs(const tn_module *self, tn_tensor *t, const char *what) { return t || tn_graph__absent(self->kind, what); }
static bool tn_graph__no_pair(const tn_module *self, const tn_gnn_edges *e) {
    return !e->x_dst || (tn_error_set(TN_ERR_INVALID, "%s: a pair of node features is not taken", self->kind), false);
}
/* Inputs of a layer that takes no pair, with the weights of GCN unless raw. */
static bool tn_graph__weighed_inputs(tn_module *self, tn_tensor *const *in, int n, bool raw, bool loops, tn_gnn_edges *e) {
    tn_gcn_norm_opts norm;
    memset(&norm, 0, sizeof norm);
    if (!tn_gnn_inputs(self, in, n, e) || !tn_graph__no_pair(self, e)) return false;
    if (raw) return true;
    norm.no_self_loops = !loops, norm.dtype = tn_get_dtype(e->x);
    const tn_gnn_edge_list l = tn_gnn_gcn_norm(e->edge_index, e->edge_attr, tn_size(e->x, 0), &norm);
    e->edge_index = l.edge_index, e->edge_attr = l.edge_attr;
    return l.edge_index != NULL;
}
/* The same of (x, x_0, edge_index, edge_weight). */
static bool tn_graph__first_inputs(tn_module *self, tn_tensor *const *in, int n, bool raw, bool loops, tn_gnn_edges *e, tn_tensor **first) {
    tn_tensor *rest[3] = {n > 0 ? in[0] : NULL, n > 2 ? in[2] : NULL, n > 3 ? in[3] : NULL};
    *first = n > 1 ? in[1] : NULL;
    return tn_graph__needs(self, *first, "x_0") && tn_graph__weighed_inputs(self, rest, n > 3 ? 3 : 2, raw, loops, e);
}
/* Messages that are there already, by their target. */
static tn_tensor *tn_graph__given_message(const tn_gnn_edges *e) { return (tn_tensor *)e->user; }
static tn_tensor *tn_graph__collect(const tn_gnn_edges *e, tn_tensor *message, tn_reduction_kind aggr) {
    const tn_gnn_messages m = {tn_graph__given_message, NULL, NULL, aggr};
    tn_gnn_edges with = *e;
    if (!message) return NULL;
    with.user = message;
    return tn_gnn_propagate(&with, &m);
}
/* The rows of x by target: sums of neighbours as they are. */
static tn_tensor *tn_graph__neighbors(const tn_gnn_edges *e, tn_tensor *x, tn_tensor *weight, tn_reduction_kind aggr) {
    const tn_gnn_messages m = {NULL, NULL, NULL, aggr};
    tn_gnn_edges with = *e;
    if (!x) return NULL;
    if (!with.x_dst) with.x_dst = e->x;
    with.x = x, with.edge_attr = weight;
    return tn_gnn_propagate(&with, &m);
}
static tn_tensor *tn_graph__ones_column(tn_tensor *like, int64_t rows) {
    const int64_t shape[2] = {rows, 1};
    return tn_graph__filled(shape, 2, 1, like);
}
/* How many edges lead to each target, [targets, 1]. */
static tn_tensor *tn_graph__in_degree(const tn_gnn_edges *e) { return tn_graph__neighbors(e, tn_graph__ones_column(e->x, tn_size(e->x, 0)), NULL, TN_REDUCE_SUM); }
static tn_tensor *tn_graph__plus(tn_tensor *x, tn_tensor *bias) { return x && bias ? tn_add(x, bias) : x; }

/* What a layer worked out of the index tensors that it was called with last. They are held, so that a handle tells them. */
typedef struct { tn_tensor *of[2], *made[3]; int64_t version[2], key[2], *start; } tn_graph__kept;
static bool tn_graph__kept_is(const tn_graph__kept *k, tn_tensor *a, tn_tensor *b, int64_t key0, int64_t key1) {
    return k->made[0] && k->of[0] == a && k->of[1] == b && k->version[0] == tn_version_of(a) && (!b || k->version[1] == tn_version_of(b)) && k->key[0] == key0 && k->key[1] == key1;
}
static void tn_graph__kept_free(tn_graph__kept *k) {
    for (int i = 0; i < 2; i++) tn_release(k->of[i]);
    for (int i = 0; i < 3; i++) tn_release(k->made[i]);
    free(k->start);
    memset(k, 0, sizeof *k);
}
static bool tn_graph__kept_set(tn_graph__kept *k, tn_tensor *a, tn_tensor *b, int64_t key0, int64_t key1, tn_tensor *const *made, int n, int64_t *start) {
    bool ok = true;
    for (int i = 0; i < n; i++) ok = ok && made[i];
    tn_graph__kept_free(k);
    k->start = start;
    if (!ok) return tn_graph__kept_free(k), false;
    k->of[0] = (tn_tensor *)tn_retain(a), k->version[0] = tn_version_of(a), k->key[0] = key0, k->key[1] = key1;
    if (b) k->of[1] = (tn_tensor *)tn_retain(b), k->version[1] = tn_version_of(b);
    for (int i = 0; i < n; i++) k->made[i] = (tn_tensor *)tn_retain(made[i]);
    return true;
}
/* Row side of an edge_index, one handle for one edge_index: tensor.h keeps with it what it works out. */
static tn_tensor *tn_graph__side(tn_graph__kept *k, tn_tensor *edge_index, int side) {
    if (tn_graph__kept_is(k, edge_index, NULL, side, 0)) return k->made[0];
    tn_tensor *row = tn_select(edge_index, 0, side);
    return tn_graph__kept_set(k, edge_index, NULL, side, 0, &row, 1, NULL) ? row : NULL;
}

/* Polynomials of the propagation. */
typedef struct { tn_module base; bool raw; tn_module *lins; tn_tensor *bias; } tn_graph__tag;
static tn_tensor *tn_graph__tag_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__tag *m = (const tn_graph__tag *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, m->raw, false, &e)) return NULL;
    tn_tensor *y = tn_forward(tn_module_at(m->lins, 0), e.x);
    for (int k = 1; y && k < tn_module_len(m->lins); k++) {
        e.x = tn_gnn_propagate(&e, NULL);
        y = e.x ? tn_add(y, tn_forward(tn_module_at(m->lins, k), e.x)) : NULL;
    }
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_tag_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_tag_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_tag_opts);
    if (o.K == 0) o.K = 3;
    if (!tn_graph__channels("tn_gnn_tag_conv", in_channels, out_channels) || !tn_graph__sizes("tn_gnn_tag_conv: K", &o.K, 1)) return NULL;
    tn_graph__tag *m = (tn_graph__tag *)tn_module_new(sizeof *m, "TAGConv", tn_graph__tag_forward);
    if (!m) return NULL;
    m->raw = o.no_normalize;
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", out_channels, 0, 0, 0);
    m->lins = tn_graph__list(&m->base, "lins");
    for (int64_t k = 0; k <= o.K; k++) tn_graph__append_lin(m->lins, in_channels, out_channels, false, false);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; bool loops; int64_t *powers; int n; tn_module *lins; tn_tensor *bias; } tn_graph__mixhop;
static void tn_graph__mixhop_free(tn_module *self) { free(((tn_graph__mixhop *)self)->powers); }
static tn_tensor *tn_graph__mixhop_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__mixhop *m = (const tn_graph__mixhop *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, false, m->loops, &e)) return NULL;
    tn_tensor **out = (tn_tensor **)tn_graph__alloc(self->kind, m->n, sizeof *out), *y = NULL;
    bool ok = out != NULL;
    for (int p = 0; ok && p < tn_module_len(m->lins); p++) {
        if (p) ok = (e.x = tn_gnn_propagate(&e, NULL)) != NULL;
        for (int i = 0; ok && i < m->n; i++)
            if (m->powers[i] == p) ok = (out[i] = tn_forward(tn_module_at(m->lins, p), e.x)) != NULL;
    }
    if (ok) y = tn_cat(out, m->n, -1);
    free(out);
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_mixhop_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_mixhop_opts *opts) {
    static const int64_t usual[3] = {0, 1, 2};
    const char *who = "tn_gnn_mixhop_conv";
    TN_GRAPH__OPTS(tn_gnn_mixhop_opts);
    int64_t most = 0;
    if (!o.powers) o.powers = usual, o.n = 3;
    bool ok = tn_graph__channels(who, in_channels, out_channels) && (o.n > 0 || (tn_error_set(TN_ERR_INVALID, "%s: %d powers", who, o.n), false));
    for (int i = 0; ok && i < o.n; i++) {
        ok = (o.powers[i] >= 0 && o.powers[i] < 1000) || (tn_error_set(TN_ERR_INVALID, "%s: a power is %lld", who, (long long)o.powers[i]), false);
        if (o.powers[i] > most) most = o.powers[i];
    }
    tn_graph__mixhop *m = ok ? (tn_graph__mixhop *)tn_module_new(sizeof *m, "MixHopConv", tn_graph__mixhop_forward) : NULL;
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__mixhop_free);
    m->powers = (int64_t *)tn_graph__alloc(who, o.n, sizeof *m->powers);
    if (!m->powers) return NULL;
    memcpy(m->powers, o.powers, (size_t)o.n * sizeof *m->powers);
    m->n = o.n, m->loops = !o.no_self_loops;
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", o.n * out_channels, 0, 0, 0);
    m->lins = tn_graph__list(&m->base, "lins");
    for (int64_t p = 0; p <= most; p++) {
        bool used = false;
        for (int i = 0; i < o.n; i++) used = used || o.powers[i] == p;
        if (used) tn_graph__append_lin(m->lins, in_channels, out_channels, false, false);
        else if (m->lins) (void)tn_nn_append(m->lins, tn_nn_identity());
    }
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_gnn_arma_opts o; tn_tensor *weight, *first, *root, *bias; } tn_graph__arma;
static tn_tensor *tn_graph__arma_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__arma *m = (const tn_graph__arma *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, false, false, &e)) return NULL;
    tn_tensor *x = e.x, *y = e.x;
    for (int64_t t = 0; y && t < m->o.num_layers; t++) {
        const int64_t own = m->o.shared_weights ? 0 : t;
        e.x = tn_graph__stacked(y, t == 0 ? m->first : tn_select(m->weight, 0, m->o.shared_weights ? 0 : t - 1));
        tn_tensor *root = m->o.dropout > 0 ? tn_dropout(x, m->o.dropout, tn_module_training(self)) : x;
        y = e.x ? tn_add(tn_gnn_propagate(&e, NULL), tn_graph__stacked(root, tn_select(m->root, 0, own))) : NULL;
        if (m->bias) y = tn_add(y, tn_transpose(tn_select(m->bias, 0, own), 0, 1));
        if (!m->o.no_act && y) y = m->o.act ? m->o.act(y) : tn_relu(y);
    }
    return y ? tn_graph__mean_over(y, 1) : NULL;
}
TN_API tn_module *tn_gnn_arma_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_arma_opts *opts) {
    const char *who = "tn_gnn_arma_conv";
    TN_GRAPH__OPTS(tn_gnn_arma_opts);
    if (o.num_stacks == 0) o.num_stacks = 1;
    if (o.num_layers == 0) o.num_layers = 1;
    const int64_t size[4] = {in_channels, out_channels, o.num_stacks, o.num_layers}, own = o.shared_weights ? 1 : o.num_layers;
    tn_graph__arma *m = tn_graph__sizes(who, size, 4) && tn_graph__chance(who, o.dropout) ? (tn_graph__arma *)tn_module_new(sizeof *m, "ARMAConv", tn_graph__arma_forward) : NULL;
    if (!m) return NULL;
    m->o = o;
    m->weight = tn_graph__param(&m->base, "weight", own > 1 ? own - 1 : 1, o.num_stacks, out_channels, out_channels);
    m->first = tn_graph__param(&m->base, "init_weight", o.num_stacks, in_channels, out_channels, 0);
    m->root = tn_graph__param(&m->base, "root_weight", own, o.num_stacks, in_channels, out_channels);
    if (!o.no_bias) {
        const int64_t shape[4] = {own, o.num_stacks, 1, out_channels};
        m->bias = tn_module_param(&m->base, "bias", tn_zeros(shape, 4, NULL));
    }
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; double alpha, beta; bool raw, loops; tn_tensor *w1, *w2; } tn_graph__gcn2;
static tn_tensor *tn_graph__gcn2_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__gcn2 *m = (const tn_graph__gcn2 *)self;
    tn_gnn_edges e;
    tn_tensor *first;
    if (!tn_graph__first_inputs(self, in, n, m->raw, m->loops, &e, &first)) return NULL;
    tn_tensor *y = tn_gnn_propagate(&e, NULL);
    y = y ? tn_mul(y, tn_arg_f(1 - m->alpha)) : NULL;
    first = tn_mul(first, tn_arg_f(m->alpha));
    if (!m->w2) return y = tn_add(y, first), tn_addmm(y, y, m->w1, 1 - m->beta, m->beta);
    return tn_add(tn_addmm(y, y, m->w1, 1 - m->beta, m->beta), tn_addmm(first, first, m->w2, 1 - m->beta, m->beta));
}
TN_API tn_module *tn_gnn_gcn2_conv(int64_t channels, double alpha, const tn_gnn_gcn2_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_gcn2_opts);
    if (!tn_graph__sizes("tn_gnn_gcn2_conv", &channels, 1)) return NULL;
    if ((o.theta != 0) != (o.layer != 0) || o.layer < 0 || o.theta < 0)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_gcn2_conv: theta %g of layer %lld", o.theta, (long long)o.layer), (tn_module *)NULL;
    tn_graph__gcn2 *m = (tn_graph__gcn2 *)tn_module_new(sizeof *m, "GCN2Conv", tn_graph__gcn2_forward);
    if (!m) return NULL;
    m->alpha = alpha, m->beta = o.layer ? log(o.theta / (double)o.layer + 1) : 1, m->raw = o.no_normalize, m->loops = !o.no_self_loops;
    m->w1 = tn_graph__param(&m->base, "weight1", channels, channels, 0, 0);
    if (o.no_shared_weights) m->w2 = tn_graph__param(&m->base, "weight2", channels, channels, 0, 0);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; bool raw; } tn_graph__lg;
static tn_tensor *tn_graph__lg_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_gnn_edges e;
    return tn_graph__weighed_inputs(self, in, n, ((const tn_graph__lg *)self)->raw, false, &e) ? tn_gnn_propagate(&e, NULL) : NULL;
}
TN_API tn_module *tn_gnn_lg_conv(const tn_gnn_lg_opts *opts) {
    tn_graph__lg *m = (tn_graph__lg *)tn_module_new(sizeof *m, "LGConv", tn_graph__lg_forward);
    if (m) m->raw = opts && opts->no_normalize;
    return (tn_module *)m;
}
typedef struct { tn_module base; tn_gnn_fa_opts o; tn_module *l, *r; } tn_graph__fa;
static tn_tensor *tn_graph__fa_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__fa *m = (const tn_graph__fa *)self;
    tn_gnn_edges e;
    tn_tensor *first;
    if (n > 3 && in[3] && !m->o.no_normalize) return tn_error_set(TN_ERR_INVALID, "FAConv: edge_weight is only taken under no_normalize"), (tn_tensor *)NULL;
    if (!tn_graph__first_inputs(self, in, n, m->o.no_normalize, !m->o.no_self_loops, &e, &first) || !tn_graph__needs(self, e.edge_attr, "edge_weight")) return NULL;
    tn_tensor *alpha = tn_tanh(tn_graph__sum_over(tn_add(tn_gnn_x_j(&e, tn_forward(m->l, e.x)), tn_gnn_x_i(&e, tn_forward(m->r, e.x))), 1));
    if (m->o.dropout > 0) alpha = tn_dropout(alpha, m->o.dropout, tn_module_training(self));
    e.edge_attr = tn_mul(alpha, e.edge_attr);
    tn_tensor *y = e.edge_attr ? tn_gnn_propagate(&e, NULL) : NULL;
    return m->o.eps != 0 ? tn_add(y, tn_mul(first, tn_arg_f(m->o.eps))) : y;
}
TN_API tn_module *tn_gnn_fa_conv(int64_t channels, const tn_gnn_fa_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_fa_opts);
    if (o.eps == 0) o.eps = 0.1;
    if (!tn_graph__sizes("tn_gnn_fa_conv", &channels, 1) || !tn_graph__chance("tn_gnn_fa_conv", o.dropout)) return NULL;
    tn_graph__fa *m = (tn_graph__fa *)tn_module_new(sizeof *m, "FAConv", tn_graph__fa_forward);
    if (!m) return NULL;
    m->o = o;
    m->l = tn_graph__lin(&m->base, "att_l", channels, 1, false, false);
    m->r = tn_graph__lin(&m->base, "att_r", channels, 1, false, false);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_gnn_cluster_gcn_opts o; tn_module *out, *root; } tn_graph__cluster_gcn;
static tn_tensor *tn_graph__cluster_gcn_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__cluster_gcn *m = (const tn_graph__cluster_gcn *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n < 2 ? n : 2, true, false, &e)) return NULL;
    if (!m->o.no_self_loops) e.edge_index = tn_gnn_add_remaining_self_loops(e.edge_index, NULL, tn_size(e.x, 0), 1, NULL).edge_index;
    if (!e.edge_index) return NULL;
    tn_tensor *y = tn_graph__neighbors(&e, e.x, NULL, TN_REDUCE_MEAN);
    if (m->o.diag_lambda != 0) { /* of self-loops once more */
        tn_tensor *loop = tn_to_dtype(tn_eq(tn_select(e.edge_index, 0, 0), tn_select(e.edge_index, 0, 1)), tn_get_dtype(e.x));
        tn_tensor *loops = tn_graph__neighbors(&e, tn_graph__ones_column(e.x, tn_size(e.x, 0)), loop, TN_REDUCE_SUM);
        tn_tensor *share = tn_div(loops, tn_clamp(tn_graph__in_degree(&e), tn_arg_f(1), (tn_tensor *)NULL));
        y = tn_add(y, tn_mul(e.x, tn_mul(share, tn_arg_f(m->o.diag_lambda))));
    }
    return y ? tn_add(tn_forward(m->out, y), tn_forward(m->root, e.x)) : NULL;
}
TN_API tn_module *tn_gnn_cluster_gcn_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_cluster_gcn_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_cluster_gcn_opts);
    if (!tn_graph__channels("tn_gnn_cluster_gcn_conv", in_channels, out_channels)) return NULL;
    tn_graph__cluster_gcn *m = (tn_graph__cluster_gcn *)tn_module_new(sizeof *m, "ClusterGCNConv", tn_graph__cluster_gcn_forward);
    if (!m) return NULL;
    m->o = o;
    m->out = tn_graph__lin(&m->base, "lin_out", in_channels, out_channels, !o.no_bias, true);
    m->root = tn_graph__lin(&m->base, "lin_root", in_channels, out_channels, false, true);
    return tn_graph__ready(&m->base);
}

/* By relation. Edges in order of relation and target, each pair of which is a row: made[0] [2, E] the edges from sources to rows, made[1] the
   rows' targets, start [relations + 1] where each relation's rows begin, made[2] the edges' relations. */
static bool tn_graph__typed(tn_graph__kept *k, const char *who, tn_tensor *edge_index, tn_tensor *edge_type, int64_t relations, int64_t targets) {
    if (tn_graph__kept_is(k, edge_index, edge_type, relations, targets)) return true;
    const int64_t *src = tn_graph__longs(who, "edge_index", edge_index, 2), *type = src ? tn_graph__longs(who, "edge_type", edge_type, 1) : NULL;
    if (!type) return false;
    const int64_t e = tn_size(edge_index, 1), *dst = src + e, n = targets > relations ? targets : relations;
    if (tn_size(edge_type, 0) != e) return tn_error_set(TN_ERR_SHAPE, "%s: edge_type is %s for %lld edges", who, tn_graph__shape(edge_type).text, (long long)e), false;
    for (int64_t i = 0; i < e; i++)
        if (type[i] < 0 || type[i] >= relations || dst[i] < 0 || dst[i] >= targets)
            return tn_error_set(TN_ERR_INDEX, "%s: edge %lld has type %lld of %lld, target %lld of %lld", who, (long long)i, (long long)type[i], (long long)relations, (long long)dst[i], (long long)targets), false;
    int64_t *order = tn_graph__order(who, type, dst, e, n), *to = (int64_t *)tn_graph__alloc(who, 4 * e, sizeof *to), *start = (int64_t *)tn_graph__alloc(who, relations, sizeof *start);
    bool ok = order && to && start;
    if (ok) {
        const tn_device device = tn_get_device(edge_index);
        int64_t rows = 0;
        for (int64_t i = 0; i < e; i++) {
            const int64_t at = order[i];
            if (i == 0 || type[at] != type[order[i - 1]] || dst[at] != dst[order[i - 1]]) to[2 * e + rows++] = dst[at], start[type[at] + 1] = rows;
            to[i] = src[at], to[e + i] = rows - 1, to[3 * e + i] = type[at];
        }
        for (int64_t r = 0; r < relations; r++)
            if (start[r + 1] < start[r]) start[r + 1] = start[r];
        tn_tensor *made[3] = {tn_graph__indices(to, 2, e, device), tn_graph__indices(to + 2 * e, 0, rows, device), tn_graph__indices(to + 3 * e, 0, e, device)};
        ok = tn_graph__kept_set(k, edge_index, edge_type, relations, targets, made, 3, start);
        start = NULL;
    }
    free(order), free(to), free(start);
    return ok;
}
typedef struct { tn_module base; tn_gnn_rgcn_opts o; tn_reduction_kind aggr; int64_t in, out, relations; tn_tensor *weight, *comp, *root, *bias; tn_graph__kept kept; } tn_graph__rgcn;
static void tn_graph__rgcn_free(tn_module *self) { tn_graph__kept_free(&((tn_graph__rgcn *)self)->kept); }
/* [relations, in, out], or of blocks [relations, blocks, in / blocks, out / blocks]. */
static tn_tensor *tn_graph__rgcn_weight(const tn_graph__rgcn *m) {
    const int64_t flat[2] = {m->o.num_bases, -1}, whole[3] = {m->relations, m->in, m->out};
    return m->comp ? tn_reshape(tn_matmul(m->comp, tn_reshape(m->weight, flat, 2)), whole, 3) : m->weight;
}
/* Where nodes are rows of weights (x NULL: of the node's number): what edges bring, [rows, out]. */
static tn_tensor *tn_graph__rgcn_looked_up(const tn_graph__rgcn *m, tn_tensor *x, tn_tensor *weight) {
    const int64_t flat[2] = {m->relations * m->in, m->out};
    tn_tensor *src = tn_select(m->kept.made[0], 0, 0);
    if (x) src = tn_index_select(x, 0, src);
    tn_tensor *both[2] = {tn_add(src, tn_mul(m->kept.made[2], tn_arg_i(m->in))), tn_select(m->kept.made[0], 0, 1)};
    tn_tensor *index = tn_stack(both, 2, 0);
    return index ? tn_gnn_spmm(index, NULL, tn_reshape(weight, flat, 2), tn_size(m->kept.made[1], 0), m->aggr) : NULL;
}
/* What rows summed of neighbours become by their relation's weight. */
static tn_tensor *tn_graph__rgcn_weighed(const tn_graph__rgcn *m, tn_tensor *rows, tn_tensor *weight) {
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("RGCNConv", m->relations, sizeof *part), *y = NULL;
    const int64_t none[2] = {0, m->out};
    int n = 0;
    for (int64_t r = 0; part && rows && r < m->relations; r++) {
        const int64_t first = m->kept.start[r], count = m->kept.start[r + 1] - first;
        if (count == 0) continue;
        tn_tensor *h = tn_narrow(rows, 0, first, count), *w = tn_select(weight, 0, r);
        if (m->o.num_blocks) h = tn_graph__stacked(tn_graph__rows_of(h, count, m->o.num_blocks, m->in / m->o.num_blocks), w);
        part[n++] = m->o.num_blocks ? tn_graph__rows_of(h, count, m->out, 0) : tn_matmul(h, w);
    }
    if (part && rows) y = n ? tn_cat(part, n, 0) : tn_graph__filled(none, 2, 0, rows);
    free(part);
    return y;
}
static tn_tensor *tn_graph__rgcn_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__rgcn *m = (tn_graph__rgcn *)self;
    const bool pair = n > 3;
    tn_tensor *x = n > 0 ? in[0] : NULL, *x_dst = pair ? in[1] : x, *edge_index = n > 1 + pair ? in[1 + pair] : NULL, *edge_type = n > 2 + pair ? in[2 + pair] : NULL;
    if (!tn_graph__needs(self, edge_index, "edge_index") || !tn_graph__needs(self, edge_type, "edge_type") || (pair && !tn_graph__needs(self, x_dst, "x_dst"))) return NULL;
    const bool features = x && tn_dtype_is_floating(tn_get_dtype(x)), features_dst = x_dst && tn_dtype_is_floating(tn_get_dtype(x_dst));
    if (m->o.num_blocks && (!features || !features_dst)) return tn_error_set(TN_ERR_DTYPE, "RGCNConv: blocks take features, not indices, of nodes"), (tn_tensor *)NULL;
    if ((features && (tn_ndim(x) != 2 || tn_size(x, 1) != m->in)) || (x_dst && tn_ndim(x_dst) < 1))
        return tn_error_set(TN_ERR_SHAPE, "RGCNConv: x is %s, not [nodes, %lld]", tn_graph__shape(x).text, (long long)m->in), (tn_tensor *)NULL;
    const int64_t targets = x_dst ? tn_size(x_dst, 0) : m->in;
    if (!tn_graph__typed(&m->kept, "RGCNConv", edge_index, edge_type, m->relations, targets)) return NULL;
    tn_tensor *weight = tn_graph__rgcn_weight(m), *y;
    if (features) y = tn_graph__rgcn_weighed(m, tn_gnn_spmm(m->kept.made[0], NULL, x, tn_size(m->kept.made[1], 0), m->aggr), weight);
    else y = tn_graph__rgcn_looked_up(m, x, weight);
    y = y ? tn_gnn_scatter(y, m->kept.made[1], targets, TN_REDUCE_SUM) : NULL;
    if (y && m->root) y = tn_add(y, features_dst ? tn_matmul(x_dst, m->root) : x_dst ? tn_index_select(m->root, 0, x_dst) : m->root);
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_rgcn_conv(int64_t in_channels, int64_t out_channels, int64_t num_relations, const tn_gnn_rgcn_opts *opts) {
    const char *who = "tn_gnn_rgcn_conv";
    TN_GRAPH__OPTS(tn_gnn_rgcn_opts);
    const int64_t in_dst = o.in_channels_dst ? o.in_channels_dst : in_channels, size[4] = {in_channels, out_channels, num_relations, in_dst}, blocks = o.num_blocks;
    tn_reduction_kind aggr;
    if (!tn_graph__sizes(who, size, 4) || !tn_graph__reduction(who, o.aggr, TN_REDUCE_MEAN, &aggr)) return NULL;
    if (o.num_bases < 0 || blocks < 0 || (o.num_bases && blocks) || (blocks && (in_channels % blocks || out_channels % blocks)))
        return tn_error_set(TN_ERR_INVALID, "%s: %lld bases, %lld blocks of %lld to %lld channels", who, (long long)o.num_bases, (long long)blocks, (long long)in_channels, (long long)out_channels), (tn_module *)NULL;
    tn_graph__rgcn *m = (tn_graph__rgcn *)tn_module_new(sizeof *m, "RGCNConv", tn_graph__rgcn_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__rgcn_free);
    m->o = o, m->aggr = aggr, m->in = in_channels, m->out = out_channels, m->relations = num_relations;
    if (blocks) m->weight = tn_graph__param(&m->base, "weight", num_relations, blocks, in_channels / blocks, out_channels / blocks);
    else m->weight = tn_graph__param(&m->base, "weight", o.num_bases ? o.num_bases : num_relations, in_channels, out_channels, 0);
    if (o.num_bases) m->comp = tn_graph__param(&m->base, "comp", num_relations, o.num_bases, 0, 0);
    if (!o.no_root_weight) m->root = tn_graph__param(&m->base, "root", in_dst, out_channels, 0, 0);
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", out_channels, 0, 0, 0);
    return tn_graph__ready(&m->base);
}
/* FiLM. Each relation has rows of its own for every node: node * relations + relation. */
typedef struct { tn_module base; tn_gnn_film_opts o; tn_reduction_kind aggr; int64_t out; tn_module *lins, *films, *lin_skip, *film_skip; tn_graph__kept kept; } tn_graph__film;
static void tn_graph__film_free(tn_module *self) { tn_graph__kept_free(&((tn_graph__film *)self)->kept); }
static tn_tensor *tn_graph__film_index(tn_graph__film *m, tn_tensor *edge_index, tn_tensor *edge_type) {
    const int64_t r = m->o.num_relations;
    if (r == 1 || tn_graph__kept_is(&m->kept, edge_index, edge_type, r, 0)) return r == 1 ? edge_index : m->kept.made[0];
    const int64_t *at = tn_graph__longs("FiLMConv", "edge_index", edge_index, 2), *type = at ? tn_graph__longs("FiLMConv", "edge_type", edge_type, 1) : NULL;
    const int64_t e = at ? tn_size(edge_index, 1) : 0;
    if (!type) return NULL;
    if (tn_size(edge_type, 0) != e) return tn_error_set(TN_ERR_SHAPE, "FiLMConv: edge_type is %s for %lld edges", tn_graph__shape(edge_type).text, (long long)e), (tn_tensor *)NULL;
    int64_t *to = (int64_t *)tn_graph__alloc("FiLMConv", 2 * e, sizeof *to);
    bool ok = to != NULL;
    for (int64_t i = 0; ok && i < e; i++) {
        ok = (type[i] >= 0 && type[i] < r) || (tn_error_set(TN_ERR_INDEX, "FiLMConv: edge %lld has type %lld of %lld", (long long)i, (long long)type[i], (long long)r), false);
        to[i] = at[i] * r + type[i], to[e + i] = at[e + i] * r + type[i];
    }
    tn_tensor *index = ok ? tn_graph__indices(to, 2, e, tn_get_device(edge_index)) : NULL;
    free(to);
    return ok && tn_graph__kept_set(&m->kept, edge_index, edge_type, r, 0, &index, 1, NULL) ? index : NULL;
}
/* Each layer of the list of x, one row a node and layer. */
static tn_tensor *tn_graph__film_rows(tn_module *list, tn_tensor *x, int64_t width) {
    const int n = tn_module_len(list);
    tn_tensor **y = (tn_tensor **)tn_graph__alloc("FiLMConv", n, sizeof *y), *rows = NULL;
    for (int i = 0; y && i < n; i++) y[i] = tn_forward(tn_module_at(list, i), x);
    if (y) rows = tn_graph__rows_of(n == 1 ? y[0] : tn_stack(y, n, 1), tn_size(x, 0) * n, width, 0);
    free(y);
    return rows;
}
static tn_tensor *tn_graph__film_act(const tn_graph__film *m, tn_tensor *x) { return m->o.no_act || !x ? x : m->o.act ? m->o.act(x) : tn_relu(x); }
static tn_tensor *tn_graph__film_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__film *m = (tn_graph__film *)self;
    const int64_t r = m->o.num_relations, f = m->out;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e) || (r > 1 && !tn_graph__needs(self, e.edge_attr, "edge_type"))) return NULL;
    tn_tensor *root = e.x_dst ? e.x_dst : e.x, *index = tn_graph__film_index(m, e.edge_index, e.edge_attr), *skip = tn_forward(m->film_skip, root);
    tn_tensor *x = tn_graph__film_rows(m->lins, e.x, f), *film = tn_graph__film_rows(m->films, root, 2 * f);
    if (!index || !skip || !x || !film) return NULL;
    tn_tensor *beta = tn_narrow(film, 1, 0, f), *gamma = tn_narrow(film, 1, f, f), *y;
    e.edge_index = index, e.edge_attr = NULL, e.x = x, e.x_dst = gamma;
    if (m->o.no_act && (m->aggr == TN_REDUCE_SUM || m->aggr == TN_REDUCE_MEAN)) /* what is linear in neighbours needs no messages */
        y = tn_add(tn_mul(gamma, tn_gnn_propagate(&e, NULL)), tn_mul(beta, tn_graph__in_degree(&e)));
    else y = tn_graph__collect(&e, tn_graph__film_act(m, tn_add(tn_mul(tn_gnn_x_i(&e, gamma), tn_gnn_x_j(&e, x)), tn_gnn_x_i(&e, beta))), m->aggr);
    if (m->o.no_act && m->aggr == TN_REDUCE_MEAN) y = tn_div(y, tn_clamp(tn_graph__in_degree(&e), tn_arg_f(1), (tn_tensor *)NULL));
    if (r > 1) y = tn_graph__sum_over(tn_graph__rows_of(y, tn_size(root, 0), r, f), 1);
    tn_tensor *own = tn_add(tn_mul(tn_narrow(skip, -1, f, f), tn_forward(m->lin_skip, root)), tn_narrow(skip, -1, 0, f));
    return tn_add(tn_graph__film_act(m, own), y);
}
TN_API tn_module *tn_gnn_film_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_film_opts *opts) {
    const char *who = "tn_gnn_film_conv";
    TN_GRAPH__OPTS(tn_gnn_film_opts);
    if (o.num_relations == 0) o.num_relations = 1;
    const int64_t in_dst = o.in_channels_dst ? o.in_channels_dst : in_channels, size[4] = {in_channels, out_channels, o.num_relations, in_dst};
    tn_reduction_kind aggr;
    if (!tn_graph__sizes(who, size, 4) || !tn_graph__reduction(who, o.aggr, TN_REDUCE_MEAN, &aggr)) return NULL;
    tn_graph__film *m = (tn_graph__film *)tn_module_new(sizeof *m, "FiLMConv", tn_graph__film_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__film_free);
    m->o = o, m->aggr = aggr, m->out = out_channels;
    m->lins = tn_graph__list(&m->base, "lins"), m->films = tn_graph__list(&m->base, "films");
    for (int64_t r = 0; r < o.num_relations; r++) {
        tn_graph__append_lin(m->lins, in_channels, out_channels, false, false);
        tn_graph__append_lin(m->films, in_dst, 2 * out_channels, true, false);
    }
    m->lin_skip = tn_graph__lin(&m->base, "lin_skip", in_dst, out_channels, false, false);
    m->film_skip = tn_graph__lin(&m->base, "film_skip", in_dst, 2 * out_channels, false, false);
    return tn_graph__ready(&m->base);
}

/* Principal neighbourhood aggregation. A tower's messages are linear in both ends where it has one layer and edges have no features: then the
   targets' part stays out of the sums, and the sources' part is summed as it is. */
typedef struct {
    tn_module base;
    tn_gnn_pna_opts o;
    int64_t width, out, in;
    tn_graph__aggr aggr[16];
    tn_gnn_scaler scaler[5];
    int n_aggr, n_scaler;
    tn_module *scale, *encoder, *pre, *post, *lin;
} tn_graph__pna;
typedef struct { const tn_gnn_edges *e; tn_tensor *own, *from, *message, *degree, *some; } tn_graph__pna_parts;
static tn_tensor *tn_graph__pna_reduce(const tn_graph__pna_parts *p, bool squared, tn_reduction_kind kind) {
    tn_tensor *x = p->message ? p->message : p->from;
    if (squared) x = tn_mul(x, x);
    return p->message ? tn_graph__collect(p->e, x, kind) : tn_graph__neighbors(p->e, x, NULL, kind);
}
static tn_tensor *tn_graph__pna_aggregate(const tn_graph__pna_parts *p, tn_graph__aggr aggr) {
    if (aggr == TN_GRAPH__VAR || aggr == TN_GRAPH__STD) {
        tn_tensor *mean = tn_graph__pna_reduce(p, false, TN_REDUCE_MEAN), *var = tn_sub(tn_graph__pna_reduce(p, true, TN_REDUCE_MEAN), tn_mul(mean, mean));
        if (aggr == TN_GRAPH__VAR) return var;
        tn_tensor *std = tn_sqrt(tn_clamp(var, tn_arg_f(1e-5), (tn_tensor *)NULL)); /* the root has no gradient at 0 */
        return tn_masked_fill(std, tn_le(std, tn_arg_f(sqrt(1e-5))), tn_arg_f(0));
    }
    tn_tensor *y = tn_graph__pna_reduce(p, false, (tn_reduction_kind)aggr);
    return p->message ? y : tn_add(y, tn_mul(p->own, aggr == TN_GRAPH__SUM ? p->degree : p->some));
}
static tn_tensor *tn_graph__pna_scaled(const tn_graph__pna *m, const tn_graph__pna_parts *p, tn_tensor *x, tn_gnn_scaler scaler) {
    tn_tensor *lin = tn_module_get(m->scale, "avg_deg_lin"), *log_ = tn_module_get(m->scale, "avg_deg_log"), *d = tn_unsqueeze(p->degree, -1), *least = tn_clamp(d, tn_arg_f(1), (tn_tensor *)NULL);
    if (scaler == TN_GNN_AMPLIFICATION) return tn_mul(x, tn_div(tn_log1p(d), log_));
    if (scaler == TN_GNN_ATTENUATION) return tn_mul(x, tn_div(log_, tn_log1p(least)));
    if (scaler == TN_GNN_SCALE_LINEAR) return tn_mul(x, tn_div(d, lin));
    return scaler == TN_GNN_INVERSE_LINEAR ? tn_mul(x, tn_div(lin, least)) : x;
}
/* A tower's net behind the first layer. */
static tn_tensor *tn_graph__pna_rest(tn_module *net, tn_tensor *x) {
    for (int i = 1; i < tn_module_len(net); i++) x = tn_forward(tn_module_at(net, i), x);
    return x;
}
static bool tn_graph__pna_messages(const tn_graph__pna *m, tn_gnn_edges *e, tn_graph__pna_parts *p) {
    const int64_t t = m->o.towers, w = m->width;
    tn_tensor *attr = e->edge_attr && m->encoder ? tn_forward(m->encoder, e->edge_attr) : NULL;
    const bool plain = m->o.pre_layers == 1 && !attr;
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("PNAConv", 2 * t, sizeof *part);
    bool ok = part && (!e->edge_attr || attr);
    e->edge_attr = NULL;
    for (int64_t i = 0; ok && i < t; i++) {
        tn_module *net = tn_module_at(m->pre, (int)i), *first = tn_module_at(net, 0);
        tn_tensor *x = m->o.divide_input ? tn_narrow(e->x, 1, i * w, w) : e->x, *own = tn_graph__part(first, 0, x, true), *from = tn_graph__part(first, w, x, false);
        ok = own && from;
        if (plain || !ok) part[i] = own, part[t + i] = from;
        else {
            tn_tensor *y = tn_add(tn_gnn_x_i(e, own), tn_gnn_x_j(e, from));
            if (attr) y = tn_add(y, tn_graph__part(first, 2 * w, attr, false));
            part[i] = tn_graph__pna_rest(net, y);
        }
    }
    if (ok && plain) p->own = tn_cat(part, (int)t, 1), p->from = tn_cat(part + t, (int)t, 1);
    else if (ok) p->message = tn_cat(part, (int)t, 1);
    free(part);
    return ok && (p->message || p->from);
}
static tn_tensor *tn_graph__pna_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__pna *m = (const tn_graph__pna *)self;
    const int64_t t = m->o.towers;
    tn_gnn_edges e;
    tn_tensor *part[16], *all[6];
    if (!tn_graph__weighed_inputs(self, in, n, true, false, &e)) return NULL;
    if (tn_ndim(e.x) != 2 || tn_size(e.x, 1) != m->in) return tn_error_set(TN_ERR_SHAPE, "PNAConv: x is %s, not [nodes, %lld]", tn_graph__shape(e.x).text, (long long)m->in), (tn_tensor *)NULL;
    if ((e.edge_attr != NULL) != (m->encoder != NULL)) return tn_error_set(TN_ERR_INVALID, "PNAConv: edge_attr and edge_dim go together"), (tn_tensor *)NULL;
    tn_graph__pna_parts p;
    memset(&p, 0, sizeof p);
    p.e = &e;
    if (!tn_graph__pna_messages(m, &e, &p) || !(p.degree = tn_graph__in_degree(&e))) return NULL;
    const int64_t rows = tn_size(e.x, 0), wide[3] = {rows, t, m->width};
    p.some = tn_clamp(p.degree, (tn_tensor *)NULL, tn_arg_f(1));
    for (int i = 0; i < m->n_aggr; i++) part[i] = tn_graph__rows_of(tn_graph__pna_aggregate(&p, m->aggr[i]), rows, t, m->width);
    tn_tensor *y = tn_cat(part, m->n_aggr, -1), **towers = (tn_tensor **)tn_graph__alloc("PNAConv", t, sizeof *towers);
    all[0] = m->o.divide_input ? tn_graph__rows_of(e.x, rows, t, m->width) : tn_expand(tn_unsqueeze(e.x, 1), wide, 3);
    for (int i = 0; i < m->n_scaler; i++) all[1 + i] = tn_graph__pna_scaled(m, &p, y, m->scaler[i]);
    y = tn_cat(all, 1 + m->n_scaler, -1);
    for (int64_t i = 0; y && towers && i < t; i++) towers[i] = tn_forward(tn_module_at(m->post, (int)i), tn_select(y, 1, i));
    y = y && towers ? tn_forward(m->lin, tn_cat(towers, (int)t, 1)) : NULL;
    free(towers);
    return y;
}
static void tn_graph__pna_net(tn_module *list, int64_t in, int64_t out, int64_t layers, tn_gnn_act act) {
    tn_module *net = tn_nn_sequential(TN_END);
    tn_graph__append_lin(net, in, out, true, false);
    for (int64_t i = 1; net && i < layers; i++) {
        (void)tn_nn_append(net, tn_graph__act_module(act));
        tn_graph__append_lin(net, out, out, true, false);
    }
    if (list) (void)tn_nn_append(list, net);
}
static bool tn_graph__pna_names(tn_graph__pna *m, const char *who, const char *const *aggrs, int n_aggrs, const char *const *scalers, int n_scalers) {
    static const char *const names[] = {"identity", "amplification", "attenuation", "linear", "inverse_linear"};
    if (!aggrs || !scalers || n_aggrs < 1 || n_aggrs > 16 || n_scalers < 1 || n_scalers > 5)
        return tn_error_set(TN_ERR_INVALID, "%s: %d aggregations under %d scalers", who, n_aggrs, n_scalers), false;
    for (int i = 0; i < n_aggrs; i++) {
        m->aggr[i] = tn_graph__aggr_named(who, aggrs[i] ? aggrs[i] : "NULL", TN_GRAPH__NO_AGGR, 7);
        if (m->aggr[i] == TN_GRAPH__NO_AGGR || m->aggr[i] == TN_GRAPH__MUL) return m->aggr[i] == TN_GRAPH__MUL ? tn_error_set(TN_ERR_INVALID, "%s: mul is not taken", who), false : false;
    }
    for (int i = 0; i < n_scalers; i++) {
        int k = 0;
        while (k < 5 && scalers[i] && strcmp(scalers[i], names[k]) != 0) k++;
        if (k == 5 || !scalers[i]) return tn_error_set(TN_ERR_INVALID, "%s: there is no scaler %s", who, scalers[i] ? scalers[i] : "NULL"), false;
        m->scaler[i] = (tn_gnn_scaler)k;
    }
    m->n_aggr = n_aggrs, m->n_scaler = n_scalers;
    return true;
}
TN_API tn_module *tn_gnn_pna_conv(int64_t in_channels, int64_t out_channels, const char *const *aggrs, int n_aggrs, const char *const *scalers, int n_scalers,
                                  tn_tensor *deg, const tn_gnn_pna_opts *opts) {
    const char *who = "tn_gnn_pna_conv";
    TN_GRAPH__OPTS(tn_gnn_pna_opts);
    if (o.towers == 0) o.towers = 1;
    if (o.pre_layers == 0) o.pre_layers = 1;
    if (o.post_layers == 0) o.post_layers = 1;
    const int64_t size[5] = {in_channels, out_channels, o.towers, o.pre_layers, o.post_layers};
    if (!tn_graph__sizes(who, size, 5)) return NULL;
    if (o.edge_dim < 0 || out_channels % o.towers || (o.divide_input && in_channels % o.towers))
        return tn_error_set(TN_ERR_INVALID, "%s: %lld towers of %lld to %lld channels", who, (long long)o.towers, (long long)in_channels, (long long)out_channels), (tn_module *)NULL;
    tn_graph__pna *m = (tn_graph__pna *)tn_module_new(sizeof *m, "PNAConv", tn_graph__pna_forward);
    if (!m || !tn_graph__pna_names(m, who, aggrs, n_aggrs, scalers, n_scalers)) return NULL;
    m->o = o, m->in = in_channels, m->width = o.divide_input ? in_channels / o.towers : in_channels, m->out = out_channels / o.towers;
    m->scale = tn_module_child(&m->base, "aggr_module", tn_gnn_degree_scaler_aggregation(tn_gnn_sum_aggregation(), m->scaler, n_scalers, deg, o.train_norm));
    if (o.edge_dim) m->encoder = tn_graph__lin(&m->base, "edge_encoder", o.edge_dim, m->width, true, false);
    m->pre = tn_graph__list(&m->base, "pre_nns"), m->post = tn_graph__list(&m->base, "post_nns");
    for (int64_t i = 0; i < o.towers; i++) {
        tn_graph__pna_net(m->pre, (o.edge_dim ? 3 : 2) * m->width, m->width, o.pre_layers, o.act);
        tn_graph__pna_net(m->post, (n_aggrs * n_scalers + 1) * m->width, m->out, o.post_layers, o.act);
    }
    m->lin = tn_graph__lin(&m->base, "lin", out_channels, out_channels, true, false);
    return tn_graph__ready(&m->base);
}
TN_API tn_tensor *tn_gnn_degree_histogram(tn_tensor *edge_index, int64_t num_nodes) {
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    tn_tensor *y = NULL;
    if (tn_graph__edges_read("tn_gnn_degree_histogram", edge_index, num_nodes, &g)) y = tn_bincount(tn_gnn_degree(tn_select(edge_index, 0, 1), g.n, TN_I64), NULL, 0);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* GENConv. */
typedef struct { tn_module base; tn_gnn_gen_opts o; tn_graph__aggr kind; tn_module *aggr, *src, *dst, *edge, *mlp, *norm; tn_graph__kept target; } tn_graph__gen;
static void tn_graph__gen_free(tn_module *self) { tn_graph__kept_free(&((tn_graph__gen *)self)->target); }
static tn_tensor *tn_graph__gen_aggregate(tn_graph__gen *m, const tn_gnn_edges *e, tn_tensor *attr) {
    tn_tensor *node = attr ? NULL : tn_add(tn_relu(e->x), tn_arg_f(m->o.eps)); /* a message that its source makes alone */
    if (node && !m->aggr) return tn_graph__neighbors(e, node, NULL, (tn_reduction_kind)m->kind);
    tn_tensor *message = node ? tn_gnn_x_j(e, node) : tn_add(tn_relu(tn_add(tn_gnn_x_j(e, e->x), attr)), tn_arg_f(m->o.eps));
    if (!m->aggr) return tn_graph__collect(e, message, (tn_reduction_kind)m->kind);
    tn_tensor *in[4] = {message, tn_graph__side(&m->target, e->edge_index, 1), NULL, tn_scalar_i64(tn_size(e->x_dst, 0))};
    return message && in[1] ? tn_call(m->aggr, in, 4) : NULL;
}
static tn_tensor *tn_graph__gen_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__gen *m = (tn_graph__gen *)self;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    tn_tensor *root = e.x_dst ? e.x_dst : e.x, *attr = e.edge_attr && m->edge ? tn_forward(m->edge, e.edge_attr) : e.edge_attr;
    if (e.edge_attr && !attr) return NULL;
    e.x_dst = root, e.edge_attr = NULL;
    if (m->src && !(e.x = tn_forward(m->src, e.x))) return NULL;
    if (attr && tn_size(attr, -1) != tn_size(e.x, -1)) return tn_error_set(TN_ERR_SHAPE, "GENConv: edge_attr is %s for x %s: give edge_dim", tn_graph__shape(attr).text, tn_graph__shape(e.x).text), (tn_tensor *)NULL;
    tn_tensor *y = tn_graph__gen_aggregate(m, &e, attr), *both[2] = {root, y};
    if (y && m->norm) y = tn_call(m->norm, both, 2);
    return y ? tn_forward(m->mlp, tn_add(y, m->dst ? tn_forward(m->dst, root) : root)) : NULL;
}
static tn_module *tn_graph__gen_mlp(int64_t width, const tn_gnn_gen_opts *o) {
    const int64_t hidden = width * o->expansion;
    tn_module *net = tn_nn_sequential(TN_END);
    tn_norm_opts plain;
    memset(&plain, 0, sizeof plain);
    plain.no_affine = true;
    for (int64_t i = 0; net && i < o->num_layers; i++) {
        const bool last = i + 1 == o->num_layers;
        tn_graph__append_lin(net, i ? hidden : width, last ? width : hidden, o->bias, false);
        if (last) break;
        if (o->norm == TN_GNN_GEN_BATCH_NORM) (void)tn_nn_append(net, tn_nn_batch_norm1d(hidden, NULL));
        else if (o->norm != TN_GNN_GEN_NO_NORM) (void)tn_nn_append(net, tn_nn_layer_norm(&hidden, 1, o->norm == TN_GNN_GEN_LAYER_NORM ? NULL : &plain)); /* of rows: the same */
        (void)tn_nn_append(net, tn_nn_relu());
        (void)tn_nn_append(net, tn_nn_dropout(0));
    }
    return net;
}
static tn_module *tn_graph__gen_aggr(const tn_gnn_gen_opts *o, tn_graph__aggr kind) {
    tn_gnn_softmax_aggregation_opts soft;
    tn_gnn_power_mean_aggregation_opts power;
    memset(&soft, 0, sizeof soft), memset(&power, 0, sizeof power);
    soft.t = o->t, soft.learn = o->learn_t, soft.semi_grad = kind == TN_GRAPH__SOFTMAX_SG;
    power.p = o->p, power.learn = o->learn_p;
    return kind == TN_GRAPH__POWER_MEAN ? tn_gnn_power_mean_aggregation(&power) : tn_gnn_softmax_aggregation(&soft);
}
TN_API tn_module *tn_gnn_gen_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_gen_opts *opts) {
    const char *who = "tn_gnn_gen_conv";
    TN_GRAPH__OPTS(tn_gnn_gen_opts);
    if (o.num_layers == 0) o.num_layers = 2;
    if (o.expansion == 0) o.expansion = 2;
    if (o.eps == 0) o.eps = 1e-7;
    const int64_t in_dst = o.in_channels_dst ? o.in_channels_dst : in_channels, size[5] = {in_channels, out_channels, in_dst, o.num_layers, o.expansion};
    const tn_graph__aggr kind = tn_graph__aggr_named(who, o.aggr, TN_GRAPH__SOFTMAX, 10);
    if (kind == TN_GRAPH__NO_AGGR || !tn_graph__sizes(who, size, 5)) return NULL;
    if (kind == TN_GRAPH__STD || kind == TN_GRAPH__VAR || o.edge_dim < 0)
        return tn_error_set(TN_ERR_INVALID, "%s: aggr is %s, edge_dim %lld", who, o.aggr, (long long)o.edge_dim), (tn_module *)NULL;
    tn_graph__gen *m = (tn_graph__gen *)tn_module_new(sizeof *m, "GENConv", tn_graph__gen_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__gen_free);
    m->o = o, m->kind = kind;
    if (kind >= TN_GRAPH__SOFTMAX) m->aggr = tn_module_child(&m->base, "aggr_module", tn_graph__gen_aggr(&o, kind));
    if (in_channels != out_channels) m->src = tn_graph__lin(&m->base, "lin_src", in_channels, out_channels, o.bias, false);
    if (o.edge_dim && o.edge_dim != out_channels) m->edge = tn_graph__lin(&m->base, "lin_edge", o.edge_dim, out_channels, o.bias, false);
    if (in_dst != out_channels) m->dst = tn_graph__lin(&m->base, "lin_dst", in_dst, out_channels, o.bias, false);
    m->mlp = tn_module_child(&m->base, "mlp", tn_graph__gen_mlp(out_channels, &o));
    if (o.msg_norm) m->norm = tn_module_child(&m->base, "msg_norm", tn_gnn_message_norm(o.learn_msg_scale));
    return tn_graph__made(&m->base);
}

/* Layers whose messages need both ends, or features of edges. */
typedef struct { tn_module base; tn_reduction_kind aggr; int64_t in, out; tn_module *nn, *lin; tn_tensor *bias; } tn_graph__nn_conv;
static tn_tensor *tn_graph__nn_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__nn_conv *m = (const tn_graph__nn_conv *)self;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e) || !tn_graph__needs(self, e.edge_attr, "edge_attr")) return NULL;
    tn_tensor *root = e.x_dst ? e.x_dst : e.x, *w = tn_graph__rows_of(tn_forward(m->nn, e.edge_attr), tn_size(e.edge_index, 1), m->in, m->out);
    tn_tensor *y = w ? tn_graph__collect(&e, tn_select(tn_matmul(tn_unsqueeze(tn_gnn_x_j(&e, e.x), 1), w), 1, 0), m->aggr) : NULL;
    if (y && m->lin) y = tn_add(y, tn_forward(m->lin, root));
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_nn_conv(int64_t in_channels, int64_t out_channels, tn_module *nn, const tn_gnn_nn_conv_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_nn_conv_opts);
    tn_reduction_kind aggr;
    if (!tn_graph__channels("tn_gnn_nn_conv", in_channels, out_channels) || !tn_graph__reduction("tn_gnn_nn_conv", o.aggr, TN_REDUCE_SUM, &aggr)) return NULL;
    tn_graph__nn_conv *m = (tn_graph__nn_conv *)tn_module_new(sizeof *m, "NNConv", tn_graph__nn_forward);
    if (!m) return NULL;
    m->aggr = aggr, m->in = in_channels, m->out = out_channels;
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", out_channels, 0, 0, 0);
    m->nn = tn_module_child(&m->base, "nn", nn);
    if (!o.no_root_weight) m->lin = tn_graph__lin(&m->base, "lin", o.in_channels_dst ? o.in_channels_dst : in_channels, out_channels, false, false);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_gnn_cg_opts o; tn_reduction_kind aggr; tn_module *f, *s, *bn; } tn_graph__cg;
/* A linear layer of [x_i, x_j, edge_attr], the nodes' parts made of nodes. */
static tn_tensor *tn_graph__cg_linear(const tn_gnn_edges *e, tn_module *lin, bool bias) {
    const int64_t own = tn_size(e->x_dst, -1), both = own + tn_size(e->x, -1);
    tn_tensor *y = tn_add(tn_gnn_x_i(e, tn_graph__part(lin, 0, e->x_dst, bias)), tn_gnn_x_j(e, tn_graph__part(lin, own, e->x, false)));
    return e->edge_attr ? tn_add(y, tn_graph__part(lin, both, e->edge_attr, false)) : y;
}
static tn_tensor *tn_graph__cg_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__cg *m = (const tn_graph__cg *)self;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    if (!e.x_dst) e.x_dst = e.x;
    tn_tensor *w = tn_module_get(m->f, "weight");
    if (!w || tn_size(e.x_dst, -1) + tn_size(e.x, -1) + (e.edge_attr ? tn_size(e.edge_attr, -1) : 0) != tn_size(w, 1))
        return tn_error_set(TN_ERR_SHAPE, "CGConv: x is %s, edge_attr %s, of %lld features in all", tn_graph__shape(e.x).text, e.edge_attr ? tn_graph__shape(e.edge_attr).text : "absent", (long long)tn_size(w, 1)), (tn_tensor *)NULL;
    tn_tensor *gate = tn_sigmoid(tn_graph__cg_linear(&e, m->f, !m->o.no_bias)), *core = tn_softplus(tn_graph__cg_linear(&e, m->s, !m->o.no_bias), 1, 20);
    tn_tensor *y = tn_graph__collect(&e, tn_mul(gate, core), m->aggr);
    if (y && m->bn) y = tn_forward(m->bn, y);
    return y ? tn_add(y, e.x_dst) : NULL;
}
TN_API tn_module *tn_gnn_cg_conv(int64_t channels, const tn_gnn_cg_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_cg_opts);
    const int64_t dst = o.channels_dst ? o.channels_dst : channels;
    tn_reduction_kind aggr;
    if (!tn_graph__channels("tn_gnn_cg_conv", channels, dst) || !tn_graph__reduction("tn_gnn_cg_conv", o.aggr, TN_REDUCE_SUM, &aggr)) return NULL;
    if (o.dim < 0) return tn_error_set(TN_ERR_INVALID, "tn_gnn_cg_conv: dim is %lld", (long long)o.dim), (tn_module *)NULL;
    tn_graph__cg *m = (tn_graph__cg *)tn_module_new(sizeof *m, "CGConv", tn_graph__cg_forward);
    if (!m) return NULL;
    m->o = o, m->aggr = aggr;
    m->f = tn_graph__lin(&m->base, "lin_f", channels + dst + o.dim, dst, !o.no_bias, false);
    m->s = tn_graph__lin(&m->base, "lin_s", channels + dst + o.dim, dst, !o.no_bias, false);
    if (o.batch_norm) m->bn = tn_module_child(&m->base, "bn", tn_nn_batch_norm1d(dst, NULL));
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_reduction_kind aggr; int64_t out; tn_module *rnn; tn_tensor *weight; } tn_graph__gated;
static tn_tensor *tn_graph__gated_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__gated *m = (const tn_graph__gated *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, true, false, &e)) return NULL;
    const int64_t wide = tn_size(e.x, -1), pads[2] = {0, m->out - wide};
    if (tn_ndim(e.x) != 2 || wide > m->out) return tn_error_set(TN_ERR_SHAPE, "GatedGraphConv: x is %s, not [nodes, up to %lld]", tn_graph__shape(e.x).text, (long long)m->out), (tn_tensor *)NULL;
    tn_tensor *x = wide < m->out ? tn_pad(e.x, pads, 2, NULL) : e.x;
    for (int64_t i = 0; x && i < tn_size(m->weight, 0); i++) {
        tn_tensor *step[2] = {tn_graph__neighbors(&e, tn_matmul(x, tn_select(m->weight, 0, i)), e.edge_attr, m->aggr), x};
        x = step[0] ? tn_call(m->rnn, step, 2) : NULL;
    }
    return x;
}
static tn_status tn_graph__gated_init(tn_module *self) {
    const tn_graph__gated *m = (const tn_graph__gated *)self;
    const double bound = 1 / sqrt((double)m->out);
    return tn_init_uniform_(m->weight, -bound, bound, NULL) ? TN_OK : tn_error_code();
}
TN_API tn_module *tn_gnn_gated_graph_conv(int64_t out_channels, int64_t num_layers, const tn_gnn_gated_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_gated_opts);
    tn_rnn_opts rnn;
    tn_reduction_kind aggr;
    memset(&rnn, 0, sizeof rnn);
    rnn.no_bias = o.no_bias;
    if (!tn_graph__channels("tn_gnn_gated_graph_conv", out_channels, num_layers) || !tn_graph__reduction("tn_gnn_gated_graph_conv", o.aggr, TN_REDUCE_SUM, &aggr)) return NULL;
    tn_graph__gated *m = (tn_graph__gated *)tn_module_new(sizeof *m, "GatedGraphConv", tn_graph__gated_forward);
    if (!m) return NULL;
    m->aggr = aggr, m->out = out_channels;
    m->weight = tn_graph__param(&m->base, "weight", num_layers, out_channels, out_channels, 0);
    m->rnn = tn_module_child(&m->base, "rnn", tn_nn_gru_cell(out_channels, out_channels, &rnn));
    return tn_module_init(&m->base, tn_graph__gated_init) == TN_OK ? &m->base : NULL;
}
typedef struct { tn_module base; tn_gnn_res_gated_opts o; tn_module *key, *query, *value, *skip; tn_tensor *bias; } tn_graph__res_gated;
/* A linear layer of a node's features and, where they are, its edge's: by edges. */
static tn_tensor *tn_graph__res_gated_part(const tn_gnn_edges *e, tn_module *lin, tn_tensor *x, bool target) {
    tn_tensor *node = tn_graph__part(lin, 0, x, true), *y = target ? tn_gnn_x_i(e, node) : tn_gnn_x_j(e, node);
    return e->edge_attr ? tn_add(y, tn_graph__part(lin, tn_size(x, -1), e->edge_attr, false)) : y;
}
static tn_tensor *tn_graph__res_gated_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__res_gated *m = (const tn_graph__res_gated *)self;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    if ((e.edge_attr ? tn_size(e.edge_attr, -1) : 0) != m->o.edge_dim) return tn_error_set(TN_ERR_SHAPE, "ResGatedGraphConv: edge_attr has not the %lld features of edge_dim", (long long)m->o.edge_dim), (tn_tensor *)NULL;
    if (!e.x_dst) e.x_dst = e.x;
    tn_tensor *gate = tn_add(tn_graph__res_gated_part(&e, m->key, e.x_dst, true), tn_graph__res_gated_part(&e, m->query, e.x, false));
    if (!gate || !(gate = m->o.act ? m->o.act(gate) : tn_sigmoid(gate))) return NULL;
    tn_tensor *y = tn_graph__collect(&e, tn_mul(gate, tn_graph__res_gated_part(&e, m->value, e.x, false)), TN_REDUCE_SUM);
    if (y && m->skip) y = tn_add(y, tn_forward(m->skip, e.x_dst));
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_res_gated_graph_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_res_gated_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_res_gated_opts);
    const int64_t dst = o.in_channels_dst ? o.in_channels_dst : in_channels, size[4] = {in_channels, out_channels, dst, o.edge_dim + 1};
    tn_graph__res_gated *m = tn_graph__sizes("tn_gnn_res_gated_graph_conv", size, 4) ? (tn_graph__res_gated *)tn_module_new(sizeof *m, "ResGatedGraphConv", tn_graph__res_gated_forward) : NULL;
    if (!m) return NULL;
    m->o = o;
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", out_channels, 0, 0, 0);
    m->key = tn_graph__lin(&m->base, "lin_key", dst + o.edge_dim, out_channels, true, false);
    m->query = tn_graph__lin(&m->base, "lin_query", in_channels + o.edge_dim, out_channels, true, false);
    m->value = tn_graph__lin(&m->base, "lin_value", in_channels + o.edge_dim, out_channels, true, false);
    if (!o.no_root_weight) m->skip = tn_graph__lin(&m->base, "lin_skip", dst, out_channels, false, false);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; bool loops; tn_module *local, *global; } tn_graph__pointnet;
static tn_tensor *tn_graph__pointnet_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__pointnet *m = (const tn_graph__pointnet *)self;
    const int pos_at = n > 3 ? 2 : 1;
    tn_tensor *x = n > 0 ? in[0] : NULL, *places[3] = {n > pos_at ? in[pos_at] : NULL, n > 3 ? in[3] : n > 2 ? in[2] : NULL, n > 4 ? in[4] : NULL};
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, places, n > 4 ? 3 : 2, &e)) return NULL; /* of positions, which every node has */
    const int64_t sources = tn_size(e.x, 0), targets = e.x_dst ? tn_size(e.x_dst, 0) : sources;
    if (!e.x_dst) e.x_dst = e.x;
    if (m->loops && sources == targets) e.edge_index = tn_gnn_add_remaining_self_loops(e.edge_index, NULL, targets, 1, NULL).edge_index;
    else if (m->loops) e.edge_index = tn_gnn_add_self_loops(tn_gnn_remove_self_loops(e.edge_index, NULL).edge_index, NULL, sources < targets ? sources : targets, 1, NULL).edge_index;
    if (!e.edge_index) return NULL;
    tn_tensor *message = tn_sub(tn_gnn_x_j(&e, e.x), tn_gnn_x_i(&e, e.x_dst)), *both[2] = {x ? tn_gnn_x_j(&e, x) : NULL, message};
    if (x) message = tn_cat(both, 2, 1);
    if (m->local && message) message = tn_forward(m->local, message);
    tn_tensor *y = tn_graph__collect(&e, message, TN_REDUCE_AMAX);
    return y && m->global ? tn_forward(m->global, y) : y;
}
TN_API tn_module *tn_gnn_pointnet_conv(tn_module *local_nn, tn_module *global_nn, const tn_gnn_pointnet_opts *opts) {
    tn_graph__pointnet *m = (tn_graph__pointnet *)tn_module_new(sizeof *m, "PointNetConv", tn_graph__pointnet_forward);
    if (!m) return NULL;
    m->loops = !(opts && opts->no_self_loops);
    if (local_nn) m->local = tn_module_child(&m->base, "local_nn", local_nn);
    if (global_nn) m->global = tn_module_child(&m->base, "global_nn", global_nn);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_gnn_hypergraph_opts o; int64_t out; tn_module *lin; tn_tensor *att, *bias; tn_graph__kept side[2]; } tn_graph__hyper;
static void tn_graph__hyper_free(tn_module *self) {
    for (int i = 0; i < 2; i++) tn_graph__kept_free(&((tn_graph__hyper *)self)->side[i]);
}
/* 1 / x, 0 where x is 0, as [rows, 1, 1]. */
static tn_tensor *tn_graph__inverse(tn_tensor *x) {
    tn_tensor *none = tn_eq(x, tn_arg_f(0));
    return tn_unsqueeze(tn_masked_fill(tn_reciprocal(tn_masked_fill(x, none, tn_arg_f(1))), none, tn_arg_f(0)), -1);
}
static tn_tensor *tn_graph__hyper_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__hyper *m = (tn_graph__hyper *)self;
    const int64_t heads = m->o.heads, f = m->out;
    tn_tensor *weight = n > 2 ? in[2] : NULL, *attr = n > 3 ? in[3] : NULL, *alpha = NULL;
    tn_gnn_edges e, back;
    if (!tn_gnn_inputs(self, in, n < 2 ? n : 2, &e) || (m->o.use_attention && !tn_graph__needs(self, attr, "hyperedge_attr"))) return NULL;
    const int64_t nodes = tn_size(e.x, 0);
    tn_tensor *of_node = tn_graph__side(&m->side[0], e.edge_index, 0), *of_edge = tn_graph__side(&m->side[1], e.edge_index, 1), *x = tn_graph__rows_of(tn_forward(m->lin, e.x), nodes, heads, f);
    if (!x || !of_node || !of_edge) return NULL;
    const int64_t edges = n > 4 && in[4] ? tn_item_i64(in[4]) : tn_numel(of_edge) ? tn_item_i64(tn_max(of_edge)) + 1 : 0;
    if (!weight) weight = tn_graph__sum_over(tn_graph__ones_column(x, edges), 1);
    if (edges < 0 || tn_ndim(weight) != 1 || tn_size(weight, 0) != edges)
        return tn_error_set(TN_ERR_SHAPE, "HypergraphConv: hyperedge_weight is %s of %lld hyperedges", tn_graph__shape(weight).text, (long long)edges), (tn_tensor *)NULL;
    e.x = x, e.x_dst = tn_unsqueeze(weight, 1);
    if (m->o.use_attention) {
        tn_tensor *mine = tn_narrow(m->att, -1, 0, f), *theirs = tn_narrow(m->att, -1, f, f), *h = tn_graph__rows_of(tn_forward(m->lin, attr), edges, heads, f);
        alpha = h ? tn_leaky_relu(tn_add(tn_gnn_x_j(&e, tn_graph__sum_over(tn_mul(x, mine), -1)), tn_gnn_x_i(&e, tn_graph__sum_over(tn_mul(h, theirs), -1))), m->o.negative_slope) : NULL;
        alpha = tn_gnn_softmax(alpha, m->o.edge_mode ? of_node : of_edge, m->o.edge_mode ? nodes : edges);
        if (!alpha) return NULL;
        if (m->o.dropout > 0) alpha = tn_dropout(alpha, m->o.dropout, tn_module_training(self));
    }
    e.edge_attr = alpha;
    tn_tensor *size = tn_unsqueeze(tn_gnn_degree(of_edge, edges, tn_get_dtype(x)), 1), *of_edges = tn_gnn_propagate(&e, NULL);
    if (!of_edges) return NULL;
    back = e;
    back.x = tn_mul(of_edges, tn_graph__inverse(size)), back.x_dst = x, back.target_to_source = true;
    tn_tensor *degree = tn_graph__neighbors(&back, tn_unsqueeze(weight, 1), NULL, TN_REDUCE_SUM), *y = back.x ? tn_gnn_propagate(&back, NULL) : NULL;
    y = tn_mul(y, tn_graph__inverse(degree));
    y = m->o.mean_heads && y ? tn_graph__mean_over(y, 1) : tn_graph__rows_of(y, nodes, heads * f, 0);
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_hypergraph_conv(int64_t in_channels, int64_t out_channels, const tn_gnn_hypergraph_opts *opts) {
    const char *who = "tn_gnn_hypergraph_conv";
    TN_GRAPH__OPTS(tn_gnn_hypergraph_opts);
    if (o.heads == 0 || !o.use_attention) o.heads = 1;
    if (!o.use_attention) o.mean_heads = false;
    if (o.negative_slope == 0) o.negative_slope = 0.2;
    const int64_t size[3] = {in_channels, out_channels, o.heads};
    tn_graph__hyper *m = tn_graph__sizes(who, size, 3) && tn_graph__chance(who, o.dropout) ? (tn_graph__hyper *)tn_module_new(sizeof *m, "HypergraphConv", tn_graph__hyper_forward) : NULL;
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hyper_free);
    m->o = o, m->out = out_channels;
    if (o.use_attention) m->att = tn_graph__param(&m->base, "att", 1, o.heads, 2 * out_channels, 0);
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", o.mean_heads ? out_channels : o.heads * out_channels, 0, 0, 0);
    m->lin = tn_graph__lin(&m->base, "lin", in_channels, o.heads * out_channels, false, true);
    return tn_graph__ready(&m->base);
}
/* GPS: a layer of neighbours beside attention among all nodes of a graph. */
typedef struct { tn_module base; tn_gnn_gps_opts o; tn_module *conv, *attn, *mlp, *norm[3]; } tn_graph__gps;
static tn_tensor *tn_graph__gps_normed(const tn_graph__gps *m, int k, tn_tensor *x, tn_tensor *batch) {
    tn_tensor *in[2] = {x, batch};
    return x && m->norm[k] ? tn_call(m->norm[k], in, 2) : x;
}
/* Each node's result of attention: the rows of padded graphs that are no filling. */
static tn_tensor *tn_graph__gps_attend(tn_module *attn, tn_tensor *x, tn_tensor *batch) {
    const int64_t flat = -1, rows[2] = {-1, tn_size(x, 1)};
    const tn_gnn_dense d = tn_gnn_to_dense_batch(x, batch, NULL);
    if (!d.x || tn_size(x, 0) == 0) return d.x ? x : NULL;
    tn_tensor *in[4] = {d.x, d.x, d.x, tn_logical_not(d.mask)}, *y = tn_call(attn, in, 4);
    return y ? tn_index_select(tn_reshape(y, rows, 2), 0, tn_select(tn_nonzero(tn_reshape(d.mask, &flat, 1)), 1, 0)) : NULL;
}
static tn_tensor *tn_graph__gps_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__gps *m = (const tn_graph__gps *)self;
    tn_tensor *x = n > 0 ? in[0] : NULL, *edge_index = n > 1 ? in[1] : NULL, *batch = n > 2 ? in[2] : NULL, *given[16], *local = NULL;
    const bool training = tn_module_training(self);
    if (!tn_graph__needs(self, x, "x") || (m->conv && !tn_graph__needs(self, edge_index, "edge_index"))) return NULL;
    if (tn_ndim(x) != 2) return tn_error_set(TN_ERR_SHAPE, "GPSConv: x is %s, not [nodes, channels]", tn_graph__shape(x).text), (tn_tensor *)NULL;
    if (m->conv) {
        given[0] = x, given[1] = edge_index;
        for (int i = 3; i < n; i++) given[i - 1] = in[i];
        local = tn_call(m->conv, given, n > 3 ? n - 1 : 2);
        if (!local) return NULL;
        local = tn_graph__gps_normed(m, 0, tn_add(tn_dropout(local, m->o.dropout, training), x), batch);
    }
    tn_tensor *y = tn_graph__gps_attend(m->attn, x, batch);
    if (!y) return NULL;
    y = tn_graph__gps_normed(m, 1, tn_add(tn_dropout(y, m->o.dropout, training), x), batch);
    if (m->conv) y = tn_add(local, y);
    return y ? tn_graph__gps_normed(m, 2, tn_add(y, tn_forward(m->mlp, y)), batch) : NULL;
}
TN_API tn_module *tn_gnn_gps_conv(int64_t channels, tn_module *conv, const tn_gnn_gps_opts *opts) {
    static const char *const names[3] = {"norm1", "norm2", "norm3"};
    TN_GRAPH__OPTS(tn_gnn_gps_opts);
    tn_mha_module_opts attn;
    memset(&attn, 0, sizeof attn);
    attn.batch_first = true;
    if (o.heads == 0) o.heads = 1;
    if (!tn_graph__channels("tn_gnn_gps_conv", channels, o.heads) || !tn_graph__chance("tn_gnn_gps_conv", o.dropout)) return NULL;
    tn_graph__gps *m = (tn_graph__gps *)tn_module_new(sizeof *m, "GPSConv", tn_graph__gps_forward);
    if (!m) return NULL;
    m->o = o;
    if (conv) m->conv = tn_module_child(&m->base, "conv", conv);
    m->attn = tn_module_child(&m->base, "attn", tn_nn_multihead_attention(channels, o.heads, &attn));
    tn_module *part[5] = {tn_nn_linear(channels, 2 * channels, NULL), tn_graph__act_module(o.act), tn_nn_dropout(o.dropout), tn_nn_linear(2 * channels, channels, NULL), tn_nn_dropout(o.dropout)};
    m->mlp = tn_module_child(&m->base, "mlp", tn_nn_sequential_of(part, 5));
    for (int i = 0; i < 3 && !o.no_norm; i++) m->norm[i] = tn_module_child(&m->base, names[i], o.norm ? o.norm(channels) : tn_gnn_batch_norm(channels));
    return tn_graph__made(&m->base);
}

/* Kinds of nodes and edges. */
typedef struct { char *name; int src, dst; } tn_graph__edge_kind;
typedef struct { char **node; tn_graph__edge_kind *edge; int nodes, edges; } tn_graph__kinds;
static char *tn_graph__copy(const char *who, const char *text, size_t n) {
    char *s = (char *)tn_graph__alloc(who, (int64_t)n + 1, 1);
    if (s) memcpy(s, text, n);
    return s;
}
static void tn_graph__kinds_free(tn_graph__kinds *k) {
    for (int i = 0; k->node && i < k->nodes; i++) free(k->node[i]);
    for (int i = 0; k->edge && i < k->edges; i++) free(k->edge[i].name);
    free(k->node), free(k->edge);
}
/* The kind of nodes of that name, added if there is room and it is new; -1 if not. */
static int tn_graph__node_kind(tn_graph__kinds *k, const char *who, const char *name, size_t n, int room) {
    for (int i = 0; i < k->nodes; i++)
        if (strlen(k->node[i]) == n && memcmp(k->node[i], name, n) == 0) return i;
    if (k->nodes == room || !(k->node[k->nodes] = tn_graph__copy(who, name, n))) return -1;
    return k->nodes++;
}
/* A kind of edges by its name: source and target are what is before the first, and behind the last, two underscores. */
static bool tn_graph__edge_kind_add(tn_graph__kinds *k, const char *who, const char *name, int room) {
    const char *first = name ? strstr(name, "__") : NULL, *last = first;
    for (const char *at = first; at; at = strstr(at + 1, "__")) last = at;
    if (!first || last < first + 2) return tn_error_set(TN_ERR_INVALID, "%s: %s is no kind of edges, \"source__relation__target\"", who, name ? name : "NULL"), false;
    tn_graph__edge_kind *e = &k->edge[k->edges];
    e->src = tn_graph__node_kind(k, who, name, (size_t)(first - name), room), e->dst = tn_graph__node_kind(k, who, last + 2, strlen(last + 2), room);
    if (e->src < 0 || e->dst < 0) return tn_error_set(TN_ERR_INVALID, "%s: %s joins a kind of nodes that is not among the %d given", who, name, k->nodes), false;
    if (!(e->name = tn_graph__copy(who, name, strlen(name)))) return false;
    k->edges++;
    return true;
}
static bool tn_graph__kinds_read(tn_graph__kinds *k, const char *who, const tn_gnn_metadata *meta) {
    if (!meta || meta->n_node_types < 1 || meta->n_edge_types < 1 || !meta->node_types || !meta->edge_types || !meta->in_channels)
        return tn_error_set(TN_ERR_INVALID, "%s: metadata of at least one kind of nodes and of edges is wanted", who), false;
    k->node = (char **)tn_graph__alloc(who, meta->n_node_types, sizeof *k->node);
    k->edge = (tn_graph__edge_kind *)tn_graph__alloc(who, meta->n_edge_types, sizeof *k->edge);
    bool ok = k->node && k->edge;
    for (int i = 0; ok && i < meta->n_node_types; i++) {
        ok = meta->node_types[i] && meta->in_channels[i] > 0;
        if (!ok) tn_error_set(TN_ERR_INVALID, "%s: a kind of nodes without a name, or of %lld channels", who, (long long)meta->in_channels[i]);
        else ok = tn_graph__node_kind(k, who, meta->node_types[i], strlen(meta->node_types[i]), meta->n_node_types) == i || (tn_error_set(TN_ERR_INVALID, "%s: %s occurs twice", who, meta->node_types[i]), false);
    }
    for (int i = 0; ok && i < meta->n_edge_types; i++) ok = tn_graph__edge_kind_add(k, who, meta->edge_types[i], k->nodes);
    return ok;
}
/* What stands before each call of theirs. */
static bool tn_graph__hetero_ready(const char *who, tn_module *m, tn_forward_fn forward, tn_dict *x, tn_dict *edge_index) {
    if (!m || !x || !edge_index) return tn_graph__absent(who, !m ? "the module" : !x ? "x" : "edge_index");
    if (m->forward != forward) return tn_error_set(TN_ERR_INVALID, "%s: the module is a %s", who, m->kind), false;
    return tn_init_flush() == TN_OK;
}
static tn_dict *tn_graph__give_dict(tn_scope *s, tn_dict *d, bool ok) {
    if (!ok) d = NULL;
    tn_keep(d);
    tn_scope_close(s);
    return d;
}

/* HGT. Edges of all kinds are one list: its sources are the nodes of each kind of edges, in order, its targets those of each kind of nodes. */
typedef struct {
    tn_module base;
    tn_graph__kinds kinds;
    int64_t out, heads;
    tn_module *kqv, *out_lin;
    tn_tensor *k_rel, *v_rel, *index, **of; /* the list, and what it was made of */
    int64_t *version, *first;               /* of these; each kind's first source, then each kind's first target */
} tn_graph__hgt;
static void tn_graph__hgt_drop(tn_graph__hgt *m) {
    for (int i = 0; m->of && i < m->kinds.edges; i++) tn_release(m->of[i]), m->of[i] = NULL;
    tn_release(m->index), m->index = NULL;
}
static void tn_graph__hgt_free(tn_module *self) {
    tn_graph__hgt *m = (tn_graph__hgt *)self;
    tn_graph__hgt_drop(m);
    free(m->of), free(m->version), free(m->first);
    tn_graph__kinds_free(&m->kinds);
}
static tn_tensor *tn_graph__only_forward(tn_module *self, tn_tensor *const *in, int n) {
    (void)in, (void)n;
    return tn_error_set(TN_ERR_INVALID, "%s takes dicts: call its own function", self->kind), (tn_tensor *)NULL;
}
static tn_tensor *tn_graph__hgt_forward(tn_module *self, tn_tensor *const *in, int n) { return tn_graph__only_forward(self, in, n); }
/* first is where each kind's sources and targets begin, end those of the last. */
static tn_tensor *tn_graph__hgt_index(tn_graph__hgt *m, tn_dict *edge_index, const int64_t *first, const int64_t *rows) {
    const char *who = "tn_gnn_hgt_forward";
    const int kinds = m->kinds.edges, all = kinds + m->kinds.nodes;
    bool same = m->index != NULL && memcmp(first, m->first, (size_t)all * sizeof *first) == 0;
    int64_t e = 0, at = 0;
    for (int i = 0; i < kinds; i++) {
        tn_tensor *t = tn_dict_get(edge_index, m->kinds.edge[i].name);
        if (t && (tn_ndim(t) != 2 || tn_size(t, 0) != 2)) return tn_error_set(TN_ERR_SHAPE, "%s: %s is %s, not [2, edges]", who, m->kinds.edge[i].name, tn_graph__shape(t).text), (tn_tensor *)NULL;
        same = same && m->of[i] == t && (!t || tn_version_of(t) == m->version[i]);
        e += t ? tn_size(t, 1) : 0;
    }
    if (same) return m->index;
    tn_graph__hgt_drop(m);
    int64_t *to = (int64_t *)tn_graph__alloc(who, 2 * e, sizeof *to);
    tn_device device = {TN_CPU, 0};
    bool ok = to != NULL;
    for (int i = 0; ok && i < kinds; i++) {
        const tn_graph__edge_kind *k = &m->kinds.edge[i];
        tn_tensor *t = tn_dict_get(edge_index, k->name);
        const int64_t *v = t ? tn_graph__longs(who, k->name, t, 2) : NULL, n = v ? tn_size(t, 1) : 0;
        ok = !t || v;
        if (v) device = tn_get_device(t);
        for (int64_t j = 0; ok && j < n; j++, at++) {
            ok = v[j] >= 0 && v[j] < rows[k->src] && v[n + j] >= 0 && v[n + j] < rows[k->dst];
            if (!ok) tn_error_set(TN_ERR_INDEX, "%s: edge %lld of %s goes from %lld of %lld to %lld of %lld", who, (long long)j, k->name, (long long)v[j], (long long)rows[k->src], (long long)v[n + j], (long long)rows[k->dst]);
            to[at] = first[i] + v[j], to[e + at] = first[kinds + k->dst] + v[n + j];
        }
    }
    tn_tensor *made = ok ? tn_graph__indices(to, 2, e, device) : NULL;
    free(to);
    if (!made) return NULL;
    m->index = (tn_tensor *)tn_retain(made);
    memcpy(m->first, first, (size_t)all * sizeof *first);
    for (int i = 0; i < kinds; i++) {
        tn_tensor *t = tn_dict_get(edge_index, m->kinds.edge[i].name);
        if (t) m->of[i] = (tn_tensor *)tn_retain(t), m->version[i] = tn_version_of(t);
    }
    return m->index;
}
/* Sources' keys or values under each kind of edges' weights, [sources, heads, width]. */
static tn_tensor *tn_graph__hgt_sources(const tn_graph__hgt *m, tn_dict *edge_index, tn_tensor *const *node, tn_tensor *weight, bool keys) {
    const int64_t width = m->out / m->heads, shape[4] = {m->heads, m->kinds.edges, width, width};
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("tn_gnn_hgt_forward", m->kinds.edges, sizeof *part), *y = NULL, *w = tn_reshape(weight, shape, 4);
    char name[512];
    int n = 0;
    bool ok = part != NULL;
    for (int i = 0; ok && i < m->kinds.edges; i++) {
        const tn_graph__edge_kind *k = &m->kinds.edge[i];
        if (!tn_dict_get(edge_index, k->name)) continue;
        tn_tensor *t = tn_graph__stacked(node[k->src], tn_select(w, 1, i));
        (void)snprintf(name, sizeof name, "p_rel.%s", k->name);
        if (keys) t = tn_mul(t, tn_unsqueeze(tn_div(tn_module_get((tn_module *)(uintptr_t)&m->base, name), tn_arg_f(sqrt((double)width))), -1));
        ok = (part[n++] = t) != NULL;
    }
    if (ok) y = tn_cat(part, n, 0);
    free(part);
    return y;
}
typedef struct { tn_tensor **x, **k, **q, **v; int64_t *rows, *first; } tn_graph__hgt_room;
/* Keys, queries and values of nodes; where each kind's stand. */
static bool tn_graph__hgt_nodes(const tn_graph__hgt *m, tn_dict *x, tn_dict *edge_index, tn_graph__hgt_room *r) {
    const int64_t f = m->out, width = f / m->heads;
    int64_t source = 0, target = 0;
    for (int i = 0; i < m->kinds.nodes; i++) {
        r->x[i] = tn_dict_get(x, m->kinds.node[i]);
        tn_tensor *kqv = r->x[i] ? tn_forward(tn_module_at(m->kqv, i), r->x[i]) : NULL;
        if (r->x[i] && !kqv) return false;
        r->first[m->kinds.edges + i] = target;
        target += r->rows[i] = kqv ? tn_size(kqv, 0) : 0;
        for (int j = 0; kqv && j < 3; j++) {
            tn_tensor *t = tn_graph__rows_of(tn_narrow(kqv, 1, j * f, f), r->rows[i], m->heads, width);
            if (!t) return false;
            if (j == 0) r->k[i] = t;
            else if (j == 1) r->q[i] = t;
            else r->v[i] = t;
        }
    }
    for (int i = 0; i < m->kinds.edges; i++) {
        const tn_graph__edge_kind *k = &m->kinds.edge[i];
        const bool given = tn_dict_get(edge_index, k->name) != NULL;
        if (given && (!r->x[k->src] || !r->x[k->dst])) return tn_error_set(TN_ERR_INVALID, "tn_gnn_hgt_forward: x has not both ends of %s", k->name), false;
        r->first[i] = source;
        source += given ? r->rows[k->src] : 0;
    }
    return source > 0 || (tn_error_set(TN_ERR_INVALID, "tn_gnn_hgt_forward: no edges, or no nodes that they come from"), false);
}
static tn_tensor *tn_graph__cat_some(tn_tensor *const *t, int n) { /* of those that are there */
    tn_tensor **some = (tn_tensor **)tn_graph__alloc("tn_gnn_hgt_forward", n, sizeof *some), *y = NULL;
    int count = 0;
    for (int i = 0; some && i < n; i++)
        if (t[i]) some[count++] = t[i];
    if (some) y = tn_cat(some, count, 0);
    free(some);
    return y;
}
static bool tn_graph__hgt_run(tn_graph__hgt *m, tn_dict *x, tn_dict *edge_index, const tn_graph__hgt_room *r, tn_dict *out) {
    tn_gnn_edges e;
    char name[512];
    memset(&e, 0, sizeof e);
    tn_tensor *keys = tn_graph__hgt_sources(m, edge_index, r->k, m->k_rel, true);
    e.x = tn_graph__hgt_sources(m, edge_index, r->v, m->v_rel, false), e.x_dst = tn_graph__cat_some(r->q, m->kinds.nodes);
    e.edge_index = e.x && e.x_dst ? tn_graph__hgt_index(m, edge_index, r->first, r->rows) : NULL;
    if (!keys || !e.edge_index || !(e.edge_attr = tn_gnn_edge_softmax(&e, tn_gnn_edge_dot(&e, e.x_dst, keys)))) return false;
    tn_tensor *y = tn_graph__rows_of(tn_gnn_propagate(&e, NULL), tn_size(e.x_dst, 0), m->out, 0);
    for (int i = 0; y && i < m->kinds.nodes; i++) {
        bool target = false;
        for (int k = 0; k < m->kinds.edges; k++) target = target || m->kinds.edge[k].dst == i;
        if (!target || !r->x[i]) continue;
        tn_tensor *t = tn_forward(tn_module_at(m->out_lin, i), tn_gelu(tn_narrow(y, 0, r->first[m->kinds.edges + i], r->rows[i]), TN_GELU_NONE));
        (void)snprintf(name, sizeof name, "skip.%s", m->kinds.node[i]);
        if (t && tn_size(r->x[i], -1) == m->out) t = tn_lerp(r->x[i], t, tn_sigmoid(tn_module_get(&m->base, name)));
        if (tn_dict_set(out, m->kinds.node[i], t) != TN_OK) return false;
    }
    (void)x;
    return y != NULL;
}
TN_API tn_dict *tn_gnn_hgt_forward(tn_module *module, tn_dict *x, tn_dict *edge_index) {
    const char *who = "tn_gnn_hgt_forward";
    if (!tn_graph__hetero_ready(who, module, tn_graph__hgt_forward, x, edge_index)) return NULL;
    tn_graph__hgt *m = (tn_graph__hgt *)module;
    const int nodes = m->kinds.nodes;
    tn_scope s = tn_scope_open();
    tn_dict *out = tn_dict_new();
    tn_tensor **room = (tn_tensor **)tn_graph__alloc(who, 4 * nodes, sizeof *room);
    int64_t *numbers = (int64_t *)tn_graph__alloc(who, 2 * nodes + m->kinds.edges, sizeof *numbers);
    bool ok = out && room && numbers;
    if (ok) {
        const tn_graph__hgt_room r = {room, room + nodes, room + 2 * nodes, room + 3 * nodes, numbers, numbers + nodes};
        tn_graph__hgt_room mine = r;
        ok = tn_graph__hgt_nodes(m, x, edge_index, &mine) && tn_graph__hgt_run(m, x, edge_index, &r, out);
    }
    free(room), free(numbers);
    return tn_graph__give_dict(&s, out, ok);
}
/* For each kind of nodes a linear layer, or of nodes or edges a parameter of one value. */
static tn_module *tn_graph__hetero_linears(const tn_graph__kinds *k, const int64_t *in, int64_t in_all, int64_t out) {
    tn_module **lin = (tn_module **)tn_graph__alloc("tn_gnn_linear", k->nodes, sizeof *lin), *dict = NULL;
    for (int i = 0; lin && i < k->nodes; i++) lin[i] = tn_gnn_linear(in ? in[i] : in_all, out, NULL);
    if (lin) dict = tn_nn_module_dict((const char *const *)(void *)k->node, lin, k->nodes);
    free(lin);
    return dict;
}
typedef struct { tn_module base; tn_module *lins; } tn_graph__dict_linear;
static tn_module *tn_graph__dict_linear_new(tn_module *lins) {
    tn_module *m = tn_module_new(sizeof(tn_graph__dict_linear), "HeteroDictLinear", tn_graph__only_forward);
    return m ? (void)tn_module_child(m, "lins", lins), m : NULL;
}
static tn_module *tn_graph__parameters(char *const *names, const tn_graph__edge_kind *edges, int n, const int64_t *shape, int ndim) {
    const char **name = (const char **)tn_graph__alloc("tn_gnn_hgt_conv", n, sizeof *name);
    tn_tensor **t = (tn_tensor **)tn_graph__alloc("tn_gnn_hgt_conv", n, sizeof *t);
    tn_module *m = NULL;
    for (int i = 0; name && t && i < n; i++) name[i] = edges ? edges[i].name : names[i], t[i] = tn_ones(shape, ndim, NULL);
    if (name && t) m = tn_nn_parameter_dict(name, t, n);
    free((void *)(uintptr_t)name), free(t);
    return m;
}
static tn_module *tn_graph__rel_new(const char *name, tn_module *m, int64_t types, int64_t width, tn_tensor **weight) {
    tn_module *rel = tn_module_new(sizeof(tn_module), "HeteroLinear", tn_graph__only_forward);
    *weight = tn_graph__param(rel, "weight", types, width, width, 0);
    return tn_module_child(m, name, rel);
}
static tn_status tn_graph__rel_init(tn_module *self) { /* as linear layers */
    tn_tensor *w = tn_module_get(self, "weight");
    const double bound = w ? 1 / sqrt((double)tn_size(w, 1)) : 0;
    return tn_init_uniform_(w, -bound, bound, NULL) ? TN_OK : tn_error_code();
}
TN_API tn_module *tn_gnn_hgt_conv(const tn_gnn_metadata *metadata, int64_t out_channels, int64_t heads) {
    static const int64_t one = 1;
    const char *who = "tn_gnn_hgt_conv";
    if (heads == 0) heads = 1;
    const int64_t each[2] = {1, heads};
    if (!tn_graph__channels(who, out_channels, heads)) return NULL;
    if (out_channels % heads) return tn_error_set(TN_ERR_INVALID, "%s: %lld heads of %lld channels", who, (long long)heads, (long long)out_channels), (tn_module *)NULL;
    tn_graph__hgt *m = (tn_graph__hgt *)tn_module_new(sizeof *m, "HGTConv", tn_graph__hgt_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hgt_free);
    if (!tn_graph__kinds_read(&m->kinds, who, metadata)) return NULL;
    const tn_graph__kinds *k = &m->kinds;
    m->out = out_channels, m->heads = heads;
    m->of = (tn_tensor **)tn_graph__alloc(who, k->edges, sizeof *m->of), m->version = (int64_t *)tn_graph__alloc(who, k->edges, sizeof *m->version);
    m->first = (int64_t *)tn_graph__alloc(who, k->edges + k->nodes, sizeof *m->first);
    if (!m->of || !m->version || !m->first) return NULL;
    m->kqv = tn_graph__hetero_linears(k, metadata->in_channels, 0, 3 * out_channels), m->out_lin = tn_graph__hetero_linears(k, NULL, out_channels, out_channels);
    (void)tn_module_child(&m->base, "kqv_lin", tn_graph__dict_linear_new(m->kqv));
    (void)tn_module_child(&m->base, "out_lin", tn_graph__dict_linear_new(m->out_lin));
    tn_module *k_rel = tn_graph__rel_new("k_rel", &m->base, heads * k->edges, out_channels / heads, &m->k_rel);
    tn_module *v_rel = tn_graph__rel_new("v_rel", &m->base, heads * k->edges, out_channels / heads, &m->v_rel);
    (void)tn_module_child(&m->base, "skip", tn_graph__parameters(k->node, NULL, k->nodes, &one, 1));
    (void)tn_module_child(&m->base, "p_rel", tn_graph__parameters(NULL, k->edge, k->edges, each, 2));
    if (!k_rel || !v_rel || tn_module_init(k_rel, tn_graph__rel_init) != TN_OK || tn_module_init(v_rel, tn_graph__rel_init) != TN_OK) return NULL;
    return tn_graph__ready(&m->base);
}

/* HAN. */
typedef struct { tn_module base; tn_graph__kinds kinds; tn_gnn_han_opts o; int64_t out; tn_module *k_lin, *proj; tn_tensor *q; } tn_graph__han;
static void tn_graph__han_free(tn_module *self) { tn_graph__kinds_free(&((tn_graph__han *)self)->kinds); }
static tn_tensor *tn_graph__han_forward(tn_module *self, tn_tensor *const *in, int n) { return tn_graph__only_forward(self, in, n); }
/* A node's number for one end of a kind of edges, [nodes, heads]. */
static tn_tensor *tn_graph__han_score(tn_graph__han *m, const char *end, const tn_graph__edge_kind *k, tn_tensor *x) {
    char name[512];
    (void)snprintf(name, sizeof name, "%s.%s", end, k->name);
    return tn_graph__sum_over(tn_mul(x, tn_module_get(&m->base, name)), -1);
}
static tn_tensor *tn_graph__han_edges(tn_graph__han *m, const tn_graph__edge_kind *k, tn_tensor *edge_index, tn_tensor *const *x) {
    tn_gnn_edges e;
    memset(&e, 0, sizeof e);
    e.edge_index = edge_index, e.x = x[k->src], e.x_dst = x[k->dst];
    if (!e.x || !e.x_dst) return tn_error_set(TN_ERR_INVALID, "tn_gnn_han_forward: x has not both ends of %s", k->name), (tn_tensor *)NULL;
    tn_tensor *score = tn_add(tn_gnn_x_j(&e, tn_graph__han_score(m, "lin_src", k, e.x)), tn_gnn_x_i(&e, tn_graph__han_score(m, "lin_dst", k, e.x_dst)));
    tn_tensor *alpha = tn_gnn_edge_softmax(&e, tn_leaky_relu(score, m->o.negative_slope));
    if (alpha && m->o.dropout > 0) alpha = tn_dropout(alpha, m->o.dropout, tn_module_training(&m->base));
    if (!(e.edge_attr = alpha)) return NULL;
    return tn_relu(tn_graph__rows_of(tn_gnn_propagate(&e, NULL), tn_size(e.x_dst, 0), m->out, 0));
}
/* n results for one kind of nodes, weighed by attention to their means. */
static tn_tensor *tn_graph__han_group(tn_graph__han *m, tn_tensor *const *result, int n) {
    const int64_t wide[3] = {n, 1, 1};
    tn_tensor *all = tn_stack(result, n, 0);
    if (!all || tn_numel(all) == 0) return all ? tn_select(all, 0, 0) : NULL;
    tn_tensor *score = tn_graph__sum_over(tn_mul(m->q, tn_graph__mean_over(tn_tanh(tn_forward(m->k_lin, all)), 1)), -1);
    return tn_graph__sum_over(tn_mul(tn_reshape(tn_softmax(score, 0, TN_DTYPE_DEFAULT), wide, 3), all), 0);
}
TN_API tn_dict *tn_gnn_han_forward(tn_module *module, tn_dict *x, tn_dict *edge_index) {
    const char *who = "tn_gnn_han_forward";
    if (!tn_graph__hetero_ready(who, module, tn_graph__han_forward, x, edge_index)) return NULL;
    tn_graph__han *m = (tn_graph__han *)module;
    const tn_graph__kinds *k = &m->kinds;
    tn_scope s = tn_scope_open();
    tn_dict *out = tn_dict_new();
    tn_tensor **node = (tn_tensor **)tn_graph__alloc(who, k->nodes, sizeof *node), **result = (tn_tensor **)tn_graph__alloc(who, k->edges, sizeof *result);
    bool ok = out && node && result;
    for (int i = 0; ok && i < k->nodes; i++) {
        tn_tensor *given = tn_dict_get(x, k->node[i]), *h = given ? tn_forward(tn_module_at(m->proj, i), given) : NULL;
        if (given) ok = (node[i] = h ? tn_graph__rows_of(h, tn_size(h, 0), m->o.heads, m->out / m->o.heads) : NULL) != NULL;
    }
    for (int i = 0; ok && i < k->nodes; i++) {
        int n = 0;
        for (int j = 0; ok && j < k->edges; j++) {
            tn_tensor *index = k->edge[j].dst == i ? tn_dict_get(edge_index, k->edge[j].name) : NULL;
            if (index) ok = (result[n++] = tn_graph__han_edges(m, &k->edge[j], index, node)) != NULL;
        }
        if (ok && n) ok = tn_dict_set(out, k->node[i], tn_graph__han_group(m, result, n)) == TN_OK;
    }
    free(node), free(result);
    return tn_graph__give_dict(&s, out, ok);
}
static tn_status tn_graph__han_init(tn_module *self) {
    const tn_graph__han *m = (const tn_graph__han *)self;
    const double wide = (double)(m->out / m->o.heads), bound = sqrt(6 / (wide + (double)m->o.heads));
    static const char *const ends[2] = {"lin_src", "lin_dst"};
    for (int i = 0; i < 2 * m->kinds.edges; i++) {
        char name[512];
        (void)snprintf(name, sizeof name, "%s.%s", ends[i / m->kinds.edges], m->kinds.edge[i % m->kinds.edges].name);
        if (!tn_init_uniform_(tn_module_get(self, name), -bound, bound, NULL)) return tn_error_code();
    }
    return TN_OK;
}
TN_API tn_module *tn_gnn_han_conv(const tn_gnn_metadata *metadata, int64_t out_channels, const tn_gnn_han_opts *opts) {
    const char *who = "tn_gnn_han_conv";
    TN_GRAPH__OPTS(tn_gnn_han_opts);
    if (o.heads == 0) o.heads = 1;
    if (o.negative_slope == 0) o.negative_slope = 0.2;
    if (!tn_graph__channels(who, out_channels, o.heads) || !tn_graph__chance(who, o.dropout)) return NULL;
    if (out_channels % o.heads) return tn_error_set(TN_ERR_INVALID, "%s: %lld heads of %lld channels", who, (long long)o.heads, (long long)out_channels), (tn_module *)NULL;
    const int64_t each[3] = {1, o.heads, out_channels / o.heads};
    tn_graph__han *m = (tn_graph__han *)tn_module_new(sizeof *m, "HANConv", tn_graph__han_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__han_free);
    if (!tn_graph__kinds_read(&m->kinds, who, metadata)) return NULL;
    m->o = o, m->out = out_channels;
    m->q = tn_graph__param(&m->base, "q", 1, out_channels, 0, 0);
    m->k_lin = tn_module_child(&m->base, "k_lin", tn_nn_linear(out_channels, out_channels, NULL));
    m->proj = tn_module_child(&m->base, "proj", tn_graph__hetero_linears(&m->kinds, metadata->in_channels, 0, out_channels));
    (void)tn_module_child(&m->base, "lin_src", tn_graph__parameters(NULL, m->kinds.edge, m->kinds.edges, each, 3));
    (void)tn_module_child(&m->base, "lin_dst", tn_graph__parameters(NULL, m->kinds.edge, m->kinds.edges, each, 3));
    if (!tn_graph__ready(&m->base)) return NULL;
    return tn_module_init(&m->base, tn_graph__han_init) == TN_OK ? &m->base : NULL;
}

/* HeteroConv. */
typedef struct { tn_module base; tn_graph__kinds kinds; tn_graph__aggr aggr; tn_module *convs; } tn_graph__hetero;
static void tn_graph__hetero_free(tn_module *self) { tn_graph__kinds_free(&((tn_graph__hetero *)self)->kinds); }
static tn_tensor *tn_graph__hetero_forward(tn_module *self, tn_tensor *const *in, int n) { return tn_graph__only_forward(self, in, n); }
static tn_tensor *tn_graph__hetero_group(tn_graph__aggr aggr, tn_tensor *const *result, int n) {
    if (aggr == TN_GRAPH__STACK) return tn_stack(result, n, 1);
    if (n == 1) return result[0];
    if (aggr == TN_GRAPH__CAT) return tn_cat(result, n, -1);
    tn_tensor *all = tn_stack(result, n, 0);
    const tn_reduce_opts first = tn_graph__over(0);
    if (aggr == TN_GRAPH__MEAN) return tn_mean(all, &first);
    if (aggr == TN_GRAPH__MUL) return tn_prod(all, &first);
    return aggr == TN_GRAPH__SUM ? tn_sum(all, &first) : aggr == TN_GRAPH__MAX ? tn_max_dim(all, 0, false).values : tn_min_dim(all, 0, false).values;
}
static tn_tensor *tn_graph__hetero_edges(const tn_graph__hetero *m, int i, tn_dict *x, tn_tensor *edge_index, tn_dict *edge_attr) {
    const tn_graph__edge_kind *k = &m->kinds.edge[i];
    tn_tensor *in[4] = {tn_dict_get(x, m->kinds.node[k->src]), NULL, NULL, NULL}, *dst = tn_dict_get(x, m->kinds.node[k->dst]), *attr = edge_attr ? tn_dict_get(edge_attr, k->name) : NULL;
    int n = 1;
    if (!in[0] || !dst) return tn_error_set(TN_ERR_INVALID, "tn_gnn_hetero_forward: x has not both ends of %s", k->name), (tn_tensor *)NULL;
    if (k->src != k->dst) in[n++] = dst;
    in[n++] = edge_index;
    if (attr) in[n++] = attr;
    return tn_call(tn_module_at(m->convs, i), in, n);
}
TN_API tn_dict *tn_gnn_hetero_forward(tn_module *module, tn_dict *x, tn_dict *edge_index, tn_dict *edge_attr) {
    const char *who = "tn_gnn_hetero_forward";
    if (!tn_graph__hetero_ready(who, module, tn_graph__hetero_forward, x, edge_index)) return NULL;
    const tn_graph__hetero *m = (const tn_graph__hetero *)module;
    const tn_graph__kinds *k = &m->kinds;
    tn_scope s = tn_scope_open();
    tn_dict *out = tn_dict_new();
    tn_tensor **result = (tn_tensor **)tn_graph__alloc(who, k->edges, sizeof *result);
    bool ok = out && result;
    for (int i = 0; ok && i < k->nodes; i++) {
        int n = 0;
        for (int j = 0; ok && j < k->edges; j++) {
            tn_tensor *index = k->edge[j].dst == i ? tn_dict_get(edge_index, k->edge[j].name) : NULL;
            if (index) ok = (result[n++] = tn_graph__hetero_edges(m, j, x, index, edge_attr)) != NULL;
        }
        if (ok && n) ok = tn_dict_set(out, k->node[i], tn_graph__hetero_group(m->aggr, result, n)) == TN_OK;
    }
    free(result);
    return tn_graph__give_dict(&s, out, ok);
}
/* PyG's name of a kind of edges in a state: "<author___writes___paper>". */
static bool tn_graph__hetero_name(const char *name, char *to, size_t size) {
    const char *first = strstr(name, "__"), *last = first;
    for (const char *at = first; at; at = strstr(at + 1, "__")) last = at;
    return snprintf(to, size, "<%.*s___%.*s___%s>", (int)(first - name), name, (int)(last - first - 2), first + 2, last + 2) < (int)size;
}
TN_API tn_module *tn_gnn_hetero_conv(const char *const *edge_types, tn_module *const *convs, int n, const char *aggr) {
    const char *who = "tn_gnn_hetero_conv";
    const tn_graph__aggr kind = tn_graph__aggr_named(who, aggr, TN_GRAPH__SUM, 12);
    if (kind == TN_GRAPH__NO_AGGR) return NULL;
    if (n < 1 || !edge_types || !convs || (kind >= TN_GRAPH__STD && kind < TN_GRAPH__CAT)) return tn_error_set(TN_ERR_INVALID, "%s: %d kinds of edges, aggr %s", who, n, aggr ? aggr : "sum"), (tn_module *)NULL;
    tn_graph__hetero *m = (tn_graph__hetero *)tn_module_new(sizeof *m, "HeteroConv", tn_graph__hetero_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hetero_free);
    m->aggr = kind;
    m->kinds.node = (char **)tn_graph__alloc(who, 2 * n, sizeof *m->kinds.node), m->kinds.edge = (tn_graph__edge_kind *)tn_graph__alloc(who, n, sizeof *m->kinds.edge);
    m->convs = tn_module_child(&m->base, "convs", tn_nn_module_dict(NULL, NULL, 0));
    bool ok = m->kinds.node && m->kinds.edge && m->convs;
    for (int i = 0; ok && i < n; i++) {
        char name[512];
        ok = tn_graph__edge_kind_add(&m->kinds, who, edge_types[i], 2 * n) && (convs[i] || tn_graph__absent(who, edge_types[i]));
        if (ok && !tn_graph__hetero_name(edge_types[i], name, sizeof name)) ok = false, tn_error_set(TN_ERR_INVALID, "%s: the name of kind %d is too long", who, i);
        if (ok) (void)tn_module_child(m->convs, name, convs[i]);
    }
    return ok ? tn_graph__made(&m->base) : NULL;
}

/* ============================================================================================================== */
/* >>aggregate (Private)                                                                                          */
/* ============================================================================================================== */
/* Rows and their groups, as tn_call got them. */
typedef struct { tn_tensor *x, *index; int64_t rows, groups; } tn_graph__groups;

/* The groups' index of sorted rows from where they begin. */
static tn_tensor *tn_graph__from_ptr(const char *who, tn_tensor *ptr, int64_t rows) {
    const int64_t *p = tn_graph__longs(who, "ptr", ptr, 1), n = ptr ? tn_size(ptr, 0) - 1 : 0;
    bool ok = p && n >= 0 && p[0] == 0 && p[n] == rows;
    if (!p) return NULL;
    for (int64_t i = 0; ok && i < n; i++) ok = p[i] <= p[i + 1];
    if (!ok) return tn_error_set(TN_ERR_INVALID, "%s: ptr does not go from 0 up to the %lld rows", who, (long long)rows), (tn_tensor *)NULL;
    int64_t *index = (int64_t *)tn_graph__alloc(who, rows, sizeof *index);
    if (!index) return NULL;
    for (int64_t g = 0; g < n; g++)
        for (int64_t i = p[g]; i < p[g + 1]; i++) index[i] = g;
    tn_tensor *r = tn_graph__indices(index, 0, rows, tn_get_device(ptr));
    free(index);
    return r;
}
/* Reads (x, index, ptr, size), all but x optional. dims: how many x has to have. */
static bool tn_graph__grouped(const char *who, tn_tensor *x, tn_tensor *index, tn_tensor *ptr, tn_tensor *size, int dims, tn_graph__groups *g) {
    if (!x) return tn_graph__absent(who, "x");
    if (tn_ndim(x) != dims) return tn_error_set(TN_ERR_SHAPE, "%s: x is %s, not of %d dims", who, tn_graph__shape(x).text, dims), false;
    g->x = x, g->rows = tn_size(x, 0), g->groups = 1;
    if (!index && ptr) {
        g->index = tn_graph__from_ptr(who, ptr, g->rows);
        g->groups = tn_size(ptr, 0) - 1;
        return g->index != NULL;
    }
    g->index = index;
    if (!index) {
        tn_tensor_opts o;
        memset(&o, 0, sizeof o);
        o.dtype = TN_I64;
        g->index = tn_to(tn_zeros(&g->rows, 1, &o), tn_get_device(x));
    } else if (tn_get_dtype(index) != TN_I64 && tn_get_dtype(index) != TN_I32) {
        return tn_error_set(TN_ERR_DTYPE, "%s: index is %s, not int64 or int32", who, tn_dtype_name(tn_get_dtype(index))), false;
    } else if (tn_ndim(index) != 1 || tn_size(index, 0) != g->rows) {
        return tn_error_set(TN_ERR_SHAPE, "%s: index is %s for x %s", who, tn_graph__shape(index).text, tn_graph__shape(x).text), false;
    }
    if (size) g->groups = tn_item_i64(size);
    else if (index) {
        tn_tensor *most = g->rows ? tn_max(index) : NULL;
        if (g->rows && !most) return false;
        g->groups = most ? tn_item_i64(most) + 1 : 0;
    }
    if (g->groups < 0) return tn_error_set(TN_ERR_INDEX, "%s: %lld groups", who, (long long)g->groups), false;
    return g->index != NULL;
}
static bool tn_graph__aggr_in(tn_module *self, tn_tensor *const *in, int n, tn_graph__groups *g) {
    return tn_graph__grouped(self->kind, n > 0 ? in[0] : NULL, n > 1 ? in[1] : NULL, n > 2 ? in[2] : NULL, n > 3 ? in[3] : NULL, 2, g);
}
static tn_tensor *tn_graph__reduce(const tn_graph__groups *g, tn_tensor *x, tn_reduction_kind kind) {
    return tn_gnn_scatter(x, g->index, g->groups, kind);
}
static tn_tensor *tn_graph__softmax(const tn_graph__groups *g, tn_tensor *x) { return tn_gnn_softmax(x, g->index, g->groups); }
/* How many rows each group has, [groups, 1] of x's dtype. */
static tn_tensor *tn_graph__group_sizes(const tn_graph__groups *g) {
    return tn_unsqueeze(tn_gnn_degree(g->index, g->groups, tn_get_dtype(g->x)), 1);
}

typedef struct { tn_module base; tn_reduction_kind kind; } tn_graph__aggr_basic;
static tn_tensor *tn_graph__aggr_basic_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__groups g;
    return tn_graph__aggr_in(self, in, n, &g) ? tn_graph__reduce(&g, g.x, ((tn_graph__aggr_basic *)self)->kind) : NULL;
}
static tn_module *tn_graph__aggr_basic_new(const char *name, tn_reduction_kind kind) {
    tn_graph__aggr_basic *m = (tn_graph__aggr_basic *)tn_module_new(sizeof *m, name, tn_graph__aggr_basic_forward);
    if (m) m->kind = kind;
    return (tn_module *)m;
}
TN_API tn_module *tn_gnn_sum_aggregation(void) { return tn_graph__aggr_basic_new("SumAggregation", TN_REDUCE_SUM); }
TN_API tn_module *tn_gnn_mean_aggregation(void) { return tn_graph__aggr_basic_new("MeanAggregation", TN_REDUCE_MEAN); }
TN_API tn_module *tn_gnn_max_aggregation(void) { return tn_graph__aggr_basic_new("MaxAggregation", TN_REDUCE_AMAX); }
TN_API tn_module *tn_gnn_min_aggregation(void) { return tn_graph__aggr_basic_new("MinAggregation", TN_REDUCE_AMIN); }
TN_API tn_module *tn_gnn_mul_aggregation(void) { return tn_graph__aggr_basic_new("MulAggregation", TN_REDUCE_PROD); }

typedef struct { tn_module base; bool semi_grad, root; } tn_graph__aggr_var;
static tn_tensor *tn_graph__aggr_var_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_var *m = (const tn_graph__aggr_var *)self;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    tn_tensor *mean = tn_graph__reduce(&g, g.x, TN_REDUCE_MEAN), *x = m->semi_grad ? tn_detach(g.x) : g.x;
    tn_tensor *var = tn_sub(tn_graph__reduce(&g, tn_mul(x, x), TN_REDUCE_MEAN), tn_mul(mean, mean));
    if (!m->root) return var;
    tn_tensor *std = tn_sqrt(tn_graph__at_least(var, 1e-5)); /* the root has no gradient at 0 */
    return tn_masked_fill(std, tn_le(std, tn_arg_f(sqrt(1e-5))), tn_arg_f(0));
}
static tn_module *tn_graph__aggr_var_new(const char *name, bool semi_grad, bool root) {
    tn_graph__aggr_var *m = (tn_graph__aggr_var *)tn_module_new(sizeof *m, name, tn_graph__aggr_var_forward);
    if (m) m->semi_grad = semi_grad, m->root = root;
    return (tn_module *)m;
}
TN_API tn_module *tn_gnn_var_aggregation(bool semi_grad) { return tn_graph__aggr_var_new("VarAggregation", semi_grad, false); }
TN_API tn_module *tn_gnn_std_aggregation(bool semi_grad) { return tn_graph__aggr_var_new("StdAggregation", semi_grad, true); }

/* Softmax's t and the power mean's p: a number, or a parameter [channels]. */
typedef struct { tn_module base; double v; tn_tensor *learned; bool semi_grad; double min, max; } tn_graph__aggr_power;
static tn_module *tn_graph__aggr_power_new(const char *kind, const char *name, tn_forward_fn forward, double v, bool learn, int64_t channels) {
    if (channels == 0) channels = 1;
    if (channels < 1 || (channels > 1 && !learn))
        return tn_error_set(TN_ERR_INVALID, "%s: %lld channels, learn is %s", kind, (long long)channels, learn ? "true" : "false"), (tn_module *)NULL;
    tn_graph__aggr_power *m = (tn_graph__aggr_power *)tn_module_new(sizeof *m, kind, forward);
    if (!m) return NULL;
    m->v = tn_graph__or(v, 1);
    if (learn) m->learned = tn_module_param(&m->base, name, tn_full(&channels, 1, m->v, NULL));
    return &m->base;
}
static tn_tensor *tn_graph__aggr_softmax_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_power *m = (const tn_graph__aggr_power *)self;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    tn_tensor *alpha = m->learned ? tn_mul(g.x, m->learned) : m->v != 1 ? tn_mul(g.x, tn_arg_f(m->v)) : g.x;
    alpha = tn_graph__softmax(&g, m->semi_grad ? tn_detach(alpha) : alpha);
    return tn_graph__reduce(&g, tn_mul(g.x, alpha), TN_REDUCE_SUM);
}
TN_API tn_module *tn_gnn_softmax_aggregation(const tn_gnn_softmax_aggregation_opts *opts) {
    const tn_gnn_softmax_aggregation_opts usual = {0, false, false, 0}, *o = opts ? opts : &usual;
    if (o->learn && o->semi_grad) return tn_error_set(TN_ERR_INVALID, "tn_gnn_softmax_aggregation: semi_grad goes without learn"), (tn_module *)NULL;
    tn_module *m = tn_graph__aggr_power_new("SoftmaxAggregation", "t", tn_graph__aggr_softmax_forward, o->t, o->learn, o->channels);
    if (m) ((tn_graph__aggr_power *)m)->semi_grad = o->semi_grad;
    return m;
}
static tn_tensor *tn_graph__aggr_power_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_power *m = (const tn_graph__aggr_power *)self;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    if (!m->learned && m->v == 1) return tn_graph__reduce(&g, g.x, TN_REDUCE_MEAN);
    tn_tensor *p = m->learned ? m->learned : tn_arg_f(m->v), *min = tn_arg_f(m->min), *max = tn_arg_f(m->max);
    tn_tensor *mean = tn_graph__reduce(&g, tn_pow(tn_clamp(g.x, min, max), p), TN_REDUCE_MEAN);
    return tn_pow(tn_clamp(mean, min, max), m->learned ? tn_reciprocal(p) : tn_arg_f(1 / m->v));
}
TN_API tn_module *tn_gnn_power_mean_aggregation(const tn_gnn_power_mean_aggregation_opts *opts) {
    const tn_gnn_power_mean_aggregation_opts usual = {0, false, 0, 0, 0}, *o = opts ? opts : &usual;
    tn_module *m = tn_graph__aggr_power_new("PowerMeanAggregation", "p", tn_graph__aggr_power_forward, o->p, o->learn, o->channels);
    if (!m) return NULL;
    ((tn_graph__aggr_power *)m)->min = tn_graph__or(o->clamp_min, 1e-4), ((tn_graph__aggr_power *)m)->max = tn_graph__or(o->clamp_max, 100);
    return m;
}

typedef struct { tn_module base; tn_tensor *q; tn_gnn_quantile_opts opts; } tn_graph__aggr_quantile;
/* For each group and quantile (n of them) the two neighbours (low: the nearest one) among the sorted rows, how far between them it is,
   and whether the group is empty. */
static bool tn_graph__quantile_points(const char *who, const tn_graph__groups *g, const double *q, int64_t n, bool nearest, int64_t *low, int64_t *high,
                                      double *part, unsigned char *empty) {
    const int64_t *index = tn_graph__longs(who, "index", g->index, 1);
    int64_t *count = index ? (int64_t *)tn_graph__alloc(who, g->groups, sizeof *count) : NULL, first = 0;
    if (!count) return false;
    for (int64_t i = 0; i < g->rows; i++) {
        if (index[i] >= 0 && index[i] < g->groups) count[index[i]]++;
        else return free(count), tn_error_set(TN_ERR_INDEX, "%s: index has %lld, of %lld groups", who, (long long)index[i], (long long)g->groups), false;
    }
    for (int64_t k = 0; k < g->groups; first += count[k++])
        for (int64_t i = k * n; i < (k + 1) * n; i++) {
            const double at = count[k] ? (double)(float)(q[i - k * n] * (double)(count[k] - 1)) : 0;
            const int64_t start = count[k] ? first : 0; /* of an empty group: any row */
            low[i] = nearest ? (int64_t)rint((double)start + at) : start + (int64_t)floor(at);
            high[i] = start + (int64_t)ceil(at), part[i] = at - floor(at), empty[i] = !count[k];
        }
    free(count);
    return true;
}
/* The rows' numbers in order of (group, value), for each feature. */
static tn_tensor *tn_graph__ranked(const tn_graph__groups *g) {
    tn_tensor *by_value = tn_argsort(tn_detach(g->x), 0, false, true), *group = tn_expand(tn_unsqueeze(g->index, 1), tn_shape(g->x), 2);
    return tn_gather(by_value, 0, tn_argsort(tn_gather(group, 0, by_value), 0, false, true));
}
static tn_tensor *tn_graph__pick(const tn_graph__groups *g, tn_tensor *ranked, const int64_t *at, int64_t n) {
    return tn_gather(g->x, 0, tn_index_select(ranked, 0, tn_graph__indices(at, 0, n, tn_get_device(g->x))));
}
static tn_tensor *tn_graph__quantiles(const tn_graph__groups *g, tn_gnn_interpolation how, int64_t n, const int64_t *low, const int64_t *high,
                                      const double *part) {
    const tn_tensor_opts f64 = {TN_F64, {TN_CPU, 0}, false, NULL};
    const int64_t shape[2] = {n, 1};
    tn_tensor *ranked = tn_graph__ranked(g), *a = how == TN_GNN_HIGHER ? NULL : tn_graph__pick(g, ranked, low, n);
    if (how == TN_GNN_LOWER || how == TN_GNN_NEAREST) return a;
    tn_tensor *b = tn_graph__pick(g, ranked, high, n), *at = tn_to_dtype(tn_to(tn_from(part, shape, 2, &f64), tn_get_device(g->x)), tn_get_dtype(g->x));
    if (how == TN_GNN_HIGHER) return b;
    if (how == TN_GNN_MIDPOINT) return tn_mul(tn_add(a, b), tn_arg_f(0.5));
    return tn_add(a, tn_mul(tn_sub(b, a), at));
}
static tn_tensor *tn_graph__aggr_quantile_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_quantile *m = (const tn_graph__aggr_quantile *)self;
    const tn_device cpu = {TN_CPU, 0};
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    const int64_t nq = tn_size(m->q, 0), all = g.groups * nq, shape[2] = {g.groups, nq * tn_size(g.x, 1)}, lined[2] = {all, 1};
    if (!g.rows) return tn_graph__filled(shape, 2, m->opts.fill_value, g.x);
    const double *q = (const double *)tn_data(tn_contiguous(tn_to(tn_to_dtype(m->q, TN_F64), cpu)));
    int64_t *low = (int64_t *)tn_graph__alloc(self->kind, 2 * all, sizeof *low);
    double *part = (double *)tn_graph__alloc(self->kind, all, sizeof *part);
    unsigned char *empty = (unsigned char *)tn_graph__alloc(self->kind, all, 1);
    tn_tensor *r = NULL;
    const bool nearest = m->opts.interpolation == TN_GNN_NEAREST;
    if (q && low && part && empty && tn_graph__quantile_points(self->kind, &g, q, nq, nearest, low, low + all, part, empty)) {
        r = tn_graph__quantiles(&g, m->opts.interpolation, all, low, low + all, part);
        r = tn_masked_fill(r, tn_reshape(tn_graph__mask(empty, all, tn_get_device(g.x)), lined, 2), tn_arg_f(m->opts.fill_value));
        r = tn_reshape(r, shape, 2);
    }
    free(low), free(part), free(empty);
    return r;
}
static tn_module *tn_graph__aggr_quantile_new(const char *kind, const double *q, int n, tn_gnn_quantile_opts opts) {
    const tn_tensor_opts f64 = {TN_F64, {TN_CPU, 0}, false, NULL};
    const int64_t shape[2] = {n, 1};
    bool ok = q && n > 0;
    for (int i = 0; ok && i < n; i++) ok = q[i] >= 0 && q[i] <= 1;
    if (!ok) return tn_error_set(TN_ERR_INVALID, "%s: %d quantiles, which have to be from 0 to 1", kind, n), (tn_module *)NULL;
    tn_graph__aggr_quantile *m = (tn_graph__aggr_quantile *)tn_module_new(sizeof *m, kind, tn_graph__aggr_quantile_forward);
    if (!m) return NULL;
    m->opts = opts;
    m->q = tn_module_buffer(&m->base, "q", tn_to_dtype(tn_from(q, shape, 2, &f64), tn_get_default_dtype()), false);
    return &m->base;
}
TN_API tn_module *tn_gnn_quantile_aggregation(const double *q, int n, const tn_gnn_quantile_opts *opts) {
    const tn_gnn_quantile_opts usual = {TN_GNN_LINEAR, 0};
    return tn_graph__aggr_quantile_new("QuantileAggregation", q, n, opts ? *opts : usual);
}
TN_API tn_module *tn_gnn_median_aggregation(double fill_value) {
    const tn_gnn_quantile_opts lower = {TN_GNN_LOWER, fill_value};
    const double half = 0.5;
    return tn_graph__aggr_quantile_new("MedianAggregation", &half, 1, lower);
}

typedef struct { tn_module base; int64_t k; } tn_graph__aggr_sort;
/* Each group's first k rows in that order: to their places in [groups k], from their rows; how many, -1 on failure. */
static int64_t tn_graph__first(const tn_graph__groups *g, tn_tensor *order, int64_t k, int64_t *to, int64_t *from) {
    const char *who = "SortAggregation";
    const int64_t *index = tn_graph__longs(who, "index", g->index, 1), *row = tn_graph__longs(who, "order", order, 1);
    int64_t *count = index && row ? (int64_t *)tn_graph__alloc(who, g->groups, sizeof *count) : NULL, m = 0;
    for (int64_t i = 0; count && i < g->rows; i++) {
        const int64_t at = index[row[i]];
        if (at < 0 || at >= g->groups) {
            tn_error_set(TN_ERR_INDEX, "%s: index has %lld, of %lld groups", who, (long long)at, (long long)g->groups);
            return free(count), -1;
        }
        if (count[at] < k) to[m] = at * k + count[at]++, from[m++] = row[i];
    }
    free(count);
    return count ? m : -1;
}
static tn_tensor *tn_graph__aggr_sort_forward(tn_module *self, tn_tensor *const *in, int n) {
    const int64_t k = ((const tn_graph__aggr_sort *)self)->k;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    const int64_t f = tn_size(g.x, 1), rows[2] = {g.groups * k, f}, shape[2] = {g.groups, k * f};
    tn_tensor *order = tn_argsort(tn_select(tn_detach(g.x), 1, f - 1), 0, true, true), *r = NULL;
    int64_t *to = order ? (int64_t *)tn_graph__alloc(self->kind, 2 * g.rows, sizeof *to) : NULL;
    const int64_t m = to ? tn_graph__first(&g, order, k, to, to + g.rows) : -1;
    if (m >= 0) {
        tn_tensor *from = tn_graph__indices(to + g.rows, 0, m, tn_get_device(g.x));
        r = tn_reshape(tn_graph__put_rows(rows, 0, to, m, tn_index_select(g.x, 0, from)), shape, 2);
    }
    free(to);
    return r;
}
TN_API tn_module *tn_gnn_sort_aggregation(int64_t k) {
    if (k < 1) return tn_error_set(TN_ERR_INVALID, "tn_gnn_sort_aggregation: k is %lld", (long long)k), (tn_module *)NULL;
    tn_graph__aggr_sort *m = (tn_graph__aggr_sort *)tn_module_new(sizeof *m, "SortAggregation", tn_graph__aggr_sort_forward);
    if (m) m->k = k;
    return (tn_module *)m;
}

typedef struct { tn_module base; tn_module *lstm; int64_t channels, steps; } tn_graph__aggr_lstm;
static tn_tensor *tn_graph__set2set_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_lstm *m = (const tn_graph__aggr_lstm *)self;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    const int64_t shape[2] = {g.groups, 2 * m->channels}, narrow[2] = {g.groups, m->channels};
    tn_reduce_opts last;
    memset(&last, 0, sizeof last);
    last.dim = -1, last.has_dim = last.keepdim = true;
    tn_rnn_result h = {NULL, NULL, NULL};
    tn_tensor *star = tn_graph__filled(shape, 2, 0, g.x);
    for (int64_t i = 0; i < m->steps && star; i++) {
        h = tn_nn_rnn_forward(m->lstm, tn_unsqueeze(star, 0), h.h_n, h.c_n);
        tn_tensor *q = tn_reshape(h.output, narrow, 2);
        tn_tensor *a = tn_graph__softmax(&g, tn_sum(tn_mul(g.x, tn_index_select(q, 0, g.index)), &last));
        tn_tensor *const both[2] = {q, tn_graph__reduce(&g, tn_mul(a, g.x), TN_REDUCE_SUM)};
        star = both[0] && both[1] ? tn_cat(both, 2, 1) : NULL;
    }
    return star;
}
static tn_status tn_graph__aggr_lstm_init(tn_module *self) { /* PyG draws the LSTM's weights twice */
    const tn_graph__aggr_lstm *m = (const tn_graph__aggr_lstm *)self;
    const double bound = 1 / sqrt((double)m->channels);
    const tn_tensors p = tn_parameters(m->lstm);
    for (int i = 0; i < p.n; i++)
        if (!tn_init_uniform_(p.at[i], -bound, bound, NULL)) return tn_error_code();
    return p.n ? TN_OK : tn_error_code();
}
/* channels: the LSTM's width. */
static tn_module *tn_graph__aggr_lstm_new(const char *kind, tn_forward_fn forward, tn_module *lstm, int64_t channels, int64_t steps) {
    tn_graph__aggr_lstm *m = (tn_graph__aggr_lstm *)tn_module_new(sizeof *m, kind, forward);
    if (!m) return NULL;
    m->lstm = tn_module_child(&m->base, "lstm", lstm);
    m->channels = channels, m->steps = steps;
    return !m->lstm || tn_module_init(&m->base, tn_graph__aggr_lstm_init) == TN_OK ? &m->base : NULL;
}
TN_API tn_module *tn_gnn_set2set(int64_t in_channels, int64_t processing_steps, const tn_rnn_opts *opts) {
    if (processing_steps < 1 || (opts && (opts->bidirectional || opts->batch_first)))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_set2set: %lld steps, of an LSTM of one direction, batch second", (long long)processing_steps),
               (tn_module *)NULL;
    return tn_graph__aggr_lstm_new("Set2Set", tn_graph__set2set_forward, tn_nn_lstm(2 * in_channels, in_channels, opts), in_channels, processing_steps);
}
static tn_tensor *tn_graph__aggr_lstm_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    tn_gnn_dense_opts opts;
    memset(&opts, 0, sizeof opts);
    opts.batch_size = g.groups;
    tn_tensor *x = tn_gnn_to_dense_batch(g.x, g.index, &opts).x;
    return x ? tn_select(tn_nn_rnn_forward(((const tn_graph__aggr_lstm *)self)->lstm, x, NULL, NULL).output, 1, tn_size(x, 1) - 1) : NULL;
}
TN_API tn_module *tn_gnn_lstm_aggregation(int64_t in_channels, int64_t out_channels, const tn_rnn_opts *opts) {
    tn_rnn_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    o.batch_first = true;
    return tn_graph__aggr_lstm_new("LSTMAggregation", tn_graph__aggr_lstm_forward, tn_nn_lstm(in_channels, out_channels, &o), out_channels, 0);
}

typedef struct { tn_module base; tn_module *gate_nn, *nn; } tn_graph__aggr_attention;
static tn_tensor *tn_graph__aggr_attention_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_attention *m = (const tn_graph__aggr_attention *)self;
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    tn_tensor *gate = tn_graph__softmax(&g, tn_forward(m->gate_nn, g.x)), *x = m->nn ? tn_forward(m->nn, g.x) : g.x;
    return tn_graph__reduce(&g, tn_mul(gate, x), TN_REDUCE_SUM);
}
TN_API tn_module *tn_gnn_attentional_aggregation(tn_module *gate_nn, tn_module *nn) {
    tn_graph__aggr_attention *m = (tn_graph__aggr_attention *)tn_module_new(sizeof *m, "AttentionalAggregation", tn_graph__aggr_attention_forward);
    if (!m) return NULL;
    m->gate_nn = tn_module_child(&m->base, "gate_nn", gate_nn);
    if (nn) m->nn = tn_module_child(&m->base, "nn", nn);
    return &m->base;
}

typedef struct { tn_module base; tn_module *aggrs; tn_gnn_combine mode; } tn_graph__aggr_multi;
static tn_tensor *tn_graph__combine(tn_tensor *stacked, tn_gnn_combine mode) {
    tn_reduce_opts first;
    tn_var_opts var;
    memset(&first, 0, sizeof first), memset(&var, 0, sizeof var);
    first.has_dim = var.has_dim = true;
    switch (mode) {
    case TN_GNN_COMBINE_SUM: return tn_sum(stacked, &first);
    case TN_GNN_COMBINE_MEAN: return tn_mean(stacked, &first);
    case TN_GNN_COMBINE_MAX: return tn_max_dim(stacked, 0, false).values;
    case TN_GNN_COMBINE_MIN: return tn_min_dim(stacked, 0, false).values;
    case TN_GNN_COMBINE_STD: return tn_std(stacked, &var);
    case TN_GNN_COMBINE_VAR: return tn_var(stacked, &var);
    default: return tn_logsumexp(stacked, &first);
    }
}
static tn_tensor *tn_graph__aggr_multi_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_multi *m = (const tn_graph__aggr_multi *)self;
    const int count = tn_module_len(m->aggrs);
    tn_tensor **out = (tn_tensor **)tn_graph__alloc(self->kind, count, sizeof *out), *r = NULL;
    bool ok = out != NULL;
    for (int i = 0; ok && i < count; i++) ok = (out[i] = tn_call(tn_module_at(m->aggrs, i), in, n)) != NULL;
    if (ok) r = count == 1 ? out[0] : m->mode == TN_GNN_CAT ? tn_cat(out, count, -1) : tn_graph__combine(tn_stack(out, count, 0), m->mode);
    free(out);
    return r;
}
TN_API tn_module *tn_gnn_multi_aggregation(tn_module *const *aggrs, int n, tn_gnn_combine mode) {
    if (!aggrs || n < 1 || mode < TN_GNN_CAT || mode > TN_GNN_COMBINE_LOGSUMEXP)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_multi_aggregation: %d aggregations, mode %d", n, (int)mode), (tn_module *)NULL;
    tn_graph__aggr_multi *m = (tn_graph__aggr_multi *)tn_module_new(sizeof *m, "MultiAggregation", tn_graph__aggr_multi_forward);
    if (!m) return NULL;
    m->aggrs = tn_module_child(&m->base, "aggrs", tn_nn_module_list(aggrs, n));
    m->mode = mode;
    return &m->base;
}

typedef struct { tn_module base; tn_module *aggr; tn_tensor *lin, *log; tn_gnn_scaler scalers[8]; int n; } tn_graph__aggr_scaler;
static tn_tensor *tn_graph__scaled(const tn_graph__aggr_scaler *m, tn_gnn_scaler scaler, tn_tensor *x, tn_tensor *degree) {
    tn_tensor *one = tn_arg_f(1), *some = tn_graph__at_least(degree, 1); /* no division by 0 */
    switch (scaler) {
    case TN_GNN_AMPLIFICATION: return tn_mul(x, tn_div(tn_log(tn_add(degree, one)), m->log));
    case TN_GNN_ATTENUATION: return tn_mul(x, tn_div(m->log, tn_log(tn_add(some, one))));
    case TN_GNN_SCALE_LINEAR: return tn_mul(x, tn_div(degree, m->lin));
    case TN_GNN_INVERSE_LINEAR: return tn_mul(x, tn_div(m->lin, some));
    default: return x;
    }
}
static tn_tensor *tn_graph__aggr_scaler_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_scaler *m = (const tn_graph__aggr_scaler *)self;
    tn_tensor *out[8];
    tn_graph__groups g;
    if (!tn_graph__aggr_in(self, in, n, &g)) return NULL;
    tn_tensor *x = tn_call(m->aggr, in, n), *degree = x ? tn_graph__group_sizes(&g) : NULL;
    bool ok = degree != NULL;
    for (int i = 0; ok && i < m->n; i++) ok = (out[i] = tn_graph__scaled(m, m->scalers[i], x, degree)) != NULL;
    return ok ? tn_cat(out, m->n, -1) : NULL;
}
/* The average number of rows, and of log(rows + 1), where deg[i] groups have i of them. */
static bool tn_graph__averages(tn_tensor *deg, double *lin, double *log_) {
    const int64_t *d = tn_graph__longs("DegreeScalerAggregation", "deg", deg, 1);
    double all = 0;
    *lin = *log_ = 0;
    for (int64_t i = 0; d && i < tn_size(deg, 0); i++) all += (double)d[i], *lin += (double)(i * d[i]), *log_ += log((double)i + 1) * (double)d[i];
    *lin /= all, *log_ /= all;
    return d != NULL;
}
TN_API tn_module *tn_gnn_degree_scaler_aggregation(tn_module *aggr, const tn_gnn_scaler *scalers, int n, tn_tensor *deg, bool train_norm) {
    double lin, log_;
    const int64_t one = 1;
    if (!scalers || n < 1 || n > 8) return tn_error_set(TN_ERR_INVALID, "tn_gnn_degree_scaler_aggregation: %d scalers, not 1 to 8", n), (tn_module *)NULL;
    tn_scope s = tn_scope_open();
    const bool read = tn_graph__averages(deg, &lin, &log_);
    tn_scope_close(&s);
    tn_graph__aggr_scaler *m = read ? (tn_graph__aggr_scaler *)tn_module_new(sizeof *m, "DegreeScalerAggregation", tn_graph__aggr_scaler_forward) : NULL;
    if (!m) return NULL;
    m->n = n;
    memcpy(m->scalers, scalers, (size_t)n * sizeof *scalers);
    m->aggr = tn_module_child(&m->base, "aggr", aggr);
    tn_tensor *a = tn_full(&one, 1, lin, NULL), *b = tn_full(&one, 1, log_, NULL);
    m->lin = train_norm ? tn_module_param(&m->base, "avg_deg_lin", a) : tn_module_buffer(&m->base, "avg_deg_lin", a, false);
    m->log = train_norm ? tn_module_param(&m->base, "avg_deg_log", b) : tn_module_buffer(&m->base, "avg_deg_log", b, false);
    return &m->base;
}

/* ============================================================================================================== */
/* >>norm (Private)                                                                                               */
/* ============================================================================================================== */
static bool tn_graph__norm_in(tn_module *self, tn_tensor *const *in, int n, tn_graph__groups *g) {
    return tn_graph__grouped(self->kind, n > 0 ? in[0] : NULL, n > 1 ? in[1] : NULL, NULL, n > 2 ? in[2] : NULL, 2, g);
}
/* A group's row for each of its rows. */
static tn_tensor *tn_graph__spread(const tn_graph__groups *g, tn_tensor *of_group) { return tn_index_select(of_group, 0, g->index); }
static tn_tensor *tn_graph__mean_rows(const tn_graph__groups *g, tn_tensor *x) { return tn_graph__spread(g, tn_graph__reduce(g, x, TN_REDUCE_MEAN)); }
static tn_reduce_opts tn_graph__last(void) {
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    o.dim = -1, o.has_dim = o.keepdim = true;
    return o;
}

typedef struct { tn_module base; tn_tensor *weight, *bias, *mean_scale, *running_mean, *running_var; double eps, momentum; bool by_node; } tn_graph__norm;
static tn_tensor *tn_graph__affine(const tn_graph__norm *m, tn_tensor *x) { return m->weight ? tn_add(tn_mul(x, m->weight), m->bias) : x; }
static tn_graph__norm *tn_graph__norm_new(const char *kind, tn_forward_fn forward, int64_t channels, bool affine, double eps) {
    if (channels < 1) return tn_error_set(TN_ERR_INVALID, "%s: %lld channels", kind, (long long)channels), (tn_graph__norm *)NULL;
    tn_graph__norm *m = (tn_graph__norm *)tn_module_new(sizeof *m, kind, forward);
    if (!m) return NULL;
    m->eps = tn_graph__or(eps, 1e-5);
    if (!affine) return m;
    m->weight = tn_module_param(&m->base, "weight", tn_ones(&channels, 1, NULL));
    m->bias = tn_module_param(&m->base, "bias", tn_zeros(&channels, 1, NULL));
    return m;
}
static tn_tensor *tn_graph__graph_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__norm *m = (const tn_graph__norm *)self;
    tn_graph__groups g;
    if (!tn_graph__norm_in(self, in, n, &g)) return NULL;
    tn_tensor *x = tn_sub(g.x, tn_mul(tn_graph__mean_rows(&g, g.x), m->mean_scale));
    tn_tensor *std = tn_sqrt(tn_add(tn_graph__reduce(&g, tn_square(x), TN_REDUCE_MEAN), tn_arg_f(m->eps)));
    return tn_graph__affine(m, tn_div(x, tn_graph__spread(&g, std)));
}
TN_API tn_module *tn_gnn_graph_norm(int64_t channels, double eps) {
    tn_graph__norm *m = tn_graph__norm_new("GraphNorm", tn_graph__graph_norm_forward, channels, true, eps);
    if (m) m->mean_scale = tn_module_param(&m->base, "mean_scale", tn_ones(&channels, 1, NULL));
    return (tn_module *)m;
}

typedef struct { tn_module base; tn_gnn_pair_norm_opts opts; } tn_graph__pair_norm;
static tn_tensor *tn_graph__pair_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_gnn_pair_norm_opts *o = &((const tn_graph__pair_norm *)self)->opts;
    const tn_reduce_opts last = tn_graph__last();
    tn_graph__groups g;
    if (!tn_graph__norm_in(self, in, n, &g)) return NULL;
    tn_tensor *x = tn_sub(g.x, tn_graph__mean_rows(&g, g.x)), *eps = tn_arg_f(o->eps), *length;
    if (o->scale_individually) length = tn_add(tn_linalg_vector_norm(x, 2, &last), eps);
    else length = tn_graph__spread(&g, tn_sqrt(tn_add(tn_graph__reduce(&g, tn_sum(tn_square(x), &last), TN_REDUCE_MEAN), eps)));
    return tn_div(tn_mul(x, tn_arg_f(o->scale)), length);
}
TN_API tn_module *tn_gnn_pair_norm(const tn_gnn_pair_norm_opts *opts) {
    tn_graph__pair_norm *m = (tn_graph__pair_norm *)tn_module_new(sizeof *m, "PairNorm", tn_graph__pair_norm_forward);
    if (!m) return NULL;
    if (opts) m->opts = *opts;
    m->opts.scale = tn_graph__or(m->opts.scale, 1), m->opts.eps = tn_graph__or(m->opts.eps, 1e-5);
    return &m->base;
}

static tn_tensor *tn_graph__mean_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__groups g;
    return tn_graph__norm_in(self, in, n, &g) ? tn_sub(g.x, tn_graph__mean_rows(&g, g.x)) : NULL;
}
TN_API tn_module *tn_gnn_mean_subtraction_norm(void) { return tn_module_new(sizeof(tn_module), "MeanSubtractionNorm", tn_graph__mean_norm_forward); }
static tn_tensor *tn_graph__size_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__groups g;
    return tn_graph__norm_in(self, in, n, &g) ? tn_mul(g.x, tn_graph__spread(&g, tn_rsqrt(tn_graph__group_sizes(&g)))) : NULL;
}
TN_API tn_module *tn_gnn_graph_size_norm(void) { return tn_module_new(sizeof(tn_module), "GraphSizeNorm", tn_graph__size_norm_forward); }

typedef struct { tn_module base; tn_module *lin, *norm; int64_t channels, groups; double lamda; } tn_graph__diff_norm;
static tn_tensor *tn_graph__diff_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__diff_norm *m = (const tn_graph__diff_norm *)self;
    const int64_t flat[2] = {-1, m->groups * m->channels}, apart[3] = {-1, m->groups, m->channels};
    tn_tensor *x = n > 0 ? in[0] : NULL, *share = tn_softmax(tn_forward(m->lin, x), -1, TN_DTYPE_DEFAULT);
    if (!share) return NULL;
    tn_tensor *out = tn_reshape(tn_mul(tn_unsqueeze(share, -1), tn_unsqueeze(x, -2)), flat, 2);
    tn_reduce_opts groups = tn_graph__last();
    groups.dim = -2, groups.keepdim = false;
    out = tn_sum(tn_reshape(tn_forward(m->norm, out), apart, 3), &groups);
    return tn_add(x, tn_mul(out, tn_arg_f(m->lamda)));
}
TN_API tn_module *tn_gnn_diff_group_norm(int64_t channels, int64_t groups, const tn_gnn_diff_group_norm_opts *opts) {
    tn_gnn_diff_group_norm_opts o;
    tn_norm_opts norm;
    const tn_linear_opts plain = {true};
    memset(&o, 0, sizeof o), memset(&norm, 0, sizeof norm);
    if (opts) o = *opts;
    if (channels < 1 || groups < 1 || channels > INT64_MAX / groups)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_diff_group_norm: %lld channels, %lld groups", (long long)channels, (long long)groups), (tn_module *)NULL;
    tn_graph__diff_norm *m = (tn_graph__diff_norm *)tn_module_new(sizeof *m, "DiffGroupNorm", tn_graph__diff_norm_forward);
    if (!m) return NULL;
    norm.eps = o.eps, norm.momentum = o.momentum, norm.no_affine = o.no_affine, norm.no_running_stats = o.no_running_stats;
    m->lin = tn_module_child(&m->base, "lin", tn_nn_linear(channels, groups, &plain));
    m->norm = tn_module_child(&m->base, "norm", tn_nn_batch_norm1d(groups * channels, &norm));
    m->channels = channels, m->groups = groups, m->lamda = tn_graph__or(o.lamda, 0.01);
    return tn_gnn_reset_parameters(&m->base) == TN_OK ? &m->base : NULL;
}

/* running = (1 - momentum) running + momentum mean(of_graph), in place. */
static bool tn_graph__track(tn_tensor *running, tn_tensor *of_graph, double momentum) {
    tn_reduce_opts first;
    memset(&first, 0, sizeof first);
    first.has_dim = true;
    const bool was = tn_set_grad_enabled(false);
    const bool ok = tn_lerp_(running, tn_mean(of_graph, &first), tn_arg_f(momentum)) != NULL;
    tn_set_grad_enabled(was);
    return ok;
}
/* One graph: the instances of [1, channels, nodes]. */
static tn_tensor *tn_graph__instance_one(const tn_graph__norm *m, tn_tensor *x) {
    tn_instance_norm_opts o;
    memset(&o, 0, sizeof o);
    o.weight = m->weight, o.bias = m->bias, o.running_mean = m->running_mean, o.running_var = m->running_var;
    o.use_running_stats = m->running_mean && !tn_module_training(&m->base);
    o.momentum = m->momentum, o.eps = m->eps;
    tn_tensor *out = tn_instance_norm(tn_unsqueeze(tn_t(x), 0), &o);
    return tn_t(tn_select(out, 0, 0));
}
static tn_tensor *tn_graph__instance_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__norm *m = (const tn_graph__norm *)self;
    tn_graph__groups g;
    if (!tn_graph__norm_in(self, in, n, &g)) return NULL;
    if (n < 2 || !in[1]) return tn_graph__instance_one(m, g.x);
    tn_tensor *eps = tn_arg_f(m->eps);
    if (m->running_mean && !tn_module_training(self))
        return tn_graph__affine(m, tn_div(tn_sub(g.x, m->running_mean), tn_sqrt(tn_add(m->running_var, eps))));
    tn_tensor *size = tn_graph__at_least(tn_graph__group_sizes(&g), 1), *mean = tn_div(tn_graph__reduce(&g, g.x, TN_REDUCE_SUM), size);
    tn_tensor *x = tn_sub(g.x, tn_graph__spread(&g, mean)), *squares = tn_graph__reduce(&g, tn_square(x), TN_REDUCE_SUM);
    if (m->running_mean) {
        tn_tensor *unbiased = tn_div(squares, tn_graph__at_least(tn_sub(size, tn_arg_f(1)), 1));
        if (!tn_graph__track(m->running_mean, mean, m->momentum) || !tn_graph__track(m->running_var, unbiased, m->momentum)) return NULL;
    }
    return tn_graph__affine(m, tn_div(x, tn_graph__spread(&g, tn_sqrt(tn_add(tn_div(squares, size), eps)))));
}
TN_API tn_module *tn_gnn_instance_norm(int64_t channels, const tn_norm_opts *opts) {
    tn_norm_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__norm *m = tn_graph__norm_new("InstanceNorm", tn_graph__instance_norm_forward, channels, o.affine, o.eps);
    if (!m) return NULL;
    m->momentum = tn_graph__or(o.momentum, 0.1);
    if (!o.track_running_stats) return &m->base;
    m->running_mean = tn_module_buffer(&m->base, "running_mean", tn_zeros(&channels, 1, NULL), false);
    m->running_var = tn_module_buffer(&m->base, "running_var", tn_ones(&channels, 1, NULL), false);
    (void)tn_module_buffer(&m->base, "num_batches_tracked", tn_scalar_i64(0), false); /* which PyG keeps at 0 */
    return &m->base;
}

/* Over all of a graph: with batch eps stands under the root, without beside it, as in PyG. */
static tn_tensor *tn_graph__layer_norm_one(const tn_graph__norm *m, tn_tensor *x) {
    tn_var_opts all;
    memset(&all, 0, sizeof all);
    all.correction = TN_ZERO;
    x = tn_sub(x, tn_mean(x, NULL));
    return tn_graph__affine(m, tn_div(x, tn_add(tn_std(x, &all), tn_arg_f(m->eps))));
}
static tn_tensor *tn_graph__layer_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__norm *m = (const tn_graph__norm *)self;
    const tn_reduce_opts last = tn_graph__last();
    tn_graph__groups g;
    if (!tn_graph__norm_in(self, in, n, &g)) return NULL;
    const int64_t channels = tn_size(g.x, 1);
    if (m->by_node) return tn_layer_norm(g.x, &channels, 1, m->weight, m->bias, m->eps);
    if (n < 2 || !in[1]) return tn_graph__layer_norm_one(m, g.x);
    tn_tensor *size = tn_mul(tn_graph__at_least(tn_graph__group_sizes(&g), 1), tn_arg_f((double)channels));
    tn_tensor *x = tn_sub(g.x, tn_graph__spread(&g, tn_div(tn_sum(tn_graph__reduce(&g, g.x, TN_REDUCE_SUM), &last), size)));
    tn_tensor *var = tn_div(tn_sum(tn_graph__reduce(&g, tn_square(x), TN_REDUCE_SUM), &last), size);
    return tn_graph__affine(m, tn_div(x, tn_graph__spread(&g, tn_sqrt(tn_add(var, tn_arg_f(m->eps))))));
}
TN_API tn_module *tn_gnn_layer_norm(int64_t channels, bool by_node, const tn_norm_opts *opts) {
    tn_graph__norm *m = tn_graph__norm_new("LayerNorm", tn_graph__layer_norm_forward, channels, !opts || !opts->no_affine, opts ? opts->eps : 0);
    if (m) m->by_node = by_node;
    return (tn_module *)m;
}

typedef struct { tn_module base; tn_tensor *scale; } tn_graph__message_norm;
static tn_tensor *tn_graph__message_norm_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_reduce_opts last = tn_graph__last();
    if (n < 2 || !in[0] || !in[1]) return tn_graph__absent(self->kind, "x or msg"), (tn_tensor *)NULL;
    tn_tensor *length = tn_linalg_vector_norm(in[0], 2, &last);
    return tn_mul(tn_mul(tn_normalize(in[1], 2, -1, 1e-12), length), ((const tn_graph__message_norm *)self)->scale);
}
TN_API tn_module *tn_gnn_message_norm(bool learn_scale) {
    const int64_t one = 1;
    tn_graph__message_norm *m = (tn_graph__message_norm *)tn_module_new(sizeof *m, "MessageNorm", tn_graph__message_norm_forward);
    if (!m) return NULL;
    m->scale = tn_module_param(&m->base, "scale", tn_ones(&one, 1, NULL));
    if (m->scale && !learn_scale) (void)tn_requires_grad_(m->scale, false);
    return &m->base;
}

/* ============================================================================================================== */
/* >>pool (Private)                                                                                               */
/* ============================================================================================================== */
/* The dense pools' operands with a dim of graphs, x and s masked, and what both make of them. */
typedef struct { tn_tensor *x, *adj, *s, *t, *out, *out_adj; int64_t clusters; } tn_graph__dense;

static bool tn_graph__dense_fits(const char *who, tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask) {
    if (!x || !adj || !s) return tn_graph__absent(who, "x, adj or s");
    const int d = tn_ndim(x);
    bool ok = (d == 2 || d == 3) && tn_ndim(adj) == d && tn_ndim(s) == d;
    ok = ok && (d == 2 || (tn_size(adj, 0) == tn_size(x, 0) && tn_size(s, 0) == tn_size(x, 0)));
    ok = ok && tn_size(adj, -1) == tn_size(x, -2) && tn_size(adj, -2) == tn_size(x, -2) && tn_size(s, -2) == tn_size(x, -2);
    if (ok && (!mask || tn_numel(mask) == tn_numel(x) / (tn_size(x, -1) > 0 ? tn_size(x, -1) : 1))) return true;
    tn_error_set(TN_ERR_SHAPE, "%s: x %s, adj %s, s %s, mask %s", who, tn_graph__shape(x).text, tn_graph__shape(adj).text, tn_graph__shape(s).text,
                 mask ? tn_graph__shape(mask).text : "NULL");
    return false;
}
static bool tn_graph__dense_in(const char *who, tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask, double temp, tn_graph__dense *d) {
    if (!tn_graph__dense_fits(who, x, adj, s, mask)) return false;
    const bool one = tn_ndim(x) == 2;
    d->x = one ? tn_unsqueeze(x, 0) : x, d->adj = one ? tn_unsqueeze(adj, 0) : adj, d->s = one ? tn_unsqueeze(s, 0) : s;
    d->s = tn_softmax(temp == 1 ? d->s : tn_div(d->s, tn_arg_f(temp)), -1, TN_DTYPE_DEFAULT);
    if (mask) {
        const int64_t shape[3] = {tn_size(d->x, 0), tn_size(d->x, 1), 1};
        mask = tn_to_dtype(tn_reshape(mask, shape, 3), tn_get_dtype(x));
        d->x = tn_mul(d->x, mask), d->s = tn_mul(d->s, mask);
    }
    d->t = tn_transpose(d->s, 1, 2), d->clusters = tn_size(s, -1);
    d->out = tn_matmul(d->t, d->x);
    d->out_adj = tn_matmul(tn_matmul(d->t, d->adj), d->s);
    return d->out && d->out_adj;
}
/* A cluster identity for matrices like t. */
static tn_tensor *tn_graph__eye(int64_t n, tn_tensor *t) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(t);
    return tn_to(tn_eye(n, n, &o), tn_get_device(t));
}
static tn_reduce_opts tn_graph__plane(void) { /* the last two dims */
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    o.dims[0] = -1, o.dims[1] = -2, o.n_dims = 2, o.keepdim = true;
    return o;
}
TN_API tn_gnn_diff_pool tn_gnn_dense_diff_pool(tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask, bool no_normalize) {
    const tn_gnn_diff_pool none = {NULL, NULL, NULL, NULL};
    tn_gnn_diff_pool r = none;
    tn_reduce_opts last = tn_graph__last();
    last.keepdim = false;
    tn_graph__dense d;
    tn_scope scope = tn_scope_open();
    if (tn_graph__dense_in("tn_gnn_dense_diff_pool", x, adj, s, mask, 1, &d)) {
        r.x = d.out, r.adj = d.out_adj;
        r.link_loss = tn_linalg_vector_norm(tn_sub(d.adj, tn_matmul(d.s, d.t)), 2, NULL);
        if (!no_normalize) r.link_loss = tn_div(r.link_loss, tn_arg_f((double)tn_numel(d.adj)));
        tn_tensor *entropy = tn_mul(tn_neg(d.s), tn_log(tn_add(d.s, tn_arg_f(1e-15))));
        r.entropy_loss = tn_mean(tn_sum(entropy, &last), NULL);
    }
    if (!r.link_loss || !r.entropy_loss) r = none;
    tn_keep(r.x), tn_keep(r.adj), tn_keep(r.link_loss), tn_keep(r.entropy_loss);
    tn_scope_close(&scope);
    return r;
}
/* -trace(t A s) / trace(t D s): the share of edges inside clusters, where D has the degrees. */
static tn_tensor *tn_graph__cut_loss(const tn_graph__dense *d, tn_tensor *eye) {
    const tn_reduce_opts last = tn_graph__last(), plane = tn_graph__plane();
    tn_tensor *inside = tn_sum(tn_mul(d->out_adj, eye), &plane);
    tn_tensor *all = tn_sum(tn_mul(tn_square(d->s), tn_sum(d->adj, &last)), &plane);
    return tn_neg(tn_mean(tn_div(inside, all), NULL));
}
static tn_tensor *tn_graph__ortho_loss(const tn_graph__dense *d, tn_tensor *eye) {
    const tn_reduce_opts plane = tn_graph__plane();
    tn_tensor *ss = tn_matmul(d->t, d->s);
    tn_tensor *unit = tn_div(ss, tn_linalg_vector_norm(ss, 2, &plane)), *want = tn_div(eye, tn_arg_f(sqrt((double)d->clusters)));
    return tn_mean(tn_linalg_vector_norm(tn_sub(unit, want), 2, &plane), NULL);
}
TN_API tn_gnn_mincut_pool tn_gnn_dense_mincut_pool(tn_tensor *x, tn_tensor *adj, tn_tensor *s, tn_tensor *mask, double temp) {
    const tn_gnn_mincut_pool none = {NULL, NULL, NULL, NULL};
    const tn_reduce_opts last = tn_graph__last();
    tn_gnn_mincut_pool r = none;
    tn_graph__dense d;
    tn_scope scope = tn_scope_open();
    if (tn_graph__dense_in("tn_gnn_dense_mincut_pool", x, adj, s, mask, tn_graph__or(temp, 1), &d)) {
        tn_tensor *eye = tn_graph__eye(d.clusters, d.s), *apart = tn_mul(d.out_adj, tn_sub(tn_arg_f(1), eye));
        tn_tensor *root = tn_add(tn_sqrt(tn_sum(apart, &last)), tn_arg_f(1e-15));
        r.x = d.out;
        r.adj = tn_div(tn_div(apart, tn_transpose(root, 1, 2)), root);
        r.mincut_loss = tn_graph__cut_loss(&d, eye), r.ortho_loss = tn_graph__ortho_loss(&d, eye);
    }
    if (!r.adj || !r.mincut_loss || !r.ortho_loss) r = none;
    tn_keep(r.x), tn_keep(r.adj), tn_keep(r.mincut_loss), tn_keep(r.ortho_loss);
    tn_scope_close(&scope);
    return r;
}

/* The values of a floating tensor as doubles in host memory, as long as the caller's scope. */
static const double *tn_graph__doubles(tn_tensor *t) {
    const tn_device cpu = {TN_CPU, 0};
    return (const double *)tn_data(tn_contiguous(tn_to(tn_to_dtype(tn_detach(t), TN_F64), cpu)));
}
/* The free neighbour of u, over the edges order[0 … n): the first one, or the heaviest; u itself if there is none. */
static int64_t tn_graph__mate(const tn_graph__edges *g, const double *weight, const int64_t *order, int64_t n, int64_t u, const int64_t *cluster) {
    int64_t best = u;
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t v = g->col[order[i]];
        if (v == u || cluster[v] >= 0) continue;
        if (!weight) return v;
        if (weight[order[i]] >= most) most = weight[order[i]], best = v;
    }
    return best;
}
static tn_tensor *tn_graph__graclus(const tn_graph__edges *g, tn_tensor *weight, tn_generator *generator) {
    const char *who = "tn_gnn_graclus";
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64, o.generator = generator;
    const int64_t *node = tn_graph__longs(who, "randperm", tn_randperm(g->n, &o), 1);
    const double *w = weight ? tn_graph__doubles(weight) : NULL;
    if (!node || (weight && !w)) return NULL;
    int64_t *order = tn_graph__order(who, g->row, g->col, g->e, g->n), *start = (int64_t *)tn_graph__alloc(who, g->n, sizeof *start);
    int64_t *cluster = (int64_t *)tn_graph__alloc(who, g->n, sizeof *cluster);
    tn_tensor *r = NULL;
    if (order && start && cluster) {
        for (int64_t i = 0; i < g->e; i++) start[g->row[i] + 1]++;
        for (int64_t i = 0; i < g->n; i++) start[i + 1] += start[i], cluster[i] = -1;
        for (int64_t i = 0; i < g->n; i++) {
            const int64_t u = node[i];
            if (cluster[u] >= 0) continue;
            const int64_t v = tn_graph__mate(g, w, order + start[u], start[u + 1] - start[u], u, cluster);
            cluster[u] = cluster[v] = u < v ? u : v;
        }
        r = tn_graph__indices(cluster, 0, g->n, g->device);
    }
    free(order), free(start), free(cluster);
    return r;
}
TN_API tn_tensor *tn_gnn_graclus(tn_tensor *edge_index, tn_tensor *weight, int64_t num_nodes, tn_generator *generator) {
    tn_graph__edges g;
    tn_scope s = tn_scope_open();
    const bool ok = tn_graph__edges_and("tn_gnn_graclus", edge_index, weight, num_nodes, &g) && (!weight || tn_ndim(weight) == 1);
    if (!ok && tn_error_code() == TN_OK) tn_error_set(TN_ERR_SHAPE, "tn_gnn_graclus: weight is %s, not of one dim", tn_graph__shape(weight).text);
    tn_tensor *r = ok ? tn_graph__graclus(&g, weight, generator) : NULL;
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

/* Into cell (zero before) the cells of n points, d numbers apart at pos, that this axis adds: of that size from start, stride cells before
   this axis. Divides as floats where pos was of floats. How many cells the axis has, 0 if not countable. */
static int64_t tn_graph__axis(const double *pos, int64_t n, int64_t d, double size, const double *from, const double *to, int64_t stride, bool f32,
                              int64_t *cell) {
    double low = from ? *from : INFINITY, high = to ? *to : -INFINITY;
    for (int64_t i = 0; i < n; i++) low = from ? low : fmin(low, pos[i * d]), high = to ? high : fmax(high, pos[i * d]);
    const double cells = f32 ? (double)((float)(high - low) / (float)size) : (high - low) / size;
    if (!(fabs(cells) < 1e15) || !((double)stride * (fabs(cells) + 1) < 9e18)) return 0;
    for (int64_t i = 0; i < n; i++) {
        const double at = f32 ? (double)((float)(pos[i * d] - low) / (float)size) : (pos[i * d] - low) / size;
        if (!(fabs(at) * (double)stride < 9e18)) return 0;
        cell[i] += (int64_t)at * stride;
    }
    return (int64_t)cells + 1 > 0 ? (int64_t)cells + 1 : 0;
}
static tn_tensor *tn_graph__voxels(tn_tensor *pos, const double *size, int n, tn_tensor *batch, const double *start, const double *end) {
    const char *who = "tn_gnn_voxel_grid";
    const int64_t nodes = tn_size(pos, 0), dims = tn_size(pos, 1);
    const double *p = tn_graph__doubles(pos), *b = batch ? tn_graph__doubles(batch) : NULL, zero = 0;
    int64_t *cell = p && (b || !batch) ? (int64_t *)tn_graph__alloc(who, nodes, sizeof *cell) : NULL, stride = 1;
    if (!cell) return NULL;
    for (int64_t k = 0; k < dims && stride && nodes; k++) {
        const int at = n == 1 ? 0 : (int)k;
        stride *= tn_graph__axis(p + k, nodes, dims, size[at], start ? start + at : NULL, end ? end + at : NULL, stride, tn_get_dtype(pos) == TN_F32, cell);
    }
    if (b && stride && nodes) stride = tn_graph__axis(b, nodes, 1, 1, start ? &zero : NULL, NULL, stride, false, cell);
    tn_tensor *r = stride ? tn_graph__indices(cell, 0, nodes, tn_get_device(pos)) : NULL;
    if (!stride) tn_error_set(TN_ERR_INVALID, "%s: more cells than can be counted, or none", who);
    free(cell);
    return r;
}
TN_API tn_tensor *tn_gnn_voxel_grid(tn_tensor *pos, const double *size, int n, tn_tensor *batch, const double *start, const double *end) {
    const char *who = "tn_gnn_voxel_grid";
    if (!pos || !size) return tn_graph__absent(who, pos ? "size" : "pos"), (tn_tensor *)NULL;
    if (!tn_dtype_is_floating(tn_get_dtype(pos)))
        return tn_error_set(TN_ERR_DTYPE, "%s: pos is %s", who, tn_dtype_name(tn_get_dtype(pos))), (tn_tensor *)NULL;
    if (tn_ndim(pos) != 2 || (n != 1 && n != tn_size(pos, 1)) || (batch && (tn_ndim(batch) != 1 || tn_size(batch, 0) != tn_size(pos, 0))))
        return tn_error_set(TN_ERR_SHAPE, "%s: pos is %s, batch %s, %d sizes", who, tn_graph__shape(pos).text, batch ? tn_graph__shape(batch).text : "NULL", n),
               (tn_tensor *)NULL;
    for (int i = 0; i < n; i++)
        if (!(size[i] > 0)) return tn_error_set(TN_ERR_INVALID, "%s: size %g", who, size[i]), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *r = tn_graph__voxels(pos, size, n, batch, start, end);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

TN_API tn_gnn_clusters tn_gnn_consecutive_cluster(tn_tensor *cluster) {
    const char *who = "tn_gnn_consecutive_cluster";
    tn_gnn_clusters r = {NULL, NULL};
    tn_unique_opts o;
    memset(&o, 0, sizeof o);
    o.return_inverse = true;
    tn_scope s = tn_scope_open();
    const int64_t *c = tn_graph__longs(who, "cluster", cluster, 1);
    const tn_unique_result u = tn_unique(c ? cluster : NULL, &o);
    const int64_t *at = u.inverse ? tn_graph__longs(who, "cluster", u.inverse, 1) : NULL;
    int64_t *last = at ? (int64_t *)tn_graph__alloc(who, tn_numel(u.output), sizeof *last) : NULL;
    for (int64_t i = 0; last && i < tn_numel(cluster); i++) last[at[i]] = i;
    if (last) r.perm = tn_graph__indices(last, 0, tn_numel(u.output), tn_get_device(cluster)), r.cluster = r.perm ? u.inverse : NULL;
    free(last);
    tn_keep(r.cluster), tn_keep(r.perm);
    tn_scope_close(&s);
    return r;
}
static tn_gnn_pooled_x tn_graph__pool_x(const char *who, tn_tensor *cluster, tn_tensor *x, tn_tensor *batch, tn_reduction_kind reduce) {
    tn_gnn_pooled_x r = {NULL, NULL};
    tn_scope s = tn_scope_open();
    const tn_gnn_clusters c = tn_gnn_consecutive_cluster(cluster);
    if (c.perm && !x) tn_graph__absent(who, "x");
    if (c.perm && x) r.x = tn_gnn_scatter(x, c.cluster, tn_numel(c.perm), reduce);
    if (r.x && batch) r.batch = tn_index_select(batch, 0, c.perm);
    if (batch && !r.batch) r.x = NULL;
    tn_keep(r.x), tn_keep(r.batch);
    tn_scope_close(&s);
    return r;
}
TN_API tn_gnn_pooled_x tn_gnn_max_pool_x(tn_tensor *cluster, tn_tensor *x, tn_tensor *batch) {
    return tn_graph__pool_x("tn_gnn_max_pool_x", cluster, x, batch, TN_REDUCE_AMAX);
}
TN_API tn_gnn_pooled_x tn_gnn_avg_pool_x(tn_tensor *cluster, tn_tensor *x, tn_tensor *batch) {
    return tn_graph__pool_x("tn_gnn_avg_pool_x", cluster, x, batch, TN_REDUCE_MEAN);
}
static bool tn_graph__put(tn_graph *g, const char *name, tn_tensor *t) { return t && tn_dict_set(g, name, t) == TN_OK; }
static bool tn_graph__pool_into(tn_graph *to, tn_tensor *cluster, tn_graph *from, tn_reduction_kind reduce) {
    const tn_gnn_clusters c = tn_gnn_consecutive_cluster(cluster);
    tn_tensor *x = tn_dict_get(from, "x"), *pos = tn_dict_get(from, "pos"), *batch = tn_dict_get(from, "batch"), *edges = tn_dict_get(from, "edge_index");
    if (!c.perm || !to) return false;
    const int64_t n = tn_numel(c.perm), pair[2] = {2, -1}, flat = -1;
    edges = tn_reshape(tn_index_select(c.cluster, 0, tn_reshape(edges, &flat, 1)), pair, 2);
    tn_gnn_edge_list e = tn_gnn_remove_self_loops(edges, tn_dict_get(from, "edge_attr"));
    e = tn_gnn_coalesce(e.edge_index, e.edge_attr, n, NULL);
    bool ok = e.edge_index && (!x || tn_graph__put(to, "x", tn_gnn_scatter(x, c.cluster, n, reduce))) && tn_graph__put(to, "edge_index", e.edge_index);
    ok = ok && (!e.edge_attr || tn_graph__put(to, "edge_attr", e.edge_attr));
    ok = ok && (!pos || tn_graph__put(to, "pos", tn_gnn_scatter(pos, c.cluster, n, TN_REDUCE_MEAN)));
    return ok && (!batch || tn_graph__put(to, "batch", tn_index_select(batch, 0, c.perm)));
}
static tn_graph *tn_graph__pool(const char *who, tn_tensor *cluster, tn_graph *graph, tn_reduction_kind reduce) {
    if (!graph || !tn_dict_get(graph, "edge_index")) return tn_graph__absent(who, graph ? "edge_index" : "graph"), (tn_graph *)NULL;
    tn_scope s = tn_scope_open();
    tn_graph *to = tn_dict_new();
    if (!tn_graph__pool_into(to, cluster, graph, reduce)) to = NULL;
    tn_keep(to);
    tn_scope_close(&s);
    return to;
}
TN_API tn_graph *tn_gnn_max_pool(tn_tensor *cluster, tn_graph *graph) { return tn_graph__pool("tn_gnn_max_pool", cluster, graph, TN_REDUCE_AMAX); }
TN_API tn_graph *tn_gnn_avg_pool(tn_tensor *cluster, tn_graph *graph) { return tn_graph__pool("tn_gnn_avg_pool", cluster, graph, TN_REDUCE_MEAN); }
static tn_tensor *tn_graph__pool_neighbors(const char *who, tn_tensor *x, tn_tensor *edge_index, tn_reduction_kind reduce) {
    if (!x || !edge_index) return tn_graph__absent(who, x ? "edge_index" : "x"), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *r = tn_gnn_spmm(tn_gnn_add_self_loops(edge_index, NULL, tn_size(x, 0), 1, NULL).edge_index, NULL, x, -1, reduce);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensor *tn_gnn_max_pool_neighbor_x(tn_tensor *x, tn_tensor *edge_index) {
    return tn_graph__pool_neighbors("tn_gnn_max_pool_neighbor_x", x, edge_index, TN_REDUCE_AMAX);
}
TN_API tn_tensor *tn_gnn_avg_pool_neighbor_x(tn_tensor *x, tn_tensor *edge_index) {
    return tn_graph__pool_neighbors("tn_gnn_avg_pool_neighbor_x", x, edge_index, TN_REDUCE_MEAN);
}

/* -- pooling by scores -- */
typedef tn_gnn_pooled (*tn_graph__pooling_fn)(tn_module *self, const tn_graph__groups *g, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *attn);
typedef struct {
    tn_module base;
    tn_graph__pooling_fn run;
    tn_module *gnn, *lin, *att, *score;
    tn_tensor *weight;                  /* select.weight */
    tn_gnn_pooling_opts opts;
    tn_gnn_asa_pooling_opts asa;
} tn_graph__pooling;

/* The order of score from the largest, as long as the caller's scope. */
static const int64_t *tn_graph__descending(const char *who, tn_tensor *score) {
    return tn_graph__longs(who, "order", tn_argsort(tn_detach(score), 0, true, true), 1);
}
/* For each graph in order its k nodes of highest score, k by ratio. */
static tn_tensor *tn_graph__topk_nodes(const char *who, const tn_graph__groups *g, tn_tensor *score, double ratio) {
    const int64_t *batch = tn_graph__longs(who, "batch", g->index, 1), *order = batch ? tn_graph__descending(who, score) : NULL;
    int64_t *work = order ? (int64_t *)tn_graph__alloc(who, 2 * g->groups + g->rows, sizeof *work) : NULL, m = 0;
    if (!work) return NULL;
    int64_t *start = work, *size = work + g->groups + 1, *node = size + g->groups;
    for (int64_t i = 0; i < g->rows; i++) {
        if (batch[i] >= 0 && batch[i] < g->groups) size[batch[i]]++;
        else {
            tn_error_set(TN_ERR_INDEX, "%s: batch has %lld, of %lld graphs", who, (long long)batch[i], (long long)g->groups);
            return free(work), (tn_tensor *)NULL;
        }
    }
    tn_graph__sort_pass(batch, order, g->rows, g->groups, start, node);
    for (int64_t b = 0, first = 0; b < g->groups; first += size[b++]) { /* a double has room for any k */
        const double k = ratio >= 1 ? floor(ratio) : ceil((double)((float)ratio * (float)size[b]));
        for (int64_t i = 0; i < size[b] && (double)i < k; i++) node[m++] = node[first + i];
    }
    tn_tensor *r = tn_graph__indices(node, 0, m, tn_get_device(score));
    free(work);
    return r;
}
/* The nodes whose score is above min_score, or the best of their graph. */
static tn_tensor *tn_graph__best_nodes(const tn_graph__groups *g, tn_tensor *score, double min_score) {
    const int64_t flat = -1;
    score = tn_detach(score);
    tn_tensor *best = tn_sub(tn_index_select(tn_gnn_scatter(score, g->index, g->groups, TN_REDUCE_AMAX), 0, g->index), tn_arg_f(1e-7));
    return tn_reshape(tn_nonzero(tn_gt(score, tn_clamp(best, (tn_tensor *)NULL, tn_arg_f(min_score)))), &flat, 1);
}
/* The score of each node by select.weight. */
static tn_tensor *tn_graph__select_score(const tn_graph__pooling *m, const tn_graph__groups *g, tn_tensor *attn) {
    tn_reduce_opts last = tn_graph__last();
    last.keepdim = false;
    tn_tensor *score = tn_sum(tn_mul(attn, m->weight), &last);
    if (m->opts.min_score != 0) return tn_gnn_softmax(score, g->index, g->groups);
    score = tn_div(score, tn_linalg_vector_norm(m->weight, 2, &last));
    return m->opts.nonlinearity ? m->opts.nonlinearity(score) : tn_tanh(score);
}
static tn_gnn_pooled tn_graph__score_pool(tn_module *self, const tn_graph__groups *g, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *attn) {
    const tn_graph__pooling *m = (const tn_graph__pooling *)self;
    tn_gnn_pooled r = {NULL, NULL, NULL, NULL, NULL, NULL};
    tn_tensor *const seen[2] = {attn ? attn : g->x, edge_index};
    attn = m->gnn ? tn_call(m->gnn, seen, 2) : seen[0];
    tn_tensor *score = attn ? tn_graph__select_score(m, g, attn) : NULL;
    if (!score) return r;
    r.perm = m->opts.min_score != 0 ? tn_graph__best_nodes(g, score, m->opts.min_score) : tn_graph__topk_nodes(self->kind, g, score, m->opts.ratio);
    if (!r.perm) return r;
    r.score = tn_index_select(score, 0, r.perm);
    r.x = tn_mul(tn_index_select(g->x, 0, r.perm), tn_unsqueeze(r.score, 1));
    if (m->opts.multiplier != 1) r.x = tn_mul(r.x, tn_arg_f(m->opts.multiplier));
    r.batch = tn_index_select(g->index, 0, r.perm);
    const tn_gnn_edge_list e = tn_gnn_subgraph(r.perm, edge_index, edge_attr, g->rows, true);
    r.edge_index = e.edge_index, r.edge_attr = e.edge_attr;
    return r;
}
static tn_gnn_pooled tn_graph__pooling_run(tn_module *self, tn_tensor *x, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *batch, tn_tensor *attn) {
    const tn_gnn_pooled none = {NULL, NULL, NULL, NULL, NULL, NULL};
    tn_graph__groups g;
    if (!tn_graph__grouped(self->kind, x, batch, NULL, NULL, 2, &g)) return none;
    if (!edge_index) return tn_graph__absent(self->kind, "edge_index"), none;
    if (attn && tn_ndim(attn) == 1) attn = tn_unsqueeze(attn, 1);
    if (attn && (tn_ndim(attn) != 2 || tn_size(attn, 0) != g.rows))
        return tn_error_set(TN_ERR_SHAPE, "%s: attn is %s for %lld nodes", self->kind, tn_graph__shape(attn).text, (long long)g.rows), none;
    const tn_gnn_pooled r = ((const tn_graph__pooling *)self)->run(self, &g, edge_index, edge_attr, attn);
    return r.x && r.edge_index && r.batch && r.perm && r.score ? r : none;
}
static tn_tensor *tn_graph__pooling_call(tn_module *self, tn_tensor *const *in, int n) {
    tn_tensor *t[5] = {NULL, NULL, NULL, NULL, NULL};
    for (int i = 0; i < n && i < 5; i++) t[i] = in[i];
    return tn_graph__pooling_run(self, t[0], t[1], t[2], t[3], t[4]).x;
}
TN_API tn_gnn_pooled tn_gnn_pooling_forward(tn_module *m, tn_tensor *x, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *batch, tn_tensor *attn) {
    tn_gnn_pooled r = {NULL, NULL, NULL, NULL, NULL, NULL};
    if (!m || m->forward != tn_graph__pooling_call)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_pooling_forward: %s is no pooling", m ? m->kind : "NULL"), r;
    if (tn_init_flush() != TN_OK) return r;
    tn_scope s = tn_scope_open();
    r = tn_graph__pooling_run(m, x, edge_index, edge_attr, batch, attn);
    tn_keep(r.x), tn_keep(r.edge_index), tn_keep(r.edge_attr), tn_keep(r.batch), tn_keep(r.perm), tn_keep(r.score);
    tn_scope_close(&s);
    return r;
}

/* SelectTopK, which has the weight. */
typedef struct { tn_module base; tn_tensor *weight; } tn_graph__select_topk;
static tn_tensor *tn_graph__no_forward(tn_module *self, tn_tensor *const *in, int n) {
    (void)in, (void)n;
    return tn_error_set(TN_ERR_UNSUPPORTED, "%s: it is called by the pooling that it belongs to", self->kind), (tn_tensor *)NULL;
}
static tn_status tn_graph__select_init(tn_module *self) {
    tn_tensor *w = ((tn_graph__select_topk *)self)->weight;
    const double bound = 1 / sqrt((double)tn_size(w, 1));
    return tn_init_uniform_(w, -bound, bound, NULL) ? TN_OK : tn_error_code();
}
static tn_graph__pooling *tn_graph__pooling_new(const char *kind, tn_graph__pooling_fn run, const tn_gnn_pooling_opts *opts) {
    tn_graph__pooling *m = (tn_graph__pooling *)tn_module_new(sizeof *m, kind, tn_graph__pooling_call);
    if (!m) return NULL;
    if (opts) m->opts = *opts;
    m->opts.ratio = tn_graph__or(m->opts.ratio, 0.5), m->opts.multiplier = tn_graph__or(m->opts.multiplier, 1);
    m->run = run;
    return m;
}
/* The end of each: select, and PyG's second draw of all. */
static tn_module *tn_graph__pooling_select(tn_graph__pooling *m, int64_t channels) {
    const int64_t shape[2] = {1, channels};
    tn_graph__select_topk *select = (tn_graph__select_topk *)tn_module_new(sizeof *select, "SelectTopK", tn_graph__no_forward);
    if (select) m->weight = select->weight = tn_module_param(&select->base, "weight", tn_zeros(shape, 2, NULL));
    if (!tn_module_child(&m->base, "select", (tn_module *)select) || !m->weight) return &m->base; /* which has failed */
    const bool ok = tn_module_init(&select->base, tn_graph__select_init) == TN_OK && tn_gnn_reset_parameters(&m->base) == TN_OK;
    return ok && tn_module_init(&select->base, tn_graph__select_init) == TN_OK ? &m->base : NULL;
}
TN_API tn_module *tn_gnn_topk_pooling(int64_t in_channels, const tn_gnn_pooling_opts *opts) {
    if (in_channels < 1 || (opts && !(opts->ratio >= 0)))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_topk_pooling: %lld channels, ratio %g", (long long)in_channels, opts ? opts->ratio : 0), (tn_module *)NULL;
    tn_graph__pooling *m = tn_graph__pooling_new("TopKPooling", tn_graph__score_pool, opts);
    return m ? tn_graph__pooling_select(m, in_channels) : NULL;
}
TN_API tn_module *tn_gnn_sag_pooling(tn_module *gnn, const tn_gnn_pooling_opts *opts) {
    if (opts && !(opts->ratio >= 0)) return tn_error_set(TN_ERR_INVALID, "tn_gnn_sag_pooling: ratio %g", opts->ratio), (tn_module *)NULL;
    tn_graph__pooling *m = tn_graph__pooling_new("SAGPooling", tn_graph__score_pool, opts);
    if (!m) return NULL;
    m->gnn = tn_module_child(&m->base, "gnn", gnn);
    return tn_graph__pooling_select(m, 1);
}

/* LEConv: over the edges j -> i the sum of lin1(x_j) - lin2(x_i), plus lin3(x_i). */
typedef struct { tn_module base; tn_module *lin1, *lin2, *lin3; } tn_graph__le_conv;
static tn_tensor *tn_graph__le_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__le_conv *m = (const tn_graph__le_conv *)self;
    if (n < 2 || !in[0] || !in[1]) return tn_graph__absent(self->kind, "x or edge_index"), (tn_tensor *)NULL;
    tn_tensor *from = tn_select(in[1], 0, 0), *to = tn_select(in[1], 0, 1), *own = tn_forward(m->lin2, in[0]);
    tn_tensor *message = tn_sub(tn_index_select(tn_forward(m->lin1, in[0]), 0, from), tn_index_select(own, 0, to));
    return tn_add(tn_gnn_scatter(message, to, tn_size(in[0], 0), TN_REDUCE_SUM), tn_forward(m->lin3, in[0]));
}
static tn_module *tn_graph__le_new(int64_t in_channels, int64_t out_channels) {
    const tn_gnn_linear_opts plain = {true, false, false};
    tn_graph__le_conv *m = (tn_graph__le_conv *)tn_module_new(sizeof *m, "LEConv", tn_graph__le_forward);
    if (!m) return NULL;
    m->lin1 = tn_module_child(&m->base, "lin1", tn_gnn_linear(in_channels, out_channels, NULL));
    m->lin2 = tn_module_child(&m->base, "lin2", tn_gnn_linear(in_channels, out_channels, &plain));
    m->lin3 = tn_module_child(&m->base, "lin3", tn_gnn_linear(in_channels, out_channels, NULL));
    return tn_gnn_reset_parameters(&m->base) == TN_OK ? &m->base : NULL;
}
/* The product of assignments and edges as its terms: for an edge i -> k, and edges from i and from k to nodes that stay, an edge between their
   clusters. into: how many; to: their two ends and three edges, n apart, or NULL to count. first has where a node's such edges begin in s. */
static int64_t tn_graph__terms(const tn_graph__edges *g, const int64_t *place, const int64_t *first, const int64_t *s, int64_t n, int64_t *to) {
    int64_t m = 0;
    for (int64_t e = 0; e < g->e; e++) {
        const int64_t i = g->row[e], k = g->col[e];
        if (!to) {
            if ((double)m + (double)(first[i + 1] - first[i]) * (double)(first[k + 1] - first[k]) > 1e15) return -1;
            m += (first[i + 1] - first[i]) * (first[k + 1] - first[k]);
            continue;
        }
        for (int64_t a = first[i]; a < first[i + 1]; a++)
            for (int64_t b = first[k]; b < first[k + 1]; b++, m++) {
                to[m] = place[g->col[s[a]]], to[n + m] = place[g->col[s[b]]];
                to[2 * n + m] = s[a], to[3 * n + m] = e, to[4 * n + m] = s[b];
            }
    }
    return m;
}
/* first and s of the above: the edges that go to nodes with a place, by the node that they come from. */
static void tn_graph__assigned(const tn_graph__edges *g, const int64_t *place, int64_t *first, int64_t *s) {
    for (int64_t e = 0; e < g->e; e++) first[g->row[e] + 1] += place[g->col[e]] >= 0;
    for (int64_t i = 0; i < g->n; i++) first[i + 1] += first[i];
    for (int64_t e = 0; e < g->e; e++)
        if (place[g->col[e]] >= 0) s[first[g->row[e]]++] = e;
    for (int64_t i = g->n; i > 0; i--) first[i] = first[i - 1];
    first[0] = 0;
}
/* The edges between the nodes of perm that score [E] assigns their neighbours to; with weights if weight is not NULL. */
static tn_gnn_edge_list tn_graph__coarsen(const char *who, tn_tensor *edge_index, tn_tensor *weight, tn_tensor *score, tn_tensor *perm, int64_t nodes) {
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    tn_graph__edges g;
    int64_t *place = tn_graph__edges_read(who, edge_index, nodes, &g) ? tn_graph__places(who, perm, &nodes) : NULL;
    int64_t *first = place ? (int64_t *)tn_graph__alloc(who, g.n + g.e, sizeof *first) : NULL, *to = NULL, n = -1;
    if (first) {
        tn_graph__assigned(&g, place, first, first + g.n + 1);
        n = tn_graph__terms(&g, place, first, first + g.n + 1, 0, NULL);
        to = (int64_t *)tn_graph__alloc(who, n < 0 ? -1 : 5 * n, sizeof *to);
    }
    if (to) {
        tn_graph__terms(&g, place, first, first + g.n + 1, n, to);
        tn_tensor *value = NULL;
        if (weight) {
            tn_tensor *const at[3] = {tn_graph__indices(to + 2 * n, 0, n, g.device), tn_graph__indices(to + 3 * n, 0, n, g.device),
                                      tn_graph__indices(to + 4 * n, 0, n, g.device)};
            value = tn_mul(tn_mul(tn_index_select(score, 0, at[0]), tn_index_select(weight, 0, at[1])), tn_index_select(score, 0, at[2]));
        }
        if (value || !weight) r = tn_gnn_coalesce(tn_graph__indices(to, 2, n, g.device), value, tn_numel(perm), NULL);
    }
    free(place), free(first), free(to);
    return r;
}
static tn_tensor *tn_graph__asa_score(const tn_graph__pooling *m, const tn_graph__groups *g, tn_gnn_edge_list e) {
    const int64_t flat = -1;
    tn_tensor *from = tn_select(e.edge_index, 0, 0), *to = tn_select(e.edge_index, 0, 1);
    tn_tensor *const in[3] = {g->x, e.edge_index, e.edge_attr};
    tn_tensor *x = tn_index_select(m->gnn ? tn_call(m->gnn, in, e.edge_attr ? 3 : 2) : g->x, 0, from);
    tn_tensor *master = tn_forward(m->lin, tn_gnn_scatter(x, to, g->rows, TN_REDUCE_AMAX));
    tn_tensor *const both[2] = {tn_index_select(master, 0, to), x};
    if (!both[0] || !both[1]) return NULL;
    tn_tensor *score = tn_leaky_relu(tn_reshape(tn_forward(m->att, tn_cat(both, 2, 1)), &flat, 1), m->asa.negative_slope);
    return tn_dropout(tn_gnn_softmax(score, to, g->rows), m->asa.dropout, tn_module_training(&m->base));
}
static tn_gnn_pooled tn_graph__asa_pool(tn_module *self, const tn_graph__groups *g, tn_tensor *edge_index, tn_tensor *edge_attr, tn_tensor *attn) {
    const tn_graph__pooling *m = (const tn_graph__pooling *)self;
    tn_gnn_pooled r = {NULL, NULL, NULL, NULL, NULL, NULL};
    (void)attn;
    tn_gnn_edge_list e = tn_gnn_add_remaining_self_loops(edge_index, edge_attr, g->rows, 1, NULL);
    tn_tensor *score = e.edge_index ? tn_graph__asa_score(m, g, e) : NULL;
    if (!score) return r;
    tn_tensor *messages = tn_mul(tn_index_select(g->x, 0, tn_select(e.edge_index, 0, 0)), tn_unsqueeze(score, 1));
    tn_tensor *const x[2] = {tn_gnn_scatter(messages, tn_select(e.edge_index, 0, 1), g->rows, TN_REDUCE_SUM), e.edge_index};
    tn_tensor *fitness = tn_sigmoid(tn_call(m->score, x, 2)), *rank = fitness ? tn_graph__select_score(m, g, fitness) : NULL;
    r.perm = rank ? tn_graph__topk_nodes(self->kind, g, rank, m->opts.ratio) : NULL;
    if (!r.perm) return r;
    tn_tensor *kept = tn_index_select(fitness, 0, r.perm);
    r.x = tn_mul(tn_index_select(x[0], 0, r.perm), kept), r.score = tn_select(kept, 1, 0);
    r.batch = tn_index_select(g->index, 0, r.perm);
    e = tn_graph__coarsen(self->kind, e.edge_index, e.edge_attr, score, r.perm, g->rows);
    if (!e.edge_index) return r;
    const int64_t n = tn_numel(r.perm);
    e = m->asa.add_self_loops ? tn_gnn_add_remaining_self_loops(e.edge_index, e.edge_attr, n, 1, NULL) : tn_gnn_remove_self_loops(e.edge_index, e.edge_attr);
    r.edge_index = m->asa.add_self_loops ? tn_clone(e.edge_index) : e.edge_index; /* that of loops lives no longer than what it was made of */
    r.edge_attr = e.edge_attr;
    return r;
}
TN_API tn_module *tn_gnn_asa_pooling(int64_t in_channels, tn_module *gnn, const tn_gnn_asa_pooling_opts *opts) {
    if (in_channels < 1 || (opts && (!(opts->ratio >= 0) || !(opts->dropout >= 0 && opts->dropout <= 1))))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_asa_pooling: %lld channels, ratio %g, dropout %g", (long long)in_channels, opts ? opts->ratio : 0,
                            opts ? opts->dropout : 0), (tn_module *)NULL;
    tn_graph__pooling *m = tn_graph__pooling_new("ASAPooling", tn_graph__asa_pool, NULL);
    if (!m) return NULL;
    if (opts) m->asa = *opts;
    m->opts.ratio = tn_graph__or(m->asa.ratio, 0.5), m->asa.negative_slope = tn_graph__or(m->asa.negative_slope, 0.2);
    m->lin = tn_module_child(&m->base, "lin", tn_nn_linear(in_channels, in_channels, NULL));
    m->att = tn_module_child(&m->base, "att", tn_nn_linear(2 * in_channels, 1, NULL));
    m->score = tn_module_child(&m->base, "gnn_score", tn_graph__le_new(in_channels, 1));
    if (gnn) m->gnn = tn_module_child(&m->base, "gnn_intra_cluster", gnn);
    return tn_graph__pooling_select(m, 1);
}

/* -- pooling by edges -- */
typedef struct { tn_module base; tn_module *lin; tn_gnn_edge_pooling_opts opts; } tn_graph__edge_pooling;
static tn_tensor *tn_graph__edge_score(const tn_graph__edge_pooling *m, const tn_graph__groups *g, tn_tensor *edge_index) {
    const int64_t flat = -1;
    tn_tensor *to = tn_select(edge_index, 0, 1);
    tn_tensor *const ends[2] = {tn_index_select(g->x, 0, tn_select(edge_index, 0, 0)), tn_index_select(g->x, 0, to)};
    if (!ends[0] || !ends[1]) return NULL;
    tn_tensor *e = tn_reshape(tn_forward(m->lin, tn_cat(ends, 2, 1)), &flat, 1);
    e = tn_dropout(e, m->opts.dropout, tn_module_training(&m->base));
    switch (m->opts.score) {
    case TN_GNN_SCORE_TANH: e = tn_tanh(e); break;
    case TN_GNN_SCORE_SIGMOID: e = tn_sigmoid(e); break;
    default: e = tn_gnn_softmax(e, to, g->rows);
    }
    return tn_add(e, tn_arg_f(m->opts.add_to_edge_score));
}
/* Contracts the edges in that order where both ends are free: the nodes' clusters, the edges; nodes that are left are clusters of their own,
   whose number is the result less *edges. */
static int64_t tn_graph__contract(const tn_graph__edges *g, const int64_t *order, int64_t *cluster, int64_t *edge, int64_t *edges) {
    int64_t m = 0;
    for (int64_t i = 0; i < g->n; i++) cluster[i] = -1;
    for (int64_t i = 0; i < g->e; i++) {
        const int64_t e = order[i];
        if (cluster[g->row[e]] >= 0 || cluster[g->col[e]] >= 0) continue;
        cluster[g->row[e]] = cluster[g->col[e]] = m;
        edge[m++] = e;
    }
    *edges = m;
    for (int64_t i = 0; i < g->n; i++)
        if (cluster[i] < 0) cluster[i] = m++;
    return m;
}
static tn_gnn_edge_pooled tn_graph__merge_edges(const tn_graph__groups *g, tn_tensor *edge_index, tn_tensor *score) {
    const char *who = "EdgePooling";
    tn_gnn_edge_pooled r = {NULL, NULL, NULL, NULL, NULL};
    tn_graph__edges e;
    const int64_t *order = tn_graph__edges_read(who, edge_index, g->rows, &e) ? tn_graph__descending(who, score) : NULL;
    int64_t *work = order ? (int64_t *)tn_graph__alloc(who, 2 * e.n + 3 * e.e, sizeof *work) : NULL, edges;
    if (!work) return r;
    int64_t *member = work + e.n, *edge = member + e.n, *ends = edge + e.e;
    const int64_t m = tn_graph__contract(&e, order, work, edge, &edges), left = m - edges;
    for (int64_t i = 0; i < e.n; i++) member[work[i]] = i;
    for (int64_t i = 0; i < 2 * e.e; i++) ends[i] = work[e.row[i]];
    tn_tensor *const scores[2] = {tn_index_select(score, 0, tn_graph__indices(edge, 0, edges, e.device)), tn_graph__filled(&left, 1, 1, score)};
    r.cluster = tn_graph__indices(work, 0, e.n, e.device);
    r.edge_index = tn_gnn_coalesce(tn_graph__indices(ends, 2, e.e, e.device), NULL, m, NULL).edge_index;
    r.batch = tn_index_select(g->index, 0, tn_graph__indices(member, 0, m, e.device));
    r.score = scores[0] && scores[1] ? tn_cat(scores, 2, 0) : NULL;
    r.x = tn_mul(tn_gnn_scatter(g->x, r.cluster, m, TN_REDUCE_SUM), tn_unsqueeze(r.score, 1));
    free(work);
    return r;
}
static tn_gnn_edge_pooled tn_graph__edge_pooling_run(tn_module *self, tn_tensor *x, tn_tensor *edge_index, tn_tensor *batch) {
    const tn_gnn_edge_pooled none = {NULL, NULL, NULL, NULL, NULL};
    tn_graph__groups g;
    if (!tn_graph__grouped(self->kind, x, batch, NULL, NULL, 2, &g)) return none;
    if (!edge_index || tn_ndim(edge_index) != 2 || tn_size(edge_index, 0) != 2)
        return tn_error_set(TN_ERR_SHAPE, "%s: edge_index is %s, not [2, edges]", self->kind, edge_index ? tn_graph__shape(edge_index).text : "NULL"), none;
    tn_tensor *score = tn_graph__edge_score((const tn_graph__edge_pooling *)self, &g, edge_index);
    const tn_gnn_edge_pooled r = score ? tn_graph__merge_edges(&g, edge_index, score) : none;
    return r.x && r.edge_index && r.batch ? r : none;
}
static tn_tensor *tn_graph__edge_pooling_call(tn_module *self, tn_tensor *const *in, int n) {
    return tn_graph__edge_pooling_run(self, n > 0 ? in[0] : NULL, n > 1 ? in[1] : NULL, n > 2 ? in[2] : NULL).x;
}
TN_API tn_gnn_edge_pooled tn_gnn_edge_pooling_forward(tn_module *m, tn_tensor *x, tn_tensor *edge_index, tn_tensor *batch) {
    tn_gnn_edge_pooled r = {NULL, NULL, NULL, NULL, NULL};
    if (!m || m->forward != tn_graph__edge_pooling_call)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_edge_pooling_forward: %s is no EdgePooling", m ? m->kind : "NULL"), r;
    if (tn_init_flush() != TN_OK) return r;
    tn_scope s = tn_scope_open();
    r = tn_graph__edge_pooling_run(m, x, edge_index, batch);
    tn_keep(r.x), tn_keep(r.edge_index), tn_keep(r.batch), tn_keep(r.cluster), tn_keep(r.score);
    tn_scope_close(&s);
    return r;
}
TN_API tn_module *tn_gnn_edge_pooling(int64_t in_channels, const tn_gnn_edge_pooling_opts *opts) {
    const tn_gnn_edge_pooling_opts usual = {TN_GNN_SCORE_SOFTMAX, 0, 0};
    if (in_channels < 1 || (opts && !(opts->dropout >= 0 && opts->dropout <= 1)))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_edge_pooling: %lld channels, dropout %g", (long long)in_channels, opts ? opts->dropout : 0), (tn_module *)NULL;
    tn_graph__edge_pooling *m = (tn_graph__edge_pooling *)tn_module_new(sizeof *m, "EdgePooling", tn_graph__edge_pooling_call);
    if (!m) return NULL;
    m->opts = opts ? *opts : usual;
    m->opts.add_to_edge_score = tn_graph__or(m->opts.add_to_edge_score, 0.5);
    m->lin = tn_module_child(&m->base, "lin", tn_nn_linear(2 * in_channels, 1, NULL));
    return tn_gnn_reset_parameters(&m->base) == TN_OK ? &m->base : NULL;
}
TN_API tn_tensor *tn_gnn_edge_unpool(tn_tensor *x, const tn_gnn_edge_pooled *pooled) {
    if (!x || !pooled || !pooled->score) return tn_graph__absent("tn_gnn_edge_unpool", x ? "pooled" : "x"), (tn_tensor *)NULL;
    if (tn_ndim(x) != 2 || tn_size(x, 0) != tn_numel(pooled->score))
        return tn_error_set(TN_ERR_SHAPE, "tn_gnn_edge_unpool: x is %s for %lld nodes", tn_graph__shape(x).text, (long long)tn_numel(pooled->score)),
               (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *r = tn_index_select(tn_div(x, tn_unsqueeze(pooled->score, 1)), 0, pooled->cluster);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

/* ============================================================================================================== */
/* >>model (Private)                                                                                              */
/* ============================================================================================================== */
static tn_tensor *tn_graph__activated(tn_gnn_act act, bool none, tn_tensor *x) { return none || !x ? x : act ? act(x) : tn_relu(x); }

/* MLP. */
typedef struct { tn_module base; tn_gnn_mlp_opts o; tn_module *lins, *norms; } tn_graph__mlp;
/* Norm, activation and dropout behind a layer; in has batch and batch_size. */
static tn_tensor *tn_graph__behind(tn_module *self, tn_module *norm, const tn_gnn_mlp_opts *o, tn_tensor *x, tn_tensor *batch, tn_tensor *size) {
    tn_tensor *in[3] = {o->act_first ? tn_graph__activated(o->act, o->no_act, x) : x, batch, size};
    if (!in[0]) return NULL;
    x = o->no_norm ? in[0] : tn_call(norm, in, 3);
    if (!o->act_first) x = tn_graph__activated(o->act, o->no_act, x);
    return x && o->dropout > 0 ? tn_dropout(x, o->dropout, tn_module_training(self)) : x;
}
static tn_tensor *tn_graph__mlp_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__mlp *m = (const tn_graph__mlp *)self;
    tn_tensor *x = n > 0 ? in[0] : NULL;
    const int layers = tn_module_len(m->lins), normed = tn_module_len(m->norms);
    if (!tn_graph__needs(self, x, "x")) return NULL;
    for (int i = 0; x && i < layers; i++) {
        x = tn_forward(tn_module_at(m->lins, i), x);
        if (x && i < normed) x = tn_graph__behind(self, tn_module_at(m->norms, i), &m->o, x, n > 1 ? in[1] : NULL, n > 2 ? in[2] : NULL);
    }
    return x;
}
TN_API tn_module *tn_gnn_mlp(const int64_t *channels, int n, const tn_gnn_mlp_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_mlp_opts);
    if (n < 2 || !channels) return tn_error_set(TN_ERR_INVALID, "tn_gnn_mlp: %d channels", n), (tn_module *)NULL;
    if (!tn_graph__sizes("tn_gnn_mlp", channels, n) || !tn_graph__chance("tn_gnn_mlp", o.dropout)) return NULL;
    tn_graph__mlp *m = (tn_graph__mlp *)tn_module_new(sizeof *m, "MLP", tn_graph__mlp_forward);
    if (!m) return NULL;
    m->o = o;
    m->lins = tn_graph__list(&m->base, "lins"), m->norms = tn_graph__list(&m->base, "norms");
    for (int i = 1; i < n; i++) tn_graph__append_lin(m->lins, channels[i - 1], channels[i], !o.no_bias, false);
    for (int i = 1; m->norms && i < n - !o.no_plain_last; i++) (void)tn_nn_append(m->norms, o.no_norm ? tn_nn_identity() : o.norm ? o.norm(channels[i]) : tn_gnn_batch_norm(channels[i]));
    return tn_graph__ready(&m->base);
}

/* Jumping knowledge. */
typedef struct { tn_module base; bool largest; tn_module *lstm, *att; } tn_graph__jk;
static tn_tensor *tn_graph__jk_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__jk *m = (const tn_graph__jk *)self;
    if (n < 1) return tn_graph__absent("JumpingKnowledge", "a layer's result"), (tn_tensor *)NULL;
    if (m->largest) return tn_max_dim(tn_stack(in, n, -1), -1, false).values;
    if (!m->lstm) return tn_cat(in, n, -1);
    tn_tensor *x = tn_stack(in, n, 1), *h = x ? tn_forward(m->lstm, x) : NULL, *alpha = h ? tn_forward(m->att, h) : NULL;
    return alpha ? tn_graph__sum_over(tn_mul(x, tn_softmax(alpha, 1, TN_DTYPE_DEFAULT)), 1) : NULL;
}
TN_API tn_module *tn_gnn_jumping_knowledge(const char *mode, int64_t channels, int64_t num_layers) {
    const char *who = "tn_gnn_jumping_knowledge";
    const bool lstm = mode && strcmp(mode, "lstm") == 0, largest = mode && strcmp(mode, "max") == 0;
    if (!lstm && !largest && (!mode || strcmp(mode, "cat") != 0)) return tn_error_set(TN_ERR_INVALID, "%s: mode is %s", who, mode ? mode : "NULL"), (tn_module *)NULL;
    const int64_t half = lstm && channels > 0 && num_layers > 0 ? num_layers * channels / 2 : 0;
    if (lstm && half < 1) return tn_error_set(TN_ERR_INVALID, "%s: %lld layers of %lld channels", who, (long long)num_layers, (long long)channels), (tn_module *)NULL;
    tn_graph__jk *m = (tn_graph__jk *)tn_module_new(sizeof *m, "JumpingKnowledge", tn_graph__jk_forward);
    if (!m) return NULL;
    m->largest = largest;
    if (!lstm) return &m->base;
    tn_rnn_opts rnn;
    memset(&rnn, 0, sizeof rnn);
    rnn.bidirectional = rnn.batch_first = true;
    m->lstm = tn_module_child(&m->base, "lstm", tn_nn_lstm(channels, half, &rnn));
    m->att = tn_graph__lin(&m->base, "att", 2 * half, 1, true, false);
    return tn_graph__made(&m->base);
}

/* Nets of equal layers. */
typedef enum { TN_GRAPH__PLAIN = 0, TN_GRAPH__WEIGHT, TN_GRAPH__ATTR, TN_GRAPH__EITHER } tn_graph__third;
typedef struct { tn_module base; tn_gnn_mlp_opts o; tn_graph__third third; tn_module *convs, *norms, *jk, *lin; bool jumps; } tn_graph__net;
static tn_tensor *tn_graph__net_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__net *m = (const tn_graph__net *)self;
    const int layers = tn_module_len(m->convs);
    tn_tensor *given[6] = {NULL, NULL, NULL, NULL, NULL, NULL}, **seen = m->jk ? (tn_tensor **)tn_graph__alloc(self->kind, layers, sizeof *seen) : NULL;
    for (int i = 0; i < n && i < 6; i++) given[i] = in[i];
    tn_tensor *third = m->third == TN_GRAPH__PLAIN ? NULL : m->third == TN_GRAPH__ATTR || (m->third == TN_GRAPH__EITHER && !given[2]) ? given[3] : given[2];
    tn_tensor *x = given[0];
    if (!tn_graph__needs(self, x, "x") || !tn_graph__needs(self, given[1], "edge_index") || (m->jk && !seen)) return free(seen), (tn_tensor *)NULL;
    for (int i = 0; x && i < layers; i++) {
        tn_tensor *step[3] = {x, given[1], third};
        x = tn_call(tn_module_at(m->convs, i), step, third ? 3 : 2);
        if (x && (i < layers - 1 || m->jumps)) x = tn_graph__behind(self, tn_module_at(m->norms, i), &m->o, x, given[4], given[5]);
        if (m->jk) seen[i] = x;
    }
    if (x && m->jk) x = tn_graph__jk_forward(m->jk, seen, layers);
    free(seen);
    return x && m->lin ? tn_forward(m->lin, x) : x;
}
static tn_module *tn_graph__net_new(const char *kind, const char *who, const int64_t *size, const tn_gnn_net_opts *opts, tn_graph__third third, tn_gnn_conv conv, void *user) {
    TN_GRAPH__OPTS(tn_gnn_net_opts);
    const int64_t in = size[0], hidden = size[1], layers = size[2];
    if (!tn_graph__sizes(who, size, 3) || !tn_graph__chance(who, o.dropout)) return NULL;
    if (o.out_channels < 0 || !conv) return tn_error_set(TN_ERR_INVALID, "%s: %lld out_channels", who, (long long)o.out_channels), (tn_module *)NULL;
    tn_graph__net *m = (tn_graph__net *)tn_module_new(sizeof *m, kind, tn_graph__net_forward);
    if (!m) return NULL;
    m->third = third, m->jumps = o.jk != NULL;
    m->o.dropout = o.dropout, m->o.act = o.act, m->o.no_act = o.no_act, m->o.act_first = o.act_first, m->o.no_norm = !o.norm;
    m->convs = tn_graph__list(&m->base, "convs"), m->norms = tn_graph__list(&m->base, "norms");
    for (int64_t i = 0; m->convs && m->norms && i < layers; i++) {
        const bool last = i + 1 == layers && o.out_channels && !o.jk;
        (void)tn_nn_append(m->convs, conv(user, i ? hidden : in, last ? o.out_channels : hidden, last));
        (void)tn_nn_append(m->norms, o.norm && (i + 1 < layers || o.jk) ? o.norm(hidden) : tn_nn_identity());
    }
    if (o.jk && strcmp(o.jk, "last") != 0) {
        m->jk = tn_gnn_jumping_knowledge(o.jk, hidden, layers);
        (void)tn_module_child(&m->base, "jk", m->jk);
    }
    if (o.jk) m->lin = tn_graph__lin(&m->base, "lin", strcmp(o.jk, "cat") == 0 ? layers * hidden : hidden, o.out_channels ? o.out_channels : hidden, true, false);
    return tn_graph__made(&m->base);
}
TN_API tn_module *tn_gnn_basic_gnn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, tn_gnn_conv conv, void *user) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    return tn_graph__net_new("BasicGNN", "tn_gnn_basic_gnn", size, net, TN_GRAPH__EITHER, conv, user);
}
static tn_module *tn_graph__make_gcn(void *user, int64_t in, int64_t out, bool last) { return (void)last, tn_gnn_gcn_conv(in, out, (const tn_gcn_opts *)user); }
TN_API tn_module *tn_gnn_gcn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_gcn_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    return tn_graph__net_new("GCN", "tn_gnn_gcn", size, net, TN_GRAPH__WEIGHT, tn_graph__make_gcn, (void *)(uintptr_t)conv);
}
static tn_module *tn_graph__make_sage(void *user, int64_t in, int64_t out, bool last) { return (void)last, tn_gnn_sage_conv(in, out, (const tn_sage_opts *)user); }
TN_API tn_module *tn_gnn_graph_sage(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_sage_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    return tn_graph__net_new("GraphSAGE", "tn_gnn_graph_sage", size, net, TN_GRAPH__PLAIN, tn_graph__make_sage, (void *)(uintptr_t)conv);
}
/* Layers that hold a net of two layers: with the options of the whole. */
typedef struct { const tn_gnn_net_opts *net; const void *conv; } tn_graph__net_and_conv;
static tn_module *tn_graph__inner_mlp(const tn_gnn_net_opts *net, int64_t in, int64_t out) {
    const int64_t channels[3] = {in, out, out};
    tn_gnn_mlp_opts o;
    memset(&o, 0, sizeof o);
    o.no_norm = true;
    if (net) o.act = net->act, o.no_act = net->no_act, o.act_first = net->act_first, o.norm = net->norm, o.no_norm = !net->norm;
    return tn_gnn_mlp(channels, 3, &o);
}
static tn_module *tn_graph__make_gin(void *user, int64_t in, int64_t out, bool last) {
    const tn_graph__net_and_conv *u = (const tn_graph__net_and_conv *)user;
    return (void)last, tn_gnn_gin_conv(tn_graph__inner_mlp(u->net, in, out), (const tn_gin_opts *)u->conv);
}
TN_API tn_module *tn_gnn_gin(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_gin_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    tn_graph__net_and_conv u = {net, conv};
    return tn_graph__net_new("GIN", "tn_gnn_gin", size, net, TN_GRAPH__PLAIN, tn_graph__make_gin, &u);
}
static tn_module *tn_graph__make_edge(void *user, int64_t in, int64_t out, bool last) {
    const tn_graph__net_and_conv *u = (const tn_graph__net_and_conv *)user;
    return (void)last, tn_gnn_edge_conv(tn_graph__inner_mlp(u->net, 2 * in, out), (const tn_edge_conv_opts *)u->conv);
}
TN_API tn_module *tn_gnn_edge_cnn(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const tn_edge_conv_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    tn_graph__net_and_conv u = {net, conv};
    return tn_graph__net_new("EdgeCNN", "tn_gnn_edge_cnn", size, net, TN_GRAPH__PLAIN, tn_graph__make_edge, &u);
}
typedef struct { tn_gat_opts o; bool v2; } tn_graph__gat_maker;
static tn_module *tn_graph__make_gat(void *user, int64_t in, int64_t out, bool last) {
    const tn_graph__gat_maker *u = (const tn_graph__gat_maker *)user;
    tn_gat_opts o = u->o;
    const int64_t heads = o.heads ? o.heads : 1;
    if (last) o.mean_heads = true;
    if (!o.mean_heads && (heads < 1 || out % heads)) return tn_error_set(TN_ERR_INVALID, "tn_gnn_gat: %lld heads of %lld channels", (long long)heads, (long long)out), (tn_module *)NULL;
    if (!o.mean_heads) out /= heads;
    return u->v2 ? tn_gnn_gatv2_conv(in, out, &o) : tn_gnn_gat_conv(in, out, &o);
}
TN_API tn_module *tn_gnn_gat(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, bool v2, const tn_gat_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    tn_graph__gat_maker u;
    memset(&u, 0, sizeof u);
    if (conv) u.o = *conv;
    u.v2 = v2, u.o.dropout = net ? net->dropout : 0;
    return tn_graph__net_new("GAT", "tn_gnn_gat", size, net, TN_GRAPH__ATTR, tn_graph__make_gat, &u);
}
typedef struct { const char *const *aggrs, *const *scalers; int n_aggrs, n_scalers; tn_tensor *deg; const tn_gnn_pna_opts *o; } tn_graph__pna_maker;
static tn_module *tn_graph__make_pna(void *user, int64_t in, int64_t out, bool last) {
    const tn_graph__pna_maker *u = (const tn_graph__pna_maker *)user;
    return (void)last, tn_gnn_pna_conv(in, out, u->aggrs, u->n_aggrs, u->scalers, u->n_scalers, u->deg, u->o);
}
TN_API tn_module *tn_gnn_pna(int64_t in_channels, int64_t hidden_channels, int64_t num_layers, const tn_gnn_net_opts *net, const char *const *aggrs, int n_aggrs,
                             const char *const *scalers, int n_scalers, tn_tensor *deg, const tn_gnn_pna_opts *conv) {
    const int64_t size[3] = {in_channels, hidden_channels, num_layers};
    tn_graph__pna_maker u = {aggrs, scalers, n_aggrs, n_scalers, deg, conv};
    return tn_graph__net_new("PNA", "tn_gnn_pna", size, net, TN_GRAPH__ATTR, tn_graph__make_pna, &u);
}

/* GraphUNet. */
typedef struct { tn_module base; tn_gnn_unet_opts o; int64_t depth; tn_module *down, *pools, *up; } tn_graph__unet;
/* All paths of two edges i -> j -> k: [2, paths], the first edge of each and the second. */
typedef struct { tn_tensor *index, *first, *second; } tn_graph__paths;
static tn_graph__paths tn_graph__two_steps(const char *who, tn_tensor *edge_index, int64_t n) {
    tn_graph__paths r = {NULL, NULL, NULL};
    tn_graph__edges g;
    if (!tn_graph__edges_read(who, edge_index, n, &g)) return r;
    int64_t *start = (int64_t *)tn_graph__alloc(who, n, sizeof *start), *order = (int64_t *)tn_graph__alloc(who, g.e, sizeof *order), paths = 0, at = 0;
    if (start && order) tn_graph__sort_pass(g.row, NULL, g.e, n, start, order); /* start[i] is where row i ends then */
    for (int64_t e = 0; start && order && e < g.e; e++) paths += start[g.col[e]] - (g.col[e] ? start[g.col[e] - 1] : 0);
    int64_t *to = start && order ? (int64_t *)tn_graph__alloc(who, 4 * paths, sizeof *to) : NULL;
    for (int64_t e = 0; to && e < g.e; e++)
        for (int64_t k = g.col[e] ? start[g.col[e] - 1] : 0; k < start[g.col[e]]; k++, at++) to[at] = g.row[e], to[paths + at] = g.col[order[k]], to[2 * paths + at] = e, to[3 * paths + at] = order[k];
    if (to) r.index = tn_graph__indices(to, 2, paths, g.device), r.first = tn_graph__indices(to + 2 * paths, 0, paths, g.device), r.second = tn_graph__indices(to + 3 * paths, 0, paths, g.device);
    free(start), free(order), free(to);
    return r;
}
/* The square of the adjacency matrix with ones on its diagonal, and then without one. */
static tn_gnn_edge_list tn_graph__squared(const char *who, tn_tensor *edge_index, tn_tensor *weight, int64_t n) {
    const tn_gnn_edge_list none = {NULL, NULL, NULL};
    tn_gnn_edge_list l = tn_gnn_remove_self_loops(edge_index, weight);
    l = l.edge_index ? tn_gnn_add_self_loops(l.edge_index, l.edge_attr, n, 1, NULL) : l;
    if (!l.edge_index) return none;
    const tn_graph__paths p = tn_graph__two_steps(who, l.edge_index, n);
    if (!p.index || !p.first || !p.second) return none;
    l = tn_gnn_coalesce(p.index, tn_mul(tn_index_select(l.edge_attr, 0, p.first), tn_index_select(l.edge_attr, 0, p.second)), n, NULL);
    return l.edge_index ? tn_gnn_remove_self_loops(l.edge_index, l.edge_attr) : none;
}
typedef struct { tn_tensor *x, *edge_index, *weight, *perm; } tn_graph__unet_level; /* perm: of the nodes that go down from here */
static tn_tensor *tn_graph__unet_layer(const tn_graph__unet *m, tn_module *list, int64_t i, const tn_graph__unet_level *at, tn_tensor *x, bool act) {
    tn_tensor *in[3] = {x, at->edge_index, at->weight};
    return tn_graph__activated(m->o.act, !act, x ? tn_call(tn_module_at(list, (int)i), in, 3) : NULL);
}
static tn_tensor *tn_graph__unet_run(const tn_graph__unet *m, tn_graph__unet_level *level, tn_tensor *x, tn_tensor *batch) {
    level[0].x = tn_graph__unet_layer(m, m->down, 0, &level[0], x, true);
    for (int64_t i = 0; level[i].x && i < m->depth; i++) {
        const tn_gnn_edge_list l = tn_graph__squared("GraphUNet", level[i].edge_index, level[i].weight, tn_size(level[i].x, 0));
        if (!l.edge_index) return NULL;
        const tn_gnn_pooled p = tn_gnn_pooling_forward(tn_module_at(m->pools, (int)i), level[i].x, l.edge_index, l.edge_attr, batch, NULL);
        if (!p.x) return NULL;
        batch = p.batch, level[i].perm = p.perm, level[i + 1].edge_index = p.edge_index, level[i + 1].weight = p.edge_attr;
        level[i + 1].x = tn_graph__unet_layer(m, m->down, i + 1, &level[i + 1], p.x, true);
    }
    x = level[m->depth].x;
    for (int64_t i = 0; x && i < m->depth; i++) {
        tn_graph__unet_level *at = &level[m->depth - 1 - i];
        tn_tensor *up = tn_index_put(tn_zeros_like(at->x, NULL), &at->perm, 1, x, false), *both[2] = {at->x, up};
        x = tn_graph__unet_layer(m, m->up, i, at, m->o.concat ? tn_cat(both, 2, 1) : tn_add(at->x, up), i + 1 < m->depth);
    }
    return x;
}
static tn_tensor *tn_graph__unet_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__unet *m = (const tn_graph__unet *)self;
    tn_tensor *rest[3] = {n > 0 ? in[0] : NULL, n > 1 ? in[1] : NULL, n > 3 ? in[3] : NULL};
    tn_gnn_edges e;
    if (!tn_graph__needs(self, rest[1], "edge_index") || !tn_graph__weighed_inputs(self, rest, 3, true, false, &e)) return NULL;
    tn_graph__unet_level *level = (tn_graph__unet_level *)tn_graph__alloc(self->kind, m->depth + 1, sizeof *level);
    tn_tensor *y = NULL;
    if (level) {
        level[0].edge_index = e.edge_index, level[0].weight = e.edge_attr ? e.edge_attr : tn_graph__filled(tn_shape(e.edge_index) + 1, 1, 1, e.x);
        y = tn_graph__unet_run(m, level, e.x, n > 2 ? in[2] : NULL);
    }
    free(level);
    return y;
}
TN_API tn_module *tn_gnn_graph_unet(int64_t in_channels, int64_t hidden_channels, int64_t out_channels, int64_t depth, const tn_gnn_unet_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_unet_opts);
    const int64_t size[4] = {in_channels, hidden_channels, out_channels, depth}, wide = o.concat ? 2 * hidden_channels : hidden_channels;
    tn_gcn_opts gcn;
    tn_gnn_pooling_opts pool;
    memset(&gcn, 0, sizeof gcn), memset(&pool, 0, sizeof pool);
    gcn.improved = true;
    if (!tn_graph__sizes("tn_gnn_graph_unet", size, 4)) return NULL;
    tn_graph__unet *m = (tn_graph__unet *)tn_module_new(sizeof *m, "GraphUNet", tn_graph__unet_forward);
    if (!m) return NULL;
    m->o = o, m->depth = depth;
    m->down = tn_graph__list(&m->base, "down_convs"), m->pools = tn_graph__list(&m->base, "pools"), m->up = tn_graph__list(&m->base, "up_convs");
    for (int64_t i = 0; m->down && m->pools && m->up && i <= depth; i++) {
        (void)tn_nn_append(m->down, tn_gnn_gcn_conv(i ? hidden_channels : in_channels, hidden_channels, &gcn));
        if (i == depth) break;
        pool.ratio = o.pool_ratios ? o.pool_ratios[i] : 0;
        (void)tn_nn_append(m->pools, tn_gnn_topk_pooling(hidden_channels, &pool));
        (void)tn_nn_append(m->up, tn_gnn_gcn_conv(wide, i + 1 < depth ? hidden_channels : out_channels, &gcn));
    }
    m->o.pool_ratios = NULL; /* the caller's */
    return tn_graph__made(&m->base);
}

/* SchNet. */
static tn_tensor *tn_graph__shifted_softplus(tn_tensor *x) { return tn_sub(tn_softplus(x, 1, 20), tn_arg_f(log(2.0))); }
typedef struct { tn_module base; tn_module *mlp, *conv, *lin1, *lin2, *lin; } tn_graph__interaction;
typedef struct { tn_module base; tn_gnn_schnet_opts o; tn_reduction_kind aggr; tn_module *embedding, *interactions, *lin1, *lin2, *atomref; tn_tensor *offset; } tn_graph__schnet;
static tn_status tn_graph__xavier_init(tn_module *self) { /* of a linear layer */
    tn_tensor *w = tn_module_get(self, "weight"), *b = tn_dict_get(tn_named_parameters(self), "bias");
    return w && tn_init_xavier_uniform_(w, 1, NULL) && (!b || tn_init_zeros_(b)) ? TN_OK : tn_error_code();
}
static tn_module *tn_graph__xavier_lin(tn_module *m, const char *name, int64_t in, int64_t out, bool bias) {
    tn_linear_opts o;
    memset(&o, 0, sizeof o);
    o.no_bias = !bias;
    tn_module *lin = tn_nn_linear(in, out, &o);
    if (!lin || tn_module_init(lin, tn_graph__xavier_init) != TN_OK) return NULL;
    return m ? tn_module_child(m, name, lin) : lin;
}
static tn_module *tn_graph__interaction_new(const tn_gnn_schnet_opts *o) {
    tn_graph__interaction *m = (tn_graph__interaction *)tn_module_new(sizeof *m, "InteractionBlock", tn_graph__only_forward);
    tn_module *part[3] = {tn_graph__xavier_lin(NULL, NULL, o->num_gaussians, o->num_filters, true), tn_graph__act_module(tn_graph__shifted_softplus),
                          tn_graph__xavier_lin(NULL, NULL, o->num_filters, o->num_filters, true)};
    if (!m) return NULL;
    m->mlp = tn_module_child(&m->base, "mlp", tn_nn_sequential_of(part, 3));
    m->conv = tn_module_child(&m->base, "conv", tn_module_new(sizeof(tn_module), "CFConv", tn_graph__only_forward));
    m->lin1 = tn_graph__xavier_lin(m->conv, "lin1", o->hidden_channels, o->num_filters, false);
    m->lin2 = tn_graph__xavier_lin(m->conv, "lin2", o->num_filters, o->hidden_channels, true);
    (void)tn_module_child(m->conv, "nn", m->mlp);
    m->lin = tn_graph__xavier_lin(&m->base, "lin", o->hidden_channels, o->hidden_channels, true);
    return tn_graph__made(&m->base);
}
/* cut [E, 1] fades a pair out at the cutoff. */
static tn_tensor *tn_graph__interact(const tn_module *block, const tn_gnn_edges *e, tn_tensor *x, tn_tensor *cut, tn_tensor *gauss) {
    const tn_graph__interaction *m = (const tn_graph__interaction *)block;
    tn_tensor *w = tn_mul(tn_forward(m->mlp, gauss), cut), *h = w ? tn_graph__collect(e, tn_mul(tn_gnn_x_j(e, tn_forward(m->lin1, x)), w), TN_REDUCE_SUM) : NULL;
    return h ? tn_forward(m->lin, tn_graph__shifted_softplus(tn_forward(m->lin2, h))) : NULL;
}
static tn_tensor *tn_graph__schnet_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__schnet *m = (const tn_graph__schnet *)self;
    tn_tensor *z = n > 0 ? in[0] : NULL, *pos = n > 1 ? in[1] : NULL, *batch = n > 2 ? in[2] : NULL;
    tn_gnn_edges e;
    memset(&e, 0, sizeof e);
    if (!tn_graph__needs(self, z, "z") || !tn_graph__needs(self, pos, "pos")) return NULL;
    e.edge_index = n > 3 ? in[3] : NULL, e.x = pos;
    if (!tn_graph__needs(self, e.edge_index, "edge_index")) return NULL;
    const double step = m->o.cutoff / (double)(m->o.num_gaussians - 1);
    const tn_reduce_opts last = tn_graph__over(-1);
    tn_tensor *apart = tn_sub(tn_gnn_x_j(&e, pos), tn_gnn_x_i(&e, pos)), *far = tn_unsqueeze(tn_linalg_vector_norm(apart, 2, &last), 1);
    tn_tensor *cut = tn_mul(tn_add(tn_cos(tn_mul(far, tn_arg_f(3.14159265358979323846 / m->o.cutoff))), tn_arg_f(1)), tn_arg_f(0.5));
    tn_tensor *gauss = tn_exp(tn_mul(tn_square(tn_sub(far, m->offset)), tn_arg_f(-0.5 / (step * step)))), *h = gauss ? tn_forward(m->embedding, z) : NULL;
    for (int i = 0; h && i < tn_module_len(m->interactions); i++) h = tn_add(h, tn_graph__interact(tn_module_at(m->interactions, i), &e, h, cut, gauss));
    h = h ? tn_forward(m->lin2, tn_graph__shifted_softplus(tn_forward(m->lin1, h))) : NULL;
    if (h && m->o.std != 0) h = tn_add(tn_mul(h, tn_arg_f(m->o.std)), tn_arg_f(m->o.mean));
    if (h && m->atomref) h = tn_add(h, tn_forward(m->atomref, z));
    if (h && !batch) { /* one molecule */
        const int64_t all = tn_size(h, 0);
        tn_tensor_opts o;
        memset(&o, 0, sizeof o);
        o.dtype = TN_I64;
        batch = tn_to(tn_zeros(&all, 1, &o), tn_get_device(h));
    }
    return h ? tn_gnn_scatter(h, batch, -1, m->aggr) : NULL;
}
TN_API tn_module *tn_gnn_schnet(const tn_gnn_schnet_opts *opts) {
    const char *who = "tn_gnn_schnet";
    TN_GRAPH__OPTS(tn_gnn_schnet_opts);
    if (o.hidden_channels == 0) o.hidden_channels = 128;
    if (o.num_filters == 0) o.num_filters = 128;
    if (o.num_interactions == 0) o.num_interactions = 6;
    if (o.num_gaussians == 0) o.num_gaussians = 50;
    if (o.max_num_neighbors == 0) o.max_num_neighbors = 32;
    if (o.cutoff == 0) o.cutoff = 10;
    const int64_t size[5] = {o.hidden_channels / 2, o.num_filters, o.num_interactions, o.num_gaussians - 1, o.max_num_neighbors}, hundred[2] = {100, 1};
    tn_reduction_kind aggr;
    if (!tn_graph__sizes(who, size, 5) || !tn_graph__reduction(who, o.aggr, TN_REDUCE_SUM, &aggr)) return NULL;
    if (!(o.cutoff > 0) || (o.atomref && (tn_ndim(o.atomref) != 2 || tn_size(o.atomref, 0) != 100 || tn_size(o.atomref, 1) != 1)))
        return tn_error_set(TN_ERR_INVALID, "%s: the cutoff is %g, or atomref not [100, 1]", who, o.cutoff), (tn_module *)NULL;
    tn_graph__schnet *m = (tn_graph__schnet *)tn_module_new(sizeof *m, "SchNet", tn_graph__schnet_forward);
    tn_embedding_opts e;
    memset(&e, 0, sizeof e);
    e.has_padding_idx = true;
    if (!m) return NULL;
    m->o = o, m->aggr = aggr;
    if (o.atomref) (void)tn_module_buffer(&m->base, "initial_atomref", tn_clone(o.atomref), false);
    m->embedding = tn_module_child(&m->base, "embedding", tn_nn_embedding(100, o.hidden_channels, &e));
    tn_module *gauss = tn_module_child(&m->base, "distance_expansion", tn_module_new(sizeof(tn_module), "GaussianSmearing", tn_graph__only_forward));
    m->offset = tn_module_buffer(gauss, "offset", tn_linspace(0, o.cutoff, o.num_gaussians, NULL), false);
    m->interactions = tn_graph__list(&m->base, "interactions");
    for (int64_t i = 0; m->interactions && i < o.num_interactions; i++) (void)tn_nn_append(m->interactions, tn_graph__interaction_new(&o));
    m->lin1 = tn_graph__xavier_lin(&m->base, "lin1", o.hidden_channels, o.hidden_channels / 2, true);
    m->lin2 = tn_graph__xavier_lin(&m->base, "lin2", o.hidden_channels / 2, 1, true);
    if (o.atomref) {
        m->atomref = tn_module_child(&m->base, "atomref", tn_nn_embedding(100, 1, NULL));
        tn_tensor *w = m->atomref ? tn_module_get(m->atomref, "weight") : NULL;
        const bool was = tn_set_grad_enabled(false);
        if (w) (void)tn_copy_(w, tn_reshape(o.atomref, hundred, 2));
        (void)tn_set_grad_enabled(was);
        if (!w) return NULL;
    }
    m->o.atomref = NULL; /* the caller's */
    return gauss ? tn_graph__made(&m->base) : NULL;
}

/* Autoencoders. */
static bool tn_graph__links_ok(const char *who, tn_tensor *z, tn_tensor *edge_index) {
    if (!z || !edge_index) return tn_graph__absent(who, z ? "edge_index" : "z");
    return tn_ndim(z) == 2 || (tn_error_set(TN_ERR_SHAPE, "%s: z is %s, not [nodes, features]", who, tn_graph__shape(z).text), false);
}
TN_API tn_tensor *tn_gnn_inner_product_decode(tn_tensor *z, tn_tensor *edge_index, bool logits) {
    if (!tn_graph__links_ok("tn_gnn_inner_product_decode", z, edge_index)) return NULL;
    tn_gnn_edges e;
    tn_scope s = tn_scope_open();
    memset(&e, 0, sizeof e);
    e.x = z, e.edge_index = edge_index;
    tn_tensor *wide = tn_unsqueeze(z, 1), *y = tn_gnn_edge_dot(&e, wide, wide);
    y = y ? tn_select(y, 1, 0) : NULL;
    if (y && !logits) y = tn_sigmoid(y);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
TN_API tn_tensor *tn_gnn_inner_product_decode_all(tn_tensor *z, bool logits) {
    if (!tn_graph__links_ok("tn_gnn_inner_product_decode_all", z, z)) return NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *y = tn_matmul(z, tn_t(z));
    if (y && !logits) y = tn_sigmoid(y);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
/* -mean(log(p + 1e-15)), of 1 - p where it should not be. */
static tn_tensor *tn_graph__surprise(tn_tensor *p, bool absent) {
    return tn_neg(tn_mean(tn_log(tn_add(absent ? tn_sub(tn_arg_f(1), p) : p, tn_arg_f(1e-15))), NULL));
}
TN_API tn_tensor *tn_gnn_recon_loss(tn_tensor *z, tn_tensor *pos_edge_index, tn_tensor *neg_edge_index) {
    if (!tn_graph__links_ok("tn_gnn_recon_loss", z, pos_edge_index) || !tn_graph__links_ok("tn_gnn_recon_loss", z, neg_edge_index)) return NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *pos = tn_gnn_inner_product_decode(z, pos_edge_index, false), *neg = tn_gnn_inner_product_decode(z, neg_edge_index, false);
    tn_tensor *y = pos && neg ? tn_add(tn_graph__surprise(pos, false), tn_graph__surprise(neg, true)) : NULL;
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
/* The labels in descending order of score, and where a score is another than the one before. n, or -1. */
typedef struct { const double *score; const unsigned char *label; int64_t *order, n; } tn_graph__hits;
static bool tn_graph__rank(const char *who, tn_tensor *y, tn_tensor *score, tn_graph__hits *r) {
    const tn_device cpu = {TN_CPU, 0};
    if (!y || !score) return tn_graph__absent(who, y ? "score" : "y");
    if (tn_ndim(y) != 1 || tn_ndim(score) != 1 || tn_size(y, 0) != tn_size(score, 0))
        return tn_error_set(TN_ERR_SHAPE, "%s: y is %s, score %s", who, tn_graph__shape(y).text, tn_graph__shape(score).text), false;
    tn_tensor *label = tn_contiguous(tn_to(tn_ne(y, tn_arg_i(0)), cpu)), *value = tn_contiguous(tn_to_dtype(tn_to(tn_detach(score), cpu), TN_F64)), *order = value ? tn_argsort(value, 0, true, true) : NULL;
    if (!label || !order) return false;
    r->label = (const unsigned char *)tn_data(label), r->score = (const double *)tn_data(value), r->order = (int64_t *)tn_data(order), r->n = tn_size(y, 0);
    return true;
}
/* Over groups of equal scores: the area under the curve of hits by false alarms, and the sum of precision times what is new of recall. */
static tn_gnn_link_scores tn_graph__hit_scores(const tn_graph__hits *r) {
    const tn_gnn_link_scores none = {(double)NAN, (double)NAN};
    double hits = 0, alarms = 0, area = 0, sum = 0;
    for (int64_t i = 0; i < r->n;) {
        double more[2] = {0, 0};
        const double score = r->score[r->order[i]];
        for (; i < r->n && r->score[r->order[i]] == score; i++) more[r->label[r->order[i]] != 0]++;
        if (more[0] + more[1] == 0) return tn_error_set(TN_ERR_INVALID, "a score is NaN"), none;
        area += more[0] * (hits + more[1] / 2);
        hits += more[1], alarms += more[0];
        sum += more[1] * hits / (hits + alarms);
    }
    tn_gnn_link_scores s = {hits > 0 && alarms > 0 ? area / (hits * alarms) : (double)NAN, hits > 0 ? sum / hits : (double)NAN};
    return s;
}
TN_API double tn_gnn_roc_auc(tn_tensor *y, tn_tensor *score) {
    tn_graph__hits r;
    tn_scope s = tn_scope_open();
    const double v = tn_graph__rank("tn_gnn_roc_auc", y, score, &r) ? tn_graph__hit_scores(&r).auc : (double)NAN;
    tn_scope_close(&s);
    return v;
}
TN_API double tn_gnn_average_precision(tn_tensor *y, tn_tensor *score) {
    tn_graph__hits r;
    tn_scope s = tn_scope_open();
    const double v = tn_graph__rank("tn_gnn_average_precision", y, score, &r) ? tn_graph__hit_scores(&r).ap : (double)NAN;
    tn_scope_close(&s);
    return v;
}
TN_API tn_gnn_link_scores tn_gnn_link_test(tn_tensor *z, tn_tensor *pos_edge_index, tn_tensor *neg_edge_index) {
    const char *who = "tn_gnn_link_test";
    tn_gnn_link_scores v = {(double)NAN, (double)NAN};
    tn_graph__hits r;
    if (!tn_graph__links_ok(who, z, pos_edge_index) || !tn_graph__links_ok(who, z, neg_edge_index)) return v;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    tn_tensor *both[2] = {tn_gnn_inner_product_decode(z, pos_edge_index, false), tn_gnn_inner_product_decode(z, neg_edge_index, false)};
    tn_tensor *label[2] = {both[0] ? tn_ones_like(both[0], NULL) : NULL, both[1] ? tn_zeros_like(both[1], NULL) : NULL};
    if (label[0] && label[1] && tn_graph__rank(who, tn_cat(label, 2, 0), tn_cat(both, 2, 0), &r)) v = tn_graph__hit_scores(&r);
    (void)tn_set_grad_enabled(was);
    tn_scope_close(&s);
    return v;
}
typedef struct { tn_module base; tn_module *encoder; tn_generator *generator; } tn_graph__vgae;
static void tn_graph__vgae_free(tn_module *self) { tn_release(((tn_graph__vgae *)self)->generator); }
static bool tn_graph__vgae_run(tn_module *self, tn_tensor *const *in, int n, tn_gnn_vgae_result *r) {
    const tn_graph__vgae *m = (const tn_graph__vgae *)self;
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = m->generator;
    tn_tensor *both = tn_call(m->encoder, in, n);
    if (!both) return false;
    if (tn_ndim(both) != 2 || tn_size(both, 1) % 2) return tn_error_set(TN_ERR_SHAPE, "VGAE: the encoder gives %s, not mu and logstd side by side", tn_graph__shape(both).text), false;
    const int64_t d = tn_size(both, 1) / 2;
    r->mu = tn_narrow(both, 1, 0, d), r->logstd = tn_clamp(tn_narrow(both, 1, d, d), (tn_tensor *)NULL, tn_arg_f(10));
    r->z = tn_module_training(self) ? tn_add(r->mu, tn_mul(tn_randn_like(r->logstd, &o), tn_exp(r->logstd))) : r->mu;
    return r->z && r->logstd;
}
static tn_tensor *tn_graph__vgae_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_gnn_vgae_result r;
    return tn_graph__vgae_run(self, in, n, &r) ? r.z : NULL;
}
TN_API tn_module *tn_gnn_vgae(tn_module *encoder, tn_generator *generator) {
    if (!encoder) return tn_graph__absent("tn_gnn_vgae", "the encoder"), (tn_module *)NULL;
    tn_graph__vgae *m = (tn_graph__vgae *)tn_module_new(sizeof *m, "VGAE", tn_graph__vgae_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__vgae_free);
    if (generator) m->generator = (tn_generator *)tn_retain(generator);
    m->encoder = tn_module_child(&m->base, "encoder", encoder);
    return tn_graph__made(&m->base);
}
static bool tn_graph__is(const char *who, const tn_module *m, tn_forward_fn forward) {
    if (!m) return tn_graph__absent(who, "the module");
    if (m->forward != forward) return tn_error_set(TN_ERR_INVALID, "%s: the module is a %s", who, m->kind), false;
    return tn_init_flush() == TN_OK;
}
TN_API tn_gnn_vgae_result tn_gnn_vgae_encode(tn_module *vgae, tn_tensor *const *in, int n) {
    const tn_gnn_vgae_result none = {NULL, NULL, NULL};
    tn_gnn_vgae_result r = none;
    if (!tn_graph__is("tn_gnn_vgae_encode", vgae, tn_graph__vgae_forward)) return none;
    tn_scope s = tn_scope_open();
    if (!tn_graph__vgae_run(vgae, in, n, &r)) r = none;
    tn_keep(r.mu), tn_keep(r.logstd);
    if (r.z != r.mu) tn_keep(r.z);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensor *tn_gnn_kl_loss(tn_tensor *mu, tn_tensor *logstd) {
    if (!tn_graph__links_ok("tn_gnn_kl_loss", mu, logstd)) return NULL;
    tn_scope s = tn_scope_open();
    logstd = tn_clamp(logstd, (tn_tensor *)NULL, tn_arg_f(10));
    tn_tensor *each = tn_sub(tn_sub(tn_add(tn_mul(logstd, tn_arg_f(2)), tn_arg_f(1)), tn_square(mu)), tn_square(tn_exp(logstd)));
    tn_tensor *y = tn_mul(tn_mean(tn_graph__sum_over(each, 1), NULL), tn_arg_f(-0.5));
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* Deep graph infomax. */
typedef struct { tn_module base; tn_gnn_infomax_opts o; int64_t hidden; tn_module *encoder; tn_tensor *weight; } tn_graph__infomax;
static void tn_graph__infomax_free(tn_module *self) { tn_release(((tn_graph__infomax *)self)->o.generator); }
static tn_tensor *tn_graph__infomax_forward(tn_module *self, tn_tensor *const *in, int n) { return tn_call(((tn_graph__infomax *)self)->encoder, in, n); }
static tn_status tn_graph__infomax_init(tn_module *self) {
    const tn_graph__infomax *m = (const tn_graph__infomax *)self;
    const double bound = 1 / sqrt((double)m->hidden);
    return tn_init_uniform_(m->weight, -bound, bound, NULL) ? TN_OK : tn_error_code();
}
TN_API tn_module *tn_gnn_deep_graph_infomax(int64_t hidden_channels, tn_module *encoder, const tn_gnn_infomax_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_infomax_opts);
    if (!tn_graph__sizes("tn_gnn_deep_graph_infomax", &hidden_channels, 1)) return NULL;
    if (!encoder) return tn_graph__absent("tn_gnn_deep_graph_infomax", "the encoder"), (tn_module *)NULL;
    tn_graph__infomax *m = (tn_graph__infomax *)tn_module_new(sizeof *m, "DeepGraphInfomax", tn_graph__infomax_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__infomax_free);
    m->o = o, m->hidden = hidden_channels;
    if (o.generator) m->o.generator = (tn_generator *)tn_retain(o.generator);
    m->weight = tn_graph__param(&m->base, "weight", hidden_channels, hidden_channels, 0, 0);
    m->encoder = tn_module_child(&m->base, "encoder", encoder);
    return tn_module_init(&m->base, tn_graph__infomax_init) == TN_OK ? &m->base : NULL;
}
static bool tn_graph__infomax_run(const tn_graph__infomax *m, tn_tensor *const *in, int n, tn_gnn_infomax *r) {
    tn_tensor *other[16];
    if (n < 1 || n > 16 || !in || !in[0]) return tn_error_set(TN_ERR_INVALID, "tn_gnn_infomax_forward: 1 to 16 inputs, of which x is there, are wanted"), false;
    memcpy(other, in, (size_t)n * sizeof *in);
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = m->o.generator, o.dtype = TN_I64;
    if (!(r->pos_z = tn_call(m->encoder, in, n))) return false;
    if (m->o.corruption && m->o.corruption(m->o.user, other, n) != TN_OK) return false;
    if (!m->o.corruption) other[0] = tn_index_select(in[0], 0, tn_to(tn_randperm(tn_size(in[0], 0), &o), tn_get_device(in[0])));
    if (!(r->neg_z = tn_call(m->encoder, other, n))) return false;
    r->summary = m->o.summary ? m->o.summary(m->o.user, r->pos_z, in, n) : tn_sigmoid(tn_graph__mean_over(r->pos_z, 0));
    return r->summary != NULL;
}
TN_API tn_gnn_infomax tn_gnn_infomax_forward(tn_module *m, tn_tensor *const *in, int n) {
    const tn_gnn_infomax none = {NULL, NULL, NULL};
    tn_gnn_infomax r = none;
    if (!tn_graph__is("tn_gnn_infomax_forward", m, tn_graph__infomax_forward)) return none;
    tn_scope s = tn_scope_open();
    if (!tn_graph__infomax_run((tn_graph__infomax *)m, in, n, &r)) r = none;
    tn_keep(r.pos_z), tn_keep(r.neg_z), tn_keep(r.summary);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensor *tn_gnn_infomax_discriminate(tn_module *m, tn_tensor *z, tn_tensor *summary, bool logits) {
    if (!tn_graph__is("tn_gnn_infomax_discriminate", m, tn_graph__infomax_forward) || !tn_graph__links_ok("tn_gnn_infomax_discriminate", z, summary)) return NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *y = tn_matmul(z, tn_matmul(((tn_graph__infomax *)m)->weight, tn_ndim(summary) > 1 ? tn_t(summary) : summary));
    if (y && !logits) y = tn_sigmoid(y);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
TN_API tn_tensor *tn_gnn_infomax_loss(tn_module *m, const tn_gnn_infomax *r) {
    if (!r) return tn_graph__absent("tn_gnn_infomax_loss", "the result of a forward"), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *pos = tn_gnn_infomax_discriminate(m, r->pos_z, r->summary, false), *neg = pos ? tn_gnn_infomax_discriminate(m, r->neg_z, r->summary, false) : NULL;
    tn_tensor *y = neg ? tn_add(tn_graph__surprise(pos, false), tn_graph__surprise(neg, true)) : NULL;
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* Label propagation. What happens to y after each step: kept in limits, or the rows that are known put back. */
typedef struct { double low, high; tn_tensor *rows, *known; } tn_graph__step;
/* mask, bool or indices, as indices of n nodes. */
static tn_tensor *tn_graph__mask_rows(const char *who, tn_tensor *mask, int64_t n) {
    if (!mask) return tn_graph__absent(who, "mask"), (tn_tensor *)NULL;
    if (tn_ndim(mask) != 1 || (tn_get_dtype(mask) == TN_BOOL && tn_size(mask, 0) != n))
        return tn_error_set(TN_ERR_SHAPE, "%s: mask is %s for %lld nodes", who, tn_graph__shape(mask).text, (long long)n), (tn_tensor *)NULL;
    return tn_get_dtype(mask) == TN_BOOL ? tn_select(tn_nonzero(mask), 1, 0) : mask;
}
/* Classes as rows of 0 and 1, others as they are. */
static tn_tensor *tn_graph__class_rows(tn_tensor *y, int64_t classes, tn_dtype dtype) {
    const int64_t flat = -1;
    if (tn_get_dtype(y) != TN_I64 || tn_numel(y) != tn_size(y, 0)) return tn_dtype_is_floating(tn_get_dtype(y)) ? y : tn_to_dtype(y, dtype);
    return tn_to_dtype(tn_one_hot(tn_reshape(y, &flat, 1), classes), dtype);
}
static tn_tensor *tn_graph__spread_labels(tn_tensor *y, tn_tensor *edge_index, tn_tensor *edge_weight, int64_t layers, double alpha, const tn_graph__step *step) {
    tn_gnn_edges e;
    tn_gcn_norm_opts norm;
    memset(&e, 0, sizeof e), memset(&norm, 0, sizeof norm);
    norm.no_self_loops = true, norm.dtype = y ? tn_get_dtype(y) : TN_F32;
    if (!y) return NULL;
    const tn_gnn_edge_list given = {edge_index, edge_weight, NULL}, l = edge_weight ? given : tn_gnn_gcn_norm(edge_index, NULL, tn_size(y, 0), &norm);
    tn_tensor *stays = tn_mul(y, tn_arg_f(1 - alpha));
    e.x = y, e.edge_index = l.edge_index, e.edge_attr = l.edge_attr;
    for (int64_t i = 0; e.x && e.edge_index && i < layers; i++) {
        e.x = tn_add(tn_mul(tn_gnn_propagate(&e, NULL), tn_arg_f(alpha)), stays);
        e.x = step->rows ? tn_index_put(e.x, &step->rows, 1, step->known, false) : tn_clamp(e.x, tn_arg_f(step->low), tn_arg_f(step->high));
    }
    return e.edge_index ? e.x : NULL;
}
/* The end of a function that computed without recording. */
static tn_tensor *tn_graph__unrecorded(tn_scope *s, bool was, tn_tensor *y) {
    (void)tn_set_grad_enabled(was);
    tn_keep(y);
    tn_scope_close(s);
    return y;
}
TN_API tn_tensor *tn_gnn_label_propagation(tn_tensor *y, tn_tensor *edge_index, tn_tensor *mask, tn_tensor *edge_weight, int64_t num_layers, double alpha) {
    const char *who = "tn_gnn_label_propagation";
    const tn_graph__step step = {0, 1, NULL, NULL};
    if (!y || !edge_index) return tn_graph__absent(who, y ? "edge_index" : "y"), (tn_tensor *)NULL;
    if (tn_ndim(y) < 1 || num_layers < 0) return tn_error_set(TN_ERR_INVALID, "%s: y is %s, num_layers %lld", who, tn_graph__shape(y).text, (long long)num_layers), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    tn_tensor *out = tn_graph__class_rows(y, -1, tn_get_default_dtype()), *rows = mask ? tn_graph__mask_rows(who, mask, tn_size(y, 0)) : NULL;
    if (out && tn_ndim(out) == 1) out = tn_unsqueeze(out, 1);
    if (mask) out = rows && out ? tn_index_put(tn_zeros_like(out, NULL), &rows, 1, tn_index_select(out, 0, rows), false) : NULL;
    return tn_graph__unrecorded(&s, was, tn_graph__spread_labels(out, edge_index, edge_weight, num_layers, alpha, &step));
}
/* The rows of mask, and what is known of them. */
static bool tn_graph__known(const char *who, tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor **rows, tn_tensor **known) {
    if (!y_soft || !y_true || !edge_index) return tn_graph__absent(who, !y_soft ? "y_soft" : !y_true ? "y_true" : "edge_index");
    if (tn_ndim(y_soft) != 2 || tn_ndim(y_true) < 1) return tn_error_set(TN_ERR_SHAPE, "%s: y_soft is %s, not [nodes, classes]", who, tn_graph__shape(y_soft).text), false;
    *rows = tn_graph__mask_rows(who, mask, tn_size(y_soft, 0));
    if (!*rows) return false;
    if (tn_size(*rows, 0) != tn_size(y_true, 0)) return tn_error_set(TN_ERR_SHAPE, "%s: y_true is %s, of %lld nodes in mask", who, tn_graph__shape(y_true).text, (long long)tn_size(*rows, 0)), false;
    *known = tn_graph__class_rows(y_true, tn_size(y_soft, 1), tn_get_dtype(y_soft));
    return *known != NULL;
}
TN_API tn_tensor *tn_gnn_correct(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight, const tn_gnn_correct_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_correct_opts);
    tn_graph__step step = {-1, 1, NULL, NULL};
    tn_tensor *rows, *known, *y = NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    if (tn_graph__known("tn_gnn_correct", y_soft, y_true, mask, edge_index, &rows, &known)) {
        tn_tensor *wrong = tn_sub(known, tn_index_select(y_soft, 0, rows)), *error = tn_index_put(tn_zeros_like(y_soft, NULL), &rows, 1, wrong, false), *scale = tn_arg_f(o.scale == 0 ? 1 : o.scale);
        if (o.no_autoscale) step.rows = rows, step.known = wrong;
        error = tn_graph__spread_labels(error, edge_index, edge_weight, o.num_correction_layers, o.correction_alpha, &step);
        if (error && !o.no_autoscale) {
            const double sigma = tn_item(tn_sum(tn_abs(wrong), NULL)) / (double)tn_size(rows, 0);
            scale = tn_unsqueeze(tn_div(tn_arg_f(sigma), tn_graph__sum_over(tn_abs(error), 1)), 1);
            scale = tn_masked_fill(scale, tn_logical_or(tn_isinf(scale), tn_gt(scale, tn_arg_f(1000))), tn_arg_f(1));
        }
        y = error ? tn_add(y_soft, tn_mul(error, scale)) : NULL;
    }
    return tn_graph__unrecorded(&s, was, y);
}
TN_API tn_tensor *tn_gnn_smooth(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight, const tn_gnn_correct_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_correct_opts);
    const tn_graph__step step = {0, 1, NULL, NULL};
    tn_tensor *rows, *known, *y = NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    if (tn_graph__known("tn_gnn_smooth", y_soft, y_true, mask, edge_index, &rows, &known))
        y = tn_graph__spread_labels(tn_index_put(y_soft, &rows, 1, known, false), edge_index, edge_weight, o.num_smoothing_layers, o.smoothing_alpha, &step);
    return tn_graph__unrecorded(&s, was, y);
}

/* LightGCN. */
typedef struct { tn_module base; int64_t nodes; bool raw; tn_module *embedding, *convs; tn_tensor *weight, *alpha; } tn_graph__light;
static tn_status tn_graph__light_init(tn_module *self) { return tn_init_xavier_uniform_(((tn_graph__light *)self)->weight, 1, NULL) ? TN_OK : tn_error_code(); }
static tn_tensor *tn_graph__light_run(const tn_graph__light *m, tn_tensor *edge_index, tn_tensor *edge_weight) {
    tn_tensor *x = m->weight, *y = tn_mul(x, tn_select(m->alpha, 0, 0));
    for (int i = 0; y && i < tn_module_len(m->convs); i++) {
        tn_tensor *in[3] = {x, edge_index, edge_weight};
        x = tn_call(tn_module_at(m->convs, i), in, 3);
        y = x ? tn_add(y, tn_mul(x, tn_select(m->alpha, 0, i + 1))) : NULL;
    }
    return y;
}
static tn_tensor *tn_graph__light_forward(tn_module *self, tn_tensor *const *in, int n) {
    if (!tn_graph__needs(self, n > 0 ? in[0] : NULL, "edge_index")) return NULL;
    tn_tensor *x = tn_graph__light_run((tn_graph__light *)self, in[0], n > 2 ? in[2] : NULL);
    return x ? tn_gnn_inner_product_decode(x, n > 1 && in[1] ? in[1] : in[0], true) : NULL;
}
TN_API tn_module *tn_gnn_light_gcn(int64_t num_nodes, int64_t embedding_dim, int64_t num_layers, const tn_gnn_light_gcn_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_light_gcn_opts);
    const int64_t size[3] = {num_nodes, embedding_dim, num_layers}, layers = num_layers + 1;
    if (!tn_graph__sizes("tn_gnn_light_gcn", size, 3)) return NULL;
    tn_gnn_lg_opts lg;
    lg.no_normalize = o.no_normalize;
    tn_graph__light *m = (tn_graph__light *)tn_module_new(sizeof *m, "LightGCN", tn_graph__light_forward);
    if (!m) return NULL;
    m->nodes = num_nodes, m->raw = o.no_normalize;
    m->alpha = tn_module_buffer(&m->base, "alpha", tn_full(&layers, 1, o.alpha == 0 ? 1 / (double)layers : o.alpha, NULL), false);
    m->embedding = tn_module_child(&m->base, "embedding", tn_nn_embedding(num_nodes, embedding_dim, NULL));
    m->weight = m->embedding ? tn_module_get(m->embedding, "weight") : NULL;
    m->convs = tn_graph__list(&m->base, "convs");
    for (int64_t i = 0; m->convs && i < num_layers; i++) (void)tn_nn_append(m->convs, tn_gnn_lg_conv(&lg));
    return m->weight && tn_module_init(&m->base, tn_graph__light_init) == TN_OK ? &m->base : NULL;
}
TN_API tn_tensor *tn_gnn_light_gcn_embedding(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight) {
    if (!tn_graph__is("tn_gnn_light_gcn_embedding", m, tn_graph__light_forward)) return NULL;
    if (!edge_index) return tn_graph__absent("tn_gnn_light_gcn_embedding", "edge_index"), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *y = tn_graph__light_run((tn_graph__light *)m, edge_index, edge_weight);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
TN_API tn_tensor *tn_gnn_light_gcn_recommend(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight, tn_tensor *src_index, tn_tensor *dst_index, int64_t k) {
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    const int64_t flat = -1;
    tn_tensor *all = tn_gnn_light_gcn_embedding(m, edge_index, edge_weight), *y = NULL;
    if (all) {
        tn_tensor *src = src_index ? tn_index_select(all, 0, src_index) : all, *dst = dst_index ? tn_index_select(all, 0, dst_index) : all;
        y = src && dst ? tn_topk(tn_matmul(src, tn_t(dst)), k, NULL).indices : NULL;
        if (y && dst_index) y = tn_reshape(tn_index_select(dst_index, 0, tn_reshape(y, &flat, 1)), tn_shape(y), 2);
    }
    return tn_graph__unrecorded(&s, was, y);
}
TN_API tn_tensor *tn_gnn_bpr_loss(tn_tensor *positives, tn_tensor *negatives, tn_tensor *parameters, double lambda_reg) {
    if (!positives || !negatives) return tn_graph__absent("tn_gnn_bpr_loss", positives ? "negatives" : "positives"), (tn_tensor *)NULL;
    if (tn_ndim(positives) < 1) return tn_error_set(TN_ERR_SHAPE, "tn_gnn_bpr_loss: positives are %s", tn_graph__shape(positives).text), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *y = tn_neg(tn_mean(tn_logsigmoid(tn_sub(positives, negatives)), NULL));
    if (parameters && lambda_reg != 0) y = tn_add(y, tn_mul(tn_sum(tn_square(parameters), NULL), tn_arg_f(lambda_reg / (double)tn_size(positives, 0))));
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* ============================================================================================================== */
/* >>embed (Private)                                                                                              */
/* ============================================================================================================== */

/* ============================================================================================================== */
/* >>explain (Private)                                                                                            */
/* ============================================================================================================== */

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* TENSOR_GRAPH_IMPLEMENTATION */

/* MIT No Attribution, or public domain, as you choose: see LICENSE. */
