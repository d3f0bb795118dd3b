// More troubles with known answers: what else keeps things, what else waits, and what only looks like either.
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Linq.Expressions;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Depot;

static class Further {
    public static readonly Dictionary<string, Round> All = new() {
        ["continuations"] = Keeps.Continuations, ["when-any"] = Keeps.WhenAny, ["delays"] = Keeps.Delays, ["lock-table"] = Keeps.LockTable,
        ["slow-consumer"] = Keeps.SlowConsumer, ["watchers"] = Keeps.Watchers, ["regexes"] = Keeps.Regexes, ["compiled"] = Keeps.Compiled,
        ["async-local"] = Keeps.AsyncLocals, ["activity-chain"] = Keeps.ActivityChain, ["activity-listeners"] = Keeps.ActivityListeners,
        ["diagnostics"] = Keeps.Diagnostics, ["linked-tokens"] = Keeps.LinkedTokens, ["immutable"] = Keeps.Immutable, ["sorted"] = Keeps.Sorted,
        ["stack"] = Keeps.Stack, ["weak-references"] = Keeps.WeakReferences, ["many-lists"] = Keeps.ManyLists, ["log-text"] = Keeps.LogText,
        ["local-list"] = Keeps.LocalList, ["rented"] = Keeps.Rented, ["closures"] = Keeps.Closures, ["weak-values"] = Keeps.WeakValues,
        ["iterators"] = Keeps.Iterators, ["static-event"] = Keeps.StaticEvent, ["priority"] = Keeps.Priority,
        ["holes"] = Keeps.Holes, ["hglobal"] = Keeps.HGlobal,
        ["consumers"] = Fine.Consumers, ["storm"] = Fine.Storm, ["sessions"] = Fine.Sessions, ["throttle"] = Fine.Throttle,
        ["drained"] = Fine.Drained, ["ring-log"] = Fine.RingLog, ["readers"] = Fine.Readers, ["returned"] = Fine.Returned, ["restless"] = Fine.Restless,
        ["writer-sleeps"] = Waits.WriterSleeps, ["result-on-context"] = Waits.ResultOnContext, ["no-ticket"] = Waits.NoTicket,
        ["result-in-pool"] = Waits.ResultInPool, ["finalizer-reads"] = Waits.FinalizerReads, ["type-initializer"] = Waits.TypeInitializer,
        ["join-ring"] = Waits.JoinRing, ["async-ring"] = Waits.AsyncRing, ["mutex-ring"] = Waits.MutexRing, ["semaphore-ring"] = Waits.SemaphoreRing,
        ["two-spin"] = Waits.TwoSpin, ["yields"] = Waits.Yields,
    };
}

public class Order { public byte[] Text = new byte[150]; public int Number; public void Done() => Number++; }
public class Visitor { public byte[] Bag = new byte[140]; public void Seen(object sender, EventArgs e) => Bag[0]++; public void Changed(string name) => Bag[1]++; }
public class Session { public string Name; public readonly List<Order> Orders = new(); public byte[] State = new byte[100]; public long Until; }
public static class Hub { public static event Action<string> Changed; public static void Say(string s) => Changed?.Invoke(s); }

static class Keeps {
    static readonly TaskCompletionSource stopping = new();
    static readonly ConcurrentDictionary<string, SemaphoreSlim> locks = new();
    static readonly BlockingCollection<Order> outbox = new();
    static readonly Dictionary<string, Regex> patterns = new();
    static readonly Dictionary<int, Func<int, int>> formulas = new();
    static readonly AsyncLocal<Order> current = new();
    static readonly List<Timer> reminders = new();
    static Activity tail;
    static readonly DiagnosticListener source = new("depot");
    static readonly CancellationTokenSource shutdown = new();
    static ImmutableDictionary<int, Order> book = ImmutableDictionary<int, Order>.Empty;
    static readonly SortedDictionary<int, Order> ledger = new();
    static readonly ConcurrentStack<Order> pile = new();
    static readonly List<WeakReference<Order>> seen = new();
    static readonly Dictionary<int, Session> sessions = new();
    static readonly StringBuilder log = new();
    static readonly List<byte[]> taken = new();
    static readonly List<Action> callbacks = new();
    static readonly ConditionalWeakTable<Session, List<Order>> attached = new();
    static readonly Session everlasting = new();
    static readonly List<IEnumerator<Order>> cursors = new();
    static readonly PriorityQueue<Order, int> plan = new();
    static readonly List<FileSystemWatcher> watchers = new();
    static int number;

