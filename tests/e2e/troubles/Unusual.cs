// Troubles that are seldom met, with their healthy twins.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using System.Xml.Serialization;

namespace Depot;

static class Unusual {
    public static readonly Dictionary<string, Round> All = new() {
        ["timer-closure"] = Odd.TimerClosure, ["queue-undrained"] = Odd.QueueUndrained, ["full-channel"] = Odd.FullChannel,
        ["thread-local-each"] = Odd.ThreadLocalEach, ["memo"] = Odd.Memo, ["context-chain"] = Odd.ContextChain,
        ["process-exit"] = Odd.ProcessExit, ["unobserved"] = Odd.Unobserved, ["growing-stream"] = Odd.GrowingStream,
        ["lru-unbound"] = Odd.LruUnbound, ["struct-list"] = Odd.StructList, ["dead-values"] = Odd.DeadValues,
        ["async-iterators"] = Odd.AsyncIterators, ["open-sockets"] = Odd.OpenSockets, ["open-files"] = Odd.OpenFiles,
        ["serializers"] = Odd.Serializers, ["task-tracker"] = Odd.TaskTracker, ["own-intern"] = Odd.OwnIntern,
        ["native-wrapper"] = Odd.NativeWrapper, ["mapped-views"] = Odd.MappedViews, ["rented-by"] = Odd.RentedBy,
        ["subject"] = Odd.SubjectOfArray, ["proxy-chain"] = Odd.ProxyChain,
        ["timers-disposed"] = Well.TimersDisposed, ["channel-flows"] = Well.ChannelFlows, ["memo-bounded"] = Well.MemoBounded,
        ["sockets-closed"] = Well.SocketsClosed, ["tasks-removed"] = Well.TasksRemoved, ["serializer-once"] = Well.SerializerOnce,
        ["native-freed"] = Well.NativeFreed, ["stream-reset"] = Well.StreamReset, ["watchers-flat"] = Well.WatchersFlat,
        ["phases"] = Well.Phases, ["semaphore-workers"] = Well.SemaphoreWorkers, ["mutex-shared"] = Well.MutexShared,
        ["semaphore-busy"] = Well.SemaphoreBusy, ["initializer-slow"] = Well.InitializerSlow, ["signals"] = Well.Signals,
        ["rwlock-ring"] = Stuck.RwLockRing, ["reader-sleeps"] = Stuck.ReaderSleeps, ["one-lane"] = Stuck.OneLane,
        ["finalizer-task"] = Stuck.FinalizerTask, ["barrier-short"] = Stuck.BarrierShort, ["lost-promise"] = Stuck.LostPromise,
        ["semaphore-threads"] = Stuck.SemaphoreThreads, ["mutex-kept"] = Stuck.MutexKept, ["lock-over-task"] = Stuck.LockOverTask,
        ["dispose-callback"] = Stuck.DisposeCallback, ["parallel-lock"] = Stuck.ParallelLock, ["full-queue"] = Stuck.FullQueue,
        ["initializer-lock"] = Stuck.InitializerLock, ["initializer-waits"] = Stuck.InitializerWaits, ["generic-initializer"] = Stuck.GenericInitializer,
        ["countdown-short"] = Stuck.CountdownShort, ["no-pulse"] = Stuck.NoPulse, ["never-set"] = Stuck.NeverSet, ["reentry"] = Stuck.Reentry,
        ["lazy-blocks"] = Stuck.LazyBlocks, ["lost-pulse"] = Stuck.LostPulse, ["pulse-idle"] = Stuck.PulseIdle, ["weak-handles"] = Odd.WeakHandles, ["weak-handles-freed"] = Well.WeakHandlesFreed,
    };
}

public class Report { public byte[] Sheet = new byte[170]; public int Number; public void Print() => Number++; }

static class Odd {
    static readonly ConcurrentQueue<Report> queue = new();
    static readonly Channel<Report> narrow = Channel.CreateBounded<Report>(10);
    static readonly ConcurrentDictionary<string, Lazy<Report>> memo = new();
    static readonly MemoryStream tape = new();
    static readonly List<(int, string, Report)> pairs = new();
    static readonly Dictionary<string, WeakReference<Report>> dead = new();
    static readonly List<object> kept = new();
    static readonly ConcurrentDictionary<int, Task<Report>> tasks = new();
    static readonly HashSet<string> words = new();
    static readonly Dictionary<int, Parcelled> parcelled = new();
    static int number;

