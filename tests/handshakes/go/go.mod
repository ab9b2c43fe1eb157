module mtls-operator.dev/consumer

go 1.24
