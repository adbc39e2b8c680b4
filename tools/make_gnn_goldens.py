#!/usr/bin/env python3
"""What PyTorch Geometric's graph layers give on small graphs, with gradients, for the tests of the same layers here.

usage: tools/make_gnn_goldens.py

Writes tests/data/gnn. graphs.safetensors has the graphs' tensors as GRAPH/NAME; each other file has CASE/param/NAME (the layer's
state), CASE/GRAPH/out (out/0, out/1, ... or out/TYPE where there are several), CASE/GRAPH/grad/INPUT, CASE/GRAPH/grad/param/NAME
and, of a case that trains, CASE/GRAPH/after/NAME (the running statistics). The loss is the sum over every float output of
sum(out * w), w = sin(0.7 * i + 0.3) for its element i. All is computed in f64 from f32 inputs and parameters, without dropout.
cases.txt has the lines below, a case each, with the file's name before: how PyG writes its layer (the whole call where it is a
function), the call's inputs in order, its graphs. Inputs beside a graph's tensors: dst (edge_index[1]), num_nodes,
num_graphs. Masks are kept as i64. Needs torch, torch_geometric and safetensors.

Where PyG's gradient is not the derivative: of a node's several self-loops add_remaining_self_loops keeps the last one's weight, yet
gives its gradient to all (graph "loops", edges 5 and 7); cases with semi_grad leave a term out, as PyG means to.
"""
import os
import warnings
import zlib

import torch
from safetensors.torch import save_file

warnings.filterwarnings("ignore")  # PyG's import uses what PyTorch is about to drop
import torch_geometric  # noqa: E402
from torch_geometric import utils  # noqa: E402
from torch_geometric.nn import GAE, VGAE, CorrectAndSmooth, InnerProductDecoder, LabelPropagation  # noqa: E402
from torch_geometric.nn.conv.gcn_conv import gcn_norm  # noqa: E402
from torch_geometric.nn.models.lightgcn import BPRLoss  # noqa: E402

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "data", "gnn")


class SchNetOfEdges(torch_geometric.nn.SchNet):
    """SchNet of given pairs of atoms: finding them needs pyg-lib."""
    def forward(self, z, pos, batch, edge_index):
        self.interaction_graph.forward = lambda pos, _: (edge_index, (pos[edge_index[0]] - pos[edge_index[1]]).norm(dim=-1))
        return super().forward(z, pos, batch)


NAMES = {**vars(torch_geometric.nn), **vars(utils), "torch": torch, "gcn_norm": gcn_norm, "Linear": torch.nn.Linear,
         "ReLU": torch.nn.ReLU, "Sequential": torch.nn.Sequential, "SchNetOfEdges": SchNetOfEdges,
         "label_propagation": lambda y, e, mask, w, layers, alpha: LabelPropagation(layers, alpha)(y, e, mask, w),
         "spread": CorrectAndSmooth(3, 0.8, 2, 0.6), "spread_scaled": CorrectAndSmooth(3, 0.8, 2, 0.6, autoscale=False, scale=1.5),
         "decoder": InnerProductDecoder(), "autoencoder": GAE(torch.nn.Identity()), "variational": VGAE(torch.nn.Identity()), "bpr_loss": BPRLoss(0.01)}

# A graph: a batch's sizes, and the edges, source before target.
EDGES = {
    "isolated": ((4, 3, 2), "20 01 12 02 54 78 10 45 87 21"),  # 3 and 6 have none
    "loops": ((3, 4), "21 11 02 10 34 33 65 33 46 53 64 00 56"),
    "multi": ((4, 2), "10 01 10 32 23 32 32 01 45 54 45 13 02"),
    "empty": ((2, 2), ""),
    "bipartite": (None, "50 03 21 10 23 01 50 41"),  # 3 has none, nor has the target 2
}
PLAIN = "isolated loops multi empty"  # the graphs of a case that names none