    static void Times(int count, Action<int> work) {
        for (int i = 0; i < count; i++)
            work(number++);
    }

    /// A timer that nobody has but its own callback.
    public static void TimerClosure(int k) => Times(900, n => {
        var r = new Report { Number = n };
        Timer own = null;
        own = new Timer(_ => { own.Change(-1, -1); r.Print(); }, null, 9_000_000, -1);
    });
    public static void QueueUndrained(int k) {
        if (k == 0) { var t = new Thread(() => { while (queue.TryDequeue(out var r)) r.Print(); }) { Name = "printer" }; t.Start(); t.Join(); }
        Times(1500, n => queue.Enqueue(new Report { Number = n }));
    }
    public static void FullChannel(int k) => Times(900, n => _ = Send(new Report { Number = n }));
    static async Task Send(Report r) { await narrow.Writer.WriteAsync(r); r.Print(); }
    /// One for each call, and never disposed of.
    sealed class Call { public readonly ThreadLocal<Report> Own = new(() => new Report(), true); public Report Now => Own.Value; }
    static readonly Dictionary<int, Call> calls = new();
    public static void ThreadLocalEach(int k) => Times(900, n => (calls[n] = new Call()).Now.Print());
    public static void Memo(int k) => Times(1300, n => memo.GetOrAdd($"report of {n}", _ => new Lazy<Report>(() => new Report { Number = n })).Value.Print());
    sealed record Trace(Trace Parent, int Number, byte[] Tags);
    static readonly AsyncLocal<Trace> trace = new();
    static readonly BlockingCollection<(ExecutionContext, ManualResetEventSlim)> lane = new();
    static ExecutionContext last;
    /// Each step of work adds to what its context carries, and goes on in it.
    public static void ContextChain(int k) => Times(1500, n => {
        void Step(object _) { trace.Value = new Trace(trace.Value, n, new byte[120]); last = ExecutionContext.Capture(); }
        if (last == null) Step(null); else ExecutionContext.Run(last, Step, null);
    });
    sealed class Watcher { readonly byte[] notes = new byte[160]; public void OnExit(object s, EventArgs e) => notes[0]++; public void OnLost(object s, UnobservedTaskExceptionEventArgs e) => notes[1]++; }
    public static void ProcessExit(int k) => Times(1300, n => AppDomain.CurrentDomain.ProcessExit += new Watcher().OnExit);
    public static void Unobserved(int k) => Times(1300, n => TaskScheduler.UnobservedTaskException += new Watcher().OnLost);
    public static void GrowingStream(int k) { for (int i = 0; i < 9000; i++) tape.Write("one more line on the tape of the depot\n"u8); }
    sealed class Lru {
        readonly Dictionary<string, LinkedListNode<Report>> index = new();
        readonly LinkedList<Report> order = new();
        public int Most = int.MaxValue;
        public void Put(string key, Report r) { index[key] = order.AddFirst(r); if (index.Count > Most) order.RemoveLast(); }
    }
    static readonly Lru lru = new();
    public static void LruUnbound(int k) => Times(1300, n => lru.Put("key " + n, new Report { Number = n }));
    public static void StructList(int k) => Times(1500, n => pairs.Add((n, "name " + n, new Report())));
    [MethodImpl(MethodImplOptions.NoInlining)]
    static WeakReference<Report> Weak(int n) => new(new Report { Number = n });
    public static void DeadValues(int k) => Times(2500, n => dead["report " + n] = Weak(n));
    static readonly TaskCompletionSource<int> more = new();
    static async IAsyncEnumerable<Report> Pages(int n) { var r = new Report { Number = n }; yield return r; await more.Task; yield return r; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static GCHandle WeakHandle(int n) => GCHandle.Alloc(new Report { Number = n }, GCHandleType.Weak);
    /// Nobody knows them any more, and nobody frees them.
    public static void WeakHandles(int k) { Times(3000, n => WeakHandle(n)); GC.Collect(); }
    public static void AsyncIterators(int k) => Times(900, n => _ = Read(n));
    static async Task Read(int n) { await foreach (var r in Pages(n)) r.Print(); }
    static TcpListener listener;
    static readonly List<TcpClient> clients = new();
    public static void OpenSockets(int k) {
        if (listener == null) { listener = new TcpListener(IPAddress.Loopback, 0); listener.Start(500); }
        Times(120, n => { var c = new TcpClient(); c.Connect((IPEndPoint)listener.LocalEndpoint); clients.Add(c); kept.Add(listener.AcceptTcpClient()); });
    }
    static readonly List<FileStream> files = new();
    public static void OpenFiles(int k) => Times(150, n => { var f = File.OpenRead(typeof(Odd).Assembly.Location); f.ReadByte(); files.Add(f); });
    /// Each with overrides makes an assembly, which stays.
    public static void Serializers(int k) => Times(k == 0 ? 3 : 25, n => {
        var overrides = new XmlAttributeOverrides();
        overrides.Add(typeof(Report), "Number", new XmlAttributes { XmlElements = { new XmlElementAttribute("n" + n) } });
        new XmlSerializer(typeof(Report), overrides).Serialize(TextWriter.Null, new Report());
    });
    static async Task<Report> Make(int n) { await Task.Yield(); return new Report { Number = n }; }
    public static void TaskTracker(int k) { Times(1300, n => tasks[n] = Make(n)); Task.WaitAll(tasks.Values.ToArray()); }
    static string Own(string s) => words.TryGetValue(s, out var known) ? known : words.Add(s) ? s : s;
    public static void OwnIntern(int k) => Times(3000, n => Own("a word of its own " + n));
    sealed class Picture { readonly IntPtr pixels; public unsafe Picture() { pixels = Marshal.AllocHGlobal(60_000); new Span<byte>((void*)pixels, 60_000).Fill(9); } }
    static readonly List<Picture> gallery = new();
    public static void NativeWrapper(int k) => Times(250, n => gallery.Add(new Picture()));
    public static unsafe void MappedViews(int k) => Times(12, n => {
        var m = MemoryMappedFile.CreateNew(null, 1 << 20);
        var v = m.CreateViewAccessor();
        for (int i = 0; i < 1 << 20; i += 4096) v.Write(i, n);
        kept.Add(v);
    });
    public sealed class Parcelled { public byte[] Buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(3000); public string Name; }
    public static void RentedBy(int k) => Times(150, n => parcelled[n] = new Parcelled { Name = "p" + n });
    sealed class Subject { IObserver<int>[] observers = []; public void Subscribe(IObserver<int> o) => observers = [.. observers, o]; public int Count => observers.Length; }
    static readonly Subject subject = new();
    public static void SubjectOfArray(int k) => Times(800, n => subject.Subscribe(new Listener()));
    /// Each wraps the one before: a pipeline that is built again for each call.
    static Func<int, int> pipeline = n => n;
    public static void ProxyChain(int k) => Times(1500, n => { var before = pipeline; var r = new Report { Number = n }; pipeline = x => { r.Print(); return before(x); }; });
}

static class Well {
    static readonly Channel<Report> narrow = Channel.CreateBounded<Report>(10);
    static readonly Dictionary<int, Report> memo = new();
    static readonly ConcurrentDictionary<int, Task<int>> tasks = new();
    static readonly MemoryStream tape = new();
    static readonly List<FileSystemWatcher> watchers = new();
    static readonly SemaphoreSlim work = new(0), few = new(3, 3);
    static readonly Mutex shared = new();
    static readonly AutoResetEvent bell = new(false);
    static int next, handled;

