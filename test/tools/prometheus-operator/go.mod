// Names the version whose definitions tests use; no Go code is built.
module lockkeeper/prometheus-operator

go 1.26

require github.com/prometheus-operator/prometheus-operator v0.85.0
