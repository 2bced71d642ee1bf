package fault

import (
	"io"
	"testing"
)

// The texts are as servers sent them.
func TestColumn(t *testing.T) {
	for _, c := range []struct {
		number uint16
		text   string
		want   string
	}{
		{1048, "Column 'a' cannot be null", "a"},
		{1048, "Column 'Column b' cannot be null", "Column b"},
		{1048, "Feld 'a' darf nicht NULL sein", "a"},
		{1054, "Unknown column 'nope' in 'field list'", "nope"},
		{1054, "Unknown column 'nope' in 'INSERT INTO'", "nope"},
		{1110, "Column 'a' specified twice", "a"},
		{1143, "INSERT command denied to user 'u'@'localhost' for column 'a' in table 't'", "a"},
		{1263, "Column set to default value; NULL supplied to NOT NULL column 'a' at row 1", "a"},
		{1264, "Out of range value for column 'a' at row 3", "a"},
		{1264, "Out of range value for column 'it's' at row 1", "it's"},
		{1264, "Out of range value for column ' for column x' at row 1", " for column x"},
		{1265, "Data truncated for column 'e' at row 1", "e"},
		{1292, "Incorrect datetime value: 'x' for column 'd' at row 1", "d"},
		{1292, "Incorrect datetime value: 'x' for column `db`.`t`.`d` at row 1", "d"},
		{1292, "Truncated incorrect DOUBLE value: 'abc'", ""},
		{1364, "Field 'b' doesn't have a default value", "b"},
		{1364, "Feld 'b' hat keinen Vorgabewert (DEFAULT)", "b"},
		{1366, "Incorrect integer value: 'abc' for column 'a' at row 1", "a"},
		{1366, "Incorrect integer value: 'abc' for column `db`.`t`.`a` at row 1", "a"},
		{1366, "Incorrect integer value: ' for column 'x' at row 9' for column `d``b`.`t`.`a``.b` at row 1", "a`.b"},
		{1366, `Incorrect string value: '\xF0\x9F\x98\x80' for column 'a' at row 1`, "a"},
		{1366, "Incorrect DECIMAL value: '0' for column '' at row -1", ""},
		{1406, "Data too long for column 'v' at row 2", "v"},
		{1451, "Cannot delete or update a parent row: a foreign key constraint fails (`d`.`c`, CONSTRAINT `fk` FOREIGN KEY (`p``id`) REFERENCES `p` (`id`))", "p`id"},
		{1452, "Cannot add or update a child row: a foreign key constraint fails (`d`.`c`, CONSTRAINT `fk` FOREIGN KEY (`a`, `b`) REFERENCES `p` (`a`, `b`))", ""},
		{1906, "The value specified for generated column 'g' in table 't' has been ignored", "g"},
		{3105, "The value specified for generated column 'g' in table 't' is not allowed.", "g"},
		{3140, "Invalid JSON text: \"Invalid value.\" at position 0 in value for column 't.j'.", "j"},
		{3156, "Invalid JSON value for CAST to INTEGER from column j at row 1", "j"},
		{3643, "The SRID of the geometry does not match the SRID of the column 'p'. The SRID of the geometry is 0, but the SRID of the column is 4326. Consider changing the SRID of the geometry or the SRID property of the column.", "p"},
		{4025, "CONSTRAINT `t.j` failed for `d`.`t`", "j"},
		{4025, "CONSTRAINT `positive` failed for `d`.`t`", ""},
		{4078, "Cannot cast 'int' as 'point' in assignment of `d`.`t`.`p`", "p"},
		{1062, "Duplicate entry '1' for key 'PRIMARY'", ""},
	} {
		if got := Column(message(c.number, "HY000", c.text)); got != c.want {
			t.Errorf("%d %s: %q, want %q", c.number, c.text, got, c.want)
		}
	}
	if got := Column(io.EOF); got != "" {
		t.Errorf("an error of no server names %q", got)
	}
}

func TestDuplicateKey(t *testing.T) {
	for _, c := range []struct {
		number uint16
		text   string
		want   string
		ok     bool
	}{
		{1062, "Duplicate entry '1' for key 'PRIMARY'", "PRIMARY", true},
		{1062, "Duplicate entry '1' for key 't.PRIMARY'", "PRIMARY", true},
		{1062, "Duplicate entry 'a' for key 'x'-b' for key 'uk'", "uk", true},
		{1062, "Doppelter Eintrag '1' für Schlüssel 'uk'", "uk", true},
		{1062, "", "", true},
		{1586, "Duplicate entry '1' for key 'uk'", "uk", true},
		{1022, "Can't write; duplicate key in table 't'", "", true},
		{8147, "transaction aborted because lazy uniqueness check is enabled and an error occurred: [kernel:1062]Duplicate entry '1' for key 't.uk'", "uk", true},
		{1452, "Cannot add or update a child row", "", false},
	} {
		if got, ok := DuplicateKey(message(c.number, "23000", c.text)); got != c.want || ok != c.ok {
			t.Errorf("%d %s: %q, %v, want %q, %v", c.number, c.text, got, ok, c.want, c.ok)
		}
	}
	if _, ok := DuplicateKey(io.EOF); ok {
		t.Error("an error of no server is a duplicate key")
	}
}

func FuzzNames(f *testing.F) {
	for number := range formats {
		f.Add(number, "Column 'a' cannot be null for column `a`.`b at row 1 failed for ")
	}
	f.Add(uint16(4025), "CONSTRAINT `")
	f.Add(uint16(1452), " FOREIGN KEY (`")
	f.Add(uint16(1062), "for key ''")
	f.Fuzz(func(t *testing.T, number uint16, text string) {
		err := message(number, "HY000", text)
		if name := Column(err); len(name) > len(text) {
			t.Errorf("column %q of %q", name, text)
		}
		_, _ = DuplicateKey(err)
		Classify(err)
		Usable(err)
	})
}
