// A heap of so many megabytes, and a thread that looks at the clock each millisecond: FOLDER/gap holds the longest time
// [ns] that passed between two looks, which is how long something held the process. Who writes 0 there begins anew.
// usage: ticker FOLDER MEGABYTES   FOLDER/ready is there when the heap is
using System.Diagnostics;
using System.IO.MemoryMappedFiles;

static class Ticker
{
    const int RecordBytes = 540;
    static Record first;

    sealed class Record { public string Key; public byte[] Payload; public Record Next; }

    static unsafe void Tick(MemoryMappedViewAccessor view)
    {
        byte* at = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref at);
        long* gap = (long*)at;
        long last = Stopwatch.GetTimestamp();
        for (;;)
        {
            Thread.Sleep(1);
            long now = Stopwatch.GetTimestamp(), passed = (now - last) * (1_000_000_000 / Stopwatch.Frequency);
            if (passed > Volatile.Read(ref *gap))
                Volatile.Write(ref *gap, passed);
            last = now;
        }
    }

    static void Main(string[] args)
    {
        string folder = args[0];
        for (long bytes = long.Parse(args[1]) * 1024 * 1024; bytes > 0; bytes -= RecordBytes)
            first = new Record { Key = $"record {bytes:x10}", Payload = new byte[420], Next = first };
        GC.Collect();
        using var file = MemoryMappedFile.CreateFromFile(Path.Combine(folder, "gap"), FileMode.Create, null, 8);
        using var view = file.CreateViewAccessor();
        new Thread(() => Tick(view)) { IsBackground = true, Name = "ticker" }.Start();
        File.WriteAllText(Path.Combine(folder, "ready"), "");
        Thread.Sleep(Timeout.Infinite);
    }
}
