package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes; those above 1 are those of sysexits.h.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 64
	exitData   = 65
	exitConfig = 78
)

// failure is an error that ends the process with a code of its own.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, err error) error { return &failure{code, err} }

// cli is the process as the commands see it: its streams and its environment.
type cli struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
}

// run is the program: it parses args, runs one command and returns the exit code. It returns when ctx
// ends and the command has cleaned up.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer, env func(string) (string, bool)) int {
	c := &cli{in: in, out: out, err: errs, env: env}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var f *failure
	if errors.As(err, &f) {
		fmt.Fprintf(errs, "worker: %v\n", f.err)
		return f.code
	}
	fmt.Fprintf(errs, "worker: %v\nTry '%s --help'.\n", err, cmd.CommandPath())
	return exitUsage
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "worker",
		Short: "Find the chat messages that take a deal off the platform",
		Long: "worker watches a marketplace's chat for contacts, channels and payments that leave the platform.\n" +
			"It reads events from Kafka and writes flags for reviewers. Start with: worker demo",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(c.runCommand(), c.demoCommand(), c.classifyCommand(), c.explainCommand(), c.evalCommand(), c.benchCommand(), c.trainCommand(), c.checkCommand(), c.versionCommand())
	for _, cmd := range root.Commands() {
		cmd.RunE = failing(cmd.RunE)
	}
	return root
}

// failing gives the errors of a command that ran the exit code 1 unless they have one; what cobra itself
// complains about is wrong usage.
func failing(f func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[*failure](err); ok {
			return err
		}
		return fail(exitError, err)
	}
}
