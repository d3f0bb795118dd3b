// Threads that wait for tasks and events, and these for others in turn, for tests of chains of waits: a circle through a
// task, one through an async method and its semaphore, one through a synchronization context, and ends of all kinds.
// usage: tasks FOLDER
using System.Collections.Concurrent;
using System.Threading;
using System.Threading.Tasks;

static class Tasks
{
    static void Start(string name, ThreadStart work) => new Thread(work) { Name = name, IsBackground = true }.Start();

    sealed class Tally
    {
        internal int Count;
    }
    static readonly Tally Till = new(), Safe = new();

    // Holds a lock and waits for a task that wants it.
    static int CountTill()
    {
        lock (Till)
            return Till.Count;
    }
    static void Close()
    {
        lock (Till)
            Task.Run(CountTill).Wait();
    }

    // Enters its own semaphore again, behind two awaits; another call stands in line.
    sealed class Ledger
    {
        readonly SemaphoreSlim _gate = new(1);
        internal async Task PostAsync()
        {
            await _gate.WaitAsync();
            await AuditAsync();
            _gate.Release();
        }
        async Task AuditAsync()
        {
            await Task.Delay(5);
            await _gate.WaitAsync();
            _gate.Release();
        }
    }

    // A loop of messages that blocks on what only it could go on with.
    sealed class Screen : SynchronizationContext
    {
        readonly BlockingCollection<(SendOrPostCallback, object)> _messages = new();
        public override void Post(SendOrPostCallback work, object state) => _messages.Add((work, state));
        internal void Run()
        {
            SetSynchronizationContext(this);
            Post(_ => ShowAsync().Wait(), null);
            foreach (var (work, state) in _messages.GetConsumingEnumerable())
                work(state);
        }
        static async Task ShowAsync() => await Task.Delay(20);
    }

    sealed class Approval
    {
        internal readonly TaskCompletionSource Given = new();
    }
    static readonly Approval Boss = new();
    static async Task AskAsync() => await Boss.Given.Task;
    static async Task BuyAsync() => await AskAsync();

    sealed class Shelf
    {
        internal readonly ReaderWriterLockSlim Gate = new(), Back = new();
        internal readonly SemaphoreSlim Places = new(0);
        internal readonly ManualResetEventSlim Filled = new();
        internal readonly CountdownEvent Boxes = new(3);
        internal readonly Barrier Crew = new(3);
    }
    static readonly Shelf Store = new();

    static void Main(string[] arguments)
    {
        Start("closer", Close);
        Start("poster", () =>
        {
            Ledger ledger = new();
            Task first = ledger.PostAsync(), second = ledger.PostAsync();
            Task.WaitAll(first, second);
        });
        Start("screen", () => new Screen().Run());
        Start("buyer", () => BuyAsync().GetAwaiter().GetResult());
        Thread keeper = new(() =>
        {
            Store.Gate.EnterWriteLock();
            Thread.Sleep(Timeout.Infinite);
        }) { Name = "keeper", IsBackground = true };
        keeper.Start();
        Start("upgrader", () =>
        {
            Store.Back.EnterUpgradeableReadLock();
            Thread.Sleep(300);
            Store.Back.EnterWriteLock();
        });
        Start("browser", () =>
        {
            Store.Back.EnterReadLock();
            Thread.Sleep(Timeout.Infinite);
        });
        Thread.Sleep(200);
        Start("reader", () => Store.Gate.EnterReadLock());
        Start("joiner", keeper.Join);
        Start("parker", () => Store.Places.Wait());
        Start("filler", () => Store.Filled.Wait());
        Start("packer", () => { Store.Boxes.Signal(); Store.Boxes.Wait(); });
        Start("mason", () => Store.Crew.SignalAndWait());
        Start("napper", () => { lock (Safe) Task.Delay(Timeout.Infinite).Wait(); });
        Thread.Sleep(200);
        Start("thief", () => { lock (Safe) { } });
        Start("gatherer", () => Task.WhenAll(Task.Run(() => { lock (Safe) { } }), Task.CompletedTask).Wait());
        Thread.Sleep(1500);
        File.WriteAllText(Path.Combine(arguments[0], "ready"), "yes");
        Thread.Sleep(Timeout.Infinite);
    }
}
