package integration_test

import (
	"strings"

	"ekuiper-mysql/mysql/internal/fault"
)

// provocation is one error and what makes a server give it.
type provocation struct {
	name      string
	ddl       []string
	statement string
	args      []any
	want      numbers
	class     fault.Class
	column    string // that the text names
	key       string // that is doubled
}

// list is the table's definition and what precedes the statement.
func list(s ...string) []string { return s }

var provoked = []provocation{
	// A row's fault: values.
	{name: "null", ddl: list("CREATE TABLE t (a INT NOT NULL)"), statement: "INSERT INTO t VALUES (NULL)", want: same(1048), class: fault.Row, column: "a"},
	{name: "null in the second row", ddl: list("CREATE TABLE t (a INT NOT NULL)"), statement: "INSERT INTO t VALUES (1), (NULL)", want: same(1048), class: fault.Row, column: "a"},
	{name: "no default", ddl: list("CREATE TABLE t (a INT, `it's` INT NOT NULL)"), statement: "INSERT INTO t (a) VALUES (1)", want: same(1364), class: fault.Row, column: "it's"},
	{name: "out of range", ddl: list("CREATE TABLE t (a TINYINT)"), statement: "INSERT INTO t VALUES (300)", want: same(1264), class: fault.Row, column: "a"},
	{name: "decimal out of range", ddl: list("CREATE TABLE t (a DECIMAL(3,1))"), statement: "INSERT INTO t VALUES (1000)", want: same(1264), class: fault.Row, column: "a"},
	{name: "negative into unsigned", ddl: list("CREATE TABLE t (a INT UNSIGNED)"), statement: "INSERT INTO t VALUES (?)", args: []any{-1}, want: same(1264), class: fault.Row, column: "a"},
	{name: "number", ddl: list("CREATE TABLE t (a INT)"), statement: "INSERT INTO t VALUES ('abc')", want: same(1366), class: fault.Row, column: "a"},
	{name: "number with a tail", ddl: list("CREATE TABLE t (a INT)"), statement: "INSERT INTO t VALUES ('1x')", want: same(1265), class: fault.Row, column: "a"},
	{name: "decimal", ddl: list("CREATE TABLE t (a DECIMAL(5,2))"), statement: "INSERT INTO t VALUES ('abc')", want: same(1366), class: fault.Row, column: "a"},
	{name: "double", ddl: list("CREATE TABLE t (a DOUBLE)"), statement: "INSERT INTO t VALUES ('abc')", want: same(1366), class: fault.Row, column: "a"},
	{name: "enum", ddl: list("CREATE TABLE t (a ENUM('x'))"), statement: "INSERT INTO t VALUES ('y')", want: same(1265), class: fault.Row, column: "a"},
	{name: "set", ddl: list("CREATE TABLE t (a SET('x'))"), statement: "INSERT INTO t VALUES ('y')", want: same(1265), class: fault.Row, column: "a"},
	{name: "too long", ddl: list("CREATE TABLE t (a VARCHAR(2))"), statement: "INSERT INTO t VALUES ('abc')", want: same(1406), class: fault.Row, column: "a"},
	{name: "bit too long", ddl: list("CREATE TABLE t (a BIT(2))"), statement: "INSERT INTO t VALUES (9)", want: same(1406), class: fault.Row, column: "a"},
	{name: "datetime", ddl: list("CREATE TABLE t (a DATETIME)"), statement: "INSERT INTO t VALUES ('x for column y at row 1')", want: same(1292), class: fault.Row, column: "a"},
	{name: "date", ddl: list("CREATE TABLE t (a DATE)"), statement: "INSERT INTO t VALUES ('2026-02-30')", want: same(1292), class: fault.Row, column: "a"},
	{name: "time", ddl: list("CREATE TABLE t (a TIME)"), statement: "INSERT INTO t VALUES ('25 o''clock')", want: same(1292), class: fault.Row, column: "a"},
	{name: "year", ddl: list("CREATE TABLE t (a YEAR)"), statement: "INSERT INTO t VALUES (3000)", want: same(1264), class: fault.Row, column: "a"},
	{name: "hour that summer time skips", ddl: list("CREATE TABLE t (a TIMESTAMP NULL)", "SET time_zone = '+00:00'"), statement: "INSERT INTO t VALUES ('1960-01-01')", want: same(1292), class: fault.Row, column: "a"},
	{name: "characters", ddl: list("CREATE TABLE t (a VARCHAR(9) CHARACTER SET latin1)"), statement: "INSERT INTO t VALUES ('\u20ac\u65e5')", want: same(1366), class: fault.Row, column: "a"},
	{name: "four-byte character", ddl: list("CREATE TABLE t (a VARCHAR(9) CHARACTER SET utf8mb3)"), statement: "INSERT INTO t VALUES (?)", args: []any{"\U0001F600"}, want: numbers{1366, 0}, class: fault.Row, column: "a"},
	{name: "four-byte character", ddl: list("CREATE TABLE t (a VARCHAR(9) CHARACTER SET utf8mb3)"), statement: "INSERT INTO t VALUES (?)", args: []any{"\U0001F600"}, want: numbers{0, 3988}, class: fault.Row},
	{name: "not UTF-8", ddl: list("CREATE TABLE t (a VARCHAR(9) CHARACTER SET utf8mb4)"), statement: "INSERT INTO t VALUES (?)", args: []any{[]byte("\xff")}, want: same(1366), class: fault.Row, column: "a"},
	{name: "division", ddl: list("CREATE TABLE t (a INT)"), statement: "INSERT INTO t VALUES (1/0)", want: same(1365), class: fault.Row},
	{name: "expression out of range", ddl: list("CREATE TABLE t (a BIGINT UNSIGNED)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a - 5"), statement: "INSERT INTO t (a) VALUES (1)", want: same(1690), class: fault.Row},
	{name: "no JSON", ddl: list("CREATE TABLE t (j JSON)"), statement: "INSERT INTO t VALUES ('{')", want: numbers{4025, 3140}, class: fault.Row, column: "j"},
	{name: "JSON too deep", ddl: list("CREATE TABLE t (j JSON)"), statement: "INSERT INTO t VALUES (?)", args: []any{strings.Repeat("[", 200) + strings.Repeat("]", 200)}, want: numbers{0, 3157}, class: fault.Row},
	{name: "no geometry", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (?)", args: []any{"abc"}, want: same(1416), class: fault.Row},
	{name: "a number for a geometry", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (1)", want: numbers{4078, 0}, class: fault.Row, column: "p"},
	{name: "a number for a geometry", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (1)", want: numbers{0, 1416}, class: fault.Row},
	{name: "geometry's text", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('POINT(1'))", want: numbers{0, 3037}, class: fault.Row},
	{name: "line for a point", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('LINESTRING(0 0,1 1)'))", want: numbers{1366, 0}, class: fault.Row, column: "p"},
	{name: "line for a point", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('LINESTRING(0 0,1 1)'))", want: numbers{0, 1416}, class: fault.Row},
	{name: "reference system", ddl: list("CREATE TABLE t (p POINT SRID 4326)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('POINT(1 1)', 0))", want: numbers{0, 3643}, class: fault.Row, column: "p"},
	{name: "latitude", ddl: list("CREATE TABLE t (p POINT SRID 4326)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('POINT(99 1)', 4326))", want: numbers{0, 3617}, class: fault.Row},
	{name: "no such reference system", ddl: list("CREATE TABLE t (p POINT)"), statement: "INSERT INTO t VALUES (ST_GeomFromText('POINT(9 1)', 99999))", want: numbers{0, 3548}, class: fault.Row},
	{name: "vector", ddl: list("CREATE TABLE t (v VECTOR(2))"), statement: "INSERT INTO t VALUES (to_vector('[1'))", want: numbers{0, 6138}, class: fault.Row},
	{name: "network address", ddl: list("CREATE TABLE t (a INET6)"), statement: "INSERT INTO t VALUES ('x')", want: numbers{1292, 0}, class: fault.Row, column: "a"},
	{name: "uuid", ddl: list("CREATE TABLE t (a UUID)"), statement: "INSERT INTO t VALUES ('x')", want: numbers{1292, 0}, class: fault.Row, column: "a"},

	// A row's fault: keys, checks, triggers, partitions.
	{name: "primary key", ddl: list("CREATE TABLE t (a INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"), statement: "INSERT INTO t VALUES (1)", want: same(1062), class: fault.Row, key: "PRIMARY"},
	{name: "unique key", ddl: list("CREATE TABLE t (a VARCHAR(99), UNIQUE KEY `u k` (a))", "INSERT INTO t VALUES ('it''s for key ''x''')"), statement: "INSERT INTO t VALUES ('it''s for key ''x''')", want: same(1062), class: fault.Row, key: "u k"},
	{name: "no parent", ddl: list("CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE t (a INT, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id))"), statement: "INSERT INTO t VALUES (1)", want: same(1452), class: fault.Row, column: "a"},
	{name: "parent's table is gone: the text is that of a missing row", ddl: list("SET foreign_key_checks = 0", "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES absent (id))", "SET foreign_key_checks = 1"), statement: "INSERT INTO t VALUES (1)", want: same(1452), class: fault.Row, column: "a"},
	{name: "children", ddl: list("CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES p (id))", "INSERT INTO p VALUES (1)", "INSERT INTO t VALUES (1)"), statement: "DELETE FROM p", want: same(1451), class: fault.Row, column: "a"},
	{name: "check", ddl: list("CREATE TABLE t (a INT, CONSTRAINT positive CHECK (a > 0))"), statement: "INSERT INTO t VALUES (0)", want: numbers{4025, 3819}, class: fault.Row},
	{name: "check of a column", ddl: list("CREATE TABLE t (`a.b` INT CHECK (`a.b` > 0))"), statement: "INSERT INTO t VALUES (0)", want: numbers{4025, 0}, class: fault.Row, column: "a.b"},
	{name: "view's check", ddl: list("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t WHERE a > 0 WITH CHECK OPTION"), statement: "INSERT INTO v VALUES (0)", want: same(1369), class: fault.Row},
	{name: "no partition", ddl: list("CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (10))"), statement: "INSERT INTO t VALUES (10)", want: same(1526), class: fault.Row},
	{name: "another partition", ddl: list("CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (10), PARTITION q VALUES LESS THAN (20))"), statement: "INSERT INTO t PARTITION (p) VALUES (10)", want: same(1748), class: fault.Row},
	{name: "trigger's signal", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'"), statement: "INSERT INTO t VALUES (1)", want: same(1644), class: fault.Row},
	{name: "trigger's signal with a number", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'no'"), statement: "INSERT INTO t VALUES (1)", want: same(30001), class: fault.Row},
	{name: "trigger's query", ddl: list("CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "INSERT INTO u VALUES (1), (2)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = (SELECT a FROM u)"), statement: "INSERT INTO t VALUES (1)", want: same(1242), class: fault.Row},
	{name: "trigger's case", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW CASE NEW.a WHEN 9 THEN SET NEW.a = 1; END CASE"), statement: "INSERT INTO t VALUES (1)", want: same(1339), class: fault.Row},
	{name: "row too big", ddl: list("SET innodb_strict_mode = 0", "CREATE TABLE t ("+strings.Join(columns(20, "VARCHAR(768) CHARACTER SET latin1"), ", ")+") ENGINE=InnoDB ROW_FORMAT=COMPACT"), statement: "INSERT INTO t VALUES (" + strings.TrimSuffix(strings.Repeat("REPEAT('x', 768),", 20), ",") + ")", want: same(1118), class: fault.Row},

	// The table is another one.
	{name: "no column", ddl: list("CREATE TABLE t (a INT)"), statement: "INSERT INTO t (a, `b c`) VALUES (1, 2)", want: same(1054), class: fault.SchemaChanged, column: "b c"},
	{name: "column count", ddl: list("CREATE TABLE t (a INT, b INT)"), statement: "INSERT INTO t VALUES (1)", want: same(1136), class: fault.SchemaChanged},
	{name: "column twice", ddl: list("CREATE TABLE t (a INT)"), statement: "INSERT INTO t (a, a) VALUES (1, 2)", want: same(1110), class: fault.SchemaChanged, column: "a"},
	{name: "generated column", ddl: list("CREATE TABLE t (a INT, g INT AS (a) VIRTUAL)"), statement: "INSERT INTO t VALUES (1, 2)", want: numbers{1906, 3105}, class: fault.SchemaChanged, column: "g"},
	{name: "table is there", ddl: list("CREATE TABLE t (a INT)"), statement: "CREATE TABLE t (a INT)", want: same(1050), class: fault.SchemaChanged},
	{name: "column is there", ddl: list("CREATE TABLE t (a INT)"), statement: "ALTER TABLE t ADD COLUMN a INT", want: same(1060), class: fault.SchemaChanged, column: "a"},

	// Size.
	{name: "result longer than a packet", ddl: list("CREATE TABLE t (a LONGTEXT)"), statement: "INSERT INTO t SELECT REPEAT('x', @@max_allowed_packet + 1)", want: same(1301), class: fault.TooLarge},

	// A person's.
	{name: "no table", statement: "INSERT INTO absent VALUES (1)", want: same(1146), class: fault.Operator},
	{name: "no table in a trigger", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW INSERT INTO absent VALUES (1)"), statement: "INSERT INTO t VALUES (1)", want: same(1146), class: fault.Operator},
	{name: "no function in a trigger", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = no_such_function(1)"), statement: "INSERT INTO t VALUES (1)", want: same(1305), class: fault.Operator},
	{name: "trigger writes its own table", ddl: list("CREATE TABLE t (a INT)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW INSERT INTO t VALUES (1)"), statement: "INSERT INTO t VALUES (1)", want: same(1442), class: fault.Operator},
	{name: "trigger's definer is gone", ddl: list("CREATE TABLE t (a INT)", "CREATE DEFINER = absent@'%' TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1"), statement: "INSERT INTO t VALUES (1)", want: same(1449), class: fault.Operator},
	{name: "view of no table", ddl: list("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t", "DROP TABLE t"), statement: "INSERT INTO v VALUES (1)", want: same(1356), class: fault.Operator},
	{name: "view of a sum", ddl: list("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT SUM(a) AS a FROM t"), statement: "INSERT INTO v VALUES (1)", want: same(1471), class: fault.Operator},
	{name: "view of an expression", ddl: list("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a + 1 AS b FROM t"), statement: "INSERT INTO v VALUES (1)", want: numbers{1471, 1348}, class: fault.Operator},
	{name: "view of two tables", ddl: list("CREATE TABLE t (a INT)", "CREATE TABLE u (b INT)", "CREATE VIEW v AS SELECT a, b FROM t, u"), statement: "INSERT INTO v VALUES (1, 2)", want: same(1394), class: fault.Operator},
	{name: "view lacks a column", ddl: list("CREATE TABLE t (a INT, b INT NOT NULL)", "CREATE VIEW v AS SELECT a FROM t"), statement: "INSERT INTO v VALUES (1)", want: same(1423), class: fault.Operator},
	{name: "engine", statement: "CREATE TABLE t (a INT) ENGINE=absent", want: same(1286), class: fault.Operator},
	{name: "counter at its end", ddl: list("CREATE TABLE t (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO t VALUES (18446744073709551615)"), statement: "INSERT INTO t VALUES ()", want: same(1467), class: fault.Operator},
	{name: "sequence at its end", ddl: list("CREATE SEQUENCE s MINVALUE 1 MAXVALUE 2 NOCYCLE", "CREATE TABLE t (a INT, id INT DEFAULT (NEXTVAL(s)))", "INSERT INTO t (a) VALUES (1), (2)"), statement: "INSERT INTO t (a) VALUES (3)", want: numbers{4084, 0}, class: fault.Operator},
	{name: "memory table full", ddl: list("SET max_heap_table_size = 16384", "CREATE TABLE t (a CHAR(255)) ENGINE=MEMORY", "CREATE TABLE u (a INT)", "INSERT INTO u VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)"), statement: "INSERT INTO t SELECT 'x' FROM u a, u b, u c, u d", want: same(1114), class: fault.Operator},
	{name: "syntax", statement: "INSERT NOWHERE", want: same(1064), class: fault.Operator},
	{name: "no variable", statement: "SET SESSION absent = 1", want: same(1193), class: fault.Operator},
	{name: "variable's value", statement: "SET sql_mode = 'absent'", want: same(1231), class: fault.Operator},
	{name: "time zone", statement: "SET time_zone = 'Absent/Zone'", want: same(1298), class: fault.Operator},
	{name: "character set", statement: "SET NAMES absent", want: same(1115), class: fault.Operator},
	{name: "collation", statement: "SET NAMES utf8mb4 COLLATE absent", want: same(1273), class: fault.Operator},
	{name: "safe updates", ddl: list("CREATE TABLE t (a INT)", "SET sql_safe_updates = 1"), statement: "UPDATE t SET a = 1", want: same(1175), class: fault.Operator},
	{name: "key too long", statement: "CREATE TABLE t (a VARCHAR(5000) PRIMARY KEY) ENGINE=InnoDB CHARACTER SET utf8mb4", want: same(1071), class: fault.Operator},
	{name: "column too wide", statement: "CREATE TABLE t (a VARCHAR(70000) CHARACTER SET utf8mb4 NOT NULL, b CHAR(999))", want: same(1074), class: fault.Operator},
	{name: "name too long", statement: "CREATE TABLE t (" + strings.Repeat("x", 65) + " INT)", want: same(1059), class: fault.Operator},
	{name: "locked by our own LOCK TABLES", ddl: list("CREATE TABLE t (a INT)", "LOCK TABLES t READ"), statement: "INSERT INTO t VALUES (1)", want: same(1099), class: fault.Operator},
	{name: "another table under LOCK TABLES", ddl: list("CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "LOCK TABLES u WRITE"), statement: "INSERT INTO t VALUES (1)", want: same(1100), class: fault.Operator},
	{name: "no partition of that name", ddl: list("CREATE TABLE t (a INT) PARTITION BY HASH (a) PARTITIONS 2"), statement: "INSERT INTO t PARTITION (absent) VALUES (1)", want: same(1735), class: fault.Operator},

	// Passing.
	{name: "statement's time", ddl: list("CREATE TABLE t (a INT)", "SET max_statement_time = 0.05"), statement: "INSERT INTO t SELECT SLEEP(60)", want: numbers{1969, 0}, class: fault.TooSlow},
}

func columns(n int, definition string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "c" + string(rune('a'+i)) + " " + definition
	}
	return all
}
