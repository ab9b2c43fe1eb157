module mtls-operator.dev/verdicts

go 1.24
