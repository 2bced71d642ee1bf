// Package json compares libraries that read JSON at the work of the plugin's
// payload package: each member of each row as name, kind and text, numbers
// exactly as they were written. See README.md for how, and what it gave.
package json
