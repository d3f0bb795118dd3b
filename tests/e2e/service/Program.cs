// A service for the test of the gate: takes orders, keeps a bounded cache of prices, and makes garbage.
// usage: service FOLDER leaky|fixed|collecting      (without them: the variables SERVICE_FOLDER and SERVICE_MODE)
//   A file "requests" in the folder says how many requests are to be served; "done" says that they were.
//   leaky       keeps every order it has ever served
//   collecting  collects nearly without a pause while it is idle, so that it is stopped in the middle of a collection
namespace Demo
{
    public sealed class Order
    {
        public string Id = "";
        public int[] Lines = new int[4];
    }

    public sealed class Price
    {
        public decimal Value;
    }

    public static class Shop
    {
        public static readonly List<Order> Served = new();
        public static readonly Dictionary<int, Price> Prices = new();
        public static object? Ballast;

        public static void Serve(int request, bool leaky)
        {
            var order = new Order { Id = "order-" + request };
            int key = request % 500; // full after the first round
            if (!Prices.TryGetValue(key, out Price? price))
                Prices[key] = price = new Price { Value = key };
            order.Lines[0] = (int)price.Value;
            if (leaky)
                Served.Add(order);
            for (int i = 0; i < 20; i++)
                GC.KeepAlive(new byte[256 + request % 64]);
        }
    }

    public static class Program
    {
        static object Chain(int length)
        {
            object[] head = new object[1];
            for (int i = 0; i < length; i++)
                head = new object[] { head };
            return head;
        }

        static volatile bool busy;

        static void Collect()
        {
            while (true)
            {
                if (!busy)
                    GC.Collect();
                Thread.Sleep(1); // or nobody else ever runs
            }
        }

        public static void Main(string[] arguments)
        {
            if (arguments.Length == 0)
                arguments = new[] { Environment.GetEnvironmentVariable("SERVICE_FOLDER")!, Environment.GetEnvironmentVariable("SERVICE_MODE")! };
            string requests = Path.Combine(arguments[0], "requests"), done = Path.Combine(arguments[0], "done");
            bool leaky = arguments[1] == "leaky";
            if (arguments[1] == "collecting")
            {
                Shop.Ballast = Chain(2_000_000);
                new Thread(Collect) { IsBackground = true }.Start();
            }
            for (int served = 0; ;)
            {
                Thread.Sleep(10);
                if (!File.Exists(requests))
                    continue;
                busy = true;
                int count = int.Parse(File.ReadAllText(requests));
                File.Delete(requests);
                for (int i = 0; i < count; i++)
                    Shop.Serve(served++, leaky);
                File.WriteAllText(done, "");
                busy = false;
            }
        }
    }
}
