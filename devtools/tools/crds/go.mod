module coppice.dev/tools/crds

go 1.26

// No code of these is built: the cluster's CustomResourceDefinitions are read from their folders.
require (
	github.com/argoproj/argo-cd/v3 v3.2.11
	github.com/fluxcd/helm-controller v1.6.0
	github.com/fluxcd/kustomize-controller v1.9.5
	github.com/fluxcd/source-controller v1.9.0
	github.com/kedacore/keda/v2 v2.18.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.0
)
