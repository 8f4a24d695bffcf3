// Overlay-builder is `kustomize build`, ready before it is told what to build.
//
// It reads the schema of Kubernetes, waits for one overlay on its standard input, and answers as
// `kustomize build` does: the objects on its standard output, or an error and exit code 1. It builds one overlay
// and ends, so nothing of one build is left for another.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/kustomize/kustomize/v5/commands/build"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
)

//go:generate go run ../schema schema.pb

// schema is that of kustomize itself, but for what kustomize never looks at.
//
//go:embed schema.pb
var schema []byte

func main() {
	kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI] = func(string) []byte { return schema }
	openapi.Schema()
	told, err := io.ReadAll(os.Stdin)
	if err != nil || len(told) == 0 {
		return // nothing will be built
	}
	// That it was heard is known before the build begins, which may take long.
	fmt.Println()
	if err := answer(string(told)); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// answer builds what was told: a folder to work in and a folder to build, with a NUL between them.
func answer(told string) error {
	home, folder, found := strings.Cut(told, "\x00")
	if !found {
		return fmt.Errorf("told %q, which is no folder to work in and another to build", told)
	}
	for _, name := range []string{"HOME", "TMPDIR"} {
		if err := os.Setenv(name, home); err != nil {
			return err
		}
	}
	if err := os.Chdir(home); err != nil {
		return err
	}
	output, err := kustomize(folder)
	if openapi.GetSchemaVersion() != kubernetesapi.DefaultOpenAPI {
		// A kustomization names a schema of its own, which takes the place of the one that was read before, and
		// does not join it: build again, with nothing read.
		openapi.ResetOpenAPI()
		output, err = kustomize(folder)
	}
	if err != nil {
		return err
	}
	_, err = output.WriteTo(os.Stdout)
	return err
}

// kustomize is the command of the same name.
func kustomize(folder string) (*bytes.Buffer, error) {
	output := &bytes.Buffer{}
	command := build.NewCmdBuild(filesys.MakeFsOnDisk(), &build.Help{}, output)
	command.SetArgs([]string{folder})
	command.SilenceErrors = true
	return output, command.Execute()
}
