// Threads that wait for one another, for tests of who waits for whom: a chain over two monitors whose end sleeps, a
// circle of two over System.Threading.Lock, and a finalizer that wants a lock which somebody keeps.
// usage: waits FOLDER [semaphore|starved|callbacks]
//   semaphore  async methods that wait for a semaphore which nobody releases
//   starved    workers of the pool that wait for tasks which need one of them
//   callbacks  handlers of an event, timers, registrations
using System.Threading;

static class Waits
{
    static readonly object Dock = new DockGate(), Crane = new CraneGate();
    static readonly Lock North = new(), South = new();
    static readonly CountdownEvent Taken = new(5);

    sealed class DockGate;
    sealed class CraneGate;

    sealed class Ticket
    {
        internal static readonly object Book = new TicketBook();
        ~Ticket()
        {
            lock (Book) { }
        }
    }
    sealed class TicketBook;

    static void Start(string name, ThreadStart work) => new Thread(work) { Name = name, IsBackground = true }.Start();

    static void Drive()
    {
        lock (Crane)
        {
            Taken.Signal();
            Thread.Sleep(Timeout.Infinite);
        }
    }

    static void Load()
    {
        lock (Dock)
        {
            Taken.Signal();
            Taken.Wait();
            lock (Crane) { }
        }
    }

    static void Arrive()
    {
        Taken.Wait();
        lock (Dock) { }
    }

    static void Cross(Lock own, Lock other)
    {
        lock (own)
        {
            Taken.Signal();
            Taken.Wait();
            lock (other) { }
        }
    }

    static void Keep()
    {
        lock (Ticket.Book)
        {
            Taken.Signal();
            Thread.Sleep(Timeout.Infinite);
        }
    }

    static class Desk
    {
        internal static readonly SemaphoreSlim Gate = new(0);

        internal static async Task ServeAsync(int number)
        {
            await Gate.WaitAsync();
            GC.KeepAlive(number);
        }

        internal static async Task<int> AskAsync()
        {
            await Task.Delay(10);
            return 1;
        }

        internal static int AskAndWait() => AskAsync().Result;
    }

    static class Rates
    {
        internal static event EventHandler Changed;
        internal static int Count => Changed?.GetInvocationList().Length ?? 0;
    }

    sealed class Basket
    {
        internal int Changes;
        internal void OnRates(object sender, EventArgs e) => Changes++;
        internal void Tick(object state) => Changes++;
        internal void Stop() => Changes = 0;
    }

    static readonly List<object> Kept = new();
    static readonly CancellationTokenSource Ending = new();

    static void Round(string mode)
    {
        for (int i = 0; mode == "semaphore" && i < 500; i++)
            _ = Desk.ServeAsync(i);
        for (int i = 0; mode == "starved" && i < 40; i++)
            ThreadPool.QueueUserWorkItem(_ => { while (true) Desk.AskAndWait(); });
        for (int i = 0; mode == "callbacks" && i < 300; i++)
        {
            var basket = new Basket();
            Rates.Changed += basket.OnRates;
            Kept.Add(new Timer(basket.Tick, null, 600000, 5000));
            Ending.Token.Register(basket.Stop);
        }
    }

    // A round more whenever the file "go" is there.
    static void Rounds(string folder, string mode)
    {
        Round(mode);
        for (int i = 0; ; i++)
        {
            Thread.Sleep(1000);
            File.WriteAllText(Path.Combine(folder, "ready"), "yes");
            while (!File.Exists(Path.Combine(folder, "go")))
                Thread.Sleep(20);
            File.Delete(Path.Combine(folder, "go"));
            File.Delete(Path.Combine(folder, "ready"));
            Round(mode);
        }
    }

    static void Main(string[] arguments)
    {
        if (arguments.Length > 1)
        {
            Rounds(arguments[0], arguments[1]);
            GC.KeepAlive(Rates.Count);
        }
        Start("crane-driver", Drive);
        Start("dock-clerk", Load);
        Start("truck", Arrive);
        Start("north-gate", () => Cross(North, South));
        Start("south-gate", () => Cross(South, North));
        Start("ticket-keeper", Keep);
        Taken.Wait();
        for (int i = 0; i < 100; i++)
            _ = new Ticket();
        GC.Collect();
        Thread.Sleep(1000);
        GC.Collect();
        File.WriteAllText(Path.Combine(arguments[0], "ready"), "yes");
        Thread.Sleep(Timeout.Infinite);
    }
}
