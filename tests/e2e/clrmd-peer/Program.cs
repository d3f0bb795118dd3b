// Prints what ClrMD says about a dump, tab-separated and sorted:
//   T  name generation objects bytes        FQ name generation objects      FR name generation objects
//   H  kind count      SB index object held recursion owner-os-id           SEG kind heap start end committed reserved
//   THR managed-id os-id finalizer alive exception, then its frames: F method
// CLRMD_DAC=FILE: the DAC to use, where it does not lie beside the runtime (single-file apps).
// Usage: clrmd-peer DUMP [stat | graph | paths | answer]
//   stat   T lines only, what a heap statistics tool does
//   graph  references, handles and statics instead, see Graph.cs
//   paths  a traversal from the roots instead, with a tree of paths
//   answer what is kept beside a dump of ours instead, see Answer.cs
using Microsoft.Diagnostics.Runtime;

string dump = args[0];
string mode = args.Length > 1 ? args[1] : "";
bool statOnly = mode == "stat";
using DataTarget target = DataTarget.LoadDump(dump);
string dac = Environment.GetEnvironmentVariable("CLRMD_DAC");
using ClrRuntime runtime = dac == null ? target.ClrVersions[0].CreateRuntime() : target.ClrVersions[0].CreateRuntime(dac, true);
ClrHeap heap = runtime.Heap;
var lines = new List<string>();

if (mode == "answer") {
    using var answer = new StreamWriter(Console.OpenStandardOutput());
    Answer.Write(answer, runtime);
    return;
}
if (mode is "graph" or "paths") {
    if (mode == "paths")
        Graph.Paths(heap, lines);
    else {
        Graph.References(heap, lines);
        Graph.Handles(runtime, lines);
        Graph.Statics(runtime, lines);
    }
    lines.Sort(StringComparer.Ordinal);
    using var file = new StreamWriter(Console.OpenStandardOutput());
    foreach (string line in lines)
        file.WriteLine(line);
    return;
}

var types = new Dictionary<(string, string), (long Count, long Bytes)>();
foreach (ClrSegment segment in heap.Segments)
    foreach (ClrObject o in segment.EnumerateObjects()) {
        if (o.Type == null)
            continue;
        string generation = segment.GetGeneration(o.Address).ToString();
        var key = (TypeName(o.Type), generation);
        types.TryGetValue(key, out var sum);
        types[key] = (sum.Count + 1, sum.Bytes + (long)o.Size);
    }
foreach (var ((name, generation), (count, bytes)) in types)
    lines.Add($"T\t{name}\t{generation}\t{count}\t{bytes}");

if (!statOnly) {
    foreach (ClrSegment s in heap.Segments)
        lines.Add($"SEG\t{s.Kind}\t{s.SubHeap.Index}\t{s.ObjectRange.Start:x}\t{s.ObjectRange.End:x}\t{s.CommittedMemory.Length:x}");

    var ready = new Dictionary<(string, string), long>();
    var all = new Dictionary<(string, string), long>();
    foreach (ClrObject o in heap.EnumerateFinalizableObjects()) {
        var key = (TypeName(o.Type), Gen(heap, o.Address));
        all[key] = all.GetValueOrDefault(key) + 1;
    }
    foreach (ClrRoot root in heap.EnumerateFinalizerRoots()) {
        var key = (TypeName(root.Object.Type), Gen(heap, root.Object.Address));
        ready[key] = ready.GetValueOrDefault(key) + 1;
    }
    foreach (var ((name, generation), count) in all)
        lines.Add($"FQ\t{name}\t{generation}\t{count}");
    foreach (var ((name, generation), count) in ready)
        lines.Add($"FR\t{name}\t{generation}\t{count}");

    foreach (var group in runtime.EnumerateHandles().GroupBy(h => (h.HandleKind, TypeName(h.Object.Type))))
        lines.Add($"H\t{group.Key.HandleKind}\t{group.Key.Item2}\t{group.Count()}");

    var osIds = runtime.Threads.GroupBy(t => t.Address).ToDictionary(g => g.Key, g => g.First().OSThreadId);
    foreach (SyncBlock block in heap.EnumerateSyncBlocks())
        lines.Add($"SB\t{block.Index}\t{block.Object:x}\t{block.IsMonitorHeld}\t{block.RecursionCount}\t{osIds.GetValueOrDefault(block.HoldingThreadAddress)}");
    foreach (ClrObject o in heap.Segments.SelectMany(s => s.EnumerateObjects()))
        // What stands in front of free space is no header.
        if (o.Type != null && !o.IsFree && o.GetThinLock() is { } thin)
            lines.Add($"THIN\t{o.Address:x}\t{thin.Thread?.OSThreadId}\t{thin.Recursion}");
}
lines.Sort(StringComparer.Ordinal);
using var output = new StreamWriter(Console.OpenStandardOutput());
foreach (string line in lines)
    output.WriteLine(line);
if (!statOnly)
    foreach (ClrThread thread in runtime.Threads.OrderBy(t => t.ManagedThreadId)) {
        string exception = thread.CurrentException?.Type.Name ?? "";
        output.WriteLine($"THR\t{thread.ManagedThreadId}\t{thread.OSThreadId}\t{thread.IsFinalizer}\t{thread.IsAlive}\t{exception}");
        foreach (ClrStackFrame frame in thread.EnumerateStackTrace())
            if (frame.Kind == ClrStackFrameKind.ManagedMethod)
                output.WriteLine($"F\t{frame.Method?.Signature ?? "<null>"}");
    }

partial class Program {
    internal static string Gen(ClrHeap heap, ulong address) {
        ClrSegment segment = heap.GetSegmentByAddress(address);
        return segment == null ? "?" : segment.GetGeneration(address).ToString();
    }

    internal static string TypeName(ClrType type) => type?.Name ?? "<null>";
}
