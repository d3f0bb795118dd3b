// Async calls that wait, for tests of how many there are, where, and what they keep: 300 orders, each of which waits for
// its payment, which waits at its second await for an answer that never comes; and 50 that wait for a timer.
// With the property RuntimeAsync (and .NET 11) the runtime suspends the calls; else the compiler makes state machines.
namespace Desk;

sealed class Basket
{
    internal readonly byte[] Goods = new byte[100];
}

static class Program
{
    static readonly TaskCompletionSource<int> Never = new();
    static readonly List<Task> Orders = new();

    static async Task<int> AskAsync(int number)
    {
        int answer = await Never.Task;
        return answer + number;
    }

    static async Task<string> PayAsync(Basket basket, int number)
    {
        await Task.Yield();
        int paid = await AskAsync(number);
        GC.KeepAlive(basket);
        return "paid " + paid;
    }

    static async Task OrderAsync(int number)
    {
        Basket basket = new();
        string text = await PayAsync(basket, number);
        Console.WriteLine(text + basket.Goods.Length);
    }

    static async ValueTask PollAsync(int number)
    {
        await Task.Delay(Timeout.Infinite);
        Console.WriteLine(number);
    }

    static void Main(string[] arguments)
    {
        for (int i = 0; i < 300; i++)
            Orders.Add(OrderAsync(i));
        for (int i = 0; i < 50; i++)
            Orders.Add(PollAsync(i).AsTask());
        Thread.Sleep(500);
        File.WriteAllText(Path.Combine(arguments[0], "ready"), Environment.ProcessId.ToString());
        Thread.Sleep(Timeout.Infinite);
    }
}
