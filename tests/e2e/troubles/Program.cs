// Troubles with known answers, one at a time: what leaks, hangs or only looks like it. ../answers.json has the answers.
// usage: troubles FOLDER NAME[+NAME]   rounds are driven from outside: FOLDER/ready.K is there when round K is done, and
//        the next one begins when FOLDER/go.K is. NAME+NAME runs two in one process.
//        troubles list                 prints the names
using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Depot;

/// A round of work; round 0 comes before the first dump.
public delegate void Round(int k);

static class Program {
    static readonly Dictionary<string, Round> all = new() {
        ["static-list"] = Leaks.StaticList, ["map"] = Leaks.Map, ["event"] = Leaks.Event, ["timer"] = Leaks.Timers,
        ["chain"] = Leaks.Chain, ["ring"] = Leaks.Ring, ["bag"] = Leaks.Bag, ["thread-local"] = Leaks.ThreadLocals,
        ["thread-static"] = Leaks.ThreadStatic, ["token"] = Leaks.Tokens, ["channel"] = Leaks.Backlog,
        ["async"] = Leaks.NeverDone, ["semaphore"] = Leaks.Semaphore, ["weak-table"] = Leaks.WeakTable,
        ["handles"] = Leaks.Handles, ["large"] = Leaks.Large, ["pinned"] = Leaks.Pinned, ["threads"] = Leaks.Threads,
        ["emit"] = Leaks.Emit, ["exceptions"] = Leaks.Exceptions, ["two-lists"] = Leaks.TwoLists, ["lazy"] = Leaks.Lazies,
        ["observer"] = Leaks.Observers, ["interned"] = Leaks.Interned, ["static-generic"] = Leaks.StaticGeneric,
        ["native"] = Leaks.Native,
        ["cache-full"] = Healthy.CacheFull, ["loaded-once"] = Healthy.LoadedOnce, ["up-and-down"] = Healthy.UpAndDown,
        ["garbage"] = Healthy.Garbage, ["pool"] = Healthy.Pool, ["idle"] = Healthy.Idle, ["flat"] = Healthy.Flat,
        ["finalizer-lock"] = Hangs.FinalizerLock, ["finalizer-slow"] = Hangs.FinalizerSlow,
        ["ring-of-locks"] = Hangs.Deadlock, ["lock-class"] = Hangs.LockClass, ["sleeps-in-lock"] = Hangs.SleepsInLock,
        ["chain-of-locks"] = Hangs.Chain, ["spins"] = Hangs.Spins, ["starved"] = Hangs.Starved, ["busy-lock"] = Hangs.BusyLock,
    };

    static void Main(string[] args) {
        if (args.Length < 2) {
            Console.WriteLine(string.Join('\n', all.Keys.Concat(Further.All.Keys).Concat(Unusual.All.Keys)));
            return;
        }
        foreach (var (name, round) in Further.All.Concat(Unusual.All))
            all[name] = round;
        var rounds = args[1].Split('+').Select(name => all[name]).ToArray();
        for (int k = 0; ; k++) {
            foreach (var round in rounds)
                round(k);
            if (!args[1].Contains("garbage"))
                Sweep();
            File.WriteAllText(Path.Combine(args[0], $"ready.{k}.new"), "");
            File.Move(Path.Combine(args[0], $"ready.{k}.new"), Path.Combine(args[0], $"ready.{k}"));
            while (!File.Exists(Path.Combine(args[0], $"go.{k}")))
                Thread.Sleep(40);
        }
    }

