// Overlay-builder is `kustomize build` of one overlay after another, with the schema of Kubernetes read once.
//
// A request on standard input is a folder to work in and a folder to build, each followed by a NUL. An empty line
// says that it was heard. The answer is a line with a word and a length, and so many bytes of objects. The word is
// `ready` if another request may follow, and `last` if not. What does not build ends the program as it ends
// `kustomize build`: with an error on standard error, and exit code 1.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

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

// lifetime is how much of a processor it uses in all: some forty overlays, or one that is large.
const lifetime = time.Second

func main() {
	kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI] = func(string) []byte { return schema }
	openapi.Schema()
	requests := bufio.NewReader(os.Stdin)
	for {
		home, folder, err := next(requests)
		if err == io.EOF {
			return
		}
		check(err)
		fmt.Println()
		output, clean, err := answer(home, folder)
		check(err)
		word := "last"
		if clean && used() < lifetime {
			word = "ready"
		}
		_, err = fmt.Printf("%s %d\n%s", word, output.Len(), output)
		check(err)
		if word == "last" {
			return
		}
	}
}

func next(requests *bufio.Reader) (home, folder string, err error) {
	if home, err = requests.ReadString(0); err != nil {
		return "", "", err
	}
	folder, err = requests.ReadString(0)
	return strings.TrimSuffix(home, "\x00"), strings.TrimSuffix(folder, "\x00"), err
}

// answer builds a folder. It is clean if nothing of the build is left for the next one.
func answer(home, folder string) (output *bytes.Buffer, clean bool, err error) {
	for _, name := range []string{"HOME", "TMPDIR"} {
		if err := os.Setenv(name, home); err != nil {
			return nil, false, err
		}
	}
	if err := os.Chdir(home); err != nil {
		return nil, false, err
	}
	output, err = kustomize(folder)
	if clean = openapi.GetSchemaVersion() == kubernetesapi.DefaultOpenAPI; !clean {
		// A kustomization names a schema of its own, which takes the place of the one that was read before, and
		// does not join it: build again, with nothing read.
		openapi.ResetOpenAPI()
		output, err = kustomize(folder)
	}
	return output, clean, err
}

// kustomize is the command of the same name. Of one run the next sees only the schema.
func kustomize(folder string) (*bytes.Buffer, error) {
	output := &bytes.Buffer{}
	command := build.NewCmdBuild(filesys.MakeFsOnDisk(), &build.Help{}, output)
	command.SetArgs([]string{folder})
	command.SilenceErrors = true
	return output, command.Execute()
}

func used() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
