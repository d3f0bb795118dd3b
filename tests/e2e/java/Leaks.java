import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.SoftReference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * One kind of leak a run: `java Leaks KIND`; each line on standard input fills what holds it, and is answered. A line
 * that is no "go" is a file, into which the program then dumps its own heap.
 */
public final class Leaks {
    static final class Session {
        final String user;
        final int[] cart = new int[8];

        Session(int i) { user = "user " + i; }
    }

    interface PriceListener { void onPrice(int price); }

    static final class Market {
        private final List<PriceListener> listeners = new ArrayList<>();

        void add(PriceListener listener) { listeners.add(listener); }
    }

    static final class Watcher implements PriceListener {
        final long[] history = new long[4];
        int last;

        @Override public void onPrice(int price) { last = price; }
    }

    static final class Trace { final byte[] bytes = new byte[64]; }

    static final class Order implements Runnable {
        final int number;
        final char[] lines = new char[16];

        Order(int i) { number = i; }

        @Override public void run() { }
    }

    static final class Parcel {
        final byte[] label = new byte[64];

        void deliver() { label[0]++; }
    }

    /** Large beside what refers to it. */
    static final class Picture { final byte[] pixels = new byte[1024]; }

    /** Its finalizer waits until the program ends, so that all others wait for it. */
    static final class Handle {
        static final CountDownLatch never = new CountDownLatch(1);
        final long[] memory = new long[4];

        @SuppressWarnings({"deprecation", "removal"})
        @Override protected void finalize() throws Throwable { never.await(); }
    }

    /** Loads its own copy of Plugin. */
    static final class PluginLoader extends ClassLoader {
        PluginLoader() { super(Leaks.class.getClassLoader()); }

        @Override protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.equals("Leaks$Plugin")) return super.loadClass(name, resolve);
            Class<?> known = findLoadedClass(name);
            if (known != null) return known;
            try (InputStream in = Leaks.class.getResourceAsStream("Leaks$Plugin.class")) {
                byte[] code = in.readAllBytes();
                return defineClass(name, code, 0, code.length);
            } catch (java.io.IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    /** What a deployment leaves behind: its class has a cache of its own. */
    public static final class Plugin implements Runnable {
        static final List<byte[]> cache = new ArrayList<>();

        public Plugin() { if (cache.isEmpty()) for (int i = 0; i < 16; i++) cache.add(new byte[48]); }

        @Override public void run() { }
    }

    static final Map<String, Session> sessions = new HashMap<>();
    static final Market market = new Market();
    static final ThreadLocal<List<Trace>> traces = ThreadLocal.withInitial(ArrayList::new);
    static final List<Runnable> shutdownHooks = new ArrayList<>();
    static final List<Reference<Picture>> albums = new ArrayList<>();
    static final ReferenceQueue<Picture> forgotten = new ReferenceQueue<>();
    static final List<Picture> pictures = new ArrayList<>();
    static ExecutorService worker;
    static ScheduledExecutorService clock;

    static void fill(String kind, int i) throws Exception {
        switch (kind) {
            case "map" -> sessions.put("session " + i, new Session(i));
            case "listener" -> market.add(new Watcher());
            case "threadlocal" -> worker.submit(() -> traces.get().add(new Trace())).get();
            case "queue" -> worker.execute(new Order(i));
            case "finalizer" -> new Handle();
            case "timer" -> {
                Parcel parcel = new Parcel();
                clock.scheduleAtFixedRate(() -> parcel.deliver(), 1, 1, TimeUnit.HOURS);
            }
            /* albums comes before pictures, and holds none of them. */
            case "weak" -> {
                Picture picture = new Picture();
                albums.add(new WeakReference<>(picture));
                albums.add(new PhantomReference<>(picture, forgotten));
                pictures.add(picture);
            }
            case "soft" -> albums.add(new SoftReference<>(new Picture()));
            case "loader" -> {
                Class<?> plugin = new PluginLoader().loadClass("Leaks$Plugin", true);
                shutdownHooks.add((Runnable) plugin.getDeclaredConstructor().newInstance());
            }
            default -> throw new IllegalArgumentException(kind);
        }
    }

    static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    static void waitForever() {
        try {
            Handle.never.await();
        } catch (InterruptedException e) {
        }
    }

    /** Waits for the next "go", and dumps the heap as often as it is told to before. */
    static boolean next(BufferedReader in) throws Exception {
        String line;
        while ((line = in.readLine()) != null && !line.equals("go")) {
            ManagementFactory.getPlatformMXBean(com.sun.management.HotSpotDiagnosticMXBean.class).dumpHeap(line, true);
            System.out.println("dumped");
        }
        return line != null;
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        int[] until = args[0].equals("loader") ? new int[] {20, 520, 1020} : new int[] {100, 4100, 8100};
        worker = Executors.newSingleThreadExecutor(task -> daemon(task, "till"));
        clock = Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "clock"));
        if (args[0].equals("queue")) worker.execute(Leaks::waitForever);
        int made = 0;
        for (int round = 0; round < 3 && next(in); round++) {
            for (; made < until[round]; made++) fill(args[0], made);
            if (args[0].equals("finalizer")) { System.gc(); Thread.sleep(300); System.gc(); Thread.sleep(300); }
            System.out.println("filled " + (round + 1));
        }
        next(in);
    }
}
