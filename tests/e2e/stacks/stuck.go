// Goroutines that wait for one another's mutex, and one that nobody will ever send to.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

var gate sync.Mutex

func holds()                     { gate.Lock(); time.Sleep(time.Hour) }
func wants()                     { gate.Lock(); defer gate.Unlock() }
func stuck(c chan string) string { return <-c }
func worker(c chan int) {
	for v := range c {
		fmt.Println(v)
	}
}

func main() {
	jobs := make(chan int)
	for i := 0; i < 2; i++ {
		go worker(jobs)
	}
	go holds()
	time.Sleep(100 * time.Millisecond)
	for i := 0; i < 3; i++ {
		go wants()
	}
	go stuck(make(chan string))
	time.Sleep(300 * time.Millisecond)
	fmt.Fprintln(os.Stderr, "ready")
	select {}
}