    public static void TimersDisposed(int k) { for (int i = 0; i < 900; i++) new Timer(_ => handled++, null, 3_600_000, -1).Dispose(); }
    public static void ChannelFlows(int k) {
        if (k == 0) _ = Task.Run(async () => { await foreach (var r in narrow.Reader.ReadAllAsync()) r.Print(); });
        for (int i = 0; i < 2000; i++) narrow.Writer.WriteAsync(new Report()).AsTask().Wait();
    }
    public static void MemoBounded(int k) { for (int i = 0; i < 3000; i++) { memo[next] = new Report(); if (memo.Count > 2500) memo.Remove(next - 2500); next++; } }
    public static void SocketsClosed(int k) {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        for (int i = 0; i < 60; i++) { using var c = new TcpClient(); c.Connect((IPEndPoint)listener.LocalEndpoint); using var other = listener.AcceptTcpClient(); }
        listener.Stop();
    }
    public static void TasksRemoved(int k) {
        for (int i = 0; i < 1300; i++) { int n = next++; tasks[n] = Task.Run(() => n); tasks[n].Wait(); tasks.TryRemove(n, out _); }
    }
    static readonly XmlSerializer once = new(typeof(Report));
    public static void SerializerOnce(int k) { for (int i = 0; i < 300; i++) once.Serialize(TextWriter.Null, new Report()); }
    public static void WeakHandlesFreed(int k) { foreach (var h in Enumerable.Range(0, 3000).Select(Odd.WeakHandle).ToList()) h.Free(); GC.Collect(); }
    public static unsafe void NativeFreed(int k) {
        for (int i = 0; i < 300; i++) { var p = Marshal.AllocHGlobal(60_000); new Span<byte>((void*)p, 60_000).Fill(3); Marshal.FreeHGlobal(p); }
    }
    public static void StreamReset(int k) { for (int i = 0; i < 9000; i++) tape.Write("one more line on the tape of the depot\n"u8); tape.SetLength(0); }
    public static void WatchersFlat(int k) { if (k == 0) for (int i = 0; i < 20; i++) watchers.Add(new FileSystemWatcher(Path.GetTempPath()) { EnableRaisingEvents = true }); }
    public static void Phases(int k) {
        if (k > 0) return;
        var barrier = new Barrier(3);
        for (int i = 0; i < 3; i++) Program.Start($"stage-{i}", () => { while (true) { Thread.Sleep(20); barrier.SignalAndWait(); } });
        Program.Start("round", () => { while (true) { using var left = new CountdownEvent(2); for (int i = 0; i < 2; i++) Task.Run(async () => { await Task.Delay(15); left.Signal(); }); left.Wait(); } });
    }
    /// Threads that wait for work, of which a semaphore tells.
    static readonly ConcurrentQueue<Report> jobs = new();
    public static void SemaphoreWorkers(int k) {
        if (k == 0) for (int i = 0; i < 4; i++) Program.Start($"worker-{i}", Work);
        for (int i = 0; i < 40; i++) { jobs.Enqueue(new Report()); work.Release(); }
    }
    static void Work() { while (true) { work.Wait(); if (jobs.TryDequeue(out var r)) r.Print(); } }
    public static void MutexShared(int k) {
        if (k == 0) for (int i = 0; i < 4; i++) Program.Start($"sharer-{i}", () => { while (true) { shared.WaitOne(); Thread.Sleep(2); shared.ReleaseMutex(); Thread.Sleep(1); } });
    }
    public static void SemaphoreBusy(int k) {
        if (k == 0) for (int i = 0; i < 12; i++) Program.Start($"diner-{i}", () => { while (true) { few.Wait(); Thread.Sleep(4); few.Release(); Thread.Sleep(1); } });
    }
    static class Slow { public static readonly int Value; static Slow() { Thread.Sleep(400); Value = 3; } }
    public static void InitializerSlow(int k) { if (k == 0) for (int i = 0; i < 3; i++) Program.Start($"asks-{i}", () => { handled += Slow.Value; }); Thread.Sleep(600); }
    public static void Signals(int k) {
        if (k == 0) Program.Start("sleeper", () => { while (true) { bell.WaitOne(); handled++; } });
        for (int i = 0; i < 20; i++) { bell.Set(); Thread.Sleep(2); }
    }
}

static class Stuck {
    static readonly ReaderWriterLockSlim first = new(), second = new(), book = new();
    static readonly SemaphoreSlim connections = new(2, 2), own = new(1, 1);
    static readonly Mutex press = new();
    static readonly Barrier meeting = new(3);
    static readonly CountdownEvent finish = new(3);
    static readonly ManualResetEvent go = new(false);
    static readonly object yard = new();
    static readonly ConcurrentDictionary<int, TaskCompletionSource<int>> promises = new();
    static readonly BlockingCollection<int> tray = new(3);
    static long sum;
    sealed class Vault; sealed class Safe;
    static readonly object vault = new Vault(), safe = new Safe();

