// admission prints what a ValidatingAdmissionPolicy says of requests, as kube-apiserver evaluates it.
//
// Its arguments are the oldest version of Kubernetes whose CEL the policy may use, such as 1.33. It reads JSON from
// standard input: the policy, then requests. It answers each request with one line: "outside" where the
// match conditions leave it out, "admitted", "denied", a tab and the messages, or "failed", a tab and why
// the policy could not be evaluated. It ends with 1 if the policy does not compile.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"judges/verdicts"
)

func main() {
	if err := answer(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "admission:", err)
		os.Exit(1)
	}
}

// answer judges every request of input until it ends.
func answer(arguments []string, input io.Reader, output io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("give one version of Kubernetes")
	}
	oldest, err := version.ParseGeneric(arguments[0])
	if err != nil {
		return err
	}
	documents := json.NewDecoder(input)
	var policy v1.ValidatingAdmissionPolicy
	if err := documents.Decode(&policy); err != nil {
		return err
	}
	judge, err := compile(&policy, oldest)
	if err != nil {
		return err
	}
	return verdicts.Print(documents, output, func(asked *request) (string, error) {
		return verdict(judge, asked), nil
	})
}