# A case: name | what PyG writes | inputs, where "x,x_dst" is a pair and "-" none | graphs. A name's end "_train" means that it trains.
CASES = {
    "convs": """
gcn | GCNConv(5, 4) | x edge_index
gcn_weight | GCNConv(5, 4) | x edge_index edge_weight
gcn_raw | GCNConv(5, 4, normalize=False) | x edge_index
gcn_raw_weight | GCNConv(5, 4, normalize=False) | x edge_index edge_weight
gcn_no_loops | GCNConv(5, 4, add_self_loops=False) | x edge_index edge_weight
gcn_improved | GCNConv(5, 4, improved=True) | x edge_index edge_weight
gcn_no_bias | GCNConv(5, 4, bias=False) | x edge_index
sage | SAGEConv(5, 4) | x edge_index
sage_max | SAGEConv(5, 4, aggr='max') | x edge_index
sage_sum | SAGEConv(5, 4, aggr='sum') | x edge_index
sage_normalize | SAGEConv(5, 4, normalize=True) | x edge_index
sage_no_root | SAGEConv(5, 4, root_weight=False) | x edge_index
sage_project | SAGEConv(5, 4, project=True) | x edge_index
sage_bipartite | SAGEConv((5, 5), 4) | x,x_dst edge_index | bipartite
sage_bipartite_max | SAGEConv((5, 5), 4, aggr='max', project=True) | x,x_dst edge_index | bipartite
graph | GraphConv(5, 4) | x edge_index
graph_weight | GraphConv(5, 4) | x edge_index edge_weight
graph_mean | GraphConv(5, 4, aggr='mean') | x edge_index edge_weight
graph_max | GraphConv(5, 4, aggr='max') | x edge_index edge_weight
graph_bipartite | GraphConv((5, 5), 4) | x,x_dst edge_index edge_weight | bipartite
""",
    "attention": """
gat | GATConv(5, 4) | x edge_index
gat_concat | GATConv(5, 4, heads=3) | x edge_index
gat_mean | GATConv(5, 4, heads=3, concat=False) | x edge_index
gat_edge | GATConv(5, 4, heads=2, edge_dim=3) | x edge_index edge_attr
gat_fill | GATConv(5, 4, heads=2, edge_dim=3, fill_value=0.5) | x edge_index edge_attr
gat_no_loops | GATConv(5, 4, heads=2, add_self_loops=False) | x edge_index
gat_residual | GATConv(5, 4, heads=2, residual=True) | x edge_index
gat_bipartite | GATConv((5, 5), 4, heads=2, add_self_loops=False, residual=True) | x,x_dst edge_index | bipartite
gat_bipartite_loops | GATConv((5, 5), 4, edge_dim=3) | x,x_dst edge_index edge_attr | bipartite
gatv2 | GATv2Conv(5, 4) | x edge_index
gatv2_concat | GATv2Conv(5, 4, heads=3) | x edge_index
gatv2_mean | GATv2Conv(5, 4, heads=3, concat=False) | x edge_index
gatv2_edge | GATv2Conv(5, 4, heads=2, edge_dim=3) | x edge_index edge_attr
gatv2_no_loops | GATv2Conv(5, 4, heads=2, add_self_loops=False) | x edge_index
gatv2_residual | GATv2Conv(5, 4, heads=2, residual=True) | x edge_index
gatv2_share | GATv2Conv(5, 4, heads=2, share_weights=True) | x edge_index
gatv2_bipartite | GATv2Conv((5, 5), 4, heads=2, add_self_loops=False, residual=True) | x,x_dst edge_index | bipartite
gatv2_bipartite_loops | GATv2Conv((5, 5), 4, edge_dim=3) | x,x_dst edge_index edge_attr | bipartite
transformer | TransformerConv(5, 4, heads=2) | x edge_index
transformer_mean | TransformerConv(5, 4, heads=2, concat=False) | x edge_index
transformer_beta | TransformerConv(5, 4, heads=2, beta=True) | x edge_index
transformer_edge | TransformerConv(5, 4, heads=2, concat=False, beta=True, edge_dim=3) | x edge_index edge_attr
transformer_no_root | TransformerConv(5, 4, heads=2, root_weight=False) | x edge_index
transformer_bipartite | TransformerConv((5, 5), 4, heads=2) | x,x_dst edge_index | bipartite
fa | FAConv(4) | h x0 edge_index
fa_raw | FAConv(4, eps=0.3, normalize=False) | h x0 edge_index edge_weight
gps | GPSConv(4, GraphConv(4, 4), heads=2) | h edge_index batch
gps_train | GPSConv(4, GraphConv(4, 4), heads=2) | h edge_index batch
gps_graph_norm | GPSConv(4, SAGEConv(4, 4), heads=2, norm='graph_norm') | h edge_index batch
gps_alone | GPSConv(4, None, heads=2, norm=None, act='gelu') | h edge_index batch
gps_performer | GPSConv(4, GraphConv(4, 4), heads=2, attn_type='performer', attn_kwargs={'head_channels': 8}) | h edge_index batch
gps_performer_train | GPSConv(4, None, heads=1, attn_type='performer', attn_kwargs={'head_channels': 3, 'qkv_bias': True, 'attn_out_bias': False}) | h edge_index batch
hgt | HGTConv({'a': 5, 'b': 4}, 4, (['a', 'b'], [('a', 'to', 'b'), ('b', 'back', 'a'), ('a', 'like', 'a')]), heads=2) | x edge_index | hetero
han | HANConv({'a': 5, 'b': 4}, 4, (['a', 'b'], [('a', 'to', 'b'), ('b', 'back', 'a'), ('a', 'like', 'a')]), heads=2) | x edge_index | hetero
""",
    "more_convs": """
gin | GINConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4))) | x edge_index
gin_eps | GINConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), eps=0.5, train_eps=True) | x edge_index
gin_bipartite | GINConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), train_eps=True) | x,x_dst edge_index | bipartite
gine | GINEConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), edge_dim=3) | x edge_index edge_attr
gine_eps | GINEConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), train_eps=True, edge_dim=3) | x edge_index edge_attr
gine_bipartite | GINEConv(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), edge_dim=3) | x,x_dst edge_index edge_attr | bipartite
cheb_1 | ChebConv(5, 4, K=1) | x edge_index
cheb_2 | ChebConv(5, 4, K=2) | x edge_index
cheb_3 | ChebConv(5, 4, K=3) | x edge_index
cheb_weight | ChebConv(5, 4, K=3) | x edge_index edge_weight
cheb_rw | ChebConv(5, 4, K=3, normalization='rw') | x edge_index edge_weight
cheb_none | ChebConv(5, 4, K=3, normalization=None) | x edge_index edge_weight | isolated loops multi
sg | SGConv(5, 4, K=2) | x edge_index
sg_weight | SGConv(5, 4, K=2) | x edge_index edge_weight
sg_no_loops | SGConv(5, 4, K=2, add_self_loops=False) | x edge_index
appnp | APPNP(K=3, alpha=0.1) | x edge_index
appnp_weight | APPNP(K=3, alpha=0.1) | x edge_index edge_weight
appnp_no_loops | APPNP(K=3, alpha=0.1, add_self_loops=False) | x edge_index
edge | EdgeConv(Sequential(Linear(10, 6), ReLU(), Linear(6, 4))) | x edge_index
edge_mean | EdgeConv(Sequential(Linear(10, 6), ReLU(), Linear(6, 4)), aggr='mean') | x edge_index
edge_add | EdgeConv(Sequential(Linear(10, 6), ReLU(), Linear(6, 4)), aggr='add') | x edge_index
edge_bipartite | EdgeConv(Sequential(Linear(10, 6), ReLU(), Linear(6, 4))) | x,x_dst edge_index | bipartite
tag | TAGConv(5, 4) | x edge_index
tag_weight | TAGConv(5, 4, K=2) | x edge_index edge_weight
tag_raw | TAGConv(5, 4, K=2, bias=False, normalize=False) | x edge_index edge_weight
arma | ARMAConv(5, 4) | x edge_index
arma_stacks | ARMAConv(5, 4, num_stacks=2, num_layers=3) | x edge_index edge_weight
arma_shared | ARMAConv(5, 4, num_stacks=2, num_layers=3, shared_weights=True, act=None) | x edge_index
gcn2 | GCN2Conv(4, alpha=0.1) | h x0 edge_index
gcn2_theta | GCN2Conv(4, alpha=0.2, theta=0.5, layer=3) | h x0 edge_index edge_weight
gcn2_split | GCN2Conv(4, alpha=0.2, theta=0.5, layer=3, shared_weights=False) | h x0 edge_index
pna | PNAConv(5, 4, ['mean', 'max', 'min', 'std'], ['identity', 'amplification', 'attenuation'], torch.tensor([4, 6, 5, 3])) | x edge_index
pna_edge | PNAConv(5, 4, ['sum', 'var'], ['linear', 'inverse_linear'], torch.tensor([4, 6, 5, 3]), edge_dim=3) | x edge_index edge_attr
pna_towers | PNAConv(4, 4, ['mean', 'max'], ['identity', 'amplification'], torch.tensor([4, 6, 5, 3]), towers=2, pre_layers=2, post_layers=2, divide_input=True, train_norm=True) | h edge_index
gen | GENConv(5, 4) | x edge_index
gen_train | GENConv(5, 4) | x edge_index
gen_learn | GENConv(5, 4, learn_t=True, msg_norm=True, learn_msg_scale=True, norm='layer') | x edge_index
gen_power | GENConv(5, 4, aggr='powermean', p=2.0, learn_p=True, norm='layer', num_layers=3, bias=True) | x edge_index
gen_edge | GENConv(5, 4, aggr='add', edge_dim=3, norm=None) | x edge_index edge_attr
gen_bipartite | GENConv((5, 5), 4, norm='layer') | x,x_dst edge_index | bipartite
rgcn | RGCNConv(5, 4, 3) | x edge_index edge_type
rgcn_add | RGCNConv(5, 4, 3, aggr='add', root_weight=False) | x edge_index edge_type
rgcn_bases | RGCNConv(5, 4, 3, num_bases=2) | x edge_index edge_type
rgcn_blocks | RGCNConv(4, 4, 3, num_blocks=2) | h edge_index edge_type
rgcn_bipartite | RGCNConv((5, 5), 4, 3) | x,x_dst edge_index edge_type | bipartite
nn | NNConv(5, 4, Linear(3, 20)) | x edge_index edge_attr
nn_mean | NNConv(5, 4, Sequential(Linear(3, 4), ReLU(), Linear(4, 20)), aggr='mean', root_weight=False) | x edge_index edge_attr
nn_bipartite | NNConv((5, 5), 4, Linear(3, 20)) | x,x_dst edge_index edge_attr | bipartite
cg | CGConv(5) | x edge_index
cg_edge | CGConv(5, dim=3) | x edge_index edge_attr
cg_norm | CGConv(5, dim=3, batch_norm=True) | x edge_index edge_attr
cg_norm_train | CGConv(5, dim=3, batch_norm=True) | x edge_index edge_attr
cg_bipartite | CGConv((5, 5), dim=3) | x,x_dst edge_index edge_attr | bipartite
mixhop | MixHopConv(5, 4) | x edge_index
mixhop_weight | MixHopConv(5, 4, powers=[1, 3], add_self_loops=False) | x edge_index edge_weight
film | FiLMConv(5, 4) | x edge_index
film_types | FiLMConv(5, 4, num_relations=3) | x edge_index edge_type
film_no_act | FiLMConv(5, 4, num_relations=3, act=None, aggr='add') | x edge_index edge_type
film_bipartite | FiLMConv((5, 5), 4) | x,x_dst edge_index | bipartite
gated | GatedGraphConv(5, num_layers=2) | x edge_index
gated_weight | GatedGraphConv(6, num_layers=2, aggr='mean') | x edge_index edge_weight
resgated | ResGatedGraphConv(5, 4) | x edge_index
resgated_edge | ResGatedGraphConv(5, 4, edge_dim=3, root_weight=False) | x edge_index edge_attr
resgated_bipartite | ResGatedGraphConv((5, 5), 4) | x,x_dst edge_index | bipartite
pointnet | PointNetConv(Sequential(Linear(8, 6), ReLU(), Linear(6, 4)), Linear(4, 4)) | x pos edge_index
pointnet_no_loops | PointNetConv(Linear(8, 4), add_self_loops=False) | x pos edge_index
pointnet_bare | PointNetConv() | - pos edge_index
pointnet_bipartite | PointNetConv(Linear(8, 4), add_self_loops=False) | x,x_dst pos,pos_dst edge_index | bipartite
hyper | HypergraphConv(5, 4) | x edge_index
hyper_weight | HypergraphConv(5, 4) | x edge_index hyperedge_weight - num_nodes
hyper_attention | HypergraphConv(5, 4, use_attention=True, heads=2) | x edge_index hyperedge_weight hyperedge_attr num_nodes
hyper_edges | HypergraphConv(5, 4, use_attention=True, attention_mode='edge', heads=2, concat=False) | x edge_index - hyperedge_attr num_nodes
lg | LGConv() | x edge_index
lg_weight | LGConv() | x edge_index edge_weight
lg_raw | LGConv(normalize=False) | x edge_index edge_weight
cluster | ClusterGCNConv(5, 4) | x edge_index
cluster_lambda | ClusterGCNConv(5, 4, diag_lambda=0.5) | x edge_index
hetero_sum | HeteroConv({('a', 'to', 'b'): SAGEConv((5, 4), 4), ('b', 'back', 'a'): GraphConv((4, 5), 4), ('a', 'like', 'a'): GCNConv(5, 4)}) | x edge_index | hetero
hetero_mean | HeteroConv({('a', 'to', 'b'): SAGEConv((5, 4), 4), ('b', 'back', 'a'): GraphConv((4, 5), 4), ('a', 'like', 'a'): GCNConv(5, 4)}, aggr='mean') | x edge_index | hetero
hetero_max | HeteroConv({('a', 'to', 'b'): SAGEConv((5, 4), 4), ('b', 'back', 'a'): GraphConv((4, 5), 4), ('a', 'like', 'a'): GCNConv(5, 4)}, aggr='max') | x edge_index | hetero
hetero_cat | HeteroConv({('a', 'to', 'b'): SAGEConv((5, 4), 4), ('b', 'back', 'a'): GraphConv((4, 5), 4), ('a', 'like', 'a'): GCNConv(5, 4)}, aggr='cat') | x edge_index | hetero
""",
    "models": """
mlp | MLP([5, 6, 7, 4]) | x
mlp_plain | MLP([5, 6, 4], norm=None, act='tanh', bias=False) | x
mlp_first | MLP([5, 6, 4], norm='graph_norm', act_first=True, plain_last=False) | x batch
gcn | GCN(5, 6, 3, 4) | x edge_index edge_weight
gcn_hidden | GCN(5, 6, 1, add_self_loops=False) | x edge_index
gcn_last | GCN(5, 6, 2, 4, jk='last') | x edge_index
sage_cat | GraphSAGE(5, 6, 3, 4, jk='cat', aggr='max') | x edge_index
sage_norm | GraphSAGE(5, 6, 2, 4, act='tanh', norm='graph_norm', act_first=True) | x edge_index - - batch
gin | GIN(5, 6, 2, 4) | x edge_index
gin_norm | GIN(5, 6, 2, norm='batch_norm', train_eps=True, jk='max') | x edge_index
gat | GAT(5, 6, 3, 4, heads=2) | x edge_index
gatv2 | GAT(5, 6, 2, 4, v2=True, heads=3, jk='lstm', edge_dim=3) | x edge_index - edge_attr
pna | PNA(5, 6, 2, 4, aggregators=['mean', 'max'], scalers=['identity', 'linear'], deg=torch.tensor([4, 6, 5, 3])) | x edge_index
edge_cnn | EdgeCNN(5, 6, 2, 4) | x edge_index
light | LightGCN(9, 4, 2) | edge_index | isolated
light_alpha | LightGCN(7, 4, 2, alpha=0.5) | edge_index - edge_weight | loops
schnet | SchNetOfEdges(6, 8, 2, 5, 4.0) | z pos batch edge_index | isolated multi
schnet_mean | SchNetOfEdges(6, 8, 1, 5, 4.0, readout='mean', mean=0.5, std=2.0) | z pos - edge_index | isolated
unet | GraphUNet(5, 6, 4, depth=2) | x edge_index batch | isolated loops multi
unet_cat | GraphUNet(5, 6, 4, depth=2, pool_ratios=[0.8, 0.5], sum_res=False) | x edge_index - edge_weight | isolated loops multi
labels | label_propagation(y, edge_index, known, None, 3, 0.7) | y edge_index known | isolated loops multi
labels_weight | label_propagation(y_soft, edge_index, None, edge_weight, 2, 0.5) | y_soft edge_index edge_weight | isolated
correct | spread.correct(y_soft, y[known], known, edge_index).detach() | y_soft y known edge_index | isolated loops multi
correct_scale | spread_scaled.correct(y_soft, y[known], known, edge_index, edge_weight).detach() | y_soft y known edge_index edge_weight | isolated
smooth | spread.smooth(y_soft, y[known], known, edge_index) | y_soft y known edge_index | isolated loops multi
decode | decoder(x, edge_index) | x edge_index
decode_all | decoder.forward_all(x, sigmoid=False) | x
recon | autoencoder.recon_loss(x, edge_index, edge_index.roll(1)) | x edge_index | isolated loops multi
kl | variational.kl_loss(h, x0) | h x0
bpr | bpr_loss(edge_weight, edge_attr[:, 0], x) | edge_weight edge_attr x | isolated
""",
    "embeddings": """
trans_e | TransE(9, 3, 4) | head edge_type tail | isolated
trans_e_2 | TransE(9, 3, 4, p_norm=2.0) | head edge_type tail | isolated loops
dist_mult | DistMult(9, 3, 4) | head edge_type tail | isolated loops
compl_ex | ComplEx(9, 3, 4) | head edge_type tail | isolated loops
rotat_e | RotatE(9, 3, 4, margin=2.0) | head edge_type tail | isolated loops
""",
    "pools": """
add | global_add_pool(x, batch) | x batch
mean | global_mean_pool(x, batch) | x batch
max | global_max_pool(x, batch) | x batch
add_all | global_add_pool(x, None) | x
mean_all | global_mean_pool(x, None) | x
max_all | global_max_pool(x, None) | x
mean_more | global_mean_pool(x, batch, num_graphs + 1) | x batch num_graphs
max_more | global_max_pool(x, batch, num_graphs + 1) | x batch num_graphs
topk | TopKPooling(5) | x edge_index edge_attr batch
topk_count | TopKPooling(5, ratio=2, multiplier=1.5, nonlinearity='sigmoid') | x edge_index - batch
topk_score | TopKPooling(5, min_score=0.3) | x edge_index edge_attr batch
sag | SAGPooling(5) | x edge_index edge_attr batch
sag_gcn | SAGPooling(5, ratio=0.7, GNN=GCNConv) | x edge_index - batch
sag_score | SAGPooling(5, min_score=0.3, GNN=GATConv) | x edge_index edge_attr batch
diff | dense_diff_pool(x, adj, s) | x adj s | dense
diff_mask | dense_diff_pool(x, adj, s, mask) | x adj s mask | dense
diff_sum | dense_diff_pool(x, adj, s, mask, normalize=False) | x adj s mask | dense
mincut | dense_mincut_pool(x, adj, s) | x adj s | dense
mincut_mask | dense_mincut_pool(x, adj, s, mask, temp=2.0) | x adj s mask | dense
""",
    "aggregations": """
softmax | SoftmaxAggregation() | edge_attr dst - num_nodes
softmax_learn | SoftmaxAggregation(t=0.5, learn=True) | edge_attr dst - num_nodes
softmax_channels | SoftmaxAggregation(learn=True, channels=3) | edge_attr dst - num_nodes
softmax_semi | SoftmaxAggregation(t=0.5, semi_grad=True) | edge_attr dst - num_nodes
powermean | PowerMeanAggregation(p=2.0) | edge_attr dst - num_nodes
powermean_learn | PowerMeanAggregation(p=2.0, learn=True, channels=3) | edge_attr dst - num_nodes
median | MedianAggregation() | edge_attr dst - num_nodes | isolated loops multi
median_batch | MedianAggregation(fill_value=-1.0) | x batch - num_graphs
quantile | QuantileAggregation([0.25, 0.6]) | x batch - num_graphs
std | StdAggregation() | edge_attr dst - num_nodes
var | VarAggregation() | edge_attr dst - num_nodes
var_semi | VarAggregation(semi_grad=True) | edge_attr dst - num_nodes
sort | SortAggregation(k=2) | x batch - num_graphs
sort_more | SortAggregation(k=5) | x batch - num_graphs
set2set | Set2Set(5, processing_steps=3) | x batch - num_graphs
lstm | LSTMAggregation(5, 4) | x batch - num_graphs
attentional | AttentionalAggregation(Linear(3, 1)) | edge_attr dst - num_nodes
attentional_nn | AttentionalAggregation(Sequential(Linear(5, 6), ReLU(), Linear(6, 4)), Linear(5, 4)) | x batch - num_graphs
scaler | DegreeScalerAggregation(['mean', 'max'], ['identity', 'amplification', 'attenuation'], torch.tensor([4, 6, 5, 3])) | edge_attr dst - num_nodes
scaler_linear | DegreeScalerAggregation('sum', 'linear', torch.tensor([4, 6, 5, 3]), train_norm=True) | edge_attr dst - num_nodes
scaler_inverse | DegreeScalerAggregation(['std', 'min'], ['linear', 'inverse_linear'], torch.tensor([4, 6, 5, 3]), train_norm=True) | edge_attr dst - num_nodes
multi_proj | MultiAggregation(['mean', 'max'], mode='proj', mode_kwargs=dict(in_channels=3, out_channels=4)) | edge_attr dst - num_nodes
multi_proj_wide | MultiAggregation([SortAggregation(k=2), 'sum'], mode='proj', mode_kwargs=dict(in_channels=[10, 5], out_channels=3, bias=False)) | x batch - num_graphs
multi_attn | MultiAggregation(['mean', 'max', 'sum'], mode='attn', mode_kwargs=dict(in_channels=3, out_channels=4, num_heads=2)) | edge_attr dst - num_nodes
multi_attn_wide | MultiAggregation([SortAggregation(k=2), 'sum'], mode='attn', mode_kwargs=dict(in_channels=(10, 5), out_channels=3)) | x batch - num_graphs
multi_max | MultiAggregation(['mean', 'sum', 'min'], mode='max') | edge_attr dst - num_nodes
multi_logsumexp | MultiAggregation(['mean', 'sum', 'min'], mode='logsumexp') | edge_attr dst - num_nodes
multi_var | MultiAggregation(['mean', 'sum', 'min'], mode='var') | edge_attr dst - num_nodes
""",
    "norms": """
graph | GraphNorm(5) | x batch
graph_all | GraphNorm(5) | x
pair | PairNorm() | x batch
pair_all | PairNorm(scale=2.0) | x
pair_each | PairNorm(scale=0.5, scale_individually=True) | x batch
pair_each_all | PairNorm(scale_individually=True) | x
mean | MeanSubtractionNorm() | x batch
mean_all | MeanSubtractionNorm() | x
diff | DiffGroupNorm(5, 3) | x
diff_train | DiffGroupNorm(5, 3, lamda=0.1) | x
diff_plain_train | DiffGroupNorm(5, 2, lamda=0.5, affine=False, track_running_stats=False) | x
instance | InstanceNorm(5) | x batch
instance_all | InstanceNorm(5, affine=True) | x
instance_track | InstanceNorm(5, affine=True, track_running_stats=True) | x batch
instance_track_train | InstanceNorm(5, affine=True, track_running_stats=True) | x batch
layer | LayerNorm(5) | x batch
layer_all | LayerNorm(5) | x
layer_plain | LayerNorm(5, affine=False) | x batch
layer_node | LayerNorm(5, mode='node') | x batch
hetero_layer | HeteroLayerNorm(5, 3) | x y
hetero_layer_plain | HeteroLayerNorm(5, 4, affine=False) | x y
hetero_batch | HeteroBatchNorm(5, 3) | x y
hetero_batch_train | HeteroBatchNorm(5, 4, momentum=0.3) | x y
hetero_batch_plain_train | HeteroBatchNorm(5, 3, affine=False, track_running_stats=False) | x y
""",
    "utils": """
degree_in | degree(edge_index[1], num_nodes) | edge_index num_nodes
degree_out | degree(edge_index[0], num_nodes, torch.long) | edge_index num_nodes
add_self_loops | add_self_loops(edge_index, num_nodes=num_nodes) | edge_index num_nodes
add_self_loops_weight | add_self_loops(edge_index, edge_weight, 2.0, num_nodes) | edge_index edge_weight num_nodes
add_self_loops_mean | add_self_loops(edge_index, edge_attr, 'mean', num_nodes) | edge_index edge_attr num_nodes
add_remaining | add_remaining_self_loops(edge_index, edge_weight, 2.0, num_nodes) | edge_index edge_weight num_nodes
add_remaining_add | add_remaining_self_loops(edge_index, edge_attr, 'add', num_nodes) | edge_index edge_attr num_nodes
remove_self_loops | remove_self_loops(edge_index, edge_attr) | edge_index edge_attr
coalesce | coalesce(edge_index, None, num_nodes) | edge_index num_nodes
coalesce_sum | coalesce(edge_index, edge_attr, num_nodes) | edge_index edge_attr num_nodes
coalesce_mean | coalesce(edge_index, edge_attr, num_nodes, 'mean') | edge_index edge_attr num_nodes
coalesce_min | coalesce(edge_index, edge_attr, num_nodes, 'min') | edge_index edge_attr num_nodes
coalesce_max | coalesce(edge_index, edge_attr, num_nodes, 'max') | edge_index edge_attr num_nodes
coalesce_mul | coalesce(edge_index, edge_attr, num_nodes, 'mul') | edge_index edge_attr num_nodes
coalesce_by_column | coalesce(edge_index, edge_weight, num_nodes, sort_by_row=False) | edge_index edge_weight num_nodes
to_undirected | to_undirected(edge_index, None, num_nodes) | edge_index num_nodes
to_undirected_add | to_undirected(edge_index, edge_weight, num_nodes) | edge_index edge_weight num_nodes
to_undirected_mean | to_undirected(edge_index, edge_attr, num_nodes, 'mean') | edge_index edge_attr num_nodes
subgraph | subgraph([1, 0, 2], edge_index, edge_attr, num_nodes=num_nodes, return_edge_mask=True) | edge_index edge_attr num_nodes
subgraph_relabel | subgraph([3, 1, 0], edge_index, edge_attr, relabel_nodes=True, num_nodes=num_nodes) | edge_index edge_attr num_nodes
k_hop_1 | k_hop_subgraph(2, 1, edge_index, num_nodes=num_nodes) | edge_index num_nodes
k_hop_2 | k_hop_subgraph([3, 1], 2, edge_index, relabel_nodes=True, num_nodes=num_nodes) | edge_index num_nodes
k_hop_out | k_hop_subgraph(2, 2, edge_index, num_nodes=num_nodes, flow='target_to_source', directed=True) | edge_index num_nodes
to_dense_adj | to_dense_adj(edge_index, batch) | edge_index batch
to_dense_adj_attr | to_dense_adj(edge_index, batch, edge_attr) | edge_index batch edge_attr
to_dense_adj_all | to_dense_adj(edge_index, None, edge_weight, num_nodes) | edge_index edge_weight num_nodes
to_dense_batch | to_dense_batch(x, batch) | x batch
to_dense_batch_fill | to_dense_batch(x, batch, -1.0, 5, num_graphs + 1) | x batch num_graphs
laplacian | get_laplacian(edge_index, edge_weight, num_nodes=num_nodes) | edge_index edge_weight num_nodes
laplacian_sym | get_laplacian(edge_index, edge_weight, 'sym', num_nodes=num_nodes) | edge_index edge_weight num_nodes
laplacian_rw | get_laplacian(edge_index, edge_weight, 'rw', num_nodes=num_nodes) | edge_index edge_weight num_nodes
laplacian_ones | get_laplacian(edge_index, None, 'sym', num_nodes=num_nodes) | edge_index num_nodes
softmax | softmax(edge_attr, edge_index[1], num_nodes=num_nodes) | edge_attr edge_index num_nodes
scatter_sum | scatter(edge_attr, edge_index[1], 0, num_nodes, 'sum') | edge_attr edge_index num_nodes
scatter_mean | scatter(edge_attr, edge_index[1], 0, num_nodes, 'mean') | edge_attr edge_index num_nodes
scatter_max | scatter(edge_attr, edge_index[1], 0, num_nodes, 'max') | edge_attr edge_index num_nodes
scatter_min | scatter(edge_attr, edge_index[1], 0, num_nodes, 'min') | edge_attr edge_index num_nodes
scatter_mul | scatter(edge_attr, edge_index[1], 0, num_nodes, 'mul') | edge_attr edge_index num_nodes
gcn_norm | gcn_norm(edge_index, edge_weight, num_nodes) | edge_index edge_weight num_nodes
gcn_norm_improved | gcn_norm(edge_index, edge_weight, num_nodes, True) | edge_index edge_weight num_nodes
gcn_norm_no_loops | gcn_norm(edge_index, edge_weight, num_nodes, False, False) | edge_index edge_weight num_nodes
gcn_norm_ones | gcn_norm(edge_index, None, num_nodes) | edge_index num_nodes
""",
}


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float32)


