// Command worker watches a marketplace's chat for deals that leave the platform: events from Kafka in, flags for
// reviewers out.
//
// It is the only place that reads the clock, the environment, flags and files, and that starts and stops things;
// everything it decides is decided by the packages under internal.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}
