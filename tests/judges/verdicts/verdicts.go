// Package verdicts answers a stream of JSON documents with one line for each.
package verdicts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Print answers every document of a stream until it ends, each as soon as it is complete, with the line that judge returns.
func Print[T any](documents *json.Decoder, output io.Writer, judge func(*T) (string, error)) error {
	for {
		var document T
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		line, err := judge(&document)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(output, line); err != nil {
			return err
		}
	}
}

// Line returns a status, a tab and a message, which is kept on one line.
func Line(status, message string) string {
	return status + "\t" + strings.Join(strings.Fields(message), " ")
}
