module github.com/lf-edge/ekuiper/sdk/go

go 1.26.0

require (
	github.com/Microsoft/go-winio v0.6.4
	go.nanomsg.org/mangos/v3 v3.4.2
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.49.0
)
