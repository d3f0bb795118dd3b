// What ClrMD says of a dump, to be kept beside it (DUMP.clrmd.txt) and compared by tests/support/clrmd.c where there is
// no dotnet. Tab-separated; addresses in hex:
//   SEG  kind heap start end "commit start-end" "reserved start-end"
//   T    type generation objects bytes           "# objects N bytes N"
//   FQ   type generation objects: finalizable, the ready ones too;  FR: ready.  "# finalizable N", "# freachable N"
//   H    kind count
//   THR  m<managed-id> "os <id>" and its frames: "  FR stack-pointer ip ManagedMethod  signature /module"
//   SB   index "obj address" "mon held own owner rec recursion wait waiters"
//   MOD  address image metadata size path
using Microsoft.Diagnostics.Runtime;

static class Answer {
    static void Counts(TextWriter to, string word, ClrHeap heap, IEnumerable<ClrObject> objects) {
        foreach (var group in objects.GroupBy(o => (Program.TypeName(o.Type), Program.Gen(heap, o.Address)))
                     .OrderBy(g => g.Key.Item1, StringComparer.Ordinal).ThenBy(g => g.Key.Item2, StringComparer.Ordinal))
            to.WriteLine($"{word}\t{group.Key.Item1}\t{group.Key.Item2}\t{group.Count()}");
    }

    static void Heap(TextWriter to, ClrHeap heap) {
        foreach (ClrSegment s in heap.Segments.OrderBy(s => s.Start))
            to.WriteLine($"SEG\t{s.Kind}\t{s.SubHeap.Index}\t{s.ObjectRange.Start:x}\t{s.ObjectRange.End:x}" +
                         $"\tcommit {s.CommittedMemory.Start:x}-{s.CommittedMemory.End:x}" +
                         $"\treserved {s.ReservedMemory.Start:x}-{s.ReservedMemory.End:x}");
        var types = new SortedDictionary<string, (long Objects, long Bytes)>(StringComparer.Ordinal);
        foreach (ClrSegment s in heap.Segments)
            foreach (ClrObject o in s.EnumerateObjects().Where(o => o.Type != null)) {
                string key = $"{o.Type.Name}\t{s.GetGeneration(o.Address)}";
                var (objects, bytes) = types.GetValueOrDefault(key);
                types[key] = (objects + 1, bytes + (long)o.Size);
            }
        to.WriteLine($"# objects {types.Values.Sum(t => t.Objects)} bytes {types.Values.Sum(t => t.Bytes)}");
        foreach (var (key, (objects, bytes)) in types)
            to.WriteLine($"T\t{key}\t{objects}\t{bytes}");
        to.WriteLine($"# finalizable {heap.EnumerateFinalizableObjects().Count()}");
        Counts(to, "FQ", heap, heap.EnumerateFinalizableObjects());
        to.WriteLine($"# freachable {heap.EnumerateFinalizerRoots().Count()}");
        Counts(to, "FR", heap, heap.EnumerateFinalizerRoots().Select(r => r.Object));
    }

    static void Threads(TextWriter to, ClrRuntime runtime) {
        foreach (ClrThread thread in runtime.Threads.OrderBy(t => t.ManagedThreadId)) {
            to.WriteLine($"THR\tm{thread.ManagedThreadId}\tos {thread.OSThreadId}\tfin {thread.IsFinalizer}");
            foreach (ClrStackFrame f in thread.EnumerateStackTrace())
                if (f.Kind == ClrStackFrameKind.ManagedMethod)
                    to.WriteLine($"  FR {f.StackPointer:x} {f.InstructionPointer:x} ManagedMethod  {f.Method?.Signature}" +
                                 $" {f.Method?.Type.Module?.Name}");
        }
    }

    public static void Write(TextWriter to, ClrRuntime runtime) {
        Heap(to, runtime.Heap);
        foreach (var group in runtime.EnumerateHandles().GroupBy(h => h.HandleKind.ToString())
                     .OrderBy(g => g.Key, StringComparer.Ordinal))
            to.WriteLine($"H\t{group.Key}\t{group.Count()}");
        Threads(to, runtime);
        foreach (SyncBlock b in runtime.Heap.EnumerateSyncBlocks())
            to.WriteLine($"SB\t{b.Index}\tobj {b.Object:x}\tmon {b.IsMonitorHeld} own {b.HoldingThreadAddress:x}" +
                         $" rec {b.RecursionCount} wait {b.WaitingThreadCount}");
        foreach (ClrModule m in runtime.EnumerateModules().OrderBy(m => m.Address))
            to.WriteLine($"MOD\t{m.Address:x}\t{m.ImageBase:x}\t{m.MetadataAddress:x}\t{m.MetadataLength}\t{m.Name}");
    }
}
