// A web service as people write them: a database, a cache, events, calls to others, work in the background. Healthy by
// itself; LEAK names what it forgets: cache, event, token, client, scope, async, several with commas between them.
// Usage: kiosk --urls http://127.0.0.1:PORT; DB is the file of its database.
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

var forgets = (Environment.GetEnvironmentVariable("LEAK") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
bool Forgets(string what) => forgets.Contains(what);

var builder = WebApplication.CreateBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddMemoryCache();
builder.Services.AddHttpClient();
builder.Services.AddSignalR();
builder.Services.AddDbContext<StockDb>(o => o.UseSqlite("Data Source=" + (Environment.GetEnvironmentVariable("DB") ?? "kiosk.db")));
builder.Services.AddSingleton<Headlines>();
builder.Services.AddScoped<Reader>();
builder.Services.AddHostedService<Restock>();
var app = builder.Build();
using (var scope = app.Services.CreateScope()) {
    var db = scope.ServiceProvider.GetRequiredService<StockDb>();
    db.Database.EnsureDeleted();
    db.Database.EnsureCreated();
    db.Papers.AddRange(Enumerable.Range(1, 300).Select(i => new Paper { Title = "paper " + i, Copies = i % 40 }));
    db.SaveChanges();
}

app.MapHub<Counter>("/counter");
app.MapGet("/", () => "open");
app.MapGet("/paper/{id:int}", async (int id, StockDb db) => (await db.Papers.FindAsync(id))?.Title ?? "sold out");
// Without a limit and without an end: each key is new.
app.MapGet("/search/{words}", (string words, IMemoryCache cache) => {
    string key = Forgets("cache") ? $"{words}/{Guid.NewGuid():N}" : words;
    return cache.GetOrCreate(key, entry => {
        if (!Forgets("cache"))
            entry.SetSlidingExpiration(TimeSpan.FromSeconds(20));
        return new Hits { Words = words, Pages = new byte[800] };
    }).Words;
});
// Subscribes, and is not told when the request is over.
app.MapGet("/read/{name}", (string name, Reader reader) => {
    if (Forgets("event"))
        Headlines.Printed += reader.OnPrinted;
    return reader.Open(name);
});
app.MapGet("/relay", async (HttpContext http, IHttpClientFactory clients) => {
    var url = new Uri($"http://127.0.0.1:{http.Connection.LocalPort}/");
    using var shared = Forgets("client") ? null : clients.CreateClient();
    return await (shared ?? new HttpClient()).GetStringAsync(url);
});
app.MapGet("/inventory/{from:int}", async (int from, IServiceScopeFactory scopes) => {
    var scope = scopes.CreateAsyncScope();
    int found = await scope.ServiceProvider.GetRequiredService<StockDb>().Papers.Where(p => p.Id > from).Take(15).CountAsync();
    if (Forgets("scope"))
        Inventories.Open.Add(scope);
    else
        await scope.DisposeAsync();
    return found;
});
app.MapGet("/follow/{id:int}", async (int id, IHostApplicationLifetime life) => {
    var follower = new Follower { Id = id, Notes = new byte[600] };
    var registration = life.ApplicationStopping.Register(follower.Leave);
    await Task.Delay(1);
    if (!Forgets("token"))
        registration.Dispose();
    return id;
});
app.MapGet("/order/{id:int}", (int id) => {
    if (Forgets("async"))
        _ = Press.AwaitDelivery(id);
    return "ordered";
});
app.Run();

public class Paper { public int Id { get; set; } public string Title { get; set; } public int Copies { get; set; } }
public class StockDb(DbContextOptions<StockDb> options) : DbContext(options) { public DbSet<Paper> Papers => Set<Paper>(); }
public class Hits { public string Words; public byte[] Pages; }
public class Headlines { public static event EventHandler<string> Printed; public void Print(string text) => Printed?.Invoke(this, text); }
public class Reader {
    readonly byte[] bookmarks = new byte[500];
    string name;
    public void OnPrinted(object sender, string text) => bookmarks[text.Length % bookmarks.Length]++;
    public string Open(string who) => (name = who) + bookmarks.Length;
}
public class Follower { public int Id; public byte[] Notes; public void Leave() => Id = -1; }
public static class Inventories { public static readonly System.Collections.Concurrent.ConcurrentBag<IServiceScope> Open = new(); }
public static class Press {
    static readonly System.Collections.Concurrent.ConcurrentDictionary<int, TaskCompletionSource<int>> deliveries = new();
    static int last;
    public static async Task<int> AwaitDelivery(int order) {
        var slip = new byte[400];
        var arrived = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        deliveries[Interlocked.Increment(ref last)] = arrived;
        return await arrived.Task + order + slip.Length;
    }
}
public class Counter : Microsoft.AspNetCore.SignalR.Hub { public string Say(string text) => text; }
public class Restock(Headlines headlines, IServiceScopeFactory scopes) : BackgroundService {
    protected override async Task ExecuteAsync(CancellationToken stop) {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(700));
        while (await timer.WaitForNextTickAsync(stop)) {
            using var scope = scopes.CreateScope();
            headlines.Print($"{await scope.ServiceProvider.GetRequiredService<StockDb>().Papers.CountAsync(stop)} papers");
        }
    }
}
