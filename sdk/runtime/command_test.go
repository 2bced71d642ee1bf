package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestParseCommand(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want command
	}{
		{
			`{"cmd":"start","arg":"{\"symbolName\":\"s\",\"meta\":{\"ruleId\":\"r\",\"opId\":\"o\",\"instanceId\":2},\"pluginType\":\"sink\",\"config\":{\"a\":1}}"}`,
			command{verb: "start", target: identity{kindSink, "s", "r", "o", 2}, config: map[string]interface{}{"a": 1.0}},
		},
		{
			`{"cmd":"stop","arg":"{\"symbolName\":\"s\",\"meta\":{\"ruleId\":\"r\",\"opId\":\"o\"},\"pluginType\":\"source\",\"dataSource\":\"d\"}"}`,
			command{verb: "stop", target: identity{kindSource, "s", "r", "o", 0}, config: map[string]interface{}{}, source: "d"},
		},
		{
			`{"cmd":"start","arg":"{\"symbolName\":\"f\",\"meta\":{\"ruleId\":\"r\"},\"pluginType\":\"func\"}"}`,
			command{verb: "start", target: identity{kind: kindFunction, symbol: "f"}, config: map[string]interface{}{}},
		},
	} {
		if got, err := parseCommand([]byte(c.raw)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.raw, got, err)
		}
	}
}

// A rule's names are parts of sockets' names, which lead to no other folder.
func TestNamesLeadNowhere(t *testing.T) {
	for _, names := range []string{
		`\"ruleId\":\"../x\"`, `\"opId\":\"/x\"`, `\"ruleId\":\"x\\u0000\"`, `\"ruleId\":\"a\",\"opId\":\"b/../../c\"`,
	} {
		for _, kind := range []string{"sink", "source"} {
			raw := `{"cmd":"start","arg":"{\"symbolName\":\"s\",\"pluginType\":\"` + kind + `\",\"meta\":{` + names + `}}"}`
			if _, err := parseCommand([]byte(raw)); err == nil || !strings.Contains(err.Error(), "is allowed in it") {
				t.Errorf("%s: %v", raw, err)
			}
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"cmd":"start","arg":"null"}`, `{"cmd":"stop","arg":"{\"pluginType\":\"func\",\"symbolName\":\"f\"}"}`,
		`{"cmd":"start","arg":"{\"symbolName\":\"s\",\"meta\":{\"ruleId\":\"r\",\"opId\":\"o\",\"instanceId\":2},\"pluginType\":\"sink\",\"config\":{\"a\":[1,{}]}}"}`,
		`{"cmd":"start","arg":"{\"symbolName\":\"s\",\"meta\":{\"instanceId\":1e99},\"pluginType\":\"sink\"}"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCommand(raw)
		if err != nil {
			if text := reply(err); !bytes.HasPrefix(text, []byte("error: ")) || bytes.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("reply %q", text)
			}
			return
		}
		if c.config == nil || c.target.symbol == "" || (c.verb != verbStart && c.verb != verbStop) {
			t.Fatalf("%q became %+v", raw, c)
		}
		flag(c.config, "requireAck")
		resendTerms(c.config, c.target.op)
		dataSource(c)
	})
}

func FuzzCall(f *testing.F) {
	for _, seed := range []string{
		``, `{"func":"IsAggregate"}`, `{"func":"Validate","arg":[1]}`, `{"func":"Exec","arg":[1,"{}"]}`, `{"func":"Exec","arg":[1,"{\"funcId\":1e99}"]}`,
	} {
		f.Add([]byte(seed))
	}
	r := testFunction(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var o outcome
		if err := json.Unmarshal(r.answer(raw), &o); err != nil {
			t.Fatalf("the answer to %q is not JSON: %v", raw, err)
		}
	})
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "ok"},
		{errors.New("host\nis\r\ngone"), "error: host is  gone"},
		{errors.New(""), "error: "},
	} {
		if got := string(reply(c.err)); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestProperties(t *testing.T) {
	for _, c := range []struct {
		config      string
		ack, resend bool
	}{
		{`{}`, false, false},
		{`{"requireAck":true}`, true, false},
		{`{"requireack":"TRUE","resendInterval":0}`, true, false},
		{`{"requireAck":false,"REQUIREACK":true,"resendInterval":100}`, false, true},
		{`{"requireAck":1,"resendInterval":"1s"}`, false, true},
		{`{"enableCache":true,"resendInterval":"0s"}`, false, true},
		{`{"enableCache":"no"}`, false, false},
	} {
		var config map[string]interface{}
		if err := json.NewDecoder(strings.NewReader(c.config)).Decode(&config); err != nil {
			t.Fatal(err)
		}
		if ack, resend := flag(config, "requireAck"), resendTerms(config, "s_0").resends; ack != c.ack || resend != c.resend {
			t.Errorf("%s: acknowledge %t, resend %t", c.config, ack, resend)
		}
	}
}
