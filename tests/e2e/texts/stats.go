// Prints what the runtime says of its memory, and writes a profile of its goroutines.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

func main() {
	var m runtime.MemStats
	wait := make(chan int)
	for i := 0; i < 7; i++ {
		go func() { <-wait }()
	}
	runtime.Gosched()
	runtime.ReadMemStats(&m)
	fmt.Printf("%+v\n", m)
	fmt.Fprintln(os.Stderr, m.Mallocs, m.HeapInuse)
	f, _ := os.Create("goroutines.txt")
	pprof.Lookup("goroutine").WriteTo(f, 1)
}