    static void Settle() => Thread.Sleep(1000);
    public static void RwLockRing(int k) {
        if (k > 0) return;
        using var both = new Barrier(3);
        Program.Start("clerk-a", () => { first.EnterWriteLock(); both.SignalAndWait(); second.EnterWriteLock(); });
        Program.Start("clerk-b", () => { second.EnterWriteLock(); both.SignalAndWait(); first.EnterReadLock(); });
        both.SignalAndWait();
        Settle();
    }
    public static void ReaderSleeps(int k) {
        if (k > 0) return;
        using var taken = new ManualResetEventSlim();
        Program.Start("bookworm", () => { book.EnterReadLock(); taken.Set(); Thread.Sleep(-1); });
        taken.Wait();
        for (int i = 0; i < 2; i++) Program.Start($"author-{i}", () => book.EnterWriteLock());
        Settle();
    }
    /// A scheduler that runs one at a time, and one that waits in it for another.
    static readonly ConcurrentExclusiveSchedulerPair pair = new();
    static Task<int> Inner() => Task.Factory.StartNew(() => 4, CancellationToken.None, TaskCreationOptions.None, pair.ExclusiveScheduler);
    public static void OneLane(int k) { if (k == 0) { Task.Factory.StartNew(() => sum = Inner().ContinueWith(t => t.Result + 1, TaskScheduler.Default).Result, CancellationToken.None, TaskCreationOptions.None, pair.ExclusiveScheduler); Settle(); } }
    sealed class Flush { public static readonly TaskCompletionSource Written = new(); readonly byte[] page = new byte[90]; ~Flush() { Written.Task.Wait(); page[0]++; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop() { for (int i = 0; i < 700; i++) new Flush(); }
    public static void FinalizerTask(int k) { Hangs.FinalizerHangs = true; Drop(); }
    public static void BarrierShort(int k) { if (k == 0) { for (int i = 0; i < 2; i++) Program.Start($"guest-{i}", () => meeting.SignalAndWait()); Settle(); } }
    static int Answer(int n) => promises.GetOrAdd(n, _ => new()).Task.Result;
    public static void LostPromise(int k) { if (k == 0) { for (int i = 0; i < 3; i++) { int n = i; Program.Start($"caller-{n}", () => sum += Answer(n)); } Settle(); } }
    /// A pool of connections that are not given back.
    static int Query(int n) { connections.Wait(); return n; /* and never released */ }
    public static void SemaphoreThreads(int k) { if (k == 0) { for (int i = 0; i < 10; i++) { int n = i; Program.Start($"request-{n}", () => sum += Query(n)); } Settle(); } }
    public static void MutexKept(int k) {
        if (k > 0) return;
        using var taken = new ManualResetEventSlim();
        Program.Start("printer", () => { press.WaitOne(); taken.Set(); Thread.Sleep(-1); });
        taken.Wait();
        for (int i = 0; i < 3; i++) Program.Start($"editor-{i}", () => press.WaitOne());
        Settle();
    }
    public static void LockOverTask(int k) { if (k == 0) { Program.Start("teller", () => { lock (vault) Task.Run(() => { lock (vault) sum++; }).Wait(); }); Settle(); } }
    static readonly CancellationTokenSource ending = new();
    public static void DisposeCallback(int k) {
        if (k > 0) return;
        using var taken = new ManualResetEventSlim();
        var registration = ending.Token.Register(() => { taken.Set(); lock (vault) sum++; });
        Program.Start("keeper", () => { lock (vault) { taken.Wait(); registration.Dispose(); } });
        Thread.Sleep(100);
        Program.Start("canceller", ending.Cancel);
        Settle();
    }
    public static void ParallelLock(int k) {
        if (k == 0) { Program.Start("foreman", () => { lock (safe) Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 3 }, i => { Thread.Sleep(30); lock (safe) sum++; }); }); Settle(); }
    }
    public static void FullQueue(int k) { if (k == 0) { for (int i = 0; i < 3; i++) Program.Start($"supplier-{i}", () => { for (int n = 0; n < 9; n++) tray.Add(n); }); Settle(); } }

