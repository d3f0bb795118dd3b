// Objects held in fifteen ways, a type for each, and garbage of another: who holds what is known.
// Usage: holders FOLDER: fills the heap, writes FOLDER/ready; when FOLDER/go appears, collects all garbage and
// makes FOLDER/collected longer than 3 bytes, then waits to be ended.
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Holders;

class HeldByStatic { long a; }
class HeldByGenericStatic { long a; }
class HeldByThreadStatic { long a; }
class HeldByEvent { long a; public void On(object sender, EventArgs e) => a++; }
class HeldByTimer { public Timer Timer; public void Tick(object state) => GC.KeepAlive(state); }
class HeldByToken { long a; public void Cancelled() => a++; }
class HeldByTask { long a; }
class HeldByWeakTable { long a; }
class HeldByDependentHandle { long a; }
struct HeldByPin { public long A; }
class HeldByLocal { long a; }
class HeldByList { public HeldByList Next; }
class HeldByEntry { long a; }
class HeldByArrays { long a; }
class Garbage { public Garbage Other; }

class Key { long a; }
class Cell<T> { public static readonly List<HeldByGenericStatic> Items = new(); }
static class Publisher {
    public static event EventHandler Happened;
}
struct Entry { public long At; public HeldByEntry Value; }

// Loaded a second time, into a context of its own.
public class Plugin {
    public static readonly List<HeldByPlugin> Items = new();
    public readonly HeldByPlugin[] Own = new HeldByPlugin[100];
    public Plugin() {
        for (int i = 0; i < 100; i++) {
            Own[i] = new HeldByPlugin();
            Items.Add(new HeldByPlugin());
        }
    }
}
public class HeldByPlugin { long a; }

static class Program {
    const int Count = 200;
    public static readonly TaskCompletionSource Never = new();
    static readonly List<HeldByStatic> items = new();
    [ThreadStatic] static HeldByThreadStatic[] perThread;
    static readonly CancellationTokenSource shutdown = new();
    static readonly Key[] keys = Make<Key>(), others = Make<Key>();
    static readonly ConditionalWeakTable<Key, HeldByWeakTable> table = new();
    static readonly DependentHandle[] handles = new DependentHandle[Count];
    static HeldByList head;
    static readonly Dictionary<int, Entry> entries = new();
    static readonly HeldByArrays[][][] arrays = new HeldByArrays[5][][];
    static object plugin;
    static readonly CountdownEvent threads = new(2);

    static T[] Make<T>() where T : new() {
        var made = new T[Count];
        for (int i = 0; i < Count; i++)
            made[i] = new T();
        return made;
    }

    static async Task Await(HeldByTask held) {
        await Never.Task;
        GC.KeepAlive(held);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void RunsWithLocal() {
        HeldByLocal[] local = Make<HeldByLocal>();
        threads.Signal();
        Thread.Sleep(Timeout.Infinite);
        GC.KeepAlive(local);
    }

    static void HasThreadStatic() {
        perThread = Make<HeldByThreadStatic>();
        threads.Signal();
        Thread.Sleep(Timeout.Infinite);
    }

    static void Start(ThreadStart body, string name) =>
        new Thread(body) { IsBackground = true, Name = name }.Start();

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Fill() {
        for (int i = 0; i < Count; i++) {
            items.Add(new HeldByStatic());
            Cell<string>.Items.Add(new HeldByGenericStatic());
            Publisher.Happened += new HeldByEvent().On;
            var timed = new HeldByTimer();
            timed.Timer = new Timer(timed.Tick, null, 3_600_000, 3_600_000);
            shutdown.Token.Register(new HeldByToken().Cancelled);
            _ = Await(new HeldByTask());
            table.Add(keys[i], new HeldByWeakTable());
            handles[i] = new DependentHandle(others[i], new HeldByDependentHandle());
            head = new HeldByList { Next = head };
            entries[i] = new Entry { Value = new HeldByEntry() };
        }
        GCHandle.Alloc(new HeldByPin[Count], GCHandleType.Pinned);
        for (int i = 0; i < arrays.Length; i++) {
            arrays[i] = new HeldByArrays[4][];
            for (int k = 0; k < 4; k++)
                arrays[i][k] = Make<HeldByArrays>()[..10];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static object Load(string type) {
        var context = new AssemblyLoadContext(type, isCollectible: true);
        string file = Path.Combine(AppContext.BaseDirectory, "holders.dll");
        return Activator.CreateInstance(context.LoadFromAssemblyPath(file).GetType(type));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Litter() {
        for (int i = 0; i < 5000; i++) {
            var garbage = new Garbage();
            garbage.Other = new Garbage { Other = garbage };
        }
    }

    static void Collect(int rounds) {
        for (int i = 0; i < rounds; i++) {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    static void Main(string[] args) {
        string ready = Path.Combine(args[0], "ready"), go = Path.Combine(args[0], "go");
        Fill();
        plugin = Load("Holders.Plugin");
        Start(RunsWithLocal, "has a local");
        Start(HasThreadStatic, "has a thread static");
        threads.Wait();
        Collect(2);
        using var collected = new FileStream(Path.Combine(args[0], "collected"), FileMode.Create, FileAccess.Write, FileShare.Read, 0);
        byte[] yes = "yes"u8.ToArray();
        collected.Write(yes); // whatever this loads is then there in both dumps
        Litter();
        File.WriteAllText(ready, Environment.ProcessId.ToString());
        while (!File.Exists(go))
            Thread.Sleep(50);
        // From here on nothing is allocated: what is there after the collection has survived it.
        Collect(3);
        collected.Write(yes);
        Thread.Sleep(Timeout.Infinite);
    }
}
