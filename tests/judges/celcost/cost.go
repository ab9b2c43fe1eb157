package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// expression is a rule or a messageExpression with its estimated cost.
type expression struct {
	// field is the path of the schema node below the root, which is ".".
	field string
	// index is the position of the rule at its node, for a messageExpression with a suffix.
	index string
	cost  uint64
}

// walk collects the expressions of one schema in the way of
// validation.ValidateCustomResourceDefinitionOpenAPISchema, which does not return their costs.
type walk struct {
	base   *environment.EnvSet
	loader cel.EnvLoader
	found  []expression
	errors []error
}

// estimate returns the expressions of a schema with their costs, and the sum of these. Its error joins
// those of all expressions that do not compile.
func estimate(schema *apiextensions.JSONSchemaProps) ([]expression, uint64, error) {
	w := walk{
		base:   environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()),
		loader: cel.NewExpressionsEnvLoader(),
	}
	root := validation.RootCELContext(schema)
	w.visit(schema, "", root)
	return w.found, root.TotalCost.Total, errors.Join(w.errors...)
}

// visit estimates the rules of a node, then those of its children in the order of their names.
func (w *walk) visit(schema *apiextensions.JSONSchemaProps, path string, context *validation.CELSchemaContext) {
	if err := w.compile(schema, path, context); err != nil {
		w.errors = append(w.errors, fmt.Errorf("%s: %w", shown(path), err))
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		child := schema.Properties[name]
		w.visit(&child, joined(path, name), context.ChildPropertyContext(&child, name))
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		child := schema.AdditionalProperties.Schema
		w.visit(child, joined(path, "*"), context.ChildAdditionalPropertiesContext(child))
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		child := schema.Items.Schema
		w.visit(child, path+"[]", context.ChildItemsContext(child))
	}
}

// compile estimates the rules of one node.
func (w *walk) compile(schema *apiextensions.JSONSchemaProps, path string, context *validation.CELSchemaContext) error {
	if len(schema.XValidations) == 0 {
		return nil
	}
	info, err := context.TypeInfo()
	if err != nil {
		return err
	}
	if info == nil {
		return errors.New("there is no type information for the rules")
	}
	results, err := cel.Compile(info.Schema, info.DeclType, celconfig.PerCallLimit, w.base, w.loader)
	if err != nil {
		return err
	}
	for i, result := range results {
		w.observe(result, path, strconv.Itoa(i), context)
	}
	return nil
}

// observe records what one compiled rule and its messageExpression cost, and why they did not compile.
func (w *walk) observe(result cel.CompilationResult, path, index string, context *validation.CELSchemaContext) {
	if result.Error != nil {
		w.errors = append(w.errors, fmt.Errorf("%s, rule %s: %w", shown(path), index, result.Error))
		return
	}
	w.add(expression{shown(path), index, ruleCost(result, context)}, context)
	if result.MessageExpressionError != nil {
		w.errors = append(w.errors, fmt.Errorf("%s, rule %s: %w", shown(path), index, result.MessageExpressionError))
	}
	if result.MessageExpression != nil {
		w.add(expression{shown(path), index + ".messageExpression", result.MessageExpressionMaxCost}, context)
	}
}

// add counts an expression towards the total of its schema.
func (w *walk) add(e expression, context *validation.CELSchemaContext) {
	context.TotalCost.ObserveExpressionCost(nil, e.cost)
	w.found = append(w.found, e)
}

// ruleCost is the cost of one evaluation times the number of evaluations, as in getExpressionCost of
// the validation package. If a list or map around the rule has no limit, the number follows from the
// size that a request may have.
func ruleCost(result cel.CompilationResult, context *validation.CELSchemaContext) uint64 {
	times := result.MaxCardinality
	if context.MaxCardinality != nil {
		times = *context.MaxCardinality
	}
	overflow, cost := bits.Mul64(result.MaxCost, times)
	if overflow != 0 {
		return math.MaxUint64
	}
	return cost
}

// joined is the path of a named child.
func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shown is the path as it is printed.
func shown(path string) string {
	if path == "" {
		return "."
	}
	return path
}
