// argocd prints the health that Argo CD computes for each Kubernetes object by scripts of its ConfigMap.
//
// It reads JSON from standard input: the ConfigMap, or a patch of it, then objects. It answers each object with one
// line: the health, a tab and the message. The scripts run as Argo CD runs them: in its Lua interpreter, with the
// base, package and table libraries only, for a second at most. It ends with 1 at an object without a script, and where
// a script fails or returns something else than a health.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"judges/verdicts"
)

// customization begins the keys of the ConfigMap whose values are health scripts.
const customization = "resource.customizations.health."

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

// answer judges every object of input until it ends.
func answer(input io.Reader, output io.Writer) error {
	documents := json.NewDecoder(input)
	var config struct {
		Data map[string]string `json:"data"`
	}
	if err := documents.Decode(&config); err != nil {
		return err
	}
	return verdicts.Print(documents, output, func(object *unstructured.Unstructured) (string, error) {
		return judge(config.Data, object)
	})
}

// judge returns the health of one object and its message. Unstructured reads whole numbers as int64, as Argo CD does.
func judge(config map[string]string, object *unstructured.Unstructured) (string, error) {
	kind := object.GroupVersionKind()
	key := customization + kind.Group + "_" + kind.Kind
	script, exists := config[key]
	if !exists {
		return "", fmt.Errorf("there is no %s", key)
	}
	found, err := run(script, object.Object)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return verdicts.Line(found.status, found.message), nil
}