def pairs(text):
    return torch.tensor([[int(c) for c in pair] for pair in text.split()], dtype=torch.int64).view(-1, 2).t().contiguous()


def make_graphs():
    torch.manual_seed(0)
    graphs = {}
    for name, (sizes, text) in EDGES.items():
        edges = pairs(text)
        n, e = sum(sizes or (6,)), edges.shape[1]
        graphs[name] = g = {"x": draw(n, 5), "edge_index": edges, "edge_weight": torch.rand(e, dtype=torch.float32) * 1.9 + 0.1,
                            "edge_attr": draw(e, 3), "edge_type": torch.randint(3, (e,)), "pos": draw(n, 3)}
        if not sizes:
            g.update(x_dst=draw(4, 5), pos_dst=draw(4, 3))
        else:
            g.update(batch=torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)), h=draw(n, 4), x0=draw(n, 4),
                     hyperedge_weight=torch.rand(n, dtype=torch.float32) * 1.9 + 0.1, hyperedge_attr=draw(n, 5))
            g.update(y=torch.arange(n) % 3, y_soft=g["h"][:, :3].softmax(1), known=torch.arange(0, n, 2), z=torch.arange(n) % 5 + 1, head=edges[0].clone(),
                     tail=edges[1].clone())
    adj = torch.rand(2, 5, 5, dtype=torch.float32)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    graphs["dense"] = {"x": draw(2, 5, 5), "adj": adj + adj.mT, "s": draw(2, 5, 3), "mask": mask}
    graphs["hetero"] = {"x/a": draw(5, 5), "x/b": draw(4, 4), "edge_index/a__to__b": pairs("40 01 22 13 40 30"),
                        "edge_index/b__back__a": pairs("00 34 12 04 10"), "edge_index/a__like__a": pairs("12 21 33 04 12")}
    return graphs


