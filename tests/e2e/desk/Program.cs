// A service in the middle of its work, for tests of what a dump says of it: exceptions that it keeps and that it forgot,
// requests that it answers and that it makes, work that waits for a worker, and orders that differ in their values.
// usage: desk FOLDER [h2 | h3]        (answers on ports of the loopback interface; h2: of HTTP/2 without TLS, h3: of HTTP/3)
using System.Net;
using System.Net.Http;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Server.Kestrel.Core;

static class Desk
{
    // -- What was thrown
    sealed class CartException(string message, Exception? inner = null) : Exception(message, inner);
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

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Checkout(int n)
    {
        try { Printer.Print(n); }
        catch (TimeoutException e) { throw new AggregateException(new CartException("no receipt", e)); }
    }

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
        for (int i = 0; i < 2; i++) kept.Add(Caught(Checkout, i));
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

    struct Span { internal int From, To; }
    sealed class Ticket
    {
        internal Guid Id;
        internal DateTime Made;
        internal DateTimeOffset Seen;
        internal TimeSpan Took;
        internal DateOnly Day;
        internal TimeOnly At;
        internal decimal Price;
        internal DayOfWeek Weekday;
        internal int? Seats;
        internal Guid? Group;
        internal DateTime? Until;
        internal Stage? Stage;
        internal Span? Range;
        internal decimal? Discount { get; set; }
        internal (int Row, string Seat) Place;
        internal (byte Level, long Code, Stage Stage) Gate;
        internal (int Count, Guid Owner) Held;
        internal (short Wing, int? Floor, DateTime Since) Way;
        internal KeyValuePair<int, string> Pair;
    }
    static readonly List<Ticket> tickets = new();

    static void Sell()
    {
        var first = new Guid("6f1d2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7");
        var second = new Guid("00000000-0000-0000-0000-00000000002a");
        var noon = new DateTime(2026, 2, 28, 12, 30, 15, DateTimeKind.Utc).AddTicks(1234567);
        for (int i = 0; i < 12; i++)
        {
            bool odd = i % 2 == 1;
            tickets.Add(new Ticket
            {
                Id = odd ? first : second,
                Made = odd ? noon : new DateTime(2000, 1, 1),
                Seen = new DateTimeOffset(2026, 2, 28, 12, 0, 0, TimeSpan.FromHours(odd ? 2 : -3)),
                Took = odd ? new TimeSpan(3, 4, 5, 6, 7) : TimeSpan.FromSeconds(-90),
                Day = new DateOnly(2024, 2, 29),
                At = new TimeOnly(23, 59, 1),
                Price = odd ? 19.90m : -79228162514264337593543950335m,
                Weekday = odd ? DayOfWeek.Friday : DayOfWeek.Monday,
                Seats = odd ? 4 : null,
                Group = odd ? first : null,
                Until = odd ? null : noon,
                Stage = i % 3 == 0 ? null : (Stage)(i % 3),
                Range = odd ? new Span { From = 3, To = 8 } : null,
                Discount = odd ? 0.5m : null,
                Place = (i % 3, odd ? "aisle" : "window"),
                Gate = ((byte)(i % 2), odd ? 1L << 40 : -1, Desk.Stage.Sent),
                Held = (odd ? 7 : 8, odd ? first : second),
                Way = ((short)(odd ? -5 : 5), odd ? 2 : null, noon),
                Pair = new KeyValuePair<int, string>(i % 2, "pair"),
            });
        }
    }

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
    static readonly HttpClient client =
        new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = delegate { return true; } } })
        { Timeout = TimeSpan.FromMinutes(10) };
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

    // Needs libmsquic, and a certificate, which is made here.
    static void Http3(WebApplicationBuilder builder)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        builder.WebHost.UseQuic();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 4433, l =>
        {
            l.Protocols = HttpProtocols.Http3;
            l.UseHttps(certificate);
        }));
    }

    static async Task<string> Answer(int id) { Interlocked.Increment(ref asked); await never.Task; return id.ToString(); }

    static void Main(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(new Quiet());
        bool h2 = args.Length > 1 && args[1] == "h2", h3 = args.Length > 1 && args[1] == "h3";
        if (h2)
            builder.WebHost.ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        else if (h3)
            Http3(builder);
        else
            builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/orders/{id}", (int id) => Answer(id));
        app.MapPost("/pay/{id}", (int id) => Answer(id));
        app.MapGet("/ready", async () => { await Task.Delay(100); return "ready"; });
        app.Start();
        string root = app.Urls.First();
        client.DefaultRequestVersion = h3 ? HttpVersion.Version30 : h2 ? HttpVersion.Version20 : HttpVersion.Version11;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        // Connections and streams that have answered are kept for the next requests: these are none.
        Task.WaitAll(Enumerable.Range(0, 8).Select(i => client.GetStringAsync($"{root}/ready")).ToArray());
        for (int i = 0; i < 3; i++) calls.Add(client.GetAsync($"{root}/orders/{17 + i}?token=secret"));
        for (int i = 0; i < 2; i++) calls.Add(client.PostAsync($"{root}/pay/{i}", new StringContent("card")));
        while (asked < 5) Thread.Sleep(5);
        Throw();
        Take();
        Sell();
        Thread.Sleep(1500);
        Queue();
        File.WriteAllText(Path.Combine(args[0], "ready"), "ready");
        Thread.Sleep(Timeout.Infinite);
    }
}
