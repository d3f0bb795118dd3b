// Threads that wait for what is no lock and no task: the initializer of a type, a callback, a scheduler of its own, a
// semaphore, a mutex, a barrier that one does not come to, a collection that is full.
// usage: hitches FOLDER   FOLDER/ready is there when all of them wait
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

static class Hitches
{
    static readonly object Vault = new VaultGate();
    static readonly SemaphoreSlim Lanes = new(2, 2);
    static readonly Mutex Press = new();
    static readonly Barrier Crew = new(3);
    static readonly BlockingCollection<int> Tray = new(1);
    static readonly CancellationTokenSource Ending = new();
    static readonly ConcurrentExclusiveSchedulerPair Alone = new();
    static Task<int>[] kept;
    static int sum;

    sealed class VaultGate;

    // Waits for a worker that needs the type.
    static class Prices
    {
        internal static readonly int Base = Task.Run(() => Of(1)).Result;

        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static int Of(int count) => Base + count;
    }

    static class Table<T>
    {
        internal static readonly int Size;

        static Table() => Thread.Sleep(Timeout.Infinite);

        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static int Of(int count) => Size + count;
    }

    static void Start(string name, ThreadStart work) => new Thread(work) { Name = name, IsBackground = true }.Start();

    static void Dispose()
    {
        using var called = new ManualResetEventSlim();
        var registration = Ending.Token.Register(() => { called.Set(); lock (Vault) sum++; });
        lock (Vault)
        {
            Start("canceller", () => Ending.Cancel());
            called.Wait();
            registration.Dispose();
        }
    }

    // What goes on behind it keeps the thread that waits from running it itself.
    static Task<int> Second() => Task.Factory.StartNew(() => 2, default, TaskCreationOptions.None, Alone.ExclusiveScheduler);

    static async Task<int> CountAsync()
    {
        await Task.Delay(1);
        return 3;
    }

    static void Main(string[] arguments)
    {
        kept = [CountAsync(), CountAsync()];
        Task.WaitAll(kept);
        Lanes.Wait();
        Lanes.Wait();
        Press.WaitOne();
        Start("pricer", () => sum += Prices.Of(2));
        Start("maker", () => sum += Table<string>.Of(1));
        Thread.Sleep(300);
        Start("reader", () => sum += Table<string>.Of(2));
        Start("disposer", Dispose);
        Start("parker", () => Lanes.Wait());
        Start("printer", () => Press.WaitOne());
        Start("mason", () => Crew.SignalAndWait());
        Start("supplier", () => { while (true) Tray.Add(1); });
        Task.Factory.StartNew(() => sum += Second().ContinueWith(t => t.Result, TaskScheduler.Default).Result, default, TaskCreationOptions.None, Alone.ExclusiveScheduler);
        Thread.Sleep(1000);
        File.WriteAllText(Path.Combine(arguments[0], "ready"), "yes");
        Thread.Sleep(Timeout.Infinite);
    }
}
