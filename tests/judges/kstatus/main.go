// kstatus prints the status that the kstatus library computes for each Kubernetes object.
//
// It reads JSON objects from standard input and answers each with one line as soon as it is
// complete: the status, a tab and the message. It ends with 1 at an object that it cannot judge.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

// answer judges every object of input until it ends.
func answer(input io.Reader, output io.Writer) error {
	objects := json.NewDecoder(input)
	for {
		var object json.RawMessage
		if err := objects.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		line, err := judge(object)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(output, line); err != nil {
			return err
		}
	}
}

// judge returns the status of one object and its message, which is kept on one line.
func judge(object []byte) (string, error) {
	var resource unstructured.Unstructured
	// Unlike encoding/json, this reads whole numbers as int64, which kstatus demands.
	if err := resource.UnmarshalJSON(object); err != nil {
		return "", err
	}
	result, err := status.Compute(&resource)
	if err != nil {
		return "", err
	}
	message := strings.Join(strings.Fields(result.Message), " ")
	return fmt.Sprintf("%s\t%s", result.Status, message), nil
}
