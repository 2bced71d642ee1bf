package json

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"unsafe"

	"github.com/bytedance/sonic"
	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-json"
	"github.com/valyala/fastjson"

	"ekuiper-mysql/mysql/internal/payload"
)

// A road reads a message and gives each member of each row to see. The text of
// a number is its literal. name and text are valid during the call.
type road struct {
	name string
	make func() func(message []byte, see visitor) error
}

type visitor = func(name []byte, kind payload.Kind, text []byte)

var roads = []road{
	{"payload", func() func([]byte, visitor) error {
		var d payload.Decoder
		return func(message []byte, see visitor) error {
			d.Reset(message)
			for {
				row, err := d.Next()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				for i := range row.Fields {
					see(row.Fields[i].Name, row.Fields[i].Value.Kind, row.Fields[i].Value.Text)
				}
			}
		}
	}},
	{"encoding/json", throughMaps(func(message []byte, into any) error {
		d := stdjson.NewDecoder(bytes.NewReader(message))
		d.UseNumber()
		return d.Decode(into)
	})},
	{"goccy/go-json", throughMaps(func(message []byte, into any) error {
		d := goccy.NewDecoder(bytes.NewReader(message))
		d.UseNumber()
		return d.Decode(into)
	})},
	{"bytedance/sonic", throughMaps(sonic.Config{UseNumber: true, CopyString: false}.Froze().Unmarshal)},
	{"valyala/fastjson", func() func([]byte, visitor) error {
		var p fastjson.Parser
		var number []byte
		return func(message []byte, see visitor) error {
			all, err := p.ParseBytes(message)
			if err != nil {
				return err
			}
			rows, err := all.Array()
			if err != nil {
				return err
			}
			for _, row := range rows {
				object, err := row.Object()
				if err != nil {
					return err
				}
				object.Visit(func(name []byte, v *fastjson.Value) {
					switch v.Type() {
					case fastjson.TypeString:
						text, _ := v.StringBytes()
						see(name, payload.String, text)
					case fastjson.TypeNumber:
						number = v.MarshalTo(number[:0])
						see(name, payload.Number, number)
					case fastjson.TypeTrue:
						see(name, payload.Bool, words[true])
					case fastjson.TypeFalse:
						see(name, payload.Bool, words[false])
					default:
						see(name, payload.Null, nil)
					}
				})
			}
			return nil
		}
	}},
	{"go-json-experiment", func() func([]byte, visitor) error {
		d := jsontext.NewDecoder(bytes.NewReader(nil))
		in := bytes.NewReader(nil)
		var name, text []byte
		return func(message []byte, see visitor) (err error) {
			in.Reset(message)
			d.Reset(in)
			for {
				if d.PeekKind() != '{' && d.PeekKind() != '"' && d.StackDepth() < 2 {
					if _, err := d.ReadToken(); err == io.EOF {
						return nil
					} else if err != nil {
						return err
					}
					continue
				}
				if k := d.PeekKind(); k == '{' || k == '}' {
					if _, err := d.ReadToken(); err != nil {
						return err
					}
					continue
				}
				raw, err := d.ReadValue()
				if err != nil {
					return err
				}
				if name, err = jsontext.AppendUnquote(name[:0], raw); err != nil {
					return err
				}
				if raw, err = d.ReadValue(); err != nil {
					return err
				}
				switch raw.Kind() {
				case '"':
					if text, err = jsontext.AppendUnquote(text[:0], raw); err != nil {
						return err
					}
					see(name, payload.String, text)
				case '0':
					see(name, payload.Number, raw)
				case 't', 'f':
					see(name, payload.Bool, raw)
				case 'n':
					see(name, payload.Null, nil)
				}
			}
		}
	}},
}

var errKind = errors.New("a value of no kind that was sent")

// throughMaps is a road through maps, of a library that knows no other where the
// names are not known beforehand.
func throughMaps(unmarshal func([]byte, any) error) func() func([]byte, visitor) error {
	return func() func([]byte, visitor) error {
		return func(message []byte, see visitor) error {
			var rows []map[string]any
			if err := unmarshal(message, &rows); err != nil {
				return err
			}
			for _, row := range rows {
				for name, v := range row {
					switch v := v.(type) {
					case string:
						see(bytesOf(name), payload.String, bytesOf(v))
					case stdjson.Number: // goccy's and sonic's are the same type
						see(bytesOf(name), payload.Number, bytesOf(string(v)))
					case bool:
						see(bytesOf(name), payload.Bool, words[v])
					case nil:
						see(bytesOf(name), payload.Null, nil)
					default:
						return errKind
					}
				}
			}
			return nil
		}
	}
}

var words = map[bool][]byte{true: []byte("true"), false: []byte("false")}

// bytesOf spares the roads that make strings a copy.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
