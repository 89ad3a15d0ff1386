// Durable entries a second of a Tessera log on POSIX files: so many writers at once, each with so many entries on their way, an
// entry being done when Tessera says that it is durably sequenced.
//
// usage: tessera FOLDER WRITERS ROWS IN_FLIGHT
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// As many bytes as a row of weft's audit has.
const entry = `{"time":"2026-11-28T10:00:00.000000Z","actor":"noor","door":"http","action":"query","object":"%s","outcome":"allowed","detail":` +
	`{"purpose":"reporting","digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","policyVersion":3,"error":"",` +
	`"tables":[{"table":"sales.orders.orders","release":12,"class":"","linked":["60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"],` +
	`"read":["id","amount"]}]}}`

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func cpu() float64 {
	var use syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return float64(use.Utime.Sec+use.Stime.Sec) + float64(use.Utime.Usec+use.Stime.Usec)/1e6
}

func write(ctx context.Context, appender *tessera.Appender, writer, rows, inFlight int) {
	var waiting []tessera.IndexFuture
	for i := 0; i < rows; i++ {
		if len(waiting) == inFlight {
			_, err := waiting[0]()
			must(err)
			waiting = waiting[1:]
		}
		id := fmt.Sprintf("%08d-0000-7000-8000-%012d", writer, i)
		waiting = append(waiting, appender.Add(ctx, tessera.NewEntry([]byte(fmt.Sprintf(entry, id)))))
	}
	for _, one := range waiting {
		_, err := one()
		must(err)
	}
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: tessera FOLDER WRITERS ROWS IN_FLIGHT")
		os.Exit(2)
	}
	writers, rows, inFlight := number(os.Args[2]), number(os.Args[3]), number(os.Args[4])
	ctx := context.Background()
	key, _, err := note.GenerateKey(rand.Reader, "bench")
	must(err)
	signer, err := note.NewSigner(key)
	must(err)
	driver, err := posix.New(ctx, posix.Config{Path: os.Args[1]})
	must(err)
	// A batch goes as soon as all writers are in it, so that none waits for the clock.
	batch := writers * inFlight
	if batch > tessera.DefaultBatchMaxSize {
		batch = tessera.DefaultBatchMaxSize
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(batch), 5*time.Millisecond)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	must(err)

	var group sync.WaitGroup
	before, start := cpu(), time.Now()
	for i := 0; i < writers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			write(ctx, appender, i, rows/writers, inFlight)
		}()
	}
	group.Wait()
	wall := time.Since(start).Seconds()
	used := cpu() - before
	must(shutdown(ctx))
	fmt.Printf("{\"rows\":%d,\"wall_s\":%.6f,\"cpu_s\":%.6f}\n", rows/writers*writers, wall, used)
}