    static void Times(int count, Action<int> work) {
        for (int i = 0; i < count; i++)
            work(number++);
    }

    public static void Continuations(int k) => Times(1200, n => { var o = new Order { Number = n }; stopping.Task.ContinueWith(_ => o.Done()); });
    public static void WhenAny(int k) => Times(1000, n => Wait(n).Wait());
    static async Task Wait(int n) {
        var o = new Order { Number = n };
        await Task.WhenAny(Task.Delay(0), stopping.Task, Task.CompletedTask.ContinueWith(_ => { }));
        o.Done();
    }
    public static void Delays(int k) => Times(1000, n => _ = Linger(new Order { Number = n }));
    static async Task Linger(Order o) { await Task.Delay(TimeSpan.FromHours(5)); o.Done(); }
    public static void LockTable(int k) => Times(1500, n => { var s = locks.GetOrAdd("customer-" + n, _ => new SemaphoreSlim(1)); s.Wait(); s.Release(); });
    static bool consuming;
    public static void SlowConsumer(int k) {
        if (!consuming) {
            consuming = true;
            Program.Start("sender", () => { foreach (var o in outbox.GetConsumingEnumerable()) { Thread.Sleep(100); o.Done(); } });
        }
        Times(1500, n => outbox.Add(new Order { Number = n }));
    }
    public static void Watchers(int k) => Times(40, n => {
        string folder = Path.Combine(Path.GetTempPath(), $"depot-{Environment.ProcessId}-{n & 7}");
        Directory.CreateDirectory(folder);
        var w = new FileSystemWatcher(folder);
        w.Changed += new Visitor().Seen;
        w.EnableRaisingEvents = true;
        watchers.Add(w);
    });
    public static void Regexes(int k) => Times(k == 0 ? 10 : 60, n => patterns["p" + n] = Match(new Regex($"^order-{n}-[a-z]+(\\d|x)*$", RegexOptions.Compiled)));
    static Regex Match(Regex r) { r.IsMatch("order-1-abc12"); return r; }
    public static void Compiled(int k) => Times(k == 0 ? 20 : 150, n => {
        var x = Expression.Parameter(typeof(int));
        formulas[n] = Expression.Lambda<Func<int, int>>(Expression.Add(Expression.Multiply(x, Expression.Constant(n)), Expression.Constant(n + 1)), x).Compile();
        formulas[n](3);
    });
    public static void AsyncLocals(int k) => Times(900, n => {
        current.Value = new Order { Number = n };
        reminders.Add(new Timer(Remind, null, 7_200_000, 7_200_000));
        current.Value = null;
    });
    static void Remind(object _) { }
    public static void ActivityChain(int k) => Times(1500, n => {
        var a = new Activity("call").SetTag("order", new Order { Number = n });
        Activity.Current = tail;
        a.Start();
        tail = a;
        Activity.Current = null;
    });
    public static void ActivityListeners(int k) => Times(500, n => {
        var o = new Order { Number = n };
        ActivitySource.AddActivityListener(new ActivityListener { ShouldListenTo = s => s.Name == "depot" + o.Number, ActivityStopped = _ => o.Done() });
    });
    sealed class Follows : IObserver<KeyValuePair<string, object>> { readonly byte[] notes = new byte[150]; public void OnCompleted() { } public void OnError(Exception e) { } public void OnNext(KeyValuePair<string, object> v) => notes[0]++; }
    public static void Diagnostics(int k) => Times(1000, n => source.Subscribe(new Follows()));
    public static void LinkedTokens(int k) => Times(1000, n => {
        var o = new Order { Number = n };
        var linked = CancellationTokenSource.CreateLinkedTokenSource(shutdown.Token);
        linked.Token.Register(o.Done);
    });
    public static void Immutable(int k) => Times(1500, n => book = book.Add(n, new Order { Number = n }));
    public static void Sorted(int k) => Times(1500, n => ledger.Add(n, new Order { Number = n }));
    public static void Stack(int k) => Times(1500, n => pile.Push(new Order { Number = n }));
    public static void WeakReferences(int k) => Times(6000, n => seen.Add(new WeakReference<Order>(new Order { Number = n })));
    public static void ManyLists(int k) => Times(3000, n => {
        int id = n % 150;
        if (!sessions.TryGetValue(id, out var s)) sessions[id] = s = new Session { Name = "session " + id };
        s.Orders.Add(new Order { Number = n });
    });
    public static void LogText(int k) => Times(8000, n => log.Append("order ").Append(n).Append(" was taken at the desk of the depot, and sent on\n"));
    static BlockingCollection<int> feed;
    public static void LocalList(int k) {
        if (feed == null) {
            feed = new();
            Program.Start("collector", () => { var all = new List<Order>(); foreach (int n in feed.GetConsumingEnumerable()) all.Add(new Order { Number = n }); GC.KeepAlive(all); });
        }
        Times(1500, feed.Add);
        while (feed.Count > 0) Thread.Sleep(5);
        Thread.Sleep(50);
    }
    public static void Rented(int k) => Times(60, n => taken.Add(System.Buffers.ArrayPool<byte>.Shared.Rent(20_000)));
    public static void Closures(int k) => Times(1500, n => { var o = new Order { Number = n }; callbacks.Add(() => o.Done()); });
    public static void WeakValues(int k) => Times(1500, n => attached.GetOrCreateValue(everlasting).Add(new Order { Number = n }));
    static IEnumerable<Order> Walk(Order o) { while (true) { o.Done(); yield return o; } }
    public static void Iterators(int k) => Times(1300, n => { var e = Walk(new Order { Number = n }).GetEnumerator(); e.MoveNext(); cursors.Add(e); });
    public static void StaticEvent(int k) => Times(1300, n => Hub.Changed += new Visitor().Changed);
    public static void Priority(int k) => Times(1500, n => plan.Enqueue(new Order { Number = n }, -n));
    /// Small buffers that stay pinned between larger ones that go: the heap grows by holes.
    static readonly List<GCHandle> pins = new();
    public static void Holes(int k) {
        var passing = new List<byte[]>();
        for (int i = 0; i < 60; i++) {
            passing.Add(new byte[70_000]);
            pins.Add(GCHandle.Alloc(new byte[3000], GCHandleType.Pinned));
        }
        GC.Collect(1);
        GC.KeepAlive(passing);
    }
    public static void HGlobal(int k) {
        for (int i = 0; i < 3000; i++) {
            var p = Marshal.AllocHGlobal(4000);
            unsafe { new Span<byte>((void*)p, 4000).Fill(7); }
        }
    }
}

