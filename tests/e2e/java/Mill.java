import java.util.*;
import java.util.function.*;

/** Objects whose sizes depend on how fields of superclasses are packed, and arrays of all types. */
public class Mill {
    static class A { byte b; }
    static class B extends A { int i; }
    static class C extends B { long l; byte x; short s; Object o; }
    static class D extends C { boolean z; char c; double d; Object p, q; float f; }
    static class E { long l; }
    static class F extends E { byte b; }
    static class G extends F { byte c; Object o; }
    static class Empty { }
    static class Grain { byte size; short kind; double weight; Grain next; }
    static class Basket {
        final int id; final String name; final Grain[] grains;
        Basket(int id, String name, Grain[] grains) { this.id = id; this.name = name; this.grains = grains; }
    }

    static final List<Object> all = new ArrayList<>();
    static long milled;
    static Object last;

    public static void main(String[] arguments) throws Exception {
        int baskets = Integer.parseInt(arguments[0]);
        Random random = new Random(5);
        for (int i = 0; i < baskets; i++) {
            Grain[] grains = new Grain[random.nextInt(9)];
            for (int k = 0; k < grains.length; k++)
                grains[k] = new Grain();
            all.add(new Basket(i, "basket " + i, grains));
            if (i % 7 == 0)
                Collections.addAll(all, new A(), new B(), new C(), new D(), new E(), new F(), new G(), new Empty());
            if (i % 11 == 0)
                Collections.addAll(all, new byte[random.nextInt(100)], new long[random.nextInt(10)], new boolean[i % 13],
                    new char[i % 17], new double[i % 3], new short[i % 9], new float[i % 5], new int[i % 8][i % 3],
                    new String[i % 6]);
        }
        final int count = baskets;
        Supplier<Integer> lambda = () -> count;
        all.add(lambda);
        System.out.println("ready");
        System.out.flush();
        Thread.sleep(600_000);
    }
}
