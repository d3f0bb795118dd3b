// A heap that no cache helps with, for the benchmarks: small objects that refer to each other at random, a list as long
// as half of them, structs with references in arrays, and dependent handles.
// Usage: tangle FOLDER KNOTS; writes FOLDER/ready and waits to be dumped.
using System.Runtime.CompilerServices;

var random = new Random(7);
int count = int.Parse(args[1]);
var knots = new Knot[count];
for (int i = 0; i < count; i++)
    knots[i] = new Knot();
foreach (Knot knot in knots) {
    knot.Left = knots[random.Next(count)];
    knot.Right = random.Next(2) == 0 ? knots[random.Next(count)] : null;
    knot.Tag = random.Next(3) == 0 ? new Tag() : null;
}
for (int i = 0; i < count / 2; i++)
    Tangle.Chain = new Link { Next = Tangle.Chain, Value = random.Next(4) == 0 ? knots[random.Next(count)] : (object)i };
Tangle.Rows = new Row[count / 6];
for (int i = 0; i < Tangle.Rows.Length; i++)
    Tangle.Rows[i] = new Row { Number = i, Of = i % 3 == 0 ? null : knots[random.Next(count)] };
for (int i = 0; i < 5000; i++)
    Tangle.Notes.TryAdd(knots[random.Next(count)], new byte[random.Next(40)]);
Tangle.Entries = new Knot[count / 10];
for (int i = 0; i < Tangle.Entries.Length; i++)
    Tangle.Entries[i] = knots[random.Next(count)];
knots = null;
GC.Collect();
File.WriteAllText(Path.Combine(args[0], "ready"), "");
Thread.Sleep(Timeout.Infinite);

class Knot { public Knot? Left, Right; public Tag? Tag; }
class Tag { public long Number; }
class Link { public Link? Next; public object? Value; }
struct Row { public long Number; public Knot? Of; }

static class Tangle {
    public static Link? Chain;
    public static Row[]? Rows;
    public static Knot[]? Entries;
    public static ConditionalWeakTable<object, object> Notes = new();
}
