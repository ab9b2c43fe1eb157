module mtls-operator.dev/probed

go 1.21
