package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDDL(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rows := file("rows.json", `[{"id":1,"x":2}] {"id":2,"x":2.5,"name":"a"}`)
	action := file("action.json", `{"mysql":{"url":"user:secret@tcp(host)/db","table":"db.t","primaryKey":"id","schema":{"id":"INT UNSIGNED"},"autoEvolve":true}}`)
	chosen := file("chosen.json", `{"mysql":{"table":"m_{id}","allowedTables":"m_*"}}`)
	byFile := file("file.json", `{"mysql":{"url":"tcp(db:3306)/plant","user":"plant","passwordFile":"/elsewhere/db","table":"t"}}`)
	byVariable := file("variable.json", `{"mysql":{"url":"plant@tcp(db:3306)/plant","passwordEnv":"MYSQL_NOT_SET_HERE","table":"t"}}`)
	const plain = "CREATE TABLE IF NOT EXISTS `t` (`id` BIGINT NULL, `x` DOUBLE NULL, `name` VARCHAR(255) NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n"
	wrong := file("wrong.json", `{"mysql":{"table":"t","schema":{"id":"NONSENSE"}}}`)
	for _, c := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{[]string{rows, "--into", "test"}, 0, "CREATE TABLE IF NOT EXISTS `test` (`id` BIGINT NULL, `x` DOUBLE NULL, `name` VARCHAR(255) NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n", ""},
		{
			[]string{rows, "--props", action},
			0,
			"CREATE TABLE IF NOT EXISTS `db`.`t` (`id` INT UNSIGNED NOT NULL, `x` DOUBLE NULL, `name` VARCHAR(255) NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n", "",
		},
		{[]string{rows, "--props", byFile}, 0, plain, ""},
		{[]string{rows, "--props", byVariable}, 0, plain, ""},
		{[]string{rows}, 2, "", "the table's name is missing"},
		{[]string{rows, "--props", chosen}, 2, "", "rows choose their table; say with --into"},
		{[]string{rows, "--props", chosen, "--into", "m_5"}, 0, "CREATE TABLE IF NOT EXISTS `m_5` (`id` BIGINT NULL, `x` DOUBLE NULL, `name` VARCHAR(255) NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n", ""},
		{[]string{rows, "--props", wrong}, 2, "", `property schema: column "id": "NONSENSE"`},
		{[]string{file("broken.json", `{"a":`), "--into", "t"}, 1, "", "broken.json"},
		{[]string{file("empty.json", ``), "--into", "t"}, 1, "", "no field that a column could be made for"},
	} {
		var out, errs bytes.Buffer
		code := Run(append([]string{"ddl"}, c.args...), &out, &errs)
		if code != c.code || out.String() != c.out || !strings.Contains(errs.String(), c.err) || strings.Contains(errs.String()+out.String(), "secret") {
			t.Errorf("%q: code %d, %q, %q; want %d, %q, %q", c.args, code, &out, &errs, c.code, c.out, c.err)
		}
	}
}