    static void Sweep() {
        GC.Collect();
        if (!Hangs.FinalizerHangs)
            GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    public static void Start(string name, ThreadStart work) =>
        new Thread(work, 128 << 10) { IsBackground = true, Name = name }.Start();
}

// -- What grows ---------------------------------------------------------------------------------------------------------

public class Parcel { public string Label; public byte[] Body; public static Parcel Make(int n) => new() { Label = "parcel " + n, Body = new byte[120] }; }
public class Shelf { public readonly List<Parcel> Parcels = new(); }
public class Clerk { readonly byte[] desk = new byte[160]; public void OnBell(object sender, EventArgs e) => desk[0]++; public void Tick(object _) => desk[1]++; public void Stop() => desk[2]++; }
public class Bell { public event EventHandler Rung; public void Ring() => Rung?.Invoke(this, EventArgs.Empty); }
public class Wagon { public Wagon Next; public byte[] Load = new byte[90]; }
public class Knot { public List<Knot> Others = new(); public byte[] Rope = new byte[70]; }
public class Crate { public byte[] Planks; public long Weight; }
public class Listener : IObserver<int> { readonly byte[] notes = new byte[130]; public void OnCompleted() { } public void OnError(Exception e) { } public void OnNext(int n) => notes[n & 63]++; }
public class Radio : IObservable<int> {
    readonly List<IObserver<int>> listeners = new();
    public IDisposable Subscribe(IObserver<int> listener) { listeners.Add(listener); return new Handle(); }
    sealed class Handle : IDisposable { public void Dispose() { } }
}
public static class Register<T> { public static readonly List<T> Entries = new(); }
public class Tool { public byte[] Steel = new byte[140]; }
public class Damage(string what) : Exception(what);

static class Leaks {
    static readonly Shelf shelf = new();
    static readonly Dictionary<int, Parcel> byNumber = new();
    static readonly Bell bell = new();
    static readonly List<Timer> timers = new();
    static Wagon train;
    static Knot net = new();
    static readonly ConcurrentBag<Parcel> bag = new();
    static readonly ThreadLocal<List<Parcel>> mine = new(() => new List<Parcel>());
    [ThreadStatic] static List<Crate> crates;
    static readonly CancellationTokenSource closing = new();
    static readonly Channel<Parcel> belt = Channel.CreateUnbounded<Parcel>();
    static readonly ConcurrentDictionary<int, TaskCompletionSource<Parcel>> awaited = new();
    static readonly SemaphoreSlim gate = new(1);
    static readonly ConditionalWeakTable<object, Crate> notes = new();
    static readonly List<object> keys = new();
    static readonly List<byte[]> plates = new(), films = new();
    static readonly List<Exception> complaints = new();
    static readonly List<Parcel> incoming = new();
    static readonly Queue<Parcel> unsorted = new();
    static readonly List<Lazy<Crate>> plans = new();
    static readonly Radio radio = new();
    static int number, threads;

    static void Times(int count, Action<int> work) {
        for (int i = 0; i < count; i++)
            work(number++);
    }

    public static void StaticList(int k) => Times(1500, n => shelf.Parcels.Add(Parcel.Make(n)));
    public static void Map(int k) => Times(1500, n => byNumber[n] = Parcel.Make(n));
    public static void Event(int k) => Times(1200, n => bell.Rung += new Clerk().OnBell);
    public static void Timers(int k) => Times(900, n => timers.Add(new Timer(new Clerk().Tick, null, 3_600_000, 3_600_000)));
    public static void Chain(int k) => Times(2000, n => train = new Wagon { Next = train });
    public static void Ring(int k) => Times(900, n => { var knot = new Knot(); knot.Others.Add(net); net.Others.Add(knot); });
    public static void Bag(int k) => Times(1500, n => bag.Add(Parcel.Make(n)));
    public static void ThreadLocals(int k) => OnLane(() => Times(1500, n => mine.Value.Add(Parcel.Make(n))));
    public static void ThreadStatic(int k) => OnLane(() => { crates ??= new(); Times(1500, n => crates.Add(new Crate { Planks = new byte[100] })); });
    public static void Tokens(int k) => Times(1200, n => closing.Token.Register(new Clerk().Stop));
    public static void Backlog(int k) => Times(1500, n => belt.Writer.TryWrite(Parcel.Make(n)));
    public static void NeverDone(int k) => Times(900, n => _ = Await(n));
    static async Task<int> Await(int n) {
        var slip = new byte[150];
        awaited[n] = new TaskCompletionSource<Parcel>();
        return (await awaited[n].Task).Body.Length + slip.Length;
    }
    public static void Semaphore(int k) => Times(700, n => _ = Enter(n));
    static async Task Enter(int n) {
        var papers = new byte[100];
        await gate.WaitAsync();
        papers[n % 100]++;   // and never releases
    }
    public static void WeakTable(int k) => Times(1500, n => { var key = new object(); keys.Add(key); notes.Add(key, new Crate { Planks = new byte[110] }); });
    public static void Handles(int k) => Times(700, n => GCHandle.Alloc(new Crate { Planks = new byte[160] }));
    public static void Large(int k) => Times(12, n => plates.Add(new byte[180_000]));
    public static void Pinned(int k) => Times(150, n => films.Add(GC.AllocateArray<byte>(5000, pinned: true)));
    public static void Threads(int k) {
        for (int i = 0; i < 12; i++)
            Program.Start($"courier-{threads++}", () => { var load = new byte[20_000]; Thread.Sleep(Timeout.Infinite); GC.KeepAlive(load); });
    }
    static readonly List<object> made = new();
    public static void Emit(int k) => Times(k == 0 ? 10 : 400, n => {
        var module = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Form" + n), AssemblyBuilderAccess.Run).DefineDynamicModule("form");
        var type = module.DefineType("Form" + n, TypeAttributes.Public);
        for (int i = 0; i < 6; i++) {
            var il = type.DefineMethod("Fill" + i, MethodAttributes.Public | MethodAttributes.Static, typeof(int), null).GetILGenerator();
            il.Emit(OpCodes.Ldc_I4, n + i);
            il.Emit(OpCodes.Ret);
        }
        made.Add(Activator.CreateInstance(type.CreateType()));
    });
    public static void Exceptions(int k) => Times(700, n => { try { throw new Damage("parcel " + n); } catch (Damage e) { complaints.Add(e); } });
    public static void TwoLists(int k) => Times(1500, n => { var p = Parcel.Make(n); incoming.Add(p); unsorted.Enqueue(p); });
    public static void Lazies(int k) => Times(1200, n => { var plan = new Lazy<Crate>(() => new Crate { Planks = new byte[100 + n % 7] }); _ = plan.Value; plans.Add(plan); });
    public static void Observers(int k) => Times(1200, n => radio.Subscribe(new Listener()));
    public static void Interned(int k) => Times(2500, n => string.Intern("address number " + n));
    public static void StaticGeneric(int k) => Times(1500, n => Register<Tool>.Entries.Add(new Tool()));
    public static unsafe void Native(int k) {
        for (int i = 0; i < 60; i++)
            new Span<byte>(NativeMemory.Alloc(200_000), 200_000).Fill((byte)i);
    }

