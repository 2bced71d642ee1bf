// Package command is the command line that a person sees. One file holds one subcommand.
package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	plugin "ekuiper-mysql"
	"ekuiper-mysql/mysql/internal/storage"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are where a command writes.
type streams struct {
	out, err io.Writer
}

// commandLine is the whole grammar.
type commandLine struct {
	Check       checkCommand       `cmd:"" help:"Try step by step whether an action can do its work, and say what mends it."`
	Rule        ruleCommand        `cmd:"" help:"Print a rule that writes into a table, ready to be posted."`
	Status      statusCommand      `cmd:"" help:"Tell what the running plugin is doing, and what waits."`
	Journal     journalCommand     `cmd:"" help:"Look at the rows that wait on disk, deliver or remove those that no rule delivers."`
	DDL         ddlCommand         `cmd:"" name:"ddl" help:"Print the statement that makes a table for a file of rows."`
	DeadLetters deadLettersCommand `cmd:"" name:"deadletters" help:"Look at the rows that tables refused, export, replay or remove them."`
	Completion  completionCommand  `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Version     versionCommand     `cmd:"" help:"Print the version, what it was built from and what it can do."`
}

const description = `eKuiper's MySQL sink and random source, as a portable plugin.

Every command has --help with examples, and --json where it prints anything but JSON or
a script. Exit codes of all: 0 done, all is well; 1 an error, or something that needs a
person; 2 a mistake in the command line, after which nothing was done.`

const introduction = `mysql %s is a plugin of LF Edge eKuiper: the sink "mysql" writes a rule's rows
into MySQL, MariaDB, TiDB and their kin; the source "random" makes rows.
eKuiper starts this program by itself. To install the package into your eKuiper:

  curl -X POST http://127.0.0.1:9081/plugins/portables \
    -H 'Content-Type: application/json' \
    -d '{"name":"mysql","file":"file:///path/to/mysql_%s_linux_amd64.zip"}'
  curl http://127.0.0.1:9081/plugins/portables/mysql

or with eKuiper's own command line:

  kuiper create plugin portable mysql '{"file":"file:///path/to/the.zip"}'

Then give a rule the action
  {"mysql":{"url":"user:password@tcp(localhost:3306)/database","table":"test"}}
"mysql rule" prints a whole rule, and "mysql check" tells whether it can work.

`

// dataDir is the folder where the installed plugin keeps things: the one that
// it finds from its own folder, which the executable lies in.
func dataDir() (string, error) {
	return storage.Folder(os.Getenv, func() (string, error) {
		path, err := os.Executable()
		return filepath.Dir(path), err
	})
}

// Run carries out args, without the program's name, and returns the exit code.
func Run(args []string, out, err io.Writer) int {
	line := commandLine{
		Check: checkCommand{dataDir: dataDir}, Status: statusCommand{dataDir: dataDir},
		Journal: journalCommand{dataDir: dataDir}, DeadLetters: deadLettersCommand{dataDir: dataDir},
	}
	return execute(&line, args, out, err)
}

// execute is Run, of a command line that is told where things are.
func execute(line *commandLine, args []string, out, err io.Writer) int {
	code := exitOK
	exited := false
	parser, e := kong.New(line,
		kong.Name("mysql"),
		kong.Description(description),
		kong.Writers(out, err),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(c int) { code, exited = c, true }),
		kong.Bind(streams{out, err}),
	)
	if e != nil {
		fmt.Fprintf(err, "mysql: %v\n", e)
		return exitUsage
	}
	if len(args) == 0 {
		fmt.Fprintf(out, introduction, plugin.Version(), plugin.Version())
		args = []string{"--help"}
	}
	context, e := parser.Parse(args)
	if exited {
		return code
	}
	if e != nil {
		fmt.Fprintf(err, "mysql: %s\nTry: mysql --help\n", shown(e))
		return exitUsage
	}
	if e := context.Run(); e != nil {
		fmt.Fprintf(err, "mysql: %s\n", shown(e))
		return exitCode(e)
	}
	return code
}

// withPassword is what looks like the user and the password of a url.
var withPassword = regexp.MustCompile(`([^\s"'/:@]*):[^\s"'/][^\s"']*@`)

// shown is what err says, made safe for a terminal, and without a password: the
// command line, and names in files, may hold anything, as a url in a wrong place.
func shown(err error) string {
	lines := strings.Split(withPassword.ReplaceAllString(err.Error(), "$1:(hidden)@"), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// exitCode is the code that err ends the process with.
func exitCode(err error) int {
	var coder kong.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return exitFailed
}
