// Schema writes the schema of Kubernetes that kustomize embeds, without its descriptions and paths, to a file.
//
// Nine tenths of it are text that kustomize parses and never looks at. Of the paths, kustomize only takes which
// kinds are namespaced, and it knows that beforehand; whether it does is checked here.
package main

import (
	"log"
	"os"
	"strings"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const asset = "kubernetesapi/v1_21_2/swagger.pb"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: schema FILE")
	}
	whole := &openapi_v2.Document{}
	check(proto.Unmarshal(kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI](asset), whole))
	checkNamespaced(whole)
	for _, each := range whole.Definitions.AdditionalProperties {
		shorten(each.Value)
	}
	reduced := &openapi_v2.Document{Swagger: whole.Swagger, Info: whole.Info, Definitions: whole.Definitions}
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(reduced)
	check(err)
	// Renamed, so that a build that runs at the same time never embeds half of it.
	temporary, err := os.CreateTemp(".", ".schema-")
	check(err)
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	check(err)
	check(temporary.Close())
	check(os.Rename(temporary.Name(), os.Args[1]))
}

// shorten takes the description from a schema and from all within it.
func shorten(schema *openapi_v2.Schema) {
	if schema.Description != "" {
		schema.Description = ""
		if proto.Size(schema) == 0 {
			schema.Description = "-" // kustomize takes an empty schema for none
		}
	}
	for _, each := range schema.GetProperties().GetAdditionalProperties() {
		shorten(each.Value)
	}
	for _, each := range schema.GetItems().GetSchema() {
		shorten(each)
	}
	for _, each := range schema.GetAllOf() {
		shorten(each)
	}
	if values := schema.GetAdditionalProperties().GetSchema(); values != nil {
		shorten(values)
	}
}

// checkNamespaced ends the program if the paths say of a kind what kustomize does not know without them.
func checkNamespaced(document *openapi_v2.Document) {
	var swagger spec.Swagger
	_, err := swagger.FromGnostic(document)
	check(err)
	known := map[yaml.TypeMeta]bool{}
	for path, item := range swagger.Paths.Paths {
		if item.Get == nil {
			continue
		}
		kind, ok := item.Get.Extensions["x-kubernetes-group-version-kind"].(map[string]any)
		if !ok {
			continue
		}
		version := kind["version"].(string)
		if group := kind["group"].(string); group != "" {
			version = group + "/" + version
		}
		of := yaml.TypeMeta{APIVersion: version, Kind: kind["kind"].(string)}
		known[of] = known[of] || strings.Contains(path, "namespaces/{namespace}")
	}
	for of, want := range known {
		// No schema has been read, so this is what kustomize knows beforehand.
		if got, found := openapi.IsNamespaceScoped(of); !found || got != want {
			log.Fatalf("kustomize does not know beforehand whether %v is namespaced: keep the paths", of)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