    /// One thread for all rounds, which then waits for the next.
    static BlockingCollection<Action> lane;
    static void OnLane(Action work) {
        if (lane == null) {
            lane = new();
            Program.Start("sorting-lane", () => { foreach (var item in lane.GetConsumingEnumerable()) item(); });
        }
        using var done = new ManualResetEventSlim();
        lane.Add(() => { work(); done.Set(); });
        done.Wait();
    }
}

// -- What is healthy ----------------------------------------------------------------------------------------------------

public class Page { public byte[] Ink = new byte[150]; }
public class Worker { public byte[] Tools = new byte[200]; }

static class Healthy {
    static readonly Dictionary<int, Page> pages = new();
    static readonly Queue<int> oldest = new();
    static Page[] atlas;
    static readonly List<Page> tide = new();
    static readonly ConcurrentBag<Worker> rested = new();
    static readonly List<Page> fixedOnes = new();
    static int next;

    /// Fills until it is full: 4,000, then 5,500, then no more.
    public static void CacheFull(int k) {
        for (int i = 0; i < 4000 >> Math.Min(k, 12); i++) {
            pages[next] = new Page();
            oldest.Enqueue(next++);
        }
        for (; pages.Count > 5500; pages.Remove(oldest.Dequeue())) { }
    }
    public static void LoadedOnce(int k) { if (k == 1) atlas = Enumerable.Range(0, 6000).Select(_ => new Page()).ToArray(); }
    public static void UpAndDown(int k) {
        int want = 3000 + (k % 2) * 1500;
        if (tide.Count > want) tide.RemoveRange(want, tide.Count - want);
        while (tide.Count < want) tide.Add(new Page());
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Garbage(int k) {
        var pile = new List<Page>();
        for (int i = 0; i < 8000 * (k + 1); i++) pile.Add(new Page());
        GC.Collect(1);
        GC.Collect(1);
        GC.KeepAlive(pile);
    }
    public static void Pool(int k) {
        var taken = new List<Worker>();
        for (int i = 0; i < 1500; i++) taken.Add(rested.TryTake(out var w) ? w : new Worker());
        foreach (var w in taken) rested.Add(w);
    }
    static bool hired;
    public static void Idle(int k) {
        if (hired) return;
        hired = true;
        var orders = new BlockingCollection<int>();
        for (int i = 0; i < 4; i++) {
            int number = i;
            Program.Start($"counter-{i}", () => { foreach (int n in orders.GetConsumingEnumerable()) Console.Write(n + number); });
        }
        var bell = new AutoResetEvent(false);
        Program.Start("door", () => bell.WaitOne());
        var yard = new object();
        Program.Start("guard", () => { lock (yard) Monitor.Wait(yard); });
        var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        Program.Start("porter", () => server.AcceptTcpClient());
        Program.Start("night-shift", () => { while (true) Thread.Sleep(60_000); });
    }
    public static void Flat(int k) { if (k == 0) for (int i = 0; i < 20_000; i++) fixedOnes.Add(new Page()); }
}

// -- What hangs ---------------------------------------------------------------------------------------------------------

static class Hangs {
    public static bool FinalizerHangs;
    sealed class Ledger; sealed class Scale; sealed class Ramp; sealed class Till;
    static readonly object ledger = new Ledger(), scale = new Scale(), ramp = new Ramp(), till = new Till();