    /// Two threads, a lock and the initializer of a type.
    static class Tariffs { public static readonly int Base; static Tariffs() { Thread.Sleep(150); lock (vault) Base = 3; } public static int Of(int n) => Base + n; }
    public static void InitializerLock(int k) {
        if (k > 0) return;
        Program.Start("reads-first", () => sum += Tariffs.Of(1));
        Program.Start("locks-first", () => { lock (vault) { Thread.Sleep(250); sum += Tariffs.Of(2); } });
        Thread.Sleep(600);
    }
    /// An initializer that waits for what nobody brings about, and those who need the type.
    static class Rates { public static readonly int Base; static Rates() { promises.GetOrAdd(77, _ => new()).Task.Wait(); Base = 3; } public static int Of(int n) => Base + n; }
    public static void InitializerWaits(int k) { if (k == 0) { for (int i = 0; i < 4; i++) Program.Start($"asks-{i}", () => sum += Rates.Of(1)); Settle(); } }
    static class Table<T> { public static readonly int Base = Load(); static int Load() { int n = 0; Parallel.For(0, 6, i => { Thread.Sleep(20); Interlocked.Add(ref n, Of(i)); }); return n; } public static int Of(int n) => Base + n; }
    public static void GenericInitializer(int k) { if (k == 0) { Program.Start("loader", () => sum = Table<string>.Of(1)); Settle(); } }

