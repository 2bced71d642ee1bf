package integration_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ekuiper-mysql/mysql/internal/schema"
)

func TestLoadUnique(t *testing.T) {
	db := open(t, "load_unique")
	for ddl, want := range map[string]string{
		"a INT": "{Keys:[] More:false Linked:false}",
		"a INT NOT NULL, b INT, c VARCHAR(9) NOT NULL, UNIQUE y (c, b), UNIQUE x (c, a), PRIMARY KEY (a, c)":   "{Keys:[{Columns:[0 2] NotNull:true} {Columns:[2 0] NotNull:true} {Columns:[2 1] NotNull:false}] More:false Linked:false}",
		"a INT PRIMARY KEY, c VARCHAR(9), UNIQUE (c(3))":                                                       "{Keys:[{Columns:[0] NotNull:true}] More:true Linked:false}",
		"a INT PRIMARY KEY, parent INT, CONSTRAINT up FOREIGN KEY (parent) REFERENCES t (a) ON DELETE CASCADE": "{Keys:[{Columns:[0] NotNull:true}] More:false Linked:true}",
	} {
		db.MustExec("DROP TABLE IF EXISTS t")
		db.MustExec("CREATE TABLE t (" + ddl + ")")
		for _, name := range []schema.Name{{Table: "t"}, {Database: "load_unique", Table: "t"}} {
			tab, err := schema.Load(context.Background(), db, name)
			if err != nil {
				t.Fatal(err)
			}
			if err := tab.LoadUnique(context.Background(), db); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%+v", tab.Unique); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", ddl, got, want)
			}
		}
	}
}

// TestKeysAreAlikeAsTheServerSays: what AppendKey tells of two values is what
// the server finds when it compares them.
func TestKeysAreAlikeAsTheServerSays(t *testing.T) {
	db := open(t, "key_likeness")
	texts := []string{`"a"`, `"A"`, `"a "`, `"b"`, `""`, `" "`, `"aa"`, `"i"`, `"j"`, `"y"`, `"v"`, `"w"`, `"u"`, `"ch"`, `"ss"`, `"-"`, `"a-"`, `"_"`, `"\t"`, `"a\t"`, `"ä"`, `"ß"`, `"温度"`, `"湿度"`, `"温度 "`, `"温度A"`, `"温度a"`, `"1"`, `"01"`}
	numbers := []string{`1`, `"1.0"`, `1e0`, `2`, `-0`, `0`, `10`, `1.50`, `1.5`}
	times := []string{`"2020-01-02"`, `"2020-01-02 00:00:00"`, `"2020-01-02T00:00:00Z"`, `"2020-01-02 00:00:00.5"`, `"2020-01-02 00:00:00.50"`}
	columns := map[string][]string{
		"DECIMAL(9,2)": numbers, "DOUBLE": numbers, "BIGINT": {`1`, `"1.0"`, `1e0`, `2`, `-0`, `0`}, "DATETIME(3)": times, "DATE": times, "TIMESTAMP(1)": times,
		"VARBINARY(9)": {`"YQ=="`, `"YSA="`, `"QQ=="`, `""`}, "ENUM('a','b','ch') COLLATE utf8mb4_general_ci": {`"a"`, `"A"`, `"b"`, `"ch"`},
	}
	for _, collation := range []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_bin", "latin1_swedish_ci", "latin1_bin", "latin1_general_cs", "ascii_general_ci", "utf8mb4_roman_ci", "utf8mb4_lithuanian_ci", "utf8mb4_swedish_ci", "utf8mb4_hungarian_ci", "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb4_unicode_nopad_ci", "utf8mb4_uca1400_ai_ci"} {
		var known int
		if err := db.Get(&known, "SELECT COUNT(*) FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE COLLATION_NAME = ?", collation); err != nil {
			t.Fatal(err)
		}
		if known > 0 {
			charset := collation[:len(collation)-len(afterCharset(collation))]
			columns["VARCHAR(9) CHARACTER SET "+charset+" COLLATE "+collation] = texts
		}
	}
	for column, values := range columns {
		t.Run(column, func(t *testing.T) {
			db.MustExec("DROP TABLE IF EXISTS t")
			db.MustExec("CREATE TABLE t (i INT PRIMARY KEY, k " + column + ")")
			tab, err := schema.Load(context.Background(), db, schema.Name{Table: "t"})
			if err != nil {
				t.Fatal(err)
			}
			var args []*schema.Argument
			for _, v := range values {
				arg, err := tab.Columns[1].Convert(value(t, v), &schema.Options{Location: time.UTC}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.Exec("INSERT INTO t VALUES (?, ?)", len(args), arg.Value()); err == nil { // not each charset has each letter
					args = append(args, &arg)
				}
			}
			type pair struct{ I, J int }
			var equal []pair
			if err := db.Select(&equal, "SELECT a.i AS i, b.i AS j FROM t a JOIN t b ON a.k = b.k"); err != nil {
				t.Fatal(err)
			}
			server := map[pair]bool{}
			for _, p := range equal {
				server[p] = true
			}
			vague := 0
			for i, a := range args {
				for j, b := range args {
					one, like1 := tab.Columns[1].AppendKey(nil, a)
					other, like2 := tab.Columns[1].AppendKey(nil, b)
					same := server[pair{i, j}]
					if like1 == schema.Vague || like2 == schema.Vague {
						vague++
						continue
					}
					if string(one) != string(other) && same || like1 == schema.Exact && like2 == schema.Exact && string(one) == string(other) && !same {
						t.Errorf("%v and %v: forms %q and %q, the server says %v", a.Value(), b.Value(), one, other, same)
					}
				}
			}
			t.Logf("%d of %d pairs are vague", vague, len(args)*len(args))
		})
	}
}

func afterCharset(collation string) string {
	for i, c := range collation {
		if c == '_' {
			return collation[i:]
		}
	}
	return ""
}