static class Fine {
    static readonly BlockingCollection<Order> inbox = new();
    static readonly System.Threading.Channels.Channel<Order> lane = System.Threading.Channels.Channel.CreateUnbounded<Order>();
    static readonly Dictionary<int, Session> sessions = new();
    static readonly SemaphoreSlim throttle = new(3);
    static readonly ReaderWriterLockSlim book = new();
    static readonly string[] lines = new string[4000];
    static readonly ManualResetEventSlim stop = new();
    static readonly object yard = new();
    static int next, handled;
    static bool Once(int k) => k > 0;

    /// Everybody waits for work, in each way there is.
    public static void Consumers(int k) {
        if (Once(k)) return;
        for (int i = 0; i < 4; i++) Program.Start($"packer-{i}", () => { foreach (var o in inbox.GetConsumingEnumerable()) o.Done(); });
        for (int i = 0; i < 200; i++) _ = Task.Run(async () => { await foreach (var o in lane.Reader.ReadAllAsync()) o.Done(); });
        for (int i = 0; i < 3; i++) Program.Start($"yard-{i}", () => { lock (yard) while (true) Monitor.Wait(yard); });
        for (int i = 0; i < 5; i++) _ = Task.Run(async () => { using var t = new PeriodicTimer(TimeSpan.FromSeconds(1)); while (await t.WaitForNextTickAsync()) handled++; });
        Program.Start("stopper", () => stop.Wait());
        Program.Start("looker", () => { while (!stop.Wait(500)) handled++; });
        Program.Start("runner", () => Task.Delay(-1).GetAwaiter().GetResult());
        Program.Start("joiner", () => { var t = new Thread(() => stop.Wait()) { IsBackground = true, Name = "joined" }; t.Start(); t.Join(); });
        Thread.Sleep(300);
    }
    public static void Storm(int k) {
        if (Once(k)) return;
        Program.Start("stumbling", () => { while (true) { for (int i = 0; i < 20; i++) try { throw new Damage("again"); } catch (Damage) { handled++; } Thread.Sleep(20); } });
    }
    /// As many come as go.
    public static void Sessions(int k) {
        for (int i = 0; i < 3000; i++) {
            var s = new Session { Name = "s" + next };
            s.Orders.Add(new Order());
            sessions[next++] = s;
            if (sessions.Count > 3000) sessions.Remove(next - 3001);
        }
    }
    public static void Throttle(int k) {
        if (Once(k)) return;
        for (int i = 0; i < 40; i++) _ = Task.Run(async () => { while (true) { await throttle.WaitAsync(); await Task.Delay(5); throttle.Release(); await Task.Delay(1); } });
    }
    /// A queue that is long now and then, and empties.
    public static void Drained(int k) {
        if (k == 0) Program.Start("drain", () => { foreach (var o in inbox.GetConsumingEnumerable()) o.Done(); });
        for (int i = 0; i < 5000; i++) inbox.Add(new Order());
        while (inbox.Count > 0) Thread.Sleep(5);
    }
    public static void RingLog(int k) { for (int i = 0; i < 6000; i++) lines[next++ % lines.Length] = "line " + next; }
    public static void Readers(int k) {
        if (Once(k)) return;
        for (int i = 0; i < 3; i++) Program.Start($"reader-{i}", () => { while (true) { book.EnterReadLock(); handled++; book.ExitReadLock(); Thread.Sleep(1); } });
        Program.Start("writer", () => { while (true) { book.EnterWriteLock(); Thread.Sleep(1); book.ExitWriteLock(); Thread.Sleep(20); } });
    }
    public static void Returned(int k) {
        for (int i = 0; i < 500; i++) { var b = System.Buffers.ArrayPool<byte>.Shared.Rent(20_000); b[0] = 1; System.Buffers.ArrayPool<byte>.Shared.Return(b); }
    }
    /// Works a fifth of the time.
    public static void Restless(int k) {
        if (Once(k)) return;
        Program.Start("sweeper", () => { var w = new Stopwatch(); while (true) { w.Restart(); while (w.ElapsedMilliseconds < 10) handled++; Thread.Sleep(40); } });
    }
}

