module mtls-operator.dev/pki-oracle

go 1.21