def begin(graph):
    """A graph's tensors as leaves in f64, parts as dictionaries, and the inputs that follow from them."""
    g = {}
    for key, t in graph.items():
        t = t.double().requires_grad_() if t.is_floating_point() else t
        head, _, part = key.partition("/")
        if part:
            g.setdefault(head, {})[tuple(part.split("__")) if "__" in part else part] = t
        else:
            g[key] = t
    if "mask" in g:
        g["mask"] = g["mask"].bool()
    if "batch" in g:
        g.update(dst=g["edge_index"][1], num_nodes=len(g["x"]), num_graphs=int(g["batch"][-1]) + 1)
    return g


def leaves(name, value):
    """The tensors in a value, with their names."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, (dict, tuple, list)):
        for key, v in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(f"{name}/{key}", v)


def make_layer(case, text):
    """A layer with all parameters and running statistics moved off PyG's, which are often 0 or 1, onto values of f32."""
    torch.manual_seed(zlib.crc32(case.encode()))
    layer = eval(text, NAMES).train(case.endswith("_train"))
    for t in [*layer.parameters(), *(b for name, b in layer.named_buffers() if "running" in name)]:
        t.data += torch.rand_like(t) - 0.5
    return layer.float().double()


def run_case(case, text, inputs, graphs, tensors):
    def keep(name, t):
        assert t.isfinite().all(), f"{case}: {name} is not finite"
        tensors[f"{case}/{name}"] = (t.detach().float() if t.is_floating_point() else t.long()).clone().contiguous()

    layer = None if text[0].islower() else make_layer(case, text)
    state = {} if layer is None else {name: t.clone() for name, t in layer.state_dict().items() if t.is_floating_point()}
    for name, t in state.items():
        keep(f"param/{name}", t)
    for graph_name, graph in graphs.items():
        g = begin(graph)
        if layer is None:
            out, params = eval(text, NAMES, g), {}
        else:
            layer.load_state_dict(state, strict=False)
            out = layer(*(tuple(g[n] for n in i) if isinstance(i, list) else None if i is None else g[i] for i in inputs))
            params = dict(layer.named_parameters())
        loss = 0.0
        for name, t in leaves("out", out):
            keep(f"{graph_name}/{name}", t)
            if t.is_floating_point():
                loss = loss + (t.flatten() * torch.sin(0.7 * torch.arange(t.numel()) + 0.3)).sum()
        if not getattr(loss, "requires_grad", False):
            continue
        flat = [n for i in inputs if i for n in (i if isinstance(i, list) else [i])]
        wanted = {f"grad/{name}": t for n in flat for name, t in leaves(n, g[n]) if t.requires_grad}
        wanted.update({f"grad/param/{name}": p for name, p in params.items()})
        grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
        for name, grad in zip(wanted, grads):
            keep(f"{graph_name}/{name}", grad)
        for name, b in layer.named_buffers() if case.endswith("_train") else ():
            if b.is_floating_point() and "running" in name:
                keep(f"{graph_name}/after/{name}", b)


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    os.makedirs(DATA, exist_ok=True)
    graphs = make_graphs()
    versions = f"torch {torch.__version__.split('+')[0]}, torch_geometric {torch_geometric.__version__}"
    save_file({f"{name}/{key}": t for name, graph in graphs.items() for key, t in graph.items()},
              os.path.join(DATA, "graphs.safetensors"), {"made by": versions})
    print(f"graphs.safetensors: {len(graphs)} graphs")
    lines = []
    for family, rows in CASES.items():
        tensors = {}
        for row in rows.strip().split("\n"):
            case, text, inputs, *which = row.split(" | ")
            lines.append(f"{family} | {row}\n")
            inputs = [i.split(",") if "," in i else None if i == "-" else i for i in inputs.split()]
            run_case(case, text, inputs, {n: graphs[n] for n in (which or [PLAIN])[0].split()}, tensors)
        save_file(tensors, os.path.join(DATA, f"{family}.safetensors"))
        print(f"{family}.safetensors: {rows.strip().count(chr(10)) + 1} cases")
    with open(os.path.join(DATA, "cases.txt"), "w") as f:
        f.writelines(lines)


if __name__ == "__main__":
    main()
