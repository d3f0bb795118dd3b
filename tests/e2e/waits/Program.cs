// Threads that wait for one another, for tests of who waits for whom: a chain over two monitors whose end sleeps, a
// circle of two over System.Threading.Lock, and a finalizer that wants a lock which somebody keeps.
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

    static void Main(string[] arguments)
    {
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
