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
/* Many graphs, as data sets of small ones have: at[0..n-1], each of the scope, and so is the list. at is NULL on failure. */
typedef struct tn_graphs { tn_graph **at; int64_t n; tn_tensor *memory; } tn_graphs;
/* Moves the list and its graphs to the parent scope, as tn_keep moves one object. */
TN_API tn_graphs tn_graphs_keep(tn_graphs graphs);

/* Graphs that are read are on the CPU. Files are read whole; gzip is unpacked where a file begins as such. Errors of all readers: TN_ERR_IO where a file cannot be read,
   TN_ERR_FORMAT where a line is not what it should be, with the file's name and the line. */

/* One graph of citations or the like from a safetensors file (Planetoid): x to f32, edge_index checked, y, masks and others as they are. */
TN_API tn_graph *tn_graph_planetoid(const char *path);
/* DGCNN's and GIN's text: the number of graphs; for each "nodes label" and a line a node: its tag, the number of its neighbours,
   these, and features if there are any. x f32 [nodes, features and the tags, one-hot], edge_index, y i64 [1]: labels in order from 0. */
TN_API tn_graphs tn_graphs_read_dgcnn(const char *path);
typedef struct { bool use_node_attr, use_edge_attr; } tn_graphs_tu_opts; /* attributes before the one-hot labels in x and edge_attr */
/* TU Dortmund's text: folder/name_A.txt, name_graph_indicator.txt and, where they are there, name_graph_labels.txt or _graph_attributes.txt,
   name_node_labels.txt, _node_attributes.txt, _edge_labels.txt, _edge_attributes.txt (TUDataset). Self-loops go, edges that are there
   several times become one. Graphs without any x have num_nodes. */
TN_API tn_graphs tn_graphs_read_tu(const char *folder, const char *name, const tn_graphs_tu_opts *opts);
typedef struct {
    char separator;            /* default: blanks, tabs, commas or semicolons */
    char comment;              /* lines that begin with it are left out; default '#' */
    bool undirected;           /* both directions of each, coalesced; weights of repeated edges add up */
    bool weighted;             /* the third column is edge_weight, f32 */
    int64_t num_nodes;         /* sets num_nodes, and is what indices are checked against; default: the largest + 1, no entry */
} tn_graph_edge_list_opts;
/* A line an edge: source, target, weight. Columns after these are not read. */
TN_API tn_graph *tn_graph_read_edge_list(const char *path, const tn_graph_edge_list_opts *opts);
typedef struct {
    char separator;            /* default ',' */
    bool no_header;            /* the first line is data */
    bool no_id;                /* the nodes' first column is no id: they are numbered by line */
    int label_column;          /* of the nodes, from 0, with has_label_column: y, i64 */
    bool has_label_column;
    bool undirected;           /* as above; edge_attr adds up */
} tn_graph_csv_opts;
/* Nodes: an id (any text), then numbers, which are x f32; labels that are not all whole numbers become their place in order.
   Edges: the ids of source and target, then numbers, which are edge_attr f32 [edges, columns]. nodes_path NULL: ids are indices. */
TN_API tn_graph *tn_graph_read_csv(const char *nodes_path, const char *edges_path, const tn_graph_csv_opts *opts);
typedef struct {
    const char *split;         /* the folder under split/; default: the first that is there of time, sales_ranking, species, scaffold, random, user */
    bool add_inverse_edge;     /* the other direction after each edge, as the set's metadata may ask for */
} tn_graph_ogb_opts;
/* A node set of the Open Graph Benchmark, unpacked: folder/raw/edge.csv, node-feat.csv, edge-feat.csv, node-label.csv, node_year.csv,
   num-node-list.csv, each plain or .gz, and folder/split/NAME/train.csv, valid.csv, test.csv. x, edge_index, edge_attr, y [nodes, tasks]
   (i64, f32 if not all whole), node_year, num_nodes, train_mask, val_mask, test_mask, as far as there are files. */
TN_API tn_graph *tn_graph_read_ogb(const char *folder, const tn_graph_ogb_opts *opts);

/* ============================================================================================================== */
/* >>generate (Public)                                                                                            */
/* Graphs that are made: random ones, grids, neighbours in space, Zachary's karate club.                          */
/* ============================================================================================================== */
/* Zachary's karate club (KarateClub): x [34, 34] the identity, edge_index [2, 156], y [34] four communities, train_mask the first
   node of each. */
TN_API tn_graph *tn_graph_karate_club(void);

typedef struct { bool directed; tn_generator *generator; } tn_graph_random_opts;
/* Edges of a random graph where each pair is one with probability p (erdos_renyi_graph): edge_index, by source, then target, without
   self-loops; undirected graphs have both directions. Time is that of the edges, not of the pairs. */
TN_API tn_tensor *tn_graph_erdos_renyi(int64_t num_nodes, double p, const tn_graph_random_opts *opts);
/* n_blocks blocks of sizes nodes each; probs [n_blocks * n_blocks] in rows has the probability of an edge from a node of one to a
   node of the other (stochastic_blockmodel_graph), and is symmetric unless directed. edge_index. */
TN_API tn_tensor *tn_graph_stochastic_blockmodel(const int64_t *sizes, const double *probs, int n_blocks, const tn_graph_random_opts *opts);
/* num_edges edges from each new node to nodes drawn by degree (barabasi_albert_graph). 0 < num_edges < num_nodes. edge_index, undirected. */
TN_API tn_tensor *tn_graph_barabasi_albert(int64_t num_nodes, int64_t num_edges, tn_generator *generator);
/* A grid of height x width nodes in rows (utils.grid): edge_index from each to its up to eight neighbours and to itself, pos [n, 2] f32
   with y downwards from height - 1. */
TN_API tn_graph *tn_graph_grid(int64_t height, int64_t width);

typedef struct {
    tn_tensor *batch;          /* which graph a point is of, ascending: neighbours are of the same; default: all of one */
    bool loop;                 /* a point is its own neighbour too */
    bool cosine;               /* near by angle, not by distance */
    bool target_to_source;     /* PyG's flow: row 0 has the centres; default: row 1, as messages go to them */
} tn_graph_knn_opts;
/* Edges from each of x's points [n, dims] to its k nearest (knn_graph): i64 [2, edges], by centre, nearest first, equals by
   index. Fewer where a graph has fewer. Any real dtype; TN_ERR_INVALID where a number is not finite. */
TN_API tn_tensor *tn_graph_knn(tn_tensor *x, int64_t k, const tn_graph_knn_opts *opts);
typedef struct {
    tn_tensor *batch;
    bool loop, target_to_source;
    int64_t max_num_neighbors; /* the first of them by index; default 32 */
} tn_graph_radius_opts;
/* Edges from each point to all within distance r (radius_graph), by centre, then index. */
TN_API tn_tensor *tn_graph_radius(tn_tensor *x, double r, const tn_graph_radius_opts *opts);
/* For each point of y [m, dims] its k nearest of x [n, dims] (knn): i64 [2, pairs], row 0 indices of y, row 1 of x. batch_x and batch_y
   ascend, and pair points of the same number; both NULL: all. */
TN_API tn_tensor *tn_gnn_knn(tn_tensor *x, tn_tensor *y, int64_t k, tn_tensor *batch_x, tn_tensor *batch_y, bool cosine);
/* The same for all within distance r, at most max_num_neighbors (0: 32) each, the first by index (radius). */
TN_API tn_tensor *tn_gnn_radius(tn_tensor *x, tn_tensor *y, double r, tn_tensor *batch_x, tn_tensor *batch_y, int64_t max_num_neighbors);
typedef struct { bool first_start; tn_generator *generator; } tn_gnn_fps_opts; /* first_start: begin at each graph's first point, not a drawn one */
/* Indices of the ceil(ratio * n) points of each graph that farthest point sampling takes (fps), in the order in which it does. 0 < ratio <= 1. */
TN_API tn_tensor *tn_gnn_fps(tn_tensor *x, tn_tensor *batch, double ratio, const tn_gnn_fps_opts *opts);

/* ============================================================================================================== */
/* >>transform (Public)                                                                                           */
/* Graphs to graphs: features, splits, positional encodings.                                                      */
/* ============================================================================================================== */
/* Each gives a new graph, which shares with the old what it does not change, and is where that is. Of a graph of several kinds of nodes
   only what says so takes all of them. TN_ERR_INVALID where an entry that is needed is not there. Edge-level entries are those with as
   many rows (names with "index": columns) as there are edges, node-level ones as many as nodes, as PyG tells them apart. */

/* NormalizeFeatures: x, and x of every kind, less its least element, each row then divided by its sum (by 1 where that is less). */
TN_API tn_graph *tn_graph_normalize_features(tn_graph *g);
typedef struct { double fill_value; const char *attr; } tn_graph_self_loop_opts; /* default 1 (TN_ZERO: 0), of the entry "edge_weight" */
/* AddSelfLoops, AddRemainingSelfLoops: the entry attr, if it is there, gets a value for each loop. */
TN_API tn_graph *tn_graph_add_self_loops(tn_graph *g, const tn_graph_self_loop_opts *opts);
TN_API tn_graph *tn_graph_add_remaining_self_loops(tn_graph *g, const tn_graph_self_loop_opts *opts);
/* RemoveSelfLoops, from every edge-level entry. */
TN_API tn_graph *tn_graph_remove_self_loops(tn_graph *g);
/* ToUndirected: both directions of every edge, once each; edge-level entries of equal edges are reduced (PyG: added). Of several kinds:
   "a.rel.b" gets "b.rev_rel.a", or becomes undirected where a is b. */
TN_API tn_graph *tn_graph_to_undirected(tn_graph *g, tn_reduction_kind reduce);
/* GCNNorm: edge_index with self-loops (unless no_self_loops), and edge_weight normalised by them. */
TN_API tn_graph *tn_graph_gcn_norm(tn_graph *g, bool no_self_loops);
/* RemoveDuplicatedEdges: each edge once, in order; edge-level entries of equal ones are reduced (PyG: added). */
TN_API tn_graph *tn_graph_remove_duplicated_edges(tn_graph *g, tn_reduction_kind reduce);
/* RemoveIsolatedNodes: those that no edge has, a self-loop counting as one. */
TN_API tn_graph *tn_graph_remove_isolated_nodes(tn_graph *g);
/* Data.subgraph: the nodes of subset (i64 indices or a bool mask), the edges among them, and what belongs to these. */
TN_API tn_graph *tn_graph_subgraph(tn_graph *g, tn_tensor *subset);

typedef enum { TN_GRAPH_TRAIN_REST = 0, TN_GRAPH_TEST_REST, TN_GRAPH_RANDOM } tn_graph_split_kind;
typedef struct {
    tn_graph_split_kind split;   /* the rest is train's; or train has num_train_per_class nodes of each class of y, and test the rest, or num_test */
    int64_t num_splits;          /* default 1: masks [nodes]; else [nodes, num_splits] */
    int64_t num_train_per_class; /* default 20 */
    double num_val, num_test;    /* numbers, or below 1 parts of all; default 500, 1000, TN_ZERO for none */
    const char *key;             /* of classes; default "y". Of several kinds those of nodes that have it are split */
    bool no_key;                 /* of several kinds: all are */
    tn_generator *generator;
} tn_graph_node_split_opts;
/* RandomNodeSplit: train_mask, val_mask, test_mask, of several kinds "paper.train_mask", …. A seed gives PyG's, kinds in order of appearance. */
TN_API tn_graph *tn_graph_random_node_split(tn_graph *g, const tn_graph_node_split_opts *opts);
typedef struct {
    double num_val, num_test;    /* edges, or below 1 parts of all; default 0.1, 0.2, TN_ZERO for none */
    bool is_undirected;          /* both directions of an edge go together */
    const char *key;             /* default "edge_label": existing labels, i64, go up by one for the negatives' 0 */
    bool split_labels;           /* pos_edge_label(_index) and neg_edge_label(_index) in place of edge_label(_index) */
    bool no_negative_train_samples;
    double neg_sampling_ratio;   /* negatives an edge; default 1, TN_ZERO for none */
    double disjoint_train_ratio; /* the part (or number) of train's edges that are labels and no messages */
    const char *const *edge_types; /* of several kinds: n_edge_types that are split, "author.writes.paper" */
    const char *const *rev_edge_types; /* NULL, or of each the kind of its reverse edges, or NULL: that kind gets what its own has, turned */
    int n_edge_types;
    tn_generator *generator;
} tn_graph_link_split_opts;
typedef struct { tn_graph *train, *val, *test; } tn_graph_link_split; /* all NULL on failure */
/* RandomLinkSplit: three graphs with the edges that each may see, and edge_label, edge_label_index of those that it is asked for. A
   seed gives PyG's edges; negatives are distinct pairs of different nodes without an edge, drawn by our own stream. Where there are too
   few pairs for all the negatives each graph gets its part of what there are. Of several kinds the labels are "author.writes.paper.edge_label"
   and "author.writes.paper.edge_label_index"; edges between two kinds of nodes, or
   whose reverse is another kind, are not is_undirected. Each of rev_edge_types has to be there; entries of it that its kind has not go. */
TN_API tn_graph_link_split tn_graph_random_link_split(tn_graph *g, const tn_graph_link_split_opts *opts);

/* LocalDegreeProfile: x gets the degree of a node and the least, greatest, mean degree of its neighbours and their deviation. */
TN_API tn_graph *tn_graph_local_degree_profile(tn_graph *g);
typedef struct { double value; bool no_cat; } tn_graph_constant_opts; /* default 1 (TN_ZERO: 0) */
/* Constant: a column of it in x; no_cat: as x. */
TN_API tn_graph *tn_graph_constant(tn_graph *g, const tn_graph_constant_opts *opts);
typedef struct { bool in_degree, no_cat; } tn_graph_degree_opts;
/* OneHotDegree: max_degree + 1 columns in x. TN_ERR_INDEX where a degree is larger. */
TN_API tn_graph *tn_graph_one_hot_degree(tn_graph *g, int64_t max_degree, const tn_graph_degree_opts *opts);
typedef struct {
    bool no_norm, no_cat;        /* as they are, not in low to high; in place of edge_attr, not beside */
    double max_value;            /* what is normalised by; default the largest that there is */
    double low, high;            /* where to; default, both 0: 0 to 1 */
} tn_graph_pseudo_opts;
/* TargetIndegree (to 0 … 1), Cartesian (pos of the source less pos of the target), Distance: columns of edge_attr. Differentiable in pos. */
TN_API tn_graph *tn_graph_target_indegree(tn_graph *g, const tn_graph_pseudo_opts *opts);
TN_API tn_graph *tn_graph_cartesian(tn_graph *g, const tn_graph_pseudo_opts *opts);
TN_API tn_graph *tn_graph_distance(tn_graph *g, const tn_graph_pseudo_opts *opts);
/* KNNGraph, RadiusGraph: edges from pos, within the graphs of "batch"; edge_attr goes. opts->batch is not read. */
TN_API tn_graph *tn_graph_knn_graph(tn_graph *g, int64_t k, bool force_undirected, const tn_graph_knn_opts *opts);
TN_API tn_graph *tn_graph_radius_graph(tn_graph *g, double r, const tn_graph_radius_opts *opts);

/* LineGraph: a node an edge (undirected graphs: a pair), joined where they meet; x is what edge_attr was. Node- and edge-level entries go. */
TN_API tn_graph *tn_graph_line_graph(tn_graph *g, bool force_directed);
/* VirtualNode: one more node with edges from and to every other; edge_type tells them apart. */
TN_API tn_graph *tn_graph_virtual_node(tn_graph *g);
/* SIGN: x1 to xK, x propagated that often by the symmetrically normalised edges. */
TN_API tn_graph *tn_graph_sign(tn_graph *g, int64_t K);
typedef enum { TN_GRAPH_NORM_DEFAULT = 0, TN_GRAPH_NORM_SYM, TN_GRAPH_NORM_COL, TN_GRAPH_NORM_ROW, TN_GRAPH_NORM_NONE } tn_graph_norm;
typedef enum { TN_GRAPH_PPR = 0, TN_GRAPH_HEAT, TN_GRAPH_COEFF } tn_graph_diffusion;
typedef struct {
    double self_loop_weight;     /* default 1, TN_ZERO for none */
    tn_graph_norm norm_in, norm_out; /* default sym, col */
    tn_graph_diffusion method;
    double alpha, t;             /* of PPR, default 0.15; of heat, default 5 */
    const double *coeffs; int n_coeffs; /* of the powers of the matrix */
    int64_t topk; int topk_dim;  /* keep that many a column (dim 0) or row (1) */
    double eps;                  /* else what is at least that; default what leaves avg_degree a node */
    int64_t avg_degree;          /* default 64 */
} tn_graph_gdc_opts;
/* GDC, exact: edges and edge_attr of a diffusion by the edges (edge_attr their weights, 1-d), made sparse again. Holds nodes x nodes
   numbers. norm_in none is TN_ERR_UNSUPPORTED with PPR, whose sum need not end there. */
TN_API tn_graph *tn_graph_gdc(tn_graph *g, const tn_graph_gdc_opts *opts);
/* TwoHop: edges to the neighbours of neighbours too; edge-level entries of new ones are 0. */
TN_API tn_graph *tn_graph_two_hop(tn_graph *g);
typedef struct { int64_t num_components; bool strong; } tn_graph_components_opts; /* default 1 */
/* LargestConnectedComponents: the subgraph of those with the most nodes. */
TN_API tn_graph *tn_graph_largest_connected_components(tn_graph *g, const tn_graph_components_opts *opts);

typedef struct { const char *attr; bool in_x; tn_generator *generator; } tn_graph_pe_opts; /* attr: the entry's name; in_x: columns of x */
/* AddRandomWalkPE, "random_walk_pe" [nodes, walk_length]: the chance to be back after 1, 2, … steps. Edges that are there n times are n
   ways. As in PyG edge_weight counts for degrees alone. */
TN_API tn_graph *tn_graph_add_random_walk_pe(tn_graph *g, int64_t walk_length, const tn_graph_pe_opts *opts);
/* AddLaplacianEigenvectorPE, "laplacian_eigenvector_pe" [nodes, k] f32: the eigenvectors of the symmetric Laplacian of an undirected
   graph (else TN_ERR_INVALID) from the second smallest eigenvalue on, each with a drawn sign. k < nodes. */
TN_API tn_graph *tn_graph_add_laplacian_eigenvector_pe(tn_graph *g, int64_t k, const tn_graph_pe_opts *opts);
/* SVDFeatureReduction: x's out_channels largest singular directions, U S; as it is where it is no wider. Signs are free. */
TN_API tn_graph *tn_graph_svd_feature_reduction(tn_graph *g, int64_t out_channels);

/* HeteroData.collect, as x_dict and edge_index_dict: of every kind its entry of that name, as hetero layers take them: "paper.x" is "paper",
   "author.writes.paper.edge_index" is "author__writes__paper". */
TN_API tn_dict *tn_graph_collect(const tn_graph *g, const char *name);

/* What is dropped at random while training; not training, or p 0: all stays. p in 0 to 1, else TN_ERR_INVALID. A seed gives PyG's. */
typedef struct { bool force_undirected; tn_generator *generator; } tn_gnn_dropout_edge_opts;
typedef struct { tn_tensor *edge_index, *edge_id; } tn_gnn_kept_edges; /* edge_id: which edges they were, i64 */
TN_API tn_gnn_kept_edges tn_gnn_dropout_edge(tn_tensor *edge_index, double p, bool training, const tn_gnn_dropout_edge_opts *opts);
typedef struct { bool relabel_nodes; tn_generator *generator; } tn_gnn_dropout_node_opts;
typedef struct { tn_tensor *edge_index, *edge_mask, *node_mask; } tn_gnn_kept_nodes;
TN_API tn_gnn_kept_nodes tn_gnn_dropout_node(tn_tensor *edge_index, double p, int64_t num_nodes, bool training, const tn_gnn_dropout_node_opts *opts);
typedef enum { TN_GRAPH_MASK_COL = 0, TN_GRAPH_MASK_ROW, TN_GRAPH_MASK_ALL } tn_graph_mask_mode;
typedef struct { tn_graph_mask_mode mode; double fill_value; tn_generator *generator; } tn_gnn_mask_feature_opts;
typedef struct { tn_tensor *x, *mask; } tn_gnn_masked; /* mask: bool, what stayed; [1, features], [nodes, 1] or x's shape */
/* mask_feature: whole columns, rows or single elements of x [nodes, features] become fill_value. Differentiable. */
TN_API tn_gnn_masked tn_gnn_mask_feature(tn_tensor *x, double p, bool training, const tn_gnn_mask_feature_opts *opts);
/* shuffle_node: the rows of x in a drawn order, perm i64; with batch (ascending) each graph's among themselves. Differentiable. */
typedef struct { tn_tensor *x, *perm; } tn_gnn_shuffled;
TN_API tn_gnn_shuffled tn_gnn_shuffle_node(tn_tensor *x, tn_tensor *batch, bool training, tn_generator *generator);
/* add_random_edge: round(p edges) pairs that are no edges: edge_index with them, and they alone; force_undirected: in both directions. */
typedef struct { tn_tensor *edge_index, *added; } tn_gnn_added_edges;
TN_API tn_gnn_added_edges tn_gnn_add_random_edge(tn_tensor *edge_index, double p, int64_t num_nodes, bool training, const tn_gnn_dropout_edge_opts *opts);

/* ============================================================================================================== */
/* >>sample (Public)                                                                                              */
/* Parts of a graph to train on: clusters, walks, links.                                                          */
/* ============================================================================================================== */
/* Draws come from opts' generator; NULL: the thread's. A loader's come from its own draws, whatever .workers is, and a batch's graph is
   batch.graph. Of the loaders' graphs all entries of node and of edge size are cut to the part, with "n_id" and "e_id". */
typedef struct {
    int64_t num_dst_nodes;              /* of a bipartite graph: num_nodes are the sources then, and loops count as edges */
    int64_t num_neg_samples;            /* default: as many as there are edges */
    double ratio;                       /* instead: so many an edge */
    bool force_undirected;              /* edges in both directions, half of the number of either */
    tn_generator *generator;
} tn_gnn_negative_opts;
/* utils.negative_sampling: distinct pairs of nodes that are no edges (and no loops), each as likely: i64 [2, n], fewer where there are fewer. */
TN_API tn_tensor *tn_gnn_negative_sampling(tn_tensor *edge_index, int64_t num_nodes, const tn_gnn_negative_opts *opts);
/* batched_negative_sampling: of the graphs that batch [num_nodes] (in order) says, each on its own. */
TN_API tn_tensor *tn_gnn_batched_negative_sampling(tn_tensor *edge_index, tn_tensor *batch, const tn_gnn_negative_opts *opts);
/* structured_negative_sampling: for each edge (i, j) a node k, so that (i, k) is no edge: i64 [E]. TN_ERR_INVALID where a node has no such k,
   which structured_negative_sampling_feasible tells before. */
TN_API tn_tensor *tn_gnn_structured_negative_sampling(tn_tensor *edge_index, int64_t num_nodes, bool no_neg_self_loops, tn_generator *g);
TN_API bool tn_gnn_structured_negative_sampling_feasible(tn_tensor *edge_index, int64_t num_nodes, bool no_neg_self_loops);
typedef struct { double p, q; /* default 1 */ tn_generator *generator; } tn_gnn_walk_opts;
/* Walks from source to target (torch_cluster.random_walk): from each of start [n] a row of walk_length + 1 nodes. p: how unlikely the way back
   is, q: the way farther off (node2vec). A node without edges keeps the walk. */
TN_API tn_tensor *tn_gnn_random_walk(tn_tensor *edge_index, tn_tensor *start, int64_t walk_length, int64_t num_nodes, const tn_gnn_walk_opts *opts);
/* Each node's part, 0 to parts - 1, i64 [nodes]: of about equal size, few edges between them. By METIS (libmetis.so.5) where it is there, as
   PyG; else, or with no_metis, by the same steps of our own. The same every time. */
TN_API tn_tensor *tn_graph_partition(const tn_graph *g, int64_t parts, bool no_metis);

/* LinkNeighborLoader: a sample is an edge of edge_label_index, a batch the graph around the ends of its edges. */
typedef struct {
    tn_gnn_neighbor_opts neighbors;     /* without its input_… */
    tn_tensor *edge_label_index;        /* i64 [2, n]; NULL: edge_index */
    tn_tensor *edge_label;              /* [n, ...] or NULL */
    tn_tensor *edge_label_time;         /* i64 [n], with neighbors.time_attr, and only with it: nothing later than its edge is found, and no later node is its negative */
    const char *edge_type;              /* "author.writes.paper", where there are several kinds */
    double neg_sampling_ratio;          /* edges of random nodes, so many an edge: edge_label 0, and what is there 1 (or label + 1 where a label is 0) */
    bool triplet;                       /* instead a random target each: "src_index", "dst_pos_index", "dst_neg_index" [n] or [n, ratio] */
} tn_gnn_link_opts;
/* batch.graph has "edge_label_index", in its own numbers, "edge_label" and "edge_label_time" where there are some (of triplets "seed_time"), and "input_id". */
TN_API tn_loader *tn_gnn_link_neighbor_loader(const tn_graph *g, const tn_gnn_link_opts *opts, const tn_loader_opts *loader);
/* ClusterData and ClusterLoader: a sample is a part of partition (i64 [nodes], tn_graph_partition's), a batch the graph between its parts. */
TN_API tn_loader *tn_gnn_cluster_loader(const tn_graph *g, tn_tensor *partition, const tn_loader_opts *loader);
/* RandomNodeLoader: the nodes in parts drawn anew each epoch (with .shuffle), and the graph between them. */
TN_API tn_loader *tn_gnn_random_node_loader(const tn_graph *g, int64_t num_parts, const tn_loader_opts *loader);
typedef struct {
    int64_t batch_size;                 /* nodes, edges or walks that are drawn */
    int64_t walk_length;                /* of walks */
    int64_t num_steps;                  /* batches an epoch; default 1 */
    int64_t sample_coverage;            /* samples a node from which "node_norm" and "edge_norm" are made; 0: neither */
    tn_generator *generator;            /* of those */
} tn_gnn_saint_opts;
/* GraphSAINTNodeSampler, EdgeSampler and RandomWalkSampler: the graph between nodes drawn by degree, by edges, by walks. */
TN_API tn_loader *tn_gnn_saint_node_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader);
TN_API tn_loader *tn_gnn_saint_edge_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader);
TN_API tn_loader *tn_gnn_saint_random_walk_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader);
typedef struct { int64_t depth, num_neighbors; tn_tensor *node_idx; /* i64 or a bool mask; NULL: all */ bool replace; } tn_gnn_shadow_opts;
/* ShaDowKHopSampler: for each root the graph between the nodes of its sampled neighbourhood, joined as tn_graph_batch does; "root_n_id" says
   where the roots are, "y" is theirs alone. */
TN_API tn_loader *tn_gnn_shadow_loader(const tn_graph *g, const tn_gnn_shadow_opts *opts, const tn_loader_opts *loader);
typedef struct {
    const int *num_samples; int n_hops; /* nodes of each kind at each hop */
    tn_tensor *input_nodes;             /* i64 or a bool mask; NULL: all */
    const char *input_type;
} tn_gnn_hgt_opts;
/* HGTLoader: nodes of all kinds, drawn by the squares of their budgets, and all edges between them (PyG takes at most 50 of a node). */
TN_API tn_loader *tn_gnn_hgt_loader(const tn_graph *g, const tn_gnn_hgt_opts *opts, const tn_loader_opts *loader);
/* ImbalancedSampler: each class of y i64 [n] (of its input_nodes, i64 or NULL) as likely. num_samples 0: n. */
TN_API tn_sampler *tn_gnn_imbalanced_sampler(tn_tensor *y, tn_tensor *input_nodes, int64_t num_samples, tn_generator *g);
typedef struct { int64_t max_num; bool by_edges, skip_too_big; } tn_gnn_dynamic_batch_opts;
/* DynamicBatchSampler: batches of as many of the n graphs as have together at most max_num nodes (or edges); one alone may have more, unless
   such are skipped. */
TN_API tn_loader *tn_gnn_dynamic_batch_loader(tn_graph *const *graphs, int64_t n, const tn_gnn_dynamic_batch_opts *opts, const tn_loader_opts *loader);

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

/* ChebConv: K >= 1 terms of Chebyshev's polynomials of the scaled Laplacian, each through a linear layer. (x, edge_index, edge_weight). */
typedef struct { tn_laplacian_kind normalization; bool has_normalization /* default sym */, no_bias; } tn_cheb_opts;
TN_API tn_module *tn_gnn_cheb_conv(int64_t in_channels, int64_t out_channels, int64_t K, const tn_cheb_opts *opts);
/* SGConv: A^K x through one linear layer. (x, edge_index, edge_weight). cached: the first call's propagated x is kept. */
typedef struct { bool cached, no_self_loops, no_bias; } tn_sg_opts;
TN_API tn_module *tn_gnn_sg_conv(int64_t in_channels, int64_t out_channels, int64_t K, const tn_sg_opts *opts);
/* APPNP: K times the sum of neighbours, of which a share alpha is x again; no parameters. (x, edge_index, edge_weight). dropout is of the edges' weights. */
typedef struct { double dropout; bool no_self_loops, no_normalize; } tn_appnp_opts;
TN_API tn_module *tn_gnn_appnp(int64_t K, double alpha, const tn_appnp_opts *opts);
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
/* GINConv: nn of (1 + eps) x + the sum of the neighbours' x. (x, edge_index) or (x, x_dst, edge_index). train_eps: eps is a parameter. GINEConv: of
   the neighbours' relu(x + edge_attr). (x, edge_index, edge_attr) or (x, x_dst, …). edge_dim: of GINE, 0 where edge_attr has x's width; else nn
   begins with a Linear. */
typedef struct { double eps; bool train_eps; int64_t edge_dim; } tn_gin_opts;
TN_API tn_module *tn_gnn_gin_conv(tn_module *nn, const tn_gin_opts *opts);
TN_API tn_module *tn_gnn_gine_conv(tn_module *nn, const tn_gin_opts *opts);
/* EdgeConv: nn takes [x_i, x_j - x_i]. (x, edge_index) or (x, x_dst, edge_index). aggr: default the largest. */
typedef struct { tn_reduction_kind aggr; bool has_aggr; } tn_edge_conv_opts;
TN_API tn_module *tn_gnn_edge_conv(tn_module *nn, const tn_edge_conv_opts *opts);
/* DynamicEdgeConv: EdgeConv over each node's k nearest in x, itself included. (x, batch), or (x, x_dst, batch, batch_dst). aggr: default max. */
TN_API tn_module *tn_gnn_dynamic_edge_conv(tn_module *nn, int64_t k, const char *aggr);
/* PerformerAttention: attention by random features, linear in the nodes. (x [graphs, nodes, channels], mask bool [graphs, nodes] or NULL). heads divide
   channels; head_channels (default 64, at least 2) is a head's width; kernel: default relu. The buffer fast_attn.projection_matrix [head_channels
   log(head_channels), head_channels] is drawn, not PyG's of the same seed; redraw draws it anew, g NULL: the thread's. As in PyG the keys of padding count. */
typedef struct { int64_t head_channels; tn_gnn_act kernel; bool qkv_bias, no_out_bias; double dropout; } tn_gnn_performer_opts;
TN_API tn_module *tn_gnn_performer_attention(int64_t channels, int64_t heads, const tn_gnn_performer_opts *opts);
TN_API tn_status tn_gnn_performer_redraw(tn_module *attention, tn_generator *g);
/* GPSConv: conv (NULL for none) beside attention among all nodes of a graph. (x, edge_index, batch, …), what follows batch is conv's. norm: default
   tn_gnn_batch_norm. performer: attn_type='performer', with attn as its attn_kwargs; its child is "attn". */
typedef struct { int64_t heads; double dropout; tn_gnn_act act; tn_gnn_norm norm; bool no_norm, performer; tn_gnn_performer_opts attn; } tn_gnn_gps_opts;
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
/* MultiAggregation: the n aggregations (aggrs.0, …) side by side, [groups, n F], or combined feature by feature. PROJ: a linear layer (lin) of all
   side by side; ATTN: of each by a layer of its own (lin_heads.lins.0, …) attention among the n (multihead_attn), averaged. These two give
   [groups, out_channels], and need opts and n > 1. */
typedef enum { TN_GNN_CAT = 0, TN_GNN_COMBINE_SUM, TN_GNN_COMBINE_MEAN, TN_GNN_COMBINE_MAX, TN_GNN_COMBINE_MIN, TN_GNN_COMBINE_STD, TN_GNN_COMBINE_VAR,
    TN_GNN_COMBINE_LOGSUMEXP, TN_GNN_COMBINE_PROJ, TN_GNN_COMBINE_ATTN } tn_gnn_combine;
typedef struct {
    int64_t in_channels, out_channels; /* of each result, and of the whole */
    const int64_t *in_channels_of; /* instead of in_channels: n of them */
    bool no_bias;               /* of the last layer */
    int64_t num_heads;          /* ATTN: default 1 */
    double dropout;             /* ATTN: of the weights, in training */
} tn_gnn_multi_opts;
TN_API tn_module *tn_gnn_multi_aggregation(tn_module *const *aggrs, int n, tn_gnn_combine mode, const tn_gnn_multi_opts *opts);
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
/* HeteroLayerNorm (each node) and HeteroBatchNorm (each feature of a type's nodes): tn_call takes (x, type_vec), type_vec i64 [nodes] below num_types;
   weight, bias, running_mean, running_var [num_types, channels]. The first also takes (x, NULL, type_ptr) where nodes are sorted: type_ptr [types + 1] says where
   each type begins. As in PyG the batch's mean and variance have no gradient, and types that a batch has not keep their running ones. */
TN_API tn_module *tn_gnn_hetero_layer_norm(int64_t channels, int64_t num_types, const tn_norm_opts *opts);
TN_API tn_module *tn_gnn_hetero_batch_norm(int64_t channels, int64_t num_types, const tn_norm_opts *opts);
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
/* GAE.recon_loss: cross-entropy of edges that are there and of such that are not (NULL: as many, drawn by tn_gnn_negative_sampling). */
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
TN_API tn_tensor *tn_gnn_correct(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight,
    const tn_gnn_correct_opts *opts);
TN_API tn_tensor *tn_gnn_smooth(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight,
    const tn_gnn_correct_opts *opts);

/* LightGCN: tn_call takes (edge_index, edge_label_index, edge_weight) and gives each labelled edge's rank [E]; the last two may be NULL: of
   edge_index. alpha: how much each layer counts, default 1 / (num_layers + 1). */
typedef struct { double alpha; bool no_normalize; } tn_gnn_light_gcn_opts;
TN_API tn_module *tn_gnn_light_gcn(int64_t num_nodes, int64_t embedding_dim, int64_t num_layers, const tn_gnn_light_gcn_opts *opts);
TN_API tn_tensor *tn_gnn_light_gcn_embedding(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight);
/* recommend: for each of src_index (NULL: all nodes) the k of dst_index (NULL: all) that rank highest, i64 [sources, k]. */
TN_API tn_tensor *tn_gnn_light_gcn_recommend(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight, tn_tensor *src_index, tn_tensor *dst_index,
    int64_t k);
/* recommendation_loss (BPR): ranks of edges that are there and of others, of equal number, and lambda_reg times the squares of parameters (or NULL) over
   their number. */
TN_API tn_tensor *tn_gnn_bpr_loss(tn_tensor *positives, tn_tensor *negatives, tn_tensor *parameters, double lambda_reg);

/* ============================================================================================================== */
/* >>embed (Public)                                                                                               */
/* Embeddings of nodes and of knowledge graphs.                                                                   */
/* ============================================================================================================== */
/* Node2Vec: embedding.weight [num_nodes, embedding_dim], learned from walks of walk_length nodes, of which context_size are looked at together.
   tn_call takes (batch) i64, or nothing for all, and gives their rows. */
typedef struct {
    int64_t walks_per_node, num_negative_samples; /* default 1 */
    int64_t num_nodes;          /* default: the largest index + 1 */
    double p, q;                /* default 1: how unlikely walks turn back, or go away */
    tn_generator *generator;    /* of walks; default the thread's */
} tn_gnn_node2vec_opts;
TN_API tn_module *tn_gnn_node2vec(tn_tensor *edge_index, int64_t embedding_dim, int64_t walk_length, int64_t context_size, const tn_gnn_node2vec_opts *opts);
/* MetaPath2Vec: walks along metapath, n kinds of edges in a row ("author__writes__paper", …), again and again over walk_length steps, so that its
   last kind of nodes has to be its first where it is shorter. edge_index has these and may have others. num_nodes of each kind of nodes in
   node_types, else the largest index + 1; p and q are not read. tn_call takes nothing, and gives all rows: kinds of nodes by name, then a dummy. */
typedef struct { const char *const *node_types; const int64_t *num_nodes; int n; tn_gnn_node2vec_opts walks; } tn_gnn_metapath_opts;
TN_API tn_module *tn_gnn_metapath2vec(tn_dict *edge_index, int64_t embedding_dim, const char *const *metapath, int n, int64_t walk_length, int64_t context_size,
                                      const tn_gnn_metapath_opts *opts);
/* The rows of one kind of nodes; batch i64, or NULL for all. */
TN_API tn_tensor *tn_gnn_metapath2vec_embedding(tn_module *m, const char *node_type, tn_tensor *batch);
/* Of either: walks i64 [walks, context_size] from the nodes of batch, and such of drawn nodes; and the loss of these, which both are to be told apart. */
typedef struct { tn_tensor *pos, *neg; } tn_gnn_walks;
TN_API tn_gnn_walks tn_gnn_walk_sample(tn_module *m, tn_tensor *batch);
TN_API tn_tensor *tn_gnn_walk_loss(tn_module *m, tn_tensor *pos, tn_tensor *neg);

/* Knowledge graphs: TransE, DistMult, ComplEx, RotatE. tn_call takes (head_index, rel_type, tail_index), i64 [triples] each, and gives their
   scores. Parameters node_emb.weight [num_nodes, hidden_channels], rel_emb.weight [num_relations, hidden_channels], and node_emb_im, rel_emb_im. */
typedef struct { double margin, p_norm; tn_generator *generator; } tn_gnn_kge_opts; /* default 1, 1 (TransE alone), the thread's: of corrupted triples */
TN_API tn_module *tn_gnn_kge_trans_e(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts);
TN_API tn_module *tn_gnn_kge_dist_mult(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts);
TN_API tn_module *tn_gnn_kge_compl_ex(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts);
TN_API tn_module *tn_gnn_kge_rotat_e(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts);
/* random_sample: the triples with drawn heads (the first half) or tails; all NULL on failure. */
typedef struct { tn_tensor *head, *rel, *tail; } tn_gnn_triples;
TN_API tn_gnn_triples tn_gnn_kge_random_sample(tn_module *m, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index);
/* The loss of triples against others of equal number (NULL: drawn): by margin, or (ComplEx, RotatE) by cross-entropy. */
TN_API tn_tensor *tn_gnn_kge_loss(tn_module *m, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index, const tn_gnn_triples *negatives);
/* The tails' ranks among all nodes, which are scored batch_size at a time (0: all): the mean, from 0 on; the mean of 1 / (rank + 1); how many are
   below k. NaNs on failure. */
typedef struct { double mean_rank, mrr, hits; } tn_gnn_kge_scores;
TN_API tn_gnn_kge_scores tn_gnn_kge_test(tn_module *m, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index, int64_t batch_size, int64_t k);

/* ============================================================================================================== */
/* >>explain (Public)                                                                                             */
/* Which edges and features a prediction rests on.                                                                */
/* ============================================================================================================== */
/* The model is a module whose tn_call takes (x, edge_index, …), x [nodes, features], as in and n say; it is run in evaluation mode, and its own
   gradients stay as they are. Edges are weighed where messages pass (tn_gnn_set_edge_mask, which ends cleared), so its layers
   may call upon this edge_index alone; RGCNConv refuses. All NULL on failure. */
typedef enum { TN_GNN_MULTICLASS = 0, TN_GNN_BINARY, TN_GNN_REGRESSION } tn_gnn_mode;
typedef enum { TN_GNN_RAW = 0, TN_GNN_PROBS, TN_GNN_LOG_PROBS } tn_gnn_returns;
/* What of x is weighed: each number, each column, each node, nothing. */
typedef enum { TN_GNN_MASK_ATTRIBUTES = 0, TN_GNN_MASK_COMMON_ATTRIBUTES, TN_GNN_MASK_OBJECT, TN_GNN_MASK_NONE } tn_gnn_mask_type;
typedef struct {
    tn_gnn_mode mode;           /* of the result [rows, classes], [rows] or [rows, 1] in (0, 1), numbers */
    tn_gnn_returns returns;     /* whether they are logits, probabilities or their logarithms */
    tn_gnn_mask_type node_mask;
    bool no_edge_mask;
    tn_tensor *target;          /* ExplanationType.phenomenon: the classes i64 [rows], or numbers; default what the model says */
    tn_tensor *index;           /* i64: the rows to explain; NULL: all */
} tn_gnn_explain_opts;
/* node_mask [nodes, features], [1, features] or [nodes, 1], edge_mask [E]: how much each counts, NULL where not asked for. prediction: the model's result. */
typedef struct { tn_tensor *node_mask, *edge_mask, *prediction, *target; } tn_gnn_explanation;

/* GNNExplainer: both masks learnt by Adam so that the prediction stays and little else, in 0 to 1; 0 where nothing flows. A seed gives PyG's. Default: 100
   epochs at 0.01, sum of edges times 0.005, mean of features times 1, entropies times 1 and 0.1; TN_ZERO. */
typedef struct {
    int64_t epochs;
    double lr, edge_size, node_feat_size, edge_ent, node_feat_ent;
    bool edge_mean, node_feat_sum; /* PyG's edge_reduction, node_feat_reduction */
    tn_generator *generator;
} tn_gnn_explainer_opts;
TN_API tn_gnn_explanation tn_gnn_explain(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_explainer_opts *own);
/* AttentionExplainer: the attention that edges get, over heads and layers (GAT, GATv2, Transformer) the largest or what reduce says. num_hops, if
   not 0: edges farther from the nodes opts->index are 0. Without node_mask. TN_ERR_INVALID where no layer attends. */
typedef struct { tn_reduction_kind reduce; bool has_reduce; int64_t num_hops; } tn_gnn_attention_explain_opts;
TN_API tn_gnn_explanation tn_gnn_explain_attention(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_attention_explain_opts *own);
/* CaptumExplainer, of the score of the target: |gradient| (Saliency), number times gradient (InputXGradient), or the integral of that from zeros
   (IntegratedGradients, Gauss-Legendre of so many steps, default 50). node_mask each number or nothing. */
typedef enum { TN_GNN_SALIENCY = 0, TN_GNN_INPUT_X_GRADIENT, TN_GNN_INTEGRATED_GRADIENTS } tn_gnn_attribution;
TN_API tn_gnn_explanation tn_gnn_explain_gradient(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, tn_gnn_attribution method, int64_t n_steps);

/* PGExplainer: a net that is trained over many explanations and then gives one at once. embedding_dim is the width of z, [nodes, embedding_dim]: what the
   model's last layer makes of the graph that is explained. num_hops, of a model of nodes, is how far its layers see: opts->index is then one node; 0: of
   graphs. Defaults: 30 epochs (the temperature's way from 5 to 2), 0.003, 0.05, 1, 0.01. */
typedef struct {
    int64_t epochs, num_hops;
    double lr, edge_size, edge_ent, first_temperature, last_temperature, bias;
    tn_generator *generator;
} tn_gnn_pg_opts;
TN_API tn_module *tn_gnn_pg_explainer(int64_t embedding_dim, const tn_gnn_pg_opts *opts);
/* One step, in epoch 0, 1, …: the loss, NaN on failure. Only edges are masked. */
TN_API double tn_gnn_pg_train(tn_module *pg, int64_t epoch, tn_module *model, tn_tensor *const *in, int n, tn_tensor *z, const tn_gnn_explain_opts *opts);
TN_API tn_gnn_explanation tn_gnn_pg_explain(tn_module *pg, tn_module *model, tn_tensor *const *in, int n, tn_tensor *z, const tn_gnn_explain_opts *opts);

/* GraphMaskExplainer: of each layer a gate for each edge, a net's of what the layer sees there (source, message, target), drawn from the hard concrete
   distribution; messages that are kept off are replaced by a baseline that is learnt. As few gates as possible stay open while the loss is at most allowance
   above the model's own, whose weight lambda grows while it is not. Layers come in turn, the last first, epochs each (default 100, at 0.01). edge_mask is how
   open the gates are in the end, in 0 to 1: the mean over layers, or [layers, E] (per_layer), 0 where nothing flows; a layer is a call of message passing.
   node_mask is learnt as GNNExplainer's. Self-loops that layers put there pass. penalty_scaling in 0 to 10, default 5; init_lambda and allowance in 0 to 1,
   default 0.55 and 0.03; lambda_lr 0.01; TN_ZERO. After the paper: PyG's
   class passes on normalised messages meanwhile, and trains no node_mask, nor gates of layers whose messages are not as wide as their input. */
typedef struct {
    int64_t epochs;
    double lr, lambda_lr, penalty_scaling, init_lambda, allowance, node_feat_size, node_feat_ent;
    bool node_feat_sum, per_layer;
    tn_generator *generator;
} tn_gnn_graph_mask_opts;
TN_API tn_gnn_explanation tn_gnn_explain_graph_mask(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_graph_mask_opts *own);

/* ThresholdConfig: of a mask what is above value as 1, else 0; the value largest as they are or as 1, all else 0. No gradient. */
typedef enum { TN_GNN_THRESHOLD_HARD = 0, TN_GNN_THRESHOLD_TOPK, TN_GNN_THRESHOLD_TOPK_HARD } tn_gnn_threshold_type;
TN_API tn_tensor *tn_gnn_explain_threshold(tn_tensor *mask, tn_gnn_threshold_type type, double value);
/* Explainer.get_masked_prediction: the model's result of x times node_mask and edges weighed by edge_mask; either may be NULL. No gradient. */
TN_API tn_tensor *tn_gnn_masked_prediction(tn_module *model, tn_tensor *const *in, int n, tn_tensor *node_mask, tn_tensor *edge_mask);
/* fidelity: how often the class changes without what the explanation marks (pos), and with nothing but it (neg). opts as they were for it; not
   of regression: TN_ERR_INVALID. NaNs on failure. */
typedef struct { double pos, neg; } tn_gnn_fidelities;
TN_API tn_gnn_fidelities tn_gnn_fidelity(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explanation *e, const tn_gnn_explain_opts *opts);
/* characterization_score, weights of the two default 0.5 (both 0). */
TN_API double tn_gnn_characterization_score(tn_gnn_fidelities f, double pos_weight, double neg_weight);
/* unfaithfulness: 1 - exp(-KL) of the prediction and that of nothing but the explanation; top_k > 0: of the top_k columns of x. NaN on failure. */
TN_API double tn_gnn_unfaithfulness(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explanation *e, const tn_gnn_explain_opts *opts, int64_t top_k);

/* HeteroExplanation: the same of a model of several kinds of nodes and edges. forward gets x and edge_index as dicts, as hetero layers do (its x is a dict of
   its own; edges are known by their handles, so that it has to pass on these), and gives what is explained. module, if not NULL, is run in
   evaluation mode. node_mask has an entry a kind of nodes, edge_mask one a kind of edges; either is NULL where not asked for. What has no part in the result
   has zeros. HeteroConv, HGTConv and HANConv heed the masks. Masks that are given may be of some kinds alone. */
typedef struct { tn_tensor *(*forward)(void *user, tn_dict *x, tn_dict *edge_index); void *user; tn_module *module; } tn_gnn_hetero_model;
typedef struct { tn_dict *node_mask, *edge_mask; tn_tensor *prediction, *target; } tn_gnn_hetero_explanation;
TN_API tn_gnn_hetero_explanation tn_gnn_hetero_explain(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_explain_opts *opts,
                                                       const tn_gnn_explainer_opts *own);
TN_API tn_gnn_hetero_explanation tn_gnn_hetero_explain_gradient(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_explain_opts *opts,
                                                                tn_gnn_attribution method, int64_t n_steps);
TN_API tn_tensor *tn_gnn_hetero_masked_prediction(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, tn_dict *node_mask, tn_dict *edge_mask);
TN_API tn_gnn_fidelities tn_gnn_hetero_fidelity(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_hetero_explanation *e,
                                                const tn_gnn_explain_opts *opts);
TN_API double tn_gnn_hetero_unfaithfulness(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_hetero_explanation *e,
                                           const tn_gnn_explain_opts *opts, int64_t top_k);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* TENSOR_GRAPH_H */

#if defined(TENSOR_GRAPH_IMPLEMENTATION) && !defined(TN_GRAPH__IMPLEMENTED)
#define TN_GRAPH__IMPLEMENTED
#if !defined(_WIN32)
#include <dlfcn.h>
#endif
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
static double tn_graph__or(double v, double usual) { return v == 0 ? usual : v == TN_ZERO ? 0 : v; } /* an option's default */
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

/* What a function here works in: a scope of its own, with the CPU as the place where tensors are made. */
typedef struct tn_graph__frame { tn_scope scope; tn_device home; } tn_graph__frame;
static tn_graph__frame tn_graph__enter(void) {
    const tn_device cpu = {0, 0};
    tn_graph__frame f;
    f.home = tn_get_default_device();
    (void)tn_set_default_device(cpu);
    f.scope = tn_scope_open();
    return f;
}
static void *tn_graph__leave(tn_graph__frame *f, void *result) {
    tn_keep(result);
    tn_scope_close(&f->scope);
    (void)tn_set_default_device(f->home);
    return result;
}
/* The end of a reader: what it filled through pointers is written now, and layers may keep what they make of it. */
static tn_graph *tn_graph__written(tn_graph *g) {
    for (int i = 0; g && i < tn_dict_len(g); i++) tn_mark_written(tn_dict_at(g, i));
    return g;
}
/* NULL, with the error that says why: a pointer for every kind of result. */
#define TN_GRAPH__FAIL(...) ((void)tn_error_set(__VA_ARGS__), NULL)

/* [n] for m < 0, else [n, m]; not cleared. */
static tn_tensor *tn_graph__make(tn_dtype dtype, int64_t n, int64_t m) {
    const int64_t shape[2] = {n, m};
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = dtype;
    return tn_empty(shape, m < 0 ? 1 : 2, &o);
}
static tn_tensor *tn_graph__make_zero(tn_dtype dtype, int64_t n, int64_t m) {
    tn_tensor *t = tn_graph__make(dtype, n, m);
    return t ? tn_zero_(t) : NULL;
}
static int64_t *tn_graph__i64(tn_tensor *t) { return t ? (int64_t *)tn_data(t) : NULL; }
static float *tn_graph__f32(tn_tensor *t) { return t ? (float *)tn_data(t) : NULL; }
static double *tn_graph__f64(tn_tensor *t) { return t ? (double *)tn_data(t) : NULL; }
/* n cleared numbers of the open scope; never NULL for n = 0 but for want of memory. */
static int64_t *tn_graph__counts(int64_t n) { return tn_graph__i64(tn_graph__make_zero(TN_I64, n > 0 ? n : 1, -1)); }
static double *tn_graph__doubles(int64_t n) { return tn_graph__f64(tn_graph__make_zero(TN_F64, n > 0 ? n : 1, -1)); }
/* t on the CPU, in order, as dtype. */
static tn_tensor *tn_graph__host(tn_tensor *t, tn_dtype dtype) {
    const tn_device cpu = {0, 0};
    t = t ? tn_to(tn_detach(t), cpu) : NULL;
    t = t ? tn_contiguous(t) : NULL;
    return t && tn_get_dtype(t) != dtype ? tn_to_dtype(t, dtype) : t;
}
/* [2, n] of two lists. */
static tn_tensor *tn_graph__pairs(const int64_t *row, const int64_t *col, int64_t n) {
    tn_tensor *t = tn_graph__make(TN_I64, 2, n);
    if (!t || n == 0) return t;
    memcpy(tn_graph__i64(t), row, (size_t)n * sizeof *row);
    memcpy(tn_graph__i64(t) + n, col, (size_t)n * sizeof *col);
    return t;
}

static double tn_graph__inner(const double *a, const double *b, int64_t n) {
    double sum[4] = {0, 0, 0, 0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int l = 0; l < 4; l++) sum[l] += a[i + l] * b[i + l];
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* A list that grows; it is malloc's, and failed once it could not grow. */
typedef struct tn_graph__list { int64_t *at, n, cap; bool failed; } tn_graph__list;
static bool tn_graph__push(tn_graph__list *l, int64_t v) {
    if (l->n == l->cap) {
        const int64_t cap = l->cap ? l->cap * 2 : 1024;
        int64_t *at = (size_t)cap > SIZE_MAX / 2 / sizeof *at ? NULL : (int64_t *)realloc(l->at, (size_t)cap * sizeof *at);
        if (!at) {
            if (!l->failed) (void)tn_error_set(TN_ERR_MEMORY, "out of memory: a list of %lld numbers", (long long)cap);
            l->failed = true;
            return false;
        }
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = v;
    return true;
}

/* Uniform draws one by one: blocks of a generator's f64. */
typedef struct tn_graph__draws { tn_generator *generator; int64_t left; bool failed; double u[256]; } tn_graph__draws;
static void tn_graph__draws_begin(tn_graph__draws *d, tn_generator *g) {
    memset(d, 0, sizeof *d);
    d->generator = g;
}
static double tn_graph__draw(tn_graph__draws *d) {
    if (d->left == 0) {
        const int64_t n = (int64_t)(sizeof d->u / sizeof *d->u);
        tn_scope s = tn_scope_open();
        tn_tensor_opts o;
        memset(&o, 0, sizeof o);
        o.dtype = TN_F64;
        o.generator = d->generator;
        tn_tensor *u = tn_rand(&n, 1, &o);
        if (u) memcpy(d->u, tn_data(u), sizeof d->u);
        d->failed = d->failed || !u;
        d->left = n;
        tn_scope_close(&s);
    }
    return d->u[--d->left];
}
/* A whole number of 0 to n - 1. */
static int64_t tn_graph__draw_below(tn_graph__draws *d, int64_t n) {
    const int64_t v = (int64_t)(tn_graph__draw(d) * (double)n);
    return v < n ? v : n - 1;
}

/* -- text -- */

/* A file in memory. owned is malloc's; what was unpacked is the scope's. */
typedef struct tn_graph__reader { const char *who, *path; char *owned; const char *p, *end; int64_t line; char sep; } tn_graph__reader;
static char *tn_graph__slurp(FILE *file, size_t *size) {
    size_t n = 0, cap = (size_t)1 << 16;
    char *at = (char *)malloc(cap);
    while (at) {
        n += fread(at + n, 1, cap - n, file);
        if (n < cap) break;
        char *more = cap < SIZE_MAX / 2 ? (char *)realloc(at, cap * 2) : NULL;
        if (!more) free(at);
        at = more;
        cap *= 2;
    }
    *size = n;
    return at;
}
/* optional: where there is no such file, t->p is NULL and no error set. */
static bool tn_graph__open(tn_graph__reader *t, const char *who, const char *path, char sep, bool optional) {
    memset(t, 0, sizeof *t);
    t->who = who;
    t->path = path;
    t->sep = sep;
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file && optional) return true;
    if (!file) return tn_error_set(TN_ERR_IO, "%s: cannot open %s", who, path ? path : "NULL"), false;
    size_t size = 0;
    t->owned = tn_graph__slurp(file, &size);
    const bool bad = ferror(file) != 0;
    (void)fclose(file);
    if (!t->owned) return tn_error_set(TN_ERR_MEMORY, "%s: no memory for %s", who, path), false;
    t->p = t->owned;
    if (bad) return free(t->owned), t->p = t->owned = NULL, tn_error_set(TN_ERR_IO, "%s: cannot read %s", who, path), false;
    if (size >= 2 && (unsigned char)t->p[0] == 0x1f && (unsigned char)t->p[1] == 0x8b) { /* deflate makes at most 1032 bytes of one */
        tn_tensor *plain = tn_inflate(t->owned, size, size < INT64_MAX / 2048 ? (int64_t)size * 1032 + 1024 : INT64_MAX);
        free(t->owned);
        t->owned = NULL;
        t->p = NULL;
        if (!plain) return false;
        t->p = (const char *)tn_data(plain);
        size = (size_t)tn_numel(plain);
        if (!t->p) t->p = "";
    }
    t->end = t->p + size;
    t->line = 1;
    return true;
}
static void tn_graph__close(tn_graph__reader *t) { free(t->owned); }
/* folder/name, or where that is not there folder/name.gz, in buffer. */
static bool tn_graph__open_in(tn_graph__reader *t, const char *who, const char *folder, const char *name, bool optional, char *buffer, size_t size) {
    if ((size_t)snprintf(buffer, size, "%s/%s.gz", folder, name) >= size)
        return tn_error_set(TN_ERR_IO, "%s: the path %s/%s is too long", who, folder, name), false;
    if (!tn_graph__open(t, who, buffer, ',', true) || t->p) return t->p != NULL;
    (void)snprintf(buffer, size, "%s/%s", folder, name);
    return tn_graph__open(t, who, buffer, ',', optional);
}
static bool tn_graph__bad(tn_graph__reader *t, const char *wanted) {
    int n = 0;
    while (n < 24 && t->p + n < t->end && t->p[n] != '\n' && t->p[n] != '\r') n++;
    return tn_error_set(TN_ERR_FORMAT, "%s: %s, line %lld: \"%.*s\" where %s should be", t->who, t->path, (long long)t->line, n, t->p, wanted), false;
}
static void tn_graph__blanks(tn_graph__reader *t) {
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\r' || (*t->p == '\t' && t->sep != '\t'))) t->p++;
}
static bool tn_graph__line_ends(const tn_graph__reader *t) { return t->p >= t->end || *t->p == '\n'; }
static void tn_graph__skip_line(tn_graph__reader *t) {
    const char *at = t->p < t->end ? (const char *)memchr(t->p, '\n', (size_t)(t->end - t->p)) : NULL;
    t->p = at ? at + 1 : t->end;
    t->line++;
}
/* To the next line that is neither empty nor a comment (0: none is); false at the end. */
static bool tn_graph__next(tn_graph__reader *t, char comment) {
    for (; t->p < t->end; tn_graph__skip_line(t)) {
        tn_graph__blanks(t);
        if (!tn_graph__line_ends(t) && (!comment || *t->p != comment)) return true;
    }
    return false;
}
static bool tn_graph__end_line(tn_graph__reader *t) {
    tn_graph__blanks(t);
    if (!tn_graph__line_ends(t)) return tn_graph__bad(t, "the end of the line");
    tn_graph__skip_line(t);
    return true;
}
static bool tn_graph__is_gap(const tn_graph__reader *t, char c) {
    return c == '\n' || c == ' ' || c == '\r' || c == '\t' || (t->sep ? c == t->sep : c == ',' || c == ';');
}
/* Over the separator and blanks after a number; false where something else stands there. */
static bool tn_graph__gap(tn_graph__reader *t) {
    if (t->p < t->end && !tn_graph__is_gap(t, *t->p)) return false;
    tn_graph__blanks(t);
    if (t->p < t->end && *t->p != '\n' && (t->sep ? *t->p == t->sep : *t->p == ',' || *t->p == ';')) {
        t->p++;
        tn_graph__blanks(t);
    }
    return true;
}
static bool tn_graph__scan_i64(const char **at, const char *end, int64_t *v) {
    const char *p = *at;
    const bool minus = p < end && *p == '-';
    uint64_t n = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    const char *first = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (n > (uint64_t)INT64_MAX / 10 - 1) return false;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    *at = p;
    *v = minus ? -(int64_t)n : (int64_t)n;
    return p > first;
}
static bool tn_graph__scan_word(const char **at, const char *end, const char *word) {
    const size_t n = strlen(word);
    if ((size_t)(end - *at) < n) return false;
    for (size_t i = 0; i < n; i++)
        if (((*at)[i] | 0x20) != word[i]) return false;
    *at += n;
    return true;
}
/* Not strtod: that is slow, and reads what the locale writes. The value is right to the last bit of an f32 or better. */
static bool tn_graph__scan_f64(const char **at, const char *end, double *v) {
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
        1e21, 1e22};
    const char *p = *at;
    const bool minus = p < end && *p == '-';
    uint64_t m = 0;
    int64_t exponent = 0, digits = 0, e = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    for (bool point = false; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits++;
        if (m < UINT64_C(1000000000000000000)) m = m * 10 + (uint64_t)(*p - '0'), exponent -= point;
        else exponent += !point;
    }
    if (digits == 0) {
        *at = p;
        const bool nan = tn_graph__scan_word(at, end, "nan"), infinite = !nan && (tn_graph__scan_word(at, end, "infinity") || tn_graph__scan_word(at, end, "inf"));
        *v = nan ? NAN : !infinite ? 0 : minus ? -INFINITY : INFINITY;
        return *at > p;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (!tn_graph__scan_i64(&p, end, &e)) return false;
        e = e > 100000 ? 100000 : e < -100000 ? -100000 : e;
    }
    exponent += e;
    double r = (double)m;
    if (m != 0 && exponent >= -22 && exponent <= 22) r = exponent < 0 ? r / tens[-exponent] : r * tens[exponent];
    else if (m != 0) r = (double)((long double)m * powl(10.0L, (long double)exponent));
    *v = minus ? -r : r;
    *at = p;
    return true;
}
static bool tn_graph__int(tn_graph__reader *t, int64_t *v) {
    const char *p = t->p;
    if (!tn_graph__scan_i64(&t->p, t->end, v) || !tn_graph__gap(t)) return t->p = p, tn_graph__bad(t, "a whole number");
    return true;
}
static bool tn_graph__number(tn_graph__reader *t, double *v) {
    const char *p = t->p;
    if (!tn_graph__scan_f64(&t->p, t->end, v) || !tn_graph__gap(t)) return t->p = p, tn_graph__bad(t, "a number");
    return true;
}
/* A table of numbers, a row a line, all of as many columns as the first: [rows, columns], i64, f32 or f64. columns 0: any. */
static bool tn_graph__row(tn_graph__reader *t, tn_tensor *table, int64_t row, int64_t columns) {
    const tn_dtype dtype = tn_get_dtype(table);
    for (int64_t c = 0; c < columns; c++) {
        double v = 0;
        if (tn_graph__line_ends(t)) return tn_graph__bad(t, "another column");
        if (dtype == TN_I64) {
            if (!tn_graph__int(t, tn_graph__i64(table) + row * columns + c)) return false;
            continue;
        }
        if (!tn_graph__number(t, &v)) return false;
        if (dtype == TN_F32) tn_graph__f32(table)[row * columns + c] = (float)v;
        else tn_graph__f64(table)[row * columns + c] = v;
    }
    return tn_graph__end_line(t);
}
static int64_t tn_graph__columns(tn_graph__reader t) { /* of its line */
    int64_t n = 0;
    for (double v; !tn_graph__line_ends(&t); n++)
        if (!tn_graph__scan_f64(&t.p, t.end, &v) || !tn_graph__gap(&t)) return n + 1; /* the row that is read for good says what is wrong */
    return n;
}
static tn_tensor *tn_graph__table(tn_graph__reader *t, tn_dtype dtype, int64_t columns) {
    tn_graph__reader count = *t;
    int64_t rows = 0;
    while (tn_graph__next(&count, 0)) rows++, tn_graph__skip_line(&count);
    const bool any = tn_graph__next(t, 0);
    if (columns == 0) columns = any ? tn_graph__columns(*t) : 0;
    if (rows * columns > t->end - t->p + 1) return tn_graph__bad(t, "another column"), (tn_tensor *)NULL; /* before it asks for memory */
    tn_tensor *table = tn_graph__make(dtype, rows, columns);
    for (int64_t r = 0; table && r < rows && tn_graph__next(t, 0); r++)
        if (!tn_graph__row(t, table, r, columns)) table = NULL;
    return table;
}
/* The table in folder/name(.gz); NULL without an error where it is optional and not there (see missing). */
static tn_tensor *tn_graph__table_in(const char *who, const char *folder, const char *name, tn_dtype dtype, int64_t columns, bool optional, bool *ok) {
    char path[4096];
    tn_graph__reader t;
    if (!*ok) return NULL;
    if (!tn_graph__open_in(&t, who, folder, name, optional, path, sizeof path)) return *ok = false, (tn_tensor *)NULL;
    if (!t.p) return NULL;
    tn_tensor *table = tn_graph__table(&t, dtype, columns);
    tn_graph__close(&t);
    *ok = table != NULL;
    return table;
}

/* -- many graphs -- */

TN_API tn_graphs tn_graphs_keep(tn_graphs graphs) {
    for (int64_t i = 0; i < graphs.n; i++) tn_keep(graphs.at[i]);
    tn_keep(graphs.memory);
    return graphs;
}
static tn_graphs tn_graph__graphs_leave(tn_graph__frame *f, tn_graphs graphs) {
    graphs = tn_graphs_keep(graphs);
    (void)tn_graph__leave(f, NULL);
    return graphs;
}
/* All graphs of a set in one: node and edge 0 to … of each begin at its places of node_ptr and edge_ptr; edges count nodes across the
   set. x, edge_attr may be NULL; y has a row a graph. */
typedef struct tn_graph__many { int64_t n; const int64_t *node_ptr, *edge_ptr, *row, *col; tn_tensor *x, *edge_attr, *y; } tn_graph__many;
static tn_graph *tn_graph__set_at(const tn_graph__many *s, int64_t i) {
    const int64_t node = s->node_ptr[i], nodes = s->node_ptr[i + 1] - node, edge = s->edge_ptr[i], edges = s->edge_ptr[i + 1] - edge;
    tn_graph *g = tn_dict_new();
    tn_tensor *index = tn_graph__make(TN_I64, 2, edges);
    bool ok = g && index;
    for (int64_t e = 0; ok && e < edges; e++) {
        tn_graph__i64(index)[e] = s->row[edge + e] - node;
        tn_graph__i64(index)[edges + e] = s->col[edge + e] - node;
    }
    ok = ok && (!s->x || tn_dict_set(g, "x", tn_narrow(s->x, 0, node, nodes)) == TN_OK) && tn_dict_set(g, "edge_index", index) == TN_OK;
    ok = ok && (!s->edge_attr || tn_dict_set(g, "edge_attr", tn_narrow(s->edge_attr, 0, edge, edges)) == TN_OK);
    ok = ok && (!s->y || tn_dict_set(g, "y", tn_narrow(s->y, 0, i, 1)) == TN_OK);
    ok = ok && (s->x || tn_dict_set(g, "num_nodes", tn_scalar_i64(nodes)) == TN_OK);
    return ok ? g : NULL;
}
static tn_graphs tn_graph__set_split(const tn_graph__many *s) {
    tn_graphs r = {NULL, 0, NULL};
    r.memory = tn_graph__make(TN_U8, (s->n + 1) * (int64_t)sizeof *r.at, -1);
    tn_graph **at = r.memory ? (tn_graph **)tn_data(r.memory) : NULL;
    for (int64_t i = 0; at && i < s->n; i++)
        if (!(at[i] = tn_graph__set_at(s, i))) at = NULL;
    r.at = at;
    r.n = at ? s->n : 0;
    if (!at) r.memory = NULL;
    return r;
}
/* Whole numbers to one-hot f32 rows, from the least to the greatest of them. */
static tn_tensor *tn_graph__one_hot(const char *who, const char *what, const int64_t *v, int64_t n, int64_t step) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (int64_t i = 0; i < n; i++) {
        if (v[i * step] < least) least = v[i * step];
        if (v[i * step] > most) most = v[i * step];
    }
    if (n > 0 && ((uint64_t)most - (uint64_t)least > 65535))
        return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "%s: %s of %lld to %lld are too many to be one-hot", who, what, (long long)least,
                                           (long long)most);
    const int64_t classes = n > 0 ? most - least + 1 : 0;
    tn_tensor *t = tn_graph__make_zero(TN_F32, n, classes);
    for (int64_t i = 0; t && i < n; i++) tn_graph__f32(t)[i * classes + v[i * step] - least] = 1;
    return t;
}
static tn_tensor *tn_graph__beside(tn_tensor *const *parts, int n) { return n == 0 ? NULL : n == 1 ? parts[0] : tn_cat(parts, n, 1); }
/* Labels in order from 0: [n] i64. */
static tn_tensor *tn_graph__ranks(tn_tensor *labels) {
    tn_unique_opts o;
    memset(&o, 0, sizeof o);
    o.return_inverse = true;
    return labels && tn_numel(labels) ? tn_unique(labels, &o).inverse : labels;
}

/* -- DGCNN's text -- */

typedef struct tn_graph__dgcnn { tn_graph__list label, node_ptr, edge_ptr, tag, row, col, feature; int64_t features; } tn_graph__dgcnn;
static bool tn_graph__dgcnn_node(tn_graph__reader *t, tn_graph__dgcnn *d, int64_t first, int64_t nodes, int64_t node) {
    int64_t tag, degree, to, features = 0;
    if (!tn_graph__next(t, 0)) return tn_graph__bad(t, "another node");
    if (!tn_graph__int(t, &tag) || !tn_graph__int(t, &degree)) return false;
    for (int64_t k = 0; k < degree; k++) {
        if (tn_graph__line_ends(t)) return tn_graph__bad(t, "another neighbour");
        if (!tn_graph__int(t, &to)) return false;
        if (to < 0 || to >= nodes)
            return tn_error_set(TN_ERR_FORMAT, "%s: %s, line %lld: neighbour %lld of %lld nodes", t->who, t->path, (long long)t->line, (long long)to,
                                (long long)nodes), false;
        if (!tn_graph__push(&d->row, first + node) || !tn_graph__push(&d->col, first + to)) return false;
    }
    for (double v; !tn_graph__line_ends(t); features++) { /* doubles, in a list of whole numbers */
        int64_t bits;
        if (!tn_graph__number(t, &v)) return false;
        memcpy(&bits, &v, sizeof bits);
        if (!tn_graph__push(&d->feature, bits)) return false;
    }
    if (d->tag.n == 0) d->features = features;
    if (features != d->features)
        return tn_error_set(TN_ERR_FORMAT, "%s: %s, line %lld: %lld features, not %lld", t->who, t->path, (long long)t->line, (long long)features,
                            (long long)d->features), false;
    return tn_graph__push(&d->tag, tag) && tn_graph__end_line(t);
}
static bool tn_graph__dgcnn_read(tn_graph__reader *t, tn_graph__dgcnn *d) {
    int64_t graphs = 0, nodes, label;
    if (!tn_graph__next(t, 0)) return tn_graph__bad(t, "the number of graphs");
    if (!tn_graph__int(t, &graphs) || !tn_graph__end_line(t)) return false;
    if (graphs < 0 || !tn_graph__push(&d->node_ptr, 0) || !tn_graph__push(&d->edge_ptr, 0)) return tn_graph__bad(t, "the number of graphs");
    for (int64_t g = 0; g < graphs; g++) {
        if (!tn_graph__next(t, 0)) return tn_graph__bad(t, "another graph");
        if (!tn_graph__int(t, &nodes) || !tn_graph__int(t, &label) || !tn_graph__end_line(t)) return false;
        const int64_t first = d->tag.n;
        for (int64_t i = 0; i < nodes; i++)
            if (!tn_graph__dgcnn_node(t, d, first, nodes, i)) return false;
        if (!tn_graph__push(&d->label, label) || !tn_graph__push(&d->node_ptr, d->tag.n) || !tn_graph__push(&d->edge_ptr, d->row.n)) return false;
    }
    return !tn_graph__next(t, 0) || tn_graph__bad(t, "the end of the file");
}
static tn_tensor *tn_graph__dgcnn_x(const char *who, const tn_graph__dgcnn *d) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64;
    tn_tensor *parts[2] = {NULL, NULL}, *tags = tn_graph__ranks(tn_from(d->tag.at, &d->tag.n, 1, &o));
    int n = 0;
    if (d->features && !(parts[n++] = tn_graph__make(TN_F32, d->tag.n, d->features))) return NULL;
    for (int64_t i = 0; d->features && i < d->feature.n; i++) {
        double v;
        memcpy(&v, d->feature.at + i, sizeof v);
        tn_graph__f32(parts[0])[i] = (float)v;
    }
    parts[n] = tags ? tn_graph__one_hot(who, "tags", tn_graph__i64(tags), d->tag.n, 1) : NULL;
    return parts[n] ? tn_graph__beside(parts, n + 1) : NULL;
}
TN_API tn_graphs tn_graphs_read_dgcnn(const char *path) {
    const char *who = "tn_graphs_read_dgcnn";
    tn_graphs r = {NULL, 0, NULL};
    tn_graph__dgcnn d;
    memset(&d, 0, sizeof d);
    tn_graph__frame f = tn_graph__enter();
    tn_graph__reader t;
    const bool opened = tn_graph__open(&t, who, path, ' ', false);
    if (opened && tn_graph__dgcnn_read(&t, &d)) {
        tn_tensor_opts o;
        memset(&o, 0, sizeof o);
        o.dtype = TN_I64;
        tn_graph__many s = {d.label.n, d.node_ptr.at, d.edge_ptr.at, d.row.at, d.col.at, NULL, NULL, NULL};
        s.x = tn_graph__dgcnn_x(who, &d);
        s.y = tn_graph__ranks(tn_from(d.label.at, &d.label.n, 1, &o));
        if (s.x && s.y) r = tn_graph__set_split(&s);
    }
    if (opened) tn_graph__close(&t);
    tn_graph__list *lists[] = {&d.label, &d.node_ptr, &d.edge_ptr, &d.tag, &d.row, &d.col, &d.feature};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->at);
    return tn_graph__graphs_leave(&f, r);
}

/* -- TU Dortmund's text -- */

/* Attributes, where they are asked for, and one-hot labels, a column each: what of it there is in one f32 table of that many rows. */
static tn_tensor *tn_graph__tu_features(const char *folder, const char *name, const char *of, bool attributes, int64_t rows, bool *ok) {
    const char *who = "tn_graphs_read_tu";
    char file[512];
    tn_tensor *parts[17] = {NULL}, *labels;
    int n = 0;
    (void)snprintf(file, sizeof file, "%.400s_%s_attributes.txt", name, of);
    if (attributes && (parts[n] = tn_graph__table_in(who, folder, file, TN_F32, 0, true, ok))) n++;
    (void)snprintf(file, sizeof file, "%.400s_%s_labels.txt", name, of);
    labels = tn_graph__table_in(who, folder, file, TN_I64, 0, true, ok);
    const int64_t columns = labels ? tn_size(labels, 1) : 0;
    if (columns > 16) return *ok = false, (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "%s: %s has %lld columns", who, file, (long long)columns);
    for (int64_t c = 0; c < columns; c++, n++) {
        parts[n] = tn_graph__one_hot(who, file, tn_graph__i64(labels) + c, tn_size(labels, 0), columns);
        if (!parts[n]) return *ok = false, (tn_tensor *)NULL;
    }
    for (int i = 0; i < n; i++)
        if (tn_size(parts[i], 0) != rows)
            return *ok = false, (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "%s: %s or its attributes have %lld lines, not %lld", who, file,
                                                            (long long)tn_size(parts[i], 0), (long long)rows);
    tn_tensor *t = *ok ? tn_graph__beside(parts, n) : NULL;
    *ok = *ok && (n == 0 || t);
    return t;
}
/* Where each graph's nodes begin, from the indicator, which ascends from 1. */
static int64_t *tn_graph__tu_ptr(const char *name, tn_tensor *indicator, int64_t *graphs) {
    const int64_t *v = tn_graph__i64(indicator), n = tn_size(indicator, 0);
    for (int64_t i = 0; i < n; i++)
        if (v[i] < (i ? v[i - 1] : 1) || v[i] > INT32_MAX)
            return (int64_t *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "tn_graphs_read_tu: %s_graph_indicator.txt, line %lld: graph %lld", name,
                                             (long long)(i + 1), (long long)v[i]);
    *graphs = n ? v[n - 1] : 0;
    int64_t *ptr = tn_graph__counts(*graphs + 1);
    for (int64_t i = 0; ptr && i < n; i++) ptr[v[i]]++;
    for (int64_t g = 0; ptr && g < *graphs; g++) ptr[g + 1] += ptr[g];
    return ptr;
}
/* Edges without self-loops, in order, each once; what edges had adds up. */
static tn_gnn_edge_list tn_graph__tu_edges(const char *name, tn_tensor *a, const int64_t *graph, int64_t nodes, tn_tensor *attr) {
    const tn_gnn_edge_list none = {NULL, NULL, NULL};
    const int64_t n = tn_size(a, 0), *v = tn_graph__i64(a);
    tn_tensor *index = tn_graph__make(TN_I64, 2, n);
    for (int64_t e = 0; index && e < n; e++) {
        const int64_t u = v[2 * e] - 1, w = v[2 * e + 1] - 1;
        if (u < 0 || u >= nodes || w < 0 || w >= nodes || graph[u] != graph[w])
            return tn_error_set(TN_ERR_FORMAT, "tn_graphs_read_tu: %s_A.txt, line %lld: an edge of %lld and %lld", name, (long long)(e + 1),
                                (long long)u + 1, (long long)w + 1), none;
        tn_graph__i64(index)[e] = u;
        tn_graph__i64(index)[n + e] = w;
    }
    const tn_gnn_edge_list r = index ? tn_gnn_remove_self_loops(index, attr) : none;
    return r.edge_index ? tn_gnn_coalesce(r.edge_index, r.edge_attr, nodes, NULL) : none;
}
static tn_graphs tn_graph__tu(const char *folder, const char *name, const tn_graphs_tu_opts *o) {
    const char *who = "tn_graphs_read_tu";
    tn_graphs none = {NULL, 0, NULL};
    char file[512];
    bool ok = true;
    (void)snprintf(file, sizeof file, "%.400s_A.txt", name);
    tn_tensor *a = tn_graph__table_in(who, folder, file, TN_I64, 2, false, &ok);
    (void)snprintf(file, sizeof file, "%.400s_graph_indicator.txt", name);
    tn_tensor *indicator = tn_graph__table_in(who, folder, file, TN_I64, 1, false, &ok);
    tn_graph__many s;
    memset(&s, 0, sizeof s);
    if (!ok || !(s.node_ptr = tn_graph__tu_ptr(name, indicator, &s.n))) return none;
    const int64_t nodes = tn_size(indicator, 0), *graph = tn_graph__i64(indicator);
    s.x = tn_graph__tu_features(folder, name, "node", o->use_node_attr, nodes, &ok);
    s.edge_attr = tn_graph__tu_features(folder, name, "edge", o->use_edge_attr, tn_size(a, 0), &ok);
    (void)snprintf(file, sizeof file, "%.400s_graph_attributes.txt", name);
    s.y = tn_graph__table_in(who, folder, file, TN_F32, 0, true, &ok);
    if (ok && s.y && tn_size(s.y, 1) == 1) s.y = tn_reshape(s.y, &s.n, 1);
    (void)snprintf(file, sizeof file, "%.400s_graph_labels.txt", name);
    if (ok && !s.y) {
        tn_tensor *labels = tn_graph__table_in(who, folder, file, TN_I64, 1, true, &ok);
        const int64_t n = labels ? tn_size(labels, 0) : 0;
        s.y = labels ? tn_graph__ranks(tn_reshape(labels, &n, 1)) : NULL;
    }
    if (ok && s.y && tn_size(s.y, 0) != s.n)
        ok = (tn_error_set(TN_ERR_FORMAT, "%s: %s is of %lld graphs, not of %lld", who, file, (long long)tn_size(s.y, 0), (long long)s.n), false);
    if (!ok) return none;
    const tn_gnn_edge_list edges = tn_graph__tu_edges(name, a, graph, nodes, s.edge_attr);
    int64_t *edge_ptr = edges.edge_index ? tn_graph__counts(s.n + 1) : NULL;
    if (!edge_ptr) return none;
    const int64_t n_edges = tn_size(edges.edge_index, 1);
    s.edge_attr = edges.edge_attr;
    s.row = tn_graph__i64(edges.edge_index);
    s.col = s.row + n_edges;
    for (int64_t e = 0; e < n_edges; e++) edge_ptr[graph[s.row[e]]]++;
    for (int64_t g = 0; g < s.n; g++) edge_ptr[g + 1] += edge_ptr[g];
    s.edge_ptr = edge_ptr;
    return tn_graph__set_split(&s);
}
TN_API tn_graphs tn_graphs_read_tu(const char *folder, const char *name, const tn_graphs_tu_opts *opts) {
    tn_graphs r = {NULL, 0, NULL};
    tn_graphs_tu_opts o = {false, false};
    if (opts) o = *opts;
    if (!folder || !name) return tn_error_set(TN_ERR_INVALID, "tn_graphs_read_tu: the folder or the name is NULL"), r;
    tn_graph__frame f = tn_graph__enter();
    r = tn_graph__tu(folder, name, &o);
    return tn_graph__graphs_leave(&f, r);
}

/* -- one graph -- */

TN_API tn_graph *tn_graph_planetoid(const char *path) {
    const char *who = "tn_graph_planetoid";
    tn_graph__frame f = tn_graph__enter();
    tn_dict *d = tn_load_safetensors(path);
    tn_tensor *x = d ? tn_dict_get(d, "x") : NULL;
    tn_graph__edges e;
    if (d && (!x || !tn_dict_get(d, "edge_index") || tn_ndim(x) != 2))
        d = (tn_dict *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "%s: %s has no x [nodes, features] or no edge_index", who, path);
    if (d && !tn_graph__edges_read(who, tn_dict_get(d, "edge_index"), tn_size(x, 0), &e)) d = NULL;
    if (d && tn_dict_set(d, "x", tn_to_dtype(x, TN_F32)) != TN_OK) d = NULL;
    return (tn_graph *)tn_graph__leave(&f, d);
}
static bool tn_graph__set_edges(tn_graph *g, const tn_graph__list *row, const tn_graph__list *col, tn_tensor *attr, const char *name, bool undirected) {
    tn_gnn_edge_list e = {tn_graph__pairs(row->at, col->at, row->n), attr, NULL};
    if (e.edge_index && undirected) e = tn_gnn_to_undirected(e.edge_index, attr, -1, TN_REDUCE_SUM);
    return e.edge_index && tn_dict_set(g, "edge_index", e.edge_index) == TN_OK && (!e.edge_attr || tn_dict_set(g, name, e.edge_attr) == TN_OK);
}
/* An index of a node: of any size if nodes is 0. */
static bool tn_graph__node(tn_graph__reader *t, int64_t nodes, int64_t *v) {
    if (!tn_graph__int(t, v)) return false;
    if (*v >= 0 && (nodes ? *v < nodes : *v < INT32_MAX)) return true; /* what is longer is an id, not an index */
    return tn_error_set(TN_ERR_FORMAT, "%s: %s, line %lld: node %lld of %lld", t->who, t->path, (long long)t->line, (long long)*v, (long long)nodes),
        false;
}
static tn_graph *tn_graph__edge_list(tn_graph__reader *t, const tn_graph_edge_list_opts *o, tn_graph__list *row, tn_graph__list *col) {
    const char comment = o->comment ? o->comment : '#';
    tn_graph__reader count = *t;
    int64_t lines = 0, from, to;
    while (o->weighted && tn_graph__next(&count, comment)) lines++, tn_graph__skip_line(&count);
    tn_tensor *weight = o->weighted ? tn_graph__make(TN_F32, lines, -1) : NULL;
    if (o->weighted && !weight) return NULL;
    while (tn_graph__next(t, comment)) {
        if (!tn_graph__node(t, o->num_nodes, &from) || !tn_graph__node(t, o->num_nodes, &to)) return NULL;
        if (weight) {
            double v;
            if (!tn_graph__number(t, &v)) return NULL;
            tn_graph__f32(weight)[row->n] = (float)v;
        }
        if (!tn_graph__push(row, from) || !tn_graph__push(col, to)) return NULL;
        tn_graph__skip_line(t);
    }
    tn_graph *g = tn_dict_new();
    if (!g || !tn_graph__set_edges(g, row, col, weight, "edge_weight", o->undirected)) return NULL;
    return !o->num_nodes || tn_dict_set(g, "num_nodes", tn_scalar_i64(o->num_nodes)) == TN_OK ? g : NULL;
}
TN_API tn_graph *tn_graph_read_edge_list(const char *path, const tn_graph_edge_list_opts *opts) {
    tn_graph_edge_list_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (o.num_nodes < 0) return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_read_edge_list: num_nodes %lld", (long long)o.num_nodes);
    tn_graph__frame f = tn_graph__enter();
    tn_graph__reader t;
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    tn_graph *g = NULL;
    if (tn_graph__open(&t, "tn_graph_read_edge_list", path, o.separator, false)) {
        g = tn_graph__edge_list(&t, &o, &row, &col);
        tn_graph__close(&t);
    }
    free(row.at);
    free(col.at);
    return (tn_graph *)tn_graph__leave(&f, g);
}

/* -- tables of nodes and of edges -- */

typedef struct tn_graph__word { const char *at; int64_t n, id; } tn_graph__word;
/* The next field, without its quotes. */
static bool tn_graph__field(tn_graph__reader *t, tn_graph__word *w) {
    if (tn_graph__line_ends(t)) return tn_graph__bad(t, "another column");
    const bool quoted = *t->p == '"';
    const char *p = t->p + quoted;
    w->at = p;
    while (p < t->end && *p != '\n' && (quoted ? *p != '"' : *p != t->sep)) p++;
    w->n = p - w->at;
    if (quoted && (p >= t->end || *p != '"')) return tn_graph__bad(t, "a closing quote");
    while (!quoted && w->n > 0 && (w->at[w->n - 1] == ' ' || w->at[w->n - 1] == '\r')) w->n--;
    t->p = p + quoted;
    return tn_graph__gap(t) || tn_graph__bad(t, "a separator");
}
static int tn_graph__compare_words(const void *a, const void *b) {
    const tn_graph__word *x = (const tn_graph__word *)a, *y = (const tn_graph__word *)b;
    const int order = memcmp(x->at, y->at, (size_t)(x->n < y->n ? x->n : y->n));
    return order ? order : (x->n > y->n) - (x->n < y->n);
}
/* Ids in a hash table of twice their number or more. */
typedef struct tn_graph__ids { tn_graph__word *at; uint64_t mask; } tn_graph__ids;
static tn_graph__word *tn_graph__id(const tn_graph__ids *ids, const tn_graph__word *w) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int64_t i = 0; i < w->n; i++) hash = (hash ^ (unsigned char)w->at[i]) * UINT64_C(1099511628211);
    for (hash ^= hash >> 29;; hash++) {
        tn_graph__word *slot = ids->at + (hash & ids->mask);
        if (!slot->at || tn_graph__compare_words(slot, w) == 0) return slot;
    }
}
static tn_graph__word *tn_graph__words(int64_t n) {
    tn_tensor *t = tn_graph__make_zero(TN_U8, (n + 1) * (int64_t)sizeof(tn_graph__word), -1);
    return t ? (tn_graph__word *)tn_data(t) : NULL;
}
/* Whole numbers as they are; other labels by their place in order. */
static tn_tensor *tn_graph__labels(tn_graph__word *labels, int64_t n) {
    tn_tensor *t = tn_graph__make(TN_I64, n, -1);
    int64_t *y = tn_graph__i64(t), rank = -1;
    bool whole = t != NULL;
    for (int64_t i = 0; whole && i < n; i++) {
        const char *p = labels[i].at, *end = p + labels[i].n;
        whole = tn_graph__scan_i64(&p, end, y + i) && p == end;
    }
    if (!t || whole) return t;
    for (int64_t i = 0; i < n; i++) labels[i].id = i;
    qsort(labels, (size_t)n, sizeof *labels, tn_graph__compare_words);
    for (int64_t i = 0; i < n; i++) {
        rank += i == 0 || tn_graph__compare_words(labels + i - 1, labels + i) != 0;
        y[labels[i].id] = rank;
    }
    return t;
}
static int64_t tn_graph__fields(tn_graph__reader t) {
    tn_graph__word w;
    int64_t n = 0;
    while (!tn_graph__line_ends(&t) && tn_graph__field(&t, &w)) n++;
    return n;
}
static int64_t tn_graph__lines(tn_graph__reader t) {
    int64_t n = 0;
    for (; tn_graph__next(&t, 0); n++) tn_graph__skip_line(&t);
    return n;
}
static bool tn_graph__csv_nodes(tn_graph__reader *t, const tn_graph_csv_opts *o, tn_graph *g, tn_graph__ids *ids, int64_t *nodes) {
    if (!o->no_header && tn_graph__next(t, 0)) tn_graph__skip_line(t);
    const bool any = tn_graph__next(t, 0);
    const int64_t rows = tn_graph__lines(*t), columns = any ? tn_graph__fields(*t) : 0, label = o->has_label_column ? o->label_column : -1;
    if (any && (label >= columns || (o->has_label_column && label < !o->no_id)))
        return tn_error_set(TN_ERR_INVALID, "%s: label_column %d of %lld columns", t->who, o->label_column, (long long)columns), false;
    const int64_t width = any ? columns - !o->no_id - o->has_label_column : 0;
    int64_t slots = 1024;
    while (slots < 2 * rows + 2) slots *= 2;
    tn_tensor *x = width * rows > t->end - t->p ? (tn_graph__bad(t, "another column"), (tn_tensor *)NULL) : tn_graph__make(TN_F32, rows, width);
    tn_graph__word *labels = tn_graph__words(rows), w;
    ids->at = o->no_id ? NULL : tn_graph__words(slots);
    ids->mask = (uint64_t)slots - 1;
    if (!x || !labels || (!o->no_id && !ids->at)) return false;
    for (int64_t r = 0; r < rows && tn_graph__next(t, 0); r++) {
        for (int64_t c = 0, at = 0; c < columns; c++) {
            double v;
            if (c == 0 && !o->no_id) {
                if (!tn_graph__field(t, &w)) return false;
                tn_graph__word *slot = tn_graph__id(ids, &w);
                if (slot->at)
                    return tn_error_set(TN_ERR_FORMAT, "%s: %s, line %lld: the id %.*s is taken", t->who, t->path, (long long)t->line,
                                        (int)(w.n < 40 ? w.n : 40), w.at), false;
                *slot = w;
                slot->id = r;
            } else if (c == label) {
                if (!tn_graph__field(t, labels + r)) return false;
            } else if (tn_graph__line_ends(t)) return tn_graph__bad(t, "another column");
            else if (!tn_graph__number(t, &v)) return false;
            else tn_graph__f32(x)[r * width + at++] = (float)v;
        }
        if (!tn_graph__end_line(t)) return false;
    }
    *nodes = rows;
    if (width ? tn_dict_set(g, "x", x) != TN_OK : tn_dict_set(g, "num_nodes", tn_scalar_i64(rows)) != TN_OK) return false;
    return label < 0 || tn_dict_set(g, "y", tn_graph__labels(labels, rows)) == TN_OK;
}
/* An end of an edge: an id that the nodes have, or without them an index. */
static bool tn_graph__csv_end(tn_graph__reader *t, const tn_graph__ids *ids, int64_t nodes, int64_t *v) {
    tn_graph__word w;
    if (!ids->at) return tn_graph__node(t, nodes, v);
    const char *p = t->p;
    if (!tn_graph__field(t, &w)) return false;
    const tn_graph__word *slot = tn_graph__id(ids, &w);
    *v = slot->id;
    return slot->at || (t->p = p, tn_graph__bad(t, "a node's id"));
}
static bool tn_graph__csv_edges(tn_graph__reader *t, const tn_graph_csv_opts *o, tn_graph *g, const tn_graph__ids *ids, int64_t nodes,
                                tn_graph__list *row, tn_graph__list *col) {
    if (!o->no_header && tn_graph__next(t, 0)) tn_graph__skip_line(t);
    const bool any = tn_graph__next(t, 0);
    const int64_t rows = tn_graph__lines(*t), width = any ? tn_graph__fields(*t) - 2 : 0;
    if (width < 0) return tn_graph__bad(t, "source and target");
    tn_tensor *attr = width * rows > t->end - t->p ? (tn_graph__bad(t, "another column"), (tn_tensor *)NULL) : tn_graph__make(TN_F32, rows, width);
    if (!attr) return false;
    for (int64_t r = 0; r < rows && tn_graph__next(t, 0); r++) {
        int64_t from, to;
        if (!tn_graph__csv_end(t, ids, nodes, &from) || !tn_graph__csv_end(t, ids, nodes, &to) || !tn_graph__push(row, from) ||
            !tn_graph__push(col, to))
            return false;
        if (!tn_graph__row(t, attr, r, width)) return false;
    }
    return tn_graph__set_edges(g, row, col, width ? attr : NULL, "edge_attr", o->undirected);
}
TN_API tn_graph *tn_graph_read_csv(const char *nodes_path, const char *edges_path, const tn_graph_csv_opts *opts) {
    const char *who = "tn_graph_read_csv";
    tn_graph_csv_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    const char sep = o.separator ? o.separator : ',';
    tn_graph__frame f = tn_graph__enter();
    tn_graph__reader nodes, edges;
    memset(&nodes, 0, sizeof nodes);
    memset(&edges, 0, sizeof edges);
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    tn_graph__ids ids = {NULL, 0};
    int64_t n = 0;
    tn_graph *g = tn_dict_new();
    bool ok = g && (!nodes_path || (tn_graph__open(&nodes, who, nodes_path, sep, false) && tn_graph__csv_nodes(&nodes, &o, g, &ids, &n)));
    ok = ok && tn_graph__open(&edges, who, edges_path, sep, false) && tn_graph__csv_edges(&edges, &o, g, &ids, n, &row, &col);
    tn_graph__close(&nodes);
    tn_graph__close(&edges);
    free(row.at);
    free(col.at);
    return (tn_graph *)tn_graph__leave(&f, tn_graph__written(ok ? g : NULL));
}

/* -- the Open Graph Benchmark -- */

static bool tn_graph__set_if(tn_graph *g, const char *name, tn_tensor *t) { return !t || tn_dict_set(g, name, t) == TN_OK; }
/* f64 to i64 where all are whole, else to f32. */
static tn_tensor *tn_graph__whole_or_f32(tn_tensor *t) {
    const double *v = tn_graph__f64(t);
    bool whole = t != NULL;
    for (int64_t i = 0; whole && i < tn_numel(t); i++) whole = v[i] == floor(v[i]) && fabs(v[i]) < 9e15;
    return t ? tn_to_dtype(t, whole ? TN_I64 : TN_F32) : NULL;
}
/* Edges as OGB has them, an edge a row, as [2, edges]; with inverse the other direction after each, and its features again. */
static bool tn_graph__ogb_edges(const char *who, tn_graph *g, tn_tensor *edge, tn_tensor *feat, int64_t nodes, bool inverse) {
    const int64_t n = tn_size(edge, 0), step = inverse ? 2 : 1, *v = tn_graph__i64(edge);
    tn_tensor *index = tn_graph__make(TN_I64, 2, n * step);
    if (!index) return false;
    if (feat && tn_size(feat, 0) != n)
        return tn_error_set(TN_ERR_FORMAT, "%s: edge-feat.csv has %lld lines, edge.csv %lld", who, (long long)tn_size(feat, 0), (long long)n), false;
    int64_t *row = tn_graph__i64(index), *col = row + n * step;
    for (int64_t e = 0; e < n; e++) {
        const int64_t a = v[2 * e], b = v[2 * e + 1];
        if (a < 0 || b < 0 || a >= nodes || b >= nodes)
            return tn_error_set(TN_ERR_FORMAT, "%s: edge.csv, line %lld: an edge of %lld and %lld, of %lld nodes", who, (long long)(e + 1),
                                (long long)a, (long long)b, (long long)nodes), false;
        row[step * e] = a;
        col[step * e] = b;
        if (inverse) row[2 * e + 1] = b, col[2 * e + 1] = a;
    }
    if (feat && inverse) feat = tn_repeat_interleave(feat, 2, 0);
    return tn_dict_set(g, "edge_index", index) == TN_OK && tn_graph__set_if(g, "edge_attr", feat);
}
static bool tn_graph__ogb_split(const char *who, tn_graph *g, const char *folder, const char *wanted, int64_t nodes) {
    static const char *const schemes[] = {"time", "sales_ranking", "species", "scaffold", "random", "user"}, *const files[] = {"train.csv",
        "valid.csv", "test.csv"},
                      *const masks[] = {"train_mask", "val_mask", "test_mask"};
    char name[512];
    bool ok = true, found = false;
    for (size_t s = 0; ok && !found && s < (wanted ? 1 : sizeof schemes / sizeof *schemes); s++)
        for (int k = 0; ok && k < 3; k++) {
            (void)snprintf(name, sizeof name, "split/%.400s/%s", wanted ? wanted : schemes[s], files[k]);
            tn_tensor *index = tn_graph__table_in(who, folder, name, TN_I64, 1, !(wanted || found), &ok);
            if (!index) break;
            found = true;
            tn_tensor *mask = tn_graph__make_zero(TN_BOOL, nodes, -1);
            for (int64_t i = 0; mask && i < tn_size(index, 0); i++) {
                const int64_t node = tn_graph__i64(index)[i];
                if (node < 0 || node >= nodes)
                    return tn_error_set(TN_ERR_FORMAT, "%s: %s/%s, line %lld: node %lld of %lld", who, folder, name, (long long)(i + 1),
                                        (long long)node, (long long)nodes), false;
                ((bool *)tn_data(mask))[node] = true;
            }
            ok = mask && tn_dict_set(g, masks[k], mask) == TN_OK;
        }
    return ok;
}
static tn_graph *tn_graph__ogb(const char *folder, const tn_graph_ogb_opts *o) {
    const char *who = "tn_graph_read_ogb";
    char raw[4096];
    bool ok = true;
    if ((size_t)snprintf(raw, sizeof raw, "%s/raw", folder) >= sizeof raw)
        return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_IO, "%s: the path %s is too long", who, folder);
    tn_graph *g = tn_dict_new();
    tn_tensor *counts = tn_graph__table_in(who, raw, "num-node-list.csv", TN_I64, 1, false, &ok);
    if (!ok || !g) return NULL;
    if (tn_size(counts, 0) != 1 || *tn_graph__i64(counts) < 0)
        return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_UNSUPPORTED, "%s: %s has %lld graphs; sets of one graph are read", who, folder,
                                          (long long)tn_size(counts, 0));
    const int64_t nodes = *tn_graph__i64(counts);
    tn_tensor *x = tn_graph__table_in(who, raw, "node-feat.csv", TN_F32, 0, true, &ok);
    tn_tensor *edge = tn_graph__table_in(who, raw, "edge.csv", TN_I64, 2, false, &ok);
    tn_tensor *feat = tn_graph__table_in(who, raw, "edge-feat.csv", TN_F32, 0, true, &ok);
    tn_tensor *y = tn_graph__table_in(who, raw, "node-label.csv", TN_F64, 0, true, &ok);
    tn_tensor *year = tn_graph__table_in(who, raw, "node_year.csv", TN_I64, 0, true, &ok), *of_nodes[3] = {x, y, year};
    for (int i = 0; ok && i < 3; i++)
        if (of_nodes[i] && tn_size(of_nodes[i], 0) != nodes)
            return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_FORMAT, "%s: a table of %lld lines in %s, of %lld nodes", who,
                                              (long long)tn_size(of_nodes[i], 0), raw, (long long)nodes);
    if (!ok || !tn_graph__set_if(g, "x", x) || !tn_graph__ogb_edges(who, g, edge, feat, nodes, o->add_inverse_edge)) return NULL;
    if (y && tn_dict_set(g, "y", tn_graph__whole_or_f32(y)) != TN_OK) return NULL;
    if (!tn_graph__set_if(g, "node_year", year) || tn_dict_set(g, "num_nodes", tn_scalar_i64(nodes)) != TN_OK) return NULL;
    return tn_graph__ogb_split(who, g, folder, o->split, nodes) ? g : NULL;
}
TN_API tn_graph *tn_graph_read_ogb(const char *folder, const tn_graph_ogb_opts *opts) {
    tn_graph_ogb_opts o = {NULL, false};
    if (opts) o = *opts;
    if (!folder) return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_read_ogb: the folder is NULL");
    tn_graph__frame f = tn_graph__enter();
    return (tn_graph *)tn_graph__leave(&f, tn_graph__written(tn_graph__ogb(folder, &o)));
}

/* ============================================================================================================== */
/* >>generate (Private)                                                                                           */
/* ============================================================================================================== */

TN_API tn_graph *tn_graph_karate_club(void) {
    /* For each node its neighbours before it; the rows end in -1. */
    static const signed char before[] = {-1, 0, -1, 0, 1, -1, 0, 1, 2, -1, 0, -1, 0, -1, 0, 4, 5, -1, 0, 1, 2, 3, -1, 0, 2, -1, 2, -1, 0, 4, 5, -1, 0, -1,
        0, 3, -1, 0, 1, 2, 3, -1, -1, -1, 5, 6, -1, 0, 1, -1, -1, 0, 1, -1, -1, 0, 1, -1, -1, -1, -1, 23, 24, -1, -1, 2, 23, 24, -1, 2, -1, 23, 26, -1,
        1, 8, -1, 0, 24, 25, 28, -1, 2, 8, 14, 15, 18, 20, 22, 23, 29, 30, 31, -1, 8, 9, 13, 14, 15, 18, 19, 20, 22, 23, 26, 27, 28, 29, 30, 31, 32, -1};
    static const char community[] = "1111333101311100310101002200200200";
    enum { NODES = 34, HALF = 78 };
    int64_t row[HALF], col[HALF], n = 0;
    for (int64_t k = 0, node = 0; node < NODES; k++) {
        if (before[k] < 0) node++;
        else row[n] = node, col[n++] = before[k];
    }
    tn_graph__frame f = tn_graph__enter();
    tn_graph *g = tn_dict_new();
    tn_tensor *x = tn_eye(NODES, -1, NULL), *y = tn_graph__make(TN_I64, NODES, -1), *mask = tn_graph__make_zero(TN_BOOL, NODES, -1);
    tn_tensor *index = tn_gnn_to_undirected(tn_graph__pairs(row, col, n), NULL, NODES, TN_REDUCE_SUM).edge_index;
    bool ok = g && x && y && mask && index;
    for (int64_t i = 0; ok && i < NODES; i++) {
        tn_graph__i64(y)[i] = community[i] - '0';
        ((bool *)tn_data(mask))[i] = strchr(community, community[i]) == community + i;
    }
    ok = ok && tn_dict_set(g, "x", x) == TN_OK && tn_dict_set(g, "edge_index", index) == TN_OK && tn_dict_set(g, "y", y) == TN_OK &&
         tn_dict_set(g, "train_mask", mask) == TN_OK;
    return (tn_graph *)tn_graph__leave(&f, ok ? g : NULL);
}

/* -- random graphs -- */

/* Pairs of a block: of its own nodes (each once, or in both orders), or of its nodes and another's. */
typedef struct tn_graph__block { int64_t row, col, rows, cols; bool own, directed; double p; } tn_graph__block;
static int64_t tn_graph__block_width(const tn_graph__block *b, int64_t row) { return !b->own ? b->cols : b->directed ? b->cols - 1 : b->cols - 1 - row; }
/* Skips over the pairs that are none by geometric draws, so that time is that of edges and rows. */
static bool tn_graph__draw_block(const tn_graph__block *b, tn_graph__draws *draws, tn_graph__list *row, tn_graph__list *col) {
    if (!(b->p > 0) || b->rows == 0) return true;
    const double log_none = log1p(-b->p);
    int64_t i = 0, width = tn_graph__block_width(b, 0);
    for (double j = -1;;) {
        j += 1;
        if (b->p < 1) j += floor(log1p(-tn_graph__draw(draws)) / log_none);
        while (j >= (double)width) {
            j -= (double)width;
            if (++i == b->rows) return !draws->failed;
            width = tn_graph__block_width(b, i);
        }
        const int64_t at = (int64_t)j, to = !b->own ? at : b->directed ? at + (at >= i) : at + i + 1;
        if (!tn_graph__push(row, b->row + i) || !tn_graph__push(col, b->col + to)) return false;
    }
}
/* Both directions of pairs of row < col that are in order: each row's columns then come in order in one pass. */
static tn_tensor *tn_graph__mirrored(const int64_t *row, const int64_t *col, int64_t n, int64_t nodes) {
    tn_tensor *edges = tn_graph__make(TN_I64, 2, 2 * n);
    int64_t *at = tn_graph__counts(nodes + 1), *from = tn_graph__i64(edges), *to = edges ? from + 2 * n : NULL;
    if (!edges || !at) return NULL;
    for (int64_t i = 0; i < n; i++) at[row[i] + 1]++, at[col[i] + 1]++;
    for (int64_t v = 0; v < nodes; v++) {
        for (int64_t k = at[v]; k < at[v] + at[v + 1]; k++) from[k] = v;
        at[v + 1] += at[v];
    }
    for (int64_t i = 0; i < n; i++) to[at[row[i]]++] = col[i], to[at[col[i]]++] = row[i];
    return edges;
}
static tn_tensor *tn_graph__random_edges(tn_graph__list *row, tn_graph__list *col, int64_t nodes, bool directed, bool in_order) {
    if (in_order && !directed) return tn_graph__mirrored(row->at, col->at, row->n, nodes);
    tn_tensor *edges = tn_graph__pairs(row->at, col->at, row->n);
    if (!edges || in_order) return edges;
    return directed ? tn_gnn_coalesce(edges, NULL, nodes, NULL).edge_index : tn_gnn_to_undirected(edges, NULL, nodes, TN_REDUCE_SUM).edge_index;
}
static tn_tensor *tn_graph__blocks(const int64_t *sizes, const double *probs, int n, const tn_graph_random_opts *opts) {
    const bool directed = opts && opts->directed;
    tn_graph__draws draws;
    tn_graph__draws_begin(&draws, opts ? opts->generator : NULL);
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    tn_graph__frame f = tn_graph__enter();
    int64_t first = 0, nodes = 0;
    bool ok = true;
    for (int a = 0; a < n; a++) {
        int64_t other = 0;
        for (int b = 0; ok && b < n; other += sizes[b++]) {
            const tn_graph__block block = {first, other, sizes[a], sizes[b], a == b, directed, probs[a * n + b]};
            if (directed || a <= b) ok = tn_graph__draw_block(&block, &draws, &row, &col);
        }
        nodes = first += sizes[a];
    }
    tn_tensor *edges = ok ? tn_graph__random_edges(&row, &col, nodes, directed, n == 1) : NULL;
    free(row.at);
    free(col.at);
    return (tn_tensor *)tn_graph__leave(&f, edges);
}
TN_API tn_tensor *tn_graph_erdos_renyi(int64_t num_nodes, double p, const tn_graph_random_opts *opts) {
    if (num_nodes < 0 || num_nodes > INT32_MAX || !(p >= 0 && p <= 1))
        return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_erdos_renyi: %lld nodes, p %g", (long long)num_nodes, p);
    return tn_graph__blocks(&num_nodes, &p, 1, opts);
}
TN_API tn_tensor *tn_graph_stochastic_blockmodel(const int64_t *sizes, const double *probs, int n_blocks, const tn_graph_random_opts *opts) {
    if (!sizes || !probs || n_blocks < 1)
        return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_stochastic_blockmodel: sizes and probs of %d blocks", n_blocks);
    int64_t nodes = 0;
    for (int a = 0; a < n_blocks; a++) {
        if (sizes[a] < 0 || sizes[a] > INT32_MAX - nodes)
            return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_stochastic_blockmodel: block %d has %lld nodes", a, (long long)sizes[a]);
        nodes += sizes[a];
        for (int b = 0; b < n_blocks; b++) {
            const double p = probs[a * n_blocks + b];
            if (!(p >= 0 && p <= 1))
                return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_stochastic_blockmodel: probability %g of blocks %d and %d", p, a, b);
            if (!(opts && opts->directed) && fabs(p - probs[b * n_blocks + a]) > 1e-6)
                return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_stochastic_blockmodel: undirected, but %g and %g of blocks %d and %d",
                                                   p, probs[b * n_blocks + a], a, b);
        }
    }
    return tn_graph__blocks(sizes, probs, n_blocks, opts);
}
TN_API tn_tensor *tn_graph_barabasi_albert(int64_t num_nodes, int64_t num_edges, tn_generator *generator) {
    if (num_edges < 1 || num_edges >= num_nodes || num_nodes > INT32_MAX)
        return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_barabasi_albert: %lld edges a node, of %lld nodes", (long long)num_edges,
                                           (long long)num_nodes);
    tn_graph__frame f = tn_graph__enter();
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = generator;
    tn_graph__draws draws;
    tn_graph__draws_begin(&draws, generator);
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    const int64_t *first = tn_graph__i64(tn_randperm(num_edges, &o));
    bool ok = first != NULL;
    for (int64_t i = 0; ok && i < num_edges; i++) ok = tn_graph__push(&row, i) && tn_graph__push(&col, first[i]);
    for (int64_t node = num_edges; ok && node < num_nodes; node++) { /* among all ends so far, its own new ones included, as PyG draws */
        for (int64_t i = 0; ok && i < num_edges; i++) ok = tn_graph__push(&row, node);
        const int64_t seen = col.n;
        for (int64_t i = 0; ok && i < num_edges; i++) {
            const int64_t at = tn_graph__draw_below(&draws, row.n + seen);
            ok = tn_graph__push(&col, at < row.n ? row.at[at] : col.at[at - row.n]);
        }
    }
    int64_t kept = 0;
    for (int64_t i = 0; ok && i < row.n; i++) {
        if (row.at[i] == col.at[i]) continue;
        row.at[kept] = row.at[i];
        col.at[kept++] = col.at[i];
    }
    row.n = kept;
    tn_tensor *edges = ok && !draws.failed ? tn_graph__random_edges(&row, &col, num_nodes, false, false) : NULL;
    free(row.at);
    free(col.at);
    return (tn_tensor *)tn_graph__leave(&f, edges);
}
TN_API tn_graph *tn_graph_grid(int64_t height, int64_t width) {
    if (height < 0 || width < 0 || (width > 0 && height > INT32_MAX / width))
        return (tn_graph *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_graph_grid: %lld rows of %lld", (long long)height, (long long)width);
    tn_graph__frame f = tn_graph__enter();
    const int64_t edges = height && width ? (3 * height - 2) * (3 * width - 2) : 0;
    tn_graph *g = tn_dict_new();
    tn_tensor *index = tn_graph__make(TN_I64, 2, edges), *pos = tn_graph__make(TN_F32, height * width, 2);
    int64_t *row = tn_graph__i64(index), n = 0;
    float *at = tn_graph__f32(pos);
    const bool ok = g && index && pos;
    for (int64_t i = 0; ok && i < height * width; i++) {
        const int64_t y = i / width, x = i % width;
        at[2 * i] = (float)x;
        at[2 * i + 1] = (float)(height - 1 - y);
        for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < height; v++)
            for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++) {
                row[n] = i;
                row[edges + n++] = v * width + u;
            }
    }
    const bool set = ok && tn_dict_set(g, "edge_index", index) == TN_OK && tn_dict_set(g, "pos", pos) == TN_OK;
    return (tn_graph *)tn_graph__leave(&f, set ? g : NULL);
}

/* -- neighbours in space: a k-d tree over the points of one graph -- */

/* The tree is the order of the points: the one in the middle of a range parts it, by the dim that axis says. */
typedef struct tn_graph__tree { double *at; int64_t *id, *axis, n, dims; } tn_graph__tree;
enum { TN_GRAPH__LEAF = 12 };
static void tn_graph__tree_swap(tn_graph__tree *t, int64_t a, int64_t b) {
    const int64_t id = t->id[a];
    t->id[a] = t->id[b];
    t->id[b] = id;
    for (int64_t d = 0; d < t->dims; d++) {
        const double v = t->at[a * t->dims + d];
        t->at[a * t->dims + d] = t->at[b * t->dims + d];
        t->at[b * t->dims + d] = v;
    }
}
/* Puts the point that belongs in the middle of lo to hi there, by dim d. */
static void tn_graph__tree_part(tn_graph__tree *t, int64_t lo, int64_t hi, int64_t mid, int64_t d) {
    while (hi - lo > 1) {
        const double pivot = t->at[(lo + (hi - lo) / 2) * t->dims + d];
        int64_t i = lo, j = hi - 1;
        while (i <= j) {
            while (t->at[i * t->dims + d] < pivot) i++;
            while (t->at[j * t->dims + d] > pivot) j--;
            if (i <= j) tn_graph__tree_swap(t, i++, j--);
        }
        if (mid <= j) hi = j + 1;
        else if (mid >= i) lo = i;
        else return;
    }
}
static int64_t tn_graph__tree_widest(const tn_graph__tree *t, int64_t lo, int64_t hi) {
    double most = -1;
    int64_t widest = 0;
    for (int64_t d = 0; d < t->dims; d++) {
        double least = INFINITY, greatest = -INFINITY;
        for (int64_t i = lo; i < hi; i++) {
            least = fmin(least, t->at[i * t->dims + d]);
            greatest = fmax(greatest, t->at[i * t->dims + d]);
        }
        if (greatest - least > most) most = greatest - least, widest = d;
    }
    return widest;
}
static void tn_graph__tree_build(tn_graph__tree *t, int64_t lo, int64_t hi) {
    while (hi - lo > TN_GRAPH__LEAF) {
        const int64_t mid = lo + (hi - lo) / 2, d = tn_graph__tree_widest(t, lo, hi);
        tn_graph__tree_part(t, lo, hi, mid, d);
        t->axis[mid] = d;
        tn_graph__tree_build(t, lo, mid);
        lo = mid + 1;
    }
}
/* A search: the k nearest, or (all) whatever is within a bound. near is in order of distance, then index. */
typedef struct tn_graph__near { double square; int64_t id; } tn_graph__near;
typedef struct tn_graph__search {
    const tn_graph__tree *tree;
    const double *q;
    double *off;               /* how far q is outside the range, by dims */
    int64_t k, n, skip;        /* skip: the point itself, or -1 */
    double bound;
    tn_graph__near *near;
    tn_graph__list *all;
} tn_graph__search;
static void tn_graph__search_point(tn_graph__search *s, int64_t i) {
    const tn_graph__tree *t = s->tree;
    const double *p = t->at + i * t->dims;
    const int64_t id = t->id[i];
    double square = 0;
    for (int64_t d = 0; d < t->dims; d++) square += (p[d] - s->q[d]) * (p[d] - s->q[d]);
    if (square > s->bound || id == s->skip) return;
    if (s->all) {
        (void)tn_graph__push(s->all, id);
        return;
    }
    const bool full = s->n == s->k;
    if (full && square == s->bound && id > s->near[s->k - 1].id) return;
    int64_t at = full ? s->k - 1 : s->n++;
    for (; at > 0 && (s->near[at - 1].square > square || (s->near[at - 1].square == square && s->near[at - 1].id > id)); at--)
        s->near[at] = s->near[at - 1];
    s->near[at].square = square;
    s->near[at].id = id;
    if (s->n == s->k) s->bound = s->near[s->k - 1].square;
}
static void tn_graph__search_range(tn_graph__search *s, int64_t lo, int64_t hi, double outside) {
    const tn_graph__tree *t = s->tree;
    if (hi - lo <= TN_GRAPH__LEAF) {
        for (int64_t i = lo; i < hi; i++) tn_graph__search_point(s, i);
        return;
    }
    const int64_t mid = lo + (hi - lo) / 2, d = t->axis[mid];
    const double delta = s->q[d] - t->at[mid * t->dims + d], before = s->off[d];
    tn_graph__search_range(s, delta <= 0 ? lo : mid + 1, delta <= 0 ? mid : hi, outside);
    tn_graph__search_point(s, mid);
    const double beyond = outside - before * before + delta * delta;
    if (beyond * (1 - 1e-12) > s->bound) return;
    s->off[d] = delta;
    tn_graph__search_range(s, delta <= 0 ? mid + 1 : lo, delta <= 0 ? hi : mid, beyond);
    s->off[d] = before;
}
static int tn_graph__compare_i64(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Points as doubles, where each graph's begin; by angle: of length 1. */
typedef struct tn_graph__points { double *at; int64_t n, dims, graphs, *ptr; } tn_graph__points;
static bool tn_graph__points_batch(const char *who, tn_tensor *batch, tn_graph__points *p) {
    int64_t *at = NULL;
    if (batch) {
        if (tn_get_dtype(batch) != TN_I64 || tn_ndim(batch) != 1 || tn_size(batch, 0) != p->n)
            return tn_error_set(TN_ERR_SHAPE, "%s: batch is int64 [%lld]", who, (long long)p->n), false;
        if (!(batch = tn_graph__host(batch, TN_I64))) return false;
        at = tn_graph__i64(batch);
        for (int64_t i = 0; i < p->n; i++)
            if (at[i] < (i ? at[i - 1] : 0))
                return tn_error_set(TN_ERR_INVALID, "%s: batch[%lld] is %lld; batch has to ascend from 0", who, (long long)i, (long long)at[i]),
                    false;
    }
    p->graphs = at && p->n ? at[p->n - 1] + 1 : 1;
    if (!(p->ptr = tn_graph__counts(p->graphs + 1))) return false;
    for (int64_t i = 0; i < p->n; i++) p->ptr[(at ? at[i] : 0) + 1]++;
    for (int64_t g = 0; g < p->graphs; g++) p->ptr[g + 1] += p->ptr[g];
    return true;
}
static bool tn_graph__points_of(const char *who, tn_tensor *x, tn_tensor *batch, bool cosine, tn_graph__points *p) {
    memset(p, 0, sizeof *p);
    if (!x) return tn_error_set(TN_ERR_INVALID, "%s: the points are NULL", who), false;
    if (tn_ndim(x) < 1 || tn_ndim(x) > 2) return tn_error_set(TN_ERR_SHAPE, "%s: points are [n, dims], not of %d dims", who, tn_ndim(x)), false;
    if (tn_dtype_is_complex(tn_get_dtype(x))) return tn_error_set(TN_ERR_DTYPE, "%s: points of %s", who, tn_dtype_name(tn_get_dtype(x))), false;
    tn_tensor *own = tn_graph__host(x, TN_F64);
    if (!own || !(own = tn_clone(own))) return false;
    p->n = tn_size(x, 0);
    p->dims = tn_ndim(x) == 2 ? tn_size(x, 1) : 1;
    p->at = tn_graph__f64(own);
    for (int64_t i = 0; i < p->n * p->dims; i++)
        if (!isfinite(p->at[i])) return tn_error_set(TN_ERR_INVALID, "%s: point %lld is not finite", who, (long long)(i / p->dims)), false;
    for (int64_t i = 0; cosine && i < p->n; i++) {
        double sum = 0, *v = p->at + i * p->dims;
        for (int64_t d = 0; d < p->dims; d++) sum += v[d] * v[d];
        for (int64_t d = 0; d < p->dims && sum > 0; d++) v[d] /= sqrt(sum);
    }
    return tn_graph__points_batch(who, batch, p);
}
/* A search for points i of y: begun, and its pairs given out. found is of a search within a radius, NULL for the nearest. */
typedef struct tn_graph__finder {
    tn_graph__search s;
    const tn_graph__points *x, *y;
    int64_t limit;             /* k, or with a radius the most of one point */
    double radius;             /* -1: the k nearest */
    bool skip_self;
    tn_graph__list found, *row, *col;
} tn_graph__finder;
static void tn_graph__find_begin(tn_graph__finder *f, int64_t i) {
    f->s.q = f->y->at + i * f->x->dims;
    f->s.n = f->found.n = 0;
    f->s.skip = f->skip_self ? i : -1;
    f->s.bound = f->radius >= 0 ? f->radius * f->radius : INFINITY;
}
static bool tn_graph__find_end(tn_graph__finder *f, int64_t i) {
    const bool all = f->radius >= 0;
    if (f->found.n > 1) qsort(f->found.at, (size_t)f->found.n, sizeof *f->found.at, tn_graph__compare_i64);
    const int64_t n = !all ? f->s.n : f->found.n < f->limit ? f->found.n : f->limit;
    for (int64_t j = 0; j < n; j++)
        if (!tn_graph__push(f->row, i) || !tn_graph__push(f->col, all ? f->found.at[j] : f->s.near[j].id)) return false;
    return !f->found.failed;
}
static tn_tensor *tn_graph__singles(const double *v, int64_t n, int64_t dims) {
    tn_tensor *t = tn_graph__make(TN_F32, n, dims);
    for (int64_t i = 0; t && i < n * dims; i++) tn_graph__f32(t)[i] = (float)v[i];
    return t;
}
/* The kth least of the squares that products and lengths give, or all that there are. least: k places. */
static double tn_graph__kth(const float *dot, const double *length, int64_t n, double own, int64_t k, double *least) {
    int64_t m = 0;
    for (int64_t j = 0; j < n; j++) {
        const double v = length[j] + own - 2 * (double)dot[j];
        if (m == k && v >= least[k - 1]) continue;
        int64_t at = m < k ? m++ : k - 1;
        for (; at > 0 && least[at - 1] > v; at--) least[at] = least[at - 1];
        least[at] = v;
    }
    return m == k ? least[k - 1] : INFINITY;
}
/* In many dims no tree helps: products of blocks in f32 say which points may be near, by a bound of their error, and those are looked at. */
static bool tn_graph__find_by_products(tn_graph__finder *f, int64_t graph) {
    const tn_graph__tree *t = f->s.tree;
    const int64_t dims = t->dims, end = f->y->ptr[graph + 1], block = 256, k = f->s.k + f->skip_self;
    double *length = tn_graph__doubles(t->n), *least = tn_graph__doubles(k), longest = 0;
    tn_tensor *x = tn_graph__singles(t->at, t->n, dims), *across = x ? tn_t(x) : NULL;
    if (!length || !least || !across) return false;
    for (int64_t j = 0; j < t->n; j++) longest = fmax(longest, length[j] = tn_graph__inner(t->at + j * dims, t->at + j * dims, dims));
    for (int64_t from = f->y->ptr[graph]; from < end; from += block) {
        const int64_t m = end - from < block ? end - from : block;
        tn_scope s = tn_scope_open();
        tn_tensor *y = tn_graph__singles(f->y->at + from * dims, m, dims), *dots = y ? tn_mm(y, across) : NULL;
        bool ok = dots != NULL;
        for (int64_t i = 0; ok && i < m; i++) {
            const float *dot = tn_graph__f32(dots) + i * t->n;
            const double *q = f->y->at + (from + i) * dims, own = tn_graph__inner(q, q, dims);
            const double error = 4 * (double)(dims + 8) * 6e-8 * sqrt(own * longest);
            tn_graph__find_begin(f, from + i);
            const double most = (f->radius >= 0 ? f->s.bound : tn_graph__kth(dot, length, t->n, own, k, least)) + error;
            for (int64_t j = 0; j < t->n; j++)
                if (length[j] + own - 2 * (double)dot[j] <= most) tn_graph__search_point(&f->s, j);
            ok = tn_graph__find_end(f, from + i);
        }
        tn_scope_close(&s);
        if (!ok) return false;
    }
    return true;
}
static bool tn_graph__find_by_tree(tn_graph__finder *f, tn_graph__tree *t, int64_t graph) {
    tn_graph__tree_build(t, 0, t->n);
    for (int64_t i = f->y->ptr[graph]; i < f->y->ptr[graph + 1]; i++) {
        tn_graph__find_begin(f, i);
        tn_graph__search_range(&f->s, 0, t->n, 0);
        if (!tn_graph__find_end(f, i)) return false;
    }
    return true;
}
/* Whether the squares of all points are far from what f32 holds. */
static bool tn_graph__tame(const tn_graph__points *p) {
    for (int64_t i = 0; i < p->n * p->dims; i++)
        if (fabs(p->at[i]) > 1e15) return false;
    return true;
}
/* Finds for each of y's points those of x: pairs go to row (y's) and col (x's). */
static bool tn_graph__find(tn_graph__finder *f) {
    const int64_t dims = f->x->dims, k = f->limit < f->x->n ? f->limit : f->x->n;
    tn_graph__tree t = {tn_graph__doubles(f->x->n * dims), tn_graph__counts(f->x->n), tn_graph__counts(f->x->n), 0, dims};
    tn_tensor *near = tn_graph__make(TN_U8, (k + 1) * (int64_t)sizeof *f->s.near, -1);
    f->s.tree = &t;
    f->s.k = k;
    f->s.off = tn_graph__doubles(dims);
    f->s.all = f->radius >= 0 ? &f->found : NULL;
    if (!t.at || !t.id || !t.axis || !f->s.off || !near) return false;
    f->s.near = (tn_graph__near *)tn_data(near);
    const bool products = dims > 12 && tn_graph__tame(f->x) && tn_graph__tame(f->y);
    bool ok = true;
    for (int64_t g = 0; ok && g < f->x->graphs && g < f->y->graphs && k > 0; g++) {
        const int64_t lo = f->x->ptr[g];
        t.n = f->x->ptr[g + 1] - lo;
        if (t.n == 0) continue;
        memcpy(t.at, f->x->at + lo * dims, (size_t)(t.n * dims) * sizeof *t.at);
        for (int64_t i = 0; i < t.n; i++) t.id[i] = lo + i;
        tn_scope s = tn_scope_open();
        ok = products ? tn_graph__find_by_products(f, g) : tn_graph__find_by_tree(f, &t, g);
        tn_scope_close(&s);
    }
    free(f->found.at);
    return ok;
}
/* edges: an edge_index, not pairs, so that a point may be left out of its own; swap puts x's indices first. */
static tn_tensor *tn_graph__neighbours(const char *who, tn_tensor *x, tn_tensor *y, tn_tensor *batch_x, tn_tensor *batch_y, int64_t limit,
                                       double radius, bool cosine, bool skip_self, bool swap) {
    tn_graph__frame f = tn_graph__enter();
    tn_graph__points px, py;
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    bool ok = tn_graph__points_of(who, x, batch_x, cosine, &px);
    if (y != x || batch_x != batch_y) ok = ok && tn_graph__points_of(who, y, batch_y, cosine, &py);
    else py = px;
    if (ok && px.dims != py.dims)
        ok = (tn_error_set(TN_ERR_SHAPE, "%s: points of %lld and of %lld dims", who, (long long)px.dims, (long long)py.dims), false);
    if (ok) {
        tn_graph__finder finder;
        memset(&finder, 0, sizeof finder);
        finder.x = &px;
        finder.y = &py;
        finder.limit = limit;
        finder.radius = radius;
        finder.skip_self = skip_self;
        finder.row = &row;
        finder.col = &col;
        ok = tn_graph__find(&finder);
    }
    tn_tensor *edges = ok ? tn_graph__pairs(swap ? col.at : row.at, swap ? row.at : col.at, row.n) : NULL;
    if (edges) edges = tn_to(edges, tn_get_device(x));
    free(row.at);
    free(col.at);
    return (tn_tensor *)tn_graph__leave(&f, edges);
}
static bool tn_graph__limit_ok(const char *who, int64_t limit, double radius) {
    if (limit >= 0 && radius >= 0) return true;
    return tn_error_set(TN_ERR_INVALID, "%s: %lld neighbours, within %g", who, (long long)limit, radius), false;
}
TN_API tn_tensor *tn_graph_knn(tn_tensor *x, int64_t k, const tn_graph_knn_opts *opts) {
    tn_graph_knn_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!tn_graph__limit_ok("tn_graph_knn", k, 0)) return NULL;
    return tn_graph__neighbours("tn_graph_knn", x, x, o.batch, o.batch, k, -1, o.cosine, !o.loop, !o.target_to_source);
}
TN_API tn_tensor *tn_graph_radius(tn_tensor *x, double r, const tn_graph_radius_opts *opts) {
    tn_graph_radius_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!tn_graph__limit_ok("tn_graph_radius", o.max_num_neighbors, r)) return NULL;
    return tn_graph__neighbours("tn_graph_radius", x, x, o.batch, o.batch, o.max_num_neighbors ? o.max_num_neighbors : 32, r, false, !o.loop,
                                !o.target_to_source);
}
TN_API tn_tensor *tn_gnn_knn(tn_tensor *x, tn_tensor *y, int64_t k, tn_tensor *batch_x, tn_tensor *batch_y, bool cosine) {
    if (!tn_graph__limit_ok("tn_gnn_knn", k, 0)) return NULL;
    return tn_graph__neighbours("tn_gnn_knn", x, y, batch_x, batch_y, k, -1, cosine, false, false);
}
TN_API tn_tensor *tn_gnn_radius(tn_tensor *x, tn_tensor *y, double r, tn_tensor *batch_x, tn_tensor *batch_y, int64_t max_num_neighbors) {
    if (!tn_graph__limit_ok("tn_gnn_radius", max_num_neighbors, r)) return NULL;
    return tn_graph__neighbours("tn_gnn_radius", x, y, batch_x, batch_y, max_num_neighbors ? max_num_neighbors : 32, r, false, false, false);
}
/* Of the n points at p, m into out: each the farthest from those taken, the first of equals. far has room for n. */
static void tn_graph__farthest(const double *p, int64_t n, int64_t dims, int64_t start, int64_t m, double *far, int64_t *out) {
    for (int64_t i = 0; i < n; i++) far[i] = INFINITY;
    for (int64_t taken = 0, at = start; taken < m; taken++) {
        int64_t next = 0;
        out[taken] = at;
        for (int64_t i = 0; i < n; i++) {
            double square = 0;
            for (int64_t d = 0; d < dims; d++) square += (p[i * dims + d] - p[at * dims + d]) * (p[i * dims + d] - p[at * dims + d]);
            if (square < far[i]) far[i] = square;
            if (far[i] > far[next]) next = i;
        }
        at = next;
    }
}
TN_API tn_tensor *tn_gnn_fps(tn_tensor *x, tn_tensor *batch, double ratio, const tn_gnn_fps_opts *opts) {
    if (!(ratio > 0 && ratio <= 1)) return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_INVALID, "tn_gnn_fps: ratio %g", ratio);
    tn_graph__frame f = tn_graph__enter();
    tn_graph__points p;
    tn_graph__draws draws;
    tn_graph__draws_begin(&draws, opts ? opts->generator : NULL);
    double *far = tn_graph__points_of("tn_gnn_fps", x, batch, false, &p) ? tn_graph__doubles(p.n) : NULL;
    int64_t *out = far ? tn_graph__counts(p.n) : NULL, total = 0;
    for (int64_t g = 0; out && g < p.graphs; g++) {
        const int64_t lo = p.ptr[g], n = p.ptr[g + 1] - lo, m = (int64_t)ceil(ratio * (double)n - 1e-9);
        if (n == 0) continue;
        tn_graph__farthest(p.at + lo * p.dims, n, p.dims, opts && opts->first_start ? 0 : tn_graph__draw_below(&draws, n), m, far, out + total);
        for (int64_t i = 0; i < m; i++) out[total + i] += lo;
        total += m;
    }
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64;
    tn_tensor *t = out && !draws.failed ? tn_from(out, &total, 1, &o) : NULL;
    return (tn_tensor *)tn_graph__leave(&f, t ? tn_to(t, tn_get_device(x)) : NULL);
}

/* ============================================================================================================== */
/* >>transform (Private)                                                                                          */
/* ============================================================================================================== */

static tn_gnn_edge_list tn_graph__none(void) {
    const tn_gnn_edge_list none = {NULL, NULL, NULL};
    return none;
}
/* A transform at work: out begins as the given graph, on the CPU. What fails clears ok; nothing is done from then on. */
typedef struct tn_graph__work {
    const char *who;
    tn_graph__frame frame;
    tn_graph *given, *host, *out;
    bool ok;
    tn_device device;
    tn_graph__edges e;
    int64_t nodes;
} tn_graph__work;
static bool tn_graph__put(tn_graph__work *w, const char *name, tn_tensor *t) { return w->ok = w->ok && t && tn_dict_set(w->out, name, t) == TN_OK; }
static tn_tensor *tn_graph__get(const tn_graph__work *w, const char *name) { return w->ok ? tn_dict_get(w->out, name) : NULL; }
/* A copy of the dict, without one name if that is not NULL. */
static tn_graph *tn_graph__copy(const tn_graph *g, const char *without) {
    tn_graph *r = tn_dict_new();
    for (int i = 0; r && i < tn_dict_len(g); i++)
        if ((!without || strcmp(tn_dict_name(g, i), without) != 0) && tn_dict_set(r, tn_dict_name(g, i), tn_dict_at(g, i)) != TN_OK) r = NULL;
    return r;
}
static void tn_graph__drop(tn_graph__work *w, const char *name) {
    if (!w->ok || !tn_dict_get(w->out, name)) return;
    w->out = tn_graph__copy(w->out, name);
    w->ok = w->out != NULL;
}
/* PyG's __cat_dim__: the dim that counts nodes or edges. */
static int tn_graph__cat_dim(const char *name) { return strstr(name, "index") || strcmp(name, "face") == 0 ? -1 : 0; }
/* How many nodes or edges an entry is of; -1 where it has no dim. */
static int64_t tn_graph__rows(const char *name, tn_tensor *t) { return tn_ndim(t) > 0 ? tn_size(t, tn_graph__cat_dim(name)) : -1; }
/* Needs is the names of entries that have to be there, with blanks between; edge_index, if it is there, is checked. */
static bool tn_graph__begin(tn_graph__work *w, const char *who, tn_graph *g, const char *needs) {
    const tn_device cpu = {0, 0};
    memset(w, 0, sizeof *w);
    w->who = who;
    w->given = g;
    w->nodes = -1;
    w->frame = tn_graph__enter();
    if (!g) return tn_error_set(TN_ERR_INVALID, "%s: the graph is NULL", who), false;
    w->host = tn_dict_new();
    for (int i = 0; i < tn_dict_len(g); i++) {
        tn_tensor *t = tn_dict_at(g, i);
        const tn_device d = tn_get_device(t);
        if (d.kind != TN_CPU) w->device = d;
        if (!w->host || !(t = tn_to(t, cpu)) || tn_dict_set(w->host, tn_dict_name(g, i), t) != TN_OK) return false;
    }
    w->out = tn_graph__copy(w->host, NULL);
    w->ok = w->out != NULL;
    for (size_t at = 0, n; w->ok && needs[at]; at += n + (needs[at + n] == ' ')) {
        char name[32] = "";
        n = strcspn(needs + at, " ");
        memcpy(name, needs + at, n < sizeof name ? n : sizeof name - 1);
        if (!tn_dict_get(w->out, name)) w->ok = (tn_error_set(TN_ERR_INVALID, "%s: the graph has no %s", who, name), false);
    }
    tn_tensor *index = tn_graph__get(w, "edge_index");
    if (!w->ok || (!*needs && !index)) return w->ok; /* of several kinds, or of no edges: who needs nodes asks for them */
    w->nodes = tn_graph_num_nodes(w->host);
    w->ok = w->nodes >= 0;
    if (w->ok && index) w->ok = tn_graph__edges_read(who, index, w->nodes, &w->e);
    return w->ok;
}
/* The same, of what needs the number of nodes alone. */
static bool tn_graph__begin_nodes(tn_graph__work *w, const char *who, tn_graph *g, const char *needs) {
    if (tn_graph__begin(w, who, g, needs) && w->nodes < 0) w->ok = (w->nodes = tn_graph_num_nodes(w->host)) >= 0;
    return w->ok;
}
/* What was made goes to where the graph is; what was not touched is the graph's own. */
static tn_graph *tn_graph__placed(const tn_graph__work *w, const tn_graph *out) {
    tn_graph *r = tn_dict_new();
    for (int i = 0; r && i < tn_dict_len(out); i++) {
        const char *name = tn_dict_name(out, i);
        tn_tensor *t = tn_dict_at(out, i);
        t = t == tn_dict_get(w->host, name) ? tn_dict_get(w->given, name) : tn_to(t, w->device);
        if (!t || tn_dict_set(r, name, t) != TN_OK) r = NULL;
    }
    return r;
}
static tn_graph *tn_graph__end(tn_graph__work *w) { return (tn_graph *)tn_graph__leave(&w->frame, w->ok ? tn_graph__placed(w, w->out) : NULL); }
static bool tn_graph__is_edge_level(const tn_graph__work *w, const char *name, tn_tensor *t) {
    if (strcmp(name, "edge_index") == 0 || !tn_dict_get(w->host, "edge_index")) return false;
    return tn_graph__rows(name, t) == w->e.e && (w->e.e != w->nodes || strstr(name, "edge"));
}
static bool tn_graph__is_node_level(const tn_graph__work *w, const char *name, tn_tensor *t) {
    return strcmp(name, "edge_index") != 0 && tn_graph__rows(name, t) == w->nodes && !tn_graph__is_edge_level(w, name, t);
}
static tn_tensor *tn_graph__index(const int64_t *v, int64_t n) {
    const tn_device cpu = {0, 0};
    return tn_graph__indices(v, 0, n, cpu);
}
/* An entry of that name (without a kind) at those edges. */
static tn_tensor *tn_graph__entry_at(const char *name, tn_tensor *t, tn_tensor *at) {
    return tn_index_select(t, tn_graph__cat_dim(name) < 0 ? tn_ndim(t) - 1 : 0, at);
}
/* Every edge-level entry of the host's graph at those edges. */
static void tn_graph__take_edges(tn_graph__work *w, tn_tensor *at) {
    for (int i = 0; w->ok && i < tn_dict_len(w->host); i++) {
        const char *name = tn_dict_name(w->host, i);
        tn_tensor *t = tn_dict_at(w->host, i);
        if (tn_graph__is_edge_level(w, name, t)) tn_graph__put(w, name, tn_graph__entry_at(name, t, at));
    }
}
/* Columns of an entry: beside what is there, in its dtype, or in its place. */
static void tn_graph__append(tn_graph__work *w, const char *name, tn_tensor *columns, bool in_place) {
    const int64_t column[2] = {-1, 1};
    tn_tensor *there = tn_graph__get(w, name);
    if (there && !in_place) {
        if (tn_ndim(there) == 1) there = tn_reshape(there, column, 2);
        tn_tensor *const both[2] = {there, there && columns ? tn_to_dtype(columns, tn_get_dtype(there)) : NULL};
        columns = both[0] && both[1] ? tn_cat(both, 2, -1) : NULL;
    }
    tn_graph__put(w, name, columns);
}
static void tn_graph__put_nodes(tn_graph__work *w, int64_t nodes) { tn_graph__put(w, "num_nodes", tn_scalar_i64(nodes)); }

/* -- features and loops -- */

TN_API tn_graph *tn_graph_normalize_features(tn_graph *g) {
    tn_graph__work w;
    tn_reduce_opts rows;
    memset(&rows, 0, sizeof rows);
    rows.dim = -1;
    rows.has_dim = rows.keepdim = true;
    tn_graph__begin(&w, "tn_graph_normalize_features", g, "");
    for (int i = 0; w.ok && i < tn_dict_len(w.host); i++) {
        const char *name = tn_dict_name(w.host, i), *dot = strrchr(name, '.');
        tn_tensor *x = tn_dict_at(w.host, i);
        if (strcmp(dot ? dot + 1 : name, "x") != 0 || tn_numel(x) == 0) continue;
        x = tn_sub(x, tn_min(x));
        tn_tensor *sum = x ? tn_sum(x, &rows) : NULL, *one = tn_arg_f(1), *none = tn_arg_f(INFINITY);
        tn_graph__put(&w, name, sum && one && none ? tn_div(x, tn_clamp(sum, one, none)) : NULL);
    }
    return tn_graph__end(&w);
}
typedef tn_gnn_edge_list (*tn_graph__loops_fn)(tn_tensor *edge_index, tn_tensor *edge_attr, int64_t num_nodes, double fill, tn_tensor *loop_attr);
static tn_graph *tn_graph__loops(const char *who, tn_graph *g, const tn_graph_self_loop_opts *opts, tn_graph__loops_fn fn) {
    tn_graph__work w;
    const char *name = opts && opts->attr ? opts->attr : "edge_weight";
    const double fill = opts && opts->fill_value != 0 ? opts->fill_value : 1;
    tn_graph__begin(&w, who, g, "edge_index");
    if (w.ok) {
        tn_tensor *attr = tn_graph__get(&w, name);
        const tn_gnn_edge_list r = fn(tn_graph__get(&w, "edge_index"), attr, w.nodes, fill == TN_ZERO ? 0 : fill, NULL);
        if (tn_graph__put(&w, "edge_index", r.edge_index) && attr) tn_graph__put(&w, name, r.edge_attr);
    }
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_add_self_loops(tn_graph *g, const tn_graph_self_loop_opts *opts) {
    return tn_graph__loops("tn_graph_add_self_loops", g, opts, tn_gnn_add_self_loops);
}
TN_API tn_graph *tn_graph_add_remaining_self_loops(tn_graph *g, const tn_graph_self_loop_opts *opts) {
    return tn_graph__loops("tn_graph_add_remaining_self_loops", g, opts, tn_gnn_add_remaining_self_loops);
}
TN_API tn_graph *tn_graph_remove_self_loops(tn_graph *g) {
    tn_graph__work w;
    tn_graph__list at = {NULL, 0, 0, false};
    tn_graph__begin(&w, "tn_graph_remove_self_loops", g, "edge_index");
    for (int64_t i = 0; w.ok && i < w.e.e; i++)
        if (w.e.row[i] != w.e.col[i]) w.ok = tn_graph__push(&at, i);
    tn_tensor *index = w.ok ? tn_graph__index(at.at, at.n) : NULL;
    if (tn_graph__put(&w, "edge_index", index ? tn_index_select(tn_graph__get(&w, "edge_index"), 1, index) : NULL))
        tn_graph__take_edges(&w, index);
    free(at.at);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_gcn_norm(tn_graph *g, bool no_self_loops) {
    tn_graph__work w;
    tn_gcn_norm_opts o;
    memset(&o, 0, sizeof o);
    o.no_self_loops = no_self_loops;
    tn_graph__begin(&w, "tn_graph_gcn_norm", g, "edge_index");
    if (w.ok) {
        const tn_gnn_edge_list r = tn_gnn_gcn_norm(tn_graph__get(&w, "edge_index"), tn_graph__get(&w, "edge_weight"), w.nodes, &o);
        if (tn_graph__put(&w, "edge_index", r.edge_index)) tn_graph__put(&w, "edge_weight", r.edge_attr);
    }
    return tn_graph__end(&w);
}
/* edge_index of w, coalesced with its edge-level entries or made undirected. */
static void tn_graph__merge_edges(tn_graph__work *w, bool undirected, tn_reduction_kind reduce) {
    tn_tensor *index = tn_graph__get(w, "edge_index");
    const tn_gnn_coalesce_opts o = {reduce, false};
    const int64_t n = index ? tn_size(index, 1) : 0;
    tn_gnn_edge_list r = {NULL, NULL, NULL};
    if (!w->ok) return;
    for (int i = 0; i < tn_dict_len(w->host); i++) {
        const char *name = tn_dict_name(w->host, i);
        tn_tensor *t = tn_dict_get(w->out, name);
        if (!t || !tn_graph__is_edge_level(w, name, tn_dict_at(w->host, i)) || tn_graph__cat_dim(name) < 0 || tn_size(t, 0) != n) continue;
        r = undirected ? tn_gnn_to_undirected(index, t, w->nodes, reduce) : tn_gnn_coalesce(index, t, w->nodes, &o);
        if (!tn_graph__put(w, name, r.edge_attr)) return;
    }
    if (!r.edge_index) r = undirected ? tn_gnn_to_undirected(index, NULL, w->nodes, reduce) : tn_gnn_coalesce(index, NULL, w->nodes, &o);
    tn_graph__put(w, "edge_index", r.edge_index);
}
/* The edges of "a.rel.b." in prefix, and whatever else has a row for each of them. */
static void tn_graph__kind_to_undirected(tn_graph__work *w, const char *prefix, size_t n, tn_tensor *index, tn_reduction_kind reduce) {
    char back[512], name[640];
    const char *first = strchr(prefix, '.'), *second = strchr(first + 1, '.');
    if (!second || second >= prefix + n - 1 || n >= 400) {
        w->ok = (tn_error_set(TN_ERR_INVALID, "%s: %s is not source.relation.target.edge_index", w->who, prefix), false);
        return;
    }
    const int a = (int)(first - prefix), rel = (int)(second - first - 1), b = (int)((size_t)n - 1 - (size_t)(second + 1 - prefix));
    const bool own = a == b && memcmp(prefix, second + 1, (size_t)a) == 0;
    (void)snprintf(back, sizeof back, "%.*s.rev_%.*s.%.*s.", b, second + 1, rel, first + 1, a, prefix);
    const int swap = 0;
    tn_gnn_edge_list r = {own ? NULL : tn_flip(index, &swap, 1), NULL, NULL};
    for (int i = 0; w->ok && i < tn_dict_len(w->host); i++) {
        const char *entry = tn_dict_name(w->host, i);
        tn_tensor *t = tn_dict_at(w->host, i);
        if (strncmp(entry, prefix, n) != 0 || t == index || tn_ndim(t) < 1 || tn_size(t, 0) != tn_size(index, 1)) continue;
        if (own) r = tn_gnn_to_undirected(index, t, -1, reduce);
        (void)snprintf(name, sizeof name, "%s%.120s", own ? "" : back, own ? entry : entry + n);
        tn_graph__put(w, name, own ? r.edge_attr : t);
    }
    if (own && !r.edge_index) r = tn_gnn_to_undirected(index, NULL, -1, reduce);
    (void)snprintf(name, sizeof name, "%.*sedge_index", own ? (int)n : (int)strlen(back), own ? prefix : back);
    tn_graph__put(w, name, r.edge_index);
}
TN_API tn_graph *tn_graph_to_undirected(tn_graph *g, tn_reduction_kind reduce) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_to_undirected", g, "");
    if (tn_graph__get(&w, "edge_index")) tn_graph__merge_edges(&w, true, reduce);
    for (int i = 0; w.ok && i < tn_dict_len(w.host); i++) {
        const char *name = tn_dict_name(w.host, i);
        const size_t n = strlen(name);
        if (n > 11 && strcmp(name + n - 11, ".edge_index") == 0) tn_graph__kind_to_undirected(&w, name, n - 10, tn_dict_at(w.host, i), reduce);
    }
    return tn_graph__end(&w);
}
/* Leaves the nodes of subset, the edges among them, and what belongs to these. */
static void tn_graph__cut(tn_graph__work *w, tn_tensor *subset) {
    const tn_device cpu = {0, 0};
    const int64_t flat = -1;
    tn_tensor *index = tn_graph__get(w, "edge_index");
    if (!subset) w->ok = tn_graph__absent(w->who, "subset");
    if (!w->ok || !(subset = tn_to(subset, cpu))) return;
    const bool mask = tn_get_dtype(subset) == TN_BOOL;
    if (mask && (tn_ndim(subset) != 1 || tn_size(subset, 0) != w->nodes)) {
        w->ok = (tn_error_set(TN_ERR_SHAPE, "%s: a mask %s, of %lld nodes", w->who, tn_graph__shape(subset).text, (long long)w->nodes), false);
        return;
    }
    const tn_gnn_edge_list r = tn_gnn_subgraph(subset, index ? index : tn_graph__make(TN_I64, 2, 0), NULL, w->nodes, true);
    tn_tensor *nodes = mask ? tn_reshape(tn_nonzero(subset), &flat, 1) : subset, *edges = r.mask ? tn_reshape(tn_nonzero(r.mask), &flat, 1) : NULL;
    w->ok = nodes && edges;
    for (int i = 0; w->ok && i < tn_dict_len(w->host); i++) {
        const char *name = tn_dict_name(w->host, i);
        tn_tensor *t = tn_dict_at(w->host, i);
        if (tn_graph__is_node_level(w, name, t)) tn_graph__put(w, name, tn_graph__entry_at(name, t, nodes));
    }
    if (index && tn_graph__put(w, "edge_index", r.edge_index)) tn_graph__take_edges(w, edges);
    if (tn_graph__get(w, "num_nodes")) tn_graph__put_nodes(w, tn_numel(nodes));
}
TN_API tn_graph *tn_graph_remove_duplicated_edges(tn_graph *g, tn_reduction_kind reduce) {
    tn_graph__work w;
    if (tn_graph__begin(&w, "tn_graph_remove_duplicated_edges", g, "edge_index")) tn_graph__merge_edges(&w, false, reduce);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_remove_isolated_nodes(tn_graph *g) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_remove_isolated_nodes", g, "edge_index");
    tn_tensor *mask = w.ok ? tn_graph__make_zero(TN_BOOL, w.nodes, -1) : NULL;
    w.ok = mask != NULL;
    for (int64_t i = 0; w.ok && i < 2 * w.e.e; i++) ((bool *)tn_data(mask))[w.e.row[i]] = true; /* columns follow */
    if (w.ok) tn_graph__cut(&w, mask);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_subgraph(tn_graph *g, tn_tensor *subset) {
    tn_graph__work w;
    if (tn_graph__begin_nodes(&w, "tn_graph_subgraph", g, "")) tn_graph__cut(&w, subset);
    return tn_graph__end(&w);
}

/* -- splits -- */

/* A number of things, or below 1 a part of all; TN_ZERO is none. */
static tn_tensor *tn_graph__perm(int64_t n, tn_generator *generator) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = generator;
    return tn_randperm(n, &o);
}
/* Marks column s of the masks [nodes, splits] at the places from to to of order, as far as there are any. */
static void tn_graph__mark(tn_tensor *mask, int64_t splits, int64_t s, const int64_t *order, int64_t n, int64_t from, int64_t to) {
    bool *m = (bool *)tn_data(mask);
    for (int64_t i = from < n ? from : n; i < to && i < n; i++) m[order[i] * splits + s] = true;
}
/* Those of y's nodes that are of class c (or, all, those that are not in mask), shuffled, in out; how many, -1 on failure. */
static int64_t tn_graph__shuffled(const int64_t *y, int64_t c, const bool *mask, int64_t step, int64_t nodes, tn_generator *generator, int64_t *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < nodes; i++)
        if (mask ? !mask[i * step] : y[i] == c) out[n++] = i;
    const int64_t *perm = tn_graph__i64(tn_graph__perm(n, generator));
    int64_t *sorted = tn_graph__counts(n);
    if (!perm || !sorted) return -1;
    memcpy(sorted, out, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++) out[i] = sorted[perm[i]];
    return n;
}
/* The nodes of one kind at their split. */
typedef struct { tn_tensor *y, *mask[3]; int64_t nodes, splits, val, test; } tn_graph__node_split;
static bool tn_graph__split_by_class(const char *who, const tn_graph_node_split_opts *o, const tn_graph__node_split *k, int64_t s) {
    tn_tensor *y = tn_graph__host(k->y, TN_I64);
    int64_t *out = tn_graph__counts(k->nodes), classes = 0;
    if (!y || !out) return false;
    const int64_t *v = tn_graph__i64(y), a_class = o->num_train_per_class ? o->num_train_per_class : 20;
    for (int64_t i = 0; i < k->nodes; i++)
        if (v[i] >= classes) classes = v[i] + 1;
    if (classes > k->nodes + 65536) return tn_error_set(TN_ERR_INVALID, "%s: y says %lld classes", who, (long long)classes), false;
    for (int64_t c = 0; c < classes; c++) {
        const int64_t n = tn_graph__shuffled(v, c, NULL, 0, k->nodes, o->generator, out);
        if (n < 0) return false;
        tn_graph__mark(k->mask[0], k->splits, s, out, n, 0, a_class);
    }
    const int64_t n = tn_graph__shuffled(v, 0, (const bool *)tn_data(k->mask[0]) + s, k->splits, k->nodes, o->generator, out);
    if (n < 0) return false;
    tn_graph__mark(k->mask[1], k->splits, s, out, n, 0, k->val);
    tn_graph__mark(k->mask[2], k->splits, s, out, n, k->val, o->split == TN_GRAPH_TEST_REST ? n : k->val + k->test);
    return true;
}
static bool tn_graph__split_rest(const tn_graph_node_split_opts *o, const tn_graph__node_split *k, int64_t s) {
    const int64_t *perm = tn_graph__i64(tn_graph__perm(k->nodes, o->generator));
    if (!perm) return false;
    tn_graph__mark(k->mask[1], k->splits, s, perm, k->nodes, 0, k->val);
    tn_graph__mark(k->mask[2], k->splits, s, perm, k->nodes, k->val, k->val + k->test);
    tn_graph__mark(k->mask[0], k->splits, s, perm, k->nodes, k->val + k->test, k->nodes);
    return true;
}
/* Splits nodes of a kind, whose name is what lead characters of kind say, "paper.". */
static void tn_graph__split_kind(tn_graph__work *w, const tn_graph_node_split_opts *o, const char *kind, int lead, tn_tensor *y, int64_t nodes) {
    static const char *const names[] = {"train_mask", "val_mask", "test_mask"};
    tn_graph__node_split k = {y, {NULL, NULL, NULL}, nodes, o->num_splits ? o->num_splits : 1, 0, 0};
    double part[2] = {tn_graph__or(o->num_val, 500), tn_graph__or(o->num_test, 1000)};
    char name[600];
    w->ok = w->ok && nodes >= 0;
    for (int i = 0; w->ok && i < 2; i++) {
        if (part[i] > 0 && part[i] < 1) part[i] = rint(part[i] * (double)nodes);
        if (!(part[i] >= 0) || k.splits < 1 || o->num_train_per_class < 0)
            w->ok = (tn_error_set(TN_ERR_INVALID, "%s: val %g, test %g, %lld a class, %lld splits", w->who, part[0], part[1],
                                  (long long)o->num_train_per_class, (long long)k.splits), false);
    }
    k.val = (int64_t)fmin(part[0], (double)nodes), k.test = (int64_t)fmin(part[1], (double)nodes);
    if (w->ok && o->split != TN_GRAPH_TRAIN_REST && (!y || tn_numel(y) != nodes))
        w->ok = (tn_error_set(y ? TN_ERR_SHAPE : TN_ERR_INVALID, "%s: %.*s%s is %s, of %lld nodes", w->who, lead, kind, o->key, y ? tn_graph__shape(y).text : "not there",
                              (long long)nodes), false);
    for (int i = 0; w->ok && i < 3; i++) w->ok = (k.mask[i] = tn_graph__make_zero(TN_BOOL, nodes, k.splits > 1 ? k.splits : -1)) != NULL;
    for (int64_t s = 0; w->ok && s < k.splits; s++)
        w->ok = o->split == TN_GRAPH_TRAIN_REST ? tn_graph__split_rest(o, &k, s) : tn_graph__split_by_class(w->who, o, &k, s);
    for (int i = 0; w->ok && i < 3; i++) {
        (void)snprintf(name, sizeof name, "%.*s%s", lead, kind, names[i]);
        tn_graph__put(w, name, k.mask[i]);
    }
}
/* Whether entry i is the first of its kind of nodes. */
static bool tn_graph__first_of_nodes(const tn_graph *g, int i) {
    const char *name = tn_dict_name(g, i), *dot = strchr(name, '.');
    bool first = dot && dot == strrchr(name, '.');
    for (int j = 0; first && j < i; j++) first = strncmp(tn_dict_name(g, j), name, (size_t)(dot + 1 - name)) != 0 || strchr(tn_dict_name(g, j) + (dot + 1 - name), '.');
    return first;
}
TN_API tn_graph *tn_graph_random_node_split(tn_graph *g, const tn_graph_node_split_opts *opts) {
    tn_graph__work w;
    tn_graph_node_split_opts o;
    char name[600], kind[128];
    bool kinds = false;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!o.key) o.key = "y";
    tn_graph__begin(&w, "tn_graph_random_node_split", g, "");
    for (int i = 0; w.ok && i < tn_dict_len(w.host); i++) {
        const char *dot = strchr(tn_dict_name(w.host, i), '.');
        kinds = kinds || dot;
        if (!dot || !tn_graph__first_of_nodes(w.host, i)) continue;
        const int lead = snprintf(kind, sizeof kind, "%.*s", (int)(dot - tn_dict_name(w.host, i)), tn_dict_name(w.host, i)) + 1;
        (void)snprintf(name, sizeof name, "%s.%.400s", kind, o.key);
        tn_tensor *y = tn_dict_get(w.host, name);
        if (y || o.no_key) tn_graph__split_kind(&w, &o, name, lead, y, tn_graph_num_nodes_of(w.host, kind));
    }
    if (w.ok && !kinds) tn_graph__split_kind(&w, &o, "", 0, tn_dict_get(w.host, o.key), tn_graph_num_nodes(w.host));
    return tn_graph__end(&w);
}

/* -- pairs without an edge -- */

/* Pairs of nodes as numbers in an open table. */
typedef struct tn_graph__pair_set { uint64_t *at, mask; } tn_graph__pair_set;
static bool tn_graph__pair_set_new(tn_graph__pair_set *s, int64_t most) {
    int64_t slots = 64;
    while (slots < 2 * most) slots *= 2;
    s->at = (uint64_t *)tn_graph__counts(slots);
    s->mask = (uint64_t)slots - 1;
    return s->at != NULL;
}
static bool tn_graph__pair_add(tn_graph__pair_set *s, int64_t a, int64_t b) { /* false where it was there */
    const uint64_t key = ((uint64_t)a << 31 | (uint64_t)b) + 1;
    for (uint64_t i = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 20;; i++) {
        uint64_t *at = s->at + (i & s->mask);
        if (*at == key) return false;
        if (*at == 0) {
            *at = key;
            return true;
        }
    }
}
/* Takes every free pair, and leaves wanted of them, by draws. */
static bool tn_graph__free_pairs(tn_graph__pair_set *set, int64_t nodes, bool ordered, int64_t wanted, tn_graph__draws *draws, tn_graph__list *row,
                                 tn_graph__list *col) {
    for (int64_t a = 0; a < nodes; a++)
        for (int64_t b = ordered ? 0 : a + 1; b < nodes; b++)
            if (a != b && tn_graph__pair_add(set, a, b) && (!tn_graph__push(row, a) || !tn_graph__push(col, b))) return false;
    for (int64_t i = 0; i < wanted; i++) {
        const int64_t j = i + tn_graph__draw_below(draws, row->n - i), a = row->at[j], b = col->at[j];
        row->at[j] = row->at[i];
        col->at[j] = col->at[i];
        row->at[i] = a;
        col->at[i] = b;
    }
    row->n = col->n = wanted;
    return true;
}
/* wanted distinct pairs of different nodes that are no edges, or all of them where there are fewer; unordered: in neither direction,
   the lower first. */
static bool tn_graph__negatives(const char *who, const tn_graph__edges *e, int64_t wanted, bool ordered, tn_generator *generator,
                                tn_graph__list *row, tn_graph__list *col) {
    tn_graph__pair_set set;
    tn_graph__draws draws;
    tn_graph__draws_begin(&draws, generator);
    if (e->n > INT32_MAX) return tn_error_set(TN_ERR_UNSUPPORTED, "%s: %lld nodes", who, (long long)e->n), false;
    const int64_t all = ordered ? e->n * (e->n - 1) : e->n * (e->n - 1) / 2;
    if (wanted > all) wanted = all > 0 ? all : 0;
    const bool few = all / 16 <= e->e + wanted; /* drawing would seldom hit one: see all */
    int64_t taken = 0;
    if (!tn_graph__pair_set_new(&set, few ? all + 1 : e->e + wanted)) return false;
    for (int64_t i = 0; i < e->e; i++) {
        const int64_t a = e->row[i], b = e->col[i];
        if (a != b) taken += ordered || a < b ? tn_graph__pair_add(&set, a, b) : tn_graph__pair_add(&set, b, a);
    }
    if (wanted > all - taken) wanted = all - taken;
    if (few) return tn_graph__free_pairs(&set, e->n, ordered, wanted, &draws, row, col) && !draws.failed;
    while (row->n < wanted && !draws.failed) {
        int64_t a = tn_graph__draw_below(&draws, e->n), b = tn_graph__draw_below(&draws, e->n);
        if (!ordered && a > b) {
            const int64_t c = a;
            a = b;
            b = c;
        }
        if (a != b && tn_graph__pair_add(&set, a, b) && (!tn_graph__push(row, a) || !tn_graph__push(col, b))) return false;
    }
    return !draws.failed;
}

/* The parts of a kind's name, "author.writes.paper": kinds of nodes, and what the names of its entries begin with; all "" for "". */
typedef struct { char from[128], to[128], lead[256]; } tn_graph__edge_ends;
static bool tn_graph__edge_ends_of(const char *who, const char *type, tn_graph__edge_ends *r) {
    memset(r, 0, sizeof *r);
    const char *first = strchr(type, '.'), *last = strrchr(type, '.');
    if (!*type) return true;
    if (!first || last == first || strlen(type) >= sizeof r->from)
        return tn_error_set(TN_ERR_INVALID, "%s: \"%s\" is not of the form from.how.to", who, type), false;
    memcpy(r->from, type, (size_t)(first - type));
    memcpy(r->to, last + 1, strlen(last + 1));
    (void)snprintf(r->lead, sizeof r->lead, "%s.", type);
    return true;
}
/* A kind of edges at its split. train has order[0 … train), of which disjoint are labels alone, val and test what follows. */
typedef struct tn_graph__link_kind {
    tn_graph__edge_ends ends;
    char back[256];              /* of its reverse kind, "" where there is none */
    tn_tensor *index;
    tn_graph__edges e;
    int64_t sources, targets;
    bool two, pairs;             /* of two kinds of nodes; both directions of an edge go together */
    int64_t *order, train, val, test, disjoint;
} tn_graph__link_kind;
static bool tn_graph__ends_read(const char *who, tn_tensor *edge_index, int64_t sources, int64_t targets, tn_graph__edges *g);
/* name with a lead before it, in room of 512. */
static const char *tn_graph__led(char *room, const char *lead, const char *name) {
    (void)snprintf(room, 512, "%.255s%.250s", lead, name);
    return room;
}
/* Of an entry of that kind its name without the kind; NULL of others. */
static const char *tn_graph__after_lead(const char *name, const char *lead) {
    const size_t n = strlen(lead);
    return strncmp(name, lead, n) == 0 && (n == 0 || !strchr(name + n, '.')) ? name + n : NULL;
}
static bool tn_graph__link_kind_begin(tn_graph__work *w, const tn_graph_link_split_opts *o, int i, tn_graph__link_kind *k) {
    const char *type = o->n_edge_types ? o->edge_types[i] : "", *back = o->n_edge_types && o->rev_edge_types ? o->rev_edge_types[i] : NULL;
    char name[512];
    if (!type || (o->n_edge_types && !*type)) return tn_error_set(TN_ERR_INVALID, "%s: edge_types[%d] is empty", w->who, i), false;
    if (!tn_graph__edge_ends_of(w->who, type, &k->ends)) return false;
    if (back && snprintf(k->back, sizeof k->back, "%s.", back) >= 250) return tn_error_set(TN_ERR_INVALID, "%s: the name \"%.60s…\" is too long", w->who, back), false;
    k->index = tn_dict_get(w->host, tn_graph__led(name, k->ends.lead, "edge_index"));
    if (k->index && back && !tn_dict_get(w->host, tn_graph__led(name, k->back, "edge_index"))) k->index = NULL;
    if (!k->index) return tn_error_set(TN_ERR_INVALID, "%s: the graph has no %s", w->who, name), false;
    k->two = strcmp(k->ends.from, k->ends.to) != 0;
    k->pairs = o->is_undirected && !k->two && (!back || strcmp(back, type) == 0);
    k->sources = *type ? tn_graph_num_nodes_of(w->host, k->ends.from) : w->nodes;
    k->targets = *type ? tn_graph_num_nodes_of(w->host, k->ends.to) : w->nodes;
    return k->sources >= 0 && k->targets >= 0 && tn_graph__ends_read(w->who, k->index, k->sources, k->targets, &k->e);
}
static bool tn_graph__deal_edges(tn_graph__work *w, const tn_graph_link_split_opts *o, tn_graph__link_kind *k) {
    int64_t n = 0;
    int64_t *own = tn_graph__counts(k->e.e);
    for (int64_t i = 0; own && i < k->e.e; i++)
        if (!k->pairs || k->e.row[i] <= k->e.col[i]) own[n++] = i;
    const int64_t *perm = own ? tn_graph__i64(tn_graph__perm(n, o->generator)) : NULL;
    k->order = tn_graph__counts(n);
    if (!perm || !k->order) return false;
    for (int64_t i = 0; i < n; i++) k->order[i] = own[perm[i]];
    const double val = tn_graph__or(o->num_val, 0.1), test = tn_graph__or(o->num_test, 0.2), off = o->disjoint_train_ratio;
    if (!(val >= 0 && test >= 0 && off >= 0)) return tn_error_set(TN_ERR_INVALID, "%s: val %g, test %g, disjoint %g", w->who, val, test, off), false;
    k->val = (int64_t)(val < 1 ? val * (double)n : fmin(val, (double)n));
    k->test = (int64_t)(test < 1 ? test * (double)n : fmin(test, (double)n));
    k->train = n - k->val - k->test;
    k->disjoint = (int64_t)(off < 1 ? off * (double)k->train : fmin(off, (double)n));
    if (k->train > 0 && k->train > k->disjoint) return true;
    return tn_error_set(TN_ERR_INVALID, "%s: of %lld edges %lld are left for training, of them %lld are labels alone", w->who, (long long)n,
                        (long long)k->train, (long long)k->disjoint), false;
}
/* want pairs that are no edges, [2, want] or fewer. */
static tn_tensor *tn_graph__link_pairs(const char *who, const tn_graph__link_kind *k, int64_t want, tn_generator *generator) {
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    if (k->two && want) {
        tn_gnn_negative_opts o;
        memset(&o, 0, sizeof o);
        o.num_dst_nodes = k->targets, o.num_neg_samples = want, o.generator = generator;
        return tn_gnn_negative_sampling(k->index, k->sources, &o);
    }
    const bool ok = tn_graph__negatives(who, &k->e, want, true, generator, &row, &col);
    tn_tensor *r = ok ? tn_graph__pairs(row.at, col.at, row.n) : NULL;
    free(row.at);
    free(col.at);
    return r;
}
/* The negatives of train, val and test, NULL where it has none. */
static bool tn_graph__deal_negatives(tn_graph__work *w, const tn_graph_link_split_opts *o, const tn_graph__link_kind *k, tn_tensor **negatives) {
    const double ratio = tn_graph__or(o->neg_sampling_ratio, 1);
    if (!(ratio >= 0 && ratio < 1e9)) return tn_error_set(TN_ERR_INVALID, "%s: neg_sampling_ratio %g", w->who, ratio), false;
    int64_t n[3] = {o->no_negative_train_samples ? 0 : (int64_t)((double)(k->disjoint ? k->disjoint : k->train) * ratio), (int64_t)((double)k->val * ratio),
                    (int64_t)((double)k->test * ratio)};
    const int64_t wanted = n[0] + n[1] + n[2];
    tn_tensor *all = tn_graph__link_pairs(w->who, k, wanted, o->generator);
    if (!all) return false;
    if (tn_size(all, 1) < wanted) {
        const double there = (double)tn_size(all, 1) / (double)wanted;
        n[0] = (int64_t)((double)n[0] * there), n[1] = (int64_t)((double)n[1] * there);
        n[2] = tn_size(all, 1) - n[0] - n[1];
    }
    const int64_t first[3] = {n[1] + n[2], 0, n[1]};
    for (int i = 0; i < 3; i++)
        if (n[i] && !(negatives[i] = tn_contiguous(tn_narrow(all, 1, first[i], n[i])))) return false;
    return true;
}
/* A graph of the split: of the kind's edges those at n places of order, in both directions if pairs, and what belongs to them. */
static void tn_graph__link_messages(tn_graph__work *w, const tn_graph__link_kind *k, const int64_t *order, int64_t n) {
    const int rows = 0;
    tn_tensor *at = tn_graph__index(order, n);
    w->ok = w->ok && at;
    for (int i = 0; w->ok && i < tn_dict_len(w->host); i++) {
        const char *name = tn_dict_name(w->host, i), *attr = tn_graph__after_lead(name, k->ends.lead);
        tn_tensor *t = tn_dict_at(w->host, i);
        const bool index = attr && strcmp(attr, "edge_index") == 0;
        if (!attr || (!index && !(*k->ends.lead ? tn_graph__rows(attr, t) == k->e.e : tn_graph__is_edge_level(w, name, t)))) continue;
        t = tn_graph__entry_at(attr, t, at);
        tn_tensor *const both[2] = {t, t && index && k->pairs ? tn_flip(t, &rows, 1) : t};
        tn_graph__put(w, name, t && k->pairs ? tn_cat(both, 2, tn_graph__cat_dim(attr) < 0 ? tn_ndim(t) - 1 : 0) : t);
    }
}
/* The entries of the reverse kind: the kind's own, the edges turned; what that has not goes. */
static void tn_graph__link_back(tn_graph__work *w, const tn_graph__link_kind *k) {
    const int rows = 0;
    char name[512];
    for (int i = 0; *k->back && w->ok && i < tn_dict_len(w->host); i++) {
        const char *attr = tn_graph__after_lead(tn_dict_name(w->host, i), k->back);
        tn_tensor *t = attr ? tn_dict_get(w->out, tn_graph__led(name, k->ends.lead, attr)) : NULL;
        if (t) tn_graph__put(w, tn_dict_name(w->host, i), strcmp(attr, "edge_index") == 0 ? tn_flip(t, &rows, 1) : t);
        else if (attr) tn_graph__drop(w, tn_dict_name(w->host, i));
    }
}
/* What the split's graph is asked for: the edges at order, and negatives [2, m] (NULL: none). */
static bool tn_graph__link_labels(tn_graph__work *w, const tn_graph_link_split_opts *o, const tn_graph__link_kind *k, const int64_t *order, int64_t n, tn_tensor *negatives) {
    const char *key = o->key ? o->key : "edge_label";
    char name[4][512], own[512];
    tn_tensor *at = tn_graph__index(order, n), *index = at ? tn_index_select(k->index, 1, at) : NULL,
        *label = tn_dict_get(w->host, tn_graph__led(own, k->ends.lead, key)), *none = NULL;
    const bool labelled = label != NULL;
    tn_tensor_opts made;
    memset(&made, 0, sizeof made);
    if (label && negatives && tn_get_dtype(label) != TN_I64)
        return tn_error_set(TN_ERR_DTYPE, "%s: %s is %s; beside negatives it has to be int64", w->who, own, tn_dtype_name(tn_get_dtype(label))),
            w->ok = false;
    if (label && tn_graph__rows(key, label) != k->e.e)
        return tn_error_set(TN_ERR_SHAPE, "%s: %s is %s, of %lld edges", w->who, own, tn_graph__shape(label).text, (long long)k->e.e), w->ok = false;
    made.dtype = label ? tn_get_dtype(label) : TN_F32;
    label = label ? tn_index_select(label, 0, at) : tn_ones(&n, 1, &made);
    if (labelled && negatives && label) label = tn_add(label, tn_arg_i(1));
    if (negatives && label) {
        int64_t shape[TN_MAX_DIMS] = {tn_size(negatives, 1)};
        for (int d = 1; d < tn_ndim(label); d++) shape[d] = tn_size(label, d);
        none = tn_zeros(shape, tn_ndim(label), &made);
    }
    for (int i = 0; i < 4; i++)
        (void)snprintf(name[i], sizeof name[i], "%s%s%.120s%s", k->ends.lead, !o->split_labels ? "" : i < 2 ? "pos_" : "neg_", key, i % 2 ? "_index" : "");
    if (!o->split_labels && negatives) {
        tn_tensor *const labels[2] = {label, none}, *const indices[2] = {index, negatives};
        label = label && none ? tn_cat(labels, 2, 0) : NULL;
        index = index ? tn_cat(indices, 2, 1) : NULL;
    }
    if (o->split_labels) tn_graph__drop(w, own);
    if (!tn_graph__put(w, name[0], label) || !tn_graph__put(w, name[1], index)) return false;
    return !negatives || !o->split_labels || (tn_graph__put(w, name[2], none) && tn_graph__put(w, name[3], negatives));
}
/* Splits a kind's edges in the three graphs. */
static bool tn_graph__link_split_kind(tn_graph__work *w, const tn_graph_link_split_opts *o, const tn_graph__link_kind *k, tn_graph **out) {
    tn_tensor *negatives[3] = {NULL, NULL, NULL};
    if (!tn_graph__deal_negatives(w, o, k, negatives)) return false;
    const int64_t see[3] = {k->disjoint, 0, 0}, seen[3] = {k->train, k->train, k->train + k->val}, ask[3] = {0, k->train, k->train + k->val};
    const int64_t asked[3] = {k->disjoint ? k->disjoint : k->train, k->val, k->test};
    for (int i = 0; i < 3; i++) {
        w->out = out[i];
        tn_graph__link_messages(w, k, k->order + see[i], seen[i] - see[i]);
        tn_graph__link_back(w, k);
        if (!w->ok || !tn_graph__link_labels(w, o, k, k->order + ask[i], asked[i], negatives[i])) return false;
        out[i] = w->out;
    }
    return true;
}
static bool tn_graph__link_split(tn_graph__work *w, const tn_graph_link_split_opts *o, tn_graph__link_kind *kind, int n, tn_graph_link_split *r) {
    tn_graph *out[3] = {NULL, NULL, NULL};
    for (int i = 0; i < n; i++) /* all draws of edges come first, as PyG's negatives take none of the generator's */
        if (!tn_graph__link_kind_begin(w, o, i, &kind[i]) || !tn_graph__deal_edges(w, o, &kind[i])) return false;
    for (int i = 0; i < 3; i++)
        if (!(out[i] = tn_graph__copy(w->host, NULL))) return false;
    for (int i = 0; i < n; i++)
        if (!tn_graph__link_split_kind(w, o, &kind[i], out)) return false;
    for (int i = 0; i < 3; i++)
        if (!(out[i] = tn_graph__placed(w, out[i]))) return false;
    r->train = out[0], r->val = out[1], r->test = out[2];
    return true;
}
TN_API tn_graph_link_split tn_graph_random_link_split(tn_graph *g, const tn_graph_link_split_opts *opts) {
    tn_graph_link_split r = {NULL, NULL, NULL};
    tn_graph__work w;
    tn_graph_link_split_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (tn_graph__begin(&w, "tn_graph_random_link_split", g, o.n_edge_types ? "" : "edge_index")) {
        const int n = o.n_edge_types ? o.n_edge_types : 1;
        const bool given = o.n_edge_types == 0 || (o.edge_types && n > 0);
        if (!given) tn_error_set(TN_ERR_INVALID, "%s: %d edge_types", w.who, n);
        tn_graph__link_kind *kind = given ? (tn_graph__link_kind *)tn_graph__alloc(w.who, n, sizeof *kind) : NULL;
        if (kind) (void)tn_graph__link_split(&w, &o, kind, n, &r);
        free(kind);
    }
    tn_keep(r.train);
    tn_keep(r.val);
    (void)tn_graph__leave(&w.frame, r.test);
    return r;
}

/* -- columns of x and of edge_attr -- */

TN_API tn_graph *tn_graph_local_degree_profile(tn_graph *g) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_local_degree_profile", g, "edge_index");
    const int64_t n = w.ok ? w.nodes : 0;
    tn_tensor *t = tn_graph__make_zero(TN_F32, n, 5);
    double *degree = tn_graph__doubles(n), *sum = tn_graph__doubles(3 * n); /* sum, sum of squares, least */
    w.ok = w.ok && t && degree && sum;
    float *v = tn_graph__f32(t);
    for (int64_t i = 0; w.ok && i < w.e.e; i++) degree[w.e.row[i]]++;
    for (int64_t i = 0; w.ok && i < w.e.e; i++) {
        const double d = degree[w.e.col[i]];
        const int64_t a = w.e.row[i];
        float *of = v + 5 * a;
        of[1] = sum[3 * a + 2] == 0 || (float)d < of[1] ? (float)d : of[1];
        of[2] = (float)d > of[2] ? (float)d : of[2];
        sum[3 * a] += d;
        sum[3 * a + 1] += d * d;
        sum[3 * a + 2]++;
    }
    for (int64_t i = 0; w.ok && i < n; i++) {
        const double count = sum[3 * i + 2] > 0 ? sum[3 * i + 2] : 1, mean = sum[3 * i] / count, var = sum[3 * i + 1] / count - mean * mean;
        v[5 * i] = (float)degree[i];
        v[5 * i + 3] = (float)mean;
        v[5 * i + 4] = var > 1e-5 ? (float)sqrt(var) : 0;
    }
    tn_graph__append(&w, "x", t, false);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_constant(tn_graph *g, const tn_graph_constant_opts *opts) {
    tn_graph__work w;
    tn_graph__begin_nodes(&w, "tn_graph_constant", g, "");
    tn_tensor *t = w.ok ? tn_graph__make(TN_F32, w.nodes, 1) : NULL;
    tn_graph__append(&w, "x", t ? tn_fill_(t, tn_graph__or(opts ? opts->value : 0, 1)) : NULL, opts && opts->no_cat);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_one_hot_degree(tn_graph *g, int64_t max_degree, const tn_graph_degree_opts *opts) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_one_hot_degree", g, "edge_index");
    if (w.ok && (max_degree < 0 || max_degree > INT32_MAX))
        w.ok = (tn_error_set(TN_ERR_INVALID, "%s: max_degree %lld", w.who, (long long)max_degree), false);
    tn_tensor *t = w.ok ? tn_graph__make_zero(TN_F32, w.nodes, max_degree + 1) : NULL;
    int64_t *degree = w.ok ? tn_graph__counts(w.nodes) : NULL;
    w.ok = t && degree;
    for (int64_t i = 0; w.ok && i < w.e.e; i++) degree[opts && opts->in_degree ? w.e.col[i] : w.e.row[i]]++;
    for (int64_t i = 0; w.ok && i < w.nodes; i++) {
        if (degree[i] > max_degree)
            w.ok = (tn_error_set(TN_ERR_INDEX, "%s: node %lld has degree %lld, above %lld", w.who, (long long)i, (long long)degree[i],
                                 (long long)max_degree), false);
        else tn_graph__f32(t)[i * (max_degree + 1) + degree[i]] = 1;
    }
    tn_graph__append(&w, "x", t, opts && opts->no_cat);
    return tn_graph__end(&w);
}
/* v from 0 to most (around: -most to most) to low to high. */
static tn_tensor *tn_graph__interval(tn_tensor *v, const tn_graph_pseudo_opts *o, bool around) {
    const bool usual = o->low == 0 && o->high == 0;
    const double low = o->low, high = usual ? 1 : o->high;
    if (!v || o->no_norm || tn_numel(v) == 0) return v;
    const double most = o->max_value != 0 ? o->max_value : tn_item(tn_max(tn_abs(tn_detach(v))));
    return tn_add(tn_mul(v, tn_arg_f((high - low) / (around ? 2 * most : most))), tn_arg_f(around ? (low + high) / 2 : low));
}
TN_API tn_graph *tn_graph_target_indegree(tn_graph *g, const tn_graph_pseudo_opts *opts) {
    tn_graph__work w;
    tn_graph_pseudo_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_target_indegree", g, "edge_index");
    tn_tensor *t = w.ok ? tn_graph__make(TN_F32, w.e.e, 1) : NULL;
    int64_t *degree = t ? tn_graph__counts(w.nodes) : NULL;
    w.ok = degree != NULL;
    if (w.ok && o.no_norm == false && o.max_value == 0) o.max_value = 1;
    for (int64_t i = 0; w.ok && i < w.e.e; i++) degree[w.e.col[i]]++;
    for (int64_t i = 0; w.ok && i < w.nodes && !(opts && opts->max_value != 0); i++)
        if ((double)degree[i] > o.max_value) o.max_value = (double)degree[i];
    for (int64_t i = 0; w.ok && i < w.e.e; i++) tn_graph__f32(t)[i] = (float)degree[w.e.col[i]];
    tn_graph__append(&w, "edge_attr", tn_graph__interval(t, &o, false), o.no_cat);
    return tn_graph__end(&w);
}
/* pos of the source less that of the target, [edges, dims]. */
static tn_tensor *tn_graph__offsets(tn_graph__work *w) {
    const int64_t column[2] = {-1, 1};
    tn_tensor *pos = tn_graph__get(w, "pos"), *index = tn_graph__get(w, "edge_index");
    if (!pos || !index) return NULL;
    if (tn_ndim(pos) == 1) pos = tn_reshape(pos, column, 2);
    if (tn_ndim(pos) != 2 || tn_size(pos, 0) != w->nodes)
        return (tn_tensor *)TN_GRAPH__FAIL(TN_ERR_SHAPE, "%s: pos is %s, of %lld nodes", w->who, tn_graph__shape(pos).text, (long long)w->nodes);
    tn_tensor *from = tn_index_select(pos, 0, tn_select(index, 0, 0)), *to = tn_index_select(pos, 0, tn_select(index, 0, 1));
    return from && to ? tn_sub(from, to) : NULL;
}
TN_API tn_graph *tn_graph_cartesian(tn_graph *g, const tn_graph_pseudo_opts *opts) {
    tn_graph__work w;
    tn_graph_pseudo_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_cartesian", g, "pos edge_index");
    tn_graph__append(&w, "edge_attr", tn_graph__interval(tn_graph__offsets(&w), &o, true), o.no_cat);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_distance(tn_graph *g, const tn_graph_pseudo_opts *opts) {
    tn_graph__work w;
    tn_graph_pseudo_opts o;
    tn_reduce_opts rows;
    memset(&o, 0, sizeof o);
    memset(&rows, 0, sizeof rows);
    rows.dim = -1;
    rows.has_dim = rows.keepdim = true;
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_distance", g, "pos edge_index");
    tn_tensor *d = tn_graph__offsets(&w);
    tn_graph__append(&w, "edge_attr", tn_graph__interval(d ? tn_linalg_vector_norm(d, 2, &rows) : NULL, &o, false), o.no_cat);
    return tn_graph__end(&w);
}

/* -- other edges -- */

static tn_graph *tn_graph__new_edges(tn_graph__work *w, tn_tensor *index, bool undirected) {
    if (index && undirected) index = tn_gnn_to_undirected(index, NULL, w->nodes, TN_REDUCE_SUM).edge_index;
    if (tn_graph__put(w, "edge_index", index)) tn_graph__drop(w, "edge_attr");
    return tn_graph__end(w);
}
TN_API tn_graph *tn_graph_knn_graph(tn_graph *g, int64_t k, bool force_undirected, const tn_graph_knn_opts *opts) {
    tn_graph__work w;
    tn_graph_knn_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_knn_graph", g, "pos");
    o.batch = tn_graph__get(&w, "batch");
    return tn_graph__new_edges(&w, w.ok ? tn_graph_knn(tn_graph__get(&w, "pos"), k, &o) : NULL, force_undirected);
}
TN_API tn_graph *tn_graph_radius_graph(tn_graph *g, double r, const tn_graph_radius_opts *opts) {
    tn_graph__work w;
    tn_graph_radius_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_radius_graph", g, "pos");
    o.batch = tn_graph__get(&w, "batch");
    return tn_graph__new_edges(&w, w.ok ? tn_graph_radius(tn_graph__get(&w, "pos"), r, &o) : NULL, false);
}
/* Where the edges of each of the n nodes begin, when they are in order by key. */
static int64_t *tn_graph__ptr(const int64_t *key, int64_t e, int64_t n) {
    int64_t *ptr = tn_graph__counts(n + 1);
    for (int64_t i = 0; ptr && i < e; i++) ptr[key[i] + 1]++;
    for (int64_t i = 0; ptr && i < n; i++) ptr[i + 1] += ptr[i];
    return ptr;
}
/* Edges by one of their ends: those of v are order[ptr[v]] to order[ptr[v + 1] - 1]; order is for the caller to free. */
typedef struct tn_graph__by_node { int64_t *order, *ptr; } tn_graph__by_node;
static bool tn_graph__by_ends(const char *who, const int64_t *major, const int64_t *minor, int64_t e, int64_t n, tn_graph__by_node *r) {
    r->ptr = tn_graph__ptr(major, e, n);
    r->order = r->ptr ? tn_graph__order(who, major, minor, e, n) : NULL;
    return r->order != NULL;
}
/* An edge to every edge that begins where it ends. */
static bool tn_graph__line_directed(const tn_graph__edges *e, tn_graph__list *row, tn_graph__list *col) {
    const int64_t *ptr = tn_graph__ptr(e->row, e->e, e->n);
    for (int64_t i = 0; ptr && i < e->e; i++)
        for (int64_t j = ptr[e->col[i]]; j < ptr[e->col[i] + 1]; j++)
            if (!tn_graph__push(row, i) || !tn_graph__push(col, j)) return false;
    return ptr != NULL;
}
/* pair: the number of each edge's pair of directions, -1 of loops. Pairs that share a node are joined. */
static bool tn_graph__line_undirected(const tn_graph__edges *e, const int64_t *pair, tn_graph__list *row, tn_graph__list *col) {
    const int64_t *ptr = tn_graph__ptr(e->row, e->e, e->n);
    for (int64_t v = 0; ptr && v < e->n; v++)
        for (int64_t i = ptr[v]; i < ptr[v + 1]; i++)
            for (int64_t j = ptr[v]; j < ptr[v + 1]; j++)
                if (i != j && pair[i] >= 0 && pair[j] >= 0 && (!tn_graph__push(row, pair[i]) || !tn_graph__push(col, pair[j]))) return false;
    return ptr != NULL;
}
static int64_t tn_graph__line_pairs(const tn_graph__edges *e, int64_t *pair) {
    int64_t *next = tn_graph__ptr(e->row, e->e, e->n), n = 0;
    for (int64_t i = 0; next && i < e->e; i++) pair[i] = e->row[i] < e->col[i] ? n++ : -1;
    for (int64_t i = 0; next && i < e->e; i++) { /* rows ascend, so the reverses of a node's edges come in its order too */
        if (e->row[i] >= e->col[i]) continue;
        int64_t *at = next + e->col[i];
        while (e->col[*at] != e->row[i]) ++*at;
        pair[*at] = pair[i];
    }
    return next ? n : -1;
}
static void tn_graph__line(tn_graph__work *w, bool force_directed) {
    tn_tensor *attr = tn_graph__get(w, "edge_attr");
    const tn_gnn_edge_list c = tn_gnn_coalesce(tn_graph__get(w, "edge_index"), attr, w->nodes, NULL);
    tn_graph__edges e;
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    w->ok = c.edge_index && tn_graph__edges_read(w->who, c.edge_index, w->nodes, &e);
    if (!w->ok) return;
    const bool directed = force_directed || !tn_gnn_is_undirected(c.edge_index, c.edge_attr, w->nodes);
    int64_t *pair = tn_graph__counts(e.e), n = e.e;
    if (!directed) n = pair ? tn_graph__line_pairs(&e, pair) : -1;
    w->ok = pair && n >= 0 && (directed ? tn_graph__line_directed(&e, &row, &col) : tn_graph__line_undirected(&e, pair, &row, &col));
    tn_tensor *index = w->ok ? tn_graph__pairs(row.at, col.at, row.n) : NULL, *x = c.edge_attr;
    free(row.at);
    free(col.at);
    if (index && !directed) index = tn_gnn_coalesce(index, NULL, n, NULL).edge_index;
    if (x && !directed) { /* loops go to a row that is cut off */
        for (int64_t i = 0; i < e.e; i++) pair[i] = pair[i] < 0 ? n : pair[i];
        x = tn_gnn_scatter(x, tn_graph__index(pair, e.e), n + 1, TN_REDUCE_SUM);
        x = x ? tn_narrow(x, 0, 0, n) : NULL;
    }
    for (int i = 0; w->ok && i < tn_dict_len(w->host); i++) {
        const char *name = tn_dict_name(w->host, i);
        tn_tensor *t = tn_dict_at(w->host, i);
        if (tn_graph__is_node_level(w, name, t) || tn_graph__is_edge_level(w, name, t)) tn_graph__drop(w, name);
    }
    tn_graph__put(w, "edge_index", index);
    if (attr) tn_graph__put(w, "x", x);
    if (w->ok) tn_graph__put_nodes(w, n);
}
TN_API tn_graph *tn_graph_line_graph(tn_graph *g, bool force_directed) {
    tn_graph__work w;
    if (tn_graph__begin(&w, "tn_graph_line_graph", g, "edge_index")) tn_graph__line(&w, force_directed);
    return tn_graph__end(&w);
}
/* t with count more rows (columns, where its name says so) of v. */
static tn_tensor *tn_graph__padded(const char *name, tn_tensor *t, int64_t count, double v) {
    int64_t shape[TN_MAX_DIMS];
    const int dim = tn_graph__cat_dim(name) < 0 ? tn_ndim(t) - 1 : 0;
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(t);
    for (int d = 0; d < tn_ndim(t); d++) shape[d] = d == dim ? count : tn_size(t, d);
    tn_tensor *const both[2] = {t, tn_full(shape, tn_ndim(t), v, &o)};
    return both[1] ? tn_cat(both, 2, dim) : NULL;
}
TN_API tn_graph *tn_graph_virtual_node(tn_graph *g) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_virtual_node", g, "edge_index");
    const int64_t n = w.ok ? w.nodes : 0, m = w.ok ? w.e.e : 0;
    int64_t *row = tn_graph__counts(m + 2 * n), *col = tn_graph__counts(m + 2 * n), most = 0;
    tn_tensor *kind = tn_graph__get(&w, "edge_type"), *kinds = kind ? tn_graph__host(kind, TN_I64) : tn_graph__make_zero(TN_I64, m, -1);
    w.ok = w.ok && row && col && kinds;
    if (w.ok && tn_numel(kinds) != m)
        w.ok = (tn_error_set(TN_ERR_SHAPE, "%s: edge_type is %s, of %lld edges", w.who, tn_graph__shape(kinds).text, (long long)m), false);
    for (int64_t i = 0; w.ok && i < m; i++) {
        row[i] = w.e.row[i];
        col[i] = w.e.col[i];
        if (tn_graph__i64(kinds)[i] > most) most = tn_graph__i64(kinds)[i];
    }
    for (int64_t i = 0; w.ok && i < n; i++) {
        row[m + i] = col[m + n + i] = i;
        col[m + i] = row[m + n + i] = n;
    }
    for (int i = 0; w.ok && i < tn_dict_len(w.host); i++) {
        const char *name = tn_dict_name(w.host, i);
        tn_tensor *t = tn_dict_at(w.host, i);
        if (strcmp(name, "edge_type") == 0) continue;
        if (strcmp(name, "batch") == 0) tn_graph__put(&w, name, tn_graph__padded(name, t, 1, n ? tn_item(tn_narrow(t, 0, 0, 1)) : 0));
        else if (tn_graph__is_edge_level(&w, name, t)) tn_graph__put(&w, name, tn_graph__padded(name, t, 2 * n, strcmp(name, "edge_weight") == 0));
        else if (tn_graph__is_node_level(&w, name, t)) tn_graph__put(&w, name, tn_graph__padded(name, t, 1, 0));
    }
    kinds = w.ok ? tn_graph__padded("edge_type", kinds, n, (double)most + 1) : NULL;
    kinds = kinds ? tn_graph__padded("edge_type", kinds, n, (double)most + 2) : NULL;
    if (kinds && kind) kinds = tn_to_dtype(kinds, tn_get_dtype(kind));
    if (tn_graph__put(&w, "edge_index", w.ok ? tn_graph__pairs(row, col, m + 2 * n) : NULL)) tn_graph__put(&w, "edge_type", kinds);
    if (tn_graph__get(&w, "num_nodes")) tn_graph__put_nodes(&w, n + 1);
    return tn_graph__end(&w);
}
TN_API tn_graph *tn_graph_two_hop(tn_graph *g) {
    tn_graph__work w;
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    tn_graph__begin(&w, "tn_graph_two_hop", g, "edge_index");
    tn_graph__by_node out = {NULL, NULL};
    int64_t *seen = w.ok && tn_graph__by_ends(w.who, w.e.row, w.e.col, w.e.e, w.nodes, &out) ? tn_graph__counts(w.nodes) : NULL;
    w.ok = seen != NULL;
    for (int64_t v = 0; w.ok && v < w.nodes; v++)
        for (int64_t i = out.ptr[v]; i < out.ptr[v + 1]; i++) {
            const int64_t u = w.e.col[out.order[i]];
            for (int64_t j = out.ptr[u]; w.ok && j < out.ptr[u + 1]; j++) {
                const int64_t t = w.e.col[out.order[j]];
                if (t == v || seen[t] == v + 1) continue;
                seen[t] = v + 1;
                w.ok = tn_graph__push(&row, v) && tn_graph__push(&col, t);
            }
        }
    free(out.order);
    for (int i = 0; w.ok && i < tn_dict_len(w.host); i++) {
        const char *name = tn_dict_name(w.host, i);
        tn_tensor *t = tn_dict_at(w.host, i);
        if (tn_graph__is_edge_level(&w, name, t)) tn_graph__put(&w, name, tn_graph__padded(name, t, row.n, 0));
    }
    if (w.ok) {
        tn_tensor *const both[2] = {tn_graph__get(&w, "edge_index"), tn_graph__pairs(row.at, col.at, row.n)};
        if (tn_graph__put(&w, "edge_index", both[1] ? tn_cat(both, 2, 1) : NULL)) tn_graph__merge_edges(&w, false, TN_REDUCE_SUM);
    }
    free(row.at);
    free(col.at);
    return tn_graph__end(&w);
}

/* -- components -- */

static int64_t tn_graph__root(int64_t *parent, int64_t v) {
    while (parent[v] != v) v = parent[v] = parent[parent[v]];
    return v;
}
/* The number of each node's component, counted as they are met; how many. */
static int64_t tn_graph__weak(const tn_graph__edges *e, int64_t *component) {
    int64_t *parent = tn_graph__counts(e->n), n = 0;
    if (!parent) return -1;
    for (int64_t v = 0; v < e->n; v++) parent[v] = v, component[v] = -1;
    for (int64_t i = 0; i < e->e; i++) parent[tn_graph__root(parent, e->row[i])] = tn_graph__root(parent, e->col[i]);
    for (int64_t v = 0; v < e->n; v++) {
        const int64_t root = tn_graph__root(parent, v);
        if (component[root] < 0) component[root] = n++;
        component[v] = component[root];
    }
    return n;
}
/* Tarjan's algorithm, with the path of the search as a list. work has 5 n + 1 places. */
static int64_t tn_graph__strong(const tn_graph__edges *e, const tn_graph__by_node *out, int64_t *component, int64_t *work) {
    const int64_t nodes = e->n;
    int64_t *number = work, *low = number + nodes, *at = low + nodes, *path = at + nodes, *stack = path + nodes, n = 0, met = 0, top = 0;
    for (int64_t v = 0; v < nodes; v++) component[v] = -1;
    for (int64_t root = 0; root < nodes; root++) {
        if (number[root]) continue;
        int64_t depth = 0;
        path[0] = root;
        for (int64_t v = root; depth >= 0;) {
            if (!number[v]) {
                number[v] = low[v] = ++met;
                at[v] = out->ptr[v];
                stack[top++] = v;
            }
            bool deeper = false;
            while (at[v] < out->ptr[v + 1] && !deeper) {
                const int64_t u = e->col[out->order[at[v]++]];
                if (!number[u]) path[++depth] = u, deeper = true;
                else if (component[u] < 0 && number[u] < low[v]) low[v] = number[u];
            }
            if (!deeper) {
                if (low[v] == number[v]) {
                    do component[stack[--top]] = n;
                    while (stack[top] != v);
                    n++;
                }
                if (--depth >= 0 && low[v] < low[path[depth]]) low[path[depth]] = low[v];
            }
            if (depth >= 0) v = path[depth];
        }
    }
    return n;
}
TN_API tn_graph *tn_graph_largest_connected_components(tn_graph *g, const tn_graph_components_opts *opts) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_largest_connected_components", g, "edge_index");
    const int64_t keep = opts && opts->num_components ? opts->num_components : 1;
    if (w.ok && keep < 0) w.ok = (tn_error_set(TN_ERR_INVALID, "%s: num_components %lld", w.who, (long long)keep), false);
    int64_t *component = w.ok ? tn_graph__counts(w.nodes) : NULL, n = -1;
    if (component && opts && opts->strong) {
        tn_graph__by_node out;
        int64_t *work = tn_graph__counts(5 * w.nodes + 1);
        if (work && tn_graph__by_ends(w.who, w.e.row, w.e.col, w.e.e, w.nodes, &out)) {
            n = tn_graph__strong(&w.e, &out, component, work);
            free(out.order);
        }
    } else if (component) n = tn_graph__weak(&w.e, component);
    int64_t *count = n >= 0 ? tn_graph__counts(n) : NULL;
    w.ok = count != NULL;
    for (int64_t v = 0; w.ok && v < w.nodes; v++) count[component[v]]++;
    tn_tensor *sizes = w.ok ? tn_graph__index(count, n) : NULL, *order = sizes && n > keep ? tn_argsort(sizes, 0, false, true) : NULL;
    w.ok = sizes && (n <= keep || order);
    if (order) {
        tn_tensor *mask = tn_graph__make_zero(TN_BOOL, w.nodes, -1);
        memset(count, 0, (size_t)n * sizeof *count);
        for (int64_t i = n - keep; i < n; i++) count[tn_graph__i64(order)[i]] = 1;
        for (int64_t v = 0; mask && v < w.nodes; v++) ((bool *)tn_data(mask))[v] = count[component[v]] != 0;
        tn_graph__cut(&w, mask);
    }
    return tn_graph__end(&w);
}

/* -- diffusion -- */

TN_API tn_graph *tn_graph_sign(tn_graph *g, int64_t K) {
    tn_graph__work w;
    tn_gcn_norm_opts o;
    memset(&o, 0, sizeof o);
    o.no_self_loops = true;
    tn_graph__begin(&w, "tn_graph_sign", g, "x edge_index");
    if (w.ok && K < 0) w.ok = (tn_error_set(TN_ERR_INVALID, "%s: K %lld", w.who, (long long)K), false);
    tn_tensor *x = tn_graph__get(&w, "x");
    if (w.ok) {
        const tn_gnn_edge_list r = tn_gnn_gcn_norm(tn_graph__get(&w, "edge_index"), tn_graph__get(&w, "edge_weight"), w.nodes, &o);
        for (int64_t k = 1; r.edge_index && x && k <= K; k++) {
            char name[32];
            (void)snprintf(name, sizeof name, "x%lld", (long long)k);
            tn_graph__put(&w, name, x = tn_gnn_spmm(r.edge_index, r.edge_attr, x, -1, TN_REDUCE_SUM));
        }
        w.ok = w.ok && r.edge_index && x;
    }
    return tn_graph__end(&w);
}
/* Weights over the degrees of the ends that kind names. */
static bool tn_graph__transition(const tn_graph__edges *e, double *weight, tn_graph_norm kind) {
    double *degree = tn_graph__doubles(e->n);
    if (!degree || kind == TN_GRAPH_NORM_NONE) return degree != NULL;
    for (int64_t i = 0; i < e->e; i++) degree[kind == TN_GRAPH_NORM_ROW ? e->row[i] : e->col[i]] += weight[i];
    for (int64_t v = 0; v < e->n; v++) degree[v] = degree[v] == 0 ? 0 : kind == TN_GRAPH_NORM_SYM ? 1 / sqrt(degree[v]) : 1 / degree[v];
    for (int64_t i = 0; i < e->e; i++)
        weight[i] *= kind == TN_GRAPH_NORM_SYM ? degree[e->row[i]] * degree[e->col[i]] : degree[kind == TN_GRAPH_NORM_ROW ? e->row[i] : e->col[i]];
    return true;
}
/* The factors of the powers of the matrix, as many as count in f32; how many, -1 on failure. */
static int64_t tn_graph__factors(const tn_graph_gdc_opts *o, double **factors) {
    const double alpha = o->alpha != 0 ? o->alpha : 0.15, t = o->t != 0 ? o->t : 5;
    const int64_t most = o->method == TN_GRAPH_COEFF ? o->n_coeffs : 4096;
    double *c = tn_graph__doubles(most);
    int64_t k = 0;
    if (!(*factors = c)) return -1;
    for (; k < most; k++) {
        if (o->method == TN_GRAPH_COEFF) c[k] = o->coeffs[k];
        else if (o->method == TN_GRAPH_PPR) c[k] = k ? c[k - 1] * (1 - alpha) : alpha;
        else c[k] = k ? c[k - 1] * t / (double)k : exp(-t);
        if (o->method != TN_GRAPH_COEFF && c[k] < 1e-8 * alpha && (o->method == TN_GRAPH_PPR || (double)k > t)) break;
    }
    return k;
}
/* The sum of the factors times the powers of the weighted adjacency, [nodes, nodes] f32, by Horner's rule. */
static tn_tensor *tn_graph__diffused(const tn_graph__edges *e, const double *weight, const tn_graph_gdc_opts *o) {
    const int64_t n = e->n;
    tn_tensor *crow = tn_graph__index(tn_graph__ptr(e->row, e->e, e->n), n + 1), *col = tn_graph__index(e->col, e->e),
        *value = tn_graph__make(TN_F32, e->e, -1);
    double *factor = NULL;
    int64_t k = tn_graph__factors(o, &factor) - 1;
    tn_tensor *sum = (tn_tensor *)tn_retain(tn_graph__make_zero(TN_F32, n, n)); /* owned by hand: each turn makes another */
    bool ok = crow && col && value && k >= 0 && sum;
    for (int64_t i = 0; ok && i < e->e; i++) tn_graph__f32(value)[i] = (float)weight[i];
    for (int64_t i = 0; ok && i < n; i++) tn_graph__f32(sum)[i * n + i] = (float)factor[k];
    while (ok && k-- > 0) {
        tn_scope s = tn_scope_open();
        tn_tensor *next = (tn_tensor *)tn_retain(tn_sparse_mm(crow, col, value, sum));
        for (int64_t i = 0; next && i < n; i++) tn_graph__f32(next)[i * n + i] += (float)factor[k];
        tn_scope_close(&s);
        tn_release(sum);
        ok = (sum = next) != NULL;
    }
    tn_tensor *r = ok ? tn_clone(sum) : NULL;
    if (sum) tn_release(sum);
    return r;
}
/* What leaves avg_degree a node: between the last that stays and the first that goes. */
static bool tn_graph__gdc_eps(tn_tensor *m, int64_t nodes, int64_t avg_degree, double *eps) {
    const int64_t flat = -1, keep = avg_degree * nodes;
    *eps = -INFINITY;
    if (keep >= nodes * nodes) return true;
    const tn_values_indices top = tn_topk(tn_reshape(m, &flat, 1), keep + 1, NULL);
    if (!top.values) return false;
    *eps = ((double)tn_graph__f32(top.values)[keep - 1] + (double)tn_graph__f32(top.values)[keep]) / 2;
    return true;
}
/* The places of the matrix that stay, in rows. */
static bool tn_graph__gdc_places(tn_tensor *m, int64_t nodes, const tn_graph_gdc_opts *o, tn_graph__list *at) {
    const float *v = tn_graph__f32(m);
    double eps = o->eps;
    if (o->topk > 0) {
        tn_topk_opts top;
        memset(&top, 0, sizeof top);
        top.dim = o->topk_dim;
        top.has_dim = true;
        const int64_t k = o->topk < nodes ? o->topk : nodes;
        tn_tensor *index = tn_topk(m, k, &top).indices, *mask = index ? tn_zeros_like(m, NULL) : NULL;
        if (mask) mask = tn_scatter_(mask, o->topk_dim, index, tn_arg_f(1));
        for (int64_t i = 0; mask && i < nodes * nodes; i++)
            if (tn_graph__f32(mask)[i] != 0 && !tn_graph__push(at, i)) return false;
        return mask != NULL;
    }
    if (eps == 0 && !tn_graph__gdc_eps(m, nodes, o->avg_degree ? o->avg_degree : 64, &eps)) return false;
    for (int64_t i = 0; i < nodes * nodes; i++)
        if ((double)v[i] >= eps && !tn_graph__push(at, i)) return false;
    return true;
}
static void tn_graph__gdc(tn_graph__work *w, const tn_graph_gdc_opts *o) {
    tn_tensor *index = tn_graph__get(w, "edge_index"), *attr = tn_graph__get(w, "edge_attr");
    const double loop = tn_graph__or(o->self_loop_weight, 1);
    if (attr && (tn_ndim(attr) != 1 || tn_size(attr, 0) != w->e.e)) {
        w->ok = (tn_error_set(TN_ERR_SHAPE, "%s: edge_attr is %s, not [%lld]", w->who, tn_graph__shape(attr).text, (long long)w->e.e), false);
        return;
    }
    tn_gnn_edge_list r = {index, attr ? tn_graph__host(attr, TN_F64) : tn_fill_(tn_graph__make(TN_F64, w->e.e, -1), 1), NULL};
    if (r.edge_attr && loop != 0) r = tn_gnn_add_self_loops(r.edge_index, r.edge_attr, w->nodes, loop, NULL);
    if (r.edge_index && r.edge_attr) r = tn_gnn_coalesce(r.edge_index, r.edge_attr, w->nodes, NULL);
    tn_graph__edges e;
    w->ok = r.edge_index && r.edge_attr && tn_graph__edges_read(w->who, r.edge_index, w->nodes, &e);
    double *weight = w->ok ? tn_graph__f64(r.edge_attr) : NULL;
    w->ok = w->ok && tn_graph__transition(&e, weight, o->norm_in ? o->norm_in : TN_GRAPH_NORM_SYM);
    tn_tensor *m = w->ok ? tn_graph__diffused(&e, weight, o) : NULL;
    tn_graph__list at = {NULL, 0, 0, false};
    w->ok = m && tn_graph__gdc_places(m, w->nodes, o, &at);
    index = w->ok ? tn_graph__make(TN_I64, 2, at.n) : NULL;
    weight = index ? tn_graph__doubles(at.n) : NULL;
    attr = weight ? tn_graph__make(TN_F32, at.n, -1) : NULL;
    for (int64_t i = 0; attr && i < at.n; i++) {
        tn_graph__i64(index)[i] = at.at[i] / w->nodes;
        tn_graph__i64(index)[at.n + i] = at.at[i] % w->nodes;
        weight[i] = (double)tn_graph__f32(m)[at.at[i]];
    }
    w->ok = attr && tn_graph__edges_read(w->who, index, w->nodes, &e) && tn_graph__transition(&e, weight, o->norm_out ? o->norm_out : TN_GRAPH_NORM_COL);
    for (int64_t i = 0; w->ok && i < at.n; i++) tn_graph__f32(attr)[i] = (float)weight[i];
    free(at.at);
    if (tn_graph__put(w, "edge_index", index)) tn_graph__put(w, "edge_attr", attr);
}
TN_API tn_graph *tn_graph_gdc(tn_graph *g, const tn_graph_gdc_opts *opts) {
    tn_graph__work w;
    tn_graph_gdc_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    tn_graph__begin(&w, "tn_graph_gdc", g, "edge_index");
    if (w.ok && o.method == TN_GRAPH_PPR && o.norm_in == TN_GRAPH_NORM_NONE)
        w.ok = (tn_error_set(TN_ERR_UNSUPPORTED, "%s: PPR of weights that are not normalised", w.who), false);
    if (w.ok && (o.alpha < 0 || o.alpha > 1 || o.t < 0 || o.topk < 0 || o.topk_dim < 0 || o.topk_dim > 1 || o.avg_degree < 0 ||
                 (o.method == TN_GRAPH_COEFF && (!o.coeffs || o.n_coeffs < 1))))
        w.ok = (tn_error_set(TN_ERR_INVALID, "%s: alpha %g, t %g, topk %lld in dim %d, avg_degree %lld, %d coeffs", w.who, o.alpha, o.t,
                             (long long)o.topk, o.topk_dim, (long long)o.avg_degree, o.n_coeffs), false);
    if (w.ok && w.nodes > 0) tn_graph__gdc(&w, &o);
    return tn_graph__end(&w);
}

/* -- eigenvectors of symmetric matrices -- */

/* To tridiagonal form by Householder's reflections: d the diagonal, e beside it, from 1 on. v [n, n] has the matrix, then in its rows
   the columns of the product of the reflections. */
static void tn_graph__tridiagonal(double *v, int64_t n, double *d, double *e) {
    for (int64_t j = 0; j < n; j++) d[j] = v[j * n + n - 1];
    for (int64_t i = n - 1; i > 0; i--) {
        double scale = 0, h = 0;
        for (int64_t k = 0; k < i; k++) scale += fabs(d[k]);
        if (scale == 0) {
            e[i] = d[i - 1];
            for (int64_t j = 0; j < i; j++) {
                d[j] = v[j * n + i - 1];
                v[j * n + i] = v[i * n + j] = 0;
            }
            d[i] = 0;
            continue;
        }
        for (int64_t k = 0; k < i; k++) {
            d[k] /= scale;
            h += d[k] * d[k];
        }
        double f = d[i - 1], g = f > 0 ? -sqrt(h) : sqrt(h);
        e[i] = scale * g;
        h -= f * g;
        d[i - 1] = f - g;
        for (int64_t j = 0; j < i; j++) e[j] = 0;
        for (int64_t j = 0; j < i; j++) {
            const double *row = v + j * n;
            f = d[j];
            v[i * n + j] = f;
            g = e[j] + row[j] * f;
            for (int64_t k = j + 1; k < i; k++) {
                g += row[k] * d[k];
                e[k] += row[k] * f;
            }
            e[j] = g;
        }
        f = 0;
        for (int64_t j = 0; j < i; j++) {
            e[j] /= h;
            f += e[j] * d[j];
        }
        for (int64_t j = 0; j < i; j++) e[j] -= f / (h + h) * d[j];
        for (int64_t j = 0; j < i; j++) {
            double *row = v + j * n;
            f = d[j];
            g = e[j];
            for (int64_t k = j; k < i; k++) row[k] -= f * e[k] + g * d[k];
            d[j] = row[i - 1];
            row[i] = 0;
        }
        d[i] = h;
    }
    for (int64_t i = 0; i < n - 1; i++) {
        double *next = v + (i + 1) * n;
        v[i * n + n - 1] = v[i * n + i];
        v[i * n + i] = 1;
        for (int64_t k = 0; k <= i && d[i + 1] != 0; k++) d[k] = next[k] / d[i + 1];
        for (int64_t j = 0; j <= i && d[i + 1] != 0; j++) {
            double g = 0, *row = v + j * n;
            for (int64_t k = 0; k <= i; k++) g += next[k] * row[k];
            for (int64_t k = 0; k <= i; k++) row[k] -= g * d[k];
        }
        for (int64_t k = 0; k <= i; k++) next[k] = 0;
    }
    for (int64_t j = 0; j < n; j++) {
        d[j] = v[j * n + n - 1];
        v[j * n + n - 1] = 0;
    }
    if (n > 0) v[n * n - 1] = 1;
    if (n > 0) e[0] = 0;
}
/* Implicit QL on that form: d the eigenvalues, v's rows their vectors. false where it does not end. */
static bool tn_graph__implicit_ql(double *v, int64_t n, double *d, double *e) {
    double f = 0, size = 0;
    for (int64_t i = 1; i < n; i++) e[i - 1] = e[i];
    if (n > 0) e[n - 1] = 0;
    for (int64_t l = 0; l < n; l++) {
        int64_t m = l, turns = 0;
        size = fmax(size, fabs(d[l]) + fabs(e[l]));
        while (m < n - 1 && fabs(e[m]) > 2.3e-16 * size) m++;
        while (m > l && fabs(e[l]) > 2.3e-16 * size) {
            if (++turns > 200) return false;
            const double first = d[l], after = e[l + 1];
            double p = (d[l + 1] - first) / (2 * e[l]), r = p < 0 ? -hypot(p, 1) : hypot(p, 1);
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            const double second = d[l + 1], shift = first - d[l];
            for (int64_t i = l + 2; i < n; i++) d[i] -= shift;
            f += shift;
            p = d[m];
            double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
            for (int64_t i = m - 1; i >= l; i--) {
                double *a = v + i * n, *b = a + n;
                c3 = c2;
                c2 = c;
                s2 = s;
                const double g = c * e[i], h = c * p;
                r = hypot(p, e[i]);
                e[i + 1] = s * r;
                s = e[i] / r;
                c = p / r;
                p = c * d[i] - s * g;
                d[i + 1] = h + s * (c * g + s * d[i]);
                for (int64_t k = 0; k < n; k++) {
                    const double t = b[k];
                    b[k] = s * a[k] + c * t;
                    a[k] = c * a[k] - s * t;
                }
            }
            p = -s * s2 * c3 * after * e[l] / second;
            e[l] = s * p;
            d[l] = c * p;
        }
        d[l] += f;
        e[l] = 0;
    }
    return true;
}
/* Eigenvalues d, ascending, and eigenvectors, v's rows, of the symmetric matrix in v [n, n]. e: n places. */
static bool tn_graph__eigen_dense(double *v, int64_t n, double *d, double *e) {
    tn_graph__tridiagonal(v, n, d, e);
    if (!tn_graph__implicit_ql(v, n, d, e)) return false;
    for (int64_t i = 0; i < n; i++) {
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++) least = d[j] < d[least] ? j : least;
        if (least == i) continue;
        const double t = d[i];
        d[i] = d[least];
        d[least] = t;
        for (int64_t k = 0; k < n; k++) {
            const double u = v[i * n + k];
            v[i * n + k] = v[least * n + k];
            v[least * n + k] = u;
        }
    }
    return true;
}
/* A symmetric matrix of n rows by what it makes of a vector; largest: a bound of its eigenvalues' sizes. */
typedef struct tn_graph__matrix {
    int64_t n;
    double largest;
    void (*apply)(const void *user, const double *x, double *y);
    const void *user;
} tn_graph__matrix;
/* Takes from w what lies in the m rows of v (twice, for the last bits), into h if not NULL; its length then. */
static double tn_graph__apart(const double *v, int64_t m, int64_t n, double *w, double *h) {
    for (int64_t i = 0; h && i < m; i++) h[i] = 0;
    for (int turn = 0; turn < 2; turn++)
        for (int64_t i = 0; i < m; i++) {
            const double by = tn_graph__inner(v + i * n, w, n);
            for (int64_t k = 0; k < n; k++) w[k] -= by * v[i * n + k];
            if (h) h[i] += by;
        }
    return sqrt(tn_graph__inner(w, w, n));
}
/* Row m of v: w, made of length 1, or where it is as good as nothing a vector of no pattern. false: w was not used. */
static bool tn_graph__next_row(double *v, int64_t m, int64_t n, double *w, double length, double largest, uint64_t *state) {
    const bool used = length > 1e-12 * largest;
    while (!used) {
        for (int64_t k = 0; k < n; k++) {
            *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            w[k] = (double)(int64_t)(*state >> 11) / 9007199254740992.0 - 0.5;
        }
        length = tn_graph__apart(v, m, n, w, NULL);
        if (length > 1e-6) break;
    }
    for (int64_t k = 0; k < n; k++) v[m * n + k] = w[k] / length;
    return used;
}
/* The thick-restart Lanczos method with full reorthogonalisation: a basis of room rows grows by the matrix times its last row; when
   full it is cut down to the Ritz vectors of the least values and the direction that is left over. When want of them stand, a drawn
   direction takes the place of that, since of equal values one direction finds one vector alone; so until the least value that a
   drawn direction adds is none of the want. */
typedef struct tn_graph__lanczos {
    const tn_graph__matrix *a;
    int64_t want, room;
    double *v, *fresh, *t, *ritz, *y, *e, *w, *found; /* fresh: room for the next basis; y: t's vectors; w, e: work */
    uint64_t state;
} tn_graph__lanczos;
static bool tn_graph__lanczos_new(tn_graph__lanczos *l, const tn_graph__matrix *a, int64_t want) {
    memset(l, 0, sizeof *l);
    l->a = a;
    l->want = want;
    l->room = 3 * want + 60 < a->n ? 3 * want + 60 : a->n;
    l->v = tn_graph__doubles((l->room + 1) * a->n);
    l->fresh = tn_graph__doubles(l->room * a->n);
    l->t = tn_graph__doubles(l->room * l->room);
    l->y = tn_graph__doubles(l->room * l->room);
    l->ritz = tn_graph__doubles(l->room);
    l->e = tn_graph__doubles(l->room);
    l->w = tn_graph__doubles(a->n);
    l->found = tn_graph__doubles(want);
    l->state = 1;
    return l->v && l->fresh && l->t && l->y && l->ritz && l->e && l->w && l->found;
}
/* Fills the basis from row m on; what is left over, of that length, is in w. */
static double tn_graph__lanczos_fill(tn_graph__lanczos *l, int64_t m) {
    const int64_t n = l->a->n;
    double length = 0;
    for (int64_t c = m; c < l->room; c++) {
        l->a->apply(l->a->user, l->v + c * n, l->w);
        length = tn_graph__apart(l->v, c + 1, n, l->w, l->e);
        for (int64_t i = 0; i <= c; i++) l->t[i * l->room + c] = l->t[c * l->room + i] = l->e[i];
        if (c + 1 < l->room) (void)tn_graph__next_row(l->v, c + 1, n, l->w, length, l->a->largest, &l->state);
    }
    return length;
}
/* The first keep Ritz vectors become the basis. */
static void tn_graph__lanczos_cut(tn_graph__lanczos *l, int64_t keep) {
    const int64_t n = l->a->n;
    memset(l->fresh, 0, (size_t)(keep * n) * sizeof *l->fresh);
    for (int64_t i = 0; i < keep; i++)
        for (int64_t j = 0; j < l->room; j++)
            for (int64_t k = 0; k < n; k++) l->fresh[i * n + k] += l->y[i * l->room + j] * l->v[j * n + k];
    memcpy(l->v, l->fresh, (size_t)(keep * n) * sizeof *l->v);
    memset(l->t, 0, (size_t)(l->room * l->room) * sizeof *l->t);
    for (int64_t i = 0; i < keep; i++) l->t[i * l->room + i] = l->ritz[i];
}
/* The want least eigenvalues, and in rows of v their vectors. */
static bool tn_graph__eigen_least(const char *who, const tn_graph__matrix *a, int64_t want, double *values, double *vectors) {
    tn_graph__lanczos l;
    if (!tn_graph__lanczos_new(&l, a, want)) return false;
    const double close = 1e-11 * a->largest;
    bool again = false;
    int64_t m = 0;
    (void)tn_graph__next_row(l.v, 0, a->n, l.w, 0, a->largest, &l.state);
    for (int turn = 0; turn < 2000; turn++) {
        const double length = tn_graph__lanczos_fill(&l, m);
        memcpy(l.y, l.t, (size_t)(l.room * l.room) * sizeof *l.y);
        if (!tn_graph__eigen_dense(l.y, l.room, l.ritz, l.e)) break;
        bool stands = true, same = again;
        for (int64_t i = 0; i < want; i++) {
            stands = stands && fabs(length * l.y[i * l.room + l.room - 1]) <= close;
            same = same && fabs(l.ritz[i] - l.found[i]) <= 1e-9 * a->largest;
        }
        const bool whole = l.room == a->n, next_stands = whole || fabs(length * l.y[want * l.room + l.room - 1]) <= 1e-8 * a->largest;
        const bool done = whole || (stands && same && next_stands), draw = stands && !same;
        m = done || draw ? want : want + (l.room - want) / 3;
        tn_graph__lanczos_cut(&l, m);
        if (done) {
            memcpy(values, l.ritz, (size_t)want * sizeof *values);
            memcpy(vectors, l.v, (size_t)(want * a->n) * sizeof *vectors);
            return true;
        }
        if (draw) memcpy(l.found, l.ritz, (size_t)want * sizeof *l.found);
        again = again || draw;
        (void)tn_graph__next_row(l.v, m, a->n, l.w, draw ? 0 : length, a->largest, &l.state);
    }
    return tn_error_set(TN_ERR_STATE, "%s: %lld eigenvectors of a matrix of %lld rows do not converge", who, (long long)want, (long long)a->n), false;
}

/* -- positions of nodes -- */

static void tn_graph__pe(tn_graph__work *w, const tn_graph_pe_opts *o, const char *usual, tn_tensor *pe) {
    if (o && o->in_x) tn_graph__append(w, "x", pe, false);
    else tn_graph__put(w, o && o->attr ? o->attr : usual, pe);
}
/* The chance of walks from v to be back, after 1 to walk_length steps. The last step of each is taken from v, against its edges.
   chance: 2 n places of 0, as it is left; list: 2 n places. */
static void tn_graph__walk_back(const tn_graph__edges *e, const tn_graph__by_node *out, const tn_graph__by_node *in, const double *step, int64_t v,
                                int64_t walk_length, double *chance, int64_t *list, float *pe) {
    int64_t n = 1, *at = list, *then = list + e->n;
    double *now = chance, *next = chance + e->n;
    at[0] = v;
    now[v] = 1;
    for (int64_t k = 0;; k++) {
        double back = 0;
        for (int64_t j = in->ptr[v]; j < in->ptr[v + 1]; j++) back += now[e->row[in->order[j]]] * step[e->row[in->order[j]]];
        pe[k] = (float)back;
        if (k + 1 == walk_length) break;
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++) {
            const int64_t u = at[i];
            const double by = now[u] * step[u];
            now[u] = 0;
            for (int64_t j = out->ptr[u]; j < out->ptr[u + 1] && by > 0; j++) {
                const int64_t t = e->col[out->order[j]];
                if (next[t] == 0) then[m++] = t;
                next[t] += by;
            }
        }
        double *c = now;
        now = next;
        next = c;
        int64_t *l = at;
        at = then;
        then = l;
        n = m;
    }
    for (int64_t i = 0; i < n; i++) now[at[i]] = 0;
}
TN_API tn_graph *tn_graph_add_random_walk_pe(tn_graph *g, int64_t walk_length, const tn_graph_pe_opts *opts) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_add_random_walk_pe", g, "edge_index");
    if (w.ok && walk_length < 1) w.ok = (tn_error_set(TN_ERR_INVALID, "%s: walk_length %lld", w.who, (long long)walk_length), false);
    const int64_t n = w.ok ? w.nodes : 0;
    tn_tensor *weight = tn_graph__get(&w, "edge_weight"), *pe = w.ok ? tn_graph__make_zero(TN_F32, n, walk_length) : NULL;
    double *step = tn_graph__doubles(n), *chance = tn_graph__doubles(2 * n);
    int64_t *list = tn_graph__counts(2 * n);
    tn_graph__by_node out = {NULL, NULL}, in = {NULL, NULL};
    w.ok = w.ok && tn_graph__by_ends(w.who, w.e.row, w.e.col, w.e.e, n, &out) && tn_graph__by_ends(w.who, w.e.col, w.e.row, w.e.e, n, &in);
    if (weight && tn_numel(weight) != w.e.e)
        w.ok = (tn_error_set(TN_ERR_SHAPE, "%s: edge_weight is %s, of %lld edges", w.who, tn_graph__shape(weight).text, (long long)w.e.e), false);
    if (w.ok && weight) w.ok = (weight = tn_graph__host(weight, TN_F64)) != NULL;
    w.ok = w.ok && pe && step && chance && list;
    for (int64_t i = 0; w.ok && i < w.e.e; i++) step[w.e.row[i]] += weight ? tn_graph__f64(weight)[i] : 1;
    for (int64_t v = 0; w.ok && v < n; v++) step[v] = 1 / fmax(step[v], 1);
    for (int64_t v = 0; w.ok && v < n; v++) tn_graph__walk_back(&w.e, &out, &in, step, v, walk_length, chance, list, tn_graph__f32(pe) + v * walk_length);
    free(out.order);
    free(in.order);
    tn_graph__pe(&w, opts, "random_walk_pe", pe);
    return tn_graph__end(&w);
}
/* I - D^-1/2 A D^-1/2, of edges as get_laplacian has them. */
typedef struct tn_graph__laplacian { const tn_graph__edges *e; const double *weight; } tn_graph__laplacian;
static void tn_graph__laplacian_apply(const void *user, const double *x, double *y) {
    const tn_graph__laplacian *l = (const tn_graph__laplacian *)user;
    for (int64_t v = 0; v < l->e->n; v++) y[v] = 0;
    for (int64_t i = 0; i < l->e->e; i++) y[l->e->row[i]] += l->weight[i] * x[l->e->col[i]];
}
static void tn_graph__laplacian_pe(tn_graph__work *w, int64_t k, const tn_graph_pe_opts *o) {
    tn_tensor *weight = tn_graph__get(w, "edge_weight"), *ones = weight ? NULL : tn_graph__make(TN_F64, w->e.e, -1);
    weight = weight ? tn_graph__host(weight, TN_F64) : ones ? tn_fill_(ones, 1) : NULL;
    const tn_gnn_edge_list list = weight ? tn_gnn_get_laplacian(tn_graph__get(w, "edge_index"), weight, TN_LAPLACIAN_SYM, w->nodes) : tn_graph__none();
    tn_graph__edges e;
    w->ok = list.edge_index && list.edge_attr && tn_graph__edges_read(w->who, list.edge_index, w->nodes, &e);
    tn_tensor_opts draw;
    memset(&draw, 0, sizeof draw);
    draw.dtype = TN_I64;
    draw.generator = o ? o->generator : NULL;
    double *values = tn_graph__doubles(k + 1), *vectors = tn_graph__doubles((k + 1) * w->nodes);
    tn_tensor *pe = tn_graph__make(TN_F32, w->nodes, k);
    if (!w->ok || !values || !vectors || !pe) w->ok = false;
    const tn_graph__laplacian l = {&e, w->ok ? tn_graph__f64(list.edge_attr) : NULL};
    const tn_graph__matrix a = {w->nodes, 2, tn_graph__laplacian_apply, &l};
    w->ok = w->ok && tn_graph__eigen_least(w->who, &a, k + 1, values, vectors);
    const int64_t *sign = w->ok ? tn_graph__i64(tn_randint(0, 2, &k, 1, &draw)) : NULL;
    w->ok = sign != NULL;
    for (int64_t i = 0; w->ok && i < w->nodes; i++)
        for (int64_t j = 0; j < k; j++) tn_graph__f32(pe)[i * k + j] = (float)(vectors[(j + 1) * w->nodes + i] * (double)(2 * sign[j] - 1));
    tn_graph__pe(w, o, "laplacian_eigenvector_pe", pe);
}
TN_API tn_graph *tn_graph_add_laplacian_eigenvector_pe(tn_graph *g, int64_t k, const tn_graph_pe_opts *opts) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_add_laplacian_eigenvector_pe", g, "edge_index");
    tn_tensor *index = tn_graph__get(&w, "edge_index"), *weight = tn_graph__get(&w, "edge_weight");
    if (w.ok && (k < 1 || k >= w.nodes))
        w.ok = (tn_error_set(TN_ERR_INVALID, "%s: %lld eigenvectors, of %lld nodes", w.who, (long long)k, (long long)w.nodes), false);
    if (w.ok && !tn_gnn_is_undirected(index, weight, w.nodes)) w.ok = (tn_error_set(TN_ERR_INVALID, "%s: the graph is directed", w.who), false);
    if (w.ok) tn_graph__laplacian_pe(&w, k, opts);
    return tn_graph__end(&w);
}
/* X'X of the rows of x [n, width], the other way round, so that its largest come first. */
typedef struct tn_graph__gram { const float *x; int64_t n, width; } tn_graph__gram;
static void tn_graph__gram_apply(const void *user, const double *v, double *y) {
    const tn_graph__gram *g = (const tn_graph__gram *)user;
    memset(y, 0, (size_t)g->width * sizeof *y);
    for (int64_t i = 0; i < g->n; i++) {
        const float *row = g->x + i * g->width;
        double by = 0;
        for (int64_t k = 0; k < g->width; k++) by += (double)row[k] * v[k];
        for (int64_t k = 0; k < g->width; k++) y[k] -= by * (double)row[k];
    }
}
TN_API tn_graph *tn_graph_svd_feature_reduction(tn_graph *g, int64_t out_channels) {
    tn_graph__work w;
    tn_graph__begin(&w, "tn_graph_svd_feature_reduction", g, "x");
    tn_tensor *x = tn_graph__get(&w, "x");
    if (w.ok && (out_channels < 1 || tn_ndim(x) != 2))
        w.ok = (tn_error_set(TN_ERR_INVALID, "%s: %lld of x %s", w.who, (long long)out_channels, tn_graph__shape(x).text), false);
    if (!w.ok || tn_size(x, 1) <= out_channels) return tn_graph__end(&w);
    tn_tensor *own = tn_graph__host(x, TN_F32), *basis = tn_graph__make(TN_F64, out_channels, tn_size(x, 1));
    const tn_graph__gram gram = {tn_graph__f32(own), tn_size(x, 0), tn_size(x, 1)};
    double *values = tn_graph__doubles(out_channels), bound = 0;
    w.ok = own && basis && values;
    for (int64_t i = 0; w.ok && i < gram.n * gram.width; i++) bound += (double)gram.x[i] * (double)gram.x[i];
    const tn_graph__matrix a = {gram.width, bound > 0 ? bound : 1, tn_graph__gram_apply, &gram};
    w.ok = w.ok && tn_graph__eigen_least(w.who, &a, out_channels, values, tn_graph__f64(basis));
    tn_tensor *to = w.ok ? tn_t(tn_to_dtype(basis, tn_get_dtype(x))) : NULL;
    tn_graph__put(&w, "x", to ? tn_mm(x, to) : NULL);
    return tn_graph__end(&w);
}

/* -- dropped at random -- */

static bool tn_graph__p_ok(const char *who, double p) {
    if (p >= 0 && p <= 1) return true;
    return tn_error_set(TN_ERR_INVALID, "%s: p is %g, not in 0 to 1", who, p), false;
}
static const float *tn_graph__uniform(const int64_t *shape, int ndim, tn_generator *generator) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F32;
    o.generator = generator;
    return tn_graph__f32(tn_rand(shape, ndim, &o));
}
TN_API tn_gnn_kept_edges tn_gnn_dropout_edge(tn_tensor *edge_index, double p, bool training, const tn_gnn_dropout_edge_opts *opts) {
    const char *who = "tn_gnn_dropout_edge";
    tn_gnn_kept_edges r = {NULL, NULL};
    tn_graph__edges e;
    tn_graph__list at = {NULL, 0, 0, false};
    const bool some = training && p > 0, both = some && opts && opts->force_undirected;
    const int rows = 0;
    tn_graph__frame f = tn_graph__enter();
    bool ok = tn_graph__p_ok(who, p) && tn_graph__edges_read(who, edge_index, -1, &e);
    const float *u = ok && some ? tn_graph__uniform(&e.e, 1, opts ? opts->generator : NULL) : NULL;
    ok = ok && (u || !some);
    for (int64_t i = 0; ok && i < e.e; i++)
        if (!some || (u[i] >= (float)p && !(both && e.row[i] > e.col[i]))) ok = tn_graph__push(&at, i);
    tn_tensor *id = ok ? tn_to(tn_graph__index(at.at, at.n), e.device) : NULL, *kept = id ? tn_index_select(edge_index, 1, id) : NULL;
    free(at.at);
    if (kept && both) {
        tn_tensor *const ends[2] = {kept, tn_flip(kept, &rows, 1)}, *const ids[2] = {id, id};
        kept = ends[1] ? tn_cat(ends, 2, 1) : NULL;
        id = tn_cat(ids, 2, 0);
    }
    if (kept && id) {
        r.edge_index = some ? kept : edge_index;
        r.edge_id = id;
    }
    tn_keep(r.edge_index);
    (void)tn_graph__leave(&f, r.edge_id);
    return r;
}
TN_API tn_gnn_kept_nodes tn_gnn_dropout_node(tn_tensor *edge_index, double p, int64_t num_nodes, bool training, const tn_gnn_dropout_node_opts *opts) {
    const char *who = "tn_gnn_dropout_node";
    tn_gnn_kept_nodes r = {NULL, NULL, NULL};
    tn_graph__edges e;
    const bool some = training && p > 0;
    tn_graph__frame f = tn_graph__enter();
    bool ok = tn_graph__p_ok(who, p) && tn_graph__edges_read(who, edge_index, num_nodes, &e);
    const float *u = ok && some ? tn_graph__uniform(&e.n, 1, opts ? opts->generator : NULL) : NULL;
    tn_tensor *mask = ok && (u || !some) ? tn_graph__make(TN_BOOL, e.n, -1) : NULL;
    for (int64_t i = 0; mask && i < e.n; i++) ((bool *)tn_data(mask))[i] = !some || u[i] > (float)p;
    mask = mask ? tn_to(mask, e.device) : NULL;
    const tn_gnn_edge_list kept = mask ? tn_gnn_subgraph(mask, edge_index, NULL, e.n, some && opts && opts->relabel_nodes) : tn_graph__none();
    if (kept.edge_index) {
        r.edge_index = some ? kept.edge_index : edge_index;
        r.edge_mask = kept.mask;
        r.node_mask = mask;
    }
    tn_keep(r.edge_index);
    tn_keep(r.edge_mask);
    (void)tn_graph__leave(&f, r.node_mask);
    return r;
}
TN_API tn_gnn_masked tn_gnn_mask_feature(tn_tensor *x, double p, bool training, const tn_gnn_mask_feature_opts *opts) {
    const char *who = "tn_gnn_mask_feature";
    tn_gnn_masked r = {NULL, NULL};
    tn_gnn_mask_feature_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    if (!x && !tn_graph__absent(who, "x")) return r;
    if (tn_ndim(x) != 2) return tn_error_set(TN_ERR_SHAPE, "%s: x is %s, not [nodes, features]", who, tn_graph__shape(x).text), r;
    if (!tn_graph__p_ok(who, p)) return r;
    const bool some = training && p > 0;
    const int64_t n = tn_size(x, 0), m = tn_size(x, 1), all = n * m;
    const int64_t drawn = !some || o.mode == TN_GRAPH_MASK_ALL ? all : o.mode == TN_GRAPH_MASK_ROW ? n : m;
    const int64_t shape[2] = {some && o.mode == TN_GRAPH_MASK_COL ? 1 : n, some && o.mode == TN_GRAPH_MASK_ROW ? 1 : m};
    tn_graph__frame f = tn_graph__enter();
    const float *u = some ? tn_graph__uniform(&drawn, 1, o.generator) : NULL;
    tn_tensor *mask = u || !some ? tn_graph__make(TN_BOOL, drawn, -1) : NULL;
    for (int64_t i = 0; mask && i < drawn; i++) ((bool *)tn_data(mask))[i] = !some || u[i] >= (float)p;
    mask = mask ? tn_to(tn_reshape(mask, shape, 2), tn_get_device(x)) : NULL;
    tn_tensor *out = !mask || !some ? x : tn_masked_fill(x, tn_logical_not(mask), tn_arg_f(o.fill_value));
    if (mask && out) {
        r.x = out;
        r.mask = mask;
    }
    tn_keep(r.x);
    (void)tn_graph__leave(&f, r.mask);
    return r;
}
TN_API tn_gnn_shuffled tn_gnn_shuffle_node(tn_tensor *x, tn_tensor *batch, bool training, tn_generator *generator) {
    const char *who = "tn_gnn_shuffle_node";
    tn_gnn_shuffled r = {NULL, NULL};
    if (!x && !tn_graph__absent(who, "x")) return r;
    if (tn_ndim(x) < 1) return tn_error_set(TN_ERR_SHAPE, "%s: x is %s", who, tn_graph__shape(x).text), r;
    tn_graph__frame f = tn_graph__enter();
    tn_graph__points p;
    memset(&p, 0, sizeof p);
    p.n = tn_size(x, 0);
    int64_t *at = tn_graph__counts(p.n);
    bool ok = at && tn_graph__points_batch(who, batch, &p);
    for (int64_t g = 0; ok && g < p.graphs; g++) {
        const int64_t lo = p.ptr[g], n = p.ptr[g + 1] - lo, *perm = training ? tn_graph__i64(tn_graph__perm(n, generator)) : NULL;
        ok = perm || !training;
        for (int64_t i = 0; ok && i < n; i++) at[lo + i] = lo + (training ? perm[i] : i);
    }
    tn_tensor *perm = ok ? tn_to(tn_graph__index(at, p.n), tn_get_device(x)) : NULL, *out = !perm || !training ? x : tn_index_select(x, 0, perm);
    if (perm && out) {
        r.x = out;
        r.perm = perm;
    }
    tn_keep(r.x);
    (void)tn_graph__leave(&f, r.perm);
    return r;
}
TN_API tn_gnn_added_edges tn_gnn_add_random_edge(tn_tensor *edge_index, double p, int64_t num_nodes, bool training,
                                                 const tn_gnn_dropout_edge_opts *opts) {
    const char *who = "tn_gnn_add_random_edge";
    tn_gnn_added_edges r = {NULL, NULL};
    tn_graph__edges e;
    tn_graph__list row = {NULL, 0, 0, false}, col = {NULL, 0, 0, false};
    const bool both = opts && opts->force_undirected;
    const int rows = 0;
    tn_graph__frame f = tn_graph__enter();
    bool ok = tn_graph__p_ok(who, p) && tn_graph__edges_read(who, edge_index, num_nodes, &e);
    const int64_t wanted = ok && training ? (int64_t)rint(p * (double)e.e) : 0;
    ok = ok && (wanted == 0 || tn_graph__negatives(who, &e, both ? wanted / 2 : wanted, !both, opts ? opts->generator : NULL, &row, &col));
    tn_tensor *added = ok ? tn_to(tn_graph__pairs(row.at, col.at, row.n), e.device) : NULL;
    free(row.at);
    free(col.at);
    if (added && both) {
        tn_tensor *const ends[2] = {added, tn_flip(added, &rows, 1)};
        added = ends[1] ? tn_cat(ends, 2, 1) : NULL;
    }
    tn_tensor *const joined[2] = {edge_index, added}, *all = added ? tn_cat(joined, 2, 1) : NULL;
    if (all) {
        r.edge_index = all;
        r.added = added;
    }
    tn_keep(r.edge_index);
    (void)tn_graph__leave(&f, r.added);
    return r;
}

/* name's kind: what stands before its last dot, with "__" for the other dots; malloc's, or NULL. */
static char *tn_graph__kind_name(const char *name, const char *dot) {
    char *key = (char *)tn_graph__alloc("tn_graph_collect", 2 * (int64_t)(dot - name), 1), *to = key;
    for (const char *p = name; key && p < dot; p++) {
        if (*p == '.') *to++ = '_';
        *to++ = (char)(*p == '.' ? '_' : *p);
    }
    return key;
}
TN_API tn_dict *tn_graph_collect(const tn_graph *g, const char *name) {
    if (!g || !name) return tn_graph__absent("tn_graph_collect", g ? "name" : "graph"), (tn_dict *)NULL;
    tn_dict *d = tn_dict_new();
    for (int i = 0; d && i < tn_dict_len(g); i++) {
        const char *at = tn_dict_name(g, i), *dot = strrchr(at, '.');
        if (!dot || strcmp(dot + 1, name) != 0) continue;
        char *key = tn_graph__kind_name(at, dot);
        if (!key || tn_dict_set(d, key, tn_dict_at(g, i)) != TN_OK) d = NULL;
        free(key);
    }
    return d;
}

/* ============================================================================================================== */
/* >>sample (Private)                                                                                             */
/* ============================================================================================================== */
/* -- draws: one number of the generator's seeds a counter, which is mixed (SplitMix64) -- */
static uint64_t tn_graph__bits(uint64_t *counter) {
    uint64_t z = (*counter += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static double tn_graph__unit(uint64_t *counter) { return (double)(tn_graph__bits(counter) >> 11) * 1.1102230246251565e-16; }
static int64_t tn_graph__below(uint64_t *counter, int64_t n) { return n < INT32_MAX ? (int64_t)(tn_graph__unit(counter) * (double)n) : (int64_t)(tn_graph__bits(counter) % (uint64_t)n); }
static bool tn_graph__seed(tn_generator *g, uint64_t *counter) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64, o.generator = g;
    tn_scope s = tn_scope_open();
    const tn_tensor *t = tn_randint(0, INT64_MAX, NULL, 0, &o);
    if (t) *counter = (uint64_t)tn_item_i64(t);
    tn_scope_close(&s);
    return t != NULL;
}

/* -- a set of numbers >= 0 -- */
typedef struct { int64_t *at, slots; } tn_graph__set;
static bool tn_graph__set_new(const char *who, tn_graph__set *s, int64_t most) {
    for (s->slots = 64; s->slots < 2 * most; s->slots *= 2) {}
    s->at = (int64_t *)tn_graph__alloc(who, s->slots, sizeof *s->at); /* v stands as v + 1 */
    return s->at != NULL;
}
static int64_t tn_graph__set_place(const tn_graph__set *s, int64_t v) {
    int64_t i = (int64_t)(((uint64_t)v * 0x9E3779B97F4A7C15u) >> 20) & (s->slots - 1);
    while (s->at[i] && s->at[i] != v + 1) i = (i + 1) & (s->slots - 1);
    return i;
}
static bool tn_graph__set_has(const tn_graph__set *s, int64_t v) { return s->at[tn_graph__set_place(s, v)] != 0; }
static bool tn_graph__set_put(tn_graph__set *s, int64_t v) { /* whether it is new */
    const int64_t i = tn_graph__set_place(s, v);
    if (s->at[i]) return false;
    s->at[i] = v + 1;
    return true;
}

/* -- negative edges: pairs as numbers row * columns + column -- */
typedef struct { int64_t rows, cols, population, want; bool bipartite, undirected; } tn_graph__population;
static int64_t tn_graph__pair(const tn_graph__population *p, int64_t r, int64_t c) { /* -1: not one of the population */
    if (!p->bipartite && r == c) return -1;
    return p->undirected && r > c ? c * p->cols + r : r * p->cols + c;
}
/* want numbers that are not in taken, to to. free: how many there are. */
static bool tn_graph__sample_negatives(const char *who, const tn_graph__population *p, tn_graph__set *taken, int64_t left, uint64_t *counter, int64_t *to) {
    if ((left - p->want) * 8 >= p->population) { /* the most pairs are free: drawn until they are */
        for (int64_t i = 0; i < p->want;) {
            const int64_t v = tn_graph__pair(p, tn_graph__below(counter, p->rows), tn_graph__below(counter, p->cols));
            if (v >= 0 && tn_graph__set_put(taken, v)) to[i++] = v;
        }
        return true;
    }
    int64_t *all = (int64_t *)tn_graph__alloc(who, left, sizeof *all), n = 0;
    if (!all) return false;
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = p->undirected ? r + 1 : 0; c < p->cols; c++)
            if (tn_graph__pair(p, r, c) >= 0 && !tn_graph__set_has(taken, r * p->cols + c)) all[n++] = r * p->cols + c;
    for (int64_t i = 0; i < p->want; i++) { /* the beginning of a shuffle */
        const int64_t k = i + tn_graph__below(counter, n - i);
        to[i] = all[k];
        all[k] = all[i];
    }
    free(all);
    return true;
}
/* The negative edges of e edges at row and col, moved by low and back: pairs to `to`, which has room for want (see p). How many; -1 on failure. */
static int64_t tn_graph__negative(const char *who, const int64_t *row, const int64_t *col, int64_t e, int64_t low, tn_graph__population *p, uint64_t *counter, int64_t **to) {
    tn_graph__set taken;
    int64_t n = 0;
    if (p->rows > 3000000000 || p->cols > 3000000000) return tn_error_set(TN_ERR_UNSUPPORTED, "%s: %lld x %lld pairs of nodes", who, (long long)p->rows, (long long)p->cols), -1;
    p->population = p->bipartite ? p->rows * p->cols : p->undirected ? p->rows * (p->rows - 1) / 2 : p->rows * (p->rows - 1);
    if (!tn_graph__set_new(who, &taken, e + (p->want < p->population ? p->want : p->population))) return -1;
    for (int64_t i = 0; i < e; i++) {
        const int64_t v = tn_graph__pair(p, row[i] - low, col[i] - low);
        n += v >= 0 && tn_graph__set_put(&taken, v);
    }
    if (p->want > p->population - n) p->want = p->population - n;
    *to = (int64_t *)tn_graph__alloc(who, p->want, sizeof **to);
    if (*to && !tn_graph__sample_negatives(who, p, &taken, p->population - n, counter, *to)) free(*to), *to = NULL;
    free(taken.at);
    return *to ? p->want : -1;
}
/* Numbers as edges [2, …], raised by low, into to's rows of room. */
static int64_t tn_graph__unpair(const tn_graph__population *p, const int64_t *v, int64_t n, int64_t low, int64_t *row, int64_t *col) {
    for (int64_t i = 0; i < n; i++) row[i] = v[i] / p->cols + low, col[i] = v[i] % p->cols + low;
    for (int64_t i = 0; p->undirected && i < n; i++) row[n + i] = col[i], col[n + i] = row[i];
    return p->undirected ? 2 * n : n;
}
static int64_t tn_graph__negatives_wanted(const tn_gnn_negative_opts *o, int64_t e, bool undirected) {
    const int64_t n = o->ratio > 0 ? (int64_t)(o->ratio * (double)e) : o->num_neg_samples ? o->num_neg_samples : e;
    return undirected ? n / 2 : n;
}
static bool tn_graph__negative_opts(const char *who, const tn_gnn_negative_opts *opts, tn_gnn_negative_opts *o) {
    memset(o, 0, sizeof *o);
    if (opts) *o = *opts;
    if (o->num_dst_nodes >= 0 && o->num_neg_samples >= 0 && o->ratio >= 0) return true;
    return tn_error_set(TN_ERR_INVALID, "%s: a number below 0", who), false;
}
/* The edges with the sources and targets among nodes of their own kinds. */
static bool tn_graph__ends_read(const char *who, tn_tensor *edge_index, int64_t sources, int64_t targets, tn_graph__edges *g) {
    if (!tn_graph__edges_read(who, edge_index, sources < 0 || targets < 0 ? -1 : sources > targets ? sources : targets, g)) return false;
    for (int64_t i = 0; sources >= 0 && i < g->e; i++)
        if (g->row[i] >= sources || g->col[i] >= targets)
            return tn_error_set(TN_ERR_INDEX, "%s: edge_index has (%lld, %lld), of %lld and %lld nodes", who, (long long)g->row[i], (long long)g->col[i], (long long)sources, (long long)targets), false;
    return true;
}
TN_API tn_tensor *tn_gnn_negative_sampling(tn_tensor *edge_index, int64_t num_nodes, const tn_gnn_negative_opts *opts) {
    const char *who = "tn_gnn_negative_sampling";
    tn_gnn_negative_opts o;
    tn_graph__edges g;
    uint64_t counter;
    tn_tensor *r = NULL;
    if (!tn_graph__negative_opts(who, opts, &o)) return NULL;
    tn_scope s = tn_scope_open();
    const bool two = o.num_dst_nodes > 0;
    if (two && num_nodes < 0) tn_error_set(TN_ERR_INVALID, "%s: num_nodes, of the sources, is wanted too", who);
    else if (tn_graph__ends_read(who, edge_index, num_nodes, two ? o.num_dst_nodes : num_nodes, &g) && tn_graph__seed(o.generator, &counter)) {
        const bool undirected = o.force_undirected && !two;
        tn_graph__population p = {two ? num_nodes : g.n, two ? o.num_dst_nodes : g.n, 0, tn_graph__negatives_wanted(&o, g.e, undirected), two, undirected};
        int64_t *v = NULL, n = tn_graph__negative(who, g.row, g.col, g.e, 0, &p, &counter, &v), *to = n < 0 ? NULL : (int64_t *)tn_graph__alloc(who, 4 * n, sizeof *to);
        if (to) {
            const int64_t m = tn_graph__unpair(&p, v, n, 0, to, to + (undirected ? 2 * n : n));
            r = tn_graph__indices(to, 2, m, g.device);
        }
        free(v), free(to);
    }
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
/* The negative edges of each graph, its edges in order of graphs (start), nodes from first[i] on. */
static tn_tensor *tn_graph__negatives_of(const char *who, const tn_graph__edges *g, const int64_t *order, const int64_t *start, const int64_t *first, int64_t graphs,
                                         const tn_gnn_negative_opts *o, uint64_t *counter) {
    int64_t *row = (int64_t *)tn_graph__alloc(who, g->e, sizeof *row), *col = (int64_t *)tn_graph__alloc(who, g->e, sizeof *col);
    tn_tensor **part = (tn_tensor **)tn_graph__alloc(who, graphs, sizeof *part), *r = NULL;
    bool ok = row && col && part;
    for (int64_t i = 0; ok && i < g->e; i++) row[i] = g->row[order[i]], col[i] = g->col[order[i]];
    for (int64_t i = 0; ok && i < graphs; i++) {
        const int64_t e = start[i + 1] - start[i], nodes = first[i + 1] - first[i];
        tn_graph__population p = {nodes, nodes, 0, tn_graph__negatives_wanted(o, e, o->force_undirected), false, o->force_undirected};
        int64_t *v = NULL, *to = NULL, n = tn_graph__negative(who, row + start[i], col + start[i], e, first[i], &p, counter, &v);
        if ((ok = n >= 0 && (to = (int64_t *)tn_graph__alloc(who, 4 * n, sizeof *to)) != NULL)) {
            n = tn_graph__unpair(&p, v, n, first[i], to, to + (p.undirected ? 2 * n : n));
            ok = (part[i] = tn_graph__indices(to, 2, n, g->device)) != NULL;
        }
        free(v), free(to);
    }
    if (ok) r = graphs ? tn_cat(part, (int)graphs, 1) : tn_graph__indices(row, 2, 0, g->device);
    free(row), free(col), free(part);
    return r;
}
TN_API tn_tensor *tn_gnn_batched_negative_sampling(tn_tensor *edge_index, tn_tensor *batch, const tn_gnn_negative_opts *opts) {
    const char *who = "tn_gnn_batched_negative_sampling";
    tn_gnn_negative_opts o;
    tn_graph__edges g;
    uint64_t counter;
    tn_tensor *r = NULL;
    if (!tn_graph__negative_opts(who, opts, &o)) return NULL;
    tn_scope s = tn_scope_open();
    const int64_t *b = tn_graph__longs(who, "batch", batch, 1), n = b ? tn_numel(batch) : 0;
    if (b && tn_graph__edges_read(who, edge_index, n, &g) && tn_graph__seed(o.generator, &counter)) {
        int64_t graphs = 0;
        int64_t *first = tn_graph__starts(who, batch, n, -1, &graphs);
        int64_t *key = (int64_t *)tn_graph__alloc(who, g.e, sizeof *key), *order = (int64_t *)tn_graph__alloc(who, g.e, sizeof *order), *start = (int64_t *)tn_graph__alloc(who, graphs + 1, sizeof *start);
        bool ok = first && key && order && start;
        for (int64_t i = 0; ok && i < g.e; i++) {
            key[i] = b[g.row[i]];
            if (b[g.col[i]] != key[i]) ok = (tn_error_set(TN_ERR_INVALID, "%s: edge %lld joins graphs %lld and %lld", who, (long long)i, (long long)key[i], (long long)b[g.col[i]]), false);
        }
        if (ok) {
            tn_graph__sort_pass(key, NULL, g.e, graphs, start, order);
            memmove(start + 1, start, (size_t)graphs * sizeof *start);
            start[0] = 0;
            r = tn_graph__negatives_of(who, &g, order, start, first, graphs, &o, &counter);
        }
        free(first), free(key), free(order), free(start);
    }
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
/* A node that has an edge to every node that it could have one to; -1: there is none. -2 on failure. */
static int64_t tn_graph__full_node(const char *who, const tn_graph__edges *g, bool no_loops, tn_graph__set *edges) {
    int64_t *degree = (int64_t *)tn_graph__alloc(who, g->n, sizeof *degree), full = -1;
    if (!degree || !tn_graph__set_new(who, edges, g->e)) return free(degree), -2;
    for (int64_t i = 0; i < g->e; i++)
        if (!(no_loops && g->row[i] == g->col[i])) degree[g->row[i]] += tn_graph__set_put(edges, g->row[i] * g->n + g->col[i]);
    for (int64_t i = 0; full < 0 && i < g->n; i++)
        if (degree[i] >= g->n - no_loops) full = i;
    free(degree);
    return full;
}
TN_API bool tn_gnn_structured_negative_sampling_feasible(tn_tensor *edge_index, int64_t num_nodes, bool no_neg_self_loops) {
    const char *who = "tn_gnn_structured_negative_sampling_feasible";
    tn_graph__edges g;
    tn_graph__set edges = {NULL, 0};
    tn_scope s = tn_scope_open();
    const bool r = tn_graph__edges_read(who, edge_index, num_nodes, &g) && tn_graph__full_node(who, &g, no_neg_self_loops, &edges) == -1;
    free(edges.at);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensor *tn_gnn_structured_negative_sampling(tn_tensor *edge_index, int64_t num_nodes, bool no_neg_self_loops, tn_generator *generator) {
    const char *who = "tn_gnn_structured_negative_sampling";
    tn_graph__edges g;
    tn_graph__set edges = {NULL, 0};
    uint64_t counter;
    tn_tensor *r = NULL;
    tn_scope s = tn_scope_open();
    if (tn_graph__edges_read(who, edge_index, num_nodes, &g) && tn_graph__seed(generator, &counter)) {
        const int64_t full = tn_graph__full_node(who, &g, no_neg_self_loops, &edges);
        int64_t *to = full == -1 ? (int64_t *)tn_graph__alloc(who, g.e, sizeof *to) : NULL;
        if (full >= 0) tn_error_set(TN_ERR_INVALID, "%s: node %lld has an edge to every node", who, (long long)full);
        for (int64_t i = 0; to && i < g.e; i++)
            do to[i] = tn_graph__below(&counter, g.n);
            while (tn_graph__set_has(&edges, g.row[i] * g.n + to[i]) || (no_neg_self_loops && to[i] == g.row[i]));
        if (to) r = tn_graph__indices(to, 0, g.e, g.device);
        free(to);
    }
    free(edges.at);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

/* -- rows: the edges of each node, where they lead to, in order -- */
typedef struct { int64_t n, e, *ptr, *to, *edge; } tn_graph__sample_rows;
static void tn_graph__rows_free(tn_graph__sample_rows *r) {
    free(r->ptr), free(r->to), free(r->edge);
    memset(r, 0, sizeof *r);
}
static bool tn_graph__rows_new(const char *who, const int64_t *from, const int64_t *to, int64_t e, int64_t n, int64_t n_to, tn_graph__sample_rows *r) {
    r->n = n, r->e = e;
    r->edge = tn_graph__order(who, from, to, e, n > n_to ? n : n_to);
    r->to = (int64_t *)tn_graph__alloc(who, e, sizeof *r->to), r->ptr = (int64_t *)tn_graph__alloc(who, n + 1, sizeof *r->ptr);
    if (!r->edge || !r->to || !r->ptr) return tn_graph__rows_free(r), false;
    for (int64_t i = 0; i < e; i++) r->ptr[from[i] + 1]++, r->to[i] = to[r->edge[i]];
    for (int64_t i = 0; i < n; i++) r->ptr[i + 1] += r->ptr[i];
    return true;
}
static bool tn_graph__rows_have(const tn_graph__sample_rows *r, int64_t from, int64_t to) {
    int64_t low = r->ptr[from], high = r->ptr[from + 1];
    while (low < high) {
        const int64_t mid = low + (high - low) / 2;
        if (r->to[mid] < to) low = mid + 1;
        else high = mid;
    }
    return low < r->ptr[from + 1] && r->to[low] == to;
}
/* The node after `at` on a walk that came from before (-1: it begins). */
static int64_t tn_graph__step(const tn_graph__sample_rows *r, int64_t before, int64_t at, double p, double q, uint64_t *counter) {
    const int64_t n = r->ptr[at + 1] - r->ptr[at], *to = r->to + r->ptr[at];
    const double back = 1 / p, far = 1 / q, most = fmax(fmax(back, far), 1);
    if (n == 0) return at;
    if (before < 0 || (p == 1 && q == 1)) return to[tn_graph__below(counter, n)];
    for (;;) {
        const int64_t v = to[tn_graph__below(counter, n)];
        const double u = tn_graph__unit(counter) * most;
        if (u < fmin(fmin(back, far), 1) || u < (v == before ? back : tn_graph__rows_have(r, v, before) ? 1 : far)) return v;
    }
}
static void tn_graph__walk(const tn_graph__sample_rows *r, int64_t start, int64_t length, double p, double q, uint64_t *counter, int64_t *to) {
    to[0] = start;
    for (int64_t i = 0; i < length; i++) to[i + 1] = tn_graph__step(r, i ? to[i - 1] : -1, to[i], p, q, counter);
}
TN_API tn_tensor *tn_gnn_random_walk(tn_tensor *edge_index, tn_tensor *start, int64_t walk_length, int64_t num_nodes, const tn_gnn_walk_opts *opts) {
    const char *who = "tn_gnn_random_walk";
    const double p = opts && opts->p != 0 ? opts->p : 1, q = opts && opts->q != 0 ? opts->q : 1;
    tn_graph__edges g;
    tn_graph__sample_rows rows;
    uint64_t counter;
    int64_t *to = NULL;
    tn_tensor *r = NULL;
    if (walk_length < 0 || !(p > 0) || !(q > 0)) return tn_error_set(TN_ERR_INVALID, "%s: walks of %lld, p %g, q %g", who, (long long)walk_length, p, q), (tn_tensor *)NULL;
    memset(&rows, 0, sizeof rows);
    tn_scope s = tn_scope_open();
    const int64_t *at = tn_graph__longs(who, "start", start, 1), n = at ? tn_numel(start) : 0, width = walk_length + 1;
    bool ok = at && tn_graph__edges_read(who, edge_index, num_nodes, &g) && tn_graph__seed(opts ? opts->generator : NULL, &counter);
    for (int64_t i = 0; ok && i < n; i++)
        if (at[i] < 0 || at[i] >= g.n) ok = (tn_error_set(TN_ERR_INDEX, "%s: start %lld is %lld, of %lld nodes", who, (long long)i, (long long)at[i], (long long)g.n), false);
    if (ok && (n == 0 || width <= INT64_MAX / 16 / n) && (to = (int64_t *)tn_graph__alloc(who, n * width, sizeof *to)) && tn_graph__rows_new(who, g.row, g.col, g.e, g.n, g.n, &rows)) {
        for (int64_t i = 0; i < n; i++) tn_graph__walk(&rows, at[i], walk_length, p, q, &counter, to + i * width);
        const int64_t shape[2] = {n, width};
        r = tn_reshape(tn_graph__indices(to, 0, n * width, g.device), shape, 2);
    }
    tn_graph__rows_free(&rows);
    free(to);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}

/* -- partition: nodes are merged along their heaviest edges until few are left, those are cut into parts that grow from a node, and while
   the merges are undone, nodes at the boundaries change sides where fewer edges are cut -- */
typedef struct tn_graph__level {
    int64_t n, total, *ptr, *to, *weight, *size; /* an undirected graph; edge weights; sizes of nodes, which sum to total */
    int64_t *into;                               /* the node of the next level that a node is part of */
} tn_graph__level;
static void tn_graph__level_free(tn_graph__level *l) {
    free(l->ptr), free(l->to), free(l->weight), free(l->size), free(l->into);
    memset(l, 0, sizeof *l);
}
static bool tn_graph__level_room(const char *who, tn_graph__level *l, int64_t n, int64_t e) {
    l->n = n;
    l->ptr = (int64_t *)tn_graph__alloc(who, n + 1, sizeof *l->ptr), l->size = (int64_t *)tn_graph__alloc(who, n, sizeof *l->size), l->into = (int64_t *)tn_graph__alloc(who, n, sizeof *l->into);
    l->to = (int64_t *)tn_graph__alloc(who, e, sizeof *l->to), l->weight = (int64_t *)tn_graph__alloc(who, e, sizeof *l->weight);
    return l->ptr && l->size && l->into && l->to && l->weight;
}
/* The graph without directions and loops; an edge's weight is how often it is there. */
static bool tn_graph__level_first(const char *who, const tn_graph__edges *g, tn_graph__level *l) {
    int64_t *both = (int64_t *)tn_graph__alloc(who, 4 * g->e, sizeof *both), m = 0;
    tn_graph__sample_rows rows;
    memset(&rows, 0, sizeof rows);
    for (int64_t i = 0; both && i < g->e; i++) {
        if (g->row[i] == g->col[i]) continue;
        both[m] = g->row[i], both[2 * g->e + m++] = g->col[i];
        both[m] = g->col[i], both[2 * g->e + m++] = g->row[i];
    }
    const bool ok = both && tn_graph__rows_new(who, both, both + 2 * g->e, m, g->n, g->n, &rows) && tn_graph__level_room(who, l, g->n, m);
    m = 0;
    for (int64_t v = 0; ok && v < g->n; v++) {
        l->size[v] = 1;
        for (int64_t i = rows.ptr[v]; i < rows.ptr[v + 1]; i++) {
            if (m == l->ptr[v] || l->to[m - 1] != rows.to[i]) l->to[m++] = rows.to[i];
            l->weight[m - 1]++;
        }
        l->ptr[v + 1] = m;
    }
    l->total = g->n;
    tn_graph__rows_free(&rows);
    free(both);
    return ok;
}
/* Pairs each node with the free neighbour along its heaviest edge; says how many nodes that leaves. -1 on failure. */
static int64_t tn_graph__match(const char *who, tn_graph__level *l, int64_t most, uint64_t *counter) {
    int64_t *order = (int64_t *)tn_graph__alloc(who, l->n, sizeof *order), n = 0;
    if (!order) return -1;
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t k = tn_graph__below(counter, i + 1);
        order[i] = order[k], order[k] = i;
        l->into[i] = -1;
    }
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t v = order[i];
        int64_t best = -1, heaviest = 0;
        if (l->into[v] >= 0) continue;
        for (int64_t k = l->ptr[v]; k < l->ptr[v + 1]; k++)
            if (l->into[l->to[k]] < 0 && l->weight[k] > heaviest && l->size[v] + l->size[l->to[k]] <= most) best = l->to[k], heaviest = l->weight[k];
        l->into[v] = n;
        if (best >= 0) l->into[best] = n;
        n++;
    }
    free(order);
    return n;
}
/* The next level, of n nodes. */
static bool tn_graph__level_next(const char *who, const tn_graph__level *l, int64_t n, tn_graph__level *next) {
    int64_t *member = (int64_t *)tn_graph__alloc(who, 2 * n, sizeof *member), *place = (int64_t *)tn_graph__alloc(who, n, sizeof *place), m = 0;
    const bool ok = member && place && tn_graph__level_room(who, next, n, l->ptr[l->n]);
    for (int64_t v = l->n - 1; ok && v >= 0; v--) { /* v + 1; 0: no second */
        member[2 * l->into[v] + 1] = member[2 * l->into[v]];
        member[2 * l->into[v]] = v + 1;
    }
    for (int64_t c = 0; ok && c < n; c++) {
        for (int64_t j = 0; j < 2; j++) {
            const int64_t v = member[2 * c + j] - 1;
            if (v < 0) continue;
            next->size[c] += l->size[v];
            for (int64_t k = l->ptr[v]; k < l->ptr[v + 1]; k++) {
                const int64_t to = l->into[l->to[k]];
                if (to == c) continue;
                if (place[to] <= next->ptr[c]) next->to[m++] = to, place[to] = m; /* place: of the edge, + 1 */
                next->weight[place[to] - 1] += l->weight[k];
            }
        }
        next->ptr[c + 1] = m;
    }
    next->total = l->total;
    free(member), free(place);
    return ok;
}
/* Parts that grow from a node each, one after the other, along edges. */
static bool tn_graph__grow_parts(const char *who, const tn_graph__level *l, int64_t parts, int64_t *part) {
    int64_t *queue = (int64_t *)tn_graph__alloc(who, l->n, sizeof *queue), next = 0, left = l->total;
    if (!queue) return false;
    for (int64_t v = 0; v < l->n; v++) part[v] = -1;
    for (int64_t p = 0; p < parts; p++) {
        const int64_t want = (left + parts - p - 1) / (parts - p);
        int64_t size = 0, head = 0, tail = 0;
        while (size < want) {
            if (head == tail) {
                while (next < l->n && part[next] >= 0) next++;
                if (next == l->n) break;
                queue[head = 0] = next, tail = 1;
                part[next] = p, size += l->size[next];
                continue;
            }
            const int64_t v = queue[head++];
            for (int64_t k = l->ptr[v]; size < want && k < l->ptr[v + 1]; k++) {
                const int64_t u = l->to[k];
                if (part[u] >= 0) continue;
                part[u] = p, size += l->size[u], queue[tail++] = u;
            }
        }
        left -= size;
    }
    for (int64_t v = 0; v < l->n; v++)
        if (part[v] < 0) part[v] = parts - 1;
    free(queue);
    return true;
}
typedef struct { int64_t parts, most, *size, *joined, *near; } tn_graph__sides; /* sizes of parts; a node's edges to each; the parts that it has some to */
/* The part that v would be better in, its own if none is. */
static int64_t tn_graph__better(const tn_graph__level *l, const tn_graph__sides *s, const int64_t *part, int64_t v) {
    const int64_t own = part[v];
    int64_t near = 0, best = own;
    for (int64_t k = l->ptr[v]; k < l->ptr[v + 1]; k++) {
        const int64_t p = part[l->to[k]];
        if (s->joined[p] == 0 && p != own) s->near[near++] = p;
        s->joined[p] += l->weight[k];
    }
    const bool heavy = s->size[own] > s->most;
    for (int64_t i = 0; i < near; i++) {
        const int64_t p = s->near[i], size = s->size[p] + l->size[v];
        if (size > s->most) continue;
        const bool first = best == own, more = s->joined[p] > s->joined[best], even = s->joined[p] == s->joined[best];
        if (more || (first && heavy) || (even && (first ? size < s->size[own] : s->size[p] < s->size[best]))) best = p;
    }
    if (heavy && best == own) { /* wherever there is most room */
        for (int64_t p = 0; p < s->parts; p++)
            if (s->size[p] < s->size[best]) best = p;
        if (s->size[best] + l->size[v] > s->most) best = own;
    }
    for (int64_t i = 0; i < near; i++) s->joined[s->near[i]] = 0;
    s->joined[own] = 0;
    return best;
}
static void tn_graph__refine(const tn_graph__level *l, tn_graph__sides *s, int64_t *part) {
    int64_t largest = 1;
    memset(s->size, 0, (size_t)s->parts * sizeof *s->size);
    for (int64_t v = 0; v < l->n; v++) {
        s->size[part[v]] += l->size[v];
        if (l->size[v] > largest) largest = l->size[v];
    }
    s->most = (l->total + s->parts - 1) / s->parts; /* 3 % more than even, or the largest node */
    s->most += s->most * 3 / 100 > largest - 1 ? s->most * 3 / 100 : largest - 1;
    for (int pass = 0, moved = 1; pass < 12 && moved; pass++) {
        moved = 0;
        for (int64_t v = 0; v < l->n; v++) {
            const int64_t to = tn_graph__better(l, s, part, v);
            if (to == part[v]) continue;
            s->size[part[v]] -= l->size[v], s->size[to] += l->size[v];
            part[v] = to;
            moved = 1;
        }
    }
}
enum { TN_GRAPH__LEVELS = 64 };
static bool tn_graph__parts_of(const char *who, tn_graph__level *level, int64_t parts, int64_t *part) {
    const int64_t few = parts * 15 > 120 ? parts * 15 : 120;
    uint64_t counter = 1;
    int last = 0;
    bool ok = true;
    for (; ok && level[last].n > few && last < TN_GRAPH__LEVELS - 1; last++) {
        const int64_t most = level[last].total * 3 / 2 / few + 1, n = tn_graph__match(who, &level[last], most, &counter);
        if (n * 20 > level[last].n * 19) break; /* stars match no more */
        ok = n >= 0 && tn_graph__level_next(who, &level[last], n, &level[last + 1]);
    }
    tn_graph__sides s;
    memset(&s, 0, sizeof s);
    s.parts = parts;
    s.size = (int64_t *)tn_graph__alloc(who, parts, sizeof *s.size), s.joined = (int64_t *)tn_graph__alloc(who, parts, sizeof *s.joined), s.near = (int64_t *)tn_graph__alloc(who, parts, sizeof *s.near);
    ok = ok && s.size && s.joined && s.near && tn_graph__grow_parts(who, &level[last], parts, part);
    for (int k = last; ok && k >= 0; k--) {
        if (k < last)
            for (int64_t v = level[k].n - 1; v >= 0; v--) part[level[0].n + v] = part[level[k].into[v]];
        if (k < last) memcpy(part, part + level[0].n, (size_t)level[k].n * sizeof *part);
        tn_graph__refine(&level[k], &s, part);
    }
    free(s.size), free(s.joined), free(s.near);
    return ok;
}
#if !defined(_WIN32)
/* METIS_PartGraphKway, whose numbers are of 32 or of 64 bits. False: it is not there, or gave up. */
static bool tn_graph__metis(const tn_graph__level *l, int64_t parts, int64_t *part) {
    void *lib = dlopen("libmetis.so.5", RTLD_NOW | RTLD_LOCAL), *options = lib ? dlsym(lib, "METIS_SetDefaultOptions") : NULL, *cut = lib ? dlsym(lib, "METIS_PartGraphKway") : NULL;
    int (*set)(void *);
    int (*kway)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *);
    int64_t width[80]; /* 40 numbers, all set to -1 */
    memset(width, 0, sizeof width);
    if (!options || !cut) return false;
    memcpy(&set, &options, sizeof set), memcpy(&kway, &cut, sizeof kway);
    (void)set(width);
    const bool wide = width[39] != 0;
    const int64_t e = l->ptr[l->n], all = 2 * l->n + 1 + e;
    int64_t *v = e < INT32_MAX ? (int64_t *)malloc(((size_t)all + 8) * sizeof *v) : NULL;
    int32_t *w = (int32_t *)(void *)v;
    if (!v) return false;
    for (int64_t i = 0; i < all + 4; i++) { /* ptr, to, part, then n, 1, parts, cut */
        const int64_t x = i <= l->n ? l->ptr[i] : i <= l->n + e ? l->to[i - l->n - 1] : i < all ? 0 : i == all ? l->n : i == all + 1 ? 1 : i == all + 2 ? parts : 0;
        if (wide) v[i] = x;
        else w[i] = (int32_t)x;
    }
    char *base = (char *)(void *)v;
    const size_t size = wide ? 8 : 4, at_part = (size_t)(l->n + 1 + e), at = (size_t)all;
    const bool ok = kway(base + at * size, base + (at + 1) * size, base, base + (size_t)(l->n + 1) * size, NULL, NULL, NULL, base + (at + 2) * size, NULL, NULL, NULL, base + (at + 3) * size, base + at_part * size) == 1;
    for (int64_t i = 0; ok && i < l->n; i++) part[i] = wide ? v[at_part + (size_t)i] : w[at_part + (size_t)i];
    free(v);
    return ok;
}
#else
static bool tn_graph__metis(const tn_graph__level *l, int64_t parts, int64_t *part) { return (void)l, (void)parts, (void)part, false; }
#endif
TN_API tn_tensor *tn_graph_partition(const tn_graph *graph, int64_t parts, bool no_metis) {
    const char *who = "tn_graph_partition";
    tn_graph__edges g;
    tn_graph__level level[TN_GRAPH__LEVELS];
    tn_tensor *r = NULL;
    if (!graph) return tn_graph__absent(who, "graph"), (tn_tensor *)NULL;
    if (parts < 1) return tn_error_set(TN_ERR_INVALID, "%s: %lld parts", who, (long long)parts), (tn_tensor *)NULL;
    memset(level, 0, sizeof level);
    tn_scope s = tn_scope_open();
    const int64_t n = tn_graph_num_nodes(graph);
    int64_t *part = NULL;
    if (n >= 0 && tn_graph__edges_read(who, tn_dict_get(graph, "edge_index"), n, &g) && (part = (int64_t *)tn_graph__alloc(who, 2 * n, sizeof *part)) && tn_graph__level_first(who, &g, &level[0])) {
        bool ok = parts == 1 || n == 0 || (!no_metis && parts < n && tn_graph__metis(&level[0], parts, part));
        if (!ok) ok = tn_graph__parts_of(who, level, parts, part);
        if (ok) r = tn_graph__indices(part, 0, n, g.device);
    }
    for (int k = 0; k < TN_GRAPH__LEVELS; k++) tn_graph__level_free(&level[k]);
    free(part);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
/* -- loaders: sets that fill whole batches, each from the seed that the loader gives -- */
typedef struct {
    tn_gnn_sampler *sampler;     /* gathers the graph between nodes, or around them */
    tn_graph__sample_rows rows;
    int64_t len, nodes, edges;
    int64_t *node, *start;       /* roots, or nodes in order of parts, which begin at start */
    bool mask;                   /* input_id is the node */
    /* GraphSAINT */
    int kind;
    int64_t batch_size, walk_length;
    const int64_t *row, *col;
    tn_tensor *edge_index;       /* which owns them */
    double *chance;              /* of edges */
    /* ShaDow, HGT */
    int64_t depth, num_neighbors;
    bool replace, root_y;
    struct tn_graph__budget *hgt;
} tn_graph__set_of;
static void tn_graph__budget_free(struct tn_graph__budget *b);
static void tn_graph__set_of_free(void *user) {
    tn_graph__set_of *s = (tn_graph__set_of *)user;
    tn_release(s->sampler), tn_release(s->edge_index);
    tn_graph__rows_free(&s->rows);
    free(s->node), free(s->start), free(s->chance);
    tn_graph__budget_free(s->hgt);
    free(s);
}
static int64_t tn_graph__set_of_len(void *user) { return ((const tn_graph__set_of *)user)->len; }
typedef tn_status (*tn_graph__fill)(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b);
/* The loader of set, which it owns now; NULL, the set freed, where ok is false or it cannot be made. */
static tn_loader *tn_graph__loader(bool ok, tn_graph__set_of *set, tn_graph__fill fill, const tn_loader_opts *opts) {
    tn_dataset_fns fns;
    memset(&fns, 0, sizeof fns);
    fns.len = tn_graph__set_of_len, fns.get_batch = fill, fns.free = tn_graph__set_of_free, fns.user = set;
    tn_dataset *d = ok ? tn_data_custom(&fns) : NULL;
    if (!d && set) tn_graph__set_of_free(set);
    return d ? tn_data_loader(d, opts) : NULL;
}
/* The same with batches of one sample, whose number is not asked for. */
static tn_loader *tn_graph__loader_of_steps(bool ok, tn_graph__set_of *set, tn_graph__fill fill, const tn_loader_opts *opts) {
    tn_loader_opts o;
    memset(&o, 0, sizeof o);
    if (opts) o = *opts;
    o.batch_size = 1, o.shuffle = false, o.sampler = NULL;
    return tn_graph__loader(ok, set, fill, &o);
}
static tn_gnn_sampler *tn_graph__between_new(const tn_graph *g) { /* for graphs between nodes */
    tn_gnn_neighbor_opts o;
    memset(&o, 0, sizeof o);
    o.induced = true;
    return (tn_gnn_sampler *)tn_retain(tn_gnn_sampler_new(g, &o));
}
static tn_graph *tn_graph__around(tn_gnn_sampler *s, const char *kind, tn_tensor *nodes, uint64_t seed) {
    char name[256];
    tn_graph *seeds = tn_dict_new();
    if (snprintf(name, sizeof name, "%s%sn_id", kind, *kind ? "." : "") >= (int)sizeof name) return tn_error_set(TN_ERR_INVALID, "a kind's name is too long"), (tn_graph *)NULL;
    return seeds && tn_dict_set(seeds, name, nodes) == TN_OK ? tn_gnn_neighbor_sample(s, seeds, seed) : NULL;
}
static tn_device tn_graph__cpu(void) {
    const tn_device cpu = {TN_CPU, 0};
    return cpu;
}
static tn_graph *tn_graph__between(const tn_graph__set_of *s, const int64_t *node, int64_t n) { return tn_graph__around(s->sampler, "", tn_graph__indices(node, 0, n, tn_graph__cpu()), 0); }
static tn_status tn_graph__sample_filled(bool ok) { return ok ? TN_OK : tn_error_code() != TN_OK ? tn_error_code() : TN_ERR_INVALID; }
/* A new set of a graph with one kind of nodes, whose edges are read. */
static tn_graph__set_of *tn_graph__set_of_new(const char *who, const tn_graph *graph, tn_graph__edges *g) {
    if (!graph) return tn_graph__absent(who, "graph"), (tn_graph__set_of *)NULL;
    const int64_t n = tn_graph_num_nodes(graph);
    if (n < 0 || !tn_graph__edges_read(who, tn_dict_get(graph, "edge_index"), n, g)) return NULL;
    tn_graph__set_of *s = (tn_graph__set_of *)tn_graph__alloc(who, 1, sizeof *s);
    if (s) s->nodes = n, s->edges = g->e;
    return s;
}
/* The nodes that input says, as i64 or as a mask (NULL: all), into set->node and len. */
static bool tn_graph__roots(const char *who, tn_tensor *input, int64_t nodes, tn_graph__set_of *set) {
    const int64_t flat = -1;
    set->mask = input && tn_get_dtype(input) == TN_BOOL;
    if (set->mask && (tn_ndim(input) != 1 || tn_numel(input) != nodes)) return tn_error_set(TN_ERR_SHAPE, "%s: a mask %s of %lld nodes", who, tn_graph__shape(input).text, (long long)nodes), false;
    if (set->mask) input = tn_reshape(tn_nonzero(tn_to(input, tn_graph__cpu())), &flat, 1);
    const int64_t *at = input ? tn_graph__longs(who, "input nodes", input, 1) : NULL;
    if ((input && !at) || (set->mask && !input)) return false;
    set->len = input ? tn_numel(input) : nodes;
    if (!(set->node = (int64_t *)tn_graph__alloc(who, set->len, sizeof *set->node))) return false;
    for (int64_t i = 0; i < set->len; i++) {
        set->node[i] = at ? at[i] : i;
        if (set->node[i] < 0 || set->node[i] >= nodes) return tn_error_set(TN_ERR_INDEX, "%s: input node %lld is %lld, of %lld", who, (long long)i, (long long)set->node[i], (long long)nodes), false;
    }
    return true;
}
/* -- clusters -- */
static tn_status tn_graph__fill_clusters(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    const tn_graph__set_of *s = (const tn_graph__set_of *)user;
    int64_t total = 0, *node;
    (void)seed;
    for (int64_t i = 0; i < n; i++) total += s->start[index[i] + 1] - s->start[index[i]];
    if (!(node = (int64_t *)tn_graph__alloc("tn_gnn_cluster_loader", total, sizeof *node))) return tn_error_code();
    total = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = s->start[index[i]]; k < s->start[index[i] + 1]; k++) node[total++] = s->node[k];
    b->graph = tn_graph__between(s, node, total);
    free(node);
    return tn_graph__sample_filled(b->graph != NULL);
}
TN_API tn_loader *tn_gnn_cluster_loader(const tn_graph *graph, tn_tensor *partition, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_cluster_loader";
    tn_graph__edges g;
    tn_scope scope = tn_scope_open();
    const int64_t *part = tn_graph__longs(who, "partition", partition, 1);
    tn_graph__set_of *s = part ? tn_graph__set_of_new(who, graph, &g) : NULL;
    bool ok = s != NULL;
    if (ok && tn_numel(partition) != s->nodes) ok = (tn_error_set(TN_ERR_SHAPE, "%s: partition is %s for %lld nodes", who, tn_graph__shape(partition).text, (long long)s->nodes), false);
    for (int64_t i = 0; ok && i < s->nodes; i++) {
        if (part[i] < 0 || part[i] >= s->nodes) ok = (tn_error_set(TN_ERR_INDEX, "%s: node %lld is of part %lld", who, (long long)i, (long long)part[i]), false);
        else if (part[i] >= s->len) s->len = part[i] + 1;
    }
    ok = ok && (s->node = (int64_t *)tn_graph__alloc(who, s->nodes, sizeof *s->node)) && (s->start = (int64_t *)tn_graph__alloc(who, s->len + 1, sizeof *s->start));
    if (ok) {
        tn_graph__sort_pass(part, NULL, s->nodes, s->len, s->start, s->node);
        memmove(s->start + 1, s->start, (size_t)s->len * sizeof *s->start);
        s->start[0] = 0;
        ok = (s->sampler = tn_graph__between_new(graph)) != NULL;
    }
    tn_loader *l = (tn_loader *)tn_keep(tn_graph__loader(ok, s, tn_graph__fill_clusters, loader));
    tn_scope_close(&scope);
    return l;
}
static tn_status tn_graph__fill_nodes(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    (void)seed;
    b->graph = tn_graph__between((const tn_graph__set_of *)user, index, n);
    return tn_graph__sample_filled(b->graph != NULL);
}
TN_API tn_loader *tn_gnn_random_node_loader(const tn_graph *graph, int64_t num_parts, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_random_node_loader";
    tn_graph__edges g;
    tn_loader_opts o;
    memset(&o, 0, sizeof o);
    if (loader) o = *loader;
    if (num_parts < 1) return tn_error_set(TN_ERR_INVALID, "%s: %lld parts", who, (long long)num_parts), (tn_loader *)NULL;
    tn_scope scope = tn_scope_open();
    tn_graph__set_of *s = tn_graph__set_of_new(who, graph, &g);
    if (s) s->len = s->nodes, o.batch_size = (s->nodes + num_parts - 1) / num_parts;
    tn_loader *l = (tn_loader *)tn_keep(tn_graph__loader(s && (s->sampler = tn_graph__between_new(graph)), s, tn_graph__fill_nodes, &o));
    tn_scope_close(&scope);
    return l;
}
/* -- GraphSAINT -- */
enum { TN_GRAPH__SAINT_NODE, TN_GRAPH__SAINT_EDGE, TN_GRAPH__SAINT_WALK };
/* batch_size edges, each as likely as its chance, none twice: those of the largest log(u) / chance. Their ends to `to`. */
static bool tn_graph__saint_edges(const tn_graph__set_of *s, uint64_t *counter, int64_t *to) {
    tn_topk_opts top;
    tn_tensor_opts o;
    memset(&top, 0, sizeof top), memset(&o, 0, sizeof o);
    o.dtype = TN_F64;
    tn_graph__frame f = tn_graph__enter();
    tn_tensor *key = tn_empty(&s->edges, 1, &o);
    double *k = key ? (double *)tn_data(key) : NULL;
    for (int64_t i = 0; k && i < s->edges; i++) k[i] = log(1 - tn_graph__unit(counter)) / (s->chance[i] + 1e-10);
    tn_tensor *at = key ? tn_topk(key, s->batch_size, &top).indices : NULL;
    for (int64_t i = 0; at && i < s->batch_size; i++) {
        const int64_t e = ((const int64_t *)tn_data(at))[i];
        to[2 * i] = s->col[e], to[2 * i + 1] = s->row[e];
    }
    const bool ok = at != NULL;
    (void)tn_graph__leave(&f, NULL);
    return ok;
}
static int tn_graph__ascending(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x), memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}
static int64_t tn_graph__sort_unique(int64_t *v, int64_t n) {
    int64_t m = 0;
    qsort(v, (size_t)n, sizeof *v, tn_graph__ascending);
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || v[i] != v[i - 1]) v[m++] = v[i];
    return m;
}
static tn_graph *tn_graph__saint_draw(const tn_graph__set_of *s, tn_gnn_sampler *sampler, uint64_t seed) {
    const char *who = "GraphSAINT";
    const int64_t each = s->kind == TN_GRAPH__SAINT_WALK ? s->walk_length + 1 : s->kind == TN_GRAPH__SAINT_EDGE ? 2 : 1, n = s->batch_size * each;
    int64_t *node = (int64_t *)tn_graph__alloc(who, n, sizeof *node);
    bool ok = node != NULL;
    uint64_t counter = seed * 0xD1342543DE82EF95u + 1;
    if (ok && s->kind == TN_GRAPH__SAINT_EDGE) ok = tn_graph__saint_edges(s, &counter, node);
    for (int64_t i = 0; ok && s->kind != TN_GRAPH__SAINT_EDGE && i < s->batch_size; i++) {
        if (s->kind == TN_GRAPH__SAINT_NODE) node[i] = s->row[tn_graph__below(&counter, s->edges)];
        else tn_graph__walk(&s->rows, tn_graph__below(&counter, s->nodes), s->walk_length, 1, 1, &counter, node + i * each);
    }
    tn_graph *g = ok ? tn_graph__around(sampler, "", tn_graph__indices(node, 0, tn_graph__sort_unique(node, n), tn_graph__cpu()), 0) : NULL;
    free(node);
    return g;
}
static tn_status tn_graph__fill_saint(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    const tn_graph__set_of *s = (const tn_graph__set_of *)user;
    (void)index, (void)n;
    b->graph = tn_graph__saint_draw(s, s->sampler, seed);
    return tn_graph__sample_filled(b->graph != NULL);
}
/* "node_norm" and "edge_norm" of graph by how often each node and edge is drawn, until the nodes were coverage times on average. */
static bool tn_graph__saint_norms(const char *who, const tn_graph__set_of *s, int64_t coverage, uint64_t counter, tn_graph *graph, tn_tensor *edge_index) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F32;
    tn_graph__frame f = tn_graph__enter();
    double *count = (double *)tn_graph__alloc(who, s->nodes + s->edges, sizeof *count);
    tn_graph *bare = tn_graph_new(NULL, edge_index);
    tn_gnn_sampler *between = count && bare && tn_dict_set(bare, "num_nodes", tn_scalar_i64(s->nodes)) == TN_OK ? tn_graph__between_new(bare) : NULL;
    tn_tensor *node = tn_empty(&s->nodes, 1, &o), *edge = tn_empty(&s->edges, 1, &o);
    int64_t samples = 0, total = 0;
    bool ok = between && node && edge;
    for (; ok && total < s->nodes * coverage; samples++) {
        tn_scope scope = tn_scope_open();
        const tn_graph *g = tn_graph__saint_draw(s, between, tn_graph__bits(&counter));
        const tn_tensor *n = g ? tn_dict_get(g, "n_id") : NULL, *e = g ? tn_dict_get(g, "e_id") : NULL;
        ok = n && e;
        for (int64_t i = 0; ok && i < tn_numel(n); i++) count[((const int64_t *)tn_data(n))[i]]++;
        for (int64_t i = 0; ok && i < tn_numel(e); i++) count[s->nodes + ((const int64_t *)tn_data(e))[i]]++;
        if (ok) total += tn_numel(n);
        tn_scope_close(&scope);
    }
    for (int64_t i = 0; ok && i < s->edges; i++) {
        const double v = count[s->row[i]] / count[s->nodes + i];
        ((float *)tn_data(edge))[i] = isnan(v) ? 0.1f : (float)fmin(v, 1e4);
    }
    for (int64_t i = 0; ok && i < s->nodes; i++) ((float *)tn_data(node))[i] = (float)((double)samples / (count[i] == 0 ? 0.1 : count[i]) / (double)s->nodes);
    tn_release(between);
    free(count);
    ok = ok && tn_dict_set(graph, "node_norm", node) == TN_OK && tn_dict_set(graph, "edge_norm", edge) == TN_OK;
    (void)tn_graph__leave(&f, NULL);
    return ok;
}
static tn_graph *tn_graph__sample_copy(const tn_graph *g) {
    tn_graph *r = tn_dict_new();
    for (int i = 0; r && i < tn_dict_len(g); i++)
        if (tn_dict_set(r, tn_dict_name(g, i), tn_dict_at(g, i)) != TN_OK) return NULL;
    return r;
}
static bool tn_graph__saint_init(const char *who, tn_graph__set_of *s, const tn_graph *graph, const tn_graph__edges *g, const tn_gnn_saint_opts *o) {
    if (o->batch_size < 1 || o->num_steps < 0 || o->sample_coverage < 0 || (s->kind == TN_GRAPH__SAINT_WALK && o->walk_length < 1))
        return tn_error_set(TN_ERR_INVALID, "%s: batch_size %lld, walk_length %lld, num_steps %lld", who, (long long)o->batch_size, (long long)o->walk_length, (long long)o->num_steps), false;
    if (s->kind == TN_GRAPH__SAINT_WALK ? s->nodes == 0 : s->edges == 0 || (s->kind == TN_GRAPH__SAINT_EDGE && o->batch_size > s->edges))
        return tn_error_set(TN_ERR_INVALID, "%s: %lld edges are too few", who, (long long)s->edges), false;
    s->batch_size = o->batch_size, s->walk_length = o->walk_length, s->len = o->num_steps ? o->num_steps : 1;
    s->edge_index = (tn_tensor *)tn_retain(tn_graph__indices(g->row, 2, g->e, tn_graph__cpu())); /* a copy, for all threads */
    if (!s->edge_index) return false;
    s->row = (const int64_t *)tn_data(s->edge_index), s->col = s->row + s->edges;
    if (s->kind == TN_GRAPH__SAINT_WALK && !tn_graph__rows_new(who, s->row, s->col, s->edges, s->nodes, s->nodes, &s->rows)) return false;
    if (s->kind == TN_GRAPH__SAINT_EDGE) {
        int64_t *in = (int64_t *)tn_graph__alloc(who, s->nodes, sizeof *in), *out = (int64_t *)tn_graph__alloc(who, s->nodes, sizeof *out);
        s->chance = (double *)tn_graph__alloc(who, s->edges, sizeof *s->chance);
        const bool ok = in && out && s->chance;
        for (int64_t i = 0; ok && i < s->edges; i++) out[s->row[i]]++, in[s->col[i]]++;
        for (int64_t i = 0; ok && i < s->edges; i++) s->chance[i] = (double)(in[s->row[i]] + out[s->col[i]]);
        free(in), free(out);
        if (!ok) return false;
    }
    uint64_t counter = 0;
    tn_graph *with = tn_graph__sample_copy(graph);
    if (!with || (o->sample_coverage && (!tn_graph__seed(o->generator, &counter) || !tn_graph__saint_norms(who, s, o->sample_coverage, counter, with, s->edge_index)))) return false;
    return (s->sampler = tn_graph__between_new(with)) != NULL;
}
static tn_loader *tn_graph__saint(const char *who, int kind, const tn_graph *graph, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader) {
    tn_graph__edges g;
    if (!opts) return tn_graph__absent(who, "opts"), (tn_loader *)NULL;
    tn_scope scope = tn_scope_open();
    tn_graph__set_of *s = tn_graph__set_of_new(who, graph, &g);
    if (s) s->kind = kind;
    tn_loader *l = (tn_loader *)tn_keep(tn_graph__loader_of_steps(s && tn_graph__saint_init(who, s, graph, &g, opts), s, tn_graph__fill_saint, loader));
    tn_scope_close(&scope);
    return l;
}
TN_API tn_loader *tn_gnn_saint_node_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader) {
    return tn_graph__saint("tn_gnn_saint_node_loader", TN_GRAPH__SAINT_NODE, g, opts, loader);
}
TN_API tn_loader *tn_gnn_saint_edge_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader) {
    return tn_graph__saint("tn_gnn_saint_edge_loader", TN_GRAPH__SAINT_EDGE, g, opts, loader);
}
TN_API tn_loader *tn_gnn_saint_random_walk_loader(const tn_graph *g, const tn_gnn_saint_opts *opts, const tn_loader_opts *loader) {
    return tn_graph__saint("tn_gnn_saint_random_walk_loader", TN_GRAPH__SAINT_WALK, g, opts, loader);
}
/* -- ShaDow -- */
/* A growing list. */
typedef struct { int64_t *at, n, cap; } tn_graph__sample_list;
static bool tn_graph__sample_push(tn_graph__sample_list *l, int64_t v) {
    if (l->n == l->cap) {
        const int64_t cap = l->cap ? 2 * l->cap : 64;
        int64_t *at = (int64_t *)realloc(l->at, (size_t)cap * sizeof *at);
        if (!at) return tn_error_set(TN_ERR_MEMORY, "no memory for %lld nodes", (long long)cap), false;
        l->at = at, l->cap = cap;
    }
    l->at[l->n++] = v;
    return true;
}
/* k of the n at to, with or without replacement (Floyd's way), onto the list. */
static bool tn_graph__pick(const int64_t *to, int64_t n, int64_t k, bool replace, uint64_t *counter, tn_graph__sample_list *l) {
    tn_graph__set taken = {NULL, 0};
    bool ok = true;
    if (n <= k)
        for (int64_t i = 0; ok && i < n; i++) ok = tn_graph__sample_push(l, to[i]);
    else if (replace)
        for (int64_t i = 0; ok && i < k; i++) ok = tn_graph__sample_push(l, to[tn_graph__below(counter, n)]);
    else {
        ok = tn_graph__set_new("neighbours", &taken, k);
        for (int64_t j = n - k; ok && j < n; j++) {
            int64_t v = tn_graph__below(counter, j + 1);
            if (!tn_graph__set_put(&taken, v)) (void)tn_graph__set_put(&taken, v = j);
            ok = tn_graph__sample_push(l, to[v]);
        }
    }
    free(taken.at);
    return ok;
}
static bool tn_graph__ego(const tn_graph__set_of *s, int64_t root, uint64_t *counter, tn_graph__sample_list *l) {
    l->n = 0;
    bool ok = tn_graph__sample_push(l, root);
    for (int64_t d = 0, begin = 0; ok && d < s->depth; d++) {
        const int64_t end = l->n;
        for (; ok && begin < end; begin++) {
            const int64_t v = l->at[begin], first = s->rows.ptr[v];
            ok = tn_graph__pick(s->rows.to + first, s->rows.ptr[v + 1] - first, s->num_neighbors, s->replace, counter, l);
        }
    }
    if (ok) l->n = tn_graph__sort_unique(l->at, l->n);
    return ok;
}
static tn_status tn_graph__fill_shadow(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    const tn_graph__set_of *s = (const tn_graph__set_of *)user;
    tn_graph **part = (tn_graph **)tn_graph__alloc("tn_gnn_shadow_loader", n, sizeof *part);
    int64_t *at = (int64_t *)tn_graph__alloc("tn_gnn_shadow_loader", n, sizeof *at), before = 0;
    tn_graph__sample_list l = {NULL, 0, 0};
    uint64_t counter = seed * 0xD1342543DE82EF95u + 1;
    bool ok = part && at;
    for (int64_t i = 0; ok && i < n; i++) {
        const int64_t root = s->node[index[i]];
        ok = tn_graph__ego(s, root, &counter, &l) && (part[i] = tn_graph__between(s, l.at, l.n));
        int64_t k = 0;
        while (ok && l.at[k] != root) k++;
        ok = ok && (!s->root_y || tn_dict_set(part[i], "y", tn_narrow(tn_dict_get(part[i], "y"), 0, k, 1)) == TN_OK);
        at[i] = before + k;
        before += l.n;
    }
    b->graph = ok ? tn_graph_batch(part, (int)n) : NULL;
    ok = b->graph && tn_dict_set(b->graph, "root_n_id", tn_graph__indices(at, 0, n, tn_graph__cpu())) == TN_OK;
    free(part), free(at), free(l.at);
    return tn_graph__sample_filled(ok);
}
TN_API tn_loader *tn_gnn_shadow_loader(const tn_graph *graph, const tn_gnn_shadow_opts *opts, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_shadow_loader";
    tn_graph__edges g;
    if (!opts) return tn_graph__absent(who, "opts"), (tn_loader *)NULL;
    if (opts->depth < 0 || opts->num_neighbors < 0) return tn_error_set(TN_ERR_INVALID, "%s: depth %lld, num_neighbors %lld", who, (long long)opts->depth, (long long)opts->num_neighbors), (tn_loader *)NULL;
    tn_scope scope = tn_scope_open();
    tn_graph__set_of *s = tn_graph__set_of_new(who, graph, &g);
    bool ok = s && tn_graph__roots(who, opts->node_idx, s->nodes, s) && tn_graph__rows_new(who, g.col, g.row, g.e, s->nodes, s->nodes, &s->rows);
    if (ok) {
        const tn_tensor *y = tn_dict_get(graph, "y");
        s->depth = opts->depth, s->num_neighbors = opts->num_neighbors, s->replace = opts->replace;
        s->root_y = y && tn_ndim(y) > 0 && tn_size(y, 0) == s->nodes;
        ok = (s->sampler = tn_graph__between_new(graph)) != NULL;
    }
    tn_loader *l = (tn_loader *)tn_keep(tn_graph__loader(ok, s, tn_graph__fill_shadow, loader));
    tn_scope_close(&scope);
    return l;
}
/* -- HGT: nodes of each kind have a budget, the sum of 1 / degree over the edges to nodes that were drawn -- */
enum { TN_GRAPH__HGT_MOST = 50 }; /* edges of a node that count */
typedef struct { char name[128]; int64_t nodes; } tn_graph__kind;
typedef struct { int from, to; tn_graph__sample_rows rows; } tn_graph__relation;
typedef struct tn_graph__budget {
    int kinds, relations, hops, input;
    int *samples;
    tn_graph__kind *kind;
    tn_graph__relation *relation;
} tn_graph__budget;
static void tn_graph__budget_free(tn_graph__budget *b) {
    if (!b) return;
    for (int i = 0; b->relation && i < b->relations; i++) tn_graph__rows_free(&b->relation[i].rows);
    free(b->samples), free(b->kind), free(b->relation), free(b);
}
/* A kind's number, a new one where it is not yet there. -1: the name is too long. */
static int tn_graph__kind_of(tn_graph__budget *b, const char *name, size_t n) {
    for (int k = 0; k < b->kinds; k++)
        if (strlen(b->kind[k].name) == n && memcmp(b->kind[k].name, name, n) == 0) return k;
    if (n >= sizeof b->kind[0].name) return tn_error_set(TN_ERR_INVALID, "the name of a kind of nodes is too long"), -1;
    memcpy(b->kind[b->kinds].name, name, n);
    return b->kinds++;
}
/* One kind's state in a batch: the budgets of its nodes (-1: drawn), those that have one, and what was drawn. */
typedef struct { double *budget; tn_graph__sample_list open, drawn; } tn_graph__purse;
/* What leads to the nodes of `to` that were drawn from `from` on gets a share. */
static bool tn_graph__share(const tn_graph__budget *b, int to, int64_t from, int64_t until, tn_graph__purse *purse, uint64_t *counter) {
    tn_graph__sample_list some = {NULL, 0, 0};
    bool ok = true;
    for (int r = 0; ok && r < b->relations; r++) {
        const tn_graph__relation *e = &b->relation[r];
        tn_graph__purse *p = &purse[e->from];
        for (int64_t i = from; e->to == to && ok && i < until; i++) {
            const int64_t v = purse[to].drawn.at[i], first = e->rows.ptr[v];
            some.n = 0;
            ok = tn_graph__pick(e->rows.to + first, e->rows.ptr[v + 1] - first, TN_GRAPH__HGT_MOST, false, counter, &some);
            for (int64_t k = 0; ok && k < some.n; k++) {
                double *own = &p->budget[some.at[k]];
                if (*own < 0) continue;
                if (*own == 0) ok = tn_graph__sample_push(&p->open, some.at[k]);
                *own += 1.0 / (double)some.n;
            }
        }
    }
    free(some.at);
    return ok;
}
/* Draws n of those with a budget, by its square, none twice. */
static bool tn_graph__spend(tn_graph__purse *p, int64_t n, uint64_t *counter) {
    double sum = 0;
    bool ok = true;
    for (int64_t i = 0; i < p->open.n; i++) sum += p->budget[p->open.at[i]] * p->budget[p->open.at[i]];
    for (; ok && n > 0 && p->open.n; n--) {
        double u = tn_graph__unit(counter) * sum;
        int64_t i = 0;
        for (; i < p->open.n - 1; i++)
            if ((u -= p->budget[p->open.at[i]] * p->budget[p->open.at[i]]) < 0) break;
        const int64_t v = p->open.at[i];
        sum -= p->budget[v] * p->budget[v];
        p->budget[v] = -1;
        p->open.at[i] = p->open.at[--p->open.n];
        ok = tn_graph__sample_push(&p->drawn, v);
    }
    return ok;
}
static bool tn_graph__hgt_draw(const tn_graph__budget *b, tn_graph__purse *purse, int64_t *before, uint64_t *counter) {
    bool ok = tn_graph__share(b, b->input, 0, purse[b->input].drawn.n, purse, counter);
    for (int h = 0; ok && h < b->hops; h++) {
        for (int k = 0; ok && k < b->kinds; k++) {
            before[k] = purse[k].drawn.n;
            ok = tn_graph__spend(&purse[k], b->samples[h], counter);
        }
        for (int k = 0; ok && h < b->hops - 1 && k < b->kinds; k++) ok = tn_graph__share(b, k, before[k], purse[k].drawn.n, purse, counter);
    }
    return ok;
}
static tn_status tn_graph__fill_hgt(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *out) {
    const tn_graph__set_of *s = (const tn_graph__set_of *)user;
    const tn_graph__budget *b = s->hgt;
    const char *who = "tn_gnn_hgt_loader";
    char name[256];
    tn_graph__purse *purse = (tn_graph__purse *)tn_graph__alloc(who, b->kinds, sizeof *purse);
    int64_t *before = (int64_t *)tn_graph__alloc(who, b->kinds, sizeof *before);
    uint64_t counter = seed * 0xD1342543DE82EF95u + 1;
    tn_graph *seeds = tn_dict_new();
    bool ok = purse && before && seeds;
    for (int k = 0; ok && k < b->kinds; k++) ok = (purse[k].budget = (double *)tn_graph__alloc(who, b->kind[k].nodes, sizeof(double))) != NULL;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = tn_graph__sample_push(&purse[b->input].drawn, s->node[index[i]]);
        purse[b->input].budget[s->node[index[i]]] = -1;
    }
    ok = ok && tn_graph__hgt_draw(b, purse, before, &counter);
    for (int k = 0; ok && k < b->kinds; k++) {
        (void)snprintf(name, sizeof name, "%s.n_id", b->kind[k].name);
        ok = tn_dict_set(seeds, name, tn_graph__indices(purse[k].drawn.at, 0, purse[k].drawn.n, tn_graph__cpu())) == TN_OK;
    }
    out->graph = ok ? tn_gnn_neighbor_sample(s->sampler, seeds, 0) : NULL;
    (void)snprintf(name, sizeof name, "%s.input_id", b->kind[b->input].name);
    ok = out->graph && tn_dict_set(out->graph, name, s->mask ? tn_graph__indices(purse[b->input].drawn.at, 0, n, tn_graph__cpu()) : tn_graph__indices(index, 0, n, tn_graph__cpu())) == TN_OK;
    (void)snprintf(name, sizeof name, "%s.batch_size", b->kind[b->input].name);
    ok = ok && tn_dict_set(out->graph, name, tn_scalar_i64(n)) == TN_OK;
    for (int k = 0; purse && k < b->kinds; k++) free(purse[k].budget), free(purse[k].open.at), free(purse[k].drawn.at);
    free(purse), free(before);
    return tn_graph__sample_filled(ok);
}
static bool tn_graph__hgt_init(const char *who, const tn_graph *graph, const tn_gnn_hgt_opts *o, tn_graph__budget *b) {
    const int most = tn_dict_len(graph);
    b->samples = (int *)tn_graph__alloc(who, o->n_hops, sizeof *b->samples), b->kind = (tn_graph__kind *)tn_graph__alloc(who, 2 * most, sizeof *b->kind);
    b->relation = (tn_graph__relation *)tn_graph__alloc(who, most, sizeof *b->relation);
    if (!b->samples || !b->kind || !b->relation) return false;
    b->hops = o->n_hops;
    for (int h = 0; h < o->n_hops; h++) b->samples[h] = o->num_samples[h];
    for (int i = 0; i < most; i++) { /* "from.how.to.edge_index" */
        const char *name = tn_dict_name(graph, i), *end = strrchr(name, '.'), *dot = strchr(name, '.'), *to = end;
        tn_graph__edges g;
        if (!end || strcmp(end, ".edge_index") != 0) continue;
        while (to > name && to[-1] != '.') to--;
        if (to <= dot + 1) return tn_error_set(TN_ERR_INVALID, "%s: \"%s\" is not of the form from.how.to.edge_index", who, name), false;
        tn_graph__relation *e = &b->relation[b->relations];
        if ((e->from = tn_graph__kind_of(b, name, (size_t)(dot - name))) < 0 || (e->to = tn_graph__kind_of(b, to, (size_t)(end - to))) < 0) return false;
        tn_graph__kind *from = &b->kind[e->from], *into = &b->kind[e->to];
        if ((from->nodes = tn_graph_num_nodes_of(graph, from->name)) < 0 || (into->nodes = tn_graph_num_nodes_of(graph, into->name)) < 0) return false;
        if (!tn_graph__ends_read(who, tn_dict_at(graph, i), from->nodes, into->nodes, &g) || !tn_graph__rows_new(who, g.col, g.row, g.e, into->nodes, from->nodes, &e->rows)) return false;
        b->relations++;
    }
    for (b->input = b->kinds - 1; b->input >= 0 && strcmp(b->kind[b->input].name, o->input_type) != 0;) b->input--;
    return b->input >= 0 || (tn_error_set(TN_ERR_INVALID, "%s: no edges have to do with \"%s\"", who, o->input_type), false);
}
TN_API tn_loader *tn_gnn_hgt_loader(const tn_graph *graph, const tn_gnn_hgt_opts *opts, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_hgt_loader";
    if (!graph || !opts || !opts->input_type || (opts->n_hops && !opts->num_samples)) return tn_graph__absent(who, "an argument"), (tn_loader *)NULL;
    if (opts->n_hops < 0) return tn_error_set(TN_ERR_INVALID, "%s: %d hops", who, opts->n_hops), (tn_loader *)NULL;
    tn_scope scope = tn_scope_open();
    tn_graph__set_of *s = (tn_graph__set_of *)tn_graph__alloc(who, 1, sizeof *s);
    bool ok = s && (s->hgt = (tn_graph__budget *)tn_graph__alloc(who, 1, sizeof *s->hgt)) && tn_graph__hgt_init(who, graph, opts, s->hgt);
    ok = ok && tn_graph__roots(who, opts->input_nodes, s->hgt->kind[s->hgt->input].nodes, s) && (s->sampler = tn_graph__between_new(graph));
    tn_loader *l = (tn_loader *)tn_keep(tn_graph__loader(ok, s, tn_graph__fill_hgt, loader));
    tn_scope_close(&scope);
    return l;
}
/* -- links -- */
typedef struct {
    tn_gnn_sampler *sampler;
    tn_tensor *ends, *label, *time; /* [2, n]; [n, ...] and [n], or NULL */
    tn_tensor *when[2], *which[2]; /* times of nodes that ends are of, in order, and whose they are; NULL where they have none */
    char from[128], to[128], prefix[256]; /* kinds, and the names of the edges' entries */
    int64_t nodes[2];
    double ratio;
    bool triplet, disjoint, two;
} tn_graph__links;
static int64_t tn_graph__links_len(void *user) { return tn_size(((const tn_graph__links *)user)->ends, 1); }
static void tn_graph__links_free(void *user) {
    tn_graph__links *l = (tn_graph__links *)user;
    tn_release(l->sampler), tn_release(l->ends), tn_release(l->label), tn_release(l->time);
    for (int i = 0; i < 2; i++) tn_release(l->when[i]), tn_release(l->which[i]);
    free(l);
}
static const int64_t *tn_graph__data_i64(tn_tensor *t) { return (const int64_t *)tn_data(t); }
/* A node drawn for that end of a link, none that is later than the link if there is one, else the first. */
static int64_t tn_graph__links_draw(const tn_graph__links *l, int end, int64_t time, uint64_t *counter) {
    if (!l->when[end]) return tn_graph__below(counter, l->nodes[end]);
    const int64_t *when = tn_graph__data_i64(l->when[end]);
    int64_t low = 0, high = l->nodes[end];
    while (low < high) {
        const int64_t mid = low + (high - low) / 2;
        if (when[mid] <= time) low = mid + 1;
        else high = mid;
    }
    return tn_graph__data_i64(l->which[end])[low ? tn_graph__below(counter, low) : 0];
}
/* v, and n nodes drawn for that end of the links again and again, behind it. time: the links', or NULL. */
static tn_tensor *tn_graph__and_random(const tn_graph__links *l, int end, tn_tensor *v, int64_t n, tn_tensor *time, uint64_t *counter) {
    int64_t *at = (int64_t *)tn_graph__alloc("tn_gnn_link_neighbor_loader", n, sizeof *at);
    for (int64_t i = 0; at && i < n; i++) at[i] = tn_graph__links_draw(l, end, time ? tn_graph__data_i64(time)[i % tn_numel(time)] : 0, counter);
    tn_tensor *both[2] = {v, at ? tn_graph__indices(at, 0, n, tn_graph__cpu()) : NULL};
    free(at);
    return both[0] && both[1] ? tn_cat(both, 2, 0) : NULL;
}
/* The times of n ends, which are the links' again and again. */
static tn_tensor *tn_graph__links_times(tn_tensor *time, int64_t n) {
    int64_t *at = (int64_t *)tn_graph__alloc("tn_gnn_link_neighbor_loader", n, sizeof *at);
    for (int64_t i = 0; at && i < n; i++) at[i] = tn_graph__data_i64(time)[i % tn_numel(time)];
    tn_tensor *r = at ? tn_graph__indices(at, 0, n, tn_graph__cpu()) : NULL;
    free(at);
    return r;
}
static bool tn_graph__links_seed_times(const tn_graph__links *l, tn_graph *seeds, tn_tensor *time, int64_t n_src, int64_t n_dst) {
    char name[160];
    tn_tensor *both[2] = {tn_graph__links_times(time, n_src), tn_graph__links_times(time, n_dst)};
    if (!both[0] || !both[1]) return false;
    if (!l->two) both[0] = tn_cat(both, 2, 0);
    for (int i = 0; i < 1 + l->two; i++) {
        (void)snprintf(name, sizeof name, "%s%sseed_time", i ? l->to : l->from, *l->from ? "." : "");
        if (!both[i] || tn_dict_set(seeds, name, both[i]) != TN_OK) return false;
    }
    return true;
}
/* Both ends of a link, and its negatives, are of one tree: "batch" of all nodes says the link. */
static bool tn_graph__links_trees(const tn_graph__links *l, tn_graph *g, int64_t links, int64_t n_src, int64_t n_dst) {
    char name[160];
    int64_t first[2] = {0, l->two ? 0 : n_src}; /* of which tree seeds begin; of two kinds either may come first */
    for (int i = 0; l->two && n_src && n_dst && i < 2; i++) {
        (void)snprintf(name, sizeof name, "%s.batch", i ? l->to : l->from);
        first[i] = tn_graph__data_i64(tn_dict_get(g, name))[0];
    }
    int64_t *link = (int64_t *)tn_graph__alloc("tn_gnn_link_neighbor_loader", n_src + n_dst, sizeof *link);
    for (int64_t i = 0; link && i < n_src; i++) link[first[0] + i] = i % links;
    for (int64_t i = 0; link && i < n_dst; i++) link[first[1] + i] = i % links;
    bool ok = link != NULL;
    for (int i = 0; ok && i < tn_dict_len(g); i++) {
        const char *entry = tn_dict_name(g, i), *dot = strrchr(entry, '.');
        if (strcmp(dot ? dot + 1 : entry, "batch") != 0) continue;
        tn_tensor *t = tn_clone(tn_dict_at(g, i));
        int64_t *at = t ? (int64_t *)tn_data(t) : NULL;
        for (int64_t k = 0; at && k < tn_numel(t); k++) at[k] = link[at[k]];
        ok = t && tn_dict_set(g, entry, t) == TN_OK;
    }
    free(link);
    return ok;
}
/* The sampled graph around the ends, and their places in it: *src and *dst become those. */
static tn_graph *tn_graph__links_sample(const tn_graph__links *l, int64_t links, tn_tensor **src, tn_tensor **dst, tn_tensor *time, uint64_t seed) {
    tn_unique_opts o;
    memset(&o, 0, sizeof o);
    o.return_inverse = true;
    const int64_t n_src = tn_numel(*src), n_dst = tn_numel(*dst);
    tn_tensor *both[2] = {*src, *dst}, *node[2] = {NULL, NULL}, *place[2] = {NULL, NULL};
    char name[160];
    tn_graph *seeds = tn_dict_new();
    if (!l->two) both[0] = tn_cat(both, 2, 0);
    for (int i = 0; i < 1 + l->two; i++) {
        if (!both[i]) return NULL;
        const tn_unique_result u = tn_unique(both[i], &o);
        node[i] = l->disjoint ? both[i] : u.output;
        place[i] = l->disjoint ? tn_arange(0, (double)tn_numel(both[i]), 1, NULL) : u.inverse;
        if (!node[i] || !place[i]) return NULL;
        (void)snprintf(name, sizeof name, "%s%sn_id", i ? l->to : l->from, *l->from ? "." : "");
        if (!seeds || tn_dict_set(seeds, name, node[i]) != TN_OK) return NULL;
    }
    if (time && !tn_graph__links_seed_times(l, seeds, time, n_src, n_dst)) return NULL;
    tn_graph *g = tn_gnn_neighbor_sample(l->sampler, seeds, seed);
    if (!g) return NULL;
    *src = l->two ? place[0] : tn_narrow(place[0], 0, 0, n_src);
    *dst = l->two ? place[1] : tn_narrow(place[0], 0, n_src, n_dst);
    return !l->disjoint || tn_graph__links_trees(l, g, links, n_src, n_dst) ? g : NULL;
}
static bool tn_graph__links_set(tn_graph *g, const char *kind, const char *attr, tn_tensor *t) {
    char name[300];
    (void)snprintf(name, sizeof name, "%s%s%s", kind, *kind && kind[strlen(kind) - 1] != '.' ? "." : "", attr);
    return t && tn_dict_set(g, name, t) == TN_OK;
}
static tn_tensor *tn_graph__links_label(const tn_graph__links *l, tn_tensor *at, int64_t n, int64_t negative) {
    tn_tensor *label = l->label ? tn_index_select(l->label, 0, at) : negative ? tn_ones(&n, 1, NULL) : NULL;
    if (!label || !negative) return label;
    int64_t shape[TN_MAX_DIMS];
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    memcpy(shape, tn_shape(label), (size_t)tn_ndim(label) * sizeof *shape);
    shape[0] = negative, o.dtype = tn_get_dtype(label);
    tn_tensor *both[2] = {label, tn_zeros(shape, tn_ndim(label), &o)};
    return both[1] ? tn_cat(both, 2, 0) : NULL;
}
static tn_status tn_graph__fill_links(void *user, const int64_t *index, int64_t n, uint64_t seed, tn_batch *b) {
    const tn_graph__links *l = (const tn_graph__links *)user;
    const int64_t negative = (int64_t)ceil((double)n * l->ratio);
    uint64_t counter = seed * 0xD1342543DE82EF95u + 1;
    tn_tensor *at = tn_graph__indices(index, 0, n, tn_graph__cpu()), *ends = at ? tn_index_select(l->ends, 1, at) : NULL;
    tn_tensor *src = tn_select(ends, 0, 0), *dst = tn_select(ends, 0, 1), *time = l->time && at ? tn_index_select(l->time, 0, at) : NULL;
    if (l->time && !time) return tn_graph__sample_filled(false);
    if (src && negative && !l->triplet) src = tn_graph__and_random(l, 0, src, negative, time, &counter);
    if (dst && negative) dst = tn_graph__and_random(l, 1, dst, negative, time, &counter);
    if (!src || !dst || !(b->graph = tn_graph__links_sample(l, n, &src, &dst, time, seed))) return tn_graph__sample_filled(false);
    bool ok = tn_graph__links_set(b->graph, l->prefix, "input_id", at);
    if (l->triplet) {
        const int64_t shape[2] = {n, negative / (n ? n : 1)};
        tn_tensor *far = tn_narrow(dst, 0, n, negative);
        if (l->disjoint && shape[1] > 1) { /* the negatives of a link stand n apart, so that they are of its tree */
            const int64_t turned[2] = {shape[1], n};
            far = tn_contiguous(tn_t(tn_reshape(far, turned, 2)));
        } else if (shape[1] > 1)
            far = tn_reshape(far, shape, 2);
        ok = ok && tn_graph__links_set(b->graph, l->from, "src_index", src) && tn_graph__links_set(b->graph, l->to, "dst_pos_index", tn_narrow(dst, 0, 0, n)) && tn_graph__links_set(b->graph, l->to, "dst_neg_index", far);
        ok = ok && (!time || (tn_graph__links_set(b->graph, l->from, "seed_time", time) && tn_graph__links_set(b->graph, l->to, "seed_time", time)));
        return tn_graph__sample_filled(ok);
    }
    if (l->disjoint && !l->two) dst = tn_contiguous(dst);
    tn_tensor *pair[2] = {src, dst}, *label = tn_graph__links_label(l, at, n, negative);
    ok = ok && tn_graph__links_set(b->graph, l->prefix, "edge_label_index", tn_stack(pair, 2, 0)) && ((!l->label && !negative) || tn_graph__links_set(b->graph, l->prefix, "edge_label", label));
    ok = ok && (!time || tn_graph__links_set(b->graph, l->prefix, "edge_label_time", tn_graph__links_times(time, n + negative)));
    return tn_graph__sample_filled(ok);
}
/* The times of links, and of the nodes that negatives are drawn of. */
static bool tn_graph__links_init_times(const char *who, const tn_graph *graph, const tn_gnn_link_opts *o, int64_t links, tn_graph__links *l) {
    const char *attr = o->neighbors.time_attr;
    char name[400];
    if (!attr != !o->edge_label_time) return tn_error_set(TN_ERR_INVALID, "%s: edge_label_time and neighbors.time_attr go together", who), false;
    if (!attr) return true;
    if (tn_ndim(o->edge_label_time) != 1 || tn_numel(o->edge_label_time) != links || tn_get_dtype(o->edge_label_time) != TN_I64)
        return tn_error_set(TN_ERR_SHAPE, "%s: edge_label_time is %s %s, not int64 of %lld edges", who, tn_dtype_name(tn_get_dtype(o->edge_label_time)), tn_graph__shape(o->edge_label_time).text, (long long)links), false;
    l->time = (tn_tensor *)tn_retain(tn_share(tn_clone(tn_to(o->edge_label_time, tn_graph__cpu()))));
    for (int i = 0; l->time && i < 2; i++) {
        (void)snprintf(name, sizeof name, "%s%s%.200s", i ? l->to : l->from, *l->from ? "." : "", attr);
        tn_tensor *t = tn_dict_get(graph, name);
        const bool of_edges = t && !*l->from && tn_graph__rows("", t) == tn_graph_num_edges(graph) && (tn_graph_num_edges(graph) != l->nodes[0] || strstr(attr, "edge"));
        if (!t || of_edges || tn_graph__rows("", t) != l->nodes[i]) continue; /* the sampler says what is wrong */
        const tn_values_indices r = tn_sort(tn_to(t, tn_graph__cpu()), 0, false, true);
        l->when[i] = (tn_tensor *)tn_retain(tn_share(r.values)), l->which[i] = (tn_tensor *)tn_retain(tn_share(r.indices));
        if (!l->when[i] || !l->which[i]) return false;
    }
    return l->time != NULL;
}
/* Kinds, prefix and ends of the edges that links are drawn from. */
static bool tn_graph__links_init(const char *who, const tn_graph *graph, const tn_gnn_link_opts *o, tn_graph__links *l) {
    const char *type = o->edge_type ? o->edge_type : "";
    char name[300];
    tn_graph__edges g;
    tn_graph__edge_ends ends;
    if (!tn_graph__edge_ends_of(who, type, &ends)) return false;
    memcpy(l->from, ends.from, sizeof l->from), memcpy(l->to, ends.to, sizeof l->to), memcpy(l->prefix, ends.lead, sizeof l->prefix);
    l->two = strcmp(l->from, l->to) != 0;
    l->nodes[0] = *type ? tn_graph_num_nodes_of(graph, l->from) : tn_graph_num_nodes(graph);
    l->nodes[1] = *type ? tn_graph_num_nodes_of(graph, l->to) : l->nodes[0];
    (void)snprintf(name, sizeof name, "%sedge_index", l->prefix);
    if (l->nodes[0] < 0 || l->nodes[1] < 0 || !tn_graph__ends_read(who, o->edge_label_index ? o->edge_label_index : tn_dict_get(graph, name), l->nodes[0], l->nodes[1], &g)) return false;
    if (o->edge_label && (tn_ndim(o->edge_label) < 1 || tn_size(o->edge_label, 0) != g.e))
        return tn_error_set(TN_ERR_SHAPE, "%s: edge_label is %s for %lld edges", who, tn_graph__shape(o->edge_label).text, (long long)g.e), false;
    l->ends = (tn_tensor *)tn_retain(tn_share(tn_graph__indices(g.row, 2, g.e, tn_graph__cpu())));
    l->ratio = o->neg_sampling_ratio, l->triplet = o->triplet, l->disjoint = o->neighbors.disjoint || o->neighbors.time_attr;
    if (!l->ends || !tn_graph__links_init_times(who, graph, o, g.e, l)) return false;
    if (!o->edge_label) return true;
    tn_tensor *label = tn_clone(tn_detach(tn_to(o->edge_label, tn_graph__cpu())));
    if (label && l->ratio > 0 && tn_numel(label) && tn_item(tn_min(label)) == 0) label = tn_to_dtype(tn_add(label, 1), tn_get_dtype(label)); /* 0 is what negatives get */
    return (l->label = (tn_tensor *)tn_retain(tn_share(label))) != NULL;
}
TN_API tn_loader *tn_gnn_link_neighbor_loader(const tn_graph *graph, const tn_gnn_link_opts *opts, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_link_neighbor_loader";
    tn_dataset_fns fns;
    char name[300];
    if (!graph || !opts) return tn_graph__absent(who, "an argument"), (tn_loader *)NULL;
    if (!(opts->neg_sampling_ratio >= 0) || (opts->triplet && (opts->edge_label || opts->neg_sampling_ratio < 1 || opts->neg_sampling_ratio != floor(opts->neg_sampling_ratio))))
        return tn_error_set(TN_ERR_INVALID, "%s: triplets take a whole number of negatives and no edge_label; the ratio is %g", who, opts->neg_sampling_ratio), (tn_loader *)NULL;
    tn_scope scope = tn_scope_open();
    tn_graph__links *l = (tn_graph__links *)tn_graph__alloc(who, 1, sizeof *l);
    bool ok = l && tn_graph__links_init(who, graph, opts, l);
    tn_graph *bare = ok ? tn_dict_new() : NULL; /* without links of its own, which are not the batch's */
    for (int i = 0; bare && i < tn_dict_len(graph); i++) {
        (void)snprintf(name, sizeof name, "%sedge_label", l->prefix);
        if (strncmp(tn_dict_name(graph, i), name, strlen(name)) != 0 && tn_dict_set(bare, tn_dict_name(graph, i), tn_dict_at(graph, i)) != TN_OK) bare = NULL;
    }
    ok = bare && (l->sampler = (tn_gnn_sampler *)tn_retain(tn_gnn_sampler_new(bare, &opts->neighbors)));
    memset(&fns, 0, sizeof fns);
    fns.len = tn_graph__links_len, fns.get_batch = tn_graph__fill_links, fns.free = tn_graph__links_free, fns.user = l;
    tn_dataset *d = ok ? tn_data_custom(&fns) : NULL;
    if (!d && l) tn_graph__links_free(l);
    tn_loader *r = d ? (tn_loader *)tn_keep(tn_data_loader(d, loader)) : NULL;
    tn_scope_close(&scope);
    return r;
}
/* -- batches by size -- */
typedef struct { tn_dataset *graphs; int64_t *size, most; } tn_graph__sized;
static int64_t tn_graph__sized_len(void *user) { return tn_dataset_len(((const tn_graph__sized *)user)->graphs); }
static tn_status tn_graph__sized_get(void *user, int64_t i, tn_batch *s) { return tn_dataset_get(((const tn_graph__sized *)user)->graphs, i, s); }
static void tn_graph__sized_free(void *user) {
    tn_graph__sized *s = (tn_graph__sized *)user;
    tn_release(s->graphs);
    free(s->size), free(s);
}
static int64_t tn_graph__sized_take(void *user, const int64_t *left, int64_t n) {
    const tn_graph__sized *s = (const tn_graph__sized *)user;
    int64_t k = 1, size = s->size[left[0]];
    while (k < n && size + s->size[left[k]] <= s->most) size += s->size[left[k++]];
    return k;
}
static bool tn_graph__sized_init(const char *who, tn_graph__sized *s, tn_graph *const *graphs, int64_t n, const tn_gnn_dynamic_batch_opts *o) {
    tn_graph **fit = (tn_graph **)tn_graph__alloc(who, n, sizeof *fit);
    int64_t m = 0;
    s->most = o->max_num, s->size = (int64_t *)tn_graph__alloc(who, n, sizeof *s->size);
    bool ok = fit && s->size;
    for (int64_t i = 0; ok && i < n; i++) {
        const int64_t size = o->by_edges ? tn_graph_num_edges(graphs[i]) : tn_graph_num_nodes(graphs[i]);
        ok = size >= 0;
        if (ok && !(o->skip_too_big && size > s->most)) s->size[m] = size, fit[m++] = graphs[i];
    }
    ok = ok && (s->graphs = (tn_dataset *)tn_retain(tn_data_graphs(fit, m)));
    free(fit);
    return ok;
}
TN_API tn_loader *tn_gnn_dynamic_batch_loader(tn_graph *const *graphs, int64_t n, const tn_gnn_dynamic_batch_opts *opts, const tn_loader_opts *loader) {
    const char *who = "tn_gnn_dynamic_batch_loader";
    tn_dataset_fns fns;
    tn_loader_opts o;
    if (!graphs || n < 0 || !opts) return tn_graph__absent(who, "an argument"), (tn_loader *)NULL;
    if (opts->max_num < 1) return tn_error_set(TN_ERR_INVALID, "%s: max_num %lld", who, (long long)opts->max_num), (tn_loader *)NULL;
    memset(&fns, 0, sizeof fns), memset(&o, 0, sizeof o);
    tn_scope scope = tn_scope_open();
    tn_graph__sized *s = (tn_graph__sized *)tn_graph__alloc(who, 1, sizeof *s);
    fns.len = tn_graph__sized_len, fns.get = tn_graph__sized_get, fns.free = tn_graph__sized_free, fns.user = s;
    tn_dataset *d = s && tn_graph__sized_init(who, s, graphs, n, opts) ? tn_data_custom(&fns) : NULL;
    if (!d && s) tn_graph__sized_free(s);
    if (loader) o = *loader;
    o.take = tn_graph__sized_take, o.user = s; /* which lives as long as the set */
    tn_loader *l = d ? (tn_loader *)tn_keep(tn_data_loader(d, &o)) : NULL;
    tn_scope_close(&scope);
    return l;
}
TN_API tn_sampler *tn_gnn_imbalanced_sampler(tn_tensor *y, tn_tensor *input_nodes, int64_t num_samples, tn_generator *g) {
    const char *who = "tn_gnn_imbalanced_sampler";
    const int64_t flat = -1;
    tn_sampler *r = NULL;
    if (!y) return tn_graph__absent(who, "y"), (tn_sampler *)NULL;
    tn_scope s = tn_scope_open();
    y = tn_reshape(y, &flat, 1);
    if (y && input_nodes) y = tn_index_select(y, 0, input_nodes);
    const int64_t *c = tn_graph__longs(who, "y", y, 1), n = c ? tn_numel(y) : 0;
    int64_t most = -1;
    for (int64_t i = 0; i < n; i++) {
        if (c[i] < 0 || c[i] > 1000000000) most = (tn_error_set(TN_ERR_INDEX, "%s: class %lld", who, (long long)c[i]), INT64_MAX - 1);
        if (c[i] > most) most = c[i];
    }
    int64_t *count = c && most < INT64_MAX - 1 ? (int64_t *)tn_graph__alloc(who, most + 1, sizeof *count) : NULL;
    double *weight = count ? (double *)tn_graph__alloc(who, n, sizeof *weight) : NULL;
    for (int64_t i = 0; weight && i < n; i++) count[c[i]]++;
    for (int64_t i = 0; weight && i < n; i++) weight[i] = 1.0 / (double)count[c[i]];
    if (weight) r = (tn_sampler *)tn_keep(tn_sampler_weighted_random(weight, n, num_samples ? num_samples : n, false, g));
    free(count), free(weight);
    tn_scope_close(&s);
    return r;
}

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
    TN_GRAPH__SUM = TN_REDUCE_SUM, TN_GRAPH__MUL = TN_REDUCE_PROD, TN_GRAPH__MEAN = TN_REDUCE_MEAN, TN_GRAPH__MAX = TN_REDUCE_AMAX,
        TN_GRAPH__MIN = TN_REDUCE_AMIN,
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
/* The end of a constructor: m, unless something in its tree could not be made. */
static tn_status tn_graph__nothing(tn_module *self) { return (void)self, TN_OK; }
static tn_module *tn_graph__made(tn_module *m) {
    bool ok = m && tn_module_init(m, tn_graph__nothing) == TN_OK;
    for (int i = 0; ok && i < tn_module_len(m); i++) ok = tn_graph__made(tn_module_at(m, i)) != NULL;
    return ok ? m : NULL;
}
/* The same, with its linear layers and own parameters drawn as PyG's reset_parameters does. */
static tn_module *tn_graph__ready(tn_module *m) { return tn_graph__made(m) && tn_gnn_reset_parameters(m) == TN_OK ? m : NULL; }
/* A list of modules as m's child. */
static tn_module *tn_graph__layer_list(tn_module *m, const char *name) { return m ? tn_module_child(m, name, tn_nn_module_list(NULL, 0)) : NULL; }
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
static tn_tensor *tn_graph__at_most(tn_tensor *x, double v) {
    tn_tensor *most = tn_arg_f(v);
    return most ? tn_clamp(x, (tn_tensor *)NULL, most) : NULL;
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
    return k->made[0] && k->of[0] == a && k->of[1] == b && k->version[0] == tn_version_of(a) && (!b || k->version[1] == tn_version_of(b)) &&
        k->key[0] == key0 && k->key[1] == key1;
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
typedef struct { tn_module base; tn_laplacian_kind kind; tn_module *lins; tn_tensor *bias; } tn_graph__cheb;
/* Edges of 2 L / the largest - I. */
static bool tn_graph__scaled_laplacian(tn_gnn_edges *e, tn_laplacian_kind kind) {
    const int64_t nodes = tn_size(e->x, 0);
    const tn_gnn_edge_list l = tn_gnn_get_laplacian(e->edge_index, e->edge_attr, kind, nodes);
    if (!l.edge_index) return false;
    const int64_t plain = tn_size(l.edge_index, 1) - nodes; /* the loops come last */
    tn_tensor *w = tn_numel(l.edge_attr) ? tn_div(l.edge_attr, tn_max(l.edge_attr)) : l.edge_attr, *both[2];
    w = tn_where(tn_eq(w, (double)INFINITY), 0.0, w);
    both[0] = tn_narrow(w, 0, 0, plain), both[1] = tn_sub(tn_narrow(w, 0, plain, nodes), 1.0);
    e->edge_index = l.edge_index, e->edge_attr = tn_cat(both, 2, 0);
    return e->edge_attr != NULL;
}
static tn_tensor *tn_graph__cheb_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__cheb *m = (const tn_graph__cheb *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, true, false, &e)) return NULL;
    tn_tensor *before = e.x, *y = tn_forward(tn_module_at(m->lins, 0), e.x);
    if (tn_module_len(m->lins) > 1 && !tn_graph__scaled_laplacian(&e, m->kind)) return NULL;
    for (int k = 1; y && k < tn_module_len(m->lins); k++) {
        tn_tensor *next = tn_gnn_propagate(&e, NULL);
        if (!next) return NULL;
        if (k > 1) next = tn_sub(tn_mul(next, 2.0), before);
        y = tn_add(y, tn_forward(tn_module_at(m->lins, k), next));
        before = e.x, e.x = next;
    }
    return tn_graph__plus(y, m->bias);
}
TN_API tn_module *tn_gnn_cheb_conv(int64_t in_channels, int64_t out_channels, int64_t K, const tn_cheb_opts *opts) {
    TN_GRAPH__OPTS(tn_cheb_opts);
    if (!tn_graph__channels("tn_gnn_cheb_conv", in_channels, out_channels) || !tn_graph__sizes("tn_gnn_cheb_conv: K", &K, 1)) return NULL;
    tn_graph__cheb *m = (tn_graph__cheb *)tn_module_new(sizeof *m, "ChebConv", tn_graph__cheb_forward);
    if (!m) return NULL;
    m->kind = !o.has_normalization && o.normalization == TN_LAPLACIAN_PLAIN ? TN_LAPLACIAN_SYM : o.normalization;
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", out_channels, 0, 0, 0);
    m->lins = tn_graph__layer_list(&m->base, "lins");
    for (int64_t k = 0; k < K; k++) tn_graph__append_lin(m->lins, in_channels, out_channels, false, true);
    return tn_graph__ready(&m->base);
}
/* Whether K, a number of steps, is 0 or more. */
static bool tn_graph__steps(const char *who, int64_t K) { return K >= 0 || (tn_error_set(TN_ERR_INVALID, "%s: K is %lld", who, (long long)K), false); }
typedef struct { tn_module base; tn_sg_opts o; int64_t K; tn_module *lin; tn_tensor *kept; } tn_graph__sg;
static void tn_graph__sg_free(tn_module *self) { tn_release(((tn_graph__sg *)self)->kept); }
static tn_tensor *tn_graph__sg_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__sg *m = (tn_graph__sg *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, m->kept != NULL, !m->o.no_self_loops, &e)) return NULL;
    if (m->kept) return tn_forward(m->lin, m->kept);
    for (int64_t k = 0; e.x && k < m->K; k++) e.x = tn_gnn_propagate(&e, NULL);
    if (e.x && m->o.cached) m->kept = (tn_tensor *)tn_retain(tn_detach(e.x));
    return e.x ? tn_forward(m->lin, e.x) : NULL;
}
TN_API tn_module *tn_gnn_sg_conv(int64_t in_channels, int64_t out_channels, int64_t K, const tn_sg_opts *opts) {
    TN_GRAPH__OPTS(tn_sg_opts);
    if (!tn_graph__channels("tn_gnn_sg_conv", in_channels, out_channels) || !tn_graph__steps("tn_gnn_sg_conv", K)) return NULL;
    tn_graph__sg *m = (tn_graph__sg *)tn_module_new(sizeof *m, "SGConv", tn_graph__sg_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__sg_free);
    m->o = o, m->K = K;
    m->lin = tn_graph__lin(&m->base, "lin", in_channels, out_channels, !o.no_bias, false);
    return tn_graph__ready(&m->base);
}
typedef struct { tn_module base; tn_appnp_opts o; int64_t K; double alpha; } tn_graph__appnp;
static tn_tensor *tn_graph__appnp_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__appnp *m = (const tn_graph__appnp *)self;
    tn_gnn_edges e;
    if (!tn_graph__weighed_inputs(self, in, n, m->o.no_normalize, !m->o.no_self_loops, &e)) return NULL;
    tn_tensor *share = tn_mul(e.x, m->alpha);
    for (int64_t k = 0; e.x && k < m->K; k++) {
        if (m->o.dropout > 0 && tn_module_training(self) && !(e.edge_attr = tn_dropout(e.edge_attr, m->o.dropout, true))) return NULL;
        tn_tensor *y = tn_gnn_propagate(&e, NULL);
        e.x = tn_add_alpha(share, y, 1 - m->alpha);
    }
    return e.x;
}
TN_API tn_module *tn_gnn_appnp(int64_t K, double alpha, const tn_appnp_opts *opts) {
    TN_GRAPH__OPTS(tn_appnp_opts);
    if (!tn_graph__steps("tn_gnn_appnp", K) || !tn_graph__chance("tn_gnn_appnp", o.dropout)) return NULL;
    tn_graph__appnp *m = (tn_graph__appnp *)tn_module_new(sizeof *m, "APPNP", tn_graph__appnp_forward);
    if (m) m->o = o, m->K = K, m->alpha = alpha;
    return (tn_module *)m;
}
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
    m->lins = tn_graph__layer_list(&m->base, "lins");
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
    m->lins = tn_graph__layer_list(&m->base, "lins");
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
    tn_graph__arma *m = tn_graph__sizes(who, size, 4) && tn_graph__chance(who, o.dropout) ? (tn_graph__arma *)tn_module_new(sizeof *m, "ARMAConv",
        tn_graph__arma_forward) : NULL;
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
    if (!tn_graph__first_inputs(self, in, n, m->o.no_normalize, !m->o.no_self_loops, &e, &first) || !tn_graph__needs(self, e.edge_attr, "edge_weight"))
        return NULL;
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
        tn_tensor *share = tn_div(loops, tn_graph__at_least(tn_graph__in_degree(&e), 1));
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
    if (tn_size(edge_type, 0) != e)
        return tn_error_set(TN_ERR_SHAPE, "%s: edge_type is %s for %lld edges", who, tn_graph__shape(edge_type).text, (long long)e), false;
    for (int64_t i = 0; i < e; i++)
        if (type[i] < 0 || type[i] >= relations || dst[i] < 0 || dst[i] >= targets)
            return tn_error_set(TN_ERR_INDEX, "%s: edge %lld has type %lld of %lld, target %lld of %lld", who, (long long)i, (long long)type[i],
                (long long)relations, (long long)dst[i], (long long)targets), false;
    int64_t *order = tn_graph__order(who, type, dst, e, n), *to = (int64_t *)tn_graph__alloc(who, 4 * e, sizeof *to),
        *start = (int64_t *)tn_graph__alloc(who, relations, sizeof *start);
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
typedef struct {
    tn_module base;
    tn_gnn_rgcn_opts o;
    tn_reduction_kind aggr;
    int64_t in, out, relations;
    tn_tensor *weight, *comp, *root, *bias;
    tn_graph__kept kept;
} tn_graph__rgcn;
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
    tn_tensor *x = n > 0 ? in[0] : NULL, *x_dst = pair ? in[1] : x, *edge_index = n > 1 + pair ? in[1 + pair] : NULL,
        *edge_type = n > 2 + pair ? in[2 + pair] : NULL;
    if (!tn_graph__needs(self, edge_index, "edge_index") || !tn_graph__needs(self, edge_type, "edge_type") || (pair && !tn_graph__needs(self, x_dst, "x_dst")))
        return NULL;
    const bool features = x && tn_dtype_is_floating(tn_get_dtype(x)), features_dst = x_dst && tn_dtype_is_floating(tn_get_dtype(x_dst));
    if (m->o.num_blocks && (!features || !features_dst))
        return tn_error_set(TN_ERR_DTYPE, "RGCNConv: blocks take features, not indices, of nodes"), (tn_tensor *)NULL;
    if ((features && (tn_ndim(x) != 2 || tn_size(x, 1) != m->in)) || (x_dst && tn_ndim(x_dst) < 1))
        return tn_error_set(TN_ERR_SHAPE, "RGCNConv: x is %s, not [nodes, %lld]", tn_graph__shape(x).text, (long long)m->in), (tn_tensor *)NULL;
    const int64_t targets = x_dst ? tn_size(x_dst, 0) : m->in;
    if (tn_gnn_explaining()) return tn_error_set(TN_ERR_UNSUPPORTED, "RGCNConv: edges are not weighed by a mask"), (tn_tensor *)NULL;
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
    const int64_t in_dst = o.in_channels_dst ? o.in_channels_dst : in_channels, size[4] = {in_channels, out_channels, num_relations, in_dst},
        blocks = o.num_blocks;
    tn_reduction_kind aggr;
    if (!tn_graph__sizes(who, size, 4) || !tn_graph__reduction(who, o.aggr, TN_REDUCE_MEAN, &aggr)) return NULL;
    if (o.num_bases < 0 || blocks < 0 || (o.num_bases && blocks) || (blocks && (in_channels % blocks || out_channels % blocks)))
        return tn_error_set(TN_ERR_INVALID, "%s: %lld bases, %lld blocks of %lld to %lld channels", who, (long long)o.num_bases, (long long)blocks,
            (long long)in_channels, (long long)out_channels), (tn_module *)NULL;
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
typedef struct {
    tn_module base;
    tn_gnn_film_opts o;
    tn_reduction_kind aggr;
    int64_t out;
    tn_module *lins, *films, *lin_skip, *film_skip;
    tn_graph__kept kept;
} tn_graph__film;
static void tn_graph__film_free(tn_module *self) { tn_graph__kept_free(&((tn_graph__film *)self)->kept); }
static tn_tensor *tn_graph__film_index(tn_graph__film *m, tn_tensor *edge_index, tn_tensor *edge_type) {
    const int64_t r = m->o.num_relations;
    if (r == 1 || tn_graph__kept_is(&m->kept, edge_index, edge_type, r, 0)) return r == 1 ? edge_index : m->kept.made[0];
    const int64_t *at = tn_graph__longs("FiLMConv", "edge_index", edge_index, 2), *type = at ? tn_graph__longs("FiLMConv", "edge_type", edge_type, 1) : NULL;
    const int64_t e = at ? tn_size(edge_index, 1) : 0;
    if (!type) return NULL;
    if (tn_size(edge_type, 0) != e)
        return tn_error_set(TN_ERR_SHAPE, "FiLMConv: edge_type is %s for %lld edges", tn_graph__shape(edge_type).text, (long long)e), (tn_tensor *)NULL;
    int64_t *to = (int64_t *)tn_graph__alloc("FiLMConv", 2 * e, sizeof *to);
    bool ok = to != NULL;
    for (int64_t i = 0; ok && i < e; i++) {
        ok = (type[i] >= 0 && type[i] < r) || (tn_error_set(TN_ERR_INDEX, "FiLMConv: edge %lld has type %lld of %lld", (long long)i,
            (long long)type[i], (long long)r), false);
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
    if (m->o.no_act && m->aggr == TN_REDUCE_MEAN) y = tn_div(y, tn_graph__at_least(tn_graph__in_degree(&e), 1));
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
    m->lins = tn_graph__layer_list(&m->base, "lins"), m->films = tn_graph__layer_list(&m->base, "films");
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
        tn_tensor *std = tn_sqrt(tn_graph__at_least(var, 1e-5)); /* the root has no gradient at 0 */
        return tn_masked_fill(std, tn_le(std, tn_arg_f(sqrt(1e-5))), tn_arg_f(0));
    }
    tn_tensor *y = tn_graph__pna_reduce(p, false, (tn_reduction_kind)aggr);
    return p->message ? y : tn_add(y, tn_mul(p->own, aggr == TN_GRAPH__SUM ? p->degree : p->some));
}
static tn_tensor *tn_graph__pna_scaled(const tn_graph__pna *m, const tn_graph__pna_parts *p, tn_tensor *x, tn_gnn_scaler scaler) {
    tn_tensor *lin = tn_module_get(m->scale, "avg_deg_lin"), *log_ = tn_module_get(m->scale, "avg_deg_log"), *d = tn_unsqueeze(p->degree, -1),
        *least = tn_graph__at_least(d, 1);
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
    const bool plain = m->o.pre_layers == 1 && !attr && !tn_gnn_explaining(); /* masks weigh whole messages */
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("PNAConv", 2 * t, sizeof *part);
    bool ok = part && (!e->edge_attr || attr);
    e->edge_attr = NULL;
    for (int64_t i = 0; ok && i < t; i++) {
        tn_module *net = tn_module_at(m->pre, (int)i), *first = tn_module_at(net, 0);
        tn_tensor *x = m->o.divide_input ? tn_narrow(e->x, 1, i * w, w) : e->x, *own = tn_graph__part(first, 0, x, true),
            *from = tn_graph__part(first, w, x, false);
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
    if (tn_ndim(e.x) != 2 || tn_size(e.x, 1) != m->in)
        return tn_error_set(TN_ERR_SHAPE, "PNAConv: x is %s, not [nodes, %lld]", tn_graph__shape(e.x).text, (long long)m->in), (tn_tensor *)NULL;
    if ((e.edge_attr != NULL) != (m->encoder != NULL)) return tn_error_set(TN_ERR_INVALID, "PNAConv: edge_attr and edge_dim go together"), (tn_tensor *)NULL;
    tn_graph__pna_parts p;
    memset(&p, 0, sizeof p);
    p.e = &e;
    if (!tn_graph__pna_messages(m, &e, &p) || !(p.degree = tn_gnn_spmm(e.edge_index, NULL, tn_graph__ones_column(e.x, tn_size(e.x, 0)), -1, TN_REDUCE_SUM))) return NULL;
    const int64_t rows = tn_size(e.x, 0), wide[3] = {rows, t, m->width};
    p.some = tn_graph__at_most(p.degree, 1);
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
        if (m->aggr[i] == TN_GRAPH__MUL) tn_error_set(TN_ERR_INVALID, "%s: mul is not taken", who);
        if (m->aggr[i] == TN_GRAPH__NO_AGGR || m->aggr[i] == TN_GRAPH__MUL) return false;
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
        return tn_error_set(TN_ERR_INVALID, "%s: %lld towers of %lld to %lld channels", who, (long long)o.towers, (long long)in_channels,
            (long long)out_channels), (tn_module *)NULL;
    tn_graph__pna *m = (tn_graph__pna *)tn_module_new(sizeof *m, "PNAConv", tn_graph__pna_forward);
    if (!m || !tn_graph__pna_names(m, who, aggrs, n_aggrs, scalers, n_scalers)) return NULL;
    m->o = o, m->in = in_channels, m->width = o.divide_input ? in_channels / o.towers : in_channels, m->out = out_channels / o.towers;
    m->scale = tn_module_child(&m->base, "aggr_module", tn_gnn_degree_scaler_aggregation(tn_gnn_sum_aggregation(), m->scaler, n_scalers, deg, o.train_norm));
    if (o.edge_dim) m->encoder = tn_graph__lin(&m->base, "edge_encoder", o.edge_dim, m->width, true, false);
    m->pre = tn_graph__layer_list(&m->base, "pre_nns"), m->post = tn_graph__layer_list(&m->base, "post_nns");
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
    if (tn_graph__edges_read("tn_gnn_degree_histogram", edge_index, num_nodes, &g)) y = tn_bincount(tn_gnn_degree(tn_select(edge_index, 0, 1), g.n,
        TN_I64), NULL, 0);
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* GENConv. */
typedef struct {
    tn_module base;
    tn_gnn_gen_opts o;
    tn_graph__aggr kind;
    tn_module *aggr, *src, *dst, *edge, *mlp, *norm;
    tn_graph__kept target;
} tn_graph__gen;
static void tn_graph__gen_free(tn_module *self) { tn_graph__kept_free(&((tn_graph__gen *)self)->target); }
/* Messages that are there, through an aggregation. */
typedef struct { tn_graph__gen *m; tn_tensor *message, *index; } tn_graph__gen_gathered;
static tn_tensor *tn_graph__gen_message(const tn_gnn_edges *e) { return ((const tn_graph__gen_gathered *)e->user)->message; }
static tn_tensor *tn_graph__gen_gather(const tn_gnn_edges *e, tn_tensor *message) {
    const tn_graph__gen_gathered *g = (const tn_graph__gen_gathered *)e->user;
    tn_tensor *in[4] = {message, g->index, NULL, tn_scalar_i64(tn_size(e->x_dst, 0))};
    return tn_call(g->m->aggr, in, 4);
}
static tn_tensor *tn_graph__gen_aggregate(tn_graph__gen *m, const tn_gnn_edges *e, tn_tensor *attr) {
    tn_tensor *node = attr ? NULL : tn_add(tn_relu(e->x), tn_arg_f(m->o.eps)); /* a message that its source makes alone */
    if (node && !m->aggr) return tn_graph__neighbors(e, node, NULL, (tn_reduction_kind)m->kind);
    tn_tensor *message = node ? tn_gnn_x_j(e, node) : tn_add(tn_relu(tn_add(tn_gnn_x_j(e, e->x), attr)), tn_arg_f(m->o.eps));
    if (!m->aggr) return tn_graph__collect(e, message, (tn_reduction_kind)m->kind);
    tn_graph__gen_gathered g = {m, message, tn_graph__side(&m->target, e->edge_index, 1)};
    const tn_gnn_messages by = {tn_graph__gen_message, tn_graph__gen_gather, NULL, TN_REDUCE_SUM};
    tn_gnn_edges with = *e;
    with.user = &g;
    return message && g.index ? tn_gnn_propagate(&with, &by) : NULL;
}
static tn_tensor *tn_graph__gen_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_graph__gen *m = (tn_graph__gen *)self;
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    tn_tensor *root = e.x_dst ? e.x_dst : e.x, *attr = e.edge_attr && m->edge ? tn_forward(m->edge, e.edge_attr) : e.edge_attr;
    if (e.edge_attr && !attr) return NULL;
    e.x_dst = root, e.edge_attr = NULL;
    if (m->src && !(e.x = tn_forward(m->src, e.x))) return NULL;
    if (attr && tn_size(attr, -1) != tn_size(e.x, -1))
        return tn_error_set(TN_ERR_SHAPE, "GENConv: edge_attr is %s for x %s: give edge_dim", tn_graph__shape(attr).text, tn_graph__shape(e.x).text),
            (tn_tensor *)NULL;
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
        else if (o->norm != TN_GNN_GEN_NO_NORM) (void)tn_nn_append(net, tn_nn_layer_norm(&hidden, 1,
            o->norm == TN_GNN_GEN_LAYER_NORM ? NULL : &plain)); /* of rows: the same */
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
        return tn_error_set(TN_ERR_SHAPE, "CGConv: x is %s, edge_attr %s, of %lld features in all", tn_graph__shape(e.x).text,
            e.edge_attr ? tn_graph__shape(e.edge_attr).text : "absent", (long long)tn_size(w, 1)), (tn_tensor *)NULL;
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
    if (tn_ndim(e.x) != 2 || wide > m->out)
        return tn_error_set(TN_ERR_SHAPE, "GatedGraphConv: x is %s, not [nodes, up to %lld]", tn_graph__shape(e.x).text, (long long)m->out), (tn_tensor *)NULL;
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
    if (!tn_graph__channels("tn_gnn_gated_graph_conv", out_channels, num_layers) || !tn_graph__reduction("tn_gnn_gated_graph_conv", o.aggr,
        TN_REDUCE_SUM, &aggr))
        return NULL;
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
    if ((e.edge_attr ? tn_size(e.edge_attr, -1) : 0) != m->o.edge_dim)
        return tn_error_set(TN_ERR_SHAPE, "ResGatedGraphConv: edge_attr has not the %lld features of edge_dim", (long long)m->o.edge_dim), (tn_tensor *)NULL;
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
    tn_graph__res_gated *m = tn_graph__sizes("tn_gnn_res_gated_graph_conv", size, 4) ? (tn_graph__res_gated *)tn_module_new(sizeof *m,
        "ResGatedGraphConv", tn_graph__res_gated_forward) : NULL;
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
    else if (m->loops) e.edge_index = tn_gnn_add_self_loops(tn_gnn_remove_self_loops(e.edge_index, NULL).edge_index, NULL,
        sources < targets ? sources : targets, 1, NULL).edge_index;
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
typedef struct {
    tn_module base;
    tn_gnn_hypergraph_opts o;
    int64_t out;
    tn_module *lin;
    tn_tensor *att, *bias;
    tn_graph__kept side[2];
} tn_graph__hyper;
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
    tn_tensor *of_node = tn_graph__side(&m->side[0], e.edge_index, 0), *of_edge = tn_graph__side(&m->side[1], e.edge_index, 1),
        *x = tn_graph__rows_of(tn_forward(m->lin, e.x), nodes, heads, f);
    if (!x || !of_node || !of_edge) return NULL;
    tn_tensor *last = n > 4 && in[4] ? in[4] : tn_numel(of_edge) ? tn_add(tn_max(of_edge), tn_arg_i(1)) : tn_scalar_i64(0);
    if (!last) return NULL;
    const int64_t edges = tn_item_i64(last);
    if (!weight && edges >= 0 && !(weight = tn_graph__sum_over(tn_graph__ones_column(x, edges), 1))) return NULL;
    if (edges < 0 || tn_ndim(weight) != 1 || tn_size(weight, 0) != edges)
        return tn_error_set(TN_ERR_SHAPE, "HypergraphConv: hyperedge_weight is %s of %lld hyperedges",
            weight ? tn_graph__shape(weight).text : "absent", (long long)edges), (tn_tensor *)NULL;
    e.x = x, e.x_dst = tn_unsqueeze(weight, 1);
    if (m->o.use_attention) {
        tn_tensor *mine = tn_narrow(m->att, -1, 0, f), *theirs = tn_narrow(m->att, -1, f, f), *h = tn_graph__rows_of(tn_forward(m->lin, attr), edges, heads, f);
        alpha = h ? tn_leaky_relu(tn_add(tn_gnn_x_j(&e, tn_graph__sum_over(tn_mul(x, mine), -1)),
            tn_gnn_x_i(&e, tn_graph__sum_over(tn_mul(h, theirs), -1))), m->o.negative_slope) : NULL;
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
    tn_graph__hyper *m = tn_graph__sizes(who, size, 3) && tn_graph__chance(who, o.dropout) ? (tn_graph__hyper *)tn_module_new(sizeof *m,
        "HypergraphConv", tn_graph__hyper_forward) : NULL;
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hyper_free);
    m->o = o, m->out = out_channels;
    if (o.use_attention) m->att = tn_graph__param(&m->base, "att", 1, o.heads, 2 * out_channels, 0);
    if (!o.no_bias) m->bias = tn_graph__param(&m->base, "bias", o.mean_heads ? out_channels : o.heads * out_channels, 0, 0, 0);
    m->lin = tn_graph__lin(&m->base, "lin", in_channels, o.heads * out_channels, false, true);
    return tn_graph__ready(&m->base);
}
/* GIN. */
typedef struct { tn_module base; double start; tn_tensor *eps; tn_module *nn, *lin; } tn_graph__gin;
static tn_tensor *tn_graph__gine_message(const tn_gnn_edges *e) {
    const tn_graph__gin *m = (const tn_graph__gin *)e->user;
    tn_tensor *attr = e->edge_attr, *xj = tn_gnn_x_j(e, e->x);
    if (!tn_graph__needs(&m->base, attr, "edge_attr")) return NULL;
    if (m->lin && !(attr = tn_forward(m->lin, attr))) return NULL;
    if (tn_size(attr, -1) == tn_size(e->x, -1)) return tn_relu(tn_add(xj, attr));
    return tn_error_set(TN_ERR_SHAPE, "GINEConv: edge_attr %s for x %s: give edge_dim", tn_graph__shape(attr).text, tn_graph__shape(e->x).text), (tn_tensor *)NULL;
}
static tn_tensor *tn_graph__gin_run(const tn_graph__gin *m, const tn_gnn_edges *e, const tn_gnn_messages *with) {
    tn_tensor *y = tn_gnn_propagate(e, with);
    return y ? tn_forward(m->nn, tn_add(y, tn_mul(tn_add(m->eps, 1.0), e->x_dst ? e->x_dst : e->x))) : NULL;
}
static tn_tensor *tn_graph__gin_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    e.edge_attr = NULL;
    return tn_graph__gin_run((const tn_graph__gin *)self, &e, NULL);
}
static tn_tensor *tn_graph__gine_forward(tn_module *self, tn_tensor *const *in, int n) {
    static const tn_gnn_messages with = {tn_graph__gine_message, NULL, NULL, TN_REDUCE_SUM};
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    e.user = self;
    return tn_graph__gin_run((const tn_graph__gin *)self, &e, &with);
}
static tn_status tn_graph__gin_init(tn_module *self) {
    const tn_graph__gin *m = (const tn_graph__gin *)self;
    return tn_init_constant_(m->eps, m->start) ? TN_OK : tn_error_code();
}
/* The width that nn takes, if it begins with a Linear, else 0. */
static int64_t tn_graph__width_taken(tn_module *nn) {
    while (tn_module_len(nn) > 0) nn = tn_module_at(nn, 0);
    return tn_nn_in_features(nn);
}
static bool tn_graph__gine_lin(tn_graph__gin *m, int64_t edge_dim) {
    if (!tn_graph__made(&m->base)) return false; /* nn may not be whole */
    const int64_t width = tn_graph__width_taken(m->nn);
    if (!width) return tn_error_set(TN_ERR_INVALID, "tn_gnn_gine_conv: nn does not begin with a Linear, so that edge_dim has no width to go to"), false;
    m->lin = tn_graph__lin(&m->base, "lin", edge_dim, width, true, false);
    return true;
}
static tn_module *tn_graph__gin_layer(const char *kind, tn_forward_fn forward, tn_module *nn, const tn_gin_opts *o, int64_t edge_dim) {
    static const int64_t one = 1;
    tn_graph__gin *m = (tn_graph__gin *)tn_module_new(sizeof *m, kind, forward);
    if (!m) return NULL;
    m->start = o->eps;
    m->eps = o->train_eps ? tn_graph__param(&m->base, "eps", 1, 0, 0, 0) : tn_module_buffer(&m->base, "eps", tn_empty(&one, 1, NULL), false);
    m->nn = tn_module_child(&m->base, "nn", nn);
    if (edge_dim && !tn_graph__gine_lin(m, edge_dim)) return NULL;
    return tn_graph__ready(&m->base) && tn_module_init(&m->base, tn_graph__gin_init) == TN_OK ? &m->base : NULL;
}
TN_API tn_module *tn_gnn_gin_conv(tn_module *nn, const tn_gin_opts *opts) {
    TN_GRAPH__OPTS(tn_gin_opts);
    return tn_graph__gin_layer("GINConv", tn_graph__gin_forward, nn, &o, 0);
}
TN_API tn_module *tn_gnn_gine_conv(tn_module *nn, const tn_gin_opts *opts) {
    TN_GRAPH__OPTS(tn_gin_opts);
    return tn_graph__gin_layer("GINEConv", tn_graph__gine_forward, nn, &o, o.edge_dim);
}
/* EdgeConv. */
typedef struct { tn_module base; tn_reduction_kind aggr; tn_module *nn; } tn_graph__edge_conv;
static tn_tensor *tn_graph__edge_conv_message(const tn_gnn_edges *e) {
    tn_tensor *own = tn_gnn_x_i(e, e->x_dst), *both[2] = {own, tn_sub(tn_gnn_x_j(e, e->x), own)}, *all = tn_cat(both, 2, -1);
    return all ? tn_forward((tn_module *)e->user, all) : NULL;
}
static tn_tensor *tn_graph__edge_conv_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__edge_conv *m = (const tn_graph__edge_conv *)self;
    const tn_gnn_messages with = {tn_graph__edge_conv_message, NULL, NULL, m->aggr};
    tn_gnn_edges e;
    if (!tn_gnn_inputs(self, in, n, &e)) return NULL;
    if (!e.x_dst) e.x_dst = e.x;
    e.user = m->nn;
    return tn_gnn_propagate(&e, &with);
}
TN_API tn_module *tn_gnn_edge_conv(tn_module *nn, const tn_edge_conv_opts *opts) {
    TN_GRAPH__OPTS(tn_edge_conv_opts);
    tn_graph__edge_conv *m = (tn_graph__edge_conv *)tn_module_new(sizeof *m, "EdgeConv", tn_graph__edge_conv_forward);
    if (!m) return NULL;
    m->aggr = !o.has_aggr && o.aggr == TN_REDUCE_SUM ? TN_REDUCE_AMAX : o.aggr;
    m->nn = tn_module_child(&m->base, "nn", nn);
    return tn_graph__ready(&m->base);
}
/* EdgeConv over the nearest. */
typedef struct { tn_module base; tn_reduction_kind aggr; int64_t k; tn_module *nn; } tn_graph__dynamic;
static tn_tensor *tn_graph__dynamic_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__dynamic *m = (const tn_graph__dynamic *)self;
    const bool pair = n > 1 && in[1] && tn_dtype_is_floating(tn_get_dtype(in[1]));
    tn_tensor *batch = n > 1 + pair ? in[1 + pair] : NULL, *batch_dst = pair ? n > 3 ? in[3] : NULL : batch;
    tn_gnn_edges e;
    memset(&e, 0, sizeof e);
    if (!tn_graph__needs(self, n > 0 ? in[0] : NULL, "x")) return NULL;
    e.x = in[0], e.x_dst = pair ? in[1] : in[0], e.target_to_source = true; /* row 0 are those that have neighbours */
    e.edge_index = tn_gnn_knn(e.x, e.x_dst, m->k, batch, batch_dst, false);
    if (!e.edge_index) return NULL;
    tn_tensor *own = tn_gnn_x_i(&e, e.x_dst), *both[2] = {own, tn_sub(tn_gnn_x_j(&e, e.x), own)}, *message = tn_cat(both, 2, -1);
    return message ? tn_graph__collect(&e, tn_forward(m->nn, message), m->aggr) : NULL;
}
TN_API tn_module *tn_gnn_dynamic_edge_conv(tn_module *nn, int64_t k, const char *aggr) {
    tn_reduction_kind kind;
    if (!tn_graph__sizes("tn_gnn_dynamic_edge_conv: k", &k, 1) || !tn_graph__reduction("tn_gnn_dynamic_edge_conv", aggr, TN_REDUCE_AMAX, &kind)) return NULL;
    tn_graph__dynamic *m = (tn_graph__dynamic *)tn_module_new(sizeof *m, "DynamicEdgeConv", tn_graph__dynamic_forward);
    if (!m) return NULL;
    m->aggr = kind, m->k = k;
    m->nn = tn_module_child(&m->base, "nn", nn);
    return tn_graph__ready(&m->base);
}

/* Performer: softmax's kernel by projected features, so that keys and values are summed before queries meet them. */
typedef struct { tn_module base; tn_tensor *matrix; tn_gnn_act kernel; } tn_graph__projection;
typedef struct { tn_module base; tn_gnn_performer_opts o; int64_t heads; tn_module *fast, *part[4]; } tn_graph__performer;
/* Rows of orthogonal matrices. */
static tn_tensor *tn_graph__orthogonal(int64_t rows, int64_t columns, tn_generator *g) {
    const int64_t whole[2] = {columns, columns}, shape[2] = {rows, columns};
    const bool was = tn_set_grad_enabled(false);
    tn_tensor *all = tn_empty(shape, 2, NULL);
    bool ok = all != NULL;
    for (int64_t at = 0; ok && at < rows; at += columns) {
        const int64_t n = rows - at < columns ? rows - at : columns;
        tn_tensor *block = tn_empty(whole, 2, NULL);
        ok = block && tn_init_orthogonal_(block, 1, g) && tn_copy_(tn_narrow(all, 0, at, n), tn_narrow(block, 0, 0, n));
    }
    (void)tn_set_grad_enabled(was);
    return ok ? all : NULL;
}
static tn_tensor *tn_graph__projection_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__projection *m = (const tn_graph__projection *)self;
    tn_tensor *x = tn_graph__needs(self, n > 0 ? in[0] : NULL, "x") ? tn_matmul(in[0], tn_t(m->matrix)) : NULL;
    return x ? tn_add(m->kernel ? m->kernel(x) : tn_relu(x), tn_arg_f(0.001)) : NULL;
}
static tn_module *tn_graph__projection_new(int64_t width, tn_gnn_act kernel) {
    tn_graph__projection *m = (tn_graph__projection *)tn_module_new(sizeof *m, "PerformerProjection", tn_graph__projection_forward);
    if (!m || tn_init_flush() != TN_OK) return NULL; /* what was made before draws before */
    m->kernel = kernel;
    m->matrix = tn_module_buffer(&m->base, "projection_matrix", tn_graph__orthogonal((int64_t)((double)width * log((double)width)), width, NULL), false);
    return &m->base;
}
static tn_tensor *tn_graph__performer_forward(tn_module *self, tn_tensor *const *in, int n) {
    static const int order[4] = {0, 2, 1, 3};
    const tn_graph__performer *m = (const tn_graph__performer *)self;
    tn_tensor *x = n > 0 ? in[0] : NULL, *mask = n > 1 ? in[1] : NULL, *p[3];
    if (!tn_graph__needs(self, x, "x")) return NULL;
    if (tn_ndim(x) != 3 || (mask && (tn_ndim(mask) != 2 || tn_size(mask, 0) != tn_size(x, 0) || tn_size(mask, 1) != tn_size(x, 1) || tn_get_dtype(mask) != TN_BOOL)))
        return tn_error_set(TN_ERR_SHAPE, "%s: x is %s, not [graphs, nodes, channels] with a bool mask of these", self->kind, tn_graph__shape(x).text), (tn_tensor *)NULL;
    const int64_t split[4] = {tn_size(x, 0), tn_size(x, 1), m->heads, m->o.head_channels}, flat[3] = {split[0], split[1], m->heads * m->o.head_channels};
    for (int i = 0; i < 3; i++) {
        tn_tensor *t = tn_forward(m->part[i], x);
        if (!t || !(p[i] = tn_permute(tn_reshape(t, split, 4), order, 4))) return NULL;
    }
    if (mask) p[2] = tn_masked_fill(p[2], tn_unsqueeze(tn_unsqueeze(tn_logical_not(mask), 1), -1), tn_arg_f(0));
    tn_tensor *q = tn_forward(m->fast, p[0]), *k = tn_forward(m->fast, p[1]);
    if (!q || !k) return NULL;
    tn_tensor *sum = tn_matmul(q, tn_unsqueeze(tn_graph__sum_over(k, -2), -1)), *y = tn_div(tn_matmul(q, tn_matmul(tn_transpose(k, -2, -1), p[2])), sum);
    y = y ? tn_forward(m->part[3], tn_reshape(tn_permute(y, order, 4), flat, 3)) : NULL;
    return y ? tn_dropout(y, m->o.dropout, tn_module_training(self)) : NULL;
}
TN_API tn_module *tn_gnn_performer_attention(int64_t channels, int64_t heads, const tn_gnn_performer_opts *opts) {
    const char *who = "tn_gnn_performer_attention";
    TN_GRAPH__OPTS(tn_gnn_performer_opts);
    static const char *const names[4] = {"q", "k", "v", "attn_out"};
    if (o.head_channels == 0) o.head_channels = 64;
    if (!tn_graph__channels(who, channels, heads) || !tn_graph__chance(who, o.dropout)) return NULL;
    if (channels % heads || o.head_channels < 2 || o.head_channels > 65536 || heads > INT64_MAX / o.head_channels)
        return tn_error_set(TN_ERR_INVALID, "%s: %lld heads of width %lld for %lld channels", who, (long long)heads, (long long)o.head_channels, (long long)channels), (tn_module *)NULL;
    tn_graph__performer *m = (tn_graph__performer *)tn_module_new(sizeof *m, "PerformerAttention", tn_graph__performer_forward);
    if (!m) return NULL;
    const int64_t inner = heads * o.head_channels;
    m->o = o, m->heads = heads;
    m->fast = tn_module_child(&m->base, "fast_attn", tn_graph__projection_new(o.head_channels, o.kernel));
    for (int i = 0; i < 4; i++) {
        const tn_linear_opts lin = {i < 3 ? !o.qkv_bias : o.no_out_bias};
        m->part[i] = tn_module_child(&m->base, names[i], tn_nn_linear(i < 3 ? channels : inner, i < 3 ? inner : channels, &lin));
    }
    return tn_graph__made(&m->base);
}
TN_API tn_status tn_gnn_performer_redraw(tn_module *attention, tn_generator *g) {
    const char *who = "tn_gnn_performer_redraw";
    if (!attention) return tn_graph__absent(who, "the attention"), tn_error_code();
    if (attention->forward != tn_graph__performer_forward) return tn_error_set(TN_ERR_INVALID, "%s: a PerformerAttention is wanted, got %s", who, attention->kind), TN_ERR_INVALID;
    tn_tensor *matrix = ((const tn_graph__projection *)((const tn_graph__performer *)attention)->fast)->matrix;
    tn_scope s = tn_scope_open();
    tn_tensor *drawn = tn_graph__orthogonal(tn_size(matrix, 0), tn_size(matrix, 1), g);
    const bool ok = drawn && tn_copy_(matrix, drawn);
    tn_scope_close(&s);
    return ok ? TN_OK : tn_error_code();
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
    const bool linear = attn->forward == tn_graph__performer_forward;
    tn_tensor *in[4] = {d.x, d.x, d.x, tn_logical_not(d.mask)}, *few[2] = {d.x, d.mask}, *y = tn_call(attn, linear ? few : in, linear ? 2 : 4);
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
    m->attn = tn_module_child(&m->base, "attn", o.performer ? tn_gnn_performer_attention(channels, o.heads, &o.attn) : tn_nn_multihead_attention(channels, o.heads, &attn));
    tn_module *part[5] = {tn_nn_linear(channels, 2 * channels, NULL), tn_graph__act_module(o.act), tn_nn_dropout(o.dropout),
        tn_nn_linear(2 * channels, channels, NULL), tn_nn_dropout(o.dropout)};
    m->mlp = tn_module_child(&m->base, "mlp", tn_nn_sequential_of(part, 5));
    for (int i = 0; i < 3 && !o.no_norm; i++) m->norm[i] = tn_module_child(&m->base, names[i], o.norm ? o.norm(channels) : tn_gnn_batch_norm(channels));
    return tn_graph__made(&m->base);
}

/* Kinds of nodes and edges. */
typedef struct { char *name; int src, dst; } tn_graph__edge_kind;
typedef struct { char **node; tn_graph__edge_kind *edge; int nodes, edges; } tn_graph__kinds;
static char *tn_graph__layer_copy(const char *who, const char *text, size_t n) {
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
    if (k->nodes == room || !(k->node[k->nodes] = tn_graph__layer_copy(who, name, n))) return -1;
    return k->nodes++;
}
/* A kind of edges by its name: source and target are what is before the first, and behind the last, two underscores. */
static bool tn_graph__edge_kind_add(tn_graph__kinds *k, const char *who, const char *name, int room) {
    const char *first = name ? strstr(name, "__") : NULL, *last = first;
    for (const char *at = first; at; at = strstr(at + 1, "__")) last = at;
    if (!first || last < first + 2)
        return tn_error_set(TN_ERR_INVALID, "%s: %s is no kind of edges, \"source__relation__target\"", who, name ? name : "NULL"), false;
    tn_graph__edge_kind *e = &k->edge[k->edges];
    e->src = tn_graph__node_kind(k, who, name, (size_t)(first - name), room), e->dst = tn_graph__node_kind(k, who, last + 2, strlen(last + 2), room);
    if (e->src < 0 || e->dst < 0)
        return tn_error_set(TN_ERR_INVALID, "%s: %s joins a kind of nodes that is not among the %d given", who, name, k->nodes), false;
    if (!(e->name = tn_graph__layer_copy(who, name, strlen(name)))) return false;
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
        else ok = tn_graph__node_kind(k, who, meta->node_types[i], strlen(meta->node_types[i]), meta->n_node_types) == i ||
            (tn_error_set(TN_ERR_INVALID, "%s: %s occurs twice", who, meta->node_types[i]), false);
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
/* first: where each kind of edges has its sources, then each kind of nodes its targets; rows: how many nodes there are. */
static tn_tensor *tn_graph__hgt_index(tn_graph__hgt *m, tn_dict *edge_index, const int64_t *first, const int64_t *rows) {
    const char *who = "tn_gnn_hgt_forward";
    const int kinds = m->kinds.edges, all = kinds + m->kinds.nodes;
    bool same = m->index != NULL && memcmp(first, m->first, (size_t)all * sizeof *first) == 0;
    int64_t e = 0, at = 0;
    for (int i = 0; i < kinds; i++) {
        tn_tensor *t = tn_dict_get(edge_index, m->kinds.edge[i].name);
        if (t && (tn_ndim(t) != 2 || tn_size(t, 0) != 2))
            return tn_error_set(TN_ERR_SHAPE, "%s: %s is %s, not [2, edges]", who, m->kinds.edge[i].name, tn_graph__shape(t).text), (tn_tensor *)NULL;
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
            if (!ok)
                tn_error_set(TN_ERR_INDEX, "%s: edge %lld of %s goes from %lld of %lld to %lld of %lld", who, (long long)j, k->name, (long long)v[j],
                    (long long)rows[k->src], (long long)v[n + j], (long long)rows[k->dst]);
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
static bool tn_graph__hgt_nodes(const tn_graph__hgt *m, tn_dict *x, tn_dict *edge_index, const tn_graph__hgt_room *r) {
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
/* What is attended times the masks of explainers, which are of each kind of edges; the sums over these. */
static tn_tensor *tn_graph__hgt_masked(const tn_graph__hgt *m, tn_dict *edge_index, const tn_gnn_edges *e) {
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("tn_gnn_hgt_forward", m->kinds.edges, sizeof *part), *all = NULL;
    tn_tensor_opts o;
    int n = 0;
    bool ok = part != NULL;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(e->x), o.device = tn_get_device(e->x);
    for (int i = 0; ok && i < m->kinds.edges; i++) {
        tn_tensor *of = tn_dict_get(edge_index, m->kinds.edge[i].name), *mask = of ? tn_gnn_edge_mask_of(of) : NULL;
        const int64_t edges = of ? tn_size(of, 1) : 0;
        if (of) ok = (part[n++] = mask ? mask : tn_ones(&edges, 1, &o)) != NULL;
    }
    if (ok) all = tn_unsqueeze(tn_cat(part, n, 0), 1);
    free(part);
    return all ? tn_gnn_spmm(e->edge_index, tn_mul(e->edge_attr, all), e->x, tn_size(e->x_dst, 0), TN_REDUCE_SUM) : NULL;
}
static bool tn_graph__hgt_run(tn_graph__hgt *m, tn_dict *edge_index, const tn_graph__hgt_room *r, tn_dict *out) {
    tn_gnn_edges e;
    char name[512];
    memset(&e, 0, sizeof e);
    tn_tensor *keys = tn_graph__hgt_sources(m, edge_index, r->k, m->k_rel, true);
    e.x = tn_graph__hgt_sources(m, edge_index, r->v, m->v_rel, false), e.x_dst = tn_graph__cat_some(r->q, m->kinds.nodes);
    e.edge_index = e.x && e.x_dst ? tn_graph__hgt_index(m, edge_index, r->first, r->rows) : NULL;
    if (!keys || !e.edge_index || !(e.edge_attr = tn_gnn_edge_softmax(&e, tn_gnn_edge_dot(&e, e.x_dst, keys)))) return false;
    tn_tensor *y = tn_gnn_edge_mask() ? tn_graph__hgt_masked(m, edge_index, &e) : tn_gnn_propagate(&e, NULL);
    y = tn_graph__rows_of(y, tn_size(e.x_dst, 0), m->out, 0);
    for (int i = 0; y && i < m->kinds.nodes; i++) {
        bool target = false;
        for (int k = 0; k < m->kinds.edges; k++) target = target || m->kinds.edge[k].dst == i;
        if (!target || !r->x[i]) continue;
        tn_tensor *t = tn_forward(tn_module_at(m->out_lin, i), tn_gelu(tn_narrow(y, 0, r->first[m->kinds.edges + i], r->rows[i]), TN_GELU_NONE));
        (void)snprintf(name, sizeof name, "skip.%s", m->kinds.node[i]);
        if (t && tn_size(r->x[i], -1) == m->out) t = tn_lerp(r->x[i], t, tn_sigmoid(tn_module_get(&m->base, name)));
        if (tn_dict_set(out, m->kinds.node[i], t) != TN_OK) return false;
    }
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
        ok = tn_graph__hgt_nodes(m, x, edge_index, &r) && tn_graph__hgt_run(m, edge_index, &r, out);
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
static tn_module *tn_graph__dict_linear_new(tn_module *lins) {
    tn_module *m = tn_module_new(sizeof(tn_module), "HeteroDictLinear", tn_graph__only_forward);
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
    if (out_channels % heads)
        return tn_error_set(TN_ERR_INVALID, "%s: %lld heads of %lld channels", who, (long long)heads, (long long)out_channels), (tn_module *)NULL;
    tn_graph__hgt *m = (tn_graph__hgt *)tn_module_new(sizeof *m, "HGTConv", tn_graph__hgt_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hgt_free);
    if (!tn_graph__kinds_read(&m->kinds, who, metadata)) return NULL;
    const tn_graph__kinds *k = &m->kinds;
    m->out = out_channels, m->heads = heads;
    m->of = (tn_tensor **)tn_graph__alloc(who, k->edges, sizeof *m->of), m->version = (int64_t *)tn_graph__alloc(who, k->edges, sizeof *m->version);
    m->first = (int64_t *)tn_graph__alloc(who, k->edges + k->nodes, sizeof *m->first);
    if (!m->of || !m->version || !m->first) return NULL;
    m->kqv = tn_graph__hetero_linears(k, metadata->in_channels, 0, 3 * out_channels), m->out_lin = tn_graph__hetero_linears(k, NULL, out_channels,
        out_channels);
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
    if (out_channels % o.heads)
        return tn_error_set(TN_ERR_INVALID, "%s: %lld heads of %lld channels", who, (long long)o.heads, (long long)out_channels), (tn_module *)NULL;
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
    tn_tensor *in[4] = {tn_dict_get(x, m->kinds.node[k->src]), NULL, NULL, NULL}, *dst = tn_dict_get(x, m->kinds.node[k->dst]),
        *attr = edge_attr ? tn_dict_get(edge_attr, k->name) : NULL;
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
    if (n < 1 || !edge_types || !convs || (kind >= TN_GRAPH__STD && kind < TN_GRAPH__CAT))
        return tn_error_set(TN_ERR_INVALID, "%s: %d kinds of edges, aggr %s", who, n, aggr ? aggr : "sum"), (tn_module *)NULL;
    tn_graph__hetero *m = (tn_graph__hetero *)tn_module_new(sizeof *m, "HeteroConv", tn_graph__hetero_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__hetero_free);
    m->aggr = kind;
    m->kinds.node = (char **)tn_graph__alloc(who, 2 * n, sizeof *m->kinds.node), m->kinds.edge = (tn_graph__edge_kind *)tn_graph__alloc(who, n,
        sizeof *m->kinds.edge);
    m->convs = tn_module_child(&m->base, "convs", tn_nn_module_dict(NULL, NULL, 0));
    bool ok = m->kinds.node && m->kinds.edge && m->convs;
    for (int i = 0; ok && i < n; i++) {
        char name[512];
        ok = tn_graph__edge_kind_add(&m->kinds, who, edge_types[i], 2 * n) && (convs[i] || tn_graph__absent(who, edge_types[i]));
        if (ok && !tn_graph__hetero_name(edge_types[i], name, sizeof name)) ok = false, tn_error_set(TN_ERR_INVALID,
            "%s: the name of kind %d is too long", who, i);
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
static tn_tensor *tn_graph__aggregate_pick(const tn_graph__groups *g, tn_tensor *ranked, const int64_t *at, int64_t n) {
    return tn_gather(g->x, 0, tn_index_select(ranked, 0, tn_graph__indices(at, 0, n, tn_get_device(g->x))));
}
static tn_tensor *tn_graph__quantiles(const tn_graph__groups *g, tn_gnn_interpolation how, int64_t n, const int64_t *low, const int64_t *high,
                                      const double *part) {
    const tn_tensor_opts f64 = {TN_F64, {TN_CPU, 0}, false, NULL};
    const int64_t shape[2] = {n, 1};
    tn_tensor *ranked = tn_graph__ranked(g), *a = how == TN_GNN_HIGHER ? NULL : tn_graph__aggregate_pick(g, ranked, low, n);
    if (how == TN_GNN_LOWER || how == TN_GNN_NEAREST) return a;
    tn_tensor *b = tn_graph__aggregate_pick(g, ranked, high, n), *at = tn_to_dtype(tn_to(tn_from(part, shape, 2, &f64), tn_get_device(g->x)), tn_get_dtype(g->x));
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

typedef struct { tn_module base; tn_module *aggrs, *lin, *heads, *attention; tn_gnn_combine mode; } tn_graph__aggr_multi;
static tn_tensor *tn_graph__combine(tn_tensor *stacked, tn_gnn_combine mode) {
    tn_reduce_opts first;
    tn_var_opts var;
    memset(&first, 0, sizeof first), memset(&var, 0, sizeof var);
    first.has_dim = var.has_dim = true;
    switch (mode) {
    case TN_GNN_COMBINE_SUM: return tn_sum(stacked, &first);
    case TN_GNN_COMBINE_MAX: return tn_max_dim(stacked, 0, false).values;
    case TN_GNN_COMBINE_MIN: return tn_min_dim(stacked, 0, false).values;
    case TN_GNN_COMBINE_STD: return tn_std(stacked, &var);
    case TN_GNN_COMBINE_VAR: return tn_var(stacked, &var);
    case TN_GNN_COMBINE_LOGSUMEXP: return tn_logsumexp(stacked, &first);
    default: return tn_mean(stacked, &first); /* of attention too */
    }
}
static tn_tensor *tn_graph__combine_all(const tn_graph__aggr_multi *m, tn_tensor **out, int n) {
    if (n == 1) return out[0];
    if (m->mode == TN_GNN_CAT) return tn_cat(out, n, -1);
    if (m->lin) return tn_forward(m->lin, tn_cat(out, n, -1));
    for (int i = 0; m->heads && i < n; i++)
        if (!(out[i] = tn_forward(tn_module_at(m->heads, i), out[i]))) return NULL;
    tn_tensor *all = tn_stack(out, n, 0), *const qkv[3] = {all, all, all};
    return tn_graph__combine(m->attention ? tn_call(m->attention, qkv, 3) : all, m->mode);
}
static tn_tensor *tn_graph__aggr_multi_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__aggr_multi *m = (const tn_graph__aggr_multi *)self;
    const int count = tn_module_len(m->aggrs);
    tn_tensor **out = (tn_tensor **)tn_graph__alloc(self->kind, count, sizeof *out), *r = NULL;
    bool ok = out != NULL;
    for (int i = 0; ok && i < count; i++) ok = (out[i] = tn_call(tn_module_at(m->aggrs, i), in, n)) != NULL;
    if (ok) r = tn_graph__combine_all(m, out, count);
    free(out);
    return r;
}
/* The layers of proj and attn. */
static void tn_graph__aggr_multi_layers(tn_graph__aggr_multi *m, int n, const tn_gnn_multi_opts *o, int64_t all) {
    if (m->mode == TN_GNN_COMBINE_PROJ) {
        m->lin = tn_graph__lin(&m->base, "lin", all, o->out_channels, !o->no_bias, false);
        return;
    }
    tn_mha_module_opts mha;
    memset(&mha, 0, sizeof mha);
    mha.dropout = o->dropout, mha.no_bias = o->no_bias;
    tn_module *linears = tn_module_child(&m->base, "lin_heads", tn_module_new(sizeof(tn_module), "HeteroDictLinear", tn_graph__only_forward));
    m->heads = tn_graph__layer_list(linears, "lins");
    for (int i = 0; i < n; i++) tn_graph__append_lin(m->heads, o->in_channels_of ? o->in_channels_of[i] : o->in_channels, o->out_channels, true, false);
    if (!linears || tn_gnn_reset_parameters(linears) != TN_OK) return; /* which PyG draws twice */
    m->attention = tn_module_child(&m->base, "multihead_attn", tn_nn_multihead_attention(o->out_channels, o->num_heads ? o->num_heads : 1, &mha));
}
TN_API tn_module *tn_gnn_multi_aggregation(tn_module *const *aggrs, int n, tn_gnn_combine mode, const tn_gnn_multi_opts *opts) {
    const char *who = "tn_gnn_multi_aggregation";
    int64_t all = 0;
    if (!aggrs || n < 1 || mode < TN_GNN_CAT || mode > TN_GNN_COMBINE_ATTN)
        return tn_error_set(TN_ERR_INVALID, "%s: %d aggregations, mode %d", who, n, (int)mode), (tn_module *)NULL;
    const bool learned = mode >= TN_GNN_COMBINE_PROJ;
    bool ok = !learned || (opts && n > 1 && opts->out_channels > 0);
    for (int i = 0; learned && ok && i < n; i++) {
        const int64_t width = opts->in_channels_of ? opts->in_channels_of[i] : opts->in_channels;
        ok = width > 0 && width < INT32_MAX;
        all += width;
    }
    if (!ok) return tn_error_set(TN_ERR_INVALID, "%s: this mode needs several aggregations (there are %d), in_channels and out_channels", who, n), (tn_module *)NULL;
    tn_graph__aggr_multi *m = (tn_graph__aggr_multi *)tn_module_new(sizeof *m, "MultiAggregation", tn_graph__aggr_multi_forward);
    if (!m) return NULL;
    m->aggrs = tn_module_child(&m->base, "aggrs", tn_nn_module_list(aggrs, n));
    m->mode = mode;
    if (learned) tn_graph__aggr_multi_layers(m, n, opts, all);
    return tn_graph__made(&m->base);
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

typedef struct { tn_module base; tn_tensor *weight, *bias, *mean_scale, *running_mean, *running_var; int64_t types; double eps, momentum; bool by_node; } tn_graph__norm;
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

/* Several types of nodes, each with its own weights. */
static tn_graph__norm *tn_graph__hetero_norm_new(const char *kind, tn_forward_fn forward, int64_t channels, int64_t types, const tn_norm_opts *o) {
    const int64_t shape[2] = {types, channels};
    if (types < 1) return tn_error_set(TN_ERR_INVALID, "%s: %lld types", kind, (long long)types), (tn_graph__norm *)NULL;
    tn_graph__norm *m = tn_graph__norm_new(kind, forward, channels, false, o->eps);
    if (!m) return NULL;
    m->types = types, m->momentum = tn_graph__or(o->momentum, 0.1);
    if (o->no_affine) return m;
    m->weight = tn_module_param(&m->base, "weight", tn_ones(shape, 2, NULL));
    m->bias = tn_module_param(&m->base, "bias", tn_zeros(shape, 2, NULL));
    return m;
}
static bool tn_graph__types_in(tn_module *self, tn_tensor *const *in, int n, tn_graph__groups *g) {
    const int64_t types = ((const tn_graph__norm *)self)->types;
    tn_tensor *ptr = n > 2 ? in[2] : NULL, *index = n > 1 && !ptr ? in[1] : NULL;
    if (!ptr && !index) return tn_graph__absent(self->kind, "type_vec");
    if (!tn_graph__grouped(self->kind, n > 0 ? in[0] : NULL, index, ptr, NULL, 2, g)) return false;
    if (g->groups > types) return tn_error_set(TN_ERR_INDEX, "%s: type %lld of %lld", self->kind, (long long)g->groups - 1, (long long)types), false;
    g->groups = types;
    return true;
}
static tn_tensor *tn_graph__typed_affine(const tn_graph__norm *m, const tn_graph__groups *g, tn_tensor *x) {
    return m->weight ? tn_add(tn_mul(x, tn_graph__spread(g, m->weight)), tn_graph__spread(g, m->bias)) : x;
}
static tn_tensor *tn_graph__hetero_layer_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__norm *m = (const tn_graph__norm *)self;
    tn_graph__groups g;
    if (!tn_graph__types_in(self, in, n, &g)) return NULL;
    const int64_t channels = tn_size(g.x, 1);
    return tn_graph__typed_affine(m, &g, tn_layer_norm(g.x, &channels, 1, NULL, NULL, m->eps));
}
TN_API tn_module *tn_gnn_hetero_layer_norm(int64_t channels, int64_t num_types, const tn_norm_opts *opts) {
    TN_GRAPH__OPTS(tn_norm_opts);
    return (tn_module *)tn_graph__hetero_norm_new("HeteroLayerNorm", tn_graph__hetero_layer_forward, channels, num_types, &o);
}
/* The batch's mean and variance of each type; what is tracked moves towards them for types that the batch has. */
static bool tn_graph__hetero_stats(const tn_graph__norm *m, const tn_graph__groups *g, tn_tensor **mean, tn_tensor **var) {
    tn_tensor *x = tn_detach(g->x), *seen;
    *mean = tn_graph__reduce(g, x, TN_REDUCE_MEAN);
    *var = *mean ? tn_graph__reduce(g, tn_square(tn_sub(x, tn_graph__spread(g, *mean))), TN_REDUCE_MEAN) : NULL;
    if (!*var || !m->running_mean || !tn_module_training(&m->base)) return *var != NULL;
    const bool was = tn_set_grad_enabled(false);
    seen = tn_mul(tn_to_dtype(tn_gt(tn_graph__group_sizes(g), tn_arg_f(0)), tn_get_dtype(x)), tn_arg_f(m->momentum));
    const bool ok = seen && tn_lerp_(m->running_mean, *mean, seen) && tn_lerp_(m->running_var, *var, seen);
    tn_set_grad_enabled(was);
    return ok;
}
static tn_tensor *tn_graph__hetero_batch_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__norm *m = (const tn_graph__norm *)self;
    tn_graph__groups g;
    tn_tensor *mean = m->running_mean, *var = m->running_var;
    if (!tn_graph__types_in(self, in, n > 2 ? 2 : n, &g)) return NULL;
    if ((!mean || tn_module_training(self)) && !tn_graph__hetero_stats(m, &g, &mean, &var)) return NULL;
    tn_tensor *std = tn_sqrt(tn_graph__at_least(var, m->eps));
    return tn_graph__typed_affine(m, &g, tn_div(tn_sub(g.x, tn_graph__spread(&g, mean)), tn_graph__spread(&g, std)));
}
TN_API tn_module *tn_gnn_hetero_batch_norm(int64_t channels, int64_t num_types, const tn_norm_opts *opts) {
    const int64_t shape[2] = {num_types, channels};
    TN_GRAPH__OPTS(tn_norm_opts);
    tn_graph__norm *m = tn_graph__hetero_norm_new("HeteroBatchNorm", tn_graph__hetero_batch_forward, channels, num_types, &o);
    if (!m || o.no_running_stats) return (tn_module *)m;
    m->running_mean = tn_module_buffer(&m->base, "running_mean", tn_zeros(shape, 2, NULL), false);
    m->running_var = tn_module_buffer(&m->base, "running_var", tn_ones(shape, 2, NULL), false);
    (void)tn_module_buffer(&m->base, "num_batches_tracked", tn_scalar_i64(0), false);
    return &m->base;
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
static const double *tn_graph__pool_doubles(tn_tensor *t) {
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
    const double *w = weight ? tn_graph__pool_doubles(weight) : NULL;
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
    const double *p = tn_graph__pool_doubles(pos), *b = batch ? tn_graph__pool_doubles(batch) : NULL, zero = 0;
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
static bool tn_graph__pool_put(tn_graph *g, const char *name, tn_tensor *t) { return t && tn_dict_set(g, name, t) == TN_OK; }
static bool tn_graph__pool_into(tn_graph *to, tn_tensor *cluster, tn_graph *from, tn_reduction_kind reduce) {
    const tn_gnn_clusters c = tn_gnn_consecutive_cluster(cluster);
    tn_tensor *x = tn_dict_get(from, "x"), *pos = tn_dict_get(from, "pos"), *batch = tn_dict_get(from, "batch"), *edges = tn_dict_get(from, "edge_index");
    if (!c.perm || !to) return false;
    const int64_t n = tn_numel(c.perm), pair[2] = {2, -1}, flat = -1;
    edges = tn_reshape(tn_index_select(c.cluster, 0, tn_reshape(edges, &flat, 1)), pair, 2);
    tn_gnn_edge_list e = tn_gnn_remove_self_loops(edges, tn_dict_get(from, "edge_attr"));
    e = tn_gnn_coalesce(e.edge_index, e.edge_attr, n, NULL);
    bool ok = e.edge_index && (!x || tn_graph__pool_put(to, "x", tn_gnn_scatter(x, c.cluster, n, reduce))) && tn_graph__pool_put(to, "edge_index", e.edge_index);
    ok = ok && (!e.edge_attr || tn_graph__pool_put(to, "edge_attr", e.edge_attr));
    ok = ok && (!pos || tn_graph__pool_put(to, "pos", tn_gnn_scatter(pos, c.cluster, n, TN_REDUCE_MEAN)));
    return ok && (!batch || tn_graph__pool_put(to, "batch", tn_index_select(batch, 0, c.perm)));
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
static tn_gnn_edge_pooled tn_graph__pool_merge_edges(const tn_graph__groups *g, tn_tensor *edge_index, tn_tensor *score) {
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
    const tn_gnn_edge_pooled r = score ? tn_graph__pool_merge_edges(&g, edge_index, score) : none;
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
    m->lins = tn_graph__layer_list(&m->base, "lins"), m->norms = tn_graph__layer_list(&m->base, "norms");
    for (int i = 1; i < n; i++) tn_graph__append_lin(m->lins, channels[i - 1], channels[i], !o.no_bias, false);
    for (int i = 1; m->norms && i < n - !o.no_plain_last; i++) (void)tn_nn_append(m->norms,
        o.no_norm ? tn_nn_identity() : o.norm ? o.norm(channels[i]) : tn_gnn_batch_norm(channels[i]));
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
    if (!lstm && !largest && (!mode || strcmp(mode, "cat") != 0))
        return tn_error_set(TN_ERR_INVALID, "%s: mode is %s", who, mode ? mode : "NULL"), (tn_module *)NULL;
    const int64_t half = lstm && channels > 0 && num_layers > 0 ? num_layers * channels / 2 : 0;
    if (lstm && half < 1)
        return tn_error_set(TN_ERR_INVALID, "%s: %lld layers of %lld channels", who, (long long)num_layers, (long long)channels), (tn_module *)NULL;
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
static tn_module *tn_graph__net_new(const char *kind, const char *who, const int64_t *size, const tn_gnn_net_opts *opts, tn_graph__third third,
    tn_gnn_conv conv, void *user) {
    TN_GRAPH__OPTS(tn_gnn_net_opts);
    const int64_t in = size[0], hidden = size[1], layers = size[2];
    if (!tn_graph__sizes(who, size, 3) || !tn_graph__chance(who, o.dropout)) return NULL;
    if (o.out_channels < 0 || !conv) return tn_error_set(TN_ERR_INVALID, "%s: %lld out_channels", who, (long long)o.out_channels), (tn_module *)NULL;
    tn_graph__net *m = (tn_graph__net *)tn_module_new(sizeof *m, kind, tn_graph__net_forward);
    if (!m) return NULL;
    m->third = third, m->jumps = o.jk != NULL;
    m->o.dropout = o.dropout, m->o.act = o.act, m->o.no_act = o.no_act, m->o.act_first = o.act_first, m->o.no_norm = !o.norm;
    m->convs = tn_graph__layer_list(&m->base, "convs"), m->norms = tn_graph__layer_list(&m->base, "norms");
    for (int64_t i = 0; m->convs && m->norms && i < layers; i++) {
        const bool last = i + 1 == layers && o.out_channels && !o.jk;
        (void)tn_nn_append(m->convs, conv(user, i ? hidden : in, last ? o.out_channels : hidden, last));
        (void)tn_nn_append(m->norms, o.norm && (i + 1 < layers || o.jk) ? o.norm(hidden) : tn_nn_identity());
    }
    if (o.jk && strcmp(o.jk, "last") != 0) {
        m->jk = tn_gnn_jumping_knowledge(o.jk, hidden, layers);
        (void)tn_module_child(&m->base, "jk", m->jk);
    }
    if (o.jk) m->lin = tn_graph__lin(&m->base, "lin", strcmp(o.jk, "cat") == 0 ? layers * hidden : hidden, o.out_channels ? o.out_channels : hidden,
        true, false);
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
    if (!o.mean_heads && (heads < 1 || out % heads))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_gat: %lld heads of %lld channels", (long long)heads, (long long)out), (tn_module *)NULL;
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
        for (int64_t k = g.col[e] ? start[g.col[e] - 1] : 0; k < start[g.col[e]]; k++, at++) to[at] = g.row[e], to[paths + at] = g.col[order[k]],
            to[2 * paths + at] = e, to[3 * paths + at] = order[k];
    if (to) r.index = tn_graph__indices(to, 2, paths, g.device), r.first = tn_graph__indices(to + 2 * paths, 0, paths, g.device),
        r.second = tn_graph__indices(to + 3 * paths, 0, paths, g.device);
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
    m->down = tn_graph__layer_list(&m->base, "down_convs"), m->pools = tn_graph__layer_list(&m->base, "pools"),
        m->up = tn_graph__layer_list(&m->base, "up_convs");
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
typedef struct {
    tn_module base;
    tn_gnn_schnet_opts o;
    tn_reduction_kind aggr;
    tn_module *embedding, *interactions, *lin1, *lin2, *atomref;
    tn_tensor *offset;
} tn_graph__schnet;
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
    tn_tensor *w = tn_mul(tn_forward(m->mlp, gauss), cut), *h = w ? tn_graph__collect(e, tn_mul(tn_gnn_x_j(e, tn_forward(m->lin1, x)), w),
        TN_REDUCE_SUM) : NULL;
    return h ? tn_forward(m->lin, tn_graph__shifted_softplus(tn_forward(m->lin2, h))) : NULL;
}
static tn_tensor *tn_graph__schnet_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__schnet *m = (const tn_graph__schnet *)self;
    tn_tensor *z = n > 0 ? in[0] : NULL, *pos = n > 1 ? in[1] : NULL, *batch = n > 2 ? in[2] : NULL;
    tn_gnn_edges e;
    memset(&e, 0, sizeof e);
    if (!tn_graph__needs(self, z, "z") || !tn_graph__needs(self, pos, "pos")) return NULL;
    e.edge_index = n > 3 ? in[3] : NULL, e.x = pos;
    if (!e.edge_index) {
        tn_graph_radius_opts near;
        memset(&near, 0, sizeof near);
        near.batch = batch, near.max_num_neighbors = m->o.max_num_neighbors;
        e.edge_index = tn_graph_radius(pos, m->o.cutoff, &near);
    }
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
    m->interactions = tn_graph__layer_list(&m->base, "interactions");
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
    if (!tn_graph__links_ok("tn_gnn_recon_loss", z, pos_edge_index)) return NULL;
    tn_scope s = tn_scope_open();
    if (!neg_edge_index) neg_edge_index = tn_gnn_negative_sampling(pos_edge_index, tn_size(z, 0), NULL);
    tn_tensor *pos = tn_gnn_inner_product_decode(z, pos_edge_index, false), *neg = neg_edge_index ? tn_gnn_inner_product_decode(z, neg_edge_index,
        false) : NULL;
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
    tn_tensor *label = tn_contiguous(tn_to(tn_ne(y, tn_arg_i(0)), cpu)), *value = tn_contiguous(tn_to_dtype(tn_to(tn_detach(score), cpu), TN_F64)),
        *order = value ? tn_argsort(value, 0, true, true) : NULL;
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
    if (tn_ndim(both) != 2 || tn_size(both, 1) % 2)
        return tn_error_set(TN_ERR_SHAPE, "VGAE: the encoder gives %s, not mu and logstd side by side", tn_graph__shape(both).text), false;
    const int64_t d = tn_size(both, 1) / 2;
    r->mu = tn_narrow(both, 1, 0, d), r->logstd = tn_graph__at_most(tn_narrow(both, 1, d, d), 10);
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
    logstd = tn_graph__at_most(logstd, 10);
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
    if (!tn_graph__is("tn_gnn_infomax_discriminate", m, tn_graph__infomax_forward) || !tn_graph__links_ok("tn_gnn_infomax_discriminate", z, summary))
        return NULL;
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
    tn_tensor *pos = tn_gnn_infomax_discriminate(m, r->pos_z, r->summary, false), *neg = pos ? tn_gnn_infomax_discriminate(m, r->neg_z, r->summary,
        false) : NULL;
    tn_tensor *y = neg ? tn_add(tn_graph__surprise(pos, false), tn_graph__surprise(neg, true)) : NULL;
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* Label propagation. What happens to y after each step: kept in limits, or the rows that are known put back. */
typedef struct { double low, high; tn_tensor *rows, *known; } tn_graph__model_step;
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
static tn_tensor *tn_graph__spread_labels(tn_tensor *y, tn_tensor *edge_index, tn_tensor *edge_weight, int64_t layers, double alpha,
    const tn_graph__model_step *step) {
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
        e.x = step->rows ? tn_index_put(e.x, &step->rows, 1, step->known, false) : tn_graph__at_most(tn_graph__at_least(e.x, step->low), step->high);
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
    const tn_graph__model_step step = {0, 1, NULL, NULL};
    if (!y || !edge_index) return tn_graph__absent(who, y ? "edge_index" : "y"), (tn_tensor *)NULL;
    if (tn_ndim(y) < 1 || num_layers < 0)
        return tn_error_set(TN_ERR_INVALID, "%s: y is %s, num_layers %lld", who, tn_graph__shape(y).text, (long long)num_layers), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    tn_tensor *out = tn_graph__class_rows(y, -1, tn_get_default_dtype()), *rows = mask ? tn_graph__mask_rows(who, mask, tn_size(y, 0)) : NULL;
    if (out && tn_ndim(out) == 1) out = tn_unsqueeze(out, 1);
    if (mask) out = rows && out ? tn_index_put(tn_zeros_like(out, NULL), &rows, 1, tn_index_select(out, 0, rows), false) : NULL;
    return tn_graph__unrecorded(&s, was, tn_graph__spread_labels(out, edge_index, edge_weight, num_layers, alpha, &step));
}
/* The rows of mask, and what is known of them. */
static bool tn_graph__known(const char *who, tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor **rows,
    tn_tensor **known) {
    if (!y_soft || !y_true || !edge_index) return tn_graph__absent(who, !y_soft ? "y_soft" : !y_true ? "y_true" : "edge_index");
    if (tn_ndim(y_soft) != 2 || tn_ndim(y_true) < 1)
        return tn_error_set(TN_ERR_SHAPE, "%s: y_soft is %s, not [nodes, classes]", who, tn_graph__shape(y_soft).text), false;
    *rows = tn_graph__mask_rows(who, mask, tn_size(y_soft, 0));
    if (!*rows) return false;
    if (tn_size(*rows, 0) != tn_size(y_true, 0))
        return tn_error_set(TN_ERR_SHAPE, "%s: y_true is %s, of %lld nodes in mask", who, tn_graph__shape(y_true).text, (long long)tn_size(*rows, 0)), false;
    *known = tn_graph__class_rows(y_true, tn_size(y_soft, 1), tn_get_dtype(y_soft));
    return *known != NULL;
}
TN_API tn_tensor *tn_gnn_correct(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight,
    const tn_gnn_correct_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_correct_opts);
    tn_graph__model_step step = {-1, 1, NULL, NULL};
    tn_tensor *rows, *known, *y = NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    if (tn_graph__known("tn_gnn_correct", y_soft, y_true, mask, edge_index, &rows, &known)) {
        tn_tensor *wrong = tn_sub(known, tn_index_select(y_soft, 0, rows)), *error = tn_index_put(tn_zeros_like(y_soft, NULL), &rows, 1, wrong,
            false), *scale = tn_arg_f(o.scale == 0 ? 1 : o.scale);
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
TN_API tn_tensor *tn_gnn_smooth(tn_tensor *y_soft, tn_tensor *y_true, tn_tensor *mask, tn_tensor *edge_index, tn_tensor *edge_weight,
    const tn_gnn_correct_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_correct_opts);
    const tn_graph__model_step step = {0, 1, NULL, NULL};
    tn_tensor *rows, *known, *y = NULL;
    tn_scope s = tn_scope_open();
    const bool was = tn_set_grad_enabled(false);
    if (tn_graph__known("tn_gnn_smooth", y_soft, y_true, mask, edge_index, &rows, &known))
        y = tn_graph__spread_labels(tn_index_put(y_soft, &rows, 1, known, false), edge_index, edge_weight, o.num_smoothing_layers, o.smoothing_alpha, &step);
    return tn_graph__unrecorded(&s, was, y);
}

/* LightGCN. */
typedef struct { tn_module base; tn_module *embedding, *convs; tn_tensor *weight, *alpha; } tn_graph__light;
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
    m->alpha = tn_module_buffer(&m->base, "alpha", tn_full(&layers, 1, o.alpha == 0 ? 1 / (double)layers : o.alpha, NULL), false);
    m->embedding = tn_module_child(&m->base, "embedding", tn_nn_embedding(num_nodes, embedding_dim, NULL));
    m->weight = m->embedding ? tn_module_get(m->embedding, "weight") : NULL;
    m->convs = tn_graph__layer_list(&m->base, "convs");
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
TN_API tn_tensor *tn_gnn_light_gcn_recommend(tn_module *m, tn_tensor *edge_index, tn_tensor *edge_weight, tn_tensor *src_index, tn_tensor *dst_index,
    int64_t k) {
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
/* Embeddings by walks. */
typedef struct {
    tn_module base;
    tn_gnn_node2vec_opts o;
    int64_t steps, context, dummy;
    tn_module *embedding;
    tn_tensor *edge_index;      /* Node2Vec */
    tn_graph__kinds kinds;      /* MetaPath2Vec: what its edge_index has, */
    tn_graph__sample_rows *near; /* for each kind of edges, where the path has it */
    int64_t *first, *count;     /* and for each kind of nodes; first is -1 where the path has it not */
    int *path, n;
} tn_graph__walker;
static void tn_graph__walker_free(tn_module *self) {
    tn_graph__walker *m = (tn_graph__walker *)self;
    for (int i = 0; m->near && i < m->kinds.edges; i++) tn_graph__rows_free(&m->near[i]);
    free(m->near), free(m->first), free(m->count), free(m->path);
    tn_graph__kinds_free(&m->kinds);
    tn_release(m->edge_index), tn_release(m->o.generator);
}
static tn_tensor *tn_graph__walker_forward(tn_module *self, tn_tensor *const *in, int n) {
    tn_tensor *all = tn_module_get(((tn_graph__walker *)self)->embedding, "weight");
    return n > 0 && in[0] ? tn_index_select(all, 0, in[0]) : all;
}
static tn_graph__walker *tn_graph__walker_new(const char *kind, const char *who, int64_t dim, int64_t steps, int64_t context, const tn_gnn_node2vec_opts *o) {
    const int64_t size[5] = {dim, context - 1, o->walks_per_node ? o->walks_per_node : 1, o->num_negative_samples ? o->num_negative_samples : 1, steps};
    if (!tn_graph__sizes(who, size, 5)) return NULL;
    if (context > steps + 1 || o->p < 0 || o->q < 0)
        return tn_error_set(TN_ERR_INVALID, "%s: context_size %lld of walks of %lld nodes, p %g, q %g", who, (long long)context, (long long)steps + 1,
            o->p, o->q), (tn_graph__walker *)NULL;
    tn_graph__walker *m = (tn_graph__walker *)tn_module_new(sizeof *m, kind, tn_graph__walker_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__walker_free);
    m->o = *o, m->o.walks_per_node = size[2], m->o.num_negative_samples = size[3], m->steps = steps, m->context = context;
    if (o->p == 0) m->o.p = 1;
    if (o->q == 0) m->o.q = 1;
    if (o->generator) m->o.generator = (tn_generator *)tn_retain(o->generator);
    return m;
}
TN_API tn_module *tn_gnn_node2vec(tn_tensor *edge_index, int64_t embedding_dim, int64_t walk_length, int64_t context_size, const tn_gnn_node2vec_opts *opts) {
    const char *who = "tn_gnn_node2vec";
    TN_GRAPH__OPTS(tn_gnn_node2vec_opts);
    tn_scope s = tn_scope_open();
    tn_graph__edges g;
    const bool ok = tn_graph__edges_read(who, edge_index, o.num_nodes ? o.num_nodes : -1, &g);
    tn_scope_close(&s);
    tn_graph__walker *m = ok ? tn_graph__walker_new("Node2Vec", who, embedding_dim, walk_length - 1, context_size, &o) : NULL;
    if (!m) return NULL;
    m->edge_index = (tn_tensor *)tn_retain(edge_index), m->o.num_nodes = g.n;
    m->embedding = tn_module_child(&m->base, "embedding", tn_nn_embedding(g.n, embedding_dim, NULL));
    return tn_graph__made(&m->base);
}
/* How many nodes each kind has. */
static bool tn_graph__metapath_counts(tn_graph__walker *m, const char *who, tn_dict *edge_index, const tn_gnn_metapath_opts *o) {
    for (int i = 0; i < m->kinds.edges; i++) {
        const tn_graph__edge_kind *k = &m->kinds.edge[i];
        tn_tensor *t = tn_dict_get(edge_index, k->name);
        const int64_t *v = tn_graph__longs(who, k->name, t, 2), e = v ? tn_size(t, 1) : 0;
        if (!v) return false;
        if (tn_size(t, 0) != 2) return tn_error_set(TN_ERR_SHAPE, "%s: %s is %s, not [2, edges]", who, k->name, tn_graph__shape(t).text), false;
        for (int64_t j = 0; j < e; j++) {
            if (v[j] < 0 || v[e + j] < 0 || v[j] == INT64_MAX || v[e + j] == INT64_MAX)
                return tn_error_set(TN_ERR_INDEX, "%s: edge %lld of %s goes from %lld to %lld", who, (long long)j, k->name, (long long)v[j],
                    (long long)v[e + j]), false;
            if (v[j] >= m->count[k->src]) m->count[k->src] = v[j] + 1;
            if (v[e + j] >= m->count[k->dst]) m->count[k->dst] = v[e + j] + 1;
        }
    }
    for (int i = 0; i < o->n; i++) {
        const int at = o->node_types && o->num_nodes && o->node_types[i] ? tn_graph__node_kind(&m->kinds, who, o->node_types[i],
            strlen(o->node_types[i]), m->kinds.nodes) : -1;
        if (at < 0) continue; /* a kind that no edges have */
        if (o->num_nodes[i] < m->count[at])
            return tn_error_set(TN_ERR_INDEX, "%s: %s has %lld nodes, the edges %lld", who, o->node_types[i], (long long)o->num_nodes[i],
                (long long)m->count[at]), false;
        m->count[at] = o->num_nodes[i];
    }
    return true;
}
static bool tn_graph__metapath_path(tn_graph__walker *m, const char *who, const char *const *metapath) {
    for (int i = 0; i < m->n; i++) {
        m->path[i] = -1;
        for (int k = 0; k < m->kinds.edges; k++)
            if (metapath[i] && strcmp(metapath[i], m->kinds.edge[k].name) == 0) m->path[i] = k;
        if (m->path[i] < 0) return tn_error_set(TN_ERR_INVALID, "%s: edge_index has no %s", who, metapath[i] ? metapath[i] : "NULL"), false;
        if (i && m->kinds.edge[m->path[i - 1]].dst != m->kinds.edge[m->path[i]].src)
            return tn_error_set(TN_ERR_INVALID, "%s: %s does not end where %s begins", who, metapath[i - 1], metapath[i]), false;
    }
    if (m->steps > m->n && m->kinds.edge[m->path[0]].src != m->kinds.edge[m->path[m->n - 1]].dst)
        return tn_error_set(TN_ERR_INVALID, "%s: %lld steps along a path of %d that is no cycle", who, (long long)m->steps, m->n), false;
    return true;
}
static bool tn_graph__metapath_near(tn_graph__walker *m, const char *who, tn_dict *edge_index, int kind) {
    const tn_graph__edge_kind *k = &m->kinds.edge[kind];
    if (m->near[kind].ptr) return true;
    tn_tensor *t = tn_dict_get(edge_index, k->name);
    const int64_t *v = tn_graph__longs(who, k->name, t, 2), e = v ? tn_size(t, 1) : 0;
    return v && tn_graph__rows_new(who, v, v + e, e, m->count[k->src], m->count[k->dst], &m->near[kind]);
}
/* Where the rows of each kind of nodes on the path begin: by name, as PyG sorts them. */
static void tn_graph__metapath_rows(tn_graph__walker *m) {
    for (int i = 0; i < m->kinds.nodes; i++) m->first[i] = -1;
    for (;;) {
        int next = -1;
        for (int i = 0; i < 2 * m->n; i++) {
            const tn_graph__edge_kind *k = &m->kinds.edge[m->path[i / 2]];
            const int at = i % 2 ? k->dst : k->src;
            if (m->first[at] < 0 && (next < 0 || strcmp(m->kinds.node[at], m->kinds.node[next]) < 0)) next = at;
        }
        if (next < 0) return;
        m->first[next] = m->dummy;
        m->dummy += m->count[next];
    }
}
TN_API tn_module *tn_gnn_metapath2vec(tn_dict *edge_index, int64_t embedding_dim, const char *const *metapath, int n, int64_t walk_length, int64_t context_size,
                                      const tn_gnn_metapath_opts *opts) {
    const char *who = "tn_gnn_metapath2vec";
    TN_GRAPH__OPTS(tn_gnn_metapath_opts);
    const int kinds = edge_index ? tn_dict_len(edge_index) : 0;
    if (n < 1 || kinds < 1 || !metapath) return tn_error_set(TN_ERR_INVALID, "%s: a path of %d steps over %d kinds of edges", who, n, kinds), (tn_module *)NULL;
    tn_graph__walker *m = tn_graph__walker_new("MetaPath2Vec", who, embedding_dim, walk_length, context_size, &o.walks);
    if (!m) return NULL;
    m->n = n;
    m->kinds.node = (char **)tn_graph__alloc(who, 2 * kinds, sizeof *m->kinds.node), m->kinds.edge = (tn_graph__edge_kind *)tn_graph__alloc(who,
        kinds, sizeof *m->kinds.edge);
    m->near = (tn_graph__sample_rows *)tn_graph__alloc(who, kinds, sizeof *m->near), m->path = (int *)tn_graph__alloc(who, n, sizeof *m->path);
    m->first = (int64_t *)tn_graph__alloc(who, 2 * kinds, sizeof *m->first), m->count = (int64_t *)tn_graph__alloc(who, 2 * kinds, sizeof *m->count);
    tn_scope s = tn_scope_open();
    bool ok = m->kinds.node && m->kinds.edge && m->near && m->path && m->first && m->count;
    for (int i = 0; ok && i < kinds; i++) ok = tn_graph__edge_kind_add(&m->kinds, who, tn_dict_name(edge_index, i), 2 * kinds);
    ok = ok && tn_graph__metapath_counts(m, who, edge_index, &o) && tn_graph__metapath_path(m, who, metapath);
    for (int i = 0; ok && i < n; i++) ok = tn_graph__metapath_near(m, who, edge_index, m->path[i]);
    if (ok) {
        tn_graph__metapath_rows(m);
        m->embedding = tn_module_child(&m->base, "embedding", tn_nn_embedding(m->dummy + 1, embedding_dim, NULL));
    }
    tn_scope_close(&s);
    return ok ? tn_graph__made(&m->base) : NULL;
}
TN_API tn_tensor *tn_gnn_metapath2vec_embedding(tn_module *module, const char *node_type, tn_tensor *batch) {
    const char *who = "tn_gnn_metapath2vec_embedding";
    if (!tn_graph__is(who, module, tn_graph__walker_forward)) return NULL;
    tn_graph__walker *m = (tn_graph__walker *)module;
    const int kind = node_type ? tn_graph__node_kind(&m->kinds, who, node_type, strlen(node_type), m->kinds.nodes) : -1;
    if (kind < 0 || m->first[kind] < 0)
        return tn_error_set(TN_ERR_INVALID, "%s: there are no rows of %s", who, node_type ? node_type : "NULL"), (tn_tensor *)NULL;
    tn_tensor *rows = tn_narrow(tn_module_get(m->embedding, "weight"), 0, m->first[kind], m->count[kind]);
    return rows && batch ? tn_index_select(rows, 0, batch) : rows;
}
/* Walks [walks, steps + 1] in parts of context_size nodes. */
static tn_tensor *tn_graph__windows(const tn_graph__walker *m, tn_tensor *walks) {
    const int64_t n = m->steps + 2 - m->context;
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("tn_gnn_walk_sample", n, sizeof *part), *y = NULL;
    for (int64_t i = 0; part && walks && i < n; i++) part[i] = tn_narrow(walks, 1, i, m->context);
    if (part && walks) y = tn_cat(part, (int)n, 0);
    free(part);
    return y;
}
/* Walks of drawn nodes. */
static tn_tensor *tn_graph__drawn_walks(const tn_graph__walker *m, tn_tensor *batch) {
    const int64_t rows = tn_size(batch, 0), shape[2] = {rows, m->n ? 1 : m->steps};
    tn_tensor **part = (tn_tensor **)tn_graph__alloc("tn_gnn_walk_sample", m->steps + 1, sizeof *part), *y = NULL;
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64, o.generator = m->o.generator;
    if (!part) return NULL;
    part[0] = tn_unsqueeze(batch, 1);
    if (m->n) part[0] = tn_add(part[0], tn_arg_i(m->first[m->kinds.edge[m->path[0]].src]));
    else part[1] = tn_to(tn_randint(0, m->o.num_nodes, shape, 2, &o), tn_get_device(batch));
    for (int64_t i = 0; m->n && i < m->steps; i++) {
        const int kind = m->kinds.edge[m->path[i % m->n]].dst;
        part[i + 1] = tn_to(tn_add(tn_randint(0, m->count[kind], shape, 2, &o), tn_arg_i(m->first[kind])), tn_get_device(batch));
    }
    y = tn_cat(part, m->n ? (int)m->steps + 1 : 2, 1);
    free(part);
    return y;
}
/* Walks along the path; from a node without such edges on they are the dummy. */
static tn_tensor *tn_graph__path_walks(const tn_graph__walker *m, tn_tensor *batch) {
    const char *who = "tn_gnn_walk_sample";
    const int64_t rows = tn_size(batch, 0), wide = m->steps + 1, shape[2] = {rows, m->steps}, *start = tn_graph__longs(who, "batch", batch, 1);
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_F64, o.generator = m->o.generator;
    const tn_device cpu = {TN_CPU, 0};
    tn_tensor *draws = tn_to(tn_rand(shape, 2, &o), cpu);
    int64_t *walk = start && draws ? (int64_t *)tn_graph__alloc(who, rows * wide, sizeof *walk) : NULL;
    const int src = m->kinds.edge[m->path[0]].src;
    bool ok = walk != NULL;
    for (int64_t r = 0; ok && r < rows; r++) {
        const double *u = (const double *)tn_data(draws) + r * m->steps;
        int64_t at = start[r], *to = walk + r * wide;
        ok = (at >= 0 && at < m->count[src]) || (tn_error_set(TN_ERR_INDEX, "%s: batch has %lld, of %lld nodes", who, (long long)at,
            (long long)m->count[src]), false);
        to[0] = at + m->first[src];
        for (int64_t i = 0; ok && i < m->steps; i++) {
            const tn_graph__sample_rows *near = &m->near[m->path[i % m->n]];
            const int64_t from = at >= 0 ? near->ptr[at] : 0, n = at >= 0 ? near->ptr[at + 1] - from : 0;
            at = n ? near->to[from + (int64_t)(u[i] * (double)n)] : -1;
            to[i + 1] = at >= 0 ? at + m->first[m->kinds.edge[m->path[i % m->n]].dst] : m->dummy;
        }
    }
    tn_tensor *y = ok ? tn_graph__indices(walk, rows, wide, tn_get_device(batch)) : NULL;
    free(walk);
    return y;
}
static tn_tensor *tn_graph__free_walks(const tn_graph__walker *m, tn_tensor *batch) {
    const tn_gnn_walk_opts o = {m->o.p, m->o.q, m->o.generator};
    return tn_gnn_random_walk(m->edge_index, batch, m->steps, m->o.num_nodes, &o);
}
TN_API tn_gnn_walks tn_gnn_walk_sample(tn_module *module, tn_tensor *batch) {
    const char *who = "tn_gnn_walk_sample";
    tn_gnn_walks r = {NULL, NULL};
    if (!tn_graph__is(who, module, tn_graph__walker_forward)) return r;
    const tn_graph__walker *m = (const tn_graph__walker *)module;
    tn_scope s = tn_scope_open();
    if (tn_graph__longs(who, "batch", batch, 1)) {
        const int64_t times = m->o.walks_per_node, more = times * m->o.num_negative_samples;
        tn_tensor *start = tn_repeat(batch, &times, 1);
        r.pos = start ? tn_graph__windows(m, m->n ? tn_graph__path_walks(m, start) : tn_graph__free_walks(m, start)) : NULL;
        start = r.pos ? tn_repeat(batch, &more, 1) : NULL;
        r.neg = start ? tn_graph__windows(m, tn_graph__drawn_walks(m, start)) : NULL;
    }
    if (!r.neg) r.pos = NULL;
    tn_keep(r.pos), tn_keep(r.neg);
    tn_scope_close(&s);
    return r;
}
/* How alike each walk's first node and the others are, through the sigmoid: as a loss. */
static tn_tensor *tn_graph__walk_part(tn_tensor *weight, tn_tensor *walks, bool drawn) {
    const int64_t others = tn_size(walks, 1) - 1;
    tn_tensor *first = tn_embedding(tn_narrow(walks, 1, 0, 1), weight, NULL), *rest = tn_embedding(tn_narrow(walks, 1, 1, others), weight, NULL);
    return tn_graph__surprise(tn_sigmoid(tn_graph__sum_over(tn_mul(first, rest), -1)), drawn);
}
TN_API tn_tensor *tn_gnn_walk_loss(tn_module *m, tn_tensor *pos, tn_tensor *neg) {
    const char *who = "tn_gnn_walk_loss";
    if (!tn_graph__is(who, m, tn_graph__walker_forward)) return NULL;
    if (!pos || !neg) return tn_graph__absent(who, pos ? "neg" : "pos"), (tn_tensor *)NULL;
    if (tn_ndim(pos) != 2 || tn_ndim(neg) != 2 || tn_size(pos, 1) < 2 || tn_size(neg, 1) < 2)
        return tn_error_set(TN_ERR_SHAPE, "%s: walks %s and %s, not [walks, at least 2]", who, tn_graph__shape(pos).text, tn_graph__shape(neg).text),
            (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *w = tn_module_get(((tn_graph__walker *)m)->embedding, "weight"), *y = tn_add(tn_graph__walk_part(w, pos, false),
        tn_graph__walk_part(w, neg, true));
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}

/* Knowledge graphs. */
typedef enum { TN_GRAPH__TRANS_E = 0, TN_GRAPH__DIST_MULT, TN_GRAPH__COMPL_EX, TN_GRAPH__ROTAT_E } tn_graph__kge_kind;
typedef struct {
    tn_module base;
    tn_graph__kge_kind kind;
    int64_t nodes, hidden;
    double margin, p;
    tn_generator *generator;
    tn_tensor *node, *rel, *node_im, *rel_im;
} tn_graph__kge;
static void tn_graph__kge_free(tn_module *self) { tn_release(((tn_graph__kge *)self)->generator); }
static tn_status tn_graph__kge_init(tn_module *self) {
    const tn_graph__kge *m = (const tn_graph__kge *)self;
    const double bound = 6 / sqrt((double)m->hidden);
    bool ok = true;
    if (m->kind == TN_GRAPH__TRANS_E) {
        ok = tn_init_uniform_(m->node, -bound, bound, NULL) && tn_init_uniform_(m->rel, -bound, bound, NULL);
        const bool was = tn_set_grad_enabled(false);
        ok = ok && tn_copy_(m->rel, tn_normalize(m->rel, m->p, -1, 1e-12));
        (void)tn_set_grad_enabled(was);
        return ok ? TN_OK : tn_error_code();
    }
    ok = tn_init_xavier_uniform_(m->node, 1, NULL) != NULL;
    if (m->node_im) ok = ok && tn_init_xavier_uniform_(m->node_im, 1, NULL);
    if (m->kind == TN_GRAPH__ROTAT_E) ok = ok && tn_init_uniform_(m->rel, 0, 2 * 3.14159265358979323846, NULL);
    else ok = ok && tn_init_xavier_uniform_(m->rel, 1, NULL);
    if (m->rel_im) ok = ok && tn_init_xavier_uniform_(m->rel_im, 1, NULL);
    return ok ? TN_OK : tn_error_code();
}
static tn_tensor *tn_graph__triple_dot(tn_tensor *x, tn_tensor *y, tn_tensor *z) { return tn_graph__sum_over(tn_mul(tn_mul(x, y), z), -1); }
static tn_tensor *tn_graph__kge_forward(tn_module *self, tn_tensor *const *in, int n) {
    const tn_graph__kge *m = (const tn_graph__kge *)self;
    for (int i = 0; i < 3; i++)
        if (!tn_graph__needs(self, n > i ? in[i] : NULL, i == 0 ? "head_index" : i == 1 ? "rel_type" : "tail_index")) return NULL;
    tn_tensor *h = tn_embedding(in[0], m->node, NULL), *r = tn_embedding(in[1], m->rel, NULL), *t = tn_embedding(in[2], m->node, NULL);
    const tn_reduce_opts last = tn_graph__over(-1);
    if (m->kind == TN_GRAPH__TRANS_E)
        return tn_neg(tn_linalg_vector_norm(tn_sub(tn_add(tn_normalize(h, m->p, -1, 1e-12), r), tn_normalize(t, m->p, -1, 1e-12)), m->p, &last));
    if (m->kind == TN_GRAPH__DIST_MULT) return tn_graph__triple_dot(h, r, t);
    tn_tensor *h_im = tn_embedding(in[0], m->node_im, NULL), *t_im = tn_embedding(in[2], m->node_im, NULL);
    if (m->kind == TN_GRAPH__COMPL_EX) {
        tn_tensor *r_im = tn_embedding(in[1], m->rel_im, NULL), *sum = tn_add(tn_graph__triple_dot(h, r, t), tn_graph__triple_dot(h_im, r, t_im));
        return tn_sub(tn_add(sum, tn_graph__triple_dot(h, r_im, t_im)), tn_graph__triple_dot(h_im, r_im, t));
    }
    tn_tensor *re = tn_cos(r), *im = tn_sin(r), *both[2] = {tn_sub(tn_sub(tn_mul(re, h), tn_mul(im, h_im)), t),
        tn_sub(tn_add(tn_mul(re, h_im), tn_mul(im, h)), t_im)};
    return tn_sub(tn_arg_f(m->margin), tn_linalg_vector_norm(tn_cat(both, 2, -1), 2, &last));
}
static tn_tensor *tn_graph__kge_table(tn_module *m, const char *name, int64_t rows, int64_t width) {
    tn_module *e = tn_module_child(m, name, tn_nn_embedding(rows, width, NULL));
    return e ? tn_module_get(e, "weight") : NULL;
}
static tn_module *tn_graph__kge_new(const char *kind, const char *who, tn_graph__kge_kind which, int64_t nodes, int64_t relations, int64_t hidden,
    const tn_gnn_kge_opts *opts) {
    TN_GRAPH__OPTS(tn_gnn_kge_opts);
    const int64_t size[3] = {nodes, relations, hidden};
    if (o.margin == 0) o.margin = 1;
    if (o.p_norm == 0) o.p_norm = 1;
    if (!tn_graph__sizes(who, size, 3)) return NULL;
    if (!(o.p_norm > 0)) return tn_error_set(TN_ERR_INVALID, "%s: p_norm is %g", who, o.p_norm), (tn_module *)NULL;
    tn_graph__kge *m = (tn_graph__kge *)tn_module_new(sizeof *m, kind, tn_graph__kge_forward);
    if (!m) return NULL;
    tn_module_on_free(&m->base, tn_graph__kge_free);
    m->kind = which, m->nodes = nodes, m->hidden = hidden, m->margin = o.margin, m->p = o.p_norm;
    if (o.generator) m->generator = (tn_generator *)tn_retain(o.generator);
    m->node = tn_graph__kge_table(&m->base, "node_emb", nodes, hidden), m->rel = tn_graph__kge_table(&m->base, "rel_emb", relations, hidden);
    if (which >= TN_GRAPH__COMPL_EX) m->node_im = tn_graph__kge_table(&m->base, "node_emb_im", nodes, hidden);
    if (which == TN_GRAPH__COMPL_EX) m->rel_im = tn_graph__kge_table(&m->base, "rel_emb_im", relations, hidden);
    return tn_module_init(&m->base, tn_graph__kge_init) == TN_OK ? &m->base : NULL;
}
TN_API tn_module *tn_gnn_kge_trans_e(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts) {
    return tn_graph__kge_new("TransE", "tn_gnn_kge_trans_e", TN_GRAPH__TRANS_E, num_nodes, num_relations, hidden_channels, opts);
}
TN_API tn_module *tn_gnn_kge_dist_mult(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts) {
    return tn_graph__kge_new("DistMult", "tn_gnn_kge_dist_mult", TN_GRAPH__DIST_MULT, num_nodes, num_relations, hidden_channels, opts);
}
TN_API tn_module *tn_gnn_kge_compl_ex(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts) {
    return tn_graph__kge_new("ComplEx", "tn_gnn_kge_compl_ex", TN_GRAPH__COMPL_EX, num_nodes, num_relations, hidden_channels, opts);
}
TN_API tn_module *tn_gnn_kge_rotat_e(int64_t num_nodes, int64_t num_relations, int64_t hidden_channels, const tn_gnn_kge_opts *opts) {
    return tn_graph__kge_new("RotatE", "tn_gnn_kge_rotat_e", TN_GRAPH__ROTAT_E, num_nodes, num_relations, hidden_channels, opts);
}
static bool tn_graph__kge_given(const char *who, tn_module *m, tn_tensor *head, tn_tensor *rel, tn_tensor *tail) {
    if (!tn_graph__is(who, m, tn_graph__kge_forward)) return false;
    if (!head || !rel || !tail) return tn_graph__absent(who, !head ? "head_index" : !rel ? "rel_type" : "tail_index");
    const int64_t n = tn_ndim(head) == 1 ? tn_size(head, 0) : -1;
    if (n >= 0 && tn_ndim(rel) == 1 && tn_ndim(tail) == 1 && tn_size(rel, 0) == n && tn_size(tail, 0) == n) return true;
    return tn_error_set(TN_ERR_SHAPE, "%s: heads %s, relations %s, tails %s", who, tn_graph__shape(head).text, tn_graph__shape(rel).text,
        tn_graph__shape(tail).text), false;
}
static tn_gnn_triples tn_graph__kge_drawn(const tn_graph__kge *m, tn_tensor *head, tn_tensor *rel, tn_tensor *tail) {
    const int64_t n = tn_size(head, 0), half = n / 2;
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64, o.generator = m->generator;
    tn_tensor *drawn = tn_to(tn_randint(0, m->nodes, &n, 1, &o), tn_get_device(head)), *heads[2] = {tn_narrow(drawn, 0, 0, half),
        tn_narrow(head, 0, half, n - half)},
              *tails[2] = {tn_narrow(tail, 0, 0, half), tn_narrow(drawn, 0, half, n - half)};
    tn_gnn_triples r = {tn_cat(heads, 2, 0), rel, tn_cat(tails, 2, 0)};
    if (!r.head || !r.tail) r.head = r.rel = r.tail = NULL;
    return r;
}
TN_API tn_gnn_triples tn_gnn_kge_random_sample(tn_module *m, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index) {
    tn_gnn_triples r = {NULL, NULL, NULL};
    if (!tn_graph__kge_given("tn_gnn_kge_random_sample", m, head_index, rel_type, tail_index)) return r;
    tn_scope s = tn_scope_open();
    r = tn_graph__kge_drawn((const tn_graph__kge *)m, head_index, rel_type, tail_index);
    tn_keep(r.head), tn_keep(r.tail);
    tn_scope_close(&s);
    return r;
}
TN_API tn_tensor *tn_gnn_kge_loss(tn_module *module, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index, const tn_gnn_triples *negatives) {
    const char *who = "tn_gnn_kge_loss";
    if (!tn_graph__kge_given(who, module, head_index, rel_type, tail_index) || (negatives &&
        !tn_graph__kge_given(who, module, negatives->head, negatives->rel, negatives->tail)))
        return NULL;
    const tn_graph__kge *m = (const tn_graph__kge *)module;
    tn_scope s = tn_scope_open();
    const tn_gnn_triples no = negatives ? *negatives : tn_graph__kge_drawn(m, head_index, rel_type, tail_index);
    tn_tensor *in[3] = {head_index, rel_type, tail_index}, *other[3] = {no.head, no.rel, no.tail}, *score[2] = {tn_call(module, in, 3), NULL},
        *target[2], *y = NULL;
    if (score[0] && no.head) score[1] = tn_call(module, other, 3);
    if (score[1] && m->kind < TN_GRAPH__COMPL_EX) y = tn_mean(tn_relu(tn_add(tn_sub(score[1], score[0]), tn_arg_f(m->margin))), NULL);
    else if (score[1]) {
        target[0] = tn_ones_like(score[0], NULL), target[1] = tn_zeros_like(score[1], NULL);
        y = tn_binary_cross_entropy_with_logits(tn_cat(score, 2, 0), tn_cat(target, 2, 0), NULL);
    }
    tn_keep(y);
    tn_scope_close(&s);
    return y;
}
/* How many of all nodes are better tails than the one of triple i, or as good and before it; -1 on failure. */
static int64_t tn_graph__kge_rank(tn_module *m, tn_tensor *const *triples, int64_t i, int64_t nodes, int64_t batch) {
    const tn_device cpu = {TN_CPU, 0};
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = TN_I64;
    const int64_t one = 1, tail = tn_item_i64(tn_select(triples[2], 0, i));
    tn_tensor *own[3] = {tn_narrow(triples[0], 0, i, one), tn_narrow(triples[1], 0, i, one), tn_narrow(triples[2], 0, i, one)}, *score = tn_call(m, own, 3);
    if (!score) return -1;
    const double wanted = tn_item(score);
    int64_t better = 0;
    for (int64_t from = 0; from < nodes; from += batch) {
        const int64_t n = from + batch < nodes ? batch : nodes - from;
        tn_scope s = tn_scope_open();
        tn_tensor *in[3] = {tn_expand(own[0], &n, 1), tn_expand(own[1], &n, 1), tn_to(tn_arange((double)from, (double)(from + n), 1, &o),
            tn_get_device(triples[2]))};
        tn_tensor *all = tn_call(m, in, 3), *host = all ? tn_contiguous(tn_to_dtype(tn_to(all, cpu), TN_F64)) : NULL;
        const double *v = host ? (const double *)tn_data(host) : NULL;
        for (int64_t k = 0; v && k < n; k++) better += v[k] > wanted || (v[k] == wanted && from + k < tail);
        tn_scope_close(&s);
        if (!v) return -1;
    }
    return better;
}
TN_API tn_gnn_kge_scores tn_gnn_kge_test(tn_module *module, tn_tensor *head_index, tn_tensor *rel_type, tn_tensor *tail_index, int64_t batch_size, int64_t k) {
    const char *who = "tn_gnn_kge_test";
    tn_gnn_kge_scores r = {(double)NAN, (double)NAN, (double)NAN}, sum = {0, 0, 0};
    if (!tn_graph__kge_given(who, module, head_index, rel_type, tail_index)) return r;
    const int64_t n = tn_size(head_index, 0), nodes = ((const tn_graph__kge *)module)->nodes;
    if (n == 0 || batch_size < 0) return tn_error_set(TN_ERR_INVALID, "%s: %lld triples, batch_size %lld", who, (long long)n, (long long)batch_size), r;
    tn_tensor *const triples[3] = {head_index, rel_type, tail_index};
    const bool was = tn_set_grad_enabled(false);
    int64_t rank = 0;
    for (int64_t i = 0; rank >= 0 && i < n; i++) {
        tn_scope s = tn_scope_open();
        rank = tn_graph__kge_rank(module, triples, i, nodes, batch_size ? batch_size : nodes);
        tn_scope_close(&s);
        sum.mean_rank += (double)rank, sum.mrr += 1 / (double)(rank + 1), sum.hits += rank < k;
    }
    (void)tn_set_grad_enabled(was);
    if (rank < 0) return r;
    r.mean_rank = sum.mean_rank / (double)n, r.mrr = sum.mrr / (double)n, r.hits = sum.hits / (double)n;
    return r;
}

/* ============================================================================================================== */
/* >>explain (Private)                                                                                            */
/* ============================================================================================================== */
/* An explanation in the making: the model's inputs, with room to put others in their place. */
#define TN_GRAPH__INPUTS 16
/* x of a kind of nodes, or edge_index of a kind of edges; at stands for x, or weighs the edges, in the next run, unless NULL. mask is what is sought, or given;
   leaf what a gradient is wanted in; hard and count: what something flows through. */
typedef struct { tn_tensor *is, *at, *mask, *leaf, *grad, *hard; double count; } tn_graph__sought;
typedef struct {
    const char *who;
    tn_module *model;
    const tn_gnn_hetero_model *hetero; /* of several kinds, with x and edge_index instead of in */
    tn_dict *x, *edge_index;
    tn_tensor *in[TN_GRAPH__INPUTS], *prediction, *target;
    tn_graph__sought *kind, pair[2]; /* of nodes, then of edges */
    int n, nodes, kinds;
    bool begun, training, grad;
    tn_gnn_explain_opts o;
    tn_scope scope;
} tn_graph__explain;
static tn_tensor *tn_graph__explain_run_dicts(tn_graph__explain *s) {
    tn_dict *x = tn_dict_new(), *mask = tn_dict_new();
    bool ok = x && mask;
    for (int i = 0; ok && i < s->kinds; i++) {
        const tn_graph__sought *k = &s->kind[i];
        if (i < s->nodes) ok = tn_dict_set(x, tn_dict_name(s->x, i), k->at ? k->at : k->is) == TN_OK;
        else if (k->at) ok = tn_dict_set(mask, tn_dict_name(s->edge_index, i - s->nodes), k->at) == TN_OK;
    }
    if (!ok || (tn_dict_len(mask) && tn_gnn_set_edge_masks(s->edge_index, mask) != TN_OK)) return NULL;
    tn_tensor *y = s->hetero->forward(s->hetero->user, x, s->edge_index);
    return tn_gnn_set_edge_masks(NULL, NULL) == TN_OK ? y : NULL;
}
/* The result, with what stands at each kind. */
static tn_tensor *tn_graph__explain_run(tn_graph__explain *s) {
    tn_tensor *in[TN_GRAPH__INPUTS];
    if (s->hetero) return tn_graph__explain_run_dicts(s);
    memcpy(in, s->in, sizeof in);
    if (s->kind[0].at) in[0] = s->kind[0].at;
    if (tn_gnn_set_edge_mask(s->kind[1].at ? in[1] : NULL, s->kind[1].at) != TN_OK) return NULL;
    tn_tensor *y = tn_call(s->model, in, s->n);
    return tn_gnn_set_edge_mask(NULL, NULL) == TN_OK ? y : NULL;
}
/* A number for each edge of kind i. */
static tn_tensor *tn_graph__explain_edges(const tn_graph__explain *s, int i, double value) {
    const int64_t edges = tn_size(s->kind[i].is, 1);
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(s->kind[0].is), o.device = tn_get_device(s->kind[0].is);
    return tn_full(&edges, 1, value, &o);
}
/* The result without gradients, x and edges weighed by the masks that are there, or by what these leave. */
static tn_tensor *tn_graph__explain_look(tn_graph__explain *s, bool rest) {
    const bool was = tn_set_grad_enabled(false);
    bool ok = true, edges = false;
    for (int i = s->nodes; i < s->kinds; i++) edges = edges || s->kind[i].mask;
    for (int i = 0; ok && i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        const bool node = i < s->nodes;
        tn_tensor *m = !k->mask ? NULL : rest ? tn_sub(1.0, k->mask) : tn_detach(k->mask);
        k->at = m && node ? tn_mul(k->is, m) : m;
        if (!k->mask && !node && edges) k->at = tn_graph__explain_edges(s, i, 1); /* all kinds or none have one */
        ok = k->at || (!k->mask && (node || !edges));
    }
    tn_tensor *y = ok ? tn_graph__explain_run(s) : NULL;
    (void)tn_set_grad_enabled(was);
    return y ? tn_detach(y) : NULL; /* a handle of our own: the model's may be a dict's */
}
static tn_tensor *tn_graph__explain_target(const tn_gnn_explain_opts *o, tn_tensor *y) {
    const int64_t flat = -1;
    tn_reduce_opts last;
    memset(&last, 0, sizeof last);
    last.dim = -1, last.has_dim = true;
    if (!y || o->mode == TN_GNN_REGRESSION) return y;
    if (o->mode == TN_GNN_MULTICLASS) return tn_argmax(y, &last);
    return tn_to_dtype(tn_reshape(tn_gt(y, o->returns == TN_GNN_RAW ? 0.0 : 0.5), &flat, 1), TN_I64);
}
static bool tn_graph__explain_ready(tn_graph__explain *s, const char *who, const tn_gnn_explain_opts *opts) {
    s->who = who;
    if (opts) s->o = *opts;
    return ((unsigned)s->o.mode <= TN_GNN_REGRESSION && (unsigned)s->o.returns <= TN_GNN_LOG_PROBS && (unsigned)s->o.node_mask <= TN_GNN_MASK_NONE &&
            !(s->o.mode == TN_GNN_BINARY && s->o.returns == TN_GNN_LOG_PROBS)) ||
        (tn_error_set(TN_ERR_INVALID, "%s: mode %d, returns %d, node_mask %d", who, (int)s->o.mode, (int)s->o.returns, (int)s->o.node_mask), false);
}
static bool tn_graph__explain_fits(const char *who, const char *name, tn_tensor *t, bool node) {
    const bool ok = tn_ndim(t) == 2 && (node ? tn_dtype_is_floating(tn_get_dtype(t)) : tn_size(t, 0) == 2);
    return ok || (tn_error_set(TN_ERR_SHAPE, "%s: %s is %s %s, not %s", who, name, tn_dtype_name(tn_get_dtype(t)), tn_graph__shape(t).text,
                               node ? "floating [nodes, features]" : "[2, E]"), false);
}
static void tn_graph__explain_open(tn_graph__explain *s, tn_module *model) {
    s->begun = true;
    s->scope = tn_scope_open();
    s->model = model;
    s->training = model && tn_module_training(model);
    s->grad = tn_set_grad_enabled(true);
    if (model) tn_module_train(model, false);
}
static bool tn_graph__explain_predicted(tn_graph__explain *s) {
    s->prediction = tn_graph__explain_look(s, false);
    s->target = s->prediction && s->o.target ? s->o.target : tn_graph__explain_target(&s->o, s->prediction);
    return s->target != NULL;
}
static bool tn_graph__explain_begin(tn_graph__explain *s, const char *who, tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts) {
    memset(s, 0, sizeof *s);
    if (!model || n < 2 || !in || !in[0] || !in[1]) return tn_graph__absent(who, !model ? "model" : n < 2 ? "x or edge_index" : in && in[0] ? "edge_index" : "x");
    if (n > TN_GRAPH__INPUTS) return tn_error_set(TN_ERR_INVALID, "%s: %d inputs are too many", who, n), false;
    if (!tn_graph__explain_fits(who, "x", in[0], true) || !tn_graph__explain_fits(who, "edge_index", in[1], false) || !tn_graph__explain_ready(s, who, opts)) return false;
    memcpy(s->in, in, (size_t)n * sizeof *in);
    s->n = n, s->kind = s->pair, s->nodes = 1, s->kinds = 2;
    tn_graph__explain_open(s, model);
    s->kind[0].is = s->in[0] = tn_detach(in[0]), s->kind[1].is = in[1];
    return s->in[0] && tn_graph__explain_predicted(s);
}
static bool tn_graph__explain_begin_dicts(tn_graph__explain *s, const char *who, const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_explain_opts *opts) {
    memset(s, 0, sizeof *s);
    if (!model || !model->forward || !x || !edge_index) return tn_graph__absent(who, !x ? "x" : !edge_index ? "edge_index" : "model");
    const int nodes = tn_dict_len(x), edges = tn_dict_len(edge_index);
    if (nodes < 1 || edges < 1) return tn_error_set(TN_ERR_INVALID, "%s: %d kinds of nodes, %d of edges", who, nodes, edges), false;
    for (int i = 0; i < nodes + edges; i++) {
        tn_dict *of = i < nodes ? x : edge_index;
        const int at = i < nodes ? i : i - nodes;
        if (!tn_graph__explain_fits(who, tn_dict_name(of, at), tn_dict_at(of, at), i < nodes)) return false;
    }
    if (!tn_graph__explain_ready(s, who, opts)) return false;
    s->hetero = model, s->nodes = nodes;
    tn_graph__explain_open(s, model->module);
    s->x = tn_dict_new(), s->edge_index = tn_dict_new(); /* of our own: the model may change others */
    bool ok = (s->kind = (tn_graph__sought *)tn_graph__alloc(who, nodes + edges, sizeof *s->kind)) != NULL && s->x && s->edge_index;
    for (int i = 0; ok && i < nodes + edges; i++) {
        tn_dict *of = i < nodes ? x : edge_index;
        const int at = i < nodes ? i : i - nodes;
        tn_tensor *t = i < nodes ? tn_detach(tn_dict_at(of, at)) : tn_dict_at(of, at);
        s->kind[i].is = t;
        ok = t && tn_dict_set(i < nodes ? s->x : s->edge_index, tn_dict_name(of, at), t) == TN_OK;
        if (ok) s->kinds++;
    }
    return ok && tn_graph__explain_predicted(s);
}
/* Ends what began; what was found moves to the caller's scope. */
static tn_gnn_explanation tn_graph__explain_end(tn_graph__explain *s, bool ok, tn_tensor *node_mask, tn_tensor *edge_mask) {
    tn_gnn_explanation e = {NULL, NULL, NULL, NULL};
    if (!s->begun) return e;
    if (s->model) tn_module_train(s->model, s->training);
    (void)tn_set_grad_enabled(s->grad);
    if (ok) {
        e.node_mask = (tn_tensor *)tn_keep(node_mask), e.edge_mask = (tn_tensor *)tn_keep(edge_mask);
        e.prediction = (tn_tensor *)tn_keep(s->prediction);
        e.target = s->o.target ? s->o.target : s->target == s->prediction ? e.prediction : (tn_tensor *)tn_keep(s->target);
    }
    if (s->hetero) free(s->kind);
    tn_scope_close(&s->scope);
    return e;
}
static const char *tn_graph__sought_name(const tn_graph__explain *s, int i) { return i < s->nodes ? tn_dict_name(s->x, i) : tn_dict_name(s->edge_index, i - s->nodes); }
/* The same with the masks of all kinds. */
static tn_gnn_hetero_explanation tn_graph__explain_end_dicts(tn_graph__explain *s, bool ok) {
    tn_gnn_hetero_explanation e = {NULL, NULL, NULL, NULL};
    tn_dict *part[2] = {NULL, NULL};
    for (int i = 0; ok && i < s->kinds; i++) {
        tn_dict **d = &part[i >= s->nodes];
        if (!s->kind[i].mask) continue;
        if (!*d) *d = tn_dict_new();
        ok = *d && tn_dict_set(*d, tn_graph__sought_name(s, i), s->kind[i].mask) == TN_OK;
    }
    if (ok) e.node_mask = (tn_dict *)tn_keep(part[0]), e.edge_mask = (tn_dict *)tn_keep(part[1]);
    const tn_gnn_explanation plain = tn_graph__explain_end(s, ok, NULL, NULL);
    e.prediction = plain.prediction, e.target = plain.target;
    return e;
}
static tn_tensor *tn_graph__explain_rows(const tn_graph__explain *s, tn_tensor *t) { return t && s->o.index ? tn_index_select(t, 0, s->o.index) : t; }
/* How far y is from the target. */
static tn_tensor *tn_graph__explain_loss(const tn_graph__explain *s, tn_tensor *y) {
    tn_tensor *to = tn_graph__explain_rows(s, s->target);
    int64_t shape[TN_MAX_DIMS];
    if (!(y = tn_graph__explain_rows(s, y)) || !to) return NULL;
    if (s->o.mode == TN_GNN_REGRESSION) return tn_mse_loss(y, to, NULL);
    if (s->o.mode == TN_GNN_MULTICLASS && s->o.returns == TN_GNN_RAW) return tn_cross_entropy(y, to, NULL);
    if (s->o.mode == TN_GNN_MULTICLASS) return tn_nll_loss(s->o.returns == TN_GNN_PROBS ? tn_log(y) : y, to, NULL);
    for (int d = 0; d < tn_ndim(to); d++) shape[d] = tn_size(to, d);
    y = tn_reshape(y, shape, tn_ndim(to)), to = tn_to_dtype(to, tn_get_dtype(y));
    return s->o.returns == TN_GNN_RAW ? tn_binary_cross_entropy_with_logits(y, to, NULL) : tn_binary_cross_entropy(y, to, NULL);
}
/* Gradients in the leaves; zeros in those that have no part in the loss, unless none of nodes or none of edges has. */
static bool tn_graph__explain_gradient(tn_graph__explain *s, tn_tensor *loss) {
    tn_grad_opts unused;
    int n = 0, asked[2] = {0, 0}, got[2] = {0, 0};
    memset(&unused, 0, sizeof unused);
    unused.allow_unused = true;
    if (!loss) return false;
    if (!tn_requires_grad(loss)) return tn_error_set(TN_ERR_INVALID, "%s: the model's result has no gradient in its inputs or edges", s->who), false;
    tn_tensor **leaf = (tn_tensor **)tn_graph__alloc(s->who, s->kinds, sizeof *leaf);
    if (!leaf) return false;
    for (int i = 0; i < s->kinds; i++)
        if (s->kind[i].leaf) leaf[n++] = s->kind[i].leaf;
    const tn_tensors g = tn_autograd_grad(&loss, 1, leaf, n, NULL, &unused);
    free(leaf);
    n = 0;
    for (int i = 0; g.at && i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (!k->leaf) continue;
        k->grad = g.at[n++];
        asked[i >= s->nodes]++, got[i >= s->nodes] += k->grad != NULL;
        if (!k->grad && !(k->grad = tn_zeros_like(k->leaf, NULL))) return false;
    }
    if (g.at && asked[0] && !got[0]) return tn_error_set(TN_ERR_INVALID, "%s: x has no part in the model's result: TN_GNN_MASK_NONE", s->who), false;
    if (g.at && asked[1] && !got[1])
        return tn_error_set(TN_ERR_INVALID, "%s: edges have no part in the model's result: are they weighed? else no_edge_mask", s->who), false;
    return g.at != NULL;
}

/* -- GNNExplainer -- */
typedef struct { double size, ent; bool mean; } tn_graph__mask_cost;
/* What a mask costs: where hard is 1 its size and the entropy of its numbers. */
static tn_tensor *tn_graph__mask_cost_of(tn_tensor *loss, tn_tensor *mask, tn_tensor *hard, double count, tn_graph__mask_cost c) {
    if (!hard || count == 0) return loss;
    tn_tensor *m = tn_sigmoid(mask), *rest = tn_sub(1.0, m);
    tn_tensor *ent = tn_neg(tn_add(tn_mul(m, tn_log(tn_add(m, 1e-15))), tn_mul(rest, tn_log(tn_add(rest, 1e-15)))));
    loss = tn_add(loss, tn_mul(tn_sum(tn_mul(m, hard), NULL), c.mean ? c.size / count : c.size));
    return tn_add(loss, tn_mul(tn_sum(tn_mul(ent, hard), NULL), c.ent / count));
}
static tn_tensor *tn_graph__drawn_mask(int64_t n, int64_t m, tn_tensor *like, double std, tn_generator *g) {
    const int64_t shape[2] = {n, m};
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(like), o.device = tn_get_device(like), o.generator = g;
    tn_tensor *t = tn_randn(shape, m < 0 ? 1 : 2, &o);
    t = t ? tn_mul(t, std) : NULL;
    return t ? tn_requires_grad_(tn_detach(t), true) : NULL;
}
static bool tn_graph__masks_drawn(tn_graph__explain *s, tn_generator *g) {
    const tn_gnn_mask_type type = s->o.node_mask;
    int64_t most = 1;
    bool ok = true;
    for (int i = 0; i < s->nodes; i++) most = tn_size(s->kind[i].is, 0) > most ? tn_size(s->kind[i].is, 0) : most;
    for (int i = 0; ok && i < s->kinds; i++) {
        tn_tensor *x = s->kind[i].is, **mask = &s->kind[i].mask;
        if (i >= s->nodes && !s->o.no_edge_mask) ok = (*mask = tn_graph__drawn_mask(tn_size(x, 1), -1, s->kind[0].is, sqrt(2.0) * sqrt(1 / (double)most), g)) != NULL;
        if (i >= s->nodes || type == TN_GNN_MASK_NONE) continue;
        ok = (*mask = tn_graph__drawn_mask(type == TN_GNN_MASK_COMMON_ATTRIBUTES ? 1 : tn_size(x, 0), type == TN_GNN_MASK_OBJECT ? 1 : tn_size(x, 1), x, 0.1, g)) != NULL;
    }
    return ok;
}
/* x and edges weighed by the masks that are learnt. */
static bool tn_graph__explain_weighed(tn_graph__explain *s) {
    for (int i = 0; i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        tn_tensor *w = k->mask ? tn_sigmoid(k->mask) : NULL;
        k->leaf = k->mask, k->at = w && i < s->nodes ? tn_mul(k->is, w) : w;
        if (k->mask && !k->at) return false;
    }
    return true;
}
/* One epoch. The first also says which numbers of the masks something flows through: hard, and how many of them. */
static bool tn_graph__explain_epoch(tn_graph__explain *s, tn_optimizer *adam, const tn_graph__mask_cost cost[2]) {
    tn_tensor *loss = tn_graph__explain_weighed(s) ? tn_graph__explain_loss(s, tn_graph__explain_run(s)) : NULL;
    for (int i = 0; i < s->kinds; i++) {
        const tn_graph__sought *k = &s->kind[i];
        loss = loss && k->mask ? tn_graph__mask_cost_of(loss, k->mask, k->hard, k->count, cost[i >= s->nodes]) : loss;
    }
    if (!tn_graph__explain_gradient(s, loss)) return false;
    for (int i = 0; i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (!k->mask) continue;
        if (!k->hard) {
            k->hard = (tn_tensor *)tn_retain(tn_to_dtype(tn_ne(k->grad, 0.0), tn_get_dtype(k->mask)));
            k->count = k->hard ? tn_item(tn_sum(k->hard, NULL)) : 0;
        }
        if (!k->hard || tn_set_grad(k->mask, k->grad) != TN_OK) return false;
    }
    return tn_optim_step(adam) == TN_OK;
}
/* Adam over the masks. */
static tn_optimizer *tn_graph__explain_adam(const tn_graph__explain *s, double lr) {
    tn_adam_opts o;
    memset(&o, 0, sizeof o);
    tn_tensor **all = (tn_tensor **)tn_graph__alloc(s->who, s->kinds, sizeof *all);
    if (!all) return NULL;
    for (int i = 0; i < s->kinds; i++)
        if (s->kind[i].mask) all[o.n_params++] = s->kind[i].mask;
    o.lr = lr == 0 ? 0.01 : lr, o.params = all;
    tn_optimizer *adam = tn_optim_adam(NULL, &o);
    free(all);
    return adam;
}
static bool tn_graph__explain_learn(tn_graph__explain *s, const tn_gnn_explainer_opts *own) {
    tn_gnn_explainer_opts w;
    memset(&w, 0, sizeof w);
    if (own) w = *own;
    if (w.epochs < 0) return tn_error_set(TN_ERR_INVALID, "%s: %lld epochs", s->who, (long long)w.epochs), false;
    const tn_graph__mask_cost cost[2] = {{tn_graph__or(w.node_feat_size, 1), tn_graph__or(w.node_feat_ent, 0.1), !w.node_feat_sum},
                                         {tn_graph__or(w.edge_size, 0.005), tn_graph__or(w.edge_ent, 1), w.edge_mean}};
    if (!tn_graph__masks_drawn(s, w.generator)) return false;
    tn_optimizer *adam = tn_graph__explain_adam(s, w.lr);
    bool ok = adam != NULL;
    for (int64_t i = 0; ok && i < (w.epochs ? w.epochs : 100); i++) {
        tn_scope inner = tn_scope_open();
        ok = tn_graph__explain_epoch(s, adam, cost);
        tn_scope_close(&inner);
    }
    for (int i = 0; i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (ok && k->mask) ok = (k->mask = tn_mul(tn_sigmoid(tn_detach(k->mask)), k->hard)) != NULL;
        tn_release(k->hard);
    }
    return ok;
}
/* Whether anything is to be explained at all. */
static bool tn_graph__explain_asked(const tn_graph__explain *s) {
    return s->o.node_mask != TN_GNN_MASK_NONE || !s->o.no_edge_mask || (tn_error_set(TN_ERR_INVALID, "%s: neither nodes nor edges are asked for", s->who), false);
}
TN_API tn_gnn_explanation tn_gnn_explain(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_explainer_opts *own) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin(&s, "tn_gnn_explain", model, in, n, opts) && tn_graph__explain_asked(&s) && tn_graph__explain_learn(&s, own);
    return tn_graph__explain_end(&s, ok, s.pair[0].mask, s.pair[1].mask);
}
TN_API tn_gnn_hetero_explanation tn_gnn_hetero_explain(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_explain_opts *opts,
                                                       const tn_gnn_explainer_opts *own) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin_dicts(&s, "tn_gnn_hetero_explain", model, x, edge_index, opts) && tn_graph__explain_asked(&s) && tn_graph__explain_learn(&s, own);
    return tn_graph__explain_end_dicts(&s, ok);
}

/* -- attention -- */
static tn_tensor *tn_graph__reduced(tn_tensor *x, int dim, tn_reduction_kind kind) {
    tn_reduce_opts o;
    memset(&o, 0, sizeof o);
    o.dim = dim, o.has_dim = true;
    if (kind == TN_REDUCE_AMAX) return tn_max_dim(x, dim, false).values;
    if (kind == TN_REDUCE_AMIN) return tn_min_dim(x, dim, false).values;
    return kind == TN_REDUCE_MEAN ? tn_mean(x, &o) : kind == TN_REDUCE_PROD ? tn_prod(x, &o) : tn_sum(x, &o);
}
/* What the layers of a call attended to, [E] each. */
typedef struct { tn_tensor *edge_index, **layer; int n; bool failed; tn_reduction_kind reduce; } tn_graph__attended;
/* Where each of e edges (row, col) stands among the edges k_row, k_col: these are the same, or have the others in the order of each target and their own
   self-loops. False where they are not. list: nodes + e numbers. */
static bool tn_graph__edges_match(const int64_t *row, const int64_t *col, int64_t e, const int64_t *k_row, const int64_t *k_col, int64_t k, int64_t nodes, int64_t *list, int64_t *at) {
    const bool same = k == e && memcmp(row, k_row, (size_t)e * sizeof *row) == 0 && memcmp(col, k_col, (size_t)e * sizeof *col) == 0;
    int64_t *head = list, *next = list + nodes, *loop = next + e;
    for (int64_t i = 0; same && i < e; i++) at[i] = i;
    if (same) return true;
    for (int64_t i = 0; i < nodes; i++) head[i] = loop[i] = -1;
    for (int64_t i = e - 1; i >= 0; i--)
        if (row[i] != col[i]) next[i] = head[col[i]], head[col[i]] = i;
    for (int64_t i = 0; i < k; i++) {
        const int64_t to = k_col[i], mine = k_row[i] == to ? -1 : head[to];
        if (k_row[i] == to) loop[to] = i;
        else if (mine < 0 || row[mine] != k_row[i]) return false;
        else at[mine] = i, head[to] = next[mine];
    }
    for (int64_t i = 0; i < e; i++) {
        if (row[i] == col[i]) at[i] = loop[col[i]];
        else if (head[col[i]] >= 0) return false;
        if (at[i] < 0) return false;
    }
    return true;
}
/* These places as a tensor, of a layer's edges; NULL and an error that says what it does over others. */
static tn_tensor *tn_graph__edge_places(const char *who, const char *does, tn_tensor *edge_index, tn_tensor *edges) {
    tn_graph__edges g, k;
    tn_tensor *r = NULL;
    if (!tn_graph__edges_read(who, edge_index, -1, &g) || !tn_graph__edges_read(who, edges, -1, &k)) return NULL;
    const int64_t nodes = g.n > k.n ? g.n : k.n;
    int64_t *list = (int64_t *)tn_graph__alloc(who, 2 * (nodes + g.e), sizeof *list);
    if (list && !tn_graph__edges_match(g.row, g.col, g.e, k.row, k.col, k.e, nodes, list, list + 2 * nodes + g.e))
        tn_error_set(TN_ERR_INVALID, "%s: a layer %s other edges, %s", who, does, tn_graph__shape(edges).text);
    else if (list) r = tn_graph__indices(list + 2 * nodes + g.e, 0, g.e, g.device);
    free(list);
    return r;
}
static tn_tensor *tn_graph__attention_of(const tn_graph__attended *a, tn_tensor *edges, tn_tensor *alpha) {
    tn_tensor *places = tn_graph__edge_places("tn_gnn_explain_attention", "attends over", a->edge_index, edges);
    return places ? tn_graph__reduced(tn_index_select(tn_detach(alpha), 0, places), 1, a->reduce) : NULL;
}
static void tn_graph__on_attention(void *user, tn_module *layer, tn_tensor *edges, tn_tensor *alpha) {
    tn_graph__attended *a = (tn_graph__attended *)user;
    tn_tensor **more = a->failed ? NULL : (tn_tensor **)realloc(a->layer, (size_t)(a->n + 1) * sizeof *more);
    (void)layer;
    if (more) a->layer = more;
    tn_tensor *r = more ? tn_graph__attention_of(a, edges, alpha) : NULL;
    if (r) a->layer[a->n++] = (tn_tensor *)tn_retain(r);
    else if (!a->failed && !more) tn_error_set(TN_ERR_MEMORY, "tn_gnn_explain_attention: no memory");
    a->failed = a->failed || !r;
}
static tn_tensor *tn_graph__attention(tn_graph__explain *s, const tn_gnn_attention_explain_opts *own) {
    const char *who = "tn_gnn_explain_attention";
    tn_graph__attended a;
    tn_tensor *r = NULL;
    memset(&a, 0, sizeof a);
    a.edge_index = s->in[1];
    a.reduce = own && (own->has_reduce || own->reduce != TN_REDUCE_SUM) ? own->reduce : TN_REDUCE_AMAX;
    tn_gnn_on_attention(tn_graph__on_attention, &a);
    tn_tensor *y = tn_graph__explain_look(s, false);
    tn_gnn_on_attention(NULL, NULL);
    if (y && !a.failed && a.n) r = tn_graph__reduced(tn_stack(a.layer, a.n, 0), 0, a.reduce);
    else if (y && !a.failed) tn_error_set(TN_ERR_INVALID, "%s: no layer of the model attends (GATConv, GATv2Conv, TransformerConv)", who);
    for (int i = 0; i < a.n; i++) tn_release(a.layer[i]);
    free(a.layer);
    if (!r || !own || !own->num_hops) return r;
    tn_tensor *near = s->o.index ? tn_gnn_k_hop_subgraph(s->o.index, own->num_hops, s->in[1], tn_size(s->in[0], 0), NULL).edge_mask : (tn_tensor *)(tn_graph__absent(who, "opts->index"), NULL);
    return near ? tn_mul(r, tn_to_dtype(near, tn_get_dtype(r))) : NULL;
}
TN_API tn_gnn_explanation tn_gnn_explain_attention(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_attention_explain_opts *own) {
    tn_graph__explain s;
    tn_tensor *mask = tn_graph__explain_begin(&s, "tn_gnn_explain_attention", model, in, n, opts) ? tn_graph__attention(&s, own) : NULL;
    return tn_graph__explain_end(&s, mask != NULL, NULL, mask);
}

/* -- gradients -- */
/* The i-th of n points and weights of Gauss-Legendre quadrature over 0 to 1. */
static void tn_graph__legendre(int64_t n, int64_t i, double *point, double *weight) {
    double x = cos(3.14159265358979323846 * ((double)i + 0.75) / ((double)n + 0.5)), slope = 1;
    for (int step = 0; step < 100; step++) {
        double p = 1, before = 0;
        for (int64_t k = 1; k <= n; k++) {
            const double older = before;
            before = p;
            p = (((double)(2 * k) - 1) * x * before - ((double)k - 1) * older) / (double)k;
        }
        slope = (double)n * (x * p - before) / (x * x - 1);
        x -= p / slope;
        if (fabs(p / slope) < 1e-15) break;
    }
    *point = (1 + x) / 2;
    *weight = 1 / ((1 - x * x) * slope * slope);
}
/* The sum of the scores of the target. */
static tn_tensor *tn_graph__explain_score(const tn_graph__explain *s, tn_tensor *y) {
    tn_tensor *to = tn_graph__explain_rows(s, s->target);
    const int64_t flat = -1;
    if (!(y = tn_graph__explain_rows(s, y)) || !to) return NULL;
    if (s->o.mode == TN_GNN_MULTICLASS) y = tn_gather(y, -1, tn_unsqueeze(to, -1));
    if (s->o.mode == TN_GNN_BINARY) {
        y = tn_reshape(y, &flat, 1), to = tn_reshape(to, &flat, 1);
        y = tn_where(tn_ne(to, 0.0), y, tn_sub(1.0, y));
    }
    return y ? tn_sum(y, NULL) : NULL;
}
/* Adds weight times the gradients at factor times x and edges of weight factor to the masks. */
static bool tn_graph__explain_add(tn_graph__explain *s, double factor, double weight) {
    bool ok = true;
    for (int i = 0; ok && i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        tn_tensor *t = !k->mask ? NULL : i < s->nodes ? tn_detach(tn_mul(k->is, factor)) : tn_full_like(k->mask, factor, NULL);
        k->at = k->leaf = t ? tn_requires_grad_(t, true) : NULL;
        ok = k->at || !k->mask;
    }
    if (!ok || !tn_graph__explain_gradient(s, tn_graph__explain_score(s, tn_graph__explain_run(s)))) return false;
    const bool was = tn_set_grad_enabled(false);
    for (int i = 0; i < s->kinds; i++)
        if (s->kind[i].mask) ok = ok && tn_add_(s->kind[i].mask, tn_mul(s->kind[i].grad, weight)) != NULL;
    (void)tn_set_grad_enabled(was);
    return ok;
}
static bool tn_graph__explain_attribute(tn_graph__explain *s, tn_gnn_attribution method, int64_t steps) {
    const int64_t points = method == TN_GNN_INTEGRATED_GRADIENTS ? (steps ? steps : 50) : 1;
    const bool saliency = method == TN_GNN_SALIENCY;
    bool ok = true;
    if ((unsigned)method > TN_GNN_INTEGRATED_GRADIENTS || points < 1) return tn_error_set(TN_ERR_INVALID, "%s: method %d, %lld steps", s->who, (int)method, (long long)steps), false;
    if (s->o.node_mask != TN_GNN_MASK_NONE && s->o.node_mask != TN_GNN_MASK_ATTRIBUTES) return tn_error_set(TN_ERR_INVALID, "%s: node_mask is each number of x, or nothing", s->who), false;
    if (s->o.mode == TN_GNN_BINARY && s->o.returns != TN_GNN_PROBS) return tn_error_set(TN_ERR_INVALID, "%s: two classes are wanted as probabilities", s->who), false;
    for (int i = 0; ok && i < s->kinds; i++) {
        const bool node = i < s->nodes, asked = node ? s->o.node_mask != TN_GNN_MASK_NONE : !s->o.no_edge_mask;
        if (asked) ok = (s->kind[i].mask = node ? tn_zeros_like(s->kind[i].is, NULL) : tn_graph__explain_edges(s, i, 0)) != NULL;
    }
    for (int64_t i = 0; ok && i < points; i++) {
        double factor = 1, weight = 1;
        tn_scope inner = tn_scope_open();
        if (method == TN_GNN_INTEGRATED_GRADIENTS) tn_graph__legendre(points, i, &factor, &weight);
        ok = tn_graph__explain_add(s, factor, weight);
        tn_scope_close(&inner);
    }
    for (int i = 0; ok && i < s->kinds; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (!k->mask || (i >= s->nodes && !saliency)) continue;
        ok = (k->mask = saliency ? tn_abs(k->mask) : tn_mul(k->mask, k->is)) != NULL;
    }
    return ok;
}
TN_API tn_gnn_explanation tn_gnn_explain_gradient(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, tn_gnn_attribution method, int64_t n_steps) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin(&s, "tn_gnn_explain_gradient", model, in, n, opts) && tn_graph__explain_asked(&s) && tn_graph__explain_attribute(&s, method, n_steps);
    return tn_graph__explain_end(&s, ok, s.pair[0].mask, s.pair[1].mask);
}
TN_API tn_gnn_hetero_explanation tn_gnn_hetero_explain_gradient(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_explain_opts *opts,
                                                                tn_gnn_attribution method, int64_t n_steps) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin_dicts(&s, "tn_gnn_hetero_explain_gradient", model, x, edge_index, opts) && tn_graph__explain_asked(&s) &&
        tn_graph__explain_attribute(&s, method, n_steps);
    return tn_graph__explain_end_dicts(&s, ok);
}

/* -- PGExplainer -- */
typedef struct { tn_module base; tn_gnn_pg_opts o; int64_t dim; tn_module *mlp; tn_optimizer *adam; } tn_graph__pg;
static void tn_graph__pg_free(tn_module *self) { tn_release(((tn_graph__pg *)self)->adam); }
static tn_tensor *tn_graph__pg_forward(tn_module *self, tn_tensor *const *in, int n) { return n > 0 ? tn_forward(((tn_graph__pg *)self)->mlp, in[0]) : NULL; }
TN_API tn_module *tn_gnn_pg_explainer(int64_t embedding_dim, const tn_gnn_pg_opts *opts) {
    tn_adam_opts adam;
    TN_GRAPH__OPTS(tn_gnn_pg_opts);
    if (embedding_dim < 1 || o.epochs < 0 || o.num_hops < 0)
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_pg_explainer: width %lld, %lld epochs, %lld hops", (long long)embedding_dim, (long long)o.epochs, (long long)o.num_hops), (tn_module *)NULL;
    tn_graph__pg *m = (tn_graph__pg *)tn_module_new(sizeof *m, "PGExplainer", tn_graph__pg_forward);
    if (!m) return NULL;
    o.epochs = o.epochs ? o.epochs : 30, o.edge_size = tn_graph__or(o.edge_size, 0.05), o.edge_ent = tn_graph__or(o.edge_ent, 1), o.bias = tn_graph__or(o.bias, 0.01);
    o.first_temperature = tn_graph__or(o.first_temperature, 5), o.last_temperature = tn_graph__or(o.last_temperature, 2);
    m->o = o, m->dim = embedding_dim;
    m->mlp = tn_module_child(&m->base, "mlp", tn_nn_sequential(tn_nn_linear((o.num_hops ? 3 : 2) * embedding_dim, 64, NULL), tn_nn_relu(), tn_nn_linear(64, 1, NULL), TN_END));
    tn_module_on_free(&m->base, tn_graph__pg_free);
    memset(&adam, 0, sizeof adam);
    adam.lr = o.lr == 0 ? 0.003 : o.lr;
    m->adam = (tn_optimizer *)tn_retain(tn_optim_adam(m->mlp, &adam));
    return m->adam ? &m->base : NULL;
}
static bool tn_graph__pg_is(const tn_module *pg, const char *who) {
    return pg ? pg->forward == tn_graph__pg_forward || (tn_error_set(TN_ERR_INVALID, "%s: a PGExplainer is wanted, got %s", who, pg->kind), false) : tn_graph__absent(who, "pg");
}
/* How much each edge counts, [E], before the sigmoid; and which of them the model sees, NULL for all. */
static tn_tensor *tn_graph__pg_logits(const tn_graph__pg *m, const tn_graph__explain *s, const char *who, tn_tensor *z, tn_tensor **near) {
    const int64_t nodes = tn_size(s->in[0], 0), edges = tn_size(s->in[1], 1), flat = -1, wide[2] = {edges, m->dim};
    if (!z) return tn_graph__absent(who, "z"), (tn_tensor *)NULL;
    if (tn_ndim(z) != 2 || tn_size(z, 0) != nodes || tn_size(z, 1) != m->dim)
        return tn_error_set(TN_ERR_SHAPE, "%s: z is %s, not [%lld, %lld]", who, tn_graph__shape(z).text, (long long)nodes, (long long)m->dim), (tn_tensor *)NULL;
    if (m->o.num_hops && (!s->o.index || tn_numel(s->o.index) != 1)) return tn_error_set(TN_ERR_INVALID, "%s: opts->index has to be one node", who), (tn_tensor *)NULL;
    z = tn_detach(z);
    tn_tensor *part[3] = {tn_index_select(z, 0, tn_select(s->in[1], 0, 0)), tn_index_select(z, 0, tn_select(s->in[1], 0, 1)), NULL};
    if (m->o.num_hops) {
        part[2] = tn_expand(tn_index_select(z, 0, tn_reshape(s->o.index, &flat, 1)), wide, 2);
        *near = tn_gnn_k_hop_subgraph(tn_reshape(s->o.index, &flat, 1), m->o.num_hops, s->in[1], nodes, NULL).edge_mask;
        if (!*near) return NULL;
    }
    tn_tensor *y = tn_forward(m->mlp, tn_cat(part, m->o.num_hops ? 3 : 2, 1));
    return y ? tn_reshape(y, &edges, 1) : NULL;
}
/* Edges drawn by the concrete distribution; and the loss with what they cost. */
static tn_tensor *tn_graph__pg_loss(const tn_graph__pg *m, tn_graph__explain *s, int64_t epoch, tn_tensor *z) {
    tn_tensor *near = NULL, *logits = tn_graph__pg_logits(m, s, "tn_gnn_pg_train", z, &near);
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = m->o.generator;
    if (!logits) return NULL;
    const double temperature = m->o.first_temperature * pow(m->o.last_temperature / m->o.first_temperature, (double)epoch / (double)m->o.epochs);
    tn_tensor *eps = tn_add(tn_mul(tn_rand_like(logits, &o), 1 - 2 * m->o.bias), m->o.bias);
    tn_tensor *w = tn_sigmoid(tn_div(tn_add(tn_sub(tn_log(eps), tn_log(tn_sub(1.0, eps))), logits), temperature));
    s->pair[1].at = w;
    tn_tensor *loss = w ? tn_graph__explain_loss(s, tn_graph__explain_run(s)) : NULL;
    w = loss && near ? tn_masked_select(w, near) : w;
    if (!loss || !w || tn_numel(w) == 0) return loss;
    tn_tensor *some = tn_add(tn_mul(w, 0.99), 0.005), *rest = tn_sub(1.0, some), *ent = tn_neg(tn_add(tn_mul(some, tn_log(some)), tn_mul(rest, tn_log(rest))));
    return tn_add(tn_add(loss, tn_mul(tn_sum(w, NULL), m->o.edge_size)), tn_mul(tn_mean(ent, NULL), m->o.edge_ent));
}
TN_API double tn_gnn_pg_train(tn_module *pg, int64_t epoch, tn_module *model, tn_tensor *const *in, int n, tn_tensor *z, const tn_gnn_explain_opts *opts) {
    const char *who = "tn_gnn_pg_train";
    double r = (double)NAN;
    tn_graph__explain s;
    if (!tn_graph__pg_is(pg, who)) return r;
    const tn_graph__pg *m = (const tn_graph__pg *)pg;
    tn_tensor *loss = tn_graph__explain_begin(&s, who, model, in, n, opts) ? tn_graph__pg_loss(m, &s, epoch, z) : NULL;
    const tn_tensors p = tn_parameters(m->mlp);
    const tn_tensors g = loss && p.at ? tn_autograd_grad(&loss, 1, p.at, p.n, NULL, NULL) : p;
    bool ok = loss && g.at;
    for (int i = 0; ok && i < p.n; i++) ok = tn_set_grad(p.at[i], g.at[i]) == TN_OK;
    if (ok && tn_optim_step(m->adam) == TN_OK) r = tn_item(loss);
    (void)tn_graph__explain_end(&s, false, NULL, NULL);
    return r;
}
TN_API tn_gnn_explanation tn_gnn_pg_explain(tn_module *pg, tn_module *model, tn_tensor *const *in, int n, tn_tensor *z, const tn_gnn_explain_opts *opts) {
    const tn_gnn_explanation none = {NULL, NULL, NULL, NULL};
    const char *who = "tn_gnn_pg_explain";
    tn_tensor *near = NULL, *mask = NULL;
    tn_graph__explain s;
    if (!tn_graph__pg_is(pg, who)) return none;
    if (tn_graph__explain_begin(&s, who, model, in, n, opts) && (mask = tn_graph__pg_logits((const tn_graph__pg *)pg, &s, who, z, &near)) != NULL) {
        mask = tn_sigmoid(tn_detach(mask));
        if (near) mask = tn_mul(mask, tn_to_dtype(near, tn_get_dtype(mask)));
    }
    return tn_graph__explain_end(&s, mask != NULL, NULL, mask);
}

/* -- GraphMask -- */
/* What a gate is made of: matrices for the sources', the messages' and the targets' rows, then each one's norm. */
enum { TN_GRAPH__GATE_NORM = 3, TN_GRAPH__GATE_SHIFT = 6, TN_GRAPH__GATE_BIAS = 9, TN_GRAPH__GATE_OUT, TN_GRAPH__GATE_OUT_BIAS, TN_GRAPH__GATE_BASELINE, TN_GRAPH__GATE_PARTS };
/* A layer: one call of message passing. seen: those rows of the graph's edges, [E, width], as the model is. place: where these edges stand among the
   layer's, NULL where they are the same. gate: how much of each message stays in this run, [E], or NULL for all. */
typedef struct { tn_tensor *seen[3], *place, *gate, **part; } tn_graph__gate;
typedef struct {
    tn_graph__explain *s;
    tn_gnn_graph_mask_opts o;
    tn_graph__gate *layer;
    tn_tensor **params, *lambda; /* each layer's parts; then lambda, then x's mask if it is sought */
    int n, call;
    double loss;                 /* the model's own */
} tn_graph__gates;
static void tn_graph__gates_free(tn_graph__gates *r) {
    for (int i = 0; i < r->n; i++) {
        for (int j = 0; j < 3; j++) tn_release(r->layer[i].seen[j]);
        tn_release(r->layer[i].place);
    }
    free(r->layer), free(r->params);
}
/* Rows of one width. */
static tn_tensor *tn_graph__flat_rows(tn_tensor *t) {
    int64_t shape[2] = {t ? tn_size(t, 0) : 0, 1};
    for (int d = 1; t && d < tn_ndim(t); d++) shape[1] *= tn_size(t, d);
    return t ? tn_reshape(t, shape, 2) : NULL;
}
/* The model as it is: its layers are listened to. */
static tn_tensor *tn_graph__gates_see(void *user, const tn_gnn_edges *e, tn_tensor *message) {
    tn_graph__gates *r = (tn_graph__gates *)user;
    tn_tensor *edges = r->s->in[1], *seen[3] = {tn_gnn_x_j(e, e->x), message, tn_gnn_x_i(e, e->x_dst ? e->x_dst : e->x)};
    tn_graph__gate *more = (tn_graph__gate *)realloc(r->layer, (size_t)(r->n + 1) * sizeof *more);
    if (!more) return tn_error_set(TN_ERR_MEMORY, "%s: no memory", r->s->who), (tn_tensor *)NULL;
    r->layer = more;
    tn_graph__gate *l = &more[r->n++];
    memset(l, 0, sizeof *l);
    if (e->edge_index != edges && !(l->place = (tn_tensor *)tn_retain(tn_graph__edge_places(r->s->who, "passes messages along", edges, e->edge_index)))) return NULL;
    for (int i = 0; i < 3; i++) {
        tn_tensor *t = tn_graph__flat_rows(seen[i]);
        if (t && l->place) t = tn_index_select(t, 0, l->place);
        if (!(l->seen[i] = (tn_tensor *)tn_retain(t ? tn_detach(t) : NULL))) return NULL;
    }
    return message;
}
/* Messages through the gates: what is kept off is replaced by the baseline. */
static tn_tensor *tn_graph__gates_pass(void *user, const tn_gnn_edges *e, tn_tensor *message) {
    tn_graph__gates *r = (tn_graph__gates *)user;
    const int64_t rows = tn_size(message, 0), flat[2] = {rows, 1};
    int64_t shape[TN_MAX_DIMS];
    tn_tensor_opts o;
    (void)e;
    if (r->call >= r->n) return tn_error_set(TN_ERR_INVALID, "%s: the model passes messages more often than before", r->s->who), (tn_tensor *)NULL;
    const tn_graph__gate *l = &r->layer[r->call++];
    tn_tensor *w = l->gate;
    if (!w) return message;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(w), o.device = tn_get_device(w);
    if (l->place) w = tn_scatter(tn_ones(&rows, 1, &o), 0, l->place, w); /* loops that layers put there pass */
    for (int d = 0; d < tn_ndim(message); d++) shape[d] = tn_size(message, d);
    w = w ? tn_reshape(w, flat, 2) : NULL;
    tn_tensor *y = tn_add(tn_mul(tn_graph__flat_rows(message), w), tn_mul(tn_sub(1.0, w), l->part[TN_GRAPH__GATE_BASELINE]));
    return y ? tn_reshape(y, shape, tn_ndim(message)) : NULL;
}
/* Numbers from -bound to bound, or all of one value if bound is 0, that are learnt. */
static tn_tensor *tn_graph__gate_part(const tn_graph__gates *r, int64_t rows, int64_t columns, double bound, double value) {
    const int64_t shape[2] = {rows ? rows : columns, columns};
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.dtype = tn_get_dtype(r->s->in[0]), o.device = tn_get_device(r->s->in[0]), o.generator = r->o.generator;
    tn_tensor *t = bound > 0 ? tn_rand(shape, rows ? 2 : 1, &o) : tn_full(shape, rows ? 2 : 1, value, &o);
    if (t && bound > 0) t = tn_mul(tn_sub(t, 0.5), 2 * bound);
    return t ? tn_requires_grad_(tn_detach(t), true) : NULL;
}
static bool tn_graph__gate_new(const tn_graph__gates *r, tn_graph__gate *l) {
    const int64_t width = tn_size(l->seen[1], 1), hidden = width < 16 ? 16 : width; /* a norm over few would tell little */
    int64_t in = hidden;
    bool ok = true;
    for (int j = 0; j < 3; j++) in += tn_size(l->seen[j], 1);
    for (int j = 0; j < 3; j++) {
        l->part[j] = tn_graph__gate_part(r, hidden, tn_size(l->seen[j], 1), sqrt(6 / (double)in), 0);
        l->part[TN_GRAPH__GATE_NORM + j] = tn_graph__gate_part(r, 0, hidden, 0, 1);
        l->part[TN_GRAPH__GATE_SHIFT + j] = tn_graph__gate_part(r, 0, hidden, 0, 0);
    }
    l->part[TN_GRAPH__GATE_BIAS] = tn_graph__gate_part(r, 0, hidden, 0, 0);
    l->part[TN_GRAPH__GATE_OUT] = tn_graph__gate_part(r, 1, hidden, 1 / sqrt((double)hidden), 0);
    l->part[TN_GRAPH__GATE_OUT_BIAS] = tn_graph__gate_part(r, 0, 1, 1 / sqrt((double)hidden), 0);
    l->part[TN_GRAPH__GATE_BASELINE] = tn_graph__gate_part(r, 0, width, 1 / sqrt((double)(width ? width : 1)), 0);
    for (int j = 0; j < TN_GRAPH__GATE_PARTS; j++) ok = ok && l->part[j];
    return ok;
}
/* How open a layer's gates are, [E], before the sigmoid. */
static tn_tensor *tn_graph__gate_logits(const tn_graph__gate *l) {
    const int64_t hidden = tn_size(l->part[TN_GRAPH__GATE_BIAS], 0), flat = -1;
    tn_tensor *y = l->part[TN_GRAPH__GATE_BIAS];
    for (int j = 0; j < 3; j++)
        y = tn_add(y, tn_layer_norm(tn_linear(l->seen[j], l->part[j], NULL), &hidden, 1, l->part[TN_GRAPH__GATE_NORM + j], l->part[TN_GRAPH__GATE_SHIFT + j], 1e-5));
    y = y ? tn_linear(tn_relu(tn_div(y, 3.0)), l->part[TN_GRAPH__GATE_OUT], l->part[TN_GRAPH__GATE_OUT_BIAS]) : NULL;
    return y ? tn_add(tn_reshape(y, &flat, 1), 2.0) : NULL;
}
/* The hard concrete distribution: a sigmoid that is stretched over -0.2 to 1.2 and cut off at 0 and 1. */
static tn_tensor *tn_graph__gate_cut(tn_tensor *open) {
    tn_tensor *s = tn_sub(tn_mul(tn_sigmoid(open), 1.4), 0.2);
    return s ? tn_clamp(s, tn_arg_f(0), tn_arg_f(1)) : NULL;
}
/* Gates that are drawn, 0 or 1, with the gradient of what they were before; adds how likely they are open to cost. */
static tn_tensor *tn_graph__gate_drawn(const tn_graph__gates *r, const tn_graph__gate *l, tn_tensor **cost) {
    tn_tensor_opts o;
    memset(&o, 0, sizeof o);
    o.generator = r->o.generator;
    tn_tensor *open = tn_graph__gate_logits(l), *u = open ? tn_rand_like(open, &o) : NULL;
    if (!u) return NULL;
    u = tn_add(tn_mul(u, 1 - 2e-6), 1e-6);
    tn_tensor *s = tn_graph__gate_cut(tn_mul(tn_add(tn_sub(tn_log(u), tn_log(tn_sub(1.0, u))), open), 3.0));
    if (!s) return NULL;
    if (tn_numel(open)) {
        tn_tensor *likely = tn_mean(tn_sigmoid(tn_sub(open, log(0.2 / 1.2) / 3)), NULL);
        if (!(*cost = *cost ? tn_add(*cost, likely) : likely)) return NULL;
    }
    return tn_add(s, tn_detach(tn_sub(tn_to_dtype(tn_gt(s, 0.5), tn_get_dtype(s)), s)));
}
static tn_tensor *tn_graph__gates_loss(tn_graph__gates *r, int from) {
    tn_graph__explain *s = r->s;
    tn_tensor *cost = NULL;
    const tn_graph__mask_cost of_x = {r->o.node_feat_size, r->o.node_feat_ent, !r->o.node_feat_sum};
    for (int i = 0; i < r->n; i++) {
        r->layer[i].gate = i < from ? NULL : tn_graph__gate_drawn(r, &r->layer[i], &cost);
        if (i >= from && !r->layer[i].gate) return NULL;
    }
    r->call = 0;
    if (!tn_graph__explain_weighed(s)) return NULL;
    tn_gnn_on_message(tn_graph__gates_pass, r);
    tn_tensor *y = tn_graph__explain_run(s);
    tn_gnn_on_message(NULL, NULL);
    tn_tensor *loss = tn_graph__explain_loss(s, y);
    loss = loss ? tn_mul(tn_softplus(r->lambda, 1, 20), tn_relu(tn_sub(loss, r->loss + r->o.allowance))) : NULL;
    if (loss && cost) loss = tn_add(loss, tn_mul(cost, r->o.penalty_scaling));
    return loss && s->kind[0].mask ? tn_graph__mask_cost_of(loss, s->kind[0].mask, s->kind[0].hard, s->kind[0].count, of_x) : loss;
}
/* One step, of the gates of layer from on; lambda goes up the gradient. */
static bool tn_graph__gates_epoch(tn_graph__gates *r, int from, tn_optimizer *adam, tn_optimizer *rms) {
    const int first = from * TN_GRAPH__GATE_PARTS, lambda = r->n * TN_GRAPH__GATE_PARTS, n = lambda + 1 + (r->s->kind[0].mask != NULL) - first;
    tn_grad_opts unused;
    memset(&unused, 0, sizeof unused);
    unused.allow_unused = true;
    tn_tensor *loss = tn_graph__gates_loss(r, from);
    if (!loss) return false;
    const tn_tensors g = tn_autograd_grad(&loss, 1, r->params + first, n, NULL, &unused);
    bool ok = g.at != NULL;
    for (int i = 0; ok && i < n; i++) {
        tn_tensor *grad = g.at[i] && first + i == lambda ? tn_neg(g.at[i]) : g.at[i];
        ok = (grad || !g.at[i]) && tn_set_grad(r->params[first + i], grad) == TN_OK;
    }
    ok = ok && tn_optim_step(adam) == TN_OK && tn_optim_step(rms) == TN_OK;
    const bool was = tn_set_grad_enabled(false);
    ok = ok && tn_clamp_(r->lambda, tn_arg_f(-2), tn_arg_f(30));
    (void)tn_set_grad_enabled(was);
    return ok;
}
/* Through which numbers of x's mask, and which edges, something flows. */
static bool tn_graph__gates_flow(tn_graph__explain *s) {
    if (!tn_graph__explain_weighed(s)) return false;
    tn_tensor *ones = tn_graph__explain_edges(s, 1, 1);
    s->kind[1].at = s->kind[1].leaf = ones ? tn_requires_grad_(ones, true) : NULL;
    if (!ones || !tn_graph__explain_gradient(s, tn_graph__explain_loss(s, tn_graph__explain_run(s)))) return false;
    for (int i = 0; i < 2; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (k->leaf && !(k->hard = tn_to_dtype(tn_ne(k->grad, 0.0), tn_get_dtype(k->leaf)))) return false;
        if (k->leaf) k->count = tn_item(tn_sum(k->hard, NULL));
    }
    return true;
}
static bool tn_graph__gates_begin(tn_graph__gates *r) {
    tn_graph__explain *s = r->s;
    tn_tensor *own = tn_graph__explain_loss(s, s->prediction);
    if (!own) return false;
    r->loss = tn_item(own);
    s->o.no_edge_mask = true; /* gates stand for it */
    if (!tn_graph__masks_drawn(s, r->o.generator) || !tn_graph__gates_flow(s)) return false;
    tn_tensor *mask = s->kind[0].mask;
    s->kind[0].mask = NULL;
    tn_gnn_on_message(tn_graph__gates_see, r);
    const bool seen = tn_graph__explain_look(s, false) != NULL;
    tn_gnn_on_message(NULL, NULL);
    s->kind[0].mask = mask;
    if (!seen || !r->n) return seen ? tn_error_set(TN_ERR_INVALID, "%s: the model passes no messages", s->who), false : false;
    r->params = (tn_tensor **)tn_graph__alloc(s->who, r->n * TN_GRAPH__GATE_PARTS + 2, sizeof *r->params);
    bool ok = r->params != NULL;
    for (int i = 0; ok && i < r->n; i++) {
        r->layer[i].part = r->params + i * TN_GRAPH__GATE_PARTS;
        ok = tn_graph__gate_new(r, &r->layer[i]);
    }
    tn_tensor *lambda = ok ? tn_graph__gate_part(r, 0, 1, 0, r->o.init_lambda) : NULL;
    if (!lambda) return false;
    r->params[r->n * TN_GRAPH__GATE_PARTS] = r->lambda = lambda;
    r->params[r->n * TN_GRAPH__GATE_PARTS + 1] = mask;
    return true;
}
/* The gates as they are without draws: of each layer, or their mean. */
static tn_tensor *tn_graph__gates_open(const tn_graph__gates *r) {
    tn_tensor **open = (tn_tensor **)tn_graph__alloc(r->s->who, r->n, sizeof *open), *all = NULL;
    const bool was = tn_set_grad_enabled(false);
    bool ok = open != NULL;
    for (int i = 0; ok && i < r->n; i++) ok = (open[i] = tn_graph__gate_cut(tn_graph__gate_logits(&r->layer[i]))) != NULL;
    if (ok) all = tn_stack(open, r->n, 0);
    if (all && !r->o.per_layer) all = tn_graph__reduced(all, 0, TN_REDUCE_MEAN);
    all = all ? tn_mul(all, r->s->kind[1].hard) : NULL;
    (void)tn_set_grad_enabled(was);
    free(open);
    return all;
}
static bool tn_graph__gates_learn(tn_graph__gates *r) {
    tn_adam_opts a;
    tn_rmsprop_opts m;
    tn_graph__sought *x = &r->s->kind[0];
    memset(&a, 0, sizeof a), memset(&m, 0, sizeof m);
    if (!tn_graph__gates_begin(r)) return false;
    const int n = r->n * TN_GRAPH__GATE_PARTS;
    tn_tensor *last = r->params[n];
    r->params[n] = x->mask ? x->mask : last; /* Adam has no part in lambda */
    a.lr = r->o.lr, a.params = r->params, a.n_params = n + (x->mask != NULL);
    tn_optimizer *adam = tn_optim_adam(NULL, &a);
    r->params[n] = last;
    m.lr = r->o.lambda_lr, m.centered = true, m.params = &r->lambda, m.n_params = 1;
    tn_optimizer *rms = adam ? tn_optim_rmsprop(NULL, &m) : NULL;
    bool ok = rms != NULL;
    for (int64_t i = 0; ok && i < r->o.epochs * r->n; i++) {
        tn_scope inner = tn_scope_open();
        ok = tn_graph__gates_epoch(r, r->n - 1 - (int)(i / r->o.epochs), adam, rms);
        tn_scope_close(&inner);
    }
    if (ok && x->mask) ok = (x->mask = tn_mul(tn_sigmoid(tn_detach(x->mask)), x->hard)) != NULL;
    return ok && (r->s->kind[1].mask = tn_graph__gates_open(r)) != NULL;
}
static bool tn_graph__gates_asked(tn_graph__gates *r, const tn_gnn_graph_mask_opts *own) {
    tn_gnn_graph_mask_opts *o = &r->o;
    const tn_graph__explain *s = r->s;
    if (own) *o = *own;
    o->epochs = o->epochs ? o->epochs : 100, o->lr = o->lr == 0 ? 0.01 : o->lr, o->lambda_lr = o->lambda_lr == 0 ? 0.01 : o->lambda_lr;
    o->penalty_scaling = tn_graph__or(o->penalty_scaling, 5), o->init_lambda = tn_graph__or(o->init_lambda, 0.55), o->allowance = tn_graph__or(o->allowance, 0.03);
    o->node_feat_size = tn_graph__or(o->node_feat_size, 1), o->node_feat_ent = tn_graph__or(o->node_feat_ent, 0.1);
    if (s->o.no_edge_mask) return tn_error_set(TN_ERR_INVALID, "%s: edges are what it explains", s->who), false;
    return (o->epochs > 0 && o->epochs < 1 << 30 && o->penalty_scaling >= 0 && o->penalty_scaling <= 10 && o->init_lambda >= 0 && o->init_lambda <= 1 && o->allowance >= 0 && o->allowance <= 1) ||
        (tn_error_set(TN_ERR_INVALID, "%s: %lld epochs, penalty_scaling %g (0 to 10), init_lambda %g, allowance %g (0 to 1)", s->who, (long long)o->epochs,
                      o->penalty_scaling, o->init_lambda, o->allowance), false);
}
TN_API tn_gnn_explanation tn_gnn_explain_graph_mask(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explain_opts *opts, const tn_gnn_graph_mask_opts *own) {
    tn_graph__explain s;
    tn_graph__gates r;
    memset(&r, 0, sizeof r);
    r.s = &s;
    const bool ok = tn_graph__explain_begin(&s, "tn_gnn_explain_graph_mask", model, in, n, opts) && tn_graph__gates_asked(&r, own) && tn_graph__gates_learn(&r);
    tn_graph__gates_free(&r);
    return tn_graph__explain_end(&s, ok, s.pair[0].mask, s.pair[1].mask);
}

/* -- metrics -- */
TN_API tn_tensor *tn_gnn_explain_threshold(tn_tensor *mask, tn_gnn_threshold_type type, double value) {
    const int64_t flat = -1;
    int64_t shape[TN_MAX_DIMS];
    if (!mask) return tn_graph__absent("tn_gnn_explain_threshold", "mask"), (tn_tensor *)NULL;
    if ((unsigned)type > TN_GNN_THRESHOLD_TOPK_HARD || (type != TN_GNN_THRESHOLD_HARD && value < 0))
        return tn_error_set(TN_ERR_INVALID, "tn_gnn_explain_threshold: type %d, value %g", (int)type, value), (tn_tensor *)NULL;
    tn_scope s = tn_scope_open();
    tn_tensor *r = tn_detach(mask);
    if (type == TN_GNN_THRESHOLD_HARD) r = tn_to_dtype(tn_gt(r, value), tn_get_dtype(mask));
    else if (value < (double)tn_numel(mask)) {
        const tn_values_indices top = tn_topk(tn_reshape(r, &flat, 1), (int64_t)value, NULL);
        tn_tensor *kept = top.values && type == TN_GNN_THRESHOLD_TOPK_HARD ? tn_ones_like(top.values, NULL) : top.values;
        r = kept ? tn_scatter(tn_zeros_like(tn_reshape(r, &flat, 1), NULL), 0, top.indices, kept) : NULL;
        for (int d = 0; d < tn_ndim(mask); d++) shape[d] = tn_size(mask, d);
        r = r ? tn_reshape(r, shape, tn_ndim(mask)) : NULL;
    } else if (type == TN_GNN_THRESHOLD_TOPK_HARD) r = tn_ones_like(r, NULL);
    tn_keep(r);
    tn_scope_close(&s);
    return r;
}
/* The masks of an explanation. */
static bool tn_graph__explain_given(tn_graph__explain *s, tn_tensor *node_mask, tn_tensor *edge_mask) {
    s->kind[0].mask = node_mask, s->kind[1].mask = edge_mask;
    return true;
}
static bool tn_graph__explain_given_dicts(tn_graph__explain *s, tn_dict *node_mask, tn_dict *edge_mask) {
    int n = 0;
    for (int i = 0; i < s->kinds; i++) {
        tn_dict *d = i < s->nodes ? node_mask : edge_mask;
        s->kind[i].mask = d ? tn_dict_get(d, tn_graph__sought_name(s, i)) : NULL;
        n += s->kind[i].mask != NULL;
    }
    return n == (node_mask ? tn_dict_len(node_mask) : 0) + (edge_mask ? tn_dict_len(edge_mask) : 0) || (tn_error_set(TN_ERR_INVALID, "%s: a mask is of no kind of nodes or edges", s->who), false);
}
TN_API tn_tensor *tn_gnn_masked_prediction(tn_module *model, tn_tensor *const *in, int n, tn_tensor *node_mask, tn_tensor *edge_mask) {
    tn_graph__explain s;
    tn_tensor *y = NULL;
    if (tn_graph__explain_begin(&s, "tn_gnn_masked_prediction", model, in, n, NULL) && tn_graph__explain_given(&s, node_mask, edge_mask)) y = tn_graph__explain_look(&s, false);
    return tn_graph__explain_end(&s, y != NULL, y, NULL).node_mask;
}
TN_API tn_tensor *tn_gnn_hetero_masked_prediction(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, tn_dict *node_mask, tn_dict *edge_mask) {
    tn_graph__explain s;
    tn_tensor *y = NULL;
    if (tn_graph__explain_begin_dicts(&s, "tn_gnn_hetero_masked_prediction", model, x, edge_index, NULL) && tn_graph__explain_given_dicts(&s, node_mask, edge_mask))
        y = tn_graph__explain_look(&s, false);
    return tn_graph__explain_end(&s, y != NULL, y, NULL).node_mask;
}
/* How much of a and b, classes, is the same. */
static tn_tensor *tn_graph__explain_hits(const tn_graph__explain *s, tn_tensor *y) {
    tn_tensor *is = y ? tn_graph__explain_rows(s, tn_graph__explain_target(&s->o, y)) : NULL, *to = tn_graph__explain_rows(s, s->target);
    return is && to ? tn_to_dtype(tn_eq(is, to), TN_F64) : NULL;
}
static double tn_graph__fidelity(const tn_graph__explain *s, tn_tensor *without) {
    tn_tensor *hit = tn_graph__explain_hits(s, without), *was = s->o.target ? tn_graph__explain_hits(s, s->prediction) : NULL;
    if (!s->o.target) return hit ? 1 - tn_item(tn_mean(hit, NULL)) : (double)NAN;
    return hit && was ? tn_item(tn_mean(tn_abs(tn_sub(was, hit)), NULL)) : (double)NAN;
}
static bool tn_graph__explain_classes(const tn_graph__explain *s) {
    bool any = false;
    for (int i = 0; i < s->kinds; i++) any = any || s->kind[i].mask;
    if (!any) return tn_graph__absent(s->who, "the explanation");
    return s->o.mode != TN_GNN_REGRESSION || (tn_error_set(TN_ERR_INVALID, "%s: a regression has no classes", s->who), false);
}
/* Of the masks that were given. */
static tn_gnn_fidelities tn_graph__fidelities(tn_graph__explain *s, bool ok) {
    tn_gnn_fidelities f = {(double)NAN, (double)NAN};
    if (ok && tn_graph__explain_classes(s)) {
        f.neg = tn_graph__fidelity(s, tn_graph__explain_look(s, false));
        f.pos = tn_graph__fidelity(s, tn_graph__explain_look(s, true));
        if (f.neg != f.neg || f.pos != f.pos) f.neg = f.pos = (double)NAN;
    }
    (void)tn_graph__explain_end(s, false, NULL, NULL);
    return f;
}
TN_API tn_gnn_fidelities tn_gnn_fidelity(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explanation *e, const tn_gnn_explain_opts *opts) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin(&s, "tn_gnn_fidelity", model, in, n, opts) && tn_graph__explain_given(&s, e ? e->node_mask : NULL, e ? e->edge_mask : NULL);
    return tn_graph__fidelities(&s, ok);
}
TN_API tn_gnn_fidelities tn_gnn_hetero_fidelity(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_hetero_explanation *e,
                                                const tn_gnn_explain_opts *opts) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin_dicts(&s, "tn_gnn_hetero_fidelity", model, x, edge_index, opts) &&
        tn_graph__explain_given_dicts(&s, e ? e->node_mask : NULL, e ? e->edge_mask : NULL);
    return tn_graph__fidelities(&s, ok);
}
TN_API double tn_gnn_characterization_score(tn_gnn_fidelities f, double pos_weight, double neg_weight) {
    if (pos_weight == 0 && neg_weight == 0) pos_weight = neg_weight = 0.5;
    return (pos_weight + neg_weight) / (pos_weight / f.pos + neg_weight / (1 - f.neg));
}
/* Of a mask of x the k columns that it marks most, as ones. */
static tn_tensor *tn_graph__top_columns(tn_tensor *mask, int64_t k) {
    const int64_t wide = tn_size(mask, 1);
    tn_tensor *sum = tn_graph__reduced(mask, 0, TN_REDUCE_SUM), *top = sum ? tn_gnn_explain_threshold(sum, TN_GNN_THRESHOLD_TOPK_HARD, (double)(k < wide ? k : wide)) : NULL;
    return top ? tn_add(tn_zeros_like(mask, NULL), top) : NULL;
}
static tn_tensor *tn_graph__explain_probs(const tn_graph__explain *s, tn_tensor *y) {
    y = tn_graph__explain_rows(s, y);
    return !y || s->o.returns == TN_GNN_PROBS ? y : s->o.returns == TN_GNN_RAW ? tn_softmax(y, -1, TN_DTYPE_DEFAULT) : tn_exp(y);
}
static double tn_graph__unfaithful(tn_graph__explain *s, bool ok, int64_t top_k) {
    double r = (double)NAN;
    ok = ok && tn_graph__explain_classes(s);
    for (int i = 0; ok && i < s->nodes; i++) {
        tn_graph__sought *k = &s->kind[i];
        if (k->mask && top_k > 0) ok = (k->mask = tn_graph__top_columns(tn_detach(k->mask), top_k)) != NULL;
    }
    if (ok) {
        tn_loss_opts batch;
        memset(&batch, 0, sizeof batch);
        batch.reduction = TN_BATCHMEAN;
        tn_tensor *y = tn_graph__explain_probs(s, s->prediction), *is = tn_graph__explain_probs(s, tn_graph__explain_look(s, false));
        if (y && is) r = 1 - exp(-tn_item(tn_kl_div(tn_log(y), is, &batch)));
    }
    (void)tn_graph__explain_end(s, false, NULL, NULL);
    return r;
}
TN_API double tn_gnn_unfaithfulness(tn_module *model, tn_tensor *const *in, int n, const tn_gnn_explanation *e, const tn_gnn_explain_opts *opts, int64_t top_k) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin(&s, "tn_gnn_unfaithfulness", model, in, n, opts) && tn_graph__explain_given(&s, e ? e->node_mask : NULL, e ? e->edge_mask : NULL);
    return tn_graph__unfaithful(&s, ok, top_k);
}
TN_API double tn_gnn_hetero_unfaithfulness(const tn_gnn_hetero_model *model, tn_dict *x, tn_dict *edge_index, const tn_gnn_hetero_explanation *e,
                                           const tn_gnn_explain_opts *opts, int64_t top_k) {
    tn_graph__explain s;
    const bool ok = tn_graph__explain_begin_dicts(&s, "tn_gnn_hetero_unfaithfulness", model, x, edge_index, opts) &&
        tn_graph__explain_given_dicts(&s, e ? e->node_mask : NULL, e ? e->edge_mask : NULL);
    return tn_graph__unfaithful(&s, ok, top_k);
}

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* TENSOR_GRAPH_IMPLEMENTATION */

/* MIT No Attribution, or public domain, as you choose: see LICENSE. */
