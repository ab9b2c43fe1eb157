package main

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// request is one write, with what the API server knows when it judges it.
type request struct {
	User        string                      `json:"user"`
	Operation   admission.Operation         `json:"operation"`
	Resource    metav1.GroupVersionResource `json:"resource"`
	Subresource string                      `json:"subresource"`
	Object      *unstructured.Unstructured  `json:"object"`
	OldObject   *unstructured.Unstructured  `json:"oldObject"`
	Params      *unstructured.Unstructured  `json:"params"`
	Namespace   *corev1.Namespace           `json:"namespace"`
	// Rights are the resources, with subresources, that the user may write in the whole cluster.
	Rights []string `json:"rights"`
}

// Authorize is the authorizer of one user who has these rights.
func (r *request) Authorize(_ context.Context, asked authorizer.Attributes) (authorizer.Decision, string, error) {
	resource := asked.GetResource()
	if subresource := asked.GetSubresource(); subresource != "" {
		resource += "/" + subresource
	}
	for _, right := range r.Rights {
		if right == resource && asked.GetNamespace() == "" {
			return authorizer.DecisionAllow, "", nil
		}
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// verdict is the line about one request.
func verdict(policy validating.Validator, asked *request) string {
	var params runtime.Object
	if asked.Params != nil {
		params = asked.Params
	}
	resource := schema.GroupVersionResource(asked.Resource)
	budget := int64(celconfig.RuntimeCELCostBudget)
	result := policy.Validate(context.Background(), resource, asked.attributes(), params, asked.Namespace, budget, asked)
	if result.Decisions == nil {
		return "outside"
	}
	var denied []string
	for _, decision := range result.Decisions {
		switch decision.Evaluation {
		case validating.EvalError:
			return "failed\t" + onOneLine(decision.Message)
		case validating.EvalDeny:
			denied = append(denied, onOneLine(decision.Message))
		}
	}
	if denied == nil {
		return "admitted"
	}
	return "denied\t" + strings.Join(denied, "; ")
}

// attributes are the request in the form that the policy evaluates.
func (r *request) attributes() *admission.VersionedAttributes {
	object, kind := r.Object, schema.GroupVersionKind{}
	if object == nil {
		object = r.OldObject
	}
	kind = object.GroupVersionKind()
	resource := schema.GroupVersionResource(r.Resource)
	attributes := admission.NewAttributesRecord(
		orNil(r.Object), orNil(r.OldObject), kind, object.GetNamespace(), object.GetName(), resource,
		r.Subresource, r.Operation, nil, false, &user.DefaultInfo{Name: r.User},
	)
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedKind: kind}
	versioned.VersionedObject.Set(orNil(r.Object))
	versioned.VersionedOldObject.Set(orNil(r.OldObject))
	return versioned
}

// orNil is the object, or a nil that is equal to nil.
func orNil(object *unstructured.Unstructured) runtime.Object {
	if object == nil {
		return nil
	}
	return object
}

// onOneLine replaces line breaks by spaces.
func onOneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
