package random

import (
	"testing"
	"time"
)

// BenchmarkRow makes rows of five fields, as the configuration load does.
func BenchmarkRow(b *testing.B) {
	rows := newRows(fiveFields(b), newDraw(1, 0, time.Now))
	b.ReportAllocs()
	for b.Loop() {
		rows.next()
	}
}

// BenchmarkOpen hands the same rows to a reader in another goroutine.
func BenchmarkOpen(b *testing.B) {
	s := newSource(time.Now, fixedEntropy)
	s.settings = fiveFields(b)
	o := open(b, s, 1024)
	b.ReportAllocs()
	for b.Loop() {
		<-o.consumer
	}
}

func fiveFields(b *testing.B) *settings {
	set, err := parse(props(b, `{"rate":"max","fields":[
		{"name":"id","type":"sequence"},
		{"name":"device","type":"int","min":1,"max":10000},
		{"name":"temperature","type":"float","min":-20,"max":60,"decimals":2},
		{"name":"status","type":"choice","values":["ok","warning","failed"],"weights":[90,9,1]},
		{"name":"ts","type":"timestamp","format":"ms"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	return set
}
