// Prints what the reference reader says of a .gcdump, a line a type: objects, bytes, type and module, tab-separated.
// Nodes of size 0 (roots and groups) are left out. Kept beside a .gcdump of ours as FILE.tsv.
// usage: gcdump-peer FILE
using Graphs;

MemoryGraph graph = new GCHeapDump(args[0]).MemoryGraph;
var types = new Dictionary<NodeTypeIndex, (long Objects, long Bytes)>();
NodeType type = graph.AllocTypeNodeStorage();
Node node = graph.AllocNodeStorage();
for (NodeIndex i = 0; i < graph.NodeIndexLimit; i++) {
    Node n = graph.GetNode(i, node);
    if (n.Size == 0)
        continue;
    var (objects, bytes) = types.GetValueOrDefault(n.TypeIndex);
    types[n.TypeIndex] = (objects + 1, bytes + n.Size);
}
Console.WriteLine($"# nodes {(long)graph.NodeIndexLimit} nonempty {types.Values.Sum(t => t.Objects)} bytes {types.Values.Sum(t => t.Bytes)}");
foreach (var (index, (objects, bytes)) in types.OrderByDescending(t => t.Value.Bytes).ThenBy(t => (int)t.Key)) {
    NodeType t = graph.GetType(index, type);
    Console.WriteLine($"{objects}\t{bytes}\t{t.Name}\t{t.ModuleName}");
}
