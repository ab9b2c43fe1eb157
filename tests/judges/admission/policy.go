package main

import (
	"errors"
	"fmt"

	v1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
)

// compiler compiles the expressions of one policy in the way of compilePolicy of the package validating, which is not
// exported.
type compiler struct {
	composite *cel.CompositedCompiler
	variables cel.OptionalVariableDeclarations
	failures  []error
}

// compile returns the validator of a policy. Its expressions may use what this version of Kubernetes offers.
func compile(policy *v1.ValidatingAdmissionPolicy, oldest *version.Version) (validating.Validator, error) {
	composite, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(oldest))
	if err != nil {
		return nil, err
	}
	hasParams := policy.Spec.ParamKind != nil
	c := compiler{composite, cel.OptionalVariableDeclarations{HasParams: hasParams, HasAuthorizer: true}, nil}
	for _, variable := range policy.Spec.Variables {
		accessor := &validating.Variable{Name: variable.Name, Expression: variable.Expression}
		result := composite.CompileAndStoreVariable(accessor, c.variables, environment.NewExpressions)
		if result.Error != nil {
			c.failures = append(c.failures, fmt.Errorf("variable %s: %w", variable.Name, result.Error))
		}
	}
	matcher := matchconditions.NewMatcher(c.conditions(policy), policy.Spec.FailurePolicy, "policy", "validate", policy.Name)
	validator := validating.NewValidator(
		c.validations(policy), matcher, c.evaluator(nil), c.messages(policy), policy.Spec.FailurePolicy, nil,
	)
	return validator, errors.Join(c.failures...)
}

// conditions compiles the match conditions.
func (c *compiler) conditions(policy *v1.ValidatingAdmissionPolicy) cel.ConditionEvaluator {
	var accessors []cel.ExpressionAccessor
	for _, condition := range policy.Spec.MatchConditions {
		accessors = append(accessors, (*matchconditions.MatchCondition)(&condition))
	}
	return c.evaluator(accessors)
}

// validations compiles the validations.
func (c *compiler) validations(policy *v1.ValidatingAdmissionPolicy) cel.ConditionEvaluator {
	var accessors []cel.ExpressionAccessor
	for _, one := range policy.Spec.Validations {
		condition := validating.ValidationCondition{Expression: one.Expression, Message: one.Message, Reason: one.Reason}
		accessors = append(accessors, &condition)
	}
	return c.evaluator(accessors)
}

// messages compiles the message expressions, which stand at the places of their validations.
func (c *compiler) messages(policy *v1.ValidatingAdmissionPolicy) cel.ConditionEvaluator {
	accessors := make([]cel.ExpressionAccessor, len(policy.Spec.Validations))
	for i, one := range policy.Spec.Validations {
		if one.MessageExpression != "" {
			accessors[i] = &validating.MessageExpressionCondition{MessageExpression: one.MessageExpression}
		}
	}
	return c.evaluator(accessors)
}

// evaluator compiles expressions, and collects their errors.
func (c *compiler) evaluator(accessors []cel.ExpressionAccessor) cel.ConditionEvaluator {
	compiled := c.composite.CompileCondition(accessors, c.variables, environment.NewExpressions)
	c.failures = append(c.failures, compiled.CompilationErrors()...)
	return compiled
}
