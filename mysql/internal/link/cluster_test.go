package link

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
)

// searches makes Clusters search among two hosts that all give err, and counts
// the attempts.
func searches(t *testing.T, err error) (connect func() error, attempts *int) {
	t.Helper()
	cluster, n := &Cluster{}, 0
	open := func(context.Context, *mysql.Config) (driver.Conn, error) {
		n++
		return nil, err
	}
	config := mysql.NewConfig()
	config.Timeout = time.Second
	return func() error {
		_, err := cluster.connect(t.Context(), []string{"127.0.0.1:1", "127.0.0.2:1"}, config, open, func(string, ...any) {})
		return err
	}, &n
}

// TestManyWhoWaitAskOnce: rules that find no host share what one has found.
func TestManyWhoWaitAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		connect, attempts := searches(t, refused)
		for range 5 {
			var none *NoHostError
			if err := connect(); !errors.As(err, &none) || !strings.HasPrefix(err.Error(), "no host takes rows; 127.0.0.1:1: dial") || errors.Unwrap(err) != nil {
				t.Fatal(err)
			}
		}
		if *attempts != 2 {
			t.Errorf("%d attempts, want one at each host", *attempts)
		}
		time.Sleep(memory) // synctest's clock
		if _ = connect(); *attempts != 4 {
			t.Errorf("%d attempts after a while, want 4", *attempts)
		}
	})
}

// TestDenialIsNobodyElses: another rule may have another password.
func TestDenialIsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, attempts := searches(t, &mysql.MySQLError{Number: 1045, Message: "Access denied"})
		for range 2 {
			var server *mysql.MySQLError
			if err := connect(); !errors.As(err, &server) || server.Number != 1045 {
				t.Fatal(err)
			}
		}
		if *attempts != 4 {
			t.Errorf("%d attempts, want 4", *attempts)
		}
	})
}

func TestHostThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := &Cluster{}
		config := mysql.NewConfig()
		config.Timeout = 3 * time.Second
		open := func(ctx context.Context, _ *mysql.Config) (driver.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		_, err := cluster.connect(t.Context(), []string{"127.0.0.1:1", "127.0.0.2:1"}, config, open, func(string, ...any) {})
		if err == nil || err.Error() != "no host takes rows; 127.0.0.1:1: no answer within 3s; 127.0.0.2:1: no answer within 3s" {
			t.Error(err)
		}
		if took := time.Since(start); took != config.Timeout+stagger {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCommonCause(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	denied := &mysql.MySQLError{Number: 1045}
	full := &mysql.MySQLError{Number: 1040}
	setting := &SettingError{"tlsCa", "x"}
	for _, c := range []struct {
		errs []error
		want error
	}{
		{[]error{refused, denied}, nil},
		{[]error{denied, denied}, denied},
		{[]error{refused, full}, full},
		{[]error{&unfitError{"read_only is ON"}, refused}, nil},
		{[]error{setting, setting}, setting},
	} {
		if got := commonCause(c.errs); got != c.want {
			t.Errorf("%v: %v, want %v", c.errs, got, c.want)
		}
	}
}
