module github.com/lf-edge/ekuiper/sdk/go

go 1.25.0
