// kstatus prints the status that the kstatus library computes for each Kubernetes object.
//
// It reads JSON objects from standard input and answers each with one line as soon as it is
// complete: the status, a tab and the message. It ends with 1 at an object that it cannot judge.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"judges/verdicts"
)

func main() {
	if err := verdicts.Print(json.NewDecoder(os.Stdin), os.Stdout, judge); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

// judge returns the status of one object and its message. Unstructured reads whole numbers as int64, which kstatus demands.
func judge(resource *unstructured.Unstructured) (string, error) {
	result, err := status.Compute(resource)
	if err != nil {
		return "", err
	}
	return verdicts.Line(result.Status.String(), result.Message), nil
}