    sealed class Ticket { readonly byte[] stub = new byte[60]; ~Ticket() { lock (ledger) stub[0]++; } }
    sealed class Slowly { readonly byte[] stub = new byte[60]; ~Slowly() { Thread.Sleep(15); stub[0]++; } }

    static void Keep(string name, object what) {
        using var taken = new ManualResetEventSlim();
        Program.Start(name, () => { lock (what) { taken.Set(); Thread.Sleep(Timeout.Infinite); } });
        taken.Wait();
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop<T>(int count) where T : new() { for (int i = 0; i < count; i++) new T(); }

    public static void FinalizerLock(int k) {
        if (k == 0) { FinalizerHangs = true; Keep("bookkeeper", ledger); }
        Drop<Ticket>(900);
    }
    public static void FinalizerSlow(int k) { FinalizerHangs = true; Drop<Slowly>(900); }
    public static void Deadlock(int k) {
        if (k > 0) return;
        using var both = new Barrier(3);
        Program.Start("weigher", () => { lock (scale) { both.SignalAndWait(); lock (ramp) { } } });
        Program.Start("loader", () => { lock (ramp) { both.SignalAndWait(); lock (scale) { } } });
        both.SignalAndWait();
        Program.Start("visitor", () => { lock (scale) { } });
        Thread.Sleep(300);
    }
    static readonly Lock east = new(), west = new();
    public static void LockClass(int k) {
        if (k > 0) return;
        using var both = new Barrier(3);
        Program.Start("east-door", () => { lock (east) { both.SignalAndWait(); lock (west) { } } });
        Program.Start("west-door", () => { lock (west) { both.SignalAndWait(); lock (east) { } } });
        both.SignalAndWait();
        Thread.Sleep(300);
    }
    public static void SleepsInLock(int k) {
        if (k > 0) return;
        Keep("cashier", till);
        for (int i = 0; i < 3; i++)
            Program.Start($"customer-{i}", () => { lock (till) { } });
        Thread.Sleep(300);
    }
    public static void Chain(int k) {
        if (k > 0) return;
        Keep("driver", ramp);
        using var taken = new ManualResetEventSlim();
        Program.Start("packer", () => { lock (scale) { taken.Set(); lock (ramp) { } } });
        taken.Wait();
        Program.Start("waiter", () => { lock (scale) { } });
        Thread.Sleep(300);
    }
    static long turns;
    public static void Spins(int k) { if (k == 0) Program.Start("counting", () => { while (true) turns = Turn(turns); }); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Turn(long n) { for (int i = 0; i < 1000; i++) n = n * 31 + i; return n; }
    public static void Starved(int k) {
        if (k > 0) return;
        ThreadPool.SetMinThreads(2, 2);
        for (int i = 0; i < 60; i++)
            ThreadPool.QueueUserWorkItem(_ => Task.Run(() => Thread.Sleep(1)).ContinueWith(t => Task.Delay(-1).Wait()).Wait());
        Thread.Sleep(1500);
    }
    public static void BusyLock(int k) {
        if (k > 0) return;
        for (int i = 0; i < 3; i++)
            Program.Start($"teller-{i}", () => { while (true) { lock (till) Turn(1); Thread.Sleep(1); } });
    }
}
