package runtime

import (
	gocontext "context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lf-edge/ekuiper/sdk/go/api"
	"github.com/lf-edge/ekuiper/sdk/go/connection"
	"github.com/lf-edge/ekuiper/sdk/go/context"
)

const (
	// handover is how many rows a source may be ahead of the encoder.
	handover = 128
	// gather is how many bytes of rows that are ready anyway go out in one
	// write.
	gather = 64 << 10
)

// sourceRun is a started source.
type sourceRun struct {
	p      *plugin
	log    *slog.Logger
	source api.Source
	base   *context.Stream      // labelled, never done
	cancel gocontext.CancelFunc // of the context that Open received
	out    *connection.Outlet

	rows   chan api.SourceTuple
	errs   chan error
	opened chan struct{} // closed when Open has returned
	ending chan struct{} // closed when no rows will follow
	sent   chan struct{} // closed when the sender has ended
	end    sync.Once

	// The sender's own.
	frames connection.Frames
	json   *json.Encoder
	lost   bool // the outlet has ended: take rows and drop them
	failed sparse
	panics sparse // of rows
}

// startSource makes and configures a source and opens it in the background.
func (p *plugin) startSource(c command, log *slog.Logger) (instance, error) {
	id := c.target
	newSource, ok := p.conf.Sources[id.symbol]
	if !ok {
		return nil, fmt.Errorf("no source %q in this plugin", id.symbol)
	}
	var source api.Source
	err := contain(log, "Configure", func() error {
		source = newSource()
		return source.Configure(dataSource(c), c.config)
	})
	if err != nil {
		return nil, fmt.Errorf("configure source %s: %w", id.symbol, err)
	}
	base := context.New(gocontext.Background(), p.log).Labelled(id.rule, id.op, id.instance)
	ctx, cancel := base.Cancellable()
	r := &sourceRun{
		p: p, log: log, source: source, base: base, cancel: cancel,
		out:    connection.NewOutlet(connection.DataURL(id.rule, id.op, id.instance)),
		rows:   make(chan api.SourceTuple, handover),
		errs:   make(chan error, 1),
		opened: make(chan struct{}),
		ending: make(chan struct{}),
		sent:   make(chan struct{}),
		failed: sparse{interval: p.timing.complain}, panics: sparse{interval: p.timing.complain},
	}
	strangers := &sparse{interval: p.timing.complain}
	r.out.Stranger = func(err error) { strangers.report(log, notTheHost, err) }
	r.json = json.NewEncoder(&r.frames)
	r.json.SetEscapeHTML(false)
	p.background.Go(r.send)
	p.background.Go(func() {
		defer close(r.opened)
		if err := contain(log, "Open", func() error { source.Open(ctx, r.rows, r.errs); return nil }); err != nil {
			r.errs <- err
		}
	})
	return r, nil
}

// dataSource is the stream's DATASOURCE, which 2.x hosts put among the
// properties.
func dataSource(c command) string {
	if c.source != "" {
		return c.source
	}
	text, _ := property(c.config, "datasource").(string)
	return text
}

// stop ends the source; what it has handed over is sent if the host still
// takes it.
func (r *sourceRun) stop() {
	limit := time.NewTimer(r.p.timing.sourceEnd)
	defer limit.Stop()
	r.out.Expire(time.Now().Add(r.p.timing.sourceEnd))
	r.cancel()
	// Most sources end with their context; Close frees what they then no
	// longer use.
	within(r.p.timing.openReturns, r.opened)
	closeBounded(r.p, r.log, r.base, r.source)
	select {
	case <-r.opened:
	case <-limit.C:
		r.log.Warn("Open has not returned; what it still sends is thrown away")
	}
	select {
	case <-r.opened:
		// The rows are all in the channel.
		r.end.Do(func() { close(r.ending) })
		<-r.sent
	default:
		r.out.Close()
		r.p.background.Go(func() {
			<-r.opened
			r.end.Do(func() { close(r.ending) })
		})
	}
	r.out.Close()
}

// send encodes rows and sends them, many in one write while there are many.
// It takes rows until the end even if they can no longer be sent, so that
// the source never hangs on it.
func (r *sourceRun) send() {
	defer close(r.sent)
	for {
		select {
		case t := <-r.rows:
			r.add(t)
		case err := <-r.errs:
			r.addError(err)
		case <-r.ending:
			for len(r.rows)+len(r.errs) > 0 {
				r.fill()
			}
			return
		}
		r.fill()
	}
}

// fill adds what is ready, up to one write's worth, and sends it.
func (r *sourceRun) fill() {
	for r.frames.Size() < gather {
		select {
		case t := <-r.rows:
			r.add(t)
			continue
		case err := <-r.errs:
			r.addError(err)
			continue
		default:
		}
		break
	}
	if !r.lost && r.frames.Len() > 0 {
		if err := r.out.Send(&r.frames); err != nil {
			r.lost = true
			r.log.Debug("rows left at the stop are thrown away", "error", err)
		}
	}
	r.frames.Reset()
}

// add encodes a row. One that cannot be encoded is an error of the stream.
func (r *sourceRun) add(t api.SourceTuple) {
	if r.lost {
		return
	}
	err := r.panics.contain(r.log, "the row", func() error { return r.encode(t) })
	if err != nil {
		r.addError(fmt.Errorf("encode row: %w", err))
	}
}

// wireRow is a row as the host reads it.
type wireRow struct {
	Message map[string]interface{} `json:"message"`
	Meta    map[string]interface{} `json:"meta"`
}

func (r *sourceRun) encode(t api.SourceTuple) error {
	if t == nil {
		return errors.New("the row is nil")
	}
	row := wireRow{t.Message(), t.Meta()}
	if row.Message == nil {
		row.Message = map[string]interface{}{}
	}
	r.frames.Begin()
	// The encoder writes only what it has encoded wholly.
	if err := r.json.Encode(&row); err != nil {
		r.frames.Drop()
		return err
	}
	r.frames.End(1) // the encoder's newline
	return nil
}

// addError logs an error and tells the host, in a text that is not JSON: the
// host would take JSON for a row.
func (r *sourceRun) addError(err error) {
	if err == nil {
		return
	}
	r.failed.report(r.log, "source error", err)
	if !r.lost {
		r.frames.Add([]byte("error: " + err.Error()))
	}
}
