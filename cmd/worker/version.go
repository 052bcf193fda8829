package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"onside/internal/classify"
	"onside/internal/policy"
)

// buildVersion is the version of the module, or the commit that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of worker, classifier and default policy",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(c.out, "worker %s %s %s/%s\nmodel  %s\npolicy %s\n", buildVersion(), runtime.Version(),
				runtime.GOOS, runtime.GOARCH, classify.Default().Version(), policy.Default().Version())
			return err
		},
	}
}
