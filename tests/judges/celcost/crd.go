package main

import (
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// read returns the CRD in a file in the internal form that kube-apiserver validates.
func read(path string) (*apiextensions.CustomResourceDefinition, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var written v1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &written); err != nil {
		return nil, err
	}
	var crd apiextensions.CustomResourceDefinition
	err = v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&written, &crd, nil)
	return &crd, err
}

// schemas returns every schema that has a budget of its own: the one that all versions share, or
// otherwise one for each version.
func schemas(spec *apiextensions.CustomResourceDefinitionSpec) []*apiextensions.JSONSchemaProps {
	holders := []*apiextensions.CustomResourceValidation{spec.Validation}
	for _, version := range spec.Versions {
		holders = append(holders, version.Schema)
	}
	var found []*apiextensions.JSONSchemaProps
	for _, holder := range holders {
		if holder != nil && holder.OpenAPIV3Schema != nil {
			found = append(found, holder.OpenAPIV3Schema)
		}
	}
	return found
}