static class Waits {
    static readonly ReaderWriterLockSlim book = new();
    static readonly SemaphoreSlim tickets = new(1), left = new(1), right = new(1);
    static readonly Mutex north = new(), south = new();
    static readonly object desk = new();
    static long turns;

    public static void WriterSleeps(int k) {
        if (k > 0) return;
        using var taken = new ManualResetEventSlim();
        Program.Start("scribe", () => { book.EnterWriteLock(); taken.Set(); Thread.Sleep(-1); });
        taken.Wait();
        for (int i = 0; i < 4; i++) Program.Start($"reader-{i}", () => { book.EnterReadLock(); });
        Thread.Sleep(300);
    }
    /// What a window's thread does: waits for a task that needs that very thread to go on.
    sealed class Context : SynchronizationContext {
        readonly BlockingCollection<(SendOrPostCallback, object)> queue = new();
        public override void Post(SendOrPostCallback d, object state) => queue.Add((d, state));
        public void Run() { SetSynchronizationContext(this); foreach (var (d, state) in queue.GetConsumingEnumerable()) d(state); }
    }
    static async Task<int> LoadPage() { await Task.Delay(50); return 7; }
    public static void ResultOnContext(int k) {
        if (k > 0) return;
        var context = new Context();
        context.Post(_ => turns = LoadPage().Result, null);
        Program.Start("window", context.Run);
        Thread.Sleep(500);
    }
    /// As threads wait for work: nothing tells the one from the other, nor who had a mutex of the system.
    public static void NoTicket(int k) {
        if (k > 0) return;
        tickets.Wait();   // and is never released
        for (int i = 0; i < 4; i++) Program.Start($"guest-{i}", () => tickets.Wait());
        Thread.Sleep(300);
    }
    static int Slow(int n) => Task.Run(() => n == 0 ? Task.Delay(-1).ContinueWith(_ => 1).Result : Slow(n - 1)).Result;
    public static void ResultInPool(int k) {
        if (k > 0) return;
        ThreadPool.SetMinThreads(2, 2);
        for (int i = 0; i < 30; i++) Task.Run(() => Slow(3));
        Thread.Sleep(2500);
    }
    sealed class Pipe {
        public static System.IO.Pipes.AnonymousPipeServerStream Server = new(System.IO.Pipes.PipeDirection.In);
        readonly byte[] page = new byte[100];
        ~Pipe() { page[0] = (byte)Server.ReadByte(); }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop() { for (int i = 0; i < 800; i++) new Pipe(); }
    public static void FinalizerReads(int k) { Hangs.FinalizerHangs = true; _ = Pipe.Server.ClientSafePipeHandle; Drop(); }
    static class Settings { public static readonly int Value = Task.Run(() => Read()).Result; static int Read() => Twice() + 1; static int Twice() => Value * 2; }
    public static void TypeInitializer(int k) { if (k == 0) { Program.Start("starter", () => turns = Settings.Value); Thread.Sleep(500); } }
    public static void JoinRing(int k) {
        if (k > 0) return;
        Thread second = null;
        using var taken = new ManualResetEventSlim();
        var first = new Thread(() => { lock (desk) { taken.Set(); while (second == null) Thread.Sleep(1); second.Join(); } }) { IsBackground = true, Name = "foreman" };
        first.Start();
        taken.Wait();
        var other = new Thread(() => { lock (desk) turns++; }) { IsBackground = true, Name = "apprentice" };
        other.Start();
        second = other;
        Thread.Sleep(300);
    }
    static Task<int> ping, pong;
    static async Task<int> Ping() { await Task.Yield(); while (pong == null) await Task.Delay(1); return await pong + 1; }
    static async Task<int> Pong() { await Task.Yield(); while (ping == null) await Task.Delay(1); return await ping + 1; }
    public static void AsyncRing(int k) { if (k == 0) { ping = Ping(); pong = Pong(); Program.Start("asker", () => turns = ping.Result); Thread.Sleep(400); } }
    public static void MutexRing(int k) {
        if (k > 0) return;
        using var both = new Barrier(3);
        Program.Start("north-gate", () => { north.WaitOne(); both.SignalAndWait(); south.WaitOne(); });
        Program.Start("south-gate", () => { south.WaitOne(); both.SignalAndWait(); north.WaitOne(); });
        both.SignalAndWait();
        Thread.Sleep(300);
    }
    static async Task Both(SemaphoreSlim a, SemaphoreSlim b) { await a.WaitAsync(); await Task.Delay(100); await b.WaitAsync(); turns++; }
    public static void SemaphoreRing(int k) { if (k == 0) { var t = Both(left, right); var u = Both(right, left); Program.Start("asker", () => Task.WaitAll(t, u)); Thread.Sleep(400); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Turn(long n) { for (int i = 0; i < 1000; i++) n = n * 31 + i; return n; }
    public static void TwoSpin(int k) { if (k == 0) for (int i = 0; i < 2; i++) Program.Start($"milling-{i}", () => { while (true) turns = Turn(turns); }); }
    public static bool Ready;
    public static void Yields(int k) { if (k == 0) Program.Start("impatient", () => { var w = new SpinWait(); while (!Volatile.Read(ref Ready)) w.SpinOnce(-1); }); }
}
