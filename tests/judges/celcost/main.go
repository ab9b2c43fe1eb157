// celcost prints the costs that kube-apiserver estimates for the CEL rules of a CRD when it is created.
//
// Its arguments are YAML files, each with one CustomResourceDefinition. For every rule it prints a
// line of columns separated by tabs: the plural name, the path of the field, the index of the rule at
// that field, the estimated cost, and this cost in percent of what one expression may cost. A
// messageExpression has a line of its own, with ".messageExpression" after the index. After the rules
// of a schema follow "total", their sum, and this sum in percent of what all of them may cost.
//
// It ends with 1 if a file cannot be read or an expression does not compile.
package main

import (
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
)

func main() {
	compiled := true
	for _, path := range os.Args[1:] {
		if err := report(path); err != nil {
			fmt.Fprintf(os.Stderr, "celcost: %s: %v\n", path, err)
			compiled = false
		}
	}
	if !compiled {
		os.Exit(1)
	}
}

// report prints the costs of the CRD in one file.
func report(path string) error {
	crd, err := read(path)
	if err != nil {
		return err
	}
	for _, schema := range schemas(&crd.Spec) {
		expressions, total, err := estimate(schema)
		if err != nil {
			return err
		}
		for _, e := range expressions {
			share := percent(e.cost, validation.StaticEstimatedCostLimit)
			fmt.Printf("%s\t%s\t%s\t%d\t%s\n", crd.Spec.Names.Plural, e.field, e.index, e.cost, share)
		}
		fmt.Printf("total\t%d\t%s\n", total, percent(total, validation.StaticEstimatedCRDCostLimit))
	}
	return nil
}

// percent returns what part of limit cost is, with one decimal.
func percent(cost, limit uint64) string {
	return fmt.Sprintf("%.1f", 100*float64(cost)/float64(limit))
}
