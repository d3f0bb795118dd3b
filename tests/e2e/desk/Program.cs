// A service in the middle of its work, for tests of what a dump says of it: exceptions that it keeps and that it forgot,
// requests that it answers and that it makes, work that waits for a worker, and orders that differ in their values.
// usage: desk FOLDER        (answers on a port of the loopback interface)
using System.Net.Http;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

static class Desk
{
    // -- What was thrown
    sealed class CartException(string message) : Exception(message);
    static readonly List<Exception> kept = new();

    static class Till
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static void Pay(int order) => throw new InvalidOperationException($"order {order} is closed");
        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static void Refund(int order) => throw new InvalidOperationException($"order {order} was never paid");
    }
    static class Helper
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static void ThrowNoAnswer(string who) => throw new TimeoutException($"no answer from '{who}' in time");
    }
    static class Printer
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static void Print(int n) => Helper.ThrowNoAnswer("printer " + (char)('a' + n));
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Fill(int n) => throw new CartException("the cart is full");

    static Exception Caught(Action<int> action, int n)
    {
        try { action(n); }
        catch (Exception e) { return e; }
        return null!;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Throw()
    {
        for (int i = 0; i < 12; i++) kept.Add(Caught(Till.Pay, 100 + i));
        for (int i = 0; i < 5; i++) kept.Add(Caught(Till.Refund, 100 + i));
        for (int i = 0; i < 4; i++) kept.Add(Caught(Printer.Print, i));
        for (int i = 0; i < 3; i++) kept.Add(new OperationCanceledException());
        for (int i = 0; i < 7; i++) Caught(Fill, i);
    }

    // -- What orders are like
    enum Stage : byte { Open, Paid, Sent }
    class Goods { internal int Weight; }
    sealed class Book : Goods;
    sealed class Lamp : Goods;
    struct Place { internal short Shelf; internal bool High; }
    sealed class Order
    {
        internal int Tenant;
        internal Stage Stage;
        internal string? Customer;
        internal Goods? Goods;
        internal bool Gift;
        internal double Price;
        internal Place Place;
        internal int? Discount;
    }
    static readonly List<Order> orders = new();

    static void Take()
    {
        for (int i = 0; i < 90; i++)
            orders.Add(new Order
            {
                Tenant = i < 60 ? 7 : i % 3,
                Stage = (Stage)(i % 3),
                Customer = i % 10 == 9 ? null : new string("customer-" + (char)('a' + i % 5)),
                Goods = i % 2 == 0 ? new Book() : i % 3 == 0 ? new Lamp() : null,
                Gift = i % 9 == 0,
                Price = i % 4 * 2.5,
                Place = new Place { Shelf = (short)(i % 2), High = i % 3 == 0 },
                Discount = i % 2 == 0 ? 5 : null
            });
    }

    // -- What waits for a worker
    static readonly ManualResetEventSlim until = new();
    static int running;
    static void Wait(object? state) { Interlocked.Increment(ref running); until.Wait(); }
    static void Bill(object? state) { }
    static void Post() { }
    static void WaitWithOwn()
    {
        for (int i = 0; i < 15; i++) Task.Factory.StartNew(Post);
        Wait(null);
    }
    static async Task Sweep() { await Task.Yield(); kept.Clear(); }

    static void Queue()
    {
        ThreadPool.GetMinThreads(out int least, out _);
        ThreadPool.SetMaxThreads(least, least);
        // The last worker queues for itself when nobody is left to steal from it.
        for (int i = 1; i < least; i++) ThreadPool.UnsafeQueueUserWorkItem(Wait, null);
        while (running < least - 1) Thread.Sleep(5);
        Task.Factory.StartNew(WaitWithOwn);
        while (running < least) Thread.Sleep(5);
        for (int i = 0; i < 40; i++) ThreadPool.UnsafeQueueUserWorkItem(Bill, null);
        for (int i = 0; i < 25; i++) Task.Run(Post);
        for (int i = 0; i < 10; i++) Sweep();
    }

    // -- What is asked of it, and what it asks
    static readonly HttpClient client = new() { Timeout = TimeSpan.FromMinutes(10) };
    static readonly List<Task> calls = new();
    static int asked;
    static readonly TaskCompletionSource never = new();

    // Whoever logs makes Kestrel take the time of requests.
    sealed class Quiet : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string name) => this;
        public IDisposable? BeginScope<T>(T state) where T : notnull => null;
        public bool IsEnabled(LogLevel level) => true;
        public void Log<T>(LogLevel level, EventId id, T state, Exception? e, Func<T, Exception?, string> text) { }
        public void Dispose() { }
    }

    static async Task<string> Answer(int id) { Interlocked.Increment(ref asked); await never.Task; return id.ToString(); }

    static void Main(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(new Quiet());
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/orders/{id}", (int id) => Answer(id));
        app.MapPost("/pay/{id}", (int id) => Answer(id));
        app.Start();
        string root = app.Urls.First();
        for (int i = 0; i < 3; i++) calls.Add(client.GetAsync($"{root}/orders/{17 + i}?token=secret"));
        for (int i = 0; i < 2; i++) calls.Add(client.PostAsync($"{root}/pay/{i}", new StringContent("card")));
        while (asked < 5) Thread.Sleep(5);
        Throw();
        Take();
        Thread.Sleep(1500);
        Queue();
        File.WriteAllText(Path.Combine(args[0], "ready"), "ready");
        Thread.Sleep(Timeout.Infinite);
    }
}
