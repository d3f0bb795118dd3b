// What ClrMD says of the graph of a heap, to be compared line by line with tests/e2e/graph_peer.c.
using Microsoft.Diagnostics.Runtime;

static class Graph {
    // One number for a pair of addresses; sums of it do not depend on the order.
    static ulong Mix(ulong source, ulong target) {
        ulong x = source * 0x9e3779b97f4a7c15 + target;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    sealed class Sum { public ulong Objects, References, Hash; public string Name; }

    // R method-table objects references hash name
    public static void References(ClrHeap heap, List<string> lines) {
        var sums = new Dictionary<ulong, Sum>();
        foreach (ClrObject o in heap.EnumerateObjects()) {
            if (o.Type == null || o.IsFree)
                continue;
            if (!sums.TryGetValue(o.Type.MethodTable, out Sum sum))
                sums[o.Type.MethodTable] = sum = new Sum { Name = o.Type.Name };
            sum.Objects++;
            foreach (ClrObject target in o.EnumerateReferences()) {
                if (target.Address == 0) // a dependent handle without a dependent
                    continue;
                sum.References++;
                sum.Hash += Mix(o.Address, target.Address);
            }
        }
        foreach (var (mt, sum) in sums)
            lines.Add($"R\t{mt:x}\t{sum.Objects}\t{sum.References}\t{sum.Hash:x}\t{sum.Name}");
    }

    // HD address kind object dependent
    public static void Handles(ClrRuntime runtime, List<string> lines) {
        foreach (ClrHandle h in runtime.EnumerateHandles())
            lines.Add($"HD\t{h.Address:x}\t{(int)h.HandleKind}\t{h.Object.Address:x}\t{h.Dependent.Address:x}");
    }

    // S method-table name-of-field object
    public static void Statics(ClrRuntime runtime, List<string> lines) {
        foreach (ClrModule module in runtime.EnumerateModules())
            foreach (var (mt, _) in module.EnumerateTypeDefToMethodTableMap()) {
                ClrType type = runtime.GetTypeByMethodTable(mt);
                if (type == null)
                    continue;
                foreach (ClrStaticField field in type.StaticFields) {
                    if (!field.IsObjectReference || !field.IsInitialized(module.AppDomain))
                        continue;
                    ulong value = field.ReadObject(module.AppDomain).Address;
                    if (value != 0)
                        lines.Add($"S\t{mt:x}\t{field.Name}\t{value:x}");
                }
            }
    }

    struct Node { public int Parent; public ulong Type; public long Objects, Bytes; }

    // What our own does: every object by type, then breadth first from the roots, one node for each (parent node,
    // edge, type), objects of the type of their holder in its node.
    public static void Paths(ClrHeap heap, List<string> lines) {
        ulong low = heap.Segments.Min(s => s.Start), high = heap.Segments.Max(s => s.End);
        bool dense = high - low < 1ul << 38;
        var words = new ulong[dense ? (high - low) / 512 + 1 : 0];
        var others = new HashSet<ulong>();
        bool New(ulong address) {
            if (!dense || address < low || address >= high)
                return others.Add(address);
            ulong bit = (address - low) / 8;
            ulong mask = 1ul << (int)(bit % 64);
            bool fresh = (words[bit / 64] & mask) == 0;
            words[bit / 64] |= mask;
            return fresh;
        }
        var nodes = new List<Node>();
        var index = new Dictionary<(int, int, ulong), int>();
        var all = new Dictionary<ulong, (long, long)>();
        foreach (ClrObject o in heap.EnumerateObjects())
            if (o.Type != null) {
                var (count, sum) = all.GetValueOrDefault(o.Type.MethodTable);
                all[o.Type.MethodTable] = (count + 1, sum + (long)o.Size);
            }
        var queue = new Queue<(ulong, int)>();
        long objects = 0, bytes = 0, references = 0;
        void Arrive(ClrObject o, int parent, int edge) {
            if (o.Type == null || !New(o.Address))
                return;
            ulong size = o.Size;
            objects++;
            bytes += (long)size;
            ulong mt = o.Type.MethodTable;
            int node = parent;
            if (parent < 0 || nodes[parent].Type != mt)
                if (!index.TryGetValue((parent, edge, mt), out node)) {
                    index[(parent, edge, mt)] = node = nodes.Count;
                    nodes.Add(new Node { Parent = parent, Type = mt });
                }
            Node n = nodes[node];
            n.Objects++;
            n.Bytes += (long)size;
            nodes[node] = n;
            if (o.Type.ContainsPointers)
                queue.Enqueue((o.Address, node));
        }
        // Without thread stacks: the DAC may crash on one of them, and they hold next to nothing.
        foreach (ClrHandle handle in heap.Runtime.EnumerateHandles())
            if (handle.IsStrong)
                Arrive(handle.Object, -1, 0);
        foreach (ClrRoot root in heap.EnumerateFinalizerRoots())
            Arrive(root.Object, -1, 0);
        while (queue.TryDequeue(out var item))
            foreach (ClrReference r in heap.GetObject(item.Item1).EnumerateReferencesWithFields()) {
                references++;
                Arrive(r.Object, item.Item2, r.IsArrayElement ? -1 : r.IsDependentHandle ? -2 : r.Offset);
            }
        lines.Add($"PATHS\t{all.Count}\t{objects}\t{bytes}\t{references}\t{nodes.Count}");
    }
}