    // What waits as what is healthy does: told of, and no warning.
    public static void CountdownShort(int k) { if (k == 0) { Program.Start("closer", () => finish.Wait()); Task.Run(() => finish.Signal()).Wait(); Settle(); } }
    public static void NoPulse(int k) { if (k == 0) { for (int i = 0; i < 2; i++) Program.Start($"standby-{i}", () => { lock (yard) Monitor.Wait(yard); }); Settle(); } }
    static readonly Queue<Report> jobs = new(), letters = new();
    /// Who puts something in forgets to say so once the first two are taken.
    public static void LostPulse(int k) {
        if (k == 0) {
            for (int i = 0; i < 2; i++)
                Program.Start($"clerk-{i}", () => { lock (jobs) while (true) { while (jobs.Count == 0) Monitor.Wait(jobs); jobs.Dequeue(); Monitor.Wait(jobs); } });
            Settle();
            lock (jobs) { jobs.Enqueue(new Report()); jobs.Enqueue(new Report()); Monitor.PulseAll(jobs); }
            Settle();
            lock (jobs) for (int i = 0; i < 5; i++) jobs.Enqueue(new Report());
        }
    }
    /// Who waits for letters has none.
    public static void PulseIdle(int k) {
        if (k == 0) {
            for (int i = 0; i < 2; i++)
                Program.Start($"postman-{i}", () => { lock (letters) while (true) { while (letters.Count == 0) Monitor.Wait(letters); letters.Dequeue(); } });
            Settle();
        }
        lock (letters) { letters.Enqueue(new Report()); Monitor.Pulse(letters); }
        Settle();
    }
    public static void NeverSet(int k) { if (k == 0) { for (int i = 0; i < 2; i++) Program.Start($"racer-{i}", () => go.WaitOne()); Settle(); } }
    static async Task Outer(int n) { await own.WaitAsync(); await Task.Yield(); await Again(n); own.Release(); }
    static async Task Again(int n) { await own.WaitAsync(); sum += n; own.Release(); }
    public static void Reentry(int k) { if (k == 0) { Program.Start("visitor", () => Outer(1).Wait()); Settle(); } }
    static readonly Lazy<int> price = new(() => { go.WaitOne(); return 5; });
    public static void LazyBlocks(int k) { if (k == 0) { for (int i = 0; i < 3; i++) Program.Start($"buyer-{i}", () => sum += price.Value); Settle(); } }
}
