// Writes a minidump of another process with all of its memory: usage: minidump PID FILE. What Wine's own writer leaves
// out is done here: it stands still meanwhile, and times of threads and what VirtualQuery says of each region are given
// as streams of the caller's.
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

static class Program
{
    const uint AllAccess = 0x1fffff, SnapThreads = 4, QueryThread = 0x40;
    // Full memory, handle data, unloaded modules, full memory info, thread info.
    const uint Kind = 0x2 | 0x4 | 0x20 | 0x800 | 0x1000;
    const uint MemoryInfoList = 16, ThreadInfoList = 17;

    [StructLayout(LayoutKind.Sequential)]
    struct ThreadEntry { public uint Size, Usage, Id, Owner; public int Priority, Delta; public uint Flags; }

    [StructLayout(LayoutKind.Sequential)]
    struct Region { public nint Base, AllocationBase, AllocationProtect, Size; public uint State, Protect, Type; }

    [StructLayout(LayoutKind.Sequential)]
    struct Stream { public uint Type, Size; public nint Buffer; }

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    struct Streams { public uint Count; public nint Items; }

    [DllImport("kernel32")] static extern nint OpenProcess(uint access, int inherit, uint pid);
    [DllImport("kernel32")] static extern nint OpenThread(uint access, int inherit, uint id);
    [DllImport("kernel32")] static extern int CloseHandle(nint handle);
    [DllImport("kernel32")] static extern int GetThreadTimes(nint thread, out long created, out long exited, out long kernel, out long user);
    [DllImport("kernel32")] static extern nint CreateToolhelp32Snapshot(uint flags, uint pid);
    [DllImport("kernel32")] static extern int Thread32First(nint snapshot, ref ThreadEntry entry);
    [DllImport("kernel32")] static extern int Thread32Next(nint snapshot, ref ThreadEntry entry);
    [DllImport("kernel32")] static extern nint VirtualQueryEx(nint process, nint address, out Region region, nint size);
    [DllImport("ntdll")] static extern int NtSuspendProcess(nint process);
    [DllImport("ntdll")] static extern int NtResumeProcess(nint process);
    [DllImport("dbghelp")] static extern int MiniDumpWriteDump(nint process, uint pid, nint file, uint kind, nint exception, ref Streams streams, nint callback);

    static byte[] Threads(uint pid)
    {
        var all = new MemoryStream();
        var to = new BinaryWriter(all);
        uint count = 0;
        to.Write(12); to.Write(64); to.Write(0);
        nint snapshot = CreateToolhelp32Snapshot(SnapThreads, 0);
        var entry = new ThreadEntry { Size = (uint)Marshal.SizeOf<ThreadEntry>() };
        for (int more = Thread32First(snapshot, ref entry); more != 0; more = Thread32Next(snapshot, ref entry))
        {
            if (entry.Owner != pid) continue;
            long created = 0, exited = 0, kernel = 0, user = 0;
            nint thread = OpenThread(QueryThread, 0, entry.Id);
            if (thread != 0) { GetThreadTimes(thread, out created, out exited, out kernel, out user); CloseHandle(thread); }
            to.Write(entry.Id); to.Write(0); to.Write(0); to.Write(259);
            to.Write(created); to.Write(0L); to.Write(kernel); to.Write(user); to.Write(0L); to.Write(1L);
            count++;
        }
        byte[] bytes = all.ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(8), count);
        return bytes;
    }

    static byte[] Regions(nint process)
    {
        var all = new MemoryStream();
        var to = new BinaryWriter(all);
        long count = 0;
        to.Write(16); to.Write(48); to.Write(0L);
        for (nint at = 0; VirtualQueryEx(process, at, out Region r, Marshal.SizeOf<Region>()) != 0;)
        {
            to.Write((long)(nuint)r.Base); to.Write((long)(nuint)r.AllocationBase);
            to.Write((long)(uint)r.AllocationProtect);
            to.Write((long)(nuint)r.Size); to.Write(r.State); to.Write(r.Protect); to.Write(r.Type); to.Write(0);
            count++;
            nuint next = (nuint)r.Base + (nuint)r.Size;
            if (next <= (nuint)at) break;
            at = (nint)next;
        }
        byte[] bytes = all.ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(8), count);
        return bytes;
    }

    static Stream Pinned(uint type, byte[] bytes)
    {
        return new Stream { Type = type, Size = (uint)bytes.Length, Buffer = GCHandle.Alloc(bytes, GCHandleType.Pinned).AddrOfPinnedObject() };
    }

    static int Main(string[] args)
    {
        uint pid = uint.Parse(args[0]);
        nint process = OpenProcess(AllAccess, 0, pid);
        NtSuspendProcess(process);
        var items = new[] { Pinned(ThreadInfoList, Threads(pid)), Pinned(MemoryInfoList, Regions(process)) };
        var streams = new Streams { Count = 2, Items = GCHandle.Alloc(items, GCHandleType.Pinned).AddrOfPinnedObject() };
        using var file = new FileStream(args[1], FileMode.Create, FileAccess.ReadWrite);
        int ok = MiniDumpWriteDump(process, pid, file.SafeFileHandle.DangerousGetHandle(), Kind, 0, ref streams, 0);
        NtResumeProcess(process);
        Console.WriteLine(ok != 0 ? "written" : "not written: " + Marshal.GetLastWin32Error());
        return ok != 0 ? 0 : 1;
    }
}
