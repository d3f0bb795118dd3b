// One of everything a heap reader can meet: names, arrays, generations, locks, frames of all kinds.
// Usage: zoo FOLDER [OBJECTS [busy | RECORDS]]: fills the heap, writes FOLDER/ready, then waits to be dumped.
// busy: threads go on allocating. RECORDS: that many cache records more, 3 objects and 540 bytes each.
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Zoo;

public struct Pair<TA, TB> { public TA A; public TB B; }
public class Cage<T> {
    public T Value;
    public class Door<U> { public T First; public U Second; public class Lock { public int N; } }
    public struct Bar { public T Item; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Hold(T value, Park park) => Keep<T[]>(new[] { value }, park);
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Keep<M>(M value, Park park) { park(); GC.KeepAlive(value); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Still(Pair<T, int> pair, Park park) { park(); GC.KeepAlive(pair); }
}
public delegate void Park();
public interface IFeed { void Feed(ref int n, out string s, in long l, Park park); }
public sealed class Keeper : IFeed {
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Feed(ref int n, out string s, in long l, Park park) { s = "fed"; n++; park(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public unsafe void Raw(int* p, byte** q, void* v, delegate*<int, string> f, Park park) { park(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Arrays(int[] a, string[,] b, int[][] c, List<Dictionary<string, int[]>> d, Cage<int>.Door<string>.Lock e, int? f, DayOfWeek g, Park park) { park(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Params(object o, params string[] s) { ((Park)o)(); }
    ~Keeper() { Interlocked.Increment(ref Program.Finalized); }
}
public sealed class Record { public string Key; public byte[] Payload; public DateTime At; public Record Next; }
public class Slow { ~Slow() { Program.Gate.Wait(); } }
public unsafe struct Fixed { public fixed int N[4]; }

static class Program {
    public static int Finalized;
    public static readonly ManualResetEventSlim Gate = new(false);
    static readonly List<object> all = new();
    static readonly object contended = new(), thin = new();
    [ThreadStatic] static object perThread;
    static volatile bool spin = true;
    static int parked, threads;

    static void Sleep() { Interlocked.Increment(ref parked); Thread.Sleep(Timeout.Infinite); }
    static void Start(string name, ThreadStart body) {
        threads++;
        new Thread(body) { IsBackground = true, Name = name }.Start();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Throws(int depth) {
        if (depth == 0)
            throw new InvalidOperationException("thrown", new ArgumentException("inner"));
        Throws(depth - 1);
    }

    static void Types(int objects) {
        all.Add(new int[3, 4]); all.Add(new string[2, 2, 2]); all.Add(new int[2][]); all.Add(new Pair<int, string>[3]);
        all.Add(new Cage<string>.Door<int>()); all.Add(new Cage<string>.Door<int>.Lock()); all.Add(new Cage<Pair<int, Cage<string>>>.Bar[2]);
        all.Add(new Dictionary<string, List<Cage<int>>> { ["a"] = new() { new() } });
        all.Add(new Fixed[4]); all.Add(typeof(Dictionary<,>)); all.Add(new int?[2]); all.Add(DayOfWeek.Friday);
        all.Add(Array.CreateInstance(typeof(int), new[] { 3 }, new[] { 1 }));
        unsafe { all.Add(new int*[2]); }
        all.Add((Func<int, string>)(i => i.ToString())); all.Add((1, "two", 3.0)); all.Add(new { Name = "x", N = 1 });
#if !NETCOREAPP3_1
        all.Add(GC.AllocateArray<byte>(5000, pinned: true));
#endif
        all.Add(new byte[200_000]);
        for (int i = 0; i < 50; i++) all.Add(new Keeper());
        for (int i = 0; i < objects; i++) {
            all.Add(new Pair<int, object>[i % 7]);
            if (i % 5 == 0) all.Add("text " + i);
            if (i % 11 == 0) all.Add(new Cage<long> { Value = i });
        }
        var weak = new ConditionalWeakTable<object, string>();
        weak.Add(all, "dependent"); all.Add(weak);
        for (int i = 0; i < 20; i++) { var o = new object(); RuntimeHelpers.GetHashCode(o); all.Add(o); }
    }

    static Action<Park> Emitted() {
        var method = new DynamicMethod("Emitted", typeof(void), new[] { typeof(Park) }, typeof(Program).Module);
        ILGenerator il = method.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Callvirt, typeof(Park).GetMethod("Invoke")); il.Emit(OpCodes.Ret);
        return (Action<Park>)method.CreateDelegate(typeof(Action<Park>));
    }

    static object Built() {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Built"), AssemblyBuilderAccess.Run);
        TypeBuilder type = assembly.DefineDynamicModule("Built").DefineType("Dyn.Made", TypeAttributes.Public);
        type.DefineField("n", typeof(int), FieldAttributes.Public);
        return Array.CreateInstance(type.CreateType(), 3);
    }

    static async Task Awaiting(string s) { await Task.Delay(1); Sleep(); GC.KeepAlive(s); }

    static void Frames() {
        Start("generic-string", () => new Cage<string>().Hold("x", Sleep));
        Start("generic-int", () => new Cage<int>().Hold(1, Sleep));
        Start("generic-pair", () => Cage<Pair<string, int>>.Still(default, Sleep));
        Start("interface", () => { int n = 0; ((IFeed)new Keeper()).Feed(ref n, out _, 3, Sleep); });
        Start("raw", () => { unsafe { new Keeper().Raw(null, null, null, null, Sleep); } });
        Start("arrays", () => new Keeper().Arrays(null, null, null, null, null, null, default, Sleep));
        Start("params", () => new Keeper().Params((Park)Sleep, "a", "b"));
        Start("reflection", () => typeof(Keeper).GetMethod("Params").Invoke(new Keeper(), new object[] { (Park)Sleep, new[] { "a" } }));
        Start("emitted", () => Emitted()(Sleep));
        Start("linq", () => Enumerable.Range(0, 3).Select(i => { Sleep(); return i; }).ToList());
        Start("sort", () => new List<int> { 3, 2, 1 }.Sort((a, b) => { Sleep(); return a - b; }));
        Start("catch", () => { try { Throws(3); } catch (InvalidOperationException) { Sleep(); } });
        Start("finally", () => { try { Throws(2); } catch { try { try { Throws(1); } finally { Sleep(); } } catch { } } });
        Start("filter", () => { try { Throws(1); } catch (Exception e) when (Parked(e)) { } });
        Start("thin-lock", () => { lock (thin) lock (thin) Sleep(); });
        Start("lock-owner", () => { lock (contended) lock (contended) { Sleep(); } });
        Start("static", () => { perThread = new Cage<double>(); Sleep(); });
        Start("spinner", () => { Interlocked.Increment(ref parked); double x = 0; while (spin) x = Math.Sqrt(x + 1); });
        ThreadPool.QueueUserWorkItem(_ => { threads++; Sleep(); });
        Interlocked.Increment(ref threads);
        _ = Awaiting("async");
        new Timer(_ => { }, null, 100000, 100000);
    }

    static bool Parked(Exception e) { Sleep(); return true; }

    static void Main(string[] args) {
        int objects = args.Length > 1 ? int.Parse(args[1]) : 2000;
        if (args.Length > 2 && int.TryParse(args[2], out int records)) {
            var cache = new Dictionary<string, Record>(records);
            all.Add(cache);
            for (int i = 0; i < records; i++) {
                string key = "user:" + i.ToString("d12");
                cache[key] = new Record { Key = key, Payload = new byte[300 + i % 200] };
            }
        }
        bool busy = args.Length > 2 && args[2] == "busy";
        Types(objects / 2); all.Add(Built());
        GC.Collect(); GC.Collect();
        Types(objects / 3);
        GC.Collect(1);
        Types(objects - objects / 2 - objects / 3);
        for (int i = 0; i < 30; i++) new Slow();
        for (int i = 0; i < 10; i++) new Keeper();
        GC.Collect(0);
        Frames();
        while (parked < threads - 1) Thread.Sleep(20);
        Start("waiter", () => { lock (contended) { } });
        Start("waiter-2", () => { lock (contended) { } });
        if (busy)
            for (int t = 0; t < 3; t++) {
                int seed = t;
                Start("busy" + t, () => { var keep = new object[20000]; var random = new Random(seed); while (true) keep[random.Next(keep.Length)] = random.Next(9) == 0 ? new byte[random.Next(90000)] : new Cage<int>[random.Next(60)]; });
            }
        Thread.Sleep(300);
        File.WriteAllText(Path.Combine(args[0], "ready"), "ready");
        Thread.Sleep(Timeout.Infinite);
    }
}
