import java.util.concurrent.*;
import java.util.concurrent.locks.*;

/** A deadlock of two, a lock that three wait for, pools without work, and a thread that computes. */
public class Knot {
    static final Object A = new Object(), B = new Object();
    static final ReentrantLock LOCK = new ReentrantLock();

    static void nap(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static void take(Object first, Object second) {
        synchronized (first) {
            nap(300);
            synchronized (second) {
                nap(1);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        new Thread(() -> take(A, B), "north").start();
        new Thread(() -> take(B, A), "south").start();
        new Thread(() -> { LOCK.lock(); nap(1000000); }, "owner").start();
        nap(100);
        for (int i = 0; i < 3; i++)
            new Thread(LOCK::lock, "waiter-" + i).start();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        for (int i = 0; i < 8; i++)
            pool.submit(() -> nap(1));
        new Thread(() -> { for (long i = 0; ; i++) if (i < 0) nap(1); }, "spinner").start();
        nap(1000);
        System.out.println("ready");
        new CountDownLatch(1).await();
    }
}
