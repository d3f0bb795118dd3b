// A small service with planted faults, from which the demo's dumps are made (see make-dumps.sh):
// a price cache that never forgets, baskets that stay subscribed to a static event, a finalizer that
// waits for ever, a thread that burns CPU, one that sleeps while it holds a lock and one that waits for it.
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace Store.Pricing
{
    public sealed class Price
    {
        public string Article;
        public decimal Amount;
        public byte[] Label;
    }

    public sealed class PriceCache
    {
        public readonly Dictionary<string, Price> ByArticle = new Dictionary<string, Price>();

        public void Load(int from, int count)
        {
            for (int i = from; i < from + count; i++)
            {
                string article = "article-" + i.ToString("D8");
                ByArticle[article] = new Price { Article = article, Amount = i, Label = new byte[40 + i % 60] };
            }
        }
    }
}

namespace Store.Checkout
{
    public static class Rates
    {
        public static event EventHandler Changed;
        public static int Listeners => Changed == null ? 0 : Changed.GetInvocationList().Length;
    }

    public sealed class Basket
    {
        readonly object[] lines = new object[6];
        public Basket(object first) { lines[0] = first; Rates.Changed += OnRatesChanged; }
        void OnRatesChanged(object sender, EventArgs e) { lines[5] = sender; }
    }

    public sealed class PrinterLink
    {
        public static readonly ManualResetEventSlim Released = new ManualResetEventSlim(false);
        readonly byte[] buffer = new byte[32];
        ~PrinterLink() { Released.Wait(); GC.KeepAlive(buffer); }
    }
}

static class Program
{
    static readonly Store.Pricing.PriceCache Prices = new Store.Pricing.PriceCache();
    static readonly object Ledger = new object();

    static void Start(string name, ThreadStart body)
    {
        new Thread(body, 256 * 1024) { IsBackground = true, Name = name }.Start();
    }

    static void Spin() { double x = 1; for (;;) { for (int i = 0; i < 1000000; i++) x = Math.Sqrt(x + 2); Thread.Yield(); } }
    static void HoldLedger() { lock (Ledger) Thread.Sleep(Timeout.Infinite); }
    static void WaitForLedger() { Thread.Sleep(300); lock (Ledger) { } }

    static void DropLinks(int count) { for (int i = 0; i < count; i++) new Store.Checkout.PrinterLink(); }

    static void Main(string[] args)
    {
        int batch = int.Parse(args[0]);
        string folder = args[1];
        Start("report-spinner", Spin);
        Start("ledger-holder", HoldLedger);
        Start("ledger-waiter", WaitForLedger);
        for (int round = 0; ; round++)
        {
            Prices.Load(round * batch, batch);
            for (int i = 0; i < batch / 20; i++) new Store.Checkout.Basket("basket " + round + "/" + i);
            DropLinks(batch / 10);
            GC.Collect();
            Thread.Sleep(500);
            File.WriteAllText(Path.Combine(folder, "ready." + round), Environment.ProcessId.ToString());
            while (!File.Exists(Path.Combine(folder, "go." + round))) Thread.Sleep(50);
        }
    }
}
